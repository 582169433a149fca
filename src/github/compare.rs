//! Where two commits parted, as GitHub knows it: for a clone that does not have their histories.

use presscheck_core::units::CommitSha;
use serde::Deserialize;

use super::api::Api;
use super::error::{ApiError, Doing};

/// The largest answer that is read: the first page lists up to 300 files with what changed in them.
const MAX_ANSWER: usize = 64 << 20;

/// Two commits, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The base: the commit that its name stood for.
    pub base: CommitSha,
    /// Where the head's history left the base's; nothing where they have nothing in common.
    pub merge_base: Option<CommitSha>,
}

/// Whether a name is a full commit id, or a branch or tag without anything that could lead elsewhere: not to a
/// fork (`owner:branch`), and not to another route.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    !name.is_empty() && name.len() <= 250 && name.chars().all(plain) && !name.contains("..")
}

/// Compares two commits, each by its id or by a branch's name.
///
/// # Errors
/// Where a name is no plain one, or GitHub does not answer.
pub async fn compare(api: &Api, base: &str, head: &str) -> Result<Compared, ApiError> {
    #[derive(Deserialize)]
    struct Commit {
        sha: CommitSha,
    }
    #[derive(Deserialize)]
    struct Answer {
        base_commit: Commit,
        merge_base_commit: Commit,
    }
    if let Some(odd) = [base, head].into_iter().find(|name| !is_plain_name(name)) {
        let odd = presscheck_core::inert::one_line(odd, 60);
        return Err(ApiError::Setup { reason: format!("`{odd}` names no commit and no branch") });
    }
    let route = api.route(&format!("compare/{base}...{head}?per_page=1"));
    match api.get(Doing::Compare, &route, "application/vnd.github+json", MAX_ANSWER).await {
        Ok(answer) => {
            let answer: Answer = answer.json()?;
            Ok(Compared {
                base: answer.base_commit.sha,
                merge_base: Some(answer.merge_base_commit.sha),
            })
        }
        // Histories that share nothing; only ids are compared then, for a name is not resolved.
        Err(ApiError::Rejected { status: 404, .. }) if base.parse::<CommitSha>().is_ok() => {
            let base = base.parse().map_err(|_| ApiError::NotFound { doing: Doing::Compare })?;
            Ok(Compared { base, merge_base: None })
        }
        Err(error) => Err(error),
    }
}
