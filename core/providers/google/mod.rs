//! The kind `google`: Gemini's pictures and answers by `:generateContent`, Imagen's pictures by `:predict`.
//!
//! Wire: `POST {base}/models/{id}:generateContent` with the key in `x-goog-api-key`. Refusals come under 200, as
//! `promptFeedback.blockReason` or as a `finishReason`; a key that is not valid is a 400. Sources: the converters and
//! enumerations of the package google-genai 3.4.0, and for Imagen of 1.60.0, whose models are retired since 2026-08-17.

mod ask;
mod draw;
mod imagen;
mod server;
pub(super) mod vertex;

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::ask::Asker;
use super::catalogue::{self, Usage};
use super::http::fault;
use super::registry::Kind;
use super::{Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Step, Text, json};
use crate::policy::{Ability, Provider, ProviderVocabulary};
use crate::units::Cost;

/// Gemini's own address.
const DEFAULT_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// The parameters that its models know, as the vendor names them in Python.
const PARAMS: &[&str] = &[
    "aspect_ratio",
    "image_size",
    "thinking_level",
    "temperature",
    "top_p",
    "safety_settings",
    "person_generation",
    "safety_setting",
    "guidance_scale",
    "language",
    "output_mime_type",
    "compression_quality",
];

/// Those that its models know on Vertex AI: the same, and some that exist there alone.
const PARAMS_OF_VERTEX: &[&str] = &[
    "aspect_ratio",
    "image_size",
    "thinking_level",
    "temperature",
    "top_p",
    "safety_settings",
    "person_generation",
    "safety_setting",
    "guidance_scale",
    "language",
    "output_mime_type",
    "compression_quality",
    "prominent_people",
    "negative_prompt",
    "add_watermark",
    "enhance_prompt",
];

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "google",
        doc: "Google's Gemini API: the Nano Banana models by `generateContent`, Imagen by `predict`, and questions about pictures.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &["generativelanguage.googleapis.com"],
        params: PARAMS,
        list_price: Some(|model, params| catalogue::list_price("google", model, params)),
        answer_first: false,
        draws: true,
        answers: &[Ability::Questions],
    },
    open,
    rehearsal: Some(&server::Server { vertex: false }),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v1beta")?;
    let key = super::one_key(provider)?;
    let headers = json::keyed("x-goog-api-key", "", key.as_ref());
    Ok(Box::new(Google { base, headers, house: House::Gemini }))
}

/// Under which roof Google's models are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum House {
    /// The Gemini API.
    Gemini,
    /// Vertex AI.
    Vertex,
}

impl House {
    /// The kind of provider, for the list of prices.
    const fn kind(self) -> &'static str {
        match self {
            Self::Gemini => "google",
            Self::Vertex => vertex::NAME,
        }
    }
}

/// Google, set up.
#[derive(Clone, Debug)]
struct Google {
    /// The address up to `/models`.
    base: Url,
    /// The headers of authentication.
    headers: Vec<(String, Vec<Text>)>,
    house: House,
}

impl Google {
    /// The address of a method of a model. No id leaves its place in the path.
    fn address(&self, model: &str, method: &str) -> Result<Url, String> {
        let model = model.strip_prefix("models/").unwrap_or(model);
        super::below(&self.base, &["models", &format!("{model}:{method}")])
    }
}

impl Dialect for Google {
    fn version(&self) -> u32 {
        2
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let (method, body) = body(self.house, order)?;
        json::post(self.address(order.model, method)?, self.headers.clone(), &body)
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        Step::Done(meaning(order.model, reply))
    }

    fn cost(&self, model: &str, reply: &Reply) -> Option<Cost> {
        cost(self.house, model, reply)
    }

    fn home(&self) -> Option<&Url> {
        Some(&self.base)
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        Answer::Fault(fault_of("", reply))
    }

    fn asker(&self) -> Option<&dyn Asker> {
        Some(self)
    }
}

/// Whether a model is one of Imagen's, which have a wire of their own.
fn is_imagen(model: &str) -> bool {
    model.strip_prefix("models/").unwrap_or(model).starts_with("imagen-")
}

/// The method and the body of an order.
fn body(house: House, order: &Order<'_>) -> Result<(&'static str, Value), String> {
    if is_imagen(order.model) {
        imagen::body(house, order).map(|body| ("predict", body))
    } else {
        draw::body(house, order).map(|body| ("generateContent", body))
    }
}

/// What a reply to an order means.
fn meaning(model: &str, reply: &Reply) -> Answer {
    if !(200..300).contains(&reply.status) {
        return imagen::refused_at_once(model, reply)
            .unwrap_or_else(|| Answer::Fault(fault_of(model, reply)));
    }
    match json::of(reply) {
        None => super::broken("bad_json", format!("no JSON: {}", super::provider_words(reply))),
        Some(json) if is_imagen(model) => imagen::meaning(&json),
        Some(json) => draw::meaning(&json),
    }
}

/// What a reply says that it cost: by `usageMetadata`, and nothing for what Imagen filtered.
fn cost(house: House, model: &str, reply: &Reply) -> Option<Cost> {
    if !(200..300).contains(&reply.status) {
        return None;
    }
    if is_imagen(model) {
        return imagen::cost(&json::of(reply)?);
    }
    let usage = usage(&json::member(reply, "usageMetadata")?)?;
    catalogue::usage_price(house.kind(), model, &usage)
}

/// Reasons to end that are the safety policy's (`FinishReason` of the API).
fn is_refusal(reason: &str) -> bool {
    const REFUSALS: [&str; 9] = [
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "RECITATION",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    ];
    REFUSALS.contains(&reason)
}

/// What an error of this API means: `{"error": {"code", "message", "status", "details"}}`.
fn fault_of(model: &str, reply: &Reply) -> Fault {
    let json = json::of(reply);
    let mut fault = fault(reply, json.as_ref());
    let json = json.unwrap_or_default();
    let at = |place: &str| json::text(&json, place).unwrap_or_default();
    let details = || json.pointer("/error/details").and_then(Value::as_array).into_iter().flatten();
    let because = |reason: &str| {
        details().any(|detail| detail.get("reason").and_then(Value::as_str) == Some(reason))
    };
    let message = at("/error/message").to_ascii_lowercase();
    if because("BILLING_DISABLED") {
        fault.kind = FaultKind::OutOfCredit;
    } else if because("API_KEY_INVALID")
        || (reply.status == 400 && at("/error/status") == "FAILED_PRECONDITION")
    {
        fault.kind = FaultKind::Auth;
    } else if reply.status == 404 {
        fault.kind = not_found(model, &message);
    } else if reply.status == 429 && details().any(says_a_day) {
        // Nothing comes before midnight: to wait for it is no use.
        fault.kind = FaultKind::OutOfCredit;
    }
    // `RetryInfo` says `"retryDelay": "12s"`.
    fault.retry_after = details()
        .filter_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s'))
        .filter_map(|seconds| Duration::try_from_secs_f64(seconds.parse().ok()?).ok())
        .next()
        .or(fault.retry_after);
    fault
}

/// A model that is unknown or gone is named in the message; another name is an internal one, of a load balancer that sent
/// the request astray, and the next request may arrive.
fn not_found(model: &str, message: &str) -> FaultKind {
    let model = model.strip_prefix("models/").unwrap_or(model).to_ascii_lowercase();
    let named = !model.is_empty() && message.contains(&model);
    if named || message.contains("no longer available") || !message.contains("models/") {
        FaultKind::ModelRetired
    } else {
        FaultKind::ServerFault
    }
}

/// Whether a detail of an error is a `QuotaFailure` of a quota by the day.
fn says_a_day(detail: &Value) -> bool {
    let violations = detail.get("violations").and_then(Value::as_array);
    let ids = violations.into_iter().flatten().filter_map(|it| it.get("quotaId")?.as_str());
    ids.into_iter().any(|id| id.contains("PerDay"))
}

/// What a usage is made of, where the answer says it: `[{"modality", "tokenCount"}]`.
fn tokens_of(json: &Value, place: &str, modality: &str) -> Option<u64> {
    let details = json.pointer(place)?.as_array().filter(|details| !details.is_empty())?;
    let of = |detail: &Value| {
        let is = detail.get("modality").and_then(Value::as_str) == Some(modality);
        detail.get("tokenCount").and_then(Value::as_u64).filter(|_| is)
    };
    Some(details.iter().filter_map(of).fold(0, u64::saturating_add))
}

/// The usage that `usageMetadata` tells. Where it is not told apart, the dearer is taken: what comes out is the picture.
fn usage(json: &Value) -> Option<Usage> {
    let all_in = json::number(json, "/promptTokenCount")?;
    let all_out = json::number(json, "/candidatesTokenCount").unwrap_or(0);
    let thoughts = json::number(json, "/thoughtsTokenCount").unwrap_or(0);
    let image_in = tokens_of(json, "/promptTokensDetails", "IMAGE").unwrap_or(0).min(all_in);
    let image_out =
        tokens_of(json, "/candidatesTokensDetails", "IMAGE").unwrap_or(all_out).min(all_out);
    Some(Usage {
        text_in: all_in - image_in,
        image_in,
        text_out: (all_out - image_out).saturating_add(thoughts),
        image_out,
    })
}
