//! GitHub, told by the real client over a real connection, on a fake that keeps GitHub's own rules.

mod accepted;
mod annotations;
mod cases;
mod comment;
mod distance;
mod events;
mod fake;
mod job;
mod ledger;
mod lives;
mod objects;
mod packaging;
mod people;
mod repository;
mod schemas;
mod sessions;
mod several;
mod strangers;
mod trouble;

use std::time::Duration;

use presscheck::github::{Comment, Conclusion, Environment, Event, Patience, Telling, read_event};

pub(crate) use fake::{Fake, Fault};

/// The commit under judgement.
pub(crate) const HEAD: &str = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9";
/// What it is compared with.
const BASE: &str = "4f2c91a0c1d2e3f405162738495a6b7c8d9eafb0";

/// A pull request of the repository itself.
pub(crate) fn event() -> Event {
    let payload = serde_json::json!({
        "action": "opened", "number": 17,
        "pull_request": {
            "title": "Cheaper heroes",
            "head": {"sha": HEAD, "ref": "cheaper", "repo": {"id": 1, "full_name": "octo-org/shop"}},
            "base": {"sha": BASE, "ref": "main"},
        },
        "repository": {"id": 1, "full_name": "octo-org/shop", "default_branch": "main"},
    });
    read_event("pull_request", payload.to_string().as_bytes(), |_| None).unwrap()
}

/// A job of that repository, whose API is at an address.
pub(crate) fn environment(api_url: &str, token: &str) -> Environment {
    Environment::read(|name| {
        let value = match name {
            "GITHUB_ACTIONS" => "true",
            "GITHUB_REPOSITORY" => "octo-org/shop",
            "GITHUB_API_URL" => api_url,
            "GITHUB_SERVER_URL" => "https://github.example.com",
            "GITHUB_RUN_ID" => "42",
            "GITHUB_RUN_ATTEMPT" => "2",
            "INPUT_GITHUB-TOKEN" => token,
            _ => return None,
        };
        Some(value.to_owned())
    })
}

/// A verdict, told with a comment.
pub(crate) fn telling(title: &str) -> Telling {
    Telling {
        conclusion: Conclusion::Success,
        title: title.to_owned(),
        check_summary: format!("### {title}\n"),
        comment: Some(Comment::of_words(format!(
            "### {title}\n\n<!-- presscheck:presscheck -->\n"
        ))),
        step_summary: format!("### {title}\n"),
        outputs: vec![("verdict".to_owned(), "pass".to_owned())],
        annotations: Vec::new(),
    }
}

/// Limits of time for tests.
pub(crate) const HASTE: Patience = Patience {
    connect: Duration::from_secs(5),
    request: Duration::from_secs(10),
    tries: 3,
    pause: Duration::from_millis(5),
    rate_limit: Duration::from_secs(5),
};
