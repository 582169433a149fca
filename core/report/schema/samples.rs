//! The schema of a line of `samples.jsonl`.

use serde_json::{Value, json};

use super::{DRAFT, cost_basis, count, nullable, outcome, side, usd};

/// The JSON Schema (2020-12) of one line of `samples.jsonl`.
#[must_use]
pub fn samples_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "$schema": DRAFT,
        "title": "presscheck sample",
        "description": "One sample of the judged prefix: a line of samples.jsonl. Fields are added, never renamed.",
        "type": "object",
        "required": [
            "schema", "subject", "case", "repeat", "prompt", "tags", "side", "provider", "model", "seed",
            "outcome", "failure", "kind", "findings", "latency_s", "cost_usd", "cost_basis", "attempts",
            "image", "stored", "error"
        ],
        "properties": {
            "schema": {"const": 1, "description": "The version of this form."},
            "subject": {"type": "string", "description": "The model's name in the model config."},
            "case": {"type": "string", "description": "The case's id."},
            "repeat": {"$ref": "#/$defs/count", "description": "Which repeat of the case, from 0."},
            "prompt": {"type": "string", "description": "What was sent, exactly."},
            "tags": {"type": "array", "items": text},
            "side": side(),
            "provider": {"type": "string", "description": "The provider's name in the policy."},
            "model": {"type": "string", "description": "The model's id; the steps of a pipeline joined by ` + `."},
            "seed": {"$ref": "#/$defs/count", "description": "The seed that was sent."},
            "outcome": outcome(),
            "failure": {"type": "boolean", "description": "Whether it counts as a failure."},
            "kind": nullable(json!({
                "type": "string", "description": "What kind of failure: a check's name, truncated, rate_limited."
            })),
            "class": {
                "type": "string",
                "description": "The class of that kind, such as malformed; absent where a check failed, or nothing did."
            },
            "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
            "latency_s": nullable(json!({
                "type": "number", "minimum": 0,
                "description": "Seconds from sending the last attempt to the last byte of its answer."
            })),
            "cost_usd": {"$ref": "#/$defs/usd", "description": "What it cost, failed attempts included."},
            "cost_basis": cost_basis(),
            "checks_cost_usd": {
                "$ref": "#/$defs/usd",
                "description": "What the checks' questions about it cost, which is no part of `cost_usd`; absent where nothing was asked."
            },
            "attempts": {"$ref": "#/$defs/count", "description": "How many requests were sent for it."},
            "step": {
                "type": "integer", "minimum": 1,
                "description": "Which step of a pipeline ended it without a picture; absent where one came, or there is but one."
            },
            "requests": {
                "type": "array", "items": {"$ref": "#/$defs/request"},
                "description": "Each of them in turn; absent where that is not known."
            },
            "image": nullable(json!({
                "type": "string", "description": "The picture, relative to the output folder."
            })),
            "content_type": {
                "type": "string", "description": "What the answer said the picture is; absent where it said nothing."
            },
            "stored": {"type": "boolean", "description": "Whether it came from the store instead of being bought."},
            "error": nullable(json!({
                "type": "string", "description": "The provider's own words, or what went wrong on the way."
            }))
        },
        "$defs": {"count": count(), "usd": usd(), "finding": finding(), "request": request()}
    })
}

/// What a check found.
fn finding() -> Value {
    json!({
        "type": "object",
        "required": ["check", "result", "message"],
        "properties": {
            "check": {"type": "string"},
            "result": {"enum": ["pass", "fail", "unsure", "skipped"]},
            "message": {"type": "string", "description": "One sentence for people."},
            "measured": {"type": "object", "description": "What was measured, by name."},
            "limit": {"type": "object", "description": "What was allowed, by name."},
            "region": {
                "type": "array", "items": {"$ref": "#/$defs/count"}, "minItems": 4, "maxItems": 4,
                "description": "Where on the picture: x, y, width and height in pixels."
            }
        }
    })
}

/// One request that was sent.
fn request() -> Value {
    json!({
        "type": "object",
        "required": ["started_ms", "latency_ms", "status", "charge"],
        "properties": {
            "started_ms": {
                "$ref": "#/$defs/count", "description": "From the sample's first request to this one, waits included."
            },
            "latency_ms": {
                "$ref": "#/$defs/count",
                "description": "From sending to the last byte of the answer, downloads and polls included."
            },
            "status": nullable(json!({
                "type": "integer", "description": "The status of the last reply, where one came."
            })),
            "fault": {
                "type": "string",
                "description": "What went wrong that is not the picture's fault: rate_limited, timeout. Absent where nothing did."
            },
            "words": {"type": "string", "description": "The provider's words, or ours; absent where there are none."},
            "charge": {"enum": ["none", "price", "unknown"], "description": "Whether it was charged."}
        }
    })
}
