//! The server: sockets, and the life of a running server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::log::{Log, LogEntry};
use super::profile::Profile;
use super::route::{OWN, State, route, spoken};

/// The longest that a client may take for a request's head.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// The simulated model server.
#[derive(Debug)]
pub struct Simulator;

/// What a server does besides its profile.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A file to which each request is appended as a JSON line when it arrives and when it is answered.
    pub log: Option<PathBuf>,
    /// The provider kind whose dialect is spoken at the bare address; the server's own where none is given. Every dialect
    /// is spoken at `KIND.localhost` besides.
    pub dialect: Option<String>,
}

/// The provider kinds whose dialect the server speaks.
pub fn dialects() -> impl Iterator<Item = &'static str> {
    spoken().map(|kind| kind.vocabulary.kind)
}

/// A server that runs until it is shut down or dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    dialect: &'static str,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Starts a server on a loopback address; port 0 takes any free port.
    ///
    /// # Errors
    /// Where the address is not this machine's own, or can't be bound.
    pub async fn start(profile: Profile, addr: SocketAddr) -> io::Result<Running> {
        Self::start_with(profile, addr, &Options::default()).await
    }

    /// Starts a server with options.
    ///
    /// # Errors
    /// As [`Simulator::start`], and where the log file can't be opened, or the dialect is none that is spoken.
    pub async fn start_with(
        profile: Profile,
        addr: SocketAddr,
        options: &Options,
    ) -> io::Result<Running> {
        if !addr.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the simulated server listens on this machine only, not on {addr}"),
            ));
        }
        let wanted = options.dialect.as_deref().unwrap_or(OWN);
        let dialect = dialects().find(|dialect| *dialect == wanted).ok_or_else(|| {
            let known = dialects().collect::<Vec<_>>().join(", ");
            let words = format!("there is no dialect `{wanted}` (known: {known})");
            io::Error::new(io::ErrorKind::InvalidInput, words)
        })?;
        let log = Arc::new(Log::open(options.log.as_deref())?);
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::new(profile, addr, log, dialect)?);
        let task = tokio::spawn(listen(listener, Arc::clone(&state)));
        Ok(Running { addr, dialect, state, task })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a policy's `url` is: the address of `POST /generate`, or the bare one of another dialect.
    #[must_use]
    pub fn url(&self) -> String {
        let path = if self.dialect == OWN { "/generate" } else { "" };
        format!("http://{}{path}", self.addr)
    }

    /// What a policy's `url` is for a provider of this kind, whatever is spoken at the bare address.
    #[must_use]
    pub fn url_of(&self, dialect: &str) -> String {
        format!("http://{dialect}.localhost:{}", self.addr.port())
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.state.log()
    }

    /// Stops listening and closes every connection, answered or not.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // The only error is the cancellation that was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections until the task is aborted, which closes them all.
async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // A small answer should not wait for a full packet.
                    let _ = stream.set_nodelay(true);
                    let state = Arc::clone(&state);
                    connections.spawn(async move {
                        let service = service_fn(move |request| {
                            let state = Arc::clone(&state);
                            async move { Ok::<_, Infallible>(route(state, request).await) }
                        });
                        // What goes wrong on one connection (a client that left, a cut on purpose) is
                        // no concern of the others.
                        let _ = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(HEAD_TIME)
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
                // Out of file descriptors, mostly: wait until some connection ends.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
