//! Lines of letters put together: centred or ranged left, turned, bent on an arc.

use super::fonts::Line;
use super::mask::{Mask, float, to_byte};
use crate::simulator::Dice;
use crate::simulator::drawing::Bounds;

/// How lines stand on a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Turned to the right by these radians.
    pub(super) turn: f32,
    /// One over the radius of the arc, in pixels; bent down at the ends where positive; 0 is straight.
    pub(super) bend: f32,
    /// From baseline to baseline, as a multiple of the size.
    pub(super) leading: f32,
    /// More room after each letter, as a multiple of the size.
    pub(super) tracking: f32,
    /// Ranged left and not centred.
    pub(super) left: bool,
}

impl Setting {
    /// Drawn by the dice for a number of lines and letters.
    pub(super) fn drawn(lines: usize, letters: usize, joined: bool, dice: &mut Dice) -> Self {
        let bent = lines == 1 && letters >= 6 && !joined && dice.chance(0.2);
        let turned = dice.chance(0.35);
        Self {
            turn: if turned { dice.between(-0.16, 0.16) } else { 0.0 },
            // The whole line spans 50 to 130 degrees; it is made one over a radius when its width is known.
            bend: if bent {
                dice.between(0.9, 2.3) * dice.pick(&[1.0, 1.0, -1.0], 1.0)
            } else {
                0.0
            },
            leading: dice.between(1.1, 1.5),
            tracking: if !joined && dice.chance(0.2) { dice.between(0.04, 0.22) } else { 0.0 },
            left: dice.chance(0.2),
        }
    }

    /// For small print.
    pub(super) const fn plain() -> Self {
        Self { turn: 0.0, bend: 0.0, leading: 1.3, tracking: 0.0, left: false }
    }
}

/// Letters with their places around the middle of the block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    letters: Vec<Placed>,
    /// Around the ink.
    pub(super) bounds: Bounds,
}

#[derive(Clone, Debug)]
struct Placed {
    mask: Mask,
    /// The middle of the letter on its baseline.
    x: f32,
    y: f32,
    above: f32,
    turn: f32,
}

impl Placed {
    /// The corners of its mask on the picture.
    fn corners(&self) -> [(f32, f32); 4] {
        let (sin, cos) = self.turn.sin_cos();
        let half = float(self.mask.width) / 2.0;
        let (top, low) = (-self.above, float(self.mask.height) - self.above);
        [(-half, top), (half, top), (-half, low), (half, low)]
            .map(|(u, v)| (self.x + u * cos - v * sin, self.y + u * sin + v * cos))
    }
}

impl Block {
    /// Puts lines together.
    pub(super) fn new(lines: &[Line], size: f32, setting: Setting) -> Self {
        let tracking = setting.tracking * size;
        let width =
            |line: &Line| line.width + tracking * float(line.glyphs.len().saturating_sub(1));
        let widest = lines.iter().map(width).fold(1.0, f32::max);
        let bend = setting.bend / widest;
        let (sin, cos) = setting.turn.sin_cos();
        let mut letters = Vec::new();
        for (row, line) in lines.iter().enumerate() {
            let from = if setting.left { -widest / 2.0 } else { -width(line) / 2.0 };
            let middle = (float(row) - (float(lines.len()) - 1.0) / 2.0) * setting.leading * size;
            let baseline = middle + size * 0.35;
            for (place, glyph) in line.glyphs.iter().enumerate() {
                let along =
                    from + glyph.left + float(glyph.mask.width) / 2.0 + tracking * float(place);
                let (x, y, turn) = if bend == 0.0 {
                    (along, baseline, 0.0)
                } else {
                    let angle = along * bend;
                    (angle.sin() / bend, baseline + (1.0 - angle.cos()) / bend, angle)
                };
                letters.push(Placed {
                    mask: glyph.mask.clone(),
                    x: x * cos - y * sin,
                    y: x * sin + y * cos,
                    above: glyph.above,
                    turn: turn + setting.turn,
                });
            }
        }
        let mut block = Self { letters, bounds: [0.0; 4] };
        block.bounds = block.around();
        block
    }

    fn around(&self) -> Bounds {
        let corners = self.letters.iter().flat_map(Placed::corners);
        corners.fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |[l, t, r, b], (x, y)| {
            [l.min(x), t.min(y), r.max(x), b.max(y)]
        })
    }

    /// The width and height of its ink.
    pub(super) fn extent(&self) -> (f32, f32) {
        let [left, top, right, bottom] = self.bounds;
        (right - left, bottom - top)
    }

    /// Moved, so that the middle of its ink is there.
    pub(super) fn centred_at(mut self, x: f32, y: f32) -> Self {
        let [left, top, right, bottom] = self.bounds;
        let (dx, dy) = (x - f32::midpoint(left, right), y - f32::midpoint(top, bottom));
        for letter in &mut self.letters {
            letter.x += dx;
            letter.y += dy;
        }
        self.bounds = [left + dx, top + dy, right + dx, bottom + dy];
        self
    }

    /// Its ink on a surface of this size.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the surface"
    )]
    pub(super) fn ink(&self, width: usize, height: usize) -> Mask {
        let mut layer = Mask { width, height, ink: vec![0; width * height] };
        for letter in &self.letters {
            let (sin, cos) = letter.turn.sin_cos();
            let half = float(letter.mask.width) / 2.0;
            let corners = letter.corners();
            let of = |get: fn(&(f32, f32)) -> f32, side: usize| {
                let all = corners.iter().map(get);
                let low = all.clone().fold(f32::MAX, f32::min).floor() - 1.0;
                let high = all.fold(f32::MIN, f32::max).ceil() + 1.0;
                let clamp = |place: f32| place.clamp(0.0, float(side)) as usize;
                clamp(low)..clamp(high)
            };
            for y in of(|corner| corner.1, height) {
                for x in of(|corner| corner.0, width) {
                    let (dx, dy) = (float(x) + 0.5 - letter.x, float(y) + 0.5 - letter.y);
                    let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
                    let ink = to_byte(letter.mask.between(u + half, v + letter.above));
                    if let Some(place) = layer.ink.get_mut(y * width + x) {
                        *place = (*place).max(ink);
                    }
                }
            }
        }
        layer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::draw::fonts::Fonts;

    #[test]
    fn the_ink_is_where_the_bounds_say_and_none_is_lost() {
        let mut fonts = Fonts::new(None);
        let mut dice = Dice::of("test", "", "", 3);
        let face = fonts.face_for("OPEN DAILY", &mut dice).unwrap();
        let line = fonts.line(&face, "OPEN DAILY", 40.0).unwrap();
        let whole: u64 = line.glyphs.iter().map(|glyph| glyph.mask.total()).sum();
        let straight = Setting::plain();
        for setting in [
            straight,
            Setting { turn: 0.15, ..straight },
            Setting { bend: 1.5, ..straight },
            Setting { bend: -1.5, turn: -0.1, ..straight },
        ] {
            let block =
                Block::new(std::slice::from_ref(&line), 40.0, setting).centred_at(200.0, 150.0);
            let ink = block.ink(400, 300);
            let kept = ink.total() as f64 / whole as f64;
            assert!((0.93..1.04).contains(&kept), "{setting:?}: {kept}");
            let [left, top, right, bottom] = block.bounds;
            for (index, _) in ink.ink.iter().enumerate().filter(|(_, ink)| **ink > 60) {
                let (x, y) = (float(index % 400), float(index / 400));
                assert!(x >= left - 1.0 && x <= right && y >= top - 1.0 && y <= bottom);
            }
        }
    }
}
