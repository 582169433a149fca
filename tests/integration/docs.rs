//! The docs and the help texts say what the program does.
//!
//! Tables that are generated are held to the schema; `UPDATE_DOCS=1` writes them anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use presscheck_core::policy::{
    self, ModelSource, Problems, Reading, Source, Vocabulary, models_schema, policy_schema,
    read_models, read_policy, reference_markdown, with_reference,
};
use presscheck_core::{checks, providers};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// README and every page under docs and examples, with its name.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md"), root().join("examples/README.md")];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        paths.push(entry.unwrap().path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    paths
        .iter()
        .map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), read(path)))
        .collect()
}

/// The YAML blocks of a page, with the line that each begins on.
pub(crate) fn yaml_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match &mut open {
            None if line.trim() == "```yaml" => open = Some((index + 2, String::new())),
            Some(_) if line.trim() == "```" => blocks.extend(open.take()),
            Some((_, text)) => *text += &format!("{line}\n"),
            None => {}
        }
    }
    assert!(open.is_none(), "a block of YAML is never closed");
    blocks
}

/// Whether a block has a key at its top level.
fn has(block: &str, key: &str) -> bool {
    block.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}

/// Reads a policy as the gate does; shows what is wrong with it.
pub(crate) fn read(text: &str, place: &str) -> policy::Policy {
    let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &providers, terms: providers::catalogue::terms };
    let source = Source { path: "presscheck.yaml", text };
    let Reading { value, problems } = read_policy(source, &vocabulary);
    assert!(!problems.has_errors(), "{place}:\n{}", problems.render(source, false));
    value.unwrap()
}

/// A fragment of a policy, with the required keys that it leaves out.
pub(crate) fn completed(fragment: &str) -> String {
    let mut text = fragment.to_owned();
    for (key, line) in [
        ("model", "model: imagegen/models.yaml"),
        ("prompts", "prompts: [prompts/stress.jsonl]"),
        (
            "providers",
            "providers: {x: {kind: http, url: \"https://x.example.com/\", price: $0.04}}",
        ),
    ] {
        if !has(fragment, key) {
            text += &format!("{line}\n");
        }
    }
    text
}

#[test]
fn every_yaml_block_of_the_docs_is_read_by_what_it_is_for() {
    let mut counts = [0; 5];
    for (name, page) in pages() {
        for (line, block) in yaml_blocks(&page) {
            let place = format!("{name}:{line}");
            let kind = if has(&block, "on") {
                // A workflow: GitHub reads it; here it must at least be YAML.
                serde_yaml::from_str::<serde_json::Value>(&block).expect(&place);
                0
            } else if block.starts_with("- ") {
                let path = "prompts.yaml".parse().unwrap();
                let file = presscheck_core::prompts::PromptFile {
                    path: &path,
                    bytes: block.as_bytes(),
                    tags: &[],
                    text_from_prompt: true,
                };
                let set =
                    presscheck_core::prompts::read_prompts(&[file], &checks::all_expectations());
                assert!(!set.has_errors() && !set.cases.is_empty(), "{place}: {:?}", set.problems);
                1
            } else if name == "docs/simulator.md" {
                presscheck::simulator::Profile::read(&block).expect(&place);
                2
            } else if has(&block, "models") && !has(&block, "providers") {
                let source = Source { path: "models.yaml", text: &block };
                let model = ModelSource { file: "models.yaml".parse().unwrap(), map: None };
                let reading = read_models(source, &model);
                let problems: Problems = reading.problems;
                assert!(!problems.has_errors(), "{place}:\n{}", problems.render(source, false));
                3
            } else {
                read(&completed(&block), &place);
                4
            };
            counts[kind] += 1;
        }
    }
    // Should the marks ever change, this test must not find nothing and pass.
    assert!(counts[4] >= 10 && counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn the_reference_tables_are_the_schemas_own() {
    let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &providers, terms: providers::catalogue::terms };
    let path = root().join("docs/policy.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut right = page.clone();
    for (name, schema) in [("policy", policy_schema(&vocabulary)), ("models", models_schema())] {
        let table = reference_markdown(&schema);
        right = with_reference(&right, name, &table).expect("the page has marks for each table");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, right).unwrap();
        return;
    }
    let wrong = page.lines().zip(right.lines()).find(|(is, should)| is != should);
    assert!(
        page == right,
        "docs/policy.md is not what the schema says; `UPDATE_DOCS=1 cargo nextest run` writes it anew; first: {wrong:#?}"
    );
}

/// What the program prints, with nothing of the environment.
fn printed(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn help_says_what_each_command_takes() {
    for command in
        ["", "gate", "plan", "simulate", "models", "schema", "demo", "completions", "history"]
    {
        let arguments: Vec<_> =
            [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let (code, text) = printed(&arguments);
        assert_eq!(code, Some(0), "{command}");
        let name = if command.is_empty() { "help".to_owned() } else { format!("help_{command}") };
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_schema_command_prints_the_schema_that_the_docs_are_held_to() {
    let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &providers, terms: providers::catalogue::terms };
    let (code, text) = printed(&["schema"]);
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema, policy_schema(&vocabulary));
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (name, page) in pages() {
        let folder = root().join(&name).parent().unwrap().to_path_buf();
        for (_, rest) in page.match_indices("](").map(|(at, _)| page.split_at(at + 2)) {
            let target = rest.split([')', ' ', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(folder.join(target).exists(), "{name} points to {target}, which is not there");
        }
    }
}

/// The names of the tests in the Rust sources below a folder.
fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // A function counts where one of the attributes right above it makes it a test.
            let (text, mut is_test) = (std::fs::read_to_string(&path).unwrap(), false);
            for line in text.lines().map(str::trim) {
                let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(rest) = function
                    && std::mem::take(&mut is_test)
                {
                    names.extend(rest.split(['(', '<']).next().map(str::to_owned));
                }
            }
        }
    }
}

#[test]
fn what_is_said_of_attackers_is_shown_by_tests_that_exist() {
    let mut tests = BTreeSet::new();
    for folder in ["core", "src", "tests"] {
        tests_below(&root().join(folder), &mut tests);
    }
    assert!(tests.contains("what_is_said_of_attackers_is_shown_by_tests_that_exist"));
    let page = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (mut held, mut all) = (0, 0);
    for table in tables(&page) {
        if table[0].last() != Some(&"shown by") {
            continue;
        }
        held += 1;
        for (at, row) in table.iter().enumerate().skip(1) {
            assert_eq!(row.len(), table[0].len(), "{row:?}");
            assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
            let shown = row[row.len() - 1];
            // The row above it names the test.
            if shown == "the same" && at > 1 {
                continue;
            }
            for name in shown.split(", ") {
                let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
                let name = name.unwrap_or_else(|| panic!("no test is named in {row:?}"));
                let there = tests.contains(name);
                assert!(there, "docs/security.md names the test {name}, which is not there");
                all += 1;
            }
        }
    }
    assert!(held == 3 && all > 45, "{held} tables, {all} tests");
}

/// The tables of a page as rows of cells, the line below the head left out.
fn tables(page: &str) -> Vec<Vec<Vec<&str>>> {
    let mut tables = vec![Vec::new()];
    for line in page.lines() {
        let inner = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
        match inner {
            Some(inner) => {
                tables.last_mut().unwrap().push(inner.split('|').map(str::trim).collect());
            }
            None if line.starts_with("|:") => {}
            None => tables.push(Vec::new()),
        }
    }
    tables.retain(|table: &Vec<Vec<&str>>| !table.is_empty());
    tables
}

/// Every `permissions:` of a workflow, as `name: access`.
fn permissions(workflow: &serde_json::Value, found: &mut BTreeSet<String>) {
    match workflow {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                if key == "permissions" {
                    let listed = value.as_object().expect("permissions are listed one by one");
                    let each = |(name, access): (&String, &serde_json::Value)| {
                        format!("{name}: {}", access.as_str().unwrap())
                    };
                    found.extend(listed.iter().map(each));
                } else {
                    permissions(value, found);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|it| permissions(it, found)),
        _ => {}
    }
}

#[test]
fn every_permission_that_a_workflow_asks_for_is_explained() {
    let mut asked = BTreeSet::new();
    let mut read = |text: &str| permissions(&serde_yaml::from_str(text).unwrap(), &mut asked);
    for folder in [".github/workflows", "examples/storefront/.github/workflows"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            read(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
    }
    for (_, page) in pages() {
        for (_, block) in yaml_blocks(&page).iter().filter(|(_, block)| has(block, "on")) {
            read(block);
        }
    }
    let page = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let explained = tables(&page).into_iter().find(|table| table[0][0] == "permission").unwrap();
    let explained: BTreeSet<String> =
        explained[1..].iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let missing: Vec<_> = asked.difference(&explained).collect();
    assert!(missing.is_empty(), "docs/security.md does not explain {missing:?}");
    assert!(asked.len() >= 8, "{asked:?}");
}
