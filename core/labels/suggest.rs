//! Limits that would make fewer mistakes on labelled pictures.

use std::collections::BTreeMap;

use super::{Label, Measured, Truth};
use crate::checks::CheckResult;

/// The fewest labelled values from which a limit is suggested: with fewer, one picture would set it.
const FEWEST: usize = 10;

/// Another value for a limit of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The limit's name in the policy: `max_delta_e`.
    pub limit: String,
    /// The limit that the labelled pictures were held to.
    pub now: f64,
    /// The limit that makes the fewest mistakes on them.
    pub then: f64,
    /// How many good values the limit fails, now and then.
    pub false_fails: [u64; 2],
    /// How many bad values it passes, now and then.
    pub misses: [u64; 2],
    /// Labelled values, good and bad.
    pub labelled: [u64; 2],
}

/// Which way a limit cuts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Values over it fail.
    Most,
    /// Values under it fail.
    Least,
}

/// Better limits of one check, by what was measured on labelled pictures. Only such limits are looked at that one
/// measured number is held to: `max_X` or `min_X` beside a measured `X`, all at the same value.
pub(super) fn limits(labels: &[&Label]) -> Vec<Suggestion> {
    let mut values: BTreeMap<String, Vec<(f64, f64, bool)>> = BTreeMap::new();
    for label in labels {
        let Some(truth) = label.truth else { continue };
        let only = label.findings.len() == 1;
        for finding in &label.findings {
            let Some(good) = goodness(finding, truth, only) else { continue };
            for (name, limit) in &finding.limit {
                let measured = way(name).and_then(|(_, what)| finding.measured.get(what)?.as_f64());
                if let (Some(limit), Some(value)) = (limit.as_f64(), measured) {
                    values.entry(name.clone()).or_default().push((limit, value, good));
                }
            }
        }
    }
    values.into_iter().filter_map(|(name, values)| better(name, &values)).collect()
}

/// Whether what a finding measured is of a good picture; nothing where that can't be told: a picture that ought to have
/// failed, and several findings that might have seen it.
fn goodness(finding: &Measured, truth: Truth, only: bool) -> Option<bool> {
    let failed = finding.result.counts_as_failure();
    match (finding.result, truth) {
        (CheckResult::Skipped, _) => None,
        (_, Truth::Good) => Some(true),
        (_, Truth::Bad) if failed || only => Some(false),
        (_, Truth::Bad) => None,
    }
}

fn way(limit: &str) -> Option<(Way, &str)> {
    let most = limit.strip_prefix("max_").map(|what| (Way::Most, what));
    most.or_else(|| limit.strip_prefix("min_").map(|what| (Way::Least, what)))
}

/// The limit with the fewest mistakes, where that is better than the one in use.
fn better(name: String, values: &[(f64, f64, bool)]) -> Option<Suggestion> {
    let (way, _) = way(&name)?;
    let now = values.first()?.0;
    if values.len() < FEWEST || values.iter().any(|(limit, ..)| (limit - now).abs() > f64::EPSILON)
    {
        return None;
    }
    let mistakes = |limit: f64| {
        let fails = |value: f64| match way {
            Way::Most => value > limit,
            Way::Least => value < limit,
        };
        let count = |good: bool| {
            values.iter().filter(|(_, value, is)| *is == good && fails(*value) == good).count()
        };
        (count(true), count(false))
    };
    let total = |(false_fails, misses): (usize, usize)| false_fails + misses;
    let mut measured: Vec<f64> = values.iter().map(|(_, value, _)| *value).collect();
    measured.sort_by(f64::total_cmp);
    measured.dedup();
    // Between neighbours, and at the ends: limits that tell the same values apart make the same mistakes.
    let between = measured.windows(2).filter_map(|pair| match pair {
        [one, other] => Some(f64::midpoint(*one, *other)),
        _ => None,
    });
    let ends = [measured.first().copied()?, measured.last().copied()?];
    let best = between.chain(ends).map(rounded).min_by(|a, b| {
        let by = |limit: f64| (total(mistakes(limit)), (limit - now).abs());
        let ((ma, da), (mb, db)) = (by(*a), by(*b));
        ma.cmp(&mb).then(da.total_cmp(&db))
    })?;
    let (is, would) = (mistakes(now), mistakes(best));
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let of = |good: bool| count(values.iter().filter(|(.., is)| *is == good).count());
    (total(would) < total(is)).then(|| Suggestion {
        limit: name,
        now,
        then: best,
        false_fails: [count(is.0), count(would.0)],
        misses: [count(is.1), count(would.1)],
        labelled: [of(true), of(false)],
    })
}

/// Three significant digits: what people write into a policy.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powf(2.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}
