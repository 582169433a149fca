//! Small pictures for reports, made after the verdict: of both sides of failing pairs, and of the first passing ones; of
//! prompts that a model fails.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};
use presscheck_core::gate::{Pair, Side};
use presscheck_core::report::Thumbnail;

/// The longer side of a thumbnail, in pixels.
const SIZE: u32 = 320;

/// The most thumbnails of one report.
const MOST: usize = 400;

/// The most pictures among them of pairs in which no side fails: enough to see how a model draws, and soon made.
const MOST_PASSING: usize = 80;

/// The most pictures that are decoded at once.
const AT_ONCE: usize = 4;

/// Thumbnails by the pictures' paths: of the pairs in which a side fails, and of the first ones in which none does.
pub(super) async fn of_pairs(out: &Path, pairs: &[Pair]) -> BTreeMap<String, Thumbnail> {
    let fails =
        |pair: &&Pair| Side::BOTH.into_iter().filter_map(|s| pair.side(s)).any(|s| s.failure);
    let pictures = |pair: &Pair| Side::BOTH.map(|side| pair.side(side)?.image.clone());
    let (failing, passing): (Vec<_>, Vec<_>) = pairs.iter().partition(fails);
    let mut wanted: Vec<String> = failing.into_iter().flat_map(pictures).flatten().collect();
    wanted.extend(passing.into_iter().flat_map(pictures).flatten().take(MOST_PASSING));
    of(out, wanted).await
}

/// Thumbnails of pictures by their paths, the first ones where there are too many.
pub(super) async fn of(out: &Path, mut wanted: Vec<String>) -> BTreeMap<String, Thumbnail> {
    let mut seen = BTreeSet::new();
    wanted.retain(|path| seen.insert(path.clone()));
    wanted.truncate(MOST);
    let out = out.to_path_buf();
    let made = tokio::task::spawn_blocking(move || all(&out, &wanted));
    // Without thumbnails the report still links the pictures.
    made.await.unwrap_or_default()
}

/// Makes them, a few at once.
fn all(out: &Path, wanted: &[String]) -> BTreeMap<String, Thumbnail> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some(path) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let small = std::fs::read(out.join(path)).ok().and_then(|bytes| thumbnail(&bytes));
            made.extend(small.map(|small| (path.clone(), small)));
        }
        made
    };
    let cores = thread::available_parallelism().map_or(1, Into::into).min(AT_ONCE);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        // What one of them made is lost where it crashed; the report links the picture.
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

/// A small picture, upright, as a JPEG without metadata; nothing where the bytes are no whole picture.
fn thumbnail(bytes: &[u8]) -> Option<Thumbnail> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(512 << 20);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok();
    let mut small = DynamicImage::from_decoder(decoder).ok()?.thumbnail(SIZE, SIZE);
    if let Some(orientation) = orientation {
        small.apply_orientation(orientation);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_pixel(width, height, Rgb([200, 40, 40]));
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn each_whole_picture_has_one_small_one() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in
            [("a.png", png(900, 300)), ("b.png", png(20, 40)), ("c.png", b"no picture".to_vec())]
        {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let wanted = ["a.png", "b.png", "c.png", "gone.png"].map(str::to_owned);
        let made = all(folder.path(), &wanted);
        let sizes: Vec<_> = made.iter().map(|(path, small)| (path.as_str(), small.size)).collect();
        assert_eq!(sizes, [("a.png", (320, 107)), ("b.png", (160, 320))]);
    }
}
