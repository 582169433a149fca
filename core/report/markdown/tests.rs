use insta::assert_snapshot;
use proptest::prelude::*;

use super::super::Run;
use super::super::fixtures::{self, End, HOSTILE};
use super::super::title::{self, title};
use super::is_plain_url;
use super::summary;

/// The size of a comment.
const COMMENT: usize = 60_000;

#[test]
fn comments_read_well() {
    for (name, run) in fixtures::others() {
        assert_snapshot!(format!("summary_{name}"), summary(&run, COMMENT));
    }
}

#[test]
fn titles_read_well() {
    let titles: Vec<String> = fixtures::all()
        .iter()
        .filter(|(name, _)| *name != "hostile")
        .map(|(name, run)| format!("{name}: {}", title(run)))
        .collect();
    assert_snapshot!(titles.join("\n"));
}

#[test]
fn broken_limits_read_well() {
    let mut run = fixtures::fail();
    let mut titles = Vec::new();
    for (index, name) in [
        (0, "by_tag.typography.failure_rate.max_increase"),
        (1, "failure_rate.max"),
        (1, "by_tag.typography.failure_rate.max"),
        (2, "cost_per_1k.max_increase"),
        (2, "cost_per_1k.max"),
        (3, "latency_p95.max_increase"),
        (3, "latency_p95.max"),
        (4, "unavailable.max"),
    ] {
        let limits = &mut run.verdict.subjects[0].limits;
        for (at, limit) in limits.iter_mut().enumerate() {
            limit.outcome = if at == index {
                crate::gate::LimitOutcome::Fail
            } else {
                crate::gate::LimitOutcome::Pass
            };
        }
        name.clone_into(&mut limits[index].name);
        titles.push(title(&run));
    }
    assert_snapshot!(titles.join("\n"));
}

#[test]
fn a_run_without_a_verdict_says_why() {
    let reason = "the key of provider `google` was rejected.";
    assert_snapshot!(title::could_not_run_title(reason), @"⛔ presscheck could not run: the key of provider `google` was rejected");
    let text = super::could_not_run_summary(
        reason,
        "error: 401\n\u{1b}[31m",
        "$0.04".parse().unwrap(),
        5_000,
    );
    assert_snapshot!(text, @r"
    ### ⛔ presscheck could not run: the key of provider \`google\` was rejected

    There is no verdict, so merging is blocked. Spent $0.04; what was paid for is in the store.

    ```text
    error: 401
    ␛[31m
    ```
    ");
    for max in [0, 40, 300, 5_000] {
        let text =
            super::could_not_run_summary(HOSTILE, &HOSTILE.repeat(20), "$0".parse().unwrap(), max);
        assert!(text.len() <= max);
        assert_whole(&text);
        assert_inert(&text);
    }
}

/// Whether Markdown is whole: fences, folded parts and tables are closed.
fn assert_whole(text: &str) {
    let mut fence: Option<usize> = None;
    let mut columns: Option<usize> = None;
    for line in text.lines() {
        let run = line.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(length) if run >= length && line.trim_end().len() == run => fence = None,
            Some(_) => {}
            None if run >= 3 && !line[run..].contains('`') => fence = Some(run),
            None => {
                if line.starts_with('|') {
                    let cells = line.matches('|').count();
                    assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
                } else {
                    columns = None;
                }
            }
        }
    }
    assert_eq!(fence, None, "{text}");
    let ours = outside_code(text);
    assert_eq!(ours.matches("<details>").count(), ours.matches("</details>").count(), "{text}");
}

/// The text outside of code: what GitHub may turn into something.
fn outside_code(text: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<usize> = None;
    for line in text.lines() {
        let run = line.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(length) if run >= length && line.trim_end().len() == run => fence = None,
            Some(_) => {}
            None if run >= 3 && !line[run..].contains('`') => fence = Some(run),
            None => {
                let mut rest = line;
                while let Some(at) = rest.find('`') {
                    if rest[..at].ends_with('\\') {
                        outside.push_str(&rest[..=at]);
                        rest = &rest[at + 1..];
                        continue;
                    }
                    outside.push_str(&rest[..at]);
                    let run = rest[at..].chars().take_while(|c| *c == '`').count();
                    let code = &rest[at + run..];
                    let marks = "`".repeat(run);
                    let mut end = 0;
                    loop {
                        let found = end + code[end..].find(&marks).expect("code is closed");
                        let length = code[found..].chars().take_while(|c| *c == '`').count();
                        end = found + length;
                        if length == run {
                            break;
                        }
                    }
                    rest = &code[end..];
                }
                outside.push_str(rest);
                outside.push('\n');
            }
        }
    }
    outside
}

/// The text without backslashes and what they escape.
fn without_escapes(text: &str) -> String {
    let mut kept = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
            kept.push('\u{fffd}');
        } else {
            kept.push(c);
        }
    }
    kept
}

/// Whether nothing from outside is active. Our own text has these tags, one link, and those to the page on a check.
fn assert_inert(text: &str) {
    let mut outside = without_escapes(&outside_code(text));
    // Our own quote, right below the heading, tells who accepted the verdict.
    if let Some((heading, quoted)) = outside.split_once("\n\n> [!WARNING]\n") {
        let (quoted, rest) = quoted.split_once("\n\n").unwrap();
        let lines: Vec<_> = quoted.lines().map(|line| line.strip_prefix('>').unwrap()).collect();
        outside = format!("{heading}\n\n{}\n\n{rest}", lines.join("\n"));
    }
    for ours in [
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<code>",
        "</code>",
        "](https://github.com/octo/shop/actions/runs/42)",
    ] {
        outside = outside.replace(ours, "");
    }
    for page in crate::checks::REGISTRY
        .iter()
        .filter_map(|kind| crate::report::words::check_page(kind.vocabulary.name))
    {
        outside = outside.replace(&format!("]({page})"), "");
    }
    assert!(!outside.contains(['<', '>']), "a tag: {outside}");
    for active in ["](", "![", "://", "www.", "<!--"] {
        assert!(!outside.contains(active), "{active}: {outside}");
    }
    let chars: Vec<char> = outside.chars().collect();
    for pair in chars.windows(2) {
        assert!(pair[0] != '@' || !pair[1].is_alphanumeric(), "a mention: {outside}");
        assert!(pair[0] != '#' || !pair[1].is_ascii_digit() || outside.contains("&#"), "{outside}");
    }
    assert!(!text.contains("<!--"));
    assert!(!text.contains(['\u{202e}', '\u{1b}', '\0']));
}

#[test]
fn every_size_is_kept_and_whole() {
    for (name, run) in fixtures::all().into_iter().chain([("thousands", fixtures::thousands())]) {
        for max in [0, 1, 20, 300, 1_000, 2_000, 4_000, 8_000, 16_000, COMMENT, 1_000_000] {
            let text = summary(&run, max);
            assert!(text.len() <= max, "{name} at {max}: {}", text.len());
            assert_whole(&text);
            assert_inert(&text);
            assert!(max < 1_000 || text.starts_with("### "), "{name} at {max}: {text}");
        }
    }
}

#[test]
fn thousands_of_failures_fit_a_comment_and_say_what_is_left_out() {
    let text = summary(&fixtures::thousands(), COMMENT);
    assert!(text.contains("of 2,000 failing prompts, exactly as sent"), "{text}");
    assert!(text.contains("more in `report.html`"));
    assert!(text.len() > 10_000, "{}", text.len());
}

#[test]
fn a_link_leads_only_to_https() {
    assert!(summary(&fixtures::fail(), COMMENT).contains("](https://github.com/octo/"));
    assert!(!summary(&fixtures::hostile(), COMMENT).contains("[Report"));
    for url in ["http://x.test", "https://x.test/a)b", "https://x.test/a b", "javascript:alert(1)"]
    {
        assert!(!is_plain_url(url), "{url}");
    }
}

#[test]
fn text_from_outside_is_in_the_summary_but_inert() {
    let text = summary(&fixtures::hostile(), COMMENT);
    assert!(text.contains("tracker.test"), "the exact prompt is shown: {text}");
    assert!(title(&fixtures::hostile()).chars().count() <= 250);
    assert!(!title(&fixtures::hostile()).contains(char::is_control));
}

/// A run whose every text from outside is this one.
fn run_with(text: &str) -> Run {
    let mut plans = fixtures::plans(6);
    for plan in &mut plans {
        text.clone_into(&mut plan.prompt);
        plan.tags = vec![text.to_owned()];
    }
    text.clone_into(&mut plans[0].case);
    plans[0].ends[1] = End::Check("text", "x");
    plans[1].ends[1] = End::Check("text", "x");
    plans[2].ends[1] = End::Check("text", "x");
    let (mut verdict, mut evidence) = fixtures::subject(text, &plans, 6);
    text.clone_into(&mut verdict.reason);
    text.clone_into(&mut verdict.candidate.model);
    for sample in &mut evidence.samples {
        for finding in &mut sample.findings {
            text.clone_into(&mut finding.message);
        }
    }
    let mut run = fixtures::run(vec![(verdict, evidence)]);
    run.verdict.notes = vec![text.to_owned()];
    text.clone_into(&mut run.again);
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_from_outside_is_ever_active(
        pieces in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,20}", "[`|<>@#!\\[\\]()*_~\\\\ \n&:/.-]{0,12}", Just("@octo/team".to_owned()),
                Just("<!--".to_owned()), Just("</details>".to_owned()), Just("![](https://t)".to_owned()),
                Just("\u{202e}".to_owned()), Just("www.x.y".to_owned()), Just("``````".to_owned()),
                Just(HOSTILE.to_owned()),
            ],
            0..8,
        ),
        max in 1_000_usize..20_000,
    ) {
        let text = summary(&run_with(&pieces.concat()), max);
        prop_assert!(text.len() <= max);
        assert_whole(&text);
        assert_inert(&text);
    }
}
