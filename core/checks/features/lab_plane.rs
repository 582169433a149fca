//! A very small copy in CIELAB, for where things are and what stands out.

use image::RgbImage;

use super::colour::linear;

/// The most pixels of the longer side.
const SIDE: u32 = 128;

/// Pixels in CIELAB, row by row.
#[derive(Debug)]
pub(in crate::checks) struct LabPlane {
    /// Pixels across.
    pub(in crate::checks) width: usize,
    /// Pixels down.
    pub(in crate::checks) height: usize,
    /// Lightness, green to red, blue to yellow.
    pub(in crate::checks) pixels: Vec<[f32; 3]>,
}

impl LabPlane {
    /// Of a small copy in sRGB: each two by two pixels are averaged where it is too large.
    pub(super) fn of(small: &RgbImage) -> Self {
        // As in [`super::colour::Lab`], with less digits: it is asked for thousands of pixels.
        let light: Vec<f32> =
            (0..=255_u8).map(|value| linear(f64::from(value) / 255.0) as f32).collect();
        let light = |value: u32| light.get(value.min(255) as usize).copied().unwrap_or(1.0);
        let side = small.width().max(small.height()).div_ceil(SIDE).max(1);
        let (width, height) = (small.width().div_ceil(side), small.height().div_ceil(side));
        let mut pixels = Vec::with_capacity((width * height) as usize);
        for y in 0..height {
            for x in 0..width {
                let (mut sums, mut count) = ([0_u32; 3], 0_u32);
                for dy in 0..side {
                    for dx in 0..side {
                        if let Some(pixel) = small.get_pixel_checked(x * side + dx, y * side + dy) {
                            count += 1;
                            sums.iter_mut().zip(pixel.0).for_each(|(sum, v)| *sum += u32::from(v));
                        }
                    }
                }
                let [r, g, b] = sums.map(|sum| light((sum + count / 2) / count.max(1)));
                let part = |value: f32| {
                    if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 }
                };
                let x = part((0.412_46 * r + 0.357_58 * g + 0.180_44 * b) / 0.950_47);
                let y = part(0.212_67 * r + 0.715_15 * g + 0.072_18 * b);
                let z = part((0.019_33 * r + 0.119_19 * g + 0.950_30 * b) / 1.088_83);
                pixels.push([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]);
            }
        }
        Self { width: width as usize, height: height as usize, pixels }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::checks::features::colour::Lab;

    #[test]
    fn it_agrees_with_the_exact_conversion() {
        for colour in [[0, 0, 0], [255, 255, 255], [10, 61, 145], [3, 200, 9]] {
            let plane = LabPlane::of(&RgbImage::from_pixel(200, 90, Rgb(colour)));
            assert_eq!((plane.width, plane.height, plane.pixels.len()), (100, 45, 4500));
            let exact = Lab::of(colour);
            let [l, a, b] = plane.pixels[4499].map(f64::from);
            assert!((exact.l - l).hypot(exact.a - a).hypot(exact.b - b) < 0.1, "{colour:?}");
        }
    }
}
