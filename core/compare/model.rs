//! The comparison, as `compare.json` has it: a contract for machines. Fields are added, never renamed.

use serde::{Deserialize, Serialize};

use crate::gate::{CostSummary, OutcomeCounts, SlipRate};
use crate::units::{Seed, Usd};

/// Why no more of the draw was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Every prompt of the sets was drawn, as often as the policy repeats it.
    Exhausted,
    /// The sample's maximum was reached: the policy's, or that of `--max`.
    Max,
    /// The budget would not cover the next request.
    Budget,
    /// The most images of this run were bought.
    MaxImages,
    /// So many models dropped out that fewer than two were left.
    Dropped,
}

/// Several models on one draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The version of this form: 1.
    pub schema: u32,
    /// The name of the model that failed least, the cheaper one where two failed alike.
    pub best: Option<String>,
    /// The policy's path.
    pub policy: String,
    /// The seed of the draw.
    pub seed: Seed,
    /// How many cells the draw has: prompts times repeats, cut at the maximum.
    pub planned: u64,
    /// How many cells the prompt sets hold.
    pub population: u64,
    /// How many cells were judged: the prefix of the draw that everything here is over.
    pub cells: u64,
    /// How many different prompts these are.
    pub prompts: u64,
    /// Why no more were asked for.
    pub ended: Ended,
    /// The budget.
    pub budget_usd: Usd,
    /// What this run paid for, all models.
    pub spent_usd: Usd,
    /// How much of that was for questions of checks.
    pub checks_usd: Usd,
    /// How many images this run paid for, all models.
    pub images_bought: u64,
    /// What a reader should know besides, a sentence each.
    pub notes: Vec<String>,
    /// The models, in the order in which they were named.
    pub models: Vec<ModelFigures>,
    /// Every two of the models that finished.
    pub differences: Vec<Difference>,
}

/// What is known of one model. All but `outcomes` is nothing or empty where it dropped out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFigures {
    /// How the user calls it.
    pub name: String,
    /// The provider's name in the policy.
    pub provider: String,
    /// The model's id; the steps of a pipeline joined by ` + `.
    pub model: String,
    /// The resolved config, as JSON.
    pub config: serde_json::Value,
    /// Why it dropped out.
    pub dropped: Option<String>,
    /// How its samples ended.
    pub outcomes: OutcomeCounts,
    /// Failures, of the samples that were answered.
    pub failures: Option<Share>,
    /// Failures by check, most first; one sample may fail several.
    pub checks: Vec<CheckFailures>,
    /// Failures by tag, most first.
    pub tags: Vec<TagFailures>,
    /// What its images cost.
    pub cost: Option<CostSummary>,
    /// The 95% interval of the effective cost per thousand images, as far as it follows from the share of images that
    /// passed: what a request costs is taken as it was. The upper end is nothing where it has none.
    pub effective_interval_usd: Option<(f64, Option<f64>)>,
    /// How long its images took.
    pub latency: Option<LatencyFigures>,
    /// How many images came in a minute; nothing where this run bought none.
    pub throughput: Option<Throughput>,
    /// How many samples came from the store.
    pub from_store: u64,
    /// Whether no other model is at least as good in failures and in effective cost, and better in one of them.
    pub on_front: Option<bool>,
    /// The names of the models that are.
    pub dominated_by: Vec<String>,
}

/// A share with its 95% Clopper–Pearson interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many failed.
    pub failed: u64,
    /// Of how many.
    pub of: u64,
    /// Their share.
    pub rate: f64,
    /// The interval of the share.
    pub interval: [f64; 2],
}

/// How often a check failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckFailures {
    /// The check, or `refused` and `broken` for the outcomes that no check judges.
    pub check: String,
    /// Failures.
    pub failed: u64,
    /// Of these, how many the check was unsure of.
    pub unsure: u64,
    /// Samples that the check could not judge.
    pub skipped: u64,
    /// How often the check fails a good picture by mistake, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slips: Option<SlipRate>,
}

/// Failures of one tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagFailures {
    /// The tag.
    pub tag: String,
    /// Failures of the answered samples with it.
    #[serde(flatten)]
    pub share: Share,
}

/// How long images took, over those that came and could be looked at, with 95% intervals between order statistics; an
/// end is nothing where the sample is too small for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyFigures {
    /// The median, in seconds.
    pub p50_s: f64,
    /// Its interval.
    pub p50_interval_s: [Option<f64>; 2],
    /// The 95th percentile, in seconds.
    pub p95_s: f64,
    /// Its interval.
    pub p95_interval_s: [Option<f64>; 2],
    /// How many samples.
    pub samples: u64,
}

/// How many images came in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Images over minutes in which at least one sample of the model was under way, or waited for its provider's limits.
    pub images_per_minute: f64,
    /// How many samples did so at once, on average over that time.
    pub at_once: f64,
    /// How many images, all bought by this run.
    pub images: u64,
    /// That time, in seconds.
    pub seconds: f64,
}

/// How the failure rates of two models differ, over the cells in which both answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// One model.
    pub a: String,
    /// The other.
    pub b: String,
    /// How many cells both answered.
    pub pairs: u64,
    /// Cells that only `a` failed.
    pub only_a: u64,
    /// Cells that only `b` failed.
    pub only_b: u64,
    /// The rate of `b` less that of `a`.
    pub change: f64,
    /// Tango's interval of it, corrected for the number of differences: all hold at once with 95%.
    pub interval: [f64; 2],
    /// Whether the interval leaves zero out.
    pub beyond_chance: bool,
}

impl Comparison {
    /// A model by its name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&ModelFigures> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The models that finished with at least one answer.
    pub fn finished(&self) -> impl Iterator<Item = &ModelFigures> {
        self.models.iter().filter(|model| model.failures.is_some())
    }

    /// Whether anything was compared: two models at least finished.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        self.finished().count() >= 2
    }

    /// How a model's failure rate differs from another's: the sign is the model's less the other's.
    #[must_use]
    pub fn difference(&self, model: &str, from: &str) -> Option<Difference> {
        self.differences.iter().find_map(|known| {
            if known.a == from && known.b == model {
                return Some(known.clone());
            }
            (known.a == model && known.b == from).then(|| known.clone().turned())
        })
    }
}

impl Difference {
    /// The same the other way round.
    fn turned(self) -> Self {
        let [low, high] = self.interval;
        Self {
            a: self.b,
            b: self.a,
            only_a: self.only_b,
            only_b: self.only_a,
            change: -self.change,
            interval: [-high, -low],
            ..self
        }
    }
}
