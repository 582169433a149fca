use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::policy::{Claim, StopWhen};

fn case(id: &str, tag: &str) -> Case {
    Case {
        id: id.to_owned(),
        prompt: format!("a picture of {id}"),
        tags: vec![tag.to_owned()],
        expect: crate::prompts::Expected::new(),
        image: None,
        mask: None,
        locale: None,
    }
}

fn sample(seed: u64, repeats: u32, max: u32, stratify: Stratify) -> SamplePolicy {
    SamplePolicy {
        claim: Claim::Suite,
        repeats,
        max,
        batch: 16,
        stop: StopWhen::Verdict,
        stratify,
        seed: Seed(seed),
    }
}

fn cases_of(sizes: &[usize]) -> Vec<Case> {
    let member = |(stratum, size): (usize, &usize)| {
        (0..*size)
            .map(move |number| case(&format!("{stratum}-{number:03}"), &format!("t{stratum}")))
    };
    sizes.iter().enumerate().flat_map(member).collect()
}

/// The ids of a draw, in order.
fn ids(cases: &[Case], sample: &SamplePolicy) -> Vec<String> {
    draw(cases, sample).cells.iter().map(|cell| cases[cell.case].id.clone()).collect()
}

/// Evidence is bought in this order: a change here makes every stored run disagree with a new one.
#[test]
fn the_order_of_seed_7_is_frozen() {
    let cases = cases_of(&[2, 6, 3]);
    let cells = draw(&cases, &sample(7, 2, 100, Stratify::Tag)).cells;
    let shown: Vec<_> = cells
        .iter()
        .map(|cell| format!("{} #{} {}", cases[cell.case].id, cell.repeat, cell.seed))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_second_seed_gives_a_second_order() {
    let cases = cases_of(&[20, 20]);
    let first = ids(&cases, &sample(1, 1, 400, Stratify::Tag));
    assert_ne!(first, ids(&cases, &sample(2, 1, 400, Stratify::Tag)));
    assert_eq!(first, ids(&cases, &sample(1, 1, 400, Stratify::Tag)));
}

#[test]
fn rounds_differ_and_so_do_their_seeds() {
    let cases = cases_of(&[30]);
    let cells = draw(&cases, &sample(7, 2, 400, Stratify::Tag)).cells;
    let (first, second) = cells.split_at(30);
    assert!(first.iter().zip(second).any(|(a, b)| a.case != b.case));
    let seeds: BTreeSet<_> = cells.iter().map(|cell| cell.seed.0).collect();
    assert_eq!(seeds.len(), 60);
    assert!(seeds.iter().all(|seed| *seed < 1 << 31));
}

#[test]
fn a_case_more_in_one_stratum_shuffles_no_other() {
    let cases = cases_of(&[20, 20]);
    let mut more = cases.clone();
    more.push(case("1-new", "t1"));
    let of_first = |cases: &[Case]| -> Vec<String> {
        let all = ids(cases, &sample(7, 1, 400, Stratify::Tag));
        all.into_iter().filter(|id| id.starts_with("0-")).collect()
    };
    assert_eq!(of_first(&cases), of_first(&more));
}

#[test]
fn an_empty_set_draws_nothing() {
    let drawn = draw(&[], &sample(7, 3, 400, Stratify::Tag));
    assert!(drawn.cells.is_empty());
    assert_eq!(drawn.population, 0);
}

/// 6,000 shuffles of three items: each of the six orders comes about 1,000 times. The bound is over six
/// standard deviations, and the seeds are fixed, so this can't fail by chance.
#[test]
fn every_order_of_a_stratum_is_equally_likely() {
    let cases = cases_of(&[3]);
    let mut counts: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    for seed in 0..6000 {
        *counts.entry(ids(&cases, &sample(seed, 1, 400, Stratify::Tag))).or_default() += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|count| (820..1180).contains(count)), "{counts:?}");
}

/// A case of a small stratum comes at each place of the round alike, or small strata would come late together.
/// 1,200 draws: each quarter of the places has about a quarter; the bound is over six standard deviations.
#[test]
fn small_strata_come_at_any_time() {
    let sizes: Vec<usize> = std::iter::repeat_n(1, 10).chain(std::iter::repeat_n(2, 15)).collect();
    let cases = cases_of(&sizes);
    let mut quarters = [0_u32; 4];
    for seed in 0..1200 {
        let order = ids(&cases, &sample(seed, 1, 400, Stratify::Tag));
        let place = order.iter().position(|id| id == "3-000").unwrap();
        quarters[place * 4 / order.len()] += 1;
    }
    assert!(quarters.iter().all(|count| (205..395).contains(count)), "{quarters:?}");
}

#[test]
fn bounded_integers_reach_their_ends_only() {
    let mut rng = stream(&"test");
    let seen: BTreeSet<u64> = (0..200).map(|_| below(&mut rng, 3)).collect();
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));
    assert_eq!(below(&mut rng, 1), 0);
    assert_eq!(below(&mut rng, 0), 0);
}

proptest! {
    #[test]
    fn every_round_is_a_permutation_in_shares(
        sizes in prop::collection::vec(1_usize..30, 1..8), seed: u64, repeats in 1_u32..4,
    ) {
        let cases = cases_of(&sizes);
        let drawn = draw(&cases, &sample(seed, repeats, u32::MAX, Stratify::Tag));
        prop_assert_eq!(drawn.population, cases.len() * repeats as usize);
        prop_assert_eq!(drawn.cells.len(), drawn.population);
        for (number, round) in drawn.cells.chunks(cases.len()).enumerate() {
            let members: BTreeSet<_> = round.iter().map(|cell| cell.case).collect();
            prop_assert_eq!(members.len(), cases.len());
            prop_assert!(round.iter().all(|cell| cell.repeat as usize == number));
        }
        // In every prefix, over all rounds, each stratum's count is near its exact share: within one where
        // there are two strata, and within a little more where there are many.
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, cell) in drawn.cells.iter().enumerate() {
            *counts.entry(cases[cell.case].stratum()).or_default() += 1;
            for (stratum, size) in sizes.iter().enumerate() {
                let count = counts.get(format!("t{stratum}").as_str()).copied().unwrap_or(0);
                let exact = (place + 1) * size;
                let off = (count * cases.len()).abs_diff(exact);
                let bound = cases.len() + size * sizes.len().saturating_sub(2);
                prop_assert!(off < bound, "stratum {stratum} has {count} of {}", place + 1);
            }
        }
    }

    #[test]
    fn the_order_of_files_does_not_matter(
        sizes in prop::collection::vec(1_usize..12, 1..5), seed: u64, cut in 1_u32..40, turn in 0_usize..50,
    ) {
        let cases = cases_of(&sizes);
        let mut turned = cases.clone();
        turned.reverse();
        let by = turn % turned.len();
        turned.rotate_left(by);
        for stratify in [Stratify::Tag, Stratify::None] {
            let sample = sample(seed, 1, cut, stratify);
            let order = ids(&cases, &sample);
            prop_assert_eq!(order.len(), cases.len().min(cut as usize));
            prop_assert_eq!(order, ids(&turned, &sample));
        }
    }

    #[test]
    fn a_smaller_maximum_is_a_prefix(sizes in prop::collection::vec(1_usize..12, 1..5), seed: u64, cut in 1_u32..40) {
        let cases = cases_of(&sizes);
        let whole = ids(&cases, &sample(seed, 2, 1000, Stratify::Tag));
        let part = ids(&cases, &sample(seed, 2, cut, Stratify::Tag));
        prop_assert_eq!(&part[..], &whole[..part.len()]);
    }
}
