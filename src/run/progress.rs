//! What a run tells while it is under way.

use presscheck_core::gate::{BySide, Tally};
use presscheck_core::units::Usd;

/// How far a subject is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status<'a> {
    /// The subject.
    pub subject: &'a str,
    /// Judged pairs.
    pub pairs: u64,
    /// Pairs of the whole draw.
    pub planned: u64,
    /// Failures so far.
    pub tally: Tally,
    /// What this run has paid for so far, all subjects.
    pub spent: Usd,
    /// Images bought so far, all subjects.
    pub bought: u64,
    /// Samples that came from the store.
    pub from_store: BySide<u64>,
    /// How near the evidence is to a proof; nothing where no limit of a failure rate is tested.
    pub proof: Option<Proof>,
}

/// How far the evidence has come towards its boundaries, from 0 (none) to 1 (proven), on the scale of its
/// logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Proof {
    /// That the limit is kept.
    pub pass: f64,
    /// That it is broken.
    pub fail: f64,
}

/// Whoever listens: a terminal, a log, a check run.
pub trait Progress: Send + Sync {
    /// A subject begins: what is compared with what.
    fn begin(&self, subject: &str, baseline: Option<&str>, candidate: &str, planned: u64);

    /// A pair was judged.
    fn pair(&self, status: &Status<'_>);

    /// Something that a reader should know at once.
    fn note(&self, note: &str);

    /// The subject is over.
    fn end(&self);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Option<&str>, _: &str, _: u64) {}
    fn pair(&self, _: &Status<'_>) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
}
