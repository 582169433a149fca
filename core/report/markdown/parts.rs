//! The parts of the Markdown on one subject.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::evidence::{self, Pair, PairKind};
use super::super::line::{Line, code};
use super::super::{Run, ShownPair, Subject, claim, hints, slips, words};
use super::is_plain_url;
use super::limits::MAX_LIMITS;
use crate::gate::{Decision, Failure, LimitOutcome, Side, Stopped, SubjectVerdict};
use crate::inert;

/// The most characters of a prompt in a folded list.
const MAX_PROMPT: usize = 1_500;

/// The limit that decides, how well it is shown, and whether merging is blocked.
pub(super) fn standing(verdict: &SubjectVerdict) -> String {
    let mut sentences = Vec::new();
    let broken = verdict.limits.iter().find(|limit| limit.outcome == LimitOutcome::Fail);
    match (verdict.verdict, broken) {
        // The title says which way it leans, and by what.
        _ if claim::is_unproven(verdict) => {}
        (Decision::Fail, Some(limit)) => {
            sentences.push(format!("Limit: at most **{}**.", words::allowed(limit)));
        }
        (Decision::Pass, None) => sentences.push("Every limit is kept.".to_owned()),
        _ => sentences.push(inert::markdown(&verdict.reason, 400)),
    }
    if let Some(sentence) = stopped(verdict) {
        sentences.push(sentence);
    }
    if claim::is_unproven(verdict) {
        sentences.push(claim::UNPROVEN.to_owned());
    }
    match (verdict.verdict, verdict.blocking) {
        (_, true) => sentences.push("Merging is blocked.".to_owned()),
        (Decision::Pass, false) => {}
        (_, false) => sentences.push("Merging is not blocked.".to_owned()),
    }
    sentences.join(" ")
}

/// Why sampling stopped, where the title and the reason don't say it.
fn stopped(verdict: &SubjectVerdict) -> Option<String> {
    let undecided = verdict.verdict == Decision::Inconclusive;
    match verdict.stopped {
        Stopped::Budget | Stopped::Unavailable if undecided => None,
        _ => Some(claim::stopped(verdict, "**")),
    }
}

/// A check's name, linked to what the docs say of it.
fn linked(check: &str) -> String {
    let name = code(check);
    words::check_page(check).map_or_else(|| name.clone(), |page| format!("[{name}]({page})"))
}

/// Where failures lie, what flipped, and how often each check failed.
pub(super) fn what_changed(verdict: &SubjectVerdict, hints: &[Line]) -> String {
    let mut text = String::new();
    if !hints.is_empty() {
        let worse = verdict.verdict == Decision::Fail && !claim::is_unproven(verdict);
        let lead = if worse { "What got worse." } else { "Worth knowing." };
        let sentences: Vec<String> = hints.iter().map(Line::markdown).collect();
        let _ = write!(text, "**{lead}** {}\n\n", sentences.join(" "));
    }
    let new = verdict.baseline.is_none();
    let mut checks: Vec<_> = verdict
        .checks
        .iter()
        .filter(|c| c.failed.baseline.saturating_add(c.failed.candidate) > 0)
        .collect();
    checks.sort_by_key(|check| std::cmp::Reverse((check.failed.candidate, check.failed.baseline)));
    if !checks.is_empty() {
        let list: Vec<String> = checks
            .iter()
            .take(12)
            .map(|check| {
                let [before, after] =
                    [check.failed.baseline, check.failed.candidate].map(words::thousands);
                let before = if new { String::new() } else { format!("{before} → ") };
                format!("{} {before}{after}", linked(&check.check))
            })
            .collect();
        let more = checks.len().saturating_sub(12);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let sides = if new { "" } else { ", baseline → this change" };
        let _ = write!(text, "Failures by check{sides}: {}{more}.", list.join(", "));
        if let Some(flips) = hints::flips(verdict).filter(|_| !new) {
            let _ = write!(text, " By pair: {flips}.");
        }
        if let Some(slips) = slips::sentence(&checks) {
            let _ = write!(text, " {}", slips.markdown());
        }
        text.push('\n');
    }
    text
}

/// The evidence by case and repeat.
fn pairs_of(subject: &Subject) -> BTreeMap<(&str, u32), Pair<'_>> {
    evidence::pairs(subject).into_iter().map(|pair| ((pair.case, pair.repeat), pair)).collect()
}

/// The candidate's failures, newly failing first.
fn candidate_failures(verdict: &SubjectVerdict) -> Vec<&Failure> {
    verdict.failures.iter().filter(|failure| failure.side == Side::Candidate).collect()
}

/// A table of the first failures, with the reason of each.
pub(super) fn worst_cases(verdict: &SubjectVerdict, subject: &Subject, most: usize) -> String {
    let failures = candidate_failures(verdict);
    if failures.is_empty() {
        return String::new();
    }
    let pairs = pairs_of(subject);
    let mut table = String::from("| prompt | baseline | this change | why |\n|:--|:-:|:-:|:--|\n");
    for failure in failures.iter().take(most) {
        let pair = pairs.get(&(failure.case.as_str(), failure.repeat));
        let before = pair
            .and_then(|pair| pair.baseline)
            .map_or(words::NOTHING, |sample| sample.outcome.word());
        let why = pair.and_then(|pair| pair.candidate).map_or_else(
            || {
                let checks: Vec<&str> = failure.checks.iter().map(String::as_str).collect();
                Line::new().names(&checks)
            },
            evidence::why,
        );
        let _ = writeln!(
            table,
            "| {} | {before} | {} | {} |",
            code(&evidence::case_name(&failure.case, failure.repeat)),
            failure.outcome,
            why.markdown()
        );
    }
    table
}

/// The pictures of pairs, each under its case's name.
pub(super) fn pictures<'a>(
    verdict: &SubjectVerdict,
    shown: impl Iterator<Item = &'a (ShownPair, String)>,
) -> String {
    let mut text = String::new();
    for (pair, link) in shown.filter(|(_, link)| is_plain_url(link)) {
        let alone = verdict.baseline.is_none() || pair.baseline.is_none();
        let what =
            if alone { "this change" } else { "baseline on the left, this change on the right" };
        let name = code(&evidence::case_name(&pair.case, pair.repeat));
        let _ = write!(text, "{name}, {what}:\n\n![{what}]({link})\n\n");
    }
    text
}

/// Every failing prompt exactly as it was sent, folded.
pub(super) fn prompts(verdict: &SubjectVerdict, subject: &Subject, most: usize) -> String {
    let failures = candidate_failures(verdict);
    let mut cases: Vec<&str> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for failure in &failures {
        if subject.prompts.contains_key(&failure.case) && seen.insert(failure.case.as_str()) {
            cases.push(&failure.case);
        }
    }
    if cases.is_empty() {
        return String::new();
    }
    let all = cases.len();
    let summary = if all <= most {
        format!(
            "{}, exactly as sent",
            words::count(all as u64, "failing prompt", "failing prompts")
        )
    } else {
        format!("{most} of {} failing prompts, exactly as sent", words::thousands(all as u64))
    };
    let mut text = format!("<details><summary>{summary}</summary>\n\n");
    for case in cases.iter().take(most) {
        let Some(prompt) = subject.prompts.get(*case) else { continue };
        let tags: Vec<&str> = prompt.tags.iter().take(6).map(String::as_str).collect();
        let mut line = Line::new().name(case);
        if !tags.is_empty() {
            line = line.ours(" · ").names(&tags);
        }
        let (shown, left) = head(&prompt.prompt, MAX_PROMPT);
        let _ = write!(text, "{}\n\n{}\n", line.markdown(), inert::markdown_fence(shown));
        if left > 0 {
            let left = words::thousands(left as u64);
            let _ = write!(text, "… and {left} more characters, in `samples.jsonl`.\n\n");
        }
    }
    if all > most {
        let more = words::thousands((all - most) as u64);
        let _ = write!(text, "{more} more in `report.html`.\n\n");
    }
    text.push_str("</details>\n");
    text
}

/// The first `max` characters, and how many are left.
fn head(text: &str, max: usize) -> (&str, usize) {
    match text.char_indices().nth(max) {
        Some((at, _)) => {
            let (shown, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            (shown, rest.chars().count())
        }
        None => (text, 0),
    }
}

/// The prompts that failed before and pass now, folded.
pub(super) fn newly_passing(subject: &Subject) -> String {
    let cases = hints::pair_names(subject, PairKind::NewlyPassing);
    if cases.is_empty() {
        return String::new();
    }
    let names: Vec<String> = cases.iter().take(40).map(|name| code(name)).collect();
    let more = cases.len().saturating_sub(40);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = words::count(cases.len() as u64, "prompt", "prompts");
    format!(
        "<details><summary>{count} failed before, not any more</summary>\n\n{}{more}\n\n</details>\n",
        names.join(", ")
    )
}

/// The prompts that fail on every repeat, by name.
pub(super) fn always_failing(verdict: &SubjectVerdict, most: usize) -> String {
    let (lines, more) = claim::always_failing(verdict, most);
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "**Failing every time.** The candidate fails these on every repeat, each with another seed:\n\n",
    );
    for line in lines {
        let _ = writeln!(text, "- {}", line.markdown());
    }
    if more > 0 {
        let _ = writeln!(text, "- and {} more, in `report.html`", words::thousands(more as u64));
    }
    text
}

/// What the verdict means and what it cost, folded.
pub(super) fn meaning(run: &Run, verdict: &SubjectVerdict) -> String {
    let mut text =
        String::from("<details><summary>What this means, and what it cost</summary>\n\n");
    let flips = &verdict.flips;
    if verdict.baseline.is_some() {
        let _ = writeln!(
            text,
            "Each prompt was sent to both models, with the same seed where they take one. A pair counts \
             where just one of them fails: {} against {} here.",
            words::thousands(flips.newly_failing),
            words::thousands(flips.newly_passing)
        );
    } else {
        text.push_str("The model is new, so that there is nothing to compare it with.\n");
    }
    let _ = write!(text, "\n{}\n\n", claim::stopped(verdict, ""));
    for sentence in claim::claim(verdict) {
        let _ = writeln!(text, "{}", sentence.markdown());
    }
    if let Some(line) = claim::decided_at(verdict) {
        let _ = write!(text, "\n{}\n", line.markdown());
    }
    let _ = write!(
        text,
        "\nSpent **{}** of {}{}",
        words::money(verdict.spent_usd),
        words::money(run.budget),
        words::for_checks(verdict.checks_usd)
    );
    let stored = verdict.from_store.baseline.saturating_add(verdict.from_store.candidate);
    let _ = writeln!(
        text,
        ": {} bought, {} from the store. {}",
        words::count(verdict.images_bought, "image", "images"),
        words::thousands(stored),
        words::cost_basis(verdict)
    );
    for check in verdict.checks.iter().filter(|c| c.skipped.candidate > 0).take(10) {
        let skipped = words::count(check.skipped.candidate, "image", "images");
        let _ = writeln!(text, "{} could not judge {skipped}.", code(&check.check));
    }
    for limit in verdict.limits.iter().take(MAX_LIMITS) {
        if let Some(note) = &limit.note {
            let line = Line::new().name(&limit.name).ours(": ").foreign(note);
            let _ = write!(text, "\n- {}", line.markdown());
        }
    }
    let _ = write!(
        text,
        "\n\nSeed {}. presscheck {}.\n\n</details>\n",
        verdict.seed,
        inert::markdown(&run.version, 40)
    );
    text
}
