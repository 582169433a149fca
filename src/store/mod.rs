//! The store: every paid answer, kept before anything is computed from it.
//!
//! A sample's record is keyed by what determines the answer, never by a commit; pictures are keyed by
//! their content. Both prove themselves: a torn or altered file is noticed and counts as absent.

mod evidence;
mod record;
mod runs;
mod verdicts;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use presscheck_core::units::Digest;
use thiserror::Error;
use url::Url;

pub use record::{Identity, Record, StoredAnswer, open_sealed, seal};
pub use runs::{Fixed, RunRecord};
pub use verdicts::{FOLDER as VERDICTS_FOLDER, PastVerdicts, verdict_file};

/// Results and pictures, in a folder or a bucket.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    location: String,
    /// The folder, where it is one.
    folder: Option<PathBuf>,
}

/// Why the store can't be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The location is no folder that can be made, and no URL that is known.
    #[error(
        "the store `{location}` can't be opened: {why}\n  help: name a folder, or a bucket such as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix; no request was sent"
    )]
    Open {
        /// Where.
        location: String,
        /// Why.
        why: String,
    },
    /// A result could not be written or read.
    #[error("the store `{location}` failed: {why}")]
    Failed {
        /// Where.
        location: String,
        /// Why.
        why: String,
    },
}

/// What the store has under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup<T> {
    /// It, whole.
    Found(T),
    /// Nothing.
    Missing,
    /// Something that does not prove itself; to be bought again.
    Damaged,
}

impl Store {
    /// Opens a folder (made if need be) or a bucket by URL. A bucket's credentials come from the
    /// environment variables that its own tools use, which the caller hands in.
    ///
    /// # Errors
    /// Where the folder can't be made or the URL is not known.
    pub fn open(
        location: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StoreError> {
        let fail = |why: String| StoreError::Open { location: location.to_owned(), why };
        let mut folder = None;
        let inner: Arc<dyn ObjectStore> = match Url::parse(location) {
            // A drive letter or a bare word is no scheme.
            Ok(url) if url.scheme().len() > 1 => {
                let options = environment.into_iter().filter(|(name, value)| {
                    // A secret that a workflow names and nobody set is there and empty.
                    !value.is_empty()
                        && ["AWS_", "AZURE_", "GOOGLE_"]
                            .iter()
                            .any(|prefix| name.starts_with(prefix))
                });
                let options = options.map(|(name, value)| (name.to_ascii_lowercase(), value));
                let (store, path) =
                    object_store::parse_url_opts(&url, options).map_err(|e| fail(e.to_string()))?;
                Arc::new(PrefixStore::new(store, path))
            }
            _ => {
                std::fs::create_dir_all(location).map_err(|error| fail(error.to_string()))?;
                let local = LocalFileSystem::new_with_prefix(location)
                    .map_err(|error| fail(error.to_string()))?;
                folder = Some(PathBuf::from(location));
                Arc::new(local)
            }
        };
        Ok(Self { inner, location: location.to_owned(), folder })
    }

    /// A store that holds nothing and is kept nowhere: what stands for a folder that does not exist yet, where
    /// nothing may be written.
    #[must_use]
    pub fn nothing(location: &str) -> Self {
        let inner = Arc::new(object_store::memory::InMemory::new());
        Self { inner, location: location.to_owned(), folder: None }
    }

    /// Where the store is, as the user named it.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    fn failed(&self, error: &object_store::Error) -> StoreError {
        StoreError::Failed { location: self.location.clone(), why: error.to_string() }
    }

    async fn get(&self, path: &ObjectPath) -> Result<Option<Bytes>, StoreError> {
        let result = match self.inner.get(path).await {
            Ok(result) => result.bytes().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn put(&self, path: &ObjectPath, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(path, bytes.into()).await.map(drop).map_err(|error| self.failed(&error))
    }

    /// The record of a sample.
    ///
    /// # Errors
    /// Where the store itself fails; a damaged record is no error.
    pub async fn sample(&self, key: &Digest) -> Result<Lookup<Record>, StoreError> {
        let Some(bytes) = self.get(&sample_path(key)).await? else { return Ok(Lookup::Missing) };
        Ok(open_sealed::<Record>(&bytes)
            .filter(|record| record.key == *key)
            .map_or(Lookup::Damaged, Lookup::Found))
    }

    /// Keeps a sample: its picture first, so that a record never points to nothing.
    ///
    /// # Errors
    /// Where the store fails: the answer is then not kept, and the run must not go on buying.
    pub async fn keep(&self, record: &Record, picture: Option<Bytes>) -> Result<(), StoreError> {
        if let (Some(bytes), StoredAnswer::Image { digest, .. }) = (picture, &record.answer) {
            self.put(&image_path(digest), bytes).await?;
        }
        let sealed = seal(record).map_err(|why| StoreError::Failed {
            location: self.location.clone(),
            why: why.to_string(),
        })?;
        self.put(&sample_path(&record.key), sealed).await
    }

    /// A picture by its content.
    ///
    /// # Errors
    /// Where the store itself fails; a damaged picture is no error.
    pub async fn image(&self, digest: &Digest) -> Result<Lookup<Bytes>, StoreError> {
        self.by_content(&image_path(digest), digest).await
    }

    async fn by_content(
        &self,
        at: &ObjectPath,
        digest: &Digest,
    ) -> Result<Lookup<Bytes>, StoreError> {
        Ok(match self.get(at).await? {
            None => Lookup::Missing,
            Some(bytes) if Digest::of(&bytes) == *digest => Lookup::Found(bytes),
            Some(_) => Lookup::Damaged,
        })
    }

    /// The file that a picture is kept in, where the store is a folder. Whether it is there, is not looked at.
    #[must_use]
    pub fn image_file(&self, digest: &Digest) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(image_path(digest).as_ref()))
    }

    /// What is known of a run by its key.
    ///
    /// # Errors
    /// Where the store itself fails.
    pub async fn run(&self, key: &Digest) -> Result<Lookup<RunRecord>, StoreError> {
        let Some(bytes) = self.get(&run_path(key)).await? else { return Ok(Lookup::Missing) };
        Ok(open_sealed(&bytes).map_or(Lookup::Damaged, Lookup::Found))
    }

    /// Keeps what is known of a run.
    ///
    /// # Errors
    /// Where the store itself fails.
    pub async fn keep_run(&self, key: &Digest, run: &RunRecord) -> Result<(), StoreError> {
        let sealed = seal(run).map_err(|why| StoreError::Failed {
            location: self.location.clone(),
            why: why.to_string(),
        })?;
        self.put(&run_path(key), sealed).await
    }
}

/// Two hexadecimal digits spread the keys over folders, so that none grows too long to list.
fn path(kind: &str, key: &Digest, extension: &str) -> ObjectPath {
    let name = key.to_string();
    let shard = name.get(..2).unwrap_or("00");
    ObjectPath::from(format!("{kind}/{shard}/{name}{extension}"))
}

fn sample_path(key: &Digest) -> ObjectPath {
    path("samples", key, ".json")
}

fn image_path(digest: &Digest) -> ObjectPath {
    path("images", digest, "")
}

fn run_path(key: &Digest) -> ObjectPath {
    path("runs", key, ".json")
}

#[cfg(test)]
mod tests;
