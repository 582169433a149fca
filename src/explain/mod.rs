//! A picture with what the checks found drawn on it: boxes where they looked, margins, and below it what each says,
//! with the colours that it speaks of.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use presscheck_core::checks::{CheckResult, Finding};
use presscheck_core::inert::one_line;

mod letters;

use letters::{Letters, Text};

/// The longer side of the picture as it is shown, in pixels: larger ones are shrunk.
pub(crate) const SHOWN: u32 = 1024;

/// The least width of the whole, so that sentences have room.
const LEAST_WIDTH: u32 = 520;

/// The most findings that are listed.
const MOST: usize = 40;

/// The most characters of a finding's sentence.
const MAX_CHARS: usize = 400;

const SIZE: f32 = 15.0;
const PAD: u32 = 12;
const BADGE: u32 = 22;
const PAPER: [u8; 3] = [255; 3];
const INK: [u8; 3] = [28, 30, 34];

/// The colour of a result: those of the report, which colour-blind people can tell apart by lightness.
const fn colour(result: CheckResult) -> [u8; 3] {
    match result {
        CheckResult::Fail => [196, 30, 58],
        CheckResult::Unsure => [178, 106, 0],
        CheckResult::Pass => [24, 122, 64],
        CheckResult::Skipped => [104, 110, 120],
    }
}

const fn word(result: CheckResult) -> &'static str {
    match result {
        CheckResult::Fail => "fail",
        CheckResult::Unsure => "unsure",
        CheckResult::Pass => "pass",
        CheckResult::Skipped => "skipped",
    }
}

/// A finding as it is listed, and the number of its box.
struct Row<'a> {
    finding: &'a Finding,
    number: Option<usize>,
    name: Text,
    says: Text,
    swatches: Vec<(String, [u8; 3])>,
}

/// The annotated picture. `shown` is a copy of a picture of `original` pixels, by which the findings tell places.
#[must_use]
pub(crate) fn annotated(shown: &RgbImage, original: (u32, u32), findings: &[Finding]) -> RgbImage {
    let mut letters = Letters::new();
    let picture = enlarged(shown);
    let (width, height) = (picture.width().max(LEAST_WIDTH), picture.height());
    let rows = rows(&mut letters, findings, width);
    let below: u32 = rows.iter().map(|row| row_height(row) + PAD).sum();
    let mut whole = RgbImage::from_pixel(width, height + PAD + below, Rgb(PAPER));
    let left = (width - picture.width()) / 2;
    imageops::replace(&mut whole, &picture, i64::from(left), 0);
    let frame = Frame {
        left,
        size: picture.dimensions(),
        original: (original.0.max(1), original.1.max(1)),
    };
    for row in &rows {
        margin(&mut whole, &frame, row.finding);
    }
    // What failed is drawn last, over the rest.
    for row in rows.iter().rev() {
        boxed(&mut whole, &mut letters, &frame, row);
    }
    let mut y = height + PAD;
    for row in &rows {
        listed(&mut whole, &mut letters, row, y);
        y += row_height(row) + PAD;
    }
    whole
}

/// Tiny pictures as large as to be seen, each pixel a square.
fn enlarged(shown: &RgbImage) -> RgbImage {
    let (width, height) = shown.dimensions();
    let times = (384 / width.max(height).max(1)).max(1);
    if times == 1 {
        return shown.clone();
    }
    imageops::resize(shown, width * times, height * times, FilterType::Nearest)
}

fn rows<'a>(letters: &mut Letters, findings: &'a [Finding], width: u32) -> Vec<Row<'a>> {
    let rank = |finding: &Finding| match finding.result {
        CheckResult::Fail => 0,
        CheckResult::Unsure => 1,
        CheckResult::Pass => 2,
        CheckResult::Skipped => 3,
    };
    let mut listed: Vec<_> = findings.iter().collect();
    listed.sort_by_key(|finding| rank(finding));
    let mut number = 0;
    listed
        .into_iter()
        .take(MOST)
        .map(|finding| {
            let number = finding.region.map(|_| {
                number += 1;
                number
            });
            let room = width.saturating_sub(3 * PAD + BADGE);
            let name = format!("{}: {}", one_line(&finding.check, 60), word(finding.result));
            let says = one_line(&finding.message, MAX_CHARS);
            Row {
                finding,
                number,
                name: letters.lay_out(&name, SIZE, true, room),
                says: letters.lay_out(&says, SIZE, false, room),
                swatches: swatches(finding),
            }
        })
        .collect()
}

fn row_height(row: &Row<'_>) -> u32 {
    let swatches = if row.swatches.is_empty() { 0 } else { BADGE + PAD / 2 };
    (row.name.height + row.says.height + swatches).max(BADGE)
}

/// The colours that a finding speaks of, with the names that it gives them.
fn swatches(finding: &Finding) -> Vec<(String, [u8; 3])> {
    let all = finding.measured.iter().chain(&finding.limit);
    all.filter_map(|(name, value)| {
        let digits = value.as_str()?.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some((format!("{} #{digits}", name.replace('_', " ")), [red, green, blue]))
    })
    .take(4)
    .collect()
}

/// Where the picture stands on the whole, and how its pixels become those that are shown.
struct Frame {
    left: u32,
    size: (u32, u32),
    original: (u32, u32),
}

impl Frame {
    /// A box of the picture, on the whole: left, top, right and lower edge, inside the picture.
    fn place(&self, [x, y, w, h]: [u32; 4]) -> [u32; 4] {
        let scale = |value: u64, to: u32, of: u32| -> u32 {
            let scaled = value * u64::from(to) / u64::from(of);
            u32::try_from(scaled).unwrap_or(to).min(to)
        };
        let across = |value: u64| scale(value, self.size.0, self.original.0);
        let down = |value: u64| scale(value, self.size.1, self.original.1);
        let far = |start: u32, length: u32| u64::from(start) + u64::from(length);
        let (right, bottom) = (across(far(x, w)), down(far(y, h)));
        // A box of a single pixel would be lost.
        let left = across(x.into()).min(right.saturating_sub(3));
        let top = down(y.into()).min(bottom.saturating_sub(3));
        [self.left + left, top, self.left + right, bottom]
    }
}

/// The safe margin that a finding speaks of, as a dashed line.
fn margin(whole: &mut RgbImage, frame: &Frame, finding: &Finding) {
    let Some(share) = finding.limit.get("margin").and_then(serde_json::Value::as_f64) else {
        return;
    };
    if !(0.0..0.5).contains(&share) {
        return;
    }
    let (w, h) = (f64::from(frame.size.0), f64::from(frame.size.1));
    let (dx, dy) = ((w * share) as u32, (h * share) as u32);
    let [left, top, right, bottom] = [
        frame.left + dx,
        dy,
        frame.left + frame.size.0.saturating_sub(dx),
        frame.size.1.saturating_sub(dy),
    ];
    let ink = colour(finding.result);
    let dash = |at: u32| at % 12 < 7;
    for x in (left..right).filter(|x| dash(*x)) {
        put(whole, x, top, ink);
        put(whole, x, bottom.saturating_sub(1), ink);
    }
    for y in (top..bottom).filter(|y| dash(*y)) {
        put(whole, left, y, ink);
        put(whole, right.saturating_sub(1), y, ink);
    }
}

/// The box of a finding, with its number.
fn boxed(whole: &mut RgbImage, letters: &mut Letters, frame: &Frame, row: &Row<'_>) {
    let (Some(region), Some(number)) = (row.finding.region, row.number) else { return };
    let [left, top, right, bottom] = frame.place(region);
    let ink = colour(row.finding.result);
    let thick = if row.finding.result.counts_as_failure() { 3 } else { 2 };
    // A light line on either side, so that it shows on any picture.
    outline(
        whole,
        [left.saturating_sub(1), top.saturating_sub(1), right + 1, bottom + 1],
        1,
        PAPER,
    );
    outline(whole, [left, top, right, bottom], thick, ink);
    outline(
        whole,
        [left + thick, top + thick, right.saturating_sub(thick), bottom.saturating_sub(thick)],
        1,
        PAPER,
    );
    let y = if top >= BADGE { top - BADGE } else { top };
    badge(whole, letters, (left, y), ink, Some(number));
}

fn outline(whole: &mut RgbImage, [left, top, right, bottom]: [u32; 4], thick: u32, ink: [u8; 3]) {
    for step in 0..thick {
        for x in left..right {
            put(whole, x, top + step, ink);
            put(whole, x, bottom.saturating_sub(1 + step), ink);
        }
        for y in top..bottom {
            put(whole, left + step, y, ink);
            put(whole, right.saturating_sub(1 + step), y, ink);
        }
    }
}

fn put(whole: &mut RgbImage, x: u32, y: u32, ink: [u8; 3]) {
    if let Some(pixel) = whole.get_pixel_mut_checked(x, y) {
        *pixel = Rgb(ink);
    }
}

fn filled(whole: &mut RgbImage, (x, y): (u32, u32), (w, h): (u32, u32), ink: [u8; 3]) {
    for y in y..y.saturating_add(h) {
        for x in x..x.saturating_add(w) {
            put(whole, x, y, ink);
        }
    }
}

/// A square in the colour of a result, with the number of its box where it has one.
fn badge(
    whole: &mut RgbImage,
    letters: &mut Letters,
    (x, y): (u32, u32),
    ink: [u8; 3],
    number: Option<usize>,
) {
    filled(whole, (x, y), (BADGE, BADGE), ink);
    if let Some(number) = number {
        let text = letters.lay_out(&number.to_string(), SIZE, true, BADGE * 2);
        let inset = (BADGE.saturating_sub(text.width) / 2, BADGE.saturating_sub(text.height) / 2);
        letters.write(whole, &text, (x + inset.0, y + inset.1), PAPER);
    }
}

fn listed(whole: &mut RgbImage, letters: &mut Letters, row: &Row<'_>, y: u32) {
    let ink = colour(row.finding.result);
    badge(whole, letters, (PAD, y), ink, row.number);
    let x = 2 * PAD + BADGE;
    letters.write(whole, &row.name, (x, y), ink);
    letters.write(whole, &row.says, (x, y + row.name.height), INK);
    let y = y + row.name.height + row.says.height + PAD / 2;
    let mut at = x;
    for (name, swatch) in &row.swatches {
        filled(whole, (at, y), (BADGE * 2, BADGE), INK);
        filled(whole, (at + 1, y + 1), (BADGE * 2 - 2, BADGE - 2), *swatch);
        let text = letters.lay_out(name, SIZE - 2.0, false, u32::from(u16::MAX));
        letters.write(whole, &text, (at + BADGE * 2 + 6, y + 2), INK);
        at += BADGE * 2 + 6 + text.width + 2 * PAD;
    }
}

/// A file name for the annotated picture, unlike those of the pictures before it.
pub(crate) fn path_in(folder: &Path, picture: &Path, taken: &[PathBuf]) -> PathBuf {
    let stem = picture.file_stem().map_or_else(|| "image".into(), |stem| stem.to_string_lossy());
    let mut path = folder.join(format!("{stem}.explained.png"));
    let mut number = 1;
    while taken.contains(&path) {
        number += 1;
        path = folder.join(format!("{stem}-{number}.explained.png"));
    }
    path
}

/// Writes it as a PNG.
///
/// # Errors
/// A sentence on what went wrong.
pub(crate) fn save(annotated: RgbImage, path: &Path) -> Result<(), String> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(annotated)
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| format!("the annotated picture can't be encoded: {error}"))?;
    std::fs::write(path, bytes.into_inner())
        .map_err(|error| format!("{} can't be written: {error}", path.to_string_lossy()))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod examples;
