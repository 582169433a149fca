//! JSON Schemas (2020-12) of the policy and of the model file, for editors. They follow from the
//! declarations that read the files, so the two can't drift.

use serde_json::{Map, Value, json};

use super::models::RawModelFile;
use super::node::FromNode;
use super::raw::{RawPolicy, RawProvider};
use super::scope::check_schema;
use super::types::{ProviderVocabulary, Vocabulary};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of `presscheck.yaml`, with the checks and provider kinds that exist.
#[must_use]
pub fn policy_schema(vocabulary: &Vocabulary<'_>) -> Value {
    let mut schema = titled("presscheck policy", "policy.schema.json", RawPolicy::schema());
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        amend(properties, "providers", providers(vocabulary));
        amend(properties, "checks", checks(vocabulary));
    }
    // A key without a value counts as absent (`freeze:` alone).
    admit_null(&mut schema);
    schema
}

/// The schema of a model file in presscheck's own form.
#[must_use]
pub fn models_schema() -> Value {
    let mut schema = titled("presscheck models", "models.schema.json", RawModelFile::schema());
    admit_null(&mut schema);
    schema
}

fn titled(title: &str, file: &str, schema: Value) -> Value {
    let mut map = Map::new();
    map.insert("$schema".to_owned(), json!(DIALECT));
    map.insert("$id".to_owned(), json!(format!("https://presscheck.github.io/presscheck/{file}")));
    map.insert("title".to_owned(), json!(title));
    if let Value::Object(rest) = schema {
        map.extend(rest);
    }
    Value::Object(map)
}

/// Puts the keywords of `more` into a property, over those that are there.
fn amend(properties: &mut Map<String, Value>, key: &str, more: Value) {
    if let (Some(Value::Object(property)), Value::Object(more)) = (properties.get_mut(key), more) {
        property.extend(more);
    }
}

fn providers(vocabulary: &Vocabulary<'_>) -> Value {
    let mut common = RawProvider::schema();
    let meanings = vocabulary
        .providers
        .iter()
        .map(|kind| format!("`{}`: {}", kind.kind, one_line(kind.doc)))
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(Value::Object(properties)) = common.get_mut("properties") {
        let kinds: Vec<_> = vocabulary.providers.iter().map(|kind| kind.kind).collect();
        let description = format!("Which wire dialect it speaks. {meanings}");
        amend(properties, "kind", json!({"enum": kinds, "description": description.trim()}));
    }
    let known: Vec<_> = common
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default();
    if let Value::Object(common) = &mut common {
        // Each kind's own branch says which keys there are.
        common.remove("additionalProperties");
        let branches: Vec<_> =
            vocabulary.providers.iter().map(|kind| branch(kind, &known)).collect();
        if !branches.is_empty() {
            common.insert("allOf".to_owned(), Value::Array(branches));
        }
    }
    json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"},
        "additionalProperties": common,
    })
}

/// What a provider of one kind may and must have.
fn branch(kind: &ProviderVocabulary, common: &[String]) -> Value {
    let mut properties: Map<String, Value> =
        common.iter().map(|key| (key.clone(), Value::Bool(true))).collect();
    let own = match (kind.schema)() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    for key in kind.keys {
        let schema = own.get(*key).cloned().unwrap_or(Value::Bool(true));
        properties.insert((*key).to_owned(), schema);
    }
    let mut required = Vec::new();
    if kind.default_url.is_none() {
        required.push("url");
    }
    let mut then = json!({
        "if": {"properties": {"kind": {"const": kind.kind}}, "required": ["kind"]},
        "then": {
            "title": kind.kind,
            "description": one_line(kind.doc),
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        },
    });
    if kind.list_price.is_none()
        && let Some(then) = then.get_mut("then").and_then(Value::as_object_mut)
    {
        then.insert(
            "anyOf".to_owned(),
            json!([{"required": ["price"]}, {"required": ["gpu_hour"]}]),
        );
    }
    then
}

fn checks(vocabulary: &Vocabulary<'_>) -> Value {
    let properties: Map<String, Value> = vocabulary
        .checks
        .iter()
        .map(|check| {
            let schema = json!({
                "description": one_line(check.doc),
                "default": check.on_by_default,
                "anyOf": [check_schema(check), {"type": "boolean"}],
            });
            (check.name.to_owned(), schema)
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// Lets every key that need not be there be empty, as the reader does.
fn admit_null(schema: &mut Value) {
    let Value::Object(map) = schema else {
        if let Value::Array(items) = schema {
            items.iter_mut().for_each(admit_null);
        }
        return;
    };
    let required: Vec<String> = map
        .get("required")
        .and_then(Value::as_array)
        .map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        for (key, property) in properties {
            if !required.contains(key) {
                nullable(property);
            }
        }
    }
    for (key, value) in map {
        if !matches!(key.as_str(), "default" | "examples" | "enum" | "const") {
            admit_null(value);
        }
    }
}

fn nullable(property: &mut Value) {
    let Value::Object(map) = property else { return };
    if let Some(kind) = map.get_mut("type") {
        match kind {
            Value::String(one) => *kind = json!([one, "null"]),
            Value::Array(list) if !list.contains(&json!("null")) => list.push(json!("null")),
            _ => {}
        }
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.push(Value::Null);
    }
    if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
        branches.push(json!({"type": "null"}));
    }
    if let Some(only) = map.remove("const") {
        map.insert("enum".to_owned(), json!([only, null]));
    }
}

fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
