//! A gate that was played many times over, as people read it.

use super::super::words;
use super::text::{paragraph, share, short, table, trimmed};
use crate::gate::simulate::{FullRun, Play, Scenario, Simulated};

/// What was played, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    /// The figures.
    pub scenario: Scenario,
    /// How the repetitions ended.
    pub simulated: Simulated,
    /// How they compare with full runs of the same draws; all zero for `claim: model`.
    pub full_run: FullRun,
    /// The policy that figures were taken from, where there was one.
    pub from: Option<String>,
}

/// The result for a terminal: what was played, a table of the endings, and the sentence that it comes to.
#[must_use]
pub fn rehearsal_text(rehearsal: &Rehearsal) -> String {
    let Rehearsal { scenario, simulated, full_run, from } = rehearsal;
    let suite = scenario.play != Play::Model;
    let mut out = format!(
        "presscheck plan --simulate   {} · claim {} · limit +{} pts · phi {}\n\n",
        words::count(scenario.pairs.into(), "pair", "pairs"),
        if suite { "suite" } else { "model" },
        trimmed(scenario.limit * 100.0),
        trimmed(scenario.phi),
    );
    let verdict = |name: &str, of: f64| [name.to_owned(), share(of)];
    out.push_str(&table(&[
        ["verdict".to_owned(), "runs".to_owned()],
        verdict("pass", simulated.pass),
        verdict("fail (blocked)", simulated.fail),
        verdict("undecided", simulated.inconclusive),
    ]));
    out.push('\n');
    let (before, after) = (short(scenario.baseline_rate), short(scenario.candidate_rate));
    let rise = scenario.candidate_rate - scenario.baseline_rate;
    let change = if rise.abs() < 1e-9 {
        format!("that keeps the failure rate at {before}")
    } else {
        let how = if rise > 0.0 { "raises" } else { "lowers" };
        format!("that {how} the failure rate from {before} to {after}")
    };
    let (first, second) = if simulated.pass >= simulated.fail {
        (
            format!("passes {}", share(simulated.pass)),
            format!("is blocked {}", share(simulated.fail)),
        )
    } else {
        (
            format!("is blocked {}", share(simulated.fail)),
            format!("passes {}", share(simulated.pass)),
        )
    };
    let undecided = if simulated.inconclusive > 0.0 {
        format!(", and stays undecided {}", share(simulated.inconclusive))
    } else {
        String::new()
    };
    let and = if undecided.is_empty() { " and" } else { "," };
    paragraph(
        &mut out,
        "",
        &format!("A change {change} {first} of the time{and} {second}{undecided}."),
    );
    paragraph(
        &mut out,
        "",
        &format!(
            "It takes {} images of the candidate on average, and {} or fewer in nine runs of ten; the baseline's are taken to be stored.",
            words::thousands(nearest(simulated.mean_images)),
            words::thousands(nearest(simulated.p90_images)),
        ),
    );
    if suite {
        let wrong = full_run.wrong_pass + full_run.wrong_fail;
        let differs = if wrong == 0.0 {
            "No early verdict differed from that.".to_owned()
        } else {
            format!(
                "An early verdict differs from that in {} of runs: it passes what the whole draw blocks in {}, and blocks what it passes in {}.",
                share(wrong),
                share(full_run.wrong_pass),
                share(full_run.wrong_fail),
            )
        };
        let blocks = share(full_run.blocks);
        paragraph(
            &mut out,
            "",
            &format!("The whole draw would block it {blocks} of the time. {differs}"),
        );
    }
    let from = from.as_ref().map_or_else(String::new, |from| {
        format!("; what was not given is from {}", crate::inert::one_line(from, 120))
    });
    paragraph(
        &mut out,
        "",
        &format!(
            "{} repetitions, seed {}{from}. Nothing was sent.",
            words::thousands(simulated.reps),
            scenario.seed
        ),
    );
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "images are not negative; a cast saturates"
)]
fn nearest(images: f64) -> u64 {
    images.round().max(0.0) as u64
}
