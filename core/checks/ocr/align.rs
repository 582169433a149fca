//! How well an expected text fits what was read: the best path through the steps of the lines.

use super::folding::{Letter, Step};

/// A cost that no path is worth.
const NEVER: f32 = -1e9;

/// An expected text: letters in words.
#[derive(Clone, Debug)]
pub struct Phrase {
    /// The letters of all words.
    pub letters: Vec<Letter>,
    /// For each letter, whether a word ends with it.
    pub ends: Vec<bool>,
}

impl Phrase {
    /// Words, each of at least one letter.
    #[must_use]
    pub fn new(words: &[Vec<Letter>]) -> Self {
        let (mut letters, mut ends) = (Vec::new(), Vec::new());
        for word in words {
            for (index, letter) in word.iter().enumerate() {
                letters.push(letter.clone());
                ends.push(index + 1 == word.len());
            }
        }
        Self { letters, ends }
    }
}

/// Where a text may begin and end.
#[derive(Clone, Copy, Debug)]
pub struct Edges {
    /// Whether other words may stand before it on its first line.
    pub before: bool,
    /// Whether other words may stand after it on its last line.
    pub after: bool,
}

/// The best path.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The nats lost against the likeliest reading: 0 where the text is the likeliest reading.
    pub score: f32,
    /// For each letter: the line, and its first and last step.
    pub places: Vec<(usize, usize, usize)>,
}

/// The states of the path: before the text, at the gap before it, in each letter and the gap after it,
/// and after the text.
const BEFORE: usize = 0;
const LEAD: usize = 1;

const fn in_letter(index: usize) -> usize {
    2 + 2 * index
}

const fn after_letter(index: usize) -> usize {
    3 + 2 * index
}

/// The best path of a phrase through lines in this order (Viterbi). A word stands on one line; nothing
/// else stands between the words, nor touches the first or the last.
#[must_use]
pub fn align(phrase: &Phrase, lines: &[&[Step]], edges: Edges) -> Option<Path> {
    let count = phrase.letters.len();
    let steps: usize = lines.iter().map(|line| line.len()).sum();
    if count == 0 || steps == 0 {
        return None;
    }
    let states = 3 + 2 * count;
    let end = states - 1;
    let mut scores = vec![NEVER; states];
    let mut back: Vec<u16> = Vec::new();
    // A table too large for the memory is no text of a picture.
    if states > usize::from(u16::MAX) || steps.saturating_mul(states) > 32_000_000 {
        return None;
    }
    back.reserve(steps * states);
    if let Some(start) = scores.first_mut() {
        *start = 0.0;
    }
    let mut next = vec![NEVER; states];
    for line in lines {
        let mut at_start = true;
        let mut read_before = None;
        for step in *line {
            let read = step.read().map(|(number, _)| number);
            let (gap, boundary) = (step.gap(), step.boundary());
            let of = |state: usize| scores.get(state).copied().unwrap_or(NEVER);
            let mut row = vec![0_u16; states];
            let mut take = |state: usize, cost: f32, from: &[usize]| {
                let best =
                    from.iter().copied().max_by(|a, b| of(*a).total_cmp(&of(*b))).unwrap_or(state);
                if let (Some(score), Some(came)) = (next.get_mut(state), row.get_mut(state)) {
                    *score = (of(best) + cost).max(NEVER);
                    *came = u16::try_from(best).unwrap_or(0);
                }
            };
            // Free lines may be skipped whole; within a line only where other words may stand.
            take(BEFORE, 0.0, &[BEFORE]);
            // A line's start counts as a boundary.
            if at_start {
                take(LEAD, gap, &[BEFORE]);
            } else if edges.before && of(BEFORE) + boundary >= of(LEAD) + gap {
                take(LEAD, boundary, &[BEFORE]);
            } else {
                take(LEAD, gap, &[LEAD]);
            }
            for (index, letter) in phrase.letters.iter().enumerate() {
                let cost = step.letter(letter);
                let state = in_letter(index);
                if index == 0 {
                    if at_start {
                        take(state, cost, &[BEFORE]);
                    } else {
                        take(state, cost, &[state, LEAD]);
                    }
                } else {
                    let word_starts = phrase.ends.get(index - 1).copied().unwrap_or(false);
                    // Letters that may be the same need a gap between them, or be read as two, as “li” is.
                    let same = phrase.letters.get(index - 1).is_some_and(|before| {
                        let is = |read: Option<u16>, of: &Letter| {
                            read.is_some_and(|number| of.numbers.contains(&number))
                        };
                        let two =
                            read != read_before && is(read_before, before) && is(read, letter);
                        !two && before.numbers.iter().any(|number| letter.numbers.contains(number))
                    });
                    let (gap_before, letter_before) =
                        (after_letter(index - 1), in_letter(index - 1));
                    if at_start {
                        // Only a whole word may end on the line before.
                        if word_starts {
                            take(state, cost, &[gap_before, letter_before]);
                        } else {
                            take(state, NEVER, &[state]);
                        }
                    } else if same {
                        take(state, cost, &[state, gap_before]);
                    } else {
                        take(state, cost, &[state, gap_before, letter_before]);
                    }
                }
                let word_ends = phrase.ends.get(index).copied().unwrap_or(false);
                if at_start && !word_ends {
                    take(after_letter(index), NEVER, &[state]);
                } else {
                    take(after_letter(index), gap, &[after_letter(index), state]);
                }
            }
            let last = [after_letter(count - 1), in_letter(count - 1)];
            let closing = if at_start {
                0.0
            } else if edges.after {
                boundary
            } else {
                NEVER
            };
            let finished =
                last.iter().copied().max_by(|a, b| of(*a).total_cmp(&of(*b))).unwrap_or(end);
            if of(finished) + closing > of(end) {
                take(end, closing, &[finished]);
            } else {
                take(end, 0.0, &[end]);
            }
            back.extend_from_slice(&row);
            scores.clone_from(&next);
            at_start = false;
            read_before = read;
        }
    }
    let of = |state: usize| scores.get(state).copied().unwrap_or(NEVER);
    let mut state = [end, after_letter(count - 1), in_letter(count - 1)]
        .into_iter()
        .max_by(|a, b| of(*a).total_cmp(&of(*b)))?;
    let score = of(state);
    if score <= NEVER / 2.0 {
        return None;
    }
    // Back along the path, from the last step to the first.
    let mut places = vec![(0, usize::MAX, 0); count];
    let mut at = steps;
    for (index, line) in lines.iter().enumerate().rev() {
        for step in (0..line.len()).rev() {
            at -= 1;
            if state >= 2
                && state != end
                && state % 2 == 0
                && let Some(place) = places.get_mut((state - 2) / 2)
            {
                *place = (index, step.min(place.1), place.2.max(step));
            }
            state = usize::from(back.get(at * states + state).copied().unwrap_or(0));
        }
    }
    Some(Path { score, places })
}
