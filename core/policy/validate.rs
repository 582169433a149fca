//! From the file's tables to the validated policy. Every problem is reported before any is final.

mod asked;
mod limits;
mod providers;

pub(super) use providers::is_plain_name;

use std::collections::BTreeMap;

use super::node::{Entry, FromNode, Kind, Node, Spanned};
use super::parse::{Format, Reading, parse};
use super::problem::{Problems, Source, Span};
use super::raw::{RawLimits, RawMap, RawModelTable, RawModels, RawPolicy, RawPrompts, RawSample};
use super::record::unknown_name;
use super::scope::read_check;
use super::types::{
    AllowedModel, ConfiguredCheck, ErrorRates, Freeze, ModelMap, ModelSource, OnAlwaysFail, Policy,
    PromptSource, Provider, SamplePolicy, Vocabulary,
};
use crate::inert;

/// The policy of a text, in the format of its path (YAML where the extension is unknown), with all
/// that is wrong with it. There is a value only where there is no error.
#[must_use]
pub fn read_policy(source: Source<'_>, vocabulary: &Vocabulary<'_>) -> Reading<Policy> {
    let format = Format::of_name(source.path).unwrap_or(Format::Yaml);
    let Reading { value, mut problems } = parse(source, format);
    let policy = value.and_then(|node| validate(&node, vocabulary, &mut problems));
    let value = policy.filter(|_| !problems.has_errors());
    Reading { value, problems }
}

/// The policy of a tree.
fn validate(node: &Node, vocabulary: &Vocabulary<'_>, problems: &mut Problems) -> Option<Policy> {
    // Providers and checks are read even where something else is wrong, and the other way round.
    let raw = RawPolicy::from_node(node, problems);
    let rules = node.get("models").and_then(|models| models.get("allow"));
    if [rules, node.get("providers")].into_iter().flatten().any(|list| too_many(list, problems)) {
        return None;
    }
    let (providers, names) = match node.get("providers") {
        Some(node) => (providers::read(node, vocabulary, problems), providers::names(node)),
        None => (BTreeMap::new(), Vec::new()),
    };
    let (checks, declined) = read_checks(node.get("checks"), vocabulary, problems);
    for check in &checks {
        asked::validate(check, &providers, &names, vocabulary, problems);
    }
    for key in ["model", "prompts"] {
        if let Some(value) = node.get(key) {
            refuse_placeholders(value, problems);
        }
    }
    // A wrong key in one part must not hide what is wrong in another.
    let max_pairs = part::<RawSample>(node, "sample").map_or(400, |sample| sample.max.0);
    let limits =
        part::<RawLimits>(node, "limits").map(|raw| limits::read(raw, max_pairs, problems));
    let allow = part::<RawModels>(node, "models")
        .map(|raw| allowed(raw, &names, node.get("models"), problems));
    if let Some(Kind::List(rules)) =
        node.get("models").and_then(|m| m.get("allow")).map(|n| &n.kind)
    {
        for rule in rules.iter().filter_map(|rule| rule.get("provider")) {
            match &rule.kind {
                Kind::Text(name) if !names.contains(&name.as_str()) => {
                    unknown_name("provider", name, rule.span, &names, problems);
                }
                _ => {}
            }
        }
    }
    let (raw, limits, allow) = (raw?, limits?, allow?);
    let burst = raw.load.burst.map(|burst| Spanned { value: burst.value.0, span: burst.span });
    let providers = match &burst {
        Some(burst) => providers::in_bursts(providers, burst, node.get("providers"), problems),
        None => providers,
    };
    let sample = raw.sample;
    Some(Policy {
        model: model_source(raw.model.0),
        prompts: raw.prompts.0.into_iter().map(prompt_source).collect(),
        sample: SamplePolicy {
            claim: sample.claim,
            repeats: sample.repeats.0,
            max: sample.max.0,
            batch: sample.batch.0,
            stop: sample.stop,
            stratify: sample.stratify,
            seed: sample.seed,
        },
        burst: burst.map(|burst| burst.value),
        limits,
        errors: ErrorRates {
            let_bad_through: raw.errors.let_bad_through.0,
            block_good: raw.errors.block_good.0,
        },
        freeze: raw.freeze.map(|freeze| Freeze { until: freeze.until.0, reason: freeze.reason.0 }),
        inconclusive: raw.inconclusive,
        always_fail: always_fail(&raw.always_fail, sample.repeats.0, problems),
        refusals: raw.refusals,
        budget: raw.budget.0,
        baseline_max_age: raw.baseline.max_age.0,
        providers,
        allow,
        checks,
        declined,
    })
}

/// Reports a list or table with more rules than a person could follow: rules are compared with each
/// other, which takes time by the square of their number.
fn too_many(node: &Node, problems: &mut Problems) -> bool {
    const MAX_RULES: usize = 1000;
    let entries = node.entries();
    if entries > MAX_RULES {
        problems.error(
            node.span,
            format!(
                "a list or table of rules may have {MAX_RULES} entries, and this has {entries}"
            ),
        );
    }
    entries > MAX_RULES
}

/// With a single repeat, every failure is one on every repeat: that is what the failure rate counts.
fn always_fail(
    found: &Spanned<OnAlwaysFail>,
    repeats: u32,
    problems: &mut Problems,
) -> OnAlwaysFail {
    if found.value == OnAlwaysFail::Fail && repeats < 2 {
        problems.error_with_help(
            found.span,
            "`always_fail: fail` needs each prompt drawn more than once",
            "add `repeats: 3` to `sample`, or leave `always_fail` out",
        );
    }
    found.value
}

/// A value whose problems are already reported.
fn quiet<T: FromNode>(node: &Node) -> Option<T> {
    T::from_node(node, &mut Problems::new())
}

/// A part of the policy, or its defaults where it is absent. Its problems are already reported.
fn part<T: FromNode>(node: &Node, key: &str) -> Option<T> {
    match node.get(key).filter(|part| part.kind != Kind::Null) {
        Some(part) => quiet(part),
        None => quiet(&empty_table(Span::default())),
    }
}

fn model_source(raw: RawModelTable) -> ModelSource {
    let map = raw.map.map(|RawMap { provider, model, params }| ModelMap {
        provider: provider.0,
        model: model.0,
        params: params.map(|pointer| pointer.0),
    });
    ModelSource { file: raw.file.0, map }
}

fn prompt_source(RawPrompts(raw): RawPrompts) -> PromptSource {
    let mut tags: Vec<String> = Vec::new();
    for tag in raw.tags {
        let tag = tag.0.trim();
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    PromptSource {
        file: Spanned { value: raw.file.value.0, span: raw.file.span },
        tags,
        text_from_prompt: raw.text.from_prompt,
    }
}

fn allowed(
    raw: RawModels,
    providers: &[&str],
    node: Option<&Node>,
    problems: &mut Problems,
) -> Vec<AllowedModel> {
    let mut allow: Vec<AllowedModel> = Vec::new();
    for rule in raw.allow {
        let hidden = allow.iter().any(|earlier| {
            earlier.is_unconditional()
                && earlier.provider == rule.provider.value
                && covers(&earlier.model, &rule.model.value.0)
                && (earlier.tasks.is_empty()
                    || (!rule.tasks.is_empty()
                        && rule.tasks.iter().all(|task| earlier.tasks.contains(task))))
        });
        if hidden {
            problems.warning(
                rule.model.span,
                "this rule admits nothing that a rule before it does not admit",
                "remove it, or narrow the one before",
            );
        }
        allow.push(AllowedModel {
            provider: rule.provider.value,
            model: rule.model.value.0,
            tasks: rule.tasks,
            licences: rule.licences.into_iter().map(|pattern| pattern.0).collect(),
            commercial: rule.commercial,
            safety: rule.safety,
        });
    }
    if !allow.is_empty() {
        let span = node.and_then(|node| node.get("allow")).map_or_else(Span::default, |n| n.span);
        for name in providers {
            if !allow.iter().any(|rule| rule.provider == *name) {
                problems.warning(
                    span,
                    format!("no rule admits a model of the provider `{}`", shown(name)),
                    "add one, or remove the provider",
                );
            }
        }
    }
    allow
}

/// Whether every text that matches `narrow` also matches `wide`; `false` where that is not plain.
fn covers(wide: &str, narrow: &str) -> bool {
    // A `*` of `wide` takes in whatever stands there, wildcards included; a `?` may not.
    wide == narrow || (!wide.contains('?') && wildmatch::WildMatch::new(wide).matches(narrow))
}

/// The checks that run, and those that are switched off by name.
fn read_checks(
    node: Option<&Node>,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) -> (Vec<ConfiguredCheck>, Vec<&'static str>) {
    let entries: &[Entry] = match node.map(|node| (&node.kind, node)) {
        None | Some((Kind::Null, _)) => &[],
        Some((Kind::Table(entries), _)) => entries,
        Some((_, node)) => {
            node.wrong_type("a table of checks", problems);
            &[]
        }
    };
    let names: Vec<_> = vocabulary.checks.iter().map(|check| check.name).collect();
    for entry in entries {
        if !names.contains(&entry.key.as_str()) {
            unknown_name("check", &entry.key, entry.key_span, &names, problems);
        }
    }
    let (mut checks, mut declined) = (Vec::new(), Vec::new());
    for check in vocabulary.checks {
        let given = entries.iter().find(|entry| entry.key == check.name);
        let settings = match given.map(|entry| (&entry.value, &entry.value.kind)) {
            Some((_, Kind::Bool(false))) => {
                declined.push(check.name);
                continue;
            }
            None if !check.on_by_default => continue,
            Some((node, Kind::Null | Kind::Bool(true))) => empty_table(node.span),
            None => empty_table(Span::default()),
            Some((node, _)) => node.clone(),
        };
        checks.extend(read_check(check, &settings, problems));
    }
    (checks, declined)
}

fn empty_table(span: Span) -> Node {
    Node { span, kind: Kind::Table(Vec::new()) }
}

/// Reports `${…}` where nothing fills it in.
fn refuse_placeholders(node: &Node, problems: &mut Problems) {
    match &node.kind {
        Kind::Text(text) if text.contains("${") => problems.error_with_help(
            node.span,
            format!("`{}` is not filled in here", shown(text)),
            "only a provider's headers read environment variables, those of its `api_key_env`",
        ),
        Kind::List(items) => items.iter().for_each(|item| refuse_placeholders(item, problems)),
        Kind::Table(entries) => {
            entries.iter().for_each(|entry| refuse_placeholders(&entry.value, problems));
        }
        _ => {}
    }
}

fn shown(text: &str) -> String {
    inert::one_line(text, 80)
}

/// What the providers of a policy are, by name; the map that [`Policy`] keeps.
type Providers = BTreeMap<String, Provider>;

#[cfg(test)]
mod tests;
