//! What the decision is made of: pairs of samples, without pixels, prompts or providers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Outcome, Side};
use crate::units::CostBasis;
use crate::units::Usd;

/// One sample, as far as the decision needs to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it counts as a failure under the policy. Never where it is unavailable.
    pub failure: bool,
    /// What failed, by name: checks, or `refused`, `broken`; the first is the main one.
    pub failed_checks: Vec<String>,
    /// Checks that were unsure and failed nothing outright, a part of `failed_checks`.
    pub unsure_checks: Vec<String>,
    /// Checks that could not judge.
    pub skipped_checks: Vec<String>,
    /// What it cost, failed attempts included.
    pub cost: Usd,
    /// How well that is known.
    pub cost_basis: CostBasis,
    /// How long the answer took; nothing where none came.
    pub latency: Option<Duration>,
    /// The picture's path in reports.
    pub image: Option<String>,
}

impl Observation {
    /// Whether an answer came, of whatever kind.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.outcome != Outcome::Unavailable
    }

    /// Whether something was delivered as a picture, usable or not: what cost per thousand counts. A broken
    /// file was generated and paid for as well as a whole one.
    #[must_use]
    pub const fn is_delivered(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::Failed | Outcome::Broken)
    }

    /// Whether checks were unsure of it and none failed it outright.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.failure
            && !self.failed_checks.is_empty()
            && self.failed_checks.iter().all(|check| self.unsure_checks.contains(check))
    }

    /// Whether a usable picture came.
    #[must_use]
    pub const fn is_image(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::Failed)
    }
}

/// The two samples of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The case's id.
    pub case: String,
    /// Which repeat of it, from 0.
    pub repeat: u32,
    /// The case's tags.
    pub tags: Vec<String>,
    /// The baseline's sample; nothing where there is no baseline.
    pub baseline: Option<Observation>,
    /// The candidate's sample.
    pub candidate: Observation,
}

impl Pair {
    /// One side's sample.
    #[must_use]
    pub const fn side(&self, side: Side) -> Option<&Observation> {
        match side {
            Side::Baseline => self.baseline.as_ref(),
            Side::Candidate => Some(&self.candidate),
        }
    }

    /// Whether every side that exists answered.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.candidate.answered() && self.baseline.as_ref().is_none_or(Observation::answered)
    }
}

impl Pair {
    /// Whether the pair carries a tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known == tag)
    }
}

/// The counts that the comparison of failure rates needs, over pairs in which both sides answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Pairs.
    pub n: u64,
    /// Only the candidate failed.
    pub candidate_only: u64,
    /// Only the baseline failed.
    pub baseline_only: u64,
    /// Both failed.
    pub both: u64,
}

impl Tally {
    /// Counts a pair; one in which a side did not answer changes nothing.
    pub fn add(&mut self, pair: &Pair) {
        if !pair.answered() {
            return;
        }
        self.n += 1;
        let baseline = pair.baseline.as_ref().is_some_and(|sample| sample.failure);
        match (baseline, pair.candidate.failure) {
            (false, true) => self.candidate_only += 1,
            (true, false) => self.baseline_only += 1,
            (true, true) => self.both += 1,
            (false, false) => {}
        }
    }

    /// The candidate's failures.
    #[must_use]
    pub const fn candidate(&self) -> u64 {
        self.candidate_only + self.both
    }

    /// The baseline's failures.
    #[must_use]
    pub const fn baseline(&self) -> u64 {
        self.baseline_only + self.both
    }
}

/// The counts over all pairs, and by tag.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tallies {
    /// All pairs.
    pub all: Tally,
    /// By tag.
    pub by_tag: BTreeMap<String, Tally>,
}

impl Tallies {
    /// The counts of some pairs.
    pub fn of<'a>(pairs: impl IntoIterator<Item = &'a Pair>) -> Self {
        let mut tallies = Self::default();
        for pair in pairs {
            tallies.all.add(pair);
            for tag in &pair.tags {
                tallies.by_tag.entry(tag.clone()).or_default().add(pair);
            }
        }
        tallies
    }
}
