//! Every provider kind against the simulated server, over real sockets and through the real transport: what the server
//! does in a kind's dialect is understood as what it was.
//!
//! The kinds are those of the registry, each set up as its section in `docs/providers.md` shows, and its models are those
//! of the list.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use presscheck::simulator::{Options, Profile, Running, Simulator, dialects};
use presscheck::transport::{ClientOptions, Exchange, Line};
use presscheck_core::policy::{Node, Provider, Task};
use presscheck_core::providers::catalogue::catalogue;
use presscheck_core::providers::rehearsal::{Act, Draft, Heard, Request};
use presscheck_core::providers::{
    self, Answer, Call, Dialect, FaultKind, Order, Stage, Step, Text,
};
use presscheck_core::units::{Seed, Usd};
use serde_json::{Map, Value, json};

use super::docs::{completed, read, yaml_blocks};

/// A key, in the form of a login, since some servers want one.
const KEY: &str = "team:sk-rehearsal-1";

/// Longer than a job waits between two looks at it, with its repeats.
const PATIENCE: Duration = Duration::from_secs(45);

/// What a policy's file holds, where a kind names one.
const WORKFLOW: &[u8] = br#"{
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "{{model}}"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}"}},
    "3": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}", "steps": "{{params.steps}}"}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}
}"#;

/// Names of models where the list has none of a kind.
const ANY_MODEL: [&str; 2] = ["studio-1", "studio/poster"];

/// One way to ask a kind for a picture.
#[derive(Clone)]
struct Wire {
    provider: Provider,
    model: String,
    task: Task,
    params: Map<String, Value>,
}

/// A provider of a kind as the docs set it up, at a server.
fn provider(kind: &str, server: &Running) -> Provider {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/providers.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = yaml_blocks(&page).into_iter();
    let shown = blocks.filter(|(_, block)| {
        block.lines().any(|line| line.trim().strip_prefix("kind: ").is_some_and(|it| it == kind))
    });
    let found = shown
        .flat_map(|(line, block)| read(&completed(&block), &format!("line {line}")).providers)
        .map(|(_, provider)| provider)
        .filter(|provider| provider.kind == kind)
        // The provider itself, where a machine of the team's own is shown besides.
        .min_by_key(|provider| provider.url.is_some());
    let mut provider = found.unwrap_or_else(|| panic!("docs/providers.md does not show `{kind}`"));
    let files: Vec<_> = provider.settings.files().cloned().collect();
    for file in files {
        provider.give(file, Bytes::from_static(WORKFLOW));
    }
    if provider.api_key_env.is_empty() {
        provider.api_key_env = vec!["REHEARSAL_KEY".to_owned()];
    }
    let url = Some(server.url_of(kind).parse().unwrap());
    Provider { url, timeout: PATIENCE, retries: 0, rate_per_minute: None, ..provider }
}

/// A picture to work on.
fn input() -> Bytes {
    let mut file = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(64, 64).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner().into()
}

impl Wire {
    /// The wires of every kind: each place that its orders are sent to, once.
    fn all(server: &Running) -> Vec<Self> {
        let mut wires = Vec::new();
        for kind in dialects() {
            let provider = provider(kind, server);
            let listed = catalogue().iter().filter(|it| it.kinds.iter().any(|it| it == kind));
            let mut models: Vec<_> = listed.map(|it| it.model.replace('*', "")).collect();
            if models.is_empty() {
                models.extend(ANY_MODEL.map(str::to_owned));
            }
            let (before, mut places) = (wires.len(), BTreeSet::new());
            let mut declined = String::new();
            for model in models {
                for task in [Task::TextToImage, Task::Edit, Task::Upscale] {
                    let (model, params) = (model.clone(), Map::new());
                    let wire = Self { provider: provider.clone(), model, task, params };
                    let call = match wire.with_order(|order| wire.dialect().begin(order)) {
                        Ok(call) => call,
                        Err(words) => {
                            declined = words;
                            continue;
                        }
                    };
                    let path = call.url.path().replace("%3A", ":");
                    let place = path.replace(&wire.model, "MODEL");
                    if places.insert((place, task.word())) {
                        wires.push(wire);
                    }
                }
            }
            assert!(
                wires.len() > before,
                "no model of `{kind}` can be asked for anything: {declined}"
            );
        }
        wires
    }

    /// Wires whose pictures lie at an address.
    fn with_addresses(server: &Running) -> Vec<Self> {
        let own = provider("simulated", server);
        let params = json!({"response": "url"}).as_object().cloned().unwrap();
        let (model, task) = ("studio-1".to_owned(), Task::TextToImage);
        let own = Self { provider: own, model: model.clone(), task, params };
        let kind = providers::kind("openai").unwrap();
        let table = Node::from_json(&json!({"extra_body": {"response_format": "url"}}));
        let mut problems = presscheck_core::policy::Problems::new();
        let settings = (kind.vocabulary.read)(&table, &[], &mut problems).unwrap();
        let provider = Provider { settings, ..provider("openai", server) };
        vec![own, Self { provider, model, task, params: Map::new() }]
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.provider.kind, self.model, self.task.word())
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        providers::open(&self.provider).unwrap()
    }

    fn with_order<T>(&self, then: impl FnOnce(&Order<'_>) -> T) -> T {
        let input = input();
        then(&Order {
            model: &self.model,
            task: self.task,
            params: &self.params,
            prompt: "a red fox",
            seed: Seed(7),
            image: (self.task != Task::TextToImage).then_some(&input),
            mask: None,
        })
    }

    fn call(&self) -> Call {
        self.with_order(|order| self.dialect().begin(order)).unwrap()
    }

    /// The order as the server hears it, after what is sent before it.
    fn draft(&self) -> Draft {
        let mut call = self.call();
        loop {
            let headers = headers(&call);
            let request = heading(&call, &headers, &call.body);
            let heard = self.server().hear(&request).unwrap_or_else(|| panic!("{}", call.url));
            let reply = match heard.unwrap() {
                Heard::Draw(draft) => return draft,
                Heard::Aside(reply) => reply,
                Heard::Poll(job) => panic!("{}: {job}", self.name()),
            };
            match self.with_order(|order| self.dialect().understand(order, &reply)) {
                Step::Next(next) => call = next,
                step => panic!("{}: {step:?}", self.name()),
            }
        }
    }

    fn server(&self) -> &'static dyn providers::rehearsal::Rehearsal {
        providers::kind(self.provider.kind).unwrap().rehearsal.unwrap()
    }

    /// What the dialect makes of an act without any socket: each dialect is tested for that by itself.
    fn meaning(&self, act: &Act<'_>) -> String {
        let reply = self.server().say(&self.draft(), act);
        match self.with_order(|order| self.dialect().understand(order, &reply)) {
            Step::Done(answer) => class(&answer).to_owned(),
            step => panic!("{}: {act:?}: {step:?}", self.name()),
        }
    }

    /// Asks over the socket, with a key.
    async fn ask(&self, key: &str) -> Exchange {
        let vocabulary = providers::kind(self.provider.kind).unwrap().vocabulary;
        let options = ClientOptions::default();
        let key = |_: &str| Some(key.to_owned());
        let line = Line::open(&self.provider, &vocabulary, self.dialect(), key, &options).unwrap();
        let input = input();
        let order = Order {
            model: &self.model,
            task: self.task,
            params: &self.params,
            prompt: "a red fox",
            seed: Seed(7),
            image: (self.task != Task::TextToImage).then_some(&input),
            mask: None,
        };
        line.ask(&order).await
    }
}

/// A call as a server gets it.
fn heading<'a>(call: &'a Call, headers: &'a [(String, String)], body: &'a Bytes) -> Request<'a> {
    let (method, path) = (call.method, call.url.path());
    Request { method, path, query: call.url.query().unwrap_or_default(), headers, body }
}

fn headers(call: &Call) -> Vec<(String, String)> {
    let show = |part: &Text| match part {
        Text::Plain(text) => text.clone(),
        _ => KEY.to_owned(),
    };
    call.headers
        .iter()
        .map(|(name, parts)| (name.clone(), parts.iter().map(show).collect()))
        .collect()
}

/// What an answer is, in a word.
fn class(answer: &Answer) -> &'static str {
    match answer {
        Answer::Image { .. } => "picture",
        Answer::Words { .. } => "words",
        Answer::Refused { stage, .. } => stage.word(),
        Answer::Broken { .. } => "broken",
        Answer::Fault(fault) => fault.kind.word(),
    }
}

/// Whether an answer is a whole picture: of a JPEG that stops in the middle, some decoders make one all the same.
fn decodes(answer: &Answer) -> bool {
    let Answer::Image { bytes, .. } = answer else { return false };
    let cut = bytes.starts_with(b"\xFF\xD8") && !bytes.ends_with(b"\xFF\xD9");
    !cut && image::load_from_memory(bytes).is_ok()
}

/// A server whose every model has these faults, beside what its profile says.
async fn server(faults: Value, mut profile: Value) -> Running {
    profile["models"]["*"]["faults"] = faults;
    profile["models"]["*"]["size"] = json!("64x64");
    let profile = Profile::from_tree(&Node::from_json(&profile)).unwrap();
    Simulator::start(profile, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// Asks over every wire at once.
async fn ask_all(wires: &[Wire]) -> Vec<(&Wire, Exchange)> {
    let asked: Vec<_> = wires
        .iter()
        .cloned()
        .map(|wire| tokio::spawn(async move { wire.ask(KEY).await }))
        .collect();
    join_all(
        wires.iter().zip(asked).map(|(wire, asked)| async move { (wire, asked.await.unwrap()) }),
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_picture_comes_in_every_dialect_at_its_price() {
    let server = server(json!({}), json!({"models": {"*": {}}})).await;
    let mut wires = Wire::all(&server);
    wires.extend(Wire::with_addresses(&server));
    for (wire, exchange) in ask_all(&wires).await {
        assert!(decodes(&exchange.answer), "{}: {:?}", wire.name(), exchange.answer);
        // As the answer says, else by the list, else by the policy.
        let reply = {
            let (bytes, media_type) = (&input(), "image/png");
            wire.server().say(&wire.draft(), &Act::Picture { bytes, media_type })
        };
        let said = wire.dialect().cost(&wire.model, &reply).map(|cost| cost.amount);
        let pricing = wire.provider.pricing();
        let listed = || pricing.most(&wire.model, &wire.params).map(|cost| cost.amount);
        let price = said.or_else(listed).unwrap_or(Usd::ZERO);
        assert_eq!(exchange.charged, price, "{}", wire.name());
    }
    assert!(server.log().iter().all(|entry| entry.status == Some(200) && entry.fault.is_none()));
    assert_eq!(server.log().len(), wires.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_wrong_is_told_in_every_dialect() {
    let wait = Duration::from_secs(1);
    for (fault, act) in [
        ("refused", Act::Refused(Stage::Unknown)),
        ("refused_output", Act::Refused(Stage::Output)),
        ("empty", Act::Empty),
        ("server_error", Act::ServerFault),
        ("rate_limited", Act::RateLimited(wait)),
    ] {
        let server = server(json!({fault: "100%"}), json!({"models": {"*": {}}})).await;
        for (wire, exchange) in ask_all(&Wire::all(&server)).await {
            let name = wire.name();
            let stages = wire.server().stages();
            let act = match act {
                // What a dialect has no form for does not happen in it.
                Act::Refused(Stage::Output) if !stages.contains(&Stage::Output) => {
                    assert_eq!(class(&exchange.answer), "picture", "{name}: {exchange:?}");
                    continue;
                }
                Act::Refused(Stage::Unknown) => {
                    let told = stages.iter().find(|stage| **stage != Stage::Output);
                    let Some(stage) = told else {
                        assert_eq!(class(&exchange.answer), "picture", "{name}: {exchange:?}");
                        continue;
                    };
                    Act::Refused(*stage)
                }
                act => act,
            };
            assert_eq!(class(&exchange.answer), wire.meaning(&act), "{name}: {exchange:?}");
            let log = server.log();
            let entry = log.iter().find(|entry| entry.model == wire.draft().model).unwrap();
            assert_eq!(entry.fault.map(|fault| fault.word()), Some(fault), "{name}");
            if matches!(fault, "refused" | "server_error" | "rate_limited") {
                // Gemini counts the tokens of a prompt that it refuses.
                let reply = wire.server().say(&wire.draft(), &act);
                let said = wire.dialect().cost(&wire.model, &reply).map(|cost| cost.amount);
                assert_eq!(exchange.charged, said.unwrap_or(Usd::ZERO), "{name}: {fault}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_damaged_answer_is_never_a_picture_in_any_dialect() {
    join_all(["truncated", "bad_header", "html", "json_error"].map(|fault| async move {
        let server = server(json!({fault: "100%"}), json!({"models": {"*": {}}})).await;
        let mut wires = Wire::all(&server);
        wires.extend(Wire::with_addresses(&server));
        for (wire, exchange) in ask_all(&wires).await {
            let got = class(&exchange.answer);
            assert!(["picture", "broken"].contains(&got), "{}: {fault}: {got}", wire.name());
            assert!(!decodes(&exchange.answer), "{}: {fault}", wire.name());
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_body_that_is_cut_or_trickles_is_no_answer_in_any_dialect() {
    join_all(["cut", "slow_body"].map(|fault| async move {
        let faults = json!({fault: "100%", "slow_body_for": "10m"});
        let server = server(faults, json!({"models": {"*": {}}})).await;
        let mut wires = Wire::all(&server);
        wires.extend(Wire::with_addresses(&server));
        for wire in &mut wires {
            // A job is looked at before the time is over.
            let job = wire.draft().delivery.by_job();
            let patience = if job { Duration::from_secs(13) } else { Duration::from_secs(3) };
            wire.provider.timeout = if fault == "cut" { PATIENCE } else { patience };
        }
        for (wire, exchange) in ask_all(&wires).await {
            let got = class(&exchange.answer);
            let paid = matches!(got, "timeout_unknown" | "server_fault");
            assert!(paid, "{}: {fault}: {exchange:?}", wire.name());
            assert_eq!(exchange.attempts.len(), 1, "{}: bought twice", wire.name());
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_models_credit_and_limits_are_refused_in_every_dialect() {
    let any = json!({"models": {"*": {}}});
    let with = |key: &str, value: &str| {
        let mut profile = any.clone();
        profile[key] = json!(value);
        profile
    };

    let locked = server(json!({}), with("key", KEY)).await;
    for wire in Wire::all(&locked).into_iter().filter(|wire| wire.task == Task::TextToImage) {
        let exchange = wire.ask("team:sk-wrong").await;
        assert_eq!(class(&exchange.answer), wire.meaning(&Act::BadKey), "{exchange:?}");
        assert!(!format!("{exchange:?}").contains("sk-wrong"), "{exchange:?}");
        assert!(locked.log().is_empty(), "{}", wire.name());
    }
    for (wire, exchange) in ask_all(&Wire::all(&locked)).await {
        assert_eq!(class(&exchange.answer), "picture", "{}: {exchange:?}", wire.name());
    }

    let profile = Profile::read("models: {atelier-2: {}}").unwrap();
    let small = Simulator::start(profile, ([127, 0, 0, 1], 0).into()).await.unwrap();
    for (wire, exchange) in ask_all(&Wire::all(&small)).await {
        assert_eq!(class(&exchange.answer), wire.meaning(&Act::NoModel), "{exchange:?}");
    }

    let mut poor = with("credit", "$0.01");
    poor["models"]["*"]["price"] = json!("$0.02");
    let poor = server(json!({}), poor).await;
    for (wire, exchange) in ask_all(&Wire::all(&poor)).await {
        assert_eq!(class(&exchange.answer), wire.meaning(&Act::OutOfCredit), "{exchange:?}");
        assert_eq!(exchange.charged, Usd::ZERO, "{}", wire.name());
    }

    let slow = server(json!({}), with("rate", "1/h")).await;
    let wires = Wire::all(&slow);
    // The first request takes the only place of the hour.
    assert_eq!(class(&wires[0].ask(KEY).await.answer), "picture");
    for (wire, exchange) in ask_all(&wires).await {
        let limited = Act::RateLimited(Duration::from_secs(3600));
        assert_eq!(class(&exchange.answer), wire.meaning(&limited), "{exchange:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_makes_no_sense_is_told_so_in_the_words_of_its_dialect() {
    let server = server(json!({}), json!({"models": {"*": {}}})).await;
    for wire in Wire::all(&server) {
        let call = wire.call();
        let (headers, body) = (headers(&call), Bytes::from_static(b"nothing of the kind"));
        let Some(Err(words)) = wire.server().hear(&heading(&call, &headers, &body)) else {
            continue;
        };
        let reply = wire.server().say(&Draft::default(), &Act::BadRequest(&words));
        let (status, got) = send(&Call { body, ..call }, &headers).await;
        // Gemini's questions come to the same place, so that the words there are those of a question.
        assert_eq!(status, reply.status, "{}", wire.name());
        if wire.provider.kind == "stability" {
            assert_eq!(got, reply.body);
        }
    }
}

/// Sends a call as it is.
async fn send(call: &Call, headers: &[(String, String)]) -> (u16, Bytes) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut url = call.url.clone();
    // This client knows no names below `localhost`; the server goes by the header.
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    url.set_host(Some("127.0.0.1")).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let method: reqwest::Method = call.method.parse().unwrap();
    let mut request = client.request(method, url).header("host", host).body(call.body.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_is_pending_then_ready_then_gone() {
    let pending = server(json!({}), json!({"models": {"*": {"latency": "1h"}}})).await;
    let gone = server(json!({}), json!({"models": {"*": {"expires": "0s"}}})).await;
    let mut jobs = 0;
    for wire in Wire::all(&pending) {
        if !wire.draft().delivery.by_job() {
            continue;
        }
        jobs += 1;
        let mut call = wire.call();
        for _ in 0..2 {
            let (status, body) = send(&call, &headers(&call)).await;
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let reply = providers::Reply { status, headers, body };
            let step = wire.with_order(|order| wire.dialect().understand(order, &reply));
            match step {
                Step::Poll(next, _) => call = next,
                Step::Again(_) => {}
                step => panic!("{}: {step:?}", wire.name()),
            }
            // A key of a rehearsal goes to no other host, whatever an answer says.
            assert_eq!(call.url.port(), Some(pending.addr().port()), "{}", wire.name());
        }
        // No other dialect knows the order.
        call.url.set_host(Some("stranger.localhost")).unwrap();
        assert_eq!(send(&call, &[]).await.0, 404);
    }
    assert!(jobs > 0);
    assert_eq!(pending.log().len(), jobs, "a look at a job is no order");

    let wires: Vec<_> =
        Wire::all(&gone).into_iter().filter(|wire| wire.draft().delivery.by_job()).collect();
    for (wire, exchange) in ask_all(&wires).await {
        let kind = FaultKind::ResultExpired.word();
        assert_eq!(class(&exchange.answer), kind, "{}: {exchange:?}", wire.name());
    }
    for (wire, exchange) in ask_all(&Wire::with_addresses(&gone)).await {
        assert!(!decodes(&exchange.answer), "{}: {exchange:?}", wire.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_dialect_may_have_the_bare_address() {
    for kind in dialects() {
        let profile = Profile::read("models: {'*': {size: 64x64}}").unwrap();
        let options = Options { dialect: Some(kind.to_owned()), log: None };
        let addr = ([127, 0, 0, 1], 0).into();
        let server = Simulator::start_with(profile, addr, &options).await.unwrap();
        let mut wire = Wire::all(&server).into_iter().find(|it| it.provider.kind == kind).unwrap();
        if wire.draft().delivery.by_job() {
            continue;
        }
        wire.provider.url = Some(server.url().parse().unwrap());
        let exchange = wire.ask(KEY).await;
        assert!(decodes(&exchange.answer), "{}: {exchange:?}", wire.name());
    }
    let options = Options { dialect: Some("ftp".to_owned()), log: None };
    let profile = Profile::read("models: {m: {}}").unwrap();
    let refused = Simulator::start_with(profile, ([127, 0, 0, 1], 0).into(), &options).await;
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("no dialect `ftp`") && words.contains("openai"), "{words}");
}
