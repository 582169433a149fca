//! The verdict as GitHub Markdown: for the comment, the step summary and `summary.md`.

mod fit;
mod limits;
mod parts;

use std::fmt::Write as _;

use fit::{Section, fit};

use super::line::{Line, code};
use super::{
    Run, ShownPair, Subject, VerdictRecord, accepted, claim, hints, history, since, title, words,
};
use crate::gate::{Decision, SubjectVerdict};
use crate::inert;
use crate::units::Usd;

/// The verdict of a run as Markdown of at most `max_bytes` bytes.
///
/// Sections shrink and drop by importance until it fits, and whatever is left is whole: tables, fences
/// and folded parts are closed. Text from outside is inert. `max_bytes` should be at least 1,000; below,
/// what is left may be the title only.
#[must_use]
pub fn summary(run: &Run, max_bytes: usize) -> String {
    text(run, &[], None, String::new(), max_bytes)
}

/// The same as the one comment of a pull request: with pictures, each a pair side by side in one picture and the address
/// of that, with what changed since the run whose comment it replaces, and with how the last verdicts of the same gate
/// went: `records` are those, oldest first, this run's own the last of them.
#[must_use]
pub fn comment(
    run: &Run,
    pictures: &[(ShownPair, String)],
    before: Option<&str>,
    records: &[VerdictRecord],
    max_bytes: usize,
) -> String {
    let hidden = since::hidden_line(run).unwrap_or_default();
    let room = max_bytes.saturating_sub(hidden.len() + 2);
    let since = before.and_then(|before| since::sentence(run, before));
    let trend = history::trend(&run.verdict, records);
    let text = text(run, pictures, since, trend, room);
    if hidden.is_empty() { text } else { format!("{}\n\n{hidden}\n", text.trim_end()) }
}

fn text(
    run: &Run,
    pictures: &[(ShownPair, String)],
    since: Option<String>,
    trend: String,
    max_bytes: usize,
) -> String {
    let mut sections =
        vec![Section::new((0, 0), format!("### {}\n", title::title_line(&run.verdict).markdown()))];
    sections.extend(accepted::markdown(&run.verdict).map(|banner| Section::new((0, 0), banner)));
    let empty = Subject::default();
    let subjects = in_order(&run.verdict.subjects);
    let several = subjects.len() > 1;
    if subjects.is_empty() {
        sections.push(Section::new((1, 0), nothing_judged(run)));
    } else if several {
        sections.push(overview(&subjects));
    }
    for (rank, (index, verdict)) in subjects.iter().enumerate() {
        let subject = run.subjects.get(*index).unwrap_or(&empty);
        subject_sections(&mut sections, run, verdict, subject, rank, several);
        let of_it = || pictures.iter().filter(|(pair, _)| pair.subject == *index);
        let pictures = |most: usize| parts::pictures(verdict, of_it().take(most));
        sections.push(Section::new((5, rank), pictures(usize::MAX)).or(pictures(1)));
    }
    sections.extend(since.map(|since| Section::new((2, 0), since)));
    sections.push(Section::new((9, 0), trend));
    sections.push(notes(run));
    sections.push(Section::new((0, 1), footer(run, true)).or(footer(run, false)));
    fit(
        &sections,
        max_bytes,
        "Not everything fits here: the rest is in `report.html` and `samples.jsonl`.",
        &format!("{} presscheck: {}", title::run_sign(&run.verdict), run.verdict.verdict.word()),
    )
}

/// What stands in the comment and the step summary where a run ended without a verdict: why, what it
/// spent, and the whole message. At most `max_bytes` bytes.
///
/// `details` is the whole message as a terminal shows it; it may quote anything.
#[must_use]
pub fn could_not_run_summary(reason: &str, details: &str, spent: Usd, max_bytes: usize) -> String {
    let spent = if spent.is_zero() {
        "Nothing was spent.".to_owned()
    } else {
        format!("Spent {}; what was paid for is in the store.", words::money(spent))
    };
    let title = title::could_not_run_line(reason).markdown();
    let mut sections = vec![
        Section::new((0, 0), format!("### {title}")),
        Section::new((1, 0), format!("There is no verdict, so merging is blocked. {spent}")),
    ];
    if !details.trim().is_empty() {
        let head: String = details.chars().take(3_000).collect();
        sections.push(
            Section::new((2, 0), inert::markdown_fence(details)).or(inert::markdown_fence(&head)),
        );
    }
    let omitted = "The whole message is in the job's log.";
    fit(&sections, max_bytes, omitted, "⛔ presscheck could not run")
}

/// The subjects with their places, worst first.
fn in_order(subjects: &[SubjectVerdict]) -> Vec<(usize, &SubjectVerdict)> {
    let mut subjects: Vec<_> = subjects.iter().enumerate().collect();
    subjects.sort_by_key(|(_, verdict)| std::cmp::Reverse(verdict.verdict));
    subjects
}

/// The sections of one subject.
fn subject_sections(
    sections: &mut Vec<Section>,
    run: &Run,
    verdict: &SubjectVerdict,
    subject: &Subject,
    rank: usize,
    several: bool,
) {
    let heading = if several {
        let sign = title::subject_sign(verdict);
        format!("#### {sign} {}\n\n", title::subject_line(verdict).markdown())
    } else {
        String::new()
    };
    let hints = hints::subject_hints(verdict, subject, run.budget);
    sections.push(
        Section::new((1, rank), format!("{heading}{}", parts::standing(verdict))).or(if several {
            heading
        } else {
            String::new()
        }),
    );
    sections.push(
        Section::new((2, rank), limits::limits_table(verdict, usize::MAX))
            .or(limits::limits_table(verdict, 12)),
    );
    sections.push(Section::new((3, rank), parts::what_changed(verdict, &hints)));
    sections.push(
        Section::new((5, rank), parts::always_failing(verdict, 3))
            .or(parts::always_failing(verdict, 1)),
    );
    sections.push(
        Section::new((4, rank), parts::worst_cases(verdict, subject, 5))
            .or(parts::worst_cases(verdict, subject, 2)),
    );
    let prompts = [200, 60, 20, 8].map(|most| parts::prompts(verdict, subject, most));
    let mut prompts = prompts.into_iter();
    let mut section = Section::new((8, rank), prompts.next().unwrap_or_default());
    for shorter in prompts {
        section = section.or(shorter);
    }
    sections.push(section);
    sections.push(Section::new((7, rank), parts::newly_passing(subject)));
    sections.push(Section::new((6, rank), parts::meaning(run, verdict)));
}

/// A line for each of several subjects.
fn overview(subjects: &[(usize, &SubjectVerdict)]) -> Section {
    let table = |most: usize| {
        let mut table = String::from("| model | verdict | pairs | spent |\n|:--|:-:|--:|--:|\n");
        for (_, verdict) in subjects.iter().take(most) {
            // Writing to a string can't fail.
            let _ = writeln!(
                table,
                "| {} | {} {}{} | {} | {} |",
                code(&verdict.name),
                title::subject_sign(verdict),
                verdict.verdict.word(),
                if claim::is_unproven(verdict) { ", not proven" } else { "" },
                words::thousands(verdict.pairs),
                words::money(verdict.spent_usd)
            );
        }
        if let Some(more @ 1..) = subjects.len().checked_sub(most) {
            let _ = writeln!(table, "\n{more} more in `report.html`.");
        }
        table
    };
    Section::new((1, 0), table(usize::MAX)).or(table(10))
}

/// What stands where no model was judged.
fn nothing_judged(run: &Run) -> String {
    match run.verdict.verdict {
        Decision::Pass => "No image was generated, and nothing was spent.\n".to_owned(),
        Decision::Inconclusive | Decision::Fail => {
            let spent = words::money(run.verdict.spent_usd);
            let blocked = if run.verdict.blocking { " Merging is blocked." } else { "" };
            format!("No model was judged. Spent {spent}.{blocked}\n")
        }
    }
}

/// What a reader should know besides.
fn notes(run: &Run) -> Section {
    let list = |most: usize| {
        let mut list = String::new();
        for note in run.verdict.notes.iter().take(most) {
            let _ = writeln!(list, "- {}", inert::markdown(note, 500));
        }
        if let Some(more @ 1..) = run.verdict.notes.len().checked_sub(most) {
            let _ = writeln!(list, "- {more} more in `verdict.json`.");
        }
        if list.is_empty() { list } else { format!("**Notes**\n\n{list}") }
    };
    Section::new((3, 0), list(20)).or(list(3))
}

/// Where to read on, and how to run it again.
fn footer(run: &Run, with_command: bool) -> String {
    let mut parts = Vec::new();
    if let Some(url) = run.job_url.as_deref().filter(|url| is_plain_url(url)) {
        let label =
            if run.verdict.subjects.is_empty() { "The job" } else { "Report with every picture" };
        parts.push(format!("[{label}]({url})"));
    }
    if with_command && !run.again.trim().is_empty() && run.again.len() <= 2_000 {
        parts.push(format!("again, locally: {}", inert::markdown_code(&run.again)));
    }
    let policy =
        Line::new().ours("policy ").name(&run.policy_path).ours(" at ").name(&run.policy_at);
    parts.push(policy.markdown());
    parts.join(" · ")
}

/// Whether an address can stand in a link: https, and no character that means something to Markdown.
pub(crate) fn is_plain_url(url: &str) -> bool {
    url.starts_with("https://")
        && url.len() <= 500
        && url.chars().all(|c| c.is_ascii_alphanumeric() || ":/?&=.~%#+-_".contains(c))
}

#[cfg(test)]
mod tests;
