//! Past verdicts for machines.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{History, VerdictRecord};
use crate::report::json::escaped;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    store: &'a str,
    kept: u64,
    damaged: u64,
    verdicts: Vec<Entry<'a>>,
}

/// A verdict, with its time as people write it.
#[derive(Serialize)]
struct Entry<'a> {
    at: Option<String>,
    #[serde(flatten)]
    record: &'a VerdictRecord,
}

/// The history as one document: pretty, with a new line at the end, oldest verdict first. Characters that hide or
/// reorder text are escaped.
#[must_use]
pub fn history_json(history: &History) -> String {
    let entry = |record| Entry { at: at(record), record };
    let document = Document {
        schema: 1,
        store: &history.place,
        kept: history.kept,
        damaged: history.damaged,
        verdicts: history.records.iter().map(entry).collect(),
    };
    let json = serde_json::to_string_pretty(&document).unwrap_or_else(|error| {
        // Every type of it has a JSON form; should that ever change, a reader gets valid JSON that says so.
        json!({"schema": 1, "error": format!("the history has no JSON form: {error}")}).to_string()
    });
    let mut json = escaped(&json);
    json.push('\n');
    json
}

/// `2026-11-24T09:30:00Z`.
fn at(record: &VerdictRecord) -> Option<String> {
    let at = Timestamp::from_millisecond(record.at_ms).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The JSON Schema (2020-12) of what `presscheck history --json` prints. Unknown fields are allowed: later versions add
/// some.
#[must_use]
pub fn history_schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": "string"});
    let time = json!({"type": "number", "minimum": 0});
    let usd = json!({"type": "string", "pattern": r"^[0-9]+\.[0-9]{2,}$"});
    let commit = json!({"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$"});
    let digest = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
    let decision = json!({"enum": ["pass", "inconclusive", "fail"]});
    let yes_or_no = json!({"type": "boolean"});
    let nullable = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let list = |schema: Value| json!({"type": "array", "items": schema});
    let object = |fields: &[(&str, Value)], optional: &[(&str, Value)]| {
        let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let properties: serde_json::Map<_, _> = fields
            .iter()
            .chain(optional)
            .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
            .collect();
        json!({"type": "object", "required": required, "properties": properties})
    };
    let sides = |schema: Value| {
        let side = nullable(schema);
        object(&[("baseline", side.clone()), ("candidate", side)], &[])
    };
    let revision = object(&[("commit", nullable(commit.clone())), ("label", text.clone())], &[]);
    let model = object(&[("provider", text.clone()), ("model", text.clone())], &[]);
    let subject = object(
        &[
            ("name", text.clone()),
            ("verdict", decision.clone()),
            ("proven", yes_or_no.clone()),
            ("stopped", json!({"enum": ["decided", "exhausted", "max", "budget", "unavailable"]})),
            ("baseline", nullable(model.clone())),
            ("candidate", model),
            ("pairs", count.clone()),
            ("failures", sides(object(&[("failed", count.clone()), ("of", count.clone())], &[]))),
            ("cost_per_1k_usd", sides(usd.clone())),
            ("latency", sides(object(&[("p50_s", time.clone()), ("p95_s", time)], &[]))),
        ],
        &[],
    );
    let accepted = object(
        &[
            ("by", text.clone()),
            ("how", json!({"enum": ["label", "comment"]})),
            ("reason", text.clone()),
            ("at", text.clone()),
            ("head", commit),
        ],
        &[("by_author", yes_or_no.clone())],
    );
    let verdict = object(
        &[
            ("schema", json!({"const": 1})),
            ("at", text.clone()),
            ("at_ms", count.clone()),
            ("repository", nullable(text.clone())),
            ("number", nullable(count.clone())),
            ("name", text.clone()),
            ("base", revision.clone()),
            ("head", revision),
            ("verdict", decision),
            ("blocking", yes_or_no),
            ("reason", text.clone()),
            ("spent_usd", usd),
            ("subjects", list(subject)),
        ],
        &[("override", accepted), ("evidence", digest)],
    );
    let mut schema = object(
        &[
            ("schema", json!({"const": 1})),
            ("store", text),
            ("kept", count.clone()),
            ("damaged", count),
            ("verdicts", list(verdict)),
        ],
        &[],
    );
    if let Some(top) = schema.as_object_mut() {
        top.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        top.insert("title".to_owned(), json!("presscheck history"));
    }
    schema
}
