//! Imagen by `:predict`. Google retired the family on 2026-08-17; the wire is kept for stored baselines, rehearsals, and
//! for what speaks it.

use serde_json::{Map, Value, json};

use super::draw::put;
use super::{House, is_imagen};
use crate::policy::Task;
use crate::providers::http::decode;
use crate::providers::words::{message_in, tidy};
use crate::providers::{Answer, Order, Reply, Stage, broken, provider_words, refused};
use crate::units::{Cost, Usd};

/// The body of an order.
pub(super) fn body(house: House, order: &Order<'_>) -> Result<Value, String> {
    if order.task != Task::TextToImage || order.image.is_some() {
        return Err("Imagen draws from a prompt alone: name a Gemini model for an edit".to_owned());
    }
    let mut parameters = Map::new();
    parameters.insert("sampleCount".to_owned(), json!(1));
    // Without it a filtered picture is an empty answer without a reason.
    parameters.insert("includeRaiReason".to_owned(), json!(true));
    let mut output = Map::new();
    let vertex = house == House::Vertex;
    // There alone is a seed, and only for pictures without a watermark.
    if vertex && order.params.get("add_watermark") == Some(&Value::Bool(false)) {
        parameters.insert("seed".to_owned(), (order.seed.0 & 0x7FFF_FFFF).max(1).into());
    }
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
            "negative_prompt" if vertex => put(&mut parameters, "negativePrompt", value),
            "add_watermark" if vertex => put(&mut parameters, "addWatermark", value),
            "enhance_prompt" if vertex => put(&mut parameters, "enhancePrompt", value),
            _ => put(&mut parameters, name, value),
        };
        if !free {
            return Err(format!("the parameter `{name}` is what the gate sets itself"));
        }
    }
    if !output.is_empty() {
        parameters.insert("outputOptions".to_owned(), Value::Object(output));
    }
    Ok(json!({"instances": [{"prompt": order.prompt}], "parameters": parameters}))
}

/// What a success means: entries may carry safety data alone, and fewer may come than were asked for.
pub(super) fn meaning(json: &Value) -> Answer {
    if let Some((data, media_type)) = picture(json) {
        return match decode(data) {
            Some(bytes) => Answer::Image { bytes, content_type: media_type.map(tidy), cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        };
    }
    let reason = entries(json).find_map(|entry| entry.get("raiFilteredReason")?.as_str());
    match (reason, message_in(json)) {
        (Some(reason), _) => refused(Stage::Output, tidy(reason)),
        (None, Some(words)) => broken("json_error", words),
        (None, None) => refused(Stage::Output, "no picture, and no reason: it was filtered"),
    }
}

fn entries(json: &Value) -> impl Iterator<Item = &Value> {
    json.get("predictions").and_then(Value::as_array).into_iter().flatten()
}

/// The first picture, in base64, and what it is said to be.
fn picture(json: &Value) -> Option<(&str, Option<&str>)> {
    entries(json).find_map(|entry| {
        let data = entry.get("bytesBase64Encoded")?.as_str().filter(|data| !data.is_empty())?;
        Some((data, entry.get("mimeType").and_then(Value::as_str)))
    })
}

/// Nothing is charged for what was filtered, as the reason itself says.
pub(super) fn cost(json: &Value) -> Option<Cost> {
    let filtered = picture(json).is_none() && matches!(meaning(json), Answer::Refused { .. });
    filtered.then(|| Cost::exact(Usd::ZERO))
}

/// A prompt that is turned away is a 400 whose message says so.
pub(super) fn refused_at_once(model: &str, reply: &Reply) -> Option<Answer> {
    let words = provider_words(reply);
    let lower = words.to_ascii_lowercase();
    if !is_imagen(model) || reply.status != 400 {
        return None;
    }
    let of_prompt = ["could not be submitted", "sensitive words", "responsible ai"];
    if of_prompt.iter().any(|phrase| lower.contains(phrase)) {
        return Some(refused(Stage::Input, words));
    }
    // Vertex says no more than that.
    lower.contains("response is blocked").then(|| refused(Stage::Unknown, words))
}
