//! The kind `ideogram`: Ideogram's pictures, remixes and edits.
//!
//! Wire: forms (`multipart/form-data`) under `/v2/image/{action}/{model}`, with the header `Api-Key`; the answer names an
//! address that expires, and says `is_image_safe` of the picture: where it is not, there is no address, and the picture is
//! charged. A prompt that is not safe is status 422, and free. Status 402 has a `reject_reason`, one of which is too many
//! requests in flight. Masks are black where the picture may change. Sources: the vendor's reference of version 2 as of
//! 2026-10-02, and its reference of version 1.

mod server;

use serde_json::Value;
use url::Url;

use super::http::fault;
use super::job::from_shelf;
use super::multipart::Form;
use super::registry::Kind;
use super::{
    Answer, Call, Dialect, FaultKind, Order, Reply, Stage, Step, broken, catalogue, json, mask,
    provider_words, refused,
};
use crate::inert::one_line;
use crate::policy::{Provider, ProviderVocabulary, Task};

/// Ideogram's own address.
const DEFAULT_URL: &str = "https://api.ideogram.ai/v2";

/// The model that edits without touching the rest of the picture.
const PRECISE: &str = "ideogram-4-5";

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "ideogram",
        doc: "Ideogram: pictures, remixes, and edits with a mask.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        // Pictures lie on the second.
        hosts: &["api.ideogram.ai", "ideogram.ai"],
        params: &[
            "aspect_ratio",
            "color_palette",
            "enable_copyright_detection",
            "image_weight",
            "magic_prompt",
            "negative_prompt",
            "quality",
            "rendering_speed",
            "resolution",
            "size",
            "style_codes",
            "style_preset",
            "style_type",
        ],
        list_price: Some(|model, params| catalogue::list_price("ideogram", model, params)),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v2")?;
    Ok(Box::new(Ideogram { base, key: super::one_key(provider)? }))
}

/// Ideogram, set up.
#[derive(Clone, Debug)]
struct Ideogram {
    base: Url,
    key: Option<String>,
}

/// What is asked of a model.
fn action(order: &Order<'_>) -> Result<&'static str, String> {
    let precise = order.model == PRECISE;
    match (order.task, order.image.is_some(), order.mask.is_some()) {
        (Task::Upscale, ..) => {
            Err("upscalers of Ideogram are not asked: name another provider".to_owned())
        }
        (Task::Edit, false, _) => Err("an edit needs the case's `image`".to_owned()),
        (_, false, _) => Ok("generate"),
        (_, true, _) if precise => Ok("precise-edit"),
        (_, true, true) => Ok("inpaint"),
        (_, true, false) => Ok("remix"),
    }
}

impl Dialect for Ideogram {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !order.model.starts_with("ideogram-") || !order.model.chars().all(plain) {
            return Err(format!(
                "Ideogram's models are `ideogram-3`, `ideogram-4`, `ideogram-4-5`; `{}` is none",
                one_line(order.model, 60)
            ));
        }
        let mut form = Form::default();
        form.text("prompt", order.prompt);
        form.text("seed", &order.seed_31().to_string());
        form.text("num_images", "1");
        for (name, value) in order.params {
            match value {
                Value::String(text) => form.text(name, text),
                // A list is its field, again and again.
                Value::Array(items) if items.iter().all(Value::is_string) => {
                    items.iter().filter_map(Value::as_str).for_each(|item| form.text(name, item));
                }
                other => form.text(name, &other.to_string()),
            }
        }
        if let Some(image) = order.image {
            form.picture("image", image);
        }
        if let Some(white) = order.mask {
            form.picture("mask", &mask::black(white)?);
        }
        let (media_type, body) = form.finish();
        let mut headers = vec![json::plain("content-type", &media_type)];
        headers.extend(json::keyed("api-key", "", self.key.as_ref()));
        let url = super::below(&self.base, &["image", action(order)?, order.model])?;
        Ok(Call { method: "POST", url, headers, body })
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
        let Some(picture) = json.pointer("/data/0") else {
            return Step::Done(broken("empty", "an answer without a picture"));
        };
        // There is no address then; should there be one, it is not of a picture to show.
        if picture.get("is_image_safe").and_then(Value::as_bool) == Some(false) {
            return Step::Done(refused(Stage::Output, "the picture is not safe (`is_image_safe`)"));
        }
        json::picture(&json, "/data/0/b64_json", "/data/0/url")
            .unwrap_or_else(|| Step::Done(broken("empty", "a picture without an address")))
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        from_shelf(reply)
    }
}

/// What a failure means.
fn failure(reply: &Reply, json: Option<&Value>) -> Answer {
    let mut fault = fault(reply, json);
    let reason = json.and_then(|json| json::text(json, "/reject_reason")).unwrap_or_default();
    match reply.status {
        // The model is a part of the address.
        404 => fault.kind = FaultKind::ModelRetired,
        402 if reason == "inflight_limit" => fault.kind = FaultKind::RateLimited,
        // A list of fields that are wrong is no refusal.
        422 if json.is_none_or(|json| json.get("detail").is_none_or(|it| !it.is_array())) => {
            return refused(Stage::Input, provider_words(reply));
        }
        _ => {}
    }
    if !reason.is_empty() {
        fault.words = format!("{} (`{}`)", fault.words, one_line(reason, 60));
    }
    Answer::Fault(fault)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Map, json};

    use super::*;
    use crate::providers::Text;
    use crate::providers::http::tests::order;
    use crate::providers::multipart;
    use crate::providers::rehearsal::reply;

    fn ideogram() -> Ideogram {
        Ideogram { base: DEFAULT_URL.parse().unwrap(), key: None }
    }

    #[test]
    fn what_is_asked_follows_from_the_pictures() {
        let (params, picture) = (Map::new(), Bytes::from_static(b"x"));
        let asked = |model: &'static str, image: bool, mask: bool| {
            let edit = Order {
                model,
                task: if image { Task::Edit } else { Task::TextToImage },
                image: image.then_some(&picture),
                mask: mask.then_some(&picture),
                ..order(&params)
            };
            action(&edit).unwrap()
        };
        assert_eq!(asked("ideogram-3", false, false), "generate");
        assert_eq!(asked("ideogram-3", true, false), "remix");
        assert_eq!(asked("ideogram-3", true, true), "inpaint");
        assert_eq!(asked(PRECISE, true, false), "precise-edit");
        assert_eq!(asked(PRECISE, true, true), "precise-edit");
    }

    #[test]
    fn a_list_is_its_field_again_and_again() {
        let params = json!({"style_codes": ["AA", "BB"], "image_weight": 40, "color_palette": {"name": "EMBER"}});
        let call = ideogram()
            .begin(&Order { model: "ideogram-3", ..order(params.as_object().unwrap()) })
            .unwrap();
        let Text::Plain(media_type) = &call.headers[0].1[0] else { panic!() };
        let parts = multipart::read(media_type, &call.body).unwrap();
        let fields: Vec<_> = parts
            .iter()
            .map(|part| format!("{}={}", part.name, String::from_utf8_lossy(&part.body)))
            .collect();
        assert_eq!(
            fields,
            [
                "prompt=a cat",
                "seed=7",
                "num_images=1",
                "style_codes=AA",
                "style_codes=BB",
                "image_weight=40",
                r#"color_palette={"name":"EMBER"}"#
            ]
        );
    }

    #[test]
    fn failures_are_told_by_their_reason() {
        let said = |status: u16, body: Value| {
            let reply = reply(status, &body);
            match failure(&reply, json::of(&reply).as_ref()) {
                Answer::Fault(fault) => format!("{}: {}", fault.kind.word(), fault.words),
                Answer::Refused { stage, words } => format!("{}: {words}", stage.word()),
                other => panic!("{other:?}"),
            }
        };
        insta::assert_snapshot!(
            [
                said(402, json!({"error": "Too many", "reject_reason": "inflight_limit", "max_inflight_requests": 10})),
                said(402, json!({"error": "Buy credits", "reject_reason": "insufficient_funds"})),
                said(402, json!({"error": "Come back tomorrow", "reject_reason": "daily_limit"})),
                said(422, json!({"error": "Prompt or provided image failed the safety checks"})),
                said(422, json!({"detail": [{"loc": ["body", "seed"], "msg": "too large"}]})),
                said(404, json!({"error": "no such model"})),
                said(400, json!({"error": "magic_prompt: no such value"})),
            ]
            .join("\n")
        );
    }

    #[test]
    fn an_unsafe_picture_is_none_even_with_an_address() {
        let params = Map::new();
        for url in [json!(null), json!(""), json!("https://ideogram.ai/a.png")] {
            let reply = reply(200, &json!({"data": [{"url": url, "is_image_safe": false}]}));
            let step = ideogram().understand(&order(&params), &reply);
            assert!(
                matches!(step, Step::Done(Answer::Refused { stage: Stage::Output, .. })),
                "{step:?}"
            );
        }
        let reply = reply(200, &json!({"data": [{"url": null, "is_image_safe": true}]}));
        let step = ideogram().understand(&order(&params), &reply);
        assert!(matches!(step, Step::Done(Answer::Broken { .. })), "{step:?}");
    }
}
