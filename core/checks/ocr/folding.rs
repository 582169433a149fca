//! What counts as the same letter: the recogniser's classes, folded as the case asks.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::frames::Frames;
use super::marks;

/// What makes no difference between letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ignored {
    /// Upper and lower case.
    pub case: bool,
    /// Full and half width, ligatures and the like: Unicode's compatibility forms.
    pub width: bool,
    /// Whatever is neither a letter nor a digit.
    pub punctuation: bool,
    /// Accents, dots and tails.
    pub diacritics: bool,
}

impl Ignored {
    /// A text as it is compared: its letters; spaces and what else is ignored is left out.
    #[must_use]
    pub fn fold(self, text: &str) -> String {
        let composed: String =
            if self.width { text.nfkc().collect() } else { text.nfc().collect() };
        // Lower case and not Unicode's case folding: ß stays one letter.
        let cased = if self.case { composed.to_lowercase() } else { composed };
        let bare: String = if self.diacritics {
            cased.nfd().filter(|c| !is_combining_mark(*c)).nfc().collect()
        } else {
            cased.nfc().collect()
        };
        // What was apart may stand side by side now: “U ̈” without its space is “Ü”.
        bare.chars().filter(|c| self.counts(*c)).nfc().collect()
    }

    fn counts(self, c: char) -> bool {
        if self.punctuation {
            c.is_alphanumeric() || is_combining_mark(c)
        } else {
            !c.is_whitespace() && !c.is_control()
        }
    }
}

/// What a class of the recogniser is, folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Blank,
    /// A space, or what else separates words and is ignored.
    Separator,
    Letter(u16),
    /// Several letters at once, or nothing known.
    Other,
}

/// The recogniser's classes, folded.
#[derive(Debug)]
pub struct Folding {
    /// What makes no difference.
    pub ignored: Ignored,
    /// Whether letters are taken without the accents that [`marks`] tells apart.
    is_bare: bool,
    classes: Vec<Class>,
    letters: BTreeMap<char, u16>,
    of: Vec<char>,
}

/// One letter of an expected text: the folded letters that are as good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The letter itself, folded.
    pub shown: char,
    /// The numbers of the folded letters that look the same.
    pub numbers: Vec<u16>,
}

impl Folding {
    /// Folds the recogniser's characters; the first is the blank.
    #[must_use]
    pub fn new(characters: &[String], ignored: Ignored) -> Self {
        Self::of(characters, ignored, false)
    }

    /// One that takes letters without their accents, where those can be told apart afterwards.
    #[must_use]
    pub fn bare(characters: &[String], ignored: Ignored) -> Self {
        Self::of(characters, ignored, true)
    }

    fn of(characters: &[String], ignored: Ignored, is_bare: bool) -> Self {
        let mut folding = Self {
            ignored,
            is_bare,
            classes: Vec::with_capacity(characters.len()),
            letters: BTreeMap::new(),
            of: Vec::new(),
        };
        for (index, character) in characters.iter().enumerate() {
            let class =
                if index == 0 { Class::Blank } else { folding.add(&folding.fold(character)) };
            folding.classes.push(class);
        }
        folding
    }

    fn fold(&self, text: &str) -> String {
        // The empty set is drawn as the letter is.
        let folded = self.ignored.fold(&text.replace('∅', "Ø"));
        if self.is_bare { folded.chars().map(marks::bare).collect() } else { folded }
    }

    fn add(&mut self, folded: &str) -> Class {
        let mut letters = folded.chars();
        match (letters.next(), letters.next()) {
            (None, _) => Class::Separator,
            (Some(letter), None) => {
                let next = u16::try_from(self.of.len()).unwrap_or(u16::MAX);
                let number = *self.letters.entry(letter).or_insert(next);
                if number == next {
                    self.of.push(letter);
                }
                Class::Letter(number)
            }
            _ => Class::Other,
        }
    }

    /// The words of a text, folded. A word stands on one line; each Chinese or Japanese letter is a word of its
    /// own, for such lines break anywhere.
    ///
    /// # Errors
    /// The first letter that the recogniser does not know.
    pub fn words(&self, text: &str) -> Result<Vec<Vec<Letter>>, char> {
        let mut words = Vec::new();
        for part in
            text.split(|c: char| c.is_whitespace() || (self.ignored.punctuation && is_dash(c)))
        {
            let letters = self.letters(part)?;
            let broken = letters.chunk_by(|a, b| !is_cjk(a.shown) && !is_cjk(b.shown));
            words.extend(broken.filter(|word| !word.is_empty()).map(<[Letter]>::to_vec));
        }
        Ok(words)
    }

    /// The folded letters of a text, or the first letter that the recogniser does not know.
    fn letters(&self, word: &str) -> Result<Vec<Letter>, char> {
        let mut letters = Vec::new();
        for original in word.nfc() {
            for shown in self.fold(&original.to_string()).chars() {
                let own = *self.letters.get(&shown).ok_or(original)?;
                let same: &[char] = match original {
                    'I' | 'l' | '1' => &['i', 'I', 'l', '1'],
                    'O' | 'o' | '0' if self.ignored.case => &['o', '0'],
                    'O' | '0' => &['O', '0'],
                    _ => &[],
                };
                let mut numbers = vec![own];
                for number in same.iter().filter_map(|c| self.letters.get(c)) {
                    if !numbers.contains(number) {
                        numbers.push(*number);
                    }
                }
                letters.push(Letter { shown, numbers });
            }
        }
        Ok(letters)
    }

    /// What a line says, folded: for each step the logarithms over that of the likeliest.
    #[must_use]
    pub fn steps(&self, frames: &Frames) -> Vec<Step> {
        frames.steps().map(|step| self.step(step)).collect()
    }

    /// A step, folded.
    pub(super) fn step(&self, step: &[(u16, f32)]) -> Step {
        let (mut blank, mut separator) = (0.0_f32, 0.0_f32);
        let mut letters: Vec<(u16, f32)> = Vec::with_capacity(step.len());
        for (class, share) in step {
            match self.classes.get(usize::from(*class)) {
                Some(Class::Blank) => blank += share,
                Some(Class::Separator) => separator += share,
                Some(Class::Letter(number)) => letters.push((*number, *share)),
                _ => {}
            }
        }
        letters.sort_by_key(|(number, _)| *number);
        letters.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        let most = letters.iter().map(|(_, share)| *share).fold(blank + separator, f32::max);
        Step { blank: blank + separator, separator, letters, most: most.max(1e-9) }
    }

    /// The greedy reading of steps: folded letters in words.
    pub(super) fn read(&self, steps: &[Step]) -> Vec<Vec<Read>> {
        let mut words: Vec<Vec<Read>> = vec![Vec::new()];
        let mut before: Option<u16> = None;
        for (at, step) in steps.iter().enumerate() {
            match step.read() {
                None => {
                    before = None;
                    if step.separator > step.blank / 2.0
                        && words.last().is_some_and(|word| !word.is_empty())
                    {
                        words.push(Vec::new());
                    }
                }
                Some((number, share)) => {
                    if before != Some(number) {
                        let letter = self.of.get(usize::from(number)).copied().unwrap_or(' ');
                        if let Some(word) = words.last_mut() {
                            word.push(Read { letter, number, at, share });
                        }
                    } else if let Some(read) = words.last_mut().and_then(|word| word.last_mut()) {
                        read.share = read.share.max(share);
                    }
                    before = Some(number);
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }
}

const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '‐' | '‑' | '–' | '—')
}

/// Chinese and Japanese letters, which are written without spaces.
pub(super) fn is_cjk(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3031..=0x303C | 0x3041..=0x30FF
            | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0xFF66..=0xFF9F
            | 0x20000..=0x3FFFF
    )
}

/// A letter as read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) letter: char,
    pub(super) number: u16,
    /// The step at which it begins.
    pub(super) at: usize,
    pub(super) share: f32,
}

/// One step of a line, folded.
#[derive(Clone, Debug)]
pub struct Step {
    blank: f32,
    separator: f32,
    letters: Vec<(u16, f32)>,
    most: f32,
}

impl Step {
    /// Nothing but something unknown: no letter, no gap.
    pub(super) fn used() -> Self {
        Self { blank: 0.0, separator: 0.0, letters: Vec::new(), most: 1.0 }
    }

    fn over(&self, share: f32) -> f32 {
        (share.max(1e-9).ln() - self.most.ln()).min(0.0)
    }

    /// What it costs to take this step for a gap between letters: 0 or less.
    pub(super) fn gap(&self) -> f32 {
        self.over(self.blank)
    }

    /// What it costs to take it for a gap between words.
    pub(super) fn boundary(&self) -> f32 {
        self.over(self.separator)
    }

    /// The letter that is read here, if any is, and its share.
    pub(super) fn read(&self) -> Option<(u16, f32)> {
        let top = self.letters.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
        top.filter(|(_, share)| *share > self.blank)
    }

    /// The share of a letter.
    pub(super) fn share(&self, letter: &Letter) -> f32 {
        let of = |number: &u16| {
            let found = self.letters.binary_search_by_key(number, |(known, _)| *known);
            found.ok().and_then(|at| self.letters.get(at)).map_or(0.0, |(_, share)| *share)
        };
        letter.numbers.iter().map(of).sum()
    }

    /// What it costs to take it for a letter.
    pub(super) fn letter(&self, letter: &Letter) -> f32 {
        self.over(self.share(letter))
    }
}
