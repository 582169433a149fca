//! The real, interleaved order of a stratified draw, in which the evidence is looked at after every 16th pair.
//!
//! Such an order is not purely random, so that no theorem covers it. The populations are those that would hurt
//! most: failures in one stratum alone, small strata against large ones, very many strata.

use super::super::Decision;
use super::super::betting::PairCounts;
use super::super::model::{Levels, ModelTest};
use super::super::suite::Allowed;
use super::fixed::{Bought, LIMIT, Makeup, Outcome, difference, follow, shuffle, stream};
use super::worst::happens;
use super::{Worst, reps};
use crate::policy::{Claim, SamplePolicy, StopWhen, Stratify};
use crate::prompts::{Case, Expected, draw};
use crate::units::Seed;

/// The stratum of each place, in the order that is really drawn.
fn drawn(sizes: &[usize], seed: u64) -> Vec<usize> {
    let case = |stratum: usize, number: usize| Case {
        id: format!("{stratum}-{number}"),
        prompt: String::new(),
        tags: vec![format!("t{stratum:03}")],
        expect: Expected::new(),
        image: None,
        mask: None,
        locale: None,
    };
    let (cases, strata): (Vec<Case>, Vec<usize>) = sizes
        .iter()
        .enumerate()
        .flat_map(|(stratum, size)| (0..*size).map(move |number| (stratum, number)))
        .map(|(stratum, number)| (case(stratum, number), stratum))
        .unzip();
    let sample = SamplePolicy {
        claim: Claim::Suite,
        repeats: 1,
        max: u32::MAX,
        batch: 16,
        stop: StopWhen::Verdict,
        stratify: Stratify::Tag,
        seed: Seed(seed),
    };
    draw(&cases, &sample).cells.iter().map(|cell| strata[cell.case]).collect()
}

/// As many orders as are told apart; what differs within a stratum is shuffled for each repetition.
fn orders(sizes: &[usize], reps: u64) -> Vec<Vec<usize>> {
    (0..(reps / 8).clamp(1, 500)).map(|seed| drawn(sizes, seed)).collect()
}

/// Strata of one kind: how many of them, the cells of each, how many of these fail on both sides, only for
/// the candidate, only for the baseline.
type Kind = (usize, usize, usize, usize, usize);

fn strata(kinds: &[Kind]) -> Vec<Makeup> {
    kinds
        .iter()
        .flat_map(|&(strata, cells, both, candidate_only, baseline_only)| {
            std::iter::repeat_n(Makeup { cells, both, candidate_only, baseline_only }, strata)
        })
        .collect()
}

/// Populations that break the limit by one failure, or just keep it.
fn populations() -> Vec<(&'static str, Vec<Makeup>)> {
    let all: [(&str, &[Kind]); 23] = [
        ("one of 6 fails 30%, and worse", &[(1, 67, 20, 9, 0), (5, 67, 0, 0, 0)]),
        ("one of 6 fails 30%, kept", &[(1, 67, 20, 8, 0), (5, 67, 0, 0, 0)]),
        ("one of 6 much worse, the rest better", &[(1, 67, 10, 19, 0), (5, 67, 0, 0, 2)]),
        ("one of 6 much worse, kept", &[(1, 67, 10, 18, 0), (5, 67, 0, 0, 2)]),
        ("the smallest much worse", &[(1, 20, 6, 14, 0), (4, 55, 0, 0, 0), (1, 160, 1, 0, 5)]),
        ("the largest much worse, kept", &[(1, 20, 0, 0, 9), (4, 55, 0, 0, 0), (1, 160, 1, 17, 0)]),
        ("9 against 391", &[(1, 9, 0, 9, 0), (1, 391, 0, 0, 0)]),
        ("9 against 391, kept", &[(1, 9, 0, 0, 9), (1, 391, 0, 17, 0)]),
        ("20 single ones", &[(9, 1, 0, 1, 0), (11, 1, 0, 0, 0), (1, 380, 2, 0, 0)]),
        ("20 single ones, kept", &[(20, 1, 0, 0, 1), (1, 380, 2, 28, 0)]),
        ("25 of four", &[(25, 4, 0, 1, 0), (1, 300, 2, 0, 16)]),
        ("6 of 16, kept", &[(6, 16, 0, 0, 6), (1, 304, 2, 44, 0)]),
        ("100 single ones, 150 of two", &[(9, 1, 0, 1, 0), (91, 1, 0, 0, 0), (150, 2, 0, 0, 0)]),
        (
            "100 single ones, 150 of two, kept",
            &[(20, 1, 0, 0, 1), (80, 1, 0, 0, 0), (28, 2, 0, 1, 0), (122, 2, 0, 0, 0)],
        ),
        ("250 single ones, 375 of two", &[(21, 1, 0, 1, 0), (229, 1, 0, 0, 0), (375, 2, 0, 0, 0)]),
        ("50 single ones, 35 of ten", &[(44, 1, 0, 1, 0), (6, 1, 0, 0, 0), (35, 10, 0, 0, 1)]),
        (
            "50 single ones, 35 of ten, kept",
            &[(27, 1, 0, 0, 1), (23, 1, 0, 0, 0), (35, 10, 0, 1, 0)],
        ),
        ("40 of twenty", &[(21, 1, 0, 1, 0), (179, 1, 0, 0, 0), (40, 20, 0, 0, 0)]),
        ("10 of forty, 20 of five", &[(10, 40, 0, 0, 1), (20, 5, 0, 1, 0), (1, 5, 0, 1, 0)]),
        ("20 of five worse, kept", &[(10, 40, 0, 0, 1), (20, 5, 0, 1, 0)]),
        (
            "a long tail",
            &[
                (1, 60, 0, 0, 0),
                (1, 30, 0, 0, 0),
                (2, 20, 0, 0, 0),
                (11, 7, 0, 0, 0),
                (10, 3, 0, 0, 0),
                (6, 1, 0, 1, 0),
                (17, 1, 0, 0, 0),
            ],
        ),
        (
            "a long tail worse, its head better",
            &[
                (1, 60, 0, 0, 10),
                (2, 30, 0, 0, 3),
                (2, 20, 0, 0, 0),
                (7, 5, 0, 0, 0),
                (20, 2, 0, 1, 0),
                (2, 1, 0, 1, 0),
                (13, 1, 0, 0, 0),
            ],
        ),
        ("every one its own", &[(9, 1, 0, 1, 0), (391, 1, 0, 0, 0)]),
    ];
    all.into_iter().map(|(name, kinds)| (name, strata(kinds))).collect()
}

#[test]
fn an_early_verdict_over_strata_is_that_of_the_whole_draw() {
    let reps = reps(120);
    let mut worst = Worst::new("suite, stratified order, looks after every 16th pair");
    for (name, makeups) in populations() {
        let sizes: Vec<usize> = makeups.iter().map(|makeup| makeup.cells).collect();
        let mut outcomes: Vec<Vec<Outcome>> = makeups.iter().map(|one| one.outcomes()).collect();
        let cells = sizes.iter().sum::<usize>() as u64;
        let over = difference(&outcomes.concat()) - Allowed::share(cells, LIMIT).most();
        assert!((0..=1).contains(&over), "{name} is at the boundary: {over}");
        let full = if over > 0 { Decision::Fail } else { Decision::Pass };
        let orders = orders(&sizes, reps);
        for bought in [Bought::Candidate, Bought::Pairs] {
            let mut wrong = 0;
            for (rep, order) in (0..reps).zip(orders.iter().cycle()) {
                let mut rng = stream(rep);
                for stratum in &mut outcomes {
                    shuffle(stratum, &mut rng);
                }
                let mut left: Vec<_> = outcomes.iter().map(|stratum| stratum.iter()).collect();
                let order: Vec<Outcome> =
                    order.iter().map(|stratum| *left[*stratum].next().unwrap()).collect();
                wrong += u64::from(follow(bought, &order, 16) != full);
            }
            worst.cell(format!("{name}, {bought:?}, the whole says {}", full.word()), wrong, reps);
        }
    }
    worst.check();
}

/// Strata of one kind for a claim about true rates: how many of them, the cells of each, the chance that the
/// baseline fails, the chance that the candidate does.
type Rates = (usize, usize, f64, f64);

#[test]
fn strata_keep_the_errors_of_a_model_claim() {
    let reps = reps(120);
    let mut bad = Worst::new("model, stratified order, a rise of the limit passes");
    let mut good = Worst::new("model, stratified order, no rise is blocked");
    let all: [(&str, [Rates; 2], f64); 10] = [
        ("one of 6 at 30%", [(1, 100, 0.3, 0.42), (5, 100, 0.005, 0.005)], LIMIT),
        ("one of 6 at 30%", [(1, 100, 0.3, 0.3), (5, 100, 0.005, 0.005)], 0.0),
        ("one of 6 worse, the rest better", [(1, 80, 0.1, 0.4), (5, 80, 0.036, 0.0)], LIMIT),
        ("one of 6 worse, the rest better", [(1, 80, 0.1, 0.28), (5, 80, 0.036, 0.0)], 0.0),
        ("40 small ones", [(40, 1, 0.1, 0.3), (1, 360, 0.005, 0.005)], LIMIT),
        ("40 small ones", [(40, 1, 0.3, 0.1), (1, 360, 0.005, 0.005 + 1.0 / 45.0)], 0.0),
        ("100 single ones, 150 of two", [(100, 1, 0.02, 0.1), (150, 2, 0.02, 0.02)], LIMIT),
        ("100 single ones, 150 of two", [(100, 1, 0.08, 0.02), (150, 2, 0.02, 0.04)], 0.0),
        (
            "50 single ones, 35 of ten",
            [(50, 1, 0.0, 0.4), (35, 10, 0.06, 0.06 - 12.0 / 350.0)],
            LIMIT,
        ),
        ("50 single ones, 35 of ten", [(50, 1, 0.4, 0.05), (35, 10, 0.02, 0.07)], 0.0),
    ];
    for (name, kinds, rise) in all {
        let each = kinds.map(|(strata, cells, q, p)| std::iter::repeat_n((cells, q, p), strata));
        let strata: Vec<(usize, f64, f64)> = each.into_iter().flatten().collect();
        let sizes: Vec<usize> = strata.iter().map(|stratum| stratum.0).collect();
        let n = u32::try_from(sizes.iter().sum::<usize>()).unwrap();
        let sum: f64 = kinds.map(|(k, cells, q, p)| (k * cells) as f64 * (p - q)).iter().sum();
        assert!((sum / f64::from(n) - rise).abs() < 1e-9, "{name}: {}", sum / f64::from(n));
        let levels = Levels::model(u64::from(n), 0.05, 0.05, 1);
        let test = ModelTest::increase(LIMIT, 0.0, 0.02, levels);
        let orders = orders(&sizes, reps);
        let (mut passed, mut blocked) = (0, 0);
        for (rep, order) in (0..reps).zip(orders.iter().cycle()) {
            let mut rng = stream(rep);
            let mut counts = PairCounts::default();
            let mut decision = None;
            for stratum in order {
                let (_, q, p) = strata[*stratum];
                counts.add(happens(&mut rng, q), happens(&mut rng, p));
                if counts.n.is_multiple_of(16) {
                    decision = test.look(counts);
                }
                if decision.is_some() {
                    break;
                }
            }
            let decision = decision.unwrap_or_else(|| test.finish(counts));
            passed += u64::from(decision == Decision::Pass);
            blocked += u64::from(decision == Decision::Fail);
        }
        if rise > 0.0 {
            bad.cell(name.to_owned(), passed, reps);
        } else {
            good.cell(name.to_owned(), blocked, reps);
        }
    }
    bad.check();
    good.check();
}
