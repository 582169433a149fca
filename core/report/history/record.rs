//! One verdict as a history keeps it: its figures and nothing of its pictures and prompts.

use serde::{Deserialize, Serialize};

use crate::gate::intervals::rate_interval;
use crate::gate::{
    BySide, Decision, ModelAt, Outcome, Override, Side, Stopped, SubjectVerdict, Verdict,
};
use crate::inert::one_line;
use crate::units::{CommitSha, Digest, Rate, Usd};

/// The most characters of a name: of a model, a gate, a repository, a revision.
const MAX_NAME: usize = 120;
/// The most characters of a reason.
const MAX_REASON: usize = 400;
/// The most models of one verdict that are kept.
const MAX_SUBJECTS: usize = 100;
/// Counts from outside are cut here: far more than any run judges, and few enough to reckon with.
const MAX_COUNT: u64 = 1_000_000_000;
/// The last millisecond that has a date: the end of the year 9999.
const MAX_AT_MS: i64 = 253_402_207_199_999;

/// When and of what a verdict is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// When it was reached, in milliseconds since 1970.
    pub at_ms: i64,
    /// The repository, `owner/name`; nothing outside of GitHub Actions.
    pub repository: Option<String>,
    /// The pull request's number, where there is one.
    pub number: Option<u64>,
    /// The name of the gate: that of its check run.
    pub name: String,
    /// The baseline.
    pub base: RevisionAt,
    /// The candidate.
    pub head: RevisionAt,
    /// Under what a replay finds the run.
    pub evidence: Option<Digest>,
}

/// A side of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionAt {
    /// The commit; nothing for a folder that is no commit.
    pub commit: Option<CommitSha>,
    /// How people name it: `main@4f2c91a`, `work tree`.
    pub label: String,
}

/// A verdict of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The version of this form: 1.
    pub schema: u32,
    /// When it was reached, in milliseconds since 1970.
    pub at_ms: i64,
    /// The repository, `owner/name`; nothing outside of GitHub Actions.
    pub repository: Option<String>,
    /// The pull request's number, where there is one.
    pub number: Option<u64>,
    /// The name of the gate: that of its check run.
    pub name: String,
    /// The baseline.
    pub base: RevisionAt,
    /// The candidate.
    pub head: RevisionAt,
    /// What the gate said.
    pub verdict: Decision,
    /// Whether the merge was blocked.
    pub blocking: bool,
    /// Who accepted it all the same.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// Why, in one sentence.
    pub reason: String,
    /// What the run paid for.
    pub spent_usd: Usd,
    /// Under what a replay finds the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// The models that were judged; empty where something else decided, such as a freeze.
    pub subjects: Vec<SubjectRecord>,
}

/// The verdict on one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectRecord {
    /// Its name in the model config.
    pub name: String,
    /// What the gate said of it.
    pub verdict: Decision,
    /// False where the verdict followed a lean and was not shown.
    pub proven: bool,
    /// Why sampling stopped.
    pub stopped: Stopped,
    /// The baseline's model; nothing where the model was new.
    pub baseline: Option<ModelName>,
    /// The candidate's model.
    pub candidate: ModelName,
    /// How many pairs were judged.
    pub pairs: u64,
    /// How often each side failed.
    pub failures: BySide<Option<Share>>,
    /// What a thousand images cost.
    pub cost_per_1k_usd: BySide<Option<Usd>>,
    /// How long images took.
    pub latency: BySide<Option<Times>>,
}

/// A model, as people name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelName {
    /// The provider's name in the policy.
    pub provider: String,
    /// The model's id; the steps of a pipeline joined by ` + `.
    pub model: String,
}

/// Failures of the samples that were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How many failed.
    pub failed: u64,
    /// Of how many.
    pub of: u64,
}

/// The median and the 95th percentile, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The median.
    pub p50_s: f64,
    /// The 95th percentile.
    pub p95_s: f64,
}

impl VerdictRecord {
    /// What is kept of a verdict. Texts are on one line and of bounded length.
    #[must_use]
    pub fn of(verdict: &Verdict, occasion: Occasion) -> Self {
        let record = Self {
            schema: 1,
            at_ms: occasion.at_ms.clamp(0, MAX_AT_MS),
            repository: occasion.repository,
            number: occasion.number,
            name: occasion.name,
            base: occasion.base,
            head: occasion.head,
            verdict: verdict.verdict,
            blocking: verdict.blocking,
            overridden: verdict.overridden.clone(),
            reason: verdict.reason.clone(),
            spent_usd: verdict.spent_usd,
            evidence: occasion.evidence,
            subjects: verdict.subjects.iter().take(MAX_SUBJECTS).map(SubjectRecord::of).collect(),
        };
        record.bounded()
    }

    /// Whether a verdict tells a reader of a history anything: one of a change that touches no model does not, unless it
    /// blocked or somebody had to accept it.
    #[must_use]
    pub fn is_worth_keeping(verdict: &Verdict) -> bool {
        !verdict.subjects.is_empty() || verdict.blocking || verdict.overridden.is_some()
    }

    /// A record as a store had it, its texts and numbers within bounds; nothing where it is of another form or has no
    /// date. Whoever can write the store can write anything into it.
    #[must_use]
    pub fn admitted(self) -> Option<Self> {
        let good = self.schema == 1 && (0..=MAX_AT_MS).contains(&self.at_ms);
        good.then(|| self.bounded())
    }

    fn bounded(mut self) -> Self {
        self.repository = self.repository.map(|text| name(&text));
        self.name = name(&self.name);
        self.base.label = name(&self.base.label);
        self.head.label = name(&self.head.label);
        self.reason = one_line(self.reason.trim(), MAX_REASON);
        self.spent_usd = amount(self.spent_usd).unwrap_or(Usd::ZERO);
        self.overridden = self.overridden.map(|by| Override {
            by_author: by.by_author,
            ..Override::new(&by.by, by.how, &by.reason, &by.at, by.head)
        });
        self.subjects.truncate(MAX_SUBJECTS);
        self.subjects = self.subjects.into_iter().map(SubjectRecord::bounded).collect();
        self
    }
}

impl SubjectRecord {
    fn of(verdict: &SubjectVerdict) -> Self {
        let share = |side: Side| {
            let outcomes = verdict.outcomes.get(side);
            let of = outcomes.total().saturating_sub(outcomes.of(Outcome::Unavailable));
            let failed = verdict.failures.iter().filter(|failure| failure.side == side).count();
            (of > 0).then(|| Share { failed: u64::try_from(failed).unwrap_or(of).min(of), of })
        };
        Self {
            name: verdict.name.clone(),
            verdict: verdict.verdict,
            proven: verdict.proven,
            stopped: verdict.stopped,
            baseline: verdict.baseline.as_ref().map(ModelName::of),
            candidate: ModelName::of(&verdict.candidate),
            pairs: verdict.pairs,
            failures: BySide { baseline: share(Side::Baseline), candidate: share(Side::Candidate) },
            cost_per_1k_usd: verdict.cost.clone().map(|cost| cost.and_then(|it| it.per_1k_usd)),
            latency: verdict
                .latency
                .clone()
                .map(|it| it.map(|it| Times { p50_s: it.p50_s, p95_s: it.p95_s })),
        }
    }

    fn bounded(self) -> Self {
        Self {
            name: name(&self.name),
            baseline: self.baseline.map(ModelName::bounded),
            candidate: self.candidate.bounded(),
            pairs: self.pairs.min(MAX_COUNT),
            failures: self.failures.map(|share| share.and_then(Share::bounded)),
            cost_per_1k_usd: self.cost_per_1k_usd.map(|cost| cost.and_then(amount)),
            latency: self.latency.map(|times| times.filter(Times::is_sound)),
            ..self
        }
    }

    /// Whether the verdict is a lean that was not shown.
    #[must_use]
    pub const fn is_unproven(&self) -> bool {
        !self.proven && !matches!(self.verdict, Decision::Inconclusive)
    }
}

impl ModelName {
    fn of(model: &ModelAt) -> Self {
        Self { provider: model.provider.clone(), model: model.model.clone() }
    }

    fn bounded(self) -> Self {
        Self { provider: name(&self.provider), model: name(&self.model) }
    }
}

impl Share {
    fn bounded(self) -> Option<Self> {
        let of = self.of.min(MAX_COUNT);
        (of > 0).then(|| Self { failed: self.failed.min(of), of })
    }

    /// The share that failed.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        Rate::of(self.failed.min(self.of), self.of).map(Rate::share)
    }

    /// Its 95% interval.
    #[must_use]
    pub fn interval(self) -> Option<[f64; 2]> {
        rate_interval(self.failed.min(self.of), self.of)
    }
}

impl Times {
    /// Whether both are times that a request can take.
    fn is_sound(&self) -> bool {
        [self.p50_s, self.p95_s].iter().all(|time| (0.0..1e6).contains(time))
    }
}

fn name(text: &str) -> String {
    one_line(text.trim(), MAX_NAME)
}

/// An amount that somebody can have paid.
fn amount(amount: Usd) -> Option<Usd> {
    (0.0..1e9).contains(&amount.as_f64()).then_some(amount)
}
