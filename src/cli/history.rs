//! `presscheck history`: past verdicts of a store.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use presscheck_core::report::{self, History, TerminalStyle, VerdictRecord};

use super::change::ChangeArgs;
use super::gate::report_problem;
use super::{Exit, output};
use crate::github::HISTORY_REF;
use crate::revision::Repository;
use crate::store::{Store, VERDICTS_FOLDER};

/// How many verdicts the table has where nobody says.
const SHOWN: usize = 20;

/// Which verdicts, from where, in what form.
#[derive(Args, Clone, Debug)]
pub(super) struct HistoryArgs {
    /// Where results are kept, a folder or a bucket's URL [default: .presscheck/store].
    #[arg(long, value_name = "DIR|URL")]
    store: Option<String>,

    /// Read the verdicts that jobs kept in this git repository, under the ref REF, once it is fetched
    /// [default REF: refs/presscheck/history].
    #[arg(
        long,
        value_name = "REF",
        num_args = 0..=1,
        default_missing_value = HISTORY_REF,
        conflicts_with = "store"
    )]
    git: Option<String>,

    /// Write a page, with charts over time, to this file.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,

    /// Only verdicts from this day on, such as 2026-11-24, in UTC.
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<Date>,

    /// At most the newest N [default: 20 in the table; all in the page and with --json].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    last: Option<u32>,

    /// Only verdicts on this model of the model file.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,

    /// The folder to work in.
    #[arg(short = 'C', long = "directory", value_name = "DIR", hide = true)]
    directory: Option<PathBuf>,
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "expected a date such as 2026-11-24".to_owned())
}

/// Reads, and shows.
pub(super) fn run(arguments: &HistoryArgs, json: bool) -> Exit {
    output::block_on(async {
        match show(arguments, json).await {
            Ok(()) => Exit::Pass,
            Err((exit, text)) => {
                report_problem(&text, exit, json);
                exit
            }
        }
    })
}

async fn show(arguments: &HistoryArgs, json: bool) -> Result<(), (Exit, String)> {
    // The same default, and the same reading of it, as where the gate keeps them.
    let place = ChangeArgs {
        store: arguments.store.clone(),
        directory: arguments.directory.clone(),
        ..ChangeArgs::default()
    };
    let history = read(arguments, &place, json || arguments.out.is_some()).await?;
    if let Some(out) = &arguments.out {
        write(&place.place(out.clone()), &history)?;
    }
    if json {
        output::stdout(report::history_json(&history).as_bytes());
        return Ok(());
    }
    let most = arguments.last.map_or(SHOWN, |last| usize::try_from(last).unwrap_or(usize::MAX));
    let style = TerminalStyle { colour: output::document_colour(), width: 80 };
    // The table is the document itself.
    output::stdout(report::history_text(&history, most, style).as_bytes());
    if let Some(out) = &arguments.out {
        output::stderr(&format!("  page    {}\n", out.display()));
    }
    Ok(())
}

async fn read(
    arguments: &HistoryArgs,
    place: &ChangeArgs,
    all: bool,
) -> Result<History, (Exit, String)> {
    let location = arguments.git.clone().unwrap_or_else(|| place.store_location());
    // To open a folder is to make it, and a look makes nothing.
    let store = if let Some(name) = &arguments.git {
        of_git(place, name).await?
    } else if location.contains("://") || Path::new(&location).exists() {
        Store::open(&location, std::env::vars())
            .map_err(|error| (Exit::Config, error.to_string()))?
    } else {
        Store::nothing(&location)
    };
    let since_ms = match arguments.since {
        Some(day) => Some(start_of(day)?),
        None => None,
    };
    let asked = arguments.last.map(|last| usize::try_from(last).unwrap_or(usize::MAX));
    let last = asked.or((!all).then_some(SHOWN));
    let wanted = |record: &VerdictRecord| {
        arguments
            .subject
            .as_ref()
            .is_none_or(|name| record.subjects.iter().any(|subject| subject.name == *name))
    };
    let found = store.verdicts(since_ms, last.unwrap_or(usize::MAX), wanted).await;
    let found = found.map_err(|error| {
        (
            Exit::CouldNotRun,
            format!("{error}; no verdict is shown\n  help: look at the store's address and at the credentials for it, then run this again"),
        )
    })?;
    Ok(History {
        place: arguments.store.clone().unwrap_or_else(|| {
            location.strip_prefix("./").map_or_else(|| location.clone(), str::to_owned)
        }),
        since: arguments.since,
        subject: arguments.subject.clone(),
        last,
        records: found.records,
        kept: found.kept,
        damaged: found.damaged,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// The largest file that is read.
const MAX_BYTES: u64 = 512 * 1024;

/// What jobs kept in the repository.
async fn of_git(place: &ChangeArgs, name: &str) -> Result<Store, (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let repository = Repository::discover(&place.at()).ok_or_else(|| {
        config(format!(
            "--git: there is no git repository at or above {}; no verdict is shown\n  help: run this inside a clone, or name a store with --store",
            place.at().display()
        ))
    })?;
    let commit = repository.commit(name).ok_or_else(|| {
        config(format!(
            "--git: this clone has no `{}`; no verdict is shown\n  help: fetch it: git fetch origin {HISTORY_REF}:{HISTORY_REF}; jobs with `contents: write` keep verdicts there",
            presscheck_core::inert::one_line(name, 200)
        ))
    })?;
    let files = commit
        .files_below(VERDICTS_FOLDER, MAX_BYTES)
        .map_err(|error| (Exit::CouldNotRun, format!("{error}; no verdict is shown")))?;
    Store::of_files(name, files).await.map_err(|error| (Exit::CouldNotRun, error.to_string()))
}

/// The first millisecond of a day in UTC.
fn start_of(day: Date) -> Result<i64, (Exit, String)> {
    let start = day.to_zoned(TimeZone::UTC);
    start.map(|start| start.timestamp().as_millisecond()).map_err(|_| {
        (Exit::Config, format!("--since: {day} is a day that no clock has; nothing was read"))
    })
}

fn write(path: &Path, history: &History) -> Result<(), (Exit, String)> {
    let could_not = |why: String| {
        (
            Exit::CouldNotRun,
            format!(
                "the page could not be written to {}: {why}; nothing else was changed",
                path.display()
            ),
        )
    };
    let page = report::history_html(history).map_err(|error| could_not(error.to_string()))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| could_not(error.to_string()))?;
    }
    std::fs::write(path, page).map_err(|error| could_not(error.to_string()))
}
