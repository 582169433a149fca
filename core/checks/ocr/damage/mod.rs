//! Damaged letters: strokes with a gap, halves of two letters, mirrored letters, boxes that the recogniser still reads
//! as the letter meant.
//!
//! The recogniser's reading forgives such letters, for it is taught to. What it sees on the way there does not: a
//! damaged letter lies apart from whole ones. A logistic regression parts the two, over the 384 numbers that the last
//! convolution gives for the step of a letter and the 120 from which the letter is named. How its weights were set is
//! in `benches/letter_damage.py`, how well it does in `docs/checks.md`.

#[expect(clippy::approx_constant, reason = "a fitted weight may look like a constant and is none")]
mod weights;

use image::imageops::{self, FilterType};
use image::{RgbImage, imageops::crop_imm};

use super::crop::HEIGHT;
use super::folding::{Folding, Letter, Step};
use super::view::{Match, View};
use super::{Frames, Reader};
use weights::{BIAS, WEIGHTS};

/// From these odds on, in the natural logarithm, a letter is looked at again.
const SUSPECT: f32 = -0.75;

/// From these on, on average over the line as it is and as it is looked at again, a letter is damaged. Set on texts that
/// image models drew rightly (2 of 190 lie above 3.75, 9 above 1.25) and on 200 drawn damages: 7 of 120 lie between those two,
/// and 2 of another 80 between 3.75 and 4.5.
const DAMAGED: f32 = 4.5;

/// Usual odds of a whole letter. Where the other letters of a text have higher ones, that is how its font is cut, and
/// taken off.
const USUAL: f32 = -5.0;

/// What a letter counts as in a view of its line in which it is no longer read.
const UNREAD: f32 = 6.0;

/// The least share with which it is still read there.
const READ: f32 = 0.3;

/// How far the step of a letter may lie from where its place on the line says, in steps.
const ASTRAY: f32 = 1.2;

/// A letter that looks damaged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Damaged {
    /// The letter that it is meant to be, folded.
    pub letter: char,
    /// Where: the line, and its first and last step.
    pub place: (usize, usize, usize),
    /// The logarithm of the odds that it is.
    pub odds: f32,
}

/// For each step the logarithm of the odds that a letter there is damaged. What is seen holds, for each channel in turn,
/// one value a step. Nothing where that is not of the shape that the weights are for.
pub(super) fn odds(shape: &[f32], context: &[f32], steps: usize) -> Option<Vec<f32>> {
    if steps == 0 || shape.len() + context.len() != steps.saturating_mul(WEIGHTS.len()) {
        return None;
    }
    let mut sums = vec![BIAS; steps];
    let channels = shape.chunks_exact(steps).chain(context.chunks_exact(steps));
    for (channel, weight) in channels.zip(WEIGHTS) {
        for (sum, value) in sums.iter_mut().zip(channel) {
            *sum = value.mul_add(weight, *sum);
        }
    }
    Some(sums)
}

/// A letter that may be damaged.
#[derive(Clone, Copy, Debug)]
struct Suspect<'a> {
    letter: &'a Letter,
    place: (usize, usize, usize),
    /// Its step.
    at: usize,
    odds: f32,
    /// How much of that is the font's.
    style: f32,
}

impl View<'_> {
    /// The letters of a found text that may be damaged.
    fn suspects<'a>(&self, letters: &'a [Letter], found: &Match) -> Vec<Suspect<'a>> {
        let judged = letters.iter().zip(&found.places).filter_map(|(letter, place)| {
            let (line, from, to) = *place;
            let at = best(self.steps(line), letter, from, to)?.0;
            let odds = self.lines().get(line)?.frames.damage(at);
            Some(Suspect { letter, place: *place, at, odds, style: 0.0 })
        });
        let judged: Vec<Suspect<'_>> = judged.collect();
        let all: Vec<f32> = judged.iter().map(|one| one.odds).collect();
        let suspects = judged.into_iter().enumerate().filter(|(_, one)| one.odds > SUSPECT);
        suspects.map(|(index, one)| Suspect { style: style(&all, index), ..one }).collect()
    }
}

/// By how much the odds of the other letters of a text, in the middle of them, are higher than usual.
fn style(all: &[f32], of: usize) -> f32 {
    let others = all.iter().enumerate().filter(|(index, _)| *index != of);
    let mut others: Vec<f32> = others.map(|(_, odds)| *odds).collect();
    if others.len() < 2 {
        return 0.0;
    }
    others.sort_by(f32::total_cmp);
    let at = |index: usize| others.get(index).copied().unwrap_or(USUAL);
    let middle = f32::midpoint(at(others.len() / 2), at((others.len() - 1) / 2));
    (middle - USUAL).max(0.0)
}

impl Reader {
    /// The letter of a found text that looks damaged most, if any does.
    ///
    /// # Errors
    /// A sentence, where a network failed.
    pub fn damaged(
        &self,
        view: &View<'_>,
        folding: &Folding,
        letters: &[Letter],
        found: &Match,
    ) -> Result<Option<Damaged>, String> {
        let suspects = view.suspects(letters, found);
        let mut worst: Option<(f32, Damaged)> = None;
        for of_line in suspects.chunk_by(|a, b| a.place.0 == b.place.0) {
            let line = of_line.first().and_then(|suspect| view.lines().get(suspect.place.0));
            let Some(line) = line else { continue };
            let again = again(&line.pixels);
            let read = self.frames(&again)?;
            for suspect in of_line {
                let others = read.iter().zip(&again).map(|(frames, image)| {
                    let steps = folding.steps(frames);
                    odds_again(suspect, line.pixels.width(), frames, &steps, image.width())
                });
                let (sum, count) = others
                    .fold((suspect.odds, 1.0_f32), |(sum, count), odds| (sum + odds, count + 1.0));
                let odds = sum / count - suspect.style;
                if odds > DAMAGED && worst.is_none_or(|(most, _)| odds > most) {
                    let letter = suspect.letter.shown;
                    worst = Some((odds, Damaged { letter, place: suspect.place, odds }));
                }
            }
        }
        Ok(worst.map(|(_, damaged)| damaged))
    }
}

/// A line seen from a little farther away, from nearer, and drawn out: where a letter is whole, the odds differ by
/// chance.
fn again(line: &RgbImage) -> [RgbImage; 3] {
    let (width, height) = line.dimensions();
    let rim = HEIGHT / 24;
    let inner = height.saturating_sub(2 * rim).max(1);
    let scaled = |part: u32, of: u32| (width * part).div_ceil(of.max(1)).max(1);
    let small = imageops::resize(line, scaled(inner, height), inner, FilterType::Triangle);
    let far = RgbImage::from_fn(small.width(), height, |x, y| {
        let row = y.saturating_sub(rim).min(inner - 1);
        small.get_pixel_checked(x, row).copied().unwrap_or(image::Rgb([0; 3]))
    });
    let part = crop_imm(line, 0, rim, width, inner).to_image();
    let near = imageops::resize(&part, scaled(height, inner), height, FilterType::Triangle);
    let wide = imageops::resize(line, scaled(23, 20), height, FilterType::Triangle);
    [far, near, wide]
}

/// What a suspect's odds are in another view of its line.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "steps and columns of a line"
)]
fn odds_again(
    suspect: &Suspect<'_>,
    width: u32,
    frames: &Frames,
    steps: &[Step],
    other_width: u32,
) -> f32 {
    let stretched = other_width as f32 / width.max(1) as f32;
    let place = (suspect.at as f32 + 0.5) * stretched - 0.5;
    let (from, to) = ((place - ASTRAY).ceil().max(0.0), (place + ASTRAY).floor().max(0.0));
    match best(steps, suspect.letter, from as usize, to as usize) {
        Some((at, share)) if share > READ => frames.damage(at),
        _ => UNREAD,
    }
}

/// The step at which a letter is read best, and its share there.
fn best(steps: &[Step], letter: &Letter, from: usize, to: usize) -> Option<(usize, f32)> {
    let shares = steps.iter().enumerate().take(to.saturating_add(1)).skip(from);
    shares.map(|(at, step)| (at, step.share(letter))).max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_the_weighted_sum_of_what_is_seen_at_a_step() {
        // Two steps: the first channel of the shape and the last of the context are seen at the second.
        let (mut shape, mut context) = (vec![0.0; 384 * 2], vec![0.0; 120 * 2]);
        shape[1] = 2.0;
        context[239] = -3.0;
        let odds = odds(&shape, &context, 2).unwrap();
        assert_eq!(odds[0], BIAS);
        let expected = BIAS + 2.0 * WEIGHTS[0] - 3.0 * WEIGHTS[503];
        assert!((odds[1] - expected).abs() < 1e-5, "{odds:?} {expected}");
    }

    #[test]
    fn what_is_of_another_shape_has_no_odds() {
        assert_eq!(odds(&[0.0; 504], &[0.0; 504], 2).map(|odds| odds.len()), Some(2));
        assert_eq!(odds(&[0.0; 504], &[0.0; 503], 2), None);
        assert_eq!(odds(&[], &[], 0), None);
    }

    #[test]
    fn where_all_letters_look_alike_it_is_the_font() {
        let damaged = [-7.0, 6.0, -8.0, -6.5, -7.2];
        let stencil = [4.0, 6.0, 5.0, 3.0, 5.5];
        assert_eq!(style(&damaged, 1), 0.0);
        assert_eq!(style(&stencil, 1), 9.5);
        assert!(6.0 - style(&stencil, 1) < DAMAGED);
        // One other letter says nothing of a font.
        assert_eq!(style(&[5.0, 6.0], 1), 0.0);
    }

    #[test]
    fn a_line_is_seen_from_farther_nearer_and_drawn_out() {
        let dark = image::Rgb([0; 3]);
        let line = RgbImage::from_fn(480, 48, |x, y| {
            // A rim of two rows, and one column at two thirds.
            if !(2..46).contains(&y) {
                image::Rgb([255, 0, 0])
            } else if (318..322).contains(&x) {
                dark
            } else {
                image::Rgb([255; 3])
            }
        });
        let [far, near, wide] = again(&line);
        assert_eq!(far.dimensions(), (440, 48));
        assert_eq!(near.dimensions(), (524, 48));
        assert_eq!(wide.dimensions(), (552, 48));
        // The column stays at two thirds, the rim is gone from near.
        for view in [&far, &near, &wide] {
            let at = view.width() * 2 / 3;
            assert!(view.get_pixel(at, 24).0[0] < 60, "{at}");
        }
        assert_eq!(near.get_pixel(10, 0).0, [255; 3]);
        assert_eq!(far.get_pixel(10, 0).0, far.get_pixel(10, 2).0);
    }
}
