//! From samples to the figures of one model, and to the difference of two.

use std::collections::BTreeMap;

use super::{
    CheckFailures, Difference, Entrant, LatencyFigures, ModelFigures, Row, Share, TagFailures,
    count, float, pace,
};
use crate::gate::intervals::{quantile_ranks, rate_interval, tango_interval};
use crate::gate::{Observation, OutcomeCounts, Pair, Side, summaries};

/// How often an interval may miss on either side.
const TAIL: f64 = 0.025;

/// What is known of the entrant at a place.
pub(super) fn figures(entrant: &Entrant, index: usize, rows: &[Row]) -> ModelFigures {
    let mut outcomes = OutcomeCounts::default();
    let counts = entrant.dropped.is_none();
    let pairs: Vec<Pair> = rows
        .iter()
        .filter_map(|row| {
            let sample = row.samples.get(index)?.clone()?;
            outcomes.add(sample.outcome);
            Some(Pair {
                case: row.case.clone(),
                repeat: row.repeat,
                tags: row.tags.clone(),
                baseline: None,
                candidate: sample,
            })
        })
        .filter(|_| counts)
        .collect();
    let answered = || pairs.iter().filter(|pair| pair.candidate.answered());
    let failures = share(answered());
    let passed = outcomes.passed;
    let cost = summaries::cost(&pairs, Side::Candidate);
    let effective_interval_usd = cost.as_ref().and_then(|cost| {
        let of = failures?.of;
        let [low, high] = rate_interval(passed, of)?;
        let per_1k = 1000.0 * cost.total_usd.as_f64() / float(of);
        // Where every image of another sample might fail, there is no upper end.
        Some((per_1k / high.max(f64::MIN_POSITIVE), (low > 0.0).then(|| per_1k / low)))
    });
    ModelFigures {
        name: entrant.name.clone(),
        provider: entrant.provider.clone(),
        model: entrant.model.clone(),
        config: entrant.config.clone(),
        dropped: entrant.dropped.clone(),
        outcomes,
        failures,
        checks: checks(&pairs),
        tags: tags(&pairs),
        effective_interval_usd: effective_interval_usd.filter(|_| passed > 0),
        cost,
        latency: latency(&pairs),
        throughput: counts.then(|| pace::throughput(&entrant.flights)).flatten(),
        from_store: entrant.from_store,
        on_front: None,
        dominated_by: Vec::new(),
    }
}

/// Failures among some samples; nothing where there is none.
fn share<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Option<Share> {
    let (mut failed, mut of) = (0_u64, 0_u64);
    for pair in pairs {
        of += 1;
        failed += u64::from(pair.candidate.failure);
    }
    let interval = rate_interval(failed, of)?;
    Some(Share { failed, of, rate: float(failed) / float(of), interval })
}

fn checks(pairs: &[Pair]) -> Vec<CheckFailures> {
    let all = summaries::checks(pairs).into_iter().map(|count| CheckFailures {
        check: count.check,
        failed: count.failed.candidate,
        unsure: count.unsure.candidate,
        skipped: count.skipped.candidate,
        slips: count.slips,
    });
    all.collect()
}

fn tags(pairs: &[Pair]) -> Vec<TagFailures> {
    let mut by_tag = BTreeMap::<&str, Vec<&Pair>>::new();
    for pair in pairs.iter().filter(|pair| pair.candidate.answered()) {
        for tag in &pair.tags {
            by_tag.entry(tag).or_default().push(pair);
        }
    }
    let mut list: Vec<_> = by_tag
        .into_iter()
        .filter_map(|(tag, pairs)| {
            let share = share(pairs.into_iter())?;
            Some(TagFailures { tag: tag.to_owned(), share })
        })
        .collect();
    list.sort_by_key(|tag| std::cmp::Reverse(tag.share.failed));
    list
}

fn latency(pairs: &[Pair]) -> Option<LatencyFigures> {
    let times = summaries::latencies(pairs, Side::Candidate);
    let n = count(times.len());
    let at = |rank: Option<u64>| {
        let index = usize::try_from(rank?).ok()?.checked_sub(1)?;
        times.get(index).map(std::time::Duration::as_secs_f64)
    };
    let interval = |quantile| {
        let (low, high) = quantile_ranks(n, quantile, TAIL);
        [at(low), at(high)]
    };
    Some(LatencyFigures {
        p50_s: summaries::quantile(&times, 0.5)?.as_secs_f64(),
        p50_interval_s: interval(0.5),
        p95_s: summaries::quantile(&times, 0.95)?.as_secs_f64(),
        p95_interval_s: interval(0.95),
        samples: n,
    })
}

/// The difference of two models, where both answered anything in common. The interval is corrected for `comparisons`
/// (Bonferroni): whichever two a reader picks after a look at the figures, theirs holds.
pub(super) fn difference(
    models: &[ModelFigures],
    (a, b): (usize, usize),
    rows: &[Row],
    comparisons: usize,
) -> Option<Difference> {
    let (mut pairs, mut only_a, mut only_b) = (0_u64, 0_u64, 0_u64);
    for row in rows {
        let answered = |index: usize| -> Option<&Observation> {
            row.samples.get(index)?.as_ref().filter(|sample| sample.answered())
        };
        let (Some(one), Some(two)) = (answered(a), answered(b)) else { continue };
        pairs += 1;
        only_a += u64::from(one.failure && !two.failure);
        only_b += u64::from(two.failure && !one.failure);
    }
    if pairs == 0 {
        return None;
    }
    let interval = tango_interval(pairs, only_b, only_a, tail(comparisons));
    Some(Difference {
        a: models.get(a)?.name.clone(),
        b: models.get(b)?.name.clone(),
        pairs,
        only_a,
        only_b,
        change: (float(only_b) - float(only_a)) / float(pairs),
        interval,
        beyond_chance: leaves_zero_out(interval),
    })
}

/// How often one of so many intervals may miss on either side, so that all hold at once with 95%.
fn tail(comparisons: usize) -> f64 {
    TAIL / float(count(comparisons.max(1)))
}

/// Ends that touch zero don't count; what bisection leaves behind is no difference.
pub(super) fn leaves_zero_out([low, high]: [f64; 2]) -> bool {
    low > 1e-9 || high < -1e-9
}

/// The smallest difference of rates that so many cells can tell from chance, at best: where no cell speaks for the
/// other model. Nothing where none can.
#[must_use]
pub fn smallest_difference(pairs: u64, comparisons: usize) -> Option<f64> {
    let tail = tail(comparisons);
    let seen = |only: u64| leaves_zero_out(tango_interval(pairs, only, 0, tail));
    // The lower end only rises with the count.
    let (mut low, mut high) = (1, pairs);
    if pairs == 0 || !seen(high) {
        return None;
    }
    while low < high {
        let middle = u64::midpoint(low, high);
        if seen(middle) { high = middle } else { low = middle + 1 }
    }
    Some(float(low) / float(pairs))
}
