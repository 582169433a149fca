//! Asking in any order, judging in the drawn one.

use std::future::Future;

use futures_util::{Stream, StreamExt as _};

/// Asks for up to `window` items at once and hands the answers on in the items' order, whatever the order in which
/// they come. What was handed on is always a prefix: fast answers are no fair sample.
pub(super) fn in_order<I, T, F>(
    items: Vec<I>,
    window: usize,
    ask: impl Fn(I) -> F,
) -> impl Stream<Item = T>
where
    F: Future<Output = T>,
{
    futures_util::stream::iter(items).map(ask).buffered(window.max(1))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use presscheck_core::gate::{
        BySide, KnownOfBaseline, Observation, Outcome, Pair, Planned, Ruling, Stopped, Terms,
        Trial, rule,
    };
    use presscheck_core::policy::{
        Claim, ErrorRates, Limits, OnAlwaysFail, OnInconclusive, QuantityLimit, RateLimit, Span,
        Spanned, StopWhen,
    };
    use presscheck_core::units::{CostBasis, Points, Rate, Usd};
    use proptest::prelude::*;

    use super::*;

    fn sample(fails: bool) -> Observation {
        Observation {
            outcome: if fails { Outcome::Failed } else { Outcome::Passed },
            failure: fails,
            failed_checks: Vec::new(),
            unsure_checks: Vec::new(),
            skipped_checks: Vec::new(),
            cost: Usd::ZERO,
            cost_basis: CostBasis::Exact,
            latency: None,
            image: None,
        }
    }

    fn pair(number: usize, (baseline, candidate): (bool, bool)) -> Pair {
        Pair {
            case: format!("case-{number}"),
            repeat: 0,
            tags: Vec::new(),
            baseline: Some(sample(baseline)),
            candidate: sample(candidate),
        }
    }

    fn limits() -> Limits {
        let at = |value| Spanned { value, span: Span::default() };
        Limits {
            failure_rate: RateLimit {
                max_increase: Some(at(Points::new(0.02).unwrap())),
                ..RateLimit::default()
            },
            cost_per_1k: QuantityLimit { max_increase: None, max: None, strict: false },
            latency_p95: QuantityLimit { max_increase: None, max: None, strict: false },
            unavailable: Spanned { value: Rate::new(0.05).unwrap(), span: Span::default() },
            by_tag: Vec::new(),
        }
    }

    /// Where a run stops, and what it says. Answers take their own time, and the process is killed after `kills`
    /// answers each: what was answered by then is stored.
    async fn run(
        fails: &[(bool, bool)],
        delays: &[u32],
        window: usize,
        kills: &[usize],
        claim: Claim,
    ) -> (usize, Ruling) {
        let stored = RefCell::new(BTreeMap::new());
        let five = Rate::new(0.05).unwrap();
        let terms = Terms {
            claim,
            errors: ErrorRates { let_bad_through: five, block_good: five },
            stop: StopWhen::Verdict,
            always_fail: OnAlwaysFail::Warn,
            planned: Planned { pairs: fails.len() as u64, ..Planned::default() },
            stratified: false,
            baseline: KnownOfBaseline::Unseen,
            design_rate: 0.02,
            most_cost: BySide::default(),
            fixed_prices: true,
        };
        for life in 0..=kills.len() {
            let mut trial = Trial::new(&limits(), terms.clone());
            let mut pairs = Vec::new();
            let mut left = kills.get(life).copied();
            let mut settled = false;
            let items = (0..fails.len()).collect();
            let mut stream = Box::pin(in_order(items, window, |number: usize| {
                let stored = &stored;
                async move {
                    if !stored.borrow().contains_key(&number) {
                        // An answer takes as many turns of the others as its delay.
                        for _ in 0..delays[number] {
                            tokio::task::yield_now().await;
                        }
                        stored.borrow_mut().insert(number, fails[number]);
                    }
                    pair(number, stored.borrow()[&number])
                }
            }));
            while !settled && left != Some(0) {
                let Some(pair) = stream.next().await else { break };
                settled = trial.push(&pair);
                pairs.push(pair);
                left = left.map(|left| left - 1);
            }
            if left != Some(0) || settled {
                let stopped = if settled { Stopped::Decided } else { Stopped::Exhausted };
                return (pairs.len(), rule(&trial, OnInconclusive::Fail, &pairs, stopped));
            }
        }
        unreachable!("the last life is not cut short")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_order_of_answers_changes_the_verdict(
            fails in proptest::collection::vec((prop::bool::weighted(0.05), prop::bool::weighted(0.15)), 1..250),
            delays in proptest::collection::vec(1_u32..40, 250),
            window in 1_usize..64,
            kills in proptest::collection::vec(1_usize..100, 0..4),
            model: bool,
        ) {
            let claim = if model { Claim::Model } else { Claim::Suite };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let plain = runtime.block_on(run(&fails, &[1; 250], 1, &[], claim));
            let other = runtime.block_on(run(&fails, &delays, window, &kills, claim));
            prop_assert_eq!(plain, other);
        }
    }
}
