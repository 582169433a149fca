use super::*;

/// An RSA key made for these tests, as base64 of its PKCS #8; PEM is made of it here, lest it be taken for a real one.
const RSA: &str = include_str!("key.base64");

/// What `openssl dgst -sha256 -sign` makes of the same text with the same key.
const SIGNED: &str = include_str!("signed.txt");

fn pem() -> String {
    format!("-----BEGIN PRIVATE {0}-----\n{RSA}-----END PRIVATE {0}-----\n", "KEY")
}

fn key() -> Value {
    json!({
        "type": "service_account",
        "project_id": "studio-1",
        "private_key_id": "k1",
        "private_key": pem(),
        "client_email": "gate@studio-1.iam.gserviceaccount.com",
        "token_uri": TOKEN_URI,
    })
}

fn secrets(content: &str) -> Secrets {
    Secrets::load(["GCP"], |_| Some(content.to_owned())).unwrap()
}

async fn token(content: &str) -> Result<String, TransportFault> {
    let tokens = GoogleTokens::new(None, &ClientOptions::default()).unwrap();
    tokens.token("GCP", &secrets(content), Instant::now() + Duration::from_secs(5)).await
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: vec![], body: Bytes::copy_from_slice(body.as_bytes()) }
}

#[test]
fn a_claim_is_signed_as_openssl_signs_it() {
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let claims = json!({"iss": "gate@studio.test"});
    assert_eq!(signed(&header, &claims, &pem()).unwrap(), SIGNED.trim());
    let other = signed(&header, &json!({"iss": "else@studio.test"}), &pem()).unwrap();
    assert_ne!(other.rsplit('.').next(), SIGNED.trim().rsplit('.').next());
}

#[test]
fn a_claim_says_who_asks_whom_for_what_and_how_long() {
    let content = key().to_string();
    let secrets = secrets(&content);
    let (url, claim) = claim(&content, &secrets).unwrap();
    assert_eq!(url.as_str(), TOKEN_URI);
    let parts: Vec<Value> = claim
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    assert_eq!(parts[1]["iss"], "gate@studio-1.iam.gserviceaccount.com");
    assert_eq!(parts[1]["aud"], TOKEN_URI);
    assert_eq!(parts[1]["scope"], SCOPE);
    let number = |name: &str| parts[1][name].as_u64().unwrap();
    assert_eq!(number("exp") - number("iat"), 3600);
    // What was made of the key is as secret as the key.
    let shown = secrets.redact(&format!("bad assertion {claim} by {}", pem()));
    assert_eq!(shown, "bad assertion *** by ***\n");
}

#[tokio::test]
async fn a_ready_token_is_taken_as_it_is() {
    assert_eq!(token("ya29.ready").await.unwrap(), "ya29.ready");
}

#[tokio::test]
async fn a_key_that_can_t_be_used_is_a_fault_of_the_key_without_its_words() {
    let with = |name: &str, value: Value| {
        let mut key = key();
        key[name] = value;
        key.to_string()
    };
    let without = |name: &str| {
        let mut key = key();
        key.as_object_mut().unwrap().remove(name);
        key.to_string()
    };
    let mut told = String::new();
    for content in [
        "{\"private_key\": \"hush".to_owned(),
        "{\"type\": 7, \"private_key\": \"hush\"}".to_owned(),
        with("type", json!("external_account")),
        with("type", json!("authorized_user")),
        without("client_email"),
        without("private_key"),
        with("private_key", json!("hush")),
        with(
            "private_key",
            json!("-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n"),
        ),
        with("token_uri", json!("hush")),
        with("token_uri", json!("https://oauth2.googleapis.com.evil.test/token")),
        with("token_uri", json!("http://oauth2.googleapis.com/token")),
        with("token_uri", json!("https://user@oauth2.googleapis.com/token")),
        with("token_uri", json!("http://127.0.0.1:9/token")),
    ] {
        let fault = token(&content).await.unwrap_err();
        assert_eq!(fault.kind(), Some(presscheck_core::providers::FaultKind::Auth), "{fault}");
        told.push_str(&format!("{fault}\n"));
    }
    assert!(!told.contains("hush") && !told.contains("BEGIN"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn the_answer_of_an_exchange_is_told_apart() {
    let secrets = secrets("{\"hush\": \"hush-hush\"}");
    let good = r#"{"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer"}"#;
    let (token, lasts) = token_of(&reply(200, good), &secrets).unwrap();
    assert_eq!((token.as_str(), lasts.as_secs()), ("ya29.x", 3599));
    let fault = |status, body: &str| token_of(&reply(status, body), &secrets).unwrap_err();
    let denied = r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#;
    assert_eq!(
        fault(400, denied),
        TransportFault::Unauthorised(
            "no access token for this key: HTTP 400: invalid_grant: Invalid JWT Signature.".into()
        )
    );
    let echo = r#"{"error": "no {\"hush\": \"hush-hush\"}"}"#;
    assert!(!fault(401, echo).to_string().contains("hush"), "{}", fault(401, echo));
    for status in [408, 429, 500, 503] {
        assert!(matches!(fault(status, "busy"), TransportFault::Unreachable(_)), "{status}");
    }
    for body in ["", "[]", "{}", r#"{"access_token": ""}"#, r#"{"access_token": "a b"}"#, "<html>"]
    {
        assert!(matches!(fault(200, body), TransportFault::Unauthorised(_)), "{body}");
    }
    let endless = r#"{"access_token": "x", "expires_in": 18446744073709551615}"#;
    assert_eq!(token_of(&reply(200, endless), &secrets).unwrap().1, CLAIM);
}
