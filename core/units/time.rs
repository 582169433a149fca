//! Spans of time as people write them: `500ms`, `12s`, `2m`, `1h`, `14d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A span of time, written by people as a number and one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeSpan(pub Duration);

/// Why a text is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseSpanError {
    /// No unit, an unknown one, or no number before it.
    #[error("expected a duration such as `500ms`, `12s`, `2m`, `1h` or `14d`")]
    NotASpan,
    /// Over ten years.
    #[error("a duration must be under ten years")]
    OutOfRange,
}

const UNITS: [(&str, f64); 5] =
    [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

impl FromStr for TimeSpan {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or(ParseSpanError::NotASpan)?;
        let (number, unit) = text.split_at(split);
        let number: f64 = number.parse().map_err(|_| ParseSpanError::NotASpan)?;
        let seconds = UNITS
            .iter()
            .find(|(name, _)| *name == unit.trim())
            .map(|(_, seconds)| number * seconds)
            .ok_or(ParseSpanError::NotASpan)?;
        if seconds >= 10.0 * 365.25 * 86_400.0 {
            return Err(ParseSpanError::OutOfRange);
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| ParseSpanError::OutOfRange)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let text = match ms {
            0 => "0s".to_owned(),
            _ if ms.is_multiple_of(86_400_000) => format!("{}d", ms / 86_400_000),
            _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
            _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
            _ => format!("{ms}ms"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_unit_is_read_and_written() {
        for text in ["500ms", "12s", "2m", "1h", "14d", "0s"] {
            assert_eq!(text.parse::<TimeSpan>().unwrap().to_string(), text);
        }
        assert_eq!("1.5 s".parse::<TimeSpan>().unwrap().0, Duration::from_millis(1500));
        for text in ["12", "s", "12 weeks", "-1s", "1e3s", ""] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<TimeSpan>();
        }

        #[test]
        fn whole_milliseconds_round_trip(ms in 0_u64..1_000_000_000) {
            let span = TimeSpan(Duration::from_millis(ms));
            prop_assert_eq!(span.to_string().parse::<TimeSpan>().unwrap(), span);
        }
    }
}
