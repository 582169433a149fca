//! `decode`: from an answer's bytes to a picture, under limits.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use super::container::{self, Content, Fault, Format};
use super::features::Features;
use super::{CheckResult, Finding, Picture};
use crate::inert::one_line;
use crate::policy::{CheckVocabulary, FromNode, Settings};
use crate::record;
use crate::units::Digest;

mod asked;

pub(super) use asked::contradictions;
pub use asked::{Animation, BitDepth};

/// The most scans of a JPEG. Encoders write about ten; thousands of empty ones keep a decoder busy for
/// hours (https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf).
const MAX_SCANS: u32 = 100;

/// What a PNG may unpack besides its pixels, in bytes: colour profiles are far smaller.
const MAX_METADATA: u64 = 8 * 1024 * 1024;

/// The most pixels that the policy may admit: at 8 bytes each, 8 GB.
const MOST_PIXELS: u64 = 1_000_000_000;

record! {
    /// What an answer may be to count as a picture.
    pub struct DecodeSettings {
        /// The most bytes of an encoded picture.
        max_bytes: u64 = "33554432",
        /// The most pixels of a decoded picture.
        max_pixels: u64 = "67108864",
        /// The formats that count as usable: `png`, `jpeg`, `webp`, `gif`.
        formats: Vec<Format> = r#"["png", "jpeg", "webp"]"#,
        /// Whether pictures may move: more than one frame.
        animation: Animation = "any",
        /// The bits a channel that pictures must have, 8 or 16.
        bit_depth: Option<BitDepth>,
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: "decode",
    doc: "Whether the answer is a whole picture: its format by content, all of its bytes, within limits. It always runs.",
    on_by_default: true,
    scoped: false,
    read: |node, problems| {
        let settings = DecodeSettings::from_node(node, problems)?;
        if settings.max_bytes == 0 || settings.max_pixels == 0 || settings.formats.is_empty() {
            problems.error(node.span, "`decode` would let no picture through");
            return None;
        }
        if settings.max_pixels > MOST_PIXELS {
            problems.error(node.span, format!("`max_pixels` is at most {MOST_PIXELS}"));
            return None;
        }
        Some(Settings::new(settings))
    },
    schema: DecodeSettings::schema,
    expectations: asked::EXPECTATIONS,
};

/// The limits under which answers are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The most bytes of an encoded picture.
    pub max_bytes: u64,
    /// The most pixels of a decoded picture. They bound memory and time: no format needs more than 16
    /// bytes and a hundred visits a pixel.
    pub max_pixels: u64,
    /// The formats that count as usable.
    pub formats: Vec<Format>,
    /// Whether pictures may have more than one frame.
    pub animation: Animation,
    /// The bits a channel that they must have.
    pub bit_depth: Option<BitDepth>,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            max_bytes: 32 * 1024 * 1024,
            max_pixels: 64 * 1024 * 1024,
            formats: vec![Format::Png, Format::Jpeg, Format::Webp],
            animation: Animation::Any,
            bit_depth: None,
        }
    }
}

impl From<&DecodeSettings> for DecodeLimits {
    fn from(settings: &DecodeSettings) -> Self {
        Self {
            max_bytes: settings.max_bytes,
            max_pixels: settings.max_pixels,
            formats: settings.formats.clone(),
            animation: settings.animation,
            bit_depth: settings.bit_depth,
        }
    }
}

/// Why an answer is no usable picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// For machines: `empty`, `html`, `json`, `not_an_image`, `format` (a picture of a format that is
    /// not taken), `truncated`, `corrupt` or `too_large`.
    pub kind: &'static str,
    /// For people: a sentence without its full stop.
    pub message: String,
    /// The format, where the bytes start like a picture.
    pub format: Option<Format>,
}

impl Broken {
    fn new(kind: &'static str, format: Option<Format>, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), format }
    }

    /// The finding of the check `decode`.
    #[must_use]
    pub fn finding(&self, byte_len: usize, limits: &DecodeLimits) -> Finding {
        let finding = Finding::new("decode", CheckResult::Fail, self.message.clone())
            .measured("kind", self.kind)
            .measured("bytes", byte_len)
            .limit("max_bytes", limits.max_bytes)
            .limit("max_pixels", limits.max_pixels);
        match self.format {
            Some(format) => finding.measured("format", format.word()),
            None => finding,
        }
    }
}

/// The finding on a picture that was decoded.
pub(super) fn finding(picture: &Picture, limits: &DecodeLimits) -> Finding {
    let (width, height) = (picture.width(), picture.height());
    let mut message = format!(
        "{}, {width}×{height} pixels, {}",
        picture.format().name(),
        human_bytes(picture.byte_len() as u64)
    );
    if let Some(claimed) = picture.content_type().filter(|claim| differs(claim, picture.format())) {
        message.push_str(&format!("; the answer called it `{}`", one_line(claimed, 60)));
    }
    if picture.is_animated() {
        message.push_str("; animated: only the first frame is looked at");
    }
    let mut finding = Finding::new("decode", CheckResult::Pass, message)
        .measured("format", picture.format().word())
        .measured("width", width)
        .measured("height", height)
        .measured("bytes", picture.byte_len())
        .limit("max_bytes", limits.max_bytes)
        .limit("max_pixels", limits.max_pixels);
    if let Some(claimed) = picture.content_type() {
        finding = finding.measured("content_type", one_line(claimed, 60));
    }
    finding
}

/// Whether a claimed media type contradicts the content. The ones that claim nothing never do.
fn differs(claimed: &str, format: Format) -> bool {
    let neutral = ["", "application/octet-stream", "binary/octet-stream", "image/*"];
    let same = claimed == format.media_type() || (claimed == "image/jpg" && format == Format::Jpeg);
    !same && !neutral.contains(&claimed)
}

/// A number of bytes for people: `3.1 MB`.
fn human_bytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let count = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", count / 1e3),
        _ => format!("{:.1} MB", count / 1e6),
    }
}

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Their digest.
    pub digest: Digest,
    /// What the answer said it is; it is noted, never believed.
    pub content_type: Option<&'a str>,
}

impl<'a> Encoded<'a> {
    /// Bytes of which nothing is known.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, digest: Digest::of(bytes), content_type: None }
    }
}

/// Decodes an answer.
///
/// The format is told by the content. The outer structure is walked to its end first, since decoders fill
/// in for missing bytes without a word; then size and pixels are held against the limits, before any
/// pixel is unpacked. Pictures come out upright (EXIF orientation applied), with 8 bits a channel.
///
/// # Errors
/// What the bytes are instead, or what is wrong with them.
pub fn decode(
    bytes: &[u8],
    content_type: Option<&str>,
    limits: &DecodeLimits,
) -> Result<Picture, Broken> {
    known(&Encoded { content_type, ..Encoded::of(bytes) }, limits)
}

/// The same of an answer whose digest is known.
pub(super) fn known(encoded: &Encoded<'_>, limits: &DecodeLimits) -> Result<Picture, Broken> {
    let Encoded { bytes, digest, content_type } = *encoded;
    let format = match container::tell(bytes) {
        Content::Picture(format) => format,
        Content::Head(format) => {
            let message =
                format!("the {} stops after {}", format.name(), human_bytes(bytes.len() as u64));
            return Err(Broken::new("truncated", Some(format), message));
        }
        Content::Other(kind, name) => {
            let message = match kind {
                "empty" => "the answer is empty".to_owned(),
                "format" => format!("the answer is {name}; {}", taken(limits)),
                "corrupt" => format!("the answer is {name}"),
                "unknown" => "the answer is no picture of any known format".to_owned(),
                _ => format!("the answer is {name}, not a picture"),
            };
            let kind = if kind == "unknown" { "not_an_image" } else { kind };
            return Err(Broken::new(kind, None, message));
        }
    };
    let broken = |kind, message: String| Broken::new(kind, Some(format), message);
    let name = format.name();
    if !limits.formats.contains(&format) {
        return Err(broken("format", format!("the answer is a {name} picture; {}", taken(limits))));
    }
    if bytes.len() as u64 > limits.max_bytes {
        let (is, most) = (human_bytes(bytes.len() as u64), human_bytes(limits.max_bytes));
        return Err(broken("too_large", format!("the {name} has {is}; at most {most} are taken")));
    }
    let structure = container::walk(format, bytes).map_err(|fault| match fault {
        Fault::Truncated(what) => broken("truncated", format!("the {name} is cut short: {what}")),
        Fault::Corrupt(what) => broken("corrupt", format!("the {name} is damaged: {what}")),
    })?;
    if structure.scans > MAX_SCANS {
        let message =
            format!("the {name} has {} scans; at most {MAX_SCANS} are read", structure.scans);
        return Err(broken("too_large", message));
    }
    let within = |(width, height): (u32, u32)| {
        if u64::from(width) * u64::from(height) <= limits.max_pixels {
            return Ok(());
        }
        let most = limits.max_pixels;
        let message =
            format!("the {name} has {width}×{height} pixels; at most {most} in all are taken");
        Err(broken("too_large", message))
    };
    structure.size.map_or(Ok(()), within)?;
    // The decoders are fuzzed by their authors and by us, and still are not ours: one that panics has
    // met a picture that nobody can use.
    let unpacked = catch_unwind(AssertUnwindSafe(|| unpack(format, bytes, &within)));
    let (pixels, icc, bits) = unpacked.unwrap_or_else(|_| {
        Err(broken("corrupt", format!("the {name} is damaged: the decoder gave up on it")))
    })?;
    if pixels.width() == 0 || pixels.height() == 0 {
        return Err(broken("corrupt", format!("the {name} has no pixels")));
    }
    Ok(Picture {
        pixels,
        format,
        content_type: content_type.map(media_type),
        byte_len: bytes.len(),
        digest,
        animated: structure.animated,
        bits,
        icc,
        rgb: OnceLock::new(),
        luma: OnceLock::new(),
        features: Features::default(),
    })
}

fn taken(limits: &DecodeLimits) -> String {
    let names: Vec<_> = limits.formats.iter().map(|format| format.name()).collect();
    format!("taken are {}", names.join(", "))
}

/// A media type without its parameters, in lower case.
fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The pixels, the colour profile, and the bits a channel of the file.
type Unpacked = (DynamicImage, Option<Vec<u8>>, u8);

/// Runs the decoder of the format.
fn unpack(
    format: Format,
    bytes: &[u8],
    within: &dyn Fn((u32, u32)) -> Result<(), Broken>,
) -> Result<Unpacked, Broken> {
    let wrong = |error: ImageError| explain(format, &error);
    let cursor = Cursor::new(bytes);
    match format {
        Format::Png => {
            let mut limits = Limits::no_limits();
            // Rows are unpacked one at a time, besides the picture itself: 8 bytes a pixel, twice.
            let row = bytes.get(16..20).map_or(0, |edge| {
                edge.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)).saturating_mul(16)
            });
            limits.max_alloc = Some(MAX_METADATA.saturating_add(row));
            finish(PngDecoder::with_limits(cursor, limits).map_err(wrong)?, format, within)
        }
        Format::Jpeg => finish(JpegDecoder::new(cursor).map_err(wrong)?, format, within),
        Format::Webp => finish(WebPDecoder::new(cursor).map_err(wrong)?, format, within),
        Format::Gif => finish(GifDecoder::new(cursor).map_err(wrong)?, format, within),
    }
}

fn finish(
    mut decoder: impl ImageDecoder,
    format: Format,
    within: &dyn Fn((u32, u32)) -> Result<(), Broken>,
) -> Result<Unpacked, Broken> {
    let wrong = |error: ImageError| explain(format, &error);
    within(decoder.dimensions())?;
    // Neither is worth losing a picture over: without them it is upright, and sRGB.
    let orientation = decoder.orientation().ok();
    let icc = decoder.icc_profile().ok().flatten().filter(|icc| icc.len() as u64 <= MAX_METADATA);
    let coded = decoder.original_color_type();
    let bits = coded.bits_per_pixel() / u16::from(coded.channel_count().max(1));
    let mut pixels = eight_bits(DynamicImage::from_decoder(decoder).map_err(wrong)?);
    if let Some(orientation) = orientation {
        pixels.apply_orientation(orientation);
    }
    Ok((pixels, icc, u8::try_from(bits).unwrap_or(u8::MAX)))
}

/// 8 bits a channel: what every check looks at, at half the memory.
fn eight_bits(pixels: DynamicImage) -> DynamicImage {
    use DynamicImage as D;
    match pixels {
        D::ImageLuma8(_) | D::ImageLumaA8(_) | D::ImageRgb8(_) | D::ImageRgba8(_) => pixels,
        D::ImageLuma16(_) => D::ImageLuma8(pixels.into_luma8()),
        D::ImageLumaA16(_) => D::ImageLumaA8(pixels.into_luma_alpha8()),
        _ if pixels.color().has_alpha() => D::ImageRgba8(pixels.into_rgba8()),
        _ => D::ImageRgb8(pixels.into_rgb8()),
    }
}

/// What a decoder says, without the parts that say nothing to people.
fn decoder_words(message: &str) -> String {
    if message.contains("CRC error") {
        return "a checksum does not match".to_owned();
    }
    let said = message.rsplit_once("error decoding ").and_then(|(_, said)| said.split_once(": "));
    one_line(said.map_or(message, |(_, said)| said).trim_end_matches('.'), 160)
}

/// A decoder's error as ours.
fn explain(format: Format, error: &ImageError) -> Broken {
    let name = format.name();
    let words = decoder_words(&error.to_string());
    match error {
        ImageError::Limits(_) => Broken::new(
            "too_large",
            Some(format),
            format!("the {name} unpacks to too much: {words}"),
        ),
        ImageError::Unsupported(_) => Broken::new(
            "format",
            Some(format),
            format!("the {name} is of a kind that is not supported: {words}"),
        ),
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Broken::new("truncated", Some(format), format!("the {name} is cut short: {words}"))
        }
        _ => Broken::new("corrupt", Some(format), format!("the {name} is damaged: {words}")),
    }
}

#[cfg(test)]
pub(super) mod tests;
