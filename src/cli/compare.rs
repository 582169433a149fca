//! `presscheck compare`: several models head to head on one prompt set.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use presscheck_core::inert::one_line;
use presscheck_core::report::{self, Compared, TerminalStyle};
use presscheck_core::units::Usd;

use super::gate::{now_ms, report_problem};
use super::{Exit, output};
use crate::run::{self, CompareSetting, Contest, Standing, Watch};
use crate::store::Store;

/// What to compare, on which prompts, for how much.
#[derive(Args, Clone, Debug)]
pub(super) struct CompareArgs {
    /// Models by their names in the file, or as PROVIDER:MODEL [default: all of the file].
    #[arg(value_name = "NAME|PROVIDER:MODEL")]
    names: Vec<String>,

    /// The file of models, in the form of the model config [default: the policy's `model.file`].
    #[arg(long, value_name = "FILE")]
    models: Option<PathBuf>,

    /// The policy, with its prompt sets, checks and providers [default: presscheck.yaml of the work tree].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Draw at most this many prompts [default: the policy's `sample.max`].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max: Option<u32>,

    /// Spend at most this much; can only lower the policy's budget.
    #[arg(long, value_name = "$")]
    budget: Option<Usd>,

    /// Buy at most this many images, all models.
    #[arg(long, value_name = "N")]
    max_images: Option<u64>,

    /// Where the comparison and the pictures go.
    #[arg(long, value_name = "DIR", default_value = "presscheck-compare")]
    out: PathBuf,

    /// Where results are kept, a folder or a bucket's URL [default: .presscheck/store].
    #[arg(long, value_name = "DIR|URL")]
    store: Option<String>,

    /// Whether stored results count; `false` buys everything afresh.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    resume: bool,

    /// The folder to work in.
    #[arg(short = 'C', long = "directory", value_name = "DIR", hide = true)]
    directory: Option<PathBuf>,
}

/// Compares, and tells.
pub(super) fn run(arguments: &CompareArgs, json: bool) -> Exit {
    output::block_on(async {
        match compare(arguments).await {
            Ok((compared, out)) => {
                show(&compared, &out, json);
                if compared.comparison.is_conclusive() { Exit::Pass } else { Exit::Inconclusive }
            }
            Err((exit, text)) => {
                report_problem(&text, exit, json);
                exit
            }
        }
    })
}

async fn compare(arguments: &CompareArgs) -> Result<(Compared, PathBuf), (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let at = arguments.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let place = |path: &Path| match &arguments.directory {
        Some(at) if path.is_relative() => at.join(path),
        _ => path.to_path_buf(),
    };
    let out = place(&arguments.out);
    run::clear_compared(&out).map_err(config)?;
    let location = arguments.store.clone().unwrap_or_else(|| ".presscheck/store".to_owned());
    let location = if location.contains("://") {
        location
    } else {
        place(Path::new(&location)).to_string_lossy().into_owned()
    };
    let store =
        Store::open(&location, std::env::vars()).map_err(|error| config(error.to_string()))?;
    let setting = CompareSetting {
        at: at.clone(),
        policy: arguments.policy.clone(),
        models: arguments.models.clone(),
        names: arguments.names.clone(),
        max: arguments.max,
        out: out.clone(),
        store,
        environment: Box::new(output::environment),
        weights: Box::new(crate::weights::find),
        budget: arguments.budget,
        max_images: arguments.max_images,
        resume: arguments.resume,
        clock: now_ms,
        today: jiff::Zoned::now().date(),
        again: again(arguments),
        colour: output::colour(),
    };
    let contest = run::load_contest(&setting).map_err(|rejected| config(rejected.0))?;
    if !contest.warnings().is_empty() {
        output::stderr(contest.warnings());
    }
    let could_not = |why: String| (Exit::CouldNotRun, format!("could not run: {why}"));
    let shown = Shown::new(&contest);
    let compared = run::compare(&setting, &contest, &shown)
        .await
        .map_err(|halt| could_not(halt.to_string()))?;
    run::write_compared(&compared, &out).map_err(could_not)?;
    Ok((compared, out))
}

fn show(compared: &Compared, out: &Path, json: bool) {
    let style = TerminalStyle { colour: output::colour(), width: 80 };
    output::stderr(&report::compare_text(&compared.comparison, style));
    output::stderr(&format!("  page    {}\n", out.join("compare.html").display()));
    if json {
        output::stdout(report::compare_json(&compared.comparison).as_bytes());
    }
}

/// The command line that compares the same again.
fn again(arguments: &CompareArgs) -> String {
    let mut line = "presscheck compare".to_owned();
    for name in &arguments.names {
        line.push_str(&format!(" {}", output::shell_word(name)));
    }
    for (option, path) in [("--models", &arguments.models), ("--policy", &arguments.policy)] {
        if let Some(path) = path {
            line.push_str(&format!(" {option} {}", output::shell_word(&path.to_string_lossy())));
        }
    }
    if let Some(max) = arguments.max {
        line.push_str(&format!(" --max {max}"));
    }
    line
}

/// Progress: a bar where a person watches, a line now and then where nobody does.
struct Shown {
    names: Vec<String>,
    planned: u64,
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
}

/// Without a terminal, a line at most this often.
const EVERY: Duration = Duration::from_secs(15);

impl Shown {
    fn new(contest: &Contest) -> Self {
        let planned = contest.planned();
        let bar = output::is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(planned), ProgressDrawTarget::stderr());
            let style = "  prompts  {bar:40.green/dim}  {pos}/{len}   at most {eta} left\n  {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("━╸━"));
            }
            bar
        });
        let names = contest.names().map(|name| one_line(name, 30)).collect();
        Self { names, planned, bar, last: Mutex::new(Instant::now()) }
    }

    fn is_due(&self) -> bool {
        let Ok(mut last) = self.last.lock() else { return false };
        let due = last.elapsed() >= EVERY;
        if due {
            *last = Instant::now();
        }
        due
    }
}

/// Failures so far, as a line.
fn line(names: &[String], standings: &[Standing], spent: Usd) -> String {
    let racing = names.iter().zip(standings).filter(|(_, standing)| !standing.dropped);
    let parts: Vec<_> = racing
        .map(|(name, standing)| {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let share = standing.failed as f64 / standing.of.max(1) as f64;
            format!("{name} {:.1}%", share * 100.0)
        })
        .collect();
    format!("failing  {}   spent ${}", parts.join("   "), spent.to_cents_string())
}

impl Watch for Shown {
    fn cell(&self, cells: u64, standings: &[Standing], spent: Usd) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(cells);
                bar.set_message(line(&self.names, standings, spent));
            }
            None if self.is_due() => {
                let line = line(&self.names, standings, spent);
                output::stderr(&format!("  {cells}/{} prompts   {line}\n", self.planned));
            }
            None => {}
        }
    }

    fn dropped(&self, name: &str, why: &str) {
        let text = format!("  {} dropped out: {}", one_line(name, 60), one_line(why, 300));
        match &self.bar {
            Some(bar) => bar.println(text),
            None => output::stderr(&format!("{text}\n")),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leaves_out_who_dropped_out() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let standings = [
            Standing { failed: 1, of: 8, dropped: false },
            Standing { failed: 0, of: 0, dropped: true },
            Standing { failed: 0, of: 0, dropped: false },
        ];
        let line = line(&names, &standings, Usd::ZERO);
        assert_eq!(line, "failing  a 12.5%   c 0.0%   spent $0.00");
    }
}
