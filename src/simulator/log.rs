//! What was asked and what was answered.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use presscheck_core::units::{Digest, Usd};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fault::Fault;
use super::sample::Sample;

/// One request for a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Counts requests from 1, in the order of their arrival.
    pub n: u64,
    /// The model's id.
    pub model: String,
    /// The prompt, exactly.
    pub prompt: String,
    /// The seed.
    pub seed: u64,
    /// How often this model, prompt and seed have now been asked, from 1.
    pub attempt: u32,
    /// The fault that shows on this attempt.
    pub fault: Option<Fault>,
    /// The status of the answer; nothing while there is none.
    pub status: Option<u16>,
    /// Whether the whole answer was handed to the socket. An answer that is cut never is.
    pub answered: bool,
    /// When the request had arrived, in milliseconds after the server's start.
    pub started_ms: u64,
    /// When the whole answer was handed to the socket.
    pub answered_ms: Option<u64>,
    /// What was charged: the model's price for each order that was taken, whatever came of it, and for a picture that
    /// was drawn and withheld; nothing for a refused prompt.
    pub charged_usd: Usd,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<LogEntry>,
    /// By the digest of model, prompt and seed: a server that runs for long sees many prompts.
    attempts: HashMap<Digest, u32>,
    file: Option<File>,
}

/// The log of a running server.
#[derive(Debug)]
pub(crate) struct Log {
    start: Instant,
    inner: Mutex<Inner>,
}

impl Log {
    /// An empty log that is also appended to a file, where one is given.
    pub(crate) fn open(file: Option<&Path>) -> io::Result<Self> {
        let file =
            file.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { start: Instant::now(), inner: Mutex::new(Inner { file, ..Inner::default() }) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes a request; returns its number and the attempt.
    pub(crate) fn arrived(&self, sample: &Sample) -> (u64, u32) {
        let now = self.now();
        let key = Digest::of_json(&(&sample.model, &sample.prompt, sample.seed))
            .unwrap_or_else(|_| Digest::of(sample.prompt.as_bytes()));
        let mut inner = self.inner();
        let count = inner.attempts.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        let attempt = *count;
        let n = inner.entries.len() as u64 + 1;
        let entry = LogEntry {
            n,
            model: sample.model.clone(),
            prompt: sample.prompt.clone(),
            seed: sample.seed,
            attempt,
            fault: None,
            status: None,
            answered: false,
            started_ms: now,
            answered_ms: None,
            charged_usd: Usd::ZERO,
        };
        inner.write("arrived", &entry);
        inner.entries.push(entry);
        (n, attempt)
    }

    /// Notes what a request is about to be answered.
    pub(crate) fn decided(&self, n: u64, fault: Option<Fault>, status: u16, charged: Usd) {
        self.change(n, None, |entry, _| {
            entry.fault = fault;
            entry.status = Some(status);
            entry.charged_usd = charged;
        });
    }

    /// Notes that the whole answer was handed to the socket.
    pub(crate) fn answered(&self, n: u64) {
        self.change(n, Some("answered"), |entry, now| {
            entry.answered = true;
            entry.answered_ms = Some(now);
        });
    }

    /// Notes that the connection was cut on purpose.
    pub(crate) fn cut(&self, n: u64) {
        self.change(n, Some("cut"), |_, _| {});
    }

    fn change(&self, n: u64, event: Option<&'static str>, change: impl FnOnce(&mut LogEntry, u64)) {
        let now = self.now();
        let mut inner = self.inner();
        let index = usize::try_from(n).ok().and_then(|n| n.checked_sub(1));
        let Some(entry) = index.and_then(|index| inner.entries.get_mut(index)) else { return };
        change(entry, now);
        if let Some(event) = event {
            let entry = entry.clone();
            inner.write(event, &entry);
        }
    }

    /// All requests so far, in the order of their arrival.
    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.inner().entries.clone()
    }
}

impl Inner {
    /// Appends a line at once, so that it is there even if the process is killed. A full disk must not stop
    /// the answers, so a failure closes the file; the log in memory goes on.
    fn write(&mut self, event: &'static str, entry: &LogEntry) {
        let Some(file) = &mut self.file else { return };
        let mut line = Map::from_iter([("event".to_owned(), Value::from(event))]);
        if let Ok(Value::Object(fields)) = serde_json::to_value(entry) {
            line.extend(fields);
        }
        let written = file.write_all(format!("{}\n", Value::Object(line)).as_bytes());
        if written.is_err() {
            self.file = None;
        }
    }
}

/// Entries as JSON lines.
pub(crate) fn json_lines(entries: &[LogEntry]) -> String {
    entries
        .iter()
        .map(|entry| serde_json::to_value(entry).unwrap_or(Value::Null).to_string() + "\n")
        .collect()
}
