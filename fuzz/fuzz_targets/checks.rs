//! Every check that needs no weights, on pictures of any pixels and shape: alone, against an input, and against others.

#![no_main]

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use libfuzzer_sys::fuzz_target;
use presscheck_core::checks::{
    Check, Company, DecodeLimits, Earlier, Encoded, REGISTRY, Reference, Resources, Scene, compare, judge,
    open_all,
};
use presscheck_core::policy::{Node, Problems, read_check};
use presscheck_core::prompts::Case;
use serde_json::{Value, json};

static CHECKS: LazyLock<Vec<Box<dyn Check>>> = LazyLock::new(|| {
    let mut problems = Problems::new();
    let settings = |name| if name == "logo" { json!({"files": ["mark.png"]}) } else { json!({}) };
    let configured: Vec<_> = REGISTRY
        .iter()
        .filter_map(|kind| {
            let settings = Node::from_json(&settings(kind.vocabulary.name));
            read_check(&kind.vocabulary, &settings, &mut problems)
        })
        .collect();
    let mut resources = Resources::default();
    let stripes: Vec<u8> = (0..40).flat_map(|value| [value * 6, 90, 200, value / 9 * 60]).collect();
    resources.add_file("mark.png".parse().unwrap(), png(39, 29, &stripes, true).into());
    open_all(&configured, &resources).unwrap_or_default()
});

/// A picture of `width` by `height` pixels that repeats what the fuzzer gave.
fn png(width: u16, height: u16, values: &[u8], transparent: bool) -> Vec<u8> {
    let (width, height) = (u32::from(width % 400) + 1, u32::from(height % 400) + 1);
    let channels = if transparent { 4 } else { 3 };
    let count = (width * height * channels) as usize;
    let pixels: Vec<u8> = values.iter().chain(&[0]).copied().cycle().take(count).collect();
    let picture = if transparent {
        RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    let mut bytes = Cursor::new(Vec::new());
    if let Some(picture) = picture {
        let _ = picture.write_to(&mut bytes, ImageFormat::Png);
    }
    bytes.into_inner()
}

/// What a case may expect, by the bits of a number.
fn case(bits: u16) -> Case {
    let all: [(&str, Value); 11] = [
        ("palette", json!(["#0A3D91", "#ffffff"])),
        ("subject", json!({"place": "left", "min_share": "5%", "max_share": "60%"})),
        ("aspect_ratio", json!("16:9")),
        ("size", json!("30x20")),
        ("bars", json!(false)),
        ("changed", json!(true)),
        ("structure", json!("50%")),
        ("alpha", json!(true)),
        ("color_space", json!("srgb")),
        ("logo", json!(false)),
        ("unsafe", json!(true)),
    ];
    let expect = (0..).zip(all).filter(|(bit, _)| bits >> bit & 1 == 1);
    let expect: Value = expect.map(|(_, (key, value))| (key.to_owned(), value)).collect();
    Case {
        id: "c".to_owned(),
        prompt: "p".to_owned(),
        tags: Vec::new(),
        expect: serde_json::from_value(expect).unwrap_or_default(),
        image: None,
        mask: None,
        locale: None,
    }
}

fuzz_target!(|data: (u16, u16, Vec<u8>, u16, u16, Vec<u8>, u16, bool)| {
    let (width, height, values, other_width, other_height, others, bits, transparent) = data;
    let (case, limits) = (case(bits), DecodeLimits::default());
    let bytes = png(width, height, &values, transparent);
    let input = Reference::new(png(other_width, other_height, &others, false).into());
    let scene = Scene { case: &case, input: Some(&input) };
    let judgement = judge(&Encoded::of(&bytes), &scene, &CHECKS, &limits);
    let Some(picture) = &judgement.picture else { panic!("a whole PNG is a picture") };
    for [x, y, w, h] in judgement.findings.iter().filter_map(|finding| finding.region) {
        assert!(u64::from(x) + u64::from(w) <= u64::from(picture.width()));
        assert!(u64::from(y) + u64::from(h) <= u64::from(picture.height()));
    }
    let before = judge(&Encoded::of(input.bytes()), &Scene::of(&case), &CHECKS, &limits);
    if let (Some(now), Some(before)) = (judgement.impression, before.impression) {
        let mut other = case.clone();
        other.prompt = "another".to_owned();
        let (same, other) = ([Earlier::of(&case, &before)], [Earlier::of(&other, &before)]);
        let company = Company { baselines: &same, is_candidate: true, earlier: &other };
        assert!(!compare(&Arc::unwrap_or_clone(now), &scene, &company, &CHECKS).is_empty());
    }
});
