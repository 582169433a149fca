//! Every dialect against its own server: whatever the server says is understood as it was meant.

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::policy::{Node, Problems, Provider, Task};
use crate::providers::http::tests::provider;
use crate::providers::registry::{Kind, REGISTRY};
use crate::providers::{Answer, Call, Dialect, FaultKind, Order, Step, Text};
use crate::units::{CostBasis, Seed};

/// The smallest JPEG header that counts as a picture, and a PNG's.
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a picture";
const INPUT: &[u8] = b"\x89PNG\r\n\x1a\n an input";

/// A kind, and a model for each of its wires.
const MODELS: &[(&str, &str, Task)] = &[
    ("simulated", "atelier-2", Task::TextToImage),
    ("simulated", "atelier-2", Task::Edit),
    ("google", "gemini-3-pro-image", Task::TextToImage),
    ("google", "gemini-3-pro-image", Task::Edit),
    ("google", "imagen-4.0-generate-001", Task::TextToImage),
    ("stability", "sd3.5-large-turbo", Task::TextToImage),
    ("stability", "sd3.5-large", Task::Edit),
    ("stability", "core", Task::TextToImage),
    ("stability", "upscale-fast", Task::Upscale),
    ("stability", "upscale-conservative", Task::Upscale),
    ("stability", "upscale-creative", Task::Upscale),
    ("stability", "edit-inpaint", Task::Edit),
    ("openai", "gpt-image-2", Task::TextToImage),
    ("openai", "gpt-image-2", Task::Edit),
    ("azure-openai", "posters", Task::TextToImage),
    ("azure-openai", "posters", Task::Edit),
    ("vertex", "gemini-3-pro-image", Task::TextToImage),
    ("vertex", "gemini-3-pro-image", Task::Edit),
    ("vertex", "imagen-4.0-generate-001", Task::TextToImage),
    ("bedrock", "stability.sd3-5-large-v1:0", Task::TextToImage),
    ("bedrock", "stability.sd3-5-large-v1:0", Task::Edit),
    ("bedrock", "us.stability.stable-fast-upscale-v1:0", Task::Upscale),
    ("bedrock", "us.stability.stable-conservative-upscale-v1:0", Task::Upscale),
    ("bedrock", "us.stability.stable-image-inpaint-v1:0", Task::Edit),
    ("bedrock", "amazon.nova-canvas-v1:0", Task::TextToImage),
    ("bfl", "flux-2-pro", Task::TextToImage),
    ("bfl", "flux-kontext-pro", Task::Edit),
    ("bfl", "flux-pro-1.0-fill", Task::Edit),
    ("replicate", "black-forest-labs/flux-schnell", Task::TextToImage),
    ("replicate", "acme/inpainter", Task::Edit),
    ("replicate", "nightmareai/real-esrgan", Task::Upscale),
    ("fal", "fal-ai/flux/dev", Task::TextToImage),
    ("fal", "fal-ai/flux-kontext/dev", Task::Edit),
    ("fal", "fal-ai/esrgan", Task::Upscale),
    ("xai", "grok-imagine-image", Task::TextToImage),
    ("xai", "grok-imagine-image-2.0", Task::Edit),
    ("automatic1111", "sd_xl_base_1.0.safetensors", Task::TextToImage),
    ("automatic1111", "sd_xl_base_1.0.safetensors", Task::Edit),
    ("automatic1111", "R-ESRGAN 4x+", Task::Upscale),
    ("huggingface", "black-forest-labs/FLUX.1-schnell", Task::TextToImage),
    ("huggingface", "black-forest-labs/FLUX.1-Kontext-dev", Task::Edit),
    ("ideogram", "ideogram-3", Task::TextToImage),
    ("ideogram", "ideogram-3", Task::Edit),
    ("ideogram", "ideogram-4-5", Task::Edit),
    ("recraft", "recraftv4_1", Task::TextToImage),
    ("recraft", "recraftv3", Task::Edit),
    ("recraft", "crispUpscale", Task::Upscale),
    ("comfyui", "sd_xl_base_1.0.safetensors", Task::TextToImage),
];

/// What a kind needs of a policy.
fn needs(kind: &str) -> (Option<&'static str>, Value) {
    match kind {
        "azure-openai" => (Some("https://studio.openai.azure.com"), json!({})),
        "vertex" => (None, json!({"project": "studio-1", "location": "us-central1"})),
        "bedrock" => (None, json!({"region": "us-west-2"})),
        // Each of its models has names of its own.
        "replicate" => {
            (None, json!({"image_field": "image", "mask_field": "mask", "per_second": "$0.01"}))
        }
        "comfyui" => (None, json!({"workflow": "a.json", "defaults": {"steps": 20}})),
        _ => (None, json!({})),
    }
}

/// Models that take a picture alone.
const WITHOUT_PROMPT: &[&str] = &[
    "upscale-fast",
    "us.stability.stable-fast-upscale-v1:0",
    "nightmareai/real-esrgan",
    "fal-ai/esrgan",
    "R-ESRGAN 4x+",
    "crispUpscale",
];

/// Models that take a mask.
const TAKE_MASK: &[&str] = &[
    "gpt-image-2",
    "posters",
    "edit-inpaint",
    "us.stability.stable-image-inpaint-v1:0",
    "flux-pro-1.0-fill",
    "acme/inpainter",
    "ideogram-4-5",
];

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
    let (url, table) = needs(name);
    let table = Node::from_json(&table);
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
    model: &'static str,
    task: Task,
}

impl Talk {
    fn all() -> impl Iterator<Item = Self> {
        MODELS.iter().map(|(kind, model, task)| {
            let kind = crate::providers::kind(kind).unwrap();
            let dialect = (kind.open)(&set_up(kind)).unwrap();
            Self { kind, server: kind.rehearsal.unwrap(), dialect, model, task: *task }
        })
    }

    fn with_order<T>(&self, then: impl FnOnce(&Order<'_>) -> T) -> T {
        let (mut params, input) = (Map::new(), Bytes::from_static(INPUT));
        if self.model == "recraftv3" {
            // Its edits can't do without.
            params.insert("strength".to_owned(), 0.5.into());
        }
        then(&Order {
            model: self.model,
            task: self.task,
            params: &params,
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
        assert!(MODELS.iter().any(|(known, ..)| *known == name), "{name}");
    }
}

#[test]
fn an_order_arrives_as_it_was_meant() {
    for talk in Talk::all() {
        let draft = talk.draft();
        assert_eq!(draft.model, talk.model, "{}", talk.name());
        if !WITHOUT_PROMPT.contains(&talk.model) {
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
        let params = match talk.model {
            "gemini-3-pro-image" => {
                json!({"aspect_ratio": "16:9", "image_size": "2K", "thinking_level": "low", "top_p": 0.9, "safety_settings": []})
            }
            "imagen-4.0-generate-001" => {
                json!({"aspect_ratio": "3:4", "image_size": "2K", "output_mime_type": "image/jpeg", "person_generation": "dont_allow"})
            }
            "amazon.nova-canvas-v1:0" => {
                json!({"width": 1024, "height": 512, "cfg_scale": 6.5, "negative_prompt": "fog"})
            }
            "sd3.5-large" | "stability.sd3-5-large-v1:0" => {
                json!({"strength": 0.6, "cfg_scale": 4})
            }
            "flux-2-pro" => {
                json!({"width": 1024, "height": 768, "output_format": "png", "safety_tolerance": 2})
            }
            "black-forest-labs/flux-schnell" => json!({"go_fast": true, "output_format": "png"}),
            "fal-ai/flux/dev" => json!({"image_size": "square_hd", "guidance_scale": 3.5}),
            "grok-imagine-image" => json!({"aspect_ratio": "16:9", "resolution": "2k"}),
            "R-ESRGAN 4x+" => json!({"upscaling_resize": 4}),
            "ideogram-3" => json!({"rendering_speed": "turbo", "style_codes": ["AA", "BB"]}),
            "recraftv3" => json!({"strength": 0.4, "controls": {"no_text": true}}),
            "gpt-image-2" | "posters" => {
                json!({"size": "1024x1024", "quality": "low", "output_compression": 80})
            }
            _ => json!({}),
        };
        let params = params.as_object().unwrap().clone();
        let white = mask();
        let takes_mask = TAKE_MASK.contains(&talk.model);
        let call = talk.with_order(|order| {
            let mask = (takes_mask && talk.task == Task::Edit).then_some(&white);
            talk.dialect.begin(&Order { params: &params, mask, ..*order }).unwrap()
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
        // Stability has no word of its own for a model that it does not know.
        let own = talk.kind.vocabulary.kind == "stability";
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
        let pending = talk.said(&Act::Pending { job: "job-1" });
        assert!(matches!(pending, Step::Poll(..) | Step::Again(_)), "{pending:?}");
        let Step::Done(Answer::Fault(fault)) = talk.said(&Act::NoJob) else { panic!() };
        assert_eq!(fault.kind, FaultKind::ResultExpired);
        let act = Act::Picture { bytes: &bytes, media_type: "image/jpeg" };
        assert!(matches!(talk.said(&act), Step::Done(Answer::Image { .. })));
    }
    assert_eq!(jobs, 11);
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
    assert_eq!(addresses, 12);
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

proptest! {
    // Each of them for every wire: over 10,000 mutations of recorded answers for each dialect.
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    #[test]
    fn a_mutated_answer_has_a_typed_outcome(
        which in any::<prop::sample::Index>(),
        status in prop_oneof![Just(None), (100_u16..600).prop_map(Some)],
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 0..12),
    ) {
        thread_local! {
            static TALKS: Vec<(Talk, Vec<Reply>)> =
                Talk::all().map(|talk| { let all = replies(&talk); (talk, all) }).collect();
        }
        TALKS.with(|talks| {
            for (talk, replies) in talks {
                let mut reply = which.get(replies).clone();
                let mut body = reply.body.to_vec();
                for (at, byte, how) in &edits {
                    match (how, body.len()) {
                        (0, 1..) => { let at = at.index(body.len()); body[at] = *byte; }
                        (1, 1..) => { body.remove(at.index(body.len())); }
                        (2, len) => body.insert(at.index(len + 1), *byte),
                        _ => {}
                    }
                }
                reply.body = body.into();
                reply.status = status.unwrap_or(reply.status);
                let _ = talk.dialect.cost(talk.model, &reply);
                let step = talk.with_order(|order| talk.dialect.understand(order, &reply));
                if let Step::Done(Answer::Image { bytes, .. }) = step {
                    assert!((200..300).contains(&reply.status), "{reply:?}");
                    assert!(!bytes.is_empty(), "{reply:?}");
                }
            }
        });
    }

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
