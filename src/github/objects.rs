//! Objects of git that are written over the API: blobs, a tree of them, a commit, a ref. Who may not write gets an error.

use serde::{Deserialize, Serialize};

use super::api::{Api, Method};
use super::error::{ApiError, Doing};

#[derive(Serialize)]
pub(super) struct Blob<'a> {
    pub(super) content: &'a str,
    pub(super) encoding: &'static str,
}

#[derive(Serialize)]
pub(super) struct Tree<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_tree: Option<&'a str>,
    pub(super) tree: Vec<Entry>,
}

#[derive(Serialize)]
pub(super) struct Entry {
    pub(super) path: String,
    mode: &'static str,
    r#type: &'static str,
    sha: String,
}

impl Entry {
    /// A plain file.
    pub(super) const fn file(path: String, blob: String) -> Self {
        Self { path, mode: "100644", r#type: "blob", sha: blob }
    }
}

#[derive(Serialize)]
pub(super) struct Commit<'a> {
    pub(super) message: &'a str,
    pub(super) tree: &'a str,
    pub(super) parents: &'a [&'a str],
}

#[derive(Serialize)]
pub(super) struct NewRef<'a> {
    pub(super) r#ref: &'a str,
    pub(super) sha: &'a str,
}

/// An object as an answer names it.
#[derive(Deserialize)]
pub(super) struct Made {
    sha: String,
}

impl Made {
    /// Its id. What goes into an address, or back to GitHub, has to be one.
    pub(super) fn id(self, doing: Doing) -> Result<String, ApiError> {
        let sha = self.sha;
        let plain =
            matches!(sha.len(), 40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then_some(sha).ok_or_else(|| ApiError::BadAnswer {
            doing,
            reason: "an object's id is no hash".to_owned(),
        })
    }
}

/// Writes an object, and gives its id.
///
/// # Errors
/// Where GitHub refuses, or can't be reached.
pub(super) async fn write<B: Serialize + Sync>(
    api: &Api,
    doing: Doing,
    tail: &str,
    body: &B,
) -> Result<String, ApiError> {
    let answer = api.send(doing, Method::Post, &api.route(tail), Some(body)).await?;
    answer.json::<Made>()?.id(doing)
}
