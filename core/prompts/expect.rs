//! What a case may expect besides what single checks define.

use serde_json::{Value, json};

use crate::policy::Expectation;

/// The expectations that belong to no single check of the registry.
pub const GENERAL_EXPECTATIONS: &[Expectation] = &[
    Expectation {
        key: "text",
        doc: "The texts that the picture must show. An empty list says that nothing is expected, whatever the prompt quotes.",
        validate: |value| any_text_list(value, 64),
        schema: || json!({"type": "array", "maxItems": 64, "items": {"type": "string", "minLength": 1}}),
    },
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
        key: "palette",
        doc: "The colours that the picture must show, as `#RRGGBB`.",
        validate: validate_palette,
        schema: || json!({"type": "array", "minItems": 1, "maxItems": 16, "items": {"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"}}),
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

fn validate_palette(value: &Value) -> Result<(), String> {
    any_text_list(value, 16)?;
    let colours: Vec<_> =
        value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if colours.is_empty() {
        return Err("expected at least one colour".to_owned());
    }
    let is_colour = |text: &str| {
        text.strip_prefix('#')
            .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    match colours.into_iter().find(|text| !is_colour(text)) {
        None => Ok(()),
        Some(text) => Err(format!(
            "`{}` is no colour; expected one such as `#0A3D91`",
            crate::inert::one_line(text, 20)
        )),
    }
}
