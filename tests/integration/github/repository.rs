//! The part of the fake that knows a repository: files at commits, comparisons, pull requests.

use std::path::Path;
use std::sync::Mutex;

use gix::bstr::BStr;
use presscheck::revision::Repository;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::fake::{not_found, refuse};

/// A repository with its pull requests, as GitHub has them.
pub(super) struct Served {
    objects: gix::Repository,
    history: Repository,
    pub(super) pulls: Vec<Value>,
    /// Commits of forks: GitHub does not list their pull requests by the commit's id.
    pub(super) unlisted: bool,
    /// What the pull request is once it was asked for so many times more.
    moves: Mutex<Option<(usize, Value)>>,
}

impl Served {
    pub(super) fn open(root: &Path) -> Self {
        Self {
            objects: gix::open(root).unwrap(),
            history: Repository::discover(root).unwrap(),
            pulls: Vec::new(),
            unlisted: false,
            moves: Mutex::new(None),
        }
    }

    /// See the fake's own.
    pub(super) fn move_after(&self, reads: usize, pull: Value) {
        *self.moves.lock().unwrap() = Some((reads, pull));
    }

    /// What GitHub answers to a `GET` below the repository; nothing for a route that it does not have.
    pub(super) fn answer(&self, path: &str, request: &Request) -> Option<ResponseTemplate> {
        let json = |value: Value| Some(ResponseTemplate::new(200).set_body_json(value));
        let query = |name: &str| {
            let value = request.url.query_pairs().find(|(key, _)| key == name);
            value.map(|(_, value)| value.into_owned())
        };
        if let Some(rest) = path.strip_prefix("contents/") {
            let accept = request.headers.get("accept").and_then(|it| it.to_str().ok());
            let raw = accept == Some("application/vnd.github.raw+json");
            return Some(self.contents(&decoded(rest), &query("ref").unwrap(), raw));
        }
        if let Some(names) = path.strip_prefix("compare/") {
            return Some(self.compare(names));
        }
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["commits", sha, "pulls"] => {
                let listed = |pull: &&Value| !self.unlisted && pull["head"]["sha"] == *sha;
                json(self.pulls.iter().filter(listed).cloned().collect())
            }
            ["pulls"] => {
                let (head, state) = (query("head").unwrap(), query("state").unwrap());
                let of = |pull: &&Value| {
                    let owner = pull["head"]["repo"]["full_name"].as_str().unwrap_or("gone/");
                    let owner = owner.split('/').next().unwrap();
                    format!("{owner}:{}", pull["head"]["ref"].as_str().unwrap()) == head
                        && pull["state"] == state
                };
                json(self.pulls.iter().filter(of).cloned().collect())
            }
            ["pulls", number] => {
                let number: u64 = number.parse().unwrap();
                if let Some((reads, pull)) = &mut *self.moves.lock().unwrap() {
                    if *reads == 0 {
                        return json(pull.clone());
                    }
                    *reads -= 1;
                }
                let pull = self.pulls.iter().find(|pull| pull["number"] == number);
                Some(pull.map_or_else(not_found, |it| ResponseTemplate::new(200).set_body_json(it)))
            }
            _ => None,
        }
    }

    fn compare(&self, names: &str) -> ResponseTemplate {
        let (base, head) = names.split_once("...").unwrap();
        let (Some(base), Some(head)) = (self.history.commit(base), self.history.commit(head))
        else {
            return not_found();
        };
        match self.history.merge_base(base.sha(), head.sha()) {
            Some(merge_base) => ResponseTemplate::new(200).set_body_json(json!({
                "base_commit": {"sha": base.sha()},
                "merge_base_commit": {"sha": merge_base.sha()},
                "commits": [], "files": [],
            })),
            None => refuse(
                404,
                &format!("No common ancestor between {} and {}.", base.sha(), head.sha()),
            ),
        }
    }

    fn contents(&self, path: &str, commit: &str, raw: bool) -> ResponseTemplate {
        let Ok(id) = gix::ObjectId::from_hex(commit.as_bytes()) else { return not_found() };
        let Ok(commit) = self.objects.find_commit(id) else { return not_found() };
        let tree = commit.tree().unwrap();
        if path.is_empty() {
            return list("", &tree);
        }
        let Some(entry) = tree.lookup_entry_by_path(path).unwrap() else { return not_found() };
        if entry.mode().is_tree() {
            return list(path, &entry.object().unwrap().into_tree());
        }
        let mut described = described(path, entry.mode(), &entry.object_id(), &self.objects);
        described["type"] = json!(if entry.mode().is_commit() { "submodule" } else { "file" });
        if entry.mode().is_commit() {
            return ResponseTemplate::new(200).set_body_json(described);
        }
        let mut bytes = entry.object().unwrap().data.clone();
        if entry.mode().is_link() {
            // GitHub follows a link to a file of the same commit, and describes any other.
            let target = BStr::new(&bytes).to_string();
            let found = tree.lookup_entry_by_path(&target).unwrap();
            match found.filter(|entry| entry.mode().is_blob()) {
                Some(file) => bytes = file.object().unwrap().data.clone(),
                None => {
                    described["type"] = json!("symlink");
                    return ResponseTemplate::new(200).set_body_json(described);
                }
            }
        }
        if !raw {
            return ResponseTemplate::new(200).set_body_json(described);
        }
        ResponseTemplate::new(200)
            .set_body_raw(bytes, "application/vnd.github.raw+json; charset=utf-8")
    }
}

/// A folder's list.
fn list(folder: &str, tree: &gix::Tree<'_>) -> ResponseTemplate {
    let entries: Vec<_> = tree
        .iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.filename());
            described(path.trim_start_matches('/'), entry.mode(), entry.oid(), tree.repo)
        })
        .collect();
    ResponseTemplate::new(200).set_body_json(entries)
}

/// An entry as a list has it; a submodule is called a file there.
fn described(
    path: &str,
    mode: gix::objs::tree::EntryMode,
    id: &gix::oid,
    objects: &gix::Repository,
) -> Value {
    let (kind, address) = if mode.is_tree() {
        ("dir", Some("trees"))
    } else if mode.is_link() {
        ("symlink", Some("blobs"))
    } else if mode.is_commit() {
        ("file", None)
    } else {
        ("file", Some("blobs"))
    };
    let size = if mode.is_blob_or_symlink() { objects.find_header(id).unwrap().size() } else { 0 };
    json!({
        "name": path.rsplit('/').next(), "path": path, "type": kind, "sha": id.to_string(), "size": size,
        "git_url": address.map(|it| format!("https://api.github.com/repos/octo-org/shop/git/{it}/{id}")),
    })
}

/// A path without its escapes.
fn decoded(path: &str) -> String {
    let form = format!("path={}", path.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes()).next().unwrap().1.into_owned()
}
