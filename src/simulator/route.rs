//! The routes: who is spoken to, and what about.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, header};
use presscheck_core::inert::one_line;
use presscheck_core::providers::rehearsal::{self, Act, Draft, Heard};
use presscheck_core::providers::{Kind, REGISTRY};

use super::alarm::Alarm;
use super::answer::{Answer, Body, Handover};
use super::credit::Credit;
use super::fault::Fault;
use super::limits::{Limits, PerTime, Place};
use super::log::{Log, LogEntry, json_lines};
use super::orders::{Hung, Job, Voice};
use super::picture::Studio;
use super::profile::Profile;
use super::question::{Put, Wire};
use super::shelf::Shelf;

/// The largest request body: it may carry a picture.
const MAX_REQUEST_BYTES: usize = 64 << 20;

/// The longest that a client may take for a request's body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The dialect of the server's own.
pub(crate) const OWN: &str = "simulated";

/// The end of the host names under which each dialect is spoken.
const LOCAL: &str = ".localhost";

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    addr: SocketAddr,
    /// The dialect where the host's name says none.
    dialect: &'static str,
    pub(super) profile: Profile,
    pub(super) log: Arc<Log>,
    limits: Limits,
    /// What the providers of dialects document of themselves, where the profile says nothing else.
    houses: BTreeMap<&'static str, Limits>,
    pub(super) credit: Credit,
    pub(super) studio: Studio,
    pub(super) addresses: Shelf<Hung>,
    pub(super) jobs: Shelf<Job>,
    pub(super) alarm: Alarm,
}

/// The answer to a request for any path.
pub(crate) async fn route(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let alone = |answer: Answer| answer.into_response(Handover::none());
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET {
        match path.as_str() {
            "/" => return alone(Answer::ok("text/plain; charset=utf-8", state.page())),
            "/log" => {
                let lines = json_lines(&state.log.entries());
                return alone(Answer::ok("application/x-ndjson", lines));
            }
            path => {
                if let Some(id) = path.strip_prefix("/images/") {
                    return alone(state.download(id).await);
                }
            }
        }
    }
    let voice = match state.voice(&request) {
        Ok(voice) => voice,
        Err(answer) => return alone(answer),
    };
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(answer) => return alone(answer),
    };
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers: Vec<(String, String)> = head.headers.iter().filter_map(text).collect();
    let request = rehearsal::Request {
        method: head.method.as_str(),
        path: &path,
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    if head.method == Method::POST
        && let Some(wire) = Wire::of(&path)
        && let Some(put) = Put::read(wire.clone(), &body)
    {
        return state.question(&voice, &request, &wire, put).await;
    }
    let Some(heard) = voice.server.hear(&request) else {
        return alone(state.not_found(&voice, &request));
    };
    if state.is_strange(voice.server.key(&request)) {
        let draft = match &heard {
            Ok(Heard::Draw(draft)) => draft,
            _ => &Draft::default(),
        };
        return alone(voice.say(draft, Act::BadKey));
    }
    match heard {
        Ok(Heard::Draw(draft)) => state.order(&voice, &draft).await,
        Ok(Heard::Aside(reply)) => alone(reply.into()),
        Ok(Heard::Poll(name)) => {
            // A poll is a request as any other to who counts them by the key.
            if let Err(wait) = state.house(&voice, Instant::now()) {
                return alone(voice.say(&Draft::default(), Act::RateLimited(wait)));
            }
            alone(state.poll(&voice, &name).await)
        }
        Err(words) => alone(voice.say(&Draft::default(), Act::BadRequest(&words))),
    }
}

/// Reads a body under limits of size and time.
async fn read(body: Incoming) -> Result<Bytes, Answer> {
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect();
    match tokio::time::timeout(BODY_TIME, body).await {
        Err(_) => Err(Answer::error(408, "timeout", "The request's body took too long.")),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("The request's body is over {} MiB.", MAX_REQUEST_BYTES >> 20);
            Err(Answer::error(413, "too_large", &message))
        }
        Ok(Err(_)) => {
            Err(Answer::error(400, "bad_request", "The request's body could not be read."))
        }
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

/// The kinds whose dialect the server speaks.
pub(crate) fn spoken() -> impl Iterator<Item = &'static Kind> {
    REGISTRY.iter().filter(|kind| kind.rehearsal.is_some())
}

/// The limits that providers document of themselves.
fn houses() -> BTreeMap<&'static str, Limits> {
    let house = |kind: &'static Kind| {
        let pace = kind.rehearsal?.pace()?;
        let rate = PerTime { count: pace.count, span: pace.span };
        Some((kind.vocabulary.kind, Limits::new(None, Some(rate), Some(pace.lockout))))
    };
    spoken().filter_map(house).collect()
}

impl State {
    /// The state of a server that has seen no request.
    ///
    /// # Errors
    /// Where its clock can't be started.
    pub(crate) fn new(
        profile: Profile,
        addr: SocketAddr,
        log: Arc<Log>,
        dialect: &'static str,
    ) -> io::Result<Self> {
        Ok(Self {
            addr,
            dialect,
            limits: Limits::new(
                profile.concurrency,
                profile.rate,
                profile.lockout.map(|lockout| lockout.0),
            ),
            houses: if profile.rate.is_none() { houses() } else { BTreeMap::new() },
            credit: Credit::new(profile.credit),
            profile,
            log,
            studio: Studio::new(),
            addresses: Shelf::new(),
            jobs: Shelf::new(),
            alarm: Alarm::start()?,
        })
    }

    /// A place for one more order or question.
    ///
    /// # Errors
    /// How long to wait, where a limit is reached.
    pub(super) fn enter(&self, voice: &Voice, now: Instant) -> Result<Place, Duration> {
        let place = self.limits.enter(now)?;
        self.house(voice, now)?;
        Ok(place)
    }

    /// Counts a request by what its provider documents.
    fn house(&self, voice: &Voice, now: Instant) -> Result<(), Duration> {
        match self.houses.get(voice.name()) {
            Some(limits) => limits.enter(now).map(|_| ()),
            None => Ok(()),
        }
    }

    /// All requests so far, in the order of their arrival.
    pub(crate) fn log(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// Who is spoken to: the dialect that the host's name says (`openai.localhost`), else the server's.
    fn voice(&self, request: &Request<Incoming>) -> Result<Voice, Answer> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default().to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let dialect = name.strip_suffix(LOCAL);
        let wanted = dialect.unwrap_or(self.dialect);
        let found = spoken().find(|kind| kind.vocabulary.kind == wanted);
        let Some((kind, server)) = found.and_then(|kind| Some((kind, kind.rehearsal?))) else {
            let message =
                format!("There is no dialect `{}`. {}", one_line(wanted, 40), self.hosts());
            return Err(Answer::error(404, "not_found", &message));
        };
        // An address has the host that the client asked, so that its own rules let it follow.
        let known = dialect.is_some() || matches!(name, "localhost" | "127.0.0.1");
        let base = if known { format!("http://{host}") } else { format!("http://{}", self.addr) };
        Ok(Voice { kind, server, base })
    }

    /// The hosts under which each dialect is spoken.
    fn hosts(&self) -> String {
        let hosts: Vec<_> = spoken()
            .map(|kind| format!("http://{}{LOCAL}:{}", kind.vocabulary.kind, self.addr.port()))
            .collect();
        format!("Each dialect is spoken at a host of its own: {}.", hosts.join(", "))
    }

    fn not_found(&self, voice: &Voice, request: &rehearsal::Request<'_>) -> Answer {
        let kind = voice.kind.vocabulary.kind;
        if kind == OWN && request.path == "/generate" {
            let message = "POST a JSON object with `prompt`, `model` and `seed`.";
            return Answer::error(405, "method_not_allowed", message);
        }
        let message =
            format!("Nothing is at this address in the dialect `{kind}`. {}", self.hosts());
        Answer::error(404, "not_found", &message)
    }

    /// Whether a key is wanted, and another one or none was sent.
    fn is_strange(&self, sent: Option<&str>) -> bool {
        let Some(key) = &self.profile.key else { return false };
        // HTTP Basic carries it as base64 (RFC 7617).
        sent.is_none_or(|sent| sent != key && sent != STANDARD.encode(key))
    }

    /// A question about a picture: under the limits, after the model's latency, with the fault of this attempt.
    async fn question(
        &self,
        voice: &Voice,
        request: &rehearsal::Request<'_>,
        wire: &Wire,
        put: Result<Put, String>,
    ) -> Response<Body> {
        // The server's own dialect takes questions in both of theirs.
        let own = voice.kind.vocabulary.kind == OWN;
        let sent = match wire {
            Wire::Google(_) if own => request.header("x-goog-api-key"),
            _ => voice.server.key(request),
        };
        if self.is_strange(sent) {
            let answer = wire.error(401, "invalid_api_key", "The key is missing or wrong.");
            return answer.into_response(Handover::none());
        }
        let put = match put {
            Ok(put) => put,
            Err(words) => {
                let answer = wire.error(400, "bad_request", &words);
                return answer.into_response(Handover::none());
            }
        };
        let sample = &put.sample;
        let (n, attempt) = self.log.arrived(sample);
        let mut handover = Handover { log: Some((Arc::clone(&self.log), n)), place: None };
        let (fault, answer) = match self.enter(voice, Instant::now()) {
            Err(wait) => (None, put.turned_away(wait)),
            Ok(place) => {
                handover.place = Some(place);
                let started = Instant::now();
                let (fault, answer) = self.reply(voice, &put, attempt);
                if fault != Some(Fault::RateLimited) {
                    let latency = self.profile.latency(&sample.model, &sample.prompt, sample.seed);
                    self.alarm.sleep_until(started + latency).await;
                }
                (fault, answer)
            }
        };
        self.log.decided(n, fault, answer.reply.status, answer.charged);
        answer.into_response(handover)
    }

    /// The answer to a question that was let in, and the fault that it shows.
    fn reply(&self, voice: &Voice, put: &Put, attempt: u32) -> (Option<Fault>, Answer) {
        let sample = &put.sample;
        let Some(model) = self.profile.model(&sample.model) else {
            return (None, put.no_model());
        };
        let fault = self
            .profile
            .fault(&sample.model, &sample.prompt, sample.seed)
            .filter(|fault| model.faults.lasts(*fault, attempt));
        let price = model.price_of(&sample.model, voice.kind.vocabulary.list_price);
        (fault, put.answer(model, price, fault))
    }

    /// `GET /`: what the server is.
    fn page(&self) -> String {
        let addr = self.addr;
        let dialect = self.dialect;
        let list = spoken().find(|kind| kind.vocabulary.kind == dialect);
        let list = list.and_then(|kind| kind.vocabulary.list_price);
        let mut page = format!(
            "presscheck's simulated model server\n\nhttp://{addr} speaks `{dialect}`. {}\n\nPOST /generate   {{\"prompt\", \"model\", \"seed\", …}}, in the dialect `{OWN}`\nGET  /log        every request so far, as JSON lines\n\n",
            self.hosts()
        );
        for (id, model) in &self.profile.models.0 {
            let price = model.price_of(id, list);
            page.push_str(&format!("model {}   {price} an image\n", one_line(id, 80)));
        }
        page
    }
}
