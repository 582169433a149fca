//! The record of one sample, and the seal by which a file proves that it is whole.

use bytes::Bytes;
use presscheck_core::providers::Stage;
use presscheck_core::units::CostBasis;
use presscheck_core::units::{Digest, Seed, Usd};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that determines an answer: the key of a sample is the digest of its JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of this form; goes up when its meaning changes.
    pub form: u32,
    /// The wire dialect.
    pub dialect: String,
    /// The dialect's version.
    pub dialect_version: u32,
    /// The provider's settings that shape a request, as JSON with sorted keys.
    pub provider: Value,
    /// The model's id.
    pub model: String,
    /// Its parameters, as JSON with sorted keys.
    pub params: Value,
    /// What was asked for, exactly.
    pub prompt: String,
    /// The seed that was sent.
    pub seed: Seed,
    /// The input picture.
    pub input: Option<Digest>,
    /// The mask over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Digest>,
    /// How many requests of the model went at once, where that was measured: a time without that load says nothing of one
    /// with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl Identity {
    /// The key of the sample.
    #[must_use]
    pub fn key(&self) -> Digest {
        // Every field has a JSON form, so the fallback is never taken; it keeps this free of panics.
        Digest::of_json(self).unwrap_or_else(|_| Digest::of(format!("{self:?}").as_bytes()))
    }
}

/// One sample as it was bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The sample's key.
    pub key: Digest,
    /// What determined the answer, for readers and for replays.
    pub identity: Identity,
    /// When it was bought, in milliseconds since 1970.
    pub bought_ms: i64,
    /// The run that bought it.
    pub run: String,
    /// What came.
    pub answer: StoredAnswer,
    /// From sending the last request to the last byte of its answer, in milliseconds.
    pub latency_ms: Option<f64>,
    /// What it cost, failed attempts included.
    pub charged: Usd,
    /// How well that is known.
    pub cost_basis: CostBasis,
    /// Each request in turn, as JSON: status, fault, words, times.
    pub attempts: Vec<Value>,
}

/// What came for a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StoredAnswer {
    /// A picture.
    Image {
        /// Of its bytes.
        digest: Digest,
        /// How many bytes.
        bytes: u64,
        /// What the answer said it is.
        content_type: Option<String>,
    },
    /// What a model said to a question of a check.
    Words {
        /// As it came.
        text: String,
    },
    /// A refusal by the provider's safety policy.
    Refused {
        /// When it did.
        #[serde(default)]
        stage: Stage,
        /// The provider's words.
        words: String,
    },
    /// An answer that holds no picture.
    Broken {
        /// A short kind.
        what: String,
        /// The provider's words.
        words: String,
    },
    /// No answer after all retries.
    Unavailable {
        /// The last fault.
        what: String,
        /// The provider's words.
        words: String,
    },
}

/// A value as a file that proves itself: its digest on the first line, its JSON on the second.
///
/// # Errors
/// Where the value has no JSON form.
pub fn seal<T: Serialize>(value: &T) -> Result<Bytes, serde_json::Error> {
    let json = serde_json::to_vec(value)?;
    let mut bytes = format!("{}\n", Digest::of(&json)).into_bytes();
    bytes.extend_from_slice(&json);
    bytes.push(b'\n');
    Ok(bytes.into())
}

/// The value of a sealed file; nothing where a single byte is not as it was written.
#[must_use]
pub fn open_sealed<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (digest, json) = bytes.split_at_checked(64)?;
    let json = json.strip_prefix(b"\n")?.strip_suffix(b"\n")?;
    let digest: Digest = std::str::from_utf8(digest).ok()?.parse().ok()?;
    (Digest::of(json) == digest).then(|| serde_json::from_slice(json).ok()).flatten()
}
