//! `claim: suite`: what the whole draw would say, from a part of it.
//!
//! The outcomes of all cells are fixed, only their order is random. Before each step the mean of what is left
//! is known under the null, so a bet against it is fair (sampling without replacement: Waudby-Smith and
//! Ramdas, NeurIPS 2020). Where the baseline's outcomes are all stored, they serve as a control variate:
//! `Y = C - theta (B - mean of the B that are left)` has the mean of `C` and less variance.

use super::betting::{
    Capital, DESIGN_PHI, Joint, Mixture, best_fraction, design_rise, tuned_rate_fractions,
};
use super::intervals::float;

/// How much of the baseline is subtracted: all, half, nothing.
pub const THETAS: [f64; 3] = [1.0, 0.5, 0.0];

/// Where a denominator is as good as zero, the bet is left alone: counting decides there.
const TINY: f64 = 1e-12;

/// The boundary of a limit over a whole draw, as a whole number of failures: `keeps` is the most that keeps
/// it, one more breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    keeps: i64,
    breaks: i64,
}

impl Allowed {
    /// At most this many failures (or, of a difference, this many more than the baseline's) keep the limit.
    #[must_use]
    pub const fn at_most(most: i64) -> Self {
        Self { keeps: most, breaks: most.saturating_add(1) }
    }

    /// The most failures that a share of `n` cells allows. The small addition undoes a float's rounding:
    /// 2% of 400 is 8 failures, not 7.
    #[must_use]
    pub fn share(n: u64, share: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a count of cells; a cast saturates")]
        let most = (float(n) * share + 1e-9).floor() as i64;
        Self::at_most(most)
    }

    /// The same number on both sides: the boundary at which each process is an exact martingale.
    #[cfg(test)]
    pub(super) const fn exactly(count: i64) -> Self {
        Self { keeps: count, breaks: count }
    }

    /// The most failures that keep the limit.
    #[must_use]
    pub const fn most(self) -> i64 {
        self.keeps
    }

    /// The same boundary, counted from another zero.
    const fn less(self, count: i64) -> Self {
        Self { keeps: self.keeps.saturating_sub(count), breaks: self.breaks.saturating_sub(count) }
    }
}

/// A count of cells as a signed number.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A signed count as a float.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn signed(count: i64) -> f64 {
    count as f64
}

/// The tuned fractions for each theta: pass, fail.
pub type Fractions = [(f64, f64); 3];

/// Evidence over a draw whose baseline is wholly known beforehand.
///
/// Serves a rise over the baseline and, by [`KnownBaseline::rate`], an absolute limit as well: a known
/// baseline makes the candidate's own rate known sooner.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownBaseline {
    cells: i64,
    baseline_total: i64,
    allowed: Allowed,
    seen: i64,
    candidate: i64,
    baseline: i64,
    pass: [Capital; 3],
    fail: [Capital; 3],
}

/// The fractions for a null mean of `mean`, where the baseline fails at `q`: the pass side grows fastest
/// where the candidate fails at `good`, the fail side where it fails at `bad`.
fn fractions(q: f64, phi: f64, mean: f64, good: f64, bad: f64) -> Fractions {
    THETAS.map(|theta| {
        let (max, min) = (1.0 + theta * q, -theta * (1.0 - q));
        let values = |joint: Joint| {
            [
                (joint.candidate_only, 1.0 + theta * q),
                (joint.baseline_only, -theta * (1.0 - q)),
                (joint.both, 1.0 - theta * (1.0 - q)),
                (joint.neither(), theta * q),
            ]
        };
        let up = (max - mean).max(TINY);
        let down = (mean - min).max(TINY);
        let pass = values(Joint::new(q, good, phi)).map(|(chance, y)| (chance, (mean - y) / up));
        let fail = values(Joint::new(q, bad, phi)).map(|(chance, y)| (chance, (y - mean) / down));
        (best_fraction(&pass), best_fraction(&fail))
    })
}

/// The fractions for a rise of at most `limit` over a baseline that fails at `q`: pass at no change, fail at
/// a rise of twice the limit.
#[must_use]
pub fn increase_fractions(q: f64, phi: f64, limit: f64) -> Fractions {
    fractions(q, phi, q + limit, q, (q + design_rise(limit)).min(1.0))
}

/// The fractions for whether the candidate fails less often than a baseline that fails at `q`: pass where it
/// fails half as often, fail where it fails twice as often.
fn improvement_fractions(q: f64) -> Fractions {
    fractions(q, DESIGN_PHI, q, q / 2.0, (2.0 * q).clamp(0.0, 1.0))
}

/// The baseline's rate as tuning sees it, from its outcomes over the very draw. That is exact: in this claim
/// the baseline's outcomes are given.
fn known_rate(cells: u64, baseline_total: u64) -> f64 {
    (float(baseline_total) + 0.5) / (float(cells) + 1.0)
}

impl KnownBaseline {
    /// No evidence yet about a rise of at most `limit`, over `cells` cells of which the baseline fails
    /// `baseline_total`.
    #[must_use]
    pub fn increase(cells: u64, baseline_total: u64, limit: f64) -> Self {
        let q = known_rate(cells, baseline_total);
        let tuned = increase_fractions(q, DESIGN_PHI, limit);
        Self::with_fractions(cells, baseline_total, Allowed::share(cells, limit), &tuned)
    }

    /// No evidence yet about the candidate's own rate being at most `max`.
    #[must_use]
    pub fn rate(cells: u64, baseline_total: u64, max: f64) -> Self {
        let q = known_rate(cells, baseline_total);
        let tuned = fractions(q, DESIGN_PHI, max, max / 2.0, (2.0 * max).clamp(0.0, 1.0));
        let allowed = Allowed::share(cells, max).less(whole(baseline_total));
        Self::with_fractions(cells, baseline_total, allowed, &tuned)
    }

    /// No evidence yet about the candidate failing fewer cells than the baseline.
    #[must_use]
    pub fn improvement(cells: u64, baseline_total: u64) -> Self {
        let tuned = improvement_fractions(known_rate(cells, baseline_total));
        Self::with_fractions(cells, baseline_total, Allowed::at_most(-1), &tuned)
    }

    /// The same with given fractions, and with the boundary of the difference of counts: candidate failures
    /// less `baseline_total`. `Allowed::at_most(-1)` asks whether the candidate fails less often.
    #[must_use]
    pub fn with_fractions(
        cells: u64,
        baseline_total: u64,
        allowed: Allowed,
        fractions: &Fractions,
    ) -> Self {
        let share = 1.0 / float(u64::from(u8::try_from(THETAS.len()).unwrap_or(1)));
        let capital = |fraction| Capital::new(&Mixture::tuned(fraction), share);
        Self {
            cells: whole(cells),
            baseline_total: whole(baseline_total),
            allowed,
            seen: 0,
            candidate: 0,
            baseline: 0,
            pass: fractions.map(|(pass, _)| capital(pass)),
            fail: fractions.map(|(_, fail)| capital(fail)),
        }
    }

    /// Counts the next cell of the drawn order. A cell beyond the draw changes nothing.
    pub fn add(&mut self, baseline_fails: bool, candidate_fails: bool) {
        let left = self.cells - self.seen;
        if left <= 0 {
            return;
        }
        let left = 1.0 / signed(left);
        let total = self.baseline_total;
        let mean_b = signed(total - self.baseline) * left;
        let mean_pass = signed(total.saturating_add(self.allowed.breaks) - self.candidate) * left;
        let mean_fail = signed(total.saturating_add(self.allowed.keeps) - self.candidate) * left;
        let (b, c) = (f64::from(u8::from(baseline_fails)), f64::from(u8::from(candidate_fails)));
        for ((theta, pass), fail) in THETAS.into_iter().zip(&mut self.pass).zip(&mut self.fail) {
            let y = c - theta * (b - mean_b);
            let above = 1.0 + theta * mean_b - mean_pass;
            if above > TINY {
                pass.bet((mean_pass - y) / above);
            }
            let below = mean_fail + theta * (1.0 - mean_b);
            if below > TINY {
                fail.bet((y - mean_fail) / below);
            }
        }
        self.seen += 1;
        self.candidate += i64::from(candidate_fails);
        self.baseline += i64::from(baseline_fails);
    }

    /// The evidence that the whole draw keeps the limit, and that it breaks it.
    #[must_use]
    pub fn capitals(&self) -> (f64, f64) {
        let sum = |capitals: &[Capital; 3]| capitals.iter().map(Capital::sum).sum();
        (sum(&self.pass), sum(&self.fail))
    }

    /// Whether nothing that is left can make the draw break the limit.
    #[must_use]
    pub const fn must_pass(&self) -> bool {
        let most = self.candidate + (self.cells - self.seen);
        most - self.baseline_total < self.allowed.breaks
    }

    /// Whether nothing that is left can make the draw keep the limit.
    #[must_use]
    pub const fn must_fail(&self) -> bool {
        self.candidate - self.baseline_total > self.allowed.keeps
    }
}

/// Evidence over a draw whose cells are seen one by one, with nothing known beforehand: of a pair's
/// difference where the baseline is bought along with the candidate, or of the candidate alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    cells: i64,
    allowed: Allowed,
    /// The least that one cell counts: -1 for a difference, 0 for one model alone.
    least: i64,
    seen: i64,
    sum: i64,
    pass: Capital,
    fail: Capital,
}

impl Unseen {
    /// No evidence yet about a rise of at most `limit` over `cells` pairs. `fractions` are those of
    /// [`super::betting::tuned_increase_fractions`], with the limit itself as what is tolerated: in this
    /// claim every draw either keeps the limit or breaks it.
    #[must_use]
    pub fn increase(cells: u64, limit: f64, fractions: (f64, f64)) -> Self {
        Self::new(cells, Allowed::share(cells, limit), -1, fractions)
    }

    /// No evidence yet about a rate of at most `max` over `cells` cells of one model.
    #[must_use]
    pub fn rate(cells: u64, max: f64) -> Self {
        Self::new(cells, Allowed::share(cells, max), 0, tuned_rate_fractions(max))
    }

    /// The same with a boundary of one's own. `Allowed::at_most(-1)` with a difference asks whether the
    /// candidate fails less often.
    #[must_use]
    pub fn difference(cells: u64, allowed: Allowed, fractions: (f64, f64)) -> Self {
        Self::new(cells, allowed, -1, fractions)
    }

    fn new(cells: u64, allowed: Allowed, least: i64, (pass, fail): (f64, f64)) -> Self {
        Self {
            cells: whole(cells),
            allowed,
            least,
            seen: 0,
            sum: 0,
            pass: Capital::new(&Mixture::tuned(pass), 1.0),
            fail: Capital::new(&Mixture::tuned(fail), 1.0),
        }
    }

    /// Counts the next cell of the drawn order; of one model alone, the baseline's outcome is ignored. A cell
    /// beyond the draw changes nothing.
    pub fn add(&mut self, baseline_fails: bool, candidate_fails: bool) {
        let left = self.cells - self.seen;
        if left <= 0 {
            return;
        }
        let step = i64::from(candidate_fails) + self.least * i64::from(baseline_fails);
        let (y, left) = (signed(step), 1.0 / signed(left));
        let mean_pass = signed(self.allowed.breaks.saturating_sub(self.sum)) * left;
        let mean_fail = signed(self.allowed.keeps.saturating_sub(self.sum)) * left;
        if 1.0 - mean_pass > TINY {
            self.pass.bet((mean_pass - y) / (1.0 - mean_pass));
        }
        let below = mean_fail - signed(self.least);
        if below > TINY {
            self.fail.bet((y - mean_fail) / below);
        }
        self.seen += 1;
        self.sum += step;
    }

    /// The evidence that the whole draw keeps the limit, and that it breaks it.
    #[must_use]
    pub fn capitals(&self) -> (f64, f64) {
        (self.pass.sum(), self.fail.sum())
    }

    /// Whether nothing that is left can make the draw break the limit.
    #[must_use]
    pub const fn must_pass(&self) -> bool {
        self.sum + (self.cells - self.seen) < self.allowed.breaks
    }

    /// Whether nothing that is left can make the draw keep the limit.
    #[must_use]
    pub const fn must_fail(&self) -> bool {
        self.sum + self.least * (self.cells - self.seen) > self.allowed.keeps
    }
}
