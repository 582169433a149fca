//! Questions by `/chat/completions`, and `/moderations`, of OpenAI and of every server that speaks the same.
//!
//! A model may refuse in `message.refusal`, and a filter in `finish_reason`.

use serde_json::{Map, Value, json};

use super::draw::fault_of;
use super::{House, OpenAi};
use crate::providers::ask::{Asker, Question, Want};
use crate::providers::http::{REFUSAL_CODES, has_code};
use crate::providers::words::{message_in, tidy};
use crate::providers::{Answer, Call, Reply, Stage, broken, json, provider_words, refused};

impl OpenAi {
    fn chat(&self, question: &Question) -> Value {
        let mut content = vec![json!({"type": "text", "text": question.text})];
        content.extend(
            question.pictures.iter().map(
                |picture| json!({"type": "image_url", "image_url": {"url": picture.data_uri()}}),
            ),
        );
        // OpenAI's newer models take the one name only, most compatible servers the other.
        let own = self.is_openai();
        let limit = if own { "max_completion_tokens" } else { "max_tokens" };
        let mut body = json!({
            "model": question.model,
            "messages": [
                {"role": "system", "content": question.instructions},
                {"role": "user", "content": content},
            ],
            // Some servers read a signed 64-bit number.
            "seed": question.seed.0 & 0x7FFF_FFFF_FFFF_FFFF,
            limit: question.max_tokens,
            "response_format": {"type": "json_object"},
        });
        // OpenAI's models that think take none but their own.
        let temperature = question.want.temperature().filter(|_| !own);
        if let (Some(temperature), Some(members)) = (temperature, body.as_object_mut()) {
            members.insert("temperature".to_owned(), temperature.into());
        }
        body
    }
}

impl Asker for OpenAi {
    fn version(&self) -> u32 {
        2
    }

    fn pose(&self, question: &Question) -> Result<Call, String> {
        let (path, body): (&[&str], Value) = if question.want == Want::Moderation {
            if let House::Azure { .. } = self.house {
                return Err("the kind `azure-openai` has no moderation endpoint".to_owned());
            }
            let input: Vec<_> = question
                .pictures
                .iter()
                .map(|picture| json!({"type": "image_url", "image_url": {"url": picture.data_uri()}}))
                .collect();
            (&["moderations"], json!({"model": question.model, "input": input}))
        } else {
            (&["chat", "completions"], self.chat(question))
        };
        let url = self.address(&question.model, path)?;
        json::post(url, self.headers(), &body)
    }

    fn hear(&self, question: &Question, reply: &Reply) -> Answer {
        let json = serde_json::from_slice::<Value>(&reply.body).ok();
        if !(200..300).contains(&reply.status) {
            if has_code(json.as_ref(), &REFUSAL_CODES) {
                return self.refusal(reply, json.as_ref());
            }
            return Answer::Fault(fault_of(reply, json.as_ref()));
        }
        let Some(json) = json else {
            return broken("bad_json", format!("no JSON: {}", provider_words(reply)));
        };
        if question.want == Want::Moderation {
            moderation(&json)
        } else {
            completion(question, &json)
        }
    }
}

/// `choices[0].message`: its text, or the model's refusal.
fn completion(question: &Question, json: &Value) -> Answer {
    let Some(choice) = json.pointer("/choices/0") else {
        return match message_in(json) {
            Some(words) => broken("json_error", words),
            None => broken("empty", "an answer without a choice"),
        };
    };
    if let Some(words) = choice.pointer("/message/refusal").and_then(Value::as_str) {
        return refused(Stage::Output, tidy(words));
    }
    let text = match choice.pointer("/message/content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
        }
        _ => String::new(),
    };
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("content_filter") => {
            refused(Stage::Output, "the provider's content filter stopped the answer")
        }
        Some("length") => broken("cut_short", "the answer is over the limit of tokens"),
        _ if text.trim().is_empty() => broken("empty", "an answer without words"),
        _ => question.said(text),
    }
}

/// `results[0]`, as the JSON of [`Want::Moderation`].
fn moderation(json: &Value) -> Answer {
    let flagged = json.pointer("/results/0/flagged").and_then(Value::as_bool);
    let scores = json.pointer("/results/0/category_scores").filter(|scores| scores.is_object());
    let (Some(flagged), Some(scores)) = (flagged, scores) else {
        let words = message_in(json).unwrap_or_else(|| "an answer without a result".to_owned());
        return broken("no_result", words);
    };
    // A category that was not looked for in pictures has the score 0 there, which says nothing.
    let applied = |name: &String| {
        let types =
            json.pointer("/results/0/category_applied_input_types").and_then(|it| it.get(name));
        types.and_then(Value::as_array).is_none_or(|types| types.iter().any(|it| it == "image"))
    };
    let scores: Map<String, Value> = scores
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| applied(name))
        .map(|(name, score)| (name.clone(), score.clone()))
        .collect();
    Answer::Words { text: json!({"flagged": flagged, "scores": scores}).to_string(), cost: None }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::open;
    use super::*;
    use crate::policy::Settings;
    use crate::providers::FaultKind;
    use crate::providers::http::tests::provider;
    use crate::providers::{Dialect, Text};

    fn dialect(url: Option<&str>) -> Box<dyn Dialect> {
        open(&provider("openai", url, Settings::new(()))).unwrap()
    }

    fn question(want: Want) -> Question {
        crate::providers::ask::about_a_dog("vision-1", want)
    }

    fn heard(want: Want, status: u16, body: &Value) -> Answer {
        let body = Bytes::from(body.to_string());
        let dialect = dialect(None);
        let asker = dialect.asker().unwrap();
        asker.hear(&question(want), &Reply { status, headers: vec![], body })
    }

    #[test]
    fn the_wire_is_chat_and_moderation() {
        let dialect = dialect(None);
        let asker = dialect.asker().unwrap();
        let chat = asker.pose(&question(Want::YesOrNo)).unwrap();
        assert_eq!(chat.url.as_str(), "https://api.openai.com/v1/chat/completions");
        let bearer = vec![Text::Plain("Bearer ".to_owned()), Text::Secret("STUDIO_KEY".to_owned())];
        assert!(chat.headers.contains(&("authorization".to_owned(), bearer)));
        let moderation = asker.pose(&question(Want::Moderation)).unwrap();
        assert_eq!(moderation.url.as_str(), "https://api.openai.com/v1/moderations");
        let bodies: Vec<Value> = [chat, moderation]
            .iter()
            .map(|call| serde_json::from_slice(&call.body).unwrap())
            .collect();
        insta::assert_json_snapshot!(bodies);
    }

    #[test]
    fn a_compatible_server_gets_the_older_name_of_the_limit() {
        let dialect = dialect(Some("http://127.0.0.1:8000"));
        let call = dialect.asker().unwrap().pose(&question(Want::Transcription)).unwrap();
        assert_eq!(call.url.as_str(), "http://127.0.0.1:8000/v1/chat/completions");
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body["max_tokens"], 64);
        assert!(body.get("max_completion_tokens").is_none());
        assert_eq!(body["temperature"], 0, "the likeliest reading");
        let vote = dialect.asker().unwrap().pose(&question(Want::YesOrNo)).unwrap();
        let body: Value = serde_json::from_slice(&vote.body).unwrap();
        assert!(body.get("temperature").is_none(), "votes must be able to differ");
    }

    #[test]
    fn answers_are_told_apart() {
        let said = |message: Value, reason: &str| {
            let body = json!({"choices": [{"message": message, "finish_reason": reason}]});
            heard(Want::YesOrNo, 200, &body)
        };
        let words = |text: &str| Answer::Words { text: text.to_owned(), cost: None };
        assert_eq!(said(json!({"content": "{}", "refusal": null}), "stop"), words("{}"));
        let parts = json!({"content": [{"type": "text", "text": "{}"}]});
        assert_eq!(said(parts, "stop"), words("{}"));
        let refusal = said(json!({"content": null, "refusal": "I can't."}), "stop");
        assert_eq!(refusal, refused(Stage::Output, "I can't."));
        assert!(matches!(said(json!({"content": ""}), "content_filter"), Answer::Refused { .. }));
        for (answer, kind) in [
            (said(json!({"content": "{\"ans"}), "length"), "cut_short"),
            (said(json!({"content": ""}), "stop"), "empty"),
            (heard(Want::YesOrNo, 200, &json!({"choices": []})), "empty"),
            (heard(Want::YesOrNo, 200, &json!({"error": "busy"})), "json_error"),
            (heard(Want::Moderation, 200, &json!({"results": []})), "no_result"),
        ] {
            let Answer::Broken { kind: found, .. } = answer else { panic!("{answer:?}") };
            assert_eq!(found, kind);
        }
    }

    #[test]
    fn a_moderation_gives_its_scores() {
        let body = json!({"id": "x", "results": [{
            "flagged": true, "categories": {"violence": true}, "category_scores": {"violence": 0.91},
        }]});
        let text = r#"{"flagged":true,"scores":{"violence":0.91}}"#.to_owned();
        assert_eq!(heard(Want::Moderation, 200, &body), Answer::Words { text, cost: None });
    }

    #[test]
    fn a_category_that_is_not_looked_for_in_pictures_has_no_score() {
        let body = json!({"results": [{
            "flagged": false,
            "category_scores": {"hate": 0, "sexual": 0.2, "violence": 0.1, "new": 0.3},
            "category_applied_input_types": {"hate": [], "sexual": ["image"], "violence": ["text", "image"]},
        }]});
        let text =
            r#"{"flagged":false,"scores":{"sexual":0.2,"violence":0.1,"new":0.3}}"#.to_owned();
        assert_eq!(heard(Want::Moderation, 200, &body), Answer::Words { text, cost: None });
    }

    #[test]
    fn errors_have_their_kinds() {
        let fault = |status: u16, code: &str| {
            let body = json!({"error": {"message": "no", "type": "x", "code": code}});
            match heard(Want::YesOrNo, status, &body) {
                Answer::Fault(fault) => fault.kind,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault(401, "invalid_api_key"), FaultKind::Auth);
        assert_eq!(fault(429, "insufficient_quota"), FaultKind::OutOfCredit);
        assert_eq!(fault(429, "rate_limit_exceeded"), FaultKind::RateLimited);
        assert_eq!(fault(404, "model_not_found"), FaultKind::ModelRetired);
        assert_eq!(fault(400, "invalid_value"), FaultKind::BadRequest);
        assert_eq!(fault(503, "server_error"), FaultKind::ServerFault);
        let body = json!({"error": {"message": "no", "code": "content_policy_violation"}});
        assert!(matches!(heard(Want::YesOrNo, 400, &body), Answer::Refused { .. }));
    }
}
