//! In GitHub Actions: the same verdict whatever GitHub does, and everything told where it can be.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use presscheck_core::units::CommitSha;
use serde_json::{Value, json};

use super::{Gate, Ran, Team, essence, files_below, profile, prompts, without};
use crate::github::Fake;

/// A job of a pull request of `octo-org/shop` from `change` to `main`.
struct Job {
    team: Team,
    head: CommitSha,
}

impl Job {
    async fn new(profile: &Value, count: usize) -> Self {
        let team = Team::new(profile).await;
        let (base, head) = team.change(&team.policy(), &prompts(count));
        let event = json!({
            "action": "opened", "number": 17,
            "pull_request": {
                "title": "Cheaper heroes ::error::`x`",
                "head": {"sha": head, "ref": "change", "repo": {"id": 1, "full_name": "octo-org/shop"}},
                "base": {"sha": base, "ref": "main"},
            },
            "repository": {"id": 1, "full_name": "octo-org/shop", "default_branch": "main"},
        });
        std::fs::write(team.folder.path().join("event.json"), event.to_string()).unwrap();
        Self { team, head }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.team.folder.path().join(name)
    }

    /// The gate as the runner starts it. The repository's state of the work tree is of no matter.
    fn gate(&self, name: &str, api: &str, token: &str) -> Gate {
        for kind in ["output", "summary", "state"] {
            std::fs::write(self.file(&format!("{name}-{kind}")), "").unwrap();
        }
        self.team
            .bare()
            .named(name)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", self.file("event.json"))
            .env("GITHUB_REPOSITORY", "octo-org/shop")
            .env("GITHUB_API_URL", api)
            .env("GITHUB_SERVER_URL", "https://github.example.com")
            .env("GITHUB_RUN_ID", "42")
            .env("GITHUB_RUN_ATTEMPT", "1")
            .env("GITHUB_WORKSPACE", self.team.scratch.root())
            .env("GITHUB_OUTPUT", self.file(&format!("{name}-output")))
            .env("GITHUB_STEP_SUMMARY", self.file(&format!("{name}-summary")))
            .env("GITHUB_STATE", self.file(&format!("{name}-state")))
            .env("INPUT_GITHUB-TOKEN", token)
            .env("INPUT_POLICY", "presscheck.yaml")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Everything that a job leaves behind without GitHub's help.
    fn is_told_in_the_job(&self, name: &str, ran: &Ran) {
        let output = self.read(&format!("{name}-output"));
        for wanted in ["verdict", "failure-rate", "cost-per-1k", "report-path", "spent"] {
            assert!(output.contains(wanted), "{wanted}: {output}");
        }
        let report = ran.out.join("report.html").display().to_string();
        assert!(output.contains(&report), "{output}");
        let summary = self.read(&format!("{name}-summary"));
        assert!(summary.contains("failure rate") && summary.contains("60"), "{summary}");
    }
}

/// A profile whose candidate fails now and then, or often.
fn failing(share: &str) -> Value {
    profile(&json!({"wrong_aspect": "5%"}), &json!({"wrong_aspect": share}))
}

/// An address of this machine where nobody listens: a port that was free a moment ago may be another test's by now.
fn closed() -> String {
    "http://127.0.0.1:9".to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_the_same_whatever_github_does() {
    for (share, code) in [("2%", 0), ("40%", 1)] {
        let job = Job::new(&failing(share), 60).await;
        let fake = Fake::start().await;
        let read_only = Fake::start().await;
        read_only.make_read_only();
        let local = job.team.gate().run().await.ends(code);
        let ways = [
            ("told", fake.url(), "ghs_test"),
            ("no-token", fake.url(), ""),
            ("bad-token", fake.url(), "ghs_wrong"),
            ("offline", closed(), "ghs_test"),
            ("read-only", read_only.url(), "ghs_test"),
        ];
        for (name, api, token) in ways {
            let ran = job.gate(name, &api, token).run().await.ends(code);
            // A commit has no branch's name beside it in a job: the event gives its digest.
            let same = |ran: &Ran| without(&essence(&ran.verdict()), &["label"]);
            assert_eq!(same(&ran), same(&local), "{name}");
            job.is_told_in_the_job(name, &ran);
            let posted = name == "told";
            assert_eq!(ran.stderr.contains("::warning"), !posted, "{name}: {}", ran.stderr);
            assert_eq!(fake.our_comments().len(), 1, "{name}");
            assert!(!ran.stderr.contains("ghs_"), "{name}: {}", ran.stderr);
        }
        assert!(read_only.our_comments().is_empty() && read_only.checks().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_run_and_one_comment_are_on_the_head_commit() {
    let job = Job::new(&failing("40%"), 60).await;
    let fake = Fake::start().await;
    job.gate("first", &fake.url(), "ghs_test").run().await.ends(1);
    let checks = fake.checks();
    assert_eq!(checks.len(), 1, "{checks:?}");
    let check = &checks[0];
    assert_eq!(check["head_sha"], job.head.as_str());
    assert_eq!((&check["status"], &check["conclusion"]), (&json!("completed"), &json!("failure")));
    assert_eq!((&check["name"], &check["closed"]), (&json!("presscheck"), &json!(1)));
    let log = fake.log();
    let at = |start: &str| log.iter().position(|line| line.starts_with(start)).unwrap();
    assert!(
        at("POST /repos/octo-org/shop/check-runs") < at("PATCH /repos/octo-org/shop/check-runs/")
    );
    let comments = fake.our_comments();
    assert!(comments[0].len() < 60_000 && comments[0].contains("failure rate"), "{comments:?}");

    // The second run, with everything in the store, leaves one comment still.
    job.gate("second", &fake.url(), "ghs_test").run().await.ends(1);
    assert_eq!((fake.our_comments().len(), fake.checks().len()), (1, 2));
    // And nothing is posted where that is asked for.
    let before = fake.log().len();
    job.gate("quiet", &fake.url(), "ghs_test").arg("--no-post").run().await.ends(1);
    assert_eq!(fake.log().len(), before);
}

/// How many groups a log has, none in another and each of them closed; and what stands after the last.
fn groups(log: &str) -> (usize, String) {
    let (mut open, mut count, mut after) = (false, 0, String::new());
    for line in log.lines() {
        match line {
            _ if line.starts_with("::group::") => {
                assert!(!open, "{log}");
                (open, count) = (true, count + 1);
            }
            "::endgroup::" => {
                assert!(open, "{log}");
                open = false;
                after.clear();
            }
            _ => after.push_str(&format!("{line}\n")),
        }
    }
    assert!(!open, "a group is left open: {log}");
    (count, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_folded_in_a_job_alone_and_the_verdict_never() {
    let job = Job::new(&failing("40%"), 60).await;
    let ran = job.gate("folded", &closed(), "").run().await.ends(1);
    let (count, after) = groups(&ran.stderr);
    assert_eq!(count, 1, "{}", ran.stderr);
    let (_, group) = ran.stderr.split_once("::group::").unwrap();
    assert!(group.starts_with("presscheck gate   hero   old -> new"), "{group}");
    let (group, _) = group.split_once("::endgroup::").unwrap();
    for told in [
        " pairs after ",
        "candidate ",
        "change    ",
        "(95% intervals)",
        "evidence  pass ",
        "spent     $",
    ] {
        assert!(group.contains(told), "{told}: {group}");
    }
    assert!(after.contains("\nFAIL  ") && !group.contains("FAIL  "), "{}", ran.stderr);

    let local = job.team.gate().run().await.ends(1);
    assert!(!local.stderr.contains("group::"), "{}", local.stderr);
    assert!(local.stderr.contains("presscheck gate   hero   old -> new"), "{}", local.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_breaks_off_closes_its_group_before_it_says_why() {
    let mut broken = failing("5%");
    broken["models"].as_object_mut().unwrap().remove("new");
    let job = Job::new(&broken, 30).await;
    let ran = job.gate("gone", &closed(), "").run().await.ends(4);
    let (count, after) = groups(&ran.stderr);
    assert_eq!(count, 1, "{}", ran.stderr);
    assert!(after.contains("no model `new`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_m_sigterm_closes_the_check_run_and_loses_nothing() {
    let mut slow = failing("5%");
    for model in ["old", "new"] {
        slow["models"][model]["latency"] = json!("100ms");
    }
    let job = Job::new(&slow, 200).await;
    let fake = Fake::start().await;
    let gate = job.gate("term", &fake.url(), "ghs_test");
    let child = gate.spawn_piped();
    while fake.checks().is_empty() || job.team.log().len() < 40 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(fake.checks()[0]["status"], "in_progress");
    let killed = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
    let ran = Ran::of(&output.unwrap().unwrap(), &job.file("out-term")).ends(4);
    let (count, after) = groups(&ran.stderr);
    assert!(count == 1 && after.contains("stopped by SIGTERM"), "{}", ran.stderr);
    let check = fake.checks()[0].clone();
    assert_eq!((&check["status"], &check["closed"]), (&json!("completed"), &json!(1)));
    assert_ne!(check["conclusion"], "success");
    assert!(!ran.out.join("verdict.json").exists());
    assert!(job.read("term-output").contains("verdict"));

    // The next run goes on from there.
    let before = job.team.log().len();
    assert!(before < 300, "{before}");
    job.gate("term", &fake.url(), "ghs_test").run().await;
    assert_eq!(fake.checks().len(), 2);
    assert!(job.team.log().len() < 400 + 16, "{}", job.team.log().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_verdict_blocks_and_says_why() {
    let mut broken = failing("5%");
    broken["models"].as_object_mut().unwrap().remove("new");
    let job = Job::new(&broken, 30).await;
    let fake = Fake::start().await;
    let ran = job.gate("gone", &fake.url(), "ghs_test").run().await.ends(4);
    let check = fake.checks()[0].clone();
    assert_eq!(check["status"], "completed", "{}", ran.stderr);
    assert_eq!(check["conclusion"], "failure");
    assert!(job.read("gone-output").contains("none"), "{}", job.read("gone-output"));
    assert!(job.read("gone-summary").contains("no model"), "{}", job.read("gone-summary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_can_not_be_read_is_bad_config() {
    let job = Job::new(&failing("5%"), 10).await;
    for (name, event) in [("none", None), ("text", Some("not json")), ("empty", Some("{}"))] {
        let path = job.file("event.json");
        match event {
            Some(text) => std::fs::write(path, text).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        let ran = job.gate(name, &closed(), "").run().await.ends(2);
        assert!(ran.stderr.contains("payload"), "{name}: {}", ran.stderr);
    }
    assert!(job.team.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn started_by_inputs_alone_it_leaves_what_later_steps_can_find_and_read() {
    let job = Job::new(&failing("2%"), 20).await;
    let workspace = job.team.scratch.root();
    let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    command.env_clear().current_dir(workspace);
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_REPOSITORY", "octo-org/shop"),
        ("GITHUB_API_URL", &closed()),
        ("INPUT_POLICY", "presscheck.yaml"),
        ("INPUT_STORE", "kept"),
        ("INPUT_OUT", "reports/first"),
        ("INPUT_MAX-IMAGES", ""),
        ("PRESSCHECK_MODELS", "/nonexistent"),
    ] {
        command.env(name, value);
    }
    command.env("HOME", job.team.folder.path());
    command.env("GITHUB_WORKSPACE", workspace).env("GITHUB_EVENT_PATH", job.file("event.json"));
    std::fs::write(job.file("output"), "").unwrap();
    command.env("GITHUB_OUTPUT", job.file("output"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // The steps around the container know the workspace under another path.
    let told = job.read("output");
    assert!(told.contains("\nreports/first/report.html\n"), "{told}");
    for folder in ["reports/first", "kept"] {
        let files = files_below(&workspace.join(folder));
        assert!(!files.is_empty(), "{folder}");
        #[cfg(unix)]
        for file in files {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o044, 0o044, "{} is kept from other steps", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_shows_its_counts_on_the_check_and_not_all_the_time() {
    let mut slow = failing("5%");
    for model in ["old", "new"] {
        slow["models"][model]["latency"] = json!("150ms");
    }
    let job = Job::new(&slow, 120).await;
    let fake = Fake::start().await;
    let begun = std::time::Instant::now();
    job.gate("long", &fake.url(), "ghs_test").run().await;
    let seconds = begun.elapsed().as_secs();
    let updates = fake.updates();
    let (last, counts) = updates.split_last().unwrap();
    assert_eq!(last["status"], "completed");
    // One at once, and one each ten seconds: over forty batches were judged, and none of them waited for GitHub.
    assert!((1..=1 + seconds / 10).contains(&(counts.len() as u64)), "{counts:?} in {seconds} s");
    for update in counts {
        let summary = update["output"]["summary"].as_str().unwrap();
        assert!(summary.contains("pairs of `hero`") && summary.contains("spent"), "{summary}");
        assert_eq!(update.get("status"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_on_stdout_gives_the_runner_no_command() {
    let job = Job::new(&failing("2%"), 12).await;
    let mut policy = job.team.policy();
    policy["prompts"] = json!(["edits.jsonl"]);
    let hostile = "##[error]boom";
    let cases: String = (0..12)
        .map(|n| {
            format!(
                "{}\n",
                json!({"id": format!("{n} {hostile}"), "prompt": "::error::x", "tags": [hostile]})
            )
        })
        .collect();
    let files = |model| {
        [
            ("presscheck.yaml", policy.to_string()),
            ("models.yaml", super::hero(model)),
            ("edits.jsonl", cases.clone()),
        ]
    };
    let base = job.team.commit("main", &[], &files("old"));
    job.team.commit("change", &[&base], &files("new"));
    let plan = |gate: Gate| {
        gate.planned().arg("--base").arg("main").arg("--head").arg("change").arg("--json")
    };
    let local = plan(job.team.bare()).run().await.ends(0);
    assert!(local.stdout.contains(hostile), "{}", local.stdout);
    let ran = plan(job.gate("json", &closed(), "")).run().await.ends(0);
    for stream in [&ran.stdout, &ran.stderr] {
        assert!(!stream.contains("##["), "{stream}");
        assert!(!stream.lines().any(|line| line.trim_start().starts_with("::")), "{stream}");
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(read(&ran.stdout), read(&local.stdout));
}
