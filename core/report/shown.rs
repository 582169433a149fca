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
