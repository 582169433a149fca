//! What is kept for a later request: pictures at their addresses, orders by their names.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// The most things that are kept; the oldest make room.
const MOST: usize = 10_000;

/// Things by name.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    things: HashMap<String, Arc<T>>,
    /// Their names, in the order in which they came.
    order: VecDeque<String>,
}

impl<T> Shelf<T> {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let inner = Inner { things: HashMap::new(), order: VecDeque::new() };
        Self { inner: Mutex::new(inner) }
    }

    /// Keeps a thing, in place of an earlier one of this name.
    pub(crate) fn put(&self, name: String, thing: T) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { things, order } = &mut *inner;
        if things.insert(name.clone(), Arc::new(thing)).is_none() {
            order.push_back(name);
        }
        while things.len() > MOST {
            let Some(oldest) = order.pop_front() else { break };
            things.remove(&oldest);
        }
    }

    /// The thing of a name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<T>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.things.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let shelf = Shelf::new();
        for n in 0..=MOST {
            shelf.put(n.to_string(), n);
        }
        assert_eq!(shelf.get("0"), None);
        assert_eq!(shelf.get("1").as_deref(), Some(&1));
        shelf.put("1".to_owned(), 7);
        assert_eq!(shelf.get("1").as_deref(), Some(&7));
        assert_eq!(shelf.get("2").as_deref(), Some(&2), "the same name takes no more room");
    }
}
