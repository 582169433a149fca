//! One broken letter in a line, by kind.

use super::fonts::{Face, Fonts, Glyph, Line};
use super::kind::Kind;
use super::mask::{Mask, float};
use crate::simulator::Dice;

/// The least share of a letter's ink that a damage changes: less is not seen.
pub(super) const LEAST: f64 = 0.2;

/// The most of it that a break takes away.
const MOST_BROKEN: f64 = 0.55;

/// The least share of its ink by which a letter must differ from its mirror image, and a hybrid from both of its parents.
const LEAST_UNLIKE: f64 = 0.3;

/// Letters that stay what they are in a mirror, where only thick and thin strokes change places.
const THEIR_OWN_MIRROR: &str = "AÀÁÂÃÄÅĂĄHIÌÍÎÏİMOÒÓÔÕÖŐTUÙÚÛÜŰŮVWXYÝiìíîïıloòóôõöőuùúûüűůvwxyý018";

/// Damages one letter, or now and then two, of some lines, and says what share of its ink changed. Nothing where no
/// letter can be damaged so.
pub(super) fn damage(
    lines: &mut [Line],
    kind: Kind,
    size: f32,
    face: &Face,
    fonts: &mut Fonts,
    dice: &mut Dice,
) -> Option<f64> {
    let is_letter = |glyph: &Glyph| glyph.letter.is_some_and(char::is_alphanumeric);
    let mut glyphs: Vec<&mut Glyph> = lines
        .iter_mut()
        .flat_map(|line| &mut line.glyphs)
        .filter(|glyph| is_letter(glyph))
        .collect();
    let letters: Vec<char> = glyphs.iter().filter_map(|glyph| glyph.letter).collect();
    let places: Vec<usize> = (0..glyphs.len()).collect();
    let wanted = if glyphs.len() > 5 && dice.chance(0.25) { 2 } else { 1 };
    let mut done: Vec<(usize, f64)> = Vec::new();
    for _ in 0..60 {
        if done.len() >= wanted {
            break;
        }
        let at = dice.pick(&places, 0);
        let Some(glyph) = glyphs.get_mut(at) else { break };
        if done.iter().any(|(known, _)| *known == at) {
            continue;
        }
        let other =
            |fonts: &mut Fonts, dice: &mut Dice| fonts.letter(face, dice.pick(&letters, 'x'), size);
        if let Some((damaged, change)) = spoil(glyph, kind, size, fonts, dice, other) {
            **glyph = damaged;
            done.push((at, change));
        }
    }
    done.iter().map(|(_, change)| *change).reduce(f64::min)
}

/// A damaged letter, and the share of its ink that changed.
fn spoil(
    glyph: &Glyph,
    kind: Kind,
    size: f32,
    fonts: &mut Fonts,
    dice: &mut Dice,
    other: impl Fn(&mut Fonts, &mut Dice) -> Option<Mask>,
) -> Option<(Glyph, f64)> {
    let mask = &glyph.mask;
    let spoilt = match kind {
        Kind::Tofu => return Some((tofu(glyph, size), 1.0)),
        Kind::Hybrid => {
            let other = other(fonts, dice)?.resized(mask.width, mask.height);
            let hybrid = hybrid(mask, &other);
            // Where it has nearly become the other letter, it is a misspelling and no damage.
            (hybrid.change(&other) >= LEAST_UNLIKE && mask.change(&hybrid) >= LEAST_UNLIKE)
                .then_some(hybrid)?
        }
        Kind::Break => {
            let broken = broken(mask, dice);
            (mask.change(&broken) <= MOST_BROKEN).then_some(broken)?
        }
        Kind::Mirror => {
            let own = glyph.letter.is_some_and(|letter| THEIR_OWN_MIRROR.contains(letter));
            if own || (0..=4).any(|step| mask.change(&mirrored(mask, step)) < LEAST_UNLIKE) {
                return None;
            }
            mirrored(mask, 2)
        }
        _ => return None,
    };
    let change = mask.change(&spoilt);
    (change > LEAST).then(|| (Glyph { mask: spoilt, ..glyph.clone() }, change))
}

/// An empty box in place of a letter, as fonts draw what they lack.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a letter has at most some hundred pixels"
)]
fn tofu(glyph: &Glyph, size: f32) -> Glyph {
    let height = (size * 0.72).max(float(glyph.mask.height).min(size * 0.9)).round();
    let width = float(glyph.mask.width).max(size * 0.4).round();
    let line = (size * 0.055).max(1.5).round() as usize;
    let (columns, rows) = (width as usize, height as usize);
    let mask = Mask::by(columns, rows, |x, y| {
        let edge = x.min(columns - 1 - x).min(y.min(rows - 1 - y));
        if edge < line { 255 } else { 0 }
    });
    let left = glyph.left + (float(glyph.mask.width) - width) / 2.0;
    Glyph { letter: glyph.letter, left, above: height, mask }
}

/// The upper half of one letter over the lower half of another of the same size.
fn hybrid(upper: &Mask, lower: &Mask) -> Mask {
    let middle = upper.height / 2;
    Mask::by(
        upper.width,
        upper.height,
        |x, y| {
            if y < middle { upper.at(x, y) } else { lower.at(x, y) }
        },
    )
}

/// A letter with a straight band of it erased.
fn broken(mask: &Mask, dice: &mut Dice) -> Mask {
    let angle = dice.pick(&[0.0_f32, 0.785, 1.571, 2.356], 0.0);
    let (cos, sin) = (angle.cos(), angle.sin());
    let (width, height) = (float(mask.width), float(mask.height));
    let reach = (width * cos).abs().max(1.0) + (height * sin).abs();
    let middle = dice.between(-0.4, 0.4) * reach;
    let half = dice.between(0.08, 0.2) * reach;
    Mask::by(mask.width, mask.height, |x, y| {
        let along = (float(x) + 0.5 - width / 2.0) * cos + (float(y) + 0.5 - height / 2.0) * sin;
        if (along - middle).abs() < half { 0 } else { mask.at(x, y) }
    })
}

/// The mirror image of a letter in its place after two steps, pixels to the left or right of it after less or more.
fn mirrored(mask: &Mask, step: usize) -> Mask {
    let from = |x: usize| (mask.width + step).checked_sub(x + 3);
    Mask::by(mask.width, mask.height, |x, y| from(x).map_or(0, |x| mask.at(x, y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(fonts: &mut Fonts, face: &Face, text: &str) -> Vec<Line> {
        vec![fonts.line(face, text, 48.0).unwrap()]
    }

    #[test]
    fn a_damage_changes_more_than_a_fifth_of_a_letter_s_ink_and_nothing_else() {
        let mut fonts = Fonts::new(None);
        let text = "Fresh Bakery";
        let face = fonts.face_for(text, &mut Dice::of("test", "", "", 0)).unwrap();
        for kind in [Kind::Tofu, Kind::Hybrid, Kind::Break, Kind::Mirror] {
            for seed in 0..12 {
                let whole = lines(&mut fonts, &face, text);
                let mut spoilt = whole.clone();
                let mut dice = Dice::of("test", "", "", seed);
                let said = damage(&mut spoilt, kind, 48.0, &face, &mut fonts, &mut dice).unwrap();
                let glyphs = whole[0].glyphs.iter().zip(&spoilt[0].glyphs);
                let changes: Vec<_> = glyphs
                    .filter(|(was, is)| was.mask != is.mask)
                    .map(|(was, is)| was.mask.change(&is.mask))
                    .collect();
                assert!((1..=2).contains(&changes.len()), "{kind:?}: {changes:?}");
                assert!(changes.iter().all(|change| *change > LEAST), "{kind:?}: {changes:?}");
                assert!(said > LEAST, "{kind:?}: {said}");
            }
        }
    }

    #[test]
    fn letters_that_are_their_own_mirror_image_are_not_mirrored() {
        let mut fonts = Fonts::new(None);
        let mut dice = Dice::of("test", "", "", 0);
        let face = fonts.face_for("OAHI", &mut dice).unwrap();
        let mut lines = lines(&mut fonts, &face, "OAHIO");
        assert_eq!(damage(&mut lines, Kind::Mirror, 48.0, &face, &mut fonts, &mut dice), None);
    }
}
