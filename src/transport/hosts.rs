//! Which hosts a provider's requests may go to, and which addresses are no business of theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use presscheck_core::inert::one_line;
use url::{Host, Url};

/// The hosts of one provider: that of its `url`, and those that the policy or the dialect lists.
#[derive(Clone, Debug)]
pub struct Hosts {
    own: Option<Own>,
    listed: Vec<String>,
}

/// Where the provider's `url` points.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Hosts {
    /// The hosts of a provider. A listed host is a name, or `*.example.com` for every name below it.
    ///
    /// # Errors
    /// A sentence, where the `url` is not https (loopback excepted), or has no host, or holds a user name.
    pub fn new<'a>(
        own: Option<&Url>,
        listed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let own = own.map(Self::own_of).transpose()?;
        let listed = listed.into_iter().map(plain_name).filter(|host| !host.is_empty()).collect();
        Ok(Self { own, listed })
    }

    fn own_of(url: &Url) -> Result<Own, String> {
        let host = url.host_str().ok_or_else(|| format!("`{url}` names no host"))?;
        let shown = one_line(host, 100);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "the url of `{shown}` holds a user name or a password: use a header with `${{NAME}}`"
            ));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(url) => {}
            "http" => {
                return Err(format!(
                    "`{shown}` is not this machine: use https, or a loopback address"
                ));
            }
            scheme => return Err(format!("`{}` is no https address", one_line(scheme, 20))),
        }
        Ok(Own {
            scheme: url.scheme().to_owned(),
            host: plain_name(host),
            port: url.port_or_known_default(),
        })
    }

    /// The host of the provider's own `url`: the only one that may be on a private address.
    #[must_use]
    pub fn own_host(&self) -> Option<&str> {
        self.own.as_ref().map(|own| own.host.as_str())
    }

    /// Whether a request may go to this address, as far as can be told before names are resolved.
    ///
    /// # Errors
    /// A sentence that says why not, and what the policy would have to say.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        let host = plain_name(url.host_str().unwrap_or_default());
        let shown = one_line(&host, 100);
        if host.is_empty() {
            return Err(format!("an address without a host (`{}`)", one_line(url.scheme(), 20)));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("the address on `{shown}` holds a user name or a password"));
        }
        let port = url.port_or_known_default();
        if let Some(own) = self.own.as_ref().filter(|own| own.host == host) {
            let same = own.scheme == url.scheme() && own.port == port;
            if same || (url.scheme() == "https" && port == Some(443)) {
                return Ok(());
            }
            return Err(format!(
                "`{shown}` is the provider's host, but not on the scheme and port of its `url`"
            ));
        }
        if !self.listed.iter().any(|pattern| matches(pattern, &host)) {
            return Err(format!(
                "the host `{shown}` is not listed: if it is the provider's, add `hosts: [{shown}]`"
            ));
        }
        if url.scheme() != "https" || port != Some(443) {
            return Err(format!("`{shown}` may be asked over https on its usual port only"));
        }
        match address_of(url) {
            Some(address) if !is_public(address) => {
                Err(format!("`{shown}` is a private address; nothing was sent there"))
            }
            _ => Ok(()),
        }
    }
}

/// A name in lower case, without the dot of the root.
fn plain_name(host: &str) -> String {
    host.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a name falls under a pattern.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        // The dot must stay: `*.example.com` is not `evilexample.com`, nor `example.com` itself.
        Some(parent) => {
            host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
        None => pattern == host,
    }
}

/// The address of a URL that names one instead of a host.
fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// Whether a URL is on this machine, by its address or as `localhost` (RFC 6761).
pub(super) fn is_loopback(url: &Url) -> bool {
    match address_of(url) {
        Some(address) => address.to_canonical().is_loopback(),
        None => url.host_str().is_some_and(|host| is_localhost(&plain_name(host))),
    }
}

/// Whether a name always means this machine.
pub(super) fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether an address is one of the public internet: none of the special-purpose registries of IANA
/// (RFC 6890 and its updates), nor an address under which clouds serve credentials, also where an IPv4
/// address is wrapped in an IPv6 one (mapped, compatible, NAT64, 6to4).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network; private; loopback; multicast, reserved and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Carrier-grade NAT, 100.64/10 (Alibaba's metadata is in it).
        [100, 64..=127, ..] => true,
        // Link-local: where clouds serve metadata and credentials.
        [169, 254, ..] => true,
        [172, 16..=31, ..] => true,
        // IETF assignments, documentation, the old 6to4 relay.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => true,
        [192, 168, ..] => true,
        // Benchmarks, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Azure's wire server hands out credentials under a public address.
        [168, 63, 129, 16] => true,
        _ => false,
    };
    !special
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let [g1, g2] = g.to_be_bytes();
    let [h1, h2] = h.to_be_bytes();
    let wrapped = Ipv4Addr::new(g1, g2, h1, h2);
    match (a, b) {
        // Mapped `::ffff:0:0/96` and the old compatible `::/96`, which holds `::` and `::1` as well.
        (0, 0) if c == 0 && d == 0 && e == 0 => (f == 0xFFFF || f == 0) && is_public_v4(wrapped),
        // NAT64.
        (0x64, 0xFF9B) => c == 0 && d == 0 && e == 0 && f == 0 && is_public_v4(wrapped),
        // 6to4 holds an IPv4 address in its second and third segments.
        (0x2002, _) => {
            let [b1, b2] = b.to_be_bytes();
            let [c1, c2] = c.to_be_bytes();
            is_public_v4(Ipv4Addr::new(b1, b2, c1, c2))
        }
        // IETF assignments (Teredo and others), documentation.
        (0x2001, 0..=0x01FF | 0x0DB8) | (0x3FFF, 0..=0x0FFF) => false,
        // All other global unicast is in 2000::/3.
        (0x2000..=0x3FFF, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(own: &str, listed: &[&str]) -> Hosts {
        Hosts::new(Some(&own.parse().unwrap()), listed.iter().copied()).unwrap()
    }

    fn allowed(hosts: &Hosts, url: &str) -> bool {
        hosts.check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_https_or_this_machine_is_a_providers_url() {
        for url in [
            "https://images.example.com/v1",
            "https://10.0.0.7:8443/v1",
            "http://127.0.0.1:8080/draw",
            "http://127.8.0.1/",
            "http://[::1]:7860/",
            "http://localhost:7860/",
        ] {
            assert!(Hosts::new(Some(&url.parse().unwrap()), []).is_ok(), "{url}");
        }
        for url in [
            "http://images.example.com/v1",
            "http://10.0.0.7/",
            "http://localhost.example.com/",
            "https://user@images.example.com/",
            "https://:pass@images.example.com/",
            "ftp://images.example.com/",
            "data:image/png;base64,AAAA",
        ] {
            assert!(Hosts::new(Some(&url.parse().unwrap()), []).is_err(), "{url}");
        }
    }

    #[test]
    fn requests_stay_on_listed_hosts() {
        let hosts = hosts("https://api.example.com/v1", &["cdn.example.com", "*.delivery.test"]);
        for url in [
            "https://api.example.com/other",
            "https://API.example.com:443/x",
            "https://api.example.com./x",
            "https://cdn.example.com/a.png",
            "https://a.delivery.test/x",
            "https://a.b.delivery.test/x",
        ] {
            assert!(allowed(&hosts, url), "{url}");
        }
        for url in [
            "http://api.example.com/v1",
            "https://api.example.com:8443/v1",
            "https://user:pw@api.example.com/v1",
            "https://api.example.com.evil.test/",
            "http://cdn.example.com/a.png",
            "https://cdn.example.com:8443/a.png",
            "https://delivery.test/x",
            "https://evildelivery.test/x",
            "https://169.254.169.254/latest",
            "file:///etc/passwd",
        ] {
            assert!(!allowed(&hosts, url), "{url}");
        }
    }

    #[test]
    fn a_private_address_is_reached_only_as_the_providers_own_url() {
        let own =
            hosts("https://10.0.0.7:8443/v1", &["10.0.0.8", "127.0.0.1", "[::ffff:10.0.0.9]"]);
        assert!(allowed(&own, "https://10.0.0.7:8443/a.png"));
        for url in ["https://10.0.0.8/", "https://127.0.0.1/", "https://[::ffff:10.0.0.9]/"] {
            let error = own.check(&url.parse().unwrap()).unwrap_err();
            assert!(error.contains("private") || error.contains("not listed"), "{error}");
        }
        let local = hosts("http://127.0.0.1:8787/generate", &[]);
        assert!(allowed(&local, "http://127.0.0.1:8787/files/1.png"));
        assert!(
            allowed(&local, "http://0x7f.1:8787/files/1.png"),
            "the same address, written oddly"
        );
        assert!(!allowed(&local, "http://127.0.0.1:22/"));
        assert!(!allowed(&local, "http://localhost:8787/"));
    }

    #[test]
    fn special_addresses_are_told_from_public_ones() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
