//! Colours as people see them: CIELAB, and the difference of two colours by CIEDE2000.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// A colour in CIELAB under daylight (D65).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::checks) struct Lab {
    /// Lightness, 0 to 100.
    pub(in crate::checks) l: f64,
    /// Green to red.
    pub(in crate::checks) a: f64,
    /// Blue to yellow.
    pub(in crate::checks) b: f64,
}

/// The light of a coded sRGB value (IEC 61966-2-1), 0 to 1.
pub(in crate::checks) fn linear(coded: f64) -> f64 {
    if coded <= 0.040_45 { coded / 12.92 } else { ((coded + 0.055) / 1.055).powf(2.4) }
}

/// The light of each value of 8 bits: powers are slow, and a picture has thousands of colours.
static LIGHT: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..=255_u8).map(|value| linear(f64::from(value) / 255.0)).collect());

impl Lab {
    /// From sRGB with 8 bits a channel.
    pub(in crate::checks) fn of([red, green, blue]: [u8; 3]) -> Self {
        let [r, g, b] = [red, green, blue]
            .map(|channel| LIGHT.get(usize::from(channel)).copied().unwrap_or(1.0));
        // The matrix of IEC 61966-2-1, each row divided by the white of D65.
        let x = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47;
        let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175_0 * b;
        let z = (0.019_333_9 * r + 0.119_192_0 * g + 0.950_304_1 * b) / 1.088_83;
        let [x, y, z] = [x, y, z].map(|part| {
            // CIE 15:2004, 8.2.1.1.
            if part > 216.0 / 24_389.0 {
                part.cbrt()
            } else {
                (24_389.0 / 27.0 * part + 16.0) / 116.0
            }
        });
        Self { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }

    /// How far two colours are apart: 1 is about the least that an eye sees side by side.
    ///
    /// CIEDE2000 as in G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula:
    /// implementation notes, supplementary test data, and mathematical observations", 2005.
    pub(in crate::checks) fn difference(self, other: Self) -> f64 {
        let chroma = (self.a.hypot(self.b) + other.a.hypot(other.b)) / 2.0;
        let seventh = chroma.powi(7);
        let stretch = 1.5 - 0.5 * (seventh / (seventh + 25.0_f64.powi(7))).sqrt();
        let polar = |lab: Self| {
            let a = lab.a * stretch;
            let hue = if a == 0.0 && lab.b == 0.0 { 0.0 } else { lab.b.atan2(a) };
            (a.hypot(lab.b), if hue < 0.0 { hue + 2.0 * PI } else { hue })
        };
        let ((chroma1, hue1), (chroma2, hue2)) = (polar(self), polar(other));
        let grey = chroma1 * chroma2 == 0.0;

        let mut turn = if grey { 0.0 } else { hue2 - hue1 };
        if turn > PI {
            turn -= 2.0 * PI;
        } else if turn < -PI {
            turn += 2.0 * PI;
        }
        let d_light = other.l - self.l;
        let d_chroma = chroma2 - chroma1;
        let d_hue = 2.0 * (chroma1 * chroma2).sqrt() * (turn / 2.0).sin();

        let light = f64::midpoint(self.l, other.l);
        let chroma = f64::midpoint(chroma1, chroma2);
        let sum = hue1 + hue2;
        let hue = if grey {
            sum
        } else if (hue1 - hue2).abs() <= PI {
            sum / 2.0
        } else if sum < 2.0 * PI {
            sum / 2.0 + PI
        } else {
            sum / 2.0 - PI
        };
        let degrees = |degrees: f64| degrees * PI / 180.0;
        let t = 1.0 - 0.17 * (hue - degrees(30.0)).cos()
            + 0.24 * (2.0 * hue).cos()
            + 0.32 * (3.0 * hue + degrees(6.0)).cos()
            - 0.20 * (4.0 * hue - degrees(63.0)).cos();
        let around_blue = (hue.to_degrees() - 275.0) / 25.0;
        let rotation = degrees(30.0 * (-around_blue * around_blue).exp());
        let seventh = chroma.powi(7);
        let rc = 2.0 * (seventh / (seventh + 25.0_f64.powi(7))).sqrt();
        let off = (light - 50.0) * (light - 50.0);
        let s_light = 1.0 + 0.015 * off / (20.0 + off).sqrt();
        let (l, c, h) = (
            d_light / s_light,
            d_chroma / (1.0 + 0.045 * chroma),
            d_hue / (1.0 + 0.015 * chroma * t),
        );
        (l * l + c * c + h * h - (2.0 * rotation).sin() * rc * c * h).max(0.0).sqrt()
    }

    /// A bound below [`Lab::difference`] that is quick to get: the lightness alone, at its least weight.
    pub(in crate::checks) fn at_least(self, other: Self) -> f64 {
        // The weight of lightness is greatest at 0 and 100: 1 + 0.015 · 2500 / √2520.
        (self.l - other.l).abs() / 1.748
    }
}

/// A colour as the web writes it.
pub(in crate::checks) fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Table 1 of Sharma, Wu and Dalal: two colours and their difference.
    const PAIRS: [([f64; 3], [f64; 3], f64); 34] = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
        ([50.0, 2.8361, -74.0200], [50.0, 0.0, -82.7485], 3.4412),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0009], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0010], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0011], 7.2195),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0012], 7.2195),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0009, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0010, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0011, -2.4900], 4.7461),
        ([50.0, 2.5, 0.0], [50.0, 0.0, -2.5], 4.3065),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
        ([50.0, 2.5, 0.0], [56.0, -27.0, -3.0], 31.9030),
        ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
        ([50.0, 2.5, 0.0], [50.0, 3.1736, 0.5854], 1.0000),
        ([50.0, 2.5, 0.0], [50.0, 3.2972, 0.0], 1.0000),
        ([50.0, 2.5, 0.0], [50.0, 1.8634, 0.5757], 1.0000),
        ([50.0, 2.5, 0.0], [50.0, 3.2592, 0.3350], 1.0000),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.2630),
        ([61.2901, 3.7196, -5.3901], [61.4292, 2.2480, -4.9620], 1.8731),
        ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
        ([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373),
        ([36.4612, 47.8580, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
        ([90.8027, -2.0831, 1.4410], [91.1528, -1.6435, 0.0447], 1.4441),
        ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
        ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ];

    #[test]
    fn the_published_pairs_differ_as_published() {
        for ([l, a, b], [m, c, d], published) in PAIRS {
            let (one, two) = (Lab { l, a, b }, Lab { l: m, a: c, b: d });
            let measured = one.difference(two);
            assert!(
                (measured - published).abs() < 1e-4,
                "{one:?} {two:?}: {measured}, {published}"
            );
        }
    }

    #[test]
    fn known_colours_are_where_they_are_known_to_be() {
        let near = |colour, [l, a, b]: [f64; 3]| {
            let lab = Lab::of(colour);
            assert!(
                (lab.l - l).abs() < 0.02 && (lab.a - a).abs() < 0.02 && (lab.b - b).abs() < 0.02,
                "{lab:?}"
            );
        };
        near([255, 255, 255], [100.0, 0.0, 0.0]);
        near([0, 0, 0], [0.0, 0.0, 0.0]);
        near([255, 0, 0], [53.24, 80.09, 67.20]);
        near([0, 0, 255], [32.30, 79.19, -107.86]);
        assert_eq!(hex([10, 61, 145]), "#0A3D91");
    }

    proptest! {
        #[test]
        fn a_difference_is_symmetric_and_never_below_its_bound(one: [u8; 3], two: [u8; 3]) {
            let (one, two) = (Lab::of(one), Lab::of(two));
            let there = one.difference(two);
            prop_assert!(there.is_finite() && (there - two.difference(one)).abs() < 1e-9);
            prop_assert!(one.at_least(two) <= there + 1e-9);
            prop_assert!(one.difference(one) < 1e-9);
        }
    }
}
