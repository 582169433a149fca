//! Pipelines of two steps, generation and what is done afterwards: what goes wrong names its step, and what is paid and waited for
//! adds up.

use presscheck_core::gate::{Outcome, Side};
use presscheck_core::report::SampleLine;
use serde_json::{Value, json};

use super::{MODELS, POLICY, PROMPTS, Ran, Team, hero, prompts};

/// A profile with `old`, `new`, and `up` for the second step.
fn profile(up: Value) -> Value {
    let model = |price: &str, latency: &str, faults: Value| json!({"price": price, "latency": latency, "size": "64x64", "faults": faults});
    json!({"models": {
        "old": model("$0.042", "5ms", json!({})),
        "new": model("$0.019", "60ms", json!({})),
        "up": model("$0.01", "80ms", up),
    }})
}

/// A policy with another provider for the second step.
fn policy(team: &Team) -> Value {
    let mut policy = team.policy();
    let mut finish = policy["providers"]["studio"].clone();
    finish["price"] = json!({"up": "$0.01"});
    finish["retries"] = json!(0);
    policy["providers"]["finish"] = finish;
    policy
}

/// A model file with a pipeline of two steps.
fn pipeline(params: &Value) -> Value {
    json!({"models": {"hero": {
        "provider": "studio", "model": "new",
        "then": [{"provider": "finish", "model": "up", "params": params}],
    }}})
}

/// Commits the pipeline as the change of a single step.
fn change(team: &Team, policy: &Value, params: &Value, count: usize) {
    let files = |models: String| {
        [(POLICY, policy.to_string()), (MODELS, models), (PROMPTS, prompts(count))]
    };
    let base = team.commit("main", &[], &files(hero("old")));
    team.commit("change", &[&base], &files(pipeline(params).to_string()));
}

fn candidates(ran: &Ran) -> Vec<SampleLine> {
    ran.samples().into_iter().filter(|sample| sample.side == Side::Candidate).collect()
}

/// A run where the second step of every sample ends in a fault.
async fn with_fault(fault: &str, code: i32) -> (Team, Ran) {
    let team = Team::new(&profile(json!({fault: "100%"}))).await;
    change(&team, &policy(&team), &json!({}), 24);
    let ran = team.gate().run().await.ends(code);
    (team, ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn costs_and_latencies_of_steps_add_up() {
    let team = Team::new(&profile(json!({}))).await;
    change(&team, &policy(&team), &json!({}), 12);
    let ran = team.gate().run().await.ends(0);
    let samples = candidates(&ran);
    assert_eq!(samples.len(), 12);
    for sample in &samples {
        assert_eq!((sample.outcome, sample.step), (Outcome::Passed, None), "{sample:?}");
        assert_eq!((sample.cost_usd.to_string().as_str(), sample.attempts), ("$0.029", 2));
        assert!(sample.latency_s.unwrap() >= 0.14, "{sample:?}");
        let [first, second] = sample.requests.as_slice() else { panic!("{sample:?}") };
        assert!(second.started_ms >= first.started_ms + first.latency_ms, "{sample:?}");
    }
    // 12 × ($0.042 + $0.019 + $0.01), as the server says too.
    assert_eq!(ran.verdict()["spent_usd"], "0.852");
    assert_eq!(team.charged().to_string(), "$0.852");
    assert_eq!(ran.subject()["cost"]["candidate"]["per_1k_usd"], "29.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_at_the_second_step_names_it() {
    let (team, ran) = with_fault("refused", 1).await;
    for sample in candidates(&ran) {
        assert_eq!((sample.outcome, sample.step), (Outcome::Refused, Some(2)), "{sample:?}");
        assert!(sample.class.as_deref().is_some_and(|it| it.starts_with("refused")), "{sample:?}");
        assert!(sample.error.as_deref().unwrap().starts_with("step 2 of 2: "), "{sample:?}");
        // The first step is paid; a refused one is not.
        assert_eq!(sample.cost_usd.to_string(), "$0.019");
    }
    let spent = format!("${}", ran.verdict()["spent_usd"].as_str().unwrap());
    assert_eq!(spent, team.charged().to_string());
    assert!(ran.read("report.html").contains("step 2 of 2: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_the_second_step_names_it() {
    let (team, ran) = with_fault("server_error", 3).await;
    let samples = candidates(&ran);
    assert!(!samples.is_empty());
    for sample in samples {
        assert_eq!((sample.outcome, sample.step), (Outcome::Unavailable, Some(2)), "{sample:?}");
        assert_eq!(sample.class.as_deref(), Some("server_fault"), "{sample:?}");
        assert!(sample.error.as_deref().unwrap().starts_with("step 2 of 2: "), "{sample:?}");
        assert_eq!((sample.cost_usd.to_string().as_str(), sample.attempts), ("$0.019", 2));
    }
    let spent = format!("${}", ran.verdict()["spent_usd"].as_str().unwrap());
    assert_eq!(spent, team.charged().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_of_the_second_step_is_told_with_it() {
    let mut keyed = profile(json!({}));
    keyed["key"] = json!("right-key-1");
    let team = Team::new(&keyed).await;
    let mut policy = policy(&team);
    policy["providers"]["studio"]["api_key_env"] = json!("STUDIO_KEY");
    policy["providers"]["finish"]["api_key_env"] = json!("FINISH_KEY");
    change(&team, &policy, &json!({}), 40);
    let gate = team.gate().env("STUDIO_KEY", "right-key-1").env("FINISH_KEY", "wrong-key-1");
    let ran = gate.run().await.ends(4);
    let told = "step 2 of 2: `finish` does not accept the key: “";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(!ran.stderr.contains("wrong-key-1"), "{}", ran.stderr);
    // What was under way, and no more.
    assert!(team.log().len() < 40, "{}", team.log().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_model_of_the_second_step_is_told_with_it() {
    let mut gone = profile(json!({}));
    gone["models"].as_object_mut().unwrap().remove("up");
    let team = Team::new(&gone).await;
    change(&team, &policy(&team), &json!({}), 40);
    let ran = team.gate().run().await.ends(4);
    let told = "step 2 of 2: `finish` has no model `up` (the candidate's), or no longer: “";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_that_is_gone_in_its_second_step_says_so() {
    let mut gone = profile(json!({}));
    gone["models"].as_object_mut().unwrap().remove("up");
    let team = Team::new(&gone).await;
    let files = |models: String| {
        [(POLICY, policy(&team).to_string()), (MODELS, models), (PROMPTS, prompts(20))]
    };
    let base = team.commit("main", &[], &files(pipeline(&json!({})).to_string()));
    team.commit("change", &[&base], &files(hero("old")));
    let ran = team.gate().run().await.ends(3);
    ran.has_note("The baseline's model is no longer served (its provider: “step 2 of 2: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_always_rejects_the_second_step_is_named() {
    let team = Team::new(&profile(json!({}))).await;
    change(&team, &policy(&team), &json!({"aspect_ratio": "1:9000"}), 40);
    let ran = team.gate().run().await.ends(4);
    let told = "step 2 of 2: `finish` rejects every request for `up` (the candidate's): “HTTP 4";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_step_is_no_step_of_any() {
    let mut gone = profile(json!({}));
    gone["models"].as_object_mut().unwrap().remove("new");
    let team = Team::new(&gone).await;
    team.change(&team.policy(), &prompts(20));
    let ran = team.gate().run().await.ends(4);
    assert!(ran.stderr.contains("`studio` has no model `new`"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("step "), "{}", ran.stderr);
}
