//! Small facts of a picture that outlive it, so that pictures can be compared without keeping their pixels.

use super::Picture;
use crate::units::Digest;

/// What is kept of a picture for comparisons: a few kilobytes at most. Each check that compares adds its part.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// The digest of the encoded bytes.
    pub digest: Digest,
}

impl Picture {
    /// What is kept of the picture.
    #[must_use]
    pub fn impression(&self) -> Impression {
        Impression { digest: self.digest() }
    }
}
