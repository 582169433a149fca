//! Samples for tests of labels.

use serde_json::json;

use crate::report::SampleLine;
use crate::units::Digest;

/// The picture of a number.
pub(super) fn digest(number: usize) -> Digest {
    Digest::of(number.to_string().as_bytes())
}

/// A sample whose picture `sharpness` measured, failing it over 5.
pub(super) fn sample(number: usize, blur: f64) -> SampleLine {
    let fails = blur > 5.0;
    let outcome = if fails { "failed" } else { "passed" };
    serde_json::from_value(json!({
        "schema": 1, "subject": "hero", "case": format!("c-{number}"), "repeat": 0, "prompt": "p", "tags": [],
        "side": "candidate", "provider": "studio", "model": "new", "seed": 1,
        "outcome": outcome, "failure": fails, "kind": null,
        "findings": [{
            "check": "sharpness", "result": if fails { "fail" } else { "pass" }, "message": "m",
            "measured": {"blur": blur}, "limit": {"max_blur": 5.0},
        }, {"check": "text", "result": "skipped", "message": "nothing to read"}],
        "latency_s": 1.0, "cost_usd": "0.01", "cost_basis": "exact", "attempts": 1,
        "image": format!("images/{}.png", digest(number)), "stored": false, "error": null,
    }))
    .unwrap()
}
