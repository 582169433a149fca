//! The orders in which the lines of a picture may be meant to be read.

use super::geometry::TurnedRect;

/// What is needed of a line: left, top, right, bottom.
type Extent = [f32; 4];

/// Orders of lines by number, each once: rows, columns, and what detectors take for order.
pub(super) fn orders(places: &[TurnedRect]) -> Vec<Vec<usize>> {
    let extents: Vec<Extent> = places.iter().map(TurnedRect::extent).collect();
    let mut all: Vec<Vec<usize>> = Vec::new();
    let found = [
        rows(&extents, |[_, top, _, _], [_, other, _, _]| (top - other).abs() < 10.0),
        rows(&extents, |a, b| {
            let least = (a[3] - a[1]).min(b[3] - b[1]);
            (f32::midpoint(a[1], a[3]) - f32::midpoint(b[1], b[3])).abs() < least * 0.5
        }),
        rows(&extents, |a, b| {
            let least = (a[3] - a[1]).min(b[3] - b[1]);
            a[3].min(b[3]) - a[1].max(b[1]) > least * 0.5
        }),
        columns(&extents, 0.5, false),
        columns(&extents, 0.0, false),
        columns(&extents, 0.5, true),
    ];
    for order in found {
        if !all.contains(&order) {
            all.push(order);
        }
    }
    all
}

/// From the top, those that share a row from the left.
fn rows(extents: &[Extent], together: impl Fn(&Extent, &Extent) -> bool) -> Vec<usize> {
    grouped(extents, |[_, top, _, _]| top, together, |[left, _, _, _]| left, false)
}

/// From the left, those that share a column from the top. `least`: how much of the narrower one must lie
/// below the other. `from_right`: as Chinese and Japanese columns are read.
fn columns(extents: &[Extent], least: f32, from_right: bool) -> Vec<usize> {
    let together = |a: &Extent, b: &Extent| {
        let narrow = (a[2] - a[0]).min(b[2] - b[0]);
        a[2].min(b[2]) - a[0].max(b[0]) > narrow * least
    };
    grouped(extents, |[left, _, _, _]| left, together, |[_, top, _, _]| top, from_right)
}

fn grouped(
    extents: &[Extent],
    first: impl Fn(Extent) -> f32,
    together: impl Fn(&Extent, &Extent) -> bool,
    then: impl Fn(Extent) -> f32,
    reversed: bool,
) -> Vec<usize> {
    let mut rest: Vec<(usize, Extent)> = extents.iter().copied().enumerate().collect();
    rest.sort_by(|a, b| first(a.1).total_cmp(&first(b.1)));
    let mut groups: Vec<Vec<(usize, Extent)>> = Vec::new();
    for line in rest {
        // The nearest group before it: what lies further back is another row.
        match groups
            .last_mut()
            .filter(|group| group.iter().any(|known| together(&known.1, &line.1)))
        {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    if reversed {
        groups.reverse();
    }
    for group in &mut groups {
        group.sort_by(|a, b| then(a.1).total_cmp(&then(b.1)));
    }
    groups.into_iter().flatten().map(|(index, _)| index).collect()
}
