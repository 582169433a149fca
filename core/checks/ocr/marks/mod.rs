//! Accents: which one a letter has.
//!
//! The recogniser names letters by what usually stands there, and takes rare accents for common ones, or for none. What it
//! sees on the way there tells them apart: a multinomial logistic regression over the numbers that [`super::damage`] uses
//! too. How its weights were set is in `benches/letter_marks.py`, how well it does in `docs/checks.md`.

mod weights;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::folding::{Folding, Letter};
use super::view::{Match, View};
use weights::{BIASES, KNOWN, WEIGHTS};

/// How many accents are told apart, none included.
const COUNT: usize = BIASES.len();

/// The channels of what is seen.
const CHANNELS: usize = 504;

/// The accents by their combining marks. The first is none; the last, a long solidus, stands for strokes.
const MARKS: [Option<char>; COUNT] = [
    None,
    Some('\u{300}'),
    Some('\u{301}'),
    Some('\u{302}'),
    Some('\u{303}'),
    Some('\u{304}'),
    Some('\u{306}'),
    Some('\u{307}'),
    Some('\u{308}'),
    Some('\u{30A}'),
    Some('\u{30B}'),
    Some('\u{30C}'),
    Some('\u{327}'),
    Some('\u{328}'),
    Some('\u{338}'),
];

/// The share from which a letter counts as read with its accent.
const READ: f32 = 0.5;

/// What such a letter counts at least, in the logarithm of the odds.
const CLEAR: f32 = 2.0;

/// From these odds down, something speaks against the accent that is read.
const AGAINST: f32 = -1.0;

/// For each accent how well it fits; one accent's odds against another are the exponential of the difference.
pub(super) type Scores = [f32; COUNT];

/// For each step how well each accent fits a letter there. What is seen holds, for each channel in turn, one value a
/// step. Nothing where that is not of the shape that the weights are for.
pub(super) fn scores(shape: &[f32], context: &[f32], steps: usize) -> Option<Vec<Scores>> {
    if steps == 0 || shape.len() + context.len() != steps.saturating_mul(CHANNELS) {
        return None;
    }
    let mut sums = vec![BIASES; steps];
    for (index, channel) in shape.chunks_exact(steps).chain(context.chunks_exact(steps)).enumerate()
    {
        let of_channel: Scores = WEIGHTS
            .map(|weights| f32::from(weights.get(index).copied().unwrap_or_default()) / 1000.0);
        for (sums, value) in sums.iter_mut().zip(channel) {
            for (sum, weight) in sums.iter_mut().zip(of_channel) {
                *sum = value.mul_add(weight, *sum);
            }
        }
    }
    Some(sums)
}

/// A letter without its accent, and the number of the accent; itself with the number 0 where it has none, or one that
/// is not told apart.
fn parts(letter: char) -> (char, usize) {
    let of = |bare: char, mark: char| {
        let number = MARKS.iter().position(|known| *known == Some(mark))?;
        can_have(bare, number).then_some((bare, number))
    };
    let stroked = match letter {
        'ø' => of('o', '\u{338}'),
        'Ø' => of('O', '\u{338}'),
        'ł' => of('l', '\u{338}'),
        'Ł' => of('L', '\u{338}'),
        'đ' => of('d', '\u{338}'),
        'Đ' => of('D', '\u{338}'),
        _ => None,
    };
    let mut apart = letter.nfd();
    let composed = match (apart.next(), apart.next(), apart.next()) {
        // A comma below looks like a cedilla.
        (Some(bare), Some('\u{326}'), None) => of(bare, '\u{327}'),
        (Some(bare), Some(mark), None) if is_combining_mark(mark) => of(bare, mark),
        _ => None,
    };
    stroked.or(composed).unwrap_or((letter, 0))
}

/// A letter without its accent, where accents of it are told apart.
pub(super) fn bare(letter: char) -> char {
    parts(letter).0
}

/// Whether a letter with this accent is known.
fn can_have(bare: char, number: usize) -> bool {
    let lower = bare.to_lowercase().next().unwrap_or(bare);
    KNOWN.get(number).is_some_and(|letters| letters.contains(lower))
}

/// How much more likely a letter has this accent than any other that it can have, in the logarithm of the odds. Nothing
/// where it can't have any.
fn lead(scores: &Scores, (bare, number): (char, usize)) -> Option<f32> {
    let own = scores.get(number)?;
    let others = scores
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != number && (*other == 0 || can_have(bare, *other)));
    let best = others.map(|(_, score)| *score).fold(f32::MIN, f32::max);
    (best > f32::MIN && (1..COUNT).any(|number| can_have(bare, number))).then_some(own - best)
}

impl View<'_> {
    /// For each letter of a found text: how much more likely it has the accent that is wanted than any other, in the
    /// logarithm of the odds; [`f32::MAX`] where it can't have any. `own` are the letters as this view folds them,
    /// `wanted` the same with their accents.
    #[must_use]
    pub fn accents(&self, own: &[Letter], wanted: &[Letter], found: &Match) -> Vec<f32> {
        self.places(own, wanted, found).map(|(_, lead)| lead).collect()
    }

    /// The same in a view without accents; what `strict` reads with the accent that is wanted counts as clear, where
    /// nothing speaks against it.
    #[must_use]
    pub fn accents_read(
        &self,
        strict: &Folding,
        own: &[Letter],
        wanted: &[Letter],
        found: &Match,
    ) -> Vec<f32> {
        let read = |(line, at): (usize, usize), letter: &Letter| {
            let step = self.lines().get(line).and_then(|line| line.frames.steps().nth(at));
            step.is_some_and(|step| strict.step(step).share(letter) > READ)
        };
        wanted
            .iter()
            .zip(self.places(own, wanted, found))
            .map(
                |(letter, (place, lead))| {
                    if lead > AGAINST && read(place, letter) { lead.max(CLEAR) } else { lead }
                },
            )
            .collect()
    }

    /// For each letter the line and the step at which it is read best, and the lead of its accent there.
    fn places<'a>(
        &'a self,
        own: &'a [Letter],
        wanted: &'a [Letter],
        found: &'a Match,
    ) -> impl Iterator<Item = ((usize, usize), f32)> + 'a {
        own.iter().zip(wanted).zip(&found.places).map(|((own, wanted), (line, from, to))| {
            let steps = self.steps(*line).iter().enumerate().take(to + 1).skip(*from);
            let best = steps
                .map(|(at, step)| (at, step.share(own)))
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .map_or(*from, |(at, _)| at);
            let seen = self.lines().get(*line).and_then(|line| line.frames.marks(best));
            (
                (*line, best),
                seen.and_then(|seen| lead(seen, parts(wanted.shown))).unwrap_or(f32::MAX),
            )
        })
    }
}

/// Scores of one accent alone, or of none.
#[cfg(test)]
pub(super) fn only(mark: Option<char>, score: f32) -> Scores {
    let mut scores = [0.0; COUNT];
    if let Some(place) = MARKS.iter().position(|known| *known == mark) {
        scores[place] = score;
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_parted_from_the_accents_that_are_told_apart() {
        let of = |letter| {
            let (bare, number) = parts(letter);
            (bare, MARKS[number])
        };
        assert_eq!(of('Ń'), ('N', Some('\u{301}')));
        assert_eq!(of('ț'), ('t', Some('\u{327}')));
        assert_eq!(of('ø'), ('o', Some('\u{338}')));
        assert_eq!(of('n'), ('n', None));
        // No letter of the alphabets it was fitted on.
        for letter in ['が', 'ế', 'ṽ', '中', 'æ'] {
            assert_eq!(of(letter), (letter, None));
        }
    }

    #[test]
    fn the_lead_is_over_the_best_other_accent_that_the_letter_can_have() {
        let mut scores = [0.0; COUNT];
        let (_, acute) = parts('ń');
        let (_, caron) = parts('ň');
        let (_, double) = parts('ő');
        scores[acute] = 3.0;
        scores[caron] = 1.0;
        // An n has none of these.
        scores[double] = 9.0;
        assert_eq!(lead(&scores, parts('ń')), Some(2.0));
        assert_eq!(lead(&scores, parts('ň')), Some(-2.0));
        assert_eq!(lead(&scores, parts('n')), Some(-3.0));
        assert_eq!(lead(&scores, parts('b')), None);
    }

    #[test]
    fn scores_are_weighted_sums_of_what_is_seen_at_a_step() {
        let (mut shape, mut context) = (vec![0.0; 384 * 2], vec![0.0; 120 * 2]);
        shape[1] = 2.0;
        context[239] = -3.0;
        let scores = scores(&shape, &context, 2).unwrap();
        assert_eq!(scores[0], BIASES);
        for (number, score) in scores[1].iter().enumerate() {
            let of = |channel: usize| f32::from(WEIGHTS[number][channel]) / 1000.0;
            let expected = BIASES[number] + 2.0 * of(0) - 3.0 * of(503);
            assert!((score - expected).abs() < 1e-4, "{score} {expected}");
        }
        assert!(super::scores(&[0.0; 504], &[0.0; 503], 2).is_none());
        assert!(super::scores(&[], &[], 0).is_none());
    }
}
