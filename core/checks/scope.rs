//! Which cases a check looks at: those with its tags, and those that expect something of it.

use crate::inert::one_line;
use crate::policy::{CheckScope, CheckVocabulary};
use crate::prompts::Case;

use super::{Check, CheckResult, Finding, Picture};

/// A check that is kept to some cases.
pub(super) struct Scoped {
    check: Box<dyn Check>,
    scope: CheckScope,
    /// What a case may expect of the check.
    keys: Vec<&'static str>,
}

impl Scoped {
    /// The check, kept to the cases of its scope; the check itself where that is all of them.
    pub(super) fn wrap(
        check: Box<dyn Check>,
        vocabulary: &CheckVocabulary,
        scope: &CheckScope,
    ) -> Box<dyn Check> {
        if scope.tags.is_empty() {
            return check;
        }
        let keys = vocabulary.expectations.iter().map(|known| known.key).collect();
        Box::new(Self { check, scope: scope.clone(), keys })
    }
}

impl Check for Scoped {
    fn name(&self) -> &'static str {
        self.check.name()
    }

    fn inspect(&self, picture: &Picture, case: &Case) -> Vec<Finding> {
        if self.scope.admits(&case.tags) {
            return self.check.inspect(picture, case);
        }
        let expects = |key: &&str| case.expect.get(key).is_some_and(|value| !value.is_null());
        if self.keys.iter().any(expects) {
            return self.check.inspect_expected(picture, case);
        }
        let tags: Vec<_> = self.scope.tags.iter().map(|tag| one_line(tag, 40)).collect();
        let message = format!("only cases tagged {} are looked at", tags.join(", "));
        vec![Finding::new(self.name(), CheckResult::Skipped, message)]
    }
}
