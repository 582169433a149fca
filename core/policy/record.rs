//! `record!` and `choice!`: a table of a configuration file, declared once.
//!
//! One declaration gives the Rust type, the reader that reports every problem (unknown keys with the
//! nearest name), the JSON Schema and the text that the docs are checked against. So these can't drift.

/// Declares a table: a struct whose fields are its keys.
///
/// A field of type `Option<T>` may be absent; one with `= "default"` takes that default, written as a
/// person would write it (JSON scalars and text); any other is required. Doc comments become the
/// schema's descriptions.
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $fdoc:literal])* $field:ident : $ty:ty $(= $default:literal)? ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $fdoc])* pub $field: $ty, )*
        }

        impl $crate::policy::FromNode for $name {
            fn from_node(
                node: &$crate::policy::Node,
                problems: &mut $crate::policy::Problems,
            ) -> Option<Self> {
                let mut table = $crate::policy::TableReader::open(
                    node, &[$( $crate::policy::key_name(stringify!($field)) ),*], problems)?;
                $( let $field: Option<$ty> = table.read(
                    $crate::policy::key_name(stringify!($field)),
                    $crate::record!(@default $($default)?), problems); )*
                Some(Self { $( $field: $field?, )* })
            }

            fn schema() -> serde_json::Value {
                let fields: Vec<$crate::policy::FieldSchema> = vec![
                    $( $crate::policy::FieldSchema {
                        key: $crate::policy::key_name(stringify!($field)),
                        doc: concat!($($fdoc, "\n"),*),
                        required: <$ty as $crate::policy::FromNode>::absent().is_none()
                            && $crate::record!(@default $($default)?).is_none(),
                        default: $crate::record!(@default $($default)?),
                        schema: <$ty as $crate::policy::FromNode>::schema(),
                    } ),*
                ];
                $crate::policy::table_schema(concat!($($doc, "\n"),*), fields)
            }
        }
    };
    (@default) => { None::<&'static str> };
    (@default $default:literal) => { Some($default) };
}

/// Declares a choice between words.
#[macro_export]
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $( $(#[doc = $vdoc:literal])* $variant:ident = $word:literal ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $( $(#[doc = $vdoc])* #[serde(rename = $word)] $variant, )*
        }

        impl $name {
            /// The word that stands for it in files.
            #[must_use]
            $vis const fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }
        }

        impl $crate::policy::FromNode for $name {
            fn from_node(
                node: &$crate::policy::Node,
                problems: &mut $crate::policy::Problems,
            ) -> Option<Self> {
                match $crate::policy::read_word(node, &[$($word),*], problems)? {
                    $( $word => Some(Self::$variant), )*
                    _ => None,
                }
            }

            fn schema() -> serde_json::Value {
                $crate::policy::choice_schema(
                    concat!($($doc, "\n"),*),
                    &[$( ($word, concat!($($vdoc, "\n"),*)) ),*],
                )
            }
        }
    };
}

use serde_json::{Map, Value, json};

use super::node::{Entry, FromNode, Kind, Node};
use super::problem::{Problems, Span};

/// The key that a Rust field stands for: `r#type` is `type`.
#[must_use]
pub fn key_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// One key of a table, for its schema.
#[derive(Debug)]
pub struct FieldSchema {
    /// The key.
    pub key: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it is where it is absent, as a person would write it.
    pub default: Option<&'static str>,
    /// Its own schema.
    pub schema: Value,
}

/// The schema of a table with exactly these keys.
#[must_use]
pub fn table_schema(doc: &str, fields: Vec<FieldSchema>) -> Value {
    let required: Vec<_> =
        fields.iter().filter(|field| field.required).map(|field| field.key).collect();
    let properties: Map<String, Value> = fields
        .into_iter()
        .map(|field| {
            let mut schema = match field.schema {
                Value::Object(map) => map,
                _ => Map::new(),
            };
            schema.insert("description".to_owned(), Value::String(one_paragraph(field.doc)));
            if let Some(default) = field.default {
                schema.insert("default".to_owned(), default_value(default));
            }
            (field.key.to_owned(), Value::Object(schema))
        })
        .collect();
    json!({
        "type": "object",
        "description": one_paragraph(doc),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of a choice between words.
#[must_use]
pub fn choice_schema(doc: &str, words: &[(&str, &str)]) -> Value {
    let meanings: Vec<_> =
        words.iter().map(|(word, doc)| format!("`{word}`: {}", one_paragraph(doc))).collect();
    json!({
        "description": format!("{} {}", one_paragraph(doc), meanings.join(" ")).trim(),
        "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>(),
    })
}

/// A doc comment as one line.
fn one_paragraph(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A default as JSON: `400`, `true` and `[...]` are themselves, all else is text.
fn default_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Reads the keys of a table; unknown ones are reported when it is opened.
#[derive(Debug)]
pub struct TableReader<'a> {
    entries: &'a [Entry],
    span: Span,
}

impl<'a> TableReader<'a> {
    /// Opens a table that may have these keys and no others.
    pub fn open(node: &'a Node, known: &[&str], problems: &mut Problems) -> Option<Self> {
        let reader = Self::open_any(node, problems)?;
        for entry in reader.entries {
            if !known.contains(&entry.key.as_str()) {
                unknown_name("key", &entry.key, entry.key_span, known, problems);
            }
        }
        Some(reader)
    }

    /// Opens a table whose keys are checked by the caller.
    pub fn open_any(node: &'a Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Table(entries) => Some(Self { entries, span: node.span }),
            _ => {
                node.wrong_type("a table", problems);
                None
            }
        }
    }

    /// The value of a key, its default, or nothing after a problem was reported. A key whose value is
    /// empty (`key:` alone) counts as absent.
    pub fn read<T: FromNode>(
        &mut self,
        key: &str,
        default: Option<&str>,
        problems: &mut Problems,
    ) -> Option<T> {
        let found = self
            .entries
            .iter()
            .find(|entry| entry.key == key)
            .filter(|entry| entry.value.kind != Kind::Null);
        if let Some(entry) = found {
            return T::from_node(&entry.value, problems);
        }
        if let Some(default) = default {
            return T::from_node(&Node::from_json(&default_value(default)), problems);
        }
        let absent = T::absent();
        if absent.is_none() {
            problems.error(self.span, format!("the key `{key}` is missing"));
        }
        absent
    }
}

/// Reports a name that is not known, with the nearest one that is.
pub fn unknown_name(what: &str, name: &str, span: Span, known: &[&str], problems: &mut Problems) {
    let shown = crate::inert::one_line(name, 60);
    match nearest(name, known) {
        Some(nearest) => {
            problems.error(span, format!("unknown {what} `{shown}`, did you mean `{nearest}`?"));
        }
        None => problems.error_with_help(
            span,
            format!("unknown {what} `{shown}`"),
            format!("known: {}", known.join(", ")),
        ),
    }
}

/// The known name that is most like this one, where any is near enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // The distance takes time and memory by both lengths, and no known name is that long.
    if name.len() > 256 {
        return None;
    }
    let name = name.to_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// One of some words, or nothing after a problem was reported.
pub fn read_word(
    node: &Node,
    words: &[&'static str],
    problems: &mut Problems,
) -> Option<&'static str> {
    let list = words.join("`, `");
    let Kind::Text(text) = &node.kind else {
        node.wrong_type(&format!("one of `{list}`"), problems);
        return None;
    };
    let found = words.iter().find(|word| *word == text).copied();
    if found.is_none() {
        let shown = crate::inert::one_line(text, 60);
        let message = match nearest(text, words) {
            Some(nearest) => format!("unknown word `{shown}`, did you mean `{nearest}`?"),
            None => format!("expected one of `{list}`, found `{shown}`"),
        };
        problems.error(node.span, message);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Points;

    record! {
        /// A table.
        struct Sample {
            /// Needed.
            name: String,
            /// Words.
            kind: Kind2 = "b",
            /// Points.
            rise: Points = "2pp",
            /// May be absent.
            many: Option<Vec<u32>>,
        }
    }
    choice! {
        /// Letters.
        enum Kind2 {
            /// The first.
            A = "a",
            /// The second.
            B = "b",
        }
    }

    fn read(json: &Value) -> (Option<Sample>, Vec<String>) {
        let mut problems = Problems::new();
        let sample = Sample::from_node(&Node::from_json(json), &mut problems);
        (sample, problems.sorted().iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn defaults_are_read_like_the_file() {
        let (sample, problems) = read(&json!({"name": "x"}));
        let sample = sample.unwrap();
        assert_eq!((sample.kind.word(), sample.rise.to_string()), ("b", "2pp".to_owned()));
        assert!(problems.is_empty());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let (sample, problems) =
            read(&json!({"nmae": "x", "kind": "aa", "rise": "2%", "many": [1, "2", -3]}));
        assert_eq!(sample, None);
        assert_eq!(problems.len(), 6, "{problems:#?}");
        assert!(problems.iter().any(|p| p == "unknown key `nmae`, did you mean `name`?"));
        assert!(problems.iter().any(|p| p == "the key `name` is missing"));
        assert!(problems.iter().any(|p| p == "unknown word `aa`, did you mean `a`?"));
    }

    #[test]
    fn the_schema_follows_from_the_declaration() {
        let schema = Sample::schema();
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(schema["properties"]["rise"]["default"], json!("2pp"));
        assert_eq!(schema["properties"]["kind"]["enum"], json!(["a", "b"]));
        assert_eq!(schema["additionalProperties"], json!(false));
    }
}
