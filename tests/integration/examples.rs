//! The example repository is read as a team's own would be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use presscheck::simulator::{Profile, expected_outcome};
use presscheck_core::gate::Outcome;
use presscheck_core::policy::{
    Policy, Problems, Source, Vocabulary, admit, read_models, read_policy,
};
use presscheck_core::prompts::{PromptFile, PromptSet, read_prompts};
use presscheck_core::{checks, providers};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/storefront")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap()
}

fn policy() -> Policy {
    let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &providers, terms: providers::catalogue::terms };
    let text = read("presscheck.yaml");
    let source = Source { path: "presscheck.yaml", text: &text };
    let reading = read_policy(source, &vocabulary);
    assert!(reading.problems.is_empty(), "{}", reading.problems.render(source, false));
    reading.value.unwrap()
}

fn prompts(policy: &Policy) -> PromptSet {
    let texts: Vec<_> = policy.prompts.iter().map(|set| read(set.file.value.as_str())).collect();
    let files: Vec<_> = policy
        .prompts
        .iter()
        .zip(&texts)
        .map(|(set, text)| PromptFile {
            path: &set.file.value,
            bytes: text.as_bytes(),
            tags: &set.tags,
            text_from_prompt: set.text_from_prompt,
        })
        .collect();
    read_prompts(&files, &checks::all_expectations())
}

#[test]
fn the_policy_admits_the_model_of_the_example() {
    let policy = policy();
    let text = read(policy.model.file.as_str());
    let source = Source { path: policy.model.file.as_str(), text: &text };
    let reading = read_models(source, &policy.model);
    assert!(reading.problems.is_empty(), "{}", reading.problems.render(source, false));
    let models = reading.value.unwrap();
    assert_eq!(models.list.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["hero"]);
    let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &providers, terms: providers::catalogue::terms };
    let mut problems = Problems::new();
    for model in &models.list {
        admit(model, &policy, &vocabulary, &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.render(source, false));
}

#[test]
fn the_prompts_are_read_without_a_problem_in_six_strata() {
    let set = prompts(&policy());
    assert!(set.problems.is_empty(), "{:?}", set.problems);
    assert!(set.duplicates.is_empty(), "{:?}", set.duplicates);
    let mut strata = BTreeMap::new();
    for case in &set.cases {
        *strata.entry(case.stratum()).or_insert(0_u32) += 1;
    }
    insta::assert_snapshot!(
        format!("{strata:?}"),
        @r#"{"adversarial": 38, "brand": 26, "edge": 38, "locale": 52, "realistic": 65, "typography": 42}"#
    );
    assert_eq!(set.cases.len(), 261);
    let longest = set.cases.iter().map(|case| case.prompt.chars().count()).max();
    assert!(longest > Some(2_000));
    let signs = set.cases.iter().filter(|case| case.stratum() == "typography");
    for case in signs {
        assert!(case.expect.contains_key("text"), "{}", case.id);
    }
}

#[test]
fn the_profile_fails_at_the_rates_that_the_example_promises() {
    let profile = Profile::read(&read("simulator.yaml")).unwrap();
    for (model, price, rate) in [("atelier-2", "$0.042", 0.12), ("atelier-3", "$0.019", 0.018)] {
        assert_eq!(profile.model(model).unwrap().price_of(model, None).to_string(), price);
        let failures = (0..10_000_u64)
            .filter_map(|seed| profile.fault(model, "a teapot", seed))
            .filter(|fault| {
                let outcome = expected_outcome(Some(*fault));
                !matches!(outcome, Outcome::Passed | Outcome::Unavailable)
            })
            .count();
        let found = failures as f64 / 10_000.0;
        // Four standard deviations of the binomial distribution.
        let bound = 4.0 * (rate * (1.0 - rate) / 10_000.0_f64).sqrt();
        assert!((found - rate).abs() < bound, "{model}: {found}");
    }
}
