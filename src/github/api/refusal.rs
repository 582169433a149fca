//! What it means that GitHub does not do what we ask.

use std::time::Duration;

use presscheck_core::inert::one_line;

use super::super::error::{ApiError, Doing};

/// A try that did not work: what to say, and how long to wait for the next.
pub(super) struct Failed {
    pub(super) error: ApiError,
    pub(super) then: Next,
}

/// What to do after a try that did not work.
pub(super) enum Next {
    GiveUp,
    /// The request may or may not have been carried out.
    Pause,
    /// It was not carried out: a rate limit.
    Wait(Duration),
}

/// What the headers say of rate limits.
pub(super) struct Limits {
    pub(super) retry_after: Option<String>,
    pub(super) remaining: Option<String>,
    pub(super) reset: Option<String>,
}

impl Limits {
    /// How long to wait, where the headers speak of a limit.
    pub(super) fn wait(&self) -> Option<Duration> {
        if let Some(after) = &self.retry_after {
            if let Ok(seconds) = after.parse() {
                return Some(Duration::from_secs(seconds));
            }
            let date = httpdate::parse_http_date(after).ok()?;
            let now = std::time::SystemTime::now();
            return Some(date.duration_since(now).unwrap_or_default());
        }
        if self.remaining.as_deref() == Some("0") {
            let reset: i64 = self.reset.as_deref()?.parse().ok()?;
            let left = reset.saturating_sub(jiff::Timestamp::now().as_second());
            return Some(Duration::from_secs(u64::try_from(left).unwrap_or(0).max(1)));
        }
        None
    }
}

/// What an answer that is not HTTP 2xx means.
pub(super) fn refusal(
    doing: Doing,
    status: u16,
    said: &str,
    limits: &Limits,
    tries: u32,
) -> Failed {
    let lower = said.to_ascii_lowercase();
    let wait = limits.wait();
    // Both kinds of limit come as 403 or 429; the words are GitHub's documented ones.
    let limited =
        status == 429 || (status == 403 && (wait.is_some() || lower.contains("rate limit")));
    if limited {
        // "If no header says so, wait for at least one minute."
        let wait = wait.unwrap_or(Duration::from_secs(60));
        let error = ApiError::RateLimited { doing, wait: Some(wait) };
        return Failed { error, then: Next::Wait(wait) };
    }
    let error = match status {
        500..=599 => {
            let error = ApiError::Unavailable { doing, status, tries };
            return Failed { error, then: Next::Pause };
        }
        401 => ApiError::Unauthorized { doing },
        403 if lower.contains("not accessible by") => ApiError::Permission { doing },
        404 if !lower.contains("no common ancestor") => ApiError::NotFound { doing },
        _ => ApiError::Rejected { doing, status, said: said.to_owned() },
    };
    Failed { error, then: Next::GiveUp }
}

/// GitHub's words in the body of a refusal, on one line.
pub(super) fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
        #[serde(default)]
        errors: serde_json::Value,
    }
    let words = match serde_json::from_slice::<Said>(body) {
        Ok(said) if said.errors.is_null() => said.message,
        Ok(said) => format!("{} {}", said.message, said.errors),
        Err(_) => String::from_utf8_lossy(body.get(..body.len().min(2000)).unwrap_or_default())
            .into_owned(),
    };
    let words = one_line(words.trim(), 300);
    if words.is_empty() { "no reason given".to_owned() } else { words }
}
