//! The command line: arguments, exit codes, one file per command, terminal progress.

mod accept;
mod calibrate;
mod change;
mod check;
mod comment;
mod compare;
mod demo;
mod event;
mod exit;
mod gate;
mod history;
mod kept;
mod label;
mod measure;
mod models;
mod output;
mod plan;
mod progress;
mod replay;
mod schema;
mod sides;
mod strangers;
mod tell;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::simulator::SimulateArgs;
use exit::Exit;

/// A merge gate for image models: runs a sample of prompts against the model of a change and against the
/// baseline's, looks at every picture, and says whether the change is safe to merge.
#[derive(Debug, Parser)]
#[command(
    name = "presscheck",
    version,
    propagate_version = true,
    arg_required_else_help = false,
    after_help = "Exit codes: 0 pass, 1 fail (blocked), 2 bad usage or config, 3 inconclusive, 4 could not run."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print one JSON document on stdout; everything else goes to stderr.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job: judge a change of models. In GitHub Actions it reads the event.
    Gate(gate::GateArgs),
    /// Tell what a gate would draw, buy and see, without sending anything; or play one with --simulate.
    Plan(plan::PlanArgs),
    /// The checks alone, on files: a table for people, --json for machines.
    Check(check::CheckArgs),
    /// Several models head to head on one prompt set: failures, cost, latency, and which of them to look at.
    Compare(compare::CompareArgs),
    /// The verdict of a finished run again, from stored evidence and without a paid call; or by another policy.
    Replay(replay::ReplayArgs),
    /// Say whether a check was right about a picture, or draw pictures to look at.
    Label(label::LabelArgs),
    /// Tell how often checks are wrong by what people said of their pictures, and which limits would be better.
    Calibrate(calibrate::CalibrateArgs),
    /// Past verdicts of a store, as a table, JSON and a page: models over time, and who accepted what.
    History(history::HistoryArgs),
    /// Run the gate on a bundled example with the simulated server: both endings of one story.
    Demo(demo::DemoArgs),

    /// Run the simulated model server on this machine.
    Simulate(SimulateArgs),
    /// Tell how often the check `text` is wrong, on pictures of which the truth is known; or draw such pictures.
    Measure(measure::MeasureArgs),
    /// List what presscheck knows of models: price, end, tasks, licence, and what is not certain.
    Models(models::ModelsArgs),
    /// Print a JSON Schema: of the policy, the model config, verdict.json or samples.jsonl.
    Schema(schema::SchemaArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    // The action's post step is this program under another name, whatever its arguments.
    let program = std::env::args_os().next().unwrap_or_default();
    if crate::github::Session::is_post_step(&program) {
        return gate::close_leftover().into();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and the version go to stdout and are no error.
            let is_error = error.use_stderr();
            // Nothing can be done where the terminal itself is gone.
            let _ = error.print();
            return if is_error { Exit::Config } else { Exit::Pass }.into();
        }
    };
    run(arguments).into()
}

fn run(arguments: Arguments) -> Exit {
    let json = arguments.json;
    match arguments.command {
        Some(Command::Gate(gate)) => gate::run(gate, json),
        Some(Command::Plan(plan)) => plan::run(&plan, json),
        Some(Command::Check(check)) => check::run(&check, json),
        Some(Command::Compare(compare)) => compare::run(&compare, json),
        Some(Command::Replay(replay)) => replay::run(&replay, json),
        Some(Command::Label(label)) => label::run(&label, json),
        Some(Command::Calibrate(calibrate)) => calibrate::run(&calibrate, json),
        Some(Command::History(history)) => history::run(&history, json),
        Some(Command::Demo(demo)) => demo::run(&demo, json),

        Some(Command::Simulate(simulate)) => output::block_on(async {
            match crate::simulator::simulate(simulate).await {
                Ok(()) => Exit::Pass,
                Err(error) => {
                    output::error(&error.to_string());
                    Exit::Config
                }
            }
        }),
        Some(Command::Measure(measure)) => measure::run(&measure, json),
        Some(Command::Models(models)) => models::run(&models, json),
        Some(Command::Schema(schema)) => schema::run(&schema),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "presscheck", &mut script);
            output::stdout(&script);
            Exit::Pass
        }
        // In Actions the container starts without arguments.
        None if crate::github::Environment::read(output::environment).in_actions() => {
            gate::run(gate::GateArgs::default(), json)
        }
        None => {
            let _ = Arguments::command().print_help();
            Exit::Config
        }
    }
}
