//! What a comparison reads: the policy, the models and the prompt sets of the work tree. A person runs it on files that
//! she trusts, so nothing is read at another revision.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use presscheck_core::checks;
use presscheck_core::inert::one_line;
use presscheck_core::policy::{
    self, ModelConfig, ModelSource, ModelStep, Policy, Problems, Source, Span, Spanned, Task,
    Vocabulary, nearest,
};
use presscheck_core::prompts;
use presscheck_core::providers;
use presscheck_core::units::RepoPath;
use serde_json::Map;

use super::{CompareSetting, Contest, shown};
use crate::revision::Snapshot;
use crate::run::configured::{bounded, work_tree_policy};
use crate::run::eyes::{self, MayAsk};
use crate::run::load::{
    MAX_CONFIG_BYTES, NOTHING_SENT, Rejected, Report, farewells, give_files, read_prompts,
};

/// The check that compares with a baseline, which a comparison has none of.
const NEEDS_BASELINE: &str = "color_shift";

/// Reads everything, and finds the models that are to be compared.
///
/// # Errors
/// Every problem of every file and of the names. Nothing was sent.
pub fn load_contest(setting: &CompareSetting) -> Result<Contest, Rejected> {
    let named = setting.policy.as_deref();
    let (policy, tree) = work_tree_policy(&setting.at, named, NOTHING_SENT, setting.colour)?;
    let mut policy = policy.ok_or_else(|| {
        Rejected(format!(
            "error: there is no presscheck.yaml here; {NOTHING_SENT}\n  help: write one (docs/policy.md starts with ten lines), or name it with --policy\n"
        ))
    })?;
    let mut notes = Vec::new();
    let mut report = Report::new(setting.colour);
    give_files(&mut policy, &tree)?;
    if policy.checks.iter().any(|check| check.name == NEEDS_BASELINE) {
        policy.checks.retain(|check| check.name != NEEDS_BASELINE);
        notes.push(format!(
            "`{NEEDS_BASELINE}` is left out: it compares with a baseline, and no model is another's here."
        ));
    }
    if policy.burst.is_some() {
        notes.push(
            "The policy's `load` is left out: as many requests as `concurrency` admits are under way, and no bursts."
                .to_owned(),
        );
    }
    if let Some(max) = setting.max {
        policy.sample.max = max;
    }
    let file = read_file(setting, &policy, &tree, &mut report)?;
    let models = choose(setting, &policy, file.as_ref(), &mut report);
    admit(&models, &policy, file.as_ref(), &mut report, &mut notes);
    let models: Vec<_> = models.into_iter().map(|(model, _)| model).collect();
    // All that is wrong is said at once: the prompt sets are read whatever was found so far.
    let (cases, _) = match read_prompts(&policy, &tree, &mut notes, &mut report) {
        Ok(read) => read,
        Err(Rejected(text)) => {
            let before = report.shown();
            // What it found in a file stands among what was found before.
            let all = if text.starts_with(&before) { text } else { format!("{before}\n{text}") };
            return Err(Rejected(all.trim_start().to_owned()));
        }
    };
    report.stop()?;
    notes.extend(farewells(&policy, models.iter(), setting.today));
    notes.extend(twins(&models));
    let draw = prompts::draw(&cases, &policy.sample);
    let judge = Arc::new(eyes::open(&policy, &tree, MayAsk::All, &setting.weights)?);
    notes.extend(eyes::foresee(&judge, &cases, &draw)?);
    notes.extend(eyes::unjudged(&policy, &cases, &draw));
    let policy_path = named.map_or_else(|| "presscheck.yaml".to_owned(), shown);
    Ok(Contest {
        policy,
        policy_path,
        tree,
        models,
        cases: Arc::new(cases),
        draw,
        judge,
        notes,
        warnings: report.shown(),
    })
}

/// A file of models.
struct ModelsFile {
    path: String,
    text: String,
    models: Vec<ModelConfig>,
}

/// Where a model was named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    File,
    CommandLine,
}

/// Reads the file of models, unless no name asks for it.
fn read_file(
    setting: &CompareSetting,
    policy: &Policy,
    tree: &Snapshot,
    report: &mut Report,
) -> Result<Option<ModelsFile>, Rejected> {
    let all_named = !setting.names.is_empty() && setting.names.iter().all(|it| it.contains(':'));
    let (path, bytes, source) = match &setting.models {
        None if all_named => return Ok(None),
        None => {
            let file = &policy.model.file;
            let bytes = tree.read(file, MAX_CONFIG_BYTES)?.ok_or_else(|| {
                Rejected(format!(
                    "error: the model config {file} does not exist; {NOTHING_SENT}\n  help: `model.file` in the policy names it; name another with --models\n"
                ))
            })?;
            (file.to_string(), bytes, policy.model.clone())
        }
        Some(path) => {
            let bytes = bounded(&place(&setting.at, path), MAX_CONFIG_BYTES).map_err(|error| {
                Rejected(format!(
                    "error: --models: {} can't be read: {error}; {NOTHING_SENT}\n",
                    shown(path)
                ))
            })?;
            // The reader needs a path for the format alone.
            let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("yaml");
            let file = format!("models.{extension}").parse::<RepoPath>();
            let file = file.unwrap_or_else(|_| policy.model.file.clone());
            (shown(path), bytes, ModelSource { file, map: None })
        }
    };
    let text = report.text(&path, &bytes)?;
    let reading = policy::read_models(Source { path: &path, text: &text }, &source);
    report.note(&path, &text, &reading.problems);
    Ok(Some(ModelsFile { path, text, models: reading.value.map_or_else(Vec::new, |it| it.list) }))
}

fn place(at: &Path, path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_path_buf() } else { at.join(path) }
}

/// The models that are named; all of the file where none is.
fn choose(
    setting: &CompareSetting,
    policy: &Policy,
    file: Option<&ModelsFile>,
    report: &mut Report,
) -> Vec<(ModelConfig, From)> {
    let known = file.map_or(&[][..], |file| file.models.as_slice());
    if setting.names.is_empty() {
        let all: Vec<_> = known.iter().cloned().map(|model| (model, From::File)).collect();
        if all.len() == 1
            && let Some(file) = file
        {
            report.say(&format!(
                "error: a comparison takes two models or more, and {} has one; {NOTHING_SENT}\n  help: name others beside it as PROVIDER:MODEL, or a file with more by --models\n",
                file.path
            ));
        }
        return all;
    }
    let mut chosen: Vec<(ModelConfig, From)> = Vec::new();
    let mut unknown = false;
    for name in &setting.names {
        let shown = one_line(name, 80);
        if chosen.iter().any(|(model, _)| model.name == *name) {
            report.say(&format!("error: `{shown}` is named twice; {NOTHING_SENT}\n"));
            unknown = true;
        } else if let Some(model) = known.iter().find(|model| model.name == *name) {
            chosen.push((model.clone(), From::File));
        } else if let Some((provider, model)) = name.split_once(':') {
            chosen.push((adhoc(name, provider, model), From::CommandLine));
        } else {
            unknown = true;
            // A file that can't be read has said so already.
            if let Some(file) = file.filter(|file| !file.models.is_empty()) {
                let help = unknown_help(name, policy, file);
                report.say(&format!(
                    "error: {} has no model `{shown}`; {NOTHING_SENT}\n  help: {help}\n",
                    file.path
                ));
            }
        }
    }
    if chosen.len() < 2 && !unknown {
        report.say(&format!(
            "error: a comparison takes two models or more, and one is named; {NOTHING_SENT}\n  help: name another, in the file or as PROVIDER:MODEL\n"
        ));
    }
    chosen
}

fn unknown_help(name: &str, policy: &Policy, file: &ModelsFile) -> String {
    let names: Vec<_> = file.models.iter().map(|model| model.name.as_str()).collect();
    if let Some(near) = nearest(name, &names) {
        return format!("did you mean `{near}`?");
    }
    if policy.providers.contains_key(name) {
        return format!("`{name}` is a provider: name a model of it as {name}:MODEL");
    }
    let some: Vec<_> = names.iter().take(10).copied().collect();
    let more = if names.len() > 10 { ", …" } else { "" };
    format!("it has {}{more}; another model is named as PROVIDER:MODEL", some.join(", "))
}

/// A model without parameters, as the command line names it.
fn adhoc(name: &str, provider: &str, model: &str) -> ModelConfig {
    let length = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let span = |column, text: &str| Span { line: 1, column, len: length(text) };
    let step = ModelStep {
        provider: Spanned { value: provider.to_owned(), span: span(1, provider) },
        model: Spanned {
            value: model.to_owned(),
            span: span(length(provider).saturating_add(2), model),
        },
        task: Task::TextToImage,
        params: Map::new(),
        params_spans: BTreeMap::new(),
    };
    ModelConfig {
        name: name.to_owned(),
        task: Task::TextToImage,
        steps: vec![step],
        span: span(1, name),
    }
}

/// Holds the models to the policy as a pull request's are, but for `models.allow`: a comparison is made to choose a model
/// that is not allowed yet, so that is noted.
fn admit(
    models: &[(ModelConfig, From)],
    policy: &Policy,
    file: Option<&ModelsFile>,
    report: &mut Report,
    notes: &mut Vec<String>,
) {
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &kinds, terms: providers::catalogue::terms };
    let open = Policy { allow: Vec::new(), ..policy.clone() };
    let mut in_file = Problems::new();
    let mut outside = Vec::new();
    for (model, from) in models {
        let (mut found, mut strict) = (Problems::new(), Problems::new());
        policy::admit(model, &open, &vocabulary, &mut found);
        policy::admit(model, policy, &vocabulary, &mut strict);
        if strict.errors() > found.errors() {
            outside.push(format!("`{}`", one_line(&model.name, 60)));
        }
        match from {
            From::File => in_file.extend(found),
            From::CommandLine if model.describe().trim().is_empty() => report.say(&format!(
                "error: `{}` names no model; {NOTHING_SENT}\n  help: write PROVIDER:MODEL\n",
                one_line(&model.name, 80)
            )),
            From::CommandLine => report.note("the command line", &model.name, &found),
        }
    }
    if let Some(file) = file {
        report.note(&file.path, &file.text, &in_file);
    }
    if !outside.is_empty() {
        notes.push(format!(
            "The policy's `models.allow` does not admit {}: the gate would refuse a change to it.",
            outside.join(", ")
        ));
    }
}

/// Names for the same model: they get the same answers.
fn twins(models: &[ModelConfig]) -> Vec<String> {
    let mut notes = Vec::new();
    for (place, model) in models.iter().enumerate() {
        let twin = models.iter().take(place).find(|other| other.resolved() == model.resolved());
        if let Some(twin) = twin {
            notes.push(format!(
                "`{}` and `{}` ask the same of the same model: they get the same answers.",
                one_line(&twin.name, 60),
                one_line(&model.name, 60)
            ));
        }
    }
    notes
}
