//! Every provider kind, one line each.

use super::rehearsal::Rehearsal;
use super::{
    Dialect, automatic1111, bedrock, bfl, comfyui, fal, google, http, huggingface, ideogram,
    openai, recraft, replicate, simulated, stability, xai,
};
use crate::policy::{Provider, ProviderVocabulary};

/// A provider kind: what the policy's reader knows of it, and how it is set up.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Its name, its settings, its hosts.
    pub vocabulary: ProviderVocabulary,
    /// Sets its dialect up for one provider of the policy.
    pub open: fn(&Provider) -> Result<Box<dyn Dialect>, String>,
    /// The server's side of it, for the simulated server and for tests; nothing where it draws nothing.
    pub rehearsal: Option<&'static dyn Rehearsal>,
}

/// The kinds, in the order of the docs.
pub static REGISTRY: &[Kind] = &[
    http::KIND,
    simulated::KIND,
    google::KIND,
    stability::KIND,
    openai::KIND,
    openai::azure::KIND,
    google::vertex::KIND,
    bedrock::KIND,
    bfl::KIND,
    replicate::KIND,
    fal::KIND,
    xai::KIND,
    automatic1111::KIND,
    huggingface::KIND,
    ideogram::KIND,
    recraft::KIND,
    comfyui::KIND,
];

/// What the policy's reader is told of the kinds.
#[must_use]
pub fn vocabulary() -> Vec<ProviderVocabulary> {
    REGISTRY.iter().map(|kind| kind.vocabulary).collect()
}

/// The kind of a name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    REGISTRY.iter().find(|kind| kind.vocabulary.kind == name)
}

/// The dialect of a provider, set up.
///
/// # Errors
/// A sentence, where the provider lacks what its kind needs. The policy's reader reports the same
/// earlier and with its place; this is the second line.
pub fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let kind = kind(provider.kind).ok_or_else(|| {
        format!("provider `{}`: there is no kind `{}`", provider.name, provider.kind)
    })?;
    (kind.open)(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_own_name_only() {
        for kind in REGISTRY {
            let name = kind.vocabulary.kind;
            assert_eq!(super::kind(name).map(|found| found.vocabulary.kind), Some(name));
            assert!((kind.vocabulary.schema)().is_object(), "{name}");
        }
        assert!(kind("ftp").is_none());
        let mut names: Vec<_> = vocabulary().iter().map(|kind| kind.kind).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), REGISTRY.len());
    }
}
