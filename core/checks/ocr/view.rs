//! One look, folded: what the search for expected texts works on.

use super::folding::{Folding, Letter, Read, Step, is_cjk};
use super::order::orders;
use super::{Edges, Line, Path, Phrase, TurnedRect, align};

/// A path this good is the likeliest reading itself.
const ACCEPTED: f32 = -0.02;

/// Below this the words are looked for one by one.
const SCATTERED: f32 = -0.7;

/// The lines of a look, folded, with the orders in which they may be read.
#[derive(Debug)]
pub struct View<'a> {
    lines: &'a [Line],
    steps: Vec<Vec<Step>>,
    orders: Vec<Vec<usize>>,
}

/// Where an expected text was found in a look.
#[derive(Clone, Debug)]
pub struct Match {
    /// The nats lost against the likeliest reading.
    pub score: f32,
    /// For each letter: the line, and its first and last step.
    pub places: Vec<(usize, usize, usize)>,
}

impl Match {
    /// Whether the text is what is read.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.score > ACCEPTED
    }
}

/// What is read in place of an expected text.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// The letters read, folded.
    pub letters: String,
    /// The words read, as they are drawn.
    pub reading: String,
    /// How many letters must be added, left out or replaced.
    pub distance: usize,
    /// The least share of a letter in it.
    pub least: f32,
    /// Left, top, right, bottom on the picture.
    pub extent: [f32; 4],
}

impl<'a> View<'a> {
    /// Folds the lines of a look.
    #[must_use]
    pub fn new(lines: &'a [Line], folding: &Folding) -> Self {
        let steps = lines.iter().map(|line| folding.steps(&line.frames)).collect();
        let places: Vec<TurnedRect> = lines.iter().map(|line| line.place).collect();
        Self { lines, steps, orders: orders(&places) }
    }

    /// The lines.
    #[must_use]
    pub const fn lines(&self) -> &'a [Line] {
        self.lines
    }

    /// The folded steps of a line.
    #[must_use]
    pub fn steps(&self, line: usize) -> &[Step] {
        self.steps.get(line).map_or(&[], Vec::as_slice)
    }

    /// Makes steps unreadable: what was found once is not found again.
    pub fn blot(&mut self, found: &Match) {
        for (line, from, to) in &found.places {
            if let Some(steps) = self.steps.get_mut(*line) {
                for step in steps.iter_mut().take(to + 1).skip(*from) {
                    *step = Step::used();
                }
            }
        }
    }

    /// The best place of a text.
    #[must_use]
    pub fn find(&self, words: &[Vec<Letter>]) -> Option<Match> {
        let phrase = Phrase::new(words);
        let whole = self.along_orders(&phrase);
        let broken = words.iter().flatten().any(|letter| is_cjk(letter.shown));
        if words.len() < 2 || broken || whole.as_ref().is_some_and(|found| found.score > SCATTERED)
        {
            return whole;
        }
        let scattered = self.scattered(words);
        match (whole, scattered) {
            (Some(whole), Some(apart)) if apart.score > whole.score + 0.3 => Some(apart),
            (None, apart) => apart,
            (whole, _) => whole,
        }
    }

    fn along_orders(&self, phrase: &Phrase) -> Option<Match> {
        let mut best: Option<Match> = None;
        for order in &self.orders {
            let lines: Vec<&[Step]> = order.iter().map(|line| self.steps(*line)).collect();
            let Some(Path { score, places }) =
                align(phrase, &lines, Edges { before: true, after: true })
            else {
                continue;
            };
            if best.as_ref().is_none_or(|best| score > best.score) {
                let named = |(line, from, to): (usize, usize, usize)| {
                    (order.get(line).copied().unwrap_or(usize::MAX), from, to)
                };
                best = Some(Match { score, places: places.into_iter().map(named).collect() });
            }
            if best.as_ref().is_some_and(Match::accepted) {
                break;
            }
        }
        best
    }

    /// Words that stand on lines of their own, in any order: a line holds nothing but the word, but before the
    /// first word and after the last, and no other line with letters stands between them.
    fn scattered(&self, words: &[Vec<Letter>]) -> Option<Match> {
        let mut order: Vec<usize> = (0..words.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(words.get(*index).map_or(0, Vec::len)));
        let mut taken: Vec<Option<(usize, Path)>> = vec![None; words.len()];
        let mut free: Vec<bool> = vec![true; self.lines.len()];
        for index in order {
            let phrase = Phrase::new(std::slice::from_ref(words.get(index)?));
            let edges = Edges { before: index == 0, after: index + 1 == words.len() };
            let mut best: Option<(usize, Path)> = None;
            for line in (0..self.lines.len()).filter(|line| free.get(*line) == Some(&true)) {
                if let Some(path) = align(&phrase, &[self.steps(line)], edges)
                    && best.as_ref().is_none_or(|(_, best)| path.score > best.score)
                {
                    best = Some((line, path));
                }
            }
            let (line, path) = best?;
            if let Some(free) = free.get_mut(line) {
                *free = false;
            }
            if let Some(place) = taken.get_mut(index) {
                *place = Some((line, path));
            }
        }
        let mut found = Match { score: 0.0, places: Vec::new() };
        for (line, path) in taken.into_iter().flatten() {
            found.score += path.score;
            found.places.extend(path.places.iter().map(|(_, from, to)| (line, *from, *to)));
        }
        let around = self.extent(&found.places);
        let between = self.lines.iter().zip(&free).any(|(line, free)| {
            let centre = line.place.centre;
            *free
                && line.text.chars().any(char::is_alphanumeric)
                && (around[0]..=around[2]).contains(&centre.x)
                && (around[1]..=around[3]).contains(&centre.y)
        });
        (!between).then_some(found)
    }

    /// The upright rectangle around places on lines: left, top, right, bottom.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "steps are few")]
    pub fn extent(&self, places: &[(usize, usize, usize)]) -> [f32; 4] {
        let mut around = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for (line, from, to) in places {
            let Some(known) = self.lines.get(*line) else { continue };
            let count = known.frames.len().max(1) as f32;
            let (from, to) = ((*from as f32 - 0.5) / count, (*to as f32 + 1.5) / count);
            let [left, top, right, bottom] = known.place.part(from.max(0.0), to.min(1.0)).extent();
            around = [
                around[0].min(left),
                around[1].min(top),
                around[2].max(right),
                around[3].max(bottom),
            ];
        }
        around
    }

    /// The words read that are nearest to an expected text.
    #[must_use]
    pub fn nearest(
        &self,
        words: &[Vec<Letter>],
        folding: &Folding,
        characters: &[String],
    ) -> Option<Other> {
        let wanted: Vec<&Letter> = words.iter().flatten().collect();
        let read: Vec<Vec<Vec<Read>>> =
            self.steps.iter().map(|steps| folding.read(steps)).collect();
        let most = (wanted.len() * 2).div_ceil(5).max(1);
        let mut best: Option<Other> = None;
        for order in &self.orders {
            let in_order: Vec<(usize, &Vec<Read>)> = order
                .iter()
                .flat_map(|line| read.get(*line).into_iter().flatten().map(|word| (*line, word)))
                .take(400)
                .collect();
            for from in 0..in_order.len() {
                let mut letters: Vec<Read> = Vec::new();
                let mut used: Vec<(usize, usize, usize)> = Vec::new();
                for (line, word) in in_order.iter().skip(from) {
                    letters.extend(word.iter());
                    used.extend(word.iter().map(|read| (*line, read.at, read.at)));
                    if letters.len() + most < wanted.len() {
                        continue;
                    }
                    if letters.len() > wanted.len() + most {
                        break;
                    }
                    let distance = distance(&wanted, &letters);
                    if distance > most
                        || best.as_ref().is_some_and(|best| best.distance <= distance)
                    {
                        continue;
                    }
                    let least = letters.iter().map(|read| read.share).fold(1.0, f32::min);
                    best = Some(Other {
                        letters: letters.iter().map(|read| read.letter).collect(),
                        reading: self.drawn(&used, characters),
                        distance,
                        least,
                        extent: self.extent(&used),
                    });
                }
            }
        }
        best
    }
}

impl View<'_> {
    /// What stands on lines between the first and the last of some letters, as it is drawn.
    fn drawn(&self, letters: &[(usize, usize, usize)], characters: &[String]) -> String {
        let mut parts: Vec<String> = Vec::new();
        for part in letters.chunk_by(|a, b| a.0 == b.0) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let Some(line) = self.lines.get(first.0) else { continue };
            parts.push(line.frames.between(first.1, last.1, characters));
        }
        parts.join(" ")
    }
}

/// Levenshtein's distance, letters that look the same being the same.
fn distance(wanted: &[&Letter], read: &[Read]) -> usize {
    let mut row: Vec<usize> = (0..=read.len()).collect();
    for (index, letter) in wanted.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, known) in row.iter_mut().skip(1).zip(read) {
            let same = letter.numbers.contains(&known.number);
            let new = (diagonal + usize::from(!same)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = new;
            left = new;
        }
    }
    row.last().copied().unwrap_or(0)
}
