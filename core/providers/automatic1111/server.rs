//! What a web UI hears and says.

use serde_json::{Value, json};

use crate::providers::http::{decode, encode};
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{Act, Draft, Heard, Rehearsal, Request, reply, whole_seconds};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        request.credentials("Basic ")
    }

    fn stages(&self) -> &'static [Stage] {
        &[]
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, name) = request.path.split_once("/sdapi/v1/")?;
        let draft = match (request.method, name) {
            ("POST", "txt2img" | "img2img") => drawing(request, name == "img2img"),
            ("POST", "extra-single-image") => upscale(request),
            _ => return None,
        };
        Some(draft.map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        match act {
            Act::Picture { bytes, .. } => picture(draft, &draft.model, Some(&encode(bytes))),
            Act::Empty => picture(draft, &draft.model, None),
            // It draws with what it has, and fails for an upscaler that it has not.
            Act::NoModel if is_upscale(draft) => {
                let words = format!("could not find upscaler named {}", draft.model);
                exception(500, "AssertionError", "", &words)
            }
            Act::NoModel => picture(draft, "v1-5-pruned-emaonly", Some("iVBORw0KGgo=")),
            Act::BadKey => exception(401, "HTTPException", "Incorrect username or password", ""),
            Act::BadRequest(words) => {
                let detail =
                    json!([{"loc": ["body", "steps"], "msg": words, "type": "value_error"}]);
                reply(422, &json!({"detail": detail}))
            }
            // A server of one's own neither counts requests nor takes money; a gateway before it may.
            Act::RateLimited(wait) => reply(429, &json!({"detail": "Too many requests"}))
                .with("retry-after", whole_seconds(*wait).max(1)),
            Act::OutOfCredit => reply(402, &json!({"detail": "Payment required"})),
            _ => exception(500, "OutOfMemoryError", "", "CUDA out of memory."),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage, Upscale};

        const EXAMPLES: &[Example] = &[
            Example::new("sd_xl_base_1.0.safetensors", TextToImage),
            Example::new("sd_xl_base_1.0.safetensors", Edit),
            Example::new("R-ESRGAN 4x+", Upscale).with(r#"{"upscaling_resize": 4}"#).wordless(),
        ];
        EXAMPLES
    }
}

/// The order of an upscaler has no prompt.
fn is_upscale(draft: &Draft) -> bool {
    draft.prompt.is_empty()
}

fn picture(draft: &Draft, checkpoint: &str, data: Option<&str>) -> Reply {
    if is_upscale(draft) {
        return reply(200, &json!({"html_info": "", "image": data.unwrap_or_default()}));
    }
    let images: Vec<_> = data.into_iter().collect();
    let info =
        json!({"seed": draft.seed, "sd_model_name": checkpoint, "sd_model_hash": "31e35c80fc"});
    reply(200, &json!({"images": images, "parameters": {}, "info": info.to_string()}))
}

fn exception(status: u16, error: &str, detail: &str, errors: &str) -> Reply {
    reply(status, &json!({"error": error, "detail": detail, "body": "", "errors": errors}))
}

fn drawing(request: &Request<'_>, with_image: bool) -> Result<Draft, String> {
    let body = request.json()?;
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    let side = |name: &str| number(name).and_then(|side| u32::try_from(side).ok()).unwrap_or(512);
    let image = body.pointer("/init_images/0").and_then(Value::as_str);
    if with_image && image.is_none() {
        return Err("Init image not found".to_owned());
    }
    let text = |place: &str| body.pointer(place).and_then(Value::as_str).unwrap_or_default();
    Ok(Draft {
        prompt: text("/prompt").to_owned(),
        model: text("/override_settings/sd_model_checkpoint").to_owned(),
        seed: number("seed"),
        size: Some((side("width").clamp(1, 16_384), side("height").clamp(1, 16_384))),
        media_type: Some("image/png"),
        image: image.and_then(decode),
        ..Draft::default()
    })
}

fn upscale(request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let image = text("image").and_then(decode).ok_or("Invalid encoded image")?;
    Ok(Draft {
        model: text("upscaler_1").unwrap_or("None").to_owned(),
        media_type: Some("image/png"),
        image: Some(image),
        ..Draft::default()
    })
}
