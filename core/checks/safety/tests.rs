//! The check with its network where that is installed, and without; and what the answers of a moderation mean.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::checks::asking::Unsaid;
use crate::checks::testing::{case, check_with, configured, good, installed, lines, picture};
use crate::checks::{Asking, UNAVAILABLE};
use crate::providers::Want;

fn small() -> Picture {
    picture(image::RgbImage::from_pixel(8, 8, image::Rgb([9, 9, 9])))
}

/// Scores of the package's own runtime for pictures of the good set, by kind and number: `onnxruntime` over the same
/// preparation in Python, without the JPEG in between.
const REFERENCE: [(usize, u64, f64); 22] = [
    (0, 10, 0.000106),
    (0, 22, 0.000025),
    (1, 10, 0.000014),
    (1, 22, 0.002020),
    (2, 10, 0.009681),
    (2, 22, 0.000199),
    (3, 10, 0.007571),
    (3, 22, 0.002414),
    (4, 10, 0.000021),
    (4, 22, 0.000013),
    (5, 10, 0.000354),
    (5, 22, 0.003589),
    (6, 10, 0.000904),
    (6, 22, 0.000238),
    (7, 10, 0.118816),
    (7, 22, 0.293732),
    (8, 10, 0.001805),
    (8, 22, 0.000602),
    (9, 10, 0.008299),
    (9, 22, 0.003552),
    (10, 10, 0.005038),
    (10, 22, 0.000104),
];

#[test]
fn scores_are_those_of_the_network_s_own_runtime() {
    let Some(resources) = installed(MODELS) else { return };
    let local = Local {
        weights: Mutex::new(Some(resources.model(&MODEL).cloned())),
        classifier: OnceLock::new(),
    };
    for (kind, number, expected) in REFERENCE {
        let score = local.score(&picture(good::one(kind, number).pixels)).unwrap();
        assert!((score - expected).abs() < 0.006, "{kind}, {number}: {score}, not {expected}");
    }
}

#[test]
fn the_limit_decides() {
    let Some(resources) = installed(MODELS) else { return };
    // A painting by rule: the highest score of all good pictures.
    let painting = picture(good::one(7, 22).pixels);
    let of = |max_score: &str| {
        let check = check_with(NAME, &json!({"max_score": max_score}), &resources);
        check.inspect(&painting, &Scene::of(&case(&json!({}), &[]))).remove(0)
    };
    let (passed, failed) = (of("80%"), of("10%"));
    assert_eq!((passed.result, failed.result), (CheckResult::Pass, CheckResult::Fail));
    assert!(
        failed.message.starts_with("looks unsafe: the classifier gives 30%")
            || failed.message.starts_with("looks unsafe: the classifier gives 29%"),
        "{}",
        failed.message
    );
    assert_eq!(failed.limit["max_score"], json!(0.1));
    assert!(failed.measured["score"].as_f64().is_some_and(|score| (0.2..0.4).contains(&score)));
    assert!(is_withheld(&[failed]) && !is_withheld(&[passed]));
}

#[test]
fn pictures_of_any_shape_have_a_score() {
    let Some(resources) = installed(MODELS) else { return };
    let check = check_with(NAME, &json!({}), &resources);
    for (width, height) in [(1, 1), (1, 3000), (3000, 1), (224, 224), (2048, 2)] {
        let pixels = image::RgbaImage::from_pixel(width, height, image::Rgba([200, 90, 30, 128]));
        let case = case(&json!({}), &[]);
        let found = check.inspect(&picture(pixels), &Scene::of(&case)).remove(0);
        assert_eq!(found.result, CheckResult::Pass, "{width}×{height}: {}", found.message);
    }
}

#[test]
fn weights_that_are_none_are_said_and_pass_nothing() {
    for (found, words) in [
        (Err("safety.onnx is not installed: run `make models`".to_owned()), "is not installed"),
        (Ok(Bytes::from_static(b"no network")), "can't be read"),
    ] {
        let mut resources = Resources::default();
        resources.add_model(&MODEL, found);
        let check = check_with(NAME, &json!({}), &resources);
        let case = case(&json!({}), &[]);
        let finding = check.inspect(&small(), &Scene::of(&case)).remove(0);
        assert_eq!(finding.result, CheckResult::Skipped);
        assert!(finding.message.contains(words), "{}", finding.message);
        assert_eq!(check.cannot(&case), Some(finding.message));
    }
}

#[test]
fn a_case_may_ask_for_such_pictures() {
    let tagged = json!({"tags": ["public"]});
    for settings in [tagged.clone(), with_moderation(&tagged)] {
        let check = check_with(NAME, &settings, &Resources::default());
        let of = |expect: Value, tags: &[&str]| {
            let case = case(&expect, tags);
            let asked: u32 = check.would_ask(&case).iter().map(|it| it.requests).sum();
            (lines(&check.inspect(&small(), &Scene::of(&case))), check.cannot(&case), asked)
        };
        let admitted = of(json!({"unsafe": true}), &["public"]);
        assert_eq!(admitted, ("Skipped: an unsafe picture is asked for".to_owned(), None, 0));
        let other = of(json!({}), &["art"]);
        assert_eq!(other.0, "Skipped: only cases tagged public are looked at");
        // What must be safe is looked at whatever its tags.
        assert_eq!(of(json!({"unsafe": false}), &["art"]), of(json!({}), &["public"]));
    }
}

fn with_moderation(more: &Value) -> Value {
    let mut table = json!({"moderation": {"provider": "openai", "model": "omni-x"}});
    for (key, value) in more.as_object().unwrap() {
        table[key] = value.clone();
    }
    table
}

fn moderated(max_scores: &Value, answer: Result<&str, bool>) -> Finding {
    let mut table = with_moderation(&json!({}));
    table["moderation"]["max_scores"] = max_scores.clone();
    let check = check_with(NAME, &table, &Resources::default());
    let case = case(&json!({}), &[]);
    let scene = Scene::of(&case);
    let open = check.inspect(&small(), &scene);
    assert_eq!(lines(&open), "Skipped: the moderation was not asked");
    let answer = answer
        .map(str::to_owned)
        .map_err(|unavailable| Unsaid { unavailable, words: "no\ncomment".to_owned() });
    check.hear(&scene, open, &[Heard::Votes(vec![answer])]).remove(0)
}

#[test]
fn the_endpoint_is_asked_once_and_sees_the_picture_alone() {
    let check = check_with(NAME, &with_moderation(&json!({})), &Resources::default());
    let case = case(&json!({}), &[]);
    let asked = check.ask(&small(), &Scene::of(&case), &[]);
    let [Asking::Provider { provider, question, votes: 1 }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!((provider.as_str(), question.want), ("openai", Want::Moderation));
    assert_eq!((question.pictures.len(), question.text.as_str()), (1, ""));
    assert_eq!(check.would_ask(&case)[0].requests, 1);
    assert_eq!(check.cannot(&case), None, "the classifier is not needed");
    let mut nobody = Resources::default();
    nobody.ask_nobody("nobody is asked here");
    let check = check_with(NAME, &with_moderation(&json!({})), &nobody);
    assert_eq!(check.cannot(&case).as_deref(), Some("nobody is asked here"));
    let said = lines(&check.inspect(&small(), &Scene::of(&case)));
    assert_eq!(said, "Skipped: the moderation was not asked: nobody is asked here");
    assert!(check.ask(&small(), &Scene::of(&case), &[]).is_empty());
}

#[test]
fn the_endpoint_s_flag_decides() {
    let flagged = r#"{"flagged": true, "scores": {"violence": 0.4, "sexual": 0.97, "hate": 0}}"#;
    let failed = moderated(&json!({}), Ok(flagged));
    assert_eq!(failed.result, CheckResult::Fail);
    insta::assert_snapshot!(failed.message, @"the moderation flags it: sexual 97%, violence 40%");
    assert_eq!(failed.measured["scores"]["sexual"], json!(0.97));
    assert!(is_withheld(&[failed]));
    let bare = moderated(&json!({}), Ok(r#"{"flagged": true, "scores": {}}"#));
    assert_eq!(lines(&[bare]), "Fail: the moderation flags it");
    let passed = moderated(&json!({}), Ok(r#"{"flagged": false, "scores": {"sexual": 0.1}}"#));
    assert_eq!(lines(&[passed]), "Pass: the moderation does not flag it");
}

#[test]
fn limits_of_the_policy_s_own_decide_alone() {
    let of = |limits: Value, flagged: bool| {
        let answer = json!({"flagged": flagged, "scores": {"violence": 0.4, "sexual": 0.05}});
        lines(&[moderated(&limits, Ok(&answer.to_string()))])
    };
    insta::assert_snapshot!([
        of(json!({"violence": "40%"}), true),
        of(json!({"violence": "39%", "sexual": "1%"}), false),
        of(json!({"violence": "50%", "hate": "1%"}), false),
        of(json!({"violence": "5%", "hate": "1%"}), false),
    ].join("\n"), @"
    Pass: no category of the moderation is over its limit
    Fail: unsafe by moderation: sexual 5.0% (at most 1.0%), violence 40% (at most 39%)
    Unsure: the moderation gives no score for `hate`
    Fail: unsafe by moderation: violence 40% (at most 5.0%)
    ");
}

#[test]
fn no_answer_is_no_pass() {
    let away = moderated(&json!({}), Err(true));
    assert_eq!(lines(std::slice::from_ref(&away)), "Skipped: could not be moderated: no comment");
    assert_eq!(away.measured[UNAVAILABLE], json!(true));
    let refused = moderated(&json!({}), Err(false));
    assert_eq!(
        lines(std::slice::from_ref(&refused)),
        "Unsure: the moderation gave no answer: no comment"
    );
    assert!(!refused.measured.contains_key(UNAVAILABLE));
    for nonsense in [
        "",
        "safe",
        "{}",
        r#"{"flagged": false}"#,
        r#"{"flagged": "no", "scores": {}}"#,
        r#"{"flagged": false, "scores": {"sexual": 7}}"#,
        r#"{"flagged": false, "scores": {"sexual": "low"}}"#,
    ] {
        let unsure = moderated(&json!({}), Ok(nonsense));
        assert_eq!(unsure.result, CheckResult::Unsure, "{nonsense}");
        assert!(is_withheld(&[unsure]));
    }
}

proptest! {
    /// Whatever an endpoint answers, nothing leaves its line, and nothing that is flagged passes.
    #[test]
    fn answers_are_inert(flagged: bool, names in prop::collection::vec(".{0,80}", 0..6), score in -1.0..2.0_f64) {
        let scores: serde_json::Map<_, _> = names.into_iter().map(|name| (name, json!(score))).collect();
        let answer = json!({"flagged": flagged, "scores": scores}).to_string();
        let found = moderated(&json!({}), Ok(&answer));
        prop_assert!(!found.message.chars().any(char::is_control));
        prop_assert!(found.result != CheckResult::Skipped);
        prop_assert!(!flagged || found.result.counts_as_failure());
    }
}

#[test]
fn settings_that_are_wrong_are_all_reported() {
    let wrong = json!({"max_score": 0.8, "moderation": {"provider": "x", "max_scores": {"violence": "much"}}, "x": 1});
    let said = configured(NAME, &wrong).unwrap_err();
    assert_eq!(said.len(), 4, "{said:?}");
    let asking = configured(NAME, &with_moderation(&json!({}))).unwrap();
    // The classifier's weights are not looked for where it does not run.
    assert!(crate::checks::needs(&[asking]).models.is_empty());
    assert_eq!(crate::checks::needs(&[configured(NAME, &json!({})).unwrap()]).models, MODELS);
    let both = configured(NAME, &with_moderation(&json!({"max_score": "70%"}))).unwrap_err();
    assert_eq!(both, ["`max_score` is the classifier's, which does not run beside `moderation`"]);
}
