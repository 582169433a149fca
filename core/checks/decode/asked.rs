//! What may be asked of a file besides that it can be decoded: its format, frames, bits a channel.

use serde_json::{Value, json};

use super::super::{CheckResult, Finding, Format, Picture, expected, read_expected};
use super::DecodeLimits;
use crate::choice;
use crate::policy::{Expectation, FromNode, Kind, Node, Problems};
use crate::prompts::Case;

choice! {
    /// Whether pictures may have more than one frame.
    pub enum Animation {
        /// They may.
        Any = "any",
        /// They must not.
        None = "none",
        /// They must.
        Required = "required",
    }
}

/// Bits a channel: 8 or 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitDepth(pub u8);

impl FromNode for BitDepth {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Int(8) => Some(Self(8)),
            Kind::Int(16) => Some(Self(16)),
            _ => {
                problems.error(node.span, "expected 8 or 16 bits a channel");
                None
            }
        }
    }
    fn schema() -> Value {
        json!({"enum": [8, 16]})
    }
}

/// What a case may expect of its file.
pub(super) const EXPECTATIONS: &[Expectation] = &[
    Expectation {
        key: "format",
        doc: "The format of the file: `png`, `jpeg`, `webp` or `gif`.",
        validate: |value| read_expected::<Format>(value).map(|_| ()),
        schema: Format::schema,
    },
    Expectation {
        key: "animated",
        doc: "Whether the picture has more than one frame (`true`) or one (`false`).",
        validate: |value| read_expected::<bool>(value).map(|_| ()),
        schema: bool::schema,
    },
    Expectation {
        key: "bit_depth",
        doc: "The bits a channel, 8 or 16.",
        validate: |value| read_expected::<BitDepth>(value).map(|_| ()),
        schema: BitDepth::schema,
    },
];

/// What of a decoded picture is not as the case or the policy asks: format, frames, bits a channel.
pub(in crate::checks) fn contradictions(
    picture: &Picture,
    case: &Case,
    limits: &DecodeLimits,
) -> Vec<Finding> {
    let fail = |message: String| Finding::new("decode", CheckResult::Fail, message);
    let mut findings = Vec::new();
    let is = picture.format();
    if let Some(asked) = expected::<Format>(case, "format").filter(|asked| *asked != is) {
        let message = format!("asked a {}, the answer is a {}", asked.name(), is.name());
        findings.push(fail(message).measured("format", is.word()).limit("format", asked.word()));
    }
    let asked = match expected::<bool>(case, "animated") {
        Some(true) => Animation::Required,
        Some(false) => Animation::None,
        None => limits.animation,
    };
    let moves = picture.is_animated();
    if (asked == Animation::None && moves) || (asked == Animation::Required && !moves) {
        let message = if moves {
            "the picture is animated; a still one was asked"
        } else {
            "the picture does not move; an animated one was asked"
        };
        let finding = fail(message.to_owned()).measured("animated", moves);
        findings.push(finding.limit("animation", asked.word()));
    }
    let bits = picture.bit_depth();
    if let Some(BitDepth(asked)) = expected(case, "bit_depth").or(limits.bit_depth)
        && (bits > 8) != (asked > 8)
    {
        let message = format!("asked {asked} bits a channel, the picture has {bits}");
        findings.push(fail(message).measured("bit_depth", bits).limit("bit_depth", asked));
    }
    findings
}
