use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::testing::{FULL, TEN_LINES, VOCABULARY};
use crate::policy::types::{Claim, OnInconclusive, Price, StopWhen, Stratify, Task};
use crate::policy::{Severity, render_all};
use crate::units::{Seed, Usd};

const TOML: &str = r#"model = "models.toml"
prompts = ["a.txt", {file = "b.jsonl", tags = ["x"]}]
budget = "$10"
[limits]
failure_rate = {max_increase = "1pp"}
[freeze]
until = 2026-12-07
reason = "quiet days"
[providers.studio]
kind = "http"
url = "https://images.example.com/"
price = {"v1" = 0.042, "*" = "$0.1"}
"#;

fn read(text: &str) -> Reading<Policy> {
    read_policy(Source { path: "presscheck.yaml", text }, &VOCABULARY)
}

fn good(text: &str) -> Policy {
    let reading = read(text);
    assert!(reading.problems.is_empty(), "{:#?}", reading.problems);
    reading.value.unwrap()
}

fn render(text: &str) -> String {
    let source = Source { path: "presscheck.yaml", text };
    let reading = read(text);
    assert_eq!(reading.value.is_none(), reading.problems.has_errors());
    render_all(&[(source, &reading.problems)], "no request was sent", false)
}

/// Every problem in a line, for files that have more than are drawn.
fn list(text: &str) -> String {
    let reading = read(text);
    let problems = reading.problems.sorted();
    let lines = problems.iter().map(|problem| format!("{}: {}", problem.span, problem.message));
    lines.collect::<Vec<_>>().join("\n")
}

/// The messages for the short policy with some lines at its end, errors and warnings alike.
fn messages(more: &str) -> Vec<String> {
    let reading = read(&format!("{TEN_LINES}{more}"));
    reading.problems.sorted().iter().map(|problem| problem.message.clone()).collect()
}

#[test]
fn a_ten_line_policy_has_defaults_that_suit_most_teams() {
    assert_eq!(TEN_LINES.lines().count(), 10);
    let policy = good(TEN_LINES);
    assert_eq!(
        policy.sample,
        SamplePolicy {
            claim: Claim::Suite,
            repeats: 1,
            max: 400,
            batch: 16,
            stop: StopWhen::Verdict,
            stratify: Stratify::Tag,
            seed: Seed(7),
        }
    );
    assert_eq!(policy.limits.failure_rate.max_increase.as_ref().unwrap().value.to_string(), "2pp");
    assert_eq!(policy.limits.failure_rate.max, None);
    assert_eq!(
        (&policy.limits.cost_per_1k.max_increase, &policy.limits.cost_per_1k.max),
        (&None, &None)
    );
    assert_eq!(policy.limits.unavailable.value.to_string(), "5%");
    assert_eq!(policy.errors.let_bad_through.to_string(), "5%");
    assert_eq!(policy.inconclusive, OnInconclusive::Fail);
    assert_eq!(policy.budget.to_string(), "$25.00");
    assert_eq!(policy.baseline_max_age, Duration::from_secs(14 * 86_400));
    assert!(policy.prompts[0].text_from_prompt);
    let studio = &policy.providers["studio"];
    assert_eq!((studio.concurrency, studio.retries, studio.retry_unknown), (4, 3, false));
    assert_eq!((studio.timeout, studio.rate_per_minute), (Duration::from_secs(60), None));
    assert_eq!(studio.price.as_ref().unwrap().of("any"), "$0.042".parse().ok());
    let checks: Vec<_> = policy.checks.iter().map(|check| check.name).collect();
    assert_eq!(checks, ["decode", "dimensions"]);
}

#[test]
fn every_key_is_read() {
    let policy = good(FULL);
    assert_eq!(policy.prompts[1].tags, ["adversarial"]);
    assert!(!policy.prompts[1].text_from_prompt);
    let limits = &policy.limits;
    assert_eq!(limits.failure_rate.max.as_ref().unwrap().value.to_string(), "5%");
    assert_eq!(limits.cost_per_1k.max_increase.as_ref().unwrap().value, 0.1);
    assert_eq!(limits.cost_per_1k.max.as_ref().unwrap().value, "$40".parse::<Usd>().unwrap());
    assert!(limits.cost_per_1k.strict && !limits.latency_p95.strict);
    assert_eq!(limits.latency_p95.max.as_ref().unwrap().value, Duration::from_secs(15));
    assert_eq!(limits.by_tag[0].0, "typography");
    let freeze = policy.freeze.as_ref().unwrap();
    assert_eq!(freeze.until, jiff::civil::date(2026, 12, 7));
    assert_eq!(policy.providers["google"].rate_per_minute, Some(60.0));
    let studio = &policy.providers["studio"];
    assert_eq!(studio.hosts, ["cdn.example.com"]);
    assert_eq!(studio.params, ["steps", "cfg_*"]);
    let Some(Price::ByModel(prices)) = &studio.price else { panic!("a table of prices") };
    assert_eq!(prices[1], ("v2".to_owned(), "0.019".parse().unwrap()));
    assert_eq!(policy.allow[1].tasks, [Task::Upscale]);
    let checks: Vec<_> = policy.checks.iter().map(|check| check.name).collect();
    assert_eq!(checks, ["decode", "dimensions", "text", "palette"]);
}

#[test]
fn json_and_toml_are_policies_too() {
    let tree = parse(Source { path: "p.yaml", text: FULL }, Format::Yaml).value.unwrap();
    let json = serde_json::to_string_pretty(&tree.to_json()).unwrap();
    let reading = read_policy(Source { path: "presscheck.json", text: &json }, &VOCABULARY);
    assert!(reading.problems.is_empty(), "{:#?}", reading.problems);
    assert_eq!(reading.value.unwrap().allow, good(FULL).allow);
    assert!(
        read_policy(Source { path: "presscheck.toml", text: TOML }, &VOCABULARY).value.is_some()
    );
    let toml = "model = 'm.toml'\nprompts = ['a.txt']\n[providers.g]\nkind = 'google'\nurl = 1\n";
    let reading = read_policy(Source { path: "presscheck.toml", text: toml }, &VOCABULARY);
    let problems = reading.problems.sorted();
    assert_eq!((problems.len(), problems[0].span.line, problems[0].span.column), (1, 5, 7));
}

#[test]
fn what_determines_an_answer_is_in_the_fingerprint_and_nothing_else() {
    let policy = good(FULL);
    assert_eq!(
        policy.providers["studio"].fingerprint,
        json!({
            "headers": {"authorization": "Bearer ${STUDIO_KEY}"},
            "hosts": ["cdn.example.com"],
            "kind": "http",
            "url": "http://127.0.0.1:8080/generate",
        })
    );
    let other = FULL.replace("timeout: 60s", "timeout: 9s").replace("$0.042", "$0.05");
    assert_eq!(
        good(&other).providers["studio"].fingerprint,
        policy.providers["studio"].fingerprint
    );
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let text = r#"version: 2
model: {file: models.ini, map: {provider: gen/vendor, model: /gen/model}}
prompts:
  - file: prompts/a.jsonl
    tags: [ok, ""]
  - prompts/a.jsonl
  - ../outside.txt
  - prompts/b.docx
sample: {repeats: 0, max: 1e9, batch: 0, claim: modle}
limits:
  failure_rate: {max_incraese: 2pp, max: 5}
  cost_per_1k: {max_increase: 2pp, max: 40 dollars}
  latency_p95: {max: 15, strict: yes}
  by_tag: {typography: {cost_per_1k: {max: $4}}}
errors: {block_good: 0%}
freeze: {until: 2026-13-01, reason: " "}
inconclusive: maybe
budget: $0
budget: $5
providers:
  studio:
    kind: htpp
    url: http://images.example.com/generate
  plain:
    kind: http
    url: http://images.example.com/generate
    api_key_env: sk-abcdef
    headers: {authorization: "Bearer sk-abcdef", accept: image/png}
    hosts: [https://cdn.example.com]
    concurrency: 1000
    rate: 60
    style_preset: x
    params: [seed]
models: {allow: [{provider: stduio, model: "*", tasks: [draw]}]}
checks: {dimension: {}, text: {ignore: case}}
"#;
    insta::assert_snapshot!("drawn", render(text));
    insta::assert_snapshot!("all", list(text));
    assert!(read(text).problems.errors() >= 40, "{}", read(text).problems.errors());
}

#[test]
fn a_second_round_of_mistakes_is_reported_in_plain_words() {
    let text = r#"model: models.yaml
prompts: []
sample: {repeats: 0, max: 200000, batch: 0}
limits:
  failure_rate: {max_increase: -1pp, strict: true}
  by_tag: {typography: {failure_rate: {}}}
errors: {block_good: 0%, let_bad_through: 50%}
freeze: {until: 2026-12-07, reason: " "}
budget: $0
providers:
  nokey: {kind: http, url: "http://images.example.com/generate", price: $0}
  keyed: {kind: http, url: "http://images.example.com/generate", api_key_env: A_KEY}
  inside: {kind: google, url: "https://me:pw@example.com/?key=abc#top"}
  odd: {kind: google, url: "ftp://example.com", timeout: 2h, retries: 21}
  not: {kind: google, url: "images/generate", body: x}
  bad name: {kind: google, url: "https://${HOST}/", hosts: ["*.example.com", 10.0.0.1]}
"#;
    insta::assert_snapshot!(list(text));
}

#[test]
fn limits_that_cannot_bind_and_rules_that_match_nothing_are_warned_of() {
    let text = FULL
        .replace("{max_increase: 2pp, max: 5%}", "{max_increase: 60pp, max: 0%}")
        .replace("unavailable:  {max: 5%}", "unavailable:  {max: 100%}")
        .replace("{\"v1\": $0.042, \"v2\": 0.019}", "{\"v*\": $0.042, \"v2\": 0.019}")
        .replace("model: \"gemini-*-image\", tasks: [text-to-image]", "model: \"*\"")
        .replace("provider: stability, model: \"*\"", "provider: google, model: \"x-*\"");
    let reading = read(&text);
    assert!(reading.value.is_some(), "warnings stop nothing");
    insta::assert_snapshot!(render(&text));
}

#[test]
fn small_samples_are_told_what_they_cannot_see() {
    assert_eq!(
        messages("sample: {max: 100}\nlimits: {failure_rate: {max_increase: 2pp}}\n"),
        ["100 pairs can't see a difference of 2pp, unless they are the whole prompt set"]
    );
    assert!(messages("sample: {max: 150}\n").is_empty());
}

#[test]
fn a_failure_limit_of_ones_own_replaces_the_default() {
    let policy = good(&format!("{TEN_LINES}limits: {{failure_rate: {{max: 5%}}}}\n"));
    assert_eq!(policy.limits.failure_rate.max_increase, None);
    let policy = good(&format!("{TEN_LINES}limits: {{cost_per_1k: {{max: $40}}}}\n"));
    assert!(policy.limits.failure_rate.max_increase.is_some());
}

#[test]
fn loopback_is_this_machine_and_nothing_else_is() {
    for host in
        ["127.0.0.1", "127.8.9.1:80", "localhost:1", "[::1]:8080", "api.localhost", "LOCALHOST"]
    {
        let text = TEN_LINES.replace("https://images.example.com", &format!("http://{host}"));
        let reading = read(&text);
        assert!(!reading.problems.has_errors(), "{host}: {:?}", reading.problems);
    }
    for host in ["localhost.example.com", "10.0.0.1", "0.0.0.0", "127.0.0.1.nip.io", "[::2]"] {
        let text = TEN_LINES
            .replace("https://images.example.com/generate", &format!("\"http://{host}/\""));
        let problems = read(&text).problems;
        assert!(
            problems.sorted()[0].message.contains("over http to a host that is not this machine"),
            "{host}: {problems:?}"
        );
    }
}

#[test]
fn checks_are_switched_by_true_and_false() {
    let policy = good(&format!("{TEN_LINES}checks: {{dimensions: false, text: true, palette:}}\n"));
    let checks: Vec<_> = policy.checks.iter().map(|check| check.name).collect();
    assert_eq!(checks, ["decode", "text", "palette"]);
}

#[test]
fn empty_and_missing_parts_are_named() {
    assert_eq!(
        read("version: 1\n")
            .problems
            .sorted()
            .iter()
            .map(|p| p.message.as_str())
            .collect::<Vec<_>>(),
        [
            "the key `model` is missing",
            "the key `prompts` is missing",
            "the key `providers` is missing"
        ]
    );
    let text = TEN_LINES.replace("    price: $0.042\n", "");
    assert_eq!(
        read(&text).problems.sorted()[0].message,
        "the provider `studio` has no `price`, so no budget could hold"
    );
    let nothing = "model: a.yaml\nprompts: [a.txt]\nproviders: {}\n";
    assert_eq!(read(nothing).problems.sorted()[0].message, "there is no provider");
}

#[test]
fn a_rule_covers_another_only_where_that_is_certain() {
    assert!(covers("*", "a?b*") && covers("a*", "a*b") && covers("x", "x"));
    assert!(!covers("a?", "a*") && !covers("ab*", "a*") && !covers("a", "b"));
}

#[test]
fn a_key_that_was_pasted_is_not_repeated_in_messages() {
    let text = TEN_LINES.replace("api_key_env: STUDIO_KEY", "api_key_env: sk-live-0123");
    let problems = read(&text).problems;
    assert!(problems.has_errors());
    assert!(!format!("{problems:?}").contains("sk-live"));
    assert!(!render(&text).contains("sk-live"), "{}", render(&text));
    let text = TEN_LINES.replace("Bearer ${STUDIO_KEY}", "Bearer sk-live-0123");
    assert!(!render(&text).contains("sk-live"), "{}", render(&text));
    let text = TEN_LINES.replace("/generate", "/generate?api_key=sk-live-0123");
    assert!(!render(&text).contains("sk-live"), "{}", render(&text));
}

#[test]
fn rules_have_a_number_that_a_reader_could_follow() {
    let rules = "    - {provider: studio, model: m}\n".repeat(1001);
    assert_eq!(
        messages(&format!("models:\n  allow:\n{rules}")),
        ["a list or table of rules may have 1000 entries, and this has 1001"]
    );
    let prices: String = (0..1001).map(|n| format!("m{n}: $1, ")).collect();
    let text = TEN_LINES.replace("price: $0.042", &format!("price: {{{prices}}}"));
    assert!(read(&text).problems.sorted()[0].message.contains("may have 1000 entries"));
    let providers: String = (0..1001).map(|n| format!("  p{n}: {{kind: google}}\n")).collect();
    assert!(read(&format!("{TEN_LINES}{providers}")).problems.sorted()[0].message.contains("1002"));
}

/// A policy with some characters changed, doubled or removed.
fn mutated() -> impl Strategy<Value = (&'static str, String)> {
    let tree = parse(Source { path: "p.yaml", text: FULL }, Format::Yaml).value.unwrap();
    let json = serde_json::to_string_pretty(&tree.to_json()).unwrap();
    let texts = vec![
        ("presscheck.yaml", FULL.to_owned()),
        ("presscheck.yaml", TEN_LINES.to_owned()),
        ("presscheck.json", json),
        ("presscheck.toml", TOML.to_owned()),
    ];
    let edits = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            0_usize..12,
            "[\\s{}\\[\\]:,\"'&*!|>%$#a-z0-9\\-\u{202e}é]{0,4}",
        ),
        1..8,
    );
    (prop::sample::select(texts), edits).prop_map(|((path, text), edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len() + 1);
            let to = (at + remove).min(chars.len());
            chars.splice(at..to, insert.chars());
        }
        (path, chars.into_iter().collect())
    })
}

proptest! {
    #[test]
    fn no_mutation_panics((path, text) in mutated()) {
        let source = Source { path, text: &text };
        let reading = read_policy(source, &VOCABULARY);
        prop_assert_eq!(reading.value.is_none(), reading.problems.has_errors());
        let shown = reading.problems.render(source, true);
        prop_assert_eq!(shown.is_empty(), reading.problems.is_empty());
        for problem in reading.problems.sorted() {
            prop_assert!(problem.severity == Severity::Error || problem.help.is_some());
        }
    }

    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        let source = Source { path: "presscheck.yaml", text: &text };
        let _ = read_policy(source, &VOCABULARY).problems.render(source, false);
    }
}
