//! Backgrounds: what a prompt without text gets, too.

use super::canvas::Canvas;
use super::objects;
use super::palette::{Ink, Palette, mix};
use super::size::Size;
use crate::simulator::dice::Dice;

/// A background, chosen and drawn by the dice alone.
pub(crate) fn scene(size: Size, palette: Palette, dice: &mut Dice) -> Canvas {
    let [dark, ..] = palette;
    let mut canvas = Canvas::plain(size, dark);
    match dice.below(9) {
        0 => glow(&mut canvas, palette, dice),
        1 => stripes(&mut canvas, palette, dice),
        2 => hills(&mut canvas, palette, dice),
        3 => objects::still_life(&mut canvas, palette, dice),
        4 => objects::skyline(&mut canvas, palette, dice),
        5 => paper(&mut canvas, palette, dice),
        6 => objects::tiles(&mut canvas, palette, dice),
        7 => rays(&mut canvas, palette, dice),
        _ => objects::bubbles(&mut canvas, palette, dice),
    }
    canvas
}

/// A gradient between three colours, at an angle.
pub(crate) fn gradient(canvas: &mut Canvas, [from, over, to]: [Ink; 3], angle: f32) {
    let (cos, sin) = (angle.cos() / canvas.width(), angle.sin() / canvas.height());
    let (low, high) = (cos.min(0.0) * canvas.width(), sin.min(0.0) * canvas.height());
    let reach = angle.cos().abs() + angle.sin().abs();
    canvas.shade(|x, y| {
        let t = (x * cos + y * sin - low - high) / reach * 2.0;
        if t < 1.0 { mix(from, over, t) } else { mix(over, to, t - 1.0) }
    });
}

/// A gradient with soft lights.
fn glow(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    let angle = dice.between(0.0, std::f32::consts::TAU);
    let colours = if dice.chance(0.5) { [dark, deep, middle] } else { [light, warm, middle] };
    gradient(canvas, colours, angle);
    for _ in 0..3 {
        let (x, y) = (dice.between(0.0, canvas.width()), dice.between(0.0, canvas.height()));
        let reach = canvas.short() * dice.between(0.25, 0.6);
        let ink = dice.pick(&[deep, middle, warm, light], warm);
        canvas.paint(super::canvas::around(x, y, reach), |px, py| {
            let near = 1.0 - ((px - x).hypot(py - y) / reach).min(1.0);
            (ink, near * near * 0.6)
        });
    }
}

/// Stripes or a check, in neighbouring tones.
fn stripes(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    let pairs = [(dark, deep), (deep, middle), (warm, light), (light, mix(light, warm, 0.5))];
    let (one, two) = dice.pick(&pairs, (dark, deep));
    let angle = dice.pick(&[0.0_f32, 0.785, 1.571, 2.356, 0.4], 0.785);
    let (cos, sin) = (angle.cos(), angle.sin());
    let period = canvas.short() * dice.between(0.06, 0.2);
    let (check, share) = (dice.chance(0.3), dice.between(0.35, 0.65));
    let band = |place: f32| {
        let phase = (place / period).rem_euclid(1.0);
        // One pixel of transition on each edge.
        let edge = phase.min((phase - share).abs()).min(1.0 - phase) * period;
        let inside = if phase < share { 1.0 } else { -1.0 };
        (0.5 + inside * edge).clamp(0.0, 1.0)
    };
    canvas.shade(|x, y| {
        let first = band(x * cos + y * sin);
        let covered = if check { f32::midpoint(first, band(y * cos - x * sin)) } else { first };
        mix(one, two, covered)
    });
}

/// A sky, a sun and rows of hills.
fn hills(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    let night = dice.chance(0.3);
    let sky = if night { [dark, deep, middle] } else { [middle, warm, light] };
    gradient(canvas, sky, std::f32::consts::FRAC_PI_2);
    let (width, height, short) = (canvas.width(), canvas.height(), canvas.short());
    let (x, y) = (width * dice.between(0.15, 0.85), height * dice.between(0.12, 0.45));
    let radius = short * dice.between(0.05, 0.12);
    for ring in [3.0, 2.2, 1.5] {
        canvas.disc(x, y, radius * ring, light, 0.12);
    }
    canvas.disc(x, y, radius, light, 1.0);
    for (row, share) in (0_u8..4).zip([0.55_f32, 0.66, 0.77, 0.88]) {
        let ink = mix(if night { deep } else { middle }, dark, 0.2 + f32::from(row) * 0.24);
        let (one, two) = (dice.between(0.6, 1.6), dice.between(2.0, 4.5));
        let (a, b) = (dice.between(0.0, 6.3), dice.between(0.0, 6.3));
        let level = height * share;
        let crest = |px: f32| {
            let t = px / width * std::f32::consts::TAU;
            level + height * (0.05 * (t * one + a).sin() + 0.018 * (t * two + b).sin())
        };
        canvas.fill([0.0, level - height * 0.08, width, height], ink, 1.0, |px, py| crest(px) - py);
    }
}

/// Paper, plaster or felt: noise at two scales, darker at the corners.
fn paper(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    let base = dice.pick(&[deep, middle, warm, light, light], light);
    let salt = dice.bits();
    let (fine, coarse) = (dice.between(2.0, 5.0), canvas.short() * dice.between(0.06, 0.2));
    let strength = dice.between(0.06, 0.16);
    let (cx, cy) = (canvas.width() / 2.0, canvas.height() / 2.0);
    canvas.shade(|x, y| {
        let grain = noise(x / fine, y / fine, salt) * 0.5 + noise(x / coarse, y / coarse, !salt);
        let corner = ((x - cx) / cx).hypot((y - cy) / cy) / std::f32::consts::SQRT_2;
        mix(base, dark, grain * strength + corner * corner * 0.25)
    });
}

/// Rays from a point.
fn rays(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    let pairs = [(warm, light), (deep, middle), (dark, deep)];
    let (one, two) = dice.pick(&pairs, (warm, light));
    let (x, y) =
        (canvas.width() * dice.between(0.3, 0.7), canvas.height() * dice.between(0.4, 1.0));
    let count = 8.0 + f32::from(dice.pick(&[0_u8, 2, 4, 8], 4));
    let turn = dice.between(0.0, 1.0);
    canvas.shade(|px, py| {
        let (dx, dy) = (px - x, py - y);
        let phase = (dy.atan2(dx) / std::f32::consts::TAU * count + turn).rem_euclid(1.0);
        let edge = phase.min((phase - 0.5).abs()).min(1.0 - phase);
        let pixels = edge / count * std::f32::consts::TAU * dx.hypot(dy);
        let inside = if phase < 0.5 { 1.0 } else { -1.0 };
        mix(one, two, (0.5 + inside * pixels).clamp(0.0, 1.0))
    });
}

/// Smooth noise between 0 and 1: a lattice of hashes, interpolated.
#[expect(clippy::cast_possible_truncation, reason = "a place on a picture is far below 2^31")]
pub(crate) fn noise(x: f32, y: f32, salt: u64) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - x0), ease(y - y0));
    let (column, row) = (x0 as i32, y0 as i32);
    let lerp = |a: f32, b: f32, t: f32| (b - a).mul_add(t, a);
    let top = lerp(lattice(column, row, salt), lattice(column + 1, row, salt), tx);
    let low = lerp(lattice(column, row + 1, salt), lattice(column + 1, row + 1, salt), tx);
    lerp(top, low, ty)
}

/// The hash of a lattice point, between 0 and 1.
#[expect(clippy::cast_sign_loss, reason = "bits for a hash, not a quantity")]
fn lattice(column: i32, row: i32, salt: u64) -> f32 {
    let mut bits = (u64::from(column as u32) << 32 | u64::from(row as u32)) ^ salt;
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    let [high, ..] = (bits ^ (bits >> 33)).to_be_bytes();
    f32::from(high) / 255.0
}
