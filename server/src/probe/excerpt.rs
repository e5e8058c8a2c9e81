//! Extracts the beginning of an answer's body as readable text: the words of an HTML error page, without control characters.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// The maximum number of characters.
const MAX_CHARS: usize = 300;

/// The words at the beginning of a body; empty if there are none.
pub(super) fn of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words = match is_html(&text) {
        true => words_of(&text),
        false => text.into_owned(),
    };
    cut(&words)
}

fn is_html(text: &str) -> bool {
    let start = text.trim_start().trim_start_matches('\u{feff}');
    let start: String = start.chars().take(9).collect();
    let start = start.to_ascii_lowercase();
    [
        "<!doctype",
        "<html",
        "<head",
        "<body",
        "<h1",
        "<pre",
        "<!--",
        "<title",
        "<p>",
        "<div",
    ]
    .iter()
    .any(|begin| start.starts_with(begin))
}

/// The text of a page, without scripts and styles. Of two equal pieces in a row only one is kept, because a heading often
/// repeats the title.
fn words_of(html: &str) -> String {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut pieces: Vec<String> = Vec::new();
    let mut is_hidden = false;
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                is_hidden = matches!(&**tag.name, b"script" | b"style" | b"noscript");
            }
            Token::EndTag(_) => is_hidden = false,
            Token::String(text) if !is_hidden => {
                let piece = String::from_utf8_lossy(&text.value).trim().to_owned();
                if !piece.is_empty() && pieces.last() != Some(&piece) {
                    pieces.push(piece);
                }
            }
            Token::String(_) | Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    pieces.join(" ")
}

/// The text in one line, without control characters, and cut to a length that fits into a message.
fn cut(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        None => line,
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_is_its_words() {
        let page = "<!DOCTYPE html>\n<html><head><title>Error</title><style>pre { color: red }</style>\
             <script>alert(1)</script></head>\n<body><h1>Error</h1><pre>TypeError: x is &lt;undefined&gt;<br> at a.js</pre></body></html>";
        assert_eq!(
            of(page.as_bytes()),
            "Error TypeError: x is <undefined> at a.js"
        );
        assert_eq!(of(b"<html><body></body></html>"), "");
        assert_eq!(of(b""), "");
        // Cut in the middle of a tag or of a script.
        assert_eq!(of(b"<html><body>Oops <a hre"), "Oops");
        assert_eq!(of(b"<html><script>var x = 'never ends"), "");
    }

    #[test]
    fn other_text_stays_in_one_line_and_is_cut() {
        assert_eq!(of(b"migrating\n  3 of 7\n"), "migrating 3 of 7");
        assert_eq!(of(b"{\"error\": \"<b>\"}"), "{\"error\": \"<b>\"}");
        assert_eq!(of(b"a < b"), "a < b");
        assert_eq!(of(b"\x1b[2J\x07bell \xff"), "[2J bell \u{fffd}");
        let long = "é".repeat(1000);
        let shown = of(long.as_bytes());
        assert_eq!(shown.chars().count(), MAX_CHARS + 1);
        assert!(shown.ends_with('…'));
    }
}
