//! What xAI's API hears and says about pictures.

use serde_json::{Value, json};

use crate::providers::http::{decode, encode};
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Rehearsal, Request, ratio, reply, whole_seconds,
};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server;

/// The class of errors of arguments, and of bad keys.
const INVALID: &str = "Client specified an invalid argument";
/// The class of errors of rights.
const FORBIDDEN: &str = "The caller does not have permission to execute the specified operation";
/// The class of errors of limits.
const EXHAUSTED: &str = "Some resource has been exhausted";

impl Rehearsal for Server {
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Output, Stage::Unknown]
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let edits = request.path.ends_with("/images/edits");
        let draws = edits || request.path.ends_with("/images/generations");
        (request.method == "POST" && draws).then(|| draft(request, edits).map(Heard::Draw))
    }

    fn say(&self, _: &Draft, act: &Act<'_>) -> Reply {
        let usage = json!({"cost_in_usd_ticks": 200_000_000});
        let made = |data: Value| reply(200, &json!({"data": data, "usage": usage}));
        match act {
            Act::Picture { bytes, media_type } => made(
                json!([{"b64_json": encode(bytes), "mime_type": media_type, "respect_moderation": true}]),
            ),
            Act::Address { url } => made(json!([{"url": url, "respect_moderation": true}])),
            Act::Refused(Stage::Output) => {
                let words = "Generated image rejected by content moderation.";
                let body =
                    json!({"code": "imagine:content-moderated", "error": words, "usage": usage});
                reply(400, &body)
            }
            Act::Refused(_) => error(
                403,
                FORBIDDEN,
                "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_VIOLENCE",
            ),
            Act::Empty => made(json!([])),
            Act::RateLimited(wait) => error(429, EXHAUSTED, "Too many requests for the team.")
                .with("retry-after", whole_seconds(*wait).max(1)),
            Act::BadKey => error(400, INVALID, "Incorrect API key provided."),
            Act::OutOfCredit => error(
                403,
                FORBIDDEN,
                "Your team has either used all available credits or reached its monthly spending limit.",
            ),
            Act::NoModel => {
                error(404, "Some requested entity was not found", "The model does not exist.")
            }
            Act::BadRequest(words) => error(400, INVALID, words),
            _ => error(503, "The service is currently unavailable", "The service is overloaded."),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const EXAMPLES: &[Example] = &[
            Example::new("grok-imagine-image", TextToImage)
                .with(r#"{"aspect_ratio": "16:9", "resolution": "2k"}"#),
            Example::new("grok-imagine-image-2.0", Edit),
        ];
        EXAMPLES
    }
}

fn error(status: u16, code: &str, words: &str) -> Reply {
    reply(status, &json!({"code": code, "error": words}))
}

fn draft(request: &Request<'_>, edits: bool) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |place: &str| body.pointer(place).and_then(Value::as_str);
    if let Some(name) =
        ["size", "seed", "mask", "style"].iter().find(|name| body.get(**name).is_some())
    {
        return Err(format!("Argument not supported: {name}"));
    }
    let image = text("/image/url").and_then(decode);
    if edits && image.is_none() {
        return Err("`image` is missing".to_owned());
    }
    Ok(Draft {
        prompt: text("/prompt").ok_or("`prompt` is missing")?.to_owned(),
        model: text("/model").ok_or("`model` is missing")?.to_owned(),
        aspect: text("/aspect_ratio").and_then(ratio),
        media_type: Some("image/jpeg"),
        image,
        delivery: match text("/response_format") {
            Some("b64_json") => Delivery::Inline,
            _ => Delivery::Address,
        },
        ..Draft::default()
    })
}
