//! Pictures in the comment.

use image::GenericImageView as _;
use serde_json::json;

use super::job::{Job, own};
use crate::gate::{Team, profile, prompts};

/// A team whose candidate fails, and a pull request of it.
async fn failing() -> Job {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    let policy = team.policy();
    let (base, head) = team.change(&policy, &prompts(40));
    Job::of_pull(team, ("main", &base), &head, &own()).await
}

/// The commits and files that a comment shows.
fn shown(comment: &str) -> Vec<(String, String)> {
    let start = "](https://github.example.com/octo-org/shop/blob/";
    let links = comment.split(start).skip(1);
    links
        .map(|rest| {
            let (commit, rest) = rest.split_once('/').unwrap();
            let (file, _) = rest.split_once("?raw=true)").unwrap();
            (commit.to_owned(), file.to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worst_pairs_are_shown_where_the_token_may_write_and_kept_out_of_every_branch() {
    let job = failing().await;
    job.fake.grant_contents();
    let old = "refs/presscheck/2020-01-01/pr-3-00aa11bb/7-1";
    let others = ["refs/heads/main", "refs/presscheck/evidence"];
    for name in others.into_iter().chain([old]) {
        job.fake.add_ref(name);
    }
    let ran = job.ends("first", 1).await;
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let comment = job.fake.our_comments().remove(0);
    let pictures = shown(&comment);
    assert_eq!(pictures.len(), 6, "{comment}");
    let commit = &pictures[0].0;
    for (of, file) in &pictures {
        assert_eq!(of, commit);
        let bytes = job.fake.file(commit, file).unwrap();
        let (width, _) = image::load_from_memory(&bytes).unwrap().dimensions();
        assert!(width > 330 && bytes.len() < 100_000, "{width} {}", bytes.len());
    }
    let refs = job.fake.refs();
    let ours: Vec<_> = refs.iter().filter(|(name, _)| !others.contains(&name.as_str())).collect();
    assert_eq!((refs.len(), ours.len()), (3, 1), "{refs:?}");
    assert!(ours[0].0.starts_with("refs/presscheck/2") && ours[0].0.contains("/pr-17-"));
    assert_eq!(ours[0].1, commit);
    // The summary of the job loads nothing.
    let summary = std::fs::read_to_string(job.file("first-summary")).unwrap();
    assert!(shown(&summary).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_shows_its_own_pictures_and_deletes_the_earlier_ones() {
    let job = failing().await;
    job.fake.grant_contents();
    job.ends("first", 1).await;
    let first = job.fake.refs();
    let ran = job.gate("second").env("GITHUB_RUN_ID", "43").run().await.ends(1);
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let second = job.fake.refs();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second.keys().next().unwrap().ends_with("/43-1"), "{second:?}");
    assert_eq!(job.fake.our_comments().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_the_comment_has_words_alone_and_nobody_is_warned() {
    let job = failing().await;
    let ran = job.ends("words", 1).await;
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let comment = job.fake.our_comments().remove(0);
    assert!(shown(&comment).is_empty() && !comment.contains("!["), "{comment}");
    assert!(job.fake.refs().is_empty());
}
