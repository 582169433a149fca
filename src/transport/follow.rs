//! One attempt: the call, and the downloads and polls that follow from it.

use std::time::{Duration, SystemTime};

use presscheck_core::providers::{
    Answer, Asker, Call, Fault, FaultKind, Order, Question, Reply, Stage, Step,
};
use presscheck_core::units::Cost;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::aws::{add_signature, signature_in};
use super::client::Outgoing;
use super::exchange::{Charge, Line, with_wait};
use super::fault::TransportFault;
use super::retry::{LONGEST_WAIT, Next, RetryPolicy, backoff};

/// The shortest time between two polls, whatever a provider suggests.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// The longest reply to a question, in bytes: some sentences, and what a vendor says besides.
const MAX_REPLY: u64 = 4 << 20;

/// The most calls that an order takes before it is made: two pictures, and the order itself.
const MOST_CALLS: u32 = 3;

/// How often a poll or a download is repeated at least: it costs nothing, and what it asks for is paid.
const FREE_RETRIES: u32 = 3;

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) answer: Answer,
    /// The status of the last reply.
    pub(super) status: Option<u16>,
    pub(super) charge: Charge,
    /// What the replies said that it cost.
    pub(super) cost: Option<Cost>,
    pub(super) again: Again,
}

/// Whether an attempt may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// As the provider's policy says.
    AsPolicy,
    /// No: the picture exists and is paid, and asking again would buy another.
    Never,
}

/// What is known while an attempt goes on.
#[derive(Debug, Default)]
struct Progress {
    status: Option<u16>,
    /// What the replies said so far that it cost.
    cost: Option<Cost>,
    /// Whether the last of them said so.
    said_last: bool,
}

impl Progress {
    /// Keeps what a reply said of its cost.
    fn hear(&mut self, said: Option<Cost>) {
        self.said_last = said.is_some();
        self.cost = said.or(self.cost);
    }

    fn end(self, answer: Answer, charge: Charge) -> Ended {
        Ended { answer, status: self.status, charge, cost: self.cost, again: Again::AsPolicy }
    }
}

impl Line {
    /// Makes the call and follows where it leads, until the deadline.
    pub(super) async fn run(&self, order: &Order<'_>, call: &Call, deadline: Instant) -> Ended {
        let mut progress = Progress::default();
        let mut reply = match self.call(call, deadline, None).await {
            Ok(reply) => reply,
            Err(fault) => return unanswered(progress, &fault),
        };
        let mut polled: Option<Call> = None;
        let mut calls = 1;
        loop {
            progress.status = Some(reply.status);
            progress.hear(self.dialect.cost(order.model, &reply));
            let meaning = match &polled {
                Some(_) => self.dialect.polled(order, &reply),
                None => self.dialect.understand(order, &reply),
            };
            let (next, wait) = match (meaning, polled.take()) {
                (Step::Done(answer), _) => return done(progress, answer, &reply),
                (Step::Fetch(url), _) => return self.fetch(progress, &url, deadline).await,
                (Step::Next(next), _) if calls < MOST_CALLS => {
                    calls += 1;
                    reply = match self.call(&next, deadline, None).await {
                        Ok(reply) => reply,
                        Err(fault) => return unanswered(progress, &fault),
                    };
                    continue;
                }
                (Step::Next(_), _) => {
                    let words = format!("the order was not made after {MOST_CALLS} calls");
                    let fault = Fault { kind: FaultKind::BadRequest, words, retry_after: None };
                    return done(progress, Answer::Fault(fault), &reply);
                }
                (Step::Poll(next, wait), _) => (next, wait),
                (Step::Again(wait), Some(last)) => (last, wait),
                // To repeat the order itself would buy another picture.
                (Step::Again(_), None) => return done(progress, unnamed(), &reply),
            };
            reply = match self.poll(order, &next, wait, deadline, &mut progress).await {
                Ok(reply) => reply,
                Err((kind, words)) => return lost(progress, kind, words),
            };
            polled = Some(next);
        }
    }

    /// Puts a question, until the deadline.
    pub(super) async fn put(
        &self,
        asker: &dyn Asker,
        question: &Question,
        call: &Call,
        deadline: Instant,
    ) -> Ended {
        let mut progress = Progress::default();
        let reply = match self.call(call, deadline, Some(MAX_REPLY)).await {
            Ok(reply) => reply,
            Err(fault) => return unanswered(progress, &fault),
        };
        progress.status = Some(reply.status);
        progress.hear(self.dialect.cost(&question.model, &reply));
        let answer = asker.hear(question, &reply);
        // A refusal under success was thought about: whether that is charged, no vendor says.
        let refused =
            (200..300).contains(&reply.status) && matches!(answer, Answer::Refused { .. });
        let ended = done(progress, answer, &reply);
        if refused { Ended { charge: Charge::Unknown, ..ended } } else { ended }
    }

    /// A call of the dialect, keys filled in, to a listed host.
    async fn call(
        &self,
        call: &Call,
        deadline: Instant,
        max_bytes: Option<u64>,
    ) -> Result<Reply, TransportFault> {
        self.hosts.check(&call.url).map_err(TransportFault::Refused)?;
        let method = match call.method {
            "GET" => Method::GET,
            "POST" => Method::POST,
            other => return Err(TransportFault::Refused(format!("`{other}` is never sent"))),
        };
        let token = self.google.of_call(call, &self.secrets, deadline).await?;
        let mut headers = HeaderMap::new();
        let mut signature = None;
        for (name, parts) in &call.headers {
            if let Some(scope) = signature_in(parts) {
                signature = Some(scope);
                continue;
            }
            let value = self.secrets.header(name, parts, token.as_deref());
            let value = value.map_err(TransportFault::Refused)?;
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| TransportFault::Refused("a header's name can't be sent".to_owned()))?;
            headers.append(name, value);
        }
        if let Some(scope) = signature {
            add_signature(scope, call, &mut headers, &self.secrets, SystemTime::now())
                .map_err(TransportFault::Unauthorised)?;
        }
        let body = call.body.clone();
        self.client
            .send(&Outgoing { method, url: &call.url, headers, body, deadline, max_bytes })
            .await
    }

    /// Polls until a reply says something: a poll that fails is repeated, since it costs nothing.
    async fn poll(
        &self,
        order: &Order<'_>,
        call: &Call,
        wait: Duration,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Reply, (FaultKind, String)> {
        let late = || (FaultKind::TimeoutUnknown, "the picture was not ready in time".to_owned());
        // A provider may suggest anything; the sum with the clock must not overflow.
        let mut wait = wait.clamp(SHORTEST_POLL, LONGEST_WAIT);
        let mut failed = 0;
        loop {
            let next = Instant::now() + wait;
            if next >= deadline {
                return Err(late());
            }
            sleep_until(next).await;
            // A pause that reaches past the deadline is cut off by it.
            if tokio::time::timeout_at(deadline, self.limits.wait_out_pause()).await.is_err() {
                return Err(late());
            }
            let fault = match self.call(call, deadline, None).await {
                Ok(reply) => match self.dialect.polled(order, &reply) {
                    Step::Done(Answer::Fault(fault)) if reply.status >= 400 => {
                        progress.status = Some(reply.status);
                        let fault = with_wait(fault, &reply);
                        self.pause_for(&fault);
                        fault
                    }
                    _ => return Ok(reply),
                },
                Err(fault) => Fault {
                    kind: fault.kind().unwrap_or(FaultKind::BadRequest),
                    words: fault.to_string(),
                    retry_after: None,
                },
            };
            failed += 1;
            // What the provider says of the order itself is kept; else nobody knows what becomes of it.
            let kind = match fault.kind {
                kind @ (FaultKind::ResultExpired | FaultKind::BadRequest) => kind,
                _ => FaultKind::TimeoutUnknown,
            };
            let again = self.again_for_free(failed, &fault).map_err(|words| (kind, words))?;
            wait = again.max(SHORTEST_POLL);
        }
    }

    /// Downloads a picture: no key, a listed host, a public address.
    async fn fetch(&self, mut progress: Progress, url: &Url, deadline: Instant) -> Ended {
        let mut failed = 0;
        loop {
            let fault = match self.download(url, deadline).await {
                Ok(reply) => {
                    progress.status = Some(reply.status);
                    match self.dialect.fetched(&reply) {
                        Answer::Fault(fault) => with_wait(fault, &reply),
                        answer => return paid(progress, answer),
                    }
                }
                Err(TransportFault::TooLarge { limit }) => {
                    return paid(progress, too_large(limit));
                }
                Err(fault) => Fault {
                    kind: fault.kind().unwrap_or(FaultKind::BadRequest),
                    words: format!("the picture's address: {fault}"),
                    retry_after: None,
                },
            };
            failed += 1;
            match self.again_for_free(failed, &fault) {
                Ok(wait) if Instant::now() + wait < deadline => {
                    sleep_until(Instant::now() + wait).await;
                }
                Ok(_) => return paid(progress, Answer::Fault(fault)),
                Err(words) => return paid(progress, Answer::Fault(Fault { words, ..fault })),
            }
        }
    }

    async fn download(&self, url: &Url, deadline: Instant) -> Result<Reply, TransportFault> {
        self.hosts.check(url).map_err(TransportFault::Refused)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("image/*"));
        let body = bytes::Bytes::new();
        self.client
            .send(&Outgoing { method: Method::GET, url, headers, body, deadline, max_bytes: None })
            .await
    }

    /// Holds all requests of the provider back for as long as it asks, within reason.
    pub(super) fn pause_for(&self, fault: &Fault) {
        if let Some(wait) = fault.retry_after
            && fault.kind.is_transient()
            && wait <= LONGEST_WAIT
        {
            self.limits.pause(wait);
        }
    }

    /// The wait before a `GET` is repeated, or the words of the last failure.
    fn again_for_free(&self, failed: u32, fault: &Fault) -> Result<Duration, String> {
        let policy =
            RetryPolicy { retries: self.retry.retries.max(FREE_RETRIES), retry_unknown: true };
        match policy.next(failed, fault.kind, fault.retry_after, rand::random()) {
            // A polite least wait, so that dice alone never hammer a download.
            Next::Again(wait) => Ok(wait.max(backoff(failed, 0.2))),
            Next::GiveUp(Some(reason)) => Err(format!("{} ({reason})", fault.words)),
            Next::GiveUp(None) => Err(fault.words.clone()),
        }
    }
}

/// Nothing was sent, for want of what stands for the key.
pub(super) fn unauthorised(fault: &TransportFault) -> Ended {
    unanswered(Progress::default(), fault)
}

/// The first call brought no reply.
fn unanswered(progress: Progress, fault: &TransportFault) -> Ended {
    if let TransportFault::TooLarge { limit } = fault {
        return progress.end(too_large(*limit), Charge::Price);
    }
    let kind = fault.kind().unwrap_or(FaultKind::BadRequest);
    let charge = if kind == FaultKind::TimeoutUnknown { Charge::Unknown } else { Charge::None };
    let words = fault.to_string();
    progress.end(Answer::Fault(Fault { kind, words, retry_after: None }), charge)
}

/// A reply ended the attempt.
fn done(progress: Progress, answer: Answer, reply: &Reply) -> Ended {
    let success = (200..300).contains(&reply.status);
    let charge = match &answer {
        Answer::Image { .. } | Answer::Words { .. } => Charge::Price,
        Answer::Broken { .. } if success => Charge::Price,
        // A picture that was drawn and then withheld may have been charged.
        Answer::Refused { stage: Stage::Output, .. } => Charge::Unknown,
        Answer::Broken { .. } | Answer::Refused { .. } => Charge::None,
        Answer::Fault(Fault { kind: FaultKind::TimeoutUnknown, .. }) => Charge::Unknown,
        // A job that the provider reports as failed is not charged; nor is a request that it turned away.
        Answer::Fault(_) => Charge::None,
    };
    // A reply that says its own cost knows better; what an earlier one said was the price of a picture, and none came.
    let charge = match (charge, progress.cost.filter(|_| progress.said_last)) {
        (Charge::None, Some(cost)) if !cost.amount.is_zero() => Charge::Price,
        // So does one that says that what it refused is free.
        (Charge::Unknown, Some(cost)) if matches!(answer, Answer::Refused { .. }) => {
            if cost.amount.is_zero() { Charge::None } else { Charge::Price }
        }
        _ => charge,
    };
    let answer = match answer {
        Answer::Fault(fault) => Answer::Fault(with_wait(fault, reply)),
        answer => answer,
    };
    progress.end(answer, charge)
}

/// An order that is said to be under way, without a word of where to ask for it.
fn unnamed() -> Answer {
    Answer::Broken {
        kind: "no_job".to_owned(),
        words: "the order is said to be under way, but not where to ask for it".to_owned(),
    }
}

/// The picture was being made, and was lost sight of.
fn lost(progress: Progress, kind: FaultKind, words: String) -> Ended {
    let fault = Fault { kind, words, retry_after: None };
    // What can no longer be had was made, and is paid.
    let gone = kind == FaultKind::ResultExpired;
    let charge = if gone { Charge::Price } else { Charge::Unknown };
    progress.end(Answer::Fault(fault), charge)
}

/// The picture was made; whatever came of its download, it is paid and not bought again.
fn paid(progress: Progress, answer: Answer) -> Ended {
    let answer = match answer {
        Answer::Image { bytes, content_type, cost } => {
            Answer::Image { bytes, content_type, cost: cost.or(progress.cost) }
        }
        answer => answer,
    };
    Ended { again: Again::Never, ..progress.end(answer, Charge::Price) }
}

fn too_large(limit: u64) -> Answer {
    Answer::Broken {
        kind: "too_large".to_owned(),
        words: format!("the answer is over the limit of {limit} bytes"),
    }
}
