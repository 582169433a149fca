//! All checks. A new one is one new file and one line here.

use super::decode::{self, DecodeLimits, DecodeSettings};
use super::resources::{ModelFile, Needs, Resources};
use super::scope::Scoped;
use super::{
    Check, blank, color_profile, color_shift, command, composition, dimensions, duplicate, judge,
    logo, palette, safety, sharpness, similarity, text,
};
use crate::policy::{CheckVocabulary, ConfiguredCheck, Expectation, Settings};
use crate::prompts::GENERAL_EXPECTATIONS;
use crate::units::RepoPath;

/// A check that is set up; nothing for `decode`, which makes the pictures that the others look at; or a sentence on
/// why a run can't start.
pub(super) type Opened = Result<Option<Box<dyn Check>>, String>;

/// A check that exists.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What the policy's reader must know of it.
    pub vocabulary: CheckVocabulary,
    /// Sets it up with settings that its own vocabulary read, and what it asked for below.
    pub open: fn(&Settings, &Resources) -> Opened,
    /// The files of the repository that it needs, read on the trusted side.
    pub files: fn(&Settings) -> Vec<RepoPath>,
    /// The programs that it runs and that must be installed.
    pub programs: fn(&Settings) -> Vec<String>,
    /// The weights that it needs.
    pub models: fn(&Settings) -> &'static [ModelFile],
    /// How often it failed a good picture when it was measured; nothing where it was not measured.
    pub slips: Option<Slips>,
}

/// How often a check fails a good picture by mistake: counts of the measurement in `docs/checks.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slips {
    /// Good pictures that it failed.
    pub failed: u64,
    /// Good pictures that it judged.
    pub of: u64,
}

impl Slips {
    const fn measured(failed: u64, of: u64) -> Option<Self> {
        Some(Self { failed, of })
    }
}

/// How often a check fails a good picture by mistake, where that was measured.
#[must_use]
pub fn slips(check: &str) -> Option<Slips> {
    REGISTRY.iter().find(|kind| kind.vocabulary.name == check)?.slips
}

impl Kind {
    /// A check that needs nothing but pictures.
    const fn pure(vocabulary: CheckVocabulary, open: fn(&Settings, &Resources) -> Opened) -> Self {
        Self {
            vocabulary,
            open,
            files: |_| Vec::new(),
            programs: |_| Vec::new(),
            models: |_| &[],
            slips: None,
        }
    }

    /// With what its measurement found.
    const fn slipping(self, failed: u64, of: u64) -> Self {
        Self { slips: Slips::measured(failed, of), ..self }
    }
}

/// The checks in the order in which they run.
pub const REGISTRY: &[Kind] = &[
    Kind::pure(decode::VOCABULARY, |_, _| Ok(None)),
    Kind::pure(blank::VOCABULARY, blank::open).slipping(0, 352),
    Kind::pure(dimensions::VOCABULARY, dimensions::open).slipping(0, 352),
    Kind::pure(palette::VOCABULARY, palette::open).slipping(0, 352),
    Kind::pure(color_shift::VOCABULARY, color_shift::open).slipping(3, 352),
    Kind::pure(color_profile::VOCABULARY, color_profile::open).slipping(0, 352),
    Kind::pure(sharpness::VOCABULARY, sharpness::open).slipping(1, 352),
    Kind::pure(composition::VOCABULARY, composition::open).slipping(0, 328),
    Kind::pure(duplicate::VOCABULARY, duplicate::open).slipping(0, 352),
    Kind::pure(similarity::VOCABULARY, similarity::open).slipping(2, 176),
    Kind { files: logo::files, ..Kind::pure(logo::VOCABULARY, logo::open).slipping(2, 352) },
    Kind { models: |_| text::MODELS, ..Kind::pure(text::VOCABULARY, text::open).slipping(3, 200) },
    Kind {
        models: safety::models,
        ..Kind::pure(safety::VOCABULARY, safety::open).slipping(0, 352)
    },
    Kind::pure(judge::VOCABULARY, judge::open),
    Kind {
        files: command::files,
        programs: command::programs,
        ..Kind::pure(command::VOCABULARY, command::open)
    },
];

/// The registry, as the policy's reader wants it.
#[must_use]
pub fn vocabulary() -> Vec<CheckVocabulary> {
    REGISTRY.iter().map(|kind| kind.vocabulary).collect()
}

/// Everything that a case may expect: of no check in particular, then check by check.
#[must_use]
pub fn all_expectations() -> Vec<Expectation> {
    let of_checks = REGISTRY.iter().flat_map(|kind| kind.vocabulary.expectations);
    GENERAL_EXPECTATIONS.iter().chain(of_checks).copied().collect()
}

/// What the checks of a policy need of the world.
#[must_use]
pub fn needs(configured: &[ConfiguredCheck]) -> Needs {
    let mut needs = Needs::default();
    for (kind, check) in both(configured) {
        let name = kind.vocabulary.name;
        needs.files.extend((kind.files)(&check.settings).into_iter().map(|path| (name, path)));
        let programs = (kind.programs)(&check.settings);
        needs.programs.extend(programs.into_iter().map(|program| (name, program)));
        needs.models.extend((kind.models)(&check.settings));
    }
    needs
}

/// The kinds that a policy configures, in the registry's order.
fn both(configured: &[ConfiguredCheck]) -> impl Iterator<Item = (&'static Kind, &ConfiguredCheck)> {
    REGISTRY.iter().filter_map(|kind| {
        let known = configured.iter().find(|check| check.name == kind.vocabulary.name)?;
        Some((kind, known))
    })
}

/// Sets up the checks of a policy, in the registry's order.
///
/// # Errors
/// A sentence for each check that can't be set up.
pub fn open_all(
    configured: &[ConfiguredCheck],
    resources: &Resources,
) -> Result<Vec<Box<dyn Check>>, Vec<String>> {
    let mut checks = Vec::new();
    let mut problems = Vec::new();
    for (kind, configured) in both(configured) {
        match (kind.open)(&configured.settings, resources) {
            Ok(Some(check)) => {
                checks.push(Scoped::wrap(check, &kind.vocabulary, &configured.scope));
            }
            Ok(None) => {}
            Err(why) => problems.push(format!("check `{}`: {why}", kind.vocabulary.name)),
        }
    }
    if problems.is_empty() { Ok(checks) } else { Err(problems) }
}

/// The limits of a policy's `decode`, or the defaults where the policy switches it off: without decoding
/// there is nothing to check.
#[must_use]
pub fn decode_limits(configured: &[ConfiguredCheck]) -> DecodeLimits {
    configured
        .iter()
        .find(|check| check.name == decode::VOCABULARY.name)
        .and_then(|check| check.settings.get::<DecodeSettings>())
        .map(DecodeLimits::from)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checks::testing::configured;
    use crate::policy::{Node, Problems, check_schema, read_check};

    /// What the policy's reader makes of an empty table for each check.
    fn defaults() -> Vec<ConfiguredCheck> {
        let mut problems = Problems::new();
        let checks: Vec<_> = vocabulary()
            .into_iter()
            .filter_map(|check| {
                let table = crate::checks::testing::least(check.name);
                read_check(&check, &Node::from_json(&table), &mut problems)
            })
            .collect();
        assert!(problems.is_empty());
        checks
    }

    #[test]
    fn every_check_opens_with_its_defaults() {
        let configured = defaults();
        assert_eq!(configured.len(), REGISTRY.len());
        let opened: Vec<_> = open_all(&configured, &Resources::default())
            .unwrap()
            .iter()
            .map(|check| check.name())
            .collect();
        assert_eq!(
            opened,
            [
                "blank",
                "dimensions",
                "palette",
                "color_shift",
                "color_profile",
                "sharpness",
                "composition",
                "duplicate",
                "similarity",
                "logo",
                "text",
                "safety",
                "judge",
                "command"
            ]
        );
        assert_eq!(decode_limits(&configured), DecodeLimits::default());
        assert_eq!(decode_limits(&[]), DecodeLimits::default());
    }

    #[test]
    fn names_and_expectations_are_unique() {
        let names: BTreeSet<_> = vocabulary().iter().map(|check| check.name).collect();
        assert_eq!(names.len(), REGISTRY.len());
        let keys: BTreeSet<_> = all_expectations().iter().map(|known| known.key).collect();
        assert_eq!(keys.len(), all_expectations().len());
    }

    #[test]
    fn schemas_agree_with_the_readers() {
        for expectation in all_expectations() {
            let schema = jsonschema::validator_for(&(expectation.schema)()).unwrap();
            let samples = [
                serde_json::json!(["GRAND OPENING"]),
                serde_json::json!([]),
                serde_json::json!([""]),
                serde_json::json!(["#0A3D91"]),
                serde_json::json!(["red"]),
                serde_json::json!(true),
                serde_json::json!("16:9"),
                serde_json::json!("1024x768"),
                serde_json::json!("wide"),
                serde_json::json!(1.78),
                serde_json::json!(-1),
                serde_json::json!({"a": 1}),
            ];
            for sample in samples {
                let key = expectation.key;
                let read = (expectation.validate)(&sample).is_ok();
                assert_eq!(schema.is_valid(&sample), read, "{key}: {sample}");
            }
        }
    }

    /// What the build fetches is what the checks load, byte for byte.
    #[test]
    fn the_build_fetches_the_weights_of_every_check() {
        let fetched = include_str!("../../models/fetch");
        let checks =
            ["text", "safety"].map(|name| configured(name, &serde_json::json!({})).unwrap());
        let files = needs(&checks).models;
        assert_eq!(files.len(), 3);
        for file in files {
            let lines = fetched.split_once(&format!("\"{}\": (", file.name));
            let (_, after) = lines.unwrap_or_else(|| panic!("{} is not fetched", file.name));
            assert!(after.lines().nth(2).unwrap().contains(file.sha256), "{}", file.name);
        }
    }

    /// The docs name every check with every setting, and every expectation.
    #[test]
    fn the_docs_know_every_setting() {
        let docs = include_str!("../../docs/checks.md");
        for check in vocabulary() {
            assert!(docs.contains(&format!("## `{}`", check.name)), "{}", check.name);
            let schema = check_schema(&check);
            for (setting, described) in schema["properties"].as_object().unwrap() {
                let default = described.get("default").map(ToString::to_string).unwrap_or_default();
                let row = docs.lines().find(|line| line.starts_with(&format!("| `{setting}`")));
                let row = row.unwrap_or_else(|| panic!("{}: {setting}", check.name));
                let bare = default.trim_matches('"');
                assert!(row.contains(bare), "{setting}: the default {default} is not in {row}");
            }
        }
        let prompts = include_str!("../../docs/prompts.md");
        for expectation in all_expectations() {
            assert!(prompts.contains(&format!("| `{}`", expectation.key)), "{}", expectation.key);
        }
    }
}
