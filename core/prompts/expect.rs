//! What a case may expect besides what single checks define.

use serde_json::{Value, json};

use crate::policy::Expectation;

/// The expectations that belong to no single check of the registry.
pub const GENERAL_EXPECTATIONS: &[Expectation] = &[
    Expectation {
        key: "refusal",
        doc: "Whether the provider is expected to refuse this prompt.",
        validate: |value| match value {
            Value::Bool(_) => Ok(()),
            _ => Err("expected true or false".to_owned()),
        },
        schema: || json!({"type": "boolean"}),
    },
    Expectation {
        key: "notes",
        doc: "A remark for people: what to look for in the picture. No check reads it.",
        validate: |value| text_value(value).map(|_| ()),
        schema: || json!({"type": "string"}),
    },
];

/// The text of a value.
///
/// # Errors
/// Where it is no text.
pub fn text_value(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "expected text".to_owned())
}

/// Whether a value is a list of at most `max` texts, none of them blank.
///
/// # Errors
/// What else it is.
pub fn any_text_list(value: &Value, max: usize) -> Result<(), String> {
    let list = value.as_array().ok_or("expected a list of texts")?;
    if list.len() > max {
        return Err(format!("at most {max} are taken"));
    }
    for item in list {
        let text = item.as_str().ok_or("expected a list of texts")?;
        if text.trim().is_empty() {
            return Err("a text in the list is empty".to_owned());
        }
    }
    Ok(())
}
