//! What an answer of GitHub means.

use super::*;

fn limits(after: Option<&str>, remaining: Option<&str>, reset: Option<String>) -> Limits {
    Limits { retry_after: after.map(str::to_owned), remaining: remaining.map(str::to_owned), reset }
}

#[test]
fn a_rate_limit_says_how_long() {
    assert_eq!(limits(Some("7"), None, None).wait(), Some(Duration::from_secs(7)));
    let past = limits(Some("Wed, 21 Oct 2015 07:28:00 GMT"), None, None);
    assert_eq!(past.wait(), Some(Duration::ZERO));
    let past = limits(None, Some("0"), Some("1".to_owned()));
    assert_eq!(past.wait(), Some(Duration::from_secs(1)));
    for none in [
        limits(None, Some("12"), Some("1".to_owned())),
        limits(Some("soon"), None, None),
        limits(None, Some("0"), Some("-".to_owned())),
    ] {
        assert_eq!(none.wait(), None);
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let none = || limits(None, None, None);
    let mut errors = Vec::new();
    for (doing, status, body) in [
        (Doing::OpenCheck, 401, "{\"message\":\"Bad credentials\"}"),
        (Doing::OpenCheck, 403, "{\"message\":\"Resource not accessible by integration\"}"),
        (Doing::CreateComment, 403, "{\"message\":\"Resource not accessible by integration\"}"),
        (
            Doing::CreateComment,
            403,
            "{\"message\":\"Unable to create comment because issue is locked.\"}",
        ),
        (Doing::ListComments, 404, "{\"message\":\"Not Found\"}"),
        (
            Doing::UpdateCheck,
            422,
            "{\"message\":\"Invalid request.\",\"errors\":[\"x\\n::error::y\"]}",
        ),
        (Doing::UpdateComment, 403, "{\"message\":\"You have exceeded a secondary rate limit\"}"),
        (Doing::UpdateComment, 502, "<html>"),
        (Doing::UpdateComment, 418, ""),
    ] {
        errors.push(refusal(doing, status, &said(body.as_bytes()), &none(), 3).error.to_string());
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    could not open the check run: GitHub does not accept the token (it may have expired)
    could not open the check run: the token lacks `checks: write`; add it under `permissions:` of the job (a pull request from a fork gets a read-only token, whatever the job says)
    could not comment on the pull request: the token lacks `pull-requests: write`; add it under `permissions:` of the job (a pull request from a fork gets a read-only token, whatever the job says)
    could not comment on the pull request: GitHub refuses with HTTP 403: Unable to create comment because issue is locked.
    could not read the pull request's comments: GitHub answers "not found" (the token may not see this repository, or `pull-requests: read` is missing)
    could not update the check run: GitHub refuses with HTTP 422: Invalid request. ["x\n::error::y"]
    could not update the comment: GitHub's rate limit is reached for another 60 s
    could not update the comment: GitHub answers HTTP 502, 3 times
    could not update the comment: GitHub refuses with HTTP 418: no reason given
    "#);
}

#[tokio::test]
async fn a_full_minute_holds_up_what_writes_over_every_clone_and_nothing_that_reads() {
    // Nobody listens there: what is sent at all ends otherwise.
    let url = "http://127.0.0.1:9".parse().unwrap();
    let repository = Repository { owner: "octo-org".to_owned(), name: "shop".to_owned() };
    let token = Token::new("ghs_test").unwrap();
    let api = Api::new(&url, repository, &token, Patience::default()).unwrap();
    while api.pace.take(Instant::now()).is_ok() {}
    let api = api.with_patience(Patience::in_passing());
    for method in [Method::Post, Method::Patch, Method::Delete] {
        let sent = api.send(Doing::KeepPictures, method, "/x", Some(&())).await;
        assert!(matches!(sent, Err(ApiError::RateLimited { wait: Some(_), .. })), "{method:?}");
    }
    let read = api.send(Doing::ReadFile, Method::Get, "/x", None::<&()>).await;
    assert!(matches!(read, Err(ApiError::Unreachable { .. })));
}
