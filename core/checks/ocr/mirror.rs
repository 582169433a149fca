//! Mirrored letters: the recogniser reads them as if they stood right. A letter that is read better when
//! it is mirrored once more was drawn mirrored.

use image::RgbImage;
use image::imageops;

use super::Reader;
use super::folding::{Folding, Letter, Step};
use super::view::{Match, View};

/// Letters that are the same, or other letters, when mirrored.
const SYMMETRIC: &str = "ahimotuvwxyAHIMOTUVWXYil108o";

/// How much better a letter must be read mirrored, in the logarithm of the odds.
const BETTER: f32 = 3.0;

/// A letter on a line: its columns of pixels, and its steps.
struct Cell<'a> {
    letter: &'a Letter,
    line: usize,
    columns: (u32, u32),
    steps: (usize, usize),
    before: (u32, u32),
    after: (u32, u32),
}

impl Reader {
    /// The first letter of a found text that is drawn mirrored.
    ///
    /// # Errors
    /// A sentence, where a network failed.
    pub fn mirrored(
        &self,
        view: &View<'_>,
        folding: &Folding,
        letters: &[Letter],
        found: &Match,
    ) -> Result<Option<char>, String> {
        let cells = cells(view, letters, found);
        let mut lines: Vec<usize> = cells.iter().map(|cell| cell.line).collect();
        lines.dedup();
        for line in lines {
            let Some(known) = view.lines().get(line) else { continue };
            let on_line: Vec<&Cell<'_>> = cells.iter().filter(|cell| cell.line == line).collect();
            let asymmetric: Vec<&&Cell<'_>> =
                on_line.iter().filter(|cell| can_be_told(cell.letter.shown)).collect();
            // Every second letter is mirrored at once, in two runs.
            let mut suspects: Vec<&Cell<'_>> = Vec::new();
            let halves: Vec<Vec<&Cell<'_>>> = (0..2)
                .map(|half| {
                    asymmetric.iter().skip(half).step_by(2).map(|cell| **cell).collect::<Vec<_>>()
                })
                .filter(|half| !half.is_empty())
                .collect();
            let images: Vec<RgbImage> = halves
                .iter()
                .map(|half| {
                    half.iter().fold(known.pixels.clone(), |image, cell| flip(&image, cell.columns))
                })
                .collect();
            for (half, frames) in halves.iter().zip(self.frames(&images)?) {
                let steps = folding.steps(&frames);
                for cell in half {
                    let as_is = odds(view.steps(line), cell.letter, cell.steps);
                    let mirrored = odds(&steps, cell.letter, cell.steps);
                    if mirrored > as_is && mirrored > -1.0 {
                        suspects.push(cell);
                    }
                }
            }
            // The suspects alone, each between its neighbours, as it is and mirrored.
            for cell in suspects {
                let (from, to) = (cell.before.0, cell.after.1.max(cell.before.0 + 1));
                let part =
                    imageops::crop_imm(&known.pixels, from, 0, to - from, known.pixels.height())
                        .to_image();
                let inner = (cell.columns.0 - from, cell.columns.1 - from);
                let images = [part.clone(), flip(&part, inner)];
                let read: Vec<f32> = self
                    .frames(&images)?
                    .iter()
                    .map(|frames| {
                        let steps = folding.steps(frames);
                        odds(&steps, cell.letter, (0, steps.len()))
                    })
                    .collect();
                if let [as_is, mirrored] = read.as_slice()
                    && mirrored - as_is > BETTER
                    && *mirrored > 0.0
                {
                    return Ok(Some(cell.letter.shown));
                }
            }
        }
        Ok(None)
    }
}

/// Whether a mirrored letter can be told from one that is not.
fn can_be_told(letter: char) -> bool {
    letter.is_ascii_alphanumeric() && !SYMMETRIC.contains(letter)
}

/// The logarithm of a letter's odds at its best step, at most 12.
fn odds(steps: &[Step], letter: &Letter, between: (usize, usize)) -> f32 {
    let shares = steps.iter().take(between.1).skip(between.0).map(|step| step.share(letter));
    let best = shares.fold(0.0, f32::max).clamp(1e-6, 1.0 - 1e-6);
    (best / (1.0 - best)).ln().min(12.0)
}

/// The cells of the letters: up to the middle between neighbours.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns of a line, clamped to it"
)]
fn cells<'a>(view: &View<'_>, letters: &'a [Letter], found: &Match) -> Vec<Cell<'a>> {
    let middle = |place: &(usize, usize, usize)| (place.1 + place.2 + 1) as f32 / 2.0;
    let mut cells: Vec<Cell<'a>> = Vec::new();
    for (index, (letter, place)) in letters.iter().zip(&found.places).enumerate() {
        let line = place.0;
        let Some(known) = view.lines().get(line) else { continue };
        let count = known.frames.len().max(1) as f32;
        let width = known.pixels.width();
        let column = |step: f32| ((step / count * width as f32).round().max(0.0) as u32).min(width);
        let near = |other: Option<&(usize, usize, usize)>| {
            other.filter(|other| other.0 == line).map(middle)
        };
        let before = near(index.checked_sub(1).and_then(|index| found.places.get(index)));
        let after = near(found.places.get(index + 1));
        let own = middle(place);
        // At an end, as far as on the other side.
        let left = before.map(|before| (own - before) / 2.0);
        let right = after.map(|after| (after - own) / 2.0);
        let reach = |side: Option<f32>, other: Option<f32>| side.or(other).unwrap_or(3.0);
        let (from, to) = (own - reach(left, right), own + reach(right, left));
        let steps = (from.floor().max(0.0) as usize, (to.ceil().max(0.0) as usize).max(1));
        let columns = (column(from), column(to).max(column(from) + 1).min(width));
        cells.push(Cell { letter, line, columns, steps, before: columns, after: columns });
    }
    let columns: Vec<(usize, (u32, u32))> =
        cells.iter().map(|cell| (cell.line, cell.columns)).collect();
    for (index, cell) in cells.iter_mut().enumerate() {
        let near = |at: Option<usize>| {
            at.and_then(|at| columns.get(at)).filter(|(line, _)| *line == cell.line)
        };
        let (before, after) = (near(index.checked_sub(1)), near(Some(index + 1)));
        cell.before = before.map_or(cell.columns, |(_, columns)| *columns);
        cell.after = after.map_or(cell.columns, |(_, columns)| *columns);
    }
    cells
}

/// The picture with some of its columns mirrored.
fn flip(image: &RgbImage, (from, to): (u32, u32)) -> RgbImage {
    let mut flipped = image.clone();
    for (to_x, from_x) in (from..to).zip((from..to).rev()) {
        for y in 0..image.height() {
            if let (Some(pixel), Some(place)) =
                (image.get_pixel_checked(from_x, y), flipped.get_pixel_mut_checked(to_x, y))
            {
                *place = *pixel;
            }
        }
    }
    flipped
}
