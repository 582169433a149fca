//! What follows from the figures, in plain sentences, and what the sample can't tell.

use crate::compare::{Comparison, ModelFigures, cheaper, smallest_difference};
use crate::inert::one_line;
use crate::report::words;

/// The most models that a sentence names.
const MOST_NAMED: usize = 6;

/// The sentences, the most important first.
pub(in crate::report) fn conclusion(comparison: &Comparison) -> Vec<String> {
    let finished: Vec<_> = comparison.finished().collect();
    let best = comparison.best.as_deref().and_then(|best| comparison.model(best));
    let (Some(best), [_, _, ..]) = (best, finished.as_slice()) else {
        return vec![match finished.as_slice() {
            [only] => format!("Only {} is left: there is nothing to compare it with.", name(only)),
            _ => "No model is left: there is nothing to compare.".to_owned(),
        }];
    };
    let worse = |model: &&&ModelFigures| {
        comparison
            .difference(&model.name, &best.name)
            .is_some_and(|difference| difference.beyond_chance)
    };
    let others = || finished.iter().filter(|model| model.name != best.name);
    let (worse, alike): (Vec<_>, Vec<_>) = others().partition(worse);
    let mut leading = vec![best];
    leading.extend(alike.iter().copied());
    let mut sentences = vec![by_failures(comparison, &leading, &worse)];
    sentences.extend(by_cost(&leading, &finished));
    sentences.extend(dominated(&finished));
    sentences.extend(unseen(comparison));
    sentences
}

fn name(model: &ModelFigures) -> String {
    format!("`{}`", one_line(&model.name, 60))
}

/// `a`, `b` and `c`.
fn names<'a>(models: impl IntoIterator<Item = &'a ModelFigures>) -> String {
    let mut all: Vec<_> = models.into_iter().map(name).collect();
    if all.len() > MOST_NAMED {
        let more = all.len() - (MOST_NAMED - 1);
        all.truncate(MOST_NAMED - 1);
        all.push(format!("{more} more"));
    }
    match all.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// `100 prompts`, or `100 draws of 50 prompts`.
pub(in crate::report) fn sample(cells: u64, prompts: u64) -> String {
    let all = words::count(prompts, "prompt", "prompts");
    if cells == prompts {
        all
    } else {
        format!("{} of {all}", words::count(cells, "draw", "draws"))
    }
}

fn by_failures(
    comparison: &Comparison,
    leading: &[&ModelFigures],
    worse: &[&&ModelFigures],
) -> String {
    let sample = sample(comparison.cells, comparison.prompts);
    let fail = if worse.len() == 1 { "fails" } else { "fail" };
    let others = names(worse.iter().map(|model| **model));
    let Some((best, alike)) = leading.split_first() else { return String::new() };
    let rate = best.failures.map_or_else(String::new, |share| words::percent(share.rate));
    let best = name(best);
    let close = match alike {
        [] => {
            return format!(
                "{best} fails least, {rate} of {sample}: that {others} {fail} more is beyond chance."
            );
        }
        [one] => {
            format!("{best} and {} can't be told apart by their failures with {sample}", name(one))
        }
        many => format!(
            "{best} fails least, {rate} of {sample}, but {} can't be told from it",
            names(many.iter().copied())
        ),
    };
    if worse.is_empty() {
        return format!("{close}.");
    }
    format!("{close}; that {others} {fail} more than {best} is beyond chance.")
}

/// The effective cost, for people.
fn effective(model: &ModelFigures) -> Option<String> {
    model.cost.as_ref()?.effective_per_1k_usd.map(words::money)
}

fn by_cost(leading: &[&ModelFigures], finished: &[&ModelFigures]) -> Option<String> {
    let cheapest = |models: &[&ModelFigures]| {
        models.iter().copied().min_by(|a, b| cheaper(a, b)).map(|it| it.name.clone())
    };
    let find = |wanted: &str| finished.iter().copied().find(|model| model.name == wanted);
    let first = find(&cheapest(leading)?)?;
    let price = effective(first)?;
    let overall = find(&cheapest(finished)?)?;
    let and_of_all = overall.name == first.name;
    let text = match (leading.len(), and_of_all) {
        (1, true) => format!("It is the cheapest per good image as well: {price} per 1k."),
        (1, false) => format!(
            "A good image of {} costs less, {} per 1k against {price}, and more of its images fail.",
            name(overall),
            effective(overall)?
        ),
        (_, true) => {
            let which = if leading.len() == finished.len() { "them" } else { "all" };
            format!("{} is the cheapest of {which} per good image: {price} per 1k.", name(first))
        }
        (_, false) => format!(
            "Of these, {} is the cheapest per good image: {price} per 1k. {} is cheaper still, at {}, and fails more.",
            name(first),
            name(overall),
            effective(overall)?
        ),
    };
    Some(text)
}

fn dominated(finished: &[&ModelFigures]) -> Option<String> {
    let dominated: Vec<_> =
        finished.iter().copied().filter(|model| !model.dominated_by.is_empty()).collect();
    match dominated.as_slice() {
        [] => None,
        [one] => {
            let over = one.dominated_by.first()?;
            Some(format!(
                "By these figures {} is dominated: `{}` is at least as good in failures and in cost per good image.",
                name(one),
                one_line(over, 60)
            ))
        }
        many => Some(format!(
            "By these figures {} are dominated: for each, another model is at least as good in failures and in cost per good image.",
            names(many.iter().copied())
        )),
    }
}

/// What so many prompts can't see, where there is a difference that they don't.
fn unseen(comparison: &Comparison) -> Option<String> {
    let open = comparison.differences.iter().filter(|difference| !difference.beyond_chance);
    let pairs = open.map(|difference| difference.pairs).min()?;
    let shown = words::count(pairs, "prompt", "prompts");
    Some(match smallest_difference(pairs, comparison.differences.len()) {
        Some(least) => format!(
            "At best, {shown} can tell a difference of {} points from chance, and no smaller one.",
            words::points(least).trim_start_matches('+').trim_end_matches(" pts")
        ),
        None => format!("{} can't tell any difference from chance.", capital(&shown)),
    })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
