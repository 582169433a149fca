//! A gate played many times over: how often it passes, blocks or stays undecided, and what it buys.
//!
//! Every repetition has a random stream of its own, so that the result depends on the seed and on nothing
//! else: not on how repetitions are divided among threads.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;

use super::Decision;
use super::betting::{DESIGN_PHI, Joint, PairCounts, tuned_increase_fractions};
use super::intervals::float;
use super::model::{Levels, ModelTest};
use super::suite::{Allowed, Fractions, KnownBaseline, Unseen, increase_fractions};

/// What is claimed, and what of it must be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// `claim: suite`, with every baseline outcome in the store.
    SuiteStored,
    /// `claim: suite`, the baseline bought along.
    SuitePaired,
    /// `claim: model`.
    Model,
}

/// A gate to be played: one limit on the rise of the failure rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    /// The baseline's true failure rate, a share.
    pub baseline_rate: f64,
    /// The candidate's true failure rate, a share.
    pub candidate_rate: f64,
    /// How the two models' failures on one prompt correlate.
    pub phi: f64,
    /// Pairs of the draw.
    pub pairs: u32,
    /// The claim.
    pub play: Play,
    /// The most that the rate may rise, a difference of shares.
    pub limit: f64,
    /// How many pairs are bought at once.
    pub batch: u32,
    /// How often a change that breaks the limit may pass.
    pub let_bad_through: f64,
    /// How often a harmless change may be blocked.
    pub block_good: f64,
    /// The seed.
    pub seed: u64,
}

/// A figure with which no gate can be played.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what} is {value}; it must be {must}. Nothing was simulated.")]
pub struct BadScenario {
    what: &'static str,
    value: String,
    must: &'static str,
}

/// The most pairs that are played.
pub const MAX_PAIRS: u32 = 1_000_000;

/// How often a gate decided which way; shares are between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Simulated {
    /// Repetitions.
    pub reps: u64,
    /// The share that passed.
    pub pass: f64,
    /// The share that was blocked.
    pub fail: f64,
    /// The share left undecided.
    pub inconclusive: f64,
    /// Candidate images bought, on average.
    pub mean_images: f64,
    /// Candidate images that nine runs of ten stayed within.
    pub p90_images: f64,
}

/// How a gate that stops early compares with one that runs to the end of the same draw (`claim: suite`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FullRun {
    /// The share of draws whose full run breaks the limit.
    pub blocks: f64,
    /// The share that passed early though the full run breaks the limit.
    pub wrong_pass: f64,
    /// The share that was blocked early though the full run keeps it.
    pub wrong_fail: f64,
}

/// What some repetitions came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    reps: u64,
    pass: u64,
    fail: u64,
    images: BTreeMap<u64, u64>,
    full_blocks: u64,
    wrong_pass: u64,
    wrong_fail: u64,
}

impl Played {
    /// Adds the repetitions of another part.
    pub fn merge(&mut self, other: &Self) {
        self.reps += other.reps;
        self.pass += other.pass;
        self.fail += other.fail;
        self.full_blocks += other.full_blocks;
        self.wrong_pass += other.wrong_pass;
        self.wrong_fail += other.wrong_fail;
        for (images, count) in &other.images {
            *self.images.entry(*images).or_default() += count;
        }
    }

    fn add(&mut self, decision: Decision, images: u64) {
        self.reps += 1;
        self.pass += u64::from(decision == Decision::Pass);
        self.fail += u64::from(decision == Decision::Fail);
        *self.images.entry(images).or_default() += 1;
    }

    fn share(&self, count: u64) -> f64 {
        float(count) / float(self.reps.max(1))
    }

    /// The shares.
    #[must_use]
    pub fn simulated(&self) -> Simulated {
        let sum: f64 =
            self.images.iter().map(|(images, count)| float(*images) * float(*count)).sum();
        Simulated {
            reps: self.reps,
            pass: self.share(self.pass),
            fail: self.share(self.fail),
            inconclusive: self.share(self.reps - self.pass - self.fail),
            mean_images: sum / float(self.reps.max(1)),
            p90_images: self.image_quantile(0.9),
        }
    }

    /// The comparison with full runs; all zero for `claim: model`, where no draw is the truth.
    #[must_use]
    pub fn full_run(&self) -> FullRun {
        FullRun {
            blocks: self.share(self.full_blocks),
            wrong_pass: self.share(self.wrong_pass),
            wrong_fail: self.share(self.wrong_fail),
        }
    }

    /// A quantile of the images, interpolated between the two nearest runs.
    fn image_quantile(&self, quantile: f64) -> f64 {
        let place = quantile * float(self.reps.saturating_sub(1));
        let at = |rank: f64| {
            let mut seen = 0.0;
            for (images, count) in &self.images {
                seen += float(*count);
                if seen > rank {
                    return float(*images);
                }
            }
            0.0
        };
        let (low, high) = (at(place.floor()), at(place.ceil()));
        (high - low).mul_add(place.fract(), low)
    }
}

/// A gate ready to be played, by any number of threads at once.
#[derive(Debug)]
pub struct Game {
    scenario: Scenario,
    /// Thresholds of a 32-bit random number for: both fail, candidate only, baseline only.
    bounds: [u64; 3],
    levels: Levels,
    /// The exact test's answers, since few samples are different.
    endings: RwLock<HashMap<PairCounts, Decision>>,
}

impl Game {
    /// Checks the figures.
    ///
    /// # Errors
    ///
    /// A rate outside 0 to 1, a correlation outside -1 to 1, a limit outside 0 to 1, an error rate that is
    /// not between 0 and 50%, no pair or more than [`MAX_PAIRS`], or a batch of nothing.
    pub fn new(scenario: Scenario) -> Result<Self, BadScenario> {
        let share = |what, value: f64| {
            check(what, value, (0.0..=1.0).contains(&value), "between 0% and 100%")
        };
        let error = |what, value: f64| {
            check(what, value, value > 0.0 && value < 0.5, "above 0% and under 50%")
        };
        share("the baseline's failure rate", scenario.baseline_rate)?;
        share("the candidate's failure rate", scenario.candidate_rate)?;
        let phi = scenario.phi;
        check("the correlation phi", phi, (-1.0..=1.0).contains(&phi), "between -1 and 1")?;
        let limit = scenario.limit;
        check("the limit", limit, (0.0..1.0).contains(&limit), "at least 0 and under 100 points")?;
        error("errors.let_bad_through", scenario.let_bad_through)?;
        error("errors.block_good", scenario.block_good)?;
        let pairs = f64::from(scenario.pairs);
        let in_range = (1..=MAX_PAIRS).contains(&scenario.pairs);
        check("the number of pairs", pairs, in_range, "from 1 to 1,000,000")?;
        check("the batch", f64::from(scenario.batch), scenario.batch > 0, "at least 1")?;

        let Scenario { let_bad_through, block_good, .. } = scenario;
        let levels = match scenario.play {
            Play::Model => Levels::model(u64::from(scenario.pairs), let_bad_through, block_good, 1),
            Play::SuiteStored | Play::SuitePaired => Levels::suite(let_bad_through, block_good, 1),
        };
        let joint = Joint::new(scenario.baseline_rate, scenario.candidate_rate, phi);
        let candidate = joint.both + joint.candidate_only;
        let bounds = [joint.both, candidate, candidate + joint.baseline_only].map(bound);
        Ok(Self { scenario, bounds, levels, endings: RwLock::default() })
    }

    /// The same gate with its errors spent otherwise.
    #[must_use]
    pub fn with_levels(self, levels: Levels) -> Self {
        Self { levels, endings: RwLock::default(), ..self }
    }

    /// Plays the repetitions of a range. Any division of a range gives the same sum.
    #[must_use]
    pub fn play(&self, reps: Range<u64>) -> Played {
        let mut played = Played::default();
        match self.scenario.play {
            Play::Model => self.play_model(reps, &mut played),
            Play::SuiteStored | Play::SuitePaired => self.play_suite(reps, &mut played),
        }
        played
    }

    fn stream(&self, rep: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.scenario.seed);
        rng.set_stream(rep);
        rng
    }

    /// One pair: whether the baseline fails, whether the candidate does.
    fn draw(&self, rng: &mut ChaCha8Rng) -> (bool, bool) {
        let [both, candidate, baseline] = self.bounds;
        let random = u64::from(rng.next_u32());
        let baseline_only = random >= candidate && random < baseline;
        (random < both || baseline_only, random < candidate)
    }

    /// Images bought by the time `pairs` are judged: the last batch whole, as far as there are pairs.
    fn bought(&self, pairs: u64) -> u64 {
        let batch = u64::from(self.scenario.batch);
        (pairs.div_ceil(batch) * batch).min(u64::from(self.scenario.pairs))
    }

    fn play_model(&self, reps: Range<u64>, played: &mut Played) {
        let Scenario { limit, baseline_rate, pairs, .. } = self.scenario;
        let test = ModelTest::increase(limit, 0.0, baseline_rate, self.levels);
        for rep in reps {
            let mut rng = self.stream(rep);
            let mut counts = PairCounts::default();
            let mut decision = None;
            while decision.is_none() && counts.n < u64::from(pairs) {
                let (baseline_fails, candidate_fails) = self.draw(&mut rng);
                counts.add(baseline_fails, candidate_fails);
                decision = test.look(counts);
            }
            let decision = decision.unwrap_or_else(|| self.ending(&test, counts));
            played.add(decision, self.bought(counts.n));
        }
    }

    fn ending(&self, test: &ModelTest, counts: PairCounts) -> Decision {
        let known =
            self.endings.read().unwrap_or_else(PoisonError::into_inner).get(&counts).copied();
        known.unwrap_or_else(|| {
            let decision = test.finish(counts);
            self.endings.write().unwrap_or_else(PoisonError::into_inner).insert(counts, decision);
            decision
        })
    }

    fn play_suite(&self, reps: Range<u64>, played: &mut Played) {
        let Scenario { limit, baseline_rate, pairs, play, .. } = self.scenario;
        let cells = u64::from(pairs);
        let allowed = Allowed::share(cells, limit);
        let unseen = tuned_increase_fractions(baseline_rate, DESIGN_PHI, limit, limit);
        let mut tuned: HashMap<u64, Fractions> = HashMap::new();
        let mut draw = Vec::new();
        for rep in reps {
            let mut rng = self.stream(rep);
            draw.clear();
            draw.extend((0..pairs).map(|_| self.draw(&mut rng)));
            let mut total = 0;
            let mut difference = 0_i64;
            for (baseline_fails, candidate_fails) in &draw {
                total += u64::from(*baseline_fails);
                difference += i64::from(*candidate_fails) - i64::from(*baseline_fails);
            }
            let (decision, seen) = if play == Play::SuiteStored {
                let fractions = tuned.entry(total).or_insert_with(|| {
                    let q = (float(total) + 0.5) / (float(cells) + 1.0);
                    increase_fractions(q, DESIGN_PHI, limit)
                });
                let mut evidence = KnownBaseline::with_fractions(cells, total, allowed, fractions);
                self.run(&draw, |baseline, candidate| {
                    evidence.add(baseline, candidate);
                    (evidence.must_pass(), evidence.must_fail(), evidence.capitals())
                })
            } else {
                let mut evidence = Unseen::increase(cells, limit, unseen);
                self.run(&draw, |baseline, candidate| {
                    evidence.add(baseline, candidate);
                    (evidence.must_pass(), evidence.must_fail(), evidence.capitals())
                })
            };
            let breaks = difference > allowed.most();
            played.add(decision, self.bought(seen));
            played.full_blocks += u64::from(breaks);
            played.wrong_pass += u64::from(breaks && decision == Decision::Pass);
            played.wrong_fail += u64::from(!breaks && decision == Decision::Fail);
        }
    }

    /// Follows one draw until it is decided: the verdict and the pairs judged.
    fn run(
        &self,
        draw: &[(bool, bool)],
        mut add: impl FnMut(bool, bool) -> (bool, bool, (f64, f64)),
    ) -> (Decision, u64) {
        let (to_pass, to_fail) = (self.levels.pass.threshold(), self.levels.fail.threshold());
        for (seen, (baseline, candidate)) in (1..).zip(draw) {
            let (must_pass, must_fail, (pass, fail)) = add(*baseline, *candidate);
            if must_pass || pass >= to_pass {
                return (Decision::Pass, seen);
            }
            if must_fail || fail >= to_fail {
                return (Decision::Fail, seen);
            }
        }
        (Decision::Inconclusive, u64::from(self.scenario.pairs))
    }
}

fn check(
    what: &'static str,
    value: f64,
    good: bool,
    must: &'static str,
) -> Result<(), BadScenario> {
    if good { Ok(()) } else { Err(BadScenario { what, value: value.to_string(), must }) }
}

/// A chance as a bound on a 32-bit random number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a chance is between 0 and 1"
)]
pub(super) fn bound(chance: f64) -> u64 {
    (chance.clamp(0.0, 1.0) * 4_294_967_296.0).round() as u64
}
