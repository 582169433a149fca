//! How light and how colourful a picture is, in numbers that do not ask what stands where.

use crate::checks::features::LabPlane;

/// How many levels are kept of each channel: the values that 10%, 20% … 90% of the pixels lie below.
const LEVELS: usize = 9;

/// Of the levels, how many may disagree with the others before a shift is none.
const STRAY: usize = 2;

/// The distribution of a picture's colours in CIELAB: nine deciles of each channel and of the chroma.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::checks) struct Tone {
    /// Of lightness, green to red, blue to yellow.
    channels: [[f32; LEVELS]; 3],
    /// Of the distance from grey.
    chroma: [f32; LEVELS],
}

/// How the colours of one picture are off from those of another. Each is the least shift that all deciles but two
/// share, 0 where they do not agree on its direction: content that comes and goes moves some of them, a shift of the
/// whole picture moves them all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shift {
    /// Lightness, in points of CIELAB's 100.
    pub(super) brightness: f64,
    /// White balance: towards red (or green), towards yellow (or blue), in CIELAB.
    pub(super) cast: [f64; 2],
    /// Chroma: how many times that of the other.
    pub(super) saturation: f64,
    /// The range of lightness: how many times that of the other.
    pub(super) contrast: f64,
    /// How far pixels would have to move in CIELAB on average for the distributions to be the same (the square root
    /// of the sum of squares of the channels' first Wasserstein distances, taken over the deciles).
    pub(super) distance: f64,
}

impl Tone {
    /// Of a small copy.
    pub(in crate::checks) fn of(plane: &LabPlane) -> Self {
        let deciles = |value: &dyn Fn(&[f32; 3]) -> f32| {
            let mut values: Vec<f32> = plane.pixels.iter().map(value).collect();
            values.sort_unstable_by(f32::total_cmp);
            let mut at = 0;
            [(); LEVELS].map(|()| {
                at += 1;
                values.get(values.len() * at / (LEVELS + 1)).copied().unwrap_or_default()
            })
        };
        let [l, a, b] = [0, 1, 2].map(|channel| {
            deciles(&move |pixel: &[f32; 3]| pixel.get(channel).copied().unwrap_or_default())
        });
        Self { channels: [l, a, b], chroma: deciles(&|[_, a, b]| a.hypot(*b)) }
    }

    /// How this picture's colours are off from another's.
    pub(super) fn against(&self, other: &Self) -> Shift {
        let [light, red, yellow] = &self.channels;
        let [other_light, other_red, other_yellow] = &other.channels;
        let differences = |one: &[f32; LEVELS], two: &[f32; LEVELS]| {
            let pairs = one.iter().zip(two);
            pairs.map(|(one, two)| f64::from(one - two)).collect::<Vec<_>>()
        };
        // Colours near grey have no ratio of chroma worth the name: both are lifted a little.
        let ratios = self.chroma.iter().zip(&other.chroma);
        let ratios = ratios.map(|(one, two)| f64::from((one + 3.0) / (two + 3.0)).ln()).collect();
        let ranges = ranges(light).zip(ranges(other_light));
        let ranges = ranges.map(|(one, two)| f64::from((one + 4.0) / (two + 4.0)).ln()).collect();
        let mean = |values: &[f64]| {
            values.iter().map(|value| value.abs()).sum::<f64>() / values.len().max(1) as f64
        };
        let moved: f64 = self
            .channels
            .iter()
            .zip(&other.channels)
            .map(|(one, two)| mean(&differences(one, two)).powi(2))
            .sum();
        Shift {
            brightness: agreed(differences(light, other_light), STRAY),
            cast: [
                agreed(differences(red, other_red), STRAY),
                agreed(differences(yellow, other_yellow), STRAY),
            ],
            saturation: agreed(ratios, STRAY).exp(),
            contrast: agreed(ranges, 0).exp(),
            distance: moved.sqrt(),
        }
    }
}

/// The ranges of lightness that hold the middle 80%, 60% and 40% of the pixels.
fn ranges(light: &[f32; LEVELS]) -> impl Iterator<Item = f32> {
    let [p10, p20, p30, .., p70, p80, p90] = *light;
    [p90 - p10, p80 - p20, p70 - p30].into_iter()
}

/// The least of the differences in the direction that all but `stray` of them share; 0 where there is none.
fn agreed(mut differences: Vec<f64>, stray: usize) -> f64 {
    differences.sort_unstable_by(f64::total_cmp);
    let least = differences.get(stray).copied().unwrap_or_default();
    let most = differences.iter().rev().nth(stray).copied().unwrap_or_default();
    if least > 0.0 {
        least
    } else if most < 0.0 {
        most
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tone(pixels: Vec<[f32; 3]>) -> Tone {
        Tone::of(&LabPlane { width: pixels.len(), height: 1, pixels })
    }

    fn ramp(change: impl Fn([f32; 3]) -> [f32; 3]) -> Tone {
        tone((0..100).map(|at| change([at as f32, at as f32 / 4.0, -(at as f32) / 5.0])).collect())
    }

    #[test]
    fn a_shift_of_all_is_measured_whole_and_one_of_a_part_is_none() {
        let plain = ramp(|pixel| pixel);
        let warm = ramp(|[l, a, b]| [l, a, b + 9.0]).against(&plain);
        assert!((warm.cast[1] - 9.0).abs() < 1e-4, "{warm:?}");
        assert_eq!((warm.brightness, warm.cast[0], warm.contrast), (0.0, 0.0, 1.0));
        let part = ramp(|[l, a, b]| if l < 45.0 { [l, a, b + 30.0] } else { [l, a, b] });
        assert_eq!(part.against(&plain).cast, [0.0, 0.0]);
        let flat = ramp(|[l, a, b]| [50.0 + (l - 50.0) / 2.0, a / 2.0, b / 2.0]).against(&plain);
        assert!((0.5..0.6).contains(&flat.contrast), "{flat:?}");
        assert!((0.5..0.75).contains(&flat.saturation), "{flat:?}");
        assert_eq!(flat.brightness, 0.0);
    }

    #[test]
    fn the_distance_is_what_all_pixels_move() {
        let plain = ramp(|pixel| pixel);
        let moved = ramp(|[l, a, b]| [l + 3.0, a, b + 4.0]).against(&plain);
        assert!((moved.distance - 5.0).abs() < 1e-4, "{moved:?}");
    }

    proptest! {
        #[test]
        fn the_way_back_is_the_opposite(
            one in prop::collection::vec([0.0_f32..100.0, -90.0_f32..90.0, -90.0_f32..90.0], 1..60),
            two in prop::collection::vec([0.0_f32..100.0, -90.0_f32..90.0, -90.0_f32..90.0], 1..60),
        ) {
            let (one, two) = (tone(one), tone(two));
            let (there, back) = (one.against(&two), two.against(&one));
            prop_assert!((there.brightness + back.brightness).abs() < 1e-6);
            prop_assert!((there.saturation * back.saturation - 1.0).abs() < 1e-6);
            prop_assert!((there.contrast * back.contrast - 1.0).abs() < 1e-6);
            prop_assert!((there.distance - back.distance).abs() < 1e-6);
            prop_assert_eq!(one.against(&one).distance, 0.0);
        }
    }
}
