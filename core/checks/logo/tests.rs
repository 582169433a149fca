use image::imageops::{self, FilterType};
use image::{ImageFormat, Rgb, Rgba, RgbaImage};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::checks::testing::canvas::Canvas;
use crate::checks::testing::marks::{mark, place};
use crate::checks::testing::{case, check_with, configured, good, lines, picture, with_profile};

fn encoded(pixels: impl Into<DynamicImage>) -> bytes::Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

/// The check with these marks, as `a.png`, `b.png`, …
fn check_of(marks: &[bytes::Bytes], more: &Value) -> Box<dyn Check> {
    let mut resources = Resources::default();
    let names: Vec<String> = ('a'..).take(marks.len()).map(|name| format!("{name}.png")).collect();
    for (name, bytes) in names.iter().zip(marks) {
        resources.add_file(name.parse().unwrap(), bytes.clone());
    }
    let mut settings = json!({"files": names});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    check_with(NAME, &settings, &resources)
}

/// A sky of 480×360, with a mark on it where one is given.
fn sky(mark: Option<&RgbaImage>, area: [f32; 4]) -> RgbImage {
    let mut canvas = Canvas::of(480, 360, |x, y| [120.0 + x / 12.0, 150.0 + y / 9.0, 225.0]);
    if let Some(mark) = mark {
        place(&mut canvas, mark, area);
    }
    canvas.finish()
}

const PLACE: [f32; 4] = [130.4, 70.7, 150.0, 150.0];

fn said(check: &dyn Check, pixels: &RgbImage, expect: &Value) -> String {
    lines(&check.inspect(&picture(pixels.clone()), &Scene::of(&case(expect, &[]))))
}

/// A plate with a sign.
const PLATE: u64 = 10;

#[test]
fn findings_say_what_is_wrong_with_a_mark() {
    let own = mark(PLATE);
    let check = check_of(&[encoded(own.clone())], &json!({}));
    let [x, y, w, h] = PLACE;
    let mut cut = own.clone();
    cut.enumerate_pixels_mut()
        .filter(|(x, y, _)| *x > 150 && *y > 150)
        .for_each(|(.., pixel)| pixel.0[3] = 0);
    let pictures = [
        sky(Some(&own), PLACE),
        sky(Some(&own), [x, y, w * 1.1, h]),
        sky(Some(&own), [x, y, w, h * 1.2]),
        sky(Some(&cut), PLACE),
        sky(Some(&imageops::flip_horizontal(&own)), PLACE),
        sky(Some(&mark(PLATE + 8)), PLACE),
        sky(None, PLACE),
    ];
    let said: Vec<_> =
        pictures.iter().map(|pixels| said(check.as_ref(), pixels, &json!({}))).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_mark_is_found_where_it_is() {
    let check = check_of(&[encoded(mark(PLATE))], &json!({}));
    let pixels = picture(sky(Some(&mark(PLATE)), PLACE));
    let finding = check.inspect(&pixels, &Scene::of(&case(&json!({}), &[]))).remove(0);
    let [x, y, w, h] = finding.region.unwrap().map(f64::from);
    assert!((x - 130.4).abs() < 2.0 && (y - 70.7).abs() < 2.0, "{finding:?}");
    assert!((w - 150.0).abs() < 2.0 && (h - 150.0).abs() < 2.0, "{finding:?}");
}

#[test]
fn a_case_says_which_mark_or_that_there_is_none() {
    let (plate, badge) = (mark(PLATE), mark(15));
    let check = check_of(&[encoded(plate.clone()), encoded(badge.clone())], &json!({}));
    let (with_plate, without) = (sky(Some(&plate), PLACE), sky(None, PLACE));
    let on = |pixels: &RgbImage, expect: Value| said(check.as_ref(), pixels, &expect);
    insta::assert_snapshot!(
        [
            on(&sky(Some(&badge), PLACE), json!({})),
            on(&with_plate, json!({"logo": true})),
            on(&with_plate, json!({"logo": "a.png"})),
            on(&with_plate, json!({"logo": "c.png"})),
            on(&with_plate, json!({"logo": false})),
            on(&without, json!({"logo": false})),
            on(&without, json!({"logo": true})),
        ]
        .join("\n")
    );
}

#[test]
fn marks_that_can_t_be_used_are_said_beforehand_and_never_a_failure() {
    let plain = |width, height, alpha| {
        encoded(RgbaImage::from_pixel(width, height, Rgba([9, 90, 200, alpha])))
    };
    let marks = [
        plain(64, 64, 0),
        plain(64, 64, 255),
        plain(900, 20, 200),
        plain(9, 9, 128),
        bytes::Bytes::from_static(b"<html>"),
    ];
    let mut all = Vec::new();
    for bytes in marks {
        let check = check_of(&[bytes], &json!({}));
        let cannot = check.cannot(&case(&json!({}), &[])).unwrap();
        assert_eq!(
            said(check.as_ref(), &sky(None, PLACE), &json!({})),
            format!("Skipped: {cannot}")
        );
        all.push(cannot);
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn without_a_mark_nothing_is_judged() {
    let check = check_of(&[], &json!({}));
    assert_eq!(check.cannot(&case(&json!({}), &[])), None);
    let why = check.cannot(&case(&json!({"logo": true}), &[])).unwrap();
    assert!(why.contains("files"), "{why}");
    assert_eq!(said(check.as_ref(), &sky(None, PLACE), &json!({})), format!("Skipped: {why}"));
    assert_eq!(
        files(&configured(NAME, &json!({"files": ["a.png", "b/c.webp"]})).unwrap().settings).len(),
        2
    );
}

#[test]
fn settings_are_held_to_sense() {
    let wrong = |settings: Value| configured(NAME, &settings).unwrap_err().join("; ");
    insta::assert_snapshot!(
        [
            wrong(json!({"files": ["../logo.png"]})),
            wrong(json!({"files": vec!["a.png"; 17]})),
            wrong(json!({"min_width": "1%"})),
            wrong(json!({"max_delta_e": 0})),
        ]
        .join("\n")
    );
}

#[test]
fn the_embedded_profiles_count() {
    let own = mark(PLATE);
    let check = check_of(&[encoded(own.clone())], &json!({"max_delta_e": 3}));
    let p3 = moxcms::ColorProfile::new_display_p3();
    let look = |picture: &Picture| {
        check.inspect(picture, &Scene::of(&case(&json!({}), &[]))).remove(0).result
    };
    // The same numbers are other colours in another space.
    let pixels = sky(Some(&own), PLACE);
    assert_eq!(look(&picture(pixels.clone())), CheckResult::Pass);
    assert_eq!(look(&with_profile(&pixels, &p3)), CheckResult::Fail);
}

#[test]
fn a_mark_that_is_large_in_its_file_or_larger_than_the_picture_is_no_trouble() {
    let large = imageops::resize(&mark(PLATE), 2300, 2300, FilterType::Triangle);
    let check = check_of(&[encoded(large)], &json!({}));
    let pixels = sky(Some(&mark(PLATE)), PLACE);
    assert!(said(check.as_ref(), &pixels, &json!({})).starts_with("Pass"));
    for (width, height) in [(1, 900), (900, 1), (16, 16), (40, 900), (900, 40)] {
        let pixels =
            RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x * y) as u8]));
        assert!(!said(check.as_ref(), &pixels, &json!({})).starts_with("Pass"));
    }
}

/// What the same picture would have to be to be told from the good ones below.
#[test]
fn marks_of_all_kinds_are_found_on_pictures_of_all_kinds() {
    let mut missed = Vec::new();
    for kind in 0..11_u64 {
        let own = mark(kind % 8 + 16);
        let check = check_of(&[encoded(own.clone())], &json!({}));
        let mut canvas = Canvas::from_image(&good::one(kind as usize, 900 + kind).pixels);
        let wide = canvas.width as f32 * 0.3;
        let area = [20.0, 30.0, wide, wide * own.height() as f32 / own.width() as f32];
        place(&mut canvas, &own, area);
        let told = said(check.as_ref(), &canvas.finish(), &json!({}));
        if !told.starts_with("Pass") {
            missed.push(format!("{kind}: {told}"));
        }
    }
    assert!(missed.len() <= 1, "{missed:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn marks_and_pictures_of_any_kind_are_told_something(
        size in (1_u32..120, 1_u32..120), own in (1_u32..70, 1_u32..70), levels in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let at = |place: u32| levels[place as usize % levels.len()];
        let mark = RgbaImage::from_fn(own.0, own.1, |x, y| Rgba([at(x), at(y * 3), at(x + y), at(x * y)]));
        let pixels = RgbImage::from_fn(size.0, size.1, |x, y| Rgb([at(x * 7 + y), at(y), at(x)]));
        let check = check_of(&[encoded(mark)], &json!({}));
        for expect in [json!({}), json!({"logo": false})] {
            let findings = check.inspect(&picture(pixels.clone()), &Scene::of(&case(&expect, &[])));
            prop_assert_eq!(findings.len(), 1);
            if let Some([x, y, w, h]) = findings[0].region {
                prop_assert!(w > 0 && h > 0 && x + w <= size.0 && y + h <= size.1);
            }
        }
    }
}
