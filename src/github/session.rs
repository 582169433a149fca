//! Telling GitHub about one run, from the first moment to the last: what the command line uses.
//!
//! All of it is best effort. Whatever GitHub does, the verdict and the exit code stay what they are; what could
//! not be told comes back as warnings. Without a token no request is sent. The run never waits for GitHub but
//! at its end: the check run is opened, and progress shown, beside it.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::api::{Api, Patience};
use super::check_run::{Annotation, CheckRun, Conclusion, Output, close_leftover};
use super::comment::Sticky;
use super::environment::Environment;
use super::error::ApiError;
use super::event::Event;
use super::outputs::{append_step_summary, write_outputs};
use super::pictures;

/// How often progress is shown at most: a job's token has 1,000 requests an hour for the whole repository.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// The longest that the end of a run waits for GitHub, a rate limit included.
const FINISH_WITHIN: Duration = Duration::from_secs(150);
/// The longest that a way out waits: a cancelled step is killed after ten seconds.
const ABANDON_WITHIN: Duration = Duration::from_secs(7);
/// The output by which a later stage of the step finds the check run; comes back as `STATE_check_run`.
const STATE: &str = "check_run";

/// What is told at the end of a run.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Whether the merge may go ahead.
    pub conclusion: Conclusion,
    /// One line.
    pub title: String,
    /// Markdown for the check run's page.
    pub check_summary: String,
    /// The comment on the pull request; nothing for none.
    pub comment: Option<Comment>,
    /// Markdown for the step summary.
    pub step_summary: String,
    /// The step's outputs.
    pub outputs: Vec<(String, String)>,
    /// Remarks on files of the head.
    pub annotations: Vec<Annotation>,
}

/// The comment on the pull request.
#[derive(Clone)]
pub struct Comment {
    /// Its Markdown.
    pub text: Arc<dyn Fn(&Known<'_>) -> String + Send + Sync>,
    /// Whether it is written where there is none yet; one that is there is brought up to date in any case.
    pub begin: bool,
    /// Pictures to show in it: small JPEGs without metadata.
    pub jpegs: Vec<Vec<u8>>,
    /// Today, from which the pictures' age counts.
    pub today: Date,
}

/// What a comment may rest on.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The address of each picture, in their order; none where they could not be kept.
    pub pictures: &'a [String],
    /// The comment that it replaces.
    pub before: Option<&'a str>,
}

impl Comment {
    /// A comment that is words alone.
    #[must_use]
    pub fn of_words(text: String) -> Self {
        let text = Arc::new(move |_: &Known<'_>| text.clone());
        Self { text, begin: true, jpegs: Vec::new(), today: Date::default() }
    }
}

impl fmt::Debug for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Comment with {} pictures", self.jpegs.len())
    }
}

/// One run, and GitHub.
#[derive(Debug)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    environment: Environment,
    event: Event,
    name: String,
    external_id: String,
    patience: Patience,
    /// The check run; nothing where there can be none. Made beside the run, for it reads root certificates.
    check: OnceCell<Option<Arc<CheckRun>>>,
    warnings: Mutex<Vec<String>>,
    /// When progress may be shown again.
    quiet_until: Mutex<Option<Instant>>,
}

impl Session {
    /// Opens the check run at once, beside the run. Needs a Tokio runtime around it; without one, nothing is
    /// told but the step summary and the outputs.
    #[must_use]
    pub fn start(environment: &Environment, event: &Event, name: &str) -> Self {
        Self::start_with(environment, event, name, Patience::default())
    }

    /// The same, with other limits of time.
    #[must_use]
    pub fn start_with(
        environment: &Environment,
        event: &Event,
        name: &str,
        patience: Patience,
    ) -> Self {
        let run = environment.run_id.unwrap_or(0);
        let attempt = environment.run_attempt.unwrap_or(1);
        let inner = Arc::new(Inner {
            environment: environment.clone(),
            event: event.clone(),
            name: name.to_owned(),
            external_id: format!("presscheck-{run}-{attempt}-{:016x}", rand::random::<u64>()),
            patience,
            check: OnceCell::new(),
            warnings: Mutex::new(environment.problems.clone()),
            quiet_until: Mutex::new(None),
        });
        if environment.token.is_none() {
            inner.warn(
                "There is no GitHub token: the check run and the comment are left out. The verdict is in the \
                 job's summary."
                    .to_owned(),
            );
        } else if let Ok(runtime) = Handle::try_current() {
            let inner = Arc::clone(&inner);
            runtime.spawn(async move { inner.open().await });
        }
        Self { inner }
    }

    /// Whether there is a pull request to comment on, and a token to do so with.
    #[must_use]
    pub fn may_comment(&self) -> bool {
        let inner = &self.inner;
        let told = inner.environment.token.is_some() && inner.event.kind.is_pull_request();
        told && inner.event.number.is_some()
    }

    /// Shows how far the run is, as Markdown, on the check run's page: at most every ten seconds, and never
    /// making the run wait.
    pub fn progress(&self, text: &str) {
        let Some(Some(check)) = self.inner.check.get() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        if check.open_id().is_none() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        if !inner.may_show(PROGRESS_EVERY) {
            return;
        }
        let (check, text) = (Arc::clone(check), text.to_owned());
        runtime.spawn(async move {
            // Progress that is lost is not worth a warning: the verdict follows.
            if let Err(ApiError::RateLimited { wait, .. }) = check.update("Running", &text).await {
                // Whoever goes on asking under a limit makes it longer.
                inner.be_quiet(wait.unwrap_or(PROGRESS_EVERY));
            }
        });
    }

    /// Tells the verdict: the step summary and outputs, the check run, the comment. Gives back every warning of
    /// the session, in order. Goes on to its end where its caller stops waiting.
    pub async fn finish(&self, telling: &Telling) -> Vec<String> {
        let inner = Arc::clone(&self.inner);
        inner.write_files(telling);
        if inner.environment.token.is_some() {
            let (task, telling) = (Arc::clone(&inner), telling.clone());
            // A task of its own: a signal that drops this future must not cut a request in two.
            let telling = tokio::spawn(async move { task.tell(&telling).await });
            match tokio::time::timeout(FINISH_WITHIN, telling).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => inner.warn(format!("Telling GitHub broke off: {error}.")),
                Err(_) => inner.warn(format!(
                    "GitHub took over {} s: not everything may be posted.",
                    FINISH_WITHIN.as_secs()
                )),
            }
        }
        inner.take_warnings()
    }

    /// Closes the check run as failed because there will be no verdict (a signal, an error). Does nothing where
    /// the verdict is told already; safe to call more than once. Gives back every warning of the session.
    pub async fn abandon(&self, reason: &str) -> Vec<String> {
        if self.inner.environment.token.is_some() {
            let abandoning = async {
                // Also where it is just about to be opened: then it never is.
                let Some(check) = self.inner.check().await else { return Ok(()) };
                check.abandon(reason).await
            };
            match tokio::time::timeout(ABANDON_WITHIN, abandoning).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.inner.warn_of(&error),
                Err(_) => self.inner.warn(
                    "GitHub took too long: the check run may stay open. Run the job again."
                        .to_owned(),
                ),
            }
        }
        self.inner.take_warnings()
    }

    /// The same from a thread that can't wait for the runtime, such as a panic hook: on a thread and a runtime
    /// of its own.
    pub fn abandon_blocking(&self, reason: &str) {
        let Some(Some(check)) = self.inner.check.get() else { return };
        let (check, inner, reason) =
            (Arc::clone(check), Arc::clone(&self.inner), reason.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let telling = async {
                    let api = inner.api(Patience::last_words())?;
                    check.abandon_with(&api, &reason).await
                };
                if let Ok(Err(error)) = tokio::time::timeout(ABANDON_WITHIN, telling).await {
                    inner.warn_of(&error);
                }
            });
        });
        // A thread that panicked told nothing; there is nothing more to try.
        let _ = thread.join();
    }

    /// Whether this process is the action's post step, by the name that it was started under (the first of the
    /// process's arguments). The caller then calls [`Session::close_leftover`] and does nothing else.
    #[must_use]
    pub fn is_post_step(program: &OsStr) -> bool {
        Path::new(program).file_stem().is_some_and(|name| name == "presscheck-post")
    }

    /// In a post step: closes the check run that the main step left open (killed, out of memory), if it did.
    /// Gives back warnings.
    pub async fn close_leftover(environment: &Environment) -> Vec<String> {
        let Some(id) = environment.opened_check_run else { return Vec::new() };
        let closed = async {
            let api = Api::of(environment, Patience::default())?;
            close_leftover(&api, id, "the job was stopped from outside").await
        };
        match tokio::time::timeout(FINISH_WITHIN, closed).await {
            Ok(Ok(true)) => vec![
                "The run was stopped from outside; its check run is closed as failed.".to_owned(),
            ],
            Ok(Ok(false)) => Vec::new(),
            Ok(Err(error)) => vec![sentence(&error)],
            Err(_) => vec!["GitHub took too long: the check run may stay open.".to_owned()],
        }
    }
}

impl Inner {
    fn api(&self, patience: Patience) -> Result<Api, ApiError> {
        Api::of(&self.environment, patience)
    }

    /// The check run, made once.
    async fn check(&self) -> Option<Arc<CheckRun>> {
        let made = self.check.get_or_init(|| async {
            let api = match self.api(self.patience) {
                Ok(api) => api,
                Err(error) => {
                    self.warn_of(&error);
                    return None;
                }
            };
            Some(Arc::new(CheckRun::new(
                api,
                &self.name,
                self.event.head_sha.clone(),
                self.environment.job_url(),
                self.external_id.clone(),
            )))
        });
        made.await.clone()
    }

    /// Opens the check run, and leaves its id for a post step.
    async fn open(&self) {
        let Some(check) = self.check().await else { return };
        // What fails now is tried again at the end, and warned of then.
        if check.open().await.is_ok()
            && let (Some(id), Some(path)) = (check.open_id(), &self.environment.state)
            && let Err(error) = write_outputs(path, [(STATE, id.to_string().as_str())])
        {
            self.warn(format!("Could not write the step's state: {error}."));
        }
    }

    fn write_files(&self, telling: &Telling) {
        if let Some(path) = &self.environment.step_summary
            && let Err(error) = append_step_summary(path, &telling.step_summary)
        {
            self.warn(format!("Could not write the step summary: {error}."));
        }
        let pairs = telling.outputs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        if let Some(path) = &self.environment.output
            && let Err(error) = write_outputs(path, pairs)
        {
            self.warn(format!("Could not write the step's outputs: {error}."));
        }
    }

    async fn tell(&self, telling: &Telling) {
        let Some(check) = self.check().await else { return };
        let output = Output {
            title: telling.title.clone(),
            summary: telling.check_summary.clone(),
            text: None,
            annotations: telling.annotations.clone(),
        };
        if let Err(error) = check.complete(telling.conclusion, &output).await {
            self.warn_of(&error);
            if matches!(error, ApiError::Unreachable { .. } | ApiError::Unauthorized { .. }) {
                // The comment would fare no better.
                if telling.comment.is_some() && self.event.kind.is_pull_request() {
                    self.warn("The comment is left out for the same reason.".to_owned());
                }
                return;
            }
        }
        let (Some(comment), Some(number)) = (&telling.comment, self.event.number) else { return };
        // A merge group has a number too, but nobody reads the pull request any more.
        if !self.event.kind.is_pull_request() {
            return;
        }
        if let Err(error) = self.comment(check.api(), number, comment, check.author()).await {
            self.warn_of(&error);
        }
    }

    /// Whether progress may be shown now; then not again for a while.
    fn may_show(&self, pause: Duration) -> bool {
        let mut until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if until.is_some_and(|until| now < until) {
            return false;
        }
        *until = now.checked_add(pause);
        true
    }

    /// Shows no progress for so long.
    fn be_quiet(&self, pause: Duration) {
        let mut until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Instant::now().checked_add(pause));
    }

    async fn comment(
        &self,
        api: &Api,
        number: u64,
        comment: &Comment,
        author: Option<&str>,
    ) -> Result<(), ApiError> {
        let sticky = Sticky::find(api, number, &self.name, author).await?;
        if sticky.is_new() && !comment.begin {
            return Ok(());
        }
        let run = (self.environment.run_id, self.environment.run_attempt);
        let run = (run.0.unwrap_or_default(), run.1.unwrap_or(1));
        let owner = pictures::Owner { number, name: self.name.clone(), run, today: comment.today };
        let kept = self.keep(api, &owner, comment).await;
        let pictures = kept.as_deref().unwrap_or_default();
        let text = (comment.text)(&Known { pictures, before: sticky.before() });
        sticky.write(&text).await?;
        // Only now does nobody see the pictures of an earlier run any more; there may be some where this one has none.
        match kept {
            Some(_) => may_not(pictures::prune(api, &owner).await).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Keeps the pictures and gives their addresses; nothing where the token may not write to the repository.
    async fn keep(
        &self,
        api: &Api,
        owner: &pictures::Owner,
        comment: &Comment,
    ) -> Option<Vec<String>> {
        if comment.jpegs.is_empty() {
            return Some(Vec::new());
        }
        may_not(pictures::keep(api, &self.environment, owner, &comment.jpegs).await).unwrap_or_else(
            |error| {
                self.warn_of(&error);
                None
            },
        )
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    fn warn_of(&self, error: &ApiError) {
        self.warn(sentence(error));
    }

    fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *warnings)
    }
}

/// Nothing where the token may not write to the repository: that is the choice of whoever wrote the workflow, and no fault.
fn may_not<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(ApiError::Permission { .. } | ApiError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error as a sentence of its own.
fn sentence(error: &ApiError) -> String {
    let text = error.to_string();
    let mut rest = text.trim_end_matches('.').chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}. The verdict is not affected.", rest.as_str())
}
