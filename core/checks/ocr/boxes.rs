//! From the detector's map to boxes around lines of text.
//!
//! The procedure is that of differentiable binarization (Liao et al. 2020): threshold, connected regions,
//! smallest rectangles, grown again by what the network was taught to shrink.

use super::geometry::{Point, TurnedRect, convex_hull, smallest_rect};

/// The most regions that are looked at in one map.
const MAX_REGIONS: usize = 1000;

/// The smallest side of a region, in pixels of the map.
const MIN_SIDE: f32 = 3.0;

/// How likely each pixel belongs to text: rows from the top.
#[derive(Clone, Debug)]
pub struct Map {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Map {
    /// A map of this size; missing values are 0.
    #[must_use]
    pub fn new(width: usize, height: usize, mut values: Vec<f32>) -> Self {
        values.resize(width.saturating_mul(height), 0.0);
        Self { width, height, values }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        if x >= self.width {
            return 0.0;
        }
        self.values.get(y * self.width + x).copied().unwrap_or(0.0)
    }
}

/// How boxes are taken from a map.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The least value of a pixel of text.
    pub threshold: f32,
    /// The least mean value of a box.
    pub mean: f32,
    /// How far boxes are grown, as a multiple of area over perimeter.
    pub unclip: f32,
    /// Whether the mean is over the region itself and not over its rectangle, and the rectangle grown by
    /// the region's own area and perimeter.
    pub by_outline: bool,
}

/// A region of the map that is taken for a line of text.
#[derive(Clone, Debug)]
pub struct Region {
    /// The rectangle around the line, in pixels of the map, grown.
    pub rect: TurnedRect,
    /// The rectangle as found.
    pub(super) tight: TurnedRect,
    /// The mean value.
    pub mean: f32,
    /// The share of the tight rectangle that the region fills.
    pub fill: f32,
    /// The pixels, for lines that are bent.
    pub(super) pixels: Vec<(u32, u32)>,
}

/// The regions of a map, in no particular order.
#[must_use]
pub fn regions(map: &Map, cut: &Cut) -> Vec<Region> {
    let (width, height) = (map.width, map.height);
    // Dilated by one pixel to the right and below, as the network was evaluated.
    let mut mask = vec![false; width * height];
    for (y, row) in map.values.chunks_exact(width.max(1)).enumerate() {
        for x in row.iter().enumerate().filter(|(_, value)| **value > cut.threshold).map(|(x, _)| x)
        {
            for (right, below) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                if x + right < width
                    && let Some(cell) = mask.get_mut((y + below) * width + x + right)
                {
                    *cell = true;
                }
            }
        }
    }
    let mut found = Vec::new();
    let mut seen = 0;
    for start in 0..mask.len() {
        if !mask.get(start).copied().unwrap_or(false) {
            continue;
        }
        seen += 1;
        if seen > MAX_REGIONS {
            break;
        }
        let pixels = flood(&mut mask, width, height, start);
        found.extend(region(map, pixels, cut));
    }
    found
}

/// Takes a connected region out of the mask.
fn flood(mask: &mut [bool], width: usize, height: usize, start: usize) -> Vec<(u32, u32)> {
    let mut pixels = Vec::new();
    let mut open = vec![start];
    if let Some(cell) = mask.get_mut(start) {
        *cell = false;
    }
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) {
            pixels.push((x, y));
        }
        for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let next = ny * width + nx;
                if let Some(cell) = mask.get_mut(next).filter(|cell| **cell) {
                    *cell = false;
                    open.push(next);
                }
            }
        }
    }
    pixels
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a map are few")]
fn region(map: &Map, pixels: Vec<(u32, u32)>, cut: &Cut) -> Option<Region> {
    let outline = Outline::trace(&pixels)?;
    let hull = convex_hull(outline.points.clone());
    let tight = smallest_rect(&hull)?;
    if tight.width.min(tight.height) < MIN_SIDE {
        return None;
    }
    let mean = if cut.by_outline {
        let sum: f32 = pixels.iter().map(|(x, y)| map.at(*x as usize, *y as usize)).sum();
        sum / pixels.len().max(1) as f32
    } else {
        mean_in(map, &tight)
    };
    if mean < cut.mean {
        return None;
    }
    let far = if cut.by_outline {
        outline.area * cut.unclip / outline.perimeter.max(1.0)
    } else {
        tight.area() * cut.unclip / (2.0 * (tight.width + tight.height)).max(1.0)
    };
    let rect = tight.grown(far, far);
    if rect.width.min(rect.height) < MIN_SIDE + 2.0 {
        return None;
    }
    let fill = outline.area / tight.area().max(1.0);
    Some(Region { rect, tight, mean, fill, pixels })
}

/// The mean of the map's values in a rectangle.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the map"
)]
fn mean_in(map: &Map, rect: &TurnedRect) -> f32 {
    let [left, top, right, bottom] = rect.extent();
    let (mut sum, mut count) = (0.0, 0.0);
    for y in top.floor().max(0.0) as usize
        ..=(bottom.ceil().max(0.0) as usize).min(map.height.saturating_sub(1))
    {
        for x in left.floor().max(0.0) as usize
            ..=(right.ceil().max(0.0) as usize).min(map.width.saturating_sub(1))
        {
            if rect.contains(Point::new(x as f32, y as f32)) {
                sum += map.at(x, y);
                count += 1.0;
            }
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// The outer edge of a region, through the middles of its outermost pixels.
struct Outline {
    points: Vec<Point>,
    area: f32,
    perimeter: f32,
}

impl Outline {
    /// Follows the edge (Moore's neighbour tracing) clockwise from the topmost pixel.
    #[expect(clippy::cast_precision_loss, reason = "pixels of a map are few")]
    fn trace(pixels: &[(u32, u32)]) -> Option<Self> {
        let (left, right) =
            pixels.iter().map(|p| p.0).fold((u32::MAX, 0), |(l, r), x| (l.min(x), r.max(x)));
        let (top, bottom) =
            pixels.iter().map(|p| p.1).fold((u32::MAX, 0), |(t, b), y| (t.min(y), b.max(y)));
        if pixels.is_empty() {
            return None;
        }
        // A frame of one empty pixel around spares every bound.
        let (width, height) = ((right - left + 3) as usize, (bottom - top + 3) as usize);
        let mut grid = vec![false; width * height];
        let index = |x: u32, y: u32| (y - top + 1) as usize * width + (x - left + 1) as usize;
        for (x, y) in pixels {
            if let Some(cell) = grid.get_mut(index(*x, *y)) {
                *cell = true;
            }
        }
        let start = grid.iter().position(|cell| *cell)?;
        // East, south-east, south, … clockwise.
        let steps: [isize; 8] = {
            let row = isize::try_from(width).ok()?;
            [1, row + 1, row, row - 1, -1, -row - 1, -row, -row + 1]
        };
        let set = |at: usize| grid.get(at).copied().unwrap_or(false);
        let place = |at: usize| {
            Point::new(
                (at % width) as f32 - 1.0 + left as f32,
                (at / width) as f32 - 1.0 + top as f32,
            )
        };
        let mut points = vec![place(start)];
        let (mut at, mut facing, mut perimeter) = (start, 0_usize, 0.0_f32);
        let mut first: Option<(usize, usize)> = None;
        for _ in 0..pixels.len() * 4 + 8 {
            // Turn back and then clockwise to the first pixel of the region.
            let next = (0..8).find_map(|turn| {
                let direction = (facing + 6 + turn) % 8;
                let step = *steps.get(direction)?;
                let to = at.checked_add_signed(step)?;
                set(to).then_some((to, direction))
            });
            let Some((to, direction)) = next else { break };
            match first {
                None => first = Some((to, direction)),
                Some(known) if known == (to, direction) && at == start => break,
                Some(_) => {}
            }
            perimeter += if direction % 2 == 0 { 1.0 } else { std::f32::consts::SQRT_2 };
            at = to;
            facing = direction;
            points.push(place(at));
        }
        let shifted = points.iter().cycle().skip(1);
        let twice: f32 =
            points.iter().zip(shifted).map(|(a, b)| a.x.mul_add(b.y, -b.x * a.y)).sum();
        Some(Self { area: (twice / 2.0).abs(), perimeter, points })
    }
}
