//! Prompts that fail on every repeat.

use std::collections::BTreeMap;

use super::Test;
use crate::gate::evidence::Pair;
use crate::gate::intervals::float;
use crate::gate::{AlwaysFailing, Decision, LimitOutcome, LimitResult, Planned, Unit};

pub(super) const NAME: &str = "always_fail";

/// What one prompt did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    drawn: u32,
    answered: u32,
    candidate: u32,
    baseline: u32,
}

impl Record {
    fn add(&mut self, pair: &Pair) {
        self.drawn += 1;
        if pair.answered() {
            self.answered += 1;
            self.candidate += u32::from(pair.candidate.failure);
            self.baseline += u32::from(pair.baseline.as_ref().is_some_and(|sample| sample.failure));
        }
    }

    /// Once is chance; only what was seen to fail twice or more fails always.
    const fn always(&self, failures: u32) -> bool {
        self.answered >= 2 && failures == self.answered
    }

    /// Whether the change is to blame: the baseline does not always fail it as well.
    const fn blamed(&self) -> bool {
        self.always(self.candidate) && !self.always(self.baseline)
    }
}

fn records(pairs: &[Pair]) -> BTreeMap<&str, Record> {
    let mut records = BTreeMap::<&str, Record>::new();
    for pair in pairs {
        records.entry(&pair.case).or_default().add(pair);
    }
    records
}

/// The prompts that the candidate failed on every repeat of the draw, those first that the baseline failed least.
pub(in crate::gate) fn always_failing(pairs: &[Pair], planned: &Planned) -> Vec<AlwaysFailing> {
    let mut list: Vec<_> = records(pairs)
        .into_iter()
        .filter(|(case, record)| is_complete(case, record, planned))
        .filter(|(_, record)| record.always(record.candidate))
        .map(|(case, record)| AlwaysFailing {
            case: case.to_owned(),
            repeats: record.answered,
            baseline_failed: record.baseline,
        })
        .collect();
    list.sort_by_key(|failing| failing.baseline_failed);
    list
}

/// Whether all repeats of a prompt were seen.
fn is_complete(case: &str, record: &Record, planned: &Planned) -> bool {
    planned.by_case.get(case).is_some_and(|repeats| record.drawn >= *repeats)
}

/// How the limit stands, by counting.
pub(super) fn result(pairs: &[Pair], planned: &Planned) -> LimitResult {
    let has_baseline = pairs.iter().any(|pair| pair.baseline.is_some());
    let records = records(pairs);
    let complete = || records.iter().filter(|(case, record)| is_complete(case, record, planned));
    let count = |what: fn(&Record) -> bool| {
        float(u64::try_from(complete().filter(|(_, r)| what(r)).count()).unwrap_or(u64::MAX))
    };
    let blamed = count(Record::blamed);
    let baseline = has_baseline.then(|| count(|r| r.always(r.baseline)));
    let candidate = count(|r| r.always(r.candidate));
    let (outcome, note) = if !planned.by_case.values().any(|repeats| *repeats >= 2) {
        let note = "no prompt is drawn twice, so none can fail on every repeat";
        (LimitOutcome::Skipped, Some(note.to_owned()))
    } else if blamed > 0.0 {
        (LimitOutcome::Fail, None)
    } else if is_cleared(&records, planned) {
        let note = (candidate > 0.0).then(|| "the baseline always fails them as well".to_owned());
        (LimitOutcome::Pass, note)
    } else {
        (LimitOutcome::Inconclusive, None)
    };
    LimitResult {
        name: NAME.to_owned(),
        outcome,
        unit: Unit::Prompts,
        baseline,
        candidate: Some(candidate),
        change: baseline.map(|baseline| candidate - baseline),
        interval: None,
        limit: 0.0,
        decided_at: None,
        note,
    }
}

/// Whether no prompt can turn out to fail always any more by the candidate's doing.
fn is_cleared(records: &BTreeMap<&str, Record>, planned: &Planned) -> bool {
    planned.by_case.iter().filter(|(_, repeats)| **repeats >= 2).all(|(case, repeats)| {
        records.get(case.as_str()).is_some_and(|record| {
            record.candidate < record.answered || record.drawn >= *repeats && !record.blamed()
        })
    })
}

/// Watches for prompts that fail on every repeat.
#[derive(Clone, Debug)]
pub(super) struct AlwaysFailTest {
    /// Prompts that have passed at least once, or that are complete and not the change's fault, are no longer here.
    open: BTreeMap<String, (u32, Record)>,
    blamed: bool,
    /// Whether any prompt is drawn twice.
    can_judge: bool,
}

impl AlwaysFailTest {
    pub(super) fn new(planned: &Planned) -> Self {
        let open: BTreeMap<_, _> = planned
            .by_case
            .iter()
            .filter(|(_, repeats)| **repeats >= 2)
            .map(|(case, repeats)| (case.clone(), (*repeats, Record::default())))
            .collect();
        Self { can_judge: !open.is_empty(), open, blamed: false }
    }
}

impl Test for AlwaysFailTest {
    fn name(&self) -> &str {
        NAME
    }

    fn add(&mut self, pair: &Pair) {
        let Some((repeats, record)) = self.open.get_mut(&pair.case) else { return };
        record.add(pair);
        let complete = record.drawn >= *repeats;
        self.blamed |= complete && record.blamed();
        if record.candidate < record.answered || complete {
            self.open.remove(&pair.case);
        }
    }

    fn look(&self) -> Option<Decision> {
        if self.blamed {
            Some(Decision::Fail)
        } else if self.open.is_empty() || !self.can_judge {
            Some(Decision::Pass)
        } else {
            None
        }
    }
}
