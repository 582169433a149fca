//! From what came to an outcome: the checks run, and the policy's word on refusals applies.

use std::sync::Arc;

use bytes::Bytes;
use presscheck_core::checks::{
    self, Asked, Check, CheckResult, Company, DecodeLimits, Earlier, Encoded, Finding, Heard,
    Impression, Judged, Judgement, Scene,
};
use presscheck_core::gate::{BySide, Observation, Outcome, Side};
use presscheck_core::policy::OnRefusal;
use presscheck_core::prompts::Case;
use presscheck_core::providers::Stage;
use presscheck_core::report::SampleLine;
use presscheck_core::units::{CostBasis, Digest, Usd};

/// What came for a sample, whether bought just now or found in the store.
#[derive(Clone, Debug)]
pub(super) enum Arrived {
    /// A picture's bytes.
    Picture { bytes: Bytes, digest: Digest, content_type: Option<String> },
    /// A refusal, in the provider's words.
    Refused { stage: Stage, words: String },
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
    /// What the checks' questions cost; no part of what the picture cost.
    pub(super) checks_cost: Usd,
    /// What is kept of its picture, where a check compares pictures.
    impression: Option<Arc<Impression>>,
    /// Whether it was compared with those before it.
    settled: bool,
}

impl JudgedSample {
    /// A sample as a line of evidence tells it, compared with the others already.
    pub(super) fn as_told(line: &SampleLine) -> Self {
        Self {
            observation: Observation {
                outcome: line.outcome,
                failure: line.failure,
                failed_checks: Vec::new(),
                unsure_checks: Vec::new(),
                skipped_checks: Vec::new(),
                cost: line.cost_usd,
                cost_basis: line.cost_basis,
                latency: super::replay::latency(line),
                image: line.image.clone(),
            },
            findings: line.findings.clone(),
            kind: line.kind.clone(),
            error: line.error.clone(),
            attempts: line.attempts,
            checks_cost: line.checks_cost_usd,
            impression: None,
            settled: true,
        }
    }
}

/// The checks of a policy, ready to run.
pub(super) struct Judge {
    pub(super) checks: Vec<Box<dyn Check>>,
    pub(super) limits: DecodeLimits,
    pub(super) refusals: OnRefusal,
}

impl Judge {
    /// No check: nothing is to be judged.
    pub(super) fn idle(refusals: OnRefusal) -> Self {
        Self { checks: Vec::new(), limits: DecodeLimits::default(), refusals }
    }

    /// Judges what came by itself; nothing where others have to be asked about it, for what they would say is not
    /// known. This is CPU work: call it where it blocks nobody.
    pub(super) fn judge(
        &self,
        scene: &Scene<'_>,
        arrived: &Arrived,
        bill: Bill,
    ) -> Option<JudgedSample> {
        let (judgement, asked) = self.open(scene, arrived);
        asked.is_empty().then(|| self.conclude(scene, arrived, bill, judgement))
    }

    /// Looks at what came, and says what the checks ask others about it. This is CPU work.
    pub(super) fn open(
        &self,
        scene: &Scene<'_>,
        arrived: &Arrived,
    ) -> (Option<Judgement>, Vec<Asked>) {
        let Arrived::Picture { bytes, digest, content_type } = arrived else {
            return (None, Vec::new());
        };
        let known = Encoded { bytes, digest: *digest, content_type: content_type.as_deref() };
        let mut judgement = checks::judge(&known, scene, &self.checks, &self.limits);
        let asked = judgement.ask(scene, &self.checks);
        // It is large, and the answers take their time.
        judgement.picture = None;
        (Some(judgement), asked)
    }

    /// The sample after the answers.
    pub(super) fn close(
        &self,
        scene: &Scene<'_>,
        arrived: &Arrived,
        bill: Bill,
        mut judgement: Option<Judgement>,
        (heard, cost): (&[(usize, Vec<Heard>)], Usd),
    ) -> JudgedSample {
        if let Some(judgement) = &mut judgement
            && !heard.is_empty()
        {
            judgement.hear(scene, &self.checks, heard);
        }
        let sample = self.conclude(scene, arrived, bill, judgement);
        JudgedSample { checks_cost: cost, ..sample }
    }

    fn conclude(
        &self,
        scene: &Scene<'_>,
        arrived: &Arrived,
        bill: Bill,
        judgement: Option<Judgement>,
    ) -> JudgedSample {
        let mut impression = None;
        let (outcome, findings, kind, error, image) = match (arrived, judgement) {
            (Arrived::Picture { digest, .. }, Some(judgement)) => {
                impression = judgement.impression;
                let outcome = match judgement.judged {
                    Judged::Broken => Outcome::Broken,
                    Judged::Failed => Outcome::Failed,
                    Judged::Passed => Outcome::Passed,
                    Judged::Unavailable => Outcome::Unavailable,
                };
                let findings = judgement.findings;
                let told = match outcome {
                    Outcome::Broken => {
                        findings.iter().find(|finding| finding.result == CheckResult::Fail)
                    }
                    Outcome::Unavailable => findings
                        .iter()
                        .find(|finding| finding.measured.contains_key(checks::UNAVAILABLE)),
                    _ => None,
                };
                let error = told.map(|finding| finding.message.clone());
                let extension = judgement.format.map_or("bin", |format| format.extension());
                let path = format!("images/{digest}.{extension}");
                (outcome, findings, judgement.kind, error, Some(path))
            }
            // Every picture is looked at; should one not be, nothing is known of it.
            (Arrived::Picture { .. }, None) => (Outcome::Unavailable, Vec::new(), None, None, None),
            (Arrived::Refused { stage, words }, _) => (
                Outcome::Refused,
                Vec::new(),
                Some(stage.word().to_owned()),
                Some(words.clone()),
                None,
            ),
            (Arrived::Broken { kind, words }, _) => {
                (Outcome::Broken, Vec::new(), Some(kind.clone()), Some(words.clone()), None)
            }
            (Arrived::Unavailable { kind, words }, _) => {
                (Outcome::Unavailable, Vec::new(), Some(kind.clone()), Some(words.clone()), None)
            }
        };
        let mut sample = JudgedSample {
            observation: Observation {
                outcome,
                failure: false,
                failed_checks: Vec::new(),
                unsure_checks: Vec::new(),
                skipped_checks: Vec::new(),
                cost: bill.cost,
                cost_basis: bill.basis,
                latency: bill.latency,
                image,
            },
            findings,
            kind: if outcome == Outcome::Passed { None } else { kind },
            error,
            attempts: bill.attempts,
            checks_cost: Usd::ZERO,
            impression,
            settled: false,
        };
        self.count(scene.case, &mut sample);
        sample
    }

    /// The sample with what follows from its outcome and its findings.
    pub(super) fn counted(&self, case: &Case, mut sample: JudgedSample) -> JudgedSample {
        self.count(case, &mut sample);
        sample
    }

    /// Writes down what follows from the outcome and the findings.
    fn count(&self, case: &Case, sample: &mut JudgedSample) {
        let outcome = sample.observation.outcome;
        let failure = match outcome {
            Outcome::Failed | Outcome::Broken => true,
            Outcome::Refused => self.refusals == OnRefusal::Fail && !case.expects_refusal(),
            Outcome::Passed | Outcome::Unavailable => false,
        };
        let named = |wanted: &[CheckResult]| -> Vec<String> {
            let mut names: Vec<String> = Vec::new();
            for finding in sample.findings.iter().filter(|finding| wanted.contains(&finding.result))
            {
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
        let outright = named(&[CheckResult::Fail]);
        let mut unsure_checks = named(&[CheckResult::Unsure]);
        unsure_checks.retain(|check| !outright.contains(check));
        let skipped_checks = named(&[CheckResult::Skipped]);
        let observation = &mut sample.observation;
        observation.failure = failure;
        observation.failed_checks = failed_checks;
        observation.unsure_checks = unsure_checks;
        observation.skipped_checks = skipped_checks;
    }

    /// Compares a sample with its pair's baseline and with those before it. Called in the drawn order, so that no
    /// verdict depends on which answer came first.
    fn settle(&self, scene: &Scene<'_>, sample: &mut JudgedSample, company: &Company<'_>) {
        let Some(impression) = sample.impression.clone().filter(|_| !sample.settled) else {
            return;
        };
        sample.settled = true;
        let found = checks::compare(&impression, scene, company, &self.checks);
        if found.is_empty() {
            return;
        }
        let failed = found.iter().find(|finding| finding.result.counts_as_failure());
        // A picture that is compared was decoded: where it is unavailable, a check that must judge could not, and a
        // failure is one whatever else is unknown.
        let open = matches!(sample.observation.outcome, Outcome::Passed | Outcome::Unavailable);
        if let (Some(failed), true) = (failed, open) {
            sample.observation.outcome = Outcome::Failed;
            sample.kind = Some(failed.check.clone());
            sample.error = None;
        }
        sample.findings.extend(found);
        self.count(scene.case, sample);
    }
}

/// The pictures of a run that were settled so far, by side, in the drawn order.
#[derive(Debug, Default)]
pub(super) struct Gallery {
    seen: BySide<Vec<Earlier>>,
}

impl Gallery {
    /// Settles both samples of a pair, and keeps what the next ones are compared with.
    pub(super) fn settle(
        &mut self,
        judge: &Judge,
        scene: &Scene<'_>,
        baseline: Option<&mut JudgedSample>,
        candidate: Option<&mut JudgedSample>,
    ) {
        for (side, sample) in [(Side::Baseline, baseline), (Side::Candidate, candidate)] {
            let Some(sample) = sample else { continue };
            let company = Company {
                baselines: self.seen.get(Side::Baseline),
                is_candidate: side == Side::Candidate,
                earlier: self.seen.get(side),
            };
            judge.settle(scene, sample, &company);
            if let Some(impression) = &sample.impression {
                self.seen.get_mut(side).push(Earlier::of(scene.case, impression));
            }
        }
    }
}

#[cfg(test)]
mod tests;
