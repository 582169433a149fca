//! What a change does to the model config: which models are to be judged, against what.

use std::collections::BTreeSet;

use super::models::{ModelConfig, Step};
use crate::inert::one_line;

/// A model that the head changed: the unit of a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its name in the model config.
    pub name: String,
    /// As the baseline has it; nothing where the model is new.
    pub baseline: Option<ModelConfig>,
    /// As the head has it.
    pub candidate: ModelConfig,
}

/// The subjects of a change, in the order of the head's file, and what else a reader should know.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ChangedSubjects {
    /// The models to judge.
    pub subjects: Vec<Subject>,
    /// A sentence each.
    pub notes: Vec<String>,
}

/// Finds what the head changed since `fork`, where its history left the baseline's.
///
/// A model counts as changed where the head's config means something else than the one at the fork point
/// *and* something else than the baseline's own (both sides may have made the same change). What only the
/// baseline changed since is none of the head's doing.
#[must_use]
pub fn changed_subjects(
    baseline: &[ModelConfig],
    fork: &[ModelConfig],
    head: &[ModelConfig],
) -> ChangedSubjects {
    let find =
        |list: &[ModelConfig], name: &str| list.iter().find(|model| model.name == name).cloned();
    let same = |one: Option<&ModelConfig>, two: &ModelConfig| {
        one.is_some_and(|one| one.resolved() == two.resolved())
    };
    let mut changed = ChangedSubjects::default();
    for candidate in head {
        let before = find(fork, &candidate.name);
        let now = find(baseline, &candidate.name);
        if !same(before.as_ref(), candidate) && !same(now.as_ref(), candidate) {
            changed.subjects.push(Subject {
                name: candidate.name.clone(),
                baseline: now,
                candidate: candidate.clone(),
            });
        }
    }
    let kept: BTreeSet<_> = head.iter().map(|model| model.name.as_str()).collect();
    for model in baseline.iter().filter(|model| !kept.contains(model.name.as_str())) {
        // One that only the baseline has gained since is not removed by the head.
        if find(fork, &model.name).is_some() {
            let name = one_line(&model.name, 60);
            changed
                .notes
                .push(format!("This change removes the model `{name}`: nothing to judge."));
        }
    }
    changed
}

impl ModelConfig {
    /// The model's id; the ids of a pipeline's steps joined by ` + `.
    #[must_use]
    pub fn describe(&self) -> String {
        self.steps.iter().map(|step| step.model.value.as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// The provider of the first step, the one that draws; empty where there is no step.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.steps.first().map_or("", |step: &Step| step.provider.value.as_str())
    }
}
