//! Single values under a condition: numbers in a range, paths of a kind, names that can be what they must.
//!
//! The conditions hold while the file is read, so that one wrong value hides no other.

use serde_json::{Value, json};

use super::node::{FromNode, Kind, Node};
use super::params::is_reserved;
use super::parse::Format;
use super::problem::Problems;
use super::secrets::is_variable_name;
use crate::inert;
use crate::units::{Points, Rate, RepoPath, TimeSpan, Usd};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Within<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<const MIN: u32, const MAX: u32> FromNode for Within<MIN, MAX> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let found = match node.kind {
            Kind::Int(number) => u32::try_from(number).ok(),
            Kind::Float(_) => None,
            _ => {
                node.wrong_type(&format!("a whole number from {MIN} to {MAX}"), problems);
                return None;
            }
        };
        let number = found.filter(|number| (MIN..=MAX).contains(number));
        if number.is_none() {
            problems.error(node.span, format!("expected a whole number from {MIN} to {MAX}"));
        }
        number.map(Self)
    }
    fn schema() -> Value {
        json!({"type": "integer", "minimum": MIN, "maximum": MAX})
    }
}

/// Declares a type that is another one under a condition.
macro_rules! narrowed {
    ($(#[doc = $doc:literal])* $name:ident($inner:ty), |$value:ident, $span:ident, $problems:ident| $check:block, $schema:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub(super) struct $name(pub(super) $inner);

        impl FromNode for $name {
            fn from_node(node: &Node, $problems: &mut Problems) -> Option<Self> {
                let $value = <$inner>::from_node(node, $problems)?;
                let $span = node.span;
                let before = $problems.errors();
                $check
                ($problems.errors() == before).then_some(Self($value))
            }
            fn schema() -> Value {
                let mut schema = <$inner>::schema();
                if let (Value::Object(map), Value::Object(more)) = (&mut schema, $schema) {
                    map.extend(more);
                }
                schema
            }
        }
    };
}

narrowed!(
    /// A budget: more than nothing.
    Budget(Usd),
    |value, span, problems| {
        if value.is_zero() {
            problems.error_with_help(
                span,
                "a budget of nothing buys no image",
                "give an amount such as `$25`, or leave it out: the default is $25",
            );
        }
    },
    json!({})
);
narrowed!(
    /// A share of wrong verdicts: above 0% and under 50%.
    ErrorRate(Rate),
    |value, span, problems| {
        if value.share() <= 0.0 || value.share() >= 0.5 {
            problems.error_with_help(
                span,
                "the share of wrong verdicts lies above 0% and under 50%",
                "no sample proves anything for certain; 5% is usual",
            );
        }
    },
    json!({})
);
narrowed!(
    /// An increase in points: not negative.
    Increase(Points),
    |value, span, problems| {
        if value.difference() < 0.0 {
            problems.error_with_help(
                span,
                "`max_increase` can't be negative",
                "`0pp` allows no increase; to demand fewer failures, lower `max` and set `strict: true`",
            );
        }
    },
    json!({"pattern": r"^[0-9]+(\.[0-9]+)? ?pp$"})
);
narrowed!(
    /// A text that is not blank.
    Sentence(String),
    |value, span, problems| {
        if value.trim().is_empty() {
            problems.error_with_help(
                span,
                "the reason is blank",
                "say why: people read it when they are blocked",
            );
        }
    },
    json!({"pattern": r"\S"})
);
narrowed!(
    /// A JSON Pointer (RFC 6901) that is not empty.
    Pointer(String),
    |value, span, problems| {
        let escapes = value.split('~').skip(1).all(|part| part.starts_with(['0', '1']));
        if !value.starts_with('/') || !escapes {
            problems.error_with_help(
                span,
                format!("`{}` is no JSON Pointer", shown(&value)),
                "write the keys with `/` before each, such as `/gen/model`; `~1` stands for `/`, `~0` for `~`",
            );
        }
    },
    json!({"pattern": "^/([^~]|~[01])*$", "examples": ["/gen/model"]})
);
narrowed!(
    /// A path to a file that a model is read from.
    ModelPath(RepoPath),
    |value, span, problems| {
        if Format::of_path(&value).is_none() {
            problems.error_with_help(
                span,
                format!("`{}` is no kind of file that a model is read from", shown(value.as_str())),
                "use a `.yaml`, `.json` or `.toml` file",
            );
        }
    },
    json!({"pattern": r"\.([yY][aA]?[mM][lL]|[jJ][sS][oO][nN]|[tT][oO][mM][lL])$", "examples": ["imagegen/models.yaml"]})
);
narrowed!(
    /// A path to a prompt set.
    PromptPath(RepoPath),
    |value, span, problems| {
        let extension = value.extension().unwrap_or_default();
        if !["txt", "jsonl", "csv", "tsv", "yaml", "yml"].contains(&extension.as_str()) {
            problems.error_with_help(
                span,
                format!("`{}` is no kind of prompt set", shown(value.as_str())),
                "use a `.txt`, `.jsonl`, `.csv`, `.tsv` or `.yaml` file",
            );
        }
    },
    json!({})
);
narrowed!(
    /// A tag.
    Tag(String),
    |value, span, problems| {
        let text = value.trim();
        if text.is_empty() || text.chars().any(inert::is_invisible) || text.chars().count() > 100 {
            problems.error(span, "a tag is a word of 1 to 100 visible characters");
        }
    },
    json!({"pattern": r"\S"})
);
narrowed!(
    /// A time limit of one attempt.
    Timeout(TimeSpan),
    |value, span, problems| {
        if value.0.is_zero() || value.0 > std::time::Duration::from_secs(3600) {
            problems.error(span, "`timeout` lies above 0s and is at most 1h");
        }
    },
    json!({"examples": ["60s"]})
);
narrowed!(
    /// A pattern that matches something.
    Pattern(String),
    |value, span, problems| {
        if value.trim().is_empty() {
            problems.error_with_help(
                span,
                "the pattern is empty and matches nothing",
                "write a name, or `\"*\"` for any",
            );
        }
    },
    json!({"pattern": r"\S"})
);
narrowed!(
    /// A pattern of parameters that could be admitted.
    ParamPattern(Pattern),
    |value, span, problems| {
        let name = value.0.trim();
        if !name.contains(['*', '?']) && is_reserved(name) {
            problems.error_with_help(
                span,
                format!("the parameter `{}` can't be admitted", shown(name)),
                "presscheck sets it itself, or it would send data elsewhere",
            );
        }
    },
    json!({"examples": ["steps", "cfg_*"]})
);
narrowed!(
    /// A plain host name, in lower case or not.
    HostName(String),
    |value, span, problems| {
        let name = value.trim();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        let number = last.bytes().all(|b| b.is_ascii_digit());
        if name.len() > 253 || !name.contains('.') || !name.split('.').all(label) || number {
            problems.error_with_help(
                span,
                format!("`{}` is no plain host name", shown(&value)),
                "write it as in `cdn.example.com`: no `https://`, no port, no path, no `*`",
            );
        }
    },
    json!({"pattern": r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*)\.[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", "examples": ["cdn.example.com"]})
);
narrowed!(
    /// The name of an environment variable.
    Variable(String),
    |value, span, problems| {
        if !is_variable_name(&value) {
            // What stands here may be a key, so it is not repeated.
            problems.error_masked(
                span,
                "`api_key_env` takes the name of an environment variable, in capitals",
                "such as `GEMINI_API_KEY`; the key itself belongs in a secret of the repository",
            );
        }
    },
    json!({"pattern": "^[A-Z_][A-Z0-9_]*$", "examples": ["GEMINI_API_KEY"]})
);

fn shown(text: &str) -> String {
    inert::one_line(text, 80)
}
