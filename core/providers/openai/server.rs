//! What a server of OpenAI's kind hears and says about pictures.

use serde_json::{Value, json};

use crate::providers::http::encode;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Rehearsal, Request, openai_error, reply, size, whole_seconds,
};
use crate::providers::{Reply, Stage, multipart};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let draft = match (request.method, request.path) {
            ("POST", path) if path.ends_with("/images/generations") => generation(request),
            ("POST", path) if path.ends_with("/images/edits") => edit(request),
            _ => return None,
        };
        Some(draft.map(Heard::Draw))
    }

    fn say(&self, _: &Draft, act: &Act<'_>) -> Reply {
        const USER_ERROR: &str = "image_generation_user_error";
        match act {
            Act::Picture { bytes, .. } => {
                let picture = json!({"b64_json": encode(bytes)});
                reply(200, &json!({"created": 1, "data": [picture], "usage": usage()}))
            }
            Act::Address { url } => reply(200, &json!({"created": 1, "data": [{"url": url}]})),
            Act::Refused(stage) => {
                let stage = if *stage == Stage::Output { "output" } else { "input" };
                let details = json!({"moderation_stage": stage, "categories": ["violence"]});
                let message = "Your request was rejected by the safety system.";
                let error = json!({"message": message, "type": USER_ERROR, "param": null,
                    "code": "moderation_blocked", "moderation_details": details});
                reply(400, &json!({"error": error}))
            }
            Act::Empty => reply(200, &json!({"created": 1, "data": []})),
            Act::RateLimited(wait) => {
                openai_error(429, "requests", "rate_limit_exceeded", "Rate limit reached.")
                    .with("retry-after", whole_seconds(*wait).max(1))
            }
            Act::BadKey => {
                openai_error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key.")
            }
            Act::OutOfCredit => openai_error(
                429,
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota.",
            ),
            Act::NoModel => openai_error(
                404,
                "invalid_request_error",
                "model_not_found",
                "The model does not exist.",
            ),
            Act::BadRequest(words) => {
                openai_error(400, "invalid_request_error", "invalid_value", words)
            }
            _ => openai_error(503, "server_error", "server_error", "The server is overloaded."),
        }
    }
}

/// The usage of one picture of 1024×1024.
fn usage() -> Value {
    json!({
        "input_tokens": 14,
        "input_tokens_details": {"text_tokens": 14, "image_tokens": 0},
        "output_tokens": 1056,
        "total_tokens": 1070,
    })
}

fn media_type(format: Option<&str>) -> Option<&'static str> {
    match format {
        Some("jpeg") => Some("image/jpeg"),
        Some("webp") => Some("image/webp"),
        _ => Some("image/png"),
    }
}

fn generation(request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    Ok(Draft {
        prompt: text("prompt").ok_or("`prompt` is missing")?.to_owned(),
        model: text("model").ok_or("`model` is missing")?.to_owned(),
        seed: body.get("seed").and_then(Value::as_u64),
        size: text("size").and_then(size),
        media_type: media_type(text("output_format")),
        delivery: match text("response_format") {
            Some("url") => Delivery::Address,
            _ => Delivery::Inline,
        },
        ..Draft::default()
    })
}

fn edit(request: &Request<'_>) -> Result<Draft, String> {
    let parts = multipart::read(request.header("content-type").unwrap_or_default(), request.body)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| part(name).map(|it| String::from_utf8_lossy(&it.body).into_owned());
    Ok(Draft {
        prompt: text("prompt").ok_or("`prompt` is missing")?,
        model: text("model").ok_or("`model` is missing")?,
        size: text("size").as_deref().and_then(size),
        media_type: media_type(text("output_format").as_deref()),
        image: Some(part("image").ok_or("`image` is missing")?.body.clone()),
        ..Draft::default()
    })
}
