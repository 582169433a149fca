//! What is wrong with a file, all of it at once, each with its place.

use std::fmt;

/// A place in a source text: 1-based line and column, and a length, all in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// 1-based line; 0 where no place is known.
    pub line: u32,
    /// 1-based column.
    pub column: u32,
    /// How many characters to mark, at least 1 when drawn.
    pub len: u32,
}

/// Whether a problem stops the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing runs before it is mended.
    Error,
    /// Worth knowing; the run goes on.
    Warning,
}

/// One thing wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops the run.
    pub severity: Severity,
    /// What is wrong: a lower-case sentence fragment, names in backquotes.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do, drawn beside the mark.
    pub help: Option<String>,
    /// Whether what stands there may be a key, which is never drawn.
    pub masked: bool,
}

/// The problems of one file, in the order in which they were found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Problems {
    list: Vec<Problem>,
}

/// A text with the name its problems are reported under.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The path as users know it: `presscheck.yaml`.
    pub path: &'a str,
    /// The text.
    pub text: &'a str,
}

impl Problems {
    /// No problem yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds an error.
    pub fn error(&mut self, span: Span, message: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), None);
    }

    /// Adds an error and what to do about it.
    pub fn error_with_help(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, span, message.into(), Some(help.into()));
    }

    /// Adds an error about a text that may be a key: its place is shown, the text itself is not.
    pub fn error_masked(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, span, message.into(), Some(help.into()));
        if let Some(problem) = self.list.last_mut() {
            problem.masked = true;
        }
    }

    /// Adds the problems of another reading of the same file.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Adds a warning and what to do about it.
    pub fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Severity::Warning, span, message.into(), Some(help.into()));
    }

    fn push(&mut self, severity: Severity, span: Span, message: String, help: Option<String>) {
        self.list.push(Problem { severity, message, span, help, masked: false });
    }

    /// All problems, in order of their place in the file.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Problem> {
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|problem| (problem.severity, problem.span));
        list
    }

    /// Whether anything stops the run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many problems stop the run.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// Whether there is no problem at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
