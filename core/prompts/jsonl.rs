//! `.jsonl`: one case a line, as a JSON object (or a JSON string: the prompt alone).

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::case::Draft;
use super::read::{Sink, at, count32, lines};
use crate::policy::{Entry, Kind, Node, Problems, Span};

/// Reads every line that is not blank.
pub(super) fn read(text: &str, sink: &mut Sink<'_, '_>) {
    lines(
        text,
        |number, line, sink| {
            if line.trim().is_empty() {
                return;
            }
            if let Some(node) = line_node(number, line, &mut sink.problems)
                && let Some(draft) = Draft::from_node(&node, sink.expectations, &mut sink.problems)
            {
                sink.collector.add(sink.file, number, draft);
            }
        },
        sink,
    );
}

/// A line as a tree. The table itself and the one under `expect` know the place of every key; deeper
/// values have the place of the value that holds them.
fn line_node(number: u32, line: &str, problems: &mut Problems) -> Option<Node> {
    let whole: &RawValue = match serde_json::from_str(line) {
        Ok(raw) => raw,
        Err(error) => {
            let byte = error.column().saturating_sub(1);
            let column = line.get(..byte).map_or(1, |before| before.chars().count() + 1);
            problems.error_with_help(
                at(number, count32(column), 1),
                format!("this is no JSON: {}", bare(&error)),
                "each line of a `.jsonl` file is one whole JSON object",
            );
            return None;
        }
    };
    Located { number, line }.node(whole, 2, problems)
}

/// Finds the places of values in their line.
struct Located<'a> {
    number: u32,
    line: &'a str,
}

impl Located<'_> {
    /// A value and all that it holds; nothing where a part of it can't be read, after that was reported:
    /// half a surrogate pair, a number beyond all bounds.
    fn node(&self, raw: &RawValue, levels: u32, problems: &mut Problems) -> Option<Node> {
        let text = raw.get();
        let start = (text.as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize);
        let span = self.span(start, text);
        if levels > 0 && text.starts_with('{') {
            let RawTable(pairs) = readable(serde_json::from_str(text), span, problems)?;
            let entries = self.entries(pairs, levels - 1, problems)?;
            return Some(Node { span, kind: Kind::Table(entries) });
        }
        let value: Value = readable(serde_json::from_str(text), span, problems)?;
        let mut node = Node::from_json(&value);
        place(&mut node, span);
        Some(node)
    }

    fn entries(
        &self,
        pairs: Vec<(String, &RawValue)>,
        levels: u32,
        problems: &mut Problems,
    ) -> Option<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        for (key, raw) in pairs {
            let value = self.node(raw, levels, problems)?;
            let value_start =
                (raw.get().as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize);
            // The key is the last thing before the colon before the value; written with escapes it is
            // not found, and the value's place stands for it.
            let quoted = format!("\"{key}\"");
            let key_start = self.line.get(..value_start).and_then(|before| before.rfind(&quoted));
            let key_span = key_start.map_or(value.span, |start| self.span(start, &quoted));
            if entries.iter().any(|entry| entry.key == key) {
                problems.error(
                    key_span,
                    format!("the key `{}` stands twice", crate::inert::one_line(&key, 60)),
                );
            } else {
                entries.push(Entry { key, key_span, value });
            }
        }
        Some(entries)
    }

    fn span(&self, start: usize, text: &str) -> Span {
        let column = self.line.get(..start).map_or(0, |before| before.chars().count()) + 1;
        at(self.number, count32(column), count32(text.chars().count().min(60)))
    }
}

/// The value, or nothing after its error was reported.
fn readable<T>(
    outcome: Result<T, serde_json::Error>,
    span: Span,
    problems: &mut Problems,
) -> Option<T> {
    outcome.map_err(|error| problems.error(span, format!("this is no JSON: {}", bare(&error)))).ok()
}

/// What serde_json says, without its own place.
fn bare(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Gives a value and all that it holds the same place.
fn place(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| place(item, span)),
        Kind::Table(entries) => {
            for entry in entries {
                entry.key_span = span;
                place(&mut entry.value, span);
            }
        }
        _ => {}
    }
}

/// The keys and unread values of an object, duplicates included.
struct RawTable<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawTable<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = RawTable<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(RawTable(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
