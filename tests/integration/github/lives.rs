//! One pull request from its opening to its merge, as GitHub tells it event by event.

use presscheck_core::units::CommitSha;
use serde_json::{Value, json};

use super::job::{Job, fork, pull};
use crate::gate::{MODELS, POLICY, PROMPTS, Ran, Team, prompts};

/// What is asserted after each step.
struct Life {
    job: Job,
    base: CommitSha,
    head: CommitSha,
    steps: usize,
}

/// A model file with a model, and a note so that two commits with one model differ.
fn hero(model: &str, note: &str) -> String {
    format!("# {note}\n{}", json!({"models": {"hero": {"provider": "studio", "model": model}}}))
}

impl Life {
    /// A team with a good model on `main` that offers a bad and a better one.
    async fn begin() -> Self {
        let model = |faults: Value| json!({"price": "$0.04", "latency": "5ms", "size": "64x64", "faults": faults});
        let bad = model(json!({"wrong_aspect": "100%"}));
        let models =
            json!({"models": {"old": model(json!({})), "bad": bad, "better": model(json!({}))}});
        let team = Team::new(&models).await;
        let mut policy = team.policy();
        policy["providers"]["studio"]["price"] = json!("$0.04");
        let files =
            [(POLICY, policy.to_string()), (MODELS, hero("old", "")), (PROMPTS, prompts(30))];
        let base = team.commit("main", &[], &files);
        let head = base.clone();
        let job = Job::new(team).await;
        job.fake.permit("ada", "write");
        Self { job, base, head, steps: 0 }
    }

    /// The stranger pushes a model.
    fn push(&mut self, action: &str, model: &str, note: &str) {
        let policy = self.job.team.scratch.root();
        let read = |path: &str| {
            let found =
                presscheck::revision::resolve(policy, Some(self.base.as_str()), Some("main"));
            let bytes = found.unwrap().base.read(&path.parse().unwrap(), 1 << 20).unwrap().unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let files = [(POLICY, read(POLICY)), (MODELS, hero(model, note)), (PROMPTS, read(PROMPTS))];
        self.head = self.job.team.commit("change", &[&self.head], &files);
        let pull = pull(17, ("main", &self.base), &self.head, &fork());
        self.job.fake.add_pull(pull.clone());
        let event = json!({"action": action, "number": 17, "pull_request": pull});
        self.job.is("pull_request_target", event);
    }

    /// The job runs; how it ends, what its check says, and how many images it bought, are what is expected.
    async fn runs(&mut self, code: i32, conclusion: &str, title: &str, buys: bool) -> Ran {
        self.steps += 1;
        let bought = self.job.team.log().len();
        let gate = self.job.gate(&format!("step-{}", self.steps)).with_store("kept");
        let ran = gate.env("INPUT_REQUIRE-APPROVAL", "forks").run().await.ends(code);
        let checks = self.job.fake.checks();
        assert_eq!(checks.len(), self.steps, "{checks:?}");
        let check = checks.last().unwrap();
        assert_eq!((&check["status"], &check["closed"]), (&json!("completed"), &json!(1)));
        assert_eq!(check["conclusion"], conclusion, "{check}");
        let said = check["output"]["title"].as_str().unwrap();
        assert!(said.contains(title), "step {}: {said}", self.steps);
        assert_eq!(self.job.team.log().len() > bought, buys, "step {}", self.steps);
        ran
    }

    /// The only comment, if there is one.
    fn comment(&self) -> Option<String> {
        let mut comments = self.job.fake.our_comments();
        assert!(comments.len() <= 1, "{comments:?}");
        comments.pop()
    }

    fn is_on(&self, commit: &CommitSha) -> bool {
        self.job.fake.checks().last().unwrap()["head_sha"] == commit.as_str()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_of_a_stranger_s_pull_request() {
    let mut life = Life::begin().await;
    let waiting = "No verdict: not judged yet";

    // Opened: nothing is bought before somebody who may write has looked at it.
    life.push("opened", "bad", "one");
    life.runs(4, "failure", waiting, false).await;
    assert_eq!(life.comment(), None);
    life.job.fake.review("ada", "APPROVED", &life.head);
    life.runs(1, "failure", "hero", true).await;
    let first = life.head.clone();
    assert!(life.is_on(&first) && life.comment().unwrap().contains("Merging is blocked"));

    // Pushed: the approval was for the commit before. The model is the same, so that its pictures are there already.
    life.push("synchronize", "bad", "two");
    life.runs(4, "failure", waiting, false).await;
    life.job.fake.review("ada", "APPROVED", &life.head);
    let ran = life.runs(1, "failure", "hero", false).await;
    assert_eq!(ran.subject()["images_bought"], 0);
    assert!(life.is_on(&life.head) && life.comment().unwrap().contains("Merging is blocked"));

    // Accepted, for that commit.
    life.job.fake.label("ada", "labeled", "presscheck: accept");
    let ran = life.runs(0, "success", "Accepted by @ada", false).await;
    assert_eq!(ran.verdict()["override"]["head"], json!(life.head));
    assert!(life.comment().unwrap().contains("> [!WARNING]"));

    // Pushed again: neither the approval nor the label, which is still on, is for this one.
    life.push("synchronize", "bad", "three");
    life.runs(4, "failure", waiting, false).await;
    life.job.fake.review("ada", "APPROVED", &life.head);
    let ran = life.runs(1, "failure", "hero", false).await;
    assert!(ran.verdict().get("override").is_none());
    assert!(!life.comment().unwrap().contains("> [!WARNING]"));

    // A better model: the comment is the same one, and says what is fixed.
    life.push("synchronize", "better", "four");
    life.job.fake.review("ada", "APPROVED", &life.head);
    life.runs(0, "success", "hero", true).await;
    let comment = life.comment().unwrap();
    assert!(comment.contains("Every limit is kept") && comment.contains("fixed"), "{comment}");

    // Queued: other commits, the same content, no new picture, and no word on the pull request.
    let policy = life.job.team.scratch.root().to_path_buf();
    let change = presscheck::revision::resolve(&policy, Some("main"), Some("change")).unwrap();
    let read = |path: &str| {
        let bytes = change.head.read(&path.parse().unwrap(), 1 << 20).unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let files = [(POLICY, read(POLICY)), (MODELS, read(MODELS)), (PROMPTS, read(PROMPTS))];
    let group = life.job.team.commit("group", &[&life.base, &life.head], &files);
    let queue = format!("refs/heads/gh-readonly-queue/main/pr-17-{}", life.base);
    let of_group = json!({
        "head_sha": group, "head_ref": queue, "base_sha": life.base, "base_ref": "refs/heads/main",
    });
    life.job.is("merge_group", json!({"action": "checks_requested", "merge_group": of_group}));
    life.runs(0, "success", "hero", false).await;
    assert!(life.is_on(&group));

    // Merged: the base branch's own run finds everything in the store too.
    life.job.is("push", json!({"ref": "refs/heads/main", "before": life.base, "after": group}));
    life.runs(0, "success", "hero", false).await;
    assert_eq!(life.comment(), Some(comment));
}
