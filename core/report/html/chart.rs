//! The evidence over the pairs, as a drawing with its explanation.

use super::view::line;
use crate::gate::{
    EvidenceCurve, EvidencePoint, LimitOutcome, LimitResult, Stopped, SubjectVerdict,
};
use crate::report::words;

/// The width and the height of the plane in which the lines are drawn. The page stretches it, and the
/// strokes keep their widths.
const PLANE: (f64, f64) = (1000.0, 1000.0);
/// Evidence below this is drawn at the bottom: it decides nothing any more.
const FLOOR: f64 = 0.01;
/// How far the plane reaches over the higher boundary.
const HEADROOM: f64 = 4.0;
/// Where the lines end before this place, there is room for labels beside them, even on narrow pages, on
/// which the drawing is 300 pixels wide.
const ROOM: f64 = 45.0;
/// Where less of the whole draw was judged than this, the axis ends soon after what was judged.
const LEAST_SHARE: f64 = 0.2;

/// The drawing, ready for the template. Places are percentages of its width and height.
pub(super) struct Chart {
    pub(super) heading: String,
    pub(super) id: String,
    pub(super) title: String,
    /// What the drawing shows, in words.
    pub(super) text: String,
    /// How to read it, for people who never saw one.
    pub(super) explained: String,
    /// The highest first.
    pub(super) boundaries: Vec<Boundary>,
    /// Where their labels stand: on the side where the lines are not.
    pub(super) label_at: &'static str,
    pub(super) label_aside: &'static str,
    pub(super) label_anchor: &'static str,
    pub(super) one: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) lines: Vec<Path>,
    /// Where buying stopped.
    pub(super) stop: Mark,
    /// The pairs after it, where there is room to name them.
    pub(super) rest: Option<Rest>,
    pub(super) last: Tick,
}

/// A value of evidence that proves something.
pub(super) struct Boundary {
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) at: String,
    /// How far the label stands from the line, in pixels; over the line where negative.
    pub(super) shift: &'static str,
}

/// A line through the plane.
pub(super) struct Path {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    /// `0,500 12.5,480.1 …`
    pub(super) points: String,
    pub(super) end: String,
    /// How far its name stands from its end, in pixels.
    pub(super) shift: &'static str,
}

/// A place on an axis, with its label.
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

/// Where buying stopped.
pub(super) struct Mark {
    pub(super) at: String,
    pub(super) label: String,
    /// Which end of a text stands at the mark, so that it stays on the page.
    pub(super) anchor: &'static str,
    /// The same for names of lines, which stand beside the mark.
    pub(super) beside: &'static str,
    pub(super) aside: &'static str,
}

/// The pairs that were not judged.
pub(super) struct Rest {
    pub(super) at: String,
    pub(super) width: String,
    pub(super) middle: String,
    /// Between two lines of the grid.
    pub(super) height: String,
    pub(super) label: Option<String>,
}

/// The drawing of a subject's evidence; nothing where there is too little to draw.
pub(super) fn chart(verdict: &SubjectVerdict, anchor: &str) -> Option<Chart> {
    let curve = verdict.evidence.as_ref()?;
    let limit = verdict.limits.iter().find(|limit| limit.name == curve.limit);
    let scale = Scale::of(curve, verdict.planned)?;
    let stop = scale.last;
    let at = scale.x(stop);
    let near_right = at > 80.0;
    let planned = verdict.planned.max(stop);
    let left = planned - stop;
    let early = verdict.stopped == Stopped::Decided && verdict.proven;
    let without = if early { "not needed" } else { "not judged" };
    let (label_at, label_aside, label_anchor) =
        if at < ROOM { ("100", "-4", "end") } else { ("0", "6", "start") };
    Some(Chart {
        heading: format!("Evidence on the {}", what(&curve.limit, limit)),
        id: anchor.to_owned(),
        title: format!(
            "Evidence that the limit on the {} is kept, and that it is broken, over {}",
            what(&curve.limit, limit),
            words::count(stop, "pair", "pairs")
        ),
        text: in_words(verdict, curve, limit, stop),
        explained: explained(curve),
        boundaries: boundaries(curve, &scale),
        label_at,
        label_aside,
        label_anchor,
        one: percent(scale.y(1.0)),
        ticks: ticks(&scale),
        lines: paths(curve, &scale, near_right),
        stop: Mark {
            at: percent(at),
            label: words::count(stop, "pair", "pairs"),
            anchor: anchor_at(at),
            beside: if near_right { "end" } else { "start" },
            aside: if near_right { "-9" } else { "9" },
        },
        rest: (left > 0 && at < 99.0).then(|| Rest {
            at: percent(at),
            width: percent(100.0 - at),
            middle: percent((100.0 + at) / 2.0),
            height: percent(scale.y(0.32)),
            label: (at < 62.0).then(|| format!("{} {without}", words::thousands(left))),
        }),
        last: Tick {
            at: "100".to_owned(),
            label: match words::thousands(planned) {
                _ if scale.end < verdict.planned || at > 82.0 => String::new(),
                planned if at > 55.0 => planned,
                planned => format!("{planned} planned"),
            },
        },
    })
}

/// `failure rate (at most +2 pts)`, with the tag where there is one.
fn what(name: &str, limit: Option<&LimitResult>) -> String {
    let (measure, tag) = words::measure(name);
    let of = tag.map_or_else(String::new, |tag| format!(" of {}", line(tag, 60)));
    let most = limit
        .map_or_else(String::new, |limit| format!(" (at most {} allowed)", words::allowed(limit)));
    format!("{measure}{of}{most}")
}

/// A percentage for an attribute.
fn percent(number: f64) -> String {
    format!("{number:.2}")
}

/// Which end of a text stands at a place, so that it stays within the drawing.
const fn anchor_at(percent: f64) -> &'static str {
    if percent > 80.0 {
        "end"
    } else if percent < 12.0 {
        "start"
    } else {
        "middle"
    }
}

/// From pairs and evidence to places.
struct Scale {
    /// The pairs at the right edge.
    end: u64,
    /// The pairs at which the lines end.
    last: u64,
    bottom: f64,
    top: f64,
}

impl Scale {
    fn of(curve: &EvidenceCurve, planned: u64) -> Option<Self> {
        let proof = |value: f64| value.is_finite() && value > 1.0;
        let last = curve.points.last()?.pairs;
        if !proof(curve.pass_at) || !proof(curve.fail_at) || last == 0 {
            return None;
        }
        let least = curve
            .points
            .iter()
            .flat_map(|point| [point.pass, point.fail])
            .filter(|value| value.is_finite())
            .fold(0.3, f64::min);
        let whole = planned.max(last);
        let end = if float(last) >= LEAST_SHARE * float(whole) {
            whole
        } else {
            // So that a proof after a few pairs is more than a stroke at the edge.
            last.saturating_add(last / 2).max(last.saturating_add(1)).min(whole)
        };
        Some(Self {
            end,
            last,
            bottom: (least.max(FLOOR) / 2.0).ln(),
            top: (curve.pass_at.max(curve.fail_at) * HEADROOM).ln(),
        })
    }

    /// The place of a number of pairs, from the left.
    fn x(&self, pairs: u64) -> f64 {
        (100.0 * float(pairs) / float(self.end.max(1))).min(100.0)
    }

    /// The place of evidence, from the top: logarithmic, and cut at the edges.
    fn y(&self, evidence: f64) -> f64 {
        let ln = if evidence > 0.0 { evidence.ln() } else { f64::NEG_INFINITY };
        let share = (self.top - ln) / (self.top - self.bottom);
        if share.is_nan() { 100.0 } else { (100.0 * share).clamp(0.0, 100.0) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of pairs are far below 2^52")]
const fn float(count: u64) -> f64 {
    count as f64
}

fn boundaries(curve: &EvidenceCurve, scale: &Scale) -> Vec<Boundary> {
    let label = |how, at| format!("proven {how} at {}", boundary_number(at));
    let boundary = |class, how, value, shift| Boundary {
        class,
        label: label(how, value),
        at: percent(scale.y(value)),
        shift,
    };
    // The label of the higher one stands over its line, that of the other below, so that they never meet.
    let (over, below) = ("-7", "17");
    let (kept, broken) = if curve.pass_at > curve.fail_at { (over, below) } else { (below, over) };
    let kept = boundary("kept", "kept", curve.pass_at, kept);
    let broken = boundary("broken", "broken", curve.fail_at, broken);
    vec![broken, kept]
}

/// Powers of ten, without those that would stand in each other's way.
fn ticks(scale: &Scale) -> Vec<Tick> {
    [(0.01, "1/100"), (0.1, "1/10"), (1.0, "1"), (10.0, "10"), (100.0, "100"), (1_000.0, "1,000")]
        .into_iter()
        .filter(|(value, _)| (scale.bottom..=scale.top).contains(&f64::ln(*value)))
        .map(|(value, label)| Tick { at: percent(scale.y(value)), label: label.to_owned() })
        .collect()
}

fn paths(curve: &EvidenceCurve, scale: &Scale, near_right: bool) -> Vec<Path> {
    let path = |class, name, pick: fn(&EvidencePoint) -> f64| {
        let place = |pairs, value| {
            let (width, height) = PLANE;
            format!("{:.1},{:.1}", scale.x(pairs) * width / 100.0, scale.y(value) * height / 100.0)
        };
        let mut points = Vec::with_capacity(curve.points.len() + 1);
        if curve.points.first().is_some_and(|point| point.pairs > 0) {
            points.push(place(0, 1.0));
        }
        points.extend(curve.points.iter().map(|point| place(point.pairs, pick(point))));
        let end = curve.points.last().map_or(1.0, pick);
        (Path { class, name, points: points.join(" "), end: percent(scale.y(end)), shift: "" }, end)
    };
    let (mut kept, pass) = path("kept", "kept", |point| point.pass);
    let (mut broken, fail) = path("broken", "broken", |point| point.fail);
    // The higher line's name stands a little over its end and the lower one's below, for they may meet;
    // at the right edge they stand over and below the lines themselves.
    let (over, below) = if near_right { ("-10", "20") } else { ("-8", "15") };
    (kept.shift, broken.shift) = if pass >= fail { (over, below) } else { (below, over) };
    for (path, value) in [(&mut kept, pass), (&mut broken, fail)] {
        // Over the top is the heading, and under the bottom are the numbers of the axis.
        match scale.y(value) {
            ..5.0 => path.shift = "15",
            88.0.. => path.shift = "-9",
            _ => {}
        }
    }
    vec![broken, kept]
}

/// Evidence in few digits: `34`, `2.5`, `0.08`, `over 1,000`.
fn evidence(value: f64) -> String {
    if value.is_nan() || value < 0.005 {
        "under 0.01".to_owned()
    } else if value >= 999.5 {
        "over 1,000".to_owned()
    } else if value >= 9.95 || (value.fract() == 0.0 && value >= 1.0) {
        format!("{value:.0}")
    } else if value >= 0.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A boundary: `20`, `66.7`, `1,000`.
fn boundary_number(value: f64) -> String {
    let value = value.min(1e12);
    if value < 100.0 && value.fract().abs() > 0.05 {
        return format!("{value:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a boundary lies over 1, and is cut above"
    )]
    words::thousands(value.round() as u64)
}

/// After how many pairs a line first reached its boundary.
fn reached(curve: &EvidenceCurve, pick: fn(&EvidencePoint) -> f64, boundary: f64) -> Option<u64> {
    curve.points.iter().find(|point| pick(point) >= boundary).map(|point| point.pairs)
}

/// What the drawing shows.
fn in_words(
    verdict: &SubjectVerdict,
    curve: &EvidenceCurve,
    limit: Option<&LimitResult>,
    stop: u64,
) -> String {
    let last = curve.points.last();
    let side = |subject: &str, how: &str, pick: fn(&EvidencePoint) -> f64, boundary: f64| {
        let value = last.map_or(1.0, pick);
        match reached(curve, pick, boundary) {
            Some(pairs) => format!(
                "The evidence that {subject} is {how} reached {}, which proves it, after {}",
                boundary_number(boundary),
                words::count(pairs, "pair", "pairs")
            ),
            None => format!(
                "The evidence that {subject} is {how} stands at {}, of {} that would prove it",
                evidence(value),
                boundary_number(boundary)
            ),
        }
    };
    let kept = reached(curve, |point| point.pass, curve.pass_at).is_some();
    let broken = reached(curve, |point| point.fail, curve.fail_at).is_some();
    let pass =
        |subject: &str| side(subject, "kept", |point: &EvidencePoint| point.pass, curve.pass_at);
    let fail =
        |subject: &str| side(subject, "broken", |point: &EvidencePoint| point.fail, curve.fail_at);
    // What proves something comes first, else what came further.
    let further = last.is_some_and(|point| point.fail > point.pass);
    let fail_first = if kept || broken { !kept } else { further };
    let [first, second] =
        if fail_first { [fail("the limit"), pass("it")] } else { [pass("the limit"), fail("it")] };
    let mut text = format!("{first}. {second}.");
    let settled = limit
        .is_some_and(|limit| matches!(limit.outcome, LimitOutcome::Pass | LimitOutcome::Fail))
        && verdict.proven;
    if settled && !kept && !broken {
        let pairs = words::thousands(stop);
        text.push_str(&match (verdict.claim.as_str(), stop >= verdict.planned) {
            ("suite", true) => {
                format!(" Neither did: all {pairs} pairs were there, and counting decided.")
            }
            ("suite", false) => {
                " Neither did: no result of what was left could change the count.".to_owned()
            }
            _ => format!(" Neither did: the exact test over the {pairs} pairs decided."),
        });
    }
    text
}

/// How to read the drawing.
fn explained(curve: &EvidenceCurve) -> String {
    let [kept, broken] = [curve.pass_at, curve.fail_at].map(boundary_number);
    format!(
        "Each line is the evidence for one answer, pair by pair. It starts at 1, which is none; a step up of \
         the scale is ten times as much. Were the limit in truth broken, the line “kept” would reach {kept} in \
         at most 1 of {kept} cases, however often one looks; were it kept, the line “broken” would reach \
         {broken} in at most 1 of {broken}."
    )
}

#[cfg(test)]
mod tests;
