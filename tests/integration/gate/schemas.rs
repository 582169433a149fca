//! The published schemas are those of what a run really writes.

use std::collections::BTreeSet;
use std::process::Command;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{Ran, Team, good, profile, prompts};

/// The schema that users get.
fn published(of: &str) -> Validator {
    let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    let output = command.env_clear().args(["schema", of]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{of}");
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "{of}");
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn assert_keeps(validator: &Validator, value: &Value) {
    let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {value}");
}

/// Holds the verdict and every sample of a run to the schemas; how the samples ended.
fn held(ran: &Ran) -> BTreeSet<String> {
    assert_keeps(&published("verdict"), &ran.verdict());
    let samples = published("samples");
    let mut outcomes = BTreeSet::new();
    for line in ran.read("samples.jsonl").lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_keeps(&samples, &value);
        outcomes.insert(value["outcome"].as_str().unwrap().to_owned());
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_writes_keeps_the_published_schemas() {
    let faults = json!({
        "wrong_aspect": "10%", "truncated": "10%", "html": "5%", "refused": "10%",
        "server_error": "10%", "rate_limited": "10%", "rate_limited_attempts": 1,
    });
    let team = Team::new(&profile(&faults, &faults)).await;
    let mut policy = team.policy();
    policy["sample"] = json!({"max": 120, "seed": 11, "stop": "end"});
    policy["limits"]["unavailable"] = json!({"max": "60%"});
    policy["providers"]["studio"]["retries"] = json!(1);
    team.change(&policy, &prompts(120));
    let ran = team.gate().run().await;
    let outcomes = held(&ran);
    let all = ["broken", "failed", "passed", "refused", "unavailable"];
    assert_eq!(outcomes, all.map(str::to_owned).into(), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_a_baseline_keeps_them_as_well_and_so_does_a_run_without_a_model() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["limits"] = json!({"failure_rate": {"max_increase": "2pp", "max": "30%"}});
    let (base, _) = team.change(&policy, &prompts(12));
    let models = json!({"models": {
        "hero": {"provider": "studio", "model": "old"},
        "thumbs": {"provider": "studio", "model": "new"},
    }});
    let files = [
        (super::POLICY, policy.to_string()),
        (super::MODELS, models.to_string()),
        (super::PROMPTS, prompts(12)),
    ];
    team.commit("change", &[&base], &files);
    let ran = team.gate().run().await.ends(0);
    assert_eq!(ran.subject()["baseline"], Value::Null);
    assert_eq!(held(&ran), ["passed".to_owned()].into());

    let ran = team.bare().arg("--base").arg("main").arg("--head").arg("main").run().await.ends(0);
    assert!(held(&ran).is_empty());
}
