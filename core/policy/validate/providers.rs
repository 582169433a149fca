//! Where requests go: hosts, keys, prices. A key leaves only for the hosts that stand here.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;
use url::{Host, Url};

use super::{Providers, covers, quiet, refuse_placeholders, shown, too_many};
use crate::policy::canonical::canonical;
use crate::policy::node::{Entry, FromNode, Kind, Node, Spanned};
use crate::policy::pace::ModelPace;
use crate::policy::problem::Problems;
use crate::policy::raw::{PROVIDER_KEYS, RawModelPace, RawProvider};
use crate::policy::record::unknown_name;
use crate::policy::secrets::is_secret_name;
use crate::policy::types::{Provider, ProviderVocabulary, Vocabulary};
use crate::policy::values::{Ordered, RawPrice, Variables};

/// Keys that change neither what is asked nor what is answered.
const NOT_IDENTITY: [&str; 11] = [
    "concurrency",
    "rate",
    "by_model",
    "price",
    "gpu_hour",
    "per_second",
    "timeout",
    "retries",
    "retry_unknown",
    "params",
    "api_key_env",
];

/// The names that providers have in the policy, whether or not they are in order.
pub(super) fn names(node: &Node) -> Vec<&str> {
    match &node.kind {
        Kind::Table(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn read(node: &Node, vocabulary: &Vocabulary<'_>, problems: &mut Problems) -> Providers {
    let mut providers = Providers::new();
    let entries = match &node.kind {
        Kind::Table(entries) => entries,
        // An empty `providers:` is reported as a missing key.
        Kind::Null => return providers,
        _ => {
            node.wrong_type("a table of providers", problems);
            return providers;
        }
    };
    if entries.is_empty() {
        problems.error_with_help(
            node.span,
            "there is no provider",
            "add one: `studio: {kind: http, url: https://…}`",
        );
    }
    for entry in entries {
        if let Some(provider) = provider(entry, vocabulary, problems) {
            providers.insert(provider.name.clone(), provider);
        }
    }
    providers
}

fn provider(
    entry: &Entry,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) -> Option<Provider> {
    let name = entry.key.as_str();
    if !is_plain_name(name) {
        problems.error_with_help(
            entry.key_span,
            format!("`{}` is no name for a provider", shown(name)),
            "use up to 64 letters, digits, `-`, `_` and `.`",
        );
    }
    let Kind::Table(entries) = &entry.value.kind else {
        entry.value.wrong_type("a table", problems);
        return None;
    };
    let kind = entry.value.get("kind").and_then(|kind| match &kind.kind {
        Kind::Text(text) => vocabulary.providers.iter().find(|known| known.kind == text),
        _ => None,
    });
    report_unknown_keys(entries, kind, vocabulary, problems);
    let common: Vec<Entry> = entries
        .iter()
        .filter(|entry| PROVIDER_KEYS.contains(&entry.key.as_str()))
        .cloned()
        .collect();
    let common = Node { span: entry.key_span, kind: Kind::Table(common) };
    refuse_placeholders(&common, problems);
    let raw = RawProvider::from_node(&common, problems);
    let part = |key| common.get(key).filter(|node| node.kind != Kind::Null);
    // What hangs on more than one key is looked at even where another key is wrong.
    let mut variables: Vec<String> = Vec::new();
    for variable in
        part("api_key_env").and_then(quiet::<Variables>).into_iter().flat_map(|list| list.0)
    {
        if !variables.contains(&variable.0) {
            variables.push(variable.0);
        }
    }
    let has_key = part("api_key_env").is_some();
    let url = part("url")
        .and_then(quiet::<Spanned<String>>)
        .and_then(|url| address(name, &url, has_key, problems));
    let price = part("price").filter(|price| !too_many(price, problems));
    if let Some(RawPrice::ByModel(list)) = price.and_then(quiet::<RawPrice>) {
        warn_hidden(&list, "this price is", problems);
    }
    let paces = part("by_model").filter(|paces| !too_many(paces, problems));
    if let Some(Ordered(list)) = paces.and_then(quiet::<Ordered<RawModelPace>>) {
        warn_hidden(&list, "these limits are", problems);
    }
    let settings = kind.and_then(|kind| (kind.read)(&entry.value, &variables, problems));
    let Some(kind) = kind else {
        let kinds: Vec<_> = vocabulary.providers.iter().map(|known| known.kind).collect();
        if let Some(found) = part("kind").and_then(quiet::<Spanned<String>>) {
            unknown_name("provider kind", &found.value, found.span, &kinds, problems);
        }
        return None;
    };
    if part("url").is_none() && kind.default_url.is_none() {
        problems.error_with_help(
            entry.key_span,
            format!("the provider `{}` has no `url`", shown(name)),
            format!("the kind `{}` knows no address of its own: write `url: https://…`", kind.kind),
        );
    }
    let paid = part("price").is_some() || part("gpu_hour").is_some();
    if !paid && kind.list_price.is_none() {
        problems.error_with_help(
            entry.key_span,
            format!("the provider `{}` has no `price`, so no budget could hold", shown(name)),
            "write what one image costs: `price: $0.04`, or `price: $0` if it costs nothing; for a machine of your own `gpu_hour: $2.10`",
        );
    }
    if let (Some(_), Some(hour)) = (part("price"), part("gpu_hour")) {
        problems.error_with_help(
            hour.span,
            format!("the provider `{}` has both `price` and `gpu_hour`", shown(name)),
            "keep the one that you are charged by",
        );
    }
    let raw = raw?;
    Some(Provider {
        name: name.to_owned(),
        kind: kind.kind,
        span: entry.key_span,
        url,
        api_key_env: variables,
        hosts: raw.hosts.into_iter().map(|host| host.0.trim().to_ascii_lowercase()).collect(),
        price: raw.price.map(RawPrice::into_price),
        gpu_hour: raw.gpu_hour,
        concurrency: raw.concurrency.0,
        rate_per_minute: raw.rate.map(|rate| rate.0),
        by_model: by_model(raw.by_model),
        timeout: raw.timeout.0.0,
        retries: raw.retries.0,
        retry_unknown: raw.retry_unknown,
        params: raw.params.into_iter().map(|pattern| pattern.0.0).collect(),
        settings: settings?,
        fingerprint: fingerprint(&entry.value),
        list_price: kind.list_price,
        answer_first: kind.answer_first,
    })
}

/// The providers as bursts of so many requests need them: a burst counts over `concurrency`.
pub(super) fn in_bursts(
    mut providers: Providers,
    burst: &Spanned<u32>,
    node: Option<&Node>,
    problems: &mut Problems,
) -> Providers {
    for provider in providers.values_mut() {
        provider.concurrency = provider.concurrency.max(burst.value);
        for (_, own) in &mut provider.by_model {
            own.concurrency = own.concurrency.map(|most| most.max(burst.value));
        }
        let rates = provider.by_model.iter().map(|(_, own)| own.rate_per_minute);
        if rates.chain([provider.rate_per_minute]).any(|rate| rate.is_some()) {
            let table = node.and_then(|node| node.get(&provider.name));
            let rate = table.and_then(|table| table.get("rate").or(table.get("by_model")));
            problems.warning(
                rate.map_or(burst.span, |rate| rate.span),
                format!(
                    "the `rate` of the provider `{}` keeps requests apart, so that none of its bursts of {} starts at once",
                    shown(&provider.name),
                    burst.value
                ),
                "leave the rate out, or `load.burst`",
            );
        }
    }
    providers
}

fn by_model(raw: Ordered<RawModelPace>) -> Vec<(String, ModelPace)> {
    let pace = |own: RawModelPace| ModelPace {
        concurrency: own.concurrency.map(|most| most.0),
        rate_per_minute: own.rate.map(|rate| rate.0),
    };
    raw.0.into_iter().map(|(like, own)| (like.value, pace(own))).collect()
}

/// A name that can stand in a message, a marker or a file name as it is.
pub(in crate::policy) fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn report_unknown_keys(
    entries: &[Entry],
    kind: Option<&ProviderVocabulary>,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) {
    let mut known = PROVIDER_KEYS.to_vec();
    match kind {
        Some(kind) => known.extend(kind.keys),
        // The kind itself is wrong: a key that any kind reads is left alone.
        None => known.extend(vocabulary.providers.iter().flat_map(|kind| kind.keys)),
    }
    for entry in entries {
        if known.contains(&entry.key.as_str()) {
            continue;
        }
        let elsewhere =
            vocabulary.providers.iter().find(|other| other.keys.contains(&entry.key.as_str()));
        match (elsewhere, kind) {
            (Some(other), Some(kind)) => problems.error_with_help(
                entry.key_span,
                format!(
                    "the key `{}` is of the kind `{}`, and this provider is of the kind `{}`",
                    shown(&entry.key),
                    other.kind,
                    kind.kind
                ),
                "remove it, or change the kind",
            ),
            _ => unknown_name("key", &entry.key, entry.key_span, &known, problems),
        }
    }
}

/// The base URL, checked: https, or this machine; nothing in it that belongs in a header.
fn address(
    provider: &str,
    raw: &Spanned<String>,
    has_key: bool,
    problems: &mut Problems,
) -> Option<Url> {
    let provider = shown(provider);
    if raw.value.contains("${") {
        // Already reported.
        return None;
    }
    let url = match Url::parse(raw.value.trim()) {
        Ok(url) => url,
        Err(error) => {
            problems.error_with_help(
                raw.span,
                format!("the `url` of the provider `{provider}` is no address: {error}"),
                "write it in full, such as `https://images.example.com/v1`",
            );
            return None;
        }
    };
    let before = problems.errors();
    let local = url.host().is_some_and(|host| is_loopback(&host));
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => {
            let what = if has_key { "its key" } else { "prompts" };
            problems.error_with_help(
                raw.span,
                format!(
                    "provider `{provider}` sends {what} over http to a host that is not this machine"
                ),
                "use https, or a loopback address",
            );
        }
        scheme => problems.error_with_help(
            raw.span,
            format!("the `url` of the provider `{provider}` is of the scheme `{}`", shown(scheme)),
            "use https",
        ),
    }
    if url.host().is_none() {
        problems.error(raw.span, format!("the `url` of the provider `{provider}` has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        problems.error_masked(
            raw.span,
            format!("the `url` of the provider `{provider}` holds a user name or a password"),
            "a key belongs in a header, from an environment variable",
        );
    }
    if url.fragment().is_some() {
        problems.error_with_help(
            raw.span,
            format!("the `url` of the provider `{provider}` has a fragment, which is never sent"),
            "remove `#` and what follows it",
        );
    }
    if url.query_pairs().any(|(name, value)| is_secret_name(&name) && !value.is_empty()) {
        problems.error_masked(
            raw.span,
            format!("the `url` of the provider `{provider}` seems to hold a key"),
            "addresses are logged: send the key in a header, from an environment variable",
        );
    }
    (problems.errors() == before).then_some(url)
}

/// Whether a host is this machine by its name alone: no resolver is asked.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => Ipv4Addr::is_loopback(address),
        Host::Ipv6(address) => Ipv6Addr::is_loopback(address),
    }
}

fn warn_hidden<T>(list: &[(Spanned<String>, T)], what: &str, problems: &mut Problems) {
    for (index, (pattern, _)) in list.iter().enumerate() {
        let earlier = list.iter().take(index).find(|(wide, _)| covers(&wide.value, &pattern.value));
        if let Some((wide, _)) = earlier {
            problems.warning(
                pattern.span,
                format!("{what} never used: `{}` before it matches first", shown(&wide.value)),
                "put it before the wider pattern",
            );
        }
    }
}

/// What of a provider's table determines an answer besides the model.
fn fingerprint(node: &Node) -> Value {
    let mut value = canonical(&node.to_json());
    if let Value::Object(map) = &mut value {
        map.retain(|key, _| !NOT_IDENTITY.contains(&key.as_str()));
    }
    value
}
