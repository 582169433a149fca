//! Pictures by `:generateContent`: one picture a call, in `inlineData`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{House, is_refusal};
use crate::policy::Task;
use crate::providers::http::{decode, encode};
use crate::providers::words::{message_in, tidy};
use crate::providers::{Answer, Order, Stage, broken, picture_format, refused};

/// Parameters that Imagen alone takes.
const OF_IMAGEN: [&str; 6] = [
    "safety_setting",
    "guidance_scale",
    "language",
    "negative_prompt",
    "add_watermark",
    "enhance_prompt",
];

/// Parameters of pictures that Gemini's models take on Vertex AI alone.
const OF_VERTEX: [&str; 4] =
    ["person_generation", "prominent_people", "output_mime_type", "compression_quality"];

/// The body of an order. The API has no seed for pictures.
pub(super) fn body(house: House, order: &Order<'_>) -> Result<Value, String> {
    if order.mask.is_some() {
        return Err("Gemini takes no mask: say in the prompt what is to change".to_owned());
    }
    if order.task == Task::Upscale {
        return Err("Gemini has no upscaler: an edit with `image_size: 4K` draws anew".to_owned());
    }
    let mut parts = vec![json!({"text": order.prompt})];
    if let Some(image) = order.image {
        let media_type = format!("image/{}", picture_format(image).unwrap_or("png"));
        parts.push(inline(image, &media_type));
    }
    let mut config = Map::new();
    config.insert("responseModalities".to_owned(), json!(["IMAGE"]));
    let (mut image, mut output) = (Map::new(), Map::new());
    let mut body = json!({"contents": [{"role": "user", "parts": parts}]});
    for (name, value) in order.params {
        let place = match name.as_str() {
            "aspect_ratio" => put(&mut image, "aspectRatio", value),
            "image_size" => put(&mut image, "imageSize", value),
            "thinking_level" => {
                config.insert("thinkingConfig".to_owned(), json!({"thinkingLevel": value}));
                continue;
            }
            "temperature" => put(&mut config, "temperature", value),
            "top_p" => put(&mut config, "topP", value),
            "safety_settings" => {
                if let Some(body) = body.as_object_mut() {
                    body.insert("safetySettings".to_owned(), value.clone());
                }
                continue;
            }
            name if OF_IMAGEN.contains(&name) => {
                return Err(format!(
                    "`{name}` is a parameter of Imagen, which Gemini's models don't take: leave it out"
                ));
            }
            name if OF_VERTEX.contains(&name) && house == House::Gemini => {
                return Err(format!(
                    "`{name}` is a parameter that Gemini's models take on Vertex AI alone: leave it out"
                ));
            }
            "person_generation" => put(&mut image, "personGeneration", value),
            "prominent_people" => put(&mut image, "prominentPeople", value),
            "output_mime_type" => put(&mut output, "mimeType", value),
            "compression_quality" => put(&mut output, "compressionQuality", value),
            // What the policy admits besides goes to the generation's settings, as it is.
            _ => put(&mut config, name, value),
        };
        if !place {
            return Err(format!("the parameter `{name}` is set twice"));
        }
    }
    if !output.is_empty() {
        image.insert("imageOutputOptions".to_owned(), Value::Object(output));
    }
    if !image.is_empty() {
        config.insert("imageConfig".to_owned(), Value::Object(image));
    }
    if let Some(body) = body.as_object_mut() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Ok(body)
}

/// Puts a value under a name; false where the name is taken.
pub(super) fn put(table: &mut Map<String, Value>, name: &str, value: &Value) -> bool {
    table.insert(name.to_owned(), value.clone()).is_none()
}

/// What a success means.
pub(super) fn meaning(json: &Value) -> Answer {
    let Some(candidate) = json.pointer("/candidates/0") else {
        if let Some(reason) = json.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
            let message =
                json.pointer("/promptFeedback/blockReasonMessage").and_then(Value::as_str);
            return refused(Stage::Input, tidy(message.unwrap_or(reason)));
        }
        return match message_in(json) {
            Some(words) => broken("json_error", words),
            None => broken("empty", "an answer without a candidate"),
        };
    };
    let ended = candidate.get("finishReason").and_then(Value::as_str).unwrap_or("STOP");
    let message = candidate.get("finishMessage").and_then(Value::as_str);
    // Models that think send drafts too; they are flagged as thoughts, and are no pictures.
    let parts = || {
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        parts
            .into_iter()
            .flatten()
            .filter(|part| part.get("thought").and_then(Value::as_bool) != Some(true))
    };
    if is_refusal(ended) {
        return refused(Stage::Output, tidy(message.unwrap_or(ended)));
    }
    let picture = parts().filter_map(|part| part.pointer("/inlineData/data")?.as_str()).next_back();
    let Some(picture) = picture else {
        let text: String = parts().filter_map(|part| part.get("text")?.as_str()).collect();
        return match message
            .map(str::to_owned)
            .or_else(|| (!text.trim().is_empty()).then_some(text))
        {
            // A model that declines in words, and one that misunderstood, look alike.
            Some(words) => broken("empty", format!("words and no picture: {}", tidy(&words))),
            None => broken("empty", format!("an answer without a picture ({})", tidy(ended))),
        };
    };
    let media_type = parts()
        .filter_map(|part| part.pointer("/inlineData/mimeType")?.as_str())
        .next_back()
        .map(tidy);
    match decode(picture) {
        Some(bytes) => Answer::Image { bytes, content_type: media_type, cost: None },
        None => broken("bad_base64", "the picture in the answer is no valid base64"),
    }
}

/// A picture as the API sends it.
pub(super) fn inline(bytes: &Bytes, media_type: &str) -> Value {
    json!({"inlineData": {"mimeType": media_type, "data": encode(bytes)}})
}
