//! The page's tables and charts.

use serde::Serialize;

use super::view::{line, sentence};
use crate::gate::{
    CostSummary, LatencySummary, LimitOutcome, LimitResult, Outcome, Side, SubjectVerdict,
};
use crate::report::words;
use crate::units::{Rate, Usd};

/// A limit's row.
pub(super) struct LimitView {
    pub(super) name: String,
    pub(super) tag: Option<String>,
    pub(super) before: String,
    pub(super) before_counts: Option<String>,
    pub(super) after: String,
    pub(super) after_counts: Option<String>,
    pub(super) after_interval: Option<String>,
    pub(super) change: String,
    pub(super) change_interval: Option<String>,
    pub(super) allowed: String,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    pub(super) bar: Option<IntervalBar>,
    /// After how many pairs it was proven.
    pub(super) decided: Option<String>,
    pub(super) note: Option<String>,
}

/// Places on a scale, in percent of its width.
pub(super) struct IntervalBar {
    pub(super) low: String,
    pub(super) width: String,
    pub(super) zero: String,
    pub(super) point: String,
    pub(super) limit: String,
    pub(super) label: String,
}

/// The outcomes of a side as parts of a bar, in percent of its width.
pub(super) struct OutcomeBar {
    pub(super) side: Side,
    pub(super) label: String,
    pub(super) parts: Vec<(&'static str, String)>,
}

pub(super) fn limit_view(verdict: &SubjectVerdict, limit: &LimitResult) -> LimitView {
    let (measure, tag) = words::measure(&limit.name);
    let increase = words::is_increase(&limit.name);
    let interval = words::interval(limit);
    LimitView {
        name: sentence(&format!("{measure}{}", words::beside(limit, &verdict.limits))),
        tag: tag.map(|tag| line(tag, 60)),
        before: words::value(limit.unit, limit.baseline),
        before_counts: words::counts(verdict, limit, Side::Baseline),
        after: words::value(limit.unit, limit.candidate),
        after_counts: words::counts(verdict, limit, Side::Candidate),
        after_interval: interval.clone().filter(|_| !increase),
        change: words::change(limit.unit, limit.change),
        change_interval: interval.filter(|_| increase),
        allowed: words::allowed(limit),
        word: match limit.outcome {
            LimitOutcome::Pass => "kept",
            LimitOutcome::Fail => "broken",
            LimitOutcome::Inconclusive => "undecided",
            LimitOutcome::Skipped => "skipped",
        },
        class: match limit.outcome {
            LimitOutcome::Pass => "pass",
            LimitOutcome::Fail => "fail",
            LimitOutcome::Inconclusive => "warn",
            LimitOutcome::Skipped => "none",
        },
        bar: interval_bar(limit),
        decided: limit
            .decided_at
            .map(|pairs| format!("after {}", words::count(pairs, "pair", "pairs"))),
        note: limit.note.as_deref().map(|note| line(note, 400)),
    }
}

/// The interval of a change on a scale with zero and the limit.
fn interval_bar(limit: &LimitResult) -> Option<IntervalBar> {
    let [low, high] = limit.interval.filter(|_| words::is_increase(&limit.name))?;
    let point = limit.change?;
    let all = [low, high, point, limit.limit, 0.0];
    if all.iter().any(|number| !number.is_finite()) {
        return None;
    }
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = most - least;
    if span <= 0.0 {
        return None;
    }
    // A margin of 6% on both sides keeps the marks off the edges.
    let place = |number: f64| 6.0 + 88.0 * (number - least) / span;
    let percent = |number: f64| format!("{number:.2}");
    Some(IntervalBar {
        low: percent(place(low)),
        width: percent((place(high) - place(low)).max(0.0)),
        zero: percent(place(0.0)),
        point: percent(place(point)),
        limit: percent(place(limit.limit)),
        label: format!(
            "Change {}, 95% interval {}, limit {}",
            words::change(limit.unit, limit.change),
            words::interval(limit).unwrap_or_default(),
            words::allowed(limit)
        ),
    })
}

/// What no limit needs to bound: cost and latency, side by side.
pub(super) fn facts(verdict: &SubjectVerdict) -> Vec<[String; 4]> {
    let mut facts = Vec::new();
    let cost = |side, pick: fn(&CostSummary) -> Option<Usd>| {
        verdict
            .cost
            .get(side)
            .as_ref()
            .and_then(pick)
            .map(|amount| (words::money(amount), amount.as_f64()))
    };
    let latency = |side, pick: fn(&LatencySummary) -> f64| {
        verdict.latency.get(side).as_ref().map(|summary| {
            let time = pick(summary);
            (words::seconds(time), time)
        })
    };
    let add = |facts: &mut Vec<_>,
               name: &str,
               before: Option<(String, f64)>,
               after: Option<(String, f64)>| {
        if before.is_none() && after.is_none() {
            return;
        }
        let change = match (&before, &after) {
            (Some((_, before)), Some((_, after))) if *before > 0.0 => {
                words::relative(after / before - 1.0)
            }
            _ => words::NOTHING.to_owned(),
        };
        let text = |cell: Option<(String, f64)>| {
            cell.map_or_else(|| words::NOTHING.to_owned(), |(text, _)| text)
        };
        facts.push([name.to_owned(), text(before), text(after), change]);
    };
    let both = |pick| (cost(Side::Baseline, pick), cost(Side::Candidate, pick));
    let (before, after) = both(|cost| cost.per_1k_usd);
    add(&mut facts, "Cost per 1k images", before, after);
    let (before, after) = both(|cost| cost.effective_per_1k_usd);
    add(&mut facts, "Cost per 1k good images", before, after);
    let basis = |side| verdict.cost.get(side).as_ref().map(|cost| cost.basis.word());
    let (before, after) = (basis(Side::Baseline), basis(Side::Candidate));
    if before.or(after).is_some() {
        let cell = |word: Option<&str>| word.unwrap_or(words::NOTHING).to_owned();
        facts.push([
            "How well the cost is known".to_owned(),
            cell(before),
            cell(after),
            String::new(),
        ]);
    }
    let both = |pick| (latency(Side::Baseline, pick), latency(Side::Candidate, pick));
    let (before, after) = both(|latency| latency.p50_s);
    add(&mut facts, "Latency, median", before, after);
    let (before, after) = both(|latency| latency.p95_s);
    add(&mut facts, "Latency p95", before, after);
    facts
}

/// The sides that were judged.
fn sides(verdict: &SubjectVerdict) -> impl Iterator<Item = Side> {
    let new = verdict.baseline.is_none();
    Side::BOTH.into_iter().filter(move |side| *side == Side::Candidate || !new)
}

pub(super) fn outcome_bars(verdict: &SubjectVerdict) -> Vec<OutcomeBar> {
    sides(verdict)
        .map(|side| {
            let outcomes = verdict.outcomes.get(side);
            let total = outcomes.total();
            let mut parts = Vec::new();
            let mut label = Vec::new();
            for outcome in Outcome::ALL {
                let count = outcomes.of(outcome);
                if count > 0 {
                    let share = Rate::of(count, total).map_or(0.0, |r| r.share());
                    parts.push((outcome.word(), format!("{:.2}", share * 100.0)));
                    label.push(format!("{} {outcome}", words::thousands(count)));
                }
            }
            OutcomeBar { side, label: label.join(", "), parts }
        })
        .collect()
}

pub(super) fn outcome_rows(verdict: &SubjectVerdict) -> Vec<[String; 3]> {
    let count = |side, outcome| words::thousands(verdict.outcomes.get(side).of(outcome));
    Outcome::ALL
        .into_iter()
        .map(|outcome| {
            [
                outcome.word().to_owned(),
                if verdict.baseline.is_some() {
                    count(Side::Baseline, outcome)
                } else {
                    words::NOTHING.to_owned()
                },
                count(Side::Candidate, outcome),
            ]
        })
        .collect()
}
/// A check's name, and where the docs tell of it.
#[derive(Serialize)]
pub(super) struct CheckName {
    #[serde(rename = "check")]
    pub(super) name: String,
    pub(super) page: Option<String>,
}

impl CheckName {
    pub(super) fn of(check: &str) -> Self {
        Self { name: line(check, 60), page: words::check_page(check) }
    }
}
