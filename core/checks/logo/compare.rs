//! What a mark at its place looks like: which parts are other than they should be, and which colours are off.

use super::align::{Fit, Template};
use super::mark::Mark;
use super::view::{Area, Layer};
use crate::checks::features::colour::Lab;

/// How far a colour may be off, in CIELAB and after the whole colour was moved, before its place counts as altered:
/// more than encoders and soft edges do to it.
const TOLERANCE: f32 = 18.0;

/// From which cover on a pixel is the mark's.
const OWN: f32 = 0.85;

/// Colours that are nearer to each other, in CIELAB, are one of the mark's colours.
const ONE_COLOUR: f32 = 14.0;

/// The most colours of a mark.
const COLOURS: usize = 8;

/// The least share of a mark for one of its colours to be judged.
const LEAST_SHARE: f32 = 0.04;

/// The side of the box in which alterations are counted.
const BOX: usize = 4;

/// Pixels inside a colour that are needed to judge it.
const PURE: usize = 9;

/// From which difference on, in CIELAB, an edge is seen.
const VISIBLE: f32 = 8.0;

/// A mark as it is on the picture.
#[derive(Clone, Debug)]
pub(super) struct Likeness {
    /// The mark's box, in the picture's pixels.
    pub(super) area: Area,
    /// Of the place where the most is altered, a box of [`BOX`] by [`BOX`] pixels, the share that is.
    pub(super) lump: f32,
    /// The share of the mark's outlines, and of the edges in it, that can be seen.
    pub(super) outlined: f32,
    /// The share of the mark that is as it should be, whatever its colours.
    pub(super) kept: f32,
    /// How many times wider than it should be for its height.
    pub(super) stretch: f32,
    /// The colour that is off the most.
    pub(super) worst: Option<Shift>,
}

/// A colour of the mark, and what became of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// In sRGB, as in the mark's file.
    pub(super) meant: [u8; 3],
    /// In sRGB, as on the picture.
    pub(super) is: [u8; 3],
    /// By CIEDE2000.
    pub(super) delta_e: f64,
}

/// Compares a mark with what lies at its place.
pub(super) fn compare(mark: &Mark, template: &Template, layer: &Layer<3>, fit: &Fit) -> Likeness {
    let [_, _, w, h] = fit.area;
    let seen = template.view(layer, fit.area);
    let (across, _) = template.grid();
    let meant: Vec<Pixel> = template.pixels.iter().map(Pixel::of).collect();
    let found: Vec<Lab> = seen
        .iter()
        .map(|pixel| Lab::of(pixel.map(|v| v.round().clamp(0.0, 255.0) as u8)))
        .collect();
    let colours = colours(&meant, across);
    let total: f32 = meant.iter().map(Pixel::weight).sum();
    let mut worst = None::<Shift>;
    let mut altered = vec![false; meant.len()];
    for members in &colours {
        let share =
            members.all.iter().map(|at| meant.get(*at).map_or(0.0, Pixel::weight)).sum::<f32>()
                / total.max(1e-6);
        let shift = shift(members, &meant, &found);
        for at in &members.all {
            if let Some(altered) = altered.get_mut(*at) {
                *altered = !is_kept(*at, across, &meant, &found, shift);
            }
        }
        if share >= LEAST_SHARE && members.is_pure {
            let judged = judged(members, &meant, &seen, shift);
            if worst.is_none_or(|worst| judged.delta_e > worst.delta_e) {
                worst = Some(judged);
            }
        }
    }
    Likeness {
        area: fit.area,
        outlined: outlined(&meant, &found, across),
        kept: 1.0 - altered.iter().filter(|altered| **altered).count() as f32 / total.max(1.0),
        lump: lump(&altered, across),
        stretch: w / h / mark.shape,
        worst,
    }
}

/// A pixel of the mark: its colour, and how much it covers.
struct Pixel {
    srgb: [u8; 3],
    lab: Lab,
    cover: f32,
}

impl Pixel {
    fn of([r, g, b, cover]: &[f32; 4]) -> Self {
        let srgb = [r, g, b].map(|value| (value / cover.max(0.02)).round().clamp(0.0, 255.0) as u8);
        Self { srgb, lab: Lab::of(srgb), cover: *cover }
    }

    /// What it counts for: nothing where the ground shows.
    fn weight(&self) -> f32 {
        if self.cover >= OWN { 1.0 } else { 0.0 }
    }
}

/// The pixels of one of the mark's colours.
struct Members {
    all: Vec<usize>,
    /// Those whose neighbours have it as well, where there are any.
    pure: Vec<usize>,
    /// Whether there are enough of them.
    is_pure: bool,
}

fn apart(one: Lab, two: Lab) -> f32 {
    ((one.l - two.l).powi(2) + (one.a - two.a).powi(2) + (one.b - two.b).powi(2)).sqrt() as f32
}

/// The mark's pixels by their colours.
fn colours(meant: &[Pixel], across: usize) -> Vec<Members> {
    let mut centres: Vec<Lab> = Vec::new();
    for pixel in meant.iter().filter(|pixel| pixel.cover >= OWN) {
        let near = centres.iter().any(|centre| apart(*centre, pixel.lab) < ONE_COLOUR);
        if !near && centres.len() < COLOURS {
            centres.push(pixel.lab);
        }
    }
    let nearest = |pixel: &Pixel| {
        let far =
            |at: &usize| centres.get(*at).map_or(f32::MAX, |centre| apart(*centre, pixel.lab));
        (0..centres.len()).min_by(|one, two| far(one).total_cmp(&far(two)))
    };
    let of: Vec<Option<usize>> =
        meant.iter().map(|pixel| if pixel.cover >= OWN { nearest(pixel) } else { None }).collect();
    (0..centres.len())
        .map(|colour| {
            let is = |at: usize| of.get(at).is_some_and(|of| *of == Some(colour));
            let all: Vec<usize> = (0..meant.len()).filter(|at| is(*at)).collect();
            let pure: Vec<usize> =
                all.iter().copied().filter(|at| around(*at, across).all(is)).collect();
            let is_pure = pure.len() >= PURE;
            Members { pure: if is_pure { pure } else { all.clone() }, is_pure, all }
        })
        .collect()
}

/// The places beside one on a grid, and itself.
fn around(at: usize, across: usize) -> impl Iterator<Item = usize> {
    let up = at.wrapping_sub(across);
    [up, at, at + across].into_iter().flat_map(|row| [row.wrapping_sub(1), row, row + 1])
}

/// By how much a colour of the mark is off on the picture, in CIELAB: the median over its pixels.
fn shift(members: &Members, meant: &[Pixel], found: &[Lab]) -> [f64; 3] {
    let median = |of: &dyn Fn(&Lab) -> f64| {
        let mut off: Vec<f64> = members
            .pure
            .iter()
            .filter_map(|at| Some(of(found.get(*at)?) - of(&meant.get(*at)?.lab)))
            .collect();
        off.sort_by(f64::total_cmp);
        off.get(off.len() / 2).copied().unwrap_or(0.0)
    };
    [median(&|lab| lab.l), median(&|lab| lab.a), median(&|lab| lab.b)]
}

/// Whether the picture has the colour, moved by so much, at a place or beside it.
fn is_kept(at: usize, across: usize, meant: &[Pixel], found: &[Lab], [l, a, b]: [f64; 3]) -> bool {
    let Some(pixel) = meant.get(at) else { return false };
    let wanted = Lab { l: pixel.lab.l + l, a: pixel.lab.a + a, b: pixel.lab.b + b };
    around(at, across)
        .filter_map(|place| found.get(place))
        .any(|lab| apart(*lab, wanted) <= TOLERANCE)
}

/// How far a colour is off, as people see it.
fn judged(members: &Members, meant: &[Pixel], seen: &[[f32; 3]], [l, a, b]: [f64; 3]) -> Shift {
    let (mut own, mut is, mut count) = ([0.0_f32; 3], [0.0_f32; 3], 0.0_f32);
    for at in &members.pure {
        if let (Some(pixel), Some(seen)) = (meant.get(*at), seen.get(*at)) {
            own.iter_mut().zip(pixel.srgb).for_each(|(sum, value)| *sum += f32::from(value));
            is.iter_mut().zip(seen).for_each(|(sum, value)| *sum += value);
            count += 1.0;
        }
    }
    let mean =
        |sum: [f32; 3]| sum.map(|value| (value / count.max(1.0)).round().clamp(0.0, 255.0) as u8);
    let meant = mean(own);
    let lab = Lab::of(meant);
    let moved = Lab { l: lab.l + l, a: lab.a + a, b: lab.b + b };
    Shift { meant, is: mean(is), delta_e: lab.difference(moved) }
}

impl Likeness {
    /// What likenesses are compared by.
    pub(super) fn rank(&self) -> f32 {
        let whole = self.kept * (1.0 - self.lump / 2.0);
        let off = self.worst.map_or(0.0, |shift| shift.delta_e as f32);
        whole * self.outlined * (-off / 30.0).exp()
    }
}

/// The share of the mark's edges that the picture has: pairs of pixels, two apart, one of them on the mark and the other
/// on the ground or of another of the mark's colours.
fn outlined(meant: &[Pixel], found: &[Lab], across: usize) -> f32 {
    let (mut all, mut seen) = (0_u32, 0_u32);
    for (at, pixel) in meant.iter().enumerate() {
        if pixel.cover < OWN {
            continue;
        }
        let column = at % across.max(1);
        let beside = [
            (column >= 2).then(|| at - 2),
            (column + 2 < across).then_some(at + 2),
            at.checked_sub(2 * across),
            Some(at + 2 * across),
        ];
        for other in beside.into_iter().flatten() {
            let Some(second) = meant.get(other) else { continue };
            let is_edge = if second.cover >= OWN {
                apart(pixel.lab, second.lab) > ONE_COLOUR
            } else {
                second.cover < 1.0 - OWN
            };
            let (true, Some(one), Some(two)) = (is_edge, found.get(at), found.get(other)) else {
                continue;
            };
            all += 1;
            seen += u32::from(apart(*one, *two) > VISIBLE);
        }
    }
    seen as f32 / all.max(1) as f32
}

/// Of the box in which the most is altered, the share that is.
fn lump(altered: &[bool], across: usize) -> f32 {
    let rows: Vec<&[bool]> = altered.chunks_exact(across.max(1)).collect();
    let mut most = 0;
    for rows in rows.windows(BOX) {
        for x in 0..(across + 1).saturating_sub(BOX) {
            let inside = rows.iter().flat_map(|row| row.iter().skip(x).take(BOX));
            most = most.max(inside.filter(|altered| **altered).count());
        }
    }
    most as f32 / (BOX * BOX) as f32
}
