//! Requests held to the schemas that OpenAI publishes, where `PRESSCHECK_TEST_DATA` (or `../shared/data` beside the
//! repository) has them: `github/oai-req-schema.json` is `CreateImageRequest` of its OpenAPI description, and
//! `github/oai-edit-req-schema.json` is `CreateImageEditRequest`, references put in.

use std::path::PathBuf;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{DEFAULT_URL, House, OpenAi, draw};
use crate::policy::Task;
use crate::providers::{Order, Text, multipart};
use crate::units::Seed;

/// The published schema of an image request.
const GENERATION: &str = "github/oai-req-schema.json";

/// The same of an edit.
const EDIT: &str = "github/oai-edit-req-schema.json";

/// A published schema, closed: a field that it does not know is an error. And its properties.
fn schema(name: &str) -> Option<(jsonschema::Validator, Value)> {
    let root = std::env::var_os("PRESSCHECK_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(name);
    let Ok(text) = std::fs::read(&file) else {
        eprintln!("SKIPPED: {} is not there; set PRESSCHECK_TEST_DATA", file.display());
        return None;
    };
    let mut schema: Value = serde_json::from_slice(&text).unwrap();
    schema["additionalProperties"] = json!(false);
    let validator = jsonschema::validator_for(&schema).unwrap();
    Some((validator, schema["properties"].clone()))
}

fn server() -> OpenAi {
    OpenAi {
        base: DEFAULT_URL.parse().unwrap(),
        key: Some("OPENAI_API_KEY".to_owned()),
        extra: Map::new(),
        house: House::OpenAi,
    }
}

fn body(model: &str, prompt: &str, params: &Map<String, Value>) -> Value {
    let order = Order {
        model,
        task: Task::TextToImage,
        params,
        prompt,
        seed: Seed(7),
        image: None,
        mask: None,
    };
    let call = draw::begin(&server(), &order).unwrap();
    serde_json::from_slice(&call.body).unwrap()
}

/// What an edit's form holds, as the schema sees it: a form has texts alone, of which some are numbers.
fn form(prompt: &str, params: &Map<String, Value>, with_mask: bool, properties: &Value) -> Value {
    let mut file = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(2, 2).write_to(&mut file, image::ImageFormat::Png).unwrap();
    let picture = Bytes::from(file.into_inner());
    let order = Order {
        model: "gpt-image-2",
        task: Task::Edit,
        params,
        prompt,
        seed: Seed(7),
        image: Some(&picture),
        mask: with_mask.then_some(&picture),
    };
    let call = draw::begin(&server(), &order).unwrap();
    let media_type = call.headers.iter().find(|(name, _)| name == "content-type").unwrap();
    let [Text::Plain(media_type)] = media_type.1.as_slice() else { panic!("{media_type:?}") };
    let mut body = Map::new();
    for part in multipart::read(media_type, &call.body).unwrap() {
        let value = match part.file {
            Some((_, media_type)) => {
                assert_eq!(media_type, "image/png", "{}", part.name);
                json!("a file")
            }
            None => {
                let text = String::from_utf8(part.body.to_vec()).unwrap();
                if properties[&part.name]["type"] == "integer" {
                    serde_json::from_str(&text).unwrap()
                } else {
                    json!(text)
                }
            }
        };
        assert_eq!(body.insert(part.name.clone(), value), None, "`{}` twice", part.name);
    }
    Value::Object(body)
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
        let Some((schema, _)) = schema(GENERATION) else { return Ok(()) };
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

    #[test]
    fn every_edit_keeps_openai_s_own_schema(
        // A form ends a field with a line break of its own, so that none is made up here.
        prompt in "[^\\r\\n]{1,200}",
        size in choice("size", &["auto", "1024x1024", "1536x1024"]),
        quality in choice("quality", &["low", "medium", "high", "auto", "standard"]),
        format in choice("output_format", &["png", "jpeg", "webp"]),
        background in choice("background", &["transparent", "opaque", "auto"]),
        fidelity in choice("input_fidelity", &["low", "high"]),
        compression in prop::option::of(0..=100_u32),
        with_mask in any::<bool>(),
    ) {
        let Some((schema, properties)) = schema(EDIT) else { return Ok(()) };
        let compression = compression.map(|share| ("output_compression".to_owned(), json!(share)));
        let params = [size, quality, format, background, fidelity, compression];
        let params: Map<_, _> = params.into_iter().flatten().collect();
        let body = form(&prompt, &params, with_mask, &properties);
        let problems: Vec<_> = schema.iter_errors(&body).map(|error| error.to_string()).collect();
        prop_assert!(problems.is_empty(), "{body}: {problems:?}");
        prop_assert_eq!(&body["prompt"], &json!(prompt));
        prop_assert_eq!(body.get("mask").is_some(), with_mask);
        for (name, value) in &params {
            prop_assert_eq!(&body[name], value);
        }
    }
}

#[test]
fn the_schema_would_tell() {
    if let Some((edits, properties)) = schema(EDIT) {
        for (name, value) in [("seed", json!("7")), ("quality", json!("best")), ("image", json!(3))]
        {
            let mut body = form("a cat", &Map::new(), true, &properties);
            assert!(edits.is_valid(&body), "{body}");
            body[name] = value;
            assert!(!edits.is_valid(&body), "{body}");
        }
    }
    let Some((schema, _)) = schema(GENERATION) else { return };
    for (name, value) in [("seed", json!(7)), ("size", json!(3)), ("quality", json!("best"))] {
        let mut body = body("gpt-image-2", "a cat", &Map::new());
        body[name] = value;
        assert!(!schema.is_valid(&body), "{body}");
    }
}
