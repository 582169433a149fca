//! Two pictures on one grid: copies in CIELAB at a common size.

use super::{LabPlane, Span, spans};

impl LabPlane {
    /// The part of the plane that starts at a place and has a size, both in its own pixels, on a grid of
    /// `width` by `height`; each pixel is the mean of the area that it covers.
    pub(in crate::checks) fn resampled(
        &self,
        [left, top, across, down]: [f32; 4],
        width: usize,
        height: usize,
    ) -> Self {
        let columns = spans(left, across, width, self.width, 0.0);
        let rows = spans(top, down, height, self.height, 0.0);
        // First along the rows, then down the columns: the weights of an area are a product.
        let mut narrow = Vec::with_capacity(width * self.height);
        for row in self.pixels.chunks_exact(self.width.max(1)) {
            narrow.extend(columns.iter().map(|span| mean(span, row, 1, 0)));
        }
        let mut pixels = Vec::with_capacity(width * height);
        for span in &rows {
            pixels.extend((0..width).map(|x| mean(span, &narrow, width, x)));
        }
        Self { width, height, pixels }
    }

    /// The whole plane on another grid.
    pub(in crate::checks) fn on_grid(&self, width: usize, height: usize) -> Self {
        if (self.width, self.height) == (width, height) {
            return Self { width, height, pixels: self.pixels.clone() };
        }
        self.resampled([0.0, 0.0, self.width as f32, self.height as f32], width, height)
    }
}

/// The mean of values that stand `stride` apart, from `offset` on.
fn mean(span: &Span, values: &[[f32; 3]], stride: usize, offset: usize) -> [f32; 3] {
    let mut sum = [0.0; 3];
    for (at, weight) in span.weights.iter().enumerate() {
        if let Some(value) = values.get((span.first + at) * stride + offset) {
            sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += value * weight);
        }
    }
    sum
}

/// Two planes at the size that both can fill, over each other by scale alone; and where their shapes
/// differ, a second pair: the middle of each, cut to the shape that both have.
pub(in crate::checks) fn registered(one: &LabPlane, two: &LabPlane) -> Vec<(LabPlane, LabPlane)> {
    let mut size = (one.width.min(two.width), one.height.min(two.height));
    if (one.width, one.height) != (two.width, two.height) {
        // Fine textures come out differently on grids of different steps: they are averaged out.
        size = (coarser(size.0), coarser(size.1));
    }
    let mut pairs = vec![(one.on_grid(size.0, size.1), two.on_grid(size.0, size.1))];
    let shape = |plane: &LabPlane| plane.width as f32 / plane.height.max(1) as f32;
    let (first, second) = (shape(one), shape(two));
    if (first / second - 1.0).abs() > 0.03 {
        // The most of a plane that has this shape, from its middle.
        let cut = |plane: &LabPlane, shape: f32| {
            let (w, h) = (plane.width as f32, plane.height as f32);
            let (across, down) = (w.min(h * shape), h.min(w / shape));
            [(w - across) / 2.0, (h - down) / 2.0, across, down]
        };
        // One of the two is kept whole.
        let cuts = [(cut(one, second), cut(two, second)), (cut(one, first), cut(two, first))];
        for (of_one, of_two) in cuts {
            let across = coarser(of_one[2].min(of_two[2]) as usize);
            let down = coarser(of_one[3].min(of_two[3]) as usize);
            pairs.push((one.resampled(of_one, across, down), two.resampled(of_two, across, down)));
        }
    }
    pairs
}

fn coarser(edge: usize) -> usize {
    (edge * 2 / 3).max(1)
}

/// Which pixels of two planes of one size differ visibly: those whose colour lies outside of the range
/// that the other has within a pixel of there, by more than `tolerance` in CIELAB. So sharpening, another
/// encoder and a shift by less than a pixel are no difference.
pub(in crate::checks) fn changed(one: &LabPlane, two: &LabPlane, tolerance: f32) -> Vec<bool> {
    let (low_one, high_one) = ranges(one);
    let (low_two, high_two) = ranges(two);
    let outside = |value: &[f32; 3], low: &[f32; 3], high: &[f32; 3]| {
        let mut sum = 0.0;
        for ((value, low), high) in value.iter().zip(low).zip(high) {
            let off = (low - value).max(value - high).max(0.0);
            sum += off * off;
        }
        sum
    };
    let limit = tolerance * tolerance;
    let there = one.pixels.iter().zip(low_two.iter().zip(&high_two));
    let back = two.pixels.iter().zip(low_one.iter().zip(&high_one));
    there
        .zip(back)
        .map(|((a, (low_b, high_b)), (b, (low_a, high_a)))| {
            outside(a, low_b, high_b) > limit || outside(b, low_a, high_a) > limit
        })
        .collect()
}

/// The lowest and the highest value of each channel within a pixel of each place.
fn ranges(plane: &LabPlane) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let over = |pick: fn(f32, f32) -> f32| {
        let mix = |a: &[f32; 3], b: &[f32; 3]| {
            let mut out = *a;
            out.iter_mut().zip(b).for_each(|(out, b)| *out = pick(*out, *b));
            out
        };
        let mut flat = Vec::with_capacity(plane.pixels.len());
        for row in plane.pixels.chunks_exact(plane.width.max(1)) {
            for (x, pixel) in row.iter().enumerate() {
                let left = row.get(x.wrapping_sub(1)).unwrap_or(pixel);
                let right = row.get(x + 1).unwrap_or(pixel);
                flat.push(mix(&mix(pixel, left), right));
            }
        }
        let mut all = Vec::with_capacity(flat.len());
        for (at, pixel) in flat.iter().enumerate() {
            let above = flat.get(at.wrapping_sub(plane.width)).unwrap_or(pixel);
            let below = flat.get(at + plane.width).unwrap_or(pixel);
            all.push(mix(&mix(pixel, above), below));
        }
        all
    };
    (over(f32::min), over(f32::max))
}
