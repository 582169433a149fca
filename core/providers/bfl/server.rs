//! What the API of Black Forest Labs hears and says.

use serde_json::{Value, json};

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
        headers.iter().find(|(name, _)| name == "x-key").map(|(_, key)| key.as_str())
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, path) = request.path.rsplit_once("/v1/")?;
        match request.method {
            "GET" if path == "get_result" => {
                Some(Ok(Heard::Poll(request.asked("id").filter(|id| is_name(id))?)))
            }
            "POST" if path.starts_with("flux") && !path.contains('/') => {
                Some(draft(path, request).map(Heard::Draw))
            }
            _ => None,
        }
    }

    fn say(&self, _: &Draft, act: &Act<'_>) -> Reply {
        match act {
            Act::Accepted { job } => {
                let polling_url = format!("https://api.eu.bfl.ai/v1/get_result?id={job}");
                reply(
                    200,
                    &json!({"id": job, "polling_url": polling_url, "cost": 3.0, "output_mp": 1.0}),
                )
            }
            Act::Pending { job } => {
                let mut said = status("Pending", &Value::Null);
                if let Some(said) = said.as_object_mut() {
                    said.insert("id".to_owned(), (*job).into());
                }
                reply(200, &said)
            }
            Act::Address { url } => {
                reply(200, &status("Ready", &json!({"sample": url, "seed": 7})))
            }
            Act::Picture { bytes, .. } => {
                reply(200, &status("Ready", &json!({"sample": data_uri(bytes), "seed": 7})))
            }
            Act::NoJob => reply(404, &status("Task not found", &Value::Null)),
            Act::Refused(Stage::Output) => reply(200, &status("Content Moderated", &Value::Null)),
            Act::Refused(_) => reply(200, &status("Request Moderated", &Value::Null)),
            Act::Empty => reply(200, &status("Ready", &Value::Null)),
            Act::RateLimited(wait) => detail(429, "Too many active tasks.")
                .with("retry-after", whole_seconds(*wait).max(1)),
            Act::BadKey => detail(403, "Not authenticated - Invalid API key"),
            Act::OutOfCredit => detail(402, "Insufficient credits."),
            Act::NoModel => detail(404, "Not Found"),
            Act::BadRequest(words) => {
                let problem = json!({"loc": ["body"], "msg": words, "type": "value_error"});
                reply(422, &json!({"detail": [problem]}))
            }
            Act::ServerFault => detail(503, "The service is overloaded."),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const EXAMPLES: &[Example] = &[
            Example::new("flux-2-pro", TextToImage).with(
                r#"{"width": 1024, "height": 768, "output_format": "png", "safety_tolerance": 2}"#,
            ),
            Example::new("flux-kontext-pro", Edit),
            Example::new("flux-pro-1.0-fill", Edit).masked(),
        ];
        EXAMPLES
    }
}

fn status(status: &str, result: &Value) -> Value {
    json!({"id": "order", "status": status, "result": result, "progress": null, "details": null})
}

fn detail(status: u16, words: &str) -> Reply {
    reply(status, &json!({"detail": words}))
}

fn draft(model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let side = |name: &str| body.get(name)?.as_u64()?.try_into().ok();
    let image = text("input_image").or_else(|| text("image"));
    Ok(Draft {
        seed: body.get("seed").and_then(Value::as_u64),
        size: side("width").zip(side("height")),
        aspect: text("aspect_ratio").and_then(ratio),
        media_type: match text("output_format") {
            Some("png") => Some("image/png"),
            Some("webp") => Some("image/webp"),
            _ => Some("image/jpeg"),
        },
        image: image.and_then(decode),
        ..Draft::by_job(model, text("prompt").ok_or("`prompt` is missing")?)
    })
}
