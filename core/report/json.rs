//! The verdict and the samples for machines.

use std::fmt;

use serde_json::{Value, json};

use super::SampleLine;
use crate::gate::{MAX_POINTS, Verdict};
use crate::inert;

/// The content of `verdict.json`: pretty, with a new line at the end, the same for the same verdict.
///
/// Characters that hide or reorder text are escaped, so that the file is safe to show.
#[must_use]
pub fn verdict_json(verdict: &Verdict) -> String {
    let json = serde_json::to_string_pretty(verdict).unwrap_or_else(|error| {
        // Every type of a verdict has a JSON form; should that ever change, a reader gets valid JSON
        // that blocks.
        let reason = format!("the verdict has no JSON form: {error}");
        json!({"schema": 1, "verdict": "inconclusive", "blocking": true, "reason": reason,
               "spent_usd": verdict.spent_usd, "notes": [], "subjects": []})
        .to_string()
    });
    let mut json = escaped(&json);
    json.push('\n');
    json
}

/// Writes `samples.jsonl`: a line of JSON for each sample.
///
/// # Errors
/// Where the writer fails.
pub fn samples_jsonl<'a>(
    out: &mut impl fmt::Write,
    samples: impl IntoIterator<Item = &'a SampleLine>,
) -> fmt::Result {
    for sample in samples {
        let json = serde_json::to_string(sample).map_err(|_| fmt::Error)?;
        out.write_str(&escaped(&json))?;
        out.write_char('\n')?;
    }
    Ok(())
}

/// JSON in which every invisible character of a text is escaped. Outside of texts JSON has only new
/// lines, which stay.
pub(super) fn escaped(json: &str) -> String {
    use fmt::Write as _;
    if !json.contains(|c| c != '\n' && inert::is_invisible(c)) {
        return json.to_owned();
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if c != '\n' && inert::is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string can't fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The JSON Schema (2020-12) of `verdict.json`. Unknown fields are allowed: later versions add some.
#[must_use]
pub fn verdict_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "presscheck verdict",
        "description": "What presscheck says of a change to image models. Fields are added, never renamed.",
        "type": "object",
        "required": ["schema", "verdict", "blocking", "reason", "spent_usd", "notes", "subjects"],
        "properties": {
            "schema": {"const": 1},
            "verdict": {"$ref": "#/$defs/decision", "description": "The worst verdict of all subjects."},
            "blocking": {"type": "boolean", "description": "Whether the merge is to be blocked."},
            "override": {
                "type": "object",
                "description": "Who lifted the block of this verdict; absent where nobody did.",
                "required": ["by", "how", "reason", "at", "head"],
                "properties": {
                    "by": {"type": "string", "description": "The login."},
                    "by_author": {"type": "boolean", "description": "Whether that is who opened the pull request."},
                    "how": {"enum": ["label", "comment"]},
                    "reason": {"type": "string"},
                    "at": {"type": "string", "description": "When, in UTC."},
                    "head": {"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$", "description": "The commit that it holds for, and no other."}
                }
            },
            "reason": {"type": "string", "description": "Why, in one sentence."},
            "spent_usd": {"$ref": "#/$defs/usd"},
            "notes": {"type": "array", "items": {"type": "string"}},
            "subjects": {"type": "array", "items": {"$ref": "#/$defs/subject"}}
        },
        "$defs": definitions()
    })
}

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

/// The named parts of the schema.
fn definitions() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let number = json!({"type": "number"});
    let usd = json!({"$ref": "#/$defs/usd"});
    json!({
        "decision": {"enum": ["pass", "inconclusive", "fail"]},
        "outcome": {"enum": ["passed", "failed", "broken", "refused", "unavailable"]},
        "usd": {
            "type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,}$",
            "description": "An exact amount of US dollars."
        },
        "subject": subject(),
        "model": {
            "type": "object",
            "required": ["commit", "label", "provider", "model", "config"],
            "properties": {
                "commit": nullable(json!({"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$"})),
                "label": {"type": "string"},
                "provider": {"type": "string"},
                "model": {"type": "string"},
                "config": {"description": "The resolved config."}
            }
        },
        "limit": {
            "type": "object",
            "required": ["name", "outcome", "unit", "baseline", "candidate", "change", "interval", "limit"],
            "properties": {
                "name": {"type": "string", "description": "Its path in the policy."},
                "outcome": {"enum": ["pass", "fail", "inconclusive", "skipped"]},
                "unit": {"enum": ["rate", "usd_per1k", "seconds", "prompts"]},
                "baseline": nullable(number.clone()),
                "candidate": nullable(number.clone()),
                "change": nullable(number.clone()),
                "interval": nullable(json!({"type": "array", "items": number, "minItems": 2, "maxItems": 2})),
                "limit": number,
                "decided_at": {
                    "type": "integer", "minimum": 0,
                    "description": "After how many pairs it was proven kept or broken."
                },
                "note": {"type": "string"}
            }
        },
        "outcomes": {
            "type": "object",
            "required": ["passed", "failed", "broken", "refused", "unavailable"],
            "properties": {
                "passed": count, "failed": count, "broken": count, "refused": count, "unavailable": count
            }
        },
        "check": {
            "type": "object",
            "required": ["check", "failed", "unsure", "skipped"],
            "properties": {
                "check": {"type": "string"},
                "failed": by_side(&count), "unsure": by_side(&count), "skipped": by_side(&count),
                "slips": {
                    "type": "object",
                    "description": "How often the check failed good pictures in its own measurement.",
                    "required": ["rate", "interval", "pictures"],
                    "properties": {
                        "rate": {"type": "number", "minimum": 0, "maximum": 1},
                        "interval": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
                        "pictures": count
                    }
                }
            }
        },
        "tag": {
            "type": "object",
            "required": ["tag", "pairs", "failed"],
            "properties": {"tag": {"type": "string"}, "pairs": count, "failed": by_side(&count)}
        },
        "cost": nullable(json!({
            "type": "object",
            "required": ["per_1k_usd", "effective_per_1k_usd", "total_usd", "basis"],
            "properties": {
                "per_1k_usd": nullable(usd.clone()),
                "effective_per_1k_usd": nullable(usd.clone()),
                "total_usd": usd,
                "basis": {"enum": ["exact", "computed", "estimated", "unknown"]}
            }
        })),
        "latency": nullable(json!({
            "type": "object",
            "required": ["p50_s", "p95_s", "samples"],
            "properties": {"p50_s": number, "p95_s": number, "samples": count}
        })),
        "evidence": {
            "type": "object",
            "description": "How the evidence on a limit grew, pair by pair, from 1 on each side.",
            "required": ["limit", "pass_at", "fail_at", "points"],
            "properties": {
                "limit": {"type": "string"},
                "pass_at": {"type": "number", "description": "The evidence at which it is proven kept."},
                "fail_at": {"type": "number", "description": "The evidence at which it is proven broken."},
                "points": {"type": "array", "maxItems": MAX_POINTS, "items": {"$ref": "#/$defs/point"}}
            }
        },
        "point": {
            "type": "object",
            "required": ["pairs", "pass", "fail"],
            "properties": {"pairs": count, "pass": number, "fail": number}
        },
        "always_failing": {
            "type": "object",
            "description": "A prompt that the candidate failed on every repeat.",
            "required": ["case", "repeats", "baseline_failed"],
            "properties": {"case": {"type": "string"}, "repeats": count, "baseline_failed": count}
        },
        "failure": {
            "type": "object",
            "required": ["case", "repeat", "side", "outcome", "checks", "image", "flipped"],
            "properties": {
                "case": {"type": "string"},
                "repeat": count,
                "side": {"enum": ["baseline", "candidate"]},
                "outcome": {"$ref": "#/$defs/outcome"},
                "checks": {"type": "array", "items": {"type": "string"}},
                "unsure": {"type": "boolean", "description": "No check failed it outright; one was unsure. Absent where false."},
                "image": nullable(json!({"type": "string"})),
                "flipped": {"type": "boolean", "description": "The other side of the pair did not fail."}
            }
        }
    })
}

/// The schema of one subject.
fn subject() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let list = |of: &str| json!({"type": "array", "items": {"$ref": format!("#/$defs/{of}")}});
    let of = |of: &str| json!({"$ref": format!("#/$defs/{of}")});
    json!({
        "type": "object",
        "required": [
            "name", "verdict", "blocking", "proven", "reason", "stopped", "baseline", "candidate", "claim",
            "seed", "planned", "pairs", "images_bought", "from_store", "spent_usd", "limits", "outcomes",
            "checks", "tags", "flips", "cost", "latency", "failures"
        ],
        "properties": {
            "name": {"type": "string"},
            "verdict": of("decision"),
            "blocking": {"type": "boolean"},
            "proven": {"type": "boolean", "description": "False where the verdict follows a lean."},
            "reason": {"type": "string"},
            "stopped": {"enum": ["decided", "exhausted", "max", "budget", "unavailable"]},
            "baseline": nullable(of("model")),
            "candidate": of("model"),
            "claim": {"type": "string", "description": "What is claimed: suite or model."},
            "errors": {
                "type": "object",
                "description": "How often the verdict may be wrong, as shares.",
                "required": ["let_bad_through", "block_good"],
                "properties": {
                    "let_bad_through": {"type": "number", "minimum": 0, "maximum": 1},
                    "block_good": {"type": "number", "minimum": 0, "maximum": 1}
                }
            },
            "baseline_gone": {
                "type": "object",
                "description": "The vendor no longer serves the baseline's model, as it said in this run.",
                "required": ["words"],
                "properties": {
                    "since": {"type": "string", "description": "The day on which it was to be retired."},
                    "words": {"type": "string", "description": "The provider's own words."}
                }
            },
            "baseline_known": {
                "type": "boolean", "description": "The baseline's results were all stored before the run."
            },
            "seed": count,
            "planned": count,
            "population": {
                "type": "integer", "minimum": 0,
                "description": "The pairs that the prompt sets hold; more than planned where the draw is cut."
            },
            "pairs": {"type": "integer", "minimum": 0, "description": "The judged prefix of the draw."},
            "images_bought": count,
            "from_store": by_side(&count),
            "spent_usd": of("usd"),
            "checks_usd": {
                "$ref": "#/$defs/usd",
                "description": "How much of `spent_usd` was for answers to questions of the checks; absent where that is nothing."
            },
            "lean": of("decision"),
            "pairs_to_decide": count,
            "limits": list("limit"),
            "evidence": of("evidence"),
            "outcomes": by_side(&of("outcomes")),
            "checks": list("check"),
            "tags": list("tag"),
            "flips": {
                "type": "object",
                "required": ["newly_failing", "newly_passing", "both_failing"],
                "properties": {"newly_failing": count, "newly_passing": count, "both_failing": count}
            },
            "cost": by_side(&of("cost")),
            "latency": by_side(&of("latency")),
            "failures": list("failure"),
            "always_failing": list("always_failing")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn every_verdict_keeps_the_schema() {
        let schema = verdict_schema();
        assert!(jsonschema::meta::is_valid(&schema));
        let validator = jsonschema::validator_for(&schema).unwrap();
        for (name, run) in fixtures::all() {
            let text = verdict_json(&run.verdict);
            assert!(text.ends_with("}\n"), "{name}");
            let value: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            let back: Verdict = serde_json::from_str(&text).unwrap();
            assert_eq!(back, run.verdict, "{name}");
        }
    }

    #[test]
    fn the_schema_knows_every_field_of_a_verdict() {
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
        let schema = verdict_schema();
        for (_, run) in fixtures::all() {
            walk(&serde_json::to_value(&run.verdict).unwrap(), &schema, &schema, "verdict");
        }
    }

    #[test]
    fn a_sample_is_one_line_whatever_it_says() {
        let run = fixtures::hostile();
        let samples = &run.subjects[0].samples;
        let mut text = String::new();
        samples_jsonl(&mut text, samples).unwrap();
        assert_eq!(text.lines().count(), samples.len());
        assert!(!text.contains(|c| c != '\n' && inert::is_invisible(c)));
        for (line, sample) in text.lines().zip(samples) {
            assert_eq!(&serde_json::from_str::<SampleLine>(line).unwrap(), sample);
        }
    }
}
