//! `presscheck measure`: how often the check `text` is wrong, on pictures of which the truth is known.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand};
use presscheck_core::checks::{
    self, Check, CheckResult, DecodeLimits, Finding, Resources, Scene, decode,
};
use presscheck_core::policy::ConfiguredCheck;
use presscheck_core::prompts::{Case, Expected};
use serde_json::json;

use super::{Exit, output};
use crate::measure::draw::{Kind, Order, draw};
use crate::measure::{Answer, Tally, Truth, measure, table};
use crate::run;

/// The check that is measured.
const CHECK: &str = "text";

/// Where distributions keep their fonts.
const SYSTEM_FONTS: [&str; 2] = ["/usr/share/fonts", "/Library/Fonts"];

/// What to measure, or to draw for it.
#[derive(Args, Debug)]
pub(super) struct MeasureArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the check `text` on every string of a folder's truth.json, and count how often it is wrong.
    Text {
        /// The folder with the pictures and truth.json: a list of {"file", "expect", "drawn": "correct" or "misdrawn",
        /// and, where known, "kind", "script"}.
        folder: PathBuf,
        /// The policy whose settings of the check are taken; its defaults without one.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// How many pictures are looked at at the same time.
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
        threads: u8,
    },
    /// Draw pictures with text, half of them with one thing wrong, and their truth.json.
    Draw {
        /// The folder that they go into.
        folder: PathBuf,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        pictures: u32,
        /// What they follow from, besides the fonts.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// A folder of fonts, besides those that the program carries [default: the system's].
        #[arg(long, value_name = "DIR")]
        fonts: Option<PathBuf>,
        /// What may be wrong [default: all but case and accent].
        #[arg(long, value_delimiter = ',', value_name = "KIND,…")]
        kinds: Vec<Kind>,
    },
}

/// Measures, or draws.
pub(super) fn run(arguments: &MeasureArgs, json: bool) -> Exit {
    let ended = match &arguments.what {
        What::Text { folder, policy, threads } => {
            text(folder, policy.as_deref(), usize::from(*threads), json)
        }
        What::Draw { folder, pictures, seed, fonts, kinds } => {
            let system = || SYSTEM_FONTS.iter().map(PathBuf::from).find(|folder| folder.is_dir());
            let order = Order {
                folder: folder.clone(),
                pictures: *pictures,
                seed: *seed,
                fonts: fonts.clone().or_else(system),
                kinds: if kinds.is_empty() { Kind::USUAL.to_vec() } else { kinds.clone() },
            };
            drawn(&order, json)
        }
    };
    match ended {
        Ok(()) => Exit::Pass,
        Err(why) => {
            output::error(&why);
            Exit::Config
        }
    }
}

fn drawn(order: &Order, json: bool) -> Result<(), String> {
    let told = |number: u32| {
        if output::is_terminal() {
            output::raw(&format!("\r{number} of {}", order.pictures));
        }
    };
    let drawing = draw(order, &told).map_err(|error| error.to_string())?;
    let entries = drawing.truth.entries.len();
    output::stderr(&format!(
        "\r{entries} pictures in {}, drawn with {} fonts.\nTo measure: presscheck measure text {0}\n",
        order.folder.display(),
        drawing.fonts
    ));
    if json {
        let document = json!({"schema": 1, "folder": order.folder, "pictures": entries, "fonts": drawing.fonts});
        output::stdout(format!("{document}\n").as_bytes());
    }
    Ok(())
}

fn text(folder: &Path, policy: Option<&Path>, threads: usize, json: bool) -> Result<(), String> {
    let truth = Truth::read(folder).map_err(|error| error.to_string())?;
    let configured = configured(policy)?;
    let check = open(&configured)?;
    let limits = checks::decode_limits(&configured);
    let eye = |path: &Path, strings: &[&str]| look(path, strings, check.as_ref(), &limits);
    let told = |done: usize, all: usize| {
        if output::is_terminal() {
            output::raw(&format!("\r{done} of {all} pictures"));
        }
    };
    let began = Instant::now();
    let measured = measure(&truth, &eye, threads, &told);
    let took = began.elapsed();
    let tally = Tally::of(&measured);
    if output::is_terminal() {
        output::raw("\r");
    }
    let shown = table(CHECK, folder, &tally, &measured, took);
    if json {
        output::stderr(&shown);
        let entries: Vec<_> = measured
            .iter()
            .map(|one| {
                let mut entry = serde_json::to_value(&one.entry).unwrap_or_default();
                if let Some(entry) = entry.as_object_mut() {
                    entry.insert("result".to_owned(), json!(one.answer.result));
                    entry.insert("message".to_owned(), json!(one.answer.message));
                }
                entry
            })
            .collect();
        let document = json!({"schema": 1, "check": CHECK, "folder": folder, "seconds": took.as_secs_f64(),
            "threads": threads, "tally": tally, "entries": entries});
        output::stdout(format!("{document}\n").as_bytes());
    } else {
        output::stdout(shown.as_bytes());
    }
    Ok(())
}

/// The checks of a policy; or the measured one with its defaults.
fn configured(path: Option<&Path>) -> Result<Vec<ConfiguredCheck>, String> {
    let Some(path) = path else { return Ok(run::default_checks(|check| check.name == CHECK)) };
    let policy = run::policy_file(path, path, "nothing was measured", output::colour())
        .map_err(|rejected| rejected.0)?;
    policy
        .map(|policy| policy.checks)
        .ok_or_else(|| format!("there is no policy {}; nothing was measured", path.display()))
}

/// The measured check, with its weights.
fn open(configured: &[ConfiguredCheck]) -> Result<Box<dyn Check>, String> {
    let own: Vec<ConfiguredCheck> =
        configured.iter().filter(|check| check.name == CHECK).cloned().collect();
    let mut resources = Resources::default();
    for file in checks::needs(&own).models {
        // Without them every string would be skipped, and nothing measured.
        let bytes = crate::weights::find(&file)?;
        resources.add_model(&file, Ok(bytes));
    }
    let opened = checks::open_all(&own, &resources).map_err(|problems| problems.join("; "))?;
    let check = opened.into_iter().find(|check| check.name() == CHECK);
    check.ok_or_else(|| format!("the policy switches the check `{CHECK}` off"))
}

/// Looks at a picture once for each string.
fn look(path: &Path, strings: &[&str], check: &dyn Check, limits: &DecodeLimits) -> Vec<Answer> {
    let all =
        |result: CheckResult, message: String| vec![Answer { result, message }; strings.len()];
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        // No answer of the check, good or bad.
        Err(error) => return all(CheckResult::Skipped, format!("can't be read: {error}")),
    };
    let picture = match decode(&bytes, None, limits) {
        Ok(picture) => picture,
        Err(broken) => {
            let message = format!("no usable picture: {}", broken.message);
            return all(CheckResult::Fail, message);
        }
    };
    strings.iter().map(|text| answer(&check.inspect(&picture, &Scene::of(&case(text))))).collect()
}

/// A case that expects a text.
fn case(text: &str) -> Case {
    let mut expect = Expected::new();
    expect.insert("text", json!([text]));
    Case {
        id: "measured".to_owned(),
        prompt: String::new(),
        tags: Vec::new(),
        expect,
        image: None,
        mask: None,
        locale: None,
    }
}

/// The worst of some findings: one that failed, one that is unsure, one that could not judge.
fn answer(findings: &[Finding]) -> Answer {
    let order = [CheckResult::Fail, CheckResult::Unsure, CheckResult::Skipped, CheckResult::Pass];
    let worst =
        order.iter().find_map(|result| findings.iter().find(|finding| finding.result == *result));
    match worst {
        Some(finding) => Answer { result: finding.result, message: finding.message.clone() },
        None => {
            Answer { result: CheckResult::Skipped, message: "the check said nothing".to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use presscheck_core::checks::Picture;

    use super::*;

    #[test]
    fn one_bad_finding_is_enough_and_silence_is_no_pass() {
        use CheckResult::{Fail, Pass, Skipped, Unsure};
        let of = |results: &[CheckResult]| {
            let findings: Vec<_> =
                results.iter().map(|result| Finding::new(CHECK, *result, "said")).collect();
            answer(&findings).result
        };
        assert_eq!(of(&[Pass, Unsure, Fail]), Fail);
        assert_eq!(of(&[Pass, Skipped, Unsure]), Unsure);
        assert_eq!(of(&[Pass, Skipped]), Skipped);
        assert_eq!(of(&[Pass, Pass]), Pass);
        assert_eq!(of(&[]), Skipped);
    }

    #[test]
    fn a_file_that_is_no_picture_fails_every_string_and_one_that_is_not_there_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, b"<html>").unwrap();
        struct Never;
        impl Check for Never {
            fn name(&self) -> &'static str {
                CHECK
            }
            fn inspect(&self, _: &Picture, _: &Scene<'_>) -> Vec<Finding> {
                panic!("there is no picture");
            }
        }
        let nowhere = Path::new("/nowhere.png");
        for (path, result) in [(path.as_path(), CheckResult::Fail), (nowhere, CheckResult::Skipped)]
        {
            let said = look(path, &["A", "B"], &Never, &DecodeLimits::default());
            assert_eq!(said.len(), 2);
            assert!(said.iter().all(|answer| answer.result == result), "{said:?}");
        }
    }
}
