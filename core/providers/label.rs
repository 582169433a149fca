//! A word of the policy that becomes a part of an address: a region, a project, a version.

use serde_json::{Value, json};

use crate::inert::one_line;
use crate::policy::{FromNode, Node, Problems};

/// Small letters, digits and `-`: what can neither end a host's name nor leave its place in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label(String);

impl Label {
    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its schema, with a sentence for people.
    pub(super) fn described(doc: &str) -> Value {
        let mut schema = Self::schema();
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), doc.into());
        }
        schema
    }

    fn is(text: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = |c: char| c != '-';
        (1..=63).contains(&text.len())
            && text.chars().all(plain)
            && text.starts_with(ends)
            && text.ends_with(ends)
    }
}

impl FromNode for Label {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::from_node(node, problems)?;
        if Self::is(&text) {
            return Some(Self(text));
        }
        problems.error_with_help(
            node.span,
            format!("`{}` can't stand in an address", one_line(&text, 80)),
            "use small letters, digits and `-`",
        );
        None
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_leaves_its_place_is_a_label() {
        for text in ["us-central1", "global", "2025-04-01-preview", "123456", "a"] {
            assert!(Label::is(text), "{text}");
        }
        let long = "a".repeat(64);
        for text in ["", "-a", "a-", "a.b", "a/b", "A", "a b", "a:1", "a%2F", "é", "${A}", &long] {
            assert!(!Label::is(text), "{text}");
        }
    }
}
