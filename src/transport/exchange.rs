//! One order, from the request to the picture: attempts, waits, charges.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use presscheck_core::policy::{Pricing, Provider, ProviderVocabulary};
use presscheck_core::providers::{
    Answer, Asker, Call, Dialect, Fault, FaultKind, Order, Question, Reply,
};
use presscheck_core::units::CostBasis;
use presscheck_core::units::{Cost, Usd};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::client::{Client, ClientOptions};
use super::follow::{Again, Ended, unauthorised};
use super::google::GoogleTokens;
use super::hosts::Hosts;
use super::limits::{Limiter, Permit};
use super::retry::{Next, RetryPolicy, retry_after_of};
use super::secret::Secrets;

/// One provider, set up: its dialect, its client, its limits, its keys.
pub struct Line {
    name: String,
    pub(super) dialect: Box<dyn Dialect>,
    pub(super) client: Client,
    pub(super) limits: Limiter,
    pub(super) secrets: Secrets,
    pub(super) hosts: Hosts,
    pub(super) google: GoogleTokens,
    pricing: Pricing,
    paid_attempts: u32,
    pub(super) retry: RetryPolicy,
    pub(super) timeout: Duration,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is wanted of a provider.
#[derive(Clone, Copy)]
pub(super) enum Job<'a> {
    /// A picture.
    Draw(&'a Order<'a>),
    /// An answer to a question.
    Answer(&'a dyn Asker, &'a Question),
}

impl Job<'_> {
    fn model(&self) -> &str {
        match self {
            Self::Draw(order) => order.model,
            Self::Answer(_, question) => &question.model,
        }
    }

    fn params(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        match self {
            Self::Draw(order) => order.params,
            Self::Answer(..) => &NONE,
        }
    }
}

/// What an attempt may have cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Nothing.
    None,
    /// The price, or what the answer said.
    Price,
    /// Nobody knows; the price is counted.
    Unknown,
}

/// One attempt, for the evidence. No text in it holds a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Milliseconds from the start of the exchange to the start of this attempt, waits included.
    pub started_ms: u64,
    /// Milliseconds from sending to the last byte, downloads and polls included.
    pub latency_ms: u64,
    /// The status of its last reply, where one came.
    pub status: Option<u16>,
    /// What went wrong, where something did that is not the picture's fault.
    pub fault: Option<FaultKind>,
    /// The provider's words, or ours.
    pub words: String,
    /// What it may have cost.
    pub charge: Charge,
}

/// An order and all that came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// How it ended.
    pub answer: Answer,
    /// Every attempt, in order; none where the order could not even be expressed.
    pub attempts: Vec<Attempt>,
    /// How long the last attempt took, from sending to the last byte, without waits for leave to send.
    pub latency: Option<Duration>,
    /// What all attempts cost together.
    pub charged: Usd,
    /// How well that is known.
    pub cost_basis: CostBasis,
}

impl Line {
    /// Sets a provider up. Keys are read through `lookup`, names that the policy lists and no others.
    ///
    /// # Errors
    /// A sentence: a key that is missing, a `url` that is not https, TLS that can't be set up. Nothing
    /// was sent.
    pub fn open(
        provider: &Provider,
        vocabulary: &ProviderVocabulary,
        dialect: Box<dyn Dialect>,
        lookup: impl Fn(&str) -> Option<String>,
        options: &ClientOptions,
    ) -> Result<Self, String> {
        let name = &provider.name;
        let in_words = |error: String| format!("provider `{name}`: {error}; nothing was sent");
        let secrets = Secrets::load(provider.api_key_env.iter().map(String::as_str), lookup)
            .map_err(|missing| {
                in_words(format!(
                    "no value in the environment for `{}`, which its `api_key_env` lists",
                    missing.join("`, `")
                ))
            })?;
        let default_url = vocabulary.default_url.and_then(|url| url.parse().ok());
        // A kind whose address follows from its settings knows it itself.
        let own = provider.url.as_ref().or(dialect.home()).or(default_url.as_ref());
        let listed =
            vocabulary.hosts.iter().copied().chain(provider.hosts.iter().map(String::as_str));
        let hosts = Hosts::new(own, listed).map_err(in_words)?;
        // Well within the whole, so that a host that can't be reached is told from a silent one.
        let connect_timeout = options.connect_timeout.min(provider.timeout / 2);
        let options = ClientOptions { connect_timeout, ..options.clone() };
        let google = GoogleTokens::new(own, &options).map_err(in_words)?;
        Ok(Self {
            name: name.clone(),
            google,
            dialect,
            client: Client::new(&hosts, &options).map_err(in_words)?,
            limits: Limiter::new(provider.pace()),
            secrets,
            hosts,
            pricing: provider.pricing(),
            paid_attempts: provider.paid_attempts(),
            retry: RetryPolicy { retries: provider.retries, retry_unknown: provider.retry_unknown },
            timeout: provider.timeout,
        })
    }

    /// The provider's name in the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dialect's version, for the identity of a sample.
    #[must_use]
    pub fn dialect_version(&self) -> u32 {
        self.dialect.version()
    }

    /// The version of the part that answers questions, where the provider has one.
    #[must_use]
    pub fn asker_version(&self) -> Option<u32> {
        self.dialect.asker().map(Asker::version)
    }

    /// The price of one image of a model: the policy's or the listed one.
    #[must_use]
    pub fn price(&self, model: &str, params: &Map<String, Value>) -> Option<Usd> {
        self.pricing.most(model, params).map(|cost| cost.amount)
    }

    /// The most that one [`Line::ask`] can cost: the price once, or once for each attempt that may have to be paid. To be reserved before asking.
    #[must_use]
    pub fn worst_case(&self, model: &str, params: &Map<String, Value>) -> Option<Usd> {
        let price = self.price(model, params)?;
        Some(Usd::from_decimal(price.as_decimal().saturating_mul(self.paid_attempts.into())))
    }

    /// The same of a question.
    #[must_use]
    pub fn worst_case_of_question(&self, model: &str) -> Option<Usd> {
        self.worst_case(model, &Map::new())
    }

    /// A text without any of this provider's keys.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// Asks for a picture: begin, send, understand, then downloads or polls, with repeats where they are
    /// safe. Always ends in an answer.
    ///
    /// Each attempt is under the provider's `timeout`; all attempts keep its concurrency and rate. Nothing
    /// is reserved here: the caller holds a [`Reservation`](super::Reservation) over
    /// [`Line::worst_case`].
    pub async fn ask(&self, order: &Order<'_>) -> Exchange {
        let (_held, stop) = watch::channel(false);
        loop {
            if let Some(exchange) = self.ask_unless(order, stop.clone()).await {
                return exchange;
            }
        }
    }

    /// The same for a run that may end meanwhile: nothing where `stop` became true before anything was
    /// charged, while this waited for leave to send or for the time of a repeat. A request that is on its way
    /// is always seen to its end, for its answer is paid for.
    pub async fn ask_unless(
        &self,
        order: &Order<'_>,
        stop: watch::Receiver<bool>,
    ) -> Option<Exchange> {
        self.exchange(Job::Draw(order), self.dialect.begin(order), stop).await
    }

    /// The same for a question: its answer is [`Answer::Words`] where one came.
    pub async fn question_unless(
        &self,
        question: &Question,
        stop: watch::Receiver<bool>,
    ) -> Option<Exchange> {
        let Some(asker) = self.dialect.asker() else {
            let words = "this kind of provider answers no questions".to_owned();
            let fault = Fault { kind: FaultKind::BadRequest, words, retry_after: None };
            return Some(Record::new(None).close(Answer::Fault(fault)));
        };
        self.exchange(Job::Answer(asker, question), asker.pose(question), stop).await
    }

    async fn exchange(
        &self,
        job: Job<'_>,
        call: Result<Call, String>,
        stop: watch::Receiver<bool>,
    ) -> Option<Exchange> {
        let mut record = Record::new(Some((&self.pricing, job)));
        let call = match call {
            Ok(call) => call,
            Err(words) => {
                let words = self.redact(&words);
                let kind = FaultKind::BadRequest;
                return Some(record.close(Answer::Fault(Fault { kind, words, retry_after: None })));
            }
        };
        let mut failed = 0;
        loop {
            let permit = tokio::select! {
                biased;
                () = stopped(stop.clone()), if record.charged.is_zero() => return None,
                permit = self.limits.admit(job.model()) => permit,
            };
            let ended = self.attempt(job, &call, &mut record, permit).await;
            let Answer::Fault(mut fault) = ended.answer else {
                return Some(record.close(ended.answer));
            };
            failed += 1;
            let next = match ended.again {
                Again::Never => Next::GiveUp(None),
                Again::AsPolicy => {
                    self.retry.next(failed, fault.kind, fault.retry_after, rand::random())
                }
            };
            match next {
                Next::Again(wait) => tokio::select! {
                    biased;
                    () = stopped(stop.clone()), if record.charged.is_zero() => return None,
                    () = sleep(wait) => {}
                },
                Next::GiveUp(reason) => {
                    if let Some(reason) = reason {
                        fault.words = format!("{} ({reason})", fault.words);
                    }
                    return Some(record.close(Answer::Fault(fault)));
                }
            }
        }
    }

    /// One attempt, with leave of the provider's limits, written down.
    async fn attempt(
        &self,
        job: Job<'_>,
        call: &Call,
        record: &mut Record<'_>,
        permit: Permit,
    ) -> Ended {
        // An access token is got before the clock starts: that is no part of the model's latency.
        let token = self.google.of_call(call, &self.secrets, Instant::now() + self.timeout).await;
        let started = Instant::now();
        let mut ended = match (token, job) {
            (Err(fault), _) => unauthorised(&fault),
            (Ok(_), Job::Draw(order)) => self.run(order, call, started + self.timeout).await,
            (Ok(_), Job::Answer(asker, question)) => {
                self.put(asker, question, call, started + self.timeout).await
            }
        };
        let latency = started.elapsed();
        match &ended.answer {
            Answer::Fault(fault) if fault.kind == FaultKind::RateLimited => permit.rejected(),
            Answer::Fault(_) => {}
            _ => permit.served(),
        }
        drop(permit);
        ended.answer = self.clean(ended.answer);
        // A wait that a download asks for is no matter of the provider's other requests.
        if let Answer::Fault(fault) = &ended.answer
            && ended.again == Again::AsPolicy
        {
            self.pause_for(fault);
        }
        record.add(started, latency, &ended);
        ended
    }

    /// An answer whose words hold no key, whatever the provider echoes.
    fn clean(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Image { bytes, content_type, cost } => Answer::Image {
                bytes,
                content_type: content_type.map(|text| self.redact(&text)),
                cost,
            },
            Answer::Words { text, cost } => Answer::Words { text: self.redact(&text), cost },
            Answer::Refused { stage, words } => {
                Answer::Refused { stage, words: self.redact(&words) }
            }
            Answer::Broken { kind, words } => Answer::Broken { kind, words: self.redact(&words) },
            Answer::Fault(fault) => {
                Answer::Fault(Fault { words: self.redact(&fault.words), ..fault })
            }
        }
    }
}

/// What is written down on the way.
struct Record<'a> {
    began: Instant,
    /// How what is asked for is paid.
    paying: Option<(&'a Pricing, Job<'a>)>,
    attempts: Vec<Attempt>,
    latency: Option<Duration>,
    charged: Usd,
    basis: CostBasis,
}

impl<'a> Record<'a> {
    fn new(paying: Option<(&'a Pricing, Job<'a>)>) -> Self {
        Self {
            began: Instant::now(),
            paying,
            attempts: Vec::new(),
            latency: None,
            charged: Usd::ZERO,
            basis: CostBasis::Exact,
        }
    }

    fn add(&mut self, started: Instant, latency: Duration, ended: &Ended) {
        let (fault, words) = match &ended.answer {
            Answer::Image { .. } | Answer::Words { .. } => (None, String::new()),
            Answer::Refused { words, .. } | Answer::Broken { words, .. } => (None, words.clone()),
            Answer::Fault(fault) => (Some(fault.kind), fault.words.clone()),
        };
        let said = match &ended.answer {
            Answer::Image { cost, .. } | Answer::Words { cost, .. } => cost.or(ended.cost),
            _ => ended.cost,
        };
        match ended.charge {
            // A machine of one's own is paid for by the time, whatever came of it.
            Charge::None if !self.by_time() => {}
            Charge::Unknown if !self.by_time() => {
                self.charged += self.most().or(said).map_or(Usd::ZERO, |cost| cost.amount);
                self.basis = CostBasis::Unknown;
            }
            _ => match self.cost(said, latency) {
                Some(cost) => {
                    self.charged += cost.amount;
                    self.basis = self.basis.max(cost.basis);
                }
                // Charged, and nobody knows how much.
                None => self.basis = CostBasis::Unknown,
            },
        }
        self.latency = Some(latency);
        self.attempts.push(Attempt {
            started_ms: millis(started.duration_since(self.began)),
            latency_ms: millis(latency),
            status: ended.status,
            fault,
            words,
            charge: ended.charge,
        });
    }

    fn by_time(&self) -> bool {
        self.paying.is_some_and(|(pricing, _)| pricing.gpu_hour.is_some())
    }

    /// The most that one attempt costs.
    fn most(&self) -> Option<Cost> {
        let (pricing, job) = self.paying?;
        pricing.most(job.model(), job.params())
    }

    /// What an attempt that is charged did cost.
    fn cost(&self, said: Option<Cost>, took: Duration) -> Option<Cost> {
        match self.paying {
            Some((pricing, job)) => pricing.charged(job.model(), job.params(), said, took),
            None => said,
        }
    }

    fn close(self, answer: Answer) -> Exchange {
        Exchange {
            answer,
            attempts: self.attempts,
            latency: self.latency,
            charged: self.charged,
            cost_basis: self.basis,
        }
    }
}

/// Waits until the run ends; for ever where it never does.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending().await
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The wait that a fault asks for: what the dialect read from the body, else what the headers say.
pub(super) fn with_wait(fault: Fault, reply: &Reply) -> Fault {
    let retry_after = fault.retry_after.or_else(|| retry_after_of(reply, SystemTime::now()));
    Fault { retry_after, ..fault }
}
