//! A blocking verdict that somebody accepted: asked before the run, so that none of it costs anything then, and
//! applied to the verdict after it.

use presscheck_core::gate::{Decision, Override, Stopped};
use presscheck_core::report::Run;
use presscheck_core::units::CommitSha;

use crate::github::{
    Api, ApiError, COMMAND, DEFAULT_LABEL, Environment, Event, EventKind, Patience, Question,
    Ruling, ask_who_accepted, pull_now, verdict_before,
};

/// Whether the verdict of a pull request's head is accepted.
pub(super) struct Acceptance {
    api: Api,
    number: u64,
    /// The pull request's head: in a merge group that is not the commit under judgement.
    head: CommitSha,
    author: Option<String>,
    name: String,
    label: String,
    /// Whether people can accept right there: in a merge group nobody reads it any more.
    can_be_asked_for: bool,
    found: Found,
}

/// What GitHub said before the run.
enum Found {
    /// There was no blocking verdict on the head that could be accepted.
    NoVerdict,
    /// There was.
    Ruled(Ruling),
    /// It did not say.
    Unknown(String),
}

impl Acceptance {
    /// Asks whether somebody accepted an earlier verdict on the head; nothing where there is no pull request, or no
    /// token to ask with.
    pub(super) async fn begin(
        environment: &Environment,
        event: &Event,
        names: (Option<&str>, Option<&str>),
    ) -> Option<Self> {
        let number = event.number?;
        if !(event.kind.is_pull_request() || event.kind == EventKind::MergeGroup) {
            return None;
        }
        let api = Api::of(environment, Patience::default()).ok()?;
        let mut acceptance = Self {
            api,
            number,
            head: event.head_sha.clone(),
            author: event.author.clone(),
            name: names.0.unwrap_or("presscheck").to_owned(),
            label: names.1.unwrap_or(DEFAULT_LABEL).to_owned(),
            can_be_asked_for: event.kind.is_pull_request(),
            found: Found::NoVerdict,
        };
        acceptance.found =
            acceptance.look(event).await.unwrap_or_else(|error| Found::Unknown(error.to_string()));
        Some(acceptance)
    }

    async fn look(&mut self, event: &Event) -> Result<Found, ApiError> {
        if event.kind == EventKind::MergeGroup {
            // What was accepted is the pull request's head. A push to it would have taken it off the queue.
            let now = pull_now(&self.api, self.number).await?;
            (self.head, self.author) = (now.head_sha, now.author);
        }
        let verdict_at = verdict_before(&self.api, &self.head, &self.name).await?;
        if verdict_at.is_none() {
            return Ok(Found::NoVerdict);
        }
        Ok(Found::Ruled(self.ask(verdict_at).await?))
    }

    async fn ask(&self, verdict_at: Option<jiff::Timestamp>) -> Result<Ruling, ApiError> {
        let question = Question {
            head: &self.head,
            verdict_at,
            label: &self.label,
            author: self.author.as_deref(),
        };
        ask_who_accepted(&self.api, self.number, &question).await
    }

    /// Whether an acceptance holds, so that nothing needs to be bought.
    pub(super) fn holds(&self) -> bool {
        matches!(&self.found, Found::Ruled(Ruling { accepted: Some(_), .. }))
    }

    /// Lifts the block of a blocking verdict where somebody accepted it; else says why not.
    pub(super) async fn apply(&self, run: &mut Run) {
        if !run.verdict.blocking {
            return;
        }
        let refused = match &self.found {
            Found::Ruled(Ruling { accepted: Some(by), .. }) => {
                Self::accept(by, run);
                return;
            }
            Found::Ruled(ruling) => ruling.refused.clone(),
            Found::Unknown(why) => vec![unknown(why)],
            // What came too early gets an answer too.
            Found::NoVerdict => match self.ask(None).await {
                Ok(ruling) => ruling.refused,
                Err(_) => Vec::new(),
            },
        };
        run.verdict.notes.extend(refused);
        if self.can_be_asked_for {
            run.verdict.notes.push(format!(
                "To accept this verdict on {} all the same, somebody with write permission comments “{COMMAND} accept REASON” and runs the job again, or puts the label “{}” on.",
                self.head.short(),
                presscheck_core::inert::one_line(&self.label, 60),
            ));
        }
    }

    fn accept(by: &Override, run: &mut Run) {
        run.verdict.accept(by.clone());
        let short = |it: &presscheck_core::gate::SubjectVerdict| {
            it.verdict == Decision::Inconclusive && it.stopped == Stopped::Budget
        };
        if run.verdict.subjects.iter().any(short) {
            run.verdict.notes.push(
                "An acceptance holds for this commit, so nothing was bought for it: the verdict is by what is stored."
                    .to_owned(),
            );
        }
    }
}

fn unknown(why: &str) -> String {
    format!("Whether somebody accepted this verdict could not be asked, so nobody did: {why}.")
}
