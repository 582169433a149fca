//! The checks of a policy, set up with what they need of the world, and what they say beforehand that they can't judge.

use std::collections::BTreeSet;

use presscheck_core::checks::{self, Check, ModelFile, Resources};
use presscheck_core::inert::one_line;
use presscheck_core::policy::{ConfiguredCheck, Expectation, Policy};
use presscheck_core::prompts::{Case, Draw};
use serde_json::Value;

use super::judge::Judge;
use super::load::{NOTHING_SENT, Rejected};
use crate::revision::Snapshot;

/// Finds a network's weights, or says why there are none and what to do.
pub type Weights = dyn Fn(&ModelFile) -> Result<bytes::Bytes, String> + Send + Sync;

/// The most bytes of a file that a check reads from the repository.
pub(super) const MAX_FILE_BYTES: u64 = 32 << 20;

/// Whom checks may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayAsk {
    /// Providers and programs: the policy stands on the base.
    All,
    /// Providers alone: a change that brings its own policy must not run what it brings.
    Providers,
    /// Nobody, and why.
    Nobody(&'static str),
    /// Nobody any more: what was heard is read again, whoever is installed here.
    Heard,
}

/// Sets the checks of a policy up. Files are read where the policy was.
///
/// # Errors
/// Every file that is missing and every check that can't be set up.
pub(super) fn open(
    policy: &Policy,
    at: &Snapshot,
    may_ask: MayAsk,
    weights: &Weights,
) -> Result<Judge, Rejected> {
    let checks = open_checks(&policy.checks, at, may_ask, weights)
        .map_err(|problems| rejected(&problems))?;
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
    may_ask: MayAsk,
    weights: &Weights,
) -> Result<Vec<Box<dyn Check>>, Vec<String>> {
    let needs = checks::needs(configured);
    let mut resources = Resources::default();
    match may_ask {
        MayAsk::All | MayAsk::Heard => resources.allow_programs(),
        MayAsk::Providers => {}
        MayAsk::Nobody(why) => resources.ask_nobody(why),
    }
    let mut problems = Vec::new();
    for (check, path) in needs.files {
        match at.read(&path, MAX_FILE_BYTES) {
            Ok(Some(bytes)) => resources.add_file(path, bytes.into()),
            Ok(None) => problems
                .push(format!("check `{check}`: the file {path} does not exist at {}", at.label())),
            Err(error) => problems.push(format!("check `{check}`: {error}")),
        }
    }
    if may_ask == MayAsk::All {
        let missing = needs.programs.iter().filter(|(_, name)| !super::program::is_installed(name));
        problems.extend(missing.map(|(check, name)| {
            format!("check `{check}`: the program `{}` is not installed here", one_line(name, 80))
        }));
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

/// A check that can't judge some of the cases.
struct Blind<'a> {
    check: &'a dyn Check,
    cases: Vec<&'a str>,
    /// Why, each reason once.
    whys: Vec<String>,
}

impl Blind<'_> {
    /// The first reason, and how many others there are: a prompt set in another script has one for each prompt.
    fn why(&self) -> String {
        let first = self.whys.first().cloned().unwrap_or_default();
        match self.whys.len() {
            0 | 1 => first,
            2 => format!("{first}; and for one more reason"),
            n => format!("{first}; and for {} more reasons", n - 1),
        }
    }
}

/// The cases of a draw, each once.
fn drawn<'a>(cases: &'a [Case], draw: &Draw) -> Vec<&'a Case> {
    let numbers: BTreeSet<_> = draw.cells.iter().map(|cell| cell.case).collect();
    numbers.into_iter().filter_map(|number| cases.get(number)).collect()
}

/// What the checks can't judge of some cases, check by check.
fn blind<'a>(judge: &'a Judge, cases: &[&'a Case]) -> Vec<Blind<'a>> {
    let of_check = |check: &'a dyn Check| {
        let mut blind = Blind { check, cases: Vec::new(), whys: Vec::new() };
        for case in cases {
            let Some(why) = check.cannot(case) else { continue };
            blind.cases.push(&case.id);
            if !blind.whys.contains(&why) {
                blind.whys.push(why);
            }
        }
        (!blind.cases.is_empty()).then_some(blind)
    };
    judge.checks.iter().filter_map(|check| of_check(check.as_ref())).collect()
}

/// Notes of what can't be judged of the drawn cases.
///
/// # Errors
/// Where the policy requires that it can be.
pub(super) fn foresee(judge: &Judge, cases: &[Case], draw: &Draw) -> Result<Vec<String>, Rejected> {
    let cases = drawn(cases, draw);
    let (required, noted): (Vec<_>, Vec<_>) =
        blind(judge, &cases).into_iter().partition(|blind| blind.check.is_required());
    if !required.is_empty() {
        let problem = |blind: &Blind<'_>| {
            let (name, cases, why) = (blind.check.name(), named(&blind.cases), blind.why());
            format!(
                "error: check `{name}` is required and can't judge {cases}: {why}; {NOTHING_SENT}\n  help: mend that, keep the check to other cases by `tags`, or take `require` away\n"
            )
        };
        return Err(Rejected(required.iter().map(problem).collect()));
    }
    let note = |blind: &Blind<'_>| {
        let (name, cases) = (blind.check.name(), named(&blind.cases));
        format!("`{name}` can't judge {cases}, which it skips: {}.", blind.why())
    };
    Ok(noted.iter().map(note).collect())
}

/// Notes of what the drawn cases expect of checks that the policy neither runs nor switches off: nobody judges it.
pub(super) fn unjudged(policy: &Policy, cases: &[Case], draw: &Draw) -> Vec<String> {
    let runs = policy.checks.iter().map(|check| check.name);
    let settled: Vec<_> = runs.chain(policy.declined.iter().copied()).collect();
    expected_of_others(&settled, &drawn(cases, draw))
}

fn expected_of_others(settled: &[&str], cases: &[&Case]) -> Vec<String> {
    checks::vocabulary()
        .iter()
        .filter(|check| !settled.contains(&check.name))
        .filter_map(|check| {
            let expects = |case: &&&Case| {
                let key = |known: &Expectation| expects_something(case.expect.get(known.key));
                check.expectations.iter().any(key)
            };
            let theirs: Vec<_> =
                cases.iter().filter(expects).map(|case| case.id.as_str()).collect();
            let (name, verb) = (check.name, if theirs.len() == 1 { "expects" } else { "expect" });
            (!theirs.is_empty()).then(|| {
                format!(
                    "Nothing judges what {} {verb} of `{name}`: add `{name}: {{}}` to the policy's checks, or `{name}: false` where that is meant.",
                    named(&theirs)
                )
            })
        })
        .collect()
}

/// Whether a value expects anything: an empty list says that nothing is, and so does `false`.
fn expects_something(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(_) => true,
    }
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
                mask: None,
                locale: None,
            })
            .collect();
        let cells: Vec<_> =
            (0..cases.len()).map(|case| Cell { case, repeat: 0, seed: Seed(1) }).collect();
        let draw = Draw { population: cells.len(), cells };
        let judge = Judge {
            checks: vec![Box::new(Reader { required })],
            limits: checks::decode_limits(&[]),
            refusals: presscheck_core::policy::OnRefusal::Fail,
        };
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

    #[test]
    fn many_reasons_are_one_note() {
        assert_eq!(foreseen(false, &["b", "c", "d", "e"]).unwrap().len(), 1);
    }

    #[test]
    fn what_nobody_judges_is_said_unless_the_policy_means_it() {
        let case = |id: &str, expect: Value| Case {
            id: id.to_owned(),
            prompt: "p".to_owned(),
            tags: Vec::new(),
            expect: serde_json::from_value(expect).unwrap(),
            image: None,
            mask: None,
            locale: None,
        };
        let cases = [
            case("a", serde_json::json!({"text": ["OPEN"], "palette": ["#0A3D91"]})),
            case("b", serde_json::json!({"text": []})),
            case("c", serde_json::json!({"text": ["SALE"], "aspect_ratio": "1:1"})),
            case("d", serde_json::json!({"no_text": false, "unsafe": false})),
        ];
        let cases: Vec<_> = cases.iter().collect();
        let said = |settled: &[&str]| expected_of_others(settled, &cases).join("\n");
        insta::assert_snapshot!(said(&["decode", "dimensions"]));
        assert_eq!(said(&["decode", "dimensions", "text", "palette"]), "");
    }
}
