//! The labels' file: JSON lines that a team keeps in its repository, so that labels are reviewed as code is.

use std::collections::HashMap;

use super::{Label, Truth};
use crate::report::escaped;
use crate::units::Digest;

/// The labels of a file. A later line on the same picture and check stands in the place of an earlier one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelFile {
    labels: Vec<Label>,
    places: HashMap<(Digest, String), usize>,
}

/// A line that is no label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl LabelFile {
    /// All labels, in the order in which their pictures were first named.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The label of a picture for a check.
    #[must_use]
    pub fn get(&self, picture: Digest, check: &str) -> Option<&Label> {
        self.places.get(&(picture, check.to_owned())).and_then(|place| self.labels.get(*place))
    }

    /// What is true of a picture for a check, where somebody said so.
    #[must_use]
    pub fn truth(&self, picture: Digest, check: &str) -> Option<Truth> {
        self.get(picture, check)?.truth
    }

    /// Adds a label. Once drawn, a picture stays drawn; an open label takes no word back.
    pub fn add(&mut self, label: Label) {
        let key = (label.picture, label.check.clone());
        match self.places.get(&key).and_then(|place| self.labels.get_mut(*place)) {
            Some(known) if label.truth.is_none() => known.drawn |= label.drawn,
            Some(known) => *known = Label { drawn: known.drawn || label.drawn, ..label },
            None => {
                self.places.insert(key, self.labels.len());
                self.labels.push(label);
            }
        }
    }
}

/// Reads a file of labels.
///
/// # Errors
/// Every line that is no label: none is dropped silently, for what is missing would shift the rates.
pub fn read_labels(text: &str) -> Result<LabelFile, Vec<LabelProblem>> {
    let mut file = LabelFile::default();
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let problem = match serde_json::from_str::<Label>(line) {
            Ok(label) if label.schema == 1 => {
                file.add(label);
                continue;
            }
            Ok(label) => format!("it is of form {}, and this version knows form 1", label.schema),
            Err(error) => error.to_string(),
        };
        problems.push(LabelProblem { line: number + 1, message: problem });
    }
    if problems.is_empty() { Ok(file) } else { Err(problems) }
}

/// A label as a line of the file, with the new line. Characters that hide or reorder text are escaped.
#[must_use]
pub fn write_label(label: &Label) -> String {
    // Every field has a JSON form.
    let mut line = escaped(&serde_json::to_string(label).unwrap_or_default());
    line.push('\n');
    line
}
