//! The model config file: what a pull request changes. It comes from outside, so it is read as data,
//! and only what the policy admits is ever sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::canonical::canonical;
use super::node::{FromNode, Kind, Node, Spanned};
use super::parse::{Format, Reading, parse};
use super::problem::{Problems, Source, Span};
use super::types::{ModelMap, ModelSource, Task};
use super::validate::is_plain_name;
use super::values::Ordered;
use crate::inert;
use crate::record;

mod admit;

pub use admit::admit;

/// The most models in one file.
const MAX_MODELS: usize = 100;
/// The most steps of one model, its own included.
const MAX_STEPS: usize = 8;
/// The most levels of tables and lists in `params`.
const MAX_PARAM_DEPTH: usize = 8;
/// The most values in `params`, at every depth.
const MAX_PARAM_VALUES: usize = 1000;
/// The most bytes of text in `params`, keys included.
const MAX_PARAM_BYTES: usize = 64 * 1024;

/// The models of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Models {
    /// In the order of the file, with different names.
    pub list: Vec<ModelConfig>,
}

/// A model under test.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Its name in the file, or the file's own name where `map` is used.
    pub name: String,
    /// What it is asked to do.
    pub task: Task,
    /// What is asked, one after the other: the model itself, then what `then` adds. Never empty.
    pub steps: Vec<Step>,
    /// Where its name stands.
    pub span: Span,
}

/// One request of a model's pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// A provider's name in the policy.
    pub provider: Spanned<String>,
    /// The model's id, as the provider knows it.
    pub model: Spanned<String>,
    /// What the step is asked to do.
    pub task: Task,
    /// Its parameters: plain JSON.
    pub params: Map<String, Value>,
    /// Where each parameter's name stands.
    pub params_spans: BTreeMap<String, Span>,
}

impl ModelConfig {
    /// What the config means, without its name and places: equal exactly where two configs ask the
    /// same. Keys are sorted at every depth.
    #[must_use]
    pub fn resolved(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "provider": step.provider.value,
                "model": step.model.value,
                "task": step.task.word(),
                "params": canonical(&Value::Object(step.params.clone())),
            })
        });
        canonical(&json!({"task": self.task.word(), "steps": steps.collect::<Vec<_>>()}))
    }
}

record! {
    /// The models that an application uses; pull requests change this file.
    pub(super) struct RawModelFile {
        /// The models, by a name of your own.
        models: Ordered<RawModelEntry>,
    }
}

record! {
    /// A model under test.
    pub(super) struct RawModelEntry {
        /// What it is asked to do.
        task: Task = "text-to-image",
        /// A provider's name in the policy.
        provider: Spanned<String>,
        /// The model's id, as the provider knows it.
        model: Spanned<String>,
        /// Parameters for the provider: plain JSON, those that the policy admits.
        params: Option<Params>,
        /// What is done to the picture afterwards, in order: the split pipeline, generation and then
        /// upscaling.
        then: Vec<RawStep> = "[]",
    }
}

record! {
    /// A later step of a pipeline, which gets the picture of the step before.
    pub(super) struct RawStep {
        /// What it is asked to do.
        task: Task = "upscale",
        /// A provider's name in the policy; that of the model itself where it is absent.
        provider: Option<Spanned<String>>,
        /// The model's id, as the provider knows it.
        model: Spanned<String>,
        /// Parameters for the provider: plain JSON, those that the policy admits.
        params: Option<Params>,
    }
}

/// A table of parameters, checked for size and placeholders.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Params {
    values: Map<String, Value>,
    spans: BTreeMap<String, Span>,
}

impl FromNode for Params {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            node.wrong_type("a table of parameters", problems);
            return None;
        };
        let (mut values, mut bytes) = (0, 0);
        let before = problems.errors();
        check_param(node, 0, &mut values, &mut bytes, problems);
        if values > MAX_PARAM_VALUES || bytes > MAX_PARAM_BYTES {
            problems.error(
                node.span,
                format!(
                    "the parameters may hold {MAX_PARAM_VALUES} values and {} KiB of text",
                    MAX_PARAM_BYTES / 1024
                ),
            );
        }
        (problems.errors() == before).then(|| Self {
            values: entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
            spans: entries.iter().map(|entry| (entry.key.clone(), entry.key_span)).collect(),
        })
    }
    fn schema() -> Value {
        json!({"type": "object"})
    }
}

fn check_param(
    node: &Node,
    depth: usize,
    values: &mut usize,
    bytes: &mut usize,
    problems: &mut Problems,
) {
    if depth > MAX_PARAM_DEPTH {
        problems.error(
            node.span,
            format!("parameters may lie {MAX_PARAM_DEPTH} levels inside each other"),
        );
        return;
    }
    *values += 1;
    match &node.kind {
        Kind::Text(text) => {
            *bytes += text.len();
            if text.contains("${") {
                refuse_placeholder(text, node.span, problems);
            }
        }
        Kind::List(items) => {
            for item in items {
                check_param(item, depth + 1, values, bytes, problems);
            }
        }
        Kind::Table(entries) => {
            for entry in entries {
                *bytes += entry.key.len();
                if entry.key.contains("${") {
                    refuse_placeholder(&entry.key, entry.key_span, problems);
                }
                check_param(&entry.value, depth + 1, values, bytes, problems);
            }
        }
        _ => {}
    }
}

fn refuse_placeholder(text: &str, span: Span, problems: &mut Problems) {
    problems.error_with_help(
        span,
        format!("`{}` is not filled in: a model file reads no variable", inert::one_line(text, 80)),
        "write the value itself; keys belong in the policy's providers",
    );
}

/// The models of a model config file, in the format of its path. There is a value only where there is
/// no error. What the policy admits is not asked here: see [`admit`].
#[must_use]
pub fn read_models(source: Source<'_>, model: &ModelSource) -> Reading<Models> {
    let format = Format::of_path(&model.file).unwrap_or(Format::Yaml);
    let Reading { value, mut problems } = parse(source, format);
    let list = value.and_then(|node| match &model.map {
        Some(map) => mapped(&node, map, model, &mut problems).map(|model| vec![model]),
        None => own_form(&node, &mut problems),
    });
    let value = list.filter(|_| !problems.has_errors()).map(|list| Models { list });
    Reading { value, problems }
}

fn own_form(node: &Node, problems: &mut Problems) -> Option<Vec<ModelConfig>> {
    if node.get("models").is_none() {
        problems.error_with_help(
            node.span,
            "the key `models` is missing",
            "list the models under it; or, where this is an application's own config, say in the \
             policy's `model.map` where it keeps them",
        );
        return None;
    }
    let raw = RawModelFile::from_node(node, problems)?;
    if raw.models.0.is_empty() {
        problems.error(node.span, "there is no model under `models`");
    }
    if raw.models.0.len() > MAX_MODELS {
        problems.error(node.span, format!("a file may have {MAX_MODELS} models"));
        return None;
    }
    let mut list = Vec::new();
    for (name, raw) in raw.models.0 {
        if !is_plain_name(&name.value) {
            problems.error_with_help(
                name.span,
                format!("`{}` is no name for a model", inert::one_line(&name.value, 80)),
                "use up to 64 letters, digits, `-`, `_` and `.`",
            );
        }
        if raw.then.len() >= MAX_STEPS {
            problems.error(name.span, format!("a model may have {MAX_STEPS} steps"));
        }
        let main = raw.provider.clone();
        let mut steps = vec![step(raw.provider, raw.model, raw.task, raw.params, problems)];
        for then in raw.then {
            let provider = then.provider.unwrap_or_else(|| main.clone());
            steps.push(step(provider, then.model, then.task, then.params, problems));
        }
        list.push(ModelConfig { name: name.value, task: raw.task, steps, span: name.span });
    }
    Some(list)
}

fn step(
    provider: Spanned<String>,
    model: Spanned<String>,
    task: Task,
    params: Option<Params>,
    problems: &mut Problems,
) -> Step {
    let id = &model.value;
    let readable = id.trim() == id
        && !id.is_empty()
        && id.chars().count() <= 256
        && !id.chars().any(inert::is_invisible);
    if id.contains("${") {
        refuse_placeholder(id, model.span, problems);
    } else if !readable {
        problems.error_with_help(
            model.span,
            format!("`{}` is no model id", inert::one_line(id, 80)),
            "write it as the provider does: 1 to 256 visible characters, no space at its ends",
        );
    }
    let params = params.unwrap_or_default();
    Step { provider, model, task, params: params.values, params_spans: params.spans }
}

/// The one model of an application's own config, found by JSON Pointers (RFC 6901).
fn mapped(
    node: &Node,
    map: &ModelMap,
    source: &ModelSource,
    problems: &mut Problems,
) -> Option<ModelConfig> {
    let provider = text_at(node, &map.provider, "provider", problems);
    let model = text_at(node, &map.model, "model", problems);
    let params = match &map.params {
        None => Some(Params::default()),
        Some(pointer) => at(node, pointer, "params", problems)
            .and_then(|found| Params::from_node(found, problems)),
    };
    let (provider, model, params) = (provider?, model?, params?);
    let span = model.span;
    let task = Task::TextToImage;
    let name: String = source
        .file
        .stem()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(64)
        .collect();
    let steps = vec![step(provider, model, task, Some(params), problems)];
    Some(ModelConfig { name, task, steps, span })
}

fn text_at(
    node: &Node,
    pointer: &str,
    what: &str,
    problems: &mut Problems,
) -> Option<Spanned<String>> {
    Spanned::from_node(at(node, pointer, what, problems)?, problems)
}

fn at<'a>(node: &'a Node, pointer: &str, what: &str, problems: &mut Problems) -> Option<&'a Node> {
    let mut here = node;
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let next = match &here.kind {
            Kind::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => here.get(&key),
        };
        let Some(next) = next else {
            problems.error_with_help(
                here.span,
                format!(
                    "`{}` finds nothing in this file: there is no `{}` here",
                    inert::one_line(pointer, 200),
                    inert::one_line(&key, 60)
                ),
                format!("the policy's `model.map` looks for the {what} there"),
            );
            return None;
        };
        here = next;
    }
    Some(here)
}

#[cfg(test)]
mod tests;
