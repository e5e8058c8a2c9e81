//! Makes text of other programs, sites and databases safe for a terminal: nothing in it can move the cursor, set the title,
//! hide text or reverse it. Every command prints through this.

use std::borrow::Cow;
use std::io::IsTerminal;

/// Our own colours (ECMA-48, "SGR"): the only escape sequences that are printed.
const COLOURS: [&str; 5] = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

/// Whether stderr is a terminal, so that progress can be shown.
pub(super) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether a character controls a terminal, or changes the direction of the following text (Unicode, UAX 9).
fn is_order(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Makes a text safe: line breaks and our own colours stay, any other control character becomes U+FFFD.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_order(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(colour) = COLOURS.iter().find(|colour| rest.starts_with(**colour)) {
            safe.push_str(colour);
            rest = &rest[colour.len()..];
            continue;
        }
        match c {
            '\n' => safe.push('\n'),
            '\t' => safe.push_str("    "),
            c if is_order(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(safe)
}

/// Makes foreign text within a line safe: a line break becomes a space, so that it can't pass for a line of ours.
pub(super) fn line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_order(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Makes JSON safe. Its strings already escape what is below U+0020 (RFC 8259 section 7), but terminals react to more.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    let raw = |c: char| c != '\n' && is_order(c);
    if !text.chars().any(raw) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // Outside of strings, JSON has only line breaks and spaces between its tokens.
        if raw(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a hostile name tries: a title, a cleared screen, hidden text, a C1 order, a line of its own, text turned around.
    pub(in super::super) const HOSTILE: &str =
        "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[8mb\u{9b}2J\r\nall is well\u{202e}c\u{7f}\t";

    /// Panics if `printed` holds an order to a terminal, or a line that foreign text made.
    #[track_caller]
    pub(in super::super) fn assert_harmless(printed: &str) {
        assert!(
            printed.chars().all(|c| c == '\n' || !is_order(c)),
            "{printed:?}"
        );
        assert!(
            printed.lines().all(|line| !line.starts_with("all is well")),
            "{printed:?}"
        );
    }

    #[test]
    fn only_our_own_colours_and_line_breaks_reach_a_terminal() {
        let printed = text("\x1b[31mFAIL\x1b[0m a\x1b[8mb\nc\td\u{9b}e\u{202e}f");
        assert_eq!(
            printed,
            "\x1b[31mFAIL\x1b[0m a\u{fffd}[8mb\nc    d\u{fffd}e\u{fffd}f"
        );
        assert!(matches!(text("plain\ntext"), Cow::Borrowed(_)));
        assert_harmless(&line(HOSTILE));
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "name": HOSTILE });
        let plain = serde_json::to_string_pretty(&value).unwrap();
        let printed = json(&plain);
        assert!(printed.chars().all(|c| c == '\n' || !is_order(c)));
        let read: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read, value);
    }
}
