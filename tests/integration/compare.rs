//! `presscheck compare` as a process, against a simulated model server in the test's own process, whose log is the
//! witness of what was asked and charged.

use std::path::PathBuf;

use presscheck::simulator::{Profile, Running, Simulator};
use presscheck_core::compare::Comparison;
use presscheck_core::policy::Node;
use presscheck_core::units::Usd;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gate::{Ran, prompts};

/// A team's folder, and the server that its policy names.
struct Team {
    folder: TempDir,
    server: Running,
}

/// Three models: the good one is dear, the cheap one is bad at times, and the third is worse than it and dearer.
fn profile() -> Value {
    let model = |price: &str, faults: Value| json!({"price": price, "latency": "5ms", "size": "64x64", "faults": faults});
    json!({"models": {
        "good": model("$0.10", json!({})),
        "cheap": model("$0.02", json!({"wrong_size": "10%"})),
        "poor": model("$0.04", json!({"wrong_size": "30%", "blank": "20%"})),
    }})
}

fn models() -> Value {
    let model = |id: &str| json!({"provider": "studio", "model": id});
    json!({"models": {"good": model("good"), "cheap": model("cheap"), "poor": model("poor")}})
}

impl Team {
    async fn new(profile: &Value, count: usize) -> Self {
        let profile = Profile::from_tree(&Node::from_json(profile)).unwrap();
        let server = Simulator::start(profile, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let team = Self { folder: tempfile::tempdir().unwrap(), server };
        team.write("presscheck.yaml", &team.policy().to_string());
        team.write("models.yaml", &models().to_string());
        team.write("prompts.txt", &prompts(count));
        team
    }

    fn policy(&self) -> Value {
        json!({
            "version": 1,
            "model": "models.yaml",
            "prompts": ["prompts.txt"],
            "sample": {"max": 300, "batch": 16, "seed": 7},
            "limits": {"failure_rate": {"max_increase": "2pp"}},
            "budget": "$100",
            "providers": {"studio": {
                "kind": "http",
                "url": self.server.url(),
                "price": {"good": "$0.10", "cheap": "$0.02", "poor": "$0.04", "other": "$0.03"},
                "cost": {"header": "x-cost-usd"},
                "refused": {"status": [403, 451], "pointer": "/error/code", "values": ["content_policy"]},
                "concurrency": 8,
                "timeout": "20s",
                "retries": 0,
            }},
            "checks": {"dimensions": {"size": "64x64"}},
        })
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("presscheck-compare")
    }

    async fn compare(&self, arguments: &[&str]) -> Ran {
        self.presscheck("compare", arguments, &[]).await
    }

    async fn presscheck(&self, command: &str, arguments: &[&str], keys: &[(&str, &str)]) -> Ran {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_presscheck"));
        process
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PRESSCHECK_MODELS", "/nonexistent")
            .envs(keys.iter().copied())
            .current_dir(self.folder.path())
            .arg(command)
            .args(arguments);
        let output = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
        Ran::of(&output, &self.out())
    }

    /// How many requests there were so far.
    fn asked(&self) -> usize {
        self.server.log().len()
    }

    fn charged(&self) -> Usd {
        self.server.log().iter().map(|entry| entry.charged_usd).sum()
    }
}

fn comparison(ran: &Ran) -> Comparison {
    serde_json::from_str(&ran.read("compare.json")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_models_are_compared_and_the_dominated_one_is_named() {
    let team = Team::new(&profile(), 100).await;
    let ran = team.compare(&["--json"]).await.ends(0);
    let comparison = comparison(&ran);
    assert_eq!(ran.stdout, ran.read("compare.json"), "the document is the file");
    assert_eq!((comparison.cells, comparison.prompts, comparison.images_bought), (100, 100, 300));
    assert_eq!(comparison.best.as_deref(), Some("good"));
    let [good, cheap, poor] = comparison.models.as_slice() else { panic!("{comparison:?}") };
    assert_eq!((good.failures.unwrap().failed, good.failures.unwrap().of), (0, 100));
    assert_eq!(good.cost.as_ref().unwrap().per_1k_usd.unwrap().to_cents_string(), "100.00");
    assert_eq!([good, cheap, poor].map(|it| it.on_front), [Some(true), Some(true), Some(false)]);
    assert_eq!(poor.dominated_by, ["cheap"]);
    assert!(comparison.difference("poor", "good").unwrap().beyond_chance);
    assert!(good.throughput.unwrap().images == 100 && good.latency.unwrap().samples == 100);
    assert_eq!(comparison.spent_usd, team.charged());
    let said = ran.stderr.replace("\n  ", " ");
    assert!(said.contains("By these figures `poor` is dominated: `cheap` is at least"), "{said}");
    assert!(
        said.contains("that `poor` fails more than `good` is beyond chance")
            || said.contains("`cheap` and `poor` fail more"),
        "{said}"
    );
    // Every model was asked for the same prompts with the same seeds, cell by cell.
    let samples = ran.samples();
    assert_eq!(samples.len(), 300);
    for cell in samples.chunks(3) {
        let names: Vec<_> = cell.iter().map(|sample| sample.subject.as_str()).collect();
        assert_eq!(names, ["good", "cheap", "poor"]);
        assert!(
            cell.iter().all(|sample| (sample.seed, &sample.case) == (cell[0].seed, &cell[0].case))
        );
    }
    let page = ran.read("compare.html");
    assert!(page.contains("class=\"field\"") && page.contains("data:image/jpeg"));
    let failed = samples.iter().find(|sample| sample.failure).unwrap();
    assert!(team.out().join(failed.image.as_ref().unwrap()).exists());

    // Again: nothing is bought, and the figures are the same but for what this run did.
    let before = team.asked();
    let again = team.compare(&[]).await.ends(0);
    assert_eq!(team.asked(), before);
    let second: Comparison = serde_json::from_str(&again.read("compare.json")).unwrap();
    assert_eq!((second.images_bought, second.spent_usd), (0, Usd::ZERO));
    assert_eq!(second.differences, comparison.differences);
    for (one, two) in comparison.models.iter().zip(&second.models) {
        assert_eq!((one.failures, &one.cost, one.latency), (two.failures, &two.cost, two.latency));
        assert_eq!((two.from_store, two.throughput), (100, None));
    }
    // A part of the draw is its beginning.
    let part = team.compare(&["good", "cheap", "--max", "40"]).await.ends(0);
    assert_eq!(team.asked(), before);
    let part: Comparison = serde_json::from_str(&part.read("compare.json")).unwrap();
    assert_eq!((part.cells, part.models.len()), (40, 2));
    assert_eq!(json!(part.ended), "max");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_ends_it_at_what_all_have_finished() {
    let team = Team::new(&profile(), 100).await;
    let ran = team.compare(&["--budget", "$4"]).await.ends(0);
    let comparison = comparison(&ran);
    assert!(team.charged() <= "4".parse().unwrap(), "{}", team.charged());
    assert_eq!(json!(comparison.ended), "budget");
    // A cell costs 16 cents.
    assert!((15..=25).contains(&comparison.cells), "{}", comparison.cells);
    for model in &comparison.models {
        assert_eq!(model.failures.unwrap().of, comparison.cells);
    }
    assert_eq!(comparison.spent_usd, team.charged());
    assert!(ran.stderr.contains("The budget ended it after"), "{}", ran.stderr);
    // The next one begins with what this one paid for.
    let spent = team.charged();
    let next = team.compare(&["--max", "15"]).await.ends(0);
    assert_eq!(team.charged(), spent);
    assert_eq!(serde_json::from_str::<Comparison>(&next.read("compare.json")).unwrap().cells, 15);
    // Nothing fits: nothing is concluded.
    let ran = team.compare(&["--budget", "$0", "--store", "empty"]).await.ends(3);
    assert!(ran.stderr.contains("there is nothing to compare"), "{}", ran.stderr);
    let few = team.compare(&["--max-images", "12", "--store", "other"]).await.ends(0);
    assert!(few.stderr.contains("--max-images ended it after"), "{}", few.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_with_a_bad_key_drops_out_and_the_others_go_on() {
    let guarded = json!({"key": "right", "models": {"*": {"price": "$0.01", "size": "64x64"}}});
    let guarded = Profile::from_tree(&Node::from_json(&guarded)).unwrap();
    let guarded = Simulator::start(guarded, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let team = Team::new(&profile(), 30).await;
    let mut policy = team.policy();
    policy["providers"]["closed"] = json!({
        "kind": "http", "url": guarded.url(), "price": "$0.01", "api_key_env": "CLOSED_KEY",
        "headers": {"authorization": "Bearer ${CLOSED_KEY}"},
    });
    team.write("presscheck.yaml", &policy.to_string());
    let names = ["good", "closed:x", "cheap", "studio:other"];
    let ran = team.presscheck("compare", &names, &[("CLOSED_KEY", "wrong")]).await.ends(0);
    let comparison = comparison(&ran);
    let why = |name: &str| comparison.model(name).unwrap().dropped.clone();
    assert!(why("closed:x").unwrap().contains("`closed` does not accept the key"));
    // The server has no such model.
    assert!(why("studio:other").unwrap().contains("`studio` has no model `other`, or no longer"));
    assert_eq!((why("good"), why("cheap")), (None, None));
    assert_eq!((comparison.cells, comparison.finished().count()), (30, 2));
    assert!(
        ran.stderr.contains("closed:x dropped out: `closed` does not accept"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.samples().iter().all(|sample| ["good", "cheap"].contains(&sample.subject.as_str()))
    );

    // With one left there is nothing to compare, and nothing more is bought.
    let lone = ["good", "closed:x", "--store", "lone"];
    let ran = team.presscheck("compare", &lone, &[("CLOSED_KEY", "wrong")]).await.ends(3);
    assert!(ran.stderr.contains("Only `good` is left"), "{}", ran.stderr);
    // A key that is missing is said before anything is sent.
    let before = team.asked();
    let ran = team.compare(&["good", "closed:x", "--store", "none"]).await.ends(4);
    assert!(ran.stderr.contains("CLOSED_KEY"), "{}", ran.stderr);
    assert_eq!(team.asked(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_never_answers_drops_out() {
    let mut profile = profile();
    profile["models"]["poor"]["faults"] = json!({"server_error": "100%"});
    let team = Team::new(&profile, 60).await;
    let ran = team.compare(&[]).await.ends(0);
    let comparison = comparison(&ran);
    let why = comparison.models[2].dropped.clone().unwrap();
    assert!(why.contains("none of its first 20 requests got an answer"), "{why}");
    assert_eq!(comparison.cells, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_gate_nothing_is_bought_twice() {
    let team = Team::new(&profile(), 40).await;
    let root = team.folder.path();
    for (side, model) in [("base", "good"), ("head", "cheap")] {
        let folder = root.join(side);
        std::fs::create_dir(&folder).unwrap();
        for name in ["presscheck.yaml", "prompts.txt"] {
            std::fs::copy(root.join(name), folder.join(name)).unwrap();
        }
        let file = json!({"models": {"hero": {"provider": "studio", "model": model}}});
        std::fs::write(folder.join("models.yaml"), file.to_string()).unwrap();
    }
    let arguments = ["--base", "base", "--head", "head", "--store", "store"];
    let gate = team.presscheck("gate", &arguments, &[]).await;
    assert!(gate.code == 1 || gate.code == 0 || gate.code == 3, "{}", gate.stderr);
    let pairs = std::fs::read_to_string(root.join("presscheck-out/verdict.json")).unwrap();
    let pairs = serde_json::from_str::<Value>(&pairs).unwrap()["subjects"][0]["pairs"].clone();
    let before = team.asked();
    let pairs = pairs.to_string();
    team.compare(&["good", "cheap", "--store", "store", "--max", &pairs]).await.ends(0);
    assert_eq!(team.asked(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_of_another_file_and_pipelines_are_compared() {
    let mut profile = profile();
    profile["models"]["larger"] = json!({"price": "$0.01", "size": "64x64", "latency": "5ms"});
    let team = Team::new(&profile, 20).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["price"]["larger"] = json!("$0.01");
    policy["models"] = json!({"allow": [{"provider": "studio", "model": "good"}]});
    policy["checks"]["color_shift"] = json!({});
    team.write("presscheck.yaml", &policy.to_string());
    let models = json!({"models": {
        "plain": {"provider": "studio", "model": "cheap"},
        "split": {"provider": "studio", "model": "cheap", "then": [{"model": "larger"}]},
    }});
    team.write("race.json", &models.to_string());
    let ran = team.compare(&["--models", "race.json"]).await.ends(0);
    let comparison = comparison(&ran);
    assert_eq!(comparison.models[1].model, "cheap + larger");
    assert_eq!(
        comparison.models[1].cost.as_ref().unwrap().per_1k_usd.unwrap().to_cents_string(),
        "30.00"
    );
    // The first step of both is the same order: whichever came first was stored, or both were bought.
    let notes = comparison.notes.join("\n");
    assert!(notes.contains("`models.allow` does not admit `plain`, `split`"), "{notes}");
    assert!(notes.contains("`color_shift` is left out"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once_and_nothing_is_sent() {
    let team = Team::new(&profile(), 20).await;
    let said = async |arguments: &[&str]| {
        let ran = team.compare(arguments).await.ends(2);
        assert!(
            ran.stderr.contains("no request was sent") || ran.stderr.contains("nothing was sent")
        );
        assert!(!team.out().join("compare.json").exists());
        ran.stderr
    };
    let mut all = Vec::new();
    all.push(said(&["good", "cheep", "studoi:x", "studio:unpriced", "studio"]).await);
    all.push(said(&["good"]).await);
    all.push(said(&["good", "good", "cheap"]).await);
    all.push(said(&["good", "studio:"]).await);
    all.push(said(&["--models", "absent.yaml"]).await);
    team.write("one.yaml", "models: {only: {provider: studio, model: good}}\n");
    all.push(said(&["--models", "one.yaml"]).await);
    team.write("two.yaml", "models:\n  a: {provider: studio, model: good, params: {webhook_url: 'https://x.example'}}\n  b: {provider: nobody, model: good}\n");
    all.push(said(&["--models", "two.yaml"]).await);
    all.push(said(&["--policy", "absent.yaml"]).await);
    team.write("models.yaml", "models: [1]\n");
    team.write("prompts.txt", "");
    all.push(said(&[]).await);
    assert_eq!(team.asked(), 0);
    insta::assert_snapshot!(all.join("\n----\n"));
}
