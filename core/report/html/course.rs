//! One figure of a model from verdict to verdict, as a drawing.

use super::pareto::{Scale, Tick, percent, round_dollars};
use super::view::line;
use crate::gate::{BySide, Decision};
use crate::report::history::{change, day};
use crate::report::{SubjectRecord, VerdictRecord, words};
use crate::units::Usd;

/// The width and the height of the plane in which lines are drawn. The page stretches it.
const PLANE: f64 = 1000.0;
/// The most verdicts of a drawing, the newest.
const MOST: usize = 120;
/// How much of a wide drawing's width the name of a model takes at most, in percent.
const LABEL: f64 = 22.0;
/// Right of this place a label stands left of its line.
const ROOM: f64 = 70.0;

/// A verdict on a model, and the record that has it.
pub(super) type Point<'a> = (&'a VerdictRecord, &'a SubjectRecord);

/// The drawing, ready for the template. Places are percentages of its width and height.
pub(super) struct Course {
    pub(super) id: String,
    pub(super) heading: &'static str,
    /// What it shows, in words.
    pub(super) text: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) dates: Vec<DateTick>,
    /// Where the baseline's model is another than before.
    pub(super) models: Vec<ModelTick>,
    /// The baseline's figures, and the candidates'.
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    pub(super) whiskers: Vec<Whisker>,
    pub(super) marks: Vec<Mark>,
}

/// A day on the axis.
pub(super) struct DateTick {
    pub(super) at: String,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

/// Where another model took over.
pub(super) struct ModelTick {
    pub(super) at: String,
    /// Nothing where it would cover another.
    pub(super) label: Option<String>,
    pub(super) anchor: &'static str,
    /// How far the label stands from the line, in pixels.
    pub(super) aside: &'static str,
}

/// An interval.
pub(super) struct Whisker {
    pub(super) class: &'static str,
    pub(super) at: String,
    pub(super) top: String,
    pub(super) bottom: String,
}

/// A candidate's figure: its shape is that of its verdict.
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) at: String,
    pub(super) top: String,
    /// Whether somebody accepted the verdict.
    pub(super) accepted: bool,
    /// What a pointer shows.
    pub(super) title: String,
}

/// What is drawn.
struct Figure {
    name: &'static str,
    heading: &'static str,
    value: fn(&SubjectRecord) -> BySide<Option<f64>>,
    /// An interval of the candidate's.
    interval: fn(&SubjectRecord) -> Option<[f64; 2]>,
    /// Whether its drawing is wide enough to name models in.
    wide: bool,
    tick: fn(f64) -> String,
    word: fn(f64) -> String,
}

const FIGURES: [Figure; 3] = [
    Figure {
        name: "failures",
        heading: "Failure rate",
        value: |it| it.failures.map(|share| share.and_then(|share| share.rate())),
        interval: |it| it.failures.candidate.and_then(|share| share.interval()),
        wide: true,
        tick: words::plain_percent,
        word: words::percent,
    },
    Figure {
        name: "cost",
        heading: "Cost per 1k images",
        value: |it| it.cost_per_1k_usd.map(|cost| cost.map(Usd::as_f64)),
        interval: |_| None,
        wide: false,
        tick: round_dollars,
        word: words::dollars,
    },
    Figure {
        name: "latency",
        heading: "Latency p95",
        value: |it| it.latency.map(|times| times.map(|it| it.p95_s)),
        interval: |_| None,
        wide: false,
        tick: round_seconds,
        word: words::seconds,
    },
];

/// Seconds for an axis: `2.5 s`.
fn round_seconds(time: f64) -> String {
    let text = format!("{time:.2}");
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The class of a verdict: a colour, and the shape of its mark.
pub(super) const fn class(subject: &SubjectRecord) -> &'static str {
    match (subject.verdict, subject.is_unproven()) {
        (Decision::Pass, false) => "pass",
        (Decision::Fail, false) => "fail",
        _ => "warn",
    }
}

/// The drawings of a model's verdicts, oldest first; those of which nothing is known are left out.
pub(super) fn courses(points: &[Point<'_>], anchor: &str) -> Vec<Course> {
    let newest = points.get(points.len().saturating_sub(MOST)..).unwrap_or(points);
    FIGURES.iter().filter_map(|figure| course(figure, newest, anchor)).collect()
}

fn course(figure: &Figure, points: &[Point<'_>], anchor: &str) -> Option<Course> {
    let values: Vec<_> = points.iter().map(|(_, subject)| (figure.value)(subject)).collect();
    if points.len() < 2 || values.iter().all(|value| value.candidate.is_none()) {
        return None;
    }
    let sides = values.iter().flat_map(|value| [value.baseline, value.candidate]).flatten();
    let ends = points.iter().filter_map(|(_, subject)| (figure.interval)(subject));
    let highest = sides.clone().fold(0.0, f64::max);
    // An interval of few pairs reaches far: it would press everything else to the bottom.
    let top = ends.map(|[_, high]| high).fold(highest, f64::max).min(highest.max(0.01) * 2.0);
    let scale = Scale::of(top);
    let down = |value: f64| 100.0 - scale.at(value);
    let across = Across { count: points.len() };
    let mut whiskers = Vec::new();
    let mut marks = Vec::new();
    for (index, ((record, subject), value)) in points.iter().zip(&values).enumerate() {
        let Some(value) = value.candidate else { continue };
        let (class, at) = (class(subject), percent(across.at(index)));
        if let Some([low, high]) = (figure.interval)(subject) {
            let (top, bottom) = (percent(down(high)), percent(down(low)));
            whiskers.push(Whisker { class, at: at.clone(), top, bottom });
        }
        marks.push(Mark {
            class,
            at,
            top: percent(down(value)),
            accepted: record.overridden.is_some(),
            title: in_words(figure, (record, subject), value),
        });
    }
    let path = |side: fn(&BySide<Option<f64>>) -> Option<f64>| {
        let places = values.iter().enumerate().map(|(index, value)| {
            let place = |value| (across.at(index) * PLANE / 100.0, down(value) * PLANE / 100.0);
            side(value).map(place)
        });
        lines(places)
    };
    Some(Course {
        id: format!("{anchor}-{}", figure.name),
        heading: figure.heading,
        text: summary(figure, points, &values),
        ticks: scale.ticks(figure.tick, |at| 100.0 - at),
        dates: dates(points, across),
        models: models(points, across, figure.wide),
        before: path(|value| value.baseline),
        after: path(|value| value.candidate),
        whiskers,
        marks,
    })
}

/// Verdicts stand side by side at even distances: by their times, some would cover each other.
#[derive(Clone, Copy)]
struct Across {
    count: usize,
}

impl Across {
    #[expect(clippy::cast_precision_loss, reason = "at most a hundred or so")]
    fn at(self, index: usize) -> f64 {
        100.0 * (index as f64 + 0.5) / self.count.max(1) as f64
    }
}

/// A line through what is known, broken where something is not.
fn lines(places: impl Iterator<Item = Option<(f64, f64)>>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut points: Vec<String> = Vec::new();
    for place in places.chain([None]) {
        match place {
            Some((x, y)) => points.push(format!("{x:.1},{y:.1}")),
            None => {
                if points.len() > 1 {
                    lines.push(points.join(" "));
                }
                points.clear();
            }
        }
    }
    lines
}

/// The first and the last day, and one between where there is room.
fn dates(points: &[Point<'_>], across: Across) -> Vec<DateTick> {
    let last = points.len().saturating_sub(1);
    let mut places = vec![0, last];
    if last >= 6 {
        places.insert(1, last / 2);
    }
    let mut ticks: Vec<DateTick> = Vec::new();
    for index in places {
        let Some((record, _)) = points.get(index) else { continue };
        let label = day(record.at_ms);
        if ticks.iter().any(|tick| tick.label == label) {
            continue;
        }
        let at = across.at(index);
        let anchor = match at {
            ..20.0 => "start",
            80.0.. => "end",
            _ => "middle",
        };
        ticks.push(DateTick { at: percent(at), label, anchor });
    }
    ticks
}

/// Where the baseline is another model than at the verdict before; named where one name covers no other.
fn models(points: &[Point<'_>], across: Across, wide: bool) -> Vec<ModelTick> {
    let mut ticks = Vec::new();
    let mut taken = f64::NEG_INFINITY;
    for (index, pair) in points.windows(2).enumerate() {
        let [(_, before), (_, after)] = pair else { continue };
        let (Some(old), Some(new)) = (&before.baseline, &after.baseline) else { continue };
        if old.model == new.model {
            continue;
        }
        // Between the two.
        let at = (across.at(index) + across.at(index + 1)) / 2.0;
        let left = at > ROOM;
        let (start, end) = if left { (at - LABEL, at) } else { (at, at + LABEL) };
        let room = wide && start >= taken;
        if room {
            taken = end;
        }
        ticks.push(ModelTick {
            at: percent(at),
            label: room.then(|| line(&new.model, 28)),
            anchor: if left { "end" } else { "start" },
            aside: if left { "-5" } else { "5" },
        });
    }
    ticks
}

/// `2026-10-02, #14: FAIL, 6.1% [3.3%, 10.3%]; accepted`.
fn in_words(figure: &Figure, (record, subject): Point<'_>, value: f64) -> String {
    let interval = (figure.interval)(subject).map_or_else(String::new, |[low, high]| {
        format!(" [{}, {}]", (figure.word)(low), (figure.word)(high))
    });
    let accepted = if record.overridden.is_some() { "; accepted all the same" } else { "" };
    format!(
        "{}, {}: {}, {}{interval}{accepted}",
        day(record.at_ms),
        line(&change(record), 40),
        crate::report::history::word(subject),
        (figure.word)(value)
    )
}

/// What the drawing shows.
fn summary(figure: &Figure, points: &[Point<'_>], values: &[BySide<Option<f64>>]) -> String {
    let known: Vec<_> = points
        .iter()
        .zip(values)
        .filter_map(|((record, _), value)| Some((day(record.at_ms), value.candidate?)))
        .collect();
    let word = |value: f64| (figure.word)(value);
    let (Some((from, first)), Some((to, last))) = (known.first(), known.last()) else {
        return String::new();
    };
    let lowest = known.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let highest = known.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    format!(
        "{} of the candidates in {}: {} on {from}, {} on {to}; between {} and {}.",
        figure.heading,
        words::count(known.len() as u64, "verdict", "verdicts"),
        word(*first),
        word(*last),
        word(lowest),
        word(highest)
    )
}
