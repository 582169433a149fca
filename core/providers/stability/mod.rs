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

use super::http::{fault, of_download};
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

/// The most requests of a key …
const MOST: u32 = 150;

/// … in this time.
const SPAN: Duration = Duration::from_secs(10);

/// How long a key is locked out that asked for more.
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

/// Where a model is in the address, and what it takes besides a picture and the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    folder: &'static str,
    name: &'a str,
    /// Whether the model's id goes into the form as well.
    named: bool,
}

impl<'a> Place<'a> {
    fn of(model: &'a str) -> Result<Self, String> {
        let split = |prefix: &str| {
            let name = model.strip_prefix(prefix)?;
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            (!name.is_empty() && name.chars().all(plain)).then_some(name)
        };
        let (folder, name) = if model.starts_with("sd3") {
            return Ok(Self { folder: "generate", name: "sd3", named: true });
        } else if matches!(model, "ultra" | "core") {
            ("generate", model)
        } else if let Some(name) = split("upscale-") {
            ("upscale", name)
        } else if let Some(name) = split("edit-") {
            ("edit", name)
        } else if let Some(name) = split("control-") {
            ("control", name)
        } else {
            return Err("Stability's models are `sd3.5-…`, `ultra`, `core`, `upscale-fast`, `upscale-conservative`, `upscale-creative`, \
                 `edit-…` and `control-…`"
                .to_owned());
        };
        Ok(Self { folder, name, named: false })
    }

    fn is(&self, folder: &str, name: &str) -> bool {
        (self.folder, self.name) == (folder, name)
    }

    /// Whether the model does what is asked of it.
    fn is_for(&self, task: Task) -> bool {
        match task {
            Task::TextToImage => self.folder == "generate",
            Task::Edit => self.named || matches!(self.folder, "edit" | "control"),
            Task::Upscale => self.folder == "upscale",
        }
    }

    /// These take the picture alone.
    fn is_bare(&self) -> bool {
        self.is("upscale", "fast") || self.is("edit", "remove-background")
    }

    fn takes_prompt(&self) -> bool {
        // What is erased is in the mask, and nothing is put there by words.
        !self.is_bare() && !self.is("edit", "erase")
    }

    fn takes_mask(&self) -> bool {
        self.is("edit", "inpaint") || self.is("edit", "erase")
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
        2
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let model = order.model;
        let place = Place::of(model)?;
        if !place.is_for(order.task) {
            let task = order.task.word();
            return Err(format!("`{model}` is not for {task}: name a model that is"));
        }
        if order.task != Task::TextToImage && order.image.is_none() {
            return Err(format!("`{model}` needs a picture: give the case an `image`"));
        }
        // Sent along, it would be left out by some and refused by others.
        if place.folder == "generate" && !place.named && order.image.is_some() {
            return Err(format!("`{model}` draws from a prompt alone: name `sd3.5-…` for an edit"));
        }
        if order.mask.is_some() && !place.takes_mask() {
            return Err(format!(
                "`{model}` takes no mask: name `edit-inpaint` or `edit-erase`, or leave the case's `mask` out"
            ));
        }
        let mut form = Form::default();
        if place.takes_prompt() {
            form.text("prompt", order.prompt);
        }
        if !place.is_bare() {
            // 0 asks for any.
            form.text("seed", &(order.seed.0 % (MAX_SEED + 1)).max(1).to_string());
        }
        if place.named {
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
        let accept = if place.is("upscale", "creative") { "application/json" } else { "image/*" };
        let mut headers = vec![json::plain("content-type", &media_type)];
        headers.extend(self.headers(accept));
        let url = super::below(&self.base, &["stable-image", place.folder, place.name])?;
        Ok(Call { method: "POST", url, headers, body })
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        // A model is a part of the address.
        let not_found = |fault: Fault| Fault {
            kind: FaultKind::ModelRetired,
            words: format!("there is no `{}` at this address: {}", order.model, fault.words),
            ..fault
        };
        self.meaning(reply, not_found)
    }

    fn polled(&self, _: &Order<'_>, reply: &Reply) -> Step {
        // A result is kept for a day, and for the key that ordered it.
        self.meaning(reply, |fault| Fault { kind: FaultKind::ResultExpired, ..fault })
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        of_download(reply)
    }
}

impl Stability {
    /// What a reply means; `not_found` says it of a 404.
    fn meaning(&self, reply: &Reply, not_found: impl FnOnce(Fault) -> Fault) -> Step {
        let json = if picture_format(&reply.body).is_some() { None } else { json::of(reply) };
        if !(200..300).contains(&reply.status) {
            return Step::Done(failure(reply, json.as_ref(), not_found));
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
}

/// What a failure means.
fn failure(reply: &Reply, json: Option<&Value>, not_found: impl FnOnce(Fault) -> Fault) -> Answer {
    let name = json.and_then(|json| json::text(json, "/name")).unwrap_or_default();
    if name == "content_moderation" {
        return refused(Stage::Input, provider_words(reply));
    }
    let mut fault = fault(reply, json);
    match reply.status {
        429 => fault.retry_after = fault.retry_after.or(Some(LOCKED)),
        404 => fault = not_found(fault),
        _ => {}
    }
    Answer::Fault(fault)
}

#[cfg(test)]
mod tests;
