//! A key never stands in a file: what looks like one is refused, and never repeated in a message.

use super::problem::{Problems, Span};

/// Parts of header and query names whose values are keys.
const SECRET_PARTS: [&str; 9] = [
    "authorization",
    "apikey",
    "token",
    "secret",
    "password",
    "cookie",
    "signature",
    "credential",
    "subscriptionkey",
];

/// Whole names, and last words of names, whose values are keys.
const SECRET_WORDS: [&str; 4] = ["key", "auth", "sig", "pwd"];

/// Whether a header, query parameter or field of this name holds a key: `Authorization`, `x-api-key`,
/// `access_token`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let last = lower.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    SECRET_PARTS.iter().any(|part| plain.contains(part)) || SECRET_WORDS.contains(&last)
}

/// Reports the value of a secret header that names no environment variable (`${NAME}`): then the key
/// itself stands in the file. Gives whether it was reported.
pub fn refuse_literal_secret(name: &str, value: &str, span: Span, problems: &mut Problems) -> bool {
    let literal = is_secret_name(name) && !value.contains("${") && !value.trim().is_empty();
    if literal {
        let name = crate::inert::one_line(name, 60);
        problems.error_masked(
            span,
            format!("`{name}` seems to hold a key, and this file is no place for one"),
            "write the key's environment variable, not the key: `\"Bearer ${NAME}\"`, with NAME under \
             `api_key_env`; and if that is a real key, revoke it",
        );
    }
    literal
}

/// Whether a text is the name of an environment variable as keys have them: `GEMINI_API_KEY`.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    let rest = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    starts && rest && name.len() <= 128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_known() {
        for name in [
            "Authorization",
            "x-api-key",
            "X-Goog-Api-Key",
            "api_key",
            "apiKey",
            "access_token",
            "key",
            "x-key",
            "Ocp-Apim-Subscription-Key",
            "Cookie",
            "client-secret",
            "x-auth",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["content-type", "accept", "x-monkey", "keyboard", "api-version", ""] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_literal_key_is_refused_and_not_repeated() {
        let mut problems = Problems::new();
        let span = Span::default();
        assert!(refuse_literal_secret("authorization", "Bearer sk-123", span, &mut problems));
        assert!(!refuse_literal_secret("authorization", "Bearer ${KEY}", span, &mut problems));
        assert!(!refuse_literal_secret("accept", "image/png", span, &mut problems));
        assert_eq!(problems.errors(), 1);
        assert!(!format!("{problems:?}").contains("sk-123"));
    }

    #[test]
    fn variables_are_upper_case() {
        assert!(is_variable_name("GEMINI_API_KEY") && is_variable_name("_X1"));
        for name in ["", "1A", "gemini", "A-B", "sk-abc", "A B", "É"] {
            assert!(!is_variable_name(name), "{name}");
        }
    }
}
