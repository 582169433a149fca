//! A verdict once more, from what is stored: the same, by another policy, or by checks that look anew. Nobody is asked,
//! nothing is paid, no program runs.

mod account;
mod keep;
mod play;
mod recall;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use presscheck_core::gate::{Outcome, Side};
use presscheck_core::report::{self, Run, SampleLine};
use presscheck_core::units::Digest;
use thiserror::Error;

pub use account::Account;
pub(super) use account::{Course, Ended, Happened};
pub use keep::keep;
pub(super) use keep::{ACCOUNT, INPUTS, VERDICT};
pub(super) use play::{Part, Played, latency};
pub use recall::Evidence;

use super::load::{Rejected, load_with};
use super::{Halt, Progress, Setting, Weights, judge_all};
use crate::revision::{Change, Kept, Reading, Seen, Snapshot};
use crate::store::{Store, StoreError};
use play::How;

/// Why evidence can't be judged.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// It is not there, or not of a form that is known.
    #[error("{}", unjudged(.0))]
    Absent(String),
    /// It is not as the run left it.
    #[error("{}", altered(.0))]
    Altered(Vec<String>),
    /// The policy, or what it needs, can't be used: a whole message.
    #[error("{}", .0.0)]
    Rejected(Rejected),
    /// No verdict came of it.
    #[error("could not run: {0}")]
    Halted(Halt),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do stands on lines of its own; what was not done belongs to the first.
fn unjudged(text: &str) -> String {
    let (what, help) = text.split_once('\n').unwrap_or((text, ""));
    let line = if help.is_empty() { "" } else { "\n" };
    format!("{what}; nothing was judged{line}{help}")
}

/// How many altered files a message names.
const NAMED: usize = 10;

fn altered(files: &[String]) -> String {
    let named: Vec<_> = files.iter().take(NAMED).map(|file| format!("  {file}\n")).collect();
    let more = match files.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("  and {more} more\n"),
    };
    format!(
        "the evidence is not as the run left it: a hash does not match, or a file is gone; nothing was judged\n{}{more}  help: take the evidence from where the run put it (the job's artifact, the store)",
        named.concat()
    )
}

/// How to judge once more.
pub struct ReplaySetting {
    /// Another policy: its name for people, and its text.
    pub policy: Option<(String, Vec<u8>)>,
    /// Where files lie that this policy names and that the run did not read.
    pub beside: Option<Snapshot>,
    /// Whether every picture is looked at anew.
    pub recheck: bool,
    /// Where reports go, where some are wanted.
    pub out: Option<PathBuf>,
    /// Finds the weights of the checks that need some.
    pub weights: Box<Weights>,
    /// Whether messages may have colour.
    pub colour: bool,
}

/// What came of it.
pub struct Replayed {
    /// The verdict and its evidence.
    pub run: Run,
    /// How the findings came about.
    pub judged: Judged,
    /// Whether `verdict.json` is byte for byte what it was.
    pub identical: bool,
    /// Samples that are judged otherwise than they were, in the drawn order.
    pub otherwise: Vec<Otherwise>,
}

/// How the findings of a replay came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// They stand as they were.
    AsTold,
    /// Every picture was looked at anew.
    Anew,
}

/// A sample that is judged otherwise than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otherwise {
    /// The subject.
    pub subject: String,
    /// The case.
    pub case: String,
    /// Which repeat of it.
    pub repeat: u32,
    /// Which side.
    pub side: Side,
    /// How it ended then, and by what.
    pub then: (Outcome, Option<String>),
    /// How it ends now.
    pub now: (Outcome, Option<String>),
}

/// Judges a finished run once more.
///
/// # Errors
/// A policy that can't be used, and evidence that does not reach.
pub async fn replay(
    evidence: &Evidence,
    wanted: ReplaySetting,
    progress: &dyn Progress,
) -> Result<Replayed, ReplayError> {
    let account = evidence.account().clone();
    let today = account
        .today
        .parse()
        .map_err(|error| ReplayError::Absent(format!("the run's day is none ({error})")))?;
    let same_version = account.version == env!("CARGO_PKG_VERSION");
    let ReplaySetting { policy, beside, recheck, out, weights, colour } = wanted;
    let mut setting = Setting {
        change: change(&account, evidence, None, None),
        policy_path: account.policy_path.clone(),
        out: out.clone().unwrap_or_default(),
        store: Store::nothing("the stored evidence"),
        // No key is needed where nothing is sent; whoever reads this text has none.
        environment: Box::new(|_| Some("replayed".to_owned())),
        weights,
        budget: Some(account.budget_usd),
        max_images: None,
        resume: true,
        clock: || 0,
        today,
        again: account.again.clone(),
        job_url: account.job_url.clone(),
        past: true,
    };
    let then = load_with(&setting, None, colour).map_err(ReplayError::Rejected)?;
    let same_policy = policy.is_none();
    let (mut loaded, again) = match policy {
        None => (then, recheck || !same_version),
        Some((_, text)) => {
            setting.change = change(&account, evidence, Some(text), beside);
            // The evidence was bought in the past: no budget cuts it short.
            setting.budget = None;
            let prompts = then.prompts();
            let checks = then.said_of("checks");
            let loaded =
                load_with(&setting, Some(prompts), colour).map_err(ReplayError::Rejected)?;
            let again = recheck || !same_version || checks != loaded.said_of("checks");
            (loaded, again)
        }
    };
    if same_policy && same_version {
        // What was told of the files may depend on the machine, such as on weights that are not here.
        loaded.notes.clone_from(&account.notes);
    }
    if again && evidence.absent > 0 {
        return Err(ReplayError::Absent(format!(
            "{} of {} pictures are not at hand, so they can't be looked at again\n  help: name the store of the run with --store",
            evidence.absent, evidence.pictures
        )));
    }
    let how = How { again, lay_out: out.is_some(), same_policy };
    let pictures = Arc::new(evidence.sources());
    let (told, overridden) = (account.told.clone(), account.overridden.clone());
    let verdict = account.files.get(VERDICT).copied();
    let played = Played::new(account, &evidence.samples, pictures, how);
    let gated = judge_all(&setting, &loaded, Some(&played), progress).await;
    let mut run = gated.map_err(ReplayError::Halted)?.run;
    if same_policy {
        if let Some(by) = overridden {
            run.verdict.accept(by);
        }
        run.verdict.notes.extend(told);
    }
    let identical = verdict == Some(Digest::of(report::verdict_json(&run.verdict).as_bytes()));
    let otherwise = otherwise(&evidence.samples, &run);
    let judged = if again { Judged::Anew } else { Judged::AsTold };
    Ok(Replayed { run, judged, identical, otherwise })
}

/// Both sides as the run saw them; with another policy in the place of theirs where there is one.
fn change(
    account: &Account,
    evidence: &Evidence,
    policy: Option<Vec<u8>>,
    beside: Option<Snapshot>,
) -> Change {
    let path = account.policy_path.as_str();
    let side = |seen: &Seen| {
        let mut kept = Kept::new(seen.clone(), &evidence.inputs);
        // A side without one stays so: the first policy of all judges from the head.
        if let (Some(text), false) = (&policy, seen.files.get(path) == Some(&Reading::Absent)) {
            kept.replace(path, text.clone());
        }
        kept.beside(beside.clone());
        Snapshot::Kept(kept)
    };
    Change {
        base: side(&account.base),
        head: side(&account.head),
        fork_point: side(&account.fork_point),
        again: (String::new(), String::new()),
        foreign: account.foreign,
    }
}

/// Samples of the replay that are judged otherwise than they were.
fn otherwise(then: &[SampleLine], run: &Run) -> Vec<Otherwise> {
    let key = |line: &SampleLine| (line.subject.clone(), line.case.clone(), line.repeat, line.side);
    let ended = |line: &SampleLine| (line.outcome, line.kind.clone());
    let then: HashMap<_, _> = then.iter().map(|line| (key(line), ended(line))).collect();
    let now = run.subjects.iter().flat_map(|subject| &subject.samples);
    now.filter_map(|line| {
        let (then, now) = (then.get(&key(line))?.clone(), ended(line));
        let (subject, case, repeat, side) = key(line);
        (then != now).then_some(Otherwise { subject, case, repeat, side, then, now })
    })
    .collect()
}
