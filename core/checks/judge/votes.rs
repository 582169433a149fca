//! From the votes to the finding.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::checks::asking::Unsaid;
use crate::checks::{CheckResult, Finding};
use crate::inert::one_line;

/// One vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Vote {
    Yes,
    No,
    Unsure,
}

/// What an answer says; nothing where it is not the JSON that was asked for.
pub(super) fn vote(answer: &str) -> Option<(Vote, String)> {
    #[derive(Deserialize)]
    struct Answer {
        answer: Vote,
        #[serde(default)]
        reason: String,
    }
    let answer: Answer = serde_json::from_str(answer.trim()).ok()?;
    Some((answer.answer, one_line(&answer.reason, 200)))
}

/// The finding of a question after its votes: the majority of all votes counts, answered or not.
pub(super) fn count(open: Finding, votes: &[Result<String, Unsaid>]) -> Finding {
    let expected = open.limit.get("answer").and_then(Value::as_str).unwrap_or("yes").to_owned();
    let text = open.measured.get(super::QUESTION).and_then(Value::as_str).unwrap_or_default();
    let question = one_line(text, 120);
    let (mut yes, mut no, mut unsure, mut none) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut reasons = Vec::new();
    let mut away = None;
    for answer in votes {
        match answer {
            Ok(answer) => match vote(answer) {
                Some((vote, reason)) => {
                    let word = match vote {
                        Vote::Yes => {
                            yes += 1;
                            "yes"
                        }
                        Vote::No => {
                            no += 1;
                            "no"
                        }
                        Vote::Unsure => {
                            unsure += 1;
                            "unsure"
                        }
                    };
                    let reason = reason.trim();
                    reasons.push(match reason.is_empty() {
                        true => word.to_owned(),
                        false => format!("{word}: {reason}"),
                    });
                }
                None => {
                    none += 1;
                    reasons.push("no vote: not the JSON that was asked for".to_owned());
                }
            },
            Err(unsaid) => {
                none += 1;
                let words = one_line(&unsaid.words, 200);
                if unsaid.unavailable {
                    away.get_or_insert_with(|| words.clone());
                }
                reasons.push(format!("no vote: {words}"));
            }
        }
    }
    let most = votes.len() / 2;
    let said = if yes > most {
        Some("yes")
    } else if no > most {
        Some("no")
    } else {
        None
    };
    let (result, message) = match (said, away) {
        (Some(said), _) if said == expected => {
            (CheckResult::Pass, format!("“{question}”: {said}, as expected"))
        }
        (Some(said), _) => {
            (CheckResult::Fail, format!("“{question}”: {said}, and {expected} was expected"))
        }
        (None, Some(words)) => {
            (CheckResult::Skipped, format!("“{question}” could not be asked: {words}"))
        }
        (None, None) => (CheckResult::Unsure, format!("“{question}”: no majority says yes or no")),
    };
    let counted = json!({"yes": yes, "no": no, "unsure": unsure, "none": none});
    let mut finding = Finding { result, message, ..open }.measured("votes", counted);
    finding = finding.measured("reasons", reasons);
    if result == CheckResult::Skipped {
        finding.measured(crate::checks::UNAVAILABLE, true)
    } else {
        finding
    }
}
