//! How fast evidence is updated, the exact test is made, and a plan is simulated.
//!
//! Run with `cargo bench -p presscheck-core --bench evidence`.

#![expect(clippy::print_stdout, reason = "a benchmark's results are its output")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use presscheck_core::gate::betting::PairCounts;
use presscheck_core::gate::model::{Levels, ModelTest};
use presscheck_core::gate::simulate::{Game, Play, Played, Scenario};
use presscheck_core::gate::suite::KnownBaseline;
use presscheck_core::gate::terminal::{p_fail, p_pass};

const UPDATES: u32 = 20_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let test = ModelTest::increase(0.02, 0.0, 0.018, Levels::model(1000, 0.05, 0.05, 1));
    let mut counts = PairCounts::default();
    let start = Instant::now();
    for step in 0..UPDATES {
        counts.add(step % 61 == 7, step % 59 == 3);
        // Begun afresh where it decides: what is measured are looks at both boundaries.
        if black_box(test.look(black_box(counts))).is_some() {
            counts = PairCounts::default();
        }
    }
    rate("updates of a model claim, both sides", UPDATES, start);

    let mut evidence = KnownBaseline::increase(1000, 18, 0.02);
    let start = Instant::now();
    for step in 0..UPDATES / 4 {
        if step % 1000 == 0 {
            evidence = KnownBaseline::increase(1000, 18, 0.02);
        }
        evidence.add(step % 61 == 7, step % 59 == 3);
        black_box(evidence.capitals());
    }
    rate("updates of a suite claim, both sides", UPDATES / 4, start);

    for (n, b, c) in [(500, 9, 9), (2000, 30, 30), (2000, 150, 140)] {
        let counts = PairCounts { n, b, c };
        let start = Instant::now();
        black_box((p_pass(counts, 0.02), p_fail(counts, 0.0)));
        println!(
            "exact test of {n} pairs ({b} against {c}), both sides  {:>8.1} ms",
            start.elapsed().as_secs_f64() * 1e3
        );
    }

    for (name, play) in [
        ("suite, baseline stored", Play::SuiteStored),
        ("suite, baseline bought", Play::SuitePaired),
        ("model", Play::Model),
    ] {
        let start = Instant::now();
        let result = simulate(play)?.simulated();
        println!(
            "5,000 gates of 1,000 pairs, {name:<23} {:>6.2} s on 2 threads   pass {:.3}, fail {:.3}, {:.0} images",
            start.elapsed().as_secs_f64(),
            result.pass,
            result.fail,
            result.mean_images
        );
    }
    Ok(())
}

fn rate(what: &str, updates: u32, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what:<38} {:>7.1} million per second on one core",
        f64::from(updates) / seconds / 1e6
    );
}

fn simulate(play: Play) -> Result<Played, Box<dyn Error>> {
    let game = Game::new(Scenario {
        baseline_rate: 0.018,
        candidate_rate: 0.018,
        phi: 0.3,
        pairs: 1000,
        play,
        limit: 0.02,
        batch: 16,
        let_bad_through: 0.05,
        block_good: 0.05,
        seed: 7,
    })?;
    let mut played = Played::default();
    std::thread::scope(|scope| {
        let halves = [0..2500, 2500..5000].map(|reps| scope.spawn(|| game.play(reps)));
        for half in halves {
            if let Ok(half) = half.join() {
                played.merge(&half);
            }
        }
    });
    Ok(played)
}
