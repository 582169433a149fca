//! Imagen by `:predict`. Google retired the family on 2026-08-17; the wire is kept for stored baselines, rehearsals, and
//! for what speaks it.

use serde_json::{Map, Value, json};

use super::draw::put;
use super::is_imagen;
use crate::policy::Task;
use crate::providers::http::{decode, encode};
use crate::providers::words::{message_in, tidy};
use crate::providers::{Answer, Order, Reply, Stage, broken, provider_words, refused};
use crate::units::{Cost, Usd};

/// The body of an order.
pub(super) fn body(order: &Order<'_>, vertex: bool) -> Result<Value, String> {
    if order.mask.is_some() {
        return Err("this model takes no mask".to_owned());
    }
    let mut instance = json!({"prompt": order.prompt});
    let mut parameters = Map::new();
    match (order.task, order.image) {
        (Task::TextToImage, _) => {
            parameters.insert("sampleCount".to_owned(), json!(1));
            // Without it a filtered picture is an empty answer without a reason.
            parameters.insert("includeRaiReason".to_owned(), json!(true));
        }
        (Task::Upscale, Some(image)) if vertex => {
            instance = json!({"prompt": "", "image": {"bytesBase64Encoded": encode(image)}});
            parameters.insert("mode".to_owned(), json!("upscale"));
        }
        (task, _) => return Err(format!("this model can't {}", task.word())),
    }
    let mut output = Map::new();
    let mut upscale = Map::new();
    for (name, value) in order.params {
        let free = match name.as_str() {
            "aspect_ratio" => put(&mut parameters, "aspectRatio", value),
            // The SDK's field `image_size` is sent under this name.
            "image_size" => put(&mut parameters, "sampleImageSize", value),
            "person_generation" => put(&mut parameters, "personGeneration", value),
            "safety_setting" => put(&mut parameters, "safetySetting", value),
            "guidance_scale" => put(&mut parameters, "guidanceScale", value),
            "output_mime_type" => put(&mut output, "mimeType", value),
            "compression_quality" => put(&mut output, "compressionQuality", value),
            "upscale_factor" => put(&mut upscale, "upscaleFactor", value),
            "negative_prompt" if vertex => put(&mut parameters, "negativePrompt", value),
            "add_watermark" if vertex => put(&mut parameters, "addWatermark", value),
            "enhance_prompt" if vertex => put(&mut parameters, "enhancePrompt", value),
            _ => put(&mut parameters, name, value),
        };
        if !free {
            return Err(format!("the parameter `{name}` is what the gate sets itself"));
        }
    }
    // The API takes a seed together with this alone.
    if vertex && parameters.get("addWatermark") == Some(&Value::Bool(false)) {
        parameters.insert("seed".to_owned(), json!(order.seed.0 & 0x7FFF_FFFF));
    }
    if !output.is_empty() {
        parameters.insert("outputOptions".to_owned(), Value::Object(output));
    }
    if !upscale.is_empty() {
        parameters.insert("upscaleConfig".to_owned(), Value::Object(upscale));
    }
    Ok(json!({"instances": [instance], "parameters": parameters}))
}

/// What a success means: entries may carry safety data alone, and fewer may come than were asked for.
pub(super) fn meaning(json: &Value) -> Answer {
    let predictions = json.get("predictions").and_then(Value::as_array);
    let entries = || predictions.into_iter().flatten();
    let picture = entries().find_map(|entry| {
        let data = entry.get("bytesBase64Encoded")?.as_str().filter(|data| !data.is_empty())?;
        Some((data, entry.get("mimeType").and_then(Value::as_str)))
    });
    if let Some((data, media_type)) = picture {
        return match decode(data) {
            Some(bytes) => Answer::Image { bytes, content_type: media_type.map(tidy), cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        };
    }
    let reason = entries().find_map(|entry| entry.get("raiFilteredReason")?.as_str());
    match (reason, message_in(json)) {
        (Some(reason), _) => refused(Stage::Output, tidy(reason)),
        (None, Some(words)) => broken("json_error", words),
        (None, None) => refused(Stage::Output, "no picture, and no reason: it was filtered"),
    }
}

/// Nothing is charged for what was filtered, as the reason itself says.
pub(super) fn cost(json: &Value) -> Option<Cost> {
    matches!(meaning(json), Answer::Refused { .. }).then(|| Cost::exact(Usd::ZERO))
}

/// A prompt that is turned away is a 400 whose message says so.
pub(super) fn refused_at_once(model: &str, reply: &Reply) -> Option<Answer> {
    let words = provider_words(reply);
    let lower = words.to_ascii_lowercase();
    let of_prompt = ["could not be submitted", "sensitive words", "responsible ai"];
    let refuses = is_imagen(model)
        && reply.status == 400
        && of_prompt.iter().any(|phrase| lower.contains(phrase));
    refuses.then(|| refused(Stage::Input, words))
}
