//! Past verdicts in the repository itself: files in commits under a ref of our own, which no clone fetches by itself.
//!
//! Unlike a cache of Actions, every pull request's verdicts meet there. Each verdict is one commit on top of those before; where two
//! runs end at once, the second looks again and goes on top of the first. Nothing in it is ever rewritten or deleted.

use serde::{Deserialize, Serialize};

use super::api::{Api, Method};
use super::error::{ApiError, Doing};
use super::objects::{Blob, Commit, Entry, Made, NewRef, Tree, write};

/// The ref, below `refs/`.
const PLACE: &str = "presscheck/history";
/// The whole name of the ref.
pub const HISTORY_REF: &str = "refs/presscheck/history";
/// What all of it is for, in messages.
const DOING: Doing = Doing::KeepHistory;
/// How often another run may be first.
const TRIES: u32 = 5;

#[derive(Serialize)]
struct Moved<'a> {
    sha: &'a str,
    force: bool,
}

#[derive(Deserialize)]
struct Reference {
    object: Made,
}

#[derive(Deserialize)]
struct Known {
    tree: Made,
}

/// Adds a file to what the ref has; says whether the token may do that at all.
///
/// # Errors
/// Where GitHub can't be reached, or refuses for another reason than the want of a permission.
pub async fn keep_in_repository(api: &Api, path: &str, content: &str) -> Result<bool, ApiError> {
    let blob = Blob { content, encoding: "utf-8" };
    let blob = match write(api, DOING, "git/blobs", &blob).await {
        Ok(blob) => blob,
        // Most jobs have no more than `contents: read`, which is no fault.
        Err(ApiError::Permission { .. } | ApiError::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        match add(api, path, &blob).await {
            // Another run was first: the ref has moved, or is no longer new.
            Err(ApiError::Rejected { status: 422, .. }) if tries < TRIES => {}
            ended => return ended.map(|()| true),
        }
    }
}

/// Puts a commit with one more file on top of what is there now.
async fn add(api: &Api, path: &str, blob: &str) -> Result<(), ApiError> {
    let before = tip(api).await?;
    let (parent, base_tree) = match &before {
        Some((commit, tree)) => (Some(commit.as_str()), Some(tree.as_str())),
        None => (None, None),
    };
    let tree = vec![Entry::file(path.to_owned(), blob.to_owned())];
    let tree = write(api, DOING, "git/trees", &Tree { base_tree, tree }).await?;
    let parents: Vec<&str> = parent.into_iter().collect();
    let commit = Commit { message: "A verdict of presscheck", tree: &tree, parents: &parents };
    let commit = write(api, DOING, "git/commits", &commit).await?;
    let sha = commit.as_str();
    if before.is_some() {
        let route = api.route(&format!("git/refs/{PLACE}"));
        // Without force GitHub takes only what goes on top.
        let moved = Moved { sha, force: false };
        api.send(DOING, Method::Patch, &route, Some(&moved)).await?;
    } else {
        let new = NewRef { r#ref: HISTORY_REF, sha };
        api.send(DOING, Method::Post, &api.route("git/refs"), Some(&new)).await?;
    }
    Ok(())
}

/// The commit that the ref points to and its tree; nothing where there is no such ref yet.
async fn tip(api: &Api) -> Result<Option<(String, String)>, ApiError> {
    let read = async |tail: &str| api.send(DOING, Method::Get, &api.route(tail), None::<&()>).await;
    let commit = match read(&format!("git/ref/{PLACE}")).await {
        Ok(answer) => answer.json::<Reference>()?.object.id(DOING)?,
        Err(ApiError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let known: Known = read(&format!("git/commits/{commit}")).await?.json()?;
    Ok(Some((commit, known.tree.id(DOING)?)))
}
