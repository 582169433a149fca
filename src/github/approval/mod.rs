//! Whether a pull request's head is approved: by a review of that very commit, by somebody who may write.

use std::collections::BTreeMap;

use presscheck_core::inert::one_line;
use presscheck_core::units::CommitSha;
use serde_json::Value;

use super::accept::{Person, Standing, pages, standing};
use super::api::Api;
use super::error::{ApiError, Doing};

/// How many different people are asked about at most, the latest first.
const MAX_PEOPLE: usize = 20;
/// How many reviews that do not count are told of at most.
const MAX_SAID: usize = 3;

/// What somebody's latest review that decides anything says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Who.
    pub by: Person,
    /// Whether it approves; else changes are asked for, or it was dismissed.
    pub approves: bool,
    /// The commit that was looked at; nothing where it is gone.
    pub commit: Option<CommitSha>,
}

/// Asks whether a commit is approved, and by whom.
///
/// # Errors
/// Where GitHub does not tell the reviews.
pub async fn approved(
    api: &Api,
    number: u64,
    head: &CommitSha,
) -> Result<Result<String, Vec<String>>, ApiError> {
    let tail = format!("pulls/{number}/reviews?");
    let all = pages(api, Doing::ListReviews, &tail, |page: Vec<Value>| page).await?;
    let reviews = latest(&all);
    let mut standings = BTreeMap::new();
    let may_count = reviews.iter().filter(|review| objection(review, head).is_none());
    for review in may_count.take(MAX_PEOPLE) {
        standings.insert(review.by.login.clone(), standing(api, &review.by).await);
    }
    Ok(rule(&reviews, head, &standings))
}

/// Everybody's latest review that decides anything, the latest first. A remark alone takes nothing back.
#[must_use]
pub(super) fn latest(reviews: &[Value]) -> Vec<Review> {
    let mut latest: Vec<Review> = Vec::new();
    let mut ordered: Vec<&Value> = reviews.iter().collect();
    // As GitHub lists them already; kept where times are alike.
    ordered.sort_by_key(|review| {
        let at = review.get("submitted_at").and_then(Value::as_str)?;
        at.parse::<jiff::Timestamp>().ok()
    });
    for review in ordered {
        let state = review.get("state").and_then(Value::as_str).unwrap_or_default();
        let approves = match state.to_ascii_uppercase().as_str() {
            "APPROVED" => true,
            "CHANGES_REQUESTED" | "DISMISSED" => false,
            _ => continue,
        };
        let Some(by) = review.get("user").and_then(Person::read) else { continue };
        let commit = review.get("commit_id").and_then(Value::as_str);
        let commit = commit.and_then(|sha| sha.parse().ok());
        latest.retain(|known| known.by.login != by.login);
        latest.insert(0, Review { by, approves, commit });
    }
    latest
}

/// Decides: the login of who approved, or why nobody did, a sentence each. `standings` has an answer by login for
/// everybody whose review fails for no other reason.
///
/// # Errors
/// Where nobody's review counts.
pub(super) fn rule(
    reviews: &[Review],
    head: &CommitSha,
    standings: &BTreeMap<String, Standing>,
) -> Result<String, Vec<String>> {
    let mut said = Vec::new();
    for review in reviews {
        let Some(why) = objection(review, head).or_else(|| no_right(review, standings)) else {
            return Ok(one_line(&review.by.login, 60));
        };
        said.push(why);
    }
    said.truncate(MAX_SAID);
    Err(said)
}

/// Why a review does not count, whoever it is by.
fn objection(review: &Review, head: &CommitSha) -> Option<String> {
    let login = one_line(&review.by.login, 60);
    if !review.approves {
        return Some(format!("@{login} asks for changes, or the approval was dismissed."));
    }
    if review.by.is_bot {
        return Some(format!("@{login} is a bot: only a person can approve this."));
    }
    match &review.commit {
        Some(commit) if commit == head => None,
        Some(commit) => {
            Some(format!("@{login} approved {}, which is not {}.", commit.short(), head.short()))
        }
        None => Some(format!("The commit that @{login} approved is gone.")),
    }
}

/// Why somebody's permission does not do.
fn no_right(review: &Review, standings: &BTreeMap<String, Standing>) -> Option<String> {
    let why = Standing::lack(standings.get(&review.by.login))?;
    Some(format!("The approval of @{} does not count: {why}.", one_line(&review.by.login, 60)))
}

#[cfg(test)]
mod tests;
