//! The decision: limits, intervals, the verdict. It never knows where numbers came from.

#[cfg(test)]
mod acceptance;
pub mod advice;
pub mod betting;
mod compose;
mod decide;
mod evidence;
pub mod forecast;
pub mod intervals;
mod lanes;
mod limits;
pub mod model;
pub mod naive;
mod outcome;
mod overridden;
pub mod planner;
pub mod simulate;
pub mod suite;
pub mod summaries;
pub mod terminal;
#[cfg(test)]
mod tests;
mod trial;
#[cfg(test)]
mod vectors;
mod verdict;

pub use compose::compose;
pub use decide::{Ruling, lean, rule};
pub use evidence::{Observation, Pair, Tallies, Tally};
pub use limits::{P95_MIN_ABSOLUTE, P95_MIN_RELATIVE, Planned};
pub use outcome::{BySide, Outcome, OutcomeCounts, Side};
pub use overridden::{How, MAX_REASON, Override};
pub use trial::{ASSUMED_RATE, FEWEST, KnownOfBaseline, STRETCH, Terms, Trial};
pub use verdict::*;
