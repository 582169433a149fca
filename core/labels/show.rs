//! What labels say, for people and for machines.

use serde_json::{Value, json};

use super::calibrate::{Calibration, CheckCalibration, Estimate, Stratum};
use super::suggest::Suggestion;
use crate::inert::one_line;
use crate::report::{paragraph, words};

/// Columns of a line.
const WIDTH: usize = 80;
/// The longest name of a check in the table.
const NAME: usize = 16;
/// With fewer drawn labels than this in a stratum, a rate says little: its interval is wide.
const FEW: u64 = 30;

/// The table and what follows from it, in lines of 80 columns; it ends in a new line.
#[must_use]
pub fn calibration_text(calibration: &Calibration) -> String {
    let labels: u64 = calibration
        .checks
        .iter()
        .map(|it| it.fails.all_labelled() + it.passes.all_labelled())
        .sum();
    let mut out = format!(
        "presscheck calibrate   {}   {}\n\n",
        words::count(calibration.pictures, "picture", "pictures"),
        words::count(labels, "label", "labels"),
    );
    if calibration.checks.is_empty() {
        say(
            &mut out,
            "There is no label yet: `presscheck label --ask 40 --check text` draws pictures to look at.",
        );
        return out;
    }
    out.push_str(&format!(
        "  {:<NAME$} {:>13} {:>14}   {:>15} {:>14}\n",
        "check", "fails, wrong", "passes, wrong", "false failures", "misses"
    ));
    for check in &calibration.checks {
        out.push_str(&row(check));
    }
    out.push('\n');
    say(
        &mut out,
        "False failures: how often a good picture fails. Misses: how often a bad one passes. Both with the interval in which they lie, at 95% at least; by drawn labels alone.",
    );
    for check in &calibration.checks {
        for sentence in remarks(check) {
            say(&mut out, &sentence);
        }
    }
    if let Some(sentence) = floor(calibration) {
        say(&mut out, &sentence);
    }
    if calibration.elsewhere > 0 {
        let labels = words::count(calibration.elsewhere, "label is", "labels are");
        say(
            &mut out,
            &format!(
                "{labels} on pictures that these runs do not hold: limits are suggested from them, rates are not."
            ),
        );
    }
    out
}

fn say(out: &mut String, text: &str) {
    paragraph(out, "  ", text, WIDTH);
}

fn name(check: &CheckCalibration) -> String {
    one_line(&check.check, NAME)
}

fn row(check: &CheckCalibration) -> String {
    let of = |stratum: &Stratum| match (stratum.pictures, stratum.labelled) {
        (0, _) => "none".to_owned(),
        (_, 0) => words::NOTHING.to_owned(),
        (_, labelled) => format!("{} of {labelled}", stratum.wrong),
    };
    let [false_fail, miss] = [check.false_fail, check.miss].map(estimate);
    let mut lines = format!(
        "  {:<NAME$} {:>13} {:>14}   {:>15} {:>14}\n",
        name(check),
        of(&check.fails),
        of(&check.passes),
        false_fail.0,
        miss.0
    );
    if !(false_fail.1.is_empty() && miss.1.is_empty()) {
        let blank = "";
        lines.push_str(&format!(
            "  {blank:<NAME$} {blank:>13} {blank:>14}   {:>15} {:>14}\n",
            false_fail.1, miss.1
        ));
    }
    lines
}

/// A rate, and its interval for the line below.
fn estimate(estimate: Option<Estimate>) -> (String, String) {
    match estimate {
        None => (words::NOTHING.to_owned(), String::new()),
        Some(Estimate { rate, interval: [low, high] }) => {
            let interval = format!("{}–{}", words::percent(low), words::percent(high));
            (words::percent(rate), interval)
        }
    }
}

/// What a reader should know of one check.
fn remarks(check: &CheckCalibration) -> Vec<String> {
    let mut said = Vec::new();
    let name = name(check);
    let strata = [("fails", &check.fails), ("passes", &check.passes)];
    let missing: Vec<_> = strata
        .iter()
        .filter(|(_, stratum)| stratum.pictures > 0 && stratum.labelled == 0)
        .map(|(verb, _)| *verb)
        .collect();
    if !missing.is_empty() {
        said.push(format!(
            "`{name}` has no drawn label among the pictures that it {}: `presscheck label --ask 40 --check {name}` draws some.",
            missing.join(", nor among those that it ")
        ));
    } else if let Some((verb, stratum)) =
        strata.into_iter().find(|(_, it)| it.labelled < FEW && it.labelled < it.pictures)
    {
        said.push(format!(
            "`{name}` has {} among the pictures that it {verb}: {FEW} or more make the interval narrower.",
            words::count(stratum.labelled, "drawn label", "drawn labels")
        ));
    }
    let open = check.fails.open + check.passes.open;
    if open > 0 {
        said.push(format!(
            "`{name}`: {} drawn and not labelled yet. Leaving out the hard ones would make the rates look better than they are.",
            words::count(open, "picture is", "pictures are")
        ));
    }
    let chosen = check.fails.chosen + check.passes.chosen;
    if chosen > 0 {
        said.push(format!(
            "`{name}`: {} chosen by a reviewer instead of drawn, {} of which call it wrong. They are no fair sample, so they count for limits alone.",
            words::count(chosen, "label was", "labels were"),
            check.fails.chosen_wrong + check.passes.chosen_wrong
        ));
    }
    said.extend(check.suggestions.iter().map(|it| suggestion(&name, it)));
    said
}

fn suggestion(check: &str, it: &Suggestion) -> String {
    let Suggestion { limit, now, then, false_fails, misses, labelled } = it;
    format!(
        "`{check}`: {limit} {now} → {then} would fail {} of {} good values instead of {}, and pass {} of {} bad ones instead of {}. It was chosen on these labels: draw new ones to see how it does.",
        false_fails[1], labelled[0], false_fails[0], misses[1], labelled[1], misses[0]
    )
}

/// The failure rate that even a model without a fault would have, by the false failures of all checks.
fn floor(calibration: &Calibration) -> Option<String> {
    let known: Vec<_> = calibration.checks.iter().filter_map(|check| check.false_fail).collect();
    let sum: f64 = known.iter().map(|estimate| estimate.rate).sum();
    let high: f64 = known.iter().map(|estimate| estimate.interval[1]).sum();
    (sum > 0.0).then(|| {
        format!(
            "A model without a fault would fail up to {} of its pictures by these checks' mistakes ({} where each is at the end of its interval): a `failure_rate.max` below that blocks good models. `max_increase` is not touched by it, for both sides are judged by the same eyes.",
            words::percent(sum),
            words::percent(high.min(1.0))
        )
    })
}

impl Stratum {
    const fn all_labelled(&self) -> u64 {
        self.labelled + self.chosen
    }

    fn json(&self) -> Value {
        json!({
            "pictures": self.pictures, "labelled": self.labelled, "wrong": self.wrong, "open": self.open,
            "chosen": self.chosen, "chosen_wrong": self.chosen_wrong,
        })
    }
}

/// The document for machines; it ends in a new line.
#[must_use]
pub fn calibration_json(calibration: &Calibration) -> String {
    let rate =
        |it: &Option<Estimate>| it.map(|it| json!({"rate": it.rate, "interval": it.interval}));
    let checks: Vec<_> = calibration
        .checks
        .iter()
        .map(|check| {
            let suggestions: Vec<_> = check.suggestions.iter().map(suggested).collect();
            json!({
                "check": check.check,
                "fails": check.fails.json(),
                "passes": check.passes.json(),
                "false_fail": rate(&check.false_fail),
                "miss": rate(&check.miss),
                "suggestions": suggestions,
            })
        })
        .collect();
    let document = json!({
        "schema": 1, "pictures": calibration.pictures, "elsewhere": calibration.elsewhere, "checks": checks,
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn suggested(it: &Suggestion) -> Value {
    json!({
        "limit": it.limit, "now": it.now, "then": it.then,
        "false_fails": {"now": it.false_fails[0], "then": it.false_fails[1]},
        "misses": {"now": it.misses[0], "then": it.misses[1]},
        "labelled": {"good": it.labelled[0], "bad": it.labelled[1]},
    })
}
