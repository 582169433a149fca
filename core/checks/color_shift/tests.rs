use std::sync::Arc;

use image::RgbImage;
use serde_json::{Value, json};

use super::*;
use crate::checks::Earlier;
use crate::checks::testing::{bad, case, check, configured, good, lines, picture};
use crate::prompts::Case;

fn impression(pixels: &RgbImage) -> Arc<Impression> {
    Arc::new(picture(pixels.clone()).impression())
}

fn of(id: &str, expect: &Value) -> Case {
    let mut case = case(expect, &[]);
    case.id = id.to_owned();
    case
}

/// What is said of a candidate's picture, where the baseline drew these before it.
fn said(expect: &Value, candidate: &RgbImage, baselines: &[(&str, &RgbImage)]) -> String {
    let case = of("c", expect);
    let baselines: Vec<_> = baselines
        .iter()
        .map(|(id, pixels)| Earlier::of(&of(id, &json!({})), &impression(pixels)))
        .collect();
    let company = Company { baselines: &baselines, is_candidate: true, earlier: &[] };
    let look = check(NAME, &json!({}));
    lines(&look.in_company(&impression(candidate), &Scene::of(&case), &company))
}

#[test]
fn each_shift_is_told_in_its_own_words() {
    let one = good::of_prompt(0, 1, 1);
    let against = |candidate: &RgbImage| said(&json!({}), candidate, &[("c", &one)]);
    insta::assert_snapshot!(
        [
            against(&good::of_prompt(0, 1, 2)),
            against(&bad::warmed(&one, 0.4)),
            against(&bad::warmed(&one, -0.4)),
            against(&bad::desaturated(&one, 0.9)),
            against(&bad::flattened(&one, 0.8)),
            against(&bad::darkened(&one, 0.7)),
            said(&json!({}), &one, &[]),
            said(&json!({}), &one, &[("other", &one)]),
            said(&json!({"color_shift": true}), &bad::warmed(&one, 0.4), &[("c", &one)]),
            said(&json!({"color_shift": false}), &bad::warmed(&one, 0.4), &[("c", &one)]),
        ]
        .join("\n")
    );
}

#[test]
fn the_most_alike_of_the_baselines_pictures_of_the_prompt_counts() {
    let one = good::of_prompt(1, 3, 1);
    let warm = bad::warmed(&one, 0.5);
    let pass = "Pass: the colours are those of the baseline's picture";
    assert!(said(&json!({}), &warm, &[("c", &one)]).starts_with("Fail"));
    assert_eq!(said(&json!({}), &warm, &[("c", &one), ("c", &warm)]), pass);
    // Of another prompt, it explains nothing.
    assert!(said(&json!({}), &warm, &[("c", &one), ("other", &warm)]).starts_with("Fail"));
}

#[test]
fn the_baselines_own_pictures_are_not_judged() {
    let one = impression(&good::of_prompt(0, 1, 1));
    let case = of("c", &json!({}));
    let baselines = [Earlier::of(&case, &one)];
    let company = Company { baselines: &baselines, ..Company::default() };
    assert!(check(NAME, &json!({})).in_company(&one, &Scene::of(&case), &company).is_empty());
}

#[test]
fn limits_are_the_policys_and_held_to_sense() {
    let one = good::of_prompt(0, 1, 1);
    let warm = bad::warmed(&one, 0.4);
    let case = of("c", &json!({}));
    let baselines = [Earlier::of(&case, &impression(&one))];
    let company = Company { baselines: &baselines, is_candidate: true, earlier: &[] };
    let wide = json!({"max_cast": 60, "max_distance": 90, "max_saturation": "99%"});
    let found = check(NAME, &wide).in_company(&impression(&warm), &Scene::of(&case), &company);
    assert_eq!(found[0].result, CheckResult::Pass, "{found:?}");
    assert!(configured(NAME, &json!({"max_cast": 0})).is_err());
    assert!(configured(NAME, &json!({"max_contrast": 5})).is_err());
}

#[test]
fn pictures_of_any_shape_can_be_compared() {
    let sizes = [(1, 1), (1, 4000), (4000, 1), (3, 2), (300, 200)];
    for (width, height) in sizes {
        for (w, h) in sizes {
            let noise = |width: u32, height: u32| {
                RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 99]))
            };
            let line = said(&json!({}), &noise(width, height), &[("c", &noise(w, h))]);
            assert!(line.starts_with("Pass") || line.starts_with("Fail"), "{line}");
        }
    }
}
