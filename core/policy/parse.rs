//! YAML, JSON and TOML as one tree in which every key and value knows its place.
//!
//! The text is hostile: it is measured before it is parsed, nesting and aliases have limits, and no
//! parser here recurses deeper than [`MAX_DEPTH`].

mod json;
mod toml;
mod yaml;

use super::node::{Kind, Node};
use super::problem::{Problems, Source, Span};
use crate::units::RepoPath;

/// The most bytes that a policy or a model file may have.
pub const MAX_BYTES: usize = 1 << 20;

/// The most levels of lists and tables inside each other.
pub const MAX_DEPTH: usize = 64;

/// What was read of a file, and all that is wrong with it.
#[derive(Clone, Debug)]
pub struct Reading<T> {
    /// The value; nothing where the problems leave none that could be used.
    pub value: Option<T>,
    /// Errors and warnings, each with its place.
    pub problems: Problems,
}

/// The format of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON (RFC 8259).
    Json,
    /// TOML 1.1.
    Toml,
}

impl Format {
    /// The format that a path's extension stands for.
    #[must_use]
    pub fn of_path(path: &RepoPath) -> Option<Self> {
        Self::of_name(path.as_str())
    }

    /// The format that the extension of a file's name stands for, wherever the file lies.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// Its name, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Toml => "TOML",
        }
    }
}

/// The text of a configuration file, without a byte order mark.
///
/// # Errors
/// One problem, where the bytes are too many, hold a NUL, or are no UTF-8.
pub fn decode_text(bytes: &[u8]) -> Result<&str, Problems> {
    decode_text_up_to(bytes, MAX_BYTES)
}

/// [`decode_text`] under another limit, for files that are not written by hand.
///
/// # Errors
/// As [`decode_text`].
pub fn decode_text_up_to(bytes: &[u8], max_bytes: usize) -> Result<&str, Problems> {
    let mut problems = Problems::new();
    if bytes.len() > max_bytes {
        too_large(bytes.len(), max_bytes, &mut problems);
        return Err(problems);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text)),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let good = std::str::from_utf8(good).unwrap_or_default();
            let utf16 = matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]);
            problems.error_with_help(
                Places::of(good).span(good.len(), good.len() + 1),
                if utf16 {
                    "the file is UTF-16, not UTF-8"
                } else {
                    "the file is not UTF-8 from here on"
                },
                "save it as UTF-8",
            );
            Err(problems)
        }
    }
}

/// The tree of a file of at most [`MAX_BYTES`]. A duplicate key is an error, and only its first value
/// is in the tree; anchors of YAML are replaced by what they stand for.
#[must_use]
pub fn parse(source: Source<'_>, format: Format) -> Reading<Node> {
    parse_up_to(source, format, MAX_BYTES)
}

/// [`parse`] under another limit, for files that are not written by hand.
#[must_use]
pub fn parse_up_to(source: Source<'_>, format: Format, max_bytes: usize) -> Reading<Node> {
    let mut problems = Problems::new();
    let text = source.text.strip_prefix('\u{FEFF}').unwrap_or(source.text);
    if text.len() > max_bytes {
        too_large(text.len(), max_bytes, &mut problems);
        return Reading { value: None, problems };
    }
    if let Some(at) = text.find('\0') {
        problems.error_with_help(
            Places::of(text).span(at, at + 1),
            "the file holds a NUL character",
            "is it a text file?",
        );
        return Reading { value: None, problems };
    }
    if text.trim().is_empty() {
        problems.error(Span { line: 1, column: 1, len: 1 }, "the file is empty");
        return Reading { value: None, problems };
    }
    let mut value = match format {
        Format::Yaml => yaml::parse(text, &mut problems),
        Format::Json => json::parse(text, &mut problems),
        Format::Toml => toml::parse(text, &mut problems),
    };
    let nothing = value.as_ref().is_none_or(|node| node.kind == Kind::Null);
    if nothing && problems.is_empty() {
        problems.error(Span { line: 1, column: 1, len: 1 }, "the file is empty");
        value = None;
    }
    Reading { value, problems }
}

fn too_large(bytes: usize, max_bytes: usize, problems: &mut Problems) {
    let may = if max_bytes.is_multiple_of(MAX_BYTES) {
        format!("{} MiB", max_bytes / MAX_BYTES)
    } else {
        format!("{max_bytes} bytes")
    };
    problems.error(
        Span::default(),
        format!("the file is {bytes} bytes; it may have {may}, and was not read"),
    );
}

/// Reports a key that a table already has.
fn duplicate_key(key: &str, span: Span, first: Span, problems: &mut Problems) {
    let shown = crate::inert::one_line(key, 60);
    problems.error_with_help(
        span,
        format!("duplicate key `{shown}`, first on line {}", first.line),
        "remove one of them",
    );
}

/// Reports nesting beyond [`MAX_DEPTH`].
fn too_deep(span: Span, problems: &mut Problems) {
    problems.error(
        span,
        format!("lists and tables lie more than {MAX_DEPTH} levels inside each other"),
    );
}

/// Reports a text that the parser can't read, with its own reason.
fn syntax_error(format: Format, span: Span, reason: &str, problems: &mut Problems) {
    let reason = crate::inert::one_line(reason.trim(), 200);
    let reason = reason.trim_end_matches('.');
    problems.error(span, format!("this is not {}: {reason}", format.name()));
}

/// The lines of a text, broken as YAML breaks them: at `\n`, `\r\n` and `\r`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.find(['\n', '\r']) {
            Some(at) => {
                let (line, after) = text.split_at(at);
                rest =
                    Some(after.strip_prefix("\r\n").or_else(|| after.get(1..)).unwrap_or_default());
                Some(line)
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

/// Turns byte offsets into places, in constant time: a hostile file may be one long line.
struct Places<'a> {
    bytes: &'a [u8],
    /// The offset at which each line starts.
    starts: Vec<usize>,
    /// How many characters start before each block of [`BLOCK`] bytes.
    chars: Vec<usize>,
}

const BLOCK: usize = 256;

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        starts.extend(bytes.iter().enumerate().filter_map(|(at, byte)| {
            let breaks =
                *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1).copied() != Some(b'\n'));
            breaks.then_some(at + 1)
        }));
        let mut before = 0;
        let chars = bytes.chunks(BLOCK).map(|block| {
            let here = before;
            before += count_chars(block);
            here
        });
        let chars = chars.collect();
        Self { bytes, starts, chars }
    }

    /// How many characters start before a byte offset.
    fn chars_before(&self, at: usize) -> usize {
        let at = at.min(self.bytes.len());
        let block = at / BLOCK;
        let part = self.bytes.get(block * BLOCK..at).unwrap_or_default();
        match self.chars.get(block) {
            Some(before) => before + count_chars(part),
            // Just behind the last block, where that is full.
            None => count_chars(self.bytes),
        }
    }

    /// The place from one byte offset up to another.
    fn span(&self, from: usize, to: usize) -> Span {
        let line = self.starts.partition_point(|start| *start <= from);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or(0);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let count =
            |from, to| number(self.chars_before(to).saturating_sub(self.chars_before(from)));
        Span {
            line: number(line),
            column: count(start, from).saturating_add(1),
            len: count(from, to).max(1),
        }
    }
}

/// How many characters start in these bytes of UTF-8.
fn count_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests;
