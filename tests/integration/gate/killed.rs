//! A run that is killed, and started again: nothing that was paid for is bought twice.

use std::collections::BTreeSet;
use std::time::Duration;

use presscheck::simulator::LogEntry;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::{Team, essence, files_below, profile, prompts};

/// The most samples that are under way at once: both sides of a batch. What was answered and is not in the
/// store yet when a process dies, nobody can keep; there is never more of it.
const UNDER_WAY: usize = 2 * 16;

type Sample = (String, String, u64);

/// The samples that the store has.
fn kept(store: &std::path::Path) -> BTreeSet<Sample> {
    let read = |path: &std::path::PathBuf| -> Option<Sample> {
        // A file that was written and not yet given its name is not in the store.
        path.extension().filter(|extension| *extension == "json")?;
        let text = std::fs::read_to_string(path).ok()?;
        let record: Value = serde_json::from_str(text.split_once('\n')?.1).ok()?;
        let identity = &record["identity"];
        let word = |key: &str| identity[key].as_str().map(str::to_owned);
        let seed = &identity["seed"];
        let seed = seed.as_u64().or_else(|| seed.as_str()?.parse().ok())?;
        Some((word("model")?, word("prompt")?, seed))
    };
    files_below(&store.join("samples")).iter().filter_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_cost_nothing_twice_and_change_no_verdict() {
    let faults = json!({
        "wrong_aspect": "4%", "truncated": "3%", "html": "3%", "json_error": "2%", "refused": "2%",
        "server_error": "3%", "server_error_attempts": 1,
    });
    let mut profile = profile(&faults, &faults);
    for model in ["old", "new"] {
        profile["models"][model]["latency"] = json!({"median": "25ms", "p95": "60ms"});
    }
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["sample"]["stop"] = json!("end");
    team.change(&policy, &prompts(300));
    let gate = team.gate();

    let mut dice = StdRng::seed_from_u64(20_261_123);
    let mut kills = Vec::new();
    let mut stored = Vec::new();
    for _ in 0..10 {
        let before = team.log().len();
        let (requests, pause) = (dice.random_range(0..55), dice.random_range(0..40));
        let mut child = gate.spawn();
        while team.log().len() < before + requests && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert!(child.try_wait().unwrap().is_none(), "the run was over before it was killed");
        let now = u64::try_from(team.started.elapsed().as_millis()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        kills.push((now, team.log().len()));
        stored.push(kept(gate.store()));
    }
    let ran = gate.run().await;
    assert!(ran.code <= 1, "{}", ran.stderr);
    assert_eq!(ran.subject()["pairs"], 300);

    let log = team.log();
    let key = |entry: &LogEntry| (entry.model.clone(), entry.prompt.clone(), entry.seed);
    let mut begun = 0;
    let mut lost = Vec::new();
    for ((killed, requests), stored) in kills.iter().zip(&stored) {
        let again: BTreeSet<Sample> = log[*requests..].iter().map(key).collect();
        let twice: Vec<_> = stored.intersection(&again).collect();
        assert!(twice.is_empty(), "stored, and asked again: {twice:?}");
        // A 502 is no answer to a sample; what is final is a picture, a broken body or a refusal.
        let resent: Vec<_> = log[begun..*requests]
            .iter()
            .filter(|entry| entry.answered && matches!(entry.status, Some(200 | 403)))
            .filter(|entry| again.contains(&key(entry)))
            .filter_map(|entry| Some(killed.saturating_sub(entry.answered_ms?)))
            .collect();
        assert!(resent.len() <= UNDER_WAY, "{} answers were lost by one kill", resent.len());
        lost.extend(resent);
        begun = *requests;
    }
    lost.sort_unstable();
    let late = lost.iter().filter(|age| **age > 100).count();
    eprintln!(
        "ten kills: {} answers were asked for again, {late} of them answered more than 100 ms before {lost:?}",
        lost.len()
    );
    // Every request beyond one for each sample and its repeats is one of those, or was never answered.
    let asked: BTreeSet<Sample> = log.iter().map(key).collect();
    assert_eq!(asked.len(), 600);

    let whole = team.gate().named("whole").run().await.ends(ran.code);
    assert_eq!(essence(&ran.verdict()), essence(&whole.verdict()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_stops_where_a_whole_one_does() {
    let faults = json!({"wrong_aspect": "4%", "truncated": "4%", "html": "3%"});
    let mut profile =
        profile(&faults, &json!({"wrong_aspect": "9%", "truncated": "9%", "html": "9%"}));
    for model in ["old", "new"] {
        profile["models"][model]["latency"] = json!({"median": "20ms", "p95": "60ms"});
    }
    let team = Team::changing(&profile, 300).await;
    let gate = team.gate();
    let mut killed = 0;
    for requests in [3, 25, 40] {
        let before = team.log().len();
        let mut child = gate.spawn();
        while team.log().len() < before + requests && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed >= 2, "the run was over before it was killed");
    let ran = gate.run().await;
    let whole = team.gate().named("whole").run().await.ends(ran.code);
    assert!(ran.subject()["pairs"].as_u64().unwrap() < 300);
    assert_eq!(essence(&ran.verdict()), essence(&whole.verdict()));
}
