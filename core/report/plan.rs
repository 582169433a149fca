//! What a gate would do, before it does anything: as text for a terminal, and as data.

mod played;
mod text;

pub use played::{Rehearsal, rehearsal_text};
pub use text::plan_text;

use serde::Serialize;

use crate::gate::BySide;
use crate::policy::{Claim, Problem};
use crate::units::Usd;

/// A plan: what changed, what would be drawn, and what it would cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The version of this form: 1.
    pub schema: u32,
    /// The policy's path.
    pub policy: String,
    /// Where it was read: `main@4f2c91a`.
    pub policy_at: String,
    /// What the verdict would claim: `suite` or `model`.
    #[serde(serialize_with = "claim_word")]
    pub claim: Claim,
    /// What one run may spend.
    pub budget_usd: Usd,
    /// Prompts of the sets.
    pub prompts: u64,
    /// Pairs of the draw.
    pub pairs: u64,
    /// Pairs of the prompt sets, all repeats; more than `pairs` where `sample.max` cuts the draw.
    pub population: u64,
    /// The draw by stratum, in the order of their names.
    pub strata: Vec<PlannedStratum>,
    /// The models that the head changed.
    pub subjects: Vec<PlannedSubject>,
    /// Why nothing would be bought, where that is so.
    pub nothing: Option<String>,
    /// What a reader should know besides, a sentence each.
    pub notes: Vec<String>,
    /// What the numbers can't do, and what is odd about the files.
    pub warnings: Vec<PlanWarning>,
}

fn claim_word<S: serde::Serializer>(claim: &Claim, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(claim.word())
}

/// A stratum of the draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStratum {
    /// The first tag of its prompts.
    pub name: String,
    /// Its prompts.
    pub prompts: u64,
    /// Its drawn pairs.
    pub pairs: u64,
}

/// What would be done for one changed model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedSubject {
    /// Its name in the model config.
    pub name: String,
    /// The baseline's model; nothing where the model is new.
    pub baseline: Option<String>,
    /// The candidate's model.
    pub candidate: String,
    /// Whether any limit can judge it; nothing is bought of a new model where none stands alone.
    pub judged: bool,
    /// Answers of the draw that are stored already, the baseline's young enough.
    pub stored: BySide<u64>,
    /// Of the baseline's stored answers, how many there are to judge by and how many fail.
    pub baseline_seen: Seen,
    /// The failure rate that the forecast is made at, a share.
    pub rate: f64,
    /// Whether that is the baseline's own, by its stored answers.
    pub rate_known: bool,
    /// What a change that alters nothing would take on average.
    pub expected: Bill,
    /// What no run can exceed. The budget is for all subjects together; this is for the subject by itself.
    pub worst: Bill,
    /// Why the worst case ends before the last pair: `budget` or `max-images`.
    pub ends_by: Option<String>,
    /// How often a change that alters nothing would pass, as a share.
    pub pass: f64,
    /// How often it would be blocked.
    pub fail: f64,
    /// How often it would stay undecided.
    pub inconclusive: f64,
    /// The smallest rise of the failure rate that is blocked in four runs of five, a difference of shares.
    pub smallest_rise: Option<f64>,
    /// The limit on that rise.
    pub max_increase: Option<f64>,
    /// Stored answers whose times the minutes are from; 0 where the providers' time limits stand in.
    pub timed: u64,
}

/// Answers that were judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Seen {
    /// How many.
    pub answers: u64,
    /// Of these, how many fail.
    pub failures: u64,
}

/// What is bought, what it costs and how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize)]
pub struct Bill {
    /// Judged pairs.
    pub pairs: f64,
    /// Images to buy, of both models.
    pub images: f64,
    /// What they cost, at list prices.
    pub usd: Usd,
    /// How long it takes; nothing where no time is known.
    pub minutes: Option<f64>,
}

/// A warning, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanWarning {
    /// The file.
    pub path: String,
    /// 1-based; nothing where the file does not say what is warned of.
    pub line: Option<u32>,
    /// 1-based.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub help: Option<String>,
}

impl PlanWarning {
    /// A problem of a file.
    #[must_use]
    pub fn of(path: &str, problem: &Problem) -> Self {
        let place = |number: u32| (problem.span.line > 0).then_some(number);
        Self {
            path: path.to_owned(),
            line: place(problem.span.line),
            column: place(problem.span.column.max(1)),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

/// The plan as JSON. It ends in a new line.
#[must_use]
pub fn plan_json(plan: &Plan) -> String {
    // Every field has a JSON form, so the fallback is never taken.
    let mut text = serde_json::to_string_pretty(plan).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
