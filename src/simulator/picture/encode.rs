//! Pixels to files.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder as _, ImageResult};

use super::size::Size;

/// The format of a picture's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// PNG.
    Png,
    /// JPEG of quality 90.
    Jpeg,
    /// WebP without loss.
    Webp,
}

impl Encoding {
    /// The format of a media type; PNG where it is another one or none.
    pub(crate) fn of(media_type: Option<&str>) -> Self {
        [Self::Jpeg, Self::Webp]
            .into_iter()
            .find(|encoding| Some(encoding.content_type()) == media_type)
            .unwrap_or(Self::Png)
    }

    /// The media type.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The file of these pixels: three bytes each, row by row.
    pub(super) fn encode(self, size: Size, pixels: &[u8]) -> ImageResult<Bytes> {
        let mut file = Cursor::new(Vec::with_capacity(pixels.len() / 2));
        let (width, height, color) = (size.width(), size.height(), ExtendedColorType::Rgb8);
        match self {
            Self::Png => {
                PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Up)
                    .write_image(pixels, width, height, color)?;
            }
            Self::Jpeg => JpegEncoder::new_with_quality(&mut file, 90)
                .write_image(pixels, width, height, color)?,
            Self::Webp => {
                WebPEncoder::new_lossless(&mut file).write_image(pixels, width, height, color)?;
            }
        }
        Ok(file.into_inner().into())
    }
}
