//! What the numbers can and can't do, before a cent is spent, and what more would decide after.

use super::betting::PairCounts;
use super::intervals::{float, normal_quantile};

/// The power planned for: four runs of five are to decide.
const POWER: f64 = 0.8;

/// The squared number of standard errors that a level and the planned power need together, for a level of
/// `alpha` on each of two sides: 7.85 at 2.5%.
fn squared_errors(alpha: f64) -> f64 {
    let z = normal_quantile(1.0 - alpha.clamp(1e-12, 0.5)) + normal_quantile(POWER);
    z * z
}

/// Pairs without a single difference that are needed to rule a rise of `limit` out: fewer can't, however well
/// they go, since `(1 - limit)^n` is still over `alpha`.
fn floor(limit: f64, alpha: f64) -> f64 {
    alpha.ln() / (-limit).ln_1p()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive and finite; a cast saturates"
)]
fn ceiling(pairs: f64) -> u64 {
    pairs.max(1.0).ceil() as u64
}

/// How many pairs pass a change without effect four times of five, where both models fail at `q`, correlated
/// by `phi`, and a rise of `limit` must not pass more often than `alpha`. Nothing where no number does
/// (a limit of 0).
///
/// This is the fixed-sample formula `z² · 2q(1-q)(1-phi) / limit²`; the gate, which may stop early, needs
/// about a fifth more.
#[must_use]
pub fn pairs_to_pass(q: f64, phi: f64, limit: f64, alpha: f64) -> Option<u64> {
    if !(limit > 0.0 && limit < 1.0) {
        return None;
    }
    let discordant = 2.0 * q * (1.0 - q) * (1.0 - phi);
    let score = squared_errors(alpha) * discordant / (limit * limit);
    Some(ceiling(score.max(floor(limit, alpha))))
}

/// The smallest limit that `n` pairs can tell from no change: that of [`pairs_to_pass`], solved for the limit.
/// Nothing where there is no pair.
#[must_use]
pub fn smallest_rise(q: f64, phi: f64, n: u64, alpha: f64) -> Option<f64> {
    if n == 0 {
        return None;
    }
    let discordant = (2.0 * q * (1.0 - q) * (1.0 - phi)).max(0.0);
    let score = (squared_errors(alpha) * discordant / float(n)).sqrt();
    let floor = -(alpha.ln() / float(n)).exp_m1();
    Some(score.max(floor).min(1.0))
}

/// How many pairs in all would decide an inconclusive comparison with even chances or better, if the rates
/// stay as seen: against a rise of `limit` where the estimate lies under it, against a rise of `tolerate`
/// where it lies over. Nothing where nothing was seen, or where the estimate lies on the boundary, which no
/// number of pairs tells apart.
#[must_use]
pub fn pairs_to_decide(counts: PairCounts, limit: f64, tolerate: f64, alpha: f64) -> Option<u64> {
    if counts.n == 0 {
        return None;
    }
    let n = float(counts.n);
    let rise = counts.rise();
    let gap = if rise <= limit { limit - rise } else { rise - tolerate };
    // Half a pair each way: no difference seen is not proof that there is none.
    let discordant = (float(counts.b) + float(counts.c) + 0.5) / (n + 1.0);
    let variance = (discordant - rise * rise).max(0.0);
    if gap <= 0.0 {
        return None;
    }
    let mut needed = squared_errors(alpha) * variance / (gap * gap);
    if rise <= limit && limit > 0.0 && limit < 1.0 {
        needed = needed.max(floor(limit, alpha));
    }
    // More than this is no advice.
    (needed < 1e7).then(|| ceiling(needed).max(counts.n + 1))
}

/// Whether an absolute limit lies too near the rate expected to be decided with a sensible number of images:
/// less than half of itself away.
#[must_use]
pub fn too_near(limit: f64, expected: f64) -> bool {
    (limit - expected).abs() < limit / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_that_of_the_facts() {
        // z = 1.95996 + 0.84162 against the rounded 1.96 + 0.84: a tenth of a percent.
        for (q, limit, expected) in [
            (0.005, 0.01, 547.0),
            (0.018, 0.01, 1943.0),
            (0.05, 0.01, 5220.0),
            (0.12, 0.01, 11604.0),
            (0.005, 0.02, 183.0),
            (0.018, 0.02, 486.0),
            (0.05, 0.02, 1305.0),
            (0.12, 0.02, 2901.0),
            (0.005, 0.03, 122.0),
            (0.12, 0.05, 465.0),
        ] {
            let pairs = float(pairs_to_pass(q, 0.3, limit, 0.025).unwrap());
            assert!((pairs / expected - 1.0).abs() < 0.006, "{q} {limit}: {pairs}");
        }
        assert_eq!(pairs_to_pass(0.018, 0.3, 0.0, 0.025), None);
    }

    #[test]
    fn the_smallest_rise_is_the_plan_backwards() {
        for n in [50, 100, 500, 2000] {
            let rise = smallest_rise(0.018, 0.3, n, 0.025).unwrap();
            let pairs = pairs_to_pass(0.018, 0.3, rise, 0.025).unwrap();
            assert!(pairs.abs_diff(n) <= 1, "{n}: {pairs}");
        }
        assert_eq!(smallest_rise(0.018, 0.3, 0, 0.025), None);
    }

    #[test]
    fn what_would_decide_grows_as_the_estimate_nears_the_limit() {
        let pairs = |b, c| pairs_to_decide(PairCounts { n: 200, b, c }, 0.02, 0.0, 0.025);
        assert!(pairs(2, 2).unwrap() < pairs(4, 2).unwrap());
        assert_eq!(pairs(4, 0), None);
        assert!(pairs(12, 2).unwrap() < pairs(8, 3).unwrap());
        assert_eq!(pairs_to_decide(PairCounts::default(), 0.02, 0.0, 0.025), None);
    }
}
