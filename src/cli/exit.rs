//! The exit codes: a contract with scripts.

use std::process::ExitCode;

use presscheck_core::gate::{Decision, Verdict};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The change may merge; or the command did what it was asked.
    Pass,
    /// The change is blocked: a limit is broken; or a picture failed its checks.
    Fail,
    /// Bad usage, or a policy, model config or prompt set that can't be used. Nothing was sent.
    Config,
    /// Neither could be shown, and the policy blocks then.
    Inconclusive,
    /// The run could not reach a verdict: a bad key, no credit, a model that does not exist.
    CouldNotRun,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Config => 2,
            Self::Inconclusive => 3,
            Self::CouldNotRun => 4,
        }
    }

    /// The code of a verdict.
    pub(crate) const fn of(verdict: &Verdict) -> Self {
        match (verdict.blocking, verdict.verdict) {
            (false, _) => Self::Pass,
            (true, Decision::Inconclusive) => Self::Inconclusive,
            (true, _) => Self::Fail,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
