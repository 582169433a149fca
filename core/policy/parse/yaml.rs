//! YAML, from the parser's events: no recursion, no includes, no merge keys, no tags but `!!str`.

use std::collections::HashMap;

use serde_yaml::granit_parser::{
    Event, Marker, Options, Parser, ScalarStyle, Span as YamlSpan, Tag,
};

use super::{Format, MAX_DEPTH, duplicate_key, syntax_error, too_deep};
use crate::policy::node::{Entry, Kind, Node};
use crate::policy::problem::{Problems, Span};

/// What the copies that anchors and aliases make may weigh together, in bytes. A bomb of nine levels
/// of nine aliases each would weigh gigabytes.
const MAX_COPIED: usize = 8 << 20;

/// The one document of a text; nothing after a syntax error.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    // A little more than ours, so that the message is ours.
    options.flow_nesting_limit = MAX_DEPTH + 8;
    options.block_nesting_limit = MAX_DEPTH + 8;
    options.emit_unresolved_aliases = true;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                if builder.take(event, span, problems).is_none() {
                    return builder.root.filter(|_| builder.usable);
                }
            }
            Err(error) => {
                let span = Span { len: 1, ..place(*error.marker(), 1) };
                syntax_error(Format::Yaml, span, &error.info(), problems);
                return None;
            }
        }
    }
    builder.root
}

/// A list or table that is still open.
struct Frame {
    span: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Table {
        entries: Vec<Entry>,
        /// Where each key was first seen.
        seen: HashMap<String, Span>,
        /// The key whose value comes next; the flag says that it is a duplicate.
        key: Option<(String, Span, bool)>,
    },
}

#[derive(Default)]
struct Builder {
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    copied: usize,
    root: Option<Node>,
    /// Whether the root is whole although reading stopped.
    usable: bool,
}

impl Builder {
    /// Takes one event; nothing where reading must stop, after its problem was reported.
    fn take(&mut self, event: Event<'_>, at: YamlSpan, problems: &mut Problems) -> Option<()> {
        let span = span_of(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.take_key(&text, style, span, anchor, problems);
                }
                let kind = scalar(&text, style, tag.as_deref(), span, problems)?;
                self.place(Node { span, kind }, anchor, problems)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(span, anchor, Content::List(Vec::new()), tag.as_deref(), problems)
            }
            Event::MappingStart(_, anchor, tag) => {
                let content =
                    Content::Table { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.open(span, anchor, content, tag.as_deref(), problems)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let frame = self.stack.pop()?;
                let kind = match frame.content {
                    Content::List(items) => Kind::List(items),
                    Content::Table { entries, .. } => Kind::Table(entries),
                };
                self.place(Node { span: frame.span, kind }, frame.anchor, problems)
            }
            Event::Alias(anchor) => {
                if self.wants_key() {
                    problems.error(span, "an alias can't be a key: write the key out");
                    return None;
                }
                let Some(found) = self.anchors.get(&anchor) else {
                    problems.error(span, "an alias can't stand inside what it stands for");
                    return None;
                };
                self.copied = self.copied.saturating_add(weight(found));
                // The bomb is weighed before it is copied.
                let node =
                    (self.copied <= MAX_COPIED).then(|| Node { span, kind: found.kind.clone() });
                self.check_copied(span, problems)?;
                let node = node?;
                if self.stack.len() + depth(&node) > MAX_DEPTH {
                    too_deep(span, problems);
                    return None;
                }
                self.place(node, 0, problems)
            }
            Event::UnresolvedAlias(name) => {
                let name = crate::inert::one_line(&name, 60);
                problems.error_with_help(
                    span,
                    format!("the alias `*{name}` stands for nothing"),
                    "put the text in quotes where no alias is meant",
                );
                None
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                problems.error_with_help(
                    span,
                    "a second YAML document starts here",
                    "keep one document in the file",
                );
                self.usable = true;
                None
            }
            _ => Some(()),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Table { key: None, .. }, .. }))
    }

    fn take_key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        span: Span,
        anchor: usize,
        problems: &mut Problems,
    ) -> Option<()> {
        if text == "<<" && style == ScalarStyle::Plain {
            problems.error_with_help(
                span,
                "merge keys (`<<`) are not read",
                "write the keys out, so that a reader of the file sees them",
            );
            return None;
        }
        if text.is_empty() {
            problems.error(span, "a key is missing before `:`");
            return None;
        }
        if anchor != 0 {
            // Kept, so that an alias to it is not reported as one that stands for nothing.
            let node = Node { span, kind: Kind::Text(text.to_owned()) };
            self.anchors.insert(anchor, node);
        }
        if let Some(Frame { content: Content::Table { seen, key, .. }, .. }) = self.stack.last_mut()
        {
            let first = seen.get(text).copied();
            match first {
                Some(first) => duplicate_key(text, span, first, problems),
                None => {
                    seen.insert(text.to_owned(), span);
                }
            }
            *key = Some((text.to_owned(), span, first.is_some()));
        }
        Some(())
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        content: Content,
        tag: Option<&Tag>,
        problems: &mut Problems,
    ) -> Option<()> {
        if let Some(tag) = tag {
            refuse_tag(tag, span, problems);
            return None;
        }
        if self.wants_key() {
            problems.error(span, "a list or a table can't be a key");
            return None;
        }
        if self.stack.len() >= MAX_DEPTH {
            too_deep(span, problems);
            return None;
        }
        self.stack.push(Frame { span: Span { len: 1, ..span }, anchor, content });
        Some(())
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, anchor: usize, problems: &mut Problems) -> Option<()> {
        if anchor != 0 {
            self.copied = self.copied.saturating_add(weight(&node));
            self.check_copied(node.span, problems)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame { content: Content::List(items), .. }) => items.push(node),
            Some(Frame { content: Content::Table { entries, key, .. }, .. }) => {
                if let Some((key, key_span, duplicate)) = key.take()
                    && !duplicate
                {
                    entries.push(Entry { key, key_span, value: node });
                }
            }
        }
        Some(())
    }

    fn check_copied(&self, span: Span, problems: &mut Problems) -> Option<()> {
        if self.copied <= MAX_COPIED {
            return Some(());
        }
        problems.error_with_help(
            span,
            "the aliases up to here stand for far more than a file may hold",
            "write the values out, or use fewer aliases inside each other",
        );
        None
    }
}

/// What a copy of a value weighs, in bytes, roughly. Its depth is at most [`MAX_DEPTH`].
fn weight(node: &Node) -> usize {
    64 + match &node.kind {
        Kind::Text(text) => text.len(),
        Kind::List(items) => items.iter().map(weight).sum(),
        Kind::Table(entries) => {
            entries.iter().map(|entry| entry.key.len() + weight(&entry.value)).sum()
        }
        _ => 0,
    }
}

/// How many levels of lists and tables a value has: only aliases can bring in more than the stack holds.
fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Kind::Table(entries) => {
            1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0)
        }
        _ => 0,
    }
}

fn place(marker: Marker, len: usize) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
        len: number(len).max(1),
    }
}

fn span_of(span: YamlSpan) -> Span {
    place(span.start, span.end.index().saturating_sub(span.start.index()))
}

fn refuse_tag(tag: &Tag, span: Span, problems: &mut Problems) {
    let shown = crate::inert::one_line(&tag.original(), 60);
    problems.error_with_help(span, format!("the tag `{shown}` is not read"), "remove it");
}

/// What a single value is, by the core schema of YAML 1.2 (<https://yaml.org/spec/1.2.2/#103-core-schema>),
/// except that a number with leading zeros stays text: `007` is a name.
fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
    problems: &mut Problems,
) -> Option<Kind> {
    let as_text = match tag {
        None => style != ScalarStyle::Plain,
        Some(tag) if tag.is_yaml_core_schema_tag("str") || tag.original() == "!" => true,
        Some(tag) => {
            refuse_tag(tag, span, problems);
            return None;
        }
    };
    Some(if as_text { Kind::Text(text.to_owned()) } else { plain(text) })
}

fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    number(text).unwrap_or_else(|| Kind::Text(text.to_owned()))
}

fn number(text: &str) -> Option<Kind> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Kind::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Kind::Int);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let leading_zero =
        digits.starts_with('0') && digits.get(1..2).is_some_and(|c| c.as_bytes() != b".");
    let written = digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !written || (leading_zero && !digits.starts_with("0e") && !digits.starts_with("0E")) {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Kind::Int);
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Kind::Float)
}
