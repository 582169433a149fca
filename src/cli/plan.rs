//! `presscheck plan`: what a gate would do, before it does anything; or a gate played many times over.

use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use presscheck_core::gate::betting::DESIGN_PHI;
use presscheck_core::gate::simulate::{Game, Play, Scenario};
use presscheck_core::policy::Claim;
use presscheck_core::report::{self, Rehearsal};
use presscheck_core::units::{Points, Rate};

use super::change::ChangeArgs;
use super::gate::{GateArgs, load, now_ms, report_problem};
use super::tell::Told;
use super::{Exit, output, sides};
use crate::github::Environment;
use crate::run::{self, Halt, Setting};
use crate::store::Store;

/// What to plan, or what to play.
#[derive(Args, Debug)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    simulation: SimulationArgs,
}

/// A gate to be played at rates of one's own.
#[derive(Args, Debug)]
#[command(next_help_heading = "Simulation")]
struct SimulationArgs {
    /// Play the gate many times over, instead of looking at a change. Needs no repository and no policy.
    #[arg(long, requires_all = ["baseline_rate", "candidate_rate"])]
    simulate: bool,

    /// The baseline's failure rate, such as 1.8%.
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "simulate")]
    baseline_rate: Option<f64>,

    /// The candidate's failure rate.
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "simulate")]
    candidate_rate: Option<f64>,

    /// How much the two models stumble over the same prompts, from -1 to 1 [default: 0.3].
    #[arg(long, requires = "simulate", allow_negative_numbers = true)]
    phi: Option<f64>,

    /// Pairs of the draw [default: the policy's, else 400].
    #[arg(long, value_name = "N", requires = "simulate")]
    pairs: Option<u32>,

    /// What the verdict claims [default: the policy's, else suite].
    #[arg(long, value_enum, requires = "simulate")]
    claim: Option<ClaimArg>,

    /// The limit on a rise of the failure rate, such as 2pp [default: the policy's, else 2pp].
    #[arg(long, value_name = "POINTS", value_parser = points, requires = "simulate")]
    max_increase: Option<f64>,

    /// How often the gate is played [default: 5000].
    #[arg(long, value_name = "N", requires = "simulate",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    reps: Option<u64>,

    /// The seed of the simulation [default: 7].
    #[arg(long, value_name = "N", requires = "simulate")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClaimArg {
    /// What the whole draw would say.
    Suite,
    /// What the models' true rates are.
    Model,
}

/// A plain number in place of a percentage or of points.
fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|_| digits)
}

/// `1.8%` or `0.018`.
fn rate(text: &str) -> Result<f64, String> {
    let rate = match plain(text) {
        Some(share) => Rate::new(share)
            .ok_or_else(|| format!("a share lies between 0 and 1; is `{text}%` meant?")),
        None => text.parse::<Rate>().map_err(|error| error.to_string()),
    };
    rate.map(|rate| even(rate.share()))
}

/// `2pp` or `0.02`.
fn points(text: &str) -> Result<f64, String> {
    let points = match plain(text) {
        Some(difference) => Points::new(difference)
            .ok_or_else(|| format!("a difference of shares lies under 1; is `{text}pp` meant?")),
        None => text.parse::<Points>().map_err(|error| error.to_string()),
    };
    points.map(|points| even(points.difference()))
}

/// A share without what a division by a hundred leaves behind, so that 1.8% is 0.018.
fn even(share: f64) -> f64 {
    (share * 1e12).round() / 1e12
}

/// Plans, or plays.
pub(super) fn run(arguments: &PlanArgs, json: bool) -> Exit {
    let ended = if arguments.simulation.simulate {
        simulate(arguments, json).map_err(|text| (Exit::Config, text))
    } else {
        let mut ended = Ok(());
        output::block_on(async {
            ended = plan(&arguments.change, json).await;
            Exit::Pass
        });
        ended
    };
    match ended {
        Ok(()) => Exit::Pass,
        Err((exit, text)) => {
            report_problem(&text, exit, json);
            exit
        }
    }
}

async fn plan(named: &ChangeArgs, json: bool) -> Result<(), (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let environment = Environment::read(output::environment);
    // In Actions, what a gate of this event would do; there the event names the sides, and GitHub has what is not in a clone.
    let mut arguments = GateArgs { change: named.clone(), no_post: true, ..GateArgs::default() };
    let told = Told::start(&mut arguments, &environment).await?;
    let named = &arguments.change;
    let policy_path = named.policy_path().map_err(config)?;
    let change = sides::resolve(named, &told, &environment).await?;
    let location = named.store_location();
    // To open a folder is to make it, and a plan makes nothing.
    let store = if location.contains("://") || Path::new(&location).exists() {
        Store::open(&location, std::env::vars()).map_err(|error| config(error.to_string()))?
    } else {
        Store::nothing(&location)
    };
    let setting = Setting {
        change,
        policy_path,
        out: named.at(),
        store,
        environment: Box::new(|_| None),
        weights: Box::new(crate::weights::find),
        budget: named.budget,
        max_images: named.max_images,
        resume: true,
        clock: now_ms,
        today: jiff::Zoned::now().date(),
        again: String::new(),
        job_url: None,
        past: false,
    };
    let setting = Arc::new(setting);
    let loaded = load(Arc::clone(&setting)).await.map_err(|rejected| {
        let away = setting.change.was_away();
        (if away { Exit::CouldNotRun } else { Exit::Config }, rejected.0)
    })?;
    let could_not = |halt: Halt| match halt {
        Halt::Store(why) => (Exit::CouldNotRun, why.to_string()),
        halt => config(format!("{halt}; no request was sent")),
    };
    let (plan, warnings) =
        run::plan(&setting, &loaded, output::colour()).await.map_err(could_not)?;
    output::stderr(&report::plan_text(&plan));
    if !warnings.is_empty() {
        output::stderr(&format!("{warnings}\n"));
    }
    let sent = if told.event.is_some() { "No provider was asked" } else { "Nothing was sent" };
    output::stderr(&format!("{sent}, and nothing was written.\n"));
    if json {
        output::stdout(report::plan_json(&plan).as_bytes());
    }
    Ok(())
}

/// How many pairs are bought at once where the claim is about the models, as in the published figures.
const MODEL_BATCH: u32 = 16;

fn simulate(arguments: &PlanArgs, json: bool) -> Result<(), String> {
    let PlanArgs { change, simulation } = arguments;
    let found = run::policy_figures(
        &change.at(),
        change.base.as_deref(),
        change.head.as_deref(),
        &change.policy_path()?,
        change.policy.is_some(),
        output::colour(),
    )
    .map_err(|rejected| rejected.0)?;
    let claim = match simulation.claim {
        Some(ClaimArg::Suite) => Claim::Suite,
        Some(ClaimArg::Model) => Claim::Model,
        None => found.as_ref().map_or(Claim::Suite, |found| found.claim),
    };
    // Evidence over the whole draw is looked at after each pair.
    let (play, batch) = match claim {
        Claim::Suite => (Play::SuiteStored, 1),
        Claim::Model => (Play::Model, MODEL_BATCH),
    };
    let errors = found.as_ref().map(|found| found.errors);
    let limit = simulation.max_increase.or(found.as_ref().and_then(|found| found.max_increase));
    let scenario = Scenario {
        // Both are required by the command line.
        baseline_rate: simulation.baseline_rate.unwrap_or_default(),
        candidate_rate: simulation.candidate_rate.unwrap_or_default(),
        phi: simulation.phi.unwrap_or(DESIGN_PHI),
        pairs: simulation.pairs.or(found.as_ref().map(|found| found.pairs)).unwrap_or(400),
        play,
        limit: limit.unwrap_or(0.02),
        batch,
        let_bad_through: errors.map_or(0.05, |errors| errors.let_bad_through.share()),
        block_good: errors.map_or(0.05, |errors| errors.block_good.share()),
        seed: simulation.seed.unwrap_or(7),
    };
    let game = Game::new(scenario).map_err(|error| error.to_string())?;
    let played = run::play(&game, simulation.reps.unwrap_or(5000));
    let simulated = played.simulated();
    let rehearsal = Rehearsal {
        scenario,
        simulated,
        full_run: played.full_run(),
        from: found.map(|found| found.from),
    };
    output::stderr(&report::rehearsal_text(&rehearsal));
    if json {
        let document = serde_json::to_string(&simulated).map_err(|error| error.to_string())?;
        output::stdout(format!("{document}\n").as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        assert_eq!(rate("1.8%"), rate("0.018"));
        assert_eq!(points("2pp"), points("0.02"));
        assert_eq!((rate("0"), rate("100%")), (Ok(0.0), Ok(1.0)));
        let message = |result: Result<f64, String>| result.unwrap_err();
        insta::assert_snapshot!(
            ["18", "two", "101%", "2pp", "-1%", "nan", "1e-2"]
                .map(|it| message(rate(it)))
                .join("\n")
        );
        insta::assert_snapshot!(["2", "2%", "x", "200pp"].map(|it| message(points(it))).join("\n"));
    }
}
