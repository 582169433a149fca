//! Progress: a live bar where a person watches, lines now and then where nobody does.

mod lines;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use presscheck_core::inert::one_line;

use self::lines::{Seen, heading, live_lines, log_lines};
use super::output;
use crate::github::commands;
use crate::run::{Progress, Status};

/// How a run shows itself on stderr.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    /// Whether this is a job of Actions, whose log folds groups of lines.
    folds: bool,
    state: Mutex<State>,
    started: Instant,
}

/// Where the showing stands.
struct State {
    /// When something was shown last.
    shown: Option<Instant>,
    /// When the subject began.
    began: Instant,
    /// Whether there is a baseline to compare with.
    compared: bool,
    /// Whether a group is open.
    open: bool,
    /// The last pair.
    last: Option<Seen>,
}

/// Without a terminal, lines at most this often.
const EVERY: Duration = Duration::from_secs(15);
/// On a terminal, figures at most this often: an interval takes longer to work out than a pair from the store.
const REDRAW: Duration = Duration::from_millis(100);

impl Shown {
    /// Shows on stderr, live where it is a terminal, folded in a job of Actions.
    pub(super) fn new() -> Self {
        let bar = output::is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style =
                "  pairs    {bar:24.green/dim}  {pos}/{len}   {per_sec:>8}   at most {eta} left\n{msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("━╸━").with_key("per_sec", rate));
            }
            bar
        });
        let now = Instant::now();
        let state = State { shown: None, began: now, compared: true, open: false, last: None };
        Self { bar, folds: output::in_actions(), state: Mutex::new(state), started: now }
    }

    /// Takes note of a pair; where something is due to be shown, that, and how long ago the subject began.
    fn due(&self, status: &Status<'_>) -> Option<(Seen, Duration)> {
        let mut state = self.state.lock().ok()?;
        let seen = Seen::of(status, state.compared);
        state.last = Some(seen);
        let (since, every) = match &self.bar {
            Some(_) => (state.shown, REDRAW),
            None => (state.shown.or(Some(self.started)), EVERY),
        };
        let due = since.is_none_or(|since| since.elapsed() >= every);
        if due {
            state.shown = Some(Instant::now());
        }
        due.then(|| (seen, state.began.elapsed()))
    }

    /// Closes the group, where one is open; what was known last is its last line.
    fn close(&self) {
        let Ok(mut state) = self.state.lock() else { return };
        if !std::mem::take(&mut state.open) {
            return;
        }
        if let Some(seen) = state.last.take() {
            output::stderr(&log_lines(seen, state.began.elapsed(), self.started.elapsed()));
        }
        output::raw(&format!("{}\n", commands::end_group()));
    }
}

impl Drop for Shown {
    /// A group that an error, a signal or a crash left open would swallow what is said of it.
    fn drop(&mut self) {
        self.close();
    }
}

fn rate(state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write) {
    // A bar that can't be drawn is not worth an error.
    let _ = write!(out, "{:.1}/s", state.per_sec());
}

impl Progress for Shown {
    fn begin(&self, subject: &str, baseline: Option<&str>, candidate: &str, planned: u64) {
        let heading = heading(subject, baseline, candidate, planned);
        self.close();
        if let Ok(mut state) = self.state.lock() {
            state.began = Instant::now();
            state.compared = baseline.is_some();
            state.open = self.folds;
        }
        if self.folds {
            let group = commands::group(&commands::plain(&heading));
            output::raw(&format!("{group}\n"));
        } else {
            output::stderr(&format!("{heading}\n"));
        }
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(planned);
        }
    }

    fn pair(&self, status: &Status<'_>) {
        if let Some(bar) = &self.bar {
            bar.set_position(status.pairs);
        }
        match (self.due(status), &self.bar) {
            (Some((seen, _)), Some(bar)) => bar.set_message(live_lines(seen)),
            (Some((seen, subject)), None) => {
                output::stderr(&log_lines(seen, subject, self.started.elapsed()));
            }
            (None, _) => {}
        }
    }

    fn note(&self, note: &str) {
        let note = format!("  note: {}", one_line(note, 300));
        match &self.bar {
            Some(bar) => bar.println(note),
            None => output::stderr(&format!("{note}\n")),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.close();
    }
}
