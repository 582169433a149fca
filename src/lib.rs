//! presscheck: a merge gate for image models.
//!
//! This library is the binary's own; its only stable interface is the command line. Arrows point down this
//! list only: `cli`, [`github`], [`run`], `explain`, [`measure`], [`store`], [`revision`], [`transport`], [`simulator`], [`weights`], and below them
//! the pure crate `presscheck_core`.

pub mod cli;
mod explain;
pub mod github;
pub mod measure;
pub mod revision;
pub mod run;
pub mod simulator;
pub mod store;
pub mod transport;
pub mod weights;
