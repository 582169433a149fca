//! How wide the sharpest edges are.

use image::GrayImage;

/// The side of the squares that edges are looked for in.
const SQUARE: usize = 16;
/// The distance over which a slope is taken: noise counts for less than between neighbours.
const STEP: usize = 4;
/// The least difference of brightness, of 255, that makes an edge.
const CONTRAST: u8 = 40;

/// What was seen in a square.
#[derive(Clone, Copy)]
struct Seen {
    low: u8,
    high: u8,
    steepest: u8,
}

/// The width of the sharpest edges in pixels: in each square of the picture the steepest slope, and the
/// range of brightness in it and the eight around it; of all squares with an edge the twentieth part
/// with the narrowest. About 2.5 times the deviation of a blur, and never under 4. Nothing where edges
/// are too few.
pub(super) fn sharpest(luma: &GrayImage) -> Option<f64> {
    let rows = squares(luma);
    let mut widths = Vec::new();
    let mut count = 0;
    for three in rows.windows(3) {
        let [above, here, below] = three else { continue };
        let columns = above.windows(3).zip(here.windows(3)).zip(below.windows(3));
        for ((above, here), below) in columns {
            count += 1;
            let around = || above.iter().chain(here).chain(below);
            let low = around().map(|seen| seen.low).min().unwrap_or(u8::MAX);
            let high = around().map(|seen| seen.high).max().unwrap_or_default();
            let steepest = here.get(1).map_or(0, |seen| seen.steepest);
            let range = high.saturating_sub(low);
            // Without a slope of its own the edge is another square's.
            if range >= CONTRAST && steepest >= CONTRAST / 4 {
                widths.push(f64::from(range) / f64::from(steepest) * STEP as f64);
            }
        }
    }
    if widths.len() < 8.max(count / 200) {
        return None;
    }
    widths.sort_by(f64::total_cmp);
    widths.get(widths.len() / 20).copied()
}

/// The whole squares of a picture, row by row.
fn squares(luma: &GrayImage) -> Vec<Vec<Seen>> {
    let width = luma.width() as usize;
    let lines: Vec<&[u8]> = luma.as_raw().chunks_exact(width).collect();
    let mut squares = Vec::new();
    for (top, band) in lines.chunks_exact(SQUARE).enumerate() {
        // The lines on which slopes downwards end; the last band has fewer of them.
        let below = lines.get(top * SQUARE + STEP..).unwrap_or_default();
        // Column by column of each square, which is one instruction for all sixteen.
        let mut row = vec![[[u8::MAX; SQUARE], [0; SQUARE], [0; SQUARE]]; width / SQUARE];
        for (at, line) in band.iter().enumerate() {
            let under = below.get(at).unwrap_or(line).as_chunks::<SQUARE>().0;
            // The last square's slopes to the right end with the line.
            let right = line.get(STEP..).unwrap_or_default().chunks(SQUARE);
            let parts = line.as_chunks::<SQUARE>().0.iter().zip(right).zip(under);
            for ([low, high, steepest], ((part, right), under)) in row.iter_mut().zip(parts) {
                each(low, part, u8::min);
                each(high, part, u8::max);
                each(steepest, &std::array::from_fn(|at| difference(part, under, at)), u8::max);
                let slopes: [u8; SQUARE] = match right.first_chunk::<SQUARE>() {
                    Some(right) => std::array::from_fn(|at| difference(part, right, at)),
                    None => std::array::from_fn(|at| difference(part, right, at)),
                };
                each(steepest, &slopes, u8::max);
            }
        }
        squares.push(row.iter().map(Seen::over).collect());
    }
    squares
}

impl Seen {
    /// Over all columns.
    fn over([low, high, steepest]: &[[u8; SQUARE]; 3]) -> Self {
        let most = |values: &[u8; SQUARE]| values.iter().copied().max().unwrap_or_default();
        let low = low.iter().copied().min().unwrap_or(u8::MAX);
        Self { low, high: most(high), steepest: most(steepest) }
    }
}

fn each(kept: &mut [u8; SQUARE], values: &[u8; SQUARE], pick: impl Fn(u8, u8) -> u8) {
    kept.iter_mut().zip(values).for_each(|(kept, value)| *kept = pick(*kept, *value));
}

/// How much two lines differ at a place; 0 where the second has ended.
fn difference(one: &[u8; SQUARE], two: &[u8], at: usize) -> u8 {
    one.get(at).zip(two.get(at)).map_or(0, |(here, there)| here.abs_diff(*there))
}
