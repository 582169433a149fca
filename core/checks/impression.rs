//! Small facts of a picture that outlive it, so that pictures can be compared without keeping their pixels.

use super::Picture;
use super::color_shift::Tone;
use super::duplicate::Thumb;
use crate::units::Digest;

/// What is kept of a picture for comparisons: a few kilobytes at most. Each check that compares adds its part.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// The digest of the encoded bytes.
    pub digest: Digest,
    /// How light and colourful it is.
    pub(super) tone: Tone,
    /// What it looks like from afar.
    pub(super) thumb: Thumb,
}

impl Picture {
    /// What is kept of the picture.
    #[must_use]
    pub fn impression(&self) -> Impression {
        let lab = self.lab();
        Impression { digest: self.digest(), tone: Tone::of(lab), thumb: Thumb::of(self) }
    }
}
