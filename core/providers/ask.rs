//! Asking a model a question about a picture: what is asked, and what the answer is.
//!
//! It stands beside drawing: a dialect that answers questions gives an [`Asker`] of itself
//! ([`Dialect::asker`](super::Dialect::asker)). The same rules hold: nothing is sent here, and no key is
//! seen.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, Call, Reply, broken};
use crate::units::{Digest, Seed};

/// So many bytes of an answer are taken whatever the limit of tokens.
const MIN_WORDS: usize = 4_096;

/// A picture that is shown with a question.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// The file's bytes.
    pub bytes: Bytes,
    /// What they are: `image/png`.
    pub media_type: &'static str,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.media_type, self.bytes.len())
    }
}

impl Shown {
    /// The picture as a `data:` URI (RFC 2397).
    #[must_use]
    pub(super) fn data_uri(&self) -> String {
        format!("data:{};base64,{}", self.media_type, super::http::encode(&self.bytes))
    }
}

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// JSON: `{"answer": "yes" | "no" | "unsure", "reason": "…"}`.
    YesOrNo,
    /// JSON: `{"lines": ["…"]}`, all text in the picture.
    Transcription,
    /// JSON: `{"flagged": true | false, "scores": {"violence": 0.1, …}}`, from a moderation endpoint.
    Moderation,
}

impl Want {
    /// What must be there to be asked.
    #[must_use]
    pub const fn ability(self) -> Ability {
        match self {
            Self::YesOrNo | Self::Transcription => Ability::Questions,
            Self::Moderation => Ability::Moderation,
        }
    }

    /// The temperature that is sent; nothing where the model's own is better.
    ///
    /// Votes are counted, and answers at temperature 0 are the same one over again: only votes that may differ tell how
    /// sure a model is. What is written down is to be the likeliest reading.
    pub(super) const fn temperature(self) -> Option<u8> {
        match self {
            Self::Transcription => Some(0),
            Self::YesOrNo | Self::Moderation => None,
        }
    }

    /// The schema of the answer in the subset of OpenAPI 3.0 that Gemini takes as `responseSchema`.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::YesOrNo | Self::Moderation => json!({
                "type": "OBJECT",
                "properties": {
                    "answer": {"type": "STRING", "enum": ["yes", "no", "unsure"]},
                    "reason": {"type": "STRING"},
                },
                "required": ["answer", "reason"],
            }),
            Self::Transcription => json!({
                "type": "OBJECT",
                "properties": {"lines": {"type": "ARRAY", "items": {"type": "STRING"}}},
                "required": ["lines"],
            }),
        }
    }
}

pub use crate::policy::Ability;

/// A question: everything that determines the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The model's id.
    pub model: String,
    /// What the model is and how it has to answer: the policy's own words, never a stranger's.
    pub instructions: String,
    /// The question itself. Text from outside in it is quoted and declared as data.
    pub text: String,
    /// The pictures that it is about.
    pub pictures: Vec<Shown>,
    /// The seed, for models that take one.
    pub seed: Seed,
    /// What kind of answer is wanted.
    pub want: Want,
    /// The most tokens of the answer, thoughts included where a model thinks.
    pub max_tokens: u32,
}

impl Question {
    /// A model's own words as the answer to this question, where there are not too many of them.
    pub(super) fn said(&self, text: String) -> Answer {
        // A token is seldom longer than this, and a provider that ignores the limit is not waited for.
        let most = usize::try_from(self.max_tokens).unwrap_or(usize::MAX).saturating_mul(16);
        if text.len() > most.max(MIN_WORDS) {
            return broken("too_large", format!("an answer of {} bytes", text.len()));
        }
        Answer::Words { text, cost: None }
    }

    /// What determines the answer besides model, text and seed, for a stored answer's identity.
    #[must_use]
    pub fn params(&self) -> Value {
        let pictures: Vec<_> =
            self.pictures.iter().map(|picture| Digest::of(&picture.bytes)).collect();
        json!({
            "instructions": self.instructions,
            "max_tokens": self.max_tokens,
            "pictures": pictures,
            "want": self.want,
        })
    }
}

/// The part of a dialect that answers questions.
pub trait Asker: Send + Sync {
    /// Goes up when the same question would be sent or understood differently.
    fn version(&self) -> u32;

    /// The call that asks.
    ///
    /// # Errors
    /// A sentence, where this dialect can't ask that.
    fn pose(&self, question: &Question) -> Result<Call, String>;

    /// What the reply means: [`Answer::Words`] with the JSON of the question's [`Want`] as the model wrote it,
    /// which may be no JSON at all; or a refusal, a broken answer, a fault.
    fn hear(&self, question: &Question, reply: &Reply) -> Answer;
}

/// A question with a picture and the largest of seeds, for the tests of dialects.
#[cfg(test)]
pub(super) fn about_a_dog(model: &str, want: Want) -> Question {
    Question {
        model: model.to_owned(),
        instructions: "Answer in JSON.".to_owned(),
        text: "One dog?".to_owned(),
        pictures: vec![Shown { bytes: Bytes::from_static(b"\x89PNG"), media_type: "image/png" }],
        seed: Seed(u64::MAX),
        want,
        max_tokens: 64,
    }
}
