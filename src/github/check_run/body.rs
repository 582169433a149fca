//! The bodies that go to the checks API and come from it, within GitHub's limits.

use presscheck_core::inert::{markdown_fence, one_line};
use serde::{Deserialize, Serialize};

use super::{Annotation, Conclusion, Level, Output};
use crate::github::accept::NO_VERDICT;
use crate::github::fit::fit;

/// The most bytes of a summary or text. The documentation says characters; the service counts bytes
/// (<https://github.com/github/rest-api-description/issues/5399>).
const MAX_OUTPUT: usize = 65_535;
/// The most characters of a title.
const MAX_TITLE: usize = 250;
/// The most bytes of an annotation's message (GitHub: 64 KB).
const MAX_MESSAGE: usize = 60_000;

/// The most characters of a line of a reason.
const MAX_LINE: usize = 400;
/// The most bytes of a reason.
const MAX_REASON: usize = 8_000;

#[derive(Serialize)]
pub(super) struct Create<'a> {
    pub(super) name: &'a str,
    pub(super) head_sha: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details_url: Option<&'a str>,
    pub(super) external_id: &'a str,
    pub(super) status: &'static str,
    pub(super) started_at: &'a str,
    pub(super) output: OutputBody,
}

#[derive(Default, Serialize)]
pub(super) struct Update {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conclusion: Option<Conclusion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<OutputBody>,
}

#[derive(Clone, Serialize)]
pub(super) struct OutputBody {
    pub(super) title: String,
    pub(super) summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<AnnotationBody>,
}

#[derive(Clone, Serialize)]
pub(super) struct AnnotationBody {
    pub(super) path: String,
    pub(super) start_line: u64,
    pub(super) end_line: u64,
    pub(super) annotation_level: Level,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct Run {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) external_id: Option<String>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) app: Option<App>,
}

#[derive(Deserialize)]
pub(super) struct App {
    #[serde(default)]
    pub(super) slug: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Runs {
    pub(super) check_runs: Vec<Run>,
}

pub(super) fn closing(conclusion: Conclusion, output: Option<OutputBody>, at: String) -> Update {
    Update {
        status: Some("completed"),
        conclusion: Some(conclusion),
        completed_at: Some(at),
        output,
    }
}

/// Closes without a verdict. The reason may quote a file of the head, so it stands in a fence that it can't end.
pub(super) fn abandoned(reason: &str) -> Update {
    let reason = reason.trim();
    let first = reason.lines().next().unwrap_or_default();
    let lines: Vec<String> = reason.lines().map(|line| one_line(line, MAX_LINE)).collect();
    let mut quoted = lines.join("\n");
    quoted.truncate(quoted.floor_char_boundary(MAX_REASON));
    let output = Output {
        title: format!("{NO_VERDICT}{}", one_line(first, 200)),
        summary: format!(
            "The run ended before a verdict:\n\n{}\nNothing is proven, so the merge is blocked. Run the job again: it \
             continues where it stopped, and pays for no answer twice.",
            markdown_fence(&quoted)
        ),
        ..Output::default()
    };
    closing(Conclusion::Failure, Some(head(&output)), now())
}

/// Title, summary and text within their sizes; no annotations.
pub(super) fn head(output: &Output) -> OutputBody {
    let note = "*Cut to GitHub's size limit. All of it is in the job's summary and reports.*";
    OutputBody {
        title: one_line(&output.title, MAX_TITLE),
        summary: fit(&output.summary, MAX_OUTPUT, note),
        text: output.text.as_ref().map(|text| fit(text, MAX_OUTPUT, note)),
        annotations: Vec::new(),
    }
}

pub(super) fn batch(annotations: Option<&[Annotation]>) -> Vec<AnnotationBody> {
    let bodies = annotations.unwrap_or_default().iter().map(|annotation| {
        let start_line = annotation.start_line.max(1);
        AnnotationBody {
            path: annotation.path.clone(),
            start_line,
            end_line: annotation.end_line.max(start_line),
            annotation_level: annotation.level,
            title: annotation.title.as_ref().map(|title| one_line(title, MAX_TITLE)),
            message: fit(&annotation.message, MAX_MESSAGE, "(cut)"),
        }
    });
    bodies.collect()
}

/// The time as GitHub writes it: `2026-11-23T06:28:54Z`.
pub(super) fn now() -> String {
    at(jiff::Timestamp::now())
}

/// A time as GitHub writes it.
pub(super) fn at(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_always_has_lines_in_order() {
        let annotation = Annotation {
            path: "presscheck.yaml".to_owned(),
            start_line: 0,
            end_line: 0,
            level: Level::Failure,
            title: Some("x".repeat(300)),
            message: "m".to_owned(),
        };
        let bodies = batch(Some(&[annotation]));
        let body = bodies.first().unwrap();
        assert_eq!((body.start_line, body.end_line), (1, 1));
        assert!(body.title.as_ref().unwrap().chars().count() <= 251);
    }

    #[test]
    fn a_run_given_up_says_why_and_lets_the_reason_do_nothing() {
        let reason = "presscheck.yaml has 2 problems\n  ```` @org/team <!-- x -->\u{202e}\n  ![x](https://t)";
        let update = serde_json::to_value(abandoned(reason)).unwrap();
        assert_eq!(update["conclusion"], "failure");
        assert_eq!(update["output"]["title"], "No verdict: presscheck.yaml has 2 problems");
        // The joiner that breaks a comment's start is made visible here.
        let summary = update["output"]["summary"].as_str().unwrap().replace('\u{2060}', "~");
        insta::assert_snapshot!(summary, @r"
        The run ended before a verdict:

        `````text
        presscheck.yaml has 2 problems
          ```` @org/team <!~-- x --> 
          ![x](https://t)
        `````

        Nothing is proven, so the merge is blocked. Run the job again: it continues where it stopped, and pays for no answer twice.
        ");
        let long = serde_json::to_value(abandoned(&"é`\n".repeat(90_000))).unwrap();
        let summary = long["output"]["summary"].as_str().unwrap();
        assert!(summary.len() < 10_000 && summary.contains("\n```\n\nNothing is proven"));
    }
}
