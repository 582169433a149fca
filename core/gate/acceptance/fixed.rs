//! `claim: suite` over draws of fixed outcomes: how often an early verdict is not that of the whole draw.
//!
//! The worst draws are those that just keep or just break the limit, so every population here is one of them:
//! one failure more or less would turn the verdict.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::super::Decision;
use super::super::betting::{DESIGN_PHI, tuned_increase_fractions};
use super::super::model::Levels;
use super::super::suite::{Allowed, KnownBaseline, Unseen};
use super::{Worst, reps};

/// Whether the baseline fails, whether the candidate does.
pub(super) type Outcome = (bool, bool);

/// The limit of every population: 2 points.
pub(super) const LIMIT: f64 = 0.02;

/// What is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bought {
    /// The candidate alone; the baseline is stored.
    Candidate,
    /// Both.
    Pairs,
}

/// A random whole number under a bound; its bias is 2^-32 or less of it.
pub(super) fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    usize::try_from((u64::from(rng.next_u32()) * bound as u64) >> 32).unwrap()
}

pub(super) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

/// The random stream of one repetition.
pub(super) fn stream(rep: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    rng.set_stream(rep);
    rng
}

/// What a population consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Makeup {
    pub(super) cells: usize,
    pub(super) both: usize,
    pub(super) candidate_only: usize,
    pub(super) baseline_only: usize,
}

impl Makeup {
    pub(super) fn outcomes(self) -> Vec<Outcome> {
        let rest = self.cells - self.both - self.candidate_only - self.baseline_only;
        [
            (self.both, (true, true)),
            (self.candidate_only, (false, true)),
            (self.baseline_only, (true, false)),
            (rest, (false, false)),
        ]
        .into_iter()
        .flat_map(|(count, outcome)| std::iter::repeat_n(outcome, count))
        .collect()
    }
}

/// Candidate-only less baseline-only failures.
pub(super) fn difference(outcomes: &[Outcome]) -> i64 {
    outcomes.iter().map(|(b, c)| i64::from(*c) - i64::from(*b)).sum()
}

/// The verdict where the evidence is looked at after the 16th cell and then after each `every`; at the last
/// cell counting decides.
pub(super) fn follow(bought: Bought, order: &[Outcome], every: usize) -> Decision {
    let cells = u64::try_from(order.len()).unwrap();
    let allowed = Allowed::share(cells, LIMIT);
    let levels = Levels::suite(0.05, 0.05, 1);
    let baseline = order.iter().filter(|(baseline, _)| *baseline).count();
    let mut known = KnownBaseline::increase(cells, u64::try_from(baseline).unwrap(), LIMIT);
    let fractions = tuned_increase_fractions(0.02, DESIGN_PHI, LIMIT, LIMIT);
    let mut unseen = Unseen::increase(cells, LIMIT, fractions);
    for (seen, (baseline, candidate)) in (1..).zip(order) {
        let (must_pass, must_fail, (pass, fail)) = match bought {
            Bought::Candidate => {
                known.add(*baseline, *candidate);
                (known.must_pass(), known.must_fail(), known.capitals())
            }
            Bought::Pairs => {
                unseen.add(*baseline, *candidate);
                (unseen.must_pass(), unseen.must_fail(), unseen.capitals())
            }
        };
        if seen < 16 || seen % every != 0 {
            continue;
        }
        if must_pass || pass >= levels.pass.threshold() {
            return Decision::Pass;
        }
        if must_fail || fail >= levels.fail.threshold() {
            return Decision::Fail;
        }
    }
    if difference(order) > allowed.most() { Decision::Fail } else { Decision::Pass }
}

/// Draws of `cells` at the boundary: those that just break the limit, and those that just keep it, with the
/// failures that both models share, and the changes for the better, in several proportions.
fn at_the_boundary(cells: usize) -> Vec<Makeup> {
    let most = usize::try_from(Allowed::share(cells as u64, LIMIT).most()).unwrap();
    let mut makeups = Vec::new();
    for more in [most, most + 1] {
        for share in [0, 5, 18, 50, 120] {
            let baseline = cells * share / 1000;
            for both in [0, baseline / 3, baseline * 7 / 10, baseline] {
                let baseline_only = baseline - both;
                let makeup =
                    Makeup { cells, both, candidate_only: more + baseline_only, baseline_only };
                if !makeups.contains(&makeup) {
                    makeups.push(makeup);
                }
            }
        }
    }
    makeups
}

fn disagreement(bought: Bought, sizes: &[usize]) {
    let reps = reps(120);
    let mut worst = Worst::new(match bought {
        Bought::Candidate => "suite, baseline stored, random order, looks after every pair",
        Bought::Pairs => "suite, both bought, random order, looks after every pair",
    });
    for cells in sizes {
        for makeup in at_the_boundary(*cells) {
            let mut order = makeup.outcomes();
            let breaks = difference(&order) > Allowed::share(*cells as u64, LIMIT).most();
            let full = if breaks { Decision::Fail } else { Decision::Pass };
            let mut wrong = 0;
            for rep in 0..reps {
                shuffle(&mut order, &mut stream(rep));
                wrong += u64::from(follow(bought, &order, 1) != full);
            }
            worst.cell(format!("{makeup:?}, the whole says {}", full.word()), wrong, reps);
        }
    }
    worst.check();
}

#[test]
fn an_early_verdict_is_that_of_the_whole_draw_with_a_stored_baseline() {
    disagreement(Bought::Candidate, &[100, 200, 500]);
}

#[test]
fn an_early_verdict_is_that_of_the_whole_draw_with_both_bought() {
    disagreement(Bought::Pairs, &[100, 200, 500]);
}

#[test]
fn an_early_verdict_over_a_thousand_pairs_is_that_of_the_whole_draw() {
    disagreement(Bought::Candidate, &[1000]);
}
