//! Commits, read from git objects in this process.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::bstr::BStr;
use presscheck_core::units::{CommitSha, RepoPath};

use super::RevisionError;

/// A repository, opened without its configuration: a hostile one could name programs to run.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<gix::ThreadSafeRepository>,
}

/// A commit of a repository, with the name it was found under.
#[derive(Clone)]
pub struct Commit {
    repository: Arc<gix::ThreadSafeRepository>,
    sha: CommitSha,
    label: String,
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commit({})", self.label)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.inner.git_dir().display())
    }
}

impl Repository {
    /// The repository that holds a folder, where there is one.
    ///
    /// It is read whoever owns it: inside a container the workspace belongs to another user, and reading
    /// objects runs nothing.
    #[must_use]
    pub fn discover(folder: &Path) -> Option<Self> {
        let options = gix::open::Options::isolated().with(gix::sec::Trust::Full);
        let mapping = gix::sec::trust::Mapping { full: options.clone(), reduced: options };
        let upwards = gix::discover::upwards::Options::default();
        let inner = gix::ThreadSafeRepository::discover_opts(folder, upwards, mapping).ok()?;
        Some(Self { inner: Arc::new(inner) })
    }

    /// The commit that a revision names.
    #[must_use]
    pub fn commit(&self, name: &str) -> Option<Commit> {
        let repository = self.inner.to_thread_local();
        let id = repository.rev_parse_single(BStr::new(name)).ok()?;
        let commit = id.object().ok()?.peel_to_commit().ok()?;
        let sha: CommitSha = commit.id().to_string().parse().ok()?;
        let label = if sha.as_str().starts_with(&name.to_lowercase()) {
            sha.short().to_owned()
        } else {
            format!("{name}@{}", sha.short())
        };
        Some(Commit { repository: self.inner.clone(), sha, label })
    }

    /// The branch that pull requests go to: the remote's `HEAD`, else `main` or `master`, remote ones first.
    #[must_use]
    pub fn default_branch(&self) -> Option<String> {
        let repository = self.inner.to_thread_local();
        let remote_head =
            repository.try_find_reference("refs/remotes/origin/HEAD").ok().flatten().and_then(
                |reference| {
                    let target = reference.target().try_name()?.as_bstr().to_string();
                    target.strip_prefix("refs/remotes/").map(str::to_owned)
                },
            );
        let candidates = ["origin/main", "origin/master", "main", "master"];
        remote_head
            .into_iter()
            .chain(candidates.into_iter().map(str::to_owned))
            .find(|name| self.commit(name).is_some())
    }

    /// The commit that is checked out.
    #[must_use]
    pub fn head(&self) -> Option<CommitSha> {
        self.inner.to_thread_local().head_id().ok()?.to_string().parse().ok()
    }

    /// Where two histories part.
    #[must_use]
    pub fn merge_base(&self, one: &CommitSha, two: &CommitSha) -> Option<Commit> {
        let repository = self.inner.to_thread_local();
        let id = |sha: &CommitSha| gix::ObjectId::from_hex(sha.as_str().as_bytes()).ok();
        let base = repository.merge_base(id(one)?, id(two)?).ok()??;
        let sha: CommitSha = base.to_string().parse().ok()?;
        let label = sha.short().to_owned();
        Some(Commit { repository: self.inner.clone(), sha, label })
    }

    /// The bytes of a file's object, where it is here and not too large.
    #[must_use]
    pub fn blob(&self, id: &str, max_bytes: u64) -> Option<Vec<u8>> {
        let id = gix::ObjectId::from_hex(id.as_bytes()).ok()?;
        let repository = self.inner.to_thread_local();
        let header = repository.find_header(id).ok()?;
        if header.kind() != gix::objs::Kind::Blob || header.size() > max_bytes {
            return None;
        }
        let mut object = repository.find_object(id).ok()?;
        Some(std::mem::take(&mut object.data))
    }

    /// Whether a part of the history is missing.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.inner.to_thread_local().is_shallow().unwrap_or(false)
    }

    /// The folder of the checked-out files.
    #[must_use]
    pub fn work_tree(&self) -> Option<PathBuf> {
        self.inner.to_thread_local().workdir().map(Path::to_path_buf)
    }

    /// Whether a folder is the root of the checked-out files.
    #[must_use]
    pub fn is_work_tree(&self, folder: &Path) -> bool {
        let same = |root: PathBuf| Some(root.canonicalize().ok()? == folder.canonicalize().ok()?);
        self.work_tree().and_then(same).unwrap_or(false)
    }
}

impl Commit {
    /// The full commit id.
    #[must_use]
    pub const fn sha(&self) -> &CommitSha {
        &self.sha
    }

    /// Names it after a branch.
    pub(super) fn rename(&mut self, branch: &str) {
        let branch = presscheck_core::inert::one_line(branch, 80);
        self.label = format!("{branch}@{}", self.sha.short());
    }

    /// How people name it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Every file below a folder of the root, with its path. What is no file (a link, a submodule), is larger, or lies
    /// deeper than one more folder is left out.
    ///
    /// # Errors
    /// Where an object is damaged or missing.
    pub fn files_below(
        &self,
        folder: &str,
        max_bytes: u64,
    ) -> Result<Vec<(String, Vec<u8>)>, RevisionError> {
        let broken = |error: &dyn fmt::Display| RevisionError::Unreadable {
            path: folder.to_owned(),
            at: self.label.clone(),
            why: format!("a git object is damaged or missing ({error})"),
        };
        let repository = self.repository.to_thread_local();
        let id = gix::ObjectId::from_hex(self.sha.as_str().as_bytes()).map_err(|it| broken(&it))?;
        let commit = repository.find_commit(id).map_err(|it| broken(&it))?;
        let root = commit.tree().map_err(|it| broken(&it))?;
        let found = root.lookup_entry_by_path(folder).map_err(|it| broken(&it))?;
        let Some(top) = found.filter(|entry| entry.mode().is_tree()) else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        let mut folders = vec![(folder.to_owned(), top.object_id(), 0)];
        while let Some((path, id, depth)) = folders.pop() {
            let tree = repository.find_tree(id).map_err(|it| broken(&it))?;
            for entry in tree.iter() {
                let entry = entry.map_err(|it| broken(&it))?;
                let (id, path) = (entry.object_id(), format!("{path}/{}", entry.filename()));
                if entry.mode().is_tree() && depth == 0 {
                    folders.push((path, id, depth + 1));
                } else if entry.mode().is_blob() {
                    let header = repository.find_header(id).map_err(|it| broken(&it))?;
                    if header.size() <= max_bytes {
                        let mut object = repository.find_object(id).map_err(|it| broken(&it))?;
                        files.push((path, std::mem::take(&mut object.data)));
                    }
                }
            }
        }
        Ok(files)
    }

    /// The bytes of a file; nothing where the commit has no such file.
    pub(super) fn read(
        &self,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RevisionError> {
        let fail = |why: String| RevisionError::Unreadable {
            path: path.to_string(),
            at: self.label.clone(),
            why,
        };
        let broken =
            |error: gix::Error| fail(format!("its git object is damaged or missing ({error})"));
        let repository = self.repository.to_thread_local();
        let id = gix::ObjectId::from_hex(self.sha.as_str().as_bytes())
            .map_err(|error| fail(error.to_string()))?;
        let tree = repository.find_commit(id).and_then(|commit| commit.tree()).map_err(broken)?;
        let Some(entry) = tree.lookup_entry_by_path(path.as_str()).map_err(broken)? else {
            return Ok(None);
        };
        let mode = entry.mode();
        if mode.is_link() {
            return Err(fail(BEHIND_A_LINK.to_owned()));
        }
        if !mode.is_blob() {
            return Err(fail(NO_FILE.to_owned()));
        }
        // The header tells the size before anything is inflated.
        let size = repository.find_header(entry.object_id()).map_err(broken)?.size();
        if size > max_bytes {
            return Err(fail(too_large(size, max_bytes)));
        }
        let mut object = entry.object().map_err(broken)?;
        Ok(Some(std::mem::take(&mut object.data)))
    }
}

/// The sentence for a symbolic link.
pub const BEHIND_A_LINK: &str = "it is a symbolic link, and links are not followed";

/// The sentence for what is no file: a folder, or another repository's commit.
pub const NO_FILE: &str = "it is a folder, not a file";

/// The sentence for a file over its limit.
#[must_use]
pub fn too_large(size: u64, max: u64) -> String {
    format!("it has {size} bytes, and {max} are the most that is read")
}
