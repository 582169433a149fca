//! Amazon's own models on Bedrock, Nova Canvas and Titan: `{taskType, textToImageParams, imageGenerationConfig}` in, `{images, error}`
//! out. Both are retired since 2026; the wire is kept for stored baselines and rehearsals, for drawing alone.

use serde_json::{Map, Value, json};

use crate::policy::Task;
use crate::providers::words::tidy;
use crate::providers::{Answer, Order, Stage, refused};

/// The largest seed of Nova Canvas. Titan's is larger.
const MAX_SEED: u64 = 858_993_459;

/// The body of an order.
pub(super) fn body(order: &Order<'_>) -> Result<Value, String> {
    if order.task != Task::TextToImage || order.image.is_some() {
        return Err("Amazon's models on Bedrock draw from a prompt alone here".to_owned());
    }
    let mut text = Map::new();
    text.insert("text".to_owned(), order.prompt.into());
    let mut config = Map::new();
    config.insert("numberOfImages".to_owned(), 1.into());
    config.insert("seed".to_owned(), (order.seed.0 % (MAX_SEED + 1)).into());
    for (name, value) in order.params {
        let (table, name) = match name.as_str() {
            "negative_prompt" => (&mut text, "negativeText"),
            "cfg_scale" => (&mut config, "cfgScale"),
            name => (&mut config, name),
        };
        if table.insert(name.to_owned(), value.clone()).is_some() {
            return Err(format!("the parameter `{name}` is what the gate sets itself"));
        }
    }
    Ok(
        json!({"taskType": "TEXT_IMAGE", "textToImageParams": text, "imageGenerationConfig": config}),
    )
}

/// Whether a request that was turned away was refused: these models say so in words alone.
pub(super) fn refuses(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["content filter", "responsible ai policy"].iter().any(|phrase| words.contains(phrase))
}

/// What a success without a picture means: `error` says that it was filtered, and fewer may come than were asked for.
pub(super) fn ended(json: &Value) -> Option<Answer> {
    let none = json.pointer("/images/0").is_none_or(Value::is_null);
    let error = json.get("error").and_then(Value::as_str).filter(|_| none)?;
    Some(refused(Stage::Output, tidy(error)))
}
