//! How much of a picture's structure another one keeps.

use crate::checks::features::LabPlane;

/// How many pixels each way a window has.
pub(super) const WINDOW: usize = 7;

/// The scales looked at, and their weights: those of Z. Wang, E. P. Simoncelli and A. C. Bovik, "Multiscale
/// structural similarity for image quality assessment", 2003, of its three finest, made to add up to 1.
const SCALES: [f32; 3] = [0.067, 0.425, 0.508];

/// What keeps flat windows from counting as different: (0.03 of the range of lightness) squared.
const FLAT: f32 = 9.0;

/// The structure that two planes of one size share, 0 to 1; and where, window by window at the finest scale.
pub(super) struct Structure {
    /// Over the whole.
    pub(super) kept: f32,
    /// Each window's, row by row.
    pub(super) windows: Vec<Window>,
    /// Windows across.
    pub(super) across: usize,
}

/// What two pictures share in one window.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// The structure that they share, -1 to 1.
    pub(super) kept: f32,
    /// How much there is to lose: information grows with the logarithm of contrast, as in Z. Wang and Q. Li,
    /// "Information content weighting for perceptual image quality assessment", 2011. Of the first picture
    /// alone, so that something new on a plain ground is no loss.
    pub(super) weight: f32,
}

/// The structure of the first plane that is in the second: the contrast and structure terms of multi-scale
/// SSIM over lightness. The luminance term is left out and the contrast of the whole is evened out first, so
/// that a brighter, darker or flatter picture keeps its structure.
pub(super) fn compare(one: &LabPlane, two: &LabPlane) -> Structure {
    let mut a = Grey::of(one);
    let mut b = Grey::of(two);
    let (spread_a, spread_b) = (a.deviation(), b.deviation());
    if spread_a > 0.5 && spread_b > 0.5 {
        // Up to three times: noise is not blown up to a picture.
        let gain = (spread_a / spread_b).clamp(1.0 / 3.0, 3.0).sqrt();
        b.values.iter_mut().for_each(|value| *value *= gain);
        a.values.iter_mut().for_each(|value| *value /= gain);
    }
    let (mut kept, mut used) = (0.0_f32, 0.0_f32);
    let mut finest = Vec::new();
    let mut across = 0;
    for (at, weight) in SCALES.into_iter().enumerate() {
        if at > 0 {
            if a.width < 2 * WINDOW || a.height < 2 * WINDOW {
                break;
            }
            (a, b) = (a.halved(), b.halved());
        }
        let windows = similar(&a, &b);
        let total: f32 = windows.iter().map(|window| window.weight).sum();
        let sum: f32 = windows.iter().map(|window| window.kept * window.weight).sum();
        // Where there is nothing to see, nothing is lost.
        let mean = if total > 0.0 { sum / total } else { 1.0 };
        kept += weight * mean.max(0.0);
        used += weight;
        if at == 0 {
            (finest, across) = (windows, (a.width + 1).saturating_sub(WINDOW.min(a.width)));
        }
    }
    Structure {
        kept: (kept / used.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0),
        windows: finest,
        across,
    }
}

/// Lightness, row by row.
struct Grey {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Grey {
    fn of(plane: &LabPlane) -> Self {
        let values = plane.pixels.iter().map(|[lightness, ..]| *lightness).collect();
        Self { width: plane.width, height: plane.height, values }
    }

    fn deviation(&self) -> f32 {
        let count = self.values.len().max(1) as f32;
        let mean = self.values.iter().sum::<f32>() / count;
        (self.values.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / count)
            .sqrt()
    }

    /// At half the size; a last odd row or column is left out.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut values = Vec::with_capacity(width * height);
        for rows in self.values.chunks_exact(2 * self.width.max(1)).take(height) {
            let (upper, lower) = rows.split_at(self.width);
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            values.extend(pairs.map(|([a, b], [c, d])| (a + b + c + d) / 4.0));
        }
        Self { width, height, values }
    }
}

/// The contrast and structure terms of SSIM in each window: (2·cov + c) / (var + var + c).
fn similar(a: &Grey, b: &Grey) -> Vec<Window> {
    let product = |one: &Grey, two: &Grey| -> Vec<f32> {
        one.values.iter().zip(&two.values).map(|(one, two)| one * two).collect()
    };
    let (across, down) = (WINDOW.min(a.width), WINDOW.min(a.height));
    let mean = |values: &[f32]| boxed(values, a.width, across, down);
    let (mean_a, mean_b) = (mean(&a.values), mean(&b.values));
    let (square_a, square_b) = (mean(&product(a, a)), mean(&product(b, b)));
    let both = mean(&product(a, b));
    let squares = square_a.iter().zip(&square_b).zip(&both);
    mean_a
        .iter()
        .zip(&mean_b)
        .zip(squares)
        .map(|((a, b), ((aa, bb), ab))| {
            let (var_a, var_b) = ((aa - a * a).max(0.0), (bb - b * b).max(0.0));
            Window {
                kept: (2.0 * (ab - a * b) + FLAT) / (var_a + var_b + FLAT),
                weight: (var_a / FLAT).ln_1p(),
            }
        })
        .collect()
}

/// The mean of each whole window of a plane.
fn boxed(values: &[f32], width: usize, across: usize, down: usize) -> Vec<f32> {
    let mut rows: Vec<f32> = Vec::with_capacity(values.len());
    let mut out_width = 0;
    for row in values.chunks_exact(width.max(1)) {
        out_width = row.windows(across.max(1)).count();
        rows.extend(row.windows(across.max(1)).map(|window| window.iter().sum::<f32>()));
    }
    let out_width = out_width.max(1);
    let height = rows.len() / out_width;
    let count = (across * down).max(1) as f32;
    let mut means = Vec::with_capacity(rows.len());
    for y in 0..(height + 1).saturating_sub(down.max(1)) {
        let mut sums = vec![0.0_f32; out_width];
        for row in rows.chunks_exact(out_width).skip(y).take(down) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        means.extend(sums.iter().map(|sum| sum / count));
    }
    means
}
