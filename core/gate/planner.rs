//! What the numbers can and can't do, before a cent is spent, and what more would decide after.

use super::betting::{Joint, PairCounts};
use super::intervals::{float, normal_quantile};
use super::model::{Levels, SHORT};
use super::naive::alarm_rate;

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

/// [`pairs_to_pass`] with the fifth more that the gate needs, at the part of an error of `let_bad_through` that
/// `claim: model` keeps for its last pair.
#[must_use]
pub fn pairs_to_pass_gate(q: f64, phi: f64, limit: f64, let_bad_through: f64) -> Option<u64> {
    let with = |n_end| {
        let level = Levels::model(n_end, let_bad_through, 0.05, 1).pass.terminal;
        let pairs = pairs_to_pass(q, phi, limit, level)?;
        Some(pairs.saturating_add(pairs.div_ceil(5)))
    };
    let short = with(SHORT)?;
    if short <= SHORT { Some(short) } else { Some(with(SHORT + 1)?.max(SHORT + 1)) }
}

/// The smallest rise over `q` that is blocked four times of five, on `n` pairs under a limit of `limit`: the
/// counts must lie over the limit, and where `proof` is a level, they must also prove at it that there is a
/// rise. Nothing where no rise is seen that well.
#[must_use]
pub fn rise_blocked(q: f64, phi: f64, n: u64, limit: f64, proof: Option<f64>) -> Option<f64> {
    let seen = |rise: f64| {
        let joint = Joint::new(q, q + rise, phi);
        let variance = (joint.candidate_only + joint.baseline_only - rise * rise).max(0.0);
        let proven =
            proof.is_none_or(|level| float(n) * rise * rise >= squared_errors(level) * variance);
        proven && alarm_rate(n, q, q + rise, phi, limit) >= POWER
    };
    let (mut low, mut high) = (0.0, 1.0 - q);
    if n == 0 || !seen(high) {
        return None;
    }
    // To a hundredth of a point.
    while high - low > 1e-4 {
        let middle = f64::midpoint(low, high);
        if seen(middle) { high = middle } else { low = middle }
    }
    Some(high)
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
    fn the_gate_needs_a_fifth_more_than_a_fixed_sample() {
        // 486 and a fifth of it, by the rounded quantiles of the facts.
        let pairs = pairs_to_pass_gate(0.018, 0.3, 0.02, 0.05).unwrap();
        assert!((575..590).contains(&pairs), "{pairs}");
        // A looser level suits few pairs.
        assert!(pairs_to_pass_gate(0.018, 0.3, 0.05, 0.05).unwrap() < 94);
        assert_eq!(pairs_to_pass_gate(0.018, 0.3, 0.0, 0.05), None);
    }

    #[test]
    fn the_rise_that_is_seen_is_the_one_that_is_blocked_four_times_of_five() {
        // Over the exact figures: 200 pairs miss a rise of 4 points in 14% of cases, 100 in 26.5%.
        let rise = |n, proof| rise_blocked(0.018, 0.3, n, 0.02, proof).unwrap();
        assert!(rise(200, None) < 0.04 && rise(100, None) > 0.04);
        // A proof of a rise asks for more than counts over the limit: 200 pairs block 4.2 points 81% of the
        // time, 100 pairs half of the time.
        let proven = rise(200, Some(0.04));
        assert!((0.04..0.044).contains(&proven), "{proven}");
        assert!(rise(100, Some(0.04)) > 0.05);
        assert_eq!(rise_blocked(0.018, 0.3, 0, 0.02, None), None);
        assert_eq!(rise_blocked(0.5, 0.3, 10, 0.9, None), None);
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
