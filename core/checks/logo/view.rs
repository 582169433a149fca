//! Pixels as numbers, and any part of them on any grid.

use image::RgbImage;

use crate::checks::features::spans;

/// Pixels of `N` numbers that cover a part of a picture.
#[derive(Clone, Debug)]
pub(super) struct Layer<const N: usize> {
    /// Pixels across.
    pub(super) width: usize,
    /// Pixels down.
    pub(super) height: usize,
    /// Row by row.
    pub(super) pixels: Vec<[f32; N]>,
    /// Where its corner lies on the picture, in the picture's pixels.
    corner: [f32; 2],
    /// How many of the picture's pixels, each way, are one of these.
    step: [f32; 2],
}

/// A box on a picture, in its pixels: left, top, width, height.
pub(super) type Area = [f32; 4];

impl<const N: usize> Layer<N> {
    /// Pixels that are a picture of their own.
    pub(super) fn whole(width: usize, height: usize, pixels: Vec<[f32; N]>) -> Self {
        Self { width, height, pixels, corner: [0.0; 2], step: [1.0; 2] }
    }

    /// The same pixels, each of which stands for `step` pixels of another picture each way, from a corner on.
    pub(super) fn standing_for(self, corner: [f32; 2], step: [f32; 2]) -> Self {
        Self { corner, step, ..self }
    }

    /// The picture's pixels that it covers.
    pub(super) fn area(&self) -> Area {
        let [step_x, step_y] = self.step;
        let [left, top] = self.corner;
        [left, top, self.width as f32 * step_x, self.height as f32 * step_y]
    }

    /// How many of its pixels lie along a length of the picture.
    pub(super) fn detail(&self, length: f32) -> f32 {
        length / self.step[0].max(self.step[1])
    }

    /// A part of the picture on a grid of `width` by `height`: each pixel is the mean of the area that it covers, and
    /// never of less than one pixel, which is interpolation. Beyond the border it goes on as it ends.
    pub(super) fn on_grid(
        &self,
        [left, top, across, down]: Area,
        width: usize,
        height: usize,
    ) -> Vec<[f32; N]> {
        let [step_x, step_y] = self.step;
        let (left, top) = (left - self.corner[0], top - self.corner[1]);
        let columns = spans(left / step_x, across / step_x, width, self.width, 1.0);
        let rows = spans(top / step_y, down / step_y, height, self.height, 1.0);
        let first = rows.iter().map(|span| span.first).min().unwrap_or(0);
        let end = rows.iter().map(|span| span.first + span.weights.len()).max().unwrap_or(0);
        // First along the rows, then down the columns: the weights of an area are a product.
        let mut narrow: Vec<[f32; N]> = Vec::with_capacity(width * (end - first));
        for row in self.pixels.chunks_exact(self.width.max(1)).skip(first).take(end - first) {
            narrow.extend(columns.iter().map(|span| {
                let mut sum = [0.0; N];
                for (pixel, weight) in row.iter().skip(span.first).zip(&span.weights) {
                    add(&mut sum, pixel, *weight);
                }
                sum
            }));
        }
        let mut pixels = vec![[0.0; N]; width * height];
        for (out, span) in pixels.chunks_exact_mut(width.max(1)).zip(&rows) {
            let rows = narrow.chunks_exact(width.max(1)).skip(span.first - first);
            for (row, weight) in rows.zip(&span.weights) {
                for (sum, pixel) in out.iter_mut().zip(row) {
                    add(sum, pixel, *weight);
                }
            }
        }
        pixels
    }

    /// The same part of the picture in half as many pixels each way.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let area @ [left, top, across, down] = self.area();
        let pixels = self.on_grid(area, width, height);
        Self {
            width,
            height,
            pixels,
            corner: [left, top],
            step: [across / width as f32, down / height as f32],
        }
    }
}

fn add<const N: usize>(sum: &mut [f32; N], pixel: &[f32; N], weight: f32) {
    for (sum, value) in sum.iter_mut().zip(pixel) {
        *sum += value * weight;
    }
}

/// A picture's pixels as numbers.
pub(super) fn numbers(pixels: &RgbImage) -> Layer<3> {
    let list = pixels.as_raw().as_chunks::<3>().0.iter().map(|pixel| pixel.map(f32::from));
    Layer::whole(pixels.width() as usize, pixels.height() as usize, list.collect())
}
