//! The part of a picture that is looked at pixel by pixel.

use image::RgbImage;
use image::imageops;

/// The most pixels that are looked at one by one. It bounds the time that the largest picture takes.
const MOST: u32 = 2048 * 2048;

/// The least length of a side of that part, where the picture is as long.
const SIDE: u32 = 2048;

/// Where the grids of encoders repeat, in pixels: the part begins on one.
const GRID: u32 = 8;

/// The middle of a picture that has more pixels than are looked at; nothing where all of it is.
pub(super) fn middle(picture: &RgbImage) -> Option<RgbImage> {
    let (width, height) = picture.dimensions();
    if u64::from(width) * u64::from(height) <= u64::from(MOST) {
        return None;
    }
    let down = height.min(SIDE.max(MOST / width.max(1))).max(1);
    let across = width.min(MOST / down);
    let start = |whole: u32, part: u32| (whole - part) / 2 / GRID * GRID;
    let (x, y) = (start(width, across), start(height, down));
    Some(imageops::crop_imm(picture, x, y, across, down).to_image())
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_middle_is_cut_on_the_grid_and_what_is_small_is_whole() {
        let picture = RgbImage::from_fn(3000, 2500, |x, y| {
            Rgb([(x / 8 % 256) as u8, (y / 8 % 256) as u8, (x % 8 * 8 + y % 8) as u8])
        });
        let middle = middle(&picture).unwrap();
        assert_eq!(middle.dimensions(), (2048, 2048));
        // 476 and 226 pixels are left out before it; the grid has 472 and 224.
        assert_eq!(middle.get_pixel(0, 0), &Rgb([59, 28, 0]));
        assert!(super::middle(&RgbImage::new(2048, 2048)).is_none());
        assert!(super::middle(&RgbImage::new(4_000_000, 1)).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn no_shape_gives_more_than_is_looked_at(width in 1_u32..9_000_000, long: bool) {
            let other = 12_000_000 / width + 1;
            let (width, height) = if long { (width, other) } else { (other, width) };
            if let Some(middle) = middle(&RgbImage::new(width, height)) {
                prop_assert!(middle.width() <= width && middle.height() <= height);
                let pixels = middle.width() * middle.height();
                prop_assert!((MOST / 2..=MOST).contains(&pixels), "{:?}", middle.dimensions());
            }
        }
    }
}
