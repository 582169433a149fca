//! The transport against real sockets: every fault that a provider and a network can show.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use presscheck::transport::{
    Budget, Charge, ClientOptions, Exchange, Limiter, Line, Lookup, LookupFuture, Proxies,
};
use presscheck_core::policy::{Node, Pace, Price, Problems, Provider, Span, Task};
use presscheck_core::providers::{
    self, Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Stage, Step, Text,
};
use presscheck_core::units::CostBasis;
use presscheck_core::units::{Cost, Seed, Usd};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of it";
const KEY: &str = "sk-live-0123456789+/abc";

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A provider of kind `http` with a key, at a base address.
fn provider(url: &str, table: &Value) -> Provider {
    let kind = providers::kind("http").unwrap();
    let names = ["STUDIO_KEY".to_owned()];
    let mut problems = Problems::new();
    let settings = (kind.vocabulary.read)(&Node::from_json(table), &names, &mut problems);
    assert!(!problems.has_errors(), "{problems:?}");
    Provider {
        name: "studio".to_owned(),
        kind: "http",
        span: Span::default(),
        url: Some(url.parse().unwrap()),
        api_key_env: names.to_vec(),
        hosts: vec!["cdn.test".to_owned()],
        price: Some(Price::Flat(usd("$0.04"))),
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
        answer_first: true,
    }
}

fn line_with(provider: &Provider, options: &ClientOptions) -> Line {
    let vocabulary = providers::kind(provider.kind).unwrap().vocabulary;
    let dialect = providers::open(provider).unwrap();
    Line::open(provider, &vocabulary, dialect, |_| Some(KEY.to_owned()), options).unwrap()
}

fn line(provider: &Provider) -> Line {
    line_with(provider, &ClientOptions::default())
}

async fn ask(line: &Line) -> Exchange {
    let params = Map::new();
    let order = Order {
        model: "v1",
        task: Task::TextToImage,
        params: &params,
        prompt: "a cat",
        seed: Seed(7),
        image: None,
        mask: None,
    };
    let exchange = line.ask(&order).await;
    assert!(!format!("{exchange:?}").contains("sk-live"), "a key in {exchange:?}");
    exchange
}

fn fault(exchange: &Exchange) -> &Fault {
    match &exchange.answer {
        Answer::Fault(fault) => fault,
        answer => panic!("no fault: {answer:?}"),
    }
}

fn is_image(exchange: &Exchange) -> bool {
    matches!(&exchange.answer, Answer::Image { bytes, .. } if bytes.starts_with(b"\x89PNG"))
}

/// A server that reads one request from each connection and then does as it is told.
#[derive(Clone)]
struct Raw {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    in_flight: Arc<AtomicUsize>,
    most_in_flight: Arc<AtomicUsize>,
}

/// What the server does after a request.
#[derive(Clone)]
enum Act {
    /// Writes these bytes and closes.
    Write(Vec<u8>),
    /// Writes these bytes and stays silent.
    Hang(Vec<u8>),
    /// Waits for a permit, then writes and closes.
    When(Arc<tokio::sync::Semaphore>, Vec<u8>),
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn picture() -> Vec<u8> {
    http(&format!("200 OK\r\ncontent-length: {}", PNG.len()), PNG)
}

impl Raw {
    async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let raw = Self {
            url: format!("http://{}/draw", listener.local_addr().unwrap()),
            requests: Arc::default(),
            in_flight: Arc::default(),
            most_in_flight: Arc::default(),
        };
        let server = raw.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let act = acts.get(number).or_else(|| acts.last()).cloned().unwrap();
                number += 1;
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream, act).await });
            }
        });
        raw
    }

    async fn serve(&self, mut stream: TcpStream, act: Act) -> io::Result<()> {
        let request = read_request(&mut stream).await?;
        self.requests.lock().unwrap().push(request);
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let bytes = match act {
            Act::Write(bytes) => bytes,
            Act::Hang(bytes) => {
                stream.write_all(&bytes).await?;
                std::future::pending::<()>().await;
                return Ok(());
            }
            Act::When(gate, bytes) => {
                gate.acquire().await.unwrap().forget();
                bytes
            }
        };
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Ok(text);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

#[tokio::test]
async fn a_picture_comes_and_costs_its_price() {
    let server = Raw::start(vec![Act::Write(picture())]).await;
    let exchange = ask(&line(&provider(&server.url, &json!({})))).await;
    assert!(is_image(&exchange), "{exchange:?}");
    assert_eq!((exchange.charged, exchange.cost_basis), (usd("$0.04"), CostBasis::Exact));
    assert_eq!(exchange.attempts.len(), 1);
    assert_eq!(exchange.attempts[0].charge, Charge::Price);
    assert!(exchange.latency.is_some());
    let request = server.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("POST /draw HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: Bearer {KEY}\r\n")), "{request}");
    assert!(request.contains("user-agent: presscheck/"), "{request}");
    for absent in ["referer:", "cookie:", "gzip"] {
        assert!(!request.to_lowercase().contains(absent), "{request}");
    }
    assert!(request.ends_with(r#"{"prompt":"a cat","model":"v1","seed":7}"#), "{request}");
}

#[test]
fn a_machine_without_any_root_certificate_can_still_ask() {
    // The environment of this process is not ours to change, so the test above runs in another one.
    let again = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "transport::a_picture_comes_and_costs_its_price"])
        .env("SSL_CERT_FILE", "/nonexistent/roots.pem")
        .env("SSL_CERT_DIR", "/nonexistent/roots")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn each_status_has_its_number_of_attempts_and_its_charge() {
    let cases = [
        (400, FaultKind::BadRequest, 1, "$0"),
        (401, FaultKind::Auth, 1, "$0"),
        (402, FaultKind::OutOfCredit, 1, "$0"),
        (403, FaultKind::Auth, 1, "$0"),
        (404, FaultKind::BadRequest, 1, "$0"),
        (408, FaultKind::ServerFault, 3, "$0"),
        (410, FaultKind::ModelRetired, 1, "$0"),
        (429, FaultKind::RateLimited, 3, "$0"),
        (500, FaultKind::ServerFault, 3, "$0"),
        (502, FaultKind::ServerFault, 3, "$0"),
        (503, FaultKind::ServerFault, 3, "$0"),
        (504, FaultKind::TimeoutUnknown, 1, "$0.04"),
    ];
    for (status, kind, attempts, charged) in cases {
        let server = MockServer::start().await;
        let echo = format!("no, {KEY}");
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status).set_body_string(echo))
            .expect(attempts)
            .mount(&server)
            .await;
        let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
        assert_eq!(fault(&exchange).kind, kind, "{status}");
        assert!(fault(&exchange).words.contains("no, ***"), "{exchange:?}");
        assert_eq!(exchange.charged, usd(charged), "{status}");
        assert!(exchange.attempts.iter().all(|attempt| attempt.status == Some(status)));
    }
}

#[tokio::test]
async fn a_wait_is_honoured_in_both_forms() {
    let past = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60));
    let busy = |wait: &str| {
        Act::Write(http(&format!("429 Too Many\r\nretry-after: {wait}\r\ncontent-length: 0"), b""))
    };
    let acts = vec![busy("0"), busy(&past), Act::Write(picture())];
    let server = Raw::start(acts).await;
    let exchange = ask(&line(&provider(&server.url, &json!({})))).await;
    assert!(is_image(&exchange));
    let charges: Vec<_> = exchange.attempts.iter().map(|attempt| attempt.charge).collect();
    assert_eq!(charges, [Charge::None, Charge::None, Charge::Price]);
    assert_eq!(exchange.charged, usd("$0.04"));
    assert_eq!(exchange.attempts[0].fault, Some(FaultKind::RateLimited));

    let server = Raw::start(vec![busy("3600")]).await;
    let exchange = ask(&line(&provider(&server.url, &json!({})))).await;
    assert!(fault(&exchange).words.contains("3600 s"), "{exchange:?}");
    assert_eq!(server.count(), 1, "an hour is not waited for");
}

#[tokio::test]
async fn a_pause_holds_back_all_requests_of_the_provider() {
    let act = http("429 Too Many\r\nretry-after: 200\r\ncontent-length: 0", b"");
    let server = Raw::start(vec![Act::Write(act), Act::Write(picture())]).await;
    let line = line(&Provider { retries: 0, ..provider(&server.url, &json!({})) });
    assert_eq!(fault(&ask(&line).await).kind, FaultKind::RateLimited);
    let second = tokio::time::timeout(Duration::from_millis(100), ask(&line)).await;
    assert!(second.is_err(), "it should wait");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn requests_in_flight_stay_within_the_limit() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let server = Raw::start(vec![Act::When(Arc::clone(&gate), picture())]).await;
    let line = Arc::new(line(&Provider { concurrency: 3, ..provider(&server.url, &json!({})) }));
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let line = Arc::clone(&line);
            tokio::spawn(async move { ask(&line).await })
        })
        .collect();
    while server.count() < 3 {
        tokio::task::yield_now().await;
    }
    for _ in 0..12 {
        gate.add_permits(1);
        tokio::task::yield_now().await;
    }
    for task in tasks {
        assert!(is_image(&task.await.unwrap()));
    }
    assert_eq!(server.count(), 12);
    assert_eq!(server.most_in_flight.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_rate_is_never_exceeded() {
    let server = Raw::start(vec![Act::Write(picture())]).await;
    let slow = Provider { rate_per_minute: Some(1.0), ..provider(&server.url, &json!({})) };
    let line = line(&slow);
    assert!(is_image(&ask(&line).await));
    let second = tokio::time::timeout(Duration::from_millis(100), ask(&line)).await;
    assert!(second.is_err());
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn the_budget_holds_at_any_concurrency() {
    let server = Raw::start(vec![Act::Write(picture())]).await;
    let line = Arc::new(line(&Provider { concurrency: 50, ..provider(&server.url, &json!({})) }));
    let budget = Budget::new(usd("$0.42"));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (line, budget) = (Arc::clone(&line), budget.clone());
            tokio::spawn(async move {
                let worst = line.worst_case("v1", &Map::new()).unwrap();
                let Some(reservation) = budget.reserve(worst) else { return };
                let exchange = ask(&line).await;
                assert!(exchange.charged <= worst);
                reservation.settle(exchange.charged);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.count(), 10);
    assert_eq!((budget.spent(), budget.left()), (usd("$0.40"), usd("$0.02")));
}

#[tokio::test]
async fn a_silent_server_is_a_timeout_of_unknown_charge() {
    for sent in [vec![], http(&format!("200 OK\r\ncontent-length: {}", PNG.len()), &PNG[..9])] {
        let server = Raw::start(vec![Act::Hang(sent)]).await;
        let timeout = Duration::from_millis(300);
        let hasty = Provider { timeout, ..provider(&server.url, &json!({})) };
        let exchange = ask(&line(&hasty)).await;
        assert_eq!(fault(&exchange).kind, FaultKind::TimeoutUnknown);
        assert!(fault(&exchange).words.contains("retry_unknown"), "{exchange:?}");
        assert_eq!(server.count(), 1, "it may have been charged: not repeated");
        assert_eq!((exchange.charged, exchange.cost_basis), (usd("$0.04"), CostBasis::Unknown));
    }
}

#[tokio::test]
async fn an_answer_that_falls_silent_is_given_up_before_the_whole_time_is_over() {
    let sent = http(&format!("200 OK\r\ncontent-length: {}", PNG.len()), &PNG[..9]);
    let server = Raw::start(vec![Act::Hang(sent)]).await;
    let patient =
        Provider { timeout: Duration::from_secs(3600), ..provider(&server.url, &json!({})) };
    let options = ClientOptions { silence: Duration::from_millis(50), ..ClientOptions::default() };
    let exchange = ask(&line_with(&patient, &options)).await;
    assert_eq!(fault(&exchange).kind, FaultKind::TimeoutUnknown);
    assert!(fault(&exchange).words.contains("after 9 bytes"), "{exchange:?}");
}

#[tokio::test]
async fn a_cut_connection_is_repeated_only_where_the_policy_says_so() {
    let cuts = [
        vec![],
        b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(),
        http(&format!("200 OK\r\ncontent-length: {}", PNG.len() + 1), PNG),
        http("200 OK\r\ntransfer-encoding: chunked", b"8\r\n\x89PNG\r\n\x1a\n\r\n"),
    ];
    for cut in cuts {
        let server = Raw::start(vec![Act::Write(cut.clone()), Act::Write(picture())]).await;
        let careful = provider(&server.url, &json!({}));
        let exchange = ask(&line(&careful)).await;
        assert_eq!(fault(&exchange).kind, FaultKind::TimeoutUnknown);
        assert_eq!((exchange.charged, exchange.cost_basis), (usd("$0.04"), CostBasis::Unknown));
        assert_eq!(server.count(), 1);

        let server = Raw::start(vec![Act::Write(cut), Act::Write(picture())]).await;
        let bold = line(&Provider { retry_unknown: true, ..provider(&server.url, &json!({})) });
        let exchange = ask(&bold).await;
        assert!(is_image(&exchange));
        assert_eq!((exchange.charged, exchange.cost_basis), (usd("$0.08"), CostBasis::Unknown));
        assert_eq!(bold.worst_case("v1", &Map::new()), Some(usd("$0.12")));
    }
}

#[tokio::test]
async fn a_machine_of_one_s_own_is_paid_for_every_attempt_by_its_time() {
    let busy = http("503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 0", b"");
    let server = Raw::start(vec![Act::Write(busy), Act::Write(picture())]).await;
    let own =
        Provider { price: None, gpu_hour: Some(usd("$3600")), ..provider(&server.url, &json!({})) };
    let own = line(&own);
    // A dollar a second: three attempts of twenty seconds at most.
    assert_eq!(own.worst_case("v1", &Map::new()), Some(usd("$60")));
    let exchange = ask(&own).await;
    assert!(is_image(&exchange), "{exchange:?}");
    assert_eq!((exchange.attempts.len(), exchange.cost_basis), (2, CostBasis::Computed));
    let took: u64 = exchange.attempts.iter().map(|attempt| attempt.latency_ms).sum();
    let (least, most) = (took as f64 / 1000.0, (took + 2) as f64 / 1000.0);
    let charged = exchange.charged.as_f64();
    assert!((least..=most).contains(&charged), "{charged} for {took} ms");
}

#[tokio::test]
async fn a_picture_that_was_withheld_may_have_been_charged() {
    let refused = |stage: &str| {
        let details = json!({"moderation_stage": stage});
        let error =
            json!({"code": "moderation_blocked", "message": "no", "moderation_details": details});
        let body = json!({"error": error}).to_string();
        http(&format!("400 Bad Request\r\ncontent-length: {}", body.len()), body.as_bytes())
    };
    for (stage, charged, basis) in
        [("input", Usd::ZERO, CostBasis::Exact), ("output", usd("$0.04"), CostBasis::Unknown)]
    {
        let server = Raw::start(vec![Act::Write(refused(stage))]).await;
        let exchange = ask(&line(&provider(&server.url, &json!({})))).await;
        assert!(matches!(exchange.answer, Answer::Refused { .. }), "{exchange:?}");
        assert_eq!((exchange.charged, exchange.cost_basis), (charged, basis), "{stage}");
    }
}

#[tokio::test]
async fn an_error_that_breaks_off_is_still_that_error() {
    let act = http("502 Bad Gateway\r\ncontent-length: 500", b"<html>Bad");
    let server = Raw::start(vec![Act::Write(act), Act::Write(picture())]).await;
    let exchange = ask(&line(&provider(&server.url, &json!({})))).await;
    assert!(is_image(&exchange));
    assert_eq!(exchange.attempts[0].fault, Some(FaultKind::ServerFault));
    assert_eq!(exchange.charged, usd("$0.04"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable_and_free() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let exchange = ask(&line(&provider(&format!("http://{free}/"), &json!({})))).await;
    assert_eq!(fault(&exchange).kind, FaultKind::Unreachable);
    assert_eq!((exchange.attempts.len(), exchange.charged), (3, Usd::ZERO));
}

#[tokio::test]
async fn too_many_bytes_are_a_broken_answer() {
    let big = vec![b'x'; 3000];
    let chunk = [format!("{:x}\r\n", big.len()).as_bytes(), &big, b"\r\n0\r\n\r\n"].concat();
    for act in [
        Act::Hang(http("200 OK\r\ncontent-length: 999999999999", b"")),
        Act::Write(http("200 OK\r\ntransfer-encoding: chunked", &chunk)),
        Act::Write(http("200 OK", &big)),
    ] {
        let server = Raw::start(vec![act]).await;
        let options = ClientOptions { max_bytes: 2000, ..ClientOptions::default() };
        let exchange = ask(&line_with(&provider(&server.url, &json!({})), &options)).await;
        let Answer::Broken { kind, words } = &exchange.answer else { panic!("{exchange:?}") };
        assert_eq!(kind, "too_large");
        assert!(words.contains("2000 bytes"), "{words}");
        assert_eq!((server.count(), exchange.charged), (1, usd("$0.04")));
    }
}

#[tokio::test]
async fn a_paid_request_is_never_sent_on() {
    for status in [301, 302, 303, 307, 308] {
        let (server, other) = (MockServer::start().await, MockServer::start().await);
        Mock::given(method("POST"))
            .respond_with(
                ResponseTemplate::new(status)
                    .insert_header("location", format!("{}/?token=t0ken", other.uri())),
            )
            .expect(1)
            .mount(&server)
            .await;
        let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
        assert_eq!(fault(&exchange).kind, FaultKind::BadRequest);
        assert!(!fault(&exchange).words.contains("t0ken"), "{exchange:?}");
        assert_eq!(other.received_requests().await.unwrap().len(), 0);
        assert_eq!(exchange.charged, Usd::ZERO);
    }
}

async fn answers_with_address(address: &str) -> MockServer {
    let server = MockServer::start().await;
    let address = address.replace("SELF", &server.uri());
    Mock::given(method("POST"))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("x-cost-usd", "0.01")
                .set_body_json(json!({"data": [{"url": address}]})),
        )
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_download_goes_without_the_key_and_keeps_the_cost() {
    let server = answers_with_address("SELF/hop?signature=abc").await;
    Mock::given(method("GET"))
        .and(path("/hop"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/files/1.png"))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/files/1.png"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/files/1.png"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(PNG))
        .mount(&server)
        .await;
    let table = json!({"cost": {"header": "x-cost-usd"}});
    let exchange = ask(&line(&provider(&server.uri(), &table))).await;
    assert!(is_image(&exchange), "{exchange:?}");
    assert_eq!(exchange.charged, usd("$0.01"));
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.iter().filter(|request| request.method.as_str() == "POST").count(), 1);
    let downloads: Vec<_> =
        requests.iter().filter(|request| request.method.as_str() == "GET").collect();
    assert_eq!(downloads.len(), 4);
    assert!(downloads.iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_download_stays_on_listed_hosts_and_off_private_addresses() {
    struct Fixed;
    impl Lookup for Fixed {
        fn lookup(&self, host: &str) -> LookupFuture {
            let found: Vec<IpAddr> = match host {
                "cdn.test" => vec!["10.1.2.3".parse().unwrap(), "127.0.0.1".parse().unwrap()],
                _ => vec![],
            };
            Box::pin(async move { Ok(found) })
        }
    }
    let other = MockServer::start().await;
    let elsewhere = other.uri();
    for (address, reason) in [
        ("https://evil.test/1.png", "not listed"),
        ("https://cdn.test/1.png", "private address"),
        ("https://cdn.test:8443/1.png", "usual port"),
        ("http://cdn.test/1.png", "over https"),
        (elsewhere.as_str(), "not on the scheme and port"),
        ("http://169.254.169.254/latest/meta-data", "not listed"),
        ("https://user:pw@cdn.test/1.png", "user name"),
    ] {
        let server = answers_with_address(address).await;
        let options = ClientOptions { lookup: Arc::new(Fixed), ..ClientOptions::default() };
        let exchange = ask(&line_with(&provider(&server.uri(), &json!({})), &options)).await;
        assert_eq!(fault(&exchange).kind, FaultKind::BadRequest, "{address}");
        assert!(fault(&exchange).words.contains(reason), "{address}: {exchange:?}");
        assert_eq!(exchange.charged, usd("$0.04"), "the picture was made");
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
    assert_eq!(other.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_redirected_download_does_not_leave_its_host() {
    let (server, other) = (answers_with_address("SELF/hop").await, MockServer::start().await);
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", other.uri()))
        .mount(&server)
        .await;
    let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
    assert!(fault(&exchange).words.contains("not followed across hosts"), "{exchange:?}");
    assert_eq!(other.received_requests().await.unwrap().len(), 0);

    let server = answers_with_address("SELF/hop").await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/hop"))
        .mount(&server)
        .await;
    let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
    assert!(fault(&exchange).words.contains("redirects; gave up"), "{exchange:?}");
}

#[tokio::test]
async fn a_lost_download_is_paid_once_and_not_bought_again() {
    let server = answers_with_address("SELF/gone").await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
    let Answer::Broken { kind, .. } = &exchange.answer else { panic!("{exchange:?}") };
    assert_eq!((kind.as_str(), exchange.charged), ("download_failed", usd("$0.04")));

    let server = answers_with_address("SELF/gone").await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
    assert_eq!(fault(&exchange).kind, FaultKind::ServerFault);
    let requests = server.received_requests().await.unwrap();
    let posts = requests.iter().filter(|request| request.method.as_str() == "POST").count();
    assert_eq!((posts, exchange.charged), (1, usd("$0.04")));
}

#[tokio::test]
async fn a_name_may_be_private_only_as_the_providers_own() {
    struct Inside;
    impl Lookup for Inside {
        fn lookup(&self, _: &str) -> LookupFuture {
            Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let options = ClientOptions { lookup: Arc::new(Inside), ..ClientOptions::default() };
    let own = provider(&format!("https://studio.test:{port}/draw"), &json!({}));
    let exchange = ask(&line_with(&own, &options)).await;
    // It is connected to; TLS is what then fails, before any byte of the request is sent.
    assert_eq!(fault(&exchange).kind, FaultKind::Unreachable);
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_proxy_carries_https_only_and_never_sees_a_key() {
    let proxy = Raw::start(vec![Act::Write(http("403 Forbidden\r\ncontent-length: 0", b""))]).await;
    let address = proxy.url.trim_end_matches("/draw").to_owned();
    let proxies = Proxies::from_lookup(|name| match name {
        "HTTPS_PROXY" | "HTTP_PROXY" | "ALL_PROXY" => Some(address.clone()),
        "NO_PROXY" => Some("direct.test".to_owned()),
        _ => None,
    });
    let options = ClientOptions { proxies, ..ClientOptions::default() };
    let far = Provider { retries: 0, ..provider("https://studio.test/draw", &json!({})) };
    let exchange = ask(&line_with(&far, &options)).await;
    assert_eq!(fault(&exchange).kind, FaultKind::Unreachable);
    let request = proxy.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("CONNECT studio.test:443 HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains("sk-live"), "{request}");

    let here = Raw::start(vec![Act::Write(picture())]).await;
    let exchange = ask(&line_with(&provider(&here.url, &json!({})), &options)).await;
    assert!(is_image(&exchange));
    assert_eq!((proxy.count(), here.count()), (1, 1));
}

#[tokio::test]
async fn a_price_is_that_of_the_model() {
    let by_model = Price::ByModel(vec![("v*".to_owned(), usd("$0.03"))]);
    let line =
        line(&Provider { price: Some(by_model), ..provider("http://127.0.0.1:9/", &json!({})) });
    assert_eq!(line.worst_case("v1", &Map::new()), Some(usd("$0.03")));
    assert_eq!(
        (line.price("other", &Map::new()), line.worst_case("other", &Map::new())),
        (None, None)
    );
}

#[tokio::test]
async fn a_key_goes_to_no_host_but_the_listed_ones() {
    struct Astray;
    impl Dialect for Astray {
        fn version(&self) -> u32 {
            1
        }
        fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
            Ok(Call {
                method: "POST",
                url: order.prompt.parse().map_err(|_| "no address".to_owned())?,
                headers: vec![("x-key".to_owned(), vec![Text::Secret("STUDIO_KEY".to_owned())])],
                body: Bytes::new(),
            })
        }
        fn understand(&self, _: &Order<'_>, _: &Reply) -> Step {
            unreachable!("nothing is sent")
        }
        fn fetched(&self, _: &Reply) -> Answer {
            unreachable!("nothing is sent")
        }
    }
    let other = MockServer::start().await;
    let settings = provider("http://127.0.0.1:9/", &json!({}));
    let vocabulary = providers::kind("http").unwrap().vocabulary;
    let key = |_: &str| Some(KEY.to_owned());
    let options = ClientOptions::default();
    let line = Line::open(&settings, &vocabulary, Box::new(Astray), key, &options).unwrap();
    let params = Map::new();
    for prompt in [other.uri().as_str(), "https://evil.test/", "nonsense"] {
        let order = Order {
            model: "v1",
            task: Task::TextToImage,
            params: &params,
            prompt,
            seed: Seed(1),
            image: None,
            mask: None,
        };
        let exchange = line.ask(&order).await;
        assert_eq!(fault(&exchange).kind, FaultKind::BadRequest);
        assert_eq!(exchange.charged, Usd::ZERO);
    }
    assert_eq!(other.received_requests().await.unwrap().len(), 0);

    let keyless = Line::open(&settings, &vocabulary, Box::new(Astray), |_| None, &options);
    insta::assert_snapshot!(keyless.unwrap_err());
    let plain = provider("http://images.example.com/", &json!({}));
    let open = Line::open(&plain, &vocabulary, Box::new(Astray), key, &options);
    insta::assert_snapshot!(open.unwrap_err());
}

/// A provider that draws in the background: a ticket, polls, then a picture or a failure.
struct Ticket {
    base: String,
}

impl Dialect for Ticket {
    fn version(&self) -> u32 {
        1
    }
    fn begin(&self, _: &Order<'_>) -> Result<Call, String> {
        let url = format!("{}/jobs", self.base).parse().map_err(|_| "no address".to_owned())?;
        Ok(Call { method: "POST", url, headers: vec![], body: Bytes::new() })
    }
    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        let failed = |kind| {
            Step::Done(Answer::Fault(Fault { kind, words: "failed".to_owned(), retry_after: None }))
        };
        match (reply.status, reply.body.as_ref()) {
            (202, _) => {
                let url = format!("{}/jobs/1", self.base).parse().unwrap();
                let key = vec![Text::Secret("STUDIO_KEY".to_owned())];
                let headers = vec![("x-key".to_owned(), key)];
                Step::Poll(Call { method: "GET", url, headers, body: Bytes::new() }, Duration::ZERO)
            }
            (200, b"failed") => failed(FaultKind::ServerFault),
            (200, b"under way") => Step::Again(Duration::ZERO),
            (200, b"withheld") => {
                let words = "withheld".to_owned();
                Step::Done(Answer::Refused { stage: Stage::Output, words })
            }
            (200, body) => Step::Done(Answer::Image {
                bytes: Bytes::copy_from_slice(body),
                content_type: None,
                cost: None,
            }),
            (429, _) => failed(FaultKind::RateLimited),
            (422, _) => failed(FaultKind::BadRequest),
            _ => failed(FaultKind::ServerFault),
        }
    }
    fn cost(&self, _: &str, reply: &Reply) -> Option<Cost> {
        reply.header("x-quote").map(|quote| Cost::exact(usd(quote)))
    }
    fn fetched(&self, _: &Reply) -> Answer {
        unreachable!("nothing is fetched")
    }
}

async fn background(polls: &[ResponseTemplate], retries: u32) -> (Exchange, MockServer) {
    background_after(ResponseTemplate::new(202), polls, retries).await
}

/// The same, where the order itself is answered so.
async fn background_after(
    first: ResponseTemplate,
    polls: &[ResponseTemplate],
    retries: u32,
) -> (Exchange, MockServer) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(first).mount(&server).await;
    for (index, poll) in polls.iter().enumerate() {
        let mock = Mock::given(method("GET")).respond_with(poll.clone());
        // The last answer is given from then on.
        let mock = if index + 1 < polls.len() { mock.up_to_n_times(1) } else { mock };
        mock.mount(&server).await;
    }
    let settings = Provider { retries, ..provider(&server.uri(), &json!({})) };
    let vocabulary = providers::kind("http").unwrap().vocabulary;
    let dialect = Box::new(Ticket { base: server.uri() });
    let key = |_: &str| Some(KEY.to_owned());
    let line = Line::open(&settings, &vocabulary, dialect, key, &ClientOptions::default()).unwrap();
    (ask(&line).await, server)
}

async fn posts(server: &MockServer) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests.iter().filter(|request| request.method.as_str() == "POST").count()
}

#[tokio::test]
async fn a_poll_that_fails_is_repeated_and_the_picture_bought_once() {
    let polls = [
        ResponseTemplate::new(202),
        ResponseTemplate::new(500),
        ResponseTemplate::new(429).insert_header("retry-after", "0"),
        ResponseTemplate::new(202),
        ResponseTemplate::new(200).set_body_bytes(PNG),
    ];
    let (exchange, server) = background(&polls, 2).await;
    assert!(is_image(&exchange), "{exchange:?}");
    assert_eq!((exchange.attempts.len(), exchange.charged), (1, usd("$0.04")));
    assert_eq!(posts(&server).await, 1);
}

#[tokio::test]
async fn a_job_that_failed_is_free_and_one_that_is_lost_is_not() {
    let failed = ResponseTemplate::new(200).set_body_string("failed");
    let (exchange, server) = background(&[failed], 1).await;
    assert_eq!(fault(&exchange).kind, FaultKind::ServerFault);
    assert_eq!((posts(&server).await, exchange.charged), (2, Usd::ZERO));

    let (exchange, server) = background(&[ResponseTemplate::new(500)], 1).await;
    assert_eq!(fault(&exchange).kind, FaultKind::TimeoutUnknown);
    assert_eq!(posts(&server).await, 1, "the job may still end, and be charged");
    assert_eq!((exchange.charged, exchange.cost_basis), (usd("$0.04"), CostBasis::Unknown));

    // What the job was asked for is wrong: whether that is charged, nobody says.
    let (exchange, server) = background(&[ResponseTemplate::new(422)], 1).await;
    assert_eq!(fault(&exchange).kind, FaultKind::BadRequest);
    assert_eq!((posts(&server).await, exchange.cost_basis), (1, CostBasis::Unknown));
}

#[tokio::test]
async fn an_order_under_way_is_asked_for_where_it_was_before() {
    let under_way = || ResponseTemplate::new(200).set_body_string("under way");
    let polls = [
        under_way(),
        ResponseTemplate::new(500),
        under_way(),
        ResponseTemplate::new(200).set_body_bytes(PNG),
    ];
    let (exchange, server) = background(&polls, 0).await;
    assert!(is_image(&exchange), "{exchange:?}");
    let requests = server.received_requests().await.unwrap();
    let polled: Vec<_> = requests.iter().filter(|it| it.method.as_str() == "GET").collect();
    assert_eq!(polled.len(), 4);
    assert!(polled.iter().all(|it| it.url.path() == "/jobs/1" && it.headers.contains_key("x-key")));
    // Where nobody said where to ask, the order is not sent once more: it would buy another picture.
    let (exchange, server) = background_after(under_way(), &[under_way()], 3).await;
    let Answer::Broken { kind, .. } = &exchange.answer else { panic!("{exchange:?}") };
    assert_eq!((kind.as_str(), posts(&server).await), ("no_job", 1));
    assert_eq!(exchange.charged, usd("$0.04"));
}

#[tokio::test]
async fn a_price_said_beforehand_is_that_of_a_picture_that_came() {
    let quoted = |body: &'static [u8]| async move {
        let first = ResponseTemplate::new(202).insert_header("x-quote", "$0.03");
        let polls = [ResponseTemplate::new(200).set_body_bytes(body)];
        let (exchange, _server) = background_after(first, &polls, 0).await;
        (exchange.charged, exchange.cost_basis, exchange.attempts[0].charge)
    };
    assert_eq!(quoted(PNG).await, (usd("$0.03"), CostBasis::Exact, Charge::Price));
    assert_eq!(quoted(b"failed").await, (Usd::ZERO, CostBasis::Exact, Charge::None));
    // Whether a picture that was withheld is charged, the answer does not say.
    assert_eq!(quoted(b"withheld").await, (usd("$0.04"), CostBasis::Unknown, Charge::Unknown));
}

#[tokio::test]
async fn a_permit_is_given_back() {
    let limiter = Limiter::new(Pace::default());
    for _ in 0..3 {
        drop(limiter.admit("m").await);
    }
}

#[tokio::test]
async fn refusals_and_broken_answers_are_told_apart() {
    let cases: [(u16, &str, &str, &str); 4] = [
        (403, r#"{"error":{"code":"content_policy","message":"no"}}"#, "refused", "$0"),
        (200, "<!doctype html><title>x</title>", "html", "$0.04"),
        (200, r#"{"error":"out of paper"}"#, "json_error", "$0.04"),
        (200, "", "empty", "$0.04"),
    ];
    for (status, body, wanted, charged) in cases {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status).set_body_string(body))
            .expect(1)
            .mount(&server)
            .await;
        let exchange = ask(&line(&provider(&server.uri(), &json!({})))).await;
        let told = match &exchange.answer {
            Answer::Refused { .. } => "refused",
            Answer::Broken { kind, .. } => kind,
            answer => panic!("{answer:?}"),
        };
        assert_eq!((told, exchange.charged), (wanted, usd(charged)), "{body}");
    }
}
