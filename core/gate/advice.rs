//! Limits that the numbers can't decide, told before anything is bought, with what would help.
//!
//! One sentence for each limit at most, and none where a limit does what its author expects of it.

mod words;

use std::collections::BTreeMap;

use super::betting::DESIGN_PHI;
use super::intervals::{binomial_cdf, float};
use super::limits::{P95_MIN_ABSOLUTE, P95_MIN_RELATIVE};
use super::naive::alarm_rate;
use super::planner::{pairs_to_pass_gate, too_near};
use super::suite::Allowed;
use super::trial::ASSUMED_RATE;
use crate::inert;
use crate::policy::{Claim, Policy, Problems, Span, Spanned};
use crate::prompts::{Case, Cell};
use crate::units::{Points, Rate, Usd};
use words::{
    FRIENDLY, counted, dollars_up, friendly, friendly_points, friendly_rate, percent, thousands,
    whole_percent,
};

/// The failure rate that advice starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedRate {
    /// A share.
    pub share: f64,
    /// Whether it is the baseline's own, by its stored results.
    pub known: bool,
}

impl Default for ExpectedRate {
    /// What is assumed where nothing is known.
    fn default() -> Self {
        Self { share: ASSUMED_RATE, known: false }
    }
}

/// How many there are, in all and by tag.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Numbers {
    /// In all.
    pub all: u64,
    /// With each tag.
    pub by_tag: BTreeMap<String, u64>,
}

impl Numbers {
    /// The prompts of a set.
    #[must_use]
    pub fn prompts(cases: &[Case]) -> Self {
        Self::of(cases.iter())
    }

    /// The pairs of a draw.
    #[must_use]
    pub fn pairs(cases: &[Case], cells: &[Cell]) -> Self {
        Self::of(cells.iter().filter_map(|cell| cases.get(cell.case)))
    }

    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Self {
        let mut numbers = Self::default();
        for case in cases {
            numbers.all += 1;
            for tag in &case.tags {
                // A set may have a hundred thousand cases, and few tags.
                match numbers.by_tag.get_mut(tag) {
                    Some(number) => *number += 1,
                    None => drop(numbers.by_tag.insert(tag.clone(), 1)),
                }
            }
        }
        numbers
    }

    /// With a tag, or in all.
    #[must_use]
    pub fn with(&self, tag: Option<&str>) -> u64 {
        tag.map_or(self.all, |tag| self.by_tag.get(tag).copied().unwrap_or(0))
    }
}

/// What the draw costs at list prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// What may be spent.
    pub budget: Usd,
    /// The whole draw, as far as it must be bought.
    pub whole: Usd,
    /// The same where the baseline's results are stored; the same again where that is known already.
    pub stored: Usd,
}

/// What the advice is about.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The prompts of the sets.
    pub prompts: &'a Numbers,
    /// The pairs of the draw.
    pub pairs: &'a Numbers,
    /// Whether any changed model has a baseline.
    pub has_baseline: bool,
    /// The failure rate to expect.
    pub rate: ExpectedRate,
    /// What it costs; nothing where no price is known.
    pub prices: Option<Prices>,
}

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The limit, by its path in the policy: `failure_rate.max_increase`, `budget`.
    pub limit: String,
    /// Where it stands; line 0 where the policy does not write it.
    pub span: Span,
    /// What the numbers can't do.
    pub message: String,
    /// What would help.
    pub help: String,
}

/// The advice as warnings of the policy's file.
#[must_use]
pub fn problems(advice: &[Advice]) -> Problems {
    let mut problems = Problems::new();
    for one in advice {
        problems.warning(one.span, one.message.clone(), one.help.clone());
    }
    problems
}

/// All advice, in the order of the limits.
#[must_use]
pub fn advise(situation: &Situation<'_>) -> Vec<Advice> {
    let limits = &situation.policy.limits;
    let mut advice = Vec::new();
    let all = std::iter::once((None, &limits.failure_rate));
    let tags = limits.by_tag.iter().map(|(tag, limit)| (Some(tag.as_str()), limit));
    for (tag, limit) in all.chain(tags) {
        let about = About { situation, tag, pairs: situation.pairs.with(tag) };
        let increase = limit.max_increase.as_ref().filter(|_| situation.has_baseline);
        if about.pairs == 0 {
            let span = increase.map(|it| it.span).or(limit.max.as_ref().map(|it| it.span));
            advice.extend(about.no_pair(span.unwrap_or_default()));
            continue;
        }
        advice.extend(increase.and_then(|increase| about.increase(increase)));
        advice.extend(limit.max.as_ref().and_then(|max| about.max(max, limit.strict)));
    }
    let latency = &limits.latency_p95;
    let about = About { situation, tag: None, pairs: situation.pairs.all };
    if let Some(limit) = latency.max_increase.as_ref().filter(|_| situation.has_baseline) {
        advice.extend(about.latency("max_increase", limit.span, P95_MIN_RELATIVE));
    }
    if let Some(limit) = &latency.max {
        advice.extend(about.latency("max", limit.span, P95_MIN_ABSOLUTE));
    }
    advice.extend(situation.prices.and_then(|prices| budget(&prices, situation.pairs.all)));
    advice
}

/// One limit of a failure rate: all pairs, or those with a tag.
struct About<'a> {
    situation: &'a Situation<'a>,
    tag: Option<&'a str>,
    pairs: u64,
}

impl About<'_> {
    fn advice(&self, limit: &str, span: Span, message: String, help: String) -> Advice {
        let limit = match self.tag {
            Some(tag) => format!("by_tag.{tag}.{limit}"),
            None => limit.to_owned(),
        };
        Advice { limit, span, message, help }
    }

    /// `60 pairs`, ``42 pairs tagged `typography` ``.
    fn subject(&self) -> String {
        let pairs = counted(self.pairs, "pair");
        match self.tag {
            Some(tag) => format!("{pairs} tagged `{}`", inert::one_line(tag, 60)),
            None => pairs,
        }
    }

    /// What failure rate the sentence rests on.
    fn basis(&self) -> String {
        let ExpectedRate { share, known } = self.situation.rate;
        // A tag has a rate of its own, which nobody has told.
        if known && self.tag.is_none() {
            format!("the baseline fails about {}", percent(share))
        } else {
            format!("if {} of pictures fail", percent(share))
        }
    }

    fn no_pair(&self, span: Span) -> Option<Advice> {
        let tag = inert::one_line(self.tag?, 60);
        let (message, help) = if self.situation.prompts.with(self.tag) == 0 {
            let help = "correct the tag, or remove the limit".to_owned();
            (format!("no prompt has the tag `{tag}`: this limit judges nothing"), help)
        } else {
            let help = "raise `sample.max`".to_owned();
            (format!("no drawn prompt has the tag `{tag}`: this limit judges nothing"), help)
        };
        Some(self.advice("failure_rate", span, message, help))
    }

    fn increase(&self, found: &Spanned<Points>) -> Option<Advice> {
        let Situation { policy, rate, .. } = self.situation;
        let limit = found.value.difference();
        let (q, phi) = (rate.share, DESIGN_PHI);
        let block_good = policy.errors.block_good.share();
        let let_bad_through = policy.errors.let_bad_through.share();
        let named = if found.span.line == 0 {
            format!("{} (the default limit)", found.value)
        } else {
            found.value.to_string()
        };
        let (message, enough) = match policy.sample.claim {
            Claim::Suite => {
                let alarm = |pairs: u64, limit: f64| alarm_rate(pairs, q, q, phi, limit);
                let chance = alarm(self.pairs, limit);
                if chance <= block_good {
                    return None;
                }
                let message = format!(
                    "{} can't tell a rise of {named} from chance: {} of harmless changes would be blocked ({})",
                    self.subject(),
                    whole_percent(chance),
                    self.basis()
                );
                let pairs = FRIENDLY
                    .into_iter()
                    .find(|pairs| *pairs > self.pairs && alarm(*pairs, limit) <= block_good);
                let looser = friendly_points(limit, |limit| alarm(self.pairs, limit) <= block_good);
                (message, (pairs, looser))
            }
            Claim::Model => {
                let needed = |limit| pairs_to_pass_gate(q, phi, limit, let_bad_through);
                let looser =
                    friendly_points(limit, |it| needed(it).is_some_and(|n| n <= self.pairs));
                let Some(pairs) = needed(limit) else {
                    let message = format!(
                        "no number of pairs can show that a rise stays within {named}: `claim: model` needs room"
                    );
                    let help = "allow a small rise, such as 2pp, or use `claim: suite`".to_owned();
                    return Some(self.advice(INCREASE, found.span, message, help));
                };
                if pairs <= self.pairs {
                    return None;
                }
                let pairs = friendly(pairs);
                let message = format!(
                    "{} can hardly show that a rise stays under {named}: about {} are needed ({})",
                    self.subject(),
                    thousands(pairs),
                    self.basis()
                );
                (message, (Some(pairs), looser))
            }
        };
        let help = self.help(enough.0, enough.1.map(|points| points.to_string()));
        Some(self.advice(INCREASE, found.span, message, help))
    }

    /// What would do: more draws of each prompt, a looser limit, more prompts.
    fn help(&self, pairs: Option<u64>, looser: Option<String>) -> String {
        let sample = &self.situation.policy.sample;
        let prompts = self.situation.prompts.with(self.tag).max(1);
        let mut ways = Vec::new();
        if let Some(pairs) = pairs.filter(|pairs| *pairs <= 100_000) {
            // The share of the draw that this limit is about stays as it is.
            let all = self.situation.pairs.all;
            let draw = friendly(all.saturating_mul(pairs).div_ceil(self.pairs.max(1)));
            let repeats = pairs.div_ceil(prompts);
            let max = u64::from(sample.max);
            let room = if max < draw { format!("`max: {draw}`") } else { String::new() };
            if repeats > u64::from(sample.repeats) {
                if repeats <= 20 {
                    let and = if room.is_empty() { "" } else { " and " };
                    ways.push(format!("use `repeats: {repeats}`{and}{room}"));
                }
            } else if !room.is_empty() {
                ways.push(format!("use {room} in `sample`"));
            }
        }
        ways.extend(looser.map(|limit| format!("allow {limit}")));
        if let Some(pairs) = pairs.filter(|pairs| *pairs > prompts && *pairs <= 20_000) {
            let tagged = if self.tag.is_some() { " with this tag" } else { "" };
            ways.push(format!("have {} prompts{tagged}", thousands(pairs)));
        }
        if ways.is_empty() {
            "choose a looser limit, or read its verdict with care".to_owned()
        } else {
            ways.join(", or ")
        }
    }

    fn max(&self, found: &Spanned<Rate>, strict: bool) -> Option<Advice> {
        let Situation { policy, rate, has_baseline, .. } = self.situation;
        let (limit, q) = (found.value.share(), rate.share);
        let advice =
            |message, help| Some(self.advice("failure_rate.max", found.span, message, help));
        let known = rate.known && self.tag.is_none();
        if known && q >= limit {
            let passes = if strict || !has_baseline { "under it" } else { "that lowers the rate" };
            return advice(
                format!(
                    "the baseline already fails {}, over `max: {}`: only a change {passes} passes",
                    percent(q),
                    found.value
                ),
                format!("allow {}, or keep it as a goal", friendly_rate(2.0 * q)),
            );
        }
        if !too_near(limit, q) || (q >= limit && !known) {
            return None;
        }
        let undecided = match policy.sample.claim {
            Claim::Suite => {
                let most = Allowed::share(self.pairs, limit).most();
                let kept = u64::try_from(most).map_or(0.0, |k| binomial_cdf(k, self.pairs, q));
                let chance = 1.0 - kept;
                (chance > policy.errors.block_good.share()).then(|| {
                    format!("chance alone would break it in {} of runs", whole_percent(chance))
                })
            }
            Claim::Model => {
                // z² q(1-q) / (limit - q)² at 5% and 80%, and a fifth more.
                let needed = 1.2 * 7.85 * q * (1.0 - q) / ((limit - q) * (limit - q));
                (float(self.pairs) < needed)
                    .then(|| format!("{} can't tell the two apart", self.subject()))
            }
        };
        advice(
            format!(
                "`max: {}` lies too near the failure rate to expect ({}): {}",
                found.value,
                percent(q),
                undecided?
            ),
            format!("allow {} or more, or limit the rise alone", friendly_rate(2.0 * q)),
        )
    }

    fn latency(&self, key: &str, span: Span, needed: u64) -> Option<Advice> {
        if self.pairs >= needed {
            return None;
        }
        let are = if self.pairs == 1 { "is" } else { "are" };
        let message = format!(
            "{} {are} too few for a 95th percentile of the time: this limit will be skipped",
            self.subject()
        );
        let repeats = needed.div_ceil(self.situation.prompts.all.max(1));
        let max = u64::from(self.situation.policy.sample.max);
        let way = if max < needed {
            format!("use `max: {needed}` in `sample`")
        } else if repeats <= 20 {
            format!("use `repeats: {repeats}`")
        } else {
            "draw more prompts".to_owned()
        };
        let help = format!("it needs {needed} timed pictures: {way}");
        Some(self.advice(&format!("latency_p95.{key}"), span, message, help))
    }
}

const INCREASE: &str = "failure_rate.max_increase";

fn budget(prices: &Prices, pairs: u64) -> Option<Advice> {
    let Prices { budget, whole, stored } = *prices;
    if whole <= budget || pairs == 0 {
        return None;
    }
    let paid = |price: Usd| {
        let share = budget.as_f64() / price.as_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and at most the number of pairs"
        )]
        let paid = (float(pairs) * share.clamp(0.0, 1.0)).floor() as u64;
        paid
    };
    let rest = if stored == whole {
        String::new()
    } else if stored <= budget {
        ", unless the baseline's results are stored".to_owned()
    } else {
        format!(", and for {} where the baseline's results are stored", thousands(paid(stored)))
    };
    Some(Advice {
        limit: "budget".to_owned(),
        span: Span::default(),
        message: format!(
            "the budget of ${} pays for {} of {} at list prices{rest}",
            budget.to_cents_string(),
            thousands(paid(whole)),
            counted(pairs, "pair")
        ),
        help: format!(
            "allow ${} (`budget`), or draw fewer (`sample.max`): a run that ends early may stay undecided",
            dollars_up(whole)
        ),
    })
}

#[cfg(test)]
mod tests;
