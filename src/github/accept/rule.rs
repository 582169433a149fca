//! The rule itself, without I/O: what stands in a pull request's history, and what GitHub says of people's
//! permissions, make an override, or sentences why there is none.
//!
//! What binds an acceptance to a commit is time on GitHub's own clock: it counts only where it came *after* a
//! blocking verdict was posted on that very commit. So a comment that was written for an older head, and arrives
//! beside a push, accepts nothing. The dates of commits play no part, for whoever commits chooses them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use presscheck_core::gate::{How, Override};
use presscheck_core::inert::one_line;
use presscheck_core::units::CommitSha;
use serde_json::Value;

/// What a comment for presscheck begins with.
pub const COMMAND: &str = "/presscheck";
/// How many different people are asked about at most, the latest first.
pub(super) const MAX_PEOPLE: usize = 20;
/// How many refusals are told at most, the latest first.
const MAX_REFUSALS: usize = 3;
/// What an abandoned check run's title begins with: it has no verdict.
pub(in crate::github) const NO_VERDICT: &str = "No verdict: ";

/// What a comment tells presscheck to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To let a blocking verdict pass; the reason may be empty.
    Accept(String),
    /// Something that it does not know.
    Unknown(String),
}

/// Reads a comment; nothing where it is not meant for presscheck. Only the first line counts, from its first
/// character, so that neither a quotation nor a word in a sentence is a command.
#[must_use]
pub fn command(body: &str) -> Option<Command> {
    let line = body.lines().next().unwrap_or_default();
    let rest = line.strip_prefix(COMMAND)?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let rest = rest.trim();
    let (word, reason) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    Some(if word == "accept" {
        Command::Accept(one_line(reason, 1_000).trim().to_owned())
    } else {
        Command::Unknown(one_line(word, 40))
    })
}

/// Somebody, as GitHub names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The login.
    pub login: String,
    /// The number that stays where the login changes.
    pub id: Option<u64>,
    /// Whether it is an app or a bot.
    pub is_bot: bool,
}

impl Person {
    /// Reads a user of the API.
    pub(in crate::github) fn read(value: &Value) -> Option<Self> {
        let login = value.get("login")?.as_str()?.to_owned();
        let kind = value.get("type").and_then(Value::as_str);
        let is_bot = kind.is_some_and(|kind| kind != "User") || login.ends_with("[bot]");
        Some(Self { login, id: value.get("id").and_then(Value::as_u64), is_bot })
    }
}

/// Somebody's try to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::github) struct Attempt {
    /// Who; nothing where the account is gone.
    pub by: Option<Person>,
    /// How.
    pub how: How,
    /// Why; empty where none was given.
    pub reason: String,
    /// When; nothing where GitHub does not say it in a way that can be read.
    pub at: Option<Timestamp>,
    /// Whether the text is not what it was at that time.
    pub edited: bool,
}

/// What GitHub says of somebody's permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::github) enum Standing {
    /// They may write.
    Writes,
    /// They may not: what they may instead.
    Less(String),
    /// It could not be asked: why.
    Unknown(String),
}

impl Standing {
    /// Why it does not do, as the end of a sentence; nothing where it does. Who was not asked about has none.
    pub(in crate::github) fn lack(standing: Option<&Self>) -> Option<String> {
        match standing {
            Some(Self::Writes) => None,
            Some(Self::Less(role)) => {
                Some(format!("that takes write permission, and theirs is “{}”", one_line(role, 40)))
            }
            Some(Self::Unknown(why)) => {
                Some(format!("whether they may write could not be asked ({})", one_line(why, 200)))
            }
            None => Some("too many people tried".to_owned()),
        }
    }
}

/// What is sought.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The commit that the verdict is about.
    pub head: &'a CommitSha,
    /// When the first blocking verdict was posted on that commit; nothing where none was yet.
    pub verdict_at: Option<Timestamp>,
    /// The label that accepts.
    pub label: &'a str,
    /// Who opened the pull request.
    pub author: Option<&'a str>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The latest acceptance that counts.
    pub accepted: Option<Override>,
    /// Why the latest others don't, a sentence each; empty where one counts.
    pub refused: Vec<String>,
}

/// Every try in a pull request's history (its timeline), the latest first. A label counts where it is still on.
#[must_use]
pub(in crate::github) fn attempts(timeline: &[Value], label: &str) -> Vec<Attempt> {
    let text = |entry: &Value, path: &str| -> Option<String> {
        entry.pointer(path)?.as_str().map(str::to_owned)
    };
    let time = |entry: &Value, path: &str| text(entry, path)?.parse::<Timestamp>().ok();
    let mut found = Vec::new();
    // GitHub has no two labels that differ in case alone.
    let is_label = |entry: &&Value| {
        text(entry, "/label/name").is_some_and(|name| name.to_lowercase() == label.to_lowercase())
    };
    let mut labelled = None;
    for entry in timeline {
        match entry.get("event").and_then(Value::as_str) {
            Some("labeled") if is_label(&entry) => labelled = Some(entry),
            Some("unlabeled") if is_label(&entry) => labelled = None,
            Some("commented") => {
                let body = text(entry, "/body").unwrap_or_default();
                if let Some(Command::Accept(reason)) = command(&body) {
                    let person = entry.get("user").or_else(|| entry.get("actor"));
                    let at = time(entry, "/created_at");
                    found.push(Attempt {
                        by: person.and_then(Person::read),
                        how: How::Comment,
                        reason,
                        at,
                        // Whoever may write can edit anybody's comment.
                        edited: time(entry, "/updated_at") != at,
                    });
                }
            }
            _ => {}
        }
    }
    found.extend(labelled.map(|entry| Attempt {
        by: entry.get("actor").and_then(Person::read),
        how: How::Label,
        reason: "label".to_owned(),
        at: time(entry, "/created_at"),
        edited: false,
    }));
    found.sort_by_key(|attempt| std::cmp::Reverse(attempt.at));
    found
}

/// When the first blocking verdict under this name was posted, among a commit's check runs.
#[must_use]
pub(in crate::github) fn first_verdict(runs: &[Value], name: &str) -> Option<Timestamp> {
    verdicts(runs, name).filter_map(|run| run.get("completed_at")?.as_str()?.parse().ok()).min()
}

/// The workflow run that posted the latest blocking verdict under this name, by the address that it links to.
#[must_use]
pub fn last_workflow_run(runs: &[Value], name: &str) -> Option<u64> {
    let when = |run: &&Value| run.get("completed_at").and_then(Value::as_str).map(str::to_owned);
    let last = verdicts(runs, name).max_by_key(when)?;
    let (_, rest) = last.get("details_url")?.as_str()?.split_once("/actions/runs/")?;
    rest.split('/').next()?.parse().ok()
}

/// The check runs that are blocking verdicts of ours.
fn verdicts<'a>(runs: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    runs.iter().filter(move |run| {
        let text = |path: &str| run.pointer(path).and_then(Value::as_str).unwrap_or_default();
        text("/name") == name
            && text("/status") == "completed"
            && text("/conclusion") == "failure"
            && text("/external_id").starts_with("presscheck-")
            && !text("/output/title").starts_with(NO_VERDICT)
    })
}

/// Whose permission matters: of those whose try fails for no other reason, the latest first, each once.
#[must_use]
pub(in crate::github) fn people<'a>(
    attempts: &'a [Attempt],
    question: &Question<'_>,
) -> Vec<&'a Person> {
    let mut people: Vec<&Person> = Vec::new();
    let able = attempts.iter().filter(|attempt| objection(attempt, question).is_none());
    for person in able.filter_map(|attempt| attempt.by.as_ref()) {
        if people.len() < MAX_PEOPLE && !people.iter().any(|known| known.login == person.login) {
            people.push(person);
        }
    }
    people
}

/// Decides. `standings` has an answer for each of [`people`], by login.
#[must_use]
pub(in crate::github) fn rule(
    attempts: &[Attempt],
    question: &Question<'_>,
    standings: &BTreeMap<String, Standing>,
) -> Ruling {
    let mut refused = Vec::new();
    for attempt in attempts {
        let objection = objection(attempt, question).or_else(|| no_right(attempt, standings));
        match (objection, &attempt.by, attempt.at) {
            (None, Some(person), Some(at)) => {
                let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let (how, reason) = (attempt.how, &attempt.reason);
                let mut by = Override::new(&person.login, how, reason, &at, question.head.clone());
                by.by_author = question.author.is_some_and(|it| it.eq_ignore_ascii_case(&by.by));
                return Ruling { accepted: Some(by), refused: Vec::new() };
            }
            (objection, ..) => refused.extend(objection),
        }
    }
    refused.truncate(MAX_REFUSALS);
    Ruling { accepted: None, refused }
}

/// `The comment of @ada of 2026-11-23T10:00:00Z`.
fn name(attempt: &Attempt) -> String {
    let login = attempt.by.as_ref().map_or("somebody", |person| person.login.as_str());
    let when = attempt.at.map_or_else(String::new, |at| format!(" ({at:.0})"));
    match attempt.how {
        How::Label => format!("The label of @{}{when}", one_line(login, 60)),
        How::Comment => format!("The comment of @{}{when}", one_line(login, 60)),
    }
}

/// What is wrong with a try, whoever it is by.
fn objection(attempt: &Attempt, question: &Question<'_>) -> Option<String> {
    let name = name(attempt);
    let again = match attempt.how {
        How::Label => "take the label off and put it on again",
        How::Comment => "write it again",
    };
    let Some(person) = &attempt.by else {
        return Some(format!("{name} accepts nothing: the account is gone."));
    };
    if person.is_bot {
        return Some(format!("{name} accepts nothing: a bot can't, only a person."));
    }
    let (Some(at), false) = (attempt.at, attempt.edited) else {
        return Some(format!(
            "{name} accepts nothing: it was edited, and then nobody knows by whom; {again}."
        ));
    };
    if attempt.how == How::Comment && attempt.reason.is_empty() {
        return Some(format!("{name} gives no reason: write `{COMMAND} accept REASON`."));
    }
    let head = question.head.short();
    match question.verdict_at {
        None => Some(format!(
            "{name} accepts nothing: it came before there was a verdict on {head}. To accept this one, {again}."
        )),
        // The clock has whole seconds: the same second is not after.
        Some(verdict_at) if at <= verdict_at => Some(format!(
            "{name} accepts nothing: it is older than the verdict on {head}. To accept this one, {again}."
        )),
        Some(_) => None,
    }
}

/// Why somebody's permission does not do.
fn no_right(attempt: &Attempt, standings: &BTreeMap<String, Standing>) -> Option<String> {
    let standing = attempt.by.as_ref().and_then(|person| standings.get(&person.login));
    let why = Standing::lack(standing)?;
    Some(format!("{} accepts nothing: {why}.", name(attempt)))
}

#[cfg(test)]
mod tests;
