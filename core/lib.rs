//! The decisions of presscheck, without I/O.
//!
//! Nothing here knows a clock, a disk, a network, an environment variable or ambient randomness:
//! what it needs of the world comes in as arguments. Arrows point one way only, from the top of this
//! list to the bottom:
//!
//! [`providers`] → [`labels`] → [`report`] → [`compare`] → [`gate`] → [`checks`] → [`prompts`] → [`policy`] → [`units`], [`inert`].

pub mod checks;
pub mod compare;
pub mod gate;
pub mod inert;
pub mod labels;
pub mod policy;
pub mod prompts;
pub mod providers;
pub mod report;
pub mod units;
