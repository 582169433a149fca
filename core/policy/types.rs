//! The validated policy: what the rest of the program works with.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use url::Url;

use super::node::{Node, Spanned};
use super::pace::{ModelPace, Pace};
use super::pricing::{ListPrice, Pricing};
use super::problem::{Problems, Span};
use super::scope::CheckScope;
use crate::choice;
use crate::units::{Digest, Points, Rate, RepoPath, Seed, Usd};

/// A whole policy, validated.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The model config file under test.
    pub model: ModelSource,
    /// The prompt sets, in the order of the file.
    pub prompts: Vec<PromptSource>,
    /// How prompts are drawn.
    pub sample: SamplePolicy,
    /// How many requests of one model start at once, where the latency of bursts is measured.
    pub burst: Option<u32>,
    /// What a change may not exceed.
    pub limits: Limits,
    /// How often the verdict may be wrong.
    pub errors: ErrorRates,
    /// Until when no model change merges.
    pub freeze: Option<Freeze>,
    /// What an inconclusive verdict does.
    pub inconclusive: OnInconclusive,
    /// What a prompt that fails on every repeat does.
    pub always_fail: OnAlwaysFail,
    /// How outcomes of a refusal count.
    pub refusals: OnRefusal,
    /// The most that one run may spend.
    pub budget: Usd,
    /// How long stored baseline results are good for.
    pub baseline_max_age: Duration,
    /// The providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Which models a pull request may choose; everything of the listed providers where empty.
    pub allow: Vec<AllowedModel>,
    /// The checks to run, in the registry's order, each with its settings.
    pub checks: Vec<ConfiguredCheck>,
    /// The checks that it switches off by name.
    pub declined: Vec<&'static str>,
}

/// Where the model under test is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSource {
    /// YAML, JSON or TOML.
    pub file: RepoPath,
    /// Where an application's own config keeps what presscheck needs; nothing where the file is in
    /// presscheck's own form.
    pub map: Option<ModelMap>,
}

/// JSON Pointers into an application's own config file.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelMap {
    /// The provider's name.
    pub provider: String,
    /// The model's id.
    pub model: String,
    /// A table of parameters.
    pub params: Option<String>,
}

/// A prompt-set file.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptSource {
    /// `.txt`, `.jsonl`, `.csv`, `.tsv` or `.yaml`.
    pub file: Spanned<RepoPath>,
    /// Tags that every case of the file gets.
    pub tags: Vec<String>,
    /// Whether text in quotes in a prompt is expected in the picture (where a case has no expected
    /// text of its own).
    pub text_from_prompt: bool,
}

choice! {
    /// What the verdict claims.
    pub enum Claim {
        /// What the whole draw would say: these prompts, each with its seed.
        Suite = "suite",
        /// What the models' true rates are, prompts and seeds being a random sample.
        Model = "model",
    }
}

choice! {
    /// When to stop buying pictures.
    pub enum StopWhen {
        /// As soon as the verdict is proven.
        Verdict = "verdict",
        /// As soon as every limit is decided, even where one is broken already.
        Limits = "limits",
        /// At the end of the draw.
        End = "end",
    }
}

choice! {
    /// What a prompt that fails on every repeat does to the merge.
    pub enum OnAlwaysFail {
        /// It is named.
        Warn = "warn",
        /// It blocks, unless it fails on every repeat with the baseline as well.
        Fail = "fail",
    }
}

choice! {
    /// How the draw is spread over the prompt set.
    pub enum Stratify {
        /// Every tag in its share of the whole set.
        Tag = "tag",
        /// Purely at random.
        None = "none",
    }
}

choice! {
    /// What an inconclusive verdict does to the merge.
    pub enum OnInconclusive {
        /// It blocks (exit 3).
        Fail = "fail",
        /// It lets the change through (exit 0), and says so.
        Pass = "pass",
        /// It decides by which way the figures lean, and marks the verdict as unproven.
        Lean = "lean",
    }
}

choice! {
    /// Whether a provider's refusal counts as a failure (a case that expects a refusal aside).
    pub enum OnRefusal {
        /// It does.
        Fail = "fail",
        /// It does not.
        Pass = "pass",
    }
}

/// How prompts are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplePolicy {
    /// What the verdict claims.
    pub claim: Claim,
    /// How often each prompt is drawn, each time with another seed.
    pub repeats: u32,
    /// The most pairs of one run.
    pub max: u32,
    /// How many pairs may be in flight at once.
    pub batch: u32,
    /// When to stop buying.
    pub stop: StopWhen,
    /// How the draw is spread.
    pub stratify: Stratify,
    /// The seed of the draw and of every picture.
    pub seed: Seed,
}

/// A limit on a rate of failure.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RateLimit {
    /// The most that the candidate's rate may exceed the baseline's.
    pub max_increase: Option<Spanned<Points>>,
    /// The most that the candidate's rate may be.
    pub max: Option<Spanned<Rate>>,
    /// Whether `max` fails even a change that lowers the rate.
    pub strict: bool,
}

/// A limit on a quantity: relative to the baseline, and absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantityLimit<T> {
    /// The most that the candidate may exceed the baseline, as a share of the baseline (0.1 is 10%).
    pub max_increase: Option<Spanned<f64>>,
    /// The most that the candidate may be.
    pub max: Option<Spanned<T>>,
    /// Whether `max` fails even a change that lowers the quantity.
    pub strict: bool,
}

/// What a change may not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Failures over all pairs.
    pub failure_rate: RateLimit,
    /// Dollars per thousand images.
    pub cost_per_1k: QuantityLimit<Usd>,
    /// The 95th percentile of the time to an image, in seconds.
    pub latency_p95: QuantityLimit<Duration>,
    /// The most samples that may stay without an answer before the verdict is inconclusive.
    pub unavailable: Spanned<Rate>,
    /// Failure limits of single tags, in the order of the file.
    pub by_tag: Vec<(String, RateLimit)>,
}

impl Limits {
    /// Whether any limit can judge a model that has no baseline.
    #[must_use]
    pub fn judges_alone(&self) -> bool {
        let rates = std::iter::once(&self.failure_rate).chain(self.by_tag.iter().map(|(_, l)| l));
        rates.into_iter().any(|limit| limit.max.is_some())
            || self.cost_per_1k.max.is_some()
            || self.latency_p95.max.is_some()
    }
}

/// How often the verdict may be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorRates {
    /// How often a change that breaks a limit may pass.
    pub let_bad_through: Rate,
    /// How often a harmless change may be blocked.
    pub block_good: Rate,
}

/// No model change merges before a date.
#[derive(Clone, Debug, PartialEq)]
pub struct Freeze {
    /// The first day on which changes merge again.
    pub until: jiff::civil::Date,
    /// Why.
    pub reason: String,
}

/// A model that a pull request may choose.
#[derive(Clone, Debug, PartialEq)]
pub struct AllowedModel {
    /// The provider's name in this policy.
    pub provider: String,
    /// A pattern with `*` and `?` over model ids.
    pub model: String,
    /// For which tasks; any where empty.
    pub tasks: Vec<Task>,
    /// Patterns over the names of licences; any where empty.
    pub licences: Vec<String>,
    /// Whether its pictures must be known to be free for commercial use.
    pub commercial: bool,
    /// Whether the check `safety` has to look at all of its pictures.
    pub safety: bool,
}

impl AllowedModel {
    /// Whether it admits whatever model of its pattern and tasks there is.
    #[must_use]
    pub fn is_unconditional(&self) -> bool {
        self.licences.is_empty() && !self.commercial && !self.safety
    }
}

/// Under which terms a model's pictures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The licence's name.
    pub licence: &'static str,
    /// Whether pictures may be used commercially, without a condition.
    pub commercial: bool,
    /// The condition, where there is one.
    pub note: Option<&'static str>,
}

choice! {
    /// What a model is asked to do.
    pub enum Task {
        /// A picture from a prompt.
        TextToImage = "text-to-image",
        /// A picture changed as a prompt says.
        Edit = "edit",
        /// A picture made larger.
        Upscale = "upscale",
    }
}

/// A provider: where requests go, with which key, how fast and for how much.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the policy.
    pub name: String,
    /// Its wire dialect, a name in the providers' registry.
    pub kind: &'static str,
    /// Where it is named in the policy.
    pub span: Span,
    /// The base URL; the dialect's own where nothing is given.
    pub url: Option<Url>,
    /// The environment variables that hold its keys.
    pub api_key_env: Vec<String>,
    /// Hosts that answers may point to, besides the host of `url` and the dialect's own.
    pub hosts: Vec<String>,
    /// What one image costs.
    pub price: Option<Price>,
    /// What an hour of the machine costs, where it is the team's own.
    pub gpu_hour: Option<Usd>,
    /// The most requests in flight.
    pub concurrency: u32,
    /// The most requests per minute; no limit where nothing is given.
    pub rate_per_minute: Option<f64>,
    /// The limits of single models, by pattern over their ids; the first that fits counts.
    pub by_model: Vec<(String, ModelPace)>,
    /// The longest that one attempt may take, from connecting to the last byte.
    pub timeout: Duration,
    /// How often a failed attempt is repeated.
    pub retries: u32,
    /// Whether an attempt whose charge is unknown (a timeout, a cut connection) is repeated.
    pub retry_unknown: bool,
    /// Patterns of parameters that a pull request may set besides those that the dialect knows.
    pub params: Vec<String>,
    /// What the dialect itself reads from the policy (for `http`: `headers`, `body`, `response`, …).
    pub settings: Settings,
    /// The provider's table as plain JSON, less its name: what determines an answer besides the model.
    pub fingerprint: Value,
    /// The price list of its kind, where that has one.
    pub list_price: Option<ListPrice>,
    /// Whether the policy says where an answer tells its cost.
    pub answer_first: bool,
}

impl Provider {
    /// Hands over a file that its settings name, as it is on the trusted side. Its content determines answers, so it
    /// becomes a part of the fingerprint.
    pub fn give(&mut self, path: RepoPath, bytes: Bytes) {
        if let Value::Object(table) = &mut self.fingerprint {
            let files = table.entry("file digests").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(files) = files {
                files.insert(path.as_str().to_owned(), Digest::of(&bytes).to_string().into());
            }
        }
        self.settings.files.insert(path, Some(bytes));
    }

    /// How fast it may be asked.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace {
            concurrency: self.concurrency,
            rate_per_minute: self.rate_per_minute,
            by_model: self.by_model.clone(),
        }
    }

    /// How its answers are paid for.
    #[must_use]
    pub fn pricing(&self) -> Pricing {
        Pricing {
            price: self.price.clone(),
            gpu_hour: self.gpu_hour,
            timeout: self.timeout,
            answer_first: self.answer_first,
            list: self.list_price,
        }
    }

    /// How many attempts at one answer may have to be paid: those of unknown charge where they are repeated, and every
    /// one on a machine that is paid by the time.
    #[must_use]
    pub const fn paid_attempts(&self) -> u32 {
        let all = self.retry_unknown || self.gpu_hour.is_some();
        if all { self.retries.saturating_add(1) } else { 1 }
    }

    /// The most that one image of a model costs with these parameters; nothing where nobody knows.
    #[must_use]
    pub fn price_of(&self, model: &str, params: &Map<String, Value>) -> Option<Usd> {
        self.pricing().most(model, params).map(|cost| cost.amount)
    }

    /// The most that one answer of a model to a question costs.
    #[must_use]
    pub fn price_of_question(&self, model: &str) -> Option<Usd> {
        self.price_of(model, &Map::new())
    }
}

/// What one image costs.
#[derive(Clone, Debug, PartialEq)]
pub enum Price {
    /// The same for every model.
    Flat(Usd),
    /// By pattern over model ids (`*`, `?`), first match in the order of the file.
    ByModel(Vec<(String, Usd)>),
}

impl Price {
    /// The price of one image of a model.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Usd> {
        match self {
            Self::Flat(amount) => Some(*amount),
            Self::ByModel(list) => list
                .iter()
                .find(|(pattern, _)| wildmatch::WildMatch::new(pattern).matches(model))
                .map(|(_, amount)| *amount),
        }
    }
}

/// A check that the policy runs.
#[derive(Clone, Debug)]
pub struct ConfiguredCheck {
    /// Its name in the checks' registry.
    pub name: &'static str,
    /// Which cases it looks at, and whether it must be able to.
    pub scope: CheckScope,
    /// What the check itself read from the policy.
    pub settings: Settings,
}

/// What a provider can be asked besides to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ability {
    /// Questions about pictures, answered in words.
    Questions,
    /// Whether a picture is safe.
    Moderation,
}

impl Ability {
    /// What a provider with it does: `answers questions about pictures`.
    #[must_use]
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Questions => "answers questions about pictures",
            Self::Moderation => "has a moderation endpoint",
        }
    }
}

/// Whom a check asks about each picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The provider's name in this policy.
    pub provider: Spanned<String>,
    /// The model's id.
    pub model: Spanned<String>,
    /// What it is asked.
    pub ability: Ability,
}

/// Settings that only the part that declared them understands.
#[derive(Clone)]
pub struct Settings {
    value: Arc<dyn Any + Send + Sync>,
    asks: Vec<Asked>,
    /// Files of the repository that the settings name, with their bytes once these were read.
    files: BTreeMap<RepoPath, Option<Bytes>>,
}

impl Settings {
    /// Settings of a type.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self { value: Arc::new(value), asks: Vec::new(), files: BTreeMap::new() }
    }

    /// Settings of a check that asks providers.
    pub fn asking<T: Any + Send + Sync>(value: T, asks: Vec<Asked>) -> Self {
        Self { value: Arc::new(value), asks, files: BTreeMap::new() }
    }

    /// The same settings, which name these files of the repository.
    #[must_use]
    pub fn with_files(mut self, files: impl IntoIterator<Item = RepoPath>) -> Self {
        self.files.extend(files.into_iter().map(|path| (path, None)));
        self
    }

    /// The files that the settings name.
    pub fn files(&self) -> impl Iterator<Item = &RepoPath> {
        self.files.keys()
    }

    /// A file that the settings name, once it was read.
    #[must_use]
    pub fn file(&self, path: &RepoPath) -> Option<&Bytes> {
        self.files.get(path)?.as_ref()
    }

    /// Whom the check asks about each picture.
    #[must_use]
    pub fn asks(&self) -> &[Asked] {
        &self.asks
    }

    /// The settings, where they are of this type.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(..)")
    }
}

/// What the policy's reader must know of checks and providers, which live above it: the registries hand
/// it in.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    /// The checks that exist, in the order in which they run.
    pub checks: &'a [CheckVocabulary],
    /// The provider kinds that exist.
    pub providers: &'a [ProviderVocabulary],
    /// The terms of a model of a kind of provider, where they are known.
    pub terms: fn(&str, &str) -> Option<Terms>,
}

/// A check, as far as the policy's reader needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct CheckVocabulary {
    /// Its name, the key under `checks:`.
    pub name: &'static str,
    /// One sentence for the schema.
    pub doc: &'static str,
    /// Whether it runs where the policy does not name it.
    pub on_by_default: bool,
    /// Whether it takes the settings that checks share: the tags of its cases, and whether it must be
    /// able to judge.
    pub scoped: bool,
    /// Reads its own settings; an empty table stands for all defaults.
    pub read: fn(&Node, &mut Problems) -> Option<Settings>,
    /// The schema of its settings.
    pub schema: fn() -> Value,
    /// What a case may expect of it (keys under a case's `expect`).
    pub expectations: &'static [Expectation],
}

/// Something that a case may expect.
#[derive(Clone, Copy, Debug)]
pub struct Expectation {
    /// The key under `expect`.
    pub key: &'static str,
    /// One sentence for the docs and the schema.
    pub doc: &'static str,
    /// Says what is wrong with a value, where anything is.
    pub validate: fn(&Value) -> Result<(), String>,
    /// The schema of the value.
    pub schema: fn() -> Value,
}

/// A provider kind, as far as the policy's reader needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct ProviderVocabulary {
    /// Its name, the value of `kind`.
    pub kind: &'static str,
    /// One sentence for the schema.
    pub doc: &'static str,
    /// The keys that it reads besides those that every provider has.
    pub keys: &'static [&'static str],
    /// Reads those keys from the provider's whole table (the others are already checked), with the
    /// names that `api_key_env` lists.
    pub read: fn(&Node, &[String], &mut Problems) -> Option<Settings>,
    /// The properties of those keys (a JSON object).
    pub schema: fn() -> Value,
    /// The base URL where the policy gives none; nothing where `url` is required.
    pub default_url: Option<&'static str>,
    /// Hosts that its answers point to.
    pub hosts: &'static [&'static str],
    /// Parameters that a pull request may set without the policy's leave; `*` admits any that is not
    /// reserved.
    pub params: &'static [&'static str],
    /// What the price list says of its models; nothing where there is none, and the policy must give every
    /// price.
    pub list_price: Option<ListPrice>,
    /// Whether the policy says where an answer tells its cost, so that this counts over `price`.
    pub answer_first: bool,
    /// Whether it draws pictures.
    pub draws: bool,
    /// What it can be asked besides.
    pub answers: &'static [Ability],
}
