//! Bodies of answers: whole, cut, trickling; good and bad.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use presscheck_core::providers::Reply;
use presscheck_core::units::Usd;
use serde_json::{Value, json};

use super::dice::Dice;
use super::fault::{Fault, Faults};
use super::limits::Place;
use super::log::Log;

/// The body of an answer.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// How a body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Travel {
    /// At once.
    Whole,
    /// Half of it, then the connection is cut.
    Cut,
    /// In small pieces over this time.
    Trickle(Duration),
}

/// Tells the log when an answer was handed to the socket; holds the request's place until then.
#[derive(Debug)]
pub(crate) struct Handover {
    /// Where, and the request's number.
    pub(crate) log: Option<(Arc<Log>, u64)>,
    /// Given back with the last byte, or when the client has gone.
    pub(crate) place: Option<Place>,
}

impl Handover {
    /// For answers that no log follows.
    pub(crate) const fn none() -> Self {
        Self { log: None, place: None }
    }

    fn done(&mut self, whole: bool) {
        if let Some((log, n)) = self.log.take() {
            if whole {
                log.answered(n);
            } else {
                log.cut(n);
            }
        }
        self.place = None;
    }
}

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) travel: Travel,
    pub(crate) charged: Usd,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, travel: Travel::Whole, charged: Usd::ZERO }
    }
}

impl Answer {
    /// A body under 200.
    pub(crate) fn ok(content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self::from(Reply { status: 200, headers, body: body.into() })
    }

    /// JSON.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let mut answer = Self::ok("application/json", value.to_string());
        answer.reply.status = status;
        answer
    }

    /// An error with a code for machines and words for people.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": {"code": code, "message": message}}))
    }

    /// The answer, at this price.
    pub(crate) fn at(self, charged: Usd) -> Self {
        Self { charged, ..self }
    }

    /// The answer, as a fault of its way lets it travel.
    pub(crate) fn travelling(self, fault: Option<Fault>, faults: &Faults) -> Self {
        let travel = match fault {
            Some(Fault::Cut) => Travel::Cut,
            Some(Fault::SlowBody) => Travel::Trickle(faults.table().slow_body_for.0),
            _ => Travel::Whole,
        };
        Self { travel, ..self }
    }

    /// The HTTP answer. Everything but the body is fixed here; the body tells the handover when it is gone.
    pub(crate) fn into_response(self, handover: Handover) -> Response<Body> {
        let length = self.reply.body.len();
        let mut response = Response::new(body(self.reply.body, self.travel, handover));
        *response.status_mut() =
            StatusCode::from_u16(self.reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.reply.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value.parse()) {
                headers.append(name, value);
            }
        }
        headers.insert(header::CONTENT_LENGTH, length.into());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if !self.charged.is_zero()
            && let Ok(amount) = self.charged.as_decimal().normalize().to_string().parse()
        {
            headers.insert("x-cost-usd", amount);
        }
        response
    }
}

/// How many pieces a trickling body comes in.
const PIECES: u32 = 40;

/// How long a cut waits after the first half, so that it is on the wire before the connection goes.
const BEFORE_CUT: Duration = Duration::from_millis(20);

struct Sending {
    rest: Bytes,
    piece: usize,
    pause: Duration,
    cut: bool,
    first: bool,
    handover: Handover,
}

fn body(bytes: Bytes, travel: Travel, handover: Handover) -> Body {
    let whole = bytes.len().max(1);
    let (piece, pause, cut) = match travel {
        Travel::Whole => (whole, Duration::ZERO, false),
        Travel::Cut => (whole.div_ceil(2), BEFORE_CUT, true),
        Travel::Trickle(time) => {
            let piece = whole.div_ceil(usize::try_from(PIECES).unwrap_or(whole));
            (piece, time / PIECES, false)
        }
    };
    let sending = Sending { rest: bytes, piece, pause, cut, first: true, handover };
    let frames = stream::unfold(Some(sending), |sending| async move {
        let mut sending = sending?;
        if sending.rest.is_empty() {
            sending.handover.done(true);
            return None;
        }
        if !sending.first || !sending.cut {
            // A trickle waits before each piece; a cut only after its first.
            if !sending.pause.is_zero() {
                tokio::time::sleep(sending.pause).await;
            }
        }
        if sending.cut && !sending.first {
            sending.handover.done(false);
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "cut on purpose");
            return Some((Err(error), None));
        }
        sending.first = false;
        let piece = sending.rest.split_to(sending.piece.min(sending.rest.len()));
        if sending.rest.is_empty() {
            sending.handover.done(true);
        }
        Some((Ok(Frame::data(piece)), Some(sending)))
    });
    StreamBody::new(frames).boxed()
}

/// The first 35% to 75% of a file.
pub(crate) fn truncated(file: &Bytes, dice: &mut Dice) -> Bytes {
    let percent = 35 + usize::try_from(dice.below(40)).unwrap_or(0);
    file.slice(..file.len() * percent / 100)
}

/// A file whose first sixteen bytes are noise: no format's signature is left.
pub(crate) fn bad_header(file: &Bytes, dice: &mut Dice) -> Bytes {
    let mut bytes = file.to_vec();
    for byte in bytes.iter_mut().take(16) {
        // Flipping the high bit of every byte leaves no signature in place, whatever the noise.
        *byte = (*byte ^ 0x80) ^ u8::try_from(dice.below(128)).unwrap_or(0);
    }
    bytes.into()
}

/// A page as gateways and login walls send it under status 200.
pub(crate) const HTML: &str = "<!doctype html>\n<html><head><title>Service temporarily degraded</title></head>\n<body><h1>We'll be right back</h1><p>Image generation is under maintenance.</p></body></html>\n";

/// An error as some vendors send it under status 200.
pub(crate) fn json_error() -> Value {
    json!({"error": {"code": "internal_error", "message": "The image could not be generated."}})
}
