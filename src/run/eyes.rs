//! The checks of a policy, set up with what they need of the world, and what they say beforehand that they can't judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use presscheck_core::checks::{self, Check, ModelFile, Resources};
use presscheck_core::inert::one_line;
use presscheck_core::policy::{ConfiguredCheck, Policy};
use presscheck_core::prompts::{Case, Draw};

use super::judge::Judge;
use super::load::{NOTHING_SENT, Rejected};
use crate::revision::Snapshot;

/// Finds a network's weights, or says why there are none and what to do.
pub type Weights = dyn Fn(&ModelFile) -> Result<bytes::Bytes, String> + Send + Sync;

/// The most bytes of a file that a check reads from the repository.
pub(super) const MAX_FILE_BYTES: u64 = 32 << 20;

/// Sets the checks of a policy up. Files are read on the trusted side.
///
/// # Errors
/// Every file that is missing and every check that can't be set up.
pub(super) fn open(policy: &Policy, at: &Snapshot, weights: &Weights) -> Result<Judge, Rejected> {
    let checks =
        open_checks(&policy.checks, at, weights).map_err(|problems| rejected(&problems))?;
    let limits = checks::decode_limits(&policy.checks);
    Ok(Judge { checks, limits, refusals: policy.refusals })
}

/// Sets checks up, with the files that they want as they are at a revision.
///
/// # Errors
/// A sentence for each file that is missing, or each check that can't be set up.
pub(super) fn open_checks(
    configured: &[ConfiguredCheck],
    at: &Snapshot,
    weights: &Weights,
) -> Result<Vec<Box<dyn Check>>, Vec<String>> {
    let needs = checks::needs(configured);
    let mut resources = Resources::default();
    let mut problems = Vec::new();
    for (check, path) in needs.files {
        match at.read(&path, MAX_FILE_BYTES) {
            Ok(Some(bytes)) => resources.add_file(path, bytes.into()),
            Ok(None) => problems
                .push(format!("check `{check}`: the file {path} does not exist at {}", at.label())),
            Err(error) => problems.push(format!("check `{check}`: {error}")),
        }
    }
    for file in &needs.models {
        resources.add_model(file, weights(file));
    }
    if problems.is_empty() { checks::open_all(configured, &resources) } else { Err(problems) }
}

fn rejected(problems: &[String]) -> Rejected {
    let lines: Vec<_> =
        problems.iter().map(|problem| format!("error: {problem}; {NOTHING_SENT}\n")).collect();
    Rejected(lines.concat())
}

/// A check that can't judge some of the cases, for one reason.
struct Blind<'a> {
    check: &'a dyn Check,
    why: String,
    cases: Vec<&'a str>,
}

/// What the checks can't judge of the drawn cases, by check and reason.
fn blind<'a>(judge: &'a Judge, cases: &'a [Case], draw: &Draw) -> Vec<Blind<'a>> {
    let mut drawn: Vec<_> = draw.cells.iter().map(|cell| cell.case).collect();
    drawn.sort_unstable();
    drawn.dedup();
    let mut blind = Vec::new();
    for check in &judge.checks {
        let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for case in drawn.iter().filter_map(|index| cases.get(*index)) {
            if let Some(why) = check.cannot(case) {
                by_reason.entry(why).or_default().push(&case.id);
            }
        }
        let of_check = by_reason.into_iter();
        blind.extend(of_check.map(|(why, cases)| Blind { check: check.as_ref(), why, cases }));
    }
    blind
}

/// Notes of what can't be judged of the drawn cases.
///
/// # Errors
/// Where the policy requires that it can be.
pub(super) fn foresee(
    judge: &Arc<Judge>,
    cases: &[Case],
    draw: &Draw,
) -> Result<Vec<String>, Rejected> {
    let (required, noted): (Vec<_>, Vec<_>) =
        blind(judge, cases, draw).into_iter().partition(|blind| blind.check.is_required());
    if !required.is_empty() {
        let problems: Vec<_> = required
            .iter()
            .map(|blind| {
                format!(
                    "check `{}` is required and can't judge {}: {}",
                    blind.check.name(),
                    named(&blind.cases),
                    blind.why
                )
            })
            .collect();
        return Err(rejected(&problems));
    }
    let note = |blind: &Blind<'_>| {
        let (name, cases) = (blind.check.name(), named(&blind.cases));
        format!("`{name}` can't judge {cases}, which it skips: {}.", blind.why)
    };
    Ok(noted.iter().map(note).collect())
}

/// Cases by name where there are few, else their number and the first.
fn named(cases: &[&str]) -> String {
    let first: Vec<_> =
        cases.iter().take(3).map(|case| format!("`{}`", one_line(case, 60))).collect();
    match cases.len() {
        1 => format!("the case {}", first.join("")),
        2 | 3 => format!("the cases {}", first.join(", ")),
        n => format!("{n} of the drawn cases ({}, …)", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use presscheck_core::checks::{Finding, Picture, Scene};
    use presscheck_core::prompts::{Cell, Expected};
    use presscheck_core::units::Seed;

    use super::*;

    /// Knows no letter but `a`.
    struct Reader {
        required: bool,
    }

    impl Check for Reader {
        fn name(&self) -> &'static str {
            "reader"
        }

        fn inspect(&self, _: &Picture, _: &Scene<'_>) -> Vec<Finding> {
            Vec::new()
        }

        fn cannot(&self, case: &Case) -> Option<String> {
            (case.prompt != "a").then(|| format!("no letters of `{}` are known", case.prompt))
        }

        fn is_required(&self) -> bool {
            self.required
        }
    }

    fn foreseen(required: bool, prompts: &[&str]) -> Result<Vec<String>, Rejected> {
        let cases: Vec<_> = prompts
            .iter()
            .enumerate()
            .map(|(number, prompt)| Case {
                id: format!("c{number}"),
                prompt: (*prompt).to_owned(),
                tags: Vec::new(),
                expect: Expected::new(),
                image: None,
                locale: None,
            })
            .collect();
        let cells: Vec<_> =
            (0..cases.len()).map(|case| Cell { case, repeat: 0, seed: Seed(1) }).collect();
        let draw = Draw { population: cells.len(), cells };
        let judge = Arc::new(Judge {
            checks: vec![Box::new(Reader { required })],
            limits: checks::decode_limits(&[]),
            refusals: presscheck_core::policy::OnRefusal::Fail,
        });
        foresee(&judge, &cases, &draw)
    }

    #[test]
    fn what_can_t_be_judged_is_said_before_anything_is_bought() {
        assert_eq!(foreseen(true, &["a", "a"]), Ok(Vec::new()));
        insta::assert_snapshot!(
            foreseen(false, &["a", "b", "c", "b", "b", "b"]).unwrap().join("\n")
        );
        insta::assert_snapshot!(foreseen(true, &["a", "b", "c"]).unwrap_err().0);
    }
}
