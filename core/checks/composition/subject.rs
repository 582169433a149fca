//! What stands out from a plain background.
//!
//! The boundary prior of classical saliency (Y. Wei et al., "Geodesic saliency using background priors",
//! 2012), at its simplest: what can be reached from the border of the picture without crossing an edge is
//! background; what can't is the subject. It needs a border that is mostly plain, and says where it is not.

use super::super::features::LabPlane;

/// The largest difference of neighbours, in CIELAB, within one region: more is an edge.
const EDGE: f32 = 3.5;
/// The least share of the border that a region must have to count as background.
const WIDE: f64 = 0.2;
/// The least share of the border that must be background in all.
const PLAIN: f64 = 0.7;

/// What was found. Shares are of the picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Subject {
    /// The share of the picture that stands out.
    pub(super) share: f64,
    /// Where its middle is: from the left, from the top.
    pub(super) middle: [f64; 2],
    /// How far it stays from each side: left, top, right, bottom.
    pub(super) gaps: [f64; 4],
}

/// What could be found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// Something stands out.
    Subject(Subject),
    /// Nothing does.
    Nothing,
    /// There is no plain background for anything to stand out from.
    Varied,
}

/// Looks for the subject.
pub(super) fn find(plane: &LabPlane) -> Found {
    let (width, height) = (plane.width, plane.height);
    if width < 16 || height < 16 {
        return Found::Varied;
    }
    let regions = Regions::of(plane);
    let ring = || (0..width * height).filter(|at| is_border(*at, width, height));
    let border = ring().count();
    let mut on_border = vec![0_usize; width * height];
    for at in ring() {
        if let Some(count) = on_border.get_mut(regions.root(at)) {
            *count += 1;
        }
    }
    let is_ground = |root: usize| {
        on_border.get(root).is_some_and(|count| *count as f64 >= WIDE * border as f64)
    };
    let ground = ring().filter(|at| is_ground(regions.root(*at))).count();
    if (ground as f64) < PLAIN * border as f64 {
        return Found::Varied;
    }
    let stands_out: Vec<bool> =
        (0..width * height).map(|at| !is_ground(regions.root(at))).collect();
    let is_out = |x: usize, y: usize| {
        x < width && y < height && stands_out.get(y * width + x).copied().unwrap_or(false)
    };
    let (mut count, mut sum_x, mut sum_y) = (0_usize, 0.0, 0.0);
    let (mut left, mut top, mut right, mut bottom) = (width, height, 0, 0);
    for y in 0..height {
        for x in 0..width {
            if !is_out(x, y) {
                continue;
            }
            // A pixel without company is grain.
            let near = |x: usize| [y.wrapping_sub(1), y, y + 1].map(|y| is_out(x, y));
            let company = [near(x.wrapping_sub(1)), near(x), near(x + 1)];
            if company.iter().flatten().filter(|out| **out).count() < 4 {
                continue;
            }
            count += 1;
            sum_x += x as f64 + 0.5;
            sum_y += y as f64 + 0.5;
            (left, right) = (left.min(x), right.max(x + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
        }
    }
    let share = count as f64 / (width * height) as f64;
    if share < 0.001 {
        return Found::Nothing;
    }
    let (w, h, n) = (width as f64, height as f64, count as f64);
    Found::Subject(Subject {
        share,
        middle: [sum_x / n / w, sum_y / n / h],
        gaps: [
            left as f64 / w,
            top as f64 / h,
            (width - right) as f64 / w,
            (height - bottom) as f64 / h,
        ],
    })
}

/// Whether a pixel lies on the border.
fn is_border(at: usize, width: usize, height: usize) -> bool {
    let (x, y) = (at % width, at / width);
    x == 0 || y == 0 || x + 1 == width || y + 1 == height
}

/// Which pixels belong together: neighbours without an edge between them.
struct Regions {
    parents: Vec<usize>,
}

impl Regions {
    fn of(plane: &LabPlane) -> Self {
        let (width, pixels) = (plane.width, &plane.pixels);
        let mut regions = Self { parents: (0..pixels.len()).collect() };
        for (at, pixel) in pixels.iter().enumerate() {
            let right = (!(at + 1).is_multiple_of(width)).then_some(at + 1);
            for next in [right, Some(at + width)].into_iter().flatten() {
                if pixels.get(next).is_some_and(|other| near(pixel, other)) {
                    regions.join(at, next);
                }
            }
        }
        regions
    }

    fn root(&self, mut at: usize) -> usize {
        while let Some(parent) = self.parents.get(at).copied().filter(|parent| *parent != at) {
            at = parent;
        }
        at
    }

    fn join(&mut self, one: usize, two: usize) {
        let (one, two) = (self.shorten(one), self.shorten(two));
        if let Some(parent) = self.parents.get_mut(one.max(two)) {
            *parent = one.min(two);
        }
    }

    /// The root, after halving the way to it, so that no picture makes ways long.
    fn shorten(&mut self, mut at: usize) -> usize {
        loop {
            let parent = self.parents.get(at).copied().unwrap_or(at);
            if parent == at {
                return at;
            }
            let beyond = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(entry) = self.parents.get_mut(at) {
                *entry = beyond;
            }
            at = beyond;
        }
    }
}

fn near(one: &[f32; 3], two: &[f32; 3]) -> bool {
    let squared: f32 = one.iter().zip(two).map(|(a, b)| (a - b) * (a - b)).sum();
    squared <= EDGE * EDGE
}
