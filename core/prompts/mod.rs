//! Prompt sets: their formats, and the draw.
//!
//! [`read_prompts`] turns files into cases and reports every problem of every file at once; [`draw`]
//! fixes the order in which both sides are asked. The formats are described in `docs/prompts.md`.

use serde::Serialize;
use serde_json::Value;

use crate::units::{RepoPath, Seed};

mod case;
mod collect;
mod draw;
mod expect;
mod expected;
mod jsonl;
mod quoted;
mod read;
mod rows;
mod table;
mod txt;
mod yaml;

#[cfg(test)]
mod real_sets;

pub use draw::draw;
pub use expect::{GENERAL_EXPECTATIONS, any_text_list, text_value};
pub use expected::Expected;
pub use quoted::quoted_text;
pub use read::{
    Duplicate, MAX_FILE_BYTES, MAX_PROMPT_BYTES, Place, PromptFile, PromptSet, read_prompts,
};

/// A prompt with what is expected of its picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// Unique in the run: the file's own id, or one that follows from the content (`p-` and 12
    /// hexadecimal digits), so that it stays when the file is reordered.
    pub id: String,
    /// What is sent, exactly.
    pub prompt: String,
    /// Its tags, without duplicates, in the order given; the first one is its stratum.
    pub tags: Vec<String>,
    /// What is expected, by key (`text`, `aspect_ratio`, …), validated by the checks that read it.
    /// The key `refusal: true` says that the provider is expected to refuse.
    pub expect: Expected,
    /// The input picture of an edit or an upscale.
    pub image: Option<RepoPath>,
    /// Which part of the input picture an edit may change: white where it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<RepoPath>,
    /// The language of the prompt, as a BCP 47 tag.
    pub locale: Option<String>,
}

impl Case {
    /// Whether the provider is expected to refuse this prompt.
    #[must_use]
    pub fn expects_refusal(&self) -> bool {
        self.expect.get("refusal") == Some(&Value::Bool(true))
    }

    /// The stratum of the draw: the first tag, or `untagged`.
    #[must_use]
    pub fn stratum(&self) -> &str {
        self.tags.first().map_or("untagged", String::as_str)
    }
}

/// One place of the draw: a case, and the seed that both sides use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Cell {
    /// The index of the case.
    pub case: usize,
    /// Which repeat of the case, from 0.
    pub repeat: u32,
    /// The seed of the picture: follows from the policy's seed, the case's id and the repeat.
    pub seed: Seed,
}

/// The fixed order in which both sides are asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Draw {
    /// All cells to ask at most, in order.
    pub cells: Vec<Cell>,
    /// How many cells the whole prompt set has, all repeats of it.
    pub population: usize,
}
