//! Bursts: so many requests of one model at once, then as many of the other's.
//!
//! Both models meet the load that a team expects, and neither meets the other's: waves alternate between them, so that
//! what changes over time changes for both.

use std::collections::BTreeMap;
use std::sync::Arc;

use presscheck_core::gate::Side;
use tokio::sync::watch;

/// The waves of a run.
#[derive(Debug)]
pub(super) struct Waves {
    burst: usize,
    cells: usize,
    state: watch::Sender<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// The wave that is out.
    wave: usize,
    /// How many samples of this wave and later ones are in.
    landed: BTreeMap<usize, usize>,
}

/// A sample's place in its wave. The sample is in when this is dropped, however that came.
#[derive(Debug)]
pub(super) struct Place {
    waves: Arc<Waves>,
    wave: usize,
}

impl Waves {
    /// Waves of so many samples over so many cells.
    pub(super) fn new(burst: usize, cells: usize) -> Arc<Self> {
        Arc::new(Self { burst: burst.max(1), cells, state: watch::Sender::default() })
    }

    /// The place of a sample. Every cell has to take one for each side, for a wave is over when all its samples are in.
    pub(super) fn place(self: &Arc<Self>, cell: usize, side: Side) -> Place {
        let wave = 2 * (cell / self.burst) + usize::from(side == Side::Candidate);
        Place { waves: Arc::clone(self), wave }
    }

    /// How many samples a wave has: the last cells may be fewer.
    fn size(&self, wave: usize) -> usize {
        self.cells.saturating_sub(wave / 2 * self.burst).min(self.burst)
    }
}

impl Place {
    /// Waits until the wave is out: all of its samples start together, once all of the one before are in.
    pub(super) async fn out(&self) {
        // The sender lives as long as this.
        let _ = self.waves.state.subscribe().wait_for(|state| state.wave >= self.wave).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waves.state.send_modify(|state| {
            *state.landed.entry(self.wave).or_default() += 1;
            while let Some(landed) = state.landed.get(&state.wave)
                && *landed >= self.waves.size(state.wave)
            {
                state.landed.remove(&state.wave);
                state.wave += 1;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::StreamExt as _;

    use super::*;
    use crate::run::order::in_order;

    /// What was under way, sample by sample, where each takes a number of turns.
    async fn play(
        burst: usize,
        cells: usize,
        turns: impl Fn(usize, Side) -> usize,
    ) -> Vec<(usize, Side, usize)> {
        let waves = Waves::new(burst, cells);
        let (waves, turns) = (&waves, &turns);
        let under_way = &Mutex::new(Vec::new());
        let most = &Mutex::new(Vec::new());
        let sample = |cell: usize, side: Side| async move {
            let place = waves.place(cell, side);
            place.out().await;
            under_way.lock().unwrap().push((cell, side));
            for _ in 0..turns(cell, side) {
                tokio::task::yield_now().await;
            }
            let mut now = under_way.lock().unwrap();
            assert!(now.iter().all(|(_, other)| *other == side), "one model at a time");
            most.lock().unwrap().push((cell, side, now.len()));
            now.retain(|it| *it != (cell, side));
            drop(now);
            drop(place);
        };
        let all = in_order((0..cells).collect(), burst, |cell| async move {
            tokio::join!(sample(cell, Side::Baseline), sample(cell, Side::Candidate))
        });
        all.collect::<Vec<_>>().await;
        most.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn samples_of_one_model_are_under_way_together_and_no_others() {
        for (burst, cells) in [(1, 3), (4, 4), (4, 10), (32, 5), (3, 0)] {
            let seen = play(burst, cells, |cell, side| 3 + (cell * 7 + side as usize) % 11).await;
            assert_eq!(seen.len(), 2 * cells);
            let most = seen.iter().map(|(_, _, most)| *most).max().unwrap_or(0);
            assert_eq!(most, burst.min(cells), "{burst} of {cells}");
        }
    }

    #[tokio::test]
    async fn one_that_ends_before_its_wave_holds_nobody_up() {
        let waves = Waves::new(2, 2);
        let first = waves.place(0, Side::Baseline);
        // The second cell came to nothing.
        drop((waves.place(1, Side::Baseline), waves.place(1, Side::Candidate)));
        first.out().await;
        drop(first);
        waves.place(0, Side::Candidate).out().await;
    }
}
