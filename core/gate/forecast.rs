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
use super::{BySide, CostBasis, Decision, Observation, Outcome, Pair, Stopped, rule};
use crate::policy::{Claim, ErrorRates, Limits, OnAlwaysFail, OnInconclusive, StopWhen};
use crate::prompts::{Case, Cell};
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
mod tests {
    use super::super::simulate::{Game, Play, Scenario};
    use super::*;
    use crate::policy::{QuantityLimit, RateLimit, Span, Spanned};
    use crate::prompts::Expected;
    use crate::units::{Points, Rate, Seed};

    fn spanned<T>(value: T) -> Spanned<T> {
        Spanned { value, span: Span::default() }
    }

    fn limits() -> Limits {
        Limits {
            failure_rate: RateLimit {
                max_increase: Points::new(0.02).map(spanned),
                ..RateLimit::default()
            },
            cost_per_1k: QuantityLimit { max_increase: None, max: None, strict: false },
            latency_p95: QuantityLimit { max_increase: None, max: None, strict: false },
            unavailable: spanned(Rate::new(0.05).unwrap()),
            by_tag: Vec::new(),
        }
    }

    /// Cases of which every third has the tag `sign`.
    fn cases(number: usize) -> Vec<Case> {
        (0..number)
            .map(|index| Case {
                id: format!("c{index}"),
                prompt: String::new(),
                tags: if index % 3 == 0 { vec!["sign".to_owned()] } else { Vec::new() },
                expect: Expected::default(),
                image: None,
                locale: None,
            })
            .collect()
    }

    fn cells(number: usize) -> Vec<Cell> {
        (0..number).map(|case| Cell { case, repeat: 0, seed: Seed(0) }).collect()
    }

    fn setup<'a>(limits: &'a Limits, cases: &'a [Case], cells: &'a [Cell]) -> Setup<'a> {
        Setup {
            limits,
            claim: Claim::Suite,
            stop: StopWhen::Verdict,
            errors: ErrorRates {
                let_bad_through: Rate::new(0.05).unwrap(),
                block_good: Rate::new(0.05).unwrap(),
            },
            cases,
            cells,
            stratified: false,
            end: cells.len(),
            has_baseline: true,
            baseline_stored: true,
            rate: 0.018,
            price: BySide { baseline: Usd::ZERO, candidate: Usd::ZERO },
            seed: 7,
        }
    }

    fn mean(setup: Setup<'_>) -> f64 {
        let forecast = Board::new(setup).play(0..400);
        assert_eq!(forecast.reps, 400);
        #[expect(clippy::cast_precision_loss, reason = "hundreds")]
        forecast.mean(|pairs| pairs as f64)
    }

    #[test]
    fn one_limit_takes_what_the_simulation_says() {
        let (limits, cases, cells) = (limits(), cases(500), cells(500));
        for (claim, play) in [(Claim::Suite, Play::SuiteStored), (Claim::Model, Play::Model)] {
            let scenario = Scenario {
                baseline_rate: 0.018,
                candidate_rate: 0.018,
                phi: DESIGN_PHI,
                pairs: 500,
                play,
                limit: 0.02,
                batch: 1,
                let_bad_through: 0.05,
                block_good: 0.05,
                seed: 7,
            };
            let known = Game::new(scenario).unwrap().play(0..400).simulated();
            let board = Board::new(Setup { claim, ..setup(&limits, &cases, &cells) });
            let ours = board.play(0..400);
            let pairs = mean(Setup { claim, ..setup(&limits, &cases, &cells) });
            // The same streams: only the first 15 pairs differ, at which a verdict is not given yet.
            assert!((pairs / known.mean_images - 1.0).abs() < 0.02, "{pairs} {known:?}");
            assert!((ours.share(ours.pass) - known.pass).abs() < 0.01, "{ours:?} {known:?}");
        }
    }

    #[test]
    fn more_to_prove_takes_longer_and_an_end_ends_it() {
        let (plain, cases, cells) = (limits(), cases(300), cells(300));
        let base = setup(&plain, &cases, &cells);
        let one = mean(base);
        let tight =
            RateLimit { max_increase: Points::new(0.06).map(spanned), ..RateLimit::default() };
        let tagged = Limits { by_tag: vec![("sign".to_owned(), tight)], ..plain.clone() };
        assert!(mean(Setup { limits: &tagged, ..base }) > one);
        let absent = Limits {
            by_tag: vec![("no-such".to_owned(), plain.failure_rate.clone())],
            ..plain.clone()
        };
        assert!((mean(Setup { limits: &absent, ..base }) - one).abs() < 1.0);
        assert!(mean(Setup { baseline_stored: false, ..base }) > one);
        assert!((mean(Setup { stop: StopWhen::End, ..base }) - 300.0).abs() < 1e-9);
        assert!(mean(Setup { end: 50, ..base }) <= 50.0);
        let mut slow = plain.clone();
        slow.latency_p95.max_increase = Some(spanned(0.25));
        assert!(
            Board::new(Setup { limits: &slow, ..base }).play(0..50).pairs.keys().all(|n| *n >= 16)
        );
        let least = Board::new(Setup { limits: &slow, rate: 0.0, ..base }).play(0..1);
        assert!(least.pairs.keys().all(|pairs| *pairs >= 100), "{least:?}");
    }

    #[test]
    fn a_stratified_draw_is_looked_at_every_16th_pair() {
        let (limits, cases, cells) = (limits(), cases(200), cells(200));
        let setup = Setup { stratified: true, ..setup(&limits, &cases, &cells) };
        let forecast = Board::new(setup).play(0..100);
        assert!(forecast.pairs.keys().all(|pairs| pairs % 16 == 0 || *pairs == 200));
    }

    #[test]
    fn threads_change_nothing() {
        let (limits, cases, cells) = (limits(), cases(60), cells(60));
        for claim in [Claim::Suite, Claim::Model] {
            let board = Board::new(Setup { claim, ..setup(&limits, &cases, &cells) });
            let mut parts = board.play(20..30);
            parts.merge(&board.play(0..20));
            assert_eq!(board.play(0..30), parts);
        }
        let nothing = Board::new(setup(&limits, &[], &[])).play(0..3);
        assert_eq!((nothing.reps, nothing.pairs.get(&0)), (3, Some(&3)));
    }
}
