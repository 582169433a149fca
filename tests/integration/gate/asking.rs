//! Checks that ask a provider: bought once, counted apart, never a pass in disguise.

use presscheck_core::checks::CheckResult;
use presscheck_core::gate::Outcome;
use presscheck_core::units::Usd;
use serde_json::{Value, json};

use super::{MODELS, POLICY, PROMPTS, Team, essence, files_below, hero, profile, prompts};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A profile with a model that answers questions.
fn with_vision(vision: &Value) -> Value {
    let mut profile = profile(&json!({}), &json!({}));
    profile["models"]["vision-1"] = vision.clone();
    profile
}

/// A team that asks one question about each picture, three times, and pays a cent for each answer.
async fn team(kind: &str, vision: &Value, more: &Value, count: usize) -> Team {
    let team = Team::new(&with_vision(vision)).await;
    let mut policy = team.policy();
    policy["providers"]["vision"] = json!({
        "kind": kind,
        "url": format!("http://{}", team.server.addr()),
        "price": {"vision-*": "$0.01"},
        "retries": 1,
        "concurrency": 16,
    });
    policy["checks"]["judge"] = json!({
        "provider": "vision",
        "model": "vision-1",
        "questions": [{"ask": "Does this show {prompt}?"}],
    });
    for (key, value) in more.as_object().unwrap() {
        policy["checks"]["judge"][key] = value.clone();
    }
    team.change(&policy, &prompts(count));
    team
}

fn answering() -> Value {
    json!({"price": "$0.01"})
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dialect_answers_and_nothing_is_asked_twice() {
    for kind in ["google", "openai", "simulated"] {
        let team = team(kind, &answering(), &json!({}), 6).await;
        let ran = team.gate().run().await.ends(0);
        let subject = ran.subject();
        // 12 pictures, a question of three votes each.
        assert_eq!(subject["checks_usd"], "0.36", "{kind}");
        let asked = team.log().iter().filter(|entry| entry.model == "vision-1").count();
        assert_eq!(asked, 36, "{kind}");
        assert_eq!(
            format!("${}", ran.verdict()["spent_usd"].as_str().unwrap()),
            team.charged().to_string()
        );
        // It is no part of what an image costs.
        assert_eq!(subject["cost"]["baseline"]["per_1k_usd"], "42.00", "{kind}");
        for sample in ran.samples() {
            assert_eq!(sample.checks_cost_usd, usd("$0.03"));
            let finding = sample.findings.iter().find(|it| it.check == "judge").unwrap();
            assert_eq!(finding.result, CheckResult::Pass, "{finding:?}");
            assert_eq!(finding.measured["votes"]["yes"], 3);
        }
        assert!(
            ran.read("summary.md").contains("of which $0.36 for questions of checks"),
            "{kind}"
        );
        let before = team.log().len();
        let again = team.gate().out("again").run().await.ends(0);
        assert_eq!(team.log().len(), before, "{kind}: a second run buys nothing");
        assert_eq!(essence(&again.verdict()), essence(&ran.verdict()), "{kind}");
        assert!(again.subject().get("checks_usd").is_none(), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_expected_fails_the_picture() {
    let vision = json!({"price": "$0.01", "says_no": "100%"});
    let team = team("google", &vision, &json!({}), 3).await;
    let ran = team.gate().run().await;
    for sample in ran.samples() {
        assert_eq!((sample.outcome, sample.kind.as_deref()), (Outcome::Failed, Some("judge")));
    }
    assert_eq!(ran.samples().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_skipped_and_said_or_leaves_nothing_to_judge() {
    let away = json!({"price": "$0.01", "faults": {"server_error": "100%"}});
    let open = team("openai", &away, &json!({}), 3).await;
    let ran = open.gate().run().await.ends(0);
    for sample in ran.samples() {
        let finding = sample.findings.iter().find(|it| it.check == "judge").unwrap();
        assert_eq!(finding.result, CheckResult::Skipped, "{finding:?}");
        assert!(finding.message.contains("could not be asked"), "{}", finding.message);
        assert_eq!(sample.outcome, Outcome::Passed);
    }
    let strict = team("openai", &away, &json!({"require": true}), 3).await;
    let ran = strict.gate().run().await.ends(3);
    for sample in ran.samples() {
        assert_eq!(sample.outcome, Outcome::Unavailable);
        assert_eq!(sample.kind.as_deref(), Some("check_unavailable"));
    }
    assert!(!ran.samples().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_no_vote_pass_nothing() {
    let babble = json!({"price": "$0.01", "faults": {"truncated": "100%"}});
    for kind in ["google", "openai"] {
        let team = team(kind, &babble, &json!({}), 2).await;
        let ran = team.gate().run().await;
        for sample in ran.samples() {
            assert_eq!(sample.outcome, Outcome::Failed, "{kind}");
            let finding = sample.findings.iter().find(|it| it.check == "judge").unwrap();
            assert_eq!(finding.result, CheckResult::Unsure);
        }
        assert!(!ran.samples().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_goes_to_its_own_host() {
    let (one, two) = ("sk-for-the-pictures-1111", "sk-for-the-questions-2222");
    let mut drawing = profile(&json!({}), &json!({}));
    drawing["key"] = json!(one);
    let mut looking = with_vision(&answering());
    looking["key"] = json!(two);
    let (team, other) = (Team::new(&drawing).await, Team::new(&looking).await);
    let mut policy = team.policy();
    policy["providers"]["studio"]["api_key_env"] = json!("ONE");
    policy["providers"]["studio"]["headers"] = json!({"authorization": "Bearer ${ONE}"});
    policy["providers"]["vision"] = json!({
        "kind": "openai",
        "url": format!("http://{}", other.server.addr()),
        "api_key_env": "TWO",
        "price": "$0.01",
    });
    policy["checks"]["judge"] = json!({
        "provider": "vision", "model": "vision-1", "questions": [{"ask": "Is it a picture?"}],
    });
    team.change(&policy, &prompts(2));
    // Each server turns every other key away.
    let ran = team.gate().env("ONE", one).env("TWO", two).run().await.ends(0);
    assert_eq!((team.log().len(), other.log().len()), (4, 12), "{}", ran.stderr);
    for path in files_below(team.folder.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(one) && !text.contains(two), "{}", path.display());
    }
    let swapped = team.gate().named("swapped").env("ONE", one).env("TWO", one).run().await.ends(4);
    assert!(swapped.stderr.contains("which a check asks, does not accept"), "{}", swapped.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_under_a_success_is_an_outage_and_no_vote() {
    let html = json!({"price": "$0.01", "faults": {"html": "100%"}});
    let team = team("openai", &html, &json!({}), 2).await;
    let ran = team.gate().run().await.ends(0);
    for sample in ran.samples() {
        let finding = sample.findings.iter().find(|it| it.check == "judge").unwrap();
        assert_eq!(finding.result, CheckResult::Skipped, "{finding:?}");
    }
    assert!(!ran.samples().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_holds_questions_too() {
    let team = team("google", &answering(), &json!({}), 40).await;
    let ran = team.gate().arg("--budget").arg("$0.50").run().await.ends(3);
    assert_eq!(ran.subject()["stopped"], "budget");
    assert!(team.charged() <= usd("$0.50"), "{}", team.charged());
    assert_eq!(
        format!("${}", ran.verdict()["spent_usd"].as_str().unwrap()),
        team.charged().to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_there_ends_the_run() {
    for kind in ["google", "openai"] {
        let team = team(kind, &answering(), &json!({"model": "vision-9"}), 5).await;
        let ran = team.gate().run().await.ends(4);
        assert!(
            ran.stderr.contains("has no model `vision-9`, which a check asks"),
            "{}",
            ran.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_t_be_asked_is_refused_before_anything_is_sent() {
    let team = team("google", &answering(), &json!({"provider": "studio"}), 2).await;
    let ran = team.gate().run().await.ends(2);
    assert!(
        ran.stderr.contains("none of that kind answers questions about pictures"),
        "{}",
        ran.stderr
    );
    assert!(team.log().is_empty());
}

/// A team with a program that fails each picture of the candidate's prompts that it is told to.
async fn team_with_program(script: &str, on_base: bool) -> Team {
    let team = Team::new(&super::good()).await;
    let mut policy = team.policy();
    policy["checks"]["command"] = json!({"run": ["sh", "checks/it.sh"], "timeout": "20s"});
    let files = |model: &str, with_policy: bool| {
        let mut files = vec![(MODELS, hero(model)), (PROMPTS, prompts(2))];
        if with_policy {
            files.push((POLICY, policy.to_string()));
            files.push(("checks/it.sh", script.to_owned()));
        }
        files
    };
    let base = team.commit("main", &[], &files("old", on_base));
    team.commit("change", &[&base], &files("new", true));
    team
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_the_team_s_own_judges() {
    let script = r#"read line; case "$line" in *'"case"'*) echo '{"result": "fail", "message": "not ours\u001b[2J", "region": [1, 2, 3, 4]}';; esac"#;
    let team = team_with_program(script, true).await;
    let ran = team.gate().run().await;
    assert_eq!(ran.samples().len(), 4);
    for sample in ran.samples() {
        assert_eq!((sample.outcome, sample.kind.as_deref()), (Outcome::Failed, Some("command")));
        let finding = sample.findings.iter().find(|it| it.check == "command").unwrap();
        assert_eq!(
            (finding.message.as_str(), finding.region),
            ("not ours [2J", Some([1, 2, 3, 4]))
        );
        assert!(sample.checks_cost_usd.is_zero());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_the_base_s_own_and_is_asked_once_about_a_picture() {
    let aside = tempfile::tempdir().unwrap();
    let runs = || std::fs::read_to_string(aside.path().join("runs")).unwrap_or_default();
    // What it says differs from run to run: a run that is repeated must not draw afresh.
    let script = |name: &str| {
        format!(
            "echo {name} >> {0}/runs; n=$(wc -l < {0}/runs); echo '{{\"result\": \"pass\", \"message\": \"run '$n'\"}}'",
            aside.path().display()
        )
    };
    let team = Team::new(&super::good()).await;
    let mut policy = team.policy();
    policy["checks"]["command"] = json!({"run": ["sh", "checks/it.sh"], "timeout": "20s"});
    let files = |model: &str, name: &str| {
        [
            (MODELS, hero(model)),
            (PROMPTS, prompts(2)),
            (POLICY, policy.to_string()),
            ("checks/it.sh", script(name)),
        ]
    };
    let base = team.commit("main", &[], &files("old", "base"));
    team.commit("change", &[&base], &files("new", "head"));
    let ran = team.gate().run().await.ends(0);
    assert_eq!(runs(), "base\n".repeat(4), "{}", ran.stderr);
    let again = team.gate().out("again").run().await.ends(0);
    assert_eq!(runs(), "base\n".repeat(4), "it said all of it before");
    let found = |ran: &super::Ran| -> Vec<_> {
        ran.samples().into_iter().map(|sample| sample.findings).collect()
    };
    assert_eq!(found(&again), found(&ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_shown_and_does_nothing() {
    let message =
        "<img src=x onerror=alert(1)> ![x](https://e.example/x.png) `|` \u{202e}gpj\n::error::no";
    let answer = json!({"result": "fail", "message": message, "measured": {"<b>": "</script>"}});
    let script = format!("cat <<'END'\n{answer}\nEND\n");
    let team = team_with_program(&script, true).await;
    let ran = team.gate().run().await;
    assert!(!ran.samples().is_empty());
    assert!(ran.samples().iter().all(|sample| sample.outcome == Outcome::Failed));
    let told = |name: &str| ran.read(name);
    for (file, never) in [
        ("report.html", "<img src=x"),
        ("report.html", "\u{202e}"),
        ("summary.md", "<img src=x"),
        ("summary.md", "![x]("),
        ("summary.md", "\n::error::"),
        ("summary.md", "\u{202e}"),
        ("junit.xml", "<img src=x"),
        ("verdict.json", "\u{202e}"),
    ] {
        assert!(!told(file).contains(never), "{file}: {never}");
    }
    assert!(!ran.stderr.contains("\n::error::") && !ran.stderr.contains('\u{202e}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_could_not_judge() {
    let team = team_with_program("exit 1", true).await;
    let ran = team.gate().run().await.ends(0);
    assert!(!ran.samples().is_empty());
    for sample in ran.samples() {
        let finding = sample.findings.iter().find(|it| it.check == "command").unwrap();
        assert_eq!(finding.result, CheckResult::Skipped);
        assert!(finding.message.contains("exit status: 1"), "{}", finding.message);
    }
    let babbling = team_with_program("echo yes", true).await;
    let ran = babbling.gate().run().await.ends(0);
    assert!(!ran.samples().is_empty());
    for sample in ran.samples() {
        let finding = sample.findings.iter().find(|it| it.check == "command").unwrap();
        assert_eq!(finding.result, CheckResult::Skipped);
        assert!(finding.message.contains("printed no JSON"), "{}", finding.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_named_before_anything_is_sent() {
    let team = Team::new(&super::good()).await;
    for (run, words) in [
        ("no-such-program", "the program `no-such-program` is not installed here"),
        ("checks/none.sh", "the file checks/none.sh does not exist at"),
    ] {
        let mut policy = team.policy();
        policy["checks"]["command"] = json!({"run": [run]});
        team.change(&policy, &prompts(2));
        let ran = team.gate().run().await.ends(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_brings_itself_is_never_run() {
    let marker = tempfile::tempdir().unwrap();
    let place = marker.path().join("ran");
    let script =
        format!("touch {}; echo '{{\"result\": \"pass\", \"message\": \"x\"}}'", place.display());
    let team = team_with_program(&script, false).await;
    let ran = team.gate().run().await;
    assert!(!place.exists(), "{}", ran.stderr);
    for sample in ran.samples() {
        let finding = sample.findings.iter().find(|it| it.check == "command").unwrap();
        assert_eq!(finding.result, CheckResult::Skipped);
    }
    assert!(!ran.samples().is_empty(), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_reader_settles_what_the_first_does_not_know() {
    let team = Team::new(&with_vision(&answering())).await;
    let mut policy = team.policy();
    policy["providers"]["vision"] = json!({
        "kind": "google",
        "url": format!("http://{}", team.server.addr()),
        "price": "$0.01",
    });
    let second = json!({"provider": "vision", "model": "vision-1"});
    policy["checks"]["text"] = json!({"second_reader": second});
    // Letters outside the first reader's alphabet; and nothing is expected of the other.
    team.change(&policy, "a sign that says \"ОТКРЫТО\"\na plain wall\n");
    let ran = team.gate().run().await;
    // The simulator writes down no text, and is asked about the signs alone.
    let asked: Vec<_> = team.log().into_iter().filter(|it| it.model == "vision-1").collect();
    assert_eq!(asked.len(), 2, "{}", ran.stderr);
    assert!(asked.iter().all(|it| !it.prompt.contains("ОТКРЫТО")), "it is not told what to expect");
    for sample in ran.samples() {
        let sign = sample.prompt.contains("sign");
        let outcome = if sign { Outcome::Failed } else { Outcome::Passed };
        assert_eq!(sample.outcome, outcome, "{:?}", sample.findings);
        assert_eq!(sample.checks_cost_usd, if sign { usd("$0.01") } else { Usd::ZERO });
    }
}

/// A team whose pictures go to a moderation endpoint, for half a cent each.
async fn moderated(kind: &str, model: &Value, more: &Value, count: usize) -> Team {
    let team = Team::new(&with_vision(model)).await;
    let mut policy = team.policy();
    policy["providers"]["guard"] = json!({
        "kind": kind,
        "url": format!("http://{}", team.server.addr()),
        "price": "$0.005",
        "retries": 1,
    });
    policy["checks"]["safety"] = more.clone();
    policy["checks"]["safety"]["moderation"]["provider"] = json!("guard");
    policy["checks"]["safety"]["moderation"]["model"] = json!("vision-1");
    team.change(&policy, &prompts(count));
    team
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderation_is_asked_once_about_each_picture() {
    let calm = json!({"price": "$0.005"});
    for kind in ["openai", "simulated"] {
        let team = moderated(kind, &calm, &json!({}), 4).await;
        let ran = team.gate().run().await.ends(0);
        assert_eq!(ran.subject()["checks_usd"], "0.04", "{kind}");
        for sample in ran.samples() {
            let finding = sample.findings.iter().find(|it| it.check == "safety").unwrap();
            assert_eq!(finding.result, CheckResult::Pass, "{kind}: {finding:?}");
            assert_eq!(sample.checks_cost_usd, usd("$0.005"));
        }
        let before = team.log().len();
        team.gate().out("again").run().await.ends(0);
        assert_eq!(team.log().len(), before, "{kind}: a second run buys nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_moderation_flags_fails_and_is_withheld_from_the_report() {
    let strict = json!({"price": "$0.005", "flags": "100%"});
    let team = moderated("openai", &strict, &json!({}), 2).await;
    let ran = team.gate().run().await;
    for sample in ran.samples() {
        assert_eq!((sample.outcome, sample.kind.as_deref()), (Outcome::Failed, Some("safety")));
        let finding = sample.findings.iter().find(|it| it.check == "safety").unwrap();
        assert_eq!(finding.message, "the moderation flags it: sexual 97%");
    }
    assert_eq!(ran.samples().len(), 4);
    let page = ran.read("report.html");
    assert!(page.contains("withheld: may be unsafe") && !page.contains("<img src=\"data:"));
    // A limit of the policy's own may admit it.
    let lenient = json!({"moderation": {"max_scores": {"sexual": "98%"}}});
    let team = moderated("openai", &strict, &lenient, 2).await;
    team.gate().run().await.ends(0);
    // Nobody looks for hate in pictures, so nobody can say that there is none.
    let blind = json!({"moderation": {"max_scores": {"hate": "1%"}}});
    let team = moderated("openai", &json!({"price": "$0.005"}), &blind, 2).await;
    let ran = team.gate().run().await;
    for sample in ran.samples() {
        let finding = sample.findings.iter().find(|it| it.check == "safety").unwrap();
        assert_eq!(finding.result, CheckResult::Unsure);
        assert_eq!(finding.message, "the moderation gives no score for `hate`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderation_that_does_not_answer_passes_nothing_in_disguise() {
    let of = |fault: &str| json!({"price": "$0.005", "faults": {fault: "100%"}});
    for (fault, require, outcome, result) in [
        ("server_error", false, Outcome::Passed, CheckResult::Skipped),
        ("server_error", true, Outcome::Unavailable, CheckResult::Skipped),
        ("html", true, Outcome::Unavailable, CheckResult::Skipped),
        ("refused", true, Outcome::Failed, CheckResult::Unsure),
        ("truncated", true, Outcome::Failed, CheckResult::Unsure),
    ] {
        let team = moderated("openai", &of(fault), &json!({"require": require}), 2).await;
        let ran = team.gate().run().await;
        assert!(!ran.samples().is_empty(), "{fault}: {}", ran.stderr);
        for sample in ran.samples() {
            let finding = sample.findings.iter().find(|it| it.check == "safety").unwrap();
            assert_eq!((sample.outcome, finding.result), (outcome, result), "{fault}: {finding:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_without_weights_is_said_before_anything_is_bought() {
    let team = Team::new(&super::good()).await;
    let mut policy = team.policy();
    policy["checks"]["safety"] = json!({});
    team.change(&policy, &prompts(2));
    let ran = team.gate().run().await.ends(0);
    let notes = ran.verdict()["notes"].to_string();
    assert!(notes.contains("`safety` can't judge") && notes.contains("make models"), "{notes}");
    let before = team.log().len();
    policy["checks"]["safety"] = json!({"require": true});
    team.change(&policy, &prompts(3));
    let ran = team.gate().out("strict").run().await.ends(2);
    assert!(ran.stderr.contains("check `safety` is required and can't judge"), "{}", ran.stderr);
    assert_eq!(team.log().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_what_is_asked() {
    let team = team("google", &answering(), &json!({}), 10).await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .current_dir(team.scratch.root())
        .args(["plan", "--json", "--base", "main", "--head", "change"])
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Ten pairs of $0.042 and $0.019, and three cents of questions about each of the twenty pictures.
    assert_eq!(plan["subjects"][0]["worst"]["usd"], "1.21", "{plan}");
    assert!(team.log().is_empty());
}
