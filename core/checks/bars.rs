//! Bars above and below a picture, or at its sides: what fills the frame where the scene does not.

use image::RgbImage;

/// How far a channel of a bar's pixel may be from the bar's colour, of 255.
const ALIKE: u8 = 12;

/// Bars on two opposite sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bars {
    /// Whether they are at the sides, instead of above and below.
    pub(super) sides: bool,
    /// How wide the first is, in pixels: above, or at the left.
    pub(super) first: u32,
    /// How wide the last is.
    pub(super) last: u32,
    /// Their colour.
    pub(super) colour: [u8; 3],
}

/// The bars of a picture, where it has any on two opposite sides and not on all four, which is a frame.
///
/// A bar is of one colour along its whole length, and ends in a straight edge behind which most pixels
/// have another: so the white around a product and a black sky are none.
pub(super) fn find(picture: &RgbImage) -> Option<Bars> {
    let (width, height) = picture.dimensions();
    let at = |x, y| picture.get_pixel_checked(x, y).map_or([0; 3], |pixel| pixel.0);
    let across = pair(height, width, |line, along| at(along, line));
    let down = pair(width, height, at);
    match (across, down) {
        (Some((first, last, colour)), None) => Some(Bars { sides: false, first, last, colour }),
        (None, Some((first, last, colour))) => Some(Bars { sides: true, first, last, colour }),
        _ => None,
    }
}

/// The bars before the first and after the last of `lines` lines, each `length` long.
fn pair(lines: u32, length: u32, at: impl Fn(u32, u32) -> [u8; 3]) -> Option<(u32, u32, [u8; 3])> {
    if lines < 16 || length < 16 {
        return None;
    }
    let colour = at(0, length / 2);
    let end = at(lines - 1, length / 2);
    let alike =
        |one: [u8; 3], two: [u8; 3]| one.iter().zip(two).all(|(a, b)| a.abs_diff(b) <= ALIKE);
    if !alike(colour, end) {
        return None;
    }
    // How many of the sampled pixels of a line are of another colour, in thousandths.
    let step = (length / 512).max(1);
    let other = |line: u32| -> u32 {
        let places = (0..length).step_by(step as usize);
        let count = places.len() as u32;
        places.filter(|along| !alike(at(line, *along), colour)).count() as u32 * 1000 / count.max(1)
    };
    let bar = |line_at: &dyn Fn(u32) -> u32| -> Option<u32> {
        let wide = (0..lines / 2).take_while(|line| other(line_at(*line)) <= 5).count() as u32;
        // Compression softens the edge over a few lines.
        let edge = (wide..(wide + 6).min(lines)).any(|line| other(line_at(line)) >= 500);
        (wide >= 2.max(lines / 100) && edge).then_some(wide)
    };
    let first = bar(&|line| line)?;
    let last = bar(&|line| lines - 1 - line)?;
    let even = first.abs_diff(last) <= 2.max(first.max(last) * 15 / 100);
    even.then_some((first, last, colour))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{bad, good, through_jpeg};

    #[test]
    fn bars_are_found_on_two_sides_and_a_frame_is_none() {
        let scene = good::one(0, 0).pixels;
        assert_eq!(find(&scene), None);
        let boxed = Bars { sides: false, first: 30, last: 30, colour: [0; 3] };
        assert_eq!(find(&bad::barred(&scene, 0.1, false, 0)), Some(boxed));
        let jpeg = find(&through_jpeg(&bad::barred(&scene, 0.1, false, 0), 70)).unwrap();
        assert!((28..=30).contains(&jpeg.first) && !jpeg.sides, "{jpeg:?}");
        let sides = find(&bad::barred(&scene, 0.05, true, 255)).unwrap();
        assert_eq!((sides.sides, sides.first, sides.last), (true, 20, 20));
        let framed = bad::barred(&bad::barred(&scene, 0.05, true, 255), 0.05, false, 255);
        assert_eq!(find(&framed), None);
        assert_eq!(find(&RgbImage::new(300, 300)), None);
        assert_eq!(find(&RgbImage::new(1, 1)), None);
    }
}
