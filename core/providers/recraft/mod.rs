//! The kind `recraft`: Recraft's pictures, edits and upscalers.
//!
//! Wire: `/images/generations` in JSON, as OpenAI's; `/images/imageToImage`, `/images/inpaint` and the upscalers
//! `/images/crispUpscale` and `/images/creativeUpscale` as forms, of which the last two answer one `image` and no `data`. The seed is
//! `random_seed`. An answer says its `credits`, of which 1,000 are a dollar. Errors are `{"code", "message"}`. Source: the
//! vendor's reference as of 2026-11-16; codes of errors are not in it.

mod server;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use url::Url;

use super::http::{REFUSAL_CODES, fault, has_code, refusal};
use super::job::from_shelf;
use super::multipart::Form;
use super::registry::Kind;
use super::{
    Answer, Call, Dialect, FaultKind, Order, Reply, Step, Text, broken, catalogue, json,
    provider_words,
};
use crate::inert::one_line;
use crate::policy::{Provider, ProviderVocabulary, Task};
use crate::units::{Cost, CostBasis, Usd};

/// Recraft's own address.
const DEFAULT_URL: &str = "https://external.api.recraft.ai/v1";

/// The upscalers: models and paths at once.
const UPSCALERS: [&str; 2] = ["crispUpscale", "creativeUpscale"];

/// The most credits that an answer is believed: a thousand dollars.
const MAX_CREDITS: u64 = 1_000_000;

/// Words of a refusal, where the code is none that is known.
const REFUSAL_WORDS: [&str; 4] = ["moderation", "nsfw", "content policy", "safety"];

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "recraft",
        doc: "Recraft: pictures, edits with a mask or without, and two upscalers.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        // Addresses of pictures, should a server answer them in spite of what it is asked for.
        hosts: &["external.api.recraft.ai", "img.recraft.ai", "images.recraft.ai"],
        params: &[
            "size",
            "style",
            "style_id",
            "substyle",
            "negative_prompt",
            "controls",
            "text_layout",
            "strength",
            "image_format",
        ],
        list_price: Some(|model, params| catalogue::list_price("recraft", model, params)),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v1")?;
    Ok(Box::new(Recraft { base, key: super::one_key(provider)? }))
}

/// Recraft, set up.
#[derive(Clone, Debug)]
struct Recraft {
    base: Url,
    key: Option<String>,
}

impl Recraft {
    fn headers(&self) -> Vec<(String, Vec<Text>)> {
        json::keyed("authorization", "Bearer ", self.key.as_ref())
    }

    fn form(&self, path: &str, form: &Form) -> Result<Call, String> {
        let (media_type, body) = form.finish();
        let mut headers = vec![json::plain("content-type", &media_type)];
        headers.extend(self.headers());
        let url = super::below(&self.base, &["images", path])?;
        Ok(Call { method: "POST", url, headers, body })
    }

    fn upscale(&self, order: &Order<'_>) -> Result<Call, String> {
        let image = order.image.ok_or("an upscaler needs a picture: give the case an `image`")?;
        let mut form = Form::default();
        form.text("response_format", "b64_json");
        for (name, value) in order.params {
            form.value(name, value);
        }
        form.picture("file", image);
        self.form(order.model, &form)
    }

    fn edit(&self, order: &Order<'_>, fields: &Map<String, Value>) -> Result<Call, String> {
        let mut form = Form::default();
        for (name, value) in fields {
            form.value(name, value);
        }
        if let Some(image) = order.image {
            form.picture("image", image);
        }
        match order.mask {
            // White is what may change, as in the case.
            Some(mask) => {
                form.picture("mask", mask);
                self.form("inpaint", &form)
            }
            None if order.params.contains_key("strength") => self.form("imageToImage", &form),
            None => {
                Err("an edit without a mask needs `strength` in the parameters, from 0 to 1"
                    .to_owned())
            }
        }
    }
}

impl Dialect for Recraft {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let model = one_line(order.model, 60);
        match (order.task, UPSCALERS.contains(&order.model)) {
            (Task::Upscale, true) => return self.upscale(order),
            (Task::Upscale, false) => {
                return Err(format!(
                    "`{model}` is no upscaler: they are `crispUpscale` and `creativeUpscale`"
                ));
            }
            (_, true) => return Err(format!("`{model}` only upscales")),
            (Task::Edit, false) if order.image.is_none() => {
                return Err("an edit needs the case's `image`".to_owned());
            }
            (_, false) if order.model.ends_with("_vector") => {
                return Err(format!("`{model}` draws SVG, which no check can look at"));
            }
            _ => {}
        }
        let mut body = Map::new();
        body.insert("prompt".to_owned(), order.prompt.into());
        body.insert("model".to_owned(), order.model.into());
        body.insert("n".to_owned(), 1.into());
        body.insert("random_seed".to_owned(), order.seed_31().into());
        body.insert("response_format".to_owned(), "b64_json".into());
        json::add_params(&mut body, order)?;
        if order.image.is_some() {
            return self.edit(order, &body);
        }
        let url = super::below(&self.base, &["images", "generations"])?;
        json::post(url, self.headers(), &Value::Object(body))
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        let json = json::of(reply);
        if !(200..300).contains(&reply.status) {
            return Step::Done(failure(reply, json.as_ref()));
        }
        let Some(json) = json else {
            let words = format!("no JSON: {}", provider_words(reply));
            return Step::Done(broken("bad_json", words));
        };
        json::picture(&json, "/data/0/b64_json", "/data/0/url")
            .or_else(|| json::picture(&json, "/image/b64_json", "/image/url"))
            .unwrap_or_else(|| Step::Done(broken("empty", "an answer without a picture")))
    }

    fn cost(&self, _: &str, reply: &Reply) -> Option<Cost> {
        let credits =
            json::member(reply, "credits").filter(|_| (200..300).contains(&reply.status))?;
        let credits = credits.as_u64().filter(|credits| *credits <= MAX_CREDITS)?;
        let amount = Usd::from_decimal(Decimal::from(credits).checked_div(Decimal::from(1000))?);
        Some(Cost { amount, basis: CostBasis::Computed })
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        from_shelf(reply)
    }
}

/// What a failure means.
fn failure(reply: &Reply, json: Option<&Value>) -> Answer {
    let mut fault = fault(reply, json);
    let message = fault.words.to_lowercase();
    if has_code(json, &["not_enough_credits"]) || message.contains("not enough credits") {
        fault.kind = FaultKind::OutOfCredit;
    } else if matches!(reply.status, 400 | 403 | 422)
        && (has_code(json, &REFUSAL_CODES)
            || REFUSAL_WORDS.iter().any(|word| message.contains(word)))
    {
        return refusal(reply, json);
    } else if reply.status == 404 {
        fault.kind = FaultKind::ModelRetired;
    }
    Answer::Fault(fault)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::providers::http::tests::order;
    use crate::providers::rehearsal::reply;

    fn begun(order: &Order<'_>) -> Result<String, String> {
        let recraft = Recraft { base: DEFAULT_URL.parse().unwrap(), key: None };
        recraft.begin(order).map(|call| call.url.path().to_owned())
    }

    #[test]
    fn each_task_has_its_path() {
        let (none, picture) = (Map::new(), Bytes::from_static(b"x"));
        let strength = json!({"strength": 0.4}).as_object().cloned().unwrap();
        let v3 = Order { model: "recraftv3", ..order(&none) };
        let edit = Order { task: Task::Edit, image: Some(&picture), ..v3 };
        assert_eq!(begun(&v3).unwrap(), "/v1/images/generations");
        assert_eq!(begun(&Order { params: &strength, ..edit }).unwrap(), "/v1/images/imageToImage");
        assert_eq!(begun(&Order { mask: Some(&picture), ..edit }).unwrap(), "/v1/images/inpaint");
        let upscale = Order { task: Task::Upscale, model: "creativeUpscale", ..edit };
        assert_eq!(begun(&upscale).unwrap(), "/v1/images/creativeUpscale");
        insta::assert_snapshot!(
            [
                begun(&edit).unwrap_err(),
                begun(&Order { image: None, ..edit }).unwrap_err(),
                begun(&Order { image: None, ..upscale }).unwrap_err(),
                begun(&Order { model: "recraftv3", ..upscale }).unwrap_err(),
                begun(&Order { model: "crispUpscale", ..v3 }).unwrap_err(),
                begun(&Order { model: "recraftv4_1_vector", ..v3 }).unwrap_err(),
            ]
            .join("\n")
        );
    }

    #[test]
    fn failures_are_told_by_their_words() {
        let said = |status: u16, code: &str, message: &str| {
            let reply = reply(status, &json!({"code": code, "message": message}));
            match failure(&reply, json::of(&reply).as_ref()) {
                Answer::Fault(fault) => format!("{}: {}", fault.kind.word(), fault.words),
                Answer::Refused { stage, words } => format!("{}: {words}", stage.word()),
                other => panic!("{other:?}"),
            }
        };
        insta::assert_snapshot!(
            [
                said(400, "not_enough_credits", "You have not enough credits"),
                said(400, "invalid_prompt", "The prompt was rejected by moderation"),
                said(403, "content_policy_violation", "no"),
                said(400, "invalid_image_size", "size is not supported"),
                said(401, "unauthorized", "invalid token"),
                said(500, "internal", "safety belt torn"),
            ]
            .join("\n")
        );
    }

    #[test]
    fn credits_are_tenths_of_a_cent() {
        let recraft = Recraft { base: DEFAULT_URL.parse().unwrap(), key: None };
        let cost = |body: Value| {
            recraft.cost("recraftv3", &reply(200, &body)).map(|cost| cost.amount.to_string())
        };
        assert_eq!(cost(json!({"credits": 40})).as_deref(), Some("$0.04"));
        assert_eq!(cost(json!({"credits": 0})).as_deref(), Some("$0.00"));
        for odd in [
            json!({}),
            json!({"credits": -1}),
            json!({"credits": "40"}),
            json!({"credits": u64::MAX}),
        ] {
            assert_eq!(cost(odd.clone()), None, "{odd}");
        }
    }
}
