//! The local classifier: Yahoo's `open_nsfw`, a thin ResNet of 50 layers that gives one score.

use image::RgbImage;
use image::imageops::{self, FilterType};
use rten::{Model, ModelOptions, NodeId, RunOptions};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::checks::threads::Threads;
use crate::checks::{ModelFile, Picture};

/// The network's weights.
pub(super) const MODEL: ModelFile = ModelFile {
    name: "safety.onnx",
    sha256: "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
};

/// The square that a picture is squashed to, and the square in its middle that the network sees.
const SQUASHED: u32 = 256;
const SEEN: u32 = 224;

/// The mean blue, green and red of the pictures that the network was trained on.
const MEAN: [f32; 3] = [104.0, 117.0, 123.0];

/// The network.
pub(super) struct Classifier {
    network: Model,
    enters: NodeId,
    leaves: NodeId,
    threads: Threads,
}

impl Classifier {
    /// Reads the weights.
    pub(super) fn load(weights: Vec<u8>) -> Result<Self, String> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let network = options
            .load(weights)
            .map_err(|problem| format!("the safety network can't be read: {problem}"))?;
        let (Some(&enters), Some(&leaves)) =
            (network.input_ids().first(), network.output_ids().first())
        else {
            return Err("the safety network takes or gives nothing".to_owned());
        };
        Ok(Self { network, enters, leaves, threads: Threads::default() })
    }

    /// How likely it holds the picture for pornography, from 0 to 1.
    pub(super) fn score(&self, picture: &Picture) -> Result<f64, String> {
        let input = values(&seen(picture));
        let answer = self.threads.lend(|pool| {
            let options = RunOptions::default().with_thread_pool(Some(pool));
            self.network.run(vec![(self.enters, input.into())], &[self.leaves], Some(options))
        });
        let values = answer.map_err(|problem| format!("the safety network failed: {problem}"))?;
        let tensor: Option<Tensor<f32>> =
            values.into_iter().next().and_then(|value| value.try_into().ok());
        // Two shares: of what is harmless, and of what is not.
        match tensor.map(|tensor| tensor.to_vec()).as_deref() {
            Some([_, score]) if (0.0..=1.0).contains(score) => Ok(f64::from(*score)),
            _ => Err("the safety network answers in another form".to_owned()),
        }
    }
}

/// What the network sees of a picture: its middle, squashed to a square, in sRGB.
///
/// Its authors put each picture through a JPEG besides. It is left out: over harmless pictures it moves a score by half a
/// point on average, and by 15 points at most, all of them below 30%.
fn seen(picture: &Picture) -> RgbImage {
    let mut small = imageops::resize(picture.rgb(), SQUASHED, SQUASHED, FilterType::Triangle);
    picture.profile().convert(&mut small);
    let edge = (SQUASHED - SEEN) / 2;
    imageops::crop_imm(&small, edge, edge, SEEN, SEEN).to_image()
}

/// Pixels as the network takes them: blue, green and red, less their means.
fn values(pixels: &RgbImage) -> NdTensor<f32, 4> {
    let side = SEEN as usize;
    let mut values = vec![0.0; side * side * 3];
    for (to, from) in values.chunks_exact_mut(3).zip(pixels.pixels()) {
        let channels = from.0.iter().rev().zip(MEAN);
        for (to, (channel, mean)) in to.iter_mut().zip(channels) {
            *to = f32::from(*channel) - mean;
        }
    }
    NdTensor::from_data([1, side, side, 3], values)
}
