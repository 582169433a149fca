//! The verdict in one line.

use super::line::Line;
use super::{Run, accepted, claim, words};
use crate::gate::{Decision, LimitOutcome, LimitResult, Stopped, SubjectVerdict, Unit, Verdict};
use crate::inert;

/// The most characters of a title: what GitHub's check runs show well.
const MAX_TITLE: usize = 250;

/// The sign before a verdict.
#[must_use]
pub(crate) const fn sign(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "✅",
        Decision::Inconclusive => "⚠️",
        Decision::Fail => "❌",
    }
}

/// The sign before the verdict on one subject: a lean has the sign of what is not shown.
#[must_use]
pub(crate) fn subject_sign(subject: &SubjectVerdict) -> &'static str {
    sign(if claim::is_unproven(subject) { Decision::Inconclusive } else { subject.verdict })
}

/// The sign before the verdict of a run: of a lean where nothing that is proven is as bad.
#[must_use]
pub(crate) fn run_sign(verdict: &Verdict) -> &'static str {
    let mut worst = verdict.subjects.iter().filter(|s| s.verdict == verdict.verdict).peekable();
    let unproven = match verdict.verdict {
        // A pass is proven only where all of it is.
        Decision::Pass => worst.any(claim::is_unproven),
        Decision::Inconclusive | Decision::Fail => {
            worst.peek().is_some() && worst.all(claim::is_unproven)
        }
    };
    sign(if unproven { Decision::Inconclusive } else { verdict.verdict })
}

/// The verdict of a run in one line of plain text, at most 250 characters; model names stand in
/// backticks.
#[must_use]
pub fn title(run: &Run) -> String {
    let line = title_line(&run.verdict).plain();
    if line.chars().count() > MAX_TITLE { inert::one_line(&line, MAX_TITLE - 1) } else { line }
}

/// The title where a run ended without a verdict, in plain text of at most 250 characters.
#[must_use]
pub fn could_not_run_title(reason: &str) -> String {
    let line = could_not_run_line(reason).plain();
    if line.chars().count() > MAX_TITLE { inert::one_line(&line, MAX_TITLE - 1) } else { line }
}

/// The title where a run ended without a verdict.
pub(crate) fn could_not_run_line(reason: &str) -> Line {
    Line::new().ours("⛔ presscheck could not run: ").foreign(reason.trim_end_matches('.'))
}

/// The verdict of a run in one line, or who accepted it.
pub(crate) fn title_line(verdict: &Verdict) -> Line {
    match &verdict.overridden {
        Some(by) => accepted::title_line(by),
        None => Line::new()
            .ours(format!("{} presscheck: ", run_sign(verdict)))
            .then(judged_line(verdict)),
    }
}

/// What the run itself says, whoever accepted it.
pub(crate) fn judged_line(verdict: &Verdict) -> Line {
    let start = Line::new();
    let Some(worst) = worst(verdict) else {
        return start.foreign(&verdict.reason);
    };
    let all = u64::try_from(verdict.subjects.len()).unwrap_or(u64::MAX);
    if all == 1 && worst.verdict == verdict.verdict {
        return start.then(subject_line(worst));
    }
    if worst.verdict != verdict.verdict {
        // Something other than a model decided: a freeze, a policy that could not be kept.
        return start.foreign(&verdict.reason);
    }
    let alike = verdict.subjects.iter().filter(|s| s.verdict == worst.verdict).count();
    let alike = u64::try_from(alike).unwrap_or(all);
    let unproven = verdict.subjects.iter().filter(|s| claim::is_unproven(s)).count();
    let unproven = match unproven {
        0 => String::new(),
        1 => ", one of them by its lean, which is not proven".to_owned(),
        more => format!(", {more} of them by their lean, which is not proven"),
    };
    let verb = match (worst.verdict, alike) {
        (Decision::Pass, _) if all == 2 => {
            return start.ours(format!("both models pass{unproven}"));
        }
        (Decision::Pass, _) => return start.ours(format!("all {all} models pass{unproven}")),
        (Decision::Inconclusive, 1) => "is undecided",
        (Decision::Inconclusive, _) => "are undecided",
        (Decision::Fail, 1) => "fails",
        (Decision::Fail, _) => "fail",
    };
    start.ours(format!("{alike} of {all} models {verb}: ")).then(subject_line(worst))
}

/// The first subject with the worst verdict, a proven one before one that only leans.
fn worst(verdict: &Verdict) -> Option<&SubjectVerdict> {
    let rank = |subject: &SubjectVerdict| (subject.verdict, !claim::is_unproven(subject));
    let mut worst: Option<&SubjectVerdict> = None;
    for subject in &verdict.subjects {
        if worst.is_none_or(|known| rank(subject) > rank(known)) {
            worst = Some(subject);
        }
    }
    worst
}

/// The verdict on one subject, beginning with its name.
pub(crate) fn subject_line(subject: &SubjectVerdict) -> Line {
    let name = Line::new().name(&subject.name);
    match subject.verdict {
        Decision::Pass => name.then(passes(subject)),
        Decision::Inconclusive => name.then(undecided(subject)),
        Decision::Fail => name.then(fails(subject)),
    }
}

/// ` passes: failure rate 12.1% → 1.9%, cost −55%`.
fn passes(subject: &SubjectVerdict) -> Line {
    let verb = match (&subject.baseline, subject.proven) {
        (_, false) => " leans to pass, which is not proven",
        (None, _) => " is new and passes",
        (Some(_), _) => " passes",
    };
    let mut facts = Vec::new();
    if let Some(limit) = first_of(subject, "failure rate") {
        facts.push(match (limit.baseline, limit.candidate) {
            (Some(before), Some(after)) => {
                format!("failure rate {} → {}", words::percent(before), words::percent(after))
            }
            (None, Some(after)) => format!("failure rate {}", words::percent(after)),
            (_, None) => String::new(),
        });
    }
    if let Some(change) = first_of(subject, "cost per 1k images").and_then(|limit| limit.change) {
        facts.push(format!("cost {}", words::relative(change)));
    }
    facts.retain(|fact| !fact.is_empty());
    let facts = if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) };
    Line::new().ours(format!("{verb}{facts}"))
}

/// The first limit on a measure over all pairs.
fn first_of<'a>(subject: &'a SubjectVerdict, measure: &str) -> Option<&'a LimitResult> {
    subject.limits.iter().find(|limit| words::measure(&limit.name) == (measure, None))
}

/// ` is undecided: …`.
fn undecided(subject: &SubjectVerdict) -> Line {
    let of = format!(
        "{} of {}",
        words::thousands(subject.pairs),
        words::count(subject.planned, "pair", "pairs")
    );
    let line = Line::new();
    let leans = match subject.lean {
        Some(Decision::Pass) => ", and leans to pass",
        Some(Decision::Fail) => ", and leans to fail",
        Some(Decision::Inconclusive) | None => "",
    };
    match subject.stopped {
        Stopped::Budget => line.ours(format!(" is undecided: the budget ended after {of}{leans}")),
        Stopped::Unavailable if let Some(gone) = &subject.baseline_gone => line
            .ours(format!(" is undecided: {}, and its stored results reach {of}", gone.sentence())),
        Stopped::Unavailable => {
            line.ours(format!(" is undecided: too many requests had no answer, after {of}"))
        }
        Stopped::Decided | Stopped::Exhausted | Stopped::Max if !leans.is_empty() => {
            line.ours(format!(" is undecided after {of}{leans}"))
        }
        Stopped::Decided | Stopped::Exhausted | Stopped::Max => {
            line.ours(" is undecided: ").foreign(&subject.reason)
        }
    }
}

/// ` would raise the failure rate from 1.9% to 6.1%`.
fn fails(subject: &SubjectVerdict) -> Line {
    if claim::is_unproven(subject) {
        let line = Line::new().ours(" leans to fail, which is not proven");
        return match claim::telling(subject, Decision::Fail) {
            Some(limit) => line.ours(": it").then(broken_limit(limit)),
            None => line,
        };
    }
    let mut broken = subject.limits.iter().filter(|l| l.outcome == LimitOutcome::Fail);
    let Some(first) = broken.next() else {
        return Line::new().ours(" fails: ").foreign(&subject.reason);
    };
    let line = broken_limit(first);
    match broken.count() {
        0 => line,
        1 => line.ours(", and breaks one more limit"),
        more => line.ours(format!(", and breaks {more} more limits")),
    }
}

/// The measure of the limit on prompts that fail on every repeat.
const ALWAYS_FAIL: &str = "prompts that always fail";

/// What a broken limit means.
fn broken_limit(limit: &LimitResult) -> Line {
    let (measure, tag) = words::measure(&limit.name);
    let of_tag = |line: Line| match tag {
        Some(tag) => line.ours(" of ").name(tag),
        None => line,
    };
    let after = words::value(limit.unit, limit.candidate);
    let allowed = words::allowed(limit);
    let line = Line::new();
    if words::is_increase(&limit.name) {
        let before = words::value(limit.unit, limit.baseline);
        let the = if measure.starts_with("latency") { "" } else { "the " };
        let line = of_tag(line.ours(format!(" would raise {the}{measure}")));
        return match (limit.unit, limit.change) {
            (Unit::Rate, _) | (_, None) => line.ours(format!(" from {before} to {after}")),
            (_, Some(change)) => {
                line.ours(format!(" from {before} to {after} ({})", words::relative(change)))
            }
        };
    }
    match measure {
        ALWAYS_FAIL => line.ours(match limit.candidate {
            Some(1.0) => " has a prompt that fails on every repeat".to_owned(),
            _ => format!(" has {after} prompts that fail on every repeat"),
        }),
        "unavailable" => line.ours(format!(
            " leaves {after} of requests without an answer, over the limit of {allowed}"
        )),
        "cost per 1k images" => {
            line.ours(format!(" costs {after} per 1k images, over the limit of {allowed}"))
        }
        "failure rate" => match tag {
            Some(tag) => line.ours(format!(" fails {after} of ")).name(tag).ours(" prompts"),
            None => line.ours(format!(" fails {after} of prompts")),
        }
        .ours(format!(", over the limit of {allowed}")),
        _ => of_tag(line.ours(format!(" has a {measure}")))
            .ours(format!(" of {after}, over the limit of {allowed}")),
    }
}
