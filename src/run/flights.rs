//! When samples were under way, for throughput.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use presscheck_core::compare::Flight;

use super::judge::Arrived;
use super::sample::Arrival;

/// The flights of one model's samples.
#[derive(Debug)]
pub(super) struct Flights {
    began: Instant,
    list: Mutex<Vec<Flight>>,
}

impl Default for Flights {
    fn default() -> Self {
        Self { began: Instant::now(), list: Mutex::default() }
    }
}

impl Flights {
    /// Notes a sample that has just arrived; one from the store flew at another time.
    pub(super) fn add(&self, from: Instant, arrival: &Arrival) {
        if arrival.stored {
            return;
        }
        let flight = Flight {
            from: from.saturating_duration_since(self.began),
            to: self.began.elapsed(),
            image: matches!(arrival.arrived, Arrived::Picture { .. }),
        };
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(flight);
    }

    /// All so far.
    pub(super) fn all(&self) -> Vec<Flight> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
