//! The rows of `.csv` and `.tsv`, with the place of every field.
//!
//! A parser of our own, for a general one keeps no columns, and forgives `"A" b`, which would send a
//! prompt without the quotes that its author wrote.

use std::borrow::Cow;

use super::read::{MAX_PROMPT_BYTES, at, count32, too_long};
use crate::policy::{Problems, Span};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// RFC 4180: commas; a field in double quotes may hold commas, line ends and doubled quotes.
    Csv,
    /// Tabs; a line is a row. Quotes are themselves, except where a spreadsheet wrote the field: all of
    /// it in quotes, and those inside doubled.
    Tsv,
}

/// A field and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) span: Span,
}

/// Reads a text row by row; rows that can't be read are reported and left out.
pub(super) struct Rows<'a> {
    rest: &'a str,
    line: u32,
    dialect: Dialect,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { rest: text, line: 1, dialect }
    }

    /// The line that the next row starts on.
    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    /// The next row that is not blank, with its line; nothing at the end. A row with a problem is empty.
    pub(super) fn next(&mut self, problems: &mut Problems) -> Option<(u32, Vec<Field<'a>>)> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let (row, fields) = match self.dialect {
                Dialect::Tsv => {
                    let row = self.rest.split_inclusive('\n').next().unwrap_or(self.rest);
                    let fits = row.len() <= MAX_PROMPT_BYTES + 2;
                    (row, if fits { tsv_fields(row, line) } else { Vec::new() })
                }
                Dialect::Csv => csv_row(self.rest, line, problems),
            };
            self.rest = self.rest.get(row.len()..).unwrap_or_default();
            self.line += count32(row.bytes().filter(|byte| *byte == b'\n').count());
            if row.trim().is_empty() {
                continue;
            }
            let length = without_line_end(row).len();
            if length > MAX_PROMPT_BYTES {
                too_long("the row", length, at(line, 1, 1), problems);
                return Some((line, Vec::new()));
            }
            return Some((line, fields));
        }
    }
}

fn without_line_end(row: &str) -> &str {
    let row = row.strip_suffix('\n').unwrap_or(row);
    row.strip_suffix('\r').unwrap_or(row)
}

fn tsv_fields(row: &str, line: u32) -> Vec<Field<'_>> {
    let mut column = 1;
    without_line_end(row)
        .split('\t')
        .map(|text| {
            let length = count32(text.chars().count());
            let span = at(line, column, length);
            column += length + 1;
            Field { text: spreadsheet_unquoted(text), span }
        })
        .collect()
}

/// A field as a spreadsheet's export means it. `"HELLO"` stays as it is: a prompt that is all in quotes
/// is more likely than a needless quoting, and can't be told from it.
fn spreadsheet_unquoted(text: &str) -> Cow<'_, str> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if inner.contains("\"\"") && !inner.replace("\"\"", "").contains('"') => {
            Cow::Owned(inner.replace("\"\"", "\""))
        }
        _ => Cow::Borrowed(text),
    }
}

/// The first row of a text, its line end included, and its fields (none after a problem).
fn csv_row<'a>(text: &'a str, line: u32, problems: &mut Problems) -> (&'a str, Vec<Field<'a>>) {
    let mut fields = Vec::new();
    // A row that is too long is refused in the end; its millions of fields are not kept until then.
    let mut keep = |field, position| {
        if position <= MAX_PROMPT_BYTES {
            fields.push(field);
        }
    };
    let mut broken = false;
    // The position in bytes, and the place of the field that starts there.
    let (mut position, mut row_line, mut column) = (0, line, 1);
    loop {
        let rest = text.get(position..).unwrap_or_default();
        let start = at(row_line, column, 1);
        let used = if rest.starts_with('"') {
            let Some(length) = quoted_length(rest) else {
                problems.error_with_help(
                    start,
                    "the field's quote is never closed",
                    "a quote inside a field is written twice: \"\"",
                );
                return (text, Vec::new());
            };
            let raw = rest.get(1..length - 1).unwrap_or_default();
            let value = if raw.contains("\"\"") {
                Cow::Owned(raw.replace("\"\"", "\""))
            } else {
                raw.into()
            };
            keep(Field { text: value, span: start }, position);
            length
        } else {
            let length = rest.find([',', '\n']).unwrap_or(rest.len());
            let raw = rest.get(..length).unwrap_or_default();
            let raw = raw.strip_suffix('\r').unwrap_or(raw);
            let marked = at(row_line, column, count32(raw.chars().count()));
            keep(Field { text: raw.into(), span: marked }, position);
            length
        };
        let consumed = rest.get(..used).unwrap_or(rest);
        row_line += count32(consumed.matches('\n').count());
        column = match consumed.rsplit_once('\n') {
            Some((_, last)) => count32(last.chars().count()) + 1,
            None => column + count32(consumed.chars().count()),
        };
        position += used;
        let after = rest.get(used..).unwrap_or_default();
        if after.is_empty() {
            break;
        }
        if after.starts_with(',') {
            position += 1;
            column += 1;
        } else if let Some(end) = ["\n", "\r\n"].iter().find(|end| after.starts_with(**end)) {
            position += end.len();
            break;
        } else {
            problems.error_with_help(
                at(row_line, column, 1),
                "text stands after the closing quote of a field",
                "put the whole field in quotes, and write quotes inside it twice: \"\"",
            );
            broken = true;
            position += after.find('\n').map_or(after.len(), |end| end + 1);
            break;
        }
    }
    if broken {
        fields.clear();
    }
    (text.get(..position).unwrap_or(text), fields)
}

/// How many bytes a field in quotes has, both quotes included; nothing where the last one is missing.
fn quoted_length(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1).peekable();
    while let Some((index, byte)) = bytes.next() {
        if byte == b'"' {
            match bytes.peek() {
                Some((_, b'"')) => {
                    bytes.next();
                }
                _ => return Some(index + 1),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, dialect: Dialect) -> (Vec<Vec<String>>, Vec<String>) {
        let mut problems = Problems::new();
        let mut rows = Rows::new(text, dialect);
        let mut all = Vec::new();
        while let Some((_, row)) = rows.next(&mut problems) {
            all.push(row.into_iter().map(|field| field.text.into_owned()).collect());
        }
        let said = problems.sorted().iter().map(|p| format!("{} {}", p.span, p.message)).collect();
        (all, said)
    }

    #[test]
    fn csv_is_read_as_rfc_4180_has_it() {
        let text = "a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n,\n\"\",last";
        let (rows, problems) = read(text, Dialect::Csv);
        assert_eq!(
            rows,
            [vec!["a", "b"], vec!["x, \"y\"\nz", "2"], vec!["", ""], vec!["", "last"]]
        );
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn careless_quotes_are_reported_and_not_lost() {
        let (rows, problems) = read("\"A\" b,c\nd,e\nf,\"g\nh", Dialect::Csv);
        assert_eq!(rows, [vec![], vec!["d", "e"], vec![]]);
        assert_eq!(
            problems,
            [
                "1:4 text stands after the closing quote of a field",
                "3:3 the field's quote is never closed"
            ]
        );
    }

    #[test]
    fn tsv_keeps_quotes_unless_a_spreadsheet_wrote_them() {
        let (rows, problems) =
            read("\"G I G\" on a wall\tx\n\"says \"\"HI\"\"\"\t\"HI\"\n", Dialect::Tsv);
        assert_eq!(rows, [vec!["\"G I G\" on a wall", "x"], vec!["says \"HI\"", "\"HI\""]]);
        assert!(problems.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in prop::collection::vec(
            prop::collection::vec("[a-z ,\"\n\u{e9}]{1,6}", 2..4), 1..5)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let text: String = rows
                .iter()
                .map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n")
                .collect();
            let (read, problems) = read(&text, Dialect::Csv);
            prop_assert_eq!(read, rows);
            prop_assert!(problems.is_empty());
        }

        #[test]
        fn no_text_panics_or_never_ends(text in "[\"a,\t\r\n\u{1F600}]{0,40}") {
            read(&text, Dialect::Csv);
            read(&text, Dialect::Tsv);
        }
    }
}
