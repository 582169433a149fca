//! A store that was damaged: noticed, mended, and no verdict changes.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Gate, Team, essence, files_below, profile, prompts};

/// A file below a folder of the store; the same one every time.
fn pick(gate: &Gate, kind: &str, nth: usize) -> PathBuf {
    files_below(&gate.store().join(kind)).into_iter().nth(nth).unwrap()
}

/// The picture of a record, so that no sample is damaged twice.
fn picture_of(gate: &Gate, nth: usize) -> PathBuf {
    let sealed = std::fs::read_to_string(pick(gate, "samples", nth)).unwrap();
    let record: Value = serde_json::from_str(sealed.lines().nth(1).unwrap()).unwrap();
    let digest = record["answer"]["digest"].as_str().unwrap();
    gate.store().join("images").join(&digest[..2]).join(digest)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_torn_altered_or_gone_is_bought_again_with_a_note() {
    let faults = json!({"wrong_aspect": "10%"});
    let team = Team::new(&profile(&faults, &faults)).await;
    let mut policy = team.policy();
    policy["sample"]["stop"] = json!("end");
    team.change(&policy, &prompts(30));
    let gate = team.gate();
    let first = gate.run().await;
    let bought = team.log().len();

    // A record whose second half was never written.
    let torn = pick(&gate, "samples", 0);
    let bytes = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, &bytes[..bytes.len() / 2]).unwrap();
    // A record in which somebody improved one figure.
    let altered = pick(&gate, "samples", 5);
    let text = std::fs::read_to_string(&altered).unwrap();
    let better = text.replacen("\"charged\":\"0.0", "\"charged\":\"0.1", 1);
    assert_ne!(text, better);
    std::fs::write(&altered, better).unwrap();
    // An empty record, one that is no text, and a record under another's name.
    std::fs::write(pick(&gate, "samples", 10), "").unwrap();
    std::fs::write(pick(&gate, "samples", 15), [0xff, 0x00, 0xfe]).unwrap();
    std::fs::copy(pick(&gate, "samples", 20), pick(&gate, "samples", 21)).unwrap();
    // A picture with one changed byte, and one that is gone.
    let picture = picture_of(&gate, 25);
    let mut bytes = std::fs::read(&picture).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&picture, bytes).unwrap();
    std::fs::remove_file(picture_of(&gate, 30)).unwrap();

    let again = gate.clone().out("again").run().await.ends(first.code);
    assert_eq!(team.log().len(), bought + 7, "exactly what is damaged is bought again");
    again.has_note("7 stored results were torn or altered; they were bought again.");
    assert_eq!(essence(&again.verdict()), essence(&first.verdict()));
    assert_eq!(again.subject()["images_bought"], 7);

    let mended = gate.clone().out("mended").run().await.ends(first.code);
    assert_eq!(team.log().len(), bought + 7);
    assert_eq!(mended.notes(), first.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_can_not_be_written_stops_before_anything_is_sent() {
    let team = Team::changing(&profile(&json!({}), &json!({})), 10).await;
    let gate = team.gate();
    std::fs::write(gate.store(), "a file where the folder should be").unwrap();
    let ran = gate.run().await;
    assert!([2, 4].contains(&ran.code), "{}", ran.stderr);
    assert!(ran.stderr.contains("can't be opened"), "{}", ran.stderr);
    assert!(team.log().is_empty());
}
