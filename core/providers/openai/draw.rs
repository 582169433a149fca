//! Pictures by `/images/generations` (JSON) and `/images/edits` (a form).

use serde_json::{Map, Value};

use super::OpenAi;
use crate::policy::Task;
use crate::providers::catalogue::{self, Usage};
use crate::providers::http::{fault, has_code};
use crate::providers::multipart::Form;
use crate::providers::words::message_in;
use crate::providers::{
    Answer, Call, Fault, FaultKind, Order, Reply, Step, broken, json, mask, picture_format,
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
        besides.insert("seed".to_owned(), order.seed_31().into());
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
    let url = server.address(order.model, &["images", "generations"])?;
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
        form.value(name, value);
    }
    if let Some(image) = order.image {
        form.picture("image", image);
    }
    if let Some(mask) = order.mask {
        form.picture("mask", &mask::transparent(mask)?);
    }
    let (media_type, body) = form.finish();
    let mut headers = vec![json::plain("content-type", &media_type)];
    headers.extend(server.headers());
    let url = server.address(order.model, &["images", "edits"])?;
    Ok(Call { method: "POST", url, headers, body })
}

/// What a reply means.
pub(super) fn meaning(server: &OpenAi, reply: &Reply) -> Step {
    let json = json::of(reply);
    if !(200..300).contains(&reply.status) {
        if has_code(json.as_ref(), &REFUSALS) {
            return Step::Done(server.refusal(reply, json.as_ref()));
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
    first_picture(&json)
}

/// The picture of a success: the first, in the answer or at an address.
pub(in crate::providers) fn first_picture(json: &Value) -> Step {
    json::picture(json, "/data/0/b64_json", "/data/0/url").unwrap_or_else(|| {
        Step::Done(match message_in(json) {
            Some(words) => broken("json_error", words),
            None => broken("empty", "an answer without a picture"),
        })
    })
}

/// What an error means. xAI and others turn a bad key away with 400; a deployment is how Azure calls a model.
pub(super) fn fault_of(reply: &Reply, json: Option<&Value>) -> Fault {
    let fault = fault(reply, json);
    let bad_key = has_code(json, &["invalid_api_key", "incorrect_api_key"]);
    if bad_key {
        Fault { kind: FaultKind::Auth, ..fault }
    } else if has_code(json, &["deploymentnotfound"]) {
        Fault { kind: FaultKind::ModelRetired, ..fault }
    } else {
        fault
    }
}

/// What a reply says that it cost, by its `usage`.
pub(super) fn cost(kind: &str, model: &str, reply: &Reply) -> Option<Cost> {
    let usage = json::member(reply, "usage").filter(|_| (200..300).contains(&reply.status))?;
    let number = |place: &str| json::number(&usage, place);
    let all_in = number("/input_tokens")?;
    let all_out = number("/output_tokens")?;
    let image_in = number("/input_tokens_details/image_tokens").unwrap_or(0).min(all_in);
    let text_out = number("/output_tokens_details/text_tokens").unwrap_or(0).min(all_out);
    let usage =
        Usage { text_in: all_in - image_in, image_in, text_out, image_out: all_out - text_out };
    catalogue::usage_price(kind, model, &usage)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::House;
    use super::*;

    #[test]
    fn a_compatible_server_is_sent_a_seed_and_what_the_policy_adds() {
        let url: Url = "http://127.0.0.1:8000/v1".parse().unwrap();
        let extra = serde_json::json!({"steps": 30, "seed": -1});
        let extra = extra.as_object().cloned().unwrap();
        let params = serde_json::json!({"size": "512x512"}).as_object().cloned().unwrap();
        let order = crate::providers::http::tests::order(&params);
        let sent = |extra| {
            let server = OpenAi { base: url.clone(), key: None, extra, house: House::Other };
            String::from_utf8(begin(&server, &order).unwrap().body.to_vec()).unwrap()
        };
        assert_eq!(
            sent(Map::new()),
            r#"{"model":"v1","prompt":"a cat","n":1,"response_format":"b64_json","seed":7,"size":"512x512"}"#
        );
        assert_eq!(
            sent(extra),
            r#"{"model":"v1","prompt":"a cat","n":1,"response_format":"b64_json","seed":-1,"steps":30,"size":"512x512"}"#
        );
    }
}
