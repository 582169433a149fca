//! Problems as people read them: the sentence, the place, the line, the mark, what to do.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use super::parse::lines;
use super::problem::{Problem, Problems, Severity, Source, Span};
use crate::inert;

/// How many problems of a file are shown.
const MAX_SHOWN: usize = 20;
/// How many columns of a source line are shown.
const MAX_COLUMNS: usize = 120;
/// How many columns stay before the mark in a line that is cut.
const BEFORE_MARK: usize = 40;

impl Problems {
    /// The problems of one file. With `colour`, ANSI colours as terminals know them.
    #[must_use]
    pub fn render(&self, source: Source<'_>, colour: bool) -> String {
        render_all(&[(source, self)], "", colour)
    }
}

/// The problems of several files, errors first. `outcome` says what was not done because of them
/// (`no request was sent`); it is left out where it is empty or there are only warnings.
#[must_use]
pub fn render_all(files: &[(Source<'_>, &Problems)], outcome: &str, colour: bool) -> String {
    let paint = Paint { colour };
    let mut blocks = Vec::new();
    let whole: Vec<_> =
        files.iter().map(|(source, problems)| (source, problems.sorted())).collect();
    for severity in [Severity::Error, Severity::Warning] {
        for (source, all) in &whole {
            let masks: Vec<_> =
                all.iter().filter(|problem| problem.masked).map(|problem| problem.span).collect();
            let mut list = all.clone();
            // What an alias stands for is read at each of its places, and found wrong each time.
            list.dedup();
            list.retain(|problem| problem.severity == severity);
            if !list.is_empty() {
                blocks.push(file_block(**source, &list, &masks, severity, outcome, paint));
            }
        }
    }
    let unknown = |problem: &&Problem| problem.message.starts_with("unknown ");
    if whole.iter().any(|(_, problems)| problems.iter().any(unknown)) {
        let help = paint.bold("help");
        blocks.push(format!("  {help}: `presscheck schema` prints the schema for your editor\n"));
    }
    blocks.join("\n")
}

fn file_block(
    source: Source<'_>,
    list: &[&Problem],
    masks: &[Span],
    severity: Severity,
    outcome: &str,
    paint: Paint,
) -> String {
    let path = inert::one_line(source.path, 200);
    let plural = if list.len() == 1 { "" } else { "s" };
    let mut text = match severity {
        Severity::Error => {
            format!("{}: {path} has {} problem{plural}", paint.red("error"), list.len())
        }
        Severity::Warning => {
            format!("{}: {path} has {} warning{plural}", paint.yellow("warning"), list.len())
        }
    };
    if severity == Severity::Error && !outcome.is_empty() {
        let _ = write!(text, "; {outcome}");
    }
    text.push('\n');
    for problem in list.iter().take(MAX_SHOWN) {
        text.push('\n');
        one_problem(&mut text, &path, source.text, problem, masks, paint);
    }
    if let Some(more) = list.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "\n  and {more} more");
    }
    text
}

fn one_problem(
    text: &mut String,
    path: &str,
    source: &str,
    problem: &Problem,
    masks: &[Span],
    paint: Paint,
) {
    let _ = writeln!(text, "  {}", paint.bold(&inert::one_line(&problem.message, 600)));
    let help = problem.help.as_deref().map(|help| inert::one_line(help.trim(), 600));
    let span = problem.span;
    let number = span.line.to_string();
    let gutter = " ".repeat(number.len());
    let line = usize::try_from(span.line)
        .ok()
        .and_then(|line| line.checked_sub(1))
        .and_then(|line| lines(source).nth(line));
    let Some(line) = line else {
        let _ = writeln!(text, "   {} {path}", paint.blue("-->"));
        if let Some(help) = help {
            let _ = writeln!(text, "   {} {help}", paint.blue("="));
        }
        return;
    };
    let _ = writeln!(
        text,
        "{gutter} {} {path}:{}:{}",
        paint.blue("-->"),
        span.line,
        span.column.max(1)
    );
    let shown = Shown::of(line, span, masks);
    let bar = paint.blue("|");
    let head = paint.blue(&number);
    let _ = writeln!(text, "{}", format!("{head} {bar} {}", shown.line).trim_end());
    let carets = "^".repeat(shown.marked);
    let space = " ".repeat(shown.before);
    let carets = match problem.severity {
        Severity::Error => paint.red(&carets),
        Severity::Warning => paint.yellow(&carets),
    };
    match help {
        // Beside the mark where it stays within what a terminal shows.
        Some(help) if shown.before + shown.marked + help.chars().count() <= 100 => {
            let _ = writeln!(text, "{gutter} {bar} {space}{carets} {help}");
        }
        Some(help) => {
            let _ = writeln!(text, "{gutter} {bar} {space}{carets}");
            let _ = writeln!(text, "{gutter} {} {help}", paint.blue("="));
        }
        None => {
            let _ = writeln!(text, "{gutter} {bar} {space}{carets}");
        }
    }
}

/// A source line as it is drawn.
struct Shown {
    line: String,
    /// Columns before the mark.
    before: usize,
    /// Columns of the mark, at least 1.
    marked: usize,
}

impl Shown {
    /// The part of a line around a mark, made inert. Columns are counted as a terminal draws them.
    fn of(line: &str, span: Span, masks: &[Span]) -> Self {
        let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let range = |span: Span| {
            let from = index(span.column.saturating_sub(1));
            (from, from.saturating_add(index(span.len.max(1))))
        };
        let (from, to) = range(span);
        let mut cells: Vec<(char, usize)> = line.trim_end().chars().map(cell).collect();
        for mask in masks.iter().filter(|mask| mask.line == span.line) {
            let (from, to) = range(*mask);
            cells.iter_mut().take(to).skip(from).for_each(|cell| *cell = ('*', 1));
        }
        let width = |cells: &[(char, usize)]| cells.iter().map(|(_, width)| width).sum::<usize>();
        let from = from.min(cells.len());
        let to = to.clamp(from, cells.len());
        let (mut first, mut last) = (0, cells.len());
        if width(&cells) > MAX_COLUMNS {
            // A cut line starts a little before the mark, and further left where the line ends soon.
            let back = |from: usize, room: usize| {
                let mut used = 0;
                let before = cells.get(..from).unwrap_or_default();
                let kept = before.iter().rev().take_while(|(_, width)| {
                    used += width;
                    used <= room
                });
                from - kept.count()
            };
            first = back(from, BEFORE_MARK).min(back(cells.len(), MAX_COLUMNS));
            let mut used = 0;
            let after = cells.get(first..).unwrap_or_default();
            let kept = after.iter().take_while(|(_, width)| {
                used += width;
                used <= MAX_COLUMNS
            });
            last = first + kept.count();
        }
        let mut drawn = String::new();
        let mut before = width(cells.get(first..from.max(first)).unwrap_or_default());
        if first > 0 {
            drawn.push('…');
            before += 1;
        }
        for (c, columns) in cells.get(first..last).unwrap_or_default() {
            if *c == '\t' {
                drawn.push_str(&" ".repeat(*columns));
            } else {
                drawn.push(*c);
            }
        }
        if last < cells.len() {
            drawn.push('…');
        }
        let to = to.clamp(from, last.max(from));
        let marked = width(cells.get(from..to).unwrap_or_default()).max(1);
        Self { line: drawn, before, marked }
    }
}

/// A character as it is drawn, and how many columns it takes.
fn cell(c: char) -> (char, usize) {
    match c {
        '\t' => (c, 4),
        _ if inert::is_invisible(c) => ('\u{FFFD}', 1),
        _ => (c, c.width().unwrap_or(1)),
    }
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }
    fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }
    fn blue(self, text: &str) -> String {
        self.with("1;34", text)
    }
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(line: u32, column: u32, len: u32) -> Span {
        Span { line, column, len }
    }

    #[test]
    fn problems_look_like_a_compiler_s() {
        let text = "limits:\n  failure_rate: {max_incraese: 2pp}\nproviders:\n  studio:\n    url: http://images.example.com/\n\u{202e}# 語\tx: \u{1b}[31m1\n";
        let mut problems = Problems::new();
        problems.error(span(2, 18, 12), "unknown key `max_incraese`, did you mean `max_increase`?");
        problems.error_with_help(
            span(5, 10, 26),
            "provider `studio` sends its key over http to a host that is not this machine",
            "use https, or a loopback address",
        );
        problems.warning(
            span(6, 6, 1),
            "tabs and wide characters\nkeep the mark in place",
            "look ".repeat(30),
        );
        problems.error(Span::default(), "the file is 1 bytes");
        let source = Source { path: "presscheck.yaml", text };
        insta::assert_snapshot!(render_all(&[(source, &problems)], "no request was sent", false));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{}語bad{}", "a".repeat(300), "b".repeat(300));
        for (column, len) in [(1, 3), (302, 3), (302, 4000), (604, 1), (9999, 1)] {
            let shown = Shown::of(&text, span(1, column, len), &[]);
            assert!(shown.line.chars().count() <= MAX_COLUMNS + 2, "{}", shown.line);
            assert!(shown.before + shown.marked <= MAX_COLUMNS + 3);
        }
        let shown = Shown::of(&text, span(1, 302, 3), &[]);
        let at = shown.line.find("bad").unwrap();
        let before: usize = shown.line[..at].chars().map(|c| c.width().unwrap_or(0)).sum();
        assert_eq!((before, shown.marked), (shown.before, 3));
    }

    #[test]
    fn what_may_be_a_key_is_not_drawn() {
        let text = "key: sk-abc-\u{8a9e} x: 1\n";
        let mut problems = Problems::new();
        problems.error_masked(span(1, 6, 8), "a key", "revoke it");
        problems.error(span(1, 15, 1), "unknown key");
        let shown = problems.render(Source { path: "f", text }, false);
        assert!(!shown.contains("sk-abc"), "{shown}");
        assert_eq!(shown.matches("1 | key: ******** x: 1").count(), 2, "{shown}");
    }

    #[test]
    fn twenty_problems_are_shown_and_the_rest_counted() {
        let text = "x\n".repeat(30);
        let mut problems = Problems::new();
        for line in 1..=30 {
            problems.error(span(line, 1, 1), format!("problem {line}"));
            problems.error(span(line, 1, 1), format!("problem {line}"));
        }
        let shown = problems.render(Source { path: "f", text: &text }, false);
        assert!(shown.starts_with("error: f has 30 problems\n"), "{shown}");
        assert!(shown.ends_with("\n  and 10 more\n"), "{shown}");
        assert_eq!(shown.matches("-->").count(), 20);
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let mut problems = Problems::new();
        problems.error_with_help(span(1, 1, 1), "wrong", "mend it");
        problems.warning(span(1, 1, 1), "odd", "look");
        let source = Source { path: "f", text: "x" };
        let plain = problems.render(source, false);
        let mut stripped = problems.render(source, true);
        assert_ne!(plain, stripped);
        for code in ["1;31", "1;33", "1;34", "1", "0"] {
            stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(plain, stripped);
    }

    proptest! {
        #[test]
        fn no_place_panics(
            text in "(?s).{0,300}", line in 0_u32..5, column in 0_u32..400, len in any::<u32>(),
        ) {
            let mut problems = Problems::new();
            problems.error_with_help(span(line, column, len), text.clone(), text.clone());
            let shown = problems.render(Source { path: &text, text: &text }, false);
            prop_assert!(shown.chars().all(|c| c == '\n' || !inert::is_invisible(c)), "{shown:?}");
        }
    }
}
