//! Each limit's figures over the judged pairs, and what counting alone decides.
//!
//! A comparison of counts is final for the whole draw when no outcome of the pairs that were not asked could
//! change it. Where they could, it is inconclusive here, and [`super::trial`] says what the evidence proves.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::evidence::{Pair, Tallies, Tally};
use super::intervals::{difference_interval, float, quantile_ranks, rate_interval};
use super::summaries;
use super::{BySide, LimitOutcome, LimitResult, Side, Unit};
use crate::policy::{Limits, QuantityLimit, RateLimit};
use crate::units::{Points, Rate, Usd};

/// What was planned besides what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Planned {
    /// Pairs of the whole draw.
    pub pairs: u64,
    /// Pairs of the whole draw by tag.
    pub by_tag: BTreeMap<String, u64>,
    /// How often each prompt is drawn; may be left empty where none is drawn twice.
    pub by_case: BTreeMap<String, u32>,
}

/// The fewest answered pairs at which a 95th percentile has an upper confidence limit: with fewer than
/// 59, even the slowest sample may lie under it with more than 5% probability (0.95^58 > 0.05).
pub const P95_MIN_ABSOLUTE: u64 = 59;

/// The fewest answered pairs at which two 95th percentiles are compared: with 100, the interval's upper
/// end is the second largest sample, no longer the largest alone.
pub const P95_MIN_RELATIVE: u64 = 100;

/// All limits of the policy, in the order of the design.
pub(super) fn evaluate(limits: &Limits, pairs: &[Pair], planned: &Planned) -> Vec<LimitResult> {
    let tallies = Tallies::of(pairs);
    let has_baseline = pairs.iter().any(|pair| pair.baseline.is_some());
    let seen = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let mut results = Vec::new();
    let all = Counts::new(tallies.all, planned.pairs, seen, has_baseline);
    rate_limits("failure_rate", &limits.failure_rate, &all, &mut results);
    cost(&limits.cost_per_1k, pairs, has_baseline, &mut results);
    latency(&limits.latency_p95, pairs, has_baseline, &mut results);
    results.push(unavailable(limits.unavailable.value, pairs, has_baseline));
    for (tag, limit) in &limits.by_tag {
        let in_tag = |pair: &&Pair| pair.tags.iter().any(|known| known == tag);
        let seen = u64::try_from(pairs.iter().filter(in_tag).count()).unwrap_or(u64::MAX);
        let tally = tallies.by_tag.get(tag).copied().unwrap_or_default();
        let cells = planned.by_tag.get(tag).copied().unwrap_or(0);
        let counts = Counts::new(tally, cells, seen, has_baseline);
        rate_limits(&format!("by_tag.{tag}.failure_rate"), limit, &counts, &mut results);
    }
    results
}

/// What a rate limit is judged by.
struct Counts {
    tally: Tally,
    /// Pairs of the whole draw, those without an answer among them.
    cells: u64,
    /// Pairs that were not asked for.
    remaining: u64,
    has_baseline: bool,
}

impl Counts {
    fn new(tally: Tally, planned: u64, seen: u64, has_baseline: bool) -> Self {
        Self {
            tally,
            cells: planned.max(seen),
            remaining: planned.saturating_sub(seen),
            has_baseline,
        }
    }

    /// Pairs that were asked for and not answered.
    const fn lost(&self) -> u64 {
        self.cells.saturating_sub(self.remaining).saturating_sub(self.tally.n)
    }

    fn rate(&self, side: Side) -> Option<f64> {
        let failures = match side {
            Side::Baseline if !self.has_baseline => return None,
            Side::Baseline => self.tally.baseline(),
            Side::Candidate => self.tally.candidate(),
        };
        Rate::of(failures, self.tally.n).map(Rate::share)
    }

    /// Candidate failures less baseline failures.
    fn difference(&self) -> i128 {
        i128::from(self.tally.candidate_only) - i128::from(self.tally.baseline_only)
    }

    fn result(&self, name: String, limit: f64) -> LimitResult {
        let (baseline, candidate) = (self.rate(Side::Baseline), self.rate(Side::Candidate));
        LimitResult {
            name,
            outcome: LimitOutcome::Skipped,
            unit: Unit::Rate,
            baseline,
            candidate,
            change: baseline.zip(candidate).map(|(baseline, candidate)| candidate - baseline),
            interval: None,
            limit,
            decided_at: None,
            note: None,
        }
    }
}

/// The largest whole number of failures that a share of `n` allows. The small addition undoes the float's
/// rounding: 2% of 400 is 8 failures, not 7.
fn allowed(n: u64, share: f64) -> i128 {
    #[expect(clippy::cast_possible_truncation, reason = "a count of pairs")]
    let whole = (float(n) * share + 1e-9).floor() as i64;
    i128::from(whole)
}

fn rate_limits(name: &str, limit: &RateLimit, counts: &Counts, results: &mut Vec<LimitResult>) {
    if let Some(increase) = &limit.max_increase {
        results.push(rate_increase(format!("{name}.max_increase"), increase.value, counts));
    }
    if let Some(max) = &limit.max {
        results.push(rate_max(format!("{name}.max"), max.value, limit.strict, counts));
    }
}

fn rate_increase(name: String, limit: Points, counts: &Counts) -> LimitResult {
    let mut result = counts.result(name, limit.difference());
    if !counts.has_baseline {
        result.note = Some("there is no baseline to compare with".to_owned());
        return result;
    }
    if counts.tally.n == 0 {
        result.note = Some("no pair in which both models answered".to_owned());
        return result;
    }
    let tally = counts.tally;
    result.interval = difference_interval(tally.n, tally.candidate_only, tally.baseline_only);
    let allowed = allowed(counts.cells, limit.difference());
    let remaining = i128::from(counts.remaining);
    result.outcome = if counts.difference() - remaining > allowed {
        LimitOutcome::Fail
    } else if counts.difference() + remaining <= allowed {
        note_lost(&mut result, counts, limit.difference());
        LimitOutcome::Pass
    } else {
        LimitOutcome::Inconclusive
    };
    result
}

fn rate_max(name: String, limit: Rate, strict: bool, counts: &Counts) -> LimitResult {
    let mut result = counts.result(name, limit.share());
    if counts.tally.n == 0 {
        result.note = Some("no pair in which both models answered".to_owned());
        return result;
    }
    let failures = i128::from(counts.tally.candidate());
    result.interval = rate_interval(counts.tally.candidate(), counts.tally.n);
    let allowed = allowed(counts.cells, limit.share());
    let remaining = i128::from(counts.remaining);
    // An improvement is never blocked for not being improvement enough.
    let forgives = counts.has_baseline && !strict;
    result.outcome = if failures + remaining <= allowed {
        note_lost(&mut result, counts, limit.share());
        LimitOutcome::Pass
    } else if forgives && counts.difference() + remaining < 0 {
        result.note = Some(FORGIVEN.to_owned());
        LimitOutcome::Pass
    } else if failures > allowed && !(forgives && counts.difference() - remaining < 0) {
        LimitOutcome::Fail
    } else {
        LimitOutcome::Inconclusive
    };
    result
}

/// Says why a limit is kept whose figure, over the answered pairs alone, lies a hair over it.
fn note_lost(result: &mut LimitResult, counts: &Counts, limit: f64) {
    let figure =
        if result.name.ends_with("max_increase") { result.change } else { result.candidate };
    if counts.lost() > 0 && figure.is_some_and(|figure| figure > limit) {
        let lost = counts.lost();
        result.note =
            Some(format!("kept with the {lost} pairs without an answer, which make no difference"));
    }
}

/// A number of a limit as a decimal, exact to twelve places.
fn decimal(number: f64) -> Decimal {
    Decimal::from_f64(number).unwrap_or(Decimal::MAX).round_dp(12)
}

fn cost(
    limit: &QuantityLimit<Usd>,
    pairs: &[Pair],
    has_baseline: bool,
    results: &mut Vec<LimitResult>,
) {
    let of = |side| summaries::cost(pairs, side).and_then(|summary| summary.per_1k_usd);
    let costs = BySide { baseline: of(Side::Baseline), candidate: of(Side::Candidate) };
    let result = |name: &str, limit: f64| LimitResult {
        name: format!("cost_per_1k.{name}"),
        outcome: LimitOutcome::Skipped,
        unit: Unit::UsdPer1k,
        baseline: costs.baseline.map(Usd::as_f64),
        candidate: costs.candidate.map(Usd::as_f64),
        change: relative_change(costs.baseline.map(Usd::as_f64), costs.candidate.map(Usd::as_f64)),
        interval: None,
        limit,
        decided_at: None,
        note: None,
    };
    if let Some(increase) = &limit.max_increase {
        let mut result = result("max_increase", increase.value);
        match (costs.baseline, costs.candidate) {
            _ if !has_baseline => {
                result.note = Some("there is no baseline to compare with".to_owned());
            }
            (Some(baseline), Some(candidate)) => {
                result.outcome = kept(within_increase(baseline, candidate, increase.value));
                if baseline.is_zero() && !candidate.is_zero() {
                    result.note = Some("the baseline costs nothing".to_owned());
                }
            }
            _ => result.note = Some("a side has no image to divide its cost by".to_owned()),
        }
        results.push(result);
    }
    if let Some(max) = &limit.max {
        let mut result = result("max", max.value.as_f64());
        match costs.candidate {
            Some(candidate) => {
                let lower = !limit.strict
                    && costs.baseline.is_some_and(|baseline| has_baseline && candidate < baseline);
                result.outcome = kept(candidate <= max.value || lower);
                if candidate > max.value && lower {
                    result.note = Some(FORGIVEN.to_owned());
                }
            }
            None => {
                result.note = Some("the candidate has no image to divide its cost by".to_owned());
            }
        }
        results.push(result);
    }
}

/// Whether an amount exceeds another by at most a share of it, exactly.
pub(super) fn within_increase(baseline: Usd, candidate: Usd, increase: f64) -> bool {
    let allowed = baseline.as_decimal().checked_mul(Decimal::ONE + decimal(increase));
    candidate.as_decimal() <= allowed.unwrap_or(Decimal::MAX)
}

/// A share of a count; nothing of nothing is 0.
pub(super) fn share_of(part: u64, whole: u64) -> f64 {
    Rate::of(part, whole).map_or(0.0, Rate::share)
}

const fn kept(kept: bool) -> LimitOutcome {
    if kept { LimitOutcome::Pass } else { LimitOutcome::Fail }
}

fn relative_change(baseline: Option<f64>, candidate: Option<f64>) -> Option<f64> {
    let (baseline, candidate) = (baseline?, candidate?);
    (baseline > 0.0).then(|| candidate / baseline - 1.0)
}

/// The 95% interval of a 95th percentile, where the sample is large enough to have both ends.
fn p95_interval(sorted: &[Duration]) -> Option<[f64; 2]> {
    let n = u64::try_from(sorted.len()).ok()?;
    let (lower, upper) = quantile_ranks(n, 0.95, 0.025);
    let at = |rank: u64| {
        usize::try_from(rank).ok().and_then(|rank| sorted.get(rank - 1)).map(Duration::as_secs_f64)
    };
    Some([at(lower?)?, at(upper?)?])
}

/// The figures of the limits on latency. Whether one is broken is for the evidence alone to say
/// ([`super::trial`]): a percentile of a sample jumps, so what is not shown is no reason to block.
fn latency(
    limit: &QuantityLimit<Duration>,
    pairs: &[Pair],
    has_baseline: bool,
    results: &mut Vec<LimitResult>,
) {
    if limit.max_increase.is_none() && limit.max.is_none() {
        return;
    }
    let times = BySide {
        baseline: summaries::latencies(pairs, Side::Baseline),
        candidate: summaries::latencies(pairs, Side::Candidate),
    };
    let p95 = |times: &[Duration]| summaries::quantile(times, 0.95).map(|time| time.as_secs_f64());
    let (baseline, candidate) = (p95(&times.baseline), p95(&times.candidate));
    let count = |times: &[Duration]| u64::try_from(times.len()).unwrap_or(u64::MAX);
    let result = |name: &str, limit: f64| LimitResult {
        name: format!("latency_p95.{name}"),
        outcome: LimitOutcome::Skipped,
        unit: Unit::Seconds,
        baseline,
        candidate,
        change: relative_change(baseline, candidate),
        interval: None,
        limit,
        decided_at: None,
        note: None,
    };
    let too_few = |needed: u64, have: u64| {
        format!("a 95th percentile needs {needed} timed images on a side to be judged; {have} came")
    };
    if let Some(increase) = &limit.max_increase {
        let mut result = result("max_increase", increase.value);
        let have = count(&times.baseline).min(count(&times.candidate));
        if !has_baseline {
            result.note = Some("there is no baseline to compare with".to_owned());
        } else if have < P95_MIN_RELATIVE {
            result.note = Some(too_few(P95_MIN_RELATIVE, have));
        } else {
            result.outcome = LimitOutcome::Pass;
            if result.change.is_some_and(|change| change > increase.value) {
                result.note = Some(UNPROVEN.to_owned());
            }
        }
        results.push(result);
    }
    if let Some(max) = &limit.max {
        let seconds = max.value.as_secs_f64();
        let mut result = result("max", seconds);
        let have = count(&times.candidate);
        if have < P95_MIN_ABSOLUTE {
            result.note = Some(too_few(P95_MIN_ABSOLUTE, have));
        } else {
            result.interval = p95_interval(&times.candidate);
            result.outcome = LimitOutcome::Pass;
            let forgiven = !limit.strict && baseline.zip(candidate).is_some_and(|(b, c)| c < b);
            if candidate.is_some_and(|candidate| candidate > seconds) {
                let note = if forgiven { FORGIVEN } else { UNPROVEN };
                result.note = Some(note.to_owned());
            }
        }
        results.push(result);
    }
}

pub(super) const FORGIVEN: &str = "over the limit, but lower than the baseline";

const UNPROVEN: &str = "over the limit in this sample, but not shown at 95% confidence";

/// Shares of samples without an answer. Over the limit, the sample says too little to judge by.
fn unavailable(limit: Rate, pairs: &[Pair], has_baseline: bool) -> LimitResult {
    let counts = summaries::outcomes(pairs);
    let share =
        |side| Rate::of(counts.get(side).unavailable, counts.get(side).total()).map(Rate::share);
    let baseline = has_baseline.then(|| share(Side::Baseline)).flatten();
    let candidate = share(Side::Candidate);
    let worst = baseline.into_iter().chain(candidate).fold(0.0, f64::max);
    LimitResult {
        name: "unavailable.max".to_owned(),
        outcome: if worst > limit.share() + 1e-12 {
            LimitOutcome::Inconclusive
        } else {
            LimitOutcome::Pass
        },
        unit: Unit::Rate,
        baseline,
        candidate,
        change: baseline.zip(candidate).map(|(baseline, candidate)| candidate - baseline),
        interval: rate_interval(counts.candidate.unavailable, counts.candidate.total()),
        limit: limit.share(),
        decided_at: None,
        note: None,
    }
}
