//! A sentence whose pieces know where they come from, so that each reader gets them made inert.

use crate::inert;

/// The most characters of a name in a sentence.
const MAX_NAME: usize = 60;
/// The most characters of a sentence from outside.
const MAX_FOREIGN: usize = 300;

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Our own words and numbers.
    Ours(String),
    /// A name: of a model, a check, a tag, a case.
    Name(String),
    /// A sentence that may quote anything.
    Foreign(String),
}

/// One sentence or heading.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Line(Vec<Piece>);

impl Line {
    /// An empty line.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds our own words.
    pub(crate) fn ours(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Ours(text.into()));
        self
    }

    /// Adds a name, shown as code.
    pub(crate) fn name(mut self, text: &str) -> Self {
        self.0.push(Piece::Name(text.to_owned()));
        self
    }

    /// Adds names: `a`, `b` and `c`.
    pub(crate) fn names(mut self, names: &[&str]) -> Self {
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                self = self.ours(if index + 1 == names.len() { " and " } else { ", " });
            }
            self = self.name(name);
        }
        self
    }

    /// Adds text that may quote anything.
    pub(crate) fn foreign(mut self, text: &str) -> Self {
        self.0.push(Piece::Foreign(text.to_owned()));
        self
    }

    /// Adds another line's pieces.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// As plain text on one line; names stand in backticks.
    pub(crate) fn plain(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Ours(text) => text.clone(),
                Piece::Name(text) => {
                    format!("`{}`", inert::one_line(text.trim(), MAX_NAME).replace('`', "'"))
                }
                Piece::Foreign(text) => inert::one_line(text.trim(), MAX_FOREIGN),
            })
            .collect()
    }

    /// As inline Markdown.
    pub(crate) fn markdown(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Ours(text) => text.clone(),
                Piece::Name(text) => code(text),
                Piece::Foreign(text) => inert::markdown(text, MAX_FOREIGN),
            })
            .collect()
    }
}

/// A name as inline Markdown code, of bounded length.
pub(crate) fn code(name: &str) -> String {
    inert::markdown_code(&inert::one_line(name, MAX_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_inert_in_its_own_way() {
        let line = Line::new().names(&["a", "b`@x", "c"]).ours(" say ").foreign("hi @octo\n*b*");
        assert_eq!(line.plain(), "`a`, `b'@x` and `c` say hi @octo *b*");
        assert_eq!(line.markdown(), "`a`, `` b`@x `` and `c` say hi @\u{2060}octo \\*b\\*");
    }
}
