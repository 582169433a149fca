//! What Stability's API hears and says.

use serde_json::{Value, json};

use super::{LOCKED, MOST, SPAN};
use crate::providers::job::is_name;
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Pace, Rehearsal, Request, file, ratio, reply,
};
use crate::providers::{Reply, Stage, multipart};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn pace(&self) -> Option<Pace> {
        Some(Pace { count: MOST, span: SPAN, lockout: LOCKED })
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, path) = request.path.split_once("/v2beta/")?;
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method, parts.as_slice()) {
            ("POST", ["stable-image", folder, name]) => Some(form(folder, name, request)),
            ("GET", ["results", id]) if is_name(id) => Some(Ok(Heard::Poll((*id).to_owned()))),
            _ => None,
        }
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        match act {
            Act::Picture { bytes, media_type, .. } => {
                file(bytes, media_type).with("finish-reason", "SUCCESS").with("seed", 7)
            }
            Act::Accepted { job } => reply(200, &json!({"id": job})),
            Act::Pending { job } => reply(202, &json!({"id": job, "status": "in-progress"})),
            Act::NoJob => error(404, "not_found", "No such result."),
            // What comes with it is blurred; a rehearsal sends a picture of the size of a stamp.
            Act::Refused(Stage::Output) => {
                file(&BLURRED, "image/png").with("finish-reason", "CONTENT_FILTERED")
            }
            Act::Refused(_) => error(403, "content_moderation", "Your request was flagged."),
            Act::Empty => reply(200, &json!({})),
            Act::RateLimited(_) => {
                error(429, "rate_limit_exceeded", "You have exceeded the rate limit.")
            }
            Act::BadKey => error(401, "unauthorized", "The key is missing or wrong."),
            Act::OutOfCredit => error(402, "payment_required", "You lack sufficient credits."),
            // Of most models the name is a part of the address.
            Act::NoModel if draft.model.starts_with("sd3") => {
                error(400, "bad_request", "model: unknown model")
            }
            Act::NoModel => error(404, "not_found", "The requested resource was not found."),
            Act::BadRequest(words) => error(400, "bad_request", words),
            Act::Address { .. } | Act::ServerFault => {
                error(500, "internal_error", "An unexpected error occurred.")
            }
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage, Upscale};

        const EXAMPLES: &[Example] = &[
            Example::new("sd3.5-large-turbo", TextToImage),
            Example::new("sd3.5-large", Edit).with(r#"{"strength": 0.6, "cfg_scale": 4}"#),
            Example::new("core", TextToImage),
            Example::new("upscale-fast", Upscale).wordless(),
            Example::new("upscale-conservative", Upscale),
            Example::new("upscale-creative", Upscale),
            Example::new("edit-inpaint", Edit).masked(),
            Example::new("edit-erase", Edit).wordless().masked(),
            Example::new("edit-remove-background", Edit).wordless(),
            Example::new("control-sketch", Edit),
        ];
        EXAMPLES
    }
}

/// A grey picture of one pixel.
static BLURRED: bytes::Bytes = bytes::Bytes::from_static(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\xdac\x68\0\0\0\x82\0\x81w\xcdr\xb6\0\0\0\0IEND\xaeB`\x82",
);

fn error(status: u16, name: &str, words: &str) -> Reply {
    reply(status, &json!({"id": "4b1f2c", "name": name, "errors": [words]}))
}

fn form(folder: &str, name: &str, request: &Request<'_>) -> Result<Heard, String> {
    let parts = multipart::read(request.header("content-type").unwrap_or_default(), request.body)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| part(name).map(|it| String::from_utf8_lossy(&it.body).into_owned());
    let model = match (folder, name) {
        ("generate", "sd3") => text("model").unwrap_or_else(|| "sd3.5-large".to_owned()),
        ("generate", name) => name.to_owned(),
        (folder, name) => format!("{folder}-{name}"),
    };
    let wordless =
        matches!(model.as_str(), "upscale-fast" | "edit-remove-background" | "edit-erase");
    let prompt = text("prompt").unwrap_or_default();
    match (prompt.is_empty(), wordless) {
        (true, false) => return Err("prompt: required".to_owned()),
        (false, true) => return Err("prompt: not a field of this endpoint".to_owned()),
        _ => {}
    }
    if folder != "generate" && part("image").is_none() {
        return Err("image: required".to_owned());
    }
    let seed = text("seed").map(|seed| seed.parse().map_err(|_| "seed: not a number"));
    let size = |name: &str| text(name).and_then(|ratio_text| ratio(&ratio_text));
    let strength: Option<Value> =
        text("strength").and_then(|text| serde_json::from_str(&text).ok());
    if strength
        .is_some_and(|value| value.as_f64().is_none_or(|value| !(0.0..=1.0).contains(&value)))
    {
        return Err("strength: must be from 0 to 1".to_owned());
    }
    Ok(Heard::Draw(Draft {
        prompt: if wordless { name.to_owned() } else { prompt },
        delivery: if model == "upscale-creative" { Delivery::Job } else { Delivery::Inline },
        model,
        seed: seed.transpose()?,
        aspect: size("aspect_ratio"),
        media_type: match text("output_format").as_deref() {
            Some("jpeg") => Some("image/jpeg"),
            Some("webp") => Some("image/webp"),
            _ => Some("image/png"),
        },
        image: part("image").map(|part| part.body.clone()),
        ..Draft::default()
    }))
}
