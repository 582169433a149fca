//! The kind `azure-openai`: OpenAI's models on Azure, each behind a deployment of the team's own.
//!
//! Wire: as OpenAI's, at `{resource}/openai/deployments/{deployment}/images/generations?api-version=…` with the key in
//! `api-key`; or, where the address ends with `/v1`, with the deployment as `model`. A refusal is a 400 with the code
//! `content_policy_violation`, `contentFilter`, `content_filter` or `moderation_blocked`, and what was filtered in `innererror` or
//! `inner_error`. Sources: answers that users of Azure and of LiteLLM reported in 2025 (LiteLLM's issue 16072 and pull
//! request 16231); the phrase for a filtered picture is from memory, so that without it the stage is unknown.

use serde_json::{Value, json as table};
use url::Url;

use super::{House, OpenAi, PARAMS, server};
use crate::policy::{Ability, Node, Problems, Provider, ProviderVocabulary, Settings};
use crate::providers::label::Label;
use crate::providers::registry::Kind;
use crate::providers::{Dialect, Stage, below, catalogue, one_key};

/// The kind's name.
pub(super) const NAME: &str = "azure-openai";

/// The first version that has `gpt-image-*`, edits included.
const API_VERSION: &str = "2025-04-01-preview";

/// What is said of the key.
const VERSION_DOC: &str = "The version of the API, behind each address: `2025-04-01-preview` where nothing is given, and none \
                           where `url` ends with `/v1`.";

/// The registry's line.
pub(in crate::providers) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: NAME,
        doc: "OpenAI's models on Azure: pictures and edits by your own deployments, questions about pictures.",
        keys: &["api_version"],
        read,
        schema: || table!({"api_version": Label::described(VERSION_DOC)}),
        default_url: None,
        hosts: &[],
        params: PARAMS,
        list_price: Some(|model, params| catalogue::list_price(NAME, model, params)),
        answer_first: false,
        draws: true,
        answers: &[Ability::Questions],
    },
    open,
    rehearsal: Some(&server::Server { azure: true }),
};

/// The version of the API that the policy names.
#[derive(Clone, Debug, Default)]
struct Version(Option<Label>);

fn read(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    let mut reader = crate::policy::TableReader::open_any(node, problems)?;
    let version: Option<Option<Label>> = reader.read("api_version", None, problems);
    Some(Settings::new(Version(version?)))
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let mut base = provider.url.clone().ok_or_else(|| {
        format!("provider `{}`: the kind `{NAME}` needs the `url` of a resource", provider.name)
    })?;
    if base.path() == "/" {
        base.set_path("openai");
    }
    let version = provider.settings.get::<Version>().and_then(|version| version.0.as_ref());
    let api_version = match version {
        Some(version) => Some(version.as_str().to_owned()),
        None if is_v1(&base) => None,
        None => Some(API_VERSION.to_owned()),
    };
    let house = House::Azure { api_version };
    Ok(Box::new(OpenAi { base, key: one_key(provider)?, extra: serde_json::Map::new(), house }))
}

/// Whether an address is of the newer form, where the deployment is named in the body alone.
fn is_v1(base: &Url) -> bool {
    base.path().trim_end_matches('/').ends_with("/v1")
}

/// The address of what is asked of a deployment.
pub(super) fn address(
    base: &Url,
    api_version: Option<&str>,
    deployment: &str,
    path: &[&str],
) -> Result<Url, String> {
    let base = if is_v1(base) { base.clone() } else { below(base, &["deployments", deployment])? };
    let mut url = below(&base, path)?;
    if let Some(version) = api_version {
        url.query_pairs_mut().append_pair("api-version", version);
    }
    Ok(url)
}

/// When a refusal came that does not say it in OpenAI's way: by what Azure says that it filtered.
pub(super) fn stage(json: Option<&Value>, words: &str) -> Stage {
    let words = words.to_ascii_lowercase();
    // The field of a chat's refusal: its prompt is what is looked at before anything is written.
    let of_prompt = json.and_then(|json| json.pointer("/error/param")?.as_str()) == Some("prompt");
    if words.contains("generated image") {
        Stage::Output
    } else if of_prompt || words.contains("your prompt") || words.contains("the prompt") {
        Stage::Input
    } else {
        Stage::Unknown
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::providers::http::tests::{order, provider};
    use crate::providers::{Answer, FaultKind, Order, Question, Reply, Step, Text, ask, ask::Want};

    fn dialect(url: &str, settings: &Value) -> Box<dyn Dialect> {
        let settings = read(&Node::from_json(settings), &[], &mut Problems::new()).unwrap();
        open(&provider(NAME, Some(url), settings)).unwrap()
    }

    fn told(status: u16, body: &Value) -> Answer {
        let params = serde_json::Map::new();
        let reply = Reply { status, headers: vec![], body: Bytes::from(body.to_string()) };
        let dialect = dialect("https://studio.openai.azure.com", &table!({}));
        match dialect.understand(&order(&params), &reply) {
            Step::Done(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_deployment_has_an_address_of_its_own() {
        let params = serde_json::Map::new();
        let asked = |url: &str, settings: &Value, model: &str| {
            let order = Order { model, ..order(&params) };
            dialect(url, settings).begin(&order).unwrap().url.to_string()
        };
        let (none, set) = (table!({}), table!({"api_version": "preview"}));
        for (url, settings, model, address) in [
            (
                "https://studio.openai.azure.com",
                &none,
                "posters",
                "https://studio.openai.azure.com/openai/deployments/posters/images/generations?api-version=2025-04-01-preview",
            ),
            (
                "https://studio.openai.azure.com/openai/",
                &set,
                "a/../b?c",
                "https://studio.openai.azure.com/openai/deployments/a%2F..%2Fb%3Fc/images/generations?api-version=preview",
            ),
            (
                "https://studio.openai.azure.com/openai/v1/",
                &none,
                "posters",
                "https://studio.openai.azure.com/openai/v1/images/generations",
            ),
            (
                "http://127.0.0.1:9/openai/v1",
                &set,
                "posters",
                "http://127.0.0.1:9/openai/v1/images/generations?api-version=preview",
            ),
        ] {
            assert_eq!(asked(url, settings, model), address);
        }
    }

    #[test]
    fn the_key_goes_in_its_own_header_and_no_seed_is_sent() {
        let params = table!({"size": "1024x1024"}).as_object().cloned().unwrap();
        let call = dialect("https://studio.openai.azure.com", &table!({}))
            .begin(&Order { model: "posters", ..order(&params) })
            .unwrap();
        let key = vec![Text::Secret("STUDIO_KEY".to_owned())];
        assert!(call.headers.contains(&("api-key".to_owned(), key)));
        assert!(call.headers.iter().all(|(name, _)| name != "authorization"));
        assert_eq!(
            String::from_utf8(call.body.to_vec()).unwrap(),
            r#"{"model":"posters","prompt":"a cat","n":1,"size":"1024x1024"}"#
        );
    }

    #[test]
    fn a_refusal_says_when_it_came() {
        let filtered = table!({"violence": {"filtered": true, "severity": "medium"}});
        let inner =
            table!({"code": "ResponsibleAIPolicyViolation", "content_filter_results": filtered});
        let refusal = |code: &str, message: &str| {
            let error = table!({"code": code, "message": message, "type": "invalid_request_error", "inner_error": inner});
            match told(400, &table!({"error": error})) {
                Answer::Refused { stage, .. } => stage,
                other => panic!("{other:?}"),
            }
        };
        let prompt = "Your request was rejected. Your prompt may contain text that is not allowed.";
        assert_eq!(refusal("content_policy_violation", prompt), Stage::Input);
        let drawn = "Generated image was filtered as a result of our safety system.";
        assert_eq!(refusal("contentFilter", drawn), Stage::Output);
        assert_eq!(refusal("contentFilter", "Your task failed."), Stage::Unknown);
        // OpenAI's own way, where Azure passes it on, comes first.
        let details = table!({"moderation_stage": "output", "categories": ["violence"]});
        let error = table!({"code": "moderation_blocked", "message": prompt, "moderation_details": details});
        let answer = told(400, &table!({"error": error}));
        assert!(matches!(answer, Answer::Refused { stage: Stage::Output, .. }), "{answer:?}");
    }

    #[test]
    fn errors_have_their_kinds() {
        let fault = |status: u16, code: &str| {
            let error = table!({"code": code, "message": "no"});
            match told(status, &table!({"error": error})) {
                Answer::Fault(fault) => fault.kind,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault(401, "401"), FaultKind::Auth);
        assert_eq!(fault(403, "Forbidden"), FaultKind::Auth);
        assert_eq!(fault(404, "DeploymentNotFound"), FaultKind::ModelRetired);
        // An address that is wrong otherwise says nothing of the model.
        assert_eq!(fault(404, "404"), FaultKind::BadRequest);
        assert_eq!(fault(400, "OperationNotSupported"), FaultKind::BadRequest);
        assert_eq!(fault(429, "RateLimitReached"), FaultKind::RateLimited);
        assert_eq!(fault(429, "insufficient_quota"), FaultKind::OutOfCredit);
        assert_eq!(fault(503, "ServiceUnavailable"), FaultKind::ServerFault);
    }

    #[test]
    fn a_deployment_answers_questions_and_moderates_nothing() {
        let dialect = dialect("https://studio.openai.azure.com", &table!({}));
        let asker = dialect.asker().unwrap();
        let ask = |want| -> Question { ask::about_a_dog("reader", want) };
        let call = asker.pose(&ask(Want::YesOrNo)).unwrap();
        assert_eq!(
            call.url.as_str(),
            "https://studio.openai.azure.com/openai/deployments/reader/chat/completions?api-version=2025-04-01-preview"
        );
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body["max_completion_tokens"], 64);
        assert!(asker.pose(&ask(Want::Moderation)).is_err());
        let inner = table!({"code": "ResponsibleAIPolicyViolation"});
        let error = table!({"code": "content_filter", "param": "prompt", "message": "The response was filtered.", "innererror": inner});
        let body = Bytes::from(table!({"error": error}).to_string());
        let answer = asker.hear(&ask(Want::YesOrNo), &Reply { status: 400, headers: vec![], body });
        assert!(matches!(answer, Answer::Refused { stage: Stage::Input, .. }), "{answer:?}");
    }

    #[test]
    fn a_version_is_a_label_and_a_resource_is_needed() {
        let mut problems = Problems::new();
        let odd = Node::from_json(&table!({"api_version": "2025&key=x"}));
        assert!(read(&odd, &[], &mut problems).is_none());
        assert!(problems.has_errors());
        let none = open(&provider(NAME, None, Settings::new(Version(None))));
        assert!(none.err().unwrap().contains("needs the `url`"));
    }
}
