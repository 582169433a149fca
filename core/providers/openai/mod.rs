//! The kind `openai`: pictures by `/images/generations` and `/images/edits`, questions by `/chat/completions`, and
//! `/moderations`, of OpenAI and of every server that speaks the same (vLLM, SGLang, LocalAI, Together and others, by
//! `url`).
//!
//! Wire: `Authorization: Bearer`; errors are `{"error": {"message", "type", "param", "code"}}`, or a bare text, or FastAPI's
//! `detail`. Source: the types of the package openai 3.54.0.

mod ask;
pub(super) mod azure;
mod draw;
#[cfg(test)]
mod published;
mod server;

pub(super) use self::draw::first_picture;

use serde_json::{Map, Value, json as table};
use url::Url;

use super::ask::Asker;
use super::registry::Kind;
use super::{Answer, Call, Dialect, Order, Reply, Stage, Step, Text, catalogue, http, json};
use crate::policy::{Ability, FromNode, Node, Problems, Provider, ProviderVocabulary, Settings};
use crate::units::Cost;

/// OpenAI's own address.
const DEFAULT_URL: &str = "https://api.openai.com/v1";

/// The parameters of pictures that the API knows.
const PARAMS: &[&str] = &[
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "style",
    "complexity",
    "input_fidelity",
];

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "openai",
        doc: "OpenAI, and every server that speaks the same by `url`: pictures and edits, questions about pictures, moderation.",
        keys: &["extra_body"],
        read,
        schema: || table!({"extra_body": ExtraBody::schema()}),
        default_url: Some(DEFAULT_URL),
        hosts: &["api.openai.com"],
        params: PARAMS,
        list_price: Some(|model, params| catalogue::list_price("openai", model, params)),
        answer_first: false,
        draws: true,
        answers: &[Ability::Questions, Ability::Moderation],
    },
    open,
    rehearsal: Some(&server::Server { azure: false }),
};

/// What is sent with every order besides: fields that a compatible server wants and OpenAI does not know.
#[derive(Clone, Debug, Default, PartialEq)]
struct ExtraBody(Map<String, Value>);

impl FromNode for ExtraBody {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::Object(fields) = node.to_json() else {
            node.wrong_type("a table of fields", problems);
            return None;
        };
        match fields.keys().find(|name| matches!(name.as_str(), "prompt" | "model" | "image")) {
            Some(name) => {
                problems.error(node.span, format!("`{name}` is what the gate sets itself"));
                None
            }
            None => Some(Self(fields)),
        }
    }

    fn schema() -> Value {
        table!({"type": "object"})
    }
}

fn read(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    let mut reader = crate::policy::TableReader::open_any(node, problems)?;
    let extra: Option<Option<ExtraBody>> = reader.read("extra_body", None, problems);
    Some(Settings::new(extra?.unwrap_or_default()))
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v1")?;
    let extra = provider.settings.get::<ExtraBody>().cloned().unwrap_or_default();
    let own = base.host_str() == Some("api.openai.com");
    let house = if own { House::OpenAi } else { House::Other };
    Ok(Box::new(OpenAi { base, key: super::one_key(provider)?, extra: extra.0, house }))
}

/// Whose server it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum House {
    /// OpenAI's own.
    OpenAi,
    /// Azure's, where each model is a deployment with an address of its own.
    Azure {
        /// The version of the API, which goes into each address.
        api_version: Option<String>,
    },
    /// Another that speaks the same.
    Other,
}

/// A server, set up.
#[derive(Clone, Debug)]
pub(super) struct OpenAi {
    /// The address with its version.
    pub(super) base: Url,
    /// The variable that holds the key.
    pub(super) key: Option<String>,
    /// Fields that the policy adds to every order.
    pub(super) extra: Map<String, Value>,
    /// Whose it is.
    pub(super) house: House,
}

impl OpenAi {
    /// A server of another house that speaks the same.
    pub(super) fn compatible(base: Url, key: Option<String>) -> Self {
        Self { base, key, extra: Map::new(), house: House::Other }
    }

    /// Whether OpenAI's own models answer, which take no seed and no `response_format` for pictures.
    fn is_openai(&self) -> bool {
        self.house != House::Other
    }

    /// The kind of provider, for the list of prices.
    const fn kind(&self) -> &'static str {
        match self.house {
            House::Azure { .. } => azure::NAME,
            House::OpenAi | House::Other => "openai",
        }
    }

    /// The address of what is asked of a model.
    fn address(&self, model: &str, path: &[&str]) -> Result<Url, String> {
        match &self.house {
            House::Azure { api_version } => {
                azure::address(&self.base, api_version.as_deref(), model, path)
            }
            House::OpenAi | House::Other => super::below(&self.base, path),
        }
    }

    fn headers(&self) -> Vec<(String, Vec<Text>)> {
        match self.house {
            House::Azure { .. } => json::keyed("api-key", "", self.key.as_ref()),
            House::OpenAi | House::Other => {
                json::keyed("authorization", "Bearer ", self.key.as_ref())
            }
        }
    }

    /// A refusal, and when it came.
    fn refusal(&self, reply: &Reply, json: Option<&Value>) -> Answer {
        match (http::refusal(reply, json), &self.house) {
            (Answer::Refused { stage: Stage::Unknown, words }, House::Azure { .. }) => {
                Answer::Refused { stage: azure::stage(json, &words), words }
            }
            (answer, _) => answer,
        }
    }
}

impl Dialect for OpenAi {
    fn version(&self) -> u32 {
        2
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        draw::begin(self, order)
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        draw::meaning(self, reply)
    }

    fn cost(&self, model: &str, reply: &Reply) -> Option<Cost> {
        draw::cost(self.kind(), model, reply)
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        http::of_download(reply)
    }

    fn asker(&self) -> Option<&dyn Asker> {
        Some(self)
    }
}
