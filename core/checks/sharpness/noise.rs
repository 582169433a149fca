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
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    let (mut pairs, mut related) = (0.0, 0.0);
    let mut means = Vec::new();
    for band in luma.as_raw().chunks_exact(width * SQUARE) {
        let mut sums = vec![0_u32; across];
        for row in band.chunks_exact(width) {
            let row = row.get(..across * SQUARE).unwrap_or_default();
            for (total, part) in sums.iter_mut().zip(row.chunks_exact(SQUARE)) {
                let (mut one, mut two, mut lagged) = (0_u32, 0_u32, 0_u32);
                for value in part {
                    one += u32::from(*value);
                    two += u32::from(*value) * u32::from(*value);
                }
                for pair in part.windows(3) {
                    if let [first, _, third] = pair {
                        lagged += u32::from(first.abs_diff(*third)).pow(2);
                    }
                }
                *total += one;
                count += SQUARE as f64;
                sum += f64::from(one);
                squares += f64::from(two);
                pairs += (SQUARE - 2) as f64;
                related += f64::from(lagged);
            }
        }
        means.extend(sums.into_iter().map(|sum| f64::from(sum) / (SQUARE * SQUARE) as f64));
    }
    if count == 0.0 {
        return None;
    }
    let mean = sum / count;
    let variance = squares / count - mean * mean;
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
    let unrelated = (related / pairs / (2.0 * variance)).clamp(0.0, 1.0);
    Some(gone.min(unrelated))
}
