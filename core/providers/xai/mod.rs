//! The kind `xai`: Grok Imagine of xAI, and questions to its models.
//!
//! Wire: OpenAI's `/images/generations` and `/chat/completions`, with manners of its own. `/images/edits` takes JSON; there is
//! no size, seed or mask; `usage.cost_in_usd_ticks` says what was paid, also of a picture that was drawn and withheld, which
//! comes as status 400; or as 200 with `respect_moderation: false`. Errors are `{"code", "error"}`, two texts, of which the code is a
//! sentence; a bad key is a 400. Sources: the vendor's documentation and clients of others as of 2026-11-23, with answers that
//! they recorded; not verified are the words of a credit that is used up and of a prompt that is refused.

mod server;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json as table};
use url::Url;

use super::ask::{Asker, Question};
use super::http::fault;
use super::openai::{OpenAi, first_picture};
use super::registry::Kind;
use super::words::tidy;
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, broken, catalogue, job,
    json, provider_words, refused,
};
use crate::policy::{Ability, Provider, ProviderVocabulary, Task};
use crate::units::{Cost, Usd};

/// The vendor's own address.
const DEFAULT_URL: &str = "https://api.x.ai/v1";

/// How many ticks a dollar has.
const TICKS: u64 = 10_000_000_000;

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "xai",
        doc: "xAI: Grok Imagine, pictures and edits; questions about pictures.",
        keys: &[],
        read: super::no_settings,
        schema: || table!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &["api.x.ai", "imgen.x.ai"],
        params: &["aspect_ratio", "resolution", "quality"],
        list_price: Some(|model, params| catalogue::list_price("xai", model, params)),
        answer_first: false,
        draws: true,
        answers: &[Ability::Questions],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v1")?;
    let key = super::one_key(provider)?;
    let asker = OpenAi::compatible(base.clone(), key.clone());
    Ok(Box::new(Xai { base, key, asker }))
}

/// xAI, set up.
#[derive(Clone, Debug)]
struct Xai {
    base: Url,
    key: Option<String>,
    asker: OpenAi,
}

impl Dialect for Xai {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let mut body = Map::new();
        body.insert("model".to_owned(), order.model.into());
        body.insert("prompt".to_owned(), order.prompt.into());
        body.insert("n".to_owned(), 1.into());
        // The addresses that it answers otherwise are good for minutes.
        body.insert("response_format".to_owned(), "b64_json".into());
        if order.mask.is_some() {
            return Err("xAI's API takes no mask".to_owned());
        }
        let method = match (order.task, order.image) {
            (Task::Upscale, _) => return Err("xAI's API has no upscaler".to_owned()),
            (Task::Edit, None) => return Err("an edit needs the case's `image`".to_owned()),
            (_, None) => "generations",
            (_, Some(image)) => {
                let image = table!({"url": json::data_uri(image), "type": "image_url"});
                body.insert("image".to_owned(), image);
                "edits"
            }
        };
        json::add_params(&mut body, order)?;
        let url = super::below(&self.base, &["images", method])?;
        let headers = json::keyed("authorization", "Bearer ", self.key.as_ref());
        json::post(url, headers, &Value::Object(body))
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        if !(200..300).contains(&reply.status) {
            return Step::Done(failure(reply));
        }
        let Some(json) = json::of(reply) else {
            let words = format!("no JSON: {}", provider_words(reply));
            return Step::Done(broken("bad_json", words));
        };
        if json.pointer("/data/0/respect_moderation") == Some(&Value::Bool(false)) {
            let words = "the picture was withheld (`respect_moderation` is false)";
            return Step::Done(refused(Stage::Output, words));
        }
        if let Some(words) = blocked(&json) {
            return Step::Done(refused(Stage::Input, words));
        }
        first_picture(&json)
    }

    fn cost(&self, _: &str, reply: &Reply) -> Option<Cost> {
        let ticks = json::number(&json::member(reply, "usage")?, "/cost_in_usd_ticks")?;
        let amount = Decimal::from(ticks).checked_div(Decimal::from(TICKS))?;
        Some(Cost::exact(Usd::from_decimal(amount)))
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        job::from_shelf(reply)
    }

    fn asker(&self) -> Option<&dyn Asker> {
        Some(self)
    }
}

impl Asker for Xai {
    fn version(&self) -> u32 {
        Asker::version(&self.asker)
    }

    fn pose(&self, question: &Question) -> Result<Call, String> {
        self.asker.pose(question)
    }

    fn hear(&self, question: &Question, reply: &Reply) -> Answer {
        if (200..300).contains(&reply.status) {
            self.asker.hear(question, reply)
        } else {
            failure(reply)
        }
    }
}

/// Why a request was blocked, where an answer without pictures says so: in a text beside `data`, whose name is not verified.
fn blocked(json: &Value) -> Option<String> {
    let empty = json.get("data").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let members = json.as_object().filter(|_| empty)?;
    members
        .iter()
        .filter(|(name, _)| name.contains("block"))
        .find_map(|(_, value)| value.as_str().map(tidy).filter(|words| !words.is_empty()))
}

/// What an error means: its status says little, its words the rest.
fn failure(reply: &Reply) -> Answer {
    let json = json::of(reply);
    let at = |place: &str| json.as_ref().and_then(|json| json::text(json, place));
    // The error tells more than the code, which is a class of errors.
    let words = at("/error").map_or_else(|| provider_words(reply), tidy);
    let all = format!("{} {words}", tidy(at("/code").unwrap_or_default())).to_ascii_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| all.contains(word));
    let client = (400..500).contains(&reply.status);
    if client && says(&["content moderation", "content-moderated", "usage guidelines"]) {
        let drawn = all.contains("generated image");
        return refused(if drawn { Stage::Output } else { Stage::Unknown }, words);
    }
    let mut fault = fault(reply, json.as_ref());
    if !words.starts_with("HTTP ") {
        fault.words = format!("HTTP {}: {words}", reply.status);
    }
    fault.kind = match fault.kind {
        _ if client && says(&["incorrect api key", "invalid api key", "no api key"]) => {
            FaultKind::Auth
        }
        _ if client && says(&["used all available credits", "spending limit", "no credits"]) => {
            FaultKind::OutOfCredit
        }
        _ if reply.status == 404 || (client && all.contains("model not found")) => {
            FaultKind::ModelRetired
        }
        kind => kind,
    };
    Answer::Fault(Fault { ..fault })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::policy::Settings;
    use crate::providers::Want;
    use crate::providers::http::tests::{order, provider};
    use crate::units::CostBasis;

    fn dialect() -> Box<dyn Dialect> {
        open(&provider("xai", None, Settings::new(()))).unwrap()
    }

    fn reply(status: u16, body: &Value) -> Reply {
        Reply { status, headers: vec![], body: Bytes::from(body.to_string()) }
    }

    fn answer(status: u16, body: &Value) -> Answer {
        let params = Map::new();
        match dialect().understand(&order(&params), &reply(status, body)) {
            Step::Done(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn kind(status: u16, code: &str, error: &str) -> FaultKind {
        match answer(status, &json!({"code": code, "error": error})) {
            Answer::Fault(fault) => {
                assert_eq!(fault.words, format!("HTTP {status}: {error}"));
                fault.kind
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_is_told_by_its_words() {
        let invalid = "Client specified an invalid argument";
        let key = "Incorrect API key provided: xa***ey. You can obtain an API key from https://console.x.ai.";
        assert_eq!(kind(400, invalid, key), FaultKind::Auth);
        assert_eq!(kind(400, invalid, "Argument not supported: size"), FaultKind::BadRequest);
        let permission = "The caller does not have permission to execute the specified operation";
        let credit = "Your team has either used all available credits or reached its monthly spending limit.";
        assert_eq!(kind(403, permission, credit), FaultKind::OutOfCredit);
        assert_eq!(kind(429, "Some resource has been exhausted", credit), FaultKind::OutOfCredit);
        assert_eq!(kind(403, permission, "The team is not authorized."), FaultKind::Auth);
        assert_eq!(
            kind(429, "Some resource has been exhausted", "Too many requests"),
            FaultKind::RateLimited
        );
        assert_eq!(
            kind(404, "Some requested entity was not found", "The model grok-9 does not exist"),
            FaultKind::ModelRetired
        );
        assert_eq!(kind(400, invalid, "Model not found: grok-2-image"), FaultKind::ModelRetired);
        assert_eq!(
            kind(503, "The service is currently unavailable", "busy"),
            FaultKind::ServerFault
        );
    }

    #[test]
    fn a_refusal_has_five_forms() {
        let stage = |status, body: &Value| match answer(status, body) {
            Answer::Refused { stage, words } => {
                assert!(!words.is_empty());
                stage
            }
            other => panic!("{other:?}"),
        };
        let withheld = "Generated image rejected by content moderation.";
        for code in ["Client specified an invalid argument", "imagine:content-moderated"] {
            assert_eq!(stage(400, &json!({"code": code, "error": withheld})), Stage::Output);
        }
        let check = "Content violates usage guidelines. Team: t, API key ID: k, Failed check: SAFETY_CHECK_TYPE_BIO";
        assert_eq!(stage(403, &json!({"code": "no permission", "error": check})), Stage::Unknown);
        let silent = json!({"data": [{"url": "", "respect_moderation": false}]});
        assert_eq!(stage(200, &silent), Stage::Output);
        assert_eq!(stage(200, &json!({"data": [], "block_reason": "violence"})), Stage::Input);
        let empty = answer(200, &json!({"data": [], "block_reason": ""}));
        assert!(matches!(empty, Answer::Broken { .. }), "{empty:?}");
    }

    #[test]
    fn a_tick_is_a_ten_billionth_of_a_dollar() {
        let cost = |body: &Value| dialect().cost("grok-imagine-image", &reply(400, body));
        let two_cents = cost(&json!({"usage": {"cost_in_usd_ticks": 200_000_000}})).unwrap();
        assert_eq!(
            (two_cents.amount.to_string(), two_cents.basis),
            ("$0.02".to_owned(), CostBasis::Exact)
        );
        for none in [json!({}), json!({"usage": {"cost_in_usd_ticks": -1}}), json!({"usage": null})]
        {
            assert_eq!(cost(&none), None, "{none}");
        }
    }

    #[test]
    fn an_edit_is_json_and_a_question_is_openai_s() {
        let (params, image) = (Map::new(), Bytes::from_static(b"\xFF\xD8\xFF"));
        let edit = Order { task: Task::Edit, image: Some(&image), ..order(&params) };
        let call = dialect().begin(&edit).unwrap();
        assert_eq!(call.url.as_str(), "https://api.x.ai/v1/images/edits");
        assert_eq!(
            String::from_utf8(call.body.to_vec()).unwrap(),
            r#"{"model":"v1","prompt":"a cat","n":1,"response_format":"b64_json","image":{"url":"data:image/jpeg;base64,/9j/","type":"image_url"}}"#
        );
        let masked = Order { mask: Some(&image), ..edit };
        assert!(dialect().begin(&masked).unwrap_err().contains("mask"));
        let dialect = dialect();
        let asker = dialect.asker().unwrap();
        let question = crate::providers::ask::about_a_dog("grok-4", Want::YesOrNo);
        let call = asker.pose(&question).unwrap();
        assert_eq!(call.url.as_str(), "https://api.x.ai/v1/chat/completions");
        let said = json!({"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]});
        assert_eq!(
            asker.hear(&question, &reply(200, &said)),
            Answer::Words { text: "{}".to_owned(), cost: None }
        );
        let bad_key = json!({"code": "x", "error": "Incorrect API key provided: xa***ey."});
        let Answer::Fault(fault) = asker.hear(&question, &reply(400, &bad_key)) else { panic!() };
        assert_eq!(fault.kind, FaultKind::Auth);
    }
}
