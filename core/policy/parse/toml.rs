//! TOML, from the `toml` crate's tables with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Format, MAX_DEPTH, Places, syntax_error, too_deep};
use crate::policy::node::{Entry, Kind, Node};
use crate::policy::problem::Problems;

/// A file with one mistake often reads as several.
const MAX_ERRORS: usize = 5;

/// The table of a text; nothing after a syntax error.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let places = Places::of(text);
    if let Some(at) = overlong_key(text) {
        too_deep(places.span(at, at), problems);
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MAX_ERRORS) {
        let range = error.span().unwrap_or(0..0);
        let span = places.span(range.start, range.end);
        match error.message() {
            "duplicate key" => {
                let key = text.get(range).unwrap_or_default();
                let shown = crate::inert::one_line(key, 60);
                problems.error_with_help(
                    span,
                    format!("duplicate key `{shown}`"),
                    "remove one of them",
                );
            }
            reason => syntax_error(Format::Toml, span, reason, problems),
        }
    }
    if !errors.is_empty() {
        return None;
    }
    let span = places.span(0, 0);
    let kind = entries(table.get_ref(), &places, 1, problems)?;
    Some(Node { span, kind })
}

/// Where a dotted key starts that alone is deeper than a file may be. The parser has a limit for
/// brackets and one for keys, but not for keys inside brackets inside keys.
fn overlong_key(text: &str) -> Option<usize> {
    let mut run = 0_usize;
    let mut from = 0;
    for (at, c) in text.char_indices() {
        match c {
            '.' => {
                run += 1;
                if run > 8 * MAX_DEPTH {
                    return Some(from);
                }
            }
            '\n' => {
                run = 0;
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn entries(
    table: &DeTable<'_>,
    places: &Places<'_>,
    depth: usize,
    problems: &mut Problems,
) -> Option<Kind> {
    let mut entries = Vec::new();
    for (key, value) in table {
        let range = key.span();
        entries.push(Entry {
            key: key.get_ref().clone().into_owned(),
            key_span: places.span(range.start, range.end),
            value: node(value, places, depth, problems)?,
        });
    }
    // The crate sorts by name; problems and patterns follow the order of the file.
    entries.sort_by_key(|entry| entry.key_span);
    Some(Kind::Table(entries))
}

fn node(
    value: &Spanned<DeValue<'_>>,
    places: &Places<'_>,
    depth: usize,
    problems: &mut Problems,
) -> Option<Node> {
    let range = value.span();
    let start = places.span(range.start, range.start);
    if depth > MAX_DEPTH {
        too_deep(start, problems);
        return None;
    }
    let span = places.span(range.start, range.end);
    Some(match value.get_ref() {
        DeValue::String(text) => Node { span, kind: Kind::Text(text.clone().into_owned()) },
        DeValue::Integer(number) => {
            let kind = i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Kind::Text(number.to_string()), Kind::Int);
            Node { span, kind }
        }
        DeValue::Float(number) => {
            let kind = number
                .as_str()
                .parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map_or_else(|| Kind::Text(number.as_str().to_owned()), Kind::Float);
            Node { span, kind }
        }
        DeValue::Boolean(value) => Node { span, kind: Kind::Bool(*value) },
        DeValue::Datetime(date) => Node { span, kind: Kind::Text(date.to_string()) },
        DeValue::Array(items) => {
            let items: Option<Vec<_>> =
                items.iter().map(|item| node(item, places, depth + 1, problems)).collect();
            Node { span: start, kind: Kind::List(items?) }
        }
        DeValue::Table(table) => {
            Node { span: start, kind: entries(table, places, depth + 1, problems)? }
        }
    })
}
