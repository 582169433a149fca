//! How single values are read: money, percentages, points, durations, numbers, names.

use serde_json::{Value, json};

use super::node::{FromNode, Kind, Node};
use super::problem::Problems;
use crate::units::{Points, Rate, RepoPath, Seed, TimeSpan, Usd};

impl FromNode for bool {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                node.wrong_type("true or false", problems);
                None
            }
        }
    }
    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

impl FromNode for String {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => {
                problems.error_with_help(
                    node.span,
                    format!("expected text, found {}", node.describe()),
                    "put it in quotes",
                );
                None
            }
            _ => {
                node.wrong_type("text", problems);
                None
            }
        }
    }
    fn schema() -> Value {
        json!({"type": "string"})
    }
}

/// A whole number that is not negative and fits the type.
macro_rules! whole_number {
    ($ty:ty) => {
        impl FromNode for $ty {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                match node.kind {
                    Kind::Int(value) => {
                        let number = <$ty>::try_from(value).ok();
                        if number.is_none() {
                            problems.error(
                                node.span,
                                format!("expected a whole number from 0 to {}", <$ty>::MAX),
                            );
                        }
                        number
                    }
                    _ => {
                        node.wrong_type("a whole number", problems);
                        None
                    }
                }
            }
            fn schema() -> Value {
                json!({"type": "integer", "minimum": 0})
            }
        }
    };
}
whole_number!(u16);
whole_number!(u32);
whole_number!(u64);

impl FromNode for f64 {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            #[expect(clippy::cast_precision_loss, reason = "a setting, not a sum")]
            Kind::Int(value) => Some(value as Self),
            Kind::Float(value) => Some(value),
            _ => {
                node.wrong_type("a number", problems);
                None
            }
        }
    }
    fn schema() -> Value {
        json!({"type": "number"})
    }
}

/// A type that is parsed from what a person wrote.
macro_rules! parsed {
    ($ty:ty, $schema:expr) => {
        impl FromNode for $ty {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                let Some(text) = node.scalar_text() else {
                    node.wrong_type("a single value", problems);
                    return None;
                };
                match text.parse() {
                    Ok(value) => Some(value),
                    Err(error) => {
                        let shown = crate::inert::one_line(&text, 60);
                        problems.error(node.span, format!("`{shown}`: {error}"));
                        None
                    }
                }
            }
            fn schema() -> Value {
                $schema
            }
        }
    };
}
parsed!(
    Usd,
    json!({"type": ["string", "number"], "pattern": r"^\$? ?[0-9][0-9,_]*(\.[0-9]+)?$", "minimum": 0, "examples": ["$25", "$0.042"]})
);
parsed!(Rate, json!({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$", "examples": ["2%"]}));
parsed!(
    Points,
    json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)? ?pp$", "examples": ["2pp"]})
);
parsed!(
    TimeSpan,
    json!({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h|d)$", "examples": ["12s"]})
);
parsed!(
    RepoPath,
    json!({"type": "string", "minLength": 1, "maxLength": 1024, "examples": ["prompts/stress.jsonl"]})
);

impl FromNode for Seed {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        u64::from_node(node, problems).map(Self)
    }
    fn schema() -> Value {
        u64::schema()
    }
}
