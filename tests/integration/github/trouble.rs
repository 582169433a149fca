//! What a run says when GitHub does not take what it tells. The verdict is never touched: nothing here can
//! fail, only warn.

use std::time::Duration;

use presscheck::github::{Patience, Session};
use serde_json::json;

use super::sessions::opened;
use super::{Fake, Fault, HASTE, environment, event, telling};

fn start(fake: &Fake) -> Session {
    Session::start_with(&environment(&fake.url(), "ghs_test"), &event(), "presscheck", HASTE)
}

const CHECKS: &str = "POST /repos/octo-org/shop/check-runs";
const UPDATES: &str = "PATCH /repos/octo-org/shop/check-runs";
const COMMENTS: &str = "POST /repos/octo-org/shop/issues/17/comments";

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let fake = Fake::start().await;
    let session = Session::start_with(&environment(&fake.url(), ""), &event(), "presscheck", HASTE);
    session.progress("working");
    let warnings = session.finish(&telling("passes")).await;
    insta::assert_snapshot!(warnings.join("\n"), @"There is no GitHub token: the check run and the comment are left out. The verdict is in the job's summary.");
    session.abandon("SIGTERM").await;
    session.abandon_blocking("SIGTERM");
    assert!(fake.log().is_empty());
}

#[tokio::test]
async fn a_read_only_token_is_told_which_permissions_to_ask_for() {
    let fake = Fake::start().await;
    fake.make_read_only();
    let warnings = start(&fake).finish(&telling("passes")).await;
    insta::assert_snapshot!(warnings.join("\n"), @r"
    Could not open the check run: the token lacks `checks: write`; add it under `permissions:` of the job (a pull request from a fork gets a read-only token, whatever the job says). The verdict is not affected.
    Could not comment on the pull request: the token lacks `pull-requests: write`; add it under `permissions:` of the job (a pull request from a fork gets a read-only token, whatever the job says). The verdict is not affected.
    ");
    assert!(fake.checks().is_empty() && fake.comments().is_empty());
    // Refused once is refused: nothing is asked again and again.
    let asked = fake.log().iter().filter(|line| line.as_str() == CHECKS).count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_wrong_token_is_said_once() {
    let fake = Fake::start().await;
    let environment = environment(&fake.url(), "ghs_expired");
    let session = Session::start_with(&environment, &event(), "presscheck", HASTE);
    let warnings = session.finish(&telling("passes")).await;
    insta::assert_snapshot!(warnings.join("\n"), @r"
    Could not open the check run: GitHub does not accept the token (it may have expired). The verdict is not affected.
    The comment is left out for the same reason.
    ");
    assert!(!warnings.concat().contains("ghs_expired"));
}

#[tokio::test]
async fn offline_is_a_warning() {
    // Nobody listens there, while a port that was free a moment ago may be another test's by now.
    let environment = environment("http://127.0.0.1:9", "ghs_test");
    let session = Session::start_with(&environment, &event(), "presscheck", HASTE);
    let warnings = session.finish(&telling("passes")).await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("Could not open the check run: GitHub can't be reached: "));
    assert!(warnings[0].contains("refused"), "{warnings:?}");
    assert_eq!(warnings[1], "The comment is left out for the same reason.");
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_warning() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment =
        environment(&format!("http://{}", listener.local_addr().unwrap()), "ghs_test");
    let patience = Patience { request: Duration::from_millis(50), tries: 2, ..HASTE };
    let session = Session::start_with(&environment, &event(), "presscheck", patience);
    let warnings = session.finish(&telling("passes")).await;
    assert!(warnings[0].contains("no answer within 0.05 s"), "{warnings:?}");
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    let fake = Fake::start().await;
    fake.fail(CHECKS, Fault::Refuse(502, json!("Bad gateway")));
    fake.fail(UPDATES, Fault::Refuse(500, json!({"message": "Server Error"})));
    fake.fail(UPDATES, Fault::SlowDown(1));
    fake.fail("GET /repos/octo-org/shop/issues/17/comments", Fault::Refuse(503, json!(null)));
    fake.fail(COMMENTS, Fault::SlowDown(1));
    assert_eq!(start(&fake).finish(&telling("passes")).await, Vec::<String>::new());
    assert_eq!(fake.checks().len(), 1);
    assert_eq!(fake.checks()[0]["conclusion"], "success");
    assert_eq!(fake.our_comments().len(), 1);
}

#[tokio::test]
async fn a_limit_of_longer_than_we_wait_is_a_warning() {
    let fake = Fake::start().await;
    fake.fail(COMMENTS, Fault::SlowDown(3600));
    let warnings = start(&fake).finish(&telling("passes")).await;
    insta::assert_snapshot!(warnings.join("\n"), @"Could not comment on the pull request: GitHub's rate limit is reached for another 3600 s. The verdict is not affected.");
    assert_eq!(fake.checks()[0]["conclusion"], "success");
}

#[tokio::test]
async fn what_was_done_though_the_answer_was_lost_is_not_done_twice() {
    let fake = Fake::start().await;
    fake.fail(CHECKS, Fault::LoseAnswer(502));
    fake.fail(COMMENTS, Fault::LoseAnswer(504));
    assert_eq!(start(&fake).finish(&telling("passes")).await, Vec::<String>::new());
    assert_eq!((fake.checks().len(), fake.our_comments().len()), (1, 1));
    assert_eq!(fake.checks()[0]["conclusion"], "success");
}

#[tokio::test]
async fn a_check_is_closed_even_where_its_details_are_refused() {
    let fake = Fake::start().await;
    let session = start(&fake);
    opened(&fake).await;
    fake.fail(UPDATES, Fault::Refuse(422, json!({"message": "Invalid request."})));
    let warnings = session.finish(&telling("passes")).await;
    insta::assert_snapshot!(warnings.join("\n"), @"Could not update the check run: GitHub refuses with HTTP 422: Invalid request. The verdict is not affected.");
    assert_eq!(fake.checks()[0]["conclusion"], "success");
    assert_eq!(fake.checks()[0]["output"]["title"], "passes");
    assert_eq!(fake.our_comments().len(), 1);
}

#[tokio::test]
async fn a_signal_closes_the_check_once() {
    let fake = Fake::start().await;
    let session = start(&fake);
    opened(&fake).await;
    for _ in 0..2 {
        assert_eq!(session.abandon("cancelled (SIGTERM)").await, Vec::<String>::new());
    }
    session.abandon_blocking("panic");
    session.finish(&telling("passes")).await;
    let run = fake.checks().remove(0);
    assert_eq!((&run["conclusion"], &run["closed"]), (&"failure".into(), &1.into()));
    assert_eq!(run["output"]["title"], "No verdict: cancelled (SIGTERM)");
}

#[tokio::test]
async fn a_signal_before_the_check_is_open_leaves_none_open() {
    let fake = Fake::start().await;
    fake.fail(CHECKS, Fault::Delay(Duration::from_millis(300)));
    let session = start(&fake);
    session.abandon("cancelled (SIGTERM)").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(fake.checks().iter().all(|run| run["status"] == "completed"), "{:?}", fake.checks());
}

#[tokio::test]
async fn a_signal_after_the_verdict_changes_nothing() {
    let fake = Fake::start().await;
    let session = start(&fake);
    session.finish(&telling("passes")).await;
    session.abandon("cancelled (SIGTERM)").await;
    session.abandon_blocking("panic");
    let run = fake.checks().remove(0);
    assert_eq!((&run["conclusion"], &run["closed"]), (&"success".into(), &1.into()));
}

#[tokio::test]
async fn a_signal_while_the_verdict_is_told_lets_it_be_told() {
    let fake = Fake::start().await;
    let session = start(&fake);
    opened(&fake).await;
    fake.fail(UPDATES, Fault::Delay(Duration::from_millis(300)));
    let told = telling("passes");
    let under_way = async {
        while !fake.log().iter().any(|line| line.starts_with(UPDATES)) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        _ = session.finish(&told) => {}
        () = under_way => {}
    }
    session.abandon("cancelled (SIGTERM)").await;
    let run = fake.checks().remove(0);
    assert_eq!((&run["conclusion"], &run["closed"]), (&"success".into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_closes_the_check_from_any_thread() {
    let fake = Fake::start().await;
    let session = start(&fake);
    opened(&fake).await;
    while fake.checks()[0]["status"] != "completed" {
        session.abandon_blocking("presscheck crashed; this is a bug");
    }
    session.abandon_blocking("presscheck crashed; this is a bug");
    let run = fake.checks().remove(0);
    assert_eq!((&run["conclusion"], &run["closed"]), (&"failure".into(), &1.into()));
}

#[tokio::test]
async fn a_post_step_closes_what_a_killed_run_left_open() {
    let fake = Fake::start().await;
    let session = start(&fake);
    opened(&fake).await;
    let id = fake.checks()[0]["id"].as_u64();
    drop(session);
    let mut later = environment(&fake.url(), "ghs_test");
    assert_eq!(Session::close_leftover(&later).await, Vec::<String>::new());
    later.opened_check_run = id;
    let warnings = Session::close_leftover(&later).await;
    insta::assert_snapshot!(warnings.join("\n"), @"The run was stopped from outside; its check run is closed as failed.");
    assert_eq!(Session::close_leftover(&later).await, Vec::<String>::new());
    let run = fake.checks().remove(0);
    assert_eq!((&run["conclusion"], &run["closed"]), (&"failure".into(), &1.into()));
}

#[tokio::test]
async fn a_cancelled_run_closes_its_check_though_progress_meets_a_rate_limit() {
    let fake = Fake::start().await;
    let patience = Patience { rate_limit: Duration::from_secs(75), ..HASTE };
    let environment = environment(&fake.url(), "ghs_test");
    let session = Session::start_with(&environment, &event(), "presscheck", patience);
    opened(&fake).await;
    fake.fail(UPDATES, Fault::SlowDown(30));
    while !fake.log().iter().any(|line| line.starts_with(UPDATES)) {
        session.progress("16 of 400 pairs");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Nobody waits with the check run in hand.
    assert_eq!(session.abandon("cancelled (SIGTERM)").await, Vec::<String>::new());
    let run = fake.checks().remove(0);
    assert_eq!((&run["conclusion"], &run["closed"]), (&"failure".into(), &1.into()));
}

#[tokio::test]
async fn both_forms_of_a_rate_limit_are_waited_out_from_end_to_end() {
    let fake = Fake::start().await;
    fake.fail(CHECKS, Fault::TooMany(Some(1)));
    fake.fail(UPDATES, Fault::UsedUp(2));
    fake.fail("GET /repos/octo-org/shop/issues/17/comments", Fault::UsedUp(1));
    fake.fail(COMMENTS, Fault::TooMany(Some(1)));
    assert_eq!(start(&fake).finish(&telling("passes")).await, Vec::<String>::new());
    assert_eq!((fake.checks().len(), fake.our_comments().len()), (1, 1));
    assert_eq!(fake.checks()[0]["conclusion"], "success");
    // Where it does not say when, or too late, that is a warning; nothing is asked in the meantime.
    fake.fail(UPDATES, Fault::TooMany(None));
    fake.fail("GET /repos/octo-org/shop/issues/17/comments", Fault::UsedUp(3600));
    let asked = fake.log().len();
    let warnings = start(&fake).finish(&telling("passes")).await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains(
        "Could not update the check run: GitHub's rate limit is reached for another 60 s"
    ));
    assert!(warnings[1].contains("rate limit is reached for another 3"), "{warnings:?}");
    assert_eq!(fake.log().len() - asked, 3, "{:?}", fake.log());
}

#[tokio::test]
async fn a_minute_that_others_have_used_up_is_waited_out() {
    let fake = Fake::start().await;
    fake.others_wrote(79, Duration::from_millis(58_500));
    assert_eq!(start(&fake).finish(&telling("passes")).await, Vec::<String>::new());
    assert_eq!(fake.checks()[0]["conclusion"], "success");
    assert_eq!(fake.our_comments().len(), 1);
    // One of them was told to slow down.
    let wrote = fake.log().iter().filter(|line| !line.starts_with("GET")).count();
    assert_eq!(wrote, 4, "{:?}", fake.log());
}
