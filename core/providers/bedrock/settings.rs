//! What the kind `bedrock` reads from the policy: where it is, and with which keys.

use serde_json::{Value, json};

use super::Text;
use crate::policy::{Node, Problems, Settings, TableReader};
use crate::providers::AwsSignature;
use crate::providers::json::keyed;
use crate::providers::label::Label;

/// The region of AWS.
#[derive(Clone, Debug)]
pub(super) struct Region(pub(super) Label);

/// Reads the keys of this kind from the provider's table.
pub(super) fn read(node: &Node, names: &[String], problems: &mut Problems) -> Option<Settings> {
    let mut reader = TableReader::open_any(node, problems)?;
    let region: Option<Option<Label>> = reader.read("region", None, problems);
    let mut wrong = |words: &str, help: &str| problems.error_with_help(node.span, words, help);
    let access = Access::of(names, "");
    if let Err(words) = &access {
        wrong(words, HELP);
    }
    let region = region?;
    if region.is_none() {
        wrong("the kind `bedrock` needs a `region`", "write it like `region: us-west-2`");
    }
    access.ok()?;
    Some(Settings::new(Region(region?)))
}

/// The schema of these keys.
pub(super) fn schema() -> Value {
    json!({"region": Label::described("The region of AWS: `us-west-2`. Required.")})
}

/// What is to be done about names that say nothing.
const HELP: &str = "list variables whose names end with `ACCESS_KEY_ID`, `SECRET_ACCESS_KEY` and, for temporary keys, \
                    `SESSION_TOKEN`; or one alone, which holds a Bedrock API key";

/// How requests are authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Not at all.
    Open,
    /// By a Bedrock API key in this variable.
    Key(String),
    /// By a signature.
    Signed(AwsSignature),
}

impl Access {
    /// What the listed names are for: each says it by its end, so that no order can mix them up.
    pub(super) fn of(names: &[String], region: &str) -> Result<Self, String> {
        let ending = |end: &str| names.iter().find(|name| name.ends_with(end)).cloned();
        let id = ending("ACCESS_KEY_ID");
        let secret = ending("SECRET_ACCESS_KEY");
        let session_token = ending("SESSION_TOKEN");
        match (names, id, secret) {
            ([], ..) => Ok(Self::Open),
            (_, Some(key_id), Some(secret_key))
                if names.len() == 2 + usize::from(session_token.is_some()) =>
            {
                Ok(Self::Signed(AwsSignature {
                    service: "bedrock",
                    region: region.to_owned(),
                    key_id,
                    secret_key,
                    session_token,
                }))
            }
            ([name], None, None) if session_token.is_none() => Ok(Self::Key(name.clone())),
            _ => Err("it can't be told which of the variables in `api_key_env` is what".to_owned()),
        }
    }

    /// The headers of authorisation.
    pub(super) fn headers(&self) -> Vec<(String, Vec<Text>)> {
        match self {
            Self::Open => Vec::new(),
            Self::Key(name) => keyed("authorization", "Bearer ", Some(name)),
            Self::Signed(signature) => {
                vec![("authorization".to_owned(), vec![Text::AwsSignature(signature.clone())])]
            }
        }
    }
}
