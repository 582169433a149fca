//! The comparison as one self-contained page.

use std::collections::BTreeMap;

use askama::Template;

use super::HtmlOptions;
use super::pairs::{Card, MAX_PROMPT, card};
use super::pareto::{Pareto, pareto};
use super::pictures::Pictures;
use super::tables::CheckName;
use super::view::{block, line};
use crate::compare::{Comparison, ModelFigures};
use crate::gate::Outcome;
use crate::inert;
use crate::report::compare::{
    Compared, THROUGHPUT, amounts, conclusion, ended, intervals, latency, pace, sample, shares,
};
use crate::report::{SampleLine, evidence, words};

/// The most rows of a table.
const MAX_ROWS: usize = 50;

/// The page.
#[derive(Template)]
#[template(path = "compare.html")]
pub(super) struct ComparePage {
    title: String,
    policy: String,
    headline: String,
    lead: Vec<String>,
    notes: Vec<String>,
    models: Vec<Column>,
    rows: Vec<Figures>,
    /// Whether it is known of any model how many images came in a minute.
    paced: bool,
    chart: Option<Pareto>,
    differences: Vec<[String; 5]>,
    outcomes: Vec<(&'static str, Vec<String>)>,
    checks: Vec<(CheckName, Vec<String>)>,
    tags: Vec<(String, Vec<String>)>,
    groups: Vec<Group>,
    explained: Vec<String>,
    again: String,
    version: String,
}

/// A model as the head of a column.
struct Column {
    name: String,
}

/// A model's row.
struct Figures {
    name: String,
    what: String,
    dropped: Option<String>,
    class: &'static str,
    failures: String,
    failures_interval: String,
    against: String,
    against_interval: String,
    beyond: bool,
    cost: String,
    basis: &'static str,
    effective: String,
    effective_interval: String,
    p50: String,
    p50_interval: String,
    p95: String,
    p95_interval: String,
    pace: String,
}

/// Prompts of one kind.
struct Group {
    title: &'static str,
    lead: &'static str,
    count: String,
    prompts: Vec<PromptView>,
    more: Option<String>,
}

/// A prompt with the sample of each model.
struct PromptView {
    name: String,
    tags: Vec<String>,
    prompt: String,
    seed: String,
    cards: Vec<Card>,
}

/// The page of a comparison.
pub(super) fn page(compared: &Compared, options: HtmlOptions<'_>) -> ComparePage {
    let comparison = &compared.comparison;
    let said: Vec<_> =
        conclusion(comparison).iter().map(|text| line(&text.replace('`', ""), 1_000)).collect();
    let (headline, lead) = said
        .split_first()
        .map_or_else(Default::default, |(first, rest)| (first.clone(), rest.to_vec()));
    let racing: Vec<&ModelFigures> = comparison.finished().collect();
    let mut notes: Vec<String> = ended(comparison).into_iter().collect();
    notes.extend(comparison.notes.iter().take(50).map(|note| line(&note.replace('`', ""), 600)));
    ComparePage {
        title: format!(
            "presscheck compare: {}, {}",
            words::count(comparison.models.len() as u64, "model", "models"),
            sample(comparison.cells, comparison.prompts)
        ),
        policy: line(&comparison.policy, 200),
        headline,
        lead,
        notes,
        models: racing.iter().map(|model| Column { name: line(&model.name, 60) }).collect(),
        rows: comparison.models.iter().map(|model| figures(comparison, model)).collect(),
        paced: racing.iter().any(|model| model.throughput.is_some()),
        chart: pareto(comparison),
        differences: comparison.differences.iter().map(difference).collect(),
        outcomes: Outcome::ALL
            .into_iter()
            .map(|outcome| {
                let count = |model: &&ModelFigures| words::thousands(model.outcomes.of(outcome));
                (outcome.word(), racing.iter().map(count).collect())
            })
            .collect(),
        checks: checks(&racing),
        tags: tags(&racing),
        groups: groups(compared, options),
        explained: explained(comparison),
        again: inert::visible(&compared.again).replace('\n', "⏎"),
        version: line(&compared.version, 40),
    }
}

fn figures(comparison: &Comparison, model: &ModelFigures) -> Figures {
    let nothing = || words::NOTHING.to_owned();
    let best = comparison.best.as_deref().unwrap_or_default();
    let difference = comparison.difference(&model.name, best);
    let [p50, p50_interval, p95, p95_interval] = model
        .latency
        .as_ref()
        .map_or_else(|| [nothing(), String::new(), nothing(), String::new()], latency);
    let amount = |amount: Option<crate::units::Usd>| amount.map_or_else(nothing, words::money);
    Figures {
        name: line(&model.name, 60),
        what: line(&format!("{} · {}", model.provider, model.model), 160),
        dropped: model.dropped.as_deref().map(|why| line(why, 400)),
        class: match model.on_front {
            Some(true) => "front",
            _ => "behind",
        },
        failures: model.failures.map_or_else(nothing, |share| words::percent(share.rate)),
        failures_interval: model.failures.map_or_else(String::new, |share| {
            format!(
                "{} of {} {}",
                words::thousands(share.failed),
                words::thousands(share.of),
                shares(share.interval)
            )
        }),
        against: difference.as_ref().map_or_else(
            || if model.name == best { "fails least".to_owned() } else { nothing() },
            |it| words::points(it.change),
        ),
        against_interval: difference
            .as_ref()
            .map_or_else(String::new, |it| words::points_interval(it.interval)),
        beyond: difference.as_ref().is_some_and(|it| it.beyond_chance),
        cost: amount(model.cost.as_ref().and_then(|cost| cost.per_1k_usd)),
        basis: model.cost.as_ref().map_or("", |cost| cost.basis.word()),
        effective: amount(model.cost.as_ref().and_then(|cost| cost.effective_per_1k_usd)),
        effective_interval: model.effective_interval_usd.map_or_else(String::new, amounts),
        p50,
        p50_interval,
        p95,
        p95_interval,
        pace: model.throughput.as_ref().map_or_else(nothing, pace),
    }
}

/// Two models, their difference, its interval, and whether it is more than chance.
fn difference(difference: &crate::compare::Difference) -> [String; 5] {
    [
        format!("{} against {}", line(&difference.b, 60), line(&difference.a, 60)),
        words::points(difference.change),
        words::points_interval(difference.interval),
        format!(
            "{} and {} of {}",
            words::thousands(difference.only_b),
            words::thousands(difference.only_a),
            words::thousands(difference.pairs)
        ),
        if difference.beyond_chance { "beyond chance" } else { "within chance" }.to_owned(),
    ]
}

/// Every check that failed a sample, most failures of any model first.
fn checks(models: &[&ModelFigures]) -> Vec<(CheckName, Vec<String>)> {
    let mut rows = BTreeMap::<&str, Vec<u64>>::new();
    for (column, model) in models.iter().enumerate() {
        for check in &model.checks {
            let row = rows.entry(&check.check).or_insert_with(|| vec![0; models.len()]);
            if let Some(cell) = row.get_mut(column) {
                *cell = check.failed;
            }
        }
    }
    let mut rows: Vec<_> =
        rows.into_iter().filter(|(_, cells)| cells.iter().any(|n| *n > 0)).collect();
    rows.sort_by_key(|(_, cells)| std::cmp::Reverse(cells.iter().max().copied()));
    rows.into_iter()
        .take(MAX_ROWS)
        .map(|(check, cells)| {
            (CheckName::of(check), cells.into_iter().map(words::thousands).collect())
        })
        .collect()
}

/// Every tag in which a model failed, most failures of any model first.
fn tags(models: &[&ModelFigures]) -> Vec<(String, Vec<String>)> {
    let mut rows = BTreeMap::<&str, (u64, Vec<String>)>::new();
    for (column, model) in models.iter().enumerate() {
        for tag in &model.tags {
            let empty = || (0, vec![words::NOTHING.to_owned(); models.len()]);
            let (most, cells) = rows.entry(&tag.tag).or_insert_with(empty);
            *most = (*most).max(tag.share.failed);
            if let Some(cell) = cells.get_mut(column) {
                let (failed, of) =
                    (words::thousands(tag.share.failed), words::thousands(tag.share.of));
                *cell = format!("{failed} of {of}");
            }
        }
    }
    let mut rows: Vec<_> = rows.into_iter().filter(|(_, (most, _))| *most > 0).collect();
    rows.sort_by_key(|(_, (most, _))| std::cmp::Reverse(*most));
    rows.into_iter().take(MAX_ROWS).map(|(tag, (_, cells))| (line(tag, 60), cells)).collect()
}

/// The samples of a cell.
type Cell<'a> = Vec<&'a SampleLine>;

/// Prompts on which the models differ, then those that all of them fail; of each the worst first.
fn groups(compared: &Compared, options: HtmlOptions<'_>) -> Vec<Group> {
    let mut pictures = Pictures::new(options.max_thumbnail_bytes);
    let mut cells: Vec<Cell<'_>> = Vec::new();
    let mut places = BTreeMap::<(&str, u32), usize>::new();
    for sample in &compared.samples {
        let place = *places.entry((&sample.case, sample.repeat)).or_insert_with(|| {
            cells.push(Vec::new());
            cells.len() - 1
        });
        if let Some(cell) = cells.get_mut(place) {
            cell.push(sample);
        }
    }
    let failing = |cell: &Cell<'_>| cell.iter().filter(|sample| sample.failure).count();
    let (mut all, mut some): (Vec<_>, Vec<_>) = cells
        .into_iter()
        .filter(|cell| failing(cell) > 0)
        .partition(|cell| failing(cell) == cell.len());
    for cells in [&mut all, &mut some] {
        cells.sort_by_key(|cell| std::cmp::Reverse(failing(cell)));
    }
    let mut left = options.max_pairs;
    let mut group = |title, lead, cells: Vec<Cell<'_>>| {
        let shown = cells.len().min(left);
        left -= shown;
        let more = cells.len() - shown;
        let view = |cell: &Cell<'_>| prompt(compared, cell, &mut pictures);
        (!cells.is_empty()).then(|| Group {
            title,
            lead,
            count: words::thousands(cells.len() as u64),
            prompts: cells.iter().take(shown).map(view).collect(),
            more: (more > 0).then(|| words::thousands(more as u64)),
        })
    };
    let some = group(
        "Where the models differ",
        "The same prompt and seed for every model; those that most models fail come first.",
        some,
    );
    let all = group(
        "Failing with every model",
        "These tell the models apart by nothing; some may ask for what no model can draw.",
        all,
    );
    some.into_iter().chain(all).collect()
}

fn prompt(compared: &Compared, cell: &Cell<'_>, pictures: &mut Pictures) -> PromptView {
    let first = cell.first();
    PromptView {
        name: first
            .map_or_else(String::new, |it| line(&evidence::case_name(&it.case, it.repeat), 120)),
        tags: first
            .map_or_else(Vec::new, |it| it.tags.iter().take(8).map(|tag| line(tag, 40)).collect()),
        prompt: first.map_or_else(String::new, |it| block(&it.prompt, MAX_PROMPT)),
        seed: first.map_or_else(String::new, |it| it.seed.to_string()),
        cards: cell
            .iter()
            .map(|it| card(&compared.thumbnails, &line(&it.subject, 60), it, pictures))
            .collect(),
    }
}

/// How to read it.
fn explained(comparison: &Comparison) -> Vec<String> {
    let mut text = vec![
        "Each prompt was sent to every model side by side, with the same seed where a model takes one, and the same checks looked at every image. A request that got no answer is an outage and no failure: it is left out of that model's rate, and out of every difference that it belongs to.".to_owned(),
        intervals(comparison),
        "The interval of the cost per 1k good images follows from the share of images that passed; what a request costs is taken as it was. The front holds the models that no other beats: at least as good in failures and in cost per good image, and better in one. It is drawn from the figures as they are; whether a difference is more than chance is said apart.".to_owned(),
    ];
    if comparison.finished().any(|model| model.throughput.is_some()) {
        text.push(THROUGHPUT.to_owned());
    }
    text.push(format!(
        "{} bought for {}{}; the budget was {}. The draw's seed is {}.",
        words::count(comparison.images_bought, "image was", "images were"),
        words::money(comparison.spent_usd),
        words::for_checks(comparison.checks_usd),
        words::money(comparison.budget_usd),
        comparison.seed
    ));
    text
}
