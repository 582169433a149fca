//! Past verdicts for a terminal: a table, the newest last, so that it is what stays on the screen.

use unicode_width::UnicodeWidthStr as _;

use super::{History, SubjectRecord, VerdictRecord, accepted, change, day, models, run, word};
use crate::gate::Decision;
use crate::inert::{Newlines, one_line, terminal};
use crate::report::terminal::{Colour, TerminalStyle, cut, paragraph};
use crate::report::words;
use crate::units::Usd;

/// How far rows stand in, and how far what belongs to a row.
const INDENT: &str = "  ";
const DEEPER: &str = "              ";
/// The most columns of a change's name.
const CHANGE: usize = 9;
/// The least and the most columns of a model's name.
const NAME: (usize, usize) = (8, 24);
/// What stands between two sides.
const TO: &str = " -> ";

/// The newest verdicts, at most `most`, as a table of the style's width; then how many there are. It ends in a new line.
#[must_use]
pub fn history_text(history: &History, most: usize, style: TerminalStyle) -> String {
    let width = style.width.max(60);
    let mut out = String::new();
    if history.records.is_empty() {
        paragraph(&mut out, INDENT, &clean(&history.nothing(), 600), width);
    } else {
        let left_out = history.records.len().saturating_sub(most);
        let records = history.records.get(left_out..).unwrap_or_default();
        table(&mut out, history, records, style, width);
        out.push('\n');
        paragraph(&mut out, INDENT, &sum(history, records.len()), width);
    }
    if let Some(text) = history.unread() {
        let mut lines = String::new();
        paragraph(&mut lines, INDENT, &text, width);
        out.push_str(&style.paint(Colour::Warning, lines.trim_end()));
        out.push('\n');
    }
    out
}

/// What all of them come to, and how to see more.
fn sum(history: &History, shown: usize) -> String {
    let all = history.sum();
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    let found = u64::try_from(history.records.len()).unwrap_or(u64::MAX);
    let whole = history.since.is_none() && history.subject.is_none();
    if shown < found {
        format!("{all} The newest {} are shown.", words::thousands(shown))
    } else if whole && history.last.is_some() && found < history.kept {
        let kept = words::thousands(history.kept);
        format!("{all} The store has {kept}: --last {} shows all of them.", history.kept)
    } else {
        all
    }
}

/// Text from outside on one line.
fn clean(text: &str, max: usize) -> String {
    one_line(terminal(text, Newlines::Join).trim(), max)
}

/// The cells of a row after its date, and the colour of the last.
struct Row {
    cells: [String; 6],
    colour: Colour,
    /// What stands below it.
    below: Vec<String>,
}

/// Which of two sides the columns show: where all don't fit, the baseline's figures go, the least telling first.
const SIDES: [[bool; 3]; 4] =
    [[true, true, true], [true, true, false], [true, false, false], [false, false, false]];

fn table(
    out: &mut String,
    history: &History,
    records: &[VerdictRecord],
    style: TerminalStyle,
    width: usize,
) {
    let mixed = history.is_mixed();
    let of = |both: [bool; 3]| -> Vec<(String, Row)> {
        let rows = records.iter().flat_map(|record| {
            let date = day(record.at_ms);
            rows(history, record, both, mixed).into_iter().map(move |row| (date.clone(), row))
        });
        rows.collect()
    };
    let mut shown = (Vec::new(), [0; 6]);
    for both in SIDES {
        let rows = of(both);
        let widths = widths(&rows);
        let fits = row_width(&widths) <= width;
        shown = (rows, widths);
        if fits {
            break;
        }
    }
    let (rows, mut widths) = shown;
    // What is left goes to the name, or is taken from it.
    let others = row_width(&widths) - widths[1];
    widths[1] = widths[1].min(width.saturating_sub(others)).max(NAME.0.min(widths[1]));
    let head = Row { cells: HEAD.map(str::to_owned), colour: Colour::Dim, below: Vec::new() };
    out.push_str(&style.paint(Colour::Dim, line("date", &head, &widths).trim_end()));
    out.push('\n');
    let mut before = String::new();
    for (date, row) in &rows {
        // A day stands once.
        let shown = if *date == before { "" } else { date };
        before.clone_from(date);
        let text = line(shown, row, &widths);
        let [.., verdict] = &row.cells;
        match text.trim_end().strip_suffix(verdict.as_str()) {
            Some(start) => {
                out.push_str(start);
                out.push_str(&style.paint(row.colour, verdict));
            }
            None => out.push_str(text.trim_end()),
        }
        out.push('\n');
        for text in &row.below {
            let mut lines = String::new();
            paragraph(&mut lines, DEEPER, &clean(text, 500), width);
            for line in lines.lines() {
                out.push_str(&style.paint(Colour::Dim, line));
                out.push('\n');
            }
        }
    }
}

const HEAD: [&str; 6] = ["change", "model", "failure rate", "$ per 1k", "p95, s", "verdict"];

fn widths(rows: &[(String, Row)]) -> [usize; 6] {
    let mut widths = HEAD.map(str::len);
    for (_, row) in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(cell.width());
        }
    }
    widths
}

/// The date has ten columns, and two spaces stand before each column.
fn row_width(widths: &[usize; 6]) -> usize {
    INDENT.len() + 10 + widths.iter().map(|width| width + 2).sum::<usize>()
}

fn line(date: &str, row: &Row, widths: &[usize; 6]) -> String {
    let mut line = format!("{INDENT}{date:<10}");
    for (column, (cell, width)) in row.cells.iter().zip(widths).enumerate() {
        let cell = cut(cell, *width);
        let pad = " ".repeat(width.saturating_sub(cell.width()));
        // Names and the verdict stand left, numbers right.
        let cell = if matches!(column, 2..=4) { format!("{pad}{cell}") } else { cell + &pad };
        line.push_str("  ");
        line.push_str(&cell);
    }
    line
}

fn rows(history: &History, record: &VerdictRecord, both: [bool; 3], mixed: bool) -> Vec<Row> {
    let of = mixed.then(|| {
        let gate = clean(&record.name, 60);
        match &record.repository {
            Some(repository) => format!("{}, {gate}", clean(repository, 80)),
            None => gate,
        }
    });
    let wanted = |subject: &&SubjectRecord| {
        history.subject.as_ref().is_none_or(|name| *name == subject.name)
    };
    let mut rows: Vec<_> = record
        .subjects
        .iter()
        .filter(wanted)
        .map(|subject| row(record, subject, both, of.as_deref()))
        .collect();
    if rows.is_empty() {
        let nothing = || words::NOTHING.to_owned();
        let (word, colour) = match record.verdict {
            Decision::Pass => ("pass", Colour::Good),
            Decision::Fail => ("FAIL", Colour::Bad),
            Decision::Inconclusive => ("undecided", Colour::Warning),
        };
        rows.push(Row {
            cells: [short(record), nothing(), nothing(), nothing(), nothing(), word.to_owned()],
            colour,
            below: of.into_iter().chain([record.reason.clone()]).collect(),
        });
    }
    if let (Some(by), Some(last)) = (&record.overridden, rows.last_mut()) {
        last.below.push(accepted(by));
    }
    rows
}

fn row(record: &VerdictRecord, subject: &SubjectRecord, both: [bool; 3], of: Option<&str>) -> Row {
    let [rates, costs, times] = both;
    let sides = |both: bool, before: Option<String>, after: Option<String>| {
        let nothing = || words::NOTHING.to_owned();
        match (both && subject.baseline.is_some(), before, after) {
            (_, None, None) => nothing(),
            (false, _, after) => after.unwrap_or_else(nothing),
            (true, before, after) => {
                [before, after].map(|side| side.unwrap_or_else(nothing)).join(TO)
            }
        }
    };
    let rate = |share: Option<super::Share>| share.and_then(super::Share::rate).map(words::percent);
    let time = |times: Option<super::Times>| times.map(|it| format!("{:.1}", it.p95_s));
    let (failures, cost, latency) = (&subject.failures, &subject.cost_per_1k_usd, &subject.latency);
    let colour = match (subject.verdict, subject.is_unproven()) {
        (Decision::Pass, false) => Colour::Good,
        (Decision::Fail, false) => Colour::Bad,
        _ => Colour::Warning,
    };
    let models = models(subject).replace(" → ", TO);
    let of = of.map_or_else(String::new, |of| format!("   {of}"));
    Row {
        cells: [
            short(record),
            cut(&clean(&subject.name, 60), NAME.1),
            sides(rates, rate(failures.baseline), rate(failures.candidate)),
            sides(costs, cost.baseline.map(dollars), cost.candidate.map(dollars)),
            sides(times, time(latency.baseline), time(latency.candidate)),
            word(subject).to_owned(),
        ],
        colour,
        below: vec![format!(
            "{models}{of}{}",
            run(record).map_or_else(String::new, |run| format!("   run {run}"))
        )],
    }
}

fn short(record: &VerdictRecord) -> String {
    cut(&clean(&change(record), 40), CHANGE)
}

/// `134`, `40.00`: cents where they tell something.
fn dollars(amount: Usd) -> String {
    let cents = amount.to_cents_string();
    if amount.as_f64() < 100.0 {
        return cents;
    }
    format!("{:.0}", amount.as_f64())
}
