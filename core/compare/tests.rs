//! Comparisons of samples that are made up.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::gate::Outcome;
use crate::units::CostBasis;

/// A sample with an outcome, at a price in cents.
pub(crate) fn sample(outcome: Outcome, cents: i64) -> Observation {
    let failure = matches!(outcome, Outcome::Failed | Outcome::Broken | Outcome::Refused);
    Observation {
        outcome,
        failure,
        failed_checks: if failure { vec!["text".to_owned()] } else { Vec::new() },
        unsure_checks: Vec::new(),
        skipped_checks: Vec::new(),
        cost: Usd::from_decimal(rust_decimal::Decimal::new(cents, 2)),
        cost_basis: CostBasis::Exact,
        latency: (outcome != Outcome::Unavailable)
            .then(|| Duration::from_millis(900 + 7 * u64::try_from(cents).unwrap())),
        image: None,
    }
}

fn entrant(name: &str) -> Entrant {
    Entrant {
        name: name.to_owned(),
        provider: "studio".to_owned(),
        model: name.to_owned(),
        config: json!({}),
        dropped: None,
        flights: Vec::new(),
        from_store: 0,
    }
}

pub(crate) fn about(planned: u64) -> About {
    About {
        policy: "presscheck.yaml".to_owned(),
        seed: Seed(7),
        planned,
        population: planned,
        ended: Ended::Exhausted,
        budget_usd: "25".parse().unwrap(),
        spent_usd: "1.5".parse().unwrap(),
        checks_usd: Usd::ZERO,
        images_bought: planned,
        notes: Vec::new(),
    }
}

/// Rows of models by what each fails of a hundred and its price: model `m` fails cells `k` with
/// `(k * stride) % 100 < failing`.
fn race(models: &[(&str, u64, i64)], cells: u64) -> Comparison {
    let entrants: Vec<_> = models.iter().map(|(name, ..)| entrant(name)).collect();
    let rows: Vec<_> = (0..cells)
        .map(|cell| Row {
            case: format!("case-{cell}"),
            repeat: 0,
            tags: vec![if cell % 2 == 0 { "even" } else { "odd" }.to_owned()],
            samples: models
                .iter()
                .map(|(_, failing, cents)| {
                    let fails = (cell * 37) % 100 < *failing;
                    Some(sample(if fails { Outcome::Failed } else { Outcome::Passed }, *cents))
                })
                .collect(),
        })
        .collect();
    compare(&entrants, &rows, about(cells))
}

#[test]
fn figures_are_counted() {
    let comparison = race(&[("a", 2, 4), ("b", 20, 2)], 100);
    let [a, b] = comparison.models.as_slice() else { panic!("two models") };
    assert_eq!((a.failures.unwrap().failed, a.failures.unwrap().of), (2, 100));
    assert_eq!(comparison.best.as_deref(), Some("a"));
    let cost = b.cost.as_ref().unwrap();
    assert_eq!(cost.per_1k_usd.unwrap().to_cents_string(), "20.00");
    assert_eq!(cost.effective_per_1k_usd.unwrap().to_cents_string(), "25.00");
    let (low, high) = b.effective_interval_usd.unwrap();
    assert!(low < 25.0 && high.unwrap() > 25.0, "{low} {high:?}");
    assert_eq!(b.tags.iter().map(|tag| tag.share.of).sum::<u64>(), 100);
    assert_eq!(b.checks[0].failed, 20);
    let difference = comparison.difference("b", "a").unwrap();
    assert_eq!((difference.pairs, difference.only_a, difference.only_b), (100, 0, 18));
    assert!(difference.beyond_chance && (difference.change - 0.18).abs() < 1e-12);
    assert!((comparison.difference("a", "b").unwrap().change + 0.18).abs() < 1e-12);
    let latency = a.latency.unwrap();
    assert_eq!((latency.samples, latency.p50_interval_s), (100, [Some(0.928), Some(0.928)]));
    assert!(latency.p95_interval_s[1].is_some());
}

#[test]
fn few_times_have_no_upper_end_of_p95() {
    let comparison = race(&[("a", 2, 4), ("b", 20, 2)], 20);
    assert_eq!(comparison.models[0].latency.unwrap().p95_interval_s[1], None);
}

#[test]
fn the_dominated_one_is_named() {
    let comparison = race(&[("dear", 9, 8), ("good", 2, 4), ("cheap", 20, 1)], 100);
    let front: Vec<_> = comparison.models.iter().map(|model| model.on_front).collect();
    assert_eq!(front, [Some(false), Some(true), Some(true)]);
    assert_eq!(comparison.models[0].dominated_by, ["good"]);
}

#[test]
fn a_model_without_a_good_image_costs_more_than_any() {
    let comparison = race(&[("never", 100, 1), ("good", 2, 400)], 100);
    assert_eq!(comparison.models[0].on_front, Some(false));
    assert_eq!(comparison.models[0].effective_interval_usd, None);
    // Two of them are alike, and none beats the other.
    let comparison = race(&[("never", 100, 1), ("neither", 100, 2)], 100);
    assert_eq!(comparison.models[0].on_front, Some(true));
}

#[test]
fn what_has_no_answer_is_no_failure_and_no_pair() {
    let rows: Vec<_> = (0..4)
        .map(|cell| Row {
            case: format!("case-{cell}"),
            repeat: 0,
            tags: Vec::new(),
            samples: vec![
                Some(sample(if cell < 2 { Outcome::Unavailable } else { Outcome::Passed }, 1)),
                Some(sample(if cell == 3 { Outcome::Unavailable } else { Outcome::Failed }, 1)),
            ],
        })
        .collect();
    let comparison = compare(&[entrant("a"), entrant("b")], &rows, about(4));
    assert_eq!(comparison.models[0].failures.unwrap().of, 2);
    assert_eq!(comparison.models[0].outcomes.unavailable, 2);
    assert_eq!(comparison.models[1].failures.unwrap().failed, 3);
    assert_eq!(comparison.differences[0].pairs, 1);
}

#[test]
fn who_dropped_out_does_not_count() {
    let rows = [Row {
        case: "case".to_owned(),
        repeat: 0,
        tags: Vec::new(),
        samples: vec![
            Some(sample(Outcome::Passed, 1)),
            Some(sample(Outcome::Broken, 1)),
            Some(sample(Outcome::Passed, 2)),
        ],
    }];
    let gone = Entrant { dropped: Some("no such model".to_owned()), ..entrant("b") };
    let comparison = compare(&[entrant("a"), gone, entrant("c")], &rows, about(1));
    assert!(comparison.models[1].failures.is_none() && comparison.models[1].checks.is_empty());
    assert_eq!(comparison.differences.len(), 1);
    assert!(comparison.is_conclusive());
}

#[test]
fn throughput_is_over_the_time_under_way() {
    let flight = |from: u64, to: u64, image| Flight {
        from: Duration::from_secs(from),
        to: Duration::from_secs(to),
        image,
    };
    // 0 to 3 and 10 to 12: five seconds, seven of work, three images.
    let flights =
        [flight(0, 2, true), flight(10, 12, true), flight(1, 3, true), flight(2, 3, false)];
    let throughput = pace::throughput(&flights).unwrap();
    assert_eq!((throughput.images, throughput.seconds), (3, 5.0));
    assert!((throughput.images_per_minute - 36.0).abs() < 1e-9);
    assert!((throughput.at_once - 1.4).abs() < 1e-9);
    assert_eq!(pace::throughput(&[]), None);
    assert_eq!(pace::throughput(&[flight(0, 2, false)]), None);
}

#[test]
fn the_smallest_difference_shrinks_with_the_prompts() {
    // Four pairs of a hundred that speak against one model alone: z is 2, over 1.96.
    assert_eq!(smallest_difference(100, 1), Some(0.04));
    assert!(smallest_difference(100, 3) > smallest_difference(100, 1));
    assert!(smallest_difference(1_000, 1) < smallest_difference(100, 1));
    assert_eq!(smallest_difference(2, 1), None);
    assert_eq!(smallest_difference(0, 1), None);
}

/// How often two of so many models that fail equally often are said to differ beyond chance: the exact sum over all that so
/// many prompts can show, where a share of them is failed by one of the two alone.
fn false_alarms(prompts: u64, apart: f64, models: u64) -> f64 {
    let comparisons = models * (models - 1) / 2;
    let tail = 0.025 / comparisons as f64;
    let mut sum = 0.0;
    // The chance that none is failed by one alone; then one more each time.
    let mut chance_of_split = (1.0 - apart).powi(i32::try_from(prompts).unwrap());
    for split in 0..=prompts {
        if chance_of_split > 1e-12 {
            let mut chance = chance_of_split * 0.5_f64.powi(i32::try_from(split).unwrap());
            for one in 0..=split {
                let interval =
                    crate::gate::intervals::tango_interval(prompts, one, split - one, tail);
                if tally::leaves_zero_out(interval) {
                    sum += chance;
                }
                chance *= (split - one) as f64 / (one + 1) as f64;
            }
        }
        chance_of_split *= (prompts - split) as f64 / (split + 1) as f64 * apart / (1.0 - apart);
    }
    sum
}

#[test]
fn models_that_are_alike_are_seldom_said_to_differ() {
    for models in [2, 3, 5] {
        let mut most: f64 = 0.0;
        for prompts in [20, 60, 200] {
            for apart in [0.02, 0.05, 0.1, 0.2, 0.4] {
                most = most.max(false_alarms(prompts, apart, models));
            }
        }
        // What 5% may be off by: the interval is approximate.
        let comparisons = (models * (models - 1) / 2) as f64;
        assert!(most * comparisons < 0.056, "{models} models: {most}");
        assert!(most > 0.0, "{models} models");
    }
}

proptest! {
    #[test]
    fn the_front_is_what_nothing_dominates(
        models in prop::collection::vec((0_u64..100, 1_i64..20), 2..7),
    ) {
        let named: Vec<_> = models.iter().enumerate().map(|(n, (k, c))| (n.to_string(), *k, *c)).collect();
        let named: Vec<_> = named.iter().map(|(n, k, c)| (n.as_str(), *k, *c)).collect();
        let comparison = race(&named, 100);
        let front = |name: &str| comparison.model(name).unwrap().on_front == Some(true);
        prop_assert!(comparison.models.iter().any(|model| model.on_front == Some(true)));
        prop_assert!(front(comparison.best.as_deref().unwrap()));
        for model in &comparison.models {
            prop_assert_eq!(model.on_front, Some(model.dominated_by.is_empty()));
            // Somebody who is not dominated dominates it.
            prop_assert!(front(&model.name) || model.dominated_by.iter().any(|over| front(over)));
        }
    }

    #[test]
    fn a_correction_only_widens(
        failing in prop::collection::vec(0_u64..40, 3..6), cells in 20_u64..120,
    ) {
        let names: Vec<_> = (0..failing.len()).map(|n| n.to_string()).collect();
        let models: Vec<_> = names.iter().zip(&failing).map(|(n, k)| (n.as_str(), *k, 1)).collect();
        let (many, two) = (race(&models, cells), race(&models[..2], cells));
        let (wide, narrow) = (&many.differences[0], &two.differences[0]);
        prop_assert!((wide.change - narrow.change).abs() < 1e-12);
        prop_assert!(wide.interval[0] <= narrow.interval[0] + 1e-9);
        prop_assert!(wide.interval[1] >= narrow.interval[1] - 1e-9);
        prop_assert!(wide.interval[0] <= wide.change + 1e-9 && wide.change <= wide.interval[1] + 1e-9);
        let turned = many.difference(&wide.a, &wide.b).unwrap();
        prop_assert!((turned.interval[0] + wide.interval[1]).abs() < 1e-12);
    }
}
