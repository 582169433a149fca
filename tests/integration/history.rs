//! `presscheck history` as a process, over what gates against a simulated model server left in one store.

use std::process::Command;

use presscheck_core::report::history_schema;
use serde_json::{Value, json};

use crate::gate::{MODELS, POLICY, PROMPTS, Ran, Team, files_below, hero, profile, prompts};

/// A team whose change from `old` to `new` fails, and whose way back passes; both were judged.
async fn judged() -> (Team, Vec<Value>) {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    let policy = team.policy();
    let (_, head) = team.change(&policy, &prompts(30));
    let files = [(POLICY, policy.to_string()), (MODELS, hero("old")), (PROMPTS, prompts(30))];
    team.commit("back", &[&head], &files);
    let there = team.gate().run().await.ends(1).verdict();
    let back = team.bare().arg("--base").arg("change").arg("--head").arg("back");
    let back = back.out("back").run().await.ends(0).verdict();
    (team, vec![there, back])
}

/// The command, over the store of the team's gates.
async fn history(team: &Team, arguments: &[&str]) -> Ran {
    let mut process = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    process.env_clear().current_dir(team.folder.path()).arg("history").args(arguments);
    if !arguments.contains(&"--store") {
        process.args(["--store", "store"]);
    }
    let output = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
    Ran::of(&output, team.folder.path())
}

/// The verdict of a kept run again, from the same store.
async fn replayed(team: &Team, name: &str) -> Ran {
    let mut process = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    process.env_clear().env("PRESSCHECK_MODELS", "/nonexistent");
    process.current_dir(team.folder.path()).args(["replay", name, "--store", "store"]);
    let output = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
    Ran::of(&output, team.folder.path())
}

fn document(ran: &Ran) -> Value {
    let document = serde_json::from_str(&ran.stdout).unwrap();
    let validator = jsonschema::validator_for(&history_schema()).unwrap();
    let errors: Vec<_> = validator.iter_errors(&document).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gates_leave_a_table_a_document_and_a_page() {
    let (team, said) = judged().await;
    let before = files_below(team.folder.path());
    let ran = history(&team, &[]).await.ends(0);
    let table = &ran.stdout;
    let place = |words: &str| table.find(words).unwrap_or_else(|| panic!("{words}: {table}"));
    assert!(place("FAIL") < place("old -> new") && place("old -> new") < place("new -> old"));
    assert!(table.contains("2 verdicts: 1 passed, 1 failed, 0 undecided; spent $"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert_eq!(files_below(team.folder.path()), before, "a look writes nothing");

    let document = document(&history(&team, &["--json"]).await.ends(0));
    let verdicts = document["verdicts"].as_array().unwrap();
    assert_eq!(
        (verdicts.len(), &document["kept"], &document["damaged"]),
        (2, &json!(2), &json!(0))
    );
    for (kept, said) in verdicts.iter().zip(&said) {
        for field in ["verdict", "blocking", "reason", "spent_usd"] {
            assert_eq!(kept[field], said[field], "{field}");
        }
        let (subject, of) = (&kept["subjects"][0], &said["subjects"][0]);
        for field in ["name", "verdict", "proven", "stopped", "pairs"] {
            assert_eq!(subject[field], of[field], "{field}");
        }
        for side in ["baseline", "candidate"] {
            assert_eq!(subject[side]["model"], of[side]["model"]);
            assert_eq!(subject["cost_per_1k_usd"][side], of["cost"][side]["per_1k_usd"]);
            assert_eq!(subject["latency"][side]["p95_s"], of["latency"][side]["p95_s"]);
            let failures = of["failures"].as_array().unwrap().iter();
            let failed = failures.filter(|failure| failure["side"] == side).count();
            assert_eq!(subject["failures"][side]["failed"], failed);
        }
        // From here the verdict can be made again.
        let name = kept["evidence"].as_str().unwrap();
        let again = replayed(&team, name).await.ends(if kept["verdict"] == "fail" { 1 } else { 0 });
        assert!(again.stderr.contains("every hash matches"), "{}", again.stderr);
        let end = if kept["verdict"] == "fail" { "base" } else { "head" };
        assert!(kept[end]["commit"].is_string(), "{kept}");
    }

    let ran = history(&team, &["--out", "pages/history.html", "--since", "2020-01-01"]).await;
    let page = ran.ends(0).read("pages/history.html");
    assert!(page.contains("2 verdicts on 1 model since 2020-01-01"), "{page}");
    assert!(page.contains("Failure rate") && page.contains("default-src 'none'"));
    assert!(!page.contains("<script") && !page.contains("http://localhost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_what_is_shown() {
    let (team, _) = judged().await;
    let count = async |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        let document = document(&history(&team, &arguments).await.ends(0));
        document["verdicts"].as_array().unwrap().len()
    };
    assert_eq!(count(&["--last", "1"]).await, 1);
    assert_eq!(count(&["--subject", "hero"]).await, 2);
    assert_eq!(count(&["--subject", "nobody"]).await, 0);
    assert_eq!(count(&["--since", "2999-01-01"]).await, 0);
    let newest = history(&team, &["--last", "1"]).await.ends(0).stdout;
    assert!(newest.contains("new -> old") && newest.contains("--last 2 shows"), "{newest}");
    let nobody = history(&team, &["--subject", "nobody"]).await.ends(0).stdout;
    assert!(nobody.contains("There is no verdict on `nobody` in the store"), "{nobody}");
    // A store that is not there is not made.
    let ran = history(&team, &["--store", "elsewhere"]).await.ends(0);
    assert!(ran.stdout.contains("no verdict in the store `elsewhere` yet"), "{}", ran.stdout);
    assert!(!team.folder.path().join("elsewhere").exists());
    for wrong in [["--since", "yesterday"], ["--last", "0"]] {
        let ran = history(&team, &wrong).await.ends(2);
        assert!(ran.stderr.contains(wrong[0]), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_no_model_leaves_nothing_and_a_torn_record_is_counted() {
    let (team, _) = judged().await;
    team.bare().arg("--base").arg("main").arg("--head").arg("main").run().await.ends(0);
    let kept = files_below(&team.gate().store().join("verdicts"));
    assert_eq!(kept.len(), 2);
    let bytes = std::fs::read(&kept[0]).unwrap();
    std::fs::write(&kept[0], &bytes[..bytes.len() / 2]).unwrap();
    let table = history(&team, &[]).await.ends(0).stdout;
    assert!(table.contains("1 record is left out") && table.contains("1 verdict: "), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_cannot_be_kept_is_the_same_verdict() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    team.change(&team.policy(), &prompts(30));
    let gate = team.gate();
    std::fs::create_dir_all(gate.store()).unwrap();
    std::fs::write(gate.store().join("verdicts"), "a file where the folder should be").unwrap();
    let ran = gate.run().await.ends(1);
    assert!(ran.stderr.contains("could not be kept for `presscheck history`"), "{}", ran.stderr);
    assert_eq!(ran.verdict()["verdict"], "fail");
}
