//! Text from outside, made inert for the place where it lands.
//!
//! One function for each place. Nothing that a prompt, a provider or a picture says may end a table,
//! mention a person, load a picture, move a cursor or start a workflow command.

mod markdown;

use std::fmt::Write as _;

pub use markdown::{markdown, markdown_code, markdown_fence};
use serde::Serialize;

use crate::units::Digest;

/// Whether a character moves, hides or reorders text: controls, line and paragraph separators,
/// bidirectional marks, zero-width and tag characters.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// One line of at most `max` characters: what is invisible becomes a space, what is too long ends in `…`.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for (count, c) in text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).enumerate() {
        if count >= max {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// Where a line of the text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newlines {
    /// `\n` stays; `\r\n` becomes `\n`.
    Keep,
    /// Every newline becomes a space.
    Join,
}

/// Text for a terminal or a log: no escape sequence, cursor movement or reordering is left.
///
/// What is invisible becomes a space; a tab too, since tables are aligned by columns.
#[must_use]
pub fn terminal(text: &str, newlines: Newlines) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|c| match c {
            '\n' if newlines == Newlines::Keep => '\n',
            c if is_invisible(c) => ' ',
            c => c,
        })
        .collect()
}

/// Text in which a reader sees every character that would hide: `␛`, `⟨U+202E⟩`.
///
/// Newlines and tabs stay, and so do the joiners U+200C and U+200D, which Persian and emoji need.
/// `\r\n` becomes `\n`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' | '\u{200C}' | '\u{200D}' => shown.push(c),
            // Unicode's control pictures lie at U+2400 plus the control's own number.
            '\0'..='\u{1F}' => shown.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or(' ')),
            '\u{7F}' => shown.push('␡'),
            c if is_invisible(c) => {
                // Writing to a string can't fail.
                let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Text for HTML content and for quoted attributes. Templates escape by themselves; this is for what
/// is built outside of them.
#[must_use]
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value as JSON for `<script type="application/json">`: nothing in it ends the element, opens a comment, or
/// hides.
///
/// Outside of its texts JSON has none of the escaped characters, so it stays the same JSON.
///
/// # Errors
/// Where the value has no JSON form.
pub fn script_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?;
    let mut escaped = String::with_capacity(json.len() + json.len() / 64);
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&') || is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string can't fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

/// A word of a command line, quoted for a POSIX shell where it has to be.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Text with only the characters that XML 1.0 allows (section 2.2, `Char`). It is not escaped: the
/// XML writer does that.
#[must_use]
pub fn xml(text: &str) -> String {
    text.chars()
        .filter(|c| {
            matches!(
                c,
                '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..
            )
        })
        .collect()
}

/// The longest name that [`file_name`] returns, in bytes.
const MAX_FILE_NAME: usize = 80;

/// A file name on every system: ASCII letters, digits, `.`, `_` and `-`; never empty, hidden, reserved
/// by Windows, or longer than 80 bytes. Where anything had to change, a short digest of the text
/// follows, so that two texts don't share a name.
#[must_use]
pub fn file_name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let stem = text.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit()));
    let good = text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with('.')
        && text.len() <= MAX_FILE_NAME
        && !device;
    if good {
        return text.to_owned();
    }
    let kept: String =
        text.chars().map(|c| if plain(c) { c } else { '_' }).take(MAX_FILE_NAME - 14).collect();
    let kept = kept.trim_matches(|c| matches!(c, '.' | '-' | '_'));
    let digest: String = Digest::of(text.as_bytes()).to_string().chars().take(12).collect();
    if kept.is_empty() || device { format!("f-{digest}") } else { format!("{kept}-{digest}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_terminal_gets_no_escape_sequence() {
        let text = "a\u{1b}[31mred\u{1b}[0m\r\nb\u{202e}c\u{9b}2J\r\x07";
        assert_eq!(terminal(text, Newlines::Keep), "a [31mred [0m\nb c 2J  ");
        assert_eq!(terminal(text, Newlines::Join), "a [31mred [0m b c 2J  ");
    }

    #[test]
    fn what_hides_is_shown() {
        let text = "a\u{1b}[0m\u{202e}b\r\nc\td\u{7f}\0\u{e0041}";
        assert_eq!(visible(text), "a␛[0m⟨U+202E⟩b\nc\td␡␀⟨U+E0041⟩");
        assert_eq!(visible("👩\u{200d}🎨"), "👩\u{200d}🎨");
    }

    #[test]
    fn a_shell_takes_a_quoted_word_as_one() {
        for (text, word) in [
            ("main", "main"),
            ("images/0a.png", "images/0a.png"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("~root", "'~root'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn names_of_files_are_plain_and_differ() {
        assert_eq!(file_name("poster-017.png"), "poster-017.png");
        for text in
            ["", ".", "..", "../../etc/passwd", "-rf", ".git", "CON", "com1.txt", "a\0b", "é"]
        {
            let name = file_name(text);
            assert_ne!(name, text);
            assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{text:?}: {name}");
        }
        assert_ne!(file_name("a/b"), file_name("a?b"));
    }

    proptest! {
        #[test]
        fn a_terminal_line_is_one_line(text in any::<String>()) {
            prop_assert!(!terminal(&text, Newlines::Join).chars().any(is_invisible));
            prop_assert!(!terminal(&text, Newlines::Keep).chars().any(|c| c != '\n' && is_invisible(c)));
            prop_assert!(!one_line(&text, 20).chars().any(is_invisible));
            prop_assert!(one_line(&text, 20).chars().count() <= 21);
        }

        #[test]
        fn what_is_made_visible_hides_nothing_and_loses_nothing(text in any::<String>()) {
            let shown = visible(&text);
            let kept = |c: char| matches!(c, '\n' | '\t' | '\u{200C}' | '\u{200D}');
            prop_assert!(!shown.chars().any(|c| is_invisible(c) && !kept(c)));
            prop_assert_eq!(shown.chars().filter(|c| *c == '\n').count(), text.chars().filter(|c| *c == '\n').count());
            prop_assert_eq!(visible(&shown), shown);
        }

        #[test]
        fn a_shell_takes_any_text_as_one_word(text in r"([ '\\$`;|&\n]|[a-z~/]|\PC){0,40}") {
            let word = shell_word(&text);
            // Outside of quotes nothing is left that means something to a shell.
            let mut outside = String::new();
            let mut rest = word.as_str();
            while let Some((before, quoted)) = rest.split_once('\'') {
                outside.push_str(before);
                let (_, after) = quoted.split_once('\'').expect("a quote that ends");
                rest = after;
                if let Some(after) = rest.strip_prefix(r"\'") {
                    rest = after;
                }
            }
            outside.push_str(rest);
            prop_assert!(outside.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@:".contains(c)), "{word}");
            prop_assert!(!word.is_empty());
        }

        #[test]
        fn html_has_no_tag_and_no_quote(text in any::<String>()) {
            prop_assert!(!html(&text).contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn json_in_a_page_is_the_same_json_and_ends_nothing(text in any::<String>(), key in any::<String>()) {
            let value = serde_json::json!({ key: [text, "</script><!--\u{2028}\u{2029}]]>&amp;\u{e0041}"] });
            let json = script_json(&value).unwrap();
            prop_assert!(!json.contains(['<', '>', '&']) && !json.chars().any(is_invisible));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        }

        #[test]
        fn xml_has_only_allowed_characters(text in any::<String>()) {
            let allowed = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
            prop_assert!(xml(&text).chars().all(allowed));
        }

        #[test]
        fn a_file_name_is_plain(text in any::<String>()) {
            let name = file_name(&text);
            prop_assert!(!name.is_empty() && name.len() <= MAX_FILE_NAME);
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')));
            prop_assert!(!name.starts_with('.') && !name.starts_with('-') && !name.ends_with('.'));
        }
    }
}
