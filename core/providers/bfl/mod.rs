//! The kind `bfl`: FLUX of Black Forest Labs.
//!
//! Wire: `POST /v1/{model}` with the key in `x-key` answers `{"id", "polling_url", "cost"}`; the polling address, which may be on
//! a host of a region, answers `{"id", "status", "result"}`, and does not say again where it is. `result.sample` is signed
//! and good for some ten minutes, without the key. A refusal is a status of the job, under 200. Errors are FastAPI's
//! `detail`. Sources: the vendor's documentation and its package @ai-sdk/black-forest-labs as of 2026-11-23; not verified are
//! what a moderated job costs, the words of failed jobs, and the fields of the fill and expand models.

mod server;

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use url::Url;

use super::http::{encode, fault};
use super::registry::Kind;
use super::words::{message_in, tidy};
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, Text, broken, catalogue,
    job, json, provider_words, refused,
};
use crate::policy::{Provider, ProviderVocabulary, Task};
use crate::units::{Cost, CostBasis, Usd};

/// The vendor's own address, which sends each order to a region.
const DEFAULT_URL: &str = "https://api.bfl.ai/v1";

/// How often a picture is asked for: what the documentation's examples do.
const POLL: Duration = Duration::from_millis(500);

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "bfl",
        doc: "Black Forest Labs: FLUX, pictures and edits.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &["*.bfl.ai"],
        params: &[
            "width",
            "height",
            "aspect_ratio",
            "output_format",
            "safety_tolerance",
            "prompt_upsampling",
            "steps",
            "guidance",
            "raw",
            "top",
            "bottom",
            "left",
            "right",
        ],
        list_price: Some(|model, params| catalogue::list_price("bfl", model, params)),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v1")?;
    Ok(Box::new(Bfl { base, key: super::one_key(provider)? }))
}

/// Black Forest Labs, set up.
#[derive(Clone, Debug)]
struct Bfl {
    base: Url,
    key: Option<String>,
}

/// Whether a host is one of the vendor's API: `api.bfl.ai`, `gateway.bfl.ai`, or one of them in a region, as in
/// `api.eu.bfl.ai`. Those of its pictures get no key.
fn is_api(host: &str) -> bool {
    let Some(name) = host.strip_suffix(".bfl.ai") else { return false };
    let (service, region) = match name.split_once('.') {
        Some((service, region)) => (service, Some(region)),
        None => (name, None),
    };
    let plain = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric());
    matches!(service, "api" | "gateway") && region.is_none_or(plain)
}

/// Whether a model fills or expands a picture, of which it takes the picture under another name than the others.
fn paints_in(model: &str) -> bool {
    model.starts_with("flux-pro-1.0-fill") || model.starts_with("flux-pro-1.0-expand")
}

/// Whether a model draws from words alone.
fn draws_only(model: &str) -> bool {
    model.starts_with("flux-pro-1.1") || model == "flux-dev" || model == "flux-pro"
}

impl Bfl {
    fn headers(&self) -> Vec<(String, Vec<Text>)> {
        let mut headers = vec![json::plain("accept", "application/json")];
        headers.extend(json::keyed("x-key", "", self.key.as_ref()));
        headers
    }

    /// Where to ask for an order: as the answer says, where that is the vendor's own; else by the order's name.
    fn poll(&self, json: &Value) -> Option<Url> {
        let told = json::text(json, "/polling_url")?;
        job::keyed(&self.base, told, is_api).or_else(|| {
            let id = json::text(json, "/id").filter(|id| job::is_name(id))?;
            let mut url = super::below(&self.base, &["get_result"]).ok()?;
            url.query_pairs_mut().append_pair("id", id);
            Some(url)
        })
    }
}

impl Dialect for Bfl {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let model = order.model;
        if !model.starts_with("flux") || !job::is_part(model) {
            return Err("the models of Black Forest Labs are `flux-2-pro`, `flux-2-max`, `flux-kontext-pro` and their like"
                .to_owned());
        }
        match (order.task, order.image) {
            (Task::Upscale, _) => {
                return Err("the API of Black Forest Labs has no upscaler".to_owned());
            }
            (Task::Edit, None) => return Err("an edit needs the case's `image`".to_owned()),
            (_, Some(_)) if draws_only(model) => {
                return Err(format!(
                    "`{model}` takes no picture: name a model that edits, such as `flux-kontext-pro`"
                ));
            }
            (Task::TextToImage, None) if paints_in(model) => {
                return Err(format!("`{model}` needs a picture: give the case an `image`"));
            }
            _ => {}
        }
        if order.mask.is_some() && !model.starts_with("flux-pro-1.0-fill") {
            return Err(format!("`{model}` takes no mask: `flux-pro-1.0-fill` does"));
        }
        let mut body = Map::new();
        body.insert("prompt".to_owned(), order.prompt.into());
        body.insert("seed".to_owned(), order.seed_31().into());
        if let Some(image) = order.image {
            let name = if paints_in(model) { "image" } else { "input_image" };
            body.insert(name.to_owned(), encode(image).into());
        }
        if let Some(mask) = order.mask {
            body.insert("mask".to_owned(), encode(mask).into());
        }
        json::add_params(&mut body, order)?;
        json::post(super::below(&self.base, &[model])?, self.headers(), &Value::Object(body))
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        let json = json::of(reply);
        let status = json.as_ref().and_then(|json| json::text(json, "/status"));
        let status = status.unwrap_or_default().to_owned();
        // Whatever the HTTP status: the order is not there, or no longer.
        if status.eq_ignore_ascii_case("Task not found") {
            return Step::Done(failed(
                FaultKind::ResultExpired,
                "the order is not there, or no longer",
            ));
        }
        if !(200..300).contains(&reply.status) {
            return Step::Done(Answer::Fault(fault_of(reply, json.as_ref())));
        }
        let Some(json) = json else {
            let words = format!("no JSON: {}", provider_words(reply));
            return Step::Done(broken("bad_json", words));
        };
        if let Some(url) = self.poll(&json) {
            return Step::Poll(json::get(url, self.headers()), POLL);
        }
        match status.to_ascii_lowercase().as_str() {
            "ready" => match json::text(&json, "/result/sample").filter(|it| !it.is_empty()) {
                Some(sample) => job::picture_at(sample),
                None => Step::Done(broken("empty", "the order is ready, and has no picture")),
            },
            "request moderated" => Step::Done(refused(Stage::Input, words_of(&json, &status))),
            "content moderated" => Step::Done(refused(Stage::Output, words_of(&json, &status))),
            word if word.contains("moderated") => {
                Step::Done(refused(Stage::Unknown, words_of(&json, &status)))
            }
            word if word.contains("error") || word.contains("failed") => {
                Step::Done(failed(FaultKind::ServerFault, &words_of(&json, &status)))
            }
            "" => Step::Done(match message_in(&json) {
                Some(words) => broken("json_error", words),
                None => broken("empty", "an answer without an order or a picture"),
            }),
            // `Pending`, and whatever comes to be said of an order that is under way.
            _ => Step::Again(POLL),
        }
    }

    fn cost(&self, _: &str, reply: &Reply) -> Option<Cost> {
        // A credit is a cent.
        let credits = json::amount(&json::of(reply)?, "/cost")?;
        let amount = Usd::from_decimal(credits.checked_div(Decimal::ONE_HUNDRED)?);
        (200..300).contains(&reply.status).then_some(Cost { amount, basis: CostBasis::Computed })
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        job::from_shelf(reply)
    }
}

fn failed(kind: FaultKind, words: &str) -> Answer {
    Answer::Fault(Fault { kind, words: words.to_owned(), retry_after: None })
}

/// What an error means. An address that is not there is that of a model that is not there.
fn fault_of(reply: &Reply, json: Option<&Value>) -> Fault {
    let fault = fault(reply, json);
    if reply.status == 404 { Fault { kind: FaultKind::ModelRetired, ..fault } } else { fault }
}

/// What is said of a job that came to no picture: its status, and its details where there are some.
fn words_of(json: &Value, status: &str) -> String {
    match json.get("details") {
        None | Some(Value::Null) => tidy(status),
        Some(Value::String(details)) => tidy(&format!("{status}: {details}")),
        Some(details) => tidy(&format!("{status}: {details}")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::policy::Settings;
    use crate::providers::http::tests::{order, provider};

    fn dialect(url: Option<&str>) -> Box<dyn Dialect> {
        open(&provider("bfl", url, Settings::new(()))).unwrap()
    }

    fn reply(status: u16, body: &Value) -> Reply {
        Reply { status, headers: vec![], body: Bytes::from(body.to_string()) }
    }

    fn step(url: Option<&str>, status: u16, body: &Value) -> Step {
        let params = Map::new();
        dialect(url).understand(&order(&params), &reply(status, body))
    }

    /// Where a poll of an order goes, with its key.
    fn polled(url: Option<&str>, polling_url: &str) -> String {
        let body = json!({"id": "a1-b2", "polling_url": polling_url, "cost": 3});
        let Step::Poll(call, _) = step(url, 200, &body) else { panic!("{polling_url}") };
        let key = vec![Text::Secret("STUDIO_KEY".to_owned())];
        assert!(call.headers.contains(&("x-key".to_owned(), key)));
        call.url.into()
    }

    #[test]
    fn the_key_goes_to_the_vendor_s_regions_and_nowhere_else() {
        for region in [
            "https://api.eu1.bfl.ai/v1/get_result?id=x",
            "https://api.bfl.ai/v1/get_result?id=x",
            "https://gateway.us1.bfl.ai/v1/get_result?id=x",
        ] {
            assert_eq!(polled(None, region), region);
            assert_eq!(polled(Some("https://api.us.bfl.ai"), region), region);
        }
        for astray in [
            "https://evil.test/v1/get_result?id=x",
            "https://delivery-eu1.bfl.ai/x",
            "https://api..bfl.ai/x",
            "https://api.a.b.bfl.ai/x",
            "http://api.eu1.bfl.ai/x",
            "nonsense",
        ] {
            assert_eq!(polled(None, astray), "https://api.bfl.ai/v1/get_result?id=a1-b2");
        }
        let local = polled(Some("http://127.0.0.1:8787"), "https://api.bfl.ai/v1/get_result?id=x");
        assert_eq!(local, "http://127.0.0.1:8787/v1/get_result?id=a1-b2");
        // Without an address and a name there is nothing to ask for.
        let body = json!({"id": "../admin", "polling_url": "https://evil.test/"});
        assert!(matches!(step(None, 200, &body), Step::Done(Answer::Broken { .. })));
    }

    #[test]
    fn every_status_of_a_job_has_a_meaning() {
        let said = |status: &str| {
            let body = json!({"id": "a1", "status": status, "result": null, "details": {"Moderation Reasons": ["Violence"]}});
            step(None, 200, &body)
        };
        for under_way in ["Pending", "Reviewing"] {
            assert_eq!(said(under_way), Step::Again(POLL));
        }
        for (status, stage) in [
            ("Request Moderated", Stage::Input),
            ("Content Moderated", Stage::Output),
            ("Derivative Works Moderated", Stage::Unknown),
        ] {
            let words = format!("{status}: {{\"Moderation Reasons\":[\"Violence\"]}}");
            assert_eq!(said(status), Step::Done(refused(stage, words)));
        }
        let Step::Done(Answer::Fault(fault)) = said("Error") else { panic!() };
        assert_eq!(fault.kind, FaultKind::ServerFault);
        let Step::Done(Answer::Broken { kind, .. }) = said("Ready") else { panic!() };
        assert_eq!(kind, "empty");
        for http in [200, 404] {
            let gone = step(None, http, &json!({"id": "a1", "status": "Task not found"}));
            let Step::Done(Answer::Fault(fault)) = gone else { panic!("{gone:?}") };
            assert_eq!(fault.kind, FaultKind::ResultExpired);
        }
        let sample =
            json!({"status": "Ready", "result": {"sample": "https://delivery-us1.bfl.ai/x?sig=1"}});
        let url = "https://delivery-us1.bfl.ai/x?sig=1".parse().unwrap();
        assert_eq!(step(None, 200, &sample), Step::Fetch(url));
    }

    #[test]
    fn a_credit_is_a_cent() {
        let cost = |status, body: &Value| dialect(None).cost("flux-2-pro", &reply(status, body));
        let four_and_a_half = cost(200, &json!({"id": "a1", "cost": 4.5})).unwrap();
        assert_eq!(four_and_a_half.amount.to_string(), "$0.045");
        assert_eq!(four_and_a_half.basis, CostBasis::Computed);
        for none in [json!({"cost": null}), json!({"cost": -3}), json!({"cost": 1e300}), json!({})]
        {
            assert_eq!(cost(200, &none), None, "{none}");
        }
        assert_eq!(cost(402, &json!({"cost": 4.5})), None);
    }

    #[test]
    fn a_picture_goes_under_the_name_that_its_model_knows() {
        let (params, image) = (Map::new(), Bytes::from_static(b"\x89PNG\r\n\x1a\n"));
        let sent = |model, mask| {
            let order =
                Order { model, task: Task::Edit, image: Some(&image), mask, ..order(&params) };
            let call = dialect(None).begin(&order)?;
            Ok::<_, String>(String::from_utf8(call.body.to_vec()).unwrap())
        };
        let data = r#""iVBORw0KGgo=""#;
        let plain = format!(r#"{{"prompt":"a cat","seed":7,"input_image":{data}}}"#);
        assert_eq!(sent("flux-kontext-pro", None).unwrap(), plain);
        let filled = format!(r#"{{"prompt":"a cat","seed":7,"image":{data},"mask":{data}}}"#);
        assert_eq!(sent("flux-pro-1.0-fill", Some(&image)).unwrap(), filled);
        assert!(sent("flux-2-pro", Some(&image)).unwrap_err().contains("takes no mask"));
        assert!(sent("flux-dev", None).unwrap_err().contains("takes no picture"));
        assert!(sent("../admin", None).unwrap_err().contains("flux-2-pro"));
    }
}
