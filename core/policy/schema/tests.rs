use serde_json::Value;

use super::*;
use crate::policy::reference::{reference_markdown, with_reference};
use crate::policy::testing::{FULL, TEN_LINES, TERMS, VOCABULARY};
use crate::policy::{Format, ModelSource, Source, parse, read_models, read_policy};

fn json_of(text: &str) -> Value {
    parse(Source { path: "p.yaml", text }, Format::Yaml).value.unwrap().to_json()
}

#[test]
fn the_schemas_are_valid_schemas() {
    for schema in [policy_schema(&VOCABULARY), models_schema()] {
        assert!(jsonschema::meta::is_valid(&schema), "{schema:#}");
        assert_eq!(schema["$schema"], DIALECT);
    }
}

/// Changes of the full example, and whether it is still a policy afterwards.
const CHANGES: [(&str, &str, bool); 38] = [
    ("version: 1", "version: 1", true),
    ("version: 1\n", "", true),
    ("version: 1", "version: 2", false),
    ("model:\n  file: imagegen/models.yaml ", "model: imagegen/models.yaml ", true),
    ("imagegen/models.yaml", "app.json\n  map: {provider: /a, model: /b, params: /c}", true),
    ("imagegen/models.yaml", "app.json\n  map: {provider: /a}", false),
    ("  - file: prompts/stress.jsonl", "  - prompts/stress.jsonl", true),
    ("text: {from_prompt: false}", "text: {from_prompt: maybe}", false),
    ("text: {from_prompt: false}", "text: false", false),
    ("claim: suite", "claim: other", false),
    ("repeats: 1", "repeats: 1.5", false),
    ("repeats: 1", "repeats: -1", false),
    ("stratify: tag", "stratify: none", true),
    ("max_increase: 2pp", "max_increase: 2%", false),
    ("max_increase: 10%", "max_increase: 250%", true),
    ("max_increase: 10%", "max_increase: 10pp", false),
    ("max: $40", "max: 40.5", true),
    ("max: $40", "max: 40 EUR", false),
    ("max: 15s", "max: 15", false),
    ("max: 15s", "max: 500ms", true),
    ("failure_rate: {max_increase: 4pp}", "cost_per_1k: {max: $4}", false),
    ("freeze: {until: 2026-12-07, reason:", "freeze: {until: 2026-12-07, raeson:", false),
    ("until: 2026-12-07", "until: next week", false),
    ("freeze: {until: 2026-12-07, reason: \"model mix frozen while we measure\"}", "freeze:", true),
    ("inconclusive: fail ", "inconclusive: lean ", true),
    ("inconclusive: fail ", "inconclusive: maybe ", false),
    ("refusals: fail", "refusals: pass", true),
    ("kind: google,", "kind: gogle,", false),
    ("rate: 60/min", "rate: 60", false),
    ("rate: 60/min", "rate: 1.5/s", true),
    ("api_key_env: [STUDIO_KEY]", "api_key_env: STUDIO_KEY", true),
    ("price: {\"v1\": $0.042, \"v2\": 0.019}", "price: 0", true),
    ("    price: {\"v1\": $0.042, \"v2\": 0.019}\n", "", false),
    ("    url: \"http://127.0.0.1:8080/generate\"\n", "", false),
    ("retries: 3", "retires: 3", false),
    ("api_key_env: STABILITY_API_KEY", "headers: {}", false),
    ("text: {ignore: [case, width, punctuation]}", "text: true", true),
    ("dimensions: {tolerance: 1%}", "dimensions: {tolerence: 1%}", false),
];

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema = policy_schema(&VOCABULARY);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for text in [FULL, TEN_LINES] {
        let errors: Vec<_> = validator.iter_errors(&json_of(text)).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    for (from, to, good) in CHANGES {
        assert!(FULL.contains(from), "{from}");
        let text = FULL.replacen(from, to, 1);
        let reading = read_policy(Source { path: "presscheck.yaml", text: &text }, &VOCABULARY);
        assert_eq!(reading.value.is_some(), good, "the reader, on `{to}`: {:?}", reading.problems);
        assert_eq!(validator.is_valid(&json_of(&text)), good, "the schema, on `{to}`");
    }
}

/// Every table of a schema, with an instance path to a place in the full example.
#[test]
fn an_unknown_key_is_refused_in_every_table() {
    let validator = jsonschema::validator_for(&policy_schema(&VOCABULARY)).unwrap();
    let full = json_of(FULL);
    let mut pointers = Vec::new();
    tables("", &full, &mut pointers);
    let mut refused = 0;
    for pointer in pointers {
        // Tables whose keys are the user's own.
        let own = ["/limits/by_tag", "/providers", "/price", "/headers", "/palette"];
        if own.iter().any(|end| pointer.ends_with(end)) {
            continue;
        }
        let mut changed = full.clone();
        let table = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        table.insert("unknwon".to_owned(), Value::from(1));
        assert!(!validator.is_valid(&changed), "{pointer}");
        let text = changed.to_string();
        let reading = read_policy(Source { path: "p.json", text: &text }, &VOCABULARY);
        assert_eq!(reading.problems.errors(), 1, "{pointer}: {:?}", reading.problems);
        refused += 1;
    }
    assert!(refused >= 20, "{refused}");
}

fn tables(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.push(path.to_owned());
            map.iter().for_each(|(key, value)| tables(&format!("{path}/{key}"), value, found));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                tables(&format!("{path}/{index}"), item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schema_of_models_accepts_what_the_reader_accepts() {
    let validator = jsonschema::validator_for(&models_schema()).unwrap();
    let source = ModelSource { file: "m.yaml".parse().unwrap(), map: None };
    for (text, good) in [
        ("models: {a: {provider: p, model: m}}", true),
        (
            "models: {a: {provider: p, model: m, params: {x: [1]}, then: [{model: n}], task: edit}}",
            true,
        ),
        ("models: {a: {provider: p, model: m, params:}}", true),
        ("models: {a: {provider: p}}", false),
        ("models: {a: {provider: p, model: m, prams: {}}}", false),
        ("models: {a: {provider: p, model: m, then: [{provider: q}]}}", false),
        ("models: {a: {provider: p, model: m, task: draw}}", false),
        ("models: []", false),
        ("model: {}", false),
    ] {
        let reading = read_models(Source { path: "m.yaml", text }, &source);
        assert_eq!(reading.value.is_some(), good, "the reader: {text}: {:?}", reading.problems);
        assert_eq!(validator.is_valid(&json_of(text)), good, "the schema: {text}");
    }
}

#[test]
fn every_key_has_a_description() {
    fn walk(path: &str, schema: &Value) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            if value.is_object() && key != "body" {
                let text = value["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.') || text.ends_with('`'), "{path}: {text:?}");
            }
            walk(&path, value);
        }
        for key in ["items", "additionalProperties", "then"] {
            if schema[key].is_object() {
                walk(&format!("{path}.{key}"), &schema[key]);
            }
        }
        for key in ["anyOf", "allOf"] {
            for branch in schema[key].as_array().into_iter().flatten() {
                walk(path, branch);
            }
        }
    }
    walk("", &policy_schema(&VOCABULARY));
    walk("", &models_schema());
}

#[test]
fn the_reference_names_every_key_with_its_default() {
    let reference = reference_markdown(&policy_schema(&VOCABULARY));
    insta::assert_snapshot!(reference);
}

#[test]
fn a_page_without_a_place_for_the_reference_is_left_alone() {
    let page = "# Page\n<!-- reference x: begin (generated from the schema) -->\nold\n<!-- reference x: end -->\nrest\n";
    let new = with_reference(page, "x", "new\n").unwrap();
    assert!(
        new.contains("\n\nnew\n\n<!--") && new.ends_with("-->\nrest\n") && !new.contains("old")
    );
    assert_eq!(with_reference(&new, "x", "new").as_deref(), Some(new.as_str()));
    assert_eq!(with_reference("no markers", "x", "new"), None);
}

/// The page for users. The reference of checks and provider kinds on it comes from the registries, which
/// live above this crate's policy; here it is held to all the rest.
fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_has_every_key_with_its_default_and_meaning() {
    let page = page();
    let nothing = Vocabulary { checks: &[], providers: &[], terms: TERMS };
    let reference = reference_markdown(&policy_schema(&nothing));
    let mut rows = 0;
    // What the kinds are is the registry's to say.
    for row in reference.lines().filter(|row| !row.starts_with("| `kind` |")) {
        assert!(
            page.contains(row),
            "docs/policy.md lacks, or says otherwise than the schema:\n{row}"
        );
        rows += 1;
    }
    assert!(rows > 80, "{rows}");
}

/// `UPDATE_DOCS=1` writes the page's reference of the model file anew.
#[test]
fn the_page_s_reference_of_the_model_file_is_the_schema_s() {
    let page = page();
    let new = with_reference(&page, "models", &reference_markdown(&models_schema())).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
        std::fs::write(path, &new).unwrap();
    } else {
        assert_eq!(page, new, "run the tests with UPDATE_DOCS=1, and look at what changes");
    }
}

#[test]
fn the_page_s_examples_are_read() {
    let page = page();
    let examples: Vec<_> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [short, full, models, mapped] = examples[..] else { panic!("four examples") };
    assert_eq!(short, TEN_LINES);
    let full_policy = read_policy(Source { path: "presscheck.yaml", text: full }, &VOCABULARY);
    assert!(full_policy.problems.is_empty(), "{:#?}", full_policy.problems);
    let source = ModelSource { file: "m.yaml".parse().unwrap(), map: None };
    let reading = read_models(Source { path: "m.yaml", text: models }, &source);
    assert!(reading.problems.is_empty(), "{:#?}", reading.problems);
    let (_, rest) = short.split_once('\n').unwrap();
    let text = format!("{mapped}{rest}");
    let reading = read_policy(Source { path: "presscheck.yaml", text: &text }, &VOCABULARY);
    assert!(reading.value.unwrap().model.map.is_some());
    // The full example shows every key there is, at the top and below.
    let schema = policy_schema(&VOCABULARY);
    let shown = json_of(full);
    for (key, table) in schema["properties"].as_object().unwrap() {
        assert!(!shown[key].is_null(), "{key}");
        for inner in table["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
            assert!(key == "checks" || !shown[key][inner].is_null(), "{key}.{inner}");
        }
    }
}
