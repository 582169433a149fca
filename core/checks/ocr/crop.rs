//! Cutting a line of text out of a picture, upright and 48 pixels tall, as the recogniser wants it.

use image::{Rgb, RgbImage};

use super::boxes::Region;
use super::geometry::{Point, TurnedRect};

/// The height of a line for the recogniser, in pixels.
pub(super) const HEIGHT: u32 = 48;

/// The widest line that is read, in pixels at that height.
const MAX_WIDTH: f32 = 2400.0;

/// A line cut out, and where it was.
#[derive(Clone, Debug)]
pub(super) struct Crop {
    /// The pixels, [`HEIGHT`] tall.
    pub(super) pixels: RgbImage,
    /// Where it stands on the picture.
    pub(super) place: TurnedRect,
}

/// The colour at a place, between pixels by bilinear interpolation; outside, that of the nearest pixel.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture"
)]
fn sample(picture: &RgbImage, point: Point) -> [f32; 3] {
    let (width, height) = picture.dimensions();
    let x = (point.x - 0.5).clamp(0.0, width.saturating_sub(1) as f32);
    let y = (point.y - 0.5).clamp(0.0, height.saturating_sub(1) as f32);
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) =
        ((left + 1).min(width.saturating_sub(1)), (top + 1).min(height.saturating_sub(1)));
    let (dx, dy) = (x - left as f32, y - top as f32);
    let at = |x, y| picture.get_pixel_checked(x, y).map_or([0.0; 3], |p| p.0.map(f32::from));
    let [a, b, c, d] = [at(left, top), at(right, top), at(left, bottom), at(right, bottom)];
    let mut mixed = [0.0; 3];
    for ((((to, a), b), c), d) in mixed.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let upper = (b - a).mul_add(dx, a);
        let lower = (d - c).mul_add(dx, c);
        *to = (lower - upper).mul_add(dy, upper);
    }
    mixed
}

/// Draws a line where each place of it (in pixels of the line) says where its colour comes from.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of pixels are small, colours are clamped"
)]
fn draw(width: u32, scale: f32, picture: &RgbImage, from: impl Fn(f32, f32) -> Point) -> RgbImage {
    // What is drawn smaller is averaged, or thin strokes would fall between the samples.
    let times = (scale.round() as u32).clamp(1, 6);
    let share = 1.0 / (times * times) as f32;
    RgbImage::from_fn(width, HEIGHT, |x, y| {
        let mut sum = [0.0_f32; 3];
        for row in 0..times {
            for column in 0..times {
                let inner =
                    |whole: u32, part: u32| whole as f32 + (part as f32 + 0.5) / times as f32;
                let colour = sample(picture, from(inner(x, column), inner(y, row)));
                for (sum, value) in sum.iter_mut().zip(colour) {
                    *sum += value;
                }
            }
        }
        Rgb(sum.map(|value| (value * share).round().clamp(0.0, 255.0) as u8))
    })
}

/// Cuts a rectangle out.
#[expect(clippy::cast_precision_loss, reason = "widths are small")]
pub(super) fn cut(picture: &RgbImage, place: &TurnedRect) -> Crop {
    let width = width_of(place.width, place.height);
    let (across, down) = (place.width / width as f32, place.height / HEIGHT as f32);
    let [corner, ..] = place.corners();
    let pixels = draw(width, down, picture, |x, y| {
        corner.along(place.along, x * across).along(place.down(), y * down)
    });
    Crop { pixels, place: *place }
}

/// Cuts a rectangle out with room for what may stand above and below the letters: boxes around capitals end at their
/// tops, and accents are beyond.
pub(super) fn with_room(picture: &RgbImage, place: &TurnedRect) -> Crop {
    let (above, below) = (0.3 * place.height, 0.2 * place.height);
    let mut roomy = place.grown(0.0, f32::midpoint(above, below));
    roomy.centre = roomy.centre.along(roomy.down(), (below - above) / 2.0);
    cut(picture, &roomy)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn width_of(along: f32, across: f32) -> u32 {
    (HEIGHT as f32 * along / across.max(1.0)).round().clamp(8.0, MAX_WIDTH) as u32
}

/// Cuts a bent line out, made straight: its middle is followed by a polynomial. Nothing where it is
/// straight enough already. `scale` is from the map to the picture.
#[expect(clippy::cast_precision_loss, reason = "counts of pixels are small")]
pub(super) fn straightened(picture: &RgbImage, region: &Region, scale: (f32, f32)) -> Option<Crop> {
    if region.fill >= 0.85 {
        return None;
    }
    let frame = region.tight.upright(1.5);
    let columns = columns(region, &frame);
    let mut heights: Vec<f32> = columns.iter().map(|(_, _, tall)| *tall).collect();
    heights.sort_by(f32::total_cmp);
    let tall = *heights.get(heights.len() / 2)?;
    if columns.len() < 8 || tall < 2.0 {
        return None;
    }
    let degree = if frame.width > 6.0 * tall { 4 } else { 2 };
    let half = frame.width / 2.0;
    // Scaled to -1..1, so that the powers stay near 1.
    let places: Vec<(f64, f64)> =
        columns.iter().map(|(x, y, _)| (f64::from(x / half), f64::from(*y))).collect();
    let curve = fit(&places, degree)?;
    #[expect(clippy::cast_possible_truncation, reason = "pixels")]
    let middle = |x: f32| evaluate(&curve, f64::from(x / half)) as f32;
    let (low, high) = columns
        .iter()
        .map(|(x, _, _)| middle(*x))
        .fold((f32::MAX, f32::MIN), |(low, high), y| (low.min(y), high.max(y)));
    if high - low <= 0.12 * tall {
        return None;
    }
    // Steps of one pixel along the curve, and straight on at both ends.
    let (from, to) = (columns.first()?.0, columns.last()?.0);
    let (full, ends) = (tall * 1.9, tall * 0.4);
    let slope = |x: f32| (middle(x + 0.5) - middle(x - 0.5)).atan();
    let mut path: Vec<(Point, f32)> = Vec::new();
    let mut x = from;
    while x <= to && path.len() < 8192 {
        path.push((Point::new(x, middle(x)), slope(x)));
        x += slope(x).cos().max(0.1);
    }
    let (&(first, start), &(last, end)) = (path.first()?, path.last()?);
    let length = path.len() as f32 - 1.0;
    let place = |s: f32| {
        let (point, angle, rest) = if s < 0.0 {
            (first, start, s)
        } else if s >= length {
            (last, end, s - length)
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within the path"
            )]
            let index = s as usize;
            let (point, angle) = path.get(index).copied().unwrap_or((last, end));
            (point, angle, s - index as f32)
        };
        let (sin, cos) = angle.sin_cos();
        (point.along(Point::new(cos, sin), rest), Point::new(-sin, cos))
    };
    let whole = 2.0f32.mul_add(ends, length);
    let width = width_of(whole, full);
    let rect = frame.grown(ends, (full - tall) / 2.0).scaled(scale.0, scale.1);
    let down = full / HEIGHT as f32;
    let pixels = draw(width, down * scale.1, picture, |x, y| {
        let (on, normal) = place((x / width as f32).mul_add(whole, -ends));
        let at = on.along(normal, (y - HEIGHT as f32 / 2.0) * down);
        let map = frame.centre.along(frame.along, at.x).along(frame.down(), at.y);
        Point::new((map.x + 0.5) * scale.0, (map.y + 0.5) * scale.1)
    });
    Some(Crop { pixels, place: rect })
}

/// In the frame of a rectangle, for each column of the region: its place, its middle and its height.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "pixels of a map")]
fn columns(region: &Region, frame: &TurnedRect) -> Vec<(f32, f32, f32)> {
    let mut spans: std::collections::BTreeMap<i32, (f32, f32)> = std::collections::BTreeMap::new();
    for (x, y) in &region.pixels {
        let off = Point::new(*x as f32 - frame.centre.x, *y as f32 - frame.centre.y);
        let (along, across) = (off.dot(frame.along), off.dot(frame.down()));
        let span = spans.entry(along.round() as i32).or_insert((across, across));
        *span = (span.0.min(across), span.1.max(across));
    }
    spans
        .iter()
        .map(|(x, (top, bottom))| (*x as f32, f32::midpoint(*top, *bottom), bottom - top + 1.0))
        .collect()
}

/// The polynomial nearest to points by least squares; coefficients from the lowest power.
fn fit(points: &[(f64, f64)], degree: usize) -> Option<Vec<f64>> {
    let size = degree + 1;
    // The normal equations, each row with its right side.
    let mut rows: Vec<Vec<f64>> = (0..size)
        .map(|row| {
            let power = |x: f64, p: usize| x.powi(i32::try_from(p).unwrap_or(0));
            let mut line: Vec<f64> = (0..size)
                .map(|column| points.iter().map(|(x, _)| power(*x, row + column)).sum())
                .collect();
            line.push(points.iter().map(|(x, y)| power(*x, row) * y).sum());
            line
        })
        .collect();
    for pivot in 0..size {
        let best = (pivot..size).max_by(|a, b| {
            let of =
                |row: &usize| rows.get(*row).and_then(|r| r.get(pivot)).map_or(0.0, |v| v.abs());
            of(a).total_cmp(&of(b))
        })?;
        rows.swap(pivot, best);
        let head = rows.get(pivot)?.clone();
        let lead = *head.get(pivot)?;
        if lead.abs() < 1e-9 {
            return None;
        }
        for (index, row) in rows.iter_mut().enumerate() {
            if index != pivot {
                let factor = row.get(pivot)? / lead;
                for (value, of_head) in row.iter_mut().zip(&head) {
                    *value -= factor * of_head;
                }
            }
        }
    }
    rows.iter().enumerate().map(|(index, row)| Some(row.last()? / row.get(index)?)).collect()
}

fn evaluate(curve: &[f64], x: f64) -> f64 {
    curve.iter().rev().fold(0.0, |sum, coefficient| sum.mul_add(x, *coefficient))
}
