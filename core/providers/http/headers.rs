//! The policy's `headers:`, in which a key is only ever named.

use crate::inert::one_line;
use crate::policy::{Kind, Node, Problems, refuse_literal_secret};
use crate::providers::Text;

/// Headers that belong to the connection or that the transport sets itself (RFC 9110, 7.6.1 and 10.1).
const NOT_OURS: [&str; 12] = [
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "accept-encoding",
    "user-agent",
    "http2-settings",
];

/// Reads the headers and reports each problem at its place. `names` are those of `api_key_env`.
pub(super) fn read(
    node: &Node,
    names: &[String],
    problems: &mut Problems,
) -> Option<Vec<(String, Vec<Text>)>> {
    let Kind::Table(entries) = &node.kind else {
        node.wrong_type("a table of header names and values", problems);
        return None;
    };
    let mut headers: Vec<(String, Vec<Text>)> = Vec::new();
    let mut sound = true;
    for entry in entries {
        let name = entry.key.to_ascii_lowercase();
        if let Some(reason) = wrong_name(&name) {
            problems.error(entry.key_span, reason);
            sound = false;
            continue;
        }
        if headers.iter().any(|(known, _)| *known == name) {
            problems.error(entry.key_span, format!("the header `{name}` is given twice"));
            sound = false;
            continue;
        }
        match value(&name, &entry.value, names, problems) {
            Some(parts) => headers.push((name, parts)),
            None => sound = false,
        }
    }
    for unused in names.iter().filter(|name| !mentions(&headers, name)) {
        problems.warning(
            node.span,
            format!("no header uses the key `{}`", one_line(unused, 60)),
            format!(
                "add a header with `${{{}}}`, or drop it from `api_key_env`",
                one_line(unused, 60)
            ),
        );
    }
    sound.then_some(headers)
}

fn mentions(headers: &[(String, Vec<Text>)], name: &str) -> bool {
    headers.iter().any(|(_, parts)| {
        parts.iter().any(|part| matches!(part, Text::Secret(secret) if secret == name))
    })
}

/// Why a header of this name can't be sent, where it can't.
fn wrong_name(name: &str) -> Option<String> {
    let shown = one_line(name, 60);
    // The `token` of RFC 9110, 5.6.2.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Some(format!("`{shown}` is no name of a header"));
    }
    (NOT_OURS.contains(&name) || name.starts_with("proxy-"))
        .then(|| format!("the header `{shown}` is set by presscheck itself"))
}

/// The parts of a value: literal text, and `${NAME}` for names in `api_key_env`.
fn value(name: &str, node: &Node, names: &[String], problems: &mut Problems) -> Option<Vec<Text>> {
    let Some(text) = node.scalar_text() else {
        node.wrong_type("text", problems);
        return None;
    };
    if text.chars().any(|c| !(c == '\t' || c == ' ' || c.is_ascii_graphic())) {
        problems.error(
            node.span,
            format!("the header `{name}` has a line break, a control or a non-ASCII character"),
        );
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let Some((key, next)) = after.split_once('}') else {
            problems.error(node.span, format!("the header `{name}` has a `${{` without its `}}`"));
            return None;
        };
        if !names.iter().any(|known| known == key) {
            let key = one_line(key, 60);
            problems.error_with_help(
                node.span,
                format!("`{key}` is not listed in this provider's `api_key_env`"),
                format!("add `api_key_env: {key}`: only listed variables are ever read"),
            );
            return None;
        }
        if !before.is_empty() {
            parts.push(Text::Plain(before.to_owned()));
        }
        parts.push(Text::Secret(key.to_owned()));
        rest = next;
    }
    if !rest.is_empty() {
        parts.push(Text::Plain(rest.to_owned()));
    }
    let literal = !parts.iter().any(|part| matches!(part, Text::Secret(_)));
    // Its name ends in `key`, but it unlocks nothing.
    let harmless = matches!(name, "idempotency-key" | "x-idempotency-key");
    if literal && !harmless && refuse_literal_secret(name, &text, node.span, problems) {
        return None;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn dangerous_headers_are_refused_with_the_reason() {
        let mut problems = Problems::new();
        let table = json!({
            "authorization": "Bearer sk-123",
            "x-api-key": "${OTHER}",
            "Host": "evil.test",
            "Content-Length": "3",
            "proxy-authorization": "x",
            "x-two\r\nx-three": "a",
            "x-break": "a\r\nx-more: b",
            "x-open": "${STUDIO_KEY",
            "x-list": [1],
            "x-plain": 7,
            "X-Plain": "8",
        });
        assert_eq!(read(&Node::from_json(&table), &["STUDIO_KEY".to_owned()], &mut problems), None);
        insta::assert_snapshot!(
            problems
                .sorted()
                .iter()
                .map(|problem| problem.message.clone())
                .collect::<Vec<_>>()
                .join("\n")
        );
    }

    proptest! {
        #[test]
        fn nothing_panics_or_breaks_a_line(name in ".{0,12}", text in ".{0,30}") {
            let mut problems = Problems::new();
            let table = json!({name: text});
            if let Some(headers) = read(&Node::from_json(&table), &[], &mut problems) {
                for (_, parts) in headers {
                    for part in parts {
                        let Text::Plain(part) = part else { panic!("no key is listed") };
                        prop_assert!(!part.contains(['\r', '\n', '\0']));
                    }
                }
            }
        }
    }
}
