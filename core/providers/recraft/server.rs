//! What Recraft's API hears and says.

use serde_json::{Value, json};

use super::UPSCALERS;
use crate::providers::http::encode;
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Draft, Heard, Rehearsal, Request, reply, size, whole_seconds,
};
use crate::providers::{Reply, Stage, multipart};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unknown]
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, name) = request.path.split_once("/v1/images/")?;
        let draft = match (request.method, name) {
            ("POST", "generations") => generation(request),
            ("POST", "imageToImage" | "inpaint") => form("image", None, request),
            ("POST", name) if UPSCALERS.contains(&name) => form("file", Some(name), request),
            _ => return None,
        };
        Some(draft.map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        let error = |status: u16, code: &str, message: &str| {
            reply(status, &json!({"code": code, "message": message}))
        };
        match act {
            Act::Picture { bytes, .. } => success(draft, &json!({"b64_json": encode(bytes)})),
            Act::Address { url } => success(draft, &json!({"url": url})),
            Act::Empty => reply(200, &json!({"created": 1, "credits": 40, "data": []})),
            Act::Refused(_) => {
                error(400, "content_policy_violation", "The prompt was rejected by moderation.")
            }
            Act::RateLimited(wait) => error(429, "too_many_requests", "Too many requests.")
                .with("retry-after", whole_seconds(*wait).max(1)),
            Act::BadKey => error(401, "unauthorized", "Invalid token."),
            Act::OutOfCredit => error(400, "not_enough_credits", "Not enough credits."),
            Act::NoModel => error(400, "model_not_found", "There is no such model."),
            Act::BadRequest(words) => error(400, "invalid_parameter", words),
            _ => error(500, "internal_error", "Something went wrong."),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage, Upscale};

        const EXAMPLES: &[Example] = &[
            Example::new("recraftv4_1", TextToImage),
            Example::new("recraftv3", Edit)
                .with(r#"{"strength": 0.4, "controls": {"no_text": true}}"#),
            Example::new("crispUpscale", Upscale).wordless(),
        ];
        EXAMPLES
    }
}

fn success(draft: &Draft, picture: &Value) -> Reply {
    if UPSCALERS.contains(&draft.model.as_str()) {
        return reply(200, &json!({"created": 1, "credits": 4, "image": picture}));
    }
    reply(200, &json!({"created": 1, "credits": 40, "data": [picture]}))
}

fn generation(request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    Ok(Draft {
        prompt: text("prompt").ok_or("prompt is required")?.to_owned(),
        model: text("model").unwrap_or("recraftv4_1").to_owned(),
        seed: body.get("random_seed").and_then(Value::as_u64),
        size: text("size").and_then(size),
        media_type: Some("image/webp"),
        ..Draft::default()
    })
}

fn form(picture: &str, upscaler: Option<&str>, request: &Request<'_>) -> Result<Draft, String> {
    let parts = multipart::read(request.header("content-type").unwrap_or_default(), request.body)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| part(name).map(|it| String::from_utf8_lossy(&it.body).into_owned());
    let image = part(picture).ok_or_else(|| format!("{picture} is required"))?;
    Ok(Draft {
        prompt: text("prompt").unwrap_or_default(),
        model: upscaler.map(str::to_owned).or_else(|| text("model")).unwrap_or_default(),
        seed: text("random_seed").and_then(|seed| seed.parse().ok()),
        media_type: Some("image/webp"),
        image: Some(image.body.clone()),
        ..Draft::default()
    })
}
