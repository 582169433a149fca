//! The routes, and the way from a request to its answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use presscheck_core::units::Usd;
use serde_json::json;

use super::answer::{Answer, Body, HTML, Handover, Travel, bad_header, json_error, truncated};
use super::ask::{Ask, Form};
use super::dice::Dice;
use super::fault::{Fault, whole_seconds};
use super::limits::Limits;
use super::log::{Log, LogEntry, json_lines};
use super::picture::{Order, Studio, Treatment};
use super::profile::{Model, Profile};
use super::question::{Put, Wire};

/// The largest request body: a prompt and its parameters need far less.
const MAX_REQUEST_BYTES: usize = 2 << 20;

/// The largest body of a question: it carries a picture.
const MAX_QUESTION_BYTES: usize = 64 << 20;

/// The longest that a client may take for a request's body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The most pictures kept for download by address; older addresses answer 404.
const MAX_ADDRESSES: usize = 10_000;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    addr: SocketAddr,
    profile: Profile,
    log: Arc<Log>,
    limits: Limits,
    studio: Studio,
    addresses: Mutex<HashMap<String, Arc<Ask>>>,
}

/// The answer to a request for any path.
pub(crate) async fn route(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let answer = match (request.method(), path.as_str()) {
        (&Method::POST, "/generate") => return generate(&state, request).await,
        (&Method::POST, path) if Wire::of(path).is_some() => {
            return match Wire::of(path) {
                Some(wire) => answer(&state, wire, request).await,
                None => not_found().into_response(Handover::none()),
            };
        }
        (_, "/generate") => {
            let message = "POST a JSON object with `prompt`, `model` and `seed`.";
            Answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        }
        (&Method::GET, "/") => Answer::ok("text/plain; charset=utf-8", state.page()),
        (&Method::GET, "/log") => {
            Answer::ok("application/x-ndjson", json_lines(&state.log.entries()))
        }
        (&Method::GET, path) => match path.strip_prefix("/images/") {
            Some(id) => state.download(id).await,
            None => not_found(),
        },
        _ => not_found(),
    };
    answer.into_response(Handover::none())
}

fn not_found() -> Answer {
    Answer::error(StatusCode::NOT_FOUND, "not_found", "Nothing is at this address.")
}

/// `POST /generate`.
async fn generate(state: &Arc<State>, request: Request<Incoming>) -> Response<Body> {
    if let Some(key) = &state.profile.key {
        let sent = request.headers().get(header::AUTHORIZATION).and_then(|sent| sent.to_str().ok());
        if sent.and_then(|sent| sent.strip_prefix("Bearer ")) != Some(key) {
            let message = "The key is missing or wrong: send `Authorization: Bearer KEY`.";
            return Answer::error(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
                .into_response(Handover::none());
        }
    }
    let ask = read(request, MAX_REQUEST_BYTES).await;
    let ask = ask.and_then(|body| Ask::read(&body).map_err(|message| bad_request(&message)));
    match ask {
        Ok(ask) => serve(state, &ask, None).await,
        Err(answer) => answer.into_response(Handover::none()),
    }
}

/// A question about a picture.
async fn answer(state: &Arc<State>, wire: Wire, request: Request<Incoming>) -> Response<Body> {
    if let Some(key) = &state.profile.key {
        let header = |name: &str| request.headers().get(name).and_then(|sent| sent.to_str().ok());
        let sent = match &wire {
            Wire::Google(_) => header("x-goog-api-key"),
            _ => header("authorization").and_then(|sent| sent.strip_prefix("Bearer ")),
        };
        if sent != Some(key) {
            let message = "The key is missing or wrong.";
            return wire
                .error(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
                .into_response(Handover::none());
        }
    }
    let put = read(request, MAX_QUESTION_BYTES).await;
    let put = put.and_then(|body| {
        let wrong = |message: String| wire.error(StatusCode::BAD_REQUEST, "bad_request", &message);
        Put::read(wire.clone(), &body).map_err(wrong)
    });
    match put {
        Ok(put) => serve(state, &put.ask.clone(), Some(put)).await,
        Err(answer) => answer.into_response(Handover::none()),
    }
}

/// Answers a request that was read: under the limits, after the model's latency, with the fault of this attempt.
async fn serve(state: &Arc<State>, ask: &Ask, put: Option<Put>) -> Response<Body> {
    let (n, attempt) = state.log.arrived(ask);
    let mut handover = Handover { log: Some((Arc::clone(&state.log), n)), place: None };
    let (fault, answer) = match state.limits.enter(Instant::now()) {
        Err(wait) if put.is_some() => {
            (None, put.as_ref().map_or_else(not_found, |put| put.turned_away(wait)))
        }
        Err(wait) => {
            let message = "Too many requests for this server's own limit.";
            let mut answer = Answer::error(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
            answer.retry_after = Some(whole_seconds(wait).max(1));
            (None, answer)
        }
        Ok(place) => {
            handover.place = Some(place);
            let started = tokio::time::Instant::now();
            let (fault, answer) = match &put {
                Some(put) => state.reply(put, attempt),
                None => state.compose(ask, attempt).await,
            };
            // A limiter answers before the model would have begun. Drawing the picture is part of the
            // model's latency, not on top of it.
            if fault != Some(Fault::RateLimited) {
                let latency = state.profile.latency(&ask.model, &ask.prompt, ask.seed);
                tokio::time::sleep_until(started + latency).await;
            }
            (fault, answer)
        }
    };
    state.log.decided(n, fault, answer.status.as_u16(), answer.charged);
    answer.into_response(handover)
}

/// Reads a request under limits of size and time.
async fn read(request: Request<Incoming>, most: usize) -> Result<Bytes, Answer> {
    let body = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout(BODY_TIME, body).await {
        Err(_) => {
            let message = "The request's body took too long.";
            Err(Answer::error(StatusCode::REQUEST_TIMEOUT, "timeout", message))
        }
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("The request's body is over {} MiB.", most >> 20);
            Err(Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &message))
        }
        Ok(Err(_)) => Err(bad_request("The request's body could not be read.")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

fn bad_request(message: &str) -> Answer {
    Answer::error(StatusCode::BAD_REQUEST, "bad_request", message)
}

impl State {
    /// The state of a server that has seen no request.
    pub(crate) fn new(profile: Profile, addr: SocketAddr, log: Arc<Log>) -> Self {
        Self {
            addr,
            limits: Limits::new(profile.concurrency, profile.rate),
            profile,
            log,
            studio: Studio::new(),
            addresses: Mutex::default(),
        }
    }

    /// All requests so far, in the order of their arrival.
    pub(crate) fn log(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// The answer to a request that was let in, and the fault that it shows.
    async fn compose(&self, ask: &Ask, attempt: u32) -> (Option<Fault>, Answer) {
        let Some(model) = self.profile.model(&ask.model) else {
            let message = "There is no such model in the profile.";
            return (None, Answer::error(StatusCode::NOT_FOUND, "model_not_found", message));
        };
        let size = match ask.picture_size(model.size) {
            Ok(size) => size,
            Err(message) => {
                return (None, Answer::error(StatusCode::BAD_REQUEST, "bad_request", &message));
            }
        };
        let fault = self
            .profile
            .fault(&ask.model, &ask.prompt, ask.seed)
            .filter(|fault| model.faults.lasts(*fault, attempt));
        let mut answer = match fault {
            Some(Fault::RateLimited) => return (fault, limited(model)),
            Some(Fault::ServerError) => {
                Answer::error(StatusCode::BAD_GATEWAY, "bad_gateway", "The model did not answer.")
            }
            Some(Fault::Refused) => {
                let message = "The request was refused by the content policy.";
                Answer::error(StatusCode::FORBIDDEN, "content_policy", message)
            }
            Some(Fault::Html) => Answer::ok("text/html; charset=utf-8", HTML),
            Some(Fault::JsonError) => Answer::json(&json_error()),
            _ if ask.form == Form::Url => {
                let url = self.address(ask);
                Answer::json(&json!({"created": ask.seed, "data": [{"url": url}]}))
            }
            _ => {
                let order = Order {
                    size,
                    treatment: Treatment::of(fault),
                    prompt: ask.prompt.clone(),
                    model: ask.model.clone(),
                    seed: ask.seed,
                    encoding: ask.encoding,
                };
                match self.studio.make(order).await {
                    Some(file) => picture(ask, model, fault, &file),
                    None => Answer::error(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "renderer_failed",
                        "The picture could not be drawn.",
                    ),
                }
            }
        };
        if answer.status == StatusCode::OK {
            answer.charged = model.price;
        }
        (fault, answer)
    }

    /// The answer to a question that was let in, and the fault that it shows.
    fn reply(&self, put: &Put, attempt: u32) -> (Option<Fault>, Answer) {
        let ask = &put.ask;
        let Some(model) = self.profile.model(&ask.model) else {
            return (None, put.no_model());
        };
        let fault = self
            .profile
            .fault(&ask.model, &ask.prompt, ask.seed)
            .filter(|fault| model.faults.lasts(*fault, attempt));
        (fault, put.answer(model, fault))
    }

    /// A new address for the picture of a request.
    fn address(&self, ask: &Ask) -> String {
        let mut dice = Dice::of("address", &ask.model, &ask.prompt, ask.seed);
        let shape =
            Dice::of(&format!("{:?}{:?}{:?}", ask.size, ask.aspect, ask.encoding), "", "", 0);
        let id = format!("{:016x}{:016x}", dice.bits(), shape.clone().bits());
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX_ADDRESSES {
            addresses.clear();
        }
        addresses.insert(id.clone(), Arc::new(Ask { form: Form::Bytes, ..ask.clone() }));
        format!("http://{}/images/{id}", self.addr)
    }

    /// `GET /images/ID`: the picture of an earlier request, with the faults of the file and of its way.
    async fn download(&self, id: &str) -> Answer {
        let ask = {
            let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            addresses.get(id).cloned()
        };
        let Some(ask) = ask else { return not_found() };
        // The attempts that fail are those at `POST /generate`; a picture that has an address is there.
        let (_, mut answer) = self.compose(&ask, u32::MAX).await;
        answer.charged = Usd::ZERO;
        answer
    }

    /// `GET /`: what the server is.
    fn page(&self) -> String {
        let mut page = format!(
            "presscheck's simulated model server\n\nPOST /generate   {{\"prompt\", \"model\", \"seed\", …}} to http://{}/generate\nGET  /log        every request so far, as JSON lines\n\n",
            self.addr
        );
        for (id, model) in &self.profile.models.0 {
            let id = presscheck_core::inert::one_line(id, 80);
            page.push_str(&format!("model {id}   {} an image\n", model.price));
        }
        page
    }
}

fn limited(model: &Model) -> Answer {
    let message = "Too many requests: slow down.";
    let mut answer = Answer::error(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
    answer.retry_after = Some(model.faults.retry_after());
    answer
}

/// The answer that carries a file, with the faults of the file and of its way.
fn picture(ask: &Ask, model: &Model, fault: Option<Fault>, file: &Bytes) -> Answer {
    let mut dice = Dice::of("damage", &ask.model, &ask.prompt, ask.seed);
    let file = match fault {
        Some(Fault::Truncated) => truncated(file, &mut dice),
        Some(Fault::BadHeader) => bad_header(file, &mut dice),
        _ => file.clone(),
    };
    let mut answer = match ask.form {
        Form::Base64 => Answer::json(
            &json!({"created": ask.seed, "data": [{"b64_json": STANDARD.encode(&file)}]}),
        ),
        Form::Bytes | Form::Url => Answer::ok(ask.encoding.content_type(), file),
    };
    answer.travel = match fault {
        Some(Fault::Cut) => Travel::Cut,
        Some(Fault::SlowBody) => Travel::Trickle(model.faults.table().slow_body_for.0),
        _ => Travel::Whole,
    };
    answer
}
