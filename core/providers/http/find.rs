//! The picture in a JSON answer: at the place that the policy names, or in the usual places.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::providers::picture_format;

/// Lenient base64: padding or none, stray bits at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Where pictures usually are, by the name of the member, the most telling first: `data[0].b64_json` and
/// `data[0].url` (OpenAI and what speaks like it), `images[0]` and `images[0].url` (AUTOMATIC1111, fal),
/// `artifacts[0].base64` (Stability v1), `predictions[0].bytesBase64Encoded` (Imagen), `output` and
/// `output[0]` (Replicate), `result.sample` (BFL), and the plain `image`, `image_base64` and `url`.
const MEMBERS: [&str; 17] = [
    "b64_json",
    "base64",
    "bytesBase64Encoded",
    "image_base64",
    "image",
    "images",
    "data",
    "artifacts",
    "predictions",
    "generated_images",
    "output",
    "outputs",
    "result",
    "sample",
    "url",
    "image_url",
    "uri",
];

/// How deep to look: `{"data": [{"image": {"url": …}}]}` is five steps.
const DEPTH: u8 = 6;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// The picture itself.
    Picture(Bytes),
    /// Its address.
    Address(Url),
    /// Text at the place of a picture that is no base64.
    BadBase64,
    /// Base64 of something that is no picture.
    NotAPicture,
    /// Nothing.
    Nothing,
}

/// Base64 of an input picture.
pub(in crate::providers) fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The bytes that a text is base64 of, whatever they are, and at least one; with a `data:` URI's head or without.
pub(in crate::providers) fn decode_text(text: &str) -> Option<Bytes> {
    let uri = text.starts_with("data:").then(|| text.split_once(";base64,")).flatten();
    let data = uri.map_or(text, |(_, data)| data);
    bytes_of(data).filter(|bytes| !bytes.is_empty()).map(Bytes::from)
}

/// Looks in the usual places.
pub(super) fn anywhere(json: &Value) -> Found {
    look(json, DEPTH)
}

/// Looks at the places that the policy names.
pub(super) fn at(json: &Value, image: Option<&str>, url: Option<&str>, base: &Url) -> Found {
    if let Some(value) =
        image.and_then(|place| json.pointer(place)).filter(|value| !value.is_null())
    {
        return look(value, DEPTH);
    }
    let address = url.and_then(|place| json.pointer(place)).and_then(first_text);
    // Only here may an address be relative: in the usual places `/9j/…` is the base64 of a JPEG.
    match address.map(|text| (text, base.join(text.trim()))) {
        Some((text, _)) if is_data_uri(text) => read_text(text),
        Some((_, Ok(url))) if matches!(url.scheme(), "http" | "https") => Found::Address(url),
        _ => Found::Nothing,
    }
}

fn first_text(value: &Value) -> Option<&str> {
    match value {
        Value::Array(items) => items.first().and_then(Value::as_str),
        _ => value.as_str(),
    }
}

/// The first picture or address; else the first thing that should have been one.
fn look(value: &Value, depth: u8) -> Found {
    let Some(depth) = depth.checked_sub(1) else { return Found::Nothing };
    match value {
        Value::String(text) => read_text(text),
        Value::Array(items) => items.first().map_or(Found::Nothing, |item| look(item, depth)),
        Value::Object(members) => {
            let mut suspect = Found::Nothing;
            for member in MEMBERS.iter().filter_map(|name| members.get(*name)) {
                match look(member, depth) {
                    found @ (Found::Picture(_) | Found::Address(_)) => return found,
                    found if suspect == Found::Nothing => suspect = found,
                    _ => {}
                }
            }
            suspect
        }
        _ => Found::Nothing,
    }
}

fn is_data_uri(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"))
}

/// A text as a picture: an address, a `data:` URI (RFC 2397), or base64.
fn read_text(text: &str) -> Found {
    let text = text.trim();
    if text.is_empty() {
        return Found::Nothing;
    }
    if is_data_uri(text) {
        return match text.split_once(',') {
            Some((kind, data)) if kind.trim_end().to_ascii_lowercase().ends_with(";base64") => {
                decode(data)
            }
            _ => Found::BadBase64,
        };
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Url::parse(text).map_or(Found::BadBase64, Found::Address);
    }
    decode(text)
}

/// Base64 in the standard or the URL alphabet, with line breaks or without.
fn decode(text: &str) -> Found {
    match bytes_of(text) {
        None => Found::BadBase64,
        Some(bytes) if picture_format(&bytes).is_some() => Found::Picture(Bytes::from(bytes)),
        Some(_) => Found::NotAPicture,
    }
}

/// The bytes of base64 in either alphabet. Nearly all of it is in the standard one and without line breaks: it is cleaned up
/// only where it is not.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).or_else(|_| LENIENT.decode(plain_base64(text))).ok()
}

/// Base64 in the standard alphabet, without line breaks.
fn plain_base64(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xFB\xEF\xBE\x01";

    fn base() -> Url {
        "https://studio.test/v1/draw".parse().unwrap()
    }

    #[test]
    fn each_usual_place_is_found() {
        let data = encode(JPEG);
        assert!(data.starts_with("/9j/") && data.contains('+'), "{data}");
        for json in [
            json!({"data": [{"b64_json": data}]}),
            json!({"created": 1, "data": [{"url": null, "b64_json": data}]}),
            json!({"images": [data], "info": "…"}),
            json!({"image": data}),
            json!({"image_base64": data}),
            json!({"artifacts": [{"base64": data, "finishReason": "SUCCESS"}]}),
            json!({"predictions": [{"mimeType": "image/jpeg", "bytesBase64Encoded": data}]}),
            json!({"output": format!("data:image/jpeg;base64,{data}")}),
            json!({"output": [format!("DATA:image/jpeg;BASE64,{data}")]}),
            json!({"image": data.replace('+', "-").replace('/', "_").replace('=', "")}),
            json!({"image": format!("{}\r\n {}", &data[..3], &data[3..])}),
            json!([data]),
            json!(data),
        ] {
            assert_eq!(anywhere(&json), Found::Picture(Bytes::from_static(JPEG)), "{json}");
        }
        for json in [
            json!({"data": [{"url": "https://cdn.test/a.png"}]}),
            json!({"images": [{"url": "https://cdn.test/a.png", "width": 3}]}),
            json!({"output": ["https://cdn.test/a.png"]}),
            json!({"url": "https://cdn.test/a.png"}),
            json!({"result": {"sample": "https://cdn.test/a.png"}, "status": "Ready"}),
            json!({"image": {"url": "https://cdn.test/a.png"}}),
        ] {
            assert_eq!(
                anywhere(&json),
                Found::Address("https://cdn.test/a.png".parse().unwrap()),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_no_picture_is_told_apart() {
        assert_eq!(anywhere(&json!({"data": []})), Found::Nothing);
        assert_eq!(anywhere(&json!({"data": [{"url": null}]})), Found::Nothing);
        assert_eq!(anywhere(&json!({"image": "?!"})), Found::BadBase64);
        assert_eq!(anywhere(&json!({"image": "data:image/png,raw"})), Found::BadBase64);
        assert_eq!(anywhere(&json!({"data": [{"b64_json": "AAAA"}]})), Found::NotAPicture);
        // A decoy does not hide the picture behind it.
        let both = json!({"image": "AAAA", "url": "https://cdn.test/a.png"});
        assert!(matches!(anywhere(&both), Found::Address(_)));
    }

    #[test]
    fn the_policys_place_wins_and_may_hold_a_relative_address() {
        let json = json!({"image": "AAAA", "deep": {"pic": encode(JPEG), "at": "/files/1.png"}});
        assert_eq!(
            at(&json, Some("/deep/pic"), None, &base()),
            Found::Picture(Bytes::from_static(JPEG))
        );
        assert_eq!(
            at(&json, None, Some("/deep/at"), &base()),
            Found::Address("https://studio.test/files/1.png".parse().unwrap())
        );
        assert_eq!(at(&json, Some("/none"), Some("/none"), &base()), Found::Nothing);
        let odd = json!({"at": "file:///etc/passwd"});
        assert_eq!(at(&odd, None, Some("/at"), &base()), Found::Nothing);
    }
}
