//! Two gates on one pull request, each under a name of its own.

use presscheck::github::HISTORY_REF;
use serde_json::json;

use super::job::{Job, own};
use crate::gate::{Gate, Team, profile, prompts};

/// A gate of that name, with the label that accepts for it, over a store of its own.
fn gate(job: &Job, name: &str, run: &str) -> Gate {
    job.gate(&format!("{name}-{run}"))
        .with_store(name)
        .env("INPUT_NAME", name)
        .env("INPUT_OVERRIDE-LABEL", format!("{name}: accept"))
        .env("GITHUB_RUN_ID", run)
}

/// What stands in the comment of a gate.
fn comment(job: &Job, name: &str) -> String {
    let marker = format!("<!-- presscheck:{name} -->");
    let mut of_it = job.fake.our_comments();
    of_it.retain(|text| text.ends_with(&marker));
    assert_eq!(of_it.len(), 1, "{of_it:?}");
    of_it.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gates_of_one_pull_request_leave_each_other_alone() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "100%"}))).await;
    let (base, head) = team.change(&team.policy(), &prompts(2));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    job.fake.grant_contents();
    job.fake.permit("ada", "write");
    // Both at once, as a matrix starts them.
    let (heroes, thumbnails) = (gate(&job, "heroes", "42"), gate(&job, "thumbnails", "42"));
    let (one, two) = tokio::join!(heroes.run(), thumbnails.run());
    for ran in [one, two] {
        assert!(!ran.ends(1).stderr.contains("::warning"));
    }
    let named = |name: &str| {
        let mut checks = job.fake.checks();
        checks.retain(|check| check["name"] == name);
        checks
    };
    assert_eq!((named("heroes").len(), named("thumbnails").len()), (1, 1));
    // Besides what both keep together: the history of verdicts.
    let pictures = || {
        let mut refs = job.fake.refs();
        refs.remove(HISTORY_REF).unwrap();
        refs
    };
    assert_eq!((job.fake.our_comments().len(), pictures().len()), (2, 2));
    let other = comment(&job, "thumbnails");

    // One runs again: the other's comment and pictures stay.
    let before = pictures();
    gate(&job, "heroes", "43").run().await.ends(1);
    let after = pictures();
    let kept: Vec<_> = before.keys().filter(|name| after.contains_key(*name)).collect();
    assert_eq!((after.len(), kept.len()), (2, 1), "{after:?}");
    assert!(other.contains(&after[kept[0]]), "{kept:?}");
    assert_eq!(comment(&job, "thumbnails"), other);

    // One is accepted: the other blocks still.
    job.fake.label("ada", "labeled", "heroes: accept");
    gate(&job, "heroes", "44").run().await.ends(0);
    let ran = gate(&job, "thumbnails", "44").run().await.ends(1);
    assert!(ran.verdict().get("override").is_none());
    assert_eq!(named("heroes").pop().unwrap()["conclusion"], "success");
    assert_eq!(named("thumbnails").pop().unwrap()["conclusion"], "failure");
    assert!(comment(&job, "heroes").contains("> [!WARNING]"));
    assert!(!comment(&job, "thumbnails").contains("> [!WARNING]"));
}
