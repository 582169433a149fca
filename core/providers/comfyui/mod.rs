//! The kind `comfyui`: a ComfyUI server, which runs a workflow of the team.
//!
//! Wire: `/prompt` takes a graph (its API format) and answers a `prompt_id`; `/history/{id}` is `{}` until the graph has run, and
//! tells then what each node put where; `/view` is the picture. Pictures go in by `/upload/image`, a form. A graph that can't
//! run is status 400 with `node_errors`; one that failed is told by `status` in the history. There is no safety policy, so no
//! refusal. Sources: `server.py` and `execution.py` of ComfyUI.

mod server;
mod workflow;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use url::Url;

use self::workflow::Workflow;
use super::http::{fault, of_download};
use super::multipart::Form;
use super::registry::Kind;
use super::words::tidy;
use super::{
    Answer, Call, Dialect, Fault, FaultKind, Order, Reply, Step, Text, broken, json,
    picture_format, provider_words,
};
use crate::inert::one_line;
use crate::policy::{FromNode, Node, Problems, Provider, ProviderVocabulary, Settings};
use crate::record;
use crate::units::{Digest, RepoPath};

/// Where the server is that was started without further arguments.
const DEFAULT_URL: &str = "http://127.0.0.1:8188";

/// How often the history is asked for: each such wait is a part of what is measured as latency.
const POLL: Duration = Duration::from_millis(250);

record! {
    /// Which graph is run.
    struct ComfyTable {
        /// The workflow's file in the repository: a graph in the API format, with `{{prompt}}`, `{{seed}}`, `{{model}}`,
        /// `{{image}}`, `{{mask}}` and `{{params.NAME}}` where these go.
        workflow: RepoPath,
        /// The node whose picture counts, by its id, where several save one.
        output: Option<String>,
        /// Parameters for `{{params.NAME}}` that a model may leave out.
        defaults: Option<Defaults>,
    }
}

/// A table of plain values.
#[derive(Clone, Debug, Default, PartialEq)]
struct Defaults(Map<String, Value>);

impl FromNode for Defaults {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.to_json() {
            Value::Object(values) => Some(Self(values)),
            _ => {
                node.wrong_type("a table of parameters", problems);
                None
            }
        }
    }

    fn schema() -> Value {
        serde_json::json!({"type": "object"})
    }
}

/// The registry's line.
pub(super) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: "comfyui",
        doc: "A ComfyUI server of your own, which runs a workflow of yours.",
        keys: &["workflow", "output", "defaults"],
        read,
        schema: || ComfyTable::schema().get("properties").cloned().unwrap_or_default(),
        default_url: Some(DEFAULT_URL),
        hosts: &[],
        // Only what the workflow has a place for is ever sent.
        params: &["*"],
        list_price: None,
        answer_first: false,
        draws: true,
        answers: &[],
    },
    open,
    rehearsal: Some(&server::Server),
};

fn read(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    let mut reader = crate::policy::TableReader::open_any(node, problems)?;
    let workflow: Option<Option<RepoPath>> = reader.read("workflow", None, problems);
    let output: Option<Option<String>> = reader.read("output", None, problems);
    let defaults: Option<Option<Defaults>> = reader.read("defaults", None, problems);
    let Some(workflow) = workflow? else {
        problems.error_with_help(
            node.span,
            "a provider of the kind `comfyui` needs a `workflow`",
            "export it from ComfyUI with “Export (API)”, put it into the repository, and name it: `workflow: workflows/poster.json`",
        );
        return None;
    };
    let file = workflow.clone();
    let table = ComfyTable { workflow, output: output?, defaults: defaults? };
    Some(Settings::new(table).with_files([file]))
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let in_words = |path: &RepoPath, what: String| {
        format!("provider `{}`: the workflow {path} can't be run: {what}", provider.name)
    };
    let table: &ComfyTable = provider.settings.get().ok_or("a `workflow` is missing")?;
    let path = &table.workflow;
    let bytes =
        provider.settings.file(path).ok_or_else(|| in_words(path, "it was not read".to_owned()))?;
    Ok(Box::new(ComfyUi {
        base: super::base_url(provider, DEFAULT_URL, "")?,
        key: super::one_key(provider)?,
        workflow: Workflow::read(bytes).map_err(|what| in_words(path, what))?,
        output: table.output.clone(),
        defaults: table.defaults.clone().unwrap_or_default().0,
    }))
}

/// A server and its workflow.
#[derive(Clone, Debug)]
struct ComfyUi {
    base: Url,
    /// The variable with the key of what stands before the server, where something does.
    key: Option<String>,
    workflow: Workflow,
    output: Option<String>,
    defaults: Map<String, Value>,
}

/// A picture's name on the server: what it is and what it holds, so that the same one is uploaded over itself.
fn name_of(what: &str, bytes: &Bytes) -> String {
    let digest = Digest::of(bytes).to_string();
    let format = picture_format(bytes).unwrap_or("png");
    format!("presscheck-{what}-{}.{format}", digest.get(..24).unwrap_or_default())
}

impl ComfyUi {
    fn headers(&self) -> Vec<(String, Vec<Text>)> {
        json::keyed("authorization", "Bearer ", self.key.as_ref())
    }

    /// The pictures of an order, by their placeholders.
    fn pictures<'a>(order: &Order<'a>) -> impl Iterator<Item = (&'static str, &'a Bytes)> {
        [("image", order.image), ("mask", order.mask)]
            .into_iter()
            .filter_map(|(what, bytes)| Some((what, bytes?)))
    }

    /// The call that runs the graph.
    fn prompt(&self, order: &Order<'_>) -> Result<Call, String> {
        let files =
            Self::pictures(order).map(|(what, it)| (what.to_owned(), name_of(what, it).into()));
        let graph = self.workflow.fill(order, &files.collect(), &self.defaults)?;
        let url = super::below(&self.base, &["prompt"])?;
        json::post(url, self.headers(), &serde_json::json!({"prompt": graph}))
    }

    fn upload(&self, what: &str, bytes: &Bytes) -> Result<Call, String> {
        let mut form = Form::default();
        form.file("image", &name_of(what, bytes), bytes);
        form.text("type", "input");
        form.text("overwrite", "true");
        let (media_type, body) = form.finish();
        let mut headers = vec![json::plain("content-type", &media_type)];
        headers.extend(self.headers());
        Ok(Call {
            method: "POST",
            url: super::below(&self.base, &["upload", "image"])?,
            headers,
            body,
        })
    }

    /// What comes after the upload of a picture of this name.
    fn uploaded(&self, order: &Order<'_>, name: &str) -> Step {
        let names: Vec<_> = Self::pictures(order).map(|(what, it)| name_of(what, it)).collect();
        let Some(at) = names.iter().position(|known| known == name) else {
            let words = format!("the server keeps an uploaded picture as `{}`", one_line(name, 80));
            return failed(FaultKind::BadRequest, words);
        };
        let next = match Self::pictures(order).nth(at + 1) {
            Some((what, bytes)) => self.upload(what, bytes),
            None => self.prompt(order),
        };
        match next {
            Ok(call) => Step::Next(call),
            Err(words) => failed(FaultKind::BadRequest, words),
        }
    }

    /// What the history says of a graph.
    fn ran(&self, run: &Value) -> Step {
        let status = json::text(run, "/status/status_str").unwrap_or_default();
        if status == "error" {
            return failed(FaultKind::ServerFault, what_failed(run));
        }
        let Some(nodes) = run.get("outputs").and_then(Value::as_object) else {
            return Step::Done(broken("empty", "a run without `outputs`"));
        };
        let saved = nodes
            .iter()
            .filter(|(id, _)| self.output.as_ref().is_none_or(|wanted| wanted == *id))
            .filter_map(|(id, node)| Some((id, node.pointer("/images/0")?)));
        // Previews lie in another folder, and count where nothing is saved.
        let (mut kept, mut previews) = (Vec::new(), Vec::new());
        for (id, file) in saved {
            let is_kept = json::text(file, "/type") == Some("output");
            if is_kept { &mut kept } else { &mut previews }.push((id, file));
        }
        if kept.is_empty() {
            kept = previews;
        }
        match kept.as_slice() {
            [] => Step::Done(broken("empty", "the workflow ran, and no node gave a picture")),
            [(_, file)] => self.view(file),
            several => {
                let ids: Vec<_> = several.iter().map(|(id, _)| one_line(id, 40)).collect();
                let words = format!(
                    "the nodes {} each give a picture: name the one that counts by the provider's `output`",
                    ids.join(", ")
                );
                failed(FaultKind::BadRequest, words)
            }
        }
    }

    /// Asks for a file by what the history says of it.
    fn view(&self, file: &Value) -> Step {
        let Some(name) = json::text(file, "/filename") else {
            return Step::Done(broken("empty", "a picture without a file name"));
        };
        match super::below(&self.base, &["view"]) {
            Ok(mut url) => {
                url.query_pairs_mut()
                    .append_pair("filename", name)
                    .append_pair("subfolder", json::text(file, "/subfolder").unwrap_or_default())
                    .append_pair("type", json::text(file, "/type").unwrap_or("output"));
                // With the key of the server, unlike a download from elsewhere.
                Step::Poll(json::get(url, self.headers()), Duration::ZERO)
            }
            Err(words) => Step::Done(broken("bad_url", words)),
        }
    }
}

impl Dialect for ComfyUi {
    fn version(&self) -> u32 {
        1
    }

    fn begin(&self, order: &Order<'_>) -> Result<Call, String> {
        // What does not fit is said before a picture is uploaded.
        let prompt = self.prompt(order)?;
        match Self::pictures(order).next() {
            Some((what, bytes)) => self.upload(what, bytes),
            None => Ok(prompt),
        }
    }

    fn understand(&self, order: &Order<'_>, reply: &Reply) -> Step {
        let is_picture = picture_format(&reply.body).is_some();
        let json = if is_picture { None } else { json::of(reply) };
        if !(200..300).contains(&reply.status) {
            return Step::Done(Answer::Fault(failure(order, reply, json.as_ref())));
        }
        let Some(Value::Object(members)) = &json else {
            return Step::Done(of_download(reply));
        };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if let Some(id) = text("prompt_id") {
            return match members.get("node_errors").and_then(node_error) {
                Some(words) => failed(FaultKind::BadRequest, words),
                None => self.history(id),
            };
        }
        if let (Some(name), Some(_)) = (text("name"), text("type")) {
            return self.uploaded(order, name);
        }
        match members.values().next() {
            // It waits in the queue, or runs.
            None => Step::Again(POLL),
            Some(run) if run.is_object() => self.ran(run),
            Some(_) => Step::Done(broken("bad_json", provider_words(reply))),
        }
    }

    fn fetched(&self, reply: &Reply) -> Answer {
        of_download(reply)
    }
}

impl ComfyUi {
    fn history(&self, id: &str) -> Step {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !(1..=128).contains(&id.len()) || !id.chars().all(plain) {
            return Step::Done(broken("bad_json", "a `prompt_id` that is none"));
        }
        match super::below(&self.base, &["history", id]) {
            Ok(url) => Step::Poll(json::get(url, self.headers()), POLL),
            Err(words) => Step::Done(broken("bad_url", words)),
        }
    }
}

fn failed(kind: FaultKind, words: impl Into<String>) -> Step {
    Step::Done(Answer::Fault(Fault { kind, words: words.into(), retry_after: None }))
}

/// Why a graph failed, by the events of its run.
fn what_failed(run: &Value) -> String {
    let events = run.pointer("/status/messages").and_then(Value::as_array);
    let event = |wanted: &str| {
        let mut pairs = events.into_iter().flatten();
        pairs.find_map(|pair| {
            pair.get(1).filter(|_| pair.get(0).and_then(Value::as_str) == Some(wanted))
        })
    };
    if let Some(error) = event("execution_error") {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("?");
        return tidy(&format!(
            "the node {} (`{}`) failed: {}: {}",
            text("node_id"),
            text("node_type"),
            text("exception_type"),
            text("exception_message")
        ));
    }
    match event("execution_interrupted") {
        Some(_) => "somebody interrupted the run on the server".to_owned(),
        None => "the run failed, and the server does not say why".to_owned(),
    }
}

/// What is wrong with the first node that is: nothing where none is.
fn node_error(errors: &Value) -> Option<String> {
    let (id, node) = errors.as_object()?.iter().next()?;
    let text = |place: &str| json::text(node, place).unwrap_or_default();
    Some(tidy(&format!(
        "the node {id} (`{}`) can't run: {}: {}",
        text("/class_type"),
        text("/errors/0/message"),
        text("/errors/0/details")
    )))
}

/// What a failure means.
fn failure(order: &Order<'_>, reply: &Reply, json: Option<&Value>) -> Fault {
    let mut fault = fault(reply, json);
    let errors = json.and_then(|json| json.get("node_errors"));
    if let Some(words) = errors.and_then(node_error) {
        // A checkpoint that the server does not have is one of a list in which the value is not.
        let received =
            |error: &Value| json::text(error, "/extra_info/received_value") == Some(order.model);
        let all = errors.and_then(Value::as_object).into_iter().flat_map(Map::values);
        let unknown =
            all.filter_map(|node| node.get("errors")?.as_array()).flatten().any(|error| {
                json::text(error, "/type") == Some("value_not_in_list") && received(error)
            });
        if unknown {
            fault.kind = FaultKind::ModelRetired;
        }
        fault.words = format!("HTTP {}: {words}", reply.status);
    } else if reply.status == 404 {
        // `/view` has nothing to say of a file that is gone; of a path that it does not know the server has.
        if reply.body.is_empty() {
            fault.kind = FaultKind::ResultExpired;
        } else {
            fault.words = "HTTP 404: there is no ComfyUI at this address".to_owned();
        }
    }
    fault
}

#[cfg(test)]
pub(super) use self::tests::PLAIN as WORKFLOW;

#[cfg(test)]
mod tests;
