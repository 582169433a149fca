//! What is shown of a run: the lines below the bar, and those of a log.

use std::time::Duration;

use presscheck_core::gate::Tally;
use presscheck_core::gate::intervals::{difference_interval, rate_interval};
use presscheck_core::inert::one_line;
use presscheck_core::report::words;
use presscheck_core::units::{Rate, Usd};

use crate::run::{Proof, Status};

/// What is known after a pair.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pairs: u64,
    planned: u64,
    tally: Tally,
    spent: Usd,
    bought: u64,
    proof: Option<Proof>,
    /// Whether there is a baseline to compare with.
    compared: bool,
}

impl Seen {
    /// What a status says of a model.
    pub(super) const fn of(status: &Status<'_>, compared: bool) -> Self {
        let Status { pairs, planned, tally, spent, bought, proof, .. } = *status;
        Self { pairs, planned, tally, spent, bought, proof, compared }
    }
}

/// A share with its 95% interval (Clopper and Pearson), in percent: `6.1% [3.3, 10.3]`.
fn with_interval(failures: u64, pairs: u64) -> String {
    let (Some(rate), Some(ends)) = (Rate::of(failures, pairs), rate_interval(failures, pairs))
    else {
        return words::NOTHING.to_owned();
    };
    let [low, high] = ends.map(|end| words::percent(end).replace('%', ""));
    format!("{} [{low}, {high}]", words::percent(rate.share()))
}

/// The failure rates so far, each with an interval, and their difference with its own (Tango): what is shown for each
/// name. Intervals are of this very moment, as if nobody had looked before.
fn figures(seen: Seen) -> Vec<(&'static str, String)> {
    let tally = seen.tally;
    let candidate = with_interval(tally.candidate(), tally.n);
    if !seen.compared {
        return vec![("failing", format!("candidate {candidate}   (95% interval)"))];
    }
    let baseline = with_interval(tally.baseline(), tally.n);
    let rates = format!("baseline {baseline}   candidate {candidate}");
    let (only_after, only_before) = (tally.candidate_only, tally.baseline_only);
    let shares = Rate::of(only_after, tally.n).zip(Rate::of(only_before, tally.n));
    let interval = difference_interval(tally.n, only_after, only_before);
    let change = match shares.zip(interval) {
        Some(((after, before), interval)) => format!(
            "{} {}   (95% intervals)",
            words::points(after.share() - before.share()),
            words::points_interval(interval)
        ),
        None => words::NOTHING.to_owned(),
    };
    // A minus sign that every terminal font has.
    vec![("failing", rates), ("change", change.replace('−', "-"))]
}

/// `$8.48 for 212 images`.
fn spent(seen: Seen) -> String {
    format!(
        "${} for {}",
        seen.spent.to_cents_string(),
        words::count(seen.bought, "image", "images")
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
    format!("pass {}   block {}{}", gauge(proof.pass), gauge(proof.fail), proven(proof))
}

/// The same in a log: `pass 12%, block 64% of a proof`.
fn evidence_in_words(proof: Proof) -> String {
    let percent = |share: f64| format!("{:.0}%", (share.clamp(0.0, 1.0) * 100.0).floor());
    format!(
        "pass {}, block {} of a proof{}",
        percent(proof.pass),
        percent(proof.fail),
        proven(proof).replace("  ", ", ")
    )
}

/// What stands below the bar.
pub(super) fn live_lines(seen: Seen) -> String {
    let mut text = String::new();
    for (name, figure) in figures(seen) {
        text.push_str(&format!("  {name:<8} {figure}\n"));
    }
    if let Some(proof) = seen.proof {
        text.push_str(&format!("  evidence {}\n", evidence(proof)));
    }
    text.push_str(&format!("  spent    {}", spent(seen)));
    text
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

/// The lines of a log.
pub(super) fn log_lines(seen: Seen, subject: Duration, run: Duration) -> String {
    let left = left(subject, seen.pairs, seen.planned);
    let mut text = format!(
        "  {}/{} pairs after {} s{}\n",
        seen.pairs,
        seen.planned,
        run.as_secs(),
        left.map_or_else(String::new, |left| format!(", {left}"))
    );
    for (name, figure) in figures(seen) {
        text.push_str(&format!("      {name:<9} {figure}\n"));
    }
    if let Some(proof) = seen.proof {
        text.push_str(&format!("      evidence  {}\n", evidence_in_words(proof)));
    }
    text.push_str(&format!("      spent     {}\n", spent(seen)));
    text
}

/// What is judged, in one line.
pub(super) fn heading(
    subject: &str,
    baseline: Option<&str>,
    candidate: &str,
    planned: u64,
) -> String {
    let inert = |text: &str| one_line(text, 60);
    let before = baseline.map_or_else(|| "(new)".to_owned(), inert);
    format!(
        "presscheck gate   {}   {before} -> {}   {planned} pairs at most",
        inert(subject),
        inert(candidate)
    )
}

#[cfg(test)]
mod tests {
    use presscheck_core::gate::BySide;

    use super::*;
    use crate::github::commands;

    fn status(pairs: u64, planned: u64, tally: Tally) -> Status<'static> {
        Status {
            subject: "hero",
            pairs,
            planned,
            tally,
            spent: "$1234.567".parse().unwrap(),
            bought: 120,
            from_store: BySide::default(),
            proof: Some(Proof { pass: 0.12, fail: 0.64 }),
        }
    }

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
            "pass ▕░░░░░░░░░░▏   block ▕██████████▏  proven broken"
        );
        assert_eq!(
            evidence_in_words(Proof { pass: 0.128, fail: 0.999 }),
            "pass 12%, block 99% of a proof"
        );
    }

    #[test]
    fn a_rate_has_its_interval() {
        assert_eq!(with_interval(0, 0), "–", "nothing was judged yet");
        assert_eq!(with_interval(0, 120), "0% [0, 3.0]");
        assert_eq!(with_interval(13, 211), "6.2% [3.3, 10.3]");
        assert_eq!(with_interval(40, 40), "100% [91.2, 100]");
    }

    #[test]
    fn a_person_who_watches_sees_rates_evidence_and_spend() {
        let tally = Tally { n: 211, candidate_only: 11, baseline_only: 2, both: 2 };
        let mut status = status(212, 600, tally);
        insta::assert_snapshot!("live", live_lines(Seen::of(&status, true)));
        status.proof = None;
        insta::assert_snapshot!("live_new", live_lines(Seen::of(&status, false)));
        status.tally = Tally::default();
        insta::assert_snapshot!("live_nothing", live_lines(Seen::of(&status, true)));
    }

    #[test]
    fn a_log_says_how_far_it_is_and_what_is_left_at_most() {
        let lines = |status: &Status<'_>| {
            let seen = Seen::of(status, true);
            log_lines(seen, Duration::from_secs(41), Duration::from_secs(50))
        };
        let tally = Tally { n: 118, candidate_only: 1, baseline_only: 7, both: 1 };
        insta::assert_snapshot!("log", lines(&status(120, 600, tally)));
        let mut done = status(600, 600, tally);
        done.proof = None;
        insta::assert_snapshot!("log_done", lines(&done));
        assert_eq!(left(Duration::from_secs(9), 0, 600), None, "no pace yet");
        let soon = left(Duration::from_secs(60), 300, 400);
        assert_eq!(soon.as_deref(), Some("at most 20 s left"));
    }

    #[test]
    fn no_line_is_wider_than_eighty_columns() {
        for (n, part) in [(1, 1), (211, 13), (200, 111), (999, 998), (9_999, 1), (10_000, 10_000)] {
            let tally = Tally { n, candidate_only: 0, baseline_only: 0, both: part };
            let mut status = status(n, 10_000, tally);
            status.proof = Some(Proof { pass: 0.0, fail: 1.0 });
            let seen = Seen::of(&status, true);
            let log = log_lines(seen, Duration::from_secs(9_000), Duration::from_secs(9_000));
            for line in log.lines().chain(live_lines(seen).lines()) {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn the_title_of_a_group_is_inert() {
        let title = heading("he\nro::endgroup::", Some("##[endgroup]\r"), "\u{1b}[2J", 12);
        let group = commands::group(&commands::plain(&title));
        assert_eq!(
            group,
            "::group::presscheck gate   he ro::endgroup::   ## [endgroup]  ->  [2J   12 pairs at most"
        );
    }
}
