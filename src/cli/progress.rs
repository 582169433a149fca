//! Progress: a live bar where a person watches, a line now and then where nobody does.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::run::{Progress, Status};

/// How a run shows itself on stderr.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
    started: Instant,
}

/// Without a terminal, a line at most this often.
const EVERY: Duration = Duration::from_secs(15);

impl Shown {
    /// Shows on stderr, live where it is a terminal.
    pub(super) fn new() -> Self {
        let bar = output::is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style =
                "  pairs    {bar:40.green/dim}  {pos}/{len}   {per_sec:>8}   {eta} left\n  {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("━╸━").with_key("per_sec", rate));
            }
            bar
        });
        let now = Instant::now();
        Self { bar, last: Mutex::new(now), started: now }
    }

    fn due(&self) -> bool {
        let Ok(mut last) = self.last.lock() else { return false };
        let due = last.elapsed() >= EVERY;
        if due {
            *last = Instant::now();
        }
        due
    }
}

fn rate(state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write) {
    // A bar that can't be drawn is not worth an error.
    let _ = write!(out, "{:.1}/s", state.per_sec());
}

/// Failures so far, as a line.
fn line(status: &Status<'_>) -> String {
    let rate = |failures: u64| {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = failures as f64 / status.tally.n.max(1) as f64;
        format!("{:.1}%", share * 100.0)
    };
    format!(
        "failing  baseline {}   candidate {}   spent ${}",
        rate(status.tally.baseline()),
        rate(status.tally.candidate()),
        status.spent.to_cents_string(),
    )
}

impl Progress for Shown {
    fn begin(&self, subject: &str, baseline: Option<&str>, candidate: &str, planned: u64) {
        let inert = |text: &str| presscheck_core::inert::one_line(text, 60);
        let before = baseline.map_or_else(|| "(new)".to_owned(), inert);
        output::stderr(&format!(
            "presscheck gate   {}   {before} -> {}   {planned} pairs at most\n",
            inert(subject),
            inert(candidate)
        ));
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(planned);
        }
    }

    fn pair(&self, status: &Status<'_>) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(status.pairs);
                bar.set_message(line(status));
            }
            None if self.due() => output::stderr(&format!(
                "  {}/{} pairs   {}   {} s\n",
                status.pairs,
                status.planned,
                line(status),
                self.started.elapsed().as_secs()
            )),
            None => {}
        }
    }

    fn note(&self, note: &str) {
        let note = format!("  note: {}", presscheck_core::inert::one_line(note, 300));
        match &self.bar {
            Some(bar) => bar.println(note),
            None => output::stderr(&format!("{note}\n")),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
