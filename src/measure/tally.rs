//! Counting what a check said, by kind and by script.

use presscheck_core::checks::CheckResult;
use presscheck_core::gate::intervals::rate_interval;
use serde::Serialize;

use super::look::Measured;
use super::truth::{Drawn, Group};

/// How many of how many, with the 95% interval of the rate (Clopper and Pearson).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Count {
    /// How many.
    pub k: u64,
    /// Of how many.
    pub n: u64,
    /// The interval of the rate; nothing where there were none.
    pub interval: Option<[f64; 2]>,
}

impl Count {
    fn of(k: usize, n: usize) -> Self {
        let (k, n) = (k as u64, n as u64);
        Self { k, n, interval: rate_interval(k, n) }
    }
}

/// What was said of some of the strings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What they have in common.
    pub name: String,
    /// Whether they are correct or misdrawn; nothing where the row has both.
    pub drawn: Option<Drawn>,
    /// How many they are.
    pub strings: u64,
    /// How many passed, of those that were judged.
    pub pass: Count,
    /// How many failed, of those that were judged.
    pub fail: Count,
    /// Of how many it was unsure, of those that were judged.
    pub unsure: Count,
    /// How many it could not judge, of all.
    pub skipped: Count,
}

/// One of the figures that a reader is accepted by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What is counted.
    pub name: &'static str,
    /// How often it happened, of the strings that were judged.
    pub count: Count,
    /// The share that is allowed.
    pub at_most: f64,
}

/// All that is counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// What a reader is accepted by.
    pub figures: Vec<Figure>,
    /// By kind, correct ones first.
    pub kinds: Vec<Row>,
    /// By script, correct ones first.
    pub scripts: Vec<Row>,
    /// All.
    pub overall: Vec<Row>,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn of(measured: &[Measured]) -> Self {
        let all: Vec<&Measured> = measured.iter().collect();
        let overall = [("correct", Drawn::Correct), ("misdrawn", Drawn::Misdrawn)]
            .map(|(name, drawn)| {
                let some: Vec<_> =
                    all.iter().copied().filter(|one| one.entry.drawn == drawn).collect();
                row(name, Some(drawn), &some)
            })
            .into_iter()
            .filter(|row| row.strings > 0)
            .chain([row("all", None, &all)])
            .collect();
        Self {
            figures: figures(&all),
            kinds: rows(&all, |one| one.entry.kind().to_owned()),
            scripts: rows(&all, |one| one.entry.script()),
            overall,
        }
    }
}

/// A string of which the check was wrong: one that is correct and did not pass, or one that is not and passed.
pub(super) fn is_wrong(one: &Measured) -> bool {
    match (one.entry.drawn, one.answer.result) {
        (_, CheckResult::Skipped) => false,
        (Drawn::Correct, result) => result != CheckResult::Pass,
        (Drawn::Misdrawn, result) => result == CheckResult::Pass,
    }
}

fn row(name: &str, drawn: Option<Drawn>, some: &[&Measured]) -> Row {
    let number =
        |result: CheckResult| some.iter().filter(|one| one.answer.result == result).count();
    let skipped = number(CheckResult::Skipped);
    let judged = some.len() - skipped;
    Row {
        name: name.to_owned(),
        drawn,
        strings: some.len() as u64,
        pass: Count::of(number(CheckResult::Pass), judged),
        fail: Count::of(number(CheckResult::Fail), judged),
        unsure: Count::of(number(CheckResult::Unsure), judged),
        skipped: Count::of(skipped, some.len()),
    }
}

/// Strings of one name that are all correct, or all misdrawn.
struct Gathered<'a> {
    drawn: Drawn,
    name: String,
    some: Vec<&'a Measured>,
}

impl Gathered<'_> {
    /// The group that all belong to; a script has strings of all groups.
    fn group(&self) -> Group {
        let mut groups = self.some.iter().map(|one| one.entry.group());
        let first = groups.next().unwrap_or(Group::Other);
        if groups.all(|group| group == first) { first } else { Group::Other }
    }
}

/// A row for each name, correct ones first and the kinds of a group together, else in the order in which they came.
fn rows(all: &[&Measured], name: impl Fn(&Measured) -> String) -> Vec<Row> {
    let mut gathered: Vec<Gathered<'_>> = Vec::new();
    for one in all {
        let (drawn, name) = (one.entry.drawn, name(one));
        match gathered.iter_mut().find(|known| known.drawn == drawn && known.name == name) {
            Some(known) => known.some.push(one),
            None => gathered.push(Gathered { drawn, name, some: vec![one] }),
        }
    }
    gathered.sort_by_key(|known| (known.drawn, known.group()));
    gathered.iter().map(|known| row(&known.name, Some(known.drawn), &known.some)).collect()
}

fn figures(all: &[&Measured]) -> Vec<Figure> {
    let of = |is_in: fn(&Measured) -> bool, result: CheckResult| {
        let judged = all
            .iter()
            .filter(|one| one.answer.result != CheckResult::Skipped && is_in(one))
            .collect::<Vec<_>>();
        Count::of(judged.iter().filter(|one| one.answer.result == result).count(), judged.len())
    };
    let is_correct = |one: &Measured| one.entry.drawn == Drawn::Correct;
    let is_misspelt = |one: &Measured| one.entry.group() == Group::Misspelt;
    let is_damaged = |one: &Measured| one.entry.group() == Group::Damaged;
    let is_misdrawn = |one: &Measured| one.entry.drawn == Drawn::Misdrawn;
    let figure = |name, count, at_most| Figure { name, count, at_most };
    vec![
        figure("correct strings that fail outright", of(is_correct, CheckResult::Fail), 0.02),
        figure("correct strings that are unsure", of(is_correct, CheckResult::Unsure), 0.05),
        figure("misspelt strings that pass", of(is_misspelt, CheckResult::Pass), 0.0),
        figure("strings with a damaged letter that pass", of(is_damaged, CheckResult::Pass), 0.25),
        figure("misdrawn strings that pass, overall", of(is_misdrawn, CheckResult::Pass), 0.10),
    ]
}
