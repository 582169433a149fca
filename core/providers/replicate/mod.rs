//! The kind `replicate`: the models of many makers on Replicate.
//!
//! Wire: `POST /v1/models/{owner}/{name}/predictions`, or `/v1/predictions` with a version, answers a prediction: `{"id", "status",
//! "output", "error", "metrics", "urls"}`, finished where it was within the wait that `Prefer` asks for, else to be asked for. The
//! output is an address, a list of them, or a `data:` URI. A refusal is a failure whose `error` says so. Errors are `{"title",
//! "detail", "status"}`. Sources: the vendor's documentation of its HTTP API and of the life of predictions, and its changelog of
//! 2025-10-16 on deadlines; not verified are the words of refusals, how long addresses are good, and whether some want the key.

mod server;

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use url::Url;

use super::http::fault;
use super::job::is_part;
use super::manners::{self, Manners};
use super::registry::Kind;
use super::words::tidy;
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, Text, broken, catalogue,
    job, json, picture_format, provider_words, refused,
};
use crate::policy::{FromNode as _, Node, Problems, Provider, ProviderVocabulary, Settings};
use crate::units::{Cost, CostBasis, Usd};

/// The vendor's own address.
const DEFAULT_URL: &str = "https://api.replicate.com/v1";

/// The vendor's host, to which alone the key goes.
const HOST: &str = "api.replicate.com";

/// How often a prediction is asked for that took longer than the wait.
const POLL: Duration = Duration::from_millis(500);

/// The longest wait that `Prefer` may ask for, in seconds.
const LONGEST_WAIT: u64 = 60;

/// The shortest deadline that the vendor takes, in seconds.
const SHORTEST_DEADLINE: u64 = 5;

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "replicate",
        doc: "Replicate: the models of many makers, by `owner/name`.",
        keys: &["image_field", "mask_field", "send_seed", "per_second"],
        read,
        schema,
        default_url: Some(DEFAULT_URL),
        hosts: &[HOST, "replicate.delivery", "*.replicate.delivery"],
        params: &[
            "aspect_ratio",
            "width",
            "height",
            "size",
            "resolution",
            "negative_prompt",
            "num_inference_steps",
            "steps",
            "guidance",
            "guidance_scale",
            "cfg",
            "prompt_strength",
            "output_format",
            "output_quality",
            "go_fast",
            "megapixels",
            "safety_tolerance",
            "disable_safety_checker",
            "prompt_upsampling",
            "scale",
            "scale_factor",
            "scheduler",
            "face_enhance",
        ],
        list_price: Some(|model, params| {
            catalogue::list_price("replicate", model.split(':').next().unwrap_or(model), params)
        }),
        // `per_second` is the policy's own word for what an answer's time costs.
        answer_first: true,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

/// What the policy says besides.
#[derive(Clone, Debug)]
struct Own {
    manners: Manners,
    per_second: Option<Usd>,
}

fn read(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    let manners = manners::read(node, (None, None), problems);
    let mut reader = crate::policy::TableReader::open_any(node, problems)?;
    let per_second: Option<Option<Usd>> = reader.read("per_second", None, problems);
    Some(Settings::new(Own { manners: manners?, per_second: per_second? }))
}

fn schema() -> Value {
    let mut schema = manners::schema((None, None));
    if let Some(keys) = schema.as_object_mut() {
        let mut price = Usd::schema();
        if let Some(members) = price.as_object_mut() {
            let doc = "What a second of `metrics.predict_time` costs, for models that are paid by the time; `price` is what is set aside.";
            members.insert("description".to_owned(), doc.into());
        }
        keys.insert("per_second".to_owned(), price);
    }
    schema
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let own = provider
        .settings
        .get::<Own>()
        .cloned()
        .ok_or_else(|| format!("provider `{}`: its settings were not read", provider.name))?;
    Ok(Box::new(Replicate {
        base: super::base_url(provider, DEFAULT_URL, "v1")?,
        key: super::one_key(provider)?,
        own,
        timeout: provider.timeout.as_secs(),
    }))
}

/// Replicate, set up.
#[derive(Clone, Debug)]
struct Replicate {
    base: Url,
    key: Option<String>,
    own: Own,
    /// How long an attempt may take, in seconds.
    timeout: u64,
}

impl Replicate {
    fn headers(&self) -> Vec<(String, Vec<Text>)> {
        json::keyed("authorization", "Bearer ", self.key.as_ref())
    }

    fn poll(&self, url: Url) -> Step {
        Step::Poll(json::get(url, self.headers()), POLL)
    }

    /// Where to ask for a prediction.
    fn prediction(&self, json: &Value) -> Option<Url> {
        let told = json::text(json, "/urls/get");
        let told = told.and_then(|told| job::keyed(&self.base, told, |host| host == HOST));
        told.or_else(|| {
            let id = json::text(json, "/id").filter(|id| job::is_name(id))?;
            super::below(&self.base, &["predictions", id]).ok()
        })
    }

    /// The picture of a prediction that has one.
    fn picture(&self, json: &Value) -> Step {
        let Some(output) = json.pointer("/output").and_then(first_text) else {
            let removed = json.pointer("/data_removed").and_then(Value::as_bool) == Some(true);
            return Step::Done(if removed {
                failed(FaultKind::ResultExpired, "the prediction's output is removed")
            } else {
                broken("empty", "the prediction succeeded, and has no output")
            });
        };
        // A file that the API itself keeps is handed out to the key alone.
        let files = format!("{}/files/", self.base.path().trim_end_matches('/'));
        match job::keyed(&self.base, output, |host| host == HOST) {
            Some(url) if url.path().starts_with(&files) => self.poll(url),
            _ => job::picture_at(output),
        }
    }
}

/// The first text: of a list its first item's, of a table that at the usual names.
fn first_text(output: &Value) -> Option<&str> {
    let text = match output {
        Value::Array(items) => return items.first().and_then(first_text),
        Value::Object(members) => {
            ["image", "images", "url"].iter().find_map(|name| match members.get(*name)? {
                Value::Array(items) => items.first()?.as_str(),
                value => value.as_str(),
            })
        }
        value => value.as_str(),
    };
    text.filter(|text| !text.is_empty())
}

impl Dialect for Replicate {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let (name, version) = match order.model.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (order.model, None),
        };
        let maker = name.split_once('/').filter(|(owner, name)| is_part(owner) && is_part(name));
        let Some((owner, name)) = maker.filter(|_| version.is_none_or(is_part)) else {
            return Err("Replicate's models are `owner/name`, or `owner/name:version`".to_owned());
        };
        let mut body = Map::new();
        let path: &[&str] = match version {
            Some(version) => {
                body.insert("version".to_owned(), version.into());
                &["predictions"]
            }
            None => &["models", owner, name, "predictions"],
        };
        body.insert("input".to_owned(), manners::input(&self.own.manners, order)?.into());
        let mut headers = self.headers();
        // The answer to a wait that is as long as the attempt would come too late, and with it the name to ask by.
        let wait = (self.timeout / 2).clamp(1, LONGEST_WAIT);
        headers.push(json::plain("prefer", &format!("wait={wait}")));
        // What nobody waits for any more is not to be paid for.
        let deadline = self.timeout.max(SHORTEST_DEADLINE);
        headers.push(json::plain("cancel-after", &format!("{deadline}s")));
        json::post(super::below(&self.base, path)?, headers, &Value::Object(body))
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        let success = (200..300).contains(&reply.status);
        // A file that the API keeps.
        if success && picture_format(&reply.body).is_some() {
            let content_type = reply.header("content-type").map(tidy);
            let bytes = reply.body.clone();
            return Step::Done(Answer::Image { bytes, content_type, cost: None });
        }
        let json = json::of(reply);
        if !success {
            return Step::Done(Answer::Fault(fault_of(reply, json.as_ref())));
        }
        let Some(json) = json else {
            let words = format!("no JSON: {}", provider_words(reply));
            return Step::Done(broken("bad_json", words));
        };
        let error = json::text(&json, "/error").filter(|error| !error.is_empty());
        match json::text(&json, "/status").unwrap_or_default() {
            "succeeded" => self.picture(&json),
            "failed" => Step::Done(failure(error.unwrap_or("the prediction failed"))),
            "aborted" => Step::Done(failed(
                FaultKind::ServerFault,
                "the prediction did not start within the provider's `timeout`, and is not charged",
            )),
            "canceled" => Step::Done(failed(
                FaultKind::TimeoutUnknown,
                "the prediction was not done within the provider's `timeout`, and is charged for its time",
            )),
            "" => Step::Done(match error {
                Some(error) => broken("json_error", tidy(error)),
                None => broken("empty", "an answer without a prediction"),
            }),
            // `starting`, `processing`, and whatever comes to be said of one that is under way.
            _ => match self.prediction(&json) {
                Some(url) => self.poll(url),
                None => Step::Done(broken("no_job", "a prediction without a name to ask by")),
            },
        }
    }

    fn cost(&self, _: &str, reply: &Reply) -> Option<Cost> {
        let price = self.own.per_second.filter(|_| (200..300).contains(&reply.status))?;
        // What failed is not charged.
        if json::member(reply, "status")?.as_str() != Some("succeeded") {
            return None;
        }
        let seconds = json::amount(&json::member(reply, "metrics")?, "/predict_time")?;
        let amount = price.as_decimal().checked_mul(seconds)?;
        // To a millionth of a dollar, and never too little.
        let amount = amount.round_dp_with_strategy(6, rust_decimal::RoundingStrategy::AwayFromZero);
        let amount = Usd::from_decimal(amount.max(Decimal::ZERO));
        Some(Cost { amount, basis: CostBasis::Computed })
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        job::from_shelf(reply)
    }
}

fn failed(kind: FaultKind, words: &str) -> Answer {
    Answer::Fault(Fault { kind, words: words.to_owned(), retry_after: None })
}

/// What a failure of a prediction means, by its words: models say in their own that they refuse, and no code does.
fn failure(error: &str) -> Answer {
    let words = tidy(error);
    let lower = words.to_ascii_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| lower.contains(word));
    if says(&["nsfw"]) {
        refused(Stage::Output, words)
    } else if says(&[
        "flagged as sensitive",
        "(e005)",
        "content policy",
        "safety system",
        "moderat",
    ]) {
        refused(Stage::Unknown, words)
    } else {
        failed(FaultKind::ServerFault, &words)
    }
}

/// What an error means. It says only in words how long to wait: `resets in ~30s`.
fn fault_of(reply: &Reply, json: Option<&Value>) -> Fault {
    let mut fault = fault(reply, json);
    if reply.status == 404 {
        fault.kind = FaultKind::ModelRetired;
    }
    let detail = json.and_then(|json| json::text(json, "/detail")).unwrap_or_default();
    if let Some((_, after)) = detail.split_once("resets in ~") {
        let digits: String = after.chars().take_while(char::is_ascii_digit).take(6).collect();
        fault.retry_after = digits.parse().ok().map(Duration::from_secs);
    }
    fault
}

#[cfg(test)]
mod tests;
