//! `presscheck models` as a process: where it prints what, and how it ends.

use std::process::{Command, Output};

use serde_json::Value;

fn models(arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("presscheck"));
    command.env_clear().arg("models").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_list_is_the_document() {
    let all = models(&[]);
    assert_eq!(all.status.code(), Some(0));
    assert!(text(&all.stdout).contains("\n  gpt-image-2*  "), "{}", text(&all.stdout));
    assert!(!text(&all.stdout).contains('\u{1b}') && all.stderr.is_empty());
    let one = models(&["dall-e-3"]);
    assert!(text(&one.stdout).starts_with("DALL·E 3\n"), "{}", text(&one.stdout));
    assert!(text(&one.stdout).contains("retired on 2026-05-12"), "{}", text(&one.stdout));
    let json = models(&["--kind", "google", "--task", "edit", "--json"]);
    assert_eq!((json.status.code(), json.stderr.is_empty()), (Some(0), true));
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    let entries = document["models"].as_array().unwrap();
    assert!(entries.len() >= 5);
    for entry in entries {
        assert!(entry["kinds"].as_array().unwrap().contains(&"google".into()), "{entry}");
        assert!(entry["tasks"].as_array().unwrap().contains(&"edit".into()), "{entry}");
    }
}

#[test]
fn what_is_unknown_is_bad_usage() {
    for (arguments, words) in [
        (["--kind", "gogle"], "unknown kind `gogle`, did you mean `google`?"),
        (["--task", "edti"], "unknown word `edti`, did you mean `edit`?"),
        (["--json", "gpt-imgae-1"], "no listed model fits `gpt-imgae-1`, did you mean"),
    ] {
        let ended = models(&arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        assert!(text(&ended.stderr).contains(words), "{}", text(&ended.stderr));
        if arguments.contains(&"--json") {
            let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
            assert_eq!(document["exit"], 2);
        } else {
            assert!(ended.stdout.is_empty());
        }
    }
}
