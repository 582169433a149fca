//! The policy's `body:`, with placeholders that are filled in as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::find::encode;
use crate::inert::one_line;
use crate::policy::{Kind, Node, Problems, Span, nearest};
use crate::providers::Order;

/// A body with places to fill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Template {
    /// Sent as it is.
    Fixed(Value),
    /// A whole value: takes the JSON of what it names, and is left out where there is none.
    Slot(Slot),
    /// Text with places in it.
    Text(Vec<Piece>),
    /// A list.
    List(Vec<Self>),
    /// A table.
    Table(Vec<(String, Self)>),
}

/// What a placeholder names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Prompt,
    Model,
    Seed,
    /// The input picture, as base64.
    Image,
    /// All parameters, as a table.
    Params,
    /// One parameter.
    Param(String),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Slot(Slot),
}

impl Template {
    /// Reads `body:`, a table with placeholders in its texts or a JSON text with placeholders.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let template = match &node.kind {
            Kind::Text(text) => Self::from_text(text, node.span, problems)?,
            Kind::Table(_) => Self::from_node(node, problems)?,
            _ => {
                node.wrong_type("a table or a JSON text", problems);
                return None;
            }
        };
        if !template.uses(&Slot::Prompt) && !template.uses(&Slot::Image) {
            problems.error_with_help(
                node.span,
                "the body never uses `{{prompt}}`, so that every picture would be the same",
                "put `{{prompt}}` where the endpoint expects the prompt",
            );
            return None;
        }
        Some(template)
    }

    /// A JSON text: a placeholder outside quotes is a whole value, inside quotes a part of the text.
    fn from_text(text: &str, span: Span, problems: &mut Problems) -> Option<Self> {
        match serde_json::from_str::<Value>(&quoted_slots(text)) {
            Ok(json) => {
                let mut node = Node::from_json(&json);
                place(&mut node, span);
                Self::from_node(&node, problems)
            }
            Err(error) => {
                problems.error_with_help(
                    span,
                    format!("the body is no JSON once its placeholders are filled in: {error}"),
                    "write it as a YAML table, or as JSON such as `{\"text\": {{prompt}}}`",
                );
                None
            }
        }
    }

    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(match &node.kind {
            Kind::Text(text) => {
                let mut pieces = pieces(text, node.span, problems)?;
                match pieces.as_slice() {
                    [] => Self::Fixed(Value::String(String::new())),
                    [Piece::Text(text)] => Self::Fixed(Value::String(text.clone())),
                    [Piece::Slot(_)] => match pieces.pop() {
                        Some(Piece::Slot(slot)) => Self::Slot(slot),
                        _ => return None,
                    },
                    _ => Self::Text(pieces),
                }
            }
            Kind::List(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| Self::from_node(item, problems)).collect();
                Self::List(items.into_iter().collect::<Option<_>>()?)
            }
            Kind::Table(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| {
                        if entry.key.contains("{{") {
                            problems.error(entry.key_span, "a placeholder can't be a key");
                            return None;
                        }
                        Some((entry.key.clone(), Self::from_node(&entry.value, problems)?))
                    })
                    .collect();
                Self::Table(entries.into_iter().collect::<Option<_>>()?)
            }
            _ => Self::Fixed(node.to_json()),
        })
    }

    /// Whether a placeholder occurs.
    fn uses(&self, wanted: &Slot) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Slot(slot) => slot == wanted,
            Self::Text(pieces) => pieces.iter().any(|piece| *piece == Piece::Slot(wanted.clone())),
            Self::List(items) => items.iter().any(|item| item.uses(wanted)),
            Self::Table(entries) => entries.iter().any(|(_, value)| value.uses(wanted)),
        }
    }

    /// The body of an order.
    ///
    /// # Errors
    /// A sentence, where the order has something that this body would silently leave out.
    pub(super) fn fill(&self, order: &Order<'_>) -> Result<Value, String> {
        if order.image.is_some() && !self.uses(&Slot::Image) {
            return Err(
                "the case has an input picture, and the policy's `body` does not send it: \
                        add `{{image}}` to it"
                    .to_owned(),
            );
        }
        for name in order.params.keys() {
            if !self.uses(&Slot::Params) && !self.uses(&Slot::Param(name.clone())) {
                let name = one_line(name, 60);
                return Err(format!(
                    "the policy's `body` does not send the parameter `{name}`: add \
                     `{{{{params.{name}}}}}` to it"
                ));
            }
        }
        Ok(self.value(order).unwrap_or(Value::Null))
    }

    /// The JSON of this part; nothing where it is a placeholder without a value.
    fn value(&self, order: &Order<'_>) -> Option<Value> {
        Some(match self {
            Self::Fixed(value) => value.clone(),
            Self::Slot(slot) => slot.value(order)?,
            Self::Text(pieces) => {
                Value::String(pieces.iter().fold(String::new(), |mut text, piece| {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        Piece::Slot(slot) => match slot.value(order) {
                            Some(Value::String(part)) => text.push_str(&part),
                            // Writing to a `String` can't fail.
                            Some(value) => drop(write!(text, "{value}")),
                            None => {}
                        },
                    }
                    text
                }))
            }
            Self::List(items) => items.iter().filter_map(|item| item.value(order)).collect(),
            Self::Table(entries) => Value::Object(
                entries
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), value.value(order)?)))
                    .collect::<Map<_, _>>(),
            ),
        })
    }
}

impl Slot {
    fn value(&self, order: &Order<'_>) -> Option<Value> {
        match self {
            Self::Prompt => Some(order.prompt.into()),
            Self::Model => Some(order.model.into()),
            Self::Seed => Some(order.seed.0.into()),
            Self::Image => order.image.map(|image| encode(image).into()),
            Self::Params => Some(Value::Object(order.params.clone())),
            Self::Param(name) => order.params.get(name).cloned(),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "prompt" => Self::Prompt,
            "model" => Self::Model,
            "seed" => Self::Seed,
            "image" => Self::Image,
            "params" => Self::Params,
            _ => Self::Param(
                name.strip_prefix("params.").filter(|name| !name.is_empty())?.to_owned(),
            ),
        })
    }
}

/// A text, split at its placeholders; nothing after a problem was reported.
fn pieces(text: &str, span: Span, problems: &mut Problems) -> Option<Vec<Piece>> {
    const KNOWN: [&str; 6] = ["prompt", "model", "seed", "image", "params", "params.NAME"];
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, next)) = after.split_once("}}") else {
            problems.error(span, "a placeholder starts with `{{` and does not end with `}}`");
            return None;
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let Some(slot) = Slot::named(name.trim()) else {
            let shown = one_line(name.trim(), 60);
            let message = match nearest(name.trim(), &KNOWN) {
                Some(near) => format!("unknown placeholder `{shown}`, did you mean `{near}`?"),
                None => format!("unknown placeholder `{shown}`"),
            };
            problems.error_with_help(span, message, format!("known: {}", KNOWN.join(", ")));
            return None;
        };
        pieces.push(Piece::Slot(slot));
        rest = next;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

/// Puts quotes around the placeholders of a JSON text that stand outside quotes. No JSON has `{{` there.
fn quoted_slots(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let (mut in_text, mut escaped) = (false, false);
    while let Some(c) = rest.chars().next() {
        if !in_text
            && let Some(after) = rest.strip_prefix("{{")
            && let Some((name, next)) = after.split_once("}}")
        {
            quoted.push_str(&Value::String(format!("{{{{{name}}}}}")).to_string());
            rest = next;
            continue;
        }
        match c {
            '"' if !escaped => in_text = !in_text,
            '\\' if in_text && !escaped => {
                escaped = true;
                quoted.push(c);
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            _ => {}
        }
        escaped = false;
        quoted.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    quoted
}

/// Gives every part of a tree the place of the text that it came from.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn problems_of(body: &Value) -> Vec<String> {
        let mut problems = Problems::new();
        let template = Template::read(&Node::from_json(body), &mut problems);
        assert_eq!(template.is_none(), problems.has_errors());
        problems.sorted().iter().map(|problem| problem.message.clone()).collect()
    }

    #[test]
    fn mistakes_are_named() {
        insta::assert_snapshot!(
            [
                json!({"a": "{{promt}}", "b": "{{seed"}),
                json!({"a": "fixed"}),
                json!({"{{prompt}}": 1, "b": "{{prompt}}"}),
                json!(r#"{"a": {{prompt}}"#),
                json!([1]),
            ]
            .iter()
            .flat_map(problems_of)
            .collect::<Vec<_>>()
            .join("\n")
        );
    }

    #[test]
    fn quotes_inside_a_json_text_are_respected() {
        assert_eq!(
            quoted_slots(r#"{"a\"{{": {{x}}, "b": "{{y}}"}"#),
            r#"{"a\"{{": "{{x}}", "b": "{{y}}"}"#
        );
        assert_eq!(quoted_slots(r#"{"a": {"b": {{x}}}}"#), r#"{"a": {"b": "{{x}}"}}"#);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", more in r#"[{}"\\a-z .:,]{0,40}"#) {
            let mut problems = Problems::new();
            for text in [text, more] {
                let _ = Template::read(&Node::from_json(&Value::String(text.clone())), &mut problems);
                let _ = Template::read(&Node::from_json(&json!({"a": text})), &mut problems);
            }
        }
    }
}
