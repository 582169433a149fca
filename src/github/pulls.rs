//! The pull request of a commit, for events that do not name it safely.
//!
//! What `workflow_run` says of pull requests is empty for forks. So the number is asked for, and held to the commit:
//! only an open pull request of this repository whose head is that very commit counts.

use presscheck_core::units::CommitSha;
use serde::Deserialize;
use thiserror::Error;
use url::form_urlencoded::byte_serialize;

use super::api::Api;
use super::error::{ApiError, Doing};
use super::event::Event;

/// The largest page of pull requests that is read.
const MAX_ANSWER: usize = 16 << 20;
const JSON: &str = "application/vnd.github+json";

/// Why a commit has no pull request to judge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoPull {
    /// GitHub did not say.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// None is open with this commit as its head.
    #[error(
        "no open pull request has the commit {0} as its head: nothing is judged, and no provider was asked\n  help: run the job for the runs of pull requests only (`if: github.event.workflow_run.event == 'pull_request'`); a newer commit is judged by its own run"
    )]
    None(String),
    /// Several are.
    #[error(
        "the commit {sha} is the head of several open pull requests ({}): which base to judge it against is not known, and no provider was asked\n  help: name it by the action's input `base`, or close all but one", .numbers.join(", ")
    )]
    Several {
        /// The commit.
        sha: String,
        /// `#17`, `#18`.
        numbers: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
struct Pull {
    number: u64,
    state: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    user: Option<User>,
    head: Side,
    base: Side,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Side {
    sha: CommitSha,
    #[serde(rename = "ref")]
    branch: String,
    repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    id: u64,
    full_name: String,
}

impl Pull {
    /// Whether it is open in the repository, with the event's commit as its head.
    fn is_of(&self, event: &Event) -> bool {
        let base = self.base.repo.as_ref();
        self.state == "open"
            && self.head.sha == event.head_sha
            && base.is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&event.repository))
    }

    /// Whether its head is in the repository that takes it.
    fn is_from_here(&self) -> bool {
        matches!((&self.head.repo, &self.base.repo), (Some(head), Some(base)) if head.id == base.id)
    }
}

/// The event of a finished workflow run as one of the pull request that it ran for.
///
/// # Errors
/// Where there is no such pull request, or more than one, or GitHub does not say.
pub async fn find(api: &Api, event: Event) -> Result<Event, NoPull> {
    let sha = &event.head_sha;
    let mut pulls = list(api, &format!("commits/{sha}/pulls?per_page=100")).await?;
    pulls.retain(|pull| pull.is_of(&event));
    if pulls.is_empty()
        && let (Some(repository), Some(branch)) = (&event.head_repository, &event.head_ref)
        && let Some((owner, _)) = repository.split_once('/')
    {
        // A fork's commit is not always listed by its id.
        let head: String = byte_serialize(format!("{owner}:{branch}").as_bytes()).collect();
        let route = format!("pulls?state=open&per_page=100&head={head}");
        pulls = list(api, &route).await?;
        pulls.retain(|pull| pull.is_of(&event));
    }
    if pulls.len() > 1 {
        let numbers = pulls.iter().take(5).map(|pull| format!("#{}", pull.number)).collect();
        return Err(NoPull::Several { sha: sha.short().to_owned(), numbers });
    }
    let pull = pulls.pop().ok_or_else(|| NoPull::None(sha.short().to_owned()))?;
    Ok(Event {
        same_repository: pull.is_from_here(),
        base_sha: Some(pull.base.sha),
        base_ref: Some(pull.base.branch),
        head_ref: Some(pull.head.branch),
        number: Some(pull.number),
        author: pull.user.map(|user| user.login),
        title: pull.title,
        labels: pull.labels.into_iter().map(|label| label.name).collect(),
        head_repository: pull.head.repo.map(|repo| repo.full_name),
        ..event
    })
}

/// What a pull request is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// Its head.
    pub head_sha: CommitSha,
    /// Who opened it; nothing where the account is gone.
    pub author: Option<String>,
}

/// Asks what a pull request is at this moment.
///
/// # Errors
/// Where GitHub does not say.
pub async fn now(api: &Api, number: u64) -> Result<Now, ApiError> {
    let route = api.route(&format!("pulls/{number}"));
    let pull: Pull = api.get(Doing::FindPull, &route, JSON, MAX_ANSWER).await?.json()?;
    Ok(Now { head_sha: pull.head.sha, author: pull.user.map(|user| user.login) })
}

/// Whether a pull request's head is, for certain, in the repository itself.
///
/// # Errors
/// Where GitHub does not say.
pub async fn is_from_here(api: &Api, number: u64) -> Result<bool, ApiError> {
    let route = api.route(&format!("pulls/{number}"));
    let pull: Pull = api.get(Doing::FindPull, &route, JSON, MAX_ANSWER).await?.json()?;
    Ok(pull.is_from_here())
}

async fn list(api: &Api, tail: &str) -> Result<Vec<Pull>, ApiError> {
    match api.get(Doing::FindPull, &api.route(tail), JSON, MAX_ANSWER).await {
        Ok(answer) => answer.json(),
        // No such commit, in GitHub's words: "No commit found for SHA".
        Err(ApiError::Rejected { status: 422, said, .. }) if said.contains("No commit found") => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

impl NoPull {
    /// Whether trying again later may help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Api(error) if error.is_passing())
    }
}
