//! What faults, times, pictures and the log go by.

use super::dice::Dice;

/// The model, the prompt and the seed of a request: everything about its answer follows from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) model: String,
    pub(crate) prompt: String,
    pub(crate) seed: u64,
}

impl Sample {
    /// The dice of one purpose.
    pub(crate) fn dice(&self, purpose: &str) -> Dice {
        Dice::of(purpose, &self.model, &self.prompt, self.seed)
    }
}
