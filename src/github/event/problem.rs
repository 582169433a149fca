//! What is wrong with an event.

use thiserror::Error;

/// Why an event can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// None was named.
    #[error(
        "no event is named: GITHUB_EVENT_NAME is missing. Outside of Actions, give --base and --head"
    )]
    Unnamed,
    /// Not one that has a change to judge.
    #[error(
        "the event `{name}` has no change to judge: run on pull_request, pull_request_target, merge_group, \
         push, workflow_dispatch, workflow_run or schedule, or give --base and --head"
    )]
    Unsupported {
        /// GitHub's name of it.
        name: String,
    },
    /// The file with the payload can't be read.
    #[error("the event's payload can't be read: {reason}")]
    Unreadable {
        /// The file, and what is wrong with it.
        reason: String,
    },
    /// Over [`MAX_EVENT_BYTES`].
    #[error("the event's payload has {bytes} bytes, more than GitHub ever sends; it was not read")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// Not JSON.
    #[error("the event's payload is no JSON: {reason}")]
    NotJson {
        /// The parser's words.
        reason: String,
    },
    /// A field is missing, or is something else.
    #[error("the payload of `{event}` has no usable `{field}`: {expected}")]
    Field {
        /// GitHub's name of the event.
        event: &'static str,
        /// The field's path, with dots.
        field: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The push deleted its branch.
    #[error("the push deletes `{reference}`: there is nothing to judge")]
    Deleted {
        /// The branch or tag.
        reference: String,
    },
}
