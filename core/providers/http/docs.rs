//! The snippets of `docs/providers.md` are read by the code that they explain.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::policy::{Node, Problems};
use crate::providers;

const DOCS: &str = include_str!("../../../docs/providers.md");

/// The fenced snippets of a language.
fn snippets(language: &str) -> Vec<&'static str> {
    DOCS.split("\n```").filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// The workflow that the page shows.
fn workflow() -> &'static str {
    let (_, after) = DOCS.split_once("## `comfyui`").unwrap();
    after.split("```json\n").nth(1).unwrap().split("```").next().unwrap()
}

/// The keys of the first table: those that every provider has.
fn common_keys() -> BTreeSet<&'static str> {
    let rows = DOCS.split("## Keys that every").nth(1).unwrap().split("\n## ").next().unwrap();
    rows.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_snippet_is_a_provider_that_works() {
    let common = common_keys();
    assert_eq!(common.len(), 13, "{common:?}");
    let snippets = snippets("yaml");
    assert!(snippets.len() >= 8);
    for snippet in snippets {
        let json: Value = serde_yaml::from_str(snippet).unwrap();
        for (_, table) in json["providers"].as_object().unwrap() {
            let kind = providers::kind(table["kind"].as_str().unwrap()).unwrap();
            for key in table.as_object().unwrap().keys() {
                let known =
                    common.contains(key.as_str()) || kind.vocabulary.keys.contains(&key.as_str());
                assert!(known, "`{key}` in\n{snippet}");
            }
            let names: Vec<String> = match &table["api_key_env"] {
                Value::String(name) => vec![name.clone()],
                Value::Array(names) => {
                    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
                }
                _ => vec![],
            };
            let mut problems = Problems::new();
            let settings =
                (kind.vocabulary.read)(&Node::from_json(table), &names, &mut problems).unwrap();
            assert!(problems.is_empty(), "{:#?}\n{snippet}", problems.sorted());
            let paid = !table["price"].is_null() || !table["gpu_hour"].is_null();
            assert!(kind.vocabulary.list_price.is_some() || paid, "{snippet}");
            let mut provider = crate::policy::Provider {
                api_key_env: names,
                ..super::tests::provider(kind.vocabulary.kind, table["url"].as_str(), settings)
            };
            for path in provider.settings.files().cloned().collect::<Vec<_>>() {
                provider.give(path, workflow().into());
            }
            let params = serde_json::json!({"steps": 30}).as_object().cloned().unwrap();
            let params = if snippet.contains("body:") { params } else { serde_json::Map::new() };
            let dialect = providers::open(&provider).unwrap();
            if !kind.vocabulary.draws {
                assert!(dialect.asker().is_some(), "{snippet}");
                continue;
            }
            // A kind with models of its own knows no other.
            let examples = kind.rehearsal.map_or(&[][..], |server| server.examples());
            let drawn = examples.iter().find(|it| it.task == crate::policy::Task::TextToImage);
            let model = drawn.map_or("v1", |it| it.model);
            let order = providers::Order { model, ..super::tests::order(&params) };
            let call = dialect.begin(&order).unwrap();
            let body = String::from_utf8_lossy(&call.body);
            assert!(body.contains("a cat"), "{body}");
        }
    }
}

#[test]
fn every_key_code_and_placeholder_is_explained() {
    for key in super::settings::KEYS {
        let told = [format!("### `{key}`"), format!("`{key}: ")];
        assert!(told.iter().any(|text| DOCS.contains(text)), "{key}");
    }
    for code in super::meaning::REFUSAL_CODES {
        assert!(DOCS.contains(&format!("`{code}`")), "{code}");
    }
    for kind in providers::vocabulary() {
        assert!(DOCS.contains(&format!("## `{}`", kind.kind)), "{}", kind.kind);
    }
    let plain: Value = serde_json::from_str(snippets("json").first().unwrap()).unwrap();
    let params = serde_json::json!({"steps": 30}).as_object().cloned().unwrap();
    let provider = super::tests::provider("simulated", None, crate::policy::Settings::new(()));
    let call = providers::open(&provider).unwrap().begin(&super::tests::order(&params)).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&call.body).unwrap(), plain);
}
