//! A small copy that all checks on the whole of a picture look at.

use image::RgbImage;

/// The most pixels of the small copy's longer side.
pub(super) const SIDE: u32 = 256;

/// How many pixels of a picture, each way, become one of its small copy.
pub(super) fn factor(width: u32, height: u32) -> u32 {
    width.max(height).div_ceil(SIDE).max(1)
}

/// So many rows of bytes fit into sums of 16 bits, and a row of a picture with so few to a square is short.
const FEW: u32 = 16;

/// Adds the pixels of a row to the squares that they belong to.
fn add<T: Copy + Into<u32>>(sums: &mut [[u32; 3]], row: &[T], side: u32) {
    for (sum, square) in sums.iter_mut().zip(row.chunks(side as usize * 3)) {
        for pixel in square.as_chunks::<3>().0 {
            for (sum, channel) in sum.iter_mut().zip(pixel) {
                *sum += (*channel).into();
            }
        }
    }
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
    let mut rows_together = vec![0_u16; if side <= FEW { row_bytes } else { 0 }];
    for band in picture.as_raw().chunks(row_bytes * side as usize) {
        sums.fill([0; 3]);
        if side <= FEW {
            // All rows of a band together, many bytes at once.
            rows_together.fill(0);
            for row in band.chunks_exact(row_bytes) {
                rows_together
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum += u16::from(*value));
            }
            add(&mut sums, &rows_together, side);
        } else {
            band.chunks_exact(row_bytes).for_each(|row| add(&mut sums, row, side));
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
        // With more pixels to a square the sums are made otherwise.
        let wide = RgbImage::from_fn(5120, 41, |x, y| {
            Rgb([(x / 20 % 2 * 200) as u8, if y == 40 { 90 } else { 30 }, (x % 20) as u8])
        });
        let small = shrink(&wide);
        assert_eq!(small.dimensions(), (256, 3));
        assert_eq!(small.get_pixel(1, 1), &Rgb([200, 30, 10]));
        assert_eq!(small.get_pixel(254, 2), &Rgb([0, 90, 10]));
        let tiny = RgbImage::from_pixel(7, 3, Rgb([1, 2, 3]));
        assert_eq!(shrink(&tiny), tiny);
        assert_eq!(shrink(&RgbImage::new(1, 100_000)).dimensions(), (1, 256));
    }
}
