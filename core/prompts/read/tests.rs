use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::checks::all_expectations;
use crate::prompts::Case;

/// Reads files given as (path, content), with quoted text expected.
fn read(files: &[(&str, &[u8])]) -> PromptSet {
    let paths: Vec<RepoPath> = files.iter().map(|(path, _)| path.parse().unwrap()).collect();
    let files: Vec<_> = files
        .iter()
        .zip(&paths)
        .map(|((_, bytes), path)| PromptFile { path, bytes, tags: &[], text_from_prompt: true })
        .collect();
    read_prompts(&files, &all_expectations())
}

fn read_one(path: &str, text: &str) -> PromptSet {
    read(&[(path, text.as_bytes())])
}

fn said(set: &PromptSet) -> String {
    let mut lines = Vec::new();
    for (path, problems) in &set.problems {
        for problem in problems.sorted() {
            let help = problem.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
            let kind =
                if problem.severity == crate::policy::Severity::Error { "" } else { "warning: " };
            lines.push(format!("{path}:{} {kind}{}{help}", problem.span, problem.message));
        }
    }
    lines.join("\n")
}

fn sound(set: PromptSet) -> Vec<Case> {
    assert_eq!(said(&set), "");
    set.cases
}

#[test]
fn every_format_gives_the_same_case() {
    let jsonl = r##"{"id": "poster-017", "prompt": "A poster, that says \"GRAND OPENING\"", "tags": ["typography", "en"],
        "expect": {"text": ["GRAND", "OPENING"], "aspect_ratio": "3:4", "palette": ["#0A3D91"], "refusal": false},
        "image": "uploads/noisy-17.jpg", "mask": "uploads/sky-17.png", "locale": "en"}"##
        .replace('\n', "");
    let csv = "ID,Prompt,tags,text,aspect_ratio,palette,refusal,image,mask,locale\r\n\
        poster-017,\"A poster, that says \"\"GRAND OPENING\"\"\",typography; en,GRAND|OPENING,3:4,#0A3D91,no,uploads/noisy-17.jpg,uploads/sky-17.png,en\r\n";
    let tsv = "id\tprompt\ttags\ttext\taspect_ratio\tpalette\trefusal\timage\tmask\tlocale\n\
        poster-017\tA poster, that says \"GRAND OPENING\"\ttypography;en\tGRAND|OPENING\t3:4\t#0A3D91\tfalse\tuploads/noisy-17.jpg\tuploads/sky-17.png\ten\n";
    let yaml = "- id: poster-017\n  prompt: 'A poster, that says \"GRAND OPENING\"'\n  tags: [typography, en]\n  \
        expect: {text: [GRAND, OPENING], aspect_ratio: 3:4, palette: [\"#0A3D91\"], refusal: false}\n  \
        image: uploads/noisy-17.jpg\n  mask: uploads/sky-17.png\n  locale: en\n";
    let cases = sound(read_one("p.jsonl", &jsonl));
    insta::assert_snapshot!(serde_json::to_string_pretty(&cases).unwrap());
    for (path, text) in [("p.csv", csv), ("p.tsv", tsv), ("p.yaml", yaml)] {
        assert_eq!(sound(read_one(path, text)), cases, "{path}");
    }
}

#[test]
fn a_text_file_is_a_prompt_a_line() {
    let set = read_one(
        "p.txt",
        "\u{FEFF}# our prompts\r\n\r\n  a red fox  \r\n#1 dad mug\n#\n日本の城\n",
    );
    let prompts: Vec<_> = sound(set).into_iter().map(|case| case.prompt).collect();
    assert_eq!(prompts, ["a red fox", "#1 dad mug", "日本の城"]);
}

#[test]
fn ids_follow_from_content_and_not_from_place() {
    let first = sound(read_one("p.txt", "a fox\na \"BIG\" dog\n"));
    let second = sound(read_one("q.yaml", "- a \"BIG\" dog\n- {prompt: a fox, tags: [x]}\n"));
    assert_eq!(first[0].id, second[1].id);
    assert_eq!(first[1].id, second[0].id);
    // Frozen: stored evidence and earlier verdicts name cases by these.
    assert_eq!(first[0].id, "p-a139b40b31e6");
    let other =
        sound(read_one("p.jsonl", r#"{"prompt": "a fox", "expect": {"aspect_ratio": "1:1"}}"#));
    assert_ne!(first[0].id, other[0].id);
}

#[test]
fn quoted_text_is_expected_where_nothing_else_is_said() {
    let text = r#"{"prompt": "says \"A\""}
{"prompt": "says \"B\"", "expect": {"text": []}}
{"prompt": "says \"C\"", "expect": {"text": ["see"]}}
{"prompt": "says \"D\"", "expect": {"refusal": true}}"#;
    let texts: Vec<_> = sound(read_one("p.jsonl", text))
        .iter()
        .map(|case| case.expect.get("text").cloned())
        .collect();
    assert_eq!(texts, [Some(json!(["A"])), Some(json!([])), Some(json!(["see"])), None]);
    let path = "p.txt".parse().unwrap();
    let file = PromptFile { path: &path, bytes: b"says \"A\"", tags: &[], text_from_prompt: false };
    assert!(read_prompts(&[file], &all_expectations()).cases[0].expect.is_empty());
}

#[test]
fn tags_of_the_file_follow_those_of_the_case() {
    let path = "p.yaml".parse().unwrap();
    let tags = ["adversarial".to_owned(), "night".to_owned()];
    let bytes = b"- a\n- {prompt: b, tags: [night, brand, night]}";
    let file = PromptFile { path: &path, bytes, tags: &tags, text_from_prompt: true };
    let cases = sound(read_prompts(&[file], &all_expectations()));
    assert_eq!(cases[0].tags, ["adversarial", "night"]);
    assert_eq!(cases[1].tags, ["night", "brand", "adversarial"]);
}

#[test]
fn every_problem_of_every_file_is_reported_at_once() {
    let jsonl = concat!(
        r#"{"id": "a", "promt": "x", "expect": {"aspect_ratio": "wide", "colour": 1}}"#,
        "\n",
        r#"{"prompt": "", "tags": "x", "locale": "english please", "text": ["y"]}"#,
        "\n",
        r#"{"prompt": "x", "prompt": "y", "image": "../up.png"}"#,
        "\n{\"prompt\": \"x\"\n[1]\n",
        r#"{"prompt": "nul \u0000", "id": ["x"]}"#,
        "\n",
        r#"{"prompt": "half \ud800"}"#,
        "\n",
        r#"{"prompt": "x", "mask": "sky.png"}"#,
    );
    let csv = "prompt,note,refusal\nok,,\n\"a\" b,,\nx,,maybe\n1,2,3,4\n,,\n";
    let yaml = "- prompt: x\n  tags: [1, [2]]\n- 7\n- {prompt: y, expect: {palette: [red]}, id: '\u{202e}x'}\n";
    let set = read(&[
        ("p.jsonl", jsonl.as_bytes()),
        ("p.csv", csv.as_bytes()),
        ("p.yaml", yaml.as_bytes()),
        ("cut.yaml", b"- a\n- {b: "),
        ("latin.txt", b"caf\xe9"),
        ("wide.txt", b"\xff\xfea\0"),
        ("nul.txt", b"a\nb\0c"),
        ("header.csv", b"text,tags\nx,y\n"),
        ("table.yaml", b"prompts: [a]"),
        ("none.txt", b"# nothing\n"),
        ("p.docx", b"PK"),
    ]);
    assert!(set.has_errors());
    insta::assert_snapshot!(said(&set));
}

#[test]
fn long_lines_and_large_files_are_refused() {
    let long = "x".repeat(MAX_PROMPT_BYTES + 1);
    let set = read(&[
        ("a.txt", format!("fine\n{long}\nfine too").as_bytes()),
        ("b.csv", format!("prompt\n{long}\nfine").as_bytes()),
        ("c.yaml", format!("- {long}\n- fine").as_bytes()),
        ("d.txt", &vec![b'x'; MAX_FILE_BYTES + 1]),
    ]);
    insta::assert_snapshot!(said(&set), @"
    a.txt:2:1 the line has 65537 bytes; at most 65536 are read
    b.csv:2:1 the row has 65537 bytes; at most 65536 are read
    c.yaml:1:3 the prompt has 65537 bytes; at most 65536 are read
    d.txt:1:1 the file has 67108865 bytes; at most 67108864 are read | split it, and list the parts under `prompts`
    ");
}

#[test]
fn a_file_of_another_format_does_not_bury_the_reader() {
    let set = read_one("p.jsonl", &"nonsense\n".repeat(5000));
    let problems = &set.problems[0].1;
    assert_eq!(problems.errors(), 101);
    assert!(said(&set).contains("p.jsonl:101:1 over 100 problems"), "{}", said(&set));
}

#[test]
fn the_same_id_for_two_prompts_names_both_places() {
    let set = read(&[
        ("a.jsonl", br#"{"id": "x", "prompt": "a fox"}"#),
        ("b.jsonl", b"\n{\"id\": \"x\", \"prompt\": \"a dog\"}"),
    ]);
    insta::assert_snapshot!(said(&set), @"b.jsonl:2:1 the id `x` is already used for another prompt, at a.jsonl:1 | give each case an id of its own, or none");
}

#[test]
fn a_prompt_that_stands_twice_is_drawn_once_whatever_the_order() {
    let lines = [
        r#"{"prompt": "a fox", "tags": ["zoo"]}"#,
        r#"{"id": "fox", "prompt": "a fox", "tags": ["brand"]}"#,
        r#"{"prompt": "a fox", "tags": ["animals"]}"#,
        r#"{"prompt": "a fox", "expect": {"aspect_ratio": "1:1"}}"#,
    ];
    let set = read_one("p.jsonl", &lines.join("\n"));
    assert_eq!(said(&set), "");
    assert_eq!(set.cases.len(), 2);
    assert_eq!((set.cases[0].id.as_str(), set.cases[0].stratum()), ("fox", "brand"));
    assert_eq!(set.cases[0].tags.len(), 3);
    let shown: Vec<_> = set
        .duplicates
        .iter()
        .map(|twice| format!("{}: {} = {}", twice.id, twice.again, twice.first))
        .collect();
    assert_eq!(shown, ["fox: p.jsonl:2 = p.jsonl:1", "fox: p.jsonl:3 = p.jsonl:1"]);

    let turned: Vec<_> = lines.iter().rev().copied().collect();
    let again = read_one("p.jsonl", &turned.join("\n"));
    let fox = again.cases.iter().find(|case| case.id == "fox").unwrap();
    assert_eq!(fox.stratum(), "brand");
}

#[test]
fn alias_bombs_and_deep_nesting_end_in_a_message() {
    let mut bomb = String::from("- &a [x, x, x, x, x, x, x, x, x, x]\n");
    for level in b'b'..=b'k' {
        let (name, last) = (char::from(level), char::from(level - 1));
        let items = format!("*{last}, ").repeat(10);
        bomb.push_str(&format!("- &{name} [{items}]\n"));
    }
    let deep = format!("- {}", "[".repeat(10_000));
    let deep_json = format!("{{\"prompt\": {}", "[".repeat(10_000));
    for (path, text) in [("a.yaml", &bomb), ("b.yaml", &deep), ("c.jsonl", &deep_json)] {
        let set = read_one(path, text);
        assert!(set.has_errors(), "{path}");
    }
}

#[test]
fn a_hundred_thousand_prompts_are_read() {
    let mut text = String::new();
    for number in 0..100_000 {
        text.push_str(
            &json!({"prompt": format!("a sign that says \"No {number}\""), "tags": ["a"]})
                .to_string(),
        );
        text.push('\n');
    }
    let cases = sound(read_one("p.jsonl", &text));
    assert_eq!(cases.len(), 100_000);
    assert_eq!(cases[99_999].expect.get("text"), Some(&json!(["No 99999"])));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for path in ["a.txt", "a.jsonl", "a.csv", "a.tsv", "a.yaml"] {
            let _ = read(&[(path, &bytes)]);
        }
    }

    #[test]
    fn no_mangled_case_panics(text in r#"[-{}\[\]":,&*!|>#%@`'\\a-c \t\r\n]{0,80}"#) {
        for path in ["a.jsonl", "a.yaml"] {
            let _ = read_one(path, &text);
        }
        let _ = read_one("a.csv", &format!("prompt,tags,expect,text\n{text}"));
        let _ = read_one("a.tsv", &format!("prompt\ttags\trefusal\n{text}"));
    }

    #[test]
    fn any_prompt_survives_every_format(prompt in "[^\0\u{feff}]{1,40}") {
        let json = json!({"prompt": prompt}).to_string();
        let csv = format!("prompt\n\"{}\"\n", prompt.replace('"', "\"\""));
        let yaml = format!("- {}", Value::from(prompt.clone()));
        for (path, text) in [("a.jsonl", &json), ("a.csv", &csv)] {
            let set = read_one(path, text);
            // A blank row of a table is no row.
            if path == "a.csv" && prompt.trim().is_empty() {
                continue;
            }
            prop_assert_eq!(&set.cases[0].prompt, &prompt, "{}: {}", path, said(&set));
        }
        let set = read_one("a.yaml", &yaml);
        if let Some(case) = set.cases.first() {
            prop_assert_eq!(&case.prompt, &prompt);
        } else {
            // YAML has no place for some control characters: refused, never changed.
            prop_assert!(set.has_errors());
        }
    }
}
