//! `presscheck plan` as a process: over a repository whose provider does not exist, and over none.

use std::path::Path;
use std::process::Command;

use presscheck::revision::{Files, Scratch};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gate::{MODELS, POLICY, PROMPTS, Ran, Team, files_below, hero, profile, prompts};

/// A policy with limits that 60 prompts can't decide, whose provider nobody answers for and asks for a key.
const SMALL: &str = "\
model: models.yaml
prompts: [prompts.txt]
limits:
  failure_rate: {max_increase: 2pp}
  latency_p95:
    max: 15s
    max_increase: 25%
budget: $25
providers:
  studio:
    kind: http
    url: http://127.0.0.1:9/generate
    api_key_env: STUDIO_KEY
    headers: {authorization: \"Bearer ${STUDIO_KEY}\"}
    price: {old: $0.04, new: $0.02}
    concurrency: 8
    timeout: 20s
";

/// A repository with `old` on `main` and `new` on `change`.
struct Place {
    folder: TempDir,
    scratch: Scratch,
}

impl Place {
    fn new(policy: &str, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(&folder.path().join("repository")).unwrap();
        let commit = |branch: &str, parents: &[_], model: &str| {
            let files: Files =
                [(POLICY, policy.to_owned()), (MODELS, hero(model)), (PROMPTS, prompts(count))]
                    .into_iter()
                    .map(|(path, text)| (path.parse().unwrap(), text.into_bytes()))
                    .collect();
            scratch.commit(branch, "Change something", parents, &files).unwrap()
        };
        let base = commit("main", &[], "old");
        commit("change", &[&base], "new");
        Self { folder, scratch }
    }

    fn plan(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["plan", "--base", "main", "--head", "change"];
        arguments.extend(more);
        run(self.scratch.root(), &arguments)
    }
}

/// Runs the binary in a folder, with nothing of the environment but `PATH`.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        // The same with and without the weights of networks installed.
        .env("PRESSCHECK_MODELS", "/nonexistent")
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    Ran::of(&output, folder)
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|why| panic!("{why}: {}", ran.stdout))
}

#[test]
fn a_plan_needs_no_provider_and_no_key_and_leaves_nothing_behind() {
    let place = Place::new(SMALL, 60);
    let before = files_below(place.folder.path());
    let ran = place.plan(&["--json"]).ends(0);
    assert_eq!(files_below(place.folder.path()), before);
    assert!(!place.scratch.root().join(".presscheck").exists());
    let plan = document(&ran);
    let subject = &plan["subjects"][0];
    assert_eq!(subject["name"], "hero");
    assert_eq!((&subject["baseline"], &subject["candidate"]), (&json!("old"), &json!("new")));
    assert_eq!(plan["strata"], json!([{"name": "untagged", "prompts": 60, "pairs": 60}]));
    assert_eq!(subject["stored"], json!({"baseline": 0, "candidate": 0}));
    assert_eq!(subject["rate_known"], false);
    // 60 pairs at 6 cents; 120 requests of 20 s, eight at once.
    assert_eq!(subject["worst"]["images"], 120.0);
    assert_eq!(subject["worst"]["usd"], "3.60");
    assert_eq!(subject["worst"]["minutes"], 5.0);
    assert_eq!(subject["expected"]["minutes"], Value::Null);
    assert!(subject["expected"]["pairs"].as_f64().unwrap() <= 60.0);
    assert!(subject["smallest_rise"].as_f64().unwrap() > 0.02);
    let without = Ran { stdout: String::new(), ..ran };
    for words in ["old -> new", "expected", "at most", "120", "$3.60", "5 min", "Nothing was sent"]
    {
        assert!(without.stderr.contains(words), "{words}: {}", without.stderr);
    }
}

#[test]
fn limits_that_60_prompts_cannot_decide_are_warned_of_with_their_place() {
    let place = Place::new(SMALL, 60);
    let ran = place.plan(&["--json"]).ends(0);
    let plan = document(&ran);
    let places: Vec<_> = plan["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["path"].as_str().unwrap(), it["line"].as_u64(), it["column"].as_u64()))
        .collect();
    assert_eq!(places, [(POLICY, Some(4), Some(32)), (POLICY, Some(7), Some(19))]);
    let warnings = &ran.stderr[ran.stderr.find("warning:").unwrap()..];
    insta::assert_snapshot!(warnings);

    // The gate says the same before it looks for its key.
    let arguments = ["gate", "--base", "main", "--head", "change"];
    let gate = run(place.scratch.root(), &arguments).ends(4);
    let place_of = |text: &str| text.contains("--> presscheck.yaml:4:32");
    assert!(place_of(&gate.stderr) && place_of(warnings), "{}", gate.stderr);
    assert!(gate.stderr.contains("60 pairs can't tell a rise of 2pp from chance"));
    assert!(gate.stderr.contains("STUDIO_KEY"), "{}", gate.stderr);
}

#[test]
fn enough_prompts_are_not_warned_of() {
    let ran = Place::new(SMALL, 300).plan(&["--json"]).ends(0);
    assert_eq!(document(&ran)["warnings"], json!([]));
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}

#[test]
fn a_default_limit_is_warned_of_without_a_place() {
    let policy = SMALL.replace("  failure_rate: {max_increase: 2pp}\n", "");
    let ran = Place::new(&policy, 60).plan(&["--json"]).ends(0);
    let warning = document(&ran)["warnings"][0].clone();
    assert_eq!(warning["line"], Value::Null);
    assert!(warning["message"].as_str().unwrap().contains("the default limit"), "{warning}");
}

#[test]
fn one_limit_has_one_warning() {
    // The policy's own reader warns of this limit already.
    let policy = format!("sample: {{max: 40}}\n{SMALL}");
    let ran = Place::new(&policy, 60).plan(&["--json"]).ends(0);
    let plan = document(&ran);
    let at_limit = |it: &&Value| it["line"] == 5;
    let warnings: Vec<_> = plan["warnings"].as_array().unwrap().iter().filter(at_limit).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn money_and_images_end_the_worst_case() {
    let place = Place::new(SMALL, 300);
    let poor = document(&place.plan(&["--budget", "$3", "--json"]).ends(0));
    let subject = &poor["subjects"][0];
    assert_eq!((&subject["ends_by"], &subject["worst"]["pairs"]), (&json!("budget"), &json!(50.0)));
    assert_eq!(subject["worst"]["usd"], "3.00");
    let warning = poor["warnings"][0]["message"].as_str().unwrap();
    insta::assert_snapshot!(warning, @"the budget of $3.00 pays for 50 of 300 pairs at list prices");
    let few = document(&place.plan(&["--max-images", "41", "--json"]).ends(0));
    let subject = &few["subjects"][0];
    assert_eq!(subject["ends_by"], "max-images");
    assert_eq!(
        (&subject["worst"]["pairs"], &subject["worst"]["images"]),
        (&json!(20.0), &json!(40.0))
    );
}

#[test]
fn nothing_changed_and_frozen_changes_need_no_picture() {
    let place = Place::new(SMALL, 60);
    let same = run(place.scratch.root(), &["plan", "--base", "main", "--head", "main", "--json"]);
    let same = document(&same.ends(0));
    assert!(same["nothing"].as_str().unwrap().contains("Nothing to judge"), "{same}");
    assert_eq!(same["subjects"], json!([]));
    let frozen = format!("freeze: {{until: 2999-01-01, reason: quiet days}}\n{SMALL}");
    let frozen = document(&Place::new(&frozen, 60).plan(&["--json"]).ends(0));
    assert!(frozen["nothing"].as_str().unwrap().contains("quiet days"), "{frozen}");
}

#[test]
fn bad_files_end_in_2() {
    let ran = Place::new(&SMALL.replace("2pp", "2 apples"), 60).plan(&[]).ends(2);
    assert!(ran.stderr.contains("presscheck.yaml:4:32"), "{}", ran.stderr);
    let ran = Place::new(SMALL, 60).plan(&["--policy", "other.yaml", "--json"]).ends(2);
    assert_eq!(document(&ran)["exit"], 2);
    let ran = Place::new(&SMALL.replace("old: $0.04, ", ""), 60).plan(&[]).ends(2);
    assert!(ran.stderr.contains("gives no price for `old`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_found_and_judged_without_a_request() {
    let faults = json!({"wrong_aspect": "20%"});
    let team = Team::new(&profile(&faults, &json!({}))).await;
    let mut policy = team.policy();
    policy["sample"]["stop"] = json!("end");
    team.change(&policy, &prompts(80));
    let gate = team.gate();
    gate.run().await.ends(0);
    let asked = team.log().len();
    let before = files_below(gate.store());
    let store = gate.store().to_str().unwrap().to_owned();
    let root = team.scratch.root().to_path_buf();
    let plan = |head: &'static str| {
        let (root, store) = (root.clone(), store.clone());
        async move {
            let ran = tokio::task::spawn_blocking(move || {
                let arguments =
                    ["plan", "--base", "main", "--head", head, "--store", &store, "--json"];
                run(&root, &arguments).ends(0)
            });
            document(&ran.await.unwrap())["subjects"][0].clone()
        }
    };
    let again = plan("change").await;
    assert_eq!(again["stored"]["baseline"], 80);
    assert_eq!(again["baseline_seen"]["answers"], 80);
    let failed = again["baseline_seen"]["failures"].as_u64().unwrap();
    assert!((5..30).contains(&failed), "{again}");
    assert_eq!(again["rate_known"], true);
    assert!(again["timed"].as_u64().unwrap() >= 80);
    assert!(again["expected"]["minutes"].as_f64().unwrap() < 1.0);

    // Another candidate: the baseline's answers are there, the candidate's are to be bought.
    let base = team.commit("other-base", &[], &[]);
    let files = [
        (POLICY, team.policy().to_string()),
        (PROMPTS, prompts(80)),
        (MODELS, json!({"models": {"hero": {"provider": "studio", "model": "new", "params": {"steps": 4}}}}).to_string()),
    ];
    team.commit("other", &[&base], &files);
    let other = plan("other").await;
    assert_eq!(other["stored"], json!({"baseline": 80, "candidate": 0}));
    assert_eq!(other["worst"]["images"], 80.0);
    assert_eq!(other["worst"]["usd"], "1.52");

    assert_eq!(team.log().len(), asked, "nothing was sent");
    assert_eq!(files_below(gate.store()), before, "nothing was written");
}

/// A simulation where there is neither a repository nor a policy.
fn simulate(more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["plan", "--simulate"];
    arguments.extend(more);
    let ran = run(folder.path(), &arguments);
    assert!(files_below(folder.path()).is_empty());
    ran
}

/// Four standard errors of the difference of two simulated shares.
fn close(ours: &Value, our_reps: f64, theirs: f64, their_reps: f64) {
    let ours = ours.as_f64().unwrap();
    let pooled = (ours * our_reps + theirs * their_reps + 1.0) / (our_reps + their_reps + 2.0);
    let error = (pooled * (1.0 - pooled) * (1.0 / our_reps + 1.0 / their_reps)).sqrt();
    assert!((ours - theirs).abs() <= 4.0 * error, "{ours} is not {theirs}");
}

#[test]
fn a_simulation_needs_nothing_and_agrees_with_the_published_figures() {
    let text = include_str!("../../core/tests/data/statistics_vectors.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let rows = &vectors["acceptance_monte_carlo"];
    let find = |section: &str, n: u64, key: &str, rise: f64| {
        let matches = |row: &&Value| {
            row["N"] == n && row["q"] == 0.018 && row["phi"] == 0.3 && row[key] == rise
        };
        rows[section].as_array().unwrap().iter().find(matches).cloned().unwrap()
    };
    let row = find("model_mode_short_cap_split_01_04", 200, "delta", 0.02);
    let ran = simulate(&[
        "--baseline-rate",
        "1.8%",
        "--candidate-rate",
        "3.8%",
        "--claim",
        "model",
        "--pairs",
        "200",
        "--json",
    ])
    .ends(0);
    let ours = document(&ran);
    assert_eq!(
        ours.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["reps", "pass", "fail", "inconclusive", "mean_images", "p90_images"]
    );
    assert_eq!(ours["reps"], 5000);
    close(&ours["fail"], 5000.0, row["p_fail"].as_f64().unwrap(), 20_000.0);
    close(&ours["pass"], 5000.0, row["p_pass"].as_f64().unwrap(), 20_000.0);
    close(&ours["inconclusive"], 5000.0, row["inconclusive"].as_f64().unwrap(), 20_000.0);

    let row = find("suite_mode", 200, "d", 0.0);
    let same = ["--baseline-rate", "0.018", "--candidate-rate", "1.8%", "--pairs", "200"];
    let ran = simulate(&[&same[..], &["--reps", "4000", "--seed", "3", "--json"]].concat()).ends(0);
    let ours = document(&ran);
    assert_eq!((&ours["reps"], &ours["inconclusive"]), (&json!(4000), &json!(0.0)));
    close(&ours["fail"], 4000.0, row["full_block"].as_f64().unwrap(), 4000.0);
    let (ours, theirs) = (ours["mean_images"].as_f64().unwrap(), row["mean"].as_f64().unwrap());
    assert!((ours / theirs - 1.0).abs() < 0.04, "{ours} {theirs}");

    let text = simulate(&same).ends(0).stderr;
    assert!(text.contains("A change that keeps the failure rate at 1.8% passes"), "{text}");
    assert!(text.contains("early verdict differs"), "{text}");
}

#[test]
fn a_policy_gives_a_simulation_what_is_not_given() {
    let rates = ["--baseline-rate", "1.8%", "--candidate-rate", "5%", "--reps", "300", "--json"];
    let model = "sample: {claim: model, max: 150}\nerrors: {let_bad_through: 10%}\n";
    let policy = format!("{model}{SMALL}").replace("2pp", "3pp");
    let stdout = |place: &Place, more: &[&str]| {
        let arguments = [&["plan", "--simulate"][..], &rates, more].concat();
        run(place.scratch.root(), &arguments).ends(0).stdout
    };
    let place = Place::new(&policy, 90);
    let by_policy = stdout(&place, &["--base", "main", "--head", "change"]);
    let plain = Place::new(SMALL, 90);
    let head = ["--base", "main", "--head", "change"];
    let given = ["--claim", "model", "--pairs", "90", "--max-increase", "3pp"];
    // The errors are the policy's in one, the default in the other.
    assert_ne!(by_policy, stdout(&plain, &[&head[..], &given].concat()));
    let plain =
        Place::new(&policy.replace("claim: model", "claim: suite").replace("3pp", "1pp"), 20);
    assert_eq!(by_policy, stdout(&plain, &[&head[..], &given].concat()));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(POLICY), &policy).unwrap();
    let arguments = [&["plan", "--simulate"][..], &rates].concat();
    let without_prompts = run(folder.path(), &arguments).ends(0);
    assert!(without_prompts.stderr.contains("150 pairs · claim model · limit +3 pts"));
    let words: Vec<_> = without_prompts.stderr.split_whitespace().collect();
    assert!(words.join(" ").contains("presscheck.yaml at this folder"), "{words:?}");
    std::fs::write(folder.path().join(POLICY), "limits: [").unwrap();
    assert_eq!(document(&run(folder.path(), &arguments).ends(2))["exit"], 2);
}

#[test]
fn bad_figures_end_in_2() {
    for figures in [
        &["--baseline-rate", "1.8%"][..],
        &["--baseline-rate", "18", "--candidate-rate", "6%"],
        &["--baseline-rate", "1.8%", "--candidate-rate", "2pp"],
        &["--baseline-rate", "1.8%", "--candidate-rate", "6%", "--max-increase", "2%"],
        &["--baseline-rate", "1.8%", "--candidate-rate", "6%", "--pairs", "0"],
        &["--baseline-rate", "1.8%", "--candidate-rate", "6%", "--reps", "0"],
        &["--baseline-rate", "1.8%", "--candidate-rate", "6%", "--phi", "2"],
        &["--baseline-rate", "1.8%", "--candidate-rate", "6%", "--policy", "none.yaml"],
    ] {
        let ran = simulate(figures).ends(2);
        assert!(ran.stderr.contains("error"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let bad = ["--baseline-rate", "1.8%", "--candidate-rate", "6%", "--phi=-3", "--json"];
    let error = document(&simulate(&bad).ends(2));
    insta::assert_snapshot!(
        error["error"].as_str().unwrap(),
        @"the correlation phi is -3; it must be between -1 and 1. Nothing was simulated."
    );
}
