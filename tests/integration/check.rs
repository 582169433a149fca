//! `presscheck check` as a process: what people read, what machines read, and how it ends.

use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("presscheck"));
    command.env_clear().current_dir(folder).arg("check").args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with two good pictures of 64×48, a black one, and a file that is none.
fn pictures() -> TempDir {
    let folder = TempDir::new().unwrap();
    let save = |name: &str, ink: &dyn Fn(u32, u32) -> [u8; 3]| {
        let path = folder.path().join(name);
        RgbImage::from_fn(64, 48, |x, y| Rgb(ink(x, y))).save(path).unwrap();
    };
    save("a.png", &|x, y| [(x * 4) as u8, (y * 5) as u8, 90]);
    save("b.png", &|x, y| [200, (x * 3) as u8, (y * 4) as u8]);
    save("black.png", &|_, _| [0; 3]);
    std::fs::write(folder.path().join("page.png"), "<html>sorry</html>").unwrap();
    folder
}

#[test]
fn nobody_is_asked_and_that_is_said() {
    let folder = pictures();
    let policy = |require: bool| {
        let text = format!(
            r#"{{"version": 1, "model": "models.yaml", "prompts": ["p.txt"], "budget": "$1",
            "limits": {{"failure_rate": {{"max": "5%"}}}},
            "providers": {{"eyes": {{"kind": "openai", "url": "http://127.0.0.1:9", "price": "$1"}}}},
            "checks": {{
                "judge": {{"provider": "eyes", "model": "m", "questions": [{{"ask": "A dog?"}}], "require": {require}}},
                "safety": {{"moderation": {{"provider": "eyes", "model": "m"}}, "require": {require}}},
                "command": {{"run": ["sh", "-c", "touch ran"], "require": {require}}}
            }}}}"#
        );
        std::fs::write(folder.path().join("presscheck.yaml"), text).unwrap();
    };
    policy(false);
    let open = check(folder.path(), &["--json", "a.png"]);
    assert_eq!(open.status.code(), Some(0), "{}", said(&open));
    let document: Value = serde_json::from_slice(&open.stdout).unwrap();
    let findings = document["images"][0]["findings"].as_array().unwrap();
    let of = |name: &str| findings.iter().find(|it| it["check"] == name).unwrap();
    for (name, message) in [
        ("judge", "“A dog?” was not asked: `presscheck check` asks nobody, `presscheck gate` does"),
        (
            "safety",
            "the moderation was not asked: `presscheck check` asks nobody, `presscheck gate` does",
        ),
        (
            "command",
            "the program was not run: `presscheck check` asks nobody, `presscheck gate` does",
        ),
    ] {
        assert_eq!(of(name)["result"], "skipped");
        assert_eq!(of(name)["message"], message);
    }
    policy(true);
    let strict = check(folder.path(), &["a.png"]);
    assert_eq!(strict.status.code(), Some(2), "{}", said(&strict));
    for name in ["judge", "safety", "command"] {
        let words = format!("check `{name}` can't judge: `presscheck check` asks nobody");
        assert!(said(&strict).contains(&words), "{}", said(&strict));
    }
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn files_are_told_in_the_order_given_and_the_exit_code_is_the_answer() {
    let folder = pictures();
    let good = check(folder.path(), &["b.png", "a.png"]);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(good.stdout.is_empty());
    let all = check(folder.path(), &["page.png", "b.png", "black.png", "a.png"]);
    assert_eq!(all.status.code(), Some(1));
    insta::assert_snapshot!(said(&all));
    let json = check(folder.path(), &["--json", "page.png", "b.png", "black.png"]);
    assert_eq!(json.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    let images: Vec<_> = document["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| format!("{} {}", image["file"], image["outcome"]))
        .collect();
    assert_eq!(
        images,
        ["\"page.png\" \"broken\"", "\"b.png\" \"passed\"", "\"black.png\" \"failed\""]
    );
    let finding = &document["images"][2]["findings"][1];
    assert_eq!((&finding["check"], &finding["result"]), (&"blank".into(), &"fail".into()));
}

#[test]
fn a_picture_is_explained_by_another_one() {
    let folder = pictures();
    let made = check(folder.path(), &["black.png", "page.png", "a.png", "--explain", "out/why"]);
    assert_eq!(made.status.code(), Some(1), "{}", said(&made));
    insta::assert_snapshot!(said(&made));
    let drawn = image::open(folder.path().join("out/why/black.explained.png")).unwrap();
    assert!(drawn.height() > 288, "{}", drawn.height());
    let files = std::fs::read_dir(folder.path().join("out/why")).unwrap().count();
    assert_eq!(files, 2, "what is no picture has nothing to draw on");
    let blocked = check(folder.path(), &["a.png", "--explain", "a.png"]);
    assert_eq!(blocked.status.code(), Some(2), "{}", said(&blocked));
    assert!(said(&blocked).contains("nothing was checked"), "{}", said(&blocked));
    let json = check(folder.path(), &["--json", "a.png", "--explain", "out"]);
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["images"][0]["explained"], "out/a.explained.png");
}

#[test]
fn what_can_t_be_used_is_named_all_at_once() {
    let folder = pictures();
    std::fs::create_dir(folder.path().join("more")).unwrap();
    let output = check(folder.path(), &["a.png", "none.png", "more", "no\u{1b}[31mne.png"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(said(&output));
    let no_policy = check(folder.path(), &["a.png", "--case", "poster"]);
    assert_eq!(no_policy.status.code(), Some(2));
    insta::assert_snapshot!(said(&no_policy));
}

#[test]
fn a_case_of_the_policy_says_what_is_expected() {
    let folder = pictures();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "presscheck.yaml",
        "model: models.yaml\nprompts: [cases.jsonl]\nlimits: {failure_rate: {max: 5%}}\nbudget: $1\nproviders:\n  studio: {kind: http, url: \"http://127.0.0.1:9/generate\", price: {\"*\": $0.01}}\nchecks:\n  decode: {max_bytes: 4096}\n",
    );
    write(
        "cases.jsonl",
        "{\"id\": \"poster-017\", \"prompt\": \"a poster\", \"expect\": {\"aspect_ratio\": \"3:4\"}}\n{\"id\": \"wide\", \"prompt\": \"a strip\", \"expect\": {\"aspect_ratio\": \"4:3\"}}\n",
    );
    let wrong = check(folder.path(), &["a.png", "--case", "poster-017"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    assert!(said(&wrong).contains("fail    dimensions: "), "{}", said(&wrong));
    let right = check(folder.path(), &["a.png", "--case", "wide"]);
    assert_eq!(right.status.code(), Some(0), "{}", said(&right));
    let unknown = check(folder.path(), &["a.png", "--case", "poster-071"]);
    assert_eq!(unknown.status.code(), Some(2));
    insta::assert_snapshot!(said(&unknown));
    // Far over the limit of the policy, and sparse: it is not read to its end.
    std::fs::File::create(folder.path().join("huge.png")).unwrap().set_len(1 << 40).unwrap();
    let huge = check(folder.path(), &["huge.png"]);
    assert_eq!(huge.status.code(), Some(1), "{}", said(&huge));
    assert!(said(&huge).starts_with("BROKEN  huge.png\n"), "{}", said(&huge));
    let absent = check(folder.path(), &["a.png", "--policy", "other.yaml"]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(
        said(&absent).contains("there is no policy other.yaml; nothing was checked"),
        "{}",
        said(&absent)
    );
}
