//! The page's pairs: side by side where one fails, in a list where none does.

use std::collections::BTreeMap;

use serde::Serialize;

use super::pictures::{self, Picture, Pictures};
use super::tables::CheckName;
use super::view::{block, line};
use crate::checks::{CheckResult, is_withheld};
use crate::gate::{Outcome, Side};
use crate::inert;
use crate::report::evidence::{self, Pair, PairKind};
use crate::report::{SampleLine, Subject, Thumbnail, words};
use crate::units::CostBasis;

/// The most passing pairs that are listed where no script runs.
const MAX_PASSING: usize = 200;
/// The most failing pairs that are shown where no script runs.
const MAX_SHOWN: usize = 24;
/// The most characters of a prompt on the page.
pub(super) const MAX_PROMPT: usize = 4_000;

/// Pairs of one kind.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) count: String,
    pub(super) pairs: Vec<PairView>,
    pub(super) more: Option<String>,
}

/// A pair with what is known of it.
pub(super) struct PairView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tags: Vec<String>,
    pub(super) prompt: String,
    pub(super) seed: String,
    pub(super) cards: Vec<Card>,
}

/// One side of a pair, or one model's sample.
#[derive(Serialize)]
pub(super) struct Card {
    /// Which side, or which model.
    pub(super) side: String,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) alt: String,
    /// Nothing where it is withheld, too.
    #[serde(skip)]
    pub(super) picture: Option<Picture>,
    /// Whether a check says that it is not to be seen by whoever opens the page.
    pub(super) withheld: bool,
    pub(super) original: Option<String>,
    pub(super) findings: Vec<FindingView>,
    pub(super) words: Option<String>,
    pub(super) facts: String,
}

/// What a check says about a picture.
#[derive(Serialize)]
pub(super) struct FindingView {
    #[serde(flatten)]
    pub(super) check: CheckName,
    pub(super) class: &'static str,
    pub(super) message: String,
    /// Where on the original: x, y, width, height in pixels.
    pub(super) region: Option<[u32; 4]>,
}

/// Pairs that need no picture.
pub(super) struct QuietList {
    pub(super) title: String,
    pub(super) rows: Vec<[String; 3]>,
    pub(super) more: Option<String>,
}

pub(super) fn groups(
    subject: &Subject,
    pairs: &[Pair<'_>],
    pictures: &mut Pictures,
    max_pairs: usize,
) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut left = max_pairs.min(MAX_SHOWN);
    for (kind, title, lead) in [
        (
            PairKind::NewlyFailing,
            "Newly failing",
            "The baseline's image is good, the candidate's is not.",
        ),
        (
            PairKind::BothFailing,
            "Failing on both sides",
            "These say nothing for or against the change.",
        ),
        (
            PairKind::NewlyPassing,
            "Newly passing",
            "The baseline's image fails, the candidate's is good.",
        ),
    ] {
        let all: Vec<&Pair<'_>> = pairs.iter().filter(|pair| pair.kind() == kind).collect();
        if all.is_empty() {
            continue;
        }
        let shown = all.len().min(left);
        left -= shown;
        let more = all.len() - shown;
        let (title, lead) = if all.iter().all(|pair| pair.baseline.is_none()) {
            ("Failing", "The model is new: there is no baseline beside it.")
        } else {
            (title, lead)
        };
        groups.push(Group {
            title,
            lead,
            count: words::thousands(all.len() as u64),
            pairs: all.iter().take(shown).map(|pair| pair_view(subject, pair, pictures)).collect(),
            more: (more > 0).then(|| words::thousands(more as u64)),
        });
    }
    groups
}

fn pair_view(subject: &Subject, pair: &Pair<'_>, pictures: &mut Pictures) -> PairView {
    let sample = pair.any();
    let cards = Side::BOTH
        .into_iter()
        .filter_map(|side| pair.side(side))
        .map(|sample| card(&subject.thumbnails, sample.side.word(), sample, pictures));
    PairView {
        id: pair_id(pair),
        name: line(&pair.name(), 120),
        tags: sample.map_or_else(Vec::new, tags),
        prompt: sample.map_or_else(String::new, |sample| block(&sample.prompt, MAX_PROMPT)),
        seed: sample.map_or_else(String::new, |sample| sample.seed.to_string()),
        cards: cards.collect(),
    }
}

/// Where a link to a pair leads: `pair-hero:poster-017`, and `…:2` for a repeat. No colon is in a name, so that no two
/// pairs share one.
pub(super) fn pair_id(pair: &Pair<'_>) -> String {
    let subject = pair.any().map_or("", |sample| sample.subject.as_str());
    let mut id = format!("pair-{}:{}", inert::file_name(subject), inert::file_name(pair.case));
    if pair.repeat > 0 {
        id.push_str(&format!(":{}", u64::from(pair.repeat) + 1));
    }
    id
}

/// The tags of a case, as far as there is room.
pub(super) fn tags(sample: &SampleLine) -> Vec<String> {
    sample.tags.iter().take(8).map(|tag| line(tag, 40)).collect()
}

/// What is known of a sample, under a label that is ready to read.
pub(super) fn card(
    thumbnails: &BTreeMap<String, Thumbnail>,
    label: &str,
    sample: &SampleLine,
    pictures: &mut Pictures,
) -> Card {
    let withheld = sample.image.is_some() && is_withheld(&sample.findings);
    let shown = sample.image.as_deref().filter(|_| !withheld);
    let picture = shown.and_then(|path| pictures.embed(thumbnails, path));
    let findings = sample
        .findings
        .iter()
        .filter(|finding| finding.result != CheckResult::Pass)
        .take(12)
        .map(|finding| {
            let class = match finding.result {
                CheckResult::Fail => "fail",
                CheckResult::Unsure => "warn",
                CheckResult::Pass | CheckResult::Skipped => "none",
            };
            FindingView {
                check: CheckName::of(&finding.check),
                class,
                message: line(&finding.message, 500),
                region: finding.region,
            }
        })
        .collect();
    let kind = sample.kind.as_deref().filter(|_| sample.image.is_none());
    let words = match (kind, sample.error.as_deref()) {
        (None, None) => None,
        (Some(kind), None) => Some(line(kind, 40)),
        (None, Some(words)) => Some(line(words, 600)),
        (Some(kind), Some(words)) => Some(format!("{}: {}", line(kind, 40), line(words, 600))),
    };
    let cost = sample.cost_usd.to_string();
    let mut facts = vec![match sample.cost_basis {
        CostBasis::Exact => cost,
        basis => format!("{cost} ({})", basis.word()),
    }];
    facts.extend(sample.latency_s.map(words::seconds));
    if sample.attempts != 1 {
        facts.push(words::count(u64::from(sample.attempts), "request", "requests"));
    }
    if sample.stored {
        facts.push("from the store".to_owned());
    }
    Card {
        side: label.to_owned(),
        class: match sample.outcome {
            Outcome::Passed => "pass",
            Outcome::Failed | Outcome::Broken => "fail",
            Outcome::Refused if sample.failure => "fail",
            Outcome::Refused | Outcome::Unavailable => "warn",
        },
        word: sample.outcome.word(),
        alt: format!("{label} for {}: {}", line(&sample.case, 80), sample.outcome),
        picture,
        withheld,
        original: sample.image.as_deref().and_then(pictures::original),
        findings,
        words,
        facts: facts.join(" · "),
    }
}

/// The pairs without an answer, and those that pass.
pub(super) fn quiet(pairs: &[Pair<'_>]) -> Vec<QuietList> {
    let mut lists = Vec::new();
    for (kind, one, many) in [
        (
            PairKind::Unanswered,
            "pair in which a side got no answer",
            "pairs in which a side got no answer",
        ),
        (PairKind::Passing, "passing pair", "passing pairs"),
    ] {
        let all: Vec<&Pair<'_>> = pairs.iter().filter(|pair| pair.kind() == kind).collect();
        if all.is_empty() {
            continue;
        }
        let rows = all.iter().take(MAX_PASSING).map(|pair| {
            let sample = pair.any();
            let last = match kind {
                PairKind::Unanswered => Side::BOTH
                    .into_iter()
                    .filter_map(|side| pair.side(side))
                    .filter(|sample| sample.outcome == Outcome::Unavailable)
                    .map(|sample| {
                        format!(
                            "{}: {}",
                            sample.side,
                            evidence::why(sample).plain().replace('`', "")
                        )
                    })
                    .collect::<Vec<_>>()
                    .join("; "),
                _ => sample.map_or_else(String::new, |s| line(&s.tags.join(", "), 80)),
            };
            let prompt = sample.map_or_else(String::new, |sample| line(&sample.prompt, 120));
            [line(&pair.name(), 80), prompt, last]
        });
        let more = all.len().saturating_sub(MAX_PASSING);
        lists.push(QuietList {
            title: words::count(all.len() as u64, one, many),
            rows: rows.collect(),
            more: (more > 0).then(|| words::thousands(more as u64)),
        });
    }
    lists
}
