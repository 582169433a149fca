//! Failure rates by check and by tag, both sides, each with its 95% interval: as numbers and as a drawing beside them.

use super::tables::CheckName;
use super::view::line;
use crate::gate::{Outcome, Side, SubjectVerdict, intervals::rate_interval};
use crate::report::{slips, words};
use crate::units::Rate;

/// Rows of a table. The rest is in `verdict.json`.
const MAX_ROWS: usize = 50;
/// Tags that are shown at once.
const TAGS_SHOWN: usize = 8;

/// Failures by check, or by tag.
pub(super) struct Rates {
    pub(super) rows: Vec<RateRow>,
    /// The rest of the tags, folded.
    pub(super) more: Vec<RateRow>,
    /// The share at the right end of the drawings: `20%`.
    pub(super) end: String,
}

impl Rates {
    /// The rows that are shown, and those that are folded.
    pub(super) fn tables(&self) -> [(&[RateRow], bool); 2] {
        [(&self.rows, false), (&self.more, true)]
    }
}

/// A check or a tag.
pub(super) struct RateRow {
    pub(super) name: CheckName,
    pub(super) sides: Vec<SideRate>,
    /// The drawing in words.
    pub(super) label: String,
    /// How many pairs have the tag.
    pub(super) pairs: String,
    /// How often the check could not judge, and how often it fails good pictures.
    pub(super) skipped: String,
    pub(super) slips: String,
}

/// How often one side fails: the numbers, and places in percent of the drawing's width.
pub(super) struct SideRate {
    pub(super) side: &'static str,
    pub(super) failed: String,
    /// `5.2% [2.6%, 9.1%]`; nothing where the side has no picture.
    pub(super) rate: Option<String>,
    pub(super) whisker: Option<Whisker>,
}

/// An interval with its point.
pub(super) struct Whisker {
    pub(super) low: String,
    pub(super) high: String,
    pub(super) at: String,
}

/// What is counted of one side: so many failed, of so many.
#[derive(Clone, Copy)]
struct Count {
    side: Side,
    failed: u64,
    of: u64,
}

impl Count {
    fn rate(self) -> Option<(f64, [f64; 2])> {
        let failed = self.failed.min(self.of);
        Some((Rate::of(failed, self.of)?.share(), rate_interval(failed, self.of)?))
    }
}

/// Failures by check, those of the candidate first; shares are of the samples that got an answer.
pub(super) fn by_check(verdict: &SubjectVerdict) -> Rates {
    let mut checks: Vec<_> = verdict.checks.iter().collect();
    checks.sort_by_key(|check| std::cmp::Reverse((check.failed.candidate, check.failed.baseline)));
    let answered = |side| {
        let outcomes = verdict.outcomes.get(side);
        outcomes.total().saturating_sub(outcomes.of(Outcome::Unavailable))
    };
    let rows = checks.into_iter().take(MAX_ROWS).map(|check| {
        let counts = sides(verdict, |side| (*check.failed.get(side), answered(side)));
        let row = RateRow {
            skipped: words::thousands(
                check.skipped.baseline.saturating_add(check.skipped.candidate),
            ),
            slips: check.slips.map_or_else(|| words::NOTHING.to_owned(), slips::rate),
            ..RateRow::named(CheckName::of(&check.check))
        };
        (row, counts)
    });
    draw(rows.collect(), usize::MAX)
}

/// Failures by tag, of tags in which a side failed at all: a long list of noughts would push the pictures off the page.
pub(super) fn by_tag(verdict: &SubjectVerdict) -> Rates {
    let failing =
        verdict.tags.iter().filter(|it| it.failed.baseline > 0 || it.failed.candidate > 0);
    let rows = failing.take(MAX_ROWS).map(|tag| {
        let counts = sides(verdict, |side| (*tag.failed.get(side), tag.pairs));
        let name = CheckName { name: line(&tag.tag, 60), page: None };
        (RateRow { pairs: words::thousands(tag.pairs), ..RateRow::named(name) }, counts)
    });
    draw(rows.collect(), TAGS_SHOWN)
}

/// The counts of the sides that were judged.
fn sides(verdict: &SubjectVerdict, count: impl Fn(Side) -> (u64, u64)) -> Vec<Count> {
    let new = verdict.baseline.is_none();
    Side::BOTH
        .into_iter()
        .filter(|side| *side == Side::Candidate || !new)
        .map(|side| {
            let (failed, of) = count(side);
            Count { side, failed, of }
        })
        .collect()
}

impl RateRow {
    fn named(name: CheckName) -> Self {
        Self {
            name,
            sides: Vec::new(),
            label: String::new(),
            pairs: String::new(),
            skipped: String::new(),
            slips: String::new(),
        }
    }
}

/// Draws all rows on one scale, so that they compare; `shown` of them stand at once.
fn draw(rows: Vec<(RateRow, Vec<Count>)>, shown: usize) -> Rates {
    let highest = rows
        .iter()
        .flat_map(|(_, counts)| counts)
        .filter_map(|count| count.rate())
        .fold(0.0, |most, (_, [_, high])| f64::max(most, high));
    let end = scale_end(highest);
    let mut rows: Vec<RateRow> = rows
        .into_iter()
        .map(|(row, counts)| {
            let sides: Vec<_> = counts.into_iter().map(|count| side(count, end)).collect();
            let told: Vec<_> = sides
                .iter()
                .map(|it| format!("{} {}", it.side, it.rate.as_deref().unwrap_or(words::NOTHING)))
                .collect();
            RateRow { label: told.join(", "), sides, ..row }
        })
        .collect();
    let more = rows.split_off(rows.len().min(shown));
    Rates { rows, more, end: words::plain_percent(end) }
}

fn side(count: Count, end: f64) -> SideRate {
    let place = |share: f64| format!("{:.2}", (100.0 * share / end).clamp(0.0, 100.0));
    let rate = count.rate();
    SideRate {
        side: count.side.word(),
        failed: words::thousands(count.failed),
        rate: rate.map(|(share, [low, high])| {
            let [share, low, high] = [share, low, high].map(words::percent);
            format!("{share} [{low}, {high}]")
        }),
        whisker: rate.map(|(share, [low, high])| Whisker {
            low: place(low),
            high: place(high),
            at: place(share),
        }),
    }
}

/// The first round share that everything fits under.
fn scale_end(highest: f64) -> f64 {
    let ends = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75];
    ends.into_iter().find(|end| highest <= *end).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn lines(rates: &Rates) -> String {
        let row = |row: &RateRow| {
            let places: Vec<_> = row
                .sides
                .iter()
                .filter_map(|side| side.whisker.as_ref())
                .map(|it| format!("{}..{}..{}", it.low, it.at, it.high))
                .collect();
            format!("{}: {} | {}", row.name.name, row.label, places.join(" | "))
        };
        let rows: Vec<_> = rates.rows.iter().chain(&rates.more).map(row).collect();
        format!("to {}\n{}", rates.end, rows.join("\n"))
    }

    #[test]
    fn rates_stand_on_one_scale_with_their_intervals() {
        let verdict = &fixtures::fail().verdict.subjects[0];
        insta::assert_snapshot!("rates_by_check", lines(&by_check(verdict)));
        insta::assert_snapshot!("rates_by_tag", lines(&by_tag(verdict)));
    }

    #[test]
    fn a_new_model_has_one_side() {
        let verdict = &fixtures::new_model().verdict.subjects[0];
        for row in by_check(verdict).rows {
            let sides: Vec<_> = row.sides.iter().map(|it| it.side).collect();
            assert_eq!(sides, ["candidate"]);
        }
    }

    #[test]
    fn every_interval_fits_the_scale() {
        for highest in [0.0, 0.004, 0.01, 0.11, 0.5, 0.76, 1.0] {
            assert!(scale_end(highest) >= highest, "{highest}");
        }
        // Nothing was seen: nothing is drawn, and nothing is divided by.
        let nothing = Count { side: Side::Candidate, failed: 0, of: 0 };
        assert!(side(nothing, scale_end(0.0)).whisker.is_none());
    }
}
