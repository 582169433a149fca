//! What dialects of JSON share: bodies, places, pictures in base64.

use bytes::Bytes;
use serde_json::{Map, Value};
use url::Url;

use super::{Call, Order, Reply, Text};

/// A POST of a JSON body, with the headers of authentication.
pub(super) fn post(
    url: Url,
    headers: Vec<(String, Vec<Text>)>,
    body: &Value,
) -> Result<Call, String> {
    let body = serde_json::to_vec(body).map_err(|error| format!("no JSON: {error}"))?;
    let mut all = vec![plain("content-type", "application/json")];
    all.extend(headers);
    Ok(Call { method: "POST", url, headers: all, body: Bytes::from(body) })
}

/// A GET.
pub(super) fn get(url: Url, headers: Vec<(String, Vec<Text>)>) -> Call {
    Call { method: "GET", url, headers, body: Bytes::new() }
}

/// A header that holds no key.
pub(super) fn plain(name: &str, value: &str) -> (String, Vec<Text>) {
    (name.to_owned(), vec![Text::Plain(value.to_owned())])
}

/// A header that is a word before a key: `authorization: Bearer KEY`. Nothing where there is no key.
pub(super) fn keyed(name: &str, before: &str, key: Option<&String>) -> Vec<(String, Vec<Text>)> {
    let Some(key) = key else { return Vec::new() };
    let mut value = Vec::new();
    if !before.is_empty() {
        value.push(Text::Plain(before.to_owned()));
    }
    value.push(Text::Secret(key.clone()));
    vec![(name.to_owned(), value)]
}

/// The JSON of a reply.
pub(super) fn of(reply: &Reply) -> Option<Value> {
    serde_json::from_slice(&reply.body).ok()
}

/// A text at a place (JSON Pointer).
pub(super) fn text<'a>(json: &'a Value, place: &str) -> Option<&'a str> {
    json.pointer(place)?.as_str()
}

/// A whole number at a place.
pub(super) fn number(json: &Value, place: &str) -> Option<u64> {
    json.pointer(place)?.as_u64()
}

/// Puts the order's parameters into a body. A name that the body has already is the gate's own.
pub(super) fn add_params(body: &mut Map<String, Value>, order: &Order<'_>) -> Result<(), String> {
    for (name, value) in order.params {
        if body.contains_key(name) {
            return Err(format!("the parameter `{name}` is what the gate sets itself"));
        }
        body.insert(name.clone(), value.clone());
    }
    Ok(())
}
