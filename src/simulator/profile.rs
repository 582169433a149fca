//! The profile: which models the server has, and how they behave.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use presscheck_core::policy::{
    Format, FromNode, Kind, ListPrice, Node, Problems, Reading, Source, parse,
};
use presscheck_core::prompts::quoted_text;
use presscheck_core::record;
use presscheck_core::units::{Rate, TimeSpan, Usd};
use serde_json::{Map, Value};

use super::dice::Dice;
use super::fault::{Fault, Faults};
use super::latency::Latency;
use super::limits::PerTime;
use super::picture::Size;

/// A profile with comments: what `--write-profile` prints, and what runs where no profile is given.
pub const EXAMPLE_PROFILE: &str = include_str!("example.yaml");

record! {
    /// How a simulated model behaves.
    pub struct Model {
        /// What an order costs that is drawn; what the price list of the dialect says where it is absent, and
        /// nothing where that lists no such model.
        price: Option<Usd>,
        /// How long it takes to the first byte of the answer.
        latency: Latency = "0s",
        /// The size of pictures where the request asks for none; its area where the request asks for an
        /// aspect ratio only.
        size: Size = "512x512",
        /// The share of pictures of which a question is answered by no; all others by yes.
        says_no: Rate = "0%",
        /// The share of pictures that a moderation flags.
        flags: Rate = "0%",
        /// How long a picture is kept at its address, and an order by its name, from when it is ready; to the end where
        /// it is absent.
        expires: Option<TimeSpan>,
        /// How often each fault happens.
        faults: Faults = "{}",
    }
}

record! {
    /// What the simulated model server has and how it behaves.
    pub struct Profile {
        /// The models, by id; `*` is every id that is not listed.
        models: Models,
        /// The API key that requests must send; none where it is absent.
        key: Option<String>,
        /// What may be charged in all; an order over it is told that no credit is left.
        credit: Option<Usd>,
        /// The most requests in flight; more are answered 429.
        concurrency: Option<u32>,
        /// The most requests in a span of time; more are answered 429. What a dialect's provider documents where it is
        /// absent, and no limit where it documents none.
        rate: Option<PerTime>,
        /// How long every request is answered 429 once `rate` was exceeded; not at all where it is absent.
        lockout: Option<TimeSpan>,
    }
}

impl Model {
    /// What an order costs: as the profile says, else by the price list of the dialect's kind, else nothing.
    #[must_use]
    pub fn price_of(&self, id: &str, list: Option<ListPrice>) -> Usd {
        let listed = || list.and_then(|list| list(id, &Map::new())).map(|cost| cost.amount);
        self.price.or_else(listed).unwrap_or(Usd::ZERO)
    }
}

/// Stands for every id that is not listed.
const ANY: &str = "*";

/// The models of a profile, by id; at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Models(pub BTreeMap<String, Model>);

impl FromNode for Models {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        if matches!(&node.kind, Kind::Table(entries) if entries.is_empty()) {
            problems.error(node.span, "`models` is empty: the server would have nothing to answer");
            return None;
        }
        BTreeMap::from_node(node, problems).map(Self)
    }

    fn schema() -> Value {
        BTreeMap::<String, Model>::schema()
    }
}

/// Why a profile can't be used: every problem of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    problems: Vec<String>,
}

impl ProfileError {
    /// The problems, in the order of the file, a line or more each.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => write!(f, "the profile has a problem; the server did not start\n\n  {one}"),
            many => {
                write!(f, "the profile has {} problems; the server did not start", many.len())?;
                many.iter().try_for_each(|problem| write!(f, "\n\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for ProfileError {}

impl Profile {
    /// Reads a profile from YAML.
    ///
    /// # Errors
    /// Every problem of the text at once.
    pub fn read(text: &str) -> Result<Self, ProfileError> {
        let source = Source { path: "profile", text };
        let Reading { value, mut problems } = parse(source, Format::Yaml);
        let profile = value.and_then(|node| Self::from_node(&node, &mut problems));
        Self::unless_wrong(profile, &problems)
    }

    /// Reads a profile from a parsed file.
    ///
    /// # Errors
    /// Every problem of the tree at once.
    pub fn from_tree(node: &Node) -> Result<Self, ProfileError> {
        let mut problems = Problems::new();
        let profile = Self::from_node(node, &mut problems);
        Self::unless_wrong(profile, &problems)
    }

    fn unless_wrong(profile: Option<Self>, problems: &Problems) -> Result<Self, ProfileError> {
        profile
            .filter(|_| !problems.has_errors())
            .ok_or_else(|| ProfileError { problems: sentences(problems) })
    }

    /// A model by its id: its own entry, else that of `*`.
    #[must_use]
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.0.get(id).or_else(|| self.models.0.get(ANY))
    }

    /// The fault of one sample: follows from the model, the prompt and the seed alone.
    #[must_use]
    pub fn fault(&self, model: &str, prompt: &str, seed: u64) -> Option<Fault> {
        let draw = Dice::of("fault", model, prompt, seed).unit();
        self.model(model)?.faults.at(draw, !quoted_text(prompt).is_empty())
    }

    /// How long one sample takes to the first byte: follows from the model, the prompt and the seed alone.
    #[must_use]
    pub fn latency(&self, model: &str, prompt: &str, seed: u64) -> Duration {
        let mut dice = Dice::of("latency", model, prompt, seed);
        self.model(model).map_or(Duration::ZERO, |model| model.latency.draw(&mut dice))
    }
}

fn sentences(problems: &Problems) -> Vec<String> {
    let sentence = |problem: &&presscheck_core::policy::Problem| {
        let place =
            if problem.span.line > 0 { format!("{}: ", problem.span) } else { String::new() };
        match &problem.help {
            Some(help) => format!("{place}{} ({help})", problem.message),
            None => format!("{place}{}", problem.message),
        }
    };
    problems.sorted().iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profile(value: &Value) -> Result<Profile, ProfileError> {
        Profile::from_tree(&Node::from_json(value))
    }

    #[test]
    fn the_example_is_a_profile() {
        let example = Profile::read(EXAMPLE_PROFILE).unwrap();
        assert_eq!(example.models.0.keys().collect::<Vec<_>>(), ["*", "atelier-2", "atelier-3"]);
        let price = |id: &str, kind: &str| {
            let list = presscheck_core::providers::kind(kind).unwrap().vocabulary.list_price;
            example.model(id).unwrap().price_of(id, list).to_string()
        };
        assert_eq!(price("atelier-2", "stability"), "$0.042");
        assert_eq!(price("core", "stability"), "$0.03");
        assert_eq!(price("core", "simulated"), "$0.00");
        assert_eq!(example.key, None);
    }

    #[test]
    fn a_model_alone_is_enough() {
        let small = Profile::read("models: {m: {}}").unwrap();
        assert_eq!(small.latency("m", "p", 1), Duration::ZERO);
        assert_eq!(small.fault("m", "p", 1), None);
        assert_eq!(small.fault("other", "p", 1), None);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let error = profile(&json!({
            "rate": "fast",
            "port": 1,
            "models": {
                "a": {"price": "-1", "faults": {"blank": "60%", "cut": "60%"}},
                "b": {"latency": {"median": "2s"}, "faults": {"garbled_txt": "1%", "html": 0.1}},
                "c": {"size": "9x9", "faults": {"server_error_attempts": 0}},
            },
        }))
        .unwrap_err();
        insta::assert_snapshot!(error.to_string(), @r"
        the profile has 9 problems; the server did not start

          unknown key `port` (known: models, key, credit, concurrency, rate, lockout)

          `-1`: an amount of money can't be negative

          the rates of the faults add up to 120.0% (a sample has at most one fault, so they can't exceed 100%)

          expected either `fixed`, or both `median` and `p95` (such as `{median: 2s, p95: 5s}`)

          unknown key `garbled_txt`, did you mean `garbled_text`?

          `0.1`: expected a percentage such as `2%`

          `9x9`: a side has 16 to 4096 pixels

          `server_error_attempts` is 0, so the fault would never show (say 1 or more, or leave it out for all attempts)

          `fast`: expected a rate such as `5/s`, `60/min`, `1000/h` or `150/10s`
        ");
        insta::assert_snapshot!(profile(&json!({"models": {}})).unwrap_err(), @r"
        the profile has a problem; the server did not start

          `models` is empty: the server would have nothing to answer
        ");
        assert!(Profile::read("models: [").is_err());
        assert!(Profile::read("").is_err());
        assert!(Profile::read(&"#".repeat(2 << 20)).is_err(), "too large");
        insta::assert_snapshot!(
            Profile::read("models:\n  m: {price: free, latncy: 2s}\n  m: {}\n").unwrap_err(), @r"
        the profile has 3 problems; the server did not start

          2:14: `free`: expected dollars such as `$25` or `$0.042`

          2:20: unknown key `latncy`, did you mean `latency`?

          3:3: duplicate key `m`, first on line 2 (remove one of them)
        ");
    }

    #[test]
    fn faults_come_at_their_rates() {
        let rates = [
            ("garbled_text", 6.0),
            ("wrong_aspect", 5.0),
            ("truncated", 10.0),
            ("refused", 1.0),
            ("server_error", 3.0),
            ("slow_body", 20.0),
        ];
        let faults: Map<_, _> = rates
            .iter()
            .map(|(key, percent)| ((*key).to_owned(), json!(format!("{percent}%"))))
            .collect();
        let profile = profile(&json!({"models": {"m": {"faults": faults}}})).unwrap();
        let draws = 2_000_u32;
        let drawn: Vec<_> =
            (0..draws).filter_map(|n| profile.fault("m", &format!("a sign \"{n}\""), 7)).collect();
        for (key, percent) in rates {
            let count = drawn.iter().filter(|fault| fault.word() == key).count();
            let (mean, share) = (f64::from(draws) * percent / 100.0, percent / 100.0);
            // Four standard deviations of the binomial distribution.
            let bound = 4.0 * (mean * (1.0 - share)).sqrt();
            assert!((count as f64 - mean).abs() <= bound, "{key}: {count}, not {mean} ± {bound}");
        }
        let sum = f64::from(draws) * 0.45;
        assert!((drawn.len() as f64 - sum).abs() <= 4.0 * (sum * 0.55).sqrt(), "{}", drawn.len());
    }

    #[test]
    fn faults_of_the_text_need_a_text() {
        let profile =
            profile(&json!({"models": {"m": {"faults": {"missing_text": "100%"}}}})).unwrap();
        assert_eq!(profile.fault("m", "a sign that says \"OPEN\"", 1), Some(Fault::MissingText));
        assert_eq!(profile.fault("m", "a dog", 1), None);
    }
}
