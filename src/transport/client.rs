//! One HTTP exchange, under limits: hosts, redirects, bytes, time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use presscheck_core::inert::one_line;
use presscheck_core::providers::Reply;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Method, Response, redirect};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::fault::{TransportFault, classify, innermost};
use super::hosts::Hosts;
use super::proxy::Proxies;
use super::resolve::{GuardedResolver, Lookup, SystemLookup};

/// How many redirects of a `GET` are followed, all on the same scheme, host and port.
const MAX_REDIRECTS: u32 = 5;

/// How long an idle connection is kept. Common servers close theirs after 5 s (Node, Uvicorn); a paid
/// request on a connection that is just being closed could not be told from one that was cut.
const IDLE: Duration = Duration::from_secs(4);

/// The most bytes of room that are made before a byte has come, whatever a server announces.
/// Memory that no byte was written to costs nothing; growing costs copies.
const FIRST_ROOM: u64 = 8 << 20;

/// What all requests of a client share.
#[derive(Clone)]
pub struct ClientOptions {
    /// The longest answer, in bytes.
    pub max_bytes: u64,
    /// The longest time to make a connection, name and TLS included.
    pub connect_timeout: Duration,
    /// The longest silence in the middle of an answer's body.
    pub silence: Duration,
    /// The proxy of the environment, if any.
    pub proxies: Proxies,
    /// How names are resolved.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            connect_timeout: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            proxies: Proxies::default(),
            lookup: Arc::new(SystemLookup),
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("max_bytes", &self.max_bytes)
            .field("connect_timeout", &self.connect_timeout)
            .field("silence", &self.silence)
            .finish_non_exhaustive()
    }
}

/// A request, ready to go: its host was checked, its keys are filled in.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// `GET` or `POST`.
    pub method: Method,
    /// Where to.
    pub url: &'a Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When the last byte must have come.
    pub deadline: Instant,
    /// The longest answer in bytes, where it is to be shorter than the client's own limit.
    pub max_bytes: Option<u64>,
}

/// The client of one provider.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    max_bytes: u64,
    silence: Duration,
}

impl Client {
    /// A client that connects to public addresses, and to those of the provider's own host.
    ///
    /// # Errors
    /// A sentence, where TLS or the proxy can't be set up.
    pub fn new(hosts: &Hosts, options: &ClientOptions) -> Result<Self, String> {
        // A second installation is refused, and the first one is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let proxy = options.proxies.open()?;
        let proxy_host = proxy.as_ref().and_then(|(_, host)| host.clone());
        let trusted: Vec<_> =
            hosts.own_host().map(str::to_owned).into_iter().chain(proxy_host).collect();
        let resolver = Arc::new(GuardedResolver::new(trusted, Arc::clone(&options.lookup)));
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("presscheck/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .no_proxy()
                .connect_timeout(options.connect_timeout)
                .pool_idle_timeout(IDLE)
                .dns_resolver(Arc::clone(&resolver));
            match &proxy {
                Some((proxy, _)) => builder.proxy(proxy.clone()),
                None => builder,
            }
        };
        // The system's roots, so that a company's own authority counts; where a slim container has none
        // at all, the roots of Mozilla that the binary carries.
        let http = builder()
            .build()
            .or_else(|_| builder().tls_certs_only(bundled_roots()).build())
            .map_err(|error| format!("TLS can't be set up: {}", innermost(&error)))?;
        Ok(Self { http, max_bytes: options.max_bytes, silence: options.silence })
    }

    /// Makes a request and reads the whole answer. The redirects of a `GET` are followed on its own
    /// scheme, host and port; no other redirect is.
    ///
    /// # Errors
    /// Why no whole answer came.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, TransportFault> {
        let mut url = outgoing.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.head(outgoing, &url).await?;
            match redirect_of(&response, &url) {
                None => return self.read(response, outgoing).await,
                Some(next) => {
                    url = followed(&outgoing.method, &url, response.status().as_u16(), next)?
                }
            }
        }
        Err(TransportFault::Redirected(format!("over {MAX_REDIRECTS} redirects; gave up")))
    }

    /// Sends and waits for the head of the answer.
    async fn head(&self, outgoing: &Outgoing<'_>, url: &Url) -> Result<Response, TransportFault> {
        let request = self
            .http
            .request(outgoing.method.clone(), url.clone())
            .headers(outgoing.headers.clone())
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .body(outgoing.body.clone());
        match timeout_at(outgoing.deadline, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(error, url)),
            Err(_) => Err(TransportFault::Timeout("no answer came in time".to_owned())),
        }
    }

    /// Reads the body. An error's body that breaks off or is too long is taken as far as it came: its
    /// status has said what matters, above all that nothing was charged.
    async fn read(
        &self,
        mut response: Response,
        outgoing: &Outgoing<'_>,
    ) -> Result<Reply, TransportFault> {
        let status = response.status().as_u16();
        let headers = plain_headers(response.headers());
        let announced = announced(response.headers());
        let mut body = BytesMut::new();
        let fault = self.read_body(&mut response, announced, outgoing, &mut body).await.err();
        match fault {
            Some(fault) if status < 400 => Err(fault),
            _ => Ok(Reply { status, headers, body: body.freeze() }),
        }
    }

    async fn read_body(
        &self,
        response: &mut Response,
        announced: Option<u64>,
        outgoing: &Outgoing<'_>,
        body: &mut BytesMut,
    ) -> Result<(), TransportFault> {
        let limit = outgoing.max_bytes.map_or(self.max_bytes, |most| most.min(self.max_bytes));
        let too_large = TransportFault::TooLarge { limit };
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large);
        }
        let room = announced.unwrap_or(0).min(FIRST_ROOM);
        body.reserve(usize::try_from(room).unwrap_or(0));
        loop {
            let quiet = Instant::now() + self.silence;
            let chunk = match timeout_at(quiet.min(outgoing.deadline), response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    let reason = innermost(&error);
                    return Err(cut(body.len(), &reason));
                }
                Err(_) => {
                    return Err(TransportFault::Timeout(format!(
                        "the answer stopped after {} bytes and did not go on in time",
                        body.len()
                    )));
                }
            };
            if as_u64(body.len()).saturating_add(as_u64(chunk.len())) > limit {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        // A body shorter than announced is an error of the HTTP layer, for each version of HTTP.
        Ok(())
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn cut(after: usize, reason: &str) -> TransportFault {
    TransportFault::Cut(format!("the answer broke off after {after} bytes: {reason}"))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

fn plain_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// Where a redirect points; nothing where the answer is none.
fn redirect_of(response: &Response, from: &Url) -> Option<Result<Url, String>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let shown = String::from_utf8_lossy(location.as_bytes()).into_owned();
    Some(from.join(&shown).map_err(|_| one_line(&shown, 100)))
}

/// The address to follow to.
fn followed(
    method: &Method,
    from: &Url,
    status: u16,
    next: Result<Url, String>,
) -> Result<Url, TransportFault> {
    let refuse = |words: String| Err(TransportFault::Redirected(words));
    let next = match next {
        Ok(next) => next,
        Err(shown) => return refuse(format!("HTTP {status} to `{shown}`, which is no address")),
    };
    // The host alone: the rest of a redirect's address may hold a token.
    let shown = one_line(next.host_str().unwrap_or_default(), 100);
    if *method != Method::GET {
        return refuse(format!(
            "HTTP {status} sends the request on to `{shown}`; a paid request is never sent on: give \
             the final address as `url`"
        ));
    }
    let same = next.scheme() == from.scheme()
        && next.host_str() == from.host_str()
        && next.port_or_known_default() == from.port_or_known_default()
        && next.username().is_empty()
        && next.password().is_none();
    if !same {
        return refuse(format!(
            "HTTP {status} leads to another place (`{shown}`); redirects are not followed across hosts"
        ));
    }
    Ok(next)
}

/// The roots of Mozilla's programme.
fn bundled_roots() -> Vec<Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|root| Certificate::from_der(root).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_roots_make_a_client() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots = bundled_roots();
        assert!(roots.len() > 50, "{}", roots.len());
        assert!(reqwest::Client::builder().tls_certs_only(roots).build().is_ok());
    }

    #[test]
    fn a_redirect_stays_where_it_was() {
        let from: Url = "https://a.test/x".parse().unwrap();
        let go = |method: &Method, to: &str| {
            followed(method, &from, 302, from.join(to).map_err(|_| to.to_owned()))
        };
        assert_eq!(go(&Method::GET, "/y?z").unwrap().as_str(), "https://a.test/y?z");
        for to in [
            "http://a.test/y",
            "https://b.test/y",
            "https://a.test:444/y",
            "https://u@a.test/",
            "//b.test",
        ] {
            assert!(go(&Method::GET, to).is_err(), "{to}");
        }
        assert!(go(&Method::POST, "/y").is_err());
    }
}
