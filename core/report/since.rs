//! What changed since the last run of a pull request: told by the comment, which carries what it takes in a hidden line.
//!
//! The line holds no name: each prompt stands as four bytes of a hash, the failing ones first, then the others. That is
//! enough to say which of today's prompts failed before. Whoever could edit the comment could change what this says, and
//! nothing else: no verdict rests on it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::evidence::{self, Pair};
use super::line::code;
use super::{Run, words};
use crate::gate::Outcome;
use crate::units::Digest;

/// How the hidden line begins and ends.
const START: &str = "<!-- presscheck-last:1 ";
const END: &str = " -->";
/// The most prompts that are remembered: the line has to leave room for the comment.
const MOST: usize = 2_000;
/// The most names in the sentence.
const MOST_NAMED: usize = 5;

type Mark = [u8; 4];

/// The prompts that a run judged, those that failed apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    commit: String,
    failing: BTreeSet<Mark>,
    others: BTreeSet<Mark>,
}

/// The hidden line that a run leaves for the next one; nothing where it judged no prompt, or too many.
pub(super) fn hidden_line(run: &Run) -> Option<String> {
    let mut known = Known { commit: commit(run)?, ..Known::default() };
    for (name, pair) in judged(run) {
        let place = if fails(&pair) { &mut known.failing } else { &mut known.others };
        place.insert(mark(&name, &pair));
    }
    let prompts = known.failing.len() + known.others.len();
    if prompts == 0 || prompts > MOST {
        return None;
    }
    let flat = |marks: &BTreeSet<Mark>| -> String {
        let bytes: Vec<u8> = marks.iter().flatten().copied().collect();
        BASE64_STANDARD_NO_PAD.encode(bytes)
    };
    Some(format!("{START}{} .{} .{}{END}", known.commit, flat(&known.failing), flat(&known.others)))
}

/// What changed since the run whose comment this was; nothing where that is not known, or where it was of the same commit.
pub(super) fn sentence(run: &Run, before: &str) -> Option<String> {
    let before = read(before)?;
    if before.commit == commit(run)? {
        return None;
    }
    let mut new = Vec::new();
    let mut fixed = Vec::new();
    let mut unseen = 0_u64;
    let mut failing = 0_u64;
    for (subject, pair) in judged(run) {
        let mark = mark(&subject, &pair);
        let failed = before.failing.contains(&mark);
        failing += u64::from(fails(&pair));
        match (fails(&pair), failed) {
            (true, false) if before.others.contains(&mark) => new.push(pair.name()),
            (true, false) => unseen += 1,
            // Without an answer nothing is fixed.
            (false, true)
                if pair.candidate.is_some_and(|it| it.outcome != Outcome::Unavailable) =>
            {
                fixed.push(pair.name());
            }
            _ => {}
        }
    }
    let since = format!("Since the last run, at {}: ", code(&before.commit));
    let mut parts = Vec::new();
    if !new.is_empty() {
        parts.push(named(&new, "new failing prompt", "new failing prompts"));
    }
    if !fixed.is_empty() {
        parts.push(named(&fixed, "fixed", "fixed"));
    }
    if unseen > 0 {
        let failing = words::count(unseen, "failing prompt", "failing prompts");
        parts.push(format!("{failing} that it did not judge"));
    }
    if parts.is_empty() {
        let same = if failing == 0 { "still no prompt fails" } else { "the same prompts fail" };
        parts.push(same.to_owned());
    }
    Some(format!("{since}{}.", parts.join(", ")))
}

/// A count with the first names.
fn named(names: &[String], one: &str, many: &str) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMED).map(|name| code(name)).collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 {
        format!(" and {} more", words::thousands(more as u64))
    } else {
        String::new()
    };
    format!("{} ({}{more})", words::count(names.len() as u64, one, many), shown.join(", "))
}

/// The commit that was judged, short.
fn commit(run: &Run) -> Option<String> {
    let commit = run.verdict.subjects.first()?.candidate.commit.as_ref()?;
    let short: String = commit.as_str().chars().take(7).collect();
    is_commit(&short).then_some(short)
}

fn is_commit(text: &str) -> bool {
    text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// All judged pairs with their subject's name.
fn judged(run: &Run) -> impl Iterator<Item = (String, Pair<'_>)> {
    run.verdict.subjects.iter().zip(&run.subjects).flat_map(|(verdict, subject)| {
        let pairs = evidence::pairs(subject).into_iter();
        pairs.map(|pair| (verdict.name.clone(), pair)).collect::<Vec<_>>()
    })
}

fn fails(pair: &Pair<'_>) -> bool {
    pair.candidate.is_some_and(|sample| sample.failure)
}

/// What a prompt is known by.
fn mark(subject: &str, pair: &Pair<'_>) -> Mark {
    let name = serde_json::json!([subject, pair.case, pair.repeat]).to_string();
    let digest = Digest::of(name.as_bytes()).to_string();
    let byte = |at: usize| {
        digest.get(2 * at..2 * at + 2).and_then(|it| u8::from_str_radix(it, 16).ok()).unwrap_or(0)
    };
    [byte(0), byte(1), byte(2), byte(3)]
}

/// The hidden line of a comment.
fn read(comment: &str) -> Option<Known> {
    let line = comment.lines().rev().find_map(|line| line.trim_end().strip_prefix(START))?;
    let mut words = line.strip_suffix(END)?.split(' ');
    let commit = words.next().filter(|word| is_commit(word))?.to_owned();
    let mut marks = || -> Option<BTreeSet<Mark>> {
        let bytes = BASE64_STANDARD_NO_PAD.decode(words.next()?.strip_prefix('.')?).ok()?;
        let (marks, rest) = bytes.as_chunks::<4>();
        (rest.is_empty() && marks.len() <= MOST).then(|| marks.iter().copied().collect())
    };
    let (failing, others) = (marks()?, marks()?);
    words.next().is_none().then_some(Known { commit, failing, others })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use proptest::prelude::*;

    /// A run with other prompts failing, at another commit.
    fn at(commit: &str, failing: impl Fn(usize) -> bool) -> Run {
        let mut run = fixtures::fail();
        run.verdict.subjects[0].candidate.commit = Some(commit.repeat(40).parse().unwrap());
        let samples = run.subjects[0].samples.iter_mut();
        for (index, sample) in
            samples.filter(|it| it.side == crate::gate::Side::Candidate).enumerate()
        {
            sample.failure = failing(index);
            sample.outcome = if sample.failure { Outcome::Failed } else { Outcome::Passed };
        }
        run
    }

    fn since(before: &Run, now: &Run) -> Option<String> {
        sentence(
            now,
            &format!(
                "### text\n\n{}\n\n<!-- presscheck:presscheck -->",
                hidden_line(before).unwrap()
            ),
        )
    }

    #[test]
    fn what_is_new_and_what_is_fixed_is_named() {
        let first = at("a", |index| index < 3);
        assert_eq!(since(&first, &at("a", |index| index < 9)), None);
        insta::assert_snapshot!(
            [
                since(&first, &at("b", |index| (1..5).contains(&index))).unwrap(),
                since(&first, &at("b", |index| index < 12)).unwrap(),
                since(&first, &at("b", |index| index < 3)).unwrap(),
                since(&at("a", |_| false), &at("b", |_| false)).unwrap(),
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_prompt_that_was_not_judged_before_is_not_called_new() {
        let mut before = at("a", |_| false);
        before.subjects[0].samples.truncate(20);
        let text = since(&before, &at("b", |index| index == 5 || index == 30)).unwrap();
        assert!(
            text.contains("1 new failing prompt (")
                && text.contains("1 failing prompt that it did not judge"),
            "{text}"
        );
    }

    #[test]
    fn a_line_that_is_not_ours_says_nothing() {
        let now = at("b", |_| false);
        let line = hidden_line(&at("a", |index| index < 3)).unwrap();
        assert!(sentence(&now, &line).is_some());
        for broken in [
            "",
            START,
            "<!-- presscheck-last:1 -->",
            "<!-- presscheck-last:1 aaaaaaa . -->",
            "<!-- presscheck-last:1 aaaaaaa .AAAA . -->",
            "<!-- presscheck-last:1 `@all`. .AAAAAA . -->",
            &line.replace(" -->", ""),
            &line.replace("last:1", "last:2"),
            &format!("> {line}"),
        ] {
            assert_eq!(sentence(&now, broken), None, "{broken}");
        }
        assert!(!line.contains("--") || line.matches("--").count() == 2);
    }

    proptest! {
        #[test]
        fn any_comment_is_read_without_a_fuss(comment in ".*", tail in "[ .A-Za-z0-9+/=-]{0,80}") {
            let now = at("b", |index| index < 3);
            let _ = sentence(&now, &comment);
            let _ = sentence(&now, &format!("{START}{tail}{END}"));
        }
    }
}
