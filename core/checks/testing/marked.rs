//! The check `logo` on pictures with a mark: good ones, and ones whose mark is spoilt in graded strength.

use std::io::Cursor;

use image::imageops;
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use serde_json::{Value, json};

use super::canvas::{Canvas, Dice};
use super::marks::{KINDS, mark, place, stands_out};
use super::scenes::SCENES;
use super::{case, check_with, good, picture, through_jpeg};
use crate::checks::features::colour::Lab;
use crate::checks::{CheckResult, Resources, Scene};

/// How many different marks there are in the pictures.
const MARKS: u32 = 400;

/// What is drawn on the picture of a mark, and how: the mark, its place, the strength. Nothing where nothing is.
pub(in crate::checks) type Spoil =
    fn(RgbaImage, [f32; 4], f32, u64) -> Option<(RgbaImage, [f32; 4])>;

/// As it should be.
pub(in crate::checks) fn whole(
    own: RgbaImage,
    area: [f32; 4],
    _: f32,
    _: u64,
) -> Option<(RgbaImage, [f32; 4])> {
    Some((own, area))
}

/// What the check says of a good picture with a mark between 6% and 60% of the width, over whatever is there, where it
/// stands out from that.
pub(in crate::checks) fn result(
    kind: usize,
    number: u64,
    spoil: Spoil,
    strength: f32,
    expect: &Value,
) -> CheckResult {
    let mut dice = Dice::new(number * 31 + kind as u64 * 7 + 5);
    let canvas = Canvas::from_image(&good::one(kind, number).pixels);
    let (own, area, which) = loop {
        let which = u64::from(dice.below(MARKS));
        let own = mark(which);
        let (w, h) = (canvas.width as f32, canvas.height as f32);
        let wide = 0.06 * 10.0_f32.powf(dice.between(0.0, 1.0)) * w;
        let high = wide * own.height() as f32 / own.width() as f32;
        if high > h * 0.9 || wide.min(high) < 17.0 {
            continue;
        }
        let area = [dice.between(0.0, w - wide), dice.between(0.0, h - high), wide, high];
        if stands_out(&canvas, &own, area) > 60.0 {
            break (own, area, which);
        }
    };
    let mut canvas = canvas;
    if let Some((drawn, area)) = spoil(own.clone(), area, strength, which) {
        place(&mut canvas, &drawn, area);
    }
    let mut pixels: RgbImage = canvas.finish();
    if number.is_multiple_of(2) {
        pixels = through_jpeg(&pixels, 75 + dice.below(20) as u8);
    }
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(own).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let mut resources = Resources::default();
    resources.add_file("mark.png".parse().unwrap(), bytes.into_inner().into());
    let check = check_with("logo", &json!({"files": ["mark.png"]}), &resources);
    check.inspect(&picture(pixels), &Scene::of(&case(expect, &[]))).remove(0).result
}

/// What is done to a mark: what it is, the strengths, and how.
pub(in crate::checks) struct Spoiler {
    pub(in crate::checks) name: &'static str,
    pub(in crate::checks) strengths: &'static [(&'static str, f32)],
    pub(in crate::checks) spoil: Spoil,
}

pub(in crate::checks) const SPOILERS: [Spoiler; 5] = [
    Spoiler {
        name: "`logo`: something else in its place",
        strengths: &[("nothing", 0.0), ("another of its style", 1.0), ("the mark mirrored", 2.0)],
        spoil: |own, area, strength, which| match strength as u32 {
            0 => None,
            1 => Some((mark(which + KINDS * u64::from(MARKS)), area)),
            _ => Some((imageops::flip_horizontal(&own), area)),
        },
    },
    Spoiler {
        name: "`logo`: too wide for its height",
        strengths: &[("3%", 1.03), ("8%", 1.08), ("15%", 1.15), ("30%", 1.3)],
        spoil: |own, area, strength, _| Some((own, stretched(area, strength))),
    },
    Spoiler {
        name: "`logo`: too high for its width",
        strengths: &[("3%", 1.03), ("8%", 1.08), ("15%", 1.15), ("30%", 1.3)],
        spoil: |own, area, strength, _| Some((own, stretched(area, 1.0 / strength))),
    },
    Spoiler {
        name: "`logo`: its main colour off, by CIEDE2000",
        strengths: &[("3", 3.0), ("6", 6.0), ("12", 12.0), ("24", 24.0)],
        spoil: |own, area, strength, _| Some((recoloured(&own, f64::from(strength)), area)),
    },
    Spoiler {
        name: "`logo`: the right part erased, share of its width",
        strengths: &[("5%", 0.05), ("10%", 0.1), ("20%", 0.2), ("30%", 0.3)],
        spoil: |mut own, area, strength, _| {
            let from = (1.0 - strength) * own.width() as f32;
            own.enumerate_pixels_mut()
                .filter(|(x, ..)| *x as f32 > from)
                .for_each(|(.., pixel)| pixel.0[3] = 0);
            Some((own, area))
        },
    },
];

/// So many pictures are measured for each strength.
pub(in crate::checks) fn found(spoiler: &Spoiler, number: u64) -> Vec<bool> {
    let kind = number as usize % SCENES.len();
    let of = |strength: f32| result(kind, 1300 + number, spoiler.spoil, strength, &json!({}));
    spoiler.strengths.iter().map(|(_, strength)| of(*strength) == CheckResult::Fail).collect()
}

/// A box of about the same size, so many times wider for its height.
fn stretched([x, y, w, h]: [f32; 4], times: f32) -> [f32; 4] {
    let (wide, high) = (w * times.sqrt(), h / times.sqrt());
    [x + (w - wide) / 2.0, y + (h - high) / 2.0, wide, high]
}

/// All colours moved towards others until the one that is most of the mark is so far off.
fn recoloured(own: &RgbaImage, delta_e: f64) -> RgbaImage {
    let mut counts = std::collections::BTreeMap::new();
    for pixel in own.pixels().filter(|pixel| pixel.0[3] > 250) {
        *counts.entry([pixel.0[0], pixel.0[1], pixel.0[2]]).or_insert(0) += 1;
    }
    let main = *counts.iter().max_by_key(|(_, count)| **count).unwrap().0;
    let mixed = |[r, g, b]: [u8; 3], share: f32, inverted: bool| {
        let to = if inverted { [255 - r, 255 - g, 255 - b] } else { [g, b, r] };
        let mix =
            |from: u8, to: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * share) as u8;
        [mix(r, to[0]), mix(g, to[1]), mix(b, to[2])]
    };
    let off =
        |share: f32, inverted| Lab::of(mixed(main, share, inverted)).difference(Lab::of(main));
    let inverted = off(1.0, false) < 25.0;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..20 {
        let middle = f32::midpoint(low, high);
        if off(middle, inverted) < delta_e {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut other = own.clone();
    for pixel in other.pixels_mut() {
        let [r, g, b] = mixed([pixel.0[0], pixel.0[1], pixel.0[2]], high, inverted);
        pixel.0 = [r, g, b, pixel.0[3]];
    }
    other
}
