//! A prompt set; the first byte picks the format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presscheck_core::checks::all_expectations;
use presscheck_core::prompts::{PromptFile, read_prompts};

fuzz_target!(|bytes: &[u8]| {
    let names = ["a.txt", "a.jsonl", "a.csv", "a.tsv", "a.yaml"];
    let Some((first, rest)) = bytes.split_first() else { return };
    let name = names[usize::from(*first) % names.len()];
    let path = name.parse().unwrap();
    let file = PromptFile { path: &path, bytes: rest, tags: &[], text_from_prompt: true };
    let set = read_prompts(&[file], &all_expectations());
    for case in &set.cases {
        assert!(!case.id.is_empty() && !case.prompt.is_empty() && !case.prompt.contains('\0'));
    }
});
