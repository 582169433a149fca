//! The one HTTP client: hosts, redirects, sizes, time limits, retries, rates, budget.
//!
//! It never knows what a provider is. A [`Dialect`](presscheck_core::providers::Dialect) says what to send
//! and what a reply means; this says whether it may be sent, when, how often, and what it cost.

mod aws;
mod budget;
mod client;
mod exchange;
mod fault;
mod follow;
mod google;
mod hosts;
mod limits;
mod proxy;
mod resolve;
mod retry;
mod seats;
mod secret;

pub use budget::{Budget, Reservation};
pub use client::{Client, ClientOptions, Outgoing};
pub use exchange::{Attempt, Charge, Exchange, Line};
pub use fault::TransportFault;
pub use hosts::{Hosts, is_public};
pub use limits::{Limiter, Permit, Schedule};
pub use proxy::Proxies;
pub use resolve::{AddressRefused, Lookup, LookupFuture, SystemLookup};
pub use retry::{LONGEST_WAIT, Next, RetryPolicy, retry_after, retry_after_of};
pub use secret::{Secret, Secrets};
