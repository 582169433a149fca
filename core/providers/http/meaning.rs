//! What an endpoint's reply means.

use serde_json::Value;
use url::Url;

use super::find::{self, Found};
use crate::providers::words::{message_in, tidy};
use crate::providers::{
    Answer, Fault, FaultKind, Reply, Stage, Step, picture_format, provider_words,
};
use crate::units::{Cost, Usd};

/// Where error codes stand in JSON.
const CODES: [&str; 7] =
    ["/error/code", "/error/type", "/error/status", "/code", "/name", "/type", "/error"];

/// Codes that mean a refusal by the safety policy, where the policy does not say its own.
pub(in crate::providers) const REFUSAL_CODES: [&str; 6] = [
    "content_policy",
    "content_policy_violation",
    "content_moderation",
    "content_filter",
    "content_filtered",
    "moderation_blocked",
];

/// Codes that mean that no money is left, whatever the status (OpenAI says it under 429).
const CREDIT_CODES: [&str; 4] = [
    "insufficient_quota",
    "insufficient_credits",
    "billing_hard_limit_reached",
    "payment_required",
];

/// How this endpoint's answers are read.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Rules {
    /// Where the picture is (JSON Pointer), as base64, `data:` URI or address.
    pub(super) image: Option<String>,
    /// Where the picture's address is (JSON Pointer); may be relative to the endpoint.
    pub(super) url: Option<String>,
    /// What a refusal looks like; the usual codes where nothing is given.
    pub(super) refused: Option<Refused>,
    /// The header that says what the picture cost, in dollars.
    pub(super) cost_header: Option<String>,
    /// The place in the JSON that says so.
    pub(super) cost_pointer: Option<String>,
}

/// What a refusal looks like: all that is given must hold.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Refused {
    /// One of these statuses; any where empty.
    pub(super) status: Vec<u16>,
    /// This place exists in the JSON …
    pub(super) pointer: Option<String>,
    /// … and holds one of these values, where any is given.
    pub(super) values: Vec<String>,
}

impl Rules {
    /// The rules of `presscheck simulate`.
    pub(crate) fn of_the_simulator() -> Self {
        Self {
            refused: Some(Refused {
                status: vec![403],
                pointer: Some("/error/code".to_owned()),
                values: vec!["content_policy".to_owned()],
            }),
            cost_header: Some("x-cost-usd".to_owned()),
            ..Self::default()
        }
    }

    /// What a reply means.
    pub(super) fn meaning(&self, base: &Url, reply: &Reply) -> Step {
        let is_picture = picture_format(&reply.body).is_some();
        let json =
            if is_picture { None } else { serde_json::from_slice::<Value>(&reply.body).ok() };
        if self.is_refusal(reply.status, json.as_ref()) {
            return Step::Done(refusal(reply, json.as_ref()));
        }
        if !(200..300).contains(&reply.status) {
            return Step::Done(Answer::Fault(fault(reply, json.as_ref())));
        }
        match json {
            Some(json) if json.is_object() || json.is_array() || json.is_string() => {
                self.in_json(&json, base, reply)
            }
            _ => Step::Done(self.in_bytes(reply)),
        }
    }

    /// What a reply says that the picture cost.
    pub(super) fn cost(&self, reply: &Reply) -> Option<Usd> {
        let text = if let Some(name) = &self.cost_header {
            reply.header(name).map(str::to_owned)
        } else {
            let place = self.cost_pointer.as_ref()?;
            let json: Value = serde_json::from_slice(&reply.body).ok()?;
            match json.pointer(place)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            }
        };
        // What is no amount (a negative one, say) is not believed: the policy's price counts then.
        text?.parse().ok()
    }

    fn is_refusal(&self, status: u16, json: Option<&Value>) -> bool {
        let Some(rule) = &self.refused else {
            // 451 is "Unavailable For Legal Reasons" (RFC 7725). A picture is never a refusal.
            return status == 451 || has_code(json, &REFUSAL_CODES);
        };
        let status_holds = rule.status.is_empty() || rule.status.contains(&status);
        status_holds
            && rule.pointer.as_ref().is_none_or(|place| {
                let found = json.and_then(|json| json.pointer(place));
                found.is_some_and(|found| {
                    rule.values.is_empty() && !found.is_null()
                        || rule.values.iter().any(|value| is_value(found, value))
                })
            })
    }

    /// A success that is no JSON.
    fn in_bytes(&self, reply: &Reply) -> Answer {
        if picture_format(&reply.body).is_some() {
            return Answer::Image {
                bytes: reply.body.clone(),
                content_type: content_type(reply),
                cost: self.cost(reply).map(Cost::exact),
            };
        }
        no_picture(reply)
    }

    /// A success that is JSON.
    fn in_json(&self, json: &Value, base: &Url, reply: &Reply) -> Step {
        let named = self.image.is_some() || self.url.is_some();
        let error = error_member(json);
        let found = if named {
            find::at(json, self.image.as_deref(), self.url.as_deref(), base)
        } else if error.is_some() {
            // An error's own links (`"url": "https://docs…"`) are no pictures.
            Found::Nothing
        } else {
            find::anywhere(json)
        };
        Step::Done(match found {
            Found::Picture(bytes) => {
                Answer::Image { bytes, content_type: None, cost: self.cost(reply).map(Cost::exact) }
            }
            Found::Address(url) => return Step::Fetch(url),
            Found::BadBase64 => {
                broken("bad_base64", "the picture in the answer is no valid base64")
            }
            Found::NotAPicture => broken(
                "not_an_image",
                "the base64 in the answer is of something that is no picture",
            ),
            Found::Nothing => match error {
                Some(words) => broken("json_error", words),
                None => {
                    broken("no_image", message_in(json).unwrap_or_else(|| self.nothing_there()))
                }
            },
        })
    }

    fn nothing_there(&self) -> String {
        match self.image.as_ref().or(self.url.as_ref()) {
            Some(place) => format!("the answer has no picture at `{}`", tidy(place)),
            None => "the answer has no picture in the usual places: say where it is with \
                     `response: {image: /pointer}`"
                .to_owned(),
        }
    }
}

/// What the reply to a download means. A download never says anything of the key or the model, so that no
/// status of it is fatal.
pub(in crate::providers) fn of_download(reply: &Reply) -> Answer {
    match reply.status {
        200..=299 if picture_format(&reply.body).is_some() => Answer::Image {
            bytes: reply.body.clone(),
            content_type: content_type(reply),
            cost: None,
        },
        200..=299 => no_picture(reply),
        408 | 425 | 429 | 500.. => Answer::Fault(Fault {
            kind: if reply.status == 429 { FaultKind::RateLimited } else { FaultKind::ServerFault },
            words: format!("downloading the picture: {}", provider_words(reply)),
            retry_after: None,
        }),
        status => broken(
            "download_failed",
            format!("the picture's address answers HTTP {status}: {}", provider_words(reply)),
        ),
    }
}

/// A success without a picture.
fn no_picture(reply: &Reply) -> Answer {
    let start = reply.body.get(..1024).unwrap_or(&reply.body);
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let start = start.trim_start_matches('\u{FEFF}').trim_start();
    let kind = content_type(reply).unwrap_or_default().to_ascii_lowercase();
    if reply.body.iter().all(u8::is_ascii_whitespace) {
        broken("empty", format!("HTTP {} with an empty body", reply.status))
    } else if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.starts_with(tag))
        || (kind.starts_with("text/html") && start.starts_with('<'))
    {
        broken("html", format!("a web page instead of a picture: {}", provider_words(reply)))
    } else if kind.contains("json") || start.starts_with('{') {
        broken("bad_json", format!("no JSON with a picture: {}", provider_words(reply)))
    } else {
        broken(
            "not_an_image",
            format!("{} bytes that are no known picture format", reply.body.len()),
        )
    }
}

/// What a failure means, by its status and its code.
pub(in crate::providers) fn fault(reply: &Reply, json: Option<&Value>) -> Fault {
    let kind = match reply.status {
        402 => FaultKind::OutOfCredit,
        400..=499 if has_code(json, &CREDIT_CODES) => FaultKind::OutOfCredit,
        401 | 403 => FaultKind::Auth,
        410 => FaultKind::ModelRetired,
        400..=499 if says_model_is_gone(json) => FaultKind::ModelRetired,
        429 => FaultKind::RateLimited,
        // The gateway gave up on a server that may still be drawing, and charging (524 is Cloudflare's).
        504 | 524 => FaultKind::TimeoutUnknown,
        408 | 425 | 500..=599 => FaultKind::ServerFault,
        _ => FaultKind::BadRequest,
    };
    let words = provider_words(reply);
    let words =
        if words.starts_with("HTTP ") { words } else { format!("HTTP {}: {words}", reply.status) };
    Fault { kind, words, retry_after: None }
}

/// A refusal in the provider's words, and where the answer says when it came: OpenAI's
/// `error.moderation_details.moderation_stage`.
pub(in crate::providers) fn refusal(reply: &Reply, json: Option<&Value>) -> Answer {
    let stage = json
        .and_then(|json| json.pointer("/error/moderation_details/moderation_stage"))
        .and_then(Value::as_str);
    let stage = match stage {
        Some("input") => Stage::Input,
        Some("output") => Stage::Output,
        _ => Stage::Unknown,
    };
    Answer::Refused { stage, words: provider_words(reply) }
}

fn says_model_is_gone(json: Option<&Value>) -> bool {
    codes(json).any(|code| {
        code.contains("model")
            && [
                "not_found",
                "notfound",
                "retired",
                "deprecated",
                "decommissioned",
                "does_not_exist",
            ]
            .iter()
            .any(|word| code.contains(word))
    })
}

/// The error codes of a JSON answer, in lower case, with `_` between words.
fn codes(json: Option<&Value>) -> impl Iterator<Item = String> {
    CODES
        .iter()
        .filter_map(move |place| json?.pointer(place)?.as_str())
        .filter(|code| code.len() <= 100)
        .map(|code| code.to_lowercase().replace(['-', ' '], "_"))
}

pub(in crate::providers) fn has_code(json: Option<&Value>, known: &[&str]) -> bool {
    codes(json).any(|code| known.contains(&code.as_str()))
}

/// Whether a JSON value is what the policy wrote as text.
fn is_value(found: &Value, wanted: &str) -> bool {
    match found {
        Value::String(text) => text == wanted,
        Value::Bool(value) => wanted == if *value { "true" } else { "false" },
        Value::Number(number) => number.to_string() == wanted,
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(wanted)),
        _ => false,
    }
}

/// The words of an `error` or `errors` member that says something.
fn error_member(json: &Value) -> Option<String> {
    let member =
        ["error", "errors"].iter().find_map(|name| json.get(name).filter(|v| says_something(v)))?;
    Some(message_in(json).unwrap_or_else(|| tidy(&member.to_string())))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn content_type(reply: &Reply) -> Option<String> {
    reply.header("content-type").map(tidy)
}

fn broken(kind: &str, words: impl Into<String>) -> Answer {
    Answer::Broken { kind: kind.to_owned(), words: words.into() }
}
