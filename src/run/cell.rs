//! One cell of the draw: both samples, side by side, from the order to the judgement.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use presscheck_core::checks::{Reference, Scene};
use presscheck_core::gate::{BySide, Outcome, Pair, Side};
use presscheck_core::policy::{ModelConfig, Subject};
use presscheck_core::prompts::{Case, Cell};
use presscheck_core::providers::{FaultKind, class_of};
use presscheck_core::report::SampleLine;
use presscheck_core::units::RepoPath;
use tokio::sync::{Semaphore, watch};

use super::Halt;
use super::asking::Asker;
use super::flights::Flights;
use super::judge::{Arrived, Gallery, Judge, JudgedSample};
use super::pool::Pool;
use super::replay::Part;
use super::sample::{Arrival, Shop, Step, Wanted};
use super::waves::{Place, Waves};
use crate::revision::Snapshot;

/// Both samples of a cell, judged.
pub(super) struct Judged {
    pub(super) pair: Pair,
    pub(super) lines: Vec<SampleLine>,
    pub(super) stored: BySide<bool>,
}

/// Both samples of a cell, each judged by itself.
pub(super) struct Samples {
    cell: Cell,
    input: Option<Arc<Reference>>,
    baseline: Option<(JudgedSample, SampleLine)>,
    candidate: (JudgedSample, SampleLine),
}

impl Samples {
    /// Judges them against those before: to be called in the drawn order.
    pub(super) fn settle(
        mut self,
        context: &Context,
        gallery: &mut Gallery,
    ) -> Result<Judged, Halt> {
        let case = context.case(self.cell)?;
        let scene = Scene { case, input: self.input.as_deref() };
        let baseline = self.baseline.as_mut().map(|(sample, _)| sample);
        gallery.settle(&context.judge, &scene, baseline, Some(&mut self.candidate.0));
        let told = |(sample, line)| {
            let (sample, line) = told(sample, line);
            (sample.observation, line)
        };
        let (candidate, candidate_line) = told(self.candidate);
        let (baseline, baseline_line) = self.baseline.map(told).unzip();
        let stored = BySide {
            baseline: baseline_line.as_ref().is_some_and(|line| line.stored),
            candidate: candidate_line.stored,
        };
        Ok(Judged {
            pair: Pair {
                case: case.id.clone(),
                repeat: self.cell.repeat,
                tags: case.tags.clone(),
                baseline,
                candidate,
            },
            lines: baseline_line.into_iter().chain([candidate_line]).collect(),
            stored,
        })
    }
}

/// A line with what is known of its sample once it was compared with the others.
pub(super) fn told(sample: JudgedSample, mut line: SampleLine) -> (JudgedSample, SampleLine) {
    line.outcome = sample.observation.outcome;
    line.failure = sample.observation.failure;
    line.kind.clone_from(&sample.kind);
    let kind = line.kind.as_deref().filter(|_| line.outcome != Outcome::Failed);
    line.class = kind.and_then(class_of).map(str::to_owned);
    line.findings.clone_from(&sample.findings);
    line.error.clone_from(&sample.error);
    (sample, line)
}

/// What the tasks of one subject share.
pub(super) struct Context {
    pub(super) shop: Arc<Shop>,
    pub(super) judge: Arc<Judge>,
    pub(super) subject: Subject,
    pub(super) run: String,
    pub(super) max_age: Duration,
    /// When this run began, in milliseconds since 1970: a result that was young enough then is still when the run
    /// is continued.
    pub(super) began_ms: i64,
    /// The baseline's samples, judged before the first picture was bought; never set where not all are stored.
    pub(super) known: OnceLock<HashMap<Cell, JudgedSample>>,
    pub(super) base: Snapshot,
    pub(super) out: std::path::PathBuf,
    /// Where pictures are decoded and looked at.
    pub(super) pool: Arc<Pool>,
    /// How many samples may be between their request and their judgement: as many as the providers serve at
    /// once and a few more to judge. This is what holds memory flat, and how little a kill can lose.
    pub(super) hands: Semaphore,
    /// How many requests of one model go at once, where the policy measures bursts.
    pub(super) burst: Option<u32>,
    pub(super) cases: Arc<Vec<Case>>,
    pub(super) baseline_gone: AtomicBool,
    /// Becomes true when nothing more of this subject is to be sent.
    pub(super) closing: watch::Sender<bool>,
    /// When its samples were under way.
    pub(super) flights: Flights,
    /// What is judged once more, where nothing is asked for.
    pub(super) played: Option<Part>,
}

/// What a case gives besides its prompt.
#[derive(Clone)]
struct Given {
    input: Option<Arc<Reference>>,
    mask: Option<Bytes>,
}

fn could_not_run(error: &dyn std::fmt::Display) -> Halt {
    Halt::CouldNotRun(error.to_string())
}

/// The most bytes that an input picture may have.
const MAX_INPUT_BYTES: u64 = 32 << 20;

impl Context {
    /// The baseline's sample of a cell as far as the store has it, judged; nothing where it has none that is young
    /// enough and answered.
    pub(super) async fn stored_baseline(
        self: Arc<Self>,
        model: ModelConfig,
        cell: Cell,
    ) -> Result<Option<(JudgedSample, SampleLine)>, Halt> {
        let case = self.case(cell)?;
        let given = self.given(case).await?;
        if let Some(part) = &self.played {
            return self.play_known(part, cell, given.input).await;
        }
        let wanted = self.wanted(Side::Baseline, &model, case, cell, &given);
        let _hand = self.hands.acquire().await.map_err(|error| could_not_run(&error))?;
        let arrival = match self.shop.get(Wanted { only_stored: true, ..wanted }).await {
            Ok(arrival) => arrival,
            Err(Halt::BaselineGone(_)) => return Ok(None),
            Err(halt) => return Err(halt),
        };
        let sample = self.judge(cell, given.input.clone(), &arrival, true).await?;
        let sample = sample.filter(|sample| sample.observation.answered());
        Ok(sample.map(|sample| {
            let line = self.line((Side::Baseline, &model), (case, cell), &arrival, &sample);
            (sample, line)
        }))
    }

    pub(super) fn case(&self, cell: Cell) -> Result<&Case, Halt> {
        self.cases
            .get(cell.case)
            .ok_or_else(|| could_not_run(&"the draw names a case that is not there"))
    }

    fn wanted<'a>(
        &'a self,
        side: Side,
        model: &'a ModelConfig,
        case: &'a Case,
        cell: Cell,
        given: &'a Given,
    ) -> Wanted<'a> {
        let is_baseline = side == Side::Baseline;
        Wanted {
            side,
            model,
            case,
            seed: cell.seed,
            input: given.input.as_ref().map(|input| input.bytes()),
            mask: given.mask.as_ref(),
            run: &self.run,
            max_age: is_baseline.then_some(self.max_age),
            now_ms: self.began_ms,
            burst: self.burst,
            only_stored: is_baseline && self.baseline_gone.load(Ordering::SeqCst),
            closing: &self.closing,
        }
    }

    /// Gets and judges both samples of a cell, side by side, so that both meet the same provider load.
    /// Where requests go in bursts, `waves` says when.
    pub(super) async fn cell(
        self: Arc<Self>,
        (number, cell): (usize, Cell),
        waves: Option<Arc<Waves>>,
    ) -> Result<Samples, Halt> {
        // Taken first: whatever comes of this cell, no other waits for it.
        let places = waves.map(|waves| Side::BOTH.map(|side| waves.place(number, side)));
        let [baseline_place, candidate_place] = places.map_or([None, None], |it| it.map(Some));
        let case = self.case(cell)?;
        let given = self.given(case).await?;
        let sample = |side: Side, model: Option<&ModelConfig>, place: Option<Place>| {
            let (context, given, model) = (Arc::clone(&self), given.clone(), model.cloned());
            async move {
                let Some(model) = model else { return Ok(None) };
                if let Some(place) = &place {
                    context.wait_for(place).await?;
                }
                let sample = context.side(side, &model, cell, given).await.map(Some);
                drop(place);
                sample
            }
        };
        let (baseline, candidate) = tokio::join!(
            sample(Side::Baseline, self.subject.baseline.as_ref(), baseline_place),
            sample(Side::Candidate, Some(&self.subject.candidate), candidate_place),
        );
        let (baseline, candidate) = match (baseline, candidate) {
            (Ok(baseline), Ok(candidate)) => (baseline, candidate),
            // What ended the run is told, and not that the other side was not sent because of it.
            (Err(Halt::Stopped), Err(halt)) | (Err(halt), _) | (_, Err(halt)) => return Err(halt),
        };
        let Some(candidate) = candidate else {
            return Err(Halt::CouldNotRun("a sample of the candidate is missing".to_owned()));
        };
        Ok(Samples { cell, input: given.input, baseline, candidate })
    }

    /// Waits for a wave, or for the end of the run.
    async fn wait_for(&self, place: &Place) -> Result<(), Halt> {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => Err(Halt::Stopped),
            () = place.out() => Ok(()),
        }
    }

    /// What the case gives besides its prompt, from the trusted side.
    async fn given(&self, case: &Case) -> Result<Given, Halt> {
        let input = self.file(case, case.image.as_ref(), "input picture").await?;
        let mask = self.file(case, case.mask.as_ref(), "mask").await?;
        Ok(Given { input: input.map(|bytes| Arc::new(Reference::new(bytes))), mask })
    }

    async fn file(
        &self,
        case: &Case,
        path: Option<&RepoPath>,
        what: &str,
    ) -> Result<Option<Bytes>, Halt> {
        let Some(path) = path else { return Ok(None) };
        match self.base.fetch(path, MAX_INPUT_BYTES).await {
            Ok(Some(bytes)) => Ok(Some(bytes.into())),
            Ok(None) => Err(Halt::CouldNotRun(format!(
                "the {what} {path} of case `{}` does not exist at {}",
                presscheck_core::inert::one_line(&case.id, 60),
                self.base.label()
            ))),
            Err(error) => Err(Halt::CouldNotRun(error.to_string())),
        }
    }

    async fn side(
        self: &Arc<Self>,
        side: Side,
        model: &ModelConfig,
        cell: Cell,
        given: Given,
    ) -> Result<(JudgedSample, SampleLine), Halt> {
        if let Some(part) = &self.played {
            return self.play(part, (side, cell), given.input).await;
        }
        let case = self.case(cell)?;
        let wanted = self.wanted(side, model, case, cell, &given);
        let _hand = self.hands.acquire().await.map_err(|error| could_not_run(&error))?;
        let from = Instant::now();
        let arrival = match self.shop.get(wanted).await {
            // The baseline's vendor has retired it: what is stored of it still counts.
            Err(Halt::Fatal {
                side: Side::Baseline,
                kind: FaultKind::ModelRetired,
                step,
                words,
                ..
            }) => {
                self.baseline_gone.store(true, Ordering::SeqCst);
                match self.shop.get(Wanted { only_stored: true, ..wanted }).await {
                    Err(Halt::BaselineGone(_)) => {
                        return Err(Halt::BaselineGone(Step::before(step, &words)));
                    }
                    other => other?,
                }
            }
            other => other?,
        };
        self.flights.add(from, &arrival);
        let known = self.known.get().filter(|_| side == Side::Baseline && arrival.stored);
        let known = known.and_then(|known| known.get(&cell));
        let sample = match known {
            Some(sample) => sample.clone(),
            None => self
                .judge(cell, given.input.clone(), &arrival, false)
                .await?
                .ok_or_else(|| could_not_run(&"a question was not asked"))?,
        };
        self.write_picture(&arrival.arrived, &sample).await?;
        let line = self.line((side, model), (case, cell), &arrival, &sample);
        Ok((sample, line))
    }

    /// What is told of a sample.
    fn line(
        &self,
        (side, model): (Side, &ModelConfig),
        (case, cell): (&Case, Cell),
        arrival: &Arrival,
        sample: &JudgedSample,
    ) -> SampleLine {
        let content_type = match &arrival.arrived {
            Arrived::Picture { content_type, .. } => content_type.clone(),
            _ => None,
        };
        SampleLine {
            schema: 1,
            subject: self.subject.name.clone(),
            case: case.id.clone(),
            repeat: cell.repeat,
            prompt: case.prompt.clone(),
            tags: case.tags.clone(),
            side,
            provider: model.provider().to_owned(),
            model: model.describe(),
            seed: cell.seed.0,
            outcome: sample.observation.outcome,
            failure: sample.observation.failure,
            kind: sample.kind.clone(),
            class: None,
            findings: sample.findings.clone(),
            latency_s: sample.observation.latency.map(|latency| latency.as_secs_f64()),
            cost_usd: sample.observation.cost,
            cost_basis: sample.observation.cost_basis,
            attempts: sample.attempts,
            step: arrival.step.map(|step| step.number),
            requests: arrival.requests.clone(),
            checks_cost_usd: sample.checks_cost,
            image: sample.observation.image.clone(),
            content_type,
            stored: arrival.stored,
            error: sample.error.clone(),
        }
    }

    /// Judges on a thread where decoding blocks no network traffic, one picture per core at a time; then asks what the
    /// checks ask. Nothing where only stored answers may be used, and one is missing.
    pub(super) async fn judge(
        self: &Arc<Self>,
        cell: Cell,
        input: Option<Arc<Reference>>,
        arrival: &Arrival,
        only_stored: bool,
    ) -> Result<Option<JudgedSample>, Halt> {
        let fail =
            |error: &dyn std::fmt::Display| Halt::CouldNotRun(format!("a check failed: {error}"));
        let (context, arrived) = (Arc::clone(self), arrival.arrived.clone());
        let reference = input.clone();
        let opened = self.pool.run(move || {
            context.cases.get(cell.case).map(|case| {
                let scene = Scene { case, input: reference.as_deref() };
                context.judge.open(&scene, &arrived)
            })
        });
        let opened = opened.await.map_err(|error| fail(&error))?;
        let (judgement, asked) = opened.ok_or_else(|| fail(&"the case is missing"))?;
        let asker = Asker { run: &self.run, only_stored, closing: &self.closing };
        let Some((heard, cost)) = self.shop.answers(&asked, asker).await? else { return Ok(None) };
        let scene = Scene { case: self.case(cell)?, input: input.as_deref() };
        let heard = (heard.as_slice(), cost);
        Ok(Some(self.judge.close(&scene, &arrival.arrived, arrival.bill, judgement, heard)))
    }

    /// Writes the picture where reports point to.
    async fn write_picture(&self, arrived: &Arrived, sample: &JudgedSample) -> Result<(), Halt> {
        let (Arrived::Picture { bytes, digest, .. }, Some(path)) =
            (arrived, &sample.observation.image)
        else {
            return Ok(());
        };
        self.put_picture(path, bytes.clone(), self.shop.store.image_file(digest)).await
    }

    /// Puts a picture into the output folder; `kept` is a file that may hold it already.
    pub(super) async fn put_picture(
        &self,
        image: &str,
        bytes: Bytes,
        kept: Option<std::path::PathBuf>,
    ) -> Result<(), Halt> {
        let path = self.out.join(image);
        let to = path.clone();
        let written = tokio::task::spawn_blocking(move || lay_out(&to, &bytes, kept.as_deref()));
        let written = written.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        written.map_err(|error| {
            Halt::CouldNotRun(format!("{} can't be written: {error}", path.display()))
        })
    }
}

/// Puts a picture where reports point to. Where the store has it in a file of the same disk, that file gets a second name:
/// evidence takes the room of one copy.
fn lay_out(to: &Path, bytes: &[u8], kept: Option<&Path>) -> std::io::Result<()> {
    let put = || match kept.map(|kept| std::fs::hard_link(kept, to)) {
        Some(Ok(())) => Ok(()),
        // The same picture came twice.
        Some(Err(error)) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        _ => std::fs::write(to, bytes),
    };
    match (put(), to.parent()) {
        // The folder is missing once at most: to make it each time would cost as much as the picture.
        (Err(error), Some(folder)) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)?;
            put()
        }
        (ended, _) => ended,
    }
}
