//! Splits SQL into tokens as SQLite's own tokenizer does (sqlite.org/draft/tokenreq.html).

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a bare name.
    Word,
    /// A name in double quotes, backticks or brackets.
    Quoted,
    /// A string in single quotes.
    Text,
    /// A number.
    Number,
    /// `x'…'`.
    Blob,
    /// A parameter.
    Variable,
    /// Anything else.
    Symbol,
}

/// One token, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// A name without its quotes and in lower case; a string without its quotes; anything else as written.
    pub text: String,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

impl Token {
    /// Whether it is this bare word, given in lower case.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text == word
    }

    /// Whether it is this symbol.
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// Whether it names something.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Quoted)
    }
}

/// The tokens of a text, without white space and comments. Never fails: what is no SQL becomes symbols.
pub fn tokens(sql: &str) -> Vec<Token> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
        } else if let Some(end) = comment(sql, at) {
            at = end;
        } else {
            let (kind, text, end) = token(sql, at);
            found.push(Token {
                kind,
                text,
                start: at,
                end,
            });
            at = end;
        }
    }
    found
}

fn comment(sql: &str, at: usize) -> Option<usize> {
    let rest = &sql[at..];
    if rest.starts_with("--") {
        return Some(rest.find('\n').map_or(sql.len(), |end| at + end + 1));
    }
    let inside = rest.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(sql.len(), |end| at + end + 4))
}

fn token(sql: &str, at: usize) -> (TokenKind, String, usize) {
    let bytes = sql.as_bytes();
    let first = bytes[at];
    match first {
        b'\'' => {
            let (text, end) = until_quote(sql, at, b'\'');
            (TokenKind::Text, text, end)
        }
        b'"' | b'`' | b'[' => {
            let close = if first == b'[' { b']' } else { first };
            let (text, end) = until_quote(sql, at, close);
            (TokenKind::Quoted, text.to_ascii_lowercase(), end)
        }
        b'x' | b'X' if bytes.get(at + 1) == Some(&b'\'') => {
            let (text, end) = until_quote(sql, at + 1, b'\'');
            (TokenKind::Blob, text.to_ascii_lowercase(), end)
        }
        b'0'..=b'9' => number(sql, at),
        b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => number(sql, at),
        b'?' | b':' | b'@' | b'$' => {
            let end = at + 1 + run(&bytes[at + 1..], |b| b == b':' || is_part_of_name(b));
            (TokenKind::Variable, sql[at..end].to_owned(), end)
        }
        _ if is_part_of_name(first) => {
            let end = at + run(&bytes[at..], is_part_of_name);
            (TokenKind::Word, sql[at..end].to_ascii_lowercase(), end)
        }
        _ => {
            const LONG: [&str; 9] = ["->>", "->", "||", "<=", ">=", "<>", "!=", "==", "<<"];
            let long = LONG.iter().find(|symbol| sql[at..].starts_with(**symbol));
            let end = at + long.map_or(1, |symbol| symbol.len());
            (TokenKind::Symbol, sql[at..end].to_owned(), end)
        }
    }
}

fn number(sql: &str, at: usize) -> (TokenKind, String, usize) {
    let bytes = sql.as_bytes();
    let mut end = at;
    while let Some(&byte) = bytes.get(end) {
        let is_sign = matches!(byte, b'+' | b'-');
        let after_exponent = end > at && matches!(bytes[end - 1], b'e' | b'E');
        let is_hex = sql[at..end].starts_with("0x") || sql[at..end].starts_with("0X");
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_')
            || (is_sign && after_exponent && !is_hex)
        {
            end += 1;
        } else {
            break;
        }
    }
    let text = sql[at..end].to_ascii_lowercase().replace('_', "");
    (TokenKind::Number, text, end)
}

/// The text between quotes, a doubled quote counting once.
fn until_quote(sql: &str, at: usize, close: u8) -> (String, usize) {
    let bytes = sql.as_bytes();
    let mut text = Vec::new();
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        end += 1;
        if byte == close {
            if close != b']' && bytes.get(end) == Some(&close) {
                end += 1;
            } else {
                break;
            }
        }
        text.push(byte);
    }
    (String::from_utf8_lossy(&text).into_owned(), end)
}

fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|&byte| !wanted(byte))
        .unwrap_or(bytes.len())
}

fn is_part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
