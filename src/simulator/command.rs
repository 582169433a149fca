//! `presscheck simulate`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use presscheck_core::units::Usd;
use thiserror::Error;

use super::log::LogEntry;
use super::profile::{EXAMPLE_PROFILE, Profile, ProfileError};
use super::server::{Options, Simulator, dialects};

/// A simulated model server on this machine, for demonstrations, tests and rehearsing a policy without
/// a key, in the manners of any provider.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// The profile: models, prices, latencies, faults (YAML); the example profile where none is given
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// The provider kind to speak like; without it, the server's own (`simulated`). Every kind is spoken at
    /// `http://KIND.localhost:PORT` besides
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(dialects()))]
    pub dialect: Option<String>,
    /// The port to listen on, at 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 8787)]
    pub port: u16,
    /// Append each request to this file as JSON lines, when it arrives and when it is answered
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Print an example profile with comments, and do nothing else
    #[arg(long)]
    pub write_profile: bool,
}

/// Why the simulated server could not run.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// The profile's file can't be read.
    #[error("the profile {path} can't be read: {source}; the server did not start")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The profile is wrong.
    #[error("{path}: {source}")]
    Profile {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong with it.
        source: ProfileError,
    },
    /// The server can't listen, or its log can't be opened.
    #[error("the server could not start: {0}")]
    Start(io::Error),
    /// The terminal is gone, or the signals can't be heard.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs the simulated server until Ctrl-C or SIGTERM, then prints what it answered.
///
/// # Errors
/// Where the profile can't be used or the server can't start.
pub async fn simulate(args: SimulateArgs) -> Result<(), SimulateError> {
    if args.write_profile {
        return Ok(io::stdout().write_all(EXAMPLE_PROFILE.as_bytes())?);
    }
    let path = args.profile.clone().unwrap_or_else(|| PathBuf::from("the example profile"));
    let text = match &args.profile {
        Some(path) => tokio::fs::read_to_string(path)
            .await
            .map_err(|source| SimulateError::Unreadable { path: path.clone(), source })?,
        None => EXAMPLE_PROFILE.to_owned(),
    };
    let profile = Profile::read(&text)
        .map_err(|source| SimulateError::Profile { path: path.clone(), source })?;
    let models: Vec<_> = profile.models.0.keys().map(|id| shown(id)).collect();
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let options = Options { log: args.log, dialect: args.dialect.clone() };
    let running =
        Simulator::start_with(profile, addr, &options).await.map_err(SimulateError::Start)?;
    writeln!(
        anstream::stderr(),
        "simulated model server at {}   speaks {}   models {}   Ctrl-C to stop",
        running.url(),
        args.dialect.as_deref().unwrap_or("simulated"),
        models.join(", ")
    )?;
    stopped().await?;
    let log = running.log();
    running.shutdown().await;
    write!(anstream::stderr(), "\n{}", summary(&log))?;
    Ok(())
}

/// Waits for Ctrl-C or, where there is one, SIGTERM.
async fn stopped() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn shown(text: &str) -> String {
    presscheck_core::inert::one_line(text, 40)
}

/// What was answered, by model and fault.
fn summary(log: &[LogEntry]) -> String {
    if log.is_empty() {
        return "No request came.\n".to_owned();
    }
    let mut rows: BTreeMap<(&str, &str), (u64, u64, Usd)> = BTreeMap::new();
    let mut total = (0, 0, Usd::ZERO);
    for entry in log {
        let what = match (entry.fault, entry.status) {
            (Some(fault), _) => fault.word(),
            (None, Some(200..=299)) => "no fault",
            (None, Some(429)) => "over the server's limit",
            (None, Some(402)) => "no credit left",
            (None, Some(404)) => "unknown model",
            (None, Some(_)) => "turned away",
            (None, None) => "in flight",
        };
        let row = rows.entry((&entry.model, what)).or_default();
        for sum in [row, &mut total] {
            sum.0 += 1;
            sum.1 += u64::from(entry.answered);
            sum.2 += entry.charged_usd;
        }
    }
    let mut text = format!(
        "{:<24} {:<24} {:>9} {:>9} {:>11}\n",
        "model", "fault", "requests", "answered", "charged"
    );
    let mut line = |model: &str, what: &str, (requests, answered, charged): (u64, u64, Usd)| {
        let charged = charged.to_string();
        text.push_str(&format!(
            "{:<24} {what:<24} {requests:>9} {answered:>9} {charged:>11}\n",
            shown(model)
        ));
    };
    for ((model, what), row) in rows {
        line(model, what, row);
    }
    line("all", "", total);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Fault;

    #[test]
    fn the_summary_counts_by_model_and_fault() {
        let entry = |model: &str, fault, status, answered, charged: &str| LogEntry {
            n: 1,
            model: model.to_owned(),
            prompt: "x".to_owned(),
            seed: 1,
            attempt: 1,
            fault,
            status,
            answered,
            started_ms: 0,
            answered_ms: None,
            charged_usd: charged.parse().unwrap(),
        };
        insta::assert_snapshot!(summary(&[]), @"No request came.");
        insta::assert_snapshot!(summary(&[
            entry("atelier-3", None, Some(200), true, "$0.019"),
            entry("atelier-3", None, Some(200), true, "$0.019"),
            entry("atelier-2", Some(Fault::Cut), Some(200), false, "$0.042"),
            entry("atelier-2", None, Some(429), true, "$0"),
            entry("nobody\u{1b}[31m", None, Some(404), true, "$0"),
            entry("atelier-2", None, None, false, "$0"),
        ]), @r"
        model                    fault                     requests  answered     charged
        atelier-2                cut                              1         0      $0.042
        atelier-2                in flight                        1         0       $0.00
        atelier-2                over the server's limit          1         1       $0.00
        atelier-3                no fault                         2         2      $0.038
        nobody [31m              unknown model                    1         1       $0.00
        all                                                       6         4       $0.08
        ");
    }
}
