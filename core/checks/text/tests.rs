//! The check with the networks where they are installed, and without.

use serde_json::{Value, json};

use super::*;
use crate::checks::registry::open_all;
use crate::checks::testing::{case, configured, installed, lines, picture};

fn check(settings: &Value, resources: &Resources) -> Box<dyn Check> {
    open_all(&[configured(NAME, settings).unwrap()], resources).unwrap().remove(0)
}

fn without_networks() -> Resources {
    let mut resources = Resources::default();
    for file in MODELS {
        resources
            .add_model(file, Err(format!("{} is not installed: run `make models`", file.name)));
    }
    resources
}

#[test]
fn without_networks_nothing_is_judged_and_nothing_passes() {
    let check = check(&json!({}), &without_networks());
    let plain = picture(image::RgbImage::new(64, 64));
    let of = |expect: Value| {
        let case = case(&expect, &[]);
        let said = lines(&check.inspect(&plain, &Scene::of(&case)));
        format!("{said} / {}", check.cannot(&case).unwrap_or_default())
    };
    insta::assert_snapshot!([
        of(json!({})),
        of(json!({"text": ["SALE"]})),
        of(json!({"no_text": true})),
    ].join("\n"), @"
    Skipped: no text is expected / 
    Skipped: text-detection.onnx is not installed: run `make models` / text-detection.onnx is not installed: run `make models`
    Skipped: text-detection.onnx is not installed: run `make models` / text-detection.onnx is not installed: run `make models`
    ");
}

#[test]
fn settings_that_are_wrong_are_all_reported() {
    let wrong = json!({"ignore": ["cases"], "unsure": "maybe", "garbled": "no", "x": 1});
    assert_eq!(configured(NAME, &wrong).unwrap_err().len(), 4);
}

#[test]
fn a_place_is_kept_to_the_picture() {
    let small = picture(image::RgbImage::new(10, 10));
    assert_eq!(region([-5.0, 2.2, 30.0, 4.1], &small), [0, 2, 10, 3]);
    assert_eq!(region([40.0, 40.0, 50.0, 50.0], &small), [9, 9, 1, 1]);
    assert_eq!(region([f32::NAN, 0.0, 1.0, 1.0], &small)[1..], [0, 1, 1]);
}

/// What is wrong with a letter of the first line.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    Mirrored(usize),
    /// Two neighbouring diagonals of squares are missing.
    Cut(usize),
}

/// Block letters may have an accent: `É` is an `E` and this, above it.
const ACCENTS: [(char, char, [u8; 2]); 2] = [('É', 'E', [2, 4]), ('È', 'E', [8, 4])];

/// Block letters of five by seven squares: a font that needs no file.
fn written(lines: &[&str], flaw: Option<Flaw>) -> image::RgbImage {
    const GLYPHS: [(char, [u8; 7]); 11] = [
        ('A', [14, 17, 17, 31, 17, 17, 17]),
        ('E', [31, 16, 16, 30, 16, 16, 31]),
        ('F', [31, 16, 16, 30, 16, 16, 16]),
        ('H', [17, 17, 17, 31, 17, 17, 17]),
        ('L', [16, 16, 16, 16, 16, 16, 31]),
        ('N', [17, 25, 21, 19, 17, 17, 17]),
        ('O', [14, 17, 17, 17, 17, 17, 14]),
        ('P', [30, 17, 17, 30, 16, 16, 16]),
        ('R', [30, 17, 17, 30, 20, 18, 17]),
        ('S', [15, 16, 16, 14, 1, 1, 30]),
        ('T', [31, 4, 4, 4, 4, 4, 4]),
    ];
    let mut image = image::RgbImage::from_pixel(512, 384, image::Rgb([240, 240, 235]));
    for (row, line) in (0_u32..).zip(lines) {
        for (column, letter) in (0_u32..).zip(line.chars()) {
            let accent = ACCENTS.iter().find(|(known, _, _)| *known == letter);
            let bare = accent.map_or(letter, |(_, bare, _)| *bare);
            let Some((_, rows)) = GLYPHS.iter().find(|(known, _)| *known == bare) else {
                continue;
            };
            let above = accent.map_or([0; 2], |(_, _, above)| *above);
            // Two rows of the accent and one between it and the letter.
            let rows: Vec<u8> = above.into_iter().chain([0]).chain(*rows).collect();
            for (y, bits) in (-3_i32..).zip(rows) {
                for x in 0..5 {
                    let has = |of: fn(usize) -> Flaw| row == 0 && flaw == Some(of(column as usize));
                    let (turned, cut) = (has(Flaw::Mirrored), has(Flaw::Cut));
                    if cut && matches!(i32::try_from(x).unwrap() + y, 4 | 5) {
                        continue;
                    }
                    let bit = if turned { x } else { 4 - x };
                    if bits >> bit & 1 == 0 {
                        continue;
                    }
                    for (dy, dx) in (0..8).flat_map(|dy| (0..8).map(move |dx| (dy, dx))) {
                        image.put_pixel(
                            24 + column * 50 + x * 8 + dx,
                            (40 + y * 8).unsigned_abs() + row * 110 + dy,
                            image::Rgb([20, 20, 40]),
                        );
                    }
                }
            }
        }
    }
    image
}

#[test]
fn an_accent_must_be_drawn_and_no_other() {
    let Some(resources) = installed(MODELS) else { return };
    let check = check(&json!({}), &resources);
    let of = |expected: &str, drawn: &str| {
        let case = case(&json!({"text": [expected]}), &[]);
        let findings = check.inspect(&picture(written(&[drawn], None)), &Scene::of(&case));
        lines(&findings)
    };
    let said = [
        of("ÉLAN", "ÉLAN"),
        of("ÉLAN", "ELAN"),
        of("ÈLAN", "ÉLAN"),
        of("ELAN", "ÉLAN"),
        of("PÉNÉLOPÈ", "PÉNÉLOPÈ"),
        of("PÉNÉLOPÈ", "PÉNÉLOPÉ"),
        of("PÉNÉLOPÈ", "PENÉLOPÈ"),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn drawn_text_is_read_letter_by_letter() {
    let Some(resources) = installed(MODELS) else { return };
    let check = check(&json!({}), &resources);
    let of = |expect: Value, rows: &[&str], flaw| {
        let case = case(&expect, &[]);
        let findings = check.inspect(&picture(written(rows, flaw)), &Scene::of(&case));
        lines(&findings)
    };
    let said = [
        of(json!({"text": ["Open Store"]}), &["OPEN", "STORE"], None),
        of(json!({"text": ["OPEN STORE"]}), &["OPEN", "STROE"], None),
        of(json!({"text": ["HOT SALE", "HOT SALE"]}), &["HOT SALE", "HOT SALE"], None),
        of(json!({"text": ["STORE"]}), &["STORE"], Some(Flaw::Mirrored(3))),
        of(json!({"text": ["STORE"]}), &["STORE"], Some(Flaw::Cut(0))),
        of(json!({"text": ["STORE"]}), &["STORE"], Some(Flaw::Cut(3))),
        of(json!({"text": ["SALE"]}), &["SALE"], Some(Flaw::Cut(3))),
        of(json!({"text": ["Привет"]}), &["STORE"], None),
        of(json!({"no_text": true}), &["STORE"], None),
        of(json!({"no_text": true}), &[], None),
    ];
    insta::assert_snapshot!(said.join("\n"));
    let unknown = case(&json!({"text": ["Привет"]}), &[]);
    assert!(check.cannot(&unknown).unwrap().contains("U+041F"));
    assert_eq!(check.cannot(&case(&json!({"text": ["Straße"]}), &[])), None);
}
