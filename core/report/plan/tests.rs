use insta::assert_snapshot;
use rust_decimal::Decimal;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::gate::simulate::{Game, Play, Scenario};
use crate::policy::{Problems, Span};

fn usd(cents: i64) -> Usd {
    Usd::from_decimal(Decimal::new(cents, 2))
}

fn stratum(name: &str, prompts: u64) -> PlannedStratum {
    PlannedStratum { name: name.to_owned(), prompts, pairs: prompts }
}

fn subject() -> PlannedSubject {
    PlannedSubject {
        name: "hero".to_owned(),
        baseline: Some("gemini-3-pro-image".to_owned()),
        candidate: "sd3.5-large-turbo".to_owned(),
        judged: true,
        stored: BySide { baseline: 600, candidate: 0 },
        baseline_seen: Seen { answers: 600, failures: 11 },
        rate: 0.0191,
        rate_known: true,
        expected: Bill { pairs: 272.4, images: 279.1, usd: usd(1117), minutes: Some(1.2) },
        worst: Bill { pairs: 600.0, images: 600.0, usd: usd(2400), minutes: Some(2.5) },
        ends_by: None,
        pass: 0.996,
        fail: 0.004,
        inconclusive: 0.0,
        smallest_rise: Some(0.0302),
        max_increase: Some(0.02),
        timed: 600,
    }
}

fn plan() -> Plan {
    Plan {
        schema: 1,
        policy: "presscheck.yaml".to_owned(),
        policy_at: "main@4f2c91a".to_owned(),
        claim: Claim::Suite,
        budget_usd: usd(2500),
        prompts: 600,
        pairs: 600,
        population: 600,
        strata: vec![
            stratum("adversarial", 90),
            stratum("brand", 60),
            stratum("locale", 150),
            stratum("typography", 300),
        ],
        subjects: vec![subject()],
        nothing: None,
        notes: vec![
            "This change edits presscheck.yaml: it is judged by the policy of main@4f2c91a."
                .to_owned(),
        ],
        warnings: Vec::new(),
    }
}

/// A first run that nothing is known of, cut by its budget, with a claim about the models.
fn first() -> Plan {
    let unknown = PlannedSubject {
        stored: BySide::default(),
        baseline_seen: Seen::default(),
        rate: 0.02,
        rate_known: false,
        expected: Bill { pairs: 184.0, images: 368.0, usd: usd(3201), minutes: None },
        worst: Bill { pairs: 200.0, images: 400.0, usd: usd(3480), minutes: Some(75.0) },
        ends_by: Some("budget".to_owned()),
        pass: 0.41,
        fail: 0.018,
        inconclusive: 0.572,
        smallest_rise: None,
        timed: 0,
        ..subject()
    };
    let mut strata: Vec<_> = (0..14).map(|n| stratum(&format!("tag-{n:02}"), 40 - n)).collect();
    strata.push(stratum("untagged", 131));
    Plan {
        claim: Claim::Model,
        population: 1200,
        strata,
        subjects: vec![
            unknown,
            PlannedSubject {
                name: "thumbnail".to_owned(),
                baseline: None,
                max_increase: None,
                ..subject()
            },
        ],
        notes: Vec::new(),
        ..plan()
    }
}

#[test]
fn a_new_model_that_no_limit_can_judge_is_told_so() {
    let lonely = PlannedSubject { baseline: None, judged: false, ..subject() };
    assert_snapshot!("plan_lonely", plan_text(&Plan { subjects: vec![lonely], ..plan() }));
}

#[test]
fn plans_read_well() {
    assert_snapshot!("plan_stored", plan_text(&plan()));
    assert_snapshot!("plan_first", plan_text(&first()));
    let nothing = Plan {
        prompts: 0,
        pairs: 0,
        population: 0,
        strata: Vec::new(),
        subjects: Vec::new(),
        nothing: Some("Nothing to judge: no model of models.yaml differs from the baseline because of this change.".to_owned()),
        ..plan()
    };
    assert_snapshot!("plan_nothing", plan_text(&nothing));
    let frozen = Plan {
        nothing: Some("Model changes are frozen until 2026-12-07: peak season".to_owned()),
        notes: Vec::new(),
        ..plan()
    };
    assert_snapshot!("plan_frozen", plan_text(&frozen));
}

#[test]
fn lines_keep_to_80_columns_whatever_names_there_are() {
    let mut hostile = first();
    for subject in &mut hostile.subjects {
        subject.name = "\u{1b}[31m".repeat(30);
        subject.candidate = "語".repeat(90);
        subject.baseline = Some("x\u{202e}".repeat(90));
        subject.baseline_seen = Seen { answers: 3, failures: 1 };
    }
    hostile.policy = "p".repeat(400);
    hostile.strata.push(stratum(&"語".repeat(80), 700));
    for plan in [plan(), first(), hostile] {
        let text = plan_text(&plan);
        assert!(!text.contains(|c| c != '\n' && crate::inert::is_invisible(c)), "{text:?}");
        for line in text.lines() {
            assert!(line.width() <= 100, "{line}");
        }
    }
    assert!(
        plan_text(&plan())
            .lines()
            .chain(plan_text(&first()).lines())
            .all(|line| line.width() <= 80)
    );
}

#[test]
fn the_document_has_the_same_facts() {
    let mut problems = Problems::new();
    problems.warning(Span { line: 5, column: 39, len: 3 }, "60 pairs can't tell", "allow 4pp");
    problems.warning(Span::default(), "the budget ends", "more");
    let warnings =
        problems.sorted().into_iter().map(|it| PlanWarning::of("presscheck.yaml", it)).collect();
    assert_snapshot!(plan_json(&Plan { warnings, strata: vec![stratum("a", 600)], ..plan() }));
}

#[test]
fn a_rehearsal_is_told_in_sentences() {
    let scenario = |play, candidate_rate| Scenario {
        baseline_rate: 0.018,
        candidate_rate,
        phi: 0.3,
        pairs: 200,
        play,
        limit: 0.02,
        batch: 1,
        let_bad_through: 0.05,
        block_good: 0.05,
        seed: 7,
    };
    let text = |play, candidate_rate| {
        let scenario = scenario(play, candidate_rate);
        let played = Game::new(scenario).unwrap().play(0..200);
        rehearsal_text(&Rehearsal {
            scenario,
            simulated: played.simulated(),
            full_run: played.full_run(),
            from: (play == Play::Model).then(|| "presscheck.yaml at work tree".to_owned()),
        })
    };
    assert_snapshot!("rehearsal_suite", text(Play::SuiteStored, 0.018));
    assert_snapshot!("rehearsal_model", text(Play::Model, 0.06));
}
