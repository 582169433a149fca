//! Everything that is read before anything is bought: the policy, both model configs, the prompt sets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use presscheck_core::checks;
use presscheck_core::gate::advice::ExpectedRate;
use presscheck_core::policy::{
    self, ModelConfig, Models, Policy, Problem, Problems, Source, Subject, Vocabulary,
};
use presscheck_core::prompts::{self, Case, Draw, PromptFile};
use presscheck_core::providers;
use presscheck_core::units::{Digest, RepoPath, Usd};
use serde_json::json;

use super::advice::Said;
use super::eyes::{self, MayAsk};
use super::judge::Judge;
use super::sample::Supplier;
use super::{Environment, Halt, Setting};
use crate::revision::{RevisionError, Snapshot, usable};
use crate::transport::{ClientOptions, Line};

/// What a run is about, ready to be bought.
pub struct Loaded {
    /// The policy that judges.
    pub policy: Policy,
    /// Where it was read: `main@4f2c91a`.
    pub policy_at: String,
    /// The models that the head changed.
    pub subjects: Vec<Subject>,
    /// All cases of the prompt sets.
    pub cases: Arc<Vec<Case>>,
    /// The drawn order.
    pub draw: Draw,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// Warnings about the files, as they are shown on a terminal.
    pub warnings: String,
    /// Why there is nothing to judge, where there is nothing.
    pub nothing_to_judge: String,
    /// What is wrong with the policy that the head brings, where it edits it: it counts after the merge.
    pub(super) coming: Vec<Problem>,
    pub(super) judge: Arc<Judge>,
    pub(super) policy_digest: Digest,
    pub(super) prompts_digest: Digest,
    /// What is said of the files before the numbers are known.
    pub(super) said: Said,
}

/// Files that can't be used: the text for a terminal, with every problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected(pub String);

impl From<RevisionError> for Rejected {
    fn from(error: RevisionError) -> Self {
        // What to do stands on lines of its own; what was not done belongs to the first.
        let text = error.to_string();
        let (what, help) = text.split_once('\n').unwrap_or((&text, ""));
        let help = if help.is_empty() { String::new() } else { format!("{help}\n") };
        let not_done = match error {
            // GitHub was asked; whoever costs money was not.
            RevisionError::Unreachable { .. } => "no provider was asked",
            _ => NOTHING_SENT,
        };
        Self(format!("error: {what}; {not_done}\n{help}"))
    }
}

pub(super) const NOTHING_SENT: &str = "no request was sent";

/// Reads the policy and the prompt sets at the baseline, the model config at both sides and where they
/// parted, and finds what the head changed.
///
/// # Errors
/// Every problem of every file that stops the run.
pub fn load(setting: &Setting, colour: bool) -> Result<Loaded, Rejected> {
    load_with(setting, None, colour)
}

/// The prompts of a run, and its draw.
pub(super) struct Prompts {
    cases: Arc<Vec<Case>>,
    digest: Digest,
    draw: Draw,
}

impl Loaded {
    /// What was drawn, for another policy to judge.
    pub(super) fn prompts(&self) -> Prompts {
        let (cases, draw) = (Arc::clone(&self.cases), self.draw.clone());
        Prompts { cases, digest: self.prompts_digest, draw }
    }

    /// What the policy's file says under a key. Settings of checks can't be compared as such; what is written alike is
    /// alike.
    pub(super) fn said_of(&self, key: &str) -> serde_json::Value {
        let file: Result<serde_json::Value, _> = serde_yaml::from_str(&self.said.policy_text);
        file.ok()
            .and_then(|mut file| file.get_mut(key).map(serde_json::Value::take))
            .unwrap_or_default()
    }
}

/// The same, where `given` prompts stand in the place of the policy's own.
pub(super) fn load_with(
    setting: &Setting,
    given: Option<Prompts>,
    colour: bool,
) -> Result<Loaded, Rejected> {
    let change = &setting.change;
    let checks = checks::vocabulary();
    let kinds = providers::vocabulary();
    let vocabulary =
        Vocabulary { checks: &checks, providers: &kinds, terms: providers::catalogue::terms };
    let mut notes = Vec::new();
    let mut report = Report::new(colour);

    let PolicyFile { bytes: policy_bytes, at: trusted, edited } =
        read_policy_file(setting, &mut notes)?;
    let path = setting.policy_path.as_str();
    let text = report.text(path, &policy_bytes)?;
    let reading = policy::read_policy(Source { path, text: &text }, &vocabulary);
    let mut policy = report.add(path, &text, &reading.problems, reading.value)?;
    report.stop()?;
    let coming = edited.map(|bytes| coming(path, &bytes, &vocabulary)).unwrap_or_default();
    notes.extend(broken(path, &coming));
    give_files(&mut policy, trusted)?;

    let file = &policy.model.file;
    let models = |bytes: Vec<u8>, report: &mut Report| -> Result<ModelFile, Rejected> {
        let text = report.text(file.as_str(), &bytes)?;
        let reading =
            policy::read_models(Source { path: file.as_str(), text: &text }, &policy.model);
        let models = report.add(file.as_str(), &text, &reading.problems, reading.value)?;
        Ok(ModelFile { models, text })
    };
    let head = change.head.read(file, MAX_CONFIG_BYTES)?;
    let head = models(head.ok_or_else(|| missing(&policy, &change.head))?, &mut report)?;
    // An unusable model config at the base can't be compared with; the head's counts as new then.
    let before = |snapshot: &Snapshot| -> Result<Option<ModelFile>, Rejected> {
        let bytes = usable(snapshot.read(file, MAX_CONFIG_BYTES))?;
        Ok(bytes.and_then(|bytes| models(bytes, &mut Report::default()).ok()))
    };
    let (base, fork) = (before(&change.base)?, before(&change.fork_point)?);
    report.stop()?;
    let list =
        |file: Option<&ModelFile>| file.map(|file| file.models.list.clone()).unwrap_or_default();
    let changed =
        policy::changed_subjects(&list(base.as_ref()), &list(fork.as_ref()), &head.models.list);
    notes.extend(changed.notes);
    notes.extend(policy.burst.map(|burst| {
        format!(
            "Latency is that of bursts: {burst} requests of one model at once, both models in turn."
        )
    }));
    let named = changed.subjects.iter().flat_map(|it| it.baseline.iter().chain([&it.candidate]));
    notes.extend(farewells(&policy, named, setting.today));
    let mut problems = Problems::new();
    for subject in &changed.subjects {
        policy::admit(&subject.candidate, &policy, &vocabulary, &mut problems);
    }
    let model_path = policy.model.file.as_str();
    report.add(model_path, &head.text, &problems, Some(()))?;
    report.stop()?;

    note_other_changes(setting, &policy, trusted, &mut notes)?;
    let nothing_to_judge = format!(
        "Nothing to judge: no model of {} differs from the baseline because of this change.",
        policy.model.file
    );
    let needs_prompts = !changed.subjects.is_empty();
    let Prompts { cases, digest: prompts_digest, draw } = match given {
        Some(given) => given,
        None if needs_prompts => {
            let (cases, digest) = read_prompts(&policy, trusted, &mut notes, &mut report)?;
            let draw = prompts::draw(&cases, &policy.sample);
            Prompts { cases: Arc::new(cases), digest, draw }
        }
        None => {
            let draw = prompts::draw(&[], &policy.sample);
            Prompts { cases: Arc::default(), digest: Digest::of(b""), draw }
        }
    };
    report.stop()?;
    let judge = if needs_prompts {
        let is_base = std::ptr::eq(trusted, &change.base);
        let may_ask = match is_base {
            true if setting.past => MayAsk::Heard,
            true => MayAsk::All,
            false => MayAsk::Providers,
        };
        let judge = Arc::new(eyes::open(&policy, trusted, may_ask, &setting.weights)?);
        notes.extend(eyes::foresee(&judge, &cases, &draw)?);
        notes.extend(eyes::unjudged(&policy, &cases, &draw));
        judge
    } else {
        Arc::new(Judge::idle(policy.refusals))
    };
    let said = Said {
        rendered: report.rendered,
        problems: report.problems,
        policy_path: path.to_owned(),
        policy_text: text.clone(),
    };
    let mut loaded = Loaded {
        policy_at: trusted.label().to_owned(),
        subjects: changed.subjects,
        cases,
        draw,
        judge,
        notes,
        coming,
        warnings: String::new(),
        nothing_to_judge,
        policy_digest: Digest::of(text.as_bytes()),
        prompts_digest,
        said,
        policy,
    };
    let prices = loaded.list_prices(setting.budget);
    let advice = loaded.advice(ExpectedRate::default(), prices);
    loaded.warnings = loaded.warned(&advice, colour);
    Ok(loaded)
}

/// The most bytes of a policy or a model config; larger files are refused with a clear message by the
/// policy's own reader, so a little more is read here.
pub(super) const MAX_CONFIG_BYTES: u64 = 2 << 20;

/// The most bytes of a prompt set.
pub(super) const MAX_PROMPTS_BYTES: u64 = 64 << 20;

struct ModelFile {
    models: Models,
    text: String,
}

/// Collects what is wrong with all files, so that all of it is shown at once.
#[derive(Default)]
pub(super) struct Report {
    colour: bool,
    rendered: String,
    problems: Vec<(String, Problem)>,
    errors: bool,
}

impl Report {
    /// Nothing was found yet.
    pub(super) fn new(colour: bool) -> Self {
        Self { colour, ..Self::default() }
    }

    /// Notes what is wrong with no file: a message for a terminal, as a whole.
    pub(super) fn say(&mut self, error: &str) {
        if !self.rendered.is_empty() {
            self.rendered.push('\n');
        }
        self.rendered.push_str(error);
        self.errors = true;
    }

    /// All of it, as it is shown on a terminal.
    pub(super) fn shown(self) -> String {
        self.rendered
    }

    pub(super) fn text(&self, path: &str, bytes: &[u8]) -> Result<String, Rejected> {
        policy::decode_text(bytes).map(str::to_owned).map_err(|problems| {
            let source = Source { path, text: "" };
            Rejected(policy::render_all(&[(source, &problems)], NOTHING_SENT, self.colour))
        })
    }

    /// Notes the problems of a file; gives the value where there is one, however many problems it has.
    pub(super) fn add<T>(
        &mut self,
        path: &str,
        text: &str,
        problems: &Problems,
        value: Option<T>,
    ) -> Result<T, Rejected> {
        self.note(path, text, problems);
        value.ok_or_else(|| Rejected(self.rendered.clone()))
    }

    pub(super) fn note(&mut self, path: &str, text: &str, problems: &Problems) {
        if !problems.is_empty() {
            let source = Source { path, text };
            let rendered = policy::render_all(&[(source, problems)], NOTHING_SENT, self.colour);
            if !self.rendered.is_empty() {
                self.rendered.push('\n');
            }
            self.rendered.push_str(&rendered);
            self.errors |= problems.has_errors();
            let all = problems.sorted().into_iter().cloned();
            self.problems.extend(all.map(|problem| (path.to_owned(), problem)));
        }
    }

    pub(super) fn stop(&self) -> Result<(), Rejected> {
        if self.errors { Err(Rejected(self.rendered.clone())) } else { Ok(()) }
    }
}

/// The policy that judges, where it was read, and the head's where that is another one.
struct PolicyFile<'a> {
    bytes: Vec<u8>,
    at: &'a Snapshot,
    edited: Option<Vec<u8>>,
}

/// What is wrong with a policy that the head brings. It judges nothing yet, so that nothing else is done with it.
fn coming(path: &str, bytes: &[u8], vocabulary: &Vocabulary<'_>) -> Vec<Problem> {
    let problems = match policy::decode_text(bytes) {
        Ok(text) => policy::read_policy(Source { path, text }, vocabulary).problems,
        Err(problems) => problems,
    };
    problems.sorted().into_iter().cloned().collect()
}

/// A note where the policy that the head brings can't be used.
fn broken(path: &str, coming: &[Problem]) -> Option<String> {
    let mut errors = coming.iter().filter(|it| it.severity == policy::Severity::Error);
    let first = errors.next()?;
    let count = if errors.next().is_some() { "errors" } else { "an error" };
    Some(format!(
        "The {path} that this change brings has {count}, the first in line {} ({}): after the merge no change could be judged by it.",
        first.span.line, first.message
    ))
}

/// The policy of the baseline; the head's own where the baseline has none yet.
fn read_policy_file<'a>(
    setting: &'a Setting,
    notes: &mut Vec<String>,
) -> Result<PolicyFile<'a>, Rejected> {
    let (change, path) = (&setting.change, &setting.policy_path);
    // Far over the limit is still read up to a point, so that the message can name the size.
    let at = |snapshot: &Snapshot| snapshot.read(path, MAX_CONFIG_BYTES);
    let base = at(&change.base)?;
    if let Some(bytes) = base {
        let head = usable(at(&change.head))?;
        let mut edited = None;
        if head.as_ref() != Some(&bytes) {
            let fork = usable(at(&change.fork_point))?;
            // What only the base changed since is none of this change's doing.
            if fork != head {
                notes.push(format!(
                    "This change edits {path}: it is judged by the policy of {}.",
                    change.base.label()
                ));
                edited = head;
            }
        }
        return Ok(PolicyFile { bytes, at: &change.base, edited });
    }
    match at(&change.head)? {
        // Its owner could send the keys anywhere by it.
        Some(_) if change.foreign => Err(Rejected(format!(
            "error: there is no {path} at {}, and the policy of another repository judges nothing here; no key was read, and {NOTHING_SENT}\n  help: bring the first policy by a branch of this repository, not of a fork\n",
            change.base.label(),
        ))),
        Some(bytes) => {
            notes.push(format!(
                "{} has no {path} yet: this first time the change is judged by its own.",
                change.base.label()
            ));
            Ok(PolicyFile { bytes, at: &change.head, edited: None })
        }
        None => Err(Rejected(format!(
            "error: there is no {path} at {} or {}; {NOTHING_SENT}\n  help: write one (docs/policy.md starts with ten lines), or name it with --policy\n",
            change.base.label(),
            change.head.label(),
        ))),
    }
}

fn missing(policy: &Policy, at: &Snapshot) -> Rejected {
    Rejected(format!(
        "error: the model config {} does not exist at {}; {NOTHING_SENT}\n  help: `model.file` in the policy names it\n",
        policy.model.file,
        at.label()
    ))
}

/// What is known of models that are gone or about to go, each once.
pub(super) fn farewells<'a>(
    policy: &Policy,
    models: impl Iterator<Item = &'a ModelConfig>,
    today: jiff::civil::Date,
) -> Vec<String> {
    let drawing = models.flat_map(|it| &it.steps).map(|it| (&it.provider.value, &it.model.value));
    let asked = policy.checks.iter().flat_map(|check| check.settings.asks());
    let asked = asked.map(|it| (&it.provider.value, &it.model.value));
    let mut notes = Vec::new();
    for (provider, model) in drawing.chain(asked) {
        let provider = policy.providers.get(provider);
        let note = provider.and_then(|it| providers::catalogue::farewell(it.kind, model, today));
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    notes
}

/// Reads the files that providers name, where the policy was read.
pub(super) fn give_files(policy: &mut Policy, trusted: &Snapshot) -> Result<(), Rejected> {
    for provider in policy.providers.values_mut() {
        let files: Vec<RepoPath> = provider.settings.files().cloned().collect();
        for path in files {
            let bytes = trusted.read(&path, MAX_CONFIG_BYTES)?.ok_or_else(|| {
                Rejected(format!(
                    "error: provider `{}`: the file {path} does not exist at {}; {NOTHING_SENT}\n",
                    provider.name,
                    trusted.label()
                ))
            })?;
            provider.give(path, bytes.into());
            // What is wrong with it is said before anything is planned.
            providers::open(provider)
                .map_err(|error| Rejected(format!("error: {error}; {NOTHING_SENT}\n")))?;
        }
    }
    Ok(())
}

/// Prompt sets that the head changes count after the merge, and files of providers too; say so.
fn note_other_changes(
    setting: &Setting,
    policy: &Policy,
    trusted: &Snapshot,
    notes: &mut Vec<String>,
) -> Result<(), Rejected> {
    let change = &setting.change;
    let mut edited = Vec::new();
    for source in &policy.prompts {
        let path = &source.file.value;
        let head = usable(change.head.read(path, MAX_PROMPTS_BYTES))?;
        let fork = usable(change.fork_point.read(path, MAX_PROMPTS_BYTES))?;
        if head != fork && head != trusted.read(path, MAX_PROMPTS_BYTES)? {
            edited.push(path.to_string());
        }
    }
    if !edited.is_empty() {
        notes.push(format!(
            "This change edits {}: the prompts of {} are drawn; the edited ones count after the merge.",
            edited.join(", "),
            trusted.label()
        ));
    }
    let mut files = Vec::new();
    for path in policy.providers.values().flat_map(|provider| provider.settings.files()) {
        let head = usable(change.head.read(path, MAX_CONFIG_BYTES))?;
        let fork = usable(change.fork_point.read(path, MAX_CONFIG_BYTES))?;
        if head != fork && head != trusted.read(path, MAX_CONFIG_BYTES)? {
            files.push(path.to_string());
        }
    }
    if !files.is_empty() {
        notes.push(format!(
            "This change edits {}: it is run as it is at {}; the edited one counts after the merge.",
            files.join(", "),
            trusted.label()
        ));
    }
    Ok(())
}

pub(super) fn read_prompts(
    policy: &Policy,
    at: &Snapshot,
    notes: &mut Vec<String>,
    report: &mut Report,
) -> Result<(Vec<Case>, Digest), Rejected> {
    let mut files: Vec<(&RepoPath, Vec<u8>)> = Vec::new();
    let mut absent = Vec::new();
    for source in &policy.prompts {
        let path = &source.file.value;
        match at.read(path, MAX_PROMPTS_BYTES)? {
            Some(bytes) => files.push((path, bytes)),
            None => absent.push(path.to_string()),
        }
    }
    if !absent.is_empty() {
        return Err(Rejected(format!(
            "error: {} not exist at {}; {NOTHING_SENT}\n  help: `prompts` in the policy names {}\n",
            match absent.as_slice() {
                [one] => format!("the prompt set {one} does"),
                many => format!("the prompt sets {} do", many.join(", ")),
            },
            at.label(),
            if absent.len() == 1 { "it" } else { "them" },
        )));
    }
    let sources: Vec<_> = policy
        .prompts
        .iter()
        .zip(&files)
        .map(|(source, (path, bytes))| PromptFile {
            path,
            bytes,
            tags: &source.tags,
            text_from_prompt: source.text_from_prompt,
        })
        .collect();
    let set = prompts::read_prompts(&sources, &checks::all_expectations());
    for (path, problems) in &set.problems {
        let bytes =
            files.iter().find(|(known, _)| *known == path).map(|(_, bytes)| bytes.as_slice());
        let text = String::from_utf8_lossy(bytes.unwrap_or_default());
        report.note(path.as_str(), &text, problems);
    }
    report.stop()?;
    if !set.duplicates.is_empty() {
        let count = set.duplicates.len();
        let first: Vec<_> =
            set.duplicates.iter().take(3).map(|twin| twin.again.to_string()).collect();
        let more = if count > 3 { ", …" } else { "" };
        notes.push(format!(
            "{count} prompts stand twice in the prompt sets and are drawn once: {}{more}.",
            first.join(", ")
        ));
    }
    if set.cases.is_empty() {
        return Err(Rejected(format!(
            "error: the prompt sets hold no prompt; {NOTHING_SENT}\n  help: add prompts to {}\n",
            policy.prompts.iter().map(|p| p.file.value.to_string()).collect::<Vec<_>>().join(", ")
        )));
    }
    let digest = Digest::of(json!(set.cases).to_string().as_bytes());
    Ok((set.cases, digest))
}

/// Sets up the providers that models use and that checks ask, and no other.
///
/// # Errors
/// Every provider that can't be set up, such as one whose key is missing.
pub(super) fn suppliers<'a>(
    policy: &Policy,
    models: impl Iterator<Item = &'a ModelConfig>,
    environment: &Environment,
) -> Result<BTreeMap<String, Supplier>, Halt> {
    let drawing = models.flat_map(|model| &model.steps).map(|step| &step.provider.value);
    let asked = policy.checks.iter().flat_map(|check| check.settings.asks());
    let names: BTreeSet<_> =
        drawing.chain(asked.map(|asked| &asked.provider.value)).cloned().collect();
    let (mut open, mut problems) = (BTreeMap::new(), Vec::new());
    for name in names {
        match supplier(policy, &name, environment) {
            Ok(supplier) => {
                open.insert(name, supplier);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(open) } else { Err(Halt::CouldNotRun(problems.join("\n"))) }
}

fn supplier(policy: &Policy, name: &str, environment: &Environment) -> Result<Supplier, String> {
    let shown = presscheck_core::inert::one_line(name, 60);
    let provider = policy.providers.get(name).ok_or_else(|| {
        format!(
            "the baseline's model names the provider `{shown}`, which the policy does not have; no request was sent"
        )
    })?;
    let kind = providers::kind(provider.kind)
        .ok_or_else(|| format!("there is no provider kind `{}`", provider.kind))?;
    let dialect = providers::open(provider)?;
    let options = ClientOptions::default();
    let line = Line::open(provider, &kind.vocabulary, dialect, environment, &options)?;
    let fingerprint = policy::canonical(&provider.fingerprint);
    Ok(Supplier { line, kind: provider.kind, fingerprint })
}

impl Loaded {
    /// Sets up the providers that the subjects use and that checks ask, and no other: no other's key is read.
    pub(super) fn suppliers(
        &self,
        environment: &Environment,
    ) -> Result<BTreeMap<String, Supplier>, Halt> {
        let models = self
            .subjects
            .iter()
            .flat_map(|s| s.baseline.iter().chain(std::iter::once(&s.candidate)));
        suppliers(&self.policy, models, environment)
    }

    /// How many requests the subject's providers take at once: fewer pairs in flight would leave them idle.
    pub(super) fn concurrency(&self, subject: &Subject) -> usize {
        let models = subject.baseline.iter().chain(std::iter::once(&subject.candidate));
        models
            .flat_map(|model| &model.steps)
            .filter_map(|step| self.policy.providers.get(&step.provider.value))
            .map(|provider| usize::try_from(provider.concurrency).unwrap_or(1))
            .max()
            .unwrap_or(1)
    }

    /// The checks, ready to run; none where nothing is to be judged.
    pub(super) fn judge(&self) -> Arc<Judge> {
        Arc::clone(&self.judge)
    }

    /// What the questions of checks about one picture of a case cost: at list prices, and at worst.
    pub(super) fn checks_price(&self, judge: &Judge, case: &Case) -> (Usd, Usd) {
        let asks = judge.checks.iter().flat_map(|check| check.would_ask(case));
        asks.fold((Usd::ZERO, Usd::ZERO), |(list, worst), ask| {
            let Some(provider) = self.policy.providers.get(&ask.provider) else {
                return (list, worst);
            };
            let price = provider.price_of_question(&ask.model);
            let one = price.unwrap_or(Usd::ZERO).as_decimal().saturating_mul(ask.requests.into());
            let most = one.saturating_mul(provider.paid_attempts().into());
            (list + Usd::from_decimal(one), worst + Usd::from_decimal(most))
        })
    }

    /// Why no model change merges today, where the policy says so.
    pub(super) fn frozen(&self, today: jiff::civil::Date) -> Option<String> {
        let freeze = self.policy.freeze.as_ref().filter(|freeze| today < freeze.until)?;
        Some(format!("Model changes are frozen until {}: {}", freeze.until, freeze.reason))
    }
}
