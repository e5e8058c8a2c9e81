//! JavaScript cut into its tokens (ECMAScript, section 12), so that what stands in a comment, a string or a regular
//! expression is not taken for a call. It never fails: what can't be read is skipped.

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A name or a keyword.
    Name(String),
    /// A string, its escapes undone.
    Text(String),
    /// A template: the texts between its holes (one more than holes), and the tokens of each hole.
    Template(Vec<String>, Vec<Vec<Lexeme>>),
    /// A number or a regular expression: of no interest, but an end of an expression.
    Other,
    /// A mark.
    Mark(&'static str),
}

/// A token with its line, from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Lexeme {
    /// The token.
    pub token: Token,
    /// Its line.
    pub line: u32,
}

impl Lexeme {
    /// Whether it is this mark.
    pub fn is(&self, mark: &str) -> bool {
        matches!(&self.token, Token::Mark(its) if *its == mark)
    }

    /// The name that it is.
    pub fn name(&self) -> Option<&str> {
        match &self.token {
            Token::Name(name) => Some(name),
            Token::Text(_) | Token::Template(..) | Token::Other | Token::Mark(_) => None,
        }
    }

    /// The string that it is; a template without holes is one.
    pub fn text(&self) -> Option<&str> {
        match &self.token {
            Token::Text(text) => Some(text),
            Token::Template(texts, holes) if holes.is_empty() => texts.first().map(String::as_str),
            Token::Template(..) | Token::Name(_) | Token::Other | Token::Mark(_) => None,
        }
    }

    /// Whether an expression can end with it.
    pub fn ends_a_value(&self) -> bool {
        match &self.token {
            Token::Name(name) => !BEFORE_A_VALUE.contains(&name.as_str()),
            Token::Text(_) | Token::Template(..) | Token::Other => true,
            Token::Mark(mark) => matches!(*mark, ")" | "]" | "}" | "++" | "--"),
        }
    }
}

/// Keywords after which a value begins, and not an operator.
const BEFORE_A_VALUE: [&str; 16] = [
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "instanceof",
    "yield",
    "await",
    "default",
    "extends",
];

/// The marks of more than one character that matter here, and every single one; the longest first.
const MARKS: [&str; 46] = [
    "...", "===", "!==", "??=", "||=", "&&=", "=>", "==", "!=", "<=", ">=", "?.", "??", "||", "&&",
    "++", "--", "+=", "-=", "*=", "/=", "%=", "{", "}", "(", ")", "[", "]", ";", ",", "<", ">",
    "+", "-", "*", "/", "%", "&", "|", "^", "!", "~", "?", ":", "=", ".",
];

/// How much may be read in vain for regular expressions that end nowhere, in bytes: what comes after is taken for
/// divisions.
const MAX_WASTED_BYTES: usize = 64 << 20;

/// How deep templates may stand in each other.
const MAX_DEPTH: usize = 8;

/// The tokens of a script.
pub fn scan(script: &str) -> Vec<Lexeme> {
    scan_from(script, 1, 0)
}

fn scan_from(script: &str, line: u32, depth: usize) -> Vec<Lexeme> {
    let mut scan = Scan {
        rest: script,
        line,
        depth,
        found: Vec::new(),
        round: Vec::new(),
        closed_a_head: false,
        in_vain: 0,
    };
    while scan.next() {}
    scan.found
}

struct Scan<'a> {
    rest: &'a str,
    line: u32,
    depth: usize,
    found: Vec<Lexeme>,
    /// For each round bracket that is open: whether it belongs to `if`, `while`, `for` or `with`, after whose end a
    /// slash begins a regular expression.
    round: Vec<bool>,
    /// The same of the one that was closed last.
    closed_a_head: bool,
    /// How much was read for regular expressions that were none.
    in_vain: usize,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if first.is_whitespace() || first == '\u{feff}' {
            self.take(first.len_utf8());
        } else if self.rest.starts_with("//")
            || self.rest.starts_with("<!--")
            || (self.rest.starts_with("#!") && self.found.is_empty())
        {
            self.take(
                self.rest
                    .find(['\n', '\u{2028}'])
                    .unwrap_or(self.rest.len()),
            );
        } else if self.rest.starts_with("/*") {
            let end = self.rest[2..]
                .find("*/")
                .map_or(self.rest.len(), |at| at + 4);
            self.take(end);
        } else if is_of_a_name(first) && !first.is_ascii_digit()
            || matches!(first, '\\' | '#' | '@')
        {
            self.word();
        } else if first.is_ascii_digit() {
            self.number();
        } else if matches!(first, '"' | '\'') {
            self.string(first);
        } else if first == '`' {
            self.template();
        } else if first == '/' && self.begins_a_regex() && self.regex() {
        } else {
            self.mark(first);
        }
        true
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += u32::try_from(taken.matches('\n').count()).unwrap_or(0);
        self.rest = rest;
        taken
    }

    fn push(&mut self, token: Token, line: u32) {
        self.found.push(Lexeme { token, line });
    }

    fn word(&mut self) {
        let line = self.line;
        let length = self
            .rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| !is_of_a_name(*c))
            .map_or(self.rest.len(), |(at, _)| at);
        let name = self.take(length).to_owned();
        self.push(Token::Name(name), line);
    }

    fn number(&mut self) {
        let line = self.line;
        let length = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_')
            .unwrap_or(self.rest.len());
        self.take(length);
        self.push(Token::Other, line);
    }

    /// A string ends in its line (section 12.9.4); one that does not is no string.
    fn string(&mut self, quote: char) {
        let line = self.line;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        let mut end = 1;
        while let Some((at, c)) = chars.next() {
            end = at + c.len_utf8();
            match c {
                _ if c == quote => break,
                '\n' => {
                    end = 1;
                    break;
                }
                '\\' => {
                    let escape = self.rest.get(at..).unwrap_or_default();
                    let taken = unescape(escape, &mut text);
                    // The backslash itself is taken already.
                    for (at, c) in chars.by_ref().take(taken - 1) {
                        end = at + c.len_utf8();
                    }
                }
                _ => text.push(c),
            }
        }
        self.take(end);
        if end > 1 {
            self.push(Token::Text(text), line);
        }
    }

    fn template(&mut self) {
        let line = self.line;
        let (mut texts, mut holes) = (vec![String::new()], Vec::new());
        self.take(1);
        while let Some(c) = self.rest.chars().next() {
            if c == '`' {
                self.take(1);
                break;
            }
            if c == '\\' {
                let text = texts.last_mut().expect("there is always one text");
                let taken = unescape(self.rest, text);
                let bytes = self.rest.chars().take(taken).map(char::len_utf8).sum();
                self.take(bytes);
            } else if self.rest.starts_with("${") {
                self.take(2);
                let length = end_of_hole(self.rest);
                let at = self.line;
                let hole = self.take(length);
                self.take(1);
                holes.push(match self.depth < MAX_DEPTH {
                    true => scan_from(hole, at, self.depth + 1),
                    false => Vec::new(),
                });
                texts.push(String::new());
            } else {
                texts.last_mut().expect("there is always one text").push(c);
                self.take(c.len_utf8());
            }
        }
        self.push(Token::Template(texts, holes), line);
    }

    fn begins_a_regex(&self) -> bool {
        match self.found.last() {
            None => true,
            Some(last) if last.is(")") => self.closed_a_head,
            Some(last) => !last.ends_a_value(),
        }
    }

    /// A regular expression ends in its line (section 12.9.5); one that does not is a division.
    fn regex(&mut self) -> bool {
        if self.in_vain > MAX_WASTED_BYTES {
            return false;
        }
        let (mut in_class, mut is_escaped) = (false, false);
        let mut read = 0;
        for (at, c) in self.rest.char_indices().skip(1) {
            read = at;
            match c {
                '\n' => break,
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    let line = self.line;
                    self.take(at + 1);
                    let flags = self.rest.find(|c| !is_of_a_name(c));
                    self.take(flags.unwrap_or(self.rest.len()));
                    self.push(Token::Other, line);
                    return true;
                }
                _ => {}
            }
        }
        self.in_vain += read;
        false
    }

    fn mark(&mut self, first: char) {
        let line = self.line;
        let Some(mark) = MARKS.iter().find(|mark| {
            self.rest.starts_with(**mark)
                // `a?.5:b` is a number after a question.
                && !(**mark == "?."
                    && self.rest[2..].starts_with(|c: char| c.is_ascii_digit()))
        }) else {
            self.take(first.len_utf8());
            return;
        };
        if *mark == "(" {
            let before = self.found.last().and_then(Lexeme::name);
            let heads = matches!(before, Some("if" | "while" | "for" | "with"));
            self.round.push(heads);
        } else if *mark == ")" {
            self.closed_a_head = self.round.pop().unwrap_or(false);
        }
        self.take(mark.len());
        self.push(Token::Mark(mark), line);
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '\u{200c}' | '\u{200d}')
}

/// Undoes the escape that a text begins with; how many characters it takes.
fn unescape(escape: &str, into: &mut String) -> usize {
    let mut chars = escape.chars().skip(1);
    let hex = |digits: &str| {
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
    };
    match chars.next() {
        None => 1,
        Some('\n') => 2,
        Some('\r') => match chars.next() {
            Some('\n') => 3,
            _ => 2,
        },
        Some('n') => put(into, '\n'),
        Some('t') => put(into, '\t'),
        Some('r') => put(into, '\r'),
        Some('x') => {
            let digits: String = chars.take(2).collect();
            into.extend(hex(&digits));
            2 + digits.chars().count()
        }
        Some('u') => {
            let rest: String = chars.take(10).collect();
            let digits: String = match rest.strip_prefix('{') {
                Some(braced) => braced.chars().take_while(|c| *c != '}').collect(),
                None => rest.chars().take(4).collect(),
            };
            into.extend(hex(&digits));
            2 + digits.chars().count() + 2 * usize::from(rest.starts_with('{'))
        }
        Some(other) => put(into, other),
    }
}

fn put(into: &mut String, c: char) -> usize {
    into.push(c);
    2
}

/// Where the hole of a template ends: at its closing brace, those of strings and of inner templates left out.
fn end_of_hole(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (_, '\\') => is_escaped = true,
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return at,
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    text.len()
}
