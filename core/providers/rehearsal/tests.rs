//! Every dialect against its own server: whatever the server says is understood as it was meant.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Map;

use super::*;
use crate::policy::{Node, Problems, Provider, Task};
use crate::providers::http::tests::provider;
use crate::providers::registry::{Kind, REGISTRY};
use crate::providers::{Answer, Call, Dialect, FaultKind, Order, Step, Text, class_of};
use crate::units::{CostBasis, Seed};

/// The smallest JPEG header that counts as a picture, and a PNG's.
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a picture";
const INPUT: &[u8] = b"\x89PNG\r\n\x1a\n an input";

/// A white mask of one pixel.
fn mask() -> Bytes {
    let mut file = std::io::Cursor::new(Vec::new());
    let white = image::GrayImage::from_pixel(1, 1, image::Luma([255]));
    white.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner().into()
}

/// A provider of a kind, with what it can't do without.
fn set_up(kind: &Kind) -> Provider {
    let name = kind.vocabulary.kind;
    let (url, table) = kind.rehearsal.unwrap().set_up();
    let table = Node::from_json(&serde_json::from_str(table).unwrap());
    let settings = (kind.vocabulary.read)(&table, &[], &mut Problems::new()).unwrap();
    let mut provider = provider(name, url, settings);
    for path in provider.settings.files().cloned().collect::<Vec<_>>() {
        provider.give(path, Bytes::from_static(crate::providers::comfyui::WORKFLOW));
    }
    provider
}

/// A dialect in talk with its own server.
struct Talk {
    kind: &'static Kind,
    server: &'static dyn Rehearsal,
    dialect: Box<dyn Dialect>,
    example: &'static Example,
    model: &'static str,
    task: Task,
    params: Map<String, Value>,
}

impl Talk {
    fn all() -> impl Iterator<Item = Self> {
        let spoken = REGISTRY.iter().filter_map(|kind| Some((kind, kind.rehearsal?)));
        spoken.flat_map(|(kind, server)| {
            server.examples().iter().map(move |example| {
                let dialect = (kind.open)(&set_up(kind)).unwrap();
                let params = serde_json::from_str(example.params).unwrap();
                Self {
                    kind,
                    server,
                    dialect,
                    example,
                    model: example.model,
                    task: example.task,
                    params,
                }
            })
        })
    }

    fn with_order<T>(&self, then: impl FnOnce(&Order<'_>) -> T) -> T {
        let input = Bytes::from_static(INPUT);
        then(&Order {
            model: self.model,
            task: self.task,
            params: &self.params,
            prompt: "a red fox",
            seed: Seed(7),
            image: (self.task != Task::TextToImage).then_some(&input),
            mask: None,
        })
    }

    fn call(&self) -> Call {
        self.with_order(|order| self.dialect.begin(order)).unwrap()
    }

    /// What the server takes a call for.
    fn heard(&self, call: &Call) -> Heard {
        let headers: Vec<(String, String)> =
            call.headers.iter().map(|(name, parts)| (name.clone(), shown(parts))).collect();
        let request = Request {
            method: call.method,
            path: call.url.path(),
            query: call.url.query().unwrap_or_default(),
            headers: &headers,
            body: &call.body,
        };
        assert_eq!(self.server.key(&request), Some("KEY"), "{}", self.name());
        self.server.hear(&request).unwrap_or_else(|| panic!("{}", call.url)).unwrap()
    }

    fn draft(&self) -> Draft {
        match self.heard(&self.call()) {
            Heard::Draw(draft) => draft,
            other => panic!("{other:?}"),
        }
    }

    /// What the dialect makes of what its server says.
    fn said(&self, act: &Act<'_>) -> Step {
        let reply = self.server.say(&self.draft(), act);
        self.with_order(|order| self.dialect.understand(order, &reply))
    }

    /// The same of an answer to a poll.
    fn polled(&self, act: &Act<'_>) -> Step {
        let reply = self.server.say(&self.draft(), act);
        self.with_order(|order| self.dialect.polled(order, &reply))
    }

    /// Whether its pictures can lie at an address.
    fn fetches(&self) -> bool {
        matches!(self.said(&Act::Address { url: "https://cdn.test/a.png" }), Step::Fetch(_))
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.kind.vocabulary.kind, self.model, self.task.word())
    }
}

fn shown(parts: &[Text]) -> String {
    let show = |part: &Text| match part {
        Text::Plain(text) => text.clone(),
        Text::Secret(_) | Text::Basic(_) | Text::GoogleToken(_) => "KEY".to_owned(),
        Text::AwsSignature(_) => "AWS4-HMAC-SHA256 Credential=KEY/".to_owned(),
    };
    parts.iter().map(show).collect()
}

#[test]
fn every_kind_with_a_server_is_tested() {
    for kind in REGISTRY.iter().filter(|kind| kind.rehearsal.is_some()) {
        let name = kind.vocabulary.kind;
        assert!(kind.rehearsal.is_some_and(|server| !server.examples().is_empty()), "{name}");
    }
}

#[test]
fn an_order_arrives_as_it_was_meant() {
    for talk in Talk::all() {
        let draft = talk.draft();
        assert_eq!(draft.model, talk.model, "{}", talk.name());
        if !talk.example.wordless {
            assert_eq!(draft.prompt, "a red fox", "{}", talk.name());
        }
        let input = (talk.task != Task::TextToImage).then(|| Bytes::from_static(INPUT));
        assert_eq!(draft.image, input, "{}", talk.name());
    }
}

/// Every parameter that a model file may set, and what goes over each wire then.
#[test]
fn the_wires_are_these() {
    let mut text = String::new();
    for talk in Talk::all() {
        let white = mask();
        let call = talk.with_order(|order| {
            let mask = talk.example.masked.then_some(&white);
            talk.dialect.begin(&Order { mask, ..*order }).unwrap()
        });
        text.push_str(&format!("{}\n{} {}\n", talk.name(), call.method, call.url));
        let boundary = call.headers.iter().find_map(|(name, parts)| {
            let is = name == "content-type";
            shown(parts).split_once("boundary=").filter(|_| is).map(|(_, it)| it.to_owned())
        });
        let plain = |text: &str| match &boundary {
            Some(boundary) => text.replace(boundary, "BOUNDARY").replace("\r\n", "\n"),
            None => text.to_owned(),
        };
        for (name, parts) in &call.headers {
            text.push_str(&format!("{name}: {}\n", plain(&shown(parts))));
        }
        text.push_str(&format!("\n{}\n\n", plain(&String::from_utf8_lossy(&call.body))));
    }
    insta::assert_snapshot!(text);
}

/// What is said of an order that a wire can't carry; the change may put a picture into it.
fn declined(
    wire: (&str, Task),
    params: &Value,
    change: impl for<'a> Fn(Order<'a>, &'a Bytes) -> Order<'a>,
) -> String {
    let talk = Talk::all().find(|talk| (talk.model, talk.task) == wire).unwrap();
    let (params, input) = (params.as_object().unwrap(), Bytes::from_static(INPUT));
    talk.with_order(|order| {
        let order = change(Order { params, ..*order }, &input);
        talk.dialect.begin(&order).unwrap_err()
    })
}

#[test]
fn what_a_wire_can_t_carry_is_said() {
    let (text, none) = (Task::TextToImage, json!({}));
    let gemini = ("gemini-3-pro-image", text);
    let image_2 = ("gpt-image-2", text);
    let upscaler = ("upscale-fast", Task::Upscale);
    let webui = ("sd_xl_base_1.0.safetensors", Task::Edit);
    let hub = ("black-forest-labs/FLUX.1-Kontext-dev", Task::Edit);
    insta::assert_snapshot!(
        [
            declined(gemini, &json!({"guidance_scale": 3}), |order, _| order),
            declined(("gemini-3-pro-image", Task::Edit), &none, |order, input| Order {
                mask: Some(input),
                ..order
            }),
            declined(gemini, &none, |order, _| Order { task: Task::Upscale, ..order }),
            declined(("imagen-4.0-generate-001", text), &none, |order, input| Order {
                image: Some(input),
                ..order
            }),
            declined(("core", text), &none, |order, _| Order { model: "dall-e", ..order }),
            declined(("core", text), &none, |order, _| Order { task: Task::Upscale, ..order }),
            declined(("upscale-fast", Task::Upscale), &none, |order, _| Order {
                image: None,
                ..order
            }),
            declined(upscaler, &none, |order, _| Order { task: Task::Edit, ..order }),
            declined(upscaler, &none, |order, _| Order { task: text, image: None, ..order }),
            declined(("core", text), &none, |order, input| Order {
                task: Task::Edit,
                image: Some(input),
                ..order
            }),
            declined(("core", text), &none, |order, input| Order { image: Some(input), ..order }),
            declined(("sd3.5-large", Task::Edit), &none, |order, _| Order { image: None, ..order }),
            declined(("sd3.5-large", Task::Edit), &none, |order, input| Order {
                mask: Some(input),
                ..order
            }),
            declined(("edit-remove-background", Task::Edit), &none, |order, input| Order {
                mask: Some(input),
                ..order
            }),
            declined(("control-sketch", Task::Edit), &none, |order, _| Order {
                image: None,
                ..order
            }),
            declined(("control-sketch", Task::Edit), &none, |order, _| Order {
                task: Task::Upscale,
                ..order
            }),
            declined(image_2, &json!({"prompt": "a dog"}), |order, _| order),
            declined(image_2, &none, |order, _| Order { task: Task::Upscale, ..order }),
            declined(("gpt-image-2", Task::Edit), &none, |order, _| Order { image: None, ..order }),
            declined(webui, &none, |order, _| Order { image: None, ..order }),
            declined(("R-ESRGAN 4x+", Task::Upscale), &none, |order, _| Order {
                image: None,
                ..order
            }),
            declined(hub, &none, |order, _| Order { task: Task::Upscale, ..order }),
            declined(hub, &none, |order, _| Order { image: None, ..order }),
            declined(hub, &none, |order, input| Order { mask: Some(input), ..order }),
            declined(hub, &none, |order, _| Order { model: "a/b/c", ..order }),
            declined(("ideogram-3", text), &none, |order, _| Order { model: "v3", ..order }),
            declined(("ideogram-3", text), &none, |order, _| Order {
                task: Task::Upscale,
                ..order
            }),
            declined(("ideogram-3", Task::Edit), &none, |order, _| Order { image: None, ..order }),
        ]
        .join("\n")
    );
}

#[test]
fn a_picture_is_a_picture() {
    let bytes = Bytes::from_static(JPEG);
    for talk in Talk::all() {
        let act = Act::Picture { bytes: &bytes, media_type: "image/jpeg" };
        let answer = match talk.draft().delivery {
            Delivery::Address => {
                let url = "https://cdn.test/a.png";
                let step = talk.said(&Act::Address { url });
                assert_eq!(step, Step::Fetch(url.parse().unwrap()), "{}", talk.name());
                talk.dialect.fetched(&file(&bytes, "image/jpeg"))
            }
            Delivery::Inline | Delivery::Job | Delivery::JobThenAddress => match talk.said(&act) {
                Step::Done(answer) => answer,
                other => panic!("{}: {other:?}", talk.name()),
            },
        };
        let Answer::Image { bytes: got, .. } = answer else {
            panic!("{}: {answer:?}", talk.name())
        };
        assert_eq!(got, bytes, "{}", talk.name());
    }
}

#[test]
fn refusals_are_told_by_their_stage() {
    for talk in Talk::all() {
        for stage in talk.server.stages().iter().copied() {
            let Step::Done(Answer::Refused { stage: got, words }) = talk.said(&Act::Refused(stage))
            else {
                panic!("{}: {:?}", talk.name(), talk.said(&Act::Refused(stage)))
            };
            assert_eq!(got, stage, "{}", talk.name());
            assert!(!words.is_empty(), "{}", talk.name());
        }
    }
}

#[test]
fn faults_have_their_kinds() {
    let wait = Duration::from_secs(7);
    for talk in Talk::all() {
        for (act, kind) in [
            (Act::RateLimited(wait), FaultKind::RateLimited),
            (Act::ServerFault, FaultKind::ServerFault),
            (Act::BadKey, FaultKind::Auth),
            (Act::OutOfCredit, FaultKind::OutOfCredit),
            (Act::BadRequest("`size` is no size"), FaultKind::BadRequest),
        ] {
            let Step::Done(Answer::Fault(fault)) = talk.said(&act) else {
                panic!("{}: {act:?}: {:?}", talk.name(), talk.said(&act))
            };
            assert_eq!(fault.kind, kind, "{}: {}", talk.name(), fault.words);
        }
        // Where Stability reads the model's id in a form, it has no word of its own for one that it does not know.
        let own = talk.kind.vocabulary.kind == "stability" && talk.model.starts_with("sd3");
        let kind = if own { FaultKind::BadRequest } else { FaultKind::ModelRetired };
        let Step::Done(Answer::Fault(fault)) = talk.said(&Act::NoModel) else { panic!() };
        assert_eq!(fault.kind, kind, "{}: {}", talk.name(), fault.words);
    }
}

#[test]
fn a_success_without_a_picture_is_never_one() {
    for talk in Talk::all() {
        let step = talk.said(&Act::Empty);
        let none = matches!(
            &step,
            Step::Done(Answer::Broken { .. } | Answer::Refused { stage: Stage::Output, .. })
        );
        assert!(none, "{}: {step:?}", talk.name());
    }
}

#[test]
fn an_order_with_a_name_is_asked_for_until_it_is_there() {
    let bytes = Bytes::from_static(JPEG);
    let mut jobs = 0;
    for talk in Talk::all().filter(|talk| talk.draft().delivery.by_job()) {
        jobs += 1;
        let accepted = talk.said(&Act::Accepted { job: "job-1" });
        let Step::Poll(call, _) = accepted else { panic!("{accepted:?}") };
        assert_eq!(call.method, "GET");
        assert!(matches!(talk.heard(&call), Heard::Poll(job) if job == "job-1"));
        let pending = talk.polled(&Act::Pending { job: "job-1" });
        assert!(matches!(pending, Step::Poll(..) | Step::Again(_)), "{pending:?}");
        let Step::Done(Answer::Fault(fault)) = talk.polled(&Act::NoJob) else { panic!() };
        assert_eq!(fault.kind, FaultKind::ResultExpired);
        // What is not found before there is an order is not the order.
        let Step::Done(Answer::Fault(fault)) = talk.said(&Act::NoModel) else { panic!() };
        assert_eq!(fault.kind, FaultKind::ModelRetired, "{}", talk.name());
        let act = Act::Picture { bytes: &bytes, media_type: "image/jpeg" };
        assert!(matches!(talk.polled(&act), Step::Done(Answer::Image { .. })));
    }
    assert!(jobs >= 11, "{jobs}");
}

#[test]
fn a_picture_at_an_address_is_fetched_from_there() {
    let bytes = Bytes::from_static(JPEG);
    let mut addresses = 0;
    for talk in Talk::all().filter(|talk| talk.draft().delivery.by_address()) {
        addresses += 1;
        let url = "https://cdn.test/a.jpeg";
        assert_eq!(talk.said(&Act::Address { url }), Step::Fetch(url.parse().unwrap()));
        let answer = talk.dialect.fetched(&file(&bytes, "image/jpeg"));
        assert!(matches!(answer, Answer::Image { .. }), "{}: {answer:?}", talk.name());
        let gone = Reply { status: 403, ..file(&Bytes::from_static(b"expired"), "text/plain") };
        let Answer::Fault(fault) = talk.dialect.fetched(&gone) else { panic!("{}", talk.name()) };
        assert_eq!(fault.kind, FaultKind::ResultExpired, "{}", talk.name());
    }
    assert!(addresses >= 12, "{addresses}");
}

#[test]
fn what_an_answer_says_of_its_cost_is_believed() {
    let bytes = Bytes::from_static(JPEG);
    let cost = |kind: &str, model: &str, act: &Act<'_>| {
        let talk =
            Talk::all().find(|it| (it.kind.vocabulary.kind, it.model) == (kind, model)).unwrap();
        let reply = talk.server.say(&talk.draft(), act);
        talk.dialect.cost(model, &reply).map(|cost| (cost.amount.to_string(), cost.basis))
    };
    let picture = Act::Picture { bytes: &bytes, media_type: "image/jpeg" };
    let computed = |amount: &str| Some((amount.to_owned(), CostBasis::Computed));
    // 12 tokens of text at $2, 80 of thoughts at $12, 1,120 of the picture at $120, by the million.
    assert_eq!(cost("google", "gemini-3-pro-image", &picture), computed("$0.135384"));
    assert_eq!(cost("vertex", "gemini-3-pro-image", &picture), computed("$0.135384"));
    // A deployment whose name is no model's has no listed price.
    assert_eq!(cost("azure-openai", "posters", &picture), None);
    // 14 tokens of text at $5 and 1,056 of the picture at $30.
    assert_eq!(cost("openai", "gpt-image-2", &picture), computed("$0.03175"));
    assert_eq!(cost("recraft", "recraftv4_1", &picture), computed("$0.04"));
    // Credits are fixed: the list says what they are.
    assert_eq!(cost("stability", "core", &picture), None);
    let refused = cost("google", "imagen-4.0-generate-001", &Act::Refused(Stage::Output));
    assert_eq!(refused, Some(("$0.00".to_owned(), CostBasis::Exact)));
    assert_eq!(cost("google", "gemini-3-pro-image", &Act::ServerFault), None);
    // 200 million ticks of a ten billionth of a dollar, also of a picture that was withheld.
    let exactly = |amount: &str| Some((amount.to_owned(), CostBasis::Exact));
    assert_eq!(cost("xai", "grok-imagine-image", &picture), exactly("$0.02"));
    let withheld = Act::Refused(Stage::Output);
    assert_eq!(cost("xai", "grok-imagine-image", &withheld), exactly("$0.02"));
    // 2.5 seconds at a cent.
    assert_eq!(cost("replicate", "nightmareai/real-esrgan", &picture), computed("$0.025"));
    // Three credits of a cent, said as soon as the order has its name.
    assert_eq!(cost("bfl", "flux-2-pro", &Act::Accepted { job: "job-1" }), computed("$0.03"));
}

/// Everything that a server can say, as bytes.
fn replies(talk: &Talk) -> Vec<Reply> {
    let bytes = Bytes::from_static(JPEG);
    let acts = [
        Act::Picture { bytes: &bytes, media_type: "image/jpeg" },
        Act::Address { url: "https://cdn.test/a.png" },
        Act::Accepted { job: "job-1" },
        Act::Pending { job: "job-1" },
        Act::NoJob,
        Act::Refused(Stage::Input),
        Act::Refused(Stage::Output),
        Act::Empty,
        Act::RateLimited(Duration::from_secs(7)),
        Act::ServerFault,
        Act::BadKey,
        Act::OutOfCredit,
        Act::NoModel,
        Act::BadRequest("no"),
    ];
    let draft = talk.draft();
    acts.iter().map(|act| talk.server.say(&draft, act)).collect()
}

/// What the address of a picture can answer.
fn downloads() -> Vec<Reply> {
    let gone = |status| Reply { status, ..file(&Bytes::from_static(b"expired"), "text/plain") };
    let page = Bytes::from_static(b"<!DOCTYPE html><title>Log in</title>");
    let mut replies = vec![
        file(&Bytes::from_static(JPEG), "image/jpeg"),
        file(&Bytes::from_static(INPUT), "image/png"),
        file(&page, "text/html"),
        file(&Bytes::new(), "image/png"),
        reply(200, &json!({"error": "no such file"})),
    ];
    replies.extend([401, 403, 404, 410, 429, 500, 503].map(gone));
    replies
}

/// Random changes of a reply: bytes replaced, removed and put in, and another status.
#[derive(Clone, Debug)]
struct Mutation {
    which: prop::sample::Index,
    status: Option<u16>,
    edits: Vec<(prop::sample::Index, u8, u8)>,
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let which = any::<prop::sample::Index>();
        let status = prop_oneof![Just(None), (100_u16..600).prop_map(Some)];
        let edit = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..3);
        (which, status, prop::collection::vec(edit, 0..12))
            .prop_map(|(which, status, edits)| Self { which, status, edits })
    }

    fn of(&self, replies: &[Reply]) -> Reply {
        let mut reply = self.which.get(replies).clone();
        let mut body = reply.body.to_vec();
        for (at, byte, how) in &self.edits {
            match (how, body.len()) {
                (0, 1..) => {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
                (1, 1..) => {
                    body.remove(at.index(body.len()));
                }
                (2, len) => body.insert(at.index(len + 1), *byte),
                _ => {}
            }
        }
        reply.body = body.into();
        reply.status = self.status.unwrap_or(reply.status);
        reply
    }
}

/// A picture comes of a success alone, and what is none has a kind that is known.
fn is_typed(name: &str, reply: &Reply, answer: &Answer) {
    match answer {
        Answer::Image { bytes, .. } => {
            assert!((200..300).contains(&reply.status), "{name}: {reply:?}");
            assert!(!bytes.is_empty(), "{name}: {reply:?}");
        }
        Answer::Broken { kind, .. } => {
            assert!(class_of(kind).is_some(), "{name}: `{kind}` has no class");
        }
        Answer::Words { .. } => panic!("{name}: nothing was asked in words"),
        Answer::Refused { .. } | Answer::Fault(_) => {}
    }
}

/// The mutations that each dialect meets at least.
const MUTATIONS: u32 = 10_000;

#[test]
fn ten_thousand_mutated_answers_of_each_dialect_have_a_typed_outcome() {
    let mut talks = BTreeMap::<&str, Vec<(Talk, Vec<Reply>)>>::new();
    for talk in Talk::all() {
        let replies = replies(&talk);
        talks.entry(talk.kind.vocabulary.kind).or_default().push((talk, replies));
    }
    let fetching: Vec<&str> = talks
        .iter()
        .filter(|(_, wires)| wires.iter().any(|(talk, _)| talk.fetches()))
        .map(|(kind, _)| *kind)
        .collect();
    assert!(fetching.len() >= 8, "{fetching:?}");
    let all = talks.values().flatten().map(|(talk, _)| talk);
    let jobs: Vec<String> =
        all.filter(|talk| talk.draft().delivery.by_job()).map(Talk::name).collect();
    let downloads = downloads();
    let met = RefCell::new(BTreeMap::<&str, (u32, u32)>::new());
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(MUTATIONS)
    });
    let cases = (any::<prop::sample::Index>(), Mutation::any(), Mutation::any());
    let ran = runner.run(&cases, |(wire, answer, download)| {
        for (kind, wires) in &talks {
            let (talk, replies) = wire.get(wires);
            let name = talk.name();
            let mut met = met.borrow_mut();
            let (answers, files) = met.entry(*kind).or_default();
            let reply = answer.of(replies);
            let _ = talk.dialect.cost(talk.model, &reply);
            let mut steps = vec![talk.with_order(|order| talk.dialect.understand(order, &reply))];
            if jobs.contains(&name) {
                steps.push(talk.with_order(|order| talk.dialect.polled(order, &reply)));
            }
            for step in steps {
                if let Step::Done(answer) = step {
                    is_typed(&name, &reply, &answer);
                }
            }
            *answers += 1;
            if fetching.contains(kind) {
                let reply = download.of(&downloads);
                let answer = talk.dialect.fetched(&reply);
                is_typed(&name, &reply, &answer);
                // A shelf knows nothing of keys and models.
                let fatal = matches!(&answer, Answer::Fault(fault) if fault.kind.is_fatal());
                assert!(!fatal, "{name}: {reply:?}: {answer:?}");
                *files += 1;
            }
        }
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    let met = met.into_inner();
    let spoken = REGISTRY.iter().filter(|kind| kind.rehearsal.is_some());
    for kind in spoken.map(|kind| kind.vocabulary.kind) {
        let (answers, files) = met.get(kind).copied().unwrap_or_default();
        assert!(answers >= MUTATIONS, "{kind}: {answers}");
        assert!(!fetching.contains(&kind) || files >= MUTATIONS, "{kind}: {files}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    #[test]
    fn no_request_makes_a_server_panic(
        path in "/[a-z0-9/:.-]{0,40}",
        query in "(id=)?[a-z0-9&=%-]{0,20}",
        body in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        thread_local! {
            static SERVERS: Vec<(&'static dyn Rehearsal, String)> =
                Talk::all().map(|talk| (talk.server, talk.call().url.path().to_owned())).collect();
        }
        let (body, query) = (Bytes::from(body), query.as_str());
        let headers = [("content-type".to_owned(), "multipart/form-data; boundary=x".to_owned())];
        SERVERS.with(|servers| {
            for (server, real) in servers {
                for (method, path) in [("POST", path.as_str()), ("GET", &path), ("POST", real)] {
                    let request = Request { method, path, query, headers: &headers, body: &body };
                    let _ = server.hear(&request);
                }
            }
        });
    }
}
