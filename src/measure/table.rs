//! What was counted, for people.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use presscheck_core::checks::CheckResult;
use presscheck_core::inert::one_line;
use presscheck_core::report::words::percent;

use super::look::Measured;
use super::tally::{Count, Row, Tally, is_wrong};

/// The table: the figures, the rows, and every string of which the check was wrong.
#[must_use]
pub fn table(
    check: &str,
    folder: &Path,
    tally: &Tally,
    measured: &[Measured],
    took: Duration,
) -> String {
    let mut text = heading(check, folder, measured, took);
    figures(&mut text, tally);
    for (title, rows) in
        [("kind", &tally.kinds), ("script", &tally.scripts), ("overall", &tally.overall)]
    {
        block(&mut text, title, rows);
    }
    text.push_str(
        "\nShares of pass, fail and unsure are of the strings that were judged, with the 95% interval of Clopper and Pearson.\n",
    );
    wrong(&mut text, measured);
    text.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

fn pictures(measured: &[Measured]) -> usize {
    let mut files: Vec<_> = measured.iter().map(|one| one.entry.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    files.len()
}

fn heading(check: &str, folder: &Path, measured: &[Measured], took: Duration) -> String {
    let count = pictures(measured);
    #[expect(clippy::cast_precision_loss, reason = "a number of pictures")]
    let each = took.as_secs_f64() / count.max(1) as f64;
    format!(
        "The check `{check}` on {} strings in {count} pictures of {}: {:.1} s, {each:.2} s a picture.\n",
        measured.len(),
        one_line(&folder.display().to_string(), 200),
        took.as_secs_f64(),
    )
}

fn figures(text: &mut String, tally: &Tally) {
    let _ = writeln!(text, "\n{:<42}{:>12}  {:<27}{:<9}", "", "", "share", "at most");
    for figure in &tally.figures {
        let Count { k, n, interval } = figure.count;
        let of = format!("{k} of {n}");
        let at_most =
            if figure.at_most > 0.0 { percent(figure.at_most) } else { "none".to_owned() };
        let verdict = match interval {
            None => "not measured",
            Some(_) if share(figure.count) <= figure.at_most => "met",
            Some(_) => "not met",
        };
        let _ = writeln!(
            text,
            "{:<42}{of:>12}  {:<27}{at_most:<9}{verdict}",
            figure.name,
            rate(figure.count)
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of strings")]
fn share(count: Count) -> f64 {
    count.k as f64 / count.n.max(1) as f64
}

/// `1.9% (0.4%–5.4%)`.
fn rate(count: Count) -> String {
    let Some([low, high]) = count.interval else { return "–".to_owned() };
    format!("{} ({}–{})", percent(share(count)), percent(low), percent(high))
}

fn block(text: &mut String, title: &str, rows: &[Row]) {
    let _ = writeln!(
        text,
        "\n{title:<22}{:>8}  {:<27}{:<27}{:<27}{:>7}",
        "strings", "pass", "fail", "unsure", "skipped"
    );
    for row in rows {
        let cell = |count: Count| {
            if count.n == 0 { "–".to_owned() } else { format!("{} {}", count.k, rate(count)) }
        };
        let mut name = one_line(&row.name, 24);
        if title == "script" && row.drawn == Some(super::Drawn::Misdrawn) {
            name.push_str(", misdrawn");
        }
        let _ = writeln!(
            text,
            "{name:<22}{:>8}  {:<27}{:<27}{:<27}{:>7}",
            row.strings,
            cell(row.pass),
            cell(row.fail),
            cell(row.unsure),
            row.skipped.k
        );
    }
}

fn wrong(text: &mut String, measured: &[Measured]) {
    let wrong: Vec<_> = measured.iter().filter(|one| is_wrong(one)).collect();
    if wrong.is_empty() {
        text.push_str("\nThe check was wrong of none.\n");
        return;
    }
    let _ = writeln!(text, "\nThe check was wrong of {}:", wrong.len());
    for one in wrong {
        let said = match one.answer.result {
            CheckResult::Pass => "passed",
            CheckResult::Fail => "failed",
            CheckResult::Unsure => "unsure",
            CheckResult::Skipped => "skipped",
        };
        let shown = one.entry.notes.get("shown").and_then(|shown| shown.as_str());
        let shown = shown.map(|shown| format!(", shown as “{}”", one_line(shown, 80)));
        let _ = writeln!(
            text,
            "  {} “{}”{} ({}): {said}: {}",
            one_line(one.entry.file.as_str(), 80),
            one_line(&one.entry.expect, 80),
            shown.unwrap_or_default(),
            one_line(one.entry.kind(), 24),
            one_line(&one.answer.message, 300)
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::measure::Answer;

    fn said(mut entry: serde_json::Value, result: CheckResult) -> Measured {
        entry["file"] = json!(format!("{}.png", entry["expect"].as_str().unwrap()));
        let message = "read otherwise\n\u{1b}[31m".to_owned();
        Measured {
            entry: serde_json::from_value(entry).unwrap(),
            answer: Answer { result, message },
        }
    }

    #[test]
    fn the_table_has_the_figures_the_rows_and_what_went_wrong() {
        use CheckResult::{Fail, Pass, Skipped, Unsure};
        let good = |text: &str| json!({"expect": text, "drawn": "correct", "kind": "good"});
        let bad =
            |text: &str, kind: &str| json!({"expect": text, "drawn": "misdrawn", "kind": kind});
        let mut shown = bad("SALE", "swap");
        shown["shown"] = json!("SAEL");
        let measured = [
            said(bad("東京", "tofu"), Pass),
            said(good("OPEN"), Pass),
            said(good("DAILY"), Fail),
            said(good("FRESH"), Unsure),
            said(good("Ελλάδα"), Skipped),
            said(shown, Pass),
            said(bad("BREAD", "swap"), Fail),
            said(bad("WINE", "unheard of"), Fail),
            said(json!({"expect": "CAFE", "drawn": "correct"}), Pass),
        ];
        let tally = Tally::of(&measured);
        let text = table("text", Path::new("set"), &tally, &measured, Duration::from_millis(4_500));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn nothing_measured_is_no_success() {
        let skipped =
            said(json!({"expect": "A", "drawn": "misdrawn", "kind": "sub"}), CheckResult::Skipped);
        let tally = Tally::of(&[skipped]);
        let text = table("text", Path::new("set"), &tally, &[], Duration::ZERO);
        assert!(!text.contains(" met"), "{text}");
    }
}
