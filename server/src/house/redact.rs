//! Removes what looks like a secret from a text: a message leaves the house, and error texts often come from other programs.

use std::sync::LazyLock;

use regex::Regex;

/// How many characters of somebody else's words go into a message.
const MAX_CHARS: usize = 400;

/// A name and a password in an address.
static USERINFO: LazyLock<Regex> = LazyLock::new(|| pattern(r"://[^/\s@]+@"));
/// What follows a word that names a secret, as in query strings, environments and headers.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)([a-z0-9_-]*(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|authorization|cookie|session)[a-z0-9_-]*["']?\s*[=:]\s*)(?:(?:bearer|basic)\s+)?["']?[^\s"'&;,]+"#,
    )
});
/// A credential as it stands in a header.
static BEARER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(bearer|basic)\s+[a-z0-9+/._~=-]{8,}"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests use")
}

/// The text on one line, cut to some 400 characters, without what looks like a secret.
#[must_use]
pub fn redacted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = USERINFO.replace_all(&line, "://…@");
    let line = NAMED.replace_all(&line, "${1}…");
    let line = BEARER.replace_all(&line, "${1} …");
    if line.chars().count() <= MAX_CHARS {
        return line.into_owned();
    }
    let mut cut: String = line.chars().take(MAX_CHARS).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_taken_out_and_the_rest_stays() {
        for (text, left) in [
            (
                "cannot connect to https://anna:hunter2@home.example.org/x: refused",
                "cannot connect to https://…@home.example.org/x: refused",
            ),
            (
                "answered 500: DB_PASSWORD=hunter2 is wrong",
                "answered 500: DB_PASSWORD=… is wrong",
            ),
            (
                "GET /a?access_token=abc123&page=2 answered 403",
                "GET /a?access_token=…&page=2 answered 403",
            ),
            (
                "sent Authorization: Bearer abcdef0123456789 to it",
                "sent Authorization: … to it",
            ),
            ("with bearer abcdef0123456789", "with bearer …"),
            ("{\"apiKey\": \"k-1\"}", "{\"apiKey\": …\"}"),
            (
                "/healthz answered 503:\n  migrating",
                "/healthz answered 503: migrating",
            ),
        ] {
            assert_eq!(redacted(text), left);
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(redacted(&"é".repeat(5000)).chars().count(), MAX_CHARS + 1);
    }
}
