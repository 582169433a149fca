use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use proptest::prelude::*;

use super::super::fixtures::{self, HOSTILE};
use super::*;

/// A line with a value.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Sample {
    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Reads an exposition as the grammar of OpenMetrics 1.0 has it, timestamps and exemplars apart, and holds it to the rules
/// besides: metadata once and first, no family in two parts, a unit that ends the name, no series twice.
fn parsed(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect("it ends in # EOF");
    assert!(body.is_empty() || body.ends_with('\n'));
    let mut samples = Vec::new();
    let mut metadata: BTreeSet<(String, String)> = BTreeSet::new();
    let (mut families, mut series) = (Vec::<String>::new(), BTreeSet::new());
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# ") {
            let [kind, name, what] = rest.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
            assert!(is_name(name, ":"), "{line}");
            match kind {
                "TYPE" => assert_eq!(what, "gauge"),
                "UNIT" => assert!(name.ends_with(&format!("_{what}")), "{line}"),
                "HELP" => assert!(!what.is_empty() && !what.contains(['\\', '"']), "{line}"),
                _ => panic!("{line}"),
            }
            assert!(metadata.insert((name.to_owned(), kind.to_owned())), "said twice: {line}");
            if families.last().is_none_or(|last| last != name) {
                assert_eq!(kind, "TYPE", "{line}");
                assert!(!families.iter().any(|known| known == name), "in two parts: {line}");
                families.push(name.to_owned());
            }
            assert!(samples.last().is_none_or(|last: &Sample| last.name != name), "{line}");
            continue;
        }
        let end = line.find(['{', ' ']).unwrap();
        let (name, mut rest) = line.split_at(end);
        assert_eq!(families.last().map(String::as_str), Some(name), "of no family: {line}");
        let mut labels = BTreeMap::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                let (label, after) = rest.split_once("=\"").unwrap();
                assert!(is_name(label, ""), "{label:?} of {line}");
                let (value, after) = unescaped(after);
                assert!(labels.insert(label.to_owned(), value).is_none(), "twice: {line}");
                match after.split_at(1) {
                    (",", after) => rest = after,
                    ("}", after) => {
                        rest = after;
                        break;
                    }
                    _ => panic!("{line}"),
                }
            }
        }
        let value = rest.strip_prefix(' ').unwrap();
        let digits = value.replacen('.', "", 1);
        let plain = digits.chars().all(|c| c.is_ascii_digit());
        assert!(plain && value.starts_with(|c: char| c.is_ascii_digit()), "{line}");
        assert!(series.insert((name.to_owned(), labels.clone())), "the same series: {line}");
        samples.push(Sample { name: name.to_owned(), labels, value: value.parse().unwrap() });
    }
    samples
}

/// Whether a text is a name: of a metric, which may have colons, or of a label.
fn is_name(text: &str, besides: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || besides.contains(c);
    text.starts_with(first) && text.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// An escaped string up to its closing quote, and what follows that.
fn unescaped(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('"' | '\\'))) => c,
                other => panic!("no such escape: {other:?}"),
            }),
            c => value.push(c),
        }
    }
    panic!("a quote is never closed: {text}")
}

#[test]
fn metrics_read_well() {
    for (name, run) in [
        ("fail", fixtures::fail()),
        ("new_model", fixtures::new_model()),
        ("unchanged", fixtures::unchanged()),
        ("hostile", fixtures::hostile()),
    ] {
        assert_snapshot!(format!("metrics_{name}"), metrics(&run));
    }
}

#[test]
fn every_run_has_an_exposition_with_the_verdicts_own_numbers() {
    for (name, run) in fixtures::all() {
        let samples = parsed(&metrics(&run));
        let of = |metric: &str| -> Vec<&Sample> {
            samples.iter().filter(|sample| sample.name == metric).collect()
        };
        let verdicts = of("presscheck_run_verdict");
        assert_eq!(verdicts.len(), 3, "{name}");
        for sample in verdicts {
            let is = sample.label("verdict") == run.verdict.verdict.word();
            assert_eq!(sample.value, f64::from(u8::from(is)), "{name}");
        }
        let spent = run.verdict.spent_usd.as_f64();
        assert_eq!(of("presscheck_run_spent_usd").first().unwrap().value, spent, "{name}");
        assert_eq!(of("presscheck_verdict").len(), 3 * run.verdict.subjects.len(), "{name}");
        for subject in &run.verdict.subjects {
            let limit =
                subject.limits.iter().find(|limit| limit.name == "failure_rate.max_increase");
            for (side, rate) in [
                ("baseline", limit.and_then(|limit| limit.baseline)),
                ("candidate", limit.and_then(|limit| limit.candidate)),
            ] {
                let ratio = of("presscheck_failure_ratio").into_iter().find(|sample| {
                    sample.label("side") == side && sample.label("subject") == subject.name
                });
                // Fixtures with requests that had no answer count those pairs too.
                let silent = subject.outcomes.candidate.unavailable > 0;
                if let (Some(ratio), Some(rate), false) = (ratio, rate, silent) {
                    assert!((ratio.value - rate).abs() < 1e-9, "{name}, {side}");
                }
            }
        }
    }
}

#[test]
fn a_failure_rate_is_over_pairs_in_which_both_sides_answered() {
    let samples = parsed(&metrics(&fixtures::fail()));
    let ratio = |side: &str| {
        let of = |sample: &&Sample| {
            sample.name == "presscheck_failure_ratio" && sample.label("side") == side
        };
        samples.iter().find(of).unwrap().value
    };
    // One of 212 pairs has no answer.
    assert_eq!((ratio("baseline"), ratio("candidate")), (4.0 / 211.0, 13.0 / 211.0));
}

#[test]
fn amounts_are_exact_decimals() {
    let mut run = fixtures::pass();
    run.verdict.spent_usd = fixtures::usd("$0.000000000001");
    let cost = run.verdict.subjects[0].cost.candidate.as_mut().unwrap();
    cost.per_1k_usd = Some(fixtures::usd("$123456789.123456789"));
    cost.effective_per_1k_usd = None;
    let text = metrics(&run);
    assert!(text.contains("presscheck_run_spent_usd 0.000000000001\n"), "{text}");
    assert!(text.contains("} 123456789.123456789\n"), "{text}");
    assert_eq!(text.matches("\npresscheck_effective_cost_per_1k_usd{").count(), 1, "{text}");
    parsed(&text);
}

#[test]
fn two_models_of_one_name_do_not_spoil_the_file() {
    let mut run = fixtures::several();
    for subject in &mut run.verdict.subjects {
        subject.name = "x".repeat(MAX_LABEL + 1) + &subject.name;
    }
    let samples = parsed(&metrics(&run));
    assert_eq!(samples.iter().filter(|it| it.name == "presscheck_pairs").count(), 1);
}

#[test]
fn text_from_outside_is_escaped_and_shown() {
    let text = metrics(&fixtures::hostile());
    assert!(!text.contains(|c| c != '\n' && inert::is_invisible(c)), "{text}");
    let samples = parsed(&text);
    let shown: String = inert::visible(HOSTILE).chars().take(MAX_LABEL).collect();
    let pairs = samples.iter().find(|sample| sample.name == "presscheck_pairs").unwrap();
    assert_eq!(pairs.label("subject"), format!("{shown}…"));
    assert_eq!(escaped("a\\b\"c\nd\r\n\u{202e}"), r#"a\\b\"c\nd\n⟨U+202E⟩"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_name_keeps_the_exposition_whole(
        subject in any::<String>(),
        model in r#"([a-z"\\\n{}=,#\x00 ]|# EOF\n|"\} 1\n){0,24}"#,
        check in any::<String>(),
        time in any::<f64>(),
    ) {
        let mut run = fixtures::hostile();
        let verdict = &mut run.verdict.subjects[0];
        subject.clone_into(&mut verdict.name);
        model.clone_into(&mut verdict.candidate.model);
        check.clone_into(&mut verdict.candidate.provider);
        for count in &mut verdict.checks {
            check.clone_into(&mut count.check);
        }
        verdict.latency.candidate.as_mut().unwrap().p95_s = time.abs();
        let samples = parsed(&metrics(&run));
        let shown: String = inert::visible(&model).chars().take(MAX_LABEL).collect();
        for sample in samples.iter().filter(|sample| sample.label("side") == "candidate") {
            prop_assert_eq!(sample.label("model"), shown.as_str());
        }
    }
}
