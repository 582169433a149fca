//! What a change must touch to be judged, and by whose rules. Nothing relevant: a pass, and not one request.

use presscheck_core::units::CommitSha;
use serde_json::{Value, json};

use super::{MODELS, POLICY, PROMPTS, Ran, Team, good, hero, prompts};

/// The three files, with one model.
fn files(policy: &Value, models: &str, prompts: &str) -> Vec<(&'static str, String)> {
    vec![(POLICY, policy.to_string()), (MODELS, models.to_owned()), (PROMPTS, prompts.to_owned())]
}

/// `main` with `old`.
fn base(team: &Team) -> CommitSha {
    team.commit("main", &[], &files(&team.policy(), &hero("old"), &prompts(12)))
}

/// Runs where nothing is to be judged.
async fn nothing(team: &Team) -> Ran {
    let ran = team.gate().run().await.ends(0);
    let verdict = ran.verdict();
    assert_eq!((&verdict["verdict"], &verdict["subjects"]), (&json!("pass"), &json!([])));
    assert!(verdict["reason"].as_str().unwrap().starts_with("Nothing to judge"), "{verdict}");
    for name in ["summary.md", "report.html", "junit.xml", "metrics.prom", "samples.jsonl"] {
        ran.read(name);
    }
    assert!(team.log().is_empty());
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_something_else_is_a_pass_without_a_request() {
    let team = Team::new(&good()).await;
    let main = base(&team);
    let mut changed = files(&team.policy(), &hero("old"), &prompts(12));
    changed.push(("README.md", "Hello".to_owned()));
    team.commit("change", &[&main], &changed);
    let ran = nothing(&team).await;
    assert_eq!(ran.notes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_to_write_the_same_model_is_a_pass_without_a_request() {
    let team = Team::new(&good()).await;
    let models =
        "models: {hero: {provider: studio, model: old, params: {steps: 30, size: 64x64}}}\n";
    let main = team.commit("main", &[], &files(&team.policy(), models, &prompts(12)));
    let same = "# Comments.\nmodels:\n  hero:\n    params:\n      size: \"64x64\" # reordered\n      steps: 30\n    model: 'old'\n    provider: studio\n    task: text-to-image\n";
    team.commit("change", &[&main], &files(&team.policy(), same, &prompts(12)));
    nothing(&team).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_base_changed_since_is_none_of_the_changes_doing() {
    let team = Team::new(&good()).await;
    let fork = base(&team);
    team.commit("main", &[&fork], &files(&team.policy(), &hero("new"), &prompts(20)));
    let mut changed = files(&team.policy(), &hero("old"), &prompts(12));
    changed.push(("README.md", "Hello".to_owned()));
    team.commit("change", &[&fork], &changed);
    let ran = nothing(&team).await;
    assert_eq!(ran.notes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_change_on_both_sides_is_a_pass_without_a_request() {
    let team = Team::new(&good()).await;
    let fork = base(&team);
    team.commit("main", &[&fork], &files(&team.policy(), &hero("new"), &prompts(12)));
    team.commit("change", &[&fork], &files(&team.policy(), &hero("new"), &prompts(12)));
    nothing(&team).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_loosens_the_policy_is_judged_by_the_bases() {
    let team = Team::new(&super::profile(&json!({}), &json!({"wrong_aspect": "50%"}))).await;
    let strict = team.policy();
    let main = team.commit("main", &[], &files(&strict, &hero("old"), &prompts(40)));
    let mut loose = strict.clone();
    loose["limits"]["failure_rate"]["max_increase"] = json!("100pp");
    loose["inconclusive"] = json!("pass");
    loose["checks"]["dimensions"] = json!(false);
    team.commit("change", &[&main], &files(&loose, &hero("new"), &prompts(40)));
    let ran = team.gate().run().await.ends(1);
    ran.has_note("edits presscheck.yaml: it is judged by the policy of main@");
    assert_eq!(ran.subject()["limits"][0]["limit"], 0.02);

    // Nor does a policy of the head that can't even be read.
    let mut broken = files(&strict, &hero("new"), &prompts(40));
    broken[0].1 = "limits: [".to_owned();
    team.commit("change", &[&main], &broken);
    team.gate().out("broken").run().await.ends(1).has_note("edits presscheck.yaml");
    broken.remove(0);
    team.commit("change", &[&main], &broken);
    team.gate().out("removed").run().await.ends(1).has_note("edits presscheck.yaml");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_policy_can_not_be_slipped_under() {
    // The head branched off before the base became strict, and never touched the policy itself.
    let team = Team::new(&super::profile(&json!({}), &json!({"wrong_aspect": "50%"}))).await;
    let mut loose = team.policy();
    loose["limits"]["failure_rate"]["max_increase"] = json!("100pp");
    let fork = team.commit("main", &[], &files(&loose, &hero("old"), &prompts(40)));
    team.commit("main", &[&fork], &files(&team.policy(), &hero("old"), &prompts(40)));
    team.commit("change", &[&fork], &files(&loose, &hero("new"), &prompts(40)));
    let ran = team.gate().run().await.ends(1);
    assert_eq!(ran.notes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_of_the_change_count_after_the_merge() {
    let team = Team::new(&good()).await;
    let main = base(&team);
    let edited = format!("{}a prompt of the change itself\n", prompts(12));
    team.commit("change", &[&main], &files(&team.policy(), &hero("new"), &edited));
    let ran = team.gate().run().await.ends(0);
    ran.has_note("edits prompts.txt: the prompts of main@");
    assert_eq!(ran.subject()["pairs"], 12);
    assert!(team.log().iter().all(|entry| !entry.prompt.contains("itself")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_policy_of_a_repository_is_the_changes_own() {
    let team = Team::new(&good()).await;
    let main = team.commit("main", &[], &[(MODELS, hero("old"))]);
    team.commit("change", &[&main], &files(&team.policy(), &hero("new"), &prompts(12)));
    let ran = team.gate().run().await.ends(0);
    ran.has_note("has no presscheck.yaml yet");
    assert_eq!(ran.subject()["pairs"], 12);

    // With none on either side there is nothing to go by.
    team.commit("change", &[&main], &[(MODELS, hero("new"))]);
    let before = team.log().len();
    let ran = team.gate().out("none").run().await.ends(2);
    assert!(ran.stderr.contains("there is no presscheck.yaml at main@"), "{}", ran.stderr);
    assert_eq!(team.log().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_model_is_held_to_the_limits_that_stand_alone() {
    let team = Team::new(&good()).await;
    let two = json!({"models": {
        "hero": {"provider": "studio", "model": "old"},
        "banner": {"provider": "studio", "model": "new"},
    }})
    .to_string();
    // A relative limit alone can't judge it: no verdict, and nothing is bought.
    let main = base(&team);
    team.commit("change", &[&main], &files(&team.policy(), &two, &prompts(12)));
    let ran = team.gate().run().await.ends(3);
    ran.has_note("`banner` is new");
    assert!(team.log().is_empty());

    let mut policy = team.policy();
    policy["limits"]["failure_rate"]["max"] = json!("5%");
    let main = team.commit("main", &[], &files(&policy, &hero("old"), &prompts(12)));
    team.commit("change", &[&main], &files(&policy, &two, &prompts(12)));
    let ran = team.gate().out("absolute").run().await.ends(0);
    let subject = ran.subject();
    assert_eq!((&subject["name"], &subject["baseline"]), (&json!("banner"), &Value::Null));
    assert!(team.log().iter().all(|entry| entry.model == "new"));
    assert_eq!(team.log().len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_model_is_named_and_costs_nothing() {
    let team = Team::new(&good()).await;
    let two = json!({"models": {
        "hero": {"provider": "studio", "model": "old"},
        "banner": {"provider": "studio", "model": "new"},
    }})
    .to_string();
    let main = team.commit("main", &[], &files(&team.policy(), &two, &prompts(12)));
    team.commit("change", &[&main], &files(&team.policy(), &hero("old"), &prompts(12)));
    nothing(&team).await.has_note("removes the model `banner`");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_changed_model_gets_a_verdict_and_the_worst_stands_on_top() {
    let mut profile = super::profile(&json!({}), &json!({}));
    profile["models"]["poor"] =
        json!({"price": "$0.01", "size": "64x64", "faults": {"wrong_aspect": "60%"}});
    let team = Team::new(&profile).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["price"]["poor"] = json!("$0.01");
    let models = |hero: &str, icon: &str| {
        let model = |model| json!({"provider": "studio", "model": model});
        json!({"models": {"hero": model(hero), "icon": model(icon), "still": model("old")}})
            .to_string()
    };
    let main = team.commit("main", &[], &files(&policy, &models("old", "old"), &prompts(30)));
    team.commit("change", &[&main], &files(&policy, &models("new", "poor"), &prompts(30)));
    let verdict = team.gate().run().await.ends(1).verdict();
    let ends: Vec<_> = verdict["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|subject| (subject["name"].as_str().unwrap(), subject["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(ends, [("icon", "fail"), ("hero", "pass")]);
    // The baseline that both share is bought once.
    assert_eq!(team.log().iter().filter(|entry| entry.model == "old").count(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_does_not_admit_is_refused_before_any_request() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["models"] = json!({"allow": [
        {"provider": "studio", "model": "old"},
        {"provider": "studio", "model": "new-*", "tasks": ["text-to-image"]},
    ]});
    let provider = &mut policy["providers"]["studio"];
    provider["price"] = json!("$0.01");
    provider["api_key_env"] = json!("STUDIO_KEY");
    provider["headers"] = json!({"authorization": "Bearer ${STUDIO_KEY}"});
    let main = team.commit("main", &[], &files(&policy, &hero("old"), &prompts(12)));
    let params = |params: Value| json!({"provider": "studio", "model": "new-1", "params": params});
    for (model, words) in [
        (json!({"provider": "studio", "model": "costly"}), "does not allow the model `costly`"),
        (json!({"provider": "studio", "model": "new-1", "task": "edit"}), "for edit"),
        (json!({"provider": "studoi", "model": "old"}), "did you mean `studio`?"),
        (params(json!({"prompt": "something else"})), "prompt"),
        (params(json!({"n": 4})), "`n`"),
        (params(json!({"callback_url": "https://evil.example.com"})), "callback_url"),
        (params(json!({"webhook": "https://evil.example.com"})), "webhook"),
        (params(json!({"style": "${STUDIO_KEY}"})), "${STUDIO_KEY}"),
        (json!({"provider": "studio", "model": "old", "url": "https://evil.example.com"}), "url"),
        (
            json!({"provider": "studio", "model": "old", "then": [{"provider": "evil", "model": "x"}]}),
            "no provider `evil`",
        ),
    ] {
        let models = json!({"models": {"hero": model}}).to_string();
        team.commit("change", &[&main], &files(&policy, &models, &prompts(12)));
        let ran = team.gate().env("STUDIO_KEY", "sk-secret-secret").run().await.ends(2);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert!(!ran.stderr.contains("sk-secret-secret"));
    }
    assert!(team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_blocks_changes_of_models_and_nothing_else() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["freeze"] = json!({"until": "9999-12-31", "reason": "peak season"});
    let main = team.commit("main", &[], &files(&policy, &hero("old"), &prompts(12)));
    team.commit("change", &[&main], &files(&policy, &hero("new"), &prompts(12)));
    let ran = team.gate().run().await.ends(1);
    let verdict = ran.verdict();
    assert!(
        verdict["reason"].as_str().unwrap().contains("frozen until 9999-12-31: peak season"),
        "{verdict}"
    );
    assert!(team.log().is_empty());

    let mut other = files(&policy, &hero("old"), &prompts(12));
    other.push(("README.md", "Hello".to_owned()));
    team.commit("change", &[&main], &other);
    nothing(&team).await;

    // The first day after it, models change again.
    policy["freeze"] = json!({"until": "2020-01-01", "reason": "peak season"});
    team.change(&policy, &prompts(12));
    team.gate().out("thawed").run().await.ends(0);
    assert_eq!(team.log().len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_a_dirty_work_tree_are_judged_as_they_are() {
    let team = Team::new(&good()).await;
    base(&team);
    let write = |folder: &std::path::Path, models: &str| {
        std::fs::create_dir_all(folder).unwrap();
        for (path, text) in files(&team.policy(), models, &prompts(12)) {
            std::fs::write(folder.join(path), text).unwrap();
        }
    };
    let (one, two) = (team.folder.path().join("one"), team.folder.path().join("two"));
    write(&one, &hero("old"));
    write(&two, &hero("new"));
    let ran = team.bare().arg("--base").arg(&one).arg("--head").arg(&two).run().await.ends(0);
    assert_eq!(ran.subject()["pairs"], 12);
    assert_eq!(ran.subject()["candidate"]["commit"], Value::Null);

    // The work tree, without an argument: uncommitted changes count, against the default branch.
    write(team.scratch.root(), &hero("new"));
    let ran = team.bare().arg("--base").arg("main").out("tree").run().await.ends(0);
    assert_eq!(ran.subject()["candidate"]["label"], "work tree");
    assert_eq!(team.log().len(), 24, "the same samples, from the store");
}
