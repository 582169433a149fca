//! AWS Signature Version 4 over a whole request, with the keys that the policy names.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use presscheck_core::providers::{AwsSignature, Call, Text};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::secret::Secrets;

/// The signature that a header's value is, where it is one.
pub(super) const fn signature_in(parts: &[Text]) -> Option<&AwsSignature> {
    match parts {
        [Text::AwsSignature(signature)] => Some(signature),
        _ => None,
    }
}

/// Signs a call with all headers that it has so far, and adds those of the signature. What is sent besides (the user
/// agent, say) is not signed. The signature is as secret as a key: for some minutes it buys this very picture again.
///
/// # Errors
/// A sentence without any key in it.
pub(super) fn add_signature(
    scope: &AwsSignature,
    call: &Call,
    headers: &mut HeaderMap,
    secrets: &Secrets,
    now: SystemTime,
) -> Result<(), String> {
    let unsigned = || "the request can't be signed for AWS".to_owned();
    let session_token = scope.session_token.as_ref().map(|name| secrets.get(name)).transpose()?;
    let identity = Credentials::new(
        secrets.get(&scope.key_id)?,
        secrets.get(&scope.secret_key)?,
        session_token.map(str::to_owned),
        None,
        "presscheck",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&scope.region)
        .name(scope.service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| unsigned())?
        .into();
    let signed = {
        let plain = headers.iter().map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let plain: Vec<_> = plain.collect::<Option<_>>().ok_or_else(unsigned)?;
        let body = SignableBody::Bytes(&call.body);
        let request = SignableRequest::new(call.method, call.url.as_str(), plain.into_iter(), body);
        sign(request.map_err(|_| unsigned())?, &params).map_err(|_| unsigned())?
    };
    let (instructions, signature) = signed.into_parts();
    secrets.learn(&signature);
    for header in instructions.into_parts().0 {
        let mut value = HeaderValue::from_str(header.value())
            .map_err(|_| "a key for AWS has a character that no header can carry".to_owned())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use bytes::Bytes;

    use super::*;

    /// The keys, the time and the place of AWS's own test suite for Signature Version 4.
    const KEY_ID: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    fn secrets() -> Secrets {
        Secrets::load(["ID", "SECRET", "TOKEN"], |name| {
            let value = match name {
                "ID" => KEY_ID,
                "SECRET" => SECRET,
                _ => TOKEN,
            };
            Some(value.to_owned())
        })
        .unwrap()
    }

    fn signed(
        method: &'static str,
        url: &str,
        body: &'static str,
        given: &[(&'static str, &str)],
        session_token: Option<&str>,
    ) -> (HeaderMap, Secrets) {
        let scope = AwsSignature {
            service: "service",
            region: "us-east-1".to_owned(),
            key_id: "ID".to_owned(),
            secret_key: "SECRET".to_owned(),
            session_token: session_token.map(str::to_owned),
        };
        let call = Call {
            method,
            url: url.parse().unwrap(),
            headers: vec![],
            body: Bytes::from_static(body.as_bytes()),
        };
        let mut headers: HeaderMap = given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        // 2015-08-30T12:36:00Z.
        let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let secrets = secrets();
        add_signature(&scope, &call, &mut headers, &secrets, now).unwrap();
        (headers, secrets)
    }

    #[test]
    fn the_published_vectors_hold() {
        const HOST: &str = "https://example.amazonaws.com/";
        let authorised =
            |headers: &HeaderMap| headers["authorization"].to_str().unwrap().to_owned();
        let credential =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        for (method, headers, signature) in [
            (
                "GET",
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
        ] {
            let (got, _) = signed(method, HOST, "", &[], None);
            assert_eq!(
                authorised(&got),
                format!("{credential}, SignedHeaders={headers}, Signature={signature}")
            );
            assert_eq!(got["x-amz-date"], "20150830T123600Z");
        }
        // `post-sts-header-before`: a temporary key, whose token is signed with the rest.
        let (got, _) = signed("POST", HOST, "", &[], Some("TOKEN"));
        assert_eq!(
            authorised(&got),
            format!(
                "{credential}, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
            )
        );
        assert_eq!(got["x-amz-security-token"], TOKEN);
        // `post-x-www-form-urlencoded`: a body, whose digest is a header there.
        let digest = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
        let given = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-length", "13"),
            ("x-amz-content-sha256", digest),
        ];
        let (got, _) = signed("POST", HOST, "Param1=value1", &given, None);
        assert_eq!(
            authorised(&got),
            format!(
                "{credential}, SignedHeaders=content-length;content-type;host;x-amz-content-sha256;x-amz-date, Signature=d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"
            )
        );
    }

    /// What is escaped in the path is escaped once more for the signature. The expected one was computed apart from this
    /// crate, by the rules of the canonical request.
    #[test]
    fn an_escaped_path_is_escaped_once_more() {
        const ESCAPED: &str = "a974456c332e5aabd3d9c56931a473c4038519fbaf8c5886ee4bd06110c62606";
        let url = |path: &str| format!("https://example.amazonaws.com{path}");
        let at =
            |path: &str| signed("POST", &url(path), "{}", &[], None).0["authorization"].clone();
        let escaped = at("/model/stability.sd3-5-large-v1%3A0/invoke");
        assert!(escaped.to_str().unwrap().ends_with(ESCAPED), "{escaped:?}");
        assert_ne!(escaped, at("/model/stability.sd3-5-large-v1:0/invoke"));
    }

    #[test]
    fn what_is_signed_is_hidden_and_what_was_changed_is_signed_anew() {
        const HOST: &str = "https://example.amazonaws.com/";
        let (one, secrets) = signed("POST", HOST, "{\"prompt\":\"a\"}", &[], Some("TOKEN"));
        let (other, _) = signed("POST", HOST, "{\"prompt\":\"b\"}", &[], Some("TOKEN"));
        assert_ne!(one["authorization"], other["authorization"]);
        for value in one.values() {
            assert!(value.is_sensitive());
        }
        let echo = format!("{:?} {}", one, one["authorization"].to_str().unwrap());
        let shown = secrets.redact(&echo);
        assert!(!shown.contains(KEY_ID) && shown.ends_with("Signature=***"), "{shown}");
    }

    #[test]
    fn a_key_that_is_not_listed_or_can_t_be_sent_is_said_without_it() {
        let mut headers = HeaderMap::new();
        let call = Call {
            method: "POST",
            url: "https://example.amazonaws.com/".parse().unwrap(),
            headers: vec![],
            body: Bytes::new(),
        };
        let mut scope = AwsSignature {
            service: "bedrock",
            region: "us-east-1".to_owned(),
            key_id: "OTHER".to_owned(),
            secret_key: "SECRET".to_owned(),
            session_token: None,
        };
        let mut sign = |scope: &AwsSignature, secrets: &Secrets| {
            add_signature(scope, &call, &mut headers, secrets, SystemTime::now()).unwrap_err()
        };
        assert!(sign(&scope, &secrets()).contains("`OTHER`"));
        scope.key_id = "ID".to_owned();
        let odd = Secrets::load(["ID", "SECRET"], |_| Some("hu\r\nsh".to_owned())).unwrap();
        let words = sign(&scope, &odd);
        assert!(!words.contains("hu") && words.contains("no header can carry"), "{words}");
    }
}
