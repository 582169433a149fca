//! Which keys a run would need and does not have: told before anything is set up.

use std::collections::BTreeSet;

use super::Environment;
use super::load::Loaded;

impl Loaded {
    /// The environment variables that hold nothing, of those that the providers need which the changed models use and
    /// checks ask.
    #[must_use]
    pub fn missing_keys(&self, environment: &Environment) -> Vec<String> {
        let models = self.subjects.iter().flat_map(|it| it.baseline.iter().chain([&it.candidate]));
        let drawing = models.flat_map(|model| &model.steps).map(|step| &step.provider.value);
        let asked = self.policy.checks.iter().flat_map(|check| check.settings.asks());
        let names: BTreeSet<_> = drawing.chain(asked.map(|asked| &asked.provider.value)).collect();
        let providers = names.into_iter().filter_map(|name| self.policy.providers.get(name));
        let keys: BTreeSet<_> = providers.flat_map(|provider| &provider.api_key_env).collect();
        let absent = |key: &&String| environment(key).is_none_or(|value| value.trim().is_empty());
        keys.into_iter().filter(absent).cloned().collect()
    }

    /// Whether any picture would be asked for.
    #[must_use]
    pub fn would_buy(&self, today: jiff::civil::Date) -> bool {
        !self.subjects.is_empty() && self.frozen(today).is_none()
    }
}
