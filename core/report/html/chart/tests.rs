use super::*;
use crate::gate::{Decision, Stopped};
use crate::report::{Run, fixtures};

fn of(run: &Run) -> Option<Chart> {
    chart(&run.verdict.subjects[0], "model-0")
}

#[test]
fn the_drawing_is_told_in_words() {
    let fail = of(&fixtures::early_fail()).unwrap();
    assert_eq!(
        fail.text,
        "The evidence that the limit is broken reached 80, which proves it, after 124 pairs. The evidence \
         that it is kept stands at under 0.01, of 20 that would prove it."
    );
    let undecided = of(&fixtures::model_undecided()).unwrap();
    assert_eq!(
        undecided.text,
        "The evidence that the limit is broken stands at 3.6, of 200 that would prove it. The evidence that \
         it is kept stands at under 0.01, of 100 that would prove it."
    );
}

#[test]
fn what_decided_without_the_evidence_is_said() {
    let mut run = fixtures::early_pass();
    let verdict = &mut run.verdict.subjects[0];
    for point in &mut verdict.evidence.as_mut().unwrap().points {
        point.pass = 3.0;
    }
    assert!(of(&run).unwrap().text.ends_with("no result of what was left could change the count."));
    let verdict = &mut run.verdict.subjects[0];
    verdict.planned = 160;
    assert!(of(&run).unwrap().text.ends_with("all 160 pairs were there, and counting decided."));
    let verdict = &mut run.verdict.subjects[0];
    verdict.claim = "model".to_owned();
    assert!(of(&run).unwrap().text.ends_with("the exact test over the 160 pairs decided."));
    let verdict = &mut run.verdict.subjects[0];
    verdict.proven = false;
    assert!(!of(&run).unwrap().text.contains("Neither"), "a lean decides nothing");
}

#[test]
fn every_place_is_within_the_drawing() {
    for run in [fixtures::early_fail(), fixtures::early_pass(), fixtures::model_undecided()] {
        let mut run = run;
        for odd in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1e300] {
            let curve = run.verdict.subjects[0].evidence.as_mut().unwrap();
            curve.points[3].pass = odd;
            curve.points[5].fail = odd;
            let drawn = of(&run).unwrap();
            for path in &drawn.lines {
                for point in path.points.split(' ') {
                    let (x, y) = point.split_once(',').unwrap();
                    for place in [x, y] {
                        let place: f64 = place.parse().unwrap();
                        assert!((0.0..=1000.0).contains(&place), "{odd}: {point}");
                    }
                }
            }
        }
    }
}

#[test]
fn too_little_is_not_drawn() {
    let mut run = fixtures::early_fail();
    let curve = run.verdict.subjects[0].evidence.as_mut().unwrap();
    curve.fail_at = f64::INFINITY;
    assert!(of(&run).is_none());
    let curve = run.verdict.subjects[0].evidence.as_mut().unwrap();
    curve.fail_at = 20.0;
    curve.points.clear();
    assert!(of(&run).is_none());
    assert!(of(&fixtures::fail()).is_none(), "no curve");
}

#[test]
fn a_proof_after_a_few_pairs_is_more_than_a_stroke_at_the_edge() {
    let mut run = fixtures::early_fail();
    let verdict = &mut run.verdict.subjects[0];
    verdict.planned = 12_000;
    verdict.stopped = Stopped::Decided;
    assert_eq!(verdict.verdict, Decision::Fail);
    let drawn = of(&run).unwrap();
    assert_eq!(drawn.stop.at, "66.67");
    assert_eq!(drawn.last.label, "", "the edge is not the end of the draw");
}

#[test]
fn pairs_that_were_wanted_are_not_called_needless() {
    let mut run = fixtures::early_fail();
    let label = |run: &Run| of(run).unwrap().rest.unwrap().label.unwrap();
    assert_eq!(label(&run), "476 not needed");
    run.verdict.subjects[0].stopped = Stopped::Budget;
    assert_eq!(label(&run), "476 not judged");
}

#[test]
fn numbers_are_short() {
    let numbers = [0.0, 0.006, 0.5, 1.0, 2.54, 34.4, 999.0, 1e6, f64::NAN].map(evidence);
    assert_eq!(
        numbers,
        ["under 0.01", "0.01", "0.50", "1", "2.5", "34", "999", "over 1,000", "under 0.01"]
    );
    assert_eq!([20.0, 66.67, 1_000.0].map(boundary_number), ["20", "66.7", "1,000"]);
}
