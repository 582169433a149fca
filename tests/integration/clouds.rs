//! The clouds over real sockets: tokens that are got with a key, signatures over whole requests, each against the kind's
//! own server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use presscheck::transport::{Charge, ClientOptions, Exchange, Line};
use presscheck_core::policy::{Node, Price, Problems, Provider, Span, Task};
use presscheck_core::providers::rehearsal::{Act, Heard, Rehearsal, Request as Heading};
use presscheck_core::providers::{self, Answer, FaultKind, Order};
use presscheck_core::units::Seed;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a picture";
const TOKEN: &str = "ya29.c0ffee-0123456789";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A key made for tests.
const RSA: &str = include_str!("../../src/transport/google/key.base64");

fn service_account(token_uri: &str) -> String {
    let key = format!("-----BEGIN PRIVATE {0}-----\n{RSA}-----END PRIVATE {0}-----\n", "KEY");
    let account = "gate@studio-1.iam.gserviceaccount.com";
    json!({"type": "service_account", "private_key": key, "client_email": account, "token_uri": token_uri})
        .to_string()
}

/// What is wrong with a request, where anything is.
type Wants = dyn Fn(&Request) -> Result<(), String> + Send + Sync;

/// The server of a kind, as its rehearsal has it.
struct Vendor {
    server: &'static dyn Rehearsal,
    /// What it wants of a request besides that it can be heard.
    wants: Arc<Wants>,
}

impl Respond for Vendor {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = Bytes::from(request.body.clone());
        let (method, path) = (request.method.as_str(), request.url.path());
        let query = request.url.query().unwrap_or_default();
        let heading = Heading { method, path, query, headers: &headers, body: &body };
        let Some(Ok(Heard::Draw(draft))) = self.server.hear(&heading) else {
            return ResponseTemplate::new(404);
        };
        let picture = Bytes::from_static(JPEG);
        let reply = match (self.wants)(request) {
            Ok(()) => {
                self.server.say(&draft, &Act::Picture { bytes: &picture, media_type: "image/jpeg" })
            }
            Err(words) => self.server.say(&draft, &Act::BadRequest(&words)),
        };
        ResponseTemplate::new(reply.status).set_body_bytes(reply.body.to_vec())
    }
}

async fn vendor(
    kind: &str,
    wants: impl Fn(&Request) -> Result<(), String> + Send + Sync + 'static,
) -> MockServer {
    let mock = MockServer::start().await;
    let server = providers::kind(kind).unwrap().rehearsal.unwrap();
    Mock::given(method("POST"))
        .respond_with(Vendor { server, wants: Arc::new(wants) })
        .with_priority(9)
        .mount(&mock)
        .await;
    mock
}

fn line(kind: &str, url: &str, table: &Value, keys: &[(&str, &str)]) -> Line {
    let kind = providers::kind(kind).unwrap();
    let names: Vec<String> = keys.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut problems = Problems::new();
    let settings = (kind.vocabulary.read)(&Node::from_json(table), &names, &mut problems);
    assert!(!problems.has_errors(), "{problems:?}");
    let provider = Provider {
        name: "cloud".to_owned(),
        kind: kind.vocabulary.kind,
        span: Span::default(),
        url: Some(url.parse().unwrap()),
        api_key_env: names,
        hosts: vec![],
        price: Some(Price::Flat("$0.04".parse().unwrap())),
        concurrency: 8,
        rate_per_minute: None,
        by_model: Vec::new(),
        timeout: Duration::from_secs(20),
        retries: 2,
        retry_unknown: false,
        params: vec![],
        settings: settings.unwrap(),
        fingerprint: Value::Null,
        gpu_hour: None,
        list_price: None,
        answer_first: false,
    };
    let dialect = providers::open(&provider).unwrap();
    let lookup = |name: &str| {
        keys.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let options = ClientOptions::default();
    Line::open(&provider, &kind.vocabulary, dialect, lookup, &options).unwrap()
}

async fn ask(line: &Line, model: &str) -> Exchange {
    let params = Map::new();
    let order = Order {
        model,
        task: Task::TextToImage,
        params: &params,
        prompt: "a cat",
        seed: Seed(7),
        image: None,
        mask: None,
    };
    line.ask(&order).await
}

fn is_picture(exchange: &Exchange) -> bool {
    matches!(&exchange.answer, Answer::Image { bytes, .. } if bytes.as_ref() == JPEG)
}

fn fault(exchange: &Exchange) -> (FaultKind, &str) {
    match &exchange.answer {
        Answer::Fault(fault) => (fault.kind, &fault.words),
        other => panic!("{other:?}"),
    }
}

fn vertex(server: &MockServer, credentials: &str) -> Line {
    let table = json!({"project": "studio-1", "location": "us-central1"});
    line("vertex", &server.uri(), &table, &[("VERTEX_CREDENTIALS", credentials)])
}

/// Who has this token is let in.
fn wants_token(request: &Request) -> Result<(), String> {
    let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
    let right = sent == Some(&format!("Bearer {TOKEN}"));
    right.then_some(()).ok_or_else(|| format!("the header is {sent:?}"))
}

/// Answers exchanges of a key with a token that lasts for so many seconds.
async fn exchanges(server: &MockServer, lasts: u64, times: u64) {
    let token = json!({"access_token": TOKEN, "expires_in": lasts, "token_type": "Bearer"});
    Mock::given(path("/token"))
        .and(body_string_contains(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer",
        ))
        .and(body_string_contains("assertion=ey"))
        // Slow enough that all who want one meet.
        .respond_with(
            ResponseTemplate::new(200).set_body_json(token).set_delay(Duration::from_millis(200)),
        )
        .expect(times)
        .mount(server)
        .await;
}

fn token_uri(server: &MockServer) -> String {
    format!("{}/token", server.uri())
}

#[tokio::test]
async fn a_key_is_exchanged_once_for_all_who_need_the_token() {
    let server = vendor("vertex", wants_token).await;
    exchanges(&server, 3600, 1).await;
    let line = vertex(&server, &service_account(&token_uri(&server)));
    let asked =
        futures_util::future::join_all((0..8).map(|_| ask(&line, "gemini-3-pro-image"))).await;
    for exchange in &asked {
        assert!(is_picture(exchange), "{exchange:?}");
        // To wait for a token is no part of the model's latency.
        assert!(exchange.latency.unwrap() < Duration::from_millis(200), "{:?}", exchange.latency);
    }
    assert!(is_picture(&ask(&line, "gemini-3-pro-image").await));
    let paths: Vec<_> = server.received_requests().await.unwrap();
    assert_eq!(paths.len(), 10, "nine pictures and one token");
    assert_eq!(
        paths[1].url.path(),
        "/v1/projects/studio-1/locations/us-central1/publishers/google/models/gemini-3-pro-image:generateContent"
    );
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_got_anew() {
    let server = vendor("vertex", wants_token).await;
    // Each is got before the clock starts, and looked for again when the request goes out.
    exchanges(&server, 300, 4).await;
    let line = vertex(&server, &service_account(&token_uri(&server)));
    for _ in 0..2 {
        assert!(is_picture(&ask(&line, "gemini-3-pro-image").await));
    }
}

#[tokio::test]
async fn a_ready_token_goes_as_it_is() {
    let server = vendor("vertex", wants_token).await;
    assert!(is_picture(&ask(&vertex(&server, TOKEN), "gemini-3-pro-image").await));
    let refused = ask(&vertex(&server, "ya29.other-token"), "gemini-3-pro-image").await;
    // The server says in its answer what it was sent.
    let (kind, words) = fault(&refused);
    assert_eq!(kind, FaultKind::BadRequest);
    assert!(words.contains("Bearer ***") && !words.contains("ya29"), "{words}");
}

#[tokio::test]
async fn a_token_that_was_got_is_hidden_like_a_key() {
    let server = vendor("vertex", |_| Err(format!("bad token {TOKEN}"))).await;
    exchanges(&server, 3600, 1).await;
    let line = vertex(&server, &service_account(&token_uri(&server)));
    let exchange = ask(&line, "gemini-3-pro-image").await;
    assert!(fault(&exchange).1.contains("bad token ***"), "{exchange:?}");
    assert!(!format!("{exchange:?} {line:?}").contains(TOKEN));
    assert_eq!(line.redact(&format!("<{TOKEN}>")), "<***>");
}

#[tokio::test]
async fn a_key_that_is_turned_away_buys_nothing_and_an_endpoint_that_fails_is_asked_again() {
    let server = vendor("vertex", wants_token).await;
    let denied = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(400).set_body_json(denied))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    let line = vertex(&server, &service_account(&token_uri(&server)));
    let exchange = ask(&line, "gemini-3-pro-image").await;
    let (kind, words) = fault(&exchange);
    assert_eq!(kind, FaultKind::Auth);
    assert_eq!(
        words,
        "no access token for this key: HTTP 400: invalid_grant: Invalid JWT Signature."
    );
    assert_eq!(exchange.attempts.len(), 1);
    assert_eq!(exchange.attempts[0].charge, Charge::None);
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "no picture was asked for");
    // The next time the endpoint is down once.
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    exchanges(&server, 3600, 1).await;
    let exchange = ask(&line, "gemini-3-pro-image").await;
    assert!(is_picture(&exchange), "{exchange:?}");
    assert_eq!(exchange.attempts[0].fault, Some(FaultKind::Unreachable));
    assert_eq!(exchange.charged.to_string(), "$0.04", "one picture, and nothing for the failure");
}

#[tokio::test]
async fn a_key_is_exchanged_nowhere_but_at_google_and_on_this_machine() {
    let (server, other) = (vendor("vertex", wants_token).await, MockServer::start().await);
    for uri in [format!("{}/token", other.uri()), "https://token.evil.test/token".to_owned()] {
        let exchange = ask(&vertex(&server, &service_account(&uri)), "gemini-3-pro-image").await;
        let (kind, words) = fault(&exchange);
        assert_eq!(kind, FaultKind::Auth);
        assert!(words.contains("no address of Google's"), "{words}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn azure_is_sent_the_key_in_its_own_header() {
    let wants = |request: &Request| {
        let right = request.headers.get("api-key").is_some_and(|key| key == "azure-key-1");
        let version = request.url.query() == Some("api-version=2025-04-01-preview");
        (right && version).then_some(()).ok_or_else(|| "no".to_owned())
    };
    let server = vendor("azure-openai", wants).await;
    let line = line("azure-openai", &server.uri(), &json!({}), &[("KEY", "azure-key-1")]);
    let exchange = ask(&line, "posters").await;
    assert!(is_picture(&exchange), "{exchange:?}");
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        block.map(|byte| byte ^ with)
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5C)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks a signature as AWS does: by what came over the wire, without the crate that made it.
fn wants_signature(request: &Request) -> Result<(), String> {
    let header = |name: &str| {
        let value = request.headers.get(name).ok_or_else(|| format!("no header `{name}`"))?;
        value.to_str().map_err(|error| error.to_string())
    };
    let authorization = header("authorization")?;
    let part = |name: &str| {
        let rest = authorization.split(&format!("{name}=")).nth(1).unwrap_or_default();
        rest.split(',').next().unwrap_or_default()
    };
    let (scope, names) =
        (part("Credential").strip_prefix("AKIDEXAMPLE/").unwrap(), part("SignedHeaders"));
    let mut headers = String::new();
    for name in names.split(';') {
        headers.push_str(&format!("{name}:{}\n", header(name)?.trim()));
    }
    // What is escaped on the wire is escaped once more.
    let path = request.url.path().replace('%', "%25");
    let body = hex(&Sha256::digest(&request.body));
    let canonical = format!("{}\n{path}\n\n{headers}\n{names}\n{body}", request.method);
    let date = header("x-amz-date")?;
    let digest = hex(&Sha256::digest(canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        key = hmac(&key, part);
    }
    let signed = ["content-type", "host", "x-amz-date", "x-amz-security-token"];
    if part("Signature") != hex(&hmac(&key, &to_sign)) {
        return Err(format!("the signature does not match: {authorization}"));
    }
    match signed.iter().find(|name| !names.split(';').any(|known| known == **name)) {
        Some(name) => Err(format!("`{name}` is not signed")),
        None => Ok(()),
    }
}

fn bedrock(server: &MockServer, keys: &[(&str, &str)]) -> Line {
    line("bedrock", &server.uri(), &json!({"region": "us-west-2"}), keys)
}

#[tokio::test]
async fn a_request_to_bedrock_is_signed_as_aws_checks_it() {
    let server = vendor("bedrock", wants_signature).await;
    let keys = |secret| {
        [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE//token=="),
        ]
    };
    for model in [
        "stability.sd3-5-large-v1:0",
        "arn:aws:bedrock:us-west-2:1:inference-profile/us.stability.stable-image-core-v1:1",
        "amazon.nova-canvas-v1:0",
    ] {
        let exchange = ask(&bedrock(&server, &keys(SECRET)), model).await;
        assert!(is_picture(&exchange), "{exchange:?}");
    }
    // The server's words repeat the whole header.
    let line = bedrock(&server, &keys("another/secret+of+forty+characters/here"));
    let exchange = ask(&line, "stability.sd3-5-large-v1:0").await;
    let (kind, words) = fault(&exchange);
    assert_eq!(kind, FaultKind::BadRequest);
    assert!(words.contains("does not match") && words.contains("Signature=***"), "{words}");
    assert!(words.contains("Credential=***/"), "{words}");
}

#[tokio::test]
async fn a_bedrock_api_key_goes_behind_bearer() {
    let wants = |request: &Request| {
        let right =
            request.headers.get("authorization").is_some_and(|it| it == "Bearer bedrock-key-1");
        let plain = request.headers.get("x-amz-date").is_none();
        (right && plain).then_some(()).ok_or_else(|| "no".to_owned())
    };
    let server = vendor("bedrock", wants).await;
    let line = bedrock(&server, &[("AWS_BEARER_TOKEN_BEDROCK", "bedrock-key-1")]);
    let exchange = ask(&line, "stability.sd3-5-large-v1:0").await;
    assert!(is_picture(&exchange), "{exchange:?}");
}
