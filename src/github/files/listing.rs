//! A folder, as GitHub lists it.

use std::collections::HashMap;

use serde::Deserialize;

/// From so many entries on, GitHub's list of a folder may not be whole
/// (<https://docs.github.com/en/rest/repos/contents#get-repository-content>).
const LIST_MAY_END: usize = 1000;

/// What GitHub says a folder is.
pub(super) enum Folder {
    /// Its entries by name, and whether that is all of them.
    Listed(HashMap<String, Entry>, bool),
    /// A link.
    Link,
    /// Nothing that has files in it.
    Nothing,
    /// GitHub lists nothing there.
    Unknown,
}

/// An entry of a folder, as GitHub lists it.
#[derive(Deserialize)]
pub(super) struct Entry {
    name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) size: u64,
    pub(super) sha: String,
    /// Where a file's object is; a submodule, which is listed as a file, has a tree's address or none.
    #[serde(default)]
    git_url: Option<String>,
}

impl Entry {
    /// Whether it is a file, and no submodule.
    pub(super) fn is_file(&self) -> bool {
        let is_module = match &self.git_url {
            Some(url) => url.contains("/git/trees/"),
            None => self.size == 0,
        };
        self.kind == "file" && !is_module
    }
}

/// What GitHub answers for a folder: a list, or the description of something that is none.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Entries(Vec<Entry>),
    One(Entry),
}

impl From<Listed> for Folder {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Entries(entries) => {
                let all = entries.len() < LIST_MAY_END;
                let by_name = entries.into_iter().map(|entry| (entry.name.clone(), entry));
                Self::Listed(by_name.collect(), all)
            }
            Listed::One(one) if one.kind == "symlink" => Self::Link,
            Listed::One(_) => Self::Nothing,
        }
    }
}
