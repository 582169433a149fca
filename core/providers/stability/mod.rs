//! The kind `stability`: Stability AI's pictures, edits and upscalers.
//!
//! Wire: forms (`multipart/form-data`) under `/v2beta/stable-image/`; with `Accept: image/*` the answer is the file, and the
//! headers `finish-reason` and `seed` say the rest; errors are `{"id", "name", "errors"}`. A filtered picture comes
//! *blurred under 200*. The creative upscaler answers an id, by which is asked for it. Sources: the vendor's reference as of
//! 2026-07-09, its price list of 2025-08-01, and its article on rate limits.

mod server;

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::http::fault;
use super::job::is_name;
use super::multipart::Form;
use super::registry::Kind;
use super::words::tidy;
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, Text, broken, catalogue,
    json, picture_format, provider_words, refused,
};
use crate::policy::{Provider, ProviderVocabulary, Task};

/// Stability's own address.
const DEFAULT_URL: &str = "https://api.stability.ai/v2beta";

/// How long a key is locked out that asked for too much (150 requests in 10 s).
const LOCKED: Duration = Duration::from_secs(60);

/// How often a creative upscale may be asked for.
const POLL: Duration = Duration::from_secs(10);

/// The largest seed.
const MAX_SEED: u64 = 4_294_967_294;

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "stability",
        doc: "Stability AI: Stable Diffusion 3.5, Ultra, Core, edits, and the three upscalers.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &["api.stability.ai"],
        params: &[
            "negative_prompt",
            "aspect_ratio",
            "output_format",
            "cfg_scale",
            "style_preset",
            "strength",
            "creativity",
            "control_strength",
            "search_prompt",
            "select_prompt",
            "grow_mask",
            "left",
            "right",
            "up",
            "down",
        ],
        list_price: Some(|model, params| catalogue::list_price("stability", model, params)),
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v2beta")?;
    Ok(Box::new(Stability { base, key: super::one_key(provider)? }))
}

/// Stability, set up.
#[derive(Clone, Debug)]
struct Stability {
    base: Url,
    key: Option<String>,
}

/// Where a model is: its folder and name in the address, and whether the name goes into the form as well.
fn place(model: &str) -> Result<(&'static str, &str, bool), String> {
    let split = |prefix: &str| {
        let name = model.strip_prefix(prefix)?;
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        (!name.is_empty() && name.chars().all(plain)).then_some(name)
    };
    if model.starts_with("sd3") {
        Ok(("generate", "sd3", true))
    } else if matches!(model, "ultra" | "core") {
        Ok(("generate", model, false))
    } else if let Some(name) = split("upscale-") {
        Ok(("upscale", name, false))
    } else if let Some(name) = split("edit-") {
        Ok(("edit", name, false))
    } else if let Some(name) = split("control-") {
        Ok(("control", name, false))
    } else {
        Err("Stability's models are `sd3.5-…`, `ultra`, `core`, `upscale-fast`, `upscale-conservative`, `upscale-creative`, \
             `edit-…` and `control-…`"
            .to_owned())
    }
}

impl Stability {
    fn headers(&self, accept: &str) -> Vec<(String, Vec<Text>)> {
        let mut headers = vec![json::plain("accept", accept)];
        headers.extend(json::keyed("authorization", "Bearer ", self.key.as_ref()));
        headers
    }
}

impl Dialect for Stability {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let model = order.model;
        let (folder, name, named) = place(model)?;
        let generates = folder == "generate";
        match (order.task, generates) {
            (Task::TextToImage, true) | (Task::Edit, _) => {}
            (Task::Upscale, _) if folder == "upscale" => {}
            (task, _) => {
                return Err(format!("`{model}` is not for {}: name a model that is", task.word()));
            }
        }
        if !generates && order.image.is_none() {
            return Err(format!("`{model}` needs a picture: give the case an `image`"));
        }
        let mut form = Form::default();
        // The fast upscaler takes the picture alone.
        let bare = (folder, name) == ("upscale", "fast");
        if !bare {
            form.text("prompt", order.prompt);
            // 0 asks for any.
            form.text("seed", &(order.seed.0 % (MAX_SEED + 1)).max(1).to_string());
        }
        if named {
            form.text("model", order.model);
            if order.image.is_some() {
                form.text("mode", "image-to-image");
            }
        }
        for (name, value) in order.params {
            form.value(name, value);
        }
        match order.image {
            Some(image) => form.picture("image", image),
            None => form.nothing(),
        }
        if let Some(mask) = order.mask {
            form.picture("mask", mask);
        }
        let (media_type, body) = form.finish();
        // Who answers an id does so in JSON; the others send the file where they may.
        let accept =
            if (folder, name) == ("upscale", "creative") { "application/json" } else { "image/*" };
        let mut headers = vec![json::plain("content-type", &media_type)];
        headers.extend(self.headers(accept));
        let url = super::below(&self.base, &["stable-image", folder, name])?;
        Ok(Call { method: "POST", url, headers, body })
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        let json = if picture_format(&reply.body).is_some() { None } else { json::of(reply) };
        if !(200..300).contains(&reply.status) {
            return Step::Done(failure(reply, json.as_ref()));
        }
        let reason = reply
            .header("finish-reason")
            .or_else(|| json::text(json.as_ref()?, "/finish_reason"))
            .unwrap_or("SUCCESS");
        // The picture is there, and blurred: it is a refusal, and no picture to judge.
        if reason.eq_ignore_ascii_case("CONTENT_FILTERED") {
            return Step::Done(refused(
                Stage::Output,
                "the picture was filtered, and came blurred",
            ));
        }
        if picture_format(&reply.body).is_some() {
            let content_type = reply.header("content-type").map(tidy);
            let bytes = reply.body.clone();
            return Step::Done(Answer::Image { bytes, content_type, cost: None });
        }
        let Some(json) = json else {
            let words = format!("no picture: {}", provider_words(reply));
            return Step::Done(broken("not_an_image", words));
        };
        if let Some(data) = json::text(&json, "/image").or_else(|| json::text(&json, "/result")) {
            return Step::Done(match super::http::decode(data) {
                Some(bytes) => Answer::Image { bytes, content_type: None, cost: None },
                None => broken("bad_base64", "the picture in the answer is no valid base64"),
            });
        }
        let Some(id) = json::text(&json, "/id").filter(|id| is_name(id)) else {
            return Step::Done(broken("empty", "an answer without a picture"));
        };
        match super::below(&self.base, &["results", id]) {
            Ok(url) => Step::Poll(json::get(url, self.headers("image/*")), POLL),
            Err(words) => Step::Done(broken("bad_url", words)),
        }
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        failure(reply, json::of(reply).as_ref())
    }
}

/// What a failure means.
fn failure(reply: &Reply, json: Option<&Value>) -> Answer {
    let name = json.and_then(|json| json::text(json, "/name")).unwrap_or_default();
    if name == "content_moderation" {
        return refused(Stage::Input, provider_words(reply));
    }
    let mut fault = fault(reply, json);
    match reply.status {
        429 => fault.retry_after = fault.retry_after.or(Some(LOCKED)),
        // A result is kept for a day, and for the key that ordered it.
        404 => {
            fault = Fault { kind: FaultKind::ResultExpired, ..fault };
        }
        _ => {}
    }
    Answer::Fault(fault)
}
