//! What is known of the pictures of a folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use presscheck_core::units::RepoPath;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use unicode_script::{Script, UnicodeScript as _};

/// The name of the file in the folder.
pub const TRUTH: &str = "truth.json";

/// A string, and whether a picture shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The picture, from the folder on.
    #[serde(deserialize_with = "inside")]
    pub file: RepoPath,
    /// The string that was asked for.
    pub expect: String,
    /// Whether it is there.
    pub drawn: Drawn,
    /// What kind of good or bad it is: `good`, `swap`, `tofu`, …; any word will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The language of the string, as the folder names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its script; found by its letters where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// How the picture was made, for whoever looks into what went wrong.
    #[serde(default, flatten, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, Value>,
}

/// A path that does not lead out of the folder.
fn inside<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RepoPath, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
}

/// Whether a string is on a picture as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drawn {
    /// Letter by letter.
    Correct,
    /// Misspelt, damaged or not at all.
    Misdrawn,
}

/// The groups of kinds that the figures are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// As asked.
    Correct,
    /// Other letters than asked.
    Misspelt,
    /// The letters that were asked, one of them broken.
    Damaged,
    /// Misdrawn in a way that is not said.
    Other,
}

impl Entry {
    /// The kind, with a word where the folder gives none.
    #[must_use]
    pub fn kind(&self) -> &str {
        let unnamed = match self.drawn {
            Drawn::Correct => "correct",
            Drawn::Misdrawn => "misdrawn",
        };
        self.kind.as_deref().unwrap_or(unnamed)
    }

    /// The group of its kind.
    #[must_use]
    pub fn group(&self) -> Group {
        match (self.drawn, self.kind()) {
            (Drawn::Correct, _) => Group::Correct,
            (_, "swap" | "sub" | "drop" | "dup" | "stray" | "case") => Group::Misspelt,
            (_, "tofu" | "hybrid" | "break" | "mirror") => Group::Damaged,
            _ => Group::Other,
        }
    }

    /// The script of the string: as the folder says, else that of its first letters.
    #[must_use]
    pub fn script(&self) -> String {
        self.script.clone().unwrap_or_else(|| script_of(&self.expect).to_owned())
    }
}

/// The script of a text: Japanese where there is any kana, else that of its first letter.
pub(super) fn script_of(text: &str) -> &'static str {
    let scripts = || text.chars().filter(|c| c.is_alphabetic()).map(|c| c.script());
    if scripts().any(|script| matches!(script, Script::Hiragana | Script::Katakana)) {
        return "Japanese";
    }
    scripts().next().map_or("none", |script| script.full_name())
}

/// The entries of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The folder.
    pub folder: PathBuf,
    /// Its entries, in the order of the file.
    pub entries: Vec<Entry>,
}

/// Why a folder can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file can't be read or written.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a list of entries.
    #[error("{path}: {source}; expected a list of {{file, expect, drawn, kind, …}}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where, and what.
        source: serde_json::Error,
    },
}

impl Truth {
    /// Reads the entries of a folder.
    ///
    /// # Errors
    /// Where the file is missing or is no list of entries.
    pub fn read(folder: &Path) -> Result<Self, TruthError> {
        let path = folder.join(TRUTH);
        let bytes = std::fs::read(&path)
            .map_err(|source| TruthError::Unreadable { path: path.clone(), source })?;
        // As some editors begin a file.
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let entries = serde_json::from_slice(text)
            .map_err(|source| TruthError::Malformed { path, source })?;
        Ok(Self { folder: folder.to_owned(), entries })
    }

    /// Writes the entries into their folder, which is there.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn write(&self) -> Result<(), TruthError> {
        let path = self.folder.join(TRUTH);
        let mut lines = Vec::new();
        for entry in &self.entries {
            let line = serde_json::to_string(entry)
                .map_err(|source| TruthError::Malformed { path: path.clone(), source })?;
            lines.push(line);
        }
        // One entry a line, so that a difference can be read.
        let text = format!("[\n{}\n]\n", lines.join(",\n"));
        std::fs::write(&path, text).map_err(|source| TruthError::Unreadable { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_s_own_form_is_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let given = r#"[{"file": "real/a.png", "expect": "OPEN", "drawn": "correct"},
            {"file": "b.jpg", "expect": "こんにちは", "drawn": "misdrawn", "kind": "tofu", "language": "jpn", "font": "X"}]"#;
        std::fs::write(folder.path().join(TRUTH), given).unwrap();
        let read = Truth::read(folder.path()).unwrap();
        let told: Vec<_> = read
            .entries
            .iter()
            .map(|entry| (entry.kind(), entry.group(), entry.script()))
            .collect();
        assert_eq!(
            told,
            [
                ("correct", Group::Correct, "Latin".to_owned()),
                ("tofu", Group::Damaged, "Japanese".to_owned())
            ]
        );
        assert_eq!(read.entries[1].notes["font"], "X");
        read.write().unwrap();
        assert_eq!(Truth::read(folder.path()).unwrap(), read);
    }

    #[test]
    fn what_is_no_truth_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Truth::read(folder.path()).unwrap_err().to_string();
        assert!(missing.contains(TRUTH), "{missing}");
        for wrong in ["{}", r#"[{"file": "../a.png", "expect": "A", "drawn": "correct"}]"#] {
            std::fs::write(folder.path().join(TRUTH), wrong).unwrap();
            let error = Truth::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("expected a list"), "{error}");
        }
    }

    #[test]
    fn scripts_are_told_by_letters() {
        for (text, script) in [
            ("50% OFF", "Latin"),
            ("Ελλάδα", "Greek"),
            ("東京タワー", "Japanese"),
            ("北京", "Han"),
            ("2026", "none"),
        ] {
            assert_eq!(script_of(text), script);
        }
    }
}
