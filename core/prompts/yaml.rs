//! `.yaml`: a list of cases, or of prompts alone, read one after the other.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use super::case::Draft;
use super::read::{Sink, at, count32};
use crate::policy::{Entry, Kind, Node, Span};

/// The most aliases of a file: each may repeat a whole prompt.
const MAX_ALIASES: usize = 1000;

/// Reads the list item by item, so that a large file never stands in memory as a tree.
pub(super) fn read(text: &str, sink: &mut Sink<'_, '_>) {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_events: 8_000_000,
            max_nodes: 8_000_000,
            max_aliases: MAX_ALIASES,
            max_depth: 32,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    let outcome = serde_yaml::with_deserializer_from_str_with_options(text, options, |document| {
        Items { sink: &mut *sink }.deserialize(document)
    });
    if let Err(error) = outcome {
        let span = error.location().map_or(at(1, 1, 1), |place| span_of(&place));
        let message = error.without_snippet().to_string();
        let message = message.lines().next().unwrap_or_default();
        sink.problems.error_with_help(
            span,
            format!(
                "the file can't be read on from here: {}",
                crate::inert::one_line(message, 200)
            ),
            "a `.yaml` prompt set is a list of cases or of prompts",
        );
    }
}

fn span_of(place: &serde_yaml::Location) -> Span {
    let small = |number: u64| count32(usize::try_from(number).unwrap_or(usize::MAX));
    at(small(place.line()), small(place.column()), small(place.span().len()).clamp(1, 60))
}

/// The list of a document.
struct Items<'s, 'c, 'f> {
    sink: &'s mut Sink<'c, 'f>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cases")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(Placed(node)) = items.next_element()? {
            let line = node.span.line;
            if self.sink.goes_on(line)
                && let Some(draft) =
                    Draft::from_node(&node, self.sink.expectations, &mut self.sink.problems)
            {
                self.sink.collector.add(self.sink.file, line, draft);
            }
        }
        Ok(())
    }
}

/// A value with its place.
struct Placed(Node);

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value: Value(kind), referenced, .. } = Spanned::deserialize(deserializer)?;
        Ok(Self(Node { span: span_of(&referenced), kind }))
    }
}

/// A value alone.
struct Value(Kind);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value(Kind::Null))
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value(Kind::Null))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value(Kind::Bool(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value(Kind::Int(value)))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value(i64::try_from(value).map_or_else(|_| Kind::Text(value.to_string()), Kind::Int)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let kind =
            if value.is_finite() { Kind::Float(value) } else { Kind::Text(value.to_string()) };
        Ok(Value(kind))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value(Kind::Text(value.to_owned())))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value(Kind::Text(value)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Placed(node)) = items.next_element()? {
            list.push(node);
        }
        Ok(Value(Kind::List(list)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, Placed(value))) = map.next_entry::<Spanned<String>, Placed>()? {
            entries.push(Entry { key: key.value, key_span: span_of(&key.referenced), value });
        }
        Ok(Value(Kind::Table(entries)))
    }
}
