//! Workflow commands: the lines on the log that the runner obeys (`::notice::…`).
//!
//! The functions return a line, ready to print on its own; printing is the caller's. Escaping follows the
//! runner's `ActionCommand.cs`: `%`, CR and LF in the message, `:` and `,` besides in a property.

use std::fmt::Write as _;

use presscheck_core::inert::is_invisible;

/// How many characters of an annotation's message the runner keeps.
const MAX_MESSAGE: usize = 4096;

/// How loud an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `::notice::`
    Notice,
    /// `::warning::`
    Warning,
    /// `::error::`
    Error,
}

/// An annotation of the job. The runner shows the first ten of each severity in a step.
#[must_use]
pub fn annotation(severity: Severity, title: Option<&str>, message: &str) -> String {
    at(severity, title, None, message)
}

/// An annotation of the job that points to a line of a file; lines count from 1.
#[must_use]
pub fn at(
    severity: Severity,
    title: Option<&str>,
    place: Option<(&str, u64)>,
    message: &str,
) -> String {
    let word = match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut properties = Vec::new();
    if let Some((file, line)) = place {
        properties.push(format!("file={},line={line}", escape_property(file)));
    }
    if let Some(title) = title {
        properties.push(format!("title={}", escape_property(title)));
    }
    let space = if properties.is_empty() { "" } else { " " };
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    format!("::{word}{space}{}::{}", properties.join(","), escape_data(&message))
}

/// Hides a secret in everything that the job logs from here on, whole and line by line. Nothing for an empty
/// secret: masking nothing would mask everything.
#[must_use]
pub fn add_mask(secret: &str) -> String {
    let secret = secret.trim();
    let mut lines = String::new();
    let parts = secret.lines().map(str::trim).filter(|line| !line.is_empty());
    for part in std::iter::once(secret).filter(|s| s.lines().count() > 1).chain(parts) {
        if !lines.is_empty() {
            lines.push('\n');
        }
        // Writing to a string can't fail.
        let _ = write!(lines, "::add-mask::{}", escape_data(part));
    }
    lines
}

/// Starts a group of lines that the log folds.
#[must_use]
pub fn group(title: &str) -> String {
    format!("::group::{}", escape_data(title))
}

/// Ends the group.
#[must_use]
pub const fn end_group() -> &'static str {
    "::endgroup::"
}

/// Text from outside, made safe to print on the job's log: no line of it is a workflow command, and nothing
/// in it moves the cursor or hides. The runner reads `::name::` at the start of a line, spaces aside, and the
/// older `##[name]` anywhere.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            safe.push('\n');
        }
        let line: String = line
            .strip_suffix('\r')
            .unwrap_or(line)
            .chars()
            .map(|c| if c != '\t' && is_invisible(c) { ' ' } else { c })
            .collect();
        let line = line.replace("##[", "## [");
        // .NET trims every Unicode white space before it looks, as `trim_start` does here.
        let indent = line.len() - line.trim_start().len();
        if let (Some(spaces), Some(rest)) = (line.get(..indent), line.get(indent..))
            && rest.starts_with("::")
        {
            safe.push_str(spaces);
            safe.push_str(": ");
            safe.push_str(rest.get(1..).unwrap_or_default());
        } else {
            safe.push_str(&line);
        }
    }
    safe
}

/// A document for the job's log, in which nothing is a workflow command; nothing where it is no text. Of JSON, what comes
/// out is the same JSON: only its texts can hold a command, and there is another way to write them.
#[must_use]
pub fn document(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.trim_start().starts_with(['{', '[']) || text.lines().any(begins_command) {
        return Some(plain(text));
    }
    Some(text.replace("##[", "#\\u0023["))
}

/// Whether the runner would read a line as a command by how it begins. .NET trims as `trim_start` does.
fn begins_command(line: &str) -> bool {
    line.trim_start().starts_with("::")
}

/// The message of a command.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_escaped_as_the_runner_unescapes_them() {
        insta::assert_snapshot!(
            at(Severity::Error, Some("a:b,c"), Some(("p,q.yaml", 3)), "100%\r\n::error::x"),
            @"::error file=p%2Cq.yaml,line=3,title=a%3Ab%2Cc::100%25%0D%0A::error::x"
        );
        assert_eq!(annotation(Severity::Notice, None, "hello"), "::notice::hello");
        assert_eq!(group("a\nb"), "::group::a%0Ab");
    }

    #[test]
    fn a_secret_of_many_lines_is_masked_line_by_line() {
        assert_eq!(add_mask("s3cret"), "::add-mask::s3cret");
        assert_eq!(add_mask("a\n\nb\n"), "::add-mask::a%0A%0Ab\n::add-mask::a\n::add-mask::b");
        assert_eq!(add_mask(" \n"), "");
    }

    #[test]
    fn text_from_outside_is_no_command() {
        assert_eq!(plain("::error::boo"), ": :error::boo");
        assert_eq!(
            plain("ok\n \u{00A0}::set-output name=x::y"),
            "ok\n \u{00A0}: :set-output name=x::y"
        );
        assert_eq!(plain("see ##[add-path]x"), "see ## [add-path]x");
        assert_eq!(plain("a\r::error::b"), "a ::error::b");
        assert_eq!(plain("\u{1b}[2J\u{202e}x"), " [2J x");
        assert_eq!(plain("\u{feff}::error::x"), " : :error::x");
    }

    #[test]
    fn a_document_is_no_command_and_stays_the_same_json() {
        let value = serde_json::json!({"##[error]x": ["::error::y", "a\n::set-output name=x::y", "##[add-path]z"]});
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let safe = document(text.as_bytes()).unwrap();
            assert!(!safe.contains("##[") && !safe.lines().any(begins_command), "{safe}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        }
        assert_eq!(document(b"::error::x ##[y]").as_deref(), Some(": :error::x ## [y]"));
        assert_eq!(document(b"[x]\n::error::y").as_deref(), Some("[x]\n: :error::y"));
        assert_eq!(document(&[0xff]), None);
    }

    proptest! {
        #[test]
        fn any_text_in_a_document_is_no_command(text in r"([ \t\r\n:#\[%\]]|::|##\[|error|.){0,40}") {
            let value = serde_json::json!([text, {text.clone(): text}]);
            let safe = document(serde_json::to_string_pretty(&value).unwrap().as_bytes()).unwrap();
            prop_assert!(!safe.contains("##[") && !safe.lines().any(begins_command), "{safe}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        }

        #[test]
        fn no_line_of_plain_text_is_a_command(text in r"([ \t\r\n:#\[%]|::|##\[|error|.){0,40}") {
            let safe = plain(&text);
            for line in safe.split(['\n', '\r']) {
                prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
                prop_assert!(!line.contains("##["), "{line:?}");
            }
        }

        #[test]
        fn a_command_is_one_line(title in any::<String>(), message in any::<String>()) {
            let line = annotation(Severity::Warning, Some(&title), &message);
            prop_assert!(!line.contains(['\n', '\r']));
        }
    }
}
