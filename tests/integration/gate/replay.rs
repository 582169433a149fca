//! Replays: the verdict again from what is stored, by another policy too; and what was altered is noticed. That every
//! verdict of these tests is replayed byte for byte, [`Gate::run`] sees to.

use std::path::Path;

use serde_json::{Value, json};

use super::{Gate, POLICY, Ran, Team, files_below, good, profile, prompts};

/// A team whose change fails one in six pictures, judged by the end of the draw.
async fn team() -> (Team, Gate, Ran) {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "15%"}))).await;
    let mut policy = team.policy();
    policy["sample"]["stop"] = json!("end");
    team.change(&policy, &prompts(60));
    let gate = team.gate();
    let ran = gate.run().await.ends(1);
    (team, gate, ran)
}

/// The only name of a run in a store.
fn name(gate: &Gate) -> String {
    let files = files_below(&gate.store().join("evidence"));
    assert_eq!(files.len(), 1);
    files[0].file_name().unwrap().to_str().unwrap().to_owned()
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_enough_and_nobody_is_asked() {
    let (team, gate, ran) = team().await;
    let asked = team.log().len();
    let name = name(&gate);
    for digits in [64, 12] {
        let again = gate.replay(&name[..digits], &["--json"]).await.ends(1);
        let document = json_of(&again);
        assert_eq!(document["identical"], true);
        assert_eq!(document["verdict"], ran.verdict());
        assert_eq!(document["pictures"], json!({"judged": 120, "absent": 0}));
    }
    // Reports are written where they are asked for, with their pictures.
    let out = team.folder.path().join("again");
    let more = ["--out", out.to_str().unwrap(), "--recheck"];
    gate.replay(&name[..12], &more).await.ends(1);
    for file in ["verdict.json", "summary.md", "junit.xml", "samples.jsonl"] {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        assert_eq!(text, ran.read(file), "{file}");
    }
    assert_eq!(files_below(&out.join("images")).len(), files_below(&ran.out.join("images")).len());
    assert_eq!(team.log().len(), asked);
    for (wrong, says) in [
        ("0000000", "has no run `0000000`"),
        ("123", "at least 6 digits"),
        ("nothing-of-ours", "neither a folder nor the name of a run"),
    ] {
        let said = gate.replay(wrong, &[]).await.ends(2).stderr;
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_says_what_it_would_have_said() {
    let (team, gate, ran) = team().await;
    let asked = team.log().len();
    let by = async |change: &dyn Fn(&mut Value), more: &[&str], code| {
        let mut policy = team.policy();
        change(&mut policy);
        let file = team.folder.path().join("other.yaml");
        std::fs::write(&file, policy.to_string()).unwrap();
        let mut arguments = vec!["--policy", file.to_str().unwrap(), "--json"];
        arguments.extend(more);
        gate.replay(&ran.out, &arguments).await.ends(code)
    };
    // A limit that allows it.
    let loose =
        by(&|policy| policy["limits"]["failure_rate"] = json!({"max_increase": "40pp"}), &[], 0);
    let loose = loose.await;
    let document = json_of(&loose);
    assert_eq!((&document["identical"], &document["rechecked"]), (&json!(false), &json!(false)));
    assert_eq!(
        (&document["run"]["verdict"], &document["verdict"]["verdict"]),
        (&json!("fail"), &json!("pass"))
    );
    assert!(loose.stderr.contains("the run said fail; by"), "{}", loose.stderr);
    // A check that allows it: every picture is looked at anew.
    let blind = by(&|policy| policy["checks"] = json!({"dimensions": false}), &[], 0).await;
    let document = json_of(&blind);
    assert_eq!(document["rechecked"], true);
    let otherwise = document["otherwise"].as_array().unwrap();
    assert!(!otherwise.is_empty());
    for sample in otherwise {
        assert_eq!(sample["then"], json!({"outcome": "failed", "kind": "dimensions"}));
        assert_eq!(sample["now"]["outcome"], "passed");
    }
    // One that draws otherwise judges the pairs that there are.
    let other = by(&|policy| policy["sample"] = json!({"seed": 99, "stop": "end"}), &[], 1).await;
    assert_eq!(json_of(&other)["verdict"]["subjects"][0]["pairs"], ran.subject()["pairs"]);
    // A model that it does not admit is stopped before anything.
    let refused = by(
        &|policy| policy["models"] = json!({"allow": [{"provider": "studio", "model": "old"}]}),
        &[],
        2,
    );
    assert!(refused.await.stderr.contains("models.allow"));
    // A policy that is none.
    let broken = by(&|policy| policy["limits"] = json!({"failure_rat": {}}), &[], 2).await;
    assert!(broken.stderr.contains("did you mean"), "{}", broken.stderr);
    assert_eq!(team.log().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stopped_early_ends_where_its_evidence_does() {
    let team = Team::new(&profile(&json!({}), &json!({"html": "60%"}))).await;
    team.change(&team.policy(), &prompts(200));
    let gate = team.gate();
    let ran = gate.run().await.ends(1);
    assert!(ran.subject()["pairs"].as_u64().unwrap() < 100);
    let mut policy = team.policy();
    policy["limits"]["failure_rate"] = json!({"max_increase": "55pp"});
    let file = team.folder.path().join("other.yaml");
    std::fs::write(&file, policy.to_string()).unwrap();
    let again = gate.replay(&ran.out, &["--policy", file.to_str().unwrap()]).await.ends(3);
    assert!(again.stderr.contains("The stored evidence on `hero` ends after"), "{}", again.stderr);
}

/// A copy of an output folder, to be tampered with.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    for file in files_below(from) {
        let to = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{}", file.display());
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_is_told_and_judged_by_nobody() {
    let (team, gate, ran) = team().await;
    let folder = team.folder.path().join("copy");
    let picture = |folder: &Path| files_below(&folder.join("images")).swap_remove(0);
    let first = |folder: &Path| files_below(&folder.join("inputs")).swap_remove(0);
    type Tamper<'a> = Box<dyn Fn(&Path) + 'a>;
    let cases: Vec<(&str, Tamper<'_>)> = vec![
        (
            "samples.jsonl",
            Box::new(|at| {
                replace(
                    &at.join("samples.jsonl"),
                    "\"outcome\":\"failed\"",
                    "\"outcome\":\"passed\"",
                );
            }),
        ),
        (
            "samples.jsonl (gone)",
            Box::new(|at| {
                std::fs::remove_file(at.join("samples.jsonl")).unwrap();
            }),
        ),
        (
            "run.json",
            Box::new(|at| {
                replace(
                    &at.join("run.json"),
                    "\"budget_usd\":\"100.00\"",
                    "\"budget_usd\":\"900.00\"",
                )
            }),
        ),
        ("verdict.json", Box::new(|at| replace(&at.join("verdict.json"), "\"fail\"", "\"pass\""))),
        ("report.html", Box::new(|at| replace(&at.join("report.html"), "<h1", "<h1 class=\"x\""))),
        (
            "images/",
            Box::new(|at| {
                let mut bytes = std::fs::read(picture(at)).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                std::fs::write(picture(at), bytes).unwrap();
            }),
        ),
        ("inputs/", Box::new(|at| std::fs::write(first(at), "another policy").unwrap())),
        ("(gone)", Box::new(|at| std::fs::remove_file(first(at)).unwrap())),
    ];
    for (named, tamper) in &cases {
        copy(&ran.out, &folder);
        gate.replay(&folder, &[]).await.ends(1);
        tamper(&folder);
        let said = gate.replay(&folder, &[]).await.ends(4).stderr;
        assert!(said.contains("not as the run left it") && said.contains(named), "{named}: {said}");
    }
    // A picture that nobody brought along is no forgery; but it can't be looked at.
    copy(&ran.out, &folder);
    std::fs::remove_file(picture(&folder)).unwrap();
    let without = gate.clone().named("none");
    std::fs::create_dir_all(without.store()).unwrap();
    let said = without.replay(&folder, &[]).await.ends(1).stderr;
    assert!(said.contains("119 of 120 pictures at hand"), "{said}");
    let said = without.replay(&folder, &["--recheck"]).await.ends(2).stderr;
    assert!(said.contains("1 of 120 pictures are not at hand"), "{said}");
    // The store has it.
    gate.replay(&folder, &["--recheck"]).await.ends(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_tampered_with_is_told() {
    let (_team, gate, _) = team().await;
    let name = name(&gate);
    for kind in ["images", "inputs", "evidence"] {
        let files = files_below(&gate.store().join(kind));
        let file = &files[0];
        let whole = std::fs::read(file).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        std::fs::write(file, bytes).unwrap();
        let said = gate.replay(&name, &[]).await.ends(4).stderr;
        assert!(said.contains("not as the run left it"), "{kind}: {said}");
        std::fs::write(file, whole).unwrap();
        gate.replay(&name, &[]).await.ends(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_run_are_told_from_one() {
    let team = Team::changing(&good(), 5).await;
    let gate = team.gate();
    let ran = gate.run().await.ends(0);
    let said = gate.replay(team.folder.path(), &[]).await.ends(2).stderr;
    let line = said.lines().next().unwrap();
    assert!(line.contains("holds no run: there is no run.json"), "{said}");
    assert!(line.ends_with("; nothing was judged") && said.contains("\n  help: name"), "{said}");
    let more = ["--out", ran.out.to_str().unwrap()];
    let said = gate.replay(&ran.out, &more).await.ends(2).stderr;
    assert!(said.contains("--out is the folder of the run"), "{said}");
    // No byte of a run's files makes it crash.
    let folder = team.folder.path().join("copy");
    for file in ["run.json", "samples.jsonl"] {
        for junk in ["", "{}", "\n\n\n", "null", "\u{0}", &"[".repeat(100_000)] {
            copy(&ran.out, &folder);
            std::fs::write(folder.join(file), junk).unwrap();
            gate.replay(&folder, &[]).await.ends(4);
        }
    }
    let policy = team.folder.path().join("gone.yaml");
    let more = ["--policy", policy.to_str().unwrap()];
    let said = gate.replay(&ran.out, &more).await.ends(2).stderr;
    assert!(said.contains("can't be read") && !said.contains(POLICY), "{said}");
}
