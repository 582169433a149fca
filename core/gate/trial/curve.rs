//! The evidence over the pairs, thinned to what a chart needs.

use super::Evidence;
use crate::gate::{EvidenceCurve, EvidencePoint, MAX_POINTS};

/// Evenly spaced points, their number bounded whatever the number of pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve {
    points: Vec<(u64, f64, f64)>,
    /// Pairs between two points that are kept; 0 stands for every one.
    stride: u64,
}

impl Curve {
    /// Notes the evidence after so many pairs.
    pub(super) fn add(&mut self, pairs: u64, evidence: Evidence) {
        let due = self.points.last().is_none_or(|(last, ..)| pairs >= last + self.stride);
        if !due {
            return;
        }
        self.points.push((pairs, evidence.pass, evidence.fail));
        // One place is kept free for the last point.
        if self.points.len() >= MAX_POINTS {
            let mut odd = true;
            self.points.retain(|_| {
                odd = !odd;
                !odd
            });
            self.stride = (self.stride * 2).max(2);
        }
    }

    /// The curve for a report, with the evidence after the last pair as its end.
    pub(super) fn drawn(&self, limit: &str, pairs: u64, now: Evidence) -> Option<EvidenceCurve> {
        let point = |(pairs, pass, fail): &(u64, f64, f64)| EvidencePoint {
            pairs: *pairs,
            pass: capital(*pass),
            fail: capital(*fail),
        };
        let last = (pairs, now.pass, now.fail);
        let is_new = self.points.last().is_some_and(|(seen, ..)| *seen < pairs);
        let points: Vec<_> = self.points.iter().chain(is_new.then_some(&last)).map(point).collect();
        (!points.is_empty()).then(|| EvidenceCurve {
            limit: limit.to_owned(),
            pass_at: capital(now.pass_at),
            fail_at: capital(now.fail_at),
            points,
        })
    }
}

/// The evidence of a logarithm, to four digits, within what a chart shows.
fn capital(ln: f64) -> f64 {
    let value = ln.exp().clamp(1e-12, 1e12);
    // Through its text, so that JSON has no long tail of digits.
    format!("{value:.3e}").parse().unwrap_or(value)
}
