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
