//! A workflow over real sockets: an upload, the graph, the queue, the picture; and servers that never come to an end.

use bytes::Bytes;
use presscheck::transport::{ClientOptions, Exchange, Line};
use presscheck_core::policy::{Policy, Source, Task, Vocabulary, read_policy};
use presscheck_core::providers::{Answer, FaultKind, Order};
use presscheck_core::units::{Seed, Usd};
use presscheck_core::{checks, providers};
use serde_json::{Map, Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of it";

const WORKFLOW: &[u8] = br#"{
    "1": {"class_type": "LoadImage", "inputs": {"image": "{{image}}"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}", "seed": "{{seed}}"}}
}"#;

fn policy(url: &str) -> Policy {
    let text = format!(
        "model: models.yaml\nprompts: [a.txt]\nproviders:\n  comfy: {{kind: comfyui, url: \"{url}\", workflow: a.json, price: $0.01, timeout: 20s, retries: 0}}\n"
    );
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &kinds, terms: providers::catalogue::terms };
    let reading = read_policy(Source { path: "presscheck.yaml", text: &text }, &vocabulary);
    reading.value.expect("a policy")
}

async fn ask(server: &MockServer) -> Exchange {
    let mut policy = policy(&server.uri());
    let provider = policy.providers.get_mut("comfy").unwrap();
    let before = provider.fingerprint.clone();
    provider.give("a.json".parse().unwrap(), Bytes::from_static(WORKFLOW));
    assert_ne!(provider.fingerprint, before, "another workflow gives other pictures");
    let vocabulary = providers::kind("comfyui").unwrap().vocabulary;
    let dialect = providers::open(provider).unwrap();
    let options = ClientOptions::default();
    let line = Line::open(provider, &vocabulary, dialect, |_| None, &options).unwrap();
    let (params, image) = (Map::new(), Bytes::from_static(PNG));
    let order = Order {
        model: "a",
        task: Task::Edit,
        params: &params,
        prompt: "a red fox",
        seed: Seed(7),
        image: Some(&image),
        mask: None,
    };
    line.ask(&order).await
}

fn answers(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Keeps what is uploaded under the name that it has.
fn keep(request: &wiremock::Request) -> ResponseTemplate {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let name = body.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next());
    answers(json!({"name": name, "subfolder": "", "type": "input"}))
}

#[tokio::test]
async fn a_picture_goes_up_the_graph_waits_and_a_picture_comes_back() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/upload/image"))
        .respond_with(keep)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/prompt"))
        .respond_with(answers(json!({"prompt_id": "a-1", "number": 1, "node_errors": {}})))
        .expect(1)
        .mount(&server)
        .await;
    let history = || Mock::given(method("GET")).and(path("/history/a-1"));
    history().respond_with(answers(json!({}))).up_to_n_times(2).expect(2).mount(&server).await;
    let file = json!({"filename": "b.png", "subfolder": "", "type": "output"});
    let run = json!({"outputs": {"9": {"images": [file]}}, "status": {"status_str": "success"}});
    history().respond_with(answers(json!({"a-1": run}))).expect(1).mount(&server).await;
    Mock::given(method("GET"))
        .and(path("/view"))
        .and(query_param("filename", "b.png"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(PNG))
        .expect(1)
        .mount(&server)
        .await;
    let exchange = ask(&server).await;
    assert!(
        matches!(&exchange.answer, Answer::Image { bytes, .. } if bytes == PNG),
        "{exchange:?}"
    );
    assert_eq!((exchange.attempts.len(), exchange.charged), (1, "$0.01".parse::<Usd>().unwrap()));
}

#[tokio::test]
async fn a_graph_that_can_t_run_after_the_upload_is_a_bad_request_and_free() {
    let server = MockServer::start().await;
    Mock::given(path("/upload/image")).respond_with(keep).mount(&server).await;
    let node = json!({"class_type": "LoadImage", "errors": [{"type": "x", "message": "No", "details": "y"}]});
    let body = json!({"error": {"message": "failed"}, "node_errors": {"1": node}});
    let refused = ResponseTemplate::new(400).set_body_json(body);
    Mock::given(path("/prompt")).respond_with(refused).mount(&server).await;
    let exchange = ask(&server).await;
    let Answer::Fault(fault) = &exchange.answer else { panic!("{exchange:?}") };
    assert_eq!((fault.kind, exchange.charged), (FaultKind::BadRequest, Usd::ZERO), "{fault:?}");
}

#[tokio::test]
async fn a_server_that_never_comes_to_the_order_is_left() {
    let server = MockServer::start().await;
    Mock::given(path("/upload/image")).respond_with(keep).mount(&server).await;
    // It answers the order as if that were the upload.
    let again = |request: &wiremock::Request| {
        let body: Value = request.body_json().unwrap();
        let name = &body["prompt"]["1"]["inputs"]["image"];
        answers(json!({"name": name, "subfolder": "", "type": "input"}))
    };
    Mock::given(path("/prompt")).respond_with(again).mount(&server).await;
    let exchange = ask(&server).await;
    let Answer::Fault(fault) = &exchange.answer else { panic!("{exchange:?}") };
    assert_eq!(fault.words, "the order was not made after 3 calls");
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
    let empty = MockServer::start().await;
    Mock::given(path("/upload/image")).respond_with(keep).mount(&empty).await;
    Mock::given(path("/prompt")).respond_with(answers(json!({}))).mount(&empty).await;
    let exchange = ask(&empty).await;
    assert!(
        matches!(&exchange.answer, Answer::Broken { kind, .. } if kind == "no_job"),
        "{exchange:?}"
    );
    assert_eq!(empty.received_requests().await.unwrap().len(), 2, "nothing is waited for");
}
