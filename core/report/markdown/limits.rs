//! The table of limits.

use std::fmt::Write as _;

use super::super::line::{Line, code};
use super::super::words;
use crate::gate::{LimitOutcome, LimitResult, Side, SubjectVerdict};
use crate::units::Usd;

/// The most rows of a table of limits, whatever the size.
pub(super) const MAX_LIMITS: usize = 100;

/// The sign of a limit's outcome.
const fn sign(outcome: LimitOutcome) -> &'static str {
    match outcome {
        LimitOutcome::Pass => "✅",
        LimitOutcome::Fail => "❌",
        LimitOutcome::Inconclusive => "⚠️",
        LimitOutcome::Skipped => "skipped",
    }
}

/// A table with a row for each limit; broken ones first where there are more than `most`.
pub(super) fn limits_table(verdict: &SubjectVerdict, most: usize) -> String {
    let most = most.min(MAX_LIMITS);
    let before = verdict
        .baseline
        .as_ref()
        .map_or_else(|| "baseline".to_owned(), |model| format!("baseline {}", code(&model.label)));
    let after = format!("this change {}", code(&verdict.candidate.label));
    let mut table =
        format!("| | {before} | {after} | change | limit | |\n|:--|--:|--:|--:|--:|:-:|\n");
    let model = verdict.baseline.as_ref().map_or_else(|| "none".to_owned(), |m| code(&m.model));
    // Writing to a string can't fail.
    let _ = writeln!(table, "| model | {model} | {} | | | |", code(&verdict.candidate.model));
    let mut limits: Vec<&LimitResult> = verdict.limits.iter().collect();
    if limits.len() > most {
        limits.sort_by_key(|limit| match limit.outcome {
            LimitOutcome::Fail => 0,
            LimitOutcome::Inconclusive => 1,
            LimitOutcome::Pass | LimitOutcome::Skipped => 2,
        });
    }
    let last_cost =
        limits.iter().take(most).rposition(|limit| limit.name.starts_with("cost_per_1k."));
    for (index, limit) in limits.iter().take(most).enumerate() {
        let _ = writeln!(table, "{}", limit_row(verdict, limit));
        if last_cost == Some(index) {
            table.push_str(&effective_cost(verdict));
        }
    }
    if last_cost.is_none() {
        table.push_str(&cost_row(verdict));
        table.push_str(&effective_cost(verdict));
    }
    if let Some(more @ 1..) = limits.len().checked_sub(most) {
        let _ = writeln!(table, "\n{more} more limits in `report.html`.");
    }
    let notes: Vec<String> = limits
        .iter()
        .take(most)
        .filter_map(|limit| {
            let note = words::footnote(limit)?;
            let (measure, tag) = words::measure(&limit.name);
            let beside = words::beside(limit, &verdict.limits);
            let name = Line::new().ours(measure);
            let name = match tag {
                Some(tag) => name.ours(" of ").name(tag),
                None => name,
            };
            Some(name.ours(beside).ours(": ").foreign(note).markdown())
        })
        .collect();
    if !notes.is_empty() {
        let _ = writeln!(table, "\n\\* {}", notes.join("; "));
    }
    table
}

/// A limit's row.
fn limit_row(verdict: &SubjectVerdict, limit: &LimitResult) -> String {
    let (measure, tag) = words::measure(&limit.name);
    let name = match tag {
        Some(tag) => Line::new().ours(format!("{measure} of ")).name(tag).markdown(),
        None => measure.to_owned(),
    };
    let name = format!("{name}{}", words::beside(limit, &verdict.limits));
    let name = if limit.outcome == LimitOutcome::Fail { format!("**{name}**") } else { name };
    let cell = |side: Side, number: Option<f64>| {
        let value = words::value(limit.unit, number);
        match words::counts(verdict, limit, side) {
            Some(counts) => format!("{value} ({counts})"),
            None => value,
        }
    };
    let before = cell(Side::Baseline, limit.baseline);
    let mut after = cell(Side::Candidate, limit.candidate);
    let mut change = match limit.change {
        None => String::new(),
        Some(_) if !words::beside(limit, &verdict.limits).is_empty() => String::new(),
        Some(_) if limit.outcome == LimitOutcome::Fail => {
            format!("**{}**", words::change(limit.unit, limit.change))
        }
        Some(_) => words::change(limit.unit, limit.change),
    };
    // Brackets could begin a link only before a parenthesis; here a space or a pipe follows.
    if let Some(interval) = words::interval(limit) {
        let cell = if words::is_increase(&limit.name) { &mut change } else { &mut after };
        let _ = write!(cell, " {interval}");
    }
    format!(
        "| {name} | {before} | {after} | {} | {} | {}{} |",
        change.trim(),
        words::allowed(limit),
        sign(limit.outcome),
        if words::footnote(limit).is_some() { " \\*" } else { "" }
    )
}

/// The change of an amount as a share of what it was.
fn share(before: Option<Usd>, after: Option<Usd>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if !before.is_zero() => {
            words::relative(after.as_f64() / before.as_f64() - 1.0)
        }
        _ => String::new(),
    }
}

/// A row on an amount that no limit bounds.
fn amount_row(name: &str, before: Option<Usd>, after: Option<Usd>) -> String {
    if before.is_none() && after.is_none() {
        return String::new();
    }
    let cell = |amount: Option<Usd>| amount.map_or_else(|| words::NOTHING.to_owned(), words::money);
    format!("| {name} | {} | {} | {} | | |\n", cell(before), cell(after), share(before, after))
}

/// The row on what images cost, where no limit has one.
fn cost_row(verdict: &SubjectVerdict) -> String {
    let cost = |side| verdict.cost.get(side).as_ref().and_then(|cost| cost.per_1k_usd);
    amount_row("cost per 1k images", cost(Side::Baseline), cost(Side::Candidate))
}

/// The row on what good images cost.
fn effective_cost(verdict: &SubjectVerdict) -> String {
    let cost = |side| verdict.cost.get(side).as_ref().and_then(|cost| cost.effective_per_1k_usd);
    amount_row("cost per 1k *good* images", cost(Side::Baseline), cost(Side::Candidate))
}
