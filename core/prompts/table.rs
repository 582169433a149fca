//! `.csv` and `.tsv`: a header row, then one case a row.

use serde_json::Value;

use super::case::{Draft, KEYS};
use super::read::Sink;
use super::rows::{Dialect, Field, Rows};
use crate::inert::one_line;
use crate::policy::{Entry, Expectation, Kind, Node, Span, nearest};

/// What a column holds.
#[derive(Clone, Copy, Debug)]
enum Column<'a> {
    /// A key of a case; `expect` itself can't be one.
    Key(&'static str),
    /// An expectation of a case.
    Expect(&'a Expectation),
    /// Something of the author's own.
    Other,
}

/// Reads the header and every row.
///
/// Header names are matched without regard to case. Columns of other names are left alone, with a
/// warning: spreadsheets carry notes. An empty field counts as absent. Tags are separated by `;`, and
/// where an expectation is a list its items by `|`.
pub(super) fn read(text: &str, dialect: Dialect, sink: &mut Sink<'_, '_>) {
    let mut rows = Rows::new(text, dialect);
    let Some((_, header)) = rows.next(&mut sink.problems) else { return };
    let Some(columns) = read_header(&header, sink) else { return };
    while sink.goes_on(rows.line()) {
        let before = sink.problems.errors();
        let Some((line, row)) = rows.next(&mut sink.problems) else { return };
        if sink.problems.errors() > before {
            continue;
        }
        if row.len() > columns.len() {
            let first = row.get(columns.len()).map_or(Span::default(), |field| field.span);
            sink.problems.error_with_help(
                first,
                format!("the row has {} fields, the header {}", row.len(), columns.len()),
                match dialect {
                    Dialect::Csv => "put fields that hold commas in double quotes",
                    Dialect::Tsv => "a field can't hold a tab",
                },
            );
            continue;
        }
        let node = row_node(line, row, &columns);
        if let Some(draft) = Draft::from_node(&node, sink.expectations, &mut sink.problems) {
            sink.collector.add(sink.file, line, draft);
        }
    }
}

fn read_header<'s>(header: &[Field<'_>], sink: &mut Sink<'s, '_>) -> Option<Vec<Column<'s>>> {
    let expectations: &'s [Expectation] = sink.expectations;
    let mut seen: Vec<String> = Vec::new();
    let mut columns = Vec::with_capacity(header.len());
    let mut others = Vec::new();
    for field in header {
        let name = field.text.trim().to_lowercase();
        let key = KEYS.iter().find(|key| **key == name && name != "expect");
        let expectation = expectations.iter().find(|known| known.key == name);
        let column = match (key, expectation) {
            (Some(key), _) => Column::Key(key),
            (None, Some(expectation)) => Column::Expect(expectation),
            (None, None) => {
                others.push(field);
                Column::Other
            }
        };
        if !matches!(column, Column::Other) {
            if seen.contains(&name) {
                sink.problems.error(field.span, format!("the column `{name}` stands twice"));
            }
            seen.push(name);
        }
        columns.push(column);
    }
    let named: Vec<_> = KEYS.into_iter().filter(|key| *key != "expect").collect();
    if !seen.iter().any(|name| name == "prompt") {
        let (span, found) = header.first().map_or((Span::default(), String::new()), |first| {
            (first.span, one_line(&first.text, 60))
        });
        sink.problems.error_with_help(
            span,
            format!("no column is named `prompt`; the first row starts with `{found}`"),
            format!("the first row names the columns: {}", named.join(", ")),
        );
        return None;
    }
    for field in others {
        let shown = one_line(&field.text, 60);
        let known: Vec<_> =
            named.iter().copied().chain(expectations.iter().map(|known| known.key)).collect();
        let help = nearest(&field.text, &known).map_or_else(
            || "its content was not read".to_owned(),
            |near| format!("its content was not read; did you mean `{near}`?"),
        );
        sink.problems.warning(
            field.span,
            format!("the column `{shown}` has no meaning here"),
            help,
        );
    }
    Some(columns)
}

/// A row as the table that a `.jsonl` line would be.
fn row_node(line: u32, row: Vec<Field<'_>>, columns: &[Column<'_>]) -> Node {
    let row_span = row.first().map_or(Span { line, column: 1, len: 1 }, |field| field.span);
    let (mut entries, mut expect) = (Vec::new(), Vec::new());
    for (field, column) in row.into_iter().zip(columns) {
        let span = field.span;
        let entry = |key: &str, kind: Kind| Entry {
            key: key.to_owned(),
            key_span: span,
            value: Node { span, kind },
        };
        // A blank prompt is an error of its own; every other blank field is just not filled in.
        let filled = !field.text.trim().is_empty();
        match column {
            Column::Key("prompt") => {
                entries.push(entry("prompt", Kind::Text(field.text.into_owned())));
            }
            Column::Key("tags") if filled => {
                entries.push(entry("tags", Kind::List(items(&field.text, ';', span))));
            }
            Column::Key(key) if filled => {
                entries.push(entry(key, Kind::Text(field.text.trim().to_owned())));
            }
            Column::Expect(expectation) if filled => {
                expect.push(entry(expectation.key, expected(expectation, &field.text, span)));
            }
            Column::Key(_) | Column::Expect(_) | Column::Other => {}
        }
    }
    if !expect.is_empty() {
        let value = Node { span: row_span, kind: Kind::Table(expect) };
        entries.push(Entry { key: "expect".to_owned(), key_span: row_span, value });
    }
    Node { span: row_span, kind: Kind::Table(entries) }
}

fn items(text: &str, separator: char, span: Span) -> Vec<Node> {
    text.split(separator)
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| Node { span, kind: Kind::Text(item.to_owned()) })
        .collect()
}

/// A field as the type that the expectation's schema names.
fn expected(expectation: &Expectation, text: &str, span: Span) -> Kind {
    let schema = (expectation.schema)();
    let text = text.trim();
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => Kind::List(items(text, '|', span)),
        Some("boolean") => match text.to_lowercase().as_str() {
            "true" | "yes" => Kind::Bool(true),
            "false" | "no" => Kind::Bool(false),
            _ => Kind::Text(text.to_owned()),
        },
        Some("integer" | "number") => match (text.parse(), text.parse::<f64>()) {
            (Ok(whole), _) => Kind::Int(whole),
            (_, Ok(number)) if number.is_finite() => Kind::Float(number),
            _ => Kind::Text(text.to_owned()),
        },
        _ => Kind::Text(text.to_owned()),
    }
}
