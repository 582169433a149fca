//! The draw: the fixed order in which both sides are asked.
//!
//! Everything here is written out (the generator is ChaCha20, RFC 8439; the shuffle and the bounded
//! integers are our own), so that no new version of a library ever changes an order that evidence was
//! bought by. A test freezes one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Case, Cell, Draw};
use crate::policy::{SamplePolicy, Stratify};
use crate::units::{Digest, Seed};

/// Draws cells from a prompt set.
///
/// Every round has each case once, in an order of its own, and there are `repeats` rounds. Within a
/// round the order is stratified by first tag: the cases of each stratum come at even distances, from a
/// random start. Among the cases of a stratum the order is uniformly random. It depends on the seed and
/// on the ids and first tags, never on the order of the files.
#[must_use]
pub fn draw(cases: &[Case], sample: &SamplePolicy) -> Draw {
    let population = cases.len().saturating_mul(sample.repeats as usize);
    let wanted = population.min(sample.max as usize);
    let strata = strata(cases, sample.stratify);
    let mut cells = Vec::with_capacity(wanted);
    for repeat in 0..sample.repeats {
        if cells.len() >= wanted {
            break;
        }
        let missing = wanted - cells.len();
        let order = round(&strata, cases.len(), sample.seed, repeat);
        cells.extend(order.take(missing).filter_map(|case| {
            let id = &cases.get(case)?.id;
            Some(Cell { case, repeat, seed: cell_seed(sample.seed, id, repeat) })
        }));
    }
    Draw { cells, population }
}

/// The cases of each stratum by index, sorted by id.
fn strata(cases: &[Case], stratify: Stratify) -> BTreeMap<&str, Vec<usize>> {
    let mut strata: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let stratum = match stratify {
            Stratify::Tag => case.stratum(),
            Stratify::None => "",
        };
        strata.entry(stratum).or_default().push(index);
    }
    for members in strata.values_mut() {
        members.sort_unstable_by_key(|index| cases.get(*index).map(|case| &case.id));
    }
    strata
}

/// One round: every case once.
fn round(
    strata: &BTreeMap<&str, Vec<usize>>,
    total: usize,
    seed: Seed,
    repeat: u32,
) -> impl Iterator<Item = usize> {
    // A stream for each stratum: a case more in one of them shuffles no other.
    let mut queues: Vec<_> = strata
        .iter()
        .map(|(name, members)| {
            let mut members = members.clone();
            shuffle(&mut members, &mut stream(&("presscheck draw 1", seed, repeat, name)));
            members.into_iter()
        })
        .collect();
    let mut ranks: Vec<usize> = (0..queues.len()).collect();
    shuffle(&mut ranks, &mut stream(&("presscheck ties 1", seed, repeat)));
    let shares = strata
        .iter()
        .zip(ranks)
        .map(|((name, members), rank)| Share {
            size: members.len(),
            start: stream(&("presscheck start 1", seed, repeat, name)).next_u32(),
            rank,
        })
        .collect();
    interleave(shares, total)
        .filter_map(move |stratum| queues.get_mut(stratum).and_then(Iterator::next))
}

/// A stratum's part in a round.
struct Share {
    /// How many cases it has.
    size: usize,
    /// How far into the first of its even steps its first case comes, in parts of 2^32.
    start: u32,
    /// Which of two strata goes first where their cases fall on the same place.
    rank: usize,
}

/// Names a stratum for each place of a round.
///
/// Case number `x` (from 0) of a stratum with `n` cases stands at `(x + start) / n` of the round, and the
/// order is by that: a systematic sample of each stratum with a random start (Madow and Madow, "On the
/// theory of systematic sampling", Annals of Mathematical Statistics 15, 1944). So each case is equally
/// likely at each time, whatever the size of its stratum. Without the random start, small strata would
/// come late together, and a verdict that stops early would hardly see them.
///
/// In every prefix, the count of a stratum that has the share `s` of all cases differs from its exact share
/// by less than `1 + s (k - 2)` cases, where there are `k` strata (two or more): at time `t` each count is
/// within one of `n t`, and the prefix itself is as much longer or shorter than `total t`.
fn interleave(shares: Vec<Share>, total: usize) -> impl Iterator<Item = usize> {
    let next = |stratum: usize, number: usize, share: &Share| {
        Reverse((Due { number, start: share.start, size: share.size }, share.rank, stratum))
    };
    let mut waiting: BinaryHeap<Reverse<(Due, usize, usize)>> =
        shares.iter().enumerate().map(|(stratum, share)| next(stratum, 0, share)).collect();
    (0..total).filter_map(move |_| {
        let Reverse((due, _, stratum)) = waiting.pop()?;
        let share = shares.get(stratum)?;
        if due.number + 1 < share.size {
            waiting.push(next(stratum, due.number + 1, share));
        }
        Some(stratum)
    })
}

/// When a case comes, as the exact fraction `(number + start / 2^32) / size` of the round.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Due {
    number: usize,
    start: u32,
    size: usize,
}

impl Due {
    const fn parts(self) -> u128 {
        ((self.number as u128) << 32) + self.start as u128
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Equal only where all is equal, or where ranks decide.
        let left = self.parts() * other.size as u128;
        let right = other.parts() * self.size as u128;
        left.cmp(&right)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A generator whose key follows from a value's JSON.
fn stream<T: serde::Serialize>(key: &T) -> ChaCha20Rng {
    // Texts and numbers always have a JSON form.
    let key = Digest::of_json(key).unwrap_or_else(|_| Digest::of(b"presscheck"));
    ChaCha20Rng::from_seed(*key.as_bytes())
}

/// Fisher and Yates, from the end.
fn shuffle<T>(items: &mut [T], rng: &mut ChaCha20Rng) {
    for last in (1..items.len()).rev() {
        let other = usize::try_from(below(rng, last as u64 + 1)).unwrap_or(last);
        items.swap(last, other);
    }
}

/// A whole number from 0 to `bound - 1`, each equally likely: a draw from the uneven rest of the range
/// is thrown away.
fn below(rng: &mut ChaCha20Rng, bound: u64) -> u64 {
    let bound = bound.max(1);
    let uneven = (u64::MAX % bound + 1) % bound;
    loop {
        let number = rng.next_u64();
        if number <= u64::MAX - uneven {
            return number % bound;
        }
    }
}

/// The seed of a picture: 31 bits, for providers take signed 32-bit seeds.
fn cell_seed(seed: Seed, id: &str, repeat: u32) -> Seed {
    let digest = Digest::of_json(&("presscheck seed 1", seed, id, repeat))
        .unwrap_or_else(|_| Digest::of(id.as_bytes()));
    Seed(digest.to_u64() & 0x7FFF_FFFF)
}

#[cfg(test)]
mod tests;
