//! Questions about pictures: what is asked in either dialect, and what the server answers.
//!
//! What it answers follows from the model, the question and the picture's bytes alone; it does not look at the picture.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use presscheck_core::providers::rehearsal::whole_seconds;
use presscheck_core::units::{Digest, Usd};
use serde_json::{Value, json};

use super::answer::{Answer, HTML, json_error};
use super::dice::Dice;
use super::fault::Fault;
use super::profile::Model;
use super::sample::Sample;

/// Which wire a question came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Gemini's `generateContent`, with the model's id from the path.
    Google(String),
    /// `/chat/completions`.
    Chat,
    /// `/moderations`.
    Moderation,
}

impl Wire {
    /// The wire of a path, where questions are taken there.
    pub(crate) fn of(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            return Some(Self::Chat);
        }
        if path.ends_with("/moderations") {
            return Some(Self::Moderation);
        }
        let (_, call) = path.rsplit_once("/models/")?;
        Some(Self::Google(call.strip_suffix(":generateContent")?.to_owned()))
    }

    /// An error, as this wire says it.
    pub(crate) fn error(&self, status: u16, code: &str, message: &str) -> Answer {
        if matches!(self, Self::Google(_)) {
            let word = match status {
                401 | 403 => "PERMISSION_DENIED",
                404 => "NOT_FOUND",
                429 => "RESOURCE_EXHAUSTED",
                500.. => "UNAVAILABLE",
                _ => "INVALID_ARGUMENT",
            };
            let error = json!({"code": status, "message": message, "status": word});
            return Answer::json(status, &json!({"error": error}));
        }
        Answer::error(status, code, message)
    }

    /// The same with a wait.
    fn limited(&self, message: &str, wait: Duration) -> Answer {
        let mut answer = self.error(429, "rate_limited", message);
        let seconds = whole_seconds(wait).max(1).to_string();
        answer.reply.headers.push(("retry-after".to_owned(), seconds));
        answer
    }
}

/// A question, read.
#[derive(Clone, Debug)]
pub(crate) struct Put {
    wire: Wire,
    /// Whether all text of the picture is asked for.
    transcribe: bool,
    text: String,
    picture: Option<Digest>,
    /// The same as a request for a picture: what faults, times and the log go by.
    pub(crate) sample: Sample,
}

impl Put {
    /// Reads a body; nothing where it asks for a picture, which Gemini is asked for at the same place.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn read(wire: Wire, body: &[u8]) -> Option<Result<Self, String>> {
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return Some(Err(format!("the body is no JSON: {error}"))),
        };
        let forms = body.pointer("/generationConfig/responseModalities").and_then(Value::as_array);
        let draws = forms.is_some_and(|forms| forms.iter().any(|form| form == "IMAGE"));
        (!draws).then(|| Self::of(wire, &body))
    }

    fn of(wire: Wire, body: &Value) -> Result<Self, String> {
        let model = match &wire {
            Wire::Google(model) => model.clone(),
            _ => {
                let model = body.get("model").and_then(Value::as_str);
                model.ok_or("`model` is missing")?.to_owned()
            }
        };
        let (parts, instructions, seed) = match &wire {
            Wire::Google(_) => (
                body.pointer("/contents/0/parts"),
                body.pointer("/systemInstruction/parts/0/text"),
                body.pointer("/generationConfig/seed"),
            ),
            Wire::Chat => (
                body.get("messages")
                    .and_then(Value::as_array)
                    .and_then(|messages| {
                        messages.iter().find(|it| it.get("role").is_some_and(|role| role == "user"))
                    })
                    .and_then(|message| message.get("content")),
                body.pointer("/messages/0/content"),
                body.get("seed"),
            ),
            Wire::Moderation => (body.get("input"), None, None),
        };
        let parts = parts.and_then(Value::as_array).ok_or("there is no list of parts")?;
        let text: String = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
        let picture = parts.iter().find_map(|part| {
            let data = part.pointer("/inlineData/data").or_else(|| part.pointer("/image_url/url"));
            let data = data?.as_str()?;
            Some(data.split_once(',').map_or(data, |(_, data)| data).to_owned())
        });
        let picture = picture
            .map(|data| STANDARD.decode(data).map_err(|_| "the picture is no base64".to_owned()))
            .transpose()?
            .map(|bytes| Digest::of(&bytes));
        let shown = picture.map(|it| it.to_string().chars().take(12).collect::<String>());
        let prompt = match &shown {
            Some(shown) => format!("{text}\n[picture {shown}]"),
            None => text.clone(),
        };
        let instructions = instructions.and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            transcribe: instructions.contains("\"lines\""),
            text,
            picture,
            sample: Sample { model, prompt, seed: seed.and_then(Value::as_u64).unwrap_or(0) },
            wire,
        })
    }

    /// The answer of a model at a price, with the fault of this attempt. Faults of pictures alone change nothing here.
    pub(crate) fn answer(&self, model: &Model, price: Usd, fault: Option<Fault>) -> Answer {
        let answer = match fault {
            Some(Fault::RateLimited) => {
                self.wire.limited("Too many requests: slow down.", model.faults.retry_after())
            }
            Some(Fault::ServerError) => {
                self.wire.error(502, "bad_gateway", "The model did not answer.")
            }
            Some(Fault::Refused | Fault::RefusedOutput) => self.refusal(),
            Some(Fault::Html) => Answer::ok("text/html; charset=utf-8", HTML),
            Some(Fault::JsonError) => Answer::json(200, &json_error()),
            Some(Fault::Truncated | Fault::BadHeader) => self.babble(),
            Some(Fault::Empty) => self.said(""),
            _ if self.wire == Wire::Moderation => self.moderated(model),
            _ => self.said(&self.words(model)),
        };
        let charged = if answer.reply.status == 200 { price } else { Usd::ZERO };
        answer.at(charged).travelling(fault, &model.faults)
    }

    /// Whether something that happens to this share of pictures happens to this one: for each seed the same, so that
    /// votes agree.
    fn draws(&self, purpose: &str, share: f64) -> bool {
        let picture = self.picture.map(|digest| digest.to_string()).unwrap_or_default();
        let about = format!("{}\n{picture}", self.text);
        Dice::of(purpose, &self.sample.model, &about, 0).chance(share)
    }

    fn words(&self, model: &Model) -> String {
        if self.transcribe {
            return json!({"lines": []}).to_string();
        }
        let no = self.draws("says_no", model.says_no.share());
        let reason = "The simulator draws its answer and looks at nothing.";
        json!({"answer": if no { "no" } else { "yes" }, "reason": reason}).to_string()
    }

    fn refusal(&self) -> Answer {
        match &self.wire {
            Wire::Google(_) => {
                Answer::json(200, &json!({"promptFeedback": {"blockReason": "SAFETY"}}))
            }
            Wire::Chat => {
                let message = json!({"content": null, "refusal": "I can't help with that."});
                Answer::json(
                    200,
                    &json!({"choices": [{"message": message, "finish_reason": "stop"}]}),
                )
            }
            Wire::Moderation => {
                let message = "The request was refused by the content policy.";
                Answer::error(403, "content_policy", message)
            }
        }
    }

    /// Words where JSON was asked for; a moderation gives scores that are none.
    fn babble(&self) -> Answer {
        if self.wire == Wire::Moderation {
            let result =
                json!({"flagged": false, "category_scores": {"sexual": "low", "violence": 7}});
            return Answer::json(200, &json!({"results": [result]}));
        }
        self.said("I would say that")
    }

    /// The result of a moderation: two categories of pictures, and one that is of texts alone.
    fn moderated(&self, model: &Model) -> Answer {
        let flagged = self.draws("flags", model.flags.share());
        let result = json!({
            "flagged": flagged,
            "categories": {"sexual": flagged, "violence": false, "hate": false},
            "category_scores": {"sexual": if flagged { 0.97 } else { 0.001 }, "violence": 0.002, "hate": 0},
            "category_applied_input_types": {"sexual": ["image"], "violence": ["image"], "hate": []},
        });
        Answer::json(200, &json!({"results": [result]}))
    }

    fn said(&self, words: &str) -> Answer {
        match &self.wire {
            Wire::Google(_) => {
                let parts = json!([{"text": "Let me look.", "thought": true}, {"text": words}]);
                let content = json!({"role": "model", "parts": parts});
                Answer::json(
                    200,
                    &json!({"candidates": [{"content": content, "finishReason": "STOP"}]}),
                )
            }
            Wire::Chat => {
                let message = json!({"role": "assistant", "content": words});
                Answer::json(
                    200,
                    &json!({"choices": [{"message": message, "finish_reason": "stop"}]}),
                )
            }
            Wire::Moderation => Answer::json(200, &json!({"results": [words]})),
        }
    }

    /// The answer where the profile has no such model.
    pub(crate) fn no_model(&self) -> Answer {
        let message = "There is no such model in the profile.";
        self.wire.error(404, "model_not_found", message)
    }

    /// The answer to a request that the server's own limits turn away.
    pub(crate) fn turned_away(&self, wait: Duration) -> Answer {
        self.wire.limited("Too many requests for this server's own limit.", wait)
    }
}
