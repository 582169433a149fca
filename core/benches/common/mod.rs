//! What the benchmarks share: pictures made on the spot, and checks with their defaults.

#![allow(dead_code, clippy::allow_attributes, reason = "each benchmark uses a part of this")]

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageResult, RgbImage};
use presscheck_core::checks::{Format, vocabulary};
use presscheck_core::policy::{ConfiguredCheck, Node, Problems, read_check};
use presscheck_core::prompts::Case;

/// Every check, with settings by which each of them has something to do.
pub(crate) fn configured() -> Vec<ConfiguredCheck> {
    let settings = |name: &str| match name {
        "palette" => serde_json::json!({"colors": ["#0A3D91", "#F4B400"], "min_share": "0%"}),
        "color_profile" => serde_json::json!({"space": "srgb", "max_clipped": "1%"}),
        "dimensions" => serde_json::json!({"max_bars": "2%"}),
        // The pictures are noise, and pass for none.
        "sharpness" => serde_json::json!({"max_noise": "100%"}),
        // They have nothing in common with their input either.
        "similarity" => serde_json::json!({"min_structure": "0%", "max_change": "100%"}),
        _ => serde_json::json!({}),
    };
    vocabulary()
        .into_iter()
        .filter_map(|check| {
            let settings = Node::from_json(&settings(check.name));
            read_check(&check, &settings, &mut Problems::new())
        })
        .collect()
}

/// A case that expects a square, and no change of its input.
pub(crate) fn case() -> Case {
    Case {
        id: "bench".to_owned(),
        prompt: "a square".to_owned(),
        tags: Vec::new(),
        expect: [("aspect_ratio", "1:1".into()), ("changed", false.into())].into_iter().collect(),
        image: None,
        locale: None,
    }
}

/// A picture of noise, which no format can make small, from a linear congruential generator.
pub(crate) fn picture(width: u32, height: u32, format: Format, seed: u32) -> ImageResult<Vec<u8>> {
    let mut state = seed;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pixels = RgbImage::from_fn(width, height, |_, _| image::Rgb([noise(), noise(), noise()]));
    let mut bytes = Cursor::new(Vec::new());
    match format {
        Format::Jpeg => JpegEncoder::new_with_quality(&mut bytes, 98).encode_image(&pixels)?,
        Format::Webp => DynamicImage::from(pixels).write_to(&mut bytes, ImageFormat::WebP)?,
        Format::Png | Format::Gif => {
            DynamicImage::from(pixels).write_to(&mut bytes, ImageFormat::Png)?;
        }
    }
    Ok(bytes.into_inner())
}

/// A number of bytes in MB.
pub(crate) fn megabytes(bytes: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "shown with two decimals")]
    let bytes = bytes as f64;
    bytes / 1e6
}
