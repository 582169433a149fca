//! What a server of OpenAI's kind hears and says about pictures.

use serde_json::{Value, json};

use crate::providers::http::encode;
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Rehearsal, Request, openai_error, reply, size, whole_seconds,
};
use crate::providers::{Reply, Stage, multipart};

/// The server.
pub(super) struct Server {
    /// Whether it is Azure's.
    pub(super) azure: bool,
}

impl Rehearsal for Server {
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        if !self.azure {
            return request.credentials("Bearer ");
        }
        let headers = request.headers;
        headers.iter().find(|(name, _)| name == "api-key").map(|(_, key)| key.as_str())
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let of_deployment = request.path.split_once("/openai/deployments/");
        let (deployment, path) = match of_deployment.and_then(|(_, below)| below.split_once('/')) {
            Some((name, rest)) if self.azure => (Some(name), rest),
            _ => (None, request.path),
        };
        let draft = match (request.method, path) {
            ("POST", path) if path.ends_with("images/generations") => generation(request),
            ("POST", path) if path.ends_with("images/edits") => edit(request),
            _ => return None,
        };
        // The address says which deployment draws, whatever the body calls it.
        let named = |draft: Draft| match deployment {
            Some(name) => Draft { model: name.to_owned(), ..draft },
            None => draft,
        };
        Some(draft.map(named).map(Heard::Draw))
    }

    fn say(&self, _: &Draft, act: &Act<'_>) -> Reply {
        if let Some(reply) = self.azure.then(|| say_azure(act)).flatten() {
            return reply;
        }
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

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const OWN: &[Example] = &[
            Example::new("gpt-image-2", TextToImage)
                .with(r#"{"size": "1024x1024", "quality": "low", "output_compression": 80}"#),
            Example::new("gpt-image-2", Edit)
                .with(r#"{"size": "1024x1024", "quality": "low", "output_compression": 80}"#)
                .masked(),
        ];
        const AZURE: &[Example] = &[
            Example::new("posters", TextToImage)
                .with(r#"{"size": "1024x1024", "quality": "low", "output_compression": 80}"#),
            Example::new("posters", Edit)
                .with(r#"{"size": "1024x1024", "quality": "low", "output_compression": 80}"#)
                .masked(),
        ];
        if self.azure { AZURE } else { OWN }
    }

    #[cfg(test)]
    fn set_up(&self) -> (Option<&'static str>, &'static str) {
        if self.azure { (Some("https://studio.openai.azure.com"), "{}") } else { (None, "{}") }
    }
}

/// What Azure says in a way of its own.
fn say_azure(act: &Act<'_>) -> Option<Reply> {
    const PROMPT: &str = "Your request was rejected as a result of our safety system. Your prompt may contain text that \
                          is not allowed by our safety system.";
    const PICTURE: &str = "Generated image was filtered as a result of our safety system.";
    const NO_ACCESS: &str = "Access denied due to invalid subscription key or wrong API endpoint.";
    let error = |status: u16, code: &str, message: &str| {
        reply(status, &json!({"error": {"code": code, "message": message}}))
    };
    Some(match act {
        Act::Refused(stage) => {
            let (code, message) = match stage {
                Stage::Output => ("contentFilter", PICTURE),
                _ => ("content_policy_violation", PROMPT),
            };
            let results = json!({"violence": {"filtered": true, "severity": "medium"}});
            let inner =
                json!({"code": "ResponsibleAIPolicyViolation", "content_filter_results": results});
            let error = json!({"code": code, "message": message, "type": "invalid_request_error", "inner_error": inner});
            reply(400, &json!({"error": error}))
        }
        Act::RateLimited(wait) => error(429, "RateLimitReached", "Retry after some seconds.")
            .with("retry-after", whole_seconds(*wait).max(1)),
        Act::BadKey => error(401, "401", NO_ACCESS),
        Act::NoModel => error(404, "DeploymentNotFound", "The API deployment does not exist."),
        _ => return None,
    })
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
