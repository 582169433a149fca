//! A workflow: a graph in ComfyUI's API format, with places to fill in.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::inert::one_line;
use crate::providers::Order;

/// The most levels of tables and lists.
const MAX_DEPTH: usize = 16;

/// A workflow, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Workflow {
    graph: Map<String, Value>,
    /// What its texts name between `{{` and `}}`.
    slots: BTreeSet<String>,
}

impl Workflow {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence, where it is no such graph, or would draw the same picture for every order.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let json: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(graph) = json else {
            return Err("it is no table of nodes".to_owned());
        };
        if graph.contains_key("nodes") && graph.contains_key("links") {
            return Err(
                "it is in the format of the editor: export it with “Export (API)”".to_owned()
            );
        }
        let is_node = |node: &Value| {
            node.get("class_type").is_some_and(Value::is_string)
                && node.get("inputs").is_some_and(Value::is_object)
        };
        if let Some((id, _)) = graph.iter().find(|(_, node)| !is_node(node)) {
            return Err(format!(
                "its `{}` is no node with `class_type` and `inputs`",
                one_line(id, 60)
            ));
        }
        let mut slots = BTreeSet::new();
        graph.values().try_for_each(|node| find(node, MAX_DEPTH, &mut slots))?;
        for slot in &slots {
            let known = matches!(slot.as_str(), "prompt" | "model" | "seed" | "image" | "mask");
            let param = slot.strip_prefix("params.").is_some_and(|name| !name.is_empty());
            if !known && !param {
                return Err(format!(
                    "`{{{{{}}}}}` is no placeholder: known are prompt, model, seed, image, mask and params.NAME",
                    one_line(slot, 60)
                ));
            }
        }
        let uses = |slot: &str| slots.contains(slot);
        if !uses("prompt") && !uses("image") {
            return Err(
                "it never uses `{{prompt}}`, so that every picture would be the same".to_owned()
            );
        }
        if uses("prompt") && !uses("seed") {
            return Err("it never uses `{{seed}}`, so that every repeat would be the same picture"
                .to_owned());
        }
        Ok(Self { graph, slots })
    }

    /// Whether a placeholder occurs.
    pub(super) fn uses(&self, slot: &str) -> bool {
        self.slots.contains(slot)
    }

    /// The graph of an order. `files` are the names that the pictures `image` and `mask` have got on the server; `defaults` are
    /// parameters that the model may leave out.
    ///
    /// # Errors
    /// A sentence, where the order has what the workflow does not take, or lacks what it needs.
    pub(super) fn fill(
        &self,
        order: &Order<'_>,
        files: &Map<String, Value>,
        defaults: &Map<String, Value>,
    ) -> Result<Value, String> {
        for (what, there) in [("image", order.image.is_some()), ("mask", order.mask.is_some())] {
            match (there, self.uses(what)) {
                (true, false) => {
                    return Err(format!(
                        "the case has an `{what}`, and the workflow does not use it: put `{{{{{what}}}}}` where it is loaded"
                    ));
                }
                (false, true) => {
                    return Err(format!(
                        "the workflow wants a picture for `{{{{{what}}}}}`: give the case one under `{what}`"
                    ));
                }
                _ => {}
            }
        }
        let mut values = files.clone();
        values.insert("prompt".to_owned(), order.prompt.into());
        values.insert("model".to_owned(), order.model.into());
        values.insert("seed".to_owned(), order.seed_31().into());
        for (name, value) in defaults.iter().chain(order.params) {
            let shown = one_line(name, 60);
            if !self.uses(&format!("params.{name}")) {
                return Err(format!(
                    "the workflow does not use the parameter `{shown}`: put `{{{{params.{shown}}}}}` into it"
                ));
            }
            if value.is_array() || value.is_object() || value.is_null() {
                return Err(format!(
                    "the parameter `{shown}` must be a text, a number, true or false"
                ));
            }
            values.insert(format!("params.{name}"), value.clone());
        }
        if let Some(slot) = self.slots.iter().find(|slot| !values.contains_key(*slot)) {
            let name = one_line(slot.trim_start_matches("params."), 60);
            return Err(format!(
                "the workflow wants the parameter `{name}`, which neither the model nor the provider's `defaults` sets"
            ));
        }
        let nodes = self.graph.iter().map(|(id, node)| (id.clone(), filled(node, &values)));
        Ok(Value::Object(nodes.collect()))
    }
}

/// Notes the placeholders of all texts.
fn find(value: &Value, depth: usize, slots: &mut BTreeSet<String>) -> Result<(), String> {
    let depth = depth.checked_sub(1).ok_or("it is nested too deeply")?;
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once("{{") {
                let (name, next) = after
                    .split_once("}}")
                    .ok_or("a placeholder starts with `{{` and does not end with `}}`")?;
                slots.insert(name.trim().to_owned());
                rest = next;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| find(item, depth, slots)),
        Value::Object(members) => members.values().try_for_each(|item| find(item, depth, slots)),
        _ => Ok(()),
    }
}

/// A part of the graph with its places filled: a text that is one placeholder becomes the value, another one text.
fn filled(value: &Value, values: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            let whole = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
            if let Some(value) = whole.and_then(|name| values.get(name.trim())) {
                return value.clone();
            }
            let mut pieces = text.split("{{");
            let mut text = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
                match values.get(name.trim()) {
                    Some(Value::String(value)) => text.push_str(value),
                    Some(value) => text.push_str(&value.to_string()),
                    None => {}
                }
                text.push_str(rest);
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, item)| (key.clone(), filled(item, values))).collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::providers::http::tests::order;

    fn node(inputs: &Value) -> Result<Workflow, String> {
        Workflow::read(
            json!({"3": {"class_type": "KSampler", "inputs": inputs}}).to_string().as_bytes(),
        )
    }

    fn table(json: &Value) -> Map<String, Value> {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn places_are_filled_and_a_prompt_is_never_one() {
        let workflow = node(&json!({
            "seed": "{{seed}}",
            "text": "{{ prompt }}",
            "label": "{{prompt}}, at {{params.steps}} steps by {{model}}",
            "steps": "{{params.steps}}",
            "link": ["4", 0],
        }))
        .unwrap();
        let params = table(&json!({"steps": 4}));
        let order = Order { prompt: "{{model}} \"x\"", ..order(&params) };
        let graph = workflow.fill(&order, &Map::new(), &Map::new()).unwrap();
        assert_eq!(
            graph["3"]["inputs"],
            json!({"seed": 7, "text": "{{model}} \"x\"", "label": "{{model}} \"x\", at 4 steps by v1",
                "steps": 4, "link": ["4", 0]})
        );
        // A default counts where the model sets nothing.
        let none = Map::new();
        let order = Order { params: &none, ..order };
        let graph = workflow.fill(&order, &Map::new(), &table(&json!({"steps": 20}))).unwrap();
        assert_eq!(graph["3"]["inputs"]["steps"], 20);
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        let plain = json!({"text": "{{prompt}}", "seed": "{{seed}}"});
        let with = |name: &str, value: &str| {
            let mut inputs = plain.clone();
            inputs[name] = value.into();
            node(&inputs)
        };
        let picture = bytes::Bytes::from_static(b"x");
        let (none, all) = (Map::new(), table(&json!({"steps": 4, "link": ["4", 0]})));
        let (steps, link) = (table(&json!({"steps": 4})), table(&json!({"link": ["4", 0]})));
        assert_eq!(all.len(), 2);
        let fill = |workflow: Result<Workflow, String>, order: Order<'_>| {
            workflow.unwrap().fill(&order, &Map::new(), &Map::new()).unwrap_err()
        };
        insta::assert_snapshot!(
            [
                node(&json!({"text": "{{promt}}"})).unwrap_err(),
                node(&json!({"text": "{{prompt"})).unwrap_err(),
                node(&json!({"text": "a cat"})).unwrap_err(),
                node(&json!({"text": "{{prompt}}"})).unwrap_err(),
                Workflow::read(b"{").unwrap_err(),
                Workflow::read(b"[]").unwrap_err(),
                Workflow::read(br#"{"3": {"inputs": {}}}"#).unwrap_err(),
                Workflow::read(br#"{"nodes": [], "links": [], "version": 0.4}"#).unwrap_err(),
                fill(node(&plain), Order { image: Some(&picture), ..order(&none) }),
                fill(with("image", "{{image}}"), order(&none)),
                fill(node(&plain), order(&steps)),
                fill(with("link", "{{params.link}}"), order(&link)),
                fill(with("steps", "{{params.steps}}"), order(&none)),
            ]
            .join("\n")
        );
    }

    proptest! {
        #[test]
        fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[{}a-z. ]{0,30}") {
            let _ = Workflow::read(&bytes);
            if let Ok(workflow) = node(&json!({"a": text, "b": "{{prompt}}{{seed}}"})) {
                let none = Map::new();
                let _ = workflow.fill(&order(&none), &Map::new(), &Map::new());
            }
        }
    }
}
