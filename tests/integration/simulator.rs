//! The simulated model server over a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use presscheck::simulator::{Fault, LogEntry, Profile, Running, Simulator, expected_outcome};
use presscheck_core::gate::Outcome;
use presscheck_core::policy::Node;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn client() -> Client {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(Duration::from_secs(30)).build().unwrap()
}

async fn server(profile: Value) -> Running {
    let profile = Profile::from_tree(&Node::from_json(&profile)).unwrap();
    Simulator::start(profile, loopback()).await.unwrap()
}

/// A server whose model `m` has one fault for every sample, and whose model `good` has none.
async fn faulty(fault: Fault, mut extra: Value) -> Running {
    extra[fault.word()] = json!("100%");
    server(json!({"models": {
        "m": {"price": "$0.042", "size": "128x96", "faults": extra},
        "good": {"price": "$0.042", "size": "128x96"},
    }}))
    .await
}

async fn ask(running: &Running, body: &Value) -> Response {
    client().post(running.url()).body(body.to_string()).send().await.unwrap()
}

fn order(model: &str) -> Value {
    json!({"model": model, "prompt": "A shop sign that says \"OPEN LATE\"", "seed": 7})
}

async fn picture(running: &Running, body: &Value) -> (Vec<u8>, image::RgbImage) {
    let response = ask(running, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "image/png");
    let bytes = response.bytes().await.unwrap().to_vec();
    let decoded = image::load_from_memory(&bytes).unwrap().into_rgb8();
    (bytes, decoded)
}

fn only(running: &Running) -> LogEntry {
    let log = running.log();
    assert_eq!(log.len(), 1, "{log:?}");
    log[0].clone()
}

/// How many bytes of two pictures differ.
fn differing(a: &image::RgbImage, b: &image::RgbImage) -> usize {
    a.as_raw().iter().zip(b.as_raw()).filter(|(a, b)| a != b).count()
}

/// Asks so often at once for a result that is not there, in Stability's dialect; says how often it was not found, and how
/// often nobody looked.
async fn polls(running: &Running, count: usize) -> (usize, usize) {
    let (client, addr) = (client(), running.addr());
    let asked = (0..count).map(|_| {
        let request = client.get(format!("http://{addr}/v2beta/results/nothing"));
        request
            .header("host", format!("stability.localhost:{}", addr.port()))
            .bearer_auth("k")
            .send()
    });
    let answers = futures_util::future::join_all(asked).await;
    let statuses: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().status()).collect();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    (count(StatusCode::NOT_FOUND), count(StatusCode::TOO_MANY_REQUESTS))
}

#[tokio::test]
async fn a_dialect_has_the_limits_that_its_provider_documents() {
    let own = server(json!({"models": {"*": {"size": "64x64"}}})).await;
    assert_eq!(polls(&own, 160).await, (150, 10));
    // It is the key that is locked out, for orders as well, of this provider alone.
    let form = "--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na fox\r\n--x--\r\n";
    let ordered = client()
        .post(format!("http://{}/v2beta/stable-image/generate/core", own.addr()))
        .header("host", format!("stability.localhost:{}", own.addr().port()))
        .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
        .bearer_auth("key")
        .body(form);
    let ordered = ordered.send().await.unwrap();
    assert_eq!(ordered.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ordered.headers().get(RETRY_AFTER), None, "Stability does not say how long");
    assert_eq!(ask(&own, &order("m")).await.status(), StatusCode::OK);

    // What the profile says counts instead.
    let generous = server(json!({"rate": "100000/s", "models": {"*": {}}})).await;
    assert_eq!(polls(&generous, 160).await, (160, 0));
    let strict = json!({"rate": "1/min", "lockout": "1h", "models": {"*": {"size": "64x64"}}});
    let strict = server(strict).await;
    assert_eq!(ask(&strict, &order("m")).await.status(), StatusCode::OK);
    assert_eq!(ask(&strict, &order("m")).await.headers()[RETRY_AFTER], "3600");
}

#[tokio::test]
async fn the_same_request_always_gets_the_same_picture() {
    let one = server(json!({"models": {"m": {"price": "$0.042"}, "n": {}}})).await;
    let two = server(json!({"models": {"m": {"price": "$0.042"}}})).await;
    let (first, decoded) = picture(&one, &order("m")).await;
    assert_eq!(decoded.dimensions(), (512, 512));
    // Other work in between, at once, must not show.
    let others: Vec<_> = (0..6)
        .map(|seed| {
            let mut body = order("m");
            body["seed"] = json!(seed);
            let request = client().post(two.url()).body(body.to_string()).send();
            tokio::spawn(async move { request.await.unwrap().bytes().await.unwrap() })
        })
        .collect();
    let (again, _) = picture(&two, &order("m")).await;
    assert_eq!(first, again);
    let mut pictures = vec![first];
    for other in others {
        pictures.push(other.await.unwrap().to_vec());
    }
    pictures.push(picture(&one, &order("n")).await.0);
    pictures.sort();
    pictures.dedup();
    assert_eq!(pictures.len(), 8, "each seed and each model draws another picture");
}

#[tokio::test]
async fn a_good_answer_is_charged_and_logged() {
    let running = faulty(Fault::Cut, json!({})).await;
    let response = ask(&running, &order("good")).await;
    assert_eq!(response.headers()["x-cost-usd"], "0.042");
    let length = response.content_length().unwrap();
    assert_eq!(response.bytes().await.unwrap().len() as u64, length);
    let entry = only(&running);
    assert_eq!((entry.n, entry.attempt, entry.seed), (1, 1, 7));
    assert_eq!(entry.prompt, "A shop sign that says \"OPEN LATE\"");
    assert_eq!((entry.status, entry.fault, entry.answered), (Some(200), None, true));
    assert_eq!(entry.charged_usd.to_string(), "$0.042");
    assert!(entry.answered_ms.unwrap() >= entry.started_ms);

    let log = client().get(format!("http://{}/log", running.addr())).send().await.unwrap();
    let line: LogEntry = serde_json::from_str(log.text().await.unwrap().trim()).unwrap();
    assert_eq!(line, entry);
    running.shutdown().await;
}

#[tokio::test]
async fn pictures_come_in_each_form_and_format() {
    let running = server(json!({"models": {"m": {"price": "$0.01"}}})).await;
    let mut body = order("m");
    body["aspect_ratio"] = json!("16:9");
    let (bytes, decoded) = picture(&running, &body).await;
    assert_eq!(decoded.dimensions(), (688, 387));

    body["response"] = json!("base64");
    let value: Value =
        serde_json::from_slice(&ask(&running, &body).await.bytes().await.unwrap()).unwrap();
    let text = value["data"][0]["b64_json"].as_str().unwrap();
    assert_eq!(base64::engine::general_purpose::STANDARD.decode(text).unwrap(), bytes);

    body["response"] = json!("url");
    let value: Value =
        serde_json::from_slice(&ask(&running, &body).await.bytes().await.unwrap()).unwrap();
    let url = value["data"][0]["url"].as_str().unwrap();
    let downloaded = client().get(url).send().await.unwrap();
    assert!(downloaded.headers().get("x-cost-usd").is_none(), "charged when it was made");
    assert_eq!(downloaded.bytes().await.unwrap(), bytes);

    for (format, found) in [("jpeg", image::ImageFormat::Jpeg), ("webp", image::ImageFormat::WebP)]
    {
        let mut body = order("m");
        body["format"] = json!(format);
        let bytes = ask(&running, &body).await.bytes().await.unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), found);
        image::load_from_memory(&bytes).unwrap();
    }
}

#[tokio::test]
async fn faults_of_the_picture_leave_a_good_file() {
    let running = faulty(Fault::GarbledText, json!({})).await;
    let (_, good) = picture(&running, &order("good")).await;
    for fault in [Fault::GarbledText, Fault::MissingText, Fault::ColorShift, Fault::Blank] {
        let running = faulty(fault, json!({})).await;
        let (_, decoded) = picture(&running, &order("m")).await;
        assert_eq!(decoded.dimensions(), good.dimensions(), "{fault:?}");
        let plain = decoded.pixels().all(|pixel| pixel == decoded.get_pixel(0, 0));
        assert_eq!(plain, fault == Fault::Blank, "{fault:?}");
        assert_eq!(only(&running).fault, Some(fault));
        assert_eq!(expected_outcome(Some(fault)), Outcome::Passed);
    }
    for fault in [Fault::WrongAspect, Fault::WrongSize] {
        let running = faulty(fault, json!({})).await;
        let (_, decoded) = picture(&running, &order("m")).await;
        let ratio = f64::from(decoded.width()) / f64::from(decoded.height());
        assert_eq!((ratio - 4.0 / 3.0).abs() < 0.01, fault == Fault::WrongSize, "{ratio}");
        assert_ne!(decoded.dimensions(), (128, 96));
        assert_eq!(expected_outcome(Some(fault)), Outcome::Failed);
    }
}

#[tokio::test]
async fn the_text_is_on_the_picture_unless_a_fault_takes_it_away() {
    // The same model, prompt and seed under different profiles: only the lettering differs.
    let pictures = |faults: Value| async move {
        let running = server(json!({"models": {"m": {"faults": faults}}})).await;
        picture(&running, &order("m")).await.1
    };
    let good = pictures(json!({})).await;
    let missing = pictures(json!({"missing_text": "100%"})).await;
    let garbled = pictures(json!({"garbled_text": "100%"})).await;
    assert!(differing(&good, &missing) > 2_000);
    assert!(differing(&good, &garbled) > 200);
    assert!(differing(&missing, &garbled) > 2_000);
}

#[tokio::test]
async fn faults_of_the_file_leave_no_picture() {
    for fault in [Fault::Truncated, Fault::BadHeader] {
        let running = faulty(fault, json!({})).await;
        let response = ask(&running, &order("m")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let bytes = response.bytes().await.unwrap();
        assert!(image::load_from_memory(&bytes).is_err(), "{fault:?}");
        assert_eq!(image::guess_format(&bytes).is_ok(), fault == Fault::Truncated);
        assert!(only(&running).answered);
        assert_eq!(expected_outcome(Some(fault)), Outcome::Broken);
    }
}

#[tokio::test]
async fn errors_come_under_their_status() {
    for (fault, status, content_type, words, charged) in [
        (Fault::Html, 200, "text/html; charset=utf-8", "<!doctype html>", "$0.042"),
        (Fault::JsonError, 200, "application/json", "internal_error", "$0.042"),
        (Fault::Refused, 403, "application/json", "content_policy", "$0.00"),
        (Fault::RefusedOutput, 403, "application/json", "withheld", "$0.042"),
        (Fault::Empty, 200, "application/json", "\"data\":[]", "$0.042"),
        (Fault::ServerError, 502, "application/json", "bad_gateway", "$0.00"),
        (Fault::RateLimited, 429, "application/json", "rate_limited", "$0.00"),
    ] {
        let running = faulty(fault, json!({"retry_after": "1500ms"})).await;
        let response = ask(&running, &order("m")).await;
        assert_eq!(response.status().as_u16(), status, "{fault:?}");
        assert_eq!(response.headers()[CONTENT_TYPE], content_type);
        let wait =
            response.headers().get(RETRY_AFTER).map(|wait| wait.to_str().unwrap().to_owned());
        assert_eq!(wait.as_deref(), (status == 429).then_some("2"), "{fault:?}");
        assert!(response.text().await.unwrap().contains(words), "{fault:?}");
        let entry = only(&running);
        assert_eq!((entry.fault, entry.status), (Some(fault), Some(status)));
        assert_eq!(entry.charged_usd.to_string(), charged);
    }
}

#[tokio::test]
async fn faults_of_the_service_last_as_many_attempts_as_the_profile_says() {
    for (fault, key, status) in [
        (Fault::ServerError, "server_error_attempts", 502),
        (Fault::RateLimited, "rate_limited_attempts", 429),
    ] {
        let running = faulty(fault, json!({key: 2})).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(ask(&running, &order("m")).await.status().as_u16());
        }
        assert_eq!(seen, [status, status, 200]);
        let attempts: Vec<_> = running.log().iter().map(|e| (e.attempt, e.fault)).collect();
        assert_eq!(attempts, [(1, Some(fault)), (2, Some(fault)), (3, None)]);
    }
}

#[tokio::test]
async fn a_cut_body_ends_before_its_length() {
    for form in ["bytes", "base64"] {
        let running = faulty(Fault::Cut, json!({})).await;
        let mut body = order("m");
        body["response"] = json!(form);
        let mut response = ask(&running, &body).await;
        assert_eq!(response.status(), StatusCode::OK);
        let length = response.content_length().unwrap();
        let mut got = 0;
        let error = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => got += chunk.len() as u64,
                Ok(None) => panic!("the body ended as if it were whole"),
                Err(error) => break error,
            }
        };
        assert!(0 < got && got < length, "{got} of {length}: {error}");
        let entry = only(&running);
        assert!(!entry.answered && entry.answered_ms.is_none());
        assert_eq!(entry.charged_usd.to_string(), "$0.042");
    }
}

#[tokio::test]
async fn a_slow_body_trickles_and_is_whole_in_the_end() {
    let running = faulty(Fault::SlowBody, json!({"slow_body_for": "400ms"})).await;
    let mut response = ask(&running, &order("m")).await;
    let (mut pieces, mut body) = (0, Vec::new());
    while let Some(chunk) = response.chunk().await.unwrap() {
        pieces += 1;
        body.extend_from_slice(&chunk);
    }
    assert!(pieces > 10, "{pieces}");
    image::load_from_memory(&body).unwrap();
    assert!(only(&running).answered);

    // A client that gives up leaves no answered request behind.
    let running = faulty(Fault::SlowBody, json!({"slow_body_for": "1h"})).await;
    let mut response = ask(&running, &order("m")).await;
    let waited = tokio::time::timeout(Duration::from_millis(50), response.chunk()).await;
    assert!(waited.is_err(), "the first piece of forty comes after a fortieth of the hour");
    drop(response);
    assert!(!only(&running).answered);
}

#[tokio::test]
async fn a_key_is_asked_for_where_the_profile_has_one() {
    let running = server(json!({"key": "secret-1", "models": {"m": {}}})).await;
    for sent in [None, Some("Bearer wrong"), Some("secret-1"), Some("Basic secret-1")] {
        let mut request = client().post(running.url()).body(order("m").to_string());
        if let Some(sent) = sent {
            request = request.header(AUTHORIZATION, sent);
        }
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{sent:?}");
    }
    assert!(running.log().is_empty());
    let request = client().post(running.url()).header(AUTHORIZATION, "Bearer secret-1");
    let response = request.body(order("m").to_string()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn more_than_the_limits_allow_is_turned_away() {
    let running = server(json!({"rate": "2/h", "models": {"m": {"size": "32x32"}}})).await;
    for status in [200, 200, 429] {
        let response = ask(&running, &order("m")).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 429);
    }
    let log = running.log();
    assert_eq!((log[2].status, log[2].fault), (Some(429), None));

    let models = json!({"m": {"size": "32x32", "latency": "1h"}, "n": {}});
    let running = server(json!({"concurrency": 1, "models": models})).await;
    let request = client().post(running.url()).body(order("m").to_string()).send();
    let waiting = tokio::spawn(request);
    while running.log().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(ask(&running, &order("n")).await.status(), StatusCode::TOO_MANY_REQUESTS);
    // The place is given back when the client leaves.
    waiting.abort();
    loop {
        if ask(&running, &order("n")).await.status() == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!running.log()[0].answered);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_told_why() {
    let running = server(json!({"models": {"m": {}}})).await;
    for (body, status, words) in [
        ("{".to_owned(), 400, "no JSON"),
        ("[1]".to_owned(), 400, "object"),
        (json!({"model": "m"}).to_string(), 400, "`prompt`"),
        (json!({"prompt": "x", "model": "gone"}).to_string(), 404, "model_not_found"),
        (json!({"prompt": "x", "model": "m", "aspect_ratio": "1:9000"}).to_string(), 400, "1:9000"),
        (json!({"prompt": "x", "model": "m", "size": "9x9"}).to_string(), 400, "9x9: a side has"),
        ("x".repeat((64 << 20) + 1), 413, "64 MiB"),
    ] {
        let response = client().post(running.url()).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let text = response.text().await.unwrap();
        assert!(text.contains(words), "{text}");
    }
    let base = format!("http://{}", running.addr());
    let elsewhere = client().get(format!("{base}/v1/images/generations")).send().await.unwrap();
    assert!(elsewhere.text().await.unwrap().contains("http://openai.localhost:"));
    for (path, status) in [("/", 200), ("/generate", 405), ("/images/0", 404), ("/x", 404)] {
        let response = client().get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn a_picture_that_is_gone_is_told_to_be() {
    let running = server(json!({"models": {"m": {"expires": "0s"}, "n": {"expires": "1h"}}})).await;
    for (model, status) in [("m", 404), ("n", 200)] {
        let mut body = order(model);
        body["response"] = json!("url");
        let value: Value =
            serde_json::from_slice(&ask(&running, &body).await.bytes().await.unwrap()).unwrap();
        let url = value["data"][0]["url"].as_str().unwrap();
        assert_eq!(client().get(url).send().await.unwrap().status().as_u16(), status, "{model}");
    }
}

#[tokio::test]
async fn no_more_is_charged_than_there_is_credit() {
    let models = json!({"*": {"price": "$0.04", "size": "32x32"}});
    let running = server(json!({"credit": "$0.10", "models": models})).await;
    let mut seen = Vec::new();
    for model in ["a", "b", "c"] {
        seen.push(ask(&running, &order(model)).await.status().as_u16());
    }
    assert_eq!(seen, [200, 200, 402]);
    let charged: Vec<_> = running.log().iter().map(|it| it.charged_usd.to_string()).collect();
    assert_eq!(charged, ["$0.04", "$0.04", "$0.00"]);
}

#[tokio::test]
async fn other_machines_are_refused() {
    let profile = Profile::read("models: {m: {}}").unwrap();
    for addr in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
        let error = Simulator::start(profile.clone(), addr.parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("this machine only"), "{error}");
    }
}

#[tokio::test]
async fn the_log_file_has_a_line_for_each_event() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.jsonl");
    let profile = Profile::read("models: {m: {}, c: {faults: {cut: 100%}}}").unwrap();
    let options = presscheck::simulator::Options { log: Some(file.clone()), dialect: None };
    let running = Simulator::start_with(profile, loopback(), &options).await.unwrap();
    ask(&running, &order("m")).await.bytes().await.unwrap();
    ask(&running, &order("c")).await.bytes().await.unwrap_err();
    running.shutdown().await;
    let text = std::fs::read_to_string(file).unwrap();
    let events: Vec<_> = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["event"].as_str().unwrap().to_owned(), line["n"].as_u64().unwrap())
        })
        .collect();
    let expected = [("arrived", 1), ("answered", 1), ("arrived", 2), ("cut", 2)];
    assert_eq!(events, expected.map(|(event, n)| (event.to_owned(), n)));
}
