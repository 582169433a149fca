//! Why no whole answer came.

use std::error::Error as StdError;

use presscheck_core::inert::one_line;
use presscheck_core::providers::FaultKind;
use thiserror::Error;
use url::Url;

use super::resolve::AddressRefused;

/// Why no whole answer came. The texts hold no address with a query, and no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransportFault {
    /// Nothing was sent: this client does not send such a request, or not to that address.
    #[error("{0}")]
    Refused(String),
    /// What stands for the key could not be got with it: nothing was sent to the provider.
    #[error("{0}")]
    Unauthorised(String),
    /// No connection: nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The request was sent; no whole answer came in time.
    #[error("{0}")]
    Timeout(String),
    /// The request was sent; the connection broke before the whole answer had come.
    #[error("{0}")]
    Cut(String),
    /// The answer is over the limit of bytes.
    #[error("the answer is over the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A redirect that is not followed.
    #[error("{0}")]
    Redirected(String),
}

impl TransportFault {
    /// What it means for the sample. An answer that is too large is no fault but a broken answer.
    #[must_use]
    pub const fn kind(&self) -> Option<FaultKind> {
        match self {
            Self::Refused(_) | Self::Redirected(_) => Some(FaultKind::BadRequest),
            Self::Unauthorised(_) => Some(FaultKind::Auth),
            Self::Unreachable(_) => Some(FaultKind::Unreachable),
            Self::Timeout(_) | Self::Cut(_) => Some(FaultKind::TimeoutUnknown),
            Self::TooLarge { .. } => None,
        }
    }
}

/// What an error of the client means.
pub(super) fn classify(error: reqwest::Error, url: &Url) -> TransportFault {
    let host = one_line(url.host_str().unwrap_or_default(), 100);
    let error = error.without_url();
    let mut source: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(inner) = source {
        if let Some(refused) = inner.downcast_ref::<AddressRefused>() {
            return TransportFault::Refused(refused.to_string());
        }
        source = inner.source();
    }
    let reason = innermost(&error);
    if error.is_builder() {
        TransportFault::Refused(format!("the request to `{host}` can't be made: {reason}"))
    } else if error.is_connect() {
        TransportFault::Unreachable(format!("no connection to `{host}`: {reason}"))
    } else if error.is_timeout() {
        TransportFault::Timeout(format!("`{host}` did not answer in time"))
    } else {
        TransportFault::Cut(format!("`{host}` took the request and broke off: {reason}"))
    }
}

/// The last cause of an error: the one that says something.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    one_line(&error.to_string(), 300)
}
