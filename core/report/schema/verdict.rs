//! The schema of `verdict.json`.

use serde_json::{Value, json};

use super::{DRAFT, by_side, cost_basis, count, nullable, outcome, side, usd};
use crate::gate::MAX_POINTS;

/// The JSON Schema (2020-12) of `verdict.json`.
#[must_use]
pub fn verdict_schema() -> Value {
    json!({
        "$schema": DRAFT,
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

/// The named parts of the schema.
fn definitions() -> Value {
    let count = count();
    let number = json!({"type": "number"});
    let amount = json!({"$ref": "#/$defs/usd"});
    json!({
        "decision": {"enum": ["pass", "inconclusive", "fail"]},
        "outcome": outcome(),
        "usd": usd(),
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
                "per_1k_usd": nullable(amount.clone()),
                "effective_per_1k_usd": nullable(amount.clone()),
                "total_usd": amount,
                "basis": cost_basis()
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
                "side": side(),
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
    let count = count();
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
