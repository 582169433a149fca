//! What replies mean, one by one, and that no reply whatever breaks the reader.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::tests::{dialect, order};
use crate::providers::{Answer, FaultKind, MAX_WORDS, Reply, Step};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn reply(status: u16, kind: &str, body: &[u8]) -> Reply {
    Reply {
        status,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: Bytes::copy_from_slice(body),
    }
}

fn means(table: &Value, reply: &Reply) -> Step {
    dialect(table).unwrap().understand(&order(&Map::new()), reply)
}

/// A meaning in a few words.
fn brief(step: &Step) -> String {
    match step {
        Step::Done(Answer::Image { bytes, cost, .. }) => {
            let cost = cost.map(|cost| cost.amount);
            format!("image of {} bytes, {cost:?}", bytes.len())
        }
        Step::Done(Answer::Words { text, .. }) => format!("words: {text}"),
        Step::Done(Answer::Refused { words, .. }) => format!("refused: {words}"),
        Step::Done(Answer::Broken { kind, words }) => format!("broken {kind}: {words}"),
        Step::Done(Answer::Fault(fault)) => format!("fault {}: {}", fault.kind.word(), fault.words),
        Step::Fetch(url) => format!("fetch {url}"),
        Step::Poll(..) | Step::Again(_) | Step::Next(_) => "more calls".to_owned(),
    }
}

#[test]
fn each_reply_has_its_meaning() {
    let cases: &[(u16, &str, &[u8])] = &[
        (200, "text/plain", PNG),
        (200, "image/png", b"\x89PNG broken"),
        (200, "text/html; charset=utf-8", b"\n<!DOCTYPE html><title>Oops</title>"),
        (200, "application/json", br#"{"error":{"message":"the GPU is on fire"}}"#),
        (200, "application/json", br#"{"error":"no","url":"https://docs.test/errors"}"#),
        (200, "application/json", br#"{"error":null,"image":"iVBORw0KGgo="}"#),
        (200, "application/json", br#"{"status":"ok"}"#),
        (200, "application/json", br#"{"image":"%%%"}"#),
        (200, "application/json", br#"{"image":"#),
        (
            200,
            "application/json",
            br#"{"error":{"code":"content_policy_violation","message":"no"}}"#,
        ),
        (200, "image/png", b""),
        (204, "", b""),
        (200, "application/json", b"null"),
        (200, "application/json", br#"{"url":"https://cdn.test/1.png"}"#),
        (400, "application/json", br#"{"error":{"message":"steps is too large"}}"#),
        (400, "application/json", br#"{"error":{"code":"content_policy","message":"not this"}}"#),
        (401, "text/plain", b"who are you"),
        (403, "application/json", br#"{"name":"content_moderation","errors":["flagged"]}"#),
        (403, "text/plain", b"forbidden"),
        (402, "application/json", br#"{"detail":"top up"}"#),
        (429, "application/json", br#"{"error":{"code":"insufficient_quota","message":"pay"}}"#),
        (429, "", b""),
        (404, "application/json", br#"{"error":{"code":"model_not_found"}}"#),
        (404, "text/html", b"<html>Not found</html>"),
        (410, "", b""),
        (408, "", b""),
        (451, "", b""),
        (500, "application/json", br#"{"detail":"CUDA out of memory"}"#),
        (502, "text/html", b"<html>Bad Gateway</html>"),
        (503, "", b""),
        (504, "", b""),
        (302, "", b""),
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|(status, kind, body)| {
            format!("{status} {}", brief(&means(&json!({}), &reply(*status, kind, body))))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_policys_own_rules_replace_the_usual_ones() {
    let table = json!({
        "refused": {"status": [403], "pointer": "/error/code", "values": ["E005", "7"]},
        "response": {"image": "/out/pic"},
        "cost": {"pointer": "/usage/cost_usd"},
    });
    let refused = |status, body: &str| {
        matches!(
            means(&table, &reply(status, "", body.as_bytes())),
            Step::Done(Answer::Refused { .. })
        )
    };
    assert!(refused(403, r#"{"error":{"code":"E005"}}"#));
    assert!(refused(403, r#"{"error":{"code":7}}"#));
    assert!(!refused(400, r#"{"error":{"code":"E005"}}"#));
    assert!(!refused(403, r#"{"error":{"code":"content_policy"}}"#));
    let paid = br#"{"out":{"pic":"iVBORw0KGgo="},"usage":{"cost_usd":0.0125}}"#;
    assert_eq!(brief(&means(&table, &reply(200, "", paid))), "image of 8 bytes, Some($0.0125)");
    let odd = br#"{"out":{"pic":"iVBORw0KGgo="},"usage":{"cost_usd":-1}}"#;
    assert_eq!(brief(&means(&table, &reply(200, "", odd))), "image of 8 bytes, None");
    let none = br#"{"image":"iVBORw0KGgo="}"#;
    assert_eq!(
        brief(&means(&table, &reply(200, "", none))),
        "broken no_image: the answer has no picture at `/out/pic`"
    );
}

#[test]
fn a_download_is_never_fatal() {
    let dialect = dialect(&json!({})).unwrap();
    for status in [401, 402, 403, 404, 410] {
        let answer = dialect.fetched(&reply(status, "", b"gone"));
        assert!(
            matches!(&answer, Answer::Broken { kind, .. } if kind == "download_failed"),
            "{answer:?}"
        );
    }
    for status in [429, 500, 503] {
        let Answer::Fault(fault) = dialect.fetched(&reply(status, "", b"")) else {
            panic!("{status}")
        };
        assert!(fault.kind.is_transient());
    }
    assert!(matches!(dialect.fetched(&reply(200, "text/html", PNG)), Answer::Image { .. }));
}

/// Every promise that holds for any reply.
fn holds(reply: &Reply) -> Result<(), TestCaseError> {
    let tables = [
        json!({}),
        json!({"response": {"url": "/a"}, "refused": {"pointer": "/error"}, "cost": {"header": "content-type"}}),
    ];
    for table in tables {
        let dialect = dialect(&table).unwrap();
        let params = Map::new();
        for answer in
            [dialect.understand(&order(&params), reply), Step::Done(dialect.fetched(reply))]
        {
            let words = match answer {
                Step::Done(Answer::Image { .. }) => {
                    prop_assert!((200..300).contains(&reply.status));
                    continue;
                }
                Step::Done(Answer::Words { .. }) => panic!("nothing was asked in words"),
                Step::Done(Answer::Refused { words, .. } | Answer::Broken { words, .. }) => words,
                Step::Done(Answer::Fault(fault)) => {
                    let success = (200..300).contains(&reply.status);
                    prop_assert!(!success, "a success is never a fault");
                    prop_assert!(fault.kind != FaultKind::Unreachable);
                    fault.words
                }
                Step::Fetch(url) => {
                    prop_assert!(matches!(url.scheme(), "http" | "https"));
                    continue;
                }
                Step::Poll(..) | Step::Again(_) | Step::Next(_) => {
                    return Err(TestCaseError::fail("http never asks again"));
                }
            };
            prop_assert!(!words.is_empty());
            prop_assert!(words.chars().count() <= MAX_WORDS + 80, "{words}");
            prop_assert!(!words.chars().any(char::is_control), "{words:?}");
        }
    }
    Ok(())
}

const RECORDED: [(u16, &str, &[u8]); 8] = [
    (200, "image/png", PNG),
    (200, "application/json", br#"{"created":1,"data":[{"b64_json":"iVBORw0KGgo=","url":null}]}"#),
    (200, "application/json", br#"{"images":[{"url":"https://cdn.test/1.png"}],"error":null}"#),
    (
        200,
        "application/json",
        br#"{"output":["data:image/png;base64,iVBORw0KGgo="],"status":"ok"}"#,
    ),
    (200, "text/html", b"<!DOCTYPE html><html><head><title>Login</title></head></html>"),
    (403, "application/json", br#"{"error":{"code":"content_policy","message":"no violence"}}"#),
    (
        429,
        "application/json",
        br#"{"error":{"code":"insufficient_quota","type":"x","message":"pay"}}"#,
    ),
    (
        404,
        "application/json",
        br#"{"error":{"code":"model_not_found","message":"gone"},"detail":[{"msg":1}]}"#,
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn any_reply_has_a_meaning(
        status in 100_u16..600,
        kind in ".{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        holds(&reply(status, &kind, &body))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn ten_thousand_damaged_recordings_have_a_meaning(
        which in 0..RECORDED.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
        status in prop_oneof![3 => Just(None), 1 => (100_u16..600).prop_map(Some)],
    ) {
        let (recorded, kind, body) = RECORDED[which];
        let mut body = body.to_vec();
        for (place, byte, edit) in edits {
            if body.is_empty() { break; }
            let place = place.index(body.len());
            match edit {
                0 => body[place] = byte,
                1 => body.insert(place, byte),
                2 => drop(body.remove(place)),
                _ => body.truncate(place),
            }
        }
        holds(&reply(status.unwrap_or(recorded), kind, &body))?;
    }
}
