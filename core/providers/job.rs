//! What dialects share whose answers hold names of orders and addresses. Such an answer is from outside: a key goes to no
//! host that it names, unless that is the provider's own.

use url::Url;

use super::http::{decode, of_download};
use super::{Answer, Fault, FaultKind, Reply, Step, broken, provider_words};

/// Whether a text can stand in an address as the name of an order.
pub(super) fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Whether a text can stand in an address as a part of a model's id.
pub(super) fn is_part(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('.')
}

/// An address from an answer to which a key may go: at the provider's own origin; or, where that is one of the vendor's
/// hosts, over https at another of them.
pub(super) fn keyed(base: &Url, text: &str, is_vendors: fn(&str) -> bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let vendors = |url: &Url| {
        let https = url.scheme() == "https" && url.port().is_none();
        https && url.host_str().is_some_and(is_vendors)
    };
    (url.origin() == base.origin() || (vendors(base) && vendors(&url))).then_some(url)
}

/// Where a picture is: at an address, or in a `data:` one.
pub(super) fn picture_at(text: &str) -> Step {
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
        return Step::Done(match decode(text) {
            Some(bytes) => Answer::Image { bytes, content_type: None, cost: None },
            None => broken("bad_base64", "the picture in the answer is no valid base64"),
        });
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => Step::Fetch(url),
        _ => Step::Done(broken("bad_url", "the picture's address is none")),
    }
}

/// What the reply to a download means from an address that is good for some time only.
pub(super) fn from_shelf(reply: &Reply) -> Answer {
    match reply.status {
        401 | 403 | 404 | 410 => Answer::Fault(Fault {
            kind: FaultKind::ResultExpired,
            words: format!(
                "the picture's address is no longer good: HTTP {}: {}",
                reply.status,
                provider_words(reply)
            ),
            retry_after: None,
        }),
        _ => of_download(reply),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn is_vendors(host: &str) -> bool {
        host == "api.vendor.test" || host.ends_with(".api.vendor.test")
    }

    #[test]
    fn a_key_goes_to_the_provider_s_own_hosts_alone() {
        let base: Url = "https://api.vendor.test/v1".parse().unwrap();
        let own = |base: &Url, text: &str| keyed(base, text, is_vendors).is_some();
        for good in ["https://api.vendor.test/poll?id=1", "https://eu.api.vendor.test/poll"] {
            assert!(own(&base, good), "{good}");
        }
        for bad in [
            "http://api.vendor.test/poll",
            "https://api.vendor.test:8443/poll",
            "https://me@api.vendor.test/poll",
            "https://api.vendor.test.evil.test/poll",
            "https://evil-api.vendor.test/poll",
            "https://169.254.169.254/poll",
            "/poll",
            "",
        ] {
            assert!(!own(&base, bad), "{bad}");
        }
        // A server of one's own is no door to the vendor's, nor the other way round.
        let local: Url = "http://127.0.0.1:8787/v1".parse().unwrap();
        assert!(own(&local, "http://127.0.0.1:8787/poll"));
        assert!(!own(&local, "http://127.0.0.1:8788/poll"));
        assert!(!own(&local, "https://api.vendor.test/poll"));
        assert!(!own(&base, "http://127.0.0.1:8787/poll"));
    }

    #[test]
    fn a_picture_is_at_an_address_or_in_one() {
        let step = picture_at("data:image/png;base64,/9j/");
        let Step::Done(Answer::Image { bytes, .. }) = step else { panic!("{step:?}") };
        assert_eq!(bytes, Bytes::from_static(b"\xFF\xD8\xFF"));
        assert!(matches!(picture_at("https://cdn.test/a.png"), Step::Fetch(_)));
        for bad in ["data:image/png;base64,", "data:image/png,raw", "file:///etc/passwd", "", "é"]
        {
            let step = picture_at(bad);
            assert!(matches!(step, Step::Done(Answer::Broken { .. })), "{bad}: {step:?}");
        }
    }

    #[test]
    fn a_picture_that_lay_too_long_was_made_all_the_same() {
        let reply = |status| Reply { status, headers: vec![], body: Bytes::from_static(b"gone") };
        for status in [401, 403, 404, 410] {
            let answer = from_shelf(&reply(status));
            let Answer::Fault(fault) = answer else { panic!("{answer:?}") };
            assert_eq!(fault.kind, FaultKind::ResultExpired, "{status}");
        }
        let answer = from_shelf(&reply(503));
        assert!(matches!(answer, Answer::Fault(Fault { kind: FaultKind::ServerFault, .. })));
        assert!(matches!(from_shelf(&reply(200)), Answer::Broken { .. }));
    }
}
