//! What a change may not exceed, and what can't bind.

use std::time::Duration;

use super::shown;
use crate::policy::node::Spanned;
use crate::policy::problem::Problems;
use crate::policy::raw::{RawLimits, RawRateLimit};
use crate::policy::types::{Limits, QuantityLimit, RateLimit};
use crate::policy::values::Percent;
use crate::units::{Points, Rate};

/// The increase that is allowed where `limits.failure_rate` says nothing of increase or maximum.
const DEFAULT_INCREASE: f64 = 0.02;

/// The limits; `max_pairs` is the most that the sample may have.
pub(super) fn read(raw: RawLimits, max_pairs: u32, problems: &mut Problems) -> Limits {
    let mut failure_rate = rate_limit(raw.failure_rate, problems);
    if failure_rate.max_increase.is_none() && failure_rate.max.is_none() {
        failure_rate.max_increase = Points::new(DEFAULT_INCREASE)
            .map(|value| Spanned { value, span: crate::policy::Span::default() });
    }
    if let Some(increase) = &failure_rate.max_increase {
        warn_small_sample(increase, max_pairs, problems);
    }
    let by_tag = raw.by_tag.0.into_iter().map(|(tag, limits)| {
        let span = limits.failure_rate.span;
        let limit = rate_limit(limits.failure_rate.value, problems);
        if limit.max_increase.is_none() && limit.max.is_none() {
            problems.error_with_help(
                span,
                format!("the limit of the tag `{}` is empty", shown(&tag.value)),
                "give `max_increase`, such as `4pp`, or `max`",
            );
        }
        (tag.value, limit)
    });
    let by_tag = by_tag.collect();
    let cost = raw.cost_per_1k;
    strict_without_max(&cost.strict, cost.max.is_some(), "cost_per_1k", problems);
    let latency = raw.latency_p95;
    strict_without_max(&latency.strict, latency.max.is_some(), "latency_p95", problems);
    if let Some(max) = latency.max.as_ref().filter(|max| max.value.0.is_zero()) {
        problems.error(max.span, "no picture comes in no time");
    }
    warn_full_rate(&raw.unavailable.max, problems);
    Limits {
        failure_rate,
        cost_per_1k: QuantityLimit {
            max_increase: cost.max_increase.map(share),
            max: cost.max,
            strict: cost.strict.value,
        },
        latency_p95: QuantityLimit {
            max_increase: latency.max_increase.map(share),
            max: latency.max.map(|max| Spanned::<Duration> { value: max.value.0, span: max.span }),
            strict: latency.strict.value,
        },
        unavailable: raw.unavailable.max,
        by_tag,
    }
}

fn share(percent: Spanned<Percent>) -> Spanned<f64> {
    Spanned { value: percent.value.0, span: percent.span }
}

fn rate_limit(raw: RawRateLimit, problems: &mut Problems) -> RateLimit {
    let max_increase =
        raw.max_increase.map(|found| Spanned { value: found.value.0, span: found.span });
    if let Some(increase) = max_increase.as_ref().filter(|it| it.value.difference() >= 0.5) {
        problems.warning(
            increase.span,
            format!("a limit of {} hardly ever binds", increase.value),
            "is a smaller increase meant, such as `2pp`?",
        );
    }
    if let Some(max) = &raw.max {
        warn_full_rate(max, problems);
        if max.value.share() == 0.0 {
            problems.warning(
                max.span,
                "`max: 0%` blocks at the first failing picture",
                "allow a small share, such as `1%`, unless that is meant",
            );
        }
    }
    if let (Some(increase), Some(max)) = (&max_increase, &raw.max)
        && max.value.share() > 0.0
        && max.value.share() <= increase.value.difference()
    {
        problems.warning(
            increase.span,
            format!(
                "an increase of {} is never reached under `max: {}`",
                increase.value, max.value
            ),
            "lower the increase, or leave it out",
        );
    }
    strict_without_max(&raw.strict, raw.max.is_some(), "failure_rate", problems);
    RateLimit { max_increase, max: raw.max, strict: raw.strict.value }
}

fn strict_without_max(strict: &Spanned<bool>, has_max: bool, limit: &str, problems: &mut Problems) {
    if strict.value && !has_max {
        problems.error_with_help(
            strict.span,
            format!("`strict` of `{limit}` says how `max` is judged, but there is no `max`"),
            "add `max`, or remove `strict`",
        );
    }
}

fn warn_full_rate(max: &Spanned<Rate>, problems: &mut Problems) {
    if max.value.share() >= 1.0 {
        problems.warning(
            max.span,
            "a maximum of 100% never binds",
            "give a smaller one, or leave it out",
        );
    }
}

/// Even a sample without one failure leaves, at 95% confidence, a true rate of up to about 3 in `n`
/// (the rule of three: Hanley and Lippman-Hand, JAMA 1983, 249:1743). A larger sample than the limit
/// needs is fine; a smaller one can't tell.
fn warn_small_sample(increase: &Spanned<Points>, max_pairs: u32, problems: &mut Problems) {
    let allowed = increase.value.difference();
    let unseen = 3.0 / f64::from(max_pairs.max(1));
    if allowed > 0.0 && unseen > allowed {
        let needed = (3.0 / allowed).ceil();
        problems.warning(
            increase.span,
            format!(
                "{} pairs can't see a difference of {}, unless they are the whole prompt set",
                max_pairs, increase.value
            ),
            format!("let `sample.max` be at least {needed}, or allow a larger increase"),
        );
    }
}
