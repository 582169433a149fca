//! What something cost, and how well that is known.

use serde::{Deserialize, Serialize};

use super::Usd;

/// How well a cost is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostBasis {
    /// What the policy says, or what the answer itself said.
    Exact,
    /// A listed price, for what the answer reported or for what was ordered; or the price of a machine of one's own, for the
    /// time that was measured.
    Computed,
    /// A listed price times a usage that was assumed.
    Estimated,
    /// Whether and what was charged can't be known (a timeout): counted at the worst case.
    Unknown,
}

impl CostBasis {
    /// The word of evidence: `exact`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Computed => "computed",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
        }
    }
}

/// An amount, and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How much.
    pub amount: Usd,
    /// How well that is known.
    pub basis: CostBasis,
}

impl Cost {
    /// An amount that somebody said who knows.
    #[must_use]
    pub const fn exact(amount: Usd) -> Self {
        Self { amount, basis: CostBasis::Exact }
    }
}
