use serde_json::json;

use super::*;
use crate::providers::http::tests::{order, provider};
use crate::providers::multipart;
use crate::providers::rehearsal::reply;

/// A workflow of text alone.
pub(in crate::providers) const PLAIN: &[u8] = br#"{
  "3": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}", "steps": "{{params.steps}}", "model": ["4", 0]}},
  "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "{{model}}"}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}", "clip": ["4", 1]}},
  "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "presscheck"}}
}"#;

/// The same with pictures.
const MASKED: &[u8] = br#"{
  "1": {"class_type": "LoadImage", "inputs": {"image": "{{image}}"}},
  "2": {"class_type": "LoadImageMask", "inputs": {"image": "{{mask}}", "channel": "red"}},
  "3": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}"}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}"}}
}"#;

fn opened(workflow: &'static [u8], table: Value) -> Result<Box<dyn Dialect>, String> {
    let mut problems = Problems::new();
    let settings = read(&Node::from_json(&table), &[], &mut problems).unwrap();
    let mut provider = provider("comfyui", None, settings);
    let path = provider.settings.files().next().unwrap().clone();
    provider.give(path, Bytes::from_static(workflow));
    open(&provider)
}

fn comfy(table: Value) -> Box<dyn Dialect> {
    opened(PLAIN, table).unwrap()
}

fn plain() -> Value {
    json!({"workflow": "workflows/a.json", "defaults": {"steps": 20}})
}

fn heard(dialect: &dyn Dialect, body: Value) -> Step {
    let params = Map::new();
    dialect.understand(&order(&params), &reply(200, &body))
}

fn history(outputs: Value, status: Value) -> Value {
    json!({"a1b2": {"prompt": [], "outputs": outputs, "status": status}})
}

fn fault_of(step: Step) -> String {
    match step {
        Step::Done(Answer::Fault(fault)) => format!("{}: {}", fault.kind.word(), fault.words),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_asked_for_until_its_picture_is_there() {
    let dialect = comfy(plain());
    let Step::Poll(call, _) =
        heard(&*dialect, json!({"prompt_id": "a1b2", "number": 3, "node_errors": {}}))
    else {
        panic!()
    };
    assert_eq!((call.method, call.url.as_str()), ("GET", "http://127.0.0.1:8188/history/a1b2"));
    assert_eq!(heard(&*dialect, json!({})), Step::Again(POLL));
    let success = json!({"status_str": "success", "completed": true, "messages": []});
    let preview = json!({"filename": "p.png", "subfolder": "", "type": "temp"});
    let saved = json!({"filename": "a &b.png", "subfolder": "x/y", "type": "output"});
    let outputs =
        json!({"8": {"images": [preview]}, "9": {"images": [saved]}, "10": {"text": ["t"]}});
    let Step::Poll(call, _) = heard(&*dialect, history(outputs, success.clone())) else { panic!() };
    assert_eq!(
        call.url.as_str(),
        "http://127.0.0.1:8188/view?filename=a+%26b.png&subfolder=x%2Fy&type=output"
    );
    assert!(call.headers.iter().any(|(name, _)| name == "authorization"), "it is the server's own");
    let Step::Poll(call, _) =
        heard(&*dialect, history(json!({"8": {"images": [preview]}}), success.clone()))
    else {
        panic!()
    };
    assert!(call.url.as_str().ends_with("type=temp"), "{}", call.url);
    let none = heard(&*dialect, history(json!({}), success));
    assert!(matches!(none, Step::Done(Answer::Broken { .. })), "{none:?}");
}

#[test]
fn one_picture_counts() {
    let file =
        |name: &str| json!({"images": [{"filename": name, "subfolder": "", "type": "output"}]});
    let two = || {
        history(json!({"9": file("a.png"), "12": file("b.png")}), json!({"status_str": "success"}))
    };
    assert_eq!(
        fault_of(heard(&*comfy(plain()), two())),
        "bad_request: the nodes 9, 12 each give a picture: name the one that counts by the provider's `output`"
    );
    let mut table = plain();
    table["output"] = "12".into();
    let Step::Poll(call, _) = heard(&*comfy(table), two()) else { panic!() };
    assert!(call.url.as_str().contains("filename=b.png"), "{}", call.url);
}

#[test]
fn what_fails_is_told_by_its_node() {
    let dialect = comfy(plain());
    let error = json!([["execution_start", {}], ["execution_error", {"node_id": "3", "node_type": "KSampler",
        "exception_type": "torch.OutOfMemoryError", "exception_message": "Allocation\non device", "traceback": []}]]);
    let ran = |messages: Value| {
        heard(
            &*dialect,
            history(
                json!({}),
                json!({"status_str": "error", "completed": false, "messages": messages}),
            ),
        )
    };
    let refused = |status: u16, errors: Value| {
        let body = json!({"error": {"type": "prompt_outputs_failed_validation",
            "message": "Prompt outputs failed validation", "details": ""}, "node_errors": errors});
        let params = Map::new();
        dialect.understand(&order(&params), &reply(status, &body))
    };
    let not_in_list = |received: &str| {
        json!({"4": {"class_type": "CheckpointLoaderSimple", "errors": [{"type": "value_not_in_list",
            "message": "Value not in list", "details": format!("ckpt_name: '{received}' not in ['a']"),
            "extra_info": {"received_value": received}}]}})
    };
    let partly = json!({"prompt_id": "a1b2", "number": 1, "node_errors": {"9": {"class_type": "SaveImage",
        "errors": [{"type": "required_input_missing", "message": "Required input is missing", "details": "images"}]}}});
    let params = Map::new();
    let no_server =
        Reply { status: 404, headers: vec![], body: Bytes::from_static(b"404: Not Found") };
    insta::assert_snapshot!(
        [
            ran(error),
            ran(json!([["execution_interrupted", {}]])),
            ran(json!("?")),
            refused(400, not_in_list("v1")),
            refused(400, not_in_list("euler")),
            refused(400, json!({})),
            heard(&*dialect, partly),
            dialect.understand(&order(&params), &no_server),
        ]
        .map(fault_of)
        .join("\n")
    );
}

#[test]
fn pictures_are_uploaded_before_the_graph_that_names_them() {
    let dialect = opened(MASKED, json!({"workflow": "a.json"})).unwrap();
    let (params, image) = (Map::new(), Bytes::from_static(b"\x89PNG\r\n\x1a\n image"));
    let mask = Bytes::from_static(b"\xFF\xD8\xFF mask");
    let edit = Order { image: Some(&image), mask: Some(&mask), ..order(&params) };
    let upload = |call: &Call| {
        assert_eq!((call.method, call.url.path()), ("POST", "/upload/image"));
        let Text::Plain(media_type) = &call.headers[0].1[0] else { panic!() };
        let parts = multipart::read(media_type, &call.body).unwrap();
        (parts[0].file.clone().unwrap().0, parts[0].body.clone())
    };
    let next = |name: &str| {
        let reply = reply(200, &json!({"name": name, "subfolder": "", "type": "input"}));
        dialect.understand(&edit, &reply)
    };
    let (image_name, sent) = upload(&dialect.begin(&edit).unwrap());
    assert_eq!(sent, image);
    let Step::Next(second) = next(&image_name) else { panic!() };
    let (mask_name, sent) = upload(&second);
    assert_eq!(sent, mask);
    let Step::Next(third) = next(&mask_name) else { panic!() };
    assert_eq!(third.url.path(), "/prompt");
    let body: Value = serde_json::from_slice(&third.body).unwrap();
    assert_eq!(body["prompt"]["1"]["inputs"]["image"], image_name);
    assert_eq!(body["prompt"]["2"]["inputs"]["image"], mask_name);
    assert!(
        image_name.ends_with(".png") && mask_name.ends_with(".jpeg"),
        "{image_name} {mask_name}"
    );
    assert_eq!(
        fault_of(next("presscheck (1).png")),
        "bad_request: the server keeps an uploaded picture as `presscheck (1).png`"
    );
    let error = dialect.begin(&order(&params)).unwrap_err();
    assert!(error.contains("{{image}}"), "{error}");
}

#[test]
fn a_workflow_that_is_none_is_said_before_anything_is_sent() {
    let error = opened(b"{}", json!({"workflow": "workflows/a.json"})).map(drop).unwrap_err();
    assert_eq!(
        error,
        "provider `studio`: the workflow workflows/a.json can't be run: it never uses `{{prompt}}`, so that every picture would be the same"
    );
    let mut problems = Problems::new();
    assert!(read(&Node::from_json(&json!({"kind": "comfyui"})), &[], &mut problems).is_none());
    assert_eq!(problems.errors(), 1);
}
