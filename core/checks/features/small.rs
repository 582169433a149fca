//! A small copy that all checks on the whole of a picture look at.

use image::RgbImage;

/// The most pixels of the small copy's longer side.
pub(super) const SIDE: u32 = 256;

/// How many pixels of a picture, each way, become one of its small copy.
pub(super) fn factor(width: u32, height: u32) -> u32 {
    width.max(height).div_ceil(SIDE).max(1)
}

/// The picture with each square of pixels averaged; the squares at the right and lower edge may be cut.
pub(super) fn shrink(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let side = factor(width, height);
    if side == 1 {
        return picture.clone();
    }
    let (across, down) = (width.div_ceil(side), height.div_ceil(side));
    let row_bytes = width as usize * 3;
    let mut small = Vec::with_capacity(across as usize * down as usize * 3);
    let mut sums = vec![[0_u32; 3]; across as usize];
    for band in picture.as_raw().chunks(row_bytes * side as usize) {
        sums.fill([0; 3]);
        for row in band.chunks_exact(row_bytes) {
            for (sum, square) in sums.iter_mut().zip(row.chunks(side as usize * 3)) {
                for pixel in square.as_chunks::<3>().0 {
                    for (sum, channel) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*channel);
                    }
                }
            }
        }
        let rows = (band.len() / row_bytes) as u32;
        let mut left = width;
        for sum in &sums {
            let count = (side.min(left) * rows).max(1);
            left = left.saturating_sub(side);
            small.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    RgbImage::from_raw(across, down, small).unwrap_or_else(|| picture.clone())
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn squares_are_averaged_and_cut_ones_as_well() {
        let picture = RgbImage::from_fn(600, 301, |x, y| {
            Rgb([(x / 3 % 2 * 200) as u8, if y == 300 { 90 } else { 30 }, (x % 3 * 10) as u8])
        });
        let small = shrink(&picture);
        assert_eq!(small.dimensions(), (200, 101));
        assert_eq!(small.get_pixel(0, 0), &Rgb([0, 30, 10]));
        assert_eq!(small.get_pixel(1, 99), &Rgb([200, 30, 10]));
        assert_eq!(small.get_pixel(199, 100), &Rgb([200, 90, 10]));
        let tiny = RgbImage::from_pixel(7, 3, Rgb([1, 2, 3]));
        assert_eq!(shrink(&tiny), tiny);
        assert_eq!(shrink(&RgbImage::new(1, 100_000)).dimensions(), (1, 256));
    }
}
