//! `claim: model` at the boundary of each hypothesis, over the nuisance parameters: the promise is 5% in each.

use std::collections::HashMap;

use rand_chacha::rand_core::Rng;

use super::super::Decision;
use super::super::betting::{Joint, PairCounts};
use super::super::model::{Levels, ModelTest};
use super::fixed::{LIMIT, Outcome, stream};
use super::{Game, Play, Worst, float, reps, scenario};

/// The errors of the whole design, its split and its exact test included, on one limit.
fn worst_error(pairs: &[u32], default_reps: u64) {
    let reps = reps(default_reps);
    let mut bad = Worst::new("model, a rise of exactly the limit passes");
    let mut good = Worst::new("model, no rise is blocked");
    for q in [0.005, 0.018, 0.05, 0.12] {
        for phi in [0.0, 0.3, 0.7] {
            for n in pairs {
                let play = |p| {
                    let scenario = scenario(Play::Model, q, p, phi, *n, 1);
                    Game::new(scenario).unwrap().play(0..reps).simulated()
                };
                let name = format!("baseline {q}, phi {phi}, {n} pairs");
                bad.share(name.clone(), play(q + LIMIT).pass, reps);
                good.share(name, play(q).fail, reps);
            }
        }
    }
    bad.check();
    good.check();
}

#[test]
fn the_worst_error_of_short_draws_is_within_what_is_promised() {
    worst_error(&[100, 200], 800);
}

#[test]
fn the_worst_error_of_500_pairs_is_within_what_is_promised() {
    worst_error(&[500], 400);
}

#[test]
fn the_worst_error_of_1000_pairs_is_within_what_is_promised() {
    worst_error(&[1000], 250);
}

/// A test that is played often: the exact test's answers are kept, for few samples are different.
pub(super) struct Player {
    pub(super) test: ModelTest,
    endings: HashMap<PairCounts, Decision>,
}

impl Player {
    pub(super) fn new(test: ModelTest) -> Self {
        Self { test, endings: HashMap::new() }
    }

    /// The verdict on a draw that ends where it was planned to, looked at after every pair.
    pub(super) fn play(&mut self, pairs: impl IntoIterator<Item = Outcome>) -> Decision {
        let judged = self.test.judge(pairs, false);
        if judged.decision != Decision::Inconclusive {
            return judged.decision;
        }
        let test = &self.test;
        *self.endings.entry(judged.counts).or_insert_with(|| test.finish(judged.counts))
    }
}

/// Whether something with this chance happens.
pub(super) fn happens(rng: &mut impl Rng, chance: f64) -> bool {
    f64::from(rng.next_u32()) < chance * 4_294_967_296.0
}

#[test]
fn a_rate_at_its_limit_is_passed_and_blocked_within_what_is_promised() {
    let reps = reps(1000);
    let mut bad = Worst::new("model, a rate of exactly the limit passes");
    let mut good = Worst::new("model, a rate of exactly the limit is blocked");
    for limit in [0.02, 0.05, 0.1] {
        for n in [100_u32, 200, 500, 1000] {
            let levels = Levels::model(u64::from(n), 0.05, 0.05, 1);
            let mut player = Player::new(ModelTest::rate(limit, levels));
            let (mut passed, mut blocked) = (0, 0);
            for rep in 0..reps {
                let mut rng = stream(rep);
                let decision = player.play((0..n).map(|_| (false, happens(&mut rng, limit))));
                passed += u64::from(decision == Decision::Pass);
                blocked += u64::from(decision == Decision::Fail);
            }
            bad.cell(format!("limit {limit}, {n} images"), passed, reps);
            good.cell(format!("limit {limit}, {n} images"), blocked, reps);
        }
    }
    bad.check();
    good.check();
}

/// How often draws pass and are blocked where 5% of the pairs stay without an answer, which counts as no
/// difference. `hidden` says which pairs may be lost.
fn with_holes(joint: Joint, n: u32, reps: u64, hidden: impl Fn(Outcome) -> f64) -> (u64, u64) {
    let levels = Levels::model(u64::from(n), 0.05, 0.05, 1);
    let mut player = Player::new(ModelTest::increase(LIMIT, 0.0, 0.02, levels));
    let (mut passed, mut blocked) = (0, 0);
    for rep in 0..reps {
        let mut rng = stream(rep);
        let pairs = (0..n).map(|_| {
            let at = f64::from(rng.next_u32()) / 4_294_967_296.0;
            let candidate = joint.both + joint.candidate_only;
            let outcome = (
                at < joint.both || (at >= candidate && at < candidate + joint.baseline_only),
                at < candidate,
            );
            if happens(&mut rng, hidden(outcome)) { (false, false) } else { outcome }
        });
        let decision = player.play(pairs);
        passed += u64::from(decision == Decision::Pass);
        blocked += u64::from(decision == Decision::Fail);
    }
    (passed, blocked)
}

#[test]
fn pairs_lost_at_random_keep_the_errors_within_what_is_promised() {
    let reps = reps(250);
    let mut bad = Worst::new("model, 5% of pairs lost at random, a rise of the limit passes");
    let mut good = Worst::new("model, 5% of pairs lost at random, no rise is blocked");
    for q in [0.005, 0.018, 0.05, 0.12] {
        for phi in [0.0, 0.7] {
            for n in [200, 500, 1000] {
                let lost = |_| 0.05;
                let name = format!("baseline {q}, phi {phi}, {n} pairs");
                let (passed, _) = with_holes(Joint::new(q, q + LIMIT, phi), n, reps, lost);
                let (_, blocked) = with_holes(Joint::new(q, q, phi), n, reps, lost);
                bad.cell(name.clone(), passed, reps);
                good.cell(name, blocked, reps);
            }
        }
    }
    bad.check();
    good.check();
}

/// No gate can see failures that hide as outages: this is why `unavailable` has a limit of its own.
#[test]
fn an_outage_that_hides_every_new_failure_is_not_seen() {
    let reps = reps(300);
    let joint = Joint::new(0.018, 0.038, 0.3);
    let (passed, _) =
        with_holes(joint, 500, reps, |outcome| f64::from(u8::from(outcome == (false, true))));
    assert!(float(passed) > 0.9 * float(reps), "{passed} of {reps}");
}
