//! The kind `simulated`: the native wire of `presscheck simulate`.
//!
//! It is what the kind `http` sends where the policy says nothing (`{"prompt", "model", "seed", …params}`),
//! with the answer's price in the header `x-cost-usd`, refusals as `403` with the code `content_policy`, and
//! an unknown model as `404` with the code `model_not_found`. Questions go to its `/v1`, as to OpenAI's.

mod server;

use super::ask::Asker;
use super::http::{Http, Rules};
use super::openai::{House, OpenAi};
use super::registry::Kind;
use super::{Answer, Call, Dialect, Order, Reply, Step, Text};
use crate::policy::{Ability, Provider, ProviderVocabulary};
use crate::units::Cost;

/// Where `presscheck simulate` listens by itself.
const DEFAULT_URL: &str = "http://127.0.0.1:8787/generate";

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "simulated",
        doc: "The simulated model server that `presscheck simulate` starts: real pictures, no key, no bill.",
        keys: &[],
        read: super::no_settings,
        schema: || serde_json::json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &[],
        params: &["*"],
        list_price: None,
        answer_first: true,
        draws: true,
        answers: &[Ability::Questions, Ability::Moderation],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let mut url = match &provider.url {
        Some(url) => url.clone(),
        None => DEFAULT_URL.parse().map_err(|error| format!("{DEFAULT_URL}: {error}"))?,
    };
    // The bare address that the server prints works as well as the whole one.
    if url.path() == "/" {
        url.set_path("/generate");
    }
    // A simulator that was told to want a key wants it as a bearer token.
    let headers = match provider.api_key_env.as_slice() {
        [name] => vec![(
            "authorization".to_owned(),
            vec![Text::Plain("Bearer ".to_owned()), Text::Secret(name.clone())],
        )],
        _ => Vec::new(),
    };
    let mut base = url.clone();
    base.set_path("v1");
    let asker = OpenAi {
        base,
        key: provider.api_key_env.first().cloned(),
        extra: serde_json::Map::new(),
        house: House::Other,
    };
    let drawer = Http::new(url, headers, None, Rules::of_the_simulator());
    Ok(Box::new(Simulated { drawer, asker }))
}

/// The simulator, set up.
struct Simulated {
    drawer: Http,
    asker: OpenAi,
}

impl Dialect for Simulated {
    fn version(&self) -> u32 {
        self.drawer.version()
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        self.drawer.begin(order)
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        self.drawer.understand(order, reply)
    }

    fn cost(&self, model: &str, reply: &Reply) -> Option<Cost> {
        self.drawer.cost(model, reply)
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        self.drawer.fetched(reply)
    }

    fn asker(&self) -> Option<&dyn Asker> {
        Some(&self.asker)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::policy::Settings;
    use crate::providers::http::tests::{order, provider};
    use crate::providers::{Answer, FaultKind, Reply, Stage, Step};

    #[test]
    fn the_bare_address_works_too() {
        let params = serde_json::Map::new();
        for url in ["http://127.0.0.1:9000", "http://127.0.0.1:9000/generate"] {
            let dialect = open(&provider("simulated", Some(url), Settings::new(()))).unwrap();
            let call = dialect.begin(&order(&params)).unwrap();
            assert_eq!(call.url.as_str(), "http://127.0.0.1:9000/generate");
            assert!(call.headers.iter().any(|(name, _)| name == "authorization"));
        }
    }

    #[test]
    fn the_simulators_answers_are_understood() {
        let dialect = open(&provider("simulated", None, Settings::new(()))).unwrap();
        let params = json!({"steps": 4}).as_object().cloned().unwrap();
        let order = order(&params);
        let call = dialect.begin(&order).unwrap();
        assert_eq!(call.url.as_str(), DEFAULT_URL);
        assert_eq!(
            std::str::from_utf8(&call.body).unwrap(),
            r#"{"prompt":"a cat","model":"v1","seed":7,"steps":4}"#
        );
        let reply = |status, headers: &[(&str, &str)], body: &'static [u8]| Reply {
            status,
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: Bytes::from_static(body),
        };
        let image = dialect
            .understand(&order, &reply(200, &[("x-cost-usd", "0.019")], b"\x89PNG\r\n\x1a\n"));
        let Step::Done(Answer::Image { cost, .. }) = image else { panic!("{image:?}") };
        assert_eq!(cost, "$0.019".parse().ok().map(Cost::exact));
        let refusal = br#"{"error":{"code":"content_policy","message":"no violence"}}"#;
        assert_eq!(
            dialect.understand(&order, &reply(403, &[], refusal)),
            Step::Done(crate::providers::refused(Stage::Unknown, "no violence"))
        );
        let gone = br#"{"error":{"code":"model_not_found"}}"#;
        let step = dialect.understand(&order, &reply(404, &[], gone));
        let Step::Done(Answer::Fault(fault)) = step else { panic!("{step:?}") };
        assert_eq!(fault.kind, FaultKind::ModelRetired);
    }
}
