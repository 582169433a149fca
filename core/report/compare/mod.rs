//! A comparison for readers: terminal text and JSON. Its page is drawn beside the report's.

mod conclude;
#[cfg(test)]
pub(crate) mod fixtures;
mod json;
mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use conclude::{conclusion, sample};
pub use json::{compare_json, compare_schema};
pub use terminal::compare_text;

use super::{SampleLine, Thumbnail, words};
use crate::compare::{Comparison, Ended, LatencyFigures, ModelFigures, Throughput};
use crate::inert::one_line;

/// A comparison and its evidence.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The figures, as machines get them.
    pub comparison: Comparison,
    /// A line for each sample of the judged prefix, in the drawn order, models in their order. `subject` is the
    /// model's name.
    pub samples: Vec<SampleLine>,
    /// Thumbnails by the path of the picture.
    pub thumbnails: BTreeMap<String, Thumbnail>,
    /// How to run it again, as a command line.
    pub again: String,
    /// The version of presscheck.
    pub version: String,
}

/// What the throughput is, in one line.
pub(super) const THROUGHPUT: &str = "Images a minute: those that this run bought, over the time in which a request of the model was under way or waited for the provider's limits; and how many did so at once, on average. A slow model beside it holds a fast one back: more at once would give more.";

/// What the intervals are, in two sentences.
pub(super) fn intervals(comparison: &Comparison) -> String {
    let differences = comparison.differences.len();
    let corrected = match differences {
        0 => return "Brackets hold 95% intervals, each for one figure of one model.".to_owned(),
        1 => "paired, prompt by prompt".to_owned(),
        n => format!(
            "paired, prompt by prompt, and corrected for {n} comparisons (Bonferroni): all of them hold at once"
        ),
    };
    format!(
        "Brackets hold 95% intervals, each for one figure of one model. Those of differences are {corrected}."
    )
}

/// Why no more prompts were asked for; nothing where all were.
pub(super) fn ended(comparison: &Comparison) -> Option<String> {
    let (cells, planned) =
        (words::thousands(comparison.cells), words::thousands(comparison.planned));
    let short = comparison.cells < comparison.planned;
    match comparison.ended {
        Ended::Budget => Some(format!(
            "The budget ended it after {cells} of {planned}: what is compared is what all models finished by then."
        )),
        Ended::MaxImages => Some(format!(
            "--max-images ended it after {cells} of {planned}: what is compared is what all models finished by then."
        )),
        Ended::Dropped => Some("It ended early: fewer than two models are left.".to_owned()),
        Ended::Exhausted | Ended::Max => {
            short.then(|| format!("{cells} of {planned} were judged."))
        }
    }
}

/// A name on one line.
pub(super) fn name(model: &ModelFigures) -> String {
    one_line(model.name.trim(), 60)
}

/// `[0.2%, 7.0%]`
pub(super) fn shares([low, high]: [f64; 2]) -> String {
    format!("[{}, {}]", words::percent(low), words::percent(high))
}

/// `[$41.20, $46.00]`; an end that is not there is a dash.
pub(super) fn amounts((low, high): (f64, Option<f64>)) -> String {
    let high = high.map_or_else(|| words::NOTHING.to_owned(), words::dollars);
    format!("[{}, {high}]", words::dollars(low))
}

/// `[2.0, 2.4]`, in seconds; an end that is not there is a dash.
pub(super) fn times(ends: [Option<f64>; 2]) -> String {
    let [low, high] = ends.map(|end| {
        end.map_or_else(
            || words::NOTHING.to_owned(),
            |time| words::seconds(time).trim_end_matches(" s").to_owned(),
        )
    });
    format!("[{low}, {high}]")
}

/// `38.2 (6.1 at once)`
pub(super) fn pace(throughput: &Throughput) -> String {
    format!("{:.1} ({:.1} at once)", throughput.images_per_minute, throughput.at_once)
}

/// A median and a 95th percentile with their intervals.
pub(super) fn latency(latency: &LatencyFigures) -> [String; 4] {
    [
        words::seconds(latency.p50_s),
        times(latency.p50_interval_s),
        words::seconds(latency.p95_s),
        times(latency.p95_interval_s),
    ]
}
