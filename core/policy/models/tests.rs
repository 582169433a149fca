use proptest::prelude::*;

use super::*;
use crate::policy::testing::{FULL, VOCABULARY};
use crate::policy::{read_policy, render_all};

const HERO: &str = r#"models:
  hero:
    task: text-to-image
    provider: google
    model: gemini-3-pro-image
    params: {aspect_ratio: "16:9", image_size: 2K}
    then: [{provider: stability, model: upscale-fast}]
  draft: {provider: studio, model: v1, params: {steps: 20, cfg_scale: 7.5, nested: {b: 1, a: [1, {d: 2, c: 3}]}}}
"#;

fn own(file: &str) -> ModelSource {
    ModelSource { file: file.parse().unwrap(), map: None }
}

fn read(text: &str) -> Reading<Models> {
    read_models(Source { path: "imagegen/models.yaml", text }, &own("imagegen/models.yaml"))
}

fn good(text: &str) -> Vec<ModelConfig> {
    let reading = read(text);
    assert!(reading.problems.is_empty(), "{:#?}", reading.problems);
    reading.value.unwrap().list
}

/// What is wrong with a model file, by itself or by the policy of the tests.
fn render(text: &str) -> String {
    let policy =
        read_policy(Source { path: "presscheck.yaml", text: FULL }, &VOCABULARY).value.unwrap();
    let mut reading = read(text);
    for model in reading.value.iter().flat_map(|models| &models.list) {
        admit(model, &policy, &VOCABULARY, &mut reading.problems);
    }
    let source = Source { path: "imagegen/models.yaml", text };
    render_all(&[(source, &reading.problems)], "nothing was sent", false)
}

#[test]
fn a_model_file_is_read_and_admitted() {
    let models = good(HERO);
    assert_eq!(render(HERO), "");
    assert_eq!((models[0].name.as_str(), models[0].span.line), ("hero", 2));
    assert_eq!(models[0].steps.len(), 2);
    assert_eq!(models[0].steps[1].task, Task::Upscale);
    assert_eq!(models[1].task, Task::TextToImage);
    assert_eq!(models[0].steps[0].params_spans["image_size"].line, 6);
}

#[test]
fn what_means_the_same_resolves_the_same() {
    let models = good(HERO);
    insta::assert_snapshot!(models[1].resolved().to_string());
    let reordered = HERO
        .replace("models:\n", "# A comment.\nmodels:\n")
        .replace(
            "{steps: 20, cfg_scale: 7.5, nested: {b: 1, a: [1, {d: 2, c: 3}]}}",
            "{nested: {a: [1, {c: 3, d: 2}], b: 1}, cfg_scale: 7.50, steps: 20}",
        )
        .replace(
            "  draft: {provider: studio, model: v1,",
            "  other: {model: v1, task: text-to-image, provider: studio,",
        );
    assert_eq!(good(&reordered)[1].resolved(), models[1].resolved());
    let json = json!({"models": {"x": {"provider": "studio", "model": "v1",
        "params": {"nested": {"b": 1, "a": [1, {"d": 2, "c": 3}]}, "steps": 20, "cfg_scale": 7.5}}}});
    let text = json.to_string();
    let reading = read_models(Source { path: "m.json", text: &text }, &own("m.json"));
    assert_eq!(reading.value.unwrap().list[0].resolved(), models[1].resolved());
    for (from, to) in [("steps: 20", "steps: 21"), ("model: v1", "model: v2"), ("[1, {", "[2, {")] {
        assert_ne!(good(&HERO.replace(from, to))[1].resolved(), models[1].resolved(), "{to}");
    }
    assert_ne!(good(&HERO.replace("upscale-fast", "upscale"))[0].resolved(), models[0].resolved());
}

#[test]
fn every_mistake_of_a_model_file_is_reported() {
    let text = r#"models:
  hero one: {provider: google, model: gemini-3-pro-image}
  b: {provider: google, modle: x, params: {a: "${GEMINI_API_KEY}"}}
  c: {provider: google, model: 3.5}
  d: {provider: google, model: " x", params: [1]}
  e: {provider: google, model: "${M}", then: [{model: x, task: draw}]}
  b: {provider: google, model: x}
model: x
"#;
    insta::assert_snapshot!(render(text));
}

#[test]
fn the_policy_says_what_may_be_asked() {
    let text = r#"models:
  a: {provider: gogle, model: gemini-3-pro-image}
  b: {provider: google, model: imagen-4}
  c: {provider: google, model: gemini-3-pro-image, task: edit}
  d: {provider: stability, model: sd3}
  e: {provider: studio, model: v3}
  f:
    provider: google
    model: gemini-3-pro-image
    params: {aspect_ratoi: 1, seed: 1, Webhook_URL: x, steps: 3, image_size: {callback: x}}
  g: {provider: studio, model: v1, params: {storageUri: x, anything: [{headers: {}}]}}
  h: {provider: elsewhere, model: x}
"#;
    insta::assert_snapshot!(render(text));
}

#[test]
fn a_rule_s_conditions_are_held_before_anything_is_sent() {
    let admitted = |rule: &str, checks: &str, model: &str| {
        let text = FULL
            .replace(r#"{provider: stability, model: "*", tasks: [upscale]}"#, rule)
            .replace("  dimensions: {tolerance: 1%}", checks);
        let policy = read_policy(Source { path: "presscheck.yaml", text: &text }, &VOCABULARY)
            .value
            .unwrap();
        let file = format!("models: {{a: {{provider: stability, task: upscale, model: {model}}}}}");
        let mut reading = read(&file);
        for model in reading.value.iter().flat_map(|models| &models.list) {
            admit(model, &policy, &VOCABULARY, &mut reading.problems);
        }
        let source = Source { path: "models.yaml", text: &file };
        reading.problems.render(source, false)
    };
    let community = "upscale-community";
    let plain = "  dimensions: {tolerance: 1%}";
    let by_licence = r#"{provider: stability, model: "*", licences: ["Stability*"]}"#;
    assert_eq!(admitted(by_licence, plain, community), "");
    let other = r#"{provider: stability, model: "*", licences: [MIT, "Apache*"]}"#;
    let commercial = r#"{provider: stability, model: "*", commercial: true}"#;
    let safe = r#"{provider: stability, model: "*", safety: true}"#;
    insta::assert_snapshot!(
        [
            admitted(other, plain, community),
            admitted(by_licence, plain, "unknown"),
            admitted(commercial, plain, community),
            admitted(safe, plain, community),
        ]
        .join("\n")
    );
    // The check has to look at every picture.
    assert_eq!(admitted(safe, "  safety: true", community), "");
    assert!(admitted(safe, "  safety: {tags: [people]}", community).contains("must look at all"));
    // Any rule whose conditions are met will do.
    let either = format!("{other}\n    - {by_licence}");
    assert_eq!(admitted(&either, plain, community), "");
}

#[test]
fn an_application_s_own_config_is_read_by_pointers() {
    let map = ModelMap {
        provider: "/gen/vendor".to_owned(),
        model: "/gen/models/0/id~1name".to_owned(),
        params: Some("/gen/params".to_owned()),
    };
    let source = ModelSource { file: "config/app settings.toml".parse().unwrap(), map: Some(map) };
    let text = "debug = true\n[gen]\nvendor = 'studio'\nmodels = [{'id/name' = 'v1'}]\n[gen.params]\nsteps = 3\n";
    let reading = read_models(Source { path: "app.toml", text }, &source);
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);
    let models = reading.value.unwrap().list;
    assert_eq!(models.len(), 1);
    assert_eq!((models[0].name.as_str(), models[0].span.line), ("app-settings", 4));
    assert_eq!(models[0].steps[0].model.value, "v1");
    assert_eq!(models[0].steps[0].params["steps"], json!(3));

    let text = "[gen]\nvendor = ['studio']\nmodels = []\n";
    let source_text = Source { path: "app.toml", text };
    let reading = read_models(source_text, &source);
    assert!(reading.value.is_none());
    insta::assert_snapshot!(reading.problems.render(source_text, false));
}

#[test]
fn parameters_have_limits() {
    let deep = format!(
        "models: {{a: {{provider: g, model: m, params: {{x: {}1{}}}}}}}",
        "[".repeat(9),
        "]".repeat(9)
    );
    assert!(format!("{:?}", read(&deep).problems).contains("levels inside each other"));
    let wide = format!(
        "models: {{a: {{provider: g, model: m, params: {{x: [{}]}}}}}}",
        "1, ".repeat(2000)
    );
    assert!(format!("{:?}", read(&wide).problems).contains("may hold 1000 values"));
    let long = format!(
        "models: {{a: {{provider: g, model: m, params: {{x: \"{}\"}}}}}}",
        "x".repeat(70_000)
    );
    assert!(format!("{:?}", read(&long).problems).contains("64 KiB"));
    let many: String = (0..101).map(|n| format!("  m{n}: {{provider: g, model: m}}\n")).collect();
    assert!(format!("{:?}", read(&format!("models:\n{many}")).problems).contains("100 models"));
}

#[test]
fn a_file_in_another_form_is_told_of_map() {
    let problems = read("gen: {vendor: google}\n").problems;
    assert_eq!(problems.errors(), 1);
    assert!(format!("{problems:?}").contains("model.map"));
}

proptest! {
    #[test]
    fn no_mutation_panics(
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..9, "[\\s{}\\[\\]:,\"'$a-z0-9\\-é]{0,4}"), 1..6),
        pointer in "[/~a-z01]{0,8}",
    ) {
        let mut chars: Vec<char> = HERO.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len() + 1);
            let to = (at + remove).min(chars.len());
            chars.splice(at..to, insert.chars());
        }
        let text: String = chars.into_iter().collect();
        let _ = render(&text);
        let map = ModelMap { provider: pointer.clone(), model: pointer, params: None };
        let source = ModelSource { file: "m.yaml".parse().unwrap(), map: Some(map) };
        let _ = read_models(Source { path: "m.yaml", text: &text }, &source);
    }
}
