//! Events that don't name both sides, and heads that come from elsewhere.

use serde_json::{Value, json};

use super::Fault;
use super::job::{Job, fork, own, pull};
use crate::gate::{MODELS, POLICY, PROMPTS, Team, good, hero, profile, prompts};

/// A job of a finished workflow that ran on the head of a change.
async fn after_a_run(repo: &Value) -> (Job, Value) {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let found = pull(17, ("main", &base), &head, repo);
    let mut job = Job::new(team).await;
    job.is(
        "workflow_run",
        json!({"action": "completed", "workflow_run": {
            "event": "pull_request", "head_sha": head, "head_branch": "change",
            "head_repository": repo, "pull_requests": [],
        }}),
    );
    (job, found)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_workflow_is_judged_as_its_pull_request() {
    for (repo, listed) in [(own(), true), (fork(), true), (fork(), false)] {
        let (job, pull) = after_a_run(&repo).await;
        let (base, head) = (pull["base"]["sha"].clone(), pull["head"]["sha"].clone());
        // An older pull request with another head, and a closed one, are not meant.
        let mut moved = pull.clone();
        (moved["number"], moved["head"]["sha"]) = (json!(16), base.clone());
        let mut closed = pull.clone();
        (closed["number"], closed["state"]) = (json!(15), json!("closed"));
        for pull in [moved, closed, pull] {
            job.fake.add_pull(pull);
        }
        if !listed {
            job.fake.list_no_pull_by_commit();
        }
        // The workflow's own commit is the default branch: of no matter.
        let gate = job.gate("run").env("GITHUB_SHA", "1".repeat(40));
        let ran = gate.run().await.ends(0);
        assert_eq!(ran.subject()["pairs"], 12);
        assert_eq!(job.check()["head_sha"], head);
        assert_eq!(job.fake.our_comments().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_workflow_without_one_pull_request_judges_nothing() {
    let (job, pull) = after_a_run(&own()).await;
    let ran = job.ends("none", 2).await;
    assert!(ran.stderr.contains("no open pull request has the commit"), "{}", ran.stderr);
    let mut other = pull.clone();
    other["number"] = json!(18);
    for pull in [pull, other] {
        job.fake.add_pull(pull);
    }
    let ran = job.ends("two", 2).await;
    assert!(ran.stderr.contains("several open pull requests (#17, #18)"), "{}", ran.stderr);
    assert!(job.fake.checks().is_empty() && job.fake.comments().is_empty());
    job.bought_nothing();
    // Where the base is named, none is needed.
    job.gate("named").env("INPUT_BASE", "main").run().await.ends(0);
    assert!(job.fake.comments().is_empty());
    let output = std::fs::read_to_string(job.file("two-output")).unwrap();
    assert!(output.contains("none"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_workflow_waits_for_github_to_name_its_pull_request() {
    let (job, pull) = after_a_run(&own()).await;
    job.fake.add_pull(pull);
    let away = || Fault::Refuse(502, json!("Bad gateway"));
    for _ in 0..3 {
        job.fake.fail("GET /repos/octo-org/shop/commits", away());
    }
    let ran = job.ends("away", 4).await;
    assert!(ran.stderr.contains("look for the commit's pull request"), "{}", ran.stderr);
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_by_hand_judges_what_its_inputs_name() {
    let team = Team::new(&good()).await;
    let (_, head) = team.change(&team.policy(), &prompts(12));
    let mut job = Job::new(team).await;
    job.is("workflow_dispatch", json!({"ref": "refs/heads/main", "inputs": {}}));
    let main = job.team.scratch.commit("other", "x", &[], &[].into()).unwrap();
    // The base is the default branch where nobody names another.
    for (name, base) in [("default", ""), ("named", "main")] {
        let gate = job.gate(name).env("GITHUB_SHA", main.as_str()).env("INPUT_BASE", base);
        let ran = gate.env("INPUT_HEAD", "change").run().await.ends(0);
        assert_eq!(ran.subject()["pairs"], 12, "{name}");
    }
    let checks = job.fake.checks();
    assert!(checks.iter().all(|check| check["head_sha"] == head.as_str()), "{checks:?}");
    assert!(job.fake.comments().is_empty());
    let gate = job.gate("odd").env("GITHUB_SHA", main.as_str());
    let ran = gate.env("INPUT_HEAD", "mallory:change").run().await.ends(2);
    assert!(ran.stderr.contains("the action's input `head`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_do_not_replace_the_sides_of_a_pull_request() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.gate("odd").env("INPUT_BASE", "change").run().await.ends(2);
    assert!(ran.stderr.contains("`pull_request` names them"), "{}", ran.stderr);
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_judged_against_what_was_there_before() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let mut job = Job::new(team).await;
    for (name, before) in [("moved", base.to_string()), ("new", "0".repeat(40))] {
        job.is("push", json!({"ref": "refs/heads/change", "before": before, "after": head}));
        let ran = job.ends(name, 0).await;
        assert_eq!(ran.subject()["pairs"], 12, "{name}");
    }
}

/// A repository without a policy, and a change that brings one.
async fn first_policy()
-> (Job, presscheck_core::units::CommitSha, presscheck_core::units::CommitSha) {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["api_key_env"] = json!("STUDIO_KEY");
    policy["providers"]["studio"]["headers"] = json!({"authorization": "Bearer ${STUDIO_KEY}"});
    let base = team.commit("main", &[], &[(MODELS, hero("old"))]);
    let files = [(POLICY, policy.to_string()), (MODELS, hero("new")), (PROMPTS, prompts(12))];
    let head = team.commit("change", &[&base], &files);
    (Job::new(team).await, base, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_policy_judges_its_own_change_only_from_a_branch_of_the_repository() {
    let (mut job, base, head) = first_policy().await;
    job.is_pull("pull_request", ("main", &base), &head, &own());
    let own_branch = job.gate("own").env("STUDIO_KEY", "sk-secret-secret").run().await.ends(0);
    own_branch
        .has_note("has no presscheck.yaml yet: this first time the change is judged by its own");
    let before = job.team.log().len();
    for event in ["pull_request", "pull_request_target"] {
        for (name, repo) in [("fork", fork()), ("gone", Value::Null)] {
            job.is_pull(event, ("main", &base), &head, &repo);
            // No key is there: it is not missed either, for none is read.
            let ran = job.ends(&format!("{event}-{name}"), 2).await;
            let words = "the policy of another repository judges nothing here; no key was read";
            assert!(ran.stderr.contains(words), "{}", ran.stderr);
        }
    }
    assert_eq!(job.team.log().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_policy_in_a_merge_group_counts_only_if_its_pull_request_is_from_here() {
    for (repo, code) in [(own(), 0), (fork(), 2)] {
        let (mut job, base, head) = first_policy().await;
        job.fake.add_pull(pull(7, ("main", &base), &head, &repo));
        let queue = format!("refs/heads/gh-readonly-queue/main/pr-7-{base}");
        let group = json!({
            "head_sha": head, "head_ref": queue, "base_sha": base, "base_ref": "refs/heads/main",
        });
        job.is("merge_group", json!({"action": "checks_requested", "merge_group": group}));
        job.gate("group").env("STUDIO_KEY", "sk-secret-secret").run().await.ends(code);
        assert_eq!(job.team.log().is_empty(), code != 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pull_request_paid_for_decides_in_the_merge_queue_whatever_the_commits() {
    for (faults, code, verdict) in
        [(json!({}), 0, "pass"), (json!({"wrong_aspect": "100%"}), 1, "fail")]
    {
        let team = Team::new(&profile(&json!({}), &faults)).await;
        let (base, head) = team.change(&team.policy(), &prompts(30));
        let mut job = Job::of_pull(team, ("main", &base), &head, &own()).await;
        job.gate("pull").with_store("kept").run().await.ends(code);
        let bought = job.team.log().len();
        assert!(bought > 0);
        // Something else was merged meanwhile: both commits are others, what is judged is the same.
        let files = |model| {
            [
                (POLICY, job.team.policy().to_string()),
                (MODELS, hero(model)),
                (PROMPTS, prompts(30)),
                ("other", "x".to_owned()),
            ]
        };
        let moved = job.team.commit("main", &[&base], &files("old"));
        let group = job.team.commit("group", &[&moved, &head], &files("new"));
        let of_group = json!({
            "head_sha": group, "head_ref": format!("refs/heads/gh-readonly-queue/main/pr-17-{moved}"),
            "base_sha": moved, "base_ref": "refs/heads/main",
        });
        job.is("merge_group", json!({"action": "checks_requested", "merge_group": of_group}));
        let comments = job.fake.our_comments();
        let ran = job.gate("queue").with_store("kept").run().await.ends(code);
        assert_eq!(ran.verdict()["verdict"], verdict);
        assert_eq!((&ran.subject()["images_bought"], job.team.log().len()), (&json!(0), bought));
        let check = job.fake.checks().pop().unwrap();
        assert_eq!(check["head_sha"], group.as_str());
        assert_eq!(check["conclusion"], if code == 0 { "success" } else { "failure" });
        assert_eq!(job.fake.our_comments(), comments);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_run_judges_its_commit_against_the_default_branch() {
    let team = Team::new(&good()).await;
    let (_, head) = team.change(&team.policy(), &prompts(12));
    let mut job = Job::new(team).await;
    job.is("schedule", json!({"schedule": "30 5 * * 1"}));
    let gate = job.gate("clock").env("GITHUB_SHA", head.as_str());
    let ran = gate.env("GITHUB_REF", "refs/heads/change").run().await.ends(0);
    assert_eq!(ran.subject()["pairs"], 12);
    assert_eq!(job.check()["head_sha"], head.as_str());
    assert_eq!(job.check()["conclusion"], "success");
    assert!(job.fake.comments().is_empty());
    // On the default branch itself nothing is there to judge.
    let main = presscheck::revision::resolve(job.team.scratch.root(), Some("main"), Some("change"));
    let main = main.unwrap().base.commit().unwrap().to_string();
    let ran = job.gate("same").env("GITHUB_SHA", main).run().await.ends(0);
    assert!(ran.verdict()["reason"].as_str().unwrap().starts_with("Nothing to judge"));
}
