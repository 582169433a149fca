//! Stored evidence, found again and held against its hashes.

use std::path::{Path, PathBuf};

use presscheck_core::inert::one_line;
use presscheck_core::report::SampleLine;
use presscheck_core::units::Digest;
use tempfile::TempDir;

use super::ReplayError;
use super::account::{Account, FORM};
use super::keep::{ACCOUNT, INPUTS, SAMPLES};
use super::play::Pictures;
use crate::store::{Lookup, Store, open_sealed};

/// The most bytes of `run.json` or `samples.jsonl`.
const MAX_BYTES: u64 = 1 << 30;
/// The fewest hexadecimal digits by which a run is found in a store.
const FEWEST_DIGITS: usize = 6;

/// The evidence of a finished run: whole, or it is not one.
#[derive(Debug)]
pub struct Evidence {
    pub(super) account: Account,
    pub(super) samples: Vec<SampleLine>,
    /// Where the files that the run read lie, by digest.
    pub(super) inputs: PathBuf,
    /// The output folder, where that is what is replayed.
    folder: Option<PathBuf>,
    store: Option<Store>,
    /// How many pictures the judged samples have, each counted once.
    pub pictures: u64,
    /// How many of them are not at hand.
    pub absent: u64,
    _scratch: Option<TempDir>,
}

impl Evidence {
    /// Opens the output folder of a run. Pictures that are not in it are looked for in `store`.
    ///
    /// # Errors
    /// A folder that holds no run, and every file that is not as the run left it.
    pub async fn of_folder(folder: &Path, store: Option<Store>) -> Result<Self, ReplayError> {
        let at = folder.join(ACCOUNT);
        let shown = one_line(&folder.to_string_lossy(), 200);
        let bytes = match bounded(&at) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ReplayError::Absent(format!(
                    "{shown} holds no run: there is no {ACCOUNT} in it\n  help: name the output folder of `presscheck gate` (presscheck-out), or the run's name in the store"
                )));
            }
            Err(error) => {
                return Err(ReplayError::Absent(format!(
                    "{shown}/{ACCOUNT} can't be read: {error}"
                )));
            }
        };
        let account = account(&bytes, &format!("{shown}/{ACCOUNT}"))?;
        let mut altered = Vec::new();
        let plain = |name: &str| !name.contains(['/', '\\']);
        for (name, digest) in account.files.iter().filter(|(name, _)| plain(name)) {
            // A report that somebody has deleted is missed by nobody.
            match bounded(&folder.join(name)) {
                Ok(bytes) if Digest::of(&bytes) != *digest => altered.push(name.clone()),
                Err(_) if name == SAMPLES => altered.push(format!("{name} (gone)")),
                _ => {}
            }
        }
        let inputs = folder.join(INPUTS);
        for digest in account.inputs() {
            match bounded(&inputs.join(digest.to_string())) {
                Ok(bytes) if Digest::of(&bytes) == digest => {}
                Ok(_) => altered.push(format!("{INPUTS}/{digest}")),
                Err(_) => altered.push(format!("{INPUTS}/{digest} (gone)")),
            }
        }
        let text = bounded(&folder.join(SAMPLES)).unwrap_or_default();
        let evidence = Self {
            samples: if altered.is_empty() { lines(&text, &account)? } else { Vec::new() },
            account,
            inputs,
            folder: Some(folder.to_path_buf()),
            store,
            pictures: 0,
            absent: 0,
            _scratch: None,
        };
        evidence.look(altered).await
    }

    /// Finds a run in a store by its name, or by the first digits of it.
    ///
    /// # Errors
    /// A name that stands for no run or for several, and every file that is not as the run left it.
    pub async fn of_store(name: &str, store: Store) -> Result<Self, ReplayError> {
        let shown = one_line(name, 80);
        let hexadecimal = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal || name.len() < FEWEST_DIGITS {
            return Err(ReplayError::Absent(format!(
                "`{shown}` is neither a folder nor the name of a run\n  help: name the output folder of `presscheck gate`, or at least {FEWEST_DIGITS} digits of the run's name as `presscheck history` shows it"
            )));
        }
        let found = store.accounts(&name.to_ascii_lowercase()).await?;
        let digest = match found.as_slice() {
            [one] => *one,
            [] => {
                return Err(ReplayError::Absent(format!(
                    "the store `{}` has no run `{shown}`\n  help: name another with --store, or the output folder of the run",
                    one_line(store.location(), 200)
                )));
            }
            several => {
                return Err(ReplayError::Absent(format!(
                    "`{shown}` stands for {} runs\n  help: give more of its digits",
                    several.len()
                )));
            }
        };
        let what = format!("the run {digest} in the store");
        let sealed = match store.account(&digest).await? {
            Lookup::Found(bytes) => bytes,
            Lookup::Missing | Lookup::Damaged => return Err(ReplayError::Altered(vec![what])),
        };
        let account = account(&sealed, &what)?;
        let scratch = tempfile::tempdir().map_err(|error| {
            ReplayError::Absent(format!("no folder for files that are read again: {error}"))
        })?;
        let mut altered = Vec::new();
        for digest in account.inputs() {
            match store.input(&digest).await? {
                Lookup::Found(bytes) => {
                    let kept = std::fs::write(scratch.path().join(digest.to_string()), &bytes);
                    kept.map_err(|error| ReplayError::Absent(error.to_string()))?;
                }
                Lookup::Missing => altered.push(format!("{INPUTS}/{digest} (gone)")),
                Lookup::Damaged => altered.push(format!("{INPUTS}/{digest}")),
            }
        }
        let samples = match account.files.get(SAMPLES) {
            None => Lookup::Missing,
            Some(digest) => store.input(digest).await?,
        };
        let samples = match samples {
            Lookup::Found(bytes) => lines(&bytes, &account)?,
            Lookup::Missing | Lookup::Damaged => {
                altered.push(SAMPLES.to_owned());
                Vec::new()
            }
        };
        let evidence = Self {
            account,
            samples,
            inputs: scratch.path().to_path_buf(),
            folder: None,
            store: Some(store),
            pictures: 0,
            absent: 0,
            _scratch: Some(scratch),
        };
        evidence.look(altered).await
    }

    /// The run's own account.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Where its pictures are.
    pub(super) fn sources(&self) -> Pictures {
        Pictures::new(self.folder.as_deref(), self.store.clone())
    }

    /// Holds every picture against its hash.
    async fn look(mut self, mut altered: Vec<String>) -> Result<Self, ReplayError> {
        let sources = self.sources();
        let mut images: Vec<_> = self.samples.iter().filter_map(|it| it.image.as_deref()).collect();
        images.sort_unstable();
        images.dedup();
        for image in images {
            self.pictures += 1;
            match sources.get(image).await? {
                Lookup::Found(_) => {}
                Lookup::Missing => self.absent += 1,
                Lookup::Damaged => altered.push(one_line(image, 100)),
            }
        }
        if altered.is_empty() { Ok(self) } else { Err(ReplayError::Altered(altered)) }
    }
}

/// Reads an account; `what` names it.
fn account(bytes: &[u8], what: &str) -> Result<Account, ReplayError> {
    /// Enough of any version's account to tell the version.
    #[derive(serde::Deserialize)]
    struct Form {
        schema: u32,
        version: String,
    }
    let form: Form =
        open_sealed(bytes).ok_or_else(|| ReplayError::Altered(vec![what.to_owned()]))?;
    if form.schema != FORM {
        return Err(ReplayError::Absent(format!(
            "{what} is of another form ({}; presscheck {})\n  help: replay it with that version",
            form.schema,
            one_line(&form.version, 20)
        )));
    }
    open_sealed(bytes).ok_or_else(|| {
        ReplayError::Absent(format!(
            "{what} can't be read by this version\n  help: replay it with presscheck {}",
            one_line(&form.version, 20)
        ))
    })
}

/// The samples of a file that is whole.
fn lines(bytes: &[u8], account: &Account) -> Result<Vec<SampleLine>, ReplayError> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| {
                ReplayError::Absent(format!(
                    "{SAMPLES}, line {}: {error}\n  help: replay it with presscheck {}",
                    number + 1,
                    one_line(&account.version, 20)
                ))
            })
        })
        .collect()
}

fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    super::super::configured::bounded(path, MAX_BYTES)
}
