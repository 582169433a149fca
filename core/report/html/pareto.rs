//! Failure rate against effective cost, a mark for each model: the front and what it leaves behind.

use super::view::line;
use crate::compare::{Comparison, ModelFigures};
use crate::report::words;

/// The plane in which lines are drawn; the page stretches it.
const PLANE: f64 = 1000.0;
/// The height of the drawing on the page, in pixels, as `compare.css` has it.
const HEIGHT: f64 = 360.0;
/// Labels that are nearer to each other than this, in pixels, would cover each other.
const APART: f64 = 17.0;
/// Marks right of this place have their labels at the left.
const ROOM: f64 = 72.0;
/// The fewest and the most lines of a grid.
const GRID: (f64, f64) = (3.0, 6.0);

/// The drawing, ready for the template. Places are percentages of its width and height.
pub(super) struct Pareto {
    /// What it shows, in words.
    pub(super) text: String,
    pub(super) costs: Vec<Tick>,
    pub(super) rates: Vec<Tick>,
    /// The front as a line through the plane; empty where it is one model.
    pub(super) front: String,
    pub(super) marks: Vec<Mark>,
    /// Models that can't be placed, and why.
    pub(super) absent: Option<String>,
}

/// A place on an axis, with its label.
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

/// A model.
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) name: String,
    pub(super) x: String,
    pub(super) y: String,
    /// The ends of its intervals.
    pub(super) left: String,
    pub(super) right: String,
    pub(super) top: String,
    pub(super) bottom: String,
    /// How far the label stands from the mark, in pixels.
    pub(super) aside: &'static str,
    pub(super) shift: String,
    pub(super) anchor: &'static str,
}

/// A model with its figures.
struct Spot<'a> {
    model: &'a ModelFigures,
    cost: f64,
    costs: (f64, Option<f64>),
    rate: f64,
    rates: [f64; 2],
}

impl<'a> Spot<'a> {
    fn of(model: &'a ModelFigures) -> Option<Self> {
        let failures = model.failures?;
        let cost = model.cost.as_ref()?.effective_per_1k_usd?.as_f64();
        Some(Self {
            model,
            cost,
            costs: model.effective_interval_usd.unwrap_or((cost, Some(cost))),
            rate: failures.rate,
            rates: failures.interval,
        })
    }

    const fn on_front(&self) -> bool {
        matches!(self.model.on_front, Some(true))
    }
}

/// The drawing; nothing where no two models can be placed.
pub(super) fn pareto(comparison: &Comparison) -> Option<Pareto> {
    let spots: Vec<_> = comparison.finished().filter_map(Spot::of).collect();
    if spots.len() < 2 {
        return None;
    }
    let highest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let costs = highest(&mut spots.iter().map(|spot| spot.cost));
    // An upper end that is far away would press everything else to the edge.
    let ends = highest(&mut spots.iter().filter_map(|spot| spot.costs.1)).min(costs * 1.6);
    let rates = highest(&mut spots.iter().map(|spot| spot.rates[1]));
    let (x, y) = (Scale::of(costs.max(ends)), Scale::of(rates));
    let absent: Vec<_> = comparison
        .finished()
        .filter(|model| Spot::of(model).is_none())
        .map(|model| line(&model.name, 60))
        .collect();
    Some(Pareto {
        text: in_words(&spots),
        costs: x.ticks(round_dollars, |at| at),
        rates: y.ticks(words::plain_percent, |at| 100.0 - at),
        front: front(&spots, &x, &y),
        marks: marks(&spots, &x, &y),
        absent: (!absent.is_empty())
            .then(|| format!("Not drawn, for no image passed: {}.", absent.join(", "))),
    })
}

/// From nought to a round number.
pub(super) struct Scale {
    step: f64,
    top: f64,
}

impl Scale {
    /// The least scale of 1, 2 or 5 times a power of ten that holds a value with a few lines.
    pub(super) fn of(value: f64) -> Self {
        let value = if value.is_finite() && value > 0.0 { value } else { 1.0 };
        let power = 10.0_f64.powf((value / GRID.1).log10().floor());
        let fits = |step: &f64| value / step <= GRID.1;
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(fits);
        let step = step.unwrap_or(value);
        let lines = (value / step).ceil().max(1.0);
        Self { step, top: step * lines }
    }

    /// The place of a value, in percent from nought.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = 100.0 * value / self.top;
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 100.0) }
    }

    pub(super) fn ticks(
        &self,
        label: impl Fn(f64) -> String,
        place: impl Fn(f64) -> f64,
    ) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let mut value = 0.0;
        while value <= self.top + self.step / 2.0 {
            ticks.push(Tick { at: percent(place(self.at(value))), label: label(value) });
            value += self.step;
        }
        ticks
    }
}

/// Dollars without cents where there are none.
pub(super) fn round_dollars(amount: f64) -> String {
    let text = words::dollars(amount);
    text.strip_suffix(".00").map_or_else(|| text.clone(), str::to_owned)
}

/// A percentage for an attribute.
pub(super) fn percent(number: f64) -> String {
    format!("{number:.2}")
}

/// From the top of the drawing: no failures stand at the bottom.
fn down(scale: &Scale, rate: f64) -> f64 {
    100.0 - scale.at(rate)
}

/// Steps from each model of the front to the next cheaper one.
fn front(spots: &[Spot<'_>], x: &Scale, y: &Scale) -> String {
    let mut front: Vec<_> = spots.iter().filter(|spot| spot.on_front()).collect();
    front.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let place = |cost: f64, rate: f64| {
        format!("{:.1},{:.1}", x.at(cost) * PLANE / 100.0, down(y, rate) * PLANE / 100.0)
    };
    let mut points = Vec::new();
    let mut before: Option<&Spot<'_>> = None;
    for spot in front {
        points.extend(before.map(|before| place(spot.cost, before.rate)));
        points.push(place(spot.cost, spot.rate));
        before = Some(spot);
    }
    if points.len() < 2 { String::new() } else { points.join(" ") }
}

fn marks(spots: &[Spot<'_>], x: &Scale, y: &Scale) -> Vec<Mark> {
    let mut order: Vec<_> = spots.iter().collect();
    order.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    let mut taken: Vec<f64> = Vec::new();
    let mut marks = Vec::new();
    for spot in order {
        let (across, from_top) = (x.at(spot.cost), down(y, spot.rate));
        let near_right = across > ROOM;
        // Labels keep out of each other's way by going down.
        let own = from_top * HEIGHT / 100.0 - 11.0;
        let below = taken.iter().map(|place| place + APART).filter(|place| *place > own);
        let clear = |place: f64| taken.iter().all(|other| (other - place).abs() >= APART);
        let label = if clear(own) {
            own
        } else {
            below.filter(|place| clear(*place)).fold(f64::INFINITY, f64::min)
        };
        let label = if label.is_finite() { label } else { own };
        taken.push(label);
        marks.push(Mark {
            class: if spot.on_front() { "front" } else { "behind" },
            name: line(&spot.model.name, 40),
            x: percent(across),
            y: percent(from_top),
            left: percent(x.at(spot.costs.0)),
            right: percent(spot.costs.1.map_or(100.0, |end| x.at(end))),
            top: percent(down(y, spot.rates[1])),
            bottom: percent(down(y, spot.rates[0])),
            aside: if near_right { "-10" } else { "10" },
            shift: format!("{:.0}", label - from_top * HEIGHT / 100.0 + 4.0),
            anchor: if near_right { "end" } else { "start" },
        });
    }
    marks
}

/// What the drawing shows.
fn in_words(spots: &[Spot<'_>]) -> String {
    let one = |spot: &Spot<'_>| {
        let place = if spot.on_front() { "on the front" } else { "dominated" };
        format!(
            "{} fails {} at {} per 1k good images, {place}",
            line(&spot.model.name, 60),
            words::percent(spot.rate),
            words::dollars(spot.cost)
        )
    };
    let all: Vec<_> = spots.iter().map(one).collect();
    format!("{}.", all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_scale_holds_its_value_with_few_lines(value in 1e-6..1e9) {
            let scale = Scale::of(value);
            let ticks = scale.ticks(|value| value.to_string(), |at| at);
            prop_assert!(scale.top >= value * 0.999_999);
            prop_assert!(ticks.len() >= 2 && ticks.len() <= 8, "{} lines", ticks.len());
            prop_assert!(scale.at(value) > 100.0 / (GRID.0 + 1.0));
        }
    }

    #[test]
    fn odd_values_have_a_scale() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Scale::of(value).ticks(|value| value.to_string(), |at| at).len() >= 2);
        }
    }
}
