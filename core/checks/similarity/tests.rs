use std::io::Cursor;

use bytes::Bytes;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use super::*;
use crate::checks::Reference;
use crate::checks::testing::scenes::SCENES;
use crate::checks::testing::{bad, case, check, good, lines, picture, through_jpeg};

fn reference(pixels: &RgbImage) -> Reference {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels.clone()).write_to(&mut bytes, ImageFormat::Png).unwrap();
    Reference::new(Bytes::from(bytes.into_inner()))
}

fn findings(expect: &Value, input: &RgbImage, answer: &RgbImage) -> Vec<Finding> {
    let (case, input) = (case(expect, &[]), reference(input));
    let scene = Scene { input: Some(&input), ..Scene::of(&case) };
    check(NAME, &json!({})).inspect(&picture(answer.clone()), &scene)
}

fn fails(expect: &Value, input: &RgbImage, answer: &RgbImage) -> bool {
    findings(expect, input, answer).iter().any(|finding| finding.result == CheckResult::Fail)
}

/// One picture of each kind and shape.
fn all() -> impl Iterator<Item = RgbImage> {
    (0..SCENES.len()).map(|kind| good::one(kind, kind as u64).pixels)
}

fn patched(pixels: &RgbImage) -> RgbImage {
    let mut pixels = pixels.clone();
    let (width, height) = (pixels.width() / 5, pixels.height() / 4);
    for y in height..2 * height {
        for x in width..2 * width {
            pixels.put_pixel(x, y, Rgb([200, 30, 90]));
        }
    }
    pixels
}

#[test]
fn an_enlarged_recoded_or_darkened_picture_keeps_its_structure() {
    for input in all() {
        let (width, height) = input.dimensions();
        let larger = imageops::resize(&input, width * 2, height * 2, FilterType::Lanczos3);
        let mut darker = input.clone();
        darker.iter_mut().for_each(|value| *value = *value / 4 * 3);
        for answer in [&larger, &through_jpeg(&input, 60), &darker] {
            assert!(!fails(&json!({"structure": "90%"}), &input, answer));
        }
    }
}

#[test]
fn another_picture_loses_the_structure() {
    for kind in 0..SCENES.len() {
        let input = good::one(kind, 3).pixels;
        let other = good::one((kind + 3) % SCENES.len(), 603).pixels;
        assert!(fails(&json!({}), &input, &other), "{kind}");
    }
}

#[test]
fn an_input_that_comes_back_is_no_change_and_a_patch_is_one() {
    let asked = json!({"changed": true, "structure": "0%"});
    for input in all() {
        assert!(fails(&asked, &input, &input));
        assert!(fails(&asked, &input, &through_jpeg(&input, 60)));
        assert!(!fails(&asked, &input, &patched(&input)));
    }
}

#[test]
fn what_is_cut_to_another_shape_is_compared_by_its_middle() {
    let input = good::one(0, 0).pixels;
    let (width, height) = input.dimensions();
    let cut = imageops::crop_imm(&input, (width - height) / 2, 0, height, height).to_image();
    assert!(!fails(&json!({"structure": "80%"}), &input, &cut));
}

#[test]
fn findings_say_what_and_where() {
    let input = good::one(2, 0).pixels;
    let said = |expect: Value, answer: &RgbImage| {
        let found = findings(&expect, &input, answer);
        let regions: Vec<_> = found.iter().map(|finding| finding.region).collect();
        format!("{} {regions:?}", lines(&found))
    };
    insta::assert_snapshot!(
        [
            said(json!({}), &input),
            said(json!({"changed": true}), &input),
            said(json!({"changed": true}), &patched(&input)),
            said(json!({"changed": false, "structure": "100%"}), &bad::moved(&input, 0.2)),
        ]
        .join("\n")
    );
}

#[test]
fn without_a_readable_input_it_is_skipped_and_says_so_before() {
    let pixels = picture(good::one(0, 0).pixels);
    let look = check(NAME, &json!({}));
    let bare = case(&json!({"changed": true}), &[]);
    assert!(look.cannot(&bare).is_some());
    assert!(look.cannot(&case(&json!({}), &[])).is_none());
    let broken = Reference::new(Bytes::from_static(b"no picture"));
    for input in [None, Some(&broken)] {
        let found = look.inspect(&pixels, &Scene { input, ..Scene::of(&bare) });
        assert!(found.iter().all(|finding| finding.result == CheckResult::Skipped), "{found:?}");
    }
}

#[test]
fn no_shape_of_either_picture_panics() {
    let sizes = [(1, 1), (1, 3000), (3000, 1), (2, 5), (257, 1), (640, 480)];
    for input in sizes {
        for answer in sizes {
            let plain = |(width, height)| {
                RgbImage::from_fn(width, height, |x, y| {
                    Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 9])
                })
            };
            let found = findings(&json!({"changed": true}), &plain(input), &plain(answer));
            assert_eq!(found.len(), 2, "{input:?} {answer:?}");
        }
    }
}
