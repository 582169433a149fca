//! Who accepted a blocking verdict: by a label on the pull request, or by a comment on it.
//!
//! Here GitHub is asked; [`rule`] decides. What can't be asked is never an acceptance.

mod rule;

use std::collections::BTreeMap;

use jiff::Timestamp;
use presscheck_core::inert::one_line;
use presscheck_core::units::CommitSha;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Method};
use super::error::{ApiError, Doing};
pub use rule::{COMMAND, Command, Question, Ruling, command, last_workflow_run};
pub(super) use rule::{NO_VERDICT, Person, Standing};
use rule::{attempts, first_verdict, people, rule};

/// The label that accepts, where the action's input names no other.
pub const DEFAULT_LABEL: &str = "presscheck: accept";

/// The most pages of 100 entries that are read of a list.
const MAX_PAGES: u32 = 30;

/// The check runs of a commit under a name.
///
/// # Errors
/// Where GitHub does not answer.
pub async fn check_runs(api: &Api, head: &CommitSha, name: &str) -> Result<Vec<Value>, ApiError> {
    #[derive(Deserialize)]
    struct Page {
        check_runs: Vec<Value>,
    }
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let tail = format!("commits/{head}/check-runs?check_name={name}&filter=all");
    pages(api, Doing::FindCheck, &tail, |page: Page| page.check_runs).await
}

/// What happened on a pull request, oldest first: comments, labels and the rest.
///
/// # Errors
/// Where GitHub does not answer, or more happened than is read.
pub(super) async fn timeline(api: &Api, number: u64) -> Result<Vec<Value>, ApiError> {
    let tail = format!("issues/{number}/timeline?");
    pages(api, Doing::ReadTimeline, &tail, |page: Vec<Value>| page).await
}

/// All entries of a list. One that is not read to its end is an error: what is missing could matter.
pub(super) async fn pages<T: serde::de::DeserializeOwned>(
    api: &Api,
    doing: Doing,
    tail: &str,
    entries: impl Fn(T) -> Vec<Value>,
) -> Result<Vec<Value>, ApiError> {
    let mut all = Vec::new();
    let and = if tail.ends_with('?') { "" } else { "&" };
    for page in 1..=MAX_PAGES {
        let route = api.route(&format!("{tail}{and}per_page=100&page={page}"));
        let answer = api.send(doing, Method::Get, &route, None::<&()>).await?;
        all.extend(entries(answer.json()?));
        if !answer.has_next {
            return Ok(all);
        }
    }
    Err(ApiError::BadAnswer { doing, reason: format!("it has more than {MAX_PAGES} pages") })
}

/// Asks who accepted a verdict on a commit.
///
/// # Errors
/// Where GitHub does not tell the history. A permission that can't be asked is part of the ruling.
pub async fn ask(api: &Api, number: u64, question: &Question<'_>) -> Result<Ruling, ApiError> {
    let attempts = attempts(&timeline(api, number).await?, question.label);
    let mut standings = BTreeMap::new();
    for person in people(&attempts, question) {
        standings.insert(person.login.clone(), standing(api, person).await);
    }
    Ok(rule(&attempts, question, &standings))
}

/// The time at which the first blocking verdict was posted on a commit, where one was.
///
/// # Errors
/// Where GitHub does not answer.
pub async fn verdict_before(
    api: &Api,
    head: &CommitSha,
    name: &str,
) -> Result<Option<Timestamp>, ApiError> {
    Ok(first_verdict(&check_runs(api, head, name).await?, name))
}

/// What somebody may do in the repository.
pub(super) async fn standing(api: &Api, person: &Person) -> Standing {
    #[derive(Deserialize)]
    struct Answer {
        permission: String,
        #[serde(default)]
        role_name: Option<String>,
        #[serde(default)]
        user: Option<Value>,
    }
    let login = &person.login;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if login.is_empty() || login.len() > 100 || !login.chars().all(plain) {
        return Standing::Unknown("the login is none that GitHub gives".to_owned());
    }
    let route = api.route(&format!("collaborators/{login}/permission"));
    let answer = api.send(Doing::AskPermission, Method::Get, &route, None::<&()>).await;
    let answer = match answer.and_then(|answer| answer.json::<Answer>()) {
        Ok(answer) => answer,
        Err(error) => return Standing::Unknown(error.to_string()),
    };
    let found = answer.user.as_ref().and_then(Person::read);
    let other = |found: &Person| matches!((found.id, person.id), (Some(a), Some(b)) if a != b);
    if found.as_ref().is_some_and(other) {
        return Standing::Unknown("the login is somebody else's by now".to_owned());
    }
    // A custom role's `permission` is the one that it builds on.
    match answer.permission.as_str() {
        "admin" | "maintain" | "write" => Standing::Writes,
        less => Standing::Less(one_line(answer.role_name.as_deref().unwrap_or(less), 40)),
    }
}

/// Runs the failed jobs of a workflow run again.
///
/// # Errors
/// Where GitHub refuses, or can't be reached.
pub async fn run_again(api: &Api, run: u64) -> Result<(), ApiError> {
    let route = api.route(&format!("actions/runs/{run}/rerun-failed-jobs"));
    api.send(Doing::RunAgain, Method::Post, &route, None::<&()>).await.map(drop)
}
