//! What a run reads of a snapshot, written down, so that the same can be read again without the snapshot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use presscheck_core::units::{CommitSha, Digest, RepoPath};
use serde::{Deserialize, Serialize};

use super::{RevisionError, Snapshot};

/// What came of reading one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reading {
    /// There is no such file.
    Absent,
    /// A file; its bytes are kept by their digest.
    File {
        /// Of its bytes.
        digest: Digest,
        /// How many.
        bytes: u64,
    },
    /// It is there and can't be read.
    Unreadable {
        /// Why, and what to do.
        why: String,
    },
}

/// A side of a change as a run saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How people name it.
    pub label: String,
    /// The commit; nothing for a folder.
    pub commit: Option<CommitSha>,
    /// Every path that was read, and what came of it.
    pub files: BTreeMap<String, Reading>,
}

/// A snapshot of which everything that is read is kept.
#[derive(Clone, Debug)]
pub struct Watched {
    inner: Box<Snapshot>,
    folder: PathBuf,
    files: Arc<Mutex<BTreeMap<String, Reading>>>,
}

impl Watched {
    /// Keeps what is read of a snapshot in a folder, by digest.
    #[must_use]
    pub fn new(inner: Snapshot, folder: &Path) -> Self {
        Self { inner: Box::new(inner), folder: folder.to_path_buf(), files: Arc::default() }
    }

    pub(super) const fn inner(&self) -> &Snapshot {
        &self.inner
    }

    pub(super) const fn inner_mut(&mut self) -> &mut Snapshot {
        &mut self.inner
    }

    /// The bytes of a file, noted down.
    pub(super) fn read(
        &self,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RevisionError> {
        let read = self.inner.read(path, max_bytes);
        let reading = match &read {
            Ok(None) => Reading::Absent,
            Ok(Some(bytes)) => self.keep(path, bytes)?,
            Err(RevisionError::Unreadable { why, .. }) => Reading::Unreadable { why: why.clone() },
            // A run that could not have a file comes to no verdict that could be replayed.
            Err(_) => return read,
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_string(), reading);
        drop(files);
        read
    }

    fn keep(&self, path: &RepoPath, bytes: &[u8]) -> Result<Reading, RevisionError> {
        let digest = Digest::of(bytes);
        let to = self.folder.join(digest.to_string());
        if !to.exists() {
            let kept =
                std::fs::create_dir_all(&self.folder).and_then(|()| std::fs::write(&to, bytes));
            kept.map_err(|error| RevisionError::Unreadable {
                path: path.to_string(),
                at: self.inner.label().to_owned(),
                why: format!("it can't be kept as evidence in {}: {error}", self.folder.display()),
            })?;
        }
        let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Reading::File { digest, bytes })
    }

    fn seen(&self) -> Seen {
        Seen {
            label: self.inner.label().to_owned(),
            commit: self.inner.commit().cloned(),
            files: self.files.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// A side of a change as it was seen before: nothing else can be read of it.
#[derive(Clone, Debug)]
pub struct Kept {
    seen: Arc<Seen>,
    folder: PathBuf,
    replaced: Option<(String, Arc<Vec<u8>>)>,
    beside: Option<Box<Snapshot>>,
}

impl Kept {
    /// What was seen, and the folder in which its files are kept by their digest.
    #[must_use]
    pub fn new(seen: Seen, folder: &Path) -> Self {
        Self { seen: Arc::new(seen), folder: folder.to_path_buf(), replaced: None, beside: None }
    }

    /// Puts another file in the place of one.
    pub fn replace(&mut self, path: &str, bytes: Vec<u8>) {
        self.replaced = Some((path.to_owned(), Arc::new(bytes)));
    }

    /// Where files lie that were not read then.
    pub fn beside(&mut self, beside: Option<Snapshot>) {
        self.beside = beside.map(Box::new);
    }

    pub(super) fn label(&self) -> &str {
        &self.seen.label
    }

    pub(super) fn commit(&self) -> Option<&CommitSha> {
        self.seen.commit.as_ref()
    }

    pub(super) fn read(
        &self,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RevisionError> {
        let fail = |why: String| RevisionError::Unreadable {
            path: path.to_string(),
            at: self.seen.label.clone(),
            why,
        };
        if let Some((_, bytes)) = self.replaced.as_ref().filter(|(name, _)| name == path.as_str()) {
            return Ok(Some(bytes.to_vec()));
        }
        match (self.seen.files.get(path.as_str()), &self.beside) {
            (None, Some(beside)) => beside.read(path, max_bytes),
            (None, None) => Err(fail("the run that is replayed did not read it".to_owned())),
            (Some(Reading::Absent), _) => Ok(None),
            (Some(Reading::Unreadable { why }), _) => Err(fail(why.clone())),
            (Some(Reading::File { bytes, .. }), _) if *bytes > max_bytes => {
                Err(fail(super::too_large(*bytes, max_bytes)))
            }
            (Some(Reading::File { digest, .. }), _) => {
                let read = std::fs::read(self.folder.join(digest.to_string()));
                let bytes = read.map_err(|error| fail(format!("its kept copy: {error}")))?;
                if Digest::of(&bytes) == *digest {
                    Ok(Some(bytes))
                } else {
                    Err(fail("its kept copy was altered".to_owned()))
                }
            }
        }
    }
}

impl Snapshot {
    /// What was read of it so far; nothing where nobody watches.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        match self {
            Self::Watched(watched) => Some(watched.seen()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Folder;
    use super::*;

    fn path(path: &str) -> RepoPath {
        path.parse().unwrap()
    }

    #[test]
    fn what_was_read_is_read_again_and_nothing_else() {
        let (tree, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(tree.path().join("a.txt"), "one").unwrap();
        std::fs::write(tree.path().join("b.txt"), "two").unwrap();
        std::fs::create_dir(tree.path().join("folder")).unwrap();
        let folder = Snapshot::Folder(Folder::new(tree.path(), "work tree".to_owned()));
        let watched = Snapshot::Watched(Watched::new(folder, kept.path()));
        assert_eq!(watched.read(&path("a.txt"), 10).unwrap().unwrap(), b"one");
        assert_eq!(watched.read(&path("gone.txt"), 10).unwrap(), None);
        let why = watched.read(&path("folder"), 10).unwrap_err().to_string();
        let seen = watched.seen().unwrap();
        assert_eq!(seen.files.len(), 3);
        let json = serde_json::to_string(&seen).unwrap();
        drop(tree);
        let seen: Seen = serde_json::from_str(&json).unwrap();
        let again = Snapshot::Kept(Kept::new(seen, kept.path()));
        assert_eq!(again.label(), "work tree");
        assert_eq!(again.read(&path("a.txt"), 10).unwrap().unwrap(), b"one");
        assert_eq!(again.read(&path("gone.txt"), 10).unwrap(), None);
        assert_eq!(again.read(&path("folder"), 10).unwrap_err().to_string(), why);
        let never = again.read(&path("b.txt"), 10).unwrap_err().to_string();
        assert_eq!(
            never,
            "b.txt at work tree can't be read: the run that is replayed did not read it"
        );
        let digest = Digest::of(b"one").to_string();
        std::fs::write(kept.path().join(digest), "0ne").unwrap();
        let altered = again.read(&path("a.txt"), 10).unwrap_err().to_string();
        assert!(altered.ends_with("its kept copy was altered"), "{altered}");
    }
}
