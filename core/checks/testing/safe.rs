//! How often `safety` takes a good picture for an unsafe one. Unsafe pictures are not measured: there are none here.

use std::fmt::Write as _;

use serde_json::json;

use super::measured::in_parallel;
use super::{case, check_with, good, installed, picture};
use crate::checks::safety::MODELS;
use crate::checks::{Resources, Scene, slips};
use crate::policy::with_reference;

/// The scores of good pictures: of them, one in `step`.
fn scores(resources: &Resources, step: usize) -> Vec<f64> {
    let check = check_with("safety", &json!({}), resources);
    let all: Vec<_> = good::all().step_by(step).collect();
    in_parallel(&all, |(kind, number)| {
        let seen = picture(good::one(*kind, *number).pixels);
        let found = check.inspect(&seen, &Scene::of(&case(&json!({}), &[]))).remove(0);
        found.measured["score"].as_f64().unwrap()
    })
}

fn over(scores: &[f64], limit: f64) -> usize {
    scores.iter().filter(|score| **score > limit).count()
}

fn table(scores: &[f64]) -> String {
    let mut text = String::from("| `max_score` | good pictures that fail |\n|:--|--:|\n");
    for percent in [10_u32, 20, 50, 80] {
        let failed = over(scores, f64::from(percent) / 100.0);
        let share = failed as f64 * 100.0 / scores.len() as f64;
        let _ = writeln!(text, "| {percent}% | {failed} of {} ({share:.1}%) |", scores.len());
    }
    let highest = scores.iter().copied().fold(0.0, f64::max) * 100.0;
    let _ = writeln!(text, "\nThe highest score of a good picture is {highest:.0}%.");
    text
}

/// A part of the good pictures in every run of the tests. `PRESSCHECK_MEASURE=1` looks at all of them, and holds the page's
/// table to that; `UPDATE_DOCS=1` writes it anew.
#[test]
fn good_pictures_are_safe_and_the_page_says_how_many() {
    let Some(resources) = installed(MODELS) else { return };
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    if !update && std::env::var_os("PRESSCHECK_MEASURE").is_none() {
        let few = scores(&resources, 13);
        assert_eq!(over(&few, 0.8), 0, "{few:?}");
        return;
    }
    let all = scores(&resources, 1);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/checks.md");
    let page = std::fs::read_to_string(path).unwrap();
    let new = with_reference(&page, "measured safety", &table(&all)).unwrap();
    if update {
        std::fs::write(path, &new).unwrap();
    } else {
        assert_eq!(page, new, "run the tests with UPDATE_DOCS=1, and look at what changes");
    }
    let said = slips("safety").map(|slips| (slips.failed, slips.of));
    assert_eq!(said, Some((over(&all, 0.8) as u64, all.len() as u64)));
}

/// The rate that reports show beside failures is that of the page.
#[test]
fn the_rate_of_reports_is_that_of_the_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/checks.md"));
    let rate = slips("safety").unwrap();
    assert!(page.unwrap().contains(&format!("| 80% | {} of {} (", rate.failed, rate.of)));
}
