//! What GitHub Actions says by environment variables: where we are, and the action's inputs.
//!
//! Everything reads through a lookup function, so that nothing here depends on the process. An omitted input
//! is present and empty (`ContainerActionHandler.cs` of the runner), which counts as absent; hyphens in the
//! names of inputs are kept (`INPUT_GITHUB-TOKEN`).

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use presscheck_core::inert::one_line;
use url::Url;

use super::event::{self, Event, EventError, MAX_EVENT_BYTES};

/// A token of GitHub. Shown as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token; nothing where the text is empty or can't go into a header.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let visible = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        visible.then(|| Self(text.to_owned()))
    }

    /// The token itself, for a header and for `::add-mask::` only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A repository as GitHub names it: `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The user or organisation.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
}

impl FromStr for Repository {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected a repository such as `owner/name`";
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && !matches!(part, "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(WRONG),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The runner's environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Whether this is a job of GitHub Actions.
    pub in_actions: bool,
    /// The event's name (`pull_request`).
    pub event_name: Option<String>,
    /// The file that holds the event's payload.
    pub event_path: Option<PathBuf>,
    /// The repository that the workflow runs in.
    pub repository: Option<Repository>,
    /// The API's base address: `https://api.github.com`, or `https://HOST/api/v3` on GitHub Enterprise.
    pub api_url: Option<Url>,
    /// The web pages' base address.
    pub server_url: Option<Url>,
    /// The checked-out repository.
    pub workspace: Option<PathBuf>,
    /// The file that takes the step summary.
    pub step_summary: Option<PathBuf>,
    /// The file that takes the step's outputs.
    pub output: Option<PathBuf>,
    /// The file that takes what a later stage of this step shall know.
    pub state: Option<PathBuf>,
    /// The workflow run.
    pub run_id: Option<u64>,
    /// Which attempt of it, from 1.
    pub run_attempt: Option<u64>,
    /// The job's id in the workflow.
    pub job: Option<String>,
    /// The runner's name.
    pub runner_name: Option<String>,
    /// Whether the user asked for debug logs of this run.
    pub debug: bool,
    /// Who may tell: the input `github-token`, else `GITHUB_TOKEN`.
    pub token: Option<Token>,
    /// The check run that an earlier stage of this step opened; there in a post step only.
    pub opened_check_run: Option<u64>,
    /// What was there and could not be read; sentences for people.
    pub problems: Vec<String>,
}

impl Environment {
    /// Reads the environment. Never fails: what can't be read is absent, and named in `problems`.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let mut problems = Vec::new();
        let mut wrong = |name: &str, value: &str, expected: &str| {
            problems.push(format!("{name} is `{}`: {expected}.", one_line(value, 80)));
        };
        let mut address = |name: &str, default: &str| {
            let value = text(name).unwrap_or_else(|| default.to_owned());
            match Url::parse(&value) {
                Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Some(url),
                _ => {
                    wrong(name, &value, "expected an http(s) address");
                    None
                }
            }
        };
        let api_url = address("GITHUB_API_URL", "https://api.github.com");
        let server_url = address("GITHUB_SERVER_URL", "https://github.com");
        let repository = text("GITHUB_REPOSITORY").and_then(|value| {
            value.parse().map_err(|expected| wrong("GITHUB_REPOSITORY", &value, expected)).ok()
        });
        let mut number = |name: &str| {
            let value = text(name)?;
            value.trim().parse().map_err(|_| wrong(name, &value, "expected a whole number")).ok()
        };
        let (run_id, run_attempt) = (number("GITHUB_RUN_ID"), number("GITHUB_RUN_ATTEMPT"));
        let opened_check_run = number("STATE_check_run");
        let token = text("INPUT_GITHUB-TOKEN").or_else(|| text("GITHUB_TOKEN"));
        let usable = token.as_deref().and_then(Token::new);
        if token.is_some() && usable.is_none() {
            let problem = "The GitHub token holds characters that no token has: it is not used.";
            problems.push(problem.to_owned());
        }
        let path = |name: &str| text(name).map(PathBuf::from);
        Self {
            in_actions: text("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            event_name: text("GITHUB_EVENT_NAME"),
            event_path: path("GITHUB_EVENT_PATH"),
            repository,
            api_url,
            server_url,
            workspace: path("GITHUB_WORKSPACE"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            output: path("GITHUB_OUTPUT"),
            state: path("GITHUB_STATE"),
            run_id,
            run_attempt,
            job: text("GITHUB_JOB"),
            runner_name: text("RUNNER_NAME"),
            debug: text("RUNNER_DEBUG").is_some_and(|value| value == "1"),
            token: usable,
            opened_check_run,
            problems,
        }
    }

    /// Whether this is a job of GitHub Actions.
    #[must_use]
    pub const fn in_actions(&self) -> bool {
        self.in_actions
    }

    /// The event that started the workflow, from the payload's file. `lookup` reads the environment.
    ///
    /// # Errors
    /// Where no event is named, its file can't be read, or it has no change to judge.
    pub fn event(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Event, EventError> {
        let name = self.event_name.as_deref().ok_or(EventError::Unnamed)?;
        event::read(name, &self.payload()?, lookup)
    }

    /// The event's payload, from its file.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn payload(&self) -> Result<Vec<u8>, EventError> {
        let unreadable = |reason: String| EventError::Unreadable { reason: one_line(&reason, 300) };
        let path = self.event_path.as_ref();
        let path = path.ok_or_else(|| unreadable("GITHUB_EVENT_PATH is missing".to_owned()))?;
        let failed = |error: std::io::Error| unreadable(format!("{}: {error}", path.display()));
        let mut payload = Vec::new();
        // One byte more than is allowed tells that there is more.
        let limit = u64::try_from(MAX_EVENT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut payload))
            .map_err(failed)?;
        Ok(payload)
    }

    /// The page of this run and attempt, where its log and summary are.
    #[must_use]
    pub fn job_url(&self) -> Option<String> {
        let server = self.server_url.as_ref()?.as_str().trim_end_matches('/');
        let (repository, run) = (self.repository.as_ref()?, self.run_id?);
        let attempt = self.run_attempt.unwrap_or(1);
        Some(format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_runner_says_where_we_are() {
        let environment = Environment::read(of(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "octo-org/octo.repo"),
            ("GITHUB_API_URL", "https://ghe.example.com/api/v3"),
            ("GITHUB_SERVER_URL", "https://ghe.example.com"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "3"),
            ("INPUT_GITHUB-TOKEN", "ghs_secret"),
            ("GITHUB_STEP_SUMMARY", ""),
        ]));
        assert!(environment.in_actions());
        assert_eq!(environment.problems, Vec::<String>::new());
        assert_eq!(environment.step_summary, None);
        assert_eq!(
            environment.job_url().unwrap(),
            "https://ghe.example.com/octo-org/octo.repo/actions/runs/42/attempts/3"
        );
        assert!(!format!("{environment:?}").contains("ghs_secret"));
    }

    #[test]
    fn the_event_comes_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        let lookup = of(&[("GITHUB_SHA", "4f2c91a0c1d2e3f405162738495a6b7c8d9eafb0")]);
        let mut environment = Environment::read(of(&[("GITHUB_EVENT_NAME", "workflow_dispatch")]));
        environment.event_path = Some(path.clone());
        let error = environment.event(&lookup).unwrap_err().to_string();
        assert!(error.contains("event.json"), "{error}");
        std::fs::write(&path, r#"{"repository": {"full_name": "octo-org/shop"}}"#).unwrap();
        assert_eq!(environment.event(&lookup).unwrap().repository, "octo-org/shop");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(environment.event(&lookup), Err(EventError::TooLarge { .. })));
        environment.event_path = None;
        assert!(matches!(environment.event(&lookup), Err(EventError::Unreadable { .. })));
    }

    #[test]
    fn nonsense_is_named_and_left_out() {
        let environment = Environment::read(of(&[
            ("GITHUB_REPOSITORY", "a/../b"),
            ("GITHUB_API_URL", "file:///etc/passwd"),
            ("GITHUB_RUN_ID", "x"),
            ("GITHUB_TOKEN", "a\nb: c"),
        ]));
        assert!(environment.token.is_none() && environment.api_url.is_none());
        insta::assert_snapshot!(environment.problems.join("\n"), @r"
        GITHUB_API_URL is `file:///etc/passwd`: expected an http(s) address.
        GITHUB_REPOSITORY is `a/../b`: expected a repository such as `owner/name`.
        GITHUB_RUN_ID is `x`: expected a whole number.
        The GitHub token holds characters that no token has: it is not used.
        ");
    }
}
