//! Pictures with text of which the truth is known, from a seed: many fonts, sizes, colours, backdrops, languages and
//! layouts, and in half of them one thing wrong.
//!
//! Every picture follows from the seed, its number and the fonts there are; none is committed.

mod backdrop;
mod block;
mod damage;
mod fonts;
mod kind;
mod mask;
mod misspell;
mod paint;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::truth::{Drawn, Entry, Truth, TruthError};
use crate::simulator::Dice;
use crate::simulator::Size;
use crate::simulator::drawing::{Canvas, palette};
use backdrop::backdrop;
use block::{Block, Setting};
use fonts::{Face, Fonts, Line};
pub use kind::Kind;
use mask::Mask;
use misspell::{folded, misspell};
use words::{Language, READ, UNREAD, phrase};

/// The smallest and the largest letters of a string that is judged, in pixels.
const SIZES: [f32; 2] = [26.0, 120.0];

/// How often another phrase, font or layout is tried, where a picture can't be made with one.
const TRIES: u64 = 40;

/// What is to be drawn.
#[derive(Clone, Debug)]
pub struct Order {
    /// The folder that it goes into; made where it is missing.
    pub folder: PathBuf,
    /// How many pictures.
    pub pictures: u32,
    /// What they follow from.
    pub seed: u64,
    /// A folder of fonts, besides those of the program.
    pub fonts: Option<PathBuf>,
    /// What is wrong with those that are not good, in turn; half of the pictures are [`Kind::Good`] where that is among
    /// them and is not alone.
    pub kinds: Vec<Kind>,
}

/// Why nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// A file can't be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A picture can't be encoded.
    #[error(transparent)]
    Encode(#[from] image::ImageError),
    /// The truth can't be written.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// The fonts have too few letters.
    #[error("no font here has the letters of {0:?}, or no letter that can be spoilt so")]
    NoFont(Kind),
}

/// How many fonts were found, and what was drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The entries, as they were written.
    pub truth: Truth,
    /// How many fonts were drawn with or could have been.
    pub fonts: usize,
}

/// Draws the pictures and writes their truth.
///
/// # Errors
/// Where a file can't be written, or the fonts do not suffice.
pub fn draw(order: &Order, progress: &dyn Fn(u32)) -> Result<Drawing, DrawError> {
    let written = |path: &Path| {
        let path = path.to_owned();
        move |source| DrawError::Write { path, source }
    };
    std::fs::create_dir_all(&order.folder).map_err(written(&order.folder))?;
    let mut fonts = Fonts::new(order.fonts.as_deref());
    let mut entries = Vec::new();
    for number in 0..order.pictures {
        let kind = kind_of(number, &order.kinds);
        let drawn = picture(order.seed, number, kind, &mut fonts)?;
        let name = format!("{number:04}-{}.{}", kind.name(), drawn.ending);
        let path = order.folder.join(&name);
        std::fs::write(&path, &drawn.bytes).map_err(written(&path))?;
        entries.extend(drawn.entry(&name));
        progress(number + 1);
    }
    let truth = Truth { folder: order.folder.clone(), entries };
    truth.write()?;
    Ok(Drawing { truth, fonts: fonts.count() })
}

/// The kind of a picture: good in every other, the rest in turn.
fn kind_of(number: u32, kinds: &[Kind]) -> Kind {
    let bad: Vec<Kind> = kinds.iter().copied().filter(|kind| *kind != Kind::Good).collect();
    let (turn, rest) = if kinds.contains(&Kind::Good) && !bad.is_empty() {
        (number / 2, number % 2 == 1)
    } else {
        (number, !bad.is_empty())
    };
    let index = usize::try_from(turn).unwrap_or(0).checked_rem(bad.len()).unwrap_or(0);
    if rest { bad.get(index).copied().unwrap_or(Kind::Good) } else { Kind::Good }
}

/// A picture's file and what is known of it.
#[derive(Clone, Debug, PartialEq)]
struct Picture {
    bytes: Vec<u8>,
    ending: &'static str,
    expect: String,
    kind: Kind,
    language: &'static str,
    script: &'static str,
    notes: BTreeMap<String, Value>,
}

impl Picture {
    fn entry(self, file: &str) -> Option<Entry> {
        Some(Entry {
            file: file.parse().ok()?,
            expect: self.expect,
            drawn: if self.kind.is_correct() { Drawn::Correct } else { Drawn::Misdrawn },
            kind: Some(self.kind.name().to_owned()),
            language: Some(self.language.to_owned()),
            script: Some(self.script.to_owned()),
            notes: self.notes,
        })
    }
}

fn picture(seed: u64, number: u32, kind: Kind, fonts: &mut Fonts) -> Result<Picture, DrawError> {
    for attempt in 0..TRIES {
        let purpose = format!("{number} {attempt}");
        let mut dice = Dice::of("text picture", kind.name(), &purpose, seed);
        if let Some(text) = text(kind, fonts, &mut dice) {
            return finish(text, kind, fonts, &mut dice);
        }
    }
    Err(DrawError::NoFont(kind))
}

/// A phrase in letters, not yet on a picture.
struct Text {
    language: &'static Language,
    expect: String,
    shown: String,
    face: Face,
    size: f32,
    setting: Setting,
    block: Block,
    canvas: Size,
    changed: Option<f64>,
}

/// Chooses a phrase and a font, and spoils a letter; nothing where they do not fit together.
fn text(kind: Kind, fonts: &mut Fonts, dice: &mut Dice) -> Option<Text> {
    let language = language(kind, dice)?;
    let expect = phrase(language, dice);
    let face = fonts.face_for(&expect, dice)?;
    let shown = if kind.is_misspelt() {
        // An accent is small beside its letter.
        let least = if kind == Kind::Accent { 0.05 } else { damage::LEAST };
        let mut differ = |one: char, other: char| {
            let letters = [one, other].map(|letter| fonts.letter(&face, letter, 64.0));
            matches!(letters, [Some(one), Some(other)] if one.change(&other) > least)
        };
        misspell(&expect, kind, language.letters, &mut differ, dice)?
    } else {
        expect.clone()
    };
    let side = |dice: &mut Dice| dice.pick(&[768, 832, 896, 960, 1024], 1024);
    let canvas = Size::new(side(dice), side(dice)).ok()?;
    let words = shown.split(' ').count();
    let rows = dice.pick(&[1, 1, 1, 2, 2, 3], 1).min(words);
    let joined = matches!(language.script, "Arabic" | "Devanagari" | "Thai");
    let letters = shown.chars().count();
    let [small, large] = SIZES;
    let mut size = small * (large / small).powf(dice.between(0.0, 1.0));
    for rows in rows..=words.min(rows + 2) {
        let setting = Setting::drawn(rows, letters, joined, dice);
        while size >= small {
            let mut lines = lines(&shown, rows, &face, size, fonts)?;
            let (width, height) = Block::new(&lines, size, setting).extent();
            if width < pixels(canvas.width()) * 0.9 && height < pixels(canvas.height()) * 0.8 {
                let changed = if kind.is_misspelt() || kind.is_correct() {
                    None
                } else {
                    Some(damage::damage(&mut lines, kind, size, &face, fonts, dice)?)
                };
                let block = Block::new(&lines, size, setting);
                let text =
                    Text { language, expect, shown, face, size, setting, block, canvas, changed };
                return Some(text);
            }
            size *= 0.92;
        }
        size = small * 1.3;
    }
    None
}

#[expect(clippy::cast_precision_loss, reason = "a side has at most 4,096 pixels")]
const fn pixels(side: u32) -> f32 {
    side as f32
}

fn language(kind: Kind, dice: &mut Dice) -> Option<&'static Language> {
    if kind == Kind::Outside {
        let all: Vec<usize> = (0..UNREAD.len()).collect();
        return UNREAD.get(dice.pick(&all, 0));
    }
    // A third is English, a fifth Chinese or Japanese, if there are fonts for it.
    let all: Vec<usize> = (0..READ.len()).collect();
    let index = match dice.below(15) {
        0..5 => 0,
        5..8 => all.len().saturating_sub(1 + usize::from(dice.chance(0.5))),
        _ => dice.pick(all.get(1..all.len().saturating_sub(2)).unwrap_or_default(), 0),
    };
    READ.get(index)
}

/// The words of a text in rows of about equal length, shaped.
fn lines(text: &str, rows: usize, face: &Face, size: f32, fonts: &mut Fonts) -> Option<Vec<Line>> {
    let words: Vec<&str> = text.split(' ').collect();
    let each = words.len().div_ceil(rows.max(1)).max(1);
    words.chunks(each).map(|row| fonts.line(face, &row.join(" "), size)).collect()
}

/// Puts the text on a picture.
fn finish(
    text: Text,
    kind: Kind,
    fonts: &mut Fonts,
    dice: &mut Dice,
) -> Result<Picture, DrawError> {
    let palette = palette(dice);
    let (mut canvas, behind) = backdrop(text.canvas, palette, dice);
    let (width, height) = (canvas.width(), canvas.height());
    let (wide, tall) = text.block.extent();
    let margin = canvas.short() * 0.04;
    let mut place = |extent: f32, side: f32| {
        let room = (side - extent - margin * 2.0).max(0.0);
        margin + extent / 2.0 + room * dice.pick(&[0.1, 0.3, 0.5, 0.5, 0.5, 0.7, 0.9], 0.5)
    };
    let (x, y) = (place(wide, width), place(tall, height));
    let block = text.block.centred_at(x, y);
    let surface = (text.canvas.width() as usize, text.canvas.height() as usize);
    let mut colours = paint::colours(&canvas, block.bounds, text.size, palette, dice);
    // On a restless backdrop the sample may have missed the worst place.
    colours.contrast = (colours.contrast * 100.0).round() / 100.0;
    let ink = block.ink(surface.0, surface.1);
    let effect = paint::lay(&mut canvas, &ink, block.bounds, text.size, colours, dice);
    let small = if dice.chance(0.4) {
        small_print(&mut canvas, &block, &text.expect, text.language, palette, fonts, surface, dice)
    } else {
        0
    };
    let mut notes: BTreeMap<String, Value> = BTreeMap::new();
    let mut note = |name: &str, value: Value| notes.insert(name.to_owned(), value);
    if text.shown != text.expect {
        note("shown", json!(text.shown));
    }
    if let Some(changed) = text.changed {
        note("changed", json!((changed * 100.0).round() / 100.0));
    }
    note("font", json!(text.face.name));
    note("size", json!(text.size.round()));
    note("contrast", json!(f64::from((colours.contrast * 10.0).round()) / 10.0));
    note("backdrop", json!(behind));
    note("effect", json!(effect));
    note("turn", json!(f64::from(text.setting.turn.to_degrees().round())));
    note("bent", json!(text.setting.bend != 0.0));
    note("tracking", json!(f64::from((text.setting.tracking * 100.0).round()) / 100.0));
    note("small_print", json!(small));
    let (bytes, ending) = paint::develop(canvas, dice)?;
    Ok(Picture {
        bytes,
        ending,
        expect: text.expect,
        kind,
        language: text.language.code,
        script: text.language.script,
        notes,
    })
}

/// Other lines above and below, without a word of the text; says how many.
#[expect(clippy::too_many_arguments, reason = "all of one picture")]
fn small_print(
    canvas: &mut Canvas,
    block: &Block,
    expect: &str,
    language: &Language,
    palette: crate::simulator::drawing::Palette,
    fonts: &mut Fonts,
    (width, height): (usize, usize),
    dice: &mut Dice,
) -> u32 {
    let [_, top, _, bottom] = block.bounds;
    let size = dice.between(20.0, 34.0);
    let gap = size * 1.6;
    let mut drawn = 0;
    let mut rows = vec![top - gap, bottom + gap, bottom + gap * 2.2, top - gap * 2.2];
    rows.truncate(1 + usize::try_from(dice.below(4)).unwrap_or(0));
    let Some(face) = fonts.face_for(&format!("{expect} {}", language.words.join(" ")), dice) else {
        return 0;
    };
    let theirs: Vec<String> = expect.split_whitespace().map(folded).collect();
    for y in rows {
        let line = phrase(language, dice);
        let shared = line.split_whitespace().map(folded).any(|word| {
            theirs.iter().any(|their| their.contains(&word) || word.contains(their.as_str()))
        });
        let Some(line) = Some(line).filter(|_| !shared) else { continue };
        let Some(line) = fonts.line(&face, &line, size) else { continue };
        let line = Block::new(&[line], size, Setting::plain()).centred_at(canvas.width() / 2.0, y);
        let [left, top, right, bottom] = line.bounds;
        if left < 8.0 || top < 8.0 || right > canvas.width() - 8.0 || bottom > canvas.height() - 8.0
        {
            continue;
        }
        let colours = paint::colours(canvas, line.bounds, size, palette, dice);
        let ink: Mask = line.ink(width, height);
        paint::lay(canvas, &ink, line.bounds, size * 0.5, colours, dice);
        drawn += 1;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::measure::truth::script_of;

    #[test]
    fn a_picture_follows_from_the_seed_and_its_number() {
        let drawn = |seed, number| {
            let mut fonts = Fonts::new(None);
            picture(seed, number, Kind::Sub, &mut fonts).unwrap()
        };
        let first = drawn(1, 4);
        assert_eq!(first, drawn(1, 4));
        assert_ne!(first.bytes, drawn(1, 5).bytes);
        assert_ne!(first.bytes, drawn(2, 4).bytes);
    }

    #[test]
    fn a_folder_has_every_kind_and_its_truth() {
        let folder = tempfile::tempdir().unwrap();
        let order = Order {
            folder: folder.path().join("set"),
            pictures: 44,
            seed: 5,
            fonts: None,
            kinds: Kind::USUAL.to_vec(),
        };
        let drawing = draw(&order, &|_| {}).unwrap();
        assert_eq!(drawing.fonts, 6);
        assert_eq!(Truth::read(&order.folder).unwrap(), drawing.truth);
        let kinds: BTreeSet<_> = drawing.truth.entries.iter().map(Entry::kind).collect();
        assert_eq!(kinds.len(), Kind::USUAL.len());
        let good = drawing.truth.entries.iter().filter(|entry| entry.kind() == "good").count();
        assert_eq!(good, 22);
        for entry in &drawing.truth.entries {
            let picture = image::open(order.folder.join(entry.file.as_str())).unwrap();
            assert!((768..=1024).contains(&picture.width()), "{entry:?}");
            assert_eq!(entry.script(), script_of(&entry.expect), "{entry:?}");
            let kind = Kind::USUAL.iter().find(|kind| kind.name() == entry.kind()).unwrap();
            assert_eq!(entry.drawn == Drawn::Correct, kind.is_correct(), "{entry:?}");
            assert_eq!(entry.notes.contains_key("shown"), kind.is_misspelt(), "{entry:?}");
            let shown = entry.notes.get("shown").and_then(Value::as_str);
            assert!(shown.is_none_or(|shown| folded(shown) != folded(&entry.expect)), "{entry:?}");
            let changed = entry.notes.get("changed").and_then(Value::as_f64);
            assert!(changed.is_none_or(|changed| changed >= damage::LEAST), "{entry:?}");
        }
    }

    #[test]
    fn half_are_good_and_the_rest_takes_turns() {
        let kinds =
            |wanted: &[Kind], count| (0..count).map(|n| kind_of(n, wanted)).collect::<Vec<_>>();
        assert_eq!(
            kinds(&[Kind::Good, Kind::Sub, Kind::Tofu], 6),
            [Kind::Good, Kind::Sub, Kind::Good, Kind::Tofu, Kind::Good, Kind::Sub]
        );
        assert_eq!(kinds(&[Kind::Tofu], 2), [Kind::Tofu, Kind::Tofu]);
        assert_eq!(kinds(&[Kind::Good], 2), [Kind::Good, Kind::Good]);
    }
}
