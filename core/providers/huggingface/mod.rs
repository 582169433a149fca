//! The kind `huggingface`: pictures by Hugging Face's own inference (`hf-inference` behind its router), and by a dedicated
//! Inference Endpoint.
//!
//! Wire: `{"inputs", "parameters"}` as JSON; the answer is the file. An edit sends the picture as base64 in `inputs`, and the
//! prompt among the parameters. Errors are `{"error", "estimated_time", "warnings"}`, where `error` is a text or a list of
//! texts; 503 with `estimated_time` while a model is loaded. Source: the package huggingface_hub 2.4.0
//! (`inference/_providers/hf_inference.py`, `_client.py`).

mod server;

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::http::{encode, fault, of_download};
use super::registry::Kind;
use super::{Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Step, json};
use crate::policy::{Provider, ProviderVocabulary, Task};

/// Hugging Face's own inference, behind the router of all its providers.
const DEFAULT_URL: &str = "https://router.huggingface.co/hf-inference";

/// The longest that a model is waited for while it is loaded.
const LONGEST_LOADING: f64 = 3_600.0;

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "huggingface",
        doc: "Hugging Face's own inference, or a dedicated Inference Endpoint by `url`: pictures and edits.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &["router.huggingface.co"],
        params: &[
            "negative_prompt",
            "width",
            "height",
            "num_inference_steps",
            "guidance_scale",
            "scheduler",
            "target_size",
        ],
        list_price: None,
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "hf-inference")?;
    Ok(Box::new(HuggingFace { base, key: super::one_key(provider)? }))
}

/// The router, or an endpoint.
#[derive(Clone, Debug)]
struct HuggingFace {
    base: Url,
    key: Option<String>,
}

impl HuggingFace {
    /// Where a model is asked: a dedicated endpoint has but one.
    fn address(&self, model: &str) -> Result<Url, String> {
        if self.base.path_segments().and_then(|mut parts| parts.next_back()) != Some("hf-inference")
        {
            return Ok(self.base.clone());
        }
        let parts: Vec<&str> = model.split('/').collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = |part: &&str| {
            part.chars().all(plain) && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        if parts.len() > 2 || !parts.iter().all(is_name) {
            return Err(format!(
                "`{}` is no model of Hugging Face: write `owner/name`",
                crate::inert::one_line(model, 80)
            ));
        }
        super::below(&self.base, &[&["models"], parts.as_slice()].concat())
    }
}

impl Dialect for HuggingFace {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let mut parameters = Map::new();
        parameters.insert("seed".to_owned(), order.seed_31().into());
        let inputs = match (order.task, order.image) {
            (Task::Upscale, _) => return Err("Hugging Face's inference has no upscaler".to_owned()),
            (Task::Edit, None) => return Err("an edit needs the case's `image`".to_owned()),
            (_, None) => order.prompt.to_owned(),
            // A picture that goes along with a prompt is what an edit is.
            (_, Some(image)) => {
                parameters.insert("prompt".to_owned(), order.prompt.into());
                encode(image)
            }
        };
        if order.mask.is_some() {
            return Err(
                "Hugging Face's inference takes no mask: say in the prompt what is to change"
                    .to_owned(),
            );
        }
        json::add_params(&mut parameters, order)?;
        // What draws as PNG loses nothing on the way; the default is a JPEG.
        let mut headers = vec![json::plain("accept", "image/png")];
        headers.extend(json::keyed("authorization", "Bearer ", self.key.as_ref()));
        let body = serde_json::json!({"inputs": inputs, "parameters": parameters});
        json::post(self.address(order.model)?, headers, &body)
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        Step::Done(match reply.status {
            200..=299 => of_download(reply),
            _ => Answer::Fault(failure(reply, json::of(reply).as_ref())),
        })
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        of_download(reply)
    }
}

/// What a failure means.
fn failure(reply: &Reply, json: Option<&Value>) -> Fault {
    let mut fault = fault(reply, json);
    let words = fault.words.to_ascii_lowercase();
    let says = |text: &str| words.contains(text);
    let unserved =
        says("not supported by provider") || says("does not exist") || says("is not deployed");
    match reply.status {
        404 => fault.kind = FaultKind::ModelRetired,
        400 if unserved => fault.kind = FaultKind::ModelRetired,
        503 => {
            let seconds = json.and_then(|json| json.get("estimated_time")?.as_f64());
            let seconds = seconds.filter(|seconds| (0.0..=LONGEST_LOADING).contains(seconds));
            fault.retry_after = seconds.map(Duration::from_secs_f64);
        }
        _ => {}
    }
    fault
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::http::tests::order;
    use crate::providers::rehearsal::reply;

    fn at(url: &str, model: &str) -> Result<String, String> {
        let hub = HuggingFace { base: url.parse().unwrap(), key: None };
        let params = Map::new();
        let call = hub.begin(&Order { model, ..order(&params) })?;
        Ok(call.url.to_string())
    }

    #[test]
    fn a_model_is_a_place_behind_the_router_and_an_endpoint_is_its_own() {
        let schnell = "black-forest-labs/FLUX.1-schnell";
        assert_eq!(
            at(DEFAULT_URL, schnell).unwrap(),
            "https://router.huggingface.co/hf-inference/models/black-forest-labs/FLUX.1-schnell"
        );
        let own = "https://x1y2.eu-west-1.aws.endpoints.huggingface.cloud/";
        assert_eq!(at(own, schnell).unwrap(), own);
        for odd in ["", "a/b/c", "../x", "a/..", "a//b", "a/b?x=1", "a b"] {
            assert!(at(DEFAULT_URL, odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_goes_wrong_is_told_by_status_and_words() {
        let said = |status: u16, body: Value| {
            let reply = reply(status, &body);
            let fault = failure(&reply, json::of(&reply).as_ref());
            let wait = fault.retry_after.map(|wait| format!(" after {wait:?}")).unwrap_or_default();
            format!("{}{wait}: {}", fault.kind.word(), fault.words)
        };
        insta::assert_snapshot!(
            [
                said(503, json!({"error": "Model x/y is currently loading", "estimated_time": 20.5})),
                said(503, json!({"error": "Service Unavailable", "estimated_time": 1e300})),
                said(400, json!({"error": "Model x/y is not supported by provider hf-inference"})),
                said(400, json!({"error": ["Error in `parameters.width`: must be a multiple of 8", "…"]})),
                said(404, json!({"error": "Not Found"})),
                said(402, json!({"error": "You have exceeded your monthly included credits"})),
                said(401, json!({"error": "Invalid username or password."})),
                said(429, json!({"error": "Rate limit reached"})),
                said(500, json!({"error": "CUDA out of memory", "warnings": ["There was an inference error"]})),
            ]
            .join("\n")
        );
    }
}
