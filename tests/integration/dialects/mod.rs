//! Every provider kind against the simulated server, over real sockets and through the real transport: what the server
//! does in a kind's dialect is understood as what it was.
//!
//! The kinds are those of the registry, each set up as its section in `docs/providers.md` shows, and its models are those
//! of the list.

mod cases;
mod pictures;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use presscheck::simulator::{Profile, Running, Simulator, dialects};
use presscheck::transport::{ClientOptions, Exchange, Line};
use presscheck_core::policy::{Node, Price, Provider, Task};
use presscheck_core::providers::catalogue::catalogue;
use presscheck_core::providers::rehearsal::{Act, Draft, Heard, Request};
use presscheck_core::providers::{self, Answer, Call, Dialect, Order, Step, Text};
use presscheck_core::units::Seed;
use serde_json::{Map, Value, json};

use super::docs::{completed, read, yaml_blocks};

/// A key, in the form of a login, since some servers want one.
const KEY: &str = "team:sk-rehearsal-1";

/// Longer than a job waits between two looks at it, with its repeats.
const PATIENCE: Duration = Duration::from_secs(120);

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
    // A machine of the team's own is paid by the time; here, by the picture.
    if provider.gpu_hour.take().is_some() {
        provider.price = Some(Price::Flat("$0.01".parse().unwrap()));
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
        let input = input();
        self.put(key, (self.task != Task::TextToImage).then_some(&input), None).await
    }

    /// The same with these pictures.
    async fn put(&self, key: &str, image: Option<&Bytes>, mask: Option<&Bytes>) -> Exchange {
        let vocabulary = providers::kind(self.provider.kind).unwrap().vocabulary;
        let options = ClientOptions::default();
        let key = |_: &str| Some(key.to_owned());
        let line = Line::open(&self.provider, &vocabulary, self.dialect(), key, &options).unwrap();
        let order = Order {
            model: &self.model,
            task: self.task,
            params: &self.params,
            prompt: "a red fox",
            seed: Seed(7),
            image,
            mask,
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
