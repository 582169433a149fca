//! How the gate asks: in bursts where the policy says so, and less where a provider has had enough.

use presscheck::simulator::LogEntry;
use serde_json::json;

use super::{Team, good, prompts};

/// The most requests of one model that were under way together, and whether both models ever were.
fn together(log: &[LogEntry]) -> (usize, bool) {
    let span = |entry: &LogEntry| entry.started_ms..=entry.answered_ms.unwrap_or(entry.started_ms);
    let mut most = 0;
    let mut mixed = false;
    for entry in log {
        let now = log.iter().filter(|other| span(other).contains(&entry.started_ms));
        let (same, other): (Vec<_>, Vec<_>) = now.partition(|other| other.model == entry.model);
        most = most.max(same.len());
        // The clock counts whole milliseconds: one that ends as another begins is not beside it.
        mixed |= other.iter().any(|other| other.answered_ms > Some(entry.started_ms));
    }
    (most, mixed)
}

#[tokio::test]
async fn a_burst_is_of_one_model_and_all_at_once() {
    let mut profile = good();
    for model in ["old", "new"] {
        profile["models"][model]["latency"] = json!("150ms");
    }
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["load"] = json!({"burst": 12});
    policy["sample"] = json!({"max": 30, "stop": "end"});
    policy["limits"]["latency_p95"] = json!({"max": "10s"});
    team.change(&policy, &prompts(30));
    let ran = team.gate().run().await.ends(0);
    ran.has_note("bursts: 12 requests of one model at once");
    let log = team.log();
    assert_eq!(log.len(), 60);
    assert_eq!(together(&log), (12, false));
    // Twelve, twelve and six prompts.
    let mut models: Vec<_> =
        log.iter().map(|entry| (entry.started_ms, entry.model.clone())).collect();
    models.sort();
    let waves: Vec<_> = models
        .chunk_by(|one, two| one.1 == two.1)
        .map(|wave| (wave[0].1.as_str(), wave.len()))
        .collect();
    let expected = [("old", 12), ("new", 12), ("old", 12), ("new", 12), ("old", 6), ("new", 6)];
    assert_eq!(waves, expected);

    // Times without that load say nothing of it: another burst buys anew, the same one nothing.
    team.gate().out("again").run().await.ends(0);
    assert_eq!(team.log().len(), 60);
    policy["load"] = json!({});
    team.change(&policy, &prompts(30));
    team.gate().out("without").run().await.ends(0);
    assert_eq!(team.log().len(), 120);
}

#[tokio::test]
async fn who_has_had_enough_is_asked_for_less() {
    let mut profile = good();
    profile["concurrency"] = json!(2);
    for model in ["old", "new"] {
        profile["models"][model]["latency"] = json!("30ms");
    }
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["concurrency"] = json!(32);
    policy["providers"]["studio"]["retries"] = json!(20);
    policy["sample"] = json!({"max": 30, "stop": "end"});
    team.change(&policy, &prompts(30));
    let ran = team.gate().run().await.ends(0);
    assert_eq!(ran.subject()["outcomes"]["candidate"]["passed"], 30);
    let log = team.log();
    let turned_away = log.iter().filter(|entry| entry.status == Some(429)).count();
    // Without that, 64 callers would be turned away over and over, until all 60 pictures are drawn.
    assert!(turned_away < 120, "{turned_away} of {}", log.len());
    let late = &log[log.len() / 2..];
    let late = late.iter().filter(|entry| entry.status == Some(429)).count();
    assert!(late * 2 < log.len() / 2, "{late} of the second half, {}", log.len());
}
