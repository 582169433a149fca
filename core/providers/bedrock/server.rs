//! What Bedrock hears and says.

use serde_json::{Value, json};

use super::Wire;
use crate::providers::http::{decode, encode};
#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Draft, Heard, Rehearsal, Request, ratio, reply, whole_seconds,
};
use crate::providers::{Reply, Stage};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    /// The key behind `Bearer`, or the id of the key that signed.
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        request.credentials("Bearer ").or_else(|| {
            let headers = request.headers;
            let (_, value) = headers.iter().find(|(name, _)| name == "authorization")?;
            let (_, credential) = value.split_once("Credential=")?;
            credential.split_once('/').map(|(id, _)| id)
        })
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        let (_, below) = request.path.split_once("/model/")?;
        let model = below.strip_suffix("/invoke").filter(|model| !model.contains('/'))?;
        let model = model.replace("%3A", ":").replace("%2F", "/");
        let draft = match (request.method, Wire::of(&model).ok()?) {
            ("POST", Wire::Stability) => stability(model, request),
            ("POST", Wire::Amazon) => amazon(model, request),
            _ => return None,
        };
        Some(draft.map(Heard::Draw))
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        let said = match Wire::of(&draft.model) {
            Ok(Wire::Amazon) => say_amazon(act),
            _ => say_stability(act),
        };
        said.unwrap_or_else(|| say_error(act))
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::{Edit, TextToImage, Upscale};

        const EXAMPLES: &[Example] = &[
            Example::new("stability.sd3-5-large-v1:0", TextToImage)
                .with(r#"{"strength": 0.6, "cfg_scale": 4}"#),
            Example::new("stability.sd3-5-large-v1:0", Edit)
                .with(r#"{"strength": 0.6, "cfg_scale": 4}"#),
            Example::new("us.stability.stable-fast-upscale-v1:0", Upscale).wordless(),
            Example::new("us.stability.stable-conservative-upscale-v1:0", Upscale),
            Example::new("us.stability.stable-image-inpaint-v1:0", Edit).masked(),
            Example::new("us.stability.stable-image-erase-object-v1:0", Edit).wordless().masked(),
            Example::new("amazon.nova-canvas-v1:0", TextToImage).with(
                r#"{"width": 1024, "height": 512, "cfg_scale": 6.5, "negative_prompt": "fog"}"#,
            ),
        ];
        EXAMPLES
    }

    #[cfg(test)]
    fn set_up(&self) -> (Option<&'static str>, &'static str) {
        (None, r#"{"region": "us-west-2"}"#)
    }
}

fn stability(model: String, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let wordless =
        ["fast-upscale", "remove-background", "erase"].iter().any(|it| model.contains(it));
    let prompt = match text("prompt") {
        Some(prompt) => prompt,
        None if wordless => "a picture alone",
        None => return Err("required key [prompt] not found".to_owned()),
    };
    Ok(Draft {
        prompt: prompt.to_owned(),
        model,
        seed: body.get("seed").and_then(Value::as_u64),
        aspect: text("aspect_ratio").and_then(ratio),
        media_type: match text("output_format") {
            Some("jpeg") => Some("image/jpeg"),
            Some("webp") => Some("image/webp"),
            _ => Some("image/png"),
        },
        image: text("image").and_then(decode),
        ..Draft::default()
    })
}

fn amazon(model: String, request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let side = |name: &str| {
        let number = body.pointer(&format!("/imageGenerationConfig/{name}"))?.as_u64()?;
        u32::try_from(number).ok().filter(|n| (1..=16_384).contains(n))
    };
    let prompt = body.pointer("/textToImageParams/text").and_then(Value::as_str);
    Ok(Draft {
        prompt: prompt.ok_or("required key [text] not found")?.to_owned(),
        model,
        seed: body.pointer("/imageGenerationConfig/seed").and_then(Value::as_u64),
        size: side("width").zip(side("height")),
        media_type: Some("image/png"),
        ..Draft::default()
    })
}

fn say_stability(act: &Act<'_>) -> Option<Reply> {
    let filtered =
        |reason: &str| reply(200, &json!({"seeds": [], "finish_reasons": [reason], "images": []}));
    Some(match act {
        Act::Picture { bytes, .. } => {
            reply(200, &json!({"seeds": [7], "finish_reasons": [null], "images": [encode(bytes)]}))
        }
        Act::Refused(Stage::Output) => filtered("Filter reason: output image"),
        Act::Refused(_) => filtered("Filter reason: prompt"),
        Act::Empty => reply(200, &json!({"seeds": [], "finish_reasons": [null], "images": []})),
        Act::ServerFault => filtered("Inference error"),
        _ => return None,
    })
}

fn say_amazon(act: &Act<'_>) -> Option<Reply> {
    const PROMPT: &str =
        "This request has been blocked by our content filters. Please adjust your text prompt.";
    const PICTURE: &str = "Our system automatically blocked the generated image.";
    Some(match act {
        Act::Picture { bytes, .. } => {
            reply(200, &json!({"images": [encode(bytes)], "error": null}))
        }
        Act::Refused(Stage::Output) => reply(200, &json!({"images": [], "error": PICTURE})),
        Act::Refused(_) => error(400, "ValidationException", PROMPT),
        Act::Empty => reply(200, &json!({"images": []})),
        _ => return None,
    })
}

fn say_error(act: &Act<'_>) -> Reply {
    const NO_MONEY: &str = "Model access is denied due to INVALID_PAYMENT_INSTRUMENT: a valid payment instrument must be provided.";
    match act {
        Act::RateLimited(wait) => error(429, "ThrottlingException", "Too many requests.")
            .with("retry-after", whole_seconds(*wait).max(1)),
        Act::BadKey => error(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Act::OutOfCredit => error(403, "AccessDeniedException", NO_MONEY),
        Act::NoModel => error(
            404,
            "ResourceNotFoundException",
            "This model version has reached the end of its life.",
        ),
        Act::BadRequest(words) => error(400, "ValidationException", words),
        _ => error(503, "ServiceUnavailableException", "Please try again."),
    }
}

fn error(status: u16, name: &str, words: &str) -> Reply {
    reply(status, &json!({"message": words}))
        .with("x-amzn-errortype", format!("{name}:http://internal.amazon.com/coral/"))
}
