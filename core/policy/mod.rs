//! The policy: raw types as the file has them, then validated types; every problem at once.

mod canonical;
mod change;
mod models;
mod narrowed;
mod node;
mod pace;
mod params;
mod parse;
mod pricing;
mod problem;
mod raw;
mod record;
mod reference;
mod render;
mod scalars;
mod schema;
mod scope;
mod secrets;
#[cfg(test)]
mod testing;
mod types;
mod validate;
mod values;

pub use canonical::canonical;
pub use change::{ChangedSubjects, Subject, changed_subjects};
pub use models::{ModelConfig, Models, Step as ModelStep, admit, read_models};

pub use node::{Entry, FromNode, Kind, Node, Spanned};
pub use pace::{ModelPace, Pace};
pub use params::{is_reserved, sends_elsewhere};
pub use parse::{
    Format, MAX_BYTES, MAX_DEPTH, Reading, decode_text, decode_text_up_to, parse, parse_up_to,
};
pub use pricing::{ListPrice, Pricing, of_time};
pub use problem::{Problem, Problems, Severity, Source, Span};
pub use record::{
    FieldSchema, TableReader, choice_schema, key_name, nearest, read_word, table_schema,
    unknown_name,
};
pub use reference::{reference_markdown, with_reference};
pub use render::render_all;
pub use schema::{models_schema, policy_schema};
pub use scope::{CheckScope, check_schema, read_check};
pub use secrets::{is_secret_name, is_variable_name, refuse_literal_secret};
pub use types::*;
pub use validate::read_policy;
pub use values::Day;
