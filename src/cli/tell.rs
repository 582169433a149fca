//! What GitHub is told of a run: the session, progress, the verdict, warnings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use presscheck_core::report::{self, Run, VerdictRecord};
use presscheck_core::units::{Rate, Usd};

use super::accept::Acceptance;
use super::event::{Named, settle};
use super::gate::{GateArgs, Judged};
use super::progress::Shown;
use super::{Exit, output};
use crate::github::{
    self, Annotation, Comment, CommentWhen, Environment, Event, Inputs, Known, Level,
    RequireApproval, Session, Telling, commands,
};
use crate::run::{self, Mark, Progress, Status};

/// The bytes that a comment may have: GitHub takes 65,536 characters.
const MAX_COMMENT_BYTES: usize = 60_000;
/// The bytes that a check run's summary may have: GitHub takes 65,535.
const MAX_CHECK_BYTES: usize = 60_000;

/// The change to judge, and GitHub's ear, where there is one.
#[derive(Default)]
pub(super) struct Told {
    pub(super) session: Option<Session>,
    pub(super) comment: CommentWhen,
    pub(super) base_label: Option<String>,
    /// The branch to compare with where nobody names one.
    pub(super) default_branch: Option<String>,
    /// Whether the head is, or may be, another repository's.
    pub(super) foreign: bool,
    /// The job's workspace. In a container it has another path than for the steps around it.
    workspace: Option<PathBuf>,
    /// The event.
    pub(super) event: Option<Event>,
    /// The gate's name and the label that accepts, where the action's inputs name them.
    names: (Option<String>, Option<String>),
    /// Whose runs wait for a review.
    pub(super) approval: RequireApproval,
}

impl Told {
    /// In Actions, takes what is not given on the command line from the event and the inputs, and opens the
    /// check run.
    pub(super) async fn start(
        arguments: &mut GateArgs,
        environment: &Environment,
    ) -> Result<Self, (Exit, String)> {
        if !environment.in_actions() {
            return Ok(Self::default());
        }
        let config = |text: String| (Exit::Config, text);
        let inputs =
            Inputs::read(output::environment).map_err(|error| config(error.to_string()))?;
        let change = &mut arguments.change;
        change.policy = change.policy.take().or(inputs.policy);
        change.store = change.store.take().or(inputs.store);
        arguments.out = arguments.out.take().or(inputs.out.map(PathBuf::from));
        change.budget = change.budget.or(inputs.budget);
        change.max_images = change.max_images.or(inputs.max_images);
        if change.directory.is_none() {
            change.directory.clone_from(&environment.workspace);
        }
        let local = change.names_both();
        let event = match environment.event(output::environment) {
            Ok(event) => event,
            // Both sides are named: the event is not needed, and nothing is told.
            Err(_) if local => return Ok(Self::default()),
            Err(why) => return Err(config(why.to_string())),
        };
        let named = Named { base: inputs.base, head: inputs.head };
        let (event, foreign) = settle(event, &named, change, environment).await?;
        let base_label = event.base_ref.clone().filter(|_| change.base.is_none());
        if change.base.is_none() {
            change.base = event.base_sha.as_ref().map(ToString::to_string);
        }
        if change.head.is_none() {
            change.head = Some(event.head_sha.to_string());
        }
        let name = inputs.name.as_deref().unwrap_or("presscheck");
        let session = (!arguments.no_post).then(|| Session::start(environment, &event, name));
        Ok(Self {
            comment: inputs.comment,
            base_label,
            default_branch: event.default_branch.clone(),
            foreign,
            event: Some(event),
            session,
            approval: inputs.require_approval,
            names: (inputs.name, inputs.override_label),
            workspace: environment.workspace.clone(),
        })
    }

    /// Whether somebody accepted a verdict on this head before.
    pub(super) async fn acceptance(&self, environment: &Environment) -> Option<Acceptance> {
        self.session.as_ref()?;
        let names = (self.names.0.as_deref(), self.names.1.as_deref());
        Acceptance::begin(environment, self.event.as_ref()?, names).await
    }

    /// The name of the gate: that of its check run.
    pub(super) fn gate_name(&self) -> &str {
        self.names.0.as_deref().unwrap_or("presscheck")
    }

    /// Whether the verdict may be told by a comment.
    pub(super) fn comments(&self) -> bool {
        self.comment != CommentWhen::Never
            && self.session.as_ref().is_some_and(Session::may_comment)
    }

    pub(super) async fn abandon(&self, reason: &str) {
        if let Some(session) = &self.session {
            warn(&session.abandon(reason).await);
        }
    }
}

/// A terminal or a log, and the check run.
pub(super) struct Both<'a> {
    pub(super) shown: &'a Shown,
    pub(super) session: Option<&'a Session>,
}

impl Progress for Both<'_> {
    fn begin(&self, subject: &str, baseline: Option<&str>, candidate: &str, planned: u64) {
        self.shown.begin(subject, baseline, candidate, planned);
    }

    fn pair(&self, status: &Status<'_>) {
        self.shown.pair(status);
        if let Some(session) = self.session {
            session.progress(&format!(
                "{} of at most {} pairs of {}: {} baseline and {} candidate failures, ${} spent.",
                status.pairs,
                status.planned,
                presscheck_core::inert::markdown_code(status.subject),
                status.tally.baseline(),
                status.tally.candidate(),
                status.spent.to_cents_string(),
            ));
        }
    }

    fn note(&self, note: &str) {
        self.shown.note(note);
    }

    fn end(&self) {
        self.shown.end();
    }
}

/// Tells GitHub. A failure to tell is a warning and never changes the verdict.
pub(super) async fn tell(told: &Told, judged: &Judged) {
    let run = &judged.run;
    let Some(session) = &told.session else { return };
    let conclusion = if run.verdict.blocking {
        github::Conclusion::Failure
    } else {
        github::Conclusion::Success
    };
    let telling = Telling {
        conclusion,
        title: report::title(run),
        check_summary: report::summary(run, MAX_CHECK_BYTES),
        comment: if session.may_comment() { comment(told.comment, judged) } else { None },
        step_summary: report::job_summary(run, run::MAX_SUMMARY_BYTES),
        outputs: outputs(judged, told.workspace.as_deref()),
        annotations: judged.marks.iter().map(annotation).collect(),
    };
    warn(&session.finish(&telling).await);
}

/// A remark, as plain text without what could hide or reorder it.
fn annotation(mark: &Mark) -> Annotation {
    let line = u64::from(mark.line);
    Annotation {
        path: mark.path.clone(),
        start_line: line,
        end_line: line,
        level: if mark.blocks { Level::Failure } else { Level::Warning },
        title: Some(presscheck_core::inert::one_line(&mark.title, 200)),
        message: presscheck_core::inert::visible(&mark.message),
    }
}

/// The comment, with the pictures of the worst pairs and how the last verdicts went.
fn comment(when: CommentWhen, judged: &Judged) -> Option<Comment> {
    let run = &judged.run;
    let begin = match when {
        CommentWhen::Never => return None,
        CommentWhen::Always => true,
        // A freeze blocks before any model is looked at.
        CommentWhen::OnChange => !run.verdict.subjects.is_empty() || run.verdict.blocking,
        CommentWhen::OnFailure => run.verdict.blocking,
    };
    let (pairs, jpegs): (Vec<_>, Vec<_>) = run::sheets(run).into_iter().unzip();
    let (run, past): (Run, Vec<VerdictRecord>) = (run.clone(), judged.past.clone());
    let text = move |known: &Known<'_>| {
        let shown: Vec<_> = pairs.iter().cloned().zip(known.pictures.iter().cloned()).collect();
        report::comment(&run, &shown, known.before, &past, MAX_COMMENT_BYTES)
    };
    let today = jiff::Zoned::now().date();
    Some(Comment { text: Arc::new(text), begin, jpegs, today })
}

/// The step's outputs: of several subjects the worst rate and the highest cost.
fn outputs(judged: &Judged, workspace: Option<&Path>) -> Vec<(String, String)> {
    let verdict = &judged.run.verdict;
    let rates = verdict.subjects.iter().filter_map(|subject| {
        let counts = subject.outcomes.candidate;
        let answered = counts.total() - counts.unavailable;
        let failures = subject.flips.newly_failing + subject.flips.both_failing;
        Rate::of(failures, answered).map(Rate::share)
    });
    let rate = rates.reduce(f64::max).map(|rate| format!("{rate:.6}"));
    let costs =
        verdict.subjects.iter().filter_map(|subject| subject.cost.candidate.as_ref()?.per_1k_usd);
    let cost = costs.max().map(Usd::to_cents_string);
    let report = judged.out.join("report.html");
    // A later step of the job finds it from the workspace only.
    let report = workspace.and_then(|folder| report.strip_prefix(folder).ok()).unwrap_or(&report);
    vec![
        ("verdict".to_owned(), verdict.verdict.word().to_owned()),
        ("failure-rate".to_owned(), rate.unwrap_or_default()),
        ("cost-per-1k".to_owned(), cost.unwrap_or_default()),
        ("report-path".to_owned(), report.display().to_string()),
        ("spent".to_owned(), verdict.spent_usd.to_cents_string()),
    ]
}

/// Writes down in the job that there is no verdict, and why. Best effort.
pub(super) fn tell_no_verdict(environment: &Environment, text: &str) {
    let (reason, details) = text.split_once('\n').unwrap_or((text, ""));
    // The title says this itself.
    let reason = reason.strip_prefix("could not run: ").unwrap_or(reason);
    let summary = report::could_not_run_summary(reason, details, Usd::ZERO, run::MAX_SUMMARY_BYTES);
    let mut warnings = Vec::new();
    if let Some(path) = &environment.step_summary {
        warnings.extend(github::append_step_summary(path, &summary).err());
    }
    if let Some(path) = &environment.output {
        warnings.extend(github::write_outputs(path, [("verdict", "none")]).err());
    }
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    warn(&warnings);
}

/// Shows warnings: as annotations of the job in Actions, as lines elsewhere.
pub(super) fn warn(warnings: &[String]) {
    let in_actions = Environment::read(output::environment).in_actions();
    for warning in warnings {
        if in_actions {
            output::raw(&commands::annotation(commands::Severity::Warning, None, warning));
            output::raw("\n");
        } else {
            output::stderr(&format!("warning: {warning}\n"));
        }
    }
}
