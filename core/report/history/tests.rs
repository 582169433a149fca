//! What people and machines read.

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::inert;
use crate::report::{Run, TerminalStyle, comment, fixtures as runs, history_html};

#[test]
fn tables_read_well() {
    for (name, history) in fixtures::all() {
        let text = history_text(&history, 20, TerminalStyle::default());
        insta::assert_snapshot!(format!("history_{name}"), text);
        assert!(!text.contains(|c| c != '\n' && inert::is_invisible(c)), "{name}");
    }
}

#[test]
fn the_newest_are_shown_and_the_rest_is_counted() {
    let mut history = fixtures::year();
    let text = history_text(&history, 2, TerminalStyle::default());
    assert!(text.contains("#21") && text.contains("#17") && !text.contains("#15"), "{text}");
    assert!(text.contains("The newest 2 are shown."), "{text}");
    (history.last, history.kept) = (Some(12), 57);
    let text = history_text(&history, 20, TerminalStyle::default());
    assert!(text.contains("The store has 57: --last 57 shows all of"), "{text}");
    history.subject = Some("thumbs".to_owned());
    let text = history_text(&history, 20, TerminalStyle::default());
    assert!(!text.contains("--last"), "{text}");
}

#[test]
fn where_nothing_is_found_what_was_asked_is_said() {
    let mut history = fixtures::nothing();
    history.kept = 4;
    history.subject = Some("hero".to_owned());
    history.since = Some("2026-12-01".parse().unwrap());
    insta::assert_snapshot!(history.nothing(), @"There is no verdict on `hero` since 2026-12-01 in the store `.presscheck/store`, which has 4 verdicts.");
}

#[test]
fn lines_keep_to_the_width() {
    for (name, history) in fixtures::all() {
        for width in [80, 120] {
            let text = history_text(&history, 20, TerminalStyle { colour: false, width });
            for line in text.lines() {
                // A word that is longer than the line stands alone.
                let one_word = line.trim().split(' ').count() == 1;
                assert!(one_word || line.width() <= width, "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn colour_comes_only_when_asked_and_only_from_us() {
    for (name, history) in fixtures::all() {
        let plain = history_text(&history, 20, TerminalStyle::default());
        let mut stripped = history_text(&history, 20, TerminalStyle { colour: true, width: 80 });
        for code in ["1;32", "1;31", "1;33", "2", "0"] {
            stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(stripped, plain, "{name}");
    }
}

#[test]
fn documents_keep_the_schema() {
    let schema = history_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, history) in fixtures::all() {
        let text = history_json(&history);
        assert!(text.ends_with("}\n") && !text.contains('\u{202e}'), "{name}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let verdicts = value["verdicts"].as_array().unwrap();
        for (verdict, record) in verdicts.iter().zip(&history.records) {
            let back: VerdictRecord = serde_json::from_value(verdict.clone()).unwrap();
            assert_eq!(back, *record, "{name}");
        }
    }
}

#[test]
fn a_document_reads_well() {
    let mut history = fixtures::year();
    history.records = history.records.split_off(8);
    history.records.truncate(2);
    insta::assert_snapshot!(history_json(&history));
}

#[test]
fn a_record_holds_what_the_verdict_said() {
    let occasion = || Occasion {
        at_ms: 1,
        repository: None,
        number: None,
        name: "presscheck".to_owned(),
        base: RevisionAt { commit: None, label: "main".to_owned() },
        head: RevisionAt { commit: None, label: "work tree".to_owned() },
        evidence: None,
    };
    for (name, Run { verdict, .. }) in runs::all() {
        let record = VerdictRecord::of(&verdict, occasion());
        assert_eq!(record.subjects.len(), verdict.subjects.len(), "{name}");
        for (kept, said) in record.subjects.iter().zip(&verdict.subjects) {
            assert_eq!(
                (kept.verdict, kept.proven, kept.pairs),
                (said.verdict, said.proven, said.pairs)
            );
            assert_eq!(kept.baseline.is_some(), said.baseline.is_some(), "{name}");
            let kept_rate = kept.failures.candidate.unwrap();
            let failed = said.flips.newly_failing + said.flips.both_failing;
            assert!(kept_rate.failed >= failed || name == "new_model", "{name}");
        }
        // What is written is read as the same.
        let json = serde_json::to_string(&record).unwrap();
        let back: VerdictRecord = serde_json::from_str(&json).unwrap();
        assert_eq!(back.admitted(), Some(record), "{name}");
    }
    assert!(!VerdictRecord::is_worth_keeping(&runs::unchanged().verdict));
    assert!(VerdictRecord::is_worth_keeping(&runs::pass().verdict));
}

#[test]
fn what_is_no_record_of_this_form_is_not_admitted() {
    let good = fixtures::year().records.remove(0);
    assert_eq!(good.clone().admitted(), Some(good.clone()));
    let change = |change: fn(&mut VerdictRecord)| {
        let mut record = good.clone();
        change(&mut record);
        record.admitted()
    };
    assert_eq!(change(|it| it.schema = 2), None);
    assert_eq!(change(|it| it.at_ms = -1), None);
    assert_eq!(change(|it| it.at_ms = i64::MAX), None);
    let long = change(|it| {
        it.reason = "x".repeat(1 << 20);
        it.subjects = vec![it.subjects[0].clone(); 5_000];
    });
    assert!(serde_json::to_string(&long).unwrap().len() < 100_000);
}

#[test]
fn pages_read_well() {
    for (name, history) in [("year", fixtures::year()), ("mixed", fixtures::mixed())] {
        let page = history_html(&history).unwrap();
        let (_, body) = page.split_once("</head>").unwrap();
        let lines: Vec<_> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        insta::assert_snapshot!(format!("history_html_{name}"), lines.join("\n"));
    }
}

#[test]
fn the_comment_has_the_trend_and_drops_it_first() {
    let run = runs::fail();
    let records = fixtures::year().records;
    let whole = comment(&run, &[], None, &records, 60_000);
    let line = "Last 9 verdicts on `hero`: ";
    assert!(whole.contains(line), "{whole}");
    let without = comment(&run, &[], None, &[], 60_000);
    assert!(!without.contains("Last "), "{without}");
    // The first byte that is missing takes the trend, and nothing else.
    let tight = comment(&run, &[], None, &records, whole.len() - 1);
    assert!(!tight.contains(line) && tight.contains("exactly as sent"), "{tight}");
}

#[test]
fn the_docs_show_what_is_printed() {
    let shown = history_text(&fixtures::year(), 20, TerminalStyle::default());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/history.md");
    let docs = std::fs::read_to_string(path).unwrap();
    assert!(docs.contains(shown.trim_end()), "docs/history.md should have:\n{shown}");
}
