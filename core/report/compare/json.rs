//! The comparison for machines.

use serde::Serialize;
use serde_json::{Value, json};

use super::conclusion;
use crate::compare::Comparison;
use crate::report::json::escaped;

#[derive(Serialize)]
struct Document<'a> {
    /// What follows from the figures, and what they can't tell: a sentence each.
    conclusion: Vec<String>,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

/// The content of `compare.json`: pretty, with a new line at the end, the same for the same comparison. Characters that
/// hide or reorder text are escaped.
#[must_use]
pub fn compare_json(comparison: &Comparison) -> String {
    let document = Document { conclusion: conclusion(comparison), comparison };
    let json = serde_json::to_string_pretty(&document).unwrap_or_else(|error| {
        // Every type of it has a JSON form; should that ever change, a reader gets valid JSON that says so.
        json!({"schema": 1, "error": format!("the comparison has no JSON form: {error}")})
            .to_string()
    });
    let mut json = escaped(&json);
    json.push('\n');
    json
}

/// The JSON Schema (2020-12) of `compare.json`. Unknown fields are allowed: later versions add some.
#[must_use]
pub fn compare_schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let number = json!({"type": "number"});
    let text = json!({"type": "string"});
    let usd = json!({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,}$"});
    let nullable = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let list = |schema: Value| json!({"type": "array", "items": schema});
    let ends =
        |schema: Value| json!({"type": "array", "items": schema, "minItems": 2, "maxItems": 2});
    let object = |fields: &[(&str, Value)]| {
        let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let properties: serde_json::Map<_, _> =
            fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
        json!({"type": "object", "required": required, "properties": properties})
    };
    let share = [
        ("failed", count.clone()),
        ("of", count.clone()),
        ("rate", number.clone()),
        ("interval", ends(number.clone())),
    ];
    let tag: Vec<_> = [("tag", text.clone())].into_iter().chain(share.clone()).collect();
    let interval = ends(nullable(number.clone()));
    let model = object(&[
        ("name", text.clone()),
        ("provider", text.clone()),
        ("model", text.clone()),
        ("config", json!({"type": "object"})),
        ("dropped", nullable(text.clone())),
        (
            "outcomes",
            object(
                &["passed", "failed", "broken", "refused", "unavailable"]
                    .map(|word| (word, count.clone())),
            ),
        ),
        ("failures", nullable(object(&share))),
        (
            "checks",
            list(object(&[
                ("check", text.clone()),
                ("failed", count.clone()),
                ("unsure", count.clone()),
                ("skipped", count.clone()),
            ])),
        ),
        ("tags", list(object(&tag))),
        (
            "cost",
            nullable(object(&[
                ("per_1k_usd", nullable(usd.clone())),
                ("effective_per_1k_usd", nullable(usd.clone())),
                ("total_usd", usd.clone()),
                ("basis", json!({"enum": ["exact", "computed", "estimated", "unknown"]})),
            ])),
        ),
        ("effective_interval_usd", nullable(interval.clone())),
        (
            "latency",
            nullable(object(&[
                ("p50_s", number.clone()),
                ("p50_interval_s", interval.clone()),
                ("p95_s", number.clone()),
                ("p95_interval_s", interval),
                ("samples", count.clone()),
            ])),
        ),
        (
            "throughput",
            nullable(object(&[
                ("images_per_minute", number.clone()),
                ("at_once", number.clone()),
                ("images", count.clone()),
                ("seconds", number.clone()),
            ])),
        ),
        ("from_store", count.clone()),
        ("on_front", nullable(json!({"type": "boolean"}))),
        ("dominated_by", list(text.clone())),
    ]);
    let difference = object(&[
        ("a", text.clone()),
        ("b", text.clone()),
        ("pairs", count.clone()),
        ("only_a", count.clone()),
        ("only_b", count.clone()),
        ("change", number.clone()),
        ("interval", ends(number)),
        ("beyond_chance", json!({"type": "boolean"})),
    ]);
    let mut schema = object(&[
        ("schema", json!({"const": 1})),
        ("conclusion", list(text.clone())),
        ("best", nullable(text.clone())),
        ("policy", text.clone()),
        ("seed", count.clone()),
        ("planned", count.clone()),
        ("population", count.clone()),
        ("cells", count.clone()),
        ("prompts", count.clone()),
        ("ended", json!({"enum": ["exhausted", "max", "budget", "max_images", "dropped"]})),
        ("budget_usd", usd.clone()),
        ("spent_usd", usd.clone()),
        ("checks_usd", usd),
        ("images_bought", count),
        ("notes", list(text)),
        ("models", list(model)),
        ("differences", list(difference)),
    ]);
    if let Some(top) = schema.as_object_mut() {
        top.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        top.insert("title".to_owned(), json!("presscheck comparison"));
    }
    schema
}
