//! The other half of a dialect: what a server that speaks it hears and says, without I/O. The simulated server answers with
//! it, so that a team rehearses its policy against its provider's manners without a key; and each dialect is tested
//! against its own.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Reply, Stage};

/// A request as a server gets it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Its path.
    pub path: &'a str,
    /// Its query, without the question mark; empty where there is none.
    pub query: &'a str,
    /// Headers: lower-case names.
    pub headers: &'a [(String, String)],
    /// Its body.
    pub body: &'a Bytes,
}

impl<'a> Request<'a> {
    /// The first value of a header (lower-case name).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a name in the query.
    #[must_use]
    pub fn asked(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// What the header `authorization` holds after the name of its scheme.
    pub(super) fn credentials(&self, scheme: &str) -> Option<&'a str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == "authorization")?;
        value.strip_prefix(scheme)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A sentence, where it is none.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(self.body).map_err(|error| format!("the body is no JSON: {error}"))
    }
}

/// What a request is about.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A picture is asked for.
    Draw(Draft),
    /// How an earlier order, by the name that it was given, is getting on.
    Poll(String),
    /// A call on the way to an order, which is answered like this.
    Aside(Reply),
}

/// An order, as far as a server looks at it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// What is to be drawn.
    pub prompt: String,
    /// The model's id.
    pub model: String,
    /// The seed, where the wire carries one.
    pub seed: Option<u64>,
    /// The size that is asked for.
    pub size: Option<(u32, u32)>,
    /// Width to height, where it is asked for.
    pub aspect: Option<(u32, u32)>,
    /// The media type that is asked for.
    pub media_type: Option<&'static str>,
    /// The input picture.
    pub image: Option<Bytes>,
    /// How the picture is handed over.
    pub delivery: Delivery,
    /// Whether a picture in the answer is wanted as text, where the wire has both forms.
    pub base64: bool,
}

impl Draft {
    /// An order of a wire where it gets a name, and its picture an address.
    pub(super) fn by_job(model: &str, prompt: &str) -> Self {
        let (model, prompt) = (model.to_owned(), prompt.to_owned());
        Self { model, prompt, delivery: Delivery::JobThenAddress, ..Self::default() }
    }
}

/// How a picture is handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In the answer.
    #[default]
    Inline,
    /// At an address that the answer names.
    Address,
    /// The order gets a name, by which is asked for it until it is ready.
    Job,
    /// The same, and the picture then lies at an address.
    JobThenAddress,
}

impl Delivery {
    /// Whether the order gets a name.
    #[must_use]
    pub const fn by_job(self) -> bool {
        matches!(self, Self::Job | Self::JobThenAddress)
    }

    /// Whether the picture gets an address.
    #[must_use]
    pub const fn by_address(self) -> bool {
        matches!(self, Self::Address | Self::JobThenAddress)
    }
}

/// What a server says.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// The picture.
    Picture {
        /// The file.
        bytes: &'a Bytes,
        /// What it is.
        media_type: &'a str,
    },
    /// The picture's address.
    Address {
        /// Where.
        url: &'a str,
    },
    /// The order has got a name.
    Accepted {
        /// The name.
        job: &'a str,
    },
    /// The picture is not ready.
    Pending {
        /// The order's name.
        job: &'a str,
    },
    /// Nobody knows an order of this name, or no longer.
    NoJob,
    /// The safety policy refuses.
    Refused(Stage),
    /// Success, and no picture.
    Empty,
    /// Too many requests.
    RateLimited(Duration),
    /// The server failed.
    ServerFault,
    /// The key is missing or wrong.
    BadKey,
    /// There is no credit left.
    OutOfCredit,
    /// There is no such model, or no longer.
    NoModel,
    /// The request is wrong.
    BadRequest(&'a str),
}

/// How many requests a provider takes, as it documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many requests …
    pub count: u32,
    /// … in this span of time.
    pub span: Duration,
    /// How long a key is locked out that asked for more.
    pub lockout: Duration,
}

/// An order as tests make it of a dialect: a model that stands for one of its wires, and what is asked of it.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The model's id.
    pub model: &'static str,
    /// What it is to do.
    pub task: crate::policy::Task,
    /// Its parameters, as JSON.
    pub params: &'static str,
    /// Whether it takes a picture alone, without a prompt.
    pub wordless: bool,
    /// Whether it takes a mask.
    pub masked: bool,
}

#[cfg(test)]
impl Example {
    pub(super) const fn new(model: &'static str, task: crate::policy::Task) -> Self {
        Self { model, task, params: "{}", wordless: false, masked: false }
    }

    pub(super) const fn with(self, params: &'static str) -> Self {
        Self { params, ..self }
    }

    pub(super) const fn wordless(self) -> Self {
        Self { wordless: true, ..self }
    }

    pub(super) const fn masked(self) -> Self {
        Self { masked: true, ..self }
    }
}

/// A server that speaks a dialect.
pub trait Rehearsal: Send + Sync {
    /// The key that a request carries, as it carries it.
    fn key<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        request.credentials("Bearer ")
    }

    /// The stages of refusals that the wire can tell; none where there is no safety policy.
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Input, Stage::Output]
    }

    /// The orders that tests make, at least one for each way in which an order is sent.
    #[cfg(test)]
    fn examples(&self) -> &'static [Example];

    /// What a policy has to say of a provider of this kind so that it works: its `url`, and other keys as JSON.
    #[cfg(test)]
    fn set_up(&self) -> (Option<&'static str>, &'static str) {
        (None, "{}")
    }

    /// How many requests its provider takes, where that is documented.
    fn pace(&self) -> Option<Pace> {
        None
    }

    /// What a request is about; nothing where it is not to this dialect.
    ///
    /// # Errors
    /// A sentence, where the request is wrong.
    fn hear(&self, request: &Request<'_>) -> Option<Result<Heard, String>>;

    /// What the server says to an order.
    fn say(&self, draft: &Draft, act: &Act<'_>) -> Reply;
}

/// A reply of JSON.
pub(super) fn reply(status: u16, body: &Value) -> Reply {
    Reply {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from(body.to_string()),
    }
}

/// A reply of bytes.
pub(super) fn file(bytes: &Bytes, media_type: &str) -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type".to_owned(), media_type.to_owned())],
        body: bytes.clone(),
    }
}

impl Reply {
    /// The reply with a header more.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// A wait in whole seconds, rounded up, as `Retry-After` wants it (RFC 9110, 10.2.3).
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// `16:9`.
pub(super) fn ratio(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(':')?;
    let side = |text: &str| text.trim().parse::<u32>().ok().filter(|n| (1..=10_000).contains(n));
    Some((side(width)?, side(height)?))
}

/// `1024x1024`.
pub(super) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse::<u32>().ok().filter(|n| (1..=16_384).contains(n));
    Some((side(width)?, side(height)?))
}

/// OpenAI's error, which many speak.
pub(super) fn openai_error(status: u16, kind: &str, code: &str, message: &str) -> Reply {
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    reply(status, &json!({"error": error}))
}

#[cfg(test)]
mod tests;
