//! Prompts that are fixed and drawn in several rounds (`repeats`), each round every prompt once in an order of
//! its own. For `claim: model` what is random are the seeds; the prompts are the worst that we could think of.

use super::super::Decision;
use super::super::model::{Levels, ModelTest};
use super::super::suite::Allowed;
use super::fixed::{Bought, LIMIT, Outcome, difference, follow, shuffle, stream};
use super::worst::{Player, happens};
use super::{Worst, reps};

const ROUNDS: usize = 3;

/// One prompt: how often the baseline and the candidate fail it, independently.
type Chances = (f64, f64);

/// Prompts of a few kinds: how many of each, with their chances.
fn prompts(kinds: &[(usize, Chances)]) -> Vec<Chances> {
    kinds.iter().flat_map(|(count, chances)| std::iter::repeat_n(*chances, *count)).collect()
}

/// The rise of the failure rate, in prompts.
fn rise(prompts: &[Chances]) -> f64 {
    prompts.iter().map(|(q, p)| p - q).sum()
}

fn wrong_of_rounds(prompts: &[Chances], wrong: Decision, reps: u64) -> u64 {
    let n_end = u64::try_from(prompts.len() * ROUNDS).unwrap();
    let levels = Levels::model(n_end, 0.05, 0.05, 1);
    let mut player = Player::new(ModelTest::increase(LIMIT, 0.0, 0.02, levels));
    let mut order = prompts.to_vec();
    let mut count = 0;
    for rep in 0..reps {
        let mut rng = stream(rep);
        let mut pairs = Vec::with_capacity(prompts.len() * ROUNDS);
        for _ in 0..ROUNDS {
            shuffle(&mut order, &mut rng);
            for (q, p) in &order {
                pairs.push((happens(&mut rng, *q), happens(&mut rng, *p)));
            }
        }
        count += u64::from(player.play(pairs) == wrong);
    }
    count
}

#[test]
fn fixed_prompts_in_rounds_keep_the_errors_of_a_model_claim() {
    let reps = reps(120);
    let mut bad = Worst::new("model, fixed prompts in 3 rounds, a rise of the limit passes");
    let mut good = Worst::new("model, fixed prompts in 3 rounds, no rise is blocked");
    for n in [50, 100, 200, 400] {
        let few = n / 50;
        let half = n / 2;
        let rises = [
            ("one in fifty always fails", vec![(few, (0.0, 1.0)), (n - few, (0.0, 0.0))]),
            ("all rise by the limit", vec![(n, (0.018, 0.018 + LIMIT))]),
            ("a tenth rise by 20 points", vec![(n / 10, (0.1, 0.3)), (n - n / 10, (0.02, 0.02))]),
            (
                "half get worse, nearly half better",
                vec![(half, (0.0, 1.0)), (half - few, (1.0, 0.0)), (few, (0.0, 0.0))],
            ),
            (
                "half get worse by a half, nearly half better",
                vec![(half, (0.2, 0.7)), (half - 2 * few, (0.7, 0.2)), (2 * few, (0.2, 0.2))],
            ),
        ];
        for (name, kinds) in rises {
            let prompts = prompts(&kinds);
            let points = rise(&prompts) / f64::from(u32::try_from(n).unwrap());
            assert!((points - LIMIT).abs() < 1e-9, "{name}, {n}: {points}");
            bad.cell(
                format!("{name}, {n} prompts"),
                wrong_of_rounds(&prompts, Decision::Pass, reps),
                reps,
            );
        }
        let same = [
            ("all alike", vec![(n, (0.05, 0.05))]),
            ("half get worse, half better", vec![(half, (0.0, 1.0)), (n - half, (1.0, 0.0))]),
            (
                "a tenth get worse, a tenth better",
                vec![(n / 10, (0.0, 1.0)), (n / 10, (1.0, 0.0)), (n - n / 10 * 2, (0.0, 0.0))],
            ),
            (
                "two always fail, the baseline as often by chance",
                vec![(2, (0.0, 1.0)), (40, (0.05, 0.0)), (n - 42, (0.0, 0.0))],
            ),
        ];
        for (name, kinds) in same {
            let prompts = prompts(&kinds);
            assert!(rise(&prompts).abs() < 1e-9, "{name}, {n}");
            good.cell(
                format!("{name}, {n} prompts"),
                wrong_of_rounds(&prompts, Decision::Fail, reps),
                reps,
            );
        }
    }
    bad.check();
    good.check();
}

const OK: Outcome = (false, false);
const WORSE: Outcome = (false, true);
const BETTER: Outcome = (true, false);

/// How many prompts have these outcomes.
type Same = (usize, [Outcome; ROUNDS]);

/// A draw of fixed outcomes in rounds: which outcomes a prompt has is fixed, which round has which is not.
fn rounds<const R: usize>(prompts: &mut [[Outcome; R]], rep: u64) -> Vec<Outcome> {
    let mut rng = stream(rep);
    for outcomes in prompts.iter_mut() {
        shuffle(outcomes, &mut rng);
    }
    let mut order = Vec::with_capacity(prompts.len() * R);
    for round in 0..R {
        shuffle(prompts, &mut rng);
        order.extend(prompts.iter().map(|outcomes| outcomes[round]));
    }
    order
}

#[test]
fn an_early_verdict_over_rounds_is_that_of_the_whole_draw() {
    let reps = reps(120);
    let mut worst = Worst::new("suite, fixed prompts in 3 rounds");
    for n in [100_usize, 200, 400] {
        let most = usize::try_from(Allowed::share((n * ROUNDS) as u64, LIMIT).most()).unwrap();
        for more in [most, most + 1] {
            // Prompts that always get worse, and the rest of what is missing in single cells.
            let always = more / ROUNDS;
            let once = more % ROUNDS;
            let kinds: [(&str, Vec<Same>); 3] = [
                ("always the same prompts", vec![(always, [WORSE; 3]), (once, [WORSE, OK, OK])]),
                ("each prompt once", vec![(more, [WORSE, OK, OK])]),
                (
                    "always worse against always better",
                    vec![(n / 4, [WORSE; 3]), (n / 4, [BETTER; 3]), (more, [WORSE, OK, OK])],
                ),
            ];
            for (name, kinds) in kinds {
                let mut prompts: Vec<_> = kinds
                    .into_iter()
                    .flat_map(|(count, outcomes)| std::iter::repeat_n(outcomes, count))
                    .collect();
                prompts.resize(n, [OK; ROUNDS]);
                assert_eq!(usize::try_from(difference(&prompts.concat())).unwrap(), more);
                let full = if more > most { Decision::Fail } else { Decision::Pass };
                for bought in [Bought::Candidate, Bought::Pairs] {
                    let wrong = (0..reps)
                        .filter(|rep| follow(bought, &rounds(&mut prompts, *rep), 1) != full)
                        .count();
                    worst.cell(
                        format!("{name}, {n} prompts, {bought:?}, the whole says {}", full.word()),
                        u64::try_from(wrong).unwrap(),
                        reps,
                    );
                }
            }
        }
    }
    worst.check();
}

/// The worst that we know: each of many prompts gets worse with one seed and better with the other, so that
/// every round is noisier than as many cells of a purely random order. Seeds that know nothing of each other don't
/// do that, so the bound of 5% is for them; this says how far an adversary gets.
#[test]
fn seeds_that_undo_each_other_are_the_worst_case_of_rounds() {
    let reps = reps(120);
    let mut worst = Worst::new("suite, 2 rounds, seeds that undo each other");
    for n in [100_usize, 200, 400] {
        let most = usize::try_from(Allowed::share((n * 2) as u64, LIMIT).most()).unwrap();
        for more in [most, most + 1] {
            for undone in [n / 20, n / 4, n * 3 / 4] {
                let mut prompts = vec![[WORSE, BETTER]; undone];
                prompts.resize(undone + more, [WORSE, OK]);
                prompts.resize(n, [OK; 2]);
                let full = if more > most { Decision::Fail } else { Decision::Pass };
                for bought in [Bought::Candidate, Bought::Pairs] {
                    let wrong = (0..reps)
                        .filter(|rep| follow(bought, &rounds(&mut prompts, *rep), 1) != full)
                        .count();
                    worst.cell(
                        format!("{undone} of {n}, {bought:?}, the whole says {}", full.word()),
                        u64::try_from(wrong).unwrap(),
                        reps,
                    );
                }
            }
        }
    }
    worst.check_within(0.08);
}
