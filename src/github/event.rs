//! The event that started the workflow: which commits to compare, and whom to tell.
//!
//! Pure functions over the event's name, its payload and the environment. The payload is data from outside: a
//! title, a branch name or a label may say anything, and is only ever shown, escaped for where it lands.
//!
//! The head is always the commit that people pushed. For `pull_request`, `GITHUB_SHA` is a merge commit that
//! GitHub made; for `pull_request_target` it is the default branch, whatever the pull request's base. So
//! neither commit of a pull request ever comes from it.

mod problem;

use std::fmt;

use presscheck_core::inert::one_line;
use presscheck_core::units::CommitSha;
use serde_json::Value;

use super::accept::{Command, command};

pub use problem::EventError;

/// The largest payload that is read: GitHub caps payloads at 25 MB.
pub const MAX_EVENT_BYTES: usize = 26 * 1024 * 1024;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A pull request, with the workflow of its merge commit.
    PullRequest,
    /// A pull request, with the workflow of the default branch: secrets are there, whoever opened it.
    PullRequestTarget,
    /// A merge queue asks for a verdict on a group.
    MergeGroup,
    /// Commits on a branch.
    Push,
    /// Somebody started the workflow by hand.
    WorkflowDispatch,
    /// The clock did.
    Schedule,
    /// Another workflow ended: secrets are there, whoever's change that one ran on.
    WorkflowRun,
}

impl EventKind {
    /// Every kind that is understood.
    pub const ALL: [Self; 7] = [
        Self::PullRequest,
        Self::PullRequestTarget,
        Self::MergeGroup,
        Self::Push,
        Self::WorkflowDispatch,
        Self::Schedule,
        Self::WorkflowRun,
    ];

    /// GitHub's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PullRequest => "pull_request",
            Self::PullRequestTarget => "pull_request_target",
            Self::MergeGroup => "merge_group",
            Self::Push => "push",
            Self::WorkflowDispatch => "workflow_dispatch",
            Self::Schedule => "schedule",
            Self::WorkflowRun => "workflow_run",
        }
    }

    /// Whether it is about a pull request that takes comments.
    #[must_use]
    pub const fn is_pull_request(self) -> bool {
        matches!(self, Self::PullRequest | Self::PullRequestTarget | Self::WorkflowRun)
    }

    /// Whether it names both commits itself, so that nobody else has to.
    #[must_use]
    pub const fn names_both(self) -> bool {
        matches!(self, Self::PullRequest | Self::PullRequestTarget | Self::MergeGroup)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What an event says, whichever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Which kind of it (`opened`, `synchronize`), where the payload says so.
    pub action: Option<String>,
    /// The commit under judgement: never a merge commit that GitHub made.
    pub head_sha: CommitSha,
    /// The commit to compare it with: the base branch's tip when the event fired, or the merge group's base.
    /// Nothing where the event has none (a new branch, a start by hand, the end of another workflow).
    pub base_sha: Option<CommitSha>,
    /// The branch that takes the change, without `refs/heads/`. For a start by hand, and for a new
    /// branch, the default branch.
    pub base_ref: Option<String>,
    /// The branch that brings it, without `refs/heads/`.
    pub head_ref: Option<String>,
    /// The pull request's number.
    pub number: Option<u64>,
    /// Who opened the pull request.
    pub author: Option<String>,
    /// The pull request's title.
    pub title: Option<String>,
    /// Names of the labels on the pull request.
    pub labels: Vec<String>,
    /// Who did it.
    pub sender: Option<String>,
    /// Whether the head is in the repository itself: not in a fork, and not in a fork since deleted.
    pub same_repository: bool,
    /// Where the head is; nothing where that repository is gone.
    pub head_repository: Option<String>,
    /// The repository that takes the change, `owner/name`.
    pub repository: String,
    /// Its default branch.
    pub default_branch: Option<String>,
}

/// A comment that may be for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summons {
    /// The pull request's number.
    pub number: u64,
    /// What it says to do.
    pub command: Command,
}

/// Reads the payload of `issue_comment`; nothing where nobody means us: a comment on an issue, one that was edited
/// or deleted, one that does not begin with our name, or one on a closed pull request.
///
/// # Errors
/// Where the payload is not what GitHub sends.
pub fn read_comment(payload: &[u8]) -> Result<Option<Summons>, EventError> {
    if payload.len() > MAX_EVENT_BYTES {
        return Err(EventError::TooLarge { bytes: payload.len() });
    }
    let value: Value = serde_json::from_slice(payload)
        .map_err(|error| EventError::NotJson { reason: one_line(&error.to_string(), 200) })?;
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let is_pull = value.pointer("/issue/pull_request").is_some_and(Value::is_object);
    if text("/action") != "created" || !is_pull || text("/issue/state") != "open" {
        return Ok(None);
    }
    let Some(command) = command(text("/comment/body")) else { return Ok(None) };
    let number = value.pointer("/issue/number").and_then(Value::as_u64);
    let number = number.ok_or_else(|| EventError::Field {
        event: ISSUE_COMMENT,
        field: "issue.number".to_owned(),
        expected: "expected a number",
    })?;
    Ok(Some(Summons { number, command }))
}

/// GitHub's name of the event of a comment.
pub const ISSUE_COMMENT: &str = "issue_comment";

/// Reads an event: its name (`GITHUB_EVENT_NAME`), its payload (the file at `GITHUB_EVENT_PATH`), and the
/// environment for what the payload leaves out (`GITHUB_SHA`, `GITHUB_REPOSITORY` of a start by hand).
///
/// # Errors
/// Where the event has no change to judge, or the payload is not what GitHub sends.
pub fn read(
    name: &str,
    payload: &[u8],
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Event, EventError> {
    if name.trim().is_empty() {
        return Err(EventError::Unnamed);
    }
    let Some(kind) = EventKind::ALL.into_iter().find(|kind| kind.name() == name) else {
        return Err(EventError::Unsupported { name: one_line(name, 60) });
    };
    if payload.len() > MAX_EVENT_BYTES {
        return Err(EventError::TooLarge { bytes: payload.len() });
    }
    let value: Value = serde_json::from_slice(payload)
        .map_err(|error| EventError::NotJson { reason: one_line(&error.to_string(), 200) })?;
    let payload = Payload { kind, value: &value };
    match kind {
        EventKind::PullRequest | EventKind::PullRequestTarget => pull_request(&payload),
        EventKind::MergeGroup => merge_group(&payload),
        EventKind::Push => push(&payload),
        EventKind::WorkflowDispatch | EventKind::Schedule => by_hand(&payload, lookup),
        EventKind::WorkflowRun => workflow_run(&payload),
    }
}

fn pull_request(payload: &Payload<'_>) -> Result<Event, EventError> {
    let repository = payload.need("/repository/full_name", REPOSITORY)?;
    let (same_repository, head_repository) =
        payload.head_repository("/pull_request/head/repo", &repository);
    let number = payload.number("/number").or_else(|| payload.number("/pull_request/number"));
    let labels = payload.value.pointer("/pull_request/labels").and_then(Value::as_array);
    let names = labels.into_iter().flatten().filter_map(|label| label.get("name")?.as_str());
    Ok(Event {
        head_sha: payload.sha("/pull_request/head/sha")?,
        base_sha: Some(payload.sha("/pull_request/base/sha")?),
        base_ref: Some(payload.need("/pull_request/base/ref", BRANCH)?),
        head_ref: payload.text("/pull_request/head/ref"),
        number: Some(number.ok_or_else(|| payload.wrong("/number", "expected a number"))?),
        author: payload.text("/pull_request/user/login"),
        title: payload.text("/pull_request/title"),
        labels: names.map(str::to_owned).collect(),
        same_repository,
        head_repository,
        ..payload.event(payload.sha("/pull_request/head/sha")?, repository)
    })
}

fn merge_group(payload: &Payload<'_>) -> Result<Event, EventError> {
    let repository = payload.need("/repository/full_name", REPOSITORY)?;
    let head_ref = payload.need("/merge_group/head_ref", BRANCH)?;
    let base_ref = payload.need("/merge_group/base_ref", BRANCH)?;
    Ok(Event {
        base_sha: Some(payload.sha("/merge_group/base_sha")?),
        base_ref: Some(branch(&base_ref)),
        number: queued_number(&head_ref),
        head_ref: Some(branch(&head_ref)),
        ..payload.event(payload.sha("/merge_group/head_sha")?, repository)
    })
}

fn push(payload: &Payload<'_>) -> Result<Event, EventError> {
    let repository = payload.need("/repository/full_name", REPOSITORY)?;
    let reference = payload.need("/ref", BRANCH)?;
    let head_sha = payload.sha("/after")?;
    if is_null(&head_sha) {
        return Err(EventError::Deleted { reference: one_line(&reference, 120) });
    }
    let before = payload.sha("/before")?;
    let event = payload.event(head_sha, repository);
    // All zeros: the branch is new, and there is nothing before it.
    let is_new = is_null(&before);
    Ok(Event {
        base_sha: (!is_new).then_some(before),
        base_ref: if is_new { event.default_branch.clone() } else { Some(branch(&reference)) },
        head_ref: Some(branch(&reference)),
        ..event
    })
}

/// `workflow_dispatch` and `schedule`: the payload says next to nothing, the environment says the commit.
fn by_hand(
    payload: &Payload<'_>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Event, EventError> {
    let text = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    let repository = payload
        .text("/repository/full_name")
        .or_else(|| text("GITHUB_REPOSITORY"))
        .ok_or_else(|| payload.wrong("/repository/full_name", REPOSITORY))?;
    let head_sha = text("GITHUB_SHA")
        .and_then(|sha| sha.trim().parse().ok())
        .ok_or_else(|| payload.wrong("GITHUB_SHA", COMMIT))?;
    let reference = payload.text("/ref").or_else(|| text("GITHUB_REF"));
    let event = payload.event(head_sha, repository);
    Ok(Event {
        base_ref: event.default_branch.clone(),
        head_ref: reference.map(|reference| branch(&reference)),
        ..event
    })
}

/// The end of another workflow. `GITHUB_SHA` is the default branch; the base and the pull request are not in the
/// payload, or not where the head is in a fork, and are asked for.
fn workflow_run(payload: &Payload<'_>) -> Result<Event, EventError> {
    let repository = payload.need("/repository/full_name", REPOSITORY)?;
    let (same_repository, head_repository) =
        payload.head_repository("/workflow_run/head_repository", &repository);
    Ok(Event {
        head_ref: payload.text("/workflow_run/head_branch"),
        same_repository,
        head_repository,
        ..payload.event(payload.sha("/workflow_run/head_sha")?, repository)
    })
}

const REPOSITORY: &str = "expected `owner/name`";
const BRANCH: &str = "expected a branch";
const COMMIT: &str = "expected a full commit id";

/// The number in a merge queue's branch, `gh-readonly-queue/BASE/pr-N-SHA`. Anchored at the end, for a base
/// branch may itself be called `release/pr-42-x`.
fn queued_number(reference: &str) -> Option<u64> {
    let (rest, sha) = reference.rsplit_once('-')?;
    sha.parse::<CommitSha>().ok()?;
    let (_, last) = rest.rsplit_once('/')?;
    let digits = last.strip_prefix("pr-")?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A branch or tag without `refs/heads/` or `refs/tags/`.
fn branch(reference: &str) -> String {
    let short = reference.strip_prefix("refs/heads/").or(reference.strip_prefix("refs/tags/"));
    short.unwrap_or(reference).to_owned()
}

/// Whether a commit id is GitHub's word for "none".
fn is_null(sha: &CommitSha) -> bool {
    sha.as_str().bytes().all(|b| b == b'0')
}

/// The payload of an event, read by JSON Pointer.
struct Payload<'a> {
    kind: EventKind,
    value: &'a Value,
}

impl Payload<'_> {
    /// A text that is there and not empty.
    fn text(&self, path: &str) -> Option<String> {
        let text = self.value.pointer(path)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.value.pointer(path)?.as_u64()
    }

    fn need(&self, path: &str, expected: &'static str) -> Result<String, EventError> {
        self.text(path).ok_or_else(|| self.wrong(path, expected))
    }

    fn sha(&self, path: &str) -> Result<CommitSha, EventError> {
        let text = self.text(path).and_then(|sha| sha.parse().ok());
        text.ok_or_else(|| self.wrong(path, COMMIT))
    }

    fn wrong(&self, path: &str, expected: &'static str) -> EventError {
        let field = path.trim_start_matches('/').replace('/', ".");
        EventError::Field { event: self.kind.name(), field, expected }
    }

    /// Whether the head's repository is the one that takes the change, and its name. Ids prove it; a name alone
    /// counts where there are none.
    fn head_repository(&self, path: &str, repository: &str) -> (bool, Option<String>) {
        let name = self.text(&format!("{path}/full_name"));
        let ids = [self.number("/repository/id"), self.number(&format!("{path}/id"))];
        let same = match (ids, &name) {
            ([Some(base), Some(head)], Some(_)) => base == head,
            (_, Some(name)) => name.eq_ignore_ascii_case(repository),
            (_, None) => false,
        };
        (same, name)
    }

    /// What every event has; its head is in the repository itself until something says otherwise.
    fn event(&self, head_sha: CommitSha, repository: String) -> Event {
        Event {
            kind: self.kind,
            action: self.text("/action"),
            head_sha,
            base_sha: None,
            base_ref: None,
            head_ref: None,
            number: None,
            author: None,
            title: None,
            labels: Vec::new(),
            sender: self.text("/sender/login"),
            same_repository: true,
            head_repository: Some(repository.clone()),
            default_branch: self.text("/repository/default_branch"),
            repository,
        }
    }
}

#[cfg(test)]
mod tests;
