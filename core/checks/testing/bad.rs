//! What is done to a good picture to make it bad, in graded strength.

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::canvas::{Canvas, Dice};

/// Each value moved towards a plain colour: 1 leaves nothing of the picture.
pub(in crate::checks) fn faded(picture: &RgbImage, share: f32, plain: [f32; 3]) -> RgbImage {
    let mut canvas = Canvas::from_image(picture);
    for pixel in &mut canvas.pixels {
        for (value, plain) in pixel.iter_mut().zip(plain) {
            *value += (plain - *value) * share;
        }
    }
    canvas.finish()
}

/// Out of focus.
pub(in crate::checks) fn blurred(picture: &RgbImage, sigma: f32) -> RgbImage {
    imageops::fast_blur(picture, sigma)
}

/// Noise in the place of the picture.
pub(in crate::checks) fn noisy(picture: &RgbImage, share: f32, seed: u64) -> RgbImage {
    let mut dice = Dice::new(seed);
    let mut canvas = Canvas::from_image(picture);
    for value in canvas.pixels.iter_mut().flatten() {
        *value += (dice.between(0.0, 255.0) - *value) * share;
    }
    canvas.finish()
}

/// Fewer levels a channel: each `step` wide.
pub(in crate::checks) fn banded(picture: &RgbImage, step: u8) -> RgbImage {
    let mut picture = picture.clone();
    for value in picture.iter_mut() {
        *value = (*value / step).saturating_mul(step).saturating_add(step / 2);
    }
    picture
}

/// Drawn `factor` times too small, and stretched.
pub(in crate::checks) fn upscaled(picture: &RgbImage, factor: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let small = |edge: u32| (edge as f32 / factor) as u32;
    let small = imageops::resize(picture, small(width), small(height), FilterType::CatmullRom);
    imageops::resize(&small, width, height, FilterType::CatmullRom)
}

/// Bars above and below (or at the sides), each this share of the picture.
pub(in crate::checks) fn barred(picture: &RgbImage, share: f32, sides: bool, grey: u8) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (bar_x, bar_y) = if sides {
        ((width as f32 * share) as u32, 0)
    } else {
        (0, (height as f32 * share) as u32)
    };
    let inner =
        imageops::resize(picture, width - 2 * bar_x, height - 2 * bar_y, FilterType::Triangle);
    let mut whole = RgbImage::from_pixel(width, height, image::Rgb([grey; 3]));
    imageops::replace(&mut whole, &inner, i64::from(bar_x), i64::from(bar_y));
    whole
}

/// The picture over a checkerboard, as fake transparency: of the squares' side, over this share.
pub(in crate::checks) fn checkered(picture: &RgbImage, side: u32, share: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        if (x as f32) < width as f32 * share {
            image::Rgb([if (x / side + y / side).is_multiple_of(2) { 255 } else { 204 }; 3])
        } else {
            *picture.get_pixel(x, y)
        }
    })
}

/// Each channel's light more or less by a share: red up and blue down for a warm cast.
pub(in crate::checks) fn warmed(picture: &RgbImage, share: f32) -> RgbImage {
    changed(picture, |[red, green, blue]| [red * (1.0 + share), green, blue * (1.0 - share)])
}

/// Each pixel nearer to its own grey by a share.
pub(in crate::checks) fn desaturated(picture: &RgbImage, share: f32) -> RgbImage {
    changed(picture, |pixel| {
        let grey = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
        pixel.map(|value| value + (grey - value) * share)
    })
}

/// Each value nearer to the middle by a share.
pub(in crate::checks) fn flattened(picture: &RgbImage, share: f32) -> RgbImage {
    changed(picture, |pixel| pixel.map(|value| value + (128.0 - value) * share))
}

/// Less light, by a share.
pub(in crate::checks) fn darkened(picture: &RgbImage, share: f32) -> RgbImage {
    changed(picture, |pixel| pixel.map(|value| value * (1.0 - share)))
}

fn changed(picture: &RgbImage, change: impl Fn([f32; 3]) -> [f32; 3]) -> RgbImage {
    let mut canvas = Canvas::from_image(picture);
    canvas.pixels.iter_mut().for_each(|pixel| *pixel = change(*pixel));
    canvas.finish()
}

/// Moved to the right by a share of the width; what comes in at the left goes on as the edge was.
pub(in crate::checks) fn moved(picture: &RgbImage, share: f32) -> RgbImage {
    let by = (picture.width() as f32 * share) as u32;
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        *picture.get_pixel(x.saturating_sub(by), y)
    })
}
