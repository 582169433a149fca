//! Kinds of good pictures, each with its own variety.

use super::canvas::{Canvas, Dice, cloud};

pub(in crate::checks) type Scene = fn(&mut Dice, u32, u32) -> Canvas;

/// All kinds, by name.
pub(in crate::checks) const SCENES: [(&str, Scene); 11] = [
    ("landscapes", landscape),
    ("close-ups before a blurred background", close_up),
    ("posters with text", poster),
    ("flat illustrations", flat),
    ("night scenes", night),
    ("products on white", product),
    ("fog", fog),
    ("paintings", painting),
    ("line drawings", line_drawing),
    ("surfaces (stone, grass, cloth)", surface),
    ("smooth gradients with a title", gradient),
];

fn mix(one: [f32; 3], two: [f32; 3], share: f32) -> [f32; 3] {
    [0, 1, 2].map(|i| one[i] + (two[i] - one[i]) * share)
}

fn seed(dice: &mut Dice) -> u32 {
    dice.below(1 << 30)
}

fn landscape(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let (top, low) = (dice.colour(60.0, 200.0), dice.colour(150.0, 250.0));
    let sky = seed(dice);
    let mut canvas = Canvas::of(width, height, |x, y| {
        let puff = cloud(x / w * 5.0, y / h * 8.0, 5, sky);
        mix(mix(top, low, y / h), [250.0; 3], ((puff - 0.5) * 2.5).clamp(0.0, 0.9))
    });
    let layers = 2 + dice.below(4);
    for layer in 0..layers {
        let base = h * (0.35 + 0.5 * layer as f32 / layers as f32);
        let (ridge, grass) = (seed(dice), seed(dice));
        let (dark, light) = (dice.colour(10.0, 90.0), dice.colour(60.0, 180.0));
        let rough = dice.between(3.0, 7.0);
        let line = |x: f32| base + (cloud(x / w * rough, 0.0, 6, ridge) - 0.5) * h * 0.35;
        let cover = |x: f32, y: f32| y - line(x) + 0.5;
        let fine = 60.0 + 40.0 * layer as f32;
        canvas.paint([0.0, 0.0, w, h], cover, |x, y| {
            let leaf = cloud(x / w * fine, y / w * fine, 4, grass);
            mix(dark, light, ((leaf - 0.5) * 2.2 + 0.5).clamp(0.0, 1.0))
        });
    }
    let deviation = dice.between(1.0, 4.0);
    canvas.grain(deviation, dice);
    canvas
}

fn close_up(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let (one, two, blur) = (dice.colour(20.0, 220.0), dice.colour(20.0, 220.0), seed(dice));
    let mut canvas =
        Canvas::of(width, height, |x, y| mix(one, two, cloud(x / w * 3.0, y / h * 3.0, 2, blur)));
    for _ in 0..dice.below(12) {
        let place = (dice.between(0.0, w), dice.between(0.0, h));
        let (radius, colour) = (dice.between(0.02, 0.06) * w, dice.colour(120.0, 255.0));
        canvas.disc(place, radius, radius * 0.6, colour);
    }
    let (cx, cy) = (dice.between(0.35, 0.65) * w, dice.between(0.4, 0.65) * h);
    let radius = dice.between(0.14, 0.3) * w.min(h);
    let (skin, light, texture) = (dice.colour(20.0, 160.0), dice.colour(150.0, 255.0), seed(dice));
    let fine = dice.between(30.0, 80.0);
    let cover = |x: f32, y: f32| radius - (x - cx).hypot((y - cy) * 0.8) + 0.5;
    canvas.paint([0.0, 0.0, w, h], cover, |x, y| {
        let shade = 1.0 - ((x - cx + radius * 0.4).hypot(y - cy + radius * 0.4) / radius / 1.7);
        let spot = cloud(x / w * fine, y / w * fine, 3, texture);
        mix(skin, light, (shade * 0.8 + (spot - 0.5) * 1.1).clamp(0.0, 1.0))
    });
    let deviation = dice.between(0.8, 3.0);
    canvas.grain(deviation, dice);
    canvas
}

fn poster(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let dark = dice.either();
    let (paper, ink) = if dark {
        (dice.colour(5.0, 80.0), dice.colour(190.0, 255.0))
    } else {
        (dice.colour(190.0, 255.0), dice.colour(5.0, 90.0))
    };
    let second = dice.colour(30.0, 230.0);
    let share = dice.between(0.0, 0.4);
    let mut canvas = Canvas::of(width, height, |_, y| mix(paper, second, y / h * share));
    for _ in 0..dice.below(4) {
        let place = (dice.between(0.2, 0.8) * w, dice.between(0.35, 0.7) * h);
        let (size, colour) = (dice.between(0.05, 0.18) * w.min(h), dice.colour(20.0, 240.0));
        let turn = dice.between(0.0, 1.5);
        canvas.block(place, (size, size * 0.7), turn, colour);
    }
    let mut y = dice.between(0.1, 0.16) * h;
    for _ in 0..2 + dice.below(4) {
        let size = dice.between(0.03, 0.11) * h;
        let count = 3 + dice.below(((w * 0.72) / (size * 0.8)) as u32);
        let count = count.min((w * 0.76 / (size * 0.8)) as u32);
        canvas.letters((w * 0.12, y), size, count, ink, dice);
        y += size * 1.8;
        if y > h * 0.82 {
            break;
        }
    }
    canvas
}

fn flat(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let paper = dice.colour(60.0, 255.0);
    let mut canvas = Canvas::plain(width, height, paper);
    for _ in 0..4 + dice.below(22) {
        let place = (dice.between(0.0, w), dice.between(0.0, h));
        let (size, colour) = (dice.between(0.03, 0.3) * w.min(h), dice.colour(0.0, 255.0));
        if dice.below(2) == 0 {
            canvas.disc(place, size, 1.0, colour);
        } else {
            let (ratio, turn) = (dice.between(0.2, 1.0), dice.between(0.0, 3.1));
            canvas.block(place, (size, size * ratio), turn, colour);
        }
    }
    canvas
}

fn night(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let (top, low) = (dice.colour(0.0, 8.0), dice.colour(4.0, 30.0));
    let mut canvas = Canvas::of(width, height, |_, y| mix(top, low, y / h));
    for _ in 0..30 + dice.below(150) {
        let place = (dice.between(0.0, w), dice.between(0.0, h * 0.6));
        let (radius, grey) = (dice.between(0.4, 1.3), dice.between(90.0, 255.0));
        canvas.disc(place, radius, 1.0, [grey; 3]);
    }
    let skyline = h * dice.between(0.55, 0.75);
    let mut x = 0.0;
    while x < w {
        let wide = dice.between(0.05, 0.14) * w;
        let roof = skyline + dice.between(-0.15, 0.12) * h;
        canvas.block(
            (x + wide / 2.0, (roof + h) / 2.0),
            (wide / 2.0, (h - roof) / 2.0),
            0.0,
            [3.0, 3.0, 6.0],
        );
        for _ in 0..dice.below(14) {
            let place = (x + dice.between(0.15, 0.85) * wide, dice.between(roof + 6.0, h - 4.0));
            let colour = [dice.between(120.0, 255.0), dice.between(90.0, 200.0), 60.0];
            canvas.block(place, (w * 0.006, w * 0.009), 0.0, colour);
        }
        x += wide;
    }
    let deviation = dice.between(0.3, 2.5);
    canvas.grain(deviation, dice);
    canvas
}

fn product(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let paper = dice.between(244.0, 255.0);
    let mut canvas = Canvas::plain(width, height, [paper; 3]);
    let (cx, cy) = (dice.between(0.42, 0.58) * w, dice.between(0.42, 0.58) * h);
    let size = dice.between(0.06, 0.28) * w.min(h);
    let (body, light) = (dice.colour(10.0, 200.0), dice.colour(120.0, 250.0));
    let shadow = |x: f32, y: f32| {
        0.35 * (1.0 - ((x - cx) / size / 1.2).hypot((y - cy - size) / size / 0.25))
    };
    canvas.paint([0.0, 0.0, w, h], shadow, |_, _| [90.0; 3]);
    let round = dice.below(2) == 0;
    let cover = |x: f32, y: f32| {
        let (dx, dy) = ((x - cx).abs(), (y - cy).abs());
        if round { size - dx.hypot(dy) + 0.5 } else { (size * 0.7 - dx).min(size - dy) + 0.5 }
    };
    canvas.paint([0.0, 0.0, w, h], cover, |x, y| {
        mix(body, light, (0.5 + (cx - x + cy - y) / size * 0.35).clamp(0.0, 1.0))
    });
    if dice.below(2) == 0 {
        let ink = dice.colour(0.0, 80.0);
        canvas.letters((cx - size * 0.55, cy - size * 0.15), size * 0.28, 5, ink, dice);
    }
    let deviation = dice.between(0.0, 1.2);
    canvas.grain(deviation, dice);
    canvas
}

fn fog(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let (grey, drift) = (dice.between(150.0, 225.0), seed(dice));
    let mut canvas = Canvas::of(width, height, |x, y| {
        let puff = cloud(x / w * 3.0, y / h * 4.0, 4, drift);
        [grey, grey + 3.0, grey + 6.0].map(|v| v + (puff - 0.5) * 30.0)
    });
    for _ in 0..2 + dice.below(6) {
        let depth = dice.between(0.12, 0.7);
        let place = (dice.between(0.05, 0.95) * w, dice.between(0.6, 0.95) * h);
        let tint = mix([grey; 3], [40.0, 50.0, 55.0], depth);
        let tall = dice.between(0.15, 0.4) * h * depth;
        canvas.stroke(place, (place.0, place.1 - tall), tall * 0.06 + 1.0, tint);
        for branch in 0..6 {
            let y = place.1 - tall * (0.3 + 0.11 * branch as f32);
            let reach = tall * dice.between(0.15, 0.35);
            canvas.stroke((place.0, y), (place.0 + reach, y - reach * 0.4), 1.2, tint);
            canvas.stroke((place.0, y), (place.0 - reach, y - reach * 0.4), 1.2, tint);
        }
    }
    let deviation = dice.between(0.6, 2.5);
    canvas.grain(deviation, dice);
    canvas
}

fn painting(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let plan = seed(dice);
    let palette: Vec<_> = (0..5).map(|_| dice.colour(20.0, 235.0)).collect();
    let mut canvas = Canvas::plain(width, height, palette[0]);
    let size = dice.between(0.02, 0.05) * w;
    let count = (w * h / (size * size) * 1.6) as u32;
    for _ in 0..count {
        let (x, y) = (dice.between(0.0, w), dice.between(0.0, h));
        let idea = cloud(x / w * 3.0, y / h * 3.0, 3, plan);
        let pick = ((idea * 1.6 - 0.3).clamp(0.0, 0.999) * 5.0) as usize;
        let mut colour = palette[pick];
        let vary = dice.between(-22.0, 22.0);
        colour.iter_mut().for_each(|value| *value += vary);
        let turn = cloud(x / w * 2.0, y / h * 2.0, 2, plan + 7) * 6.3;
        let to = (x + turn.cos() * size * 1.6, y + turn.sin() * size * 1.6);
        canvas.stroke((x, y), to, size * 0.5, colour);
    }
    canvas
}

fn line_drawing(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::plain(width, height, [dice.between(240.0, 255.0); 3]);
    let ink = [dice.between(0.0, 70.0); 3];
    for _ in 0..3 + dice.below(18) {
        let (mut x, mut y) = (dice.between(0.15, 0.85) * w, dice.between(0.15, 0.85) * h);
        let (mut turn, bend) = (dice.between(0.0, 6.3), dice.between(-0.2, 0.2));
        for _ in 0..10 + dice.below(25) {
            let step = w * 0.014;
            let next = (x + turn.cos() * step, y + turn.sin() * step);
            let inside = |at: f32, end: f32| (0.06..0.94).contains(&(at / end));
            if !inside(next.0, w) || !inside(next.1, h) {
                break;
            }
            canvas.stroke((x, y), next, 1.6 * w / 400.0, ink);
            (x, y) = next;
            turn += bend + dice.between(-0.1, 0.1);
        }
    }
    canvas
}

fn surface(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let w = width as f32;
    let (dark, light, grain) = (dice.colour(10.0, 110.0), dice.colour(110.0, 250.0), seed(dice));
    let (across, down) = (dice.between(8.0, 90.0), dice.between(8.0, 90.0));
    let mut canvas = Canvas::of(width, height, |x, y| {
        let value = cloud(x / w * across, y / w * down, 4, grain);
        mix(dark, light, ((value - 0.5) * 2.4 + 0.5).clamp(0.0, 1.0))
    });
    let deviation = dice.between(0.5, 4.0);
    canvas.grain(deviation, dice);
    canvas
}

fn gradient(dice: &mut Dice, width: u32, height: u32) -> Canvas {
    let (w, h) = (width as f32, height as f32);
    let (one, two, turn) =
        (dice.colour(0.0, 255.0), dice.colour(0.0, 255.0), dice.between(0.0, 1.5));
    let (sin, cos) = turn.sin_cos();
    let mut canvas = Canvas::of(width, height, |x, y| {
        mix(one, two, ((x / w) * cos + (y / h) * sin) / (sin + cos))
    });
    let dark = one.iter().chain(&two).sum::<f32>() < 765.0;
    let ink = if dark { [250.0; 3] } else { [10.0; 3] };
    let size = dice.between(0.05, 0.1) * h;
    let count = 4 + dice.below(6);
    let at = (w * dice.between(0.15, 0.3), h * dice.between(0.3, 0.6));
    canvas.letters(at, size, count.min((w * 0.55 / size / 0.8) as u32), ink, dice);
    canvas
}
