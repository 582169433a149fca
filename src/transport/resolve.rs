//! Names to addresses: what was checked is what is connected to.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::hosts::{is_localhost, is_public};

/// The addresses of a name, to come.
pub type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How names are resolved; tests bring their own.
pub trait Lookup: Send + Sync {
    /// The addresses of a name.
    fn lookup(&self, host: &str) -> LookupFuture;
}

/// The system's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> LookupFuture {
        let host = host.to_owned();
        Box::pin(async move {
            // Not every system's resolver knows that these always mean this machine (RFC 6761, 6.3).
            if host.ends_with(".localhost") {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name that leads only to addresses that are no business of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRefused {
    /// The name.
    pub host: String,
    /// One of its addresses.
    pub address: IpAddr,
}

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` leads to {}, which is a private address; nothing was sent there",
            self.host, self.address
        )
    }
}

impl std::error::Error for AddressRefused {}

/// Resolves names and drops the addresses that may not be connected to. The client connects to exactly
/// what this returns, so that a second answer of the name server (rebinding) changes nothing.
pub(super) struct GuardedResolver {
    /// Hosts that may be on a private address: the provider's own, and the proxy.
    trusted: Vec<String>,
    lookup: Arc<dyn Lookup>,
}

impl GuardedResolver {
    pub(super) fn new(trusted: Vec<String>, lookup: Arc<dyn Lookup>) -> Self {
        Self { trusted, lookup }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        let trusted = self.trusted.contains(&host);
        let found = self.lookup.lookup(&host);
        Box::pin(async move {
            let found = found.await?;
            let (kept, dropped): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|address| admits(&host, trusted, *address));
            match dropped.first() {
                Some(address) if kept.is_empty() => {
                    Err(AddressRefused { host, address: *address }.into())
                }
                _ => {
                    let kept = kept.into_iter().map(|address| SocketAddr::new(address, 0));
                    Ok(Box::new(kept) as Addrs)
                }
            }
        })
    }
}

/// Whether a name may lead to an address.
fn admits(host: &str, trusted: bool, address: IpAddr) -> bool {
    if is_localhost(host) {
        // Plain http is allowed to `localhost`, so it must be this machine whatever a resolver says.
        return trusted && address.to_canonical().is_loopback();
    }
    trusted || is_public(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_for_trusted_names_only() {
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        let public: IpAddr = "1.1.1.1".parse().unwrap();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(admits("own.test", true, private) && admits("own.test", true, loopback));
        assert!(!admits("cdn.test", false, private) && !admits("cdn.test", false, loopback));
        assert!(admits("cdn.test", false, public));
        assert!(admits("localhost", true, loopback));
        assert!(!admits("localhost", false, loopback));
        assert!(!admits("localhost", true, public), "a key over plain http to elsewhere");
    }
}
