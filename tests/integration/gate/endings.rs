//! The five exit codes, and what each run leaves behind.

use presscheck_core::report::verdict_schema;
use serde_json::{Value, json};

use super::{Ran, Team, good, profile, prompts};

/// Runs with `--json`; stdout must then be exactly one JSON document.
async fn told(team: &Team, code: i32) -> (Ran, Value) {
    let ran = team.gate().arg("--json").run().await.ends(code);
    let document = serde_json::from_str(&ran.stdout).unwrap();
    assert!(!ran.stderr.trim().is_empty(), "people are told as well");
    (ran, document)
}

/// Holds the evidence to what readers of each file rely on.
fn is_whole(ran: &Ran, document: &Value) {
    let verdict = ran.verdict();
    assert_eq!(verdict, *document);
    let validator = jsonschema::validator_for(&verdict_schema()).unwrap();
    let errors: Vec<_> = validator.iter_errors(&verdict).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");

    let samples = ran.samples();
    let subject = ran.subject();
    assert_eq!(samples.len() as u64, 2 * subject["pairs"].as_u64().unwrap());
    for sample in &samples {
        if let Some(image) = &sample.image {
            let bytes = std::fs::read(ran.out.join(image)).unwrap();
            assert!(!bytes.is_empty(), "{image}");
        }
    }

    let junit = ran.read("junit.xml");
    assert!(junit.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{junit}");
    assert_eq!(junit.matches("<testsuite ").count(), junit.matches("</testsuite>").count());
    assert!(junit.trim_end().ends_with("</testsuites>"));
    let failed = junit.contains("<failure") || junit.contains("<error");
    assert_eq!(failed, verdict["blocking"].as_bool().unwrap(), "{junit}");

    let metrics = ran.read("metrics.prom");
    let line = format!(
        "presscheck_run_verdict{{verdict=\"{}\"}} 1\n",
        verdict["verdict"].as_str().unwrap()
    );
    assert!(metrics.contains(&line) && metrics.ends_with("\n# EOF\n"), "{metrics}");

    let page = ran.read("report.html");
    for start in ["src=\"", "href=\"", "src='", "href='", "url(", "@import"] {
        for (_, rest) in page.match_indices(start).map(|(at, _)| page.split_at(at + start.len())) {
            let target: String = rest.chars().take(60).collect();
            // What the docs say of a check is a link to follow; nothing is loaded from there.
            let docs = start == "href=\"" && target.starts_with(env!("CARGO_PKG_REPOSITORY"));
            let local = docs
                || target.starts_with("data:")
                || target.starts_with('#')
                || target.starts_with("images/");
            assert!(local, "the page points outside: {start}{target}");
        }
    }
    assert!(!page.contains("<script src"), "{page}");

    let summary = ran.read("summary.md");
    assert!(summary.contains("`hero`") || summary.contains("hero"), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_change_passes_with_0() {
    let team = Team::changing(&good(), 40).await;
    let (ran, document) = told(&team, 0).await;
    is_whole(&ran, &document);
    assert_eq!((&document["verdict"], &document["blocking"]), (&json!("pass"), &json!(false)));
    assert_eq!(document["subjects"][0]["outcomes"]["candidate"]["passed"], 40);
    // 40 × ($0.042 + $0.019).
    assert_eq!(document["spent_usd"], "2.44");
    assert_eq!(team.charged().to_string(), "$2.44");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_change_is_blocked_with_1() {
    let team = Team::changing(&profile(&json!({}), &json!({"wrong_aspect": "40%"})), 60).await;
    let (ran, document) = told(&team, 1).await;
    is_whole(&ran, &document);
    assert_eq!((&document["verdict"], &document["blocking"]), (&json!("fail"), &json!(true)));
    let failures = document["subjects"][0]["failures"].as_array().unwrap();
    assert!(failures.iter().all(|failure| failure["side"] == "candidate"), "{failures:?}");
    assert!(failures.iter().all(|failure| failure["checks"] == json!(["dimensions"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_can_not_be_used_ends_with_2() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["limits"]["failure_rate"]["max_increase"] = json!("2%");
    team.change(&policy, &prompts(4));
    let (ran, document) = told(&team, 2).await;
    assert_eq!((&document["exit"], &document["schema"]), (&json!(2), &json!(1)));
    assert!(ran.stderr.contains("no request was sent"), "{}", ran.stderr);
    assert!(!ran.out.join("verdict.json").exists());
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_usage_ends_with_2() {
    let team = Team::changing(&good(), 4).await;
    for arguments in [
        ["--budget", "much"],
        ["--max-images", "-1"],
        ["--bogus", "1"],
        ["--policy", "../presscheck.yaml"],
        ["--policy", "/etc/passwd"],
        ["--base", "nowhere"],
        ["--store", "gopher://x/y"],
    ] {
        let gate = if arguments[0] == "--base" { team.bare() } else { team.gate() };
        let ran = gate.arg(arguments[0]).arg(arguments[1]).run().await.ends(2);
        assert!(ran.stderr.starts_with("error"), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_inconclusive_with_3() {
    let team = Team::new(&profile(&json!({}), &json!({"server_error": "100%"}))).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["retries"] = json!(0);
    team.change(&policy, &prompts(60));
    let (ran, document) = told(&team, 3).await;
    is_whole(&ran, &document);
    let subject = &document["subjects"][0];
    assert_eq!(
        (&document["verdict"], &subject["stopped"]),
        (&json!("inconclusive"), &json!("unavailable"))
    );
    assert_eq!(document["blocking"], true);
    // An outage is no bad picture.
    assert_eq!(subject["flips"]["newly_failing"], 0);
    // It stops once the outage is certain, well before the end.
    assert!(subject["pairs"].as_u64().unwrap() < 40, "{subject}");

    // Where the policy lets undecided changes through, the same evidence exits 0 and says so.
    policy["inconclusive"] = json!("pass");
    team.change(&policy, &prompts(60));
    let (_, document) = told(&team, 0).await;
    assert_eq!(
        (&document["verdict"], &document["blocking"]),
        (&json!("inconclusive"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_does_not_exist_could_not_run_with_4() {
    let mut only_old = good();
    only_old["models"].as_object_mut().unwrap().remove("new");
    let team = Team::changing(&only_old, 60).await;
    let (ran, document) = told(&team, 4).await;
    assert_eq!(document["exit"], 4);
    assert!(ran.stderr.contains("no model `new` (the candidate's)"), "{}", ran.stderr);
    assert!(!ran.out.join("verdict.json").exists());
    // At once: what was in flight already, and no more.
    let log = team.log();
    let asked = |model: &str| log.iter().filter(|entry| entry.model == model).count();
    assert!((1..=8).contains(&asked("new")), "{}", asked("new"));
    assert!(asked("old") <= 16, "{}", asked("old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_always_rejected_could_not_run_with_4() {
    let team = Team::new(&good()).await;
    let policy = team.policy().to_string();
    let files = |models: Value| {
        [
            (super::POLICY, policy.clone()),
            (super::MODELS, models.to_string()),
            (super::PROMPTS, prompts(100)),
        ]
    };
    let hero = |params: Value| json!({"models": {"hero": {"provider": "studio", "model": "old", "params": params}}});
    let base = team.commit("main", &[], &files(hero(json!({}))));
    team.commit("change", &[&base], &files(hero(json!({"aspect_ratio": "1:9000"}))));
    let (ran, _) = told(&team, 4).await;
    assert!(
        ran.stderr.contains("rejects every request for `old` (the candidate's)"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("1:9000"), "the provider's words are shown: {}", ran.stderr);
    assert!(team.log().len() <= 40, "{}", team.log().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_baseline_is_judged_by_what_is_stored_of_it() {
    let mut profile = good();
    profile["models"]["newer"] = profile["models"]["new"].clone();
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["price"]["newer"] = json!("$0.02");
    let (base, _) = team.change(&policy, &prompts(30));
    team.gate().run().await.ends(0);

    // Now the vendor has retired `old`, and the team tries another model.
    let files = [
        (super::POLICY, policy.to_string()),
        (super::MODELS, super::hero("newer")),
        (super::PROMPTS, prompts(30)),
    ];
    team.commit("change", &[&base], &files);
    profile["models"].as_object_mut().unwrap().remove("old");
    let team = team.serve_instead(&profile).await;
    let ran = team.gate().run().await.ends(0);
    assert_eq!(ran.subject()["from_store"], json!({"baseline": 30, "candidate": 0}));
    assert!(team.log().iter().all(|entry| entry.model == "newer"));

    // With nothing stored there is nothing to compare with: no verdict, and no pile of wasted images.
    let ran = team.gate().named("fresh").run().await.ends(3);
    ran.has_note("The baseline's model is no longer served (its provider: “");
    assert_eq!(ran.subject()["stopped"], "unavailable");
    assert_eq!(
        ran.subject()["reason"],
        "The baseline's model is no longer served, and the stored results of it reach 0 of 30 pairs."
    );
    assert!(team.log().len() <= 30 + 32, "{}", team.log().len());
}
