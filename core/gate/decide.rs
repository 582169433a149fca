//! From limits to a verdict, and the sentence that says why.

use super::compose::compose;
use super::evidence::Pair;
use super::limits::Planned;
use super::trial::Trial;
use super::{Decision, LimitOutcome, LimitResult, Stopped, Unit};
use crate::policy::OnInconclusive;

/// What the gate says of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// The verdict.
    pub decision: Decision,
    /// Whether it blocks the merge.
    pub blocking: bool,
    /// False where the verdict follows a lean.
    pub proven: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// Which way the figures lean, where nothing is proven.
    pub lean: Option<Decision>,
    /// How many pairs would probably decide, where nothing is proven.
    pub pairs_to_decide: Option<u64>,
    /// Every limit.
    pub limits: Vec<LimitResult>,
}

/// Judges the completed prefix of a draw: `pairs` are those that the trial was given, in the drawn order.
///
/// Broken availability comes before everything: a sample with holes in it proves nothing, neither for nor
/// against.
#[must_use]
pub fn rule(
    trial: &Trial,
    on_inconclusive: OnInconclusive,
    pairs: &[Pair],
    stopped: Stopped,
) -> Ruling {
    let limits = trial.outcomes(pairs);
    let planned = trial.planned();
    let outage = limits
        .iter()
        .any(|limit| limit.name == UNAVAILABLE && limit.outcome == LimitOutcome::Inconclusive);
    let judged = limits
        .iter()
        .any(|limit| limit.name != UNAVAILABLE && limit.outcome != LimitOutcome::Skipped);
    let decision = if outage || !judged {
        Decision::Inconclusive
    } else {
        compose(limits.iter().filter_map(|limit| match limit.outcome {
            LimitOutcome::Pass => Some(Decision::Pass),
            LimitOutcome::Fail => Some(Decision::Fail),
            LimitOutcome::Inconclusive => Some(Decision::Inconclusive),
            LimitOutcome::Skipped => None,
        }))
    };
    let reason = match decision {
        Decision::Pass => pass_reason(&limits),
        Decision::Fail => fail_reason(&limits),
        Decision::Inconclusive => {
            inconclusive_reason(&limits, pairs.len(), planned, stopped, outage, judged)
        }
    };
    let needed = if decision == Decision::Inconclusive && judged {
        trial.pairs_to_decide(&limits, pairs)
    } else {
        None
    };
    Ruling { pairs_to_decide: needed, ..settle(decision, on_inconclusive, reason, &limits) }
}

const UNAVAILABLE: &str = "unavailable.max";

/// Applies the policy's word on inconclusive verdicts.
fn settle(
    decision: Decision,
    on_inconclusive: OnInconclusive,
    reason: String,
    limits: &[LimitResult],
) -> Ruling {
    let proven = decision != Decision::Inconclusive;
    let ruling = |decision, blocking, reason, lean| Ruling {
        decision,
        blocking,
        proven,
        reason,
        lean,
        pairs_to_decide: None,
        limits: limits.to_vec(),
    };
    if proven {
        return ruling(decision, decision == Decision::Fail, reason, None);
    }
    let lean = lean(limits);
    match on_inconclusive {
        OnInconclusive::Fail => ruling(decision, true, reason, Some(lean)),
        OnInconclusive::Pass => {
            let reason = format!("{reason} The policy lets inconclusive verdicts pass.");
            ruling(decision, false, reason, Some(lean))
        }
        OnInconclusive::Lean => {
            let reason =
                format!("{reason} The figures lean to {}; this is not proven.", lean.word());
            ruling(lean, lean == Decision::Fail, reason, Some(lean))
        }
    }
}

/// Which way the figures lean: a fail where any estimate lies over its limit, or where there is none.
#[must_use]
pub fn lean(limits: &[LimitResult]) -> Decision {
    let mut seen = false;
    for limit in limits.iter().filter(|limit| limit.name != UNAVAILABLE) {
        let value =
            if limit.name.ends_with("max_increase") { limit.change } else { limit.candidate };
        if let Some(value) = value {
            seen = true;
            if value > limit.limit || limit.outcome == LimitOutcome::Fail {
                return Decision::Fail;
            }
        }
    }
    if seen { Decision::Pass } else { Decision::Fail }
}

fn pass_reason(limits: &[LimitResult]) -> String {
    let rate = limits.iter().find(|limit| limit.name.starts_with("failure_rate."));
    match rate.and_then(|limit| Some((limit.baseline, limit.candidate?))) {
        Some((Some(baseline), candidate)) => format!(
            "Every limit is kept: the failure rate goes from {} to {}.",
            percent(baseline),
            percent(candidate)
        ),
        Some((None, candidate)) => {
            format!("Every limit is kept: {} of the new model's images fail.", percent(candidate))
        }
        None => "Every limit is kept.".to_owned(),
    }
}

fn fail_reason(limits: &[LimitResult]) -> String {
    let broken: Vec<_> =
        limits.iter().filter(|limit| limit.outcome == LimitOutcome::Fail).collect();
    let Some(first) = broken.first() else { return "A limit is broken.".to_owned() };
    let more = match broken.len() {
        1 => String::new(),
        2 => " One more limit is broken.".to_owned(),
        n => format!(" {} more limits are broken.", n - 1),
    };
    format!("{}{more}", broken_sentence(first))
}

/// What a broken limit means, in one sentence.
fn broken_sentence(limit: &LimitResult) -> String {
    let what = match limit.name.split('.').collect::<Vec<_>>().as_slice() {
        ["by_tag", tag, ..] => format!("failure rate of `{}`", crate::inert::one_line(tag, 60)),
        ["failure_rate", ..] => "failure rate".to_owned(),
        ["cost_per_1k", ..] => "cost per 1k images".to_owned(),
        ["latency_p95", ..] => "95th percentile of the latency".to_owned(),
        ["always_fail"] => return always_fails(limit),
        _ => limit.name.clone(),
    };
    let value = |value: f64| match limit.unit {
        Unit::Rate => percent(value),
        Unit::UsdPer1k => format!("${value:.2}"),
        Unit::Seconds => format!("{value:.1} s"),
        Unit::Prompts => trim(value),
    };
    let candidate = limit.candidate.map_or_else(String::new, value);
    match (limit.baseline, limit.name.ends_with("max_increase")) {
        (Some(baseline), true) => {
            let allowed = match limit.unit {
                Unit::Rate => format!("{} points", trim(limit.limit * 100.0)),
                Unit::UsdPer1k | Unit::Seconds | Unit::Prompts => percent(limit.limit),
            };
            format!(
                "The {what} would rise from {} to {candidate}; at most {allowed} more is allowed.",
                value(baseline)
            )
        }
        _ => format!("The {what} would be {candidate}; the limit is {}.", value(limit.limit)),
    }
}

fn inconclusive_reason(
    limits: &[LimitResult],
    pairs: usize,
    planned: &Planned,
    stopped: Stopped,
    outage: bool,
    judged: bool,
) -> String {
    if outage {
        let limit = limits.iter().find(|limit| limit.name == UNAVAILABLE);
        let share = |side: fn(&LimitResult) -> Option<f64>| limit.and_then(side).unwrap_or(0.0);
        let (baseline, candidate) = (share(|limit| limit.baseline), share(|limit| limit.candidate));
        let (who, share) =
            if candidate >= baseline { ("candidate", candidate) } else { ("baseline", baseline) };
        return format!(
            "The provider did not answer {} of the {who}'s requests (limit {}); the sample says too little.",
            percent(share),
            percent(limit.map_or(0.0, |limit| limit.limit)),
        );
    }
    if !judged {
        return "No limit of the policy could be judged.".to_owned();
    }
    if u64::try_from(pairs).is_ok_and(|pairs| pairs >= planned.pairs) {
        return format!(
            "All {pairs} pairs together prove neither that every limit is kept nor that one is broken."
        );
    }
    let why = match stopped {
        Stopped::Budget => "The budget ended",
        Stopped::Max => "The most images of this run were bought",
        Stopped::Unavailable => "The provider stopped answering",
        Stopped::Exhausted | Stopped::Decided => "Sampling ended",
    };
    format!("{why} after {pairs} of {} pairs, before the verdict was certain.", planned.pairs)
}

fn always_fails(limit: &LimitResult) -> String {
    match limit.candidate {
        Some(1.0) => "One prompt would fail on every repeat.".to_owned(),
        count => {
            let count = count.map_or_else(|| "Some".to_owned(), trim);
            format!("{count} prompts would fail on every repeat.")
        }
    }
}

/// A share as people read it: one decimal.
fn percent(share: f64) -> String {
    format!("{}%", trim(share * 100.0))
}

/// One decimal, none where it is zero.
fn trim(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
