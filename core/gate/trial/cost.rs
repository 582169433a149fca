//! Cost per thousand images: by arithmetic where prices are fixed, by evidence where they vary.

use super::{Terms, Test};
use crate::gate::betting::BoundedMean;
use crate::gate::evidence::Pair;
use crate::gate::limits::within_increase;
use crate::gate::model::Levels;
use crate::gate::{BySide, Decision, Side};
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

/// What one side's answers cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Total {
    cost: Usd,
    images: u64,
    /// What every image cost so far; nothing before the first.
    price: Option<Usd>,
    /// Whether images cost differently, or something was charged without one.
    varies: bool,
}

impl Total {
    fn add(&mut self, cost: Usd, is_image: bool) {
        self.cost += cost;
        if is_image {
            self.images += 1;
            self.varies |= *self.price.get_or_insert(cost) != cost;
        } else {
            self.varies |= !cost.is_zero();
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct CostTest {
    limit: Limit,
    levels: Levels,
    totals: BySide<Total>,
    /// The evidence, for where costs vary; nothing where their bounds are not known.
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
            Limit::Max { per_1k, .. } => most(Side::Candidate)
                .map(|candidate| BoundedMean::new(-per_1k.as_f64() / 1000.0, candidate)),
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

    /// The evidence is about a mean, and cost per image is a quotient of two: of what is charged, and of how often
    /// a picture comes. Multiplied out, "the candidate's quotient is at most the baseline's, and a share more" is
    /// about the mean of cost × the other side's pictures.
    fn add(&mut self, pair: &Pair) {
        if !pair.answered() {
            return;
        }
        let mut paid = BySide::<f64>::default();
        let mut image = BySide::<f64>::default();
        for side in Side::BOTH {
            if let Some(sample) = pair.side(side) {
                self.totals.get_mut(side).add(sample.cost, sample.is_delivered());
                *paid.get_mut(side) = sample.cost.as_f64();
                *image.get_mut(side) = f64::from(u8::from(sample.is_delivered()));
            }
        }
        let Some(evidence) = &mut self.evidence else { return };
        evidence.add(match self.limit {
            Limit::Increase(increase) => {
                paid.candidate * image.baseline - (1.0 + increase) * paid.baseline * image.candidate
            }
            Limit::Max { per_1k, .. } => {
                paid.candidate - image.candidate * per_1k.as_f64() / 1000.0
            }
        });
    }

    fn look(&self) -> Option<Decision> {
        let figures = self.figures()?;
        if !self.totals.baseline.varies && !self.totals.candidate.varies {
            // Every image has the same price: no more of them would say anything else.
            return Some(figures);
        }
        let evidence = self.evidence.as_ref()?;
        let (pass, fail) = evidence.ln_capitals();
        let proven = if evidence.must_pass() || pass >= self.levels.pass.ln_threshold() {
            Decision::Pass
        } else if evidence.must_fail() || fail >= self.levels.fail.ln_threshold() {
            Decision::Fail
        } else {
            return None;
        };
        // Neither against its own figures, which forgive a change that costs less.
        (proven == figures).then_some(proven)
    }

    /// What was arithmetic may turn out to vary.
    fn lasts(&self) -> bool {
        false
    }
}
