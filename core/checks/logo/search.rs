//! Where on a picture a mark may be: every place and size, at so few pixels that all can be looked at.

use super::mark::Mark;
use super::view::{Area, Layer};

/// The mark covers about a square of this many pixels a side.
const SIDE: f32 = 8.0;

/// The mark's shorter side has at least so many.
const SHORTER: f32 = 5.5;

/// Each size is at most so many times the one before.
const STEP: f32 = 1.22;

/// How many pixels longer a mark may become from one size to the next.
const REACH: f32 = 3.2;

/// Pixels around the mark that belong to its ground.
const MARGIN: usize = 1;

/// How many places are worked on at once.
const LANES: usize = 8;

/// Variance of a value that is noise: what is plainer than this looks like nothing.
const NOISE: f32 = 16.0;

/// A place that may be the mark's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The mark's box, in the picture's pixels.
    pub(super) area: Area,
    /// How much of what is there the mark explains, at most 1.
    pub(super) score: f32,
}

impl Place {
    /// Whether two places are nearly the same.
    pub(super) fn is_near(&self, other: &Self) -> bool {
        let [x, y, w, h] = self.area;
        let [u, v, s, t] = other.area;
        let beside = |one: f32, two: f32, least: f32| (one - two).abs() < 0.3 * least;
        let alike = |one: f32, two: f32| (0.7..1.43).contains(&(one / two));
        beside(x + w / 2.0, u + s / 2.0, w.min(s))
            && beside(y + h / 2.0, v + t / 2.0, h.min(t))
            && alike(w, s)
            && alike(h, t)
    }
}

/// The most promising places for a mark that is at least `least` of the picture's width wide, best first.
///
/// `layers` are the picture, each half as large as the one before.
pub(super) fn places(
    layers: &[Layer<3>],
    mark: &Mark,
    full: &Sketch,
    least: f32,
    most: usize,
) -> Vec<Place> {
    let Some(whole) = layers.first() else { return Vec::new() };
    let [.., picture_width, picture_height] = whole.area();
    let shape = picture_width / picture_height;
    // Neither larger than the picture, nor smaller than asked.
    let mut share = (mark.shape / shape).min(1.0) * 0.98;
    let mut found = Vec::new();
    // The ends of a long mark move the most from one size to the next: by about a pixel and a half.
    let step = (1.0 + REACH / full.width.max(full.height) as f32).min(STEP);
    while share >= least / step.sqrt() {
        // A mark that would take more detail than there is is drawn smaller.
        let fits = share * whole.width as f32;
        let smaller;
        let drawn = if fits >= full.width as f32 {
            full
        } else {
            smaller = Sketch::new(mark, fits / mark.shape.sqrt());
            &smaller
        };
        let width = drawn.width as f32 / share;
        let height = width / shape * (mark.shape * drawn.height as f32 / drawn.width as f32);
        let size = (width.round() as usize, height.round() as usize);
        let layer =
            layers.iter().rev().find(|layer| layer.width >= size.0 && layer.height >= size.1);
        // A mark at the very border has some ground beyond it.
        let (across, down) =
            (picture_width / size.0.max(1) as f32, picture_height / size.1.max(1) as f32);
        let margin = MARGIN as f32;
        let around = [
            -margin * across,
            -margin * down,
            picture_width + 2.0 * margin * across,
            picture_height + 2.0 * margin * down,
        ];
        let size = (size.0.max(1) + 2 * MARGIN, size.1.max(1) + 2 * MARGIN);
        let grid = layer.unwrap_or(whole).on_grid(around, size.0, size.1);
        scan(&grid, size.0, drawn, &mut |x, y, score| {
            let (x, y) = (x as f32, y as f32);
            let (w, h) = (drawn.width as f32 * across, drawn.height as f32 * down);
            // What the rounding of the small drawing did to the shape is undone.
            let (right, low) = (x * across + w / 2.0, y * down + h / 2.0);
            let side = (w * h).sqrt();
            let (w, h) = (side * mark.shape.sqrt(), side / mark.shape.sqrt());
            found.push(Place { area: [right - w / 2.0, low - h / 2.0, w, h], score });
        });
        share /= step;
    }
    best(found, most)
}

/// The best of some places that are not near each other.
pub(super) fn best(mut found: Vec<Place>, most: usize) -> Vec<Place> {
    found.sort_by(|one, two| two.score.total_cmp(&one.score));
    let mut kept: Vec<Place> = Vec::new();
    for place in found {
        if kept.len() == most {
            break;
        }
        if !kept.iter().any(|other| other.is_near(&place)) {
            kept.push(place);
        }
    }
    kept
}

/// The mark at the size of the search, and sums over it.
pub(super) struct Sketch {
    /// Without the margin.
    width: usize,
    height: usize,
    /// With it.
    across: usize,
    down: usize,
    /// Cover, and cover times the colour in two channels.
    pixels: Vec<[f32; 3]>,
    tint: [f32; 3],
    cover: f32,
    cover_squared: f32,
    channels: [Sums; 2],
}

/// Sums over one channel of a drawn mark.
#[derive(Clone, Copy, Default)]
struct Sums {
    colour: f32,
    colour_squared: f32,
    colour_cover: f32,
    /// Of the matrix of the co-variances of cover and colour: the inverse, row by row without what is there twice.
    inverse: [f32; 3],
}

impl Sketch {
    /// The mark at the size at which it is looked for where the picture has as much detail.
    pub(super) fn of(mark: &Mark) -> Self {
        Self::new(mark, SIDE.max(SHORTER * mark.shape.max(1.0 / mark.shape).sqrt()))
    }

    fn new(mark: &Mark, side: f32) -> Self {
        let (width, height) = mark.size(side.max(3.0), 3);
        let (across, down) = (width + 2 * MARGIN, height + 2 * MARGIN);
        let tint = tint(&mark.drawn(16, 16, 0));
        let pixels: Vec<[f32; 3]> = mark
            .drawn(width, height, MARGIN)
            .into_iter()
            .map(|[r, g, b, cover]| {
                let [light, tinted] = [r, g, b].map(|value| value - GREY * cover).in_two(tint);
                [cover, light, tinted]
            })
            .collect();
        let count = pixels.len() as f32;
        let sum = |value: &dyn Fn(&[f32; 3]) -> f32| pixels.iter().map(value).sum::<f32>();
        let cover = sum(&|[cover, ..]| *cover);
        let cover_squared = sum(&|[cover, ..]| cover * cover);
        let of = |value: fn(&[f32; 3]) -> f32| {
            let total = sum(&value);
            let squared = sum(&|pixel| value(pixel) * value(pixel));
            let both = sum(&|pixel| value(pixel) * pixel[0]);
            let covers = cover_squared - cover * cover / count + 0.01;
            let shared = both - cover * total / count;
            // What cover and colour have in common is left to the cover: a mark of one colour has nothing else.
            let colours = squared - total * total / count + 100.0 * count;
            let whole = (covers * colours - shared * shared).max(1e-3);
            let inverse = [colours / whole, -shared / whole, covers / whole];
            Sums { colour: total, colour_squared: squared, colour_cover: both, inverse }
        };
        let channels = [of(|pixel| pixel[1]), of(|pixel| pixel[2])];
        Self { width, height, across, down, pixels, tint, cover, cover_squared, channels }
    }
}

/// Colours count from here on: smaller numbers lose less.
const GREY: f32 = 128.0;

/// A colour in two numbers.
trait InTwo {
    /// How light it is, and how much of a tint it has.
    fn in_two(self, tint: [f32; 3]) -> [f32; 2];
}

impl InTwo for [f32; 3] {
    fn in_two(self, tint: [f32; 3]) -> [f32; 2] {
        let [red, green, blue] = self;
        // Light varies more than tints do in pictures, and tells more: about as much as in all three channels together.
        let light = 0.45 * red + 0.88 * green + 0.17 * blue;
        [light, tint[0] * red + tint[1] * green + tint[2] * blue]
    }
}

/// The direction away from grey in which a mark's colours lie; from blue to red for a grey mark.
fn tint(pixels: &[[f32; 4]]) -> [f32; 3] {
    let (mut sum, mut cover) = ([0.0; 3], 0.0);
    for [red, green, blue, own] in pixels {
        let mean = (red + green + blue) / 3.0;
        sum = [sum[0] + red - mean, sum[1] + green - mean, sum[2] + blue - mean];
        cover += own;
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length < 10.0 * cover {
        return [std::f32::consts::FRAC_1_SQRT_2, 0.0, -std::f32::consts::FRAC_1_SQRT_2];
    }
    sum.map(|value| value / length)
}

/// One number for each pixel of a picture.
struct Plane {
    /// Wider than the picture: lanes at the end of a row look at zeros.
    width: usize,
    values: Vec<f32>,
}

impl Plane {
    fn new(picture: &[[f32; 3]], width: usize, value: impl Fn(&[f32; 3]) -> f32) -> Self {
        let padded = width + LANES;
        let mut values = vec![0.0; padded * (picture.len() / width.max(1))];
        for (to, from) in values.chunks_exact_mut(padded).zip(picture.chunks_exact(width.max(1))) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = value(from));
        }
        Self { width: padded, values }
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width)
    }

    /// The sums over all boxes of a size, at each box's first pixel.
    fn boxes(&self, across: usize, down: usize) -> Self {
        let mut narrow = vec![0.0; self.values.len()];
        for (to, from) in narrow.chunks_exact_mut(self.width).zip(self.rows()) {
            let mut sum: f32 = from.iter().take(across).sum();
            let next = from.iter().skip(across).chain(std::iter::repeat(&0.0));
            for ((to, leaves), enters) in to.iter_mut().zip(from).zip(next) {
                *to = sum;
                sum += enters - leaves;
            }
        }
        let narrow = Self { width: self.width, values: narrow };
        let mut sums = vec![0.0; self.width];
        for row in narrow.rows().take(down) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let mut values = Vec::with_capacity(self.values.len());
        for (leaves, enters) in narrow.rows().zip(narrow.rows().skip(down)) {
            values.extend_from_slice(&sums);
            for (sum, (leaves, enters)) in sums.iter_mut().zip(leaves.iter().zip(enters)) {
                *sum += enters - leaves;
            }
        }
        values.extend_from_slice(&sums);
        Self { width: self.width, values }
    }

    /// [`LANES`] values from a place on.
    fn lanes(&self, x: usize, y: usize) -> Option<&[f32; LANES]> {
        self.values.get(y * self.width + x..)?.first_chunk()
    }
}

/// Looks at every place of a picture, and names those that are better than their neighbours.
fn scan(
    picture: &[[f32; 3]],
    width: usize,
    drawn: &Sketch,
    found: &mut dyn FnMut(usize, usize, f32),
) {
    let height = picture.len() / width.max(1);
    if width < drawn.across || height < drawn.down {
        return;
    }
    let (columns, rows) = (width - drawn.across + 1, height - drawn.down + 1);
    let in_two = |pixel: &[f32; 3]| pixel.map(|value| value - GREY).in_two(drawn.tint);
    let light = Plane::new(picture, width, |pixel| in_two(pixel)[0]);
    let tint = Plane::new(picture, width, |pixel| in_two(pixel)[1]);
    let squares =
        Plane::new(picture, width, |pixel| in_two(pixel).map(|value| value * value).iter().sum());
    let totals = [&light, &tint, &squares].map(|plane| plane.boxes(drawn.across, drawn.down));
    let stride = columns.div_ceil(LANES) * LANES;
    let mut scores = vec![f32::MIN; stride * rows];
    for (y, out) in scores.chunks_exact_mut(stride).enumerate() {
        for (block, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let x = block * LANES;
            let products = correlate(&light, &tint, drawn, (x, y));
            let sums =
                totals.each_ref().map(|plane| plane.lanes(x, y).copied().unwrap_or([0.0; LANES]));
            *out = score(drawn, &sums, &products);
        }
    }
    for y in 0..rows {
        for x in 0..columns {
            let at = |x: usize, y: usize| scores.get(y * stride + x).copied().unwrap_or(f32::MIN);
            let here = at(x, y);
            let (left, right) = (x.saturating_sub(1), (x + 1).min(columns - 1));
            let (top, low) = (y.saturating_sub(1), (y + 1).min(rows - 1));
            if here > WORTH && (top..=low).all(|v| (left..=right).all(|u| at(u, v) <= here)) {
                found(x, y, here);
            }
        }
    }
}

/// At [`LANES`] places side by side: the products of the picture with the cover and with the mark's colour, light and tint.
#[expect(
    clippy::indexing_slicing,
    reason = "arrays of as many lanes as are counted, which become one instruction"
)]
fn correlate(
    light: &Plane,
    tint: &Plane,
    drawn: &Sketch,
    (x, y): (usize, usize),
) -> [[f32; LANES]; 4] {
    let (mut a, mut b) = ([0.0; LANES], [0.0; LANES]);
    let (mut c, mut d) = ([0.0; LANES], [0.0; LANES]);
    let rows = light.rows().zip(tint.rows()).skip(y);
    for ((lights, tints), mark) in rows.zip(drawn.pixels.chunks_exact(drawn.across)) {
        for (at, [cover, bright, tinted]) in mark.iter().enumerate() {
            let one = lights.get(x + at..).and_then(|row| row.first_chunk::<LANES>());
            let two = tints.get(x + at..).and_then(|row| row.first_chunk::<LANES>());
            let (Some(one), Some(two)) = (one, two) else { break };
            for lane in 0..LANES {
                a[lane] += one[lane] * cover;
                b[lane] += one[lane] * bright;
                c[lane] += two[lane] * cover;
                d[lane] += two[lane] * tinted;
            }
        }
    }
    [a, b, c, d]
}

/// How much of what is at each place the mark explains: in its own colours over a ground of one colour; or, for less,
/// in any colours.
#[expect(
    clippy::indexing_slicing,
    reason = "arrays of as many lanes as are counted, which become one instruction"
)]
fn score(drawn: &Sketch, sums: &[[f32; LANES]; 3], products: &[[f32; LANES]; 4]) -> [f32; LANES] {
    let n = (drawn.across * drawn.down) as f32;
    let ground = (n - 2.0 * drawn.cover + drawn.cover_squared).max(1e-3);
    let [lights, tints, squares] = sums;
    let mut scores = [0.0; LANES];
    for (lane, score) in scores.iter_mut().enumerate() {
        // What is plainer than noise looks like nothing.
        let noise = 2.0 * NOISE * n;
        let (mut own, mut free, mut all) =
            (squares[lane] + noise, squares[lane] + noise, squares[lane] + noise);
        let channels = [
            (&drawn.channels[0], lights[lane], products[0][lane], products[1][lane]),
            (&drawn.channels[1], tints[lane], products[2][lane], products[3][lane]),
        ];
        for (channel, sum, covers, colours) in channels {
            // What the mark leaves is the ground's: regressed on what shows of it.
            let shows = sum - channel.colour - covers + channel.colour_cover;
            own += channel.colour_squared - 2.0 * colours - shows * shows / ground;
            let varies = sum * sum / n;
            let (a, m) = (covers - sum * drawn.cover / n, colours - sum * channel.colour / n);
            let [i, j, k] = channel.inverse;
            free -= varies + a * a * i + 2.0 * a * m * j + m * m * k;
            all -= varies;
        }
        let all = all.max(noise);
        *score = (1.0 - own / all).max(0.8 * (1.0 - free / all) - 0.1);
    }
    scores
}

/// What is explained worse than that is not worth a second look.
const WORTH: f32 = 0.05;
