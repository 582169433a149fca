//! What a verdict was made of, so that it can be made again: the files that a run read, kept by their content, and its
//! own account, kept under its digest.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use presscheck_core::units::Digest;

use super::{Lookup, Store, StoreError, path};

/// Where accounts of runs are kept.
const ACCOUNTS: &str = "evidence";
/// Where the files that they name are kept.
const INPUTS: &str = "inputs";

impl Store {
    /// Keeps a file by its content, unless it is kept already.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keep_input(&self, digest: &Digest, bytes: Bytes) -> Result<(), StoreError> {
        self.put_once(&path(INPUTS, digest, ""), bytes).await
    }

    /// A file by its content.
    ///
    /// # Errors
    /// Where the store itself fails; a damaged file is no error.
    pub async fn input(&self, digest: &Digest) -> Result<Lookup<Bytes>, StoreError> {
        self.by_content(&path(INPUTS, digest, ""), digest).await
    }

    /// Keeps the account of a run, and says under which name.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keep_account(&self, account: Bytes) -> Result<Digest, StoreError> {
        let name = Digest::of(&account);
        self.put_once(&path(ACCOUNTS, &name, ""), account).await?;
        Ok(name)
    }

    /// The account of a run by its name.
    ///
    /// # Errors
    /// Where the store itself fails; a damaged account is no error.
    pub async fn account(&self, name: &Digest) -> Result<Lookup<Bytes>, StoreError> {
        self.by_content(&path(ACCOUNTS, name, ""), name).await
    }

    /// The names of all accounts that begin with some hexadecimal digits, two of them at least.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn accounts(&self, start: &str) -> Result<Vec<Digest>, StoreError> {
        let folder = start.get(..2).map(|shard| ObjectPath::from(format!("{ACCOUNTS}/{shard}")));
        let Some(folder) = folder else { return Ok(Vec::new()) };
        let list = self.inner.list(Some(&folder));
        let found: Vec<_> = list.try_collect().await.map_err(|error| self.failed(&error))?;
        let names = found.iter().filter_map(|file| file.location.filename());
        Ok(names.filter(|name| name.starts_with(start)).filter_map(|it| it.parse().ok()).collect())
    }

    async fn put_once(&self, at: &ObjectPath, bytes: Bytes) -> Result<(), StoreError> {
        match self.inner.head(at).await {
            Ok(known) if known.size == u64::try_from(bytes.len()).unwrap_or(u64::MAX) => Ok(()),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => self.put(at, bytes).await,
            Err(error) => Err(self.failed(&error)),
        }
    }
}
