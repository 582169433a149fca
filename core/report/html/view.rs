//! What the page's template shows: everything as text that is ready to read.

use std::fmt;

use askama::Template;

use super::chart::{Chart, chart};
use super::gallery::Data;
use super::pairs::{Group, QuietList, groups, quiet};
use super::pictures::Pictures;
use super::rates::{self, Rates};
use super::spread::{Spread, spreads};
use super::tables::{LimitView, OutcomeBar, facts, limit_view, outcome_bars, outcome_rows};
use super::{HtmlOptions, SCRIPT, script_hash};
use crate::gate::{AlwaysFailing, Decision, ModelAt, Stopped, SubjectVerdict};
use crate::inert;
use crate::report::evidence::Pair;
use crate::report::line::Line;
use crate::report::markdown::is_plain_url;
use crate::report::{Run, Subject, accepted, claim, evidence, hints, title, words};

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page {
    title: String,
    headline: String,
    word: &'static str,
    class: &'static str,
    lead: String,
    notes: Vec<String>,
    subjects: Vec<SubjectView>,
    policy_path: String,
    policy_at: String,
    again: String,
    job_url: Option<String>,
    version: String,
    script: &'static str,
    script_hash: String,
    /// What the script shows, as JSON that ends no element.
    data: String,
}

struct SubjectView {
    anchor: String,
    name: String,
    headline: String,
    word: &'static str,
    class: &'static str,
    standing: String,
    before: Option<ModelView>,
    after: ModelView,
    limits: Vec<LimitView>,
    chart: Option<Chart>,
    /// Prompts that fail on every repeat: name, as sent, how often on either side.
    always: Vec<[String; 4]>,
    always_count: String,
    always_more: Option<String>,
    facts: Vec<[String; 4]>,
    hints: Vec<String>,
    bars: Vec<OutcomeBar>,
    outcomes: Vec<[String; 3]>,
    checks: Rates,
    tags: Rates,
    spreads: Vec<Spread>,
    /// How many pairs there are.
    pairs: String,
    groups: Vec<Group>,
    quiet: Vec<QuietList>,
    decided: Vec<String>,
}

struct ModelView {
    model: String,
    provider: String,
    label: String,
}

/// Prompts that fail on every repeat and are listed.
const MAX_ALWAYS: usize = 200;

/// The class of a verdict.
const fn class(decision: Decision, unproven: bool) -> &'static str {
    match decision {
        _ if unproven => "warn",
        Decision::Pass => "pass",
        Decision::Inconclusive => "warn",
        Decision::Fail => "fail",
    }
}

/// The word of a verdict, as a badge.
const fn badge(decision: Decision, unproven: bool) -> &'static str {
    match (decision, unproven) {
        (Decision::Pass, false) => "Pass",
        (Decision::Fail, false) => "Fail",
        (Decision::Pass, true) => "Leans to pass",
        (Decision::Fail, true) => "Leans to fail",
        (Decision::Inconclusive, _) => "Undecided",
    }
}

/// Text from outside on one line.
pub(super) fn line(text: &str, max: usize) -> String {
    inert::one_line(text.trim(), max)
}

/// Text from outside in which every character shows, cut after `max` characters.
pub(super) fn block(text: &str, max: usize) -> String {
    let mut head: String = text.chars().take(max).collect();
    if head.len() < text.len() {
        head.push_str(" … (cut here; the whole is in samples.jsonl)");
    }
    inert::visible(&head)
}

/// A sentence with a capital, without backticks: the page has no Markdown. A name at the start stays as
/// it is.
pub(super) fn sentence(text: &str) -> String {
    if text.starts_with('`') {
        return text.replace('`', "");
    }
    let text = text.replace('`', "");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The page of a run.
pub(super) fn page(run: &Run, options: HtmlOptions<'_>) -> Result<Page, fmt::Error> {
    let mut pictures = Pictures::new(options.max_thumbnail_bytes);
    let empty = Subject::default();
    let mut data = Data::default();
    let mut order: Vec<_> = run.verdict.subjects.iter().enumerate().collect();
    order.sort_by_key(|(_, verdict)| std::cmp::Reverse(verdict.verdict));
    let mut subjects = Vec::new();
    for (index, verdict) in &order {
        let subject = run.subjects.get(*index).unwrap_or(&empty);
        let pairs = evidence::pairs(subject);
        let shown = (&mut pictures, options);
        let view = subject_view(run, verdict, (subject, &pairs), *index, shown);
        data.add(run, verdict, (subject, &view.anchor), &pairs, (&mut pictures, options));
        subjects.push(view);
    }
    let title = title(run);
    let unproven = title::run_sign(&run.verdict) != title::sign(run.verdict.verdict);
    let accepted = accepted::plain(&run.verdict).map(|it| it.replace('`', ""));
    let headline = title.split_once("presscheck: ").map_or(title.as_str(), |(_, rest)| rest);
    Ok(Page {
        headline: sentence(headline),
        word: if accepted.is_some() { "Accepted" } else { badge(run.verdict.verdict, unproven) },
        class: class(run.verdict.verdict, unproven || accepted.is_some()),
        lead: accepted.into_iter().chain([lead(run)]).collect::<Vec<_>>().join(" "),
        notes: run.verdict.notes.iter().take(50).map(|note| line(note, 600)).collect(),
        subjects,
        policy_path: line(&run.policy_path, 200),
        policy_at: line(&run.policy_at, 100),
        again: inert::visible(&run.again).replace('\n', "⏎"),
        job_url: run.job_url.clone().filter(|url| is_plain_url(url)),
        version: line(&run.version, 40),
        title,
        script: SCRIPT,
        script_hash: script_hash(),
        data: inert::script_json(&data).map_err(|_| fmt::Error)?,
    })
}

fn subject_view(
    run: &Run,
    verdict: &SubjectVerdict,
    (subject, pairs): (&Subject, &[Pair<'_>]),
    index: usize,
    (pictures, options): (&mut Pictures, HtmlOptions<'_>),
) -> SubjectView {
    let hints = hints::subject_hints(verdict, subject, run.budget);
    let unproven = claim::is_unproven(verdict);
    let anchor = format!("model-{index}");
    let always = always(verdict, subject);
    let always_more = verdict.always_failing.len() - always.len();
    SubjectView {
        chart: chart(verdict, &anchor),
        spreads: spreads(verdict, pairs, &anchor),
        always,
        always_count: words::thousands(verdict.always_failing.len() as u64),
        always_more: (always_more > 0).then(|| words::thousands(always_more as u64)),
        anchor,
        name: line(&verdict.name, 80),
        headline: sentence(&title::subject_line(verdict).plain()),
        word: badge(verdict.verdict, unproven),
        class: class(verdict.verdict, unproven),
        standing: standing(verdict),
        before: verdict.baseline.as_ref().map(model_view),
        after: model_view(&verdict.candidate),
        limits: verdict.limits.iter().map(|limit| limit_view(verdict, limit)).collect(),
        facts: facts(verdict),
        hints: hints.iter().map(|hint| hint.plain().replace('`', "")).collect(),
        bars: outcome_bars(verdict),
        outcomes: outcome_rows(verdict),
        checks: rates::by_check(verdict),
        tags: rates::by_tag(verdict),
        pairs: words::thousands(pairs.len() as u64),
        groups: groups(subject, pairs, pictures, options.max_pairs),
        quiet: quiet(pairs),
        decided: decided(run, verdict),
    }
}

/// The sentences under the headline.
fn lead(run: &Run) -> String {
    let verdict = &run.verdict;
    let spent = if verdict.spent_usd.is_zero() {
        "Nothing was spent.".to_owned()
    } else {
        format!("Spent {} of {}.", words::money(verdict.spent_usd), words::money(run.budget))
    };
    let standing = match (verdict.subjects.as_slice(), verdict.verdict, verdict.blocking) {
        ([subject], ..) => standing(subject),
        (_, _, true) => "Merging is blocked.".to_owned(),
        ([], Decision::Pass, false) => "No image was generated.".to_owned(),
        (_, Decision::Pass, false) => String::new(),
        (_, _, false) => "Merging is not blocked.".to_owned(),
    };
    format!("{standing} {spent}").trim().to_owned()
}

/// Why sampling stopped, and whether merging is blocked.
fn standing(verdict: &SubjectVerdict) -> String {
    let undecided = verdict.verdict == Decision::Inconclusive;
    let mut text = match verdict.stopped {
        // The headline says already that the budget or the provider ended it.
        Stopped::Budget | Stopped::Unavailable if undecided => line(&verdict.reason, 400),
        _ => claim::stopped(verdict, ""),
    };
    if claim::is_unproven(verdict) {
        text.push(' ');
        text.push_str(claim::UNPROVEN);
    }
    match (verdict.verdict, verdict.blocking) {
        (_, true) => text.push_str(" Merging is blocked."),
        (Decision::Pass, false) => {}
        (_, false) => text.push_str(" Merging is not blocked."),
    }
    text
}

/// The prompts that fail on every repeat, those that the baseline does not always fail first.
fn always(verdict: &SubjectVerdict, subject: &Subject) -> Vec<[String; 4]> {
    let mut prompts: Vec<_> = verdict.always_failing.iter().collect();
    prompts.sort_by_key(|prompt| prompt.baseline_failed >= prompt.repeats);
    let new = verdict.baseline.is_none();
    let row = |prompt: &&AlwaysFailing| {
        let sent = subject.prompts.get(&prompt.case);
        let of = |failed: u32| format!("{failed} of {}", prompt.repeats);
        [
            line(&prompt.case, 80),
            sent.map_or_else(String::new, |sent| line(&sent.prompt, 120)),
            if new { words::NOTHING.to_owned() } else { of(prompt.baseline_failed) },
            of(prompt.repeats),
        ]
    };
    prompts.iter().take(MAX_ALWAYS).map(row).collect()
}

fn model_view(model: &ModelAt) -> ModelView {
    ModelView {
        model: line(&model.model, 120),
        provider: line(&model.provider, 60),
        label: line(&model.label, 80),
    }
}

/// How it was decided, in plain words.
fn decided(run: &Run, verdict: &SubjectVerdict) -> Vec<String> {
    let mut text = Vec::new();
    let flips = &verdict.flips;
    if verdict.baseline.is_some() {
        text.push(
            "Each prompt was sent to both models, with the same seed where they take one, and the same \
             checks looked at both images. What counts is the pair: one that fails on both sides, or on none, says nothing about \
             the change."
                .to_owned(),
        );
        text.push(format!(
            "Here {} where only the candidate fails, and {} where only the baseline does.",
            match flips.newly_failing {
                1 => "there is one pair".to_owned(),
                count => format!("there are {} pairs", words::thousands(count)),
            },
            words::thousands(flips.newly_passing)
        ));
    } else {
        text.push(
            "The model is new, so that there is nothing to compare it with: only the limits on its own \
             values count."
                .to_owned(),
        );
    }
    text.push(claim::stopped(verdict, ""));
    let plain = |line: &Line| line.plain().replace('`', "");
    text.extend(claim::claim(verdict).iter().map(plain));
    text.extend(claim::decided_at(verdict).iter().map(plain));
    text.push(
        "An interval in brackets shows how much another draw might have differed: with prompts and seeds \
         as a random sample, it holds the true value 95 times in 100. A request that got no answer is the \
         provider's outage and no bad image: it has a limit of its own."
            .to_owned(),
    );
    text.push(format!(
        "{} bought for {}{}; {} came from the store. The budget was {}. The draw's seed is {}.",
        words::count(verdict.images_bought, "image was", "images were"),
        words::money(verdict.spent_usd),
        words::for_checks(verdict.checks_usd),
        words::thousands(verdict.from_store.baseline.saturating_add(verdict.from_store.candidate)),
        words::money(run.budget),
        verdict.seed
    ));
    text
}
