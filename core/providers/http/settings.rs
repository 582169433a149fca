//! What the kind `http` reads from the policy.

use serde_json::{Value, json};

use super::body::Template;
use super::headers;
use super::meaning::{Refused, Rules};
use crate::policy::{
    FromNode, Node, Problems, Settings, Spanned, TableReader, choice_schema, read_word,
};
use crate::providers::Text;
use crate::record;

/// Its keys besides those of every provider.
pub(super) const KEYS: &[&str] = &["method", "headers", "body", "response", "refused", "cost"];

/// How an endpoint can be asked.
const METHODS: &[&str] = &["POST"];

/// The settings, validated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HttpSettings {
    pub(super) headers: Vec<(String, Vec<Text>)>,
    pub(super) body: Option<Template>,
    pub(super) rules: Rules,
}

/// A place in JSON: a JSON Pointer (RFC 6901), empty for the whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl FromNode for Pointer {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::from_node(node, problems)?;
        if text.is_empty() || text.starts_with('/') {
            return Some(Self(text));
        }
        problems.error_with_help(
            node.span,
            format!("`{}` is no JSON Pointer", crate::inert::one_line(&text, 60)),
            "write it like `/data/0/b64_json`",
        );
        None
    }
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^(/.*)?$", "examples": ["/data/0/b64_json"]})
    }
}

record! {
    /// Where the picture is in a JSON answer.
    pub(super) struct ResponseTable {
        /// The place (JSON Pointer) of the picture: base64, a `data:` URI, or an address.
        image: Option<Pointer>,
        /// The place of the picture's address; it may be relative to the endpoint.
        url: Option<Pointer>,
    }
}

record! {
    /// What a refusal by the provider's safety policy looks like. All that is given must hold.
    pub(super) struct RefusedTable {
        /// HTTP statuses.
        status: Option<Vec<u16>>,
        /// A place (JSON Pointer) in the answer.
        pointer: Option<Pointer>,
        /// What the place holds then; anything but `null` where no value is given.
        values: Option<Vec<String>>,
    }
}

record! {
    /// Where the answer says what it cost, in dollars. One of the two.
    pub(super) struct CostTable {
        /// The name of a header.
        header: Option<String>,
        /// A place (JSON Pointer) in a JSON answer.
        pointer: Option<Pointer>,
    }
}

/// Reads the keys of this kind from the provider's table.
pub(super) fn read(node: &Node, names: &[String], problems: &mut Problems) -> Option<Settings> {
    let mut table = TableReader::open_any(node, problems)?;
    let method: Option<Option<Node>> = table.read("method", None, problems);
    let method = method.map(|node| node.map(|node| read_word(&node, METHODS, problems)));
    let header_node: Option<Option<Node>> = table.read("headers", None, problems);
    let headers = match header_node.flatten() {
        Some(node) => headers::read(&node, names, problems),
        None => Some(default_headers(node, names, problems)),
    };
    let body_node: Option<Option<Node>> = table.read("body", None, problems);
    let body = match body_node.flatten() {
        Some(node) => Template::read(&node, problems).map(Some),
        None => Some(None),
    };
    let response: Option<Option<ResponseTable>> = table.read("response", None, problems);
    let refused: Option<Option<Spanned<RefusedTable>>> = table.read("refused", None, problems);
    let refused = refused.map(|table| table.map(|table| refusal(table, problems)));
    let cost: Option<Option<Spanned<CostTable>>> = table.read("cost", None, problems);
    let cost = cost.map(|table| table.map(|table| cost_place(table, problems)));

    if method? == Some(None) {
        return None;
    }
    let response = response?.unwrap_or(ResponseTable { image: None, url: None });
    let (cost_header, cost_pointer) = match cost? {
        Some(place) => place?,
        None => (None, None),
    };
    let refused = match refused? {
        Some(rule) => Some(rule?),
        None => None,
    };
    Some(Settings::new(HttpSettings {
        headers: headers?,
        body: body?,
        rules: Rules {
            image: response.image.map(|place| place.0),
            url: response.url.map(|place| place.0),
            refused,
            cost_header,
            cost_pointer,
        },
    }))
}

/// The headers where the policy gives none: the one key, if there is one, as a bearer token.
fn default_headers(
    node: &Node,
    names: &[String],
    problems: &mut Problems,
) -> Vec<(String, Vec<Text>)> {
    match names {
        [] => Vec::new(),
        [name] => vec![(
            "authorization".to_owned(),
            vec![Text::Plain("Bearer ".to_owned()), Text::Secret(name.clone())],
        )],
        _ => {
            problems.error_with_help(
                node.span,
                "there are several keys in `api_key_env` and no `headers` that say where they go",
                "add `headers` with `${NAME}` for each of them",
            );
            Vec::new()
        }
    }
}

fn refusal(table: Spanned<RefusedTable>, problems: &mut Problems) -> Option<Refused> {
    let RefusedTable { status, pointer, values } = table.value;
    let (status, values) = (status.unwrap_or_default(), values.unwrap_or_default());
    if status.is_empty() && pointer.is_none() {
        problems.error(table.span, "`refused` needs a `status` or a `pointer`");
        return None;
    }
    if !values.is_empty() && pointer.is_none() {
        problems.error_with_help(
            table.span,
            "`values` without a `pointer` are compared with nothing",
            "say where they are: `pointer: /error/code`",
        );
        return None;
    }
    if let Some(wrong) = status.iter().find(|status| !(100..600).contains(*status)) {
        problems.error(table.span, format!("{wrong} is no HTTP status"));
        return None;
    }
    Some(Refused { status, pointer: pointer.map(|place| place.0), values })
}

type CostPlace = (Option<String>, Option<String>);

fn cost_place(table: Spanned<CostTable>, problems: &mut Problems) -> Option<CostPlace> {
    let CostTable { header, pointer } = table.value;
    if header.is_some() == pointer.is_some() {
        problems.error(table.span, "`cost` needs either a `header` or a `pointer`");
        return None;
    }
    Some((header.map(|name| name.to_ascii_lowercase()), pointer.map(|place| place.0)))
}

/// The properties of the keys.
pub(super) fn schema() -> Value {
    let described = |mut schema: Value, doc: &str| {
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), doc.into());
        }
        schema
    };
    json!({
        "method": choice_schema("How the endpoint is asked.", &[("POST", "With a body of JSON.")]),
        "headers": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number"]},
            "description": "Headers to send. `${NAME}` stands for a key that `api_key_env` lists. Where \
                `headers` is absent, a single key is sent as `authorization: Bearer ${NAME}`.",
        },
        "body": {
            "type": ["object", "string"],
            "description": "The body, with `{{prompt}}`, `{{model}}`, `{{seed}}`, `{{image}}`, \
                `{{params}}` and `{{params.NAME}}` filled in as JSON. Default: \
                `{\"prompt\", \"model\", \"seed\", …params}`.",
        },
        "response": described(ResponseTable::schema(), "Where the picture is in a JSON answer. \
            Default: the usual places."),
        "refused": described(RefusedTable::schema(), "What a refusal looks like. Default: status 451, or \
            one of the usual codes such as `content_policy`."),
        "cost": described(CostTable::schema(), "Where the answer says what it cost, in dollars. Default: \
            the policy's `price` counts."),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::dialect;
    use super::*;

    #[test]
    fn mistakes_are_reported_all_at_once() {
        let Err(problems) = dialect(&json!({
            "method": "GET",
            "headers": {"x-key": "plain"},
            "body": {"a": 1},
            "response": {"imgae": "/a", "url": "data.0"},
            "refused": {"values": ["x"]},
            "cost": {"header": "x-cost", "pointer": "/cost"},
        })) else {
            panic!("all of it is wrong")
        };
        insta::assert_snapshot!(problems.join("\n"));
    }

    #[test]
    fn every_key_is_in_the_schema() {
        let schema = schema();
        let keys: Vec<_> = schema.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, KEYS);
    }
}
