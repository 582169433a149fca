//! What a plain comparison of two failure rates gets wrong: shown beside the gate's own figures.

use super::betting::Joint;
use super::intervals::{binomial_cdf, float};

/// How often the rule "block where the candidate's failure rate is over the baseline's by more than `limit`"
/// blocks, on `n` pairs with true rates `q` and `p` correlated by `phi`. Exact: a sum over how many pairs
/// only the baseline fails.
#[must_use]
pub fn alarm_rate(n: u64, q: f64, p: f64, phi: f64, limit: f64) -> f64 {
    let joint = Joint::new(q, p, phi);
    let given = if joint.baseline_only < 1.0 {
        (joint.candidate_only / (1.0 - joint.baseline_only)).min(1.0)
    } else {
        0.0
    };
    let allowed = super::suite::Allowed::share(n, limit).most();
    let mut sum = 0.0;
    let mut below = 0.0;
    for c in 0..=n {
        let up_to = binomial_cdf(c, n, joint.baseline_only);
        let chance = up_to - below;
        below = up_to;
        // Blocked where b is over c + allowed.
        let most = allowed.saturating_add(i64::try_from(c).unwrap_or(i64::MAX));
        let kept = u64::try_from(most).map_or(0.0, |most| binomial_cdf(most, n - c, given));
        sum += chance * (1.0 - kept);
        if 1.0 - up_to < 1e-16 && float(c) > float(n) * joint.baseline_only {
            break;
        }
    }
    sum
}
