//! Input pictures and masks over sockets: a server of the test's own speaks the dialect and keeps what it was sent.

use bytes::Bytes;
use image::{GrayImage, Luma};
use presscheck_core::policy::Task;
use presscheck_core::providers;
use presscheck_core::providers::rehearsal::{Act, Draft, Heard, Rehearsal, Request as Asked};
use serde_json::{Map, Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{KEY, Wire, decodes, input, provider, server};

/// Speaks a dialect: every order is drawn at once, or at the first look at it.
struct Speaker(&'static dyn Rehearsal);

impl Respond for Speaker {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = Bytes::copy_from_slice(&request.body);
        let asked = Asked {
            method: request.method.as_str(),
            path: request.url.path(),
            query: request.url.query().unwrap_or_default(),
            headers: &headers,
            body: &body,
        };
        let bytes = input();
        let picture = Act::Picture { bytes: &bytes, media_type: "image/png" };
        let reply = match self.0.hear(&asked) {
            Some(Ok(Heard::Draw(draft))) if draft.delivery.by_job() => {
                self.0.say(&draft, &Act::Accepted { job: "job-1" })
            }
            Some(Ok(Heard::Draw(draft))) => self.0.say(&draft, &picture),
            Some(Ok(Heard::Poll(_))) => self.0.say(&Draft::default(), &picture),
            Some(Ok(Heard::Aside(reply))) => reply,
            Some(Err(words)) => self.0.say(&Draft::default(), &Act::BadRequest(&words)),
            None => return ResponseTemplate::new(404),
        };
        let template = ResponseTemplate::new(reply.status).set_body_bytes(reply.body.to_vec());
        reply.headers.iter().fold(template, |template, (name, value)| {
            template.insert_header(name.as_str(), value.as_str())
        })
    }
}

/// A mask: white on the left, where the picture may change.
fn mask() -> Bytes {
    let mut file = std::io::Cursor::new(Vec::new());
    let mask = GrayImage::from_fn(64, 64, |x, _| Luma([if x < 32 { 255 } else { 0 }]));
    mask.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner().into()
}

/// An edit over a wire at a server that keeps what it is sent.
async fn edited(wire: &Wire, image: Option<&Bytes>, mask: Option<&Bytes>) -> Vec<Request> {
    let keeper = MockServer::start().await;
    let speaker = Speaker(providers::kind(wire.provider.kind).unwrap().rehearsal.unwrap());
    Mock::given(any()).respond_with(speaker).mount(&keeper).await;
    let mut wire = wire.clone();
    wire.provider.url = Some(keeper.uri().parse().unwrap());
    let exchange = wire.put(KEY, image, mask).await;
    assert!(decodes(&exchange.answer), "{}: {exchange:?}", wire.name());
    keeper.received_requests().await.unwrap()
}

/// What a part of a form holds (RFC 7578); nothing where it has none of that name.
fn part(request: &Request, name: &str) -> Option<Vec<u8>> {
    let find = |bytes: &[u8], wanted: &[u8]| {
        bytes.windows(wanted.len()).position(|window| window == wanted)
    };
    let head = format!("name=\"{name}\"");
    let from = find(&request.body, head.as_bytes())?;
    let rest = &request.body[from..];
    let body = &rest[find(rest, b"\r\n\r\n").unwrap() + 4..];
    Some(body[..find(body, b"\r\n--").unwrap()].to_vec())
}

fn wire_of(kind: &str, model: &str, server: &presscheck::simulator::Running) -> Wire {
    let (model, params) = (model.to_owned(), Map::new());
    Wire { provider: provider(kind, server), model, task: Task::Edit, params }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_arrives_beside_its_picture() {
    let server = server(json!({}), json!({"models": {"*": {}}})).await;
    let (image, mask) = (input(), mask());
    for (kind, model) in
        [("stability", "edit-inpaint"), ("stability", "edit-erase"), ("openai", "gpt-image-2")]
    {
        let wire = wire_of(kind, model, &server);
        let sent = edited(&wire, Some(&image), Some(&mask)).await;
        let [order] = sent.as_slice() else { panic!("{kind}: {} requests", sent.len()) };
        assert_eq!(part(order, "image").as_deref(), Some(&image[..]), "{kind} {model}");
        let arrived = part(order, "mask").unwrap_or_else(|| panic!("{kind} {model}: no mask"));
        if kind == "openai" {
            // Transparent where the case's is white.
            let arrived = image::load_from_memory(&arrived).unwrap().into_rgba8();
            assert_eq!(arrived.dimensions(), (64, 64));
            let alpha = [0, 31, 32, 63].map(|x| arrived.get_pixel(x, 5).0[3]);
            assert_eq!(alpha, [0, 0, 255, 255]);
        } else {
            assert_eq!(arrived, mask, "{kind} {model}");
        }
        // The simulated server takes it as well.
        let exchange = wire.put(KEY, Some(&image), Some(&mask)).await;
        assert!(decodes(&exchange.answer), "{kind} {model}: {exchange:?}");

        let sent = edited(&wire, Some(&image), None).await;
        assert!(part(&sent[0], "mask").is_none(), "{kind} {model}");
    }
}

/// A workflow that takes a picture and a mask.
const INPAINT: &[u8] = br#"{
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "{{model}}"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}"}},
    "10": {"class_type": "LoadImage", "inputs": {"image": "{{image}}"}},
    "11": {"class_type": "LoadImageMask", "inputs": {"image": "{{mask}}", "channel": "red"}},
    "3": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}", "steps": "{{params.steps}}"}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_a_workflow_are_uploaded_before_it_runs() {
    let server = server(json!({}), json!({"models": {"*": {}}})).await;
    let (image, mask) = (input(), mask());
    let mut wire = wire_of("comfyui", "sd_xl_base_1.0.safetensors", &server);
    let files: Vec<_> = wire.provider.settings.files().cloned().collect();
    for file in files {
        wire.provider.give(file, Bytes::from_static(INPAINT));
    }
    let sent = edited(&wire, Some(&image), Some(&mask)).await;
    let paths: Vec<_> = sent.iter().map(|request| request.url.path()).collect();
    assert_eq!(paths, ["/upload/image", "/upload/image", "/prompt", "/history/job-1"]);
    assert_eq!(part(&sent[0], "image").as_deref(), Some(&image[..]));
    assert_eq!(part(&sent[1], "image").as_deref(), Some(&mask[..]));
    let body: Value = serde_json::from_slice(&sent[2].body).unwrap();
    for (upload, node) in [(&sent[0], "10"), (&sent[1], "11")] {
        let named = body["prompt"][node]["inputs"]["image"].as_str().unwrap();
        let upload = String::from_utf8_lossy(&upload.body);
        assert!(upload.contains(&format!("filename=\"{named}\"")), "{named}: {upload}");
    }
    assert_eq!(body["prompt"]["6"]["inputs"]["text"], "a red fox");

    // The same against the simulated server: two uploads are no orders.
    let exchange = wire.put(KEY, Some(&image), Some(&mask)).await;
    assert!(decodes(&exchange.answer), "{exchange:?}");
    assert_eq!(server.log().len(), 1, "{:?}", server.log());
}
