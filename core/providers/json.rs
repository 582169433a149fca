//! What dialects of JSON share: bodies, places, pictures in base64.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use rust_decimal::Decimal;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use url::Url;

use super::http::encode;
use super::{Answer, Call, Order, Reply, Step, Text, broken, picture_format};
use crate::units::Usd;

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

/// The header of HTTP Basic, where a variable holds `user:password`.
pub(super) fn basic(login: Option<&String>) -> Vec<(String, Vec<Text>)> {
    let value = |login: &String| vec![Text::Plain("Basic ".to_owned()), Text::Basic(login.clone())];
    login.map(|login| ("authorization".to_owned(), value(login))).into_iter().collect()
}

/// The JSON of a reply.
pub(super) fn of(reply: &Reply) -> Option<Value> {
    serde_json::from_slice(&reply.body).ok()
}

/// One member of a reply's JSON object, without building the rest: beside it stands a picture of megabytes.
pub(super) fn member(reply: &Reply, name: &str) -> Option<Value> {
    struct Member<'a>(&'a str);

    impl<'de> Visitor<'de> for Member<'_> {
        type Value = Option<Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                if key == self.0 {
                    found = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    let mut json = serde_json::Deserializer::from_slice(&reply.body);
    json.deserialize_map(Member(name)).ok()?
}

/// A text at a place (JSON Pointer).
pub(super) fn text<'a>(json: &'a Value, place: &str) -> Option<&'a str> {
    json.pointer(place)?.as_str()
}

/// An amount at a place, as a number or in words; nothing where it makes no sense (a negative one, say).
pub(super) fn amount(json: &Value, place: &str) -> Option<Decimal> {
    let text = match json.pointer(place)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    text.parse::<Usd>().ok().map(Usd::as_decimal)
}

/// A picture as a `data:` URI (RFC 2397).
pub(super) fn data_uri(picture: &Bytes) -> String {
    let format = picture_format(picture).unwrap_or("png");
    format!("data:image/{format};base64,{}", encode(picture))
}

/// The picture that an answer holds as base64 at the one place, or as an address at the other; nothing where it holds none.
pub(super) fn picture(json: &Value, data: &str, url: &str) -> Option<Step> {
    let there = |place: &str| text(json, place).filter(|text| !text.is_empty());
    if let Some(data) = there(data) {
        return Some(Step::Done(match super::http::decode(data) {
            Some(bytes) => Answer::Image { bytes, content_type: None, cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        }));
    }
    there(url).map(super::job::picture_at)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_and_the_rest_is_passed_over() {
        let reply = |body: &'static str| Reply {
            status: 200,
            headers: vec![],
            body: Bytes::from_static(body.as_bytes()),
        };
        let found =
            member(&reply(r#"{"data": [{"b64_json": "AAAA"}], "us\u0061ge": {"n": 1}}"#), "usage");
        assert_eq!(found, Some(serde_json::json!({"n": 1})));
        for body in ["{}", "[]", "", "\"usage\"", r#"{"usage": 1"#, r#"{"data": {"usage": 1}}"#] {
            assert_eq!(member(&reply(body), "usage"), None, "{body}");
        }
    }
}
