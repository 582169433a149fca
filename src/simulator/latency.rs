//! How long a model takes.

use std::time::Duration;

use presscheck_core::policy::{FromNode, Kind, Node, Problems};
use presscheck_core::record;
use presscheck_core::units::TimeSpan;
use serde_json::{Value, json};

use super::dice::Dice;

/// The 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_7;

record! {
    /// How long a model takes: `fixed`, or `median` and `p95` of a log-normal distribution.
    pub struct LatencyTable {
        /// Always as long.
        fixed: Option<TimeSpan>,
        /// Half of the answers take longer.
        median: Option<TimeSpan>,
        /// One answer in twenty takes longer.
        p95: Option<TimeSpan>,
    }
}

/// How long a model takes, from the request to the first byte of the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always as long.
    Fixed(Duration),
    /// Log-normal.
    LogNormal {
        /// Half of the answers take longer.
        median: Duration,
        /// One answer in twenty takes longer.
        p95: Duration,
    },
}

impl Latency {
    /// One draw. With the median m and the 95th percentile q, the logarithm is normal with mean ln m and
    /// standard deviation ln(q/m) / 1.645.
    pub(crate) fn draw(&self, dice: &mut Dice) -> Duration {
        match *self {
            Self::Fixed(time) => time,
            Self::LogNormal { median, p95 } => {
                let deviation = (p95.as_secs_f64() / median.as_secs_f64()).ln() / Z95;
                let seconds = median.as_secs_f64() * (deviation * dice.normal()).exp();
                Duration::try_from_secs_f64(seconds).unwrap_or(p95)
            }
        }
    }
}

impl FromNode for Latency {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Text(_) = node.kind {
            return TimeSpan::from_node(node, problems).map(|time| Self::Fixed(time.0));
        }
        let table = LatencyTable::from_node(node, problems)?;
        match (table.fixed, table.median, table.p95) {
            (Some(fixed), None, None) => Some(Self::Fixed(fixed.0)),
            (None, Some(median), Some(p95)) if !median.0.is_zero() && p95 >= median => {
                Some(Self::LogNormal { median: median.0, p95: p95.0 })
            }
            (None, Some(_), Some(_)) => {
                problems.error(node.span, "`median` must be over 0s and `p95` no less than it");
                None
            }
            _ => {
                problems.error_with_help(
                    node.span,
                    "expected either `fixed`, or both `median` and `p95`",
                    "such as `{median: 2s, p95: 5s}`",
                );
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [TimeSpan::schema(), LatencyTable::schema()]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_median_and_the_percentile() {
        let latency =
            Latency::LogNormal { median: Duration::from_secs(2), p95: Duration::from_secs(5) };
        let mut draws: Vec<f64> = (0..4_000)
            .map(|seed| latency.draw(&mut Dice::of("latency", "m", "p", seed)).as_secs_f64())
            .collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[2_000] - 2.0).abs() < 0.1, "{}", draws[2_000]);
        assert!((draws[3_800] - 5.0).abs() < 0.4, "{}", draws[3_800]);
    }
}
