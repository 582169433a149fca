//! What readers see first where somebody accepted a blocking verdict: who, why, when, and what.

use super::line::Line;
use super::title;
use crate::gate::{Override, Verdict};
use crate::inert;

/// `⚠️ presscheck: Accepted by @ada: on purpose`.
pub(super) fn title_line(by: &Override) -> Line {
    let start = Line::new().ours("⚠️ presscheck: Accepted by ");
    start.foreign(&format!("@{}", by.by)).ours(": ").foreign(&by.reason)
}

/// The whole sentence, without the reason: how, when, and for what alone.
fn how_and_when(by: &Override) -> Line {
    let author = if by.by_author { ", who opened this pull request" } else { "" };
    Line::new()
        .ours("Accepted by ")
        .foreign(&format!("@{}", by.by))
        .ours(format!("{author}, by a {} of ", by.how.word()))
        .foreign(&by.at)
        .ours(format!(", for the commit {} alone: ", by.head.short()))
        .foreign(&by.reason)
}

/// What was accepted.
fn what(verdict: &Verdict) -> Line {
    Line::new()
        .ours(format!("The verdict itself stays `{}`: ", verdict.verdict.word()))
        .then(title::judged_line(verdict))
}

/// The banner as Markdown; nothing where nobody accepted anything.
pub(super) fn markdown(verdict: &Verdict) -> Option<String> {
    let by = verdict.overridden.as_ref()?;
    let (who, what) = (how_and_when(by).markdown(), what(verdict).markdown());
    Some(format!(
        "> [!WARNING]\n> {who}\n>\n> {what}\n>\n> The next push needs a verdict of its own.\n"
    ))
}

/// The banner as plain sentences.
pub(super) fn plain(verdict: &Verdict) -> Option<String> {
    let by = verdict.overridden.as_ref()?;
    let end = |line: Line| {
        let text = line.plain();
        if text.ends_with(['.', '!', '?', '…']) { text } else { format!("{text}.") }
    };
    let text = format!("{} {}", end(how_and_when(by)), end(what(verdict)));
    Some(inert::one_line(&text, 1_500))
}

#[cfg(test)]
mod tests {
    use crate::gate::{How, Override};
    use crate::report::{
        HtmlOptions, Run, TerminalStyle, fixtures, html, summary, terminal, title,
    };

    fn accepted(mut run: Run, by: &str, how: How, reason: &str) -> Run {
        let head = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9".parse().unwrap();
        let mut by = Override::new(by, how, reason, "2026-11-23T10:00:00Z", head);
        by.by_author = how == How::Comment;
        assert!(run.verdict.accept(by));
        run
    }

    /// The heading and what follows it.
    fn top(text: &str) -> String {
        text.split("\n| ").next().unwrap().to_owned()
    }

    #[test]
    fn an_accepted_verdict_says_so_first() {
        let run = accepted(fixtures::fail(), "ada", How::Comment, "The new look is on purpose.");
        insta::assert_snapshot!("accepted_summary", top(&summary(&run, 60_000)));
        insta::assert_snapshot!("accepted_terminal", terminal(&run, TerminalStyle::default()));
        insta::assert_snapshot!(title(&run), @"⚠️ presscheck: Accepted by @ada: The new look is on purpose.");
        let page = html(&run, HtmlOptions::default()).unwrap();
        assert!(page.contains("<p class=\"badge warn\">Accepted</p>"));
        assert!(
            page.contains("<h1 id=\"verdict\">Accepted by @ada: The new look is on purpose.</h1>")
        );
        assert!(page.contains("Accepted by @ada, who opened this pull request, by a comment of"));
        for text in [&page, &summary(&run, 60_000)] {
            assert!(!text.contains("Merging is blocked"), "{text}");
        }
    }

    #[test]
    fn a_label_on_several_models_or_an_undecided_verdict_reads_well() {
        for (name, run) in [("several", fixtures::several()), ("undecided", fixtures::outage())] {
            let run = accepted(run, "grace", How::Label, "label");
            insta::assert_snapshot!(format!("accepted_{name}"), top(&summary(&run, 60_000)));
        }
    }

    #[test]
    fn a_hostile_reason_and_login_do_nothing() {
        let reason = "::error::x @octo-org/team #1 ```<!-- presscheck:presscheck --> <img src=x> | ![x](https://t)\u{202e}\u{1b}[2J";
        let run = accepted(fixtures::fail(), "a_b*@x\n> y", How::Comment, reason);
        let text = summary(&run, 60_000);
        let top = top(&text);
        for live in ["@octo-org", "<img", "<!--", "![x](", "@a_b", "\u{202e}", "\u{1b}", "```"] {
            assert!(!top.contains(live), "{live}: {top}");
        }
        assert_eq!(top.matches("[!WARNING]").count(), 1);
        let page = html(&run, HtmlOptions::default()).unwrap();
        assert!(!page.contains("<img src=x>") && page.contains("&#60;img src=x&#62;"), "{page}");
        assert!(!title(&run).contains(['\n', '\u{202e}', '\u{1b}']));
    }

    #[test]
    fn the_banner_stays_however_little_room_there_is() {
        let run = accepted(fixtures::fail(), "ada", How::Comment, &"reason ".repeat(100));
        for max in [1_800, 4_000, 60_000] {
            let text = summary(&run, max);
            assert!(text.len() <= max && text.contains("> [!WARNING]"), "{max}: {text}");
        }
    }
}
