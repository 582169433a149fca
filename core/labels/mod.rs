//! Labels: what people say of a check's word on a picture, and how often the check is wrong by them.
//!
//! A label holds the truth of one picture for one check, whatever the check said of it. It stays true when the check
//! gets better, so that the same labels measure the next version.

mod calibrate;
mod draw;
mod file;
mod show;
mod suggest;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::checks::{CheckResult, Finding};
use crate::gate::Side;
use crate::inert::one_line;
use crate::report::{SampleLine, picture_of};
use crate::units::Digest;

pub use calibrate::{Calibration, CheckCalibration, Estimate, calibrate};
pub use draw::{Drawn, draw};
pub use file::{LabelFile, LabelProblem, read_labels, write_label};
pub use show::{calibration_json, calibration_text};
pub use suggest::Suggestion;

/// The most characters of a note.
const MAX_NOTE: usize = 500;

/// Whether a picture is good, as far as one check looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// The check ought to pass it.
    Good,
    /// The check ought to fail it.
    Bad,
}

/// What a check says of a picture, all its findings together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It found nothing wrong.
    Pass,
    /// It found something wrong, or was unsure, which counts alike.
    Fail,
}

impl Word {
    /// The word of a check over its findings on a picture; nothing where it did not judge.
    #[must_use]
    pub fn of(check: &str, findings: &[Finding]) -> Option<Self> {
        let own = findings.iter().filter(|finding| finding.check == check);
        own.filter_map(|finding| match finding.result {
            CheckResult::Pass => Some(Self::Pass),
            CheckResult::Fail | CheckResult::Unsure => Some(Self::Fail),
            CheckResult::Skipped => None,
        })
        .max()
    }

    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
        }
    }

    /// What is true where this is right, or where it is wrong.
    #[must_use]
    pub const fn truth(self, right: bool) -> Truth {
        match (self, right) {
            (Self::Pass, true) | (Self::Fail, false) => Truth::Good,
            (Self::Pass, false) | (Self::Fail, true) => Truth::Bad,
        }
    }
}

/// One finding as it was when it was labelled: what limits are suggested from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What the check said by it.
    pub result: CheckResult,
    /// What was measured, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub measured: Map<String, Value>,
    /// What was allowed, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub limit: Map<String, Value>,
}

/// A line of the labels' file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The version of this form: 1.
    pub schema: u32,
    /// The picture's SHA-256.
    pub picture: Digest,
    /// The check.
    pub check: String,
    /// What it said of the picture when this was written.
    pub said: Word,
    /// Whether the picture is good in the check's eyes; nothing where somebody has yet to say.
    pub truth: Option<Truth>,
    /// Whether it was drawn at random to be labelled: a fair sample is made of these alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drawn: bool,
    /// The case, for readers.
    pub case: String,
    /// The side, for readers.
    pub side: Side,
    /// Who says so; nothing where they would not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the check found on the picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Measured>,
}

impl Label {
    /// The label of a check's word on a sample's picture, its truth open; nothing where the sample has no picture or the
    /// check did not judge it.
    #[must_use]
    pub fn open(line: &SampleLine, check: &str) -> Option<Self> {
        let picture = picture(line)?;
        let said = Word::of(check, &line.findings)?;
        let own = line.findings.iter().filter(|finding| finding.check == check);
        let findings = own.map(|finding| Measured {
            result: finding.result,
            measured: finding.measured.clone(),
            limit: finding.limit.clone(),
        });
        Some(Self {
            schema: 1,
            picture,
            check: check.to_owned(),
            said,
            truth: None,
            drawn: false,
            case: line.case.clone(),
            side: line.side,
            by: None,
            at: None,
            note: None,
            findings: findings.collect(),
        })
    }

    /// The label with somebody's word on whether the check was right. Texts are brought to one line of bounded length.
    #[must_use]
    pub fn said_to_be(self, right: bool, by: Option<&str>, at: &str, note: Option<&str>) -> Self {
        let line = |text: &str, most| Some(one_line(text.trim(), most)).filter(|it| !it.is_empty());
        Self {
            truth: Some(self.said.truth(right)),
            by: by.and_then(|by| line(by, 60)),
            at: line(at, 40),
            note: note.and_then(|note| line(note, MAX_NOTE)),
            ..self
        }
    }
}

/// The SHA-256 of a sample's picture, which its path has: `images/DIGEST.png`.
#[must_use]
pub fn picture(line: &SampleLine) -> Option<Digest> {
    picture_of(line.image.as_deref()?)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
