//! Which parameters a pull request may set. This is the one place that says so.

use wildmatch::WildMatch;

use super::types::{Provider, ProviderVocabulary};

/// What presscheck sets itself.
const SET_BY_GATE: [&str; 4] = ["prompt", "model", "seed", "n"];
/// What would send data elsewhere, or change who is asked.
const SENDS_ELSEWHERE: [&str; 6] =
    ["url", "storageuri", "header", "headers", "baseurl", "endpoint"];
/// Beginnings of names that would send data elsewhere.
const SENDS_ELSEWHERE_STARTS: [&str; 2] = ["webhook", "callback"];

/// A name without case and punctuation: `webhook_url`, `webhook-url` and `webhookUrl` are one.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether no policy can admit a parameter of this name, at the top of `params`.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    SET_BY_GATE.contains(&plain(name).as_str()) || sends_elsewhere(name)
}

/// Whether no policy can admit a key of this name at any depth of `params`.
#[must_use]
pub fn sends_elsewhere(name: &str) -> bool {
    let name = plain(name);
    SENDS_ELSEWHERE.contains(&name.as_str())
        || SENDS_ELSEWHERE_STARTS.iter().any(|start| name.starts_with(start))
}

/// Whether a parameter that is not reserved may be set: the dialect knows it, or the policy says so.
#[must_use]
pub(super) fn is_admitted(name: &str, kind: &ProviderVocabulary, provider: &Provider) -> bool {
    let own = provider.params.iter().map(String::as_str);
    kind.params.iter().copied().chain(own).any(|pattern| WildMatch::new(pattern).matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_known_in_every_spelling() {
        for name in [
            "prompt",
            "Prompt",
            "model",
            "seed",
            "SEED",
            "n",
            "url",
            "URL",
            "webhook",
            "webhook_url",
            "webhookUrl",
            "webhook-events-filter",
            "callback",
            "callbackUrl",
            "Callback_URL",
            "storageUri",
            "storage_uri",
            "headers",
            "Headers",
            "_seed",
            "base_url",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in
            ["steps", "negative_prompt", "aspect_ratio", "num_images", "seed_mode", "image_url"]
        {
            assert!(!is_reserved(name), "{name}");
        }
        assert!(!sends_elsewhere("model") && sends_elsewhere("callback_url"));
    }
}
