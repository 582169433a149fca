//! A judged picture and what its checks ask: out to whoever answers, and back into the findings.

use super::{Asking, Heard};
use crate::checks::{
    CHECK_UNAVAILABLE, Check, CheckResult, Finding, Judged, Judgement, Scene, UNAVAILABLE,
};

/// What one check asks about a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The check's place among the checks of the policy.
    pub check: usize,
    /// What it asks, in order.
    pub askings: Vec<Asking>,
}

impl Judgement {
    /// What the checks ask about this picture; nothing where there is none.
    #[must_use]
    pub fn ask(&self, scene: &Scene<'_>, checks: &[Box<dyn Check>]) -> Vec<Asked> {
        let Some(picture) = &self.picture else { return Vec::new() };
        checks
            .iter()
            .enumerate()
            .filter_map(|(index, check)| {
                let own: Vec<_> = self.of(check.name()).cloned().collect();
                let askings = check.ask(picture, scene, &own);
                (!askings.is_empty()).then_some(Asked { check: index, askings })
            })
            .collect()
    }

    /// The judgement after the answers: for each check that asked, what it heard, in the order of what it asked.
    pub fn hear(
        &mut self,
        scene: &Scene<'_>,
        checks: &[Box<dyn Check>],
        heard: &[(usize, Vec<Heard>)],
    ) {
        for (index, heard) in heard {
            let Some(check) = checks.get(*index) else { continue };
            let name = check.name();
            let place = self.findings.iter().position(|finding| finding.check == name);
            let (own, mut rest): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.findings).into_iter().partition(|it| it.check == name);
            let place = place.unwrap_or(rest.len()).min(rest.len());
            let after = rest.split_off(place);
            rest.extend(check.hear(scene, own, heard));
            rest.extend(after);
            self.findings = rest;
        }
        if self.judged != Judged::Broken {
            (self.judged, self.kind) = ruling(&self.findings, checks);
        }
    }

    fn of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.check == check)
    }
}

/// What the findings say together: a failure is one whatever else could not be judged; else a check that must judge
/// and could not leaves nothing to say.
fn ruling(findings: &[Finding], checks: &[Box<dyn Check>]) -> (Judged, Option<String>) {
    if let Some(failed) = findings.iter().find(|finding| finding.result.counts_as_failure()) {
        return (Judged::Failed, Some(failed.check.clone()));
    }
    let required = |name: &str| checks.iter().any(|it| it.name() == name && it.is_required());
    let missing = findings.iter().any(|finding| {
        finding.result == CheckResult::Skipped
            && finding.measured.contains_key(UNAVAILABLE)
            && required(&finding.check)
    });
    if missing {
        return (Judged::Unavailable, Some(CHECK_UNAVAILABLE.to_owned()));
    }
    (Judged::Passed, None)
}
