//! What Ideogram's API hears and says.

use serde_json::json;

#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Rehearsal, Request, reply, size, whole_seconds,
};
use crate::providers::{Reply, Stage, multipart};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        let (_, key) = request.headers.iter().find(|(name, _)| name == "api-key")?;
        Some(key)
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, rest) = request.path.split_once("/v2/image/")?;
        let (action, model) = rest.split_once('/')?;
        let known = matches!(action, "generate" | "remix" | "inpaint" | "precise-edit");
        (known && request.method == "POST").then(|| form(action, model, request).map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        let error = |status: u16, words: &str| reply(status, &json!({"error": words}));
        let unpaid = |reason: &str| {
            let words = "Your request was rejected by a limit of your account.";
            reply(402, &json!({"error": words, "reject_reason": reason}))
        };
        let picture = |url: Option<&str>, safe: bool| {
            let seed = draft.seed.unwrap_or_default();
            let picture = json!({"url": url, "prompt": draft.prompt, "resolution": "1024x1024",
                "seed": seed, "is_image_safe": safe});
            reply(
                200,
                &json!({"generation_id": "xtdZiqPwRxqY1Y7NExFmzB", "seed": seed, "data": [picture]}),
            )
        };
        match act {
            Act::Address { url } => picture(Some(url), true),
            Act::Refused(Stage::Output) => picture(None, false),
            Act::Refused(_) => error(422, "Prompt or provided image failed the safety checks."),
            Act::Empty => {
                reply(200, &json!({"generation_id": "xtdZiqPwRxqY1Y7NExFmzB", "data": []}))
            }
            Act::RateLimited(wait) => {
                unpaid("inflight_limit").with("retry-after", whole_seconds(*wait).max(1))
            }
            Act::BadKey => error(401, "Unauthorized."),
            Act::OutOfCredit => unpaid("insufficient_funds"),
            Act::NoModel => error(404, "Not found."),
            Act::BadRequest(words) => error(400, words),
            // Pictures are never in the answer.
            _ => error(503, "The service is unavailable."),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const EXAMPLES: &[Example] = &[
            Example::new("ideogram-3", TextToImage)
                .with(r#"{"rendering_speed": "turbo", "style_codes": ["AA", "BB"]}"#),
            Example::new("ideogram-3", Edit)
                .with(r#"{"rendering_speed": "turbo", "style_codes": ["AA", "BB"]}"#),
            Example::new("ideogram-4-5", Edit).masked(),
        ];
        EXAMPLES
    }
}

fn form(action: &str, model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let parts = multipart::read(request.header("content-type").unwrap_or_default(), request.body)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| part(name).map(|it| String::from_utf8_lossy(&it.body).into_owned());
    let image = part("image").map(|part| part.body.clone());
    if action != "generate" && image.is_none() {
        return Err("image: required".to_owned());
    }
    let seed = text("seed").map(|seed| seed.parse().map_err(|_| "seed: not a number"));
    Ok(Draft {
        prompt: text("prompt").filter(|it| !it.is_empty()).ok_or("prompt: required")?,
        model: model.to_owned(),
        seed: seed.transpose()?,
        size: text("size").or_else(|| text("resolution")).and_then(|text| size(&text)),
        // `16x9`
        aspect: text("aspect_ratio").and_then(|text| size(&text)),
        media_type: Some("image/png"),
        image,
        delivery: Delivery::Address,
        ..Draft::default()
    })
}
