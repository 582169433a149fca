//! What a verdict claims, how well it is shown, and what would settle one that is not.

use super::line::Line;
use super::words;
use crate::gate::{Decision, LimitOutcome, LimitResult, Stopped, SubjectVerdict};
use crate::units::Usd;

/// The most limits that one sentence lists.
const MAX_LIMITS: usize = 30;

/// Whether the verdict follows the way the figures lean, without proof.
pub(crate) fn is_unproven(verdict: &SubjectVerdict) -> bool {
    !verdict.proven && verdict.verdict != Decision::Inconclusive
}

/// The sentence that marks a verdict which is not proven.
pub(crate) const UNPROVEN: &str = "This follows the way the figures lean; it is not proven.";

/// Whether the claim is about the drawn pairs themselves.
fn of_suite(verdict: &SubjectVerdict) -> bool {
    verdict.claim == "suite"
}

/// A share as a plain percentage: `5%`, `2.5%`.
fn share(share: f64) -> String {
    words::plain_percent(share)
}

/// How sure the verdict is: 1 less the error that it could be.
fn confidence(verdict: &SubjectVerdict) -> Option<String> {
    let error = match verdict.verdict {
        Decision::Pass => verdict.errors.let_bad_through,
        Decision::Fail => verdict.errors.block_good,
        Decision::Inconclusive => return None,
    };
    (verdict.proven && (0.0..1.0).contains(&error))
        .then(|| format!(" ({} confidence)", share(1.0 - error)))
}

/// `; 388 were not bought`, or `not needed` where some of them were under way already.
fn left_over(verdict: &SubjectVerdict) -> String {
    let left = verdict.planned.saturating_sub(verdict.pairs);
    let verb = match (under_way(verdict) > 0, left == 1) {
        (false, true) => "was not bought",
        (false, false) => "were not bought",
        (true, true) => "was not needed",
        (true, false) => "were not needed",
    };
    format!("; {} {verb}", words::thousands(left))
}

/// Images that were bought beyond the judged pairs: requests that were under way when sampling stopped.
fn under_way(verdict: &SubjectVerdict) -> u64 {
    let sides = if verdict.baseline.is_some() { 2 } else { 1 };
    let stored = verdict.from_store.baseline.saturating_add(verdict.from_store.candidate);
    let judged = verdict.pairs.saturating_mul(sides).saturating_sub(stored);
    verdict.images_bought.saturating_sub(judged)
}

/// Why sampling stopped, and what that covers, as a sentence. The figures stand between `strong` marks.
pub(crate) fn stopped(verdict: &SubjectVerdict, strong: &str) -> String {
    let [pairs, planned, population] =
        [verdict.pairs, verdict.planned, verdict.population].map(words::thousands);
    let whole = verdict.pairs >= verdict.planned;
    let noun = if verdict.planned == 1 { "pair" } else { "pairs" };
    let of = format!("{strong}{pairs} of {planned}{strong} {noun}");
    let confidence = confidence(verdict).unwrap_or_default();
    match verdict.stopped {
        Stopped::Budget => format!("The budget ended after {of}."),
        Stopped::Unavailable => match &verdict.baseline_gone {
            Some(gone) => format!(
                "Judged over {of}: {}, and no more of its results are stored.",
                gone.sentence()
            ),
            None => format!("Stopped after {of}: too many requests had no answer."),
        },
        Stopped::Decided if !whole && !confidence.is_empty() => {
            format!("Proven after {of}{confidence}{}.", left_over(verdict))
        }
        Stopped::Max if !whole => {
            format!("Judged over {of}: the most images that this run was allowed.")
        }
        _ if !whole => format!("Judged over {of}."),
        Stopped::Decided if !of_suite(verdict) && !confidence.is_empty() => {
            format!("Proven after all {strong}{pairs}{strong} {noun}{confidence}.")
        }
        _ if of_suite(verdict) && verdict.population > verdict.planned => format!(
            "Judged over all {strong}{pairs}{strong} drawn {noun}: about these {pairs} of {population}, not \
             about the rest."
        ),
        Stopped::Max => {
            format!("Judged over all {strong}{pairs}{strong} {noun} that the policy allows.")
        }
        Stopped::Decided | Stopped::Exhausted => {
            format!("Judged over all {strong}{pairs}{strong} {noun}.")
        }
    }
}

/// What is claimed, and how often that may be wrong, in sentences for people who read on.
pub(crate) fn claim(verdict: &SubjectVerdict) -> Vec<Line> {
    let ours = |text: String| Line::new().ours(text);
    let mut text = Vec::new();
    let planned = words::count(verdict.planned, "pair", "pairs");
    let whole = verdict.pairs >= verdict.planned;
    let shown = verdict.proven && verdict.verdict != Decision::Inconclusive;
    // What is not shown is a question, and no claim.
    let (claim, unshown) =
        if shown { ("Claim:", "") } else { ("The question:", " It stays open.") };
    match verdict.claim.as_str() {
        "suite" if whole && shown => text.push(ours(format!(
            "Claim: what the whole draw of {planned} says (these prompts, these seeds). All of it was judged: \
             counting decides, and nothing is guessed."
        ))),
        "suite" => {
            text.push(ours(format!(
                "{claim} what the whole draw of {planned} would say (these prompts, these seeds).{unshown}"
            )));
            if shown {
                text.push(ours(disagreement(verdict)));
            }
        }
        "model" => {
            let about = if shown {
                "about the models' true rates"
            } else {
                "what the models' true rates are"
            };
            text.push(ours(format!(
                "{claim} {about}, prompts and seeds being a random sample of all that \
                 could have been drawn.{unshown}"
            )));
            text.push(ours(format!(
                "A change that breaks a limit passes in at most {} of cases; one that keeps every limit is \
                 blocked in at most {}.",
                share(verdict.errors.let_bad_through),
                share(verdict.errors.block_good)
            )));
        }
        other => text.push(Line::new().ours("Claim: ").name(other).ours(".")),
    }
    let timed = |limit: &LimitResult| {
        limit.outcome != LimitOutcome::Skipped
            && words::measure(&limit.name).0.starts_with("latency")
    };
    if verdict.limits.iter().any(timed) {
        text.push(ours(
            "A limit on latency blocks only where the change is shown to be too slow; where neither is shown, \
             it passes with a note."
                .to_owned(),
        ));
    }
    if of_suite(verdict) && verdict.population > verdict.planned {
        text.push(ours(format!(
            "The prompt sets hold {}: nothing is claimed about the {} that were not drawn.",
            words::count(verdict.population, "pair", "pairs"),
            words::thousands(verdict.population - verdict.planned)
        )));
    }
    text.extend(surplus(verdict).map(ours));
    if verdict.baseline_known && verdict.baseline.is_some() {
        let helped = if of_suite(verdict) && !whole && verdict.stopped == Stopped::Decided {
            ", and knowing them made the proof come sooner"
        } else {
            ""
        };
        text.push(ours(format!(
            "The baseline's results were all in the store when the run began, so that only the candidate's \
             images were new{helped}."
        )));
    }
    text
}

/// How often an early stop disagrees with the whole draw.
fn disagreement(verdict: &SubjectVerdict) -> String {
    let [bad, good] = [verdict.errors.let_bad_through, verdict.errors.block_good].map(share);
    if bad == good {
        format!(
            "An early stop disagrees with the whole draw in at most {bad} of cases on either side."
        )
    } else {
        format!(
            "Where the whole draw would break a limit, an early stop passes in at most {bad} of cases; where \
             it would keep them all, an early stop blocks in at most {good}."
        )
    }
}

/// What stopping early left out, where the short sentence does not say all of it.
fn surplus(verdict: &SubjectVerdict) -> Option<String> {
    let under_way = under_way(verdict);
    let early = verdict.stopped == Stopped::Decided && verdict.pairs < verdict.planned;
    (early && under_way > 0).then(|| {
        let noun = if under_way == 1 { "image was" } else { "images were" };
        format!(
            "When the proof stood, {} more {noun} under way: paid for, kept in the store, not judged.",
            words::thousands(under_way)
        )
    })
}

/// `Proven on the way: failure rate broken after 124 pairs, latency p95 kept after 96.`
pub(crate) fn decided_at(verdict: &SubjectVerdict) -> Option<Line> {
    let decided: Vec<_> = verdict.limits.iter().filter_map(|l| Some((l, l.decided_at?))).collect();
    let mut line = Line::new().ours("Proven on the way: ");
    for (index, (limit, pairs)) in decided.iter().take(MAX_LIMITS).enumerate() {
        let join = if index == 0 { "" } else { ", " };
        let (measure, tag) = words::measure(&limit.name);
        line = line.ours(format!("{join}{measure}"));
        if let Some(tag) = tag {
            line = line.ours(" of ").name(tag);
        }
        let how = if limit.outcome == LimitOutcome::Fail { "broken" } else { "kept" };
        let pairs = if index == 0 {
            words::count(*pairs, "pair", "pairs")
        } else {
            words::thousands(*pairs)
        };
        let beside = words::beside(limit, &verdict.limits);
        line = line.ours(format!("{beside} {how} after {pairs}"));
    }
    let more = decided.len().saturating_sub(MAX_LIMITS);
    let end = if more > 0 { format!(", and {more} more.") } else { ".".to_owned() };
    (!decided.is_empty()).then(|| line.ours(end))
}

/// The limit whose figure says which way it leans: the first that is exceeded, or the failure rate.
pub(crate) fn telling(verdict: &SubjectVerdict, lean: Decision) -> Option<&LimitResult> {
    let value = |limit: &LimitResult| {
        if words::is_increase(&limit.name) { limit.change } else { limit.candidate }
    };
    verdict.limits.iter().find(|limit| match (words::measure(&limit.name), lean) {
        (("unavailable", None), _) => false,
        (_, Decision::Fail) => value(limit).is_some_and(|value| value > limit.limit),
        (measure, Decision::Pass | Decision::Inconclusive) => {
            measure == ("failure rate", None) && value(limit).is_some()
        }
    })
}

/// Which way an undecided verdict leans, and by which figure.
pub(crate) fn lean(verdict: &SubjectVerdict) -> Option<Line> {
    let lean = verdict.lean.filter(|_| verdict.verdict == Decision::Inconclusive)?;
    let line = Line::new().ours(format!("The figures lean to {}", lean.word()));
    let line = match telling(verdict, lean) {
        None => line,
        Some(limit) => {
            let (measure, tag) = words::measure(&limit.name);
            let line = line.ours(format!(" ({measure}"));
            let line = match tag {
                Some(tag) => line.ours(" of ").name(tag),
                None => line,
            };
            let figure = if words::is_increase(&limit.name) {
                words::change(limit.unit, limit.change)
            } else {
                words::value(limit.unit, limit.candidate)
            };
            line.ours(format!(" {figure}, at most {} allowed)", words::allowed(limit)))
        }
    };
    Some(line.ours(", which is not proven."))
}

/// What would settle a verdict that is not proven: how many pairs, at what price, and which setting.
pub(crate) fn what_would_decide(verdict: &SubjectVerdict, budget: Usd) -> Option<String> {
    if verdict.proven && verdict.verdict != Decision::Inconclusive {
        return None;
    }
    // What decides needs more pairs than there are; what was only said to be enough may be so already.
    let wanted = verdict.pairs_to_decide.filter(|wanted| *wanted > verdict.pairs);
    match (verdict.stopped, wanted) {
        (Stopped::Budget, None) => budget_ended(verdict, budget),
        (Stopped::Budget, Some(wanted)) => Some(format!(
            "The budget of {} covered {} of {} pairs; about {} would probably decide{}. Raise `budget`{}.",
            words::money(budget),
            words::thousands(verdict.pairs),
            words::thousands(verdict.planned),
            words::thousands(wanted),
            price(verdict, wanted).map_or_else(String::new, |more| {
                format!(", for about {} more", words::money(more))
            }),
            also_more_pairs(verdict, wanted),
        )),
        (Stopped::Unavailable, _) if verdict.baseline_gone.is_some() => Some(
            "No further run can tell more, for that baseline can't be asked. Let this change through past the check, where \
             its own figures are good; the next one is compared with it."
                .to_owned(),
        ),
        (Stopped::Unavailable, _) => Some(
            "Run it again when the provider answers: what was paid for is in the store.".to_owned(),
        ),
        (Stopped::Max, wanted) if verdict.pairs < verdict.planned => {
            let about = wanted.map_or_else(
                || "More pairs are needed".to_owned(),
                |wanted| about(verdict, wanted),
            );
            let more = also_more_pairs(verdict, wanted.unwrap_or(0));
            Some(format!("{about}: allow more images (`--max-images`){more}."))
        }
        (Stopped::Decided | Stopped::Exhausted | Stopped::Max, None) => None,
        (Stopped::Decided | Stopped::Exhausted | Stopped::Max, Some(wanted)) => {
            let dearer =
                price(verdict, wanted).is_some_and(|more| more + verdict.spent_usd > budget);
            let budget = if dearer { ", and `budget`" } else { "" };
            let setting = setting(verdict, wanted).unwrap_or("`sample.repeats`");
            Some(format!("{}: raise {setting}{budget}.", about(verdict, wanted)))
        }
    }
}

/// `About 900 pairs in all would probably decide (about $20.00 more)`.
fn about(verdict: &SubjectVerdict, wanted: u64) -> String {
    let price = price(verdict, wanted)
        .map_or_else(String::new, |more| format!(" (about {} more)", words::money(more)));
    format!("About {} pairs in all would probably decide{price}", words::thousands(wanted))
}

/// Which setting makes the draw so large; nothing where it is large enough.
fn setting(verdict: &SubjectVerdict, wanted: u64) -> Option<&'static str> {
    match (wanted > verdict.planned, wanted > verdict.population) {
        (false, _) => None,
        (true, false) => Some("`sample.max`"),
        (true, true) if verdict.population > verdict.planned => {
            Some("`sample.max` and `sample.repeats`")
        }
        (true, true) => Some("`sample.repeats` (and `sample.max`, if it is lower), or add prompts"),
    }
}

/// ` and sample.max`, where a larger draw is needed besides.
fn also_more_pairs(verdict: &SubjectVerdict, wanted: u64) -> String {
    setting(verdict, wanted).map_or_else(String::new, |setting| format!(" and {setting}"))
}

/// What the pairs from here to `wanted` would cost, at what the judged ones did cost.
fn price(verdict: &SubjectVerdict, wanted: u64) -> Option<Usd> {
    let left = wanted.saturating_sub(verdict.pairs);
    // Per thousand pairs, and a thousandth of that: the price of a pair.
    let pair = verdict.spent_usd.per_thousand(verdict.pairs)?.per_thousand(1_000_000)?;
    (!pair.is_zero()).then(|| pair * left)
}

/// What the whole sample would have taken, where the budget ended first.
fn budget_ended(verdict: &SubjectVerdict, budget: Usd) -> Option<String> {
    let more = price(verdict, verdict.planned)?;
    Some(format!(
        "The budget of {} covered {} of {} pairs; the rest would take about {} more.",
        words::money(budget),
        words::thousands(verdict.pairs),
        words::thousands(verdict.planned),
        words::money(more)
    ))
}

/// A line for each prompt that the candidate failed on every repeat, those that the baseline does not
/// always fail first; and how many more there are.
pub(crate) fn always_failing(verdict: &SubjectVerdict, most: usize) -> (Vec<Line>, usize) {
    let mut prompts: Vec<_> = verdict.always_failing.iter().collect();
    prompts.sort_by_key(|prompt| prompt.baseline_failed >= prompt.repeats);
    let new = verdict.baseline.is_none();
    let lines = prompts.iter().take(most).map(|prompt| {
        let baseline = match (prompt.baseline_failed, prompt.repeats) {
            _ if new => String::new(),
            (0, _) => "; the baseline on none".to_owned(),
            (failed, repeats) if failed >= repeats => "; the baseline as well".to_owned(),
            (failed, _) => format!("; the baseline on {failed}"),
        };
        Line::new().name(&prompt.case).ours(format!(
            " fails on {} {}{baseline}",
            if prompt.repeats == 2 { "both" } else { "all" },
            if prompt.repeats == 2 {
                "repeats".to_owned()
            } else {
                words::count(u64::from(prompt.repeats), "repeat", "repeats")
            },
        ))
    });
    (lines.collect(), prompts.len().saturating_sub(most))
}

#[cfg(test)]
mod tests;
