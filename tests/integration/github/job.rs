//! A job of GitHub Actions over a fake of GitHub, with or without a checkout.

use std::path::{Path, PathBuf};

use presscheck_core::units::CommitSha;
use serde_json::{Value, json};

use super::Fake;
use crate::gate::{Gate, MODELS, POLICY, PROMPTS, Ran, Team, good, hero, prompts};

/// A job that runs the gate; its workspace is empty until something is checked out.
pub(crate) struct Job {
    pub(crate) team: Team,
    pub(crate) fake: Fake,
    event: (&'static str, Value),
}

/// The head's repository: the one that takes the change, a fork, or a fork since deleted.
pub(crate) fn own() -> Value {
    json!({"id": 1, "full_name": "octo-org/shop"})
}

pub(crate) fn fork() -> Value {
    json!({"id": 2, "full_name": "mallory/shop"})
}

/// A pull request as the API has it.
pub(crate) fn pull(number: u64, base: (&str, &CommitSha), head: &CommitSha, repo: &Value) -> Value {
    json!({
        "number": number, "state": "open", "title": "Cheaper heroes", "labels": [],
        "user": {"login": "mallory", "type": "User"},
        "head": {"sha": head, "ref": "change", "repo": repo},
        "base": {"sha": base.1, "ref": base.0, "repo": own()},
    })
}

impl Job {
    /// A job of a team whose repository GitHub has, with an event to come.
    pub(crate) async fn new(team: Team) -> Self {
        Self::over(Fake::start().await, team)
    }

    /// The same over a fake of one's own.
    pub(crate) fn over(fake: Fake, team: Team) -> Self {
        fake.serve(team.scratch.root());
        let folder = team.folder.path();
        std::fs::create_dir(folder.join("workspace")).unwrap();
        Self { team, fake, event: ("push", Value::Null) }
    }

    /// The job of a pull request that touches no model.
    pub(crate) async fn of_something_else() -> Self {
        let team = Team::new(&good()).await;
        let mut files = vec![
            (POLICY, team.policy().to_string()),
            (MODELS, hero("old")),
            (PROMPTS, prompts(12)),
        ];
        let base = team.commit("main", &[], &files);
        files.push(("src/app.js", "run()".to_owned()));
        let head = team.commit("change", &[&base], &files);
        Self::of_pull(team, ("main", &base), &head, &own()).await
    }

    /// The job of a pull request.
    pub(crate) async fn of_pull(
        team: Team,
        base: (&str, &CommitSha),
        head: &CommitSha,
        repo: &Value,
    ) -> Self {
        let mut job = Self::new(team).await;
        job.is_pull("pull_request", base, head, repo);
        job
    }

    pub(crate) fn is_pull(
        &mut self,
        event: &'static str,
        base: (&str, &CommitSha),
        head: &CommitSha,
        repo: &Value,
    ) {
        let pull = pull(17, base, head, repo);
        self.fake.add_pull(pull.clone());
        self.is(event, json!({"action": "opened", "number": 17, "pull_request": pull}));
    }

    /// The job of any event.
    pub(crate) fn is(&mut self, event: &'static str, mut payload: Value) {
        payload["repository"] = own();
        payload["repository"]["default_branch"] = json!("main");
        self.event = (event, payload);
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.team.folder.path().join(name)
    }

    /// The gate as the runner starts it, in an empty workspace.
    pub(crate) fn gate(&self, name: &str) -> Gate {
        self.gate_in(name, &self.file("workspace"))
    }

    /// The gate as the runner starts it, where something is checked out.
    pub(crate) fn gate_in(&self, name: &str, workspace: &Path) -> Gate {
        for kind in ["output", "summary", "state"] {
            std::fs::write(self.file(&format!("{name}-{kind}")), "").unwrap();
        }
        let payload = self.file(&format!("{name}-event.json"));
        std::fs::write(&payload, self.event.1.to_string()).unwrap();
        self.team
            .bare()
            .named(name)
            .within(workspace)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", self.event.0)
            .env("GITHUB_EVENT_PATH", payload)
            .env("GITHUB_REPOSITORY", "octo-org/shop")
            .env("GITHUB_API_URL", self.fake.url())
            .env("GITHUB_SERVER_URL", "https://github.example.com")
            .env("GITHUB_RUN_ID", "42")
            .env("GITHUB_RUN_ATTEMPT", "1")
            .env("GITHUB_WORKSPACE", workspace)
            .env("GITHUB_OUTPUT", self.file(&format!("{name}-output")))
            .env("GITHUB_STEP_SUMMARY", self.file(&format!("{name}-summary")))
            .env("GITHUB_STATE", self.file(&format!("{name}-state")))
            .env("INPUT_GITHUB-TOKEN", "ghs_test")
    }

    /// Runs the gate to the end, with the exit code that is expected.
    pub(crate) async fn ends(&self, name: &str, code: i32) -> Ran {
        self.gate(name).run().await.ends(code)
    }

    /// How often GitHub was asked for files, comparisons and pull requests.
    pub(crate) fn reads(&self) -> usize {
        let told = |line: &&String| {
            ["/check-runs", "/comments", "/timeline", "/git/"].iter().any(|it| line.contains(it))
        };
        self.fake.log().iter().filter(|line| !told(line)).count()
    }

    /// The only check run.
    #[track_caller]
    pub(crate) fn check(&self) -> Value {
        let checks = self.fake.checks();
        assert_eq!(checks.len(), 1, "{checks:?}");
        checks[0].clone()
    }

    /// Nothing was asked of a provider.
    #[track_caller]
    pub(crate) fn bought_nothing(&self) {
        let log = self.team.log();
        assert!(log.is_empty(), "{} requests", log.len());
    }
}
