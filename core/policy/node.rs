//! A configuration file as a tree in which every key and value knows its place.
//!
//! YAML, JSON and TOML all become this tree (`parse.rs`); [`FromNode`] turns it into types and reports
//! every problem on the way instead of stopping at the first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::problem::{Problems, Span};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value starts.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; finite.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order of the file; a duplicate key is reported by the parser.
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key starts.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A value that was read from a file, with its place, for problems that are found later.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// A value without a place, from JSON: how defaults are written down. Numbers that no `i64` or
    /// finite `f64` holds become text.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(value) => Kind::Bool(*value),
            Value::Number(number) => number.as_i64().map_or_else(
                || {
                    number
                        .as_f64()
                        .filter(|float| float.is_finite())
                        .map_or_else(|| Kind::Text(number.to_string()), Kind::Float)
                },
                Kind::Int,
            ),
            Value::String(text) => Kind::Text(text.clone()),
            Value::Array(items) => Kind::List(items.iter().map(Self::from_json).collect()),
            Value::Object(map) => Kind::Table(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: Span::default(),
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self { span: Span::default(), kind }
    }

    /// The value as plain JSON, without places.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int(value) => Value::from(*value),
            Kind::Float(value) => Value::from(*value),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// What the value is, for a message: `a list`.
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }

    /// The text as a person wrote it, where the value is text or a number.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Int(value) => Some(value.to_string()),
            Kind::Float(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The value under a key, where this is a table that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Table(entries) => {
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
            }
            _ => None,
        }
    }

    /// How many entries the list or table has; 0 for a single value.
    #[must_use]
    pub const fn entries(&self) -> usize {
        match &self.kind {
            Kind::List(items) => items.len(),
            Kind::Table(entries) => entries.len(),
            _ => 0,
        }
    }

    /// Reports that this value is of the wrong type.
    pub fn wrong_type(&self, expected: &str, problems: &mut Problems) {
        problems.error(self.span, format!("expected {expected}, found {}", self.describe()));
    }
}

/// A type that is read from a [`Node`] and described by a JSON Schema.
pub trait FromNode: Sized {
    /// The value, or nothing after its problems were reported.
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// What editors are told of this type (JSON Schema 2020-12).
    fn schema() -> Value;

    /// The value of a key that is not there; nothing where the key is required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

impl FromNode for Node {
    fn from_node(node: &Node, _: &mut Problems) -> Option<Self> {
        Some(node.clone())
    }
    fn schema() -> Value {
        Value::Bool(true)
    }
}

impl<T: FromNode> FromNode for Option<T> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::from_node(node, problems).map(Some)
    }
    fn schema() -> Value {
        T::schema()
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromNode> FromNode for Spanned<T> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::from_node(node, problems).map(|value| Self { value, span: node.span })
    }
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            node.wrong_type("a list", problems);
            return None;
        };
        // Each item is read before any is given up, so that every problem is seen.
        let items: Vec<_> = items.iter().map(|item| T::from_node(item, problems)).collect();
        items.into_iter().collect()
    }
    fn schema() -> Value {
        serde_json::json!({"type": "array", "items": T::schema()})
    }
}

impl<T: FromNode> FromNode for BTreeMap<String, T> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            node.wrong_type("a table", problems);
            return None;
        };
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| Some((entry.key.clone(), T::from_node(&entry.value, problems)?)))
            .collect();
        entries.into_iter().collect()
    }
    fn schema() -> Value {
        serde_json::json!({"type": "object", "additionalProperties": T::schema()})
    }
}
