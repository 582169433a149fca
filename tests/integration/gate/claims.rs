//! What is claimed, and what else a policy may ask of a verdict.

use std::collections::BTreeMap;

use presscheck_core::gate::Side;
use serde_json::json;

use super::{Team, good, profile, prompts};

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_about_the_models_may_stay_open_and_then_blocks() {
    // Four points worse on sixty pairs: nobody can tell.
    let team = Team::new(&profile(&json!({"html": "2%"}), &json!({"html": "6%"}))).await;
    let mut policy = team.policy();
    policy["sample"] = json!({"claim": "model", "max": 60, "seed": 3});
    team.change(&policy, &prompts(60));
    let ran = team.gate().run().await.ends(3);
    let (verdict, subject) = (ran.verdict(), ran.subject());
    assert_eq!((&verdict["verdict"], &verdict["blocking"]), (&json!("inconclusive"), &json!(true)));
    assert_eq!((&subject["claim"], &subject["pairs"]), (&json!("model"), &json!(60)));
    assert!(["pass", "fail"].contains(&subject["lean"].as_str().unwrap()));
    assert!(subject["pairs_to_decide"].as_u64().unwrap() > 60);
    // The same content again is the same run: nothing new is asked.
    let asked = team.log().len();
    team.gate().out("again").run().await.ends(3);
    assert_eq!(team.log().len(), asked);
    // What leans is decided by the lean where the policy says so, and marked.
    policy["inconclusive"] = json!("lean");
    team.change(&policy, &prompts(60));
    let leant = team.gate().named("lean").run().await;
    assert_eq!(leant.subject()["proven"], false);
    assert_eq!(leant.subject()["verdict"], subject["lean"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clear_change_of_the_models_is_proven() {
    let team = Team::new(&profile(&json!({}), &json!({"html": "25%"}))).await;
    let mut policy = team.policy();
    policy["sample"] = json!({"claim": "model", "max": 300, "seed": 3});
    team.change(&policy, &prompts(300));
    let ran = team.gate().run().await.ends(1);
    assert_eq!(ran.subject()["stopped"], "decided");
    assert!(ran.subject()["pairs"].as_u64().unwrap() < 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_pair_of_a_claim_about_the_models_is_what_the_budget_pays_for() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["sample"] = json!({"claim": "model", "max": 400, "seed": 3, "stop": "end"});
    // 12.2 / (0.042 + 0.019) are 200 pairs: with no failure among them, the exact test at the last one passes.
    policy["budget"] = json!("$12.20");
    team.change(&policy, &prompts(400));
    let ran = team.gate().run().await.ends(0);
    let subject = ran.subject();
    assert_eq!((&subject["planned"], &subject["pairs"]), (&json!(200), &json!(200)));
    assert_eq!((&subject["stopped"], &subject["population"]), (&json!("budget"), &json!(400)));
    // Cut shorter on the command line, the same pairs have no such test.
    let cut = team.gate().named("cut").arg("--max-images").arg("300").run().await.ends(3);
    assert_eq!(
        (&cut.subject()["stopped"], &cut.subject()["lean"]),
        (&json!("max"), &json!("pass"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_fails_on_every_repeat_is_named_and_may_block() {
    let team = Team::new(&profile(&json!({}), &json!({"html": "50%"}))).await;
    let mut policy = team.policy();
    policy["sample"] = json!({"repeats": 3, "max": 60, "stop": "end"});
    policy["limits"] = json!({"failure_rate": {"max": "90%"}});
    team.change(&policy, &prompts(20));
    let ran = team.gate().run().await.ends(0);
    let mut failed = BTreeMap::<String, u32>::new();
    for sample in ran.samples().into_iter().filter(|s| s.side == Side::Candidate && s.failure) {
        *failed.entry(sample.case).or_default() += 1;
    }
    let mut always: Vec<_> = failed.iter().filter(|(_, n)| **n == 3).map(|(id, _)| id).collect();
    always.sort();
    assert!(!always.is_empty() && always.len() < 10);
    let subject = ran.subject();
    let mut named: Vec<_> = subject["always_failing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failing| failing["case"].as_str().unwrap())
        .collect();
    named.sort_unstable();
    assert_eq!(named, always);
    policy["always_fail"] = json!("fail");
    team.change(&policy, &prompts(20));
    let blocked = team.gate().named("blocked").run().await.ends(1);
    let limits = blocked.subject()["limits"].clone();
    let line = limits.as_array().unwrap().iter().find(|l| l["name"] == "always_fail").unwrap();
    assert_eq!(
        (&line["outcome"], &line["candidate"]),
        (&json!("fail"), &json!(always.len() as f64))
    );
}
