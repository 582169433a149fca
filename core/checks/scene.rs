//! What a picture is judged against besides itself.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Broken, DecodeLimits, Format, Impression, Picture, decode};
use crate::prompts::Case;
use crate::units::Digest;

/// What a picture is judged against: its case, and the picture that it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The case.
    pub case: &'a Case,
    /// The case's input picture, of an edit or an upscale.
    pub input: Option<&'a Reference>,
}

impl<'a> Scene<'a> {
    /// A case without an input picture.
    #[must_use]
    pub const fn of(case: &'a Case) -> Self {
        Self { case, input: None }
    }
}

/// A picture from the trusted side, decoded when a check first looks at it, and once.
#[derive(Debug)]
pub struct Reference {
    bytes: Bytes,
    picture: OnceLock<Result<Picture, Broken>>,
}

impl Reference {
    /// A picture of these bytes.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self { bytes, picture: OnceLock::new() }
    }

    /// The encoded bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The decoded picture.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn picture(&self) -> Result<&Picture, &Broken> {
        let limits = || DecodeLimits {
            formats: vec![Format::Png, Format::Jpeg, Format::Webp, Format::Gif],
            ..DecodeLimits::default()
        };
        self.picture.get_or_init(|| decode(&self.bytes, None, &limits())).as_ref()
    }
}

/// The other pictures that one is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Company<'a> {
    /// The baseline's pictures that were drawn so far, that of the same pair among them, where it has one.
    pub baselines: &'a [Earlier],
    /// Whether this is the candidate's picture.
    pub is_candidate: bool,
    /// The pictures of the same model that were drawn before, in the drawn order.
    pub earlier: &'a [Earlier],
}

/// A picture that was drawn before.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// The case's id.
    pub case: String,
    /// The digest of its prompt.
    pub prompt: Digest,
    /// What is kept of the picture.
    pub impression: Arc<Impression>,
}

impl Earlier {
    /// What is kept of a picture of a case.
    #[must_use]
    pub fn of(case: &Case, impression: &Arc<Impression>) -> Self {
        Self {
            case: case.id.clone(),
            prompt: Digest::of(case.prompt.as_bytes()),
            impression: Arc::clone(impression),
        }
    }
}
