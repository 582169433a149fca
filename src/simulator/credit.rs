//! What may still be charged.

use std::sync::{Mutex, PoisonError};

use presscheck_core::units::Usd;

/// The credit of a running server.
#[derive(Debug)]
pub(crate) struct Credit {
    most: Option<Usd>,
    spent: Mutex<Usd>,
}

impl Credit {
    /// So much credit; without end where nothing is given.
    pub(crate) fn new(most: Option<Usd>) -> Self {
        Self { most, spent: Mutex::new(Usd::ZERO) }
    }

    /// Takes an amount, where it is there.
    pub(crate) fn take(&self, amount: Usd) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = [*spent, amount].into_iter().sum();
        if self.most.is_some_and(|most| sum > most) {
            return false;
        }
        *spent = sum;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_spent_than_is_there() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let credit = Credit::new(Some(usd("$0.10")));
        assert!(credit.take(usd("$0.04")) && credit.take(usd("$0.04")));
        assert!(!credit.take(usd("$0.04")));
        assert!(credit.take(usd("$0.02")) && credit.take(Usd::ZERO));
        assert!(!credit.take(usd("$0.01")));
        assert!(Credit::new(None).take(usd("$1000")));
    }
}
