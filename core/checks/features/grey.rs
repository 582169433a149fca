//! Brightness, pixel by pixel.

use image::{GrayImage, RgbImage};

/// The brightness of each pixel, weighted as by `image::imageops::grayscale` and several times as fast: its loop asks each pixel
/// for its type.
pub(in crate::checks) fn of(rgb: &RgbImage) -> GrayImage {
    let bright = |[red, green, blue]: &[u8; 3]| -> u8 {
        let [red, green, blue] = [red, green, blue].map(|value| u32::from(*value));
        // BT.709, in ten thousandths: at most 255.
        ((2126 * red + 7152 * green + 722 * blue) / 10_000) as u8
    };
    let pixels = rgb.as_raw().as_chunks::<3>().0.iter().map(bright).collect();
    GrayImage::from_raw(rgb.width(), rgb.height(), pixels).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_library_s_brightness(width in 0_u32..40, bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            let height = bytes.len() as u32 / (3 * width).max(1) * u32::from(width > 0);
            let used = (3 * width * height) as usize;
            let picture = RgbImage::from_raw(width, height, bytes[..used].to_vec()).unwrap();
            prop_assert_eq!(of(&picture), image::imageops::grayscale(&picture));
        }
    }
}
