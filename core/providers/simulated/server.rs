//! What the simulated server hears and says in its own dialect.

use serde_json::{Map, Value, json};

use crate::providers::Reply;
use crate::providers::Stage;
use crate::providers::http::{decode, encode};
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Rehearsal, Request, file, ratio, reply, whole_seconds,
};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let is = (request.method, request.path) == ("POST", "/generate");
        is.then(|| order(request).map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        let data = |picture: Value| {
            reply(200, &json!({"created": draft.seed.unwrap_or(0), "data": [picture]}))
        };
        match act {
            Act::Picture { bytes, .. } if draft.base64 => data(json!({"b64_json": encode(bytes)})),
            Act::Picture { bytes, media_type } => file(bytes, media_type),
            Act::Address { url } => data(json!({"url": url})),
            Act::Refused(stage) => refusal(*stage),
            Act::Empty => reply(200, &json!({"created": 0, "data": []})),
            Act::RateLimited(wait) => error(429, "rate_limited", "Too many requests: slow down.")
                .with("retry-after", whole_seconds(*wait).max(1)),
            Act::BadKey => {
                let words = "The key is missing or wrong: send `Authorization: Bearer KEY`.";
                error(401, "invalid_api_key", words)
            }
            Act::OutOfCredit => error(402, "payment_required", "The credit is used up."),
            Act::NoModel => error(404, "model_not_found", "There is no such model in the profile."),
            Act::NoJob => error(404, "not_found", "There is no such order."),
            Act::BadRequest(words) => error(400, "bad_request", words),
            Act::ServerFault | Act::Accepted { .. } | Act::Pending { .. } => {
                error(502, "bad_gateway", "The model did not answer.")
            }
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage};

        const EXAMPLES: &[Example] =
            &[Example::new("atelier-2", TextToImage), Example::new("atelier-2", Edit)];
        EXAMPLES
    }
}

fn refusal(stage: Stage) -> Reply {
    let (stage, words) = match stage {
        Stage::Output => ("output", "The picture was withheld by the content policy."),
        _ => ("input", "The request was refused by the content policy."),
    };
    let details = json!({"moderation_stage": stage});
    let error = json!({"code": "content_policy", "message": words, "moderation_details": details});
    reply(403, &json!({"error": error}))
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    reply(status, &json!({"error": {"code": code, "message": message}}))
}

/// Reads `POST /generate`. Parameters that the server does not know are ignored, as many vendors do.
fn order(request: &Request<'_>) -> Result<Draft, String> {
    let Value::Object(body) = request.json()? else {
        return Err("the body must be a JSON object".to_owned());
    };
    let prompt = text(&body, "prompt")?.ok_or("`prompt` is missing")?;
    if prompt.is_empty() {
        return Err("`prompt` is empty".to_owned());
    }
    let form = text(&body, "response")?;
    Ok(Draft {
        prompt: prompt.to_owned(),
        model: text(&body, "model")?.ok_or("`model` is missing")?.to_owned(),
        seed: seed(&body)?,
        size: size(&body)?,
        aspect: aspect(&body)?,
        media_type: Some(match text(&body, "format")? {
            None | Some("png") => "image/png",
            Some("jpeg" | "jpg") => "image/jpeg",
            Some("webp") => "image/webp",
            Some(_) => return Err("`format` is one of png, jpeg, webp".to_owned()),
        }),
        image: text(&body, "image")?.and_then(decode),
        delivery: match form {
            None | Some("bytes" | "base64") => Delivery::Inline,
            Some("url") => Delivery::Address,
            Some(_) => return Err("`response` is one of bytes, base64, url".to_owned()),
        },
        base64: form == Some("base64"),
    })
}

/// A text; an absent key or `null` is nothing.
fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` must be text")),
    }
}

fn whole(body: &Map<String, Value>, key: &str) -> Result<Option<u32>, String> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| format!("`{key}` must be a whole number of pixels")),
    }
}

fn seed(body: &Map<String, Value>) -> Result<Option<u64>, String> {
    match body.get("seed") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            value.as_u64().map(Some).ok_or_else(|| "`seed` must be a whole number".to_owned())
        }
    }
}

fn size(body: &Map<String, Value>) -> Result<Option<(u32, u32)>, String> {
    if let Some(text) = text(body, "size")? {
        let sides = text.split_once(['x', '×']).and_then(|(width, height)| {
            Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
        });
        return sides.map(Some).ok_or_else(|| "`size` must be pixels such as 512x512".to_owned());
    }
    match (whole(body, "width")?, whole(body, "height")?) {
        (None, None) => Ok(None),
        (Some(width), Some(height)) => Ok(Some((width, height))),
        _ => Err("`width` and `height` go together".to_owned()),
    }
}

fn aspect(body: &Map<String, Value>) -> Result<Option<(u32, u32)>, String> {
    let Some(text) = text(body, "aspect_ratio")? else { return Ok(None) };
    ratio(text).map(Some).ok_or_else(|| "`aspect_ratio` must be such as 16:9".to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn heard(body: &str) -> Result<Draft, String> {
        let body = Bytes::from(body.to_owned());
        let (method, path, query) = ("POST", "/generate", "");
        let request = Request { method, path, query, headers: &[], body: &body };
        match Server.hear(&request).unwrap()? {
            Heard::Draw(draft) => Ok(draft),
            heard => panic!("{heard:?}"),
        }
    }

    #[test]
    fn what_is_asked_is_heard() {
        let sized = |params: &str| {
            let draft = heard(&format!(r#"{{"prompt": "x", "model": "m"{params}}}"#)).unwrap();
            (draft.size, draft.aspect)
        };
        assert_eq!(sized(""), (None, None));
        assert_eq!(sized(r#", "aspect_ratio": "16:9""#), (None, Some((16, 9))));
        assert_eq!(sized(r#", "width": 300, "height": 200"#), (Some((300, 200)), None));
        assert_eq!(sized(r#", "size": "1024×768""#), (Some((1024, 768)), None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, words) in [
            ("", "no JSON"),
            ("[]", "object"),
            (r#"{"model": "m"}"#, "`prompt` is missing"),
            (r#"{"prompt": "", "model": "m"}"#, "empty"),
            (r#"{"prompt": 1, "model": "m"}"#, "`prompt` must be text"),
            (r#"{"prompt": "x", "model": "m", "seed": -1}"#, "`seed`"),
            (r#"{"prompt": "x", "model": "m", "width": 512}"#, "go together"),
            (r#"{"prompt": "x", "model": "m", "width": -1, "height": 9}"#, "pixels"),
            (r#"{"prompt": "x", "model": "m", "size": "wide"}"#, "512x512"),
            (r#"{"prompt": "x", "model": "m", "aspect_ratio": "0:9"}"#, "16:9"),
            (r#"{"prompt": "x", "model": "m", "format": "bmp"}"#, "`format`"),
            (r#"{"prompt": "x", "model": "m", "response": "ftp"}"#, "`response`"),
        ] {
            let error = heard(body).unwrap_err();
            assert!(error.contains(words), "{body}: {error}");
        }
    }
}
