//! Keys: used where they belong, shown nowhere.

use serde_json::json;

use super::{Gate, Team, files_below, good, prompts};

const KEY: &str = "sk-this-key-is-shown-nowhere-4711";

/// A team whose server asks for a key.
async fn guarded() -> Team {
    let mut profile = good();
    profile["key"] = json!(KEY);
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["api_key_env"] = json!("STUDIO_KEY");
    policy["providers"]["studio"]["headers"] = json!({"authorization": "Bearer ${STUDIO_KEY}"});
    team.change(&policy, &prompts(20));
    team
}

fn with_key(gate: Gate, key: &str) -> Gate {
    gate.env("STUDIO_KEY", key)
}

/// Whether a text stands in any file below a folder.
fn is_written(team: &Team, text: &str) -> bool {
    let bytes = |path: &std::path::PathBuf| std::fs::read(path).unwrap();
    files_below(team.folder.path())
        .iter()
        .any(|path| bytes(path).windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_key_is_written_nowhere() {
    let team = guarded().await;
    let ran = with_key(team.gate().arg("--json"), KEY).run().await.ends(0);
    assert!(!ran.stdout.contains(KEY) && !ran.stderr.contains(KEY));
    assert!(!is_written(&team, KEY));
    assert!(
        is_written(&team, "a small picture of thing number 7"),
        "the search finds what is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_could_not_run() {
    let team = guarded().await;
    let wrong = "sk-wrong-wrong-wrong";
    let ran = with_key(team.gate(), wrong).run().await.ends(4);
    assert!(ran.stderr.contains("`studio` does not accept the key"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(wrong) && !is_written(&team, wrong));
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_named_before_anything_is_sent() {
    let team = guarded().await;
    let ran = team.gate().run().await.ends(4);
    assert!(ran.stderr.contains("STUDIO_KEY"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was sent"), "{}", ran.stderr);
}
