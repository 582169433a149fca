use std::io::Cursor;

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use serde_json::{Value, json};

use super::*;
use crate::checks::{Scene, judge};
use crate::prompts::Case;

/// A picture with something to compress.
pub(in crate::checks) fn scene(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let byte = |number: u32| u8::try_from(number % 256).unwrap();
        Rgb([byte(x * 3), byte(y * 5), byte(x * y)])
    };
    RgbImage::from_fn(width, height, pixel).into()
}

pub(in crate::checks) fn encode(pixels: &DynamicImage, format: Format) -> Vec<u8> {
    let as_image = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Webp => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
    };
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, as_image).unwrap();
    bytes.into_inner()
}

pub(in crate::checks) const ALL: [Format; 4] =
    [Format::Png, Format::Jpeg, Format::Webp, Format::Gif];

/// The default limits, with GIF.
pub(in crate::checks) fn all_formats() -> DecodeLimits {
    DecodeLimits { formats: ALL.to_vec(), ..DecodeLimits::default() }
}

fn kind(bytes: &[u8]) -> &'static str {
    decode(bytes, None, &all_formats()).map_or_else(|broken| broken.kind, |_| "fine")
}

#[test]
fn a_whole_picture_is_decoded_whatever_its_format() {
    for format in ALL {
        let bytes = encode(&scene(37, 21), format);
        let picture = decode(&bytes, Some("image/PNG; q=1"), &all_formats()).unwrap();
        assert_eq!((picture.width(), picture.height(), picture.format()), (37, 21, format));
        assert_eq!(picture.digest(), Digest::of(&bytes));
        assert_eq!(picture.byte_len(), bytes.len());
        assert_eq!(picture.content_type(), Some("image/png"));
        assert!(!picture.is_animated());
        assert_eq!(picture.rgb().dimensions(), (37, 21));
        assert_eq!(picture.luma().dimensions(), (37, 21));
    }
}

#[test]
fn a_picture_cut_anywhere_is_truncated() {
    for format in ALL {
        let bytes = encode(&scene(40, 30), format);
        for length in 1..bytes.len() {
            assert_eq!(kind(&bytes[..length]), "truncated", "{format:?} cut at {length}");
        }
        assert_eq!(kind(&bytes), "fine", "{format:?}");
    }
    assert_eq!(kind(&[]), "empty");
}

#[test]
fn a_damaged_png_is_corrupt() {
    let good = encode(&scene(40, 30), Format::Png);
    let mut data = good.clone();
    let middle = data.len() / 2;
    data[middle] ^= 0x55;
    assert_eq!(kind(&data), "corrupt");
    let mut header = good;
    header[23] ^= 1;
    assert_eq!(kind(&header), "corrupt");
}

#[test]
fn what_is_no_picture_is_named() {
    let answers: [(&[u8], &str); 13] = [
        (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "html"),
        (b"\n  <HTML>", "html"),
        (b"{\"error\": {\"message\": \"quota\"}}", "json"),
        (b"[1]", "json"),
        (b"upstream connect error", "not_an_image"),
        (b"%PDF-1.7", "not_an_image"),
        (b"PK\x03\x04....", "not_an_image"),
        (b"\0\0\0\x20ftypavif\0\0", "format"),
        (b"\0\0\0\x20ftypheic\0\0", "format"),
        (b"\0\0\0\x20ftypmp42\0\0", "not_an_image"),
        (b"<?xml version=\"1.0\"?><svg xmlns=\"x\"/>", "format"),
        (b"BM\0\0\0\0\0\0", "format"),
        (b"\x01\x02\x03\x04\x05\x06\xFE\xFD", "not_an_image"),
    ];
    let mut messages = Vec::new();
    for (bytes, expected) in answers {
        let broken = decode(bytes, Some("image/png"), &DecodeLimits::default()).unwrap_err();
        assert_eq!(broken.kind, expected, "{}", String::from_utf8_lossy(bytes));
        messages.push(format!("{}: {}", broken.kind, broken.message));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn limits_hold_before_pixels_are_unpacked() {
    let bytes = encode(&scene(100, 50), Format::Png);
    let with = |change: fn(&mut DecodeLimits)| {
        let mut limits = all_formats();
        change(&mut limits);
        decode(&bytes, None, &limits).map(|_| ()).unwrap_err().message
    };
    insta::assert_snapshot!([
        with(|limits| limits.max_pixels = 4999),
        with(|limits| limits.max_bytes = 100),
        with(|limits| limits.formats = vec![Format::Webp, Format::Jpeg]),
    ].join("\n"), @"
    the PNG has 100×50 pixels; at most 4999 in all are taken
    the PNG has 8.1 kB; at most 100 bytes are taken
    the answer is a PNG picture; taken are WebP, JPEG
    ");
    let mut limits = all_formats();
    limits.max_pixels = 5000;
    assert!(decode(&bytes, None, &limits).is_ok());
}

#[test]
fn a_jpeg_of_endless_scans_is_refused() {
    let jpeg = encode(&scene(16, 16), Format::Jpeg);
    let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let end = jpeg.len() - 2;
    let mut bomb = jpeg[..scan].to_vec();
    for _ in 0..500 {
        bomb.extend_from_slice(&jpeg[scan..end]);
    }
    bomb.extend_from_slice(&jpeg[end..]);
    let broken = decode(&bomb, None, &all_formats()).unwrap_err();
    assert_eq!(broken.message, "the JPEG has 500 scans; at most 100 are read");
}

/// The smallest EXIF block that says "rotate by 90 degrees" (orientation 6), in a JPEG's APP1.
#[test]
fn pictures_come_out_upright() {
    let jpeg = encode(&scene(40, 20), Format::Jpeg);
    let tiff = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut turned = jpeg[..2].to_vec();
    turned.extend_from_slice(&[0xFF, 0xE1, 0, u8::try_from(tiff.len() + 2).unwrap()]);
    turned.extend_from_slice(tiff);
    turned.extend_from_slice(&jpeg[2..]);
    let picture = decode(&turned, None, &all_formats()).unwrap();
    assert_eq!((picture.width(), picture.height()), (20, 40));
}

#[test]
fn every_kind_of_pixel_becomes_eight_bits_of_rgb() {
    let kinds: [DynamicImage; 6] = [
        GrayImage::from_pixel(4, 4, image::Luma([100])).into(),
        GrayAlphaImage::from_pixel(4, 4, image::LumaA([100, 255])).into(),
        RgbaImage::from_pixel(4, 4, Rgba([100, 100, 100, 255])).into(),
        DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(4, 4, image::Luma([100 * 257]))),
        DynamicImage::ImageRgb16(image::ImageBuffer::from_pixel(4, 4, Rgb([100 * 257; 3]))),
        DynamicImage::ImageRgba16(image::ImageBuffer::from_pixel(
            4,
            4,
            Rgba([100 * 257, 100 * 257, 100 * 257, 65535]),
        )),
    ];
    for pixels in kinds {
        let picture = decode(&encode(&pixels, Format::Png), None, &all_formats()).unwrap();
        assert!(picture.pixels().color().bytes_per_pixel() <= 4);
        assert_eq!(picture.rgb().get_pixel(1, 1), &Rgb([100, 100, 100]), "{:?}", pixels.color());
        assert_eq!(picture.luma().get_pixel(1, 1).0, [100], "{:?}", pixels.color());
    }
}

#[test]
fn what_is_transparent_is_seen_over_white() {
    let half: DynamicImage = RgbaImage::from_pixel(2, 2, Rgba([0, 0, 255, 128])).into();
    let clear: DynamicImage = RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 0])).into();
    let first = |pixels: &DynamicImage| {
        let picture = decode(&encode(pixels, Format::Png), None, &all_formats()).unwrap();
        *picture.rgb().get_pixel(0, 0)
    };
    assert_eq!(first(&half), Rgb([127, 127, 255]));
    assert_eq!(first(&clear), Rgb([255, 255, 255]));
}

#[test]
fn a_thumbnail_keeps_the_shape() {
    let picture = |width, height| {
        decode(&encode(&scene(width, height), Format::Png), None, &all_formats()).unwrap()
    };
    assert_eq!(picture(400, 200).thumbnail(100).dimensions(), (100, 50));
    assert_eq!(picture(3, 900).thumbnail(100).dimensions(), (1, 100));
    assert_eq!(picture(40, 20).thumbnail(100).dimensions(), (40, 20));
    assert_eq!(picture(40, 20).thumbnail(0).dimensions(), (1, 1));
}

#[test]
fn an_animation_is_noted() {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for _ in 0..2 {
            encoder.encode_frame(image::Frame::new(scene(8, 8).into_rgba8())).unwrap();
        }
    }
    let picture = decode(&bytes, Some("image/gif"), &all_formats()).unwrap();
    assert!(picture.is_animated());
    let message = finding(&picture, &all_formats()).message;
    assert!(message.ends_with("; animated: only the first frame is looked at"), "{message}");
}

fn case(expect: Value) -> Case {
    crate::checks::testing::case(&expect, &[])
}

#[test]
fn a_judgement_tells_all_that_was_found() {
    use crate::checks::{Judged, Resources, open_all};
    use crate::policy::{Node, Problems, read_check};

    let configured: Vec<_> = crate::checks::vocabulary()
        .iter()
        .map(|check| {
            let table = Node::from_json(&crate::checks::testing::least(check.name));
            read_check(check, &table, &mut Problems::new()).unwrap()
        })
        .collect();
    let checks = open_all(&configured, &Resources::default()).unwrap();
    let limits = DecodeLimits::default();
    let png = encode(&scene(64, 64), Format::Png);
    let of = |bytes: &[u8], claimed, expect| {
        let encoded = Encoded { content_type: claimed, ..Encoded::of(bytes) };
        judge(&encoded, &Scene::of(&case(expect)), &checks, &limits)
    };

    let passed = of(&png, Some("image/png"), json!({"aspect_ratio": "1:1"}));
    assert_eq!((passed.judged, passed.kind), (Judged::Passed, None));
    let failed = of(&png, Some("image/jpeg"), json!({"aspect_ratio": "3:4"}));
    assert_eq!((failed.judged, failed.kind.as_deref()), (Judged::Failed, Some("dimensions")));
    let drawn = of(&png, None, json!({"refusal": true}));
    assert_eq!((drawn.judged, drawn.kind.as_deref()), (Judged::Failed, Some("refusal")));
    let broken = of(&png[..200], None, json!({}));
    assert_eq!((broken.judged, broken.kind.as_deref()), (Judged::Broken, Some("truncated")));
    assert!(broken.picture.is_none());

    let lines: Vec<_> = [&passed.findings, &failed.findings, &drawn.findings, &broken.findings]
        .into_iter()
        .flatten()
        .map(|finding| serde_json::to_string(finding).unwrap())
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_was_not_asked_is_a_failure() {
    let png = encode(&scene(16, 16), Format::Png);
    let deep = encode(&DynamicImage::ImageRgb16(scene(16, 16).into_rgb16()), Format::Png);
    let mut moving = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut moving);
        for _ in 0..2 {
            encoder.encode_frame(image::Frame::new(scene(8, 8).into_rgba8())).unwrap();
        }
    }
    let limits = DecodeLimits { animation: Animation::None, ..all_formats() };
    let said = |bytes: &[u8], expect: Value| {
        let judgement = judge(&Encoded::of(bytes), &Scene::of(&case(expect)), &[], &limits);
        let lines: Vec<_> = judgement.findings.iter().skip(1).map(|f| f.message.as_str()).collect();
        format!("{:?}: {}", judgement.judged, lines.join("; "))
    };
    insta::assert_snapshot!([
        said(&png, json!({})),
        said(&png, json!({"format": "png", "bit_depth": 8, "animated": false})),
        said(&png, json!({"format": "jpeg", "bit_depth": 16, "animated": true})),
        said(&deep, json!({"bit_depth": 16})),
        said(&deep, json!({"bit_depth": 8})),
        said(&moving, json!({})),
        said(&moving, json!({"animated": true})),
    ].join("\n"), @"
    Passed: 
    Passed: 
    Failed: asked a JPEG, the answer is a PNG; the picture does not move; an animated one was asked; asked 16 bits a channel, the picture has 8
    Passed: 
    Failed: asked 8 bits a channel, the picture has 16
    Failed: the picture is animated; a still one was asked
    Passed: 
    ");
}
