//! Who accepted which blocking verdict: kept for a history to list, and never read to decide anything, for a store
//! may be one that a pull request can write to.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::path::Path as ObjectPath;
use presscheck_core::gate::{Decision, Override};
use presscheck_core::units::{Digest, Usd};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, path, record};

/// An accepted verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverrideRecord {
    /// The repository, `owner/name`.
    pub repository: String,
    /// The pull request's number.
    pub number: u64,
    /// The name of the gate: that of its check run.
    pub name: String,
    /// Who accepted it, why, when, and for which commit.
    #[serde(rename = "override")]
    pub by: Override,
    /// What the gate said.
    pub verdict: Decision,
    /// Why.
    pub reason: String,
    /// The models that it said that of.
    pub subjects: Vec<String>,
    /// What the run that was accepted paid for.
    pub spent_usd: Usd,
    /// When it was first applied, in milliseconds since 1970.
    pub applied_ms: i64,
}

impl OverrideRecord {
    /// What it is kept under: the same acceptance of the same commit is kept once, however often it is applied.
    fn key(&self) -> Digest {
        let by = &self.by;
        let content = serde_json::json!([
            self.repository,
            self.number,
            self.name,
            by.head,
            by.by,
            by.how,
            by.at
        ]);
        Digest::of(content.to_string().as_bytes())
    }
}

impl Store {
    /// Keeps an accepted verdict, unless it is kept already.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keep_override(&self, accepted: &OverrideRecord) -> Result<(), StoreError> {
        let at = path(FOLDER, &accepted.key(), ".json");
        if self.get(&at).await?.is_some_and(|bytes| opened(&bytes).is_some()) {
            return Ok(());
        }
        let sealed = record::seal(accepted).map_err(|why| StoreError::Failed {
            location: self.location.clone(),
            why: why.to_string(),
        })?;
        self.put(&at, sealed).await
    }

    /// Every accepted verdict that is kept, oldest first. Damaged ones are left out.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn overrides(&self) -> Result<Vec<OverrideRecord>, StoreError> {
        let list = self.inner.list(Some(&ObjectPath::from(FOLDER)));
        let found: Vec<_> = list.try_collect().await.map_err(|error| self.failed(&error))?;
        let mut records = Vec::new();
        for file in found {
            let bytes = self.get(&file.location).await?;
            records.extend(bytes.and_then(|bytes| opened(&bytes)));
        }
        records.sort_by(|a, b| (a.applied_ms, &a.by.at).cmp(&(b.applied_ms, &b.by.at)));
        Ok(records)
    }
}

const FOLDER: &str = "overrides";

fn opened(bytes: &Bytes) -> Option<OverrideRecord> {
    record::open_sealed(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use presscheck_core::gate::How;

    fn record(reason: &str, at: &str, applied_ms: i64) -> OverrideRecord {
        let head = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9".parse().unwrap();
        OverrideRecord {
            repository: "octo-org/shop".to_owned(),
            number: 17,
            name: "presscheck".to_owned(),
            by: Override::new("ada", How::Comment, reason, at, head),
            verdict: Decision::Fail,
            reason: "the failure rate rises".to_owned(),
            subjects: vec!["hero".to_owned()],
            spent_usd: Usd::ZERO,
            applied_ms,
        }
    }

    #[tokio::test]
    async fn accepted_verdicts_are_listed_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_str().unwrap(), []).unwrap();
        assert_eq!(store.overrides().await.unwrap(), []);
        let later = record("again", "2026-11-24T10:00:00Z", 2);
        let first = record("on purpose", "2026-11-23T10:00:00Z", 1);
        for record in [&later, &first] {
            store.keep_override(record).await.unwrap();
        }
        // Applied once more, by a run that was started again.
        store.keep_override(&OverrideRecord { applied_ms: 9, ..first.clone() }).await.unwrap();
        assert_eq!(store.overrides().await.unwrap(), [first.clone(), later.clone()]);
        let file = folder.path().join(path(FOLDER, &later.key(), ".json").as_ref());
        let text = std::fs::read_to_string(&file).unwrap().replace("again", "agile");
        std::fs::write(&file, text).unwrap();
        assert_eq!(store.overrides().await.unwrap(), [first]);
        store.keep_override(&later).await.unwrap();
        assert_eq!(store.overrides().await.unwrap().len(), 2);
    }
}
