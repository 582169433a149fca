//! What went wrong for others, each case by its letter. A and B are in `sessions.rs`, for they need two sessions at
//! once; M is in `gate/actions.rs`, beside the other endings of a run. No job here checks anything out.

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::job::{Job, fork, own, pull};
use crate::gate::{MODELS, POLICY, PROMPTS, Team, good, hero, profile, prompts};

/// A team whose candidate has faults, with so many prompts, and a pull request of it.
async fn changing(faults: &Value, count: usize, set: impl FnOnce(&mut Value)) -> Job {
    let team = Team::new(&profile(&json!({}), faults)).await;
    let mut policy = team.policy();
    set(&mut policy);
    let (base, head) = team.change(&policy, &prompts(count));
    Job::of_pull(team, ("main", &base), &head, &own()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn case_c_400_failing_prompts_in_four_byte_characters_are_told_within_the_limits() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "100%"}))).await;
    let mut policy = team.policy();
    policy["sample"] = json!({"max": 400, "stop": "end"});
    let texts: String = (0..400).map(|n| format!("{} 𠮷 {n}\n", "🦊🎨".repeat(100))).collect();
    let (base, head) = team.change(&policy, &texts);
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    // The fake holds both to GitHub's limits and to its description.
    let ran = job.ends("many", 1).await;
    assert_eq!(ran.subject()["outcomes"]["candidate"]["failed"], 400);
    assert_eq!(job.check()["conclusion"], "failure");
    let comments = job.fake.our_comments();
    assert_eq!(comments.len(), 1);
    let count = |text: &str| comments[0].matches(text).count();
    assert_eq!(count("<details>"), count("</details>"));
    assert!(comments[0].contains('🦊') && !comments[0].contains('\u{fffd}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_d_a_read_only_token_changes_no_verdict_and_no_exit_code() {
    for (faults, code) in [(json!({}), 0), (json!({"wrong_aspect": "60%"}), 1)] {
        let job = changing(&faults, 40, |_| {}).await;
        let told = job.ends("told", code).await;
        job.fake.make_read_only();
        let quiet = job.ends("quiet", code).await;
        assert_eq!(quiet.verdict()["verdict"], told.verdict()["verdict"]);
        assert!(quiet.stderr.contains("::warning"), "{}", quiet.stderr);
        assert_eq!(job.fake.checks().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_e_a_rate_limit_on_a_third_of_the_calls_is_inconclusive() {
    let limited = json!({"rate_limited": "30%"});
    let job = changing(&limited, 60, |it| it["providers"]["studio"]["retries"] = json!(0)).await;
    let ran = job.ends("limited", 3).await;
    assert_eq!(ran.verdict()["verdict"], "inconclusive");
    assert_eq!(ran.subject()["flips"]["newly_failing"], 0);
    // GitHub counts `neutral` as passed.
    assert_eq!(job.check()["conclusion"], "failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_f_an_error_in_json_under_status_200_is_the_providers_and_no_bad_picture() {
    let job = changing(&json!({"json_error": "100%"}), 30, |_| {}).await;
    let ran = job.ends("broken", 1).await;
    let candidates = ran.samples().into_iter().filter(|it| it.model.contains("new"));
    for sample in candidates {
        let sample = serde_json::to_value(&sample).unwrap();
        assert_eq!((&sample["outcome"], &sample["kind"]), (&json!("broken"), &json!("json_error")));
        assert_eq!(sample["findings"], json!([]));
    }
    assert_eq!(ran.subject()["outcomes"]["candidate"]["failed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_g_a_hostile_prompt_is_inert_wherever_it_is_told() {
    let hostile = "::error::boom @org/team ```` <!-- presscheck:presscheck --> ![x](https://evil.example.com/x.png)";
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "100%"}))).await;
    let texts: String = (0..30).map(|n| format!("{hostile} {n}\n")).collect();
    let (base, head) = team.change(&team.policy(), &texts);
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.ends("hostile", 1).await;
    assert!(!ran.stderr.contains("\n::error::boom"), "{}", ran.stderr);
    let comment = job.fake.our_comments().remove(0);
    let marker = "<!-- presscheck:presscheck -->";
    assert!(comment.ends_with(marker) && comment.matches(marker).count() == 1, "{comment}");
    let summary = std::fs::read_to_string(job.file("hostile-summary")).unwrap();
    let check = job.check()["output"]["summary"].as_str().unwrap().to_owned();
    for text in [&comment, &summary, &check] {
        assert!(text.contains("boom"), "{text}");
        let outside = without_code(text);
        for live in ["@org/team", "![x](", "::error::boom"] {
            assert!(!outside.contains(live), "{live}: {text}");
        }
    }
}

/// Markdown without what stands in code, where nothing is live.
fn without_code(text: &str) -> String {
    let mut outside = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        outside.push_str(&rest[..start]);
        let fence = rest[start..].chars().take_while(|c| *c == '`').count();
        let after = &rest[start + fence..];
        let end = after.find(&"`".repeat(fence)).expect("code that ends");
        rest = &after[end + fence..];
    }
    outside + rest
}

#[tokio::test(flavor = "multi_thread")]
async fn case_h_a_merge_group_finds_its_pull_request_whatever_the_base_is_called() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let mut job = Job::new(team).await;
    job.fake.add_pull(pull(7, ("release/pr-42-x", &base), &head, &own()));
    let queue = format!("refs/heads/gh-readonly-queue/release/pr-42-x/pr-7-{base}");
    let group = json!({
        "head_sha": head, "head_ref": queue,
        "base_sha": base, "base_ref": "refs/heads/release/pr-42-x",
    });
    job.is("merge_group", json!({"action": "checks_requested", "merge_group": group}));
    let ran = job.ends("group", 0).await;
    let label = &ran.subject()["baseline"]["label"];
    assert!(ran.read("summary.md").contains("release/pr-42-x"), "{label}");
    assert_eq!(job.check()["head_sha"], head.as_str());
    assert!(job.fake.comments().is_empty());
    let log = job.fake.log();
    assert!(log.contains(&"GET /repos/octo-org/shop/pulls/7".to_owned()), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_i_the_base_is_the_pull_requests_and_not_the_default_branch() {
    let team = Team::new(&good()).await;
    let (policy, texts) = (team.policy().to_string(), prompts(12));
    let files = |model| [(POLICY, policy.clone()), (MODELS, hero(model)), (PROMPTS, texts.clone())];
    let main = team.commit("main", &[], &files("new"));
    let release = team.commit("release/2", &[], &files("old"));
    let head = team.commit("change", &[&release], &files("new"));
    let mut job = Job::new(team).await;
    job.is_pull("pull_request_target", ("release/2", &release), &head, &fork());
    // Against `main` there would be nothing to judge.
    let ran = job.gate("target").env("GITHUB_SHA", main.as_str()).run().await.ends(0);
    assert_eq!(ran.subject()["pairs"], 12);
    assert!(ran.read("summary.md").contains(&format!("release/2@{}", release.short())));
    assert_eq!(job.check()["head_sha"], head.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_j_a_loosened_policy_does_not_judge_the_change_that_loosens_it() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    let (strict, mut loose) = (team.policy(), team.policy());
    loose["limits"]["failure_rate"]["max_increase"] = json!("90pp");
    let files = |policy: &Value, model| {
        [(POLICY, policy.to_string()), (MODELS, hero(model)), (PROMPTS, prompts(40))]
    };
    let base = team.commit("main", &[], &files(&strict, "old"));
    let head = team.commit("change", &[&base], &files(&loose, "new"));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.ends("loose", 1).await;
    ran.has_note("edits presscheck.yaml: it is judged by the policy of main@");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_k_an_address_in_the_heads_model_file_is_refused_before_a_key_is_read() {
    let trap = MockServer::start().await;
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["api_key_env"] = json!("STUDIO_KEY");
    policy["providers"]["studio"]["headers"] = json!({"authorization": "Bearer ${STUDIO_KEY}"});
    let models =
        json!({"models": {"hero": {"provider": "studio", "model": "new", "base_url": trap.uri()}}});
    let files =
        |models: String| [(POLICY, policy.to_string()), (MODELS, models), (PROMPTS, prompts(12))];
    let base = team.commit("main", &[], &files(hero("old")));
    let head = team.commit("change", &[&base], &files(models.to_string()));
    let job = Job::of_pull(team, ("main", &base), &head, &fork()).await;
    // With the key and without it the end is the same: it is not read.
    for (name, key) in [("with", "sk-secret-secret"), ("without", "")] {
        let ran = job.gate(name).env("STUDIO_KEY", key).run().await.ends(2);
        assert!(ran.stderr.contains("base_url"), "{}", ran.stderr);
    }
    job.bought_nothing();
    assert!(trap.received_requests().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_l_a_change_of_something_else_passes_with_few_requests_and_none_that_costs() {
    let job = Job::of_something_else().await;
    let ran = job.ends("else", 0).await;
    assert!(ran.verdict()["reason"].as_str().unwrap().starts_with("Nothing to judge"));
    assert_eq!(job.check()["conclusion"], "success");
    job.bought_nothing();
    // A comparison, two lists of the root, three files that are the same on both sides.
    assert_eq!(job.reads(), 6, "{:?}", job.fake.log());
    // Besides, the check run is opened and closed, and an earlier verdict and an earlier comment are looked for.
    assert_eq!(job.fake.log().len(), 10, "{:?}", job.fake.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_n_a_cache_that_may_only_be_read_is_not_written() {
    let cache = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(403)).mount(&cache).await;
    let job = changing(&json!({}), 12, |_| {}).await;
    let gate = job.gate("read").env("ACTIONS_CACHE_MODE", "read").env("ACTIONS_RUNTIME_TOKEN", "x");
    let gate = gate.env("ACTIONS_RESULTS_URL", cache.uri()).env("ACTIONS_CACHE_URL", cache.uri());
    let ran = gate.run().await.ends(0);
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    // The store is a folder or a bucket; to keep it is a step of the workflow, which heeds the mode itself.
    assert!(cache.received_requests().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_o_a_deleted_fork_is_judged_from_the_repository_that_takes_it() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let mut job = Job::new(team).await;
    job.is_pull("pull_request_target", ("main", &base), &head, &Value::Null);
    let ran = job.ends("gone", 0).await;
    assert_eq!(ran.subject()["pairs"], 12);
    assert_eq!(job.check()["conclusion"], "success");
    assert_eq!(job.fake.our_comments().len(), 1);
    // Everything that was read is below the one repository.
    let log = job.fake.log();
    assert!(log.iter().all(|line| line.contains(" /repos/octo-org/shop/")), "{log:?}");
}
