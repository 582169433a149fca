//! A small repository made of files in memory, for the demo and for tests: no git program is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Commit, Tree};
use presscheck_core::units::{CommitSha, RepoPath};

/// A repository that commits are written to directly.
pub struct Scratch {
    root: PathBuf,
    repository: gix::Repository,
}

/// Files by path.
pub type Files = BTreeMap<RepoPath, Vec<u8>>;

impl Scratch {
    /// Makes a repository in a folder.
    ///
    /// # Errors
    /// A sentence, where the folder can't be written.
    pub fn create(root: &Path) -> Result<Self, String> {
        let repository = gix::init(root).map_err(|error| error.to_string())?;
        Ok(Self { root: root.to_path_buf(), repository })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a commit with exactly these files, and points a branch at it.
    ///
    /// # Errors
    /// A sentence, where an object can't be written.
    pub fn commit(
        &self,
        branch: &str,
        message: &str,
        parents: &[&CommitSha],
        files: &Files,
    ) -> Result<CommitSha, String> {
        let fail = |error: &dyn std::fmt::Display| error.to_string();
        let paths: Vec<(Vec<&str>, &[u8])> = files
            .iter()
            .map(|(path, bytes)| (path.as_str().split('/').collect(), bytes.as_slice()))
            .collect();
        let tree = self.tree(&paths)?;
        let parents = parents
            .iter()
            .map(|sha| gix::ObjectId::from_hex(sha.as_str().as_bytes()).map_err(|e| fail(&e)))
            .collect::<Result<_, _>>()?;
        let author = gix::actor::Signature {
            name: "presscheck".into(),
            email: "presscheck@example.invalid".into(),
            time: gix::date::Time::new(1_760_000_000, 0),
        };
        let commit = Commit {
            tree,
            parents,
            author: author.clone(),
            committer: author,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        let id = self.repository.write_object(&commit).map_err(|error| fail(&error))?;
        let reference = self.repository.git_dir().join("refs/heads").join(branch);
        if let Some(parent) = reference.parent() {
            std::fs::create_dir_all(parent).map_err(|error| fail(&error))?;
        }
        std::fs::write(&reference, format!("{id}\n")).map_err(|error| fail(&error))?;
        id.to_string().parse().map_err(str::to_owned)
    }

    fn tree(&self, files: &[(Vec<&str>, &[u8])]) -> Result<gix::ObjectId, String> {
        let fail = |error: &dyn std::fmt::Display| error.to_string();
        let mut folders = BTreeMap::<&str, Vec<(Vec<&str>, &[u8])>>::new();
        let mut entries = Vec::new();
        for (path, bytes) in files {
            match path.as_slice() {
                [] => {}
                [name] => {
                    let oid = self.repository.write_blob(bytes).map_err(|error| fail(&error))?;
                    entries.push(Entry {
                        mode: EntryKind::Blob.into(),
                        filename: (*name).into(),
                        oid: oid.detach(),
                    });
                }
                [folder, rest @ ..] => {
                    folders.entry(folder).or_default().push((rest.to_vec(), bytes));
                }
            }
        }
        for (name, files) in folders {
            let oid = self.tree(&files)?;
            entries.push(Entry { mode: EntryKind::Tree.into(), filename: name.into(), oid });
        }
        entries.sort();
        let id = self.repository.write_object(&Tree { entries }).map_err(|error| fail(&error))?;
        Ok(id.detach())
    }
}
