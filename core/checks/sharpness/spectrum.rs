//! How far a picture's detail reaches, by its spectrum.

use image::GrayImage;

/// The longest stretch of a line that is transformed.
const LONGEST: usize = 1024;
/// How many lines each way.
const LINES: usize = 32;
/// How many bands the spectrum is summed up in.
const BANDS: usize = 32;
/// Detail counts as long as it is this share of the strongest.
const FAINT: f64 = 0.02;

/// The size, as a share of the picture's own, to which its detail reaches: 1 for a picture with edges
/// from one pixel to the next, a half for one that was drawn at half its size and stretched.
///
/// The spectrum of edges falls with the square of the frequency, so times that square it is level up to
/// where detail ends. Nothing where all detail is too faint to tell from rounding.
pub(super) fn reach(luma: &GrayImage) -> Option<f64> {
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let across = lines(luma.as_raw().chunks_exact(width), height, width);
    let columns: Vec<Vec<u8>> = (0..LINES)
        .map(|line| {
            let x = (2 * line + 1) * width / (2 * LINES);
            luma.as_raw().iter().skip(x).step_by(width).copied().collect()
        })
        .collect();
    let down = lines(columns.iter().map(Vec::as_slice), LINES, height);
    match (across.and_then(edge), down.and_then(edge)) {
        (Some(one), Some(two)) => Some(one.max(two)),
        (one, two) => one.or(two),
    }
}

/// The spectrum of some lines, times the square of the frequency, in bands; less what rounding to whole
/// levels adds.
fn lines<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    count: usize,
    length: usize,
) -> Option<[f64; BANDS]> {
    let size = (LONGEST.min(length) / 2 + 1).next_power_of_two();
    let size = if size > length { size / 2 } else { size };
    if size < 4 * BANDS {
        return None;
    }
    let twiddles = Twiddles::new(size);
    let window: Vec<f64> = (0..size)
        .map(|at| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * at as f64 / size as f64).cos())
        .collect();
    let every = (count / LINES).max(1);
    let mut power = vec![0.0; size / 2];
    let mut taken = 0.0;
    for line in lines.skip(every / 2).step_by(every) {
        let start = (line.len() - size) / 2;
        let line = line.get(start..start + size).unwrap_or_default();
        let mean = line.iter().map(|value| f64::from(*value)).sum::<f64>() / size as f64;
        let windowed = line
            .iter()
            .zip(&window)
            .map(|(value, share)| ((f64::from(*value) - mean) * share, 0.0));
        let spectrum = twiddles.transform(windowed.collect());
        for (sum, (re, im)) in power.iter_mut().zip(spectrum) {
            *sum += re * re + im * im;
        }
        taken += 1.0;
    }
    // A twelfth of a level squared each pixel, and 3/8 of it under the window.
    let rounding = taken * size as f64 * 3.0 / 8.0 / 12.0;
    let mut bands = [0.0; BANDS];
    let per_band = size / 2 / BANDS;
    for (band, (index, part)) in bands.iter_mut().zip(power.chunks_exact(per_band).enumerate()) {
        let frequency = (index as f64 + 0.5) / BANDS as f64;
        let mean = part.iter().sum::<f64>() / per_band as f64;
        *band = (mean - 3.0 * rounding).max(0.0) / rounding * frequency * frequency;
    }
    Some(bands)
}

/// Where detail ends, as a share of the highest frequency there is.
fn edge(bands: [f64; BANDS]) -> Option<f64> {
    let strongest = bands.iter().copied().fold(0.0, f64::max);
    // At the lowest band's frequency this is 30 levels of contrast on a line.
    if strongest < 2.0 {
        return None;
    }
    let last = bands.iter().rposition(|band| *band > strongest * FAINT)?;
    Some((last + 1) as f64 / BANDS as f64)
}

type Complex = (f64, f64);

/// A fast Fourier transform of one size, a power of two.
struct Twiddles {
    size: usize,
    turns: Vec<Complex>,
}

impl Twiddles {
    fn new(size: usize) -> Self {
        let turn = |at: usize| {
            let angle = -2.0 * std::f64::consts::PI * at as f64 / size as f64;
            (angle.cos(), angle.sin())
        };
        Self { size, turns: (0..size / 2).map(turn).collect() }
    }

    /// Cooley and Tukey's: the even and the odd values apart, and then together.
    fn transform(&self, values: Vec<Complex>) -> Vec<Complex> {
        let bits = self.size.trailing_zeros();
        let mut data: Vec<Complex> = (0..values.len())
            .map(|at| {
                let from = if bits == 0 { at } else { at.reverse_bits() >> (usize::BITS - bits) };
                values.get(from).copied().unwrap_or_default()
            })
            .collect();
        let mut half = 1;
        while half < self.size {
            let stride = self.size / (2 * half);
            for pair in data.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                let turns = self.turns.iter().step_by(stride);
                for ((a, b), (cos, sin)) in low.iter_mut().zip(high).zip(turns) {
                    let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_the_sum_that_defines_it() {
        let values: Vec<Complex> =
            (0..16_u32).map(|at| (f64::from(at * at % 7), f64::from(at % 3))).collect();
        let fast = Twiddles::new(16).transform(values.clone());
        for (k, (re, im)) in fast.iter().enumerate() {
            let (mut sum_re, mut sum_im) = (0.0, 0.0);
            for (n, (a, b)) in values.iter().enumerate() {
                let (sin, cos) = (-2.0 * std::f64::consts::PI * (k * n) as f64 / 16.0).sin_cos();
                sum_re += a * cos - b * sin;
                sum_im += a * sin + b * cos;
            }
            assert!((re - sum_re).abs() < 1e-9 && (im - sum_im).abs() < 1e-9, "{k}");
        }
    }
}
