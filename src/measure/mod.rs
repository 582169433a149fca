//! Measuring a check on pictures of which the truth is known: how often it is wrong, and on what.
//!
//! A folder holds pictures and a `truth.json` ([`Entry`]). [`measure`] lets the check look at every string of it, and
//! [`Tally`] counts what it said. [`draw`] makes such folders, from a seed.

pub mod draw;
mod look;
mod table;
mod tally;
mod truth;

pub use look::{Answer, Eye, Measured, measure};
pub use table::table;
pub use tally::{Count, Figure, Row, Tally};
pub use truth::{Drawn, Entry, TRUTH, Truth, TruthError};
