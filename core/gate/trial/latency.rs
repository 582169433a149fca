//! The 95th percentile of the time to a picture, as a share of slow answers.
//!
//! The percentile lies within a time exactly where at most 5% of the answers are slower. Between 5% and 10% slow
//! answers neither a pass nor a fail is claimed.

use std::time::Duration;

use super::Test;
use crate::gate::betting::{Evidence, PairCounts};
use crate::gate::evidence::Pair;
use crate::gate::intervals::{float, quantile_ranks};
use crate::gate::limits::{P95_MIN_ABSOLUTE, P95_MIN_RELATIVE};
use crate::gate::model::Levels;
use crate::gate::{Decision, summaries};
use crate::policy::QuantityLimit;

/// The share of slow answers up to which a limit is kept.
const KEPT: f64 = 0.05;

/// The share of slow answers that a pass rules out.
const RULED_OUT: f64 = 0.10;

/// A limit on the percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// A time. `forgives` is whether a change that is faster than the baseline is never blocked.
    Max { time: Duration, forgives: bool },
    /// A share of the baseline's.
    Increase(f64),
}

/// The limits that a draw of so many pairs can judge.
pub(super) fn limits(
    limit: &QuantityLimit<Duration>,
    has_baseline: bool,
    pairs: u64,
) -> Vec<Limit> {
    let mut limits = Vec::new();
    if let Some(increase) = &limit.max_increase
        && has_baseline
        && pairs >= P95_MIN_RELATIVE
    {
        limits.push(Limit::Increase(increase.value));
    }
    if let Some(max) = &limit.max
        && pairs >= P95_MIN_ABSOLUTE
    {
        let forgives = has_baseline && !limit.strict;
        limits.push(Limit::Max { time: max.value, forgives });
    }
    limits
}

#[derive(Clone, Debug)]
pub(super) struct LatencyTest {
    limit: Limit,
    levels: Levels,
    evidence: Evidence,
    /// The time above which an answer is slow; nothing until the baseline's percentile is known.
    slow: Option<f64>,
    baseline: Vec<Duration>,
    candidate: Vec<Duration>,
    counts: PairCounts,
}

impl LatencyTest {
    pub(super) fn new(limit: Limit, levels: Levels) -> Self {
        let slow = match limit {
            Limit::Max { time, .. } => Some(time.as_secs_f64()),
            Limit::Increase(_) => None,
        };
        Self {
            limit,
            levels,
            evidence: Evidence::exceedance(KEPT, RULED_OUT),
            slow,
            baseline: Vec::new(),
            candidate: Vec::new(),
            counts: PairCounts::default(),
        }
    }

    fn count(&mut self, time: Duration) {
        if let Some(slow) = self.slow {
            self.counts.n += 1;
            self.counts.b += u64::from(time.as_secs_f64() > slow);
        }
    }

    /// The baseline's percentile is known only within an interval, so it counts with the upper end: from its first
    /// hundred times, and never again, for a moving target could be hit by chance.
    fn freeze(&mut self, increase: f64) {
        let mut sorted = self.baseline.clone();
        sorted.sort_unstable();
        let n = u64::try_from(sorted.len()).unwrap_or(u64::MAX);
        let (_, upper) = quantile_ranks(n, 0.95, 0.025);
        let upper = upper
            .and_then(|rank| usize::try_from(rank).ok())
            .and_then(|rank| sorted.get(rank.saturating_sub(1)))
            .or(sorted.last());
        self.slow = upper.map(|time| (1.0 + increase) * time.as_secs_f64());
        for time in std::mem::take(&mut self.candidate) {
            self.count(time);
        }
    }

    /// Whether the candidate's percentile is under the baseline's, as far as both were seen.
    fn is_faster(&self) -> bool {
        let p95 = |times: &[Duration]| {
            let mut sorted = times.to_vec();
            sorted.sort_unstable();
            summaries::quantile(&sorted, 0.95)
        };
        p95(&self.baseline)
            .zip(p95(&self.candidate))
            .is_some_and(|(baseline, candidate)| candidate < baseline)
    }
}

impl Test for LatencyTest {
    fn name(&self) -> &str {
        match self.limit {
            Limit::Max { .. } => "latency_p95.max",
            Limit::Increase(_) => "latency_p95.max_increase",
        }
    }

    fn add(&mut self, pair: &Pair) {
        let times = super::times(pair);
        match self.limit {
            Limit::Max { forgives, .. } => {
                if forgives {
                    self.baseline.extend(times.baseline);
                    self.candidate.extend(times.candidate);
                }
                if let Some(time) = times.candidate {
                    self.count(time);
                }
            }
            Limit::Increase(increase) => {
                if self.slow.is_some() {
                    if let Some(time) = times.candidate {
                        self.count(time);
                    }
                    return;
                }
                self.candidate.extend(times.candidate);
                self.baseline.extend(times.baseline);
                if self.baseline.len() as u64 >= P95_MIN_RELATIVE {
                    self.freeze(increase);
                }
            }
        }
    }

    fn look(&self) -> Option<Decision> {
        // A few slow answers at the start are a bad minute of the provider, not a percentile.
        if self.counts.n < P95_MIN_ABSOLUTE {
            return None;
        }
        let (pass, fail) = self.evidence.ln_capitals(self.counts);
        if pass >= self.levels.pass.ln_threshold() {
            return Some(Decision::Pass);
        }
        let over = float(self.counts.b) > KEPT * float(self.counts.n);
        let forgiven = matches!(self.limit, Limit::Max { forgives: true, .. });
        let broken = over && fail >= self.levels.fail.ln_threshold();
        (broken && !(forgiven && self.is_faster())).then_some(Decision::Fail)
    }
}
