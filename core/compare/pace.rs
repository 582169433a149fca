//! Throughput: how many images came in the time in which a model was at work.

use std::time::Duration;

use super::{Throughput, count, float};

/// When one sample was under way: from when it was asked for to when its answer was there. Waits for the limits of
/// its provider, retries and all steps of a pipeline are part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Since the run began.
    pub from: Duration,
    /// Since the run began.
    pub to: Duration,
    /// Whether an image came.
    pub image: bool,
}

/// The throughput over some flights. Times in which none is under way are no part of it: the model was not at work
/// then.
pub(super) fn throughput(flights: &[Flight]) -> Option<Throughput> {
    let images = count(flights.iter().filter(|flight| flight.image).count());
    let mut spans: Vec<_> = flights.iter().map(|flight| (flight.from, flight.to)).collect();
    spans.sort_unstable();
    let (mut covered, mut until) = (Duration::ZERO, Duration::ZERO);
    for (from, to) in &spans {
        covered += to.saturating_sub((*from).max(until));
        until = until.max(*to);
    }
    let all: Duration = spans.iter().map(|(from, to)| to.saturating_sub(*from)).sum();
    let seconds = covered.as_secs_f64();
    (images > 0 && seconds > 0.0).then(|| Throughput {
        images_per_minute: 60.0 * float(images) / seconds,
        at_once: all.as_secs_f64() / seconds,
        images,
        seconds,
    })
}
