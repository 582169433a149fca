//! The picture as it is shown to others: the decoded pixels and nothing else of the file.

use bytes::Bytes;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

use crate::checks::Picture;
use crate::providers::Shown;

/// A picture as a PNG whose longer side has at most so many pixels, in sRGB, over white where it is transparent.
///
/// It is drawn anew from the decoded pixels: what a file carries besides (remarks, a second file behind the first)
/// reaches nobody, and each vendor takes the format.
///
/// # Errors
/// A sentence, where it can't be written.
pub fn shown(picture: &Picture, max_side: u32) -> Result<Shown, String> {
    let mut small = picture.thumbnail(max_side).into_owned();
    picture.profile().convert(&mut small);
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(small.as_raw(), small.width(), small.height(), ExtendedColorType::Rgb8)
        .map_err(|error| format!("the picture can't be written as a PNG: {error}"))?;
    Ok(Shown { bytes: Bytes::from(file), media_type: "image/png" })
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};
    use moxcms::ColorProfile;

    use super::*;
    use crate::checks::testing;

    fn seen(picture: &Picture, max_side: u32) -> RgbImage {
        let shown = shown(picture, max_side).unwrap();
        assert_eq!(shown.media_type, "image/png");
        image::load_from_memory(&shown.bytes).unwrap().into_rgb8()
    }

    #[test]
    fn it_is_small_enough_and_in_the_colours_that_screens_show() {
        let wide = testing::picture(RgbImage::from_pixel(400, 100, Rgb([10, 200, 30])));
        assert_eq!(seen(&wide, 64).dimensions(), (64, 16));
        assert_eq!(seen(&wide, 4096).get_pixel(399, 99).0, [10, 200, 30]);
        let clear = testing::picture(RgbaImage::from_pixel(4, 4, Rgba([9, 9, 9, 0])));
        assert_eq!(seen(&clear, 64).get_pixel(0, 0).0, [255; 3]);
        let pixels = RgbImage::from_pixel(4, 4, Rgb([200, 40, 40]));
        let p3 = testing::with_profile(&pixels, &ColorProfile::new_display_p3());
        let [red, green, _] = seen(&p3, 64).get_pixel(0, 0).0;
        assert!(red > 205 && green < 30, "{red} {green}");
    }

    #[test]
    fn nothing_but_the_pixels_is_shown() {
        let pixels = RgbImage::from_pixel(4, 4, Rgb([200, 40, 40]));
        let p3 = testing::with_profile(&pixels, &ColorProfile::new_display_p3());
        let shown = shown(&p3, 64).unwrap();
        for chunk in ["iCCP", "tEXt", "iTXt", "eXIf"] {
            assert!(!shown.bytes.windows(4).any(|window| window == chunk.as_bytes()), "{chunk}");
        }
    }
}
