//! How fast we write: GitHub takes 80 requests a minute that make content, from all that use a token together
//! (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most requests that write in any [`MINUTE`].
const MOST: usize = 80;
/// A second more than GitHub's: requests may take less time on their way than those before them.
const MINUTE: Duration = Duration::from_secs(61);

/// The latest requests that wrote, shared by all clones of a client.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<VecDeque<Instant>>);

impl Pace {
    /// Takes a place for one request that writes now; an error says how long none is free.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while sent.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            sent.pop_front();
        }
        match sent.front() {
            Some(first) if sent.len() >= MOST => {
                Err(MINUTE.saturating_sub(now.duration_since(*first)))
            }
            _ => {
                sent.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_writes_go_out_in_any_minute_and_no_more() {
        let pace = Pace::default();
        let begun = Instant::now();
        // A clock that goes on as far as somebody waits.
        let mut clock = Duration::ZERO;
        let mut sent = Vec::new();
        // Ten at once, then one a second, then as fast as it goes.
        for number in 0..250_u32 {
            while let Err(wait) = pace.take(begun + clock) {
                assert!(wait <= MINUTE && !wait.is_zero());
                clock += wait;
            }
            sent.push(clock);
            if (10..40).contains(&number) {
                clock += Duration::from_secs(1);
            }
        }
        for (at, time) in sent.iter().enumerate() {
            let within =
                sent[at..].iter().filter(|other| **other - *time < Duration::from_secs(60));
            assert!(within.count() <= MOST, "from {time:?}");
        }
        // No more waiting than it takes: the first 80 are not held up, the last go in the fourth minute.
        assert_eq!(sent[79], Duration::from_secs(30));
        assert!(sent[249] <= MINUTE * 3 + Duration::from_secs(30), "{:?}", sent[249]);
    }
}
