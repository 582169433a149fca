//! The verdict as JUnit XML: for everything that shows test results.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::evidence::{self, Pair};
use super::{Run, SampleLine, Subject, accepted, claim, words};
use crate::checks::CheckResult;
use crate::gate::{Decision, LimitOutcome, Outcome, SubjectVerdict};
use crate::inert;

/// The suite of answers that no check judges: refusals and outages.
const PROVIDER: &str = "provider";
/// The suite of the limits.
const LIMITS: &str = "limits";
/// The limit on prompts that fail on every repeat.
const ALWAYS_FAIL: &str = "always_fail";
/// The check that stands for unusable answers.
const DECODE: &str = "decode";

/// The content of `junit.xml`.
///
/// A suite for each subject and check (`hero.dimensions`), one for the provider (`hero.provider`: refusals
/// fail, outages are errors) and one for the limits (`hero.limits`). A test case is a prompt, judged on
/// the candidate; its failure says how the baseline did. A failing prompt is a failing test case even
/// where the gate passes, so the verdict is in `limits` alone.
#[must_use]
pub fn junit(run: &Run) -> String {
    let mut report = Report::new("presscheck");
    let empty = Subject::default();
    for (index, verdict) in run.verdict.subjects.iter().enumerate() {
        let subject = run.subjects.get(index).unwrap_or(&empty);
        let pairs = evidence::pairs(subject);
        let name = text(&verdict.name, 100);
        for check in checks(&pairs) {
            report.add_test_suite(check_suite(&name, check, &pairs));
        }
        report.add_test_suite(provider_suite(&name, &pairs));
        report.add_test_suite(limits_suite(&name, verdict, run));
    }
    if run.verdict.subjects.is_empty() {
        report.add_test_suite(run_suite(run));
    }
    report.to_string().unwrap_or_else(|error| {
        // Only a failing writer leads here, and a string does not fail.
        let error = inert::html(&inert::xml(&error.to_string()));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"presscheck\" tests=\"1\" \
             failures=\"0\" errors=\"1\"><testsuite name=\"presscheck\" tests=\"1\" errors=\"1\">\
             <testcase name=\"report\"><error message=\"{error}\"/></testcase></testsuite></testsuites>\n"
        )
    })
}

/// Text from outside on one line, in characters that XML allows.
fn text(outside: &str, max: usize) -> String {
    inert::one_line(&inert::xml(outside), max)
}

/// The checks of the candidate's pictures, in the order in which they ran.
fn checks<'a>(pairs: &[Pair<'a>]) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let mut checks = Vec::new();
    let candidates = pairs.iter().filter_map(|pair| pair.candidate);
    for sample in candidates {
        if sample.outcome == Outcome::Broken && seen.insert(DECODE) {
            checks.push(DECODE);
        }
        for finding in &sample.findings {
            if seen.insert(&finding.check) {
                checks.push(&finding.check);
            }
        }
    }
    checks
}

/// Every prompt that a check judged.
fn check_suite(subject: &str, check: &str, pairs: &[Pair<'_>]) -> TestSuite {
    let suite_name = format!("{subject}.{}", text(check, 60));
    let mut suite = TestSuite::new(suite_name.clone());
    for pair in pairs {
        let Some(sample) = pair.candidate else { continue };
        let mut findings = sample.findings.iter().filter(|finding| finding.check == check);
        let worst = findings.clone().max_by_key(|finding| match finding.result {
            CheckResult::Fail => 3,
            CheckResult::Unsure if sample.outcome == Outcome::Failed => 2,
            CheckResult::Pass | CheckResult::Unsure => 1,
            CheckResult::Skipped => 0,
        });
        let status = match worst {
            // An answer that never became a picture has no finding.
            None if check == DECODE && sample.outcome == Outcome::Broken => {
                failure(&evidence::why(sample).plain(), "broken", pair)
            }
            None => continue,
            Some(finding) => match finding.result {
                CheckResult::Fail => failure(&finding.message, "fail", pair),
                CheckResult::Unsure if sample.outcome == Outcome::Failed => {
                    failure(&finding.message, "unsure", pair)
                }
                CheckResult::Pass | CheckResult::Unsure => TestCaseStatus::success(),
                CheckResult::Skipped if findings.all(|f| f.result == CheckResult::Skipped) => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(text(&finding.message, 300));
                    status
                }
                CheckResult::Skipped => TestCaseStatus::success(),
            },
        };
        suite.add_test_case(test_case(pair, &suite_name, status));
    }
    suite
}

/// Every request: refused, unanswered, or answered.
fn provider_suite(subject: &str, pairs: &[Pair<'_>]) -> TestSuite {
    let suite_name = format!("{subject}.{PROVIDER}");
    let mut suite = TestSuite::new(suite_name.clone());
    for pair in pairs {
        let Some(sample) = pair.candidate else { continue };
        let why = evidence::why(sample).plain();
        let status = match sample.outcome {
            Outcome::Refused if sample.failure => failure(&why, "refused", pair),
            Outcome::Unavailable => {
                described(NonSuccessKind::Error, &why, "unavailable", &description(pair))
            }
            Outcome::Passed | Outcome::Failed | Outcome::Broken | Outcome::Refused => {
                TestCaseStatus::success()
            }
        };
        let mut case = test_case(pair, &suite_name, status);
        if let Some(time) = sample.latency_s.and_then(|time| Duration::try_from_secs_f64(time).ok())
        {
            case.set_time(time);
        }
        suite.add_test_case(case);
    }
    suite
}

/// Every limit.
fn limits_suite(subject: &str, verdict: &SubjectVerdict, run: &Run) -> TestSuite {
    let suite_name = format!("{subject}.{LIMITS}");
    let mut suite = TestSuite::new(suite_name.clone());
    // What somebody accepted stays broken, and here is who did.
    let accepted = accepted::plain(&run.verdict).map(|line| text(&line, 1_500) + "\n");
    suite.set_system_out(accepted.unwrap_or_default() + &standing_of(verdict));
    for limit in &verdict.limits {
        let (measure, _) = words::measure(&limit.name);
        let mut message = format!(
            "{measure}: baseline {}, candidate {}",
            words::value(limit.unit, limit.baseline),
            words::value(limit.unit, limit.candidate)
        );
        if limit.change.is_some() {
            message.push_str(&format!(", change {}", words::change(limit.unit, limit.change)));
        }
        message.push_str(&format!("; at most {}", words::allowed(limit)));
        if let Some(pairs) = limit.decided_at {
            let pairs = words::count(pairs, "pair", "pairs");
            message.push_str(&format!("; proven after {pairs}"));
        }
        let mut note = limit.note.as_deref().map(|note| text(note, 500)).unwrap_or_default();
        if limit.name == ALWAYS_FAIL {
            for line in always_failing(verdict) {
                note.push_str(if note.is_empty() { "" } else { "\n" });
                note.push_str(&line);
            }
        }
        let status = match limit.outcome {
            LimitOutcome::Pass => TestCaseStatus::success(),
            LimitOutcome::Fail => described(NonSuccessKind::Failure, &message, "limit", &note),
            LimitOutcome::Inconclusive => {
                described(NonSuccessKind::Error, &message, "inconclusive", &note)
            }
            LimitOutcome::Skipped => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(if note.is_empty() { message } else { note });
                status
            }
        };
        let mut case = TestCase::new(text(&limit.name, 200), status);
        case.set_classname(suite_name.clone());
        suite.add_test_case(case);
    }
    suite
}

/// The most prompts that are named where they fail on every repeat.
const MAX_ALWAYS: usize = 50;

/// The prompts that fail on every repeat, a line each.
fn always_failing(verdict: &SubjectVerdict) -> Vec<String> {
    let (lines, more) = claim::always_failing(verdict, MAX_ALWAYS);
    let mut lines: Vec<String> = lines.iter().map(|line| text(&line.plain(), 300)).collect();
    if more > 0 {
        lines.push(format!("and {} more", words::thousands(more as u64)));
    }
    lines
}

/// What the verdict on a model claims and why sampling stopped, a line each.
fn standing_of(verdict: &SubjectVerdict) -> String {
    let mut lines = vec![claim::stopped(verdict, "")];
    if claim::is_unproven(verdict) {
        lines.push(claim::UNPROVEN.to_owned());
    }
    lines.extend(claim::lean(verdict).map(|line| text(&line.plain(), 500)));
    lines.extend(claim::claim(verdict).iter().map(|line| text(&line.plain(), 500)));
    lines.extend(always_failing(verdict));
    lines.join("\n")
}

/// The one test case of a run that judged no model.
fn run_suite(run: &Run) -> TestSuite {
    let reason = text(&run.verdict.reason, 500);
    let status = match run.verdict.verdict {
        Decision::Pass => TestCaseStatus::success(),
        Decision::Inconclusive => described(NonSuccessKind::Error, &reason, "inconclusive", ""),
        Decision::Fail => described(NonSuccessKind::Failure, &reason, "fail", ""),
    };
    let mut case = TestCase::new("verdict", status);
    case.set_classname("presscheck");
    case.set_system_out(reason);
    let mut suite = TestSuite::new("presscheck");
    suite.add_test_case(case);
    suite
}

/// A test case with its name.
fn test_case(pair: &Pair<'_>, suite: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(text(&pair.name(), 200), status);
    case.set_classname(suite);
    case
}

/// A failure of the candidate.
fn failure(message: &str, kind: &str, pair: &Pair<'_>) -> TestCaseStatus {
    described(NonSuccessKind::Failure, message, kind, &description(pair))
}

/// A failure or an error, with all its texts in characters that XML allows.
fn described(kind: NonSuccessKind, message: &str, ty: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(text(message, 500)).set_type(ty);
    if !description.is_empty() {
        status.set_description(inert::xml(description));
    }
    status
}

/// What a developer needs to see of a failing prompt.
fn description(pair: &Pair<'_>) -> String {
    let mut lines = Vec::new();
    if let Some(sample) = pair.any() {
        lines.push(format!("prompt: {}", inert::visible(&inert::xml(&head(&sample.prompt)))));
        lines.push(format!("seed: {}", sample.seed));
    }
    let mut side = BTreeMap::new();
    side.insert("baseline", pair.baseline);
    side.insert("candidate", pair.candidate);
    for (name, sample) in side {
        lines.push(match sample {
            None => format!("{name}: none"),
            Some(sample) => format!("{name}: {}", standing(sample)),
        });
    }
    lines.join("\n")
}

/// The first 2,000 characters.
fn head(prompt: &str) -> String {
    let mut head: String = prompt.chars().take(2_000).collect();
    if head.len() < prompt.len() {
        head.push('…');
    }
    head
}

/// `failed, images/….png (text: asked …)`
fn standing(sample: &SampleLine) -> String {
    let mut line = sample.outcome.word().to_owned();
    if let Some(image) = &sample.image {
        line.push_str(&format!(", {}", text(image, 200)));
    }
    if sample.outcome != Outcome::Passed {
        line.push_str(&format!(" ({})", evidence::why(sample).plain()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    #[test]
    fn the_suite_of_limits_says_what_is_claimed() {
        let limits = |run: &Run| {
            let xml = junit(run);
            let (_, suite) = xml.split_once("<testsuite name=\"hero.limits\"").unwrap();
            suite.split_once("</testsuite>").unwrap().0.to_owned()
        };
        assert_snapshot!("junit_limits_always_fail", limits(&fixtures::always_fail()));
        assert_snapshot!("junit_limits_model_undecided", limits(&fixtures::model_undecided()));
        assert_snapshot!("junit_limits_early_fail", limits(&fixtures::early_fail()));
    }

    #[test]
    fn every_candidate_sample_has_one_test_case_in_the_provider_suite() {
        let run = fixtures::fail();
        let xml = junit(&run);
        assert_eq!(xml.matches("classname=\"hero.provider\"").count(), 212);
        assert_eq!(xml.matches("classname=\"hero.limits\"").count(), 5);
        assert_eq!(xml.matches("<failure").count(), 13 + 1, "13 prompts and a limit");
        assert_eq!(xml.matches("<error").count(), 1, "one request without an answer");
    }

    /// Whether every `<` of the XML belongs to a tag that JUnit has.
    fn assert_well_formed(xml: &str) {
        const TAGS: [&str; 9] = [
            "?xml",
            "testsuites",
            "testsuite",
            "testcase",
            "failure",
            "error",
            "skipped",
            "system-out",
            "property",
        ];
        for part in xml.split('<').skip(1) {
            let name = part.trim_start_matches('/');
            let name =
                name.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().unwrap();
            assert!(TAGS.contains(&name), "<{name}");
        }
        assert!(!xml.contains("]]>"), "ends a CDATA section");
        assert!(xml.chars().all(|c| matches!(c, '\t' | '\n' | '\r') || c >= ' '));
    }

    #[test]
    fn hostile_text_is_only_text() {
        assert_well_formed(&junit(&fixtures::hostile()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_text_keeps_the_xml_well_formed(text in any::<String>(), time in any::<f64>()) {
            let mut run = fixtures::hostile();
            text.clone_into(&mut run.verdict.subjects[0].name);
            for sample in &mut run.subjects[0].samples {
                text.clone_into(&mut sample.prompt);
                sample.error = Some(text.clone());
                sample.latency_s = Some(time);
            }
            assert_well_formed(&junit(&run));
        }
    }
}
