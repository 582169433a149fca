//! Past verdicts as one self-contained page: what changed over time, and who accepted what.

use std::collections::BTreeMap;

use askama::Template;

use super::course::{Course, Point, class, courses};
use super::view::line;
use crate::gate::Decision;
use crate::inert::one_line;
use crate::report::history::{change, minute, models, run, word};
use crate::report::{History, Share, SubjectRecord, Times, VerdictRecord, words};

/// The most rows of a table, the newest.
const MAX_ROWS: usize = 500;

/// The page.
#[derive(Template)]
#[template(path = "history.html")]
pub(super) struct HistoryPage {
    title: String,
    place: String,
    headline: String,
    lead: Vec<String>,
    groups: Vec<Group>,
    /// Verdicts that are of no model.
    others: Vec<Other>,
    accepted: Vec<Accepted>,
    version: String,
}

/// One model under one gate.
struct Group {
    anchor: String,
    name: String,
    /// Its gate, where there is more than one.
    of: Option<String>,
    count: String,
    courses: Vec<Course>,
    rows: Vec<Row>,
    more: Option<String>,
}

/// A verdict on it.
struct Row {
    at: String,
    change: String,
    commits: String,
    models: String,
    rate: String,
    counts: String,
    rate_before: String,
    cost: String,
    cost_before: String,
    latency: String,
    latency_before: String,
    word: &'static str,
    class: &'static str,
    pairs: String,
    /// The name that a replay takes.
    run: Option<String>,
    accepted: Option<String>,
}

/// A verdict that something other than a model decided.
struct Other {
    at: String,
    change: String,
    word: &'static str,
    class: &'static str,
    reason: String,
}

/// A verdict that somebody accepted.
struct Accepted {
    at: String,
    by: String,
    how: &'static str,
    change: String,
    of: String,
    what: String,
    reason: String,
}

/// The page of a history.
pub(super) fn page(history: &History) -> HistoryPage {
    let mut groups: BTreeMap<(Option<&str>, &str, &str), Vec<Point<'_>>> = BTreeMap::new();
    for record in &history.records {
        for subject in &record.subjects {
            if history.subject.as_ref().is_some_and(|name| *name != subject.name) {
                continue;
            }
            let key = (record.repository.as_deref(), record.name.as_str(), subject.name.as_str());
            groups.entry(key).or_default().push((record, subject));
        }
    }
    let mixed = history.is_mixed();
    let found = !history.records.is_empty();
    let mut lead = Vec::new();
    if found {
        lead.push(history.tally());
    }
    if let (Some(first), Some(last)) = (history.records.first(), history.records.last()) {
        lead.push(format!("From {} to {}, in UTC.", minute(first.at_ms), minute(last.at_ms)));
    }
    lead.extend(history.unread());
    HistoryPage {
        title: "presscheck history".to_owned(),
        place: line(&history.place, 200),
        headline: if found {
            headline(history, groups.len())
        } else {
            line(&history.nothing().replace('`', ""), 600)
        },
        lead,
        groups: groups
            .iter()
            .enumerate()
            .map(|(index, ((repository, gate, name), points))| {
                let of = mixed.then(|| gate_of(*repository, gate));
                group(format!("model-{}", index + 1), name, of, points)
            })
            .collect(),
        others: newest(&history.records)
            .filter(|record| record.subjects.is_empty())
            .take(MAX_ROWS)
            .map(other)
            .collect(),
        accepted: accepted(&history.records),
        version: line(&history.version, 40),
    }
}

/// `The last 12 verdicts on 2 models`.
fn headline(history: &History, models: usize) -> String {
    let count = u64::try_from(history.records.len()).unwrap_or(u64::MAX);
    let verdicts = words::count(count, "verdict", "verdicts");
    let last = if history.last.is_some() && count < history.kept { "The last " } else { "" };
    let since = history.since.map_or_else(String::new, |day| format!(" since {day}"));
    let models = u64::try_from(models).unwrap_or(u64::MAX);
    let on = match models {
        0 => String::new(),
        _ => format!(" on {}", words::count(models, "model", "models")),
    };
    format!("{last}{verdicts}{on}{since}")
}

fn newest(records: &[VerdictRecord]) -> impl Iterator<Item = &VerdictRecord> {
    records.iter().rev()
}

fn gate_of(repository: Option<&str>, gate: &str) -> String {
    let gate = line(gate, 60);
    repository.map_or_else(|| gate.clone(), |it| format!("{}, {gate}", line(it, 80)))
}

fn group(anchor: String, name: &str, of: Option<String>, points: &[Point<'_>]) -> Group {
    let count = u64::try_from(points.len()).unwrap_or(u64::MAX);
    let more = points.len().saturating_sub(MAX_ROWS);
    Group {
        courses: courses(points, &anchor),
        anchor,
        name: line(name, 60),
        of,
        count: words::thousands(count),
        rows: points.iter().rev().take(MAX_ROWS).map(|point| row(*point)).collect(),
        more: (more > 0).then(|| words::thousands(more as u64)),
    }
}

fn row((record, subject): Point<'_>) -> Row {
    let nothing = || words::NOTHING.to_owned();
    let (rate, cost, times) = (&subject.failures, &subject.cost_per_1k_usd, &subject.latency);
    let before = |text: Option<String>| {
        text.filter(|_| subject.baseline.is_some())
            .map_or_else(String::new, |text| format!("baseline {text}"))
    };
    let percent = |share: Option<Share>| share.and_then(Share::rate).map(words::percent);
    let p95 = |times: Option<Times>| times.map(|it| words::seconds(it.p95_s));
    Row {
        at: minute(record.at_ms),
        change: line(&change(record), 40),
        commits: commits(record),
        models: models(subject),
        rate: percent(rate.candidate).unwrap_or_else(nothing),
        counts: counted(rate.candidate),
        rate_before: before(percent(rate.baseline)),
        cost: cost.candidate.map_or_else(nothing, words::money),
        cost_before: before(cost.baseline.map(words::money)),
        latency: p95(times.candidate).unwrap_or_else(nothing),
        latency_before: before(p95(times.baseline)),
        word: shown(subject),
        class: class(subject),
        pairs: words::count(subject.pairs, "pair", "pairs"),
        run: run(record),
        accepted: record.overridden.as_ref().map(|by| {
            format!("accepted by @{}: {}", one_line(&by.by, 60), one_line(&by.reason, 300))
        }),
    }
}

/// The word of a verdict, without the shouting of a terminal.
fn shown(subject: &SubjectRecord) -> &'static str {
    match word(subject) {
        "FAIL" => "fail",
        "leans FAIL" => "leans to fail",
        "leans pass" => "leans to pass",
        other => other,
    }
}

/// `13 of 212 [3.3%, 10.3%]`.
fn counted(share: Option<Share>) -> String {
    let Some(share) = share else { return String::new() };
    let counts = format!("{} of {}", words::thousands(share.failed), words::thousands(share.of));
    share.interval().map_or_else(
        || counts.clone(),
        |[low, high]| format!("{counts} [{}, {}]", words::percent(low), words::percent(high)),
    )
}

/// `main@4f2c91a → 9be01d7`.
fn commits(record: &VerdictRecord) -> String {
    format!("{} → {}", line(&record.base.label, 40), line(&record.head.label, 40))
}

const fn badge(verdict: Decision) -> (&'static str, &'static str) {
    match verdict {
        Decision::Pass => ("pass", "pass"),
        Decision::Fail => ("fail", "fail"),
        Decision::Inconclusive => ("undecided", "warn"),
    }
}

fn other(record: &VerdictRecord) -> Other {
    let (word, class) = badge(record.verdict);
    Other {
        at: minute(record.at_ms),
        change: line(&change(record), 40),
        word,
        class,
        reason: line(&record.reason, 400),
    }
}

/// Who accepted what, newest first. An acceptance holds for every run of its commit, and stands here once.
fn accepted(records: &[VerdictRecord]) -> Vec<Accepted> {
    let mut known = Vec::new();
    let mut list = Vec::new();
    for record in newest(records) {
        let Some(by) = &record.overridden else { continue };
        let key = (&record.repository, record.number, &record.name, &by.head, &by.by, &by.at);
        if known.contains(&key) || list.len() == MAX_ROWS {
            continue;
        }
        known.push(key);
        let (word, _) = badge(record.verdict);
        let names: Vec<_> = record.subjects.iter().take(5).map(|it| line(&it.name, 60)).collect();
        list.push(Accepted {
            at: line(&by.at, 40),
            by: format!(
                "@{}{}",
                one_line(&by.by, 60),
                if by.by_author { ", the author" } else { "" }
            ),
            how: by.how.word(),
            change: format!("{}, {}", line(&change(record), 40), by.head.short()),
            of: names.join(", "),
            what: format!("{word}: {}", line(&record.reason, 300)),
            reason: one_line(&by.reason, 300),
        });
    }
    list
}
