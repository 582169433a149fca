//! The wording that all reports share: numbers, limits, counts.

use crate::checks::REGISTRY;
use crate::gate::{LimitOutcome, LimitResult, Outcome, OutcomeCounts, Side, SubjectVerdict, Unit};
use crate::units::{CostBasis, Usd};

/// What stands where there is no number.
pub const NOTHING: &str = "–";

/// A share as a percentage: `1.9%`, `0%`, `0.02%`.
#[must_use]
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{}%", percent_number(share)) } else { NOTHING.to_owned() }
}

/// The page of the docs on a check: what it sees, what it can't, how often it is wrong. Nothing for what is no check, such
/// as a refusal.
#[must_use]
pub fn check_page(check: &str) -> Option<String> {
    let known = REGISTRY.iter().any(|kind| kind.vocabulary.name == check);
    known.then(|| format!("{}/blob/main/docs/checks.md#{check}", env!("CARGO_PKG_REPOSITORY")))
}

/// A share as people wrote it in a policy: `5%`, `2.5%`.
#[must_use]
pub fn plain_percent(share: f64) -> String {
    format!("{}%", trimmed(share * 100.0))
}

/// The number of a percentage: one decimal, two where one would say nothing.
fn percent_number(share: f64) -> String {
    let number = share * 100.0;
    let decimals = if number.abs() < 0.1 { 2 } else { 1 };
    let text = format!("{number:.decimals$}").replace('-', "−");
    let zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    if zero {
        if number == 0.0 { "0".to_owned() } else { "<0.01".to_owned() }
    } else if number >= 100.0 && text == "100.0" {
        "100".to_owned()
    } else {
        text
    }
}

/// A limit as people wrote it: `2`, `2.5`; at most three decimals.
fn trimmed(number: f64) -> String {
    if !number.is_finite() {
        return NOTHING.to_owned();
    }
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
    if text == "−0" { "0".to_owned() } else { text }
}

/// A number with its sign: `+4.2`, `−0.5`, `0.0`.
fn signed(number: f64, decimals: usize) -> String {
    if !number.is_finite() {
        return NOTHING.to_owned();
    }
    let text = format!("{:.decimals$}", number.abs());
    let zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    match (zero, number < 0.0) {
        (true, _) => text,
        (false, true) => format!("−{text}"),
        (false, false) => format!("+{text}"),
    }
}

/// A difference of shares in points: `+4.2 pts`.
#[must_use]
pub fn points(difference: f64) -> String {
    format!("{} pts", signed(difference * 100.0, 1))
}

/// An interval of a difference of shares, in points: `[+1.6, +7.6]`.
#[must_use]
pub fn points_interval([low, high]: [f64; 2]) -> String {
    format!("[{}, {}]", signed(low * 100.0, 1), signed(high * 100.0, 1))
}

/// A relative change: `−70%`, `+3.4%`.
#[must_use]
pub fn relative(change: f64) -> String {
    let number = change * 100.0;
    if !number.is_finite() {
        return NOTHING.to_owned();
    }
    let decimals = usize::from(number.abs() < 9.95);
    let text = signed(number, decimals);
    if text == "0.0" { "0%".to_owned() } else { format!("{text}%") }
}

/// Money in cents: `$134.00`.
#[must_use]
pub fn money(amount: Usd) -> String {
    format!("${}", amount.to_cents_string())
}

/// How much of what was spent went to questions of checks; nothing where that is nothing.
#[must_use]
pub fn for_checks(amount: Usd) -> String {
    if amount.is_zero() {
        return String::new();
    }
    format!(" (of which {} for questions of checks)", money(amount))
}

/// How well the costs of a subject are known, in a sentence, by the weaker of the two sides; nothing where there are none.
#[must_use]
pub fn cost_basis(verdict: &SubjectVerdict) -> &'static str {
    weakest(std::slice::from_ref(verdict)).map_or("", |basis| match basis {
        CostBasis::Exact => "Costs are exact.",
        CostBasis::Computed => {
            "Costs are computed: listed prices for what was ordered or reported, or the time of your own machine."
        }
        CostBasis::Estimated => {
            "Costs are estimates: listed prices for a usage that was assumed, where the answers report none."
        }
        CostBasis::Unknown => {
            "For some requests nobody can know whether they were charged: they count at the worst case."
        }
    })
}

/// The same after an amount.
#[must_use]
pub const fn known_costs(basis: CostBasis) -> &'static str {
    match basis {
        CostBasis::Exact => "; costs are exact",
        CostBasis::Computed => "; costs are computed",
        CostBasis::Estimated => "; costs are estimated",
        CostBasis::Unknown => "; some costs are unknown, and counted at the worst case",
    }
}

/// The weakest basis of any cost.
#[must_use]
pub fn weakest(verdicts: &[SubjectVerdict]) -> Option<CostBasis> {
    let sides = verdicts.iter().flat_map(|verdict| Side::BOTH.map(|side| verdict.cost.get(side)));
    sides.flatten().map(|cost| cost.basis).max()
}

/// A float of dollars, for display only: `$134.00`.
#[must_use]
pub fn dollars(amount: f64) -> String {
    if amount.is_finite() { format!("${amount:.2}") } else { NOTHING.to_owned() }
}

/// Seconds: `8.4 s`, `0.12 s`, `15 s` for a limit.
#[must_use]
pub fn seconds(time: f64) -> String {
    if !time.is_finite() {
        return NOTHING.to_owned();
    }
    let decimals = if time.abs() < 1.0 { 2 } else { 1 };
    format!("{time:.decimals$} s")
}

/// A count with its noun: `1 image`, `212 images`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A whole number with commas: `12,480`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count at the start of a sentence, in words up to nine: `Two`.
#[must_use]
pub fn count_word(number: u64) -> String {
    let words = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    let word = usize::try_from(number).ok().and_then(|index| words.get(index));
    word.map_or_else(|| thousands(number), |word| (*word).to_owned())
}

/// What a limit is about, as people read it: `failure rate`, `cost per 1k images`, and the tag of
/// a limit that holds for one tag only.
#[must_use]
pub fn measure(limit: &str) -> (&'static str, Option<&str>) {
    let (tag, rest) = match limit.strip_prefix("by_tag.") {
        // A tag may hold dots; the last two parts never do.
        Some(rest) => match rest.rmatch_indices('.').nth(1) {
            Some((at, _)) => (rest.get(..at), rest.get(at + 1..).unwrap_or_default()),
            None => (None, rest),
        },
        None => (None, limit),
    };
    let name = match rest.split('.').next().unwrap_or_default() {
        "failure_rate" => "failure rate",
        "cost_per_1k" => "cost per 1k images",
        "effective_cost_per_1k" => "cost per 1k good images",
        "latency_p95" => "latency p95",
        "latency_p50" => "latency p50",
        "unavailable" => "unavailable",
        "always_fail" => "prompts that always fail",
        _ => "limit",
    };
    (name, tag)
}

/// `, at most` where a limit on the value stands beside one on the change of the same measure, so that
/// their two rows are told apart; else nothing.
#[must_use]
pub fn beside(limit: &LimitResult, all: &[LimitResult]) -> &'static str {
    let twin = limit.name.strip_suffix(".max").is_some_and(|stem| {
        all.iter().any(|other| other.name.strip_suffix(".max_increase") == Some(stem))
    });
    if twin { ", at most" } else { "" }
}

/// What a reader must know of a limit that is kept or could not be judged.
#[must_use]
pub fn footnote(limit: &LimitResult) -> Option<&str> {
    limit.note.as_deref().filter(|_| limit.outcome != LimitOutcome::Fail)
}

/// Whether a limit bounds the change and not the value.
#[must_use]
pub fn is_increase(limit: &str) -> bool {
    limit.ends_with(".max_increase")
}

/// A value in its unit.
#[must_use]
pub fn value(unit: Unit, number: Option<f64>) -> String {
    match (unit, number) {
        (_, None) => NOTHING.to_owned(),
        (Unit::Rate, Some(share)) => percent(share),
        (Unit::UsdPer1k, Some(amount)) => dollars(amount),
        (Unit::Seconds, Some(time)) => seconds(time),
        (Unit::Prompts, Some(number)) => trimmed(number),
    }
}

/// A change in its unit: points for rates, else a share of the baseline.
#[must_use]
pub fn change(unit: Unit, number: Option<f64>) -> String {
    match (unit, number) {
        (_, None) => NOTHING.to_owned(),
        (Unit::Rate, Some(difference)) => points(difference),
        (Unit::Prompts, Some(more)) => signed(more, 0),
        (_, Some(share)) => relative(share),
    }
}

/// The interval of a limit: of the change for an increase, else of the candidate's value.
#[must_use]
pub fn interval(limit: &LimitResult) -> Option<String> {
    let [low, high] = limit.interval?;
    Some(match (is_increase(&limit.name), limit.unit) {
        (true, Unit::Rate) => points_interval([low, high]),
        (true, _) => format!("[{}, {}]", relative(low), relative(high)),
        (false, Unit::Rate) => format!("[{}, {}]", percent(low), percent(high)),
        (false, Unit::UsdPer1k) => format!("[{}, {}]", dollars(low), dollars(high)),
        (false, Unit::Seconds) => format!("[{}, {}]", seconds(low), seconds(high)),
        (false, Unit::Prompts) => format!("[{}, {}]", trimmed(low), trimmed(high)),
    })
}

/// What the limit allows: `+2 pts`, `+10%`, `5%`, `$40.00`, `15 s`.
#[must_use]
pub fn allowed(limit: &LimitResult) -> String {
    let number = limit.limit;
    let sign = if number > 0.0 { "+" } else { "" };
    match (is_increase(&limit.name), limit.unit) {
        (true, Unit::Rate) => format!("{sign}{} pts", trimmed(number * 100.0)),
        (true, _) => format!("{sign}{}%", trimmed(number * 100.0)),
        (false, Unit::Rate) => format!("{}%", trimmed(number * 100.0)),
        (false, Unit::UsdPer1k) => dollars(number),
        (false, Unit::Seconds) => format!("{} s", trimmed(number)),
        (false, Unit::Prompts) => trimmed(number),
    }
}

/// The word of a limit's outcome.
#[must_use]
pub const fn limit_word(outcome: LimitOutcome) -> &'static str {
    match outcome {
        LimitOutcome::Pass => "pass",
        LimitOutcome::Fail => "FAIL",
        LimitOutcome::Inconclusive => "undecided",
        LimitOutcome::Skipped => "skipped",
    }
}

/// What a limit's value counts, where the counts agree with the value: `4 of 212`.
#[must_use]
pub fn counts(subject: &SubjectVerdict, limit: &LimitResult, side: Side) -> Option<String> {
    let share = match side {
        Side::Baseline => limit.baseline,
        Side::Candidate => limit.candidate,
    }?;
    let outcomes: &OutcomeCounts = subject.outcomes.get(side);
    let (part, wholes) = match measure(&limit.name) {
        ("failure rate", None) => {
            let part = subject.failures.iter().filter(|failure| failure.side == side).count();
            let answered = outcomes.total().saturating_sub(outcomes.of(Outcome::Unavailable));
            (u64::try_from(part).ok()?, [subject.pairs, answered])
        }
        ("failure rate", Some(tag)) => {
            let tag = subject.tags.iter().find(|known| known.tag == tag)?;
            (*tag.failed.get(side), [tag.pairs, tag.pairs])
        }
        ("unavailable", None) => (outcomes.unavailable, [subject.pairs, outcomes.total()]),
        _ => return None,
    };
    let agrees = |whole: &&u64| {
        crate::units::Rate::of(part, **whole)
            .is_some_and(|rate| (rate.share() - share).abs() < 1e-6)
    };
    let whole = wholes.iter().find(agrees)?;
    Some(format!("{} of {}", thousands(part), thousands(*whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let shares = [0.0, 0.018_87, 0.12, 1.0, 0.0002, 0.000_001, 0.9996, f64::NAN];
        assert_eq!(
            shares.map(percent),
            ["0%", "1.9%", "12.0%", "100%", "0.02%", "<0.01%", "100.0%", "–"].map(str::to_owned)
        );
        let changes = [0.042_45, -0.005, 0.0, -0.000_01, 1.0];
        assert_eq!(
            changes.map(points),
            ["+4.2 pts", "−0.5 pts", "0.0 pts", "0.0 pts", "+100.0 pts"].map(str::to_owned)
        );
        let shares = [-0.7015, 0.1, 0.034, -0.0001, 2.35, f64::INFINITY];
        assert_eq!(
            shares.map(relative),
            ["−70%", "+10%", "+3.4%", "0%", "+235%", "–"].map(str::to_owned)
        );
        assert_eq!(points_interval([-0.016, 0.076]), "[−1.6, +7.6]");
        assert_eq!(
            [8.4, 0.123, 15.0].map(seconds),
            ["8.4 s", "0.12 s", "15.0 s"].map(str::to_owned)
        );
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned)
        );
        assert_eq!(count(1, "image", "images"), "1 image");
        assert_eq!([0, 2, 12].map(count_word), ["No", "Two", "12"].map(str::to_owned));
    }

    #[test]
    fn limits_have_names_that_people_read() {
        assert_eq!(measure("failure_rate.max_increase"), ("failure rate", None));
        assert_eq!(measure("by_tag.v1.2.failure_rate.max"), ("failure rate", Some("v1.2")));
        assert_eq!(measure("latency_p95.max"), ("latency p95", None));
        for odd in ["", ".", "by_tag.", "by_tag..", "by_tag.x", "by_tag.x.failure_rate"] {
            let _ = measure(odd);
        }
        assert_eq!(measure("by_tag.x"), ("limit", None));
    }
}
