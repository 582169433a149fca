//! Text on a picture: real fonts, wrapped, fitted, and legible on what lies under it.

use std::fmt;
use std::sync::Arc;

use cosmic_text::{
    Align, Attrs, Buffer, Fallback, Family, FontSystem, Metrics, Shaping, SwashCache, SwashContent,
    Weight, Wrap, fontdb,
};
use unicode_script::Script;

use super::canvas::{Bounds, Canvas};
use super::palette::{Ink, Palette, contrast, luminance, mix};
use crate::simulator::dice::Dice;

/// The least contrast of text that WCAG 2.2 calls legible (criterion 1.4.3).
const LEGIBLE: f32 = 4.5;
/// The smallest letters, in pixels.
const SMALLEST: f32 = 11.0;
/// The most characters that are drawn: more would not fit.
const MAX_CHARS: usize = 1_200;
/// How many drawn glyphs are kept for the next picture.
const MAX_GLYPHS: usize = 4_000;

/// Only the fonts that come with the program, so that a picture is the same on every machine.
struct OwnFonts;

impl Fallback for OwnFonts {
    fn common_fallback(&self) -> &[&'static str] {
        &["DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"]
    }

    fn forbidden_fallback(&self) -> &[&'static str] {
        &[]
    }

    fn script_fallback(&self, _: Script, _: &str) -> &[&'static str] {
        &["DejaVu Sans"]
    }
}

/// Fonts and drawn glyphs, kept from picture to picture.
pub(super) struct Lettering {
    fonts: FontSystem,
    glyphs: SwashCache,
}

impl fmt::Debug for Lettering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lettering(..)")
    }
}

/// The fonts that come with the program: DejaVu, in sans, serif and mono, regular and bold.
pub(crate) fn own_fonts() -> fontdb::Database {
    let mut db = fontdb::Database::new();
    for font in [
        dejavu::sans::regular(),
        dejavu::sans::bold(),
        dejavu::sans_condensed::bold(),
        dejavu::serif::regular(),
        dejavu::serif::bold(),
        dejavu::sans_mono::bold(),
    ] {
        db.load_font_source(fontdb::Source::Binary(Arc::new(font)));
    }
    db
}

/// A text laid out, and where it goes.
struct Layout {
    buffer: Buffer,
    left: f32,
    top: f32,
    /// Around the ink itself.
    bounds: Bounds,
}

impl Lettering {
    /// The fonts of the program: DejaVu, in sans, serif and mono, regular and bold.
    pub(super) fn new() -> Self {
        let fonts = FontSystem::new_with_locale_and_db_and_fallback(
            "en-US".to_owned(),
            own_fonts(),
            OwnFonts,
        );
        Self { fonts, glyphs: SwashCache::new() }
    }

    /// Writes the texts, each as a paragraph of its own, on the surface.
    pub(super) fn write(
        &mut self,
        canvas: &mut Canvas,
        texts: &[String],
        palette: Palette,
        dice: &mut Dice,
    ) {
        let text: String = texts.join("\n").chars().take(MAX_CHARS).collect();
        if text.trim().is_empty() {
            return;
        }
        let mut layout = self.layout(canvas, &text, dice);
        let pad = canvas.short() * 0.03;
        let [left, top, right, bottom] = layout.bounds;
        let panel = [left - pad * 1.4, top - pad, right + pad * 1.4, bottom + pad];
        let (ink, back) = colours(&canvas.samples(panel), palette, dice);
        if let Some(back) = back {
            let corner = dice.pick(&[0.0, pad * 0.6, pad * 1.2], 0.0);
            canvas.rectangle(panel, corner, back, 1.0);
            if dice.chance(0.4) {
                // A frame in the colour of the letters, as labels and signs have it.
                frame(canvas, panel, pad * 0.35, ink, back);
            }
        }
        self.stamp(canvas, &mut layout, ink);
        if self.glyphs.image_cache.len() > MAX_GLYPHS {
            self.glyphs.image_cache.clear();
        }
    }

    /// Lays the text out in the largest letters that fit the margins.
    fn layout(&mut self, canvas: &Canvas, text: &str, dice: &mut Dice) -> Layout {
        let (family, weight) = dice.pick(
            &[
                (Family::Name("DejaVu Sans"), Weight::BOLD),
                (Family::Name("DejaVu Sans"), Weight::NORMAL),
                (Family::Name("DejaVu Sans Condensed"), Weight::BOLD),
                (Family::Name("DejaVu Serif"), Weight::BOLD),
                (Family::Name("DejaVu Serif"), Weight::NORMAL),
                (Family::Name("DejaVu Sans Mono"), Weight::BOLD),
            ],
            (Family::Name("DejaVu Sans"), Weight::BOLD),
        );
        let attrs = Attrs::new().family(family).weight(weight);
        let align = dice.chance(0.75).then_some(Align::Center);
        let (width, height) = (canvas.width() * 0.82, canvas.height());
        let mut size = canvas.short() * dice.between(0.13, 0.24);
        // A short text leaves room for the picture; a long one may take nearly all of it.
        let room = if text.chars().count() < 120 { 0.5 } else { 0.86 };
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, size * 1.2));
        buffer.set_wrap(Wrap::Word);
        buffer.set_text(text, &attrs, Shaping::Advanced, align);
        loop {
            let smallest = size <= SMALLEST;
            if smallest {
                buffer.set_wrap(Wrap::WordOrGlyph);
            }
            buffer.set_metrics_and_size(Metrics::new(size, size * 1.2), Some(width), None);
            buffer.shape_until_scroll(&mut self.fonts, false);
            let (mut widest, mut lowest) = (0.0_f32, 0.0_f32);
            for run in buffer.layout_runs() {
                widest = widest.max(run.line_w);
                lowest = lowest.max(run.line_top + run.line_height);
            }
            if smallest || (widest <= width && lowest <= height * room) {
                return place(canvas, buffer, (widest, lowest), size, dice);
            }
            size = (size * 0.9).max(SMALLEST);
        }
    }

    /// Draws the glyphs.
    fn stamp(&mut self, canvas: &mut Canvas, layout: &mut Layout, ink: Ink) {
        for run in layout.buffer.layout_runs() {
            for glyph in run.glyphs {
                let glyph = glyph.physical((layout.left, layout.top + run.line_y), 1.0);
                let Some(image) = self.glyphs.get_image(&mut self.fonts, glyph.cache_key) else {
                    continue;
                };
                if image.content == SwashContent::Mask {
                    let left = glyph.x.saturating_add(image.placement.left);
                    let top = glyph.y.saturating_sub(image.placement.top);
                    let width = usize::try_from(image.placement.width).unwrap_or(0);
                    canvas.stamp(left, top, width, &image.data, ink);
                }
            }
        }
    }
}

/// Puts a laid-out text at the top, in the middle or at the bottom.
fn place(
    canvas: &Canvas,
    buffer: Buffer,
    (widest, lowest): (f32, f32),
    size: f32,
    dice: &mut Dice,
) -> Layout {
    let margin = canvas.height() * 0.09;
    let free = (canvas.height() - lowest - margin * 2.0).max(0.0);
    let top = (margin + free * dice.pick(&[0.0, 0.5, 0.5, 1.0], 0.5))
        .min((canvas.height() - lowest).max(0.0) / 2.0 + free / 2.0);
    let left = canvas.width() * 0.09;
    let width = canvas.width() * 0.82;
    let (mut first, mut last) = (f32::MAX, f32::MIN);
    for run in buffer.layout_runs() {
        for glyph in run.glyphs {
            first = first.min(glyph.x);
            last = last.max(glyph.x + glyph.w);
        }
    }
    if first > last {
        (first, last) = (0.0, widest.min(width));
    }
    let bounds = [left + first, top + size * 0.1, left + last, top + lowest - size * 0.05];
    Layout { buffer, left, top, bounds }
}

/// The colour of the letters, and of a panel under them where the picture itself is too restless or too
/// near in brightness.
fn colours(under: &[Ink], palette: Palette, dice: &mut Dice) -> (Ink, Option<Ink>) {
    let mut lights: Vec<f32> = under.iter().map(|ink| luminance(*ink)).collect();
    lights.sort_by(f32::total_cmp);
    let at = |share: usize| lights.get(lights.len() * share / 100).copied().unwrap_or(0.5);
    let (low, high) = (at(3), at(97));
    let [dark, deep, _, _, light] = palette;
    let candidates = [light, dark, [255; 3], [12, 12, 14]];
    let least = |ink: Ink| contrast(luminance(ink), low).min(contrast(luminance(ink), high));
    let best = candidates.into_iter().max_by(|a, b| least(*a).total_cmp(&least(*b)));
    match best {
        Some(ink) if least(ink) >= LEGIBLE && high - low < 0.3 && !dice.chance(0.15) => (ink, None),
        _ => {
            let pairs = [(light, dark), (dark, light), ([255; 3], mix(deep, dark, 0.5))];
            let (ink, back) = dice.pick(&pairs, (light, dark));
            if contrast(luminance(ink), luminance(back)) >= LEGIBLE {
                (ink, Some(back))
            } else {
                ([255; 3], Some([12, 12, 14]))
            }
        }
    }
}

fn frame(canvas: &mut Canvas, [left, top, right, bottom]: Bounds, inset: f32, ink: Ink, back: Ink) {
    let line = inset * 0.45;
    let outer = [left + inset, top + inset, right - inset, bottom - inset];
    canvas.rectangle(outer, 0.0, ink, 1.0);
    let inner =
        [left + inset + line, top + inset + line, right - inset - line, bottom - inset - line];
    canvas.rectangle(inner, 0.0, back, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::picture::palette::palette;
    use crate::simulator::picture::size::Size;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn letters_are_legible_on_whatever_lies_under_them(
            under in proptest::collection::vec(any::<[u8; 3]>(), 0..40),
            seed in any::<u64>(),
        ) {
            let mut dice = Dice::of("test", "", "", seed);
            let palette = palette(&mut dice);
            let (ink, back) = colours(&under, palette, &mut dice);
            let ink = luminance(ink);
            match back {
                Some(back) => prop_assert!(contrast(ink, luminance(back)) >= LEGIBLE),
                None => {
                    let legible =
                        under.iter().filter(|under| contrast(ink, luminance(**under)) >= LEGIBLE);
                    prop_assert!(legible.count() * 10 >= under.len() * 9);
                }
            }
        }
    }

    #[test]
    fn any_text_is_laid_out_inside_the_picture() {
        let mut lettering = Lettering::new();
        let size = Size::new(200, 120).unwrap();
        for (seed, text) in (0..).zip([
            "OPEN".to_owned(),
            "Donaudampfschifffahrtsgesellschaftskapitänsmütze".to_owned(),
            "word ".repeat(60),
            "a\u{202e}b\u{0}c\u{1f980}\u{fffd}\u{0301}".to_owned(),
            "שלום ABC مرحبا".to_owned(),
        ]) {
            let mut dice = Dice::of("test", "", &text, seed);
            let canvas = Canvas::plain(size, [90, 90, 90]);
            let layout = lettering.layout(&canvas, &text, &mut dice);
            let [left, top, right, bottom] = layout.bounds;
            assert!(left >= 0.0 && right <= 200.0 && left < right, "{text}: {:?}", layout.bounds);
            assert!(top >= -1.0 && top < bottom, "{text}: {:?}", layout.bounds);
            let mut written = canvas.clone();
            lettering.write(
                &mut written,
                std::slice::from_ref(&text),
                palette(&mut dice),
                &mut dice,
            );
            assert_ne!(written.into_pixels().1, canvas.into_pixels().1, "{text}");
        }
    }
}
