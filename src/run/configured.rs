//! The checks of a policy's file, or of none, for commands that look at files and at no change.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use presscheck_core::checks;
use presscheck_core::inert::one_line;
use presscheck_core::policy::{
    self, CheckVocabulary, ConfiguredCheck, Kind, Node, Policy, Problems, Source, Span, Vocabulary,
};
use presscheck_core::providers;

use super::load::{MAX_CONFIG_BYTES, Rejected};
use crate::revision::{Folder, Repository, Snapshot};

/// Checks with their defaults: those that are wanted.
#[must_use]
pub fn default_checks(wanted: impl Fn(&CheckVocabulary) -> bool) -> Vec<ConfiguredCheck> {
    let empty = Node { span: Span::default(), kind: Kind::Table(Vec::new()) };
    let mut problems = Problems::new();
    checks::vocabulary()
        .iter()
        .filter(|check| wanted(check))
        .filter_map(|check| policy::read_check(check, &empty, &mut problems))
        .collect()
}

/// The policy of a file on disk, called in messages as `shown`; nothing where there is no such file. `undone` says what
/// did not happen.
///
/// # Errors
/// A file that can't be read, and every problem of one that can't be used.
pub fn policy_file(
    path: &Path,
    shown: &Path,
    undone: &str,
    colour: bool,
) -> Result<Option<Policy>, Rejected> {
    let name = one_line(&shown.to_string_lossy(), 200);
    let bytes = match bounded(path, MAX_CONFIG_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let text = format!("error: the policy {name} can't be read: {error}; {undone}\n");
            return Err(Rejected(text));
        }
    };
    let render = |text: &str, problems: &Problems| {
        let source = Source { path: &name, text };
        Rejected(policy::render_all(&[(source, problems)], undone, colour))
    };
    let text = policy::decode_text(&bytes).map_err(|problems| render("", &problems))?;
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &kinds, terms: providers::catalogue::terms };
    let reading = policy::read_policy(Source { path: &name, text }, &vocabulary);
    match reading.value {
        Some(policy) if !reading.problems.has_errors() => Ok(Some(policy)),
        _ => Err(render(text, &reading.problems)),
    }
}

/// The policy of the work tree, or the one that is named, where there is one, and the tree that its paths lie in. `undone`
/// says what did not happen.
///
/// # Errors
/// A policy that is named and not there, and every problem of one that can't be used.
pub(super) fn work_tree_policy(
    at: &Path,
    named: Option<&Path>,
    undone: &str,
    colour: bool,
) -> Result<(Option<Policy>, Snapshot), Rejected> {
    let tree_of = |folder: &Path| {
        let root = Repository::discover(folder).and_then(|repository| repository.work_tree());
        root.unwrap_or_else(|| folder.to_path_buf())
    };
    let snapshot = |root: &Path| Snapshot::Folder(Folder::new(root, "the work tree".to_owned()));
    let (path, root) = match named {
        None => {
            let root = tree_of(at);
            (root.join("presscheck.yaml"), root)
        }
        Some(named) => {
            let here = at.join(named);
            // As `gate` has it, a path in the repository; as people type it, one from where they are.
            let path = if here.exists() { here } else { tree_of(at).join(named) };
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
                _ => PathBuf::from("."),
            };
            (path, tree_of(&folder))
        }
    };
    let name = named.unwrap_or_else(|| Path::new("presscheck.yaml"));
    match policy_file(&path, name, undone, colour)? {
        None if named.is_some() => {
            let name = one_line(&name.to_string_lossy(), 200);
            Err(Rejected(format!("error: there is no policy {name}; {undone}\n")))
        }
        policy => Ok((policy, snapshot(&root))),
    }
}

/// The bytes of a file, one more at most than `most`, so that one that is too long is known for it.
///
/// # Errors
/// Where it can't be read.
pub fn bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
