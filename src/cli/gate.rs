//! `presscheck gate`: the main job.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use clap::Args;
use futures_util::FutureExt as _;
use presscheck_core::report::{self, Run, TerminalStyle};
use presscheck_core::units::{RepoPath, Usd};

use super::progress::Shown;
use super::tell::{Both, Told, tell, tell_no_verdict, warn};
use super::{Exit, output};
use crate::github::{Environment, Session};
use crate::revision::{self, Change};
use crate::run::{self, Halt, Setting};
use crate::store::Store;

/// What to compare, by which policy, and where the evidence goes.
#[derive(Args, Clone, Debug)]
pub(super) struct GateArgs {
    /// The baseline: a git revision or a folder [default: the default branch; in Actions, the event's base].
    #[arg(long, value_name = "REV|DIR")]
    pub(super) base: Option<String>,

    /// The candidate: a git revision or a folder [default: the work tree; in Actions, the event's head].
    #[arg(long, value_name = "REV|DIR")]
    pub(super) head: Option<String>,

    /// The policy's path in the repository [default: presscheck.yaml].
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<String>,

    /// Where reports and pictures go [default: presscheck-out].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Where results are kept, a folder or a bucket's URL [default: .presscheck/store].
    #[arg(long, value_name = "DIR|URL")]
    pub(super) store: Option<String>,

    /// Buy at most this many images.
    #[arg(long, value_name = "N")]
    pub(super) max_images: Option<u64>,

    /// Spend at most this much; can only lower the policy's budget.
    #[arg(long, value_name = "$")]
    pub(super) budget: Option<Usd>,

    /// Post nothing to GitHub.
    #[arg(long)]
    pub(super) no_post: bool,

    /// Whether stored results count; `false` buys everything afresh.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) resume: bool,

    /// The folder to work in.
    #[arg(short = 'C', long = "directory", value_name = "DIR", hide = true)]
    pub(super) directory: Option<PathBuf>,
}

/// In the action's post step: closes the check run of a main step that was killed before it could.
pub(super) fn close_leftover() -> Exit {
    output::block_on(async {
        let environment = Environment::read(output::environment);
        warn(&Session::close_leftover(&environment).await);
        Exit::Pass
    })
}

/// Runs the gate.
pub(super) fn run(mut arguments: GateArgs, json: bool) -> Exit {
    output::block_on(async move {
        let environment = Environment::read(output::environment);
        let judged = match Told::start(&mut arguments, &environment) {
            Ok(told) => guarded(arguments, told, &environment).await,
            Err(text) => Err((Exit::Config, text)),
        };
        match judged {
            Ok(judged) => {
                show(&judged, json);
                Exit::of(&judged.run.verdict)
            }
            Err((exit, text)) => {
                report_problem(&text, exit, json);
                exit
            }
        }
    })
}

impl Default for GateArgs {
    /// A command line without flags.
    fn default() -> Self {
        Self {
            base: None,
            head: None,
            policy: None,
            out: None,
            store: None,
            max_images: None,
            budget: None,
            no_post: false,
            resume: true,
            directory: None,
        }
    }
}

/// A finished run, and where its evidence lies.
pub(super) struct Judged {
    pub(super) run: Run,
    pub(super) out: PathBuf,
}

/// Judges, and closes the check run on every way out: a verdict, an error, a signal, a crash.
async fn guarded(
    arguments: GateArgs,
    told: Told,
    environment: &Environment,
) -> Result<Judged, (Exit, String)> {
    let judging = AssertUnwindSafe(judge(&arguments, &told, environment)).catch_unwind();
    let ended = tokio::select! {
        ended = judging => ended,
        signal = stop_signal() => {
            told.abandon(&format!("stopped by {signal} before a verdict")).await;
            let text = format!(
                "stopped by {signal} before a verdict\n  help: run it again: what was paid for is in the store"
            );
            tell_no_verdict(environment, &text);
            return Err((Exit::CouldNotRun, text));
        }
    };
    match ended {
        Ok(Ok(judged)) => {
            tell(&told, &judged).await;
            Ok(judged)
        }
        Ok(Err((exit, text))) => {
            told.abandon(&text).await;
            tell_no_verdict(environment, &text);
            Err((exit, text))
        }
        Err(_) => {
            told.abandon("presscheck crashed; this is a bug of ours").await;
            let text = "presscheck crashed; this is a bug of ours\n  help: run it again: what was paid for is in the store";
            Err((Exit::CouldNotRun, text.to_owned()))
        }
    }
}

/// Waits for a signal that asks this process to stop.
async fn stop_signal() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = tokio::signal::ctrl_c() => "Ctrl-C",
            };
        }
    }
    // Without a handler the default action of the signal applies.
    let _ = tokio::signal::ctrl_c().await;
    "Ctrl-C"
}

/// Judges without telling anybody.
pub(super) async fn judge_here(arguments: &GateArgs) -> Result<Judged, (Exit, String)> {
    let told = Told { session: None, comment: false, base_label: None };
    judge(arguments, &told, &Environment::read(|_| None)).await
}

async fn judge(
    arguments: &GateArgs,
    told: &Told,
    environment: &Environment,
) -> Result<Judged, (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let at = arguments.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let policy_path: RepoPath = arguments
        .policy
        .as_deref()
        .unwrap_or("presscheck.yaml")
        .parse()
        .map_err(|error| config(format!("--policy: {error}; no request was sent")))?;
    let mut change = revision::resolve(&at, arguments.base.as_deref(), arguments.head.as_deref())
        .map_err(|error| config(format!("{error}; no request was sent")))?;
    if let Some(label) = &told.base_label {
        change.base.rename(label);
    }
    let place = |path: PathBuf| if path.is_absolute() { path } else { at.join(path) };
    let out = place(arguments.out.clone().unwrap_or_else(|| PathBuf::from("presscheck-out")));
    run::clear(&out).map_err(config)?;
    let store = arguments.store.clone().unwrap_or_else(|| ".presscheck/store".to_owned());
    let store = if store.contains("://") {
        store
    } else {
        place(PathBuf::from(store)).to_string_lossy().into_owned()
    };
    let store = Store::open(&store, std::env::vars()).map_err(|error| config(error.to_string()))?;
    let again = again(&change, arguments);
    let setting = Setting {
        change,
        policy_path,
        out,
        store,
        environment: Box::new(output::environment),
        budget: arguments.budget,
        max_images: arguments.max_images,
        resume: arguments.resume,
        clock: now_ms,
        today: jiff::Zoned::now().date(),
        again,
        job_url: environment.job_url(),
    };
    let loaded = run::load(&setting, output::colour()).map_err(|rejected| config(rejected.0))?;
    if !loaded.warnings.is_empty() {
        output::stderr(&loaded.warnings);
    }
    let shown = Shown::new();
    let progress = Both { shown: &shown, session: told.session.as_ref() };
    let could_not = |why: String| (Exit::CouldNotRun, format!("could not run: {why}"));
    let run = run::gate(&setting, &loaded, &progress)
        .await
        .map_err(|halt: Halt| could_not(halt.to_string()))?;
    run::write(&run, &setting.out).map_err(could_not)?;
    Ok(Judged { run, out: setting.out })
}

/// The time in milliseconds since 1970.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The command line that judges the same two sides again.
fn again(change: &Change, arguments: &GateArgs) -> String {
    let word = |text: &str| -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text.to_owned()
        } else {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
    };
    let mut line = format!("presscheck gate --base {}", word(&change.again.0));
    if !change.again.1.is_empty() {
        line.push_str(&format!(" --head {}", word(&change.again.1)));
    }
    if let Some(policy) = &arguments.policy {
        line.push_str(&format!(" --policy {}", word(policy)));
    }
    line
}

/// Shows the verdict on the terminal, and as JSON where that was asked for.
pub(super) fn show(judged: &Judged, json: bool) {
    let run = &judged.run;
    let style = TerminalStyle { colour: output::colour(), width: 80 };
    output::stderr(&report::terminal(run, style));
    output::stderr(&format!("      report  {}\n", judged.out.join("report.html").display()));
    if json {
        output::stdout(report::verdict_json(&run.verdict).as_bytes());
    }
}

/// Shows why there is no verdict.
fn report_problem(text: &str, exit: Exit, json: bool) {
    // What `load` rejects is a whole text already.
    if text.starts_with("error") || text.starts_with('\u{1b}') {
        output::stderr(text);
    } else {
        output::error(text);
    }
    if json {
        let document = serde_json::json!({"schema": 1, "error": text, "exit": exit.code()});
        output::stdout(format!("{document}\n").as_bytes());
    }
}
