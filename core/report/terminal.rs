//! The verdict for a terminal or a log.

use unicode_width::UnicodeWidthStr as _;

use super::evidence::PairKind;
use super::line::Line;
use super::{Run, Subject, accepted, claim, hints, title, words};
use crate::gate::{Decision, LimitOutcome, LimitResult, Stopped, SubjectVerdict};
use crate::inert::{self, Newlines};
use crate::units::Usd;

/// How a terminal wants its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Whether to use colours (ANSI escape sequences).
    pub colour: bool,
    /// Columns; at least 40 are used.
    pub width: usize,
}

impl Default for TerminalStyle {
    fn default() -> Self {
        Self { colour: false, width: 80 }
    }
}

/// The colour of a word.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Good,
    Bad,
    Warning,
    Dim,
}

impl TerminalStyle {
    /// A word in a colour, where colours are wanted.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        // SGR codes of ECMA-48: bold green, bold red, bold yellow, faint.
        let code = match colour {
            Colour::Good => "1;32",
            Colour::Bad => "1;31",
            Colour::Warning => "1;33",
            Colour::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The final text of a run: a table of limits and the verdict for each model, worst last, so that it
/// is what stays on the screen. It ends in a new line.
#[must_use]
pub fn terminal(run: &Run, style: TerminalStyle) -> String {
    let width = style.width.max(40);
    let empty = Subject::default();
    let mut out = String::new();
    let mut order: Vec<_> = run.verdict.subjects.iter().enumerate().collect();
    order.sort_by_key(|(_, verdict)| verdict.verdict);
    for (index, verdict) in &order {
        let subject = run.subjects.get(*index).unwrap_or(&empty);
        out.push_str(&heading(verdict, style, width));
        out.push_str(&table(&verdict.limits, style, width));
        for limit in &verdict.limits {
            if let Some(note) = words::footnote(limit) {
                let [label, ..] = row(limit, &verdict.limits).cells;
                paragraph(&mut out, "  ", &format!("* {label}: {}", clean(note, 300)), width);
            }
        }
        out.push('\n');
        let mut sentence = capital(&title::subject_line(verdict).plain());
        if !sentence.ends_with('.') {
            sentence.push('.');
        }
        // The sentence of an undecided verdict says already that the budget or the provider ended it.
        let told = verdict.verdict == Decision::Inconclusive
            && matches!(verdict.stopped, Stopped::Budget | Stopped::Unavailable);
        if !told {
            sentence.push(' ');
            sentence.push_str(&claim::stopped(verdict, ""));
        }
        let unproven = claim::is_unproven(verdict);
        verdict_line(&mut out, verdict.verdict, unproven, &sentence, style, width);
        for hint in hints::subject_hints(verdict, subject, run.budget) {
            paragraph(&mut out, INDENT, &hint.plain(), width);
        }
        if let Some(line) = newly_failing(verdict, subject) {
            paragraph(&mut out, INDENT, &line.plain(), width);
        }
        let (prompts, more) = claim::always_failing(verdict, 3);
        for line in prompts {
            paragraph(&mut out, INDENT, &format!("{}.", line.plain()), width);
        }
        if more > 0 {
            let noun = if more == 1 { "more fails" } else { "more fail" };
            let more = words::thousands(more as u64);
            paragraph(&mut out, INDENT, &format!("{more} {noun} on every repeat."), width);
        }
        out.push('\n');
    }
    if order.len() != 1 {
        let reason = title::judged_line(&run.verdict).plain();
        let unproven = title::run_sign(&run.verdict) != title::sign(run.verdict.verdict);
        verdict_line(&mut out, run.verdict.verdict, unproven, &capital(&reason), style, width);
    }
    if let Some(accepted) = accepted::plain(&run.verdict) {
        let accepted = accepted.trim_start_matches("Accepted ");
        word_line(&mut out, "ACCEPTED", Colour::Warning, &clean(accepted, 1_500), style, width);
    }
    for note in &run.verdict.notes {
        paragraph(&mut out, INDENT, &format!("note: {}", clean(note, 500)), width);
    }
    let checks: Usd = run.verdict.subjects.iter().map(|subject| subject.checks_usd).sum();
    let known = words::weakest(&run.verdict.subjects);
    let spent = format!(
        "spent {} of {}{}{}",
        words::money(run.verdict.spent_usd),
        words::money(run.budget),
        words::for_checks(checks),
        known.map_or("", words::known_costs)
    );
    paragraph(&mut out, INDENT, &spent, width);
    out
}

/// How far sentences stand in.
const INDENT: &str = "      ";

/// Text from outside on one line.
fn clean(text: &str, max: usize) -> String {
    inert::one_line(inert::terminal(text, Newlines::Join).trim(), max)
}

/// A minus sign that every terminal font has.
fn ascii(text: &str) -> String {
    text.replace('−', "-")
}

/// The text with a capital at its start.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `hero   gemini-3-pro-image -> sd3.5-large-turbo`
fn heading(verdict: &SubjectVerdict, style: TerminalStyle, width: usize) -> String {
    let after = clean(&verdict.candidate.model, 60);
    let models = match &verdict.baseline {
        Some(before) => format!("{} -> {after}", clean(&before.model, 60)),
        None => format!("{after} (new)"),
    };
    let name = cut(&clean(&verdict.name, 40), width.saturating_sub(3));
    let room = width.saturating_sub(name.width() + 3);
    format!("{name}   {}\n\n", style.paint(Colour::Dim, &cut(&models, room)))
}

/// `11 newly failing: poster-001, sale-de-001, label-001 and 8 more.`
fn newly_failing(verdict: &SubjectVerdict, subject: &Subject) -> Option<Line> {
    const SHOWN: usize = 3;
    let names = hints::pair_names(subject, PairKind::NewlyFailing);
    if verdict.baseline.is_none() || names.is_empty() {
        return None;
    }
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let all = words::thousands(names.len() as u64);
    let line = Line::new().ours(format!("{all} newly failing: "));
    Some(match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => {
            let mut line = line;
            for (index, name) in shown.iter().enumerate() {
                line = line.ours(if index == 0 { "" } else { ", " }).name(name);
            }
            line.ours(format!(" and {} more.", words::thousands(more as u64)))
        }
        _ => line.names(&shown).ours("."),
    })
}

/// `FAIL  The failure rate rises …`
fn verdict_line(
    out: &mut String,
    decision: Decision,
    unproven: bool,
    sentence: &str,
    style: TerminalStyle,
    width: usize,
) {
    let (word, colour) = match (decision, unproven) {
        (Decision::Pass, false) => ("PASS", Colour::Good),
        (Decision::Fail, false) => ("FAIL", Colour::Bad),
        (Decision::Pass, true) => ("LEANS TO PASS", Colour::Warning),
        (Decision::Fail, true) => ("LEANS TO FAIL", Colour::Warning),
        (Decision::Inconclusive, _) => ("UNDECIDED", Colour::Warning),
    };
    word_line(out, word, colour, &clean(sentence, 1_000), style, width);
}

/// A sentence after a word that stands out.
fn word_line(
    out: &mut String,
    word: &str,
    colour: Colour,
    sentence: &str,
    style: TerminalStyle,
    width: usize,
) {
    let mut text = String::new();
    paragraph(&mut text, INDENT, &format!("{word}  {sentence}"), width);
    // The first line has the word where the others have their indent.
    let text = text.strip_prefix(INDENT).unwrap_or(&text);
    let rest = text.strip_prefix(word).unwrap_or(text);
    out.push_str(&style.paint(colour, word));
    out.push_str(rest);
}

/// Text in lines of at most `width` columns after an indent; a word that is longer stands alone.
pub(crate) fn paragraph(out: &mut String, indent: &str, text: &str, width: usize) {
    let text = ascii(text);
    let room = width.saturating_sub(indent.len()).max(20);
    let mut line = String::new();
    // Two spaces after the verdict's word stay.
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            out.push_str(indent);
            out.push_str(line.trim_end());
            out.push('\n');
            line.clear();
            if word.is_empty() {
                continue;
            }
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(indent);
    out.push_str(line.trim_end());
    out.push('\n');
}

/// The text in at most `width` columns; what is cut ends in `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) + 1 > width {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

/// A row of the table: five cells and the outcome.
struct Row {
    cells: [String; 5],
    outcome: Option<LimitOutcome>,
}

/// The table of limits.
fn table(limits: &[LimitResult], style: TerminalStyle, width: usize) -> String {
    if limits.is_empty() {
        return String::new();
    }
    let head = ["limit", "baseline", "candidate", "change", "limit"].map(str::to_owned);
    let mut rows = vec![Row { cells: head, outcome: None }];
    rows.extend(limits.iter().map(|limit| row(limit, limits)));
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let [labels, before, after, change, limit] = [0, 1, 2, 3, 4].map(widest);
    // Two before, two between the columns, three and nine for the outcome.
    let numbers = before + after + change + limit + 4 * 2;
    let room = width.saturating_sub(numbers + 2 + 3 + 9).clamp(10, 28).min(labels.max(10));
    let mut table = String::new();
    for row in &rows {
        let [label, cells @ ..] = &row.cells;
        let label = cut(label, room);
        let mut line = format!("  {label}{}", " ".repeat(room.saturating_sub(label.width())));
        for (cell, column) in cells.iter().zip([before, after, change, limit]) {
            line.push_str(&" ".repeat(2 + column.saturating_sub(cell.width())));
            line.push_str(cell);
        }
        let line = match row.outcome {
            None => style.paint(Colour::Dim, line.trim_end()),
            Some(outcome) => {
                let colour = match outcome {
                    LimitOutcome::Pass => Colour::Good,
                    LimitOutcome::Fail => Colour::Bad,
                    LimitOutcome::Inconclusive => Colour::Warning,
                    LimitOutcome::Skipped => Colour::Dim,
                };
                format!("{line}   {}", style.paint(colour, words::limit_word(outcome)))
            }
        };
        table.push_str(&line);
        table.push('\n');
    }
    table
}

/// The row of a limit among all.
fn row(limit: &LimitResult, all: &[LimitResult]) -> Row {
    let (measure, tag) = words::measure(&limit.name);
    let measure = if measure == "cost per 1k images" { "cost per 1k" } else { measure };
    let label = match tag {
        Some(tag) => format!("{measure}, {}", clean(tag, 40)),
        None => measure.to_owned(),
    };
    let label = format!("{label}{}", words::beside(limit, all));
    let change = if limit.change.is_some() && words::is_increase(&limit.name) {
        words::change(limit.unit, limit.change)
    } else {
        String::new()
    };
    Row {
        cells: [
            label,
            words::value(limit.unit, limit.baseline),
            words::value(limit.unit, limit.candidate),
            ascii(&change),
            ascii(&words::allowed(limit)),
        ],
        outcome: Some(limit.outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use crate::units::CostBasis;
    use insta::assert_snapshot;

    #[test]
    fn how_well_costs_are_known_is_said_in_every_report() {
        use crate::report::{HtmlOptions, html, summary};
        for (basis, sentence) in [
            (CostBasis::Exact, "Costs are exact."),
            (CostBasis::Computed, "ordered or reported, or the time of your own machine."),
            (
                CostBasis::Estimated,
                "Costs are estimates: listed prices for a usage that was assumed",
            ),
            (CostBasis::Unknown, "they count at the worst case."),
        ] {
            let mut run = fixtures::fail();
            for verdict in &mut run.verdict.subjects {
                verdict.cost.candidate.as_mut().unwrap().basis = basis;
            }
            let text = terminal(&run, TerminalStyle::default());
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.ends_with(words::known_costs(basis)), "{text}");
            let page = html(&run, HtmlOptions::default()).unwrap();
            let row = page.split("How well the cost is known").nth(1).unwrap();
            let row = row.split("</tr>").next().unwrap();
            let cells = format!("<td class=\"n\">exact</td><td class=\"n\">{}</td>", basis.word());
            assert!(row.contains(&cells), "{row}");
            assert!(summary(&run, 1_000_000).contains(sentence), "{basis:?}");
        }
    }

    #[test]
    fn terminals_read_well() {
        for (name, run) in fixtures::others() {
            assert_snapshot!(format!("terminal_{name}"), terminal(&run, TerminalStyle::default()));
        }
    }

    #[test]
    fn lines_keep_to_the_width() {
        for (name, run) in fixtures::all().iter().filter(|(name, _)| *name != "hostile") {
            for width in [72, 80, 120] {
                let text = terminal(run, TerminalStyle { colour: false, width });
                for line in text.lines() {
                    assert!(line.width() <= width, "{name} at {width}: {line}");
                }
            }
        }
    }

    #[test]
    fn colour_comes_only_when_asked_and_only_from_us() {
        let run = fixtures::hostile();
        let plain = terminal(&run, TerminalStyle::default());
        assert!(!plain.contains(|c| c != '\n' && inert::is_invisible(c)), "{plain:?}");
        let coloured = terminal(&run, TerminalStyle { colour: true, width: 80 });
        let mut stripped = coloured;
        for code in ["1;32", "1;31", "1;33", "2", "0"] {
            stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(stripped, plain);
    }
}
