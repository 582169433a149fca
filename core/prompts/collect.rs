//! From drafts to cases: ids, expected text, duplicates.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::Case;
use super::case::Draft;
use super::quoted::quoted_text;
use super::read::{Duplicate, Place, PromptFile, PromptSet, at};
use crate::policy::Problems;
use crate::units::Digest;

/// Where a case was read: file and line.
type At = (usize, u32);

/// Gathers the drafts of all files.
pub(super) struct Collector<'f> {
    files: &'f [PromptFile<'f>],
    cases: Vec<Case>,
    /// Beside each case: where it was read, and whether its id is the file's own.
    origins: Vec<(At, bool)>,
    /// The first case of each prompt, picture and expectations, by the first half of their digest.
    by_content: HashMap<[u8; 16], usize>,
    /// Cases that stand again: the case that is kept, and the place.
    again: Vec<(usize, At)>,
    problems: Vec<Problems>,
}

impl<'f> Collector<'f> {
    pub(super) fn new(files: &'f [PromptFile<'f>]) -> Self {
        Self {
            files,
            cases: Vec::new(),
            origins: Vec::new(),
            by_content: HashMap::new(),
            again: Vec::new(),
            problems: files.iter().map(|_| Problems::new()).collect(),
        }
    }

    /// How many prompts were taken so far, duplicates included.
    pub(super) fn len(&self) -> usize {
        self.cases.len() + self.again.len()
    }

    pub(super) fn add_problems(&mut self, file: usize, problems: Problems) {
        if let Some(place) = self.problems.get_mut(file) {
            *place = problems;
        }
    }

    /// Takes a case.
    pub(super) fn add(&mut self, file: usize, line: u32, draft: Draft) {
        let (content, sameness) = digests(&draft);
        let Draft { id, prompt, mut tags, mut expect, image, mask, locale } = draft;
        let named = id.is_some();
        let id = id.unwrap_or_else(|| derived_id(&content));
        let source = self.files.get(file);
        for tag in source.map(|source| source.tags).unwrap_or_default() {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        let refused = expect.get("refusal") == Some(&Value::Bool(true));
        if source.is_some_and(|source| source.text_from_prompt)
            && !refused
            && !expect.contains_key("text")
        {
            let texts = quoted_text(&prompt);
            if !texts.is_empty() {
                expect.insert("text", Value::from(texts));
            }
        }
        tags.shrink_to_fit();
        let case = Case { id, prompt, tags, expect, image, mask, locale };
        match self.by_content.get(&sameness) {
            Some(&first) => {
                self.again.push((first, (file, line)));
                self.merge(first, case, named);
            }
            None => {
                self.by_content.insert(sameness, self.cases.len());
                self.cases.push(case);
                self.origins.push(((file, line), named));
            }
        }
    }

    /// Folds a case into the one that stands for the same content. Which of the two gives id and
    /// stratum must not depend on the order of lines: a file's own id goes before a derived one, then
    /// the smaller of (id, tags). The tags of both are kept.
    fn merge(&mut self, first: usize, mut other: Case, other_named: bool) {
        let (Some(kept), Some((_, named))) =
            (self.cases.get_mut(first), self.origins.get_mut(first))
        else {
            return;
        };
        let kept_rank = (!*named, &kept.id, kept.expect.contains_key("text"), &kept.tags);
        let other_rank = (!other_named, &other.id, other.expect.contains_key("text"), &other.tags);
        if other_rank < kept_rank {
            std::mem::swap(kept, &mut other);
            *named = other_named;
        }
        for tag in other.tags {
            if !kept.tags.contains(&tag) {
                kept.tags.push(tag);
            }
        }
    }

    /// All cases. Two cases of one id are an error at the later place, which names the earlier.
    pub(super) fn finish(mut self) -> PromptSet {
        let mut by_id: Vec<(&str, At)> = self
            .cases
            .iter()
            .zip(&self.origins)
            .map(|(case, (at, _))| (case.id.as_str(), *at))
            .collect();
        by_id.sort_unstable();
        for ((id, first), (other, (file, line))) in by_id.iter().zip(by_id.iter().skip(1)) {
            if id == other
                && let Some(problems) = self.problems.get_mut(*file)
            {
                let first = place(self.files, *first).map(|place| place.to_string());
                problems.error_with_help(
                    at(*line, 1, 1),
                    format!(
                        "the id `{id}` is already used for another prompt, at {}",
                        first.unwrap_or_default()
                    ),
                    "give each case an id of its own, or none",
                );
            }
        }
        let duplicates = self
            .again
            .iter()
            .filter_map(|(first, again)| {
                Some(Duplicate {
                    id: self.cases.get(*first)?.id.clone(),
                    first: place(self.files, self.origins.get(*first)?.0)?,
                    again: place(self.files, *again)?,
                })
            })
            .collect();
        let problems = self
            .files
            .iter()
            .map(|file| file.path.clone())
            .zip(self.problems)
            .filter(|(_, problems)| !problems.is_empty())
            .collect();
        self.cases.shrink_to_fit();
        PromptSet { cases: self.cases, problems, duplicates }
    }
}

fn place(files: &[PromptFile<'_>], (file, line): At) -> Option<Place> {
    files.get(file).map(|file| Place { path: file.path.clone(), line })
}

/// The digest that gives an id, of all that is written of a case but its tags; and the one that tells
/// duplicates, without the locale, which no provider is sent. Neither knows of text that was found in
/// the prompt's quotes, so that ids outlast a better reader of quotes.
fn digests(draft: &Draft) -> (Digest, [u8; 16]) {
    let same = (&draft.prompt, &draft.image, &draft.expect);
    // Without a mask it is what it was before there were any, and so are the ids that follow from it.
    match &draft.mask {
        None => digests_of(&same, draft),
        Some(mask) => digests_of(&(&same, mask), draft),
    }
}

fn digests_of(same: &impl Serialize, draft: &Draft) -> (Digest, [u8; 16]) {
    // Every part is text or JSON already, so this has a JSON form; the prompt's own digest is an honest
    // second best.
    let digest = |json: Result<Digest, serde_json::Error>| {
        json.unwrap_or_else(|_| Digest::of(draft.prompt.as_bytes()))
    };
    let sameness = digest(Digest::of_json(same));
    let content = digest(Digest::of_json(&(same, &draft.locale)));
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(sameness.as_bytes()) {
        *to = *from;
    }
    (content, half)
}

/// `p-` and the first 12 hexadecimal digits.
fn derived_id(content: &Digest) -> String {
    format!("p-{:012x}", content.to_u64() >> 16)
}
