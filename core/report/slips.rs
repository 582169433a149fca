//! How often checks themselves are wrong, so that nobody takes a reader's slip for the model's; and what a check was
//! unsure of.

use super::evidence;
use super::line::Line;
use super::{Subject, words};
use crate::checks::CheckResult;
use crate::gate::{CheckCount, SlipRate};

/// The share of good pictures that a check fails, with its interval: `0.3% [0.01%, 1.6%]`.
pub(super) fn rate(slips: SlipRate) -> String {
    let [low, high] = slips.interval;
    format!("{} [{}, {}]", words::percent(slips.rate), words::percent(low), words::percent(high))
}

/// `Of good pictures text fails 0.9% (0.3% to 2.1%) by mistake and palette 0% (up to 1%).` Nothing where none
/// of the checks was measured.
pub(super) fn sentence(checks: &[&CheckCount]) -> Option<Line> {
    let measured: Vec<_> =
        checks.iter().filter_map(|check| Some((check.check.as_str(), check.slips?))).collect();
    if measured.is_empty() {
        return None;
    }
    let mut line = Line::new().ours("Checks slip too: of good pictures, ");
    for (index, (name, slips)) in measured.iter().enumerate() {
        let join = match index {
            0 => "",
            _ if index + 1 == measured.len() => " and ",
            _ => ", ",
        };
        let [low, high] = slips.interval.map(words::percent);
        let share = words::percent(slips.rate);
        let band =
            if slips.rate > 0.0 { format!("{low} to {high}") } else { format!("up to {high}") };
        let fails = if index == 0 { " fails " } else { " " };
        line = line.ours(join).name(name).ours(format!("{fails}{share} ({band})"));
    }
    Some(line.ours(" in its own measurement, on either side alike."))
}

/// `4 of 13 failures are unsure: look at these first.` Nothing where a check failed every picture outright.
pub(super) fn unsure(subject: &Subject) -> Option<Line> {
    let pairs = evidence::pairs(subject);
    let failing: Vec<_> =
        pairs.iter().filter_map(|pair| pair.candidate).filter(|sample| sample.failure).collect();
    let unsure = failing
        .iter()
        .filter(|sample| {
            evidence::objections(sample)
                .next()
                .is_some_and(|finding| finding.result == CheckResult::Unsure)
        })
        .count();
    let total = failing.len();
    let text = match (unsure, total) {
        (0, _) => return None,
        (1, 1) => "The one failure is unsure: look at it.".to_owned(),
        _ if unsure == total => format!("All {total} failures are unsure: look at them."),
        (1, _) => format!("1 of {total} failures is unsure: look at it first."),
        _ => format!("{unsure} of {total} failures are unsure: look at these first."),
    };
    Some(Line::new().ours(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::BySide;

    fn counted(check: &str, slips: Option<SlipRate>) -> CheckCount {
        CheckCount {
            check: check.to_owned(),
            failed: BySide::default(),
            unsure: BySide::default(),
            skipped: BySide::default(),
            slips,
        }
    }

    #[test]
    fn the_band_of_each_measured_check_is_told() {
        let text = counted(
            "text",
            Some(SlipRate { rate: 0.009, interval: [0.003, 0.021], pictures: 500 }),
        );
        let palette = counted(
            "palette",
            Some(SlipRate { rate: 0.0, interval: [0.0, 0.0104], pictures: 352 }),
        );
        let refused = counted("refused", None);
        let say = |checks: &[&CheckCount]| sentence(checks).map(|line| line.plain());
        insta::assert_snapshot!(
            [say(&[&text]).unwrap(), say(&[&refused, &text, &palette]).unwrap()].join("\n"),
            @r"
        Checks slip too: of good pictures, `text` fails 0.9% (0.3% to 2.1%) in its own measurement, on either side alike.
        Checks slip too: of good pictures, `text` fails 0.9% (0.3% to 2.1%) and `palette` 0% (up to 1.0%) in its own measurement, on either side alike.
        "
        );
        assert_eq!(say(&[&refused]), None);
    }
}
