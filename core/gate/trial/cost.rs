//! Cost per thousand images: by arithmetic where prices are fixed, by evidence where they vary.

use super::{Terms, Test};
use crate::gate::betting::BoundedMean;
use crate::gate::evidence::Pair;
use crate::gate::limits::within_increase;
use crate::gate::model::Levels;
use crate::gate::{BySide, Decision, Side, summaries};
use crate::policy::QuantityLimit;
use crate::units::Usd;

/// A limit on cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// Per thousand images. `forgives` is whether a change that costs less than the baseline is never blocked.
    Max { per_1k: Usd, forgives: bool },
    /// A share of the baseline's.
    Increase(f64),
}

/// The limits that can be judged.
pub(super) fn limits(limit: &QuantityLimit<Usd>, has_baseline: bool) -> Vec<Limit> {
    let mut limits = Vec::new();
    if let Some(increase) = &limit.max_increase
        && has_baseline
    {
        limits.push(Limit::Increase(increase.value));
    }
    if let Some(max) = &limit.max {
        limits.push(Limit::Max { per_1k: max.value, forgives: has_baseline && !limit.strict });
    }
    limits
}

/// What one side's images cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Total {
    cost: Usd,
    images: u64,
}

#[derive(Clone, Debug)]
pub(super) struct CostTest {
    limit: Limit,
    levels: Levels,
    totals: BySide<Total>,
    /// The evidence, where what an image costs varies.
    evidence: Option<BoundedMean>,
}

impl CostTest {
    pub(super) fn new(limit: Limit, terms: &Terms, levels: Levels) -> Self {
        let most = |side: Side| terms.most_cost.get(side).map(Usd::as_f64);
        let evidence = match limit {
            Limit::Increase(increase) => {
                most(Side::Candidate).zip(most(Side::Baseline)).map(|(candidate, baseline)| {
                    BoundedMean::new(-(1.0 + increase) * baseline, candidate)
                })
            }
            Limit::Max { per_1k, .. } => most(Side::Candidate).map(|candidate| {
                let max = per_1k.as_f64() / 1000.0;
                BoundedMean::new(-max, candidate - max)
            }),
        };
        Self { limit, levels, totals: BySide::default(), evidence }
    }

    fn per_1k(&self, side: Side) -> Option<Usd> {
        let total = self.totals.get(side);
        total.cost.per_thousand(total.images)
    }

    /// How the figures so far stand against the limit.
    fn figures(&self) -> Option<Decision> {
        let candidate = self.per_1k(Side::Candidate)?;
        let kept = match self.limit {
            Limit::Max { per_1k, forgives } => {
                candidate <= per_1k
                    || (forgives && self.per_1k(Side::Baseline).is_some_and(|b| candidate < b))
            }
            Limit::Increase(increase) => {
                within_increase(self.per_1k(Side::Baseline)?, candidate, increase)
            }
        };
        Some(if kept { Decision::Pass } else { Decision::Fail })
    }
}

impl Test for CostTest {
    fn name(&self) -> &str {
        match self.limit {
            Limit::Max { .. } => "cost_per_1k.max",
            Limit::Increase(_) => "cost_per_1k.max_increase",
        }
    }

    fn add(&mut self, pair: &Pair) {
        let mut image = BySide::<Option<Usd>>::default();
        for side in Side::BOTH {
            for sample in summaries::answered(std::slice::from_ref(pair), side) {
                let total = self.totals.get_mut(side);
                total.cost += sample.cost;
                if sample.is_delivered() {
                    total.images += 1;
                    *image.get_mut(side) = Some(sample.cost);
                }
            }
        }
        let Some(evidence) = &mut self.evidence else { return };
        let (baseline, candidate) =
            (image.baseline.map(Usd::as_f64), image.candidate.map(Usd::as_f64));
        match (self.limit, baseline, candidate) {
            (Limit::Increase(increase), Some(baseline), Some(candidate)) => {
                evidence.add(candidate - (1.0 + increase) * baseline);
            }
            (Limit::Max { per_1k, .. }, _, Some(candidate)) => {
                evidence.add(candidate - per_1k.as_f64() / 1000.0);
            }
            _ => {}
        }
    }

    fn look(&self) -> Option<Decision> {
        let figures = self.figures()?;
        let Some(evidence) = &self.evidence else { return Some(figures) };
        let (pass, fail) = evidence.ln_capitals();
        let proven = if evidence.must_pass() || pass >= self.levels.pass.ln_threshold() {
            Decision::Pass
        } else if evidence.must_fail() || fail >= self.levels.fail.ln_threshold() {
            Decision::Fail
        } else {
            return None;
        };
        // Nothing is blocked whose own figures keep the limit.
        (proven == Decision::Pass || figures == Decision::Fail).then_some(proven)
    }

    /// With fixed prices the figures are the decision, and a charged repeat may still move them.
    fn lasts(&self) -> bool {
        self.evidence.is_some()
    }
}
