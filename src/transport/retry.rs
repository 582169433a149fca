//! Whether a failed attempt is repeated, and after what time. It is told the time and the dice.

use std::time::{Duration, SystemTime};

use presscheck_core::providers::{FaultKind, Reply};

/// The longest wait that a provider is granted; who asks for more gets no further attempt.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The first backoff; each further one is at most twice as long.
const BASE: Duration = Duration::from_millis(500);

/// The longest backoff that is of our own choosing.
const CAP: Duration = Duration::from_secs(30);

/// How often a provider's failed attempts are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often at most.
    pub retries: u32,
    /// Whether an attempt whose charge is unknown is repeated as well.
    pub retry_unknown: bool,
}

/// What to do after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again after this time.
    Again(Duration),
    /// Stop; with a sentence where it is not plain why.
    GiveUp(Option<String>),
}

impl RetryPolicy {
    /// What to do after `failed` failed attempts (at least one), the last one of this kind, where the
    /// provider asks for a wait (or not). `dice` is a random number from 0 to 1.
    #[must_use]
    pub fn next(
        &self,
        failed: u32,
        kind: FaultKind,
        retry_after: Option<Duration>,
        dice: f64,
    ) -> Next {
        if kind == FaultKind::TimeoutUnknown && !self.retry_unknown {
            let reason = (self.retries > 0).then(|| {
                "not repeated, since this attempt may have been charged (`retry_unknown: true` \
                 repeats it)"
                    .to_owned()
            });
            return Next::GiveUp(reason);
        }
        if !(kind.is_transient() || kind == FaultKind::TimeoutUnknown) || failed > self.retries {
            return Next::GiveUp(None);
        }
        match retry_after {
            Some(wait) if wait > LONGEST_WAIT => Next::GiveUp(Some(format!(
                "not repeated, since the provider asks to wait {} s, over the limit of {} s",
                wait.as_secs(),
                LONGEST_WAIT.as_secs()
            ))),
            // A little later than asked, so that all who were sent away don't return at once.
            Some(wait) => Next::Again(wait + BASE.mul_f64(dice.clamp(0.0, 1.0))),
            None => Next::Again(backoff(failed, dice)),
        }
    }
}

/// Exponential backoff with full jitter: anything from nothing to `BASE * 2^(failed-1)`, at most `CAP`
/// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
pub(super) fn backoff(failed: u32, dice: f64) -> Duration {
    let doubled = 2_u32.saturating_pow(failed.saturating_sub(1).min(16));
    BASE.saturating_mul(doubled).min(CAP).mul_f64(dice.clamp(0.0, 1.0))
}

/// The wait that a `Retry-After` header asks for: seconds or an HTTP date (RFC 9110, 10.2.3). A date in
/// the past is no wait.
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Some(seconds) = decimal(value) {
        // Some providers write fractions, which the standard does not know.
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

fn decimal(value: &str) -> Option<f64> {
    let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| value.parse().ok()).flatten()
}

/// The wait that a reply asks for, in `retry-after-ms` (OpenAI and Azure) or `retry-after`.
#[must_use]
pub fn retry_after_of(reply: &Reply, now: SystemTime) -> Option<Duration> {
    let precise = reply
        .header("retry-after-ms")
        .and_then(|value| decimal(value.trim()))
        .and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
    precise.or_else(|| retry_after(reply.header("retry-after")?, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: RetryPolicy = RetryPolicy { retries: 3, retry_unknown: false };

    #[test]
    fn only_what_may_succeed_and_costs_nothing_is_repeated() {
        use FaultKind::{
            Auth, BadRequest, ModelRetired, OutOfCredit, RateLimited, ServerFault, TimeoutUnknown,
            Unreachable,
        };
        for kind in [RateLimited, ServerFault, Unreachable] {
            assert!(matches!(POLICY.next(3, kind, None, 0.5), Next::Again(_)), "{kind:?}");
            assert_eq!(POLICY.next(4, kind, None, 0.5), Next::GiveUp(None), "{kind:?}");
        }
        for kind in [Auth, OutOfCredit, ModelRetired, BadRequest] {
            assert_eq!(POLICY.next(1, kind, None, 0.5), Next::GiveUp(None), "{kind:?}");
        }
        assert!(matches!(POLICY.next(1, TimeoutUnknown, None, 0.5), Next::GiveUp(Some(_))));
        let bold = RetryPolicy { retry_unknown: true, ..POLICY };
        assert!(matches!(bold.next(1, TimeoutUnknown, None, 0.5), Next::Again(_)));
        assert_eq!(bold.next(4, TimeoutUnknown, None, 0.5), Next::GiveUp(None));
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_or_refused() {
        let wait = Duration::from_secs(7);
        assert_eq!(POLICY.next(1, FaultKind::RateLimited, Some(wait), 0.0), Next::Again(wait));
        let long = LONGEST_WAIT + Duration::from_secs(1);
        let Next::GiveUp(Some(words)) = POLICY.next(1, FaultKind::RateLimited, Some(long), 0.0)
        else {
            panic!("too long")
        };
        assert!(words.contains("301 s"), "{words}");
    }

    #[test]
    fn both_forms_of_the_header_are_read() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 08:00:00 GMT").unwrap();
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs_f64());
        assert_eq!(seconds("120"), Some(120.0));
        assert_eq!(seconds(" 1.5 "), Some(1.5));
        assert_eq!(seconds("Mon, 23 Nov 2026 08:00:30 GMT"), Some(30.0));
        assert_eq!(seconds("Monday, 23-Nov-26 08:00:30 GMT"), Some(30.0));
        assert_eq!(seconds("Mon, 23 Nov 2026 07:00:00 GMT"), Some(0.0));
        for odd in ["", "-1", "soon", "1e9", "..", "99999999999999999999999999999"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_and_no_backoff_is_over_the_cap(
            value in ".*", failed in any::<u32>(), dice in any::<f64>(),
        ) {
            let _ = retry_after(&value, SystemTime::now());
            if !dice.is_nan() {
                prop_assert!(backoff(failed, dice) <= CAP);
            }
        }
    }
}
