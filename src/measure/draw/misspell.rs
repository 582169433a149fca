//! One wrong letter in a phrase, by kind.

use super::kind::Kind;
use crate::simulator::Dice;

/// What a check may ignore, left out: equal here is equal to it.
pub(super) fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Letters that models take for each other.
const ALIKE: [&str; 16] = [
    "efc",
    "oqcg",
    "nmhr",
    "uvwy",
    "prb",
    "szx",
    "aeo",
    "rtf",
    "dbq",
    "ijl",
    "kxh",
    "未末",
    "土士",
    "大太犬",
    "日目白",
    "シツンソ",
];

/// Letters that differ in their accent alone, the bare one first.
const ACCENTED: [&str; 24] = [
    "aàáâãäåăą",
    "cçćč",
    "dď",
    "eèéêëęě",
    "gğ",
    "iìíîï",
    "nñńň",
    "oòóôõöő",
    "rř",
    "sśşš",
    "tť",
    "uùúûüůű",
    "yýÿ",
    "zźżž",
    "かが",
    "きぎ",
    "くぐ",
    "こご",
    "てで",
    "はばぱ",
    "ひびぴ",
    "クグ",
    "トド",
    "ハバパ",
];

/// The phrase with one mistake of a kind; nothing where it has no place for one. `differ` says whether two letters look
/// different enough on the picture.
pub(super) fn misspell(
    text: &str,
    kind: Kind,
    letters: &str,
    differ: &mut dyn FnMut(char, char) -> bool,
    dice: &mut Dice,
) -> Option<String> {
    let whole: Vec<char> = text.chars().collect();
    for _ in 0..60 {
        let mut chars = whole.clone();
        let count = u32::try_from(chars.len()).ok()?;
        let at = usize::try_from(dice.below(count)).ok()?;
        let Some(c) = chars.get(at).copied().filter(|c| c.is_alphabetic()) else { continue };
        let next = chars.get(at + 1).copied().filter(|c| c.is_alphabetic());
        let visible = match kind {
            Kind::Swap => {
                let Some(next) = next else { continue };
                chars.swap(at, at + 1);
                differ(c, next)
            }
            Kind::Drop => {
                chars.remove(at);
                true
            }
            Kind::Dup => {
                chars.insert(at, c);
                true
            }
            Kind::Stray => {
                let other = like(c, letter(letters, dice)?);
                chars.insert(at, other);
                true
            }
            Kind::Sub => {
                let other = like(c, substitute(c, letters, dice)?);
                *chars.get_mut(at)? = other;
                differ(c, other)
            }
            Kind::Case => {
                let other = if c.is_uppercase() {
                    c.to_lowercase().next()?
                } else {
                    c.to_uppercase().next()?
                };
                *chars.get_mut(at)? = other;
                other != c && differ(c, other)
            }
            Kind::Accent => {
                // Most mistakes are about an accent that should be there.
                let is_bare = bare(c).is_none_or(|bare| like(c, bare) == c);
                if is_bare && dice.chance(0.7) {
                    continue;
                }
                let Some(other) = other_accent(c, letters, dice) else { continue };
                *chars.get_mut(at)? = other;
                other != c && differ(c, other)
            }
            _ => return None,
        };
        let shown: String = chars.into_iter().collect();
        if visible && (kind == Kind::Case || folded(&shown) != folded(text)) {
            return Some(shown);
        }
    }
    None
}

fn letter(letters: &str, dice: &mut Dice) -> Option<char> {
    let all: Vec<char> = letters.chars().collect();
    all.get(usize::try_from(dice.below(u32::try_from(all.len()).ok()?)).ok()?).copied()
}

/// One that is easily taken for it, half of the time; else any.
fn substitute(c: char, letters: &str, dice: &mut Dice) -> Option<char> {
    let lower = c.to_lowercase().next()?;
    let alike: Vec<char> = ALIKE
        .iter()
        .filter(|group| group.contains(lower))
        .flat_map(|group| group.chars())
        .filter(|other| *other != lower)
        .collect();
    if !alike.is_empty() && dice.chance(0.5) {
        Some(dice.pick(&alike, 'x'))
    } else {
        letter(letters, dice)
    }
}

/// The letter without its accent, in lower case; nothing where it never has one.
fn bare(c: char) -> Option<char> {
    let lower = c.to_lowercase().next()?;
    ACCENTED.iter().find(|group| group.contains(lower))?.chars().next()
}

/// The letter with another accent or with none: half of the time none, where it has one; else one of the language, if
/// there is one.
fn other_accent(c: char, letters: &str, dice: &mut Dice) -> Option<char> {
    let (lower, bare) = (c.to_lowercase().next()?, bare(c)?);
    if lower != bare && dice.chance(0.5) {
        return Some(like(c, bare));
    }
    let group = ACCENTED.iter().find(|group| group.contains(lower))?;
    let others: Vec<char> = group.chars().skip(1).filter(|other| *other != lower).collect();
    let own: Vec<char> = others.iter().copied().filter(|c| letters.contains(*c)).collect();
    let others = if own.is_empty() || dice.chance(0.3) { others } else { own };
    (!others.is_empty()).then(|| like(c, dice.pick(&others, bare)))
}

/// The letter in the case of another.
fn like(c: char, letter: char) -> char {
    if c.is_uppercase() { letter.to_uppercase().next().unwrap_or(letter) } else { letter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_one_letter_away_and_never_the_same() {
        for seed in 0..100 {
            let kinds = [
                Kind::Swap,
                Kind::Sub,
                Kind::Drop,
                Kind::Dup,
                Kind::Stray,
                Kind::Case,
                Kind::Accent,
            ];
            for kind in kinds {
                let text = "Grand Opening 24!";
                let mut dice = Dice::of("test", "", "", seed);
                let shown = misspell(text, kind, "abcdef", &mut |a, b| a != b, &mut dice).unwrap();
                assert_ne!(shown, text);
                let (now, was) = (shown.chars().count(), text.chars().count());
                let expected = match kind {
                    Kind::Drop => was - 1,
                    Kind::Dup | Kind::Stray => was + 1,
                    _ => was,
                };
                assert_eq!(now, expected, "{kind:?}: {shown}");
                assert_eq!(folded(&shown) == folded(text), kind == Kind::Case, "{kind:?}: {shown}");
                assert!(shown.ends_with(" 24!"), "{shown}");
            }
        }
    }

    #[test]
    fn a_wrong_accent_leaves_the_letter_bare_gives_it_one_or_another() {
        let shown: std::collections::BTreeSet<String> = (0..200)
            .filter_map(|seed| {
                let mut dice = Dice::of("test", "", "", seed);
                misspell("DZIEŃ", Kind::Accent, "óęń", &mut |a, b| a != b, &mut dice)
            })
            .collect();
        assert!(shown.contains("DZIEN"), "{shown:?}");
        assert!(shown.contains("DZIEÑ"), "{shown:?}");
        assert!(shown.contains("DZIĘŃ"), "{shown:?}");
        assert!(!shown.contains("DZIEŃ"), "{shown:?}");
        let mut dice = Dice::of("test", "", "", 1);
        assert_eq!(misspell("bffk", Kind::Accent, "é", &mut |_, _| true, &mut dice), None);
    }

    #[test]
    fn where_no_letter_would_differ_there_is_no_misspelling() {
        let mut dice = Dice::of("test", "", "", 1);
        assert_eq!(misspell("ABC", Kind::Sub, "x", &mut |_, _| false, &mut dice), None);
        assert_eq!(misspell("2026", Kind::Drop, "x", &mut |_, _| true, &mut dice), None);
    }
}
