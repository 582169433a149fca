//! Comparisons to look at.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::Compared;
use crate::checks::{CheckResult, Finding};
use crate::compare::{About, Ended, Entrant, Flight, Row, compare};
use crate::gate::{Observation, Outcome, Side};
use crate::report::{SampleLine, Thumbnail};
use crate::units::{CostBasis, Seed, Usd};

/// A model of a fixture: its name, what it fails of a hundred, its price in tenths of a cent, its seconds.
struct Plan {
    name: &'static str,
    failing: u64,
    price: i64,
    seconds: f64,
}

const PLANS: [Plan; 3] = [
    Plan { name: "hero", failing: 3, price: 134, seconds: 8.4 },
    Plan { name: "turbo", failing: 7, price: 40, seconds: 2.1 },
    Plan { name: "classic", failing: 21, price: 60, seconds: 3.3 },
];

const TAGS: [&str; 3] = ["typography", "people", "product"];

fn run(plans: &[Plan], cells: u64, stored: bool) -> (Vec<Entrant>, Vec<Row>, Vec<SampleLine>) {
    let mut entrants: Vec<_> = plans
        .iter()
        .map(|plan| Entrant {
            name: plan.name.to_owned(),
            provider: "studio".to_owned(),
            model: format!("{}-v2", plan.name),
            config: json!({"task": "text-to-image"}),
            dropped: None,
            flights: Vec::new(),
            from_store: if stored { cells } else { 0 },
        })
        .collect();
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for cell in 0..cells {
        let tag = TAGS[usize::try_from(cell % 3).unwrap()];
        let (case, tags) = (format!("{tag}-{:03}", cell / 3 + 1), vec![tag.to_owned()]);
        let mut samples = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            let luck = (cell * 37 + 11 * number as u64) % 100;
            let outcome = match luck {
                luck if luck < plan.failing => Outcome::Failed,
                99 if plan.name == "turbo" => Outcome::Refused,
                98 if plan.name == "classic" => Outcome::Unavailable,
                _ => Outcome::Passed,
            };
            let answered = outcome != Outcome::Unavailable;
            let seconds = plan.seconds * (0.8 + 0.006 * ((cell * 29) % 100) as f64);
            let latency = answered.then(|| Duration::from_secs_f64(seconds));
            let failure = matches!(outcome, Outcome::Failed | Outcome::Refused);
            let picture = matches!(outcome, Outcome::Failed | Outcome::Passed);
            let image = picture.then(|| format!("images/{number:02x}{cell:04x}.png"));
            let check = if cell % 2 == 0 { "text" } else { "dimensions" };
            let cost = Usd::from_decimal(rust_decimal::Decimal::new(plan.price, 3));
            let sample = Observation {
                outcome,
                failure,
                failed_checks: match outcome {
                    Outcome::Failed => vec![check.to_owned()],
                    Outcome::Refused => vec!["refused".to_owned()],
                    _ => Vec::new(),
                },
                unsure_checks: Vec::new(),
                skipped_checks: Vec::new(),
                cost: if picture { cost } else { Usd::ZERO },
                cost_basis: if plan.name == "turbo" {
                    CostBasis::Computed
                } else {
                    CostBasis::Exact
                },
                latency,
                image: image.clone(),
            };
            if !stored {
                let from = Duration::from_secs_f64(2.5 * cell as f64);
                entrants[number].flights.push(Flight {
                    from,
                    to: from + latency.unwrap_or_default(),
                    image: picture,
                });
            }
            lines.push(line(&sample, plan, &case, &tags, check, stored));
            samples.push(Some(sample));
        }
        rows.push(Row { case, repeat: 0, tags, samples });
    }
    (entrants, rows, lines)
}

fn line(
    sample: &Observation,
    plan: &Plan,
    case: &str,
    tags: &[String],
    check: &str,
    stored: bool,
) -> SampleLine {
    let finding = Finding::new(check, CheckResult::Fail, "“GRAND OPENNG” is not what was expected");
    SampleLine {
        schema: 1,
        subject: plan.name.to_owned(),
        case: case.to_owned(),
        repeat: 0,
        prompt: "A letterpress poster that says \"GRAND OPENING\"".to_owned(),
        tags: tags.to_vec(),
        side: Side::Candidate,
        provider: "studio".to_owned(),
        model: format!("{}-v2", plan.name),
        seed: 4711,
        outcome: sample.outcome,
        failure: sample.failure,
        kind: None,
        class: None,
        findings: if sample.outcome == Outcome::Failed { vec![finding] } else { Vec::new() },
        latency_s: sample.latency.map(|latency| latency.as_secs_f64()),
        cost_usd: sample.cost,
        cost_basis: sample.cost_basis,
        attempts: 1,
        step: None,
        requests: Vec::new(),
        checks_cost_usd: Usd::ZERO,
        content_type: None,
        image: sample.image.clone(),
        stored,
        error: (sample.outcome == Outcome::Refused).then(|| "not in our style".to_owned()),
    }
}

fn about(cells: u64, planned: u64) -> About {
    About {
        policy: "presscheck.yaml".to_owned(),
        seed: Seed(7),
        planned,
        population: planned,
        ended: Ended::Exhausted,
        budget_usd: "40".parse().unwrap(),
        spent_usd: "23.31".parse().unwrap(),
        checks_usd: Usd::ZERO,
        images_bought: 3 * cells,
        notes: Vec::new(),
    }
}

fn compared(
    (entrants, rows, samples): (Vec<Entrant>, Vec<Row>, Vec<SampleLine>),
    about: About,
) -> Compared {
    let thumbnails: BTreeMap<_, _> = samples
        .iter()
        .filter_map(|sample| sample.image.clone())
        .map(|path| {
            let bytes = path.bytes().collect();
            (path, Thumbnail { media_type: "image/png", bytes, size: (32, 18) })
        })
        .collect();
    Compared {
        comparison: compare(&entrants, &rows, about),
        samples,
        thumbnails,
        again: "presscheck compare".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

/// Three models on 100 prompts, of which one is dominated.
pub(crate) fn three() -> Compared {
    compared(run(&PLANS, 100, false), about(100, 100))
}

/// The same from the store, on so few prompts that nothing can be told apart; the budget ended it, and one model dropped
/// out.
pub(crate) fn few() -> Compared {
    let (mut entrants, rows, samples) = run(&PLANS, 12, true);
    entrants[2].dropped =
        Some("`studio` has no model `classic-v2`, or no longer: “no such model”".to_owned());
    let samples = samples.into_iter().filter(|sample| sample.subject != "classic").collect();
    let about = About {
        ended: Ended::Budget,
        notes: vec!["The policy's `models.allow` does not admit `turbo`.".to_owned()],
        spent_usd: Usd::ZERO,
        images_bought: 0,
        ..about(12, 100)
    };
    compared((entrants, rows, samples), about)
}

/// Two models, each with what a stranger may say.
pub(crate) fn hostile() -> Compared {
    let (mut entrants, rows, mut samples) = run(&PLANS[..2], 30, false);
    let evil = "<script>alert(1)</script>\u{202e}\u{1b}[31m`x`";
    evil.clone_into(&mut entrants[1].name);
    evil.clone_into(&mut entrants[1].model);
    for sample in &mut samples {
        evil.clone_into(&mut sample.prompt);
        if sample.subject == "turbo" {
            evil.clone_into(&mut sample.subject);
        }
        sample.error = Some(evil.to_owned());
        for finding in &mut sample.findings {
            evil.clone_into(&mut finding.message);
        }
    }
    compared((entrants, rows, samples), About { notes: vec![evil.to_owned()], ..about(30, 30) })
}

/// Nobody finished.
pub(crate) fn nobody() -> Compared {
    let (mut entrants, ..) = run(&PLANS[..2], 0, false);
    for entrant in &mut entrants {
        entrant.dropped = Some("`studio` does not accept the key: “wrong key”".to_owned());
    }
    let about = About { ended: Ended::Dropped, images_bought: 0, ..about(0, 100) };
    compared((entrants, Vec::new(), Vec::new()), about)
}

/// All of them by name.
pub(crate) fn all() -> Vec<(&'static str, Compared)> {
    vec![("three", three()), ("few", few()), ("hostile", hostile()), ("nobody", nobody())]
}
