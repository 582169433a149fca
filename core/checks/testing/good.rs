//! The set of good pictures: every kind, several shapes, some of them through a JPEG.

use image::RgbImage;

use super::canvas::Dice;
use super::scenes::SCENES;
use super::through_jpeg;

/// How many of each kind there are.
const EACH: u64 = 32;

/// A good picture.
pub(in crate::checks) struct Good {
    pub(in crate::checks) kind: &'static str,
    pub(in crate::checks) pixels: RgbImage,
}

/// One good picture of a kind; the same seed gives the same picture.
pub(in crate::checks) fn one(kind: usize, number: u64) -> Good {
    let (name, scene) = SCENES[kind];
    let mut dice = Dice::new(number * 1000 + kind as u64);
    let sizes = [(400, 300), (320, 320), (300, 400), (512, 384), (384, 512), (640, 640)];
    let (width, height) = sizes[(number % 6) as usize];
    let mut pixels = scene(&mut dice, width, height).finish();
    if number % 3 == 1 {
        pixels = through_jpeg(&pixels, 80 + dice.below(16) as u8);
    }
    Good { kind: name, pixels }
}

/// One good picture of a kind and a prompt, drawn with a seed: two of one prompt have the colours in common.
pub(in crate::checks) fn of_prompt(kind: usize, prompt: u64, seed: u64) -> RgbImage {
    let (_, scene) = SCENES[kind];
    let mut dice = Dice::of_prompt(prompt * 1000 + kind as u64, prompt * 7919 + seed);
    let pixels = scene(&mut dice, 240, 180).finish();
    if seed % 3 == 1 { through_jpeg(&pixels, 85) } else { pixels }
}

/// The numbers of the pictures of each kind.
pub(in crate::checks) fn all() -> impl Iterator<Item = (usize, u64)> {
    (0..SCENES.len()).flat_map(|kind| (0..EACH).map(move |number| (kind, number)))
}
