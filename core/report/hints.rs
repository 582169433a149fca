//! What a reader would otherwise have to find out: where failures lie, what else changed.

use std::collections::BTreeMap;

use super::evidence::{self, PairKind};
use super::line::Line;
use super::{Run, SampleLine, Subject, claim, requests, slips, words};
use crate::gate::SubjectVerdict;
use crate::units::Usd;

/// Hints on every subject, as plain sentences; names stand in backticks.
#[must_use]
pub fn hints(run: &Run) -> Vec<String> {
    let empty = Subject::default();
    let several = run.verdict.subjects.len() > 1;
    let mut hints = Vec::new();
    for (index, verdict) in run.verdict.subjects.iter().enumerate() {
        let subject = run.subjects.get(index).unwrap_or(&empty);
        for line in subject_hints(verdict, subject, run.budget) {
            let line =
                if several { Line::new().name(&verdict.name).ours(": ").then(line) } else { line };
            hints.push(line.plain());
        }
    }
    hints
}

/// Hints on one subject, most telling first.
pub(crate) fn subject_hints(verdict: &SubjectVerdict, subject: &Subject, budget: Usd) -> Vec<Line> {
    [
        claim::lean(verdict),
        claim::what_would_decide(verdict, budget).map(|text| Line::new().ours(text)),
        slips::unsure(subject),
        where_failures_lie(verdict, subject),
        newly_passing(verdict, subject),
        requests::no_answers(subject),
        requests::too_fast(subject),
        dearer_when_good(verdict),
        slow_tail(verdict),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `11 of 13 failures are text, 9 of them in locale-de and locale-pl.`
fn where_failures_lie(verdict: &SubjectVerdict, subject: &Subject) -> Option<Line> {
    let pairs = evidence::pairs(subject);
    let failing: Vec<_> =
        pairs.iter().filter_map(|pair| pair.candidate).filter(|sample| sample.failure).collect();
    let total = failing.len();
    if total < 3 {
        return None;
    }
    let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
    let cause = |sample: &&SampleLine| -> Vec<String> {
        let mut names: Vec<String> =
            evidence::objections(sample).map(|finding| finding.check.clone()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            names.push(sample.kind.clone().unwrap_or_else(|| sample.outcome.word().to_owned()));
        }
        names
    };
    let named: Vec<_> = failing.iter().map(|sample| (*sample, cause(sample))).collect();
    for (_, names) in &named {
        for name in names {
            *causes.entry(name).or_default() += 1;
        }
    }
    let (name, most) = causes.iter().max_by_key(|(_, count)| **count)?;
    if most * 2 < total {
        // One of each is no pattern.
        return (*most > 1).then(|| several_causes(&causes, total));
    }
    let line = if *most == total {
        Line::new().ours(format!("All {} failures are ", number(total))).name(name)
    } else {
        let (most, total) = (number(*most), number(total));
        Line::new().ours(format!("{most} of {total} failures are ")).name(name)
    };
    let theirs: Vec<_> = named
        .iter()
        .filter(|(_, names)| names.iter().any(|known| known == name))
        .map(|(sample, _)| *sample)
        .collect();
    let (tags, tagged) = telling_tags(verdict, &theirs);
    let (locales, spoken) = telling_locales(verdict, subject, &theirs);
    // A language says more than a tag that holds as many.
    let (place, names, inside) = if spoken > 0 && spoken >= tagged {
        ("on locale ", locales, spoken)
    } else {
        ("in ", tags, tagged)
    };
    Some(match inside {
        0 => line.ours("."),
        _ if inside == theirs.len() => {
            line.ours(format!(", all of them {place}")).names(&names).ours(".")
        }
        _ => line.ours(format!(", {} of them {place}", number(inside))).names(&names).ours("."),
    })
}

/// A count as people read it.
fn number(count: usize) -> String {
    words::thousands(u64::try_from(count).unwrap_or(u64::MAX))
}

/// `35 failures: 14 dimensions, 9 decode, 7 html and 5 others.`
fn several_causes(causes: &BTreeMap<&str, usize>, total: usize) -> Line {
    let mut causes: Vec<_> = causes.iter().collect();
    causes.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), **name));
    let mut line = Line::new().ours(format!("{} failures: ", number(total)));
    let shown = causes.len().min(3);
    for (index, (name, count)) in causes.iter().take(shown).enumerate() {
        let last = index + 1 == shown && causes.len() == shown;
        let join = match index {
            0 => "",
            _ if last => " and ",
            _ => ", ",
        };
        line = line.ours(format!("{join}{} ", number(**count))).name(name);
    }
    let others: usize = causes.iter().skip(shown).map(|(_, count)| **count).sum();
    if others > 0 {
        let word = if others == 1 { "other" } else { "others" };
        line = line.ours(format!(" and {} {word}", number(others)));
    }
    line.ours(".")
}

/// The telling ones among tags, and how many of these failures have one of them.
fn telling_tags<'a>(verdict: &'a SubjectVerdict, failing: &[&SampleLine]) -> (Vec<&'a str>, usize) {
    let tags = verdict.tags.iter().map(|tag| (tag.tag.as_str(), tag.pairs));
    telling(verdict, tags, failing, |sample, tag| sample.tags.iter().any(|own| own == tag))
}

/// The telling ones among the languages of the prompts, and how many of these failures are in one of them.
fn telling_locales<'a>(
    verdict: &SubjectVerdict,
    subject: &'a Subject,
    failing: &[&SampleLine],
) -> (Vec<&'a str>, usize) {
    let of = |case: &str| subject.prompts.get(case).and_then(|prompt| prompt.locale.as_deref());
    let mut pairs: BTreeMap<&str, u64> = BTreeMap::new();
    for pair in evidence::pairs(subject) {
        if let Some(locale) = of(pair.case) {
            *pairs.entry(locale).or_default() += 1;
        }
    }
    telling(verdict, pairs, failing, |sample, locale| of(&sample.case) == Some(locale))
}

/// At most two groups of prompts, each with its pairs, that hold far more of these failures than their share of the
/// prompts, where together they hold most of them; and how many that is.
fn telling<'a>(
    verdict: &SubjectVerdict,
    groups: impl IntoIterator<Item = (&'a str, u64)>,
    failing: &[&SampleLine],
    is_in: impl Fn(&SampleLine, &str) -> bool,
) -> (Vec<&'a str>, usize) {
    let all = usize::try_from(verdict.pairs).unwrap_or(usize::MAX);
    let mut telling: Vec<(&str, usize)> = Vec::new();
    for (name, pairs) in groups {
        let inside = failing.iter().filter(|sample| is_in(sample, name)).count();
        let pairs = usize::try_from(pairs).unwrap_or(usize::MAX);
        // Half as many again as a fair share: inside / failing >= 1.5 * pairs / all.
        let telling_much = inside.saturating_mul(all).saturating_mul(2)
            >= failing.len().saturating_mul(pairs).saturating_mul(3);
        if inside >= 2 && pairs < all && telling_much {
            telling.push((name, inside));
        }
    }
    telling.sort_by_key(|(_, inside)| std::cmp::Reverse(*inside));
    telling.truncate(2);
    let covered =
        failing.iter().filter(|sample| telling.iter().any(|(name, _)| is_in(sample, name))).count();
    if covered * 2 < failing.len() {
        return (Vec::new(), 0);
    }
    (telling.into_iter().map(|(name, _)| name).collect(), covered)
}

/// `Two prompts that failed before now pass: product-001 and product-002.`
fn newly_passing(verdict: &SubjectVerdict, subject: &Subject) -> Option<Line> {
    let flips = verdict.flips.newly_passing;
    let line = match flips {
        0 => return None,
        1 => Line::new().ours("One prompt that failed before now passes"),
        _ => Line::new()
            .ours(format!("{} prompts that failed before now pass", words::count_word(flips))),
    };
    let names = pair_names(subject, PairKind::NewlyPassing);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // A longer list stands elsewhere.
    let few = !names.is_empty() && names.len() <= 3 && names.len() as u64 == flips;
    Some(if few { line.ours(": ").names(&names).ours(".") } else { line.ours(".") })
}

/// The names of the pairs of a kind, in the drawn order.
pub(crate) fn pair_names(subject: &Subject, kind: PairKind) -> Vec<String> {
    let pairs = evidence::pairs(subject);
    pairs.iter().filter(|pair| pair.kind() == kind).map(evidence::Pair::name).collect()
}

/// A cheaper picture that is dearer once the failing ones are thrown away.
fn dearer_when_good(verdict: &SubjectVerdict) -> Option<Line> {
    let before = verdict.cost.baseline.as_ref()?;
    let after = verdict.cost.candidate.as_ref()?;
    let good_before = before.effective_per_1k_usd?;
    let good_after = after.effective_per_1k_usd?;
    (after.per_1k_usd? < before.per_1k_usd? && good_after > good_before).then(|| {
        Line::new().ours(format!(
            "An image costs less, but a good image costs more: {} per 1k, {} before.",
            words::money(good_after),
            words::money(good_before)
        ))
    })
}

/// A few images that take far longer than most.
fn slow_tail(verdict: &SubjectVerdict) -> Option<Line> {
    let after = verdict.latency.candidate.as_ref()?;
    let long = after.p95_s >= 3.0 * after.p50_s && after.p95_s >= 5.0 && after.samples >= 20;
    long.then(|| {
        Line::new().ours(format!(
            "Half of the images come within {}, but one in twenty takes {} or more.",
            words::seconds(after.p50_s),
            words::seconds(after.p95_s)
        ))
    })
}

/// `11 newly failing, 2 newly passing, 2 failing on both sides`; nothing where no pair fails.
pub(crate) fn flips(verdict: &SubjectVerdict) -> Option<String> {
    let flips = &verdict.flips;
    let mut parts = Vec::new();
    if flips.newly_failing > 0 {
        parts.push(format!("{} newly failing", words::thousands(flips.newly_failing)));
    }
    if flips.newly_passing > 0 {
        parts.push(format!("{} newly passing", words::thousands(flips.newly_passing)));
    }
    if flips.both_failing > 0 {
        parts.push(format!("{} failing on both sides", words::thousands(flips.both_failing)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, End};
    use super::*;

    #[test]
    fn failures_are_told_by_check_and_tag() {
        let run = fixtures::fail();
        let hints = hints(&run);
        assert_eq!(
            hints.first().map(String::as_str),
            Some("11 of 13 failures are `text`, 9 of them in `locale-de` and `locale-pl`.")
        );
        assert_eq!(
            hints.get(1).map(String::as_str),
            Some("Two prompts that failed before now pass: `product-001` and `product-002`.")
        );
    }

    #[test]
    fn failures_in_one_language_are_told_by_it() {
        let mut run = fixtures::fail();
        for (case, prompt) in &mut run.subjects[0].prompts {
            let locale = if case.starts_with("banner-pl") || case.starts_with("sale-de") {
                "ja"
            } else {
                "en"
            };
            prompt.locale = Some(locale.to_owned());
        }
        assert_eq!(
            hints(&run).first().map(String::as_str),
            Some("11 of 13 failures are `text`, 9 of them on locale `ja`.")
        );
        for prompt in run.subjects[0].prompts.values_mut() {
            prompt.locale = Some("en".to_owned());
        }
        let hints = hints(&run);
        assert!(hints[0].ends_with("`locale-de` and `locale-pl`."), "all are English: {hints:?}");
    }

    #[test]
    fn scattered_failures_are_not_pressed_into_a_pattern() {
        let mut plans = fixtures::plans(80);
        for (at, check) in [(0, "text"), (9, "palette"), (18, "dimensions"), (27, "blank")] {
            plans[at].ends[1] = End::Check(check, "x");
        }
        let run = fixtures::run(vec![fixtures::subject("hero", &plans, 80)]);
        assert_eq!(hints(&run), Vec::<String>::new());
        for plan in &mut plans[..40] {
            plan.ends[1] = End::Check("text", "x");
        }
        let run = fixtures::run(vec![fixtures::subject("hero", &plans, 80)]);
        assert_eq!(hints(&run), ["All 40 failures are `text`."], "no tag has more than its share");
    }

    #[test]
    fn money_and_time_are_told_where_they_surprise() {
        let mut run = fixtures::budget_stop();
        assert_eq!(
            hints(&run),
            ["The budget of $1.60 covered 40 of 400 pairs; the rest would take about $14.40 more."]
        );
        let verdict = &mut run.verdict.subjects[0];
        verdict.stopped = crate::gate::Stopped::Exhausted;
        verdict.cost.candidate.as_mut().unwrap().effective_per_1k_usd = Some(fixtures::usd("$150"));
        verdict.latency.candidate.as_mut().unwrap().p95_s = 21.0;
        assert_eq!(
            hints(&run),
            [
                "An image costs less, but a good image costs more: $150.00 per 1k, $136.55 before.",
                "Half of the images come within 1.6 s, but one in twenty takes 21.0 s or more.",
            ]
        );
    }
}
