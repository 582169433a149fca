//! What a simulation starts from: the policy, where there is one.

use std::path::Path;

use presscheck_core::checks;
use presscheck_core::policy::{self, Claim, ErrorRates, Policy, Source, Vocabulary};
use presscheck_core::prompts::{self, PromptFile};
use presscheck_core::providers;
use presscheck_core::units::RepoPath;

use super::load::{MAX_CONFIG_BYTES, MAX_PROMPTS_BYTES, NOTHING_SENT, Rejected};
use crate::revision::{self, Folder, Snapshot};

/// The figures of a policy that a simulation uses.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFigures {
    /// Where they were read: `presscheck.yaml at work tree`.
    pub from: String,
    /// What the verdict claims.
    pub claim: Claim,
    /// How often the verdict may be wrong.
    pub errors: ErrorRates,
    /// The limit on a rise of the failure rate, a difference of shares, where there is one.
    pub max_increase: Option<f64>,
    /// Pairs of the draw; the most that the policy allows where the prompts can't be read.
    pub pairs: u32,
}

/// The figures of the policy at the head (by default the work tree), else at the base, else in the folder
/// itself. Nothing where there is no policy.
///
/// # Errors
/// A policy that can't be used, or none where one was named, or a named revision that does not exist.
pub fn policy_figures(
    at: &Path,
    base: Option<&str>,
    head: Option<&str>,
    path: &RepoPath,
    must_exist: bool,
    colour: bool,
) -> Result<Option<PolicyFigures>, Rejected> {
    let sides = match revision::resolve(at, base, head) {
        Ok(change) => vec![change.head, change.base],
        Err(error) if base.is_some() || head.is_some() => return Err(error.into()),
        Err(_) => vec![Snapshot::Folder(Folder::new(at, "this folder".to_owned()))],
    };
    for snapshot in &sides {
        if let Some(bytes) = snapshot.read(path, MAX_CONFIG_BYTES)? {
            return read(snapshot, path, &bytes, colour).map(Some);
        }
    }
    if must_exist {
        let places: Vec<_> = sides.iter().map(Snapshot::label).collect();
        return Err(Rejected(format!(
            "error: there is no {path} at {}; nothing was simulated\n  help: name another with --policy, or leave it out\n",
            places.join(" or ")
        )));
    }
    Ok(None)
}

fn read(
    snapshot: &Snapshot,
    path: &RepoPath,
    bytes: &[u8],
    colour: bool,
) -> Result<PolicyFigures, Rejected> {
    let rejected = |text: &str, problems: &policy::Problems| {
        let source = Source { path: path.as_str(), text };
        Rejected(policy::render_all(&[(source, problems)], NOTHING_SENT, colour))
    };
    let text = policy::decode_text(bytes).map_err(|problems| rejected("", &problems))?;
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &kinds, terms: providers::catalogue::terms };
    let reading = policy::read_policy(Source { path: path.as_str(), text }, &vocabulary);
    let policy = reading.value.ok_or_else(|| rejected(text, &reading.problems))?;
    let max = policy.sample.max;
    Ok(PolicyFigures {
        from: format!("{path} at {}", snapshot.label()),
        claim: policy.sample.claim,
        errors: policy.errors,
        max_increase: policy
            .limits
            .failure_rate
            .max_increase
            .as_ref()
            .map(|it| it.value.difference()),
        pairs: population(snapshot, &policy).map_or(max, |pairs| pairs.min(max)),
    })
}

/// Pairs of the prompt sets, all repeats; nothing where a set is missing or faulty.
fn population(snapshot: &Snapshot, policy: &Policy) -> Option<u32> {
    let read = |path| snapshot.read(path, MAX_PROMPTS_BYTES).ok().flatten();
    let files: Option<Vec<_>> = policy.prompts.iter().map(|set| read(&set.file.value)).collect();
    let files = files?;
    let sources: Vec<_> = policy
        .prompts
        .iter()
        .zip(&files)
        .map(|(set, bytes)| PromptFile {
            path: &set.file.value,
            bytes,
            tags: &set.tags,
            text_from_prompt: set.text_from_prompt,
        })
        .collect();
    let set = prompts::read_prompts(&sources, &checks::all_expectations());
    if set.cases.is_empty() || set.problems.iter().any(|(_, problems)| problems.has_errors()) {
        return None;
    }
    Some(u32::try_from(set.cases.len()).ok()?.saturating_mul(policy.sample.repeats))
}
