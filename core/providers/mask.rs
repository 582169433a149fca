//! Masks, in the forms that vendors want. A case's mask is white where the picture may change.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Luma, Pixel as _, Rgba, RgbaImage};

/// The longest side of a mask, in pixels: that of the largest picture that any of the APIs draws.
const MAX_SIDE: u32 = 4096;

/// A PNG that is transparent where the picture may change. A mask that is transparent somewhere is taken to be of this
/// form already.
pub(super) fn transparent(mask: &Bytes) -> Result<Bytes, String> {
    let mut pixels = read(mask)?;
    if pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
        return Ok(mask.clone());
    }
    for pixel in pixels.pixels_mut() {
        let Luma([light]) = pixel.to_luma();
        *pixel = Rgba([0, 0, 0, u8::MAX - light]);
    }
    png(&pixels.into())
}

/// A PNG that is black where the picture may change, and white elsewhere.
pub(super) fn black(mask: &Bytes) -> Result<Bytes, String> {
    let mut pixels = image::DynamicImage::from(read(mask)?).into_luma8();
    for Luma([light]) in pixels.pixels_mut() {
        *light = if *light < 128 { u8::MAX } else { 0 };
    }
    png(&pixels.into())
}

fn read(mask: &Bytes) -> Result<RgbaImage, String> {
    let mut reader = ImageReader::new(Cursor::new(mask));
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    let reader = reader.with_guessed_format().map_err(|error| unread(&error.into()))?;
    Ok(reader.decode().map_err(|error| unread(&error))?.into_rgba8())
}

fn png(pixels: &image::DynamicImage) -> Result<Bytes, String> {
    let mut png = Cursor::new(Vec::new());
    pixels.write_to(&mut png, ImageFormat::Png).map_err(|error| unread(&error))?;
    Ok(png.into_inner().into())
}

fn unread(error: &image::ImageError) -> String {
    format!("the case's `mask` can't be read: {error}")
}

#[cfg(test)]
mod tests {
    use image::GrayImage;

    use super::*;

    fn white_left() -> Bytes {
        let mask = GrayImage::from_fn(2, 1, |x, _| Luma([if x == 0 { 250 } else { 3 }]));
        png(&mask.into()).unwrap()
    }

    #[test]
    fn a_mask_is_transparent_where_the_case_s_is_white() {
        let sent = transparent(&white_left()).unwrap();
        let sent = image::load_from_memory(&sent).unwrap().into_rgba8();
        assert_eq!(sent.pixels().map(|pixel| pixel.0[3]).collect::<Vec<_>>(), [5, 252]);
        let own = png(&RgbaImage::from_pixel(2, 1, Rgba([9, 9, 9, 0])).into()).unwrap();
        assert_eq!(transparent(&own).unwrap(), own, "it is of this form already");
    }

    #[test]
    fn a_mask_is_black_where_the_case_s_is_white() {
        let sent = black(&white_left()).unwrap();
        assert_eq!(image::load_from_memory(&sent).unwrap().into_luma8().into_raw(), [0, 255]);
    }

    #[test]
    fn what_is_no_mask_is_said() {
        let wide = png(&GrayImage::new(5000, 1).into()).unwrap();
        for bad in [Bytes::from_static(b"no picture"), wide] {
            for form in [transparent, black] {
                let error = form(&bad).unwrap_err();
                assert!(error.starts_with("the case's `mask` can't be read"), "{error}");
            }
        }
    }
}
