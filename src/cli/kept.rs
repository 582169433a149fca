//! What a gate leaves for a history: its verdict, kept beside the answers that it rests on, and in the repository
//! where the job's token may write to it.

use std::time::Duration;

use presscheck_core::report::{Occasion, RevisionAt, Run, VerdictRecord};
use presscheck_core::units::Digest;

use super::gate::{Judged, now_ms};
use super::tell::{Told, warn};
use crate::github::{Api, Environment, Patience, keep_in_repository};
use crate::revision::Snapshot;
use crate::run::Setting;
use crate::store::verdict_file;

/// How many past verdicts are read for the comment: some of them may be of other models.
const READ: usize = 40;
/// The longest that a run waits for any of it.
const WITHIN: Duration = Duration::from_secs(30);

/// Keeps the verdict, and gives back those of the same gate that the comment shows, this one the last of them. Neither
/// can change the verdict: what fails is a warning.
pub(super) async fn keep(
    run: &Run,
    evidence: Option<Digest>,
    told: &Told,
    setting: &Setting,
) -> Vec<VerdictRecord> {
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
            evidence,
        },
    );
    let mut past = Vec::new();
    if told.comments() {
        let (repository, name) = (record.repository.as_deref(), record.name.as_str());
        match within(setting.store.verdicts_of(repository, name, READ)).await {
            Ok(found) => past = found,
            Err(why) => warn(&[format!(
                "Past verdicts could not be read, so the comment shows none: {why}"
            )]),
        }
    }
    if let Err(why) = within(setting.store.keep_verdict(&record)).await {
        warn(&[format!("The verdict could not be kept for `presscheck history`: {why}")]);
    }
    past.push(record);
    past
}

/// Keeps the verdict in the repository as well, under a ref of our own, where the token may write there. Best effort, and
/// after everything else is told.
pub(super) async fn publish(judged: &Judged, told: &Told, environment: &Environment) {
    let Some(record) = judged.past.last() else { return };
    if told.session.is_none() || environment.token.is_none() {
        return;
    }
    let keeping = async {
        let (path, content) = verdict_file(record)?;
        let api = Api::of(environment, Patience::default()).map_err(|it| it.to_string())?;
        let content = String::from_utf8_lossy(&content);
        keep_in_repository(&api, &path, &content).await.map_err(|it| it.to_string())
    };
    if let Err(why) = within(keeping).await {
        warn(&[format!("The verdict is not in the repository's history of verdicts: {why}")]);
    }
}

/// What something comes to, unless it takes too long.
async fn within<T, E: ToString>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(WITHIN, work).await {
        Ok(ended) => ended.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it took over {} s", WITHIN.as_secs())),
    }
}

fn revision(snapshot: &Snapshot) -> RevisionAt {
    RevisionAt { commit: snapshot.commit().cloned(), label: snapshot.label().to_owned() }
}
