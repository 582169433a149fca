//! The one orchestration: draw, generate, check, decide, stop; resuming.
//!
//! It knows no wire format and no Markdown: dialects and reports are `presscheck_core`'s.

mod advice;
mod asking;
mod cell;
mod check;
mod compare;
mod configured;
mod eyes;
mod flights;
mod judge;
mod keys;
mod load;
mod look;
mod marks;
mod opening;
mod order;
mod parallel;
mod plan;
mod pool;
mod program;
mod progress;
mod rehearse;
mod replay;
mod sample;
mod sheet;
mod subject;
mod terms;
mod thumbnails;
mod waves;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use presscheck_core::gate::{Decision, Side, Verdict};
use presscheck_core::providers::FaultKind;
use presscheck_core::report::Run;
use presscheck_core::units::{RepoPath, Usd};
use thiserror::Error;

pub use check::{CheckSetting, Looked, check};
pub use compare::{CompareSetting, Contest, Silence, Standing, Watch, compare, load_contest};
pub use configured::{bounded, default_checks, policy_file};
pub use eyes::Weights;
pub use load::{Loaded, Rejected, load};
pub use marks::{Mark, marks};
pub use parallel::play;
pub use plan::plan;
pub use progress::{Progress, Proof, Silent, Status};
pub use rehearse::{PolicyFigures, policy_figures};
pub use replay::{
    Account, Evidence, Judged, Otherwise, ReplayError, ReplaySetting, Replayed, keep, replay,
};
pub use sheet::sheets;
pub use write::{MAX_SUMMARY_BYTES, clear, clear_compared, inputs, write, write_compared};

use crate::revision::Change;
use crate::store::{Store, StoreError};
use crate::transport::Budget;
use asking::Told;
use replay::{Happened, Played};
use sample::{Shop, Step};

/// The time in milliseconds since 1970: handed in, so that ages can be tested.
pub type Clock = fn() -> i64;

/// Looks an environment variable up.
pub type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What a run needs of the world.
pub struct Setting {
    /// Both sides of the change.
    pub change: Change,
    /// Where the policy lies in the repository.
    pub policy_path: RepoPath,
    /// Where the evidence goes.
    pub out: PathBuf,
    /// Where results are kept.
    pub store: Store,
    /// Looks a key up by its environment variable.
    pub environment: Box<Environment>,
    /// Finds the weights of the checks that need some.
    pub weights: Box<Weights>,
    /// Lowers the policy's budget.
    pub budget: Option<Usd>,
    /// The most images to buy.
    pub max_images: Option<u64>,
    /// Whether stored results count.
    pub resume: bool,
    /// The time.
    pub clock: Clock,
    /// Today, for a freeze.
    pub today: jiff::civil::Date,
    /// How to run it again, as a command line.
    pub again: String,
    /// The page of the job.
    pub job_url: Option<String>,
    /// Whether all of this is stored evidence: nobody is asked, and no program runs.
    pub past: bool,
}

/// Why buying stops before the draw is over.
#[derive(Debug, Error)]
pub enum Halt {
    /// The budget does not cover the next request.
    #[error("the budget does not cover the next request")]
    Budget,
    /// `--max-images` is reached.
    #[error("the most images of this run are bought")]
    MaxImages,
    /// No further request of this side can succeed.
    #[error("{}", fatal_sentence(*.side, *.kind, *.step, .provider, .model, .words))]
    Fatal {
        /// Which side.
        side: Side,
        /// What kind of fault.
        kind: FaultKind,
        /// Which step of a pipeline.
        step: Option<Step>,
        /// The provider's name.
        provider: String,
        /// The model's id.
        model: String,
        /// The provider's own words.
        words: String,
    },
    /// No further question of a check can succeed.
    #[error("{}", asking::fatal_sentence(*.kind, .provider, .model, .words))]
    CheckFatal {
        /// What kind of fault.
        kind: FaultKind,
        /// The provider's name.
        provider: String,
        /// The model's id.
        model: String,
        /// The provider's own words.
        words: String,
    },
    /// The baseline's model is gone, and a result that is needed of it is not stored.
    #[error("the baseline's model is gone: {0}")]
    BaselineGone(String),
    /// A replay came to the end of what is stored.
    #[error("the stored evidence ends here")]
    EvidenceEnds,
    /// The run ends for another reason; this sample was not sent any more.
    #[error("the run ended before this sample was sent")]
    Stopped,
    /// The run can't go on.
    #[error("{0}")]
    CouldNotRun(String),
    /// The store failed: answers could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a fatal fault means, and what to do.
fn fatal_sentence(
    side: Side,
    kind: FaultKind,
    step: Option<Step>,
    provider: &str,
    model: &str,
    words: &str,
) -> String {
    let (what, todo) = fatal(kind, provider, model, words, &format!(" (the {side}'s)"));
    format!("{}\n  help: {todo}", Step::before(step, &what))
}

/// What a fatal fault means, and what to do; `whose` follows the model's name.
fn fatal(
    kind: FaultKind,
    provider: &str,
    model: &str,
    words: &str,
    whose: &str,
) -> (String, &'static str) {
    let provider = presscheck_core::inert::one_line(provider, 60);
    let model = presscheck_core::inert::one_line(model, 80);
    let words = presscheck_core::inert::one_line(words, 200);
    let (what, todo) = match kind {
        FaultKind::Auth => (
            format!("`{provider}` does not accept the key"),
            "check the environment variable that the policy's `api_key_env` names",
        ),
        FaultKind::OutOfCredit => (
            format!("no credit is left at `{provider}`"),
            "top it up, then run again: what was paid for is in the store",
        ),
        FaultKind::ModelRetired => (
            format!("`{provider}` has no model `{model}`{whose}, or no longer"),
            "check the model id, and whether the vendor has retired it",
        ),
        _ => (
            format!("`{provider}` rejects every request for `{model}`{whose}"),
            "check the parameters in the model config",
        ),
    };
    (format!("{what}: “{words}”"), todo)
}

/// Runs the gate over what was loaded.
///
/// # Errors
/// Where no verdict can be reached: a bad key, no credit, a candidate that does not exist, a store that fails.
pub async fn gate(
    setting: &Setting,
    loaded: &Loaded,
    progress: &dyn Progress,
) -> Result<Gated, Halt> {
    judge_all(setting, loaded, None, progress).await
}

/// A finished run, and its own account, by which it can be replayed.
pub struct Gated {
    /// The verdict and its evidence.
    pub run: Run,
    /// What the run tells of itself; nothing where nobody watched what it read.
    pub account: Option<Account>,
}

/// Judges every subject, by what is bought or by what is stored.
async fn judge_all(
    setting: &Setting,
    loaded: &Loaded,
    played: Option<&Played>,
    progress: &dyn Progress,
) -> Result<Gated, Halt> {
    let without = |decision, reason| {
        let run = without_subjects(setting, loaded, decision, reason);
        let happened = Happened {
            notes: loaded.notes.clone(),
            damaged: 0,
            subjects: Vec::new(),
            answers: Vec::new(),
        };
        let account = Account::of(setting, &run, happened);
        Ok(Gated { run, account })
    };
    if let (Some(reason), false) = (loaded.frozen(setting.today), loaded.subjects.is_empty()) {
        return without(Decision::Fail, reason);
    }
    if loaded.subjects.is_empty() {
        return without(Decision::Pass, loaded.nothing_to_judge.clone());
    }
    let budget_limit =
        setting.budget.map_or(loaded.policy.budget, |cap| cap.min(loaded.policy.budget));
    let shop = Shop {
        store: setting.store.clone(),
        suppliers: loaded.suppliers(&setting.environment)?,
        budget: Budget::new(budget_limit),
        max_images: setting.max_images.unwrap_or(u64::MAX),
        bought: AtomicU64::new(0),
        damaged: AtomicU64::new(played.map_or(0, |played| played.account().damaged)),
        checks_spent: asking::Spent::default(),
        rejections: asking::Rejections::default(),
        programs: asking::programs(),
        told: played.map_or_else(Told::default, |played| Told::Then(played.answers())),
        resume: setting.resume,
        clock: setting.clock,
    };
    let shop = Arc::new(shop);
    let mut verdicts = Vec::new();
    let mut evidence = Vec::new();
    let mut courses = Vec::new();
    let mut notes = loaded.notes.clone();
    for subject in &loaded.subjects {
        let part = match played {
            Some(played) => Some(played.part(&subject.name).ok_or_else(|| no_part(subject))?),
            None => None,
        };
        let shop = Arc::clone(&shop);
        let finished = subject::run(setting, loaded, shop, subject, part, progress).await?;
        verdicts.push(finished.verdict);
        evidence.push(finished.evidence);
        notes.extend(finished.notes);
        courses.push(finished.course);
    }
    notes.extend(shop.damage());
    let order = worst_first(&verdicts);
    let mut verdicts: Vec<_> = verdicts.into_iter().map(Some).collect();
    let mut evidence: Vec<_> = evidence.into_iter().map(Some).collect();
    let mut take =
        |index: usize| Some((verdicts.get_mut(index)?.take()?, evidence.get_mut(index)?.take()?));
    let (verdicts, evidence): (Vec<_>, Vec<_>) = order.into_iter().filter_map(&mut take).unzip();
    let worst = verdicts.first();
    let (decision, blocking, reason) = match worst {
        Some(only) if verdicts.len() == 1 => (only.verdict, only.blocking, only.reason.clone()),
        Some(worst) => {
            (worst.verdict, worst.blocking, format!("`{}`: {}", worst.name, worst.reason))
        }
        None => (Decision::Pass, false, loaded.nothing_to_judge.clone()),
    };
    let run = Run {
        verdict: Verdict {
            schema: 1,
            verdict: decision,
            blocking,
            overridden: None,
            reason,
            spent_usd: played.map_or_else(|| shop.budget.spent(), |it| it.account().spent_usd),
            notes,
            subjects: verdicts,
        },
        policy_path: setting.policy_path.to_string(),
        policy_at: loaded.policy_at.clone(),
        budget: budget_limit,
        again: setting.again.clone(),
        job_url: setting.job_url.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subjects: evidence,
    };
    let happened = Happened {
        notes: loaded.notes.clone(),
        damaged: shop.damaged.load(Ordering::Relaxed),
        subjects: courses,
        answers: shop.told.all(),
    };
    let account = Account::of(setting, &run, happened);
    Ok(Gated { run, account })
}

/// That a replay's policy judges what the run did not.
fn no_part(subject: &presscheck_core::policy::Subject) -> Halt {
    let name = presscheck_core::inert::one_line(&subject.name, 60);
    Halt::CouldNotRun(format!("the stored evidence holds nothing of `{name}`"))
}

/// A verdict that needs no picture.
fn without_subjects(setting: &Setting, loaded: &Loaded, decision: Decision, reason: String) -> Run {
    Run {
        verdict: Verdict {
            schema: 1,
            verdict: decision,
            blocking: decision != Decision::Pass,
            overridden: None,
            reason,
            spent_usd: Usd::ZERO,
            notes: loaded.notes.clone(),
            subjects: Vec::new(),
        },
        policy_path: setting.policy_path.to_string(),
        policy_at: loaded.policy_at.clone(),
        budget: loaded.policy.budget,
        again: setting.again.clone(),
        job_url: setting.job_url.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subjects: Vec::new(),
    }
}

/// The subjects' indices, worst verdict first, the order of the file otherwise.
fn worst_first(verdicts: &[presscheck_core::gate::SubjectVerdict]) -> Vec<usize> {
    let mut order: Vec<_> = (0..verdicts.len()).collect();
    order.sort_by_key(|index| {
        verdicts.get(*index).map(|v| std::cmp::Reverse((v.blocking, v.verdict)))
    });
    order
}
