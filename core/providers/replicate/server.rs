//! What Replicate's API hears and says.

use serde_json::{Value, json};

use crate::providers::http::decode;
use crate::providers::job::is_name;
use crate::providers::json::data_uri;
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{Act, Draft, Heard, Rehearsal, Request, ratio, reply};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Output, Stage::Unknown]
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, path) = request.path.split_once("/v1/")?;
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method, parts.as_slice()) {
            ("POST", ["models", owner, name, "predictions"]) => {
                Some(draft(&format!("{owner}/{name}"), request).map(Heard::Draw))
            }
            ("POST", ["predictions"]) => {
                let version = request.json().ok();
                let version = version.as_ref().and_then(|body| body.get("version")?.as_str());
                Some(draft(version.unwrap_or_default(), request).map(Heard::Draw))
            }
            ("GET", ["predictions", id]) if is_name(id) => Some(Ok(Heard::Poll((*id).to_owned()))),
            _ => None,
        }
    }

    fn say(&self, _: &Draft, act: &Act<'_>) -> Reply {
        let error = |words: &str| json!({"error": words});
        match act {
            Act::Accepted { job } => reply(201, &prediction(job, "starting", &json!({}))),
            Act::Pending { job } => reply(200, &prediction(job, "processing", &json!({}))),
            Act::Address { url } => {
                let done = json!({"output": [url], "metrics": {"predict_time": 2.5}});
                reply(200, &prediction("order", "succeeded", &done))
            }
            Act::Picture { bytes, .. } => {
                let done = json!({"output": data_uri(bytes), "metrics": {"predict_time": 2.5}});
                reply(200, &prediction("order", "succeeded", &done))
            }
            Act::NoJob => {
                let removed = json!({"data_removed": true});
                reply(200, &prediction("order", "succeeded", &removed))
            }
            Act::Refused(Stage::Output) => {
                let words =
                    "NSFW content detected. Try running it again, or try a different prompt.";
                reply(200, &prediction("order", "failed", &error(words)))
            }
            Act::Refused(_) => {
                let words = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)";
                reply(200, &prediction("order", "failed", &error(words)))
            }
            Act::Empty => reply(200, &prediction("order", "succeeded", &json!({}))),
            Act::RateLimited(wait) => {
                let seconds = crate::providers::rehearsal::whole_seconds(*wait).max(1);
                let words =
                    format!("Request was throttled. Your rate limit resets in ~{seconds}s.");
                problem(429, "Too many requests", &words)
            }
            Act::BadKey => problem(401, "Unauthenticated", "You did not pass a valid token."),
            Act::OutOfCredit => problem(402, "Insufficient credit", "You have no credit left."),
            Act::NoModel => problem(404, "Not found", "The requested resource could not be found."),
            Act::BadRequest(words) => problem(422, "Input validation failed", words),
            Act::ServerFault => problem(503, "Unavailable", "The service is overloaded."),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage, Upscale};

        const EXAMPLES: &[Example] = &[
            Example::new("black-forest-labs/flux-schnell", TextToImage)
                .with(r#"{"go_fast": true, "output_format": "png"}"#),
            Example::new("acme/inpainter", Edit).masked(),
            Example::new("nightmareai/real-esrgan", Upscale).wordless(),
        ];
        EXAMPLES
    }

    #[cfg(test)]
    fn set_up(&self) -> (Option<&'static str>, &'static str) {
        // Each of its models has names of its own.
        (None, r#"{"image_field": "image", "mask_field": "mask", "per_second": "$0.01"}"#)
    }
}

/// A prediction, as it is with what is new of it.
fn prediction(id: &str, status: &str, news: &Value) -> Value {
    let urls = json!({"get": format!("https://api.replicate.com/v1/predictions/{id}")});
    let mut prediction =
        json!({"id": id, "status": status, "output": null, "error": null, "urls": urls});
    if let (Some(members), Some(news)) = (prediction.as_object_mut(), news.as_object()) {
        members.extend(news.clone());
    }
    prediction
}

fn problem(status: u16, title: &str, detail: &str) -> Reply {
    reply(status, &json!({"title": title, "detail": detail, "status": status}))
}

fn draft(model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let input = body.get("input").ok_or("`input` is missing")?;
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let side = |name: &str| input.get(name)?.as_u64()?.try_into().ok();
    Ok(Draft {
        seed: input.get("seed").and_then(Value::as_u64),
        size: side("width").zip(side("height")),
        aspect: text("aspect_ratio").and_then(ratio),
        media_type: match text("output_format") {
            Some("png") => Some("image/png"),
            Some("jpg" | "jpeg") => Some("image/jpeg"),
            _ => Some("image/webp"),
        },
        image: text("image").and_then(decode),
        // Upscalers are asked without a prompt.
        ..Draft::by_job(model, text("prompt").unwrap_or("upscale"))
    })
}
