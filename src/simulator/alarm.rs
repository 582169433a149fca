//! A clock that wakes to a fraction of a millisecond: an answer that takes 50 ms should not take 51.
//!
//! The runtime's own timers count whole milliseconds and round up, so that each answer would be late by one on average.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

/// Wakes whoever waits for a moment, on a thread of its own that lives as long as this.
#[derive(Debug)]
pub(crate) struct Alarm {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// Who waits, by the moment and the order of asking.
#[derive(Debug, Default)]
struct Waiting {
    sleepers: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    asked: u64,
    over: bool,
}

impl Alarm {
    /// Starts the clock.
    ///
    /// # Errors
    /// Where there can be no further thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let watch = Arc::clone(&shared);
        std::thread::Builder::new().name("alarm".to_owned()).spawn(move || watch.run())?;
        Ok(Self { shared })
    }

    /// Returns at this moment, or at once where it is past.
    pub(crate) async fn sleep_until(&self, moment: Instant) {
        if moment <= Instant::now() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        let first = self.shared.lock().add(moment, wake);
        if first {
            self.shared.changed.notify_one();
        }
        // The clock is gone only where the server is.
        let _ = woken.await;
    }
}

impl Waiting {
    /// Adds one who waits, and says whether it is the first to be woken.
    fn add(&mut self, moment: Instant, wake: oneshot::Sender<()>) -> bool {
        self.asked += 1;
        let key = (moment, self.asked);
        self.sleepers.insert(key, wake);
        self.sleepers.first_key_value().is_some_and(|(first, _)| *first == key)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // What a panic left behind is whole: each change of it is one step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes one after the other until the clock is dropped.
    fn run(&self) {
        let mut waiting = self.lock();
        while !waiting.over {
            let now = Instant::now();
            waiting = match waiting.sleepers.first_entry() {
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(first) if first.key().0 > now => {
                    let left = first.key().0 - now;
                    let waited = self.changed.wait_timeout(waiting, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                Some(first) => {
                    // One that left meanwhile needs no waking.
                    let _ = first.remove().send(());
                    waiting
                }
            };
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_moments_and_never_before() {
        let alarm = Alarm::start().unwrap();
        let start = Instant::now();
        let woken = Mutex::new(Vec::new());
        let sleep = async |ms: u64| {
            let moment = start + Duration::from_millis(ms);
            alarm.sleep_until(moment).await;
            assert!(Instant::now() >= moment);
            woken.lock().unwrap().push(ms);
        };
        tokio::join!(sleep(40), sleep(3), sleep(0), sleep(20));
        assert_eq!(*woken.lock().unwrap(), [0, 3, 20, 40]);
    }

    #[tokio::test]
    async fn who_leaves_keeps_nobody_waiting() {
        let alarm = Alarm::start().unwrap();
        // Far enough that no busy machine comes to it between two lines.
        let soon = Instant::now() + Duration::from_millis(300);
        let later = soon + Duration::from_millis(5);
        assert!(alarm.sleep_until(soon).now_or_never().is_none());
        alarm.sleep_until(later).await;
        assert!(alarm.shared.lock().sleepers.is_empty());
    }
}
