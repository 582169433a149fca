//! Keeping what a verdict was made of: beside its reports, and in the store.

use std::path::Path;

use presscheck_core::report::Run;
use presscheck_core::units::Digest;

use super::account::Account;
use crate::store::{Store, StoreError, seal};

/// The account's name in the output folder.
pub(in super::super) const ACCOUNT: &str = "run.json";
/// The folder of the files that a run read, in the output folder.
pub(in super::super) const INPUTS: &str = "inputs";
/// The samples' name in the output folder.
pub(super) const SAMPLES: &str = "samples.jsonl";
/// The verdict's name in the output folder.
pub(in super::super) const VERDICT: &str = "verdict.json";

impl Account {
    /// Writes down what came of a verdict after it was reached (who accepted it, and what a reader was told), and the
    /// digests of the output folder's files.
    pub(in super::super) fn conclude(&mut self, run: &Run, files: Vec<(&'static str, Digest)>) {
        self.told = run.verdict.notes.get(self.length..).unwrap_or_default().to_vec();
        self.overridden.clone_from(&run.verdict.overridden);
        self.files = files.into_iter().map(|(name, digest)| (name.to_owned(), digest)).collect();
    }

    /// The content of `run.json`.
    ///
    /// # Errors
    /// Where it has no JSON form.
    pub(in super::super) fn sealed(&self) -> Result<bytes::Bytes, serde_json::Error> {
        seal(self)
    }
}

/// Keeps the evidence of a verdict in the store, and says under which name: from there it can be replayed.
///
/// # Errors
/// Where the store fails, or the output folder can't be read.
pub async fn keep(store: &Store, account: &Account, out: &Path) -> Result<Digest, String> {
    let failed = |error: StoreError| error.to_string();
    for digest in account.inputs() {
        let path = out.join(INPUTS).join(digest.to_string());
        let bytes = read(&path).await?;
        store.keep_input(&digest, bytes.into()).await.map_err(failed)?;
    }
    let samples = read(&out.join(SAMPLES)).await?;
    store.keep_input(&Digest::of(&samples), samples.into()).await.map_err(failed)?;
    let sealed = account.sealed().map_err(|error| error.to_string())?;
    store.keep_account(sealed).await.map_err(failed)
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let read = tokio::fs::read(path).await;
    read.map_err(|error| format!("{} can't be read: {error}", path.display()))
}
