//! Past verdicts in the repository itself: files in commits under a ref of our own, which no clone fetches by itself.
//!
//! Unlike a cache of Actions, every pull request's verdicts meet there. Each verdict is one commit on top of those before; where two
//! runs end at once, the second looks again and goes on top of the first. Nothing in it is ever rewritten or deleted.

use serde::{Deserialize, Serialize};

use super::api::{Api, Method};
use super::error::{ApiError, Doing};

/// The ref, below `refs/`.
const PLACE: &str = "presscheck/history";
/// The whole name of the ref.
pub const HISTORY_REF: &str = "refs/presscheck/history";
/// How often another run may be first.
const TRIES: u32 = 5;

#[derive(Serialize)]
struct Blob<'a> {
    content: &'a str,
    encoding: &'static str,
}

#[derive(Serialize)]
struct Tree<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_tree: Option<&'a str>,
    tree: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    mode: &'static str,
    r#type: &'static str,
    sha: &'a str,
}

#[derive(Serialize)]
struct Commit<'a> {
    message: &'a str,
    tree: &'a str,
    parents: &'a [&'a str],
}

#[derive(Serialize)]
struct NewRef<'a> {
    r#ref: &'static str,
    sha: &'a str,
}

#[derive(Serialize)]
struct Moved<'a> {
    sha: &'a str,
    force: bool,
}

#[derive(Deserialize)]
struct Made {
    sha: String,
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
    let blob = match write(api, "git/blobs", &blob).await {
        Ok(made) => made.sha,
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
    let entry = Entry { path, mode: "100644", r#type: "blob", sha: blob };
    let tree = write(api, "git/trees", &Tree { base_tree, tree: [entry] }).await?;
    let parents: Vec<&str> = parent.into_iter().collect();
    let commit = Commit { message: "A verdict of presscheck", tree: &tree.sha, parents: &parents };
    let commit = write(api, "git/commits", &commit).await?;
    let (doing, sha) = (Doing::KeepHistory, commit.sha.as_str());
    if before.is_some() {
        let route = api.route(&format!("git/refs/{PLACE}"));
        // Without force GitHub takes only what goes on top.
        let moved = Moved { sha, force: false };
        api.send(doing, Method::Patch, &route, Some(&moved)).await?;
    } else {
        let new = NewRef { r#ref: HISTORY_REF, sha };
        api.send(doing, Method::Post, &api.route("git/refs"), Some(&new)).await?;
    }
    Ok(())
}

/// The commit that the ref points to and its tree; nothing where there is no such ref yet.
async fn tip(api: &Api) -> Result<Option<(String, String)>, ApiError> {
    let read = async |tail: &str| {
        api.send(Doing::KeepHistory, Method::Get, &api.route(tail), None::<&()>).await
    };
    let commit = match read(&format!("git/ref/{PLACE}")).await {
        Ok(answer) => hash(answer.json::<Reference>()?.object)?,
        Err(ApiError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let known: Known = read(&format!("git/commits/{}", commit.sha)).await?.json()?;
    Ok(Some((commit.sha, hash(known.tree)?.sha)))
}

async fn write<B: Serialize + Sync>(api: &Api, tail: &str, body: &B) -> Result<Made, ApiError> {
    let (doing, route) = (Doing::KeepHistory, api.route(tail));
    let answer = api.send(doing, Method::Post, &route, Some(body)).await?;
    hash(answer.json()?)
}

/// What goes into an address, or back to GitHub, has to be an object's id.
fn hash(made: Made) -> Result<Made, ApiError> {
    let plain =
        matches!(made.sha.len(), 40 | 64) && made.sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then_some(made).ok_or_else(|| ApiError::BadAnswer {
        doing: Doing::KeepHistory,
        reason: "an object's id is no hash".to_owned(),
    })
}
