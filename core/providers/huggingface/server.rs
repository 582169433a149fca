//! What Hugging Face's router hears and says.

use serde_json::{Value, json};

use crate::providers::http::decode;
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Draft, Heard, Rehearsal, Request, file, reply, whole_seconds,
};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn stages(&self) -> &'static [Stage] {
        &[]
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, model) = request.path.split_once("/hf-inference/models/")?;
        (request.method == "POST").then(|| order(model, request).map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        let error = |status: u16, words: &str| reply(status, &json!({"error": words}));
        match act {
            Act::Picture { bytes, media_type } => file(bytes, media_type),
            Act::Empty => reply(200, &json!([])),
            Act::RateLimited(wait) => {
                error(429, "Rate limit reached. Please log in or use a HF access token")
                    .with("retry-after", whole_seconds(*wait).max(1))
            }
            Act::BadKey => error(401, "Invalid username or password."),
            Act::OutOfCredit => error(
                402,
                "You have exceeded your monthly included credits for Inference Providers.",
            ),
            Act::NoModel => error(
                400,
                &format!("Model {} is not supported by provider hf-inference", draft.model),
            ),
            Act::BadRequest(words) => reply(422, &json!({"error": [words]})),
            _ => {
                let words = format!("Model {} is currently loading", draft.model);
                reply(503, &json!({"error": words, "estimated_time": 20.0}))
            }
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const EXAMPLES: &[Example] = &[
            Example::new("black-forest-labs/FLUX.1-schnell", TextToImage),
            Example::new("black-forest-labs/FLUX.1-Kontext-dev", Edit),
        ];
        EXAMPLES
    }
}

fn order(model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let inputs = body.get("inputs").and_then(Value::as_str).ok_or("`inputs` is missing")?;
    let parameter = |name: &str| body.get("parameters").and_then(|all| all.get(name));
    let side = |name: &str| parameter(name)?.as_u64().and_then(|side| u32::try_from(side).ok());
    let prompt = parameter("prompt").and_then(Value::as_str);
    Ok(Draft {
        prompt: prompt.unwrap_or(inputs).to_owned(),
        model: model.to_owned(),
        seed: parameter("seed").and_then(Value::as_u64),
        size: side("width").zip(side("height")),
        media_type: Some("image/png"),
        image: prompt.and_then(|_| decode(inputs)),
        ..Draft::default()
    })
}
