use super::super::fixtures;
use super::*;
use crate::gate::BaselineGone;

fn subject(run: crate::report::Run) -> SubjectVerdict {
    run.verdict.subjects.into_iter().next().unwrap()
}

fn claims(verdict: &SubjectVerdict) -> Vec<String> {
    claim(verdict).iter().map(Line::plain).collect()
}

#[test]
fn why_it_stopped_is_said_with_the_confidence_of_the_policy() {
    let mut verdict = subject(fixtures::early_pass());
    assert_eq!(
        stopped(&verdict, "**"),
        "Proven after **160 of 600** pairs (95% confidence); 440 were not bought."
    );
    verdict.errors.let_bad_through = 0.025;
    assert_eq!(
        stopped(&verdict, ""),
        "Proven after 160 of 600 pairs (97.5% confidence); 440 were not bought."
    );
    let mut verdict = subject(fixtures::early_fail());
    verdict.errors.block_good = 0.01;
    assert_eq!(
        stopped(&verdict, ""),
        "Proven after 124 of 600 pairs (99% confidence); 476 were not needed.",
        "five more images were under way, so that some pairs are bought in part"
    );
    verdict.proven = false;
    assert_eq!(stopped(&verdict, ""), "Judged over 124 of 600 pairs.");
    verdict.errors.block_good = f64::NAN;
    verdict.proven = true;
    assert_eq!(stopped(&verdict, ""), "Judged over 124 of 600 pairs.", "no nonsense");
}

#[test]
fn what_a_cut_draw_covers_depends_on_the_claim() {
    let mut verdict = subject(fixtures::max());
    assert_eq!(
        stopped(&verdict, ""),
        "Judged over all 400 drawn pairs: about these 400 of 1,632, not about the rest."
    );
    verdict.claim = "model".to_owned();
    assert_eq!(stopped(&verdict, ""), "Judged over all 400 pairs that the policy allows.");
    verdict.stopped = Stopped::Decided;
    assert_eq!(stopped(&verdict, ""), "Proven after all 400 pairs (95% confidence).");
    verdict.pairs = 120;
    verdict.stopped = Stopped::Max;
    assert_eq!(
        stopped(&verdict, ""),
        "Judged over 120 of 400 pairs: the most images that this run was allowed."
    );
}

#[test]
fn the_claim_says_how_often_it_may_be_wrong() {
    let mut verdict = subject(fixtures::early_fail());
    assert_eq!(
        claims(&verdict),
        [
            "Claim: what the whole draw of 600 pairs would say (these prompts, these seeds).",
            "An early stop disagrees with the whole draw in at most 5% of cases on either side.",
            "A limit on latency blocks only where the change is shown to be too slow; where neither is shown, \
             it passes with a note.",
            "When the proof stood, 5 more images were under way: paid for, kept in the store, not judged.",
            "The baseline's results were all in the store when the run began, so that only the candidate's \
             images were new, and knowing them made the proof come sooner.",
        ]
    );
    verdict.claim = "model".to_owned();
    assert!(claims(&verdict)[0].contains("true rates"));
    assert!(claims(&verdict).iter().all(|text| !text.contains("sooner")), "known rates tune only");
    let verdict = subject(fixtures::model_undecided());
    let open = &claims(&verdict)[0];
    assert!(open.starts_with("The question:") && open.ends_with("It stays open."), "{open}");
    let verdict = subject(fixtures::max());
    assert_eq!(
        claims(&verdict)[2],
        "The prompt sets hold 1,632 pairs: nothing is claimed about the 1,232 that were not drawn."
    );
}

#[test]
fn what_would_decide_names_the_setting_that_helps() {
    let budget = fixtures::usd("$25");
    let mut verdict = subject(fixtures::model_undecided());
    let told = |verdict: &SubjectVerdict| what_would_decide(verdict, budget).unwrap();
    assert_eq!(
        told(&verdict),
        "About 900 pairs in all would probably decide (about $20.00 more): raise `sample.max`, and `budget`."
    );
    verdict.pairs_to_decide = Some(500);
    assert_eq!(
        told(&verdict),
        "About 500 pairs in all would probably decide (about $4.00 more): raise `sample.max`."
    );
    verdict.population = 400;
    assert!(told(&verdict).contains("raise `sample.repeats`"), "every prompt is drawn already");
    verdict.stopped = Stopped::Budget;
    verdict.planned = 600;
    verdict.population = 600;
    assert_eq!(
        told(&verdict),
        "The budget of $25.00 covered 400 of 600 pairs; about 500 would probably decide, for about $4.00 \
         more. Raise `budget`."
    );
    verdict.stopped = Stopped::Unavailable;
    assert!(told(&verdict).starts_with("Run it again"));
    let since = Some("2026-08-17".to_owned());
    verdict.baseline_gone = Some(BaselineGone { since, words: "no longer available".to_owned() });
    assert!(told(&verdict).starts_with("No further run can tell more"));
    assert_eq!(
        stopped(&verdict, ""),
        "Judged over 400 of 600 pairs: the baseline's model was retired on 2026-08-17, and no more of its results are \
         stored."
    );
    verdict.baseline_gone = None;
    verdict.stopped = Stopped::Max;
    assert!(told(&verdict).ends_with("allow more images (`--max-images`)."));
    assert_eq!(what_would_decide(&subject(fixtures::pass()), budget), None);
}

#[test]
fn an_undecided_verdict_says_which_way_it_leans_and_by_what() {
    let mut verdict = subject(fixtures::model_undecided());
    let told = |verdict: &SubjectVerdict| lean(verdict).map(|line| line.plain());
    assert_eq!(
        told(&verdict).unwrap(),
        "The figures lean to fail (failure rate +3.2 pts, at most +2 pts allowed), which is not proven."
    );
    verdict.lean = Some(Decision::Pass);
    assert!(told(&verdict).unwrap().starts_with("The figures lean to pass (failure rate"));
    verdict.verdict = Decision::Pass;
    assert_eq!(told(&verdict), None, "only what is undecided leans");
}

#[test]
fn prompts_that_always_fail_are_named_new_ones_first() {
    let verdict = subject(fixtures::always_fail());
    let (lines, more) = always_failing(&verdict, 2);
    let lines: Vec<String> = lines.iter().map(Line::plain).collect();
    assert_eq!(
        lines,
        [
            "`poster-001` fails on all 3 repeats; the baseline on none",
            "`sale-de-003` fails on all 3 repeats; the baseline on 1"
        ]
    );
    assert_eq!(more, 1);
    let (all, _) = always_failing(&verdict, 9);
    assert!(all[2].plain().ends_with("; the baseline as well"));
}
