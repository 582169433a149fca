//! Git's objects and refs, as the API lets a token write them that may.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use presscheck_core::units::Digest;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::fake::{not_found, refuse};

#[derive(Default)]
pub(crate) struct Objects {
    /// Whether the token has `contents: write`.
    pub(crate) granted: bool,
    blobs: BTreeMap<String, Vec<u8>>,
    trees: BTreeMap<String, BTreeMap<String, String>>,
    commits: BTreeMap<String, String>,
    pub(crate) refs: BTreeMap<String, String>,
}

impl Objects {
    /// The file of a commit.
    pub(crate) fn file(&self, commit: &str, path: &str) -> Option<&[u8]> {
        let tree = self.trees.get(self.commits.get(commit)?)?;
        self.blobs.get(tree.get(path)?).map(Vec::as_slice)
    }

    /// The answer to a request; nothing where it is for something else. An error is a request that breaks a rule.
    pub(super) fn answer(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<Result<ResponseTemplate, String>> {
        let tail = path.strip_prefix("git/")?;
        if method != "GET" && !self.granted {
            return Some(Ok(refuse(403, "Resource not accessible by integration")));
        }
        if let ("GET", Some(prefix)) = (method, tail.strip_prefix("matching-refs/")) {
            let prefix = format!("refs/{prefix}");
            let found = self.refs.iter().filter(|(name, _)| name.starts_with(&prefix));
            let list: Vec<_> =
                found.map(|(name, sha)| json!({"ref": name, "object": {"sha": sha}})).collect();
            return Some(Ok(ResponseTemplate::new(200).set_body_json(list)));
        }
        if let ("DELETE", Some(name)) = (method, tail.strip_prefix("refs/")) {
            let gone = self.refs.remove(&format!("refs/{name}"));
            return Some(Ok(match gone {
                Some(_) => ResponseTemplate::new(204),
                None => refuse(422, "Reference does not exist"),
            }));
        }
        (method == "POST").then(|| self.write(tail, body))
    }

    fn write(&mut self, what: &str, body: &Value) -> Result<ResponseTemplate, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sha = Digest::of(format!("{what} {body}").as_bytes()).to_string()[..40].to_owned();
        match what {
            "blobs" => {
                let bytes = STANDARD.decode(text(&body["content"])).map_err(|e| e.to_string())?;
                self.blobs.insert(sha.clone(), bytes);
            }
            "trees" => {
                let mut tree = BTreeMap::new();
                for entry in body["tree"].as_array().into_iter().flatten() {
                    let blob = text(&entry["sha"]);
                    if !self.blobs.contains_key(&blob) {
                        return Err(format!("tree.sha {blob} is no blob"));
                    }
                    tree.insert(text(&entry["path"]), blob);
                }
                self.trees.insert(sha.clone(), tree);
            }
            "commits" => {
                let tree = text(&body["tree"]);
                if !self.trees.contains_key(&tree) {
                    return Err(format!("{tree} is no tree"));
                }
                self.commits.insert(sha.clone(), tree);
            }
            "refs" => {
                let (name, commit) = (text(&body["ref"]), text(&body["sha"]));
                if !self.commits.contains_key(&commit) {
                    return Ok(not_found());
                }
                let short = name.matches('/').count() < 2 || !name.starts_with("refs/");
                if short || name.contains("..") || self.refs.contains_key(&name) {
                    return Err(format!("{name} is no new ref"));
                }
                self.refs.insert(name, commit);
            }
            _ => return Err(format!("POST git/{what} is no route of the API")),
        }
        Ok(ResponseTemplate::new(201).set_body_json(json!({"sha": sha})))
    }
}
