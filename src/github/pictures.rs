//! Evidence that a comment can show: pictures in one commit under a ref of our own, which no clone fetches.
//!
//! A commit without parents holds them, a ref keeps the commit: `refs/presscheck/DATE/pr-NUMBER/RUN`. A comment links
//! them by the commit's id, so that what it shows never changes. Whoever may read the repository sees them. Refs that are
//! too old, or that an earlier run of the pull request left, are deleted; GitHub then drops the commits in its own time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Span;
use jiff::civil::Date;
use presscheck_core::units::Digest;
use serde::Deserialize;

use super::api::{Answer, Api, Method};
use super::environment::Environment;
use super::error::{ApiError, Doing};
use super::objects::{Blob, Commit, Entry, NewRef, Tree, write};

/// Where our refs lie, below `refs/`.
const PLACE: &str = "presscheck";
/// What all of it is for, in messages.
const DOING: Doing = Doing::KeepPictures;
/// For how many days pictures are kept.
const KEPT_DAYS: i64 = 30;
/// The most refs that one run deletes: each is a request.
const MOST_DELETED: usize = 20;
/// The most pages of 100 refs that are looked through.
const MAX_PAGES: u32 = 5;

/// Whose pictures they are.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// The pull request.
    pub(super) number: u64,
    /// The name of the check run: a pull request may be gated more than once.
    pub(super) name: String,
    /// The workflow run and its attempt.
    pub(super) run: (u64, u64),
    /// Today.
    pub(super) today: Date,
}

#[derive(Deserialize)]
struct Known {
    r#ref: String,
}

/// Keeps JPEGs, and gives back the address of each, in their order.
///
/// # Errors
/// Where GitHub refuses, such as for want of `contents: write`, or can't be reached.
pub(super) async fn keep(
    api: &Api,
    environment: &Environment,
    owner: &Owner,
    jpegs: &[Vec<u8>],
) -> Result<Vec<String>, ApiError> {
    let server = environment.server_url.as_ref().map_or("https://github.com", |url| url.as_str());
    let server = server.trim_end_matches('/');
    let mut tree = Tree { base_tree: None, tree: Vec::new() };
    for (index, jpeg) in jpegs.iter().enumerate() {
        let content = STANDARD.encode(jpeg);
        let blob = Blob { content: &content, encoding: "base64" };
        let blob = write(api, DOING, "git/blobs", &blob).await?;
        tree.tree.push(Entry::file(format!("{:02}.jpg", index + 1), blob));
    }
    let root = write(api, DOING, "git/trees", &tree).await?;
    let message = format!("Evidence of presscheck for pull request {}", owner.number);
    let commit = Commit { message: &message, tree: &root, parents: &[] };
    let commit = write(api, DOING, "git/commits", &commit).await?;
    let name = owner.name_of_ref();
    let new = NewRef { r#ref: &name, sha: &commit };
    api.send(DOING, Method::Post, &api.route("git/refs"), Some(&new)).await?;
    let links = tree.tree.iter().map(|entry| {
        format!("{server}/{}/blob/{commit}/{}?raw=true", api.repository(), entry.path)
    });
    Ok(links.collect())
}

/// Deletes refs of ours that nobody needs any more: the older ones of this pull request, and any that is too old.
///
/// # Errors
/// Where GitHub refuses, or can't be reached.
pub(super) async fn prune(api: &Api, owner: &Owner) -> Result<(), ApiError> {
    let mut gone = Vec::new();
    for page in 1..=MAX_PAGES {
        let route = api.route(&format!("git/matching-refs/{PLACE}/?per_page=100&page={page}"));
        let answer: Answer = api.send(DOING, Method::Get, &route, None::<&()>).await?;
        let known: Vec<Known> = answer.json()?;
        gone.extend(known.into_iter().map(|it| it.r#ref).filter(|name| owner.outlives(name)));
        if !answer.has_next || gone.len() >= MOST_DELETED {
            break;
        }
    }
    for name in gone.iter().take(MOST_DELETED) {
        let tail = name.strip_prefix("refs/").unwrap_or(name);
        let route = api.route(&format!("git/refs/{tail}"));
        match api.send(DOING, Method::Delete, &route, None::<&()>).await {
            // GitHub answers 422 for a ref that another run has deleted meanwhile.
            Ok(_) | Err(ApiError::NotFound { .. } | ApiError::Rejected { status: 422, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Owner {
    /// The ref of this run's pictures.
    fn name_of_ref(&self) -> String {
        let (run, attempt) = self.run;
        format!("{}/{run}-{attempt}", self.folder(self.today))
    }

    /// Where the refs of this pull request and check lie. A check's name may hold what a ref's may not.
    fn folder(&self, date: Date) -> String {
        let name: String = Digest::of(self.name.as_bytes()).to_string().chars().take(8).collect();
        format!("refs/{PLACE}/{date}/pr-{}-{name}", self.number)
    }

    /// Whether a ref is ours to delete: too old, or of an earlier run here. Nothing that is not named as we name ours.
    fn outlives(&self, name: &str) -> bool {
        if *name == self.name_of_ref() {
            return false;
        }
        let rest = name.strip_prefix("refs/").and_then(|it| it.strip_prefix(PLACE));
        let Some((date, _)) = rest.and_then(|it| it.strip_prefix('/')?.split_once('/')) else {
            return false;
        };
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-'));
        let Ok(date) = date.parse::<Date>() else { return false };
        if !plain {
            return false;
        }
        let of_here = name.starts_with(&format!("{}/", self.folder(date)));
        let oldest = self.today.checked_sub(Span::new().days(KEPT_DAYS)).unwrap_or(Date::MIN);
        of_here || date < oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        let today = "2026-11-27".parse().unwrap();
        Owner { number: 17, name: "hero / «x»".to_owned(), run: (42, 2), today }
    }

    #[test]
    fn a_ref_says_when_and_whose_and_nothing_that_git_refuses() {
        let name = owner().name_of_ref();
        assert_eq!(name, "refs/presscheck/2026-11-27/pr-17-2ce1719a/42-2");
    }

    #[test]
    fn what_is_old_or_of_an_earlier_run_is_deleted_and_nothing_of_others() {
        let owner = owner();
        let earlier = owner.folder("2026-11-20".parse().unwrap());
        assert!(owner.outlives(&format!("{earlier}/7-1")));
        assert!(owner.outlives("refs/presscheck/2026-10-01/pr-3-00aa11bb/9-1"));
        for kept in [
            owner.name_of_ref().as_str(),
            "refs/presscheck/2026-11-20/pr-3-00aa11bb/9-1",
            "refs/presscheck/history/2020-01-01",
            "refs/heads/2020-01-01/pr-17",
            "refs/presscheckers/2020-01-01/x",
            "refs/presscheck/2020-01-01/../../heads/main",
            "refs/presscheck/2020-01-01",
        ] {
            assert!(!owner.outlives(kept), "{kept}");
        }
    }
}
