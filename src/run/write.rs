//! The output folder: every file of the evidence but the pictures, which are there already.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use presscheck_core::report::{self, Compared, HtmlOptions, Run, SampleLine};
use presscheck_core::units::{Digest, Hashing};

use super::replay::{ACCOUNT, Account, INPUTS, VERDICT};

/// The most bytes of thumbnails inside `report.html`.
const MAX_THUMBNAIL_BYTES: usize = 24 << 20;

/// The most bytes of `summary.md`: what a step summary takes, less a margin.
pub const MAX_SUMMARY_BYTES: usize = 1_000_000;

/// The files that [`write()`] writes, the one that machines wait for first.
const FILES: [&str; 7] =
    [VERDICT, "summary.md", "report.html", "junit.xml", "metrics.prom", "samples.jsonl", ACCOUNT];

/// The files that [`write_compared()`] writes, likewise.
const COMPARED_FILES: [&str; 3] = ["compare.json", "compare.html", "samples.jsonl"];

/// The most prompts that `compare.html` shows with their pictures.
const MAX_PROMPTS: usize = 100;

/// Where the files that a run reads are kept in its output folder, by their digest.
#[must_use]
pub fn inputs(out: &Path) -> PathBuf {
    out.join(INPUTS)
}

/// Removes the reports of an earlier run, so that nobody takes its verdict for this one's. Pictures stay:
/// they are known by their content.
///
/// # Errors
/// The first file that can't be removed, as a sentence.
pub fn clear(out: &Path) -> Result<(), String> {
    remove(out, &FILES)
}

/// The same for a comparison.
///
/// # Errors
/// The first file that can't be removed, as a sentence.
pub fn clear_compared(out: &Path) -> Result<(), String> {
    remove(out, &COMPARED_FILES)
}

fn remove(out: &Path, files: &[&str]) -> Result<(), String> {
    for name in files {
        let path = out.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{} can't be removed: {error}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes `verdict.json`, `summary.md`, `report.html`, `junit.xml`, `metrics.prom` and `samples.jsonl`; and where the run has an account of
/// itself, `run.json`, after what came of the verdict was written down in it.
///
/// # Errors
/// The first file that can't be written, as a sentence.
pub fn write(run: &Run, account: Option<&mut Account>, out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|error| failed(out, &error))?;
    let mut digests = Vec::new();
    let mut put = |name: &'static str, text: &str| {
        digests.push((name, Digest::of(text.as_bytes())));
        put(out, name, text)
    };
    put("summary.md", &report::summary(run, MAX_SUMMARY_BYTES))?;
    put("junit.xml", &report::junit(run))?;
    put("metrics.prom", &report::metrics(run))?;
    let folder = as_named(out);
    let options = HtmlOptions {
        max_thumbnail_bytes: MAX_THUMBNAIL_BYTES,
        folder: &folder,
        ..Default::default()
    };
    let page = report::html(run, options)
        .map_err(|_| format!("{}: the page could not be made", out.display()))?;
    put("report.html", &page)?;
    let samples = run.subjects.iter().flat_map(|subject| &subject.samples);
    digests.push(("samples.jsonl", write_samples(samples, out)?));
    let verdict = report::verdict_json(&run.verdict);
    if let Some(account) = account {
        digests.push((VERDICT, Digest::of(verdict.as_bytes())));
        account.conclude(run, digests);
        let sealed =
            account.sealed().map_err(|error| format!("{ACCOUNT} has no JSON form: {error}"))?;
        let path = out.join(ACCOUNT);
        fs::write(&path, sealed).map_err(|error| failed(&path, &error))?;
    }
    // Last: whoever waits for the verdict finds everything else there.
    self::put(out, VERDICT, &verdict)
}

/// Writes `samples.jsonl`, `compare.html` and `compare.json`.
///
/// # Errors
/// The first file that can't be written, as a sentence.
pub fn write_compared(compared: &Compared, out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|error| failed(out, &error))?;
    write_samples(&compared.samples, out)?;
    let options = HtmlOptions {
        max_thumbnail_bytes: MAX_THUMBNAIL_BYTES,
        max_pairs: MAX_PROMPTS,
        ..Default::default()
    };
    let page = report::compare_html(compared, options)
        .map_err(|_| format!("{}: the page could not be made", out.display()))?;
    put(out, "compare.html", &page)?;
    put(out, "compare.json", &report::compare_json(&compared.comparison))
}

/// The folder as a command line names it that is typed where presscheck was started.
fn as_named(out: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| out.strip_prefix(here).ok());
    below.unwrap_or(out).to_string_lossy().into_owned()
}

fn put(out: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = out.join(name);
    fs::write(&path, text).map_err(|error| failed(&path, &error))
}

/// Writes the samples, and gives the digest of the file.
fn write_samples<'a>(
    samples: impl IntoIterator<Item = &'a SampleLine>,
    out: &Path,
) -> Result<Digest, String> {
    let path = out.join("samples.jsonl");
    let file = fs::File::create(&path).map_err(|error| failed(&path, &error))?;
    let mut file = std::io::BufWriter::new(file);
    let mut hash = Hashing::default();
    let mut text = String::new();
    for sample in samples {
        text.clear();
        report::samples_jsonl(&mut text, [sample])
            .map_err(|_| format!("{}: a sample has no JSON form", path.display()))?;
        hash.add(text.as_bytes());
        file.write_all(text.as_bytes()).map_err(|error| failed(&path, &error))?;
    }
    file.flush().map_err(|error| failed(&path, &error))?;
    Ok(hash.end())
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{} can't be written: {error}", path.display())
}
