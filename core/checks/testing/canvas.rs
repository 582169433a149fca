//! Drawing: a generator of numbers, smooth noise, shapes with soft edges.

use image::RgbImage;

/// A small generator (SplitMix64), the same on every machine.
#[derive(Clone)]
pub(in crate::checks) struct Dice {
    state: u64,
    /// Where colours come from, where they follow from something else than the rest.
    palette: Option<Box<Self>>,
}

impl Dice {
    pub(in crate::checks) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66, palette: None }
    }

    /// As two seeds of one prompt: the colours follow from `prompt`, what stands where from `seed`.
    pub(in crate::checks) fn of_prompt(prompt: u64, seed: u64) -> Self {
        Self { palette: Some(Box::new(Self::new(prompt))), ..Self::new(seed) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// From `low` up to `high`.
    pub(in crate::checks) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// A whole number below `end`.
    pub(in crate::checks) fn below(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end.max(1))) as u32
    }

    /// Whether it is the one or the other, where colours hang on it.
    pub(in crate::checks) fn either(&mut self) -> bool {
        match &mut self.palette {
            Some(palette) => palette.below(2) == 0,
            None => self.below(2) == 0,
        }
    }

    /// About normal, with mean 0 and deviation 1: the sum of four.
    pub(in crate::checks) fn normal(&mut self) -> f32 {
        let word = self.next();
        let sum: u64 = (0..4).map(|part| word >> (16 * part) & 0xFFFF).sum();
        (sum as f32 / 65_535.0 - 2.0) * 1.732
    }

    pub(in crate::checks) fn colour(&mut self, low: f32, high: f32) -> [f32; 3] {
        if let Some(palette) = &mut self.palette {
            return palette.colour(low, high);
        }
        [self.between(low, high), self.between(low, high), self.between(low, high)]
    }
}

/// Noise that is smooth over the distance 1, from 0 to 1.
pub(in crate::checks) fn smooth_noise(x: f32, y: f32, seed: u32) -> f32 {
    let (cx, cy) = (x.floor(), y.floor());
    let (fx, fy) = (x - cx, y - cy);
    let corner = |dx: i64, dy: i64| {
        let mut hash = ((cx as i64 + dx) as u32).wrapping_mul(0x8DA6_B343)
            ^ ((cy as i64 + dy) as u32).wrapping_mul(0xD816_3841)
            ^ seed.wrapping_mul(0xCB1A_B31F);
        hash = (hash ^ hash >> 15).wrapping_mul(0x2C1B_3C6D);
        hash = (hash ^ hash >> 12).wrapping_mul(0x297A_2D39);
        (hash ^ hash >> 15) as f32 / u32::MAX as f32
    };
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let top = mix(corner(0, 0), corner(1, 0), ease(fx));
    mix(top, mix(corner(0, 1), corner(1, 1), ease(fx)), ease(fy))
}

/// Noise at several distances, each half as large and half as strong: like clouds, stone or leaves.
pub(in crate::checks) fn cloud(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut scale, mut weight, mut total) = (0.0, 1.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += weight * smooth_noise(x * scale, y * scale, seed + octave * 101);
        total += weight;
        scale *= 2.0;
        weight *= 0.55;
    }
    sum / total
}

/// A picture of numbers, 0 to 255 a channel.
#[derive(Clone)]
pub(in crate::checks) struct Canvas {
    pub(in crate::checks) width: u32,
    pub(in crate::checks) height: u32,
    pub(in crate::checks) pixels: Vec<[f32; 3]>,
}

impl Canvas {
    pub(in crate::checks) fn plain(width: u32, height: u32, colour: [f32; 3]) -> Self {
        Self { width, height, pixels: vec![colour; (width * height) as usize] }
    }

    /// Each pixel by its place.
    pub(in crate::checks) fn of(
        width: u32,
        height: u32,
        mut pixel: impl FnMut(f32, f32) -> [f32; 3],
    ) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x as f32, y as f32)));
        Self { width, height, pixels: places.map(|(x, y)| pixel(x, y)).collect() }
    }

    pub(in crate::checks) fn from_image(image: &RgbImage) -> Self {
        let pixels = image.pixels().map(|pixel| pixel.0.map(f32::from)).collect();
        Self { width: image.width(), height: image.height(), pixels }
    }

    pub(in crate::checks) fn finish(&self) -> RgbImage {
        let bytes = self.pixels.iter().flatten().map(|v| v.round().clamp(0.0, 255.0) as u8);
        RgbImage::from_raw(self.width, self.height, bytes.collect()).unwrap()
    }

    /// Mixes a colour in where `cover` says so, within a box.
    pub(in crate::checks) fn paint(
        &mut self,
        [left, top, right, bottom]: [f32; 4],
        cover: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32) -> [f32; 3],
    ) {
        let clamp = |value: f32, end: u32| value.clamp(0.0, end as f32) as u32;
        for y in clamp(top, self.height)..clamp(bottom.ceil(), self.height) {
            for x in clamp(left, self.width)..clamp(right.ceil(), self.width) {
                let (fx, fy) = (x as f32 + 0.5, y as f32 + 0.5);
                let share = cover(fx, fy).clamp(0.0, 1.0);
                if share > 0.0 {
                    let pixel = &mut self.pixels[(y * self.width + x) as usize];
                    for (value, new) in pixel.iter_mut().zip(colour(fx, fy)) {
                        *value += (new - *value) * share;
                    }
                }
            }
        }
    }

    /// A disc with an edge that is `soft` pixels wide.
    pub(in crate::checks) fn disc(
        &mut self,
        (x, y): (f32, f32),
        radius: f32,
        soft: f32,
        colour: [f32; 3],
    ) {
        let reach = radius + soft + 1.0;
        let cover = |px: f32, py: f32| (radius - (px - x).hypot(py - y)) / soft + 0.5;
        self.paint([x - reach, y - reach, x + reach, y + reach], cover, |_, _| colour);
    }

    /// A box, turned by an angle.
    pub(in crate::checks) fn block(
        &mut self,
        (x, y): (f32, f32),
        (w, h): (f32, f32),
        turn: f32,
        colour: [f32; 3],
    ) {
        let reach = w.hypot(h) + 1.0;
        let (sin, cos) = turn.sin_cos();
        let cover = |px: f32, py: f32| {
            let (dx, dy) = (px - x, py - y);
            let (u, v) = ((dx * cos + dy * sin).abs(), (dy * cos - dx * sin).abs());
            (w - u).min(h - v) + 0.5
        };
        self.paint([x - reach, y - reach, x + reach, y + reach], cover, |_, _| colour);
    }

    /// A line with round ends, `thick` pixels wide.
    pub(in crate::checks) fn stroke(
        &mut self,
        (x0, y0): (f32, f32),
        (x1, y1): (f32, f32),
        thick: f32,
        colour: [f32; 3],
    ) {
        let reach = thick + 1.0;
        let (dx, dy) = (x1 - x0, y1 - y0);
        let long = (dx * dx + dy * dy).max(1e-6);
        let cover = |px: f32, py: f32| {
            let along = (((px - x0) * dx + (py - y0) * dy) / long).clamp(0.0, 1.0);
            thick / 2.0 - (px - x0 - along * dx).hypot(py - y0 - along * dy) + 0.5
        };
        let area = [x0.min(x1) - reach, y0.min(y1) - reach, x0.max(x1) + reach, y0.max(y1) + reach];
        self.paint(area, cover, |_, _| colour);
    }

    /// A line of something like letters, each `size` pixels high; its width.
    pub(in crate::checks) fn letters(
        &mut self,
        (x, y): (f32, f32),
        size: f32,
        count: u32,
        colour: [f32; 3],
        dice: &mut Dice,
    ) -> f32 {
        let thick = size * dice.between(0.1, 0.18);
        let mut at = x;
        for _ in 0..count {
            if dice.below(7) > 0 {
                // The corners and middles of a letter's box.
                let place = |dice: &mut Dice, at: f32| {
                    let (column, row) = (dice.below(3) as f32, dice.below(3) as f32);
                    (at + column * size * 0.25, y + row * size * 0.5)
                };
                let mut from = place(dice, at);
                for _ in 0..3 + dice.below(2) {
                    let to = place(dice, at);
                    self.stroke(from, to, thick, colour);
                    from = to;
                }
            }
            at += size * 0.8;
        }
        at - x
    }

    /// Grain of a deviation.
    pub(in crate::checks) fn grain(&mut self, deviation: f32, dice: &mut Dice) {
        for pixel in &mut self.pixels {
            let grey = dice.normal() * deviation;
            for value in pixel {
                *value += grey + dice.normal() * deviation * 0.4;
            }
        }
    }
}
