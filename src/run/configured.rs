//! The checks of a policy's file, or of none, for commands that look at files and at no change.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use presscheck_core::checks;
use presscheck_core::inert::one_line;
use presscheck_core::policy::{
    self, CheckVocabulary, ConfiguredCheck, Kind, Node, Policy, Problems, Source, Span, Vocabulary,
};
use presscheck_core::providers;

use super::load::{MAX_CONFIG_BYTES, Rejected};

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

/// The bytes of a file, one more at most than `most`, so that one that is too long is known for it.
pub(super) fn bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
