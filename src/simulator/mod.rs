//! A simulated model server: real pictures from prompts, faults and prices included, over the wire of any provider.
//!
//! For demonstrations, for tests, and for anyone who writes a policy without a key. It listens on this
//! machine only. Everything about an answer (its picture, its fault, its latency) follows from the
//! model, the prompt and the seed, so the same request always gets the same answer, in any order and at
//! any concurrency.

mod alarm;
mod answer;
mod command;
mod credit;
mod dice;
mod fault;
mod latency;
mod limits;
mod log;
mod orders;
mod picture;
mod profile;
mod question;
mod route;
mod sample;
mod server;
mod shelf;

pub(crate) use dice::Dice;
pub(crate) use picture::drawing;
#[cfg(test)]
pub(crate) use picture::{Encoding, Order, Studio, Treatment};

pub use command::{SimulateArgs, SimulateError, simulate};
pub use fault::{Fault, FaultTable, Faults, expected_outcome};
pub use latency::{Latency, LatencyTable};
pub use limits::PerTime;
pub use log::LogEntry;
pub use picture::Size;
pub use profile::{EXAMPLE_PROFILE, Model, Models, Profile, ProfileError};
pub use server::{Options, Running, Simulator, dialects};
