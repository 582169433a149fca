use proptest::prelude::*;

use super::testing::{digest, sample};
use super::*;
use crate::gate::intervals::rate_interval;

/// Ten failing pictures and ninety passing ones.
fn samples() -> Vec<SampleLine> {
    (0..100).map(|n| sample(n, if n < 10 { 6.0 + n as f64 } else { 1.0 })).collect()
}

/// Labels what was drawn: wrong are these pictures.
fn answered(drawn: Vec<Label>, wrong: &[usize]) -> LabelFile {
    let mut file = LabelFile::default();
    for label in drawn {
        let right = !wrong.iter().any(|number| digest(*number) == label.picture);
        file.add(label.said_to_be(right, Some("ada"), "2026-11-27T10:00:00Z", None));
    }
    file
}

#[test]
fn a_label_keeps_the_truth_and_not_what_was_said() {
    let label = Label::open(&sample(1, 9.0), "sharpness").unwrap();
    assert_eq!((label.said, label.truth), (Word::Fail, None));
    let wrong = label.clone().said_to_be(false, None, "2026-11-27T10:00:00Z", Some(" a\nb "));
    assert_eq!((wrong.truth, wrong.note.as_deref()), (Some(Truth::Good), Some("a b")));
    assert_eq!(label.said_to_be(true, None, "", None).truth, Some(Truth::Bad));
    // What did not judge has no word, and no label.
    assert_eq!(Label::open(&sample(1, 9.0), "text"), None);
    assert_eq!(Label::open(&sample(1, 9.0), "nothing"), None);
}

#[test]
fn a_file_comes_back_as_it_was_and_the_last_word_counts() {
    let open = Label::open(&sample(1, 9.0), "sharpness").unwrap();
    let drawn = Label { drawn: true, ..open.clone() };
    let first = open.clone().said_to_be(true, Some("ada"), "2026-11-27T10:00:00Z", None);
    let second = open.clone().said_to_be(false, Some("\u{202e}eve"), "2026-11-27T11:00:00Z", None);
    let text: String = [&first, &drawn, &second].iter().map(|label| write_label(label)).collect();
    assert!(!text.contains('\u{202e}'));
    let file = read_labels(&text).unwrap();
    assert_eq!(file.labels(), [Label { drawn: true, ..second }]);
    // A draw takes no word back.
    let file = read_labels(&[first.clone(), drawn].iter().map(write_label).collect::<String>());
    assert_eq!(file.unwrap().labels(), [Label { drawn: true, ..first.clone() }]);
    let broken = format!("{}\nnot a label\n{{\"schema\":2}}\n", write_label(&first));
    let problems = read_labels(&broken).unwrap_err();
    assert_eq!(problems.iter().map(|it| it.line).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn draws_are_halves_and_go_on_where_they_stopped() {
    let samples = samples();
    let first = draw(&samples, "sharpness", &LabelFile::default(), (8, 1));
    let said = |labels: &[Label], word| labels.iter().filter(|label| label.said == word).count();
    assert_eq!((said(&first.labels, Word::Fail), said(&first.labels, Word::Pass)), (4, 4));
    assert_eq!(first.left[&Word::Pass], 86);
    let known = answered(first.labels.clone(), &[]);
    let second = draw(&samples, "sharpness", &known, (20, 1));
    // Six failing ones are left; the rest are passing ones.
    assert_eq!((said(&second.labels, Word::Fail), said(&second.labels, Word::Pass)), (6, 14));
    let all = draw(&samples, "sharpness", &LabelFile::default(), (1_000, 1)).labels;
    assert_eq!(all.len(), 100);
    assert!(second.labels.iter().all(|label| known.get(label.picture, "sharpness").is_none()));
    // The same seed has the same order, another one another.
    let once_more = draw(&samples, "sharpness", &LabelFile::default(), (8, 1));
    assert_eq!(once_more, first);
    assert_ne!(draw(&samples, "sharpness", &LabelFile::default(), (8, 2)).labels, first.labels);
    assert!(draw(&samples, "nothing", &LabelFile::default(), (8, 1)).labels.is_empty());
}

#[test]
fn rates_weigh_both_strata() {
    let samples = samples();
    let drawn = draw(&samples, "sharpness", &LabelFile::default(), (60, 1)).labels;
    // Two of ten failing pictures are good, one of fifty passing ones is bad.
    let good: Vec<_> = (0..2).collect();
    let bad = drawn.iter().find(|label| label.said == Word::Pass).unwrap().picture;
    let bad = (0..100).find(|number| digest(*number) == bad).unwrap();
    let labels = answered(drawn, &[good, vec![bad]].concat());
    let found = calibrate(&samples, &labels);
    let check = &found.checks[0];
    assert_eq!((check.fails.labelled, check.fails.wrong), (10, 2));
    assert_eq!((check.passes.labelled, check.passes.wrong), (50, 1));
    let (false_fail, miss) = (check.false_fail.unwrap(), check.miss.unwrap());
    // 2 of 2 + 90 × 49/50 good ones; 90/50 of 90/50 + 8 bad ones.
    assert!((false_fail.rate - 2.0 / 90.2).abs() < 1e-12);
    assert!((miss.rate - 1.8 / 9.8).abs() < 1e-12);
    for it in [false_fail, miss] {
        assert!(it.interval[0] < it.rate && it.rate < it.interval[1], "{it:?}");
    }
    // All ten failing ones are labelled: what is left open is the passing ones alone.
    assert!(false_fail.interval[1] < 0.03, "{false_fail:?}");
    insta::assert_snapshot!(calibration_text(&found));
    insta::assert_snapshot!(calibration_json(&found));
}

#[test]
fn what_reviewers_chose_themselves_and_what_is_open_makes_no_rate() {
    let samples = samples();
    let mut labels = answered(
        draw(&samples, "sharpness", &LabelFile::default(), (20, 1)).labels.split_off(15),
        &[],
    );
    for label in draw(&samples, "sharpness", &labels, (4, 9)).labels {
        labels.add(label);
    }
    for number in [3, 4, 50] {
        let label = Label::open(&samples[number], "sharpness").unwrap();
        if labels.get(label.picture, "sharpness").is_none() {
            labels.add(label.said_to_be(false, None, "2026-11-27T10:00:00Z", None));
        }
    }
    let gone = Label::open(&sample(500, 9.0), "sharpness").unwrap();
    labels.add(gone.said_to_be(true, None, "2026-11-27T10:00:00Z", None));
    let found = calibrate(&samples, &labels);
    assert_eq!(found.elsewhere, 1);
    assert_eq!(found.checks[0].false_fail, None);
    insta::assert_snapshot!(calibration_text(&found));
    insta::assert_snapshot!(calibration_text(&calibrate(&samples, &LabelFile::default())));
}

#[test]
fn a_limit_is_suggested_where_it_makes_fewer_mistakes() {
    // Up to 8 the pictures are good, and from 9 on they are bad; the limit stands at 5.
    let samples: Vec<_> = (0..14).map(|n| sample(n, n as f64)).collect();
    let mut labels = LabelFile::default();
    for (number, line) in samples.iter().enumerate() {
        let label = Label::open(line, "sharpness").unwrap();
        let right = (number <= 8) == (label.said == Word::Pass);
        labels.add(label.said_to_be(right, None, "2026-11-27T10:00:00Z", None));
    }
    let found = calibrate(&samples, &labels);
    let [suggestion] = found.checks[0].suggestions.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (suggestion.limit.as_str(), suggestion.now, suggestion.then),
        ("max_blur", 5.0, 8.5)
    );
    assert_eq!((suggestion.false_fails, suggestion.misses), ([3, 0], [0, 0]));
    assert!(calibration_text(&found).contains("max_blur 5 → 8.5 would fail 0 of 9 good"));
    // Nine labels are too few.
    let few: Vec<_> = labels.labels().iter().take(9).cloned().collect();
    let mut file = LabelFile::default();
    few.into_iter().for_each(|label| file.add(label));
    assert_eq!(calibrate(&samples, &file).checks[0].suggestions, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Of checks with known rates, the intervals hold at least as often as they say.
    #[test]
    fn no_labels_make_a_rate_outside_of_its_interval(
        truths in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..120),
        count in 1_usize..80,
        seed: u64,
    ) {
        let samples: Vec<_> = truths
            .iter()
            .enumerate()
            .map(|(n, (fails, _))| sample(n, if *fails { 9.0 } else { 1.0 }))
            .collect();
        let drawn = draw(&samples, "sharpness", &LabelFile::default(), (count, seed)).labels;
        let wrong: Vec<_> =
            truths.iter().enumerate().filter(|(_, (_, wrong))| *wrong).map(|(n, _)| n).collect();
        let labels = answered(drawn, &wrong);
        let found = calibrate(&samples, &labels);
        let check = &found.checks[0];
        for it in [check.false_fail, check.miss].into_iter().flatten() {
            let [low, high] = it.interval;
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            prop_assert!(low <= it.rate && it.rate <= high, "{it:?}");
        }
        let _ = (calibration_text(&found), calibration_json(&found));
    }

    #[test]
    fn no_text_panics(text in ".*") {
        let _ = read_labels(&text);
    }
}

#[test]
fn both_rates_lie_in_their_intervals_often_enough() {
    // 300 pictures; the check fails 5% of 250 good ones, and passes 20% of 50 bad ones.
    let truth = |n: usize| if n < 250 { Truth::Good } else { Truth::Bad };
    let fails = |n: usize| match truth(n) {
        Truth::Good => n.is_multiple_of(20),
        Truth::Bad => !n.is_multiple_of(5),
    };
    let samples: Vec<_> = (0..300).map(|n| sample(n, if fails(n) { 9.0 } else { 1.0 })).collect();
    let real = |of: Truth, mistaken: bool| {
        let all = (0..300).filter(|n| truth(*n) == of);
        all.clone().filter(|n| fails(*n) == mistaken).count() as f64 / all.count() as f64
    };
    let (false_fail, miss) = (real(Truth::Good, true), real(Truth::Bad, false));
    let mut held = [0_u64; 2];
    for seed in 0..200 {
        let drawn = draw(&samples, "sharpness", &LabelFile::default(), (80, seed)).labels;
        let wrong: Vec<_> = (0..300).filter(|n| fails(*n) == (truth(*n) == Truth::Good)).collect();
        let found = calibrate(&samples, &answered(drawn, &wrong));
        let check = &found.checks[0];
        for (held, (estimate, real)) in
            held.iter_mut().zip([(check.false_fail, false_fail), (check.miss, miss)])
        {
            let [low, high] = estimate.unwrap().interval;
            *held += u64::from(low <= real && real <= high);
        }
    }
    for held in held {
        // As often as promised, as far as 200 draws can tell.
        assert!(rate_interval(held, 200).unwrap()[1] >= 0.95, "{held} of 200");
    }
}
