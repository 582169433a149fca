//! Which cases a check looks at: those with its tags, and those that expect something of it.

use crate::inert::one_line;
use crate::policy::{CheckScope, CheckVocabulary};
use crate::prompts::Case;

use super::{
    Asking, Check, CheckResult, Company, Finding, Heard, Impression, Picture, Scene, WouldAsk,
};

/// A check with what all checks share.
pub(super) struct Scoped {
    check: Box<dyn Check>,
    scope: CheckScope,
    /// What a case may expect of the check.
    keys: Vec<&'static str>,
}

impl Scoped {
    /// The check, kept to the cases of its scope; the check itself where nothing is said of it.
    pub(super) fn wrap(
        check: Box<dyn Check>,
        vocabulary: &CheckVocabulary,
        scope: &CheckScope,
    ) -> Box<dyn Check> {
        if *scope == CheckScope::default() {
            return check;
        }
        let keys = vocabulary.expectations.iter().map(|known| known.key).collect();
        Box::new(Self { check, scope: scope.clone(), keys })
    }

    fn is_expected_by(&self, case: &Case) -> bool {
        let expects = |key: &&str| case.expect.get(key).is_some_and(|value| !value.is_null());
        self.keys.iter().any(expects)
    }

    fn looks_at(&self, case: &Case) -> bool {
        self.scope.admits(&case.tags) || self.is_expected_by(case)
    }
}

impl Check for Scoped {
    fn name(&self) -> &'static str {
        self.check.name()
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        if self.scope.admits(&scene.case.tags) {
            return self.check.inspect(picture, scene);
        }
        if self.is_expected_by(scene.case) {
            return self.check.inspect_expected(picture, scene);
        }
        let tags: Vec<_> = self.scope.tags.iter().map(|tag| one_line(tag, 40)).collect();
        let message = format!("only cases tagged {} are looked at", tags.join(", "));
        vec![Finding::new(self.name(), CheckResult::Skipped, message)]
    }

    fn cannot(&self, case: &Case) -> Option<String> {
        if self.looks_at(case) { self.check.cannot(case) } else { None }
    }

    fn would_ask(&self, case: &Case) -> Vec<WouldAsk> {
        if self.looks_at(case) { self.check.would_ask(case) } else { Vec::new() }
    }

    fn ask(&self, picture: &Picture, scene: &Scene<'_>, so_far: &[Finding]) -> Vec<Asking> {
        if self.looks_at(scene.case) { self.check.ask(picture, scene, so_far) } else { Vec::new() }
    }

    fn hear(&self, scene: &Scene<'_>, so_far: Vec<Finding>, heard: &[Heard]) -> Vec<Finding> {
        self.check.hear(scene, so_far, heard)
    }

    fn is_required(&self) -> bool {
        self.scope.require
    }

    fn compares(&self) -> bool {
        self.check.compares()
    }

    fn in_company(
        &self,
        impression: &Impression,
        scene: &Scene<'_>,
        company: &Company<'_>,
    ) -> Vec<Finding> {
        if self.looks_at(scene.case) {
            self.check.in_company(impression, scene, company)
        } else {
            Vec::new()
        }
    }
}
