//! Pictures by `/images/generations` (JSON) and `/images/edits` (a form).

use serde_json::{Map, Value};
use url::Url;

use super::OpenAi;
use crate::policy::Task;
use crate::providers::catalogue::{self, Usage};
use crate::providers::http::{decode, fault, has_code, refusal};
use crate::providers::multipart::Form;
use crate::providers::words::message_in;
use crate::providers::{
    Answer, Call, Fault, FaultKind, Order, Reply, Step, below, broken, json, picture_format,
    provider_words,
};
use crate::units::Cost;

/// Codes of refusals: OpenAI's own, and Azure's.
const REFUSALS: [&str; 5] = [
    "moderation_blocked",
    "content_policy_violation",
    "contentfilter",
    "content_filter",
    "image_generation_user_error",
];

/// The call of an order.
pub(super) fn begin(server: &OpenAi, order: &Order<'_>) -> Result<Call, String> {
    match (order.task, order.image) {
        (Task::TextToImage, None) => generation(server, order),
        (Task::Edit, Some(_)) => edit(server, order),
        (Task::Upscale, _) => Err("OpenAI's API has no upscaler".to_owned()),
        (Task::Edit, None) => Err("an edit needs the case's `image`".to_owned()),
        // A picture that goes along with a prompt is what an edit is.
        (Task::TextToImage, Some(_)) => edit(server, order),
    }
}

/// What is sent besides the prompt, the model and the parameters.
fn besides(server: &OpenAi, order: &Order<'_>) -> Map<String, Value> {
    let mut besides = Map::new();
    if !server.is_openai() {
        // Compatible servers answer addresses by default, and draw any seed: SGLang always 1024.
        besides.insert("response_format".to_owned(), "b64_json".into());
        besides.insert("seed".to_owned(), (order.seed.0 & 0x7FFF_FFFF).into());
    }
    besides.extend(server.extra.clone());
    besides
}

fn generation(server: &OpenAi, order: &Order<'_>) -> Result<Call, String> {
    let mut body = Map::new();
    body.insert("model".to_owned(), order.model.into());
    body.insert("prompt".to_owned(), order.prompt.into());
    body.insert("n".to_owned(), 1.into());
    body.extend(besides(server, order));
    json::add_params(&mut body, order)?;
    let url = below(&server.base, &["images", "generations"])?;
    json::post(url, server.headers(), &Value::Object(body))
}

fn edit(server: &OpenAi, order: &Order<'_>) -> Result<Call, String> {
    let mut form = Form::default();
    form.text("model", order.model);
    form.text("prompt", order.prompt);
    form.text("n", "1");
    let mut fields = besides(server, order);
    json::add_params(&mut fields, order)?;
    for (name, value) in &fields {
        match value {
            Value::String(text) => form.text(name, text),
            other => form.text(name, &other.to_string()),
        }
    }
    if let Some(image) = order.image {
        form.picture("image", image);
    }
    if let Some(mask) = order.mask {
        form.picture("mask", mask);
    }
    let (media_type, body) = form.finish();
    let mut headers = vec![json::plain("content-type", &media_type)];
    headers.extend(server.headers());
    Ok(Call { method: "POST", url: below(&server.base, &["images", "edits"])?, headers, body })
}

/// What a reply means.
pub(super) fn meaning(reply: &Reply) -> Step {
    let json = json::of(reply);
    if !(200..300).contains(&reply.status) {
        if has_code(json.as_ref(), &REFUSALS) {
            return Step::Done(refusal(reply, json.as_ref()));
        }
        return Step::Done(Answer::Fault(fault_of(reply, json.as_ref())));
    }
    // Some compatible servers send the file itself.
    if picture_format(&reply.body).is_some() {
        let content_type = reply.header("content-type").map(str::to_owned);
        let bytes = reply.body.clone();
        return Step::Done(Answer::Image { bytes, content_type, cost: None });
    }
    let Some(json) = json else {
        let words = format!("no JSON: {}", provider_words(reply));
        return Step::Done(broken("bad_json", words));
    };
    let picture = json::text(&json, "/data/0/b64_json").filter(|data| !data.is_empty());
    if let Some(data) = picture {
        return Step::Done(match decode(data) {
            Some(bytes) => Answer::Image { bytes, content_type: None, cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        });
    }
    match json::text(&json, "/data/0/url") {
        Some(url) if url.starts_with("data:") => Step::Done(match decode(url) {
            Some(bytes) => Answer::Image { bytes, content_type: None, cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        }),
        Some(url) => match Url::parse(url) {
            Ok(url) => Step::Fetch(url),
            Err(_) => Step::Done(broken("bad_url", "the picture's address is none")),
        },
        None => Step::Done(match message_in(&json) {
            Some(words) => broken("json_error", words),
            None => broken("empty", "an answer without a picture"),
        }),
    }
}

/// What an error means. xAI and others turn a bad key away with 400.
fn fault_of(reply: &Reply, json: Option<&Value>) -> Fault {
    let fault = fault(reply, json);
    let bad_key = has_code(json, &["invalid_api_key", "incorrect_api_key"]);
    if bad_key { Fault { kind: FaultKind::Auth, ..fault } } else { fault }
}

/// What a reply says that it cost, by its `usage`.
pub(super) fn cost(model: &str, reply: &Reply) -> Option<Cost> {
    let json = json::of(reply).filter(|_| (200..300).contains(&reply.status))?;
    let number = |place: &str| json::number(&json, place);
    let all_in = number("/usage/input_tokens")?;
    let all_out = number("/usage/output_tokens")?;
    let image_in = number("/usage/input_tokens_details/image_tokens").unwrap_or(0).min(all_in);
    let text_out = number("/usage/output_tokens_details/text_tokens").unwrap_or(0).min(all_out);
    let usage =
        Usage { text_in: all_in - image_in, image_in, text_out, image_out: all_out - text_out };
    catalogue::usage_price("openai", model, &usage)
}
