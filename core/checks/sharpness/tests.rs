use image::{GrayImage, Luma, RgbImage};

use super::*;
use crate::checks::testing::{bad, case, check, configured, good, lines, picture, through_jpeg};

/// Findings of the default settings that do not pass.
fn faults(pixels: &RgbImage) -> String {
    let findings = check(NAME, &json!({}))
        .inspect(&picture(pixels.clone()), &Scene::of(&case(&json!({}), &[])));
    let wrong: Vec<_> =
        findings.into_iter().filter(|found| found.result != CheckResult::Pass).collect();
    lines(&wrong)
}

/// Kinds of scenes, by their place in the list.
const CLOSE_UP: usize = 1;
const PAINTING: usize = 7;
const GRADIENT: usize = 10;

#[test]
fn each_fault_is_told_in_its_own_words() {
    let whole = &good::one(PAINTING, 3).pixels;
    insta::assert_snapshot!(
        [
            faults(whole),
            faults(&bad::blurred(whole, 5.0)),
            faults(&bad::noisy(whole, 1.0, 3)),
            faults(&bad::banded(&good::one(GRADIENT, 5).pixels, 8)),
            faults(&through_jpeg(&good::one(CLOSE_UP, 3).pixels, 15)),
            faults(&bad::upscaled(whole, 5.0)),
            faults(&RgbImage::from_pixel(200, 200, image::Rgb([90, 90, 90]))),
            faults(&RgbImage::new(100, 400)),
        ]
        .join("\n")
    );
}

#[test]
fn pixel_art_is_not_taken_for_blocks() {
    let small = &good::one(3, 0).pixels;
    let art = image::imageops::resize(small, 80, 60, image::imageops::FilterType::Nearest);
    let art = image::imageops::resize(&art, 640, 480, image::imageops::FilterType::Nearest);
    assert_eq!(faults(&art), "");
}

#[test]
fn a_case_may_ask_for_a_soft_picture() {
    let blurred = picture(bad::blurred(&good::one(PAINTING, 3).pixels, 5.0));
    let of = |settings: Value, expect: Value| {
        lines(&check(NAME, &settings).inspect(&blurred, &Scene::of(&case(&expect, &[]))))
    };
    assert_eq!(of(json!({}), json!({"sharp": false})), "Skipped: a soft picture is expected");
    assert!(
        of(json!({"look_for": ["blur"]}), json!({})).starts_with("Fail: the picture is blurred")
    );
    assert_eq!(of(json!({"look_for": []}), json!({})), "Skipped: nothing is looked for");
}

#[test]
fn settings_are_held_to_sense() {
    let wrong = |settings: Value| configured(NAME, &settings).unwrap_err().join("; ");
    insta::assert_snapshot!([
        wrong(json!({"max_edge_width": 2, "max_blocking": "2"})),
        wrong(json!({"look_for": ["blurr"]})),
    ].join("\n"), @"
    expected a number from 4 to 30; expected a number, found text
    unknown word `blurr`, did you mean `blur`?
    ");
}

#[test]
fn measures_hold_on_any_shape() {
    for (width, height) in [(1, 1), (7, 900), (900, 7), (128, 128), (129, 131), (1030, 16)] {
        let luma = GrayImage::from_fn(width, height, |x, y| Luma([(x * 37 + y * 91) as u8]));
        let rgb = image::DynamicImage::from(luma.clone()).into_rgb8();
        let measured = [
            edges::sharpest(&luma),
            noise::share(&luma),
            spectrum::reach(&luma),
            Some(bands::share(&rgb)),
            Some(blocks::strength(&luma)),
        ];
        assert!(measured.iter().flatten().all(|value| value.is_finite()), "{width}×{height}");
    }
}
