//! Labels from the command line: said, drawn, and what they say of a check.

use std::path::Path;
use std::process::{Command, Stdio};

use presscheck_core::labels::{Label, Truth, read_labels};
use serde_json::{Value, json};

use crate::gate::{Ran, Team, profile, prompts};

/// Runs a command where the labels lie.
fn presscheck(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    command.env_clear().env("USER", "ada").current_dir(folder).args(arguments);
    Ran::of(&command.stdin(Stdio::null()).output().unwrap(), folder)
}

fn labels(folder: &Path) -> Vec<Label> {
    let text = std::fs::read_to_string(folder.join("presscheck-labels.jsonl")).unwrap();
    read_labels(&text).unwrap().labels().to_vec()
}

/// A run of 40 pairs, of which the candidate's pictures fail in some.
async fn judged() -> (Team, Ran) {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "30%"}))).await;
    let mut policy = team.policy();
    policy["sample"]["stop"] = json!("end");
    team.change(&policy, &prompts(40));
    let ran = team.gate().run().await.ends(1);
    (team, ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reviewer_says_of_a_finding_is_kept() {
    let (team, ran) = judged().await;
    let folder = team.folder.path();
    let failed = ran.samples().into_iter().find(|line| line.failure).unwrap();
    let say = |what: &str, more: &[&str]| {
        let mut arguments = vec!["label", what, "--check", "dimensions", "--in", "out"];
        arguments.extend(more);
        presscheck(folder, &arguments)
    };
    let said = say(&failed.case, &["--side", "candidate", "--wrong", "--note", "meant to be wide"]);
    let said = said.ends(0).stderr;
    assert!(said.contains("`dimensions` wrongly failed the candidate's picture"), "{said}");
    let [label] = labels(folder).try_into().unwrap();
    assert_eq!((label.truth, label.by.as_deref()), (Some(Truth::Good), Some("ada")));
    assert_eq!((label.note.as_deref(), label.drawn), (Some("meant to be wide"), false));
    // By the picture's name, and the other way round: the last word counts.
    let picture = label.picture.to_string();
    say(&picture[..12], &["--right"]).ends(0);
    assert_eq!(labels(folder)[0].truth, Some(Truth::Bad));
    assert_eq!(labels(folder).len(), 1);
    for (what, more, says) in [
        (failed.case.as_str(), &["--right"][..], "say which with --side"),
        ("nothing", &["--right"], "there is no sample `nothing`"),
        (&failed.case, &["--right", "--repeat", "2"], "there is no sample"),
        (&failed.case, &[], "--right"),
        (&failed.case, &["--right", "--wrong"], "cannot be used with"),
    ] {
        let said = say(what, more).ends(2).stderr;
        assert!(said.contains(says), "{what} {more:?}: {said}");
    }
    let other = ["label", "x", "--check", "dimension", "--right", "--in", "out"];
    let said = presscheck(folder, &other).ends(2).stderr;
    assert!(said.contains("did you mean `dimensions`?"), "{said}");
    let gone = ["label", "x", "--check", "dimensions", "--right", "--in", "gone"];
    let said = presscheck(folder, &gone).ends(2).stderr;
    assert!(said.contains("gone/samples.jsonl can't be read"), "{said}");
    assert_eq!(labels(folder).len(), 1);
    std::fs::write(folder.join("presscheck-labels.jsonl"), "nonsense").unwrap();
    let said = presscheck(folder, &["calibrate", "--in", "out"]).ends(2).stderr;
    assert!(said.contains("line 1:") && said.contains("nothing was counted"), "{said}");
    let said = say(&failed.case, &["--side", "candidate", "--right"]).ends(2).stderr;
    assert!(said.contains("holds a line that is no label") && said.contains("line 1:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drawn_labels_tell_how_often_a_check_is_wrong() {
    let (team, ran) = judged().await;
    let folder = team.folder.path();
    let ask = ["label", "--ask", "20", "--check", "dimensions", "--in", "out", "--json"];
    let asked = presscheck(folder, &ask).ends(0);
    assert!(asked.stderr.contains("To answer: presscheck label"), "{}", asked.stderr);
    let document: Value = serde_json::from_str(&asked.stdout).unwrap();
    let drawn = document["labels"].as_array().unwrap();
    assert_eq!(drawn.len(), 20);
    // Open ones are told of, and make no rate.
    let calibrate = ["calibrate", "--in", "out", "--json"];
    let open: Value = serde_json::from_str(&presscheck(folder, &calibrate).ends(0).stdout).unwrap();
    assert_eq!(open["checks"][0]["false_fail"], Value::Null);
    for (number, label) in drawn.iter().enumerate() {
        // One of the failing ones was fine.
        let right = if number == 0 { "--wrong" } else { "--right" };
        let picture = &label["picture"].as_str().unwrap()[..16];
        let say = ["label", picture, "--check", "dimensions", right, "--in", "out"];
        presscheck(folder, &say).ends(0);
    }
    let said = presscheck(folder, &calibrate).ends(0);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let check = &document["checks"][0];
    let failing = ran.samples().iter().filter(|line| line.failure).count();
    let fails = &check["fails"];
    assert_eq!((&fails["pictures"], &fails["wrong"]), (&json!(failing), &json!(1)));
    let (drawn, all) = (fails["labelled"].as_f64().unwrap(), failing as f64);
    let wrong = all / drawn;
    let rate = check["false_fail"]["rate"].as_f64().unwrap();
    assert!((rate - wrong / (80.0 - all + wrong)).abs() < 1e-9, "{said:?}");
    assert_eq!(check["miss"]["rate"], json!(0.0));
    assert!(said.stderr.contains("dimensions"), "{}", said.stderr);
    // Asked again, the draw goes on.
    let more = presscheck(folder, &ask).ends(0);
    let more: Value = serde_json::from_str(&more.stdout).unwrap();
    assert!(more["labels"].as_array().unwrap().iter().all(|it| it["truth"].is_null()));
}
