//! Which pictures to label, so that they are a fair sample: of those that a check failed, and of those that it passed.

use std::collections::BTreeMap;

use super::{Label, LabelFile, Word, picture};
use crate::report::SampleLine;
use crate::units::Digest;

/// What was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Labels to be answered, in the drawn order.
    pub labels: Vec<Label>,
    /// How many pictures of each word are left that were never drawn.
    pub left: BTreeMap<Word, usize>,
}

/// Draws so many pictures for a check, half of them among those that it fails and half among those that it passes, as
/// far as there are. A picture comes once. The order follows from the seed and the picture alone: a later draw goes on
/// where an earlier one stopped, and the beginning of an order is as fair a sample as any.
#[must_use]
pub fn draw(
    samples: &[SampleLine],
    check: &str,
    known: &LabelFile,
    (count, seed): (usize, u64),
) -> Drawn {
    let mut waiting: BTreeMap<Word, BTreeMap<Digest, Label>> = BTreeMap::new();
    for line in samples {
        let Some(label) = Label::open(line, check) else { continue };
        if known.get(label.picture, check).is_some_and(|label| label.drawn) {
            continue;
        }
        let Some(picture) = picture(line) else { continue };
        let place = Digest::of(format!("{seed} {check} {picture}").as_bytes());
        let label = Label { drawn: true, ..label };
        waiting.entry(label.said).or_default().entry(place).or_insert(label);
    }
    let there = |word| waiting.get(&word).map_or(0, BTreeMap::len);
    let (fails, passes) = (there(Word::Fail), there(Word::Pass));
    let half = count / 2;
    // An odd one goes to the failures: they are fewer, and each is looked at anyway.
    let of_fails = (count - half).min(fails).max(count.saturating_sub(passes).min(fails));
    let of_passes = (count - of_fails).min(passes);
    let mut labels = Vec::new();
    let mut left = BTreeMap::new();
    for (word, wanted) in [(Word::Fail, of_fails), (Word::Pass, of_passes)] {
        let all = waiting.remove(&word).unwrap_or_default();
        left.insert(word, all.len().saturating_sub(wanted));
        labels.extend(all.into_values().take(wanted));
    }
    Drawn { labels, left }
}
