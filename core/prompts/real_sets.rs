//! Prompt sets of others, where `PRESSCHECK_TEST_DATA` (or `../shared/data` beside the repository) has
//! them; each test says when it has nothing to read.

use std::path::PathBuf;

use serde_json::Value;

use super::{PromptFile, PromptSet, quoted_text, read_prompts};
use crate::checks::all_expectations;

fn data(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("PRESSCHECK_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(path);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        eprintln!("SKIPPED: {} is not there; set PRESSCHECK_TEST_DATA", file.display());
    }
    bytes
}

fn read(name: &str, bytes: &[u8]) -> PromptSet {
    let path = name.parse().unwrap();
    let file = PromptFile { path: &path, bytes, tags: &[], text_from_prompt: true };
    read_prompts(&[file], &all_expectations())
}

#[test]
fn parti_prompts_are_read_with_a_warning_for_columns_of_their_own() {
    let Some(bytes) = data("prompts/parti/PartiPrompts.tsv") else { return };
    let set = read("parti.tsv", &bytes);
    assert!(!set.has_errors());
    assert_eq!(set.cases.len() + set.duplicates.len(), 1632);
    let warned: Vec<_> =
        set.problems[0].1.sorted().iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(warned.len(), 3, "{warned:?}");
    let giggle = set.cases.iter().find(|case| case.prompt.starts_with("\"G I G G L E\"")).unwrap();
    assert_eq!(giggle.expect.get("text"), Some(&serde_json::json!(["G I G G L E"])));
}

#[test]
fn one_quoted_word_of_each_glyph_prompt_is_expected() {
    for name in ["simplebench_top_1000.txt", "creativebench_top_1000.txt"] {
        let Some(bytes) = data(&format!("prompts/glyphcontrol/{name}")) else { return };
        let set = read(name, &bytes);
        assert_eq!(set.cases.len() + set.duplicates.len(), 100, "{name}");
        let without: Vec<_> = set
            .cases
            .iter()
            .filter(|case| {
                case.expect.get("text").and_then(Value::as_array).map(Vec::len) != Some(1)
            })
            .map(|case| &case.prompt)
            .collect();
        assert!(without.is_empty(), "{without:#?}");
    }
}

#[test]
fn geneval_has_no_quotes_and_no_surprise() {
    let Some(bytes) = data("prompts/geneval/generation_prompts.txt") else { return };
    let set = read("geneval.txt", &bytes);
    assert!(set.problems.is_empty());
    assert_eq!(set.cases.len() + set.duplicates.len(), 553);
    assert!(set.cases.iter().all(|case| case.expect.is_empty()));
}

/// The benchmark names the texts of each prompt: an independent judge of the reader of quotes. Full
/// stops and commas inside the marks are a matter of style.
#[test]
fn the_texts_of_long_text_bench_are_found_in_its_prompts() {
    for name in ["text_prompts.jsonl", "text_prompts_zh.jsonl"] {
        let Some(bytes) = data(&format!("prompts/longtext/{name}")) else { return };
        let bare =
            |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
        let (mut found, mut all) = (0_u32, 0_u32);
        for line in std::str::from_utf8(&bytes).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let quoted: Vec<String> = quoted_text(row["prompt"].as_str().unwrap())
                .iter()
                .map(|text| bare(text))
                .collect();
            for text in row["text"].as_array().unwrap() {
                let text = text.as_str().unwrap();
                if text.chars().count() <= 200 {
                    all += 1;
                    found += u32::from(quoted.contains(&bare(text)));
                }
            }
        }
        assert!(all > 700 && found == all, "{name}: {found} of {all}");
    }
}

#[test]
fn keys_of_another_format_are_named() {
    let Some(bytes) = data("prompts/longtext/text_prompts.jsonl") else { return };
    let set = read("long.jsonl", &bytes);
    assert!(set.has_errors());
    let first: Vec<_> =
        set.problems[0].1.sorted().iter().take(5).map(|p| p.message.clone()).collect();
    assert!(first.contains(&"`text` is something that a case expects".to_owned()), "{first:?}");
}
