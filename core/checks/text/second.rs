//! The second reader: a vision model that writes down what it reads, asked where the first is unsure or does not know the
//! letters. It is never told what to expect.

use super::super::asking::{Asking, Heard, Unsaid, WouldAsk, shown, transcription};
use super::{Ignored, NAME, WhenUnsure, quoted, texts};
use crate::checks::{CheckResult, Finding, Picture, UNAVAILABLE};
use crate::inert::one_line;
use crate::policy::{Ability, Asked, Spanned};
use crate::prompts::Case;
use crate::record;
use crate::units::Seed;

record! {
    /// A vision model that reads what the first reader is unsure of, or does not know the letters of.
    pub struct SecondReader {
        /// The provider, by its name in this policy.
        provider: Spanned<String>,
        /// The model's id: pin a version, not an alias that moves.
        model: Spanned<String>,
        /// The seed that is sent.
        seed: Seed = "7",
    }
}

/// The longest side of the picture as it is shown: enough for small print, and not too much to send.
const MAX_SIDE: u32 = 2048;

/// The mark of a finding that the second reader is asked about, beside the text under the limit `text`.
const TEXT: &str = "text";

impl SecondReader {
    pub(super) fn asked(&self) -> Asked {
        Asked {
            provider: self.provider.clone(),
            model: self.model.clone(),
            ability: Ability::Questions,
        }
    }

    pub(super) fn would_ask(&self, case: &Case) -> Vec<WouldAsk> {
        let requests = u32::from(!texts(case).is_empty());
        vec![WouldAsk {
            provider: self.provider.value.clone(),
            model: self.model.value.clone(),
            requests,
        }]
    }

    /// One question for the whole picture, where any of its texts needs it.
    pub(super) fn ask(&self, picture: &Picture, so_far: &[Finding]) -> Vec<Asking> {
        if !so_far.iter().any(needs_it) {
            return Vec::new();
        }
        let Ok(file) = shown(picture, MAX_SIDE) else { return Vec::new() };
        vec![Asking::Provider {
            provider: self.provider.value.clone(),
            question: transcription::question(&self.model.value, file, self.seed),
            votes: 1,
        }]
    }
}

/// Whether a text is still open: the first reader is unsure of it, or can't judge it at all.
fn needs_it(finding: &Finding) -> bool {
    let open = matches!(finding.result, CheckResult::Unsure | CheckResult::Skipped)
        || finding.measured.contains_key("unsure");
    open && finding.limit.contains_key(TEXT)
}

/// Says of each text that is still open that the second reader was not asked, and why.
pub(super) fn leave(findings: &mut [Finding], why: &str) {
    for finding in findings.iter_mut().filter(|finding| needs_it(finding)) {
        finding.message = format!("{}; the second reader was not asked: {why}", finding.message);
    }
}

/// What the expected texts mean.
pub(super) struct Means<'a> {
    pub(super) case: &'a Case,
    pub(super) ignored: Ignored,
    pub(super) unsure: WhenUnsure,
}

/// The findings after the second reader's answer.
pub(super) fn hear(means: &Means<'_>, so_far: Vec<Finding>, heard: &[Heard]) -> Vec<Finding> {
    let Some(Heard::Votes(votes)) = heard.first() else { return so_far };
    let read = match votes.first() {
        Some(Ok(answer)) => {
            transcription::lines(answer).map_err(|words| Unsaid { unavailable: false, words })
        }
        Some(Err(unsaid)) => Err(unsaid.clone()),
        None => return so_far,
    };
    so_far
        .into_iter()
        .map(|finding| if needs_it(&finding) { settle(means, finding, &read) } else { finding })
        .collect()
}

fn settle(means: &Means<'_>, finding: Finding, read: &Result<Vec<String>, Unsaid>) -> Finding {
    let ignored = means.ignored;
    let limit = finding.limit.get(TEXT).and_then(|text| text.as_str()).unwrap_or_default();
    let all = texts(means.case);
    let Some(text) = all.iter().find(|text| one_line(text, 200) == limit) else { return finding };
    let lines = match read {
        Ok(lines) => lines,
        Err(unsaid) => {
            let words = one_line(&unsaid.words, 200);
            let message = format!("{}; the second reader gave no answer: {words}", finding.message);
            let unread = finding.result == CheckResult::Skipped;
            let finding = Finding { message, ..finding };
            return match (unread, unsaid.unavailable, means.unsure) {
                (false, ..) => finding,
                (true, true, _) => finding.measured(UNAVAILABLE, true),
                // A picture that makes a reader refuse, or babble, must gain nothing by it.
                (true, false, WhenUnsure::Fail) => {
                    Finding { result: CheckResult::Unsure, ..finding }
                }
                (true, false, WhenUnsure::Pass) => finding,
            };
        }
    };
    let wanted = ignored.fold(text);
    let times = all.iter().filter(|other| ignored.fold(other) == wanted).count();
    let found = occurrences(lines, ignored, &wanted);
    let shown = quoted(text);
    let (result, message) = if wanted.is_empty() {
        let message =
            format!("cannot judge {shown}: punctuation is ignored, and nothing else is left");
        (CheckResult::Skipped, message)
    } else if found >= times {
        (CheckResult::Pass, format!("{shown} is drawn, as the second reader writes it down"))
    } else {
        let seen = one_line(&lines.join(" / "), 120);
        let seen = if seen.is_empty() { "no text".to_owned() } else { format!("“{seen}”") };
        (CheckResult::Fail, format!("{shown} is not drawn: the second reader writes down {seen}"))
    };
    let mut measured = finding.measured;
    measured.remove("unsure");
    let own = Finding { check: NAME.to_owned(), result, message, measured, ..finding };
    own.measured("second_reader", one_line(&lines.join(" / "), 500))
}

/// How often a folded text stands in the lines, as whole words: over several lines too, one after the other.
fn occurrences(lines: &[String], ignored: Ignored, wanted: &str) -> usize {
    if wanted.is_empty() {
        return 0;
    }
    let mut all = String::new();
    // Places where a word begins or ends, in bytes.
    let mut edges = vec![0];
    for word in lines.iter().flat_map(|line| line.split(|c: char| c.is_whitespace() || is_dash(c)))
    {
        for c in ignored.fold(word).chars() {
            // Scripts without spaces: each letter may begin or end what is looked for.
            if has_no_spaces(c) {
                edges.push(all.len());
                edges.push(all.len() + c.len_utf8());
            }
            all.push(c);
        }
        edges.push(all.len());
    }
    let mut count = 0;
    let mut from = 0;
    while let Some(at) = all.get(from..).and_then(|rest| rest.find(wanted)) {
        let (start, end) = (from + at, from + at + wanted.len());
        if edges.contains(&start) && edges.contains(&end) {
            count += 1;
            from = end;
        } else {
            from = start
                + all.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
    }
    count
}

const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}')
}

/// Chinese, Japanese, Thai, Lao, Khmer, Burmese.
const fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::checks::testing;

    const LENIENT: Ignored =
        Ignored { case: true, width: true, punctuation: true, diacritics: false };

    fn open(text: &str, result: CheckResult) -> Finding {
        Finding::new(NAME, result, "look at it").limit(TEXT, text)
    }

    fn heard(texts: &[&str], finding: Finding, answer: Result<&str, bool>) -> Finding {
        let case = testing::case(&json!({"text": texts}), &[]);
        let answer = answer
            .map(str::to_owned)
            .map_err(|unavailable| Unsaid { unavailable, words: "busy".to_owned() });
        let means = Means { case: &case, ignored: LENIENT, unsure: WhenUnsure::Fail };
        hear(&means, vec![finding], &[Heard::Votes(vec![answer])]).remove(0)
    }

    #[test]
    fn whole_words_are_found_over_lines_and_parts_of_words_are_not() {
        let count = |lines: &[&str], text: &str| {
            let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
            occurrences(&lines, LENIENT, &LENIENT.fold(text))
        };
        assert_eq!(count(&["GRAND", "Opening!"], "Grand Opening"), 1);
        assert_eq!(count(&["SALE sale", "sale-today"], "Sale"), 3);
        assert_eq!(count(&["WHOLESALE", "sales"], "sale"), 0);
        assert_eq!(count(&["本日開店です"], "開店"), 1);
        assert_eq!(count(&["ОТКРЫТО сегодня"], "открыто"), 1);
        assert_eq!(count(&[], "x"), 0);
        assert_eq!(count(&["éé"], "é"), 0);
    }

    #[test]
    fn an_open_text_is_settled_by_what_is_written_down() {
        let unsure = || open("SALE", CheckResult::Unsure);
        let passed = heard(&["SALE"], unsure(), Ok(r#"{"lines": ["Big Sale"]}"#));
        assert_eq!(passed.result, CheckResult::Pass);
        let failed = heard(&["SALE"], unsure(), Ok(r#"{"lines": ["Big Sael"]}"#));
        assert_eq!(failed.result, CheckResult::Fail);
        insta::assert_snapshot!(failed.message, @"“SALE” is not drawn: the second reader writes down “Big Sael”");
        assert_eq!(
            heard(&["SALE", "sale"], unsure(), Ok(r#"{"lines": ["sale"]}"#)).result,
            CheckResult::Fail,
            "it is expected twice"
        );
        // Letters that the first reader does not know.
        let other = open("ОТКРЫТО", CheckResult::Skipped);
        let passed = heard(&["ОТКРЫТО"], other, Ok(r#"{"lines": ["Открыто"]}"#));
        assert_eq!(passed.result, CheckResult::Pass);
    }

    proptest! {
        /// A text that stands in a line by itself is found, among whatever else.
        #[test]
        fn what_is_written_down_is_found(before in ".{0,40}", text in "\\w{1,12}", after in ".{0,40}") {
            let wanted = LENIENT.fold(&text);
            prop_assume!(!wanted.is_empty());
            let lines = [before, text, after];
            prop_assert!(occurrences(&lines, LENIENT, &wanted) >= 1);
        }
    }

    #[test]
    fn a_reader_that_may_not_be_asked_is_named_where_it_would_be() {
        let mut found = [open("SALE", CheckResult::Unsure), open("OPEN", CheckResult::Pass)];
        leave(&mut found, "nobody is asked here");
        let [unsure, sure] = found.map(|finding| finding.message);
        assert_eq!(unsure, "look at it; the second reader was not asked: nobody is asked here");
        assert_eq!(sure, "look at it");
    }

    #[test]
    fn no_answer_settles_nothing() {
        for answer in [Ok("SALE"), Err(false), Err(true)] {
            let left = heard(&["SALE"], open("SALE", CheckResult::Unsure), answer);
            assert_eq!(left.result, CheckResult::Unsure);
            assert!(!left.measured.contains_key(UNAVAILABLE));
        }
        let left = heard(&["SALE"], open("SALE", CheckResult::Skipped), Err(true));
        assert_eq!(left.result, CheckResult::Skipped);
        assert!(left.measured.contains_key(UNAVAILABLE));
        // A refusal is no outage: nobody could read what the picture had to show.
        for answer in [Ok("I can't help with that."), Err(false)] {
            let left = heard(&["ОТКРЫТО"], open("ОТКРЫТО", CheckResult::Skipped), answer);
            assert_eq!(left.result, CheckResult::Unsure);
        }
        // What the first reader is sure of is not asked about.
        let sure = open("SALE", CheckResult::Fail);
        assert_eq!(heard(&["SALE"], sure.clone(), Ok(r#"{"lines": ["SALE"]}"#)), sure);
    }
}
