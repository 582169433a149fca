//! The pairs that a comment shows: the worst ones whose pictures may be seen.

use super::evidence::{self, Pair};
use super::{Run, SampleLine, Subject};
use crate::checks::is_withheld;
use crate::gate::Side;

/// A pair with the pictures of it that may be shown: paths that have a thumbnail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPair {
    /// The subject's place in the verdict.
    pub subject: usize,
    /// The case.
    pub case: String,
    /// Which repeat of it, from 0.
    pub repeat: u32,
    /// The baseline's picture, where there is one to show.
    pub baseline: Option<String>,
    /// The candidate's.
    pub candidate: String,
}

/// The first of the candidate's failures that have a picture, in the order in which the tables list them, from each
/// subject in turn. A picture that `safety` failed, or was unsure of, is shown nowhere.
#[must_use]
pub fn shown_pairs(run: &Run, most: usize) -> Vec<ShownPair> {
    let lists: Vec<_> = run
        .verdict
        .subjects
        .iter()
        .enumerate()
        .map(|(index, verdict)| {
            let subject = run.subjects.get(index);
            let pairs = subject.map(evidence::pairs).unwrap_or_default();
            let failures =
                verdict.failures.iter().filter(|failure| failure.side == Side::Candidate);
            let shown = failures.filter_map(|failure| {
                let pair = pairs
                    .iter()
                    .find(|pair| pair.case == failure.case && pair.repeat == failure.repeat)?;
                shown(index, subject?, pair)
            });
            shown.take(most).collect::<Vec<_>>()
        })
        .collect();
    let turns = lists.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..turns).flat_map(|turn| lists.iter().filter_map(move |list| list.get(turn)));
    in_turn.take(most).cloned().collect()
}

fn shown(index: usize, subject: &Subject, pair: &Pair<'_>) -> Option<ShownPair> {
    let path = |sample: &SampleLine| {
        let path = sample.image.as_ref().filter(|_| !is_withheld(&sample.findings))?;
        subject.thumbnails.contains_key(path).then(|| path.clone())
    };
    Some(ShownPair {
        subject: index,
        case: pair.case.to_owned(),
        repeat: pair.repeat,
        baseline: pair.baseline.and_then(path),
        candidate: pair.candidate.and_then(path)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use crate::checks::{CheckResult, Finding};

    #[test]
    fn the_worst_pairs_stand_first_as_in_the_tables() {
        let run = fixtures::fail();
        let failures = run.verdict.subjects[0].failures.iter();
        let listed = failures.filter(|it| it.side == Side::Candidate && it.image.is_some());
        let listed: Vec<_> = listed.map(|it| it.case.as_str()).take(4).collect();
        let shown = shown_pairs(&run, 4);
        assert_eq!(shown.iter().map(|pair| pair.case.as_str()).collect::<Vec<_>>(), listed);
        assert_eq!(shown_pairs(&run, 0), []);
    }

    #[test]
    fn what_may_be_unsafe_is_shown_nowhere() {
        let mut run = fixtures::fail();
        let first = shown_pairs(&run, 1).remove(0);
        assert!(first.baseline.is_some());
        let of = |run: &mut Run, side: Side, result: CheckResult| {
            let samples = run.subjects[0].samples.iter_mut();
            let mut samples = samples.filter(|it| it.side == side && it.case == first.case);
            samples.next().unwrap().findings.push(Finding::new("safety", result, "no"));
        };
        of(&mut run, Side::Baseline, CheckResult::Unsure);
        let half = shown_pairs(&run, 1).remove(0);
        assert_eq!((half.case.as_str(), half.baseline), (first.case.as_str(), None));
        of(&mut run, Side::Candidate, CheckResult::Fail);
        assert!(shown_pairs(&run, 100).iter().all(|pair| pair.case != first.case));
    }
}
