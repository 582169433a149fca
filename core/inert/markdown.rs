//! Text from outside, inside Markdown as GitHub renders it.
//!
//! GitHub looks for mentions, references and addresses in the *rendered* page, so that an escaped
//! `\@name` still mentions. Only two things stop it: code, and an invisible character in between.

use super::{one_line, visible};

/// The word joiner: invisible, and no line breaks at it.
const JOINER: char = '\u{2060}';

/// Inline text for a paragraph or a table cell, of at most `max` characters before escaping.
///
/// It renders as the text itself and nothing else: no mention, reference, address, HTML, picture, link,
/// emphasis, code, emoji name, formula, comment or new line. Invisible word joiners stand where GitHub
/// would otherwise see a reference, so it is for reading, not for copying; [`markdown_fence`] is for that.
#[must_use]
pub fn markdown(text: &str, max: usize) -> String {
    let line = one_line(text, max);
    let line = line.trim();
    let mut escaped = String::with_capacity(line.len() + line.len() / 4);
    let mut hex_run = 0_usize;
    let mut before = None;
    // At the start of a line, `1.`, `-`, `=` and others would begin a list or a heading.
    let mut at_start = true;
    let mut chars = line.chars().peekable();
    let mut trail = [' '; 3];
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        // GitHub links seven and more hexadecimal digits as a commit.
        hex_run = if c.is_ascii_hexdigit() { hex_run + 1 } else { 0 };
        if hex_run > 6 {
            escaped.push(JOINER);
            hex_run = 1;
        }
        match c {
            '\\' => escaped.push_str("&#92;"),
            '|' => escaped.push_str("&#124;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '`' | '*' | '_' | '[' | ']' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // The joiner also keeps a `#` at the start from being a heading.
            '@' | '#' => {
                escaped.push(c);
                escaped.push(JOINER);
            }
            // Addresses and emoji names.
            ':' => {
                escaped.push(':');
                if next.is_some_and(|c| !c.is_whitespace()) {
                    escaped.push(JOINER);
                }
            }
            // References such as `GH-1`, and those that a repository defines for its tracker.
            '-' if next.is_some_and(|c| c.is_ascii_digit())
                && before.is_some_and(char::is_alphanumeric) =>
            {
                escaped.push('-');
                escaped.push(JOINER);
            }
            '-' | '+' | '=' if at_start => {
                escaped.push('\\');
                escaped.push(c);
            }
            '.' if trail.iter().all(|c| c.eq_ignore_ascii_case(&'w')) => {
                escaped.push(JOINER);
                escaped.push('.');
            }
            '.' | ')' if at_start && before.is_some() && next.is_none_or(char::is_whitespace) => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
        at_start = at_start && c.is_ascii_digit();
        before = Some(c);
        let [_, b, a] = trail;
        trail = [b, a, c];
    }
    escaped
}

/// Inline code, on one line, that survives table cells and backticks in the text. Invisible characters
/// are shown, a new line as `⏎`.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let text = without_comments(&visible(text)).replace('\n', "⏎").replace('\t', " ");
    // A renderer strips spaces around code; here they would say nothing either.
    let text = text.trim();
    if text.is_empty() {
        return "_(empty)_".to_owned();
    }
    // A pipe ends a table cell even in code, and its escape shows outside of tables: only an HTML
    // element with a character reference works in both places.
    if text.contains('|') {
        return format!("<code>{}</code>", markdown(text, usize::MAX));
    }
    let fence = "`".repeat(longest_run(text) + 1);
    if text.contains('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// A fenced block, with a fence longer than any in the text, ending in a new line. Characters that hide
/// are shown. It must stand at the start of a line.
#[must_use]
pub fn markdown_fence(text: &str) -> String {
    let text = without_comments(&visible(text));
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{text}{end}{fence}\n")
}

/// The text with every HTML comment's start broken by a word joiner. Code shows a comment as it is, but
/// programs look for a comment's marker in the raw text.
fn without_comments(text: &str) -> String {
    text.replace("<!--", "<!\u{2060}--")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    #[test]
    fn inline_text_is_only_text() {
        let shown = |text| markdown(text, 200).replace(JOINER, "·");
        assert_snapshot!(shown("ask @octo/team, see #12, GH-1, a/b#3"), @"ask @·octo/team, see #·12, GH-·1, a/b#·3");
        assert_snapshot!(shown("at https://x.test/a and WWW.x.test, me@x.test"), @"at https:·//x.test/a and WWW·.x.test, me@·x.test");
        assert_snapshot!(shown("commit 4f2c91a0b1c2d3 or 4f2c91"), @"commit 4f2c91·a0b1c2·d3 or 4f2c91");
        assert_snapshot!(shown("![x](//t) <img src=x> <!-- presscheck:hero --> a|b"), @r"!\[x\](//t) &lt;img src=x&gt; &lt;!-- presscheck:·hero --&gt; a&#124;b");
        assert_snapshot!(shown("**b** _i_ ~~s~~ `c` $m$ :tada: &amp; \\"), @r"\*\*b\*\* \_i\_ \~\~s\~\~ \`c\` \$m\$ :·tada: &amp;amp; &#92;");
        assert_snapshot!(shown("  # heading\r\n---"), @r"#· heading  ---");
        assert_snapshot!(shown("1. list"), @r"1\. list");
        assert_snapshot!(shown("-- x"), @r"\-- x");
        assert_snapshot!(markdown("a long text", 6), @"a long…");
    }

    #[test]
    fn code_survives_backticks_pipes_and_comments() {
        assert_snapshot!(markdown_code("poster-017"), @"`poster-017`");
        assert_snapshot!(markdown_code("a`b``c"), @"``` a`b``c ```");
        assert_snapshot!(markdown_code("a|b <i>"), @"<code>a&#124;b &lt;i&gt;</code>");
        assert_snapshot!(markdown_code("a\nb\u{202e}"), @"`a⏎b⟨U+202E⟩`");
        assert_snapshot!(markdown_code(" "), @"_(empty)_");
        assert!(!markdown_code("<!-- presscheck:hero -->").contains("<!--"));
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        let ten = "`".repeat(10);
        let text = format!("a\n{ten}\n@octo\u{1b}[0m");
        assert_eq!(markdown_fence(&text), format!("`{ten}text\na\n{ten}\n@octo␛[0m\n`{ten}\n"));
        assert_snapshot!(markdown_fence(""), @r"
        ```text

        ```
        ");
    }

    /// Whether a character of the escaped text has no backslash before it.
    fn bare(escaped: &str, wanted: &[char]) -> bool {
        let mut before = ' ';
        for c in escaped.chars() {
            if wanted.contains(&c) && before != '\\' {
                return true;
            }
            before = c;
        }
        false
    }

    proptest! {
        #[test]
        fn nothing_of_inline_text_is_active(text in r"([a-f0-9]{0,9}|[@#:/.w<>!\-\[\]()`*_~|$&\\ \n0-9A-Z]|\PC){0,60}") {
            let escaped = markdown(&text, 1000);
            prop_assert!(!escaped.contains(['<', '>', '|', '\n', '\r']));
            prop_assert!(!bare(&escaped, &['`', '*', '_', '[', ']', '~', '$']));
            prop_assert!(!escaped.contains("://") && !escaped.to_lowercase().contains("www."));
            let chars: Vec<char> = escaped.replace("&#92;", " ").replace("&#124;", " ").chars().collect();
            for pair in chars.windows(2) {
                prop_assert!(!(matches!(pair[0], '@' | '#') && pair[1] != JOINER), "{escaped}");
            }
            prop_assert!(!chars.split(|c| !c.is_ascii_hexdigit()).any(|run| run.len() > 6), "{escaped}");
        }

        #[test]
        fn code_and_fences_stay_closed(text in r"([`|~]{0,12}|[a@<!\-> \n]|\PC){0,60}") {
            let code = markdown_code(&text);
            prop_assert!(!code.contains(['\n', '|']) && !code.contains("<!--"));
            if code.starts_with('`') {
                let run = code.chars().take_while(|c| *c == '`').count();
                let inner = &code[run..code.len() - run];
                prop_assert!(longest_run(inner) < run, "{code}");
            }
            let block = markdown_fence(&text);
            let run = block.chars().take_while(|c| *c == '`').count();
            let lines: Vec<&str> = block.lines().collect();
            let closing = lines.iter().filter(|line| line.trim_start().starts_with(&"`".repeat(run))).count();
            prop_assert_eq!(closing, 2, "{}", block);
            prop_assert!(!block.contains("<!--"));
        }
    }
}
