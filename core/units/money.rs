//! Money: exact decimals of US dollars.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// An exact amount of US dollars.
///
/// People write it `$0.042`; machines read it as a JSON string without the sign (`"0.042"`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(Decimal);

/// Why a text is no amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseUsdError {
    /// Not a number after the optional sign.
    #[error("expected dollars such as `$25` or `$0.042`")]
    NotANumber,
    /// Less than zero.
    #[error("an amount of money can't be negative")]
    Negative,
    /// Too large, or too many digits, to be meant.
    #[error("an amount must be under $1,000,000,000 with at most 12 decimals")]
    OutOfRange,
}

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// An amount from an exact decimal.
    #[must_use]
    pub const fn from_decimal(amount: Decimal) -> Self {
        Self(amount)
    }

    /// The exact decimal.
    #[must_use]
    pub const fn as_decimal(self) -> Decimal {
        self.0
    }

    /// The nearest float: for statistics and charts only, never for sums.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// The amount scaled to a thousand of `count`, or nothing where `count` is zero or the result overflows.
    #[must_use]
    pub fn per_thousand(self, count: u64) -> Option<Self> {
        let thousand = self.0.checked_mul(Decimal::ONE_THOUSAND)?;
        thousand.checked_div(Decimal::from(count)).map(Self)
    }

    /// `self - other`, or nothing left where `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        if other >= self { Self::ZERO } else { Self(self.0 - other.0) }
    }

    /// Whether the amount is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The same, for the attributes of serde.
    #[must_use]
    pub fn is_zero_ref(&self) -> bool {
        self.is_zero()
    }

    /// The plain number, rounded half away from zero to cents: `8.48`.
    #[must_use]
    pub fn to_cents_string(self) -> String {
        let rounded =
            self.0.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        format!("{rounded:.2}")
    }
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text.strip_prefix('$').unwrap_or(text).trim();
        if digits.starts_with('-') {
            return Err(ParseUsdError::Negative);
        }
        let plain = digits.replace([',', '_'], "");
        if plain.is_empty() || !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(ParseUsdError::NotANumber);
        }
        let amount = Decimal::from_str_exact(&plain).map_err(|_| ParseUsdError::NotANumber)?;
        if amount >= Decimal::from(1_000_000_000) || amount.normalize().scale() > 12 {
            return Err(ParseUsdError::OutOfRange);
        }
        Ok(Self(amount))
    }
}

impl fmt::Display for Usd {
    /// `$8.48`; at least two decimals, more where the amount has them (`$0.042`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.0.normalize();
        if amount.scale() < 2 {
            f.pad(&format!("${amount:.2}"))
        } else {
            f.pad(&format!("${amount}"))
        }
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Usd {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Mul<u64> for Usd {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(Decimal::from(times)))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amount = self.0.normalize();
        let text = if amount.scale() < 2 { format!("{amount:.2}") } else { amount.to_string() };
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Decimal::from_str_exact(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_write_dollars_in_several_ways() {
        for (text, shown) in [
            ("$25", "$25.00"),
            ("$0.042", "$0.042"),
            ("1,000", "$1000.00"),
            (" $ 8.480 ", "$8.48"),
            ("0", "$0.00"),
        ] {
            assert_eq!(text.parse::<Usd>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", "$", "x", "$-1", "-1", "1e3", "$1.2.3", "99999999999", "$.0000000000001"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_thousandth_is_exact() {
        let price: Usd = "$0.042".parse().unwrap();
        assert_eq!((price * 212).to_string(), "$8.904");
        assert_eq!((price * 212).per_thousand(212).unwrap().to_string(), "$42.00");
        assert_eq!(price.per_thousand(0), None);
    }

    proptest! {
        #[test]
        fn text_and_json_round_trip(cents in 0_u64..10_000_000_000) {
            let amount = Usd::from_decimal(Decimal::new(i64::try_from(cents).unwrap(), 4));
            prop_assert_eq!(amount.to_string().parse::<Usd>().unwrap(), amount);
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<Usd>();
        }
    }
}
