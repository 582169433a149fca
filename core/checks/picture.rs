//! One decoded picture, with the features that several checks share.

use std::borrow::Cow;
use std::sync::OnceLock;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Rgb, RgbImage};

use super::container::Format;
use super::features::{Features, grey};
use crate::units::Digest;

/// A decoded picture, upright, with 8 bits a channel. Features are computed when a check first asks for
/// them, and once.
#[derive(Debug)]
pub struct Picture {
    pub(super) pixels: DynamicImage,
    pub(super) format: Format,
    pub(super) content_type: Option<String>,
    pub(super) byte_len: usize,
    pub(super) digest: Digest,
    pub(super) animated: bool,
    pub(super) bits: u8,
    pub(super) icc: Option<Vec<u8>>,
    pub(super) rgb: OnceLock<RgbImage>,
    pub(super) luma: OnceLock<GrayImage>,
    pub(super) features: Features,
}

impl Picture {
    /// Width in pixels, as people see it.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Height in pixels, as people see it.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// What the bytes are, told by their content.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// What the answer said the bytes are: lower case, without parameters.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// How many bytes the encoded picture has.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.byte_len
    }

    /// The digest of the encoded bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether there are more frames than the first, which alone is looked at.
    #[must_use]
    pub const fn is_animated(&self) -> bool {
        self.animated
    }

    /// The bits a channel of the file; the pixels here have 8.
    #[must_use]
    pub const fn bit_depth(&self) -> u8 {
        self.bits
    }

    /// The ICC profile that the pixels are meant in, unparsed; sRGB where there is none.
    #[must_use]
    pub fn icc_profile(&self) -> Option<&[u8]> {
        self.icc.as_deref()
    }

    /// The pixels as decoded: 8 bits of grey or RGB, with or without alpha.
    #[must_use]
    pub const fn pixels(&self) -> &DynamicImage {
        &self.pixels
    }

    /// The pixels as RGB, over white where they are transparent, as a page shows them.
    #[must_use]
    pub fn rgb(&self) -> &RgbImage {
        match &self.pixels {
            DynamicImage::ImageRgb8(rgb) => rgb,
            other => self.rgb.get_or_init(|| over_white(other)),
        }
    }

    /// The brightness of each pixel: the luma of ITU-R BT.709 over the coded values, from 0 to 255.
    #[must_use]
    pub fn luma(&self) -> &GrayImage {
        match &self.pixels {
            DynamicImage::ImageLuma8(luma) => luma,
            _ => self.luma.get_or_init(|| grey::of(self.rgb())),
        }
    }

    /// A smaller copy in RGB whose longer side has at most `side` pixels; the picture itself where it is
    /// small enough. Averages areas, so that it is fast and without moiré.
    #[must_use]
    pub fn thumbnail(&self, side: u32) -> Cow<'_, RgbImage> {
        let rgb = self.rgb();
        let longest = rgb.width().max(rgb.height());
        let side = side.max(1);
        if longest <= side {
            return Cow::Borrowed(rgb);
        }
        let scale = |edge: u32| -> u32 {
            let scaled = u64::from(edge) * u64::from(side) / u64::from(longest);
            u32::try_from(scaled).unwrap_or(side).max(1)
        };
        let (width, height) = (scale(rgb.width()), scale(rgb.height()));
        // The area average of `thumbnail` needs at least one source pixel for each of its own.
        if width < rgb.width() && height < rgb.height() {
            Cow::Owned(imageops::thumbnail(rgb, width, height))
        } else {
            Cow::Owned(imageops::resize(rgb, width, height, FilterType::Triangle))
        }
    }
}

fn over_white(pixels: &DynamicImage) -> RgbImage {
    if !pixels.color().has_alpha() {
        return pixels.to_rgb8();
    }
    let rgba = pixels.to_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0;
        let alpha = u16::from(alpha);
        let over = |channel: u8| -> u8 {
            let mixed = (u16::from(channel) * alpha + 255 * (255 - alpha) + 127) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        *to = Rgb([over(red), over(green), over(blue)]);
    }
    rgb
}
