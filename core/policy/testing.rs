//! A vocabulary for tests: the policy's reader knows no check and no provider of its own.

use serde_json::{Map, Value, json};

use super::node::{FromNode, Kind, Node};
use super::problem::Problems;
use super::secrets::refuse_literal_secret;
use super::types::{CheckVocabulary, ProviderVocabulary, Settings, Terms, Vocabulary};
use crate::record;
use crate::units::{Cost, Rate, Usd};

record! {
    /// Settings of a check on size and shape.
    pub(super) struct Dimensions {
        /// How far an aspect ratio may be off.
        tolerance: Rate = "1%",
    }
}

record! {
    /// Settings of a check on text.
    pub(super) struct Text {
        /// What makes no difference.
        ignore: Vec<String> = "[]",
    }
}

fn settings<T: FromNode + Send + Sync + 'static>(
    node: &Node,
    problems: &mut Problems,
) -> Option<Settings> {
    T::from_node(node, problems).map(Settings::new)
}

fn any_table() -> Value {
    json!({"type": "object"})
}

const fn check(
    name: &'static str,
    on_by_default: bool,
    read: fn(&Node, &mut Problems) -> Option<Settings>,
    schema: fn() -> Value,
) -> CheckVocabulary {
    let doc = "A check of the tests.";
    CheckVocabulary { name, doc, on_by_default, scoped: true, read, schema, expectations: &[] }
}

static CHECKS: [CheckVocabulary; 5] = [
    check("decode", true, settings::<Node>, any_table),
    check("dimensions", true, settings::<Dimensions>, Dimensions::schema),
    check("text", false, settings::<Text>, Text::schema),
    check("palette", false, settings::<Node>, any_table),
    check("safety", false, settings::<Node>, any_table),
];

/// `http` as the tests know it: `headers` and `body`.
fn read_http(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    if let Some(headers) = node.get("headers") {
        let Kind::Table(entries) = &headers.kind else {
            headers.wrong_type("a table", problems);
            return None;
        };
        for entry in entries {
            if let Kind::Text(value) = &entry.value.kind {
                refuse_literal_secret(&entry.key, value, entry.value.span, problems);
            }
        }
    }
    Some(Settings::new(()))
}

fn read_nothing(_: &Node, _: &[String], _: &mut Problems) -> Option<Settings> {
    Some(Settings::new(()))
}

fn http_schema() -> Value {
    json!({
        "headers": {"type": "object", "description": "Headers to send.", "additionalProperties": {"type": "string"}},
        "body": {"description": "The body to post."},
    })
}

fn no_keys() -> Value {
    json!({})
}

/// A price list by which everything is free.
#[expect(clippy::unnecessary_wraps, reason = "a list's signature")]
const fn free(_: &str, _: &Map<String, Value>) -> Option<Cost> {
    Some(Cost::exact(Usd::ZERO))
}

static PROVIDERS: [ProviderVocabulary; 3] = [
    ProviderVocabulary {
        kind: "http",
        doc: "Any endpoint that takes a prompt and answers an image.",
        keys: &["headers", "body"],
        read: read_http,
        schema: http_schema,
        default_url: None,
        hosts: &[],
        params: &["*"],
        list_price: None,
        answer_first: true,
        draws: true,
        answers: &[],
    },
    ProviderVocabulary {
        kind: "google",
        doc: "Google's image models.",
        keys: &[],
        read: read_nothing,
        schema: no_keys,
        default_url: Some("https://generativelanguage.googleapis.com/v1beta"),
        hosts: &[],
        params: &["aspect_ratio", "image_size"],
        list_price: Some(free),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    ProviderVocabulary {
        kind: "stability",
        doc: "Stability's image models.",
        keys: &[],
        read: read_nothing,
        schema: no_keys,
        default_url: Some("https://api.stability.ai/v2beta"),
        hosts: &[],
        params: &["style_preset"],
        list_price: Some(free),
        answer_first: false,
        draws: true,
        answers: &[],
    },
];

/// The terms of the tests' models.
pub(super) const TERMS: fn(&str, &str) -> Option<Terms> = |kind, model| match (kind, model) {
    ("google", _) => Some(Terms { licence: "Google API terms", commercial: true, note: None }),
    ("stability", "upscale-community") => Some(Terms {
        licence: "Stability Community",
        commercial: false,
        note: Some("up to $1M of revenue"),
    }),
    _ => None,
};

/// The vocabulary of the tests.
pub(super) const VOCABULARY: Vocabulary<'static> =
    Vocabulary { checks: &CHECKS, providers: &PROVIDERS, terms: TERMS };

/// Ten lines, as short as a policy can be.
pub(super) const TEN_LINES: &str = r#"model: imagegen/models.yaml
prompts:
  - prompts/stress.jsonl
providers:
  studio:
    kind: http
    url: https://images.example.com/generate
    headers: {authorization: "Bearer ${STUDIO_KEY}"}
    api_key_env: STUDIO_KEY
    price: $0.042
"#;

/// The example of the docs, with every key.
pub(super) const FULL: &str = r##"version: 1
model:
  file: imagegen/models.yaml      # YAML, JSON or TOML; what pull requests change
prompts:
  - file: prompts/stress.jsonl    # .txt (one a line), .jsonl, .csv, .tsv, .yaml
  - file: prompts/adversarial.txt
    tags: [adversarial]
    text: {from_prompt: false}
sample: {claim: suite, repeats: 1, max: 400, batch: 16, stratify: tag, seed: 7}
limits:
  failure_rate: {max_increase: 2pp, max: 5%}
  cost_per_1k:  {max_increase: 10%, max: $40, strict: true}
  latency_p95:  {max_increase: 25%, max: 15s}
  unavailable:  {max: 5%}
  by_tag: {typography: {failure_rate: {max_increase: 4pp}}}
errors: {let_bad_through: 5%, block_good: 5%}
freeze: {until: 2026-12-07, reason: "model mix frozen while we measure"}
inconclusive: fail                # or pass, or lean
refusals: fail
budget: $25
baseline: {max_age: 14d}
providers:
  google:    {kind: google, api_key_env: GEMINI_API_KEY, concurrency: 8, rate: 60/min}
  stability: {kind: stability, api_key_env: STABILITY_API_KEY}
  studio:
    kind: http
    url: "http://127.0.0.1:8080/generate"
    headers: {authorization: "Bearer ${STUDIO_KEY}"}
    api_key_env: [STUDIO_KEY]
    hosts: [cdn.example.com]
    price: {"v1": $0.042, "v2": 0.019}
    timeout: 60s
    retries: 3
    retry_unknown: true
    params: [steps, "cfg_*"]
models:
  allow:
    - {provider: google, model: "gemini-*-image", tasks: [text-to-image]}
    - {provider: stability, model: "*", tasks: [upscale]}
    - {provider: studio, model: "v?"}
checks:
  dimensions: {tolerance: 1%}
  text: {ignore: [case, width, punctuation]}
  palette: {colors: ["#0A3D91", "#F4B400"], max_delta_e: 8, min_share: 5%, tags: [brand]}
"##;
