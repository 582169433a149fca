//! A case of any format, from the tree that the format gives.

use super::expected::Expected;
use super::read::{MAX_PROMPT_BYTES, too_long};
use crate::inert::{is_invisible, one_line};
use crate::policy::{
    Entry, Expectation, FromNode, Kind, Node, Problems, Span, nearest, unknown_name,
};
use crate::units::RepoPath;

/// The keys of a case.
pub(super) const KEYS: [&str; 7] = ["id", "prompt", "tags", "expect", "image", "mask", "locale"];

/// The longest id, in characters: it must fit in a table of a comment.
const MAX_ID: usize = 100;
/// The longest tag, in characters.
const MAX_TAG: usize = 64;
/// The most tags of a case.
const MAX_TAGS: usize = 32;

/// A case as its file has it, before ids are given and duplicates found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Draft {
    pub(super) id: Option<String>,
    pub(super) prompt: String,
    pub(super) tags: Vec<String>,
    pub(super) expect: Expected,
    pub(super) image: Option<RepoPath>,
    pub(super) mask: Option<RepoPath>,
    pub(super) locale: Option<String>,
}

impl Draft {
    /// A case that is only a prompt.
    pub(super) fn of_prompt(prompt: &str) -> Self {
        Self { prompt: prompt.to_owned(), ..Self::default() }
    }

    /// Reads a case: a text (the prompt alone) or a table. Nothing after its problems were reported.
    pub(super) fn from_node(
        node: &Node,
        expectations: &[Expectation],
        problems: &mut Problems,
    ) -> Option<Self> {
        let before = problems.errors();
        let draft = match &node.kind {
            Kind::Text(prompt) => {
                check_prompt(prompt, node.span, problems);
                Self::of_prompt(prompt)
            }
            Kind::Table(entries) => Self::from_table(node.span, entries, expectations, problems),
            _ => {
                node.wrong_type("a case (a table with the key `prompt`) or a prompt", problems);
                return None;
            }
        };
        (problems.errors() == before).then_some(draft)
    }

    fn from_table(
        span: Span,
        entries: &[Entry],
        expectations: &[Expectation],
        problems: &mut Problems,
    ) -> Self {
        let mut draft = Self::default();
        let mut has_prompt = false;
        for Entry { key, key_span, value } in entries {
            // A key without a value counts as absent, as everywhere in the policy.
            if value.kind == Kind::Null && KEYS.contains(&key.as_str()) {
                continue;
            }
            match key.as_str() {
                "prompt" => {
                    has_prompt = true;
                    if let Some(prompt) = String::from_node(value, problems) {
                        check_prompt(&prompt, value.span, problems);
                        draft.prompt = prompt;
                    }
                }
                "id" => draft.id = read_id(value, problems),
                "tags" => draft.tags = read_tags(value, problems),
                "image" => draft.image = RepoPath::from_node(value, problems),
                "mask" => draft.mask = RepoPath::from_node(value, problems),
                "locale" => draft.locale = read_locale(value, problems),
                "expect" => draft.expect = read_expect(value, expectations, problems),
                _ if expectations.iter().any(|known| known.key == key) => problems.error_with_help(
                    *key_span,
                    format!("`{key}` is something that a case expects"),
                    format!("put it under `expect`: {{\"expect\": {{\"{key}\": …}}}}"),
                ),
                _ => unknown_name("key", key, *key_span, &KEYS, problems),
            }
        }
        if let (Some(mask), None) = (&draft.mask, &draft.image) {
            problems.error_with_help(
                span,
                format!("the mask {mask} has no `image` to lie over"),
                "a mask says which part of the input picture may change",
            );
        }
        // A misspelt key was reported already, at its own place.
        let tried = entries
            .iter()
            .any(|entry| entry.key != "prompt" && nearest(&entry.key, &KEYS) == Some("prompt"));
        if !has_prompt && !tried {
            problems.error(span, "the key `prompt` is missing");
        }
        draft
    }
}

/// Reports a prompt that can't be sent.
pub(super) fn check_prompt(prompt: &str, span: Span, problems: &mut Problems) {
    if prompt.is_empty() {
        problems.error_with_help(
            span,
            "the prompt is empty",
            "to test a blank prompt, write one space",
        );
    } else if prompt.contains('\0') {
        problems.error(span, "the prompt holds a NUL character");
    } else if prompt.len() > MAX_PROMPT_BYTES {
        too_long("the prompt", prompt.len(), span, problems);
    }
}

/// A short text without characters that hide or move others, or nothing after the reason was reported.
fn short_text(what: &str, node: &Node, max: usize, problems: &mut Problems) -> Option<String> {
    let text = match &node.kind {
        // Ids and tags that look like numbers are texts all the same.
        Kind::Int(number) => number.to_string(),
        _ => String::from_node(node, problems)?,
    };
    let text = text.trim();
    if text.is_empty() {
        problems.error(node.span, format!("the {what} is empty"));
    } else if text.chars().count() > max {
        problems.error(node.span, format!("the {what} is over {max} characters"));
    } else if text.chars().any(is_invisible) {
        problems.error(
            node.span,
            format!("the {what} `{}` holds invisible characters", one_line(text, 60)),
        );
    } else {
        return Some(text.to_owned());
    }
    None
}

fn read_id(node: &Node, problems: &mut Problems) -> Option<String> {
    short_text("id", node, MAX_ID, problems)
}

fn read_tags(node: &Node, problems: &mut Problems) -> Vec<String> {
    let Kind::List(items) = &node.kind else {
        node.wrong_type("a list of tags, such as [\"typography\"]", problems);
        return Vec::new();
    };
    if items.len() > MAX_TAGS {
        problems.error(node.span, format!("a case has at most {MAX_TAGS} tags"));
        return Vec::new();
    }
    let mut tags = Vec::with_capacity(items.len());
    for item in items {
        if let Some(tag) = short_text("tag", item, MAX_TAG, problems).filter(|t| !tags.contains(t))
        {
            tags.push(tag);
        }
    }
    tags
}

/// A language tag in the outer form of BCP 47 (RFC 5646): parts of 1 to 8 letters and digits, joined by
/// hyphens, the first of 2 to 8 letters.
fn read_locale(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = String::from_node(node, problems)?;
    let mut parts = text.split('-');
    let language = parts.next().is_some_and(|part| {
        (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let rest = parts.all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if language && rest && text.len() <= 35 {
        return Some(text);
    }
    problems.error(
        node.span,
        format!(
            "`{}` is no language tag; expected one such as `en`, `pt-BR` or `zh-Hant`",
            one_line(&text, 40)
        ),
    );
    None
}

fn read_expect(node: &Node, expectations: &[Expectation], problems: &mut Problems) -> Expected {
    let mut expect = Expected::new();
    let Kind::Table(entries) = &node.kind else {
        node.wrong_type("a table of what is expected", problems);
        return expect;
    };
    for Entry { key, key_span, value } in entries {
        let Some(known) = expectations.iter().find(|known| known.key == key) else {
            let keys: Vec<_> = expectations.iter().map(|known| known.key).collect();
            unknown_name("expectation", key, *key_span, &keys, problems);
            continue;
        };
        if value.kind == Kind::Null {
            continue;
        }
        let json = value.to_json();
        match (known.validate)(&json) {
            Ok(()) => {
                expect.insert(known.key, json);
            }
            Err(why) => problems.error(value.span, format!("`{key}`: {why}")),
        }
    }
    expect
}
