//! The settings that every check shares: which cases it looks at.
//!
//! They are taken out of a check's table here, before the check reads the rest, so that no check reads
//! them by itself and all mean the same by them.

use serde_json::Value;

use super::narrowed::Tag;
use super::node::{FromNode, Kind, Node};
use super::problem::Problems;
use super::types::{CheckVocabulary, ConfiguredCheck};
use crate::record;

record! {
    /// What every check but `decode` can be told.
    pub(super) struct SharedSettings {
        /// The tags of the cases that the check looks at; every case where empty. What a case itself
        /// expects of the check is looked at whatever its tags.
        tags: Vec<Tag> = "[]",
        /// Whether the check must be able to judge every case that it looks at. Where it can't, for want of
        /// weights, a reference or letters that it knows, nothing is bought.
        require: bool = "false",
    }
}

/// The keys that every check shares.
const SHARED: [&str; 2] = ["tags", "require"];

/// Which cases a check looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckScope {
    /// The tags of the cases that it looks at; every case where empty.
    pub tags: Vec<String>,
    /// Whether it must be able to judge them.
    pub require: bool,
}

impl CheckScope {
    /// Whether a case with these tags is looked at.
    #[must_use]
    pub fn admits(&self, tags: &[String]) -> bool {
        self.tags.is_empty() || tags.iter().any(|tag| self.tags.contains(tag))
    }
}

/// Reads the table of one check: what all checks share, then what is its own. An empty table stands for
/// all defaults. Nothing after its problems were reported.
pub fn read_check(
    check: &CheckVocabulary,
    node: &Node,
    problems: &mut Problems,
) -> Option<ConfiguredCheck> {
    let (shared, own) = if check.scoped { split(node) } else { (None, node.clone()) };
    let scope = shared.map_or_else(
        || Some(CheckScope::default()),
        |shared| {
            let shared = SharedSettings::from_node(&shared, problems)?;
            let tags = shared.tags.into_iter().map(|tag| tag.0.trim().to_owned()).collect();
            Some(CheckScope { tags, require: shared.require })
        },
    );
    // Both are read before either is given up, so that every problem is seen.
    let settings = (check.read)(&own, problems);
    Some(ConfiguredCheck { name: check.name, scope: scope?, settings: settings? })
}

/// The shared keys of a table, and the rest.
fn split(node: &Node) -> (Option<Node>, Node) {
    let Kind::Table(entries) = &node.kind else { return (None, node.clone()) };
    let (shared, own) =
        entries.iter().cloned().partition(|entry| SHARED.contains(&entry.key.as_str()));
    let table = |entries| Node { span: node.span, kind: Kind::Table(entries) };
    (Some(table(shared)), table(own))
}

/// The schema of a check's table, the shared keys last.
#[must_use]
pub fn check_schema(check: &CheckVocabulary) -> Value {
    let mut schema = (check.schema)();
    if check.scoped
        && let Some(Value::Object(properties)) = schema.get_mut("properties")
        && let Value::Object(shared) = SharedSettings::schema()
        && let Some(Value::Object(shared)) = shared.get("properties")
    {
        properties.extend(shared.clone());
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::testing::VOCABULARY;

    fn read(settings: &Value) -> (Option<ConfiguredCheck>, Vec<String>) {
        let check = VOCABULARY.checks.iter().find(|check| check.name == "dimensions").unwrap();
        let mut problems = Problems::new();
        let read = read_check(check, &Node::from_json(settings), &mut problems);
        (read, problems.sorted().iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn what_is_shared_is_read_besides_what_is_the_check_s_own() {
        let (check, problems) = read(&json!({"tags": ["brand", " logo "], "tolerance": "2%"}));
        let check = check.unwrap();
        assert!(problems.is_empty());
        assert_eq!(
            check.scope,
            CheckScope { tags: vec!["brand".into(), "logo".into()], require: false }
        );
        assert!(check.scope.admits(&["x".to_owned(), "logo".to_owned()]));
        assert!(!check.scope.admits(&["x".to_owned()]));
        let (check, _) = read(&json!({}));
        assert_eq!(check.unwrap().scope, CheckScope::default());
        assert!(CheckScope::default().admits(&[]));
    }

    #[test]
    fn problems_of_both_are_reported_at_once() {
        let (check, problems) = read(&json!({"tags": "brand", "tolerence": "2%", "tolerance": 3}));
        assert!(check.is_none());
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }
}
