//! `presscheck check`: the checks alone, on files.

use std::path::PathBuf;

use clap::Args;
use presscheck_core::checks::Judged;
use presscheck_core::report::{self, TerminalStyle};

use super::gate::report_problem;
use super::{Exit, output};
use crate::run::{self, CheckSetting};

/// The pictures, and what they are held to.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// The pictures' files.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,

    /// Hold the pictures to what this case of the policy's prompt sets expects.
    #[arg(long, value_name = "ID", conflicts_with = "expect_text")]
    case: Option<String>,

    /// Expect this text on the pictures; once for each text.
    #[arg(long, value_name = "TEXT")]
    expect_text: Vec<String>,

    /// The policy [default: presscheck.yaml of the work tree, else every check's defaults].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Write each picture with what was found drawn on it, boxes, margins and colours, to this folder.
    #[arg(long, value_name = "DIR")]
    explain: Option<PathBuf>,

    /// The folder to work in.
    #[arg(short = 'C', long = "directory", value_name = "DIR", hide = true)]
    directory: Option<PathBuf>,
}

/// Checks, and tells.
pub(super) fn run(arguments: &CheckArgs, json: bool) -> Exit {
    let at = arguments.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    if arguments.expect_text.iter().any(|text| text.trim().is_empty()) {
        report_problem("--expect-text: the text is empty; nothing was checked", Exit::Config, json);
        return Exit::Config;
    }
    let setting = CheckSetting {
        files: &arguments.images,
        at: &at,
        policy: arguments.policy.as_deref(),
        case: arguments.case.as_deref(),
        expect_text: &arguments.expect_text,
        explain: arguments.explain.as_deref(),
        weights: &crate::weights::find,
        colour: output::colour(),
    };
    let style = TerminalStyle { colour: output::colour(), width: 80 };
    let mut images = Vec::new();
    let mut outcomes = Vec::new();
    let ended = run::check(&setting, |image| {
        output::stderr(&report::checked_text(&image, style));
        outcomes.push(image.outcome);
        if json {
            images.push(image);
        }
    });
    if let Err(rejected) = ended {
        report_problem(&rejected.0, Exit::Config, json);
        return Exit::Config;
    }
    if outcomes.len() > 1 {
        output::stderr(&format!("\n{}", report::checked_sum(&outcomes)));
    }
    if json {
        output::stdout(report::checked_json(&images).as_bytes());
    }
    if outcomes.iter().all(|outcome| *outcome == Judged::Passed) { Exit::Pass } else { Exit::Fail }
}
