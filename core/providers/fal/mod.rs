//! The kind `fal`: the models of many makers on fal, by its queue.
//!
//! Wire: `POST https://queue.fal.run/{model}` with `Authorization: Key …` answers `{"request_id", "status_url", "response_url"}`; the
//! first is asked until it says `COMPLETED`, then the second, which answers what the model did: `{"images": [{"url"}],
//! "has_nsfw_concepts": […]}`, or its error. Those addresses hold the first two parts of the model's id alone. Errors are
//! `{"detail"}`: of the queue a text, of a model a list of `{"loc", "msg", "type"}`. The queue keeps an order whose connection is
//! lost, which the synchronous address does not; and the vendor names it for production. Sources: the vendor's documentation of
//! its inference API and of its errors as of 2026-11-23; not verified are the words of a balance that is used up and of a
//! request that is not there, and that a flagged picture is black.

mod server;

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::http::fault;
use super::job::{self, is_part};
use super::manners::{self, Manners};
use super::registry::Kind;
use super::words::{message_in, tidy};
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, Text, broken, catalogue,
    json, provider_words, refused,
};
use crate::policy::{Node, Problems, Provider, ProviderVocabulary, Settings};

/// The vendor's own address.
const DEFAULT_URL: &str = "https://queue.fal.run";

/// The vendor's hosts to which the key goes: the queue and its reserve.
const QUEUES: [&str; 2] = ["queue.fal.run", "queue.falrun.com"];

/// How most models call a picture and a mask.
const USUAL: manners::Usual = (Some("image_url"), Some("mask_url"));

/// How often an order is asked for: what the vendor's own client does.
const POLL: Duration = Duration::from_millis(500);

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "fal",
        doc: "fal: the models of many makers, by their ids, through its queue.",
        keys: manners::KEYS,
        read,
        schema: || manners::schema(USUAL),
        default_url: Some(DEFAULT_URL),
        hosts: &["queue.fal.run", "queue.falrun.com", "fal.media", "*.fal.media"],
        params: &[
            "image_size",
            "aspect_ratio",
            "resolution",
            "negative_prompt",
            "num_inference_steps",
            "guidance_scale",
            "strength",
            "output_format",
            "acceleration",
            "quality",
            "style",
            "enable_safety_checker",
            "safety_tolerance",
            "enable_prompt_expansion",
            "scheduler",
            "upscale_factor",
            "scale",
        ],
        list_price: Some(|model, params| catalogue::list_price("fal", model, params)),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn read(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    manners::read(node, USUAL, problems).map(Settings::new)
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let manners = provider
        .settings
        .get::<Manners>()
        .cloned()
        .ok_or_else(|| format!("provider `{}`: its settings were not read", provider.name))?;
    let base = super::base_url(provider, DEFAULT_URL, "")?;
    Ok(Box::new(Fal { base, key: super::one_key(provider)?, manners }))
}

/// fal, set up.
#[derive(Clone, Debug)]
struct Fal {
    base: Url,
    key: Option<String>,
    manners: Manners,
}

/// The parts of a model's id that addresses of its orders hold: the owner and the app, and before them a folder where there is
/// one.
fn app(model: &str) -> Vec<&str> {
    let first = model.split('/').next().unwrap_or_default();
    let parts = if matches!(first, "workflows" | "comfy") { 3 } else { 2 };
    model.split('/').take(parts).collect()
}

impl Fal {
    fn headers(&self) -> Vec<(String, Vec<Text>)> {
        json::keyed("authorization", "Key ", self.key.as_ref())
    }

    /// An address of an order: as the answer says, where that is the vendor's own; else by the order's name.
    fn place(&self, model: &str, json: &Value, told: &str, under: Option<&str>) -> Option<Url> {
        let told = json::text(json, told);
        let told = told.and_then(|it| job::keyed(&self.base, it, |host| QUEUES.contains(&host)));
        told.or_else(|| {
            let id = json::text(json, "/request_id").filter(|id| job::is_name(id))?;
            let mut path = app(model);
            path.extend(["requests", id]);
            path.extend(under);
            super::below(&self.base, &path).ok()
        })
    }

    fn ask(&self, url: Url, wait: Duration) -> Step {
        Step::Poll(json::get(url, self.headers()), wait)
    }

    /// What a state of an order means.
    fn state(&self, model: &str, state: &str, json: &Value) -> Step {
        let error = json::text(json, "/error").filter(|error| !error.is_empty());
        let failed = |kind, words: &str| {
            Step::Done(Answer::Fault(Fault { kind, words: tidy(words), retry_after: None }))
        };
        match state {
            "COMPLETED" => {
                // What failed by the vendor's own fault is over; a model's error is told in full where its result would be.
                let kind = json::text(json, "/error_type").unwrap_or_default();
                if error.is_some() && is_infrastructure(kind) {
                    return failed(FaultKind::ServerFault, error.unwrap_or_default());
                }
                match self.place(model, json, "/response_url", None) {
                    Some(url) => self.ask(url, Duration::ZERO),
                    None => Step::Done(broken(
                        "no_job",
                        "an order that is done, without a name to ask by",
                    )),
                }
            }
            "FAILED" | "CANCELED" | "CANCELLED" | "ERROR" => {
                failed(FaultKind::ServerFault, error.unwrap_or("the order failed"))
            }
            // `IN_QUEUE`, `IN_PROGRESS`, and whatever comes to be said of an order that is under way.
            _ => match self.place(model, json, "/status_url", Some("status")) {
                Some(url) => self.ask(url, POLL),
                None => Step::Again(POLL),
            },
        }
    }
}

/// Whether an error is the vendor's and not the model's.
fn is_infrastructure(kind: &str) -> bool {
    kind.starts_with("runner_") || kind.ends_with("_timeout") || kind.starts_with("internal")
}

impl Dialect for Fal {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let parts: Vec<&str> = order.model.split('/').collect();
        if !(2..=8).contains(&parts.len()) || !parts.iter().all(|part| is_part(part)) {
            return Err("fal's models are ids such as `fal-ai/flux/dev`".to_owned());
        }
        let input = manners::input(&self.manners, order)?;
        json::post(super::below(&self.base, &parts)?, self.headers(), &Value::Object(input))
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        let json = json::of(reply);
        if !(200..300).contains(&reply.status) {
            return failure(reply, json.as_ref());
        }
        let Some(json) = json else {
            let words = format!("no JSON: {}", provider_words(reply));
            return Step::Done(broken("bad_json", words));
        };
        if let Some(state) = json::text(&json, "/status") {
            return self.state(order.model, state, &json);
        }
        if json.get("request_id").is_some() && json.get("status_url").is_some() {
            return self.state(order.model, "IN_QUEUE", &json);
        }
        result(&json)
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        job::from_shelf(reply)
    }
}

/// What a model made.
fn result(json: &Value) -> Step {
    // A picture that was flagged comes all the same, and black: it is none to judge.
    let flagged = match json.get("has_nsfw_concepts") {
        Some(Value::Array(flags)) => flags.first() == Some(&Value::Bool(true)),
        Some(flag) => flag == &Value::Bool(true),
        None => false,
    };
    if flagged {
        return Step::Done(refused(Stage::Output, "the picture was flagged (`has_nsfw_concepts`)"));
    }
    let url = ["/images/0/url", "/image/url", "/images/0", "/image"]
        .iter()
        .find_map(|place| json::text(json, place).filter(|url| !url.is_empty()));
    match url {
        Some(url) => job::picture_at(url),
        None => Step::Done(match message_in(json) {
            Some(words) => broken("json_error", words),
            None => broken("empty", "an answer without a picture"),
        }),
    }
}

/// What an error means.
fn failure(reply: &Reply, json: Option<&Value>) -> Step {
    let words = provider_words(reply);
    let lower = words.to_ascii_lowercase();
    if reply.status == 400 && lower.contains("still in progress") {
        return Step::Again(POLL);
    }
    if let Some(problem) = problems(json).find(|it| is_policy(it)) {
        let words = json::text(problem, "/msg").map_or(words, tidy);
        return Step::Done(refused(stage(problem), words));
    }
    let mut fault = fault(reply, json);
    match reply.status {
        // Who has no credit is locked.
        401 | 403 if lower.contains("balance") => fault.kind = FaultKind::OutOfCredit,
        404 if lower.contains("request") => fault.kind = FaultKind::ResultExpired,
        404 => fault.kind = FaultKind::ModelRetired,
        // The vendor charges for no failure of its own.
        504 => fault.kind = FaultKind::ServerFault,
        _ => {}
    }
    Step::Done(Answer::Fault(fault))
}

/// The problems that a model tells: under `detail`, or alone.
fn problems(json: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = json.map(|json| json.get("detail").unwrap_or(json));
    list.and_then(Value::as_array).into_iter().flatten()
}

fn is_policy(problem: &Value) -> bool {
    json::text(problem, "/type") == Some("content_policy_violation")
}

/// When a refusal came: one that names a field of what was sent is of the input.
fn stage(problem: &Value) -> Stage {
    let place = problem.get("loc").and_then(Value::as_array);
    match place.map(|place| place.iter().filter_map(Value::as_str).collect::<Vec<_>>()).as_deref() {
        Some(["body", _, ..]) => Stage::Input,
        Some(["output" | "response", ..]) => Stage::Output,
        _ => Stage::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Map, json};

    use super::*;
    use crate::policy::Task;
    use crate::providers::http::tests::{order, provider};

    const MODEL: &str = "fal-ai/flux/dev";

    fn dialect(url: Option<&str>) -> Box<dyn Dialect> {
        let settings = read(&Node::from_json(&json!({})), &[], &mut Problems::new()).unwrap();
        open(&provider("fal", url, settings)).unwrap()
    }

    fn step(url: Option<&str>, status: u16, body: &Value) -> Step {
        let params = Map::new();
        let order = Order { model: MODEL, ..order(&params) };
        let body = Bytes::from(body.to_string());
        dialect(url).understand(&order, &Reply { status, headers: vec![], body })
    }

    fn asked(step: Step) -> String {
        let Step::Poll(call, _) = step else { panic!("{step:?}") };
        let key = vec![Text::Plain("Key ".to_owned()), Text::Secret("STUDIO_KEY".to_owned())];
        assert!(call.headers.contains(&("authorization".to_owned(), key)));
        call.url.into()
    }

    #[test]
    fn a_model_is_a_path_and_a_picture_a_data_address() {
        let (params, image) = (Map::new(), Bytes::from_static(b"\xFF\xD8\xFF"));
        let begun = |model: &'static str, task, image| {
            dialect(None).begin(&Order { model, task, image, ..order(&params) })
        };
        let call = begun(MODEL, Task::Edit, Some(&image)).unwrap();
        assert_eq!(call.url.as_str(), "https://queue.fal.run/fal-ai/flux/dev");
        assert_eq!(
            String::from_utf8(call.body.to_vec()).unwrap(),
            r#"{"prompt":"a cat","seed":7,"image_url":"data:image/jpeg;base64,/9j/"}"#
        );
        for bad in ["flux", "fal-ai/../keys", "fal-ai//x", "a/b?x=1", ""] {
            assert!(begun(bad, Task::TextToImage, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_order_is_asked_for_where_the_vendor_is() {
        let taken = |url: Option<&str>, host: &str| {
            let place = format!("{host}/fal-ai/flux/requests/a-1");
            let body = json!({"status": "IN_QUEUE", "request_id": "a-1", "status_url": format!("{place}/status"), "response_url": place});
            asked(step(url, 200, &body))
        };
        let own = "https://queue.fal.run/fal-ai/flux/requests/a-1/status";
        for host in ["https://queue.fal.run", "https://evil.test", "https://v3.fal.media", ""] {
            assert_eq!(taken(None, host), own);
        }
        let reserve = taken(None, "https://queue.falrun.com");
        assert_eq!(reserve, own.replace("fal.run", "falrun.com"));
        let local = taken(Some("http://127.0.0.1:8787"), "https://queue.fal.run");
        assert_eq!(local, own.replace("https://queue.fal.run", "http://127.0.0.1:8787"));
        assert_eq!(app("workflows/me/fox/v2"), ["workflows", "me", "fox"]);
        // The result is had by a second address, and a state that names none is asked for again.
        let done = step(None, 200, &json!({"status": "COMPLETED", "request_id": "a-1"}));
        assert_eq!(asked(done), own.replace("/status", ""));
        assert_eq!(step(None, 202, &json!({"status": "IN_PROGRESS"})), Step::Again(POLL));
        let early = json!({"detail": "Request is still in progress"});
        assert_eq!(step(None, 400, &early), Step::Again(POLL));
    }

    #[test]
    fn a_failure_is_told_by_its_form() {
        let kind = |status: u16, body: &Value| match step(None, status, body) {
            Step::Done(Answer::Fault(fault)) => fault.kind,
            other => panic!("{other:?}"),
        };
        let locked = json!({"detail": "User is locked. Reason: Exhausted balance."});
        assert_eq!(kind(403, &locked), FaultKind::OutOfCredit);
        assert_eq!(kind(403, &json!({"detail": "Forbidden"})), FaultKind::Auth);
        assert_eq!(
            kind(504, &json!({"detail": "timed out", "error_type": "request_timeout"})),
            FaultKind::ServerFault
        );
        assert_eq!(kind(404, &json!({"detail": "Application not found"})), FaultKind::ModelRetired);
        assert_eq!(kind(404, &json!({"detail": "Request not found"})), FaultKind::ResultExpired);
        let runner = json!({"status": "COMPLETED", "request_id": "a-1", "error": "gone", "error_type": "runner_disconnected"});
        assert_eq!(kind(200, &runner), FaultKind::ServerFault);
        let model = json!({"status": "COMPLETED", "request_id": "a-1", "error": "bad", "error_type": "image_too_small"});
        assert!(
            matches!(step(None, 200, &model), Step::Poll(..)),
            "the model's own words are asked for"
        );
        let refusal = |loc: Value| {
            let problem = json!({"loc": loc, "msg": "flagged", "type": "content_policy_violation"});
            [json!({"detail": [problem]}), json!([problem])].map(|body| step(None, 422, &body))
        };
        for (loc, stage) in [
            (json!(["body", "prompt"]), Stage::Input),
            (json!(["body", "image_urls", 0]), Stage::Input),
            (json!(["output"]), Stage::Output),
            (json!(["body"]), Stage::Unknown),
            (json!(null), Stage::Unknown),
        ] {
            for step in refusal(loc) {
                assert_eq!(step, Step::Done(refused(stage, "flagged")));
            }
        }
        let small = json!({"detail": [{"loc": ["body", "image_url"], "msg": "too small", "type": "image_too_small"}]});
        assert_eq!(kind(422, &small), FaultKind::BadRequest);
    }

    #[test]
    fn a_flagged_picture_is_none() {
        let url = "https://v3.fal.media/files/a.jpg";
        let made = |flags: Value| {
            step(None, 200, &json!({"images": [{"url": url}], "has_nsfw_concepts": flags}))
        };
        let fetch = Step::Fetch(url.parse().unwrap());
        for fine in [json!([false]), json!([]), json!(null), json!(false)] {
            assert_eq!(made(fine), fetch);
        }
        for flagged in [json!([true]), json!(true)] {
            assert!(matches!(
                made(flagged),
                Step::Done(Answer::Refused { stage: Stage::Output, .. })
            ));
        }
        assert_eq!(step(None, 200, &json!({"image": {"url": url}})), fetch, "an upscaler's");
    }
}
