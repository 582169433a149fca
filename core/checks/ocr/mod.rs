//! Reading text: PP-OCRv6 small on `rten`, with several ways to look at a picture.
//!
//! [`Reader`] holds the networks. What was seen of a picture is kept in its [`Sight`], so that two checks
//! that ask for the same look share it. How the looks were chosen, and what they miss, is in
//! `docs/checks.md`.

mod align;
mod boxes;
mod crop;
mod damage;
mod folding;
mod frames;
mod geometry;
mod marks;
mod mirror;
mod network;
mod order;
mod view;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use image::RgbImage;

use super::Picture;

pub use align::{Edges, Path, Phrase, align};
pub use boxes::{Cut, Map, Region, regions};
pub use damage::Damaged;
pub use folding::{Folding, Ignored, Letter, Step};
pub use frames::Frames;
pub use geometry::{Point, TurnedRect};
pub use view::{Match, Other, View};

use crop::Crop;
use network::Networks;

/// A way to look at a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// The plain one: the longer side 736 pixels for the detector.
    First,
    /// Boxes scored and grown by their outlines; bent lines made straight.
    Outlines,
    /// The detector sees 480 pixels: wide-set and large letters become one line.
    Coarse,
    /// Lines turned to the left by 2.5 degrees.
    TiltedLeft,
    /// Lines turned to the right by 2.5 degrees.
    TiltedRight,
    /// Faint boxes too, lengthened by a line's height.
    Faint,
    /// The detector sees 1280 pixels: small letters.
    Fine,
    /// As by their outlines, from the detector's 1280 pixels: small letters on bent lines.
    FineOutlines,
    /// As by their outlines, from the detector's 480 pixels; nothing where no line is bent.
    CoarseOutlines,
}

impl Look {
    /// All, in the order in which they are tried: the cheapest first, for the first that finds a text ends the search.
    pub const ALL: [Self; 9] = [
        Self::Coarse,
        Self::First,
        Self::Outlines,
        Self::TiltedLeft,
        Self::TiltedRight,
        Self::Faint,
        Self::Fine,
        Self::FineOutlines,
        Self::CoarseOutlines,
    ];

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Outlines => "outlines",
            Self::Coarse => "coarse",
            Self::TiltedLeft => "tilted left",
            Self::TiltedRight => "tilted right",
            Self::Faint => "faint",
            Self::Fine => "fine",
            Self::FineOutlines => "fine outlines",
            Self::CoarseOutlines => "coarse outlines",
        }
    }

    /// Whether it cuts lines out as another look does, from another map.
    #[must_use]
    pub const fn is_repeated(self) -> bool {
        matches!(self, Self::FineOutlines | Self::CoarseOutlines)
    }

    const fn side(self) -> u32 {
        match self {
            Self::Coarse | Self::CoarseOutlines => 480,
            Self::Fine | Self::FineOutlines => 1280,
            _ => 736,
        }
    }

    /// The number of the detector's map that it is taken from.
    const fn map(self) -> usize {
        match self.side() {
            480 => 0,
            1280 => 2,
            _ => 1,
        }
    }

    const fn cut(self) -> Cut {
        let plain = Cut { threshold: 0.3, mean: 0.5, unclip: 1.6, by_outline: false };
        match self {
            Self::Outlines | Self::CoarseOutlines | Self::FineOutlines => {
                Cut { threshold: 0.25, mean: 0.45, unclip: 1.6, by_outline: true }
            }
            Self::Faint => Cut { threshold: 0.15, mean: 0.3, unclip: 1.8, by_outline: false },
            Self::Fine => Cut { threshold: 0.2, mean: 0.4, ..plain },
            _ => plain,
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// A line as it was read in one look.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it says, by greedy decoding.
    pub text: String,
    /// Where it stands.
    pub place: TurnedRect,
    /// How sure the recogniser is, from 0 to 1: the mean over the characters.
    pub confidence: f32,
    /// How sure the detector is that there is text, from 0 to 1.
    pub detected: f32,
    pub(super) frames: Frames,
    pub(super) pixels: RgbImage,
}

/// What was seen of one picture so far.
#[derive(Debug, Default)]
pub struct Sight {
    maps: [OnceLock<Result<Map, String>>; 3],
    looks: [OnceLock<Result<Vec<Line>, String>>; Look::ALL.len()],
}

/// The networks, ready to read.
#[derive(Debug)]
pub struct Reader {
    networks: Networks,
}

impl Reader {
    /// Reads the weights of detection and recognition.
    ///
    /// # Errors
    /// A sentence, where the files are not what they should be.
    pub fn new(detection: Vec<u8>, recognition: Vec<u8>) -> Result<Self, String> {
        Ok(Self { networks: Networks::load(detection, recognition)? })
    }

    /// What the recogniser can write; the first is the blank.
    #[must_use]
    pub fn characters(&self) -> &[String] {
        &self.networks.characters
    }

    /// The lines of a picture as the first look reads them, from the top.
    ///
    /// # Errors
    /// A sentence, where a network failed.
    pub fn read<'a>(&self, picture: &'a Picture) -> Result<&'a [Line], String> {
        self.look(picture, Look::First)
    }

    /// The lines of a picture in a look. Each look is taken once, whoever asks.
    ///
    /// # Errors
    /// A sentence, where a network failed.
    pub fn look<'a>(&self, picture: &'a Picture, look: Look) -> Result<&'a [Line], String> {
        let sight = picture.sight();
        let Some(cell) = sight.looks.get(look.index()) else { return Ok(&[]) };
        match cell.get_or_init(|| self.take(picture.rgb(), sight, look)) {
            Ok(lines) => Ok(lines),
            Err(problem) => Err(problem.clone()),
        }
    }

    /// Lines cut out once more, with room above and below.
    ///
    /// # Errors
    /// A sentence, where a network failed.
    pub fn with_room(&self, picture: &Picture, lines: &[&Line]) -> Result<Vec<Line>, String> {
        let crop = |line: &&Line| (crop::with_room(picture.rgb(), &line.place), line.detected);
        self.recognise(lines.iter().map(crop).collect())
    }

    fn take(&self, picture: &RgbImage, sight: &Sight, look: Look) -> Result<Vec<Line>, String> {
        let map = sight.maps.get(look.map()).ok_or("there is no such map")?;
        let map = map.get_or_init(|| self.map(picture, look.side()));
        let map = map.as_ref().map_err(Clone::clone)?;
        let scale = scale(picture, map);
        let mut crops: Vec<(Crop, f32)> = Vec::new();
        let mut is_bent = false;
        for region in regions(map, &look.cut()) {
            let bent = if look.cut().by_outline {
                crop::straightened(picture, &region, scale)
            } else {
                None
            };
            is_bent |= bent.is_some();
            let crop = bent.unwrap_or_else(|| {
                let rect = region.rect.shifted(0.5).scaled(scale.0, scale.1).upright(1.5);
                let tall = rect.height;
                let rect = match look {
                    Look::TiltedLeft => rect.grown(0.10 * tall, 0.05 * tall).turned(-2.5),
                    Look::TiltedRight => rect.grown(0.10 * tall, 0.05 * tall).turned(2.5),
                    Look::Faint => rect.grown(tall, 0.05 * tall),
                    _ => rect,
                };
                crop::cut(picture, &rect)
            });
            crops.push((crop, region.mean));
        }
        if !is_bent && look == Look::CoarseOutlines {
            return Ok(Vec::new());
        }
        crops.sort_by(|a, b| {
            let of = |crop: &Crop| (crop.place.centre.y, crop.place.centre.x);
            of(&a.0).partial_cmp(&of(&b.0)).unwrap_or(std::cmp::Ordering::Equal)
        });
        self.recognise(crops)
    }

    fn recognise(&self, crops: Vec<(Crop, f32)>) -> Result<Vec<Line>, String> {
        let images: Vec<RgbImage> = crops.iter().map(|(crop, _)| crop.pixels.clone()).collect();
        let frames = self.frames(&images)?;
        let lines = crops.into_iter().zip(frames).map(|((crop, detected), frames)| {
            let (text, confidence) = frames.greedy(&self.networks.characters);
            Line { text, place: crop.place, confidence, detected, frames, pixels: crop.pixels }
        });
        Ok(lines.collect())
    }

    /// What lines say that are 48 pixels tall: those of like width in one run.
    pub(super) fn frames(&self, images: &[RgbImage]) -> Result<Vec<Frames>, String> {
        let padded = |image: &RgbImage| image.width().max(LEAST_WIDTH).next_multiple_of(32);
        let mut by_width: Vec<usize> = (0..images.len()).collect();
        by_width.sort_by_key(|index| images.get(*index).map_or(0, padded));
        let mut all = vec![Frames::default(); images.len()];
        let width_at = |index: &usize| images.get(*index).map_or(0, padded);
        for run in by_width.chunk_by(|a, b| width_at(a) == width_at(b)) {
            // A few at once: the answer is 75 kilobytes a step.
            for part in run.chunks(4) {
                let lines: Vec<RgbImage> =
                    part.iter().filter_map(|index| images.get(*index).cloned()).collect();
                let width = part.first().map_or(LEAST_WIDTH, width_at);
                for (index, frames) in part.iter().zip(self.networks.recognise(&lines, width)?) {
                    if let Some(place) = all.get_mut(*index) {
                        *place = frames;
                    }
                }
            }
        }
        Ok(all)
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sides of pictures, clamped"
    )]
    fn map(&self, picture: &RgbImage, side: u32) -> Result<Map, String> {
        let (width, height) = picture.dimensions();
        let ratio = side as f32 / width.max(height).max(1) as f32;
        let of = |edge: u32| ((edge as f32 * ratio / 32.0).round() as u32).clamp(1, side / 32) * 32;
        self.networks.detect(picture, of(width), of(height))
    }
}

/// The least width at which a line is read: the recogniser was taught with 320.
const LEAST_WIDTH: u32 = 320;

/// From pixels of the map to those of the picture.
#[expect(clippy::cast_precision_loss, reason = "sides of pictures")]
fn scale(picture: &RgbImage, map: &Map) -> (f32, f32) {
    (
        picture.width() as f32 / map.width().max(1) as f32,
        picture.height() as f32 / map.height().max(1) as f32,
    )
}
