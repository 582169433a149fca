//! The two networks: where there is text, and what it says.

use image::RgbImage;
use image::imageops::{self, FilterType};
use rten::{Model, ModelOptions, NodeId, RunOptions};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use super::boxes::Map;
use super::crop::HEIGHT;
use super::damage;
use super::frames::Frames;
use super::marks;
use crate::checks::threads::Threads;

/// Values in the recogniser from which [`damage`] tells how whole a letter is, and [`marks`] its accent: for each step what the last convolution
/// sees of its shape, and what is made of it with the steps around, just before it is named. The file of the network is
/// pinned by its hash, and with it these names.
const SEEN: [&str; 2] = ["p2o.pd_op.pool2d.1.0", "p2o.pd_op.squeeze.0.0"];

/// Both networks, and their alphabet.
pub(super) struct Networks {
    detector: Model,
    recogniser: Model,
    seen: [NodeId; 2],
    /// What each class of the recogniser stands for; class 0 is the blank.
    pub(super) characters: Vec<String>,
    threads: Threads,
}

impl std::fmt::Debug for Networks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Networks")
            .field("characters", &self.characters.len())
            .finish_non_exhaustive()
    }
}

impl Networks {
    /// Reads the weights: two ONNX files, the second with its alphabet under the key `character`.
    pub(super) fn load(detection: Vec<u8>, recognition: Vec<u8>) -> Result<Self, String> {
        let load = |bytes, what| {
            let mut options = ModelOptions::with_all_ops();
            options.prepack_weights(true);
            options
                .load(bytes)
                .map_err(|problem| format!("the {what} network can't be read: {problem}"))
        };
        let detector = load(detection, "text detection")?;
        let recogniser = load(recognition, "text recognition")?;
        let seen = SEEN.map(|name| recogniser.find_node(name));
        let [Some(shape), Some(context)] = seen else {
            return Err("the text recognition network does not say what it sees".to_owned());
        };
        let listed = recogniser
            .metadata()
            .get("character")
            .ok_or("the text recognition network has no alphabet")?;
        let mut characters = vec![String::new()];
        characters.extend(listed.lines().map(str::to_owned));
        characters.push(" ".to_owned());
        Ok(Self {
            detector,
            recogniser,
            seen: [shape, context],
            characters,
            threads: Threads::default(),
        })
    }

    /// Where there is text, on the picture drawn at this size, whose sides are multiples of 32.
    pub(super) fn detect(
        &self,
        picture: &RgbImage,
        width: u32,
        height: u32,
    ) -> Result<Map, String> {
        let drawn;
        let small = if picture.dimensions() == (width, height) {
            picture
        } else {
            drawn = shrink(picture, width, height);
            &drawn
        };
        let strips = strips(width, height);
        let mut values = Vec::with_capacity(width as usize * height as usize);
        for strip in &strips {
            let part;
            let seen = if strips.len() == 1 {
                small
            } else {
                part = imageops::crop_imm(small, 0, strip.from, width, strip.to - strip.from)
                    .to_image();
                &part
            };
            let input = planes(std::slice::from_ref(seen), width, strip.to - strip.from);
            let [output] = self.run(&self.detector, input, [])?;
            if output.shape() != [1, 1, (strip.to - strip.from) as usize, width as usize] {
                return Err("the text detection network answers in another shape".to_owned());
            }
            let rows = output.iter().skip(((strip.first - strip.from) * width) as usize);
            values.extend(rows.take(((strip.last - strip.first) * width) as usize));
        }
        Ok(Map::new(width as usize, height as usize, values))
    }

    /// What lines say, all of them of one width.
    pub(super) fn recognise(&self, lines: &[RgbImage], width: u32) -> Result<Vec<Frames>, String> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let [output, shapes, contexts] =
            self.run(&self.recogniser, planes(lines, width, HEIGHT), self.seen)?;
        let shape = output.shape().to_vec();
        let (Some(&steps), Some(&classes)) = (shape.get(1), shape.get(2)) else {
            return Err("the text recognition network answers in another shape".to_owned());
        };
        let [values, shapes, contexts] = [output, shapes, contexts].map(|tensor| tensor.to_vec());
        let of_line = |all: &[f32]| (all.len() / lines.len()).max(1);
        let seen = shapes.chunks(of_line(&shapes)).zip(contexts.chunks(of_line(&contexts)));
        lines
            .iter()
            .zip(values.chunks(of_line(&values)).zip(seen))
            .map(|(line, (values, (shape, context)))| {
                let another = "the text recognition network sees in another shape";
                let damage = damage::odds(shape, context, steps).ok_or(another)?;
                let marks = marks::scores(shape, context, steps).ok_or(another)?;
                // Frames over the padding say nothing.
                let used =
                    (steps as u64 * u64::from(line.width())).div_ceil(u64::from(width.max(1)));
                let used = usize::try_from(used).unwrap_or(steps).min(steps);
                let frames = Frames::new(values.chunks(classes.max(1)).take(used));
                Ok(frames.with_damage(damage).with_marks(marks))
            })
            .collect()
    }

    /// A network's own answer, and then the values named besides it.
    fn run<const N: usize, const M: usize>(
        &self,
        model: &Model,
        input: NdTensor<f32, 4>,
        besides: [NodeId; M],
    ) -> Result<[Tensor<f32>; N], String> {
        let (Some(&enters), Some(&leaves)) =
            (model.input_ids().first(), model.output_ids().first())
        else {
            return Err("the text network takes or gives nothing".to_owned());
        };
        let wanted: Vec<NodeId> = std::iter::once(leaves).chain(besides).collect();
        let answer = self.threads.lend(|pool| {
            let options = RunOptions::default().with_thread_pool(Some(pool));
            model.run(vec![(enters, input.into())], &wanted, Some(options))
        });
        let values = answer.map_err(|problem| format!("the text network failed: {problem}"))?;
        let tensors: Result<Vec<Tensor<f32>>, _> =
            values.into_iter().map(TryInto::try_into).collect();
        tensors
            .ok()
            .and_then(|tensors| tensors.try_into().ok())
            .ok_or_else(|| "the text network answers in another type".to_owned())
    }
}

/// The most pixels that the detector sees at once: it takes 130 bytes for each.
const MOST_AT_ONCE: u32 = 1280 * 736;

/// How far a strip sees beyond its own rows.
const MARGIN: u32 = 64;

/// A strip of rows: those that are seen, and those of which the map is kept.
#[derive(Debug, PartialEq, Eq)]
struct Strip {
    from: u32,
    first: u32,
    last: u32,
    to: u32,
}

/// The strips in which the detector sees a picture of this size, whose sides are multiples of 32: one where it is small,
/// else several that overlap, so that memory is bounded.
fn strips(width: u32, height: u32) -> Vec<Strip> {
    let count = (u64::from(width) * u64::from(height)).div_ceil(u64::from(MOST_AT_ONCE));
    let count = u32::try_from(count).unwrap_or(u32::MAX).clamp(1, height.max(32) / 32);
    let each = height.div_ceil(count).next_multiple_of(32);
    let mut strips = Vec::new();
    let mut first = 0;
    while first < height {
        let last = (first + each).min(height);
        strips.push(Strip {
            from: first.saturating_sub(MARGIN),
            first,
            last,
            to: (last + MARGIN).min(height),
        });
        first = last;
    }
    strips
}

/// The picture at another size. Halving and more averages areas: bilinear samples would skip strokes.
fn shrink(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    imageops::resize(picture, width, height, FilterType::Triangle)
}

/// Pictures as the networks take them: blue, green and red planes from -1 to 1, what is missing at the
/// right 0.
fn planes(pictures: &[RgbImage], width: u32, height: u32) -> NdTensor<f32, 4> {
    let (wide, tall) = (width as usize, height as usize);
    let mut values = vec![0.0_f32; pictures.len() * 3 * wide * tall];
    for (picture, block) in pictures.iter().zip(values.chunks_exact_mut((3 * wide * tall).max(1))) {
        for (plane, channel) in block.chunks_exact_mut((wide * tall).max(1)).zip([2_usize, 1, 0]) {
            let rows = picture.as_raw().chunks_exact((picture.width() as usize * 3).max(1));
            for (to, from) in plane.chunks_exact_mut(wide.max(1)).zip(rows) {
                let of_channel = from.iter().skip(channel).step_by(3);
                for (to, from) in to.iter_mut().zip(of_channel) {
                    *to = f32::from(*from).mul_add(2.0 / 255.0, -1.0);
                }
            }
        }
    }
    NdTensor::from_data([pictures.len(), 3, tall, wide], values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_cover_every_row_once_and_none_is_large() {
        assert_eq!(strips(736, 736).len(), 1);
        assert_eq!(strips(1280, 704).len(), 1);
        for (width, height) in (1..=40).flat_map(|w| (1..=40).map(move |h| (32 * w, 32 * h))) {
            let strips = strips(width, height);
            let mut next = 0;
            for strip in &strips {
                assert_eq!(strip.first, next, "{width} {height}");
                assert!(
                    strip.from <= strip.first && strip.first < strip.last && strip.last <= strip.to
                );
                assert!(strip.to <= height && (strip.to - strip.from).is_multiple_of(32));
                assert!(
                    width * (strip.to - strip.from) <= MOST_AT_ONCE,
                    "{width} {height} {strips:?}"
                );
                next = strip.last;
            }
            assert_eq!(next, height);
        }
    }
}
