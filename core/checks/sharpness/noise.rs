//! How much of a picture's variation is noise from pixel to pixel.

use image::GrayImage;

/// The side of the squares whose means are compared.
const SQUARE: usize = 8;

/// The share of the variation that is gone from the means of squares of 8 pixels, beyond what is related
/// from one pixel to the next: 1 for white noise, near 0 for a picture. Nothing where there is hardly any
/// variation.
pub(super) fn share(luma: &GrayImage) -> Option<f64> {
    let width = luma.width() as usize;
    let across = width / SQUARE;
    // Whole numbers are exact and quick to add: 4 million pixels don't fill 64 bits.
    let (mut count, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
    let mut related = 0_u64;
    let mut means = Vec::new();
    for band in luma.as_raw().chunks_exact(width * SQUARE) {
        let mut sums = vec![0_u32; across];
        for row in band.chunks_exact(width) {
            let row = row.get(..across * SQUARE).unwrap_or_default();
            for (total, part) in sums.iter_mut().zip(row.as_chunks::<SQUARE>().0) {
                let values = part.map(u32::from);
                let one: u32 = values.iter().sum();
                let two: u32 = values.iter().map(|value| value * value).sum();
                let [a, b, c, d, e, f, g, h] = values;
                let lagged: u32 = [(a, c), (b, d), (c, e), (d, f), (e, g), (f, h)]
                    .map(|(first, third)| first.abs_diff(third).pow(2))
                    .iter()
                    .sum();
                *total += one;
                count += 1;
                sum += u64::from(one);
                squares += u64::from(two);
                related += u64::from(lagged);
            }
        }
        means.extend(sums.into_iter().map(|sum| f64::from(sum) / (SQUARE * SQUARE) as f64));
    }
    if count == 0 {
        return None;
    }
    // Two pixels of each eight have none two pixels on.
    let (pairs, count) = ((count * (SQUARE as u64 - 2)) as f64, (count * SQUARE as u64) as f64);
    let mean = sum as f64 / count;
    let variance = squares as f64 / count - mean * mean;
    if variance < 100.0 {
        return None;
    }
    let kept: f64 =
        means.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / means.len() as f64;
    // White noise keeps a 64th.
    let own = 1.0 / (SQUARE * SQUARE) as f64;
    let gone = 1.0 - ((kept / variance - own) / (1.0 - own)).clamp(0.0, 1.0);
    // What is alike two pixels on is texture, not noise: for noise the mean squared difference is twice
    // the variance.
    let unrelated = (related as f64 / pairs / (2.0 * variance)).clamp(0.0, 1.0);
    Some(gone.min(unrelated))
}
