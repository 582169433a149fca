//! A policy; the first byte picks the format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presscheck_core::policy::{Source, Vocabulary, decode_text, read_policy, render_all};
use presscheck_core::{checks, providers};

fuzz_target!(|bytes: &[u8]| {
    let paths = ["presscheck.yaml", "presscheck.json", "presscheck.toml"];
    let Some((first, rest)) = bytes.split_first() else { return };
    let path = paths[usize::from(*first) % paths.len()];
    let Ok(text) = decode_text(rest) else { return };
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary = Vocabulary { checks: &checks, providers: &kinds, terms: presscheck_core::providers::catalogue::terms };
    let source = Source { path, text };
    let reading = read_policy(source, &vocabulary);
    let rendered = render_all(&[(source, &reading.problems)], "no request was sent", true);
    assert_eq!(rendered.is_empty(), reading.problems.is_empty());
    match reading.value {
        // What can be read can be set up.
        Some(policy) if !reading.problems.has_errors() => {
            assert!(!policy.prompts.is_empty() && !policy.providers.is_empty());
            for provider in policy.providers.values() {
                assert!(providers::open(provider).is_ok(), "{provider:?}");
            }
            let _ = checks::open_all(&policy.checks, &checks::Resources::default());
        }
        Some(_) => {}
        None => assert!(reading.problems.has_errors()),
    }
});
