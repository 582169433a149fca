//! What the policy lets a model file ask for. A model file is untrusted: all that is not admitted here
//! is refused before any request.

use serde_json::Value;
use wildmatch::WildMatch;

use super::{ModelConfig, Step};
use crate::inert;
use crate::policy::params::{is_admitted, is_reserved, sends_elsewhere};
use crate::policy::problem::{Problems, Span};
use crate::policy::record::nearest;
use crate::policy::types::{AllowedModel, Policy, Provider, ProviderVocabulary, Terms, Vocabulary};

/// The check that a rule may ask for.
const SAFETY: &str = "safety";

/// Reports whatever of a model the policy does not admit: its providers, model ids, tasks, prices and
/// parameters, at every step.
pub fn admit(
    model: &ModelConfig,
    policy: &Policy,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) {
    for step in &model.steps {
        let Some(provider) = policy.providers.get(&step.provider.value) else {
            unknown_provider(step, policy, problems);
            refuse_reserved(step, problems);
            continue;
        };
        let kind = vocabulary.providers.iter().find(|kind| kind.kind == provider.kind);
        if kind.is_some_and(|kind| !kind.draws) {
            problems.error_with_help(
                step.provider.span,
                format!(
                    "the provider `{}` is of the kind `{}`, which answers questions and draws no pictures; nothing was sent",
                    shown(&step.provider.value),
                    provider.kind
                ),
                "name a provider that draws",
            );
            continue;
        }
        admit_model(step, provider, policy, vocabulary, problems);
        admit_price(step, provider, problems);
        refuse_reserved(step, problems);
        if let Some(kind) = kind {
            admit_params(step, provider, kind, problems);
        }
    }
}

fn shown(text: &str) -> String {
    inert::one_line(text, 80)
}

fn unknown_provider(step: &Step, policy: &Policy, problems: &mut Problems) {
    let known: Vec<_> = policy.providers.keys().map(String::as_str).collect();
    let help = match nearest(&step.provider.value, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the policy has: {}", known.join(", ")),
    };
    problems.error_with_help(
        step.provider.span,
        format!("the policy has no provider `{}`; nothing was sent", shown(&step.provider.value)),
        help,
    );
}

fn admit_model(
    step: &Step,
    provider: &Provider,
    policy: &Policy,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) {
    if policy.allow.is_empty() {
        return;
    }
    let rules: Vec<_> =
        policy.allow.iter().filter(|rule| rule.provider == step.provider.value).collect();
    let terms = (vocabulary.terms)(provider.kind, &step.model.value);
    let mut unmet = Vec::new();
    for rule in &rules {
        if WildMatch::new(&rule.model).matches(&step.model.value)
            && (rule.tasks.is_empty() || rule.tasks.contains(&step.task))
        {
            match condition(rule, terms, policy) {
                Ok(()) => return,
                Err(why) => unmet.push(why),
            }
        }
    }
    if let Some((why, help)) = unmet.into_iter().next() {
        problems.error_with_help(
            step.model.span,
            format!(
                "the policy allows the model `{}` of `{}` only under a condition: {why}; nothing was sent",
                shown(&step.model.value),
                shown(&step.provider.value),
            ),
            help,
        );
        return;
    }
    let list: Vec<_> = rules
        .iter()
        .map(|rule| {
            let tasks: Vec<_> = rule.tasks.iter().map(|task| task.word()).collect();
            let tasks =
                if tasks.is_empty() { String::new() } else { format!(" for {}", tasks.join(", ")) };
            format!("`{}`{tasks}", rule.model)
        })
        .collect();
    let help = if list.is_empty() {
        "its `models.allow` admits no model of this provider".to_owned()
    } else {
        format!("its `models.allow` admits {}", list.join("; "))
    };
    problems.error_with_help(
        step.model.span,
        format!(
            "the policy does not allow the model `{}` of `{}` for {}; nothing was sent",
            shown(&step.model.value),
            shown(&step.provider.value),
            step.task.word()
        ),
        help,
    );
}

/// Whether a rule's conditions are met: else what is not, and what to do.
fn condition(
    rule: &AllowedModel,
    terms: Option<Terms>,
    policy: &Policy,
) -> Result<(), (String, String)> {
    const ELSE: &str = "choose another, or change the rule on the base branch";
    if !rule.licences.is_empty() || rule.commercial {
        let terms = terms.ok_or_else(|| {
            let help = "`presscheck models` lists those that are known; a rule without `licences` and `commercial` admits it";
            ("its licence is not known".to_owned(), help.to_owned())
        })?;
        let named = |pattern: &String| WildMatch::new(pattern).matches(terms.licence);
        if !rule.licences.is_empty() && !rule.licences.iter().any(named) {
            let list: Vec<_> =
                rule.licences.iter().map(|like| format!("`{}`", shown(like))).collect();
            let why = format!("its licence is “{}”, not {}", terms.licence, list.join(" or "));
            return Err((why, ELSE.to_owned()));
        }
        if rule.commercial && !terms.commercial {
            let note = terms.note.map(|note| format!(" ({note})")).unwrap_or_default();
            let why = format!("its pictures are not free for commercial use{note}");
            return Err((why, ELSE.to_owned()));
        }
    }
    // A check that looks at some tags only leaves pictures out.
    let safe = policy.checks.iter().any(|it| it.name == SAFETY && it.scope.tags.is_empty());
    if rule.safety && !safe {
        let why = format!(
            "the check `{SAFETY}` must look at all of its pictures, and the policy does not run it on all"
        );
        return Err((why, format!("add `{SAFETY}: true` to `checks` on the base branch")));
    }
    Ok(())
}

/// Without a price no budget could hold.
fn admit_price(step: &Step, provider: &Provider, problems: &mut Problems) {
    if provider.price_of(&step.model.value, &step.params).is_none() {
        problems.error_with_help(
            step.model.span,
            format!(
                "the policy knows no price of the model `{}` of `{}`; nothing was sent",
                shown(&step.model.value),
                shown(&step.provider.value)
            ),
            format!("add it to `providers.{}.price` on the base branch", provider.name),
        );
    }
}

/// Reports parameters that no policy can admit.
fn refuse_reserved(step: &Step, problems: &mut Problems) {
    for name in step.params.keys().filter(|name| is_reserved(name)) {
        let span = step.params_spans.get(name).copied().unwrap_or(step.model.span);
        problems.error_with_help(
            span,
            format!("the parameter `{}` is never admitted; nothing was sent", shown(name)),
            "presscheck sets it itself, or it would send data elsewhere",
        );
    }
}

fn admit_params(
    step: &Step,
    provider: &Provider,
    kind: &ProviderVocabulary,
    problems: &mut Problems,
) {
    for (name, value) in step.params.iter().filter(|(name, _)| !is_reserved(name)) {
        let span = step.params_spans.get(name).copied().unwrap_or(step.model.span);
        if !is_admitted(name, kind, provider) {
            let admitted: Vec<_> = kind
                .params
                .iter()
                .copied()
                .chain(provider.params.iter().map(String::as_str))
                .collect();
            let help = match nearest(name, &admitted) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "`providers.{}.params` of the policy would have to list it, on the base branch",
                    provider.name
                ),
            };
            problems.error_with_help(
                span,
                format!(
                    "the policy does not admit the parameter `{}`; nothing was sent",
                    shown(name)
                ),
                help,
            );
        } else {
            refuse_inside(name, value, span, problems);
        }
    }
}

/// Reports keys that would send data elsewhere inside an admitted parameter.
fn refuse_inside(name: &str, value: &Value, span: Span, problems: &mut Problems) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if sends_elsewhere(key) {
                    problems.error_with_help(
                        span,
                        format!(
                            "the parameter `{}` holds `{}`, which is never admitted; nothing was sent",
                            shown(name),
                            shown(key)
                        ),
                        "it would send data elsewhere",
                    );
                }
                refuse_inside(name, value, span, problems);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| refuse_inside(name, item, span, problems));
        }
        _ => {}
    }
}
