//! A reference mark: trimmed to what is visible of it, and drawn on any grid.

use image::RgbaImage;

use super::view::Layer;

/// The most pixels of the longer side that are kept of a mark.
const SIDE: f32 = 256.0;

/// The longest side that is averaged by fractions of pixels; a larger mark by whole ones before.
const LONGEST: u32 = 1024;

/// The least side of a mark, in its file's pixels.
const LEAST: u32 = 16;

/// How many times longer than high a mark may be, or the other way round.
const SLENDER: f32 = 12.0;

/// A mark to look for.
#[derive(Debug)]
pub(super) struct Mark {
    /// Red, green and blue from 0 to 255 times the cover, and the cover from 0 to 1.
    layer: Layer<4>,
    /// The same in a fourth of the pixels each way, for small drawings.
    coarse: Layer<4>,
    /// Width over height.
    pub(super) shape: f32,
}

impl Mark {
    /// A mark of these pixels in sRGB, without the transparent border; or what keeps it from being looked for.
    pub(super) fn new(pixels: &RgbaImage) -> Result<Self, String> {
        let visible = |alpha: u8| alpha > 8;
        let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
        for (x, y, pixel) in pixels.enumerate_pixels() {
            if visible(pixel.0[3]) {
                (left, top) = (left.min(x), top.min(y));
                (right, bottom) = (right.max(x + 1), bottom.max(y + 1));
            }
        }
        if left >= right || top >= bottom {
            return Err("it is transparent all over".to_owned());
        }
        let (width, height) = (right - left, bottom - top);
        if width.min(height) < LEAST {
            return Err(format!(
                "it is only {width}×{height} pixels large; {LEAST} each way is the least"
            ));
        }
        let shape = width as f32 / height as f32;
        if !(1.0 / SLENDER..=SLENDER).contains(&shape) {
            return Err(format!(
                "at {width}×{height} pixels it is too slender to be found; {SLENDER} to 1 is the most"
            ));
        }
        let layer = averaged(pixels, [left, top, width, height]);
        let shrunk = (SIDE / width.max(height) as f32).min(1.0);
        let side = |edge: u32| ((edge as f32 * shrunk).round() as usize).max(1);
        let (across, down) = (side(width), side(height));
        let small = layer.on_grid(layer.area(), across, down);
        let layer = Layer::whole(across, down, small);
        let mark = Self { coarse: layer.halved().halved(), layer, shape };
        if mark.is_plain() {
            return Err("it is one plain rectangle, with nothing to find it by".to_owned());
        }
        Ok(mark)
    }

    /// Whether it is opaque and of one colour.
    fn is_plain(&self) -> bool {
        let spread = |at: usize| {
            let values = || self.layer.pixels.iter().filter_map(|pixel| pixel.get(at).copied());
            let count = self.layer.pixels.len().max(1) as f32;
            let mean = values().sum::<f32>() / count;
            (values().map(|value| (value - mean) * (value - mean)).sum::<f32>() / count).sqrt()
        };
        spread(3) < 0.03 && (0..3).all(|channel| spread(channel) < 4.0)
    }

    /// The mark over `width` by `height` pixels in the middle of a grid that is `margin` larger on each side.
    pub(super) fn drawn(&self, width: usize, height: usize, margin: usize) -> Vec<[f32; 4]> {
        let fits = |layer: &Layer<4>| layer.width >= 2 * width && layer.height >= 2 * height;
        let layer = if fits(&self.coarse) { &self.coarse } else { &self.layer };
        let inner = layer.on_grid(layer.area(), width, height);
        let across = width + 2 * margin;
        let mut all = vec![[0.0; 4]; across * (height + 2 * margin)];
        for (to, from) in
            all.chunks_exact_mut(across.max(1)).skip(margin).zip(inner.chunks_exact(width.max(1)))
        {
            for (to, from) in to.iter_mut().skip(margin).zip(from) {
                *to = *from;
            }
        }
        all
    }

    /// Its width and height where it covers about a square of `side`, none under `least`.
    pub(super) fn size(&self, side: f32, least: usize) -> (usize, usize) {
        let root = self.shape.sqrt();
        let whole = |edge: f32| (edge.round() as usize).max(least);
        (whole(side * root), whole(side / root))
    }
}

/// A part of some pixels, colours times cover; squares of pixels averaged where it is large.
fn averaged(pixels: &RgbaImage, [left, top, width, height]: [u32; 4]) -> Layer<4> {
    let block = width.max(height).div_ceil(LONGEST).max(1);
    let (across, down) = (width.div_ceil(block), height.div_ceil(block));
    let mut list = Vec::with_capacity((across * down) as usize);
    for y in 0..down {
        for x in 0..across {
            let (mut sum, mut count) = ([0.0_f32; 4], 0.0_f32);
            for v in y * block..((y + 1) * block).min(height) {
                for u in x * block..((x + 1) * block).min(width) {
                    let Some(pixel) = pixels.get_pixel_checked(left + u, top + v) else { continue };
                    let [red, green, blue, alpha] = pixel.0.map(f32::from);
                    let cover = alpha / 255.0;
                    let here = [red * cover, green * cover, blue * cover, cover];
                    sum.iter_mut().zip(here).for_each(|(sum, value)| *sum += value);
                    count += 1.0;
                }
            }
            list.push(sum.map(|value| value / count.max(1.0)));
        }
    }
    Layer::whole(across as usize, down as usize, list)
}
