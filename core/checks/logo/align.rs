//! A place made exact: least squares over place, width and height, and the mark's and the ground's colours.

use super::mark::Mark;
use super::search::Place;
use super::view::{Area, Layer};

/// What may change when a mark is aligned, besides where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freedom {
    /// Its size: what is not distorted is found the more surely.
    Size,
    /// Width and height.
    Shape,
}

/// A mark on a grid, with what does not change from place to place.
pub(super) struct Template {
    /// The mark's own size on the grid, without the margin.
    width: usize,
    height: usize,
    margin: usize,
    /// For each pixel: the root of its weight; 0 where the ground is nobody's business.
    weights: Vec<f32>,
    channels: Vec<Channel>,
    /// The mark's pixels, as it is drawn.
    pub(super) pixels: Vec<[f32; 4]>,
}

/// What a channel of the picture is explained by: a ground, the cover, the mark's colour, made orthonormal.
struct Channel {
    parts: Vec<Part>,
    /// The root of the weight times the colour times cover, and the ground's part that shows, normalised.
    colour: Vec<f32>,
    ground: Vec<f32>,
}

struct Part {
    /// Times the root of the weight.
    values: Vec<f32>,
    /// How fast it rises to the right and downwards, times the root of the weight.
    slope: Vec<[f32; 2]>,
}

/// How well a mark fits at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// The mark's box, in the picture's pixels.
    pub(super) area: Area,
    /// Of what varies there, the share that the mark explains in any colours.
    pub(super) free: f32,
    /// The same in its own colours.
    pub(super) own: f32,
}

impl Fit {
    /// The place, with what places are compared by.
    pub(super) fn place(&self) -> Place {
        Place { area: self.area, score: self.own.max(0.8 * self.free - 0.1) }
    }
}

impl Template {
    /// The mark over about a square of `side` pixels.
    pub(super) fn new(mark: &Mark, side: f32) -> Self {
        let (width, height) = mark.size(side, 4);
        let margin = ((side * 0.08).round() as usize).max(1);
        let pixels = mark.drawn(width, height, margin);
        let across = width + 2 * margin;
        let weights = weights(&pixels, across, margin);
        let cover: Vec<f32> = pixels.iter().map(|pixel| pixel[3]).collect();
        let channel = |at: usize| {
            let colour: Vec<f32> = pixels
                .iter()
                .map(|pixel| pixel.get(at).copied().unwrap_or(0.0) - 128.0 * pixel[3])
                .collect();
            let ground = vec![1.0; cover.len()];
            let parts = orthonormal(&[&ground, &cover, &colour], &weights, across);
            let mut shows: Vec<f32> =
                cover.iter().zip(&weights).map(|(cover, w)| (1.0 - cover) * w).collect();
            normalise(&mut shows);
            let colour = colour.iter().zip(&weights).map(|(value, w)| value * w).collect();
            Channel { parts, colour, ground: shows }
        };
        Self { width, height, margin, channels: (0..3).map(channel).collect(), weights, pixels }
    }

    /// Pixels across and down, with the margin.
    pub(super) const fn grid(&self) -> (usize, usize) {
        (self.width + 2 * self.margin, self.height + 2 * self.margin)
    }

    /// The picture on the template's grid, where the mark lies in `area`.
    pub(super) fn view(&self, layer: &Layer<3>, [x, y, w, h]: Area) -> Vec<[f32; 3]> {
        let (across, down) = self.grid();
        let (step_x, step_y) = (w / self.width as f32, h / self.height as f32);
        let margin = self.margin as f32;
        let area = [
            x - margin * step_x,
            y - margin * step_y,
            across as f32 * step_x,
            down as f32 * step_y,
        ];
        layer.on_grid(area, across, down)
    }

    /// Moves and stretches a place until the mark fits best: at most so many rounds.
    pub(super) fn align(
        &self,
        layer: &Layer<3>,
        start: Area,
        freedom: Freedom,
        rounds: usize,
    ) -> Fit {
        let (mut best, mut step) = self.measure(layer, start, freedom);
        let mut reach = 1.0;
        for _ in 0..rounds {
            let Some(moves) = step else { break };
            let area = self.moved(best.area, moves.map(|by| by * reach));
            let (fit, next) = self.measure(layer, area, freedom);
            if fit.free < best.free {
                // Too far: half of the way.
                reach *= 0.4;
                continue;
            }
            let settled = fit.free - best.free < 2e-4;
            (best, step, reach) = (fit, next, 1.0);
            if settled {
                break;
            }
        }
        best
    }

    /// A box moved and stretched, no further than the template can see.
    fn moved(&self, [x, y, w, h]: Area, [dx, dy, wider, higher]: [f32; 4]) -> Area {
        let (across, down) = (w / self.width as f32, h / self.height as f32);
        let (w_new, h_new) = (w * wider.clamp(-0.2, 0.2).exp(), h * higher.clamp(-0.2, 0.2).exp());
        let middle =
            (x + w / 2.0 + dx.clamp(-2.0, 2.0) * across, y + h / 2.0 + dy.clamp(-2.0, 2.0) * down);
        [middle.0 - w_new / 2.0, middle.1 - h_new / 2.0, w_new, h_new]
    }

    /// How well the mark fits, and by how much to move: in the grid's pixels to the right and downwards, and the
    /// logarithms of how much wider and higher.
    fn measure(&self, layer: &Layer<3>, area: Area, freedom: Freedom) -> (Fit, Option<[f32; 4]>) {
        let seen = self.view(layer, area);
        let (across, _) = self.grid();
        let total: f32 = self.weights.iter().map(|w| w * w).sum();
        let noise = 3.0 * NOISE * total;
        let (mut own, mut free, mut all) = (noise, noise, noise);
        let (mut products, mut rises) = ([[0.0_f32; 4]; 4], [0.0_f32; 4]);
        let half = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        for (at, channel) in self.channels.iter().enumerate() {
            let values: Vec<f32> = seen
                .iter()
                .zip(&self.weights)
                .map(|(pixel, w)| (pixel.get(at).copied().unwrap_or(0.0) - 128.0) * w)
                .collect();
            // In its own colours, over a ground of one.
            let rest: Vec<f32> =
                values.iter().zip(&channel.colour).map(|(value, mark)| value - mark).collect();
            let shows = dot(&rest, &channel.ground);
            own += (dot(&rest, &rest) - shows * shows).max(0.0);
            // In any colours.
            let shares: Vec<f32> =
                channel.parts.iter().map(|part| dot(&values, &part.values)).collect();
            let mut left = values.clone();
            for (part, share) in channel.parts.iter().zip(&shares) {
                left.iter_mut().zip(&part.values).for_each(|(value, part)| *value -= part * share);
            }
            let squares = dot(&values, &values);
            let ground = shares.first().copied().unwrap_or(0.0);
            free += dot(&left, &left);
            all += squares - ground * ground;
            // How the model changes with the place; what colours alone can do is taken out of it.
            let mut ways = [const { Vec::new() }; 4];
            for (index, _) in left.iter().enumerate() {
                let mut slope = [0.0_f32; 2];
                for (part, share) in channel.parts.iter().zip(&shares) {
                    if let Some([x, y]) = part.slope.get(index) {
                        slope = [slope[0] + x * share, slope[1] + y * share];
                    }
                }
                let (x, y) = ((index % across) as f32, (index / across) as f32);
                let (u, v) =
                    (x + 0.5 - self.margin as f32 - half.0, y + 0.5 - self.margin as f32 - half.1);
                let of = [-slope[0], -slope[1], -slope[0] * u, -slope[1] * v];
                ways.iter_mut().zip(of).for_each(|(way, value)| way.push(value));
            }
            for way in &mut ways {
                for part in &channel.parts {
                    let share = dot(way, &part.values);
                    way.iter_mut()
                        .zip(&part.values)
                        .for_each(|(value, part)| *value -= part * share);
                }
            }
            for ((way, row), rise) in ways.iter().zip(&mut products).zip(&mut rises) {
                *rise += dot(way, &left);
                row.iter_mut().zip(&ways).for_each(|(sum, other)| *sum += dot(way, other));
            }
        }
        let fit = Fit { area, free: 1.0 - free / all, own: 1.0 - own / all };
        let moves = match freedom {
            Freedom::Shape => solve(products, rises),
            Freedom::Size => together(products, rises),
        };
        (fit, moves)
    }
}

/// Variance of a value that is noise.
const NOISE: f32 = 9.0;

/// Roots of weights: 1 on the mark and just beside it, 0 elsewhere.
pub(super) fn weights(pixels: &[[f32; 4]], across: usize, reach: usize) -> Vec<f32> {
    let covered =
        |x: usize, y: usize| pixels.get(y * across + x).is_some_and(|pixel| pixel[3] > 0.1);
    let down = pixels.len() / across.max(1);
    let mut weights = Vec::with_capacity(pixels.len());
    for y in 0..down {
        for x in 0..across {
            let columns = x.saturating_sub(reach)..(x + reach + 1).min(across);
            let rows = y.saturating_sub(reach)..(y + reach + 1).min(down);
            let near = rows.into_iter().any(|v| columns.clone().any(|u| covered(u, v)));
            weights.push(f32::from(u8::from(near)));
        }
    }
    weights
}

/// Functions made orthonormal under the weights, those that say nothing new left out; with their slopes.
fn orthonormal(functions: &[&[f32]], weights: &[f32], across: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for function in functions {
        let mut values: Vec<f32> =
            function.iter().zip(weights).map(|(value, w)| value * w).collect();
        let mut slope: Vec<[f32; 2]> = slopes(function, across);
        slope.iter_mut().zip(weights).for_each(|(slope, w)| *slope = slope.map(|value| value * w));
        let before = dot(&values, &values);
        for part in &parts {
            let share = dot(&values, &part.values);
            values.iter_mut().zip(&part.values).for_each(|(value, part)| *value -= part * share);
            for (slope, part) in slope.iter_mut().zip(&part.slope) {
                *slope = [slope[0] - part[0] * share, slope[1] - part[1] * share];
            }
        }
        let length = dot(&values, &values);
        if length > 1e-3 * before && length > 1e-6 {
            let root = length.sqrt();
            values.iter_mut().for_each(|value| *value /= root);
            slope.iter_mut().for_each(|slope| *slope = slope.map(|value| value / root));
            parts.push(Part { values, slope });
        }
    }
    parts
}

/// How fast a function rises to the right and downwards.
fn slopes(function: &[f32], across: usize) -> Vec<[f32; 2]> {
    let at = |index: usize| function.get(index).copied();
    let down = function.len() / across.max(1);
    let mut slopes = Vec::with_capacity(function.len());
    for y in 0..down {
        for x in 0..across {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(across - 1));
            let (top, low) = (y.saturating_sub(1), (y + 1).min(down - 1));
            let rise = |from: usize, to: usize, steps: usize| {
                (at(to).unwrap_or(0.0) - at(from).unwrap_or(0.0)) / steps.max(1) as f32
            };
            slopes.push([
                rise(y * across + left, y * across + right, right - left),
                rise(top * across + x, low * across + x, low - top),
            ]);
        }
    }
    slopes
}

#[expect(
    clippy::indexing_slicing,
    reason = "arrays of as many lanes as are counted, which become one instruction"
)]
fn dot(one: &[f32], two: &[f32]) -> f32 {
    // Eight sums at a time: a compiler may not reorder one.
    let (one, two) = (one.as_chunks::<8>(), two.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (one, two) in one.0.iter().zip(two.0) {
        for lane in 0..8 {
            sums[lane] += one[lane] * two[lane];
        }
    }
    let rest: f32 = one.1.iter().zip(two.1).map(|(one, two)| one * two).sum();
    sums.iter().sum::<f32>() + rest
}

fn normalise(values: &mut [f32]) {
    let root = dot(values, values).sqrt();
    if root > 1e-6 {
        values.iter_mut().for_each(|value| *value /= root);
    }
}

/// Solves four equations where the last two unknowns are the same.
fn together(rows: [[f32; 4]; 4], right: [f32; 4]) -> Option<[f32; 4]> {
    let columns = rows.map(|[x, y, w, h]| [x, y, w + h, 0.0]);
    let [first, second, third, fourth] = columns;
    let [a, b, c, d] = third;
    let [e, f, g, h] = fourth;
    let both = [a + e, b + f, c + g, d + h];
    let [x, y, w, h] = right;
    let [dx, dy, larger, _] =
        solve([first, second, both, [0.0, 0.0, 0.0, 1.0]], [x, y, w + h, 0.0])?;
    Some([dx, dy, larger, larger])
}

/// Solves four equations, the diagonal raised a little; nothing where there is no answer.
#[expect(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "four by four, as many as are counted"
)]
fn solve(mut rows: [[f32; 4]; 4], mut right: [f32; 4]) -> Option<[f32; 4]> {
    for at in 0..4 {
        rows[at][at] = rows[at][at] * 1.001 + 1e-6;
    }
    for at in 0..4 {
        let pivot = rows[at][at];
        if !pivot.is_finite() || pivot.abs() < 1e-9 {
            return None;
        }
        for below in at + 1..4 {
            let factor = rows[below][at] / pivot;
            for column in at..4 {
                rows[below][column] -= factor * rows[at][column];
            }
            right[below] -= factor * right[at];
        }
    }
    let mut answer = [0.0; 4];
    for at in (0..4).rev() {
        let known: f32 = (at + 1..4).map(|column| rows[at][column] * answer[column]).sum();
        answer[at] = (right[at] - known) / rows[at][at];
    }
    answer.iter().all(|value| value.is_finite()).then_some(answer)
}
