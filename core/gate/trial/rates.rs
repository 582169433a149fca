//! Limits on failure rates: of all pairs, and of single tags.

use std::ops::Not as _;

use super::{Evidence, KnownOfBaseline, Terms, Test};
use crate::gate::betting::{DESIGN_PHI, PairCounts, tuned_increase_fractions};
use crate::gate::evidence::{Pair, Tallies};
use crate::gate::model::{Level, Levels, ModelTest};
use crate::gate::planner;
use crate::gate::suite::{Allowed, KnownBaseline, Unseen};
use crate::gate::{Decision, Side};
use crate::policy::{Claim, Limits, RateLimit};

/// How much of the error of passing goes to showing an improvement, where an improvement is forgiven a rate over
/// `max`. Most changes keep their `max`, so most of it goes to showing that.
const FORGIVEN_SHARE: f64 = 0.1;

/// A limit, the tag that it is for, and its name.
fn named(limits: &Limits) -> impl Iterator<Item = (String, Option<&str>, &RateLimit)> {
    let all = std::iter::once(("failure_rate".to_owned(), None, &limits.failure_rate));
    all.chain(
        limits
            .by_tag
            .iter()
            .map(|(tag, limit)| (format!("by_tag.{tag}.failure_rate"), Some(tag.as_str()), limit)),
    )
}

/// A limit that can be judged, ready to be tested.
pub(super) struct Open<'a> {
    name: String,
    ground: Ground<'a>,
    question: Question,
}

/// The limits that can be judged, in the order of the reports: those of a tag that no pair carries can't, nor
/// can a rise without a baseline.
pub(super) fn open<'a>(limits: &'a Limits, terms: &'a Terms) -> Vec<Open<'a>> {
    let has_baseline = terms.baseline != KnownOfBaseline::Absent;
    let mut list = Vec::new();
    for (name, tag, limit) in named(limits) {
        let ground = Ground::new(terms, tag);
        if ground.cells == 0 {
            continue;
        }
        if let Some(increase) = limit.max_increase.as_ref().filter(|_| has_baseline) {
            let question = Question::Increase(increase.value.difference());
            list.push(Open { name: format!("{name}.max_increase"), ground, question });
        }
        if let Some(max) = &limit.max {
            let forgives = has_baseline && !limit.strict;
            let question = Question::Max { rate: max.value.share(), forgives };
            list.push(Open { name: format!("{name}.max"), ground, question });
        }
    }
    list
}

/// The test of a limit at these levels.
pub(super) fn test(open: Open<'_>, levels: Levels) -> Box<dyn Test> {
    let Open { name, ground, question } = open;
    let tag = ground.tag.map(str::to_owned);
    match ground.terms.claim {
        Claim::Suite => {
            let (main, other) = ground.processes(question);
            Box::new(SuiteTest { name, tag, levels, main, other })
        }
        Claim::Model => {
            let q = ground.terms.design_rate;
            let (main, other) = match question {
                Question::Increase(limit) => (ModelTest::increase(limit, 0.0, q, levels), None),
                Question::Max { rate, forgives: false } => (ModelTest::rate(rate, levels), None),
                Question::Max { rate, forgives: true } => {
                    let (own, better) = shares(levels);
                    // Nothing is tolerated and nothing allowed: does the rate fall, does it rise?
                    let fall = ModelTest::increase(0.0, 0.0, q, better);
                    (ModelTest::rate(rate, own), Some(fall))
                }
            };
            let alone = matches!(question, Question::Max { .. });
            Box::new(ModelRateTest {
                name,
                tag,
                main,
                other,
                alone,
                counts: PairCounts::default(),
                own: PairCounts::default(),
            })
        }
    }
}

/// What a limit asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Question {
    /// Does the rate rise by more than this?
    Increase(f64),
    /// Is the rate over this, and, where that is forgiven, no lower than the baseline's?
    Max { rate: f64, forgives: bool },
}

/// The cells that a limit is about.
#[derive(Clone, Copy)]
struct Ground<'a> {
    terms: &'a Terms,
    tag: Option<&'a str>,
    cells: u64,
}

impl<'a> Ground<'a> {
    fn new(terms: &'a Terms, tag: Option<&'a str>) -> Self {
        let cells = match tag {
            None => terms.planned.pairs,
            Some(tag) => terms.planned.by_tag.get(tag).copied().unwrap_or(0),
        };
        Self { terms, tag, cells }
    }

    /// How many of the cells the baseline fails, where that is known.
    fn failing(&self) -> Option<u64> {
        match (&self.terms.baseline, self.tag) {
            (KnownOfBaseline::Known { failing, .. }, None) => Some(*failing),
            (KnownOfBaseline::Known { by_tag, .. }, Some(tag)) => {
                Some(by_tag.get(tag).copied().unwrap_or(0))
            }
            (KnownOfBaseline::Absent | KnownOfBaseline::Unseen, _) => None,
        }
    }

    /// The process for the question itself, and the one for an improvement where that is forgiven.
    fn processes(&self, question: Question) -> (Process, Option<Process>) {
        let cells = self.cells;
        let fractions =
            |limit| tuned_increase_fractions(self.terms.design_rate, DESIGN_PHI, limit, limit);
        match (question, self.failing()) {
            (Question::Increase(limit), Some(failing)) => {
                (Process::known(KnownBaseline::increase(cells, failing, limit)), None)
            }
            (Question::Increase(limit), None) => {
                (Process::Pairs(Unseen::increase(cells, limit, fractions(limit))), None)
            }
            (Question::Max { rate, forgives }, Some(failing)) => (
                Process::KnownAlone(Box::new(KnownBaseline::rate(cells, failing, rate))),
                forgives.then(|| Process::known(KnownBaseline::improvement(cells, failing))),
            ),
            (Question::Max { rate, forgives }, None) => (
                Process::Alone(Unseen::rate(cells, rate)),
                forgives.then(|| {
                    let fewer = Allowed::at_most(-1);
                    Process::Pairs(Unseen::difference(cells, fewer, fractions(0.0)))
                }),
            ),
        }
    }
}

/// Evidence over a draw, of whichever kind.
#[derive(Clone, Debug)]
enum Process {
    Known(Box<KnownBaseline>),
    /// Of the candidate's own rate, the baseline being known.
    KnownAlone(Box<KnownBaseline>),
    Pairs(Unseen),
    /// Of the candidate alone.
    Alone(Unseen),
}

impl Process {
    fn known(process: KnownBaseline) -> Self {
        Self::Known(Box::new(process))
    }

    /// A pair without an answer makes no difference between the models, and is no failure of the candidate's. Where
    /// the baseline's outcome is known it must be given as it is, so the candidate's is taken to be the same.
    fn add(&mut self, pair: &Pair) {
        let fails = |side| pair.side(side).is_some_and(|sample| sample.failure);
        let (mut baseline, mut candidate) = (fails(Side::Baseline), fails(Side::Candidate));
        if !pair.answered() {
            baseline &= matches!(self, Self::Known(_) | Self::KnownAlone(_));
            candidate = baseline && matches!(self, Self::Known(_));
        }
        match self {
            Self::Known(process) | Self::KnownAlone(process) => process.add(baseline, candidate),
            Self::Pairs(process) | Self::Alone(process) => process.add(baseline, candidate),
        }
    }

    fn capitals(&self) -> (f64, f64) {
        match self {
            Self::Known(process) | Self::KnownAlone(process) => process.capitals(),
            Self::Pairs(process) | Self::Alone(process) => process.capitals(),
        }
    }

    fn must_pass(&self) -> bool {
        match self {
            Self::Known(process) | Self::KnownAlone(process) => process.must_pass(),
            Self::Pairs(process) | Self::Alone(process) => process.must_pass(),
        }
    }

    fn must_fail(&self) -> bool {
        match self {
            Self::Known(process) | Self::KnownAlone(process) => process.must_fail(),
            Self::Pairs(process) | Self::Alone(process) => process.must_fail(),
        }
    }

    fn is_broken(&self, levels: Levels) -> bool {
        self.must_fail() || self.capitals().1 >= levels.fail.threshold()
    }
}

/// `claim: suite`.
#[derive(Clone, Debug)]
struct SuiteTest {
    name: String,
    tag: Option<String>,
    levels: Levels,
    main: Process,
    /// Whether the candidate fails less often, where that is forgiven everything.
    other: Option<Process>,
}

impl SuiteTest {
    /// The evidence that the limit is kept: a bet on either way to keep it, each with its share of the stake.
    fn pass_capital(&self) -> f64 {
        let (own, _) = self.main.capitals();
        match &self.other {
            None => own,
            Some(other) => own * (1.0 - FORGIVEN_SHARE) + other.capitals().0 * FORGIVEN_SHARE,
        }
    }

    /// The evidence that it is broken: both ways to keep it must be ruled out, so the weaker one counts.
    fn fail_capital(&self) -> f64 {
        let (_, own) = self.main.capitals();
        self.other.as_ref().map_or(own, |other| own.min(other.capitals().1))
    }
}

impl Test for SuiteTest {
    fn name(&self) -> &str {
        &self.name
    }

    fn add(&mut self, pair: &Pair) {
        if self.tag.as_ref().is_some_and(|tag| !pair.has_tag(tag)) {
            return;
        }
        self.main.add(pair);
        if let Some(other) = &mut self.other {
            other.add(pair);
        }
    }

    fn look(&self) -> Option<Decision> {
        let must_pass =
            self.main.must_pass() || self.other.as_ref().is_some_and(Process::must_pass);
        if must_pass || self.pass_capital() >= self.levels.pass.threshold() {
            return Some(Decision::Pass);
        }
        let broken = self.main.is_broken(self.levels)
            && self.other.as_ref().is_none_or(|other| other.is_broken(self.levels));
        broken.then_some(Decision::Fail)
    }

    fn evidence(&self) -> Option<Evidence> {
        let ln = |capital: f64| capital.max(f64::MIN_POSITIVE).ln();
        Some(Evidence {
            pass: ln(self.pass_capital()),
            fail: ln(self.fail_capital()),
            pass_at: self.levels.pass.ln_threshold(),
            fail_at: self.levels.fail.ln_threshold(),
        })
    }
}

/// The levels of a limit that may be kept in two ways: by its own rate, and by an improvement.
fn shares(levels: Levels) -> (Levels, Levels) {
    let part = |share: f64| Levels {
        pass: Level {
            sequential: levels.pass.sequential * share,
            terminal: levels.pass.terminal * share,
        },
        fail: levels.fail,
    };
    (part(1.0 - FORGIVEN_SHARE), part(FORGIVEN_SHARE))
}

/// `claim: model`. A pair without an answer is left out.
#[derive(Clone, Debug)]
struct ModelRateTest {
    name: String,
    tag: Option<String>,
    main: ModelTest,
    /// Whether the rate falls, where that is forgiven everything.
    other: Option<ModelTest>,
    /// Whether `main` is about the candidate alone.
    alone: bool,
    counts: PairCounts,
    own: PairCounts,
}

impl ModelRateTest {
    const fn main_counts(&self) -> PairCounts {
        if self.alone { self.own } else { self.counts }
    }

    /// A pass by either, a fail by both.
    fn both(&self, ask: impl Fn(&ModelTest, PairCounts) -> Option<Decision>) -> Option<Decision> {
        let main = ask(&self.main, self.main_counts());
        let Some(other) = &self.other else { return main };
        let other = ask(other, self.counts);
        match (main, other) {
            (Some(Decision::Pass), _) | (_, Some(Decision::Pass)) => Some(Decision::Pass),
            (Some(Decision::Fail), Some(Decision::Fail)) => Some(Decision::Fail),
            _ => None,
        }
    }
}

impl Test for ModelRateTest {
    fn name(&self) -> &str {
        &self.name
    }

    fn add(&mut self, pair: &Pair) {
        let tagged = self.tag.as_ref().is_none_or(|tag| pair.has_tag(tag));
        if !tagged || !pair.answered() {
            return;
        }
        let fails = |side| pair.side(side).is_some_and(|sample| sample.failure);
        self.counts.add(fails(Side::Baseline), fails(Side::Candidate));
        self.own.add(false, fails(Side::Candidate));
    }

    fn look(&self) -> Option<Decision> {
        self.both(ModelTest::look)
    }

    fn finish(&self) -> Option<Decision> {
        self.both(|test, counts| {
            let decision = test.look(counts).unwrap_or_else(|| test.finish(counts));
            (decision == Decision::Inconclusive).not().then_some(decision)
        })
    }

    fn evidence(&self) -> Option<Evidence> {
        let (pass, fail) = self.main.evidence().ln_capitals(self.main_counts());
        let levels = self.main.levels();
        Some(Evidence {
            pass,
            fail,
            pass_at: levels.pass.ln_threshold(),
            fail_at: levels.fail.ln_threshold(),
        })
    }
}

/// How many pairs of the whole draw would probably decide the undecided limits; nothing where none is, or where
/// no number would.
pub(super) fn pairs_to_decide(
    limits: &Limits,
    terms: &Terms,
    tallies: &Tallies,
    pairs: usize,
    undecided: &dyn Fn(&str) -> bool,
) -> Option<u64> {
    let mut most = None;
    for (name, tag, limit) in named(limits) {
        let tally = match tag {
            None => tallies.all,
            Some(tag) => tallies.by_tag.get(tag).copied().unwrap_or_default(),
        };
        let alpha = terms.errors.let_bad_through.share().min(terms.errors.block_good.share()) / 2.0;
        // A tag has only its share of the pairs.
        let scale = |needed: u64| {
            let all = u64::try_from(pairs).unwrap_or(u64::MAX);
            needed.saturating_mul(all).checked_div(tally.n).unwrap_or(needed)
        };
        if let Some(increase) = &limit.max_increase
            && undecided(&format!("{name}.max_increase"))
        {
            let limit = increase.value.difference();
            let needed = planner::pairs_to_decide(tally.into(), limit, 0.0, alpha)?;
            most = most.max(Some(scale(needed)));
        }
        if let Some(max) = &limit.max
            && undecided(&format!("{name}.max"))
        {
            let own = PairCounts::of_one(tally.n, tally.candidate());
            let limit = max.value.share();
            let needed = planner::pairs_to_decide(own, limit, limit, alpha)?;
            most = most.max(Some(scale(needed)));
        }
    }
    most
}
