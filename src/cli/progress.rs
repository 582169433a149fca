//! Progress: a live bar where a person watches, a line now and then where nobody does.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::run::{Progress, Proof, Status};

/// How a run shows itself on stderr.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    clock: Mutex<Clock>,
    started: Instant,
}

/// When things happened last.
struct Clock {
    /// A line was shown.
    shown: Instant,
    /// The subject began.
    began: Instant,
}

/// Without a terminal, a line at most this often.
const EVERY: Duration = Duration::from_secs(15);

impl Shown {
    /// Shows on stderr, live where it is a terminal.
    pub(super) fn new() -> Self {
        let bar = output::is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style =
                "  pairs    {bar:40.green/dim}  {pos}/{len}   {per_sec:>8}   at most {eta} left\n  {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("━╸━").with_key("per_sec", rate));
            }
            bar
        });
        let now = Instant::now();
        Self { bar, clock: Mutex::new(Clock { shown: now, began: now }), started: now }
    }

    /// Where a line is due, how long ago the subject began.
    fn due(&self) -> Option<Duration> {
        let mut clock = self.clock.lock().ok()?;
        let due = clock.shown.elapsed() >= EVERY;
        if due {
            clock.shown = Instant::now();
        }
        due.then(|| clock.began.elapsed())
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

/// How many cells a gauge has.
const CELLS: usize = 10;

/// `▕███░░░░░░░▏`: how far the evidence has come towards a proof.
fn gauge(share: f64) -> String {
    let full = (0..CELLS).filter(|cell| reaches(share, *cell)).count();
    format!("▕{}{}▏", "█".repeat(full), "░".repeat(CELLS - full))
}

/// Whether a share fills a cell; the last one only where it is all of it.
fn reaches(share: f64, cell: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "ten cells")]
    let needed = (cell + 1) as f64 / CELLS as f64;
    share >= needed
}

/// Which way it is proven, where it is.
fn proven(proof: Proof) -> &'static str {
    if proof.fail >= 1.0 {
        "  proven broken"
    } else if proof.pass >= 1.0 {
        "  proven kept"
    } else {
        ""
    }
}

/// The evidence so far, for a person who watches.
fn evidence(proof: Proof) -> String {
    format!("evidence pass {}   block {}{}", gauge(proof.pass), gauge(proof.fail), proven(proof))
}

/// The same in a log: `evidence pass 12%, block 64% of a proof`.
fn evidence_in_words(proof: Proof) -> String {
    let percent = |share: f64| format!("{:.0}%", (share.clamp(0.0, 1.0) * 100.0).floor());
    format!(
        "evidence pass {}, block {} of a proof{}",
        percent(proof.pass),
        percent(proof.fail),
        proven(proof).replace("  ", ", ")
    )
}

/// What the rest would take at this pace, as a log has it; nothing before there is a pace.
fn left(elapsed: Duration, pairs: u64, planned: u64) -> Option<String> {
    let rest = planned.checked_sub(pairs).filter(|rest| *rest > 0 && pairs > 0)?;
    let seconds = u128::from(rest).saturating_mul(elapsed.as_millis())
        / u128::from(pairs).saturating_mul(1_000);
    Some(match seconds {
        0..=90 => format!("at most {} s left", seconds.max(1)),
        _ => format!("at most {} min left", seconds.div_ceil(60)),
    })
}

/// A line of the log.
fn log_line(status: &Status<'_>, subject: Duration, run: Duration) -> String {
    let mut parts = vec![format!("{}/{} pairs", status.pairs, status.planned), line(status)];
    parts.extend(status.proof.map(evidence_in_words));
    parts.extend(left(subject, status.pairs, status.planned));
    parts.push(format!("{} s", run.as_secs()));
    format!("  {}\n", parts.join("   "))
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
        if let Ok(mut clock) = self.clock.lock() {
            clock.began = Instant::now();
        }
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(planned);
        }
    }

    fn pair(&self, status: &Status<'_>) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(status.pairs);
                let evidence = status.proof.map(|proof| format!("\n  {}", evidence(proof)));
                bar.set_message(format!("{}{}", line(status), evidence.unwrap_or_default()));
            }
            None => {
                if let Some(subject) = self.due() {
                    output::stderr(&log_line(status, subject, self.started.elapsed()));
                }
            }
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

#[cfg(test)]
mod tests {
    use presscheck_core::gate::{BySide, Tally};
    use presscheck_core::units::Usd;

    use super::*;

    #[test]
    fn a_gauge_is_full_only_where_it_is_proven() {
        let shown = [-1.0, 0.0, 0.099, 0.1, 0.64, 0.999, 1.0, 7.0, f64::NAN].map(gauge);
        assert_eq!(
            shown.map(|gauge| gauge.matches('█').count()),
            [0, 0, 0, 1, 6, 9, 10, 10, 0],
            "of ten cells"
        );
        assert_eq!(
            evidence(Proof { pass: 0.0, fail: 1.0 }),
            "evidence pass ▕░░░░░░░░░░▏   block ▕██████████▏  proven broken"
        );
        assert_eq!(
            evidence_in_words(Proof { pass: 0.128, fail: 0.999 }),
            "evidence pass 12%, block 99% of a proof"
        );
    }

    #[test]
    fn a_log_says_how_far_it_is_and_what_is_left_at_most() {
        let mut status = Status {
            subject: "hero",
            pairs: 120,
            planned: 600,
            tally: Tally::default(),
            spent: Usd::ZERO,
            bought: 120,
            from_store: BySide::default(),
            proof: Some(Proof { pass: 0.12, fail: 0.64 }),
        };
        let line = |status: &Status<'_>| {
            log_line(status, Duration::from_secs(41), Duration::from_secs(50))
        };
        assert_eq!(
            line(&status),
            "  120/600 pairs   failing  baseline 0.0%   candidate 0.0%   spent $0.00   evidence pass \
             12%, block 64% of a proof   at most 3 min left   50 s\n"
        );
        status.proof = None;
        status.pairs = 600;
        assert_eq!(
            line(&status),
            "  600/600 pairs   failing  baseline 0.0%   candidate 0.0%   spent $0.00   50 s\n"
        );
        assert_eq!(left(Duration::from_secs(9), 0, 600), None, "no pace yet");
        let soon = left(Duration::from_secs(60), 300, 400);
        assert_eq!(soon.as_deref(), Some("at most 20 s left"));
    }
}
