//! What people and machines read.

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::inert;
use crate::report::{HtmlOptions, TerminalStyle, compare_html};

#[test]
fn terminals_read_well() {
    for (name, compared) in fixtures::all() {
        let text = compare_text(&compared.comparison, TerminalStyle::default());
        insta::assert_snapshot!(format!("compare_{name}"), text);
        assert!(!text.contains(|c| c != '\n' && inert::is_invisible(c)), "{name}");
    }
}

#[test]
fn lines_keep_to_the_width() {
    for (name, compared) in fixtures::all() {
        for width in [80, 120] {
            let text = compare_text(&compared.comparison, TerminalStyle { colour: false, width });
            for line in text.lines() {
                assert!(line.width() <= width, "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn colour_comes_only_when_asked_and_only_from_us() {
    let comparison = fixtures::hostile().comparison;
    let plain = compare_text(&comparison, TerminalStyle::default());
    let mut stripped = compare_text(&comparison, TerminalStyle { colour: true, width: 80 });
    for code in ["1;33", "2", "0"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn documents_keep_the_schema() {
    let schema = compare_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, compared) in fixtures::all() {
        let text = compare_json(&compared.comparison);
        assert!(text.ends_with("}\n") && !text.contains('\u{202e}'), "{name}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let back: Comparison = serde_json::from_str(&text).unwrap();
        let again: Value = serde_json::from_str(&compare_json(&back)).unwrap();
        assert_eq!(again, value, "{name}");
    }
}

#[test]
fn the_docs_show_what_is_printed() {
    let shown = compare_text(&fixtures::three().comparison, TerminalStyle::default());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compare.md");
    let docs = std::fs::read_to_string(path).unwrap();
    assert!(docs.contains(shown.trim_end()), "docs/compare.md should have:\n{shown}");
}

#[test]
fn pages_read_well() {
    for name in ["three", "few"] {
        let (_, compared) = fixtures::all().into_iter().find(|(it, _)| *it == name).unwrap();
        let options = HtmlOptions { max_pairs: 2, ..HtmlOptions::default() };
        let page = compare_html(&compared, options).unwrap();
        let (_, body) = page.split_once("</head>").unwrap();
        let lines: Vec<_> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        insta::assert_snapshot!(format!("compare_html_{name}"), lines.join("\n"));
    }
}
