//! Requests held to the schema that OpenAI publishes, where `PRESSCHECK_TEST_DATA` (or `../shared/data` beside the
//! repository) has it.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{DEFAULT_URL, House, OpenAi, draw};
use crate::policy::Task;
use crate::providers::Order;
use crate::units::Seed;

/// The published schema of an image request, closed: a field that it does not know is an error.
fn schema() -> Option<jsonschema::Validator> {
    let root = std::env::var_os("PRESSCHECK_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let file = root.join("github/oai-req-schema.json");
    let Ok(text) = std::fs::read(&file) else {
        eprintln!("SKIPPED: {} is not there; set PRESSCHECK_TEST_DATA", file.display());
        return None;
    };
    let mut schema: Value = serde_json::from_slice(&text).unwrap();
    schema["additionalProperties"] = json!(false);
    Some(jsonschema::validator_for(&schema).unwrap())
}

fn body(model: &str, prompt: &str, params: &Map<String, Value>) -> Value {
    let server = OpenAi {
        base: DEFAULT_URL.parse().unwrap(),
        key: Some("OPENAI_API_KEY".to_owned()),
        extra: Map::new(),
        house: House::OpenAi,
    };
    let order = Order {
        model,
        task: Task::TextToImage,
        params,
        prompt,
        seed: Seed(7),
        image: None,
        mask: None,
    };
    let call = draw::begin(&server, &order).unwrap();
    serde_json::from_slice(&call.body).unwrap()
}

/// A parameter with one of these values, or without it.
fn choice(
    name: &'static str,
    values: &'static [&'static str],
) -> impl Strategy<Value = Option<(String, Value)>> {
    prop::option::of(
        prop::sample::select(values).prop_map(move |value| (name.to_owned(), json!(value))),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_request_keeps_openai_s_own_schema(
        model in prop::sample::select(&["gpt-image-1", "gpt-image-1-mini", "gpt-image-2", "gpt-image-2.6-flare", "dall-e-3", "dall-e-2"][..]),
        prompt in ".{0,200}",
        size in choice("size", &["auto", "1024x1024", "1536x1024", "1024x1792"]),
        quality in choice("quality", &["low", "medium", "high", "auto", "hd", "standard"]),
        format in choice("output_format", &["png", "jpeg", "webp"]),
        background in choice("background", &["transparent", "opaque", "auto"]),
        moderation in choice("moderation", &["low", "auto"]),
        style in choice("style", &["vivid", "natural"]),
        compression in prop::option::of(0..=100_u32),
    ) {
        let Some(schema) = schema() else { return Ok(()) };
        let compression = compression.map(|share| ("output_compression".to_owned(), json!(share)));
        let params = [size, quality, format, background, moderation, style, compression];
        let params: Map<_, _> = params.into_iter().flatten().collect();
        let body = body(model, &prompt, &params);
        let problems: Vec<_> = schema.iter_errors(&body).map(|error| error.to_string()).collect();
        prop_assert!(problems.is_empty(), "{body}: {problems:?}");
        prop_assert_eq!(&body["prompt"], &json!(prompt));
        for (name, value) in &params {
            prop_assert_eq!(&body[name], value);
        }
    }
}

#[test]
fn the_schema_would_tell() {
    let Some(schema) = schema() else { return };
    for (name, value) in [("seed", json!(7)), ("size", json!(3)), ("quality", json!("best"))] {
        let mut body = body("gpt-image-2", "a cat", &Map::new());
        body[name] = value;
        assert!(!schema.is_valid(&body), "{body}");
    }
}
