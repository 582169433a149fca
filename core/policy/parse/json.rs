//! JSON (RFC 8259), with places: `serde_json` keeps none, and lets the last duplicate key win.

use std::collections::HashMap;

use super::{Format, MAX_DEPTH, Places, duplicate_key, syntax_error, too_deep};
use crate::policy::node::{Entry, Kind, Node};
use crate::policy::problem::Problems;

/// The one value of a text; nothing after a syntax error.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let mut reader = Reader { text, at: 0, places: Places::of(text), problems };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return reader.fail("something follows the value");
    }
    Some(value)
}

struct Reader<'a, 'p> {
    text: &'a str,
    /// The byte offset of what comes next; always between two characters.
    at: usize,
    places: Places<'a>,
    problems: &'p mut Problems,
}

impl<'a> Reader<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes this byte, where it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn fail<T>(&mut self, reason: &str) -> Option<T> {
        let reason = if self.at >= self.text.len() { "it ends too early" } else { reason };
        let span = self.places.span(self.at, self.at);
        syntax_error(Format::Json, span, reason, self.problems);
        None
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.skip_space();
        let from = self.at;
        let kind = match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => {
                too_deep(self.places.span(from, from), self.problems);
                return None;
            }
            Some(b'{') => {
                let kind = self.table(depth)?;
                return Some(Node { span: self.places.span(from, from + 1), kind });
            }
            Some(b'[') => {
                let kind = self.list(depth)?;
                return Some(Node { span: self.places.span(from, from + 1), kind });
            }
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Some(Node { span: self.places.span(from, self.at), kind })
    }

    fn list(&mut self, depth: usize) -> Option<Kind> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Some(Kind::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.eat(b']') {
                return Some(Kind::List(items));
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    fn table(&mut self, depth: usize) -> Option<Kind> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut seen = HashMap::new();
        self.skip_space();
        if self.eat(b'}') {
            return Some(Kind::Table(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.fail("expected a key in double quotes");
            }
            let from = self.at;
            let key = self.string()?;
            let key_span = self.places.span(from, self.at);
            self.skip_space();
            if !self.eat(b':') {
                return self.fail("expected `:` after the key");
            }
            let value = self.value(depth + 1)?;
            match seen.get(&key) {
                Some(first) => duplicate_key(&key, key_span, *first, self.problems),
                None => {
                    seen.insert(key.clone(), key_span);
                    entries.push(Entry { key, key_span, value });
                }
            }
            self.skip_space();
            if self.eat(b'}') {
                return Some(Kind::Table(entries));
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn word(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let words =
            [("true", Kind::Bool(true)), ("false", Kind::Bool(false)), ("null", Kind::Null)];
        for (word, kind) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Some(kind);
            }
        }
        self.fail("expected a value; text stands in double quotes")
    }

    fn number(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-')))
            .unwrap_or(rest.len());
        let text = rest.get(..len).unwrap_or_default();
        // The grammar of numbers is serde_json's: no leading zero, no bare dot.
        let Ok(number) = serde_json::from_str::<serde_json::Number>(text) else {
            return self.fail("this is no number that JSON knows");
        };
        self.at += len;
        Some(Node::from_json(&serde_json::Value::Number(number)).kind)
    }

    /// A text in quotes; its escapes are serde_json's.
    fn string(&mut self) -> Option<String> {
        let from = self.at;
        let bytes = self.text.as_bytes();
        let mut end = from + 1;
        loop {
            match bytes.get(end).copied() {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(byte) if byte >= 0x20 => end += 1,
                Some(_) => {
                    self.at = end;
                    return self.fail("a line break or control character inside quotes");
                }
                None => {
                    syntax_error(
                        Format::Json,
                        self.places.span(from, from),
                        "the quote opened here is not closed",
                        self.problems,
                    );
                    return None;
                }
            }
        }
        let quoted = self.text.get(from..=end).unwrap_or_default();
        match serde_json::from_str(quoted) {
            Ok(text) => {
                self.at = end + 1;
                Some(text)
            }
            Err(_) => self.fail("an escape in this text is not one that JSON knows"),
        }
    }
}
