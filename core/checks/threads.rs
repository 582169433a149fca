//! Threads for networks: one for each picture that is looked at just now.

use std::sync::{Arc, Mutex, PoisonError};

use rten::ThreadPool;

/// Pools of one thread each, for whoever looks just now: lookers don't wait for each other, and each takes no more than
/// its own thread.
#[derive(Default)]
pub(super) struct Threads(Mutex<Vec<Arc<ThreadPool>>>);

impl Threads {
    /// Lends a pool for some work.
    pub(super) fn lend<T>(&self, work: impl FnOnce(Arc<ThreadPool>) -> T) -> T {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = taken.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let done = work(Arc::clone(&pool));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        done
    }
}
