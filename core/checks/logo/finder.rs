//! The search for a mark on one picture, from the coarse to the fine.

use image::RgbImage;

use super::align::{Freedom, Template};
use super::compare::{Likeness, compare};
use super::mark::Mark;
use super::search::{self, Place, Sketch};
use super::view::{Area, Layer, numbers};

/// Sides of the squares that the mark covers about as much as, in pixels: a first look, and closer ones.
const SIDES: [f32; 5] = [10.0, 14.0, 20.0, 28.0, 40.0];

/// Places that are looked at more closely, at each step.
const PLACES: [usize; 3] = [24, 5, 3];

/// A mark whose shorter side has fewer pixels on the picture can't be judged.
const LEAST: f32 = 16.0;

/// A place that is so much worse than the best is not looked at again.
const BEHIND: f32 = 0.35;

/// A mark, drawn at all sizes at which it is looked for.
pub(super) struct Finder {
    mark: Mark,
    sketch: Sketch,
    templates: Vec<Template>,
}

/// A picture, and its small copy.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// In sRGB.
    pub(super) small: &'a RgbImage,
    /// How many pixels of the picture, each way, are one of the small copy.
    pub(super) factor: u32,
    /// The pixels as the file codes them.
    pub(super) full: &'a RgbImage,
    /// Makes sRGB of them.
    pub(super) to_srgb: &'a dyn Fn(&mut RgbImage),
}

impl Seen<'_> {
    /// The picture at the sizes of the search, each half as large as the one before.
    pub(super) fn layers(&self) -> Vec<Layer<3>> {
        let step = self.factor as f32;
        let mut layers = vec![numbers(self.small).standing_for([0.0; 2], [step; 2])];
        while let Some(last) = layers.last()
            && last.width.min(last.height) > 16
        {
            layers.push(last.halved());
        }
        layers
    }

    /// A part of the picture and a little around it, with at least `detail` pixels along its shorter side where it has
    /// them.
    fn close(&self, [x, y, w, h]: Area, detail: f32) -> Layer<3> {
        let (width, height) = self.full.dimensions();
        let around = (0.25 * w.max(h)).max(2.0);
        let clamp = |value: f32, end: u32| value.clamp(0.0, end as f32) as u32;
        let (left, top) =
            (clamp((x - around).floor(), width - 1), clamp((y - around).floor(), height - 1));
        let (right, low) =
            (clamp((x + w + around).ceil(), width), clamp((y + h + around).ceil(), height));
        let block = ((w * h).sqrt() / detail).floor().max(1.0) as u32;
        let (across, down) = (
            (right.saturating_sub(left)).div_ceil(block).max(1),
            (low.saturating_sub(top)).div_ceil(block).max(1),
        );
        let mut sums = vec![[0_u32; 4]; (across * down) as usize];
        let rows = self.full.as_raw().chunks_exact(width as usize * 3).enumerate();
        for (v, row) in rows.skip(top as usize).take((low - top) as usize) {
            let line = ((v as u32 - top) / block * across) as usize;
            let pixels =
                row.as_chunks::<3>().0.iter().skip(left as usize).take((right - left) as usize);
            let mut sums = sums.iter_mut().skip(line);
            let (mut sum, mut left) = (sums.next(), block);
            for [red, green, blue] in pixels {
                if left == 0 {
                    (sum, left) = (sums.next(), block);
                }
                left -= 1;
                if let Some([reds, greens, blues, count]) = &mut sum {
                    *reds += u32::from(*red);
                    *greens += u32::from(*green);
                    *blues += u32::from(*blue);
                    *count += 1;
                }
            }
        }
        let bytes = sums.iter().flat_map(|[r, g, b, count]| {
            [r, g, b].map(|sum| ((sum + count / 2) / count.max(&1)) as u8)
        });
        let mut pixels = RgbImage::from_raw(across, down, bytes.collect())
            .unwrap_or_else(|| RgbImage::new(1, 1));
        (self.to_srgb)(&mut pixels);
        numbers(&pixels).standing_for([left as f32, top as f32], [block as f32; 2])
    }
}

/// About how many pixels wide a square of the same size is.
fn side([.., w, h]: Area) -> f32 {
    (w * h).max(1.0).sqrt()
}

impl Finder {
    /// Draws the mark at all sizes.
    pub(super) fn new(mark: Mark) -> Self {
        let templates = SIDES.iter().map(|side| Template::new(&mark, *side)).collect();
        Self { sketch: Sketch::of(&mark), mark, templates }
    }

    /// A box of the mark's shape, about as large and with the same middle.
    fn undistorted(&self, area @ [x, y, w, h]: Area) -> Area {
        let root = self.mark.shape.sqrt();
        let (across, down) = (side(area) * root, side(area) / root);
        [x + (w - across) / 2.0, y + (h - down) / 2.0, across, down]
    }

    /// The place where the mark fits best, if there is any that is like it. `is_right` tells whether to stop at one.
    pub(super) fn find(
        &self,
        seen: &Seen<'_>,
        least: f32,
        is_right: &dyn Fn(&Likeness) -> bool,
    ) -> Option<Likeness> {
        let layers = seen.layers();
        // Less than that is no likeness.
        let width = seen.full.width() as f32;
        let least = least.max(LEAST * self.mark.shape.max(1.0) / width);
        let [first, closer, last] = PLACES;
        let places = search::places(&layers, &self.mark, &self.sketch, least, first);
        let (coarse, finer) = (self.templates.first()?, self.templates.get(2)?);
        let whole = layers.first()?;
        let aligned = places.iter().map(|place| {
            let layer = layers.iter().rev().find(|layer| layer.detail(side(place.area)) >= 10.0);
            coarse.align(layer.unwrap_or(whole), place.area, Freedom::Size, 4).place()
        });
        let places = leading(search::best(aligned.collect(), closer));
        let aligned = places.iter().map(|place| {
            let fit = if whole.detail(side(place.area)) >= 20.0 {
                finer.align(whole, place.area, Freedom::Shape, 4)
            } else {
                finer.align(&seen.close(place.area, 20.0), place.area, Freedom::Shape, 4)
            };
            fit.place()
        });
        let places = leading(search::best(aligned.collect(), last));
        let mut best: Option<Likeness> = None;
        for place in places {
            let own = side(place.area);
            let template = self.templates.iter().zip(SIDES).rev().find(|(_, side)| *side <= own);
            let template = template.map_or(coarse, |(template, _)| template);
            let layer = seen.close(place.area, 40.0);
            let judge = |area: Area, freedom: Freedom| {
                let fit = template.align(&layer, area, freedom, 5);
                compare(&self.mark, template, &layer, &fit)
            };
            let mut likeness = judge(place.area, Freedom::Shape);
            if !is_right(&likeness) {
                // Perhaps it went astray: once more from the shape that it should have.
                let again = judge(self.undistorted(place.area), Freedom::Size);
                let again = judge(again.area, Freedom::Shape);
                if is_right(&again) || again.rank() > likeness.rank() {
                    likeness = again;
                }
            }
            let right = is_right(&likeness);
            if best.as_ref().is_none_or(|best| right || likeness.rank() > best.rank()) {
                best = Some(likeness);
            }
            if right {
                break;
            }
        }
        best
    }
}

/// Those that are not far behind the best.
fn leading(places: Vec<Place>) -> Vec<Place> {
    let best = places.first().map_or(0.0, |place| place.score);
    places.into_iter().filter(|place| place.score > best - BEHIND).collect()
}
