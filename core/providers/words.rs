//! The provider's own words, made short and harmless enough to keep.

use serde_json::Value;

use super::Reply;
use crate::inert::one_line;

/// The most characters that are kept of what a provider says.
pub const MAX_WORDS: usize = 500;

/// Where error messages stand in JSON, the most telling first.
const MESSAGES: [&str; 11] = [
    "/error/message",
    "/errors/0/message",
    "/message",
    "/detail/0/msg",
    "/detail",
    "/errors/0",
    "/error/0",
    "/error/code",
    "/error",
    "/title",
    "/reason",
];

/// What a reply says in words: the message of a JSON error, else the beginning of its text. One line, at
/// most [`MAX_WORDS`] characters, without control characters.
#[must_use]
pub fn provider_words(reply: &Reply) -> String {
    let json = serde_json::from_slice::<Value>(&reply.body).ok();
    if let Some(message) = json.as_ref().and_then(message_in) {
        return message;
    }
    // Enough for the words even if each character takes four bytes; the rest is never looked at.
    let start = reply.body.get(..MAX_WORDS * 4).unwrap_or(&reply.body);
    if start.is_empty() {
        return format!("HTTP {} without a body", reply.status);
    }
    let text = String::from_utf8_lossy(start);
    let strange = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    if strange * 10 > text.chars().count() {
        return format!("HTTP {} with {} bytes that are no text", reply.status, reply.body.len());
    }
    tidy(&text)
}

/// The error message of a JSON answer, where it has one.
pub(super) fn message_in(json: &Value) -> Option<String> {
    MESSAGES
        .iter()
        .filter_map(|place| json.pointer(place)?.as_str())
        .map(tidy)
        .find(|message| !message.is_empty())
}

/// One short line, with runs of spaces as one.
pub(super) fn tidy(text: &str) -> String {
    // Cut first: a hostile answer may be many megabytes of spaces.
    let start: String = text.chars().take(MAX_WORDS * 4).collect();
    let line = one_line(&start, MAX_WORDS * 4);
    one_line(&line.split_whitespace().collect::<Vec<_>>().join(" "), MAX_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn said(body: &'static [u8]) -> String {
        provider_words(&Reply { status: 500, headers: vec![], body: Bytes::from_static(body) })
    }

    #[test]
    fn the_message_is_found_and_tamed() {
        assert_eq!(
            said(br#"{"error":{"message":"out of\nmemory","code":"oom"}}"#),
            "out of memory"
        );
        assert_eq!(said(br#"{"detail":[{"msg":"field required"}]}"#), "field required");
        assert_eq!(said(br#"{"error":{"code":"oom"}}"#), "oom");
        assert_eq!(said(br#"{"error":["no such size"]}"#), "no such size");
        assert_eq!(said(b"Bad \x1b[31mGateway\r\n"), "Bad [31mGateway");
        assert_eq!(said(b""), "HTTP 500 without a body");
        assert_eq!(said(b"\xFF\xFE\xFD\xFC"), "HTTP 500 with 4 bytes that are no text");
        assert_eq!(said(&[b'x'; 5000]).chars().count(), MAX_WORDS + 1);
    }
}
