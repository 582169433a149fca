//! Repetitions spread over all cores. The sum depends on no number of threads.

use std::ops::Range;
use std::thread;

use presscheck_core::gate::forecast::{Board, Forecast};
use presscheck_core::gate::simulate::{Game, Played};

/// Plays a gate so many times.
#[must_use]
pub fn play(game: &Game, reps: u64) -> Played {
    spread(reps, |range| game.play(range), |sum: &mut Played, part| sum.merge(part))
}

/// Plays a policy's gate so many times.
pub(super) fn forecast(board: &Board<'_>, reps: u64) -> Forecast {
    spread(reps, |range| board.play(range), |sum: &mut Forecast, part| sum.merge(part))
}

fn spread<T: Default + Send>(
    reps: u64,
    play: impl Fn(Range<u64>) -> T + Sync,
    merge: impl Fn(&mut T, &T),
) -> T {
    let threads =
        thread::available_parallelism().map_or(1, |n| u64::try_from(n.get()).unwrap_or(1));
    let threads = threads.clamp(1, reps.max(1));
    let mut sum = T::default();
    thread::scope(|scope| {
        let play = &play;
        let parts: Vec<_> = (0..threads)
            .map(|thread| {
                let range = reps * thread / threads..reps * (thread + 1) / threads;
                scope.spawn(move || play(range))
            })
            .collect();
        for part in parts {
            match part.join() {
                Ok(part) => merge(&mut sum, &part),
                // A part that crashed takes the whole with it.
                Err(why) => std::panic::resume_unwind(why),
            }
        }
    });
    sum
}
