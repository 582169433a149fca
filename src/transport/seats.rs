//! Seats that are fewer after a rejection, and more again after good answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// So many may sit at once; the number moves between one and the most.
#[derive(Debug)]
pub(super) struct Seats {
    free: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    most: usize,
    now: usize,
    /// Seats that are taken and will not be free again once they are left.
    owed: usize,
    halved: Option<Instant>,
    /// Good answers since the number last changed.
    served: usize,
}

/// A seat; left when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) seats: Arc<Seats>,
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        let state = State { most, now: most, owed: 0, halved: None, served: 0 };
        Self { free: Semaphore::new(most), state: Mutex::new(state) }
    }

    /// Waits for a seat, in the order of asking.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        // The semaphore is never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        Seat { seats: Arc::clone(self) }
    }

    /// How many there are now.
    pub(super) fn now(&self) -> usize {
        self.state().now
    }

    /// Half as many from now on; unless whoever was rejected sat down before the last time, for then it is the same sign.
    pub(super) fn halve(&self, seated: Instant, now: Instant) {
        let mut state = self.state();
        state.served = 0;
        if state.halved.is_some_and(|halved| seated <= halved) {
            return;
        }
        let half = (state.now / 2).max(1);
        let less = state.now - half;
        // Free ones go at once, taken ones when they are left.
        let gone = self.free.forget_permits(less);
        state.owed += less - gone;
        state.now = half;
        state.halved = Some(now);
    }

    /// A good answer: one seat more after as many as there are seats.
    pub(super) fn probe(&self) {
        let mut state = self.state();
        if state.now == state.most {
            return;
        }
        state.served += 1;
        if state.served >= state.now {
            state.served = 0;
            state.now += 1;
            if state.owed > 0 {
                state.owed -= 1;
            } else {
                self.free.add_permits(1);
            }
        }
    }

    fn leave(&self) {
        let mut state = self.state();
        if state.owed > 0 {
            state.owed -= 1;
        } else {
            self.free.add_permits(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so that a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.leave();
    }
}
