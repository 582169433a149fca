//! A run's own account: what it read, under which terms it judged, how it ended. With the samples and the pictures it is
//! all that a verdict follows from.

use std::collections::BTreeMap;

use presscheck_core::gate::{Decision, Override};
use presscheck_core::report::{Run, SampleLine};
use presscheck_core::units::{Digest, RepoPath, Usd};
use serde::{Deserialize, Serialize};

use super::super::Setting;
use crate::revision::{Change, Seen, Snapshot};
use crate::store::{Record, RunRecord};

/// The version of the form.
pub(super) const FORM: u32 = 1;

/// What a run tells of itself, in `run.json` and in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The version of this form: 1.
    pub schema: u32,
    /// The version of presscheck that judged.
    pub version: String,
    /// When the run ended, in milliseconds since 1970.
    pub at_ms: i64,
    /// The day that counted for a freeze and for retired models: `2026-11-27`.
    pub today: String,
    /// Where the policy lies in the repository.
    pub policy_path: RepoPath,
    /// The most that the run was allowed to spend.
    pub budget_usd: Usd,
    /// How to run it again, as a command line.
    pub again: String,
    /// The page of the job, where there was one.
    pub job_url: Option<String>,
    /// Whether the head came, or may have come, from another repository.
    pub foreign: bool,
    /// The baseline, as far as it was read.
    pub base: Seen,
    /// The candidate, likewise.
    pub head: Seen,
    /// Where the two parted, likewise.
    pub fork_point: Seen,
    /// What a reader was told of the files, before anything was drawn.
    pub notes: Vec<String>,
    /// How many stored results were torn or altered.
    pub damaged: u64,
    /// What the run paid for.
    pub spent_usd: Usd,
    /// Each model that was judged, in the order of the file.
    pub subjects: Vec<Course>,
    /// What others said to the questions of checks.
    pub answers: Vec<Record>,
    /// The verdict, for readers of lists.
    pub verdict: Decision,
    /// What a reader was told after the verdict.
    pub told: Vec<String>,
    /// Who lifted the block, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// The digests of the output folder's files.
    pub files: BTreeMap<String, Digest>,
    /// How many remarks the verdict had when it was reached: later ones are `told`.
    #[serde(skip)]
    pub(super) length: usize,
}

/// How the run over one model went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The subject's name.
    pub name: String,
    /// What the run was known by in the store.
    pub run: String,
    /// What was fixed before the first pair.
    pub round: RunRecord,
    /// Whether stored results of the baseline were gone that had been there when the run began.
    pub known_lost: bool,
    /// The baseline's stored samples that were known beforehand and that no judged pair holds.
    pub known: Vec<SampleLine>,
    /// What ended it before the test did, where something did.
    pub end: Option<Ended>,
    /// How many images it bought.
    pub bought: u64,
    /// What it paid for.
    pub spent_usd: Usd,
    /// How much of that went to the questions of checks.
    pub checks_usd: Usd,
}

/// What ended a run before its test did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Ended {
    /// The budget.
    Budget,
    /// `--max-images`.
    MaxImages,
    /// The baseline's model is retired, and the store had no more of it.
    BaselineGone {
        /// The provider's words.
        words: String,
    },
}

/// What a run has to tell besides what its [`Setting`] says.
pub(in super::super) struct Happened {
    pub(in super::super) notes: Vec<String>,
    pub(in super::super) damaged: u64,
    pub(in super::super) subjects: Vec<Course>,
    pub(in super::super) answers: Vec<Record>,
}

impl Account {
    /// The account of a run that has just come to its verdict; nothing where nobody watched what it read.
    pub(in super::super) fn of(setting: &Setting, run: &Run, happened: Happened) -> Option<Self> {
        let Change { base, head, fork_point, foreign, .. } = &setting.change;
        let [base, head, fork_point] = [base, head, fork_point].map(Snapshot::seen);
        Some(Self {
            schema: FORM,
            version: run.version.clone(),
            at_ms: (setting.clock)(),
            today: setting.today.to_string(),
            policy_path: setting.policy_path.clone(),
            budget_usd: run.budget,
            again: run.again.clone(),
            job_url: run.job_url.clone(),
            foreign: *foreign,
            base: base?,
            head: head?,
            fork_point: fork_point?,
            notes: happened.notes,
            damaged: happened.damaged,
            spent_usd: run.verdict.spent_usd,
            subjects: happened.subjects,
            answers: happened.answers,
            verdict: run.verdict.verdict,
            told: Vec::new(),
            overridden: None,
            files: BTreeMap::new(),
            length: run.verdict.notes.len(),
        })
    }

    /// Every digest of a file that the run read.
    pub(super) fn inputs(&self) -> impl Iterator<Item = Digest> {
        let readings = [&self.base, &self.head, &self.fork_point].into_iter();
        let readings = readings.flat_map(|seen| seen.files.values());
        let mut seen = std::collections::BTreeSet::new();
        readings.filter_map(move |reading| match reading {
            crate::revision::Reading::File { digest, .. } => {
                seen.insert(*digest).then_some(*digest)
            }
            _ => None,
        })
    }
}
