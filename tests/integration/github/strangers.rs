//! Changes by strangers: what they get without keys, and what must be true before their run costs anything.

use presscheck_core::units::CommitSha;
use serde_json::{Value, json};

use super::Fault;
use super::job::{Job, fork, own, pull};
use crate::gate::{MODELS, POLICY, PROMPTS, Team, good, hero, prompts};

/// A policy whose provider needs a key.
fn policy(team: &Team) -> Value {
    let mut policy = team.policy();
    policy["providers"]["studio"]["api_key_env"] = json!("STUDIO_KEY");
    policy["providers"]["studio"]["headers"] = json!({"authorization": "Bearer ${STUDIO_KEY}"});
    policy
}

/// A pull request of a head, under an event.
async fn change(event: &'static str, repo: &Value) -> (Job, CommitSha, CommitSha) {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&policy(&team), &prompts(12));
    let mut job = Job::new(team).await;
    job.is_pull(event, ("main", &base), &head, repo);
    (job, base, head)
}

/// What the job's summary of a run says.
fn summary(job: &Job, name: &str) -> String {
    std::fs::read_to_string(job.file(&format!("{name}-summary"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_without_keys_gets_its_plan_and_pays_nothing() {
    let (job, _, head) = change("pull_request", &fork()).await;
    let ran = job.ends("fork", 4).await;
    // Markdown escapes the name of a variable.
    for text in [&ran.stderr, &summary(&job, "fork").replace('\\', "")] {
        assert!(text.contains("this change is from another repository"), "{text}");
        assert!(text.contains("STUDIO_KEY") && text.contains("presscheck plan   hero"), "{text}");
        assert!(text.contains("at most") && text.contains("$0."), "{text}");
        assert!(text.contains(&format!("the model file's change in {}", head.short())), "{text}");
    }
    let check = job.check();
    assert_eq!(check["conclusion"], "failure");
    let title = check["output"]["title"].as_str().unwrap();
    assert!(
        title.starts_with("No verdict: not judged yet: this change is from another"),
        "{title}"
    );
    assert!(check["output"]["summary"].as_str().unwrap().contains("presscheck plan   hero"));
    let output = std::fs::read_to_string(job.file("fork-output")).unwrap();
    assert!(output.contains("verdict<<") && output.contains("\nnone\n"), "{output}");
    job.bought_nothing();
    // A token that may only read, as a fork's is, changes nothing but what is told.
    job.fake.make_read_only();
    job.ends("quiet", 4).await;
    assert!(summary(&job, "quiet").contains("presscheck plan   hero"));
    job.bought_nothing();
    // With the keys, in an environment that was approved, it runs.
    let ran = job.gate("keys").env("STUDIO_KEY", "sk-secret-secret").run().await.ends(0);
    assert_eq!(ran.subject()["pairs"], 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_s_mistakes_are_told_before_its_plan() {
    let team = Team::new(&good()).await;
    let base = policy(&team).to_string();
    let files = |models: String| [(POLICY, base.clone()), (MODELS, models), (PROMPTS, prompts(12))];
    let odd = json!({"models": {"hero": {"provider": "elsewhere", "model": "new"}}}).to_string();
    let base = team.commit("main", &[], &files(hero("old")));
    let head = team.commit("change", &[&base], &files(odd));
    let job = Job::of_pull(team, ("main", &base), &head, &fork()).await;
    let ran = job.ends("odd", 2).await;
    assert!(
        ran.stderr.contains("elsewhere") && !ran.stderr.contains("presscheck plan"),
        "{}",
        ran.stderr
    );
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_touches_no_model_passes_without_keys() {
    let team = Team::new(&good()).await;
    let policy = policy(&team).to_string();
    let mut files = vec![(POLICY, policy), (MODELS, hero("old")), (PROMPTS, prompts(12))];
    let base = team.commit("main", &[], &files);
    files.push(("src/app.js", "run()".to_owned()));
    let head = team.commit("change", &[&base], &files);
    let job = Job::of_pull(team, ("main", &base), &head, &fork()).await;
    job.ends("else", 0).await;
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn dependabot_is_a_stranger_and_a_colleague_without_a_key_is_told_of_the_key() {
    let (mut job, base, head) = change("pull_request", &own()).await;
    let ran = job.ends("colleague", 4).await;
    assert!(ran.stderr.contains("no value in the environment for `STUDIO_KEY`"), "{}", ran.stderr);
    let mut dependabot = pull(17, ("main", &base), &head, &own());
    dependabot["user"] = json!({"login": "dependabot[bot]", "type": "Bot"});
    job.is("pull_request", json!({"action": "opened", "number": 17, "pull_request": dependabot}));
    let ran = job.ends("dependabot", 4).await;
    assert!(ran.stderr.contains("this change is by Dependabot"), "{}", ran.stderr);
    assert!(ran.stderr.contains("presscheck plan   hero"), "{}", ran.stderr);
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_head_that_is_gone_starts_nothing() {
    let (job, base, head) = change("pull_request_target", &fork()).await;
    // A push came between the approval and the run.
    let other =
        job.team.commit("change", &[&head], &[(MODELS, hero("new")), ("x", "y".to_owned())]);
    job.fake.add_pull(pull(17, ("main", &base), &other, &fork()));
    let gate = |name: &str| job.gate(name).env("STUDIO_KEY", "sk-secret-secret");
    let ran = gate("moved").run().await.ends(4);
    let words = format!("the pull request has moved on from {} to {}", head.short(), other.short());
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    assert!(ran.stderr.contains("a push after the approval needs a new one"), "{}", ran.stderr);
    assert!(job.check()["output"]["title"].as_str().unwrap().contains("has moved on"));
    job.bought_nothing();
    assert!(job.fake.our_comments().is_empty());
    // Where GitHub does not say, nothing is bought either.
    job.fake.add_pull(pull(17, ("main", &base), &head, &fork()));
    for _ in 0..3 {
        job.fake
            .fail("GET /repos/octo-org/shop/pulls/17", Fault::Refuse(502, json!("Bad gateway")));
    }
    let ran = gate("away").run().await.ends(4);
    assert!(ran.stderr.contains("is still the pull request's head is not known"), "{}", ran.stderr);
    job.bought_nothing();
    gate("there").run().await.ends(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_while_an_approved_run_is_under_way_keeps_its_verdict_from_being_told() {
    let (job, base, head) = change("pull_request_target", &fork()).await;
    let other =
        job.team.commit("change", &[&head], &[(MODELS, hero("new")), ("x", "y".to_owned())]);
    // The head is what was approved when it is asked for the first time, and another the second time.
    job.fake.move_pull_after_reads(1, pull(17, ("main", &base), &other, &fork()));
    let ran = job.gate("moved").env("STUDIO_KEY", "sk-secret-secret").run().await.ends(4);
    assert!(ran.stderr.contains("has moved on"), "{}", ran.stderr);
    assert!(job.fake.our_comments().is_empty());
    let check = job.check();
    assert_eq!((&check["head_sha"], &check["conclusion"]), (&json!(head), &json!("failure")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_run_waits_for_a_review_of_the_very_commit_by_a_writer() {
    let (job, base, head) = change("pull_request_target", &fork()).await;
    job.fake.permit("ada", "maintain");
    let gate = |name: &str| {
        job.gate(name).env("STUDIO_KEY", "sk-secret-secret").env("INPUT_REQUIRE-APPROVAL", "forks")
    };
    let refused = async |name: &str, words: &str| {
        let ran = gate(name).run().await.ends(4);
        assert!(ran.stderr.contains("waits for a review that approves"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains("presscheck plan   hero"),
            "{}",
            ran.stderr
        );
        job.bought_nothing();
    };
    refused("none", "nobody reviewed it yet").await;
    job.fake.review("ada", "APPROVED", &base);
    refused("old", &format!("@ada approved {}, which is not {}", base.short(), head.short())).await;
    job.fake.review("rita", "APPROVED", &head);
    refused("reader", "takes write permission, and theirs is “read”").await;
    job.fake.review("ada", "APPROVED", &head);
    job.fake.review("ada", "CHANGES_REQUESTED", &head);
    refused("back", "@ada asks for changes, or the approval was dismissed").await;
    // What can't be asked is no approval.
    job.fake.review("ada", "APPROVED", &head);
    let denied = Fault::Refuse(403, json!({"message": "Resource not accessible by integration"}));
    job.fake.fail("GET /repos/octo-org/shop/collaborators/ada", denied.clone());
    refused("unknown", "whether they may write could not be asked").await;
    job.fake.fail("GET /repos/octo-org/shop/pulls/17/reviews", denied);
    refused("reviews", "could not read the pull request's reviews").await;
    // Over a page of remarks, and then it runs.
    for _ in 0..120 {
        job.fake.review("rita", "COMMENTED", &head);
    }
    let ran = gate("approved").run().await.ends(0);
    assert_eq!(ran.subject()["pairs"], 12);
    // A branch of the repository itself waits for nobody under `forks`, and for a review under `true`.
    let (job, _, _) = change("pull_request", &own()).await;
    let gate = |name: &str, input: &str| {
        job.gate(name).env("STUDIO_KEY", "sk-secret-secret").env("INPUT_REQUIRE-APPROVAL", input)
    };
    gate("all", "true").run().await.ends(4);
    job.bought_nothing();
    gate("forks", "forks").run().await.ends(0);
}
