//! The terms of a run: which cells, what is known of the baseline, which test.

use std::collections::{BTreeMap, HashMap, HashSet};

use presscheck_core::gate::{ASSUMED_RATE, BySide, KnownOfBaseline, Planned, Terms};
use presscheck_core::policy::{Claim, ModelConfig, Policy, Stratify, Subject};
use presscheck_core::prompts::{Case, Cell};
use presscheck_core::units::Usd;

use super::judge::{Judge, JudgedSample};
use super::load::Loaded;
use super::sample::Shop;
use crate::store::{Fixed, RunRecord};

/// What is fixed for a run that begins now.
pub(super) fn fix(began_ms: i64, known: Option<&HashMap<Cell, JudgedSample>>) -> Fixed {
    let design_rate = known.filter(|known| !known.is_empty()).map_or(ASSUMED_RATE, |known| {
        let failing = known.values().filter(|sample| sample.observation.failure).count();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let rate = (failing as f64 + 0.5) / (known.len() as f64 + 1.0);
        rate
    });
    Fixed { began_ms, baseline_known: known.is_some(), design_rate }
}

/// The cells that are asked for at most. In a claim about the models the last one is fixed beforehand, so that the
/// test there is an honest one: no more than the budget pays for at the worst price.
pub(super) fn cells(
    loaded: &Loaded,
    shop: &Shop,
    subject: &Subject,
    baseline_known: bool,
    judge: &Judge,
) -> Vec<Cell> {
    let mut cells = loaded.draw.cells.clone();
    if loaded.policy.sample.claim == Claim::Model {
        let baseline = subject.baseline.as_ref().filter(|_| !baseline_known);
        let models = baseline.into_iter().chain(std::iter::once(&subject.candidate));
        let models: Vec<_> = models.filter_map(|model| worst_price(shop, model)).collect();
        // Each picture is asked about as well, at most as often as the case with the most questions.
        let asks = loaded.cases.iter().map(|case| loaded.checks_price(judge, case).1).max();
        let asks = asks.unwrap_or(Usd::ZERO);
        let price: Usd = models.into_iter().map(|price| price + asks).sum();
        let share = u32::try_from(loaded.subjects.len()).unwrap_or(u32::MAX).max(1);
        let pays = affordable(loaded.policy.budget, share, price);
        cells.truncate(usize::try_from(pays).unwrap_or(usize::MAX));
    }
    cells
}

/// How many pairs of this worst price a subject's share of a budget pays for.
fn affordable(budget: Usd, subjects: u32, price: Usd) -> u64 {
    let share = budget.as_decimal() / rust_decimal::Decimal::from(subjects.max(1));
    share
        .checked_div(price.as_decimal())
        .map_or(u64::MAX, |pairs| u64::try_from(pairs.floor()).unwrap_or(u64::MAX))
}

/// The most that one image of a model costs, all steps.
fn worst_price(shop: &Shop, model: &ModelConfig) -> Option<Usd> {
    prices(shop, model).map(|(_, worst)| worst)
}

/// The usual price and the worst one.
fn prices(shop: &Shop, model: &ModelConfig) -> Option<(Usd, Usd)> {
    model.steps.iter().try_fold((Usd::ZERO, Usd::ZERO), |(price, worst), step| {
        let line = &shop.suppliers.get(&step.provider.value)?.line;
        let (id, params) = (&step.model.value, &step.params);
        Some((price + line.price(id, params)?, worst + line.worst_case(id, params)?))
    })
}

/// The terms of a run.
pub(super) fn terms(
    loaded: &Loaded,
    shop: &Shop,
    subject: &Subject,
    cells: &[Cell],
    known: Option<&HashMap<Cell, JudgedSample>>,
    run: &RunRecord,
) -> Terms {
    let policy = &loaded.policy;
    let prices = BySide {
        baseline: subject.baseline.as_ref().and_then(|model| prices(shop, model)),
        candidate: prices(shop, &subject.candidate),
    };
    Terms {
        claim: policy.sample.claim,
        errors: policy.errors,
        stop: policy.sample.stop,
        always_fail: policy.always_fail,
        planned: planned(&loaded.cases, cells),
        stratified: is_stratified(policy, &loaded.cases),
        baseline: match (&subject.baseline, known) {
            (None, _) => KnownOfBaseline::Absent,
            (Some(_), None) => KnownOfBaseline::Unseen,
            (Some(_), Some(known)) => known_of(&loaded.cases, cells, known),
        },
        design_rate: run.fixed.map_or(ASSUMED_RATE, |fixed| fixed.design_rate),
        most_cost: prices.map(|prices| prices.map(|(_, worst)| worst)),
        fixed_prices: [prices.baseline, prices.candidate]
            .into_iter()
            .flatten()
            .all(|(price, worst)| price == worst),
    }
}

/// The baseline's failures over the cells.
fn known_of(
    cases: &[Case],
    cells: &[Cell],
    known: &HashMap<Cell, JudgedSample>,
) -> KnownOfBaseline {
    let (mut failing, mut by_tag) = (0, BTreeMap::<String, u64>::new());
    let fails = |cell: &&Cell| known.get(cell).is_some_and(|sample| sample.observation.failure);
    for cell in cells.iter().filter(fails) {
        failing += 1;
        for tag in cases.get(cell.case).map_or(&[][..], |case| &case.tags) {
            *by_tag.entry(tag.clone()).or_default() += 1;
        }
    }
    KnownOfBaseline::Known { failing, by_tag }
}

/// Whether the order of the draw is by strata: more than one of them.
fn is_stratified(policy: &Policy, cases: &[Case]) -> bool {
    let strata: HashSet<_> = cases.iter().map(Case::stratum).collect();
    policy.sample.stratify == Stratify::Tag && strata.len() > 1
}

/// The draw in counts.
pub(super) fn planned(cases: &[Case], cells: &[Cell]) -> Planned {
    let mut by_tag = BTreeMap::<String, u64>::new();
    let mut by_case = BTreeMap::<String, u32>::new();
    let repeated = cells.iter().any(|cell| cell.repeat > 0);
    for cell in cells {
        let Some(case) = cases.get(cell.case) else { continue };
        for tag in &case.tags {
            *by_tag.entry(tag.clone()).or_default() += 1;
        }
        if repeated {
            *by_case.entry(case.id.clone()).or_default() += 1;
        }
    }
    Planned { pairs: u64::try_from(cells.len()).unwrap_or(u64::MAX), by_tag, by_case }
}
