//! The example pictures of `docs/checks.md`: a fault for each check, as `presscheck check --explain` shows it.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use presscheck_core::checks::{
    self, Company, DecodeLimits, Earlier, Encoded, Finding, REGISTRY, Reference, Resources, Scene,
};
use presscheck_core::policy::{Node, Problems, read_check};
use presscheck_core::prompts::Case;
use serde_json::{Value, json};

use super::{SHOWN, annotated};
use crate::simulator::{Encoding, Order, Size, Studio, Treatment};

/// A fault, and the check that finds it.
struct Example {
    check: &'static str,
    settings: Value,
    expect: Value,
    /// The case's input picture.
    input: Option<RgbImage>,
    /// What the baseline, or the same model for another prompt, drew before.
    before: Option<RgbImage>,
    picture: RgbImage,
}

async fn drawn(prompt: &str, treatment: Treatment) -> RgbImage {
    let order = Order {
        size: Size::new(512, 384).unwrap(),
        treatment,
        prompt: prompt.to_owned(),
        model: "atelier-3".to_owned(),
        seed: 7,
        encoding: Encoding::Png,
    };
    let bytes = Studio::new().make(order).await.unwrap();
    image::load_from_memory(&bytes).unwrap().into_rgb8()
}

fn png(pixels: &RgbImage) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels.clone()).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

fn case(id: &str, expect: &Value) -> Case {
    Case {
        id: id.to_owned(),
        prompt: format!("the prompt of {id}"),
        tags: Vec::new(),
        expect: serde_json::from_value(expect.clone()).unwrap(),
        image: None,
        mask: None,
        locale: None,
    }
}

/// The picture between two black bars.
fn barred(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let inner = imageops::resize(picture, width, height * 3 / 4, FilterType::Triangle);
    let mut whole = RgbImage::new(width, height);
    imageops::replace(&mut whole, &inner, 0, i64::from(height / 8));
    whole
}

/// A mug before a wall, cut at the left edge.
fn cut() -> RgbImage {
    RgbImage::from_fn(512, 384, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let body = x < 120.0 && (110.0..300.0).contains(&y);
        let ring = (x - 120.0).hypot((y - 200.0) * 0.9);
        let shade = (x / 6.0) as u8;
        if body || (42.0..64.0).contains(&ring) {
            Rgb([150 + shade, 60 + shade / 2, 50])
        } else {
            let light = 225 - (y / 16.0) as u8;
            Rgb([light, light, light - 6])
        }
    })
}

/// With half again as much red, and half the blue.
fn warmed(picture: &RgbImage) -> RgbImage {
    let mut warm = picture.clone();
    for Rgb([red, _, blue]) in warm.pixels_mut() {
        *red = red.saturating_add(*red / 2);
        *blue /= 2;
    }
    warm
}

/// The file of the example's mark.
const MARK: &str = "brand/mark.png";

/// A mark: a ring with a bar, transparent elsewhere.
fn mark() -> RgbaImage {
    RgbaImage::from_fn(160, 160, |x, y| {
        let (dx, dy) = (f64::from(x) - 79.5, f64::from(y) - 79.5);
        let is_ring = (54.0..79.0).contains(&dx.hypot(dy));
        let is_bar = dx.abs() < 46.0 && (dy - dx * 0.3).abs() < 14.0;
        let colour = if is_bar { [244, 180, 0] } else { [10, 61, 145] };
        Rgba([colour[0], colour[1], colour[2], if is_ring || is_bar { 255 } else { 0 }])
    })
}

/// With the mark on it, a fourth too wide.
fn branded(picture: &RgbImage) -> RgbImage {
    let mut branded = DynamicImage::from(picture.clone());
    let wide = imageops::resize(&mark(), 150, 120, FilterType::CatmullRom);
    imageops::overlay(&mut branded, &wide, 40, 30);
    branded.into_rgb8()
}

async fn examples() -> Vec<Example> {
    let text = "A shop sign that reads \"GRAND OPENING\"";
    let shop = drawn(text, Treatment::Wordless).await;
    let other = drawn("A ship in a bottle", Treatment::Good).await;
    let new = |check, picture: &RgbImage| Example {
        check,
        settings: json!({}),
        expect: json!({}),
        input: None,
        before: None,
        picture: picture.clone(),
    };
    let mut halves = shop.clone();
    let half = imageops::crop_imm(&other, 256, 0, 256, 384).to_image();
    imageops::replace(&mut halves, &half, 256, 0);
    vec![
        new("blank", &drawn(text, Treatment::Blank).await),
        Example { settings: json!({"max_bars": "1%"}), ..new("dimensions", &barred(&shop)) },
        Example { settings: json!({"colors": ["#0A3D91"]}), ..new("palette", &cut()) },
        Example { before: Some(shop.clone()), ..new("color_shift", &warmed(&shop)) },
        Example { expect: json!({"color_space": "display_p3"}), ..new("color_profile", &shop) },
        new("sharpness", &imageops::fast_blur(&other, 7.0)),
        new("composition", &cut()),
        Example { before: Some(shop.clone()), ..new("duplicate", &shop) },
        Example {
            input: Some(shop.clone()),
            settings: json!({"min_structure": "60%"}),
            ..new("similarity", &halves)
        },
        Example { settings: json!({"files": [MARK]}), ..new("logo", &branded(&other)) },
        Example {
            expect: json!({"text": ["GRAND OPENING"]}),
            ..new("text", &drawn(text, Treatment::Garbled).await)
        },
        // No picture of an unsafe thing is drawn: an innocent one, held to a limit that none could keep.
        Example { settings: json!({"max_score": "0%"}), ..new("safety", &other) },
    ]
}

/// What the example's check says of it.
fn findings(example: &Example) -> Vec<Finding> {
    let kind = REGISTRY.iter().find(|kind| kind.vocabulary.name == example.check).unwrap();
    let mut problems = Problems::new();
    let configured =
        read_check(&kind.vocabulary, &Node::from_json(&example.settings), &mut problems).unwrap();
    assert!(problems.is_empty(), "{}", example.check);
    let mut resources = Resources::default();
    for file in (kind.models)(&configured.settings) {
        resources.add_model(file, crate::weights::find(file));
    }
    for file in (kind.files)(&configured.settings) {
        let mut bytes = Cursor::new(Vec::new());
        mark().write_to(&mut bytes, ImageFormat::Png).unwrap();
        resources.add_file(file, bytes.into_inner().into());
    }
    let checks = checks::open_all(&[configured], &resources).unwrap();
    let input = example.input.as_ref().map(|input| Reference::new(png(input)));
    let case = case("sign", &example.expect);
    let scene = Scene { input: input.as_ref(), ..Scene::of(&case) };
    let judged = |pixels: &RgbImage| {
        checks::judge(&Encoded::of(&png(pixels)), &scene, &checks, &DecodeLimits::default())
    };
    let judgement = judged(&example.picture);
    let mut findings: Vec<_> =
        judgement.findings.into_iter().filter(|finding| finding.check == example.check).collect();
    if let Some(before) = &example.before {
        let impression = judged(before).impression.unwrap();
        let same = [Earlier::of(&case, &impression)];
        let other = [Earlier::of(&self::case("ship", &json!({})), &impression)];
        let company = Company { baselines: &same, is_candidate: true, earlier: &other };
        let own = judgement.impression.unwrap();
        findings.extend(checks::compare(&Arc::unwrap_or_clone(own), &scene, &company, &checks));
    }
    findings
}

/// Each check's section shows its example, and the check still finds the fault in it; `UPDATE_DOCS=1` draws the pictures
/// anew. `text` and `safety` need their weights.
#[tokio::test]
async fn the_docs_show_an_example_of_each_check() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = std::fs::read_to_string(docs.join("checks.md")).unwrap();
    for example in examples().await {
        let name = example.check;
        let found = findings(&example);
        if found.iter().all(|finding| finding.message.contains("is not installed")) {
            eprintln!("SKIPPED: the example of {name} needs weights; run `make models`");
            continue;
        }
        assert!(
            found.iter().any(|finding| finding.result.counts_as_failure()),
            "{name}: {found:?}"
        );
        let (_, section) = page.split_once(&format!("\n## `{name}`\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        assert!(section.contains(&format!("](images/checks/{name}.jpg)")), "{name}");
        let path = docs.join(format!("images/checks/{name}.jpg"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let whole = annotated(&example.picture, example.picture.dimensions(), &found);
            assert!(whole.width() <= SHOWN);
            let mut bytes = Vec::new();
            let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 84);
            encoder.encode_image(&whole).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
        assert!(image::open(&path).is_ok(), "{name}");
    }
}
