//! The whole gate played beforehand, all its limits at once: how many pairs a harmless change will take.
//!
//! [`super::simulate`] plays one limit at rates of one's own; this plays a policy's limits over its own draw, at
//! no change. It is a forecast and no promise: no error rate depends on it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Decision;
use super::betting::{DESIGN_PHI, Joint, PairCounts, tuned_increase_fractions};
use super::intervals::float;
use super::limits::{P95_MIN_ABSOLUTE, P95_MIN_RELATIVE};
use super::model::{Levels, ModelTest};
use super::simulate::bound;
use super::suite::{Allowed, KnownBaseline, Unseen};
use crate::policy::{Claim, ErrorRates, Limits, RateLimit, StopWhen};
use crate::prompts::{Case, Cell};

/// The failure rate that is assumed where no stored result tells it: about that of a good production model.
pub const ASSUMED_RATE: f64 = 0.02;

/// Verdicts on fewer pairs are not given, and a stratified draw is looked at this often.
const LOOK: usize = 16;

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
    /// The seed.
    pub seed: u64,
}

/// What is asked of one limit.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Increase(f64),
    /// And whether a change that lowers the rate is forgiven.
    Max(f64, bool),
}

/// A limit, and the cells that it is about.
#[derive(Clone, Debug)]
struct Played {
    asked: Asked,
    members: Vec<bool>,
    cells: u64,
    /// Whether it can be decided before the last pair: a maximum that lies under the rate to expect, and
    /// forgives what lowers it, stays open.
    early: bool,
    test: ModelTest,
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
    limits: Vec<Played>,
    levels: Levels,
    /// Pairs before which a pass can't be, for a percentile of the time needs so many.
    not_before: usize,
    bounds: [u64; 3],
}

impl<'a> Board<'a> {
    /// Sets the board up.
    #[must_use]
    pub fn new(setup: Setup<'a>) -> Self {
        let pairs = count(setup.cells.len());
        let end = count(setup.end.min(setup.cells.len()));
        let tested = tested(setup.limits);
        let (bad, good) = (setup.errors.let_bad_through.share(), setup.errors.block_good.share());
        let levels = match setup.claim {
            Claim::Suite => Levels::suite(bad, good, tested),
            Claim::Model => Levels::model(end, bad, good, tested),
        };
        let mut limits = Vec::new();
        let mut add = |limit: &RateLimit, members: Vec<bool>| {
            let cells = count(members.iter().filter(|member| **member).count());
            if cells == 0 {
                return;
            }
            if let Some(increase) = limit.max_increase.as_ref().filter(|_| setup.has_baseline) {
                let share = increase.value.difference();
                let test = ModelTest::increase(share, 0.0, setup.rate, levels);
                let asked = Asked::Increase(share);
                limits.push(Played { asked, members: members.clone(), cells, early: true, test });
            }
            if let Some(max) = &limit.max {
                let share = max.value.share();
                let forgives = setup.has_baseline && !limit.strict;
                let asked = Asked::Max(share, forgives);
                let early = !forgives || setup.rate < share;
                let test = ModelTest::rate(share, levels);
                limits.push(Played { asked, members, cells, early, test });
            }
        };
        add(&setup.limits.failure_rate, vec![true; setup.cells.len()]);
        for (tag, limit) in &setup.limits.by_tag {
            let has_tag = |cell: &Cell| {
                setup.cases.get(cell.case).is_some_and(|case| case.tags.contains(tag))
            };
            add(limit, setup.cells.iter().map(has_tag).collect());
        }
        let latency = &setup.limits.latency_p95;
        let not_before = [
            latency.max.as_ref().map(|_| P95_MIN_ABSOLUTE),
            latency.max_increase.as_ref().filter(|_| setup.has_baseline).map(|_| P95_MIN_RELATIVE),
        ];
        // With fewer pairs the limit is skipped, and holds nothing up.
        let not_before = not_before.into_iter().flatten().filter(|needed| *needed <= pairs).max();
        let joint = Joint::new(setup.rate, setup.rate, DESIGN_PHI);
        let candidate = joint.both + joint.candidate_only;
        Self {
            setup,
            limits,
            levels,
            not_before: not_before.and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            bounds: [joint.both, candidate, candidate + joint.baseline_only].map(bound),
        }
    }

    /// How many repetitions are worth their time: fewer of a long draw.
    #[must_use]
    pub fn reps(&self) -> u64 {
        let work = count(self.setup.cells.len()) * count(self.limits.len().max(1));
        (2_000_000 / work.max(1)).clamp(100, 2_000)
    }

    /// Plays the repetitions of a range. Any division of a range gives the same sum.
    #[must_use]
    pub fn play(&self, reps: Range<u64>) -> Forecast {
        let mut forecast = Forecast::default();
        let mut endings = Endings::new();
        for rep in reps {
            let (pairs, decision) = self.once(rep, &mut endings);
            *forecast.pairs.entry(pairs).or_default() += 1;
            forecast.pass += u64::from(decision == Decision::Pass);
            forecast.fail += u64::from(decision == Decision::Fail);
            forecast.reps += 1;
        }
        forecast
    }

    /// One repetition: how many pairs it took, and how it ended.
    fn once(&self, rep: u64, endings: &mut Endings) -> (usize, Decision) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.setup.seed);
        rng.set_stream(rep);
        let draw: Vec<_> = self.setup.cells.iter().map(|_| self.pair(&mut rng)).collect();
        let mut open: Vec<_> =
            self.limits.iter().map(|limit| Open::new(&self.setup, limit, &draw)).collect();
        let all = draw.len();
        let end = self.setup.end.min(all);
        let every = if self.setup.stratified { LOOK } else { 1 };
        for (seen, (baseline, candidate)) in (1..).zip(draw.iter().take(end)) {
            for one in &mut open {
                one.add(seen - 1, *baseline, *candidate);
            }
            if seen < LOOK.min(all) || seen % every != 0 || seen == all {
                continue;
            }
            for one in &mut open {
                one.look(self.levels);
            }
            let failed = open.iter().any(|one| one.decision == Some(Decision::Fail));
            let decided = open.iter().all(|one| one.decision.is_some()) && !open.is_empty();
            let decided = decided && seen >= self.not_before;
            let over = match self.setup.stop {
                StopWhen::Verdict => failed || decided,
                StopWhen::Limits => decided,
                StopWhen::End => false,
            };
            if over {
                return (seen, if failed { Decision::Fail } else { Decision::Pass });
            }
        }
        let ends = open.iter().enumerate().map(|(number, one)| match self.setup.claim {
            Claim::Suite if end == all => one.count(&draw),
            Claim::Suite => one.decision.unwrap_or(Decision::Inconclusive),
            Claim::Model => one.finish(number, endings),
        });
        (end, ends.max().unwrap_or(Decision::Pass))
    }

    /// One pair: whether the baseline fails, whether the candidate does.
    fn pair(&self, rng: &mut ChaCha8Rng) -> (bool, bool) {
        let [both, candidate, baseline] = self.bounds;
        let random = u64::from(rng.next_u32());
        let baseline_only = random >= candidate && random < baseline;
        (random < both || baseline_only, random < candidate)
    }
}

/// What the exact test at the end says, by the number of the limit and its counts: few samples are different.
type Endings = HashMap<(usize, PairCounts), Decision>;

/// One limit while a repetition is played.
struct Open<'a> {
    limit: &'a Played,
    evidence: Evidence,
    decision: Option<Decision>,
}

/// A limit's evidence.
enum Evidence {
    Known(Box<KnownBaseline>),
    Unseen(Box<Unseen>),
    Model(PairCounts),
}

impl<'a> Open<'a> {
    fn new(setup: &Setup<'_>, limit: &'a Played, draw: &[(bool, bool)]) -> Self {
        let total = limit.of(draw).filter(|(baseline, _)| *baseline).count();
        let cells = limit.cells;
        let evidence = match (setup.claim, setup.baseline_stored, limit.asked) {
            (Claim::Model, ..) => Evidence::Model(PairCounts::default()),
            (Claim::Suite, true, Asked::Increase(share)) => {
                Evidence::Known(Box::new(KnownBaseline::increase(cells, count(total), share)))
            }
            (Claim::Suite, true, Asked::Max(share, _)) => {
                Evidence::Known(Box::new(KnownBaseline::rate(cells, count(total), share)))
            }
            (Claim::Suite, false, Asked::Increase(share)) => {
                let tuned = tuned_increase_fractions(setup.rate, DESIGN_PHI, share, share);
                Evidence::Unseen(Box::new(Unseen::increase(cells, share, tuned)))
            }
            (Claim::Suite, false, Asked::Max(share, _)) => {
                Evidence::Unseen(Box::new(Unseen::rate(cells, share)))
            }
        };
        Self { limit, evidence, decision: None }
    }

    /// Counts a pair, where the limit is about it.
    fn add(&mut self, index: usize, baseline: bool, candidate: bool) {
        if self.limit.members.get(index) != Some(&true) {
            return;
        }
        match &mut self.evidence {
            Evidence::Known(known) => known.add(baseline, candidate),
            Evidence::Unseen(unseen) => unseen.add(baseline, candidate),
            Evidence::Model(counts) => {
                let baseline = baseline && matches!(self.limit.asked, Asked::Increase(_));
                counts.add(baseline, candidate);
            }
        }
    }

    /// Looks at the evidence; what is decided stays.
    fn look(&mut self, levels: Levels) {
        if self.decision.is_some() || !self.limit.early {
            return;
        }
        let prove = |must_pass, must_fail, (pass, fail): (f64, f64)| {
            if must_pass || pass >= levels.pass.threshold() {
                Some(Decision::Pass)
            } else if must_fail || fail >= levels.fail.threshold() {
                Some(Decision::Fail)
            } else {
                None
            }
        };
        self.decision = match &self.evidence {
            Evidence::Known(it) => prove(it.must_pass(), it.must_fail(), it.capitals()),
            Evidence::Unseen(it) => prove(it.must_pass(), it.must_fail(), it.capitals()),
            Evidence::Model(counts) => self.limit.test.look(*counts),
        };
    }

    /// What the whole draw says, by counting.
    fn count(&self, draw: &[(bool, bool)]) -> Decision {
        let failures = |side: fn(&(bool, bool)) -> bool| {
            i64::try_from(self.limit.of(draw).filter(|pair| side(pair)).count()).unwrap_or(i64::MAX)
        };
        let rise = failures(|pair| pair.1) - failures(|pair| pair.0);
        let broken = match self.limit.asked {
            Asked::Increase(share) => rise > Allowed::share(self.limit.cells, share).most(),
            Asked::Max(share, forgives) => {
                let over = failures(|pair| pair.1) > Allowed::share(self.limit.cells, share).most();
                over && !(forgives && rise < 0)
            }
        };
        if broken { Decision::Fail } else { Decision::Pass }
    }

    /// What the exact test at the last pair says, where nothing before it decided.
    fn finish(&self, number: usize, endings: &mut Endings) -> Decision {
        match (self.decision, &self.evidence) {
            (Some(decision), _) => decision,
            (None, Evidence::Model(counts)) => {
                *endings.entry((number, *counts)).or_insert_with(|| self.limit.test.finish(*counts))
            }
            (None, _) => Decision::Inconclusive,
        }
    }
}

impl Played {
    /// The pairs of a draw that the limit is about.
    fn of<'b>(&'b self, draw: &'b [(bool, bool)]) -> impl Iterator<Item = &'b (bool, bool)> {
        draw.iter().zip(&self.members).filter(|(_, member)| **member).map(|(pair, _)| pair)
    }
}

/// How many limits are tested statistically: `errors.block_good` is divided among them.
fn tested(limits: &Limits) -> u32 {
    let of = |limit: &RateLimit| {
        u32::from(limit.max_increase.is_some()) + u32::from(limit.max.is_some())
    };
    let latency = &limits.latency_p95;
    let tags: u32 = limits.by_tag.iter().map(|(_, limit)| of(limit)).sum();
    of(&limits.failure_rate)
        + tags
        + u32::from(latency.max.is_some())
        + u32::from(latency.max_increase.is_some())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
