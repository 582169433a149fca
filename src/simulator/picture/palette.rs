//! Colours, and how legible one is on another.

use crate::simulator::dice::Dice;

/// An sRGB colour.
pub(crate) type Ink = [u8; 3];

/// Five colours that go together, from dark to light.
pub(crate) type Palette = [Ink; 5];

const PALETTES: [Palette; 12] = [
    [[22, 33, 62], [44, 83, 132], [94, 149, 178], [240, 178, 103], [250, 236, 214]],
    [[40, 26, 45], [108, 43, 79], [196, 77, 88], [244, 162, 97], [255, 232, 204]],
    [[18, 53, 36], [47, 104, 74], [111, 163, 113], [200, 213, 139], [247, 244, 221]],
    [[29, 29, 31], [82, 84, 90], [148, 150, 153], [208, 205, 198], [246, 244, 240]],
    [[30, 20, 70], [77, 56, 163], [146, 110, 216], [240, 150, 200], [255, 231, 242]],
    [[53, 31, 20], [122, 73, 41], [188, 126, 74], [226, 186, 134], [250, 240, 224]],
    [[6, 50, 60], [10, 110, 120], [56, 170, 163], [158, 217, 192], [239, 250, 240]],
    [[66, 12, 20], [158, 27, 36], [221, 74, 54], [247, 158, 88], [255, 238, 210]],
    [[16, 24, 48], [28, 48, 96], [70, 60, 140], [190, 90, 160], [255, 190, 150]],
    [[44, 54, 57], [63, 96, 96], [162, 123, 92], [214, 190, 160], [242, 234, 222]],
    [[12, 44, 84], [20, 94, 168], [62, 155, 220], [255, 200, 60], [255, 246, 216]],
    [[50, 40, 20], [110, 98, 40], [178, 164, 72], [228, 210, 130], [252, 247, 226]],
];

/// One of the palettes.
pub(crate) fn palette(dice: &mut Dice) -> Palette {
    dice.pick(&PALETTES, [[0; 3], [64; 3], [128; 3], [192; 3], [255; 3]])
}

/// A colour between two: `share` 0 is the first, 1 the second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mixture of bytes is a byte, and the cast saturates"
)]
pub(crate) fn mix(from: Ink, to: Ink, share: f32) -> Ink {
    let share = share.clamp(0.0, 1.0);
    let [r, g, b] = from;
    let [r2, g2, b2] = to;
    let one = |a: u8, b: u8| (f32::from(b) - f32::from(a)).mul_add(share, f32::from(a) + 0.5) as u8;
    [one(r, r2), one(g, g2), one(b, b2)]
}

/// The relative luminance of a colour, from 0 (black) to 1 (white): WCAG 2.2, "relative luminance".
pub(crate) fn luminance([r, g, b]: Ink) -> f32 {
    let linear = |c: u8| {
        let c = f32::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// The contrast of two luminances, from 1 to 21: WCAG 2.2, "contrast ratio". 4.5 is legible.
pub(crate) fn contrast(a: f32, b: f32) -> f32 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast(luminance([0; 3]), luminance([255; 3])) - 21.0).abs() < 0.01);
        // The standard's own borderline example: #767676 on white is 4.54.
        let grey = contrast(luminance([0x76; 3]), 1.0);
        assert!((grey - 4.54).abs() < 0.01, "{grey}");
    }

    #[test]
    fn palettes_run_from_dark_to_light() {
        for [a, b, c, d, e] in PALETTES {
            let steps = [a, b, c, d, e].map(luminance);
            assert!(steps.is_sorted(), "{steps:?}");
            assert!(contrast(steps[0], steps[4]) > 7.0, "{steps:?}");
        }
    }
}
