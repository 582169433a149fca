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
    /// The tree and the parents of each.
    commits: BTreeMap<String, (String, Vec<String>)>,
    pub(crate) refs: BTreeMap<String, String>,
}

impl Objects {
    /// The file of a commit.
    pub(crate) fn file(&self, commit: &str, path: &str) -> Option<&[u8]> {
        let tree = self.trees.get(&self.commits.get(commit)?.0)?;
        self.blobs.get(tree.get(path)?).map(Vec::as_slice)
    }

    /// Every file of a commit, and how many commits it has before it.
    pub(crate) fn all_of(&self, commit: &str) -> (BTreeMap<String, Vec<u8>>, usize) {
        let (tree, parents) = &self.commits[commit];
        let files = self.trees[tree].iter();
        let files = files.map(|(path, blob)| (path.clone(), self.blobs[blob].clone())).collect();
        (files, parents.iter().map(|parent| self.all_of(parent).1 + 1).sum())
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
        let found = |value: Value| Some(Ok(ResponseTemplate::new(200).set_body_json(value)));
        if let ("GET", Some(name)) = (method, tail.strip_prefix("ref/")) {
            return match self.refs.get(&format!("refs/{name}")) {
                Some(sha) => found(json!({"ref": name, "object": {"sha": sha}})),
                None => Some(Ok(not_found())),
            };
        }
        if let ("GET", Some(commit)) = (method, tail.strip_prefix("commits/")) {
            let (tree, _) = self.commits.get(commit)?;
            return found(json!({"sha": commit, "tree": {"sha": tree}}));
        }
        if let ("PATCH", Some(name)) = (method, tail.strip_prefix("refs/")) {
            return Some(self.move_ref(&format!("refs/{name}"), body));
        }
        (method == "POST").then(|| self.write(tail, body))
    }

    /// Moves a ref to a commit that goes on top of what it points to.
    fn move_ref(&mut self, name: &str, body: &Value) -> Result<ResponseTemplate, String> {
        let commit = body["sha"].as_str().unwrap_or_default();
        let (Some(now), Some((_, parents))) = (self.refs.get(name), self.commits.get(commit))
        else {
            return Ok(refuse(422, "Reference does not exist"));
        };
        if body["force"] != false {
            return Err(format!("{name} is forced"));
        }
        if !parents.contains(now) {
            return Ok(refuse(422, "Update is not a fast forward"));
        }
        self.refs.insert(name.to_owned(), commit.to_owned());
        Ok(ResponseTemplate::new(200).set_body_json(json!({"object": {"sha": commit}})))
    }

    fn write(&mut self, what: &str, body: &Value) -> Result<ResponseTemplate, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sha = Digest::of(format!("{what} {body}").as_bytes()).to_string()[..40].to_owned();
        match what {
            "blobs" => {
                let content = text(&body["content"]);
                let bytes = match body["encoding"].as_str() {
                    Some("utf-8") => content.into_bytes(),
                    _ => STANDARD.decode(content).map_err(|e| e.to_string())?,
                };
                self.blobs.insert(sha.clone(), bytes);
            }
            "trees" => {
                let mut tree = BTreeMap::new();
                if let Some(base) = body["base_tree"].as_str() {
                    tree.clone_from(self.trees.get(base).ok_or("base_tree is no tree")?);
                }
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
                let parents = body["parents"].as_array().into_iter().flatten();
                let parents: Vec<_> = parents.map(text).collect();
                if let Some(parent) = parents.iter().find(|it| !self.commits.contains_key(*it)) {
                    return Err(format!("{parent} is no commit"));
                }
                self.commits.insert(sha.clone(), (tree, parents));
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
