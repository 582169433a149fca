//! Which colours a picture has, and how much of each.

use image::RgbImage;

use super::colour::Lab;
use super::profile::Profile;

/// Pixels are counted up to this many; of larger pictures every second, third, … row is left out. It
/// bounds the time, and the sums fit their type.
const COUNTED: u64 = 4 << 20;

/// Colours in 32 steps a channel.
const BINS: usize = 1 << 15;

/// The colours of a picture, those that are alike taken together.
#[derive(Debug)]
pub(in crate::checks) struct Colours {
    /// In no particular order.
    pub(in crate::checks) list: Vec<Counted>,
    /// How many pixels were counted.
    pub(in crate::checks) total: u64,
}

/// Pixels whose colours are alike.
#[derive(Clone, Copy, Debug)]
pub(in crate::checks) struct Counted {
    /// Their mean as the file codes it.
    pub(in crate::checks) coded: [u8; 3],
    /// Their mean in sRGB.
    pub(in crate::checks) srgb: [u8; 3],
    /// The same in CIELAB.
    pub(in crate::checks) lab: Lab,
    /// How many pixels they are.
    pub(in crate::checks) count: u64,
}

impl Colours {
    /// Counts the colours of a picture that is coded by a profile.
    pub(super) fn count(picture: &RgbImage, profile: &Profile) -> Self {
        let (width, height) = picture.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        let step = usize::try_from(pixels.div_ceil(COUNTED)).unwrap_or(usize::MAX).max(1);
        let mut bins = vec![[0_u32; 4]; BINS];
        for row in picture.as_raw().chunks_exact(width as usize * 3).step_by(step) {
            for [red, green, blue] in row.as_chunks::<3>().0 {
                let [r, g, b] = [*red, *green, *blue].map(usize::from);
                let bin = (r >> 3) << 10 | (g >> 3) << 5 | b >> 3;
                if let Some([count, reds, greens, blues]) = bins.get_mut(bin) {
                    *count += 1;
                    *reds += u32::from(*red);
                    *greens += u32::from(*green);
                    *blues += u32::from(*blue);
                }
            }
        }
        bins.retain(|bin| bin.first().is_some_and(|count| *count > 0));
        let coded: Vec<[u8; 3]> = bins
            .iter()
            .map(|[count, reds, greens, blues]| {
                [*reds, *greens, *blues].map(|sum| ((sum + count / 2) / count.max(&1)) as u8)
            })
            .collect();
        let srgb = profile.to_srgb(&coded);
        let list: Vec<_> = bins
            .iter()
            .zip(coded.iter().zip(srgb))
            .map(|([count, ..], (coded, srgb))| Counted {
                coded: *coded,
                srgb,
                lab: Lab::of(srgb),
                count: u64::from(*count),
            })
            .collect();
        let total = list.iter().map(|colour| colour.count).sum();
        Self { list, total }
    }

    /// What share of the picture some of its colours are.
    pub(in crate::checks) fn share(&self, count: u64) -> f64 {
        count as f64 / self.total.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn like_colours_are_counted_together() {
        let picture = RgbImage::from_fn(10, 10, |x, _| match x {
            0 => Rgb([200, 10, 10]),
            1 => Rgb([202, 12, 10]),
            _ => Rgb([0, 0, 255]),
        });
        let mut colours = Colours::count(&picture, &Profile::Missing);
        colours.list.sort_by_key(|colour| colour.count);
        let of = |colour: &Counted| (colour.srgb, colour.count);
        let all: Vec<_> = colours.list.iter().map(of).collect();
        assert_eq!(colours.total, 100);
        assert_eq!(all, [([201, 11, 10], 20), ([0, 0, 255], 80)]);
    }
}
