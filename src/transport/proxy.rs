//! The proxy of the environment.

use std::fmt;

use reqwest::NoProxy;
use url::Url;

/// The proxy for https, as the environment names it. Plain http goes to this machine only, and never
/// through a proxy; so `HTTP_PROXY` and `ALL_PROXY` are not looked at.
#[derive(Clone, Default)]
pub struct Proxies {
    https: Option<String>,
    except: Option<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("Proxies").field("https", &self.https.is_some()).finish_non_exhaustive()
    }
}

impl Proxies {
    /// Reads `HTTPS_PROXY` and `NO_PROXY`, in capitals or not, through a lookup.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let read = |names: [&str; 2]| {
            names.into_iter().filter_map(&lookup).find(|value| !value.trim().is_empty())
        };
        Self { https: read(["HTTPS_PROXY", "https_proxy"]), except: read(["NO_PROXY", "no_proxy"]) }
    }

    /// The proxy, and the name that it is reached under.
    pub(super) fn open(&self) -> Result<Option<(reqwest::Proxy, Option<String>)>, String> {
        let Some(address) = &self.https else { return Ok(None) };
        let wrong =
            "`HTTPS_PROXY` is no address of a proxy: write it like `http://proxy.example.com:3128`";
        let proxy = reqwest::Proxy::https(address.trim()).map_err(|_| wrong.to_owned())?;
        let except = self.except.as_deref().and_then(NoProxy::from_string);
        let with_scheme =
            if address.contains("://") { address.clone() } else { format!("http://{address}") };
        let host = Url::parse(with_scheme.trim())
            .ok()
            .and_then(|url| url.host_str().map(str::to_ascii_lowercase));
        Ok(Some((proxy.no_proxy(except), host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_is_that_of_the_environment_and_its_password_stays_hidden() {
        let proxies = Proxies::from_lookup(|name| match name {
            "https_proxy" => Some("http://user:hunter2@proxy.corp.test:3128".to_owned()),
            "HTTP_PROXY" => Some("http://other.test".to_owned()),
            _ => None,
        });
        assert_eq!(proxies.open().unwrap().unwrap().1.as_deref(), Some("proxy.corp.test"));
        assert!(!format!("{proxies:?}").contains("hunter2"));
        let bare = Proxies { https: Some("proxy.corp.test:3128".to_owned()), except: None };
        assert_eq!(bare.open().unwrap().unwrap().1.as_deref(), Some("proxy.corp.test"));
        let wrong = Proxies { https: Some("::::".to_owned()), except: None };
        assert!(wrong.open().unwrap_err().contains("HTTPS_PROXY"));
    }
}
