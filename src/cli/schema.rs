//! `presscheck schema`: what editors are told of the policy, and machines of the evidence.

use clap::{Args, ValueEnum};
use presscheck_core::policy::{self, Vocabulary};
use presscheck_core::{checks, providers, report};

use super::{Exit, output};

/// Which file's schema.
#[derive(Args, Debug)]
pub(super) struct SchemaArgs {
    /// Of which file.
    #[arg(value_enum, default_value_t = Of::Policy)]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// presscheck.yaml
    Policy,
    /// The model config.
    Models,
    /// verdict.json
    Verdict,
    /// A line of samples.jsonl
    Samples,
    /// What `presscheck history --json` prints.
    History,
}

/// Prints the schema.
pub(super) fn run(arguments: &SchemaArgs) -> Exit {
    let schema = match arguments.of {
        Of::Policy => {
            let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
            policy::policy_schema(&Vocabulary {
                checks: &checks,
                providers: &providers,
                terms: providers::catalogue::terms,
            })
        }
        Of::Models => policy::models_schema(),
        Of::Verdict => report::verdict_schema(),
        Of::Samples => report::samples_schema(),
        Of::History => report::history_schema(),
    };
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    output::stdout(text.as_bytes());
    Exit::Pass
}
