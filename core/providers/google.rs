//! The kind `google`: questions about pictures by Gemini's `:generateContent`.
//!
//! Wire: `POST {base}/models/{id}:generateContent` with the key in `x-goog-api-key`. Refusals come under 200, as
//! `promptFeedback.blockReason` or as a `finishReason`; a key that is not valid is a 400.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::ask::{Asker, Question, Want};
use super::http::{encode, fault};
use super::registry::Kind;
use super::words::{message_in, tidy};
use super::{Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Step, Text, provider_words};
use crate::policy::{Ability, Node, Problems, Provider, ProviderVocabulary, Settings};

/// Gemini's own address.
const DEFAULT_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "google",
        doc: "Gemini by `generateContent`, for questions about pictures (`judge`, a second reader). It draws none.",
        keys: &[],
        read,
        schema: || json!({}),
        default_url: Some(DEFAULT_URL),
        hosts: &["generativelanguage.googleapis.com"],
        params: &[],
        price_required: true,
        draws: false,
        answers: &[Ability::Questions],
    },
    open,
};

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn read(_: &Node, _: &[String], _: &mut Problems) -> Option<Settings> {
    Some(Settings::new(()))
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let base = super::base_url(provider, DEFAULT_URL, "v1beta")?;
    let key = super::one_key(provider)?;
    Ok(Box::new(Google { base, key }))
}

/// Gemini, set up.
#[derive(Clone, Debug)]
struct Google {
    base: Url,
    key: Option<String>,
}

impl Dialect for Google {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, _: &Order<'_>) -> Result<Call, String> {
        Err("the kind `google` answers questions and draws no pictures".to_owned())
    }

    fn understand(&self, _: &Order<'_>, reply: &Reply) -> Step {
        Step::Done(Answer::Fault(fault_of(reply)))
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        Answer::Fault(fault_of(reply))
    }

    fn asker(&self) -> Option<&dyn Asker> {
        Some(self)
    }
}

/// Reasons to end that are the safety policy's (`FinishReason` of the API).
const REFUSALS: [&str; 8] = [
    "SAFETY",
    "IMAGE_SAFETY",
    "PROHIBITED_CONTENT",
    "IMAGE_PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "RECITATION",
    "MODEL_ARMOR",
];

impl Asker for Google {
    fn version(&self) -> u32 {
        2
    }

    fn pose(&self, question: &Question) -> Result<Call, String> {
        if question.want == Want::Moderation {
            return Err("the kind `google` has no moderation endpoint".to_owned());
        }
        let mut parts = vec![json!({"text": question.text})];
        parts.extend(question.pictures.iter().map(|picture| {
            json!({"inlineData": {"mimeType": picture.media_type, "data": encode(&picture.bytes)}})
        }));
        let mut body = json!({
            "systemInstruction": {"parts": [{"text": question.instructions}]},
            "contents": [{"role": "user", "parts": parts}],
            "generationConfig": {
                // The field is a signed 32-bit number.
                "seed": question.seed.0 & 0x7FFF_FFFF,
                "candidateCount": 1,
                "maxOutputTokens": question.max_tokens,
                "responseMimeType": "application/json",
                "responseSchema": question.want.schema(),
            },
        });
        let config = body.get_mut("generationConfig").and_then(Value::as_object_mut);
        if let (Some(temperature), Some(config)) = (question.want.temperature(), config) {
            config.insert("temperature".to_owned(), temperature.into());
        }
        let model = question.model.strip_prefix("models/").unwrap_or(&question.model);
        let url = super::below(&self.base, &["models", &format!("{model}:generateContent")])?;
        let mut headers =
            vec![("content-type".to_owned(), vec![Text::Plain("application/json".to_owned())])];
        if let Some(name) = &self.key {
            headers.push(("x-goog-api-key".to_owned(), vec![Text::Secret(name.clone())]));
        }
        let body = serde_json::to_vec(&body).map_err(|error| format!("no JSON: {error}"))?;
        Ok(Call { method: "POST", url, headers, body: Bytes::from(body) })
    }

    fn hear(&self, question: &Question, reply: &Reply) -> Answer {
        if !(200..300).contains(&reply.status) {
            return Answer::Fault(fault_of(reply));
        }
        let Ok(json) = serde_json::from_slice::<Value>(&reply.body) else {
            return super::broken("bad_json", format!("no JSON: {}", provider_words(reply)));
        };
        let Some(candidate) = json.pointer("/candidates/0") else {
            return without_candidate(&json);
        };
        let ended = candidate.get("finishReason").and_then(Value::as_str).unwrap_or("STOP");
        if REFUSALS.contains(&ended) {
            let message = candidate.get("finishMessage").and_then(Value::as_str).unwrap_or(ended);
            return Answer::Refused { words: tidy(message) };
        }
        // Thoughts are parts too, and no part of the answer.
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        let text: String = parts
            .into_iter()
            .flatten()
            .filter(|part| part.get("thought").and_then(Value::as_bool) != Some(true))
            .filter_map(|part| part.get("text")?.as_str())
            .collect();
        match ended {
            "MAX_TOKENS" => super::broken("cut_short", "the answer is over the limit of tokens"),
            _ if text.trim().is_empty() => {
                super::broken("empty", format!("an answer without words ({})", tidy(ended)))
            }
            _ => question.said(text),
        }
    }
}

fn without_candidate(json: &Value) -> Answer {
    if let Some(reason) = json.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        let message = json.pointer("/promptFeedback/blockReasonMessage").and_then(Value::as_str);
        return Answer::Refused { words: tidy(message.unwrap_or(reason)) };
    }
    match message_in(json) {
        Some(words) => super::broken("json_error", words),
        None => super::broken("empty", "an answer without a candidate"),
    }
}

/// What an error of this API means: `{"error": {"code", "message", "status", "details"}}`.
fn fault_of(reply: &Reply) -> Fault {
    let json = serde_json::from_slice::<Value>(&reply.body).ok();
    let mut fault = fault(reply, json.as_ref());
    let json = json.unwrap_or_default();
    let at = |place: &str| json.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let details = || json.pointer("/error/details").and_then(Value::as_array).into_iter().flatten();
    let bad_key = details()
        .any(|detail| detail.get("reason").and_then(Value::as_str) == Some("API_KEY_INVALID"));
    let message = at("/error/message").to_ascii_lowercase();
    if bad_key || (reply.status == 400 && at("/error/status") == "FAILED_PRECONDITION") {
        fault.kind = FaultKind::Auth;
    } else if reply.status == 404 && message.contains("model") {
        fault.kind = FaultKind::ModelRetired;
    }
    // `RetryInfo` says `"retryDelay": "12s"`.
    fault.retry_after = details()
        .filter_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s'))
        .filter_map(|seconds| Duration::try_from_secs_f64(seconds.parse().ok()?).ok())
        .next()
        .or(fault.retry_after);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Shown;
    use crate::providers::http::tests::provider;
    use crate::units::Seed;

    fn dialect(url: Option<&str>) -> Box<dyn Dialect> {
        open(&provider("google", url, Settings::new(()))).unwrap()
    }

    fn question(want: Want) -> Question {
        Question {
            model: "gemini-x".to_owned(),
            instructions: "Answer in JSON.".to_owned(),
            text: "One dog?".to_owned(),
            pictures: vec![Shown {
                bytes: Bytes::from_static(b"\x89PNG"),
                media_type: "image/png",
            }],
            seed: Seed(u64::from(u32::MAX)),
            want,
            max_tokens: 64,
        }
    }

    fn heard(status: u16, body: &Value) -> Answer {
        let body = Bytes::from(body.to_string());
        let dialect = dialect(None);
        let asker = dialect.asker().unwrap();
        asker.hear(&question(Want::YesOrNo), &Reply { status, headers: vec![], body })
    }

    #[test]
    fn the_wire_is_generate_content() {
        let dialect = dialect(None);
        let asker = dialect.asker().unwrap();
        let call = asker.pose(&question(Want::YesOrNo)).unwrap();
        assert_eq!(
            call.url.as_str(),
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent"
        );
        let key = vec![Text::Secret("STUDIO_KEY".to_owned())];
        assert!(call.headers.contains(&("x-goog-api-key".to_owned(), key)));
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        insta::assert_json_snapshot!(body);
        let reading = asker.pose(&question(Want::Transcription)).unwrap();
        let reading: Value = serde_json::from_slice(&reading.body).unwrap();
        assert_eq!(reading["generationConfig"]["temperature"], 0, "the likeliest reading");
        assert!(asker.pose(&question(Want::Moderation)).is_err());
    }

    #[test]
    fn the_address_works_with_and_without_its_version() {
        for (url, base) in [
            ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1beta/models/gemini-x:generateContent"),
            (
                "http://127.0.0.1:9/v1beta/",
                "http://127.0.0.1:9/v1beta/models/gemini-x:generateContent",
            ),
            ("http://127.0.0.1:9/a/v1", "http://127.0.0.1:9/a/v1/models/gemini-x:generateContent"),
        ] {
            let dialect = dialect(Some(url));
            let call = dialect.asker().unwrap().pose(&question(Want::YesOrNo)).unwrap();
            assert_eq!(call.url.as_str(), base);
        }
        // No model id leaves its place in the path.
        let odd = Question { model: "../x?y#z".to_owned(), ..question(Want::YesOrNo) };
        let call = dialect(None).asker().unwrap().pose(&odd).unwrap();
        assert_eq!(call.url.path(), "/v1beta/models/..%2Fx%3Fy%23z:generateContent");
    }

    #[test]
    fn thoughts_are_no_part_of_the_answer() {
        let parts = json!([
            {"text": "hm, a cat", "thought": true},
            {"text": "{\"answer\":", "thoughtSignature": "x"},
            {"text": "\"yes\"}"},
        ]);
        let answer = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
        let text = r#"{"answer":"yes"}"#.to_owned();
        assert_eq!(heard(200, &answer), Answer::Words { text, cost: None });
        // A provider that ignores the limit of tokens is not kept.
        let parts = json!([{"text": "y".repeat(10_000)}]);
        let flood = json!({"candidates": [{"content": {"parts": parts}}]});
        assert!(matches!(heard(200, &flood), Answer::Broken { kind, .. } if kind == "too_large"));
    }

    #[test]
    fn refusals_come_under_200() {
        for answer in [
            json!({"promptFeedback": {"blockReason": "SAFETY"}}),
            json!({"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]}),
            json!({"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "no", "content": {}}]}),
        ] {
            assert!(matches!(heard(200, &answer), Answer::Refused { .. }), "{answer}");
        }
        for (answer, kind) in [
            (json!({"candidates": [{"finishReason": "MAX_TOKENS"}]}), "cut_short"),
            (json!({"candidates": [{"finishReason": "STOP"}]}), "empty"),
            (json!({"candidates": []}), "empty"),
            (json!([1]), "empty"),
            (json!({"error": {"message": "oops"}}), "json_error"),
        ] {
            let Answer::Broken { kind: found, .. } = heard(200, &answer) else {
                panic!("{answer}")
            };
            assert_eq!(found, kind, "{answer}");
        }
    }

    #[test]
    fn errors_have_their_kinds() {
        let error = |status: u16, body: Value| match heard(status, &json!({"error": body})) {
            Answer::Fault(fault) => fault,
            other => panic!("{other:?}"),
        };
        let bad_key = json!({"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid.",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]});
        assert_eq!(error(400, bad_key).kind, FaultKind::Auth);
        let bad = json!({"status": "INVALID_ARGUMENT", "message": "Unknown name"});
        assert_eq!(error(400, bad).kind, FaultKind::BadRequest);
        let gone =
            json!({"status": "NOT_FOUND", "message": "models/gemini-x is no longer available"});
        assert_eq!(error(404, gone).kind, FaultKind::ModelRetired);
        let slow = json!({"status": "RESOURCE_EXHAUSTED", "message": "quota", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}]});
        let slow = error(429, slow);
        assert_eq!(slow.kind, FaultKind::RateLimited);
        assert_eq!(slow.retry_after, Some(Duration::from_millis(12_500)));
        assert_eq!(error(402, json!({"message": "prepaid"})).kind, FaultKind::OutOfCredit);
        assert_eq!(error(403, json!({"message": "no"})).kind, FaultKind::Auth);
        assert_eq!(error(503, json!({"message": "busy"})).kind, FaultKind::ServerFault);
        assert_eq!(error(504, json!({"message": "slow"})).kind, FaultKind::TimeoutUnknown);
    }
}
