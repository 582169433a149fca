//! `presscheck models`: what is known of models, without a request.

use clap::Args;
use presscheck_core::providers::catalogue::{self, Wanted};
use presscheck_core::report::TerminalStyle;

use super::gate::report_problem;
use super::{Exit, output};

/// Which models to list.
#[derive(Args, Debug)]
pub(super) struct ModelsArgs {
    /// A model's id, a part of its id or name, or a pattern of ids with * and ?; up to three models are shown whole.
    model: Option<String>,

    /// Only models of this kind of provider, such as google.
    #[arg(long)]
    kind: Option<String>,

    /// Only models for this task: text-to-image, edit or upscale.
    #[arg(long)]
    task: Option<String>,
}

/// Lists them.
pub(super) fn run(arguments: &ModelsArgs, json: bool) -> Exit {
    let wanted = Wanted {
        kind: arguments.kind.as_deref(),
        task: arguments.task.as_deref(),
        model: arguments.model.as_deref(),
    };
    match catalogue::list(&wanted, jiff::Zoned::now().date()) {
        Ok(listing) => {
            let style = TerminalStyle { colour: output::document_colour(), width: 80 };
            // The list is the document itself, for people as for machines.
            let document = if json { listing.json() } else { listing.text(style) };
            output::stdout(document.as_bytes());
            Exit::Pass
        }
        Err(why) => {
            report_problem(&why, Exit::Config, json);
            Exit::Config
        }
    }
}
