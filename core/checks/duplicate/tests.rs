use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use super::*;
use crate::checks::testing::{bad, case, check, good, lines, picture, through_jpeg};
use crate::checks::{DecodeLimits, Reference, decode};
use crate::prompts::Case;

fn png(pixels: &RgbImage) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels.clone()).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

fn decoded(pixels: &RgbImage) -> Picture {
    decode(&png(pixels), None, &DecodeLimits::default()).unwrap()
}

fn asked(prompt: &str, expect: &Value) -> Case {
    let mut case = case(expect, &[]);
    (case.id, case.prompt) = (format!("case-{prompt}"), prompt.to_owned());
    case
}

/// What is said of a picture of the prompt `new` after these.
fn said(case: &Case, pixels: &RgbImage, before: &[(&str, &RgbImage)]) -> String {
    let earlier: Vec<_> = before
        .iter()
        .map(|(prompt, pixels)| {
            Earlier::of(&asked(prompt, &json!({})), &Arc::new(decoded(pixels).impression()))
        })
        .collect();
    let company = Company { earlier: &earlier, ..Company::default() };
    let look = check(NAME, &json!({}));
    lines(&look.in_company(&decoded(pixels).impression(), &Scene::of(case), &company))
}

#[test]
fn the_same_picture_for_another_prompt_fails() {
    let new = asked("new", &json!({}));
    let (one, other) = (good::of_prompt(2, 1, 1), good::of_prompt(2, 1, 2));
    let plain = RgbImage::from_pixel(80, 60, Rgb([7, 8, 9]));
    let plain_too = RgbImage::from_pixel(80, 60, Rgb([7, 8, 10]));
    insta::assert_snapshot!(
        [
            said(&new, &one, &[("a", &other)]),
            said(&new, &one, &[("a", &other), ("b", &one)]),
            said(&new, &through_jpeg(&one, 60), &[("a", &other), ("b", &one)]),
            said(&new, &one, &[("new", &one)]),
            said(&new, &one, &[]),
            said(&asked("new", &json!({"duplicate": true})), &one, &[("a", &one)]),
            said(&new, &plain_too, &[("a", &plain)]),
            said(&new, &plain, &[("a", &plain)]),
        ]
        .join("\n")
    );
}

#[test]
fn the_limit_is_the_policys() {
    let new = asked("new", &json!({}));
    let one = good::of_prompt(0, 4, 1);
    let mut patched = one.clone();
    let (w, h) = (one.width() / 8, one.height() / 5);
    for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x + 40, y + 40))) {
        patched.put_pixel(x, y, Rgb([250, 0, 200]));
    }
    let earlier = [Earlier::of(&asked("a", &json!({})), &Arc::new(decoded(&one).impression()))];
    let company = Company { earlier: &earlier, ..Company::default() };
    let judged = |settings: Value| {
        let look = check(NAME, &settings);
        look.in_company(&decoded(&patched).impression(), &Scene::of(&new), &company)[0].result
    };
    assert_eq!(judged(json!({})), CheckResult::Pass);
    assert_eq!(judged(json!({"max_difference": "6%"})), CheckResult::Fail);
}

#[test]
fn edits_of_one_input_may_differ_in_a_detail() {
    let one = good::of_prompt(0, 4, 1);
    let mut patched = one.clone();
    for (x, y) in (0..12).flat_map(|y| (0..12).map(move |x| (x + 40, y + 40))) {
        patched.put_pixel(x, y, Rgb([250, 0, 200]));
    }
    let drawn = asked("new", &json!({}));
    assert!(said(&drawn, &patched, &[("a", &one)]).starts_with("Fail"));
    let mut edit = drawn;
    edit.image = Some("input.png".parse().unwrap());
    assert!(said(&edit, &patched, &[("a", &one)]).starts_with("Pass"));
    assert!(said(&edit, &one, &[("a", &one)]).starts_with("Fail"));
}

fn echoed(expect: &Value, input: &RgbImage, answer: &RgbImage) -> String {
    let (case, input) = (case(expect, &[]), Reference::new(png(input)));
    let scene = Scene { input: Some(&input), ..Scene::of(&case) };
    lines(&check(NAME, &json!({})).inspect(&decoded(answer), &scene))
}

#[test]
fn an_input_that_comes_back_fails_unless_it_may() {
    let input = good::of_prompt(1, 2, 1);
    let (width, height) = input.dimensions();
    let triangle = image::imageops::FilterType::Triangle;
    let larger = image::imageops::resize(&input, width * 2, height * 2, triangle);
    insta::assert_snapshot!(
        [
            echoed(&json!({}), &input, &input),
            echoed(&json!({}), &input, &through_jpeg(&input, 60)),
            echoed(&json!({}), &input, &bad::moved(&input, 0.2)),
            echoed(&json!({}), &input, &larger),
            echoed(&json!({"changed": false}), &input, &input),
            echoed(&json!({"changed": true}), &input, &input),
            echoed(&json!({"duplicate": true}), &input, &input),
        ]
        .join("\n")
    );
    let broken = Reference::new(Bytes::from_static(b"no picture"));
    let bare = case(&json!({}), &[]);
    let scene = Scene { input: Some(&broken), ..Scene::of(&bare) };
    let found = check(NAME, &json!({})).inspect(&picture(input), &scene);
    assert_eq!(found[0].result, CheckResult::Skipped);
}

#[test]
fn pictures_of_any_shape_can_be_compared() {
    let sizes = [(1, 1), (1, 4000), (4000, 1), (3, 2), (300, 200)];
    let noise = |(width, height): (u32, u32)| {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 37) as u8, (y * 91) as u8, 99]))
    };
    let new = asked("new", &json!({}));
    for one in sizes {
        for two in sizes {
            let line = said(&new, &noise(one), &[("a", &noise(two))]);
            let wrong = one != two && line.starts_with("Fail");
            assert!(!wrong, "{one:?} {two:?}: {line}");
        }
    }
}
