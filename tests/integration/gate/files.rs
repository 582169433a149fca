//! Files that are no policy, no model config and no prompt set: told all at once, and nothing is sent.

use serde_json::json;

use super::{MODELS, POLICY, PROMPTS, Ran, Team, good, hero, prompts};

/// Runs with a policy as it is, in a team that is fine otherwise.
async fn judged(team: &Team, path: &str, text: String) -> Ran {
    let mut files =
        vec![(POLICY, team.policy().to_string()), (MODELS, hero("old")), (PROMPTS, prompts(8))];
    let main = match path {
        MODELS => team.commit("main", &[], &files),
        _ => {
            files
                .iter_mut()
                .filter(|file| file.0 == path)
                .for_each(|file| file.1.clone_from(&text));
            team.commit("main", &[], &files)
        }
    };
    files[1].1 = if path == MODELS { text } else { hero("new") };
    team.commit("change", &[&main], &files);
    let ran = team.gate().run().await.ends(2);
    assert!(team.log().is_empty(), "{path}");
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// What was said, without what differs from run to run.
fn said(team: &Team, ran: &Ran) -> String {
    let port = team.server.addr().port().to_string();
    let text = ran.stderr.replace(&port, "PORT");
    let scrub = |word: &str| match word.split_once("main@") {
        Some((before, rest)) => {
            let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            format!("{before}main@COMMIT{}", &rest[end..])
        }
        None => word.to_owned(),
    };
    text.lines().map(scrub).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mistakes_are_told_at_once() {
    let team = Team::new(&good()).await;
    let policy = r##"version: 2
model: {file: ../models.yaml}
prompts:
  - file: prompts.txt
    tag: [a]
sample: {claim: sweet, max: 0, sed: 7}
limits:
  failure_rate: {max_increase: 2%, max: 130%}
  latency_p95: {max: 12}
budget: 25 dollars
providers:
  studio:
    kind: htpp
    url: http://images.example.com/generate
    api_key_env: sk-abcdefghijklmnop
checks:
  dimension: {tolerance: 1%}
"##;
    let ran = judged(&team, POLICY, policy.to_owned()).await;
    insta::assert_snapshot!(said(&team, &ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_of_a_model_file_are_told_at_once() {
    let team = Team::new(&good()).await;
    let models = r#"models:
  hero:
    provider: studoi
    model: newer
    parms: {steps: 3}
  "bad name!": {provider: studio, model: new}
  banner: {provider: studio, model: 7, params: {prompt: x, webhook: "https://evil.example.com"}}
"#;
    let ran = judged(&team, MODELS, models.to_owned()).await;
    insta::assert_snapshot!(said(&team, &ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_of_a_prompt_set_are_told_at_once() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["prompts"] = json!(["prompts.jsonl"]);
    let lines = "{\"prompt\": \"fine\"}\n{\"prompt\": }\n{\"promt\": \"x\"}\n[1]\n{\"prompt\": \"\"}\n{\"prompt\": \"a\", \"expect\": {\"size\": \"big\"}}\n";
    let files = |model| {
        [(POLICY, policy.to_string()), (MODELS, hero(model)), ("prompts.jsonl", lines.to_owned())]
    };
    let main = team.commit("main", &[], &files("old"));
    team.commit("change", &[&main], &files("new"));
    let ran = team.gate().run().await.ends(2);
    assert!(team.log().is_empty());
    insta::assert_snapshot!(said(&team, &ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_are_refused_quickly_and_clearly() {
    let team = Team::new(&good()).await;
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{before}]\n");
    }
    let deep = format!("model: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let fine = team.policy().to_string();
    let twice = format!("budget: $5\n{}budget: $50\n", "version: 1\n");
    for (name, text, words) in [
        ("alias bomb", bomb, "alias"),
        ("NUL bytes", fine.replacen("version", "ver\0sion", 1), "NUL"),
        ("nothing but NUL", "\0".repeat(64), "NUL"),
        ("deep nesting", deep, "recursion limit"),
        ("duplicate keys", twice, "duplicate key `budget`"),
        ("a list", "- 1\n- 2\n".to_owned(), "table"),
        ("a word", "hello".to_owned(), "table"),
        ("nothing", String::new(), "empty"),
        ("two documents", format!("{fine}\n---\n{fine}"), "document"),
    ] {
        let ran = judged(&team, POLICY, text.clone()).await;
        assert!(ran.stderr.contains(words), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("no request was sent"), "{name}: {}", ran.stderr);
        assert!(ran.stderr.len() < 8_000, "{name}: {} bytes of message", ran.stderr.len());
        let ran = judged(&team, MODELS, text).await;
        assert!(ran.stderr.contains("models.yaml"), "{name}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_100_mb_is_not_read() {
    let team = Team::new(&good()).await;
    let folder = team.folder.path().join("large");
    std::fs::create_dir_all(&folder).unwrap();
    let file = std::fs::File::create(folder.join(POLICY)).unwrap();
    file.set_len(100 << 20).unwrap();
    let ran = team.bare().arg("--base").arg(&folder).arg("--head").arg(&folder).run().await.ends(2);
    assert!(ran.stderr.contains("it has 104857600 bytes"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no request was sent"), "{}", ran.stderr);
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_do_not_reach_the_terminal() {
    let team = Team::new(&good()).await;
    let models = json!({"models": {"hero": {"provider": "\u{1b}]0;owned\u{7}::error::x\r\n\u{202e}studio", "model": "new"}}});
    let ran = judged(&team, MODELS, models.to_string()).await;
    assert!(!ran.stderr.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{:?}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_file_or_prompt_set_that_is_missing_is_named() {
    let team = Team::new(&good()).await;
    let policy = team.policy().to_string();
    let main = team.commit("main", &[], &[(POLICY, policy.clone()), (MODELS, hero("old"))]);
    team.commit("change", &[&main], &[(POLICY, policy.clone()), (MODELS, hero("new"))]);
    let ran = team.gate().run().await.ends(2);
    assert!(
        ran.stderr.contains("the prompt set prompts.txt does not exist at main@"),
        "{}",
        ran.stderr
    );
    team.commit("change", &[&main], &[(POLICY, policy)]);
    let ran = team.gate().run().await.ends(2);
    assert!(
        ran.stderr.contains("the model config models.yaml does not exist at change@"),
        "{}",
        ran.stderr
    );
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_read_where_the_policy_is() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["providers"]["comfy"] =
        json!({"kind": "comfyui", "workflow": "flows/a.json", "price": "$0"});
    let flow = |text: &'static str| ("flows/a.json", text.to_owned());
    let fine = r#"{"6": {"class_type": "T", "inputs": {"text": "{{prompt}}, {{seed}}"}}}"#;
    let files =
        |model| vec![(POLICY, policy.to_string()), (MODELS, hero(model)), (PROMPTS, prompts(8))];
    // That the change brings one does not help.
    for (at_main, words) in [
        (vec![], "provider `comfy`: the file flows/a.json does not exist at main@"),
        (
            vec![flow("{}")],
            "provider `comfy`: the workflow flows/a.json can't be run: it never uses",
        ),
    ] {
        let main = team.commit("main", &[], &[files("old"), at_main].concat());
        team.commit("change", &[&main], &[files("new"), vec![flow(fine)]].concat());
        let ran = team.gate().run().await.ends(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert!(ran.stderr.contains("no request was sent"), "{}", ran.stderr);
        assert!(team.log().is_empty());
    }
}
