//! The gate from end to end: the real binary as a process, over a real repository, against a simulated model
//! server in the test's own process, whose log is the independent witness of what was asked and charged.

mod actions;
mod asking;
mod budget;
mod claims;
mod counts;
mod endings;
mod files;
mod interleaved;
mod keys;
mod killed;
mod load;
mod pipelines;
mod relevance;
mod replay;
mod schemas;
mod store;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use presscheck::revision::{Files, Scratch};
use presscheck::simulator::{LogEntry, Profile, Running, Simulator};
use presscheck_core::policy::Node;
use presscheck_core::report::SampleLine;
use presscheck_core::units::{CommitSha, Usd};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where the team's files lie in its repository.
pub(crate) const POLICY: &str = "presscheck.yaml";
pub(crate) const MODELS: &str = "models.yaml";
pub(crate) const PROMPTS: &str = "prompts.txt";

/// A profile with the models `old` and `new`, small pictures, and these faults.
pub(crate) fn profile(old: &Value, new: &Value) -> Value {
    let model = |price: &str, faults: &Value| json!({"price": price, "latency": "5ms", "size": "64x64", "faults": faults});
    json!({"models": {"old": model("$0.042", old), "new": model("$0.019", new)}})
}

/// A profile without faults.
pub(crate) fn good() -> Value {
    profile(&json!({}), &json!({}))
}

/// Prompts, one a line.
pub(crate) fn prompts(count: usize) -> String {
    (0..count).map(|n| format!("a small picture of thing number {n}\n")).collect()
}

/// A model file with one model, `hero`.
pub(crate) fn hero(model: &str) -> String {
    json!({"models": {"hero": {"provider": "studio", "model": model}}}).to_string()
}

/// A team: its repository, and the server that its policy names.
pub(crate) struct Team {
    pub(crate) folder: TempDir,
    pub(crate) scratch: Scratch,
    pub(crate) server: Running,
    /// No later than the start of the server's clock.
    pub(crate) started: Instant,
}

impl Team {
    /// A team whose server has a profile.
    pub(crate) async fn new(profile: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(&folder.path().join("repository")).unwrap();
        let started = Instant::now();
        let server = serve(profile, 0).await;
        Self { folder, scratch, server, started }
    }

    /// A team with `old` on `main` and `new` on `change`, and so many prompts.
    pub(crate) async fn changing(profile: &Value, count: usize) -> Self {
        let team = Self::new(profile).await;
        team.change(&team.policy(), &prompts(count));
        team
    }

    /// Commits a policy and prompts with `old` on `main`, and `new` on `change`.
    pub(crate) fn change(&self, policy: &Value, prompts: &str) -> (CommitSha, CommitSha) {
        let policy = policy.to_string();
        let files = |model| {
            [(POLICY, policy.clone()), (MODELS, hero(model)), (PROMPTS, prompts.to_owned())]
        };
        let base = self.commit("main", &[], &files("old"));
        let head = self.commit("change", &[&base], &files("new"));
        (base, head)
    }

    /// A policy that names the server; JSON is YAML.
    pub(crate) fn policy(&self) -> Value {
        json!({
            "version": 1,
            "model": MODELS,
            "prompts": [PROMPTS],
            "sample": {"max": 300, "batch": 16, "seed": 7},
            "limits": {"failure_rate": {"max_increase": "2pp"}},
            "budget": "$100",
            "providers": {"studio": {
                "kind": "http",
                "url": self.server.url(),
                "price": {"old": "$0.042", "new": "$0.019"},
                "cost": {"header": "x-cost-usd"},
                "refused": {"status": [403, 451], "pointer": "/error/code", "values": ["content_policy"]},
                "concurrency": 8,
                "timeout": "20s",
                "retries": 3,
            }},
            "checks": {"dimensions": {"size": "64x64"}},
        })
    }

    /// Commits exactly these files.
    pub(crate) fn commit(
        &self,
        branch: &str,
        parents: &[&CommitSha],
        files: &[(&str, String)],
    ) -> CommitSha {
        let files: Files = files
            .iter()
            .map(|(path, text)| (path.parse().unwrap(), text.clone().into_bytes()))
            .collect();
        self.scratch.commit(branch, "Change something", parents, &files).unwrap()
    }

    /// The gate over `main` and `change`.
    pub(crate) fn gate(&self) -> Gate {
        self.bare().arg("--base").arg("main").arg("--head").arg("change")
    }

    /// `presscheck gate` in the repository, with nothing of the environment but `PATH` and a home.
    pub(crate) fn bare(&self) -> Gate {
        let root = self.folder.path().to_path_buf();
        Gate {
            repository: self.scratch.root().to_path_buf(),
            out: root.join("out"),
            store: root.join("store"),
            command: "gate",
            arguments: Vec::new(),
            environment: vec![("HOME".to_owned(), root.into_os_string())],
        }
    }

    /// The requests so far.
    pub(crate) fn log(&self) -> Vec<LogEntry> {
        self.server.log()
    }

    /// What the server has charged so far.
    pub(crate) fn charged(&self) -> Usd {
        self.log().iter().map(|entry| entry.charged_usd).sum()
    }

    /// Replaces the server by one with another profile at the same address.
    pub(crate) async fn serve_instead(self, profile: &Value) -> Self {
        let port = self.server.addr().port();
        self.server.shutdown().await;
        let started = Instant::now();
        Self { server: serve(profile, port).await, started, ..self }
    }
}

async fn serve(profile: &Value, port: u16) -> Running {
    let profile = Profile::from_tree(&Node::from_json(profile)).unwrap();
    Simulator::start(profile, ([127, 0, 0, 1], port).into()).await.unwrap()
}

/// A command line of the gate.
#[derive(Clone)]
pub(crate) struct Gate {
    repository: PathBuf,
    out: PathBuf,
    store: PathBuf,
    command: &'static str,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
}

impl Gate {
    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Another store and another output folder, beside the usual ones.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.out = self.out.with_file_name(format!("out-{name}"));
        self.store = self.store.with_file_name(format!("store-{name}"));
        self
    }

    /// Started in another folder.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.repository = folder.to_path_buf();
        self
    }

    /// Another output folder, with the usual store.
    pub(crate) fn out(mut self, name: &str) -> Self {
        self.out = self.out.with_file_name(name);
        self
    }

    /// The store of another name.
    pub(crate) fn with_store(mut self, name: &str) -> Self {
        self.store = self.store.with_file_name(format!("store-{name}"));
        self
    }

    /// `presscheck plan` in its place.
    pub(crate) fn planned(mut self) -> Self {
        self.command = "plan";
        self
    }

    /// The store's folder.
    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // The same with and without the weights of networks installed.
        command.env("PRESSCHECK_MODELS", "/nonexistent");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.repository).arg(self.command);
        if self.command == "gate" {
            command.arg("--out").arg(&self.out);
        }
        command.arg("--store").arg(&self.store);
        command.args(&self.arguments).stdin(Stdio::null());
        command
    }

    /// Starts the process with its output thrown away.
    pub(crate) fn spawn(&self) -> Child {
        self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts the process with its output kept.
    pub(crate) fn spawn_piped(&self) -> Child {
        self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs to the end. Whatever the verdict: it is replayed as it was, and, where they are not too many, with another look at
    /// every picture.
    pub(crate) async fn run(&self) -> Ran {
        let child = self.spawn_piped();
        let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
        let ran = Ran::of(&output.unwrap().unwrap(), &self.out);
        if self.out.join("verdict.json").exists() {
            let many = ran.read("samples.jsonl").lines().count() > 200;
            for more in [&[][..], &["--recheck"]].into_iter().take(if many { 1 } else { 2 }) {
                let again = self.replay(&self.out, more).await.ends(ran.code);
                assert!(again.stderr.contains("byte for byte"), "{}\n{}", ran.stderr, again.stderr);
            }
        }
        ran
    }

    /// `presscheck replay` of an output folder or a run's name, with the gate's store.
    pub(crate) async fn replay(&self, what: impl Into<OsString>, more: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
        command.env_clear().env("PRESSCHECK_MODELS", "/nonexistent");
        command.current_dir(&self.repository).arg("replay").arg(what.into());
        command.arg("--store").arg(&self.store).args(more).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        Ran::of(&output.unwrap().unwrap(), &self.out)
    }
}

/// A run that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) out: PathBuf,
}

impl Ran {
    pub(crate) fn of(output: &Output, out: &Path) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            out: out.to_path_buf(),
        }
    }

    /// Holds the exit code to what is expected; shows what was said where it is not.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stderr, self.stdout);
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.out.join(name);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.stderr))
    }

    pub(crate) fn verdict(&self) -> Value {
        serde_json::from_str(&self.read("verdict.json")).unwrap()
    }

    /// The verdict's only subject.
    pub(crate) fn subject(&self) -> Value {
        let verdict = self.verdict();
        assert_eq!(verdict["subjects"].as_array().unwrap().len(), 1, "{verdict}");
        verdict["subjects"][0].clone()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        let notes = self.verdict()["notes"].clone();
        notes.as_array().unwrap().iter().map(|note| note.as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn has_note(&self, words: &str) {
        let notes = self.notes();
        assert!(notes.iter().any(|note| note.contains(words)), "{words}: {notes:?}");
    }

    pub(crate) fn samples(&self) -> Vec<SampleLine> {
        self.read("samples.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A verdict without what is no part of it: what this run paid for or found in the store, notes, and
/// measured times.
pub(crate) fn essence(verdict: &Value) -> Value {
    without(
        verdict,
        &["spent_usd", "checks_usd", "images_bought", "from_store", "latency", "notes"],
    )
}

/// A JSON document without some keys, wherever they stand.
pub(crate) fn without(value: &Value, keys: &[&str]) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !keys.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), without(value, keys)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| without(item, keys)).collect(),
        other => other.clone(),
    }
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
