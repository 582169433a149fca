//! Checks that ask somebody: what is asked about a picture, and what came back. Who sends it, pays for it and keeps it
//! stands outside.

mod encode;
mod round;
pub(super) mod transcription;

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

pub use self::encode::shown;
pub use self::round::Asked;
use crate::providers::{Question, Shown};
use crate::units::RepoPath;

/// Something that a check asks about a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Asking {
    /// A question to a provider, so many times, each time with the next seed.
    Provider {
        /// The provider's name in the policy.
        provider: String,
        /// What is asked.
        question: Question,
        /// How many answers.
        votes: u32,
    },
    /// A program of the team's own.
    Program(Program),
}

/// A program of the team's own, from the trusted side alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// The repository's files that it needs; it runs in a folder of its own that holds them.
    pub files: Vec<(RepoPath, Bytes)>,
    /// What it reads on its standard input, as one line of JSON; the path of the picture is added under `image`.
    pub input: Value,
    /// The picture, handed over as a file.
    pub picture: Shown,
    /// The longest that it may run.
    pub timeout: Duration,
    /// The most bytes that it may print.
    pub max_output: u64,
}

impl Program {
    /// Whether what it printed is of the form that is asked for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn understands(&self, printed: &str) -> Result<(), String> {
        super::command::printed(printed, [0, 0]).map(drop)
    }
}

/// What came of an [`Asking`].
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The answers of a provider, one for each vote.
    Votes(Vec<Result<String, Unsaid>>),
    /// What a program printed, or why nothing could be made of it.
    Printed(Result<String, String>),
}

/// Why a provider gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// Whether it was out of reach: nothing is known then, where otherwise the answer was of no use.
    pub unavailable: bool,
    /// Its words, or what is wrong.
    pub words: String,
}

/// How often a check would ask a provider about a picture of a case, at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WouldAsk {
    /// The provider's name in the policy.
    pub provider: String,
    /// The model's id.
    pub model: String,
    /// Requests.
    pub requests: u32,
}
