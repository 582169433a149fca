//! Looking for expected texts: look after look, until each is found or all looks are through.

use std::cmp::Reverse;

use crate::checks::Picture;
use crate::checks::ocr::{Damaged, Folding, Letter, Line, Look, Match, Other, Reader, View};

/// The least nats that the expected text must lose in every look before another reading counts as clear.
const CLEAR: f32 = -4.0;

/// The least share of each letter in a clear reading.
const LEAST_SHARE: f32 = 0.5;

/// Texts of so few letters match by chance: two looks must find them at the same place.
const SHORT: usize = 3;

/// How likely each letter must have the accent that is wanted, and no other, in the logarithm of the odds, on average
/// over the looks that find the text but for its accents.
const ACCENTS: f32 = 1.0;

/// From these odds down a look says that an accent is another one, or none.
const AGAINST: f32 = -2.0;

/// From these odds down it says that a letter should have none: ornate letters of posters look as if they had one.
const AGAINST_PLAIN: f32 = -4.5;

/// The most that one look counts for or against an accent.
const MOST: f32 = 12.0;

/// A text that is looked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// As the case has it.
    pub(super) text: String,
    /// Folded letters, word by word.
    pub(super) words: Vec<Vec<Letter>>,
    /// How many times it must be there, at different places.
    pub(super) times: usize,
}

/// What a search comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is there.
    Found,
    /// Several looks agree on other letters.
    Differs,
    /// It is there, with this letter drawn mirrored.
    Mirrored(char),
    /// It is there, with this letter drawn damaged: strokes cut, half another letter, and the like.
    Damaged(char),
    /// It is read, and this letter seems to have another accent.
    Accent(char),
    /// No look finds it, and none reads a clear other.
    Unsure,
}

/// What was found out about a text.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    /// How many times it was found.
    pub(super) times: usize,
    /// Where: left, top, right, bottom.
    pub(super) extent: Option<[f32; 4]>,
    /// What is read there, where it is not the text.
    pub(super) reading: Option<String>,
    /// The looks taken for it.
    pub(super) looks: usize,
}

/// A search that goes on.
struct Open<'a> {
    wanted: &'a Wanted,
    /// Where it was found, and in how many looks.
    places: Vec<([f32; 4], usize)>,
    /// How many looks must find a place.
    needed: usize,
    looks: usize,
    best: f32,
    others: Vec<(f32, Other)>,
    doubt: Option<Doubt>,
    answer: Option<Answer>,
}

/// Accents that one look at least sees otherwise than they are wanted.
struct Doubt {
    /// The letter whose accent is least as it should be.
    letter: char,
    /// For each letter, summed over the looks, how likely it has its accent.
    leads: Vec<f32>,
    looks: f32,
    extent: [f32; 4],
}

impl Doubt {
    fn new(letters: usize) -> Self {
        Self { letter: ' ', leads: vec![0.0; letters], looks: 0.0, extent: [0.0; 4] }
    }

    fn add(&mut self, leads: &[f32]) {
        self.looks += 1.0;
        for (sum, lead) in self.leads.iter_mut().zip(leads) {
            *sum += lead.clamp(-MOST, MOST);
        }
    }

    /// The mean over the looks for the letter that is least sure. One look alone must be twice as sure.
    fn least(&self) -> f32 {
        least(&self.leads) / self.looks.max(2.0)
    }
}

/// Whether a look sees another accent on one of the letters than is wanted.
fn speaks_against(letters: &[Letter], leads: &[f32]) -> bool {
    letters.iter().zip(leads).any(|(letter, lead)| {
        let is_plain = without_marks(&letter.shown.to_string()).starts_with(letter.shown);
        *lead <= if is_plain { AGAINST_PLAIN } else { AGAINST }
    })
}

/// The lead of the letter that is least sure.
fn least(leads: &[f32]) -> f32 {
    leads.iter().copied().fold(f32::MAX, f32::min)
}

/// What a search looks with, and at.
struct Means<'a> {
    reader: &'a Reader,
    folding: &'a Folding,
    /// The same without accents.
    plain: &'a Folding,
    picture: &'a Picture,
}

/// Looks for texts. The second of the foldings is the first without accents.
///
/// # Errors
/// A sentence, where a network failed.
pub(super) fn search(
    reader: &Reader,
    (folding, plain): (&Folding, &Folding),
    picture: &Picture,
    wanted: &[Wanted],
) -> Result<Vec<Answer>, String> {
    let means = Means { reader, folding, plain, picture };
    let mut searches: Vec<Open<'_>> = wanted.iter().map(Open::new).collect();
    for look in Look::ALL {
        if searches.iter().all(|search| search.answer.is_some()) {
            break;
        }
        let lines = reader.look(picture, look)?;
        for search in searches.iter_mut().filter(|search| search.answer.is_none()) {
            search.look(&means, look, View::new(lines, folding))?;
        }
    }
    for search in searches.iter_mut().filter(|search| search.answer.is_none()) {
        search.by_accents(&means)?;
    }
    Ok(searches.into_iter().map(Open::conclude).collect())
}

impl<'a> Open<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        let letters: usize = wanted.words.iter().map(Vec::len).sum();
        let latin = wanted.words.iter().flatten().all(|letter| u32::from(letter.shown) < 0x2E80);
        Self {
            wanted,
            places: Vec::new(),
            needed: if letters <= SHORT && latin { 2 } else { 1 },
            looks: 0,
            best: f32::MIN,
            others: Vec::new(),
            doubt: None,
            answer: None,
        }
    }

    fn look(&mut self, means: &Means<'_>, look: Look, mut view: View<'_>) -> Result<(), String> {
        let Means { reader, folding, .. } = *means;
        self.looks += 1;
        let mut best = f32::MIN;
        for _ in 0..self.wanted.times {
            let Some(found) = view.find(&self.wanted.words) else { break };
            best = best.max(found.score);
            if !found.accepted() {
                break;
            }
            if !self.has_its_accents(means, &view, &found)? {
                view.blot(&found);
                continue;
            }
            if let Some((flaw, extent)) = self.place(reader, folding, &view, &found)? {
                self.answer = Some(self.answered(flaw, Some(extent)));
                return Ok(());
            }
            view.blot(&found);
        }
        self.best = self.best.max(best);
        if self.places.iter().filter(|(_, looks)| *looks >= self.needed).count()
            >= self.wanted.times
        {
            let place = self.places.first().map(|(place, _)| *place);
            self.answer = Some(self.answered(Verdict::Found, place));
        } else if let Some(other) = view.nearest(&self.wanted.words, folding, reader.characters())
            && other.distance > 0
            // Lines made straight look alike from any map: their readings are no witnesses for each other.
            && (self.others.is_empty() || !look.is_repeated())
        {
            self.others.push((best, other));
        }
        Ok(())
    }

    /// Whether the accents of a text that is read are seen as well: the network takes rare ones for none. Where a look
    /// says otherwise, the next ones must outweigh it.
    fn has_its_accents(
        &mut self,
        means: &Means<'_>,
        view: &View<'_>,
        found: &Match,
    ) -> Result<bool, String> {
        if means.folding.ignored.diacritics {
            return Ok(true);
        }
        let letters: Vec<Letter> = self.wanted.words.iter().flatten().cloned().collect();
        let mut leads = view.accents(&letters, &letters, found);
        if (self.doubt.is_some() || !speaks_against(&letters, &leads))
            && let Some(roomy) = self.leads_with_room(means, view, &letters, found)?
        {
            leads = roomy;
        }
        if self.doubt.is_none() && !speaks_against(&letters, &leads) {
            return Ok(true);
        }
        let worst = letters.iter().zip(&leads).min_by(|a, b| a.1.total_cmp(b.1));
        let doubt = self.doubt.get_or_insert_with(|| Doubt {
            letter: worst.map_or(' ', |(letter, _)| letter.shown),
            extent: view.extent(&found.places),
            ..Doubt::new(leads.len())
        });
        doubt.add(&leads);
        Ok(doubt.least() > ACCENTS)
    }

    /// The same with room above and below, where a line is all capitals without accents: its box ends at their tops, and an accent that
    /// one of them should not have would be left out. Nothing where that is not so, or the text is not read then.
    fn leads_with_room(
        &self,
        means: &Means<'_>,
        view: &View<'_>,
        wanted: &[Letter],
        found: &Match,
    ) -> Result<Option<Vec<f32>>, String> {
        let mut lines: Vec<usize> = found.places.iter().map(|(line, _, _)| *line).collect();
        lines.dedup();
        let lines: Vec<&Line> =
            lines.into_iter().filter_map(|line| view.lines().get(line)).collect();
        let Ok(words) = means.plain.words(&self.wanted.text) else { return Ok(None) };
        if !lines.iter().any(|line| is_plain_capitals(&line.text)) {
            return Ok(None);
        }
        let roomy = means.reader.with_room(means.picture, &lines)?;
        let view = View::new(&roomy, means.plain);
        let letters: Vec<Letter> = words.iter().flatten().cloned().collect();
        let found = view.find(&words).filter(Match::accepted);
        Ok(found.map(|found| view.accents(&letters, wanted, &found)))
    }

    /// Keeps a place; or says which letter there is not as it should be, and where.
    fn place(
        &mut self,
        reader: &Reader,
        folding: &Folding,
        view: &View<'_>,
        found: &Match,
    ) -> Result<Option<(Verdict, [f32; 4])>, String> {
        let extent = view.extent(&found.places);
        if let Some((_, looks)) = self.places.iter_mut().find(|(known, _)| overlap(known, &extent))
        {
            *looks += 1;
            return Ok(None);
        }
        let letters: Vec<Letter> = self.wanted.words.iter().flatten().cloned().collect();
        let flaw = flaw(reader, folding, view, &letters, found)?;
        if flaw.is_none() {
            self.places.push((extent, 1));
        }
        Ok(flaw)
    }

    /// Looks once more at what differs in accents alone: whether the looks together see the ones that are wanted.
    fn by_accents(&mut self, means: &Means<'_>) -> Result<(), String> {
        let Means { reader, folding, plain, picture } = *means;
        let Ok(words) = plain.words(&self.wanted.text) else { return Ok(()) };
        let wanted: Vec<Letter> = self.wanted.words.iter().flatten().cloned().collect();
        let letters: Vec<Letter> = words.iter().flatten().cloned().collect();
        // Where it stands twice, one may be right and the other not.
        if self.wanted.times > 1 || folding.ignored.diacritics || letters.len() != wanted.len() {
            return Ok(());
        }
        let mut doubt = Doubt::new(wanted.len());
        let mut best = None;
        for look in Look::ALL {
            let view = View::new(reader.look(picture, look)?, plain);
            let Some(found) = view.find(&words).filter(Match::accepted) else { continue };
            let of_look = view.accents_read(folding, &letters, &wanted, &found);
            doubt.add(&of_look);
            let least = least(&of_look);
            if best.as_ref().is_none_or(|(most, _, _)| least > *most) {
                best = Some((least, view, found));
            }
        }
        let Some((_, view, found)) = best else { return Ok(()) };
        if doubt.least() > ACCENTS {
            let extent = view.extent(&found.places);
            self.answer = Some(match flaw(reader, plain, &view, &letters, &found)? {
                Some((verdict, extent)) => self.answered(verdict, Some(extent)),
                None => Answer { times: 1, ..self.answered(Verdict::Found, Some(extent)) },
            });
        }
        Ok(())
    }

    fn answered(&self, verdict: Verdict, extent: Option<[f32; 4]>) -> Answer {
        Answer { verdict, times: self.places.len(), extent, reading: None, looks: self.looks }
    }

    /// After the last look: whether looks agree on another reading.
    fn conclude(mut self) -> Answer {
        if let Some(answer) = self.answer.take() {
            return answer;
        }
        let clear = |(best, other): &&(f32, Other)| *best < CLEAR && other.least >= LEAST_SHARE;
        let agreeing = |other: &Other| {
            self.others
                .iter()
                .filter(clear)
                .filter(|(_, known)| known.letters == other.letters)
                .count()
        };
        let most = self
            .others
            .iter()
            .map(|(_, other)| (agreeing(other), other))
            .max_by_key(|(count, other)| (*count, Reverse(other.distance)));
        let mut answer = self.answered(Verdict::Unsure, None);
        if let Some((count, other)) = most {
            answer.extent = Some(other.extent);
            answer.reading = Some(other.reading.clone());
            // Accents are a few pixels: a difference in them alone is never clear.
            let bare: String =
                self.wanted.words.iter().flatten().map(|letter| letter.shown).collect();
            let accents = without_marks(&bare) == without_marks(&other.letters);
            if count >= 2 && self.best < CLEAR && !accents && self.places.is_empty() {
                answer.verdict = Verdict::Differs;
            }
        } else {
            answer.extent = self.places.first().map(|(place, _)| *place);
        }
        if let Some(doubt) = self.doubt.filter(|_| answer.verdict == Verdict::Unsure) {
            answer.verdict = Verdict::Accent(doubt.letter);
            answer.extent = Some(doubt.extent);
        }
        answer
    }
}

/// The letter of a found text that is not as it should be, and where.
fn flaw(
    reader: &Reader,
    folding: &Folding,
    view: &View<'_>,
    letters: &[Letter],
    found: &Match,
) -> Result<Option<(Verdict, [f32; 4])>, String> {
    if let Some(letter) = reader.mirrored(view, folding, letters, found)? {
        return Ok(Some((Verdict::Mirrored(letter), view.extent(&found.places))));
    }
    let damaged = reader.damaged(view, folding, letters, found)?;
    Ok(damaged
        .map(|Damaged { letter, place, .. }| (Verdict::Damaged(letter), view.extent(&[place]))))
}

/// Whether a line is written in capitals alone, as far as its letters have two cases, and none with an accent.
fn is_plain_capitals(text: &str) -> bool {
    text.chars().any(char::is_uppercase)
        && !text.chars().any(char::is_lowercase)
        && without_marks(text) == text
}

fn without_marks(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).collect()
}

/// Whether two places are mostly the same.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> bool {
    let across = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let down = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |c: &[f32; 4]| (c[2] - c[0]).max(1.0) * (c[3] - c[1]).max(1.0);
    across * down > 0.4 * area(a).min(area(b))
}
