//! A model in the document for machines.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::policy::Task;
use crate::providers::catalogue::{Commercial, Entry, Lifecycle};
use crate::units::{CostBasis, Usd};

/// What is known of a model. Scripts rely on these names: fields are only ever added.
#[derive(Serialize)]
pub(super) struct Model<'a> {
    kinds: &'a [String],
    model: &'a str,
    name: &'a str,
    tasks: &'a [Task],
    price: Price<'a>,
    tokens: Option<Tokens>,
    lifecycle: &'static str,
    retires: Option<String>,
    successor: Option<&'a str>,
    licence: Terms<'a>,
    as_of: String,
    source: &'a str,
    doubt: Option<&'a str>,
}

/// What an image costs.
#[derive(Serialize)]
struct Price<'a> {
    basis: CostBasis,
    min: Option<Usd>,
    max: Option<Usd>,
    rows: Vec<Row<'a>>,
}

/// The price at some parameters; the first row whose parameters hold counts.
#[derive(Serialize)]
struct Row<'a> {
    when: &'a Map<String, Value>,
    usd: Usd,
}

/// What a million tokens cost.
#[derive(Serialize)]
struct Tokens {
    text_in: Usd,
    image_in: Usd,
    text_out: Usd,
    image_out: Usd,
}

/// A licence.
#[derive(Serialize)]
struct Terms<'a> {
    name: &'a str,
    commercial: Commercial,
    note: Option<&'a str>,
}

/// The model as machines read it.
pub(super) fn model(entry: &Entry, today: Date) -> Model<'_> {
    let amounts = || entry.image.0.iter().map(|(_, amount)| *amount);
    let by_tokens = entry.tokens.is_some();
    Model {
        kinds: &entry.kinds,
        model: &entry.model,
        name: &entry.name,
        tasks: &entry.tasks,
        price: Price {
            basis: if by_tokens { CostBasis::Estimated } else { CostBasis::Computed },
            min: amounts().min(),
            max: amounts().max(),
            rows: entry.image.0.iter().map(|(when, usd)| Row { when, usd: *usd }).collect(),
        },
        tokens: entry.tokens.as_ref().map(|prices| Tokens {
            text_in: prices.text_in,
            image_in: prices.image_in,
            text_out: prices.text_out,
            image_out: prices.image_out,
        }),
        lifecycle: match entry.lifecycle(today) {
            Lifecycle::Live => "live",
            Lifecycle::Leaving(_) => "leaving",
            Lifecycle::Gone(_) => "retired",
        },
        retires: entry.retires.as_ref().map(|day| day.0.to_string()),
        successor: entry.successor.as_deref(),
        licence: Terms {
            name: &entry.licence.name,
            commercial: entry.licence.commercial,
            note: entry.licence.note.as_deref(),
        },
        as_of: entry.as_of.0.to_string(),
        source: &entry.source,
        doubt: entry.doubt.as_deref(),
    }
}
