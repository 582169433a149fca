//! The comparison for a terminal or a log.

use unicode_width::UnicodeWidthStr as _;

use super::{
    THROUGHPUT, amounts, conclusion, ended, intervals, latency, name, pace, sample, shares,
};
use crate::compare::{Comparison, ModelFigures};
use crate::gate::Outcome;
use crate::inert::{Newlines, one_line, terminal};
use crate::report::terminal::{Colour, TerminalStyle, cut, paragraph};
use crate::report::words;

/// How far sentences stand in.
const INDENT: &str = "  ";

/// The most checks or tags that a line names.
const MOST_NAMED: usize = 6;

/// The tables, then what follows from them, which is what stays on the screen. It ends in a new line.
#[must_use]
pub fn compare_text(comparison: &Comparison, style: TerminalStyle) -> String {
    let width = style.width.max(60);
    let mut out = format!(
        "presscheck compare   {}   {}\n\n",
        words::count(comparison.models.len() as u64, "model", "models"),
        sample(comparison.cells, comparison.prompts)
    );
    let finished: Vec<_> = comparison.finished().collect();
    if !finished.is_empty() {
        failures(&mut out, comparison, &finished, style, width);
        costs(&mut out, &finished, style, width);
        speed(&mut out, &finished, style, width);
        endings(&mut out, &finished, style, width);
        by_check(&mut out, &finished, style, width);
        by_tag(&mut out, &finished, style, width);
    }
    for model in &comparison.models {
        if let Some(why) = &model.dropped {
            let text = format!("{} dropped out: {}", name(model), clean(why, 400));
            let mut lines = String::new();
            paragraph(&mut lines, INDENT, &text, width);
            out.push_str(&style.paint(Colour::Warning, lines.trim_end()));
            out.push_str("\n\n");
        }
    }
    for sentence in conclusion(comparison) {
        paragraph(&mut out, INDENT, &clean(&sentence, 1_000), width);
    }
    out.push('\n');
    let mut said: Vec<String> = ended(comparison).into_iter().collect();
    if !finished.is_empty() {
        said.push(intervals(comparison));
    }
    if finished.iter().any(|model| model.throughput.is_some()) {
        said.push(THROUGHPUT.to_owned());
    }
    said.extend(comparison.notes.iter().map(|note| format!("note: {}", clean(note, 500))));
    said.push(format!(
        "{} bought, spent {} of {}{}",
        words::count(comparison.images_bought, "image", "images"),
        words::money(comparison.spent_usd),
        words::money(comparison.budget_usd),
        words::for_checks(comparison.checks_usd)
    ));
    for text in said {
        let mut lines = String::new();
        paragraph(&mut lines, INDENT, &text, width);
        for line in lines.lines() {
            out.push_str(&style.paint(Colour::Dim, line));
            out.push('\n');
        }
    }
    out
}

/// Text from outside on one line.
fn clean(text: &str, max: usize) -> String {
    one_line(terminal(text, Newlines::Join).trim(), max)
}

/// A table: the head is dim, the first column is cut to what room is left, the others stand right where they are
/// numbers. The first row is the head.
fn table(
    out: &mut String,
    rows: &[Vec<String>],
    left: &[usize],
    style: TerminalStyle,
    width: usize,
) {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(widest).collect();
    let others: usize = widths.iter().skip(1).map(|width| width + 2).sum();
    let first = widths.first().copied().unwrap_or(0);
    let room = width.saturating_sub(others + INDENT.len()).max(8).min(first.max(8));
    for (number, row) in rows.iter().enumerate() {
        let mut line = INDENT.to_owned();
        for (column, (cell, most)) in row.iter().zip(&widths).enumerate() {
            let cell = cell.replace('−', "-");
            let pad = |cell: &str, width: usize| " ".repeat(width.saturating_sub(cell.width()));
            if column == 0 {
                let cell = cut(&cell, room);
                line.push_str(&cell);
                line.push_str(&pad(&cell, room));
            } else if left.contains(&column) {
                line.push_str(&format!("  {cell}{}", pad(&cell, *most)));
            } else {
                line.push_str(&format!("  {}{cell}", pad(&cell, *most)));
            }
        }
        let line = line.trim_end();
        out.push_str(&if number == 0 { style.paint(Colour::Dim, line) } else { line.to_owned() });
        out.push('\n');
    }
    out.push('\n');
}

fn head<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn failures(
    out: &mut String,
    comparison: &Comparison,
    finished: &[&ModelFigures],
    style: TerminalStyle,
    width: usize,
) {
    let best = comparison.best.as_deref().unwrap_or_default();
    let against = format!("against {}", one_line(best, 16));
    let mut rows = vec![head(["failures", "rate", "interval", &against, "interval", ""])];
    for model in finished {
        let Some(share) = model.failures else { continue };
        let difference = comparison.difference(&model.name, best);
        let (change, interval, beyond) = match &difference {
            Some(it) => (
                words::points(it.change),
                words::points_interval(it.interval),
                if it.beyond_chance { "beyond chance" } else { "" },
            ),
            None => (String::new(), String::new(), ""),
        };
        rows.push(vec![
            name(model),
            words::percent(share.rate),
            shares(share.interval),
            change,
            interval,
            beyond.to_owned(),
        ]);
    }
    table(out, &rows, &[2, 4, 5], style, width);
}

fn costs(out: &mut String, finished: &[&ModelFigures], style: TerminalStyle, width: usize) {
    let mut rows = vec![head(["cost", "per 1k", "per 1k good", "interval", "known", "front"])];
    for model in finished {
        let Some(cost) = &model.cost else { continue };
        let amount = |amount: Option<crate::units::Usd>| {
            amount.map_or_else(|| words::NOTHING.to_owned(), words::money)
        };
        rows.push(vec![
            name(model),
            amount(cost.per_1k_usd),
            amount(cost.effective_per_1k_usd),
            model.effective_interval_usd.map_or_else(String::new, amounts),
            cost.basis.word().to_owned(),
            match model.on_front {
                Some(true) => "yes",
                Some(false) => "dominated",
                None => words::NOTHING,
            }
            .to_owned(),
        ]);
    }
    table(out, &rows, &[3, 4, 5], style, width);
}

fn speed(out: &mut String, finished: &[&ModelFigures], style: TerminalStyle, width: usize) {
    let mut rows = vec![head(["speed", "p50", "interval", "p95", "interval", "images/min"])];
    for model in finished {
        let nothing = || [words::NOTHING, "", words::NOTHING, ""].map(str::to_owned);
        let mut row = vec![name(model)];
        row.extend(model.latency.as_ref().map_or_else(nothing, latency));
        row.push(model.throughput.as_ref().map_or_else(|| words::NOTHING.to_owned(), pace));
        rows.push(row);
    }
    if finished.iter().all(|model| model.throughput.is_none()) {
        rows.iter_mut().for_each(|row| row.truncate(5));
    }
    table(out, &rows, &[2, 4, 5], style, width);
}

fn endings(out: &mut String, finished: &[&ModelFigures], style: TerminalStyle, width: usize) {
    let mut header = vec!["outcomes".to_owned()];
    header.extend(Outcome::ALL.map(|outcome| outcome.word().to_owned()));
    header.push("from store".to_owned());
    let mut rows = vec![header];
    for model in finished {
        let mut row = vec![name(model)];
        row.extend(Outcome::ALL.map(|outcome| words::thousands(model.outcomes.of(outcome))));
        row.push(words::thousands(model.from_store));
        rows.push(row);
    }
    table(out, &rows, &[], style, width);
}

/// `name   text 5, palette 2`, each on lines of its own.
fn lists(
    out: &mut String,
    title: &str,
    lines: &[(String, String)],
    style: TerminalStyle,
    width: usize,
) {
    if lines.iter().all(|(_, list)| list.is_empty()) {
        return;
    }
    out.push_str(&format!("{INDENT}{}\n", style.paint(Colour::Dim, title)));
    let widest = lines.iter().map(|(name, _)| name.width()).max().unwrap_or(0).clamp(8, 24);
    for (name, list) in lines {
        let name = cut(name, widest);
        let pad = " ".repeat(widest.saturating_sub(name.width()));
        let list = if list.is_empty() { words::NOTHING } else { list };
        let mut text = String::new();
        paragraph(&mut text, &" ".repeat(INDENT.len() + widest + 2), list, width);
        out.push_str(&format!("{INDENT}{name}{pad}  "));
        out.push_str(text.trim_start());
    }
    out.push('\n');
}

/// The first of a list, and how many more there are.
fn some(mut parts: Vec<String>) -> String {
    if parts.len() > MOST_NAMED {
        let more = parts.len() - MOST_NAMED;
        parts.truncate(MOST_NAMED);
        parts.push(format!("and {more} more"));
    }
    parts.join(", ")
}

fn by_check(out: &mut String, finished: &[&ModelFigures], style: TerminalStyle, width: usize) {
    let line = |model: &&ModelFigures| {
        let failing = model.checks.iter().filter(|check| check.failed > 0);
        let parts = failing.map(|check| {
            format!("{} {}", one_line(&check.check, 40), words::thousands(check.failed))
        });
        (name(model), some(parts.collect()))
    };
    let lines: Vec<_> = finished.iter().map(line).collect();
    lists(out, "failures by check", &lines, style, width);
}

fn by_tag(out: &mut String, finished: &[&ModelFigures], style: TerminalStyle, width: usize) {
    let line = |model: &&ModelFigures| {
        let failing = model.tags.iter().filter(|tag| tag.share.failed > 0);
        let parts = failing.map(|tag| {
            let (failed, of) = (words::thousands(tag.share.failed), words::thousands(tag.share.of));
            format!("{} {failed} of {of}", one_line(&tag.tag, 40))
        });
        (name(model), some(parts.collect()))
    };
    let lines: Vec<_> = finished.iter().map(line).collect();
    lists(out, "failures by tag", &lines, style, width);
}
