//! The verdict, as `verdict.json` has it: the contract for machines. Fields are added, never renamed.

use serde::{Deserialize, Serialize};

use super::outcome::{BySide, Outcome, OutcomeCounts, Side};
use super::overridden::Override;
use crate::units::{CommitSha, Seed, Usd};

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// No limit is broken.
    Pass,
    /// Neither could be shown.
    Inconclusive,
    /// A limit is broken.
    Fail,
}

impl Decision {
    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// The verdict of a whole run; the worst subject stands on top.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The version of this form: 1.
    pub schema: u32,
    /// The worst verdict of all subjects; `pass` where none was judged.
    pub verdict: Decision,
    /// Whether the merge is to be blocked.
    pub blocking: bool,
    /// Who lifted the block of this verdict, where somebody did.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// Why, in one sentence.
    pub reason: String,
    /// What this run paid for, all subjects.
    pub spent_usd: Usd,
    /// What a reader should know besides, a sentence each.
    pub notes: Vec<String>,
    /// One entry for each model that the change touches.
    pub subjects: Vec<SubjectVerdict>,
}

/// Why sampling stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stopped {
    /// The verdict was proven.
    Decided,
    /// Every case was drawn.
    Exhausted,
    /// The sample's maximum was reached.
    Max,
    /// The budget would not cover the next request.
    Budget,
    /// Too many samples had no answer.
    Unavailable,
}

/// A baseline that can't be asked any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineGone {
    /// The day on which it was to be retired, `2026-08-17`, where the catalogue knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The provider's own words.
    pub words: String,
}

impl BaselineGone {
    /// `the baseline's model was retired on 2026-08-17`.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.since {
            Some(day) => format!("the baseline's model was retired on {day}"),
            None => "the baseline's model is no longer served".to_owned(),
        }
    }

    /// Why there is no verdict, where there is none.
    #[must_use]
    pub fn reason(&self, pairs: u64, planned: u64) -> String {
        let what = self.sentence().replacen("the", "The", 1);
        format!("{what}, and the stored results of it reach {pairs} of {planned} pairs.")
    }
}

/// The verdict on one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectVerdict {
    /// Its name in the model config.
    pub name: String,
    /// What the gate says of it.
    pub verdict: Decision,
    /// Whether this subject blocks the merge.
    pub blocking: bool,
    /// False where the verdict follows a lean and was not shown.
    pub proven: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// Why sampling stopped.
    pub stopped: Stopped,
    /// The baseline's model; nothing where the model is new.
    pub baseline: Option<ModelAt>,
    /// The candidate's model.
    pub candidate: ModelAt,
    /// That the vendor no longer serves the baseline's model, where it said so in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_gone: Option<BaselineGone>,
    /// What is claimed: `suite` or `model`.
    pub claim: String,
    /// How often the verdict may be wrong.
    #[serde(default)]
    pub errors: ErrorsAllowed,
    /// Whether the baseline's results were all stored before this run, so that only the candidate's were new.
    #[serde(default)]
    pub baseline_known: bool,
    /// The seed of the draw.
    pub seed: Seed,
    /// How many pairs the whole draw has.
    pub planned: u64,
    /// How many pairs the prompt sets hold, all repeats; more than `planned` where `sample.max` cuts the draw.
    #[serde(default)]
    pub population: u64,
    /// How many pairs were judged: the prefix that everything below is over.
    pub pairs: u64,
    /// How many images this run paid for, both sides.
    pub images_bought: u64,
    /// How many samples came from the store, by side.
    pub from_store: BySide<u64>,
    /// What this run paid for.
    pub spent_usd: Usd,
    /// How much of that was for answers to questions of the checks.
    #[serde(default, skip_serializing_if = "Usd::is_zero_ref")]
    pub checks_usd: Usd,
    /// Which way the figures lean, where the verdict is not proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lean: Option<Decision>,
    /// How many pairs in all would probably decide, where the verdict is not proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs_to_decide: Option<u64>,
    /// The limits, in the order of the design.
    pub limits: Vec<LimitResult>,
    /// The evidence on the first limit of a failure rate, pair by pair; nothing where there is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceCurve>,
    /// How the samples ended.
    pub outcomes: BySide<OutcomeCounts>,
    /// How often each check failed.
    pub checks: Vec<CheckCount>,
    /// Failures by tag, most first.
    pub tags: Vec<TagCount>,
    /// Which pairs changed their mind.
    pub flips: Flips,
    /// What images cost.
    pub cost: BySide<Option<CostSummary>>,
    /// How long images took.
    pub latency: BySide<Option<LatencySummary>>,
    /// Every sample that failed, candidate first, newly failing first.
    pub failures: Vec<Failure>,
    /// Prompts that the candidate failed on every repeat; empty where each is drawn once.
    #[serde(default)]
    pub always_failing: Vec<AlwaysFailing>,
}

/// How often the verdict may be wrong, as shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorsAllowed {
    /// How often a change that breaks a limit may pass.
    pub let_bad_through: f64,
    /// How often a harmless change may be blocked.
    pub block_good: f64,
}

impl Default for ErrorsAllowed {
    fn default() -> Self {
        Self { let_bad_through: 0.05, block_good: 0.05 }
    }
}

/// How the evidence on a limit grew, pair by pair.
///
/// The evidence on each side starts at 1. Where the limit is truly broken, the evidence for a pass ever reaches
/// `pass_at` with a chance of at most one in `pass_at`; the other side likewise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceCurve {
    /// The limit: `failure_rate.max_increase`.
    pub limit: String,
    /// The evidence at which it is proven kept.
    pub pass_at: f64,
    /// The evidence at which it is proven broken.
    pub fail_at: f64,
    /// In the order of the pairs, at most [`MAX_POINTS`]; the last one is where buying stopped.
    pub points: Vec<EvidencePoint>,
}

/// The most points of a curve.
pub const MAX_POINTS: usize = 200;

/// The evidence after some pairs. Values lie between 1e-12 and 1e12.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidencePoint {
    /// Judged pairs.
    pub pairs: u64,
    /// Evidence that the limit is kept.
    pub pass: f64,
    /// Evidence that it is broken.
    pub fail: f64,
}

/// A prompt that the candidate failed on every repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlwaysFailing {
    /// The case.
    pub case: String,
    /// How often it was drawn and answered.
    pub repeats: u32,
    /// How often the baseline failed it.
    pub baseline_failed: u32,
}

/// A model at a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelAt {
    /// The commit; nothing for a folder that is no commit.
    pub commit: Option<CommitSha>,
    /// How people name the revision: `main@4f2c91a`, `work tree`.
    pub label: String,
    /// The provider's name in the policy.
    pub provider: String,
    /// The model's id; the steps of a pipeline joined by ` + `.
    pub model: String,
    /// The resolved config, as JSON.
    pub config: serde_json::Value,
}

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Shares between 0 and 1; the change is a difference.
    Rate,
    /// Dollars per thousand images; a relative limit's change is a share of the baseline.
    UsdPer1k,
    /// Seconds; a relative limit's change is a share of the baseline.
    Seconds,
    /// A count of prompts.
    Prompts,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitOutcome {
    /// Kept.
    Pass,
    /// Broken.
    Fail,
    /// Neither could be shown.
    Inconclusive,
    /// There was nothing to judge it by (no baseline, no images); `note` says what.
    Skipped,
}

/// One limit, and how the change stands against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitResult {
    /// Its path in the policy: `failure_rate.max_increase`, `by_tag.typography.failure_rate.max`.
    pub name: String,
    /// How it stands.
    pub outcome: LimitOutcome,
    /// What the numbers are.
    pub unit: Unit,
    /// The baseline's value.
    pub baseline: Option<f64>,
    /// The candidate's value.
    pub candidate: Option<f64>,
    /// Candidate against baseline: a difference for rates, a share of the baseline otherwise.
    pub change: Option<f64>,
    /// The 95% interval: of the change for `max_increase`, of the candidate's value for `max`.
    pub interval: Option<[f64; 2]>,
    /// The limit, in the unit of what it bounds.
    pub limit: f64,
    /// After how many pairs it was proven kept or broken; nothing where the whole draw was needed, or did not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<u64>,
    /// What a reader must know of this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How often a check failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckCount {
    /// The check, or `refused` and `broken` for the outcomes that no check judges.
    pub check: String,
    /// Failures.
    pub failed: BySide<u64>,
    /// Of these, how many the check was unsure of.
    pub unsure: BySide<u64>,
    /// Samples that the check could not judge.
    pub skipped: BySide<u64>,
    /// How often the check fails a good picture by mistake, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slips: Option<SlipRate>,
}

/// How often a check failed good pictures in its own measurement: what part of its failures may be its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlipRate {
    /// The share of good pictures that it failed.
    pub rate: f64,
    /// The 95% Clopper–Pearson interval of that share.
    pub interval: [f64; 2],
    /// How many good pictures.
    pub pictures: u64,
}

/// Failures of one tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// Pairs with this tag.
    pub pairs: u64,
    /// Failures.
    pub failed: BySide<u64>,
}

/// Pairs in which just one side fails, and in which both do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flips {
    /// The candidate fails, the baseline does not.
    pub newly_failing: u64,
    /// The baseline fails, the candidate does not.
    pub newly_passing: u64,
    /// Both fail.
    pub both_failing: u64,
}

/// What images cost, over the judged pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostSummary {
    /// Per thousand images that were delivered, broken ones included.
    pub per_1k_usd: Option<Usd>,
    /// Per thousand images that passed.
    pub effective_per_1k_usd: Option<Usd>,
    /// All of it.
    pub total_usd: Usd,
    /// How well it is known: the weakest basis of any sample.
    pub basis: crate::units::CostBasis,
}

/// How long images took, over the judged pairs in which both sides answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// The median, in seconds.
    pub p50_s: f64,
    /// The 95th percentile, in seconds.
    pub p95_s: f64,
    /// How many samples.
    pub samples: u64,
}

/// A sample that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The case.
    pub case: String,
    /// Which repeat of it, from 0.
    pub repeat: u32,
    /// Which side.
    pub side: Side,
    /// How it ended.
    pub outcome: Outcome,
    /// The checks that failed.
    pub checks: Vec<String>,
    /// Whether no check failed it outright: one was unsure, and a person should look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    /// The picture, relative to the output folder.
    pub image: Option<String>,
    /// Whether the other side of the pair did not fail.
    pub flipped: bool,
}
