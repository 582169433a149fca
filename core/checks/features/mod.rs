//! What several checks measure on a picture: computed when a check first asks for it, and once.

use std::sync::OnceLock;

use image::{GrayImage, RgbImage};

use super::Picture;
use super::ocr::Sight;

pub(super) mod colour;
mod detail;
pub(super) mod grey;
mod histogram;
mod lab_plane;
pub(super) mod plane;
mod profile;
mod small;
mod spans;

pub(super) use histogram::Colours;
pub(super) use lab_plane::LabPlane;
pub(super) use profile::Profile;
pub use profile::Space;
pub(super) use spans::{Span, spans};

/// The features of one picture that were asked for so far.
#[derive(Debug, Default)]
pub(super) struct Features {
    middle: OnceLock<Option<RgbImage>>,
    middle_luma: OnceLock<GrayImage>,
    small: OnceLock<RgbImage>,
    lab: OnceLock<LabPlane>,
    colours: OnceLock<Colours>,
    profile: OnceLock<Profile>,
    sight: Sight,
}

impl Picture {
    /// The pixels that are looked at one by one: all of them, or the middle of a picture with more than 4 million.
    pub(super) fn detail(&self) -> &RgbImage {
        let middle = self.features.middle.get_or_init(|| detail::middle(self.rgb()));
        middle.as_ref().unwrap_or_else(|| self.rgb())
    }

    /// The brightness of the pixels that are looked at one by one, as [`Picture::luma`].
    pub(super) fn detail_luma(&self) -> &GrayImage {
        let middle = self.features.middle.get_or_init(|| detail::middle(self.rgb()));
        match middle {
            Some(middle) => self.features.middle_luma.get_or_init(|| grey::of(middle)),
            None => self.luma(),
        }
    }

    /// A copy of at most [`small::SIDE`] pixels a side in sRGB, each the mean of a square of the picture.
    pub(super) fn small(&self) -> &RgbImage {
        self.features.small.get_or_init(|| {
            let mut small = small::shrink(self.rgb());
            self.profile().convert(&mut small);
            small
        })
    }

    /// How many pixels of the picture, each way, are one of its small copy.
    pub(super) fn small_factor(&self) -> u32 {
        small::factor(self.width(), self.height())
    }

    /// A copy of at most 128 pixels a side in CIELAB.
    pub(super) fn lab(&self) -> &LabPlane {
        self.features.lab.get_or_init(|| LabPlane::of(self.small()))
    }

    /// Which colours there are, and how many pixels have each.
    pub(super) fn colours(&self) -> &Colours {
        self.features.colours.get_or_init(|| Colours::count(self.rgb(), self.profile()))
    }

    /// The colour profile that came with the picture.
    pub(super) fn profile(&self) -> &Profile {
        self.features.profile.get_or_init(|| Profile::read(self.icc_profile()))
    }

    /// What was read of the text on it so far.
    pub(super) const fn sight(&self) -> &Sight {
        &self.features.sight
    }
}
