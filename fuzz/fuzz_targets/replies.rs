//! What a provider answers: two bytes of status, lines of headers up to an empty one, then the body.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use presscheck_core::policy::{Source, Task, Vocabulary, read_policy};
use presscheck_core::providers::{Dialect, Order, Reply, Step, open};
use presscheck_core::units::{Seed, Usd};
use presscheck_core::{checks, providers};

const POLICY: &str = r#"
model: models.yaml
prompts: [a.txt]
providers:
  plain: {kind: http, url: "https://images.example.com/generate", price: $0.04}
  told:
    kind: http
    url: https://images.example.com/v1/generate
    price: $0.04
    body: {model: "{{model}}", input: {text: "{{prompt}}", seed: "{{seed}}"}}
    response: {url: /job/picture/href}
    refused: {status: [403, 422], pointer: /error/code, values: [E005]}
    cost: {pointer: /usage/cost_usd}
  billed: {kind: http, url: "https://images.example.com/generate", price: $0.04, cost: {header: x-cost-usd}}
  pretend: {kind: simulated, price: $0.04}
  gemini: {kind: google}
  stability: {kind: stability}
  openai: {kind: openai}
  azure: {kind: azure-openai, url: "https://studio.openai.azure.com", price: $0.04}
  vertex: {kind: vertex, project: studio-1}
  bedrock: {kind: bedrock, region: us-west-2}
  bfl: {kind: bfl}
  fal: {kind: fal}
  xai: {kind: xai}
  replicate: {kind: replicate, per_second: $0.001}
  webui: {kind: automatic1111, price: $0}
  hub: {kind: huggingface, price: $0.01}
  ideogram: {kind: ideogram}
  recraft: {kind: recraft}
"#;

/// A model of each provider whose dialect knows its own.
fn model(provider: &str) -> &'static str {
    match provider {
        "gemini" | "vertex" => "gemini-3-pro-image",
        "bedrock" => "stability.sd3-5-large-v1:0",
        "stability" => "sd3.5-large-turbo",
        "openai" => "gpt-image-2",
        "bfl" => "flux-2-pro",
        "xai" => "grok-imagine-image",
        "fal" => "fal-ai/flux/dev",
        "replicate" => "black-forest-labs/flux-schnell",
        "webui" => "sd_xl_base_1.0",
        "hub" => "black-forest-labs/FLUX.1-schnell",
        "ideogram" => "ideogram-3",
        "recraft" => "recraftv3",
        _ => "v1",
    }
}

static DIALECTS: LazyLock<Vec<(&str, Box<dyn Dialect>)>> = LazyLock::new(|| {
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary = Vocabulary { checks: &checks, providers: &kinds, terms: presscheck_core::providers::catalogue::terms };
    let source = Source { path: "presscheck.yaml", text: POLICY };
    let policy = read_policy(source, &vocabulary).value.unwrap();
    policy.providers.values().map(|it| (model(&it.name), open(it).unwrap())).collect()
});

fn reply(bytes: &[u8]) -> Option<Reply> {
    let (status, rest) = bytes.split_first_chunk::<2>()?;
    let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&rest[..end], &rest[end + 2..]),
        None => (&rest[..0], rest),
    };
    let headers = String::from_utf8_lossy(head)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let status = 100 + u16::from_le_bytes(*status) % 500;
    Some(Reply { status, headers, body: Bytes::copy_from_slice(body) })
}

fuzz_target!(|bytes: &[u8]| {
    let Some(reply) = reply(bytes) else { return };
    let params = serde_json::Map::new();
    let prompt = String::from_utf8_lossy(&reply.body);
    for (model, dialect) in DIALECTS.iter() {
        let order = Order {
            model,
            task: Task::TextToImage,
            params: &params,
            prompt: &prompt,
            seed: Seed(7),
            image: None,
            mask: None,
        };
        let call = dialect.begin(&order).unwrap();
        // Whatever the prompt is, it arrives as it was.
        if *model == "v1" {
            let sent: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
            let arrived = sent.get("prompt").or_else(|| sent.pointer("/input/text"));
            assert_eq!(arrived.and_then(serde_json::Value::as_str), Some(&*prompt));
        } else {
            assert!(!call.body.is_empty());
        }
        if let Some(cost) = dialect.cost(model, &reply) {
            assert!(cost.amount >= Usd::ZERO);
        }
        for step in [dialect.understand(&order, &reply), dialect.polled(&order, &reply)] {
            if let Step::Poll(call, _) = step {
                assert!(call.url.has_host());
            }
        }
        let _ = dialect.fetched(&reply);
    }
});
