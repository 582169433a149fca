use std::time::Duration;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;
use crate::gate::betting::Joint;
use crate::gate::tests::{
    at, limits, pair, pairs as counted, planned, points, quantity, rate, sample, terms,
};
use crate::gate::{FEWEST, Outcome, Stopped, rule};
use crate::policy::{OnInconclusive, RateLimit};

fn outcome(fails: bool) -> Outcome {
    if fails { Outcome::Failed } else { Outcome::Passed }
}

/// Pairs at random: a baseline that fails at `q`, a candidate at `p`.
fn drawn(seed: u64, n: usize, q: f64, p: f64) -> Vec<Pair> {
    let joint = Joint::new(q, p, 0.3);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n)
        .map(|index| {
            let chance = f64::from(rng.next_u32()) / 4_294_967_296.0;
            let both = chance < joint.both;
            let candidate = both || chance < joint.both + joint.candidate_only;
            let baseline = both
                || (!candidate && chance < joint.both + joint.candidate_only + joint.baseline_only);
            pair(index, outcome(baseline), outcome(candidate))
        })
        .collect()
}

fn stopping(pairs: &[Pair], claim: Claim) -> Terms {
    Terms { claim, stop: StopWhen::Verdict, ..terms(planned(pairs)) }
}

/// Runs until it stops; how many pairs that took, and what it says then.
fn run(limits: &Limits, terms: Terms, pairs: &[Pair]) -> (usize, super::super::Ruling) {
    let mut trial = Trial::new(limits, terms);
    let stop = pairs.iter().position(|pair| trial.push(pair)).map_or(pairs.len(), |at| at + 1);
    let stopped = if stop < pairs.len() { Stopped::Decided } else { Stopped::Exhausted };
    let ruling = rule(&trial, OnInconclusive::Fail, &pairs[..stop], stopped);
    (stop, ruling)
}

fn line<'a>(ruling: &'a super::super::Ruling, name: &str) -> &'a LimitResult {
    ruling.limits.iter().find(|line| line.name == name).unwrap()
}

#[test]
fn a_known_baseline_decides_half_way_and_agrees_with_the_whole_draw() {
    let (mut images, mut agrees) = (0, 0);
    let runs = 200;
    for seed in 0..runs {
        let pairs = drawn(seed, 500, 0.018, 0.018);
        let terms =
            Terms { baseline: KnownOfBaseline::of(&pairs), ..stopping(&pairs, Claim::Suite) };
        let (stop, early) = run(&limits(), terms.clone(), &pairs);
        let (_, whole) = run(&limits(), Terms { stop: StopWhen::End, ..terms }, &pairs);
        images += stop;
        agrees += u64::from(early.decision == whole.decision);
    }
    let mean = images / usize::try_from(runs).unwrap();
    assert!((225..=275).contains(&mean), "{mean} images on average");
    assert!(agrees * 100 >= 98 * runs, "{agrees} of {runs} agree");
}

#[test]
fn a_bad_change_is_stopped_early_whatever_is_known() {
    for seed in 0..20 {
        let pairs = drawn(seed, 400, 0.018, 0.12);
        for baseline in [KnownOfBaseline::Unseen, KnownOfBaseline::of(&pairs)] {
            for claim in [Claim::Suite, Claim::Model] {
                let terms = Terms { baseline: baseline.clone(), ..stopping(&pairs, claim) };
                let (stop, ruling) = run(&limits(), terms, &pairs);
                assert_eq!(ruling.decision, Decision::Fail);
                assert!(stop < 250, "{stop}");
                assert!(ruling.proven && ruling.blocking && ruling.lean.is_none());
                let decided = line(&ruling, "failure_rate.max_increase").decided_at;
                assert_eq!(decided, Some(stop as u64));
            }
        }
    }
}

#[test]
fn a_claim_about_the_models_can_stay_open_and_says_what_would_decide() {
    // Worse by about a point: neither harmless nor over the limit.
    let pairs = counted(200, 4, 1);
    let (stop, ruling) = run(&limits(), stopping(&pairs, Claim::Model), &pairs);
    assert_eq!((stop, ruling.decision, ruling.blocking), (200, Decision::Inconclusive, true));
    assert_eq!(ruling.lean, Some(Decision::Pass));
    assert!(ruling.pairs_to_decide.unwrap() > 200);
    insta::assert_snapshot!(ruling.reason, @"All 200 pairs together prove neither that every limit is kept nor that one is broken.");
    // The same counts are a verdict about the draw itself.
    let (_, suite) = run(&limits(), stopping(&pairs, Claim::Suite), &pairs);
    assert_eq!((suite.decision, suite.pairs_to_decide), (Decision::Pass, None));
}

#[test]
fn the_exact_test_is_for_the_last_pair_planned_alone() {
    let pairs = drawn(1, 200, 0.0, 0.0);
    let (stop, whole) = run(&limits(), stopping(&pairs, Claim::Model), &pairs);
    assert_eq!((stop, whole.decision), (200, Decision::Pass));
    assert_eq!(line(&whole, "failure_rate.max_increase").decided_at, None);
    // Cut short, by a budget or a cancelled job, the same pairs prove nothing.
    let more = Planned { pairs: 201, ..planned(&pairs) };
    let terms = Terms { planned: more, ..stopping(&pairs, Claim::Model) };
    let (_, cut) = run(&limits(), terms, &pairs);
    assert_eq!((cut.decision, cut.lean), (Decision::Inconclusive, Some(Decision::Pass)));
}

#[test]
fn when_to_stop_is_the_policy_s_word() {
    let mut limits = limits();
    limits.cost_per_1k.max = Some(at("$30".parse().unwrap()));
    let pairs = drawn(5, 400, 0.018, 0.018);
    let stops = |stop| run(&limits, Terms { stop, ..stopping(&pairs, Claim::Suite) }, &pairs);
    // The price alone breaks a limit, on the fewest pairs that a verdict may have.
    let (first, ruling) = stops(StopWhen::Verdict);
    assert_eq!((first as u64, ruling.decision), (FEWEST, Decision::Fail));
    assert_eq!(line(&ruling, "cost_per_1k.max").decided_at, Some(FEWEST));
    assert_eq!(line(&ruling, "failure_rate.max_increase").outcome, LimitOutcome::Inconclusive);
    let (later, ruling) = stops(StopWhen::Limits);
    assert!(later > 100 && later < 400, "{later}");
    assert_eq!(line(&ruling, "failure_rate.max_increase").outcome, LimitOutcome::Pass);
    assert_eq!(ruling.decision, Decision::Fail);
    assert_eq!(stops(StopWhen::End).0, 400);
}

#[test]
fn nothing_is_decided_during_an_outage() {
    let mut pairs = drawn(5, 400, 0.0, 0.5);
    for pair in pairs.iter_mut().take(20) {
        pair.candidate = sample(Outcome::Unavailable);
    }
    let (stop, ruling) = run(&limits(), stopping(&pairs, Claim::Suite), &pairs);
    // 20 of 400 are the most that is allowed: only when the rest has come is it no outage any more.
    assert_eq!((stop, ruling.decision), (400, Decision::Fail));
    let (stop, ruling) = run(&limits(), stopping(&pairs, Claim::Suite), &pairs[..300]);
    assert_eq!((stop, ruling.decision), (300, Decision::Inconclusive));
}

#[test]
fn strata_are_looked_at_in_stretches() {
    let pairs = drawn(7, 400, 0.018, 0.15);
    let each = run(&limits(), stopping(&pairs, Claim::Suite), &pairs);
    let terms = Terms { stratified: true, ..stopping(&pairs, Claim::Suite) };
    let stretch = run(&limits(), terms, &pairs);
    assert_eq!(stretch.0 as u64 % STRETCH, 0);
    assert!(stretch.0 >= each.0 && stretch.0 < each.0 + 3 * 16);
    assert_eq!(stretch.1.decision, each.1.decision);
}

#[test]
fn an_improvement_is_forgiven_its_rate() {
    let mut limits = limits();
    limits.failure_rate = RateLimit { max_increase: None, max: rate("5%"), strict: false };
    let name = "failure_rate.max";
    let better = drawn(2, 600, 0.3, 0.12);
    for (claim, baseline) in [
        (Claim::Suite, KnownOfBaseline::Unseen),
        (Claim::Suite, KnownOfBaseline::of(&better)),
        (Claim::Model, KnownOfBaseline::Unseen),
    ] {
        let terms = Terms { baseline, ..stopping(&better, claim) };
        let (stop, ruling) = run(&limits, terms, &better);
        assert_eq!(line(&ruling, name).outcome, LimitOutcome::Pass);
        assert!(stop < 300, "{stop}");
        let worse = drawn(2, 600, 0.12, 0.3);
        let (stop, ruling) = run(&limits, stopping(&worse, claim), &worse);
        assert_eq!(line(&ruling, name).outcome, LimitOutcome::Fail);
        assert!(stop < 300, "{stop}");
    }
    // Where it must not be forgiven, the candidate's own rate decides at once.
    limits.failure_rate.strict = true;
    let (stop, ruling) = run(&limits, stopping(&better, Claim::Suite), &better);
    assert_eq!(ruling.decision, Decision::Fail);
    assert!(stop < 150, "{stop}");
}

#[test]
fn a_tag_is_tested_on_its_own_pairs() {
    let mut limits = limits();
    let four = RateLimit { max_increase: points("4pp"), max: None, strict: false };
    limits.by_tag = vec![("even".to_owned(), four)];
    let mut pairs = drawn(11, 600, 0.01, 0.01);
    let (stop, ruling) = run(&limits, stopping(&pairs, Claim::Suite), &pairs);
    assert_eq!(ruling.decision, Decision::Pass);
    assert!(stop < 600);
    for pair in pairs.iter_mut().step_by(8) {
        pair.candidate = sample(Outcome::Failed);
    }
    let (stop, ruling) = run(&limits, stopping(&pairs, Claim::Suite), &pairs);
    assert_eq!(ruling.decision, Decision::Fail);
    assert!(stop < 400, "{stop}");
}

fn slow(pairs: &mut [Pair], side: Side, every: usize, seconds: u64) {
    for pair in pairs.iter_mut().step_by(every) {
        let latency = Some(Duration::from_secs(seconds));
        match side {
            Side::Candidate => pair.candidate.latency = latency,
            Side::Baseline => pair.baseline.as_mut().unwrap().latency = latency,
        }
    }
}

#[test]
fn latency_is_proven_or_passes() {
    let mut limits = limits();
    limits.failure_rate = RateLimit::default();
    limits.latency_p95 = quantity();
    limits.latency_p95.max_increase = Some(at(0.25));
    let name = "latency_p95.max_increase";
    let same = drawn(1, 400, 0.0, 0.0);
    let (stop, ruling) = run(&limits, stopping(&same, Claim::Suite), &same);
    assert_eq!(line(&ruling, name).outcome, LimitOutcome::Pass);
    assert!((100..150).contains(&stop), "{stop}");
    let mut slower = same.clone();
    slow(&mut slower, Side::Candidate, 4, 9);
    let (stop, ruling) = run(&limits, stopping(&slower, Claim::Suite), &slower);
    assert_eq!(ruling.decision, Decision::Fail);
    assert!((100..200).contains(&stop), "{stop}");
    // One in fifteen is over one in twenty, and no proof of it.
    let mut doubtful = same.clone();
    slow(&mut doubtful, Side::Candidate, 15, 9);
    let (stop, ruling) = run(&limits, stopping(&doubtful, Claim::Suite), &doubtful);
    assert_eq!((stop, line(&ruling, name).outcome), (400, LimitOutcome::Pass));
    assert!(line(&ruling, name).note.as_deref().unwrap().contains("not shown"));
    // A change that is faster than a slow baseline is no reason to block.
    limits.latency_p95.max_increase = None;
    limits.latency_p95.max = Some(at(Duration::from_secs(5)));
    let mut both = slower.clone();
    slow(&mut both, Side::Baseline, 4, 20);
    let (_, ruling) = run(&limits, stopping(&both, Claim::Suite), &both);
    assert_eq!(line(&ruling, "latency_p95.max").outcome, LimitOutcome::Pass);
    limits.latency_p95.strict = true;
    let (_, ruling) = run(&limits, stopping(&both, Claim::Suite), &both);
    assert_eq!(line(&ruling, "latency_p95.max").outcome, LimitOutcome::Fail);
}

#[test]
fn a_cost_that_varies_is_tested() {
    let mut limits = limits();
    limits.failure_rate = RateLimit::default();
    limits.cost_per_1k.max_increase = Some(at(0.1));
    let name = "cost_per_1k.max_increase";
    let usd = |text: &str| text.parse::<Usd>().unwrap();
    let mut pairs = drawn(1, 600, 0.0, 0.0);
    for (index, pair) in pairs.iter_mut().enumerate() {
        // A repeat is charged now and then.
        pair.candidate.cost = usd(if index % 20 == 3 { "$0.08" } else { "$0.04" });
        pair.baseline.as_mut().unwrap().cost = usd(if index % 20 == 9 { "$0.08" } else { "$0.04" });
    }
    let most_cost = BySide { baseline: Some(usd("$0.16")), candidate: Some(usd("$0.16")) };
    let random =
        |pairs: &[Pair]| Terms { most_cost, fixed_prices: false, ..stopping(pairs, Claim::Suite) };
    let (stop, ruling) = run(&limits, random(&pairs), &pairs);
    assert_eq!(line(&ruling, name).outcome, LimitOutcome::Pass);
    assert!((100..600).contains(&stop), "{stop}");
    for pair in &mut pairs {
        pair.candidate.cost = pair.candidate.cost * 2;
    }
    let (stop, ruling) = run(&limits, random(&pairs), &pairs);
    assert_eq!(ruling.decision, Decision::Fail);
    assert!((16..200).contains(&stop), "{stop}");
}

#[test]
fn a_charge_without_a_picture_is_no_proof_at_once() {
    let mut limits = limits();
    limits.failure_rate = RateLimit::default();
    limits.cost_per_1k.max_increase = Some(at(0.1));
    // Two charged refusals among the first pairs, of 400: 15% more per picture by then, 0.5% in the end.
    let mut pairs = drawn(1, 400, 0.0, 0.0);
    for number in [2, 9] {
        pairs[number].candidate = sample(Outcome::Refused);
    }
    let most = Some("$0.04".parse().unwrap());
    let most_cost = BySide { baseline: most, candidate: most };
    let terms = Terms { most_cost, ..stopping(&pairs, Claim::Suite) };
    let (stop, ruling) = run(&limits, terms, &pairs);
    assert_eq!(line(&ruling, "cost_per_1k.max_increase").outcome, LimitOutcome::Pass);
    assert!((100..400).contains(&stop), "{stop}");
}

#[test]
fn a_prompt_that_always_fails_is_found() {
    let repeated = |fail: fn(usize, u32) -> (bool, bool)| -> Vec<Pair> {
        (0..3)
            .flat_map(|repeat| {
                (0..100).map(move |case| {
                    let (baseline, candidate) = fail(case, repeat);
                    let mut pair = pair(case, outcome(baseline), outcome(candidate));
                    pair.repeat = repeat;
                    pair
                })
            })
            .collect()
    };
    let draw = |pairs: &[Pair]| {
        let mut planned = planned(pairs);
        for pair in pairs {
            *planned.by_case.entry(pair.case.clone()).or_default() += 1;
        }
        planned
    };
    let judge = |pairs: &[Pair], always_fail| {
        let terms = Terms { always_fail, planned: draw(pairs), ..stopping(pairs, Claim::Suite) };
        run(&limits(), terms, pairs)
    };
    let one =
        repeated(|case, repeat| (case == 8 || (case == 7 && repeat == 1), case == 7 || case == 8));
    let named = always_failing(&one, &draw(&one));
    let named: Vec<_> =
        named.iter().map(|f| (f.case.as_str(), f.repeats, f.baseline_failed)).collect();
    assert_eq!(named, [("case-7", 3, 1), ("case-8", 3, 3)]);
    let (_, ruling) = judge(&one, OnAlwaysFail::Warn);
    assert_eq!(ruling.decision, Decision::Pass);
    let (stop, ruling) = judge(&one, OnAlwaysFail::Fail);
    assert_eq!((stop, ruling.decision), (208, Decision::Fail));
    insta::assert_snapshot!(ruling.reason, @"One prompt would fail on every repeat.");
    // A prompt that the baseline always fails as well is not the change's doing.
    let both = repeated(|case, _| (case == 8, case == 8));
    let (stop, ruling) = judge(&both, OnAlwaysFail::Fail);
    assert_eq!(
        (ruling.decision, line(&ruling, "always_fail").outcome),
        (Decision::Pass, LimitOutcome::Pass)
    );
    assert_eq!(stop, 209);
    // One pass clears a prompt.
    let sometimes = repeated(|case, repeat| (false, case == 7 && repeat != 1));
    let (stop, ruling) = judge(&sometimes, OnAlwaysFail::Fail);
    assert_eq!(ruling.decision, Decision::Pass);
    assert!(stop < 300, "{stop}");
}

#[test]
fn the_evidence_is_drawn_in_few_points_that_end_where_it_stopped() {
    let pairs = drawn(4, 3000, 0.05, 0.06);
    let mut trial = Trial::new(&limits(), terms(planned(&pairs)));
    for pair in &pairs {
        trial.push(pair);
    }
    let curve = trial.evidence().unwrap();
    assert_eq!(curve.limit, "failure_rate.max_increase");
    assert_eq!((curve.pass_at, curve.fail_at), (20.0, 20.0));
    assert!(curve.points.len() > 50 && curve.points.len() <= super::super::MAX_POINTS);
    assert_eq!(curve.points.last().unwrap().pairs, 3000);
    assert!(curve.points.windows(2).all(|two| two[0].pairs < two[1].pairs));
    let (pass, fail) = trial.proof().unwrap();
    assert!((0.0..=1.0).contains(&pass) && (0.0..=1.0).contains(&fail));
}

#[test]
fn many_limits_share_the_error_of_blocking() {
    let mut limits = limits();
    limits.failure_rate.max = rate("10%");
    limits.latency_p95.max = Some(at(Duration::from_secs(60)));
    let pairs = drawn(4, 100, 0.05, 0.06);
    let mut trial = Trial::new(&limits, terms(planned(&pairs)));
    for pair in &pairs {
        trial.push(pair);
    }
    let curve = trial.evidence().unwrap();
    assert_eq!((curve.pass_at, curve.fail_at), (20.0, 60.0));
}

proptest! {
    /// Where buying stops depends on the pairs up to there and on nothing after.
    #[test]
    fn what_comes_later_changes_nothing(seed: u64, q in 0.0..0.2, p in 0.0..0.3, model: bool) {
        let claim = if model { Claim::Model } else { Claim::Suite };
        let mut limits = limits();
        limits.failure_rate.max = rate("20%");
        let pairs = drawn(seed, 300, q, p);
        let (stop, ruling) = run(&limits, stopping(&pairs, claim), &pairs);
        let mut other = pairs.clone();
        for pair in &mut other[stop..] {
            pair.candidate = sample(Outcome::Broken);
        }
        prop_assert_eq!((stop, ruling), run(&limits, stopping(&pairs, claim), &other));
    }

    /// No pairs and no terms make it panic, and a whole draw is always decided in a claim about it.
    #[test]
    fn a_whole_draw_is_decided(
        kinds in proptest::collection::vec(0_u8..10, 0..150),
        known: bool, stratified: bool, strict: bool, max in 0_u32..30,
    ) {
        let pairs: Vec<_> = kinds.iter().enumerate().map(|(index, kind)| match kind {
            0 => pair(index, Outcome::Passed, Outcome::Failed),
            1 => pair(index, Outcome::Failed, Outcome::Passed),
            2 => pair(index, Outcome::Failed, Outcome::Broken),
            3 => pair(index, Outcome::Failed, Outcome::Unavailable),
            _ => pair(index, Outcome::Passed, Outcome::Passed),
        }).collect();
        let mut limits = limits();
        limits.unavailable = rate("100%").unwrap();
        limits.failure_rate.max = rate(&format!("{max}%"));
        limits.failure_rate.strict = strict;
        limits.latency_p95.max = Some(at(Duration::from_secs(1)));
        let baseline = if known { KnownOfBaseline::of(&pairs) } else { KnownOfBaseline::Unseen };
        let terms = Terms { baseline, stratified, ..stopping(&pairs, Claim::Suite) };
        let (_, ruling) = run(&limits, terms, &pairs);
        if pairs.iter().any(Pair::answered) {
            prop_assert_ne!(ruling.decision, Decision::Inconclusive);
        }
    }
}
