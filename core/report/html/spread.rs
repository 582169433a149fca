//! How latency and cost are spread, both sides on one scale.

use super::view::line;
use crate::gate::{Outcome, Side, SubjectVerdict};
use crate::report::evidence::Pair;
use crate::report::{SampleLine, words};

/// Into how many parts the scale is cut.
const BINS: usize = 36;

/// A drawing of one measure, ready for the template. Places are percentages of its width, heights of a row's.
pub(super) struct Spread {
    pub(super) id: String,
    pub(super) heading: &'static str,
    /// What the drawing shows, in words.
    pub(super) text: Vec<String>,
    pub(super) rows: Vec<SpreadRow>,
    pub(super) ticks: Vec<Tick>,
}

/// One side.
pub(super) struct SpreadRow {
    pub(super) side: &'static str,
    pub(super) bars: Vec<Bar>,
    pub(super) marks: Vec<Mark>,
}

/// So many samples lie here: the fullest bar of either side is as high as its row.
pub(super) struct Bar {
    pub(super) at: String,
    pub(super) width: String,
    pub(super) top: String,
    pub(super) height: String,
}

/// A quantile.
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) at: String,
    pub(super) label: String,
    /// Which end of the label stands at the mark, and how far aside, so that it stays on the page.
    pub(super) anchor: &'static str,
    pub(super) aside: &'static str,
}

/// A place on the scale.
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

/// A measured value, with how it is written.
type Value = (f64, String);

/// Latency and cost of a subject, as far as there is something to draw.
pub(super) fn spreads(verdict: &SubjectVerdict, pairs: &[Pair<'_>], anchor: &str) -> Vec<Spread> {
    let latency = |sample: &SampleLine| {
        // As the verdict counts it: what is no picture says nothing of how long a picture takes.
        let picture = matches!(sample.outcome, Outcome::Passed | Outcome::Failed);
        let time = sample.latency_s.filter(|time| picture && time.is_finite())?;
        Some((time, words::seconds(time)))
    };
    let cost = |sample: &SampleLine| Some((sample.cost_usd.as_f64(), sample.cost_usd.to_string()));
    let of = |measure: &dyn Fn(&SampleLine) -> Option<Value>| {
        sides(verdict, pairs)
            .into_iter()
            .map(|(side, samples)| {
                let mut values: Vec<Value> = samples.into_iter().filter_map(measure).collect();
                values.sort_by(|a, b| a.0.total_cmp(&b.0));
                (side, values)
            })
            .collect::<Vec<_>>()
    };
    let id = |what: &str| format!("{anchor}-{what}");
    [
        spread(id("latency"), "Latency of an image", "image", &of(&latency), &seconds),
        spread(id("cost"), "Cost of an answer, retries included", "answer", &of(&cost), &dollars),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The samples of each side that was judged, of pairs in which every side was answered: what cost and latency compare.
fn sides<'a>(
    verdict: &SubjectVerdict,
    pairs: &[Pair<'a>],
) -> Vec<(&'static str, Vec<&'a SampleLine>)> {
    let new = verdict.baseline.is_none();
    let answered = |pair: &&Pair<'_>| {
        let silent =
            |side| pair.side(side).is_some_and(|sample| sample.outcome == Outcome::Unavailable);
        !Side::BOTH.into_iter().any(silent)
    };
    let kept: Vec<_> = pairs.iter().filter(answered).collect();
    Side::BOTH
        .into_iter()
        .filter(|side| *side == Side::Candidate || !new)
        .map(|side| (side.word(), kept.iter().filter_map(|pair| pair.side(side)).collect()))
        .collect()
}

fn spread(
    id: String,
    heading: &'static str,
    what: &str,
    sides: &[(&'static str, Vec<Value>)],
    tell: &dyn Fn(f64) -> String,
) -> Option<Spread> {
    let most = sides.iter().filter_map(|(_, values)| values.last()).map(|value| value.0);
    let most = most.fold(0.0, f64::max);
    if !most.is_finite() || most <= 0.0 {
        return None;
    }
    let (end, step) = scale(most);
    let place = |value: f64| (100.0 * value / end).clamp(0.0, 100.0);
    let filled: Vec<_> = sides.iter().map(|(_, values)| bins(values, end)).collect();
    let shares: Vec<Vec<f64>> = filled
        .iter()
        .zip(sides)
        .map(|(bins, (_, values))| {
            bins.iter().map(|n| float(*n) / float(values.len().max(1))).collect()
        })
        .collect();
    let fullest = shares.iter().flatten().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let rows = sides.iter().zip(&shares).map(|((side, values), shares)| SpreadRow {
        side,
        bars: bars(shares, fullest),
        marks: [("p50", "median", 0.5), ("p95", "95%", 0.95)]
            .into_iter()
            .filter_map(|(class, name, q)| Some(mark(class, name, place, quantile(values, q)?)))
            .collect(),
    });
    Some(Spread {
        id,
        heading,
        text: sides.iter().filter_map(|(side, values)| in_words(side, values, what)).collect(),
        rows: rows.collect(),
        ticks: ticks(end, step, place, tell),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^52")]
const fn float(count: usize) -> f64 {
    count as f64
}

/// How many values lie in each part of the scale.
fn bins(values: &[Value], end: f64) -> Vec<usize> {
    let mut bins = vec![0; BINS];
    for (value, _) in values {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "cut to the scale, which has few parts"
        )]
        let bin = (value / end * float(BINS)).clamp(0.0, float(BINS - 1)) as usize;
        if let Some(count) = bins.get_mut(bin) {
            *count += 1;
        }
    }
    bins
}

fn bars(shares: &[f64], fullest: f64) -> Vec<Bar> {
    let width = 100.0 / float(BINS);
    let bar = |(index, share): (usize, &f64)| {
        // A single sample is seen, too.
        let height = (100.0 * share / fullest).max(2.0);
        (*share > 0.0).then(|| Bar {
            at: format!("{:.2}", width * float(index) + width * 0.06),
            width: format!("{:.2}", width * 0.88),
            top: format!("{:.2}", 100.0 - height),
            height: format!("{height:.2}"),
        })
    };
    shares.iter().enumerate().filter_map(bar).collect()
}

/// The value at rank ⌈n·q⌉, as the verdict takes it.
fn quantile(values: &[Value], q: f64) -> Option<&Value> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank within the list's length"
    )]
    let rank = ((float(values.len()) * q).ceil() as usize).clamp(1, values.len().max(1));
    values.get(rank - 1)
}

fn mark(
    class: &'static str,
    name: &str,
    place: impl Fn(f64) -> f64,
    (value, told): &Value,
) -> Mark {
    let at = place(*value);
    let right = at > 68.0;
    Mark {
        class,
        at: format!("{at:.2}"),
        label: format!("{name} {told}"),
        anchor: if right { "end" } else { "start" },
        aside: if right { "-5" } else { "5" },
    }
}

/// `Baseline: 212 images, from 2.1 s to 3.8 s; half within 2.9 s, 95% within 3.7 s.`
fn in_words(side: &str, values: &[Value], what: &str) -> Option<String> {
    let ((first, least), (last, most)) = (values.first()?, values.last()?);
    let count = words::count(values.len() as u64, what, &format!("{what}s"));
    let spread = if (last - first).abs() < f64::EPSILON {
        format!("all {most}")
    } else {
        let (half, most_of) = (&quantile(values, 0.5)?.1, &quantile(values, 0.95)?.1);
        format!("from {least} to {most}; half within {half}, 95% within {most_of}")
    };
    // A number and its unit stay on one line.
    let spread = spread.replace(" s", "\u{a0}s");
    let mut text = line(&format!("{side}: {count}, {spread}."), 200);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Some(text)
}

/// The end of the scale, and the step of its ticks: round numbers, three to five of them.
fn scale(most: f64) -> (f64, f64) {
    let power = 10_f64.powf(most.log10().floor() - 1.0);
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0];
    let step = steps.into_iter().map(|step| step * power).find(|step| most / step <= 4.6);
    let step = step.unwrap_or(power * 50.0);
    // A last value at the very edge would be half a bar.
    ((most * 1.02 / step).ceil() * step, step)
}

fn ticks(
    end: f64,
    step: f64,
    place: impl Fn(f64) -> f64,
    tell: &dyn Fn(f64) -> String,
) -> Vec<Tick> {
    (0..=8_u8)
        .map(|index| f64::from(index) * step)
        .take_while(|value| *value <= end * 1.001)
        .map(|value| {
            let at = place(value);
            Tick {
                at: format!("{at:.2}"),
                label: if value == 0.0 { "0".to_owned() } else { tell(value) },
                anchor: match at {
                    ..2.0 => "start",
                    98.0.. => "end",
                    _ => "middle",
                },
            }
        })
        .collect()
}

/// Dollars with as many decimals as a tick needs, and at least two: `$0.05`, `$0.0025`.
fn dollars(amount: f64) -> String {
    format!("${}", digits(amount, 2))
}

/// Seconds with as many decimals as a tick needs: `2.5 s`, `1.25 s`.
fn seconds(time: f64) -> String {
    format!("{} s", digits(time, 0))
}

/// A number without noughts at its end, but with at least so many decimals.
fn digits(number: f64, least: usize) -> String {
    let text = format!("{number:.6}");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    match decimals.trim_end_matches('0') {
        "" if least == 0 => whole.to_owned(),
        decimals => format!("{whole}.{decimals:0<least$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{evidence, fixtures};
    use proptest::prelude::*;

    #[test]
    fn spreads_read_well() {
        let mut all = Vec::new();
        for run in [fixtures::fail(), fixtures::new_model()] {
            let pairs = evidence::pairs(&run.subjects[0]);
            for spread in spreads(&run.verdict.subjects[0], &pairs, "model-0") {
                let ticks: Vec<_> = spread.ticks.iter().map(|it| it.label.as_str()).collect();
                all.push(format!("{}: {}", spread.heading, ticks.join(" ")));
                all.extend(spread.text);
                for row in spread.rows {
                    let marks: Vec<_> =
                        row.marks.iter().map(|it| format!("{} at {}", it.label, it.at)).collect();
                    all.push(format!(
                        "  {}: {} bars; {}",
                        row.side,
                        row.bars.len(),
                        marks.join(", ")
                    ));
                }
            }
        }
        insta::assert_snapshot!("spreads", all.join("\n"));
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        let mut run = fixtures::fail();
        for sample in &mut run.subjects[0].samples {
            sample.latency_s = None;
            sample.cost_usd = crate::units::Usd::ZERO;
        }
        let pairs = evidence::pairs(&run.subjects[0]);
        assert!(spreads(&run.verdict.subjects[0], &pairs, "model-0").is_empty());
    }

    #[test]
    fn ticks_have_the_decimals_they_need() {
        assert_eq!([2.0, 2.5, 1.25, 0.05].map(seconds), ["2 s", "2.5 s", "1.25 s", "0.05 s"]);
        assert_eq!([5.0, 0.05, 0.0025, 12.5].map(dollars), ["$5.00", "$0.05", "$0.0025", "$12.50"]);
    }

    proptest! {
        #[test]
        fn a_scale_holds_what_it_is_for(most in 1e-6_f64..1e6) {
            let (end, step) = scale(most);
            prop_assert!(end >= most && end <= most * 2.6, "{most} {end}");
            let count = (end / step).round();
            prop_assert!((1.0..=6.0).contains(&count), "{most}: {count} ticks");
        }

        #[test]
        fn every_value_is_in_a_bar(values in proptest::collection::vec(0.0_f64..100.0, 1..200)) {
            let values: Vec<Value> = values.into_iter().map(|it| (it, String::new())).collect();
            prop_assert_eq!(bins(&values, 90.0).iter().sum::<usize>(), values.len());
        }
    }
}
