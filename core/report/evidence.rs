//! The evidence on a subject, arranged for reading: pairs, and why a sample failed.

use std::collections::BTreeMap;

use super::line::Line;
use super::{SampleLine, Subject};
use crate::checks::{CheckResult, Finding};
use crate::gate::{Outcome, Side};

/// The two samples of one place of the draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) case: &'a str,
    pub(crate) repeat: u32,
    pub(crate) baseline: Option<&'a SampleLine>,
    pub(crate) candidate: Option<&'a SampleLine>,
}

/// What a pair says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PairKind {
    /// Only the candidate fails.
    NewlyFailing,
    /// Both fail.
    BothFailing,
    /// Only the baseline fails.
    NewlyPassing,
    /// A side has no answer.
    Unanswered,
    /// None fails.
    Passing,
}

impl<'a> Pair<'a> {
    /// The sample of one side.
    pub(crate) const fn side(&self, side: Side) -> Option<&'a SampleLine> {
        match side {
            Side::Baseline => self.baseline,
            Side::Candidate => self.candidate,
        }
    }

    /// What the pair says.
    pub(crate) fn kind(&self) -> PairKind {
        let fails = |sample: Option<&SampleLine>| sample.is_some_and(|sample| sample.failure);
        let silent = |sample: Option<&SampleLine>| {
            sample.is_some_and(|sample| sample.outcome == Outcome::Unavailable)
        };
        match (fails(self.baseline), fails(self.candidate)) {
            _ if silent(self.baseline) || silent(self.candidate) => PairKind::Unanswered,
            (false, true) => PairKind::NewlyFailing,
            (true, true) => PairKind::BothFailing,
            (true, false) => PairKind::NewlyPassing,
            (false, false) => PairKind::Passing,
        }
    }

    /// Whichever sample there is, the candidate's first.
    pub(crate) fn any(&self) -> Option<&'a SampleLine> {
        self.candidate.or(self.baseline)
    }

    /// The case's id, with the repeat where it is not the first.
    pub(crate) fn name(&self) -> String {
        case_name(self.case, self.repeat)
    }
}

/// The case's id; later repeats are numbered from 2.
pub(crate) fn case_name(case: &str, repeat: u32) -> String {
    if repeat == 0 { case.to_owned() } else { format!("{case} ({})", u64::from(repeat) + 1) }
}

/// All pairs of a subject, in the drawn order.
pub(crate) fn pairs(subject: &Subject) -> Vec<Pair<'_>> {
    let mut pairs: Vec<Pair<'_>> = Vec::with_capacity(subject.samples.len().div_ceil(2));
    let mut places: BTreeMap<(&str, u32), usize> = BTreeMap::new();
    for sample in &subject.samples {
        let key = (sample.case.as_str(), sample.repeat);
        let place = *places.entry(key).or_insert_with(|| {
            pairs.push(Pair {
                case: &sample.case,
                repeat: sample.repeat,
                baseline: None,
                candidate: None,
            });
            pairs.len() - 1
        });
        if let Some(pair) = pairs.get_mut(place) {
            match sample.side {
                Side::Baseline => pair.baseline = Some(sample),
                Side::Candidate => pair.candidate = Some(sample),
            }
        }
    }
    pairs
}

/// The findings that speak against a picture: the failures, and where there are none, what a check was
/// unsure of.
pub(crate) fn objections(sample: &SampleLine) -> impl Iterator<Item = &Finding> {
    let failed = sample.findings.iter().any(|finding| finding.result == CheckResult::Fail);
    let wanted = if failed { CheckResult::Fail } else { CheckResult::Unsure };
    let counts = sample.outcome != Outcome::Passed;
    sample.findings.iter().filter(move |finding| counts && finding.result == wanted)
}

/// Why a sample is no good picture, in one line: the first objection, or the provider's own words.
pub(crate) fn why(sample: &SampleLine) -> Line {
    let mut objections = objections(sample);
    if let Some(first) = objections.next() {
        let unsure = if first.result == CheckResult::Unsure { " (unsure): " } else { ": " };
        let line = Line::new().name(&first.check).ours(unsure).foreign(&first.message);
        return match objections.count() {
            0 => line,
            1 => line.ours(" (and one more)"),
            more => line.ours(format!(" (and {more} more)")),
        };
    }
    let line = Line::new().ours(match sample.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Broken => "no usable picture",
        Outcome::Refused => "refused by the provider",
        Outcome::Unavailable => "no answer",
    });
    let line = match &sample.kind {
        Some(kind) if sample.outcome != Outcome::Passed && kind != sample.outcome.word() => {
            line.ours(" (").name(kind).ours(")")
        }
        _ => line,
    };
    match &sample.error {
        Some(words) if !words.trim().is_empty() => line.ours(": ").foreign(words),
        _ => line,
    }
}
