//! `presscheck replay`: a verdict again, from stored evidence.

use std::path::{Path, PathBuf};

use clap::Args;
use presscheck_core::gate::{Outcome, Verdict};
use presscheck_core::inert::one_line;
use presscheck_core::report::{self, TerminalStyle};
use serde_json::json;

use super::{Exit, output};
use crate::revision::{Folder, Repository, Snapshot};
use crate::run::{self, Evidence, Judged, Otherwise, ReplayError, ReplaySetting, Replayed, Silent};
use crate::store::Store;

/// Which run, and how to judge it.
#[derive(Args, Clone, Debug)]
pub(super) struct ReplayArgs {
    /// The output folder of a run, or the name of one in the store (or its first digits).
    #[arg(value_name = "DIR|RUN", default_value = "presscheck-out")]
    what: String,

    /// Judge by this policy instead: what would it have said?
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Look at every picture anew, as is done where another version or another policy's checks judge.
    #[arg(long)]
    recheck: bool,

    /// Where pictures and runs are kept, a folder or a bucket's URL [default: .presscheck/store, where that is there].
    #[arg(long, value_name = "DIR|URL")]
    store: Option<String>,

    /// Write reports into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// How many samples that are judged otherwise are named.
const NAMED: usize = 10;

/// Replays a run.
pub(super) fn run(arguments: &ReplayArgs, json: bool) -> Exit {
    output::block_on(async {
        match replay(arguments, json).await {
            Ok(exit) => exit,
            Err((exit, text)) => {
                super::gate::report_problem(&text, exit, json);
                exit
            }
        }
    })
}

async fn replay(arguments: &ReplayArgs, json: bool) -> Result<Exit, (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let folder = Path::new(&arguments.what);
    let store = open_store(arguments).map_err(config)?;
    let is_folder = folder.is_dir() || arguments.what.contains(['/', '\\']);
    let evidence = match store {
        // A word that looks like a folder and is none gets the message about folders.
        Some(store) if !is_folder && arguments.what != "presscheck-out" => {
            Evidence::of_store(&arguments.what, store).await
        }
        store => Evidence::of_folder(folder, store).await,
    };
    let evidence = evidence.map_err(told)?;
    let policy = match &arguments.policy {
        None => None,
        Some(path) => {
            let name = one_line(&path.to_string_lossy(), 200);
            let text = std::fs::read(path).map_err(|error| {
                config(format!("the policy {name} can't be read: {error}; nothing was judged"))
            })?;
            Some((name, text))
        }
    };
    if let Some(out) = &arguments.out {
        if same_place(out, folder) {
            return Err(config(
                "--out is the folder of the run that is replayed\n  help: name another, so that the evidence stays as it is".to_owned(),
            ));
        }
        run::clear(out).map_err(config)?;
    }
    let setting = ReplaySetting {
        beside: arguments.policy.as_deref().map(beside),
        policy,
        recheck: arguments.recheck,
        out: arguments.out.clone(),
        weights: Box::new(crate::weights::find),
        colour: output::colour(),
    };
    let by = setting.policy.as_ref().map(|(name, _)| name.clone());
    let replayed = run::replay(&evidence, setting, &Silent).await.map_err(told)?;
    if let Some(out) = &arguments.out {
        run::write(&replayed.run, None, out)
            .map_err(|why| (Exit::CouldNotRun, format!("could not run: {why}")))?;
    }
    let style = TerminalStyle { colour: output::colour(), width: 80 };
    output::stderr(&report::terminal(&replayed.run, style));
    output::stderr(&summary(&evidence, &replayed, by.as_deref()));
    if json {
        output::stdout(document(&evidence, &replayed, by.as_deref()).as_bytes());
    }
    if replayed.judged == Judged::AsTold && by.is_none() && !replayed.identical {
        return Err((Exit::CouldNotRun, DIFFERS.to_owned()));
    }
    Ok(Exit::of(&replayed.run.verdict))
}

/// The same version, the same evidence, another verdict: that must not be.
const DIFFERS: &str = "the verdict does not follow from the evidence: the same version judged it otherwise\n  help: the evidence may have been made up; if it comes from your own run, this is a bug of ours";

/// The store, where one is named or the usual one is there.
fn open_store(arguments: &ReplayArgs) -> Result<Option<Store>, String> {
    let usual = ".presscheck/store";
    let location = match &arguments.store {
        Some(named) => named.as_str(),
        None if Path::new(usual).is_dir() => usual,
        None => return Ok(None),
    };
    // To open a folder is to make it, and a replay makes nothing.
    if !location.contains("://") && !Path::new(location).is_dir() {
        let location = one_line(location, 200);
        return Err(format!("there is no store {location}; nothing was judged"));
    }
    Store::open(location, std::env::vars()).map(Some).map_err(|error| error.to_string())
}

/// The tree that a policy's paths lie in.
fn beside(policy: &Path) -> Snapshot {
    let folder = policy.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let root = Repository::discover(folder).and_then(|repository| repository.work_tree());
    let root = root.unwrap_or_else(|| folder.to_path_buf());
    Snapshot::Folder(Folder::new(&root, "the work tree".to_owned()))
}

fn same_place(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn told(error: ReplayError) -> (Exit, String) {
    let exit = match &error {
        ReplayError::Absent(_) | ReplayError::Rejected(_) => Exit::Config,
        ReplayError::Altered(_) | ReplayError::Halted(_) | ReplayError::Store(_) => {
            Exit::CouldNotRun
        }
    };
    (exit, error.to_string())
}

/// What became of the evidence, under the verdict.
fn summary(evidence: &Evidence, replayed: &Replayed, by: Option<&str>) -> String {
    let account = evidence.account();
    let mut lines = vec![format!(
        "      evidence  presscheck {}, {}: every hash matches{}",
        one_line(&account.version, 20),
        when(account.at_ms),
        match (evidence.pictures, evidence.absent) {
            (0, _) => String::new(),
            (all, 0) => format!(", {all} pictures"),
            (all, absent) => format!(", {} of {all} pictures at hand", all - absent),
        }
    )];
    lines.push(format!(
        "      findings  {}",
        match replayed.judged {
            Judged::AsTold => "as they were; --recheck looks at every picture anew".to_owned(),
            Judged::Anew => match replayed.otherwise.len() {
                0 => "every picture was looked at anew: no sample is judged otherwise".to_owned(),
                1 => "every picture was looked at anew: one sample is judged otherwise".to_owned(),
                n => format!("every picture was looked at anew: {n} samples are judged otherwise"),
            },
        }
    ));
    lines.extend(
        replayed.otherwise.iter().take(NAMED).map(|it| format!("                {}", changed(it))),
    );
    if replayed.otherwise.len() > NAMED {
        lines.push(format!("                … and {} more", replayed.otherwise.len() - NAMED));
    }
    let now = &replayed.run.verdict;
    lines.push(match by {
        Some(policy) => format!(
            "      verdict   the run said {}; by {} it would have been {}",
            account.verdict.word(),
            one_line(policy, 60),
            said(now)
        ),
        None if replayed.identical => {
            "      verdict   byte for byte what verdict.json was".to_owned()
        }
        None => format!(
            "      verdict   the run said {}; now it is {}",
            account.verdict.word(),
            said(now)
        ),
    });
    lines.push("      paid      nothing; nobody was asked".to_owned());
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn said(verdict: &Verdict) -> &'static str {
    verdict.verdict.word()
}

/// `poster-017 candidate: failed (text) -> passed`.
fn changed(it: &Otherwise) -> String {
    let ended = |(outcome, kind): &(Outcome, Option<String>)| match kind {
        Some(kind) if kind != outcome.word() => {
            format!("{} ({})", outcome.word(), one_line(kind, 40))
        }
        _ => outcome.word().to_owned(),
    };
    let repeat =
        if it.repeat == 0 { String::new() } else { format!(" (repeat {})", it.repeat + 1) };
    let (case, side) = (one_line(&it.case, 60), it.side);
    format!("{case}{repeat} {side}: {} -> {}", ended(&it.then), ended(&it.now))
}

/// A time in UTC, to the minute.
fn when(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| "at an unknown time".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// The same for machines.
fn document(evidence: &Evidence, replayed: &Replayed, by: Option<&str>) -> String {
    let account = evidence.account();
    let otherwise: Vec<_> = replayed
        .otherwise
        .iter()
        .map(|it| {
            json!({
                "subject": it.subject, "case": it.case, "repeat": it.repeat, "side": it.side,
                "then": {"outcome": it.then.0, "kind": it.then.1},
                "now": {"outcome": it.now.0, "kind": it.now.1},
            })
        })
        .collect();
    let document = json!({
        "schema": 1,
        "run": {"version": account.version, "at_ms": account.at_ms, "verdict": account.verdict},
        "policy": by,
        "rechecked": replayed.judged == Judged::Anew,
        "identical": replayed.identical,
        "pictures": {"judged": evidence.pictures, "absent": evidence.absent},
        "otherwise": otherwise,
        "verdict": replayed.run.verdict,
    });
    format!("{document}\n")
}
