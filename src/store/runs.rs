//! What is known of a run: whether it was finished, so that a killed one is continued.

use serde::{Deserialize, Serialize};

/// A run over one content (policy, prompts, both models).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// How often a run over this content was begun after a finished one, from 1. Samples that stayed
    /// without an answer are asked again in a new round, never within one.
    pub round: u32,
    /// Whether the round reached its verdict.
    pub finished: bool,
}

impl RunRecord {
    /// The round to work in, given what is known: an unfinished one is continued.
    #[must_use]
    pub const fn next(known: Option<&Self>) -> Self {
        match known {
            Some(run) if run.finished => {
                Self { round: run.round.saturating_add(1), finished: false }
            }
            Some(run) => Self { round: run.round, finished: false },
            None => Self { round: 1, finished: false },
        }
    }
}
