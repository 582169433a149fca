//! The budget is hard, and the command line only lowers it.

use presscheck_core::units::Usd;
use serde_json::json;

use super::{Team, files_below, profile, prompts};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A team with a budget at concurrency 16, faults that cost money included.
async fn team(budget: &str) -> Team {
    let faults =
        json!({"html": "5%", "cut": "5%", "server_error": "5%", "server_error_attempts": 1});
    let team = Team::new(&profile(&faults, &faults)).await;
    let mut policy = team.policy();
    policy["budget"] = json!(budget);
    policy["limits"]["unavailable"] = json!({"max": "99%"});
    policy["providers"]["studio"]["concurrency"] = json!(16);
    team.change(&policy, &prompts(300));
    team
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_charged_than_the_budget() {
    let team = team("$1.50").await;
    let ran = team.gate().run().await.ends(3);
    assert!(team.charged() <= usd("$1.50"), "{}", team.charged());
    // And it is used: the next image would not fit any more.
    assert!(team.charged() > usd("$1.40"), "{}", team.charged());
    assert_eq!(ran.subject()["stopped"], "budget");
    assert_eq!(
        format!("${}", ran.verdict()["spent_usd"].as_str().unwrap()),
        team.charged().to_string()
    );

    // What was bought is in the store: with the same budget again, the run gets further.
    let pairs = ran.subject()["pairs"].as_u64().unwrap();
    let again = team.gate().run().await.ends(3);
    assert!(again.subject()["pairs"].as_u64().unwrap() > pairs);
    assert!(team.charged() <= usd("$3.00"), "{}", team.charged());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lowers_the_budget_and_never_raises_it() {
    let team = team("$0.80").await;
    team.gate().arg("--budget").arg("$90").run().await.ends(3);
    let first = team.charged();
    assert!(first <= usd("$0.80"), "{first}");
    team.gate().named("low").arg("--budget").arg("$0.30").run().await.ends(3);
    let second = team.charged().saturating_sub(first);
    assert!(second <= usd("$0.30"), "{second}");
    let before = team.log().len();
    let ran = team.gate().named("none").arg("--budget").arg("$0").run().await.ends(3);
    assert_eq!((team.log().len(), &ran.subject()["stopped"]), (before, &json!("budget")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_images_are_bought_than_asked_for() {
    let team = team("$100").await;
    let ran = team.gate().arg("--max-images").arg("25").run().await.ends(3);
    let charged = team.log().iter().filter(|entry| entry.status == Some(200)).count();
    assert!(charged <= 25 + 2 * 16, "{charged}");
    let subject = ran.subject();
    assert!(subject["images_bought"].as_u64().unwrap() <= 25, "{subject}");
    assert_eq!(subject["stopped"], "max");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_when_a_run_ends_is_kept_and_counted() {
    // The candidate's outage ends the run while the baseline's pictures are still being drawn.
    let mut profile = profile(&json!({}), &json!({"server_error": "100%"}));
    profile["models"]["old"]["latency"] = json!({"median": "60ms", "p95": "400ms"});
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["sample"]["batch"] = json!(64);
    policy["providers"]["studio"]["concurrency"] = json!(16);
    policy["providers"]["studio"]["retries"] = json!(0);
    team.change(&policy, &prompts(200));
    let ran = team.gate().run().await.ends(3);
    let (subject, log) = (ran.subject(), team.log());
    assert_eq!(subject["stopped"], "unavailable");
    let paid = log.iter().filter(|entry| entry.status == Some(200)).count();
    assert!(paid as u64 > subject["pairs"].as_u64().unwrap(), "some were beyond the judged prefix");
    assert_eq!(subject["images_bought"], paid);
    assert_eq!(
        format!("${}", ran.verdict()["spent_usd"].as_str().unwrap()),
        team.charged().to_string()
    );
    let kept = files_below(&team.gate().store().join("images")).len();
    assert_eq!(kept, paid, "every picture that was paid for is in the store");
}
