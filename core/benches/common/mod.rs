//! What the benchmarks share: pictures made on the spot, and checks with their defaults.

#![allow(dead_code, clippy::allow_attributes, reason = "each benchmark uses a part of this")]

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageResult, RgbImage};
use presscheck_core::checks::{Format, Resources, vocabulary};
use presscheck_core::policy::{ConfiguredCheck, Node, Problems, read_check};
use presscheck_core::prompts::Case;

/// The file of a mark.
const MARK: &str = "mark.png";

/// What the checks need of the world: a mark, a ring with a bar.
pub(crate) fn resources() -> Result<Resources, Box<dyn std::error::Error>> {
    let mark = image::RgbaImage::from_fn(200, 200, |x, y| {
        let (dx, dy) = (x.abs_diff(100), y.abs_diff(100));
        let far = dx * dx + dy * dy;
        let is_ring = (6400..=9800).contains(&far);
        image::Rgba([10, 61, 145, if is_ring || (dx < 60 && dy < 15) { 255 } else { 0 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(mark).write_to(&mut bytes, ImageFormat::Png)?;
    let mut resources = Resources::default();
    resources.add_file(MARK.parse()?, bytes.into_inner().into());
    Ok(resources)
}

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
        "logo" => serde_json::json!({"files": [MARK]}),
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

/// A case that expects a square, no change of its input, and no mark.
pub(crate) fn case() -> Case {
    Case {
        id: "bench".to_owned(),
        prompt: "a square".to_owned(),
        tags: Vec::new(),
        expect: [("aspect_ratio", "1:1".into()), ("changed", false.into()), ("logo", false.into())]
            .into_iter()
            .collect(),
        image: None,
        mask: None,
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
