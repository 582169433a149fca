//! A pair side by side in one small picture, for a place that shows one at a time.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage, imageops};
use presscheck_core::report::{Run, ShownPair, shown_pairs};

/// The most pairs of one comment.
const MOST: usize = 6;
/// Between the two, in pixels.
const GAP: u32 = 8;
/// Around pictures of different heights: neutral, as a designer looks at colours.
const GREY: Rgb<u8> = Rgb([128; 3]);

/// The worst pairs whose pictures may be shown, each as a JPEG without metadata.
#[must_use]
pub fn sheets(run: &Run) -> Vec<(ShownPair, Vec<u8>)> {
    let shown = shown_pairs(run, MOST);
    shown.into_iter().filter_map(|pair| sheet(run, &pair).map(|jpeg| (pair, jpeg))).collect()
}

fn sheet(run: &Run, pair: &ShownPair) -> Option<Vec<u8>> {
    let thumbnails = &run.subjects.get(pair.subject)?.thumbnails;
    let small = |path: &String| {
        let picture = image::load_from_memory(&thumbnails.get(path)?.bytes).ok()?;
        Some(picture.to_rgb8())
    };
    let after = small(&pair.candidate)?;
    let joined = match pair.baseline.as_ref().and_then(small) {
        Some(before) => side_by_side(&before, &after),
        None => after,
    };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 85).encode_image(&joined).ok()?;
    Some(jpeg)
}

fn side_by_side(before: &RgbImage, after: &RgbImage) -> RgbImage {
    let height = before.height().max(after.height());
    let mut sheet = RgbImage::from_pixel(before.width() + GAP + after.width(), height, GREY);
    let mut put = |picture: &RgbImage, x: u32| {
        let y = (height - picture.height()) / 2;
        imageops::replace(&mut sheet, picture, i64::from(x), i64::from(y));
    };
    put(before, 0);
    put(after, before.width() + GAP);
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pictures_stand_side_by_side_in_the_middle() {
        let red = RgbImage::from_pixel(10, 20, Rgb([255, 0, 0]));
        let blue = RgbImage::from_pixel(30, 10, Rgb([0, 0, 255]));
        let sheet = side_by_side(&red, &blue);
        assert_eq!(sheet.dimensions(), (48, 20));
        assert_eq!(sheet.get_pixel(9, 19), &Rgb([255, 0, 0]));
        assert_eq!(sheet.get_pixel(12, 10), &GREY);
        assert_eq!((sheet.get_pixel(18, 5), sheet.get_pixel(18, 4)), (&Rgb([0, 0, 255]), &GREY));
        assert_eq!((sheet.get_pixel(47, 14), sheet.get_pixel(47, 15)), (&Rgb([0, 0, 255]), &GREY));
    }
}
