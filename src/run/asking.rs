//! What checks ask of providers: reserved, asked, kept; read from the store where it is there.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use presscheck_core::checks::{Asked, Asking, Heard, Program, Unsaid};
use presscheck_core::inert::one_line;
use presscheck_core::policy::canonical;
use presscheck_core::providers::{Answer, FaultKind, Question};
use presscheck_core::units::CostBasis;
use presscheck_core::units::{Digest, Seed, Usd};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::Halt;
use super::sample::{Shop, Supplier};
use crate::store::{Identity, Lookup, Record, StoredAnswer};

/// What this run has spent on answers to checks; a part of what it spent.
#[derive(Debug, Default)]
pub(super) struct Spent(Mutex<Usd>);

impl Spent {
    fn add(&self, amount: Usd) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += amount;
    }

    /// The sum so far.
    pub(super) fn sum(&self) -> Usd {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many rejections, with no question accepted before, mean that a provider rejects them all: the votes of some
/// questions, for one picture alone may be what it does not take.
const ALWAYS_REJECTED: u32 = 9;

/// How often each provider rejected the questions for a model; nothing of one that took any.
#[derive(Debug, Default)]
pub(super) struct Rejections(Mutex<BTreeMap<(String, String), Option<u32>>>);

impl Rejections {
    /// Counts an answer, and tells whether it is one rejection too many.
    fn too_many(&self, provider: &str, model: &str, answer: &Answer) -> bool {
        let rejected = match answer {
            Answer::Fault(fault) if fault.kind == FaultKind::BadRequest => true,
            // An outage tells neither.
            Answer::Fault(_) => return false,
            _ => false,
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((provider.to_owned(), model.to_owned())).or_insert(Some(0));
        *count = if rejected { count.map(|count| count.saturating_add(1)) } else { None };
        rejected && count.is_some_and(|count| count >= ALWAYS_REJECTED)
    }
}

/// As many programs at once as there are cores.
pub(super) fn programs() -> Semaphore {
    Semaphore::new(std::thread::available_parallelism().map_or(2, Into::into))
}

/// For whom something is asked.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    /// The run's name, under which unanswered questions count as asked.
    pub(super) run: &'a str,
    /// Whether only stored answers may be used.
    pub(super) only_stored: bool,
    /// Becomes true when nothing more of this subject is to be sent.
    pub(super) closing: &'a watch::Sender<bool>,
}

/// What was heard, check by check, and what the answers cost when they were bought.
pub(super) type Answers = (Vec<(usize, Vec<Heard>)>, Usd);

type Said = (Result<String, Unsaid>, Usd);

/// The answers that the verdict rests on: written down in a run, and all that there is in a replay.
#[derive(Debug)]
pub(super) enum Told {
    /// What was heard so far.
    Now(Mutex<BTreeMap<Digest, Record>>),
    /// What was heard then. Nobody is asked.
    Then(BTreeMap<Digest, Record>),
}

impl Default for Told {
    fn default() -> Self {
        Self::Now(Mutex::default())
    }
}

impl Told {
    fn add(&self, record: &Record) {
        if let Self::Now(heard) = self {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.insert(record.key, record.clone());
        }
    }

    /// All of them, by their keys.
    pub(super) fn all(&self) -> Vec<Record> {
        match self {
            Self::Now(heard) => {
                let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.values().cloned().collect()
            }
            Self::Then(heard) => heard.values().cloned().collect(),
        }
    }
}

/// Why a question has no answer in a replay.
const NEVER_ASKED: &str = "nobody was asked this in the run that is replayed";

impl Shop {
    /// The answers to all that the checks ask about one picture; nothing where only stored ones may be used and one is
    /// missing.
    ///
    /// # Errors
    /// Where buying must stop.
    pub(super) async fn answers(
        &self,
        asked: &[Asked],
        asker: Asker<'_>,
    ) -> Result<Option<Answers>, Halt> {
        let mut all = Vec::with_capacity(asked.len());
        let mut cost = Usd::ZERO;
        for Asked { check, askings } in asked {
            // All are seen to their end, even where one fails: what is on its way is paid for.
            let ended = join_all(askings.iter().map(|asking| self.heard(asking, asker))).await;
            let mut heard = Vec::with_capacity(ended.len());
            for end in together(ended)? {
                let Some((one, charged)) = end else { return Ok(None) };
                cost += charged;
                heard.push(one);
            }
            all.push((*check, heard));
        }
        Ok(Some((all, cost)))
    }

    async fn heard(&self, asking: &Asking, asker: Asker<'_>) -> Result<Option<(Heard, Usd)>, Halt> {
        let (provider, question, votes) = match asking {
            Asking::Provider { provider, question, votes } => (provider, question, *votes),
            Asking::Program(program) => {
                let printed = self.printed(program, asker).await?;
                return Ok(Some((Heard::Printed(printed), Usd::ZERO)));
            }
        };
        let supplier = self.suppliers.get(provider).ok_or_else(|| {
            let name = one_line(provider, 60);
            Halt::CouldNotRun(format!("the policy has no provider `{name}`"))
        })?;
        let vote = |vote: u32| {
            let seed = Seed(question.seed.0.wrapping_add(vote.into()));
            let question = Question { seed, ..question.clone() };
            async move { self.vote(supplier, &question, asker).await }
        };
        let mut said = Vec::new();
        let mut cost = Usd::ZERO;
        for end in together(join_all((0..votes).map(vote)).await)? {
            let Some((one, charged)) = end else { return Ok(None) };
            cost += charged;
            said.push(one);
        }
        Ok(Some((Heard::Votes(said), cost)))
    }

    /// What a program says of a picture: as stored where it said something before, so that a run that is repeated
    /// judges by the same words. It costs nothing, so it is run where only stored answers may be used, too.
    async fn printed(
        &self,
        program: &Program,
        asker: Asker<'_>,
    ) -> Result<Result<String, String>, Halt> {
        let identity = identity_of(program);
        let key = identity.key();
        if let Some(record) = self.kept(&key).await? {
            let printed = match &record.answer {
                StoredAnswer::Words { text } => Some(Ok(text.clone())),
                StoredAnswer::Unavailable { words, .. } if record.run == asker.run => {
                    Some(Err(words.clone()))
                }
                _ => None,
            };
            if let Some(printed) = printed {
                self.told.add(&record);
                return Ok(printed);
            }
        }
        if matches!(self.told, Told::Then(_)) {
            return Ok(Err(NEVER_ASKED.to_owned()));
        }
        let printed = match self.programs.acquire().await {
            Ok(_turn) => super::program::run(program).await,
            Err(error) => Err(error.to_string()),
        };
        let printed = printed.and_then(|text| program.understands(&text).map(|()| text));
        let answer = match &printed {
            Ok(text) => StoredAnswer::Words { text: text.clone() },
            Err(why) => {
                StoredAnswer::Unavailable { what: "program".to_owned(), words: one_line(why, 500) }
            }
        };
        let record = Record {
            key,
            identity,
            bought_ms: (self.clock)(),
            run: asker.run.to_owned(),
            answer,
            latency_ms: None,
            charged: Usd::ZERO,
            cost_basis: CostBasis::Exact,
            attempts: Vec::new(),
        };
        self.store.keep(&record, None).await?;
        self.told.add(&record);
        Ok(printed)
    }

    /// What is stored under a key, where stored answers count.
    async fn kept(&self, key: &Digest) -> Result<Option<Record>, Halt> {
        if let Told::Then(heard) = &self.told {
            return Ok(heard.get(key).cloned());
        }
        if !self.resume {
            return Ok(None);
        }
        Ok(match self.store.sample(key).await? {
            Lookup::Found(record) => Some(record),
            Lookup::Missing => None,
            Lookup::Damaged => {
                self.damaged.fetch_add(1, Ordering::Relaxed);
                None
            }
        })
    }

    async fn vote(
        &self,
        supplier: &Supplier,
        question: &Question,
        asker: Asker<'_>,
    ) -> Result<Option<Said>, Halt> {
        let line = &supplier.line;
        let identity = Identity {
            form: 1,
            dialect: format!("{}:ask", supplier.kind),
            dialect_version: line.asker_version().unwrap_or(0),
            provider: supplier.fingerprint.clone(),
            model: question.model.clone(),
            params: canonical(&question.params()),
            prompt: question.text.clone(),
            seed: question.seed,
            input: None,
            mask: None,
            burst: None,
        };
        let key = identity.key();
        if let Some(record) = self.kept(&key).await? {
            let said = read(&record.answer);
            // An outage says nothing for good: only the round that saw it counts it.
            let away = said.as_ref().is_some_and(|it| matches!(it, Err(it) if it.unavailable));
            if let Some(said) = said.filter(|_| !away || record.run == asker.run) {
                self.told.add(&record);
                return Ok(Some((said, record.charged)));
            }
        }
        if matches!(self.told, Told::Then(_)) {
            let words = NEVER_ASKED.to_owned();
            return Ok(Some((Err(Unsaid { unavailable: true, words }), Usd::ZERO)));
        }
        if asker.only_stored {
            return Ok(None);
        }
        let worst = line.worst_case_of_question(&question.model).ok_or_else(|| {
            let (model, provider) = (one_line(&question.model, 80), line.name());
            Halt::CouldNotRun(format!("the policy gives no price for `{model}` of `{provider}`"))
        })?;
        let reservation = self.budget.reserve(worst).ok_or(Halt::Budget)?;
        let Some(exchange) = line.question_unless(question, asker.closing.subscribe()).await else {
            reservation.settle(Usd::ZERO);
            return Err(Halt::Stopped);
        };
        reservation.settle(exchange.charged);
        self.checks_spent.add(exchange.charged);
        let too_many = self.rejections.too_many(line.name(), &question.model, &exchange.answer);
        if let Answer::Fault(fault) = &exchange.answer
            && (fault.kind.is_fatal() || too_many)
        {
            // No verdict will come: what waits for its turn must not be sent any more.
            asker.closing.send_replace(true);
            return Err(Halt::CheckFatal {
                kind: fault.kind,
                provider: line.name().to_owned(),
                model: question.model.clone(),
                words: fault.words.clone(),
            });
        }
        let (mut record, _) = self.record(&exchange, identity, key, asker.run);
        if let Answer::Fault(fault) = &exchange.answer {
            // A request that is rejected says as little of the picture as an outage.
            let (what, words) = (fault.kind.word().to_owned(), fault.words.clone());
            record.answer = StoredAnswer::Unavailable { what, words };
        }
        self.store.keep(&record, None).await?;
        self.told.add(&record);
        let said = read(&record.answer).unwrap_or_else(|| {
            let words = "a picture instead of words".to_owned();
            Err(Unsaid { unavailable: false, words })
        });
        Ok(Some((said, exchange.charged)))
    }
}

/// All results, or the reason why there are not all. Where one ended the run, the others were stopped by that, and it is
/// what has to be told.
fn together<T>(ended: Vec<Result<T, Halt>>) -> Result<Vec<T>, Halt> {
    let (whole, mut halts): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    let telling = halts.iter().position(|end| !matches!(end, Err(Halt::Stopped)));
    match halts.is_empty() {
        true => whole.into_iter().collect(),
        false => Err(halts.swap_remove(telling.unwrap_or(0)).err().unwrap_or(Halt::Stopped)),
    }
}

/// What a stored answer says; nothing where it is none to a question.
fn read(answer: &StoredAnswer) -> Option<Result<String, Unsaid>> {
    let unsaid = |unavailable, words: &str| Err(Unsaid { unavailable, words: words.to_owned() });
    match answer {
        StoredAnswer::Image { .. } => None,
        StoredAnswer::Words { text } => Some(Ok(text.clone())),
        StoredAnswer::Refused { words, .. } => Some(unsaid(false, &format!("refused: {words}"))),
        // No JSON of the vendor's own, or an error under a success: the provider's fault, as an outage is. What a model
        // said at too great length, or left unsaid, may be the picture's doing.
        StoredAnswer::Broken { what, words } => {
            let out_of_order = matches!(what.as_str(), "bad_json" | "json_error" | "no_result");
            Some(unsaid(out_of_order, words))
        }
        StoredAnswer::Unavailable { words, .. } => Some(unsaid(true, words)),
    }
}

/// What a fault means that ends every run in which a check asks.
pub(super) fn fatal_sentence(kind: FaultKind, provider: &str, model: &str, words: &str) -> String {
    let provider = one_line(provider, 60);
    let (model, words) = (one_line(model, 80), one_line(words, 200));
    let (what, todo) = match kind {
        FaultKind::Auth => (
            format!("`{provider}`, which a check asks, does not accept the key"),
            "check the environment variable that the policy's `api_key_env` names",
        ),
        FaultKind::OutOfCredit => (
            format!("no credit is left at `{provider}`, which a check asks"),
            "top it up, then run again: what was paid for is in the store",
        ),
        FaultKind::BadRequest => (
            format!("`{provider}` rejects every question for `{model}`, which a check asks"),
            "check the check's `model` and `max_tokens`, and whether that model looks at pictures",
        ),
        _ => (
            format!("`{provider}` has no model `{model}`, which a check asks, or no longer"),
            "check the check's `model`, and whether the vendor has retired it",
        ),
    };
    format!("{what}: “{words}”\n  help: {todo}")
}

/// What determines what a program says, but for what is installed.
fn identity_of(program: &Program) -> Identity {
    let files: Vec<_> =
        program.files.iter().map(|(path, bytes)| json!([path, Digest::of(bytes)])).collect();
    let how = json!({"run": program.run, "files": files, "max_output": program.max_output});
    Identity {
        form: 1,
        dialect: "program".to_owned(),
        dialect_version: 1,
        provider: canonical(&how),
        model: program.run.first().cloned().unwrap_or_default(),
        params: canonical(&program.input),
        prompt: String::new(),
        seed: Seed(0),
        input: Some(Digest::of(&program.picture.bytes)),
        mask: None,
        burst: None,
    }
}

#[cfg(test)]
mod tests {
    use presscheck_core::providers::Fault;

    use super::*;

    #[test]
    fn whoever_takes_no_question_is_told_from_who_takes_some() {
        let fault = |kind| Answer::Fault(Fault { kind, words: String::new(), retry_after: None });
        let (no, away) = (fault(FaultKind::BadRequest), fault(FaultKind::ServerFault));
        let counts = Rejections::default();
        for _ in 1..ALWAYS_REJECTED {
            assert!(!counts.too_many("a", "m", &no) && !counts.too_many("a", "m", &away));
        }
        assert!(counts.too_many("a", "m", &no));
        assert!(!counts.too_many("a", "n", &no), "another model");
        // Who took one may reject as many as it likes.
        assert!(!counts.too_many("b", "m", &Answer::Words { text: String::new(), cost: None }));
        assert!(!(0..100).any(|_| counts.too_many("b", "m", &no)));
    }

    #[test]
    fn the_reason_is_told_and_not_what_followed_from_it() {
        let ended = vec![Ok(1), Err(Halt::Stopped), Err(Halt::Budget), Err(Halt::Stopped)];
        assert!(matches!(together(ended), Err(Halt::Budget)));
        assert!(matches!(together::<u8>(vec![Err(Halt::Stopped)]), Err(Halt::Stopped)));
        assert_eq!(together(vec![Ok(1), Ok(2)]).unwrap(), [1, 2]);
    }
}
