//! Betting e-processes: evidence that may be looked at after every pair.
//!
//! Each process is the capital of a gambler who bets against a null hypothesis at fair odds. Under the null
//! the capital is a nonnegative supermartingale that starts at 1, so it ever reaches `1/alpha` with
//! probability at most `alpha` (Ville's inequality), whenever and however often one looks. The bets are those
//! of Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSSB 2023).
//!
//! A gambler is a mixture of constant fractions: half the weight on one tuned to the expected rates, half on
//! a geometric grid that is never far from right. A constant fraction makes the capital a function of counts:
//! it depends on no order, no batch and no concurrency.

use super::Tally;
use super::intervals::float;
use super::lanes::{Lanes, lanes, largest, ln_sum_exp, sum_reaches};

/// The geometric grid of fractions, 0.95·2^-j.
pub const GRID: [f64; 6] = [0.95, 0.475, 0.237_5, 0.118_75, 0.059_375, 0.029_687_5];

/// The largest fraction that is ever bet: one unlucky pair never ruins a gambler.
pub const MAX_FRACTION: f64 = 0.95;

/// The assumed correlation between the two models' failures on one prompt, for tuning only: no error rate
/// depends on it.
pub const DESIGN_PHI: f64 = 0.3;

/// How many fractions a mixture has.
pub(super) const PARTS: usize = 7;

/// Fractions of the capital, with their shares of the stake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    fractions: [f64; PARTS],
    weights: [f64; PARTS],
}

impl Mixture {
    /// Half the stake on a tuned fraction (brought into [0, 0.95]), a twelfth on each of the grid.
    #[must_use]
    pub const fn tuned(fraction: f64) -> Self {
        let [a, b, c, d, e, f] = GRID;
        let w = 1.0 / 12.0;
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, MAX_FRACTION) };
        Self { fractions: [fraction, a, b, c, d, e, f], weights: [0.5, w, w, w, w, w, w] }
    }

    /// A sixth of the stake on each of the grid: where nothing is known to tune by.
    #[must_use]
    pub const fn grid() -> Self {
        let [a, b, c, d, e, f] = GRID;
        let w = 1.0 / 6.0;
        Self { fractions: [0.0, a, b, c, d, e, f], weights: [0.0, w, w, w, w, w, w] }
    }

    /// The fractions.
    #[must_use]
    pub const fn fractions(&self) -> &[f64; PARTS] {
        &self.fractions
    }

    /// The share of the stake on each fraction; together 1.
    #[must_use]
    pub const fn weights(&self) -> &[f64; PARTS] {
        &self.weights
    }
}

/// Counts of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct PairCounts {
    /// Pairs.
    pub n: u64,
    /// Only the candidate fails.
    pub b: u64,
    /// Only the baseline fails.
    pub c: u64,
}

impl PairCounts {
    /// Counts one more pair.
    pub const fn add(&mut self, baseline_fails: bool, candidate_fails: bool) {
        self.n += 1;
        if candidate_fails && !baseline_fails {
            self.b += 1;
        }
        if baseline_fails && !candidate_fails {
            self.c += 1;
        }
    }

    /// `k` failures of `n` samples of one model alone.
    #[must_use]
    pub const fn of_one(n: u64, k: u64) -> Self {
        Self { n, b: k, c: 0 }
    }

    /// Candidate-only less baseline-only failures.
    #[must_use]
    pub fn difference(&self) -> f64 {
        float(self.b) - float(self.c)
    }

    /// The estimated rise of the failure rate; 0 where nothing was seen.
    #[must_use]
    pub fn rise(&self) -> f64 {
        if self.n == 0 { 0.0 } else { self.difference() / float(self.n) }
    }
}

impl From<Tally> for PairCounts {
    fn from(tally: Tally) -> Self {
        Self { n: tally.n, b: tally.candidate_only, c: tally.baseline_only }
    }
}

/// One gambler whose capital depends on three counts: a mixture, with the logarithm of what each fraction's
/// capital is multiplied by for each kind of pair. No logarithm is taken per pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bets {
    ln_weights: Lanes,
    /// For a candidate-only failure, a baseline-only failure, and any other pair.
    ln_factors: [Lanes; 3],
}

impl Bets {
    /// A mixture that gains `fraction · gain` of its capital on each kind of pair (candidate-only failure,
    /// baseline-only failure, any other). Gains are at least -1.
    fn new(mixture: &Mixture, gains: [f64; 3]) -> Self {
        Self {
            ln_weights: lanes(mixture.weights.map(f64::ln), f64::NEG_INFINITY),
            ln_factors: gains.map(|gain| {
                lanes(mixture.fractions.map(|fraction| (fraction * gain).ln_1p()), 0.0)
            }),
        }
    }

    fn parts(&self, counts: PairCounts) -> Lanes {
        let PairCounts { n, b, c } = counts;
        let (b, c, rest) = (float(b), float(c), float(n.saturating_sub(b).saturating_sub(c)));
        let [on_b, on_c, on_rest] = &self.ln_factors;
        let mut parts = self.ln_weights;
        for (((part, on_b), on_c), on_rest) in parts.iter_mut().zip(on_b).zip(on_c).zip(on_rest) {
            *part += b * on_b + c * on_c + rest * on_rest;
        }
        parts
    }

    /// The logarithm of the capital.
    #[must_use]
    pub fn ln_capital(&self, counts: PairCounts) -> f64 {
        ln_sum_exp(&self.parts(counts))
    }

    /// Whether the capital has reached a threshold, given as a logarithm. Mostly decided without an
    /// exponential: the sum of seven parts lies between the largest one and seven times that.
    #[must_use]
    pub fn reaches(&self, counts: PairCounts, ln_threshold: f64) -> bool {
        /// A hair more than ln 7, so that rounding decides nothing.
        const LN_PARTS: f64 = 1.945_911;
        let parts = self.parts(counts);
        let max = largest(&parts);
        max >= ln_threshold || (max + LN_PARTS >= ln_threshold && sum_reaches(&parts, ln_threshold))
    }
}

/// The two gamblers of one limit: `pass` bets that it is kept, `fail` that it is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Evidence that the limit is kept.
    pub pass: Bets,
    /// Evidence that it is broken.
    pub fail: Bets,
}

impl Evidence {
    /// For a rise of the failure rate: `pass` bets against a rise of `limit` or more, `fail` against a rise
    /// of `tolerate` or less, each with half its stake on the tuned fraction given.
    ///
    /// The stakes are `f/(1 - limit)` and `f/(1 + tolerate)`, for an outcome in {-1, 0, 1}.
    #[must_use]
    pub fn increase(limit: f64, tolerate: f64, (pass, fail): (f64, f64)) -> Self {
        Self {
            pass: Bets::new(&Mixture::tuned(pass), pass_gains(limit)),
            fail: Bets::new(&Mixture::tuned(fail), fail_gains(tolerate)),
        }
    }

    /// For a rate of one model: `pass` bets against a rate of `limit` or more, `fail` against a rate of
    /// `limit` or less. Counts are [`PairCounts::of_one`].
    #[must_use]
    pub fn rate(limit: f64) -> Self {
        let (pass, fail) = tuned_rate_fractions(limit);
        Self::rates(limit, limit, &Mixture::tuned(pass), &Mixture::tuned(fail))
    }

    /// For a quantile of a latency: the share of answers slower than a time. At a 95th percentile, `fail`
    /// bets against a share of 5% or less, and `pass` against 10% or more; between, neither is claimed.
    #[must_use]
    pub fn exceedance(fail_null: f64, pass_null: f64) -> Self {
        Self::rates(pass_null, fail_null, &Mixture::grid(), &Mixture::grid())
    }

    fn rates(pass_null: f64, fail_null: f64, pass: &Mixture, fail: &Mixture) -> Self {
        let (above, below) = (inside(pass_null), inside(fail_null));
        let up = above / (1.0 - above);
        let down = (1.0 - below) / below;
        Self { pass: Bets::new(pass, [-1.0, up, up]), fail: Bets::new(fail, [down, -1.0, -1.0]) }
    }

    /// The logarithms of the capitals: pass, fail.
    #[must_use]
    pub fn ln_capitals(&self, counts: PairCounts) -> (f64, f64) {
        (self.pass.ln_capital(counts), self.fail.ln_capital(counts))
    }
}

/// A rate, a hair inside (0, 1), where odds exist.
const fn inside(rate: f64) -> f64 {
    if rate.is_nan() { 0.5 } else { rate.clamp(1e-9, 1.0 - 1e-9) }
}

/// A difference of rates, inside (-1, 1): a limit of a hundred points limits nothing.
const fn difference_inside(difference: f64) -> f64 {
    if difference.is_nan() { 0.0 } else { difference.clamp(-0.999, 0.999) }
}

fn pass_gains(limit: f64) -> [f64; 3] {
    let limit = difference_inside(limit);
    [-1.0, (limit + 1.0) / (1.0 - limit), limit / (1.0 - limit)]
}

fn fail_gains(tolerate: f64) -> [f64; 3] {
    let tolerate = difference_inside(tolerate);
    [(1.0 - tolerate) / (1.0 + tolerate), -1.0, -tolerate / (1.0 + tolerate)]
}

/// The fractions tuned for an absolute limit, for the pass side at half the limit and for the fail side at
/// twice: there they grow fastest.
#[must_use]
pub fn tuned_rate_fractions(limit: f64) -> (f64, f64) {
    let limit = inside(limit);
    (0.5, (limit / (1.0 - limit)).min(MAX_FRACTION))
}

/// How two models fail together: the chances of the outcomes of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint {
    /// Both fail.
    pub both: f64,
    /// Only the candidate fails.
    pub candidate_only: f64,
    /// Only the baseline fails.
    pub baseline_only: f64,
}

impl Joint {
    /// A baseline that fails at `q`, a candidate at `p`, correlated by `phi` as far as the rates allow.
    #[must_use]
    pub fn new(q: f64, p: f64, phi: f64) -> Self {
        let (q, p) = (q.clamp(0.0, 1.0), p.clamp(0.0, 1.0));
        let correlated = q * p + phi * (q * (1.0 - q) * p * (1.0 - p)).sqrt();
        let least = (p + q - 1.0).max(0.0);
        let both = correlated.min(p.min(q)).max(least);
        Self { both, candidate_only: p - both, baseline_only: q - both }
    }

    /// Neither fails.
    #[must_use]
    pub fn neither(&self) -> f64 {
        (1.0 - self.both - self.candidate_only - self.baseline_only).max(0.0)
    }
}

/// The rise for which the fail side is tuned: twice the limit, a point at least.
pub(super) const fn design_rise(limit: f64) -> f64 {
    2.0 * limit.max(0.005)
}

/// The fractions that grow fastest at the rates expected: for the pass side at no change, for the fail side
/// at a rise of twice the limit. `q` is the baseline's rate as known before this run.
#[must_use]
pub fn tuned_increase_fractions(q: f64, phi: f64, limit: f64, tolerate: f64) -> (f64, f64) {
    let chances = |joint: Joint| {
        let discordant = joint.candidate_only + joint.baseline_only;
        [joint.candidate_only, joint.baseline_only, 1.0 - discordant]
    };
    let best = |joint: Joint, gains: [f64; 3]| {
        let mut outcomes = [(0.0, 0.0); 3];
        for ((outcome, chance), gain) in outcomes.iter_mut().zip(chances(joint)).zip(gains) {
            *outcome = (chance, gain);
        }
        best_fraction(&outcomes)
    };
    let worse = (q + design_rise(limit)).min(1.0);
    (
        best(Joint::new(q, q, phi), pass_gains(limit)),
        best(Joint::new(q, worse, phi), fail_gains(tolerate)),
    )
}

/// The fraction in [0, 0.95] that maximises Σ chance · ln(1 + fraction · gain), by bisection on the
/// derivative, which falls.
pub(super) fn best_fraction(outcomes: &[(f64, f64)]) -> f64 {
    let slope = |fraction: f64| -> f64 {
        outcomes.iter().map(|(chance, gain)| chance * gain / (1.0 + fraction * gain)).sum()
    };
    let rises_at = |fraction: f64| slope(fraction) > 0.0;
    if !rises_at(0.0) {
        return 0.0;
    }
    if rises_at(MAX_FRACTION) {
        return MAX_FRACTION;
    }
    let (mut lo, mut hi) = (0.0, MAX_FRACTION);
    for _ in 0..60 {
        let mid = f64::midpoint(lo, hi);
        if rises_at(mid) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    f64::midpoint(lo, hi)
}

/// Evidence about a bounded quantity whose mean is compared with zero.
///
/// For cost, the quantity is the candidate's cost less the allowed multiple of the baseline's; its bounds are
/// facts (the price list and the cap on attempts), never assumptions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedMean {
    min: f64,
    max: f64,
    pass: Capital,
    fail: Capital,
}

impl BoundedMean {
    /// No evidence yet about a quantity between `min` and `max`.
    #[must_use]
    pub const fn new(min: f64, max: f64) -> Self {
        let capital = Capital::new(&Mixture::grid(), 1.0);
        Self { min, max, pass: capital, fail: capital }
    }

    /// Counts one value. What lies outside the bounds is taken as at the bound; what is no number as at the
    /// upper one.
    pub fn add(&mut self, y: f64) {
        let y = if y.is_nan() { self.max } else { y.min(self.max).max(self.min) };
        if self.max > 0.0 {
            self.pass.bet(-y / self.max);
        }
        if self.min < 0.0 {
            self.fail.bet(y / -self.min);
        }
    }

    /// Whether the bounds alone keep the mean at zero or under: then no sample is needed.
    #[must_use]
    pub fn must_pass(&self) -> bool {
        self.max <= 0.0
    }

    /// Whether the bounds alone put the mean over zero.
    #[must_use]
    pub fn must_fail(&self) -> bool {
        self.min > 0.0
    }

    /// ln of the evidence that the mean is under zero, and that it is over zero.
    #[must_use]
    pub fn ln_capitals(&self) -> (f64, f64) {
        (self.pass.ln(), self.fail.ln())
    }
}

/// The capital of a mixture whose gains differ from step to step. Each fraction's capital already carries its
/// weight, so that the sum is the mixture's. Kept as plain numbers: a product per step is many times
/// cheaper than a logarithm, and what gets too large or too small for a float has long decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Capital {
    fractions: Lanes,
    held: Lanes,
}

/// A capital above this is held here: it is over every threshold, and stays a number.
const CEILING: f64 = 1e290;

impl Capital {
    /// A mixture that holds `share` of the whole stake.
    pub(super) const fn new(mixture: &Mixture, share: f64) -> Self {
        let [a, b, c, d, e, f, g] = mixture.weights;
        let held = [a * share, b * share, c * share, d * share, e * share, f * share, g * share];
        Self { fractions: lanes(mixture.fractions, 0.0), held: lanes(held, 0.0) }
    }

    /// Multiplies each fraction's capital by `1 + fraction · gain`, but never under nothing.
    pub(super) fn bet(&mut self, gain: f64) {
        for (held, fraction) in self.held.iter_mut().zip(&self.fractions) {
            let factor = 1.0 + fraction * gain;
            let grown = *held * if factor > 0.0 { factor } else { 0.0 };
            *held = if grown < CEILING { grown } else { CEILING };
        }
    }

    /// The whole.
    pub(super) fn sum(&self) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.held;
        ((a + e) + (b + f)) + ((c + g) + (d + h))
    }

    /// Its logarithm; a finite number even where nothing is left.
    pub(super) fn ln(&self) -> f64 {
        self.sum().max(f64::MIN_POSITIVE).ln()
    }
}
