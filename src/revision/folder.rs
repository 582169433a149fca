//! A folder as it is now.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use presscheck_core::units::RepoPath;

use super::RevisionError;
use super::git::too_large;

/// A folder; reads stay inside it.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    label: String,
}

impl Folder {
    /// A folder, and how people name it.
    #[must_use]
    pub fn new(root: &Path, label: String) -> Self {
        Self { root: root.to_path_buf(), label }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How people name it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The bytes of a file; nothing where there is none.
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
        let full = self.root.join(path.as_str());
        let Ok(metadata) = fs::symlink_metadata(&full) else { return Ok(None) };
        // A link, here or on the way, could lead out of the folder.
        let inside = full
            .canonicalize()
            .and_then(|full| Ok(full == self.root.canonicalize()?.join(path.as_str())))
            .unwrap_or(false);
        if metadata.is_symlink() || !inside {
            return Err(fail(
                "it is behind a symbolic link, and links are not followed".to_owned(),
            ));
        }
        if !metadata.is_file() {
            return Err(fail("it is no regular file".to_owned()));
        }
        if metadata.len() > max_bytes {
            return Err(fail(too_large(metadata.len(), max_bytes)));
        }
        let mut bytes = Vec::new();
        File::open(&full)
            .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes))
            .map_err(|error| fail(error.to_string()))?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= max_bytes) {
            Ok(Some(bytes))
        } else {
            Err(fail(format!("it grew past {max_bytes} bytes while it was read")))
        }
    }
}
