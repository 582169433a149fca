//! The JSON Schemas (2020-12) of what machines read. Unknown fields are allowed: later versions add some.

mod samples;
mod verdict;

pub use samples::samples_schema;
use serde_json::{Value, json};
pub use verdict::verdict_schema;

/// Which draft the schemas are of.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Either of two schemas: the value, or null.
fn nullable(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// An object with a baseline and a candidate.
fn by_side(schema: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["baseline", "candidate"],
        "properties": {"baseline": schema, "candidate": schema}
    })
}

/// A whole number that is not negative.
fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// An exact amount of money.
fn usd() -> Value {
    json!({
        "type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,}$",
        "description": "An exact amount of US dollars."
    })
}

/// How a sample ended.
fn outcome() -> Value {
    json!({"enum": ["passed", "failed", "broken", "refused", "unavailable"]})
}

/// How well a cost is known.
fn cost_basis() -> Value {
    json!({"enum": ["exact", "computed", "estimated", "unknown"]})
}

/// One of the two models.
fn side() -> Value {
    json!({"enum": ["baseline", "candidate"]})
}

#[cfg(test)]
mod tests {
    use super::super::{fixtures, samples_jsonl, verdict_json};
    use super::*;

    /// Every document of every fixture: what `name` makes of a run, one JSON a line.
    fn documents(made: impl Fn(&super::super::Run) -> Vec<String>) -> Vec<(String, Value)> {
        let mut documents = Vec::new();
        for (name, run) in fixtures::all() {
            for (number, text) in made(&run).into_iter().enumerate() {
                let value = serde_json::from_str(&text).unwrap();
                documents.push((format!("{name}, {number}"), value));
            }
        }
        documents
    }

    /// Holds documents to a schema; and the schema to the documents, whose every field it describes.
    fn assert_kept(schema: &Value, documents: &[(String, Value)]) {
        assert!(jsonschema::meta::is_valid(schema));
        let validator = jsonschema::validator_for(schema).unwrap();
        assert!(!documents.is_empty());
        for (name, value) in documents {
            let errors: Vec<String> =
                validator.iter_errors(value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            walk(value, schema, schema, name);
        }
    }

    /// Whether each key of each object is described where the schema describes the object.
    fn walk(value: &Value, schema: &Value, root: &Value, path: &str) {
        let schema = match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        if let Some(choice) = schema.pointer("/anyOf/0") {
            return walk(value, choice, root, path);
        }
        match value {
            Value::Object(fields) if schema.get("properties").is_some() => {
                for (key, value) in fields {
                    let known = schema["properties"].get(key);
                    assert!(known.is_some(), "{path}.{key} is not in the schema");
                    walk(value, known.unwrap(), root, &format!("{path}.{key}"));
                }
            }
            Value::Array(items) => {
                items.iter().for_each(|item| walk(item, &schema["items"], root, path));
            }
            _ => {}
        }
    }

    fn lines(run: &super::super::Run) -> Vec<String> {
        let mut text = String::new();
        samples_jsonl(&mut text, run.subjects.iter().flat_map(|subject| &subject.samples)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_verdict_keeps_the_schema_and_the_schema_knows_its_fields() {
        let documents = documents(|run| vec![verdict_json(&run.verdict)]);
        assert_kept(&verdict_schema(), &documents);
    }

    #[test]
    fn every_sample_keeps_the_schema_and_the_schema_knows_its_fields() {
        assert_kept(&samples_schema(), &documents(lines));
    }

    #[test]
    fn what_a_sample_may_lack_is_described_as_well() {
        let mut sample = fixtures::fail().subjects[0].samples[0].clone();
        sample.latency_s = Some(f64::NAN);
        sample.checks_cost_usd = fixtures::usd("$0.002");
        sample.class = Some("malformed".to_owned());
        sample.step = Some(2);
        sample.content_type = Some("image/png".to_owned());
        sample.findings.push(
            crate::checks::Finding::new("text", crate::checks::CheckResult::Skipped, "none")
                .measured("share", 0.5),
        );
        sample.findings.iter_mut().for_each(|finding| finding.region = Some([1, 2, 3, 4]));
        let mut text = String::new();
        samples_jsonl(&mut text, [&sample]).unwrap();
        let bare = serde_json::json!({
            "schema": 1, "subject": "hero", "case": "a", "repeat": 0, "prompt": "", "tags": [],
            "side": "candidate", "provider": "x", "model": "y", "seed": u64::MAX, "outcome": "refused",
            "failure": true, "kind": null, "findings": [], "latency_s": null, "cost_usd": "0.00",
            "cost_basis": "unknown", "attempts": 1, "image": null, "stored": false, "error": null,
        });
        let full = serde_json::from_str(&text).unwrap();
        let documents = [("full".to_owned(), full), ("bare".to_owned(), bare)];
        assert_kept(&samples_schema(), &documents);
    }

    #[test]
    fn what_is_no_sample_is_rejected() {
        let validator = jsonschema::validator_for(&samples_schema()).unwrap();
        let line = lines(&fixtures::fail()).swap_remove(0);
        let good: Value = serde_json::from_str(&line).unwrap();
        assert!(validator.is_valid(&good));
        for (key, wrong) in [
            ("schema", json!(2)),
            ("side", json!("both")),
            ("outcome", json!("pass")),
            ("cost_usd", json!(0.134)),
            ("seed", json!(-1)),
            ("findings", json!([{"check": "text"}])),
            ("requests", json!([{"charge": "free"}])),
        ] {
            let mut bad = good.clone();
            bad[key] = wrong;
            assert!(!validator.is_valid(&bad), "{key}: {bad}");
        }
        let mut short = good;
        short.as_object_mut().unwrap().remove("stored");
        assert!(!validator.is_valid(&short));
    }
}
