//! The exact test at the end of a draw, for `claim: model`.
//!
//! Samples are ordered by Tango's score statistic (Statistics in Medicine 17, 1998). The p-value is the chance
//! of a sample at least as extreme, at the worst share of discordant pairs that the sample itself does
//! not rule out: the maximum over a confidence interval of level `1 - gamma`, plus `gamma` (Berger and Boos,
//! JASA 89, 1994). The maximum is taken over a grid, so it is numerical and not a proof of the supremum.

use super::Tally;
use super::betting::PairCounts;
use super::intervals::{clopper_pearson_lower, clopper_pearson_upper, float, tango_z};

/// How much of the error is spent on the interval of the nuisance parameter.
pub const GAMMA: f64 = 0.001;

/// How many shares of discordant pairs are tried.
pub const GRID_POINTS: u32 = 61;

/// Two statistics closer than this are the same one.
const TIE: f64 = 1e-9;

/// The p-value against "the failure rate rises by `limit` or more": small where the sample shows that it rises
/// by less. 1 where no pair was seen.
#[must_use]
pub fn p_pass(counts: PairCounts, limit: f64) -> f64 {
    Exact::new(counts, limit, GRID_POINTS).p_value(1.0)
}

/// The p-value against "the failure rate rises by `tolerate` or less": small where it rises by more.
#[must_use]
pub fn p_fail(counts: PairCounts, tolerate: f64) -> f64 {
    mirrored(counts, tolerate, GRID_POINTS).p_value(1.0)
}

/// Whether [`p_pass`] is at most `alpha`; faster, since most samples are ruled out at the first share.
#[must_use]
pub fn passes(counts: PairCounts, limit: f64, alpha: f64) -> bool {
    Exact::new(counts, limit, GRID_POINTS).p_value(alpha) <= alpha
}

/// Whether [`p_fail`] is at most `alpha`.
#[must_use]
pub fn fails(counts: PairCounts, tolerate: f64, alpha: f64) -> bool {
    mirrored(counts, tolerate, GRID_POINTS).p_value(alpha) <= alpha
}

/// The p-values of both sides over a nuisance grid of `points` shares, for those who want it finer.
#[must_use]
pub fn p_values(tally: Tally, limit: f64, tolerate: f64, points: u32) -> (f64, f64) {
    let counts = PairCounts::from(tally);
    (
        Exact::new(counts, limit, points).p_value(1.0),
        mirrored(counts, tolerate, points).p_value(1.0),
    )
}

/// With the sides swapped, "rises by more" reads "falls by less": one computation serves both.
fn mirrored(counts: PairCounts, tolerate: f64, points: u32) -> Exact {
    let PairCounts { n, b, c } = counts;
    Exact::new(PairCounts { n, b: c, c: b }, -tolerate, points)
}

/// One sample, ready for its p-value.
struct Exact {
    n: u64,
    delta: f64,
    observed: f64,
    /// For each `c` from 0 on, how many `b` (from 0 on) are as extreme as the sample.
    extreme: Vec<u64>,
    ln_factorials: Vec<f64>,
    shares: Vec<f64>,
}

impl Exact {
    fn new(counts: PairCounts, delta: f64, points: u32) -> Self {
        let PairCounts { n, b, c } = counts;
        let delta = if delta.is_nan() { 0.0 } else { delta.clamp(-0.999, 0.999) };
        let discordant = b.saturating_add(c).min(n);
        let observed = if n == 0 { 0.0 } else { tango_z(n, b, c, delta) };
        let lower = clopper_pearson_lower(discordant, n, GAMMA / 2.0).max(delta.abs());
        let upper = clopper_pearson_upper(discordant, n, GAMMA / 2.0).max(lower);
        let steps = f64::from(points.max(2) - 1);
        let mut shares: Vec<f64> = (0..points.max(2))
            .map(|point| (upper - lower).mul_add(f64::from(point) / steps, lower).min(1.0))
            .collect();
        // The worst share is mostly near the one observed: a decision is quicker from there.
        let seen = float(discordant) / float(n.max(1));
        shares.sort_by(|a, b| (a - seen).abs().total_cmp(&(b - seen).abs()));
        let mut ln_factorials = Vec::new();
        let mut sum = 0.0;
        ln_factorials.push(sum);
        for k in 1..=n {
            sum += float(k).ln();
            ln_factorials.push(sum);
        }
        let extreme = extreme_region(n, delta, observed + TIE, upper);
        Self { n, delta, observed, extreme, ln_factorials, shares }
    }

    fn ln_factorial(&self, k: u64) -> f64 {
        usize::try_from(k).ok().and_then(|k| self.ln_factorials.get(k)).copied().unwrap_or(0.0)
    }

    fn ln_choose(&self, n: u64, k: u64) -> f64 {
        self.ln_factorial(n) - self.ln_factorial(k) - self.ln_factorial(n.saturating_sub(k))
    }

    /// The largest chance over all shares, plus gamma; ends early where it is over `enough`.
    fn p_value(&self, enough: f64) -> f64 {
        if self.n == 0 || !self.observed.is_finite() {
            return 1.0;
        }
        let mut worst = 0.0_f64;
        for share in &self.shares {
            worst = worst.max(self.chance(*share));
            if worst + GAMMA > enough {
                break;
            }
        }
        (worst + GAMMA).min(1.0)
    }

    /// The chance of a sample as extreme, where a share `psi` of the pairs is discordant: over every `c`, its
    /// chance times that of few enough `b` among the others.
    fn chance(&self, psi: f64) -> f64 {
        let only_b = f64::midpoint(psi, self.delta).clamp(0.0, 1.0);
        let only_c = f64::midpoint(psi, -self.delta).clamp(0.0, 1.0);
        let given = if only_c < 1.0 { (only_b / (1.0 - only_c)).min(1.0) } else { 0.0 };
        let n = float(self.n);
        let (mean, reach) = (n * only_c, 12.0 * (n * only_c * (1.0 - only_c)).sqrt() + 40.0);
        let mut sum = 0.0;
        for (c, extreme) in (0..=self.n).zip(&self.extreme) {
            if float(c) < mean - reach || *extreme == 0 {
                continue;
            }
            if float(c) > mean + reach {
                break;
            }
            let weight = self.ln_binomial(self.n, c, only_c).exp();
            if weight > 0.0 {
                sum += weight * self.at_most(self.n - c, extreme - 1, given);
            }
        }
        sum
    }

    fn ln_binomial(&self, n: u64, k: u64, p: f64) -> f64 {
        // Nothing to the power of nothing is one.
        let power = |count: u64, ln: f64| if count == 0 { 0.0 } else { float(count) * ln };
        self.ln_choose(n, k) + power(k, p.ln()) + power(n - k, (-p).ln_1p())
    }

    /// The chance of at most `k` of `n`: summed from `k` outwards, away from the middle, where the terms fall.
    fn at_most(&self, n: u64, k: u64, p: f64) -> f64 {
        if k >= n || p <= 0.0 {
            return 1.0;
        }
        if p >= 1.0 {
            return 0.0;
        }
        let odds = p / (1.0 - p);
        let rises = float(k) > float(n) * p;
        let start = if rises { k + 1 } else { k };
        let mut term = self.ln_binomial(n, start, p).exp();
        let mut sum = term;
        if rises {
            for j in start..n {
                term *= float(n - j) / float(j + 1) * odds;
                sum += term;
                if term < sum * 1e-17 {
                    break;
                }
            }
            (1.0 - sum).max(0.0)
        } else {
            for j in (1..=start).rev() {
                term *= float(j) / (float(n - j + 1) * odds);
                sum += term;
                if term < sum * 1e-17 {
                    break;
                }
            }
            sum.min(1.0)
        }
    }
}

/// For each `c`, how many `b` have a statistic of at most `bound`. The statistic rises in `b` and falls in `c`
/// (Sidik, Statistics in Medicine 22, 2003), so the boundary is a staircase that is walked once. Beyond
/// what the largest share of discordant pairs makes possible, nothing is walked.
fn extreme_region(n: u64, delta: f64, bound: f64, largest_share: f64) -> Vec<u64> {
    let only_c = f64::midpoint(largest_share, delta.abs()).clamp(0.0, 1.0);
    let reach = float(n) * only_c + 12.0 * (float(n) * only_c).sqrt() + 41.0;
    let mut region = Vec::new();
    let mut count = 0;
    for c in 0..=n {
        if float(c) > reach {
            break;
        }
        count = count.min(n - c + 1);
        while count <= n - c && tango_z(n, count, c, delta) <= bound {
            count += 1;
        }
        region.push(count);
    }
    region
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, term by term, over every sample there is.
    fn brute_force(counts: PairCounts, delta: f64, above: bool) -> f64 {
        let PairCounts { n, b, c } = counts;
        let observed = tango_z(n, b, c, delta);
        let lower = clopper_pearson_lower(b + c, n, GAMMA / 2.0).max(delta.abs());
        let upper = clopper_pearson_upper(b + c, n, GAMMA / 2.0).max(lower);
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |sum, i| sum * float(n - i) / float(i + 1));
        let power = |p: f64, k: u64| p.powi(i32::try_from(k).unwrap());
        let mut worst = 0.0_f64;
        for point in 0..GRID_POINTS {
            let psi = lower + (upper - lower) * f64::from(point) / f64::from(GRID_POINTS - 1);
            let (only_b, only_c) = (f64::midpoint(psi, delta), f64::midpoint(psi, -delta));
            let mut sum = 0.0;
            for x in 0..=n {
                for y in 0..=n - x {
                    let z = tango_z(n, x, y, delta);
                    if if above { z >= observed - TIE } else { z <= observed + TIE } {
                        sum += choose(n, x)
                            * choose(n - x, y)
                            * power(only_b, x)
                            * power(only_c, y)
                            * power((1.0 - psi).max(0.0), n - x - y);
                    }
                }
            }
            worst = worst.max(sum);
        }
        (worst + GAMMA).min(1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn the_staircase_is_the_definition(
            n in 1_u64..28, b in 0_u64..8, c in 0_u64..8, delta in prop::sample::select(vec![0.0, 0.02, 0.05, 0.2]),
        ) {
            let counts = PairCounts { n: n + b + c, b, c };
            prop_assert!((p_pass(counts, delta) - brute_force(counts, delta, false)).abs() < 1e-9);
            prop_assert!((p_fail(counts, delta) - brute_force(counts, delta, true)).abs() < 1e-9);
            for alpha in [0.01, 0.025, 0.2] {
                prop_assert_eq!(passes(counts, delta, alpha), p_pass(counts, delta) <= alpha);
                prop_assert_eq!(fails(counts, delta, alpha), p_fail(counts, delta) <= alpha);
            }
        }

        #[test]
        fn a_finer_grid_changes_little(b in 0_u64..20, c in 0_u64..20) {
            let tally = Tally { n: 400, candidate_only: b, baseline_only: c, ..Tally::default() };
            let (coarse, fine) = (p_values(tally, 0.02, 0.0, 61), p_values(tally, 0.02, 0.0, 241));
            prop_assert!(fine.0 - coarse.0 < 1e-3 && fine.1 - coarse.1 < 1e-3);
        }

        #[test]
        fn no_counts_upset_it(n in 0_u64..400, b in 0_u64..500, c in 0_u64..500, delta in -2.0..2.0) {
            let p = p_pass(PairCounts { n, b, c }, delta);
            prop_assert!((0.0..=1.0).contains(&p));
        }
    }
}
