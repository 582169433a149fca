//! A subject's run before its first picture: what is stored of it, and what is fixed for good.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use presscheck_core::checks::Scene;
use presscheck_core::gate::Trial;
use presscheck_core::policy::{ModelConfig, Subject};
use presscheck_core::prompts::Cell;
use presscheck_core::report::SampleLine;
use presscheck_core::units::Digest;
use tokio::sync::{Semaphore, watch};

use super::cell::{Context, told};
use super::flights::Flights;
use super::judge::{Gallery, JudgedSample};
use super::load::Loaded;
use super::pool::Pool;
use super::replay::Part;
use super::sample::Shop;
use super::{Halt, Setting, terms};
use crate::store::{Fixed, Lookup, RunRecord};

/// A run that is ready to begin.
pub(super) struct Opened {
    /// What the run is known by in the store.
    pub(super) key: Digest,
    pub(super) round: RunRecord,
    pub(super) fixed: Fixed,
    pub(super) context: Arc<Context>,
    pub(super) trial: Trial,
    /// The cells to ask for, in the drawn order.
    pub(super) cells: Vec<Cell>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
    /// Whether stored results of the baseline were gone that had been there when the run began.
    pub(super) known_lost: bool,
    /// The baseline's samples that were known beforehand, in the drawn order.
    pub(super) known: Vec<SampleLine>,
}

/// Prepares a run over a subject, or the continuation of one.
///
/// # Errors
/// Where the store fails, or a check of a stored picture.
pub(super) async fn open(
    setting: &Setting,
    loaded: &Loaded,
    shop: &Arc<Shop>,
    subject: &Subject,
    played: Option<Part>,
) -> Result<Opened, Halt> {
    let policy = &loaded.policy;
    let key = run_key(loaded, subject);
    let mut round = match &played {
        Some(part) => part.round(),
        None => round(setting, shop, &key).await?,
    };
    let replayed = played.is_some();
    let mut known_lost = played.as_ref().is_some_and(|part| part.course.known_lost);
    let run = played.as_ref().map(|part| part.course.run.clone());
    let cpus = std::thread::available_parallelism().map_or(2, Into::into);
    let context = Arc::new(Context {
        shop: Arc::clone(shop),
        judge: loaded.judge(),
        subject: subject.clone(),
        run: run.unwrap_or_else(|| format!("{key}#{}", round.round)),
        max_age: policy.baseline_max_age,
        began_ms: round.fixed.map_or_else(setting.clock, |fixed| fixed.began_ms),
        known: OnceLock::new(),
        base: setting.change.base.clone(),
        out: setting.out.clone(),
        pool: Arc::new(Pool::new(cpus).map_err(Halt::CouldNotRun)?),
        hands: Semaphore::new(hands(loaded.concurrency(subject), cpus)),
        burst: policy.burst,
        cases: Arc::clone(&loaded.cases),
        baseline_gone: AtomicBool::new(false),
        closing: watch::Sender::new(false),
        flights: Flights::default(),
        played,
    });
    let mut notes = Vec::new();
    let mut known_lines = Vec::new();
    if let Some(model) = &subject.baseline
        && round.fixed.is_none_or(|fixed| fixed.baseline_known)
    {
        match (known_baseline(&context, model, &loaded.draw.cells).await?, round.fixed) {
            (Some((known, lines)), _) => {
                // Set once, and here alone.
                let _ = context.known.set(known);
                known_lines = lines;
            }
            (None, None) => {}
            (None, Some(_)) if replayed => {
                notes.push("Not all pictures are at hand of which the baseline's failures were known beforehand: the test goes on without knowing them.".to_owned());
                round.fixed = None;
            }
            (None, Some(_)) => {
                known_lost = true;
                round.fixed = None;
            }
        }
    }
    if known_lost {
        notes.push("Some stored results of the baseline are gone since this run began. They are bought again, and the test goes on without knowing them beforehand.".to_owned());
    }
    let known = context.known.get().filter(|known| !known.is_empty());
    let fixed = *round.fixed.get_or_insert_with(|| terms::fix(context.began_ms, known));
    if !replayed {
        shop.store.keep_run(&key, &round).await?;
    }
    let mut cells = terms::cells(loaded, shop, subject, fixed.baseline_known, &context.judge);
    let terms = terms::terms(loaded, shop, subject, &cells, known, &round);
    let trial = Trial::new(&policy.limits, terms);
    if subject.baseline.is_none() && !policy.limits.judges_alone() {
        // No picture could be judged: none is bought.
        cells.clear();
        notes.push(format!(
            "`{}` is new: there is no baseline to compare it with, and no limit stands alone. Add one, such as `failure_rate: {{max: 5%}}`.",
            presscheck_core::inert::one_line(&subject.name, 60)
        ));
    }
    if let Some(pairs) = round.decided {
        // A verdict that was proven before is read again: its pairs and no more.
        cells.truncate(usize::try_from(pairs).unwrap_or(usize::MAX));
    }
    Ok(Opened { key, round, fixed, context, trial, cells, notes, known_lost, known: known_lines })
}

/// The round of a run that is to be bought.
async fn round(setting: &Setting, shop: &Shop, key: &Digest) -> Result<RunRecord, Halt> {
    let now = (setting.clock)();
    Ok(match shop.store.run(key).await? {
        Lookup::Found(known) if shop.resume => RunRecord::next(Some(&known), now),
        Lookup::Found(_) | Lookup::Missing | Lookup::Damaged => RunRecord::next(None, now),
    })
}

/// The baseline's samples of a draw, by cell, and what is told of each, in the drawn order.
type Known = (HashMap<Cell, JudgedSample>, Vec<SampleLine>);

/// How many samples may be under way: as many as the providers serve at once, and enough besides that none of their seats
/// is empty while answers are stored and looked at.
pub(super) fn hands(concurrency: usize, cpus: usize) -> usize {
    concurrency + (2 * cpus).max(concurrency / 2)
}

/// How many stored results are read at once.
const READ_AT_ONCE: usize = 16;

/// All of the baseline's samples of a draw from the store, judged; nothing where one is missing. Stops at the first
/// that is.
async fn known_baseline(
    context: &Arc<Context>,
    model: &ModelConfig,
    cells: &[Cell],
) -> Result<Option<Known>, Halt> {
    let mut samples = futures_util::stream::iter(cells.to_vec())
        .map(|cell| {
            let (context, model) = (Arc::clone(context), model.clone());
            async move { (cell, context.stored_baseline(model, cell).await) }
        })
        .buffered(READ_AT_ONCE);
    let mut known = HashMap::with_capacity(cells.len());
    let mut lines = Vec::with_capacity(cells.len());
    let mut gallery = Gallery::default();
    while let Some((cell, sample)) = samples.next().await {
        match sample? {
            Some((mut sample, line)) => {
                let scene = Scene::of(context.case(cell)?);
                gallery.settle(&context.judge, &scene, Some(&mut sample), None);
                let (sample, line) = told(sample, line);
                known.insert(cell, sample);
                lines.push(line);
            }
            None => return Ok(None),
        }
    }
    Ok(Some((known, lines)))
}

/// What a run is known by: everything that determines its verdict.
fn run_key(loaded: &Loaded, subject: &Subject) -> Digest {
    let content = serde_json::json!({
        // Another version may judge a picture otherwise.
        "version": env!("CARGO_PKG_VERSION"),
        "policy": loaded.policy_digest,
        "prompts": loaded.prompts_digest,
        "subject": subject.name,
        "baseline": subject.baseline.as_ref().map(ModelConfig::resolved),
        "candidate": subject.candidate.resolved(),
    });
    Digest::of(content.to_string().as_bytes())
}
