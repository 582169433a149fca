//! What a ComfyUI server hears and says. Whoever asks for a run by its name gets the picture at once, without the way by the
//! history and `/view`: an address with a query is no path.

use serde_json::{Value, json};

#[cfg(test)]
use crate::providers::rehearsal::Example;
use crate::providers::rehearsal::{
    Act, Delivery, Draft, Heard, Rehearsal, Request, file, reply, whole_seconds,
};
use crate::providers::{Reply, Stage, multipart};

/// The server.
pub(super) struct Server;

impl Rehearsal for Server {
    fn stages(&self) -> &'static [Stage] {
        &[]
    }

    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>> {
        if request.method == "GET" {
            let (_, id) = request.path.split_once("/history/")?;
            return Some(Ok(Heard::Poll(id.to_owned())));
        }
        match request.path {
            path if path.ends_with("/upload/image") => Some(upload(request)),
            path if path.ends_with("/prompt") => Some(prompt(request).map(Heard::Draw)),
            _ => None,
        }
    }

    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply {
        let error = |status: u16, words: &str| reply(status, &json!({"error": words}));
        match act {
            Act::Accepted { job } => {
                reply(200, &json!({"prompt_id": job, "number": 1, "node_errors": {}}))
            }
            Act::Pending { .. } => reply(200, &json!({})),
            Act::Picture { bytes, media_type } => file(bytes, media_type),
            Act::NoJob => Reply { status: 404, headers: Vec::new(), body: bytes::Bytes::new() },
            Act::Empty => {
                let status = json!({"status_str": "success", "completed": true, "messages": []});
                reply(200, &json!({"job": {"outputs": {}, "status": status}}))
            }
            Act::NoModel => invalid(json!({
                "type": "value_not_in_list",
                "message": "Value not in list",
                "details": format!("ckpt_name: '{}' not in []", draft.model),
                "extra_info": {"input_name": "ckpt_name", "received_value": draft.model},
            })),
            Act::BadRequest(words) => invalid(json!({
                "type": "invalid_input_type", "message": words, "details": "steps", "extra_info": {},
            })),
            // None of these is ComfyUI's own; what stands before it may say so.
            Act::BadKey => error(401, "Unauthorized"),
            Act::OutOfCredit => error(402, "Payment required"),
            Act::RateLimited(wait) => {
                error(429, "Too many requests").with("retry-after", whole_seconds(*wait).max(1))
            }
            _ => error(500, "Internal Server Error"),
        }
    }

    #[cfg(test)]
    fn examples(&self) -> &'static [Example] {
        use crate::policy::Task::TextToImage;

        const EXAMPLES: &[Example] = &[Example::new("sd_xl_base_1.0.safetensors", TextToImage)];
        EXAMPLES
    }

    #[cfg(test)]
    fn set_up(&self) -> (Option<&'static str>, &'static str) {
        (None, r#"{"workflow": "a.json", "defaults": {"steps": 20}}"#)
    }
}

/// A graph that can't run.
fn invalid(error: Value) -> Reply {
    let node = json!({"errors": [error], "dependent_outputs": ["9"], "class_type": "CheckpointLoaderSimple"});
    let error = json!({"type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation", "details": "", "extra_info": {}});
    reply(400, &json!({"error": error, "node_errors": {"4": node}}))
}

fn upload(request: &Request<'_>) -> Result<Heard, String> {
    let parts = multipart::read(request.header("content-type").unwrap_or_default(), request.body)?;
    let image = parts.iter().find(|part| part.name == "image").ok_or("image is missing")?;
    let (name, _) = image.file.as_ref().ok_or("image is no file")?;
    Ok(Heard::Aside(reply(200, &json!({"name": name, "subfolder": "", "type": "input"}))))
}

/// The order in a graph, by the nodes that every common workflow has.
fn prompt(request: &Request<'_>) -> Result<Draft, String> {
    let body = request.json()?;
    let graph = body.get("prompt").and_then(Value::as_object).ok_or("prompt is missing")?;
    let input = |class: &str, name: &str| {
        let of_class =
            |node: &&Value| node.get("class_type").and_then(Value::as_str) == Some(class);
        graph.values().find(of_class)?.pointer(&format!("/inputs/{name}"))
    };
    let text =
        |class: &str, name: &str| input(class, name).and_then(Value::as_str).map(str::to_owned);
    let side = |name: &str| {
        let side = input("EmptyLatentImage", name)?.as_u64()?;
        u32::try_from(side).ok().filter(|side| (1..=16_384).contains(side))
    };
    Ok(Draft {
        prompt: text("CLIPTextEncode", "text").unwrap_or_default(),
        model: text("CheckpointLoaderSimple", "ckpt_name").unwrap_or_default(),
        seed: input("KSampler", "seed").and_then(Value::as_u64),
        size: side("width").zip(side("height")),
        media_type: Some("image/png"),
        delivery: Delivery::Job,
        ..Draft::default()
    })
}
