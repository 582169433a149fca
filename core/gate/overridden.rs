//! A blocking verdict that somebody took on themselves.

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::inert;
use crate::units::CommitSha;

/// The most characters of a reason that are kept.
pub const MAX_REASON: usize = 300;

/// How somebody accepted a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// By putting a label on the pull request.
    Label,
    /// By a comment on it.
    Comment,
}

impl How {
    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Comment => "comment",
        }
    }
}

/// Who accepted a blocking verdict, why, when, and for which commit alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The login.
    pub by: String,
    /// Whether that is who opened the pull request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_author: bool,
    /// How.
    pub how: How,
    /// Why, in their own words; `label` where a label was put.
    pub reason: String,
    /// When, as GitHub wrote it: `2026-11-23T06:28:54Z`.
    pub at: String,
    /// The commit that it holds for, and no other.
    pub head: CommitSha,
}

impl Override {
    /// An override whose texts, which are from outside, are on one line and of bounded length.
    #[must_use]
    pub fn new(by: &str, how: How, reason: &str, at: &str, head: CommitSha) -> Self {
        let line = |text: &str, max| inert::one_line(text, max).trim().to_owned();
        Self {
            by: line(by, 60),
            by_author: false,
            how,
            reason: line(reason, MAX_REASON),
            at: line(at, 40),
            head,
        }
    }
}

impl Verdict {
    /// Lifts the block of a blocking verdict. What was found stays as it is. Says whether there was one to lift.
    pub fn accept(&mut self, by: Override) -> bool {
        if !self.blocking {
            return false;
        }
        self.blocking = false;
        for subject in &mut self.subjects {
            subject.blocking = false;
        }
        self.overridden = Some(by);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Decision;
    use crate::report::fixtures;

    fn by_ada() -> Override {
        let head = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9".parse().unwrap();
        Override::new("ada", How::Comment, " on\npurpose ", "2026-11-23T10:00:00Z", head)
    }

    #[test]
    fn only_a_blocking_verdict_is_lifted_and_what_was_found_stays() {
        let mut failed = fixtures::fail().verdict;
        let before = failed.clone();
        assert!(failed.accept(by_ada()));
        assert_eq!(failed.verdict, Decision::Fail);
        assert!(!failed.blocking && failed.subjects.iter().all(|subject| !subject.blocking));
        assert_eq!((&failed.reason, &failed.notes), (&before.reason, &before.notes));
        assert_eq!(failed.overridden.as_ref().unwrap().reason, "on purpose");
        // Not twice: the first who accepted stays.
        assert!(!failed.accept(by_ada()));
        let mut passed = fixtures::pass().verdict;
        let before = passed.clone();
        assert!(!passed.accept(by_ada()));
        assert_eq!(passed, before);
    }

    #[test]
    fn verdict_json_gains_one_field_and_only_then() {
        let mut failed = fixtures::fail().verdict;
        assert!(serde_json::to_value(&failed).unwrap().get("override").is_none());
        failed.accept(by_ada());
        let json = serde_json::to_value(&failed).unwrap();
        assert_eq!(
            json["override"],
            serde_json::json!({
                "by": "ada", "how": "comment", "reason": "on purpose", "at": "2026-11-23T10:00:00Z",
                "head": "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9",
            })
        );
        assert_eq!((&json["verdict"], &json["blocking"]), (&"fail".into(), &false.into()));
        let read: Verdict = serde_json::from_value(json).unwrap();
        assert_eq!(read, failed);
    }
}
