//! Questions about pictures by Gemini's `:generateContent`.

use serde_json::{Value, json};

use super::super::ask::{Asker, Question, Want};
use super::super::http::encode;
use super::super::json;
use super::super::words::{message_in, tidy};
use super::super::{Answer, Call, Reply, Stage, broken, provider_words, refused};
use super::{Google, fault_of, is_refusal};

impl Asker for Google {
    fn version(&self) -> u32 {
        2
    }

    fn pose(&self, question: &Question) -> Result<Call, String> {
        if question.want == Want::Moderation {
            return Err(format!("the kind `{}` has no moderation endpoint", self.house.kind()));
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
        let url = self.address(&question.model, "generateContent")?;
        json::post(url, self.headers.clone(), &body)
    }

    fn hear(&self, question: &Question, reply: &Reply) -> Answer {
        if !(200..300).contains(&reply.status) {
            return Answer::Fault(fault_of(&question.model, reply));
        }
        let Ok(json) = serde_json::from_slice::<Value>(&reply.body) else {
            return broken("bad_json", format!("no JSON: {}", provider_words(reply)));
        };
        let Some(candidate) = json.pointer("/candidates/0") else {
            return without_candidate(&json);
        };
        let ended = candidate.get("finishReason").and_then(Value::as_str).unwrap_or("STOP");
        if is_refusal(ended) {
            let message = candidate.get("finishMessage").and_then(Value::as_str).unwrap_or(ended);
            return refused(Stage::Output, tidy(message));
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
            "MAX_TOKENS" => broken("cut_short", "the answer is over the limit of tokens"),
            _ if text.trim().is_empty() => {
                broken("empty", format!("an answer without words ({})", tidy(ended)))
            }
            _ => question.said(text),
        }
    }
}

fn without_candidate(json: &Value) -> Answer {
    if let Some(reason) = json.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        let message = json.pointer("/promptFeedback/blockReasonMessage").and_then(Value::as_str);
        return refused(Stage::Input, tidy(message.unwrap_or(reason)));
    }
    match message_in(json) {
        Some(words) => broken("json_error", words),
        None => broken("empty", "an answer without a candidate"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::super::super::FaultKind;
    use super::super::open;
    use super::*;
    use crate::policy::Settings;
    use crate::providers::http::tests::provider;
    use crate::providers::{Dialect, Text};

    fn dialect(url: Option<&str>) -> Box<dyn Dialect> {
        open(&provider("google", url, Settings::new(()))).unwrap()
    }

    fn question(want: Want) -> Question {
        crate::providers::ask::about_a_dog("gemini-x", want)
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
