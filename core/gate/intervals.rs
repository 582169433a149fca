//! Exact and score intervals for the figures of a report.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;

/// The smallest `x` in [lo, hi] at which an increasing function reaches zero, by bisection: 100 halvings
/// leave less than a float's own precision.
fn rising_root(lo: f64, hi: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut lo, mut hi) = (lo, hi);
    for _ in 0..100 {
        let mid = f64::midpoint(lo, hi);
        if f(mid) < 0.0 {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    f64::midpoint(lo, hi)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

/// The lower end of the one-sided Clopper–Pearson interval: the rate at which `k` or more of `n` would be
/// seen with probability `alpha`. 0 where `k` is 0 or `n` is 0.
///
/// Clopper and Pearson, Biometrika 26 (1934).
#[must_use]
pub fn clopper_pearson_lower(k: u64, n: u64, alpha: f64) -> f64 {
    if k == 0 || n == 0 {
        return 0.0;
    }
    let k = k.min(n);
    rising_root(0.0, 1.0, |p| beta_reg(float(k), float(n - k + 1), p) - alpha)
}

/// The upper end of the one-sided Clopper–Pearson interval: the rate at which `k` or fewer of `n` would
/// be seen with probability `alpha`. 1 where `k` is `n`.
#[must_use]
pub fn clopper_pearson_upper(k: u64, n: u64, alpha: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    rising_root(0.0, 1.0, |p| beta_reg(float(k + 1), float(n - k), p) - (1.0 - alpha))
}

/// The two-sided 95% Clopper–Pearson interval of a rate; nothing where nothing was seen.
#[must_use]
pub fn rate_interval(k: u64, n: u64) -> Option<[f64; 2]> {
    (n > 0).then(|| [clopper_pearson_lower(k, n, 0.025), clopper_pearson_upper(k, n, 0.025)])
}

/// Tango's score statistic for a paired difference: how many standard errors `(b - c) / n` lies above
/// `delta`. `b` pairs fail on the candidate alone, `c` on the baseline alone. 0 where the variance is 0.
///
/// Tango, Statistics in Medicine 17 (1998).
#[must_use]
pub fn tango_z(n: u64, b: u64, c: u64, delta: f64) -> f64 {
    let (n, b, c) = (float(n), float(b), float(c));
    let linear = -b - c + (2.0 * n - b + c) * delta;
    let constant = -c * delta * (1.0 - delta);
    let q = ((linear * linear - 8.0 * n * constant).max(0.0).sqrt() - linear) / (4.0 * n);
    let variance = n * (2.0 * q + delta * (1.0 - delta));
    if variance <= 0.0 || n == 0.0 { 0.0 } else { (b - c - n * delta) / variance.sqrt() }
}

/// The quantile of the standard normal distribution.
pub(super) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The one-sided Wilson interval of a rate, each end at `alpha`: the rates at which `k` of `n` would lie
/// just that far off in standard errors. The whole range where `n` is 0.
///
/// Wilson, Journal of the American Statistical Association 22 (1927).
#[must_use]
pub fn wilson_interval(k: u64, n: u64, alpha: f64) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let z = normal_quantile(1.0 - alpha);
    let (n, k) = (float(n), float(k.min(n)));
    let (rate, weight) = (k / n, z * z / n);
    let middle = (rate + weight / 2.0) / (1.0 + weight);
    let half = (weight * (rate * (1.0 - rate) + weight / 4.0)).sqrt() / (1.0 + weight);
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

/// The lower and upper end of Tango's interval for a paired difference of rates, each one-sided at
/// `alpha`. The whole range where no pair was seen.
#[must_use]
pub fn tango_interval(n: u64, b: u64, c: u64, alpha: f64) -> [f64; 2] {
    if n == 0 {
        return [-1.0, 1.0];
    }
    let z = normal_quantile(1.0 - alpha);
    // The statistic falls as delta rises.
    let lower = rising_root(-1.0, 1.0, |delta| z - tango_z(n, b, c, delta));
    let upper = rising_root(-1.0, 1.0, |delta| -z - tango_z(n, b, c, delta));
    [lower, upper]
}

/// The two-sided 95% Tango interval of a paired difference; nothing where no pair was seen.
#[must_use]
pub fn difference_interval(n: u64, b: u64, c: u64) -> Option<[f64; 2]> {
    (n > 0).then(|| tango_interval(n, b, c, 0.025))
}

/// The probability that at most `k` of `n` succeed, each with probability `p`.
#[must_use]
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    beta_reg(float(n - k), float(k + 1), 1.0 - p)
}

/// The 1-based ranks of the ordered sample between which a quantile lies, each side at `alpha`; nothing
/// on a side where the sample is too small.
///
/// The count of samples at or under the quantile is binomial, so the ranks are its quantiles
/// (David and Nagaraja, Order Statistics, section 7.1).
#[must_use]
pub fn quantile_ranks(n: u64, quantile: f64, alpha: f64) -> (Option<u64>, Option<u64>) {
    // The lower rank is the largest l with P(count < l) <= alpha, the upper the smallest u with
    // P(count >= u) <= alpha.
    let lower = (1..=n).rev().find(|l| binomial_cdf(l - 1, n, quantile) <= alpha);
    let upper = (1..=n).find(|u| 1.0 - binomial_cdf(u - 1, n, quantile) <= alpha);
    (lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} against {b}");
    }

    #[test]
    fn clopper_pearson_agrees_with_statsmodels() {
        // statsmodels 0.15, proportion_confint(method="beta").
        close(clopper_pearson_upper(0, 50, 0.05), 0.058_155_079_116_972_264);
        close(clopper_pearson_lower(9, 500, 0.05), 0.009_421_707_985_477_217);
        close(clopper_pearson_upper(9, 500, 0.05), 0.031_199_903_373_401_595);
        close(clopper_pearson_lower(0, 50, 0.05), 0.0);
        close(clopper_pearson_upper(50, 50, 0.05), 1.0);
    }

    #[test]
    fn tango_agrees_with_the_constrained_likelihood() {
        // Closed form against a brute-force constrained maximum-likelihood search.
        close(tango_z(500, 9, 7, 0.02), -1.802_450_592_691_485_4);
        close(tango_z(500, 9, 7, 0.0), 0.5);
        let [lower, upper] = tango_interval(200, 12, 3, 0.05);
        assert!((lower - 0.014_490_653_132_972_91).abs() < 1e-7);
        assert!((upper - 0.080_992_978_384_516_87).abs() < 1e-7);
    }

    #[test]
    fn quantile_ranks_agree_with_the_binomial() {
        assert_eq!(quantile_ranks(100, 0.95, 0.05), (Some(91), Some(99)));
        assert_eq!(quantile_ranks(200, 0.95, 0.05), (Some(185), Some(196)));
        assert_eq!(quantile_ranks(58, 0.95, 0.05).1, None);
        assert_eq!(quantile_ranks(59, 0.95, 0.05).1, Some(59));
    }

    proptest! {
        #[test]
        fn intervals_hold_the_estimate((n, k) in (1_u64..3000).prop_flat_map(|n| (Just(n), 0..=n))) {
            let [lower, upper] = rate_interval(k, n).unwrap();
            let rate = float(k) / float(n);
            prop_assert!(lower <= rate + 1e-12 && rate <= upper + 1e-12);
        }

        #[test]
        fn tango_holds_the_estimate_and_mirrors(n in 1_u64..2000, b in 0_u64..50, c in 0_u64..50) {
            let n = n + b + c;
            let [lower, upper] = difference_interval(n, b, c).unwrap();
            let change = (float(b) - float(c)) / float(n);
            prop_assert!(lower <= change + 1e-9 && change <= upper + 1e-9);
            let [mirrored_lower, mirrored_upper] = difference_interval(n, c, b).unwrap();
            prop_assert!((lower + mirrored_upper).abs() < 1e-9);
            prop_assert!((upper + mirrored_lower).abs() < 1e-9);
        }
    }
}
