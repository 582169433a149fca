//! Every report of the same twelve runs, as readers get it.
//!
//! Snapshots of pages and of test results are excerpts: what comes by the hundred is cut, and counted.

use insta::assert_snapshot;
use unicode_width::UnicodeWidthStr as _;

use super::fixtures::twelve;
use super::html::excerpt::excerpt;
use super::{TerminalStyle, junit, summary, terminal};

/// The bytes that the summaries are given here: a quarter of what a comment has, so that the largest shows what it leaves out.
const ROOM: usize = 15_000;
/// How many test cases of a suite a snapshot holds.
const SHOWN: usize = 2;

#[test]
fn summaries_of_the_twelve_read_well() {
    for (name, run) in twelve() {
        assert_snapshot!(format!("{name}_summary"), summary(&run, ROOM));
    }
}

#[test]
fn terminals_of_the_twelve_read_well() {
    for (name, run) in twelve() {
        let text = terminal(&run, TerminalStyle::default());
        for line in text.lines() {
            assert!(line.width() <= 80, "{name}: {line}");
        }
        assert_snapshot!(format!("{name}_terminal"), text);
    }
}

#[test]
fn pages_of_the_twelve_read_well() {
    for (name, run) in twelve() {
        assert_snapshot!(format!("{name}_page"), excerpt(&run));
    }
}

#[test]
fn test_results_of_the_twelve_read_well() {
    for (name, run) in twelve() {
        assert_snapshot!(format!("{name}_junit"), test_cases(&junit(&run)));
    }
}

/// Of each suite the first test cases that did not pass, and how many others there are; of the limits all.
fn test_cases(xml: &str) -> String {
    let mut lines = Vec::new();
    let (mut all, mut shown, mut others, mut hidden) = (false, 0, 0, false);
    for line in xml.lines() {
        let tag = line.trim_start();
        if tag.starts_with("<testsuite ") {
            all = tag.contains(".limits\"");
            (shown, others, hidden) = (0, 0, false);
        } else if tag.starts_with("<testcase ") {
            hidden = !all && (tag.ends_with("/>") || shown >= SHOWN);
            others += usize::from(hidden);
            shown += usize::from(!hidden);
        } else if tag.starts_with("</testsuite>") {
            hidden = false;
            if others > 0 {
                lines.push(format!("        ({others} more)"));
            }
        }
        if !hidden {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}
