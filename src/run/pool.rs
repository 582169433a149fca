//! Threads for work on pixels: as many as there are cores, and always the same.
//!
//! A runtime's threads for blocking work come and go by the dozen, and each keeps the memory of the pictures that it once
//! worked on. These few use theirs again and again. Where there is other work, they wait for it: a request that starts late,
//! or an answer that is read late, would be counted as the model's latency.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The threads. They end when it is dropped and their work is done.
#[derive(Debug)]
pub(super) struct Pool {
    work: Sender<Work>,
}

impl Pool {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// Where the system grants none.
    pub(super) fn new(threads: usize) -> Result<Self, String> {
        let (work, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads.max(1) {
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name(format!("pixels-{number}"));
            thread
                .spawn(move || {
                    step_back();
                    attend(&waiting);
                })
                .map_err(|error| format!("no thread can be started: {error}"))?;
        }
        Ok(Self { work })
    }

    /// Does a piece of work on one of the threads, in the order of asking.
    ///
    /// # Errors
    /// Where it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        const GONE: &str = "the work on a picture broke off";
        let (done, result) = oneshot::channel();
        let work = Box::new(move || {
            let ended = std::panic::catch_unwind(AssertUnwindSafe(work));
            // Whoever asked may have gone.
            let _ = done.send(ended.map_err(|_| GONE.to_owned()));
        });
        self.work.send(work).map_err(|_| GONE.to_owned())?;
        result.await.map_err(|_| GONE.to_owned())?
    }
}

/// Lets this thread run after the runtime's where there are too few cores for all.
fn step_back() {
    // On Linux the priority is a thread's own. Only a step: the machine may have other work, which must not starve this.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(5);
}

fn attend(waiting: &Mutex<Receiver<Work>>) {
    loop {
        // One thread waits with the lock in its hand, the others for the lock.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_side_by_side_and_a_panic_is_an_error() {
        let pool = Pool::new(2).unwrap();
        let (one, two) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(Mutex::new(0)));
        let work = || {
            let (barrier, count) = (Arc::clone(&one), Arc::clone(&two));
            pool.run(move || {
                barrier.wait();
                *count.lock().unwrap() += 1;
                std::thread::current().name().map(str::to_owned)
            })
        };
        // Each waits for the other.
        let (first, second) = tokio::join!(work(), work());
        let mut names = [first.unwrap().unwrap(), second.unwrap().unwrap()];
        names.sort();
        assert_eq!(names, ["pixels-0", "pixels-1"]);
        for _ in 0..3 {
            assert!(pool.run(|| -> u8 { panic!("a decoder gave up") }).await.is_err());
        }
        assert_eq!(pool.run(|| 7).await, Ok(7));
        assert_eq!(*two.lock().unwrap(), 2);
    }
}
