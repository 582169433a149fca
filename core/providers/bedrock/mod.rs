//! The kind `bedrock`: models of Stability AI, and Amazon's own, by InvokeModel of AWS Bedrock.
//!
//! Wire: `POST https://bedrock-runtime.{region}.amazonaws.com/model/{id}/invoke` of JSON, signed with AWS Signature Version 4 for
//! the service `bedrock`, or with a Bedrock API key behind `Bearer`. The body and the answer are the model's own; what was
//! filtered comes under 200 (Stability: `finish_reasons`; Amazon: `error`), and a prompt that Amazon's models turn away as a
//! `ValidationException`. Errors have their name in `x-amzn-errortype`, or in `__type`, and words in `message`. Sources: the model
//! parameters and the model lifecycle of the Bedrock documentation; names of errors besides throttling are from memory.

mod amazon;
mod server;
mod settings;
mod stability;

use serde_json::Value;
use url::Url;

use self::settings::Access;
use super::http::fault;
use super::registry::Kind;
use super::words::message_in;
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, Text, broken, catalogue,
    json, provider_words, refused,
};
use crate::policy::{Provider, ProviderVocabulary};

/// The kind's name.
const NAME: &str = "bedrock";

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: NAME,
        doc: "AWS Bedrock: Stability AI's models and upscalers, and Amazon's own, signed with AWS keys or with a Bedrock API key.",
        keys: &["region"],
        read: settings::read,
        schema: settings::schema,
        // Never asked there without a region: the policy must give one.
        default_url: Some("https://bedrock-runtime.us-east-1.amazonaws.com"),
        hosts: &[],
        params: &[
            "negative_prompt",
            "aspect_ratio",
            "output_format",
            "strength",
            "style_preset",
            "creativity",
            "control_strength",
            "search_prompt",
            "select_prompt",
            "grow_mask",
            "left",
            "right",
            "up",
            "down",
            "width",
            "height",
            "quality",
            "cfg_scale",
        ],
        list_price: Some(|model, params| catalogue::list_price(NAME, model, params)),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let region = provider.settings.get::<settings::Region>().ok_or_else(|| {
        format!("provider `{}`: the kind `{NAME}` needs a `region`", provider.name)
    })?;
    let region = region.0.as_str();
    let base = match &provider.url {
        Some(url) => url.clone(),
        None => {
            let own = format!("https://bedrock-runtime.{region}.amazonaws.com");
            own.parse().map_err(|error| format!("{own}: {error}"))?
        }
    };
    let access = Access::of(&provider.api_key_env, region)
        .map_err(|words| format!("provider `{}`: {words}", provider.name))?;
    Ok(Box::new(Bedrock { base, access }))
}

/// Bedrock, set up.
#[derive(Clone, Debug)]
struct Bedrock {
    base: Url,
    access: Access,
}

impl Bedrock {
    /// The address of a model. Its id stands in the path percent-encoded, also the `:` that a path may hold as it is: that is how
    /// AWS reads it when it checks the signature.
    fn address(&self, model: &str) -> Result<Url, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/');
        let dots = model.split('/').any(|part| matches!(part, "" | "." | ".."));
        if dots || !model.chars().all(plain) {
            return Err(
                "Bedrock's models are ids such as `stability.sd3-5-large-v1:0`, or ARNs".to_owned()
            );
        }
        let model = model.replace(':', "%3A").replace('/', "%2F");
        let mut url = self.base.clone();
        let path = format!("{}/model/{model}/invoke", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }
}

/// Whose wire a model speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Stability,
    Amazon,
}

impl Wire {
    /// By the model's id, whatever region or ARN stands before it.
    fn of(model: &str) -> Result<Self, String> {
        if model.contains("stability.") {
            Ok(Self::Stability)
        } else if model.contains("amazon.nova-canvas") || model.contains("amazon.titan-image") {
            Ok(Self::Amazon)
        } else {
            Err("of Bedrock's models, `stability.…`, `amazon.nova-canvas-…` and `amazon.titan-image-…` are known".to_owned())
        }
    }
}

impl Dialect for Bedrock {
    fn version(&self) -> u32 {
        2
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let body = match Wire::of(order.model)? {
            Wire::Stability => stability::body(order)?,
            Wire::Amazon => amazon::body(order)?,
        };
        let mut headers = vec![json::plain("accept", "application/json")];
        headers.extend(self.access.headers());
        json::post(self.address(order.model)?, headers, &body)
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        Step::Done(meaning(order.model, reply))
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        Answer::Fault(fault_of(reply, json::of(reply).as_ref()))
    }

    fn home(&self) -> Option<&Url> {
        Some(&self.base)
    }
}

/// What a reply to an order means.
fn meaning(model: &str, reply: &Reply) -> Answer {
    let json = json::of(reply);
    if !(200..300).contains(&reply.status) {
        let fault = fault_of(reply, json.as_ref());
        if fault.kind == FaultKind::BadRequest && amazon::refuses(&fault.words) {
            return refused(Stage::Input, provider_words(reply));
        }
        return Answer::Fault(fault);
    }
    let Some(json) = json else {
        return broken("bad_json", format!("no JSON: {}", provider_words(reply)));
    };
    let ended = match Wire::of(model) {
        Ok(Wire::Stability) => stability::ended(&json),
        Ok(Wire::Amazon) => amazon::ended(&json),
        Err(_) => None,
    };
    if let Some(answer) = ended {
        return answer;
    }
    match json::text(&json, "/images/0").filter(|data| !data.is_empty()) {
        Some(data) => match super::http::decode(data) {
            Some(bytes) => Answer::Image { bytes, content_type: None, cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        },
        None => match message_in(&json) {
            Some(words) => broken("json_error", words),
            None => broken("empty", "an answer without a picture"),
        },
    }
}

/// The name of an error: `ValidationException`, without what AWS puts around it.
fn name_of<'a>(reply: &'a Reply, json: Option<&'a Value>) -> &'a str {
    let name = reply
        .header("x-amzn-errortype")
        .or_else(|| json::text(json?, "/__type"))
        .unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default()
}

/// What an error means.
fn fault_of(reply: &Reply, json: Option<&Value>) -> Fault {
    let mut fault = fault(reply, json);
    let words = fault.words.to_ascii_lowercase();
    let gone = ["end of its life", "model identifier is invalid"];
    fault.kind = match name_of(reply, json) {
        "ResourceNotFoundException" => FaultKind::ModelRetired,
        "ValidationException" if gone.iter().any(|phrase| words.contains(phrase)) => {
            FaultKind::ModelRetired
        }
        // An account whose subscription of a model can't be paid.
        "AccessDeniedException" if words.contains("payment_instrument") => FaultKind::OutOfCredit,
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationTokenException" => FaultKind::Auth,
        "ThrottlingException" | "ModelNotReadyException" | "ServiceQuotaExceededException" => {
            FaultKind::RateLimited
        }
        // The model was at work, and may have been paid.
        "ModelTimeoutException" => FaultKind::TimeoutUnknown,
        "ModelErrorException" => FaultKind::ServerFault,
        _ => fault.kind,
    };
    fault
}

#[cfg(test)]
mod tests;
