//! What lies behind the letters.

use crate::simulator::Dice;
use crate::simulator::Size;
use crate::simulator::drawing::{Canvas, Ink, Palette, gradient, mix, noise, scene};

/// A backdrop and its name.
pub(super) fn backdrop(size: Size, palette: Palette, dice: &mut Dice) -> (Canvas, &'static str) {
    let [dark, deep, middle, warm, light] = palette;
    let one = dice.pick(&[dark, deep, warm, light, light, [250; 3], [16; 3]], light);
    let mut canvas = Canvas::plain(size, one);
    let name = match dice.below(10) {
        0 | 1 => "plain",
        2 | 3 => {
            let two = dice.pick(&[deep, middle, warm], middle);
            let share = dice.between(0.3, 1.0);
            let to = mix(one, two, share);
            gradient(
                &mut canvas,
                [one, mix(one, to, 0.5), to],
                dice.between(0.0, std::f32::consts::TAU),
            );
            "gradient"
        }
        4 => {
            grain(&mut canvas, one, dice);
            "noise"
        }
        5 | 6 => {
            clouds(&mut canvas, palette, dice);
            "clouds"
        }
        7 => {
            lights(&mut canvas, palette, dice);
            "lights"
        }
        _ => return (scene(size, palette, dice), "scene"),
    };
    (canvas, name)
}

/// Coarse grain, as of walls and of fabric.
fn grain(canvas: &mut Canvas, base: Ink, dice: &mut Dice) {
    let (salt, scale) = (dice.bits(), dice.between(1.2, 6.0));
    let strength = dice.between(0.1, 0.35);
    let other = if u16::from(base[0]) + u16::from(base[1]) > 255 { [0; 3] } else { [255; 3] };
    canvas.shade(|x, y| mix(base, other, noise(x / scale, y / scale, salt) * strength));
}

/// Shapes of noise at many scales in three colours: foliage, rock, sky, as out of focus as it happens.
fn clouds(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    let sets =
        [[dark, deep, middle], [deep, middle, warm], [middle, warm, light], [dark, middle, light]];
    let [low, mid, high] = dice.pick(&sets, [dark, deep, middle]);
    let (salt, coarse) = (dice.bits(), canvas.short() * dice.between(0.15, 0.5));
    let finer = dice.between(0.3, 0.65);
    let octaves = 3 + dice.below(4);
    let (cx, cy) = (canvas.width() / 2.0, canvas.height() / 2.0);
    canvas.shade(|x, y| {
        let (mut sum, mut weight, mut share, mut scale) = (0.0, 0.0, 1.0, coarse);
        for octave in 0..octaves {
            sum += noise(x / scale, y / scale, salt.wrapping_add(u64::from(octave))) * share;
            weight += share;
            share *= finer;
            scale *= 0.5;
        }
        let t = (sum / weight - 0.2) / 0.6 * 2.0;
        let ink = if t < 1.0 { mix(low, mid, t) } else { mix(mid, high, t - 1.0) };
        let corner = ((x - cx) / cx).hypot((y - cy) / cy) / std::f32::consts::SQRT_2;
        mix(ink, dark, corner * corner * 0.35)
    });
}

/// A dark street with lights out of focus.
fn lights(canvas: &mut Canvas, [dark, deep, middle, warm, light]: Palette, dice: &mut Dice) {
    gradient(canvas, [dark, mix(dark, deep, 0.6), deep], std::f32::consts::FRAC_PI_2);
    for _ in 0..(10 + dice.below(30)) {
        let (x, y) = (dice.between(0.0, canvas.width()), dice.between(0.0, canvas.height()));
        let radius = canvas.short() * dice.between(0.015, 0.09);
        let ink = dice.pick(&[middle, warm, light], warm);
        let share = dice.between(0.08, 0.45);
        canvas.paint([x - radius, y - radius, x + radius, y + radius], |px, py| {
            let away = (px - x).hypot(py - y) / radius;
            // A disc with a brighter rim, as lenses make it.
            let inside = ((1.0 - away) * radius * 0.6).clamp(0.0, 1.0);
            (ink, inside * share * (0.7 + 0.5 * away * away))
        });
    }
}
