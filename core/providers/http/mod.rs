//! The kind `http`: any endpoint that takes a prompt and answers a picture.

mod body;
#[cfg(test)]
mod docs;
mod find;
mod headers;
mod meaning;
#[cfg(test)]
mod mutations;
mod settings;

use bytes::Bytes;
use serde_json::{Map, Value};
use url::Url;

use self::body::Template;
pub(super) use self::find::{decode_text as decode, encode};
pub(super) use self::meaning::{REFUSAL_CODES, Rules, fault, has_code, of_download, refusal};
use self::settings::HttpSettings;
use super::registry::Kind;
use super::{Answer, Call, Dialect, Order, Reply, Step, Text};
use crate::policy::{Provider, ProviderVocabulary};
use crate::units::Cost;

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "http",
        doc: "Any endpoint that takes a prompt and answers a picture.",
        keys: settings::KEYS,
        read: settings::read,
        schema: settings::schema,
        default_url: None,
        hosts: &[],
        params: &["*"],
        list_price: None,
        answer_first: true,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: None,
};

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let url = provider
        .url
        .clone()
        .ok_or_else(|| format!("provider `{}`: the kind `http` needs a `url`", provider.name))?;
    let HttpSettings { headers, body, rules } = provider
        .settings
        .get::<HttpSettings>()
        .cloned()
        .ok_or_else(|| format!("provider `{}`: its settings were not read", provider.name))?;
    Ok(Box::new(Http::new(url, headers, body, rules)))
}

/// One endpoint, set up.
#[derive(Clone, Debug)]
pub(super) struct Http {
    url: Url,
    headers: Vec<(String, Vec<Text>)>,
    body: Option<Template>,
    rules: Rules,
}

impl Http {
    /// An endpoint; the body is `{"prompt", "model", "seed", …params}` where no template is given.
    pub(super) const fn new(
        url: Url,
        headers: Vec<(String, Vec<Text>)>,
        body: Option<Template>,
        rules: Rules,
    ) -> Self {
        Self { url, headers, body, rules }
    }
}

/// The body that is sent where the policy has no template of its own.
fn plain_body(order: &Order<'_>) -> Result<Value, String> {
    let mut body = Map::new();
    body.insert("prompt".to_owned(), order.prompt.into());
    body.insert("model".to_owned(), order.model.into());
    body.insert("seed".to_owned(), order.seed.0.into());
    if let Some(image) = order.image {
        body.insert("image".to_owned(), encode(image).into());
    }
    for (name, value) in order.params {
        // The policy admits no such name; should one slip through, it must not replace the prompt.
        if body.insert(name.clone(), value.clone()).is_some() || name == "image" {
            return Err(format!("the parameter `{name}` is what the gate sets itself"));
        }
    }
    Ok(Value::Object(body))
}

impl Dialect for Http {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        let body = match &self.body {
            Some(template) => template.fill(order)?,
            None => plain_body(order)?,
        };
        let body = serde_json::to_vec(&body).map_err(|error| format!("no JSON: {error}"))?;
        let mut headers = vec![];
        for (name, value) in
            [("content-type", "application/json"), ("accept", "image/*, application/json")]
        {
            if !self.headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), vec![Text::Plain(value.to_owned())]));
            }
        }
        headers.extend(self.headers.iter().cloned());
        Ok(Call { method: "POST", url: self.url.clone(), headers, body: Bytes::from(body) })
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        self.rules.meaning(&self.url, reply)
    }

    fn cost(&self, model: &str, reply: &Reply) -> Option<Cost> {
        let _ = model;
        self.rules.cost(reply).map(Cost::exact)
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        of_download(reply)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::policy::{Node, Problems, Settings, Span, Task};
    use crate::units::Seed;
    use serde_json::json;
    use std::time::Duration;

    /// A provider as the policy's reader would make it.
    pub(in crate::providers) fn provider(
        kind: &'static str,
        url: Option<&str>,
        settings: Settings,
    ) -> Provider {
        Provider {
            name: "studio".to_owned(),
            kind,
            span: Span::default(),
            url: url.map(|url| url.parse().unwrap()),
            api_key_env: vec!["STUDIO_KEY".to_owned()],
            hosts: vec![],
            price: None,
            concurrency: 1,
            rate_per_minute: None,
            by_model: Vec::new(),
            timeout: Duration::from_secs(60),
            retries: 0,
            retry_unknown: false,
            params: vec![],
            settings,
            fingerprint: Value::Null,
            gpu_hour: None,
            list_price: None,
            answer_first: true,
        }
    }

    /// An order of a cat.
    pub(in crate::providers) const fn order(params: &Map<String, Value>) -> Order<'_> {
        Order {
            model: "v1",
            task: Task::TextToImage,
            params,
            prompt: "a cat",
            seed: Seed(7),
            image: None,
            mask: None,
        }
    }

    /// The dialect that a policy's table makes, or the problems of the table.
    pub(super) fn dialect(table: &Value) -> Result<Box<dyn Dialect>, Vec<String>> {
        let mut problems = Problems::new();
        let names = ["STUDIO_KEY".to_owned()];
        let settings = settings::read(&Node::from_json(table), &names, &mut problems);
        let list: Vec<_> = problems
            .sorted()
            .iter()
            .map(|problem| match &problem.help {
                Some(help) => format!("{} ({help})", problem.message),
                None => problem.message.clone(),
            })
            .collect();
        match settings {
            Some(settings) if !problems.has_errors() => {
                Ok(open(&provider("http", Some("https://studio.test/v1/draw"), settings)).unwrap())
            }
            _ => Err(list),
        }
    }

    fn sent(table: &Value, params: &Value, image: Option<&Bytes>) -> Result<String, String> {
        let params = params.as_object().cloned().unwrap();
        let order = Order { image, ..order(&params) };
        let call = dialect(table).unwrap().begin(&order)?;
        Ok(String::from_utf8(call.body.to_vec()).unwrap())
    }

    #[test]
    fn the_body_is_plain_where_the_policy_has_none() {
        let image = Bytes::from_static(b"\xFF\xD8\xFF");
        assert_eq!(
            sent(&json!({}), &json!({"steps": 4}), Some(&image)).unwrap(),
            r#"{"prompt":"a cat","model":"v1","seed":7,"image":"/9j/","steps":4}"#
        );
        let error = sent(&json!({}), &json!({"prompt": "a dog"}), None).unwrap_err();
        assert_eq!(error, "the parameter `prompt` is what the gate sets itself");
    }

    #[test]
    fn a_key_is_a_name_until_the_transport_sends_it() {
        let table =
            json!({"headers": {"Authorization": "Bearer ${STUDIO_KEY}", "x-team": "print"}});
        let params = Map::new();
        let call = dialect(&table).unwrap().begin(&order(&params)).unwrap();
        let bearer = vec![Text::Plain("Bearer ".to_owned()), Text::Secret("STUDIO_KEY".to_owned())];
        assert!(call.headers.contains(&("authorization".to_owned(), bearer)));
        assert_eq!(call.method, "POST");
        // Without `headers:`, the one key that is listed goes where most endpoints want it.
        assert_eq!(
            dialect(&json!({})).unwrap().begin(&order(&params)).unwrap().headers.last(),
            call.headers.iter().find(|(name, _)| name == "authorization")
        );
    }

    #[test]
    fn the_json_of_a_template_is_filled_in_as_json() {
        let table = json!({"body": {
            "input": {"text": "{{prompt}}", "steps": "{{ params.steps }}", "cfg": "{{params.cfg}}"},
            "label": "{{model}} at {{seed}}, {{params.steps}} steps",
            "list": ["{{seed}}", "{{params.none}}", 1],
            "image": "{{image}}",
        }});
        assert_eq!(
            sent(&table, &json!({"steps": 4}), None).unwrap(),
            r#"{"input":{"text":"a cat","steps":4},"label":"v1 at 7, 4 steps","list":[7,1]}"#
        );
        let error = sent(&table, &json!({"sampler": "x"}), None).unwrap_err();
        assert_eq!(
            error,
            "the policy's `body` does not send the parameter `sampler`: add `{{params.sampler}}` to it"
        );
        let text = json!({"body": r#"{"q": {{prompt}}, "n": {{seed}}, "t": "a {{model}}", "all": {{params}}}"#});
        assert_eq!(
            sent(&text, &json!({"steps": 4}), None).unwrap(),
            r#"{"q":"a cat","n":7,"t":"a v1","all":{"steps":4}}"#
        );
        let image = Bytes::from_static(b"x");
        let error = sent(&text, &json!({}), Some(&image)).unwrap_err();
        assert!(error.contains("{{image}}"), "{error}");
    }

    #[test]
    fn a_prompt_is_never_read_as_a_template() {
        let table = json!({"body": {"text": "so: {{prompt}}"}});
        let params = Map::new();
        let order = Order { prompt: "{{model}} \" ${STUDIO_KEY}", ..order(&params) };
        let call = dialect(&table).unwrap().begin(&order).unwrap();
        assert_eq!(
            std::str::from_utf8(&call.body).unwrap(),
            r#"{"text":"so: {{model}} \" ${STUDIO_KEY}"}"#
        );
    }
}
