//! What a gate leaves for a history: its verdict, kept beside the answers that it rests on.

use presscheck_core::report::{Occasion, RevisionAt, Run, VerdictRecord};

use super::gate::now_ms;
use super::tell::{Told, warn};
use crate::revision::Snapshot;
use crate::run::Setting;

/// How many past verdicts are read for the comment: some of them may be of other models.
const READ: usize = 40;

/// Keeps the verdict, and gives back those of the same gate that the comment shows, this one the last of them. Neither
/// can change the verdict: what fails is a warning.
pub(super) async fn keep(run: &Run, told: &Told, setting: &Setting) -> Vec<VerdictRecord> {
    if !VerdictRecord::is_worth_keeping(&run.verdict) {
        return Vec::new();
    }
    let event = told.event.as_ref();
    let record = VerdictRecord::of(
        &run.verdict,
        Occasion {
            at_ms: now_ms(),
            repository: event.map(|event| event.repository.clone()),
            number: event.and_then(|event| event.number),
            name: told.gate_name().to_owned(),
            base: revision(&setting.change.base),
            head: revision(&setting.change.head),
            evidence: None,
        },
    );
    let mut past = Vec::new();
    if told.comments() {
        let (repository, name) = (record.repository.as_deref(), record.name.as_str());
        match setting.store.verdicts_of(repository, name, READ).await {
            Ok(found) => past = found,
            Err(error) => {
                warn(&[format!(
                    "Past verdicts could not be read, so the comment shows none: {error}"
                )]);
            }
        }
    }
    if let Err(error) = setting.store.keep_verdict(&record).await {
        warn(&[format!("The verdict could not be kept for `presscheck history`: {error}")]);
    }
    past.push(record);
    past
}

fn revision(snapshot: &Snapshot) -> RevisionAt {
    RevisionAt { commit: snapshot.commit().cloned(), label: snapshot.label().to_owned() }
}
