//! How fast a provider is asked: requests in flight, requests per minute, pauses that it asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use presscheck_core::policy::Pace;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::seats::{Seat, Seats};

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

    /// When the next place is free; nothing where it always was.
    #[must_use]
    pub fn free(&self) -> Option<Instant> {
        self.next.max(self.paused_until)
    }

    /// Whether a place is free now.
    #[must_use]
    pub fn is_free(&self, now: Instant) -> bool {
        self.free().is_none_or(|free| free <= now)
    }

    /// Takes the place that is free now.
    pub fn take(&mut self, now: Instant) {
        // From now, not from when the place was free: places that nobody took are not saved up.
        self.next = self.interval.and_then(|interval| now.checked_add(interval));
    }

    /// Nobody starts before this time. A pause is never shortened.
    pub fn pause_until(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }
}

/// The limits of one provider and of each of its models. Callers are served in the order in which they ask.
///
/// A model that answers "too many requests" gets half as many at once from then on, down to one; each time that all of its
/// seats were served well, it gets one more, up to what it had (additive increase, multiplicative decrease: Chiu and Jain,
/// "Analysis of the increase and decrease algorithms for congestion avoidance", 1989).
#[derive(Debug)]
pub struct Limiter {
    pace: Pace,
    all: Queue,
    models: Mutex<HashMap<String, Arc<Queue>>>,
}

/// A line of callers, for a provider or a model.
#[derive(Debug)]
struct Queue {
    seats: Arc<Seats>,
    schedule: Mutex<Schedule>,
    /// Held by the one caller that waits for the next place, so that no later one overtakes it.
    turn: tokio::sync::Mutex<()>,
}

impl Queue {
    fn new(concurrency: u32, per_minute: Option<f64>) -> Self {
        let most = usize::try_from(concurrency).unwrap_or(1).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            seats: Arc::new(Seats::new(most)),
            schedule: Mutex::new(Schedule::new(per_minute)),
            turn: tokio::sync::Mutex::default(),
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // The schedule is whole after every statement, so that a panic elsewhere does not spoil it.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a place is free, without taking it.
    async fn free(&self) {
        loop {
            let free = self.schedule().free();
            match free.filter(|free| *free > Instant::now()) {
                Some(free) => sleep_until(free).await,
                None => return,
            }
        }
    }
}

/// Leave to make one request; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    given: Instant,
    _seat: Seat,
    own: Seat,
}

impl Permit {
    /// The provider answered that too many requests came: fewer of this model's from now on.
    pub fn rejected(&self) {
        self.own.seats.halve(self.given, Instant::now());
    }

    /// The provider answered as it should.
    pub fn served(&self) {
        self.own.seats.probe();
    }
}

impl Limiter {
    /// Limits of a pace.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        let all = Queue::new(pace.concurrency, pace.rate_per_minute);
        Self { pace, all, models: Mutex::default() }
    }

    /// Waits for a seat and a place in the schedule, both of the model and of the provider. A caller that gives up waiting
    /// leaves nothing behind.
    pub async fn admit(&self, model: &str) -> Permit {
        let queue = self.queue(model);
        // The model's own first: who waits for a scarce model keeps no seat from the others.
        let own = queue.seats.take().await;
        let _own_turn = queue.turn.lock().await;
        loop {
            queue.free().await;
            let seat = self.all.seats.take().await;
            let _turn = self.all.turn.lock().await;
            self.all.free().await;
            // Both places at once: a request that waits after its place was taken would come too soon before the next.
            let (mut one, mut other) = (queue.schedule(), self.all.schedule());
            let now = Instant::now();
            if one.is_free(now) && other.is_free(now) {
                one.take(now);
                other.take(now);
                return Permit { given: now, _seat: seat, own };
            }
        }
    }

    /// How many requests of a model may be in flight now.
    #[must_use]
    pub fn seats(&self, model: &str) -> usize {
        self.queue(model).seats.now()
    }

    fn queue(&self, model: &str) -> Arc<Queue> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = models.get(model) {
            return Arc::clone(queue);
        }
        let own = self.pace.of(model);
        let most = own.concurrency.unwrap_or(self.pace.concurrency);
        let queue = Arc::new(Queue::new(most, own.rate_per_minute));
        models.insert(model.to_owned(), Arc::clone(&queue));
        queue
    }

    /// Waits until a pause is over, without taking a place: for polls, which go on with a seat already
    /// taken.
    pub async fn wait_out_pause(&self) {
        loop {
            let until = self.all.schedule().paused_until;
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }

    /// The provider asked for a pause: nobody starts before it is over.
    pub fn pause(&self, how_long: Duration) {
        if let Some(until) = Instant::now().checked_add(how_long) {
            self.all.schedule().pause_until(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use presscheck_core::policy::ModelPace;

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
                if let Some(until) = schedule.free().filter(|until| *until > now) {
                    prop_assert!(!schedule.is_free(now));
                    now = until;
                }
                prop_assert!(schedule.is_free(now));
                schedule.take(now);
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
            for _ in 0..1000 {
                assert!(schedule.is_free(now), "{rate:?}");
                schedule.take(now);
            }
        }
        let mut slow = Schedule::new(Some(f64::MIN_POSITIVE));
        assert_eq!(slow.free(), None);
        slow.take(now);
        assert_eq!(slow.free(), Some(now + Duration::from_secs(86_400)));
    }

    fn limiter(concurrency: u32, rate_per_minute: Option<f64>) -> Limiter {
        Limiter::new(Pace { concurrency, rate_per_minute, by_model: Vec::new() })
    }

    #[tokio::test]
    async fn seats_are_given_in_the_order_of_asking() {
        let limiter = limiter(2, None);
        let (first, second) = (limiter.admit("m").await, limiter.admit("n").await);
        let mut third = Box::pin(limiter.admit("m"));
        let mut fourth = Box::pin(limiter.admit("n"));
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
        let limiter = limiter(1, Some(1.0));
        let first = limiter.admit("m").await;
        drop(Box::pin(limiter.admit("m")).as_mut().now_or_never());
        drop(first);
        // The place after the first is one minute later; nobody else may have moved it further.
        let next = limiter.all.schedule().next.unwrap();
        assert!(Box::pin(limiter.admit("m")).as_mut().now_or_never().is_none());
        assert_eq!(limiter.all.schedule().next, Some(next));
        limiter.pause(Duration::from_secs(60));
        assert!(Box::pin(limiter.wait_out_pause()).as_mut().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_model_has_limits_of_its_own_beside_the_provider_s() {
        let own = |concurrency, rate_per_minute| ModelPace { concurrency, rate_per_minute };
        let limiter = Limiter::new(Pace {
            concurrency: 3,
            rate_per_minute: None,
            by_model: vec![
                ("slow-*".to_owned(), own(None, Some(1.0))),
                ("*-pro".to_owned(), own(Some(1), None)),
                ("wide".to_owned(), own(Some(99), None)),
            ],
        });
        let now = |model| Box::pin(limiter.admit(model)).as_mut().now_or_never();
        let pro = now("image-pro").unwrap();
        assert!(now("image-pro").is_none(), "one at once");
        let slow = now("slow-pro").unwrap();
        assert!(now("slow-pro").is_none(), "one a minute: the first pattern counts");
        let third = now("other").unwrap();
        assert!(now("another").is_none(), "the provider has three seats");
        drop((pro, slow, third));
        assert!(now("slow-pro").is_none());
        assert_eq!(limiter.seats("wide"), 3, "never more than the provider's");
    }

    #[tokio::test]
    async fn who_is_told_that_it_is_too_much_asks_for_half_and_then_for_one_more() {
        let limiter = limiter(8, None);
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(limiter.admit("m").await);
        }
        // All eight were under way when the first was rejected: that is one sign and not eight.
        permits.iter().for_each(Permit::rejected);
        assert_eq!(limiter.seats("m"), 4);
        assert_eq!(limiter.seats("n"), 8, "the other model was not rejected");
        drop(permits);
        let mut four = Vec::new();
        for _ in 0..4 {
            four.push(limiter.admit("m").await);
        }
        assert!(Box::pin(limiter.admit("m")).as_mut().now_or_never().is_none());
        four.iter().for_each(Permit::served);
        assert_eq!(limiter.seats("m"), 5);
        four.push(limiter.admit("m").await);
        assert!(Box::pin(limiter.admit("m")).as_mut().now_or_never().is_none());
        drop(four);
        for _ in 0..9 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            limiter.admit("m").await.rejected();
        }
        assert_eq!(limiter.seats("m"), 1, "never none");
        for _ in 0..100 {
            limiter.admit("m").await.served();
        }
        assert_eq!(limiter.seats("m"), 8, "never more than before");
    }
}
