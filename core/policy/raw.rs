//! The policy as the file has it. The doc comments here are what `presscheck schema` and
//! `docs/policy.md` say of each key.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::narrowed::{
    Budget, ErrorRate, HostName, Increase, ModelPath, ParamPattern, Pattern, Pointer, PromptPath,
    Sentence, Tag, Timeout, Within,
};
use super::node::{Entry, FromNode, Kind, Node, Spanned};
use super::problem::Problems;
use super::types::{Claim, OnAlwaysFail, OnInconclusive, OnRefusal, StopWhen, Stratify, Task};
use super::values::{Day, Ordered, PerMinute, Percent, RawPrice, Variables, Version};
use crate::record;
use crate::units::{Rate, RepoPath, Seed, TimeSpan, Usd};

record! {
    /// The limits, checks, prompts and providers by which presscheck judges a change to an image model.
    pub(super) struct RawPolicy {
        /// The version of this file's format.
        version: Version = "1",
        /// The model config file that pull requests change: a path, or a table.
        model: RawModel,
        /// The prompt sets: paths, or tables. At least one.
        prompts: RawPromptList,
        /// How prompts are drawn.
        sample: RawSample = "{}",
        /// How the providers are asked. Without it, as many requests as their `concurrency` admits are always under way.
        load: RawLoad = "{}",
        /// What a change may not exceed.
        limits: RawLimits = "{}",
        /// How often the verdict may be wrong.
        errors: RawErrors = "{}",
        /// Until when no change of a model merges.
        freeze: Option<RawFreeze>,
        /// What an inconclusive verdict does to the merge.
        inconclusive: OnInconclusive = "fail",
        /// What a prompt that fails on every repeat does to the merge. Needs `sample.repeats` of 2 or more.
        always_fail: Spanned<OnAlwaysFail> = "warn",
        /// Whether a refusal by the provider's safety policy counts as a failure, where the case does
        /// not expect one.
        refusals: OnRefusal = "fail",
        /// The most that one run may spend. It is hard: the price of a call is reserved before the
        /// request is sent. `--budget` on the command line only lowers it.
        budget: Budget = "$25",
        /// How the baseline's stored results are used.
        baseline: RawBaseline = "{}",
        /// Where requests go, by a name of your own that model files refer to. At least one.
        providers: Node,
        /// What a pull request may choose.
        models: RawModels = "{}",
        /// The checks to run, each with its settings; `true` takes the defaults, `false` switches a
        /// check off that runs by default.
        checks: Option<Node>,
    }
}

/// A table that may be written as a path where only its `file` is given.
macro_rules! path_or_table {
    ($name:ident, $table:ident, $path:ident) => {
        #[derive(Clone, Debug, PartialEq)]
        pub(super) struct $name(pub(super) $table);

        impl FromNode for $name {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                if !matches!(node.kind, Kind::Text(_)) {
                    return $table::from_node(node, problems).map(Self);
                }
                let entry =
                    Entry { key: "file".to_owned(), key_span: node.span, value: node.clone() };
                let table = Node { span: node.span, kind: Kind::Table(vec![entry]) };
                $table::from_node(&table, problems).map(Self)
            }
            fn schema() -> Value {
                json!({"anyOf": [$path::schema(), $table::schema()]})
            }
        }
    };
}
path_or_table!(RawModel, RawModelTable, ModelPath);
path_or_table!(RawPrompts, RawPromptTable, PromptPath);

/// Prompt sets: at least one, and none twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawPromptList(pub(super) Vec<RawPrompts>);

impl FromNode for RawPromptList {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            node.wrong_type("a list of prompt sets", problems);
            return None;
        };
        if items.is_empty() {
            problems.error(node.span, "the list of prompt sets is empty");
            return None;
        }
        let before = problems.errors();
        let mut list: Vec<RawPrompts> = Vec::new();
        let mut seen = BTreeMap::new();
        for item in items {
            list.extend(RawPrompts::from_node(item, problems));
            // A set that is wrong in another way may still be there twice.
            let file = item.get("file").unwrap_or(item);
            let Some(path) = RepoPath::from_node(file, &mut Problems::new()) else { continue };
            match seen.get(&path) {
                None => {
                    seen.insert(path, file.span);
                }
                Some(first) => problems.error_with_help(
                    file.span,
                    format!(
                        "the prompt set `{}` is listed twice, first on line {}",
                        crate::inert::one_line(path.as_str(), 80),
                        first.line
                    ),
                    "list it once; `sample.repeats` draws each prompt more often",
                ),
            }
        }
        (problems.errors() == before).then_some(Self(list))
    }
    fn schema() -> Value {
        json!({"type": "array", "minItems": 1, "items": RawPrompts::schema()})
    }
}

record! {
    /// The model config file.
    pub(super) struct RawModelTable {
        /// YAML, JSON or TOML, in presscheck's own form, or an application's own config with `map`.
        file: ModelPath,
        /// Where an application's own config keeps what presscheck needs.
        map: Option<RawMap>,
    }
}

record! {
    /// JSON Pointers (RFC 6901) into an application's own config file.
    pub(super) struct RawMap {
        /// Where the provider's name stands, as under `providers` here.
        provider: Pointer,
        /// Where the model's id stands.
        model: Pointer,
        /// Where a table of parameters stands.
        params: Option<Pointer>,
    }
}

record! {
    /// A prompt set.
    pub(super) struct RawPromptTable {
        /// `.txt` (one prompt a line), `.jsonl`, `.csv`, `.tsv` or `.yaml`.
        file: Spanned<PromptPath>,
        /// Tags that every case of the file gets.
        tags: Vec<Tag> = "[]",
        /// How expected text is found.
        text: RawPromptText = "{}",
    }
}

record! {
    /// How expected text is found in prompts.
    pub(super) struct RawPromptText {
        /// Whether text in quotes in a prompt is expected in the picture, where a case has no expected
        /// text of its own.
        from_prompt: bool = "true",
    }
}

record! {
    /// How prompts are drawn.
    pub(super) struct RawSample {
        /// What the verdict claims.
        claim: Claim = "suite",
        /// How often each prompt is drawn, each time with another seed.
        repeats: Within<1, 1000> = "1",
        /// The most pairs of one run. `--max-images` on the command line only lowers it.
        max: Within<1, 100_000> = "400",
        /// How many pairs are asked for at once, at least as many as the providers' `concurrency`. What is under
        /// way when the verdict is proven is paid for, so a smaller one wastes less. No verdict depends on it.
        batch: Within<1, 10_000> = "16",
        /// When to stop buying pictures.
        stop: StopWhen = "verdict",
        /// How the draw is spread over the prompt set.
        stratify: Stratify = "tag",
        /// The seed of the draw and of every picture.
        seed: Seed = "7",
    }
}

record! {
    /// How the providers are asked.
    pub(super) struct RawLoad {
        /// So many requests of one model start at once, the next ones when all of these are answered, the two models in
        /// turn: the latency is that of such a burst. It counts over `concurrency`.
        burst: Option<Spanned<Within<2, 256>>>,
    }
}

record! {
    /// What a change may not exceed.
    pub(super) struct RawLimits {
        /// Failures over all pairs. Where it gives neither `max_increase` nor `max`, an increase of 2pp
        /// is the limit.
        failure_rate: RawRateLimit = "{}",
        /// Dollars per thousand images generated. No limit where nothing is given.
        cost_per_1k: RawCostLimit = "{}",
        /// The time within which 95% of the pictures come. No limit where nothing is given.
        latency_p95: RawLatencyLimit = "{}",
        /// Samples that stay without an answer after all retries.
        unavailable: RawUnavailable = "{}",
        /// Failure limits of single tags, besides the limit over all.
        by_tag: Ordered<RawTagLimits> = "{}",
    }
}

record! {
    /// A limit on a rate of failure.
    pub(super) struct RawRateLimit {
        /// The most points by which the candidate's rate may exceed the baseline's.
        max_increase: Option<Spanned<Increase>>,
        /// The most that the candidate's rate may be. It fails only a change that does not lower the
        /// rate, unless `strict`.
        max: Option<Spanned<Rate>>,
        /// Whether `max` fails even a change that lowers the rate.
        strict: Spanned<bool> = "false",
    }
}

record! {
    /// A limit on cost.
    pub(super) struct RawCostLimit {
        /// The most by which the candidate may exceed the baseline, as a share of the baseline.
        max_increase: Option<Spanned<Percent>>,
        /// The most that a thousand images may cost. It fails only a change that does not lower the
        /// cost, unless `strict`.
        max: Option<Spanned<Usd>>,
        /// Whether `max` fails even a change that lowers the cost.
        strict: Spanned<bool> = "false",
    }
}

record! {
    /// A limit on latency.
    pub(super) struct RawLatencyLimit {
        /// The most by which the candidate may exceed the baseline, as a share of the baseline.
        max_increase: Option<Spanned<Percent>>,
        /// The longest that the candidate may take. It fails only a change that is not faster, unless
        /// `strict`.
        max: Option<Spanned<TimeSpan>>,
        /// Whether `max` fails even a change that is faster.
        strict: Spanned<bool> = "false",
    }
}

record! {
    /// A limit on samples without an answer.
    pub(super) struct RawUnavailable {
        /// The largest share of samples without an answer; above it the verdict is inconclusive.
        max: Spanned<Rate> = "5%",
    }
}

record! {
    /// The limits of one tag.
    pub(super) struct RawTagLimits {
        /// Failures over the pairs that have this tag.
        failure_rate: Spanned<RawRateLimit>,
    }
}

record! {
    /// How often the verdict may be wrong; each above 0% and under 50%.
    pub(super) struct RawErrors {
        /// How often a change that breaks a limit may pass.
        let_bad_through: ErrorRate = "5%",
        /// How often a harmless change may be blocked.
        block_good: ErrorRate = "5%",
    }
}

record! {
    /// A time in which no change of a model merges.
    pub(super) struct RawFreeze {
        /// The first day on which changes merge again.
        until: Day,
        /// Why; people read it in the comment.
        reason: Sentence,
    }
}

record! {
    /// How the baseline's stored results are used.
    pub(super) struct RawBaseline {
        /// How long they are good for; older ones are bought again.
        max_age: TimeSpan = "14d",
    }
}

record! {
    /// What a pull request may choose.
    pub(super) struct RawModels {
        /// The models that it may choose; any model of the providers here where the list is empty.
        allow: Vec<RawAllowed> = "[]",
    }
}

record! {
    /// A model that a pull request may choose.
    pub(super) struct RawAllowed {
        /// A name under `providers`.
        provider: Spanned<String>,
        /// A pattern with `*` and `?` over model ids.
        model: Spanned<Pattern>,
        /// For which tasks; any where the list is empty.
        tasks: Vec<Task> = "[]",
        /// Under which licences: patterns (`*`, `?`) over their names as `presscheck models` lists them; any where the
        /// list is empty. A model whose licence is not known is not admitted by a list.
        licences: Vec<Pattern> = "[]",
        /// Whether its pictures must be known to be free for commercial use.
        commercial: bool = "false",
        /// Whether the check `safety` has to look at all of its pictures.
        safety: bool = "false",
    }
}

record! {
    /// The keys that every provider has, whatever its kind.
    pub(super) struct RawProvider {
        /// Which wire dialect it speaks.
        kind: Spanned<String>,
        /// The base URL as the vendor gives it; overrides the kind's own. https, unless the host is this
        /// machine.
        url: Option<Spanned<String>>,
        /// The environment variable that holds its key, or a list of them. Never the key itself.
        api_key_env: Option<Variables>,
        /// Hosts that answers may point to, besides the host of `url` and the kind's own: plain names,
        /// such as `cdn.example.com`.
        hosts: Vec<HostName> = "[]",
        /// What one image costs: an amount, or a table of amounts by pattern over model ids (`*`, `?`;
        /// the first match counts).
        price: Option<RawPrice>,
        /// What an hour of the machine costs, for one of your own: an image costs the time that it took. Instead of `price`.
        gpu_hour: Option<Usd>,
        /// The most requests in flight.
        concurrency: Within<1, 256> = "4",
        /// The most requests per time, such as `60/min`, `5/s` or `1000/h`. No limit where it is absent.
        rate: Option<PerMinute>,
        /// The same limits for single models, by pattern over their ids (`*`, `?`; the first match counts), besides those
        /// of the provider as a whole.
        by_model: Ordered<RawModelPace> = "{}",
        /// The longest that one attempt may take, from connecting to the last byte; at most `1h`.
        timeout: Timeout = "60s",
        /// How often a failed attempt is repeated.
        retries: Within<0, 20> = "3",
        /// Whether an attempt whose charge is unknown (a timeout, a cut connection) is repeated: it may
        /// be paid for twice.
        retry_unknown: bool = "false",
        /// Patterns (`*`, `?`) of parameters that a model file may set, besides those that the kind
        /// knows.
        params: Vec<ParamPattern> = "[]",
    }
}

record! {
    /// The limits of one model.
    pub(super) struct RawModelPace {
        /// The most requests in flight; at most the provider's.
        concurrency: Option<Within<1, 256>>,
        /// The most requests per time.
        rate: Option<PerMinute>,
    }
}

/// The keys of [`RawProvider`].
pub(super) const PROVIDER_KEYS: [&str; 13] = [
    "kind",
    "url",
    "api_key_env",
    "hosts",
    "price",
    "gpu_hour",
    "concurrency",
    "rate",
    "by_model",
    "timeout",
    "retries",
    "retry_unknown",
    "params",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_provider_keys_is_the_declaration_s() {
        let schema = RawProvider::schema();
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys, PROVIDER_KEYS);
    }
}
