//! From what came to an outcome: the checks run, and the policy's word on refusals applies.

use bytes::Bytes;
use presscheck_core::checks::{self, Check, CheckResult, DecodeLimits, Finding, Judged};
use presscheck_core::gate::{CostBasis, Observation, Outcome};
use presscheck_core::policy::OnRefusal;
use presscheck_core::prompts::Case;
use presscheck_core::units::{Digest, Usd};

/// What came for a sample, whether bought just now or found in the store.
#[derive(Clone, Debug)]
pub(super) enum Arrived {
    /// A picture's bytes.
    Picture { bytes: Bytes, content_type: Option<String> },
    /// A refusal, in the provider's words.
    Refused { words: String },
    /// An answer without a picture.
    Broken { kind: String, words: String },
    /// No answer.
    Unavailable { kind: String, words: String },
}

/// What the sample cost and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bill {
    pub(super) cost: Usd,
    pub(super) basis: CostBasis,
    pub(super) latency: Option<std::time::Duration>,
    pub(super) attempts: u32,
}

/// A judged sample.
#[derive(Clone, Debug)]
pub(super) struct JudgedSample {
    pub(super) observation: Observation,
    pub(super) findings: Vec<Finding>,
    pub(super) kind: Option<String>,
    pub(super) error: Option<String>,
    pub(super) attempts: u32,
}

/// The checks of a policy, ready to run.
pub(super) struct Judge {
    pub(super) checks: Vec<Box<dyn Check>>,
    pub(super) limits: DecodeLimits,
    pub(super) refusals: OnRefusal,
}

impl Judge {
    /// Judges what came. This is CPU work: call it where it blocks nobody.
    pub(super) fn judge(&self, case: &Case, arrived: &Arrived, bill: Bill) -> JudgedSample {
        let (outcome, findings, kind, error, image) = match arrived {
            Arrived::Picture { bytes, content_type } => {
                let judgement =
                    checks::judge(bytes, content_type.as_deref(), case, &self.checks, &self.limits);
                let outcome = match judgement.judged {
                    Judged::Broken => Outcome::Broken,
                    Judged::Failed => Outcome::Failed,
                    Judged::Passed => Outcome::Passed,
                };
                let findings = judgement.findings;
                let error = (outcome == Outcome::Broken)
                    .then(|| findings.iter().find(|finding| finding.result == CheckResult::Fail))
                    .flatten()
                    .map(|finding| finding.message.clone());
                let extension = judgement.format.map_or("bin", |format| format.extension());
                let path = format!("images/{}.{extension}", Digest::of(bytes));
                (outcome, findings, judgement.kind, error, Some(path))
            }
            Arrived::Refused { words } => (
                Outcome::Refused,
                Vec::new(),
                Some("refused".to_owned()),
                Some(words.clone()),
                None,
            ),
            Arrived::Broken { kind, words } => {
                (Outcome::Broken, Vec::new(), Some(kind.clone()), Some(words.clone()), None)
            }
            Arrived::Unavailable { kind, words } => {
                (Outcome::Unavailable, Vec::new(), Some(kind.clone()), Some(words.clone()), None)
            }
        };
        let failure = match outcome {
            Outcome::Failed | Outcome::Broken => true,
            Outcome::Refused => self.refusals == OnRefusal::Fail && !case.expects_refusal(),
            Outcome::Passed | Outcome::Unavailable => false,
        };
        let named = |wanted: &[CheckResult]| -> Vec<String> {
            let mut names: Vec<String> = Vec::new();
            for finding in findings.iter().filter(|finding| wanted.contains(&finding.result)) {
                if !names.contains(&finding.check) {
                    names.push(finding.check.clone());
                }
            }
            names
        };
        let failed_checks = match outcome {
            Outcome::Failed => named(&[CheckResult::Fail, CheckResult::Unsure]),
            Outcome::Broken => vec!["broken".to_owned()],
            Outcome::Refused if failure => vec!["refused".to_owned()],
            _ => Vec::new(),
        };
        JudgedSample {
            observation: Observation {
                outcome,
                failure,
                failed_checks,
                unsure_checks: named(&[CheckResult::Unsure]),
                skipped_checks: named(&[CheckResult::Skipped]),
                cost: bill.cost,
                cost_basis: bill.basis,
                latency: bill.latency,
                image,
            },
            findings,
            kind: if outcome == Outcome::Passed { None } else { kind },
            error,
            attempts: bill.attempts,
        }
    }
}
