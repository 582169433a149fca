//! How one sample ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a sample ended. A provider's outage is not a bad picture, so the two never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every check passed.
    Passed,
    /// An image came; a check failed.
    Failed,
    /// An answer came that is no usable image.
    Broken,
    /// The provider's safety policy refused.
    Refused,
    /// No answer after all retries.
    Unavailable,
}

impl Outcome {
    /// All outcomes, in the order of reports.
    pub const ALL: [Self; 5] =
        [Self::Passed, Self::Failed, Self::Broken, Self::Refused, Self::Unavailable];

    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One of the two models that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The model of the baseline commit.
    Baseline,
    /// The model of the pull request.
    Candidate,
}

impl Side {
    /// Both, in the order of reports.
    pub const BOTH: [Self; 2] = [Self::Baseline, Self::Candidate];

    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Candidate => "candidate",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Something that both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BySide<T> {
    /// The baseline's.
    pub baseline: T,
    /// The candidate's.
    pub candidate: T,
}

impl<T> BySide<T> {
    /// Both values changed alike.
    pub fn map<U>(self, change: impl Fn(T) -> U) -> BySide<U> {
        BySide { baseline: change(self.baseline), candidate: change(self.candidate) }
    }

    /// The value of one side.
    pub const fn get(&self, side: Side) -> &T {
        match side {
            Side::Baseline => &self.baseline,
            Side::Candidate => &self.candidate,
        }
    }

    /// The value of one side, to change.
    pub const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Baseline => &mut self.baseline,
            Side::Candidate => &mut self.candidate,
        }
    }
}

/// How many samples ended in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutcomeCounts {
    /// Every check passed.
    pub passed: u64,
    /// A check failed.
    pub failed: u64,
    /// No usable image.
    pub broken: u64,
    /// Refused by the provider's safety policy.
    pub refused: u64,
    /// No answer.
    pub unavailable: u64,
}

impl OutcomeCounts {
    /// Counts one more.
    pub const fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Broken => self.broken += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Unavailable => self.unavailable += 1,
        }
    }

    /// How many of one outcome.
    #[must_use]
    pub const fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Passed => self.passed,
            Outcome::Failed => self.failed,
            Outcome::Broken => self.broken,
            Outcome::Refused => self.refused,
            Outcome::Unavailable => self.unavailable,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.passed + self.failed + self.broken + self.refused + self.unavailable
    }
}
