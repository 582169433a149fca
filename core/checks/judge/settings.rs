//! What the policy says of `judge`.

use serde_json::{Value, json};

use crate::inert::one_line;
use crate::policy::{FromNode, Kind, Node, Problems, Spanned};
use crate::record;
use crate::units::Seed;

/// The most questions of a policy, and of a case.
pub(super) const MAX_QUESTIONS: usize = 16;
/// The longest question, in bytes.
pub(super) const MAX_QUESTION: usize = 2_000;

/// The answer that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Yes.
    Yes,
    /// No.
    No,
}

impl Expected {
    /// The word: `yes` or `no`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

impl FromNode for Expected {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            // Older YAML reads the bare words as true and false.
            Kind::Bool(true) => Some(Self::Yes),
            Kind::Bool(false) => Some(Self::No),
            Kind::Text(word) if word == "yes" => Some(Self::Yes),
            Kind::Text(word) if word == "no" => Some(Self::No),
            _ => {
                node.wrong_type("yes or no", problems);
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"enum": ["yes", "no", true, false]})
    }
}

record! {
    /// A question about every picture.
    pub struct JudgeQuestion {
        /// The question, answered by yes or no. `{prompt}` stands for the case's prompt, in quotation marks.
        ask: String,
        /// The answer that is expected.
        expect: Expected = "yes",
    }
}

record! {
    /// Who is asked about each picture, and what.
    struct RawJudge {
        /// The provider, by its name in this policy.
        provider: Spanned<String>,
        /// The model's id: pin a version, not an alias that moves.
        model: Spanned<String>,
        /// Questions about every picture.
        questions: Spanned<Vec<Spanned<JudgeQuestion>>> = "[]",
        /// How often each question is asked, each time with the next seed: an odd number; the majority counts.
        votes: Spanned<u32> = "3",
        /// The longest side of the picture as it is shown, in pixels.
        max_side: Spanned<u32> = "1024",
        /// The seed of the first vote.
        seed: Seed = "7",
        /// The most tokens of an answer, thoughts included.
        max_tokens: Spanned<u32> = "2048",
    }
}

/// The settings of `judge`.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeSettings {
    /// The provider's name.
    pub provider: Spanned<String>,
    /// The model's id.
    pub model: Spanned<String>,
    /// Questions about every picture.
    pub questions: Vec<JudgeQuestion>,
    /// How often each is asked: odd.
    pub votes: u32,
    /// The longest side of the picture as it is shown, in pixels.
    pub max_side: u32,
    /// The seed of the first vote.
    pub seed: Seed,
    /// The most tokens of an answer.
    pub max_tokens: u32,
}

impl JudgeSettings {
    /// Reads the table; nothing after its problems were reported.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let before = problems.errors();
        let raw = RawJudge::from_node(node, problems)?;
        if raw.votes.value % 2 == 0 || raw.votes.value > 9 {
            problems.error_with_help(
                raw.votes.span,
                "`votes` is an odd number from 1 to 9",
                "an even number could end in a tie",
            );
        }
        if !(64..=4096).contains(&raw.max_side.value) {
            problems.error(raw.max_side.span, "`max_side` is from 64 to 4096 pixels");
        }
        if !(16..=65_536).contains(&raw.max_tokens.value) {
            problems.error(raw.max_tokens.span, "`max_tokens` is from 16 to 65536");
        }
        if raw.questions.value.len() > MAX_QUESTIONS {
            problems
                .error(raw.questions.span, format!("at most {MAX_QUESTIONS} questions are asked"));
        }
        for question in &raw.questions.value {
            let ask = question.value.ask.trim();
            if ask.is_empty() {
                problems.error(question.span, "the question is empty");
            } else if ask.len() > MAX_QUESTION {
                let start = one_line(ask, 40);
                problems.error(
                    question.span,
                    format!("the question “{start}” is over {MAX_QUESTION} bytes"),
                );
            }
        }
        (problems.errors() == before).then(|| Self {
            provider: raw.provider,
            model: raw.model,
            questions: raw.questions.value.into_iter().map(|question| question.value).collect(),
            votes: raw.votes.value,
            max_side: raw.max_side.value,
            seed: raw.seed,
            max_tokens: raw.max_tokens.value,
        })
    }

    /// The schema of the table.
    pub(super) fn schema_of_all() -> Value {
        let mut schema = RawJudge::schema();
        let mut narrow = |key: &str, more: Value| {
            let place = schema.pointer_mut(&format!("/properties/{key}"));
            if let (Some(Value::Object(property)), Value::Object(more)) = (place, more) {
                property.extend(more);
            }
        };
        narrow("votes", json!({"enum": [1, 3, 5, 7, 9]}));
        narrow("max_side", json!({"minimum": 64, "maximum": 4096}));
        narrow("max_tokens", json!({"minimum": 16, "maximum": 65_536}));
        narrow("questions", json!({"maxItems": MAX_QUESTIONS}));
        schema
    }
}
