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
        let input = planes(std::slice::from_ref(small), width, height);
        let [output] = self.run(&self.detector, input, [])?;
        let shape = output.shape().to_vec();
        let (Some(&map_height), Some(&map_width)) = (shape.get(2), shape.get(3)) else {
            return Err("the text detection network answers in another shape".to_owned());
        };
        Ok(Map::new(map_width, map_height, output.to_vec()))
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
