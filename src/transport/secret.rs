//! Keys, and what is derived from them: read once, shown never.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use presscheck_core::providers::Text;
use reqwest::header::HeaderValue;

/// What stands where a key stood.
const MASK: &str = "***";

/// The shortest value that is searched for in texts: shorter ones would tear up every sentence, and no
/// provider's key is that short.
const SHORTEST: usize = 4;

/// How many derived secrets are remembered, the latest: more than a provider has requests in flight.
const MAX_DERIVED: usize = 1024;

/// A key. Nothing prints it: `Debug` and `Display` write `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// The keys of one provider, by the name of their environment variable.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    by_name: BTreeMap<String, Secret>,
    /// Each form in which a key may turn up in a text, the longest first.
    forms: Forms,
    /// The same of what was derived from keys: access tokens, signatures.
    derived: Arc<RwLock<VecDeque<Forms>>>,
}

/// Texts to be masked; not printed either.
#[derive(Clone, Default)]
struct Forms(Vec<String>);

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Secrets {
    /// Reads keys through a lookup (the environment, in the program). Space around a value is dropped,
    /// since a pasted key often ends in a line break.
    ///
    /// # Errors
    /// The names that have no value, all of them.
    pub fn load<'a>(
        names: impl IntoIterator<Item = &'a str>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<String>> {
        let mut by_name = BTreeMap::new();
        let mut missing = Vec::new();
        for name in names {
            match lookup(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
            {
                Some(value) => drop(by_name.insert(name.to_owned(), Secret(value))),
                None => missing.push(name.to_owned()),
            }
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        let forms = Forms::of(by_name.values().map(|secret: &Secret| secret.0.as_str()));
        Ok(Self { by_name, forms, derived: Arc::default() })
    }

    /// A key.
    ///
    /// # Errors
    /// A sentence, where the policy does not list its name.
    pub(super) fn get(&self, name: &str) -> Result<&str, String> {
        self.by_name.get(name).map(|secret| secret.0.as_str()).ok_or_else(|| {
            format!("it needs the key `{name}`, which this provider's `api_key_env` does not list")
        })
    }

    /// Remembers what was derived from a key, so that no text shows it.
    pub(super) fn learn(&self, value: &str) {
        let forms = Forms::of([value].into_iter());
        let mut derived = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        if derived.len() >= MAX_DERIVED {
            derived.pop_front();
        }
        derived.push_back(forms);
    }

    /// The value of a header: its parts joined, marked as sensitive where a key is in it. An access token, where one is
    /// wanted, is the one that was got for it.
    ///
    /// # Errors
    /// A sentence without any key in it, where a key is unknown or no header can carry the value.
    pub fn header(
        &self,
        name: &str,
        parts: &[Text],
        token: Option<&str>,
    ) -> Result<HeaderValue, String> {
        let mut text = String::new();
        let mut sensitive = false;
        for part in parts {
            let (key, is_login) = match part {
                Text::Plain(part) => {
                    text.push_str(part);
                    continue;
                }
                Text::Secret(key) => (key, false),
                Text::Basic(key) => (key, true),
                // It is made of the whole request, and stands alone.
                Text::AwsSignature(_) => {
                    return Err(format!("the header `{name}` mixes in a signature"));
                }
                Text::GoogleToken(_) => {
                    sensitive = true;
                    text.push_str(
                        token.ok_or_else(|| format!("the header `{name}` has no token"))?,
                    );
                    continue;
                }
            };
            sensitive = true;
            let secret = self.get(key).map_err(|error| format!("the header `{name}`: {error}"))?;
            if !is_login {
                text.push_str(secret);
            } else if secret.contains(':') {
                text.push_str(&STANDARD.encode(secret));
            } else {
                return Err(format!(
                    "the variable `{key}` must hold `user:password`, with the colon"
                ));
            }
        }
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            if sensitive {
                format!("the key in the header `{name}` has a character that no header can carry")
            } else {
                format!("the header `{name}` has a character that no header can carry")
            }
        })?;
        value.set_sensitive(sensitive);
        Ok(value)
    }

    /// A text without any key: each one is replaced by `***`, also where it stands percent-encoded,
    /// escaped for JSON, or in base64; and so is the password of `user:password`.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let derived = self.derived.read().unwrap_or_else(PoisonError::into_inner);
        let forms = derived.iter().flat_map(|forms| &forms.0).chain(&self.forms.0);
        forms.fold(text.to_owned(), |text, form| {
            if text.contains(form.as_str()) { text.replace(form.as_str(), MASK) } else { text }
        })
    }
}

impl Forms {
    fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = secrets
            .flat_map(|secret| {
                let password = secret.split_once(':').map(|(_, password)| password);
                [secret].into_iter().chain(password)
            })
            .filter(|value| value.len() >= SHORTEST)
            .flat_map(|value| {
                let json = serde_json::Value::from(value).to_string();
                [
                    value.to_owned(),
                    // Whole, so that no end of it is left over.
                    STANDARD.encode(value),
                    STANDARD_NO_PAD.encode(value),
                    URL_SAFE.encode(value),
                    URL_SAFE_NO_PAD.encode(value),
                    inner(&json).to_owned(),
                    percent(value, UNRESERVED),
                    lower_hex(&percent(value, UNRESERVED)),
                    percent(value, OFTEN_PLAIN),
                    url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
                ]
                .into_iter()
                .chain(in_base64(value))
            })
            .filter(|form| form.len() >= SHORTEST)
            .collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self(forms)
    }
}

/// The base64 of a value, as it shows inside the base64 of a longer text (`user:KEY`, say) at each of the
/// three alignments: only characters that the value alone determines.
fn in_base64(value: &str) -> Vec<String> {
    (0..3)
        .flat_map(|shift| {
            let mut bytes = vec![b'0'; shift];
            bytes.extend_from_slice(value.as_bytes());
            // The first characters mix in what stands before, the last one what stands after.
            let start = (shift * 8).div_ceil(6);
            let end = bytes.len() * 8 / 6;
            [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
                .into_iter()
                .filter_map(move |text| text.get(start..end).map(str::to_owned))
        })
        // A short stretch of base64 may be anything.
        .filter(|form| form.len() >= 8)
        .collect()
}

/// What RFC 3986 calls unreserved, besides letters and digits.
const UNRESERVED: &[u8] = b"-._~";

/// What many encoders leave alone besides: `encodeURIComponent`, and those that write for a query.
const OFTEN_PLAIN: &[u8] = b"-._~!$'()*,;:@/?";

/// The percent-encoding of a value, of all but letters, digits and these.
fn percent(value: &str, plain: &[u8]) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// The same with the digits of its escapes in lower case.
fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text.push('%');
        text.push_str(&digits.to_ascii_lowercase());
        text.push_str(rest);
    }
    text
}

/// A JSON text without its quotes.
fn inner(json: &str) -> &str {
    json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-live/9+a\"b=c";

    fn secrets() -> Secrets {
        Secrets::load(["K"], |_| Some(format!("{KEY}\n"))).unwrap()
    }

    #[test]
    fn a_key_is_never_printed() {
        let secrets = secrets();
        let value = secrets
            .header(
                "authorization",
                &[Text::Plain("Bearer ".into()), Text::Secret("K".into())],
                None,
            )
            .unwrap();
        assert!(value.is_sensitive());
        assert_eq!(value.to_str().unwrap(), format!("Bearer {KEY}"));
        for text in [format!("{secrets:?}"), format!("{value:?}"), secrets.by_name["K"].to_string()]
        {
            assert!(!text.contains("sk-live"), "{text}");
        }
    }

    #[test]
    fn a_key_is_masked_in_every_form() {
        let secrets = secrets();
        let json = serde_json::to_string(&KEY).unwrap();
        let url: String = url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect();
        let mut texts = vec![
            format!("bad key {KEY}!"),
            format!("{{\"key\":{json}}}"),
            format!("/draw?key={url}"),
            format!("/draw?key={}", lower_hex(&percent(KEY, UNRESERVED))),
        ];
        for before in ["", "u:", "user", "user:"] {
            texts.push(STANDARD.encode(format!("{before}{KEY}")));
            texts.push(URL_SAFE_NO_PAD.encode(format!("{before}{KEY} and more")));
        }
        for text in texts {
            let masked = secrets.redact(&text);
            assert!(masked.contains(MASK), "{text} -> {masked}");
            assert!(!masked.contains("live"), "{masked}");
        }
        assert_eq!(secrets.redact("nothing to see"), "nothing to see");
    }

    #[test]
    fn what_was_derived_from_a_key_is_masked_like_one() {
        let secrets = secrets();
        let other = secrets.clone();
        secrets.learn("ya29.a/token+1");
        let text = format!("bad token ya29.a/token+1, or {}", STANDARD.encode("ya29.a/token+1"));
        for secrets in [&secrets, &other] {
            assert_eq!(secrets.redact(&text).matches(MASK).count(), 2, "{text}");
        }
        assert!(!format!("{secrets:?}").contains("ya29"));
        for n in 0..MAX_DERIVED {
            secrets.learn(&format!("later token {n:04}"));
        }
        assert!(secrets.redact(&text).contains("ya29"), "the oldest is forgotten");
        assert_eq!(secrets.redact(&format!("later token {}", MAX_DERIVED - 1)), MASK);
    }

    #[test]
    fn a_login_is_sent_in_base64_and_shown_in_no_form() {
        const LOGIN: &str = "anna:hunter/2~x";
        let secrets = Secrets::load(["L"], |_| Some(format!("{LOGIN}\n"))).unwrap();
        let parts = [Text::Plain("Basic ".into()), Text::Basic("L".into())];
        let value = secrets.header("authorization", &parts, None).unwrap();
        let sent = value.to_str().unwrap().to_owned();
        assert_eq!(sent, "Basic YW5uYTpodW50ZXIvMn54");
        assert!(value.is_sensitive());
        let shown = format!("{secrets:?} {value:?} {parts:?}");
        assert!(!shown.contains("hunter") && !shown.contains("YW5u"), "{shown}");
        let spoken = |text: &str| secrets.redact(text);
        assert_eq!(spoken(&format!("401 for {sent}, {LOGIN}")), "401 for Basic ***, ***");
        assert_eq!(spoken("hunter/2~x is wrong for anna"), "*** is wrong for anna");
        assert_eq!(spoken(&STANDARD.encode("hunter/2~x")), MASK);
        for len in 4..12 {
            // Whatever its length, no end of its base64 is left over.
            let login = format!("u:{}", "p".repeat(len));
            let secrets = Secrets::load(["L"], |_| Some(login.clone())).unwrap();
            let all = [STANDARD.encode(&login), STANDARD_NO_PAD.encode(&login)];
            for form in all {
                assert_eq!(secrets.redact(&format!("[{form}]")), "[***]", "{login}");
            }
        }
    }

    #[test]
    fn a_login_without_a_colon_is_an_error_without_the_login() {
        let secrets = Secrets::load(["L"], |_| Some("hunter2".to_owned())).unwrap();
        let error = secrets.header("authorization", &[Text::Basic("L".into())], None).unwrap_err();
        assert!(error.contains("`L`") && error.contains("user:password"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert!(secrets.header("authorization", &[Text::Basic("M".into())], None).is_err());
    }

    #[test]
    fn missing_keys_are_all_named() {
        let missing = Secrets::load(["A", "B", "C"], |name| match name {
            "A" => Some("x".to_owned()),
            "B" => Some("  \n".to_owned()),
            _ => None,
        });
        assert_eq!(missing.unwrap_err(), ["B", "C"]);
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_an_error_without_the_key() {
        let secrets = Secrets::load(["K"], |_| Some("abc\r\ndef".to_owned())).unwrap();
        let error = secrets.header("x-key", &[Text::Secret("K".into())], None).unwrap_err();
        assert!(error.contains("`x-key`") && !error.contains("abc"), "{error}");
        assert!(secrets.header("x-key", &[Text::Secret("OTHER".into())], None).is_err());
        assert!(secrets.header("x-key", &[Text::GoogleToken("K".into())], None).is_err());
    }
}
