//! What is known of models: prices, tasks, lifecycles, licences. One file of our own, `catalogue.yaml`, loaded at build.
//!
//! No public table is usable unchecked (LiteLLM's upscalers are ten times too cheap), so each entry has its source and its
//! day. What the policy says of a price counts over it, and what an answer says of its usage counts over its guess.

mod listing;

pub use listing::{Listing, Wanted, list};

use std::sync::LazyLock;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use wildmatch::WildMatch;

use crate::inert::one_line;
use crate::policy::{
    Day, Format, FromNode, Kind, Node, Problems, Reading, Source, Task, Terms, parse,
};
use crate::units::{Cost, CostBasis, Usd};
use crate::{choice, record};

/// The file.
const TEXT: &str = include_str!("catalogue.yaml");

/// How long before a model's end a warning is due, in days.
pub const NOTICE_DAYS: i32 = 60;

choice! {
    /// Whether pictures may be used commercially.
    pub enum Commercial {
        /// They may.
        Yes = "yes",
        /// Under conditions.
        Limited = "limited",
        /// They may not.
        No = "no",
    }
}

record! {
    /// Under which terms pictures are made.
    pub struct Licence {
        /// Its name.
        name: String,
        /// Whether pictures may be used commercially.
        commercial: Commercial,
        /// The condition, where there is one.
        note: Option<String>,
    }
}

record! {
    /// What tokens cost, by what they stand for: dollars per million.
    pub struct TokenPrices {
        /// Of the prompt.
        text_in: Usd,
        /// Of input pictures.
        image_in: Usd,
        /// Of words, thoughts included.
        text_out: Usd,
        /// Of the picture.
        image_out: Usd,
    }
}

record! {
    /// A row of prices.
    pub struct PriceRow {
        /// Parameters that must all have these values.
        when: Option<Node>,
        /// The price then.
        usd: Usd,
    }
}

record! {
    /// Prices by parameters.
    pub struct PriceRows {
        /// The first row whose parameters hold counts.
        by: Vec<PriceRow>,
    }
}

/// What one image costs: a row that always holds comes last.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePrice(Vec<(Map<String, Value>, Usd)>);

impl FromNode for ImagePrice {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        if !matches!(node.kind, Kind::Table(_)) {
            return Usd::from_node(node, problems).map(|amount| Self(vec![(Map::new(), amount)]));
        }
        let rows = PriceRows::from_node(node, problems)?;
        let conditions = |row: PriceRow| {
            let when = row.when.map(|node| node.to_json());
            (when.and_then(|when| when.as_object().cloned()).unwrap_or_default(), row.usd)
        };
        Some(Self(rows.by.into_iter().map(conditions).collect()))
    }

    fn schema() -> Value {
        serde_json::json!({"anyOf": [Usd::schema(), PriceRows::schema()]})
    }
}

impl ImagePrice {
    /// The price of an image with these parameters.
    fn of(&self, params: &Map<String, Value>) -> Option<Usd> {
        let holds = |when: &Map<String, Value>| {
            when.iter().all(|(name, value)| params.get(name) == Some(value))
        };
        self.0.iter().find(|(when, _)| holds(when)).map(|(_, amount)| *amount)
    }
}

record! {
    /// A model, or a family of models.
    pub struct Entry {
        /// The kinds of provider that have it.
        kinds: Vec<String>,
        /// Its id, or a pattern with `*`.
        model: String,
        /// Its name for people.
        name: String,
        /// What it can be asked to do.
        tasks: Vec<Task>,
        /// What one image costs, or is expected to cost where it is paid by tokens.
        image: ImagePrice,
        /// What tokens cost, where it is paid by tokens.
        tokens: Option<TokenPrices>,
        /// When the source said so.
        as_of: Day,
        /// Who said so.
        source: String,
        /// The day on which it goes, or went.
        retires: Option<Day>,
        /// What its vendor names instead.
        successor: Option<String>,
        /// Under which terms its pictures are made.
        licence: Licence,
        /// What is not certain.
        doubt: Option<String>,
    }
}

record! {
    /// The whole list.
    pub struct Catalogue {
        /// The models; the first that fits counts.
        models: Vec<Entry>,
    }
}

/// What an answer reports of its usage, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the prompt.
    pub text_in: u64,
    /// Of input pictures.
    pub image_in: u64,
    /// Of words, thoughts included.
    pub text_out: u64,
    /// Of the picture.
    pub image_out: u64,
}

/// Where a model is in its life, on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// No end is known, or it is far.
    Live,
    /// It goes within [`NOTICE_DAYS`].
    Leaving(Date),
    /// It is gone.
    Gone(Date),
}

impl Entry {
    /// Where the model is in its life.
    #[must_use]
    pub fn lifecycle(&self, today: Date) -> Lifecycle {
        let Some(Day(end)) = self.retires else { return Lifecycle::Live };
        if end <= today {
            return Lifecycle::Gone(end);
        }
        let days = end.since(today).map_or(i32::MAX, |span| span.get_days());
        if days <= NOTICE_DAYS { Lifecycle::Leaving(end) } else { Lifecycle::Live }
    }

    /// What one image costs with these parameters.
    #[must_use]
    pub fn image_cost(&self, params: &Map<String, Value>) -> Option<Cost> {
        let basis = if self.tokens.is_some() { CostBasis::Estimated } else { CostBasis::Computed };
        self.image.of(params).map(|amount| Cost { amount, basis })
    }

    /// What a usage costs, where the model is paid by tokens.
    #[must_use]
    pub fn usage_cost(&self, usage: &Usage) -> Option<Cost> {
        let prices = self.tokens.as_ref()?;
        let per_million = [
            (usage.text_in, prices.text_in),
            (usage.image_in, prices.image_in),
            (usage.text_out, prices.text_out),
            (usage.image_out, prices.image_out),
        ];
        let mut sum = Decimal::ZERO;
        for (tokens, price) in per_million {
            sum = sum.checked_add(price.as_decimal().checked_mul(Decimal::from(tokens))?)?;
        }
        let amount = Usd::from_decimal(sum.checked_div(Decimal::from(1_000_000))?);
        Some(Cost { amount, basis: CostBasis::Computed })
    }
}

/// The list. Empty should the file be wrong, which a test rules out.
pub fn catalogue() -> &'static [Entry] {
    static CATALOGUE: LazyLock<Vec<Entry>> =
        LazyLock::new(|| read(TEXT).map(|catalogue| catalogue.models).unwrap_or_default());
    &CATALOGUE
}

fn read(text: &str) -> Result<Catalogue, Vec<String>> {
    let Reading { value, mut problems } =
        parse(Source { path: "catalogue.yaml", text }, Format::Yaml);
    let catalogue = value.and_then(|node| Catalogue::from_node(&node, &mut problems));
    match catalogue {
        Some(catalogue) if !problems.has_errors() => Ok(catalogue),
        _ => Err(problems
            .sorted()
            .iter()
            .map(|problem| format!("{}: {}", problem.span, problem.message))
            .collect()),
    }
}

/// What is known of a model of a kind of provider.
#[must_use]
pub fn find(kind: &str, model: &str) -> Option<&'static Entry> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    catalogue().iter().find(|entry| {
        entry.kinds.iter().any(|known| known == kind) && WildMatch::new(&entry.model).matches(model)
    })
}

/// Under which terms a model's pictures are made.
#[must_use]
pub fn terms(kind: &str, model: &str) -> Option<Terms> {
    let licence = &find(kind, model)?.licence;
    Some(Terms {
        licence: &licence.name,
        commercial: licence.commercial == Commercial::Yes,
        note: licence.note.as_deref(),
    })
}

/// The day on which a model was retired, where it is gone.
#[must_use]
pub fn retired_on(kind: &str, model: &str, today: Date) -> Option<Date> {
    match find(kind, model)?.lifecycle(today) {
        Lifecycle::Gone(end) => Some(end),
        Lifecycle::Live | Lifecycle::Leaving(_) => None,
    }
}

/// What a team should know of the end of a model that it uses: a sentence, where it is gone or about to go.
#[must_use]
pub fn farewell(kind: &str, model: &str, today: Date) -> Option<String> {
    let entry = find(kind, model)?;
    let (when, end) = match entry.lifecycle(today) {
        Lifecycle::Live => return None,
        Lifecycle::Leaving(end) => ("is to be retired on", end),
        Lifecycle::Gone(end) => ("was to be retired on", end),
    };
    let next = entry.successor.as_ref();
    let next = next.map(|next| format!("; its vendor names `{next}` instead")).unwrap_or_default();
    let doubt = entry.doubt.as_ref().map(|doubt| format!("; {doubt}")).unwrap_or_default();
    let (model, as_of) = (one_line(model, 80), entry.as_of.0);
    Some(format!("The model `{model}` {when} {end}{next} (as of {as_of}{doubt})."))
}

/// What one image of a model costs by the list.
#[must_use]
pub fn list_price(kind: &str, model: &str, params: &Map<String, Value>) -> Option<Cost> {
    find(kind, model)?.image_cost(params)
}

/// What a usage of a model costs by the list.
#[must_use]
pub fn usage_price(kind: &str, model: &str, usage: &Usage) -> Option<Cost> {
    find(kind, model)?.usage_cost(usage)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::REGISTRY;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn price(kind: &str, model: &str, params: &Value) -> String {
        let params = params.as_object().cloned().unwrap();
        let cost = list_price(kind, model, &params).unwrap();
        format!("{} {:?}", cost.amount, cost.basis)
    }

    #[test]
    fn the_file_is_whole() {
        let models = read(TEXT).unwrap().models;
        assert!(models.len() >= 30, "{}", models.len());
        for entry in &models {
            let last = entry.image.0.last().unwrap();
            assert!(last.0.is_empty(), "{}: the last row must always hold", entry.model);
            assert!(entry.source.starts_with("https://"), "{}", entry.model);
            assert!(!entry.tasks.is_empty(), "{}", entry.model);
            for kind in &entry.kinds {
                let known = REGISTRY.iter().any(|known| known.vocabulary.kind == kind);
                assert!(known, "{}: there is no kind {kind}", entry.model);
                // No entry hides behind an earlier one.
                let plain = entry.model.replace('*', "x");
                assert_eq!(find(kind, &plain).unwrap().model, entry.model, "{kind}");
            }
            if let Some(successor) = &entry.successor {
                let next = entry.kinds.iter().filter_map(|kind| find(kind, successor)).next();
                let next = next.unwrap_or_else(|| panic!("{} has no successor", entry.model));
                assert_eq!(next.lifecycle(day("2026-11-26")), Lifecycle::Live, "{}", entry.model);
            }
        }
    }

    #[test]
    fn prices_follow_the_parameters() {
        assert_eq!(price("google", "gemini-3-pro-image", &json!({})), "$0.134 Estimated");
        assert_eq!(
            price("google", "models/gemini-3-pro-image", &json!({"image_size": "4K"})),
            "$0.24 Estimated"
        );
        assert_eq!(price("stability", "sd3.5-large-turbo", &json!({"seed": 1})), "$0.04 Computed");
        assert_eq!(price("stability", "edit-inpaint", &json!({})), "$0.05 Computed");
        assert_eq!(price("openai", "gpt-image-2", &json!({"quality": "low"})), "$0.006 Estimated");
        assert_eq!(price("openai", "gpt-image-2", &json!({"quality": "auto"})), "$0.211 Estimated");
        assert_eq!(
            price("ideogram", "ideogram-3", &json!({"rendering_speed": "TURBO"})),
            "$0.03 Computed"
        );
        assert_eq!(price("ideogram", "ideogram-4-5", &json!({})), "$0.10 Computed");
        assert_eq!(price("recraft", "creativeUpscale", &json!({})), "$0.25 Computed");
        assert!(list_price("openai", "sd3.5-large-turbo", &Map::new()).is_none());
        assert!(list_price("openai", "gpt-image-9", &Map::new()).is_none());
    }

    #[test]
    fn a_usage_is_paid_by_its_tokens() {
        let usage = Usage { text_in: 12, image_in: 0, text_out: 300, image_out: 1120 };
        let cost = usage_price("google", "gemini-3-pro-image", &usage).unwrap();
        // 12 × $2 + 300 × $12 + 1,120 × $120, by the million.
        assert_eq!(cost.amount.to_string(), "$0.138024");
        assert_eq!(cost.basis, CostBasis::Computed);
        assert!(usage_price("stability", "core", &usage).is_none());
        let absurd = Usage { image_out: u64::MAX, ..usage };
        assert!(usage_price("google", "gemini-3-pro-image", &absurd).is_some());
    }

    #[test]
    fn the_end_of_a_model_is_seen_coming() {
        let entry = find("openai", "gpt-image-1.5").unwrap();
        assert_eq!(entry.lifecycle(day("2026-10-01")), Lifecycle::Live);
        let end = day("2026-12-01");
        assert_eq!(entry.lifecycle(day("2026-10-02")), Lifecycle::Leaving(end));
        assert_eq!(entry.lifecycle(day("2026-11-30")), Lifecycle::Leaving(end));
        assert_eq!(entry.lifecycle(end), Lifecycle::Gone(end));
        assert_eq!(find("stability", "core").unwrap().lifecycle(end), Lifecycle::Live);
        let said = |model: &str, today: &str| farewell("openai", model, day(today));
        insta::assert_snapshot!(said("gpt-image-1.5", "2026-11-26").unwrap(), @"The model `gpt-image-1.5` is to be retired on 2026-12-01; its vendor names `gpt-image-2` instead (as of 2026-11-23; the day of retirement is OpenAI's; Azure says 2026-12-16).");
        insta::assert_snapshot!(said("dall-e-3", "2026-11-26").unwrap(), @"The model `dall-e-3` was to be retired on 2026-05-12; its vendor names `gpt-image-2` instead (as of 2026-05-12).");
        assert_eq!(said("gpt-image-2", "2026-11-26"), None);
        assert_eq!(said("no-such-model", "2026-11-26"), None);
    }
}
