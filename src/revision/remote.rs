//! Commits that are not here: their files are read from where they are, one by one.

use std::fmt;
use std::sync::Arc;

use presscheck_core::units::{CommitSha, RepoPath};

use super::RevisionError;

/// Why a file can't be had from elsewhere, as a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is a link, a folder or too large.
    Refused(String),
    /// It could not be asked for, or there was no answer. Another time there may be one.
    Unreachable(String),
}

/// Reads files of commits from elsewhere.
pub trait RemoteFiles: Send + Sync {
    /// The bytes of a file; nothing where the commit has no such file.
    ///
    /// It waits for an answer: call it from a thread that may wait, never from an asynchronous task.
    ///
    /// # Errors
    /// Where the file is a link, a folder or larger than `max_bytes`, or can't be had.
    fn read(
        &self,
        commit: &CommitSha,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Unread>;

    /// Whether an answer failed to come that may come another time.
    fn was_away(&self) -> bool;
}

/// A commit whose files are read from elsewhere.
#[derive(Clone)]
pub struct Remote {
    files: Arc<dyn RemoteFiles>,
    sha: CommitSha,
    label: String,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.label)
    }
}

impl Remote {
    /// A commit, and who reads its files.
    #[must_use]
    pub fn new(files: Arc<dyn RemoteFiles>, sha: CommitSha) -> Self {
        let label = sha.short().to_owned();
        Self { files, sha, label }
    }

    /// The full commit id.
    #[must_use]
    pub const fn sha(&self) -> &CommitSha {
        &self.sha
    }

    /// How people name it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether a file of it could not be had, and may be had another time.
    pub(super) fn was_away(&self) -> bool {
        self.files.was_away()
    }

    /// Names it after a branch.
    pub(super) fn rename(&mut self, branch: &str) {
        let branch = presscheck_core::inert::one_line(branch, 80);
        self.label = format!("{branch}@{}", self.sha.short());
    }

    /// The bytes of a file; nothing where the commit has no such file.
    pub(super) fn read(
        &self,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RevisionError> {
        let (name, at) = (path.to_string(), self.label.clone());
        self.files.read(&self.sha, path, max_bytes).map_err(|unread| match unread {
            Unread::Refused(why) => RevisionError::Unreadable { path: name, at, why },
            Unread::Unreachable(why) => RevisionError::Unreachable { path: name, at, why },
        })
    }
}
