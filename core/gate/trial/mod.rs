//! The decision while a draw is bought: pair by pair, in the drawn order, until the verdict is proven.
//!
//! Every limit has a test of its own, which sees every pair and says after any prefix what is proven. What is
//! tested, at which levels and at which places of the order is fixed before the first picture
//! ([`Terms`]), so no verdict depends on batches, on concurrency or on the order in which answers come.

mod always;
mod cost;
mod curve;
mod latency;
mod rates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use super::evidence::{Pair, Tallies};
use super::limits::{self, Planned};
use super::model::Levels;
use super::summaries;
use super::{BySide, Decision, EvidenceCurve, LimitOutcome, LimitResult, Side};
use crate::policy::{Claim, ErrorRates, Limits, OnAlwaysFail, StopWhen};
use crate::units::Usd;
pub(super) use always::always_failing;
use curve::Curve;

/// No verdict is reached on fewer pairs than this, unless the draw is smaller: one failure among a handful may
/// be proof, but nobody believes it. The errors do not need it.
pub const FEWEST: u64 = 16;

/// Where the draw is stratified, the evidence is looked at after every so many pairs. Strata take turns, so that
/// only a stretch of the order is like a random sample of the whole, not each pair.
pub const STRETCH: u64 = 16;

/// The baseline's failure rate that tests are tuned to where none is known. A wrong one costs pictures, never
/// errors.
pub const ASSUMED_RATE: f64 = 0.02;

/// What is fixed before the first picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// What is claimed.
    pub claim: Claim,
    /// How often the verdict may be wrong.
    pub errors: ErrorRates,
    /// When to stop buying.
    pub stop: StopWhen,
    /// What a prompt that fails on every repeat does.
    pub always_fail: OnAlwaysFail,
    /// The draw.
    pub planned: Planned,
    /// Whether the order of the draw is stratified.
    pub stratified: bool,
    /// What is known of the baseline.
    pub baseline: KnownOfBaseline,
    /// The baseline's failure rate to tune by, a share; [`ASSUMED_RATE`] where none is known.
    pub design_rate: f64,
    /// The most that one answer may cost, failed attempts included; nothing where that is not known.
    pub most_cost: BySide<Option<Usd>>,
    /// Whether an image has one price, known beforehand: cost is then mostly arithmetic.
    pub fixed_prices: bool,
}

/// What is known of the baseline before the first picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownOfBaseline {
    /// The model is new: there is none.
    Absent,
    /// It is seen along with the candidate.
    Unseen,
    /// All of its outcomes over the draw.
    Known {
        /// How many cells fail.
        failing: u64,
        /// How many by tag.
        by_tag: BTreeMap<String, u64>,
    },
}

impl KnownOfBaseline {
    /// All of the outcomes over a draw.
    #[must_use]
    pub fn of(pairs: &[Pair]) -> Self {
        let (mut failing, mut by_tag) = (0, BTreeMap::<String, u64>::new());
        let fails = |pair: &&Pair| pair.baseline.as_ref().is_some_and(|sample| sample.failure);
        for pair in pairs.iter().filter(fails) {
            failing += 1;
            for tag in &pair.tags {
                *by_tag.entry(tag.clone()).or_default() += 1;
            }
        }
        Self::Known { failing, by_tag }
    }
}

/// The test of one limit.
trait Test: fmt::Debug + Send + Sync {
    /// The limit's name, as in [`LimitResult::name`].
    fn name(&self) -> &str;

    /// Takes the next pair of the drawn order.
    fn add(&mut self, pair: &Pair);

    /// What the pairs so far prove, if anything.
    fn look(&self) -> Option<Decision>;

    /// Whether what was proven once stays proven. Plain figures may change.
    fn lasts(&self) -> bool {
        true
    }

    /// What the exact test at the last planned pair says, for a claim that has one.
    fn finish(&self) -> Option<Decision> {
        None
    }

    /// ln of the evidence that the limit is kept and that it is broken, with the ln that each must reach.
    fn evidence(&self) -> Option<Evidence> {
        None
    }
}

/// The evidence of a test after some pairs, as natural logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Evidence {
    pass: f64,
    fail: f64,
    pass_at: f64,
    fail_at: f64,
}

/// A test, and what it has proven.
#[derive(Debug)]
struct Member {
    test: Box<dyn Test>,
    proven: Option<(Decision, u64)>,
}

/// One subject's decision, under way.
#[derive(Debug)]
pub struct Trial {
    limits: Limits,
    terms: Terms,
    members: Vec<Member>,
    pairs: u64,
    gone: BySide<u64>,
    curve: Curve,
}

impl Trial {
    /// A decision on these limits, before the first pair.
    #[must_use]
    pub fn new(limits: &Limits, terms: Terms) -> Self {
        let members = tests(limits, &terms);
        let members = members.into_iter().map(|test| Member { test, proven: None }).collect();
        Self {
            limits: limits.clone(),
            terms,
            members,
            pairs: 0,
            gone: BySide::default(),
            curve: Curve::default(),
        }
    }

    /// The draw.
    #[must_use]
    pub const fn planned(&self) -> &Planned {
        &self.terms.planned
    }

    /// Takes the next pair of the drawn order, and says whether buying may stop.
    pub fn push(&mut self, pair: &Pair) -> bool {
        self.pairs += 1;
        for side in Side::BOTH {
            let missing = pair.side(side).is_some_and(|sample| !sample.answered());
            *self.gone.get_mut(side) += u64::from(missing);
        }
        for member in &mut self.members {
            member.test.add(pair);
        }
        if !self.is_a_place_to_look() {
            return false;
        }
        for member in &mut self.members {
            if member.proven.is_none() || !member.test.lasts() {
                let since = member.proven;
                member.proven = member.test.look().map(|decision| match since {
                    Some((before, at)) if before == decision => (decision, at),
                    _ => (decision, self.pairs),
                });
            }
        }
        if let Some(evidence) = self.primary().and_then(|member| member.test.evidence()) {
            self.curve.add(self.pairs, evidence);
        }
        self.is_settled()
    }

    /// Places are counted in pairs of the drawn order, whatever the batches.
    const fn is_a_place_to_look(&self) -> bool {
        let last = self.pairs >= self.terms.planned.pairs;
        let stretch = if self.terms.stratified { STRETCH } else { 1 };
        last || (self.pairs >= FEWEST && self.pairs.is_multiple_of(stretch))
    }

    fn is_settled(&self) -> bool {
        let all = !self.members.is_empty() && self.members.iter().all(|m| m.proven.is_some());
        let broken = self.members.iter().any(|m| matches!(m.proven, Some((Decision::Fail, _))));
        let enough = match self.terms.stop {
            StopWhen::Verdict => broken || all,
            StopWhen::Limits => all,
            StopWhen::End => false,
        };
        enough && !self.has_outage()
    }

    /// Whether so many samples are missing that nothing is decided as yet.
    fn has_outage(&self) -> bool {
        let worst = self.gone.baseline.max(self.gone.candidate);
        limits::share_of(worst, self.pairs) > self.limits.unavailable.value.share() + 1e-12
    }

    /// The test that stands for the others in charts: that of the first limit of a failure rate.
    fn primary(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.test.evidence().is_some())
    }

    /// How far the evidence on the first limit of a failure rate has come towards its boundaries (kept, broken),
    /// from 0 to 1 on the scale of its logarithm.
    #[must_use]
    pub fn proof(&self) -> Option<(f64, f64)> {
        let member = self.primary()?;
        let evidence = member.test.evidence()?;
        let share = |ln: f64, at: f64| if at > 0.0 { (ln / at).clamp(0.0, 1.0) } else { 0.0 };
        let (pass, fail) =
            (share(evidence.pass, evidence.pass_at), share(evidence.fail, evidence.fail_at));
        Some(match member.proven {
            Some((Decision::Pass, _)) => (1.0, fail),
            Some((Decision::Fail, _)) => (pass, 1.0),
            _ => (pass, fail),
        })
    }

    /// The evidence on the first limit of a failure rate, pair by pair.
    #[must_use]
    pub fn evidence(&self) -> Option<EvidenceCurve> {
        let member = self.primary()?;
        self.curve.drawn(member.test.name(), self.pairs, member.test.evidence()?)
    }

    /// How every limit stands after `pairs`, all that were given to [`Trial::push`].
    #[must_use]
    pub(super) fn outcomes(&self, pairs: &[Pair]) -> Vec<LimitResult> {
        let mut results = limits::evaluate(&self.limits, pairs, &self.terms.planned);
        if self.terms.always_fail == OnAlwaysFail::Fail {
            results.push(always::result(pairs, &self.terms.planned));
        }
        for result in &mut results {
            if let Some(member) = self.members.iter().find(|m| m.test.name() == result.name) {
                self.settle(member, result);
            }
        }
        results
    }

    /// Brings together what was counted and what was proven.
    fn settle(&self, member: &Member, result: &mut LimitResult) {
        if result.outcome == LimitOutcome::Skipped {
            return;
        }
        let proven = member.proven.map(|(decision, _)| decision);
        let is_rate = member.test.evidence().is_some();
        let outcome = match (self.terms.claim, is_rate) {
            // What is counted over the whole draw is the truth that early evidence only foresees.
            (Claim::Suite, true) if result.outcome != LimitOutcome::Inconclusive => {
                decision(result.outcome)
            }
            (Claim::Model, true) => {
                let ended = self.pairs >= self.terms.planned.pairs;
                proven.or_else(|| member.test.finish().filter(|_| ended))
            }
            (Claim::Suite, true) => proven,
            (_, false) => proven.or_else(|| decision(result.outcome)),
        };
        result.outcome = match outcome {
            Some(Decision::Pass) => LimitOutcome::Pass,
            Some(Decision::Fail) => LimitOutcome::Fail,
            Some(Decision::Inconclusive) | None => LimitOutcome::Inconclusive,
        };
        // A note is about what was counted: it holds where counting decided.
        let counted = self.terms.claim == Claim::Suite || !is_rate;
        let forgiven = result.note.as_deref() == Some(limits::FORGIVEN);
        if result.outcome == LimitOutcome::Fail
            || !(counted || (forgiven && result.outcome == LimitOutcome::Pass))
        {
            result.note = None;
        }
        result.decided_at = member
            .proven
            .filter(|(decision, at)| Some(*decision) == outcome && *at < self.terms.planned.pairs)
            .map(|(_, at)| at);
    }

    /// How many pairs in all would probably decide what is undecided; nothing where nothing is, or where no
    /// number would.
    #[must_use]
    pub(super) fn pairs_to_decide(&self, results: &[LimitResult], pairs: &[Pair]) -> Option<u64> {
        let undecided = |name: &str| {
            results.iter().any(|r| r.name == name && r.outcome == LimitOutcome::Inconclusive)
        };
        let tallies = Tallies::of(pairs);
        let needed =
            rates::pairs_to_decide(&self.limits, &self.terms, &tallies, pairs.len(), &undecided)?;
        Some(match self.terms.claim {
            // The last pair of the draw decides by counting.
            Claim::Suite => needed.min(self.terms.planned.pairs),
            Claim::Model => needed,
        })
    }
}

const fn decision(outcome: LimitOutcome) -> Option<Decision> {
    match outcome {
        LimitOutcome::Pass => Some(Decision::Pass),
        LimitOutcome::Fail => Some(Decision::Fail),
        LimitOutcome::Inconclusive | LimitOutcome::Skipped => None,
    }
}

/// How much of the error of blocking is kept for costs where prices are fixed: only a charge without a picture
/// makes chance of them.
const FIXED_SHARE: f64 = 0.1;

/// The tests of all limits that can be judged, in the order of the reports.
fn tests(limits: &Limits, terms: &Terms) -> Vec<Box<dyn Test>> {
    let has_baseline = terms.baseline != KnownOfBaseline::Absent;
    let rates = rates::open(limits, terms);
    let timed = latency::limits(&limits.latency_p95, has_baseline, terms.planned.pairs);
    let priced = cost::limits(&limits.cost_per_1k, has_baseline);
    let many = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (bad, good) = (terms.errors.let_bad_through.share(), terms.errors.block_good.share());
    // Any limit that is judged by chance may block, so they share the error of blocking.
    let by_chance = many(rates.len()).saturating_add(many(timed.len()));
    let costs = many(priced.len());
    let (good, shared, costs_good, costs_shared) = match (costs, terms.fixed_prices) {
        (0, _) => (good, by_chance, good, 1),
        (_, true) => (good * (1.0 - FIXED_SHARE), by_chance, good * FIXED_SHARE, costs),
        (_, false) => {
            let all = by_chance.saturating_add(costs);
            (good, all, good, all)
        }
    };
    let levels = match terms.claim {
        Claim::Suite => Levels::suite(bad, good, shared),
        Claim::Model => Levels::model(terms.planned.pairs, bad, good, shared),
    };
    let mut tests: Vec<_> = rates.into_iter().map(|open| rates::test(open, levels)).collect();
    // Cost and latency have no exact test at the end, whatever the claim.
    let sequential = Levels::suite(bad, costs_good, costs_shared);
    for limit in priced {
        tests.push(Box::new(cost::CostTest::new(limit, terms, sequential)));
    }
    let sequential = Levels::suite(bad, good, shared);
    for limit in timed {
        tests.push(Box::new(latency::LatencyTest::new(limit, sequential)));
    }
    if terms.always_fail == OnAlwaysFail::Fail {
        tests.push(Box::new(always::AlwaysFailTest::new(&terms.planned)));
    }
    tests
}

/// The times to an image of both sides, where a pair has them.
fn times(pair: &Pair) -> BySide<Option<std::time::Duration>> {
    let of = |side| {
        summaries::answered(std::slice::from_ref(pair), side)
            .find(|sample| sample.is_image())
            .and_then(|sample| sample.latency)
    };
    BySide { baseline: of(Side::Baseline), candidate: of(Side::Candidate) }
}
