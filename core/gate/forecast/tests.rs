use super::super::simulate::{Game, Play, Scenario};
use super::*;
use crate::policy::{QuantityLimit, RateLimit, Span, Spanned};
use crate::prompts::Expected;
use crate::units::{Points, Rate, Seed};

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, span: Span::default() }
}

fn limits() -> Limits {
    Limits {
        failure_rate: RateLimit {
            max_increase: Points::new(0.02).map(spanned),
            ..RateLimit::default()
        },
        cost_per_1k: QuantityLimit { max_increase: None, max: None, strict: false },
        latency_p95: QuantityLimit { max_increase: None, max: None, strict: false },
        unavailable: spanned(Rate::new(0.05).unwrap()),
        by_tag: Vec::new(),
    }
}

/// Cases of which every third has the tag `sign`.
fn cases(number: usize) -> Vec<Case> {
    (0..number)
        .map(|index| Case {
            id: format!("c{index}"),
            prompt: String::new(),
            tags: if index % 3 == 0 { vec!["sign".to_owned()] } else { Vec::new() },
            expect: Expected::default(),
            image: None,
            mask: None,
            locale: None,
        })
        .collect()
}

fn cells(number: usize) -> Vec<Cell> {
    (0..number).map(|case| Cell { case, repeat: 0, seed: Seed(0) }).collect()
}

fn setup<'a>(limits: &'a Limits, cases: &'a [Case], cells: &'a [Cell]) -> Setup<'a> {
    Setup {
        limits,
        claim: Claim::Suite,
        stop: StopWhen::Verdict,
        errors: ErrorRates {
            let_bad_through: Rate::new(0.05).unwrap(),
            block_good: Rate::new(0.05).unwrap(),
        },
        cases,
        cells,
        stratified: false,
        end: cells.len(),
        has_baseline: true,
        baseline_stored: true,
        rate: 0.018,
        price: BySide { baseline: Usd::ZERO, candidate: Usd::ZERO },
        seed: 7,
    }
}

fn mean(setup: Setup<'_>) -> f64 {
    let forecast = Board::new(setup).play(0..400);
    assert_eq!(forecast.reps, 400);
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    forecast.mean(|pairs| pairs as f64)
}

#[test]
fn one_limit_takes_what_the_simulation_says() {
    let (limits, cases, cells) = (limits(), cases(500), cells(500));
    for (claim, play) in [(Claim::Suite, Play::SuiteStored), (Claim::Model, Play::Model)] {
        let scenario = Scenario {
            baseline_rate: 0.018,
            candidate_rate: 0.018,
            phi: DESIGN_PHI,
            pairs: 500,
            play,
            limit: 0.02,
            batch: 1,
            let_bad_through: 0.05,
            block_good: 0.05,
            seed: 7,
        };
        let known = Game::new(scenario).unwrap().play(0..400).simulated();
        let board = Board::new(Setup { claim, ..setup(&limits, &cases, &cells) });
        let ours = board.play(0..400);
        let pairs = mean(Setup { claim, ..setup(&limits, &cases, &cells) });
        // The same streams: only the first 15 pairs differ, at which a verdict is not given yet.
        assert!((pairs / known.mean_images - 1.0).abs() < 0.02, "{pairs} {known:?}");
        assert!((ours.share(ours.pass) - known.pass).abs() < 0.01, "{ours:?} {known:?}");
    }
}

#[test]
fn more_to_prove_takes_longer_and_an_end_ends_it() {
    let (plain, cases, cells) = (limits(), cases(300), cells(300));
    let base = setup(&plain, &cases, &cells);
    let one = mean(base);
    let tight = RateLimit { max_increase: Points::new(0.06).map(spanned), ..RateLimit::default() };
    let tagged = Limits { by_tag: vec![("sign".to_owned(), tight)], ..plain.clone() };
    assert!(mean(Setup { limits: &tagged, ..base }) > one);
    let absent = Limits {
        by_tag: vec![("no-such".to_owned(), plain.failure_rate.clone())],
        ..plain.clone()
    };
    assert!((mean(Setup { limits: &absent, ..base }) - one).abs() < 1.0);
    assert!(mean(Setup { baseline_stored: false, ..base }) > one);
    assert!((mean(Setup { stop: StopWhen::End, ..base }) - 300.0).abs() < 1e-9);
    assert!(mean(Setup { end: 50, ..base }) <= 50.0);
    let mut slow = plain.clone();
    slow.latency_p95.max_increase = Some(spanned(0.25));
    assert!(Board::new(Setup { limits: &slow, ..base }).play(0..50).pairs.keys().all(|n| *n >= 16));
    let least = Board::new(Setup { limits: &slow, rate: 0.0, ..base }).play(0..1);
    assert!(least.pairs.keys().all(|pairs| *pairs >= 100), "{least:?}");
}

#[test]
fn a_stratified_draw_is_looked_at_every_16th_pair() {
    let (limits, cases, cells) = (limits(), cases(200), cells(200));
    let setup = Setup { stratified: true, ..setup(&limits, &cases, &cells) };
    let forecast = Board::new(setup).play(0..100);
    assert!(forecast.pairs.keys().all(|pairs| pairs % 16 == 0 || *pairs == 200));
}

#[test]
fn threads_change_nothing() {
    let (limits, cases, cells) = (limits(), cases(60), cells(60));
    for claim in [Claim::Suite, Claim::Model] {
        let board = Board::new(Setup { claim, ..setup(&limits, &cases, &cells) });
        let mut parts = board.play(20..30);
        parts.merge(&board.play(0..20));
        assert_eq!(board.play(0..30), parts);
    }
    let nothing = Board::new(setup(&limits, &[], &[])).play(0..3);
    assert_eq!((nothing.reps, nothing.pairs.get(&0)), (3, Some(&3)));
}
