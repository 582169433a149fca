use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::policy::{
    Claim, ErrorRates, Limits, OnAlwaysFail, OnInconclusive, QuantityLimit, RateLimit, Spanned,
    StopWhen,
};
use crate::units::{CostBasis, Points, Rate, Usd};

pub(super) fn at<T>(value: T) -> Spanned<T> {
    Spanned { value, span: crate::policy::Span::default() }
}

pub(super) fn points(text: &str) -> Option<Spanned<Points>> {
    Some(at(text.parse().unwrap()))
}

pub(super) fn rate(text: &str) -> Option<Spanned<Rate>> {
    Some(at(text.parse().unwrap()))
}

pub(super) fn quantity<T>() -> QuantityLimit<T> {
    QuantityLimit { max_increase: None, max: None, strict: false }
}

pub(super) fn limits() -> Limits {
    Limits {
        failure_rate: RateLimit { max_increase: points("2pp"), max: None, strict: false },
        cost_per_1k: quantity(),
        latency_p95: quantity(),
        unavailable: rate("5%").unwrap(),
        by_tag: Vec::new(),
    }
}

pub(super) fn sample(outcome: Outcome) -> Observation {
    Observation {
        outcome,
        failure: matches!(outcome, Outcome::Failed | Outcome::Broken | Outcome::Refused),
        failed_checks: Vec::new(),
        unsure_checks: Vec::new(),
        skipped_checks: Vec::new(),
        cost: "$0.04".parse().unwrap(),
        cost_basis: CostBasis::Exact,
        latency: Some(Duration::from_secs(2)),
        image: None,
    }
}

pub(super) fn pair(number: usize, baseline: Outcome, candidate: Outcome) -> Pair {
    Pair {
        case: format!("case-{number}"),
        repeat: 0,
        tags: vec![if number.is_multiple_of(2) { "even" } else { "odd" }.to_owned()],
        baseline: Some(sample(baseline)),
        candidate: sample(candidate),
    }
}

/// `n` pairs, the first `b` failing on the candidate alone, the next `c` on the baseline alone.
pub(super) fn pairs(n: usize, b: usize, c: usize) -> Vec<Pair> {
    (0..n)
        .map(|i| match i {
            _ if i < b => pair(i, Outcome::Passed, Outcome::Failed),
            _ if i < b + c => pair(i, Outcome::Failed, Outcome::Passed),
            _ => pair(i, Outcome::Passed, Outcome::Passed),
        })
        .collect()
}

pub(super) fn planned(pairs: &[Pair]) -> Planned {
    let mut planned = Planned { pairs: pairs.len() as u64, ..Planned::default() };
    for tag in pairs.iter().flat_map(|pair| &pair.tags) {
        *planned.by_tag.entry(tag.clone()).or_default() += 1;
    }
    planned
}

/// What the whole draw says, counted to its end.
pub(super) fn terms(planned: Planned) -> Terms {
    let five = Rate::new(0.05).unwrap();
    Terms {
        claim: Claim::Suite,
        errors: ErrorRates { let_bad_through: five, block_good: five },
        stop: StopWhen::End,
        always_fail: OnAlwaysFail::Warn,
        planned,
        stratified: false,
        baseline: KnownOfBaseline::Unseen,
        design_rate: ASSUMED_RATE,
        most_cost: BySide::default(),
        fixed_prices: true,
    }
}

fn rule_of(
    limits: &Limits,
    word: OnInconclusive,
    pairs: &[Pair],
    planned: &Planned,
    stopped: Stopped,
) -> Ruling {
    let mut terms = terms(planned.clone());
    if pairs.iter().all(|pair| pair.baseline.is_none()) {
        terms.baseline = KnownOfBaseline::Absent;
    }
    let mut trial = Trial::new(limits, terms);
    for pair in pairs {
        trial.push(pair);
    }
    rule(&trial, word, pairs, stopped)
}

fn judge(limits: &Limits, pairs: &[Pair]) -> Ruling {
    rule_of(limits, OnInconclusive::Fail, pairs, &planned(pairs), Stopped::Exhausted)
}

#[test]
fn two_points_of_four_hundred_are_eight_failures() {
    assert_eq!(judge(&limits(), &pairs(400, 8, 0)).decision, Decision::Pass);
    assert_eq!(judge(&limits(), &pairs(400, 9, 0)).decision, Decision::Fail);
    assert_eq!(judge(&limits(), &pairs(400, 11, 3)).decision, Decision::Pass);
}

#[test]
fn an_outage_is_no_bad_picture() {
    let mut some = pairs(100, 0, 0);
    for pair in some.iter_mut().take(5) {
        pair.candidate = sample(Outcome::Unavailable);
    }
    assert_eq!(judge(&limits(), &some).decision, Decision::Pass);
    for pair in some.iter_mut().skip(50).take(40) {
        pair.candidate = sample(Outcome::Failed);
    }
    some[10].candidate = sample(Outcome::Unavailable);
    let ruling = judge(&limits(), &some);
    assert_eq!((ruling.decision, ruling.blocking), (Decision::Inconclusive, true));
    insta::assert_snapshot!(ruling.reason, @"The provider did not answer 6% of the candidate's requests (limit 5%); the sample says too little.");
}

#[test]
fn a_pair_without_an_answer_makes_no_difference() {
    // Eight more failures are 2% of 400 pairs, and 2.1% of the 385 that were answered.
    let mut some = pairs(400, 8, 0);
    for pair in some.iter_mut().rev().take(15) {
        pair.candidate = sample(Outcome::Unavailable);
    }
    let ruling = judge(&limits(), &some);
    assert_eq!(ruling.decision, Decision::Pass);
    assert!(ruling.limits[0].change.unwrap() > 0.02);
    insta::assert_snapshot!(ruling.limits[0].note.as_deref().unwrap(), @"kept with the 15 pairs without an answer, which make no difference");
    some[100].candidate = sample(Outcome::Failed);
    assert_eq!(judge(&limits(), &some).decision, Decision::Fail);
}

#[test]
fn an_improvement_is_not_blocked_for_not_being_enough() {
    let mut limits = limits();
    limits.failure_rate.max = rate("1%");
    let better = pairs(100, 4, 9);
    let ruling = judge(&limits, &better);
    assert_eq!(ruling.decision, Decision::Pass);
    assert!(ruling.limits[1].note.as_deref().unwrap().contains("lower than the baseline"));
    limits.failure_rate.strict = true;
    assert_eq!(judge(&limits, &better).decision, Decision::Fail);
    limits.failure_rate.strict = false;
    limits.failure_rate.max_increase = None;
    assert_eq!(judge(&limits, &pairs(100, 4, 4)).decision, Decision::Fail);
}

#[test]
fn a_new_model_is_judged_by_absolute_limits_alone() {
    let mut some = pairs(100, 3, 0);
    for pair in &mut some {
        pair.baseline = None;
    }
    let ruling = judge(&limits(), &some);
    assert_eq!(ruling.decision, Decision::Inconclusive);
    let mut limits = limits();
    limits.failure_rate.max = rate("2%");
    let ruling = judge(&limits, &some);
    assert_eq!(ruling.decision, Decision::Fail);
    insta::assert_snapshot!(ruling.reason, @"The failure rate would be 3%; the limit is 2%.");
}

#[test]
fn cost_is_compared_exactly() {
    let mut limits = limits();
    limits.cost_per_1k.max_increase = Some(at(0.1));
    let mut some = pairs(100, 0, 0);
    for pair in &mut some {
        pair.candidate.cost = "$0.044".parse().unwrap();
    }
    assert_eq!(judge(&limits, &some).decision, Decision::Pass);
    some[0].candidate.cost = "$0.0441".parse().unwrap();
    let ruling = judge(&limits, &some);
    assert_eq!(ruling.decision, Decision::Fail);
    insta::assert_snapshot!(ruling.reason, @"The cost per 1k images would rise from $40.00 to $44.00; at most 10% more is allowed.");
}

#[test]
fn cost_compares_only_pairs_that_both_answered() {
    let mut some = pairs(100, 0, 0);
    some[0].baseline = Some(sample(Outcome::Unavailable));
    some[0].candidate.cost = "$100".parse().unwrap();
    let cost = summaries::cost(&some, Side::Candidate).unwrap();
    assert_eq!(cost.per_1k_usd, Some("$40".parse::<Usd>().unwrap()));
}

#[test]
fn a_percentile_needs_enough_samples() {
    let mut limits = limits();
    limits.latency_p95.max = Some(at(Duration::from_secs(1)));
    let few = judge(&limits, &pairs(58, 0, 0));
    assert_eq!(few.limits[1].outcome, LimitOutcome::Skipped);
    insta::assert_snapshot!(few.limits[1].note.as_deref().unwrap(), @"a 95th percentile needs 59 timed images on a side to be judged; 58 came");
    assert_eq!(judge(&limits, &pairs(59, 0, 0)).limits[1].outcome, LimitOutcome::Fail);
    limits.latency_p95.max = Some(at(Duration::from_secs(2)));
    assert_eq!(judge(&limits, &pairs(59, 0, 0)).limits[1].outcome, LimitOutcome::Pass);
}

#[test]
fn a_few_slow_answers_are_no_proof() {
    let mut limits = limits();
    limits.latency_p95.max_increase = Some(at(0.25));
    let mut some = pairs(200, 0, 0);
    for pair in some.iter_mut().take(11) {
        pair.candidate.latency = Some(Duration::from_secs(9));
    }
    let ruling = judge(&limits, &some);
    let line = ruling.limits.iter().find(|line| line.name == "latency_p95.max_increase").unwrap();
    assert_eq!(line.outcome, LimitOutcome::Pass);
    assert!(line.note.as_deref().unwrap().contains("not shown"));
    for pair in some.iter_mut().take(40) {
        pair.candidate.latency = Some(Duration::from_secs(9));
    }
    assert_eq!(judge(&limits, &some).decision, Decision::Fail);
}

#[test]
fn a_tag_has_its_own_limit() {
    let mut limits = limits();
    let tagged = RateLimit { max_increase: points("4pp"), max: None, strict: false };
    limits.by_tag = vec![("even".to_owned(), tagged.clone()), ("absent".to_owned(), tagged)];
    let mut some = pairs(400, 0, 0);
    for index in 0..8 {
        some[index * 2].candidate = sample(Outcome::Failed);
    }
    assert_eq!(judge(&limits, &some).decision, Decision::Pass);
    some[16].candidate = sample(Outcome::Failed);
    some[1].baseline = Some(sample(Outcome::Failed));
    let ruling = judge(&limits, &some);
    insta::assert_snapshot!(ruling.reason, @"The failure rate of `even` would rise from 0% to 4.5%; at most 4 points more is allowed.");
    assert_eq!(ruling.limits.last().unwrap().outcome, LimitOutcome::Skipped);
}

#[test]
fn the_policy_says_what_an_inconclusive_verdict_does() {
    let some = pairs(50, 2, 0);
    let planned = Planned { pairs: 100, ..Planned::default() };
    let with = |word| rule_of(&limits(), word, &some, &planned, Stopped::Budget);
    let fail = with(OnInconclusive::Fail);
    assert_eq!((fail.decision, fail.blocking, fail.proven), (Decision::Inconclusive, true, false));
    let pass = with(OnInconclusive::Pass);
    assert_eq!((pass.decision, pass.blocking), (Decision::Inconclusive, false));
    let lean = with(OnInconclusive::Lean);
    assert_eq!((lean.decision, lean.blocking, lean.proven), (Decision::Fail, true, false));
    insta::assert_snapshot!(lean.reason, @"The budget ended after 50 of 100 pairs, before the verdict was certain. The figures lean to fail; this is not proven.");
}

proptest! {
    /// Counting decides on a prefix only where no outcome of the rest could change it.
    #[test]
    fn a_verdict_on_a_prefix_is_the_verdict_on_the_whole(
        kinds in proptest::collection::vec(0_u8..8, 1..120),
        cut in 0_usize..120,
        max in proptest::option::of(0_u32..20),
        strict: bool,
    ) {
        let all: Vec<_> = kinds.iter().enumerate().map(|(index, kind)| match kind {
            0 => pair(index, Outcome::Passed, Outcome::Failed),
            1 => pair(index, Outcome::Failed, Outcome::Passed),
            2 => pair(index, Outcome::Failed, Outcome::Refused),
            _ => pair(index, Outcome::Passed, Outcome::Passed),
        }).collect();
        let mut limits = limits();
        limits.failure_rate.max = max.map(|percent| at(Rate::new(f64::from(percent) / 100.0).unwrap()));
        limits.failure_rate.strict = strict;
        let whole = planned(&all);
        let prefix = &all[..cut.min(all.len())];
        let early = limits::evaluate(&limits, prefix, &whole);
        let last = limits::evaluate(&limits, &all, &whole);
        for (early, last) in early.into_iter().zip(last) {
            prop_assert_ne!(last.outcome, LimitOutcome::Inconclusive);
            if matches!(early.outcome, LimitOutcome::Pass | LimitOutcome::Fail) {
                prop_assert_eq!(early.outcome, last.outcome);
            }
        }
    }

    /// Swapping the order of pairs changes nothing of what a whole draw says.
    #[test]
    fn the_verdict_does_not_depend_on_order(b in 0_usize..20, c in 0_usize..20, n in 40_usize..200) {
        let forward = pairs(n, b, c);
        let mut backward = forward.clone();
        backward.reverse();
        let (forward, backward) = (judge(&limits(), &forward), judge(&limits(), &backward));
        prop_assert_eq!(forward.decision, backward.decision);
        prop_assert_eq!(forward.reason, backward.reason);
    }
}
