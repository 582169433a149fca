//! The line of a comment that shows how the last verdicts of the gate went: small, and the first to go where room is short.
//!
//! A record may be made up by whoever can write the store, so nothing of its texts is shown: only its verdict and its
//! counts are, under the name that this run gives the model.

use super::super::line::code;
use super::super::{title, words};
use super::{SubjectRecord, VerdictRecord};
use crate::gate::{Decision, Verdict};

/// The most verdicts that the line shows.
const MOST: usize = 10;
/// The most models that have a line.
const MOST_SUBJECTS: usize = 5;
/// From nothing to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line for each model of a verdict that was judged before; empty where none was. The records are those of the same
/// gate, oldest first, this run's own the last of them.
pub(in crate::report) fn section(verdict: &Verdict, records: &[VerdictRecord]) -> String {
    let lines: Vec<_> =
        verdict.subjects.iter().filter_map(|subject| line(&subject.name, records)).collect();
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("{line}\n"),
        lines => lines.iter().take(MOST_SUBJECTS).map(|line| format!("- {line}\n")).collect(),
    }
}

/// ``Last 4 verdicts on `hero`: ✅ ✅ ❌ ✅ · failure rate ▂▂█▁ 1.9% → 0.5%``.
fn line(name: &str, records: &[VerdictRecord]) -> Option<String> {
    let runs = last(name, records);
    if runs.len() < 2 {
        return None;
    }
    let signs: Vec<_> = runs.iter().map(|(_, subject)| sign(subject)).collect();
    let mut parts =
        vec![format!("Last {} verdicts on {}: {}", runs.len(), code(name), signs.join(" "))];
    let rates = runs.iter().filter_map(|(_, it)| it.failures.candidate?.rate());
    let rates: Vec<f64> = rates.collect();
    if let ([first, .., last], true) = (rates.as_slice(), rates.len() == runs.len()) {
        let (first, last) = (words::percent(*first), words::percent(*last));
        parts.push(format!("failure rate {} {first} → {last}", bars(&rates)));
    }
    match runs.iter().filter(|(record, _)| record.overridden.is_some()).count() {
        0 => {}
        some => parts.push(format!("{some} accepted all the same")),
    }
    Some(parts.join(" · "))
}

/// The last verdicts on a model. A commit that was judged several times counts once, by its last run.
fn last<'a>(
    name: &str,
    records: &'a [VerdictRecord],
) -> Vec<(&'a VerdictRecord, &'a SubjectRecord)> {
    let mut runs: Vec<(&VerdictRecord, &SubjectRecord)> = Vec::new();
    for record in records.iter().rev() {
        let Some(subject) = record.subjects.iter().find(|subject| subject.name == name) else {
            continue;
        };
        let commits = |it: &VerdictRecord| it.base.commit.clone().zip(it.head.commit.clone());
        let known = commits(record).is_some()
            && runs.iter().any(|(later, _)| commits(later) == commits(record));
        if !known {
            runs.push((record, subject));
        }
        if runs.len() == MOST {
            break;
        }
    }
    runs.reverse();
    runs
}

const fn sign(subject: &SubjectRecord) -> &'static str {
    title::sign(if subject.is_unproven() { Decision::Inconclusive } else { subject.verdict })
}

/// A bar for each rate, the highest of them at the top.
fn bars(rates: &[f64]) -> String {
    let highest = rates.iter().copied().fold(0.0, f64::max);
    let bar = |rate: &f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is between 0 and the highest"
        )]
        let step = if highest > 0.0 { (rate / highest * 7.0).round() as usize } else { 0 };
        BARS.get(step).copied().unwrap_or('▁')
    };
    rates.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use crate::report::fixtures as runs;

    #[test]
    fn a_comment_shows_the_last_ten() {
        let verdict = runs::fail().verdict;
        let records = fixtures::year().records;
        let mut shown = vec![section(&verdict, &records)];
        shown.push(section(&verdict, &records[..4]));
        shown.push(section(&runs::several().verdict, &records));
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn one_verdict_is_no_trend_and_a_commit_counts_once() {
        let verdict = runs::fail().verdict;
        let records = fixtures::year().records;
        assert_eq!(section(&verdict, &[]), "");
        assert_eq!(section(&verdict, &records[..1]), "");
        let mut again = records[0].clone();
        again.at_ms += 60_000;
        let twice = [records[0].clone(), again];
        assert_eq!(section(&verdict, &twice), "");
        assert_eq!(section(&runs::unchanged().verdict, &records), "");
    }

    #[test]
    fn nothing_of_a_record_s_texts_is_shown() {
        let mut verdict = runs::fail().verdict;
        let records = fixtures::hostile().records;
        verdict.subjects[0].name.clone_from(&records[0].subjects[0].name);
        let text = section(&verdict, &records);
        assert!(text.starts_with("Last 2 verdicts on `"), "{text}");
        let (_, rest) = text.split_once(": ").unwrap();
        assert!(!rest.contains(['<', '@', '#', '[']), "{text}");
    }
}
