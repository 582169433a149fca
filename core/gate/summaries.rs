//! Cost, latency, checks, tags and failures of the judged pairs, as reports show them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evidence::{Observation, Pair, Tallies};
use super::intervals::rate_interval;
use super::limits::Planned;
use super::{
    AlwaysFailing, BySide, CheckCount, CostSummary, Failure, Flips, LatencySummary, Outcome,
    OutcomeCounts, Side, SlipRate, TagCount,
};
use crate::checks::{Slips, slips};
use crate::units::{CostBasis, Rate, Usd};

/// The samples of one side over pairs in which both sides answered: what cost and latency compare.
pub(super) fn answered(pairs: &[Pair], side: Side) -> impl Iterator<Item = &Observation> {
    pairs.iter().filter(|pair| pair.answered()).filter_map(move |pair| pair.side(side))
}

/// How the samples of both sides ended, over all pairs.
#[must_use]
pub fn outcomes(pairs: &[Pair]) -> BySide<OutcomeCounts> {
    let mut counts = BySide::<OutcomeCounts>::default();
    for pair in pairs {
        for side in Side::BOTH {
            if let Some(sample) = pair.side(side) {
                counts.get_mut(side).add(sample.outcome);
            }
        }
    }
    counts
}

/// What one side's images cost; nothing where no sample was answered.
#[must_use]
pub fn cost(pairs: &[Pair], side: Side) -> Option<CostSummary> {
    let (mut samples, mut images, mut passed) = (0_u64, 0_u64, 0_u64);
    let mut total = Usd::ZERO;
    let mut basis = CostBasis::Exact;
    for sample in answered(pairs, side) {
        samples += 1;
        images += u64::from(sample.is_delivered());
        passed += u64::from(sample.outcome == Outcome::Passed);
        total += sample.cost;
        basis = basis.max(sample.cost_basis);
    }
    (samples > 0).then(|| CostSummary {
        per_1k_usd: total.per_thousand(images),
        effective_per_1k_usd: total.per_thousand(passed),
        total_usd: total,
        basis,
    })
}

/// The times to an image of one side, shortest first. Refusals and broken answers say nothing of how long
/// a picture takes, so they are left out.
#[must_use]
pub fn latencies(pairs: &[Pair], side: Side) -> Vec<Duration> {
    let mut times: Vec<_> = answered(pairs, side)
        .filter(|sample| sample.is_image())
        .filter_map(|sample| sample.latency)
        .collect();
    times.sort_unstable();
    times
}

/// The sample quantile at rank ⌈n·q⌉ of an ascending list (the inverse of the empirical distribution).
#[must_use]
pub fn quantile(sorted: &[Duration], q: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank within the list's length"
    )]
    let rank = ((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied()
}

/// How long one side's images took.
#[must_use]
pub fn latency(pairs: &[Pair], side: Side) -> Option<LatencySummary> {
    let times = latencies(pairs, side);
    Some(LatencySummary {
        p50_s: quantile(&times, 0.5)?.as_secs_f64(),
        p95_s: quantile(&times, 0.95)?.as_secs_f64(),
        samples: u64::try_from(times.len()).unwrap_or(u64::MAX),
    })
}

/// How often each check failed, was unsure, or could not judge; most failures of the candidate first.
#[must_use]
pub fn checks(pairs: &[Pair]) -> Vec<CheckCount> {
    let mut by_name = BTreeMap::<String, CheckCount>::new();
    let mut count = |name: &str, side: Side, field: fn(&mut CheckCount) -> &mut BySide<u64>| {
        let entry = by_name.entry(name.to_owned()).or_insert_with(|| CheckCount {
            check: name.to_owned(),
            failed: BySide::default(),
            unsure: BySide::default(),
            skipped: BySide::default(),
            slips: slip_rate(name),
        });
        *field(entry).get_mut(side) += 1;
    };
    for pair in pairs {
        for side in Side::BOTH {
            let Some(sample) = pair.side(side) else { continue };
            for name in &sample.failed_checks {
                count(name, side, |entry| &mut entry.failed);
            }
            for name in &sample.unsure_checks {
                count(name, side, |entry| &mut entry.unsure);
            }
            for name in &sample.skipped_checks {
                count(name, side, |entry| &mut entry.skipped);
            }
        }
    }
    let mut list: Vec<_> = by_name.into_values().collect();
    list.sort_by_key(|count| std::cmp::Reverse((count.failed.candidate, count.failed.baseline)));
    list
}

/// How often a check fails good pictures, as it was measured.
#[must_use]
pub fn slip_rate(check: &str) -> Option<SlipRate> {
    let Slips { failed, of } = slips(check)?;
    let rate = Rate::of(failed, of)?.share();
    Some(SlipRate { rate, interval: rate_interval(failed, of)?, pictures: of })
}

/// Failures by tag, most failures of the candidate first.
#[must_use]
pub fn tags(tallies: &Tallies) -> Vec<TagCount> {
    let mut list: Vec<_> = tallies
        .by_tag
        .iter()
        .map(|(tag, tally)| TagCount {
            tag: tag.clone(),
            pairs: tally.n,
            failed: BySide { baseline: tally.baseline(), candidate: tally.candidate() },
        })
        .collect();
    list.sort_by_key(|count| std::cmp::Reverse((count.failed.candidate, count.failed.baseline)));
    list
}

/// Which pairs changed their mind.
#[must_use]
pub const fn flips(tallies: &Tallies) -> Flips {
    Flips {
        newly_failing: tallies.all.candidate_only,
        newly_passing: tallies.all.baseline_only,
        both_failing: tallies.all.both,
    }
}

/// The prompts that the candidate failed on every repeat of the draw, those first that the baseline failed least.
#[must_use]
pub fn always_failing(pairs: &[Pair], planned: &Planned) -> Vec<AlwaysFailing> {
    super::trial::always_failing(pairs, planned)
}

/// Every sample that failed: the candidate's before the baseline's, newly failing first, of these first what a check
/// was only unsure of, since a look decides it; then in the drawn order.
#[must_use]
pub fn failures(pairs: &[Pair]) -> Vec<Failure> {
    let mut list = Vec::new();
    for side in [Side::Candidate, Side::Baseline] {
        let other = if side == Side::Candidate { Side::Baseline } else { Side::Candidate };
        for flipped in [true, false] {
            let first = list.len();
            for pair in pairs {
                let Some(sample) = pair.side(side).filter(|sample| sample.failure) else {
                    continue;
                };
                let other_fine =
                    pair.side(other).is_some_and(|sample| sample.answered() && !sample.failure);
                if other_fine == flipped {
                    list.push(Failure {
                        case: pair.case.clone(),
                        repeat: pair.repeat,
                        side,
                        outcome: sample.outcome,
                        checks: sample.failed_checks.clone(),
                        image: sample.image.clone(),
                        unsure: sample.is_unsure(),
                        flipped,
                    });
                }
            }
            if let Some(these) = list.get_mut(first..) {
                these.sort_by_key(|failure: &Failure| !failure.unsure);
            }
        }
    }
    list
}
