//! The runner's file commands: the step summary and the step's outputs.
//!
//! The paths change with every step, so they always come from the environment.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::fit::fit;

/// Over 1 MiB the runner uploads nothing at all (`FileCommandManager.cs`); masking may lengthen lines, so a
/// margin stays.
const MAX_SUMMARY: u64 = 1024 * 1024 - 16 * 1024;

/// Adds Markdown to the step summary, cut to what its size limit leaves.
///
/// # Errors
/// Where the file can't be written.
pub fn append_step_summary(path: &Path, markdown: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let used = file.metadata()?.len();
    let room = usize::try_from(MAX_SUMMARY.saturating_sub(used)).unwrap_or(0).saturating_sub(2);
    let note = "*Cut to GitHub's size limit. All of it is in the reports.*";
    let text = fit(markdown, room, note);
    if text.is_empty() {
        return Ok(());
    }
    // What was there may lack its line end, and the next summary needs ours.
    let separator = if used > 0 { "\n" } else { "" };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{separator}{text}{end}").as_bytes())
}

/// Adds `name=value` pairs to the step's outputs (or state), each between random delimiters, so that no value
/// can end early and start another.
///
/// # Errors
/// Where a name is not of letters, digits, `-` and `_`, or the file can't be written. Nothing is written then.
pub fn write_outputs<'a>(
    path: &Path,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> io::Result<()> {
    let mut text = String::new();
    for (name, value) in pairs {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(plain) {
            let problem = format!("`{name}` can't name an output");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let delimiter = delimiter(value);
        text.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// A delimiter that the value does not hold.
fn delimiter(value: &str) -> String {
    loop {
        let delimiter = format!("presscheck_{:032x}", rand::random::<u128>());
        if !value.contains(&delimiter) {
            return delimiter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a file command as the runner does.
    fn parse(text: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut lines = text.split('\n');
        while let Some(line) = lines.next() {
            let Some((name, delimiter)) = line.split_once("<<") else { continue };
            let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            pairs.push((name.to_owned(), value.join("\n")));
        }
        pairs
    }

    #[test]
    fn a_summary_is_added_to_what_is_there_and_never_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        append_step_summary(&path, "# One").unwrap();
        append_step_summary(&path, "# Two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "# One\n\n# Two\n");
        let large = format!("<details>\n\n{}</details>\n", "| row |\n".repeat(200_000));
        append_step_summary(&path, &large).unwrap();
        append_step_summary(&path, "# Three\n").unwrap();
        append_step_summary(&path, &large).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= MAX_SUMMARY, "{}", text.len());
        assert!(text.contains("</details>\n\n*Cut to GitHub's size limit."));
    }

    #[test]
    fn a_bad_name_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        assert!(write_outputs(&path, [("ok", "1"), ("a=b", "2")]).is_err());
        assert!(!path.exists());
    }

    proptest! {
        #[test]
        fn every_value_comes_back(values in proptest::collection::vec("(presscheck_|<<|=|\n|[a-z]){0,20}", 1..5)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("output");
            write_outputs(&path, values.iter().map(|value| ("verdict", value.as_str()))).unwrap();
            let read = parse(&std::fs::read_to_string(&path).unwrap());
            prop_assert_eq!(read.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), values);
        }
    }
}
