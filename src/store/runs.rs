//! What is known of a run: what was fixed at its start, and whether it was finished, so that a killed one is
//! continued and a decided one read.

use serde::{Deserialize, Serialize};

/// A run over one content (policy, prompts, both models).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// How often a run over this content was begun after one that ended undecided, from 1. Samples that stayed
    /// without an answer are asked again in a new round, never within one.
    pub round: u32,
    /// Whether the round reached its verdict.
    pub finished: bool,
    /// After how many pairs it was proven to pass or to fail; nothing where it was not.
    #[serde(default)]
    pub decided: Option<u64>,
    /// What was fixed before the first picture; nothing until then.
    #[serde(default)]
    pub fixed: Option<Fixed>,
}

/// What is fixed before the first picture of a run, and must not change when it is continued: otherwise one
/// could run again until the test suits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fixed {
    /// When the round began, in milliseconds since 1970: the age of stored results counts up to then.
    pub began_ms: i64,
    /// Whether all of the baseline's results were stored.
    pub baseline_known: bool,
    /// The baseline's failure rate that the test is tuned to, a share.
    pub design_rate: f64,
}

impl RunRecord {
    /// The round to work in, given what is known and the time in milliseconds since 1970. An unfinished one is
    /// continued, and one that was proven is read again. One that ended undecided has another round, which asks
    /// again for what got no answer: the same prompts with the same seeds, under the same test.
    #[must_use]
    pub fn next(known: Option<&Self>, now_ms: i64) -> Self {
        match known {
            None => Self { round: 1, finished: false, decided: None, fixed: None },
            Some(run) if run.finished && run.decided.is_none() => Self {
                round: run.round.saturating_add(1),
                finished: false,
                decided: None,
                fixed: run.fixed.map(|fixed| Fixed { began_ms: now_ms, ..fixed }),
            },
            Some(run) => {
                Self { round: run.round, finished: false, decided: run.decided, fixed: run.fixed }
            }
        }
    }
}
