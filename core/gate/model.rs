//! `claim: model`: a claim about the model's true rate, prompts and seeds random.
//!
//! The error of each side is spent in two parts: one on evidence that may be looked at after every pair,
//! one on an exact test at the last pair planned. Both together keep the error stated (a union bound).

use super::Decision;
use super::betting::{DESIGN_PHI, Evidence, PairCounts, tuned_increase_fractions};
use super::intervals::{clopper_pearson_lower, clopper_pearson_upper};
use super::terminal;

/// Up to this many pairs, most of the error is kept for the last look: evidence is still thin before.
pub const SHORT: u64 = 400;

/// How one side's error is spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// On the evidence after every pair. Its threshold is one over this.
    pub sequential: f64,
    /// On the exact test at the end; 0 where there is none.
    pub terminal: f64,
}

impl Level {
    /// ln of the capital that proves.
    #[must_use]
    pub fn ln_threshold(self) -> f64 {
        -self.sequential.ln()
    }

    /// The capital that proves.
    #[must_use]
    pub fn threshold(self) -> f64 {
        1.0 / self.sequential
    }
}

/// How the errors of both sides are spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Letting a bad change through.
    pub pass: Level,
    /// Blocking a good one.
    pub fail: Level,
}

impl Levels {
    /// For `claim: model` with at most `n_end` pairs. `let_bad_through` is spent whole by each of several
    /// limits, for all of them must pass; `block_good` is divided among the `limits`, for any may block.
    #[must_use]
    pub fn model(n_end: u64, let_bad_through: f64, block_good: f64, limits: u32) -> Self {
        let sequential = if n_end <= SHORT { 0.2 } else { 0.5 };
        Self::split(let_bad_through, block_good, limits, sequential)
    }

    /// With a share of one's own for the evidence after every pair; the rest is for the test at the end.
    #[must_use]
    pub fn split(let_bad_through: f64, block_good: f64, limits: u32, sequential: f64) -> Self {
        let sequential = if sequential.is_nan() { 0.5 } else { sequential.clamp(1e-6, 1.0) };
        let level = |error: f64| Level {
            sequential: error * sequential,
            terminal: error * (1.0 - sequential),
        };
        Self { pass: level(error(let_bad_through)), fail: level(shared(block_good, limits)) }
    }

    /// For `claim: suite`: all of it on the evidence, since the last cell decides exactly.
    #[must_use]
    pub fn suite(let_bad_through: f64, block_good: f64, limits: u32) -> Self {
        let level = |error: f64| Level { sequential: error, terminal: 0.0 };
        Self { pass: level(error(let_bad_through)), fail: level(shared(block_good, limits)) }
    }
}

/// An error rate as one can be spent: none at all would never decide, all of it would prove nothing.
const fn error(rate: f64) -> f64 {
    if rate.is_nan() { 0.05 } else { rate.clamp(1e-12, 0.5) }
}

fn shared(rate: f64, limits: u32) -> f64 {
    error(rate) / f64::from(limits.max(1))
}

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// A rise of at most `limit`; a rise of `tolerate` or less is never to be blocked.
    Increase { limit: f64, tolerate: f64 },
    /// A rate of one model of at most this.
    Rate(f64),
}

/// The test of one limit over the prefixes of a draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelTest {
    limit: Limit,
    evidence: Evidence,
    levels: Levels,
}

/// What a test says of the prefixes of a draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub decision: Decision,
    /// How many pairs it took.
    pub pairs: u64,
    /// The counts at that point.
    pub counts: PairCounts,
    /// ln of the evidence at that point that the limit is kept, and that it is broken.
    pub ln_evidence: (f64, f64),
}

impl ModelTest {
    /// A rise of at most `limit` over the baseline, where a rise of `tolerate` or less (0 by default) is
    /// never to be blocked. `q` is the baseline's failure rate as known before this run: it only tunes.
    #[must_use]
    pub fn increase(limit: f64, tolerate: f64, q: f64, levels: Levels) -> Self {
        let tuned = tuned_increase_fractions(q, DESIGN_PHI, limit, tolerate);
        let evidence = Evidence::increase(limit, tolerate, tuned);
        Self { limit: Limit::Increase { limit, tolerate }, evidence, levels }
    }

    /// A rate of one model of at most `limit`. Counts are [`PairCounts::of_one`].
    #[must_use]
    pub fn rate(limit: f64, levels: Levels) -> Self {
        Self { limit: Limit::Rate(limit), evidence: Evidence::rate(limit), levels }
    }

    /// The evidence, for a chart.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The levels, for a chart's boundaries.
    #[must_use]
    pub const fn levels(&self) -> Levels {
        self.levels
    }

    /// Whether the estimate lies over the limit: nothing is blocked whose best estimate is within it.
    fn over(&self, counts: PairCounts) -> bool {
        match self.limit {
            Limit::Increase { limit, .. } => counts.rise() > limit,
            Limit::Rate(limit) => counts.rise() > limit,
        }
    }

    /// What a prefix proves, if anything. A pass comes first where both are proven.
    #[must_use]
    pub fn look(&self, counts: PairCounts) -> Option<Decision> {
        if self.evidence.pass.reaches(counts, self.levels.pass.ln_threshold()) {
            Some(Decision::Pass)
        } else if self.over(counts)
            && self.evidence.fail.reaches(counts, self.levels.fail.ln_threshold())
        {
            Some(Decision::Fail)
        } else {
            None
        }
    }

    /// The exact test at the end of a draw that no prefix decided. Only where the draw ended at the pair
    /// fixed beforehand; a run cut short (an outage, a cancelled job) has no such look.
    #[must_use]
    pub fn finish(&self, counts: PairCounts) -> Decision {
        let (pass, fail) = (self.levels.pass.terminal, self.levels.fail.terminal);
        let (passes, fails) = match self.limit {
            Limit::Increase { limit, tolerate } => (
                terminal::passes(counts, limit, pass),
                self.over(counts) && terminal::fails(counts, tolerate, fail),
            ),
            Limit::Rate(limit) => (
                clopper_pearson_upper(counts.b, counts.n, pass) < limit,
                clopper_pearson_lower(counts.b, counts.n, fail) > limit,
            ),
        };
        match (passes && counts.n > 0, fails) {
            (true, _) => Decision::Pass,
            (_, true) => Decision::Fail,
            _ => Decision::Inconclusive,
        }
    }

    /// Which way the figures lean: to a fail where the estimate lies over the limit, or nothing was seen.
    #[must_use]
    pub fn lean(&self, counts: PairCounts) -> Decision {
        if counts.n == 0 || self.over(counts) { Decision::Fail } else { Decision::Pass }
    }

    /// Judges pairs (whether the baseline fails, whether the candidate does) in the drawn order, prefix by
    /// prefix; `ended` says whether the last of them is the last one planned.
    #[must_use]
    pub fn judge(&self, pairs: impl IntoIterator<Item = (bool, bool)>, ended: bool) -> Judged {
        let mut counts = PairCounts::default();
        for (baseline_fails, candidate_fails) in pairs {
            counts.add(
                baseline_fails && matches!(self.limit, Limit::Increase { .. }),
                candidate_fails,
            );
            if let Some(decision) = self.look(counts) {
                return self.judged(decision, counts);
            }
        }
        let decision = if ended { self.finish(counts) } else { Decision::Inconclusive };
        self.judged(decision, counts)
    }

    fn judged(&self, decision: Decision, counts: PairCounts) -> Judged {
        let ln_evidence = self.evidence.ln_capitals(counts);
        Judged { decision, pairs: counts.n, counts, ln_evidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn test(n_end: u64) -> ModelTest {
        ModelTest::increase(0.02, 0.0, 0.018, Levels::model(n_end, 0.05, 0.05, 1))
    }

    #[test]
    fn the_error_is_split_as_designed() {
        let long = Levels::model(401, 0.05, 0.05, 2);
        assert!((long.pass.threshold() - 40.0).abs() < 1e-9);
        assert!((long.fail.threshold() - 80.0).abs() < 1e-9);
        assert!((long.pass.terminal - 0.025).abs() < 1e-12);
        let short = Levels::model(400, 0.05, 0.05, 1);
        assert!((short.pass.threshold() - 100.0).abs() < 1e-9);
        assert!((short.pass.terminal - 0.04).abs() < 1e-12);
        assert!((Levels::suite(0.05, 0.1, 1).fail.threshold() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn no_failure_at_all_passes_and_nothing_but_failures_fails() {
        let clean = test(500).judge(std::iter::repeat_n((false, false), 500), true);
        // Without a discordant pair the mixture needs 295 at a threshold of 40.
        assert_eq!((clean.decision, clean.pairs), (Decision::Pass, 295));
        let bad = test(500).judge(std::iter::repeat_n((false, true), 500), true);
        assert_eq!((bad.decision, bad.pairs), (Decision::Fail, 8));
    }

    #[test]
    fn a_run_cut_short_has_no_last_look() {
        let pairs = || std::iter::repeat_n((false, false), 200);
        assert_eq!(test(200).judge(pairs(), true).decision, Decision::Pass);
        assert_eq!(test(200).judge(pairs(), false).decision, Decision::Inconclusive);
        assert_eq!(test(200).lean(PairCounts { n: 200, b: 0, c: 0 }), Decision::Pass);
        assert_eq!(test(200).lean(PairCounts::default()), Decision::Fail);
        assert_eq!(test(200).finish(PairCounts::default()), Decision::Inconclusive);
    }

    #[test]
    fn an_absolute_limit_needs_as_many_clean_images_as_the_facts_say() {
        let needed = |limit| {
            let test = ModelTest::rate(limit, Levels::model(5000, 0.05, 0.05, 1));
            // What a baseline does is nothing to an absolute limit.
            let judged = test.judge(std::iter::repeat_n((true, false), 5000), false);
            assert_eq!(judged.decision, Decision::Pass);
            judged.pairs
        };
        assert_eq!([0.01, 0.02, 0.05].map(needed), [606, 302, 119]);
    }

    proptest! {
        #[test]
        fn batches_change_nothing(
            pairs in proptest::collection::vec((prop::bool::weighted(0.05), prop::bool::weighted(0.12)), 1..500),
            batch in 1_usize..64,
        ) {
            let n_end = u64::try_from(pairs.len()).unwrap();
            let test = test(n_end);
            let whole = test.judge(pairs.iter().copied(), true);
            // What a run sees that buys batch by batch, and looks again at everything after each.
            let mut bought = 0;
            let stepped = loop {
                bought = (bought + batch).min(pairs.len());
                let ended = bought == pairs.len();
                let judged = test.judge(pairs[..bought].iter().copied(), ended);
                if judged.decision != Decision::Inconclusive || ended {
                    break judged;
                }
            };
            prop_assert_eq!(whole, stepped);
        }

        /// The quick way of looking is that of the capitals themselves.
        #[test]
        fn a_look_is_what_the_capitals_say(
            n in 0_u64..3000, b in 0_u64..120, c in 0_u64..120, q in 0.0..0.3, limit in 0.0..0.1,
            short: bool, absolute: bool,
        ) {
            let levels = Levels::model(if short { 200 } else { 2000 }, 0.05, 0.05, 1);
            let test = if absolute {
                ModelTest::rate(limit, levels)
            } else {
                ModelTest::increase(limit, 0.0, q, levels)
            };
            let counts = PairCounts { n: n + b + c, b, c };
            let (pass, fail) = test.evidence().ln_capitals(counts);
            let slow = if pass >= levels.pass.ln_threshold() {
                Some(Decision::Pass)
            } else if counts.rise() > limit && fail >= levels.fail.ln_threshold() {
                Some(Decision::Fail)
            } else {
                None
            };
            prop_assert_eq!(test.look(counts), slow);
        }

        #[test]
        fn no_counts_upset_it(n in any::<u32>(), b in 0_u64..3000, c in 0_u64..3000, limit in -2.0..2.0) {
            let counts = PairCounts { n: u64::from(n) % 3000, b, c };
            let test = ModelTest::increase(limit, 0.0, limit, Levels::model(10, f64::NAN, 0.0, 0));
            let _ = (test.look(counts), test.lean(counts));
            prop_assert!(!test.evidence().ln_capitals(counts).0.is_nan());
        }
    }
}
