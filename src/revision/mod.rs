//! The two sides of a change, as files: git revisions read from objects, folders, or commits that lie elsewhere.
//!
//! Nothing is ever checked out, and no git program, hook or repository configuration runs.

mod folder;
mod git;
mod remote;
mod scratch;
mod tape;

use std::path::Path;

use presscheck_core::units::{CommitSha, RepoPath};
use thiserror::Error;

pub use folder::Folder;
pub use git::{BEHIND_A_LINK, Commit, NO_FILE, Repository, too_large};
pub use remote::{Remote, RemoteFiles, Unread};
pub use scratch::{Files, Scratch};
pub use tape::{Kept, Reading, Seen, Watched};

/// Where files are read from: a commit, or a folder as it is now.
#[derive(Clone, Debug)]
pub enum Snapshot {
    /// A commit's tree, from git objects.
    Commit(Commit),
    /// A folder, uncommitted changes included.
    Folder(Folder),
    /// A commit that is not here.
    Remote(Remote),
    /// Another one, of which all that is read is kept.
    Watched(Watched),
    /// One that was watched before.
    Kept(Kept),
}

/// Why a revision or one of its files can't be read.
#[derive(Debug, Error)]
pub enum RevisionError {
    /// The name stands for no commit and no folder.
    #[error(
        "`{name}` is neither a git revision of this repository nor a folder\n  help: name a branch, a tag, a commit or a folder{hint}"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may be the reason, as a clause, or empty.
        hint: String,
    },
    /// There is no repository, and the name is no folder.
    #[error(
        "there is no git repository at or above {folder}\n  help: run this inside a repository, or name two folders with --base and --head"
    )]
    NoRepository {
        /// Where it was looked for.
        folder: String,
    },
    /// No default branch was found.
    #[error(
        "the default branch of this repository is not known\n  help: name the baseline with --base, such as --base origin/main"
    )]
    NoDefaultBranch,
    /// The file is there but can't be read.
    #[error("{path} at {at} can't be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The revision.
        at: String,
        /// Why, and what to do.
        why: String,
    },
    /// The file lies elsewhere and could not be had: whether there is one is not known.
    #[error("{path} at {at} can't be read: {why}")]
    Unreachable {
        /// The file.
        path: String,
        /// The revision.
        at: String,
        /// Why.
        why: String,
    },
}

/// What a file that can't be used counts as: nothing, unless it could not be had. To take an outage for an absent
/// file would be to judge something else.
///
/// # Errors
/// Where it could not be had.
pub fn usable<T>(read: Result<Option<T>, RevisionError>) -> Result<Option<T>, RevisionError> {
    match read {
        Err(error @ RevisionError::Unreachable { .. }) => Err(error),
        other => Ok(other.ok().flatten()),
    }
}

impl Snapshot {
    /// The bytes of a file; nothing where the revision has no such file.
    ///
    /// # Errors
    /// Where the file is a link, a folder or larger than `max_bytes`, or the objects are damaged.
    pub fn read(&self, path: &RepoPath, max_bytes: u64) -> Result<Option<Vec<u8>>, RevisionError> {
        match self {
            Self::Commit(commit) => commit.read(path, max_bytes),
            Self::Folder(folder) => folder.read(path, max_bytes),
            Self::Remote(remote) => remote.read(path, max_bytes),
            Self::Watched(watched) => watched.read(path, max_bytes),
            Self::Kept(kept) => kept.read(path, max_bytes),
        }
    }

    /// The same from an asynchronous task, which must not wait in its thread for a file that lies elsewhere.
    ///
    /// # Errors
    /// As [`Self::read`] has it.
    pub async fn fetch(
        &self,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RevisionError> {
        if !self.is_remote() {
            return self.read(path, max_bytes);
        }
        let (snapshot, wanted) = (self.clone(), path.clone());
        let reading = tokio::task::spawn_blocking(move || snapshot.read(&wanted, max_bytes));
        reading.await.unwrap_or_else(|error| {
            Err(RevisionError::Unreachable {
                path: path.to_string(),
                at: self.label().to_owned(),
                why: error.to_string(),
            })
        })
    }

    /// Whether its files lie elsewhere.
    const fn is_remote(&self) -> bool {
        match self {
            Self::Remote(_) => true,
            Self::Watched(watched) => watched.inner().is_remote(),
            Self::Commit(_) | Self::Folder(_) | Self::Kept(_) => false,
        }
    }

    /// Whether a file of it could not be had, and may be had another time.
    fn was_away(&self) -> bool {
        match self {
            Self::Remote(remote) => remote.was_away(),
            Self::Watched(watched) => watched.inner().was_away(),
            Self::Commit(_) | Self::Folder(_) | Self::Kept(_) => false,
        }
    }

    /// How people name it: `main@4f2c91a`, `work tree`.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Commit(commit) => commit.label(),
            Self::Folder(folder) => folder.label(),
            Self::Remote(remote) => remote.label(),
            Self::Watched(watched) => watched.inner().label(),
            Self::Kept(kept) => kept.label(),
        }
    }

    /// Names a commit after the branch it was found on: `main@4f2c91a`.
    pub fn rename(&mut self, branch: &str) {
        match self {
            Self::Commit(commit) => commit.rename(branch),
            Self::Folder(_) | Self::Kept(_) => {}
            Self::Remote(remote) => remote.rename(branch),
            Self::Watched(watched) => watched.inner_mut().rename(branch),
        }
    }

    /// The commit; nothing for a folder.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitSha> {
        match self {
            Self::Commit(commit) => Some(commit.sha()),
            Self::Folder(_) => None,
            Self::Remote(remote) => Some(remote.sha()),
            Self::Watched(watched) => watched.inner().commit(),
            Self::Kept(kept) => kept.commit(),
        }
    }
}

/// What is compared: both sides, and where the head branched off.
#[derive(Clone, Debug)]
pub struct Change {
    /// The baseline: the tip of the base branch.
    pub base: Snapshot,
    /// The candidate.
    pub head: Snapshot,
    /// Where the head's history left the base's: what the head changed is counted from here. The base
    /// itself where there is no common history.
    pub fork_point: Snapshot,
    /// The arguments that name the same two sides again.
    pub again: (String, String),
    /// Whether the head comes, or may come, from another repository: then nothing of it is trusted, not even
    /// where the base has no policy yet.
    pub foreign: bool,
}

impl Change {
    /// Whether a file of either side could not be had, and may be had another time: an outage elsewhere, and nothing
    /// that is wrong with the change.
    #[must_use]
    pub fn was_away(&self) -> bool {
        [&self.base, &self.head, &self.fork_point].into_iter().any(Snapshot::was_away)
    }

    /// The same change, of which all that is read is kept in a folder by its digest.
    #[must_use]
    pub fn watched(self, folder: &Path) -> Self {
        let watch = |side: Snapshot| Snapshot::Watched(Watched::new(side, folder));
        Self {
            base: watch(self.base),
            head: watch(self.head),
            fork_point: watch(self.fork_point),
            ..self
        }
    }
}

/// Resolves the two sides from what the user named: by default the tip of the default branch, and the
/// work tree as it is.
///
/// # Errors
/// Where a name stands for nothing.
pub fn resolve(at: &Path, base: Option<&str>, head: Option<&str>) -> Result<Change, RevisionError> {
    let repository = Repository::discover(at);
    let side = |name: &str| -> Result<Snapshot, RevisionError> {
        let found = repository.as_ref().and_then(|repository| repository.commit(name));
        if let Some(commit) = found {
            return Ok(Snapshot::Commit(commit));
        }
        let folder = at.join(name);
        if folder.is_dir() {
            let work_tree = repository.as_ref().is_some_and(|known| known.is_work_tree(&folder));
            let label = if work_tree { "work tree".to_owned() } else { name.to_owned() };
            return Ok(Snapshot::Folder(Folder::new(&folder, label)));
        }
        let hint = match &repository {
            Some(repository) if repository.is_shallow() => {
                "; this clone is shallow: fetch with full history (`fetch-depth: 0`)".to_owned()
            }
            Some(_) => String::new(),
            None => "; there is no git repository here".to_owned(),
        };
        Err(RevisionError::Unknown { name: name.to_owned(), hint })
    };
    let base_name = match (base, &repository) {
        (Some(name), _) => name.to_owned(),
        (None, Some(repository)) => {
            repository.default_branch().ok_or(RevisionError::NoDefaultBranch)?
        }
        (None, None) => {
            return Err(RevisionError::NoRepository { folder: at.display().to_string() });
        }
    };
    let base = side(&base_name)?;
    let (head, head_name) = match (head, &repository) {
        (Some(name), _) => (side(name)?, name.to_owned()),
        (None, Some(repository)) => {
            let root = repository
                .work_tree()
                .ok_or_else(|| RevisionError::NoRepository { folder: at.display().to_string() })?;
            (Snapshot::Folder(Folder::new(&root, "work tree".to_owned())), String::new())
        }
        (None, None) => {
            return Err(RevisionError::NoRepository { folder: at.display().to_string() });
        }
    };
    let fork_point = repository
        .as_ref()
        .and_then(|repository| {
            let head = match &head {
                Snapshot::Commit(commit) => commit.sha().clone(),
                Snapshot::Folder(folder) if repository.is_work_tree(folder.root()) => {
                    repository.head()?
                }
                Snapshot::Folder(_)
                | Snapshot::Remote(_)
                | Snapshot::Watched(_)
                | Snapshot::Kept(_) => return None,
            };
            repository.merge_base(base.commit()?, &head)
        })
        .map_or_else(|| base.clone(), Snapshot::Commit);
    Ok(Change { base, head, fork_point, again: (base_name, head_name), foreign: false })
}

#[cfg(test)]
mod tests;
