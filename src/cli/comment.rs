//! The event `issue_comment`: somebody accepts a verdict by a comment, and the job that failed is run again.
//!
//! It runs on the default branch, whoever comments, so it judges nothing, reads no key and buys nothing. The job
//! that it starts again is the pull request's own, with that one's rights and nothing more.

use super::tell::warn;
use super::{Exit, output};
use crate::github::{
    Api, ApiError, COMMAND, Command, DEFAULT_LABEL, Environment, ISSUE_COMMENT, Inputs, Patience,
    Question, Summons, append_step_summary, ask_who_accepted, check_runs, last_workflow_run,
    pull_now, read_comment, run_again, verdict_before,
};

/// Whether the job was started by a comment.
pub(super) fn is_one(environment: &Environment) -> bool {
    environment.in_actions() && environment.event_name.as_deref() == Some(ISSUE_COMMENT)
}

/// Answers a comment. What is not meant for us, or accepts nothing, is no failure: anybody may comment.
pub(super) async fn answer(environment: &Environment) -> Result<(), (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let inputs = Inputs::read(output::environment).map_err(|error| config(error.to_string()))?;
    let payload = environment.payload().map_err(|error| config(error.to_string()))?;
    let summons = read_comment(&payload).map_err(|error| config(error.to_string()))?;
    let Some(Summons { number, command }) = summons else {
        output::stderr("The comment is not for presscheck: nothing to do.\n");
        return Ok(());
    };
    if let Command::Unknown(word) = command {
        say(
            environment,
            &format!(
                "“{COMMAND} {word}” is nothing that presscheck knows; it knows “{COMMAND} accept REASON”."
            ),
        );
        return Ok(());
    }
    let ended = accept(environment, &inputs, number).await;
    let text = ended.map_err(|error| {
        let exit = if error.is_passing() { Exit::CouldNotRun } else { Exit::Config };
        (exit, format!("{error}; nothing was accepted\n  help: run the pull request's job again by hand: it sees the comment as well"))
    })?;
    say(environment, &text);
    Ok(())
}

async fn accept(
    environment: &Environment,
    inputs: &Inputs,
    number: u64,
) -> Result<String, ApiError> {
    let api = Api::of(environment, Patience::default())?;
    let name = inputs.name.as_deref().unwrap_or("presscheck");
    let now = pull_now(&api, number).await?;
    let question = Question {
        head: &now.head_sha,
        verdict_at: verdict_before(&api, &now.head_sha, name).await?,
        label: inputs.override_label.as_deref().unwrap_or(DEFAULT_LABEL),
        author: now.author.as_deref(),
    };
    let ruling = ask_who_accepted(&api, number, &question).await?;
    let Some(by) = ruling.accepted else { return Ok(ruling.refused.join(" ")) };
    let runs = check_runs(&api, &now.head_sha, name).await?;
    let Some(run) = last_workflow_run(&runs, name) else {
        return Ok(format!(
            "@{} accepted the verdict on {}, and which job said it is not known: run it again by hand.",
            by.by,
            now.head_sha.short()
        ));
    };
    run_again(&api, run).await?;
    Ok(format!(
        "@{} accepted the verdict on {}: the job that said it runs again.",
        by.by,
        now.head_sha.short()
    ))
}

/// Says it in the log and in the job's summary.
fn say(environment: &Environment, text: &str) {
    warn(&[text.to_owned()]);
    if let Some(path) = &environment.step_summary {
        let text = format!("{}\n", presscheck_core::inert::markdown(text, 2_000));
        if let Err(error) = append_step_summary(path, &text) {
            warn(&[error.to_string()]);
        }
    }
}
