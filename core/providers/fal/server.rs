//! What fal's queue hears and says. A state and a result are one here: an order that is done is answered with its result, as
//! the second of its addresses does.

use serde_json::{Value, json};

use super::app;
use crate::providers::http::decode;
use crate::providers::job::is_name;
use crate::providers::json::data_uri;
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Draft, Heard, Rehearsal, Request, ratio, reply, whole_seconds,
};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        let headers = request.headers;
        let (_, value) = headers.iter().find(|(name, _)| name == "authorization")?;
        value.strip_prefix("Key ")
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let path = request.path.strip_prefix('/')?;
        match (request.method, path.split_once("/requests/")) {
            ("GET", Some((_, rest))) => {
                let id = rest.strip_suffix("/status").unwrap_or(rest);
                is_name(id).then(|| Ok(Heard::Poll(id.to_owned())))
            }
            ("POST", None) if path.contains('/') => Some(draft(path, request).map(Heard::Draw)),
            _ => None,
        }
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        match act {
            Act::Accepted { job } => reply(200, &state(&draft.model, job, "IN_QUEUE")),
            Act::Pending { job } => reply(202, &state(&draft.model, job, "IN_PROGRESS")),
            Act::Address { url } => reply(200, &made(url, false)),
            Act::Picture { bytes, .. } => reply(200, &made(&data_uri(bytes), false)),
            Act::NoJob => detail(404, "Request not found"),
            // What comes with the flag is black; a rehearsal names a picture of a pixel.
            Act::Refused(Stage::Output) => reply(
                200,
                &made(
                    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAAAAACwAAAAAAQABAAACAkQBADs=",
                    true,
                ),
            ),
            Act::Refused(_) => {
                let problem = json!({"loc": ["body", "prompt"], "msg": "The content was flagged by a content checker.", "type": "content_policy_violation"});
                reply(422, &json!({"detail": [problem]}))
            }
            Act::Empty => reply(200, &json!({"images": [], "seed": 7, "has_nsfw_concepts": []})),
            Act::RateLimited(wait) => detail(429, "Too many concurrent requests.")
                .with("retry-after", whole_seconds(*wait).max(1)),
            Act::BadKey => detail(401, "No user found for the key."),
            Act::OutOfCredit => detail(403, "User is locked. Reason: Exhausted balance."),
            Act::NoModel => detail(404, "Application not found"),
            Act::BadRequest(words) => {
                let problem = json!({"loc": ["body"], "msg": words, "type": "value_error"});
                reply(422, &json!({"detail": [problem]}))
            }
            Act::ServerFault => reply(
                503,
                &json!({"detail": "No runner is free.", "error_type": "runner_scheduling_failure"}),
            ),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage, Upscale};

        const EXAMPLES: &[Example] = &[
            Example::new("fal-ai/flux/dev", TextToImage)
                .with(r#"{"image_size": "square_hd", "guidance_scale": 3.5}"#),
            Example::new("fal-ai/flux-kontext/dev", Edit),
            Example::new("fal-ai/esrgan", Upscale).wordless(),
        ];
        EXAMPLES
    }
}

fn state(model: &str, job: &str, status: &str) -> Value {
    let place = format!("https://queue.fal.run/{}/requests/{job}", app(model).join("/"));
    let (status_url, cancel_url) = (format!("{place}/status"), format!("{place}/cancel"));
    json!({"status": status, "request_id": job, "response_url": place, "status_url": status_url, "cancel_url": cancel_url, "queue_position": 0})
}

fn made(url: &str, flagged: bool) -> Value {
    json!({"images": [{"url": url, "content_type": "image/jpeg"}], "seed": 7, "has_nsfw_concepts": [flagged], "timings": {}})
}

fn detail(status: u16, words: &str) -> Reply {
    reply(status, &json!({"detail": words}))
}

fn draft(model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let side = |name: &str| body.pointer(&format!("/image_size/{name}"))?.as_u64()?.try_into().ok();
    Ok(Draft {
        seed: body.get("seed").and_then(Value::as_u64),
        size: side("width").zip(side("height")),
        aspect: text("aspect_ratio").and_then(ratio),
        media_type: match text("output_format") {
            Some("png") => Some("image/png"),
            _ => Some("image/jpeg"),
        },
        image: text("image_url").and_then(decode),
        // Upscalers are asked without a prompt.
        ..Draft::by_job(model, text("prompt").unwrap_or("upscale"))
    })
}
