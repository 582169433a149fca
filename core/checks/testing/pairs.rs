//! How often the checks that compare pictures are wrong: on two seeds of a prompt, and on many prompts.
//!
//! The tables stand in `docs/checks.md`; the tests hold them to what is measured.

use std::fmt::Write as _;
use std::sync::Arc;

use image::RgbImage;
use serde_json::json;

use super::measured::{in_parallel, percent};
use super::scenes::SCENES;
use super::{bad, case, check, good, picture, through_jpeg};
use crate::checks::{Check, CheckResult, Company, Earlier, Impression, Scene, slips};
use crate::policy::with_reference;
use crate::prompts::Case;

/// Pairs of each kind.
const EACH: u64 = 32;

/// Kinds and numbers of the pairs.
fn pairs() -> Vec<(usize, u64)> {
    (0..SCENES.len()).flat_map(|kind| (0..EACH).map(move |number| (kind, number))).collect()
}

fn impression(pixels: RgbImage) -> Arc<Impression> {
    Arc::new(picture(pixels).impression())
}

fn prompt(id: usize) -> Case {
    let mut case = case(&json!({}), &[]);
    (case.id, case.prompt) = (format!("c{id}"), format!("prompt {id}"));
    case
}

/// Whether `color_shift` fails a candidate's picture against one of the baseline.
fn shifts(check: &dyn Check, baseline: &Arc<Impression>, candidate: &Impression) -> bool {
    let case = prompt(0);
    let baselines = [Earlier::of(&case, baseline)];
    let company = Company { baselines: &baselines, is_candidate: true, earlier: &[] };
    let findings = check.in_company(candidate, &Scene::of(&case), &company);
    assert_eq!(findings.len(), 1);
    findings[0].result == CheckResult::Fail
}

/// What is done to the picture of the other seed.
type Change = fn(&RgbImage, f32) -> RgbImage;

const CHANGES: [(&str, Change, [f32; 4]); 4] = [
    ("warmer: more red, less blue", bad::warmed, [0.1, 0.2, 0.3, 0.45]),
    ("less colourful", bad::desaturated, [0.3, 0.5, 0.7, 0.9]),
    ("less contrast", bad::flattened, [0.3, 0.5, 0.7, 0.9]),
    ("darker", bad::darkened, [0.2, 0.4, 0.6, 0.8]),
];

/// How many of the pairs fail, as they are and after each change.
struct Shifts {
    pairs: u32,
    failed: u32,
    /// Of the pairs whose number leaves no remainder.
    spoilt: [[u32; 4]; 4],
    of: u32,
}

fn color_shift(all: &[(usize, u64)]) -> Shifts {
    let look = check("color_shift", &json!({}));
    let rows = in_parallel(all, |(kind, number)| {
        let one = impression(good::of_prompt(*kind, *number, 1));
        let other = good::of_prompt(*kind, *number, 2);
        let failed = shifts(look.as_ref(), &one, &impression(other.clone()));
        let spoilt = number.is_multiple_of(8).then(|| {
            CHANGES.map(|(_, change, strengths)| {
                strengths.map(|by| shifts(look.as_ref(), &one, &impression(change(&other, by))))
            })
        });
        (failed, spoilt)
    });
    let mut found = Shifts { pairs: 0, failed: 0, spoilt: [[0; 4]; 4], of: 0 };
    for (failed, spoilt) in rows {
        found.pairs += 1;
        found.failed += u32::from(failed);
        let Some(spoilt) = spoilt else { continue };
        found.of += 1;
        for (counts, fails) in found.spoilt.iter_mut().flatten().zip(spoilt.iter().flatten()) {
            *counts += u32::from(*fails);
        }
    }
    found
}

/// Pictures, how many are called the same as one before, and how many of how many are found again after each change.
type Again = (u32, u32, Vec<(&'static str, u32, u32)>);

/// Pictures of the same kind and colours, each asked for by another prompt: how many are called the same as one
/// before; and how many are found again after something was done to them.
fn duplicates(all: &[(usize, u64)]) -> Again {
    let look = check("duplicate", &json!({}));
    let drawn = in_parallel(all, |(kind, number)| {
        // Two and two have their colours in common.
        impression(good::of_prompt(*kind, number / 2, number % 2))
    });
    let fails = |id: usize, picture: &Impression, earlier: &[Earlier]| {
        let company = Company { baselines: &[], is_candidate: true, earlier };
        let case = prompt(id);
        let findings = look.in_company(picture, &Scene::of(&case), &company);
        findings.iter().any(|finding| finding.result == CheckResult::Fail)
    };
    let mut earlier: Vec<Earlier> = Vec::new();
    let mut failed = 0;
    for (id, drawn) in drawn.iter().enumerate() {
        failed += u32::from(fails(id, drawn, &earlier));
        earlier.push(Earlier::of(&prompt(id), drawn));
    }
    type Way = fn(&RgbImage) -> RgbImage;
    let ways: [(&'static str, Way); 5] = [
        ("as it was", Clone::clone),
        ("a JPEG of quality 60", |p| through_jpeg(p, 60)),
        ("a JPEG of quality 30", |p| through_jpeg(p, 30)),
        ("drawn at 70% of the size", |p| {
            image::imageops::thumbnail(p, p.width() * 7 / 10, p.height() * 7 / 10)
        }),
        ("moved by 1% of the width", |p| bad::moved(p, 0.01)),
    ];
    let chosen: Vec<_> = all.iter().copied().enumerate().step_by(8).collect();
    let again = in_parallel(&chosen, |(_, (kind, number))| {
        let pixels = good::of_prompt(*kind, number / 2, number % 2);
        ways.map(|(_, way)| fails(usize::MAX, &impression(way(&pixels)), &earlier))
    });
    let found = ways.iter().enumerate().map(|(at, (name, _))| {
        let count = again.iter().filter(|fails| fails[at]).count() as u32;
        (*name, count, chosen.len() as u32)
    });
    (all.len() as u32, failed, found.collect())
}

fn shift_table(shifts: &Shifts) -> String {
    let mut text = format!(
        "| what was done to the picture of the other seed | strength: share found, of {} pairs | | | |\n|:--|:--|:--|:--|:--|\n",
        shifts.of
    );
    for ((name, _, strengths), counts) in CHANGES.iter().zip(&shifts.spoilt) {
        let cells: Vec<_> = strengths
            .iter()
            .zip(counts)
            .map(|(by, count)| format!("{:.0}%: {}", by * 100.0, percent(*count, shifts.of)))
            .collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    let sentence = seeds_sentence(shifts.pairs.into(), shifts.failed.into());
    let _ = writeln!(text, "\n{sentence}");
    text
}

fn duplicate_table((drawn, failed, again): &Again) -> String {
    let mut text = String::from("| a picture that came before, again | found |\n|:--|--:|\n");
    for (name, count, of) in again {
        let _ = writeln!(text, "| {name} | {} of {of} |", count);
    }
    let sentence = prompts_sentence((*drawn).into(), (*failed).into());
    let _ = writeln!(text, "\n{sentence}");
    text
}

/// What the page says of the pairs of two seeds.
fn seeds_sentence(pairs: u64, failed: u64) -> String {
    let share = failed as f64 * 100.0 / pairs.max(1) as f64;
    format!("Of {pairs} pairs of two seeds of one prompt, {failed} ({share:.1}%) fail by mistake.")
}

/// What the page says of the pictures of many prompts.
fn prompts_sentence(drawn: u64, failed: u64) -> String {
    let share = failed as f64 * 100.0 / drawn.max(1) as f64;
    format!(
        "Of {drawn} pictures of eleven kinds, each of another prompt and two and two of the same colours, {failed} ({share:.1}%)\nare called the same as one before."
    )
}

/// A part of the pairs in every run of the tests. `PRESSCHECK_MEASURE=1` looks at all of them, and holds the page's tables
/// to that; `UPDATE_DOCS=1` writes them anew.
#[test]
fn seeds_alone_fail_no_pair_and_the_page_says_how_changes_fare() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/checks.md");
    let page = std::fs::read_to_string(path).unwrap();
    let said = |check: &str| slips(check).map_or((0, 0), |slips| (slips.failed, slips.of));
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    if !update && std::env::var_os("PRESSCHECK_MEASURE").is_none() {
        let few: Vec<_> = pairs().into_iter().step_by(5).collect();
        let (shifts, (_, same, _)) = (color_shift(&few), duplicates(&few));
        assert!(shifts.failed <= 1, "{} of {} pairs", shifts.failed, shifts.pairs);
        assert!(same <= 1, "{same} of {}", few.len());
        let ((failed, of), (same, drawn)) = (said("color_shift"), said("duplicate"));
        assert!(page.contains(&seeds_sentence(of, failed)), "{failed} of {of}");
        assert!(page.contains(&prompts_sentence(drawn, same)), "{same} of {drawn}");
        return;
    }
    let all = pairs();
    let (shifts, duplicates) = (color_shift(&all), duplicates(&all));
    let new = with_reference(&page, "measured color_shift", &shift_table(&shifts)).unwrap();
    let new = with_reference(&new, "measured duplicate", &duplicate_table(&duplicates)).unwrap();
    if update {
        std::fs::write(path, &new).unwrap();
    } else {
        assert_eq!(page, new, "run the tests with UPDATE_DOCS=1, and look at what changes");
    }
    let held = |check: &str, failed: u32, of: u32| {
        assert!(failed * 100 <= of, "{check} fails {failed} good pictures of {of}");
        assert_eq!(said(check), (u64::from(failed), u64::from(of)), "{check}");
    };
    held("color_shift", shifts.failed, shifts.pairs);
    held("duplicate", duplicates.1, duplicates.0);
}
