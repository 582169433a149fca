//! The reference tables of `docs/policy.md`, from the schema that editors use.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The page with one of its references replaced: what stands between
/// `<!-- reference NAME: begin (generated from the schema) -->` and `<!-- reference NAME: end -->`.
/// Nothing where the page has no such place.
#[must_use]
pub fn with_reference(page: &str, name: &str, reference: &str) -> Option<String> {
    let begin = format!("<!-- reference {name}: begin (generated from the schema) -->");
    let end = format!("<!-- reference {name}: end -->");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", reference.trim()))
}

/// Tables of every key of a schema, a table for each table of the file: key, value, default, meaning.
#[must_use]
pub fn reference_markdown(schema: &Value) -> String {
    let mut text = String::new();
    section(&mut text, "", schema, None);
    text.trim().to_owned()
}

/// Writes the table of one table of the file, and then those of the tables in it.
fn section(text: &mut String, path: &str, schema: &Value, skip: Option<&Map<String, Value>>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let shown: Vec<_> = properties
        .iter()
        .filter(|(key, value)| {
            value.is_object() && !skip.is_some_and(|skip| skip.contains_key(*key))
        })
        .collect();
    let required: Vec<_> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().collect();
    if !shown.is_empty() {
        if !path.is_empty() {
            let _ = writeln!(text, "#### `{path}`\n");
        }
        let _ = writeln!(text, "| key | value | default | meaning |\n|:--|:--|:--|:--|");
        for (key, value) in &shown {
            let needed = required.iter().any(|name| name.as_str() == Some(key));
            let default = if needed { "required".to_owned() } else { default(value) };
            let _ = writeln!(
                text,
                "| `{key}` | {} | {default} | {} |",
                cell(&what(value)),
                cell(value.get("description").and_then(Value::as_str).unwrap_or_default())
            );
        }
        text.push('\n');
    }
    for (key, value) in shown {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        inner(text, &path, value);
    }
}

/// Writes the tables that stand under a key: its own, its items', its alternatives'.
fn inner(text: &mut String, path: &str, schema: &Value) {
    section(text, path, schema, None);
    if let Some(items) = schema.get("items") {
        inner(text, &format!("{path}[]"), items);
    }
    for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        inner(text, path, branch);
    }
    if let Some(named) = schema.get("additionalProperties").filter(|named| named.is_object()) {
        let path = format!("{path}.NAME");
        inner(text, &path, named);
        let common = named.get("properties").and_then(Value::as_object);
        for branch in named.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            if let Some(then) = branch.get("then") {
                let kind = then.get("title").and_then(Value::as_str).unwrap_or_default();
                kind_section(text, &format!("{path} of kind {kind}"), then, common);
            }
        }
    }
}

/// Writes what one provider kind adds.
fn kind_section(text: &mut String, path: &str, then: &Value, common: Option<&Map<String, Value>>) {
    let _ = writeln!(text, "#### `{path}`\n");
    if let Some(doc) = then.get("description").and_then(Value::as_str) {
        let _ = writeln!(text, "{doc}\n");
    }
    let required = |table: &Value| -> Vec<String> {
        let keys = table.get("required").and_then(Value::as_array);
        let keys = keys.into_iter().flatten().filter_map(Value::as_str);
        keys.map(|key| format!("`{key}`")).collect()
    };
    let mut needs = required(then);
    // One of several.
    if let Some(either) = then.get("anyOf").and_then(Value::as_array) {
        needs.push(either.iter().flat_map(required).collect::<Vec<_>>().join(" or "));
    }
    if !needs.is_empty() {
        let _ = writeln!(text, "Required: {}.\n", needs.join(", "));
    }
    let mut own = String::new();
    section(&mut own, path, then, common);
    // The heading stands above already.
    if own.is_empty() {
        own.push_str("It has no keys of its own.\n\n");
    }
    text.push_str(own.strip_prefix(&format!("#### `{path}`\n\n")).unwrap_or(&own));
}

/// What may stand as a value, in a few words.
fn what(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words =
            words.iter().filter(|word| !word.is_null()).map(|word| format!("`{}`", plain(word)));
        return words.collect::<Vec<_>>().join(", ");
    }
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        let mut list: Vec<String> = Vec::new();
        for words in branches.iter().map(what).filter(|words| !words.is_empty()) {
            if !list.contains(&words) {
                list.push(words);
            }
        }
        return list.join(", or ");
    }
    let examples: Vec<_> = schema
        .get("examples")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|example| format!("`{}`", plain(example)))
        .collect();
    if !examples.is_empty() {
        return format!("as in {}", examples.join(", "));
    }
    let kinds: Vec<_> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| match kind {
            "boolean" => Some("true or false".to_owned()),
            "integer" => Some(match (schema.get("minimum"), schema.get("maximum")) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                _ => "a whole number".to_owned(),
            }),
            "number" => Some("a number".to_owned()),
            "string" => Some("text".to_owned()),
            "object" => Some("a table".to_owned()),
            "array" => {
                let items = schema.get("items").map(what).unwrap_or_default();
                Some(match items.as_str() {
                    "" => "a list".to_owned(),
                    "text" => "a list of text".to_owned(),
                    items => format!("a list: {items}"),
                })
            }
            _ => None,
        })
        .collect();
    words.join(", or ")
}

fn default(schema: &Value) -> String {
    match schema.get("default") {
        None => String::new(),
        Some(Value::Object(map)) if map.is_empty() => String::new(),
        Some(Value::Array(list)) if list.is_empty() => "none".to_owned(),
        Some(value) => format!("`{}`", plain(value)),
    }
}

/// A value as a person writes it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Text that can't end the cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
