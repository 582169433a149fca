use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::policy::Task;
use crate::providers::http::tests::{order, provider};

const MODEL: &str = "black-forest-labs/flux-schnell";

/// The dialect of a policy's table, or the problems of the table.
fn dialect(url: Option<&str>, table: &Value) -> Result<Box<dyn Dialect>, String> {
    let mut problems = Problems::new();
    let settings = read(&Node::from_json(table), &[], &mut problems);
    let problem = problems.sorted().first().map(|problem| problem.message.clone());
    match problem {
        Some(problem) => Err(problem),
        None => open(&provider("replicate", url, settings.unwrap())),
    }
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, headers: vec![], body: Bytes::from(body.to_string()) }
}

fn step(status: u16, body: &Value) -> Step {
    let params = Map::new();
    dialect(None, &json!({})).unwrap().understand(&order(&params), &reply(status, body))
}

fn fault_in(step: Step) -> Fault {
    match step {
        Step::Done(Answer::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_is_asked_by_its_name_or_its_version() {
    let params = json!({"go_fast": true}).as_object().cloned().unwrap();
    let begun = |model: &'static str| {
        dialect(None, &json!({})).unwrap().begin(&Order { model, ..order(&params) })
    };
    let by_name = begun(MODEL).unwrap();
    assert_eq!(
        by_name.url.as_str(),
        "https://api.replicate.com/v1/models/black-forest-labs/flux-schnell/predictions"
    );
    assert_eq!(
        String::from_utf8(by_name.body.to_vec()).unwrap(),
        r#"{"input":{"prompt":"a cat","seed":7,"go_fast":true}}"#
    );
    assert!(by_name.headers.contains(&json::plain("prefer", "wait=30")));
    assert!(by_name.headers.contains(&json::plain("cancel-after", "60s")));
    let by_version = begun("acme/fox:0f1e2d").unwrap();
    assert_eq!(by_version.url.as_str(), "https://api.replicate.com/v1/predictions");
    assert_eq!(
        String::from_utf8(by_version.body.to_vec()).unwrap(),
        r#"{"version":"0f1e2d","input":{"prompt":"a cat","seed":7,"go_fast":true}}"#
    );
    for bad in ["flux", "a/b/c", "../v1/account", "a/..", "a/b:", "a/b?x=1"] {
        assert!(begun(bad).unwrap_err().contains("owner/name"), "{bad}");
    }
}

#[test]
fn pictures_go_under_the_names_of_the_policy() {
    let (params, image) = (Map::new(), Bytes::from_static(b"\xFF\xD8\xFF"));
    let sent = |table: &Value, task, mask| {
        let order = Order { model: MODEL, task, image: Some(&image), mask, ..order(&params) };
        let call = dialect(None, table).unwrap().begin(&order)?;
        Ok::<_, String>(String::from_utf8(call.body.to_vec()).unwrap())
    };
    let uri = r#""data:image/jpeg;base64,/9j/""#;
    let usual = json!({"image_field": "image", "mask_field": "mask"});
    assert_eq!(
        sent(&usual, Task::Edit, Some(&image)).unwrap(),
        format!(r#"{{"input":{{"prompt":"a cat","seed":7,"image":{uri},"mask":{uri}}}}}"#)
    );
    let own = json!({"image_field": "input_images[]", "send_seed": false});
    assert_eq!(
        sent(&own, Task::Edit, None).unwrap(),
        format!(r#"{{"input":{{"prompt":"a cat","input_images":[{uri}]}}}}"#)
    );
    assert_eq!(
        sent(&usual, Task::Upscale, None).unwrap(),
        format!(r#"{{"input":{{"image":{uri}}}}}"#)
    );
    let unsaid = sent(&json!({}), Task::Edit, None).unwrap_err();
    assert!(unsaid.contains("`image_field: NAME`"), "{unsaid}");
    let unsaid = sent(&json!({"image_field": "image"}), Task::Edit, Some(&image)).unwrap_err();
    assert!(unsaid.contains("`mask_field: NAME`"), "{unsaid}");
    let same = json!({"image_field": "image", "mask_field": "image"});
    assert!(sent(&same, Task::Edit, Some(&image)).unwrap_err().contains("both"));
    for bad in ["", "prompt", "a b", "[]"] {
        let error = dialect(None, &json!({"image_field": bad})).err().unwrap();
        assert!(error.contains("no name of a field"), "{error}");
    }
    let lone = Order { model: MODEL, task: Task::Edit, ..order(&params) };
    assert!(dialect(None, &json!({})).unwrap().begin(&lone).unwrap_err().contains("`image`"));
}

#[test]
fn the_key_goes_to_the_vendor_s_host_alone() {
    let asked = |url: Option<&str>, get: &str| {
        let body = json!({"id": "abc1", "status": "starting", "urls": {"get": get}});
        let params = Map::new();
        let step =
            dialect(url, &json!({})).unwrap().understand(&order(&params), &reply(201, &body));
        let Step::Poll(call, _) = step else { panic!("{step:?}") };
        assert!(call.headers.iter().any(|(name, _)| name == "authorization"));
        String::from(call.url)
    };
    let own = "https://api.replicate.com/v1/predictions/abc1";
    for get in [own, "https://evil.test/x", "https://x.replicate.delivery/abc1", "nonsense"] {
        assert_eq!(asked(None, get), own);
    }
    assert_eq!(
        asked(Some("http://127.0.0.1:8787"), own),
        "http://127.0.0.1:8787/v1/predictions/abc1"
    );
    // A file of the API wants the key; those of the delivery get none.
    let output = |url: &str| step(200, &json!({"id": "a", "status": "succeeded", "output": url}));
    assert!(matches!(output("https://api.replicate.com/v1/files/f1/download"), Step::Poll(..)));
    assert!(matches!(output("https://api.replicate.com/v1/account"), Step::Fetch(_)));
    assert!(matches!(output("https://evil.test/v1/files/f1"), Step::Fetch(_)));
    let file = Reply { status: 200, headers: vec![], body: Bytes::from_static(b"\xFF\xD8\xFF") };
    let params = Map::new();
    let step = dialect(None, &json!({})).unwrap().understand(&order(&params), &file);
    assert!(matches!(step, Step::Done(Answer::Image { .. })));
}

#[test]
fn an_output_has_several_forms() {
    let url = "https://replicate.delivery/a.webp";
    for output in [
        json!(url),
        json!([url, "https://replicate.delivery/b.webp"]),
        json!({"image": url}),
        json!({"images": [url]}),
        json!([{"url": url}]),
    ] {
        let got = step(200, &json!({"status": "succeeded", "output": output}));
        assert_eq!(got, Step::Fetch(url.parse().unwrap()), "{output}");
    }
    for none in [json!(null), json!([]), json!(""), json!({}), json!(7)] {
        let got = step(200, &json!({"status": "succeeded", "output": none}));
        let Step::Done(Answer::Broken { kind, .. }) = &got else { panic!("{got:?}") };
        assert_eq!(kind, "empty", "{none}");
    }
}

#[test]
fn every_end_of_a_prediction_has_a_meaning() {
    let ended = |status: &str, error: Value| {
        step(200, &json!({"id": "a", "status": status, "error": error}))
    };
    for (words, stage) in [
        ("NSFW content detected. Try another prompt.", Stage::Output),
        ("The input or output was flagged as sensitive. (E005)", Stage::Unknown),
    ] {
        assert_eq!(ended("failed", words.into()), Step::Done(refused(stage, words)));
    }
    let kind = |status: &str, error: Value| fault_in(ended(status, error)).kind;
    assert_eq!(kind("failed", "CUDA out of memory".into()), FaultKind::ServerFault);
    assert_eq!(kind("failed", Value::Null), FaultKind::ServerFault);
    assert_eq!(kind("aborted", Value::Null), FaultKind::ServerFault);
    // It ran until its deadline, and is charged.
    assert_eq!(kind("canceled", Value::Null), FaultKind::TimeoutUnknown);
    assert!(matches!(ended("queued", Value::Null), Step::Poll(..)));
    let nameless = step(200, &json!({"status": "starting"}));
    assert!(matches!(nameless, Step::Done(Answer::Broken { .. })), "{nameless:?}");
    let wait =
        fault_in(step(429, &json!({"detail": "Throttled. Your rate limit resets in ~30s."})));
    assert_eq!(
        (wait.kind, wait.retry_after),
        (FaultKind::RateLimited, Some(Duration::from_secs(30)))
    );
}

#[test]
fn a_time_costs_what_the_policy_says() {
    let cost = |table: &Value, metrics: Value| {
        let body = json!({"status": "succeeded", "metrics": metrics});
        dialect(None, table).unwrap().cost(MODEL, &reply(200, &body))
    };
    let priced = json!({"per_second": "$0.000975"});
    let said = cost(&priced, json!({"predict_time": 2.5})).unwrap();
    assert_eq!(
        (said.amount.to_string(), said.basis),
        ("$0.002438".to_owned(), CostBasis::Computed)
    );
    assert_eq!(cost(&json!({}), json!({"predict_time": 2.5})), None);
    for none in
        [json!({}), json!({"predict_time": -1}), json!(null), json!({"predict_time": 1e200})]
    {
        assert_eq!(cost(&priced, none.clone()), None, "{none}");
    }
    assert!(dialect(None, &json!({"per_second": "much"})).is_err());
}
