//! Prompt-set files, read into cases.

use crate::policy::{Expectation, Problems, Span};
use crate::units::RepoPath;

use super::Case;
use super::collect::Collector;

/// The largest prompt-set file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// The longest line, record or prompt that is read, in bytes. No provider takes a longer prompt.
pub const MAX_PROMPT_BYTES: usize = 64 * 1024;

/// How many errors of one file are reported before the rest of it is left unread.
const MAX_ERRORS: usize = 100;

/// The endings that name a format, for messages.
const FORMATS: &str = "`.txt`, `.jsonl`, `.csv`, `.tsv` or `.yaml`";

/// A prompt-set file, as the policy names it.
#[derive(Clone, Copy, Debug)]
pub struct PromptFile<'a> {
    /// Its path in the repository; the ending tells the format.
    pub path: &'a RepoPath,
    /// Its content.
    pub bytes: &'a [u8],
    /// Tags that every case of the file gets, after its own.
    pub tags: &'a [String],
    /// Whether text in quotes in a prompt is expected in the picture, where a case says nothing of
    /// text itself.
    pub text_from_prompt: bool,
}

/// All cases of a policy, and what is wrong with their files.
#[derive(Clone, Debug, Default)]
pub struct PromptSet {
    /// The cases, sorted by nothing but the order of files and lines; every id is unique unless
    /// `problems` says otherwise.
    pub cases: Vec<Case>,
    /// The problems by file, in the order of the files; files without any are left out.
    pub problems: Vec<(RepoPath, Problems)>,
    /// Prompts that stand more than once and are drawn once.
    pub duplicates: Vec<Duplicate>,
}

/// A line of a prompt-set file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// The line, from 1.
    pub line: u32,
}

/// A prompt that stands more than once (the same prompt, picture and expectations). It is drawn once,
/// with the tags of all its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The id of the case that is drawn.
    pub id: String,
    /// Where it stands first.
    pub first: Place,
    /// Where it stands again.
    pub again: Place,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

impl PromptSet {
    /// Whether any file has a problem that stops the run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|(_, problems)| problems.has_errors())
    }
}

/// Reads prompt-set files. What can be read is read: every problem of every file is reported at once.
///
/// `expectations` are the keys that a case may have under `expect`
/// ([`crate::checks::all_expectations`]).
#[must_use]
pub fn read_prompts(files: &[PromptFile<'_>], expectations: &[Expectation]) -> PromptSet {
    let mut collector = Collector::new(files);
    for (index, file) in files.iter().enumerate() {
        let mut sink = Sink {
            collector: &mut collector,
            file: index,
            expectations,
            problems: Problems::new(),
        };
        read_file(file, &mut sink);
        let problems = sink.problems;
        collector.add_problems(index, problems);
    }
    collector.finish()
}

/// Where the formats put what they read: one file's cases and problems.
pub(super) struct Sink<'c, 'f> {
    pub(super) collector: &'c mut Collector<'f>,
    pub(super) file: usize,
    pub(super) expectations: &'c [Expectation],
    pub(super) problems: Problems,
}

impl Sink<'_, '_> {
    /// Whether to go on reading. After very many errors the file is most likely of another format, and
    /// more lines of the same would bury the first.
    pub(super) fn goes_on(&mut self, line: u32) -> bool {
        if self.problems.errors() < MAX_ERRORS {
            return true;
        }
        self.problems.error_with_help(
            at(line, 1, 1),
            format!("over {MAX_ERRORS} problems; the file was not read from here on"),
            "mend the first ones and run again",
        );
        false
    }
}

/// A place in characters.
pub(super) const fn at(line: u32, column: u32, len: u32) -> Span {
    Span { line, column, len }
}

/// A count as the `u32` of a [`Span`].
pub(super) fn count32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn read_file(file: &PromptFile<'_>, sink: &mut Sink<'_, '_>) {
    let start = at(1, 1, 1);
    if file.bytes.len() > MAX_FILE_BYTES {
        sink.problems.error_with_help(
            start,
            format!("the file has {} bytes; at most {MAX_FILE_BYTES} are read", file.bytes.len()),
            "split it, and list the parts under `prompts`",
        );
        return;
    }
    let Some(text) = readable(file.bytes, &mut sink.problems) else { return };
    let before = sink.collector.len();
    match file.path.extension().as_deref() {
        Some("txt") => super::txt::read(text, sink),
        Some("jsonl" | "ndjson") => super::jsonl::read(text, sink),
        Some("csv") => super::table::read(text, super::rows::Dialect::Csv, sink),
        Some("tsv") => super::table::read(text, super::rows::Dialect::Tsv, sink),
        Some("yaml" | "yml") => super::yaml::read(text, sink),
        _ => {
            sink.problems.error_with_help(
                start,
                "the ending of the file's name tells no format of a prompt set",
                format!("name it {FORMATS}"),
            );
            return;
        }
    }
    if sink.collector.len() == before && sink.problems.is_empty() {
        sink.problems.error(start, "the file has no prompt");
    }
}

/// The bytes as text without a byte-order mark, or nothing after the reason was reported.
fn readable<'a>(bytes: &'a [u8], problems: &mut Problems) -> Option<&'a str> {
    const HELP: &str = "save the file as UTF-8";
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        problems.error_with_help(at(1, 1, 1), "the file is UTF-16", HELP);
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let place = place_after(std::str::from_utf8(good).unwrap_or_default());
            problems.error_with_help(place, "the file is not UTF-8 from here on", HELP);
            return None;
        }
    };
    if let Some((before, _)) = text.split_once('\0') {
        problems.error_with_help(
            place_after(before),
            "the file holds a NUL byte; it was not read",
            "a prompt-set file is plain text",
        );
        return None;
    }
    Some(text)
}

/// The place of the first character after a text.
fn place_after(text: &str) -> Span {
    let line = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    at(count32(line), count32(column), 1)
}

/// The lines of a text with their numbers from 1, without `\n` or `\r\n`; too long ones are reported
/// and left out.
pub(super) fn lines<'a>(
    text: &'a str,
    mut each: impl FnMut(u32, &'a str, &mut Sink<'_, '_>),
    sink: &mut Sink<'_, '_>,
) {
    for (index, line) in text.lines().enumerate() {
        let number = count32(index + 1);
        if !sink.goes_on(number) {
            return;
        }
        if line.len() > MAX_PROMPT_BYTES {
            too_long("the line", line.len(), at(number, 1, 1), &mut sink.problems);
        } else {
            each(number, line, sink);
        }
    }
}

/// Reports something over [`MAX_PROMPT_BYTES`].
pub(super) fn too_long(what: &str, bytes: usize, span: Span, problems: &mut Problems) {
    problems.error(span, format!("{what} has {bytes} bytes; at most {MAX_PROMPT_BYTES} are read"));
}

#[cfg(test)]
mod tests;
