//! How a sample without a good picture ended, in the words of evidence: many kinds, of which each belongs to a class.
//!
//! A kind is as fine as the answer tells (`html`, `bad_base64`); a class is what somebody acts on. `docs/providers.md` has
//! both as a table, with what is repeated and what is charged.

/// Each kind that a dialect, the transport or the decoder gives, and its class.
pub const FAILURES: &[(&str, &str)] = &[
    ("refused_input", "refused_input"),
    ("refused_output", "refused_output"),
    // The answer does not say what was looked at.
    ("refused", "refused"),
    ("empty", "empty"),
    ("no_image", "empty"),
    ("no_result", "empty"),
    ("html", "malformed"),
    ("json", "malformed"),
    ("bad_json", "malformed"),
    ("json_error", "malformed"),
    ("bad_base64", "malformed"),
    ("bad_url", "malformed"),
    ("download_failed", "malformed"),
    ("no_job", "malformed"),
    ("not_an_image", "malformed"),
    ("format", "malformed"),
    ("truncated", "malformed"),
    ("corrupt", "malformed"),
    ("cut_short", "malformed"),
    ("too_large", "malformed"),
    ("bad_request", "bad_request"),
    ("rate_limited", "rate_limited"),
    ("server_fault", "server_fault"),
    ("unreachable", "unreachable"),
    ("timeout_unknown", "timeout_unknown"),
    ("result_expired", "result_expired"),
    ("auth", "auth"),
    ("out_of_credit", "out_of_credit"),
    ("model_retired", "model_retired"),
];

/// The class of a kind; nothing for what is none, such as the name of a check that failed.
#[must_use]
pub fn class_of(kind: &str) -> Option<&'static str> {
    FAILURES.iter().find(|(known, _)| *known == kind).map(|(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::providers::{FaultKind, Stage};

    /// The sources that give kinds.
    fn sources() -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    below(&path, found);
                } else if path.extension().is_some_and(|it| it == "rs") {
                    found.push(path);
                }
            }
        }
        let core = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = vec![core.join("checks/decode.rs"), core.join("checks/container.rs")];
        below(&core.join("providers"), &mut found);
        below(&core.join("../src/transport"), &mut found);
        below(&core.join("../src/run"), &mut found);
        found
    }

    /// The words that stand as texts right behind an opening.
    fn words_behind<'a>(source: &'a str, opening: &str) -> Vec<&'a str> {
        let rests = source.split(opening).skip(1).map(str::trim_start);
        rests.filter_map(|rest| rest.strip_prefix('"')?.split('"').next()).collect()
    }

    #[test]
    fn every_kind_that_is_given_has_a_class() {
        let mut given = BTreeSet::new();
        for path in sources() {
            let source = std::fs::read_to_string(&path).unwrap();
            // What tests make up is nobody's kind.
            let source = source.split("#[cfg(test)]").next().unwrap();
            for opening in ["broken(", "Broken::new(", "Broken { kind:"] {
                given.extend(words_behind(source, opening).into_iter().map(str::to_owned));
            }
            if path.ends_with("container.rs") {
                given.extend(words_behind(source, "return (").into_iter().map(str::to_owned));
            }
        }
        assert!(given.len() >= 15, "the sources are read amiss: {given:?}");
        given.extend(FaultKind::ALL.map(|kind| kind.word().to_owned()));
        given.extend(
            [Stage::Input, Stage::Output, Stage::Unknown].map(|stage| stage.word().to_owned()),
        );
        for kind in given {
            assert!(
                class_of(&kind).is_some(),
                "`{kind}` has no class in core/providers/failures.rs"
            );
        }
        assert_eq!(class_of("dimensions"), None);
    }

    #[test]
    fn a_class_is_the_plainest_kind_of_it() {
        let mut kinds = BTreeSet::new();
        for (kind, class) in FAILURES {
            assert!(kinds.insert(kind), "`{kind}` stands twice");
            assert!(*class == "malformed" || class_of(class) == Some(class), "{class}");
        }
    }

    #[test]
    fn the_docs_have_a_row_for_each_kind() {
        let docs = include_str!("../../docs/providers.md");
        let table = docs.split("## How a sample can fail").nth(1).unwrap();
        let table = table.split("\n## ").next().unwrap();
        for (kind, class) in FAILURES {
            let row = format!("| `{kind}` | `{class}` |");
            assert!(table.contains(&row), "docs/providers.md has no row that begins with {row}");
        }
        let rows = table.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, FAILURES.len(), "a row is of no kind");
    }
}
