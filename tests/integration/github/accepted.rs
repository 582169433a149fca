//! Blocking verdicts that somebody accepts, or tries to.

use jiff::{SignedDuration, Timestamp};
use presscheck_core::units::CommitSha;
use serde_json::{Value, json};

use super::Fault;
use super::job::{Job, own};
use crate::gate::{MODELS, Ran, Team, hero, profile, prompts};

/// A pull request whose verdict is `fail`, judged once, with its base and its head.
async fn failed() -> (Job, CommitSha, CommitSha) {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "100%"}))).await;
    let (base, head) = team.change(&team.policy(), &prompts(30));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    ends(&job, "first", 1).await;
    (job, base, head)
}

/// Runs the job to its end, over the one store that all runs of it share.
async fn ends(job: &Job, name: &str, code: i32) -> Ran {
    job.gate(name).with_store("kept").run().await.ends(code)
}

/// When the first verdict was posted, and so many seconds.
fn after_the_verdict(job: &Job, seconds: i64) -> String {
    let at = job.fake.checks()[0]["completed_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    (at + SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn comment(login: &str, at: &str, body: &str) -> Value {
    json!({
        "event": "commented", "user": {"login": login, "type": "User"}, "body": body,
        "created_at": at, "updated_at": at,
    })
}

fn last_check(job: &Job) -> Value {
    job.fake.checks().pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_verdict_lets_its_commit_pass_for_nothing_and_the_next_push_does_not() {
    let (mut job, base, _) = failed().await;
    let bought = job.team.log().len();
    job.fake.permit("ada", "write");
    let at = after_the_verdict(&job, 5);
    job.fake.happens(comment("ada", &at, "/presscheck accept the new look is on purpose"));
    let ran = ends(&job, "accepted", 0).await;
    let verdict = ran.verdict();
    assert_eq!((&verdict["verdict"], &verdict["blocking"]), (&json!("fail"), &json!(false)));
    let by = &verdict["override"];
    assert_eq!((&by["by"], &by["how"], &by["at"]), (&json!("ada"), &json!("comment"), &json!(at)));
    assert_eq!(by["reason"], "the new look is on purpose");
    assert_eq!(last_check(&job)["conclusion"], "success");
    let title = last_check(&job)["output"]["title"].as_str().unwrap().to_owned();
    assert!(title.contains("Accepted by @ada: the new look is on purpose"), "{title}");
    let comments = job.fake.our_comments();
    assert!(comments.len() == 1 && comments[0].contains("> [!WARNING]"), "{comments:?}");
    assert_eq!(job.team.log().len(), bought);
    // The next push is another commit: nobody accepted that one.
    let pushed =
        job.team.commit("change", &[&base], &[(MODELS, hero("new")), ("more", "x".into())]);
    job.is_pull("pull_request", ("main", &base), &pushed, &own());
    let ran = ends(&job, "pushed", 1).await;
    assert!(ran.verdict().get("override").is_none());
    assert_eq!(last_check(&job)["conclusion"], "failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_put_on_after_the_verdict_accepts_and_one_from_before_does_not() {
    for (seconds, code) in [(5, 0), (0, 1), (-60, 1)] {
        let (job, ..) = failed().await;
        job.fake.permit("grace", "admin");
        job.fake.happens(json!({
            "event": "labeled", "actor": {"login": "grace", "type": "User"},
            "created_at": after_the_verdict(&job, seconds), "label": {"name": "presscheck: accept"},
        }));
        let ran = ends(&job, "labelled", code).await;
        match code {
            0 => assert_eq!(ran.verdict()["override"]["reason"], "label"),
            _ => ran.has_note("is older than the verdict on"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_write_or_cannot_be_asked_about_accepts_nothing() {
    let (job, ..) = failed().await;
    let at = after_the_verdict(&job, 5);
    job.fake.happens(comment("mallory", &at, "/presscheck accept please"));
    for (name, permission) in [("reader", "read"), ("triage", "triage")] {
        job.fake.permit("mallory", permission);
        ends(&job, name, 1).await.has_note("takes write permission, and theirs is");
    }
    job.fake.permit("mallory", "write");
    for status in [403, 404] {
        let refused = Fault::Refuse(status, json!({"message": "no"}));
        job.fake.fail("GET /repos/octo-org/shop/collaborators", refused);
        let ran = ends(&job, &format!("asked-{status}"), 1).await;
        ran.has_note("whether they may write could not be asked");
        assert_eq!(last_check(&job)["conclusion"], "failure");
    }
    let refused = Fault::Refuse(403, json!({"message": "no"}));
    job.fake.fail("GET /repos/octo-org/shop/issues/17/timeline", refused);
    ends(&job, "history", 1).await.has_note("could not be asked, so nobody did");
    // Once GitHub says that they may write, the same comment counts.
    ends(&job, "asked", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_without_a_reason_an_edited_one_and_a_bot_s_accept_nothing() {
    let (job, ..) = failed().await;
    job.fake.permit("ada", "write");
    let at = after_the_verdict(&job, 5);
    job.fake.happens(comment("ada", &at, "/presscheck accept"));
    ends(&job, "bare", 1).await.has_note("gives no reason");
    let mut edited = comment("ada", &at, "/presscheck accept on purpose");
    edited["updated_at"] = json!(after_the_verdict(&job, 9));
    job.fake.happens(edited);
    ends(&job, "edited", 1).await.has_note("it was edited");
    let mut bot = comment("helper[bot]", &at, "/presscheck accept on purpose");
    bot["user"]["type"] = json!("Bot");
    job.fake.happens(bot);
    ends(&job, "bot", 1).await.has_note("a bot can't, only a person");
}

const LABEL: &str = "presscheck: accept";

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_lives_and_ends_with_its_commit() {
    let (mut job, base, head) = failed().await;
    let bought = job.team.log().len();
    job.fake.permit("ada", "maintain");
    // Meant for this commit, and not seen by a run before the push.
    job.fake.add_comment("ada", "/presscheck accept for the commit before");
    job.fake.label("ada", "labeled", LABEL);
    let pushed =
        job.team.commit("change", &[&base], &[(MODELS, hero("new")), ("more", "x".into())]);
    job.is_pull("pull_request", ("main", &base), &pushed, &own());
    let ran = ends(&job, "raced", 1).await;
    ran.has_note(&format!("before there was a verdict on {}", pushed.short()));
    ran.has_note("To accept this verdict on");
    // The same label again, after the verdict.
    ends(&job, "still", 1).await.has_note("is older than the verdict on");
    job.fake.label("ada", "unlabeled", LABEL);
    job.fake.label("ada", "labeled", LABEL);
    let ran = ends(&job, "accepted", 0).await;
    assert_eq!(ran.verdict()["override"]["head"], json!(pushed));
    assert_eq!(last_check(&job)["head_sha"], json!(pushed));
    // Run again, it holds; taken off, it does not.
    ends(&job, "again", 0).await;
    job.fake.label("rita", "unlabeled", LABEL);
    ends(&job, "taken-off", 1).await;
    // Nothing of it was paid for: the content is the same all along.
    assert_eq!(job.team.log().len(), bought);
    // The older commit has what was meant for it.
    job.is_pull("pull_request", ("main", &base), &head, &own());
    assert_eq!(ends(&job, "older", 0).await.verdict()["override"]["head"], json!(head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_is_gone_or_edited_accepts_nothing_any_more() {
    let (job, ..) = failed().await;
    job.fake.permit("ada", "admin");
    for change in ["edited", "deleted"] {
        let id = job.fake.add_comment("ada", "/presscheck accept on purpose");
        ends(&job, &format!("before-{change}"), 0).await;
        match change {
            "edited" => job.fake.edit_comment(id, "/presscheck accept all of it"),
            _ => job.fake.delete_comment(id),
        }
        ends(&job, change, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecided_verdict_is_accepted_for_nothing_and_kept_in_the_store() {
    let limited = json!({"rate_limited": "30%"});
    let team = Team::new(&profile(&json!({}), &limited)).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["retries"] = json!(0);
    let (base, head) = team.change(&policy, &prompts(60));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    ends(&job, "undecided", 3).await;
    let bought = job.team.log().len();
    job.fake.permit("mallory", "write");
    job.fake.add_comment("mallory", "/presscheck accept the provider is down @octo-org/all");
    let ran = ends(&job, "accepted", 0).await;
    assert_eq!(job.team.log().len(), bought);
    let verdict = ran.verdict();
    assert_eq!(
        (&verdict["verdict"], &verdict["blocking"]),
        (&json!("inconclusive"), &json!(false))
    );
    // Whoever opened the pull request and may write can accept it; it is said.
    assert_eq!(verdict["override"]["by_author"], true);
    assert!(ran.read("summary.md").contains("who opened this pull request"));
    assert!(!job.fake.our_comments()[0].contains("@octo-org"));
    let store = presscheck::store::Store::open(
        job.gate("kept").with_store("kept").store().to_str().unwrap(),
        [],
    )
    .unwrap();
    let kept = store.verdicts(None, 1, |_| true).await.unwrap().records.remove(0);
    let by = kept.overridden.unwrap();
    assert_eq!((kept.number, by.by.as_str(), &by.head), (Some(17), "mallory", &head));
    assert!(ran.read("report.html").contains("Accepted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_lifted_and_nothing_is_bought_for_it() {
    let team = Team::new(&profile(&json!({}), &json!({}))).await;
    let mut policy = team.policy();
    policy["freeze"] = json!({"until": "2999-01-01", "reason": "while we measure"});
    let (base, head) = team.change(&policy, &prompts(12));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    ends(&job, "frozen", 1).await;
    job.fake.permit("ada", "write");
    job.fake.label("ada", "labeled", LABEL);
    let ran = ends(&job, "lifted", 0).await;
    assert!(ran.verdict()["reason"].as_str().unwrap().contains("frozen until 2999-01-01"));
    assert_eq!(ran.verdict()["override"]["how"], "label");
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_for_the_head_holds_in_the_merge_queue() {
    let (mut job, base, head) = failed().await;
    let bought = job.team.log().len();
    let queue = format!("refs/heads/gh-readonly-queue/main/pr-17-{base}");
    let files = [(MODELS, hero("new")), ("merged", "x".to_owned())];
    let group = job.team.commit("group", &[&base, &head], &files);
    let group = json!({
        "head_sha": group, "head_ref": queue, "base_sha": base, "base_ref": "refs/heads/main",
    });
    job.is("merge_group", json!({"action": "checks_requested", "merge_group": group}));
    ends(&job, "blocked", 1).await;
    job.fake.permit("ada", "write");
    job.fake.add_comment("ada", "/presscheck accept on purpose");
    let ran = ends(&job, "queued", 0).await;
    assert_eq!(ran.verdict()["override"]["head"], json!(head));
    assert_eq!(job.team.log().len(), bought);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_starts_the_failed_job_again_and_nothing_else() {
    let (mut job, _, head) = failed().await;
    let (bought, checks) = (job.team.log().len(), job.fake.checks().len());
    let commented = |body: &str| {
        json!({
            "action": "created", "comment": {"body": body},
            "issue": {"number": 17, "state": "open", "pull_request": {"url": "x"}},
        })
    };
    // On an issue, edited, or not for us: nothing is asked of GitHub.
    let mut issue = commented("/presscheck accept x");
    issue["issue"].as_object_mut().unwrap().remove("pull_request");
    let mut edited = commented("/presscheck accept x");
    edited["action"] = json!("edited");
    let asked = job.fake.log().len();
    for (name, payload) in [("issue", issue), ("edited", edited), ("other", commented("nice!"))] {
        job.is("issue_comment", payload);
        let ran = ends(&job, name, 0).await;
        assert!(ran.stderr.contains("not for presscheck"), "{}", ran.stderr);
    }
    assert_eq!(job.fake.log().len(), asked);
    // By somebody who may not, and one that is no command: a success that says so.
    job.fake.add_comment("mallory", "/presscheck accept x");
    job.is("issue_comment", commented("/presscheck accept x"));
    let ran = ends(&job, "reader", 0).await;
    assert!(ran.stderr.contains("takes write permission"), "{}", ran.stderr);
    job.is("issue_comment", commented("/presscheck ::error::merge"));
    let ran = ends(&job, "unknown", 0).await;
    assert!(ran.stderr.contains("nothing that presscheck knows"), "{}", ran.stderr);
    assert!(job.fake.reruns().is_empty());
    // By somebody who may.
    job.fake.permit("ada", "write");
    job.fake.add_comment("ada", "/presscheck accept on purpose");
    job.is("issue_comment", commented("/presscheck accept on purpose"));
    let denied = Fault::Refuse(403, json!({"message": "Resource not accessible by integration"}));
    job.fake.fail("POST /repos/octo-org/shop/actions/runs/42", denied);
    let ran = ends(&job, "denied", 2).await;
    assert!(ran.stderr.contains("`actions: write`"), "{}", ran.stderr);
    let ran = ends(&job, "starts", 0).await;
    let words = format!("@ada accepted the verdict on {}", head.short());
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    let summary = std::fs::read_to_string(job.file("starts-summary")).unwrap();
    assert!(summary.contains("accepted the verdict on"), "{summary}");
    assert_eq!(job.fake.reruns(), [42]);
    assert_eq!((job.team.log().len(), job.fake.checks().len()), (bought, checks));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_an_acceptance_in_the_store_accepts_nothing() {
    let (job, _, head) = failed().await;
    let place = job.gate("kept").with_store("kept").store().to_str().unwrap().to_owned();
    let store = presscheck::store::Store::open(&place, []).unwrap();
    let by = json!({
        "by": "ada", "how": "label", "reason": "label", "at": after_the_verdict(&job, 5), "head": head,
    });
    // The verdict as it was, but for who accepted it.
    let mut record = store.verdicts(None, 1, |_| true).await.unwrap().records.remove(0);
    (record.blocking, record.overridden) = (false, Some(serde_json::from_value(by).unwrap()));
    store.keep_verdict(&record).await.unwrap();
    let kept = store.verdicts(None, 9, |it| it.overridden.is_some()).await.unwrap().records;
    assert_eq!(kept.len(), 1);
    // She may write, and yet she never accepted it.
    job.fake.permit("ada", "write");
    let ran = ends(&job, "again", 1).await;
    assert!(ran.verdict().get("override").is_none());
}
