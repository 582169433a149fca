//! The checks alone, on files: judged on all cores, told in the order given.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use image::RgbImage;
use presscheck_core::checks::{
    self, Check, Company, DecodeLimits, Earlier, Encoded, Impression, Judged, Reference, Scene,
};
use presscheck_core::inert::one_line;
use presscheck_core::policy::{self, Policy, Source, nearest};
use presscheck_core::prompts::{self, Case, Expected, PromptFile};
use presscheck_core::report::CheckedImage;

use super::configured::{bounded, default_checks, work_tree_policy};
use super::eyes::{self, MAX_FILE_BYTES, MayAsk, Weights};
use super::load::{MAX_PROMPTS_BYTES, Rejected};
use crate::explain;
use crate::revision::Snapshot;

const NOTHING_CHECKED: &str = "nothing was checked";

/// What to check, and by what.
pub struct CheckSetting<'a> {
    /// The pictures' files, in the order in which they are told.
    pub files: &'a [PathBuf],
    /// The folder to work in.
    pub at: &'a Path,
    /// A policy's file; else `presscheck.yaml` of the work tree, else every check's defaults.
    pub policy: Option<&'a Path>,
    /// The case of the policy's prompt sets that the pictures are of.
    pub case: Option<&'a str>,
    /// What the pictures must show, where no case is named.
    pub expect_text: &'a [String],
    /// The folder that annotated pictures are written to, where they are wanted.
    pub explain: Option<&'a Path>,
    /// Finds the weights of networks.
    pub weights: &'a Weights,
    /// Whether messages for a terminal may be in colour.
    pub colour: bool,
}

/// A file that was looked at.
pub type Looked = CheckedImage;

/// Checks the files, and tells each in the order given.
///
/// # Errors
/// Every file that can't be read, a policy or prompt set that can't be used, a case that does not exist, a check
/// that is required and can't judge. Nothing was told then, unless a file vanished meanwhile.
pub fn check(setting: &CheckSetting<'_>, mut tell: impl FnMut(Looked)) -> Result<(), Rejected> {
    let unreadable: Vec<_> = setting.files.iter().filter_map(|file| unreadable(file)).collect();
    if !unreadable.is_empty() {
        return Err(rejected(&unreadable));
    }
    let bench = Bench::set_up(setting)?;
    if let Some(folder) = setting.explain {
        std::fs::create_dir_all(folder).map_err(|error| {
            rejected(&[format!("the folder {} can't be made: {error}", shown(folder))])
        })?;
    }
    let cores = thread::available_parallelism().map_or(1, Into::into);
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores.min(setting.files.len()) {
            let (bench, next, send) = (&bench, &next, send.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = setting.files.get(number) else { return };
                    // Nobody listens any more where a file before could not be read.
                    if send.send((number, bench.look(file))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut earlier = Vec::new();
        let mut written = Vec::new();
        let mut turn = 0;
        for (number, seen) in receive {
            waiting.insert(number, seen);
            while let Some(seen) = waiting.remove(&turn) {
                turn += 1;
                let mut seen = seen?;
                let shown = seen.shown.take();
                let mut image = bench.settle(seen, &mut earlier);
                if let (Some(folder), Some(shown)) = (setting.explain, shown) {
                    image.explained = Some(explained(folder, &image, &shown, &mut written)?);
                }
                tell(image);
            }
        }
        Ok(())
    })
}

/// A copy of a picture to draw on, and how large the picture is.
struct Shown {
    copy: RgbImage,
    original: (u32, u32),
}

/// Writes what was found on a picture, and says where.
fn explained(
    folder: &Path,
    image: &CheckedImage,
    shown: &Shown,
    written: &mut Vec<PathBuf>,
) -> Result<String, Rejected> {
    let path = explain::path_in(folder, Path::new(&image.file), written);
    explain::save(explain::annotated(&shown.copy, shown.original, &image.findings), &path)
        .map_err(|why| Rejected(format!("error: {why}\n")))?;
    let name = path.to_string_lossy().into_owned();
    written.push(path);
    Ok(name)
}

/// Why a file can't be looked at.
fn unreadable(path: &Path) -> Option<String> {
    let name = shown(path);
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Some(format!("there is no file {name}"));
        }
        Err(error) => return Some(format!("{name} can't be read: {error}")),
    };
    if metadata.is_dir() {
        return Some(format!("{name} is a folder; name the files in it, such as {name}/*.png"));
    }
    if !metadata.is_file() {
        return Some(format!("{name} is no regular file"));
    }
    File::open(path).err().map(|error| format!("{name} can't be read: {error}"))
}

fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy(), 200)
}

fn rejected(problems: &[String]) -> Rejected {
    let line = |problem: &String| format!("error: {problem}; {NOTHING_CHECKED}\n");
    Rejected(problems.iter().map(line).collect())
}

/// Checks that are set up, and what the pictures are held to.
struct Bench {
    checks: Vec<Box<dyn Check>>,
    limits: DecodeLimits,
    case: Option<Case>,
    input: Option<Reference>,
    expect: Expected,
    explains: bool,
}

/// A picture that was judged by itself, not yet against those before it.
struct Seen {
    image: CheckedImage,
    case: Case,
    impression: Option<Arc<Impression>>,
    /// Where it is to be explained.
    shown: Option<Shown>,
}

impl Bench {
    fn set_up(setting: &CheckSetting<'_>) -> Result<Self, Rejected> {
        let (policy, tree) = read_policy(setting)?;
        let on_by_default = || default_checks(|check| check.on_by_default);
        let mut configured =
            policy.as_ref().map_or_else(on_by_default, |policy| policy.checks.clone());
        if !setting.expect_text.is_empty() && !configured.iter().any(|check| check.name == "text") {
            configured.extend(default_checks(|check| check.name == "text"));
        }
        let case = match (setting.case, &policy) {
            (None, _) => None,
            (Some(id), Some(policy)) => Some(find_case(id, policy, &tree, setting.colour)?),
            (Some(id), None) => {
                let id = one_line(id, 80);
                return Err(rejected(&[format!(
                    "--case {id} names a case of a policy's prompt sets, and there is no policy here; name one with --policy"
                )]));
            }
        };
        let mut expect = Expected::new();
        if !setting.expect_text.is_empty() {
            expect.insert("text", serde_json::json!(setting.expect_text));
        }
        let input = match case.as_ref().and_then(|case| case.image.as_ref()) {
            None => None,
            Some(path) => match tree.read(path, MAX_FILE_BYTES) {
                Ok(Some(bytes)) => Some(Reference::new(bytes.into())),
                Ok(None) => {
                    return Err(rejected(&[format!(
                        "the case's input picture {path} does not exist"
                    )]));
                }
                Err(error) => return Err(rejected(&[error.to_string()])),
            },
        };
        // It has no budget to pay from and no trusted side to run programs of.
        let may_ask = MayAsk::Nobody("`presscheck check` asks nobody, `presscheck gate` does");
        let checks = eyes::open_checks(&configured, &tree, may_ask, setting.weights)
            .map_err(|problems| rejected(&problems))?;
        let limits = checks::decode_limits(&configured);
        let explains = setting.explain.is_some();
        let bench = Self { checks, limits, case, input, expect, explains };
        bench.foresee(!setting.expect_text.is_empty())?;
        Ok(bench)
    }

    /// A check that must judge and can't stops everything: the one that the policy requires, and the one that the
    /// command line asks for.
    fn foresee(&self, text_is_asked: bool) -> Result<(), Rejected> {
        let case = self.case_of("");
        let problems: Vec<_> = self
            .checks
            .iter()
            .filter(|check| check.is_required() || (text_is_asked && check.name() == "text"))
            .filter_map(|check| Some((check.name(), check.cannot(&case)?)))
            .map(|(name, why)| format!("check `{name}` can't judge: {why}"))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(rejected(&problems)) }
    }

    /// The case that a file is held to. Files without one in common are of different prompts.
    fn case_of(&self, file: &str) -> Case {
        self.case.clone().unwrap_or_else(|| Case {
            id: file.to_owned(),
            prompt: file.to_owned(),
            tags: Vec::new(),
            expect: self.expect.clone(),
            image: None,
            mask: None,
            locale: None,
        })
    }

    fn look(&self, path: &Path) -> Result<Seen, Rejected> {
        let bytes = bounded(path, self.limits.max_bytes)
            .map_err(|error| rejected(&[format!("{} can't be read: {error}", shown(path))]))?;
        let file = path.to_string_lossy().into_owned();
        let case = self.case_of(&file);
        let scene = Scene { case: &case, input: self.input.as_ref() };
        let judgement = checks::judge(&Encoded::of(&bytes), &scene, &self.checks, &self.limits);
        let shown = judgement.picture.filter(|_| self.explains).map(|picture| Shown {
            copy: picture.thumbnail(explain::SHOWN).into_owned(),
            original: (picture.width(), picture.height()),
        });
        let image = CheckedImage {
            file,
            outcome: judgement.judged,
            findings: judgement.findings,
            explained: None,
        };
        Ok(Seen { image, case, impression: judgement.impression, shown })
    }

    /// Judges a picture against those before it.
    fn settle(&self, seen: Seen, earlier: &mut Vec<Earlier>) -> CheckedImage {
        let Seen { mut image, case, impression, .. } = seen;
        if let Some(impression) = impression {
            let scene = Scene { case: &case, input: self.input.as_ref() };
            let company = Company { earlier: earlier.as_slice(), ..Company::default() };
            image.findings.extend(checks::compare(&impression, &scene, &company, &self.checks));
            let failed = image.findings.iter().any(|finding| finding.result.counts_as_failure());
            if failed && image.outcome == Judged::Passed {
                image.outcome = Judged::Failed;
            }
            earlier.push(Earlier::of(&case, &impression));
        }
        image
    }
}

/// The policy, where there is one, and the tree that its paths lie in.
fn read_policy(setting: &CheckSetting<'_>) -> Result<(Option<Policy>, Snapshot), Rejected> {
    work_tree_policy(setting.at, setting.policy, NOTHING_CHECKED, setting.colour)
}

/// The case of this id in the policy's prompt sets.
fn find_case(id: &str, policy: &Policy, tree: &Snapshot, colour: bool) -> Result<Case, Rejected> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for source in &policy.prompts {
        let path = &source.file.value;
        match tree.read(path, MAX_PROMPTS_BYTES) {
            Ok(Some(bytes)) => files.push((source, bytes)),
            Ok(None) => problems.push(format!("the prompt set {path} does not exist")),
            Err(error) => problems.push(error.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(rejected(&problems));
    }
    let sources: Vec<_> = files
        .iter()
        .map(|(source, bytes)| PromptFile {
            path: &source.file.value,
            bytes,
            tags: &source.tags,
            text_from_prompt: source.text_from_prompt,
        })
        .collect();
    let mut set = prompts::read_prompts(&sources, &checks::all_expectations());
    if set.has_errors() {
        let texts: Vec<_> = set
            .problems
            .iter()
            .map(|(path, problems)| {
                let bytes = files
                    .iter()
                    .find(|(source, _)| source.file.value == *path)
                    .map(|(_, bytes)| bytes.as_slice());
                (path, problems, String::from_utf8_lossy(bytes.unwrap_or_default()))
            })
            .collect();
        let all: Vec<_> = texts
            .iter()
            .map(|(path, problems, text)| (Source { path: path.as_str(), text }, *problems))
            .collect();
        return Err(Rejected(policy::render_all(&all, NOTHING_CHECKED, colour)));
    }
    if let Some(place) = set.cases.iter().position(|case| case.id == id) {
        return Ok(set.cases.swap_remove(place));
    }
    let ids: Vec<_> = set.cases.iter().map(|case| case.id.as_str()).collect();
    let hint = match nearest(id, &ids) {
        Some(near) => format!("did you mean {}?", one_line(near, 80)),
        None => {
            let first: Vec<_> = ids.iter().take(3).map(|id| one_line(id, 40)).collect();
            format!("the prompt sets have {} cases: {}, …", ids.len(), first.join(", "))
        }
    };
    Err(Rejected(format!(
        "error: there is no case {}; {NOTHING_CHECKED}\n  help: {hint}\n",
        one_line(id, 80)
    )))
}
