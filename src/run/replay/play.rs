//! A sample from stored evidence, in the place of one that is asked for.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use presscheck_core::checks::Reference;
use presscheck_core::gate::{Outcome, Side};
use presscheck_core::prompts::Cell;
use presscheck_core::providers::Stage;
use presscheck_core::report::{SampleLine, picture_of};
use presscheck_core::units::Digest;

use super::super::Halt;
use super::super::cell::Context;
use super::super::judge::{Arrived, Bill, JudgedSample};
use super::super::sample::Arrival;
use super::account::{Account, Course, Ended};
use crate::store::{Lookup, Record, RunRecord, Store, StoreError};

/// A finished run, to be judged once more.
pub(in super::super) struct Played {
    account: Account,
    lines: HashMap<String, Arc<Lines>>,
    /// Whether the pictures are looked at anew; else the findings stand as they were.
    again: bool,
    /// Whether the pictures are laid out beside new reports.
    lay_out: bool,
    /// Whether it is judged by the policy of that run.
    same_policy: bool,
    pictures: Arc<Pictures>,
}

type Lines = HashMap<(Side, String, u32), SampleLine>;

/// What a replay does with the evidence.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) again: bool,
    pub(super) lay_out: bool,
    pub(super) same_policy: bool,
}

impl Played {
    pub(super) fn new(
        account: Account,
        samples: &[SampleLine],
        pictures: Arc<Pictures>,
        how: How,
    ) -> Self {
        let mut lines: HashMap<String, Lines> = HashMap::new();
        let known = account.subjects.iter().flat_map(|course| &course.known);
        for line in samples.iter().chain(known) {
            let key = (line.side, line.case.clone(), line.repeat);
            lines.entry(line.subject.clone()).or_default().insert(key, line.clone());
        }
        let lines = lines.into_iter().map(|(name, lines)| (name, Arc::new(lines))).collect();
        let How { again, lay_out, same_policy } = how;
        Self { account, lines, again, lay_out, same_policy, pictures }
    }

    pub(in super::super) const fn account(&self) -> &Account {
        &self.account
    }

    /// What was heard of those whom the checks asked.
    pub(in super::super) fn answers(&self) -> BTreeMap<Digest, Record> {
        self.account.answers.iter().map(|record| (record.key, record.clone())).collect()
    }

    /// The part on one subject.
    pub(in super::super) fn part(&self, subject: &str) -> Option<Part> {
        let course = self.account.subjects.iter().find(|course| course.name == subject)?;
        Some(Part {
            course: course.clone(),
            lines: self.lines.get(subject).cloned().unwrap_or_default(),
            again: self.again,
            lay_out: self.lay_out,
            same_policy: self.same_policy,
            pictures: Arc::clone(&self.pictures),
        })
    }
}

/// What is kept of the run over one subject.
pub(in super::super) struct Part {
    pub(in super::super) course: Course,
    lines: Arc<Lines>,
    again: bool,
    lay_out: bool,
    same_policy: bool,
    pictures: Arc<Pictures>,
}

impl Part {
    /// What was fixed then. How far the proof came counts under the same policy alone.
    pub(in super::super) fn round(&self) -> RunRecord {
        let round = self.course.round.clone();
        let decided = round.decided.filter(|_| self.same_policy && !self.again);
        RunRecord { decided, ..round }
    }

    /// Why there is no further sample.
    fn end(&self) -> Halt {
        match &self.course.end {
            Some(Ended::Budget) => Halt::Budget,
            Some(Ended::MaxImages) => Halt::MaxImages,
            Some(Ended::BaselineGone { words }) => Halt::BaselineGone(words.clone()),
            None => Halt::EvidenceEnds,
        }
    }

    fn line(&self, side: Side, case: &str, repeat: u32) -> Option<&SampleLine> {
        self.lines.get(&(side, case.to_owned(), repeat))
    }
}

impl Context {
    /// The baseline's sample of a cell, where it was known before the run; nothing where it was not, or where its picture
    /// is to be looked at and is not at hand.
    pub(in super::super) async fn play_known(
        self: &Arc<Self>,
        part: &Part,
        cell: Cell,
        input: Option<Arc<Reference>>,
    ) -> Result<Option<(JudgedSample, SampleLine)>, Halt> {
        let case = self.case(cell)?;
        let Some(line) = part.line(Side::Baseline, &case.id, cell.repeat) else { return Ok(None) };
        let sample = self.play_line(part, cell, line, input).await?;
        Ok(sample.map(|sample| (sample, line.clone())))
    }

    /// A sample of a cell as it was, or as it is judged now.
    pub(in super::super) async fn play(
        self: &Arc<Self>,
        part: &Part,
        (side, cell): (Side, Cell),
        input: Option<Arc<Reference>>,
    ) -> Result<(JudgedSample, SampleLine), Halt> {
        let case = self.case(cell)?;
        let line = part.line(side, &case.id, cell.repeat).ok_or_else(|| part.end())?;
        let known = self.known.get().filter(|_| side == Side::Baseline && line.stored);
        let sample = match known.and_then(|known| known.get(&cell)) {
            Some(sample) => sample.clone(),
            None => self.play_line(part, cell, line, input).await?.ok_or_else(|| absent(line))?,
        };
        if part.lay_out {
            self.lay_out_again(part, line).await?;
        }
        Ok((sample, line.clone()))
    }

    /// The sample of a line; nothing where its picture is to be looked at and is not at hand.
    async fn play_line(
        self: &Arc<Self>,
        part: &Part,
        cell: Cell,
        line: &SampleLine,
        input: Option<Arc<Reference>>,
    ) -> Result<Option<JudgedSample>, Halt> {
        if !part.again {
            let sample = JudgedSample::as_told(line);
            return Ok(Some(self.judge.counted(self.case(cell)?, sample)));
        }
        let Some(arrived) = arrived(line, &part.pictures).await? else { return Ok(None) };
        let _hand = self.hands.acquire().await.map_err(|error| broken(&error))?;
        let bill = bill(line);
        let (requests, stored) = (line.requests.clone(), line.stored);
        let arrival = Arrival { arrived, bill, requests, stored, step: None };
        self.judge(cell, input, &arrival, false).await
    }

    async fn lay_out_again(&self, part: &Part, line: &SampleLine) -> Result<(), Halt> {
        let Some(image) = &line.image else { return Ok(()) };
        let Lookup::Found(bytes) = part.pictures.get(image).await? else { return Ok(()) };
        let kept = part.pictures.folder.as_ref().map(|folder| folder.join(image));
        self.put_picture(image, bytes, kept).await
    }
}

fn broken(error: &dyn std::fmt::Display) -> Halt {
    Halt::CouldNotRun(error.to_string())
}

fn absent(line: &SampleLine) -> Halt {
    let image = line.image.as_deref().unwrap_or_default();
    Halt::CouldNotRun(format!("the picture {image} is not at hand, so it can't be looked at again"))
}

/// What came for the sample of a line; nothing where that was a picture which is not at hand.
async fn arrived(line: &SampleLine, pictures: &Pictures) -> Result<Option<Arrived>, Halt> {
    let kind = line.kind.clone().unwrap_or_default();
    let words = line.error.clone().unwrap_or_default();
    let Some(image) = &line.image else {
        return Ok(Some(match line.outcome {
            Outcome::Refused => Arrived::Refused { stage: stage(&kind), words },
            Outcome::Broken => Arrived::Broken { kind, words },
            Outcome::Passed | Outcome::Failed | Outcome::Unavailable => {
                Arrived::Unavailable { kind, words }
            }
        }));
    };
    let (Lookup::Found(bytes), Some(digest)) = (pictures.get(image).await?, picture_of(image))
    else {
        return Ok(None);
    };
    Ok(Some(Arrived::Picture { bytes, digest, content_type: line.content_type.clone() }))
}

fn stage(kind: &str) -> Stage {
    let stages = [Stage::Input, Stage::Output];
    stages.into_iter().find(|stage| stage.word() == kind).unwrap_or(Stage::Unknown)
}

fn bill(line: &SampleLine) -> Bill {
    Bill {
        cost: line.cost_usd,
        basis: line.cost_basis,
        latency: latency(line),
        attempts: line.attempts,
    }
}

/// The time that a sample took. A time of a few hours keeps every nanosecond in a line's seconds.
pub(in super::super) fn latency(line: &SampleLine) -> Option<Duration> {
    line.latency_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// Where pictures lie: in the output folder, and in a store.
#[derive(Debug)]
pub(in super::super) struct Pictures {
    folder: Option<PathBuf>,
    store: Option<Store>,
}

impl Pictures {
    pub(super) fn new(folder: Option<&Path>, store: Option<Store>) -> Self {
        Self { folder: folder.map(Path::to_path_buf), store }
    }

    /// A picture by its path in the output folder.
    pub(super) async fn get(&self, image: &str) -> Result<Lookup<Bytes>, StoreError> {
        let Some(digest) = picture_of(image) else { return Ok(Lookup::Damaged) };
        if let Some(folder) = &self.folder
            && let Ok(bytes) = tokio::fs::read(folder.join(image)).await
        {
            let whole = Digest::of(&bytes) == digest;
            return Ok(if whole { Lookup::Found(bytes.into()) } else { Lookup::Damaged });
        }
        match &self.store {
            Some(store) => store.image(&digest).await,
            None => Ok(Lookup::Missing),
        }
    }
}
