//! The verdict for readers: JSON, Markdown, HTML, JUnit, OpenMetrics, terminal text, each within a size given.
//!
//! Everything here is pure: a [`Run`] in, text out. Whatever comes from outside (prompts, names,
//! providers' words) is made inert for the place where it lands.

mod accepted;
mod checked;
mod claim;
mod compare;
mod contact;
mod evidence;
mod hints;
mod history;
mod html;
mod json;
mod junit;
mod line;
mod markdown;
mod metrics;
mod model;
mod plan;
mod requests;
mod schema;
mod shown;
mod since;
mod slips;
mod terminal;
mod title;
pub mod words;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod twelve;

pub use checked::{CheckedImage, checked_json, checked_sum, checked_text};
pub use compare::{Compared, compare_json, compare_schema, compare_text};
pub use contact::job_summary;
pub use hints::hints;
pub use history::{
    History, ModelName, Occasion, RevisionAt, Share, SubjectRecord, Times, VerdictRecord,
    history_json, history_schema, history_text,
};
pub use html::{HtmlOptions, compare_html, history_html, html};
pub(crate) use json::escaped;
pub use json::{samples_jsonl, verdict_json};
pub use junit::junit;
pub use markdown::{comment, could_not_run_summary, summary};
pub use metrics::metrics;
pub use model::{Prompt, Request, Run, SampleLine, Subject, Thumbnail, picture_of};
pub use plan::{
    Bill, Plan, PlanWarning, PlannedStratum, PlannedSubject, Rehearsal, Seen, plan_json, plan_text,
    rehearsal_text,
};
pub use schema::{samples_schema, verdict_schema};
pub use shown::{ShownPair, shown_pairs};
pub(crate) use terminal::{Colour, paragraph};
pub use terminal::{TerminalStyle, terminal};
pub use title::{could_not_run_title, title};
