//! The whole gate played beforehand, all its limits at once: how many pairs a harmless change will take.
//!
//! [`super::simulate`] plays one limit at rates of one's own, fast; this plays the very [`Trial`] of a policy over
//! its own draw, at no change. It is a forecast and no promise: no error rate depends on it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::betting::{DESIGN_PHI, Joint};
use super::intervals::float;
use super::limits::Planned;
use super::simulate::bound;
use super::trial::{KnownOfBaseline, Terms, Trial};
use super::{BySide, Decision, Observation, Outcome, Pair, Stopped, rule};
use crate::policy::{Claim, ErrorRates, Limits, OnAlwaysFail, OnInconclusive, StopWhen};
use crate::prompts::{Case, Cell};
use crate::units::CostBasis;
use crate::units::Usd;

/// What is to be played.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The limits.
    pub limits: &'a Limits,
    /// What is claimed.
    pub claim: Claim,
    /// When buying stops.
    pub stop: StopWhen,
    /// How often the verdict may be wrong.
    pub errors: ErrorRates,
    /// All cases.
    pub cases: &'a [Case],
    /// The draw.
    pub cells: &'a [Cell],
    /// Whether the draw has more than one stratum.
    pub stratified: bool,
    /// How many pairs can be bought at most; the draw's own number where nothing ends it before.
    pub end: usize,
    /// Whether there is a baseline to compare with.
    pub has_baseline: bool,
    /// Whether all of the baseline's results are stored.
    pub baseline_stored: bool,
    /// The rate at which both models fail, a share.
    pub rate: f64,
    /// What an image costs at the list price.
    pub price: BySide<Usd>,
    /// The seed.
    pub seed: u64,
}

/// How the repetitions ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Repetitions by how many pairs they took.
    pub pairs: BTreeMap<usize, u64>,
    /// Repetitions that passed.
    pub pass: u64,
    /// Repetitions that were blocked.
    pub fail: u64,
    /// All of them.
    pub reps: u64,
}

impl Forecast {
    /// Adds another part.
    pub fn merge(&mut self, other: &Self) {
        for (pairs, count) in &other.pairs {
            *self.pairs.entry(*pairs).or_default() += count;
        }
        self.pass += other.pass;
        self.fail += other.fail;
        self.reps += other.reps;
    }

    /// The mean of what each repetition comes to, given its pairs; 0 where nothing was played.
    #[must_use]
    pub fn mean(&self, of: impl Fn(usize) -> f64) -> f64 {
        let sum: f64 = self.pairs.iter().map(|(pairs, count)| of(*pairs) * float(*count)).sum();
        sum / float(self.reps.max(1))
    }

    /// The share of a number of repetitions.
    #[must_use]
    pub fn share(&self, count: u64) -> f64 {
        float(count) / float(self.reps.max(1))
    }
}

/// A policy's gate, ready to be played by any number of threads.
#[derive(Debug)]
pub struct Board<'a> {
    setup: Setup<'a>,
    planned: Planned,
    /// The draw, every picture of it good.
    pairs: Vec<Pair>,
    bounds: [u64; 3],
}

impl<'a> Board<'a> {
    /// Sets the board up.
    #[must_use]
    pub fn new(setup: Setup<'a>) -> Self {
        // In a claim about the models, what can be paid for is fixed beforehand.
        let last = if setup.claim == Claim::Model { setup.end } else { setup.cells.len() };
        let mut planned = Planned::default();
        let mut pairs = Vec::with_capacity(last.min(setup.cells.len()));
        for cell in setup.cells.iter().take(last) {
            let Some(case) = setup.cases.get(cell.case) else { continue };
            planned.pairs += 1;
            for tag in &case.tags {
                match planned.by_tag.get_mut(tag) {
                    Some(number) => *number += 1,
                    None => drop(planned.by_tag.insert(tag.clone(), 1)),
                }
            }
            let baseline = setup.has_baseline.then(|| good(setup.price.baseline));
            pairs.push(Pair {
                case: String::new(),
                repeat: cell.repeat,
                tags: case.tags.clone(),
                baseline,
                candidate: good(setup.price.candidate),
            });
        }
        let joint = Joint::new(setup.rate, setup.rate, DESIGN_PHI);
        let candidate = joint.both + joint.candidate_only;
        let bounds = [joint.both, candidate, candidate + joint.baseline_only].map(bound);
        Self { setup, planned, pairs, bounds }
    }

    /// How many repetitions are worth their time: fewer of a long draw.
    #[must_use]
    pub fn reps(&self) -> u64 {
        let limits = 2 + u64::try_from(self.setup.limits.by_tag.len()).unwrap_or(u64::MAX);
        (600_000 / (self.planned.pairs * limits).max(1)).clamp(100, 1_000)
    }

    /// Plays the repetitions of a range. Any division of a range gives the same sum.
    #[must_use]
    pub fn play(&self, reps: Range<u64>) -> Forecast {
        let mut forecast = Forecast::default();
        let mut pairs = self.pairs.clone();
        for rep in reps {
            let (seen, decision) = self.once(rep, &mut pairs);
            *forecast.pairs.entry(seen).or_default() += 1;
            forecast.pass += u64::from(decision == Decision::Pass);
            forecast.fail += u64::from(decision == Decision::Fail);
            forecast.reps += 1;
        }
        forecast
    }

    /// One repetition: how many pairs it took, and how it ended.
    fn once(&self, rep: u64, pairs: &mut [Pair]) -> (usize, Decision) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.setup.seed);
        rng.set_stream(rep);
        for pair in pairs.iter_mut() {
            let (baseline, candidate) = self.outcomes(&mut rng);
            set(&mut pair.candidate, candidate);
            if let Some(sample) = &mut pair.baseline {
                set(sample, baseline);
            }
        }
        let mut trial = Trial::new(self.setup.limits, self.terms(pairs));
        let end = self.setup.end.min(pairs.len());
        let settled = pairs.iter().take(end).position(|pair| trial.push(pair));
        let seen = settled.map_or(end, |place| place + 1);
        let stopped = if settled.is_some() { Stopped::Decided } else { Stopped::Budget };
        let pairs = pairs.get(..seen).unwrap_or_default();
        (seen, rule(&trial, OnInconclusive::Fail, pairs, stopped).decision)
    }

    fn terms(&self, pairs: &[Pair]) -> Terms {
        let setup = &self.setup;
        let baseline = match (setup.has_baseline, setup.baseline_stored) {
            (false, _) => KnownOfBaseline::Absent,
            (true, false) => KnownOfBaseline::Unseen,
            (true, true) => KnownOfBaseline::of(pairs),
        };
        Terms {
            claim: setup.claim,
            errors: setup.errors,
            stop: setup.stop,
            // Whether a prompt fails always is no matter of rates.
            always_fail: OnAlwaysFail::Warn,
            planned: self.planned.clone(),
            stratified: setup.stratified,
            baseline,
            design_rate: setup.rate,
            most_cost: BySide::default(),
            fixed_prices: true,
        }
    }

    /// One pair: whether the baseline fails, whether the candidate does.
    fn outcomes(&self, rng: &mut ChaCha8Rng) -> (bool, bool) {
        let [both, candidate, baseline] = self.bounds;
        let random = u64::from(rng.next_u32());
        let baseline_only = random >= candidate && random < baseline;
        (random < both || baseline_only, random < candidate)
    }
}

/// A good picture that came in a second, as all of them do here.
const fn good(cost: Usd) -> Observation {
    Observation {
        outcome: Outcome::Passed,
        failure: false,
        failed_checks: Vec::new(),
        unsure_checks: Vec::new(),
        skipped_checks: Vec::new(),
        cost,
        cost_basis: CostBasis::Exact,
        latency: Some(Duration::from_secs(1)),
        image: None,
    }
}

fn set(sample: &mut Observation, fails: bool) {
    sample.outcome = if fails { Outcome::Failed } else { Outcome::Passed };
    sample.failure = fails;
}

#[cfg(test)]
mod tests;
