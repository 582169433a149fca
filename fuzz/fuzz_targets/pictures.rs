//! An answer's bytes, decoded, with every shared feature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presscheck_core::checks::{DecodeLimits, Format, decode};

fuzz_target!(|bytes: &[u8]| {
    let limits = DecodeLimits {
        max_bytes: 1 << 20,
        max_pixels: 1 << 20,
        formats: vec![Format::Png, Format::Jpeg, Format::Webp, Format::Gif],
        ..DecodeLimits::default()
    };
    if let Ok(picture) = decode(bytes, None, &limits) {
        assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.max_pixels);
        assert_eq!(picture.rgb().dimensions(), picture.luma().dimensions());
        let _ = picture.thumbnail(64);
    }
});
