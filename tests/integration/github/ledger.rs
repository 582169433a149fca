//! Past verdicts in the repository itself.

use std::process::Command;

use presscheck::github::HISTORY_REF;
use presscheck::revision::Files;
use serde_json::{Value, json};

use super::Fault;
use super::job::{Job, own};
use crate::gate::{MODELS, Team, good, hero, prompts};

/// A pull request whose verdict is a pass, by a job that may write to the repository, with its base.
async fn passing() -> (Job, presscheck_core::units::CommitSha) {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    (job, base)
}

/// What `presscheck history --git` says of these files, once they are fetched.
fn history(job: &Job, files: Files, arguments: &[&str]) -> (Option<i32>, String, String) {
    job.team.scratch.commit("fetched", "A verdict of presscheck", &[], &files).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .env_clear()
        .current_dir(job.team.scratch.root())
        .arg("history")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_is_one_commit_on_top_and_read_from_a_clone() {
    let (mut job, base) = passing().await;
    job.fake.grant_contents();
    // Each run has a store of its own, as pull requests have whose caches don't meet.
    job.ends("first", 0).await;
    let files = [(MODELS, hero("new")), ("more", "x".to_owned())];
    let pushed = job.team.commit("change", &[&base], &files);
    job.is_pull("pull_request", ("main", &base), &pushed, &own());
    // Another run moves the ref between the look and the write.
    let moved = Fault::Refuse(422, json!({"message": "Update is not a fast forward"}));
    job.fake.fail(&format!("PATCH /repos/octo-org/shop/git/{HISTORY_REF}"), moved);
    let ran = job.ends("second", 0).await;
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);

    let tip = job.fake.refs()[HISTORY_REF].clone();
    let (kept, before) = job.fake.files(&tip);
    assert_eq!((kept.len(), before), (2, 1), "{:?}", kept.keys());
    let files: Files =
        kept.into_iter().map(|(path, bytes)| (path.parse().unwrap(), bytes)).collect();
    let (code, stdout, stderr) = history(&job, files.clone(), &["--git", "fetched", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&document["kept"], &document["damaged"]), (&json!(2), &json!(0)), "{document}");
    let heads = document["verdicts"].as_array().unwrap().iter();
    let heads: Vec<_> = heads.map(|verdict| &verdict["head"]["commit"]).collect();
    assert_eq!(heads[1], &json!(pushed));

    // What is not fetched yet, or names a store as well, is said.
    let (code, _, stderr) = history(&job, files.clone(), &["--git"]);
    assert_eq!(code, Some(2));
    let fetch = format!("git fetch origin {HISTORY_REF}:{HISTORY_REF}");
    assert!(stderr.contains(&fetch), "{stderr}");
    let (code, ..) = history(&job, files, &["--git", "fetched", "--store", "x"]);
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_nothing_is_written_and_nobody_is_warned() {
    let (job, _) = passing().await;
    let ran = job.ends("first", 0).await;
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    assert!(job.fake.refs().is_empty());
    // One request tells that there is no permission; nothing is asked twice.
    let log = job.fake.log();
    let writes = log.iter().filter(|line| line.contains("/git/") && !line.starts_with("GET"));
    assert_eq!(writes.count(), 1, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_takes_no_verdict_changes_none() {
    let (job, _) = passing().await;
    job.fake.grant_contents();
    let refused = Fault::Refuse(409, json!({"message": "Git Repository is empty."}));
    job.fake.fail("POST /repos/octo-org/shop/git/trees", refused);
    let ran = job.ends("first", 0).await;
    let warning =
        "The verdict is not in the repository's history of verdicts: could not keep the verdict";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    assert_eq!(job.check()["conclusion"], "success");
}
