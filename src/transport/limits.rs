//! How fast a provider is asked: requests in flight, requests per minute, pauses that it asks for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// When the next request may start: evenly spaced, never over the rate, after any pause. It is told the
/// time and knows no clock.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    interval: Option<Duration>,
    next: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Schedule {
    /// A schedule of so many requests per minute; without a limit where nothing (or nonsense) is given.
    #[must_use]
    pub fn new(per_minute: Option<f64>) -> Self {
        let interval = per_minute
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            // The longest interval is a day: a rate of almost nothing must not overflow the clock.
            .and_then(|rate| Duration::try_from_secs_f64((60.0 / rate).min(86_400.0)).ok());
        Self { interval, next: None, paused_until: None }
    }

    /// Takes a place now, where one is free.
    ///
    /// # Errors
    /// When to ask again. No place was taken.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let free = self.next.max(self.paused_until).unwrap_or(now);
        if free > now {
            return Err(free);
        }
        // From now, not from when the place was free: places that nobody took are not saved up.
        self.next = self.interval.and_then(|interval| now.checked_add(interval));
        Ok(())
    }

    /// Nobody starts before this time. A pause is never shortened.
    pub fn pause_until(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }
}

/// The limits of one provider. Callers are served in the order in which they ask.
#[derive(Clone, Debug)]
pub struct Limiter {
    seats: Arc<Semaphore>,
    schedule: Arc<Mutex<Schedule>>,
    /// Held by the one caller that waits for the next place, so that no later one overtakes it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Leave to make one request; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    _seat: Option<OwnedSemaphorePermit>,
}

impl Limiter {
    /// At most so many requests in flight (at least one), and so many started per minute.
    #[must_use]
    pub fn new(concurrency: u32, per_minute: Option<f64>) -> Self {
        let seats = usize::try_from(concurrency).unwrap_or(1).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            seats: Arc::new(Semaphore::new(seats)),
            schedule: Arc::new(Mutex::new(Schedule::new(per_minute))),
            turn: Arc::default(),
        }
    }

    /// Waits for a seat, then for a place in the schedule. A caller that gives up waiting leaves nothing
    /// behind.
    pub async fn admit(&self) -> Permit {
        // The semaphore is never closed.
        let seat = Arc::clone(&self.seats).acquire_owned().await.ok();
        let _turn = self.turn.lock().await;
        loop {
            let taken = self.schedule().take(Instant::now());
            match taken {
                Ok(()) => return Permit { _seat: seat },
                Err(until) => sleep_until(until).await,
            }
        }
    }

    /// Waits until a pause is over, without taking a place: for polls, which go on with a seat already
    /// taken.
    pub async fn wait_out_pause(&self) {
        loop {
            let until = self.schedule().paused_until;
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }

    /// The provider asked for a pause: nobody starts before it is over.
    pub fn pause(&self, how_long: Duration) {
        if let Some(until) = Instant::now().checked_add(how_long) {
            self.schedule().pause_until(until);
        }
    }

    fn schedule(&self) -> std::sync::MutexGuard<'_, Schedule> {
        // The schedule is whole after every statement, so that a panic elsewhere does not spoil it.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_rate(
            per_minute in 1.0_f64..600.0,
            gaps in proptest::collection::vec(0_u64..2_000, 1..200),
            pause in proptest::option::of((0_usize..100, 0_u64..30_000)),
        ) {
            let mut schedule = Schedule::new(Some(per_minute));
            let begin = Instant::now();
            let mut now = begin;
            let mut taken = Vec::new();
            let mut paused = None;
            for (index, gap) in gaps.iter().enumerate() {
                now += Duration::from_millis(*gap);
                if let Some((_, ms)) = pause.filter(|(at, _)| *at == index) {
                    let until = now + Duration::from_millis(ms);
                    schedule.pause_until(until);
                    paused = Some((now, until));
                }
                if let Err(until) = schedule.take(now) {
                    prop_assert!(until > now);
                    now = until;
                    prop_assert_eq!(schedule.take(now), Ok(()));
                }
                taken.push(now);
            }
            let interval = Duration::from_secs_f64(60.0 / per_minute);
            for pair in taken.windows(2) {
                prop_assert!(pair[1] - pair[0] >= interval);
            }
            if let Some((from, until)) = paused {
                prop_assert!(!taken.iter().any(|at| *at > from && *at < until));
            }
        }
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        let now = Instant::now();
        for rate in [None, Some(0.0), Some(-1.0), Some(f64::NAN), Some(f64::INFINITY)] {
            let mut schedule = Schedule::new(rate);
            assert!((0..1000).all(|_| schedule.take(now).is_ok()), "{rate:?}");
        }
        let mut slow = Schedule::new(Some(f64::MIN_POSITIVE));
        assert_eq!(slow.take(now), Ok(()));
        assert_eq!(slow.take(now), Err(now + Duration::from_secs(86_400)));
    }

    #[tokio::test]
    async fn seats_are_given_in_the_order_of_asking() {
        let limiter = Limiter::new(2, None);
        let (first, second) = (limiter.admit().await, limiter.admit().await);
        let mut third = Box::pin(limiter.admit());
        let mut fourth = Box::pin(limiter.admit());
        assert!(third.as_mut().now_or_never().is_none());
        assert!(fourth.as_mut().now_or_never().is_none());
        drop(first);
        assert!(fourth.as_mut().now_or_never().is_none(), "the third was first");
        let third = third.as_mut().now_or_never();
        assert!(third.is_some());
        assert!(fourth.as_mut().now_or_never().is_none());
        drop(second);
        assert!(fourth.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn one_who_gives_up_leaves_no_gap() {
        let limiter = Limiter::new(1, Some(1.0));
        let first = limiter.admit().await;
        drop(Box::pin(limiter.admit()).as_mut().now_or_never());
        drop(first);
        // The place after the first is one minute later; nobody else may have moved it further.
        let next = limiter.schedule().next.unwrap();
        assert!(Box::pin(limiter.admit()).as_mut().now_or_never().is_none());
        assert_eq!(limiter.schedule().next, Some(next));
        limiter.pause(Duration::from_secs(60));
        assert!(Box::pin(limiter.wait_out_pause()).as_mut().now_or_never().is_none());
    }
}
