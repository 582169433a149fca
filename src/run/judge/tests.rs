use std::time::Duration;

use presscheck_core::checks::Picture;
use presscheck_core::prompts::Expected;

use super::*;

/// Fails a picture that was drawn before for another prompt, and a candidate's that is the baseline's.
struct Twins;

impl Check for Twins {
    fn name(&self) -> &'static str {
        "twins"
    }

    fn inspect(&self, _: &Picture, _: &Scene<'_>) -> Vec<Finding> {
        vec![Finding::new("twins", CheckResult::Pass, "whole")]
    }

    fn compares(&self) -> bool {
        true
    }

    fn in_company(
        &self,
        impression: &Impression,
        scene: &Scene<'_>,
        company: &Company<'_>,
    ) -> Vec<Finding> {
        let prompt = Digest::of(scene.case.prompt.as_bytes());
        let twin = company
            .earlier
            .iter()
            .find(|other| other.impression.as_ref() == impression && other.prompt != prompt);
        let known = |earlier: &Earlier| earlier.impression.as_ref() == impression;
        let same = company.is_candidate
            && company.baselines.iter().any(|earlier| earlier.prompt == prompt && known(earlier));
        let fail = |why: String| Finding::new("twins", CheckResult::Fail, why);
        twin.map(|twin| fail(format!("as in {}", twin.case)))
            .or_else(|| same.then(|| fail("as the baseline's".to_owned())))
            .into_iter()
            .collect()
    }
}

fn judge() -> Judge {
    Judge { checks: vec![Box::new(Twins)], ..Judge::idle(OnRefusal::Fail) }
}

fn case(number: u8) -> Case {
    Case {
        id: format!("c{number}"),
        prompt: format!("prompt {number}"),
        tags: Vec::new(),
        expect: Expected::new(),
        image: None,
        mask: None,
        locale: None,
    }
}

/// A picture of one grey.
fn sample(judge: &Judge, case: &Case, grey: u8) -> JudgedSample {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixels = image::GrayImage::from_pixel(4, 4, image::Luma([grey]));
    pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let bytes = Bytes::from(bytes.into_inner());
    let digest = Digest::of(&bytes);
    let arrived = Arrived::Picture { bytes, digest, content_type: None };
    let bill = Bill {
        cost: Usd::ZERO,
        basis: CostBasis::Exact,
        latency: Some(Duration::from_secs(1)),
        attempts: 1,
    };
    judge.judge(&Scene::of(case), &arrived, bill).unwrap()
}

/// The outcomes of pairs whose pictures have these greys, each of another prompt.
fn settled(pairs: &[(u8, u8)]) -> Vec<(JudgedSample, JudgedSample)> {
    let (judge, mut gallery) = (judge(), Gallery::default());
    (0..)
        .zip(pairs)
        .map(|(number, (before, after))| {
            let case = case(number);
            let (mut one, mut two) =
                (sample(&judge, &case, *before), sample(&judge, &case, *after));
            gallery.settle(&judge, &Scene::of(&case), Some(&mut one), Some(&mut two));
            (one, two)
        })
        .collect()
}

#[test]
fn a_picture_is_compared_with_those_of_its_own_side_that_were_drawn_before() {
    let pairs = settled(&[(1, 2), (2, 1), (3, 2)]);
    let failed: Vec<_> =
        pairs.iter().map(|(one, two)| (one.observation.failure, two.observation.failure)).collect();
    // The baseline's grey 2 stands on the candidate's side before, which is no matter of its own.
    assert_eq!(failed, [(false, false), (false, false), (false, true)]);
    let (_, last) = &pairs[2];
    assert_eq!(last.observation.outcome, Outcome::Failed);
    assert_eq!(last.observation.failed_checks, ["twins"]);
    assert_eq!(last.kind.as_deref(), Some("twins"));
    assert_eq!(last.findings.last().unwrap().message, "as in c0");
}

#[test]
fn a_candidate_is_compared_with_its_baseline_and_not_the_other_way_round() {
    let pairs = settled(&[(1, 1)]);
    let (one, two) = &pairs[0];
    assert_eq!(one.observation.outcome, Outcome::Passed);
    assert_eq!(two.observation.outcome, Outcome::Failed);
}

#[test]
fn what_was_settled_before_is_not_judged_again_and_still_counts_for_the_next() {
    let (judge, first, second) = (judge(), case(0), case(1));
    let mut known = [sample(&judge, &first, 5), sample(&judge, &second, 5)];
    let mut gallery = Gallery::default();
    for (case, sample) in [&first, &second].into_iter().zip(&mut known) {
        gallery.settle(&judge, &Scene::of(case), Some(sample), None);
    }
    assert_eq!(known[1].observation.failed_checks, ["twins"]);
    let before = known.clone();
    let mut gallery = Gallery::default();
    for (case, sample) in [&first, &second].into_iter().zip(&mut known) {
        gallery.settle(&judge, &Scene::of(case), Some(sample), None);
    }
    assert_eq!(known[1].findings, before[1].findings);
    let third = case(2);
    let mut fresh = sample(&judge, &third, 5);
    gallery.settle(&judge, &Scene::of(&third), Some(&mut fresh), None);
    assert!(fresh.observation.failure);
}

#[test]
fn a_check_that_failed_outright_is_not_called_unsure() {
    struct Both;
    impl Check for Both {
        fn name(&self) -> &'static str {
            "both"
        }
        fn inspect(&self, _: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
            let unsure = Finding::new("both", CheckResult::Unsure, "perhaps");
            let fail = Finding::new("both", CheckResult::Fail, "no");
            if scene.case.id == "c0" { vec![unsure, fail] } else { vec![unsure] }
        }
    }
    let judge = Judge { checks: vec![Box::new(Both)], ..Judge::idle(OnRefusal::Fail) };
    let of = |number| sample(&judge, &case(number), 9).observation;
    assert_eq!((of(0).is_unsure(), of(0).unsure_checks.len()), (false, 0));
    assert_eq!((of(1).is_unsure(), of(1).unsure_checks.len()), (true, 1));
}
