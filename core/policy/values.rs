//! Single values that only the policy has: percentages over 100, request rates, prices, dates.

use std::str::FromStr;

use serde_json::{Value, json};

use super::narrowed::Variable;
use super::node::{FromNode, Kind, Node, Spanned};
use super::problem::Problems;
use super::types::Price;
use crate::units::Usd;

/// A share of the baseline, 0.1 for `10%`; may exceed 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Percent(pub(super) f64);

impl FromStr for Percent {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected a percentage such as `10%`";
        let number = text.trim().strip_suffix('%').ok_or(WRONG)?.trim_end();
        if number.starts_with('-') {
            return Err("an increase can't be negative; `0%` allows none");
        }
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(WRONG);
        }
        let percent: f64 = number.parse().map_err(|_| WRONG)?;
        if percent > 100_000.0 {
            return Err("an increase must be at most 100000%");
        }
        Ok(Self(percent / 100.0))
    }
}

/// Requests per minute, from `60/min`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PerMinute(pub(super) f64);

impl FromStr for PerMinute {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected requests per time, such as `60/min`, `5/s` or `1000/h`";
        let (number, unit) = text.split_once('/').ok_or(WRONG)?;
        let number = number.trim();
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(WRONG);
        }
        let number: f64 = number.parse().map_err(|_| WRONG)?;
        let per_minute = match unit.trim() {
            "s" | "sec" | "second" => number * 60.0,
            "m" | "min" | "minute" => number,
            "h" | "hour" => number / 60.0,
            _ => return Err(WRONG),
        };
        if (0.01..=1_000_000.0).contains(&per_minute) {
            Ok(Self(per_minute))
        } else {
            Err("a rate lies between one request in 100 minutes and a million per minute")
        }
    }
}

/// A calendar day, from `2026-12-07`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day(pub jiff::civil::Date);

impl FromStr for Day {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected a date such as `2026-12-07`";
        let text = text.trim();
        if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(WRONG);
        }
        text.parse().map(Self).map_err(|_| WRONG)
    }
}

macro_rules! parsed {
    ($ty:ty, $schema:expr) => {
        impl FromNode for $ty {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                let Some(text) = node.scalar_text() else {
                    node.wrong_type("a single value", problems);
                    return None;
                };
                text.parse()
                    .map_err(|error| {
                        let shown = crate::inert::one_line(&text, 60);
                        problems.error(node.span, format!("`{shown}`: {error}"));
                    })
                    .ok()
            }
            fn schema() -> Value {
                $schema
            }
        }
    };
}
parsed!(
    Percent,
    json!({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$", "examples": ["10%"]})
);
parsed!(
    PerMinute,
    json!({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?/ ?(s|sec|second|m|min|minute|h|hour)$", "examples": ["60/min"]})
);
parsed!(
    Day,
    json!({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2026-12-07"]})
);

/// The version of the file's format: 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Version;

impl FromNode for Version {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        if node.kind == Kind::Int(1) {
            return Some(Self);
        }
        problems.error_with_help(
            node.span,
            "this presscheck reads version 1 of the policy",
            "write `version: 1`, or use the presscheck that this file was written for",
        );
        None
    }
    fn schema() -> Value {
        json!({"const": 1})
    }
}

/// A table with keys of the user's own, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ordered<T>(pub(super) Vec<(Spanned<String>, T)>);

impl<T: FromNode> FromNode for Ordered<T> {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            node.wrong_type("a table", problems);
            return None;
        };
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                let key = Spanned { value: entry.key.clone(), span: entry.key_span };
                Some((key, T::from_node(&entry.value, problems)?))
            })
            .collect();
        entries.into_iter().collect::<Option<_>>().map(Self)
    }
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

/// The names of environment variables: one, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variables(pub(super) Vec<Variable>);

impl FromNode for Variables {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::List(_) => Vec::from_node(node, problems).map(Self),
            _ => Variable::from_node(node, problems).map(|one| Self(vec![one])),
        }
    }
    fn schema() -> Value {
        json!({"anyOf": [Variable::schema(), {"type": "array", "items": Variable::schema()}]})
    }
}

/// What an image costs, with the places of the patterns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawPrice {
    /// The same for every model.
    Flat(Usd),
    /// By pattern, in the order of the file.
    ByModel(Vec<(Spanned<String>, Usd)>),
}

impl RawPrice {
    pub(super) fn into_price(self) -> Price {
        match self {
            Self::Flat(amount) => Price::Flat(amount),
            Self::ByModel(list) => Price::ByModel(
                list.into_iter().map(|(pattern, amount)| (pattern.value, amount)).collect(),
            ),
        }
    }
}

impl FromNode for RawPrice {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Table(entries) if entries.is_empty() => {
                problems.error_with_help(
                    node.span,
                    "the table of prices is empty",
                    "write an amount, or one per model: `{\"v1\": $0.042, \"*\": $0.1}`",
                );
                None
            }
            Kind::Table(_) => Ordered::from_node(node, problems).map(|list| Self::ByModel(list.0)),
            _ => Usd::from_node(node, problems).map(Self::Flat),
        }
    }
    fn schema() -> Value {
        let amount = Usd::schema();
        json!({"anyOf": [
            amount.clone(),
            {"type": "object", "minProperties": 1, "additionalProperties": amount},
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!("250 %".parse::<Percent>(), Ok(Percent(2.5)));
        assert_eq!("60/min".parse::<PerMinute>(), Ok(PerMinute(60.0)));
        assert_eq!("5 / s".parse::<PerMinute>(), Ok(PerMinute(300.0)));
        assert_eq!("30/h".parse::<PerMinute>(), Ok(PerMinute(0.5)));
        assert_eq!("2026-12-07".parse::<Day>().unwrap().0, jiff::civil::date(2026, 12, 7));
        for text in ["10", "-1%", "%", "1e3%", ".%", "200000%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
        for text in ["60", "0/min", "x/min", "1/day", "/s", "-1/s"] {
            assert!(text.parse::<PerMinute>().is_err(), "{text}");
        }
        for text in ["2026-13-01", "07.12.2026", "2026-12-7", "tomorrow", "2026-02-30"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (text.parse::<Percent>(), text.parse::<PerMinute>(), text.parse::<Day>());
        }
    }
}
