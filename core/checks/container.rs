//! What bytes are, told by their content, and whether they are all there.
//!
//! Decoders forgive: a JPEG that was cut in the middle comes out grey at the bottom without a word. So
//! the outer structure is walked first, to its last marker. Sources: PNG (W3C, third edition, 5.3), JPEG
//! (ITU-T T.81, annex B), WebP (RFC 9649, 2), GIF89a.

use crate::choice;

choice! {
    /// A format that is decoded.
    pub enum Format {
        /// Portable Network Graphics.
        Png = "png",
        /// JPEG.
        Jpeg = "jpeg",
        /// WebP, lossy and lossless.
        Webp = "webp",
        /// GIF; only the first frame is looked at.
        Gif = "gif",
    }
}

impl Format {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
        }
    }

    /// The media type: `image/png`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The ending of a file's name, without the dot: `jpg`.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }
}

/// What bytes turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A picture that can be decoded.
    Picture(Format),
    /// The first bytes of such a picture, and no more.
    Head(Format),
    /// Something else: a kind for machines, and its name for people.
    Other(&'static str, &'static str),
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Tells the content by its first bytes.
pub(super) fn tell(bytes: &[u8]) -> Content {
    if bytes.is_empty() {
        return Content::Other("empty", "nothing at all");
    }
    let heads: [(&[u8], Format); 4] = [
        (PNG, Format::Png),
        (b"\xFF\xD8\xFF", Format::Jpeg),
        (b"GIF87a", Format::Gif),
        (b"GIF89a", Format::Gif),
    ];
    for (head, format) in heads {
        if bytes.starts_with(head) {
            return Content::Picture(format);
        }
        if head.starts_with(bytes) {
            return Content::Head(format);
        }
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Content::Picture(Format::Webp);
    }
    let riff_so_far = b"RIFF".starts_with(bytes.get(..4).unwrap_or(bytes))
        && bytes.get(8..).is_none_or(|rest| b"WEBP".starts_with(rest));
    if bytes.len() < 12 && riff_so_far {
        return Content::Head(Format::Webp);
    }
    let (kind, name) = other(bytes);
    Content::Other(kind, name)
}

/// What else it is, as far as a first look tells.
fn other(bytes: &[u8]) -> (&'static str, &'static str) {
    let binary: [(&[u8], &str); 8] = [
        (b"BM", "a BMP picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"\xFF\x0A", "a JPEG XL picture"),
        (b"\0\0\0\x0CJXL ", "a JPEG XL picture"),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 picture"),
        (b"\0\0\x01\0", "an icon"),
        (b"8BPS", "a Photoshop file"),
    ];
    if let Some((_, name)) = binary.iter().find(|(head, _)| bytes.starts_with(head)) {
        return ("format", name);
    }
    match (bytes.get(4..8), bytes.get(8..12)) {
        (Some(b"ftyp"), Some(b"avif" | b"avis")) => return ("format", "an AVIF picture"),
        (Some(b"ftyp"), Some(b"heic" | b"heix" | b"mif1" | b"heim")) => {
            return ("format", "a HEIC picture");
        }
        (Some(b"ftyp"), Some(_)) => return ("not_an_image", "a video"),
        _ => {}
    }
    if bytes.get(1..4) == Some(b"PNG") {
        return ("corrupt", "a PNG whose signature was damaged, as a transfer as text does");
    }
    if bytes.starts_with(b"%PDF") {
        return ("not_an_image", "a PDF document");
    }
    if bytes.starts_with(b"\x1F\x8B") || bytes.starts_with(b"PK\x03\x04") {
        return ("not_an_image", "a compressed archive");
    }
    let start = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let text = String::from_utf8_lossy(start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start));
    let text = text.trim_start().to_ascii_lowercase();
    if text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg")) {
        return ("format", "an SVG drawing");
    }
    if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| text.starts_with(tag)) {
        return ("html", "an HTML page");
    }
    if text.starts_with("<?xml") {
        return ("not_an_image", "an XML document");
    }
    if text.starts_with('{') || text.starts_with('[') {
        return ("json", "JSON");
    }
    if std::str::from_utf8(start).is_ok_and(|text| !text.contains('\0')) {
        return ("not_an_image", "plain text");
    }
    ("unknown", "")
}

/// What the walk over a picture's structure learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Structure {
    /// Width and height, where the structure tells them.
    pub(super) size: Option<(u32, u32)>,
    /// Whether there is more than one frame.
    pub(super) animated: bool,
    /// How many times a progressive JPEG goes over its pixels.
    pub(super) scans: u32,
}

/// What is wrong with a structure, as a part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The end is missing.
    Truncated(&'static str),
    /// It makes no sense.
    Corrupt(&'static str),
}

/// Walks a picture to its end.
pub(super) fn walk(format: Format, bytes: &[u8]) -> Result<Structure, Fault> {
    match format {
        Format::Png => walk_png(bytes),
        Format::Jpeg => walk_jpeg(bytes),
        Format::Webp => walk_webp(bytes),
        Format::Gif => walk_gif(bytes),
    }
}

/// Reads forward over bytes; every read past the end is [`Fault::Truncated`].
struct Walker<'a> {
    rest: &'a [u8],
    missing: &'static str,
}

impl<'a> Walker<'a> {
    const fn new(bytes: &'a [u8], missing: &'static str) -> Self {
        Self { rest: bytes, missing }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(Fault::Truncated(self.missing))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.take(1)?.first().copied().ok_or(Fault::Truncated(self.missing))
    }

    fn be16(&mut self) -> Result<u16, Fault> {
        Ok(self.take(2)?.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
    }

    fn le16(&mut self) -> Result<u16, Fault> {
        Ok(self.be16()?.swap_bytes())
    }

    fn be32(&mut self) -> Result<u32, Fault> {
        Ok(self.take(4)?.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn le32(&mut self) -> Result<u32, Fault> {
        Ok(self.be32()?.swap_bytes())
    }
}

/// As a position, saturating on machines with small ones.
fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn walk_png(bytes: &[u8]) -> Result<Structure, Fault> {
    let mut walker = Walker::new(bytes, "its end (the IEND chunk) is missing");
    walker.take(PNG.len())?;
    let mut structure = Structure::default();
    let mut has_data = false;
    loop {
        let length = walker.be32()?;
        if length > 0x7FFF_FFFF {
            return Err(Fault::Corrupt("a chunk has an impossible length"));
        }
        let name = walker.take(4)?;
        let mut data = Walker::new(walker.take(wide(length))?, "the IHDR chunk is too short");
        walker.take(4)?;
        match name {
            b"IHDR" if structure.size.is_none() => {
                structure.size = Some((data.be32()?, data.be32()?));
            }
            b"acTL" => structure.animated = data.be32().is_ok_and(|frames| frames > 1),
            b"IDAT" => has_data = true,
            b"IEND" if !has_data => return Err(Fault::Corrupt("it has no pixels")),
            b"IEND" => return Ok(structure),
            _ => {}
        }
        if structure.size.is_none() {
            return Err(Fault::Corrupt("it does not start with its header"));
        }
    }
}

fn walk_jpeg(bytes: &[u8]) -> Result<Structure, Fault> {
    let mut walker = Walker::new(bytes, "its end (the EOI marker) is missing");
    walker.take(2)?;
    let mut structure = Structure::default();
    loop {
        if walker.byte()? != 0xFF {
            return Err(Fault::Corrupt("something stands where a marker is expected"));
        }
        let mut marker = walker.byte()?;
        while marker == 0xFF {
            marker = walker.byte()?;
        }
        match marker {
            0xD9 if structure.scans == 0 => return Err(Fault::Corrupt("it has no pixels")),
            0xD9 => return Ok(structure),
            0x01 | 0xD0..=0xD7 => continue,
            0x00 | 0xD8 => return Err(Fault::Corrupt("a marker stands where none may be")),
            _ => {}
        }
        let length = usize::from(walker.be16()?);
        let payload =
            length.checked_sub(2).ok_or(Fault::Corrupt("a segment has an impossible length"))?;
        let segment = walker.take(payload)?;
        match marker {
            // Start of frame; C4, C8 and CC are tables.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let mut frame = Walker::new(segment, "its frame header is too short");
                frame.byte()?;
                let height = frame.be16()?;
                structure.size = Some((u32::from(frame.be16()?), u32::from(height)));
            }
            0xDA => {
                structure.scans = structure.scans.saturating_add(1);
                skip_scan(&mut walker)?;
            }
            _ => {}
        }
    }
}

/// Skips the coded data of a scan: up to the next marker that is no restart and no stuffed zero.
fn skip_scan(walker: &mut Walker<'_>) -> Result<(), Fault> {
    let mut offset = 0;
    loop {
        let ahead = walker.rest.get(offset..).unwrap_or_default();
        let found = ahead.iter().position(|byte| *byte == 0xFF);
        let marker = found.and_then(|at| ahead.get(at + 1).map(|next| (at, *next)));
        match marker {
            None => return Err(Fault::Truncated(walker.missing)),
            Some((at, 0x00 | 0xD0..=0xD7)) => offset += at + 2,
            // A fill byte: the marker may follow.
            Some((at, 0xFF)) => offset += at + 1,
            Some((at, _)) => {
                walker.take(offset + at)?;
                return Ok(());
            }
        }
    }
}

fn walk_webp(bytes: &[u8]) -> Result<Structure, Fault> {
    let mut walker = Walker::new(bytes, "it is shorter than its header says");
    walker.take(4)?;
    let length = walker.le32()?;
    let mut body = Walker::new(walker.take(wide(length))?, "a part is longer than the whole");
    body.take(4)?;
    let mut structure = Structure::default();
    let mut has_data = false;
    while !body.rest.is_empty() {
        // A last odd byte after the chunks is left by some writers.
        if body.rest.len() < 8 && has_data {
            break;
        }
        let name = body.take(4)?;
        let size = wide(body.le32()?);
        let chunk = body.take(size)?;
        if size % 2 == 1 && !body.rest.is_empty() {
            body.take(1)?;
        }
        match name {
            b"VP8X" => {
                let mut header = Walker::new(chunk, "its header is too short");
                let flags = header.byte()?;
                header.take(3)?;
                structure.animated = flags & 0x02 != 0;
                let mut edge = || -> Result<u32, Fault> {
                    Ok(u32::from(header.le16()?) + (u32::from(header.byte()?) << 16) + 1)
                };
                structure.size = Some((edge()?, edge()?));
            }
            b"VP8 " | b"VP8L" | b"ANMF" => has_data = true,
            _ => {}
        }
    }
    if has_data { Ok(structure) } else { Err(Fault::Corrupt("it has no pixels")) }
}

fn walk_gif(bytes: &[u8]) -> Result<Structure, Fault> {
    let mut walker = Walker::new(bytes, "its end (the trailer) is missing");
    walker.take(6)?;
    let size = (u32::from(walker.le16()?), u32::from(walker.le16()?));
    let skip_table = |walker: &mut Walker<'_>, flags: u8| -> Result<(), Fault> {
        if flags & 0x80 != 0 {
            walker.take(3 << ((flags & 7) + 1))?;
        }
        Ok(())
    };
    let flags = walker.byte()?;
    walker.take(2)?;
    skip_table(&mut walker, flags)?;
    let mut frames = 0_u32;
    loop {
        match walker.byte()? {
            0x3B if frames == 0 => return Err(Fault::Corrupt("it has no pixels")),
            0x3B => return Ok(Structure { size: Some(size), animated: frames > 1, scans: 0 }),
            0x21 => {
                walker.take(1)?;
            }
            0x2C => {
                frames = frames.saturating_add(1);
                walker.take(8)?;
                let flags = walker.byte()?;
                skip_table(&mut walker, flags)?;
                walker.take(1)?;
            }
            _ => return Err(Fault::Corrupt("a block of an unknown kind")),
        }
        // Both kinds of block end in sub-blocks, the last of them empty.
        loop {
            let length = walker.byte()?;
            if length == 0 {
                break;
            }
            walker.take(usize::from(length))?;
        }
    }
}
