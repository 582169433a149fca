//! Brand marks drawn by rule, placed on pictures, and spoilt.

use image::{Rgba, RgbaImage, imageops};

use super::canvas::{Canvas, Dice};

/// How many kinds of marks there are.
pub(in crate::checks) const KINDS: u64 = 8;

/// Pixels of a mark's longer side.
const SIDE: f32 = 240.0;

/// A mark: the same number gives the same one. Numbers that are equal modulo [`KINDS`] are of one style.
pub(in crate::checks) fn mark(number: u64) -> RgbaImage {
    // Drawn on black and on white: what differs lets the ground through.
    let draw = |ground: f32| {
        let (width, height) = if number % KINDS < 2 { (SIDE, SIDE * 0.3) } else { (SIDE, SIDE) };
        let mut canvas = Canvas::plain(width as u32, height as u32, [ground; 3]);
        paint(&mut canvas, number);
        canvas
    };
    let (black, white) = (draw(0.0), draw(255.0));
    let pixels = black.pixels.iter().zip(&white.pixels).flat_map(|(black, white)| {
        let cover = 1.0 - (white[0] - black[0]) / 255.0;
        let colour = black.map(|value| (value / cover.max(0.01)).round().clamp(0.0, 255.0) as u8);
        [colour[0], colour[1], colour[2], (cover * 255.0).round().clamp(0.0, 255.0) as u8]
    });
    let whole = RgbaImage::from_raw(black.width, black.height, pixels.collect()).unwrap();
    let visible = || whole.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[3] > 8);
    let left = visible().map(|(x, _, _)| x).min().unwrap();
    let right = visible().map(|(x, _, _)| x).max().unwrap();
    let top = visible().map(|(_, y, _)| y).min().unwrap();
    let low = visible().map(|(_, y, _)| y).max().unwrap();
    imageops::crop_imm(&whole, left, top, right + 1 - left, low + 1 - top).to_image()
}

/// Two colours that differ plainly.
fn colours(dice: &mut Dice) -> [[f32; 3]; 2] {
    let one = match dice.below(4) {
        0 => dice.colour(5.0, 60.0),
        1 => dice.colour(200.0, 255.0),
        _ => {
            let mut colour = dice.colour(10.0, 120.0);
            colour[dice.below(3) as usize] = dice.between(150.0, 250.0);
            colour
        }
    };
    let bright = one.iter().sum::<f32>() > 380.0;
    [one, if bright { dice.colour(5.0, 90.0) } else { dice.colour(190.0, 255.0) }]
}

fn paint(canvas: &mut Canvas, number: u64) {
    let mut dice = Dice::new(number / KINDS * 7919 + 17);
    let dice = &mut dice;
    let [one, two] = colours(dice);
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    match number % KINDS {
        // A word, and a sign with a word.
        0 => {
            word(canvas, [4.0, 6.0, w - 8.0, h - 12.0], 5, one, dice);
        }
        1 => {
            canvas.disc((h / 2.0, h / 2.0), h * 0.46, 1.0, two);
            canvas.disc((h * 0.6, h * 0.42), h * 0.2, 1.0, one);
            word(canvas, [h * 1.15, h * 0.2, w - h * 1.2, h * 0.6], 4, one, dice);
        }
        // A plate with a sign, with and without round corners.
        2 => {
            canvas.block((w / 2.0, h / 2.0), (w * 0.49, h * 0.49), 0.0, one);
            sign(canvas, [w * 0.2, h * 0.2, w * 0.6, h * 0.6], 3, two, dice);
        }
        3 => {
            canvas.disc((w / 2.0, h / 2.0), w * 0.48, 1.0, one);
            sign(canvas, [w * 0.24, h * 0.24, w * 0.52, h * 0.52], 3, two, dice);
        }
        // A silhouette of one colour.
        4 => sign(canvas, [w * 0.04, h * 0.04, w * 0.92, h * 0.92], 4, one, dice),
        // A ring with a bar.
        5 => {
            let (thick, turn) = (dice.between(0.1, 0.2) * w, dice.between(0.2, 1.3));
            let cover = |x: f32, y: f32| {
                let far = (x - w / 2.0).hypot(y - h / 2.0);
                (w * 0.48 - far).min(far - w * 0.48 + thick) + 0.5
            };
            canvas.paint([0.0, 0.0, w, h], cover, |_, _| one);
            canvas.block((w / 2.0, h * 0.5), (w * 0.3, h * 0.07), turn, one);
            canvas.disc((w * dice.between(0.3, 0.4), h * 0.35), w * 0.07, 1.0, two);
        }
        // A shield in two colours.
        6 => {
            let cover = |x: f32, y: f32| {
                let half = w * 0.42 * (1.0 - (y / h).powi(3) * 0.9);
                (half - (x - w / 2.0).abs()).min(y - 4.0).min(h - 4.0 - y) + 0.5
            };
            let bend = dice.between(0.3, 0.6);
            canvas.paint([0.0, 0.0, w, h], cover, |_, y| if y < h * bend { one } else { two });
            let (x, y) = (w * dice.between(0.35, 0.65), h * bend * 0.5);
            canvas.disc((x, y), h * bend * 0.3, 1.0, two);
        }
        // A badge whose colour runs from one to another.
        _ => {
            canvas.disc((w / 2.0, h / 2.0), w * 0.48, 1.0, one);
            let cover = |x: f32, y: f32| w * 0.47 - (x - w / 2.0).hypot(y - h / 2.0);
            canvas.paint([0.0, 0.0, w, h], cover, |_, y| {
                [0, 1, 2].map(|at| one[at] + (two[at] - one[at]) * 0.45 * y / h)
            });
            sign(canvas, [w * 0.22, h * 0.22, w * 0.56, h * 0.56], 3, two, dice);
        }
    }
}

/// Something like letters, each of strokes between the places of a grid.
fn word(canvas: &mut Canvas, [x, y, w, h]: [f32; 4], count: u32, ink: [f32; 3], dice: &mut Dice) {
    let each = w / count as f32;
    for letter in 0..count {
        sign(canvas, [x + each * letter as f32, y, each * 0.8, h], 3, ink, dice);
    }
}

/// Thick strokes in a box: a stem, and others that leave it.
fn sign(canvas: &mut Canvas, [x, y, w, h]: [f32; 4], strokes: u32, ink: [f32; 3], dice: &mut Dice) {
    let thick = w.min(h) * dice.between(0.16, 0.24);
    let inner = |column: u32, row: u32| {
        let along = |at: u32, steps: u32, edge: f32| {
            thick / 2.0 + at as f32 / steps as f32 * (edge - thick)
        };
        (x + along(column, 2, w), y + along(row, 2, h))
    };
    let stem = dice.below(2) * 2;
    canvas.stroke(inner(stem, 0), inner(stem, 2), thick, ink);
    let mut row = dice.below(3);
    for _ in 1..strokes {
        let to = (2 - stem, dice.below(3));
        canvas.stroke(inner(stem, row), inner(to.0, to.1), thick, ink);
        row = (row + 1 + dice.below(2)) % 3;
    }
}

/// The colour of a mark at a place, from 0 to 1 each way: what it adds, and how much it covers.
fn at(mark: &RgbaImage, u: f32, v: f32) -> [f32; 4] {
    let (fx, fy) = (u * mark.width() as f32 - 0.5, v * mark.height() as f32 - 0.5);
    let (x, y) = (fx.floor(), fy.floor());
    let mut sum = [0.0; 4];
    for (dx, wx) in [(0.0, 1.0 - (fx - x)), (1.0, fx - x)] {
        for (dy, wy) in [(0.0, 1.0 - (fy - y)), (1.0, fy - y)] {
            let (px, py) = (x + dx, y + dy);
            let inside = |at: f32, end: u32| at >= 0.0 && at < end as f32;
            if !inside(px, mark.width()) || !inside(py, mark.height()) {
                continue;
            }
            let [r, g, b, a] = mark.get_pixel(px as u32, py as u32).0.map(f32::from);
            let cover = a / 255.0 * wx * wy;
            for (sum, value) in sum.iter_mut().zip([r * cover, g * cover, b * cover, cover]) {
                *sum += value;
            }
        }
    }
    sum
}

/// Puts a mark on a picture, at a place and in a size in pixels that need not be whole.
pub(in crate::checks) fn place(canvas: &mut Canvas, mark: &RgbaImage, [x, y, w, h]: [f32; 4]) {
    // So many samples a pixel, each way, that no pixel of the mark is skipped.
    let steps = ((mark.width() as f32 / w).ceil() as u32 + 1).max(3);
    for py in (y.max(0.0) as u32)..(((y + h).ceil() as u32).min(canvas.height)) {
        for px in (x.max(0.0) as u32)..(((x + w).ceil() as u32).min(canvas.width)) {
            let mut sum = [0.0; 4];
            for sub in 0..steps * steps {
                let along = |at: u32| (at as f32 + 0.5) / steps as f32;
                let (sx, sy) = (px as f32 + along(sub % steps), py as f32 + along(sub / steps));
                let here = at(mark, (sx - x) / w, (sy - y) / h);
                sum.iter_mut().zip(here).for_each(|(sum, value)| *sum += value);
            }
            let all = (steps * steps) as f32;
            let pixel = &mut canvas.pixels[(py * canvas.width + px) as usize];
            for (value, new) in pixel.iter_mut().zip(sum) {
                *value = *value * (1.0 - sum[3] / all) + new / all;
            }
        }
    }
}

/// How far the mean colour of a mark is from the ground under it, in the quarter of the place where it is nearest.
pub(in crate::checks) fn stands_out(canvas: &Canvas, mark: &RgbaImage, area: [f32; 4]) -> f32 {
    let [x, y, w, h] = area;
    let (mut own, mut cover) = ([0.0; 3], 0.0);
    for Rgba([r, g, b, a]) in mark.pixels() {
        let share = f32::from(*a) / 255.0;
        cover += share;
        own.iter_mut().zip([r, g, b]).for_each(|(sum, value)| *sum += f32::from(*value) * share);
    }
    let quarter = |at: u32| {
        let (left, top) = (x + (at % 2) as f32 * w / 2.0, y + (at / 2) as f32 * h / 2.0);
        let (mut ground, mut count) = ([0.0; 3], 0.0_f32);
        for py in (top as u32)..((top + h / 2.0) as u32).min(canvas.height) {
            for px in (left as u32)..((left + w / 2.0) as u32).min(canvas.width) {
                count += 1.0;
                let pixel = canvas.pixels[(py * canvas.width + px) as usize];
                ground.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
            }
        }
        let far = |at: usize| (own[at] / cover - ground[at] / count.max(1.0)).powi(2);
        (far(0) + far(1) + far(2)).sqrt()
    };
    (0..4).map(quarter).fold(f32::MAX, f32::min)
}
