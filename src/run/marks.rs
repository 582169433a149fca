//! Remarks on lines of the head's files: the change that was judged, and what is wrong with a policy that it brings.

use presscheck_core::gate::Side;
use presscheck_core::policy::{ModelConfig, Severity, Span};
use presscheck_core::report::Run;

use super::load::Loaded;

/// The most remarks on an edited policy.
const MOST: usize = 10;

/// A remark on one line of a file at the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The file, from the repository's root.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Whether it blocks.
    pub blocks: bool,
    /// A few words.
    pub title: String,
    /// What there is to say. It may quote the file.
    pub message: String,
}

/// The remarks on what a run judged.
#[must_use]
pub fn marks(loaded: &Loaded, run: &Run) -> Vec<Mark> {
    let mut marks = Vec::new();
    for verdict in run.verdict.subjects.iter().filter(|verdict| verdict.blocking) {
        let subject = loaded.subjects.iter().find(|subject| subject.name == verdict.name);
        let Some(subject) = subject else { continue };
        let before = subject.baseline.as_ref();
        let line = changed_line(before, &subject.candidate).line;
        let models = before.map_or_else(
            || subject.candidate.describe(),
            |before| format!("{} → {}", before.describe(), subject.candidate.describe()),
        );
        let mut failing: Vec<_> =
            verdict.checks.iter().filter(|it| it.failed.candidate > 0).collect();
        failing.sort_by_key(|check| std::cmp::Reverse(check.failed.candidate));
        let failing: Vec<String> = failing
            .iter()
            .take(3)
            .map(|check| {
                let [old, new] = Side::BOTH.map(|side| *check.failed.get(side));
                format!("{} {old} → {new}", check.check)
            })
            .collect();
        let failing = if failing.is_empty() {
            String::new()
        } else {
            format!("\nFailures by check, baseline → this change: {}.", failing.join(", "))
        };
        marks.push(Mark {
            path: loaded.policy.model.file.to_string(),
            line,
            blocks: true,
            title: format!("presscheck: {} for {}", verdict.verdict.word(), verdict.name),
            message: format!("{models}: {}{failing}", verdict.reason),
        });
    }
    let coming = loaded.coming.iter().take(MOST).map(|problem| Mark {
        path: run.policy_path.clone(),
        line: problem.span.line,
        blocks: false,
        title: match problem.severity {
            Severity::Error => "presscheck: an error in the policy that this change brings",
            Severity::Warning => "presscheck: a warning about the policy that this change brings",
        }
        .to_owned(),
        message: match &problem.help {
            Some(help) => format!("{}\n{help}", problem.message),
            None => problem.message.clone(),
        },
    });
    marks.extend(coming);
    marks.retain(|mark| mark.line > 0);
    marks
}

/// The first place in which a model differs from what it was; where it is new, its own.
fn changed_line(before: Option<&ModelConfig>, now: &ModelConfig) -> Span {
    let Some(before) = before else { return now.span };
    let steps = now.steps.iter().enumerate();
    let place = steps.filter_map(|(index, step)| {
        let Some(old) = before.steps.get(index) else { return Some(step.model.span) };
        if old.model.value != step.model.value {
            return Some(step.model.span);
        }
        if old.provider.value != step.provider.value {
            return Some(step.provider.span);
        }
        let changed =
            step.params.iter().find(|(name, value)| old.params.get(*name) != Some(*value));
        changed.and_then(|(name, _)| step.params_spans.get(name)).copied()
    });
    place.into_iter().find(|span| span.line > 0).unwrap_or(now.span)
}
