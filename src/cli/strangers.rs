//! Changes by strangers: what has to be true before their run may cost anything, and what they get where it is not.

use presscheck_core::inert::one_line;
use presscheck_core::report;

use super::Exit;
use super::tell::Told;
use crate::github::{
    Api, ApiError, Environment, Event, EventKind, Patience, RequireApproval, approved, pull_now,
};
use crate::run::{self, Loaded, Setting};

/// Lets a run go on to what costs money, or ends it with the plan of what it would buy.
pub(super) async fn hold(
    told: &Told,
    environment: &Environment,
    setting: &Setting,
    loaded: &Loaded,
) -> Result<(), (Exit, String)> {
    let Some(event) = &told.event else { return Ok(()) };
    if !loaded.would_buy(setting.today) {
        return Ok(());
    }
    let missing = loaded.missing_keys(&*setting.environment);
    let why = if is_stranger(event, told) && !missing.is_empty() {
        without_keys(event, told, &missing)
    } else if needs_review(event, told) {
        match reviewed(event, environment).await {
            Ok(()) => return still_there(told, environment).await,
            Err(why) => why,
        }
    } else {
        return still_there(told, environment).await;
    };
    // Nothing of this asks for more than what is read already.
    let (plan, _) = run::plan(setting, loaded, false)
        .await
        .map_err(|halt| (Exit::CouldNotRun, format!("{}\n{halt}", why.0)))?;
    let text = format!("{}\n\n{}\n  help: {}\n", why.0, report::plan_text(&plan).trim_end(), why.1);
    Err((Exit::CouldNotRun, text))
}

/// Ends a run where the pull request's head is no longer the commit that was approved, or where that is not known.
async fn still_there(told: &Told, environment: &Environment) -> Result<(), (Exit, String)> {
    match moved(told, environment).await {
        Ok(None) => Ok(()),
        Ok(Some(moved)) => Err(moved),
        Err(error) => Err((
            Exit::CouldNotRun,
            format!(
                "{error}, so whether the commit of this event is still the pull request's head is not known; no provider was asked\n  help: give the job `pull-requests: read`, and run it again"
            ),
        )),
    }
}

/// The same once the verdict is reached. Where GitHub does not answer any more, the verdict is told of the commit that
/// it is of, and of no other.
pub(super) async fn still_there_at_the_end(
    told: &Told,
    environment: &Environment,
) -> Result<(), (Exit, String)> {
    match moved(told, environment).await {
        Ok(Some(moved)) => Err(moved),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// What ends a run whose pull request has another head by now; nothing where it has not. Asked under the events that
/// give secrets to anybody's change.
async fn moved(told: &Told, environment: &Environment) -> Result<Option<(Exit, String)>, ApiError> {
    let Some(event) = told.event.as_ref().filter(|event| is_privileged(event)) else {
        return Ok(None);
    };
    let Some(number) = event.number else { return Ok(None) };
    let api = Api::of(environment, Patience::default())?;
    let now = pull_now(&api, number).await?.head_sha;
    Ok((now != event.head_sha).then(|| {
        let text = format!(
            "the pull request has moved on from {} to {} since this run was approved; no verdict on it is told\n  help: a push after the approval needs a new one: approve the run of the new commit",
            event.head_sha.short(),
            now.short(),
        );
        (Exit::CouldNotRun, text)
    }))
}

/// Whether the event gives a job secrets, whoever's change it runs on.
const fn is_privileged(event: &Event) -> bool {
    matches!(event.kind, EventKind::PullRequestTarget | EventKind::WorkflowRun)
}

/// Whether the change is by somebody whose run GitHub gives no secrets.
fn is_stranger(event: &Event, told: &Told) -> bool {
    told.foreign || is_dependabot(event)
}

fn is_dependabot(event: &Event) -> bool {
    [&event.author, &event.sender].into_iter().flatten().any(|login| login == "dependabot[bot]")
}

/// What is said where keys are missing, and what to do.
fn without_keys(event: &Event, told: &Told, missing: &[String]) -> (String, String) {
    let who = if told.foreign { "from another repository" } else { "by Dependabot" };
    let keys: Vec<_> =
        missing.iter().take(5).map(|key| format!("`{}`", one_line(key, 60))).collect();
    (
        format!(
            "not judged yet: this change is {who}, so the job has no {}, and a maintainer has to start the paid run; no request was sent to a provider",
            keys.join(", ")
        ),
        format!(
            "maintainers: look at the model file's change in {}, then approve its run in the environment that holds the keys (docs/github.md, “Pull requests from forks”)",
            event.head_sha.short()
        ),
    )
}

fn needs_review(event: &Event, told: &Told) -> bool {
    event.kind.is_pull_request()
        && match told.approval {
            RequireApproval::No => false,
            RequireApproval::Forks => told.foreign,
            RequireApproval::Everybody => true,
        }
}

/// Whether somebody who may write approved this very commit; else what is said, and what to do.
async fn reviewed(event: &Event, environment: &Environment) -> Result<(), (String, String)> {
    let head = event.head_sha.short();
    let todo = format!(
        "somebody with write permission approves {head} in a review, then the job is run again; a push needs a new approval"
    );
    let asked = async {
        let api = Api::of(environment, Patience::default())?;
        approved(&api, event.number.unwrap_or_default(), &event.head_sha).await
    };
    let why = match asked.await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(said)) if said.is_empty() => "nobody reviewed it yet.".to_owned(),
        Ok(Err(said)) => said.join(" "),
        Err(error) => format!("{error}."),
    };
    let sentence = "not judged yet: the paid run waits for a review that approves";
    Err((format!("{sentence} {head}; no request was sent to a provider\n{why}"), todo))
}
