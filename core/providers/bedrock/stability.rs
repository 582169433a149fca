//! Stability AI's models on Bedrock: `{prompt, …}` in, `{seeds, finish_reasons, images}` out.

use serde_json::{Map, Value};

use crate::policy::Task;
use crate::providers::http::encode;
use crate::providers::words::tidy;
use crate::providers::{Answer, Fault, FaultKind, Order, Stage, json, refused};

/// The largest seed.
const MAX_SEED: u64 = 4_294_967_294;

/// The body of an order.
pub(super) fn body(order: &Order<'_>) -> Result<Value, String> {
    let model = order.model;
    let is = |part: &str| model.contains(part);
    let generates = is("sd3") || is("stable-image-core") || is("stable-image-ultra");
    let upscales = is("upscale");
    match order.task {
        Task::TextToImage if generates => {}
        Task::Upscale if upscales => {}
        Task::Edit if is("sd3") || !(generates || upscales) => {}
        task => {
            return Err(format!("`{model}` is not for {}: name a model that is", task.word()));
        }
    }
    if order.task != Task::TextToImage && order.image.is_none() {
        return Err(format!("`{model}` needs a picture: give the case an `image`"));
    }
    let mut body = Map::new();
    // These take the picture alone.
    let bare = is("fast-upscale") || is("remove-background");
    // What is erased is in the mask, and nothing is put there by words.
    if !bare && !is("erase") {
        body.insert("prompt".to_owned(), order.prompt.into());
    }
    if !bare {
        // 0 asks for any.
        body.insert("seed".to_owned(), (order.seed.0 % (MAX_SEED + 1)).max(1).into());
    }
    if is("sd3") {
        let mode = if order.image.is_some() { "image-to-image" } else { "text-to-image" };
        body.insert("mode".to_owned(), mode.into());
    }
    if let Some(image) = order.image {
        body.insert("image".to_owned(), encode(image).into());
    }
    if let Some(mask) = order.mask {
        body.insert("mask".to_owned(), encode(mask).into());
    }
    json::add_params(&mut body, order)?;
    Ok(Value::Object(body))
}

/// What a success that has no good picture means: `finish_reasons` holds `null` for one that is good.
pub(super) fn ended(json: &Value) -> Option<Answer> {
    let reason = json::text(json, "/finish_reasons/0")?;
    let lower = reason.to_ascii_lowercase();
    if lower.contains("inference error") {
        let words = format!("HTTP 200: {}", tidy(reason));
        let kind = FaultKind::ServerFault;
        return Some(Answer::Fault(Fault { kind, words, retry_after: None }));
    }
    let stage = if lower.contains("output") {
        Stage::Output
    } else if lower.contains("prompt") || lower.contains("input") {
        Stage::Input
    } else if lower.contains("filter") {
        Stage::Unknown
    } else {
        // `SUCCESS`, or a word of tomorrow: the picture decides.
        return None;
    };
    Some(refused(stage, tidy(reason)))
}
