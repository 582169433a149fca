//! What a run tells when GitHub takes it.

use std::time::Duration;

use presscheck::github::{Annotation, Comment, Conclusion, Level, Session, Telling};

use super::{Fake, Fault, HASTE, HEAD, environment, event, telling};

fn start(fake: &Fake) -> Session {
    Session::start_with(&environment(&fake.url(), "ghs_test"), &event(), "presscheck", HASTE)
}

/// Waits until the check run is opened beside the run.
pub(super) async fn opened(fake: &Fake) {
    while fake.checks().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_run_opens_its_check_at_once_and_closes_it_with_the_verdict() {
    let fake = Fake::start().await;
    let session = start(&fake);
    opened(&fake).await;
    let run = fake.checks().remove(0);
    assert_eq!((&run["status"], &run["name"]), (&"in_progress".into(), &"presscheck".into()));
    assert_eq!(run["head_sha"], HEAD);
    assert_eq!(
        run["details_url"],
        "https://github.example.com/octo-org/shop/actions/runs/42/attempts/2"
    );
    while fake.checks().remove(0)["output"]["summary"] != "16 of 400 pairs" {
        session.progress("16 of 400 pairs");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let warnings = session.finish(&telling("`hero` passes")).await;
    assert_eq!(warnings, Vec::<String>::new());
    let run = fake.checks().remove(0);
    assert_eq!((&run["status"], &run["conclusion"]), (&"completed".into(), &"success".into()));
    assert_eq!(run["output"]["title"], "`hero` passes");
    assert_eq!(fake.our_comments(), ["### `hero` passes\n\n<!-- presscheck:presscheck -->"]);
}

#[tokio::test]
async fn two_runs_leave_one_comment_with_the_newer_text() {
    let fake = Fake::start().await;
    for title in ["first", "second"] {
        assert_eq!(start(&fake).finish(&telling(title)).await, Vec::<String>::new());
    }
    let comments = fake.our_comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("second"), "{comments:?}");
    assert_eq!(fake.checks().len(), 2);
}

#[tokio::test]
async fn case_a_more_than_a_hundred_comments_of_others_and_still_one_of_ours() {
    let fake = Fake::start().await;
    for number in 0..120 {
        let pasted = number == 57;
        let text = if pasted { "hi\n\n<!-- presscheck:presscheck -->" } else { "hi" };
        fake.add_comment(if pasted { "mallory" } else { "ada" }, text);
    }
    let before = fake.comments();
    for title in ["first", "second"] {
        assert_eq!(start(&fake).finish(&telling(title)).await, Vec::<String>::new());
    }
    let after = fake.comments();
    assert_eq!(after[..120], before[..]);
    assert_eq!(after.len(), 121);
    assert!(after[120].2.contains("second"));
}

#[tokio::test]
async fn another_workflow_of_the_same_login_keeps_its_comments() {
    let fake = Fake::start().await;
    let quoting = "Quote:\n> <!-- presscheck:presscheck -->\n\nsigned, another workflow";
    fake.add_comment(super::fake::US, quoting);
    fake.add_comment(super::fake::US, "other\n\n<!-- presscheck:thumbnails -->");
    assert_eq!(start(&fake).finish(&telling("mine")).await, Vec::<String>::new());
    let comments = fake.our_comments();
    assert_eq!(comments.len(), 3);
    assert_eq!(comments[0], quoting);
    assert!(comments[1].starts_with("other"));
}

#[tokio::test]
async fn duplicates_of_ours_are_deleted_and_the_oldest_stays() {
    let fake = Fake::start().await;
    let oldest = fake.add_comment(super::fake::US, "a\n\n<!-- presscheck:presscheck -->");
    fake.add_comment("ada", "hi");
    fake.add_comment(super::fake::US, "b\n\n<!-- presscheck:presscheck -->");
    assert_eq!(start(&fake).finish(&telling("new")).await, Vec::<String>::new());
    let comments = fake.comments();
    assert_eq!(comments.len(), 2);
    assert_eq!(comments[0].0, oldest);
    assert!(comments[0].2.contains("new"));
}

#[tokio::test]
async fn case_b_two_runs_at_once_leave_one_comment() {
    let fake = Fake::start().await;
    // Both find no comment before either writes one.
    for _ in 0..2 {
        let slow = Fault::Delay(Duration::from_millis(300));
        fake.fail("GET /repos/octo-org/shop/issues/17/comments", slow);
    }
    let (one, two) = (start(&fake), start(&fake));
    let (first, second) = (telling("one"), telling("two"));
    let (one, two) = tokio::join!(one.finish(&first), two.finish(&second));
    assert_eq!([one, two].concat(), Vec::<String>::new());
    assert_eq!(fake.our_comments().len(), 1);
    let created = fake
        .log()
        .iter()
        .filter(|line| line.starts_with("POST") && line.ends_with("comments"))
        .count();
    assert_eq!(created, 2, "the race did not happen: {:?}", fake.log());
}

#[tokio::test]
async fn a_merge_group_gets_its_check_and_no_comment() {
    let fake = Fake::start().await;
    let payload = serde_json::json!({
        "merge_group": {
            "head_sha": HEAD, "base_sha": "a".repeat(40), "base_ref": "refs/heads/main",
            "head_ref": format!("refs/heads/gh-readonly-queue/main/pr-17-{}", "a".repeat(40)),
        },
        "repository": {"full_name": "octo-org/shop"},
    });
    let payload = payload.to_string();
    let group =
        presscheck::github::read_event("merge_group", payload.as_bytes(), |_| None).unwrap();
    assert_eq!(group.number, Some(17));
    let environment = environment(&fake.url(), "ghs_test");
    let session = Session::start_with(&environment, &group, "presscheck", HASTE);
    assert_eq!(session.finish(&telling("passes")).await, Vec::<String>::new());
    assert_eq!(fake.checks()[0]["conclusion"], "success");
    assert!(fake.comments().is_empty());
}

#[tokio::test]
async fn many_annotations_go_in_batches_and_leave_the_run_closed() {
    let fake = Fake::start().await;
    let annotation = |line| Annotation {
        path: "presscheck.yaml".to_owned(),
        start_line: line,
        end_line: line,
        level: Level::Warning,
        title: None,
        message: "A remark.".to_owned(),
    };
    let told = Telling {
        conclusion: Conclusion::Failure,
        annotations: (1..=120).map(annotation).collect(),
        ..telling("fails")
    };
    assert_eq!(start(&fake).finish(&told).await, Vec::<String>::new());
    let run = fake.checks().remove(0);
    assert_eq!((&run["annotations"], &run["closed"]), (&120.into(), &1.into()));
    assert_eq!((&run["status"], &run["conclusion"]), (&"completed".into(), &"failure".into()));
}

#[tokio::test]
async fn hostile_and_endless_text_arrives_within_the_limits() {
    let fake = Fake::start().await;
    let hostile = "::error::x @org/team ``` <!-- presscheck:presscheck --> \u{202e}\0 😀\n";
    let long = format!(
        "<details><summary>x</summary>\n\n````\n{}\n````\n</details>",
        hostile.repeat(4000)
    );
    let told = Telling {
        title: hostile.repeat(50),
        check_summary: long.clone(),
        comment: Some(Comment::of_words(long)),
        ..telling("")
    };
    for _ in 0..2 {
        assert_eq!(start(&fake).finish(&told).await, Vec::<String>::new());
    }
    let comments = fake.our_comments();
    assert_eq!(comments.len(), 1);
    for text in [&comments[0], fake.checks()[0]["output"]["summary"].as_str().unwrap()] {
        assert!(text.contains("\n````\n</details>\n\n*Cut to GitHub's size limit."));
    }
    let title = fake.checks()[0]["output"]["title"].as_str().unwrap().to_owned();
    assert!(!title.contains('\n') && title.chars().count() <= 251);
}

#[tokio::test]
async fn github_enterprise_has_a_path_before_every_route() {
    let fake = Fake::start_below("/api/v3").await;
    for number in 0..101 {
        fake.add_comment("ada", &format!("{number}"));
    }
    for title in ["first", "second"] {
        assert_eq!(start(&fake).finish(&telling(title)).await, Vec::<String>::new());
    }
    assert_eq!(fake.our_comments().len(), 1);
    assert_eq!(fake.checks()[1]["conclusion"], "success");
}

#[tokio::test]
async fn files_for_the_runner_are_written_with_and_without_a_token() {
    for token in ["", "ghs_test"] {
        let fake = Fake::start().await;
        let folder = tempfile::tempdir().unwrap();
        let mut environment = environment(&fake.url(), token);
        environment.step_summary = Some(folder.path().join("summary"));
        environment.output = Some(folder.path().join("output"));
        environment.state = Some(folder.path().join("state"));
        let session = Session::start_with(&environment, &event(), "presscheck", HASTE);
        while !token.is_empty() && !folder.path().join("state").exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        session.finish(&telling("passes")).await;
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert_eq!(read("summary"), "### passes\n");
        assert!(read("output").starts_with("verdict<<presscheck_"));
        assert_eq!(read("state").starts_with("check_run<<"), !token.is_empty());
    }
}
