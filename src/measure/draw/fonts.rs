//! Fonts, and letters drawn with one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cosmic_text::{
    Attrs, Buffer, Fallback, Family, FontSystem, Metrics, Shaping, SwashCache, SwashContent, Wrap,
    fontdb,
};
use unicode_script::Script;

use super::mask::Mask;
use crate::simulator::Dice;
use crate::simulator::drawing::own_fonts;

/// No other font is taken where one lacks a letter: the letter is looked for in the next one.
struct NoOther;

impl Fallback for NoOther {
    fn common_fallback(&self) -> &[&'static str] {
        &[]
    }

    fn forbidden_fallback(&self) -> &[&'static str] {
        &[]
    }

    fn script_fallback(&self, _: Script, _: &str) -> &[&'static str] {
        &[]
    }
}

/// Names of fonts whose letters are none.
const NO_LETTERS: [&str; 11] = [
    "Keyboard",
    "Initials",
    "Symbol",
    "Dingbat",
    // Another name for Zapf's dingbats.
    "D050000L",
    "Emoji",
    "Music",
    "SignWriting",
    "LastResort",
    "Blank",
    "Icons",
];

/// The thinnest weight: hairlines are not for signs.
const THINNEST: u16 = 300;

/// A font that may be drawn with.
#[derive(Clone, Debug)]
pub(super) struct Face {
    id: fontdb::ID,
    family: String,
    style: fontdb::Style,
    weight: fontdb::Weight,
    stretch: fontdb::Stretch,
    /// Its PostScript name.
    pub(super) name: String,
}

/// A letter of a line.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// The character that it stands for; nothing where it stands for several or for a part.
    pub(super) letter: Option<char>,
    /// Where its mask begins, in pixels from the line's beginning.
    pub(super) left: f32,
    /// Where its mask begins, in pixels above the baseline.
    pub(super) above: f32,
    pub(super) mask: Mask,
}

/// A line of letters.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) glyphs: Vec<Glyph>,
    /// Its width in pixels.
    pub(super) width: f32,
}

/// All fonts that may be drawn with.
pub(super) struct Fonts {
    system: FontSystem,
    swash: SwashCache,
    /// By family of families, so that one with sixty members is not drawn with sixty times as often.
    groups: Vec<Vec<Face>>,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fonts({} groups)", self.groups.len())
    }
}

impl Fonts {
    /// The fonts of the program and those under a folder.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let mut db = own_fonts();
        if let Some(folder) = folder {
            db.load_fonts_dir(folder);
        }
        let mut by_name: BTreeMap<String, Face> = BTreeMap::new();
        for info in db.faces() {
            let Some((family, _)) = info.families.first() else { continue };
            if info.weight.0 < THINNEST || NO_LETTERS.iter().any(|word| family.contains(word)) {
                continue;
            }
            // The first of a name stays: those of the program came first.
            by_name.entry(info.post_script_name.clone()).or_insert_with(|| Face {
                id: info.id,
                family: family.clone(),
                style: info.style,
                weight: info.weight,
                stretch: info.stretch,
                name: info.post_script_name.clone(),
            });
        }
        let mut groups: BTreeMap<String, Vec<Face>> = BTreeMap::new();
        for face in by_name.into_values() {
            groups.entry(group(&face.family)).or_default().push(face);
        }
        let system =
            FontSystem::new_with_locale_and_db_and_fallback("en-US".to_owned(), db, NoOther);
        Self { system, swash: SwashCache::new(), groups: groups.into_values().collect() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// One that has every letter of a text; nothing where none has.
    pub(super) fn face_for(&mut self, text: &str, dice: &mut Dice) -> Option<Face> {
        let groups: Vec<usize> = (0..self.groups.len()).collect();
        for _ in 0..60 {
            let group = self.groups.get(dice.pick(&groups, 0)).cloned().unwrap_or_default();
            let members: Vec<usize> = (0..group.len()).collect();
            let face = group.get(dice.pick(&members, 0)).cloned();
            if let Some(face) = face.filter(|face| self.has_all(face, text)) {
                return Some(face);
            }
        }
        // A script that few fonts have: all that do.
        let all: Vec<Face> = self.groups.iter().flatten().cloned().collect();
        let able: Vec<Face> = all.into_iter().filter(|face| self.has_all(face, text)).collect();
        let members: Vec<usize> = (0..able.len()).collect();
        able.get(dice.pick(&members, 0)).cloned()
    }

    fn has_all(&mut self, face: &Face, text: &str) -> bool {
        let has = self.system.get_font(face.id, face.weight).is_some_and(|font: Arc<_>| {
            let letters = font.as_swash().charmap();
            text.chars().filter(|c| !c.is_whitespace()).all(|c| letters.map(c) != 0)
        });
        // A letter may be there and be empty.
        has && self.line(face, text, 32.0).is_some()
    }

    /// A line of text in pixels; nothing where the font lacks a letter of it.
    pub(super) fn line(&mut self, face: &Face, text: &str, size: f32) -> Option<Line> {
        let attrs = Attrs::new()
            .family(Family::Name(&face.family))
            .style(face.style)
            .weight(face.weight)
            .stretch(face.stretch);
        let mut buffer = Buffer::new(&mut self.system, Metrics::new(size, size * 1.2));
        buffer.set_wrap(Wrap::None);
        buffer.set_text(text, &attrs, Shaping::Advanced, None);
        buffer.set_metrics_and_size(Metrics::new(size, size * 1.2), None, None);
        buffer.shape_until_scroll(&mut self.system, false);
        let mut line = Line::default();
        for run in buffer.layout_runs() {
            line.width = line.width.max(run.line_w);
            for glyph in run.glyphs {
                let cluster = run.text.get(glyph.start..glyph.end)?;
                if cluster.chars().all(char::is_whitespace) {
                    continue;
                }
                if glyph.glyph_id == 0 || glyph.font_id != face.id {
                    return None;
                }
                let physical = glyph.physical((0.0, 0.0), 1.0);
                let image = self.swash.get_image_uncached(&mut self.system, physical.cache_key)?;
                let mask = Mask {
                    width: usize::try_from(image.placement.width).ok()?,
                    height: usize::try_from(image.placement.height).ok()?,
                    ink: image.data,
                };
                if image.content != SwashContent::Mask || mask.total() == 0 {
                    return None;
                }
                let mut letters = cluster.chars();
                let letter = letters.next().filter(|_| letters.next().is_none());
                #[expect(clippy::cast_precision_loss, reason = "a place on a picture")]
                line.glyphs.push(Glyph {
                    letter,
                    left: (physical.x + image.placement.left) as f32,
                    above: (image.placement.top - physical.y) as f32,
                    mask,
                });
            }
        }
        (!line.glyphs.is_empty()).then_some(line)
    }

    /// The ink of a letter alone.
    pub(super) fn letter(&mut self, face: &Face, letter: char, size: f32) -> Option<Mask> {
        let line = self.line(face, &letter.to_string(), size)?;
        match <[Glyph; 1]>::try_from(line.glyphs) {
            Ok([glyph]) => Some(glyph.mask),
            Err(_) => None,
        }
    }
}

/// What fonts of one design share: the first word of their family, or two of the many that begin with `Noto`.
fn group(family: &str) -> String {
    let words = if family.starts_with("Noto") { 2 } else { 1 };
    family.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
}
