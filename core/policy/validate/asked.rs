//! Whom checks ask: a provider of this policy, of a kind that answers, with a price.

use super::{Providers, shown};
use crate::policy::problem::Problems;
use crate::policy::record::unknown_name;
use crate::policy::types::{ConfiguredCheck, Vocabulary};

/// Reports what is wrong with whom a check asks. `names` are those of all providers, faulty ones included.
pub(super) fn validate(
    check: &ConfiguredCheck,
    providers: &Providers,
    names: &[&str],
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) {
    for asked in check.settings.asks() {
        let (name, model) = (asked.provider.value.as_str(), asked.model.value.as_str());
        if !names.contains(&name) {
            unknown_name("provider", name, asked.provider.span, names, problems);
            continue;
        }
        // A provider that is faulty itself was reported at its own place.
        let Some(provider) = providers.get(name) else { continue };
        let kind = vocabulary.providers.iter().find(|kind| kind.kind == provider.kind);
        if !kind.is_some_and(|kind| kind.answers.contains(&asked.ability)) {
            let able: Vec<_> = vocabulary
                .providers
                .iter()
                .filter(|kind| kind.answers.contains(&asked.ability))
                .map(|kind| format!("`{}`", kind.kind))
                .collect();
            problems.error_with_help(
                asked.provider.span,
                format!(
                    "the provider `{}` is of the kind `{}`, and none of that kind {}",
                    shown(name),
                    provider.kind,
                    asked.ability.doing()
                ),
                format!("name a provider of the kind {}", able.join(" or ")),
            );
        } else if provider.price_of_question(model).is_none() {
            problems.error_with_help(
                asked.model.span,
                format!("the policy knows no price of `{}` of `{}`", shown(model), shown(name)),
                format!(
                    "add what one request costs to `providers.{}.price`, or `$0` if it costs nothing",
                    shown(name)
                ),
            );
        }
    }
}
