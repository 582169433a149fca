//! What the gate counts is what the server did, outcome by outcome; and it counts the same however it is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use presscheck::simulator::{Fault, Profile, expected_outcome};
use presscheck_core::gate::{Outcome, Side};
use presscheck_core::policy::Node;
use presscheck_core::prompts::{PromptFile, read_prompts};
use presscheck_core::report::SampleLine;
use presscheck_core::units::{RepoPath, Usd};
use serde_json::{Value, json};

use super::{MODELS, POLICY, PROMPTS, Ran, Team, essence, good, hero, profile, prompts, without};

/// Every fault that `decode`, `dimensions` and the transport can see. Those of the service last for all
/// attempts with `old`, and for one with `new`.
fn faults() -> Value {
    let old = json!({
        "wrong_aspect": "6%", "wrong_size": "4%", "truncated": "6%", "bad_header": "6%", "html": "6%",
        "json_error": "6%", "refused": "6%", "refused_output": "5%", "empty": "5%", "server_error": "5%", "rate_limited": "5%",
        "retry_after": "0s", "cut": "5%", "slow_body": "1.5%", "slow_body_for": "10m",
    });
    let mut new = old.clone();
    new["server_error_attempts"] = json!(1);
    new["rate_limited_attempts"] = json!(1);
    profile(&old, &new)
}

/// A prompt set of a team of its own, and its file.
async fn counted(path: &str, text: String, count: u64) {
    let team = Team::new(&faults()).await;
    let mut policy = team.policy();
    policy["prompts"] = json!([path]);
    policy["sample"] = json!({"max": count, "batch": 100, "seed": 11, "stop": "end"});
    policy["limits"]["unavailable"] = json!({"max": "99%"});
    let provider = &mut policy["providers"]["studio"];
    provider["concurrency"] = json!(16);
    provider["timeout"] = json!("3s");
    provider["retries"] = json!(1);
    let files = |model| [(POLICY, policy.to_string()), (MODELS, hero(model)), (path, text.clone())];
    let base = team.commit("main", &[], &files("old"));
    team.commit("change", &[&base], &files("new"));
    let ran = team.gate().run().await;
    // Which way it goes is not the matter here; that it comes to a verdict is.
    assert!([0, 1, 3].contains(&ran.code), "{}", ran.stderr);
    assert_eq!(ran.subject()["pairs"], count);
    compare(&team, &ran);
}

/// Holds the evidence to the profile and to the server's log.
fn compare(team: &Team, ran: &Ran) {
    let profile = Profile::from_tree(&Node::from_json(&faults())).unwrap();
    let samples = ran.samples();
    let mut seen = BTreeMap::<(&str, &str), u64>::new();
    for sample in &samples {
        let fault = profile.fault(&sample.model, &sample.prompt, sample.seed);
        let passing = matches!(fault, Some(Fault::ServerError | Fault::RateLimited));
        let (expected, attempts) = match (passing, sample.side) {
            // It was there at the first attempt only.
            (true, Side::Candidate) => (Outcome::Passed, 2),
            (true, Side::Baseline) => (expected_outcome(fault), 2),
            (false, _) => (expected_outcome(fault), 1),
        };
        let said = format!("{fault:?} {sample:?}");
        assert_eq!((sample.outcome, sample.attempts), (expected, attempts), "{said}");
        // What is told of each request: all but the last failed by the service, or they would not have been repeated.
        assert_eq!(u32::try_from(sample.requests.len()).unwrap(), attempts, "{said}");
        let (last, earlier) = sample.requests.split_last().unwrap();
        assert!(earlier.iter().all(|request| request.fault.is_some()), "{said}");
        assert_eq!(last.fault.is_some(), expected == Outcome::Unavailable, "{said}");
        *seen.entry((sample.side.word(), sample.outcome.word())).or_default() += 1;
    }
    for fault in Fault::ALL.into_iter().filter(|fault| !unseen(*fault)) {
        let met = samples.iter().any(|s| profile.fault(&s.model, &s.prompt, s.seed) == Some(fault));
        assert!(met, "{fault:?} was never drawn, so nothing was shown of it");
    }

    let outcomes = &ran.subject()["outcomes"];
    for side in [Side::Baseline, Side::Candidate] {
        for outcome in ["passed", "failed", "broken", "refused", "unavailable"] {
            let count = seen.get(&(side.word(), outcome)).copied().unwrap_or(0);
            assert_eq!(outcomes[side.word()][outcome], count, "{side} {outcome}");
        }
    }
    agrees_with_the_log(team, ran, &samples);
}

/// Whether a fault needs other checks to be seen.
fn unseen(fault: Fault) -> bool {
    matches!(fault, Fault::GarbledText | Fault::MissingText | Fault::ColorShift | Fault::Blank)
}

/// Every request stands behind a sample's attempt, and every dollar charged is counted.
fn agrees_with_the_log(team: &Team, ran: &Ran, samples: &[SampleLine]) {
    let log = team.log();
    let mut asked = BTreeMap::<(String, String, u64), u32>::new();
    for entry in &log {
        *asked.entry((entry.model.clone(), entry.prompt.clone(), entry.seed)).or_default() += 1;
    }
    let told: BTreeMap<_, _> =
        samples.iter().map(|s| ((s.model.clone(), s.prompt.clone(), s.seed), s.attempts)).collect();
    assert_eq!(told.len(), samples.len(), "a sample is asked for once");
    assert_eq!(asked, told);

    assert_eq!(
        format!("${}", ran.verdict()["spent_usd"].as_str().unwrap()),
        team.charged().to_string()
    );
    let mut charged = BTreeMap::<(String, String, u64), Usd>::new();
    for entry in log {
        *charged.entry((entry.model, entry.prompt, entry.seed)).or_default() += entry.charged_usd;
    }
    for sample in samples {
        let key = (sample.model.clone(), sample.prompt.clone(), sample.seed);
        assert_eq!(charged.get(&key), Some(&sample.cost_usd), "{sample:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_the_servers_own_over_parti_prompts() {
    let Some(data) = std::env::var_os("PRESSCHECK_TEST_DATA").map(PathBuf::from) else {
        eprintln!("SKIPPED: PRESSCHECK_TEST_DATA names no folder with prompts/parti in it");
        return;
    };
    let text = std::fs::read_to_string(data.join("prompts/parti/PartiPrompts.tsv")).unwrap();
    counted("prompts/parti.tsv", text, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_the_servers_own_over_the_examples_prompts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/storefront/prompts");
    let mut lines = String::new();
    for path in super::files_below(&folder) {
        let name: RepoPath = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let file = PromptFile { path: &name, bytes: &bytes, tags: &[], text_from_prompt: false };
        for case in read_prompts(&[file], &presscheck_core::checks::all_expectations()).cases {
            // Without its own expectations: the policy's size, which is small, holds for all.
            lines += &format!("{}\n", json!({"prompt": case.prompt, "tags": case.tags}));
        }
    }
    for n in 0..60 {
        lines +=
            &format!("{}\n", json!({"prompt": format!("Extra picture {n}"), "tags": ["extra"]}));
    }
    counted("prompts.jsonl", lines, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_and_batches_change_nothing() {
    let faults = json!({
        "wrong_aspect": "5%", "truncated": "5%", "html": "5%", "refused": "5%", "cut": "2%",
        "server_error": "4%", "server_error_attempts": 1,
    });
    let team = Team::new(&profile(&faults, &faults)).await;
    for (stop, expected) in [("end", 80..81), ("verdict", 17..80)] {
        let mut first: Option<Value> = None;
        for (concurrency, batch) in [(1, 16), (4, 1), (4, 64), (32, 16), (32, 64)] {
            let mut policy = team.policy();
            policy["sample"] = json!({"max": 80, "batch": batch, "seed": 5, "stop": stop});
            policy["limits"]["unavailable"] = json!({"max": "99%"});
            policy["providers"]["studio"]["concurrency"] = json!(concurrency);
            team.change(&policy, &prompts(100));
            let ran = team.gate().named(&format!("{stop}-{concurrency}-{batch}")).run().await;
            // The policy is part of the commit.
            let found = without(&essence(&ran.verdict()), &["commit", "label"]);
            let pairs = found["subjects"][0]["pairs"].as_u64().unwrap();
            assert!(expected.contains(&pairs), "{pairs} pairs: {}", ran.stderr);
            match &first {
                Some(first) => {
                    assert_eq!(*first, found, "{concurrency} at once, batches of {batch}");
                }
                None => first = Some(found),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_draw_is_seeded_and_stored_results_are_the_same_results() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["sample"]["stop"] = json!("end");
    team.change(&policy, &prompts(400));
    let ran = team.gate().run().await.ends(0);
    let bought = team.log().len();
    assert_eq!(bought, 600, "300 of 400 prompts, for both sides");
    let again = team.gate().out("again").run().await.ends(0);
    assert_eq!(team.log().len(), bought, "nothing is asked twice");
    assert_eq!(again.verdict()["spent_usd"], "0.00");
    assert_eq!(again.subject()["from_store"], json!({"baseline": 300, "candidate": 300}));
    // The very same: measured times come from the store, too.
    let keys = ["spent_usd", "images_bought", "from_store"];
    assert_eq!(without(&again.verdict(), &keys), without(&ran.verdict(), &keys));
    team.gate().out("afresh").arg("--resume").arg("false").run().await.ends(0);
    assert_eq!(team.log().len(), 2 * bought, "`--resume false` buys everything afresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn buying_stops_at_the_proof_and_a_finished_run_is_read() {
    let team = Team::changing(&profile(&json!({}), &json!({"truncated": "20%"})), 400).await;
    let ran = team.gate().run().await.ends(1);
    let (subject, bought) = (ran.subject(), team.log().len());
    assert_eq!((&subject["verdict"], &subject["stopped"]), (&json!("fail"), &json!("decided")));
    let pairs = subject["pairs"].as_u64().unwrap();
    assert!((16..150).contains(&pairs), "{pairs}");
    // What was under way is paid for: no more than a batch, of both sides.
    assert!(bought as u64 <= 2 * (pairs + 16), "{bought} requests for {pairs} pairs");
    assert_eq!(subject["limits"][0]["decided_at"], pairs);
    let points = subject["evidence"]["points"].as_array().unwrap();
    assert_eq!(points.last().unwrap()["pairs"], pairs);
    let again = team.gate().out("again").run().await.ends(1);
    assert_eq!(team.log().len(), bought, "a proven verdict is read, not bought on");
    let keys = ["spent_usd", "images_bought", "from_store"];
    assert_eq!(without(&again.verdict(), &keys), without(&ran.verdict(), &keys));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_baseline_costs_nothing_and_saves_half_of_the_rest() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["sample"]["max"] = json!(400);
    let files = |model: &str| {
        [(POLICY, policy.to_string()), (MODELS, hero(model)), (PROMPTS, prompts(400))]
    };
    let base = team.commit("main", &[], &files("old"));
    team.commit("change", &[&base], &files("new"));
    // With nothing known, both sides are bought until the verdict is proven.
    let first = team.gate().run().await.ends(0);
    assert_eq!(first.subject()["baseline_known"], false);
    // The rest of the baseline, bought by whatever came before.
    let mut whole = policy.clone();
    whole["sample"]["stop"] = json!("end");
    let main = [(POLICY, whole.to_string()), (MODELS, hero("old")), (PROMPTS, prompts(400))];
    let base = team.commit("main", &[], &main);
    let change = [(POLICY, whole.to_string()), (MODELS, hero("new")), (PROMPTS, prompts(400))];
    team.commit("change", &[&base], &change);
    team.gate().out("whole").run().await.ends(0);
    // Another change is judged against what is known.
    let before = team.log().len();
    let base = team.commit("main", &[], &files("old"));
    let mut other = hero("new");
    other = other.replace("\"model\":\"new\"", "\"model\":\"new\",\"params\":{\"steps\":8}");
    let head = [(POLICY, policy.to_string()), (MODELS, other), (PROMPTS, prompts(400))];
    team.commit("change", &[&base], &head);
    let ran = team.gate().out("known").run().await.ends(0);
    let subject = ran.subject();
    assert_eq!(
        (&subject["baseline_known"], &subject["stopped"]),
        (&json!(true), &json!("decided"))
    );
    assert_eq!(subject["from_store"]["baseline"], subject["pairs"]);
    assert_eq!(subject["from_store"]["candidate"], 0);
    assert!(team.log()[before..].iter().all(|entry| entry.model == "new"), "candidates only");
}
