//! Lines of text on a picture, in the fonts that come with the program.

use cosmic_text::{
    Attrs, Buffer, Family, FontSystem, Metrics, Shaping, SwashCache, SwashContent, Weight, Wrap,
};
use image::{Rgb, RgbImage};

use crate::simulator::drawing::own_fonts;

/// Writes text; keeps fonts and drawn glyphs.
pub(super) struct Letters {
    fonts: FontSystem,
    glyphs: SwashCache,
}

/// A text that is laid out, before its place is known.
pub(super) struct Text {
    buffer: Buffer,
    /// Its height in pixels.
    pub(super) height: u32,
    /// Its width in pixels.
    pub(super) width: u32,
}

impl Letters {
    pub(super) fn new() -> Self {
        let fonts = FontSystem::new_with_locale_and_db("en-US".to_owned(), own_fonts());
        Self { fonts, glyphs: SwashCache::new() }
    }

    /// Lays a text out, in lines of at most `width` pixels.
    pub(super) fn lay_out(&mut self, text: &str, size: f32, bold: bool, width: u32) -> Text {
        let weight = if bold { Weight::BOLD } else { Weight::NORMAL };
        let attrs = Attrs::new().family(Family::Name("DejaVu Sans")).weight(weight);
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, (size * 1.3).round()));
        buffer.set_wrap(Wrap::WordOrGlyph);
        buffer.set_size(Some(width.max(1) as f32), None);
        buffer.set_text(text, &attrs, Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts, false);
        let (mut right, mut bottom) = (0.0_f32, 0.0_f32);
        for run in buffer.layout_runs() {
            right = right.max(run.line_w);
            bottom = bottom.max(run.line_top + run.line_height);
        }
        Text { buffer, height: bottom.ceil() as u32, width: right.ceil() as u32 }
    }

    /// Writes a text with its upper left corner at a place; what is outside of the picture is cut.
    pub(super) fn write(
        &mut self,
        to: &mut RgbImage,
        text: &Text,
        (x, y): (u32, u32),
        ink: [u8; 3],
    ) {
        for run in text.buffer.layout_runs() {
            for glyph in run.glyphs {
                let glyph = glyph.physical((x as f32, y as f32 + run.line_y), 1.0);
                let Some(image) = self.glyphs.get_image(&mut self.fonts, glyph.cache_key) else {
                    continue;
                };
                if image.content != SwashContent::Mask {
                    continue;
                }
                let left = glyph.x.saturating_add(image.placement.left);
                let top = glyph.y.saturating_sub(image.placement.top);
                let width = image.placement.width.max(1);
                for (at, share) in (0_u32..).zip(&image.data) {
                    let (dx, dy) = (at % width, at / width);
                    let place = (left.checked_add_unsigned(dx), top.checked_add_unsigned(dy));
                    if let (Some(x), Some(y)) = place
                        && let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
                    {
                        mix(to, x, y, ink, *share);
                    }
                }
            }
        }
    }
}

/// Mixes a colour in, by a share of 255; nothing outside of the picture.
fn mix(to: &mut RgbImage, x: u32, y: u32, ink: [u8; 3], share: u8) {
    if let Some(Rgb(pixel)) = to.get_pixel_mut_checked(x, y) {
        for (value, ink) in pixel.iter_mut().zip(ink) {
            let (old, new, share) = (u32::from(*value), u32::from(ink), u32::from(share));
            *value = u8::try_from((old * (255 - share) + new * share + 127) / 255).unwrap_or(ink);
        }
    }
}
