//! What the requests tell that were sent: answers that never came, and a provider that was asked too fast.

use std::collections::BTreeMap;

use super::line::Line;
use super::{Subject, words};
use crate::gate::Outcome;
use crate::providers::FaultKind;

/// One or two rejections happen to everybody.
const FEW: u64 = 3;

/// `12 requests had no answer: 9 rate_limited, 3 timeout_unknown. …`
pub(super) fn no_answers(subject: &Subject) -> Option<Line> {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for sample in subject.samples.iter().filter(|s| s.outcome == Outcome::Unavailable) {
        *kinds.entry(sample.kind.as_deref().unwrap_or("unknown")).or_default() += 1;
    }
    let all: u64 = kinds.values().sum();
    if all == 0 {
        return None;
    }
    let unreachable = kinds.get("unreachable").copied().unwrap_or_default();
    let limited = kinds.get(FaultKind::RateLimited.word()).copied().unwrap_or_default();
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let verb = if all == 1 { "request had" } else { "requests had" };
    let mut line = Line::new().ours(format!("{} {verb} no answer", words::count_word(all)));
    if let [(kind, _)] = kinds.as_slice() {
        line = line.ours(" (").name(kind).ours(").");
    } else {
        for (index, (kind, count)) in kinds.iter().take(3).enumerate() {
            let before = if index > 0 { ", " } else { ": " };
            line = line.ours(format!("{before}{count} ")).name(kind);
        }
        line = line.ours(".");
    }
    if unreachable * 2 >= all {
        line = line.ours(" Is the server up, and does the provider's `url` point to it?");
    }
    // Where the requests are known, a line of its own says of which provider and how far.
    if limited >= FEW && limited * 2 >= all && too_fast(subject).is_none() {
        line = line.ours(" A lower `concurrency` or `rate` of the provider helps.");
    }
    Some(line)
}

/// How a provider took the requests that this run sent.
#[derive(Default)]
struct Asked {
    requests: u64,
    limited: u64,
    /// Whether each of these was a 429.
    plain: bool,
    /// How many it was sent at once, where that is known.
    at_once: Option<u32>,
}

/// `16 of 55 requests to google met its rate limit (429): lower its concurrency from 8 to 4.`
pub(super) fn too_fast(subject: &Subject) -> Option<Line> {
    let mut providers: BTreeMap<&str, Asked> = BTreeMap::new();
    // What is stored was asked by an earlier run, at another pace perhaps.
    for sample in subject.samples.iter().filter(|sample| !sample.stored) {
        let asked = providers
            .entry(&sample.provider)
            .or_insert_with(|| Asked { plain: true, ..Asked::default() });
        asked.at_once = asked.at_once.max(*subject.at_once.get(sample.side));
        for request in &sample.requests {
            asked.requests += 1;
            if request.fault.as_deref() == Some(FaultKind::RateLimited.word()) {
                asked.limited += 1;
                asked.plain &= request.status == Some(429);
            }
        }
    }
    let (provider, asked) = providers.into_iter().max_by_key(|(_, asked)| asked.limited)?;
    // A limit that is met now and then is a limit that is made use of.
    if asked.limited < FEW || asked.limited.saturating_mul(20) < asked.requests {
        return None;
    }
    let [limited, requests] = [asked.limited, asked.requests].map(words::thousands);
    let code = if asked.plain { " (429)" } else { "" };
    let line = Line::new()
        .ours(format!("{limited} of {requests} requests to "))
        .name(provider)
        .ours(format!(" met its rate limit{code}"));
    Some(match asked.at_once {
        Some(many @ 2..) => {
            line.ours(format!(": lower its `concurrency` from {many} to {}.", many / 2))
        }
        Some(_) => line.ours(": give it a `rate`, or a lower one."),
        None => line.ours(": a lower `concurrency` or `rate` helps."),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, End};
    use super::super::{Run, hints};
    use crate::gate::{BySide, Side};

    /// A run whose candidate was told so often that it asks too fast, four times each.
    fn limited(samples: usize) -> Run {
        let mut plans = fixtures::plans(40);
        for plan in plans.iter_mut().take(samples) {
            plan.ends[1] = End::Silent("rate_limited", "429");
        }
        fixtures::run(vec![fixtures::subject("hero", &plans, 40)])
    }

    #[test]
    fn many_rejected_requests_come_with_advice() {
        let mut run = limited(4);
        let about = |run: &Run| hints(run).into_iter().nth(1).unwrap_or_default();
        assert_eq!(
            hints(&run),
            [
                "Four requests had no answer (`rate_limited`).",
                "16 of 52 requests to `stability` met its rate limit (429): a lower `concurrency` or \
                 `rate` helps."
            ]
        );
        for (many, advice) in [
            (8, "lower its `concurrency` from 8 to 4."),
            (3, "lower its `concurrency` from 3 to 1."),
            (1, "give it a `rate`, or a lower one."),
        ] {
            run.subjects[0].at_once = BySide { baseline: Some(20), candidate: Some(many) };
            assert!(about(&run).ends_with(advice), "{}", about(&run));
        }
        // Words of a reply are no status.
        for sample in &mut run.subjects[0].samples {
            sample.requests.iter_mut().for_each(|request| request.status = None);
        }
        assert!(about(&run).contains("met its rate limit:"), "{}", about(&run));
    }

    #[test]
    fn where_the_requests_are_not_known_the_advice_is_general() {
        let mut run = limited(4);
        for sample in &mut run.subjects[0].samples {
            sample.requests.clear();
        }
        assert_eq!(
            hints(&run),
            [
                "Four requests had no answer (`rate_limited`). A lower `concurrency` or `rate` of the \
              provider helps."
            ]
        );
    }

    #[test]
    fn a_limit_that_is_met_now_and_then_is_nothing_to_tell() {
        let mut run = limited(0);
        let of = |run: &mut Run, count: usize| {
            let fresh = run.subjects[0].samples.iter_mut().filter(|it| it.side == Side::Candidate);
            for sample in fresh.take(count) {
                sample.requests[0].fault = Some("rate_limited".to_owned());
                sample.requests[0].status = Some(429);
            }
            hints(run)
        };
        assert_eq!(of(&mut run, 2), Vec::<String>::new());
        assert_eq!(of(&mut run, 3).len(), 1, "answered in the end, and slower than need be");
        for sample in &mut run.subjects[0].samples {
            sample.stored = true;
        }
        assert_eq!(hints(&run), Vec::<String>::new(), "asked by an earlier run");
    }
}
