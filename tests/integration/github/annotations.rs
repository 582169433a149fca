//! Remarks on lines of the pull request's files.

use serde_json::json;

use super::job::{Job, own};
use crate::gate::{MODELS, POLICY, PROMPTS, Team, good, hero, profile, prompts};

const OLD: &str = "models:\n  hero:\n    provider: studio\n    model: old\n";
const NEW: &str = "models:\n  hero:\n    provider: studio\n    model: new\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_change_is_marked_on_the_line_that_it_changed() {
    // Another model; and another parameter, of a model that fails now and then in any case.
    let params =
        |steps: u32| format!("{NEW}    params:\n      style: vivid\n      steps: {steps}\n");
    for (before, after, line, limit) in
        [(OLD.to_owned(), NEW.to_owned(), 4, "2pp"), (params(20), params(30), 7, "0.1%")]
    {
        let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
        let mut policy = team.policy();
        policy["limits"]["failure_rate"] =
            if line == 4 { json!({"max_increase": limit}) } else { json!({"max": limit}) };
        let files = |models: String| {
            [(POLICY, policy.to_string()), (MODELS, models), (PROMPTS, prompts(40))]
        };
        let base = team.commit("main", &[], &files(before));
        let head = team.commit("change", &[&base], &files(after));
        let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
        job.ends("marked", 1).await;
        let annotations = job.check()["output"]["annotations"].clone();
        assert_eq!(annotations.as_array().unwrap().len(), 1, "{annotations}");
        let mark = &annotations[0];
        assert_eq!((&mark["path"], &mark["start_line"]), (&json!(MODELS), &json!(line)));
        assert_eq!(mark["annotation_level"], "failure");
        let message = mark["message"].as_str().unwrap();
        let models = if line == 4 { "old → new: " } else { "new → new: " };
        assert!(message.starts_with(models) && message.contains("dimensions "), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_policy_that_could_judge_nothing_is_marked_before_it_is_merged() {
    let team = Team::new(&good()).await;
    let policy = team.policy();
    let base = team.change(&policy, &prompts(12)).0;
    let broken = "version: 1\nmodel: models.yaml\nprompts: [prompts.txt]\nlimts: {}\n";
    let files = [(POLICY, broken.to_owned()), (MODELS, hero("old")), (PROMPTS, prompts(12))];
    let head = team.commit("change", &[&base], &files);
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.ends("broken", 0).await;
    ran.has_note("after the merge no change could be judged by it");
    let annotations = job.check()["output"]["annotations"].clone();
    let marks: Vec<_> = annotations.as_array().unwrap().iter().collect();
    assert!(marks.iter().all(|it| it["path"] == POLICY && it["annotation_level"] == "warning"));
    assert!(marks.iter().any(|it| it["start_line"] == 4), "{annotations}");
    job.bought_nothing();
}
