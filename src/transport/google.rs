//! Access tokens of Google's: got with a service account's key, kept until they are about to expire.
//!
//! A variable holds a key as Google's console writes it (JSON of the type `service_account`), or a token that somebody else
//! got. A key is exchanged by the JWT bearer grant (RFC 7523): a claim signed with RS256 (RFC 7515) goes to the key's
//! `token_uri`, which must be one of Google's own. The private key never leaves this module.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use presscheck_core::inert::one_line;
use presscheck_core::providers::{Call, Reply, Text};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::{Client, ClientOptions, Outgoing};
use super::fault::TransportFault;
use super::hosts::{Hosts, is_loopback};
use super::secret::Secrets;

/// Where keys may be exchanged: `token_uri` of today's keys, and of old ones.
const TOKEN_HOSTS: [&str; 3] =
    ["oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com"];

/// Where a key is exchanged that does not say it.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// What a token is for: everything that the account may do on Google Cloud.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long a claim is good for: the longest that Google takes.
const CLAIM: Duration = Duration::from_secs(3600);

/// How long before its end a token is no longer used: a picture may take minutes, and clocks differ.
const MARGIN: Duration = Duration::from_secs(300);

/// The longest that an exchange may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer to an exchange, and the longest token, in bytes.
const MAX_REPLY: u64 = 64 << 10;
const MAX_TOKEN: usize = 16 << 10;

/// The tokens of one provider.
pub(super) struct GoogleTokens {
    hosts: Hosts,
    options: ClientOptions,
    /// By the variable. Whoever gets one holds the lock, so that the others wait for it and don't ask too.
    held: Mutex<BTreeMap<String, Held>>,
}

/// A token, and until when it is used.
struct Held {
    token: String,
    until: Instant,
}

/// A service account's key, as far as it is looked at.
#[derive(Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: String,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

impl GoogleTokens {
    /// The tokens of a provider whose own address is this. Only where that is on this machine may a key be exchanged there
    /// as well, for a rehearsal.
    pub(super) fn new(own: Option<&Url>, options: &ClientOptions) -> Result<Self, String> {
        let hosts = Hosts::new(own.filter(|url| is_loopback(url)), TOKEN_HOSTS)?;
        Ok(Self { hosts, options: options.clone(), held: Mutex::default() })
    }

    /// The token that a call needs, where it needs one.
    pub(super) async fn of_call(
        &self,
        call: &Call,
        secrets: &Secrets,
        deadline: Instant,
    ) -> Result<Option<String>, TransportFault> {
        let wanted = call.headers.iter().flat_map(|(_, parts)| parts).find_map(|part| match part {
            Text::GoogleToken(name) => Some(name),
            _ => None,
        });
        match wanted {
            Some(name) => self.token(name, secrets, deadline).await.map(Some),
            None => Ok(None),
        }
    }

    async fn token(
        &self,
        name: &str,
        secrets: &Secrets,
        deadline: Instant,
    ) -> Result<String, TransportFault> {
        let content = secrets.get(name).map_err(TransportFault::Unauthorised)?;
        if !content.starts_with('{') {
            return Ok(content.to_owned());
        }
        let deadline = deadline.min(Instant::now() + PATIENCE);
        let late = || TransportFault::Unreachable("no access token came in time".to_owned());
        let mut held = timeout_at(deadline, self.held.lock()).await.map_err(|_| late())?;
        if let Some(kept) = held.get(name).filter(|kept| Instant::now() < kept.until) {
            return Ok(kept.token.clone());
        }
        let in_words = |words: String| TransportFault::Unauthorised(format!("`{name}`: {words}"));
        let (token_uri, claim) = claim(content, secrets).map_err(in_words)?;
        self.hosts.check(&token_uri).map_err(|_| {
            in_words("its `token_uri` is no address of Google's; nothing was sent there".to_owned())
        })?;
        let (token, lasts) = self.exchange(&token_uri, &claim, secrets, deadline).await?;
        secrets.learn(&token);
        let until = Instant::now() + lasts.saturating_sub(MARGIN);
        held.insert(name.to_owned(), Held { token: token.clone(), until });
        Ok(token)
    }

    /// Exchanges a claim for a token.
    async fn exchange(
        &self,
        token_uri: &Url,
        claim: &str,
        secrets: &Secrets,
        deadline: Instant,
    ) -> Result<(String, Duration), TransportFault> {
        let client = Client::new(&self.hosts, &self.options).map_err(TransportFault::Refused)?;
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", claim)
            .finish();
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let outgoing = Outgoing {
            method: Method::POST,
            url: token_uri,
            headers,
            body: Bytes::from(body),
            deadline,
            max_bytes: Some(MAX_REPLY),
        };
        // Nothing was sent to the provider: whatever came between costs nothing, and may be repeated.
        let reply = client.send(&outgoing).await.map_err(|fault| {
            let words = secrets.redact(&fault.to_string());
            TransportFault::Unreachable(format!("asking for an access token: {words}"))
        })?;
        token_of(&reply, secrets)
    }
}

/// The address and the signed claim of a key.
fn claim(content: &str, secrets: &Secrets) -> Result<(Url, String), String> {
    // The words of a parser may quote the key.
    let key: Key = serde_json::from_str(content).map_err(|error| {
        format!("no service account's key (line {}, column {})", error.line(), error.column())
    })?;
    match key.kind.as_str() {
        "service_account" => {}
        "external_account" => {
            return Err(
                "a file of workload identity federation is not read: give the access token \
                        itself, such as the output `access_token` of google-github-actions/auth"
                    .to_owned(),
            );
        }
        _ => return Err("the JSON is of another `type` than `service_account`".to_owned()),
    }
    let needed =
        |part: Option<String>, name| part.ok_or_else(|| format!("the key has no `{name}`"));
    let email = needed(key.client_email, "client_email")?;
    let private = needed(key.private_key, "private_key")?;
    secrets.learn(private.trim());
    let token_uri = key.token_uri.unwrap_or_else(|| TOKEN_URI.to_owned());
    let url = Url::parse(&token_uri).map_err(|_| "its `token_uri` is no address".to_owned())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let (Some(id), Some(header)) = (key.private_key_id, header.as_object_mut()) {
        header.insert("kid".to_owned(), id.into());
    }
    let claims = json!({
        "iss": email,
        "scope": SCOPE,
        "aud": token_uri,
        "iat": now.as_secs(),
        "exp": (now + CLAIM).as_secs(),
    });
    let signed = signed(&header, &claims, &private)?;
    secrets.learn(&signed);
    Ok((url, signed))
}

/// A JSON Web Token, signed with RS256.
fn signed(header: &Value, claims: &Value, private_key: &str) -> Result<String, String> {
    let unusable = || "its `private_key` is no RSA key in PEM".to_owned();
    let der = PrivateKeyDer::from_pem_slice(private_key.as_bytes()).map_err(|_| unusable())?;
    let key = any_supported_type(&der).map_err(|_| unusable())?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(unusable)?;
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let token = format!("{}.{}", part(header), part(claims));
    let signature = signer.sign(token.as_bytes()).map_err(|_| unusable())?;
    Ok(format!("{token}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The token of an answer, and how long it lasts.
fn token_of(reply: &Reply, secrets: &Secrets) -> Result<(String, Duration), TransportFault> {
    let json: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if !(200..300).contains(&reply.status) {
        // `{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}`
        let said: Vec<_> = ["error", "error_description"].into_iter().filter_map(text).collect();
        let said = if said.is_empty() { "no reason".to_owned() } else { said.join(": ") };
        let said = one_line(&secrets.redact(&said), 300);
        let words = format!("no access token for this key: HTTP {}: {said}", reply.status);
        return Err(match reply.status {
            408 | 425 | 429 | 500.. => TransportFault::Unreachable(words),
            _ => TransportFault::Unauthorised(words),
        });
    }
    let plain =
        |token: &&str| token.len() <= MAX_TOKEN && token.bytes().all(|b| b.is_ascii_graphic());
    let Some(token) = text("access_token").filter(plain) else {
        let words = "the answer to the request for an access token holds none";
        return Err(TransportFault::Unauthorised(words.to_owned()));
    };
    let lasts = json.get("expires_in").and_then(Value::as_u64).unwrap_or(0);
    Ok((token.to_owned(), Duration::from_secs(lasts.min(CLAIM.as_secs()))))
}

#[cfg(test)]
mod tests;
