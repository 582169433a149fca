//! Ink on a backdrop, and what happens to a picture afterwards.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, ImageResult};

use super::mask::{Mask, to_byte};
use crate::simulator::Dice;
use crate::simulator::drawing::{Bounds, Canvas, Ink, Palette, contrast, luminance, mix};

/// The least contrast of letters with what lies under them, wherever they stand on it: people still read it with ease
/// in letters of [`LARGE`] pixels.
const FAINTEST: f32 = 1.9;
/// The least contrast in smaller letters.
const FAINT: f32 = 3.0;
/// From this size on letters may be faint.
const LARGE: f32 = 44.0;

/// The colours of letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colours {
    ink: Ink,
    /// A panel under them, where the backdrop is too restless.
    panel: Option<Ink>,
    /// The least contrast of the letters with what lies under them.
    pub(super) contrast: f32,
}

/// Colours for letters of a size on a part of a picture.
pub(super) fn colours(
    canvas: &Canvas,
    bounds: Bounds,
    size: f32,
    palette: Palette,
    dice: &mut Dice,
) -> Colours {
    let [dark, deep, middle, warm, light] = palette;
    let under: Vec<f32> = canvas.samples(bounds).into_iter().map(luminance).collect();
    let least = |ink: Ink| {
        let own = luminance(ink);
        under.iter().map(|under| contrast(own, *under)).fold(f32::MAX, f32::min)
    };
    let mut inks = vec![dark, deep, middle, warm, light, [255; 3], [12, 12, 14], [200, 20, 30]];
    for _ in 0..8 {
        let share = dice.between(0.2, 0.8);
        inks.push(mix(dice.pick(&inks, dark), dice.pick(&inks, light), share));
    }
    let faint = size >= LARGE && dice.chance(0.25);
    let wanted = if faint { FAINTEST..FAINT } else { FAINT..f32::MAX };
    let fit: Vec<Ink> = inks.iter().copied().filter(|ink| wanted.contains(&least(*ink))).collect();
    if !fit.is_empty() && !dice.chance(0.08) {
        let ink = dice.pick(&fit, light);
        return Colours { ink, panel: None, contrast: least(ink) };
    }
    let pairs = [(light, dark), (dark, light), ([255; 3], dark), (dark, warm), (light, deep)];
    let fit: Vec<_> = pairs
        .into_iter()
        .filter(|(ink, panel)| contrast(luminance(*ink), luminance(*panel)) >= FAINT)
        .collect();
    let (ink, panel) = dice.pick(&fit, ([255; 3], [12, 12, 14]));
    Colours { ink, panel: Some(panel), contrast: contrast(luminance(ink), luminance(panel)) }
}

/// Lays letters on a picture, with a shadow or an outline now and then, and says which.
pub(super) fn lay(
    canvas: &mut Canvas,
    ink: &Mask,
    bounds: Bounds,
    size: f32,
    colours: Colours,
    dice: &mut Dice,
) -> &'static str {
    let [left, top, right, bottom] = bounds;
    if let Some(panel) = colours.panel {
        let pad = size * dice.between(0.25, 0.6);
        let corner = dice.pick(&[0.0, pad * 0.5, pad], 0.0);
        canvas.rectangle([left - pad, top - pad, right + pad, bottom + pad], corner, panel, 1.0);
    }
    let other = if luminance(colours.ink) > 0.3 { [10, 10, 12] } else { [252, 252, 250] };
    let effect = match dice.below(10) {
        0 | 1 if colours.panel.is_none() => {
            let away = (size * dice.between(0.03, 0.08)).max(1.5);
            let shadow = if luminance(colours.ink) > 0.1 { [0; 3] } else { [255; 3] };
            let share = dice.between(0.3, 0.7);
            canvas.paint([left, top, right + away * 2.0, bottom + away * 2.0], |x, y| {
                (shadow, ink.between(x - away, y - away) / 255.0 * share)
            });
            "shadow"
        }
        2 => {
            let reach = (size * dice.between(0.03, 0.06)).max(1.0);
            let around: Vec<(f32, f32)> = (0_u8..16)
                .map(|step| f32::from(step) / 16.0 * std::f32::consts::TAU)
                .map(|angle| (angle.cos() * reach, angle.sin() * reach))
                .collect();
            let grown = [left - reach, top - reach, right + reach, bottom + reach];
            canvas.paint(grown, |x, y| {
                let most = around.iter().map(|(dx, dy)| ink.between(x + dx, y + dy));
                (other, most.fold(0.0, f32::max) / 255.0)
            });
            "outline"
        }
        _ => "none",
    };
    canvas.paint([left - 2.0, top - 2.0, right + 2.0, bottom + 2.0], |x, y| {
        (colours.ink, ink.between(x, y) / 255.0)
    });
    effect
}

/// A picture's file, after the softness and the noise of lenses and of models, and the name's ending.
pub(super) fn develop(canvas: Canvas, dice: &mut Dice) -> ImageResult<(Vec<u8>, &'static str)> {
    let (size, mut pixels) = canvas.into_pixels();
    let (width, height) = (size.width(), size.height());
    if dice.chance(0.35) {
        let share = dice.between(0.1, 0.3);
        soften(&mut pixels, usize::try_from(width).unwrap_or(1), share);
    }
    if dice.chance(0.5) {
        let strength = f64::from(dice.between(0.5, 6.0));
        let salt = dice.bits();
        let mut grain = Dice::of("grain", "", "", salt);
        for pixel in pixels.chunks_exact_mut(3) {
            #[expect(clippy::cast_possible_truncation, reason = "some steps of brightness")]
            let step = (grain.normal() * strength).round() as i16;
            for channel in pixel {
                let moved = i16::from(*channel).saturating_add(step).clamp(0, 255);
                *channel = u8::try_from(moved).unwrap_or(*channel);
            }
        }
    }
    let mut file = Vec::new();
    if dice.chance(0.4) {
        let quality = 72 + u8::try_from(dice.below(24)).unwrap_or(0);
        JpegEncoder::new_with_quality(&mut file, quality).write_image(
            &pixels,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?;
        Ok((file, "jpg"))
    } else {
        PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Up)
            .write_image(&pixels, width, height, ExtendedColorType::Rgb8)?;
        Ok((file, "png"))
    }
}

/// Mixes each pixel with its neighbours: across, then down.
fn soften(pixels: &mut [u8], width: usize, share: f32) {
    for step in [3, width * 3] {
        let before = pixels.to_vec();
        for (index, place) in pixels.iter_mut().enumerate() {
            let at = |index: Option<usize>| {
                index.and_then(|index| before.get(index)).copied().unwrap_or(*place)
            };
            let (one, two) = (at(index.checked_sub(step)), at(index.checked_add(step)));
            let around = f32::midpoint(f32::from(one), f32::from(two));
            let mixed = f32::from(*place) * (1.0 - share) + around * share;
            *place = to_byte(mixed);
        }
    }
}
