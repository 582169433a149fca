//! Backgrounds that are made of things.

use super::canvas::{Canvas, around};
use super::palette::{Ink, Palette, mix};
use crate::simulator::dice::Dice;

/// A wall, a table, and some balls, boxes and vases on it.
pub(super) fn still_life(
    canvas: &mut Canvas,
    [dark, deep, middle, warm, light]: Palette,
    dice: &mut Dice,
) {
    let (width, height, short) = (canvas.width(), canvas.height(), canvas.short());
    let (wall, table) = dice.pick(&[(light, warm), (middle, deep), (warm, deep)], (light, warm));
    let edge = height * dice.between(0.58, 0.72);
    canvas.shade(|x, y| {
        let lit = ((x - width * 0.3) / width).hypot((y - edge * 0.4) / height);
        if y < edge {
            mix(wall, dark, lit * 0.35)
        } else {
            mix(table, dark, (y - edge) / height * 0.6)
        }
    });
    let count = 1 + dice.below(3);
    for place in 0..count {
        #[expect(clippy::cast_precision_loss, reason = "three at most")]
        let x =
            width * (place as f32 + 1.0) / (count as f32 + 1.0) + dice.between(-0.05, 0.05) * width;
        let size = short * dice.between(0.1, 0.2);
        let y = edge + height * dice.between(0.04, 0.14);
        let ink = dice.pick(&[deep, middle, warm, mix(warm, light, 0.5)], warm);
        shadow(canvas, x + size * 0.3, y, size, dark);
        match dice.below(3) {
            0 => ball(canvas, x, y - size, size, ink),
            1 => {
                canvas.rectangle([x - size, y - size * 1.5, x, y], 1.0, ink, 1.0);
                let side = mix(ink, dark, 0.4);
                canvas.rectangle([x, y - size * 1.5, x + size * 0.55, y], 1.0, side, 1.0);
            }
            _ => vase(canvas, x, y, size, ink, dark),
        }
    }
}

fn shadow(canvas: &mut Canvas, x: f32, y: f32, size: f32, ink: Ink) {
    canvas.paint([x - size * 1.4, y - size * 0.3, x + size * 1.4, y + size * 0.3], |px, py| {
        let away = ((px - x) / (size * 1.4)).hypot((py - y) / (size * 0.3));
        (ink, (1.0 - away).clamp(0.0, 1.0) * 0.55)
    });
}

fn ball(canvas: &mut Canvas, x: f32, y: f32, radius: f32, ink: Ink) {
    canvas.paint(around(x, y, radius + 1.0), |px, py| {
        let (dx, dy) = ((px - x) / radius, (py - y) / radius);
        let inside = ((1.0 - dx.hypot(dy)) * radius + 0.5).clamp(0.0, 1.0);
        // Lit from the upper left: the angle to the light gives the shade.
        let up = (1.0 - dx * dx - dy * dy).max(0.0).sqrt();
        let lit = (-0.5 * dx - 0.6 * dy + 0.62 * up).max(0.0);
        let shade = mix(mix(ink, [0; 3], 0.55), ink, lit * 1.3);
        (mix(shade, [255; 3], lit.powi(24) * 0.8), inside)
    });
}

fn vase(canvas: &mut Canvas, x: f32, y: f32, size: f32, ink: Ink, dark: Ink) {
    let tall = size * 2.4;
    canvas.paint([x - size, y - tall, x + size, y], |px, py| {
        let t = (y - py) / tall;
        let half = size * (0.5 + 0.42 * (t * 4.4 + 0.5).sin() * (1.0 - t * 0.4));
        let inside = (half - (px - x).abs() + 0.5).clamp(0.0, 1.0);
        let across = ((px - x) / half.max(1.0) + 0.35).abs();
        (mix(ink, dark, across * 0.5), if (0.0..=1.0).contains(&t) { inside } else { 0.0 })
    });
}

/// A town at dusk, with lit windows.
pub(super) fn skyline(
    canvas: &mut Canvas,
    [dark, deep, middle, warm, light]: Palette,
    dice: &mut Dice,
) {
    let (width, height, short) = (canvas.width(), canvas.height(), canvas.short());
    canvas.shade(|_, y| {
        let t = y / height;
        if t < 0.5 { mix(deep, middle, t * 2.0) } else { mix(middle, warm, t * 2.0 - 1.0) }
    });
    let (x, y) = (width * dice.between(0.1, 0.9), height * dice.between(0.12, 0.3));
    canvas.disc(x, y, short * 0.06, light, 0.9);
    for (row, share) in [(0.35_f32, 0.45_f32), (0.7, 0.3), (1.0, 0.18)] {
        let ink = mix(middle, dark, row);
        let mut left = -dice.between(0.0, 0.05) * width;
        while left < width {
            let right = left + width * dice.between(0.05, 0.13);
            let top = height * (1.0 - share - dice.between(0.0, 0.22));
            canvas.rectangle([left, top, right, height], 0.0, ink, 1.0);
            let (across, down) = (short * 0.022, short * 0.034);
            let mut wy = top + down;
            while wy < height - down {
                let mut wx = left + across;
                while wx < right - across * 1.4 {
                    if dice.chance(f64::from(row) * 0.4) {
                        let window = [wx, wy, wx + across * 0.7, wy + down * 0.6];
                        canvas.rectangle(window, 0.0, warm, 0.9);
                    }
                    wx += across * 1.5;
                }
                wy += down * 1.4;
            }
            left = right + width * dice.between(0.0, 0.02);
        }
    }
}

/// Tiles of quarter discs, discs and squares.
pub(super) fn tiles(canvas: &mut Canvas, palette: Palette, dice: &mut Dice) {
    let [dark, .., light] = palette;
    let side = canvas.short() / f32::from(dice.pick(&[3_u8, 4, 5], 4));
    let mut top = 0.0;
    while top < canvas.height() {
        let mut left = 0.0;
        while left < canvas.width() {
            let (back, ink) = (dice.pick(&palette, dark), dice.pick(&palette, light));
            let tile = [left, top, left + side, top + side];
            canvas.rectangle(tile, 0.0, back, 1.0);
            let (cx, cy) = (left + side / 2.0, top + side / 2.0);
            match dice.below(4) {
                0 => canvas.disc(cx, cy, side * 0.36, ink, 1.0),
                1 => {
                    let corner =
                        dice.pick(&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)], (0.0, 0.0));
                    let (x, y) = (left + corner.0 * side, top + corner.1 * side);
                    canvas.fill(tile, ink, 1.0, |px, py| {
                        let inside = (px - cx).abs().max((py - cy).abs()) - side / 2.0;
                        ((px - x).hypot(py - y) - side).max(inside)
                    });
                }
                2 => {
                    let turn = if dice.chance(0.5) { 1.0 } else { -1.0 };
                    canvas.fill(tile, ink, 1.0, |px, py| {
                        let inside = (px - cx).abs().max((py - cy).abs()) - side / 2.0;
                        (((px - cx) * turn + py - cy) * std::f32::consts::FRAC_1_SQRT_2).max(inside)
                    });
                }
                _ => {}
            }
            left += side;
        }
        top += side;
    }
}

/// Translucent discs and rings.
pub(super) fn bubbles(
    canvas: &mut Canvas,
    [dark, deep, middle, warm, light]: Palette,
    dice: &mut Dice,
) {
    let (width, height, short) = (canvas.width(), canvas.height(), canvas.short());
    let (above, below) = dice.pick(&[(dark, deep), (light, mix(light, warm, 0.6))], (dark, deep));
    canvas.shade(|_, y| mix(above, below, y / height));
    for _ in 0..14 {
        let (x, y) = (dice.between(0.0, width), dice.between(0.0, height));
        let radius = short * dice.between(0.03, 0.2);
        let ink = dice.pick(&[deep, middle, warm, light], middle);
        if dice.chance(0.3) {
            let line = radius * 0.12;
            canvas.fill(around(x, y, radius + line), ink, 0.8, |px, py| {
                ((px - x).hypot(py - y) - radius).abs() - line
            });
        } else {
            canvas.disc(x, y, radius, ink, dice.between(0.35, 0.9));
        }
    }
}
