//! The kind `automatic1111`: a Stable Diffusion web UI of one's own (AUTOMATIC1111, Forge, SD.Next), by its API.
//!
//! Wire: JSON under `/sdapi/v1/`: `txt2img`, `img2img`, and `extra-single-image` for upscalers; pictures are base64 without
//! a `data:` head; `info` is JSON in a string, and tells which checkpoint drew. Errors are FastAPI's `{"detail"}`, or
//! `{"error", "detail", "body", "errors"}` with the name of an exception. HTTP Basic where the server was started with
//! `--api-auth`. There is no safety policy, so no refusal. Sources: `modules/api/api.py`, `modules/api/models.py` and
//! `modules/processing.py` of AUTOMATIC1111 1.10.

mod server;

use std::io::Cursor;

use bytes::Bytes;
use image::ImageReader;
use serde_json::{Map, Value};
use url::Url;

use super::http::{encode, fault, of_download};
use super::registry::Kind;
use super::words::tidy;
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Step, broken, json, provider_words,
};
use crate::inert::one_line;
use crate::policy::{Provider, ProviderVocabulary, Task};

/// Where the server is that was started without further arguments.
const DEFAULT_URL: &str = "http://127.0.0.1:7860";

/// What a file of weights may end in.
const WEIGHTS: [&str; 6] = [".safetensors", ".ckpt", ".sft", ".gguf", ".pth", ".pt"];

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "automatic1111",
        doc: "A Stable Diffusion web UI of your own: AUTOMATIC1111, Forge, SD.Next. Pictures, edits, upscalers.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &[],
        params: &[
            "negative_prompt",
            "steps",
            "cfg_scale",
            "distilled_cfg_scale",
            "width",
            "height",
            "sampler_name",
            "scheduler",
            "denoising_strength",
            "eta",
            "tiling",
            "restore_faces",
            "enable_hr",
            "hr_scale",
            "hr_upscaler",
            "hr_second_pass_steps",
            "hr_resize_x",
            "hr_resize_y",
            "resize_mode",
            "mask_blur",
            "inpainting_fill",
            "inpaint_full_res",
            "inpaint_full_res_padding",
            "upscaling_resize",
            "upscaling_resize_w",
            "upscaling_resize_h",
            "upscaling_crop",
            "upscaler_2",
            "extras_upscaler_2_visibility",
            "gfpgan_visibility",
            "codeformer_visibility",
            "codeformer_weight",
        ],
        list_price: None,
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "")?;
    Ok(Box::new(WebUi { base, login: super::one_key(provider)? }))
}

/// A server, set up.
#[derive(Clone, Debug)]
struct WebUi {
    base: Url,
    /// The variable that holds `user:password`.
    login: Option<String>,
}

/// What a task is called.
const fn endpoint(task: Task, has_image: bool) -> &'static str {
    match (task, has_image) {
        (Task::Upscale, _) => "extra-single-image",
        (Task::TextToImage, false) => "txt2img",
        // A picture that goes along with a prompt is what an edit is.
        (Task::Edit, _) | (Task::TextToImage, true) => "img2img",
    }
}

impl Dialect for WebUi {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let endpoint = endpoint(order.task, order.image.is_some());
        let body = match endpoint {
            "extra-single-image" => upscale(order)?,
            _ => drawing(order)?,
        };
        let url = super::below(&self.base, &["sdapi", "v1", endpoint])?;
        json::post(url, json::basic(self.login.as_ref()), &Value::Object(body))
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        let json = json::of(reply);
        if !(200..300).contains(&reply.status) {
            return Step::Done(Answer::Fault(failure(reply, json.as_ref())));
        }
        let Some(json) = json else {
            let words = format!("no JSON: {}", provider_words(reply));
            return Step::Done(broken("bad_json", words));
        };
        if order.task != Task::Upscale
            && let Some(fault) = other_checkpoint(order.model, &json)
        {
            return Step::Done(Answer::Fault(fault));
        }
        let place = if order.task == Task::Upscale { "/image" } else { "/images/0" };
        // No answer of this API is an address.
        json::picture(&json, place, "/none")
            .unwrap_or_else(|| Step::Done(broken("empty", "an answer without a picture")))
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        of_download(reply)
    }
}

/// The body that draws, or changes a picture.
fn drawing(order: &Order<'_>) -> Result<Map<String, Value>, String> {
    let mut body = Map::new();
    body.insert("prompt".to_owned(), order.prompt.into());
    body.insert("seed".to_owned(), order.seed_31().into());
    // Of several pictures the first is a sheet of them all.
    body.insert("batch_size".to_owned(), 1.into());
    body.insert("n_iter".to_owned(), 1.into());
    match order.image {
        Some(image) => {
            body.insert("init_images".to_owned(), vec![encode(image)].into());
            if let Some(mask) = order.mask {
                // White is what may change, as in the case.
                body.insert("mask".to_owned(), encode(mask).into());
            }
        }
        None if order.task == Task::Edit => {
            return Err("an edit needs the case's `image`".to_owned());
        }
        None => {}
    }
    let mut params = order.params.clone();
    let mut settings = match params.remove("override_settings") {
        Some(Value::Object(settings)) => settings,
        Some(_) => return Err("the parameter `override_settings` must be a table".to_owned()),
        None => Map::new(),
    };
    if settings.insert("sd_model_checkpoint".to_owned(), order.model.into()).is_some() {
        return Err("the checkpoint is the model's id, and no parameter".to_owned());
    }
    json::add_params(&mut body, &Order { params: &params, ..*order })?;
    body.insert("override_settings".to_owned(), settings.into());
    let sized = body.contains_key("width") || body.contains_key("height");
    if let Some((width, height)) = order.image.filter(|_| !sized).and_then(size_of) {
        // Else the picture would be squeezed into 512×512.
        body.insert("width".to_owned(), width.into());
        body.insert("height".to_owned(), height.into());
    }
    Ok(body)
}

/// The size of an input picture, in whole cells of the latent space (8 pixels).
fn size_of(image: &Bytes) -> Option<(u32, u32)> {
    let reader = ImageReader::new(Cursor::new(image)).with_guessed_format().ok()?;
    let (width, height) = reader.into_dimensions().ok()?;
    let whole = |side: u32| (side / 8 * 8).max(8);
    Some((whole(width), whole(height)))
}

/// The body that enlarges a picture.
fn upscale(order: &Order<'_>) -> Result<Map<String, Value>, String> {
    let image = order.image.ok_or("an upscaler needs a picture: give the case an `image`")?;
    let mut body = Map::new();
    body.insert("image".to_owned(), encode(image).into());
    body.insert("upscaler_1".to_owned(), order.model.into());
    // A size counts only where it is asked for by its own mode; the default is a factor.
    let by_size = order.params.contains_key("upscaling_resize_w");
    body.insert("resize_mode".to_owned(), u8::from(by_size).into());
    let mut params = order.params.clone();
    params.remove("resize_mode");
    json::add_params(&mut body, &Order { params: &params, ..*order })?;
    Ok(body)
}

/// A server that does not know a checkpoint draws with the one that is loaded, and says so in `info` alone.
fn other_checkpoint(model: &str, json: &Value) -> Option<Fault> {
    // Servers that speak a part of this API leave it empty.
    let info: Value = serde_json::from_str(json::text(json, "/info")?).ok()?;
    let name = json::text(&info, "/sd_model_name").filter(|name| !name.is_empty())?;
    let hash = json::text(&info, "/sd_model_hash").filter(|hash| !hash.is_empty());
    if is_checkpoint(model, name, hash) {
        return None;
    }
    let words = format!(
        "the server drew with `{}`: it knows no checkpoint `{}`",
        tidy(name),
        one_line(model, 80)
    );
    Some(Fault { kind: FaultKind::ModelRetired, words, retry_after: None })
}

/// Whether a checkpoint is meant by a model's id: a name with its folders, its ending and its hash or without, or a hash.
fn is_checkpoint(model: &str, name: &str, hash: Option<&str>) -> bool {
    // The short old hashes are of another kind than the ones that are told.
    if (8..=64).contains(&model.len()) && model.chars().all(|c| c.is_ascii_hexdigit()) {
        return model.len() < 10
            || hash.is_none_or(|hash| model.starts_with(hash))
            || model == name;
    }
    plain_name(model) == plain_name(name)
}

/// `sdxl/base.safetensors [31e35c80fc]` without all that is not its name.
fn plain_name(name: &str) -> &str {
    let name = match name.rsplit_once(" [") {
        Some((before, hash)) if hash.ends_with(']') => before,
        _ => name,
    };
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    WEIGHTS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// What a failure means.
fn failure(reply: &Reply, json: Option<&Value>) -> Fault {
    let text = |place: &str| json.and_then(|json| json::text(json, place)).unwrap_or_default();
    let mut fault = fault(reply, json);
    let (error, detail, errors) = (text("/error"), text("/detail"), text("/errors"));
    if !errors.is_empty() && detail.is_empty() {
        // The name of the exception says little without its message.
        fault.words = tidy(&format!("HTTP {}: {error}: {errors}", reply.status));
    }
    // Requests that are wrong, under the status of a server that is.
    if detail == "Invalid encoded image" {
        fault.kind = FaultKind::BadRequest;
    } else if errors.contains("could not find upscaler") {
        fault.kind = FaultKind::ModelRetired;
    } else if reply.status == 404 && detail == "Not Found" {
        fault.words = "HTTP 404: there is no API here: start the server with `--api`".to_owned();
    }
    fault
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::http::tests::order;

    fn server() -> WebUi {
        WebUi { base: DEFAULT_URL.parse().unwrap(), login: None }
    }

    fn sent(order: &Order<'_>) -> Value {
        serde_json::from_slice(&server().begin(order).unwrap().body).unwrap()
    }

    #[test]
    fn a_checkpoint_is_known_by_each_of_its_names() {
        let hash = Some("31e35c80fc");
        for model in [
            "sd_xl_base_1.0",
            "sd_xl_base_1.0.safetensors",
            "sd_xl_base_1.0.safetensors [31e35c80fc]",
            "sdxl/sd_xl_base_1.0.safetensors",
            r"sdxl\sd_xl_base_1.0.safetensors",
            "31e35c80fc",
            "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b",
            "be9edd61",
        ] {
            assert!(is_checkpoint(model, "sd_xl_base_1.0", hash), "{model}");
        }
        for model in ["sd_xl_base_0.9", "sd_xl_base_1.0_vae", "31e35c80fd", ""] {
            assert!(!is_checkpoint(model, "sd_xl_base_1.0", hash), "{model}");
        }
    }

    #[test]
    fn a_picture_by_another_checkpoint_is_none() {
        let params = Map::new();
        let reply = |info: &str| {
            super::super::rehearsal::reply(200, &json!({"images": ["/9j/"], "info": info}))
        };
        let drawn = |info: &str| server().understand(&order(&params), &reply(info));
        let Step::Done(Answer::Fault(fault)) = drawn(r#"{"sd_model_name": "v2"}"#) else {
            panic!()
        };
        assert_eq!(fault.words, "the server drew with `v2`: it knows no checkpoint `v1`");
        for info in [r#"{"sd_model_name": "v1"}"#, r#"{"seed": 7}"#, "", "no JSON"] {
            assert!(matches!(drawn(info), Step::Done(Answer::Image { .. })), "{info}");
        }
    }

    #[test]
    fn settings_go_along_with_the_checkpoint() {
        let params = json!({"override_settings": {"CLIP_stop_at_last_layers": 2}, "steps": 4});
        let body = sent(&order(params.as_object().unwrap()));
        assert_eq!(
            body["override_settings"],
            json!({"CLIP_stop_at_last_layers": 2, "sd_model_checkpoint": "v1"})
        );
        assert_eq!(body["steps"], 4);
        for wrong in [json!({"sd_model_checkpoint": "v2"}), json!([])] {
            let params = json!({"override_settings": wrong});
            assert!(server().begin(&order(params.as_object().unwrap())).is_err(), "{params}");
        }
    }

    #[test]
    fn an_edit_keeps_the_size_of_its_picture() {
        let mut file = Cursor::new(Vec::new());
        image::RgbImage::new(83, 64).write_to(&mut file, image::ImageFormat::Png).unwrap();
        let picture: Bytes = file.into_inner().into();
        let size = |params: Value| {
            let params = params.as_object().unwrap();
            let edit = Order { task: Task::Edit, image: Some(&picture), ..order(params) };
            let body = sent(&edit);
            (body["width"].as_u64(), body["height"].as_u64())
        };
        assert_eq!(size(json!({})), (Some(80), Some(64)));
        assert_eq!(size(json!({"width": 512})), (Some(512), None));
    }

    #[test]
    fn an_upscaler_takes_a_factor_or_a_size() {
        let picture = Bytes::from_static(b"x");
        let mode = |params: Value| {
            let params = params.as_object().unwrap();
            sent(&Order { task: Task::Upscale, image: Some(&picture), ..order(params) })["resize_mode"].clone()
        };
        assert_eq!(mode(json!({"upscaling_resize": 4})), 0);
        assert_eq!(mode(json!({"upscaling_resize_w": 512, "upscaling_resize_h": 512})), 1);
    }

    #[test]
    fn exceptions_are_told_by_what_they_say() {
        let said = |status: u16, body: Value| {
            let reply = super::super::rehearsal::reply(status, &body);
            let fault = failure(&reply, json::of(&reply).as_ref());
            format!("{}: {}", fault.kind.word(), fault.words)
        };
        let exception = |error: &str, errors: &str| json!({"error": error, "detail": "", "body": "", "errors": errors});
        insta::assert_snapshot!(
            [
                said(500, exception("OutOfMemoryError", "CUDA out of memory.\nTried to allocate 2 GiB")),
                said(500, exception("AssertionError", "could not find upscaler named 4x-Sharp")),
                said(500, json!({"error": "HTTPException", "detail": "Invalid encoded image", "body": "", "errors": ""})),
                said(404, json!({"detail": "Sampler not found"})),
                said(404, json!({"detail": "Not Found"})),
                said(422, json!({"detail": [{"loc": ["body", "steps"], "msg": "value is not a valid integer"}]})),
                said(401, json!({"error": "HTTPException", "detail": "Incorrect username or password", "body": "", "errors": ""})),
            ]
            .join("\n")
        );
    }
}
