//! Rates (a share between 0 and 1) and points (a difference of rates).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A share between 0 and 1, written by people as `2%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(f64);

/// A difference of two rates between -1 and 1, written by people as `2pp` (percentage points).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(f64);

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseRateError {
    /// No percent sign, or no number before it.
    #[error("expected a percentage such as `2%`")]
    NotAPercentage,
    /// Points were written where a share is meant.
    #[error("expected a percentage such as `2%`; `pp` (points) is for a difference of two rates")]
    Points,
    /// Outside 0% to 100%.
    #[error("a rate lies between 0% and 100%")]
    OutOfRange,
}

/// Why a text is no difference in points.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParsePointsError {
    /// No unit, or no number before it.
    #[error("expected percentage points such as `2pp`")]
    NotPoints,
    /// A percent sign, which would be ambiguous.
    #[error(
        "expected percentage points such as `2pp`; `%` could mean a share of the baseline's rate"
    )]
    Percent,
    /// Outside -100pp to 100pp.
    #[error("a difference of rates lies between -100pp and 100pp")]
    OutOfRange,
}

impl Rate {
    /// A rate from a share; nothing where it is not between 0 and 1.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// `part` of `whole`; nothing where `whole` is zero or `part` is larger.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = part as f64 / whole as f64;
        Self::new(share)
    }

    /// The share, between 0 and 1.
    #[must_use]
    pub const fn share(self) -> f64 {
        self.0
    }
}

impl Points {
    /// Points from a difference of shares; nothing where it is not between -1 and 1.
    #[must_use]
    pub fn new(difference: f64) -> Option<Self> {
        (-1.0..=1.0).contains(&difference).then_some(Self(difference))
    }

    /// The difference of shares, between -1 and 1.
    #[must_use]
    pub const fn difference(self) -> f64 {
        self.0
    }
}

/// A plain decimal number: no exponent, no `inf`, no `nan`.
fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
    plain.then(|| text.parse().ok()).flatten()
}

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.ends_with("pp") {
            return Err(ParseRateError::Points);
        }
        let number = text.strip_suffix('%').ok_or(ParseRateError::NotAPercentage)?;
        let percent = plain_number(number).ok_or(ParseRateError::NotAPercentage)?;
        Self::new(percent / 100.0).ok_or(ParseRateError::OutOfRange)
    }
}

impl FromStr for Points {
    type Err = ParsePointsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.ends_with('%') {
            return Err(ParsePointsError::Percent);
        }
        let number = text.strip_suffix("pp").ok_or(ParsePointsError::NotPoints)?;
        let points = plain_number(number).ok_or(ParsePointsError::NotPoints)?;
        Self::new(points / 100.0).ok_or(ParsePointsError::OutOfRange)
    }
}

/// A number with at most `decimals` decimals and no trailing zeros.
fn trimmed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

impl fmt::Display for Rate {
    /// As people write it: `2%`, `1.85%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", trimmed(self.0 * 100.0, 3)))
    }
}

impl fmt::Display for Points {
    /// As people write it: `2pp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}pp", trimmed(self.0 * 100.0, 3)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_not_mixed_up() {
        assert_eq!("2%".parse::<Rate>().unwrap().to_string(), "2%");
        assert_eq!(" 1.85 %".parse::<Rate>().unwrap().to_string(), "1.85%");
        assert_eq!("2pp".parse::<Points>().unwrap().to_string(), "2pp");
        assert_eq!("-0.5pp".parse::<Points>().unwrap().to_string(), "-0.5pp");
        assert_eq!("2pp".parse::<Rate>(), Err(ParseRateError::Points));
        assert_eq!("2%".parse::<Points>(), Err(ParsePointsError::Percent));
        assert_eq!("101%".parse::<Rate>(), Err(ParseRateError::OutOfRange));
        for text in ["2", "%", "nan%", "inf%", "1e2%", "two%"] {
            assert_eq!(text.parse::<Rate>(), Err(ParseRateError::NotAPercentage), "{text}");
        }
        assert_eq!(Rate::of(1, 0), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (text.parse::<Rate>(), text.parse::<Points>());
        }
    }
}
