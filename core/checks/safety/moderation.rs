//! A moderation endpoint: what it is asked, and what its answer means.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::NAME;
use crate::checks::asking::{Asking, Unsaid, WouldAsk, shown};
use crate::checks::numbers::{percent, rounded};
use crate::checks::{CheckResult, Finding, Picture, UNAVAILABLE};
use crate::inert::one_line;
use crate::policy::{Ability, Asked, Spanned};
use crate::providers::{Question, Want};
use crate::record;
use crate::units::{Rate, Seed};

record! {
    /// An endpoint that says whether a picture is safe. It is asked instead of the classifier.
    pub struct ModerationSettings {
        /// The provider, by its name in this policy.
        provider: Spanned<String>,
        /// The model's id: pin a version, not an alias that moves.
        model: Spanned<String>,
        /// The highest score of each category, by the endpoint's own name of it. Where any is named, these decide alone;
        /// else whether the endpoint flags the picture.
        max_scores: BTreeMap<String, Rate> = "{}",
    }
}

/// The longest side of the picture as it is shown, in pixels.
const MAX_SIDE: u32 = 1024;

/// The most categories that a finding lists.
const LISTED: usize = 16;

impl ModerationSettings {
    pub(super) fn asked(&self) -> Asked {
        Asked {
            provider: self.provider.clone(),
            model: self.model.clone(),
            ability: Ability::Moderation,
        }
    }

    pub(super) fn would_ask(&self) -> WouldAsk {
        WouldAsk {
            provider: self.provider.value.clone(),
            model: self.model.value.clone(),
            requests: 1,
        }
    }

    /// The finding before anybody was asked.
    pub(super) fn unasked(&self, why: Option<&str>) -> Finding {
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!("the moderation was not asked{why}");
        self.finding(CheckResult::Skipped, message)
    }

    pub(super) fn ask(&self, picture: &Picture) -> Option<Asking> {
        // Where the picture can't be shown, nothing is asked, which is said.
        let picture = shown(picture, MAX_SIDE).ok()?;
        Some(Asking::Provider {
            provider: self.provider.value.clone(),
            question: Question {
                model: self.model.value.clone(),
                instructions: String::new(),
                text: String::new(),
                pictures: vec![picture],
                seed: Seed(0),
                want: Want::Moderation,
                // It writes none; so many bytes of an answer are taken in any case.
                max_tokens: 1024,
            },
            votes: 1,
        })
    }

    /// The finding after the answer.
    pub(super) fn hear(&self, said: &Result<String, Unsaid>) -> Finding {
        let answer = match said {
            Ok(text) => Answer::read(text),
            Err(unsaid) => {
                let words = one_line(&unsaid.words, 200);
                return match unsaid.unavailable {
                    true => self
                        .finding(CheckResult::Skipped, format!("could not be moderated: {words}"))
                        .measured(UNAVAILABLE, true),
                    // A picture that makes the endpoint refuse must gain nothing by it.
                    false => self.finding(
                        CheckResult::Unsure,
                        format!("the moderation gave no answer: {words}"),
                    ),
                };
            }
        };
        let Some(answer) = answer else {
            let message = "the moderation's answer is not of the form that was asked for";
            return self.finding(CheckResult::Unsure, message.to_owned());
        };
        let (result, message) =
            if self.max_scores.is_empty() { answer.flag() } else { self.hold(&answer) };
        let scores: serde_json::Map<_, _> = answer
            .highest()
            .into_iter()
            .take(LISTED)
            .map(|(name, score)| (one_line(name, 60), json!(rounded(score))))
            .collect();
        self.finding(result, message).measured("flagged", answer.flagged).measured("scores", scores)
    }

    /// Holds the scores to the policy's own limits.
    fn hold(&self, answer: &Answer) -> (CheckResult, String) {
        let (mut over, mut missing) = (Vec::new(), Vec::new());
        for (name, most) in &self.max_scores {
            let (score, most) = (answer.scores.get(name), most.share());
            let name = one_line(name, 60);
            match score {
                Some(score) if *score > most => {
                    over.push(format!("{name} {} (at most {})", percent(*score), percent(most)));
                }
                Some(_) => {}
                None => missing.push(format!("`{name}`")),
            }
        }
        if !over.is_empty() {
            return (CheckResult::Fail, format!("unsafe by moderation: {}", over.join(", ")));
        }
        if !missing.is_empty() {
            let message = format!("the moderation gives no score for {}", missing.join(", "));
            return (CheckResult::Unsure, message);
        }
        (CheckResult::Pass, "no category of the moderation is over its limit".to_owned())
    }

    fn finding(&self, result: CheckResult, message: String) -> Finding {
        let limits = self.max_scores.iter().take(LISTED);
        let limits: serde_json::Map<String, Value> =
            limits.map(|(name, most)| (one_line(name, 60), json!(most.share()))).collect();
        let finding =
            Finding::new(NAME, result, message).measured("model", one_line(&self.model.value, 80));
        match limits.is_empty() {
            true => finding.limit("flagged", false),
            false => finding.limit("max_scores", limits),
        }
    }
}

/// What an endpoint says.
#[derive(Deserialize)]
struct Answer {
    flagged: bool,
    scores: BTreeMap<String, f64>,
}

impl Answer {
    /// What a text says; nothing where it is not the JSON that was asked for, with scores from 0 to 1.
    fn read(text: &str) -> Option<Self> {
        let answer: Self = serde_json::from_str(text.trim()).ok()?;
        answer.scores.values().all(|score| (0.0..=1.0).contains(score)).then_some(answer)
    }

    /// All scores, the highest first.
    fn highest(&self) -> Vec<(&str, f64)> {
        let mut all: Vec<_> =
            self.scores.iter().map(|(name, score)| (name.as_str(), *score)).collect();
        all.sort_by(|(_, one), (_, two)| two.total_cmp(one));
        all
    }

    /// What its own flag means.
    fn flag(&self) -> (CheckResult, String) {
        if !self.flagged {
            return (CheckResult::Pass, "the moderation does not flag it".to_owned());
        }
        let highest = self.highest();
        let named: Vec<_> = highest
            .iter()
            .take(3)
            .filter(|(_, score)| *score >= 0.01)
            .map(|(name, score)| format!("{} {}", one_line(name, 60), percent(*score)))
            .collect();
        let named =
            if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
        (CheckResult::Fail, format!("the moderation flags it{named}"))
    }
}
