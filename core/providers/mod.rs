//! The wire dialects: one file each, one line each in the registry, no I/O.
//!
//! A dialect turns an [`Order`] into a call and a reply into a [`Step`]. Whoever sends the call (the
//! transport) never knows what a provider is; the dialect never knows how bytes travel. A key is never
//! here: headers carry [`Text::Secret`] parts, which the transport fills in at the last moment.

mod ask;
mod automatic1111;
mod bedrock;
mod bfl;
pub mod catalogue;
mod comfyui;
mod failures;
mod fal;
mod google;
mod http;
mod huggingface;
mod ideogram;
mod job;
mod json;
mod label;
mod manners;
mod mask;
mod multipart;
mod openai;
mod picture;
mod recraft;
mod registry;
pub mod rehearsal;
mod replicate;
mod simulated;
mod stability;
mod words;
mod xai;

pub use ask::{Ability, Asker, Question, Shown, Want};
pub use failures::{FAILURES, class_of};
pub use picture::picture_format;
pub use registry::{Kind, REGISTRY, kind, open, vocabulary};
pub use words::{MAX_WORDS, provider_words};

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::policy::{Node, Problems, Provider, Settings, Task};
use crate::units::{Cost, Seed};

/// What is asked of a model: everything that determines the answer.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The model's id.
    pub model: &'a str,
    /// What the model is to do.
    pub task: Task,
    /// Its parameters, as the model config has them, already admitted by the policy.
    pub params: &'a Map<String, Value>,
    /// What is to be drawn, exactly.
    pub prompt: &'a str,
    /// The seed, for models that take one.
    pub seed: Seed,
    /// The input picture of an edit or an upscale.
    pub image: Option<&'a Bytes>,
    /// Which part of the input picture an edit may change: white where it may.
    pub mask: Option<&'a Bytes>,
}

impl Order<'_> {
    /// The seed under 2^31: a number that every server takes, and none takes for `any`.
    const fn seed_31(&self) -> u64 {
        self.seed.0 & 0x7FFF_FFFF
    }
}

/// A piece of a header: literal, or a key, or what is got with one, that only the transport knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Text {
    /// As it is.
    Plain(String),
    /// The content of this environment variable, which the provider's `api_key_env` lists.
    Secret(String),
    /// The same in base64, as HTTP Basic wants `user:password` (RFC 7617).
    Basic(String),
    /// An access token of Google's, got with what this variable holds: a service account's key, or such a token.
    GoogleToken(String),
    /// AWS's signature over the whole call, as the only part of the header `authorization`; the headers that belong to it
    /// come along.
    AwsSignature(AwsSignature),
}

/// For what AWS Signature Version 4 is made, and with which keys: names of variables that `api_key_env` lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AwsSignature {
    /// The service's name: `bedrock`.
    pub service: &'static str,
    /// The region's name.
    pub region: String,
    /// Holds the id of the key.
    pub key_id: String,
    /// Holds the secret key.
    pub secret_key: String,
    /// Holds the token of a temporary key.
    pub session_token: Option<String>,
}

/// An HTTP call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: Url,
    /// Headers: lower-case names; each value is the parts joined.
    pub headers: Vec<(String, Vec<Text>)>,
    /// The body; empty for `GET`.
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, lower-case names, values that are no text left out.
    pub headers: Vec<(String, String)>,
    /// The whole body, under the transport's limit.
    pub body: Bytes,
}

impl Reply {
    /// The first value of a header (lower-case name).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What to do after a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The sample is over.
    Done(Answer),
    /// The picture lies at this address: fetch it, without any key.
    Fetch(Url),
    /// The picture is not ready: make this call after this time.
    Poll(Call, Duration),
    /// The picture is still not ready: make the last poll again after this time. For wires whose answers do not say
    /// again where to ask.
    Again(Duration),
    /// The order takes another call before it is made, which costs what the first does: make this one at once.
    Next(Call),
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Bytes that claim to be a picture.
    Image {
        /// The bytes as they came.
        bytes: Bytes,
        /// What the answer said they are.
        content_type: Option<String>,
        /// What the answer said it cost, where it did.
        cost: Option<Cost>,
    },
    /// What a model said to a question.
    Words {
        /// As it came.
        text: String,
        /// What the answer said it cost, where it did.
        cost: Option<Cost>,
    },
    /// The provider's safety policy refused.
    Refused {
        /// When it did.
        stage: Stage,
        /// The provider's own words.
        words: String,
    },
    /// A success that holds no picture: an error body under 200, HTML, an empty list.
    Broken {
        /// A short kind: `html`, `json_error`, `empty`, `bad_base64`, …
        kind: String,
        /// The provider's own words, or what is wrong.
        words: String,
    },
    /// No picture, for a reason that is not the picture's.
    Fault(Fault),
}

/// What a safety policy looked at when it refused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The request: nothing was drawn, and no vendor charges for it.
    Input,
    /// The picture, which was drawn: it may be charged.
    Output,
    /// The answer does not say.
    #[default]
    Unknown,
}

impl Stage {
    /// The word of evidence: `refused_input`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Input => "refused_input",
            Self::Output => "refused_output",
            Self::Unknown => "refused",
        }
    }
}

/// A failure that says nothing about the model's pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// The provider's own words.
    pub words: String,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
}

/// What kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Too many requests: wait and repeat.
    RateLimited,
    /// The server failed: wait and repeat.
    ServerFault,
    /// The answer stopped in the middle, or never came: the charge is unknown.
    TimeoutUnknown,
    /// The connection could not be made: nothing was charged; repeat.
    Unreachable,
    /// The key is missing, wrong or without right: nothing more can be bought.
    Auth,
    /// No credit is left: nothing more can be bought.
    OutOfCredit,
    /// The model does not exist, or no longer.
    ModelRetired,
    /// The provider can't accept this request, whatever the prompt.
    BadRequest,
    /// The picture was made, and is no longer to be had.
    ResultExpired,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::RateLimited,
        Self::ServerFault,
        Self::TimeoutUnknown,
        Self::Unreachable,
        Self::Auth,
        Self::OutOfCredit,
        Self::ModelRetired,
        Self::BadRequest,
        Self::ResultExpired,
    ];

    /// Whether the same request may succeed later, and nothing was charged for this attempt.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::ServerFault | Self::Unreachable)
    }

    /// Whether no further request of this side can succeed: the run stops at once.
    #[must_use]
    pub const fn is_fatal(self) -> bool {
        matches!(self, Self::Auth | Self::OutOfCredit | Self::ModelRetired)
    }

    /// The word of evidence: `rate_limited`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::ServerFault => "server_fault",
            Self::TimeoutUnknown => "timeout_unknown",
            Self::Unreachable => "unreachable",
            Self::Auth => "auth",
            Self::OutOfCredit => "out_of_credit",
            Self::ModelRetired => "model_retired",
            Self::BadRequest => "bad_request",
            Self::ResultExpired => "result_expired",
        }
    }
}

/// A wire dialect, set up for one provider of the policy.
pub trait Dialect: Send + Sync {
    /// Goes up when the same order would be sent or understood differently: part of a sample's identity.
    fn version(&self) -> u32;

    /// The call that asks for the picture.
    ///
    /// # Errors
    /// A sentence, where the order can't be expressed (a parameter of the wrong type, no input picture).
    fn begin(&self, order: &Order<'_>) -> Result<Call, String>;

    /// What the reply to the first call means, or to one that [`Step::Next`] asked for.
    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step;

    /// What the reply to a poll means: the same, unless a wire says one thing and means two, such as a 404 that is of the
    /// model at first and of the order later.
    fn polled(&self, order: &Order<'_>, reply: &Reply) -> Step {
        self.understand(order, reply)
    }

    /// What this reply says that the picture of a model cost, where it does. Asked for each reply on the way, since
    /// a cost may stand beside a download address or in a poll's answer.
    fn cost(&self, model: &str, reply: &Reply) -> Option<Cost> {
        let _ = (model, reply);
        None
    }

    /// What the reply to a [`Step::Fetch`] means.
    fn fetched(&self, reply: &Reply) -> Answer;

    /// Where it sends requests, where that follows from its own settings.
    fn home(&self) -> Option<&Url> {
        None
    }

    /// The part that answers questions, where the dialect has one.
    fn asker(&self) -> Option<&dyn Asker> {
        None
    }
}

/// Reads the settings of a kind that has none of its own.
#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn no_settings(_: &Node, _: &[String], _: &mut Problems) -> Option<Settings> {
    Some(Settings::new(()))
}

fn refused(stage: Stage, words: impl Into<String>) -> Answer {
    Answer::Refused { stage, words: words.into() }
}

fn broken(kind: &str, words: impl Into<String>) -> Answer {
    Answer::Broken { kind: kind.to_owned(), words: words.into() }
}

/// A provider's base address: its own or the dialect's, with the version where it has no path at all.
fn base_url(provider: &Provider, default: &str, version: &str) -> Result<Url, String> {
    let mut url = match &provider.url {
        Some(url) => url.clone(),
        None => default.parse().map_err(|error| format!("{default}: {error}"))?,
    };
    if url.path() == "/" {
        url.set_path(version);
    }
    Ok(url)
}

/// An address below a base.
fn below(base: &Url, path: &[&str]) -> Result<Url, String> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| "the provider's address can't have a path".to_owned())?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// The one variable that holds a provider's key, where it has any.
fn one_key(provider: &Provider) -> Result<Option<String>, String> {
    match provider.api_key_env.as_slice() {
        [] => Ok(None),
        [name] => Ok(Some(name.clone())),
        _ => Err(format!(
            "provider `{}`: the kind `{}` takes one key, and `api_key_env` lists several",
            provider.name, provider.kind
        )),
    }
}
