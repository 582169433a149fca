//! Types that carry meaning: money, rates, points, durations, digests, revisions.

mod ids;
mod money;
mod rate;
mod time;

pub use ids::{CommitSha, Digest, RepoPath, RepoPathError, Seed};
pub use money::{ParseUsdError, Usd};
pub use rate::{ParsePointsError, ParseRateError, Points, Rate};
pub use time::{ParseSpanError, TimeSpan};
