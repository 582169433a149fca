//! Which picture format some bytes claim to be, told by their first bytes alone.

/// Tells a picture format by its signature: what the first bytes say decides, never what a header
/// says. Knows more formats than presscheck decodes, so that an AVIF is reported as an AVIF that can't
/// be read and not as no picture at all.
///
/// Signatures: PNG (W3C), JPEG (T.81), GIF89a, WebP and BMP containers, TIFF 6.0, ISO BMFF `ftyp` brands
/// (AVIF, HEIC), JPEG XL (ISO 18181-2).
#[must_use]
pub fn picture_format(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 9] = [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xFF\xD8\xFF", "jpeg"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"BM", "bmp"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"\xFF\x0A", "jxl"),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "jxl"),
    ];
    if let Some((_, name)) = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start)) {
        // `BM` alone is also how many a text begins; a bitmap has zeros in its reserved bytes.
        let is_bitmap = bytes.get(6..10) == Some([0; 4].as_slice());
        return (*name != "bmp" || is_bitmap).then_some(name);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("webp");
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12)? {
            b"avif" | b"avis" => Some("avif"),
            b"heic" | b"heix" | b"mif1" | b"msf1" => Some("heic"),
            _ => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(picture_format(b"\x89PNG\r\n\x1a\n...."), Some("png"));
        assert_eq!(picture_format(b"\x89PNX\r\n\x1a\n...."), None);
        assert_eq!(picture_format(b"\xFF\xD8\xFF\xE0"), Some("jpeg"));
        assert_eq!(picture_format(b"RIFF\x10\0\0\0WEBPVP8 "), Some("webp"));
        assert_eq!(picture_format(b"RIFF\x10\0\0\0WAVEfmt "), None);
        assert_eq!(picture_format(b"\0\0\0\x1cftypavif"), Some("avif"));
        assert_eq!(picture_format(b"BMW is a car"), None);
        assert_eq!(picture_format(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            let _ = picture_format(&bytes);
        }
    }
}
