//! The client: GitHub's REST API over `octocrab`, with time limits and bounded retries.
//!
//! `octocrab` builds the connection, the addresses (GitHub Enterprise has a path before every route) and the
//! authentication. Its own retries wait as long as a header says and repeat what may already have been done;
//! ours do neither.

mod pace;
mod refusal;

use std::error::Error as _;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use presscheck_core::inert::one_line;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::environment::{Environment, Repository, Token};
use super::error::{ApiError, Doing};
use pace::Pace;
use refusal::{Failed, Limits, Next, refusal, said};

/// The largest answer in JSON that is read: a page of 100 comments of 65,536 characters, and what surrounds them.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// What GitHub answers by default.
const JSON: &str = "application/vnd.github+json";

/// Makes *ring* the process's TLS crypto, once. Harmless where somebody already has.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that a provider is installed already, which is all we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// How long we wait for GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For one request with its answer.
    pub request: Duration,
    /// How often a request is sent at most.
    pub tries: u32,
    /// The pause before the second try; it doubles with every further one.
    pub pause: Duration,
    /// The longest wait for a rate limit, over all tries of a request.
    pub rate_limit: Duration,
}

impl Default for Patience {
    /// A secondary rate limit asks for a minute
    /// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(20),
            tries: 3,
            pause: Duration::from_millis(400),
            rate_limit: Duration::from_secs(75),
        }
    }
}

impl Patience {
    /// For the way out: the runner kills a cancelled step ten seconds after it asked
    /// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation>).
    #[must_use]
    pub const fn last_words() -> Self {
        Self {
            connect: Duration::from_secs(2),
            request: Duration::from_secs(3),
            tries: 2,
            pause: Duration::from_millis(200),
            rate_limit: Duration::ZERO,
        }
    }

    /// For what is soon out of date, and must be out of the way of last words: one try, and no waiting.
    #[must_use]
    pub const fn in_passing() -> Self {
        Self { tries: 1, ..Self::last_words() }
    }
}

/// What is sent, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Method {
    /// Whether it counts for GitHub's limit on what writes.
    const fn writes(self) -> bool {
        match self {
            Self::Get => false,
            Self::Post | Self::Patch | Self::Delete => true,
        }
    }
}

/// A request, with what its answer may be.
struct Request<'a, B> {
    doing: Doing,
    method: Method,
    route: &'a str,
    body: Option<&'a B>,
    accept: &'static str,
    max_bytes: usize,
}

/// An answer of HTTP 2xx.
pub(super) struct Answer {
    doing: Doing,
    /// What came.
    pub(super) body: Bytes,
    /// What GitHub calls it.
    pub(super) content_type: Option<String>,
    /// Whether the `Link` header names a next page.
    pub(super) has_next: bool,
}

impl Answer {
    /// Its JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| ApiError::BadAnswer {
            doing: self.doing,
            reason: one_line(&error.to_string(), 200),
        })
    }
}

/// A client for one repository.
#[derive(Clone, Debug)]
pub struct Api {
    crab: Octocrab,
    repository: Repository,
    patience: Patience,
    /// What GitHub's latest answer said the time was, and when that was here.
    clock: Arc<Mutex<Option<(SystemTime, Instant)>>>,
    /// How fast it may write.
    pace: Arc<Pace>,
}

impl Api {
    /// A client. Sends nothing yet; needs a Tokio runtime around it.
    ///
    /// # Errors
    /// Where there is no Tokio runtime, or the machine has no root certificates.
    pub fn new(
        api_url: &Url,
        repository: Repository,
        token: &Token,
        patience: Patience,
    ) -> Result<Self, ApiError> {
        let setup = |reason: &str| ApiError::Setup { reason: one_line(reason, 300) };
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(setup("there is no asynchronous runtime"));
        }
        install_crypto();
        let crab = Octocrab::builder()
            .base_uri(api_url.as_str().trim_end_matches('/'))
            .map_err(|error| setup(&root(&error)))?
            .personal_token(token.expose().to_owned())
            .add_retry_config(RetryConfig::None)
            .set_connect_timeout(Some(patience.connect))
            .set_read_timeout(Some(patience.request))
            .set_write_timeout(Some(patience.request))
            .build()
            .map_err(|error| setup(&root(&error)))?;
        Ok(Self { crab, repository, patience, clock: Arc::default(), pace: Arc::default() })
    }

    /// A client for the repository that the workflow runs in.
    ///
    /// # Errors
    /// As [`Self::new`] has it, and where the environment lacks the token, the repository or the address.
    pub fn of(environment: &Environment, patience: Patience) -> Result<Self, ApiError> {
        let missing = |what: &str| ApiError::Setup { reason: format!("{what} is missing") };
        let url = environment.api_url.as_ref().ok_or_else(|| missing("the API's address"))?;
        let repository = environment.repository.clone();
        let repository = repository.ok_or_else(|| missing("GITHUB_REPOSITORY"))?;
        let token = environment.token.as_ref().ok_or_else(|| missing("the token"))?;
        Self::new(url, repository, token, patience)
    }

    /// The same client with other limits of time.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The time by GitHub's clock, as far as it told; else by this machine's.
    pub(super) fn time(&self) -> jiff::Timestamp {
        let told = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let time = told.and_then(|(time, at)| time.checked_add(at.elapsed()));
        time.and_then(|time| time.try_into().ok()).unwrap_or_else(jiff::Timestamp::now)
    }

    /// How long it waits.
    pub(super) const fn patience(&self) -> Patience {
        self.patience
    }

    /// The repository that it is for.
    pub(super) const fn repository(&self) -> &Repository {
        &self.repository
    }

    /// A route below the repository: `/repos/OWNER/NAME/…`.
    pub(super) fn route(&self, tail: &str) -> String {
        format!("/repos/{}/{}/{tail}", self.repository.owner, self.repository.name)
    }

    /// Sends a request until it is answered, within the limits. A `POST` is never repeated where it may have
    /// been carried out: its caller must look first.
    pub(super) async fn send<B: Serialize + Sync>(
        &self,
        doing: Doing,
        method: Method,
        route: &str,
        body: Option<&B>,
    ) -> Result<Answer, ApiError> {
        let (accept, max_bytes) = (JSON, MAX_ANSWER);
        self.repeat(&Request { doing, method, route, body, accept, max_bytes }).await
    }

    /// Reads something, in the form and of the size that is asked for.
    pub(super) async fn get(
        &self,
        doing: Doing,
        route: &str,
        accept: &'static str,
        max_bytes: usize,
    ) -> Result<Answer, ApiError> {
        let (method, body) = (Method::Get, None::<&()>);
        self.repeat(&Request { doing, method, route, body, accept, max_bytes }).await
    }

    async fn repeat<B: Serialize + Sync>(
        &self,
        request: &Request<'_, B>,
    ) -> Result<Answer, ApiError> {
        let mut pause = self.patience.pause;
        let mut waited = Duration::ZERO;
        for tries in 1_u32.. {
            while let Err(wait) = self.place(request.method) {
                waited = waited.saturating_add(wait);
                if waited > self.patience.rate_limit {
                    let (doing, wait) = (request.doing, Some(wait));
                    return Err(ApiError::RateLimited { doing, wait });
                }
                tokio::time::sleep(wait).await;
            }
            let failed = match self.try_once(request, tries).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let wait = match failed.then {
                Next::GiveUp => return Err(failed.error),
                Next::Pause if request.method == Method::Post => return Err(failed.error),
                Next::Pause => {
                    let wait = pause.mul_f64(rand::random_range(0.8..1.2));
                    pause = pause.saturating_mul(2);
                    wait
                }
                Next::Wait(wait) => {
                    waited = waited.saturating_add(wait);
                    if waited > self.patience.rate_limit {
                        return Err(failed.error);
                    }
                    wait
                }
            };
            if tries >= self.patience.tries {
                return Err(failed.error);
            }
            tokio::time::sleep(wait).await;
        }
        Err(ApiError::Setup { reason: "no try is allowed".to_owned() })
    }

    /// A place among the requests of this minute; an error says how long there is none.
    fn place(&self, method: Method) -> Result<(), Duration> {
        if method.writes() { self.pace.take(Instant::now()) } else { Ok(()) }
    }

    async fn try_once<B: Serialize + Sync>(
        &self,
        request: &Request<'_, B>,
        tries: u32,
    ) -> Result<Answer, Failed> {
        let &Request { doing, method, route, body, accept, max_bytes } = request;
        let unreachable = |reason: &str| Failed {
            error: ApiError::Unreachable { doing, reason: one_line(reason, 200) },
            then: Next::Pause,
        };
        let exchange = async {
            let response = match method {
                Method::Get => {
                    let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
                    self.crab._get_with_headers(route, Some(accept)).await
                }
                Method::Post => self.crab._post(route, body).await,
                Method::Patch => self.crab._patch(route, body).await,
                Method::Delete => self.crab._delete(route, None::<&()>).await,
            };
            let response = response.map_err(|error| unreachable(&root(&error)))?;
            let status = response.status().as_u16();
            let header = |name: &str| {
                let value = response.headers().get(name)?.to_str().ok()?;
                Some(value.trim().to_owned())
            };
            if let Some(time) = header("date").and_then(|it| httpdate::parse_http_date(&it).ok()) {
                let told = Some((time, Instant::now()));
                *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = told;
            }
            let has_next = header("link").is_some_and(|link| link.contains("rel=\"next\""));
            let limits = Limits {
                retry_after: header("retry-after"),
                remaining: header("x-ratelimit-remaining"),
                reset: header("x-ratelimit-reset"),
            };
            let content_type = header("content-type");
            let is_good = (200..300).contains(&status);
            // A refusal may have more bytes than what was asked for.
            let most = if is_good { max_bytes } else { MAX_ANSWER };
            let body = Limited::new(response.into_body(), most).collect().await;
            let body = match body {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => {
                    let error = ApiError::TooLarge { doing, max_bytes };
                    return Err(Failed { error, then: Next::GiveUp });
                }
                Err(error) => return Err(unreachable(&error.to_string())),
            };
            if is_good {
                return Ok(Answer { doing, body, content_type, has_next });
            }
            Err(refusal(doing, status, &said(&body), &limits, tries))
        };
        match tokio::time::timeout(self.patience.request, exchange).await {
            Ok(result) => result,
            Err(_) => Err(unreachable(&format!(
                "no answer within {} s",
                self.patience.request.as_secs_f32()
            ))),
        }
    }
}

/// The innermost error: the one that says what went wrong.
fn root(error: &octocrab::Error) -> String {
    let mut innermost = error.source();
    let mut text = error.to_string();
    while let Some(error) = innermost {
        text = error.to_string();
        innermost = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
