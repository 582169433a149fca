//! One sample: read from the store where it is there, bought and kept where it is not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use presscheck_core::gate::Side;
use presscheck_core::policy::{ModelConfig, ModelStep, canonical};
use presscheck_core::prompts::Case;
use presscheck_core::providers::{Answer, FaultKind, Order};
use presscheck_core::report::Request;
use presscheck_core::units::{Digest, Seed, Usd};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::asking::{Rejections, Spent, Told};
use super::judge::{Arrived, Bill};
use super::{Clock, Halt};
use crate::store::{Identity, Lookup, Record, Store, StoredAnswer};
use crate::transport::{Budget, Exchange, Line};

/// What every sample of a run shares.
pub(super) struct Shop {
    pub(super) store: Store,
    pub(super) suppliers: BTreeMap<String, Supplier>,
    pub(super) budget: Budget,
    /// The most images that this run may buy, and how many it has.
    pub(super) max_images: u64,
    pub(super) bought: AtomicU64,
    pub(super) damaged: AtomicU64,
    /// What was spent on answers to checks, as a part of what was spent.
    pub(super) checks_spent: Spent,
    /// How often whom the checks ask rejected the questions.
    pub(super) rejections: Rejections,
    /// How many of the team's programs may run at once.
    pub(super) programs: Semaphore,
    /// What was heard of those whom the checks asked.
    pub(super) told: Told,
    /// Whether stored results count.
    pub(super) resume: bool,
    pub(super) clock: Clock,
}

/// A provider, set up.
pub(super) struct Supplier {
    pub(super) line: Line,
    pub(super) kind: &'static str,
    /// Its settings that shape a request, as canonical JSON.
    pub(super) fingerprint: Value,
}

/// What is asked for one sample.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) side: Side,
    pub(super) model: &'a ModelConfig,
    pub(super) case: &'a Case,
    pub(super) seed: Seed,
    pub(super) input: Option<&'a Bytes>,
    /// The mask over the input of the first step.
    pub(super) mask: Option<&'a Bytes>,
    /// The run's name, under which unanswered samples count as asked.
    pub(super) run: &'a str,
    /// How old a stored result may be.
    pub(super) max_age: Option<Duration>,
    /// When that counts, in milliseconds since 1970.
    pub(super) now_ms: i64,
    /// How many requests of this model go at once, where that is measured.
    pub(super) burst: Option<u32>,
    /// Whether only stored results may be used (the model is gone).
    pub(super) only_stored: bool,
    /// Becomes true when nothing more of this subject is to be sent.
    pub(super) closing: &'a watch::Sender<bool>,
}

impl Wanted<'_> {
    /// What determines the answer of one step, for a dialect (its kind and version) and a provider's
    /// fingerprint.
    pub(super) fn identity(
        &self,
        (kind, version): (&str, u32),
        fingerprint: &Value,
        step: &ModelStep,
        (input, mask): (Option<&Bytes>, Option<&Bytes>),
    ) -> Identity {
        Identity {
            form: 1,
            dialect: kind.to_owned(),
            dialect_version: version,
            provider: fingerprint.clone(),
            model: step.model.value.clone(),
            params: canonical(&Value::Object(step.params.clone())),
            prompt: self.case.prompt.clone(),
            seed: self.seed,
            input: input.map(|bytes| Digest::of(bytes)),
            mask: mask.map(|bytes| Digest::of(bytes)),
            burst: self.burst,
        }
    }
}

/// A step of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which, from 1.
    pub(super) number: u32,
    /// How many the pipeline has.
    of: u32,
}

impl Step {
    /// A step of a model by its place; nothing where the model has no other.
    fn at(index: usize, model: &ModelConfig) -> Option<Self> {
        let of = u32::try_from(model.steps.len()).ok().filter(|of| *of > 1)?;
        Some(Self { number: u32::try_from(index).ok()?.saturating_add(1), of })
    }

    /// What is said of a step: `step 2 of 3: …`; of a model without others just that.
    pub(super) fn before(step: Option<Self>, words: &str) -> String {
        match step {
            Some(Self { number, of }) => format!("step {number} of {of}: {words}"),
            None => words.to_owned(),
        }
    }

    /// The step of a model that ended a sample, and the words that were said there, without its name.
    pub(super) fn ended<'a>(
        number: Option<u32>,
        model: &'a ModelConfig,
        words: &'a str,
    ) -> Option<(Self, &'a ModelStep, &'a str)> {
        let index = usize::try_from(number?).ok()?.checked_sub(1)?;
        let (step, settings) = (Self::at(index, model)?, model.steps.get(index)?);
        let name = Self::before(Some(step), "");
        Some((step, settings, words.strip_prefix(&name).unwrap_or(words)))
    }
}

/// A sample that arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) arrived: Arrived,
    pub(super) bill: Bill,
    /// Each request in turn, for readers.
    pub(super) requests: Vec<Request>,
    pub(super) stored: bool,
    /// The step that ended it without a picture, where its model has several.
    pub(super) step: Option<Step>,
}

impl Shop {
    /// That stored results were torn or altered, where any were.
    pub(super) fn damage(&self) -> Option<String> {
        match self.damaged.load(Ordering::Relaxed) {
            0 => None,
            1 => Some("A stored result was torn or altered; it was bought again.".to_owned()),
            n => Some(format!("{n} stored results were torn or altered; they were bought again.")),
        }
    }

    /// Gets a sample: each step of the pipeline in turn, the output of one being the input of the next.
    ///
    /// # Errors
    /// Where buying must stop.
    pub(super) async fn get(&self, wanted: Wanted<'_>) -> Result<Arrival, Halt> {
        let mut input = wanted.input.cloned();
        let mut total: Option<Arrival> = None;
        for (index, step) in wanted.model.steps.iter().enumerate() {
            let mask = wanted.mask.filter(|_| index == 0);
            let at = Step::at(index, wanted.model);
            let arrival = self.step(wanted, step, (input.as_ref(), mask)).await;
            let mut arrival = arrival.map_err(|halt| match halt {
                Halt::Fatal { side, kind, provider, model, words, .. } => {
                    Halt::Fatal { side, kind, step: at, provider, model, words }
                }
                halt => halt,
            })?;
            if let Some(before) = &mut total {
                arrival.bill = add(before.bill, arrival.bill);
                arrival.requests = one_after_another(&mut before.requests, arrival.requests);
                arrival.stored &= before.stored;
            }
            let picture = match &mut arrival.arrived {
                Arrived::Picture { bytes, .. } => Some(bytes.clone()),
                Arrived::Refused { words, .. }
                | Arrived::Broken { words, .. }
                | Arrived::Unavailable { words, .. } => {
                    *words = Step::before(at, words);
                    arrival.step = at;
                    None
                }
            };
            let over = picture.is_none();
            input = picture;
            total = Some(arrival);
            if over {
                break;
            }
        }
        total.ok_or_else(|| Halt::CouldNotRun("the model config has no step".to_owned()))
    }

    async fn step(
        &self,
        wanted: Wanted<'_>,
        step: &ModelStep,
        (input, mask): (Option<&Bytes>, Option<&Bytes>),
    ) -> Result<Arrival, Halt> {
        let Some(supplier) = self.suppliers.get(&step.provider.value) else {
            let name = &step.provider.value;
            return Err(Halt::CouldNotRun(format!("the policy has no provider `{name}`")));
        };
        let line = &supplier.line;
        let dialect = (supplier.kind, line.dialect_version());
        let identity = wanted.identity(dialect, &supplier.fingerprint, step, (input, mask));
        let key = identity.key();
        if let Some(arrival) = self.stored(&key, wanted).await? {
            return Ok(arrival);
        }
        if wanted.only_stored {
            return Err(Halt::BaselineGone("no stored result is at hand".to_owned()));
        }
        let order = Order {
            model: &step.model.value,
            task: step.task,
            params: &step.params,
            prompt: &wanted.case.prompt,
            seed: wanted.seed,
            image: input,
            mask,
        };
        self.buy(line, &order, identity, key, wanted).await
    }

    /// The stored sample, where it is whole, young enough and no gap of an earlier round.
    pub(super) async fn stored(
        &self,
        key: &Digest,
        wanted: Wanted<'_>,
    ) -> Result<Option<Arrival>, Halt> {
        if !self.resume {
            return Ok(None);
        }
        let record = match self.store.sample(key).await? {
            Lookup::Found(record) => record,
            Lookup::Missing => return Ok(None),
            Lookup::Damaged => {
                self.damaged.fetch_add(1, Ordering::Relaxed);
                return Ok(None);
            }
        };
        let age = wanted.now_ms.saturating_sub(record.bought_ms).max(0);
        let too_old = wanted.max_age.is_some_and(|max| {
            u64::try_from(age).is_ok_and(|age| Duration::from_millis(age) > max)
        });
        let arrived = match &record.answer {
            // An outage says nothing of the model: only the round that saw it counts it.
            StoredAnswer::Unavailable { .. } if record.run != wanted.run => return Ok(None),
            _ if too_old && record.run != wanted.run => return Ok(None),
            StoredAnswer::Unavailable { what, words } => {
                Arrived::Unavailable { kind: what.clone(), words: words.clone() }
            }
            StoredAnswer::Refused { stage, words } => {
                Arrived::Refused { stage: *stage, words: words.clone() }
            }
            StoredAnswer::Broken { what, words } => {
                Arrived::Broken { kind: what.clone(), words: words.clone() }
            }
            // An answer to a question has another key; this would be no sample.
            StoredAnswer::Words { .. } => return Ok(None),
            StoredAnswer::Image { digest, content_type, .. } => {
                match self.store.image(digest).await? {
                    Lookup::Found(bytes) => {
                        let (digest, content_type) = (*digest, content_type.clone());
                        Arrived::Picture { bytes, digest, content_type }
                    }
                    Lookup::Missing | Lookup::Damaged => {
                        self.damaged.fetch_add(1, Ordering::Relaxed);
                        return Ok(None);
                    }
                }
            }
        };
        let bill = Bill {
            cost: record.charged,
            basis: record.cost_basis,
            latency: record.latency_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()),
            attempts: u32::try_from(record.attempts.len()).unwrap_or(u32::MAX),
        };
        let requests = requests(&record.attempts);
        Ok(Some(Arrival { arrived, bill, requests, stored: true, step: None }))
    }

    async fn buy(
        &self,
        line: &Line,
        order: &Order<'_>,
        identity: Identity,
        key: Digest,
        wanted: Wanted<'_>,
    ) -> Result<Arrival, Halt> {
        let worst = line.worst_case(order.model, order.params).ok_or_else(|| {
            let (model, provider) = (order.model, line.name());
            Halt::CouldNotRun(format!("the policy gives no price for `{model}` of `{provider}`"))
        })?;
        // The count and the money are both reserved before the request is sent.
        let taken = self.bought.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |bought| {
            (bought < self.max_images).then_some(bought + 1)
        });
        if taken.is_err() {
            return Err(Halt::MaxImages);
        }
        let Some(reservation) = self.budget.reserve(worst) else {
            self.bought.fetch_sub(1, Ordering::SeqCst);
            return Err(Halt::Budget);
        };
        let Some(exchange) = line.ask_unless(order, wanted.closing.subscribe()).await else {
            reservation.settle(Usd::ZERO);
            self.bought.fetch_sub(1, Ordering::SeqCst);
            return Err(Halt::Stopped);
        };
        reservation.settle(exchange.charged);
        if let Answer::Fault(fault) = &exchange.answer
            && fault.kind.is_fatal()
        {
            self.bought.fetch_sub(1, Ordering::SeqCst);
            if (wanted.side, fault.kind) != (Side::Baseline, FaultKind::ModelRetired) {
                // No verdict will come: what waits for its turn must not be sent any more.
                wanted.closing.send_replace(true);
            }
            return Err(Halt::Fatal {
                side: wanted.side,
                kind: fault.kind,
                // Whoever takes the steps in turn knows which it is.
                step: None,
                provider: line.name().to_owned(),
                model: order.model.to_owned(),
                words: fault.words.clone(),
            });
        }
        let (record, picture) = self.record(&exchange, identity, key, wanted.run);
        // Stored before anything is computed from it: a killed run pays for nothing twice.
        self.store.keep(&record, picture).await?;
        if !matches!(exchange.answer, Answer::Image { .. }) {
            // No picture was bought after all.
            self.bought.fetch_sub(1, Ordering::SeqCst);
        }
        let bill = Bill {
            cost: exchange.charged,
            basis: exchange.cost_basis,
            latency: exchange.latency,
            attempts: u32::try_from(exchange.attempts.len()).unwrap_or(u32::MAX),
        };
        let digest = match &record.answer {
            StoredAnswer::Image { digest, .. } => Some(*digest),
            _ => None,
        };
        let arrived = match exchange.answer {
            Answer::Image { bytes, content_type, .. } => {
                let digest = digest.unwrap_or_else(|| Digest::of(&bytes));
                Arrived::Picture { bytes, digest, content_type }
            }
            Answer::Words { .. } => no_picture(),
            Answer::Refused { stage, words } => Arrived::Refused { stage, words },
            Answer::Broken { kind, words } => Arrived::Broken { kind, words },
            Answer::Fault(fault) if fault.kind == FaultKind::BadRequest => {
                Arrived::Broken { kind: fault.kind.word().to_owned(), words: fault.words }
            }
            Answer::Fault(fault) => {
                Arrived::Unavailable { kind: fault.kind.word().to_owned(), words: fault.words }
            }
        };
        let requests = requests(&record.attempts);
        Ok(Arrival { arrived, bill, requests, stored: false, step: None })
    }

    pub(super) fn record(
        &self,
        exchange: &Exchange,
        identity: Identity,
        key: Digest,
        run: &str,
    ) -> (Record, Option<Bytes>) {
        let (answer, picture) = match &exchange.answer {
            Answer::Image { bytes, content_type, .. } => {
                let answer = StoredAnswer::Image {
                    digest: Digest::of(bytes),
                    bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                    content_type: content_type.clone(),
                };
                (answer, Some(bytes.clone()))
            }
            Answer::Words { text, .. } => (StoredAnswer::Words { text: text.clone() }, None),
            Answer::Refused { stage, words } => {
                (StoredAnswer::Refused { stage: *stage, words: words.clone() }, None)
            }
            Answer::Broken { kind, words } => {
                (StoredAnswer::Broken { what: kind.clone(), words: words.clone() }, None)
            }
            Answer::Fault(fault) => {
                let (what, words) = (fault.kind.word().to_owned(), fault.words.clone());
                let answer = if fault.kind == FaultKind::BadRequest {
                    StoredAnswer::Broken { what, words }
                } else {
                    StoredAnswer::Unavailable { what, words }
                };
                (answer, None)
            }
        };
        let record = Record {
            key,
            identity,
            bought_ms: (self.clock)(),
            run: run.to_owned(),
            answer,
            latency_ms: exchange.latency.map(|latency| latency.as_secs_f64() * 1000.0),
            charged: exchange.charged,
            cost_basis: exchange.cost_basis,
            attempts: exchange
                .attempts
                .iter()
                .filter_map(|a| serde_json::to_value(a).ok())
                .collect(),
        };
        (record, picture)
    }
}

/// No dialect answers an order in words; should one, that is no picture.
fn no_picture() -> Arrived {
    let words = "words instead of a picture".to_owned();
    Arrived::Broken { kind: "no_image".to_owned(), words }
}

/// The requests of a record; one of a form that is not known is left out.
fn requests(attempts: &[Value]) -> Vec<Request> {
    attempts.iter().filter_map(|attempt| Request::deserialize(attempt).ok()).collect()
}

/// The requests of a pipeline's steps, those of a later step after the end of the earlier ones.
fn one_after_another(earlier: &mut Vec<Request>, later: Vec<Request>) -> Vec<Request> {
    let end = |it: &Request| it.started_ms.saturating_add(it.latency_ms);
    let from = earlier.last().map_or(0, end);
    let mut all = std::mem::take(earlier);
    all.extend(
        later
            .into_iter()
            .map(|it| Request { started_ms: it.started_ms.saturating_add(from), ..it }),
    );
    all
}

/// The bill of a pipeline: costs, times and attempts add up; the cost is known as well as its weakest part.
fn add(one: Bill, two: Bill) -> Bill {
    Bill {
        cost: one.cost + two.cost,
        basis: one.basis.max(two.basis),
        latency: one.latency.zip(two.latency).map(|(one, two)| one + two),
        attempts: one.attempts.saturating_add(two.attempts),
    }
}
