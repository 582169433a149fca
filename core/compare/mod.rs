//! Several models on one draw, head to head: what the figures are, how sure, and what follows from them.
//!
//! This is no gate: nothing passes or fails. It never knows where numbers came from, and no model is the baseline of
//! another.

mod front;
mod model;
mod pace;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use front::cheaper;
pub use model::{
    CheckFailures, Comparison, Difference, Ended, LatencyFigures, ModelFigures, Share, TagFailures,
    Throughput,
};
pub use pace::Flight;
pub use tally::smallest_difference;

use crate::gate::Observation;
use crate::units::{Seed, Usd};
use tally::{difference, figures};

/// A model that takes part.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// How the user calls it: its name in the model file, or `provider:model`.
    pub name: String,
    /// The provider's name in the policy.
    pub provider: String,
    /// The model's id; the steps of a pipeline joined by ` + `.
    pub model: String,
    /// The resolved config, as JSON.
    pub config: serde_json::Value,
    /// Why it dropped out; nothing where it finished. Its samples do not count then.
    pub dropped: Option<String>,
    /// When its samples were under way, of those that this run bought.
    pub flights: Vec<Flight>,
    /// How many of its samples came from the store.
    pub from_store: u64,
}

/// One place of the draw with the samples of all models.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case's id.
    pub case: String,
    /// Which repeat of it, from 0.
    pub repeat: u32,
    /// The case's tags.
    pub tags: Vec<String>,
    /// A sample for each entrant, in their order; nothing of one that dropped out.
    pub samples: Vec<Option<Observation>>,
}

/// What is known of the run besides its samples.
#[derive(Clone, Debug)]
pub struct About {
    /// The policy's path.
    pub policy: String,
    /// The seed of the draw.
    pub seed: Seed,
    /// How many places the draw has.
    pub planned: u64,
    /// How many places the prompt sets hold, all repeats.
    pub population: u64,
    /// Why no more were asked for.
    pub ended: Ended,
    /// The budget.
    pub budget_usd: Usd,
    /// What this run paid for.
    pub spent_usd: Usd,
    /// How much of that was for questions of checks.
    pub checks_usd: Usd,
    /// How many images this run paid for.
    pub images_bought: u64,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// Works the comparison out.
#[must_use]
pub fn compare(entrants: &[Entrant], rows: &[Row], about: About) -> Comparison {
    let mut models: Vec<ModelFigures> =
        entrants.iter().enumerate().map(|(index, one)| figures(one, index, rows)).collect();
    front::mark(&mut models);
    let racing: Vec<usize> = models
        .iter()
        .enumerate()
        .filter(|(_, model)| model.failures.is_some())
        .map(|(index, _)| index)
        .collect();
    let couples: Vec<(usize, usize)> = racing
        .iter()
        .enumerate()
        .flat_map(|(place, a)| racing.iter().skip(place + 1).map(move |b| (*a, *b)))
        .collect();
    let differences = couples
        .iter()
        .filter_map(|(a, b)| difference(&models, (*a, *b), rows, couples.len()))
        .collect();
    let best = racing
        .iter()
        .filter_map(|index| models.get(*index))
        .min_by(|a, b| front::better(a, b))
        .map(|model| model.name.clone());
    let cases: BTreeSet<&str> = rows.iter().map(|row| row.case.as_str()).collect();
    Comparison {
        schema: 1,
        best,
        policy: about.policy,
        seed: about.seed,
        planned: about.planned,
        population: about.population,
        cells: count(rows.len()),
        prompts: count(cases.len()),
        ended: about.ended,
        budget_usd: about.budget_usd,
        spent_usd: about.spent_usd,
        checks_usd: about.checks_usd,
        images_bought: about.images_bought,
        notes: about.notes,
        models,
        differences,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn float(count: u64) -> f64 {
    count as f64
}
