//! `presscheck gate`: the main job.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures_util::FutureExt as _;
use presscheck_core::report::{self, Run, TerminalStyle, VerdictRecord};
use presscheck_core::units::Usd;

use super::accept::Acceptance;
use super::change::ChangeArgs;
use super::progress::Shown;
use super::tell::{Both, Told, tell, tell_no_verdict, warn};
use super::{Exit, comment, kept, output, sides, strangers};
use crate::github::{Environment, Session};
use crate::revision::Change;
use crate::run::{self, Gated, Halt, Loaded, Mark, Rejected, Setting};
use crate::store::Store;

/// What to compare, by which policy, and where the evidence goes.
#[derive(Args, Clone, Debug)]
pub(super) struct GateArgs {
    #[command(flatten)]
    pub(super) change: ChangeArgs,

    /// Where reports and pictures go [default: presscheck-out].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Post nothing to GitHub.
    #[arg(long)]
    pub(super) no_post: bool,

    /// Whether stored results count; `false` buys everything afresh.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) resume: bool,
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
        if comment::is_one(&environment) && !arguments.change.names_both() {
            return match comment::answer(&environment).await {
                Ok(()) => Exit::Pass,
                Err((exit, text)) => {
                    report_problem(&text, exit, json);
                    exit
                }
            };
        }
        let judged = match Told::start(&mut arguments, &environment).await {
            Ok(told) => guarded(arguments, told, &environment).await,
            Err((exit, text)) => {
                tell_no_verdict(&environment, &text);
                Err((exit, text))
            }
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
        Self { change: ChangeArgs::default(), out: None, no_post: false, resume: true }
    }
}

/// A finished run, and where its evidence lies.
pub(super) struct Judged {
    pub(super) run: Run,
    pub(super) out: PathBuf,
    /// Remarks on lines of the head's files.
    pub(super) marks: Vec<Mark>,
    /// Past verdicts of the same gate for the comment to show, this one the last of them.
    pub(super) past: Vec<VerdictRecord>,
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
            kept::publish(&judged, &told, environment).await;
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
    judge(arguments, &Told::default(), &Environment::read(|_| None)).await
}

async fn judge(
    arguments: &GateArgs,
    told: &Told,
    environment: &Environment,
) -> Result<Judged, (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let named = &arguments.change;
    let policy_path = named.policy_path().map_err(config)?;
    let change = sides::resolve(named, told, environment).await?;
    let out = named.place(arguments.out.clone().unwrap_or_else(|| PathBuf::from("presscheck-out")));
    run::clear(&out).map_err(config)?;
    let store = Store::open(&named.store_location(), std::env::vars())
        .map_err(|error| config(error.to_string()))?;
    let again = again(&change, arguments);
    let change = change.watched(&run::inputs(&out));
    let acceptance = told.acceptance(environment).await;
    let accepted = acceptance.as_ref().is_some_and(Acceptance::holds);
    let setting = Setting {
        change,
        policy_path,
        out,
        store,
        environment: Box::new(output::environment),
        weights: Box::new(crate::weights::find),
        // What is accepted already needs no picture.
        budget: if accepted { Some(Usd::ZERO) } else { named.budget },
        max_images: named.max_images,
        resume: arguments.resume,
        clock: now_ms,
        today: jiff::Zoned::now().date(),
        again,
        job_url: environment.job_url(),
        past: false,
    };
    let setting = Arc::new(setting);
    let loaded = load(Arc::clone(&setting)).await.map_err(|rejected| {
        let exit = if setting.change.was_away() { Exit::CouldNotRun } else { Exit::Config };
        (exit, rejected.0)
    })?;
    if !loaded.warnings.is_empty() {
        output::stderr(&loaded.warnings);
    }
    strangers::hold(told, environment, &setting, &loaded).await?;
    let shown = Shown::new();
    let progress = Both { shown: &shown, session: told.session.as_ref() };
    let could_not = |why: String| (Exit::CouldNotRun, format!("could not run: {why}"));
    let Gated { mut run, mut account } = run::gate(&setting, &loaded, &progress)
        .await
        .map_err(|halt: Halt| could_not(halt.to_string()))?;
    strangers::still_there_at_the_end(told, environment).await?;
    if let Some(acceptance) = &acceptance {
        acceptance.apply(&mut run).await;
    }
    run::write(&run, account.as_mut(), &setting.out).map_err(could_not)?;
    let mut evidence = None;
    if let Some(account) = account.filter(|_| !run.verdict.subjects.is_empty()) {
        match run::keep(&setting.store, &account, &setting.out).await {
            Ok(name) => evidence = Some(name),
            Err(why) => warn(&[format!(
                "The evidence of this verdict could not be kept in the store: {why}"
            )]),
        }
    }
    let past = kept::keep(&run, evidence, told, &setting).await;
    let marks = run::marks(&loaded, &run);
    Ok(Judged { run, out: setting.out.clone(), marks, past })
}

/// Reads all that is needed, on a thread that may wait: files may lie elsewhere.
pub(super) async fn load(setting: Arc<Setting>) -> Result<Loaded, Rejected> {
    let reading = tokio::task::spawn_blocking(move || run::load(&setting, output::colour()));
    match reading.await {
        Ok(loaded) => loaded,
        Err(error) => match error.try_into_panic() {
            // Whoever guards this run hears of it as of any other crash.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Rejected(format!("error: reading broke off: {error}\n"))),
        },
    }
}

/// The time in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The command line that judges the same two sides again.
fn again(change: &Change, arguments: &GateArgs) -> String {
    let mut line = format!("presscheck gate --base {}", output::shell_word(&change.again.0));
    if !change.again.1.is_empty() {
        line.push_str(&format!(" --head {}", output::shell_word(&change.again.1)));
    }
    if let Some(policy) = &arguments.change.policy {
        line.push_str(&format!(" --policy {}", output::shell_word(policy)));
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
pub(super) fn report_problem(text: &str, exit: Exit, json: bool) {
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
