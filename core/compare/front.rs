//! The Pareto front of failure rate and effective cost: which models no other makes pointless.

use std::cmp::Ordering;

use super::{ModelFigures, Share};
use crate::units::Usd;

/// What a model is judged by here: the less of both, the better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) failures: Share,
    /// Nothing where no image passed: no money buys a good one.
    pub(super) effective: Option<Usd>,
}

impl Place {
    fn of(model: &ModelFigures) -> Option<Self> {
        let effective = model.cost.as_ref().and_then(|cost| cost.effective_per_1k_usd);
        model.failures.map(|failures| Self { failures, effective })
    }

    /// By failures: exact, for two thirds are two thirds.
    pub(super) fn by_failures(&self, other: &Self) -> Ordering {
        let product = |one: u64, two: u64| u128::from(one) * u128::from(two);
        product(self.failures.failed, other.failures.of)
            .cmp(&product(other.failures.failed, self.failures.of))
    }

    pub(super) fn by_cost(&self, other: &Self) -> Ordering {
        match (self.effective, other.effective) {
            (Some(one), Some(two)) => one.cmp(&two),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }

    /// Whether it is at least as good in both and better in one.
    pub(super) fn dominates(&self, other: &Self) -> bool {
        let (failures, cost) = (self.by_failures(other), self.by_cost(other));
        failures.is_le() && cost.is_le() && (failures.is_lt() || cost.is_lt())
    }
}

/// Fewer failures first, then the cheaper one.
pub(super) fn better(one: &ModelFigures, two: &ModelFigures) -> Ordering {
    match (Place::of(one), Place::of(two)) {
        (Some(one), Some(two)) => one.by_failures(&two).then(one.by_cost(&two)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// The one of which a good image costs less first.
#[must_use]
pub fn cheaper(one: &ModelFigures, two: &ModelFigures) -> Ordering {
    match (Place::of(one), Place::of(two)) {
        (Some(one), Some(two)) => one.by_cost(&two),
        _ => Ordering::Equal,
    }
}

/// Marks the models on the front, and names those that dominate the others, the best first.
pub(super) fn mark(models: &mut [ModelFigures]) {
    let places: Vec<_> = models
        .iter()
        .filter_map(|model| Place::of(model).map(|place| (model.name.clone(), place)))
        .collect();
    for model in models {
        let Some(own) = Place::of(model) else { continue };
        let mut over: Vec<_> = places.iter().filter(|(_, other)| other.dominates(&own)).collect();
        over.sort_by(|(_, one), (_, two)| one.by_failures(two).then(one.by_cost(two)));
        model.dominated_by = over.into_iter().map(|(name, _)| name.clone()).collect();
        model.on_front = Some(model.dominated_by.is_empty());
    }
}
