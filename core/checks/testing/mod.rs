//! What the tests of the checks share: pictures drawn by rule, checks set up as a policy sets them up.
//!
//! Everything follows from a seed, so that every machine sees the same pictures.

use std::sync::OnceLock;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::Value;

use super::features::Features;
use super::registry::{REGISTRY, open_all};
use super::{Check, DecodeLimits, Finding, Format, ModelFile, Picture, Resources, decode};
use crate::policy::{ConfiguredCheck, Node, Problems, read_check};
use crate::prompts::Case;
use crate::units::Digest;

pub(super) mod bad;
pub(super) mod canvas;
pub(super) mod good;
mod marked;
pub(super) mod marks;
mod measured;
mod pairs;
mod safe;
pub(super) mod scenes;

/// A case that expects this, with these tags.
pub(super) fn case(expect: &Value, tags: &[&str]) -> Case {
    Case {
        id: "c".to_owned(),
        prompt: "p".to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        expect: serde_json::from_value(expect.clone()).unwrap(),
        image: None,
        mask: None,
        locale: None,
    }
}

/// The least that the policy must say of a check.
pub(super) fn least(name: &str) -> Value {
    match name {
        // Whoever asks must say whom.
        "judge" => serde_json::json!({"provider": "google", "model": "m"}),
        "command" => serde_json::json!({"run": ["true"]}),
        _ => serde_json::json!({}),
    }
}

/// What the policy's reader makes of the settings of a check, or the messages of what is wrong.
pub(super) fn configured(name: &str, settings: &Value) -> Result<ConfiguredCheck, Vec<String>> {
    let kind = REGISTRY.iter().find(|kind| kind.vocabulary.name == name).unwrap();
    let mut problems = Problems::new();
    let read = read_check(&kind.vocabulary, &Node::from_json(settings), &mut problems);
    let said: Vec<_> = problems.sorted().iter().map(|problem| problem.message.clone()).collect();
    if said.is_empty() { Ok(read.unwrap()) } else { Err(said) }
}

/// A check with these settings.
pub(super) fn check(name: &str, settings: &Value) -> Box<dyn Check> {
    check_with(name, settings, &Resources::default())
}

/// A check with these settings, and what it needs of the world.
pub(super) fn check_with(name: &str, settings: &Value, resources: &Resources) -> Box<dyn Check> {
    open_all(&[configured(name, settings).unwrap()], resources).unwrap().remove(0)
}

/// Networks, where they are installed.
pub(super) fn installed(models: &[ModelFile]) -> Option<Resources> {
    let folder = std::env::var("PRESSCHECK_MODELS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../models").to_owned());
    let mut resources = Resources::default();
    for file in models {
        let Ok(bytes) = std::fs::read(std::path::Path::new(&folder).join(file.name)) else {
            eprintln!("SKIPPED: {} is not in {folder}; run `make models`", file.name);
            return None;
        };
        resources.add_model(file, Ok(bytes.into()));
    }
    Some(resources)
}

/// Findings as lines of text.
pub(super) fn lines(findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{:?}: {}", finding.result, finding.message);
    findings.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// A picture of these pixels, as decoded from a PNG.
pub(super) fn picture(pixels: impl Into<DynamicImage>) -> Picture {
    let pixels = pixels.into();
    let digest = Digest::of(pixels.as_bytes());
    Picture {
        pixels,
        format: Format::Png,
        content_type: None,
        byte_len: 0,
        digest,
        animated: false,
        bits: 8,
        icc: None,
        rgb: OnceLock::new(),
        luma: OnceLock::new(),
        features: Features::default(),
    }
}

/// The pixels after a JPEG of this quality.
pub(super) fn through_jpeg(pixels: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(pixels).unwrap();
    image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).unwrap().into_rgb8()
}

/// A picture without loss, with a colour profile.
pub(super) fn with_profile(pixels: &RgbImage, profile: &moxcms::ColorProfile) -> Picture {
    use image::ImageEncoder as _;
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
    let (width, height) = pixels.dimensions();
    encoder.write_image(pixels, width, height, image::ExtendedColorType::Rgb8).unwrap();
    decode(&bytes, None, &DecodeLimits::default()).unwrap()
}
