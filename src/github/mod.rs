//! GitHub: what it tells us (the event, the environment) and what we tell it (the check run, the sticky
//! comment, the step summary, outputs and workflow commands).
//!
//! Nothing here knows a provider or a picture. Telling is best effort: a failure to tell is a warning, and
//! never changes a verdict. [`Session`] is what the command line uses; the rest are its parts.

mod api;
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
mod outputs;
mod pictures;
mod pulls;
mod session;

pub use api::{Api, Patience, install_crypto};
pub use check_run::{Annotation, CheckRun, Conclusion, Level, Output};
pub use comment::{Sticky, marker};
pub use compare::{Compared, compare, is_plain_name};
pub use environment::{Environment, Repository, Token};
pub use error::{ApiError, Doing};
pub use event::{Event, EventError, EventKind, MAX_EVENT_BYTES, read as read_event};
pub use files::Files;
pub use fit::fit;
pub use inputs::{CommentWhen, InputError, Inputs};
pub use outputs::{append_step_summary, write_outputs};
pub use pulls::{NoPull, find as find_pull, is_from_here};
pub use session::{Comment, Known, Session, Telling};
