//! A surface of pixels, and smooth-edged shapes on it.

use super::palette::{Ink, mix};
use super::size::Size;

/// A rectangle in pixels: left, top, right, bottom.
pub(crate) type Bounds = [f32; 4];

/// Pixels, three bytes each, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    size: Size,
    pixels: Vec<u8>,
}

impl Canvas {
    /// A surface in one colour.
    pub(crate) fn plain(size: Size, ink: Ink) -> Self {
        let count = size.width() as usize * size.height() as usize;
        Self { size, pixels: ink.repeat(count) }
    }

    /// The width in pixels.
    #[expect(clippy::cast_precision_loss, reason = "a side has at most 4,096 pixels")]
    pub(crate) const fn width(&self) -> f32 {
        self.size.width() as f32
    }

    /// The height in pixels.
    #[expect(clippy::cast_precision_loss, reason = "a side has at most 4,096 pixels")]
    pub(crate) const fn height(&self) -> f32 {
        self.size.height() as f32
    }

    /// The shorter side, in pixels.
    pub(crate) const fn short(&self) -> f32 {
        self.width().min(self.height())
    }

    /// The pixels, row by row.
    pub(crate) fn into_pixels(self) -> (Size, Vec<u8>) {
        (self.size, self.pixels)
    }

    /// Sets every pixel; the function is told where it is, in pixels.
    pub(crate) fn shade(&mut self, ink: impl Fn(f32, f32) -> Ink) {
        let row = self.size.width() as usize * 3;
        let mut y = 0.5;
        for line in self.pixels.chunks_exact_mut(row) {
            let mut x = 0.5;
            for pixel in line.chunks_exact_mut(3) {
                pixel.copy_from_slice(&ink(x, y));
                x += 1.0;
            }
            y += 1.0;
        }
    }

    /// Paints where a function says so: it is told the place in pixels and gives the colour and how much of
    /// it, from 0 to 1. Only pixels inside the bounds are asked.
    pub(crate) fn paint(&mut self, bounds: Bounds, ink: impl Fn(f32, f32) -> (Ink, f32)) {
        let row = self.size.width() as usize * 3;
        let [left, top, right, bottom] = bounds;
        let (x0, x1) = (clip(left, self.size.width()), clip(right + 1.0, self.size.width()));
        let (y0, y1) = (clip(top, self.size.height()), clip(bottom + 1.0, self.size.height()));
        let lines = self.pixels.chunks_exact_mut(row).enumerate();
        for (y, line) in lines.skip(y0).take(y1.saturating_sub(y0)) {
            let pixels = line.chunks_exact_mut(3).enumerate();
            for (x, pixel) in pixels.skip(x0).take(x1.saturating_sub(x0)) {
                #[expect(clippy::cast_precision_loss, reason = "a side has at most 4,096 pixels")]
                let (ink, share) = ink(x as f32 + 0.5, y as f32 + 0.5);
                if share > 0.0
                    && let &mut [r, g, b] = pixel
                {
                    pixel.copy_from_slice(&mix([r, g, b], ink, share));
                }
            }
        }
    }

    /// Fills a shape that is given by its signed distance in pixels (negative inside).
    pub(super) fn fill(
        &mut self,
        bounds: Bounds,
        ink: Ink,
        share: f32,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        self.paint(bounds, |x, y| (ink, share * (0.5 - distance(x, y)).clamp(0.0, 1.0)));
    }

    /// Fills a disc.
    pub(super) fn disc(&mut self, x: f32, y: f32, radius: f32, ink: Ink, share: f32) {
        self.fill(around(x, y, radius + 1.0), ink, share, |px, py| (px - x).hypot(py - y) - radius);
    }

    /// Fills a rectangle with round corners.
    pub(crate) fn rectangle(&mut self, bounds: Bounds, corner: f32, ink: Ink, share: f32) {
        let [left, top, right, bottom] = bounds;
        let (cx, cy) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        let (hx, hy) = ((right - left) / 2.0 - corner, (bottom - top) / 2.0 - corner);
        self.fill([left - 1.0, top - 1.0, right + 1.0, bottom + 1.0], ink, share, |x, y| {
            let (dx, dy) = ((x - cx).abs() - hx, (y - cy).abs() - hy);
            dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - corner
        });
    }

    /// Lays a mask of coverages (0 to 255, row by row, `width` wide) on the surface in one colour.
    pub(super) fn stamp(&mut self, left: i32, top: i32, width: usize, mask: &[u8], ink: Ink) {
        let row = self.size.width() as usize;
        for (offset, line) in (0_i32..).zip(mask.chunks_exact(width.max(1))) {
            let Ok(y) = usize::try_from(top.saturating_add(offset)) else { continue };
            let Some(target) = self.pixels.get_mut(y * row * 3..(y + 1) * row * 3) else { break };
            for (offset, coverage) in (0_i32..).zip(line).filter(|(_, coverage)| **coverage > 0) {
                let Ok(x) = usize::try_from(left.saturating_add(offset)) else { continue };
                let Some([r, g, b]) = target.get_mut(x * 3..x * 3 + 3) else { break };
                let mixed = mix([*r, *g, *b], ink, f32::from(*coverage) / 255.0);
                [*r, *g, *b] = mixed;
            }
        }
    }

    /// A grid of colours inside the bounds: enough to judge what lies under a text.
    pub(crate) fn samples(&self, [left, top, right, bottom]: Bounds) -> Vec<Ink> {
        const ACROSS: u8 = 40;
        const DOWN: u8 = 24;
        let row = self.size.width() as usize;
        let mut samples = Vec::new();
        for j in 0..DOWN {
            let y = clip(
                top + (bottom - top) * (f32::from(j) + 0.5) / f32::from(DOWN),
                self.size.height(),
            );
            for i in 0..ACROSS {
                let across = (f32::from(i) + 0.5) / f32::from(ACROSS);
                let x = clip(left + (right - left) * across, self.size.width());
                let place = (y * row + x) * 3;
                if let Some(&[r, g, b]) = self.pixels.get(place..place + 3) {
                    samples.push([r, g, b]);
                }
            }
        }
        samples
    }
}

/// The square around a place.
pub(super) fn around(x: f32, y: f32, reach: f32) -> Bounds {
    [x - reach, y - reach, x + reach, y + reach]
}

/// A place as an index from 0 to the side.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the side, which has at most 4,096 pixels"
)]
fn clip(place: f32, side: u32) -> usize {
    place.floor().clamp(0.0, side as f32) as usize
}
