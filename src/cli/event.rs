//! What the event leaves open: the pull request of a finished workflow, sides that the action's inputs name, and
//! whose the head is.

use super::change::ChangeArgs;
use super::{Exit, sides};
use crate::github::{
    Api, Environment, Event, EventKind, NoPull, Patience, find_pull, is_from_here,
};

/// The sides that the action's inputs name.
pub(super) struct Named {
    pub(super) base: Option<String>,
    pub(super) head: Option<String>,
}

/// Completes an event, and says whether the head is, or may be, another repository's.
pub(super) async fn settle(
    mut event: Event,
    named: &Named,
    change: &mut ChangeArgs,
    environment: &Environment,
) -> Result<(Event, bool), (Exit, String)> {
    let config = |text: String| (Exit::Config, text);
    let given = [("base", &named.base), ("head", &named.head)];
    if let Some((input, _)) = given.into_iter().find(|(_, value)| value.is_some())
        && event.kind.names_both()
    {
        return Err(config(format!(
            "the action's input `{input}` is for events that name no two commits, and `{}` names them; no request was sent\n  help: leave it empty for this event",
            event.kind
        )));
    }
    let mut foreign = !event.same_repository;
    if let Some(head) = &named.head {
        let sha = sides::commit(change, environment, head).await;
        let sha = sha.map_err(|error| {
            config(format!("the action's input `head` names no commit that is known: {error}"))
        })?;
        // Whoever starts a workflow by hand may paste a fork's commit.
        foreign |= sha != event.head_sha;
        event.head_sha = sha;
    }
    if change.base.is_none() {
        change.base.clone_from(&named.base);
    }
    match event.kind {
        EventKind::WorkflowRun if change.base.is_none() => {
            let client = Api::of(environment, Patience::default()).map_err(NoPull::from);
            let found = match client {
                Ok(api) => find_pull(&api, event).await,
                Err(error) => Err(error),
            };
            event = found.map_err(|error| {
                let exit = if error.is_passing() { Exit::CouldNotRun } else { Exit::Config };
                (exit, error.to_string())
            })?;
            foreign |= !event.same_repository;
        }
        // The group's commits may be a fork's: approved for the merge, not for deciding where keys go.
        EventKind::MergeGroup => {
            let api = Api::of(environment, Patience::default()).ok();
            foreign = match api.zip(event.number) {
                Some((api, number)) => !is_from_here(&api, number).await.unwrap_or(false),
                None => true,
            };
        }
        _ => {}
    }
    Ok((event, foreign))
}
