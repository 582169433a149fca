//! GitHub: what it tells us (the event, the environment) and what we tell it (the check run, the sticky
//! comment, the step summary, outputs and workflow commands).
//!
//! Nothing here knows a provider or a picture. Telling is best effort: a failure to tell is a warning, and
//! never changes a verdict. [`Session`] is what the command line uses; the rest are its parts.

mod accept;
mod api;
mod approval;
mod check_run;
pub mod commands;
mod comment;
mod compare;
mod environment;
mod error;
mod event;
mod files;
mod fit;
mod inputs;
mod ledger;
mod objects;
mod outputs;
mod pictures;
mod pulls;
mod session;

pub use accept::{
    COMMAND, Command, DEFAULT_LABEL, Question, Ruling, ask as ask_who_accepted, check_runs,
    command, last_workflow_run, run_again, verdict_before,
};
pub use api::{Api, Patience, install_crypto};
pub use approval::{Review, approved};
pub use check_run::{Annotation, CheckRun, Conclusion, Level, Output};
pub use comment::{Sticky, marker};
pub use compare::{Compared, compare, is_plain_name};
pub use environment::{Environment, Repository, Token};
pub use error::{ApiError, Doing};
pub use event::{
    Event, EventError, EventKind, ISSUE_COMMENT, MAX_EVENT_BYTES, Summons, read as read_event,
    read_comment,
};
pub use files::Files;
pub use fit::fit;
pub use inputs::{CommentWhen, InputError, Inputs, RequireApproval};
pub use ledger::{HISTORY_REF, keep_in_repository};
pub use outputs::{append_step_summary, write_outputs};
pub use pulls::{NoPull, Now, find as find_pull, is_from_here, now as pull_now};
pub use session::{Comment, Known, Session, Telling};
