//! Misspelling, as image models do it.

use crate::simulator::dice::Dice;

/// Letters that are easily taken for each other.
const ALIKE: [&str; 12] =
    ["EFB", "OQCG", "IL", "NMH", "UVW", "PR", "SZ", "AÁÄ", "aeo", "nmu", "rt", "il"];

/// The text with letters swapped, replaced, dropped or doubled: about one in eight, at least one. Never the
/// same text, also when case and spaces are ignored.
pub(super) fn garble(text: &str, dice: &mut Dice) -> String {
    let plain = folded(text);
    let edits = 1 + u32::try_from(text.chars().count() / 8).unwrap_or(0).min(40);
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..edits {
        edit(&mut chars, dice);
    }
    // Two edits may undo each other.
    for _ in 0..8 {
        if folded(&chars.iter().collect::<String>()) != plain {
            return chars.into_iter().collect();
        }
        edit(&mut chars, dice);
    }
    format!("{text}X")
}

fn folded(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn edit(chars: &mut Vec<char>, dice: &mut Dice) {
    let letters: Vec<usize> = (0..chars.len())
        .filter(|index| chars.get(*index).is_some_and(|c| c.is_alphanumeric()))
        .collect();
    let at = dice.pick(&letters, 0);
    let Some(c) = chars.get(at).copied() else {
        chars.push('X');
        return;
    };
    match dice.below(4) {
        0 if chars.get(at + 1).is_some_and(|next| next.is_alphanumeric() && *next != c) => {
            chars.swap(at, at + 1);
        }
        1 if letters.len() > 3 => {
            chars.remove(at);
        }
        2 => chars.insert(at, c),
        _ => {
            let replacement = other_letter(c, dice);
            if let Some(place) = chars.get_mut(at) {
                *place = replacement;
            }
        }
    }
}

/// A letter that looks like this one; else the next one of its alphabet.
fn other_letter(c: char, dice: &mut Dice) -> char {
    let others: Vec<char> = ALIKE
        .iter()
        .filter(|group| group.contains(c))
        .flat_map(|group| group.chars())
        .filter(|other| *other != c)
        .collect();
    let next = |c: char| char::from_u32(u32::from(c) + 1).filter(|next| next.is_alphanumeric());
    let before = |c: char| u32::from(c).checked_sub(1).and_then(char::from_u32);
    dice.pick(&others, next(c).or_else(|| before(c)).unwrap_or('X'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_garbled_text_is_never_the_text(text in ".{1,60}", seed in 0_u64..1_000) {
            let garbled = garble(&text, &mut Dice::of("garble", "", &text, seed));
            prop_assert_ne!(folded(&garbled), folded(&text));
        }
    }

    #[test]
    fn a_garbled_text_is_still_alike() {
        let text = "GRAND OPENING";
        for seed in 0..200 {
            let garbled = garble(text, &mut Dice::of("garble", "", text, seed));
            let kept = garbled.chars().filter(|c| text.contains(*c)).count();
            assert!(kept + 4 >= text.len(), "{garbled}");
        }
    }
}
