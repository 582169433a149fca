//! The run as it would be: what is stored, what must be bought, how long it takes. Nothing is sent, and nothing
//! is written.

use std::collections::BTreeMap;

use presscheck_core::gate::advice::{ExpectedRate, Prices};
use presscheck_core::gate::forecast::{Board, Setup};
use presscheck_core::gate::model::Levels;
use presscheck_core::gate::planner;
use presscheck_core::policy::{Claim, StopWhen, Stratify, Subject};
use presscheck_core::prompts::Case;
use presscheck_core::report::{Bill, Plan, PlanWarning, PlannedStratum, PlannedSubject, Seen};
use presscheck_core::units::Usd;

use super::load::Loaded;
use super::look::{Desk, Ledger};
use super::parallel;
use super::{Halt, Setting};

/// The fewest judged answers of the baseline that tell its failure rate.
const ENOUGH: u64 = 50;

/// Works the plan out, and the warnings as they are shown on a terminal.
///
/// # Errors
/// Where the gate could not run either: a provider or a price that the policy does not have, a store that
/// fails.
pub async fn plan(
    setting: &Setting,
    loaded: &Loaded,
    colour: bool,
) -> Result<(Plan, String), Halt> {
    let policy = &loaded.policy;
    let budget = setting.budget.map_or(policy.budget, |cap| cap.min(policy.budget));
    let frozen = loaded.frozen(setting.today).filter(|_| !loaded.subjects.is_empty());
    let nothing = if loaded.subjects.is_empty() {
        Some(loaded.nothing_to_judge.clone())
    } else {
        frozen.map(|why| format!("{why}. The change is blocked until then, without a picture."))
    };
    let mut plan = Plan {
        schema: 1,
        policy: setting.policy_path.to_string(),
        policy_at: loaded.policy_at.clone(),
        claim: policy.sample.claim,
        budget_usd: budget,
        prompts: count(loaded.cases.len()),
        pairs: count(loaded.draw.cells.len()),
        population: count(loaded.draw.population),
        strata: strata(loaded),
        subjects: Vec::new(),
        nothing,
        notes: loaded.notes.clone(),
        warnings: Vec::new(),
    };
    let limits = Purse { budget, images: setting.max_images.unwrap_or(u64::MAX) };
    let mut left = limits;
    let mut rate: Option<ExpectedRate> = None;
    let mut whole = Usd::ZERO;
    let desk = Desk::open(setting, loaded)?;
    for subject in &loaded.subjects {
        let ledger = desk.look(setting, loaded, subject).await?;
        let found = expected_rate(ledger.seen);
        if rate.is_none_or(|known| found.share > known.share) {
            rate = Some(found);
        }
        if loaded.can_judge(subject) {
            whole += ledger.usd(loaded.draw.cells.len());
        }
        plan.subjects.push(planned(loaded, subject, &ledger, found, &limits, &mut left));
    }
    let prices = Prices { budget, whole, stored: whole };
    let advice = loaded.advice(rate.unwrap_or_default(), Some(prices));
    let files = loaded.said.problems.iter();
    plan.warnings = files.map(|(path, problem)| PlanWarning::of(path, problem)).collect();
    let problems = presscheck_core::gate::advice::problems(&advice);
    let sorted = problems.sorted();
    plan.warnings.extend(sorted.into_iter().map(|it| PlanWarning::of(&plan.policy, it)));
    Ok((plan, loaded.warned(&advice, colour)))
}

/// What can be spent.
#[derive(Clone, Copy)]
struct Purse {
    budget: Usd,
    images: u64,
}

/// The baseline's own rate, where enough of its answers are stored. Half a failure is added, so that none at
/// all is not taken for never.
fn expected_rate(seen: Seen) -> ExpectedRate {
    if seen.answers < ENOUGH {
        return ExpectedRate::default();
    }
    let share = (float(seen.failures) + 0.5) / (float(seen.answers) + 1.0);
    ExpectedRate { share, known: true }
}

fn planned(
    loaded: &Loaded,
    subject: &Subject,
    ledger: &Ledger,
    rate: ExpectedRate,
    limits: &Purse,
    left: &mut Purse,
) -> PlannedSubject {
    let policy = &loaded.policy;
    let cells = &loaded.draw.cells;
    let has_baseline = subject.baseline.is_some();
    let hopeless = !loaded.can_judge(subject);
    let all = if hopeless { 0 } else { cells.len() };
    let (most, ends_by) = reach(ledger, all, limits);
    // The subjects before take what they are expected to.
    let (end, _) = reach(ledger, all, left);
    let setup = Setup {
        limits: &policy.limits,
        claim: policy.sample.claim,
        stop: policy.sample.stop,
        errors: policy.errors,
        cases: &loaded.cases,
        cells: if hopeless { &[] } else { cells },
        stratified: policy.sample.stratify == Stratify::Tag && plan_strata(loaded) > 1,
        end,
        has_baseline,
        baseline_stored: has_baseline && ledger.stored.baseline == count(cells.len()),
        rate: rate.share,
        price: ledger.price,
        seed: policy.sample.seed.0,
    };
    let board = Board::new(setup);
    let forecast = parallel::forecast(&board, board.reps());
    // What is on its way when the verdict falls is paid for as well.
    let on_the_way = match policy.sample.stop {
        StopWhen::End => 0,
        _ => loaded.concurrency(subject).saturating_sub(1),
    };
    let bought = |pairs: usize| (pairs + on_the_way).min(end);
    let usd = cents(forecast.mean(|pairs| ledger.usd(bought(pairs)).as_f64()));
    let images = tenth(forecast.mean(|pairs| float(ledger.images(bought(pairs)))));
    let share = |count| if hopeless { 0.0 } else { forecast.share(count) };
    let undecided = forecast.reps.saturating_sub(forecast.pass + forecast.fail);
    let increase = policy.limits.failure_rate.max_increase.as_ref().filter(|_| has_baseline);
    let increase = increase.map(|limit| limit.value.difference());
    left.budget = left.budget.saturating_sub(usd);
    left.images = left.images.saturating_sub(rounded(images));
    PlannedSubject {
        name: subject.name.clone(),
        baseline: subject.baseline.as_ref().map(|model| model.describe()),
        candidate: subject.candidate.describe(),
        judged: !hopeless,
        stored: ledger.stored,
        baseline_seen: ledger.seen,
        rate: rate.share,
        rate_known: rate.known,
        expected: Bill {
            pairs: tenth(forecast.mean(|pairs| float(count(pairs)))),
            images,
            usd,
            minutes: ledger
                .is_timed()
                .then(|| forecast.mean(|pairs| ledger.minutes(bought(pairs))))
                .map(tenth_of_a_second),
        },
        worst: Bill {
            pairs: float(count(most)),
            images: float(ledger.images(most)),
            usd: ledger.worst(most).min(limits.budget),
            minutes: Some(tenth_of_a_second(ledger.minutes(most))),
        },
        ends_by: ends_by.map(str::to_owned),
        pass: share(forecast.pass),
        fail: share(forecast.fail),
        inconclusive: if hopeless { 1.0 } else { forecast.share(undecided) },
        smallest_rise: increase.and_then(|limit| smallest_rise(loaded, rate, count(most), limit)),
        max_increase: increase,
        timed: ledger.timed(),
    }
}

/// How many pairs the money and the count of images reach for at list prices, and what ends it.
fn reach(ledger: &Ledger, all: usize, purse: &Purse) -> (usize, Option<&'static str>) {
    let most = |fits: &dyn Fn(usize) -> bool| {
        // The sums only grow.
        let (mut low, mut high) = (0, all);
        while low < high {
            let middle = usize::midpoint(low, high + 1);
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        low
    };
    let money = most(&|pairs| ledger.usd(pairs) <= purse.budget);
    let images = most(&|pairs| ledger.images(pairs) <= purse.images);
    match money.min(images) {
        end if end >= all => (all, None),
        end if images < money => (end, Some("max-images")),
        end => (end, Some("budget")),
    }
}

fn smallest_rise(loaded: &Loaded, rate: ExpectedRate, pairs: u64, limit: f64) -> Option<f64> {
    let errors = loaded.policy.errors;
    let proof = match loaded.policy.sample.claim {
        Claim::Suite => None,
        Claim::Model => {
            let good = errors.block_good.share();
            Some(Levels::model(pairs, errors.let_bad_through.share(), good, 1).fail.terminal)
        }
    };
    let phi = presscheck_core::gate::betting::DESIGN_PHI;
    planner::rise_blocked(rate.share, phi, pairs, limit, proof)
}

/// How many strata the drawn prompts have.
fn plan_strata(loaded: &Loaded) -> usize {
    strata(loaded).iter().filter(|stratum| stratum.pairs > 0).count()
}

fn strata(loaded: &Loaded) -> Vec<PlannedStratum> {
    let mut strata = BTreeMap::<&str, (u64, u64)>::new();
    for case in loaded.cases.iter() {
        strata.entry(case.stratum()).or_default().0 += 1;
    }
    for cell in &loaded.draw.cells {
        if let Some(stratum) = loaded.cases.get(cell.case).map(Case::stratum) {
            strata.entry(stratum).or_default().1 += 1;
        }
    }
    let row = |(name, (prompts, pairs)): (&str, (u64, u64))| PlannedStratum {
        name: name.to_owned(),
        prompts,
        pairs,
    };
    strata.into_iter().map(row).collect()
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of images; a cast saturates"
)]
fn rounded(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn tenth_of_a_second(minutes: f64) -> f64 {
    (minutes * 600.0).round() / 600.0
}

/// A mean of amounts, in whole cents: for display, never for a budget.
fn cents(usd: f64) -> Usd {
    format!("{:.2}", usd.clamp(0.0, 1e12)).parse().unwrap_or(Usd::ZERO)
}
