//! The server's own limits: requests in flight, requests in a span of time, and how long a key is locked out that went over it.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use presscheck_core::policy::{FromNode, Node, Problems};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many in a span of time: `60/min`, `150/10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerTime {
    /// How many, at least 1.
    pub count: u32,
    /// In which span.
    pub span: Duration,
}

const SPANS: [(&str, u64); 3] = [("s", 1), ("min", 60), ("h", 3_600)];

impl FromStr for PerTime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected a rate such as `5/s`, `60/min`, `1000/h` or `150/10s`";
        let (count, unit) = text.split_once('/').ok_or(WRONG)?;
        let count: u32 = count.trim().parse().map_err(|_| WRONG)?;
        let unit = unit.trim();
        let name = unit.trim_start_matches(|c: char| c.is_ascii_digit());
        let many = unit.strip_suffix(name).unwrap_or_default();
        let many: u32 = if many.is_empty() { 1 } else { many.parse().map_err(|_| WRONG)? };
        let (_, seconds) = SPANS.iter().find(|(known, _)| *known == name).ok_or(WRONG)?;
        if many == 0 {
            return Err(WRONG);
        }
        if count == 0 {
            return Err("a rate of 0 would answer nothing");
        }
        Ok(Self { count, span: Duration::from_secs(seconds * u64::from(many)) })
    }
}

impl fmt::Display for PerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.span.as_secs();
        let whole = SPANS.iter().rev().find(|(_, unit)| seconds.is_multiple_of(*unit));
        match whole.map(|(name, unit)| (name, seconds / unit)) {
            Some((name, 1)) => write!(f, "{}/{name}", self.count),
            Some((name, many)) => write!(f, "{}/{many}{name}", self.count),
            None => write!(f, "{}/{seconds}s", self.count),
        }
    }
}

impl FromNode for PerTime {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::from_node(node, problems)?;
        match text.parse() {
            Ok(rate) => Some(rate),
            Err(error) => {
                let shown = presscheck_core::inert::one_line(&text, 60);
                problems.error(node.span, format!("`{shown}`: {error}"));
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[1-9][0-9]* ?/ ?([1-9][0-9]*)?(s|min|h)$", "examples": ["60/min"]})
    }
}

/// The limits of a running server.
#[derive(Debug)]
pub(crate) struct Limits {
    places: Option<Arc<Semaphore>>,
    rate: Option<(PerTime, Mutex<Seen>)>,
    /// How long nothing is let in once the rate was exceeded.
    lockout: Option<Duration>,
}

/// What a rate has seen.
#[derive(Debug, Default)]
struct Seen {
    let_in: VecDeque<Instant>,
    locked_until: Option<Instant>,
}

/// A place under the limits; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Limits {
    /// Limits with nothing in flight.
    pub(crate) fn new(
        concurrency: Option<u32>,
        rate: Option<PerTime>,
        lockout: Option<Duration>,
    ) -> Self {
        Self {
            places: concurrency.map(|most| {
                let most = usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS);
                Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
            }),
            rate: rate.map(|rate| (rate, Mutex::default())),
            lockout,
        }
    }

    /// A place for one more request.
    ///
    /// # Errors
    /// How long to wait, where a limit is reached. A request that is turned away does not count.
    pub(crate) fn enter(&self, now: Instant) -> Result<Place, Duration> {
        let permit = match &self.places {
            Some(places) => {
                Some(Arc::clone(places).try_acquire_owned().map_err(|_| Duration::from_secs(1))?)
            }
            None => None,
        };
        if let Some((rate, seen)) = &self.rate {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(until) = seen.locked_until.filter(|until| *until > now) {
                return Err(until.duration_since(now));
            }
            let let_in = &mut seen.let_in;
            while let_in.front().is_some_and(|first| now.duration_since(*first) >= rate.span) {
                let_in.pop_front();
            }
            let full = let_in.len() >= usize::try_from(rate.count).unwrap_or(usize::MAX);
            if let (true, Some(first)) = (full, let_in.front()) {
                let wait = rate.span.saturating_sub(now.duration_since(*first));
                let Some(lockout) = self.lockout else { return Err(wait) };
                seen.locked_until = now.checked_add(lockout);
                return Err(lockout);
            }
            let_in.push_back(now);
        }
        Ok(Place { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_counted_over_a_sliding_span() {
        let limits = Limits::new(None, Some("2/s".parse().unwrap()), None);
        let start = Instant::now();
        let at = |ms| limits.enter(start + Duration::from_millis(ms)).map(|_| ());
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(400), Ok(()));
        assert_eq!(at(700), Err(Duration::from_millis(300)));
        assert_eq!(at(1_000), Ok(()));
        assert_eq!(at(1_100), Err(Duration::from_millis(300)));
    }

    #[test]
    fn who_goes_over_the_rate_is_locked_out() {
        let (rate, lockout) = ("2/10s".parse().unwrap(), Duration::from_secs(60));
        let limits = Limits::new(None, Some(rate), Some(lockout));
        let start = Instant::now();
        let at = |seconds| limits.enter(start + Duration::from_secs(seconds)).map(|_| ());
        let seconds = |seconds| Err(Duration::from_secs(seconds));
        assert_eq!((at(0), at(1)), (Ok(()), Ok(())));
        assert_eq!(at(2), seconds(60));
        // The rate alone would let it in.
        assert_eq!((at(30), at(61)), (seconds(32), seconds(1)));
        assert_eq!((at(62), at(63)), (Ok(()), Ok(())));
        assert_eq!(at(64), seconds(60));
    }

    #[test]
    fn a_place_is_given_back() {
        let limits = Limits::new(Some(1), None, None);
        let place = limits.enter(Instant::now()).unwrap();
        assert!(limits.enter(Instant::now()).is_err());
        drop(place);
        assert!(limits.enter(Instant::now()).is_ok());
    }

    #[test]
    fn rates_are_read_as_people_write_them() {
        for text in ["5/s", "60/min", "1000/h", "150/10s", "7/2h"] {
            assert_eq!(text.parse::<PerTime>().unwrap().to_string(), text);
        }
        for text in ["", "60", "0/s", "-1/s", "5/day", "x/min", "5/", "5/0s", "5/10", "5/-1s"] {
            assert!(text.parse::<PerTime>().is_err(), "{text}");
        }
    }
}
