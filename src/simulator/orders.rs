//! Orders in any dialect: taken, drawn, handed over.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;
use presscheck_core::providers::rehearsal::{Act, Draft, Rehearsal};
use presscheck_core::providers::{Kind, Stage};
use presscheck_core::units::Usd;
use tokio::time::Instant;

use super::answer::{Answer, Body, HTML, Handover, bad_header, json_error, truncated};
use super::dice::Dice;
use super::fault::Fault;
use super::limits::Place;
use super::picture::{Encoding, Order, Size, Treatment};
use super::profile::Model;
use super::route::State;
use super::sample::Sample;

/// A dialect, and the address by which the client knows who speaks it.
#[derive(Clone)]
pub(crate) struct Voice {
    pub(crate) kind: &'static Kind,
    pub(crate) server: &'static dyn Rehearsal,
    pub(crate) base: String,
}

impl Voice {
    /// What is said to an order.
    pub(crate) fn say(&self, draft: &Draft, act: Act<'_>) -> Answer {
        self.server.say(draft, &act).into()
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.vocabulary.kind
    }

    /// What the dialect can tell of a refused prompt: its stage, or that it was refused.
    fn stage_of_prompts(&self) -> Option<Stage> {
        self.server.stages().iter().copied().find(|stage| *stage != Stage::Output)
    }

    /// What is said to a prompt that is refused.
    fn refuse(&self, draft: &Draft) -> Answer {
        self.say(draft, Act::Refused(self.stage_of_prompts().unwrap_or_default()))
    }

    /// Whether the dialect has a form for a fault: who has no safety policy refuses nothing.
    fn can_show(&self, fault: Fault) -> bool {
        match fault {
            Fault::Refused => self.stage_of_prompts().is_some(),
            Fault::RefusedOutput => self.server.stages().contains(&Stage::Output),
            _ => true,
        }
    }
}

/// A picture that is to be handed over, with what goes wrong with it.
#[derive(Clone, Debug)]
pub(crate) struct Commission {
    order: Order,
    fault: Option<Fault>,
}

/// A picture at an address.
#[derive(Debug)]
pub(crate) struct Hung {
    commission: Commission,
    until: Option<Instant>,
}

/// An order that has a name.
#[derive(Debug)]
pub(crate) struct Job {
    /// Who gave it its name.
    dialect: &'static str,
    draft: Draft,
    commission: Commission,
    ready: Instant,
    until: Option<Instant>,
}

/// What became of an order at first.
struct Taken {
    fault: Option<Fault>,
    answer: Answer,
    /// Whether it is answered at once, before the model's latency.
    at_once: bool,
}

impl Taken {
    const fn at_once(fault: Option<Fault>, answer: Answer) -> Self {
        Self { fault, answer, at_once: true }
    }

    const fn drawn(fault: Option<Fault>, answer: Answer) -> Self {
        Self { fault, answer, at_once: false }
    }
}

impl State {
    /// Answers an order: under the limits, after the model's latency, with the fault of this attempt.
    pub(crate) async fn order(&self, voice: &Voice, draft: &Draft) -> Response<Body> {
        let sample = Sample {
            model: draft.model.clone(),
            prompt: draft.prompt.clone(),
            seed: draft.seed.unwrap_or(0),
        };
        let (n, attempt) = self.log.arrived(&sample);
        let mut handover = Handover { log: Some((Arc::clone(&self.log), n)), place: None };
        let (fault, answer) = match self.enter(voice, std::time::Instant::now()) {
            Err(wait) => (None, voice.say(draft, Act::RateLimited(wait))),
            Ok(place) => {
                let started = Instant::now();
                let ready =
                    started + self.profile.latency(&sample.model, &sample.prompt, sample.seed);
                let mut place = Some(place);
                let taken = self.take(voice, draft, &sample, (n, attempt), ready, &mut place).await;
                handover.place = place;
                // A limiter answers before the model would have begun, and a name is given at once. Drawing the picture
                // is part of the model's latency, not on top of it.
                if !taken.at_once {
                    self.alarm.sleep_until(ready.into_std()).await;
                }
                (taken.fault, taken.answer)
            }
        };
        self.log.decided(n, fault, answer.reply.status, answer.charged);
        answer.into_response(handover)
    }

    /// What becomes of an order that was let in. One that gets a name keeps its place until it is ready.
    async fn take(
        &self,
        voice: &Voice,
        draft: &Draft,
        sample: &Sample,
        (n, attempt): (u64, u32),
        ready: Instant,
        place: &mut Option<Place>,
    ) -> Taken {
        let Some(model) = self.profile.model(&draft.model) else {
            return Taken::drawn(None, voice.say(draft, Act::NoModel));
        };
        let size = match size(draft, model) {
            Ok(size) => size,
            Err(words) => return Taken::drawn(None, voice.say(draft, Act::BadRequest(&words))),
        };
        let drawn = self.profile.fault(&sample.model, &sample.prompt, sample.seed);
        let fault = drawn
            .filter(|fault| model.faults.lasts(*fault, attempt))
            .filter(|fault| voice.can_show(*fault));
        let free = fault.is_some_and(Fault::is_free);
        let price = if free {
            Usd::ZERO
        } else {
            model.price_of(&draft.model, voice.kind.vocabulary.list_price)
        };
        if !self.credit.take(price) {
            return Taken::drawn(None, voice.say(draft, Act::OutOfCredit));
        }
        let order = Order {
            size,
            treatment: Treatment::of(fault),
            prompt: sample.prompt.clone(),
            model: sample.model.clone(),
            seed: sample.seed,
            encoding: Encoding::of(draft.media_type),
        };
        let commission = Commission { order, fault };
        if draft.delivery.by_job() && !ends_at_once(voice, draft, fault) {
            let name = name(sample, n);
            let answer = voice.say(draft, Act::Accepted { job: &name }).at(price);
            let until = model.expires.map(|span| ready + span.0);
            let (dialect, draft) = (voice.name(), draft.clone());
            self.jobs.put(name, Job { dialect, draft, commission, ready, until });
            let place = place.take();
            tokio::spawn(async move {
                tokio::time::sleep_until(ready).await;
                drop(place);
            });
            return Taken::at_once(fault, answer);
        }
        let answer = self.finish(voice, draft, model, &commission).await.at(price);
        Taken { fault, answer, at_once: fault == Some(Fault::RateLimited) }
    }

    /// The end of an order, whether it comes with the answer or by a name.
    async fn finish(
        &self,
        voice: &Voice,
        draft: &Draft,
        model: &Model,
        commission: &Commission,
    ) -> Answer {
        let fault = commission.fault;
        match fault {
            Some(Fault::RateLimited) => {
                voice.say(draft, Act::RateLimited(model.faults.retry_after()))
            }
            Some(Fault::ServerError) => voice.say(draft, Act::ServerFault),
            Some(Fault::Refused) => voice.refuse(draft),
            Some(Fault::RefusedOutput) => voice.say(draft, Act::Refused(Stage::Output)),
            Some(Fault::Empty) => voice.say(draft, Act::Empty),
            Some(Fault::Html) => Answer::ok("text/html; charset=utf-8", HTML),
            Some(Fault::JsonError) => Answer::json(200, &json_error()),
            _ if draft.delivery.by_address() => {
                let until = model.expires.map(|span| Instant::now() + span.0);
                let url = self.hang(&voice.base, commission.clone(), until);
                voice.say(draft, Act::Address { url: &url })
            }
            _ => match self.file(commission).await {
                Some(bytes) => {
                    let media_type = commission.order.encoding.content_type();
                    let answer = voice.say(draft, Act::Picture { bytes: &bytes, media_type });
                    answer.travelling(fault, &model.faults)
                }
                None => voice.say(draft, Act::ServerFault),
            },
        }
    }

    /// How an order with a name is getting on.
    pub(crate) async fn poll(&self, voice: &Voice, name: &str) -> Answer {
        let job = self.jobs.get(name).filter(|job| job.dialect == voice.name());
        let model = job.as_ref().and_then(|job| self.profile.model(&job.draft.model));
        let (Some(job), Some(model)) = (job, model) else {
            return voice.say(&Draft::default(), Act::NoJob);
        };
        let now = Instant::now();
        if now < job.ready {
            voice.say(&job.draft, Act::Pending { job: name })
        } else if job.until.is_some_and(|until| until <= now) {
            voice.say(&job.draft, Act::NoJob)
        } else {
            self.finish(voice, &job.draft, model, &job.commission).await
        }
    }

    /// A file, with the faults of files.
    async fn file(&self, commission: &Commission) -> Option<Bytes> {
        let order = &commission.order;
        let mut dice = Dice::of("damage", &order.model, &order.prompt, order.seed);
        let file = self.studio.make(order.clone()).await?;
        Some(match commission.fault {
            Some(Fault::Truncated) => truncated(&file, &mut dice),
            Some(Fault::BadHeader) => bad_header(&file, &mut dice),
            _ => file,
        })
    }

    /// Gives a picture an address.
    fn hang(&self, base: &str, commission: Commission, until: Option<Instant>) -> String {
        let order = &commission.order;
        let mut dice = Dice::of("address", &order.model, &order.prompt, order.seed);
        let shape = format!("{:?}{:?}", order.size, order.encoding);
        let id = format!("{:016x}{:016x}", dice.bits(), Dice::of(&shape, "", "", 0).bits());
        self.addresses.put(id.clone(), Hung { commission, until });
        format!("{base}/images/{id}")
    }

    /// `GET /images/ID`: the picture of an earlier request, with the faults of the file and of its way. It needs no key
    /// and costs nothing.
    pub(crate) async fn download(&self, id: &str) -> Answer {
        let gone = || Answer::error(404, "not_found", "There is no picture here, or no longer.");
        let Some(hung) = self.addresses.get(id) else { return gone() };
        let Commission { order, fault } = &hung.commission;
        let model = self.profile.model(&order.model);
        let (Some(model), false) = (model, hung.until.is_some_and(|it| it <= Instant::now()))
        else {
            return gone();
        };
        match self.file(&hung.commission).await {
            Some(file) => {
                Answer::ok(order.encoding.content_type(), file).travelling(*fault, &model.faults)
            }
            None => Answer::error(500, "renderer_failed", "The picture could not be drawn."),
        }
    }
}

/// Whether an order that would get a name is answered without one: an error of the server's, or a refusal that is an HTTP
/// error. A refusal under success is what a job ends in.
fn ends_at_once(voice: &Voice, draft: &Draft, fault: Option<Fault>) -> bool {
    match fault {
        Some(Fault::RateLimited | Fault::ServerError) => true,
        Some(Fault::Refused) => voice.refuse(draft).reply.status >= 400,
        _ => false,
    }
}

/// The name of an order: no two of a server are the same, and none can be guessed from another.
fn name(sample: &Sample, n: u64) -> String {
    let mut dice = sample.dice("job");
    let parts = [dice.bits(), dice.bits(), dice.bits(), n];
    parts.iter().map(|part| format!("{part:016x}")).collect()
}

/// The size of the picture: as asked; else the model's area in the aspect ratio that was asked for.
fn size(draft: &Draft, model: &Model) -> Result<Size, String> {
    match (draft.size, draft.aspect) {
        (Some((width, height)), _) => {
            Size::new(width, height).map_err(|error| format!("{width}x{height}: {error}"))
        }
        (None, Some((across, up))) => model
            .size
            .with_aspect((across, up))
            .ok_or_else(|| format!("no picture of {across}:{up} can be made")),
        (None, None) => Ok(model.size),
    }
}
