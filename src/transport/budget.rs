//! The most that a run may spend: reserved at its worst case before a request is sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use presscheck_core::units::Usd;

/// A hard limit on spending, shared by all who spend.
#[derive(Clone, Debug)]
pub struct Budget {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    total: Usd,
    spent: Usd,
    reserved: Usd,
}

/// Money set aside for one request. Where it is dropped without being settled (a crash of the task, a
/// cancelled run), all of it counts as spent: the request may have been made.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    amount: Usd,
}

impl Budget {
    /// A budget of which nothing is spent yet.
    #[must_use]
    pub fn new(total: Usd) -> Self {
        let state = State { total, spent: Usd::ZERO, reserved: Usd::ZERO };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Sets the worst case of a request aside, where that much is left. At any concurrency, what is spent
    /// and reserved never exceeds the total together.
    #[must_use]
    pub fn reserve(&self, worst: Usd) -> Option<Reservation> {
        let mut state = self.state();
        if state.spent + state.reserved + worst > state.total {
            return None;
        }
        state.reserved += worst;
        drop(state);
        Some(Reservation { budget: self.clone(), amount: worst })
    }

    /// What was spent for certain.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.state().spent
    }

    /// What is set aside for requests in flight.
    #[must_use]
    pub fn reserved(&self) -> Usd {
        self.state().reserved
    }

    /// What can still be reserved.
    #[must_use]
    pub fn left(&self) -> Usd {
        let state = self.state();
        state.total.saturating_sub(state.spent + state.reserved)
    }

    /// The whole budget.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.state().total
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Sums are changed in single statements, so that a panic elsewhere leaves them right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// How much is set aside.
    #[must_use]
    pub const fn amount(&self) -> Usd {
        self.amount
    }

    /// The request is over and cost this much; the rest is free again. A cost over the reservation (a
    /// provider that charges more than its price) is counted in full.
    pub fn settle(mut self, actual: Usd) {
        self.close(actual);
    }

    fn close(&mut self, actual: Usd) {
        let mut state = self.budget.state();
        state.reserved = state.reserved.saturating_sub(self.amount);
        state.spent += actual;
        drop(state);
        self.amount = Usd::ZERO;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let amount = self.amount;
        self.close(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    fn cents(cents: i64) -> Usd {
        Usd::from_decimal(Decimal::new(cents, 2))
    }

    #[test]
    fn a_dropped_reservation_counts_as_spent() {
        let budget = Budget::new(cents(100));
        let kept = budget.reserve(cents(60)).unwrap();
        assert!(budget.reserve(cents(41)).is_none());
        drop(budget.reserve(cents(40)).unwrap());
        assert_eq!(
            (budget.spent(), budget.reserved(), budget.left()),
            (cents(40), cents(60), cents(0))
        );
        kept.settle(cents(10));
        assert_eq!(
            (budget.spent(), budget.reserved(), budget.left()),
            (cents(50), cents(0), cents(50))
        );
    }

    #[test]
    fn a_cost_over_the_price_is_counted_and_stops_the_rest() {
        let budget = Budget::new(cents(100));
        budget.reserve(cents(60)).unwrap().settle(cents(120));
        assert_eq!((budget.spent(), budget.left()), (cents(120), cents(0)));
        assert!(budget.reserve(cents(1)).is_none());
        assert!(budget.reserve(Usd::ZERO).is_none());
    }

    #[test]
    fn threads_never_exceed_it_together() {
        for round in 0..20 {
            let budget = Budget::new(cents(1_000));
            let granted: u64 = std::thread::scope(|scope| {
                let tasks: Vec<_> = (0..8)
                    .map(|task| {
                        let budget = budget.clone();
                        scope.spawn(move || {
                            let mut granted = 0;
                            for turn in 0..100_u32 {
                                let Some(reservation) = budget.reserve(cents(7)) else { continue };
                                granted += 1;
                                assert!(budget.spent() + budget.reserved() <= cents(1_000));
                                match (turn + task + round) % 3 {
                                    0 => reservation.settle(cents(7)),
                                    1 => reservation.settle(cents(0)),
                                    _ => drop(reservation),
                                }
                            }
                            granted
                        })
                    })
                    .collect();
                tasks.into_iter().map(|task| task.join().unwrap()).sum()
            });
            assert!(granted >= 134, "a budget that is not used up refuses nobody");
            assert!(budget.spent() <= cents(1_000));
            assert_eq!(budget.reserved(), Usd::ZERO);
        }
    }

    proptest! {
        #[test]
        fn the_sum_is_exact(steps in proptest::collection::vec((0_i64..500, 0_i64..500, 0_u8..3), 0..60)) {
            let budget = Budget::new(cents(2_000));
            let mut open = Vec::new();
            let mut spent = Usd::ZERO;
            for (worst, actual, action) in steps {
                match action {
                    0 => open.extend(budget.reserve(cents(worst))),
                    1 => if let Some(reservation) = open.pop() {
                        let actual = cents(actual).min(reservation.amount());
                        spent += actual;
                        reservation.settle(actual);
                    },
                    _ => if let Some(reservation) = open.pop() {
                        spent += reservation.amount();
                    },
                }
                prop_assert_eq!(budget.spent(), spent);
                prop_assert_eq!(budget.reserved(), open.iter().map(Reservation::amount).sum());
                prop_assert!(budget.spent() + budget.reserved() <= budget.total());
            }
        }
    }
}
