//! The verdict for dashboards: `metrics.prom`, in the text format of OpenMetrics.
//!
//! Every metric is a gauge, a verdict too: the older text format of Prometheus, which the textfile collector of
//! `node_exporter` and the Pushgateway read, knows no set of states. The file is right in both.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::evidence::{self, Pair};
use super::{Run, Subject};
use crate::gate::{Decision, ModelAt, Outcome, Side, SubjectVerdict};
use crate::inert;
use crate::units::{Rate, Usd};

/// The most characters of a label's value.
const MAX_LABEL: usize = 200;

/// Every verdict that there is.
const DECISIONS: [Decision; 3] = [Decision::Pass, Decision::Inconclusive, Decision::Fail];

/// The content of `metrics.prom`.
///
/// A gauge for the whole run (`presscheck_run_…`), for each model that was judged (label `subject`), or for each of its
/// sides (labels `side`, `provider`, `model` besides). What is not known has no line. There is no time in it: whoever
/// collects the file knows when.
#[must_use]
pub fn metrics(run: &Run) -> String {
    let empty = Subject::default();
    let evidence = run.subjects.iter().chain(std::iter::repeat(&empty));
    let subjects = run.verdict.subjects.iter().zip(evidence);
    let judged: Vec<_> = subjects
        .map(|(verdict, subject)| Judged { verdict, pairs: evidence::pairs(subject) })
        .collect();
    let mut text = Exposition::default();
    of_the_run(&mut text, run);
    of_subjects(&mut text, &judged);
    of_sides(&mut text, &judged);
    text.finish()
}

/// A model that was judged, and its pairs.
struct Judged<'a> {
    verdict: &'a SubjectVerdict,
    pairs: Vec<Pair<'a>>,
}

impl<'a> Judged<'a> {
    /// The model of a side, where the side exists.
    const fn model(&self, side: Side) -> Option<&'a ModelAt> {
        match side {
            Side::Baseline => self.verdict.baseline.as_ref(),
            Side::Candidate => Some(&self.verdict.candidate),
        }
    }

    /// The failure rate of a side, as the limits have it: over pairs in which every side answered.
    fn failure_rate(&self, side: Side) -> Option<Rate> {
        let (mut failed, mut all) = (0_u64, 0_u64);
        for pair in &self.pairs {
            let silent =
                |side| pair.side(side).is_some_and(|sample| sample.outcome == Outcome::Unavailable);
            if let Some(sample) = pair.side(side)
                && !Side::BOTH.into_iter().any(silent)
            {
                all += 1;
                failed += u64::from(sample.failure);
            }
        }
        Rate::of(failed, all)
    }
}

/// What is said of the run as a whole.
fn of_the_run(text: &mut Exposition, run: &Run) {
    let verdict = &run.verdict;
    text.gauge(
        "run_verdict",
        "Whether the verdict of the run is this one.",
        DECISIONS.map(|one| series([("verdict", one.word())], flag(one == verdict.verdict))),
    );
    text.gauge(
        "run_blocking",
        "Whether the run blocks the merge.",
        [series([], flag(verdict.blocking))],
    );
    text.gauge(
        "run_accepted",
        "Whether somebody accepted a blocking verdict.",
        [series([], flag(verdict.overridden.is_some()))],
    );
    text.gauge_in(
        "run_spent",
        "usd",
        "What the run paid for, in US dollars.",
        [series([], dollars(verdict.spent_usd))],
    );
}

/// What is said of each model as a whole.
fn of_subjects(text: &mut Exposition, judged: &[Judged<'_>]) {
    let each = |value: fn(&SubjectVerdict) -> String| {
        judged
            .iter()
            .map(move |one| series([("subject", one.verdict.name.as_str())], value(one.verdict)))
    };
    text.gauge(
        "verdict",
        "Whether the verdict on the model is this one.",
        judged.iter().flat_map(|one| {
            DECISIONS.map(|decision| {
                let labels = [("subject", one.verdict.name.as_str()), ("verdict", decision.word())];
                series(labels, flag(one.verdict.verdict == decision))
            })
        }),
    );
    text.gauge("blocking", "Whether the model blocks the merge.", each(|it| flag(it.blocking)));
    text.gauge("pairs", "Pairs that were judged.", each(|it| it.pairs.to_string()));
    text.gauge(
        "images_bought",
        "Images that this run paid for, both sides.",
        each(|it| it.images_bought.to_string()),
    );
    text.gauge_in(
        "spent",
        "usd",
        "What this run paid for, both sides, in US dollars.",
        each(|it| dollars(it.spent_usd)),
    );
}

/// What is said of each side of a model.
fn of_sides(text: &mut Exposition, judged: &[Judged<'_>]) {
    text.gauge_in(
        "failure",
        "ratio",
        "The share of samples that failed, over pairs in which both sides answered.",
        each_side(judged, |one, side| {
            let rate = one.failure_rate(side).and_then(|rate| number(rate.share()));
            vec![(None, rate)]
        }),
    );
    text.gauge(
        "outcomes",
        "Samples by how they ended.",
        each_side(judged, |one, side| {
            let counts = one.verdict.outcomes.get(side);
            let count = |outcome: Outcome| {
                (Some(("outcome", outcome.word())), Some(counts.of(outcome).to_string()))
            };
            Outcome::ALL.map(count).into()
        }),
    );
    text.gauge(
        "check_failures",
        "Failures by check, or by what no check judges: refusals and broken answers.",
        each_side(judged, |one, side| {
            let checks = one.verdict.checks.iter();
            let of = checks.map(|it| (it.check.as_str(), it.failed.get(side).to_string()));
            of.map(|(check, failed)| (Some(("check", check)), Some(failed))).collect()
        }),
    );
    text.gauge_in(
        "cost_per_1k",
        "usd",
        "What a thousand images cost, in US dollars.",
        each_side(judged, |one, side| {
            let cost = one.verdict.cost.get(side).as_ref();
            vec![(None, cost.and_then(|cost| cost.per_1k_usd).map(dollars))]
        }),
    );
    text.gauge_in(
        "effective_cost_per_1k",
        "usd",
        "What a thousand images that passed cost, in US dollars.",
        each_side(judged, |one, side| {
            let cost = one.verdict.cost.get(side).as_ref();
            vec![(None, cost.and_then(|cost| cost.effective_per_1k_usd).map(dollars))]
        }),
    );
    text.gauge_in(
        "latency",
        "seconds",
        "How long an image took, over pairs in which both sides answered.",
        each_side(judged, |one, side| match one.verdict.latency.get(side) {
            Some(latency) => [("0.5", latency.p50_s), ("0.95", latency.p95_s)]
                .map(|(quantile, time)| (Some(("quantile", quantile)), number(time)))
                .into(),
            None => Vec::new(),
        }),
    );
    text.gauge(
        "from_store",
        "Samples that came from the store instead of being bought.",
        each_side(judged, |one, side| {
            vec![(None, Some(one.verdict.from_store.get(side).to_string()))]
        }),
    );
}

/// A label, where there is one.
type Label<'a> = Option<(&'static str, &'a str)>;

/// One line to be: its labels, and its value where it is known.
struct Series<'a> {
    labels: Vec<(&'static str, &'a str)>,
    value: Option<String>,
}

fn series<'a>(
    labels: impl IntoIterator<Item = (&'static str, &'a str)>,
    value: String,
) -> Series<'a> {
    Series { labels: labels.into_iter().collect(), value: Some(value) }
}

/// The series of every side that exists, each with the labels of its model and one more.
fn each_side<'a>(
    judged: &'a [Judged<'a>],
    values: impl Fn(&'a Judged<'a>, Side) -> Vec<(Label<'a>, Option<String>)>,
) -> Vec<Series<'a>> {
    let mut all = Vec::new();
    for one in judged {
        for side in Side::BOTH {
            let Some(model) = one.model(side) else { continue };
            let labels = [
                ("subject", one.verdict.name.as_str()),
                ("side", side.word()),
                ("provider", model.provider.as_str()),
                ("model", model.model.as_str()),
            ];
            all.extend(values(one, side).into_iter().map(|(label, value)| Series {
                labels: labels.into_iter().chain(label).collect(),
                value,
            }));
        }
    }
    all
}

fn flag(is: bool) -> String {
    if is { "1" } else { "0" }.to_owned()
}

/// An exact amount: no float comes near it.
fn dollars(amount: Usd) -> String {
    amount.as_decimal().normalize().to_string()
}

/// A float as a plain decimal, which Rust writes without an exponent; nothing where it is none.
fn number(value: f64) -> Option<String> {
    value.is_finite().then(|| value.to_string())
}

/// The text so far.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    /// A gauge of counts, or of 1 and 0.
    fn gauge<'a>(&mut self, stem: &str, help: &str, series: impl IntoIterator<Item = Series<'a>>) {
        self.family(&format!("presscheck_{stem}"), None, help, series);
    }

    /// A gauge in a unit, which ends its name.
    fn gauge_in<'a>(
        &mut self,
        stem: &str,
        unit: &str,
        help: &str,
        series: impl IntoIterator<Item = Series<'a>>,
    ) {
        self.family(&format!("presscheck_{stem}_{unit}"), Some(unit), help, series);
    }

    /// A metric with all its series; nothing at all where no value is known.
    fn family<'a>(
        &mut self,
        name: &str,
        unit: Option<&str>,
        help: &str,
        series: impl IntoIterator<Item = Series<'a>>,
    ) {
        // Long names that are cut may become the same; a second line with the same labels would spoil the whole file.
        let mut seen = BTreeSet::new();
        let mut lines = String::new();
        for Series { labels, value } in series {
            let Some(value) = value else { continue };
            let labels: Vec<_> = labels
                .into_iter()
                .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
                .collect();
            let labels = match labels.as_slice() {
                [] => String::new(),
                labels => format!("{{{}}}", labels.join(",")),
            };
            if !seen.contains(&labels) {
                // Writing to a string can't fail, here and below.
                let _ = writeln!(lines, "{name}{labels} {value}");
                seen.insert(labels);
            }
        }
        if lines.is_empty() {
            return;
        }
        let _ = writeln!(self.0, "# TYPE {name} gauge");
        if let Some(unit) = unit {
            let _ = writeln!(self.0, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP {name} {help}");
        self.0.push_str(&lines);
    }

    fn finish(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

/// Text from outside as a label's value: what hides is shown, what is too long is cut, and the three characters that the
/// format escapes are escaped.
fn escaped(text: &str) -> String {
    let mut value = String::new();
    for (count, c) in inert::visible(text).chars().enumerate() {
        if count >= MAX_LABEL {
            value.push('…');
            break;
        }
        match c {
            '\\' => value.push_str(r"\\"),
            '"' => value.push_str("\\\""),
            '\n' => value.push_str(r"\n"),
            c => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests;
