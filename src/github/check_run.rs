//! The check run: opened at once, closed on every way out, and closed only once.
//!
//! An inconclusive verdict is closed as `failure` with a title that says why: GitHub counts `neutral` as
//! passed. Only the app that made a run may update it, so one token does all of it.

mod body;

use std::sync::atomic::{AtomicU64, Ordering};

use presscheck_core::units::CommitSha;
use serde::Serialize;
use tokio::sync::Mutex;

use super::api::{Api, Method, Patience};
use super::error::{ApiError, Doing};
use body::{Create, OutputBody, Run, Runs, Update, abandoned, at, batch, closing, head, now};

/// The most annotations in one request.
const BATCH: usize = 50;
/// The most annotations at all: what a reader can use, in ten requests.
const MAX_ANNOTATIONS: usize = 500;

/// How a check run ends. There is no third way: what is not proven good blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// The merge may go ahead.
    Success,
    /// The merge is blocked.
    Failure,
}

/// How loud an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For information.
    Notice,
    /// To look at.
    Warning,
    /// What blocks.
    Failure,
}

/// A remark on lines of a file at the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The file, relative to the repository's root.
    pub path: String,
    /// The first line, from 1.
    pub start_line: u64,
    /// The last line.
    pub end_line: u64,
    /// How loud.
    pub level: Level,
    /// A few words above the message.
    pub title: Option<String>,
    /// What there is to say, as plain text.
    pub message: String,
}

/// What the check run's page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// One line.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// More Markdown, below.
    pub text: Option<String>,
    /// Remarks on files.
    pub annotations: Vec<Annotation>,
}

/// Where a check run stands.
#[derive(Debug)]
enum State {
    Unopened,
    Open(u64),
    /// GitHub does not let us.
    Refused(ApiError),
    Closed,
}

/// How an attempt to close a check run went.
enum Closed {
    Yes,
    No(ApiError),
    /// It is closed; something of its output did not arrive.
    WithLosses(ApiError),
}

/// One check run on one commit.
#[derive(Debug)]
pub struct CheckRun {
    api: Api,
    name: String,
    head_sha: CommitSha,
    details_url: Option<String>,
    external_id: String,
    started_at: String,
    state: Mutex<State>,
    /// The open run's id, for a way out that can't wait for the lock; 0 for none.
    open_id: AtomicU64,
    /// The login of whoever opened it.
    author: std::sync::OnceLock<String>,
}

impl CheckRun {
    /// A check run that is not opened yet. `external_id` tells it from every other: with it, a run that GitHub
    /// opened without telling us is found again.
    #[must_use]
    pub fn new(
        api: Api,
        name: &str,
        head_sha: CommitSha,
        details_url: Option<String>,
        external_id: String,
    ) -> Self {
        Self {
            api,
            name: name.to_owned(),
            head_sha,
            details_url,
            external_id,
            started_at: now(),
            state: Mutex::new(State::Unopened),
            open_id: AtomicU64::new(0),
            author: std::sync::OnceLock::new(),
        }
    }

    /// The login of the app that opened it (`github-actions[bot]`), once it is open.
    #[must_use]
    pub fn author(&self) -> Option<&str> {
        self.author.get().map(String::as_str)
    }

    /// The client that it is told with.
    pub(super) const fn api(&self) -> &Api {
        &self.api
    }

    /// Its id while it is open.
    #[must_use]
    pub fn open_id(&self) -> Option<u64> {
        Some(self.open_id.load(Ordering::Acquire)).filter(|id| *id != 0)
    }

    /// Opens it, unless that is done. What failed in passing is tried again the next time.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached.
    pub async fn open(&self) -> Result<(), ApiError> {
        let mut state = self.state.lock().await;
        self.open_locked(&mut state).await
    }

    async fn open_locked(&self, state: &mut State) -> Result<(), ApiError> {
        match state {
            State::Open(_) | State::Closed => return Ok(()),
            State::Refused(error) => return Err(error.clone()),
            State::Unopened => {}
        }
        match self.create().await {
            Ok(run) => {
                *state = State::Open(run.id);
                self.open_id.store(run.id, Ordering::Release);
                if let Some(slug) = run.app.and_then(|app| app.slug) {
                    // It is set once: this state is passed once.
                    let _ = self.author.set(format!("{slug}[bot]"));
                }
                Ok(())
            }
            Err(error) => {
                if !error.is_passing() {
                    *state = State::Refused(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Sends the request to open it. Where the answer is lost, looks whether it was opened all the same.
    async fn create(&self) -> Result<Run, ApiError> {
        let summary = "The verdict appears here. The job's log shows how far it is.".to_owned();
        let body = Create {
            name: &self.name,
            head_sha: self.head_sha.as_str(),
            details_url: self.details_url.as_deref(),
            external_id: &self.external_id,
            status: "in_progress",
            started_at: &self.started_at,
            output: OutputBody {
                title: "Running".to_owned(),
                summary,
                text: None,
                annotations: Vec::new(),
            },
        };
        let route = self.api.route("check-runs");
        let mut tries = 1;
        loop {
            let sent = self.api.send(Doing::OpenCheck, Method::Post, &route, Some(&body)).await;
            let error = match sent.and_then(|answer| answer.json::<Run>()) {
                Ok(run) => return Ok(run),
                Err(error) => error,
            };
            if !error.is_ambiguous() || tries >= self.api.patience().tries {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(self.api.patience().pause).await;
            if let Some(run) = self.find().await.map_err(|_| error)? {
                return Ok(run);
            }
        }
    }

    /// The run with our external id on this commit.
    async fn find(&self) -> Result<Option<Run>, ApiError> {
        let name: String = url::form_urlencoded::byte_serialize(self.name.as_bytes()).collect();
        let tail = format!(
            "commits/{}/check-runs?check_name={name}&filter=all&per_page=100",
            self.head_sha
        );
        let route = self.api.route(&tail);
        let answer = self.api.send(Doing::FindCheck, Method::Get, &route, None::<&()>).await?;
        let runs = answer.json::<Runs>()?.check_runs;
        Ok(runs.into_iter().find(|run| run.external_id.as_ref() == Some(&self.external_id)))
    }

    /// Shows how far it is; does nothing where it is not open, or busy. One try, which nothing waits for: a signal may
    /// come meanwhile, and then there are seconds left to close it.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached.
    pub async fn update(&self, title: &str, summary: &str) -> Result<(), ApiError> {
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        let State::Open(id) = *state else { return Ok(()) };
        let output =
            Output { title: title.to_owned(), summary: summary.to_owned(), ..Output::default() };
        let update = Update { output: Some(head(&output)), ..Update::default() };
        self.patch(&self.api.with_patience(Patience::in_passing()), id, &update).await
    }

    /// Closes it with a verdict, opening it first where that failed in passing. Does nothing where it is
    /// closed. Where GitHub refuses the output, it is closed with its title alone.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached; it can be closed later then. Where only annotations are
    /// lost, it is closed.
    pub async fn complete(&self, conclusion: Conclusion, output: &Output) -> Result<(), ApiError> {
        let mut state = self.state.lock().await;
        self.open_locked(&mut state).await?;
        let State::Open(id) = *state else { return Ok(()) };
        // Taken before the request, so that nobody else closes it meanwhile, and given back where that fails.
        if self.open_id.swap(0, Ordering::AcqRel) == 0 {
            return Ok(());
        }
        let closed = self.close(id, conclusion, output).await;
        match &closed {
            Closed::No(_) => self.open_id.store(id, Ordering::Release),
            Closed::Yes | Closed::WithLosses(_) => *state = State::Closed,
        }
        match closed {
            Closed::Yes => Ok(()),
            Closed::No(error) | Closed::WithLosses(error) => Err(error),
        }
    }

    async fn close(&self, id: u64, conclusion: Conclusion, output: &Output) -> Closed {
        let mut batches = output
            .annotations
            .get(..output.annotations.len().min(MAX_ANNOTATIONS))
            .unwrap_or_default()
            .chunks(BATCH);
        let body = head(output);
        let first = OutputBody { annotations: batch(batches.next()), ..body.clone() };
        // An acceptance has to be later than this, so it is GitHub's time and not this machine's.
        let now = at(self.api.time());
        match self.patch(&self.api, id, &closing(conclusion, Some(first), now.clone())).await {
            Ok(()) => {}
            Err(refused @ ApiError::Rejected { .. }) => {
                let summary = "GitHub did not take the details; they are in the job's summary.";
                let bare = OutputBody { summary: summary.to_owned(), text: None, ..body };
                let closed = self.patch(&self.api, id, &closing(conclusion, Some(bare), now)).await;
                return closed.map_or_else(Closed::No, |()| Closed::WithLosses(refused));
            }
            Err(error) => return Closed::No(error),
        }
        // Without a status, an update adds to a closed run and leaves it closed.
        for more in batches {
            let output = OutputBody { annotations: batch(Some(more)), ..body.clone() };
            let update = Update { output: Some(output), ..Update::default() };
            if let Err(error) = self.patch(&self.api, id, &update).await {
                return Closed::WithLosses(error);
            }
        }
        Closed::Yes
    }

    /// Closes it as failed because there will be no verdict: a signal, a crash. Does nothing where it was
    /// never opened, or is closed; waits for a request under way to end.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached in the little time that is left.
    pub async fn abandon(&self, reason: &str) -> Result<(), ApiError> {
        let mut state = self.state.lock().await;
        let State::Open(_) = *state else {
            if matches!(*state, State::Unopened) {
                *state = State::Closed;
            }
            return Ok(());
        };
        let api = self.api.with_patience(Patience::last_words());
        self.abandon_with(&api, reason).await?;
        *state = State::Closed;
        Ok(())
    }

    /// The same by id, over a client of its own: for a panicking thread, whose runtime may be stuck.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached.
    pub async fn abandon_with(&self, api: &Api, reason: &str) -> Result<(), ApiError> {
        let id = self.open_id.swap(0, Ordering::AcqRel);
        if id == 0 {
            return Ok(());
        }
        let closed = self.patch(api, id, &abandoned(reason)).await;
        if closed.is_err() {
            self.open_id.store(id, Ordering::Release);
        }
        closed
    }

    async fn patch(&self, api: &Api, id: u64, update: &Update) -> Result<(), ApiError> {
        let route = api.route(&format!("check-runs/{id}"));
        api.send(Doing::UpdateCheck, Method::Patch, &route, Some(update)).await.map(|_| ())
    }
}

/// Closes the check run that an earlier stage of this step left open, if it did: what a post step is for.
///
/// # Errors
/// Where GitHub refuses, or can't be reached.
pub(super) async fn close_leftover(api: &Api, id: u64, reason: &str) -> Result<bool, ApiError> {
    let route = api.route(&format!("check-runs/{id}"));
    let answer = api.send(Doing::FindCheck, Method::Get, &route, None::<&()>).await?;
    if answer.json::<Run>()?.status.as_deref() == Some("completed") {
        return Ok(false);
    }
    let update = abandoned(reason);
    api.send(Doing::UpdateCheck, Method::Patch, &route, Some(&update)).await.map(|_| true)
}
