//! Both sides of a change in Actions: from git's objects where they are here, over GitHub's API where they are not.

use std::sync::Arc;

use presscheck_core::units::CommitSha;

use super::Exit;
use super::change::ChangeArgs;
use super::tell::{Told, warn};
use crate::github::{Api, ApiError, Environment, Files, Patience, compare};
use crate::revision::{self, Change, Remote, RemoteFiles, Repository, RevisionError, Snapshot};

/// Resolves the two sides. Without a token, or outside of Actions, nothing is asked for over the network.
pub(super) async fn resolve(
    named: &ChangeArgs,
    told: &Told,
    environment: &Environment,
) -> Result<Change, (Exit, String)> {
    let at = named.at();
    let found = revision::resolve(&at, named.base.as_deref(), named.head.as_deref());
    let here = Repository::discover(&at);
    let mut change = if environment.in_actions() && environment.token.is_some() {
        let elsewhere = Elsewhere { environment, here };
        match found {
            Ok(change) => elsewhere.part(change).await,
            Err(error) => elsewhere.find(error, named, told).await?,
        }
    } else {
        found.map_err(|error| not_found(&error))?
    };
    change.foreign = told.foreign;
    if let Some(label) = &told.base_label {
        change.base.rename(label);
    }
    Ok(change)
}

/// The commit that a branch, a tag or a commit's id stands for: in git, else at GitHub.
pub(super) async fn commit(
    named: &ChangeArgs,
    environment: &Environment,
    name: &str,
) -> Result<CommitSha, ApiError> {
    if let Ok(sha) = name.parse() {
        return Ok(sha);
    }
    let here = Repository::discover(&named.at());
    let branch = format!("origin/{name}");
    let found = here.and_then(|it| it.commit(&branch).or_else(|| it.commit(name)));
    if let Some(commit) = found {
        return Ok(commit.sha().clone());
    }
    let api = Api::of(environment, Patience::default())?;
    // Compared with itself: the answer says what the name stands for.
    Ok(compare(&api, name, name).await?.base)
}

struct Elsewhere<'a> {
    environment: &'a Environment,
    here: Option<Repository>,
}

impl Elsewhere<'_> {
    fn api(&self) -> Result<Api, ApiError> {
        Api::of(self.environment, Patience::default())
    }

    fn files(&self) -> Result<Arc<dyn RemoteFiles>, ApiError> {
        Ok(Arc::new(Files::open(self.environment, self.here.clone(), Patience::default())?))
    }

    /// Where the two sides parted, as GitHub knows it, where this clone does not have their histories.
    async fn part(&self, mut change: Change) -> Change {
        let sides = (change.base.commit(), change.head.commit());
        let (Some(here), (Some(base), Some(head))) = (&self.here, sides) else { return change };
        if !here.is_shallow() {
            return change;
        }
        match self.fork_point(base.as_str(), head.as_str()).await {
            Ok(Some(fork_point)) => change.fork_point = fork_point,
            Ok(None) => {}
            Err(error) if here.merge_base(base, head).is_none() => warn(&[format!(
                "This clone is shallow, and GitHub does not say where the two sides parted ({error}): what the head changed is counted from the base's tip."
            )]),
            Err(_) => {}
        }
        change
    }

    async fn fork_point(&self, base: &str, head: &str) -> Result<Option<Snapshot>, ApiError> {
        let compared = compare(&self.api()?, base, head).await?;
        let Some(sha) = compared.merge_base else { return Ok(None) };
        Ok(Some(self.snapshot(sha, &self.files()?)))
    }

    /// A commit, from git where it is here.
    fn snapshot(&self, sha: CommitSha, files: &Arc<dyn RemoteFiles>) -> Snapshot {
        match self.here.as_ref().and_then(|here| here.commit(sha.as_str())) {
            Some(commit) => Snapshot::Commit(commit),
            None => Snapshot::Remote(Remote::new(Arc::clone(files), sha)),
        }
    }

    /// Both sides, where git does not have them.
    async fn find(
        &self,
        missing: RevisionError,
        named: &ChangeArgs,
        told: &Told,
    ) -> Result<Change, (Exit, String)> {
        let base = named.base.clone().or_else(|| told.default_branch.clone());
        let (Some(base), Some(head)) = (base, named.head.clone()) else {
            return Err(not_found(&missing));
        };
        // A folder is a side of its own; what is missing beside it is no commit of an event.
        if [&base, &head].into_iter().any(|name| named.at().join(name).is_dir()) {
            return Err(not_found(&missing));
        }
        let sha = async |name: &str| commit(named, self.environment, name).await;
        let sides = match (sha(&base).await, sha(&head).await) {
            (Ok(base), Ok(head)) => (base, head),
            (Err(error), _) | (_, Err(error)) => return Err(unanswered(&error)),
        };
        let compared = async { compare(&self.api()?, sides.0.as_str(), sides.1.as_str()).await };
        let compared = compared.await.map_err(|error| unanswered(&error))?;
        let files = self.files().map_err(|error| unanswered(&error))?;
        let base_side = self.snapshot(sides.0, &files);
        let fork_point =
            compared.merge_base.map_or_else(|| base_side.clone(), |sha| self.snapshot(sha, &files));
        let head_side = self.snapshot(sides.1, &files);
        Ok(Change {
            base: base_side,
            head: head_side,
            fork_point,
            again: (base, head),
            foreign: told.foreign,
        })
    }
}

fn not_found(error: &RevisionError) -> (Exit, String) {
    (Exit::Config, format!("{error}; no request was sent"))
}

/// What to say where GitHub did not say what is missing here.
fn unanswered(error: &ApiError) -> (Exit, String) {
    let exit = if error.is_passing() { Exit::CouldNotRun } else { Exit::Config };
    (
        exit,
        format!(
            "the two sides are not in a clone here, and {error}; no provider was asked\n  help: give the job `contents: read`, or check the repository out with `fetch-depth: 0`"
        ),
    )
}
