//! Small pictures for reports: of failing pairs only, both sides, made after the verdict; of prompts that a model fails.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageReader, Limits};
use presscheck_core::gate::{Pair, Side};
use presscheck_core::report::Thumbnail;

/// The longer side of a thumbnail, in pixels.
const SIZE: u32 = 320;

/// The most thumbnails of one report.
const MOST: usize = 400;

/// Thumbnails of the pairs in which a side fails, by the pictures' paths.
pub(super) async fn of_failing_pairs(out: &Path, pairs: &[Pair]) -> BTreeMap<String, Thumbnail> {
    let wanted: Vec<String> = pairs
        .iter()
        .filter(|pair| Side::BOTH.into_iter().filter_map(|s| pair.side(s)).any(|s| s.failure))
        .flat_map(|pair| Side::BOTH.into_iter().filter_map(|side| pair.side(side)?.image.clone()))
        .collect();
    of(out, wanted).await
}

/// Thumbnails of pictures by their paths, the first ones where there are too many.
pub(super) async fn of(out: &Path, mut wanted: Vec<String>) -> BTreeMap<String, Thumbnail> {
    wanted.truncate(MOST);
    let out = out.to_path_buf();
    let made = tokio::task::spawn_blocking(move || {
        wanted
            .into_iter()
            .filter_map(|path| {
                Some((path.clone(), thumbnail(&std::fs::read(out.join(path)).ok()?)?))
            })
            .collect()
    });
    // Without thumbnails the report still links the pictures.
    made.await.unwrap_or_default()
}

/// A small picture, as a JPEG without metadata; nothing where the bytes are no whole picture.
fn thumbnail(bytes: &[u8]) -> Option<Thumbnail> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(512 << 20);
    reader.limits(limits);
    let small = reader.decode().ok()?.thumbnail(SIZE, SIZE);
    let flat = flatten(&small);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(&flat).ok()?;
    Some(Thumbnail { media_type: "image/jpeg", bytes, size: (flat.width(), flat.height()) })
}

/// Transparency over white: a JPEG has none.
fn flatten(picture: &DynamicImage) -> DynamicImage {
    let mut flat = picture.to_rgba8();
    for pixel in flat.pixels_mut() {
        let [r, g, b, a] = pixel.0;
        let over = |c: u8| {
            let blended = (u16::from(c) * u16::from(a) + 255 * (255 - u16::from(a))) / 255;
            u8::try_from(blended).unwrap_or(255)
        };
        pixel.0 = [over(r), over(g), over(b), 255];
    }
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(flat).to_rgb8())
}
