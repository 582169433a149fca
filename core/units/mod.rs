//! Types that carry meaning: money, rates, points, durations, digests, revisions.

mod cost;
mod ids;
mod money;
mod rate;
mod time;

pub use cost::{Cost, CostBasis};
pub use ids::{CommitSha, Digest, Hashing, RepoPath, RepoPathError, Seed};
pub use money::{ParseUsdError, Usd};
pub use rate::{ParsePointsError, ParseRateError, Points, Rate};
pub use time::{ParseSpanError, TimeSpan};
