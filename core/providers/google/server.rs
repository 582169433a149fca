//! What Gemini's API hears and says.

use serde_json::{Value, json};

use super::draw::inline;
use super::is_imagen;
use crate::providers::http::{decode, encode};
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{Act, Draft, Heard, Rehearsal, Request, ratio, reply};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server {
    /// Whether it is Vertex AI's.
    pub(super) vertex: bool,
}

impl Rehearsal for Server {
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        if self.vertex {
            return request.credentials("Bearer ");
        }
        let headers = request.headers;
        headers.iter().find(|(name, _)| name == "x-goog-api-key").map(|(_, key)| key.as_str())
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (before, call) = request.path.rsplit_once("/models/")?;
        if self.vertex != before.ends_with("/publishers/google") {
            return None;
        }
        let (model, method) = call.rsplit_once(':')?;
        let draft = match (request.method, method) {
            ("POST", "generateContent") => content(model, request),
            ("POST", "predict") => prediction(model, request),
            _ => return None,
        };
        Some(draft.map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        if is_imagen(&draft.model) { say_predicted(act) } else { say_content(act) }
            .or_else(|| self.vertex.then(|| say_vertex(&draft.model, act)).flatten())
            .unwrap_or_else(|| say_error(&draft.model, act))
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const OWN: &[Example] = &[
            Example::new("gemini-3-pro-image", TextToImage).with(r#"{"aspect_ratio": "16:9", "image_size": "2K", "thinking_level": "low", "top_p": 0.9, "safety_settings": []}"#),
            Example::new("gemini-3-pro-image", Edit).with(r#"{"aspect_ratio": "16:9", "image_size": "2K", "thinking_level": "low", "top_p": 0.9, "safety_settings": []}"#),
            Example::new("imagen-4.0-generate-001", TextToImage).with(r#"{"aspect_ratio": "3:4", "image_size": "2K", "output_mime_type": "image/jpeg", "person_generation": "dont_allow"}"#),
        ];
        const VERTEX: &[Example] = &[
            Example::new("gemini-3-pro-image", TextToImage).with(r#"{"aspect_ratio": "16:9", "image_size": "2K", "thinking_level": "low", "top_p": 0.9, "safety_settings": []}"#),
            Example::new("gemini-3-pro-image", Edit).with(r#"{"aspect_ratio": "16:9", "image_size": "2K", "thinking_level": "low", "top_p": 0.9, "safety_settings": []}"#),
            Example::new("imagen-4.0-generate-001", TextToImage).with(r#"{"aspect_ratio": "3:4", "image_size": "2K", "output_mime_type": "image/jpeg", "person_generation": "dont_allow"}"#),
        ];
        if self.vertex { VERTEX } else { OWN }
    }

    #[cfg(test)]
    fn set_up(&self) -> (Option<&'static str>, &'static str) {
        if self.vertex {
            (None, r#"{"project": "studio-1", "location": "us-central1"}"#)
        } else {
            (None, "{}")
        }
    }
}

fn content(model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let parts = body.pointer("/contents/0/parts").and_then(Value::as_array);
    let parts = parts.ok_or("`contents[0].parts` is missing")?;
    let prompt = parts.iter().find_map(|part| part.get("text")?.as_str());
    let image = parts.iter().find_map(|part| part.pointer("/inlineData/data")?.as_str());
    let asked = |place: &str| body.pointer(place).and_then(Value::as_str);
    Ok(Draft {
        prompt: prompt.ok_or("there is no part with text")?.to_owned(),
        model: model.to_owned(),
        aspect: asked("/generationConfig/imageConfig/aspectRatio").and_then(ratio),
        image: image.and_then(decode),
        // What Gemini sends where nothing else is asked.
        media_type: Some("image/jpeg"),
        ..Draft::default()
    })
}

fn prediction(model: &str, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let asked = |place: &str| body.pointer(place).and_then(Value::as_str);
    Ok(Draft {
        prompt: asked("/instances/0/prompt").ok_or("`instances[0].prompt` is missing")?.to_owned(),
        model: model.to_owned(),
        aspect: asked("/parameters/aspectRatio").and_then(ratio),
        media_type: match asked("/parameters/outputOptions/mimeType") {
            Some("image/jpeg") => Some("image/jpeg"),
            _ => Some("image/png"),
        },
        ..Draft::default()
    })
}

/// The usage of a picture: what a picture of 1K is, and a prompt of some words.
fn usage(image: u64, thoughts: u64) -> Value {
    json!({
        "promptTokenCount": 12,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
        "candidatesTokenCount": image,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": image}],
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": 12 + image + thoughts,
    })
}

fn say_content(act: &Act<'_>) -> Option<Reply> {
    Some(match act {
        Act::Picture { bytes, media_type, .. } => {
            let thought = json!({"text": "A picture, then.", "thought": true});
            let parts = json!([thought, inline(bytes, media_type)]);
            let candidate = json!({"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0});
            reply(200, &json!({"candidates": [candidate], "usageMetadata": usage(1120, 80)}))
        }
        Act::Refused(Stage::Output) => {
            let candidate = json!({"content": {}, "finishReason": "IMAGE_SAFETY", "finishMessage": "The picture was withheld.", "index": 0});
            reply(200, &json!({"candidates": [candidate], "usageMetadata": usage(0, 0)}))
        }
        Act::Refused(_) => {
            let feedback = json!({"blockReason": "PROHIBITED_CONTENT"});
            reply(200, &json!({"promptFeedback": feedback, "usageMetadata": usage(0, 0)}))
        }
        Act::Empty => {
            let candidate = json!({"content": {"role": "model", "parts": []}, "finishReason": "NO_IMAGE", "index": 0});
            reply(200, &json!({"candidates": [candidate], "usageMetadata": usage(0, 80)}))
        }
        _ => return None,
    })
}

fn say_predicted(act: &Act<'_>) -> Option<Reply> {
    const FILTERED: &str = "The picture was filtered and is not charged. Support codes: 39322892";
    Some(match act {
        Act::Picture { bytes, media_type, .. } => {
            let entry = json!({"bytesBase64Encoded": encode(bytes), "mimeType": media_type});
            reply(200, &json!({"predictions": [entry]}))
        }
        Act::Refused(Stage::Output) => {
            reply(200, &json!({"predictions": [{"raiFilteredReason": FILTERED}]}))
        }
        Act::Refused(_) => error(
            400,
            "INVALID_ARGUMENT",
            "The prompt could not be submitted: sensitive words.",
            None,
        ),
        Act::Empty => reply(200, &json!({})),
        _ => return None,
    })
}

/// What Vertex AI says in a way of its own.
fn say_vertex(model: &str, act: &Act<'_>) -> Option<Reply> {
    Some(match act {
        Act::BadKey => error(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token.",
            None,
        ),
        Act::OutOfCredit => {
            let detail = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"});
            let words = "This API method requires billing to be enabled.";
            error(403, "PERMISSION_DENIED", words, Some(detail))
        }
        Act::NoModel => {
            let words = format!(
                "Publisher Model `projects/studio/locations/global/publishers/google/models/{model}` was not found or your \
                 project does not have access to it."
            );
            error(404, "NOT_FOUND", &words, None)
        }
        _ => return None,
    })
}

fn say_error(model: &str, act: &Act<'_>) -> Reply {
    match act {
        Act::RateLimited(wait) => {
            let delay = format!("{}s", wait.as_secs_f64());
            let detail =
                json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay});
            error(429, "RESOURCE_EXHAUSTED", "Quota exceeded: requests per minute.", Some(detail))
        }
        Act::BadKey => {
            let detail = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"});
            error(400, "INVALID_ARGUMENT", "API key not valid.", Some(detail))
        }
        Act::OutOfCredit => error(402, "RESOURCE_EXHAUSTED", "Prepaid credit is used up.", None),
        Act::NoModel => {
            let words = format!("models/{model} is no longer available.");
            error(404, "NOT_FOUND", &words, None)
        }
        Act::BadRequest(words) => error(400, "INVALID_ARGUMENT", words, None),
        _ => error(503, "UNAVAILABLE", "The model is overloaded.", None),
    }
}

fn error(status: u16, word: &str, message: &str, detail: Option<Value>) -> Reply {
    let details: Vec<Value> = detail.into_iter().collect();
    let error = json!({"code": status, "message": message, "status": word, "details": details});
    reply(status, &json!({"error": error}))
}
