//! What `presscheck check` says of files: a table for people, a document for machines.

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::terminal::{Colour, TerminalStyle, cut};
use crate::checks::{CheckResult, Finding, Judged};
use crate::inert::{self, Newlines};

/// A file that the checks looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckedImage {
    /// Its name, as it was given.
    pub file: String,
    /// How it ended.
    pub outcome: Judged,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The file with what was found drawn on the picture, where one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
}

/// The document for machines; it ends in a new line.
#[must_use]
pub fn checked_json(images: &[CheckedImage]) -> String {
    let document = serde_json::json!({"schema": 1, "images": images});
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// One file for a terminal: what failed first, then what is unsure, what was skipped and why, and the checks
/// that passed in one line. It ends in a new line.
#[must_use]
pub fn checked_text(image: &CheckedImage, style: TerminalStyle) -> String {
    let width = style.width.max(40);
    let (word, colour) = match image.outcome {
        Judged::Passed => ("passed", Colour::Good),
        Judged::Failed => ("FAILED", Colour::Bad),
        Judged::Broken => ("BROKEN", Colour::Bad),
        Judged::Unavailable => ("NOT JUDGED", Colour::Bad),
    };
    let file = inert::terminal(&image.file, Newlines::Join);
    let mut out = format!("{}  {}\n", style.paint(colour, word), cut_start(&file, width - 8));
    let of =
        |wanted: CheckResult| image.findings.iter().filter(move |finding| finding.result == wanted);
    for (wanted, word, colour) in
        [(CheckResult::Fail, "fail", Colour::Bad), (CheckResult::Unsure, "unsure", Colour::Warning)]
    {
        for finding in of(wanted) {
            let word = style.paint(colour, &format!("{word:<6}"));
            let place = finding
                .region
                .map_or_else(String::new, |[x, y, w, h]| format!(" (at {x}, {y}, {w}×{h})"));
            let text = format!("{}: {}{place}", finding.check, finding.message);
            paragraph(&mut out, &word, &text, width);
        }
    }
    let failed: Vec<_> = image
        .findings
        .iter()
        .filter(|finding| finding.result.counts_as_failure())
        .map(|finding| finding.check.as_str())
        .collect();
    let mut passed: Vec<&str> = Vec::new();
    for finding in of(CheckResult::Pass) {
        let name = finding.check.as_str();
        if !failed.contains(&name) && !passed.contains(&name) {
            passed.push(name);
        }
    }
    let skipped: Vec<_> =
        of(CheckResult::Skipped).map(|it| format!("{} ({})", it.check, it.message)).collect();
    if !skipped.is_empty() {
        let text = format!("{} skipped: {}", skipped.len(), skipped.join("; "));
        paragraph(&mut out, &style.paint(Colour::Dim, "skip  "), &text, width);
    }
    if !passed.is_empty() {
        let checks = if passed.len() == 1 { "check" } else { "checks" };
        let text = format!("{} {checks} passed: {}", passed.len(), passed.join(", "));
        paragraph(&mut out, &style.paint(Colour::Good, "pass  "), &text, width);
    }
    if let Some(path) = &image.explained {
        paragraph(&mut out, &style.paint(Colour::Dim, "drawn "), path, width);
    }
    out
}

/// How many files ended how, for the last line. It ends in a new line.
#[must_use]
pub fn checked_sum(outcomes: &[Judged]) -> String {
    let count = |wanted: Judged| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (all, passed) = (outcomes.len(), count(Judged::Passed));
    let images = if all == 1 { "image" } else { "images" };
    let mut text = format!("{passed} of {all} {images} passed");
    for (outcome, word) in [(Judged::Failed, "failed"), (Judged::Broken, "broken")] {
        match count(outcome) {
            0 => {}
            n => text.push_str(&format!(", {n} {word}")),
        }
    }
    text.push_str(".\n");
    text
}

/// Text in lines after a word of six columns; lines that follow stand under the first.
fn paragraph(out: &mut String, word: &str, text: &str, width: usize) {
    const INDENT: usize = 10;
    let text = inert::terminal(text, Newlines::Join);
    let room = width.saturating_sub(INDENT).max(20);
    let mut line = String::new();
    let mut first = true;
    let mut end = |line: &mut String| {
        if first {
            out.push_str(&format!("  {word}  {}\n", line.trim_end()));
        } else {
            out.push_str(&format!("{}{}\n", " ".repeat(INDENT), line.trim_end()));
        }
        first = false;
        line.clear();
    };
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            end(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&cut(word, room));
    }
    end(&mut line);
}

/// A file's name in at most `width` columns: its end, which tells it from others, stays.
fn cut_start(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut columns = 1;
    for c in text.chars().rev() {
        columns += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if columns > width {
            break;
        }
        kept.push(c);
    }
    std::iter::once('…').chain(kept.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image() -> CheckedImage {
        let mut cut = Finding::new(
            "composition",
            CheckResult::Fail,
            "the subject is cut at the left and top, and what is left of it reaches into the margin of 2% at the right",
        );
        cut.region = Some([0, 0, 320, 200]);
        CheckedImage {
            file: "out/poster\u{1b}[31m-017.png".to_owned(),
            outcome: Judged::Failed,
            findings: vec![
                Finding::new("decode", CheckResult::Pass, "a PNG of 640×480"),
                Finding::new("blank", CheckResult::Pass, "97% differs from the main colour"),
                Finding::new("palette", CheckResult::Pass, "#0A3D91 is on 20% of the picture"),
                Finding::new("palette", CheckResult::Pass, "#F4B400 is on 8% of the picture"),
                Finding::new("dimensions", CheckResult::Skipped, "no size is expected"),
                Finding::new("sharpness", CheckResult::Skipped, "the case has none of the tags"),
                Finding::new("composition", CheckResult::Pass, "in its place"),
                Finding::new("text", CheckResult::Unsure, "no look finds “GRAND \u{202e}OPENING”"),
                cut,
            ],
            explained: None,
        }
    }

    #[test]
    fn a_file_reads_as_people_need_it() {
        let broken = CheckedImage {
            file: format!("{}/answer.png", "a-long-folder".repeat(9)),
            outcome: Judged::Broken,
            findings: vec![Finding::new("decode", CheckResult::Fail, "the end is missing")],
            explained: None,
        };
        let drawn = CheckedImage { explained: Some("out/a.explained.png".to_owned()), ..image() };
        let style = TerminalStyle::default();
        insta::assert_snapshot!(
            checked_text(&image(), style)
                + &checked_text(&broken, style)
                + &checked_text(&drawn, style)
                + &checked_sum(&[Judged::Failed, Judged::Broken, Judged::Passed])
        );
    }

    #[test]
    fn colour_changes_no_word() {
        let coloured = checked_text(&image(), TerminalStyle { colour: true, width: 80 });
        let mut plain = coloured;
        for code in ["1;32", "1;31", "1;33", "2", "0"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(plain, checked_text(&image(), TerminalStyle::default()));
    }

    #[test]
    fn machines_read_what_people_do() {
        let document: serde_json::Value = serde_json::from_str(&checked_json(&[image()])).unwrap();
        assert_eq!(document["schema"], 1);
        let image = &document["images"][0];
        assert_eq!(image["outcome"], "failed");
        assert_eq!(image["findings"][8]["region"], serde_json::json!([0, 0, 320, 200]));
        assert_eq!(image["findings"][7]["result"], "unsure");
        assert_eq!(image["findings"].as_array().unwrap().len(), 9);
    }

    proptest! {
        #[test]
        fn no_name_or_message_moves_the_cursor_or_breaks_the_width(
            file in "\\PC{0,120}|[\\x00-\\x7f]{0,90}", message in "\\PC{0,200}|[\\x00-\\x7f]{0,90}", width in 40_usize..120,
        ) {
            let findings = vec![
                Finding::new("text", CheckResult::Fail, message.clone()),
                Finding::new("palette", CheckResult::Skipped, message),
            ];
            let image = CheckedImage { file, outcome: Judged::Failed, findings, explained: None };
            let text = checked_text(&image, TerminalStyle { colour: false, width });
            for line in text.lines() {
                prop_assert!(line.width() <= width, "{line}");
                prop_assert!(!line.chars().any(inert::is_invisible));
            }
        }
    }
}
