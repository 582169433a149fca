//! How much of a provider's capacity a gate uses: at a limit of concurrency, and at a limit of rate.
//!
//! `cargo bench --bench throughput` measures the release binary; `PRESSCHECK_BIN` names another. The model server is the
//! simulated one, in this process; its log is the witness.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;

use presscheck::revision::{Files, Scratch};
use presscheck::simulator::{LogEntry, Profile, Simulator};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        concurrency().await?;
        rate().await
    })
}

/// 1,000 prompts with two models, each picture after 50 ms, 32 at once.
async fn concurrency() -> Outcome<()> {
    let log = gate("latency: 50ms, size: 16x16", "", 1_000, "concurrency: 32").await?;
    let seconds = span(&log);
    let rate = log.len() as f64 / seconds;
    let ideal = 32.0 / 0.05;
    println!(
        "{} pictures of 50 ms, 32 at once: {seconds:.2} s, {rate:.0}/s, {:.0}% of the ideal {ideal:.0}/s",
        log.len(),
        100.0 * rate / ideal
    );
    Ok(())
}

/// 100 prompts with two models, at a provider that answers ten requests in any second.
async fn rate() -> Outcome<()> {
    let log = gate("size: 64x64", "rate: 10/s", 100, "concurrency: 32, rate: 600/min").await?;
    let over = log.iter().filter(|entry| entry.status == Some(429)).count();
    // The first request needs no wait before it.
    let share = (log.len() - 1) as f64 / (span(&log) * 10.0);
    println!(
        "{} requests at a limit of 10/s: {over} over it, {:.0}% of it used",
        log.len(),
        100.0 * share
    );
    Ok(())
}

/// From the first request to the last answer, in seconds.
fn span(log: &[LogEntry]) -> f64 {
    let first = log.iter().map(|entry| entry.started_ms).min().unwrap_or(0);
    let last = log.iter().filter_map(|entry| entry.answered_ms).max().unwrap_or(0);
    last.saturating_sub(first).max(1) as f64 / 1e3
}

/// Runs a gate over so many prompts, and tells what the server saw.
async fn gate(model: &str, limits: &str, prompts: usize, provider: &str) -> Outcome<Vec<LogEntry>> {
    let profile = Profile::read(&format!("{limits}\nmodels: {{'*': {{{model}}}}}\n"))?;
    let server = Simulator::start(profile, ([127, 0, 0, 1], 0).into()).await?;
    let folder = tempfile::tempdir()?;
    let scratch = Scratch::create(&folder.path().join("repository"))?;
    let policy = format!(
        "model: models.yaml\nprompts: [prompts.txt]\nsample: {{max: {prompts}, batch: 1000, stop: end}}\nbudget: $100\nproviders:\n  studio: {{kind: http, url: \"{}\", price: $0.01, {provider}}}\n",
        server.url()
    );
    let lines: String = (0..prompts).map(|n| format!("a small picture of thing {n}\n")).collect();
    let commit = |branch: &str, parents: &[&_]| -> Outcome<_> {
        let models = format!("models: {{hero: {{provider: studio, model: {branch}}}}}\n");
        let mut files = Files::new();
        for (path, text) in
            [("presscheck.yaml", &policy), ("models.yaml", &models), ("prompts.txt", &lines)]
        {
            files.insert(path.parse()?, text.clone().into_bytes());
        }
        Ok(scratch.commit(branch, "Change the model", parents, &files)?)
    };
    let main = commit("main", &[])?;
    commit("change", &[&main])?;
    let binary = std::env::var_os("PRESSCHECK_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_presscheck")), PathBuf::from);
    let at = |name: &str| folder.path().join(name);
    let mut command = std::process::Command::new(binary);
    command
        .env_clear()
        .current_dir(at("repository"))
        .args(["gate", "--base", "main", "--head", "change"])
        .arg("--out")
        .arg(at("out"))
        .arg("--store")
        .arg(at("store"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    // Two models without faults are alike: what the verdict says of that is not the matter here.
    if !matches!(status.code(), Some(0 | 3)) {
        return Err(format!("the gate ended with {status}").into());
    }
    Ok(server.log())
}
