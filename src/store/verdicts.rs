//! Past verdicts: kept for a history to show, and never read to decide anything, for a store may be one that a pull
//! request can write to.
//!
//! A file's name begins with the time of its verdict, so that the newest are found without reading all. Those of one
//! gate lie in one folder.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore as _};
use presscheck_core::report::VerdictRecord;
use presscheck_core::units::Digest;

use super::{Store, StoreError, record};

/// The folder of past verdicts.
pub const FOLDER: &str = "verdicts";
/// The digits of a time: enough for the year 9999.
const DIGITS: usize = 15;
/// How many files are read at once.
const AT_ONCE: usize = 16;
/// The largest file that is read: a verdict on a hundred models takes less.
const MAX_BYTES: u64 = 512 * 1024;

/// What was found of past verdicts.
#[derive(Clone, Debug, PartialEq)]
pub struct PastVerdicts {
    /// The newest that were wanted, oldest first.
    pub records: Vec<VerdictRecord>,
    /// How many verdicts are kept, whichever are wanted.
    pub kept: u64,
    /// How many of those that were looked at are damaged, and left out.
    pub damaged: u64,
}

impl Store {
    /// Keeps a verdict.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keep_verdict(&self, verdict: &VerdictRecord) -> Result<(), StoreError> {
        let failed = |why: String| StoreError::Failed { location: self.location.clone(), why };
        let (path, sealed) = verdict_file(verdict).map_err(failed)?;
        self.put(&ObjectPath::from(path), sealed).await
    }

    /// A store of nothing but these files, by their paths: verdicts that are kept elsewhere in the same form.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn of_files(
        location: &str,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Self, StoreError> {
        let store = Self::nothing(location);
        for (path, bytes) in files {
            store.put(&ObjectPath::from(path), bytes.into()).await?;
        }
        Ok(store)
    }

    /// The newest `last` verdicts since a time (in milliseconds since 1970) that are wanted, whatever gate they are of.
    ///
    /// # Errors
    /// Where the store fails; a damaged file is no error.
    pub async fn verdicts(
        &self,
        since_ms: Option<i64>,
        last: usize,
        wanted: impl Fn(&VerdictRecord) -> bool,
    ) -> Result<PastVerdicts, StoreError> {
        self.newest(&ObjectPath::from(FOLDER), since_ms, last, wanted).await
    }

    /// The newest `last` verdicts of one gate, oldest first. Damaged ones are left out.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn verdicts_of(
        &self,
        repository: Option<&str>,
        name: &str,
        last: usize,
    ) -> Result<Vec<VerdictRecord>, StoreError> {
        let of_it = |it: &VerdictRecord| it.repository.as_deref() == repository && it.name == name;
        let found = self.newest(&folder(repository, name), None, last, of_it).await?;
        Ok(found.records)
    }

    async fn newest(
        &self,
        below: &ObjectPath,
        since_ms: Option<i64>,
        last: usize,
        wanted: impl Fn(&VerdictRecord) -> bool,
    ) -> Result<PastVerdicts, StoreError> {
        let list = self.inner.list(Some(below));
        let files: Vec<_> = list.try_collect().await.map_err(|error| self.failed(&error))?;
        let all = files.len();
        let mut named: Vec<_> =
            files.into_iter().filter_map(|file| Some((time(&file)?, file))).collect();
        let mut found = PastVerdicts {
            records: Vec::new(),
            kept: u64::try_from(named.len()).unwrap_or(u64::MAX),
            damaged: u64::try_from(all - named.len()).unwrap_or(u64::MAX),
        };
        named.sort_by(|(a, x), (b, y)| (b, &y.location).cmp(&(a, &x.location)));
        named.retain(|(at, _)| since_ms.is_none_or(|since| *at >= since));
        let reading = named.into_iter().map(|(_, file)| async move {
            if file.size > MAX_BYTES {
                return Ok(None);
            }
            let bytes = self.get(&file.location).await?;
            Ok(bytes.and_then(|bytes| opened(&bytes, &file.location)))
        });
        let mut reading = futures_util::stream::iter(reading).buffered(AT_ONCE);
        while found.records.len() < last
            && let Some(read) = reading.next().await
        {
            match read? {
                Some(record) if wanted(&record) => found.records.push(record),
                Some(_) => {}
                None => found.damaged += 1,
            }
        }
        found.records.reverse();
        Ok(found)
    }
}

/// The file that a verdict is kept as: its path below the store, and its content.
///
/// # Errors
/// Where it has no JSON form, which none lacks.
pub fn verdict_file(verdict: &VerdictRecord) -> Result<(String, Bytes), String> {
    let sealed = record::seal(verdict).map_err(|why| why.to_string())?;
    Ok((place(verdict).to_string(), sealed))
}

/// The folder of a gate.
fn folder(repository: Option<&str>, name: &str) -> ObjectPath {
    let gate = Digest::of(serde_json::json!([repository, name]).to_string().as_bytes());
    let gate: String = gate.to_string().chars().take(16).collect();
    ObjectPath::from(format!("{FOLDER}/{gate}"))
}

/// Where a verdict is kept. One of the same sides at another time is another.
fn place(verdict: &VerdictRecord) -> ObjectPath {
    let content = serde_json::json!([
        verdict.repository,
        verdict.number,
        verdict.name,
        verdict.head,
        verdict.base,
        verdict.at_ms
    ]);
    let key: String =
        Digest::of(content.to_string().as_bytes()).to_string().chars().take(32).collect();
    let folder = folder(verdict.repository.as_deref(), &verdict.name);
    ObjectPath::from(format!("{folder}/{:0DIGITS$}-{key}.json", verdict.at_ms))
}

/// The time that a file's name begins with; nothing where it is no file of ours.
fn time(file: &ObjectMeta) -> Option<i64> {
    let name = file.location.filename()?.strip_suffix(".json")?;
    let (time, _) = name.split_once('-')?;
    let digits = time.len() == DIGITS && time.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| time.parse().ok()).flatten()
}

/// The verdict of a file; nothing where it does not prove itself, or lies where another should.
fn opened(bytes: &Bytes, at: &ObjectPath) -> Option<VerdictRecord> {
    let verdict: VerdictRecord = record::open_sealed(bytes)?;
    (place(&verdict) == *at).then(|| verdict.admitted()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use presscheck_core::gate::Decision;
    use presscheck_core::report::RevisionAt;
    use presscheck_core::units::Usd;

    fn verdict(at_ms: i64, name: &str) -> VerdictRecord {
        let side = |label: &str| RevisionAt { commit: None, label: label.to_owned() };
        VerdictRecord {
            schema: 1,
            at_ms,
            repository: Some("octo-org/shop".to_owned()),
            number: Some(17),
            name: name.to_owned(),
            base: side("main"),
            head: side("change"),
            verdict: Decision::Fail,
            blocking: true,
            overridden: None,
            reason: "frozen".to_owned(),
            spent_usd: Usd::ZERO,
            evidence: None,
            subjects: Vec::new(),
        }
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path().to_str().unwrap(), []).unwrap()
    }

    async fn all(store: &Store) -> PastVerdicts {
        store.verdicts(None, usize::MAX, |_| true).await.unwrap()
    }

    fn times(records: &[VerdictRecord]) -> Vec<i64> {
        records.iter().map(|record| record.at_ms).collect()
    }

    #[tokio::test]
    async fn verdicts_come_oldest_first_and_the_newest_without_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        assert_eq!(all(&store).await, PastVerdicts { records: vec![], kept: 0, damaged: 0 });
        for at in [40, 5, 1_000_000_000_000, 7, 300] {
            store.keep_verdict(&verdict(at, "presscheck")).await.unwrap();
        }
        store.keep_verdict(&verdict(50, "brand")).await.unwrap();
        let found = all(&store).await;
        assert_eq!(times(&found.records), [5, 7, 40, 50, 300, 1_000_000_000_000]);
        assert_eq!((found.kept, found.damaged), (6, 0));
        let newest = store.verdicts(None, 2, |_| true).await.unwrap();
        assert_eq!((times(&newest.records), newest.kept), (vec![300, 1_000_000_000_000], 6));
        let since = store.verdicts(Some(40), 3, |it| it.name == "presscheck").await.unwrap();
        assert_eq!(times(&since.records), [40, 300, 1_000_000_000_000]);
        let of = |name: &'static str| store.verdicts_of(Some("octo-org/shop"), name, 2);
        assert_eq!(times(&of("brand").await.unwrap()), [50]);
        assert_eq!(times(&of("presscheck").await.unwrap()), [300, 1_000_000_000_000]);
        assert!(store.verdicts_of(None, "presscheck", 9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_damaged_moved_or_too_large_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        for at in 1..=6 {
            store.keep_verdict(&verdict(at, "presscheck")).await.unwrap();
        }
        let file = |at| folder.path().join(place(&verdict(at, "presscheck")).as_ref());
        // One byte, half of it, all of it, another's content, a later form, and one that is no file of ours.
        let text = std::fs::read_to_string(file(1)).unwrap();
        std::fs::write(file(1), text.replace("frozen", "thawed")).unwrap();
        std::fs::write(file(2), &text[..100]).unwrap();
        std::fs::write(file(3), "x".repeat(600 * 1024)).unwrap();
        std::fs::copy(file(5), file(4)).unwrap();
        let later = VerdictRecord { schema: 2, ..verdict(6, "presscheck") };
        store.keep_verdict(&later).await.unwrap();
        std::fs::write(file(5).with_file_name("notes.txt"), "hello").unwrap();
        let found = all(&store).await;
        assert_eq!((times(&found.records), found.kept, found.damaged), (vec![5], 6, 6));
        // Kept once more, it is whole again.
        store.keep_verdict(&verdict(1, "presscheck")).await.unwrap();
        assert_eq!(times(&all(&store).await.records), [1, 5]);
    }

    #[tokio::test]
    async fn what_somebody_wrote_with_a_good_seal_is_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let mut made_up = verdict(9, "presscheck");
        made_up.reason = "never ends ".repeat(10_000);
        store.keep_verdict(&made_up).await.unwrap();
        let found = all(&store).await;
        assert!(found.records[0].reason.len() < 1_000);
    }
}
