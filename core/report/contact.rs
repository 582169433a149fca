//! The contact sheet in words, for a page that can show no picture: the worst pairs, each with its prompt, what became
//! of it on both sides, what was measured, and where its pictures lie.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::evidence::{self, Pair};
use super::line::code;
use super::{Run, SampleLine, Subject, summary, words};
use crate::checks::{Finding, is_withheld};
use crate::gate::{Failure, Side};
use crate::inert;

/// The most pairs.
const MOST: usize = 6;
/// The most characters of a prompt.
const MAX_PROMPT: usize = 300;
/// The most findings of a picture that are told.
const MAX_FINDINGS: usize = 3;
/// The most values of a finding that are told.
const MAX_VALUES: usize = 5;
/// The most characters of a value.
const MAX_VALUE: usize = 80;

/// The verdict of a run for the page of a job, of at most `max_bytes` bytes: the summary, and below it the worst pairs in
/// words, folded, where there is room for them.
#[must_use]
pub fn job_summary(run: &Run, max_bytes: usize) -> String {
    let sheet = sheet(run);
    // The sheet is small where limits are those of a page; the verdict is never cut for it.
    let whole = summary(run, max_bytes);
    if sheet.is_empty() || whole.len() + sheet.len() + 1 > max_bytes {
        return whole;
    }
    format!("{whole}\n{sheet}")
}

fn sheet(run: &Run) -> String {
    let lists: Vec<Vec<String>> = run
        .verdict
        .subjects
        .iter()
        .zip(&run.subjects)
        .map(|(verdict, subject)| {
            let pairs = evidence::pairs(subject);
            let pairs: BTreeMap<_, _> =
                pairs.iter().map(|pair| ((pair.case, pair.repeat), pair)).collect();
            let failures = verdict.failures.iter().filter(|it| it.side == Side::Candidate);
            let of =
                |failure: &Failure| pairs.get(&(failure.case.as_str(), failure.repeat)).copied();
            failures.filter_map(of).take(MOST).map(|pair| entry(subject, pair)).collect()
        })
        .collect();
    // From each subject in turn.
    let turns = lists.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..turns).flat_map(|turn| lists.iter().filter_map(move |list| list.get(turn)));
    let entries: Vec<&str> = in_turn.take(MOST).map(String::as_str).collect();
    if entries.is_empty() {
        return String::new();
    }
    let count = words::count(entries.len() as u64, "pair", "pairs");
    format!(
        "<details><summary>The worst {count} in words, for this page shows no picture</summary>\n\n{}\n\
         Pictures are named as they lie beside `report.html`, which shows them all; where the job keeps that page, it is among the \
         artifacts of the run.\n\n</details>\n",
        entries.concat()
    )
}

/// A pair: its name, its prompt, and a line for each side.
fn entry(subject: &Subject, pair: &Pair<'_>) -> String {
    let mut text = format!("**{}**", code(&pair.name()));
    if let Some(prompt) = subject.prompts.get(pair.case) {
        let _ = write!(text, ": {}", inert::markdown(&prompt.prompt, MAX_PROMPT));
    }
    text.push_str("\n\n");
    for (label, sample) in [("baseline", pair.baseline), ("this change", pair.candidate)] {
        if let Some(sample) = sample {
            let _ = writeln!(text, "- {label}: {}", side(sample));
        }
    }
    text.push('\n');
    text
}

/// What became of one side, what was measured, and where its picture lies.
fn side(sample: &SampleLine) -> String {
    let mut text = sample.outcome.word().to_owned();
    let findings: Vec<&Finding> = evidence::objections(sample).collect();
    if findings.is_empty() && sample.failure {
        text = evidence::why(sample).markdown();
    }
    for finding in findings.iter().take(MAX_FINDINGS) {
        let said = inert::markdown(&finding.message, 200);
        let _ = write!(text, "; {}: {said}{}", code(&finding.check), measured(finding));
    }
    if let Some(more @ 1..) = findings.len().checked_sub(MAX_FINDINGS) {
        let _ = write!(text, "; and {more} more");
    }
    match &sample.image {
        Some(_) if is_withheld(&sample.findings) => text.push_str("; its picture is withheld"),
        Some(path) => {
            let _ = write!(text, "; {}", inert::markdown_code(path));
        }
        None => {}
    }
    text
}

/// What a finding measured, as ` (distance: 2, reads: GRAND OPFNING)`.
fn measured(finding: &Finding) -> String {
    let values: Vec<String> = finding
        .measured
        .iter()
        .take(MAX_VALUES)
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let value = inert::markdown_code(&inert::one_line(&value, MAX_VALUE));
            format!("{} {value}", inert::markdown(name, MAX_VALUE))
        })
        .collect();
    if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, HOSTILE};
    use super::*;
    use crate::checks::CheckResult;

    #[test]
    fn the_worst_pairs_are_told_with_what_was_measured_and_where_they_lie() {
        let mut run = fixtures::fail();
        let worst = run.verdict.subjects[0].failures[0].case.clone();
        let samples = run.subjects[0].samples.iter_mut();
        for sample in samples.filter(|it| it.case == worst && it.side == Side::Candidate) {
            for finding in &mut sample.findings {
                *finding =
                    finding.clone().measured("distance", 2).measured("reads", "GRAND OPFNING");
            }
        }
        let text = job_summary(&run, 60_000);
        let whole = summary(&run, 60_000);
        let sheet = text.strip_prefix(&whole).unwrap();
        assert_eq!(sheet.matches("- this change: ").count(), MOST);
        assert_eq!(sheet.matches("<details>").count(), sheet.matches("</details>").count());
        let first = sheet.split("\n\n**").nth(1).unwrap();
        for words in [
            &format!("{worst}`**: "),
            "- baseline: passed; `images/",
            "distance `2`",
            "reads `GRAND OPFNING`",
            "`text`: asked",
            "; `images/",
        ] {
            assert!(first.contains(words), "{words}: {first}");
        }
        // A page with no room for it has the verdict alone, and so has a run in which nothing failed.
        assert_eq!(job_summary(&run, whole.len() + 100), whole);
        let pass = fixtures::unchanged();
        assert_eq!(job_summary(&pass, 60_000), summary(&pass, 60_000));
    }

    #[test]
    fn nothing_in_it_is_active_and_withheld_pictures_are_not_named() {
        let mut run = fixtures::fail();
        for sample in &mut run.subjects[0].samples {
            for finding in &mut sample.findings {
                finding.message = HOSTILE.to_owned();
                *finding = finding.clone().measured(HOSTILE, HOSTILE);
            }
            sample.image = Some(HOSTILE.to_owned());
        }
        for prompt in run.subjects[0].prompts.values_mut() {
            prompt.prompt = HOSTILE.to_owned();
        }
        let told = sheet(&run);
        for live in ["<script", "<img", "<!--", "![", "\n::", "\u{202e}"] {
            assert!(!told.contains(live), "{live}: {told}");
        }
        assert_eq!(told.matches("</details>").count(), 1);
        for sample in &mut run.subjects[0].samples {
            sample.findings.push(Finding::new("safety", CheckResult::Fail, "no"));
            sample.image = Some("images/secret.png".to_owned());
        }
        let told = sheet(&run);
        assert!(told.contains("its picture is withheld") && !told.contains("images/secret"));
    }
}
