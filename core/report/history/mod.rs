//! Past verdicts for readers: terminal text, JSON, and the line of a comment. The page is drawn beside the report's.

#[cfg(test)]
pub(crate) mod fixtures;
mod json;
mod record;
mod terminal;
#[cfg(test)]
mod tests;
mod trend;

use jiff::Timestamp;
use jiff::civil::Date;

pub use json::{history_json, history_schema};
pub use record::{ModelName, Occasion, RevisionAt, Share, SubjectRecord, Times, VerdictRecord};
pub use terminal::history_text;
pub(super) use trend::section as trend;

use super::words;
use crate::gate::{Decision, Override};
use crate::inert::one_line;
use crate::units::Usd;

/// Past verdicts, and what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Where they were looked for, as the user named it.
    pub place: String,
    /// Only verdicts from this day on, in UTC.
    pub since: Option<Date>,
    /// Only verdicts on this model.
    pub subject: Option<String>,
    /// The most verdicts that were asked for, the newest.
    pub last: Option<usize>,
    /// The verdicts, oldest first.
    pub records: Vec<VerdictRecord>,
    /// How many are there, whichever was asked for.
    pub kept: u64,
    /// How many of those that were looked at can't be read, and are left out.
    pub damaged: u64,
    /// The version of presscheck.
    pub version: String,
}

impl History {
    /// Whether the verdicts are of more than one gate or repository, so that each has to say of which.
    pub(super) fn is_mixed(&self) -> bool {
        let gate = |record: &VerdictRecord| (record.repository.clone(), record.name.clone());
        self.records.first().is_some_and(|first| {
            let first = gate(first);
            self.records.iter().any(|record| gate(record) != first)
        })
    }

    /// Why there is nothing to show, and where it was looked for.
    pub(super) fn nothing(&self) -> String {
        let place = one_line(&self.place, 200);
        let mut asked = Vec::new();
        asked.extend(self.subject.as_ref().map(|name| format!("on `{}`", one_line(name, 60))));
        asked.extend(self.since.map(|day| format!("since {day}")));
        if !asked.is_empty() && self.kept > 0 {
            let asked = asked.join(" ");
            let kept = words::count(self.kept, "verdict", "verdicts");
            return format!(
                "There is no verdict {asked} in the store `{place}`, which has {kept}."
            );
        }
        format!(
            "There is no verdict in the store `{place}` yet. `presscheck gate` keeps each there; --store DIR|URL looks in another store, such as the one that a job in Actions uses."
        )
    }

    /// What can't be read, where something can't.
    pub(super) fn unread(&self) -> Option<String> {
        (self.damaged > 0).then(|| {
            let files = words::count(self.damaged, "record is", "records are");
            format!(
                "{files} left out: torn, altered, or written by a later version. The other verdicts are whole."
            )
        })
    }

    /// `12 verdicts: 5 passed, …`.
    fn sum(&self) -> String {
        let count = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        format!("{}: {}", words::count(count, "verdict", "verdicts"), self.tally())
    }

    /// How the verdicts went, how many of them were accepted all the same, and what they cost.
    pub(super) fn tally(&self) -> String {
        let records = &self.records;
        let count = |of: fn(&VerdictRecord) -> bool| {
            u64::try_from(records.iter().filter(|record| of(record)).count()).unwrap_or(u64::MAX)
        };
        let accepted = match count(|record| record.overridden.is_some()) {
            0 => String::new(),
            some => format!(", and {} accepted all the same", words::thousands(some)),
        };
        let spent: Usd = records.iter().map(|record| record.spent_usd).sum();
        format!(
            "{} passed, {} failed, {} undecided{accepted}; spent {}.",
            words::thousands(count(|record| record.verdict == Decision::Pass)),
            words::thousands(count(|record| record.verdict == Decision::Fail)),
            words::thousands(count(|record| record.verdict == Decision::Inconclusive)),
            words::money(spent),
        )
    }
}

/// The day of a verdict, in UTC: `2026-11-24`.
pub(super) fn day(at_ms: i64) -> String {
    written(at_ms, "%Y-%m-%d")
}

/// The minute of a verdict, in UTC: `2026-11-24 09:30`.
pub(super) fn minute(at_ms: i64) -> String {
    written(at_ms, "%Y-%m-%d %H:%M")
}

fn written(at_ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| words::NOTHING.to_owned(), |at| at.strftime(form).to_string())
}

/// What a verdict is about: `#17`, else the commit, else how people name the revision.
pub(super) fn change(record: &VerdictRecord) -> String {
    match (record.number, &record.head.commit) {
        (Some(number), _) => format!("#{number}"),
        (None, Some(commit)) => commit.short().to_owned(),
        (None, None) => one_line(&record.head.label, 40),
    }
}

/// The beginning of the name under which a replay finds the run; nothing where its evidence was not kept.
pub(super) fn run(record: &VerdictRecord) -> Option<String> {
    record.evidence.map(|name| name.to_string().chars().take(10).collect())
}

/// The word of a verdict on a model.
pub(super) fn word(subject: &SubjectRecord) -> &'static str {
    match (subject.verdict, subject.is_unproven()) {
        (Decision::Pass, false) => "pass",
        (Decision::Fail, false) => "FAIL",
        (Decision::Pass, true) => "leans pass",
        (Decision::Fail, true) => "leans FAIL",
        (Decision::Inconclusive, _) => "undecided",
    }
}

/// `gemini-3-pro-image → sd3.5-large-turbo`, `sd3.5-large-turbo (new)`, or one name where only its settings changed.
pub(super) fn models(subject: &SubjectRecord) -> String {
    let after = one_line(&subject.candidate.model, 60);
    match &subject.baseline {
        None => format!("{after} (new)"),
        Some(before) if *before == subject.candidate => format!("{after} (other settings)"),
        Some(before) => format!("{} → {after}", one_line(&before.model, 60)),
    }
}

/// `accepted by @ada: on purpose`.
pub(super) fn accepted(by: &Override) -> String {
    let reason = if by.reason.is_empty() { "no reason" } else { &by.reason };
    format!("accepted by @{}: {}", one_line(&by.by, 60), one_line(reason, 300))
}
